"""The jobs: what is compared with what, and what aikit promises.

A job's function takes `scale` (1 for the size in its title; the tests take less) and returns a Contest.
Entries whose name starts with "aikit" are ours. Each entry gives the finished result that its name promises.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import cv2
import numpy as np
import torch
from PIL import Image

import aikit

from .pictures import cut_out, noise, on_white, pil
from .timing import Contest, Goal, faster, not_slower, sets_for

K = 1 / 255


@dataclass(frozen=True)
class Job:
    title: str
    goals: tuple[Goal, ...]
    setup: Callable[[float], Contest]


JOBS: list[Job] = []


def job(title: str, *goals: Goal, **options: Any) -> Callable[[Callable[..., Contest]], Callable[..., Contest]]:
    def add(setup: Callable[..., Contest]) -> Callable[..., Contest]:
        JOBS.append(Job(title, goals, partial(setup, **options)))
        return setup

    return add


def _size(scale: float, height: int = 1080, width: int = 1920) -> tuple[int, int]:
    return max(8, round(height * scale)), max(8, round(width * scale))


# ---------------------------------------------------------------- integers to floats and back


@job(
    "uint8 HWC to float32 CHW, 1920x1080",
    Goal("aikit to_tensor(out=)", 2.5),
    faster("aikit to_tensor(out=)", 2, "torchvision to_tensor"),
)
def to_float(scale: float) -> Contest:
    import torchvision.transforms.functional as v1
    from torchvision.transforms.v2 import functional as v2

    height, width = _size(scale)
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
    )


@job(
    "float32 CHW to uint8 HWC, 1920x1080",
    Goal("aikit to_numpy(out=)", 3),
    faster("aikit to_numpy(out=)", 3, "torchvision to_pil_image"),
    faster("aikit to_pil", 3, "torchvision to_pil_image"),
)
def to_codes(scale: float) -> Contest:
    import torchvision.transforms.functional as v1

    height, width = _size(scale)
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
    )


# ---------------------------------------------------------------- PIL, NumPy, OpenCV

HD, UHD = (1080, 1920), (2160, 3840)


# The lowest decorator comes first. "In the cache" is a picture that was touched just now, say decoded.


@job("PIL RGB to NumPy, 3840x2160 (several blocks)", not_slower("aikit to_numpy", "np.asarray (read-only)"), size=UHD)
@job("PIL RGB to NumPy, 1920x1080 in the cache", faster("aikit to_numpy", 3, "np.asarray (read-only)"), cached=True)
@job("PIL RGB to NumPy, 1920x1080 (one Pillow block)", faster("aikit to_numpy", 3, "np.asarray (read-only)"))
def pil_to_numpy(scale: float, size: tuple[int, int] = HD, cached: bool = False) -> Contest:
    height, width = _size(scale, *size)
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


@job("PIL RGB to OpenCV, 3840x2160", faster("aikit to_cv2", 3, _ASARRAY_BGR), size=UHD)
@job("PIL RGB to OpenCV, 1920x1080 in the cache", faster("aikit to_cv2", 3, _ASARRAY_BGR), cached=True)
@job("PIL RGB to OpenCV, 1920x1080", faster("aikit to_cv2", 3, _ASARRAY_BGR))
def pil_to_cv2(scale: float, size: tuple[int, int] = HD, cached: bool = False) -> Contest:
    height, width = _size(scale, *size)
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


@job("OpenCV to PIL RGB, 3840x2160", not_slower("aikit to_pil(bgr=True)", _FROMARRAY_BGR), size=UHD)
@job("OpenCV to PIL RGB, 1920x1080", not_slower("aikit to_pil(bgr=True)", _FROMARRAY_BGR))
def cv2_to_pil(scale: float, size: tuple[int, int] = HD) -> Contest:
    height, width = _size(scale, *size)
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


# ---------------------------------------------------------------- transparency

ALPHAS = {"noise": partial(noise, channels=4), "cut-out": cut_out}


def _flatten_goals() -> tuple[Goal, ...]:
    return faster("aikit flatten", 2, "Image.alpha_composite"), not_slower("aikit flatten", "Image.paste(mask)")


@job("flatten RGBA in PIL, alpha noise, 1920x1080", *_flatten_goals(), alpha="noise", kind="pil")
@job("flatten RGBA in PIL, alpha of a cut-out, 1920x1080", *_flatten_goals(), alpha="cut-out", kind="pil")
@job("flatten RGBA in NumPy, alpha noise, 1920x1080", *_flatten_goals(), alpha="noise", kind="numpy")
@job("flatten RGBA in NumPy, alpha of a cut-out, 1920x1080", *_flatten_goals(), alpha="cut-out", kind="numpy")
def flatten(scale: float, alpha: str, kind: str) -> Contest:
    from skimage.color import rgba2rgb

    height, width = _size(scale)
    moved = height * width * (4 + (3 if kind == "numpy" else 4))
    sets = sets_for(moved)
    arrays = [ALPHAS[alpha](height, width, seed=seed) for seed in range(sets)]
    images = [pil(array) for array in arrays]
    # In NumPy a user of Pillow goes there and back.
    start = Image.fromarray if kind == "numpy" else lambda image: image
    end = np.asarray if kind == "numpy" else lambda image: image
    given = arrays if kind == "numpy" else images

    def alpha_composite(at: int) -> Any:
        image = start(given[at])
        white = Image.new("RGBA", image.size, "white")
        return end(Image.alpha_composite(white, image).convert("RGB"))

    def paste(at: int) -> Any:
        image = start(given[at])
        white = Image.new("RGB", image.size, "white")
        white.paste(image, mask=image.getchannel("A"))
        return end(white)

    def scikit_image(at: int) -> Any:
        result = np.rint(rgba2rgb(np.asarray(given[at])) * 255).astype(np.uint8)
        return result if kind == "numpy" else Image.fromarray(result)

    return Contest(
        {
            "aikit flatten": lambda at: aikit.flatten(given[at]),
            "Image.alpha_composite": alpha_composite,
            "Image.paste(mask)": paste,
            "scikit-image rgba2rgb": scikit_image,
        },
        moved,
        sets,
        loose={"Image.alpha_composite": 1, "Image.paste(mask)": 1},
    )


_OPENCV_KEY = "OpenCV inRange, split, merge"
_PIXEL_LOOP = "getdata loop in Python"


def _key_goals() -> tuple[Goal, ...]:
    return faster("aikit make_transparent", 100, _PIXEL_LOOP), Goal("aikit make_transparent", 3, _OPENCV_KEY)


@job("make_transparent in PIL, 1000x1000", *_key_goals(), kind="pil")
@job("make_transparent in NumPy, 1000x1000", *_key_goals(), kind="numpy")
def make_transparent(scale: float, kind: str) -> Contest:
    height, width = _size(scale, 1000, 1000)
    moved = height * width * ((3 if kind == "numpy" else 4) + 4)
    sets = sets_for(moved)
    arrays = [on_white(height, width, seed) for seed in range(sets)]
    images = [pil(array) for array in arrays]
    given = arrays if kind == "numpy" else images

    def opencv(at: int) -> Any:
        near = cv2.inRange(arrays[at], (250, 250, 250), (255, 255, 255))
        return cv2.merge([*cv2.split(arrays[at]), cv2.bitwise_not(near)])

    def pixel_loop(at: int) -> Any:
        image = images[at].convert("RGBA")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # the recipe is older than the warning
            pixels = image.getdata()
            changed = []  # the recipe as people have it
            for red, green, blue, alpha in pixels:
                if red >= 250 and green >= 250 and blue >= 250:
                    changed.append((red, green, blue, 0))
                else:
                    changed.append((red, green, blue, alpha))
            image.putdata(changed)
        return image

    return Contest(
        {
            "aikit make_transparent": lambda at: aikit.make_transparent(given[at], color="white", tolerance=5 / 255),
            _OPENCV_KEY: opencv,
            _PIXEL_LOOP: pixel_loop,
        },
        moved,
        sets,
    )


# ---------------------------------------------------------------- batches


@job("batch of 32, uint8 NHWC to float32 NCHW, 512x512")
def batch_to_float(scale: float) -> Contest:
    import torchvision.transforms.functional as v1

    height, width = _size(scale, 512, 512)
    count = max(2, round(32 * scale))
    moved = count * height * width * (3 + 12)
    sets = sets_for(moved)
    arrays = [noise(count * height, width, 3, seed).reshape(count, height, width, 3) for seed in range(sets)]
    outs = [torch.ones(count, 3, height, width) for _ in range(sets)]
    return Contest(
        {
            "aikit to_tensor(out=)": lambda at: aikit.to_tensor(arrays[at], out=outs[at]),
            "aikit to_tensor": lambda at: aikit.to_tensor(arrays[at]),
            "torchvision to_tensor in a loop, stack": lambda at: torch.stack([v1.to_tensor(one) for one in arrays[at]]),
            "torch out.copy_(permute).mul_(k)": lambda at: (
                outs[at].copy_(torch.from_numpy(arrays[at]).permute(0, 3, 1, 2)).mul_(K)
            ),
            "torch permute.contiguous().float().div_(255)": lambda at: (
                torch.from_numpy(arrays[at]).permute(0, 3, 1, 2).contiguous().float().div_(255)
            ),
        },
        moved,
        sets,
        tolerance=1e-6,
    )


@job("batch of 32, float32 NCHW to uint8 NHWC, 512x512")
def batch_to_codes(scale: float) -> Contest:
    import torchvision.transforms.functional as v1

    height, width = _size(scale, 512, 512)
    count = max(2, round(32 * scale))
    moved = count * height * width * (3 + 12)
    sets = sets_for(moved)
    tensors = [torch.rand(count, 3, height, width, generator=torch.Generator().manual_seed(n)) for n in range(sets)]
    outs = [np.ones((count, height, width, 3), np.uint8) for _ in range(sets)]

    def whole(at: int) -> Any:
        codes = tensors[at].mul(255).round_().clamp_(0, 255).to(torch.uint8)
        return codes.permute(0, 2, 3, 1).contiguous().numpy()

    return Contest(
        {
            "aikit to_numpy(out=)": lambda at: aikit.to_numpy(tensors[at], dtype="uint8", out=outs[at]),
            "aikit to_numpy": lambda at: aikit.to_numpy(tensors[at], dtype="uint8"),
            "torchvision to_pil_image in a loop, stack": lambda at: np.stack(
                [np.asarray(v1.to_pil_image(one)) for one in tensors[at]]
            ),
            "torch mul, round, clamp, to, permute": whole,
        },
        moved,
        sets,
        loose={"torchvision to_pil_image in a loop, stack": 1},
    )


# ---------------------------------------------------------------- for the record


@job("PIL to float32 tensor, 3840x2160")
def pil_to_tensor(scale: float) -> Contest:
    import torchvision.transforms.functional as v1

    height, width = _size(scale, *UHD)
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
    )


def _rgba_in_and_out(scale: float) -> tuple[list[Any], int, int]:
    height, width = _size(scale)
    moved = height * width * 8
    sets = sets_for(moved)
    return [cut_out(height, width, seed) for seed in range(sets)], moved, sets


@job("premultiply uint8 RGBA, 1920x1080")
def premultiply(scale: float) -> Contest:
    arrays, moved, sets = _rgba_in_and_out(scale)
    images = [pil(array) for array in arrays]

    def numpy_float(at: int) -> Any:
        rgba = arrays[at].astype(np.float32) / 255
        rgba[..., :3] *= rgba[..., 3:]
        return np.rint(rgba * 255).astype(np.uint8)

    return Contest(
        {
            "aikit premultiply (NumPy)": lambda at: aikit.premultiply(arrays[at]),
            "aikit premultiply (PIL)": lambda at: aikit.premultiply(images[at]),
            "Image.convert('RGBa')": lambda at: images[at].convert("RGBa"),
            "NumPy in float32": numpy_float,
        },
        moved,
        sets,
        loose={"Image.convert('RGBa')": 1},
    )


@job("unpremultiply uint8 RGBA, 1920x1080")
def unpremultiply(scale: float) -> Contest:
    arrays, moved, sets = _rgba_in_and_out(scale)
    arrays = [aikit.premultiply(array) for array in arrays]
    images = [Image.frombytes("RGBa", array.shape[1::-1], array.tobytes()) for array in arrays]

    def numpy_float(at: int) -> Any:
        rgba = arrays[at].astype(np.float32) / 255
        alpha = rgba[..., 3:]
        rgba[..., :3] = np.divide(rgba[..., :3], alpha, out=np.zeros_like(rgba[..., :3]), where=alpha > 0)
        return np.rint(np.clip(rgba, 0, 1) * 255).astype(np.uint8)

    return Contest(
        {
            "aikit unpremultiply (NumPy)": lambda at: aikit.unpremultiply(arrays[at]),
            "Image.convert('RGBA') from RGBa": lambda at: images[at].convert("RGBA"),
            "NumPy in float32": numpy_float,
        },
        moved,
        sets,
        loose={"Image.convert('RGBA') from RGBa": 1, "NumPy in float32": 1},
    )


@job("color_to_alpha uint8 RGB, 1920x1080")
def color_to_alpha(scale: float) -> Contest:
    height, width = _size(scale)
    moved = height * width * (3 + 4)
    sets = sets_for(moved)
    arrays = [on_white(height, width, seed) for seed in range(sets)]

    def numpy_float(at: int) -> Any:
        rgb = arrays[at].astype(np.float32) / 255
        alpha = (1 - rgb).max(-1, keepdims=True)
        pure = np.divide(rgb - (1 - alpha), alpha, out=np.zeros_like(rgb), where=alpha > 0)
        return np.rint(np.clip(np.concatenate([pure, alpha], -1), 0, 1) * 255).astype(np.uint8)

    return Contest(
        {
            "aikit color_to_alpha": lambda at: aikit.color_to_alpha(arrays[at], color="white"),
            "NumPy in float32, white only": numpy_float,
        },
        moved,
        sets,
        tolerance=1,
    )


@job("composite uint8 RGBA over RGBA, 1920x1080")
def composite_over(scale: float) -> Contest:
    height, width = _size(scale)
    moved = height * width * 12
    sets = sets_for(moved)
    above = [cut_out(height, width, seed) for seed in range(sets)]
    below = [noise(height, width, 4, seed + 100) for seed in range(sets)]
    pictures = [(pil(one), pil(two)) for one, two in zip(above, below, strict=True)]
    return Contest(
        {
            "aikit composite (NumPy)": lambda at: aikit.composite(above[at], below[at]),
            "aikit composite (PIL)": lambda at: aikit.composite(*pictures[at]),
            "Image.alpha_composite": lambda at: Image.alpha_composite(pictures[at][1], pictures[at][0]),
        },
        moved,
        sets,
        # Pillow keeps 7 bits beyond the code of its blend factors: colors under a faint alpha differ.
        loose={"Image.alpha_composite": 255},
    )


@job("estimate_foreground uint8 RGBA, 1000x1000")
def estimate_foreground(scale: float) -> Contest:
    from pymatting import estimate_foreground_ml

    height, width = _size(scale, 1000, 1000)
    moved = height * width * 8
    arrays = [cut_out(height, width, seed) for seed in range(2)]

    def pymatting(at: int) -> Any:
        floats = arrays[at] / 255
        colors = estimate_foreground_ml(floats[..., :3], floats[..., 3])
        return np.dstack([np.rint(colors * 255).astype(np.uint8), arrays[at][..., 3]])

    return Contest(
        {
            "aikit estimate_foreground": lambda at: aikit.estimate_foreground(arrays[at]),
            "pymatting estimate_foreground_ml": pymatting,
        },
        moved,
        2,
        loose={"pymatting estimate_foreground_ml": 255},  # two ways to the same minimum, stopped early
    )


from . import svg as svg  # noqa: E402 - adds its jobs to the list
