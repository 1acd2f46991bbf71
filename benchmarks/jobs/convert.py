"""Between PIL, NumPy, OpenCV and torch; integers and floats."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import torch
from PIL import Image

import aikit

from ..pictures import noise, pil
from ..timing import Contest, Goal, faster, not_slower, sets_for
from .registry import job, size_at

K = 1 / 255

_MEMORY = "Ours is near the floor: the memory allows no larger lead."
_WAKING = "The clock counts what it takes to wake a second thread, as long as the copy itself."
_BLOCKS = "Above 16 MB a picture has several blocks, which only Pillow's own packer reaches, for them as for us."


# ---------------------------------------------------------------- integers to floats and back


@job(
    "uint8 HWC to float32 CHW, 1920x1080",
    Goal("aikit to_tensor(out=)", 2.5),
    faster("aikit to_tensor(out=)", 2, "torchvision to_tensor"),
    why={
        "torch out.copy_(permute).mul_(k)": "Two calls in torch's own threads, which wait for work; ours wakes a second "
        "thread from 2 megapixels on.",
        "torchvision to_tensor": "Two threads share one way to memory, which ours has nearly filled with one.",
    },
)
def to_float(scale: float) -> Contest:
    import torchvision.transforms.functional as v1
    from torchvision.transforms.v2 import functional as v2

    height, width = size_at(scale)
    moved = height * width * (3 + 12)
    sets = sets_for(moved)
    arrays = [noise(height, width, 3, seed) for seed in range(sets)]
    outs = [torch.ones(3, height, width) for _ in range(sets)]
    return Contest(
        {
            "aikit to_tensor(out=)": lambda at: aikit.to_tensor(arrays[at], out=outs[at]),
            "aikit to_tensor": lambda at: aikit.to_tensor(arrays[at]),
            "torchvision to_tensor": lambda at: v1.to_tensor(arrays[at]),
            "torchvision v2 to_image, to_dtype": lambda at: v2.to_dtype(
                v2.to_image(arrays[at]), torch.float32, scale=True
            ),
            "torch permute.contiguous().float()/255": lambda at: (
                torch.from_numpy(arrays[at]).permute(2, 0, 1).contiguous().float() / 255
            ),
            "torch out.copy_(permute).mul_(k)": lambda at: (
                outs[at].copy_(torch.from_numpy(arrays[at]).permute(2, 0, 1)).mul_(K)
            ),
        },
        moved,
        sets,
        tolerance=1e-6,
        rivals=dict.fromkeys(
            [
                "torchvision to_tensor",
                "torchvision v2 to_image, to_dtype",
                "torch permute.contiguous().float()/255",
            ],
            "aikit to_tensor",
        ),
    )


@job(
    "float32 CHW to uint8 HWC, 1920x1080",
    Goal("aikit to_numpy(out=)", 3),
    faster("aikit to_numpy(out=)", 3, "torchvision to_pil_image"),
    faster("aikit to_pil", 3, "torchvision to_pil_image"),
)
def to_codes(scale: float) -> Contest:
    import torchvision.transforms.functional as v1

    height, width = size_at(scale)
    moved = height * width * (3 + 12)
    sets = sets_for(moved)
    tensors = [torch.rand(3, height, width, generator=torch.Generator().manual_seed(seed)) for seed in range(sets)]
    outs = [np.ones((height, width, 3), np.uint8) for _ in range(sets)]

    def rint_clip(at: int) -> Any:
        return np.clip(np.rint(tensors[at].permute(1, 2, 0).numpy() * 255), 0, 255).astype(np.uint8)

    def save_image(at: int) -> Any:
        return tensors[at].mul(255).add_(0.5).clamp_(0, 255).permute(1, 2, 0).to("cpu", torch.uint8).numpy()

    return Contest(
        {
            "aikit to_numpy(out=)": lambda at: aikit.to_numpy(tensors[at], dtype="uint8", out=outs[at]),
            "aikit to_numpy": lambda at: aikit.to_numpy(tensors[at], dtype="uint8"),
            "aikit to_pil": lambda at: aikit.to_pil(tensors[at], dtype="uint8"),
            "torchvision to_pil_image": lambda at: v1.to_pil_image(tensors[at]),
            "NumPy rint, clip, astype": rint_clip,
            "torchvision save_image style (result strided)": save_image,
        },
        moved,
        sets,
        loose={"torchvision to_pil_image": 1, "torchvision save_image style (result strided)": 1},
        rivals={
            "torchvision to_pil_image": "aikit to_pil",
            "NumPy rint, clip, astype": "aikit to_numpy",
            "torchvision save_image style (result strided)": "aikit to_numpy",
        },
    )


# ---------------------------------------------------------------- PIL, NumPy, OpenCV

HD, UHD = (1080, 1920), (2160, 3840)


# The lowest decorator comes first. "In the cache" is a picture that was touched just now, say decoded.


@job("PIL RGB to NumPy, 3840x2160 (several blocks)", not_slower("aikit to_numpy", "np.asarray (read-only)"), size=UHD)
@job(
    "PIL RGB to NumPy, 1920x1080 in the cache",
    faster("aikit to_numpy", 3, "np.asarray (read-only)"),
    why={"np.asarray (read-only)": _WAKING},
    cached=True,
)
@job(
    "PIL RGB to NumPy, 1920x1080 (one Pillow block)",
    faster("aikit to_numpy", 3, "np.asarray (read-only)"),
    why={"np.asarray (read-only)": _MEMORY},
)
def pil_to_numpy(scale: float, size: tuple[int, int] = HD, cached: bool = False) -> Contest:
    height, width = size_at(scale, *size)
    moved = height * width * (4 + 3)
    sets = sets_for(moved)
    images = [pil(noise(height, width, 3, seed)) for seed in range(sets)]
    outs = [np.ones((height, width, 3), np.uint8) for _ in range(sets)]
    return Contest(
        {
            "aikit to_numpy": lambda at: aikit.to_numpy(images[at]),
            "aikit to_numpy(out=)": lambda at: aikit.to_numpy(images[at], out=outs[at]),
            "np.asarray (read-only)": lambda at: np.asarray(images[at]),
            "np.array": lambda at: np.array(images[at]),
        },
        moved,
        sets,
        cached=cached,
    )


_ASARRAY_BGR = "cv2.cvtColor(np.asarray(img), RGB2BGR)"
_FROMARRAY_BGR = "Image.fromarray(cv2.cvtColor(array, BGR2RGB))"


@job("PIL RGB to OpenCV, 3840x2160", faster("aikit to_cv2", 3, _ASARRAY_BGR), why={_ASARRAY_BGR: _BLOCKS}, size=UHD)
@job(
    "PIL RGB to OpenCV, 1920x1080 in the cache",
    faster("aikit to_cv2", 3, _ASARRAY_BGR),
    why={_ASARRAY_BGR: _WAKING},
    cached=True,
)
@job("PIL RGB to OpenCV, 1920x1080", faster("aikit to_cv2", 3, _ASARRAY_BGR), why={_ASARRAY_BGR: _MEMORY})
def pil_to_cv2(scale: float, size: tuple[int, int] = HD, cached: bool = False) -> Contest:
    height, width = size_at(scale, *size)
    moved = height * width * (4 + 3)
    sets = sets_for(moved)
    images = [pil(noise(height, width, 3, seed)) for seed in range(sets)]
    outs = [np.ones((height, width, 3), np.uint8) for _ in range(sets)]
    return Contest(
        {
            "aikit to_cv2": lambda at: aikit.to_cv2(images[at]),
            "aikit to_cv2(out=)": lambda at: aikit.to_cv2(images[at], out=outs[at]),
            _ASARRAY_BGR: lambda at: cv2.cvtColor(np.asarray(images[at]), cv2.COLOR_RGB2BGR),
            "np.array(img)[:, :, ::-1].copy()": lambda at: np.array(images[at])[:, :, ::-1].copy(),
        },
        moved,
        sets,
        cached=cached,
    )


@job(
    "OpenCV to PIL RGB, 3840x2160",
    not_slower("aikit to_pil(bgr=True)", _FROMARRAY_BGR),
    why={_FROMARRAY_BGR: "Above 16 MB bands go through bytes into Pillow's blocks and are pasted there: a copy more."},
    size=UHD,
)
@job("OpenCV to PIL RGB, 1920x1080", not_slower("aikit to_pil(bgr=True)", _FROMARRAY_BGR))
def cv2_to_pil(scale: float, size: tuple[int, int] = HD) -> Contest:
    height, width = size_at(scale, *size)
    moved = height * width * (3 + 4)
    sets = sets_for(moved)
    arrays = [noise(height, width, 3, seed) for seed in range(sets)]
    return Contest(
        {
            "aikit to_pil(bgr=True)": lambda at: aikit.to_pil(arrays[at], bgr=True),
            _FROMARRAY_BGR: lambda at: Image.fromarray(cv2.cvtColor(arrays[at], cv2.COLOR_BGR2RGB)),
        },
        moved,
        sets,
    )


@job("PIL to float32 tensor, 3840x2160")
def pil_to_tensor(scale: float) -> Contest:
    import torchvision.transforms.functional as v1

    height, width = size_at(scale, *UHD)
    moved = height * width * (4 + 12)
    sets = sets_for(moved)
    images = [pil(noise(height, width, 3, seed)) for seed in range(sets)]
    outs = [torch.ones(3, height, width) for _ in range(sets)]
    return Contest(
        {
            "aikit to_tensor(out=)": lambda at: aikit.to_tensor(images[at], out=outs[at]),
            "aikit to_tensor": lambda at: aikit.to_tensor(images[at]),
            "torchvision to_tensor": lambda at: v1.to_tensor(images[at]),
        },
        moved,
        sets,
        tolerance=1e-6,
        rivals={"torchvision to_tensor": "aikit to_tensor"},
    )
