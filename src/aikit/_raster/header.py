"""What a file says about itself, without decoding a pixel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from PIL import Image

from .._metadata.orientation import orientation_of
from ..limits import Limits
from .guard import check_size, foreign
from .isobmff import read_properties
from .job import Job, check_heic, frame_count, heic_images, open_image, png_exif, prepare
from .jxl_header import read_header
from .profile import describe_profile
from .source_color import find_source_color

__all__ = ["Header", "probe"]


@dataclass(frozen=True, slots=True)
class Header:
    """What a file says about itself before any pixel is decoded.

    Attributes:
        format: lower-case name, as `identify` gives it.
        width: stored width in pixels, before any orientation.
        height: stored height in pixels.
        mode: Pillow's mode, or such as "RGB;16" where Pillow has none.
        depth: bits of one channel.
        channels: channels stored, 1 for a palette.
        has_alpha: an alpha channel, or a transparent color or index.
        orientation: 1..8.
        profile: the name of the ICC profile, or of colors that the file names otherwise, such as "gamma 1 (gAMA)" or
            "BT.2020 PQ, which is HDR (nclx)"; or None.
        frames: frames or pages.
        bytes: size of the file.
        gain_map: a second picture in the file says how it looks in HDR, which readers leave out.
    """

    format: str
    width: int
    height: int
    mode: str
    depth: int
    channels: int
    has_alpha: bool
    orientation: int
    profile: str | None
    frames: int
    bytes: int
    gain_map: bool = False


def probe(data: bytes, *, name: str, limits: Limits | None = None) -> Header:
    """Read the header only: no pixel is decoded, and a truncated file is no error while its header is complete.

    Raises:
        FileFormatError: not a raster format aikit reads, or a damaged header.
        LimitError: larger than `limits` allow.
    """
    job = prepare(data, name, "ignore", limits, True)
    if job.pages:
        return _tiff_header(job)
    if job.format == "heic":
        images = heic_images(job)
        check_heic(images[0], job)
        return _header(job, images[0].size, _iso_kind(job, images[0].mode), 1, images[0].info, len(images))
    if job.format == "jxl":
        return _jxl_header(job)
    with foreign(name, job.format):
        image = open_image(job)
        info: dict[Any, Any] = {**image.info, **png_exif(job.facts)}
        return _header(job, image.size, _png_kind(job, image), orientation_of(info), info, frame_count(image, job))


def _png_kind(job: Job, image: Image.Image) -> tuple[str, int]:
    """Mode and depth as stored, where Pillow's mode would hide 16 bits."""
    facts = job.facts
    if job.format == "png":
        name = {0: image.mode, 2: "RGB", 3: "P", 4: "LA", 6: "RGBA"}[facts.color_type]
        return (f"{name};16" if facts.depth == 16 and facts.color_type else name), facts.depth
    if job.format == "ppm" and facts.depth == 16:
        return ("RGB;16" if facts.color_type in (3, 6) else "I;16"), 16
    if job.format == "avif":
        return _iso_kind(job, image.mode)
    depth = {"1": 1, "I": 32, "F": 32}.get(image.mode, 16 if image.mode.startswith("I;16") else 8)
    return image.mode, depth


def _iso_kind(job: Job, mode: str) -> tuple[str, int]:
    """Mode and depth of AVIF and HEIC, whose samples decoders may bring in 8 bits."""
    found = read_properties(job.data)
    mode = ("LA" if mode.endswith("A") else "L") if found.is_gray else mode
    return (f"{mode};{found.depth}" if found.depth > 8 else mode), found.depth


# ISO 21496-1 and what came before it: marks in XMP, in an APP2 segment, in a property.
_GAIN_MAPS = (b"://ns.adobe.com/hdr-gain-map/", b"urn:iso:std:iso:ts:21496:-1", b"://ns.apple.com/HDRGainMap/")


def _has_gain_map(job: Job) -> bool:
    if job.format in ("avif", "heic"):
        return read_properties(job.data).has_gain_map
    return job.format == "jpeg" and any(mark in job.data for mark in _GAIN_MAPS)


def _color_name(job: Job, profile: bytes | None) -> str | None:
    """The name of the colors: what overrules a profile first, then the profile, then numbers."""
    color = find_source_color(job)
    return describe_profile(profile) if color is None else color.name


def _header(
    job: Job, size: tuple[int, int], kind: tuple[str, int], orientation: int, info: dict[Any, Any], count: int
) -> Header:
    mode, depth = kind
    base = "I" if mode.startswith("I") else mode.partition(";")[0]
    channels = Image.getmodebands(base)
    alpha = base in ("LA", "PA", "RGBA", "La", "RGBa") or "transparency" in info
    return Header(
        job.format,
        *size,
        mode,
        depth,
        channels,
        alpha,
        orientation,
        _color_name(job, info.get("icc_profile")),
        count,
        job.size,
        _has_gain_map(job),
    )


def _jxl_header(job: Job) -> Header:
    """By the header alone: its packages decode the pixels with it."""
    found = read_header(job.data, job.name)
    mode = f"{found.mode};{found.depth}{'F' * found.floats}" if found.depth > 8 else found.mode
    mode = "I;16" if mode == "L;16" else mode
    color, channels = find_source_color(job), len(found.mode)
    name = found.color_name if color is None else color.name
    alpha, frames = found.alpha_depth > 0, 1
    size = (found.width, found.height)
    return Header(job.format, *size, mode, found.depth, channels, alpha, found.orientation, name, frames, job.size)


def _tiff_header(job: Job) -> Header:
    page = job.pages[0]
    check_size(job.name, page.width, page.height, job.limits)
    names = {2: "RGB", 3: "P", 5: "CMYK", 6: "YCbCr", 8: "LAB"}
    mode = names.get(page.photometric, "L") + (
        "A" if page.alpha is not None and page.photometric in (0, 1, 2, 3) else ""
    )
    depth = page.bits[0]
    if depth > 8:
        mode += f";{depth}" + ("F" if page.sample_format == 3 else "")
    return Header(
        job.format,
        page.width,
        page.height,
        mode,
        depth,
        page.samples,
        page.alpha is not None,
        page.orientation if page.orientation in range(1, 9) else 1,
        describe_profile(page.profile),
        len(job.pages),
        job.size,
    )
