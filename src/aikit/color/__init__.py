"""Color spaces: any of them to any other, on every kind of image, alpha untouched beside them.

RGB is sRGB, IEC 61966-2-1, with the white D65 of the 2 degree observer. Floats are in natural units: hue in degrees
[0, 360) and 0 for grays; saturation, value and HSL's lightness in [0, 1]; CIE L from 0 to 100; Y of white 1; OKLab's
L from 0 to 1. Float results are never clamped: out-of-gamut colors survive the way there and back.

Every function takes a PIL image, an array (H, W, C) or (..., H, W, C), or a tensor (..., C, H, W); C is the space's
planes, with alpha behind them if there is any. Integers span their full range, floats of RGB [0, 1]. Frames of video
have a layout of their own: see `video`.
"""

from __future__ import annotations

from typing import Literal

from .._foreign_names import explain_calls
from ..types import DTypeLike, ImageT
from .cie import lab_to_rgb, lch_to_rgb, luv_to_rgb, rgb_to_lab, rgb_to_lch, rgb_to_luv
from .cmyk import cmyk_to_rgb, rgb_to_cmyk
from .engine import convert
from .hue import hsl_to_rgb, hsv_to_rgb, rgb_to_hsl, rgb_to_hsv
from .oklab import oklab_to_rgb, oklch_to_rgb, rgb_to_oklab, rgb_to_oklch
from .rgb import linear_rgb_to_rgb, rgb_to_linear_rgb, rgb_to_xyz, xyz_to_rgb
from .table import Encoding, Range, Standard, Weights
from .video import i420_to_rgb, nv12_to_rgb, rgb_to_i420, rgb_to_nv12
from .ycbcr import gray_to_rgb, rgb_to_gray, rgb_to_ycbcr, rgb_to_yuv, ycbcr_to_rgb, yuv_to_rgb

__all__ = [
    "cmyk_to_rgb",
    "convert_color",
    "gray_to_rgb",
    "hsl_to_rgb",
    "hsv_to_rgb",
    "i420_to_rgb",
    "lab_to_rgb",
    "lch_to_rgb",
    "linear_rgb_to_rgb",
    "luv_to_rgb",
    "nv12_to_rgb",
    "oklab_to_rgb",
    "oklch_to_rgb",
    "rgb_to_cmyk",
    "rgb_to_gray",
    "rgb_to_hsl",
    "rgb_to_hsv",
    "rgb_to_i420",
    "rgb_to_lab",
    "rgb_to_lch",
    "rgb_to_linear_rgb",
    "rgb_to_luv",
    "rgb_to_nv12",
    "rgb_to_oklab",
    "rgb_to_oklch",
    "rgb_to_xyz",
    "rgb_to_ycbcr",
    "rgb_to_yuv",
    "xyz_to_rgb",
    "ycbcr_to_rgb",
    "yuv_to_rgb",
]

Space = Literal[
    "rgb", "gray", "linear_rgb", "xyz", "lab", "lch", "luv", "oklab", "oklch", "hsv", "hsl", "ycbcr", "yuv", "cmyk"
]


@explain_calls
def convert_color(
    image: ImageT,
    src: Space,
    dst: Space,
    *,
    weights: Weights = "bt601",
    standard: Standard = "bt601",
    range: Range = "full",
    dtype: DTypeLike | None = None,
    encoding: Encoding | None = None,
    bgr: bool = False,
    value_range: tuple[float, float] | None = None,
) -> ImageT:
    """Convert an image from any color space to any other.

    Args:
        image: any image or batch whose channels are those of `src`, with alpha behind them if there is any.
        src: the space it is in: rgb, gray, linear_rgb, xyz, lab, lch, luv, oklab, oklch, hsv, hsl, ycbcr, yuv or cmyk.
            A PIL image's mode is its space: with "rgb" any mode is resolved first,
            otherwise the mode has to be the space's (L, HSV, YCbCr, CMYK).
        dst: the space wanted.
        weights: of red, green and blue in gray: "bt601", "bt709", "bt2020" or three numbers.
        standard: of ycbcr and yuv.
        range: of ycbcr; "limited" has black at 16 and white at 235 of 255.
        dtype: of the result; None for what is said below.
        encoding: "cv2" takes and gives uint8: exactly the codes of cv2.cvtColor, planes in OpenCV's
            order. RGB is still R, G, B unless `bgr` says otherwise.
        bgr: rgb and linear_rgb, wherever they come in or go out, run B, G, R; the other spaces have one order only.
        value_range: (low, high) of float values that are not in [0, 1], alpha's among them; for rgb, linear_rgb, gray
            and cmyk, the spaces without units of their own.

    Returns:
        Same kind. Between rgb, gray, ycbcr and cmyk the dtype stays; to or from any other space the result is float
        (float32 where integers came in). Alpha stays beside it, as [0, 1] beside floats.

    Raises:
        InputTypeError: not an image, or integers in a space that has units of its own.
        InputValueError: an unknown space, the wrong channels, alpha on the way to cmyk, or a space that PIL has no
            mode for.

    Example:
        >>> import numpy as np
        >>> convert_color(np.array([[[1.0, 0, 0]]]), "rgb", "lab").round(1).tolist()
        [[[53.2, 80.1, 67.2]]]

    Source: each space's own functions name theirs.
    """
    return convert(
        image,
        src,
        dst,
        weights=weights,
        standard=standard,
        range=range,
        dtype=dtype,
        encoding=encoding,
        bgr=bgr,
        value_range=value_range,
    )
