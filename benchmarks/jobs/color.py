"""Color spaces, on 1080p pictures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import torch

import aikit

from ..pictures import noise, pil
from ..timing import Contest, Goal, faster, sets_for
from .registry import job, size_at

K = np.float32(1 / 255)

# Peers with other units of hue, another range or rounded constants; OpenCV's Lab is off by up to 0.46.
OTHER_UNITS = 500.0

_EAGER = "The same sums. Torch splits whole planes among its threads; ours are bands in the cache, which need Python in between."
_TABLES = (
    "OpenCV interpolates in tables of the curves, off by up to {}; ours works the curves out to float32's precision."
)


def _pictures(scale: float) -> tuple[list[Any], list[Any], list[Any], int, int]:
    """Codes, the same as floats, the same as tensors; bytes moved by float32 to float32; sets."""
    height, width = size_at(scale)
    moved = height * width * 24
    sets = sets_for(moved)
    codes = [noise(height, width, 3, seed) for seed in range(sets)]
    floats = [one.astype(np.float32) * K for one in codes]
    tensors = [torch.from_numpy(one).permute(2, 0, 1).contiguous() for one in floats]
    return codes, floats, tensors, moved, sets


def _to_channels_last(convert: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda tensor: convert(tensor).movedim(-3, -1)


def _contest(name: str, scale: float, peers: dict[str, tuple[str, Callable[[Any], Any]]], tolerance: float) -> Contest:
    """One of our functions, in NumPy and in torch, beside peers that take "floats" or "tensors"."""
    codes, floats, tensors, moved, sets = _pictures(scale)
    given = {"codes": codes, "floats": floats, "tensors": tensors}
    ours = getattr(aikit.color, name)
    entries: dict[str, Callable[[int], Any]] = {
        f"aikit {name} (NumPy)": lambda at: ours(floats[at]),
        # A view; so that all results can be compared.
        f"aikit {name} (torch)": lambda at: _to_channels_last(ours)(tensors[at]),
    }
    for title, (kind, call) in peers.items():
        entries[title] = lambda at, call=call, kind=kind: call(given[kind][at])
    of_tensors = [title for title, (kind, _) in peers.items() if kind == "tensors"]
    return Contest(
        entries,
        moved,
        sets,
        tolerance=tolerance,
        loose=dict.fromkeys(peers, OTHER_UNITS),
        rivals=dict.fromkeys(of_tensors, f"aikit {name} (torch)"),
    )


def _kornia(name: str) -> tuple[str, Callable[[Any], Any]]:
    import kornia

    return "tensors", _to_channels_last(getattr(kornia.color, name))


def _skimage(name: str) -> tuple[str, Callable[[Any], Any]]:
    import skimage.color

    return "floats", getattr(skimage.color, name)


def _opencv(code: int) -> tuple[str, Callable[[Any], Any]]:
    return "floats", lambda array: cv2.cvtColor(array, code)


def _colour(name: str) -> tuple[str, Callable[[Any], Any]]:
    import colour

    convert = getattr(colour, name)
    return "floats", lambda array: convert(colour.sRGB_to_XYZ(array))


@job(
    "RGB to HSV, float32, 1920x1080",
    Goal("aikit rgb_to_hsv (NumPy)", 1.5, "OpenCV"),
    faster("aikit rgb_to_hsv (NumPy)", 10, "kornia"),
    faster("aikit rgb_to_hsv (NumPy)", 10, "scikit-image"),
    why={
        "OpenCV": "One pass, with hues off by degrees for pale and dark colors. Ours looks for odd values, brightens, "
        "has OpenCV convert, and scales back: four passes.",
        "kornia": "Two threads share one way to memory, which ours has filled already with one.",
    },
)
def hsv(scale: float) -> Contest:
    peers = {"OpenCV": _opencv(cv2.COLOR_RGB2HSV), "kornia": _kornia("rgb_to_hsv"), "scikit-image": _skimage("rgb2hsv")}
    return _contest("rgb_to_hsv", scale, peers, 1e-3)


@job(
    "RGB to Lab, float32, 1920x1080",
    Goal("aikit rgb_to_lab (NumPy)", 1.5, "OpenCV (off by up to 0.46)"),
    faster("aikit rgb_to_lab (NumPy)", 3, "kornia"),
    faster("aikit rgb_to_lab (NumPy)", 3, "scikit-image"),
    why={
        "OpenCV (off by up to 0.46)": _TABLES.format("0.46 of a unit"),
        "kornia": _EAGER,
        "scikit-image": "Two powers a channel are nearly all of the work, for scikit-image as for us.",
    },
)
def lab(scale: float) -> Contest:
    peers = {
        "OpenCV (off by up to 0.46)": _opencv(cv2.COLOR_RGB2Lab),
        "kornia": _kornia("rgb_to_lab"),
        "scikit-image": _skimage("rgb2lab"),
    }
    return _contest("rgb_to_lab", scale, peers, 1e-3)


@job(
    "RGB to Lab, uint8 to float32, 1920x1080",
    faster("aikit rgb_to_lab, uint8", 1, "aikit rgb_to_lab, float32"),
    why={"OpenCV after astype * 1/255 (off by up to 0.46)": _TABLES.format("0.46 of a unit")},
)
def lab_from_codes(scale: float) -> Contest:
    codes, floats, _, _, sets = _pictures(scale)

    def opencv(at: int) -> Any:
        return cv2.cvtColor(codes[at].astype(np.float32) * K, cv2.COLOR_RGB2Lab)

    return Contest(
        {
            "aikit rgb_to_lab, uint8": lambda at: aikit.rgb_to_lab(codes[at]),
            "aikit rgb_to_lab, float32": lambda at: aikit.rgb_to_lab(floats[at]),
            "OpenCV after astype * 1/255 (off by up to 0.46)": opencv,
        },
        codes[0].size * 5,
        sets,
        tolerance=1e-3,
        loose={"OpenCV after astype * 1/255 (off by up to 0.46)": 1.0},
    )


@job("RGB to OKLab, float32, 1920x1080", faster("aikit rgb_to_oklab (NumPy)", 3, "colour-science"))
def oklab(scale: float) -> Contest:
    return _contest("rgb_to_oklab", scale, {"colour-science": _colour("XYZ_to_Oklab")}, 1e-5)


@job(
    "RGB to Luv, float32, 1920x1080",
    faster("aikit rgb_to_luv (NumPy)", 3, "kornia"),
    why={"OpenCV": _TABLES.format("0.03 of a unit"), "kornia": _EAGER},
)
def luv(scale: float) -> Contest:
    peers = {"OpenCV": _opencv(cv2.COLOR_RGB2Luv), "kornia": _kornia("rgb_to_luv"), "scikit-image": _skimage("rgb2luv")}
    return _contest("rgb_to_luv", scale, peers, 1e-3)


@job(
    "RGB to XYZ, float32, 1920x1080",
    faster("aikit rgb_to_xyz (NumPy)", 3, "colour-science"),
    why={
        "kornia (takes light, does not decode)": "It has no curve to decode, which is nearly all of the work.",
    },
)
def xyz(scale: float) -> Contest:
    import colour

    peers = {
        "kornia (takes light, does not decode)": _kornia("rgb_to_xyz"),
        "scikit-image": _skimage("rgb2xyz"),
        "colour-science": ("floats", colour.sRGB_to_XYZ),
    }
    return _contest("rgb_to_xyz", scale, peers, 1e-5)


@job(
    "RGB to YCbCr, float32, 1920x1080",
    faster("aikit rgb_to_ycbcr (NumPy)", 3, "kornia"),
    why={
        "OpenCV (Y, Cr, Cb)": "One pass, with constants of three digits. Ours looks for what is not finite afterwards.",
        "kornia": _EAGER,
    },
)
def ycbcr(scale: float) -> Contest:
    peers = {
        "OpenCV (Y, Cr, Cb)": _opencv(cv2.COLOR_RGB2YCrCb),
        "kornia": _kornia("rgb_to_ycbcr"),
        "scikit-image": _skimage("rgb2ycbcr"),
    }
    return _contest("rgb_to_ycbcr", scale, peers, 1e-5)


@job(
    "RGB to gray, float32, 1920x1080",
    Goal("aikit rgb_to_gray, float32", 1.3, "OpenCV"),
    why={"OpenCV": "The same kernel, in bands.", "kornia": _EAGER},
    dtype="float32",
)
@job(
    "RGB to gray, uint8, 1920x1080",
    Goal("aikit rgb_to_gray, uint8", 1.3, "OpenCV"),
    why={
        "OpenCV": "The same kernel, under a millisecond; the call, the bands and the fresh memory are the rest.",
        "Pillow convert": "Ours reads four bytes a pixel and hands the gray over to Pillow: a copy more.",
    },
    dtype="uint8",
)
def gray(scale: float, dtype: str) -> Contest:
    codes, floats, tensors, moved, sets = _pictures(scale)
    arrays = codes if dtype == "uint8" else floats
    entries: dict[str, Callable[[int], Any]] = {
        f"aikit rgb_to_gray, {dtype}": lambda at: aikit.rgb_to_gray(arrays[at]),
        "OpenCV": lambda at: cv2.cvtColor(arrays[at], cv2.COLOR_RGB2GRAY),
    }
    if dtype == "uint8":
        pictures = [pil(one) for one in codes]
        entries["aikit rgb_to_gray (PIL)"] = lambda at: aikit.rgb_to_gray(pictures[at])
        entries["Pillow convert"] = lambda at: pictures[at].convert("L")
        return Contest(entries, moved // 6, sets, tolerance=1, rivals={"Pillow convert": "aikit rgb_to_gray (PIL)"})
    entries["aikit rgb_to_gray (torch)"] = lambda at: aikit.rgb_to_gray(tensors[at])[0]
    entries["kornia"] = lambda at: _kornia("rgb_to_grayscale")[1](tensors[at])[..., 0]
    return Contest(
        entries,
        moved * 2 // 3,
        sets,
        tolerance=1e-5,
        loose={"kornia": 1e-3},
        rivals={"kornia": "aikit rgb_to_gray (torch)"},
    )
