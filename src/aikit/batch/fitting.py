"""Pictures of many sizes and channels made to fit one batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Literal

from .._check import one_of
from .._pixels import CHANNEL_NAMES, Opened, Spec, load, pass_open
from ..alpha import flatten
from ..color import rgb_to_gray
from ..errors import InputValueError
from ..resample import resize
from ..resample.size import METHODS, Method, sides
from ..types import AnyImage, Color

__all__ = ["Canvas", "Channels", "Fit", "Fitting", "canvas_for", "check_fits", "check_fitting", "fit_picture"]

Fit = Literal["exact", "pad", "crop", "stretch"]
Channels = Literal["gray", "rgb", "rgba"]

_FITS = ("exact", "pad", "crop", "stretch")

_COUNTS = {"gray": 1, "rgb": 3, "rgba": 4}


@dataclass(frozen=True, slots=True)
class Fitting:
    """How pictures shall be made alike; None where the pictures decide."""

    height: int | None
    width: int | None
    channels: int | None
    fit: Fit
    method: Method
    background: AnyImage | Color


@dataclass(frozen=True, slots=True)
class Canvas:
    """What every picture of a batch has to become."""

    height: int
    width: int
    channels: int
    fitting: Fitting
    first: str  # the picture whose channels are everybody's, for messages


def check_fitting(
    *,
    height: int | None,
    width: int | None,
    fit: Fit,
    channels: Channels | None,
    method: Method,
    background: AnyImage | Color,
) -> Fitting:
    """Check what was asked for, before any picture is looked at."""
    one_of("fit", fit, _FITS)
    one_of("method", method, METHODS)
    if channels is not None:
        one_of("channels", channels, _COUNTS)
    height, width = sides(height, width)
    if fit in ("crop", "stretch") and (height is None or width is None):
        raise InputValueError(
            "height, width", f'both for fit="{fit}"', f"{height} and {width}", "pass the size of the batch"
        )
    return Fitting(height, width, None if channels is None else _COUNTS[channels], fit, method, background)


def canvas_for(specs: Sequence[Spec], fitting: Fitting, first: str = "the first") -> Canvas:
    """Choose the size and the channels of a batch of these pictures; `first` is what messages call the first of them."""
    # "exact" without a size means the first picture's.
    measure: Callable[[Sequence[int]], int] = max if fitting.fit == "pad" else itemgetter(0)
    return Canvas(
        measure([spec.height for spec in specs]) if fitting.height is None else fitting.height,
        measure([spec.width for spec in specs]) if fitting.width is None else fitting.width,
        specs[0].channels if fitting.channels is None else fitting.channels,
        fitting,
        first,
    )


def check_fits(subject: str, spec: Spec, canvas: Canvas) -> None:
    """Refuse a picture that cannot be made to fit."""
    if canvas.fitting.channels is None and spec.channels != canvas.channels:
        raise InputValueError(
            subject,
            f"{CHANNEL_NAMES[canvas.channels]} like {canvas.first}",
            CHANNEL_NAMES[spec.channels],
            'pass channels="gray", "rgb" or "rgba"',
        )
    size, got = f"{canvas.height}x{canvas.width}", f"{spec.height}x{spec.width}"
    if canvas.fitting.fit == "exact" and size != got:
        raise InputValueError(
            subject,
            f"height x width {size}",
            got,
            'pass fit="pad", "crop" or "stretch", or take group_by_shape',
        )
    if canvas.fitting.fit == "pad" and (spec.height > canvas.height or spec.width > canvas.width):
        raise InputValueError(
            subject,
            f"height x width up to {size} to pad",
            got,
            'pass a larger size, or fit="crop" or "stretch"',
        )


def fit_picture(opened: Opened[AnyImage], canvas: Canvas) -> Opened[AnyImage]:
    """Give one picture the size of the batch, or a smaller one where it will be padded, and drop channels it must lose.

    Channels it lacks are added where it is stored.
    """
    bgr, fitting = opened.spec.bgr, canvas.fitting
    if opened.spec.has_alpha and canvas.channels in (1, 3):
        opened = load(flatten(pass_open(opened), background=fitting.background), bgr=bgr)
    if opened.spec.channels >= 3 and canvas.channels == 1:
        opened = load(rgb_to_gray(opened.pixels.image, bgr=bgr))
    size = canvas.height, canvas.width
    if fitting.fit in ("exact", "pad") or (opened.spec.height, opened.spec.width) == size:
        return opened
    box = _find_middle(opened.spec, *size) if fitting.fit == "crop" else None
    resized = resize(pass_open(opened), height=size[0], width=size[1], method=fitting.method, box=box)
    return load(resized, bgr=opened.spec.bgr)


def _find_middle(spec: Spec, height: int, width: int) -> tuple[float, float, float, float]:
    """Find the part, (left, top, right, bottom), that remains of a picture scaled to cover the batch and cut to it.

    As torchvision's Resize and CenterCrop round, which networks were trained with; nothing is scaled that is cut off: a
    panorama scaled to cover a square would be enormous.
    """
    if spec.height * width > spec.width * height:
        top, bottom = _cut(spec.height, width * spec.height // spec.width, height)
        return 0, top, spec.width, bottom
    left, right = _cut(spec.width, height * spec.width // spec.height, width)
    return left, 0, right, spec.height


def _cut(side: int, scaled: int, wanted: int) -> tuple[float, float]:
    """Cut so many pixels out of the middle of a side that was scaled; where that is on the side as it was."""
    start = round((scaled - wanted) / 2)
    return start * side / scaled, min((start + wanted) * side / scaled, side)
