"""Channels that are data: the numbers that a TIFF or a PNG holds as they are stored, and files of such numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image

from .._metadata.orientation import without_orientation
from ..errors import FileFormatError, InputTypeError, InputValueError
from ..isolation import guarded, in_child
from ..limits import Limits
from . import tiff
from .containers import join_tiff
from .decode import decode
from .encode import encode
from .formats import Format
from .guard import asked_for_parts, check_frames, check_samples_size, check_size
from .high_depth import HighDepth, Samples
from .isolated import needs_child
from .job import Job, prepare
from .metadata import Metadata, fitted
from .options import EncodeOptions, check_options
from .signatures import identify
from .tiff_tags import with_tags
from .tiff_writer import tiff_of

__all__ = ["decode_data_guarded", "encode_data"]

_MOST_PLANES = 1024


def decode_data(
    data: bytes, *, name: str, frame: int = 0, limits: Limits | None = None, allow_truncated: bool = False
) -> HighDepth:
    """Decode the samples of one page as they are stored, (H, W, C), upright; profiles and palettes say nothing.

    Raises:
        FileFormatError: not a format that keeps numbers, a palette in PNG, corrupt, or cut off.
        LimitError: more than the limits allow.
        InputValueError: there is no such page.
    """
    with asked_for_parts(allow_truncated):
        job = prepare(data, name, "ignore", limits, allow_truncated)
        if job.format not in ("tiff", "png"):
            raise FileFormatError(
                name, "a format that keeps numbers: TIFF or PNG", job.format.upper(), 'read it with channels="color"',
                code="unsupported_format",
            )  # fmt: skip
        check_frames(name, frame + 1, limits)
        return _decode_tiff(job, frame) if job.format == "tiff" else _decode_png(job, frame)


def _decode_tiff(job: Job, frame: int) -> HighDepth:
    if frame >= len(job.pages):
        raise InputValueError("frame", f"0 to {len(job.pages) - 1}", str(frame), f"{job.name} has {len(job.pages)}")
    page = job.pages[frame]
    check_size(job.name, page.width, page.height, job.limits)
    tiff.require_numbers(page, job.name)
    check_samples_size(job.name, page.width * page.height * page.samples * max(8, page.depth) // 8, job.limits)
    info: dict[Any, Any] = {"xmp": page.xmp, "dpi": page.dpi}
    samples = tiff.read_stored(job.data, page, job.name, lenient=job.lenient)
    return HighDepth(samples, without_orientation({key: value for key, value in info.items() if value is not None}))


def _decode_png(job: Job, frame: int) -> HighDepth:
    if job.facts.color_type == 3:
        raise FileFormatError(
            job.name, "numbers", "a palette, whose indices stand for colors", "read it with read_label_map",
            code="unsupported_color",
        )  # fmt: skip
    decoded = decode(
        job.data, name=job.name, frame=frame, profile="ignore", limits=job.limits, allow_truncated=job.lenient
    )
    if isinstance(decoded, HighDepth):
        samples, info = decoded.pixels, decoded.info
    else:
        samples, info = np.asarray(decoded), decoded.info
        samples = samples.astype(np.uint16 if samples.dtype.itemsize == 2 else np.uint8)
        samples = samples[..., None] if samples.ndim == 2 else samples
    # A key of transparency is no plane.
    samples = samples[..., : {0: 1, 2: 3, 4: 2, 6: 4}[job.facts.color_type]]
    if job.facts.depth in (2, 4):
        # Pillow spreads these codes over a byte.
        samples = samples // (255 // ((1 << job.facts.depth) - 1))
    info = {key: value for key, value in info.items() if key not in ("icc_profile", "transparency")}
    return HighDepth(np.ascontiguousarray(samples), info)


def decode_data_guarded(
    data: bytes, *, name: str, limits: Limits | None, isolate: bool = False, **options: Any
) -> HighDepth:
    """As `decode_data`; in a child process where that is asked for or needed."""
    return guarded(
        decode_data,
        data,
        keywords={"name": name, "limits": limits, **options},
        subject=name,
        limits=limits,
        isolate=isolate or needs_child(data, name, limits) or _is_noisy(data, name, limits),
        expect=HighDepth,
    )


def _is_noisy(data: bytes, name: str, limits: Limits | None) -> bool:
    """Whether an untrusted file lets a decoder write to the error stream."""
    if limits is None or in_child() or identify(data) != "tiff":
        return False
    try:
        return any(map(tiff.is_noisy_as_data, tiff.pages(data, name, lenient=True, at_most=limits.max_frames)))
    except FileFormatError:
        return False  # which decoding says itself


def encode_data(
    pages: list[Samples], target: Format, options: EncodeOptions, *, metadata: list[Metadata], name: str = "image"
) -> bytes:
    """Encode samples (H, W, C) as they are: as the pages of a TIFF, or one picture of one or three planes as PNG.

    Raises:
        InputTypeError: a dtype that the format cannot hold.
        InputValueError: another format, or more planes or pages than it holds.
    """
    check_options(target, options)
    if target.name == "png" and len(pages) == 1:
        return _encode_png(pages[0], options, metadata[0], name)
    if target.name != "tiff":
        expected = "TIFF, or PNG for one picture of one or three planes"
        raise InputValueError("format", f"{expected}, for data", target.name.upper(), "write TIFF")
    files = [_encode_tiff(page, beside, name) for page, beside in zip(pages, metadata, strict=True)]
    return files[0] if len(files) == 1 else join_tiff(files)


def _encode_tiff(samples: Samples, metadata: Metadata, name: str) -> bytes:
    channels = samples.shape[2]
    if channels > _MOST_PLANES:
        raise InputValueError(name, f"at most {_MOST_PLANES} planes for TIFF", str(channels), "write several files")
    samples = samples.astype(np.uint8) if samples.dtype == np.bool_ else samples
    data = tiff_of(samples, photometric=1, extra=(0,) * (channels - 1))
    return with_tags(data, fitted(metadata, "tiff", ("exif", "xmp", "iptc", "dpi"), "TIFF"))


def _encode_png(samples: Samples, options: EncodeOptions, metadata: Metadata, name: str) -> bytes:
    if samples.dtype not in (np.uint8, np.uint16):
        raise InputTypeError(name, "uint8 or uint16 data for PNG", samples.dtype.name, "write TIFF")
    if samples.shape[2] not in (1, 3):
        got = f"{samples.shape[2]} planes"
        raise InputValueError(name, "one or three planes for PNG, whose others are alpha", got, "write TIFF")
    if samples.dtype == np.uint16:
        return encode(samples, "png", options, metadata=metadata, name=name)
    picture = Image.fromarray(samples[..., 0] if samples.shape[2] == 1 else samples)
    return encode(picture, "png", options, metadata=metadata, name=name)
