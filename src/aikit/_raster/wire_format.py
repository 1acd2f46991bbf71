"""How pictures, arrays and headers leave a child process: their pixels are written where the parent reads them."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
from PIL import Image
from PIL.TiffImagePlugin import IFDRational

from .. import isolation
from ..convert import to_numpy, to_pil
from .header import Header
from .high_depth import HighDepth, Samples

__all__ = ["Picture"]

# What decoders give.
Picture = Image.Image | HighDepth

# Bytes a pixel, in the modes that readers hand out.
_MODES = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4, "I;16": 2, "I": 4, "F": 4}
_DTYPES = (
    "uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64", "float16", "float32", "float64",
)  # fmt: skip
_COLORS = ("RGB", "RGBA")


# ---------------------------------------------------------------- PIL images


def _pack_image(image: Image.Image) -> tuple[Any, ...]:
    """In a mode that `to_pil` gives, or I, which it refuses."""
    image = image if image.mode == "I" else to_pil(image)
    if image.mode not in _COLORS:
        return image.mode, image.size, image.tobytes(), image.info
    # The converters work in Pillow's own memory: for colors a third of the time of tobytes and frombytes.
    shape = image.height, image.width, _MODES[image.mode]
    pixels = isolation.Filled(
        math.prod(shape), lambda view: to_numpy(image, out=np.frombuffer(view, np.uint8).reshape(shape))
    )
    return image.mode, image.size, pixels, image.info


def _unpack_image(packed: Any) -> Image.Image:
    mode, size, pixels, info = packed
    if min(size) < 1 or math.prod(size) * _MODES[mode] != len(pixels):
        raise ValueError(f"{mode} of {size} in {len(pixels)} bytes")
    info = {key: _rational(value) for key, value in info.items()}
    image = _image(mode, size, pixels)
    image.info = info
    return image


def _image(mode: str, size: tuple[int, int], pixels: bytes | bytearray) -> Image.Image:
    if mode not in _COLORS:
        return Image.frombytes(mode, size, pixels)
    width, height = size
    return to_pil(np.frombuffer(pixels, np.uint8).reshape(height, width, _MODES[mode]))


def _rational(value: Any) -> Any:
    """Resolutions of TIFFs in Pillow's own class."""
    if isinstance(value, Fraction):
        return IFDRational(value.numerator, value.denominator)
    return tuple(map(_rational, value)) if isinstance(value, tuple) else value


# ---------------------------------------------------------------- arrays


def _pack_array(array: Samples) -> tuple[Any, ...]:
    array = np.ascontiguousarray(array)
    return array.dtype.name, array.shape, array.data.cast("B")


def _unpack_array(packed: Any) -> Samples:
    dtype, shape, samples = packed
    if dtype not in _DTYPES or min(shape) < 1 or math.prod(shape) * np.dtype(dtype).itemsize != len(samples):
        raise ValueError(f"{dtype} of {shape} in {len(samples)} bytes")
    # A copy: the memory is lent.
    return np.frombuffer(samples, dtype).reshape(shape).copy()


def _unpack_high_depth(packed: Any) -> HighDepth:
    pixels, info = packed
    if not isinstance(pixels, np.ndarray) or pixels.ndim != 3:
        raise TypeError("pixels that are none")
    return HighDepth(pixels, {key: _rational(value) for key, value in info.items()})


isolation.register(Image.Image, "image", _pack_image, _unpack_image)
isolation.register(np.ndarray, "array", _pack_array, _unpack_array)
isolation.register(HighDepth, "deep", lambda deep: (deep.pixels, deep.info), _unpack_high_depth)
isolation.register_record(Header)
