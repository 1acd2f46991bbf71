"""HSV and HSL: A. R. Smith, "Color gamut transform pairs", and Joblove and Greenberg, both SIGGRAPH 1978."""

from __future__ import annotations

from collections.abc import Sequence

from .._foreign_names import explain_calls
from .._pixels import Namespace, Plane, Planes, safe
from ..types import DTypeLike, ImageT
from .engine import convert
from .table import SPACES, Encoding, Options, Space

__all__ = ["hsl_to_rgb", "hsv_to_rgb", "rgb_to_hsl", "rgb_to_hsv"]


# Below it a quotient's gradient, which goes with the square, is beyond float32; and nothing is visible.
NOTHING = 1e-12


def _extremes(xp: Namespace, planes: Sequence[Plane]) -> tuple[Plane, Plane]:
    red, green, blue = planes
    return xp.maximum(xp.maximum(red, green), blue), xp.minimum(xp.minimum(red, green), blue)


def _hue(xp: Namespace, planes: Sequence[Plane], largest: Plane, spread: Plane) -> Plane:
    """Degrees [0, 360), 0 for grays."""
    red, green, blue = planes
    colored = spread > NOTHING
    scale = xp.where(colored, 60 / safe(xp, colored, spread, 1.0), 0.0)
    hue = xp.where(
        largest == red,
        (green - blue) * scale,
        xp.where(largest == green, (blue - red) * scale + 120, (red - green) * scale + 240),
    )
    hue = xp.where(hue < 0, hue + 360, hue)
    return xp.where(hue >= 360, hue - 360, hue)


def _share(xp: Namespace, part: Plane, whole: Plane) -> Plane:
    """Part / whole, 0 where there is nothing."""
    some = abs(whole) > NOTHING
    return xp.where(some, part / safe(xp, some, whole, 1.0), 0.0)


def _to_hsv(xp: Namespace, planes: Sequence[Plane], options: Options) -> Planes:
    largest, smallest = _extremes(xp, planes)
    spread = largest - smallest
    return [_hue(xp, planes, largest, spread), _share(xp, spread, largest), largest]


def _from_hsv(xp: Namespace, planes: Sequence[Plane], options: Options) -> Planes:
    hue, saturation, value = planes
    return [value - value * saturation * wave for wave in _waves(xp, hue)]


def _waves(xp: Namespace, hue: Plane) -> Planes:
    """How far red, green and blue lie below the largest channel: trapezoids over the circle of hues."""
    turns = hue / 360
    sector = (turns - xp.floor(turns)) * 6
    red, green, blue = (abs(sector - middle) for middle in (3, 2, 4))
    return [xp.clip(2 - red, 0, 1), xp.clip(green - 1, 0, 1), xp.clip(blue - 1, 0, 1)]


def _to_hsl(xp: Namespace, planes: Sequence[Plane], options: Options) -> Planes:
    largest, smallest = _extremes(xp, planes)
    spread, lightness = largest - smallest, (largest + smallest) / 2
    return [_hue(xp, planes, largest, spread), _share(xp, spread, 1 - abs(2 * lightness - 1)), lightness]


def _from_hsl(xp: Namespace, planes: Sequence[Plane], options: Options) -> Planes:
    hue, saturation, lightness = planes
    chroma = (1 - abs(2 * lightness - 1)) * saturation
    return [lightness + chroma * (0.5 - wave) for wave in _waves(xp, hue)]


SPACES["hsv"] = Space("rgb", up=_from_hsv, down=_to_hsv, mode="HSV")
SPACES["hsl"] = Space("rgb", up=_from_hsl, down=_to_hsl)


@explain_calls
def rgb_to_hsv(
    image: ImageT,
    *,
    encoding: Encoding | None = None,
    bgr: bool = False,
    value_range: tuple[float, float] | None = None,
) -> ImageT:
    """Convert RGB to HSV.

    Args:
        image: RGB or RGBA, any kind, batches allowed.
        encoding: "cv2" takes and gives uint8: exactly the codes of cv2.cvtColor, planes in OpenCV's
            order. RGB is still R, G, B unless `bgr` says otherwise.
        bgr: the array or tensor runs B, G, R.
        value_range: (low, high) of float values that are not in [0, 1], alpha's among them.

    Returns:
        Same kind, floats: hue in degrees [0, 360), saturation and value in [0, 1]. Integers become float32.
        Alpha stays beside it, as [0, 1]. A PIL image becomes one of mode HSV, whose hue is a code from 0 to 255.

    Raises:
        InputTypeError: not an image.
        InputValueError: the wrong number of channels, or a PIL image where PIL has no mode for the space.

    Example:
        >>> import numpy as np
        >>> rgb_to_hsv(np.array([[[200, 100, 50]]]) / 255).round(3).tolist()
        [[[20.0, 0.75, 0.784]]]

    Source: Smith, "Color gamut transform pairs", SIGGRAPH 1978.
    """
    return convert(image, "rgb", "hsv", encoding=encoding, bgr=bgr, value_range=value_range)


@explain_calls
def hsv_to_rgb(
    image: ImageT,
    *,
    encoding: Encoding | None = None,
    dtype: DTypeLike | None = None,
    bgr: bool = False,
) -> ImageT:
    """Convert HSV to RGB.

    Args:
        image: HSV, floats: hue in degrees [0, 360), saturation and value in [0, 1]; alpha may follow. Or a PIL image
            of mode HSV.
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
        >>> hsv_to_rgb(np.array([[[30.0, 0.5, 0.8]]])).round(3).tolist()
        [[[0.8, 0.6, 0.4]]]

    Source: Smith, "Color gamut transform pairs", SIGGRAPH 1978.
    """
    return convert(image, "hsv", "rgb", encoding=encoding, dtype=dtype, bgr=bgr)


@explain_calls
def rgb_to_hsl(
    image: ImageT,
    *,
    encoding: Encoding | None = None,
    bgr: bool = False,
    value_range: tuple[float, float] | None = None,
) -> ImageT:
    """Convert RGB to HSL.

    Args:
        image: RGB or RGBA, any kind, batches allowed.
        encoding: "cv2" takes and gives uint8: exactly the codes of cv2.cvtColor, planes in OpenCV's
            order. RGB is still R, G, B unless `bgr` says otherwise.
        bgr: the array or tensor runs B, G, R.
        value_range: (low, high) of float values that are not in [0, 1], alpha's among them.

    Returns:
        Same kind, floats: hue in degrees [0, 360), saturation and lightness in [0, 1]. Integers become float32.
        Alpha stays beside it, as [0, 1].

    Raises:
        InputTypeError: not an image.
        InputValueError: the wrong number of channels, or a PIL image where PIL has no mode for the space.

    Example:
        >>> import numpy as np
        >>> rgb_to_hsl(np.array([[[200, 100, 50]]]) / 255).round(3).tolist()
        [[[20.0, 0.6, 0.49]]]

    Source: Joblove and Greenberg, "Color spaces for computer graphics", SIGGRAPH 1978.
    """
    return convert(image, "rgb", "hsl", encoding=encoding, bgr=bgr, value_range=value_range)


@explain_calls
def hsl_to_rgb(
    image: ImageT,
    *,
    encoding: Encoding | None = None,
    dtype: DTypeLike | None = None,
    bgr: bool = False,
) -> ImageT:
    """Convert HSL to RGB.

    Args:
        image: HSL, floats: hue in degrees [0, 360), saturation and lightness in [0, 1]; alpha may follow.
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
        >>> hsl_to_rgb(np.array([[[30.0, 0.5, 0.4]]])).round(3).tolist()
        [[[0.6, 0.4, 0.2]]]

    Source: Joblove and Greenberg, "Color spaces for computer graphics", SIGGRAPH 1978.
    """
    return convert(image, "hsl", "rgb", encoding=encoding, dtype=dtype, bgr=bgr)
