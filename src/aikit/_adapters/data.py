"""Channels that are data: opened in arrays, tensors and pictures, cast by what their numbers say, and handed out.

A number keeps its value through every cast, or the cast is refused: nothing is scaled to a range, and no channel is alpha.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from .._metadata.orientation import orientation_of_image, upright
from .._pixels.foreign import as_own
from .._pixels.kinds import kind_of
from ..errors import InputTypeError, InputValueError, quoted
from .numpy import Array, cast_data
from .pil import load_pixels

if TYPE_CHECKING:
    import torch

__all__ = ["ARRAY_DTYPES", "CV2_DTYPES", "PIL_DTYPES", "TENSOR_DTYPES", "Data", "open_data", "to_picture"]

_INTEGERS = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64")
ARRAY_DTYPES = ("bool", *_INTEGERS, "float16", "float32", "float64")
TENSOR_DTYPES = (*ARRAY_DTYPES, "bfloat16")
# What OpenCV 4 and 5 both have.
CV2_DTYPES = ("uint8", "int8", "uint16", "int16", "int32", "float16", "float32", "float64")
PIL_DTYPES = ("bool", "uint8", "uint16", "int32", "float32")

# Pillow's modes whose numbers are what they say.
_MODES = ("1", "L", "I;16", "I;16L", "I;16B", "I;16N", "I", "F", "RGB")


@dataclass(frozen=True, slots=True)
class Data:
    """Planes of data, (..., C, H, W), in an array or a tensor."""

    values: Any

    @property
    def is_tensor(self) -> bool:
        """Whether the values are a tensor."""
        return not isinstance(self.values, np.ndarray)

    @property
    def dtype(self) -> str:
        """The name of their dtype."""
        return _name_of(self.values)

    @property
    def channels(self) -> int:
        """How many planes there are."""
        return int(self.values.shape[-3])

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return int(self.values.shape[-2]), int(self.values.shape[-1])

    @property
    def batch(self) -> tuple[int, ...]:
        """The leading axes; empty for one picture."""
        return tuple(self.values.shape[:-3])

    def planes_on_host(self, dtype: str) -> Array:
        """The values in host memory, in a dtype of NumPy's and native order; the memory may be the caller's."""
        if not self.is_tensor:
            return cast_data(self.values.astype(self.values.dtype.newbyteorder("="), copy=False), dtype)
        from .torch import values_on_host

        return cast_data(values_on_host(self.values), dtype)

    def array(self, dtype: str) -> Array:
        """The values as a fresh array, channels last, C-contiguous; one plane that is no batch as (H, W)."""
        planes = self.planes_on_host(dtype)
        array = np.array(np.moveaxis(planes, -3, -1), order="C")
        return array[..., 0] if self.channels == 1 and not self.batch else array

    def tensor(self, dtype: str, device: Any = None) -> torch.Tensor:
        """The values as a fresh tensor, channels first, contiguous; gradients flow from a tensor."""
        import torch

        from . import torch as tensors

        target = getattr(torch, dtype)
        if self.is_tensor:
            where = self.values.device if device is None else device
            result = tensors.cast_data(self.values, target).to(where)
            return result.clone(memory_format=torch.contiguous_format) if result is self.values else result.contiguous()
        array = np.array(self.planes_on_host("float32" if dtype == "bfloat16" else dtype), order="C")
        return torch.from_numpy(array).to("cpu" if device is None else device, target)


def _name_of(values: Any) -> str:
    return values.dtype.name if isinstance(values, np.ndarray) else str(values.dtype).removeprefix("torch.")


def open_data(image: object, *, layout: str | None = None, subject: str = "image") -> Data:
    """Open an image of any kind as planes of data: any number of channels, numbers of any type."""
    given: Any = as_own(image, subject, layout=layout)
    kind = kind_of(given, subject)
    if kind == "pil":
        if layout is not None:
            raise InputValueError("layout", "None for a PIL image", quoted(layout), "leave it out")
        return _open_picture(given, subject)
    dtypes: tuple[str, ...]
    if kind == "torch":
        import torch

        from . import torch as tensors

        tensors.check_dense(subject, given)
        dtypes, first = TENSOR_DTYPES, layout != "HWC"
        given = given if tensors.is_traced(given) else given.as_subclass(torch.Tensor)
    else:
        if isinstance(given, np.ma.MaskedArray):
            raise InputTypeError(subject, "a plain array", "a masked array", "call filled(value), or add its mask")
        given, dtypes, first = np.asarray(given), ARRAY_DTYPES, layout == "CHW"
    if _name_of(given) not in dtypes:
        raise InputTypeError(subject, "whole numbers, floats or bool", _name_of(given), "take its parts one by one")
    shape = tuple(given.shape)
    if len(shape) < 2 or 0 in shape:
        expected = "(H, W) or (..., C, H, W)" if first else "(H, W) or (..., H, W, C)"
        raise InputValueError(subject, f"shape {expected}", str(shape), "check where it was cut")
    if len(shape) == 2:
        return Data(given[None])
    if not first:
        given = given.movedim(-1, -3) if kind == "torch" else np.moveaxis(given, -1, -3)
    return Data(given)


def _open_picture(image: Image.Image, subject: str) -> Data:
    picture = load_pixels(image)
    if picture.mode not in _MODES:
        remedy = "read its indices with read_label_map" if picture.mode in ("P", "PA") else 'pass channels="color"'
        raise InputValueError(subject, "a PIL image of numbers, of mode L, I;16, I, F, 1 or RGB", picture.mode, remedy)
    picture = upright(picture) if orientation_of_image(picture) != 1 else picture
    array = np.asarray(picture).astype(np.uint16) if picture.mode.startswith("I;16") else np.asarray(picture)
    return Data(np.moveaxis(array, -1, 0) if array.ndim == 3 else array[None])


def to_picture(data: Data, dtype: str | None) -> Image.Image:
    """Make a PIL image of data, if Pillow has a mode for it: one plane, or three of bytes."""
    if data.batch:
        raise InputValueError(
            "image", "one picture for PIL", f"a batch of shape {data.batch}", "take the pictures out one by one"
        )
    name = dtype or data.dtype
    if data.channels not in (1, 3) or (data.channels == 3 and name != "uint8"):
        raise InputValueError(
            "image",
            "one plane of data for PIL, or three of uint8",
            f"{data.channels} of {name}",
            "pass one of its planes, or take to_numpy",
        )
    if name not in PIL_DTYPES:
        raise InputTypeError("image", f"data of {', '.join(PIL_DTYPES)} for PIL", name, "pass one of these as dtype=")
    return Image.fromarray(data.array(name))
