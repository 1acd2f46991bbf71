"""Pictures over each other: flatten and the Porter-Duff operators."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from numbers import Real
from typing import Literal

from .._check import integer, one_of
from .._foreign_names import explain_calls
from .._pixels import (
    CHANNEL_NAMES,
    Kernel,
    Namespace,
    Opened,
    Plane,
    Planes,
    Spec,
    adapter,
    crop,
    load,
    load_beside,
    merge,
    run,
    split,
)
from ..errors import InputValueError
from ..types import AnyImage, Color, ImageT
from .channel import check_fits
from .chroma_key import SAME, parse_opaque_color, repeat_gray
from .premultiplied import NO_ALPHA, clip_alpha, divide_alpha, split_alpha_plane

__all__ = ["composite", "flatten"]

Operator = Literal["over", "in", "out", "atop", "xor"]

_CHECKER_LIGHT, _CHECKER_DARK, _CHECKER_SIDE = 255, 204, 8


@explain_calls
def flatten(image: ImageT, *, background: AnyImage | Color = "white", bgr: bool = False) -> ImageT:
    """Lay an image over an opaque background and drop its alpha channel.

    Args:
        image: any image or batch. Without an alpha channel it comes back as it is, as a copy.
        background: a color (a CSS name, a hex code, a number or tuple in the image's own units), an opaque image
            of any kind and the same height and width, or "checker" for a checkerboard.
        bgr: image and background run B, G, R(, A), but for a PIL background. Color arguments are always R, G, B.

    Returns:
        Same kind and dtype without alpha: RGB, or gray where both the image and the background are gray.

    Raises:
        InputValueError: the background is not opaque or has another size, or the color is not one.

    Example:
        >>> import numpy as np
        >>> flatten(np.array([[[200, 0, 0, 51]]], np.uint8)).tolist()
        [[[244, 204, 204]]]

    Source: Porter and Duff, "Compositing Digital Images", SIGGRAPH 1984 (over).
    """
    opened = load(image, bgr=bgr)
    spec = opened.spec
    if isinstance(background, str) and background == "checker":
        background = _checker(spec)
    kernel: Kernel = _over_picture
    uint8_kernel: Kernel | None = _over_picture_uint8
    others: list[Opened[AnyImage]] = []
    if isinstance(background, (str, Real, float, tuple, list)):
        color = parse_opaque_color(background, spec, "background")
        if spec.channels == 2 and color[0] == color[1] == color[2]:
            color = color[:1]
        codes = [round(value * 255) for value in color]
        is_code = all(abs(value * 255 - code) < SAME for value, code in zip(color, codes, strict=True))
        kernel = partial(_over_color, color)
        uint8_kernel = partial(_over_color_uint8, codes) if is_code else None
    else:
        under = load_beside(background, "background", bgr=bgr)
        if under.spec.has_alpha:
            raise InputValueError(
                "background",
                "an opaque image",
                CHANNEL_NAMES[under.spec.channels],
                "flatten it first, or use composite",
            )
        check_fits("background", under.spec, spec)
        others = [under]
    if not spec.has_alpha:
        copy: ImageT = merge(*split(opened))
        return copy
    return run(kernel, opened, *others, uint8_kernel=uint8_kernel)


def _over_color(background: Sequence[float], xp: Namespace, *planes: Plane) -> Planes:
    *color, alpha = planes
    alpha = clip_alpha(xp, alpha)
    color = repeat_gray(color, len(background))
    return [under + (plane - under) * alpha for plane, under in zip(color, background, strict=True)]


def _over_color_uint8(background: Sequence[int], *planes: Plane) -> Planes:
    """`_over_color` on 8-bit codes."""
    import cv2
    import numpy as np

    *color, alpha = planes
    rest = cv2.bitwise_not(alpha)
    # A gray background is one product for all channels.
    below = {code: np.multiply(rest, code, dtype=np.uint16) for code in set(background) - {0, 255}}
    blended = []
    for plane, code in zip(repeat_gray(color, len(background)), background, strict=True):
        if code == 0:
            blended.append(cv2.multiply(plane, alpha, scale=1 / 255))
        elif code == 255:  # black seen in the negative: stays in 8 bits, and is never a tie
            blended.append(cv2.bitwise_not(cv2.multiply(cv2.bitwise_not(plane), alpha, scale=1 / 255)))
        else:
            blended.append(_divide_by_255(np.multiply(plane, alpha, dtype=np.uint16), below[code]))
    return blended


def _divide_by_255(above: Plane, below: Plane) -> Plane:
    """The sum of two products of codes, in 16 bits, divided by 255 and rounded once; never a tie."""
    import cv2

    above += below
    return cv2.convertScaleAbs(above, None, 1 / 255)


def _over_picture(xp: Namespace, planes: Planes, under: Planes) -> Planes:
    *color, alpha = planes
    alpha = clip_alpha(xp, alpha)
    count = max(len(color), len(under))
    pairs = zip(repeat_gray(color, count), repeat_gray(under, count), strict=True)
    return [below + (plane - below) * alpha for plane, below in pairs]


def _over_picture_uint8(planes: Planes, under: Planes) -> Planes:
    """`_over_picture` on 8-bit codes."""
    import cv2
    import numpy as np

    *color, alpha = planes
    rest = cv2.bitwise_not(alpha)
    count = max(len(color), len(under))
    return [
        _divide_by_255(np.multiply(plane, alpha, dtype=np.uint16), np.multiply(below, rest, dtype=np.uint16))
        for plane, below in zip(repeat_gray(color, count), repeat_gray(under, count), strict=True)
    ]


def _checker(spec: Spec) -> Plane:
    """A checkerboard of the image's size, a gray uint8 array."""
    import numpy as np

    rows, columns = (np.arange(side) // _CHECKER_SIDE for side in (spec.height, spec.width))
    return np.where((rows[:, None] + columns) % 2, _CHECKER_DARK, _CHECKER_LIGHT).astype(np.uint8)


@explain_calls
def composite(
    foreground: AnyImage,
    background: ImageT,
    *,
    operator: Operator = "over",
    left: int = 0,
    top: int = 0,
    bgr: bool = False,
) -> ImageT:
    """Combine two images by a Porter-Duff operator.

    The background is the canvas: the result has its kind, size, dtype and metadata. The foreground may be
    smaller or larger and lie partly outside; where it does not reach it counts as transparent.

    Args:
        foreground: an image of any kind and dtype, or a batch as long as the background's.
        background: an image of any kind, or a batch.
        operator: "over"; "in" (foreground where the background is), "out" (foreground where it is not), "atop"
            (over, but only where the background is), "xor" (each where the other is not).
        left: column of the background at which the foreground's left edge lies, may be negative.
        top: row of the background at which the foreground's top edge lies, may be negative.
        bgr: the arrays and tensors run B, G, R(, A); a PIL image beside one is RGB as ever.

    Returns:
        Same kind, size and dtype as the background; gray only where both are. With "over" and "atop" an opaque
        background gives a result without alpha; everything else has straight alpha, and colors are 0 where it is 0.

    Raises:
        InputTypeError: not images, or an offset that is not an integer.
        InputValueError: an unknown operator, batches that do not match, or bgr with two PIL images.

    Example:
        >>> import numpy as np
        >>> red = np.array([[[255, 0, 0, 128]]], np.uint8)
        >>> blue = np.array([[[0, 0, 255, 255]]], np.uint8)
        >>> composite(red, blue).tolist()
        [[[128, 0, 127, 255]]]

    Source: Porter and Duff, "Compositing Digital Images", SIGGRAPH 1984.
    """
    one_of("operator", operator, _FACTORS)
    left, top = integer("left", left, -math.inf), integer("top", top, -math.inf)
    front, rear = load_beside(foreground, "foreground", bgr=bgr), load_beside(background, "background", bgr=bgr)
    over, under = front.spec, rear.spec
    if all(adapter(spec.kind).has_modes for spec in (over, under)) and bgr:
        raise InputValueError("bgr", "False for PIL images, which are always RGB", "True", "leave it out")
    check_fits("foreground", over, under, entire=False)
    if (over.height, over.width, left, top) == (under.height, under.width, 0, 0):
        return _lay_over(front, rear, operator)
    from .._adapters import numpy as arrays

    alone = partial(_operate_alone, operator, over.channels)
    canvas = run(partial(alone, 1), rear, uint8_kernel=partial(alone, 255, arrays.namespace))
    rows, at_rows = _overlap(top, over.height, under.height)
    columns, at_columns = _overlap(left, over.width, under.width)
    if rows.start < rows.stop and columns.start < columns.stop:
        met = crop(front, at_rows, at_columns), crop(rear, rows, columns)
        adapter(under.kind).paste(canvas, _lay_over(*met, operator), rows, columns)
    return canvas


def _overlap(start: int, length: int, available: int) -> tuple[slice, slice]:
    """The part of an axis of the canvas that the foreground reaches, and the same part of the foreground's axis."""
    first, last = max(0, start), max(0, min(available, start + length))
    return slice(first, last), slice(first - start, last - start)


def _operate_alone(operator: str, channels: int, full: int, xp: Namespace, *under: Plane) -> Planes:
    """Apply an operator to the background where nothing lies over it: `_composite` with a foreground of alpha 0."""
    color, alpha = split_alpha_plane(under)
    color = repeat_gray(color, 3 if channels > 2 else 1)
    if operator in ("in", "out"):
        return [xp.zeros_like(plane) for plane in (*color, color[0])]
    if alpha is None:
        return color if operator != "xor" else [*color, xp.full_like(color[0], full)]
    return [*(xp.where(alpha > NO_ALPHA, plane, 0) for plane in color), alpha if full > 1 else clip_alpha(xp, alpha)]


def _lay_over(foreground: Opened[AnyImage], background: Opened[ImageT], operator: str) -> ImageT:
    """Combine two images of one size."""
    if operator == "over" and foreground.spec.has_alpha and not background.spec.has_alpha:
        # The everyday case, on codes where both have them.
        return run(_under_picture, background, foreground, uint8_kernel=_under_picture_uint8)
    has_fast_path = operator == "over" and foreground.spec.has_alpha
    uint8_kernel = _composite_uint8 if has_fast_path else None
    return run(partial(_composite, operator), background, foreground, uint8_kernel=uint8_kernel)


def _under_picture(xp: Namespace, under: Planes, planes: Planes) -> Planes:
    return _over_picture(xp, planes, under)


def _under_picture_uint8(under: Planes, planes: Planes) -> Planes:
    return _over_picture_uint8(planes, under)


# Porter and Duff's table 1: the share of the foreground and of the background, from their alphas.
_FACTORS: dict[str, Callable[[Plane, Plane], tuple[Plane, Plane]]] = {
    "over": lambda over, under: (1, 1 - over),
    "in": lambda over, under: (under, 0),
    "out": lambda over, under: (1 - under, 0),
    "atop": lambda over, under: (under, 1 - over),
    "xor": lambda over, under: (1 - under, 1 - over),
}


def _composite(operator: str, xp: Namespace, under: Planes, over: Planes) -> Planes:
    keeps_opaque = len(under) in (1, 3) and operator in ("over", "atop")
    under, over = _with_alpha(xp, under), _with_alpha(xp, over)
    over_alpha, under_alpha = clip_alpha(xp, over[-1]), clip_alpha(xp, under[-1])
    over_share, under_share = _FACTORS[operator](over_alpha, under_alpha)
    over_share, under_share = over_share * over_alpha, under_share * under_alpha
    count = max(len(over), len(under)) - 1
    pairs = zip(repeat_gray(over[:-1], count), repeat_gray(under[:-1], count), strict=True)
    color = [above * over_share + below * under_share for above, below in pairs]
    if keeps_opaque:
        return color
    alpha = clip_alpha(xp, over_share + under_share)
    return [*divide_alpha(xp, color, alpha), alpha]


# Where more than this share of a strip is neither opaque nor empty, taking those pixels out costs more than it saves.
_FEW = 1 / 8


def _composite_uint8(under: Planes, over: Planes) -> Planes:
    """`_composite` "over" on 8-bit codes with alpha: copies, and the formula where the foreground is half transparent."""
    import cv2
    import numpy as np

    from .._adapters import numpy as arrays

    def blended(below: Planes, above: Planes) -> Planes:
        planes = [[arrays.widen(plane) for plane in planes] for planes in (below, above)]
        return [arrays.cast(plane, np.dtype(np.uint8)) for plane in _composite("over", arrays.namespace, *planes)]

    half = over[-1] + np.uint8(1) > 1  # 255 becomes 0
    if np.count_nonzero(half) > _FEW * half.size:
        return blended(under, over)
    count = max(len(over), len(under)) - 1
    visible = np.multiply(cv2.max(under[-1], over[-1]) > 0, 255, dtype=np.uint8)
    below, above = ([*repeat_gray(planes[:-1], count), planes[-1]] for planes in (under, over))
    result = [
        cv2.bitwise_and(cv2.copyTo(front, over[-1], np.array(rear, order="C")), visible)
        for front, rear in zip(above, below, strict=True)
    ]
    at = np.flatnonzero(half)
    if at.size:
        parts = blended(*([plane.ravel()[at] for plane in planes] for planes in (below, above)))
        for plane, part in zip(result, parts, strict=True):
            plane.ravel()[at] = part
    return result


def _with_alpha(xp: Namespace, planes: Planes) -> Planes:
    return list(planes) if len(planes) in (2, 4) else [*planes, xp.ones_like(planes[0])]
