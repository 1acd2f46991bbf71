"""Label maps: the numbers that a file holds, palette indices and gray codes as they are, never as colors."""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image
from PIL.TiffImagePlugin import TiffImageFile

from .._metadata.orientation import upright
from ..errors import FileFormatError, InputValueError, quoted
from ..isolation import guarded
from ..limits import Limits
from .guard import check_frames, check_size, foreign
from .isolated import needs_child
from .job import Job, frame_count, open_image, prepare

__all__ = ["decode_labels", "decode_labels_guarded"]

# Formats that keep numbers as they are.
_EXACT = ("png", "tiff", "gif", "bmp")

# Pillow's modes of one channel, and the numbers in them.
_NUMBERS = {
    "1": np.uint8,
    "P": np.uint8,
    "L": np.uint8,
    "I;16": np.uint16,
    "I;16B": np.uint16,
    "I;16L": np.uint16,
    "I": np.int32,
}


def decode_labels(data: bytes, *, name: str, frame: int = 0, limits: Limits | None = None) -> Image.Image:
    """Decode one page of numbers, upright: a picture of mode L, I;16 or I.

    Raises:
        FileFormatError: not a format that keeps numbers, colors, corrupt, or cut off.
        LimitError: more than the limits allow.
        InputValueError: there is no such page.
    """
    job = prepare(data, name, "ignore", limits, False)
    if job.format not in _EXACT:
        raise FileFormatError(
            name, "a format that keeps numbers: PNG, TIFF, GIF or BMP", job.format.upper(),
            "write label maps as PNG", code="unsupported_format",
        )  # fmt: skip
    check_frames(name, frame + 1, limits)
    with foreign(name, job.format):
        image = _open_page(job, frame)
        if image.mode not in _NUMBERS:
            raise FileFormatError(
                name, "one channel of whole numbers", f"the mode {image.mode}",
                "turn its colors into numbers with the legend that they were drawn by", code="unsupported_color",
            )  # fmt: skip
        image.load()
        return Image.fromarray(np.ascontiguousarray(_numbers(upright(image), image, job, frame)))


def _open_page(job: Job, frame: int) -> Image.Image:
    image = open_image(job)
    count = frame_count(image, job)
    if not 0 <= frame < count:
        raise InputValueError("frame", f"0 to {count - 1}", quoted(frame), f"{job.name} has {count}")
    if frame:
        image.seek(frame)
    check_size(job.name, image.width, image.height, job.limits)
    if isinstance(image, TiffImageFile) and job.limits is not None and image._im is None:
        # Pillow would hold the page to its own ceiling here; its size was checked.
        image.im = Image.new(image.mode, image._tile_size, None).im
    return image


def _numbers(turned: Image.Image, image: Image.Image, job: Job, frame: int) -> np.ndarray[Any, Any]:
    values = np.asarray(turned)
    numbers = values.astype(_NUMBERS[image.mode])
    if image.mode != "L":
        return numbers
    bits, is_negative = job.facts.depth if job.format == "png" else 8, False
    if job.format == "tiff":
        page = job.pages[frame]
        bits, is_negative = page.bits[0], page.photometric == 0
    # Pillow spreads codes of 2 and 4 bits over a byte, and turns those of TIFFs whose 0 is white.
    numbers = 255 - numbers if is_negative else numbers
    return numbers // (255 // ((1 << bits) - 1)) if bits in (2, 4) else numbers


def decode_labels_guarded(
    data: bytes, *, name: str, frame: int, limits: Limits | None, isolate: bool
) -> np.ndarray[Any, Any]:
    """As `decode_labels`, as an array; in a child process where that is asked for or needed."""
    image = guarded(
        decode_labels,
        data,
        keywords={"name": name, "limits": limits, "frame": frame},
        subject=name,
        limits=limits,
        isolate=isolate or needs_child(data, name, limits),
        expect=Image.Image,
    )
    return np.array(image)
