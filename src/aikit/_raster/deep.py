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

__all__ = ["Deep", "chunk", "no_mode_for", "rounded", "rounded_band"]


@dataclass(frozen=True, slots=True, eq=False)
class Deep:
    """A picture Pillow has no mode for.

    Attributes:
        pixels: (H, W, C) uint16 or float32, R, G, B(, A) or gray, A; straight alpha, upright; uint8 where it was
            asked for in Pillow's depth.
        info: metadata under the keys Pillow uses.
    """

    pixels: NDArray[Any]
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


def rounded_band(band: NDArray[Any]) -> NDArray[Any]:
    """Rows of 16-bit codes, (H, W, C), each code rounded to 8 bits."""
    return to_numpy(band, dtype="uint8").reshape(band.shape)


def rounded(deep: Deep, name: str) -> Image.Image:
    """A 16-bit picture as Pillow can hold it, each code rounded to 8 bits."""
    if deep.pixels.dtype.kind == "f":
        raise no_mode_for(name)
    image = to_pil(deep.pixels, dtype="uint8")
    image.info = dict(deep.info)
    return image
