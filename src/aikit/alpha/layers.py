"""Pictures over each other: flatten and the Porter-Duff operators."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from numbers import Real
from typing import Any, Literal

from .._arguments import one_of, whole
from .._foreign_names import explain_calls
from .._image import CHANNEL_NAMES, Opened, Planes, Spec, adapter, cut, kind_of, load, merge, run, split
from ..errors import InputValueError
from ..types import AnyImage, Color, ImageT
from .channel import check_fits
from .key import SAME, as_many, opaque_color
from .premultiplied import NO_ALPHA, apart, divide_alpha, limited

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
    kernel: Callable[..., Planes] = _over_picture
    codes: Callable[..., Planes] | None = _over_picture_codes
    others: list[Any] = []
    if isinstance(background, (str, Real, tuple, list)):
        color = opaque_color(background, spec, "background")
        if spec.channels == 2 and color[0] == color[1] == color[2]:
            color = color[:1]
        whole = [round(value * 255) for value in color]
        is_code = all(abs(value * 255 - code) < SAME for value, code in zip(color, whole, strict=True))
        kernel = partial(_over_color, color)
        codes = partial(_over_color_codes, whole) if is_code else None
    else:
        under = _load_second(background, "background", bgr)
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
        return merge(*split(opened))  # type: ignore[no-any-return]
    return run(kernel, opened, *others, codes=codes)  # type: ignore[no-any-return]


def _load_second(image: object, subject: str, bgr: bool) -> Opened:
    """Open an image beside another; of the two only arrays and tensors can run B, G, R."""
    return load(image, bgr=kind_of(image, subject) != "pil" and bgr, subject=subject)


def _over_color(background: Sequence[float], xp: Any, *planes: Any) -> Planes:
    *color, alpha = planes
    alpha = limited(xp, alpha)
    color = as_many(color, len(background))
    return [under + (plane - under) * alpha for plane, under in zip(color, background, strict=True)]


def _over_color_codes(background: Sequence[int], *planes: Any) -> Planes:
    """`_over_color` on 8-bit codes."""
    import cv2
    import numpy as np

    *color, alpha = planes
    rest = cv2.bitwise_not(alpha)
    # A gray background is one product for all channels.
    below = {code: np.multiply(rest, code, dtype=np.uint16) for code in set(background) - {0, 255}}
    blended = []
    for plane, code in zip(as_many(color, len(background)), background, strict=True):
        if code == 0:
            blended.append(cv2.multiply(plane, alpha, scale=1 / 255))
        elif code == 255:  # black seen in the negative: stays in 8 bits, and is never a tie
            blended.append(cv2.bitwise_not(cv2.multiply(cv2.bitwise_not(plane), alpha, scale=1 / 255)))
        else:
            blended.append(_divided(np.multiply(plane, alpha, dtype=np.uint16), below[code]))
    return blended


def _divided(above: Any, below: Any) -> Any:
    """The sum of two products of codes, in 16 bits, divided by 255 and rounded once; never a tie."""
    import cv2

    above += below
    return cv2.convertScaleAbs(above, None, 1 / 255)


def _over_picture(xp: Any, planes: Planes, under: Planes) -> Planes:
    *color, alpha = planes
    alpha = limited(xp, alpha)
    count = max(len(color), len(under))
    pairs = zip(as_many(color, count), as_many(under, count), strict=True)
    return [below + (plane - below) * alpha for plane, below in pairs]


def _over_picture_codes(planes: Planes, under: Planes) -> Planes:
    """`_over_picture` on 8-bit codes."""
    import cv2
    import numpy as np

    *color, alpha = planes
    rest = cv2.bitwise_not(alpha)
    count = max(len(color), len(under))
    return [
        _divided(np.multiply(plane, alpha, dtype=np.uint16), np.multiply(below, rest, dtype=np.uint16))
        for plane, below in zip(as_many(color, count), as_many(under, count), strict=True)
    ]


def _checker(spec: Spec) -> Any:
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
    left, top = whole("left", left, -math.inf), whole("top", top, -math.inf)
    opened = _load_second(foreground, "foreground", bgr), _load_second(background, "background", bgr)
    over, under = (image.spec for image in opened)
    if over.kind == under.kind == "pil" and bgr:
        raise InputValueError("bgr", "False for PIL images, which are always RGB", "True", "leave it out")
    check_fits("foreground", over, under, whole=False)
    if (over.height, over.width, left, top) == (under.height, under.width, 0, 0):
        return _laid_over(*opened, operator)  # type: ignore[no-any-return]
    alone = partial(_alone, operator, over.channels)
    canvas = run(partial(alone, 1), opened[1], codes=partial(alone, 255, adapter("numpy").namespace))
    rows, at_rows = _overlap(top, over.height, under.height)
    columns, at_columns = _overlap(left, over.width, under.width)
    if rows.start < rows.stop and columns.start < columns.stop:
        met = cut(opened[0], at_rows, at_columns), cut(opened[1], rows, columns)
        adapter(under.kind).paste(canvas, _laid_over(*met, operator), rows, columns)
    return canvas  # type: ignore[no-any-return]


def _overlap(start: int, length: int, room: int) -> tuple[slice, slice]:
    """The part of an axis of the canvas that the foreground reaches, and the same part of the foreground's axis."""
    first, last = max(0, start), max(0, min(room, start + length))
    return slice(first, last), slice(first - start, last - start)


def _alone(operator: str, channels: int, full: int, xp: Any, *under: Any) -> Planes:
    """What an operator makes of the background where nothing lies over it: `_composite` with a foreground of alpha 0."""
    color, alpha = apart(under)
    color = as_many(color, 3 if channels > 2 else 1)
    if operator in ("in", "out"):
        return [xp.zeros_like(plane) for plane in (*color, color[0])]
    if alpha is None:
        return color if operator != "xor" else [*color, xp.full_like(color[0], full)]
    return [*(xp.where(alpha > NO_ALPHA, plane, 0) for plane in color), alpha if full > 1 else limited(xp, alpha)]


def _laid_over(foreground: Opened, background: Opened, operator: str) -> Any:
    """Two images of one size."""
    if operator == "over" and foreground.spec.has_alpha and not background.spec.has_alpha:
        # The everyday case, on codes where both have them.
        return run(_under_picture, background, foreground, codes=_under_picture_codes)
    twin = operator == "over" and foreground.spec.has_alpha
    return run(partial(_composite, operator), background, foreground, codes=_composite_codes if twin else None)


def _under_picture(xp: Any, under: Planes, planes: Planes) -> Planes:
    return _over_picture(xp, planes, under)


def _under_picture_codes(under: Planes, planes: Planes) -> Planes:
    return _over_picture_codes(planes, under)


# Porter and Duff's table 1: the share of the foreground and of the background, from their alphas.
_FACTORS: dict[str, Callable[[Any, Any], tuple[Any, Any]]] = {
    "over": lambda over, under: (1, 1 - over),
    "in": lambda over, under: (under, 0),
    "out": lambda over, under: (1 - under, 0),
    "atop": lambda over, under: (under, 1 - over),
    "xor": lambda over, under: (1 - under, 1 - over),
}


def _composite(operator: str, xp: Any, under: Planes, over: Planes) -> Planes:
    keeps_opaque = len(under) in (1, 3) and operator in ("over", "atop")
    under, over = _with_alpha(xp, under), _with_alpha(xp, over)
    over_alpha, under_alpha = limited(xp, over[-1]), limited(xp, under[-1])
    over_share, under_share = _FACTORS[operator](over_alpha, under_alpha)
    over_share, under_share = over_share * over_alpha, under_share * under_alpha
    count = max(len(over), len(under)) - 1
    pairs = zip(as_many(over[:-1], count), as_many(under[:-1], count), strict=True)
    color = [above * over_share + below * under_share for above, below in pairs]
    if keeps_opaque:
        return color
    alpha = limited(xp, over_share + under_share)
    return [*divide_alpha(xp, color, alpha), alpha]


# Where more than this share of a band is neither opaque nor empty, taking those pixels out costs more than it saves.
_FEW = 1 / 8


def _composite_codes(under: Planes, over: Planes) -> Planes:
    """`_composite` "over" on 8-bit codes with alpha: copies, and the formula where the foreground is half transparent."""
    import cv2
    import numpy as np

    room = adapter("numpy")

    def blended(below: Planes, above: Planes) -> Planes:
        planes = [[room.widen(plane) for plane in planes] for planes in (below, above)]
        return [room.cast(plane, np.dtype(np.uint8)) for plane in _composite("over", room.namespace, *planes)]

    half = over[-1] + np.uint8(1) > 1  # 255 becomes 0
    if np.count_nonzero(half) > _FEW * half.size:
        return blended(under, over)
    count = max(len(over), len(under)) - 1
    visible = np.multiply(cv2.max(under[-1], over[-1]) > 0, 255, dtype=np.uint8)
    below, above = ([*as_many(planes[:-1], count), planes[-1]] for planes in (under, over))
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


def _with_alpha(xp: Any, planes: Planes) -> Planes:
    return list(planes) if len(planes) in (2, 4) else [*planes, xp.ones_like(planes[0])]
