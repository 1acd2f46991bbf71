"""Another size: how many pixels, by which kernel."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from numbers import Real
from typing import Annotated, Literal, get_args

from .._check import Within, integer, one_of, switch
from .._foreign_names import explain_calls
from .._pixels import TOP, ChannelKind, Namespace, Opened, Plane, Planes, Spec, load, run, takes_data
from ..errors import InputTypeError, InputValueError, quoted
from ..types import ImageT
from .passes import Resizing, resample_plane, run_premultiplied
from .uint8 import fast_path

__all__ = ["resize"]

Method = Literal["nearest", "bilinear", "bicubic", "lanczos", "area"]

METHODS: tuple[Method, ...] = get_args(Method)

Side = Annotated[int, Within(1, unit="pixels")]
Box = tuple[float, float, float, float]

# What Pillow and torch count pixels with.
_LARGEST = 2**31 - 1


@takes_data(lambda options: options.get("method", "lanczos") != "nearest")
@explain_calls
def resize(
    image: ImageT,
    *,
    height: Side | None = None,
    width: Side | None = None,
    scale: Annotated[float, Within(above=0)] | None = None,
    method: Method = "lanczos",
    antialias: bool = True,
    linear: bool = False,
    box: Box | None = None,
    channels: ChannelKind = "color",
) -> ImageT:
    """Resize an image, or a part of it.

    Args:
        image: any image or batch.
        height: the new height in pixels; without `width` the aspect is kept.
        width: the new width in pixels; without `height` the aspect is kept.
        scale: instead of these, the ratio of output size to input size.
        method: "nearest", "bilinear", "bicubic" (a = -0.5), "lanczos" (a = 3) or "area": the mean of what a pixel
            covers, parts of pixels too; of 8 bits Pillow's box, which takes a pixel at its edge whole or not at all.
        antialias: when shrinking, widen the kernel so that every input pixel counts. Without it detail aliases.
        linear: mix light instead of sRGB codes: fine detail keeps its brightness.
        box: (left, top, right, bottom) of the part that becomes the result, in pixels, fractions allowed; its sides
            count for `scale` and the aspect. The kernel reaches beyond it, into what is there of the image.
        channels: "data" takes arrays and tensors of any number of channels, none of which is alpha: depth, flow, bands of
            a satellite. Whole numbers that no image has, such as int64 labels, are data always.

    Returns:
        Same kind and dtype, `max(1, floor(size * scale + 0.5))` pixels a side. 8-bit results are within one code of
        Pillow 13's for opaque images, within two of a box and, of tensors, in a few values of a million, and NumPy's and PIL's are the same bits. Integers are clamped
        after each pass, floats never, so that sharp kernels can leave [0, 1]. Colors are 0 where alpha is below 1/65535,
        unless no pixels are mixed: "nearest" and the same size copy them. Differentiable in torch, once.

    Raises:
        InputTypeError: not an image, or sizes that are not numbers.
        InputValueError: no size or too many of them, a size below 1 or above 2^31 - 1, a box that is not within the
            image, or an unknown method.

    Example:
        >>> import numpy as np
        >>> resize(np.zeros((40, 60, 3), np.uint8), width=30).shape
        (20, 30, 3)
        >>> resize(np.arange(6, dtype=np.uint8)[None], width=2, height=1, box=(1, 0, 5, 1), method="area").tolist()
        [[2, 4]]

    Source: Keys 1981 (bicubic); Duchon, "Lanczos filtering in one and two dimensions", 1979.
    """
    one_of("method", method, METHODS)
    switch("antialias", antialias)
    switch("linear", linear)
    opened = load(image)
    part = None if box is None else check_box(box, opened.spec.height, opened.spec.width)
    size = new_size(old_size(opened.spec.height, opened.spec.width, part), height, width, scale)
    how = Resizing(size, method, antialias, box=part)
    return resize_opened(opened, how, linear=linear)


def scaled(side: float, scale: float) -> int:
    """Multiply a side by a scale, rounded half up, at least one pixel."""
    return max(1, math.floor(side * scale + 0.5))


def sides(height: object, width: object) -> tuple[int | None, int | None]:
    """Read both sides as whole numbers of pixels, None where one is left out."""
    return None if height is None else integer("height", height), None if width is None else integer("width", width)


def old_size(height: int, width: int, box: Box | None) -> tuple[float, float]:
    """Give the (height, width) of what is resized."""
    return (height, width) if box is None else (box[3] - box[1], box[2] - box[0])


def check_box(box: object, height: float, width: float) -> Box:
    """Read the box as four floats, if it is a part of a picture of this size."""
    if not isinstance(box, Sequence) or isinstance(box, (str, bytes)) or len(box) != 4:
        raise InputTypeError("box", "left, top, right and bottom", quoted(box), "pass four numbers")
    if not all(isinstance(edge, Real) and not isinstance(edge, bool) for edge in box):
        raise InputTypeError("box", "four numbers", quoted(box), "pass left, top, right and bottom")
    left, top, right, bottom = map(float, box)
    if not (0 <= left < right <= width and 0 <= top < bottom <= height):
        expected = f"a part of 0, 0, {width}, {height} with some area"
        raise InputValueError("box", expected, quoted(box), "pass left, top, right and bottom in pixels of the image")
    return left, top, right, bottom


def new_size(old: tuple[float, float], height: object, width: object, scale: object) -> tuple[int, int]:
    """Work out the new (height, width) of something of an old one."""
    if (scale is None) == (height is None and width is None):
        got = "none of them" if scale is None else "both"
        raise InputValueError("scale", "either scale or height and width", got, "pass one or the other")
    if scale is not None:
        if isinstance(scale, bool) or not isinstance(scale, Real):
            raise InputTypeError("scale", "a number", quoted(scale), "for two sides pass height and width")
        try:
            factor = float(scale)
        except OverflowError:  # of an int
            factor = math.inf
        if not 0 < factor < math.inf:
            raise InputValueError("scale", "a positive number", quoted(scale), "pass for instance 0.5")
        new_height, new_width = scaled(old[0], factor), scaled(old[1], factor)
    else:
        tall, wide = sides(height, width)
        new_height = scaled(old[0], (wide or 1) / old[1]) if tall is None else tall
        new_width = scaled(old[1], new_height / old[0]) if wide is None else wide
    if max(new_height, new_width) > _LARGEST:
        raise InputValueError("size", f"at most {_LARGEST} pixels a side", f"{new_height}x{new_width}", "pass less")
    return new_height, new_width


def is_integer(spec: Spec) -> bool:
    """Whether an image holds codes, which cannot overshoot."""
    return spec.dtype in TOP or spec.dtype == "bool"


def resize_opened(opened: Opened[ImageT], how: Resizing, *, linear: bool = False) -> ImageT:
    """Resize an image that is open."""
    spec = opened.spec
    old = spec.height, spec.width
    mixes = how.method != "nearest" and not how.is_cut(old)
    how = replace(how, clamp=is_integer(spec))
    is_uint8 = spec.dtype in ("uint8", "bool")
    how = how.of_uint8() if is_uint8 else how
    as_in_pillow = how.antialias or all(new >= was for new, was in zip(how.size, how.old_size(old), strict=True))
    if mixes and as_in_pillow and not linear and not spec.has_alpha and spec.dtype == "uint8":
        image: ImageT | None = fast_path(opened, how)
        if image is not None:
            return image
    return run(
        partial(_resize_uint8 if is_uint8 and mixes else _resize, how, linear, mixes),
        opened,
        pointwise=False,
        uint8_kernel=None if mixes else partial(_move_codes, how),
    )


def _resize(how: Resizing, linear: bool, mixes: bool, xp: Namespace, *planes: Plane) -> Planes:
    if not mixes:
        return [resample_plane(xp, plane, how) for plane in planes]
    return run_premultiplied(xp, planes, lambda plane: resample_plane(xp, plane, how), linear=linear)


# A quarter of a thousandth of a code, where float32 resolves a fifteenth of that.
_UP = 2.0**-12 / 255


def _resize_uint8(how: Resizing, linear: bool, mixes: bool, xp: Namespace, *planes: Plane) -> Planes:
    """Resize codes so that halves are rounded up as in Pillow: ties are the same whatever way a picture takes."""
    resized = list(_resize(how, linear, mixes, xp, *planes))
    for plane in resized:
        plane += _UP  # in place, for it is new: other planes of fresh memory took a fifth of the time
    return resized


def _move_codes(how: Resizing, *planes: Plane) -> Planes:
    """Move codes that no other codes are mixed with."""
    from .._adapters import numpy as arrays

    return [resample_plane(arrays.namespace, plane, replace(how, clamp=False)) for plane in planes]
