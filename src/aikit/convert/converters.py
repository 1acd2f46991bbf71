"""The four converters: to PIL, NumPy, OpenCV and torch."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, cast, get_args, overload

from .._check import one_of
from .._foreign_names import explain_calls
from .._pixels import (
    ChannelKind,
    Opened,
    Pixels,
    PixelTarget,
    Spec,
    adapter,
    copy_pixels,
    is_data,
    kind_of,
    load,
)  # fmt: skip
from ..errors import InputTypeError, InputValueError, quoted
from ..types import AnyImage, DeviceLike, DTypeLike, Kind
from .dtypes import Layout, dtype_name
from .planes import planes_to_array, planes_to_pil, planes_to_tensor

if TYPE_CHECKING:
    import numpy as np
    import torch
    from PIL import Image


__all__ = [
    "KINDS",
    "NUMPY_DTYPES",
    "TORCH_DTYPES",
    "Layout",
    "ValueRange",
    "as_kind",
    "check_value_range",
    "to_cv2",
    "to_numpy",
    "to_pil",
    "to_tensor",
]

KINDS = get_args(Kind)
ValueRange = tuple[float, float]

_PIL_DTYPES = ("uint8", "uint16", "float32")
NUMPY_DTYPES = ("uint8", "uint16", "float16", "float32", "float64")
_CV2_DTYPES = ("uint8", "uint16", "float32")
TORCH_DTYPES = ("uint8", "uint16", "float16", "bfloat16", "float32", "float64")


@explain_calls
def to_pil(
    image: AnyImage,
    *,
    dtype: DTypeLike | None = "auto",
    bgr: bool = False,
    value_range: ValueRange | None = None,
    layout: Layout | None = None,
    channels: ChannelKind = "color",
    out: Image.Image | None = None,
) -> Image.Image:
    """Convert any image to a PIL image.

    A PIL image that already is upright and has the mode asked for is returned as it is; every other result
    has memory of its own. PIL has 16 and 32 bits for gray only: 16-bit color, and 16-bit gray with alpha,
    is rounded to 8 bits.

    Args:
        image: a PIL image of any mode, an array (H, W) or (H, W, 1 to 4), or a tensor (1 to 4, H, W).
            Integers span their full range, floats [0, 1].
        dtype: "auto" keeps the depth of integers (16-bit gray becomes mode I;16), keeps mode F, and makes
            everything else 8 bit. "uint8", "uint16" (gray) and "float32" (gray, mode F) ask for a depth.
        bgr: the array or tensor runs B, G, R(, A).
        value_range: (low, high) of float values that are not in [0, 1], or of PIL's mode I.
        layout: "CHW" for an array with channels first, "HWC" for a tensor with channels last.
        channels: "data" for numbers that are no colors: one plane of uint8, uint16, int32, float32 or bool (modes L, I;16,
            I, F and 1), or three of uint8 (RGB); "auto" keeps the dtype.
        out: a PIL image of the result's size and mode, which is filled and returned.

    Returns:
        An image of mode L, LA, RGB, RGBA, I;16 or F, upright, with the metadata of a PIL source.

    Raises:
        InputTypeError: not an image, or a dtype that no image has.
        InputValueError: a batch, NaN on the way to integers, a size of zero, or options that do not fit.

    Example:
        >>> import numpy as np
        >>> to_pil(np.array([[[0, 0.5, 1]]], np.float32)).getpixel((0, 0))
        (0, 128, 255)
    """
    if is_data(channels, bgr=bgr, value_range=value_range):
        return planes_to_pil(image, dtype, layout, out)
    name = dtype_name(dtype, _PIL_DTYPES, "auto")
    pixels, spec, value_range = _open(image, bgr, value_range, layout)
    from .._adapters import pil as pictures

    if name in (None, spec.dtype) and value_range is None and pictures.is_resolved(image):
        return image if out is None else pictures.fill(out, image)
    wanted = name or ("float32" if getattr(image, "mode", None) == "F" else _auto_dtype(spec))
    if name == "uint16" and spec.channels > 1:
        raise InputValueError("dtype", '"uint8" for a PIL image with more than one channel', '"uint16"', "use to_numpy")
    canvas = pictures.create(spec, spec.channels, wanted)
    pictures.check_out(out, replace(spec, dtype=wanted))
    _transfer(pixels, spec, canvas, value_range)
    result = pictures.finish(canvas, spec)
    return result if out is None else pictures.fill(out, result)


@explain_calls
def to_numpy(
    image: AnyImage,
    *,
    dtype: DTypeLike | None = None,
    bgr: bool = False,
    value_range: ValueRange | None = None,
    layout: Layout | None = None,
    channels: ChannelKind = "color",
    out: np.ndarray[Any, Any] | None = None,
) -> np.ndarray[Any, Any]:
    """Convert any image to a NumPy array, channels last, RGB.

    The result is always a fresh, C-contiguous, writable array in native byte order.

    Args:
        image: a PIL image of any mode, an array (H, W) or (..., H, W, 1 to 4), or a tensor (..., 1 to 4, H, W).
            Integers span their full range, floats [0, 1].
        dtype: "uint8", "uint16", "float16", "float32" or "float64", as a name, NumPy or torch dtype. None keeps
            the source's; bool and PIL's mode 1 become uint8 with 0 and 255, bfloat16 becomes float32.
        bgr: the array or tensor runs B, G, R(, A); the result is R, G, B(, A).
        value_range: (low, high) of float values that are not in [0, 1], or of PIL's mode I.
        layout: "CHW" for an array with channels first, "HWC" for a tensor with channels last.
        channels: "data" for numbers that are no colors, any number of planes of any type, which the result keeps: None is
            the same dtype, and bool stays.
        out: an array of the result's shape and dtype, C-contiguous, which is filled and returned.

    Returns:
        (H, W) for one gray picture, else (..., H, W, C) with C = 1 to 4; two channels are gray and alpha.

    Raises:
        InputTypeError: not an image, or a dtype that no image has.
        InputValueError: NaN on the way to integers, a size of zero, or options that do not fit.

    Example:
        >>> from PIL import Image
        >>> to_numpy(Image.new("RGB", (2, 1), (10, 20, 30))).tolist()
        [[[10, 20, 30], [10, 20, 30]]]
    """
    if is_data(channels, bgr=bgr, value_range=value_range):
        return planes_to_array(image, dtype, layout, out)
    name = dtype_name(dtype, NUMPY_DTYPES, None)
    pixels, spec, value_range = _open(image, bgr, value_range, layout)
    wanted = name or {"bool": "uint8", "bfloat16": "float32"}.get(spec.dtype, spec.dtype)
    return _to_array(pixels, spec, spec.channels, wanted, value_range, out, bgr=False)


@explain_calls
def to_cv2(
    image: AnyImage,
    *,
    dtype: DTypeLike | None = "auto",
    bgr: bool = False,
    value_range: ValueRange | None = None,
    layout: Layout | None = None,
    channels: ChannelKind = "color",
    out: np.ndarray[Any, Any] | None = None,
) -> np.ndarray[Any, Any]:
    """Convert any image to an array for OpenCV, channels last, BGR.

    The result is always a fresh, C-contiguous, writable array: OpenCV can draw on it.

    Args:
        image: a PIL image of any mode, an array (H, W) or (..., H, W, 1 to 4), or a tensor (..., 1 to 4, H, W).
            Integers span their full range, floats [0, 1].
        dtype: "auto" keeps uint8 and uint16 and makes everything else uint8; "uint8", "uint16" and "float32"
            ask for a depth.
        bgr: the array or tensor already runs B, G, R(, A).
        value_range: (low, high) of float values that are not in [0, 1], or of PIL's mode I.
        layout: "CHW" for an array with channels first, "HWC" for a tensor with channels last.
        channels: "data" for numbers that are no colors, any number of planes in their own order; "auto" keeps the dtype,
            which is one of uint8, int8, uint16, int16, int32, float16, float32 and float64, and bool becomes 0 and 1.
        out: an array of the result's shape and dtype, C-contiguous, which is filled and returned.

    Returns:
        (H, W) for one gray picture, else (..., H, W, C): BGR, or BGRA where there is alpha, also for
        gray with alpha, because OpenCV cannot show two channels.

    Raises:
        InputTypeError: not an image, or a dtype that OpenCV does not have.
        InputValueError: NaN on the way to integers, a size of zero, or options that do not fit.

    Example:
        >>> from PIL import Image
        >>> to_cv2(Image.new("RGB", (1, 1), (10, 20, 30))).tolist()
        [[[30, 20, 10]]]
    """
    if is_data(channels, bgr=bgr, value_range=value_range):
        return planes_to_array(image, dtype, layout, out, for_opencv=True)
    name = dtype_name(dtype, _CV2_DTYPES, "auto")
    pixels, spec, value_range = _open(image, bgr, value_range, layout)
    count = 4 if spec.channels == 2 else spec.channels
    return _to_array(pixels, spec, count, name or _auto_dtype(spec), value_range, out, bgr=True)


@explain_calls
def to_tensor(
    image: AnyImage,
    *,
    dtype: DTypeLike | None = "float32",
    bgr: bool = False,
    value_range: ValueRange | None = None,
    layout: Layout | None = None,
    channels: ChannelKind = "color",
    device: DeviceLike | None = None,
    out: torch.Tensor | None = None,
) -> torch.Tensor:
    """Convert any image to a torch tensor, channels first, RGB.

    Integers become floats as `code * (1 / 255)` or `code * (1 / 65535)` in float32, and come back exactly.
    Gradients flow from tensor to tensor. The result is contiguous and never shares memory with the image.

    Args:
        image: a PIL image of any mode, an array (H, W) or (..., H, W, 1 to 4), or a tensor (..., 1 to 4, H, W).
            Integers span their full range, floats [0, 1].
        dtype: "float32" by default, or "uint8", "uint16", "float16", "bfloat16", "float64"; None keeps the source's
            (bool becomes uint8 with 0 and 255).
        bgr: the array or tensor runs B, G, R(, A); the result is R, G, B(, A).
        value_range: (low, high) of float values that are not in [0, 1], or of PIL's mode I.
        layout: "CHW" for an array with channels first, "HWC" for a tensor with channels last.
        channels: "data" for numbers that are no colors, any number of planes of any type, 5 becoming 5.0; a tensor may
            be (H, W) then.
        device: where the result shall lie, such as "cuda"; None keeps a tensor where it is and puts everything
            else on the CPU. Integers cross to a device as integers.
        out: a contiguous tensor of the result's shape and dtype, which is filled and returned. Without it a large
            result costs more in fresh memory than in arithmetic.

    Returns:
        (..., C, H, W) with C = 1 to 4: gray, gray and alpha, RGB, RGBA.

    Raises:
        InputTypeError: not an image, or a dtype that no image has.
        InputValueError: NaN on the way to integers in host memory (on an accelerator NaN becomes 0), a size
            of zero, or options that do not fit.
        DeviceError: the device does not exist.

    Example:
        >>> from PIL import Image
        >>> to_tensor(Image.new("RGB", (2, 1), (0, 255, 0)))[:, 0, 0].tolist()
        [0.0, 1.0, 0.0]
    """
    if is_data(channels, bgr=bgr, value_range=value_range):
        return planes_to_tensor(image, dtype, layout, device, out)
    name = dtype_name(dtype, TORCH_DTYPES, None)
    pixels, spec, value_range = _open(image, bgr, value_range, layout)
    wanted = name or ("uint8" if spec.dtype == "bool" else spec.dtype)
    from .._adapters import torch as tensors

    shape = (*spec.batch, spec.channels, spec.height, spec.width)
    tensors.check_out(out, replace(spec, dtype=wanted))
    where = tensors.device_for(device, spec, out)
    if isinstance(pixels, tensors.TensorPixels) and (where.type != "cpu" or tensors.view_on_host(pixels) is None):
        result = tensors.convert(pixels, wanted, where, value_range)
    else:
        # Floats that become integers are quantised here, everything else crosses in its own, smaller dtype.
        on_host = where.type == "cpu" or spec.dtype.startswith("float") or value_range is not None
        tensor, target = tensors.allocate_on_host(shape, wanted if on_host else spec.dtype, out)
        _transfer(pixels, spec, target, value_range)
        result = tensors.move(tensor, wanted, where)
    if out is None or result is out:
        return result
    return out.copy_(result)


# ---------------------------------------------------------------- shared by the converters


@overload
def as_kind(image: AnyImage, kind: Literal["pil"]) -> Image.Image: ...
@overload
def as_kind(image: AnyImage, kind: Literal["numpy", "cv2"]) -> np.ndarray[Any, Any]: ...
@overload
def as_kind(image: AnyImage, kind: Literal["tensor"]) -> torch.Tensor: ...
@overload
def as_kind(image: AnyImage, kind: Kind) -> AnyImage: ...
def as_kind(image: AnyImage, kind: Kind) -> AnyImage:
    """Convert a drawn document to the kind that was asked for; give it as it is where it is of that kind already."""
    one_of("kind", kind, KINDS)
    return image if kind in ("pil", "numpy") and kind_of(image) == kind else _CONVERTERS[kind](image)


def _deep_cv2(image: AnyImage) -> np.ndarray[Any, Any]:
    return to_cv2(image, dtype="float32" if load(image).spec.dtype == "float32" else "auto")


_CONVERTERS: dict[str, Callable[[AnyImage], AnyImage]] = {
    "pil": to_pil,
    "numpy": to_numpy,
    "cv2": _deep_cv2,
    "tensor": to_tensor,
}


def _open(
    image: AnyImage | Opened[AnyImage], bgr: bool, value_range: ValueRange | None, layout: Layout | None
) -> tuple[Pixels, Spec, ValueRange | None]:
    if layout is not None:
        one_of("layout", layout, ("HWC", "CHW"))
    pixels, spec = load(image, layout=layout, bgr=bgr, ranged=value_range is not None)
    return pixels, spec, None if value_range is None else check_value_range(value_range, spec)


def check_value_range(value_range: object, spec: Spec) -> ValueRange:
    """Read a range as two numbers, if floats can be taken from it."""
    try:
        low, high = (float(value) for value in cast(ValueRange, value_range))  # what is no pair is refused below
    except (OverflowError, TypeError, ValueError) as error:
        raise InputTypeError("value_range", "two numbers (low, high)", quoted(value_range), "pass a pair") from error
    # The step is what counts: it is neither 0 nor infinite for any range that pixels can be taken from.
    if not (low < high and 0 < 1 / (high - low) < math.inf):
        raise InputValueError(
            "value_range", "low < high, both finite", quoted(value_range), "pass for instance (-1, 1)"
        )
    if not spec.dtype.startswith(("float", "bfloat")):
        raise InputValueError(
            "value_range", f"None for {spec.dtype}, whose range is fixed", quoted(value_range), "leave it out"
        )
    return low, high


def _auto_dtype(spec: Spec) -> str:
    return spec.dtype if spec.dtype == "uint16" else "uint8"


def _to_array(
    pixels: Pixels,
    spec: Spec,
    channels: int,
    dtype: str,
    value_range: ValueRange | None,
    out: np.ndarray[Any, Any] | None,
    *,
    bgr: bool,
) -> np.ndarray[Any, Any]:
    import numpy as np

    from .._adapters import numpy as arrays

    flat = channels == 1 and not spec.batch
    shape = (*spec.batch, spec.height, spec.width, channels)
    if out is None:
        array = np.empty(shape, dtype)
    else:
        arrays.check_out(out, replace(spec, channels=channels, dtype=dtype, flat=flat))
        # Through one axis, so that axes of length 1 have plain strides too: OpenCV looks at them.
        array = out.reshape(-1).reshape(shape)
    _transfer(pixels, spec, arrays.Pixels(array, bgr=bgr), value_range)
    if out is not None:
        return out
    return array[..., 0] if flat else array


def _transfer(pixels: Pixels, spec: Spec, target: PixelTarget, value_range: ValueRange | None) -> None:
    """Copy an image's pixels, wherever it lies, into a target in host memory."""
    source, value_range = adapter(spec.kind).bring_to_host(pixels, target.dtype, value_range)
    copy_pixels(source, spec, target, value_range)
