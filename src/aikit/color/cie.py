"""CIE L*a*b*, L*u*v* (both for the white D65) and L*C*h: CIE 15:2018."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from .._foreign_names import explain_calls
from .._pixels import Namespace, Plane, Planes, power, safe
from ..types import DTypeLike, ImageT
from .engine import convert
from .opponent import balanced, mix, slope, unmix
from .polar import from_polar, to_polar
from .rgb import WHITE, Matrix, rgb_to_xyz_matrix, xyz_of
from .table import SPACES, Encoding, Options, Space

__all__ = ["lab_to_rgb", "lch_to_rgb", "luv_to_rgb", "rgb_to_lab", "rgb_to_lch", "rgb_to_luv"]

# CIE 15:2018, 8.2.1: where the cube root gives way to a straight line.
_DELTA = 6 / 29


def _response(xp: Namespace, ratio: Plane) -> Plane:
    """f(t): the cube root, with a straight line near and below 0."""
    large = ratio > _DELTA**3
    return xp.where(large, power(xp, safe(xp, large, ratio, 1.0), 1 / 3), ratio / (3 * _DELTA**2) + 4 / 29)


def _inverse_response(xp: Namespace, value: Plane) -> Plane:
    return xp.where(value > _DELTA, value * value * value, 3 * _DELTA**2 * (value - 4 / 29))


@lru_cache(maxsize=1)
def _relative_matrix() -> Matrix:
    """Linear RGB to X, Y and Z as shares of white's."""
    rows = zip(rgb_to_xyz_matrix(), xyz_of(WHITE), strict=True)
    return balanced(tuple(tuple(share / white for share in row) for row, white in rows))


def _linear_to_lab(xp: Namespace, planes: Sequence[Plane], options: Options) -> Planes:
    y, x_above, z_above = mix(_relative_matrix(), planes)
    root = _response(xp, y)
    a = _difference(xp, _response(xp, y + x_above), root, x_above)
    b = _difference(xp, _response(xp, y + z_above), root, z_above)
    return [116 * root - 16, 500 * a, -200 * b]


def _difference(xp: Namespace, root: Plane, other: Plane, above: Plane) -> Plane:
    """f(s) - f(t) from s - t, where both are cube roots."""
    curved = xp.minimum(root, other) > _DELTA
    return xp.where(curved, above / safe(xp, curved, slope(root, other), 1.0), root - other)


def _lab_to_linear(xp: Namespace, planes: Sequence[Plane], options: Options) -> Planes:
    lightness, a, b = planes
    root = (lightness + 16) / 116
    y = _inverse_response(xp, root)
    above = (_above(xp, root, y, distance) for distance in (a / 500, b / -200))
    return unmix(_relative_matrix(), y, *above)


def _above(xp: Namespace, root: Plane, y: Plane, distance: Plane) -> Plane:
    """S - t from f(s) - f(t)."""
    other = root + distance
    curved = xp.minimum(root, other) > _DELTA
    return xp.where(curved, distance * slope(root, other), _inverse_response(xp, other) - y)


def _uv(x: float, y: float, z: float) -> tuple[float, float]:
    """CIE 1976 u', v'."""
    total = x + 15 * y + 3 * z
    return 4 * x / total, 9 * y / total


def _xyz_to_luv(xp: Namespace, planes: Sequence[Plane], options: Options) -> Planes:
    x, y, z = planes
    white_u, white_v = _uv(*xyz_of(WHITE))
    lightness = 116 * _response(xp, y) - 16
    total = x + 15 * y + 3 * z
    visible = abs(total) > 1e-12  # black has no chromaticity
    scale = xp.where(visible, 1 / safe(xp, visible, total, 1.0), 0.0)
    u = xp.where(visible, 4 * x * scale - white_u, 0.0)
    v = xp.where(visible, 9 * y * scale - white_v, 0.0)
    return [lightness, 13 * lightness * u, 13 * lightness * v]


def _luv_to_xyz(xp: Namespace, planes: Sequence[Plane], options: Options) -> Planes:
    lightness, u, v = planes
    white_u, white_v = _uv(*xyz_of(WHITE))
    visible = abs(lightness) > 1e-12
    scale = xp.where(visible, 1 / (13 * safe(xp, visible, lightness, 1.0)), 0.0)
    u, v = u * scale + white_u, v * scale + white_v
    y = _inverse_response(xp, (lightness + 16) / 116)
    sound = abs(v) > 1e-12
    share = xp.where(sound, y / (4 * safe(xp, sound, v, 1.0)), 0.0)
    return [9 * u * share, y, (12 - 3 * u - 20 * v) * share]


SPACES["lab"] = Space("linear_rgb", up=_lab_to_linear, down=_linear_to_lab)
SPACES["lch"] = Space("lab", up=from_polar, down=to_polar)
SPACES["luv"] = Space("xyz", up=_luv_to_xyz, down=_xyz_to_luv)


@explain_calls
def rgb_to_lab(
    image: ImageT,
    *,
    encoding: Encoding | None = None,
    bgr: bool = False,
    value_range: tuple[float, float] | None = None,
) -> ImageT:
    """Convert RGB to CIE L*a*b*.

    Args:
        image: RGB or RGBA, any kind, batches allowed.
        encoding: "cv2" takes and gives uint8: exactly the codes of cv2.cvtColor, planes in OpenCV's
            order. RGB is still R, G, B unless `bgr` says otherwise.
        bgr: the array or tensor runs B, G, R.
        value_range: (low, high) of float values that are not in [0, 1], alpha's among them.

    Returns:
        Same kind, floats: L 0 to 100, a and b about -110 to 110. Integers become float32.
        Alpha stays beside it, as [0, 1].

    Raises:
        InputTypeError: not an image.
        InputValueError: the wrong number of channels, or a PIL image where PIL has no mode for the space.

    Example:
        >>> import numpy as np
        >>> rgb_to_lab(np.array([[[200, 100, 50]]]) / 255).round(3).tolist()
        [[[53.628, 36.302, 45.379]]]

    Source: CIE 15:2018, 8.2.1.
    """
    return convert(image, "rgb", "lab", encoding=encoding, bgr=bgr, value_range=value_range)


@explain_calls
def lab_to_rgb(
    image: ImageT,
    *,
    encoding: Encoding | None = None,
    dtype: DTypeLike | None = None,
    bgr: bool = False,
) -> ImageT:
    """Convert CIE L*a*b* to RGB.

    Args:
        image: CIE L*a*b*, floats: L 0 to 100, a and b about -110 to 110; alpha may follow.
        encoding: "cv2" takes and gives uint8: exactly the codes of cv2.cvtColor, planes in OpenCV's
            order. RGB is still R, G, B unless `bgr` says otherwise.
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
        >>> lab_to_rgb(np.array([[[50.0, 20.0, -30.0]]])).round(3).tolist()
        [[[0.496, 0.429, 0.667]]]

    Source: CIE 15:2018, 8.2.1.
    """
    return convert(image, "lab", "rgb", encoding=encoding, dtype=dtype, bgr=bgr)


@explain_calls
def rgb_to_lch(
    image: ImageT,
    *,
    bgr: bool = False,
    value_range: tuple[float, float] | None = None,
) -> ImageT:
    """Convert RGB to CIE L*C*h.

    Args:
        image: RGB or RGBA, any kind, batches allowed.
        bgr: the array or tensor runs B, G, R.
        value_range: (low, high) of float values that are not in [0, 1], alpha's among them.

    Returns:
        Same kind, floats: L 0 to 100, C 0 to about 134, h in degrees [0, 360). Integers become float32.
        Alpha stays beside it, as [0, 1].

    Raises:
        InputTypeError: not an image.
        InputValueError: the wrong number of channels, or a PIL image where PIL has no mode for the space.

    Example:
        >>> import numpy as np
        >>> rgb_to_lch(np.array([[[200, 100, 50]]]) / 255).round(3).tolist()
        [[[53.628, 58.112, 51.341]]]

    Source: CIE 15:2018, 8.2.1.
    """
    return convert(image, "rgb", "lch", bgr=bgr, value_range=value_range)


@explain_calls
def lch_to_rgb(
    image: ImageT,
    *,
    dtype: DTypeLike | None = None,
    bgr: bool = False,
) -> ImageT:
    """Convert CIE L*C*h to RGB.

    Args:
        image: CIE L*C*h, floats: L 0 to 100, C 0 to about 134, h in degrees [0, 360); alpha may follow.
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
        >>> lch_to_rgb(np.array([[[50.0, 30.0, 120.0]]])).round(3).tolist()
        [[[0.428, 0.49, 0.289]]]

    Source: CIE 15:2018, 8.2.1.
    """
    return convert(image, "lch", "rgb", dtype=dtype, bgr=bgr)


@explain_calls
def rgb_to_luv(
    image: ImageT,
    *,
    encoding: Encoding | None = None,
    bgr: bool = False,
    value_range: tuple[float, float] | None = None,
) -> ImageT:
    """Convert RGB to CIE L*u*v*.

    Args:
        image: RGB or RGBA, any kind, batches allowed.
        encoding: "cv2" takes and gives uint8: exactly the codes of cv2.cvtColor, planes in OpenCV's
            order. RGB is still R, G, B unless `bgr` says otherwise.
        bgr: the array or tensor runs B, G, R.
        value_range: (low, high) of float values that are not in [0, 1], alpha's among them.

    Returns:
        Same kind, floats: L 0 to 100, u and v about -135 to 175. Integers become float32.
        Alpha stays beside it, as [0, 1].

    Raises:
        InputTypeError: not an image.
        InputValueError: the wrong number of channels, or a PIL image where PIL has no mode for the space.

    Example:
        >>> import numpy as np
        >>> rgb_to_luv(np.array([[[200, 100, 50]]]) / 255).round(3).tolist()
        [[[53.628, 80.084, 39.898]]]

    Source: CIE 15:2018, 8.2.2.
    """
    return convert(image, "rgb", "luv", encoding=encoding, bgr=bgr, value_range=value_range)


@explain_calls
def luv_to_rgb(
    image: ImageT,
    *,
    encoding: Encoding | None = None,
    dtype: DTypeLike | None = None,
    bgr: bool = False,
) -> ImageT:
    """Convert CIE L*u*v* to RGB.

    Args:
        image: CIE L*u*v*, floats: L 0 to 100, u and v about -135 to 175; alpha may follow.
        encoding: "cv2" takes and gives uint8: exactly the codes of cv2.cvtColor, planes in OpenCV's
            order. RGB is still R, G, B unless `bgr` says otherwise.
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
        >>> luv_to_rgb(np.array([[[50.0, 20.0, -30.0]]])).round(3).tolist()
        [[[0.573, 0.411, 0.589]]]

    Source: CIE 15:2018, 8.2.2.
    """
    return convert(image, "luv", "rgb", encoding=encoding, dtype=dtype, bgr=bgr)
