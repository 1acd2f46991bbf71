"""Writers: images of any kind as files, whole or not at all, and as bytes."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from PIL import Image

from .. import _raster, convert
from .._foreign_names import explain_calls
from .._io import write_bytes
from .._pixels import ChannelKind, as_own, is_data, load
from ..errors import InputTypeError, InputValueError, quoted
from ..profiles import ProfileSource, convert_profile, open_profile
from ..resample import resize
from ..types import AnyImage
from .numbers import encode_planes, list_planes

__all__ = ["MetadataPolicy", "Subsampling", "encode", "encode_with_info", "write"]

MetadataPolicy = _raster.MetadataPolicy
Subsampling = _raster.Subsampling
_NO_OPTIONS = _raster.EncodeOptions()


@explain_calls
def write(
    image: AnyImage | Iterable[AnyImage],
    path: str | os.PathLike[str],
    *,
    duration: float | Sequence[float] | None = None,
    loop: int | None = None,
    quality: int | None = None,
    lossless: bool | None = None,
    subsampling: Subsampling | None = None,
    progressive: bool | None = None,
    effort: int | None = None,
    optimize: bool | None = None,
    palette: int | None = None,
    sizes: Sequence[int] | None = None,
    metadata: MetadataPolicy = "keep",
    profile: ProfileSource | None = None,
    bgr: bool = False,
    channels: ChannelKind = "color",
) -> None:
    """Write an image to a file, entirely or not at all.

    The suffix decides the format. The file is encoded in memory, written beside its place, synced, and put there in
    one step: whatever goes wrong, a file that was there stays as it was.

    Args:
        image: one PIL image, array or tensor, or several: a list, an iterator or a batch become the frames of a GIF,
            PNG, WebP or AVIF, or the pages of a TIFF. 16 bits are kept by PNG, TIFF, PPM and JPEG XL, floats by TIFF; other
            formats get 8 bits, rounded.
        path: where to; .png .jpg .webp .avif .jxl .gif .tif .bmp .ico .ppm .pgm.
        duration: how long each frame is shown, in milliseconds as in `info["duration"]` of `read_frames`: one number, or one
            a frame; None is what PIL images say themselves, else 100. GIF counts in hundredths of a second.
        loop: how often an animation is played, 0 for ever, as in `info["loop"]`; None is what the first image says, else
            0. GIF's viewers do not count the first time.
        quality: 1 to 100 for JPEG (90), WebP (90), AVIF (75) and JPEG XL (90).
        lossless: True for WebP and JPEG XL without loss; JPEG XL of 16 bits always is.
        subsampling: how JPEG (4:4:4 from quality 90 on, else 4:2:0) and AVIF (4:2:0) store color: "4:4:4" whole,
            "4:2:2" half across, "4:2:0" half both ways.
        progressive: True for a JPEG in several passes.
        effort: how much time a smaller file may take: PNG 0 to 9 (None: by what the picture is), WebP 0 to 6 (4), AVIF 0 to 10 (4),
            JPEG XL 1 to 9 (7).
        optimize: True for a smaller file of the same pixels: JPEG with fitted tables, PNG with a palette or single bits
            where those hold all colors.
        palette: for a PNG of that many colors at most, 2 to 256: exact if there are no more, else the nearest of a
            reduced set.
        sizes: the longer sides of the pictures in an ICO, such as (16, 32, 48, 256); by default the image as it is.
        metadata: what a PIL image's `info` says beside its pixels, as far as the format has a place for it: "keep" is
            all that still holds, so no thumbnail and no size of the original, "public" leaves out places, owners,
            serial numbers, maker notes, keywords and the parameters of generators, "strip" everything but the profile.
        profile: the colors to write in, "srgb", "display-p3", or the path or bytes of an ICC profile: the image is
            converted as by `convert_profile` and the file carries the profile. None writes the codes as they are.
        bgr: the array or tensor runs B, G, R(, A).
        channels: "data" writes numbers that are no colors as they are: any number of planes, of any type, as the page of a
            TIFF, several images as its pages; one or three planes of uint8 or uint16 as PNG.

    Raises:
        InputTypeError: not an image, or not a path.
        InputValueError: an unknown suffix, an alpha channel the format cannot hold (call `flatten` first), a size
            beyond the format, or an option it has not; several images for a format of one, frames of several sizes for
            one that is no TIFF.
        FileAccessError: the folder is missing or not writable, or the disk is full.

    Example:
        >>> import aikit, tempfile, pathlib
        >>> from PIL import Image
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder, "red.png")
        ...     write(Image.new("RGB", (2, 1), "red"), path)
        ...     aikit.read_pil(path).size
        (2, 1)
        >>> steps = [Image.new("RGB", (2, 1), (red, 0, 0)) for red in (0, 100, 200)]
        >>> [frame.info["duration"] for frame in aikit.files.read_frames(encode(steps, "webp", lossless=True, duration=40))]
        [40, 40, 40]
    """
    if not isinstance(path, (str, os.PathLike)):
        raise InputTypeError("path", "a path", type(path).__name__, "for bytes call encode(image, format)")
    suffix = os.path.splitext(os.fspath(path))[1]
    if not suffix:
        raise InputValueError("path", "a suffix that names the format", quoted(str(path)), "add one such as .png")
    data = is_data(channels)
    images = list_planes(image) if data else _images_of(image, bgr=bgr)
    if (
        not data
        and suffix.lower() in (".pgm", ".pbm")
        and any(load(each, bgr=bgr).spec.channels > 1 for each in images)
    ):
        raise InputValueError("image", f"gray for {suffix}", "color or alpha", "write .ppm or .png")
    encoded = encode(
        images if len(images) > 1 else images[0],
        suffix,
        duration=duration,
        loop=loop,
        quality=quality,
        lossless=lossless,
        subsampling=subsampling,
        progressive=progressive,
        effort=effort,
        optimize=optimize,
        palette=palette,
        sizes=sizes,
        metadata=metadata,
        profile=profile,
        bgr=bgr,
        channels=channels,
    )
    write_bytes(path, encoded)


@explain_calls
def encode(
    image: AnyImage | Iterable[AnyImage],
    format: str,
    *,
    duration: float | Sequence[float] | None = None,
    loop: int | None = None,
    quality: int | None = None,
    lossless: bool | None = None,
    subsampling: Subsampling | None = None,
    progressive: bool | None = None,
    effort: int | None = None,
    optimize: bool | None = None,
    palette: int | None = None,
    sizes: Sequence[int] | None = None,
    metadata: MetadataPolicy = "keep",
    profile: ProfileSource | None = None,
    bgr: bool = False,
    channels: ChannelKind = "color",
) -> bytes:
    """Encode an image to the bytes of a file.

    Args:
        image: one PIL image, array or tensor, or several: a list, an iterator or a batch become the frames of a GIF,
            PNG, WebP or AVIF, or the pages of a TIFF. 16 bits are kept by PNG, TIFF, PPM and JPEG XL, floats by TIFF; other
            formats get 8 bits, rounded.
        format: "png", "jpeg", "webp", "avif", "gif", "tiff", "bmp", "ico", "ppm" or "jxl", or a suffix.
        duration: how long each frame is shown, in milliseconds as in `info["duration"]` of `read_frames`: one number, or one
            a frame; None is what PIL images say themselves, else 100. GIF counts in hundredths of a second.
        loop: how often an animation is played, 0 for ever, as in `info["loop"]`; None is what the first image says, else
            0. GIF's viewers do not count the first time.
        quality: 1 to 100 for JPEG (90), WebP (90), AVIF (75) and JPEG XL (90).
        lossless: True for WebP and JPEG XL without loss; JPEG XL of 16 bits always is.
        subsampling: how JPEG (4:4:4 from quality 90 on, else 4:2:0) and AVIF (4:2:0) store color: "4:4:4" whole,
            "4:2:2" half across, "4:2:0" half both ways.
        progressive: True for a JPEG in several passes.
        effort: how much time a smaller file may take: PNG 0 to 9 (None: by what the picture is), WebP 0 to 6 (4), AVIF 0 to 10 (4),
            JPEG XL 1 to 9 (7).
        optimize: True for a smaller file of the same pixels: JPEG with fitted tables, PNG with a palette or single bits
            where those hold all colors.
        palette: for a PNG of that many colors at most, 2 to 256: exact if there are no more, else the nearest of a
            reduced set.
        sizes: the longer sides of the pictures in an ICO, such as (16, 32, 48, 256); by default the image as it is.
        metadata: what a PIL image's `info` says beside its pixels, as far as the format has a place for it: "keep" is
            all that still holds, so no thumbnail and no size of the original, "public" leaves out places, owners,
            serial numbers, maker notes, keywords and the parameters of generators, "strip" everything but the profile.
        profile: the colors to write in, "srgb", "display-p3", or the path or bytes of an ICC profile: the image is
            converted as by `convert_profile` and the file carries the profile. None writes the codes as they are.
        bgr: the array or tensor runs B, G, R(, A).
        channels: "data" writes numbers that are no colors as they are: any number of planes, of any type, as the page of a
            TIFF, several images as its pages; one or three planes of uint8 or uint16 as PNG.

    Returns:
        The whole file.

    Raises:
        InputTypeError: not an image.
        InputValueError: an unknown format, an alpha channel the format cannot hold (call `flatten` first), a size
            beyond the format, or an option it has not; several images for a format of one, frames of several sizes for
            one that is no TIFF.

    Example:
        >>> from PIL import Image
        >>> encode(Image.new("RGB", (1, 1)), "png")[1:4]
        b'PNG'
    """
    options = _raster.EncodeOptions(
        quality=quality,
        lossless=lossless,
        subsampling=subsampling,
        progressive=progressive,
        effort=effort,
        optimize=optimize,
        palette=palette,
        sizes=sizes,
    )
    if is_data(channels):
        others = {"duration": duration, "loop": loop, "profile": profile, "bgr": bgr}
        return encode_planes(list_planes(image), format, {}, options, metadata=metadata, **others)
    images = _images_of(image, bgr=bgr)
    if len(images) == 1 and duration is None and loop is None:
        return encode_with_info(images[0], format, {}, options, metadata=metadata, profile=profile, bgr=bgr)
    target = _raster.capabilities(format)
    _raster.check_policy(metadata)
    told = [getattr(each, "info", {}) for each in images]
    known = [_known(each, "duration") for each in told]
    times = _raster.check_times(target, duration, loop, known, _known(told[0], "loop"))
    frames = [_prepare(each, target, {}, metadata=metadata, profile=profile, bgr=bgr) for each in images]
    return _raster.encode_frames(frames, target, times, options)


def encode_with_info(
    image: AnyImage,
    format: str,
    info: Mapping[Any, Any],
    options: _raster.EncodeOptions = _NO_OPTIONS,
    *,
    metadata: MetadataPolicy = "keep",
    profile: ProfileSource | None = None,
    bgr: bool = False,
) -> bytes:
    """As `encode`, with what a file said that the image came from, for arrays and tensors, which cannot carry it."""
    target = _raster.capabilities(format)
    _raster.check_policy(metadata)
    if (
        profile is None
        and isinstance(image, Image.Image)
        and target.name == "png"
        and _raster.is_stored_as_it_is(image)
    ):
        beside = _raster.collect({**info, **image.info}, metadata, gray=image.mode == "1")
        return _raster.encode(image, target.name, options, metadata=beside)
    pixels, beside = _prepare(image, target, info, metadata=metadata, profile=profile, bgr=bgr)
    if options.sizes is not None and target.name == "ico":
        _raster.check_options(target, options)
        pixels = [_fit_icon(pixels, size) for size in options.sizes]
    return _raster.encode(pixels, target.name, options, metadata=beside)


def _images_of(image: AnyImage | Iterable[AnyImage], *, bgr: bool) -> list[AnyImage]:
    """The images of a list, an iterator or a batch, or the one that was passed."""
    if isinstance(image, (list, tuple, Iterator)):
        images = list(map(as_own, image))
        if not images:
            raise InputValueError("image", "at least one image", f"an empty {type(image).__name__}", "pass some")
        return images
    # A batch of one more axis; whatever else is no image is refused where it is converted.
    one: Any = image
    if len(load(one, bgr=bgr).spec.batch) == 1:
        return list(one)
    return [one]


def _known(info: Any, key: str) -> Any:
    value = info.get(key)
    return value if isinstance(value, (int, float)) else None


def _prepare(
    image: AnyImage,
    target: _raster.Format,
    info: Mapping[Any, Any],
    *,
    metadata: MetadataPolicy,
    profile: ProfileSource | None,
    bgr: bool,
) -> tuple[Any, _raster.Metadata]:
    """One image in the depth that the format holds, and what is written beside it."""
    embedded = None
    if profile is not None:
        embedded = _profile_for(profile, target, gray=load(image, bgr=bgr).spec.channels < 3)
        image = convert_profile(image, to=profile, bgr=bgr)
    spec = load(image, bgr=bgr)[1]
    dtype = "uint8"
    if spec.dtype.startswith(("float", "bfloat")) and target.float32:
        dtype = "float32"
    elif spec.dtype == "uint16" and (target.color16 if spec.channels > 1 else target.gray16):
        dtype = "uint16"
    # Gray goes as a PIL image, which brings its metadata; PIL's converter also says what to do with a batch.
    if dtype == "uint8" or spec.channels == 1 or spec.batch:
        pixels: Any = convert.to_pil(image, dtype=dtype if spec.channels == 1 else "uint8", bgr=bgr)
    else:
        pixels = convert.to_numpy(image, dtype=dtype, bgr=bgr)
    beside = _raster.collect({**info, **getattr(pixels, "info", {})}, metadata, gray=spec.channels < 3)
    if embedded is not None:
        beside = replace(beside, icc_profile=embedded)
    return pixels, beside


def _fit_icon(image: Image.Image, size: int) -> Image.Image:
    """The image with `size` as its longer side."""
    longest = max(image.size)
    width, height = (max(1, round(side * size / longest)) for side in image.size)
    return image if image.size == (width, height) else resize(image, width=width, height=height)


def _profile_for(profile: ProfileSource, target: _raster.Format, *, gray: bool) -> bytes:
    """The bytes of the profile to write; none in a format that has no place for it, where that says the same."""
    opened = open_profile(profile, "profile", gray=gray)
    if "icc_profile" in target.metadata:
        return opened.profile
    if not opened.is_srgb:
        title = target.name.upper()
        raise InputValueError(
            "profile", f'None or "srgb" for {title}, which holds no profile', quoted(profile), "write PNG instead"
        )
    return b""
