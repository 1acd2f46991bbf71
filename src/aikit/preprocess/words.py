"""A preprocessing in words: what it does, and where others would do it otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .value import Preprocess

__all__ = ["explain"]

_ROUNDED = {"down": "rounded down", "half_up": "rounded, halves up", "half_even": "rounded, halves to the even number"}
_HALVES = {
    "down": "rounded down, as transformers does with Pillow",
    "toward_zero": "rounded toward zero, as transformers does with torchvision",
    "half_even": "rounded to the even number, as torchvision does",
}


def explain(how: Preprocess) -> str:
    """Say what is done, one sentence a line, and then what differs elsewhere."""
    differences = list(_differences(how))
    parts = [*_steps(how), *(["Where sources differ:"] if differences else []), *(f"- {each}" for each in differences)]
    return "\n".join(parts)


def _steps(how: Preprocess) -> Iterator[str]:
    if how.resize is not None:
        yield _resize(how)
        edges = "with antialiasing, as Pillow has it" if how.antialias else "without antialiasing, as OpenCV has it"
        yield f"The method is {how.method} {edges}."
    if how.crop is not None:
        yield (
            f"Cut {how.crop[0]} rows and {how.crop[1]} columns out of the center; half of an odd rest is {_HALVES[how.center]}."
        )
    if how.pad is not None:
        yield _pad(how)
    yield f"Scale codes to [0, {how.white:g}]."
    if how.mean is not None and how.std is not None:
        yield f"Subtract {list(how.mean)} and divide by {list(how.std)}, for red, green and blue."


def _resize(how: Preprocess) -> str:
    one = isinstance(how.resize, int)
    size = (
        f"{how.resize} pixels"
        if isinstance(how.resize, int)
        else "{} x {} (height x width)".format(*(how.resize or ()))
    )
    if how.way == "stretch":
        square = f"{how.resize} x {how.resize}" if one else size
        return f"Resize to {square}, whatever the proportions."
    rounded = _ROUNDED[how.rounding]
    if how.way == "contain":
        target = f"Resize the longer edge to {size}" if one else f"Resize to fit within {size}"
        small = "" if how.upscale else "; a smaller picture is not enlarged"
        return f"{target}, sides {rounded}{small}."
    target = (
        f"Resize the shorter edge to {size}, the longer one {rounded}" if one else f"Resize to cover {size}, {rounded}"
    )
    return target + (
        f"; to less where the longer one would have more than {how.longest} pixels." if how.longest else "."
    )


def _pad(how: Preprocess) -> str:
    height, width = how.pad or (0, 0)
    place = (
        "on both sides, the odd pixel on the right and below" if how.anchor == "center" else "on the right and below"
    )
    color = "0 after normalizing" if how.fill is None else f"the code {how.fill}"
    if how.stride is None:
        return f"Pad to {height} x {width} (height x width) {place}, with {color}."
    return f"Pad each side to a multiple of {how.stride}, as far as {height} x {width} need it, {place}, with {color}."


def _differences(how: Preprocess) -> Iterator[str]:
    if how.resize is not None and how.antialias:
        here, there = ("Pillow", "torchvision") if how.engine == "pillow" else ("torchvision", "Pillow")
        yield (
            f"{here}'s arithmetic resizes here. {there}'s differs by a code, in a few values of a million by two, and by more"
            " at edges where the height shrinks by more than twice what the width does. Floats are neither rounded nor"
            " clamped."
        )
        yield "A resize without antialiasing, as OpenCV's, or torchvision's with antialias=False, gives another picture."
    if how.resize is not None and not how.antialias:
        yield "A resize with antialiasing, as Pillow's, gives another picture where it shrinks."
    if how.mean is not None:
        large = max(how.mean) > 1
        if large and how.white <= 1:
            yield f"The mean {list(how.mean)} is for codes up to 255, and codes are scaled to [0, {how.white:g}] here: check the config."
        if not large and how.white > 1:
            yield f"The mean {list(how.mean)} is for values in [0, 1], and codes are scaled to [0, {how.white:g}] here: check the config."
    if how.fill is None and how.pad is not None:
        yield "Others pad before they normalize: then bars are black, not the mean color."
    yield from how.remarks
