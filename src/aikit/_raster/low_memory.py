"""Pictures whose decoders hold them several times over, in less memory.

Pillow's decoder of WebP composes animations and holds 15 bytes a pixel, 0.75 GB at 49 megapixels. What holds more than
our own process may and cannot be helped is decoded in a child process.
"""

from __future__ import annotations

import re
import struct
from typing import Any

import cv2
import numpy as np
from PIL import Image

from .structure import inspect

__all__ = ["decode_webp", "is_too_large"]

# Below, Pillow's way takes less than 256 MB.
_LARGE = 1 << 24
# What a process may take for one untrusted file, and what decoders of AVIF and HEIC, and of moving WebP, and copies of
# their pictures take for a pixel.
_MOST, _BYTES_ISO, _BYTES_MOVING = 1 << 29, 14, 24
_RAW_MODES = {"RGB": "BGR", "RGBA": "BGRA"}


def decode_webp(data: bytes, image: Image.Image) -> Image.Image | None:
    """Decode a large WebP that Pillow has opened and that is no animation; None where Pillow shall decode it.

    OpenCV has the same decoder without buffers for animations. It complains on the error stream about headers that it
    cannot read, which are those that Pillow cannot open.
    """
    if image.width * image.height < _LARGE or getattr(image, "n_frames", 1) > 1 or image.mode not in _RAW_MODES:
        return None
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        return None
    if pixels is None or pixels.shape != (image.height, image.width, len(image.mode)) or pixels.dtype != np.uint8:
        return None
    memory: Any = pixels.data
    result = Image.frombuffer(image.mode, image.size, memory, "raw", _RAW_MODES[image.mode], 0, 1)
    result.info = {**image.info, "timestamp": 0, "duration": 0}
    return result


def is_too_large(data: bytes, format: str, name: str) -> bool:
    """Whether a decoder would hold more than 512 MB of an untrusted file.

    Raises:
        FileFormatError: as `inspect`.
    """
    if format == "jpeg":
        facts = inspect(data, format, name, lenient=True)
        return facts.held + 4 * facts.width * facts.height > _MOST
    if format in ("webp", "gif", "png"):
        # Frames are laid over each other: the canvas, the one before, the new one, and their copies.
        if format == "png" and b"acTL" not in data[:65536]:
            return False
        facts = inspect(data, format, name, lenient=True)
        moving = facts.moving if format == "webp" else facts.frames != 1
        return moving and _BYTES_MOVING * facts.width * facts.height > _MOST
    if format in ("avif", "heic"):
        # The sizes stand in boxes of 20 bytes: ISO/IEC 23008-12, section 6.5.3. Samples may have 10 or 12 bits.
        sizes = (struct.unpack(">II", found) for found in re.findall(rb"\0\0\0\x14ispe.{4}(.{8})", data, re.DOTALL))
        return any(_BYTES_ISO * width * height > _MOST for width, height in sizes)
    return False
