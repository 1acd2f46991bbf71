"""OKLab and OKLCh: Björn Ottosson, "A perceptual color space for image processing", 2020."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .._image import ImageT, Planes, power
from .engine import convert
from .polar import from_polar, to_polar
from .rgb import apply, inverse
from .table import SPACES, Space

__all__ = ["oklab_to_rgb", "oklch_to_rgb", "rgb_to_oklab", "rgb_to_oklch"]

# The author's matrices, as revised 2021-01-25: linear sRGB to cone responses, their cube roots to L, a, b.
_TO_CONES = (
    (0.4122214708, 0.5363325363, 0.0514459929),
    (0.2119034982, 0.6806995451, 0.1073969566),
    (0.0883024619, 0.2817188376, 0.6299787005),
)
_TO_LAB = (
    (0.2104542553, 0.7936177850, -0.0040720468),
    (1.9779984951, -2.4285922050, 0.4505937099),
    (0.0259040371, 0.7827717662, -0.8086757660),
)


def _root(xp: Any, plane: Any) -> Any:
    """The cube root, of negative values too."""
    root = power(xp, abs(plane), 1 / 3)
    return xp.where(plane < 0, -root, root)


def _linear_to_oklab(xp: Any, planes: Sequence[Any], options: Any) -> Planes:
    return apply(_TO_LAB, [_root(xp, plane) for plane in apply(_TO_CONES, planes)])


def _oklab_to_linear(xp: Any, planes: Sequence[Any], options: Any) -> Planes:
    return apply(inverse(_TO_CONES), [plane * plane * plane for plane in apply(inverse(_TO_LAB), planes)])


def _oklab_to_oklch(xp: Any, planes: Sequence[Any], options: Any) -> Planes:
    return [planes[0], *to_polar(xp, *planes[1:], gray=1e-5)]


def _oklch_to_oklab(xp: Any, planes: Sequence[Any], options: Any) -> Planes:
    return [planes[0], *from_polar(xp, *planes[1:])]


SPACES["oklab"] = Space("linear_rgb", up=_oklab_to_linear, down=_linear_to_oklab)
SPACES["oklch"] = Space("oklab", up=_oklch_to_oklab, down=_oklab_to_oklch)


def rgb_to_oklab(
    image: ImageT,
    *,
    bgr: bool = False,
) -> ImageT:
    """Convert RGB to OKLab.

    Args:
        image: RGB or RGBA, any kind, batches allowed.
        bgr: the array or tensor runs B, G, R.

    Returns:
        Same kind: floats: L 0 to 1, a and b about -0.4 to 0.4. Alpha rides along.

    Raises:
        InputTypeError: not an image, or a dtype the space cannot have.
        InputValueError: the wrong number of channels, or a PIL image whose result PIL has no mode for.

    Example:
        >>> import numpy as np
        >>> rgb_to_oklab(np.array([[[200, 100, 50]]]) / 255).round(3).tolist()
        [[[0.614, 0.1, 0.101]]]

    Source: Ottosson, "A perceptual color space for image processing", 2020.
    """
    return convert(image, "rgb", "oklab", bgr=bgr)  # type: ignore[no-any-return]


def oklab_to_rgb(
    image: ImageT,
    *,
    dtype: Any = None,
    bgr: bool = False,
) -> ImageT:
    """Convert OKLab to RGB.

    Args:
        image: OKLab, floats: L 0 to 1, a and b about -0.4 to 0.4; alpha may follow.
        dtype: of the result; None keeps floats, and the codes of gray, ycbcr and cmyk.
        bgr: the result shall run B, G, R.

    Returns:
        Same kind, RGB: float unless `dtype` says otherwise, but gray and ycbcr codes stay codes. Alpha rides along. Floats are not clamped.

    Raises:
        InputTypeError: not an image, or a dtype the space cannot have.
        InputValueError: the wrong number of channels, or a PIL image whose result PIL has no mode for.

    Example:
        >>> import numpy as np
        >>> oklab_to_rgb(np.array([[[0.6, 0.1, -0.05]]])).round(3).tolist()
        [[[0.658, 0.398, 0.613]]]

    Source: Ottosson, "A perceptual color space for image processing", 2020.
    """
    return convert(image, "oklab", "rgb", dtype=dtype, bgr=bgr)  # type: ignore[no-any-return]


def rgb_to_oklch(
    image: ImageT,
    *,
    bgr: bool = False,
) -> ImageT:
    """Convert RGB to OKLCh.

    Args:
        image: RGB or RGBA, any kind, batches allowed.
        bgr: the array or tensor runs B, G, R.

    Returns:
        Same kind: floats: L 0 to 1, C 0 to about 0.33, h in degrees [0, 360). Alpha rides along.

    Raises:
        InputTypeError: not an image, or a dtype the space cannot have.
        InputValueError: the wrong number of channels, or a PIL image whose result PIL has no mode for.

    Example:
        >>> import numpy as np
        >>> rgb_to_oklch(np.array([[[200, 100, 50]]]) / 255).round(3).tolist()
        [[[0.614, 0.142, 45.083]]]

    Source: Ottosson, "A perceptual color space for image processing", 2020.
    """
    return convert(image, "rgb", "oklch", bgr=bgr)  # type: ignore[no-any-return]


def oklch_to_rgb(
    image: ImageT,
    *,
    dtype: Any = None,
    bgr: bool = False,
) -> ImageT:
    """Convert OKLCh to RGB.

    Args:
        image: OKLCh, floats: L 0 to 1, C 0 to about 0.33, h in degrees [0, 360); alpha may follow.
        dtype: of the result; None keeps floats, and the codes of gray, ycbcr and cmyk.
        bgr: the result shall run B, G, R.

    Returns:
        Same kind, RGB: float unless `dtype` says otherwise, but gray and ycbcr codes stay codes. Alpha rides along. Floats are not clamped.

    Raises:
        InputTypeError: not an image, or a dtype the space cannot have.
        InputValueError: the wrong number of channels, or a PIL image whose result PIL has no mode for.

    Example:
        >>> import numpy as np
        >>> oklch_to_rgb(np.array([[[0.6, 0.1, 120.0]]])).round(3).tolist()
        [[[0.473, 0.537, 0.252]]]

    Source: Ottosson, "A perceptual color space for image processing", 2020.
    """
    return convert(image, "oklch", "rgb", dtype=dtype, bgr=bgr)  # type: ignore[no-any-return]
