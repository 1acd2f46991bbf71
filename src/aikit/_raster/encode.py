"""Encoding to bytes: what each format holds, and a refusal where it would lose something unasked."""

from __future__ import annotations

import io
import struct
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from PIL import Image

from ..errors import InputTypeError, InputValueError, quoted
from .formats import Format, capabilities
from .high_depth import Samples
from .ico import join
from .integrity import word
from .jxl_writer import encode_jxl, with_boxes
from .metadata import Metadata, fitted, jpeg_options, with_chunks
from .options import EncodeOptions, check_options, subsampling_of
from .palette import is_stored_as_it_is, reduce_colors, shrink
from .png_writer import write_png
from .profile import describe_profile, is_srgb_in_all_but_name
from .tiff_tags import with_tags
from .tiff_writer import tiff_of

__all__ = ["encode", "encode_avif_frames"]


_MODES = ("L", "LA", "RGB", "RGBA", "I;16", "F")


def encode(
    image: Image.Image | Samples | Sequence[Image.Image],
    format: str,
    options: EncodeOptions = EncodeOptions(),  # noqa: B008
    *,
    metadata: Metadata | None = None,
    name: str = "image",
) -> bytes:
    """Encode an upright, resolved picture.

    Args:
        image: a PIL image in mode L, LA, RGB, RGBA, I;16 or F, for PNG also one in mode P or 1 that
            `palette.is_stored_as_it_is`; or an array (H, W, C), C = 1..4, uint16 or float32, in RGB order; for ICO also
            a sequence of images, of which each becomes a picture of the icon.
        format: as `capabilities` takes it.
        options: how it is encoded.
        metadata: what is written beside the pixels, as far as the format holds it.
        name: how messages call the image.

    Returns:
        The file.

    Raises:
        InputTypeError: an option of the wrong type.
        InputValueError: the format cannot hold the picture, or has no such option.
    """
    target = capabilities(format)
    check_options(target, options)
    if target.name == "jxl" and metadata is not None:
        _check_colors(metadata.icc_profile, image, name)
    beside = fitted(metadata or Metadata(), target.name, target.metadata, word(target.name))
    if isinstance(image, Sequence):
        return join([encode(each, format, options, metadata=metadata, name=name) for each in image])
    if isinstance(image, np.ndarray):
        return _ADDED.get(target.name, _unchanged)(_encode_array(image, target, options, name), beside)
    _check_image(image, target, name)
    try:
        return _ADDED.get(target.name, _unchanged)(_encode_image(image, target, options, beside), beside)
    except (OSError, ValueError, RuntimeError, struct.error) as error:
        if isinstance(error, InputValueError):
            raise
        raise InputValueError(
            name, f"a picture {word(target.name)} can hold", f'"{error}"', "write PNG instead"
        ) from error


def _check_colors(profile: bytes, image: Image.Image | Samples | Sequence[Image.Image], name: str) -> None:
    """Refuse colors that are not sRGB: a JPEG XL always says what its codes mean, and ours say sRGB."""
    gray = (
        image.shape[-1] < 3
        if isinstance(image, np.ndarray)
        else isinstance(image, Image.Image) and image.mode not in ("RGB", "RGBA")
    )
    if profile and not is_srgb_in_all_but_name(profile, gray=gray):
        raise InputValueError(
            name,
            "sRGB for JPEG XL, whose writers take no profile",
            quoted(describe_profile(profile)),
            'pass profile="srgb", or write PNG',
        )


def _encode_image(image: Image.Image, target: Format, options: EncodeOptions, beside: Metadata) -> bytes:
    if target.name == "jxl":
        return encode_jxl(_with_channels(image), options, quality=target.quality)
    if target.name == "png" and _is_plain_png(image, options):
        return write_png(_with_channels(image))
    settings = _settings(image, target, options) | _beside(beside, target.name)
    if target.name in _PREPARED:
        image, more = _PREPARED[target.name](image, options)
        settings |= more
    return _save(_bare(image), target.name.upper(), **settings)


# Pixels below which Pillow has written a PNG before our filters have begun.
_SMALL_PNG = 1 << 12


def _is_plain_png(image: Image.Image, options: EncodeOptions) -> bool:
    """Whether a PNG is to be written as quickly as it is small: nobody asked for another way."""
    asked = options.effort is not None or options.optimize or options.palette is not None
    return not asked and image.mode in _CODES and image.width * image.height >= _SMALL_PNG


def encode_avif_frames(
    frames: Sequence[Image.Image | Samples],
    durations: Sequence[float],
    *,
    options: EncodeOptions,
    metadata: Metadata,
) -> bytes:
    """Encode pictures of one size and mode as an AVIF sequence, shown for so many milliseconds each."""
    target = capabilities("avif")
    check_options(target, options)
    pictures = []
    for index, each in enumerate(frames):
        if not isinstance(each, Image.Image):
            _check_depth(False, str(each.dtype), target, f"frame {index}")
            continue
        _check_image(each, target, f"frame {index}")
        pictures.append(_bare(each))
    settings = _settings(pictures[0], target, options) | _beside(metadata, "avif")
    settings |= {"save_all": True, "append_images": pictures[1:], "duration": [round(each) for each in durations]}
    return _save(pictures[0], "AVIF", **settings)


def _check_image(image: Image.Image, target: Format, name: str) -> None:
    if image.mode not in _MODES and not (target.name == "png" and is_stored_as_it_is(image)):
        raise InputValueError(name, f"one of the modes {', '.join(_MODES)}", image.mode, "convert it with to_pil")
    _check_size(image.width, image.height, target, name)
    _check_alpha(image.mode in ("LA", "RGBA"), image.mode, target, name)
    if image.mode == "I;16":
        _check_depth(target.gray16, "16-bit gray", target, name)
    if image.mode == "F":
        _check_depth(target.float32, "32-bit float", target, name)


def _check_size(width: int, height: int, target: Format, name: str) -> None:
    if not width or not height:
        raise InputValueError(name, "at least 1 x 1 pixels", f"{width} x {height}", "check how it was made")
    if target.max_side is not None and max(width, height) > target.max_side:
        raise InputValueError(
            name,
            f"at most {target.max_side} pixels a side for {word(target.name)}",
            f"{width} x {height}",
            "resize it, or write PNG or TIFF",
        )


def _check_alpha(has_alpha: bool, got: str, target: Format, name: str) -> None:
    if has_alpha and not target.alpha:
        raise InputValueError(
            name,
            f"no alpha channel for {word(target.name)}",
            got,
            'call flatten(image, background="white") first, or write PNG or WebP',
            option="flatten",
        )


def _check_depth(fits: bool, got: str, target: Format, name: str) -> None:
    if not fits:
        raise InputValueError(
            name,
            f"8-bit pixels for {word(target.name)}",
            got,
            f'convert to dtype="uint8", or write {"TIFF" if "float" in got else "PNG or TIFF"}',
        )


def _bare(image: Image.Image) -> Image.Image:
    """The pixels without `info`, from which Pillow's writers help themselves (a stale transparency, say)."""
    if not image.info:
        return image
    bare = image.copy()
    bare.info = {}
    return bare


def _save(image: Image.Image, format: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


# Formats whose writers here put down pixels alone, 16-bit ones too: the rest is added to the file.
_ADDED = {"png": with_chunks, "tiff": with_tags, "jxl": with_boxes}


def _unchanged(data: bytes, metadata: Metadata) -> bytes:
    return data


def _beside(metadata: Metadata, format: str) -> dict[str, Any]:
    """Options of Pillow's writer of a format for what stands beside the pixels."""
    if format in _ADDED:
        return {}
    options: dict[str, Any] = {"icc_profile": metadata.icc_profile, "dpi": metadata.dpi, "comment": metadata.comment}
    options |= jpeg_options(metadata) if format == "jpeg" else {"exif": metadata.exif, "xmp": metadata.xmp}
    return {key: value for key, value in options.items() if value}


def _settings(image: Image.Image, target: Format, options: EncodeOptions) -> dict[str, Any]:
    """Options of Pillow's writer of a format for the pixels."""
    if options.lossless and target.lossless == "option":
        # exact keeps the color below alpha 0, which WebP otherwise blackens.
        return {"lossless": True, "exact": True} | _effort(target.name, options.effort)
    settings = _effort(target.name, options.effort)
    if target.quality is not None:
        settings["quality"] = target.quality if options.quality is None else options.quality
    if target.name == "jpeg":
        settings["subsampling"] = subsampling_of(options, settings["quality"])
        settings |= {"progressive": bool(options.progressive), "optimize": bool(options.optimize)}
    if target.name == "avif" and options.subsampling is not None:
        settings["subsampling"] = options.subsampling
    if target.name == "tiff":
        settings["compression"] = "tiff_adobe_deflate"
    if target.name == "ico":
        # Pillow would add the smaller standard sizes by itself.
        settings["sizes"] = [image.size]
    return settings


def _effort(format: str, effort: int | None) -> dict[str, Any]:
    """Effort in the words of an encoder: libavif counts speed, from 10 down to 0."""
    if effort is None or format not in _EFFORTS:
        return {}
    return {_EFFORTS[format]: 10 - effort if format == "avif" else effort}


_EFFORTS = {"png": "compress_level", "webp": "method", "avif": "speed"}


def _for_png(image: Image.Image, options: EncodeOptions) -> tuple[Image.Image, dict[str, Any]]:
    if options.palette is not None:
        image = reduce_colors(image, options.palette)
    elif options.optimize:
        image = shrink(image)
    settings: dict[str, Any] = {}
    if options.optimize and options.effort is None:
        settings["compress_level"] = 9
    if image.mode == "P" and "transparency" in image.info:
        settings["transparency"] = image.info["transparency"]
    return image, settings


def _for_ico(image: Image.Image, options: EncodeOptions) -> tuple[Image.Image, dict[str, Any]]:
    # Windows takes RGB and RGBA in icons, not gray.
    return image.convert("RGBA" if image.mode in ("LA", "RGBA") else "RGB"), {}


def _for_gif(image: Image.Image, options: EncodeOptions) -> tuple[Image.Image, dict[str, Any]]:
    """Indexed: Pillow's median cut is exact for as many colors as the palette holds, and dithers beyond."""
    if image.mode in ("L", "RGB"):
        return (image if image.mode == "L" else image.quantize(256)), {}
    alpha = np.asarray(image.getchannel("A"))
    partial = alpha[(alpha != 0) & (alpha != 255)]
    if partial.size:
        raise InputValueError(
            "image",
            "alpha 0 or 255 for GIF",
            str(int(partial[0])),
            'call flatten(image, background="white") first, or write PNG or WebP',
            option="flatten",
        )
    hidden = Image.fromarray(255 - alpha)
    color = image.convert("RGB")
    if alpha.all():
        return color.quantize(256), {}
    # Hidden colors take no place in the palette.
    color.paste(color.getpixel(_first_opaque(alpha)) or 0, mask=hidden)
    indexed = color.quantize(255)
    indexed.paste(255, mask=hidden)
    return indexed, {"transparency": 255, "optimize": False}


def _with_channels(image: Image.Image) -> Samples:
    pixels = np.asarray(image)
    return pixels[..., None] if pixels.ndim == 2 else pixels


def _first_opaque(alpha: Samples) -> tuple[int, int]:
    row, column = np.unravel_index(int(alpha.argmax()), alpha.shape)
    return int(column), int(row)


_CODES = ("L", "LA", "RGB", "RGBA")
_PREPARED = {"png": _for_png, "ico": _for_ico, "gif": _for_gif}


def _encode_array(pixels: Samples, target: Format, options: EncodeOptions, name: str) -> bytes:
    if pixels.ndim != 3 or pixels.shape[2] not in (1, 2, 3, 4):
        raise InputValueError(name, "shape (H, W, 1 to 4)", str(pixels.shape), "add or move the channel axis")
    pixels = np.ascontiguousarray(pixels, pixels.dtype.newbyteorder("="))
    if pixels.dtype not in (np.uint16, np.float32):
        raise InputTypeError(name, "uint16 or float32 samples", str(pixels.dtype), "convert them first")
    height, width, channels = pixels.shape
    _check_size(width, height, target, name)
    _check_alpha(channels in (2, 4), f"{channels} channels", target, name)
    if pixels.dtype == np.float32:
        _check_depth(target.float32, "32-bit float", target, name)
    else:
        _check_depth(
            target.gray16 if channels == 1 else target.color16,
            "16-bit " + ("gray", "color")[channels > 1],
            target,
            name,
        )
    if options.palette is not None:
        raise InputValueError("palette", "None for 16 bits", str(options.palette), 'convert to dtype="uint8" first')
    return _ARRAY_WRITERS[target.name](pixels, options)


def _png16(pixels: Samples, options: EncodeOptions) -> bytes:
    channels = pixels.shape[2]
    effort = 9 if options.optimize and options.effort is None else options.effort
    if channels == 2:  # OpenCV writes no gray+alpha
        return write_png(pixels, level=effort)
    codes = {1: None, 3: cv2.COLOR_RGB2BGR, 4: cv2.COLOR_RGBA2BGRA}
    code = codes[channels]
    settings = [] if effort is None else [cv2.IMWRITE_PNG_COMPRESSION, effort]
    return _by_opencv(".png", pixels if code is None else np.asarray(cv2.cvtColor(pixels, code)), settings)


def _by_opencv(suffix: str, pixels: Samples, settings: list[int]) -> bytes:
    try:
        done, data = cv2.imencode(suffix, pixels, settings)
    except cv2.error as error:
        raise InputValueError("image", "a picture OpenCV can write", f'"{error.err}"', "write TIFF instead") from error
    if not done:
        raise InputValueError("image", "a picture OpenCV can write", str(pixels.shape), "write TIFF instead")
    return data.tobytes()


def _tiff_high_depth(pixels: Samples, options: EncodeOptions) -> bytes:
    channels = pixels.shape[2]
    return tiff_of(pixels, photometric=2 if channels > 2 else 1, extra=(2,) if channels in (2, 4) else ())


def _ppm16(pixels: Samples, options: EncodeOptions) -> bytes:
    height, width, channels = pixels.shape
    return f"P{5 if channels == 1 else 6}\n{width} {height}\n65535\n".encode() + pixels.astype(">u2").tobytes()


def _jxl16(pixels: Samples, options: EncodeOptions) -> bytes:
    return encode_jxl(pixels, options)


_ARRAY_WRITERS = {"png": _png16, "tiff": _tiff_high_depth, "ppm": _ppm16, "jxl": _jxl16}
