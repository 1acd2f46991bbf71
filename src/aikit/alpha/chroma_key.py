"""One color of a picture made transparent: by distance, or by taking out as much of it as can be."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import Annotated

from .._check import Within, number
from .._foreign_names import explain_calls
from .._pixels import Namespace, Plane, Planes, Spec, load, parse_color, run
from ..errors import InputValueError, quoted
from ..types import Color, ImageT
from .premultiplied import NO_ALPHA, clip_alpha, divide_alpha, split_alpha_plane

__all__ = ["color_to_alpha", "make_transparent"]

Share = Annotated[float, Within(0, 1)]

# Closer than this two colors are the same: a sixteenth of a 16-bit step, above float32's rounding. Half floats
# round values near 1 more coarsely, but still to less than half an 8-bit step.
SAME = 1e-6
_SAME_IN = {"float16": 2**-12 + SAME, "bfloat16": 2**-9 + SAME}


@explain_calls
def make_transparent(
    image: ImageT, *, color: Color, tolerance: Share = 0.0, feather: Share = 0.0, bgr: bool = False
) -> ImageT:
    """Make one color of an image transparent.

    The distance of a pixel is its largest channel difference from the color. Up to `tolerance` it becomes fully
    transparent, from there alpha rises linearly to full over `feather`. For objects on a plain background a small
    tolerance and a feather of about 0.3 do well; for ink, shadows and smoke take `color_to_alpha`.

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
    tolerance, feather = number("tolerance", tolerance, 0, 1), number("feather", feather, 0, 1)
    opened = load(image, bgr=bgr)
    spec = opened.spec
    target = parse_opaque_color(color, spec, "color")
    reach = tolerance + _SAME_IN.get(spec.dtype, SAME)
    uint8_kernel = partial(_key_out_uint8, target, reach) if feather == 0 else None
    return run(partial(_key_out, target, tolerance, reach, feather), opened, uint8_kernel=uint8_kernel)


def _key_out(
    target: Sequence[float], tolerance: float, reach: float, feather: float, xp: Namespace, *planes: Plane
) -> Planes:
    color, alpha = split_alpha_plane(planes)
    distance = abs(color[0] - target[0])
    for plane, value in zip(repeat_gray(color, 3)[1:], target[1:], strict=True):
        distance = xp.maximum(distance, abs(plane - value))
    opacity = xp.clip((distance - tolerance) / feather, 0, 1) if feather > 0 else xp.ones_like(distance)
    opacity = opacity * (distance > reach)
    return [*color, opacity if alpha is None else opacity * clip_alpha(xp, alpha)]


def _key_out_uint8(target: Sequence[float], reach: float, *planes: Plane) -> Planes:
    """`_key_out` without feather on 8-bit codes: OpenCV finds the codes in range."""
    import cv2

    color, alpha = split_alpha_plane(planes)
    bounds = [(math.ceil((value - reach) * 255), math.floor((value + reach) * 255)) for value in target]
    if len(color) == 1:  # gray meets the color where it meets all three of its channels
        bounds = [(max(low for low, _ in bounds), min(high for _, high in bounds))]
    near: Plane = None
    for plane, (low, high) in zip(color, bounds, strict=True):
        within = cv2.inRange(plane, low, high)
        near = within if near is None else cv2.bitwise_and(near, within, near)
    opacity = cv2.bitwise_not(near)
    return [*color, opacity if alpha is None else cv2.bitwise_and(opacity, alpha)]


@explain_calls
def color_to_alpha(image: ImageT, *, color: Color, bgr: bool = False) -> ImageT:
    """Remove a color from an image by making it as transparent as it can be.

    Finds, for each pixel, the smallest alpha with which some color in gamut, laid over `color`, gives the pixel:
    what GIMP calls "color to alpha". Laid over the same color again, the picture returns. Light objects on white
    become see-through: to cut out an object take `make_transparent`.

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
    opened = load(image, bgr=bgr)
    spec = opened.spec
    target = parse_opaque_color(color, spec, "color")
    if spec.channels <= 2 and target[0] == target[1] == target[2]:
        target = target[:1]
    same = _SAME_IN.get(spec.dtype, SAME)
    return run(partial(_color_to_alpha, target, same), opened)


def _color_to_alpha(target: Sequence[float], same: float, xp: Namespace, *planes: Plane) -> Planes:
    color, given = split_alpha_plane(planes)
    color = repeat_gray(color, len(target))
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
    alpha = clip_alpha(xp, alpha)
    result = alpha if given is None else alpha * clip_alpha(xp, given)
    visible = result > NO_ALPHA
    parts = zip(divide_alpha(xp, moves, alpha), target, strict=True)
    return [*(xp.where(visible, xp.clip(part + value, 0, 1), 0.0) for part, value in parts), result]


def parse_opaque_color(color: Color, spec: Spec, subject: str) -> tuple[float, ...]:
    *rgb, alpha = parse_color(color, spec, subject)
    if alpha != 1:
        raise InputValueError(subject, "an opaque color", quoted(color), "leave its alpha out")
    return tuple(rgb)


def repeat_gray(color: Sequence[Plane], count: int) -> Planes:
    """Gray as three equal planes where color is wanted."""
    return list(color) * 3 if len(color) == 1 and count == 3 else list(color)
