"""Transparency: find it, take it apart, put it together, make it, and lay pictures over each other.

Every function takes every kind of image, and batches, and gives the same kind back. Alpha is straight
(not premultiplied) everywhere unless a function says otherwise. Integer images are computed in float32 and
rounded once, at the end.
"""

from __future__ import annotations

import math
import operator as operators
from collections.abc import Callable, Sequence
from functools import partial
from numbers import Real
from typing import TYPE_CHECKING, Any, Literal

from ._image import CHANNEL_NAMES, TOP, ImageT, Planes, Spec, adapter, kind_of, load, merge, parse_color, run, split
from .errors import InputTypeError, InputValueError

if TYPE_CHECKING:
    from ._image import AnyImage

__all__ = [
    "alpha_bbox",
    "color_to_alpha",
    "composite",
    "estimate_foreground",
    "flatten",
    "has_alpha",
    "is_transparent",
    "make_transparent",
    "merge_alpha",
    "premultiply",
    "split_alpha",
    "trim",
    "unpremultiply",
]

Operator = Literal["over", "in", "out", "atop", "xor"]
Color = str | float | tuple[float, ...]

# Up to here a pixel has no color left to recover: just under one 16-bit step, which float32 may round down.
_NO_ALPHA = 1 / 65536

# Closer than this two colors are the same: a sixteenth of a 16-bit step, above float32's rounding. Half floats
# round values near 1 more coarsely, but still to less than half an 8-bit step.
_SAME = 1e-6
_SAME_IN = {"float16": 2**-12 + _SAME, "bfloat16": 2**-9 + _SAME}

_CHECKER_LIGHT, _CHECKER_DARK, _CHECKER_SIDE = 255, 204, 8


# ---------------------------------------------------------------- looking


def has_alpha(image: AnyImage) -> bool:
    """Tell whether an image has an alpha channel, be it as a palette entry or a color key.

    A picture can have an alpha channel and still be opaque everywhere: see `is_transparent`.

    Args:
        image: a PIL image of any mode, an array (H, W) or (..., H, W, 1 to 4), or a tensor (..., 1 to 4, H, W).

    Returns:
        True for gray+alpha and RGBA, and for palettes and color keys that carry transparency.

    Raises:
        InputTypeError: not an image.

    Example:
        >>> from PIL import Image
        >>> has_alpha(Image.new("RGBA", (1, 1), "white"))
        True
    """
    return load(image)[1].has_alpha


def is_transparent(image: AnyImage) -> bool:
    """Tell whether some pixel is not fully opaque.

    Args:
        image: any image or batch; for a batch one such pixel in any picture is enough.

    Returns:
        False where there is no alpha channel, or alpha is full everywhere.

    Raises:
        InputTypeError: not an image.

    Example:
        >>> from PIL import Image
        >>> is_transparent(Image.new("RGBA", (1, 1), "white"))
        False
    """
    planes, spec = split(image)
    return spec.has_alpha and bool((_room(spec).comparable(planes[-1]) < _full(spec)).any())


def alpha_bbox(image: AnyImage, *, threshold: float = 0.0) -> tuple[int, int, int, int] | None:
    """Find the smallest box that holds every visible pixel.

    Args:
        image: any image; for a batch the box holds the visible pixels of all its pictures.
        threshold: alpha in [0, 1] up to which a pixel counts as invisible.

    Returns:
        (left, top, right, bottom) in pixels, right and bottom exclusive, as PIL's crop takes it;
        None where nothing is visible. An image without alpha is visible everywhere.

    Raises:
        InputTypeError: not an image.
        InputValueError: the threshold is outside [0, 1).

    Example:
        >>> import numpy as np
        >>> image = np.zeros((4, 5, 4), np.uint8)
        >>> image[1:3, 2, 3] = 255
        >>> alpha_bbox(image)
        (2, 1, 3, 3)
    """
    planes, spec = split(image)
    return _visible_box(planes, spec, threshold)


def trim(image: ImageT, *, threshold: float = 0.0) -> ImageT:
    """Cut off the transparent margins.

    Args:
        image: any image; the pictures of a batch are cut to one common box.
        threshold: alpha in [0, 1] up to which a pixel counts as invisible.

    Returns:
        Same kind and dtype, cut to `alpha_bbox(image)`; values unchanged. A copy.

    Raises:
        InputTypeError: not an image.
        InputValueError: nothing is visible, or the threshold is outside [0, 1).

    Example:
        >>> import numpy as np
        >>> image = np.zeros((4, 5, 4), np.uint8)
        >>> image[1:3, 2, 3] = 255
        >>> trim(image).shape
        (2, 1, 4)
    """
    planes, spec = split(image)
    box = _visible_box(planes, spec, threshold)
    if box is None:
        raise InputValueError("image: expected a visible pixel, got a fully transparent image; check alpha_bbox first.")
    left, top, right, bottom = box
    return merge([plane[..., top:bottom, left:right] for plane in planes], spec)  # type: ignore[no-any-return]


def _visible_box(planes: Planes, spec: Spec, threshold: float) -> tuple[int, int, int, int] | None:
    threshold = _unit("threshold", threshold)
    if threshold == 1:
        raise InputValueError("threshold: expected a number below 1, got 1; no pixel would be visible.")
    if not spec.has_alpha:
        return 0, 0, spec.width, spec.height
    visible = _room(spec).comparable(planes[-1]) > threshold * _full(spec)
    visible = visible.reshape(-1, spec.height, spec.width).any(0)
    rows, columns = visible.any(1).tolist(), visible.any(0).tolist()
    if True not in rows:
        return None
    left, top = columns.index(True), rows.index(True)
    return left, top, spec.width - columns[::-1].index(True), spec.height - rows[::-1].index(True)


def _room(spec: Spec) -> Any:
    """The adapter of the planes' own namespace; PIL's planes are NumPy's."""
    return adapter("torch" if spec.kind == "torch" else "numpy")


def _full(spec: Spec) -> int:
    """The value of an opaque pixel."""
    return TOP.get(spec.dtype, 1)


def _unit(subject: str, value: object) -> float:
    """The value as a float, if it is a number from 0 to 1."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise InputTypeError(f"{subject}: expected a number from 0 to 1, got {value!r}; pass one.")
    number = float(value)
    if not 0 <= number <= 1:
        raise InputValueError(f"{subject}: expected a number from 0 to 1, got {value!r}; pass one in that range.")
    return number


def _check_fits(subject: str, given: Spec, spec: Spec, *, whole: bool = True) -> None:
    """Refuse a second image of another size, unless only a part of it counts, or of another batch."""
    if whole and (given.height, given.width) != (spec.height, spec.width):
        raise InputValueError(
            f"{subject}: expected height x width {spec.height}x{spec.width}, got {given.height}x{given.width}; resize it."
        )
    if given.batch not in ((), spec.batch):
        expected = f"one picture or a batch of shape {spec.batch}" if spec.batch else "one picture"
        raise InputValueError(
            f"{subject}: expected {expected}, got a batch of shape {given.batch}; take its pictures one by one."
        )


# ---------------------------------------------------------------- taking apart and putting together


def split_alpha(image: ImageT) -> tuple[ImageT, ImageT]:
    """Take an image apart into color and alpha.

    Args:
        image: any image or batch.

    Returns:
        (color, alpha): the gray or RGB part, values unchanged, and a gray image of the same kind, dtype and
        size, opaque everywhere where the image has no alpha.

    Raises:
        InputTypeError: not an image.

    Example:
        >>> from PIL import Image
        >>> color, alpha = split_alpha(Image.new("RGBA", (1, 1), (10, 20, 30, 40)))
        >>> color.getpixel((0, 0)), alpha.getpixel((0, 0))
        ((10, 20, 30), 40)
    """
    planes, spec = split(image)
    color = planes[:-1] if spec.has_alpha else planes
    alpha = planes[-1] if spec.has_alpha else _opaque(planes[0], spec)
    return merge(color, spec), merge([alpha], spec)


def merge_alpha(image: ImageT, alpha: AnyImage | float = 1.0) -> ImageT:
    """Give an image an alpha channel, in place of the one it may have.

    Args:
        image: any image or batch.
        alpha: a gray image of any kind and dtype and the same height and width, or one number from 0 to 1
            for all pixels.

    Returns:
        Same kind and dtype with alpha last: gray+alpha or RGBA. Colors unchanged, float alpha clipped to [0, 1].

    Raises:
        InputTypeError: not an image.
        InputValueError: alpha has several channels or another size, or the number lies outside [0, 1].

    Example:
        >>> import numpy as np
        >>> merge_alpha(np.array([[7]], np.uint8), 0.5).tolist()
        [[[7, 128]]]
    """
    planes, spec = split(image)
    color: Planes = planes[:-1] if spec.has_alpha else planes
    if isinstance(alpha, Real):
        plane = _opaque(color[0], spec, _unit("alpha", alpha))
    else:
        plane = _alpha_plane(alpha, color[0], spec)
    return merge([*color, plane], spec)  # type: ignore[no-any-return]


def _opaque(like: Any, spec: Spec, alpha: float = 1.0) -> Any:
    """A plane of one alpha value, in the image's own units."""
    value = alpha * _full(spec)
    return _room(spec).namespace.full_like(like, round(value) if spec.dtype in TOP else value)


def _alpha_plane(alpha: Any, like: Any, spec: Spec) -> Any:
    """One plane of alpha from an image of any kind, in the namespace, dtype and shape of `like`."""
    pixels, given = load(alpha, subject="alpha")
    if given.channels != 1:
        raise InputValueError(
            f"alpha: expected a gray image, got {CHANNEL_NAMES[given.channels]}; take one channel, or split_alpha(image)[1]."
        )
    _check_fits("alpha", given, spec)
    room = _room(spec)
    plane = room.plane_like(pixels, given, like)
    plane = plane if spec.dtype in TOP else _limited(room.namespace, plane)
    return room.namespace.broadcast_to(plane, like.shape)


# ---------------------------------------------------------------- premultiplied color


def premultiply(image: ImageT) -> ImageT:
    """Multiply the color channels by alpha.

    Filters that mix pixels need this: in straight color the hidden values of transparent pixels leak out.

    Args:
        image: gray+alpha or RGBA, any height and width, leading batch axes allowed. Integers span their full range,
            floats [0, 1].

    Returns:
        Same kind, shape and dtype, with premultiplied color; alpha clipped to [0, 1]. In 8 bit this loses color
        where alpha is low: give floats where it is to be undone.

    Raises:
        InputValueError: the image has no alpha channel.

    Example:
        >>> import numpy as np
        >>> premultiply(np.array([[[128, 0, 0, 128]]], np.uint8)).tolist()
        [[[64, 0, 0, 128]]]

    Source: Porter and Duff, "Compositing Digital Images", SIGGRAPH 1984.
    """
    return run(_premultiply, image, needs="alpha", codes=_premultiply_codes)  # type: ignore[no-any-return]


def _premultiply(xp: Any, *planes: Any) -> Planes:
    *color, alpha = planes
    alpha = _limited(xp, alpha)
    return [plane * alpha for plane in color] + [alpha]


def _premultiply_codes(*planes: Any) -> Planes:
    """`_premultiply` on 8-bit codes: OpenCV rounds to nearest, and a product of codes / 255 is never a tie."""
    import cv2

    *color, alpha = planes
    return [cv2.multiply(plane, alpha, scale=1 / 255) for plane in color] + [alpha]


def unpremultiply(image: ImageT) -> ImageT:
    """Divide the color channels by alpha.

    Where alpha is 0 there is no color to recover; those pixels become black.

    Args:
        image: gray+alpha or RGBA with premultiplied color, any height and width, leading batch axes allowed.
            Integers span their full range, floats [0, 1].

    Returns:
        Same kind, shape and dtype. Straight alpha. Colors clipped to [0, 1] before rounding to integers.

    Raises:
        InputValueError: the image has no alpha channel.

    Example:
        >>> import numpy as np
        >>> unpremultiply(np.array([[[64, 0, 0, 128]]], np.uint8)).tolist()
        [[[128, 0, 0, 128]]]

    Source: Porter and Duff, "Compositing Digital Images", SIGGRAPH 1984.
    """
    return run(_unpremultiply, image, needs="alpha")  # type: ignore[no-any-return]


def _unpremultiply(xp: Any, *planes: Any) -> Planes:
    *color, alpha = planes
    alpha = _limited(xp, alpha)
    return [*_divide(xp, color, alpha), alpha]


def _limited(xp: Any, alpha: Any) -> Any:
    """Alpha in [0, 1], with a gradient also at 0 and 1, where most of alpha lies: torch's `clip` has none there."""
    if xp.__name__ == "numpy":
        return xp.clip(alpha, 0, 1)  # a twelfth of the time of `where`
    return xp.where(alpha > 1, 1.0, xp.where(alpha < 0, 0.0, alpha))


def _divide(xp: Any, color: Planes, alpha: Any) -> Planes:
    """Color divided by alpha, 0 where there is no alpha; gradients stay finite there."""
    visible = alpha > _NO_ALPHA
    scale = xp.where(visible, 1 / xp.where(visible, alpha, 1.0), 0.0)
    return [plane * scale for plane in color]


# ---------------------------------------------------------------- laying over


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
    spec = load(image, bgr=bgr)[1]
    if isinstance(background, str) and background == "checker":
        background = _checker(spec)
    kernel: Callable[..., Planes] = _over_picture
    others, codes = [background], None
    if isinstance(background, (str, Real, tuple, list)):
        color = _opaque_color(background, spec, "background")
        if spec.channels == 2 and color[0] == color[1] == color[2]:
            color = color[:1]
        whole = [round(value * 255) for value in color]
        if all(abs(value * 255 - code) < _SAME for value, code in zip(color, whole, strict=True)):
            codes = partial(_over_color_codes, whole)
        kernel, others = partial(_over_color, color), []
    else:
        under = _load_second(background, "background", bgr)
        if under.has_alpha:
            raise InputValueError(
                f"background: expected an opaque image, got {CHANNEL_NAMES[under.channels]}; flatten it first, or use composite."
            )
        _check_fits("background", under, spec)
    if not spec.has_alpha:
        return merge(*split(image))  # type: ignore[no-any-return]
    return run(kernel, image, *others, bgr=bgr, codes=codes)  # type: ignore[no-any-return]


def _load_second(image: object, subject: str, bgr: bool) -> Spec:
    """The Spec of an image beside another; of the two only arrays and tensors can run B, G, R."""
    return load(image, bgr=bgr and kind_of(image, subject) != "pil", subject=subject)[1]


def _opaque_color(color: Any, spec: Spec, subject: str) -> tuple[float, ...]:
    *rgb, alpha = parse_color(color, spec, subject)
    if alpha != 1:
        raise InputValueError(f"{subject}: expected an opaque color, got {color!r}; leave its alpha out.")
    return tuple(rgb)


def _over_color(background: Sequence[float], xp: Any, *planes: Any) -> Planes:
    *color, alpha = planes
    alpha = _limited(xp, alpha)
    color = _as_many(color, len(background))
    return [under + (plane - under) * alpha for plane, under in zip(color, background, strict=True)]


def _over_color_codes(background: Sequence[int], *planes: Any) -> Planes:
    """`_over_color` on 8-bit codes: products in 16 bits, divided and rounded once."""
    import cv2
    import numpy as np

    *color, alpha = planes
    rest = cv2.bitwise_not(alpha)
    # A gray background is one product for all channels.
    below = {code: np.multiply(rest, code, dtype=np.uint16) for code in set(background)}
    blended = []
    for plane, code in zip(_as_many(color, len(background)), background, strict=True):
        total = np.multiply(plane, alpha, dtype=np.uint16)
        total += below[code]
        blended.append(cv2.convertScaleAbs(total, None, 1 / 255))
    return blended


def _over_picture(xp: Any, planes: Planes, under: Planes) -> Planes:
    *color, alpha = planes
    alpha = _limited(xp, alpha)
    count = max(len(color), len(under))
    pairs = zip(_as_many(color, count), _as_many(under, count), strict=True)
    return [below + (plane - below) * alpha for plane, below in pairs]


def _as_many(color: Sequence[Any], count: int) -> list[Any]:
    """Gray as three equal planes where color is wanted."""
    return list(color) * 3 if len(color) == 1 and count == 3 else list(color)


def _checker(spec: Spec) -> Any:
    """A checkerboard of the image's size, a gray uint8 array."""
    import numpy as np

    rows, columns = (np.arange(side) // _CHECKER_SIDE for side in (spec.height, spec.width))
    return np.where((rows[:, None] + columns) % 2, _CHECKER_DARK, _CHECKER_LIGHT).astype(np.uint8)


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
    if operator not in list(_FACTORS):
        raise InputValueError(f"operator: expected one of {', '.join(_FACTORS)}, got {operator!r}; pass one of these.")
    at: tuple[int, int] = _whole("left", left), _whole("top", top)
    over, under = _load_second(foreground, "foreground", bgr), _load_second(background, "background", bgr)
    if bgr and over.kind == under.kind == "pil":
        raise InputValueError("bgr: expected False for PIL images, which are always RGB, got True; leave it out.")
    _check_fits("foreground", over, under, whole=False)
    fits = (over.height, over.width, *at) == (under.height, under.width, 0, 0)
    kernel = partial(_composite, operator, None if fits else at)
    return run(kernel, background, foreground, bgr=bgr, pointwise=fits)  # type: ignore[no-any-return]


def _whole(subject: str, value: object) -> int:
    """The value as an int, if it is an integer of any kind."""
    try:
        if not isinstance(value, bool):
            return operators.index(value)  # type: ignore[arg-type]
    except TypeError:
        pass
    raise InputTypeError(f"{subject}: expected an integer number of pixels, got {value!r}; round it.")


# Porter and Duff's table 1: the share of the foreground and of the background, from their alphas.
_FACTORS: dict[str, Callable[[Any, Any], tuple[Any, Any]]] = {
    "over": lambda over, under: (1, 1 - over),
    "in": lambda over, under: (under, 0),
    "out": lambda over, under: (1 - under, 0),
    "atop": lambda over, under: (under, 1 - over),
    "xor": lambda over, under: (1 - under, 1 - over),
}


def _composite(operator: str, offset: tuple[int, int] | None, xp: Any, under: Planes, over: Planes) -> Planes:
    keeps_opaque = len(under) in (1, 3) and operator in ("over", "atop")
    under, over = _with_alpha(xp, under), _with_alpha(xp, over)
    if offset is not None:
        over = [_placed(xp, plane, under[0], offset) for plane in over]
    over_alpha, under_alpha = _limited(xp, over[-1]), _limited(xp, under[-1])
    over_share, under_share = _FACTORS[operator](over_alpha, under_alpha)
    over_share, under_share = over_share * over_alpha, under_share * under_alpha
    count = max(len(over), len(under)) - 1
    pairs = zip(_as_many(over[:-1], count), _as_many(under[:-1], count), strict=True)
    color = [above * over_share + below * under_share for above, below in pairs]
    if keeps_opaque:
        return color
    alpha = _limited(xp, over_share + under_share)
    return [*_divide(xp, color, alpha), alpha]


def _with_alpha(xp: Any, planes: Planes) -> Planes:
    return list(planes) if len(planes) in (2, 4) else [*planes, xp.ones_like(planes[0])]


def _placed(xp: Any, plane: Any, canvas: Any, offset: tuple[int, int]) -> Any:
    """A plane on an empty canvas, cut where it reaches beyond."""
    left, top = offset
    height, width = canvas.shape[-2:]
    rows = slice(max(0, -top), max(0, min(plane.shape[-2], height - top)))
    columns = slice(max(0, -left), max(0, min(plane.shape[-1], width - left)))
    cut = plane[..., rows, columns]
    placed = xp.zeros_like(canvas)
    at_row, at_column = max(0, top), max(0, left)
    placed[..., at_row : at_row + cut.shape[-2], at_column : at_column + cut.shape[-1]] = cut
    return placed


# ---------------------------------------------------------------- making transparent


def make_transparent(
    image: ImageT, *, color: Color, tolerance: float = 0.0, feather: float = 0.0, bgr: bool = False
) -> ImageT:
    """Make one color of an image transparent.

    The distance of a pixel is its largest channel difference from the color. Up to `tolerance` it becomes fully
    transparent, from there alpha rises linearly to full over `feather`. For a soft edge against a plain
    background `color_to_alpha` and `estimate_foreground` do better.

    Args:
        image: any image or batch; existing alpha is multiplied in.
        color: a CSS name, a hex code, a number or a tuple in the image's own units; R, G, B whatever `bgr` says.
        tolerance: from 0 to 1; JPEG noise around a flat color needs about 0.05.
        feather: from 0 to 1.
        bgr: the array or tensor runs B, G, R(, A).

    Returns:
        Same kind and dtype with an alpha channel. Colors unchanged.

    Raises:
        InputTypeError: not an image, or not a color.
        InputValueError: tolerance or feather outside [0, 1], or a color outside the image's range.

    Example:
        >>> import numpy as np
        >>> make_transparent(np.array([[250, 100]], np.uint8), color="white", tolerance=0.05).tolist()
        [[[250, 0], [100, 255]]]
    """
    tolerance, feather = _unit("tolerance", tolerance), _unit("feather", feather)
    spec = load(image, bgr=bgr)[1]
    target = _opaque_color(color, spec, "color")
    reach = tolerance + _SAME_IN.get(spec.dtype, _SAME)
    codes = partial(_key_out_codes, target, reach) if feather == 0 else None
    return run(partial(_key_out, target, tolerance, reach, feather), image, bgr=bgr, codes=codes)  # type: ignore[no-any-return]


def _key_out(target: Sequence[float], tolerance: float, reach: float, feather: float, xp: Any, *planes: Any) -> Planes:
    color = planes[:-1] if len(planes) in (2, 4) else planes
    distance = abs(color[0] - target[0])
    for plane, value in zip(_as_many(color, 3)[1:], target[1:], strict=True):
        distance = xp.maximum(distance, abs(plane - value))
    opacity = xp.clip((distance - tolerance) / feather, 0, 1) if feather > 0 else xp.ones_like(distance)
    opacity = opacity * (distance > reach)
    return [*color, _times_alpha(xp, opacity, planes)]


def _times_alpha(xp: Any, opacity: Any, planes: Sequence[Any]) -> Any:
    """Opacity times the alpha that the planes may already have."""
    return opacity * _limited(xp, planes[-1]) if len(planes) in (2, 4) else opacity


def _key_out_codes(target: Sequence[float], reach: float, *planes: Any) -> Planes:
    """`_key_out` without feather on 8-bit codes: OpenCV finds the codes in range."""
    import cv2

    color = planes[:-1] if len(planes) in (2, 4) else planes
    bounds = [(math.ceil((value - reach) * 255), math.floor((value + reach) * 255)) for value in target]
    if len(color) == 1:  # gray meets the color where it meets all three of its channels
        bounds = [(max(low for low, _ in bounds), min(high for _, high in bounds))]
    near: Any = None
    for plane, (low, high) in zip(color, bounds, strict=True):
        within = cv2.inRange(plane, low, high)
        near = within if near is None else cv2.bitwise_and(near, within, near)
    opacity = cv2.bitwise_not(near)
    return [*color, cv2.bitwise_and(opacity, planes[-1]) if len(planes) in (2, 4) else opacity]


def color_to_alpha(image: ImageT, *, color: Color, bgr: bool = False) -> ImageT:
    """Remove a color from an image by making it as transparent as it can be.

    Finds, for each pixel, the smallest alpha with which some color in gamut, laid over `color`, gives the pixel:
    what GIMP calls "color to alpha". Laid over the same color again, the picture returns.

    Args:
        image: any image or batch; existing alpha is multiplied in.
        color: a CSS name, a hex code, a number or a tuple in the image's own units; R, G, B whatever `bgr` says.
        bgr: the array or tensor runs B, G, R(, A).

    Returns:
        Same kind and dtype with an alpha channel; a gray image stays gray if the color is gray.
        Colors are 0 where alpha is 0.

    Raises:
        InputTypeError: not an image, or not a color.
        InputValueError: a color outside the image's range.

    Example:
        >>> import numpy as np
        >>> color_to_alpha(np.array([[255, 127]], np.uint8), color="white").tolist()
        [[[0, 0], [0, 128]]]
    """
    spec = load(image, bgr=bgr)[1]
    target = _opaque_color(color, spec, "color")
    if spec.channels <= 2 and target[0] == target[1] == target[2]:
        target = target[:1]
    same = _SAME_IN.get(spec.dtype, _SAME)
    return run(partial(_color_to_alpha, target, same), image, bgr=bgr)  # type: ignore[no-any-return]


def _color_to_alpha(target: Sequence[float], same: float, xp: Any, *planes: Any) -> Planes:
    color = _as_many(planes[:-1] if len(planes) in (2, 4) else planes, len(target))
    alpha = xp.zeros_like(color[0])
    moves = []
    for plane, value in zip(color, target, strict=True):
        move = plane - value
        move = move * (abs(move) > same)
        moves.append(move)
        # Above the color the pixel can be white at most, below it black at most.
        if value < 1:
            alpha = xp.maximum(alpha, move / (1 - value))
        if value > 0:
            alpha = xp.maximum(alpha, -move / value)
    alpha = _limited(xp, alpha)
    result = _times_alpha(xp, alpha, planes)
    visible = result > _NO_ALPHA
    parts = zip(_divide(xp, moves, alpha), target, strict=True)
    return [*(xp.where(visible, xp.clip(part + value, 0, 1), 0.0) for part, value in parts), result]


# ---------------------------------------------------------------- decontamination


def estimate_foreground(image: ImageT) -> ImageT:
    """Estimate the foreground's own colors where a soft alpha still shows the old background.

    A cut-out keeps the old background mixed into its soft edges, which shows as a fringe over a new one. This
    solves image = alpha * foreground + (1 - alpha) * background for the smoothest pair of pictures, from coarse
    to fine.

    Args:
        image: gray+alpha or RGBA as cut out, colors still mixed; any height and width, leading batch axes allowed.

    Returns:
        Same kind, shape and dtype; alpha unchanged, colors those of the foreground alone, in [0, 1]. Opaque
        pixels keep theirs. Where alpha is 0 the nearest foreground's color goes on.

    Raises:
        InputValueError: the image has no alpha channel.

    Example:
        >>> import numpy as np
        >>> row = np.array([[[200, 0, 0, 255], [100, 100, 100, 128], [0, 200, 200, 0]]], np.uint8)
        >>> estimate_foreground(row)[0, 1, :3].argmax()
        np.int64(0)

    Source: Germer, Uelwer, Conrad and Harmeling, "Fast Multi-Level Foreground Estimation", ICPR 2020.
    """
    return run(_estimate_foreground, image, needs="alpha", pointwise=False)  # type: ignore[no-any-return]


# The paper's regularization, and more than its two rounds a level: a plane kernel updates all pixels at once
# (Jacobi), where the paper goes from one to the next (Gauss-Seidel), which converges twice as fast. The full
# size, three quarters of the work, needs one round: what that leaves over, the last step below puts right.
_SMOOTHNESS, _SMALL_SIDE, _SMALL_ROUNDS, _ROUNDS, _LAST_ROUNDS = 1e-5, 32, 20, 6, 1


def _estimate_foreground(xp: Any, *planes: Any) -> Planes:
    *color, alpha = planes
    alpha = _limited(xp, alpha)
    height, width = alpha.shape[-2:]
    levels = max(1, math.ceil(math.log2(max(height, width))))
    pairs = [(_mean_where(xp, plane, alpha > 0.9), _mean_where(xp, plane, alpha < 0.1)) for plane in color]
    for level in range(levels + 1):
        size = round(height ** (level / levels)), round(width ** (level / levels))
        rounds = _SMALL_ROUNDS if max(size) <= _SMALL_SIDE else _ROUNDS if level < levels else _LAST_ROUNDS
        small_alpha = _nearest(alpha, size)
        pull = _Pull(xp, small_alpha)
        pairs = [
            pull.solve(_nearest(plane, size), _nearest(front, size), _nearest(back, size), rounds)
            for plane, (front, back) in zip(color, pairs, strict=True)
        ]
    # What the pair leaves unexplained is the foreground's, as far as alpha says: all of it where alpha is 1.
    rest, opaque = 1 - alpha, alpha == 1
    pure = []
    for plane, (front, back) in zip(color, pairs, strict=True):
        missing = plane - alpha * front - rest * back
        pure.append(xp.where(opaque, plane, xp.clip(front + alpha * missing, 0, 1)))
    return [*pure, planes[-1]]


def _mean_where(xp: Any, plane: Any, mask: Any) -> Any:
    """The mean of the marked pixels as a 1x1 plane, of all pixels where none is marked."""
    weight = xp.where(mask, xp.ones_like(plane), xp.zeros_like(plane))
    count = weight.sum((-2, -1))[..., None, None]
    mean = (plane * weight).sum((-2, -1))[..., None, None] / xp.where(count > 0, count, xp.ones_like(count))
    return xp.where(count > 0, mean, plane.mean((-2, -1))[..., None, None])


def _nearest(plane: Any, size: tuple[int, int]) -> Any:
    if tuple(plane.shape[-2:]) == size:
        return plane
    rows, columns = ([at * old // new for at in range(new)] for old, new in zip(plane.shape[-2:], size, strict=True))
    return plane[..., rows, :][..., columns]


def _neighbors(xp: Any, plane: Any) -> Planes:
    """The plane seen from its four sides, edges repeated."""
    wide = xp.concatenate([plane[..., :1], plane, plane[..., -1:]], axis=-1)
    tall = xp.concatenate([plane[..., :1, :], plane, plane[..., -1:, :]], axis=-2)
    return [wide[..., :-2], wide[..., 2:], tall[..., :-2, :], tall[..., 2:, :]]


class _Pull:
    """One level: each pixel's 2x2 system, solved for all pixels at once with their neighbors as they are.

    The neighbors pull most across the edge of alpha, so that colors flow along it.
    """

    def __init__(self, xp: Any, alpha: Any) -> None:
        self.xp = xp
        self.alpha, self.rest = alpha, 1 - alpha
        weights = [_SMOOTHNESS + abs(alpha - near) for near in _neighbors(xp, alpha)]
        total = sum(weights)
        self.weights = [weight / total for weight in weights]
        gain = 1 / (self.alpha * self.alpha + self.rest * self.rest + total)
        self.front_gain, self.back_gain = self.alpha * gain, self.rest * gain

    def solve(self, plane: Any, front: Any, back: Any, rounds: int) -> tuple[Any, Any]:
        for _ in range(rounds):
            front, back = self.mean(front), self.mean(back)
            missing = plane - self.alpha * front - self.rest * back
            front = self.xp.clip(front + self.front_gain * missing, 0, 1)
            back = self.xp.clip(back + self.back_gain * missing, 0, 1)
        return front, back

    def mean(self, plane: Any) -> Any:
        return sum(weight * near for weight, near in zip(self.weights, _neighbors(self.xp, plane), strict=True))
