"""Other sizes."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from PIL import Image

import aikit

from ..pictures import cut_out, noise, pil
from ..timing import Contest, Goal, faster, not_slower, sets_for
from .registry import job, size_at

_THERE_AND_BACK = "Pillow's own kernel: an array has to become a picture of four bytes a pixel, and an array again."
_OUR_OWN = "Where torch has no Lanczos for bytes (before 2.15), tensors go through float planes."
_SHORT = "Our products are short, and threads of Python wait for each other between them; one thread is as fast as two."
_PREMULTIPLIED = "Pillow premultiplies in 8 bits and loses colors under a faint alpha; ours does it in float32."

_FILTERS = {"bicubic": Image.Resampling.BICUBIC, "lanczos": Image.Resampling.LANCZOS}


def _interpolate(tensor: Any, height: int, width: int) -> Any:
    return torch.nn.functional.interpolate(tensor[None], (height, width), mode="bicubic", antialias=True)[0]


@job(
    "resize uint8 RGB to half, lanczos, 1920x1080",
    *(not_slower(f"aikit resize ({kind})", "Pillow") for kind in ("NumPy", "PIL", "torch")),
    why={"Pillow": f"{_THERE_AND_BACK} {_OUR_OWN}"},
    method="lanczos",
)
@job(
    "resize uint8 RGB to half, bicubic, 1920x1080",
    *(not_slower(f"aikit resize ({kind})", "Pillow") for kind in ("NumPy", "PIL", "torch")),
    why={
        "Pillow": _THERE_AND_BACK,
        "torch interpolate, uint8, antialias": "The same kernel; ours is the call around it.",
    },
    method="bicubic",
)
def rgb_to_half(scale: float, method: str) -> Contest:
    height, width = size_at(scale)
    half = height // 2, width // 2
    moved = height * width * 3 * 5 // 4
    sets = sets_for(moved)
    arrays = [noise(height, width, 3, seed) for seed in range(sets)]
    pictures = [pil(one) for one in arrays]
    tensors = [torch.from_numpy(one).permute(2, 0, 1).contiguous() for one in arrays]

    def ours(image: Any) -> Any:
        return aikit.resize(image, height=half[0], width=half[1], method=method)  # type: ignore[arg-type]

    entries = {
        "aikit resize (NumPy)": lambda at: ours(arrays[at]),
        "aikit resize (PIL)": lambda at: ours(pictures[at]),
        "aikit resize (torch)": lambda at: ours(tensors[at]).movedim(0, -1),
        "Pillow": lambda at: pictures[at].resize(half[::-1], _FILTERS[method]),
    }
    rivals = {"Pillow": "aikit resize (PIL)"}
    if method == "bicubic":
        rivals["torch interpolate, uint8, antialias"] = "aikit resize (torch)"
        entries["torch interpolate, uint8, antialias"] = lambda at: _interpolate(tensors[at], *half).movedim(0, -1)
    return Contest(
        entries,
        moved,
        sets,
        tolerance=1,
        loose={"torch interpolate, uint8, antialias": 255},
        rivals=rivals,
    )


@job(
    "resize uint8 RGBA to half, lanczos, 1920x1080",
    Goal("aikit resize (NumPy)", 1.5, "Pillow (8-bit premultiplied)"),
    Goal("aikit resize (PIL)", 1.5, "Pillow (8-bit premultiplied)"),
    why={"Pillow (8-bit premultiplied)": _PREMULTIPLIED},
    factor=0.5,
)
@job(
    "resize uint8 RGBA to double, lanczos, 960x540",
    Goal("aikit resize (NumPy)", 1.5, "Pillow (8-bit premultiplied)"),
    Goal("aikit resize (PIL)", 1.5, "Pillow (8-bit premultiplied)"),
    why={"Pillow (8-bit premultiplied)": _PREMULTIPLIED},
    factor=2,
)
def rgba(scale: float, factor: float) -> Contest:
    height, width = size_at(scale / max(1, factor))
    new = int(height * factor), int(width * factor)
    moved = 4 * (height * width + new[0] * new[1])
    sets = sets_for(moved)
    arrays = [cut_out(height, width, seed) for seed in range(sets)]
    pictures = [pil(one) for one in arrays]
    return Contest(
        {
            "aikit resize (NumPy)": lambda at: aikit.resize(arrays[at], height=new[0], width=new[1]),
            "aikit resize (PIL)": lambda at: aikit.resize(pictures[at], height=new[0], width=new[1]),
            "Pillow (8-bit premultiplied)": lambda at: pictures[at].resize(new[::-1], _FILTERS["lanczos"]),
        },
        moved,
        sets,
        tolerance=1,
        loose={"Pillow (8-bit premultiplied)": 255},  # colors under a faint alpha
        rivals={"Pillow (8-bit premultiplied)": "aikit resize (PIL)"},
    )


@job(
    "resize a batch of 32 to half, lanczos, float32, 512x512",
    faster("aikit resize", 3, "each through Pillow"),
    why={
        "torch interpolate, bicubic, antialias": f"Bicubic has 8 taps here, Lanczos 12. {_SHORT}",
        "each through Pillow": _SHORT,
    },
)
def batch_to_half(scale: float) -> Contest:
    side = size_at(scale, 512, 512)[0] // 2 * 2
    batches = [torch.rand(32, 3, side, side, generator=torch.Generator().manual_seed(seed)) for seed in range(2)]

    def through_pillow(at: int) -> Any:
        import torchvision.transforms.functional as v1

        small = [v1.to_pil_image(one).resize((side // 2, side // 2), _FILTERS["lanczos"]) for one in batches[at]]
        return torch.stack([v1.to_tensor(one) for one in small])

    def interpolate(at: int) -> Any:
        return torch.nn.functional.interpolate(batches[at], scale_factor=0.5, mode="bicubic", antialias=True)

    return Contest(
        {
            "aikit resize": lambda at: aikit.resize(batches[at], scale=0.5),
            "each through Pillow": through_pillow,
            "torch interpolate, bicubic, antialias": interpolate,
        },
        batches[0].nbytes * 5 // 4,
        2,
        loose={"each through Pillow": 1.0, "torch interpolate, bicubic, antialias": 2.0},
        tolerance=1e-6,
    )


@job(
    "resize a uint8 batch of 32 to half, lanczos, 512x512",
    why={"torch interpolate, bicubic, antialias": f"Bicubic has 8 taps here, Lanczos 12. {_OUR_OWN}"},
)
def code_batch_to_half(scale: float) -> Contest:
    side = size_at(scale, 512, 512)[0] // 2 * 2
    rng = np.random.default_rng(0)
    batch = torch.from_numpy(rng.integers(0, 256, (32, 3, side, side), np.uint8))

    def through_pillow(at: int) -> Any:
        pictures = batch.permute(0, 2, 3, 1).contiguous().numpy()
        small = [Image.fromarray(one).resize((side // 2, side // 2), _FILTERS["lanczos"]) for one in pictures]
        return torch.from_numpy(np.stack(small)).permute(0, 3, 1, 2).contiguous()

    return Contest(
        {
            "aikit resize": lambda at: aikit.resize(batch, scale=0.5),
            "each through Pillow": through_pillow,
            "torch interpolate, bicubic, antialias": lambda at: torch.nn.functional.interpolate(
                batch, scale_factor=0.5, mode="bicubic", antialias=True
            ),
        },
        batch.nbytes * 5 // 4,
        1,
        tolerance=1,
        loose={"torch interpolate, bicubic, antialias": 255},
    )
