"""Pictures deeper than Pillow holds."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..convert import to_pil
from ..errors import FileFormatError

__all__ = ["Deep", "chunk", "rounded"]


@dataclass(frozen=True, slots=True, eq=False)
class Deep:
    """A picture Pillow has no mode for.

    Attributes:
        pixels: (H, W, C) uint16 or float32, R, G, B(, A) or gray, A; straight alpha, upright.
        info: metadata under the keys Pillow uses.
    """

    pixels: NDArray[Any]
    info: dict[Any, Any] = field(default_factory=dict)


def chunk(kind: bytes, body: bytes) -> bytes:
    """One PNG chunk: length, type, body, checksum."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(body, zlib.crc32(kind)))


def rounded(deep: Deep, name: str) -> Image.Image:
    """A 16-bit picture as Pillow can hold it, each code rounded to 8 bits."""
    if deep.pixels.dtype != np.uint16:
        raise FileFormatError(
            f"{name}: expected frames of 8 or 16 bits, got float color, which PIL has no mode for; use read_numpy.",
            code="unsupported_format",
        )
    image = to_pil(deep.pixels, dtype="uint8")
    image.info = dict(deep.info)
    return image
