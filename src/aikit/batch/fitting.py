"""Pictures of many sizes and channels made to fit one batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from .._check import one_of
from .._pixels import CHANNEL_NAMES, Opened, Spec, crop, load
from ..alpha import flatten
from ..color import rgb_to_gray
from ..errors import InputValueError
from ..resample import resize
from ..resample.size import sides
from ..types import AnyImage, Color

__all__ = ["FITS", "Canvas", "Channels", "Fit", "canvas_for", "fit_picture"]

Fit = Literal["exact", "pad", "crop", "stretch"]
Channels = Literal["gray", "rgb", "rgba"]

FITS = ("exact", "pad", "crop", "stretch")

_COUNTS = {"gray": 1, "rgb": 3, "rgba": 4}


@dataclass(frozen=True, slots=True)
class Canvas:
    """What every picture of a batch has to become."""

    height: int
    width: int
    channels: int
    fit: str


def canvas_for(specs: Sequence[Spec], height: Any, width: Any, fit: Any, channels: Any) -> Canvas:
    """The size and channels of a batch of these pictures; raises where one of them cannot be made to fit."""
    one_of("fit", fit, FITS)
    height, width = sides(height, width)
    if fit in ("crop", "stretch") and (height is None or width is None):
        raise InputValueError(
            "height, width", f'both for fit="{fit}"', f"{height} and {width}", "pass the size of the batch"
        )
    # "exact" without a size means the first picture's.
    measure = max if fit == "pad" else lambda sides: sides[0]
    canvas = Canvas(
        measure([spec.height for spec in specs]) if height is None else height,
        measure([spec.width for spec in specs]) if width is None else width,
        _channel_count(specs, channels),
        fit,
    )
    for index, spec in enumerate(specs):
        _check_fits(index, spec, canvas)
    return canvas


def _channel_count(specs: Sequence[Spec], channels: Any) -> int:
    if channels is not None:
        one_of("channels", channels, _COUNTS)
        return _COUNTS[channels]
    first = specs[0].channels
    for index, spec in enumerate(specs):
        if spec.channels != first:
            raise InputValueError(
                f"images[{index}]",
                f"{CHANNEL_NAMES[first]} like images[0]",
                CHANNEL_NAMES[spec.channels],
                'pass channels="gray", "rgb" or "rgba"',
            )
    return first


def _check_fits(index: int, spec: Spec, canvas: Canvas) -> None:
    size, got = f"{canvas.height}x{canvas.width}", f"{spec.height}x{spec.width}"
    if canvas.fit == "exact" and size != got:
        raise InputValueError(
            f"images[{index}]",
            f"height x width {size}",
            got,
            'pass fit="pad", "crop" or "stretch", or take group_by_shape',
        )
    if canvas.fit == "pad" and (spec.height > canvas.height or spec.width > canvas.width):
        raise InputValueError(
            f"images[{index}]",
            f"height x width up to {size} to pad",
            got,
            'pass a larger size, or fit="crop" or "stretch"',
        )


def fit_picture(
    picture: AnyImage, opened: Opened[AnyImage], canvas: Canvas, background: AnyImage | Color
) -> Opened[AnyImage]:
    """Give one picture the size of the batch, or a smaller one where it will be padded, and drop channels it must lose.

    Channels it lacks are added where it is stored.
    """
    bgr = opened.spec.bgr
    if opened.spec.has_alpha and canvas.channels in (1, 3):
        picture = flatten(opened, background=background)  # type: ignore[type-var,assignment]
        opened = load(picture, bgr=bgr)
    if opened.spec.channels >= 3 and canvas.channels == 1:
        picture = rgb_to_gray(picture, bgr=bgr)
        opened = load(picture)
    size = canvas.height, canvas.width
    if canvas.fit in ("exact", "pad") or (opened.spec.height, opened.spec.width) == size:
        return opened
    if canvas.fit == "crop":
        opened = crop(opened, *_middle(opened.spec, *size))
    # Sharper kernels ring, and training data was mostly shrunk by this one.
    resized = resize(opened, height=size[0], width=size[1], method="bilinear")  # type: ignore[type-var]
    return load(resized, bgr=opened.spec.bgr)


def _middle(spec: Spec, height: int, width: int) -> tuple[slice, slice]:
    """Rows and columns of the largest part in the middle that has the proportions of the batch.

    Cut first and scaled afterwards: a panorama scaled to cover a square would be enormous.
    """
    scale = min(spec.height / height, spec.width / width)
    rows = min(spec.height, max(1, round(height * scale)))
    columns = min(spec.width, max(1, round(width * scale)))
    left, top = (spec.width - columns) // 2, (spec.height - rows) // 2
    return slice(top, top + rows), slice(left, left + columns)
