"""Embedded ICC profiles to sRGB: 8 bits through LittleCMS, 16 bits in float."""

from __future__ import annotations

import functools
import hashlib
import io
import threading
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageCms

from .._metadata import SOURCE_COLOR
from ..errors import FileFormatError
from . import icc
from .high_depth import Samples

__all__ = ["describe_profile", "image_to_srgb", "is_srgb_in_all_but_name", "samples_to_srgb", "to_srgb_of"]

# The space a profile must be for, by the mode LittleCMS is handed.
_SPACES = {"L": "GRAY", "RGB": "RGB", "CMYK": "CMYK", "LAB": "Lab"}
_TO_RGB = {"P": "RGB", "YCbCr": "RGB", "RGBX": "RGB", "HSV": "RGB"}
# Photoshop's choice for pictures: black becomes black, in 8 bits and in 16.
_INTENT = ImageCms.Intent.RELATIVE_COLORIMETRIC
_FLAGS = ImageCms.Flags.BLACKPOINTCOMPENSATION
_STRIP = 1 << 18


def image_to_srgb(image: Image.Image, name: str) -> Image.Image:
    """Apply the profile in `image.info` and drop it; pixels that are sRGB already stay bit for bit.

    Gray stays gray, alpha is untouched; CMYK and LAB become RGB. Modes without 8-bit color (1, I, F)
    are handed back as they are. The image itself may be changed: it is for those who have no other use of it.

    Raises:
        FileFormatError: the profile is damaged, or for another color space than the pixels.
    """
    profile = image.info.get("icc_profile") or (_lab_profile() if image.mode == "LAB" else None)
    if not profile:
        image.info.pop("icc_profile", None)
        return image
    if image.mode in ("I", "F"):
        return image
    if image.mode.startswith("I;16"):
        samples = np.asarray(image).astype(np.uint16)[..., None]
        changed = samples_to_srgb(samples, profile, name)
        result = _copy_info(Image.fromarray(changed[..., 0]), image)
        if changed is not samples and (told := describe_profile(profile)):
            result.info[SOURCE_COLOR] = told
        return result
    if image.mode == "1":
        return _copy_info(image, image)
    try:
        converted = _convert(image, profile)
        result = _copy_info(converted, image)
        if converted is not image and (told := describe_profile(profile)):
            result.info[SOURCE_COLOR] = told
        return result
    except icc.UnusableProfileError as error:
        raise _unusable(name, str(error), error.code) from error
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError) as error:
        raise _unusable(name, f"a profile that LittleCMS refuses ({error})") from error


def samples_to_srgb(samples: Samples, profile: bytes, name: str) -> Samples:
    """The same for uint16 samples (H, W, C), C = 1..4, in 64-bit float and rounded once.

    Raises:
        FileFormatError: as above, or the profile has lookup tables and no matrix.
    """
    convert = to_srgb_of(profile, samples.shape[2], name)
    if convert is None:
        return samples
    result = np.empty_like(samples)
    rows = max(1, _STRIP // samples.shape[1])
    for top in range(0, samples.shape[0], rows):
        result[top : top + rows] = convert(samples[top : top + rows])
    return result


def to_srgb_of(profile: bytes, channels: int, name: str) -> Callable[[Samples], Samples] | None:
    """Make the function that turns a strip of uint16 samples with a profile into sRGB; None where they are sRGB already.

    Raises:
        FileFormatError: as `samples_to_srgb`.
    """
    colors = 1 if channels < 3 else 3
    try:
        space = icc.color_space(profile)
        if space != ("GRAY" if colors == 1 else "RGB") and not (colors == 1 and space == "RGB"):
            raise icc.UnusableProfileError(f"a profile for {space} with {'gray' if colors == 1 else 'RGB'} pixels")
        if _is_srgb(profile, "RGB" if space == "RGB" else "L"):
            return None
        matrix = icc.parse(profile)
    except icc.UnusableProfileError as error:
        raise _unusable(name, str(error), error.code) from error
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError) as error:
        raise _unusable(name, f"a profile that LittleCMS refuses ({error})") from error

    def convert(strip: Samples) -> Samples:
        result = strip.copy()
        result[..., :colors] = np.rint(65535 * _encode(strip[..., :colors], matrix)).astype(np.uint16)
        return result

    return convert


def _encode(codes: Samples, matrix: icc.Matrix) -> Samples:
    if matrix.columns is None:
        table: Samples = icc.srgb_encode(icc.to_light(np.linspace(0.0, 1.0, 65536), matrix))[codes]
        return table
    channels = [codes[..., index if codes.shape[2] == 3 else 0] for index in range(3)]
    light = np.stack([curve[channel] for curve, channel in zip(matrix.curves, channels, strict=True)], axis=-1)
    encoded = icc.srgb_encode(icc.from_columns(light, matrix))
    # Gray under an RGB profile: red, green and blue came out alike but for the matrix's rounding.
    return encoded if codes.shape[2] == 3 else encoded[..., 1:2]


def describe_profile(profile: bytes | None) -> str | None:
    """The name a profile gives itself; None without one, "unreadable" where it is damaged."""
    if not profile:
        return None
    try:
        return ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(profile))).strip()
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return "unreadable"


def _unusable(name: str, got: str, code: str = "corrupt") -> FileFormatError:
    return FileFormatError(
        name,
        "an ICC profile that fits the pixels",
        got,
        'pass profile="ignore" to read the codes as they are',
        code=code,
        option="profile",
    )


def _copy_info(result: Image.Image, source: Image.Image) -> Image.Image:
    """Give the result everything the source knew but the profile."""
    info = {key: value for key, value in source.info.items() if key != "icc_profile"}
    if result.mode != source.mode:
        # The key or table of the old mode has become alpha or means nothing any more.
        info.pop("transparency", None)
    result.info = info
    return result


def _convert(image: Image.Image, profile: bytes) -> Image.Image:
    space = icc.color_space(profile)
    palette = image.mode in ("P", "PA")
    mode = (
        "RGB"
        if palette
        else _TO_RGB.get(image.mode, image.mode.replace("A", "") if image.mode in ("LA", "RGBA") else image.mode)
    )
    expected = _SPACES.get(mode)
    if space != expected and not (mode == "L" and space == "RGB"):
        raise icc.UnusableProfileError(f"a profile for {space} with {image.mode} pixels")
    if mode != "CMYK" and mode != "LAB" and _is_srgb(profile, "RGB" if space == "RGB" else mode):
        return image
    if image.mode in ("L", "RGB") and "transparency" in image.info:
        image = image.convert(image.mode + "A")
    elif palette:
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    if image.mode == "RGBA":
        # In place: it need not be split, which would hold it four times.
        _apply_lcms(image, profile, in_place=True)
        return image
    alpha = image.getchannel("A") if image.mode == "LA" else None
    color = _transform(image if image.mode == mode else image.convert(mode), profile, space)
    if alpha is not None:
        color.putalpha(alpha)
    return color


def _transform(color: Image.Image, profile: bytes, space: str) -> Image.Image:
    """Turn L or RGB into sRGB. Gray under an RGB profile is looked up as red = green = blue."""
    if color.mode == "L":
        ramp = Image.frombytes("L", (256, 1), bytes(range(256)))
        table = _apply_lcms(ramp.convert("RGB") if space == "RGB" else ramp, profile, exact=True).getchannel("G")
        return color.point(list(table.tobytes()))
    # Without its tables: those of Lab are up to 13 codes off in dark channels of bright colors.
    return _apply_lcms(color, profile, exact=color.mode == "LAB")


@functools.cache
def _lab_profile() -> bytes:
    """Lab as TIFF means it, relative to D50; Lab needs no profile to be understood."""
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()


def _apply_lcms(color: Image.Image, profile: bytes, *, exact: bool = False, in_place: bool = False) -> Image.Image:
    """LittleCMS itself; exact where few colors pass, for its tables are up to 10 codes off under linear gray."""
    flags = _FLAGS | ImageCms.Flags.NOOPTIMIZE if exact else _FLAGS
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    target = ImageCms.createProfile("sRGB")
    transform = ImageCms.buildTransform(source, target, color.mode, color.mode if in_place else "RGB", _INTENT, flags)
    return ImageCms.applyTransform(color, transform, inPlace=in_place) or color


def is_srgb_in_all_but_name(profile: bytes, *, gray: bool) -> bool:
    """Tell whether codes under a profile for gray or for RGB mean what they mean in sRGB.

    Raises:
        UnusableProfileError: LittleCMS refuses it.
    """
    try:
        return _is_srgb(profile, "L" if gray else "RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError) as error:
        raise icc.UnusableProfileError(f"a profile that LittleCMS refuses ({error})") from error


_known: dict[bytes, bool] = {}
_lock = threading.Lock()


def _is_srgb(profile: bytes, mode: str) -> bool:
    """Whether the profile moves no color of a probe grid by more than one code, so is sRGB in all but name."""
    key = hashlib.sha256(profile).digest() + mode.encode()
    with _lock:
        if key in _known:
            return _known[key]
    probe = _probe(mode)
    moved = np.asarray(_apply_lcms(probe, profile, exact=True)).astype(int) - np.asarray(probe.convert("RGB")).astype(
        int
    )
    same = int(np.abs(moved).max()) <= 1
    with _lock:
        # Digests, not profiles, so the memory is bounded whatever is read.
        if len(_known) >= 256:
            _known.clear()
        _known[key] = same
    return same


def _probe(mode: str) -> Image.Image:
    if mode == "L":
        return Image.frombytes("L", (256, 1), bytes(range(256)))
    steps = np.linspace(0, 255, 9).round().astype(np.uint8)
    grid = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1)
    return Image.fromarray(np.ascontiguousarray(grid.reshape(27, 27, 3)))
