"""OKLab and OKLCh: Björn Ottosson, "A perceptual color space for image processing", 2020."""

from __future__ import annotations

from collections.abc import Sequence

from .._foreign_names import explain_calls
from .._pixels import Namespace, Plane, Planes, power, safe
from ..types import DTypeLike, ImageT
from .engine import convert
from .opponent import balanced, mix, slope, unmix
from .polar import from_polar, to_polar
from .rgb import apply, inverse
from .table import SPACES, Options, Space

__all__ = ["oklab_to_rgb", "oklch_to_rgb", "rgb_to_oklab", "rgb_to_oklch"]

# The author's matrices, as revised 2021-01-25: linear sRGB to cone responses, their cube roots to L, a, b. Their ten
# digits leave the rows adding up to 1 and 0 within 4e-8 only; what is missing is green's and the middle root's.
_TO_CONES = balanced(
    (
        (0.4122214708, 0.5363325363, 0.0514459929),
        (0.2119034982, 0.6806995451, 0.1073969566),
        (0.0883024619, 0.2817188376, 0.6299787005),
    )
)
_LIGHTNESS = (0.2104542553, -0.0040720468)
_CHROMA = ((1.9779984951, 0.4505937099), (0.0259040371, -0.8086757660))


_TINY = 1e-12


def _root(xp: Namespace, plane: Plane) -> Plane:
    """The cube root, of negative values too."""
    size = abs(plane)
    some = size > _TINY
    # A root is infinitely steep at 0; a straight line takes its place where cube roots are below 1e-4.
    root = xp.where(some, power(xp, safe(xp, some, size, 1.0), 1 / 3), size * _TINY ** (-2 / 3))
    return xp.where(plane < 0, -root, root)


def _linear_to_oklab(xp: Namespace, planes: Sequence[Plane], options: Options) -> Planes:
    middle, long_above, short_above = mix(_TO_CONES, planes)
    root = _root(xp, middle)
    apart = [_difference(xp, _root(xp, middle + above), root, above) for above in (long_above, short_above)]
    return [root + _LIGHTNESS[0] * apart[0] + _LIGHTNESS[1] * apart[1], *apply(_CHROMA, apart)]


def _difference(xp: Namespace, root: Plane, other: Plane, above: Plane) -> Plane:
    """How far two roots lie apart; near black the quotient has no digits left."""
    steep = slope(root, other)
    sound = steep > 1e-7
    return xp.where(sound, above / safe(xp, sound, steep, 1.0), root - other)


def _oklab_to_linear(xp: Namespace, planes: Sequence[Plane], options: Options) -> Planes:
    long_apart, short_apart = apply(inverse(_CHROMA), planes[1:])
    root = planes[0] - _LIGHTNESS[0] * long_apart - _LIGHTNESS[1] * short_apart
    above = (apart * slope(root, root + apart) for apart in (long_apart, short_apart))
    return unmix(_TO_CONES, root * root * root, *above)


SPACES["oklab"] = Space("linear_rgb", up=_oklab_to_linear, down=_linear_to_oklab)
SPACES["oklch"] = Space("oklab", up=from_polar, down=to_polar)


@explain_calls
def rgb_to_oklab(
    image: ImageT,
    *,
    bgr: bool = False,
    value_range: tuple[float, float] | None = None,
) -> ImageT:
    """Convert RGB to OKLab.

    Args:
        image: RGB or RGBA, any kind, batches allowed.
        bgr: the array or tensor runs B, G, R.
        value_range: (low, high) of float values that are not in [0, 1], alpha's among them.

    Returns:
        Same kind, floats: L 0 to 1, a and b about -0.4 to 0.4. Integers become float32.
        Alpha stays beside it, as [0, 1].

    Raises:
        InputTypeError: not an image.
        InputValueError: the wrong number of channels, or a PIL image where PIL has no mode for the space.

    Example:
        >>> import numpy as np
        >>> rgb_to_oklab(np.array([[[200, 100, 50]]]) / 255).round(3).tolist()
        [[[0.614, 0.1, 0.101]]]

    Source: Ottosson, "A perceptual color space for image processing", 2020.
    """
    return convert(image, "rgb", "oklab", bgr=bgr, value_range=value_range)


@explain_calls
def oklab_to_rgb(
    image: ImageT,
    *,
    dtype: DTypeLike | None = None,
    bgr: bool = False,
) -> ImageT:
    """Convert OKLab to RGB.

    Args:
        image: OKLab, floats: L 0 to 1, a and b about -0.4 to 0.4; alpha may follow.
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
        >>> oklab_to_rgb(np.array([[[0.6, 0.1, -0.05]]])).round(3).tolist()
        [[[0.658, 0.398, 0.613]]]

    Source: Ottosson, "A perceptual color space for image processing", 2020.
    """
    return convert(image, "oklab", "rgb", dtype=dtype, bgr=bgr)


@explain_calls
def rgb_to_oklch(
    image: ImageT,
    *,
    bgr: bool = False,
    value_range: tuple[float, float] | None = None,
) -> ImageT:
    """Convert RGB to OKLCh.

    Args:
        image: RGB or RGBA, any kind, batches allowed.
        bgr: the array or tensor runs B, G, R.
        value_range: (low, high) of float values that are not in [0, 1], alpha's among them.

    Returns:
        Same kind, floats: L 0 to 1, C 0 to about 0.33, h in degrees [0, 360). Integers become float32.
        Alpha stays beside it, as [0, 1].

    Raises:
        InputTypeError: not an image.
        InputValueError: the wrong number of channels, or a PIL image where PIL has no mode for the space.

    Example:
        >>> import numpy as np
        >>> rgb_to_oklch(np.array([[[200, 100, 50]]]) / 255).round(3).tolist()
        [[[0.614, 0.142, 45.083]]]

    Source: Ottosson, "A perceptual color space for image processing", 2020.
    """
    return convert(image, "rgb", "oklch", bgr=bgr, value_range=value_range)


@explain_calls
def oklch_to_rgb(
    image: ImageT,
    *,
    dtype: DTypeLike | None = None,
    bgr: bool = False,
) -> ImageT:
    """Convert OKLCh to RGB.

    Args:
        image: OKLCh, floats: L 0 to 1, C 0 to about 0.33, h in degrees [0, 360); alpha may follow.
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
        >>> oklch_to_rgb(np.array([[[0.6, 0.1, 120.0]]])).round(3).tolist()
        [[[0.473, 0.537, 0.252]]]

    Source: Ottosson, "A perceptual color space for image processing", 2020.
    """
    return convert(image, "oklch", "rgb", dtype=dtype, bgr=bgr)
