"""What pictures, arrays and tensors say of themselves, also those that no operation would take."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from .._metadata import SOURCE_COLOR
from .._pixels.facts import Memory, Raw

if TYPE_CHECKING:
    import torch
    from PIL import Image

    from .._pixels.kinds import Array

__all__ = [
    "describe_array",
    "describe_array_memory",
    "describe_picture",
    "describe_picture_memory",
    "describe_tensor",
    "describe_tensor_memory",
]

# Bytes of a pixel in Pillow's own memory, where RGB takes four.
_PIL_BYTES = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16B": 2, "I;16L": 2, "I;16N": 2}


# ---------------------------------------------------------------- arrays


def describe_array(image: Array) -> Raw:
    """Tell what an array of any shape and dtype is."""
    masked = int(np.ma.getmaskarray(image).sum()) if isinstance(image, np.ma.MaskedArray) else 0
    # A mask is what people want to know of: what it hides is no value.
    return Raw(image.shape, image.dtype.name, lambda: image, cast='image.astype("{}")', masked=masked)


def describe_array_memory(image: Array) -> Memory:
    """Tell where an array lies."""
    strides = image.strides
    if image.flags.c_contiguous:
        layout = "contiguous"
    elif _is_broadcast(strides, image.shape):
        layout = "broadcast"
    elif any(step < 0 for step in strides):
        layout = "reversed"
    else:
        layout = "strided"
    return Memory(
        bytes=image.nbytes,
        layout=layout,
        strides=strides,
        view=image.base is not None,
        read_only=not image.flags.writeable,
        byte_swapped=not image.dtype.isnative,
    )


def _is_broadcast(strides: Sequence[int], shape: Sequence[int]) -> bool:
    return any(step == 0 and side > 1 for step, side in zip(strides, shape, strict=True))


# ---------------------------------------------------------------- pictures


def describe_picture(image: Image.Image) -> Raw:
    """Tell what a picture of any mode is, but for its orientation."""
    dtype = "uint16" if image.mode.startswith("I;") else {"I": "int32", "F": "float32"}.get(image.mode, "uint8")

    def read() -> Array | None:
        try:
            return np.asarray(image)
        except Exception:  # noqa: BLE001  # Pillow's decoders raise eight different types; `load` has said which one
            return None

    return Raw(
        (image.height, image.width),
        dtype,
        read,
        mode=image.mode,
        profile=image.info.get("icc_profile"),
        source_color=image.info.get(SOURCE_COLOR),
    )


def describe_picture_memory(image: Image.Image) -> Memory:
    """Tell how much memory a picture takes, and whether it is its own."""
    size = image.width * image.height * _PIL_BYTES.get(image.mode, 4)
    try:
        shared = bool(image.readonly)
    except Exception:  # noqa: BLE001  # a closed or damaged file, as its problems say; Pillow has eight types for it
        shared = False
    return Memory(bytes=size, view=shared, read_only=shared)


# ---------------------------------------------------------------- tensors


def describe_tensor(image: torch.Tensor) -> Raw:
    """Tell what a tensor of any layout and dtype is."""
    import torch

    def read() -> Array | None:
        if image.layout is not torch.strided or image.is_quantized or image.is_meta or image.is_nested:
            return None
        values = image.detach().as_subclass(torch.Tensor)
        if values.dtype.is_floating_point and values.dtype not in (torch.float16, torch.float32, torch.float64):
            values = values.float()
        array: Array = values.cpu().resolve_conj().resolve_neg().numpy()
        return array

    shape = () if image.is_nested else tuple(image.shape)
    return Raw(shape, str(image.dtype).removeprefix("torch."), read, cast="image.to(torch.{})")


def describe_tensor_memory(image: torch.Tensor) -> Memory:
    """Tell where a tensor lies."""
    import torch

    device = "host" if image.device.type == "cpu" else str(image.device)
    if image.layout is not torch.strided or image.is_nested:
        return Memory(None, device, "nested" if image.is_nested else str(image.layout).removeprefix("torch."))
    strides = image.stride()
    if image.is_contiguous():
        layout = "contiguous"
    elif _is_broadcast(strides, image.shape):
        layout = "broadcast"
    else:
        is_last = image.ndim >= 3 and image.movedim(-3, -1).is_contiguous()
        layout = "channels last" if is_last else "strided"
    return Memory(
        bytes=image.numel() * image.element_size(),
        device=device,
        layout=layout,
        strides=tuple(step * image.element_size() for step in strides),
        view=image._is_view(),
        requires_grad=image.requires_grad,
    )
