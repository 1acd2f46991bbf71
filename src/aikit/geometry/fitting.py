"""Pictures made to fit a size, in the four ways there are."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, get_args

from .._check import integer, one_of, switch
from .._foreign_names import explain_calls
from .._pixels import ChannelKind, Opened, load, takes_data
from ..errors import InputValueError, quoted
from ..resample.passes import Resizing
from ..resample.size import METHODS, Method, resize_opened, scaled
from ..types import Color, ImageT
from .cropping import Window
from .filling import parse_fill
from .moving import move_pixels
from .placing import LARGEST, Anchor, Side, check_anchor, share_of

__all__ = [
    "Fitting",
    "How",
    "Placement",
    "check_bars",
    "check_fit",
    "check_thumbnail",
    "fit",
    "fit_opened",
    "thumbnail",
]

How = Literal["contain", "cover", "stretch", "letterbox"]

Matrix = tuple[tuple[float, ...], ...]


@takes_data(lambda options: options.get("method", "lanczos") != "nearest")
@explain_calls
def fit(
    image: ImageT,
    *,
    height: Side,
    width: Side,
    how: How = "contain",
    anchor: Anchor = "center",
    fill: Color | None = None,
    method: Method = "lanczos",
    upscale: bool = True,
    linear: bool = False,
    bgr: bool = False,
    channels: ChannelKind = "color",
) -> ImageT:
    """Make an image fit a size.

    Args:
        image: any image or batch.
        height: of what it fits, in pixels.
        width: of what it fits, in pixels.
        how: "contain" scales it to fit within and never pads, so that one side may be smaller; "letterbox" does the same
            and adds bars of `fill` up to the size; "cover" scales it to cover the size and cuts off what is beyond;
            "stretch" scales each side for itself.
        anchor: where the picture lies between the bars, or which part of it stays: the "center", the "top-left" and so
            on.
        fill: the color of the bars; None is transparent where there is alpha, else black.
        method: as for `resize`, whose kernel it is; always antialiased.
        upscale: whether a picture that is smaller is enlarged. Without it, "contain" leaves such a one as it is,
            "letterbox" surrounds it with bars, "cover" cuts it to the proportions, and "stretch" leaves a side that is
            short.
        linear: mix light instead of sRGB codes.
        bgr: the array or tensor runs B, G, R(, A); `fill` is R, G, B always.
        channels: "data" takes arrays and tensors of any number of channels, none of which is alpha: depth, flow, bands of
            a satellite. Whole numbers that no image has, such as int64 labels, are data always.

    Returns:
        Same kind and dtype, in memory of its own, scaled as `resize` scales: of opaque 8-bit pictures the codes of
        Pillow's `ImageOps.contain` and `pad`, within one. "cover" is what torchvision's Resize and CenterCrop leave.
        Differentiable in torch, once.

    Raises:
        InputTypeError: not an image, or sides that are not whole numbers.
        InputValueError: a side below 1, an unknown word, or a fill that the image cannot have.

    Example:
        >>> import numpy as np
        >>> photo = np.full((30, 60, 3), 200, np.uint8)
        >>> [fit(photo, height=40, width=40, how=how).shape[:2] for how in ("contain", "letterbox", "cover")]
        [(20, 40), (40, 40), (40, 40)]
        >>> fit(photo, height=40, width=40, how="letterbox", fill=114)[0, 0].tolist()
        [114, 114, 114]
    """
    opened = load(image, bgr=bgr)
    fitting = check_fit(
        height=height, width=width, how=how, anchor=anchor, method=method, upscale=upscale, linear=linear
    )
    return fit_opened(opened, fitting, fill)


@takes_data(lambda options: options.get("method", "lanczos") != "nearest")
@explain_calls
def thumbnail(
    image: ImageT,
    side: Side | None = None,
    *,
    height: Side | None = None,
    width: Side | None = None,
    method: Method = "lanczos",
    linear: bool = False,
    channels: ChannelKind = "color",
) -> ImageT:
    """Make an image no larger than a size, and keep its proportions: `fit(how="contain", upscale=False)`.

    Args:
        image: any image or batch.
        side: the most pixels that its longer side may have.
        height: instead, the most rows; without it the width alone counts.
        width: instead, the most columns; without it the height alone counts.
        method: as for `resize`.
        linear: mix light instead of sRGB codes.
        channels: "data" takes arrays and tensors of any number of channels, none of which is alpha: depth, flow, bands of
            a satellite. Whole numbers that no image has, such as int64 labels, are data always.

    Returns:
        Same kind and dtype, in memory of its own; as large as it was where it is no larger than that.

    Raises:
        InputTypeError: not an image, or sides that are not whole numbers.
        InputValueError: no side, both `side` and one of the others, or one below 1.

    Example:
        >>> import numpy as np
        >>> thumbnail(np.zeros((30, 60, 3), np.uint8), 20).shape
        (10, 20, 3)
    """
    return fit_opened(
        load(image), check_thumbnail(side=side, height=height, width=width, method=method, linear=linear), None
    )


# ---------------------------------------------------------------- where the picture goes


@dataclass(frozen=True, slots=True)
class Placement:
    """What becomes of one picture: a part of it, scaled to a size, at a place in the result."""

    box: tuple[float, float, float, float]
    size: tuple[int, int]
    window: Window

    @property
    def new_size(self) -> tuple[int, int]:
        """The height and width of the result."""
        return self.window.height, self.window.width

    @property
    def matrix(self) -> Matrix:
        """Where points of the picture go."""
        left, top, right, bottom = self.box
        across, down = self.size[1] / (right - left), self.size[0] / (bottom - top)
        return (
            (across, 0, -left * across - self.window.left),
            (0, down, -top * down - self.window.top),
            (0, 0, 1),
        )


@dataclass(frozen=True, slots=True)
class Fitting:
    """The keywords of `fit`, checked."""

    height: float  # infinite where only the other side counts
    width: float
    how: str
    share: tuple[float, float]
    method: str
    upscale: bool
    linear: bool

    def place(self, height: int, width: int) -> Placement:
        """What becomes of a picture of this size."""
        return _WAYS[self.how](self, height, width)

    def held(self, factor: float) -> float:
        """A scale, 1 at most where nothing is to be enlarged."""
        return factor if self.upscale else min(1.0, factor)


def _contain(how: Fitting, height: int, width: int) -> Placement:
    factor = how.held(min(how.height / height, how.width / width))
    size = scaled(height, factor), scaled(width, factor)
    return Placement((0, 0, width, height), size, Window(0, 0, size[1], size[0]))


def _letterbox(how: Fitting, height: int, width: int) -> Placement:
    inside = _contain(how, height, width)
    left = int((how.width - inside.size[1]) * how.share[0] // 1)
    top = int((how.height - inside.size[0]) * how.share[1] // 1)
    return Placement(inside.box, inside.size, Window(-left, -top, int(how.width), int(how.height)))


def _cover(how: Fitting, height: int, width: int) -> Placement:
    """Cut first and scaled afterwards: a panorama scaled to cover a square would be enormous.

    The part is the one that remains of a picture scaled to cover the size, by whole pixels, and cut to it, by whole pixels
    too: as torchvision's Resize and CenterCrop round, which networks were trained with.
    """
    new_height, new_width = int(how.height), int(how.width)
    across, down = (0.0, float(width)), (0.0, float(height))
    if height * new_width > width * new_height:
        down = _cut(height, new_width * height // width, new_height, how.share[1])
    else:
        across = _cut(width, new_height * width // height, new_width, how.share[0])
    size = new_height, new_width
    if not how.upscale and max(new_height / height, new_width / width) > 1:
        size = scaled(down[1] - down[0], 1), scaled(across[1] - across[0], 1)
    return Placement((across[0], down[0], across[1], down[1]), size, Window(0, 0, size[1], size[0]))


def _cut(side: int, whole: int, wanted: int, share: float) -> tuple[float, float]:
    """Cut so many pixels out of a side that was scaled to `whole`; where that is on the side as it was."""
    start = round((whole - wanted) * share)
    return start * side / whole, min((start + wanted) * side / whole, float(side))


def _stretch(how: Fitting, height: int, width: int) -> Placement:
    size = int(how.height), int(how.width)
    if not how.upscale:
        size = min(size[0], height), min(size[1], width)
    return Placement((0, 0, width, height), size, Window(0, 0, size[1], size[0]))


_WAYS: dict[str, Callable[[Fitting, int, int], Placement]] = {
    "contain": _contain, "cover": _cover, "stretch": _stretch, "letterbox": _letterbox,
}  # fmt: skip


def check_fit(
    *,
    height: Any,
    width: Any,
    how: Any = "contain",
    anchor: Any = "center",
    method: Any = "lanczos",
    upscale: Any = True,
    linear: Any = False,
    fill: object = None,
    bgr: object = False,
) -> Fitting:
    """The keywords of `fit`, checked; `fill` and `bgr` are the image's own affair."""
    one_of("how", how, get_args(How))
    check_anchor(anchor)
    one_of("method", method, METHODS)
    switch("upscale", upscale)
    switch("linear", linear)
    sides = integer("height", height), integer("width", width)
    _check_largest(*sides)
    return Fitting(*sides, how, share_of(anchor), method, upscale, linear)


def check_thumbnail(
    *, side: Any = None, height: Any = None, width: Any = None, method: Any = "lanczos", linear: Any = False
) -> Fitting:
    """The keywords of `thumbnail`, checked, as those of `fit`."""
    one_of("method", method, METHODS)
    switch("linear", linear)
    if (side is None) == (height is None and width is None):
        got = "none of them" if side is None else "both"
        raise InputValueError("side", "either side, or height and width", got, "pass one or the other")
    if side is not None:
        height = width = integer("side", side)
    rows, columns = (
        math.inf if each is None else integer(name, each) for name, each in (("height", height), ("width", width))
    )
    return Fitting(rows, columns, "contain", (0.5, 0.5), method, False, linear)


def check_bars(fitting: Fitting, fill: object) -> None:
    """Refuse a fill where there are no bars to be filled."""
    if fill is not None and fitting.how != "letterbox":
        raise InputValueError("fill", f'None for how="{fitting.how}", which adds no bars', quoted(fill), "leave it out")


def _check_largest(*sides: int) -> None:
    if max(sides) > LARGEST:
        raise InputValueError("size", f"at most {LARGEST} pixels a side", "x".join(map(str, sides)), "pass less")


def fit_opened(opened: Opened[ImageT], fitting: Fitting, fill: Color | None) -> ImageT:
    """Make an open image fit."""
    spec = opened.spec
    color = parse_fill(fill, spec)
    check_bars(fitting, fill)
    placement = fitting.place(spec.height, spec.width)
    entire = placement.box == (0, 0, spec.width, spec.height)
    how = Resizing(placement.size, fitting.method, box=None if entire else placement.box)
    if how.size == (spec.height, spec.width) and entire:
        return move_pixels(opened, placement.window, color)
    scaled_image: ImageT = resize_opened(opened, how, linear=fitting.linear)
    if placement.window == Window(0, 0, placement.size[1], placement.size[0]):
        return scaled_image
    return move_pixels(load(scaled_image, bgr=spec.bgr), placement.window, color)
