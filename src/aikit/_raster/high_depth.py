"""Pictures deeper than Pillow holds."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray
from PIL import Image

from ..convert import to_numpy, to_pil
from ..errors import FileFormatError

__all__ = ["HighDepth", "Samples", "chunk", "no_mode_for", "round_strip", "round_to_8_bits"]

# Of any dtype and shape.
Samples = NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class HighDepth:
    """A picture Pillow has no mode for.

    Attributes:
        pixels: (H, W, C) uint16 or float32, R, G, B(, A) or gray, A; straight alpha, upright; uint8 where it was
            asked for in Pillow's depth.
        info: metadata under the keys Pillow uses.
    """

    pixels: Samples
    info: dict[Any, Any] = field(default_factory=dict)


def chunk(kind: bytes, body: bytes) -> bytes:
    """One PNG chunk: length, type, body, checksum."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(body, zlib.crc32(kind)))


def no_mode_for(name: str) -> FileFormatError:
    """The error for a picture that has no form in Pillow at all."""
    return FileFormatError(
        name,
        "frames of 8 or 16 bits",
        "float color, which PIL has no mode for",
        "use read_numpy",
        code="unsupported_format",
    )


def round_strip(strip: Samples) -> Samples:
    """Round rows of 16-bit codes, (H, W, C), to 8 bits."""
    return to_numpy(strip, dtype="uint8").reshape(strip.shape)


def round_to_8_bits(picture: HighDepth, name: str) -> Image.Image:
    """Round a 16-bit picture to 8 bits, as Pillow can hold it."""
    if picture.pixels.dtype.kind == "f":
        raise no_mode_for(name)
    image = to_pil(picture.pixels, dtype="uint8")
    image.info = dict(picture.info)
    return image
