"""The colors of a document to sRGB and back, at its depth.

Documents of 8 and 16 bits hold encoded codes, in the space of their ICC profile, or sRGB where they have none.
Documents of 32 bits hold linear light in the primaries of their profile: Photoshop edits them at gamma 1.0.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageCms

from .._raster import icc
from .._raster.profile import image_to_srgb, samples_to_srgb
from ..color import cmyk_to_rgb, linear_rgb_to_rgb, rgb_to_cmyk, rgb_to_gray, rgb_to_linear_rgb
from ..convert import to_numpy
from ..errors import FileFormatError
from .channels import Codes

__all__ = ["Colors", "from_srgb", "to_srgb"]


@dataclass(frozen=True, slots=True)
class Colors:
    """What the codes of a document mean.

    Attributes:
        mode: "RGB", "L", "CMYK" or "LAB".
        depth: 8, 16 or 32.
        profile: the ICC profile, or None for sRGB codes and for inks without one.
        name: how messages call the file.
    """

    mode: str
    depth: int
    profile: bytes | None
    name: str


def to_srgb(codes: Codes, colors: Colors) -> Codes:
    """Stored codes (H, W, C) as sRGB (H, W, 3) of the same dtype."""
    if colors.depth == 32:
        return linear_rgb_to_rgb(_in_primaries(_repeat_gray(codes), colors, back=False))
    if colors.mode == "LAB":
        return _lab_to_srgb(codes)
    if colors.mode == "CMYK":
        return _inks_to_srgb(np.invert(codes), colors)  # stored as what is left of the paper
    if colors.profile is None:
        return _repeat_gray(codes)
    if colors.depth == 16:
        return _repeat_gray(samples_to_srgb(codes, colors.profile, colors.name))
    return _repeat_gray(_convert(codes, colors.mode, colors))


def from_srgb(rgb: Codes, colors: Colors) -> Codes:
    """SRGB (H, W, 3) in the dtype of the document as codes (H, W, C) to store."""
    if colors.mode == "LAB":
        return _srgb_to_lab(rgb)
    if colors.mode == "CMYK":
        return np.invert(_srgb_to_inks(rgb, colors))
    codes = rgb if colors.mode == "RGB" else rgb_to_gray(rgb)[..., None]
    if colors.depth == 32:
        return _in_primaries(rgb_to_linear_rgb(_repeat_gray(codes)), colors, back=True)[..., : codes.shape[-1]]
    if colors.profile is None or _is_srgb(colors):
        return codes
    try:
        matrix = icc.parse(colors.profile)
    except icc.UnusableProfileError as error:
        return _through_tables(codes, colors, str(error))
    return _into_profile(codes, matrix)


def _repeat_gray(codes: Codes) -> Codes:
    """Gray as three equal channels, color as it is."""
    return np.repeat(codes, 3, axis=-1) if codes.shape[-1] == 1 else codes


# ---------------------------------------------------------------- profiles


def _convert(codes: Codes, mode: str, colors: Colors) -> Codes:
    """8-bit codes to sRGB through LittleCMS: (H, W, 3), or (H, W, 1) for gray."""
    image = Image.fromarray(np.ascontiguousarray(codes[..., 0] if mode == "L" else codes), mode)
    image.info["icc_profile"] = colors.profile
    return np.atleast_3d(np.asarray(image_to_srgb(image, colors.name)))


def _is_srgb(colors: Colors) -> bool:
    """Whether the profile leaves sRGB alone: then codes go in and out bit for bit."""
    steps = np.linspace(0, 255, 6).round().astype(np.uint8)
    probe = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(6, 36, 3)
    codes = probe if colors.mode == "RGB" else probe[..., :1]
    return bool((_convert(codes, colors.mode, colors) == codes).all())


def _into_profile(codes: Codes, matrix: icc.Matrix) -> Codes:
    """SRGB codes to those of a matrix/TRC profile: to light, to its primaries, back through its curves."""
    top = np.iinfo(codes.dtype).max
    light = rgb_to_linear_rgb(to_numpy(_repeat_gray(codes), dtype="float64"))
    result: Codes = np.rint(top * icc.from_light(light, matrix)[..., : codes.shape[-1]]).astype(codes.dtype)
    return result


def _through_tables(codes: Codes, colors: Colors, reason: str) -> Codes:
    """SRGB codes to those of a profile of lookup tables, which only LittleCMS can read, in 8 bits."""
    assert colors.profile is not None
    try:
        if colors.depth != 8:
            raise icc.UnusableProfileError(reason)
        target = ImageCms.ImageCmsProfile(io.BytesIO(colors.profile))
        transform = ImageCms.buildTransform(
            ImageCms.createProfile("sRGB"),
            target,
            "RGB",
            colors.mode,
            ImageCms.Intent.RELATIVE_COLORIMETRIC,
            ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
        result = ImageCms.applyTransform(Image.fromarray(np.ascontiguousarray(_repeat_gray(codes))), transform)
    except (icc.UnusableProfileError, ImageCms.PyCMSError, OSError, ValueError, TypeError) as error:
        raise FileFormatError(
            colors.name,
            "an ICC profile that sRGB can be turned into",
            reason,
            'open it with profile="ignore"',
        ) from error
    return np.atleast_3d(np.asarray(result))


def _in_primaries(linear: Codes, colors: Colors, *, back: bool) -> Codes:
    """Linear light from the primaries of the profile to those of sRGB, or back; unclamped."""
    if colors.profile is None or colors.mode != "RGB" or _is_srgb(colors):
        return linear
    try:
        columns = icc.parse(colors.profile).columns
    except icc.UnusableProfileError as error:
        raise FileFormatError(
            colors.name, "an ICC profile of a matrix in 32 bits", str(error), 'open it with profile="ignore"'
        ) from error
    assert columns is not None
    matrix = np.linalg.solve(icc.srgb_to_pcs(), columns)
    if np.abs(matrix - np.eye(3)).max() < _SAME_PRIMARIES:
        return linear
    return (linear @ (np.linalg.inv(matrix) if back else matrix).T).astype(np.float32)


# Columns are stored in 1/65536, and profiles of sRGB were rounded in several ways: a code of 8 bits is 0.004.
_SAME_PRIMARIES = 2e-3


# ---------------------------------------------------------------- CMYK


def _inks_to_srgb(inks: Codes, colors: Colors) -> Codes:
    """Through the profile in 8 bits, the only depth LittleCMS has here; without one by the formula, at full depth."""
    if colors.profile is None:
        return cmyk_to_rgb(inks)
    rgb = _convert(to_numpy(inks, dtype="uint8"), "CMYK", colors)
    return to_numpy(rgb, dtype=inks.dtype)


def _srgb_to_inks(rgb: Codes, colors: Colors) -> Codes:
    if colors.profile is None:
        return rgb_to_cmyk(rgb)
    return to_numpy(rgb_to_cmyk(to_numpy(rgb, dtype="uint8"), profile=colors.profile), dtype=rgb.dtype)


# ---------------------------------------------------------------- Lab, CIE 1976 under D50


def _lab_scale(codes: Codes) -> tuple[float, float, float]:
    """Give the code of L = 100, that of a = b = 0, and how many codes a unit of them has."""
    return (65535.0, 32768.0, 256.0) if codes.dtype == np.uint16 else (255.0, 128.0, 1.0)


def _lab_to_srgb(codes: Codes) -> Codes:
    top, zero, step = _lab_scale(codes)
    lightness, a, b = (codes[..., at].astype(np.float64) for at in range(3))
    fy = (lightness * (100 / top) + 16) / 116
    cubes = np.stack([fy + (a - zero) / step / 500, fy, fy - (b - zero) / step / 200], axis=-1)
    # CIE 15:2004, section 8.2.1.1, read backwards.
    xyz = np.array(icc.D50) * np.where(cubes > 6 / 29, cubes**3, (cubes - 4 / 29) * (108 / 841))
    linear = xyz @ np.linalg.inv(icc.srgb_to_pcs()).T
    result: Codes = np.rint(top * icc.srgb_encode(linear)).astype(codes.dtype)
    return result


def _srgb_to_lab(rgb: Codes) -> Codes:
    top, zero, step = _lab_scale(rgb)
    linear = rgb_to_linear_rgb(to_numpy(rgb, dtype="float64"))
    xyz = (linear @ icc.srgb_to_pcs().T) / np.array(icc.D50)
    fx, fy, fz = np.moveaxis(np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz * (841 / 108) + 4 / 29), -1, 0)
    planes = [(116 * fy - 16) * (top / 100), zero + 500 * step * (fx - fy), zero + 200 * step * (fy - fz)]
    result: Codes = np.rint(np.clip(np.stack(planes, axis=-1), 0, top)).astype(rgb.dtype)
    return result
