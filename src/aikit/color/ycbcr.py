"""Gray, Y'CbCr and Y'UV: luma and two color differences (ITU-R BT.601, BT.709, BT.2020; ITU-T H.273)."""

from __future__ import annotations

from collections.abc import Sequence

from .._foreign_names import explain_calls
from .._pixels import Namespace, Plane, Planes
from ..types import DTypeLike, ImageT
from .engine import convert
from .table import SPACES, STANDARDS, Encoding, Options, Range, Space, Standard, Weights

__all__ = ["gray_to_rgb", "rgb_to_gray", "rgb_to_ycbcr", "rgb_to_yuv", "ycbcr_to_rgb", "yuv_to_rgb"]

# BT.470: the largest U and V of analogue video.
_U_MAX, _V_MAX = 0.436, 0.615


def luma(planes: Sequence[Plane], weights: tuple[float, float, float]) -> Plane:
    """The weighted sum of red, green and blue."""
    red, green, blue = planes
    return weights[0] * red + weights[1] * green + weights[2] * blue


def _standard(options: Options) -> tuple[float, float, float]:
    red, blue = STANDARDS[options.standard]
    return red, 1 - red - blue, blue


def _to_gray(xp: Namespace, planes: Sequence[Plane], options: Options) -> Planes:
    return [luma(planes, options.weights)]


def _from_gray(xp: Namespace, planes: Sequence[Plane], options: Options) -> Planes:
    return [planes[0], planes[0], planes[0]]


def _differences(planes: Sequence[Plane], weights: tuple[float, float, float]) -> Planes:
    """Luma, and blue and red less luma, from -0.5 to 0.5: H.273, equations 38 to 40.

    Written in the distances from green, so that gray has differences of exactly 0, in float32 too.
    """
    green = planes[1]
    red, blue = planes[0] - green, planes[2] - green
    above = weights[0] * red + weights[2] * blue
    return [green + above, (blue - above) / (2 * (1 - weights[2])), (red - above) / (2 * (1 - weights[0]))]


def _from_differences(planes: Sequence[Plane], weights: tuple[float, float, float]) -> Planes:
    y, cb, cr = planes
    blue, red = cb * (2 * (1 - weights[2])), cr * (2 * (1 - weights[0]))
    return [y + red, y - red * (weights[0] / weights[1]) - blue * (weights[2] / weights[1]), y + blue]


def to_ycbcr(xp: Namespace, planes: Sequence[Plane], options: Options) -> Planes:
    """Y'CbCr at the target's levels: H.273, equations 44 to 52."""
    y, cb, cr = _differences(planes, _standard(options))
    luma_scale, black, chroma_scale, zero = options.target
    return [y * luma_scale + black, cb * chroma_scale + zero, cr * chroma_scale + zero]


def from_ycbcr(xp: Namespace, planes: Sequence[Plane], options: Options) -> Planes:
    """RGB from Y'CbCr at the source's levels."""
    y, cb, cr = planes
    luma_scale, black, chroma_scale, zero = options.source
    return _from_differences(
        [(y - black) / luma_scale, (cb - zero) / chroma_scale, (cr - zero) / chroma_scale], _standard(options)
    )


def _to_yuv(xp: Namespace, planes: Sequence[Plane], options: Options) -> Planes:
    y, cb, cr = _differences(planes, _standard(options))
    return [y, cb * (2 * _U_MAX), cr * (2 * _V_MAX)]


def _from_yuv(xp: Namespace, planes: Sequence[Plane], options: Options) -> Planes:
    y, u, v = planes
    return _from_differences([y, u / (2 * _U_MAX), v / (2 * _V_MAX)], _standard(options))


SPACES["gray"] = Space("rgb", up=_from_gray, down=_to_gray, planes=1, codes=True, mode="L")
SPACES["ycbcr"] = Space("rgb", up=from_ycbcr, down=to_ycbcr, codes=True, mode="YCbCr")
SPACES["yuv"] = Space("rgb", up=_from_yuv, down=_to_yuv)


@explain_calls
def rgb_to_gray(
    image: ImageT,
    *,
    weights: Weights = "bt601",
    bgr: bool = False,
    value_range: tuple[float, float] | None = None,
) -> ImageT:
    """Convert RGB to gray.

    Args:
        image: RGB or RGBA, any kind, batches allowed.
        weights: of red, green and blue: "bt601", "bt709", "bt2020" or three numbers.
        bgr: the array or tensor runs B, G, R.
        value_range: (low, high) of float values that are not in [0, 1], alpha's among them.

    Returns:
        Same kind and dtype, one plane: luma, the weighted sum of the encoded values (not of light), with the alpha of the
        image. Without alpha an array (H, W, 3) becomes (H, W).

    Raises:
        InputTypeError: not an image.
        InputValueError: the wrong number of channels, or a PIL image where PIL has no mode for the space.

    Example:
        >>> import numpy as np
        >>> rgb_to_gray(np.array([[[200, 100, 50]]], np.uint8)).tolist()
        [[124]]

    Source: ITU-R BT.601-7 and BT.709-6.
    """
    return convert(image, "rgb", "gray", weights=weights, bgr=bgr, value_range=value_range)


@explain_calls
def gray_to_rgb(
    image: ImageT,
    *,
    dtype: DTypeLike | None = None,
    bgr: bool = False,
    value_range: tuple[float, float] | None = None,
) -> ImageT:
    """Convert gray to RGB.

    Args:
        image: gray, or gray and alpha, any kind, batches allowed.
        dtype: of the result; None keeps the image's.
        bgr: the result shall run B, G, R.
        value_range: (low, high) of float values that are not in [0, 1], alpha's among them.

    Returns:
        Same kind and dtype unless `dtype` says otherwise, RGB, with the alpha of the image.
        Floats are not clamped: what lies out of gamut stays there.

    Raises:
        InputTypeError: not an image.
        InputValueError: the wrong number of channels, or a PIL image where PIL has no mode for the space.

    Example:
        >>> import numpy as np
        >>> gray_to_rgb(np.array([[100]], np.uint8)).tolist()
        [[[100, 100, 100]]]

    Source: ITU-R BT.601-7 and BT.709-6.
    """
    return convert(image, "gray", "rgb", dtype=dtype, bgr=bgr, value_range=value_range)


@explain_calls
def rgb_to_ycbcr(
    image: ImageT,
    *,
    standard: Standard = "bt601",
    range: Range = "full",
    encoding: Encoding | None = None,
    bgr: bool = False,
    value_range: tuple[float, float] | None = None,
) -> ImageT:
    """Convert RGB to Y'CbCr.

    Args:
        image: RGB or RGBA, any kind, batches allowed.
        standard: "bt601" (JPEG, SD video), "bt709" (HD) or "bt2020" (UHD).
        range: "full" (JPEG) or "limited" (video: black at 16, white at 235 of 255).
        encoding: "cv2" takes and gives uint8: exactly the codes of cv2.cvtColor, planes in OpenCV's
            order. RGB is still R, G, B unless `bgr` says otherwise.
        bgr: the array or tensor runs B, G, R.
        value_range: (low, high) of float values that are not in [0, 1], alpha's among them.

    Returns:
        Same kind and dtype. Chroma zero is the code 2^(n-1) of integers, 0.5 of floats; floats of limited range are the
        8-bit code over 255. Alpha stays beside it. A PIL image becomes one of mode YCbCr.

    Raises:
        InputTypeError: not an image.
        InputValueError: the wrong number of channels, or a PIL image where PIL has no mode for the space.

    Example:
        >>> import numpy as np
        >>> rgb_to_ycbcr(np.array([[[200, 100, 50]]], np.uint8)).tolist()
        [[[124, 86, 182]]]

    Source: ITU-T H.273, ITU-R BT.601-7, BT.709-6, BT.2020-2.
    """
    return convert(
        image, "rgb", "ycbcr", standard=standard, range=range, encoding=encoding, bgr=bgr, value_range=value_range
    )


@explain_calls
def ycbcr_to_rgb(
    image: ImageT,
    *,
    standard: Standard = "bt601",
    range: Range = "full",
    encoding: Encoding | None = None,
    dtype: DTypeLike | None = None,
    bgr: bool = False,
) -> ImageT:
    """Convert Y'CbCr to RGB.

    Args:
        image: Y'CbCr; alpha may follow. Chroma zero is the code 2^(n-1) of integers, 0.5 of floats; floats of limited
            range are the 8-bit code over 255. Or a PIL image of mode YCbCr, which is always bt601 and full.
        standard: "bt601" (JPEG, SD video), "bt709" (HD) or "bt2020" (UHD).
        range: "full" (JPEG) or "limited" (video: black at 16, white at 235 of 255).
        encoding: "cv2" takes and gives uint8: exactly the codes of cv2.cvtColor, planes in OpenCV's
            order. RGB is still R, G, B unless `bgr` says otherwise.
        dtype: of the result; None keeps the image's.
        bgr: the result shall run B, G, R.

    Returns:
        Same kind and dtype unless `dtype` says otherwise, RGB, with the alpha of the image.
        Floats are not clamped: what lies out of gamut stays there.

    Raises:
        InputTypeError: not an image.
        InputValueError: the wrong number of channels, or a PIL image where PIL has no mode for the space.

    Example:
        >>> import numpy as np
        >>> ycbcr_to_rgb(np.array([[[128, 128, 128]]], np.uint8)).tolist()
        [[[128, 128, 128]]]

    Source: ITU-T H.273, ITU-R BT.601-7, BT.709-6, BT.2020-2.
    """
    return convert(image, "ycbcr", "rgb", standard=standard, range=range, encoding=encoding, dtype=dtype, bgr=bgr)


@explain_calls
def rgb_to_yuv(
    image: ImageT,
    *,
    standard: Standard = "bt601",
    encoding: Encoding | None = None,
    bgr: bool = False,
    value_range: tuple[float, float] | None = None,
) -> ImageT:
    """Convert RGB to analogue Y'UV.

    Args:
        image: RGB or RGBA, any kind, batches allowed.
        standard: "bt601" (JPEG, SD video), "bt709" (HD) or "bt2020" (UHD).
        encoding: "cv2" takes and gives uint8: exactly the codes of cv2.cvtColor, planes in OpenCV's
            order. RGB is still R, G, B unless `bgr` says otherwise.
        bgr: the array or tensor runs B, G, R.
        value_range: (low, high) of float values that are not in [0, 1], alpha's among them.

    Returns:
        Same kind, floats: Y in [0, 1], U within 0.436 and V within 0.615 of 0. Integers become float32.
        Alpha stays beside it, as [0, 1].

    Raises:
        InputTypeError: not an image.
        InputValueError: the wrong number of channels, or a PIL image where PIL has no mode for the space.

    Example:
        >>> import numpy as np
        >>> rgb_to_yuv(np.array([[[200, 100, 50]]]) / 255).round(3).tolist()
        [[[0.487, -0.143, 0.261]]]

    Source: ITU-R BT.470-6.
    """
    return convert(image, "rgb", "yuv", standard=standard, encoding=encoding, bgr=bgr, value_range=value_range)


@explain_calls
def yuv_to_rgb(
    image: ImageT,
    *,
    standard: Standard = "bt601",
    encoding: Encoding | None = None,
    dtype: DTypeLike | None = None,
    bgr: bool = False,
) -> ImageT:
    """Convert analogue Y'UV to RGB.

    Args:
        image: analogue Y'UV, floats: Y in [0, 1], U within 0.436 and V within 0.615 of 0; alpha may follow.
        standard: "bt601" (JPEG, SD video), "bt709" (HD) or "bt2020" (UHD).
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
        >>> yuv_to_rgb(np.array([[[0.5, 0.1, -0.1]]])).round(3).tolist()
        [[[0.386, 0.519, 0.703]]]

    Source: ITU-R BT.470-6.
    """
    return convert(image, "yuv", "rgb", standard=standard, encoding=encoding, dtype=dtype, bgr=bgr)
