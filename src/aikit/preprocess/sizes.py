"""How large a picture becomes and where it lies, to the pixel that the source of each rule has."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal, TypeAlias

__all__ = ["CENTERS", "ROUNDINGS", "WAYS", "Center", "Pair", "Rounding", "Way", "bars", "center_offset", "new_size"]

Pair: TypeAlias = tuple[int, int]

Way = Literal["stretch", "cover", "contain"]
Rounding = Literal["down", "half_up", "half_even"]
Center = Literal["down", "toward_zero", "half_even"]

WAYS: tuple[Way, ...] = ("stretch", "cover", "contain")

ROUNDINGS: dict[Rounding, Callable[[float], int]] = {
    "down": math.floor,
    "half_up": lambda side: math.floor(side + 0.5),
    "half_even": round,
}

# Where a center begins, from half of what is left over; less than nothing where the picture is smaller than the cut.
CENTERS: dict[Center, Callable[[float], int]] = {
    # transformers, image_transforms.center_crop
    "down": math.floor,
    # transformers, TorchvisionBackend.center_crop
    "toward_zero": int,
    # torchvision, functional.center_crop
    "half_even": lambda half: round(half) if half > 0 else int(half),
}


def new_size(old: Pair, target: Pair, how: Way, rounding: Rounding, *, longest: int | None, upscale: bool) -> Pair:
    """Work out the height and width of what a picture is scaled to; a side is one pixel at least."""
    if how == "stretch":
        return target
    whole = ROUNDINGS[rounding]
    if how == "cover" and target[0] == target[1]:
        return _cover_square(old, target[0], whole, longest)
    scales = target[0] / old[0], target[1] / old[1]
    scale = min(scales) if how == "contain" else max(scales)
    scale = scale if upscale else min(1.0, scale)
    return max(1, whole(old[0] * scale)), max(1, whole(old[1] * scale))


def _cover_square(old: Pair, edge: int, whole: Callable[[float], int], longest: int | None) -> Pair:
    """Give the shorter edge its size, but not so large that the longer one gets beyond `longest`.

    As torchvision's functional.resize, and transformers' get_size_with_aspect_ratio, which works with the shorter edge
    before it is rounded.
    """
    short, long = min(old), max(old)
    exact: float = edge
    if longest is not None and long / short * edge > longest:
        exact = longest * short / long
        edge = round(exact)
    if edge == short:
        return old
    sides = max(1, edge), max(1, whole(exact * long / short))
    return sides if old[0] <= old[1] else (sides[1], sides[0])


def center_offset(old: int, new: int, center: Center) -> int:
    """Tell where the middle `new` pixels of `old` begin."""
    return CENTERS[center]((old - new) / 2)


def bars(size: Pair, target: Pair, stride: int | None, *, centered: bool) -> tuple[int, int, int, int]:
    """Tell how many pixels are added on the left, above, on the right and below.

    With a `stride` no more than it takes to make each side a multiple of it: ultralytics, LetterBox(auto=True).
    """
    rest = [
        whole - side if stride is None else (whole - side) % stride for side, whole in zip(size, target, strict=True)
    ]
    above, left = (each // 2 if centered else 0 for each in rest)
    return left, above, rest[1] - left, rest[0] - above
