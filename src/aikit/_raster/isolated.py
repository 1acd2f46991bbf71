"""Decoding here or in a child process: whatever a file does to the decoder there, it does not do it to us."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from PIL import Image

from ..errors import FileFormatError
from ..isolation import guarded, guarded_stream, in_child
from ..limits import Limits
from . import low_memory, tiff
from .decode import decode, frames
from .isobmff import read_properties
from .signatures import identify
from .wire_format import Picture

__all__ = ["decode_guarded", "frames_guarded", "needs_child"]


def needs_child(data: bytes, name: str, limits: Limits | None) -> bool:
    """Whether an untrusted file is not for our own process.

    Its decoder could write to the error stream, which only a child can redirect, or take more than 512 MB.
    """
    if limits is None or in_child():
        return False
    kind = identify(data)
    if kind == "jxl":
        return True  # libjxl tells nobody beforehand how much memory it takes
    if kind == "avif" and read_properties(data).depth > 8:
        return True  # OpenCV's decoder, which complains of damage that Pillow's forgives
    try:
        if kind != "tiff":
            return low_memory.is_too_large(data, str(kind), name)
        pages = tiff.pages(data, name, lenient=True, at_most=limits.max_frames)
        return any(tiff.is_noisy(page) for page in pages)
    except FileFormatError:
        # The decoder's own walk says the same before it unpacks anything.
        return False


def decode_guarded(data: bytes, *, name: str, limits: Limits | None, isolate: bool = False, **options: Any) -> Picture:
    """As `decode`; in a child process, in a mode that `to_pil` gives, where that is asked for or needed.

    Raises:
        As `decode`, and there
        LimitError: code "timeout" too.
        WorkerError: the decoder crashed.
    """
    return guarded(
        decode,
        data,
        keywords={"name": name, "limits": limits, **options},
        subject=name,
        limits=limits,
        isolate=isolate or needs_child(data, name, limits),
        expect=Picture,
    )


def frames_guarded(
    data: bytes, *, name: str, limits: Limits | None, isolate: bool = False, **options: Any
) -> Iterator[Image.Image]:
    """As `frames`, in a child process where that is asked for or needed, each within what is left of `max_seconds`."""
    return guarded_stream(
        frames,
        data,
        keywords={"name": name, "limits": limits, **options},
        subject=name,
        limits=limits,
        isolate=isolate or needs_child(data, name, limits),
        expect=Image.Image,
    )
