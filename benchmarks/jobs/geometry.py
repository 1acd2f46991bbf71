"""Where pixels are: parts, margins, mirrors, fits and warps."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import torch
from PIL import Image, ImageOps

import aikit

from ..pictures import noise, pil
from ..timing import FLOOR, Contest, Goal, faster, not_slower, sets_for
from .registry import job, size_at

_KINDS = ("NumPy", "PIL", "torch")
_ROTATE = "OpenCV warps the three channels of a pixel at once; ours takes planes apart and puts them together."
_CALL = "The same copy; ours is the call around it, 30 to 60 microseconds."
_FLIP = "OpenCV's and torch's loops that reverse rows take 1.5 to 1.9 times a copy by themselves; torch's has threads, which wait."
_FOUR = "Pillow keeps RGB in four bytes a pixel, a third more than the floor copies."
_AREA = "OpenCV adds the codes of a square in one pass; ours go in two passes, to have Pillow's bits."


def _images(scale: float, result: int) -> tuple[int, int, int, list[Any], list[Any], list[Any]]:
    """Height and width, sets of buffers for results of so many bytes a pixel, and the pictures of each kind."""
    height, width = size_at(scale)
    sets = sets_for(height * width * result)
    arrays = [noise(height, width, 3, seed) for seed in range(sets)]
    tensors = [torch.from_numpy(one).permute(2, 0, 1).contiguous() for one in arrays]
    return height, width, sets, arrays, [pil(one) for one in arrays], tensors


@job(
    "crop 16 pixels off each side of uint8 RGB, 1920x1080",
    *(Goal(f"aikit crop ({kind})", 1.5) for kind in _KINDS),
    why={FLOOR: _FOUR, "Pillow crop": _CALL, "NumPy slice, copied": _CALL},
)
def crop(scale: float) -> Contest:
    height, width, sets, arrays, pictures, tensors = _images(scale, 4)
    margin = height // 64
    box = (margin, margin, width - margin, height - margin)
    return Contest(
        {
            "aikit crop (NumPy)": lambda at: aikit.crop(arrays[at], box=box),
            "aikit crop (PIL)": lambda at: aikit.crop(pictures[at], box=box),
            "aikit crop (torch)": lambda at: aikit.crop(tensors[at], box=box).movedim(0, -1),
            "Pillow crop": lambda at: pictures[at].crop(box),
            "NumPy slice, copied": lambda at: arrays[at][box[1] : box[3], box[0] : box[2]].copy(),
        },
        (height - 2 * margin) * (width - 2 * margin) * 6,
        sets,
        rivals={"Pillow crop": "aikit crop (PIL)"},
    )


@job(
    "pad uint8 RGB by 64 pixels on each side, 1920x1080",
    *(Goal(f"aikit pad ({kind})", 1.5) for kind in _KINDS),
    why={"OpenCV copyMakeBorder": _CALL, "Pillow ImageOps.expand": _CALL},
)
def pad(scale: float) -> Contest:
    height, width, sets, arrays, pictures, tensors = _images(scale, 6)
    sides = {"left": 64, "right": 64, "top": 64, "bottom": 64}
    color = (10, 20, 30)
    return Contest(
        {
            "aikit pad (NumPy)": lambda at: aikit.pad(arrays[at], **sides, fill=color),  # type: ignore[arg-type]
            "aikit pad (PIL)": lambda at: aikit.pad(pictures[at], **sides, fill=color),  # type: ignore[arg-type]
            "aikit pad (torch)": lambda at: aikit.pad(tensors[at], **sides, fill=color).movedim(0, -1),  # type: ignore[arg-type]
            "OpenCV copyMakeBorder": lambda at: cv2.copyMakeBorder(
                arrays[at], 64, 64, 64, 64, cv2.BORDER_CONSTANT, value=color
            ),
            "Pillow ImageOps.expand": lambda at: ImageOps.expand(pictures[at], 64, color),
        },
        height * width * 3 + (height + 128) * (width + 128) * 3,
        sets,
        rivals={"Pillow ImageOps.expand": "aikit pad (PIL)"},
    )


@job(
    "flip uint8 RGB left to right, 1920x1080",
    *(Goal(f"aikit flip ({kind})", 1.5) for kind in _KINDS),
    why={FLOOR: _FLIP, "OpenCV flip": _CALL, "torch flip": _FLIP, "Pillow transpose": _CALL},
)
def flip(scale: float) -> Contest:
    height, width, sets, arrays, pictures, tensors = _images(scale, 6)
    return Contest(
        {
            "aikit flip (NumPy)": lambda at: aikit.flip(arrays[at]),
            "aikit flip (PIL)": lambda at: aikit.flip(pictures[at]),
            "aikit flip (torch)": lambda at: aikit.flip(tensors[at]).movedim(0, -1),
            "OpenCV flip": lambda at: cv2.flip(arrays[at], 1),
            "Pillow transpose": lambda at: pictures[at].transpose(Image.Transpose.FLIP_LEFT_RIGHT),
            "torch flip": lambda at: tensors[at].flip(-1).movedim(0, -1),
        },
        height * width * 6,
        sets,
        rivals={"Pillow transpose": "aikit flip (PIL)", "torch flip": "aikit flip (torch)"},
    )


@job(
    "letterbox uint8 RGB to a square, lanczos, 1920x1080",
    *(not_slower(f"aikit fit ({kind})", f"aikit resize and a copy ({kind})") for kind in ("NumPy", "PIL")),
)
def letterbox(scale: float) -> Contest:
    height, width, sets, arrays, pictures, _ = _images(scale, 6)
    side = max(8, height * 3 // 5)
    inside = round(height * side / width)
    top = (side - inside) // 2

    def by_hand(image: Any) -> Any:
        small = np.asarray(aikit.resize(image, height=inside, width=side))
        result = np.empty((side, side, 3), np.uint8)
        result[:top], result[top + inside :] = 114, 114
        result[top : top + inside] = small
        return result if isinstance(image, np.ndarray) else Image.fromarray(result)

    def fit(image: Any) -> Any:
        return aikit.fit(image, height=side, width=side, how="letterbox", fill=114)

    return Contest(
        {
            "aikit fit (NumPy)": lambda at: fit(arrays[at]),
            "aikit fit (PIL)": lambda at: fit(pictures[at]),
            "aikit resize and a copy (NumPy)": lambda at: by_hand(arrays[at]),
            "aikit resize and a copy (PIL)": lambda at: by_hand(pictures[at]),
            "Pillow ImageOps.pad": lambda at: ImageOps.pad(
                pictures[at], (side, side), Image.Resampling.LANCZOS, (114,) * 3
            ),  # type: ignore[arg-type]
        },
        height * width * 3 + side * side * 3,
        sets,
        tolerance=1,
        rivals={"Pillow ImageOps.pad": "aikit fit (PIL)"},
    )


@job(
    "letterbox 32 pictures into one float32 batch, to 640x640",
    faster("aikit stack(out=)", 1.5, "OpenCV loop"),
    why={"OpenCV loop": _AREA},
)
def letterboxes(scale: float) -> Contest:
    height, width = size_at(scale, 960, 1280)
    height, width = height - height % 4, width - width % 4
    side = width // 2
    top = (side - height // 2) // 2
    pictures = [noise(height, width, 3, seed) for seed in range(32)]
    out = torch.ones(32, 3, side, side)

    def loop(at: int) -> Any:
        batch = np.full((32, side, side, 3), 114, np.uint8)
        for picture, into in zip(pictures, batch, strict=True):
            into[top : top + height // 2] = cv2.resize(picture, (side, height // 2), interpolation=cv2.INTER_AREA)
        return torch.from_numpy(batch).permute(0, 3, 1, 2).contiguous().float().div_(255)

    def stack(at: int, **options: Any) -> Any:
        return aikit.stack(
            pictures, height=side, width=side, fit="letterbox", fill=114, method="area", device="cpu", **options
        )

    return Contest(
        {
            "aikit stack(out=)": lambda at: stack(at, out=out),
            "aikit stack": stack,
            "OpenCV loop": loop,
        },
        32 * (height * width * 3 + side * side * 12),
        1,
        tolerance=1 / 255 + 1e-6,
        rivals={"OpenCV loop": "aikit stack"},
    )


@job(
    "rotate uint8 RGB by 17 degrees, bilinear, 1920x1080",
    Goal("aikit warp_affine (NumPy)", 2, "OpenCV warpAffine"),
    why={"OpenCV warpAffine": _ROTATE},
)
def warp(scale: float) -> Contest:
    height, width, sets, arrays, pictures, tensors = _images(scale, 6)
    matrix = cv2.getRotationMatrix2D((width / 2 - 0.5, height / 2 - 0.5), 17, 1.0)
    half = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])
    ours = tuple(map(tuple, (half @ np.vstack([matrix, (0, 0, 1)]) @ np.linalg.inv(half)).tolist()))
    return Contest(
        {
            "aikit warp_affine (NumPy)": lambda at: aikit.warp_affine(arrays[at], ours),
            "aikit warp_affine (PIL)": lambda at: aikit.warp_affine(pictures[at], ours),
            "aikit warp_affine (torch)": lambda at: aikit.warp_affine(tensors[at], ours).movedim(0, -1),
            "OpenCV warpAffine": lambda at: cv2.warpAffine(arrays[at], matrix, (width, height)),
        },
        height * width * 6,
        sets,
        tolerance=1 if int(cv2.__version__.split(".")[0]) >= 5 else 8,
        rivals={"OpenCV warpAffine": "aikit warp_affine (NumPy)"},
    )
