"""AVIF and HEIC of 10 and 12 bits as 16, where a decoder brings them: OpenCV's for AVIF, pi-heif's for HEIC.

Pillow's decoder of AVIF rounds to 8 bits; OpenCV's wheels have the same library from 4.11 on.
"""

from __future__ import annotations

import logging
import re
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ..errors import printable
from .guard import foreign
from .integrity import corrupt
from .isobmff import read_properties
from .job import Job, heic_images

__all__ = ["deep_avif", "deep_heic", "full_range"]

_log = logging.getLogger("aikit.color")

Codes = NDArray[np.uint16]


def deep_avif(job: Job, size: tuple[int, int], has_alpha: bool) -> Codes | None:
    """Decode the first picture of an AVIF of more than 8 bits, (H, W, C), as it is stored; None where nothing here can.

    To be called behind Pillow, which has decoded the file and refused what is damaged: OpenCV complains on the error
    stream about that.
    """
    found = read_properties(job.data)
    if found.depth == 8:
        return None
    with foreign(job.name, "avif"):
        pixels = cv2.imdecode(np.frombuffer(job.data, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None and _opencv_reads_avif() and not job.lenient:
        # Pillow's decoder forgives damage that this one does not.
        raise corrupt(job.name, "avif", "pixels that do not decode")
    if pixels is None or pixels.dtype != np.uint16 or pixels.shape[:2] != size[::-1] or pixels.ndim != 3:
        _log.warning(
            "%s: its %d bits come as 8, for OpenCV here has no decoder of AVIF", printable(job.name), found.depth
        )
        return None
    if pixels.shape[2] == 4:
        pixels = cv2.cvtColor(pixels, cv2.COLOR_BGRA2RGBA) if has_alpha else pixels[..., 2::-1]
    else:
        pixels = cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)
    if found.is_gray:
        pixels = pixels[..., [1, 3]] if has_alpha else pixels[..., 1:2]
    return full_range(np.asarray(pixels), found.depth)


@lru_cache(maxsize=1)
def _opencv_reads_avif() -> bool:
    said = re.search(r"^\s*AVIF:\s*(\w+)", cv2.getBuildInformation(), re.MULTILINE)
    return said is not None and said[1] != "NO"


def deep_heic(job: Job, frame: int) -> tuple[Codes, dict[Any, Any]] | None:
    """Decode a picture of a HEIC of more than 8 bits, (H, W, C), upright, and its `info`; None where it has 8."""
    depth = read_properties(job.data).depth
    if depth == 8:
        return None
    image = heic_images(job, deep=True)[frame]
    if int(image.info.get("bit_depth", 8)) == 8:
        return None
    with foreign(job.name, "heic"):
        codes = np.asarray(image)
    if codes.dtype != np.uint16:
        _log.warning(
            "%s: its %d bits come as 8, for its decoder gives no more of such pictures", printable(job.name), depth
        )
        return None
    codes = np.atleast_3d(codes)[:, : image.size[0]]
    return full_range(codes, int(image.info["bit_depth"])), dict(image.info)


def full_range(codes: NDArray[np.uint16], depth: int) -> Codes:
    """Codes of 10 or 12 bits as 16: a 16-bit integer spans its whole range."""
    top = (1 << depth) - 1
    table = ((np.arange(top + 1, dtype=np.uint32) * 65535 + top // 2) // top).astype(np.uint16)
    return np.asarray(table[np.minimum(codes, top)])
