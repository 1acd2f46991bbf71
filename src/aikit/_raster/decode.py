"""Guarded decoding: the format from the bytes, limits before memory, one kind of exception."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from PIL import ExifTags, Image
from PIL.TiffImagePlugin import TiffImageFile

from .._metadata import SOURCE_COLOR
from .._metadata.orientation import orientation_of, upright, without_orientation
from ..errors import FileFormatError, InputTypeError, InputValueError, printable, quoted
from ..limits import Limits
from . import high_depth, low_memory, png16, ppm, tiff
from .animation import Animation, Layer, compose
from .guard import asked_for_parts, check_frames, check_samples_size, check_size, foreign
from .high_depth import HighDepth, Samples
from .integrity import Facts
from .iso_depth import deep_avif, deep_heic
from .job import Job, Profile, check_heic, frame_count, heic_images, open_image, png_exif, prepare
from .jxl import decode_jxl
from .profile import describe_profile, image_to_srgb, to_srgb_of
from .source_color import with_source_profile
from .tiff_tags import tiff_exif

__all__ = ["decode", "frames"]

_log = logging.getLogger("aikit.metadata")

_GRAY = ("1", "L", "LA", "I;16", "I", "F")

# Formats whose later frames are drawn over the earlier ones, so that frame k costs k + 1 frames.
_COMPOSED = {"png", "gif", "webp", "avif"}


def decode(
    data: bytes,
    *,
    name: str,
    frame: int = 0,
    profile: Profile = "srgb",
    limits: Limits | None = None,
    allow_truncated: bool = False,
    at_least: tuple[int, int] | None = None,
    pil_depth: bool = False,
) -> Image.Image | HighDepth:
    """Decode one frame of a raster file, loaded, upright and in sRGB.

    Args:
        data: the whole file.
        name: how messages call it.
        frame: which frame of an animation (composed) or page of a document.
        profile: "srgb" applies an embedded ICC profile and drops it; "ignore" leaves codes and profile.
            Float and 32-bit integer pixels are never touched by it.
        limits: what the file may cost; None keeps Pillow's own ceiling.
        allow_truncated: hand out what could be decoded of a file that ends too early.
        at_least: upright (height, width) that will do: a JPEG is decoded to a half, a quarter or an eighth of its size
            where that is no smaller, which saves most of the time.
        pil_depth: whether color of 16 bits comes in 8, the most that Pillow has, in less memory.

    Returns:
        A PIL image in the mode of the file, or `HighDepth` for 16-bit color and alpha and for float color.

    Raises:
        FileFormatError: not a raster format aikit reads, corrupt, or cut off.
        LimitError: more pixels, frames or bytes than allowed, or a format that is not.
        InputValueError: there is no such frame.
        MissingDependencyError: HEIC without pi-heif, JPEG XL without imagecodecs or pillow-jxl-plugin.
    """
    _check_options(frame, profile)
    with asked_for_parts(allow_truncated):
        job = replace(_readable(prepare(data, name, profile, limits, allow_truncated)), pil_depth=pil_depth)
        return _decode_frame(job, frame, at_least)


def _decode_frame(job: Job, frame: int, at_least: tuple[int, int] | None = None) -> Image.Image | HighDepth:
    check_frames(job.name, frame + 1, job.limits)
    if job.format == "heic":
        return _heic(job, frame)
    if job.format == "jxl":
        return _jxl(job, frame)
    animation = job.facts.animation
    if animation is not None and (frame or not animation.plain):
        return _composed_frame(job, animation, frame)
    wide = _high_depth(job, frame)
    if wide is not None:
        return wide
    with foreign(job.name, job.format):
        image = (
            _open_first(job, animation) if job.format == "gif" and animation is not None else _open_frame(job, frame)
        )
        _check_image(image, job, (frame + 1) if job.format in _COMPOSED else 1)
        if at_least is not None and job.format == "jpeg":
            height, width = at_least if orientation_of(image.info) < 5 else at_least[::-1]
            image.draft(None, (width, height))  # None leaves the mode
        large = low_memory.decode_webp(job.data, image) if job.format == "webp" else None
        loaded = _load(image, job) if large is None else large
        codes = deep_avif(job, loaded.size, loaded.mode == "RGBA") if job.format == "avif" and not frame else None
        return _finish_image(loaded, job) if codes is None else _finish_deep(codes, loaded.info, job, turned=False)


def _open_first(job: Job, animation: Animation) -> Image.Image:
    """Open the one picture of a GIF that fills its screen, past whatever follows it."""
    layer = next(animation.layers())
    image = open_image(replace(job, data=layer.file()))
    image.info.update({**animation.info, **_duration_of(layer)})
    return image


def frames(
    data: bytes,
    *,
    name: str,
    profile: Profile = "srgb",
    limits: Limits | None = None,
    allow_truncated: bool = False,
) -> Iterator[Image.Image]:
    """All frames of an animation, composed, or the pages of a TIFF; `info["duration"]` in ms where known.

    Animations come as RGB, or RGBA where any frame may be transparent; pages come in their own mode,
    16-bit color rounded to 8 bits, the only depth Pillow has. The default image of an animated PNG is a frame where the
    file says so.

    Raises:
        As `decode`, before the first frame where the header tells.
    """
    _check_options(0, profile)
    with asked_for_parts(allow_truncated):
        job = replace(_readable(prepare(data, name, profile, limits, allow_truncated)), pil_depth=True)
        if job.format == "jxl":
            return iter([_page_image(job, 0)])
        return _heic_frames(job) if job.format == "heic" else _frames(job)


def _readable(job: Job) -> Job:
    """The job with its pixels in a form that Pillow reads in C."""
    if job.format != "ppm" or job.facts.depth == 16:
        return job
    return replace(job, data=ppm.for_pillow(job.data, job.name, lenient=job.lenient))


def _check_options(frame: object, profile: object) -> None:
    if isinstance(frame, bool) or not isinstance(frame, int):
        raise InputTypeError("frame", "a whole number", quoted(frame), "pass 0 for the first frame")
    if frame < 0:
        raise InputValueError("frame", "0 or more", quoted(frame), "frames are counted from 0")
    if str(profile) not in ("srgb", "ignore"):
        raise InputValueError("profile", '"srgb" or "ignore"', quoted(profile), "pass one of them")


def _no_such_frame(frame: int, count: int, name: str) -> InputValueError:
    has = "1 frame" if count == 1 else f"{count} frames"
    return InputValueError("frame", f"0 to {count - 1}", quoted(frame), f"{name} has {has}")


def _open_frame(job: Job, frame: int) -> Image.Image:
    if frame and job.format == "tiff" and not tiff.is_by_pillow(job.pages[0]):
        # Pillow opens the first page before any other.
        return open_image(replace(job, data=tiff.start_at(job.data, job.pages[frame])))
    image = open_image(job)
    if frame:
        _seek(image, frame, job)
    return image


def _seek(image: Image.Image, frame: int, job: Job) -> None:
    count = frame_count(image, job)
    if frame >= count:
        raise _no_such_frame(frame, count, job.name)
    image.seek(frame)


def _check_image(image: Image.Image, job: Job, drawn: int = 1) -> None:
    check_size(job.name, image.width, image.height, job.limits)
    if job.limits is not None:
        job.limits.check(job.name, "pixels in all frames", "max_total_pixels", drawn * image.width * image.height)


def _load(image: Image.Image, job: Job) -> Image.Image:
    """Decode the pixels now: a lazy image fails later, elsewhere, and in threads."""
    if isinstance(image, TiffImageFile) and job.limits is not None and image._im is None:
        # Pillow would hold the page to its own ceiling here; its size was checked.
        image.im = Image.new(image.mode, image._tile_size, None).im
    try:
        image.load()
    except (OSError, SyntaxError, ValueError):
        if not job.lenient or getattr(image, "_im", None) is None:
            raise
        # Without tiles Pillow takes the picture as done: the rows decoded so far, the rest blank.
        # Its LOAD_TRUNCATED_IMAGES would do the same for the whole process.
        image.tile = []  # type: ignore[attr-defined]
        image.load()
    check_size(job.name, image.width, image.height, job.limits)
    if job.format == "tiff":
        image.info |= _said_in_tags(image, job, image.tell())
        if job.pages[min(image.tell(), len(job.pages) - 1)].dpi is None:
            image.info.pop("dpi", None)  # Pillow makes up 1
    return _correct(image, job)


def _correct(image: Image.Image, job: Job) -> Image.Image:
    """Scale what Pillow leaves unscaled, and resolve modes of its own."""
    if job.format == "png" and b"tRNS" in job.facts.chunks:
        _scale_key(image, job.facts)
    if image.mode in ("La", "RGBa"):
        return _like(image.convert(image.mode[:-1] + "A"), image)
    if image.mode.startswith("I;16") and image.mode != "I;16":
        return _like(Image.fromarray(np.asarray(image).astype(np.uint16)), image)
    return image


def _like(result: Image.Image, source: Image.Image) -> Image.Image:
    result.info = dict(source.info)
    return result


def _scale_key(image: Image.Image, facts: Facts) -> None:
    """Gray and RGB keys in the units of the pixels: Pillow expands 2- and 4-bit gray to 8 bits, not their key."""
    raw, top = facts.chunks[b"tRNS"], (1 << facts.depth) - 1
    if facts.color_type == 0 and len(raw) >= 2:
        # Only the lowest bits count (PNG 3rd edition, 11.3.1.1).
        key = int.from_bytes(raw[:2], "big") & top
        image.info["transparency"] = key if facts.depth == 16 else key * 255 // top
    elif facts.color_type == 2 and len(raw) >= 6:
        image.info["transparency"] = tuple(int.from_bytes(raw[at : at + 2], "big") & top for at in (0, 2, 4))


def _finish_image(image: Image.Image, job: Job) -> Image.Image:
    """Finish an image: upright, in sRGB, and with no file behind it."""
    if job.format == "tiff":
        # Pillow has turned a TIFF while loading; an XMP copy of the tag must not turn it again.
        image.info = without_orientation(image.info)
        image.getexif().pop(int(ExifTags.Base.Orientation), None)
    else:
        image = _instead(upright(image, fresh=True), image)
    image.info = with_source_profile(image.info, job, gray=image.mode in _GRAY)
    if job.profile == "srgb":
        image = _instead(image_to_srgb(image, job.name), image)
    # A copy cannot be asked for its other frames, past the limits checked here.
    return image.copy() if getattr(image, "is_animated", False) else image


def _said_in_tags(image: Image.Image, job: Job, frame: int) -> dict[Any, Any]:
    """EXIF and IPTC of a page, in the form in which other formats have them in `info`."""
    block = tiff_exif(image) if isinstance(image, TiffImageFile) else b""
    records = job.pages[frame].iptc if frame < len(job.pages) else None
    found: dict[Any, Any] = {"exif": block, "photoshop": {0x0404: records} if records else {}}
    return {key: value for key, value in found.items() if value}


def _said_by_page(job: Job, frame: int) -> dict[Any, Any]:
    """The same of a page whose pixels Pillow does not decode, as far as it opens the page."""
    try:
        with foreign(job.name, "tiff"):
            image = open_image(job)
            image.seek(frame)
            return _said_in_tags(image, job, frame)
    except FileFormatError as error:
        _log.info("metadata of %s dropped: %s", printable(job.name), error)
        return {}


def _instead(result: Image.Image, source: Image.Image) -> Image.Image:
    """The result; the memory of what it was made from is given back, for frames further up still hold that."""
    if result is not source:
        source.close()
    return result


def _high_depth(job: Job, frame: int) -> HighDepth | Image.Image | None:
    """Decode what Pillow cannot hold or read; None where Pillow is the right reader."""
    if job.format == "tiff":
        return _wide_tiff(job, frame)
    if frame or job.facts.depth != 16 or job.format not in ("png", "ppm"):
        return None
    _check_total(job, job.facts.width * job.facts.height)
    if job.format == "ppm":
        samples = ppm.samples_16(job.data, job.name, lenient=job.lenient)
        return _deliver(_finish(job, {}, samples.shape[2])(samples), {}, job)
    if job.facts.color_type == 0 and b"tRNS" not in job.facts.chunks:
        return None
    with foreign(job.name, "png"):
        info: dict[Any, Any] = dict(open_image(job).info)
    info.pop("transparency", None)
    info.update(png_exif(job.facts))
    info = with_source_profile(info, job, gray=job.facts.color_type in (0, 4))
    channels = {0: 2, 2: 3 + (b"tRNS" in job.facts.chunks), 4: 2, 6: 4}[job.facts.color_type]
    finish = _finish(job, info, channels)
    return _deliver(png16.read_png(job.data, job.name, finish, lenient=job.lenient), info, job)


def _finish(job: Job, info: dict[Any, Any], channels: int) -> tiff.Finish:
    """Make what finishes each strip of uint16 samples: into sRGB, and into Pillow's depth where that is wanted."""
    profile = info.pop("icc_profile", None) if job.profile == "srgb" else None
    convert = to_srgb_of(profile, channels, job.name) if profile else None
    if convert is not None and (name := describe_profile(profile)):
        info[SOURCE_COLOR] = name

    def finish(strip: Samples) -> Samples:
        strip = strip if convert is None else convert(strip)
        return high_depth.round_strip(strip) if job.pil_depth and channels > 1 else strip

    return finish


def _wide_tiff(job: Job, frame: int) -> HighDepth | Image.Image | None:
    if frame >= len(job.pages):
        raise _no_such_frame(frame, len(job.pages), job.name)
    page = job.pages[frame]
    check_size(job.name, page.width, page.height, job.limits)
    tiff.require_known(page, job.name)
    if not tiff.is_ours(page):
        return None
    _check_total(job, page.width * page.height)
    check_samples_size(job.name, page.width * page.height * page.samples * page.depth // 8, job.limits)
    info: dict[Any, Any] = {"icc_profile": page.profile, "xmp": page.xmp, "dpi": page.dpi}
    info = {key: value for key, value in info.items() if value is not None} | _said_by_page(job, frame)
    if job.pil_depth and page.sample_format == 3 and page.samples > 1:
        raise high_depth.no_mode_for(job.name)
    if page.photometric == 5:
        return _cmyk(page, info, job)
    codes = page.sample_format == 1 and 8 < page.depth <= 16
    finish = _finish(job, info, page.samples) if codes and page.photometric != 3 else lambda strip: strip
    return _deliver(tiff.read_page(job.data, page, job.name, finish, lenient=job.lenient), info, job, turned=True)


def _cmyk(page: tiff.Page, info: dict[Any, Any], job: Job) -> Image.Image:
    """Inks in 8 bits, the most that profiles of inks are applied in."""
    if page.depth > 8 and not job.pil_depth:
        raise FileFormatError(
            job.name,
            "CMYK of 8 bits",
            f"{page.depth} bits",
            "read it with read_pil, in 8 bits, or convert it to RGB first",
            code="unsupported_format",
        )
    finish = high_depth.round_strip if page.depth > 8 else lambda strip: strip
    samples = tiff.read_page(job.data, page, job.name, finish, lenient=job.lenient)
    image = Image.frombytes("CMYK", samples.shape[1::-1], samples.tobytes())
    image.info = without_orientation(info)
    return image_to_srgb(image, job.name) if job.profile == "srgb" else image


def _deliver(samples: Samples, info: dict[Any, Any], job: Job, *, turned: bool = False) -> HighDepth | Image.Image:
    """Give samples as Pillow's I;16 or F where it has the mode, else as `HighDepth`."""
    if not turned:
        samples = tiff.turn(samples, orientation_of(info))
    info = without_orientation(info)
    if samples.dtype == np.uint8 and not job.pil_depth:
        image = Image.fromarray(samples[..., 0] if samples.shape[2] == 1 else samples)
        image.info = info
        return image_to_srgb(image, job.name) if job.profile == "srgb" else image
    if samples.shape[2] > 1:
        return HighDepth(samples, info)
    image = Image.fromarray(np.ascontiguousarray(samples[..., 0]))
    image.info = info
    return image


def _frames(job: Job) -> Iterator[Image.Image]:
    for page in job.pages:
        tiff.require_known(page, job.name)
    if any(tiff.is_ours(page) for page in job.pages):
        # Pillow may not know the other pages' kinds, so each goes its own way.
        check_frames(job.name, len(job.pages), job.limits)
        _check_total(job, sum(page.width * page.height for page in job.pages))
        return (_page_image(job, index) for index in range(len(job.pages)))
    animation = job.facts.animation
    if animation is not None and (animation.frames > 1 or not animation.plain):
        check_frames(job.name, animation.frames, job.limits)
        _check_total(job, animation.frames * animation.width * animation.height)
        return _composed_frames(job, animation)
    with foreign(job.name, job.format):
        image = open_image(job)
        count = frame_count(image, job)
    check_frames(job.name, count, job.limits)
    _check_total(job, count * image.width * image.height)
    return iter([_page_image(job, 0)]) if count == 1 else _each(image, count, job)


def _check_total(job: Job, pixels: int) -> None:
    if job.limits is not None:
        job.limits.check(job.name, "pixels in all frames", "max_total_pixels", pixels)


def _each(image: Image.Image, count: int, job: Job) -> Iterator[Image.Image]:
    composed = count > 1 and job.format in _COMPOSED
    for index in range(count):
        with foreign(job.name, job.format):
            if index:
                image.seek(index)
            check_size(job.name, image.width, image.height, job.limits)
            picture = _load(image, job)
            frame = _finish_image(_like(picture.copy(), picture), job)
            if composed:
                alpha = job.facts.transparent or frame.has_transparency_data
                # Once its palette is resolved a frame's transparency is its alpha.
                frame = _flat(frame, "RGBA" if alpha else "RGB")
        yield frame


def _composed_frame(job: Job, animation: Animation, frame: int) -> Image.Image:
    if frame >= animation.frames:
        raise _no_such_frame(frame, animation.frames, job.name)
    _check_total(job, (frame + 1) * animation.width * animation.height)
    return next(_composed_frames(job, animation, frame))


def _composed_frames(job: Job, animation: Animation, first: int = 0) -> Iterator[Image.Image]:
    """The frames from `first` on, each drawn over those before it."""
    info: dict[Any, Any] = dict(animation.info)
    if job.format == "png":
        with foreign(job.name, "png"):
            found = open_image(job).info
        info = {key: value for key, value in found.items() if key not in _OF_A_FRAME} | png_exif(job.facts) | info
    for index, (layer, canvas) in enumerate(compose(animation, lambda layer: _layer_pixels(layer, job))):
        if index >= first:
            image = canvas.copy() if animation.transparent else canvas.convert("RGB")
            if job.facts.color_type in (0, 4):
                # A profile for gray wants gray.
                image = image.convert("LA" if animation.transparent else "L")
            image.info = {**info, **_duration_of(layer)}
            yield _flat(_finish_image(image, job), canvas.mode if animation.transparent else "RGB")


# What Pillow says of the frame at hand.
_OF_A_FRAME = {"duration", "disposal", "blend", "bbox", "default_image", "transparency", "timestamp"}


def _duration_of(layer: Layer) -> dict[Any, Any]:
    return {} if layer.duration is None else {"duration": layer.duration}


def _layer_pixels(layer: Layer, job: Job) -> Image.Image:
    """Decode one picture of an animation, RGBA, in the codes of the file."""
    chunks = {kind: body for kind, body in job.facts.chunks.items() if kind == b"tRNS"}
    facts = replace(job.facts, width=layer.width, height=layer.height, chunks=chunks, animation=None, profile=None)
    part = replace(job, data=layer.file(), facts=facts, profile="ignore", pil_depth=True)
    wide = _high_depth(part, 0)
    if isinstance(wide, HighDepth):
        wide = high_depth.round_to_8_bits(wide, job.name)
    if wide is None:
        with foreign(job.name, job.format):
            wide = _load(open_image(part), part)
    return _flat(wide, "RGBA")


def _flat(frame: Image.Image, mode: str) -> Image.Image:
    if frame.mode == "I;16":
        frame = high_depth.round_to_8_bits(HighDepth(np.asarray(frame)[..., None], dict(frame.info)), "frame")
    result = frame if frame.mode == mode else frame.convert(mode)
    result.info.pop("transparency", None)
    return result


def _page_image(job: Job, index: int) -> Image.Image:
    page = _decode_frame(job, index)
    if isinstance(page, HighDepth):
        return high_depth.round_to_8_bits(page, job.name)
    if page.mode == "P" and job.format in _COMPOSED:
        return _flat(page, "RGBA" if page.has_transparency_data else "RGB")
    return page


_HEIC_KEYS = ("exif", "xmp", "icc_profile")


def _heic(job: Job, frame: int) -> Image.Image | HighDepth:
    images = heic_images(job)
    if frame >= len(images):
        raise _no_such_frame(frame, len(images), job.name)
    check_heic(images[frame], job)
    deep = deep_heic(job, frame)
    if deep is not None:
        codes, info = deep
        return _finish_deep(codes, {key: info[key] for key in _HEIC_KEYS if info.get(key)}, job, turned=True)
    with foreign(job.name, "heic"):
        # libheif has turned the picture; to_pillow sets the tag in EXIF to 1 to say so.
        picture: Image.Image = images[frame].to_pillow()
    picture.info = {key: picture.info[key] for key in _HEIC_KEYS if picture.info.get(key)}
    return _finish_image(_correct(picture, job), job)


def _jxl(job: Job, frame: int) -> Image.Image | HighDepth:
    if frame:
        raise _no_such_frame(frame, 1, job.name)
    codes, info = decode_jxl(job)
    if codes.dtype == np.uint16:
        return _finish_deep(codes, info, job, turned=True)
    picture = Image.fromarray(codes[..., 0] if codes.shape[2] == 1 else codes)
    picture.info = info
    return _finish_image(picture, job)


def _finish_deep(codes: Samples, info: dict[Any, Any], job: Job, *, turned: bool) -> HighDepth | Image.Image:
    """Finish samples of 16 bits that a decoder gave as a whole, a strip of rows at a time."""
    channels = codes.shape[2]
    info = with_source_profile(info, job, gray=channels < 3)
    finish = _finish(job, info, channels)
    example = finish(codes[:1])
    result = np.empty((*codes.shape[:2], example.shape[2]), example.dtype)
    rows = max(1, _STRIP // codes.shape[1])
    for top in range(0, codes.shape[0], rows):
        result[top : top + rows] = finish(codes[top : top + rows])
    return _deliver(result, info, job, turned=turned)


# Samples in a strip of rows.
_STRIP = 1 << 18


def _heic_frames(job: Job) -> Iterator[Image.Image]:
    count = len(heic_images(job))
    check_frames(job.name, count, job.limits)
    return (_page_image(job, index) for index in range(count))
