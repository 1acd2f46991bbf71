"""Converters of channels that are data: any number of planes, whose numbers keep their values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._check import one_of
from .._pixels import Spec
from ..errors import InputTypeError
from ..types import AnyImage, DeviceLike, DTypeLike
from .dtypes import Layout, dtype_name

if TYPE_CHECKING:
    import numpy as np
    import torch
    from PIL import Image

    from .._adapters.data import Data

__all__ = ["planes_to_array", "planes_to_pil", "planes_to_tensor"]


def _open_given(image: AnyImage, layout: Layout | None) -> Data:
    from .._adapters.data import open_data

    if layout is not None:
        one_of("layout", layout, ("HWC", "CHW"))
    return open_data(image, layout=layout)


def planes_to_pil(
    image: AnyImage, dtype: DTypeLike | None, layout: Layout | None, out: Image.Image | None
) -> Image.Image:
    """Make a PIL image of one plane, or of three of bytes."""
    from .._adapters import data, pil as pictures

    result = data.to_picture(_open_given(image, layout), dtype_name(dtype, data.PIL_DTYPES, "auto"))
    return result if out is None else pictures.fill(out, result)


def planes_to_array(
    image: AnyImage,
    dtype: DTypeLike | None,
    layout: Layout | None,
    out: np.ndarray[Any, Any] | None,
    *,
    for_opencv: bool = False,
) -> np.ndarray[Any, Any]:
    """Make an array of planes, channels last, of the dtypes that NumPy has, or OpenCV."""
    import numpy as np

    from .._adapters import data, numpy as arrays

    allowed = data.CV2_DTYPES if for_opencv else data.ARRAY_DTYPES
    name = dtype_name(dtype, allowed, "auto" if for_opencv else None)
    opened = _open_given(image, layout)
    own = {"bfloat16": "float32"} | ({"bool": "uint8"} if for_opencv else {})
    wanted = name or own.get(opened.dtype, opened.dtype)
    if wanted not in allowed:
        raise InputTypeError("image", f"data of {', '.join(allowed)} for OpenCV", wanted, "pass one of these as dtype=")
    flat = opened.channels == 1 and not opened.batch
    arrays.check_out(out, Spec("numpy", wanted, opened.channels, *opened.size, opened.batch, flat=flat))
    result = opened.array(wanted)
    if out is None:
        return result
    np.copyto(out, result)
    return out


def planes_to_tensor(
    image: AnyImage,
    dtype: DTypeLike | None,
    layout: Layout | None,
    device: DeviceLike | None,
    out: torch.Tensor | None,
) -> torch.Tensor:
    """Make a tensor of planes, channels first."""
    from .._adapters import data, torch as tensors

    name = dtype_name(dtype, data.TENSOR_DTYPES, None)
    opened = _open_given(image, layout)
    wanted = name or opened.dtype
    own = opened.values.device if opened.is_tensor else None
    spec = Spec("torch", wanted, opened.channels, *opened.size, opened.batch, device=own)
    tensors.check_out(out, spec)
    result = opened.tensor(wanted, tensors.device_for(device, spec, out))
    return result if out is None else out.copy_(result)
