"""JPEG XL: the pixels from imagecodecs, which keeps 16 bits; the colors from pillow-jxl-plugin, where they are not sRGB.

Both hold libjxl, and both ask it for the pixels in the colors that it proposes, so that the profile of the one tells the
colors of the other's pixels.
"""

from __future__ import annotations

import logging
from types import ModuleType
from typing import Any

import numpy as np

from .._metadata.orientation import without_orientation
from ..errors import FileFormatError, MissingDependencyError, printable
from .guard import foreign
from .high_depth import Samples
from .integrity import corrupt
from .iso_depth import full_range
from .job import Job
from .jxl_header import JxlHeader, boxes_of, cut_short, read_header

__all__ = ["decode_jxl", "imagecodecs_for"]

_log = logging.getLogger("aikit.raster")

# What a box of metadata may unpack to.
_MOST_METADATA = 1 << 25
# Channels without which the colors are others.
_NEEDED = {"black", "mosaic"}


def decode_jxl(job: Job) -> tuple[Samples, dict[Any, Any]]:
    """Decode the picture, upright, (H, W, C) in uint8 or uint16 over the whole range, and its `info`.

    Raises:
        FileFormatError: code "unsupported_format" for what would not come as it is.
        MissingDependencyError: without the packages.
    """
    header = read_header(job.data, job.name)
    _check_kind(header, job.name)
    codec = imagecodecs_for(job.name)
    codes = _pixels(codec, header, job)
    info = without_orientation(_metadata(codec, job))
    if not header.is_srgb and header.transfer not in (16, 18):
        info["icc_profile"] = _profile(job)
    return codes, info


def imagecodecs_for(name: str) -> ModuleType:
    """Import the codec."""
    try:
        import imagecodecs
    except ImportError as error:
        raise _missing(name, "imagecodecs") from error
    codec: ModuleType = imagecodecs
    return codec


def _missing(name: str, package: str) -> MissingDependencyError:
    return MissingDependencyError(
        name, f"the package {package} for JPEG XL", "none installed", f"run: pip install {package}"
    )


def _check_kind(header: JxlHeader, name: str) -> None:
    needed = next((each for each in header.more_channels if each in _NEEDED or each.startswith("kind")), None)
    refused = [
        ("one picture", "an animation", header.animated),
        ("integer samples of 1 to 16 bits", f"{header.depth}-bit floats", header.floats),
        ("integer samples of 1 to 16 bits", f"{header.depth} bits", not header.floats and header.depth > 16),
        ("gray or RGB", f"a channel of {needed} beside them", needed is not None),
        ("straight alpha", "colors multiplied by alpha", header.premultiplied),
        (
            f"alpha of {header.depth} bits, as the colors",
            f"{header.alpha_depth} bits",
            header.alpha_depth not in (0, header.depth),
        ),
    ]
    for expected, got, applies in refused:
        if applies:
            raise FileFormatError(
                name,
                f"a JPEG XL of {expected}",
                got,
                "export it as PNG or TIFF first",
                code="unsupported_format",
            )
    if header.more_channels:
        _log.warning("%s: channels not read: %s", printable(name), ", ".join(header.more_channels))


def _pixels(codec: ModuleType, header: JxlHeader, job: Job) -> Samples:
    with foreign(job.name, "jxl"):
        try:
            found = codec.jpegxl_decode(job.data, index=0)
        except RuntimeError as error:
            if "NEED_MORE_INPUT" in str(error):
                raise cut_short(job.name, "pixels that end too early") from error
            raise
    channels = len(header.mode)
    size = (header.height, header.width) if header.orientation < 5 else (header.width, header.height)
    # Whatever else is stored comes behind gray, color and alpha.
    codes = found.reshape(*found.shape[:2], -1)
    if codes.shape[:2] != size or codes.shape[2] < channels or codes.dtype not in (np.uint8, np.uint16):
        raise corrupt(job.name, "jxl", f"{codes.dtype} samples {codes.shape} where the header says {header.mode}")
    if codes.shape[2] > channels:
        raise FileFormatError(
            job.name,
            f"a JPEG XL of {channels} channels",
            f"{codes.shape[2]}",
            "export it as PNG or TIFF first",
            code="unsupported_format",
        )
    if header.depth in (8, 16):
        return np.ascontiguousarray(codes)
    if header.depth > 8:
        return full_range(codes, header.depth)
    top = (1 << header.depth) - 1
    return np.asarray(((codes.astype(np.uint32) * 510 + top) // (2 * top)).astype(np.uint8))


def _profile(job: Job) -> bytes:
    """The profile of the pixels, as libjxl makes it from the header or finds it in the file."""
    try:
        from pillow_jxl import Decoder
    except ImportError as error:
        raise _missing(job.name, "pillow-jxl-plugin") from error
    with foreign(job.name, "jxl"):
        *_, profile, _ = Decoder(num_threads=1)(job.data)
    if not profile:
        raise corrupt(job.name, "jxl", "colors that its decoder has no profile for")
    return bytes(profile)


def _metadata(codec: ModuleType, job: Job) -> dict[Any, Any]:
    """EXIF and XMP from the boxes."""
    info: dict[Any, Any] = {}
    for kind, start, end in boxes_of(job.data) if not job.data.startswith(b"\xff\x0a") else ():
        body = job.data[start:end]
        if kind == b"brob":
            kind, body = body[:4], _unpack(codec, body, job.name)
        if kind == b"Exif" and len(body) > 4 and "exif" not in info:
            # Four bytes say how far behind them TIFF begins.
            info["exif"] = b"Exif\0\0" + body[4 + int.from_bytes(body[:4], "big") :]
        if kind == b"xml " and body and "xmp" not in info:
            info["xmp"] = body
    return info


def _unpack(codec: ModuleType, body: bytes, name: str) -> bytes:
    """A box that Brotli has packed; empty, and told, where it is damaged or large."""
    if body[:4] not in (b"Exif", b"xml "):
        return b""
    try:
        return bytes(codec.brotli_decode(body[4:], out=_MOST_METADATA))
    except (RuntimeError, ValueError) as error:
        _log.warning("%s: metadata dropped, for it cannot be unpacked: %s", printable(name), error)
        return b""
