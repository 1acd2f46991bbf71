"""RGB: the sRGB curve, light, CIE XYZ, and the matrices between them.

RGB is sRGB, IEC 61966-2-1, with the D65 white of the 2 degree observer.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from .._foreign_names import explain_calls
from .._pixels import Namespace, Plane, Planes, power, safe
from ..types import DTypeLike, ImageT
from .engine import convert
from .table import SPACES, Options, Space

__all__ = ["linear_rgb_to_rgb", "rgb_to_linear_rgb", "rgb_to_xyz", "xyz_to_rgb"]

# IEC 61966-2-1: chromaticities of red, green, blue and of the white D65.
PRIMARIES = ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06))
WHITE = (0.3127, 0.3290)

# Where the curve's straight line ends. The standard rounds 0.04045 / 12.92 to 0.0031308; unrounded, there and back meet.
_KNEE = 0.04045

Matrix = tuple[tuple[float, ...], ...]


def xyz_of(point: tuple[float, float]) -> tuple[float, float, float]:
    """Give X, Y, Z of a chromaticity at Y = 1."""
    x, y = point
    return x / y, 1.0, (1 - x - y) / y


@lru_cache(maxsize=1)
def rgb_to_xyz_matrix() -> Matrix:
    """Make the matrix from linear RGB to XYZ: the primaries, scaled so that they add up to white (SMPTE RP 177)."""
    import numpy as np

    columns = np.array([xyz_of(point) for point in PRIMARIES]).T
    scale = np.linalg.solve(columns, np.array(xyz_of(WHITE)))
    return tuple(map(tuple, (columns * scale).tolist()))


@lru_cache(maxsize=8)
def inverse(matrix: Matrix) -> Matrix:
    """Invert a matrix, in float64."""
    import numpy as np

    return tuple(map(tuple, np.linalg.inv(np.array(matrix)).tolist()))


def apply(matrix: Matrix, planes: Sequence[Plane]) -> Planes:
    """Multiply every pixel by a matrix, elementwise: TF32 and autocast cannot touch it."""
    return [
        sum((factor * plane for factor, plane in zip(row[1:], planes[1:], strict=True)), row[0] * planes[0])
        for row in matrix
    ]


def decode(xp: Namespace, planes: Sequence[Plane], options: Options | None) -> Planes:
    """Turn codes of the sRGB curve into light. Below 0 the linear part goes on, above 1 the power."""
    return [_decode(xp, plane) for plane in planes]


def _decode(xp: Namespace, plane: Plane) -> Plane:
    curved = plane > _KNEE
    curve = power(xp, (safe(xp, curved, plane, 1.0) + 0.055) / 1.055, 2.4)
    return xp.where(curved, curve, plane / 12.92)


def encode(xp: Namespace, planes: Sequence[Plane], options: Options | None) -> Planes:
    """Turn light into codes of the sRGB curve."""
    return [_encode(xp, plane) for plane in planes]


def _encode(xp: Namespace, plane: Plane) -> Plane:
    curved = plane > _KNEE / 12.92
    curve = 1.055 * power(xp, safe(xp, curved, plane, 1.0), 1 / 2.4) - 0.055
    return xp.where(curved, curve, plane * 12.92)


def _linear_to_xyz(xp: Namespace, planes: Sequence[Plane], options: Options) -> Planes:
    return apply(rgb_to_xyz_matrix(), planes)


def _xyz_to_linear(xp: Namespace, planes: Sequence[Plane], options: Options) -> Planes:
    return apply(inverse(rgb_to_xyz_matrix()), planes)


SPACES["linear_rgb"] = Space("rgb", up=encode, down=decode)
SPACES["xyz"] = Space("linear_rgb", up=_xyz_to_linear, down=_linear_to_xyz)


@explain_calls
def rgb_to_linear_rgb(
    image: ImageT,
    *,
    bgr: bool = False,
    value_range: tuple[float, float] | None = None,
) -> ImageT:
    """Convert RGB to linear light.

    Args:
        image: RGB or RGBA, any kind, batches allowed.
        bgr: the array or tensor runs B, G, R, and so does the result.
        value_range: (low, high) of float values that are not in [0, 1], alpha's among them.

    Returns:
        Same kind, floats: [0, 1] in gamut. Integers become float32.
        Alpha stays beside it, as [0, 1].

    Raises:
        InputTypeError: not an image.
        InputValueError: the wrong number of channels, or a PIL image where PIL has no mode for the space.

    Example:
        >>> import numpy as np
        >>> rgb_to_linear_rgb(np.array([[[200, 100, 50]]]) / 255).round(3).tolist()
        [[[0.578, 0.127, 0.032]]]

    Source: IEC 61966-2-1.
    """
    return convert(image, "rgb", "linear_rgb", bgr=bgr, value_range=value_range)


@explain_calls
def linear_rgb_to_rgb(
    image: ImageT,
    *,
    dtype: DTypeLike | None = None,
    bgr: bool = False,
    value_range: tuple[float, float] | None = None,
) -> ImageT:
    """Convert linear light to RGB.

    Args:
        image: linear light, floats, [0, 1] in gamut; alpha may follow.
        dtype: of the result; None keeps the image's.
        bgr: the array or tensor runs B, G, R, and so does the result.
        value_range: (low, high) of float values that are not in [0, 1], alpha's among them.

    Returns:
        Same kind, RGB, floats in [0, 1] unless `dtype` says otherwise, with the alpha of the image.
        Floats are not clamped: what lies out of gamut stays there.

    Raises:
        InputTypeError: not an image, or integers in a space that has units of its own.
        InputValueError: the wrong number of channels, or a PIL image where PIL has no mode for the space.

    Example:
        >>> import numpy as np
        >>> linear_rgb_to_rgb(np.full((1, 1, 3), 0.5)).round(3).tolist()
        [[[0.735, 0.735, 0.735]]]

    Source: IEC 61966-2-1.
    """
    return convert(image, "linear_rgb", "rgb", dtype=dtype, bgr=bgr, value_range=value_range)


@explain_calls
def rgb_to_xyz(
    image: ImageT,
    *,
    bgr: bool = False,
    value_range: tuple[float, float] | None = None,
) -> ImageT:
    """Convert RGB to CIE XYZ.

    Args:
        image: RGB or RGBA, any kind, batches allowed.
        bgr: the array or tensor runs B, G, R.
        value_range: (low, high) of float values that are not in [0, 1], alpha's among them.

    Returns:
        Same kind, floats: Y of white is 1. Integers become float32.
        Alpha stays beside it, as [0, 1].

    Raises:
        InputTypeError: not an image.
        InputValueError: the wrong number of channels, or a PIL image where PIL has no mode for the space.

    Example:
        >>> import numpy as np
        >>> rgb_to_xyz(np.array([[[200, 100, 50]]]) / 255).round(3).tolist()
        [[[0.29, 0.216, 0.057]]]

    Source: CIE 15:2018; the matrix from IEC 61966-2-1's primaries.
    """
    return convert(image, "rgb", "xyz", bgr=bgr, value_range=value_range)


@explain_calls
def xyz_to_rgb(
    image: ImageT,
    *,
    dtype: DTypeLike | None = None,
    bgr: bool = False,
) -> ImageT:
    """Convert CIE XYZ to RGB.

    Args:
        image: CIE XYZ, floats, Y of white is 1; alpha may follow.
        dtype: of the result; None keeps the image's.
        bgr: the result shall run B, G, R.

    Returns:
        Same kind, RGB, floats in [0, 1] unless `dtype` says otherwise, with the alpha of the image.
        Floats are not clamped: what lies out of gamut stays there.

    Raises:
        InputTypeError: not an image, or integers in a space that has units of its own.
        InputValueError: the wrong number of channels, or a PIL image where PIL has no mode for the space.

    Example:
        >>> import numpy as np
        >>> xyz_to_rgb(np.array([[[0.2, 0.2, 0.2]]])).round(3).tolist()
        [[[0.528, 0.473, 0.463]]]

    Source: CIE 15:2018; the matrix from IEC 61966-2-1's primaries.
    """
    return convert(image, "xyz", "rgb", dtype=dtype, bgr=bgr)
