"""Pictures of many sizes and channels made to fit one batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from operator import itemgetter
from typing import Literal, get_args

from .._check import one_of
from .._pixels import CHANNEL_NAMES, Opened, Spec, load, pass_open
from ..alpha import flatten
from ..color import rgb_to_gray
from ..errors import InputValueError, quoted
from ..geometry.filling import parse_fill
from ..geometry.fitting import How, check_fit, fit_opened
from ..resample.size import METHODS, Method, sides
from ..types import AnyImage, Color

__all__ = [
    "SCALING", "Canvas", "Channels", "Fit", "Fitting", "bars_of", "canvas_for", "check_fits", "check_fitting",
    "fit_picture", "place_picture",
]  # fmt: skip

Fit = Literal["exact", "pad", "crop", "stretch", "contain", "letterbox"]
Channels = Literal["gray", "rgb", "rgba", "data"]

_FITS = get_args(Fit)

# What `fit` calls those that scale, which need the size of the batch.
SCALING: dict[str, How] = {"crop": "cover", "stretch": "stretch", "contain": "contain", "letterbox": "contain"}
_WITH_BARS = ("pad", "contain", "letterbox")

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
    fill: Color | None = None


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
    fill: Color | None,
) -> Fitting:
    """Check what was asked for, before any picture is looked at."""
    one_of("fit", fit, _FITS)
    one_of("method", method, METHODS)
    if channels is not None:
        one_of("channels", channels, get_args(Channels))
    height, width = sides(height, width)
    if fill is not None and fit not in _WITH_BARS:
        raise InputValueError("fill", f'None for fit="{fit}", which adds no bars', quoted(fill), "leave it out")
    if fit in SCALING and (height is None or width is None):
        raise InputValueError(
            "height, width", f'both for fit="{fit}"', f"{height} and {width}", "pass the size of the batch"
        )
    return Fitting(height, width, _COUNTS.get(channels or ""), fit, method, background, fill)


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
            'pass fit="pad", "letterbox", "crop" or "stretch", or take group_by_shape',
        )
    if canvas.fitting.fit == "pad" and (spec.height > canvas.height or spec.width > canvas.width):
        raise InputValueError(
            subject,
            f"height x width up to {size} to pad",
            got,
            'pass a larger size, or fit="contain", "letterbox", "crop" or "stretch"',
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
    if fitting.fit not in SCALING or (opened.spec.height, opened.spec.width) == size:
        return opened
    how = check_fit(height=size[0], width=size[1], how=SCALING[fitting.fit], method=fitting.method)
    return load(fit_opened(opened, how, None), bgr=opened.spec.bgr)


def place_picture(spec: Spec, canvas: Canvas) -> tuple[slice, slice]:
    """The rows and columns of the batch that a picture takes: in the middle for a letterbox, else at the top left."""
    share = 0.5 if canvas.fitting.fit == "letterbox" else 0
    top, left = int((canvas.height - spec.height) * share), int((canvas.width - spec.width) * share)
    return slice(top, top + spec.height), slice(left, left + spec.width)


def bars_of(spec: Spec, canvas: Canvas) -> list[float]:
    """What lies beside a picture, a value in [0, 1] for each channel of the batch."""
    return parse_fill(canvas.fitting.fill, replace(spec, channels=canvas.channels))
