"""Transparency."""

from __future__ import annotations

import warnings
from functools import partial
from typing import Any

import cv2
import numpy as np
from PIL import Image

import aikit

from ..pictures import cut_out, noise, on_white, pil
from ..timing import Contest, Goal, faster, not_slower, sets_for
from .registry import job, size_at

K = 1 / 255


# ---------------------------------------------------------------- transparency

ALPHAS = {"noise": partial(noise, channels=4), "cut-out": cut_out}


def _flatten_goals() -> tuple[Goal, ...]:
    return faster("aikit flatten", 2, "Image.alpha_composite"), not_slower("aikit flatten", "Image.paste(mask)")


@job("flatten RGBA in PIL, alpha noise, 1920x1080", *_flatten_goals(), alpha="noise", kind="pil")
@job(
    "flatten RGBA in PIL, alpha of a cut-out, 1920x1080",
    *_flatten_goals(),
    why={"Image.alpha_composite": "On transparent pixels Pillow's loop skips the arithmetic; ours does not."},
    alpha="cut-out",
    kind="pil",
)
@job("flatten RGBA in NumPy, alpha noise, 1920x1080", *_flatten_goals(), alpha="noise", kind="numpy")
@job("flatten RGBA in NumPy, alpha of a cut-out, 1920x1080", *_flatten_goals(), alpha="cut-out", kind="numpy")
def flatten(scale: float, alpha: str, kind: str) -> Contest:
    from skimage.color import rgba2rgb

    height, width = size_at(scale)
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


@job(
    "make_transparent in PIL, 1000x1000",
    *_key_goals(),
    why={
        _OPENCV_KEY: "It begins and ends with arrays, where ours reads and fills Pillow's memory.",
        _PIXEL_LOOP: "It takes some 130 ms, of which ours is a ninetieth to a hundred-and-twentieth, by the day.",
    },
    kind="pil",
)
@job("make_transparent in NumPy, 1000x1000", *_key_goals(), kind="numpy")
def make_transparent(scale: float, kind: str) -> Contest:
    height, width = size_at(scale, 1000, 1000)
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


def _rgba_in_and_out(scale: float) -> tuple[list[Any], int, int]:
    height, width = size_at(scale)
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
        rivals={"Image.convert('RGBa')": "aikit premultiply (PIL)"},
    )


@job(
    "unpremultiply uint8 RGBA, 1920x1080",
    why={
        "Image.convert('RGBA') from RGBa": "Pillow cuts off the quotient of two integers, up to a code too dark; ours "
        "rounds it exactly, plane by plane."
    },
)
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
    height, width = size_at(scale)
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


@job(
    "composite uint8 RGBA over RGBA, 1920x1080",
    why={
        "Image.alpha_composite": "One pass of integers, with 7 bits beyond the code for the blend factor: colors under a "
        "faint alpha are lost. Ours takes the pixels that are half transparent out and divides by the joint alpha in float32."
    },
)
def composite_over(scale: float) -> Contest:
    height, width = size_at(scale)
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
        rivals={"Image.alpha_composite": "aikit composite (PIL)"},
    )


@job(
    "estimate_foreground uint8 RGBA, 1000x1000",
    why={
        "pymatting estimate_foreground_ml": "Numba compiles its loops for this processor; ours are whole-array passes, "
        "which run on tensors and with gradients too."
    },
)
def estimate_foreground(scale: float) -> Contest:
    from pymatting import estimate_foreground_ml

    height, width = size_at(scale, 1000, 1000)
    moved = height * width * 8
    arrays = [cut_out(height, width, seed) for seed in range(2)]

    def pymatting(at: int) -> Any:
        floats = arrays[at] / 255
        colors = estimate_foreground_ml(floats[..., :3], floats[..., 3])
        return np.dstack([np.rint(colors * 255).astype(np.uint8), arrays[at][..., 3]])

    return Contest(
        {
            "aikit estimate_foreground": lambda at: aikit.alpha.estimate_foreground(arrays[at]),
            "pymatting estimate_foreground_ml": pymatting,
        },
        moved,
        2,
        loose={"pymatting estimate_foreground_ml": 255},  # two ways to the same minimum, stopped early
    )
