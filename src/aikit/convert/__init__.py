"""The converters: any image to PIL, NumPy, OpenCV or torch, with alpha, depth and gradients kept.

Every converter takes every kind of image. Pure changes of container never pass through float, so uint8 and
uint16 arrive bit for bit. The result never shares memory with the image it came from, except that
`to_pil` returns a PIL image that needs no change as it is.

With `channels="data"` channels are numbers in units of their own, such as depth, optical flow or the bands of a
satellite: any number of them, of any integer or float type, none of which is alpha. Their values stay: nothing is scaled
to [0, 1], floats are rounded to the nearest where integers are asked for, and a dtype that cannot hold them is refused.
"""

from __future__ import annotations

from .converters import (
    KINDS as KINDS,
    NUMPY_DTYPES as NUMPY_DTYPES,
    TORCH_DTYPES as TORCH_DTYPES,
    as_kind as as_kind,
    check_value_range as check_value_range,
    to_cv2,
    to_numpy,
    to_pil,
    to_tensor,
)
from .dtypes import dtype_name as dtype_name
from .like import to_like

# The rest is for the house.
__all__ = ["to_cv2", "to_like", "to_numpy", "to_pil", "to_tensor"]
