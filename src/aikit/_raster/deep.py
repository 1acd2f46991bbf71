"""Pictures deeper than Pillow holds: 16-bit color PNG, 16-bit PPM."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..convert import to_pil
from ..errors import FileFormatError
from .guard import foreign
from .integrity import (
    corrupt,
    png_check_filters,
    png_chunks,
    png_data_size,
    png_header,
    png_inflated,
    ppm_header,
    truncated,
)

__all__ = ["Deep", "chunk", "read_png", "read_ppm", "rounded"]

_SIGNATURE = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True, slots=True, eq=False)
class Deep:
    """A picture Pillow has no mode for.

    Attributes:
        pixels: (H, W, C) uint16 or float32, R, G, B(, A) or gray, A; straight alpha, upright.
        info: metadata under the keys Pillow uses.
    """

    pixels: NDArray[Any]
    info: dict[Any, Any] = field(default_factory=dict)


def read_png(data: bytes, name: str, *, lenient: bool = False) -> NDArray[np.uint16]:
    """The samples of a 16-bit PNG, (H, W, C), the transparent color resolved to alpha.

    OpenCV gets a file of header and pixels alone, whose pixels have been inflated once here: one
    flipped byte in a PNG has killed processes in other decoders.
    """
    head, key, parts = b"", b"", []
    for kind, body in png_chunks(data, name, lenient=lenient):
        if kind == b"IHDR":
            head = bytes(body)
        elif kind == b"IDAT":
            parts.append(body)
        elif kind == b"tRNS":
            key = bytes(body)
    header = png_header(head, name)
    inflated = png_inflated(parts, png_data_size(header), name, lenient=lenient)
    png_check_filters(inflated, header, name)
    packed = zlib.compress(inflated, 1) if lenient else b"".join(parts)
    del inflated
    plain = _SIGNATURE + chunk(b"IHDR", head) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")
    with foreign(name, "png"):
        decoded = cv2.imdecode(np.frombuffer(plain, np.uint8), cv2.IMREAD_UNCHANGED)
    width, height, _, color_type, _ = header
    if decoded is None or decoded.dtype != np.uint16 or decoded.shape[:2] != (height, width):
        raise corrupt(name, "png", "pixels that do not decode")
    samples = _ordered(decoded, color_type)
    return _with_key(samples, key) if color_type in (0, 2) and len(key) >= 2 * samples.shape[2] else samples


def _ordered(decoded: NDArray[Any], color_type: int) -> NDArray[np.uint16]:
    """OpenCV's channels as the file has them: it writes B, G, R and spreads gray+alpha over four."""
    if color_type == 0:
        return np.atleast_3d(decoded)
    if color_type == 4:
        return np.ascontiguousarray(decoded[..., [0, 3]])
    code = cv2.COLOR_BGR2RGB if color_type == 2 else cv2.COLOR_BGRA2RGBA
    return np.asarray(cv2.cvtColor(decoded, code))


def _with_key(samples: NDArray[np.uint16], key: bytes) -> NDArray[np.uint16]:
    colors = samples.shape[2]
    wanted = np.frombuffer(key, ">u2", colors).astype(np.uint16)
    alpha = np.where((samples == wanted).all(axis=2), 0, 65535).astype(np.uint16)
    return np.concatenate([samples, alpha[..., None]], axis=2)


def chunk(kind: bytes, body: bytes) -> bytes:
    """One PNG chunk: length, type, body, checksum."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(body, zlib.crc32(kind)))


def read_ppm(data: bytes, name: str) -> NDArray[np.uint16]:
    """The samples of a PGM or PPM whose maximum is above 255, scaled to 0..65535, (H, W, C)."""
    width, height, top, at = ppm_header(data, name)
    channels = 3 if data[1:2] in b"36" else 1
    count = width * height * channels
    if data[1:2] in b"56":
        have = np.frombuffer(data, ">u2", min(count, (len(data) - at) // 2), at).astype(np.uint32)
    else:
        have = _plain(data[at:], count, name)
    # Only reached with fewer where the caller allows it; the structure walk has counted.
    samples = np.zeros(count, np.uint32)
    samples[: have.size] = have
    if samples.max(initial=0) > top:
        raise corrupt(name, "ppm", f"the value {samples.max()} above the maximum of {top}")
    scaled = samples if top == 65535 else (samples * 65535 + top // 2) // top
    return scaled.astype(np.uint16).reshape(height, width, channels)


def _plain(text: bytes, count: int, name: str) -> NDArray[np.uint32]:
    words = text.split(None, count)[:count]
    try:
        values = [int(word) for word in words if len(word) < 6]
    except ValueError as error:
        raise corrupt(name, "ppm", f"{str(error)[-40:]} where a number belongs") from error
    if len(values) < len(words) or min(values, default=0) < 0:
        raise corrupt(name, "ppm", "a number above 65535 or below 0")
    if not values:
        raise truncated(name, "ppm", "no pixels")
    return np.array(values, np.uint32)


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
