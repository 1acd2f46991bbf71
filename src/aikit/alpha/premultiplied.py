"""Color times alpha, and back: what every operation that mixes pixels needs."""

from __future__ import annotations

from collections.abc import Sequence

from .._foreign_names import explain_calls
from .._pixels import Namespace, Plane, Planes, run
from ..types import ImageT

__all__ = ["premultiply", "unpremultiply"]

# Up to here a pixel has no color left to recover: just under one 16-bit step, which float32 may round down.
NO_ALPHA = 1 / 65536


@explain_calls
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
    return run(_premultiply, image, needs="alpha", uint8_kernel=_premultiply_uint8)


def _premultiply(xp: Namespace, *planes: Plane) -> Planes:
    *color, alpha = planes
    alpha = clip_alpha(xp, alpha)
    return [plane * alpha for plane in color] + [alpha]


def _premultiply_uint8(*planes: Plane) -> Planes:
    """`_premultiply` on 8-bit codes: OpenCV rounds to nearest, and a product of codes / 255 is never a tie."""
    import cv2

    *color, alpha = planes
    return [cv2.multiply(plane, alpha, scale=1 / 255) for plane in color] + [alpha]


@explain_calls
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
    return run(_unpremultiply, image, needs="alpha", uint8_kernel=_unpremultiply_uint8)


def _unpremultiply(xp: Namespace, *planes: Plane) -> Planes:
    *color, alpha = planes
    alpha = clip_alpha(xp, alpha)
    return [*divide_alpha(xp, color, alpha), alpha]


def _unpremultiply_uint8(*planes: Plane) -> Planes:
    """Do the same on 8-bit codes."""
    from .._adapters import numpy as arrays

    return arrays.unpremultiply_uint8(list(planes))


def split_alpha_plane(planes: Sequence[Plane]) -> tuple[Planes, Plane]:
    """Split planes into those of color, and alpha or None."""
    has_alpha = len(planes) in (2, 4)
    return list(planes[:-1] if has_alpha else planes), planes[-1] if has_alpha else None


def clip_alpha(xp: Namespace, alpha: Plane) -> Plane:
    """Clip alpha to [0, 1], with a gradient also at 0 and 1, where most of alpha lies: torch's `clip` has none there."""
    if xp.__name__ == "numpy":
        return xp.clip(alpha, 0, 1)  # a twelfth of the time of `where`
    return xp.where(alpha > 1, 1.0, xp.where(alpha < 0, 0.0, alpha))


def divide_alpha(xp: Namespace, color: Planes, alpha: Plane) -> Planes:
    """Divide color by alpha, 0 where there is no alpha; gradients stay finite there."""
    visible = alpha > NO_ALPHA
    scale = xp.where(visible, 1 / xp.where(visible, alpha, 1.0), 0.0)
    return [plane * scale for plane in color]
