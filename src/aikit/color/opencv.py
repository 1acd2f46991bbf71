"""OpenCV's own 8-bit codes, so that thresholds written for it keep working."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import cv2
import numpy as np

from .._check import switch
from .._pixels import Plane, Planes, adapter, load, run_uint8
from ..convert import NUMPY_DTYPES, dtype_name
from ..errors import InputTypeError, InputValueError, quoted
from ..types import DTypeLike, ImageT
from .table import SPACES, check_channels

# (to the space, back) as OpenCV names them. Its HLS and YCrCb have another order than the names HSL and YCbCr.
_CODES = {
    "gray": (cv2.COLOR_RGB2GRAY, cv2.COLOR_GRAY2RGB),
    "hsv": (cv2.COLOR_RGB2HSV, cv2.COLOR_HSV2RGB),
    "hsl": (cv2.COLOR_RGB2HLS, cv2.COLOR_HLS2RGB),
    "lab": (cv2.COLOR_RGB2LAB, cv2.COLOR_LAB2RGB),
    "luv": (cv2.COLOR_RGB2LUV, cv2.COLOR_LUV2RGB),
    "xyz": (cv2.COLOR_RGB2XYZ, cv2.COLOR_XYZ2RGB),
    "ycbcr": (cv2.COLOR_RGB2YCrCb, cv2.COLOR_YCrCb2RGB),
    "yuv": (cv2.COLOR_RGB2YUV, cv2.COLOR_YUV2RGB),
}


def check_options(
    *, weights: object, standard: object, range: object, dtype: DTypeLike | None, value_range: object
) -> None:
    """Refuse what cvtColor has no choice of."""
    for subject, value, only in (
        ("weights", weights, "bt601"),
        ("standard", standard, "bt601"),
        ("range", range, "full"),
    ):
        if not isinstance(value, str) or value != only:
            raise InputValueError(
                subject, f'"{only}" with encoding="cv2", which has no other', quoted(value), "leave one of them out"
            )
    if value_range is not None:
        raise InputValueError(
            "value_range", 'None with encoding="cv2", which takes codes', quoted(value_range), "leave one of them out"
        )
    if dtype_name(dtype, NUMPY_DTYPES, None) not in (None, "uint8"):
        raise InputValueError(
            "dtype", 'None or "uint8" with encoding="cv2"', quoted(dtype), "call to_numpy or to_tensor afterwards"
        )


def convert_uint8(image: ImageT, src: str, dst: str, encoding: object, bgr: bool) -> ImageT:
    """Convert between rgb and another space exactly as cv2.cvtColor does, codes to codes."""
    if not isinstance(encoding, str) or encoding != "cv2":
        raise InputValueError("encoding", '"cv2" or None', quoted(encoding), "leave it out for natural units")
    space = dst if src == "rgb" else src
    if "rgb" not in (src, dst) or space not in _CODES:
        raise InputValueError(
            "encoding", f'rgb and one of {", ".join(_CODES)} with "cv2"', f"{src} to {dst}", "leave encoding out"
        )
    switch("bgr", bgr)
    opened = load(image, bgr=bgr and src == "rgb")
    spec = opened.spec
    if spec.dtype != "uint8":
        raise InputTypeError("image", 'uint8 with encoding="cv2"', spec.dtype, "leave encoding out for natural units")
    if adapter(spec.kind).has_modes and space != "gray":
        raise InputValueError("encoding", 'an array or a tensor with "cv2"', "a PIL image", "call to_numpy first")
    check_channels(spec, src)
    into = replace(spec, bgr=bgr and dst == "rgb")
    kernel = partial(_cvt_color, _CODES[space][src != "rgb"], SPACES[src].planes)
    return run_uint8(kernel, opened, into=into)


def _cvt_color(code: int, count: int, *planes: Plane) -> Planes:
    block = cv2.merge(list(planes[:count])) if count > 1 else planes[0]
    converted = cv2.cvtColor(np.ascontiguousarray(block), code)
    return [*(cv2.split(converted) if converted.ndim == 3 else [converted]), *planes[count:]]
