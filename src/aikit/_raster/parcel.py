"""Pictures as plain values and bytes, for the way out of a child process."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
from PIL import Image
from PIL.TiffImagePlugin import IFDRational

from .._worker import Room
from ..convert import to_numpy, to_pil
from ..errors import WorkerError
from .deep import Deep

__all__ = ["pack", "unpack"]

# Bytes a pixel, in the modes that readers hand out and in the dtypes of what Pillow has no mode for.
_MODES = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4, "I;16": 2, "I": 4, "F": 4}
_DTYPES = {"uint8": 1, "uint16": 2, "float32": 4}
_COLORS = ("RGB", "RGBA")


def pack(picture: Image.Image | Deep) -> tuple[Any, ...]:
    """A picture in one of the modes of `read_pil`, or `Deep`, with its metadata, as plain values."""
    if isinstance(picture, Deep):
        samples = np.ascontiguousarray(picture.pixels)
        return samples.dtype.name, samples.shape, samples.data.cast("B"), picture.info
    if picture.mode not in _COLORS:
        return picture.mode, picture.size, picture.tobytes(), picture.info
    # The doors work in Pillow's own memory: for colors a third of the time of tobytes and frombytes.
    shape = picture.height, picture.width, _MODES[picture.mode]
    room = Room(math.prod(shape), lambda view: to_numpy(picture, out=np.frombuffer(view, np.uint8).reshape(shape)))
    return picture.mode, picture.size, room, picture.info


def unpack(parcel: Any) -> Image.Image | Deep:
    """The picture again. Nothing in the parcel is believed: it may come from a process that a file has taken over.

    Raises:
        WorkerError: it is no parcel.
    """
    try:
        kind, shape, pixels, info = parcel
        each = _MODES.get(kind) or _DTYPES[kind]
        if min(shape) < 1 or math.prod(shape) * each != len(pixels):
            raise ValueError(f"{kind} of {shape} in {len(pixels)} bytes")
        info = {key: _rational(value) for key, value in info.items()}
        if kind in _DTYPES:
            return Deep(np.frombuffer(pixels, kind).reshape(shape).copy(), info)
        image = _image(kind, shape, pixels)
    except Exception as error:
        raise WorkerError(f"worker: expected a picture, got {error}; leave the file out.") from error
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
