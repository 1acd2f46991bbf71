"""The decoder in a child process: whatever a file does to it, it does not do it to us."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from PIL import Image

from .. import _worker
from ..convert import to_pil
from ..errors import FileFormatError
from ..limits import Limits
from . import decode as decoder, frugal, tiff
from .deep import Deep
from .parcel import pack, unpack
from .signatures import identify

__all__ = ["decode_apart", "frames_apart", "needs_child"]


def needs_child(data: bytes, name: str, limits: Limits | None) -> bool:
    """Whether an untrusted file is not for our own process.

    Its decoder could write to the error stream, which only a child can redirect, or take more than 512 MB.
    """
    if limits is None:
        return False
    kind = identify(data)
    try:
        if kind != "tiff":
            return frugal.is_too_large(data, str(kind), name)
        pages = tiff.pages(data, name, lenient=True, at_most=limits.max_frames)
        return any(page.noisy for page in pages)
    except FileFormatError:
        # The decoder's own walk says the same before it unpacks anything.
        return False


def decode_apart(data: bytes, *, name: str, limits: Limits | None, **options: Any) -> Image.Image | Deep:
    """As `decode`, in a mode that `to_pil` gives, within `max_seconds` and `max_memory`.

    Raises:
        As `decode`, and
        LimitError: code "timeout" too.
        WorkerError: the decoder crashed.
    """
    job = data, {"name": name, "limits": limits, **options}, Image.MAX_IMAGE_PIXELS
    return _worker.call(f"{__name__}:_decoded", *job, subject=name, limits=limits, unpack=unpack)


def frames_apart(data: bytes, *, name: str, limits: Limits | None, **options: Any) -> Iterator[Image.Image]:
    """As `frames`, each within what is left of `max_seconds`."""
    job = data, {"name": name, "limits": limits, **options}, Image.MAX_IMAGE_PIXELS
    unpacked: Any = unpack  # frames are never `Deep`
    return _worker.stream(f"{__name__}:_frames", *job, subject=name, limits=limits, unpack=unpacked)


# ---------------------------------------------------------------- in the child


def _decoded(data: bytes, options: dict[str, Any], ceiling: int | None) -> tuple[Any, ...]:
    # The user's own setting of Pillow's ceiling counts here too.
    Image.MAX_IMAGE_PIXELS = ceiling
    return pack(_resolved(decoder.decode(data, **options)))


def _frames(data: bytes, options: dict[str, Any], ceiling: int | None) -> Iterator[tuple[Any, ...]]:
    Image.MAX_IMAGE_PIXELS = ceiling
    return (pack(_resolved(frame)) for frame in decoder.frames(data, **options))


def _resolved(picture: Image.Image | Deep) -> Image.Image | Deep:
    return picture if isinstance(picture, Deep) or picture.mode == "I" else to_pil(picture)
