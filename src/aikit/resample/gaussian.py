"""Blur, and the unsharp mask made of it."""

from __future__ import annotations

import math
from functools import lru_cache, partial, reduce
from typing import Annotated

import numpy as np

from .._adapters.numpy import Array
from .._check import Within, number, switch
from .._foreign_names import explain_calls
from .._pixels import Namespace, Plane, Planes, load, run
from ..alpha.premultiplied import NO_ALPHA, split_alpha_plane
from ..types import ImageT
from .passes import Taps, apply_taps, run_premultiplied, stack_planes, unstack_planes

__all__ = ["blur", "sharpen"]

# A kernel of 8001 pixels: wider ones say the same of any picture, and take minutes.
_WIDEST = 1000


@explain_calls
def blur(image: ImageT, sigma: Annotated[float, Within(0, _WIDEST, unit="pixels")]) -> ImageT:
    """Blur an image with a Gaussian, without letting hidden colors out.

    Args:
        image: any image or batch.
        sigma: the standard deviation in pixels, 0 to 1000. The kernel ends at 4 sigma; beyond the edges the
            outermost pixels go on.

    Returns:
        Same kind, shape and dtype. Colors are 0 where alpha is below 1/65535. Differentiable in torch, once.

    Raises:
        InputTypeError: not an image, or sigma is not a number.
        InputValueError: sigma is outside [0, 1000].

    Example:
        >>> import numpy as np
        >>> row = np.zeros((1, 9), np.float32)
        >>> row[0, 4] = 1
        >>> round(float(blur(row, 1)[0, 4]), 3)
        0.399
    """
    sigma = number("sigma", sigma, 0, _WIDEST)
    return run(partial(_blur, sigma), load(image), pointwise=False)


@lru_cache(maxsize=32)
def _gaussian(sigma: float) -> Array:
    """Make weights that add up to 1, to the nearest pixel to 4 sigma on either side."""
    radius = int(4 * sigma + 0.5)
    offsets = np.arange(-radius, radius + 1)
    weights = np.exp(-0.5 * (offsets / sigma) ** 2) if radius else np.ones(1)
    normalized: Array = weights / weights.sum()
    return normalized


def _blur(sigma: float, xp: Namespace, *planes: Plane) -> Planes:
    if len(_gaussian(sigma)) == 1:
        return list(planes)
    return run_premultiplied(xp, planes, lambda plane: blur_plane(xp, plane, sigma))


def blur_taps(side: int, sigma: float) -> Taps:
    """Make the taps of a blur; beyond the edges the outermost pixel is repeated."""
    weights = _gaussian(sigma)
    offsets = np.arange(len(weights), dtype=np.int32) - len(weights) // 2
    positions = np.clip(np.arange(side, dtype=np.int32) + offsets[:, None], 0, side - 1)
    return positions, np.broadcast_to(weights[:, None], positions.shape)


def blur_plane(xp: Namespace, plane: Plane, sigma: float) -> Plane:
    """Blur a plane with a Gaussian, one axis and then the other."""
    if xp.__name__ == "numpy":
        return _blurred_by_opencv(plane, _gaussian(sigma))
    for axis in (-1, -2):
        plane = apply_taps(xp, plane, blur_taps(plane.shape[axis], sigma), axis)
    return plane


def _blurred_by_opencv(plane: Array, weights: Array) -> Array:
    import cv2

    result = np.empty_like(plane, order="C")
    for index in np.ndindex(plane.shape[:-2]):
        part = np.ascontiguousarray(plane[index])
        result[index] = cv2.sepFilter2D(part, -1, weights, weights, borderType=cv2.BORDER_REPLICATE)
    return result


# ---------------------------------------------------------------- sharpening


@explain_calls
def sharpen(
    image: ImageT,
    strength: Annotated[float, Within(0, 10)] = 1.0,
    *,
    sigma: Annotated[float, Within(0, _WIDEST, unit="pixels")] = 1.0,
    overshoot: bool = False,
) -> ImageT:
    """Sharpen an image with an unsharp mask.

    Args:
        image: any image or batch.
        strength: how much of the difference to the blurred image is added, 0 to 10.
        sigma: how wide that blur is, its standard deviation in pixels, 0 to 1000; details of about that size get
            sharper.
        overshoot: whether edges may become brighter and darker than what is around them, as the mask in other programs
            makes them. Without it what is added is held within the values around each pixel, so that edges get
            steeper and do not ring.

    Returns:
        Same kind, shape and dtype. Colors are 0 where alpha is below 1/65535; hidden colors do not count. Integers are
        clamped, floats are not. Differentiable in torch, once.

    Raises:
        InputTypeError: not an image, or numbers that are none.
        InputValueError: a strength or a sigma out of its bounds.

    Example:
        >>> import numpy as np
        >>> soft = np.array([[0, 0, 50, 200, 250, 250]], np.uint8)
        >>> sharpen(soft).tolist()
        [[0, 0, 17, 233, 250, 250]]
    """
    strength, sigma = number("strength", strength, 0, 10), number("sigma", sigma, 0, _WIDEST)
    switch("overshoot", overshoot)
    kernel = _overshoot_planes if overshoot else sharpen_planes
    return run(partial(kernel, strength, sigma), load(image), pointwise=False)


def _overshoot_planes(strength: float, sigma: float, xp: Namespace, *planes: Plane) -> Planes:
    """Apply the plain unsharp mask, on premultiplied color."""
    if len(_gaussian(sigma)) == 1:
        return list(planes)
    return run_premultiplied(xp, planes, lambda plane: plane + strength * (plane - blur_plane(xp, plane, sigma)))


def sharpen_planes(strength: float, sigma: float, xp: Namespace, *planes: Plane) -> Planes:
    """Apply an unsharp mask whose result stays between the smallest and the largest value around each pixel.

    Colors are compared with the visible colors around them, not with what transparency hides.
    """
    if len(_gaussian(sigma)) == 1:
        return list(planes)
    reach = math.ceil(sigma)
    smooth = run_premultiplied(xp, planes, lambda plane: blur_plane(xp, plane, sigma))

    def sharpen(plane: Plane, soft: Plane, below: Plane, above: Plane) -> Plane:
        sharp = plane + strength * (plane - soft)
        return xp.minimum(xp.maximum(sharp, take_lowest(xp, below, reach)), -take_lowest(xp, -above, reach))

    color, alpha = split_alpha_plane(planes)
    colors = len(color)
    color, soft = stack_planes(xp, color), stack_planes(xp, smooth[:colors])
    if alpha is None:
        return unstack_planes(
            [sharpen(plane, *others) for plane, *others in zip(color, soft, color, color, strict=True)], colors
        )
    visible = alpha > NO_ALPHA
    below = [xp.where(visible, plane, math.inf) for plane in color]
    above = [xp.where(visible, plane, -math.inf) for plane in color]
    color = [sharpen(plane, *others) for plane, *others in zip(color, soft, below, above, strict=True)]
    alpha = sharpen(alpha, smooth[-1], alpha, alpha)
    return [*unstack_planes([xp.where(visible, plane, 0.0) for plane in color], colors), alpha]


def take_lowest(xp: Namespace, plane: Plane, reach: int) -> Plane:
    """Take the smallest value within `reach` pixels in both directions, edges repeated."""
    if xp.__name__ == "numpy":
        return _lowest_by_opencv(plane, reach)
    from torch.nn import functional

    pictures = plane.reshape(-1, *plane.shape[-2:])
    pictures = functional.pad(pictures, (reach, reach, reach, reach), "replicate")
    for axis in (-1, -2):
        side = plane.shape[axis]
        shifted = (pictures.narrow(axis, offset, side) for offset in range(2 * reach + 1))
        pictures = reduce(xp.minimum, shifted)
    return pictures.reshape(plane.shape)


def _lowest_by_opencv(plane: Array, reach: int) -> Array:
    import cv2

    box = np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)
    result = np.empty_like(plane, order="C")
    for index in np.ndindex(plane.shape[:-2]):
        result[index] = cv2.erode(np.ascontiguousarray(plane[index]), box, borderType=cv2.BORDER_REPLICATE)
    return result
