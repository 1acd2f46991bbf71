"""The two guards around every foreign decoder: what it may cost, and how it may fail."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import cv2
from PIL import Image, UnidentifiedImageError

from .._metadata.suppress_warnings import suppress_warnings
from ..errors import AikitError, FileFormatError, LimitError
from ..limits import Limits
from .integrity import Facts, corrupt, truncated

__all__ = [
    "above_ceiling",
    "asked_for_parts",
    "check_blocks",
    "check_frames",
    "check_samples_size",
    "check_size",
    "check_work",
    "foreign",
]


_ALLOW = "pass limits=Limits(max_pixels=..., max_total_pixels=...) to allow it"


def check_size(name: str, width: int, height: int, limits: Limits | None, *, remedy: str | None = None) -> None:
    """Raise LimitError when a picture of this size may not be decoded: by its limits alone, or by Pillow's ceiling.

    Args:
        name: how the message calls it.
        width: in pixels.
        height: in pixels.
        limits: what was asked for; None leaves Pillow's ceiling.
        remedy: what to do about that one, where limits are no way out.
    """
    if limits is not None:
        limits.check(name, "pixels a side", "max_side", max(width, height))
        limits.check(name, "pixels", "max_pixels", width * height)
        return
    # Pillow raises at twice its warning level, 178,956,970 pixels unless the user has moved it;
    # read here so that what Pillow never sees stays under the same ceiling.
    ceiling = Image.MAX_IMAGE_PIXELS
    if ceiling is not None and width * height > 2 * ceiling:
        raise above_ceiling(name, width * height, remedy=remedy)


def above_ceiling(name: str, found: int | None = None, *, remedy: str | None = None) -> LimitError:
    """The error for a file that comes without limits and has more pixels than Pillow takes."""
    most = 2 * (Image.MAX_IMAGE_PIXELS or 0)
    return LimitError(
        name,
        f"at most {most} pixels",
        "more" if found is None else str(found),
        remedy or _ALLOW,
        limit="pillow_ceiling",
        option=None if remedy else "pillow_ceiling",
        allowed=most,
        found=found,
    )


# A scan goes over all pixels, up to 250 million a second where there is hardly any data; pictures have 10 or so.
_SCANS = 10
# Pillow takes a second for each million runs.
_MOST_RUNS = 4_000_000


def check_work(name: str, facts: Facts, limits: Limits | None) -> None:
    """Raise LimitError when few pixels would take a decoder very long."""
    if limits is None:
        return
    most, passes = _SCANS * limits.max_total_pixels, facts.scans * facts.width * facts.height
    if facts.scans > 1 and passes > most:
        raise LimitError(
            name,
            f"at most {most} pixels in all scans",
            f"{passes} in {facts.scans} scans",
            "raise Limits(max_total_pixels=...) to allow it",
            limit="max_total_pixels",
            allowed=most,
            found=passes,
            option="limits",
        )
    if facts.runs > _MOST_RUNS:
        raise LimitError(
            name,
            f"at most {_MOST_RUNS} bytes of run lengths",
            str(facts.runs),
            "read it without limits",
            limit="run_lengths",
            allowed=_MOST_RUNS,
            found=facts.runs,
            option="limits",
        )


def check_samples_size(name: str, size: int, limits: Limits | None) -> None:
    """Raise LimitError when there are more bytes of samples, unpacked, than RGB in 32-bit floats takes."""
    if limits is not None and size > 12 * limits.max_pixels:
        raise LimitError(
            name,
            f"at most {12 * limits.max_pixels} bytes of samples",
            str(size),
            "raise Limits(max_pixels=...) to allow it",
            limit="max_pixels",
            allowed=12 * limits.max_pixels,
            found=size,
            option="limits",
        )


# Each strip or tile takes 7 microseconds, however small it is; tiles have 16 x 16 pixels at least.
_MOST_BLOCKS, _TILE = 100_000, 256


def check_blocks(name: str, count: int, pixels: int, limits: Limits | None) -> None:
    """Raise LimitError when the strips or tiles of a TIFF are many for the pixels in them."""
    most = _MOST_BLOCKS + pixels // _TILE
    if limits is not None and count > most:
        raise LimitError(
            name,
            f"at most {most} strips or tiles in {pixels} pixels",
            str(count),
            "read it without limits",
            limit="blocks",
            allowed=most,
            found=count,
            option="limits",
        )


def check_frames(name: str, count: int, limits: Limits | None) -> None:
    """Raise LimitError when this many frames may not be read."""
    if limits is not None:
        limits.check(name, "frames", "max_frames", count)


@contextlib.contextmanager
def asked_for_parts(lenient: bool) -> Iterator[None]:
    """Where a part of a file would have done and there is none, the advice to ask for it is left out."""
    try:
        yield
    except FileFormatError as error:
        if not lenient or error.option != "allow_truncated":
            raise
        other = error.with_subject(error.subject, "fetch the file again: too little of it is there")
        other.option = None
        raise other from error


@contextlib.contextmanager
def foreign(name: str, format: str) -> Iterator[None]:
    """Turn whatever Pillow, OpenCV or a codec raises on a bad file into our exceptions.

    MemoryError passes: the machine, not the file, is short of it.
    """
    try:
        with suppress_warnings():
            yield
    except (AikitError, MemoryError):
        raise
    except Image.DecompressionBombWarning as error:
        # Pillow warns of half of what it refuses.
        most = f"at most {Image.MAX_IMAGE_PIXELS} pixels, of which Pillow does not warn"
        raise LimitError(name, most, "more", _ALLOW, limit="pillow_ceiling", option="pillow_ceiling") from error
    except Image.DecompressionBombError as error:
        # Parts of a file, for the size of the whole was checked before.
        fewer, do = "parts that Pillow's decoder takes", "split the picture, or save it as PNG"
        raise LimitError(name, fewer, "more pixels in one piece", do, limit="pillow_ceiling") from error
    except cv2.error as error:
        if error.code == cv2.Error.StsNoMem:
            raise MemoryError(str(error)) from error
        raise corrupt(name, format, f"OpenCV's {_reason(error)}") from error
    except Exception as error:
        # Pillow alone raises eleven types on damaged files (IndexError, KeyError, SyntaxError, RuntimeError...).
        make = truncated if "truncated" in str(error).lower() or isinstance(error, EOFError) else corrupt
        raise make(name, format, _reason(error)) from error


def _reason(error: Exception) -> str:
    # Pillow's "cannot identify" message carries the address of our buffer.
    if isinstance(error, UnidentifiedImageError):
        return "a header its decoder refuses"
    text = " ".join(str(error).split())
    return f'"{text[:160]}"' if text else type(error).__name__
