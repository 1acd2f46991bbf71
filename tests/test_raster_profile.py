"""ICC profiles to sRGB: built by hand in bytes, judged by LittleCMS (8 bits) and colour-science (16 bits)."""

from __future__ import annotations

import copy
import io
import struct
import zlib

import colour
import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms

from aikit import _raster as raster
from aikit._raster import icc
from aikit.errors import FileFormatError

D50 = (0.9642, 1.0, 0.8249)


def s15(*values):
    return b"".join(struct.pack(">i", round(value * 65536)) for value in values)


def xyz_tag(values):
    return b"XYZ \0\0\0\0" + s15(*values)


def para(kind, *values):
    return b"para\0\0\0\0" + struct.pack(">HH", kind, 0) + s15(*values)


def curv(*values):
    return b"curv\0\0\0\0" + struct.pack(f">I{len(values)}H", len(values), *values)


# IEC 61966-2-1 as ICC's function type 3.
SRGB_CURVE = para(3, 2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)


def profile_bytes(space, tags, *, pcs=b"XYZ ", kind=b"mntr"):
    """A version 4 profile with these tags."""
    table, body, at = b"", b"", 128 + 4 + 12 * len(tags)
    for tag, data in tags.items():
        data += b"\0" * (-len(data) % 4)
        table += struct.pack(">4sII", tag, at + len(body), len(data))
        body += data
    size = at + len(body)
    head = struct.pack(">I4sI4s4s4s12s4s", size, b"\0" * 4, 0x04300000, kind, space, pcs, b"\0" * 12, b"acsp")
    head = head.ljust(68, b"\0") + s15(*D50)
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


def columns(space):
    """A colour-science space's primaries under D50, by its own Bradford."""
    adapt = colour.adaptation.matrix_chromatic_adaptation_VonKries(
        colour.xy_to_XYZ(space.whitepoint), np.array(D50), transform="Bradford"
    )
    return adapt @ colour.normalised_primary_matrix(space.primaries, space.whitepoint)


def matrix_profile(space, curve):
    tags = {tag: xyz_tag(column) for tag, column in zip((b"rXYZ", b"gXYZ", b"bXYZ"), columns(space).T, strict=True)}
    curves = curve if isinstance(curve, list) else [curve] * 3
    tags |= dict(zip((b"rTRC", b"gTRC", b"bTRC"), curves, strict=True))
    return profile_bytes(b"RGB ", tags | {b"wtpt": xyz_tag(D50)})


def gray_profile(curve):
    return profile_bytes(b"GRAY", {b"kTRC": curve, b"wtpt": xyz_tag(D50)})


def lut_profile(space, channels):
    """An A2B0 lookup table of two points an axis: L falls with ink or rises with light, a and b tilt."""
    corners = np.array(np.meshgrid(*[[0, 1]] * channels, indexing="ij")).reshape(channels, -1).T
    bright = corners.mean(axis=1) if channels == 3 else np.maximum(0, 1 - corners[:, :3].mean(axis=1) - corners[:, 3])
    lab = np.stack(
        [bright * 255, 128 + 60 * (corners[:, 1] - corners[:, 0]), 128 + 60 * (corners[:, 2] - corners[:, 1])], axis=1
    )
    ramp = bytes(range(256))
    tag = b"mft1\0\0\0\0" + bytes([channels, 3, 2, 0]) + s15(1, 0, 0, 0, 1, 0, 0, 0, 1)
    tag += ramp * channels + lab.round().astype(np.uint8).tobytes() + ramp * 3
    return profile_bytes(space, {b"A2B0": tag, b"wtpt": xyz_tag(D50)}, pcs=b"Lab ", kind=b"prtr")


P3 = matrix_profile(colour.RGB_COLOURSPACES["Display P3"], SRGB_CURVE)
ADOBE = matrix_profile(colour.RGB_COLOURSPACES["Adobe RGB (1998)"], curv(round(2.19921875 * 256)))
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def picture(channels, dtype=np.uint8, height=24, width=33):
    y, x, c = np.meshgrid(np.arange(height), np.arange(width), np.arange(channels), indexing="ij")
    pixels = ((y * 2603 + x * 1873 + c * 17011) % 65536).astype(np.uint16)
    return pixels if dtype == np.uint16 else (pixels >> 8).astype(np.uint8)


def saved(image, format, profile, **options):
    file = io.BytesIO()
    image.save(file, format, icc_profile=profile, **options)
    return file.getvalue()


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png16(pixels, profile):
    height, width, channels = pixels.shape
    head = struct.pack(">IIBBBBB", width, height, 16, {1: 0, 2: 4, 3: 2, 4: 6}[channels], 0, 0, 0)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    extra = chunk(b"iCCP", b"x\0\0" + zlib.compress(profile))
    body = chunk(b"IHDR", head) + extra + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def decode(data, **options):
    return raster.decode(data, name="file", **options)


def by_littlecms(image, profile, mode="RGB"):
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    transform = ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), image.mode, mode, 1)
    return np.asarray(ImageCms.applyTransform(image, transform)).astype(int)


def derived(name):
    """A colour-science space with matrices from its primaries, not the standards' four digits."""
    space = copy.deepcopy(colour.RGB_COLOURSPACES[name])
    space.use_derived_transformation_matrices(True)
    return space


def to_srgb(codes, name):
    """colour-science's own conversion, from [0, 1] to [0, 1]."""
    return np.clip(
        colour.RGB_to_RGB(
            codes,
            derived(name),
            derived("sRGB"),
            chromatic_adaptation_transform="Bradford",
            apply_cctf_decoding=True,
            apply_cctf_encoding=True,
        ),
        0,
        1,
    )


# 8 bits


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P"])
def test_display_p3_8_bits(mode):
    image = Image.fromarray(picture(4 if mode == "RGBA" else 3))
    if mode == "P":
        image = image.quantize(64)
    got = decode(saved(image, "PNG", P3))
    assert "icc_profile" not in got.info
    assert got.mode == ("RGB" if mode == "P" else mode)
    rgb = image.convert("RGB")
    assert np.abs(np.asarray(got)[..., :3].astype(int) - by_littlecms(rgb, P3)).max() <= 1
    expected = to_srgb(np.asarray(rgb) / 255, "Display P3") * 255
    assert np.abs(np.asarray(got)[..., :3] - expected).max() < 1.6
    assert np.abs(np.asarray(got)[..., :3].astype(int) - np.asarray(rgb)).max() > 20
    if mode == "RGBA":
        assert np.array_equal(np.asarray(got)[..., 3], np.asarray(image)[..., 3])


def test_display_p3_jpeg():
    image = Image.fromarray(picture(3)).resize((64, 64))
    data = saved(image, "JPEG", P3, quality=95)
    raw = decode(data, profile="ignore")
    assert raw.info["icc_profile"] == P3
    assert np.array_equal(np.asarray(raw), np.asarray(Image.open(io.BytesIO(data))))
    assert np.abs(np.asarray(decode(data)).astype(int) - by_littlecms(Image.open(io.BytesIO(data)), P3)).max() <= 1


@pytest.mark.parametrize("mode", ["L", "LA"])
def test_gray_stays_gray(mode):
    image = Image.fromarray(np.squeeze(picture(len(mode))))
    got = decode(saved(image, "PNG", gray_profile(curv(round(1.0 * 256)))))
    assert got.mode == mode
    linear = np.asarray(image).reshape(24, 33, -1)[..., 0] / 255
    expected = colour.models.eotf_inverse_sRGB(linear) * 255
    pixels = np.asarray(got).reshape(24, 33, -1)
    assert np.abs(pixels[..., 0] - expected).max() < 1.1
    if mode == "LA":
        assert np.array_equal(pixels[..., 1], np.asarray(image)[..., 1])


def test_gray_under_an_rgb_profile():
    image = Image.fromarray(picture(1)[..., 0])
    got = decode(saved(image, "PNG", ADOBE))
    assert got.mode == "L"
    expected = by_littlecms(image.convert("RGB"), ADOBE)[..., 1]
    assert np.abs(np.asarray(got).astype(int) - expected).max() <= 1
    assert np.array_equal(np.asarray(decode(saved(image, "PNG", SRGB))), np.asarray(image))


@pytest.mark.parametrize(
    "profile", [SRGB, matrix_profile(colour.RGB_COLOURSPACES["sRGB"], SRGB_CURVE)], ids=["lcms", "ours"]
)
@pytest.mark.parametrize("channels", [3, 4])
def test_srgb_by_any_name_leaves_the_codes(profile, channels):
    for dtype in (np.uint8, np.uint16):
        pixels = picture(channels, dtype)
        data = saved(Image.fromarray(pixels), "PNG", profile) if dtype == np.uint8 else png16(pixels, profile)
        got = decode(data)
        assert np.array_equal(np.asarray(got) if dtype == np.uint8 else got.pixels, pixels)
        assert "icc_profile" not in got.info


def test_transparent_color_follows_its_pixels():
    pixels = picture(3)
    data = saved(Image.fromarray(pixels), "PNG", P3, transparency=tuple(pixels[5, 6].tolist()))
    got = decode(data)
    assert got.mode == "RGBA"
    assert "transparency" not in got.info
    assert (
        np.argwhere(np.asarray(got)[..., 3] == 0).tolist() == np.argwhere((pixels == pixels[5, 6]).all(axis=2)).tolist()
    )


def test_cmyk_becomes_rgb():
    profile = lut_profile(b"CMYK", 4)
    cmyk = Image.merge("CMYK", Image.fromarray(picture(4)).split())
    got = decode(saved(cmyk, "TIFF", profile))
    assert got.mode == "RGB"
    assert "icc_profile" not in got.info
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    flags = ImageCms.Flags.BLACKPOINTCOMPENSATION
    transform = ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), "CMYK", "RGB", 1, flags)
    assert np.abs(np.asarray(got).astype(int) - np.asarray(ImageCms.applyTransform(cmyk, transform))).max() <= 1
    # No ink is paper, full black is black: an inverted reading would fail here.
    for ink, light in (((0, 0, 0, 0), 255), ((0, 0, 0, 255), 0)):
        pixel = decode(saved(Image.new("CMYK", (2, 2), ink), "TIFF", profile)).getpixel((0, 0))
        assert all(abs(value - light) < 12 for value in pixel)
    assert decode(saved(cmyk, "TIFF", profile), profile="ignore").mode == "CMYK"


# 16 bits


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize(("name", "profile"), [("Display P3", P3), ("Adobe RGB (1998)", ADOBE)])
def test_16_bits_agree_with_colour_science(name, profile, channels):
    pixels = picture(channels, np.uint16)
    got = decode(png16(pixels, profile))
    assert got.pixels.dtype == np.uint16
    assert "icc_profile" not in got.info
    expected = to_srgb(pixels[..., :3] / 65535, name) * 65535
    difference = np.abs(got.pixels[..., :3] - expected)
    # A column stored as s15Fixed16 is off by 2**-17, times the curve's slope of 12.92 near black.
    assert difference.max() < 3 * 12.92 * 65535 / 2**17
    assert difference.mean() < 1.5
    if channels == 4:
        assert np.array_equal(got.pixels[..., 3], pixels[..., 3])


def test_16_bit_tiff_profile():
    pixels = picture(3, np.uint16)
    file = io.BytesIO()
    tifffile.imwrite(file, pixels, photometric="rgb", iccprofile=P3)
    assert np.array_equal(decode(file.getvalue()).pixels, decode(png16(pixels, P3)).pixels)
    kept = decode(file.getvalue(), profile="ignore")
    assert kept.info["icc_profile"] == P3
    assert np.array_equal(kept.pixels, pixels)


@pytest.mark.parametrize("channels", [1, 2])
def test_16_bit_gray(channels):
    pixels = picture(channels, np.uint16)
    got = decode(png16(pixels, gray_profile(curv())))
    samples = np.asarray(got)[..., None] if channels == 1 else got.pixels
    assert channels == 2 or got.mode == "I;16"
    expected = colour.models.eotf_inverse_sRGB(pixels[..., 0] / 65535) * 65535
    assert np.abs(samples[..., 0] - expected).max() <= 0.51
    if channels == 2:
        assert np.array_equal(samples[..., 1], pixels[..., 1])
    by_rgb = decode(png16(pixels, ADOBE))
    samples = np.asarray(by_rgb)[..., None] if channels == 1 else by_rgb.pixels
    linear = (pixels[..., 0] / 65535) ** 2.19921875
    assert np.abs(samples[..., 0] - colour.models.eotf_inverse_sRGB(linear) * 65535).max() < 10


def test_float_pixels_are_left_alone():
    pixels = picture(3, np.uint16).astype(np.float32) / 1000
    file = io.BytesIO()
    tifffile.imwrite(file, pixels, photometric="rgb", iccprofile=P3)
    got = decode(file.getvalue())
    assert np.array_equal(got.pixels, pixels)
    assert got.info["icc_profile"] == P3


X = np.linspace(0, 1, 65536)
CURVES = [
    ("identity", curv(), X),
    ("gamma", curv(round(1.8 * 256)), X ** (round(1.8 * 256) / 256)),
    (
        "table",
        curv(0, 10000, 20000, 65535),
        np.interp(X, [0, 1 / 3, 2 / 3, 1], np.array([0, 10000, 20000, 65535]) / 65535),
    ),
    ("para0", para(0, 2.2), X**2.2),
    ("para1", para(1, 2.0, 1.25, -0.25), np.where(X >= 0.2, np.maximum(1.25 * X - 0.25, 0) ** 2, 0)),
    ("para2", para(2, 2.0, 1.0, -0.25, 0.125), np.where(X >= 0.25, np.maximum(X - 0.25, 0) ** 2 + 0.125, 0.125)),
    ("para3", SRGB_CURVE, colour.models.eotf_sRGB(X)),
    (
        "para4",
        para(4, 2.0, 0.875, 0.0625, 0.25, 0.125, 0.0625, 0.03125),
        np.where(X >= 0.125, (0.875 * X + 0.0625) ** 2 + 0.0625, 0.25 * X + 0.03125),
    ),
]


@pytest.mark.parametrize(("curve", "expected"), [pair[1:] for pair in CURVES], ids=[pair[0] for pair in CURVES])
def test_tone_curves(curve, expected):
    # Expected from the formulas of ICC.1:2022, tables 35 and 67.
    got = icc.parse(gray_profile(curve)).curves[0]
    assert np.abs(got - np.clip(expected, 0, 1)).max() < 5e-5


def test_srgb_matrix_is_the_published_one():
    # IEC 61966-2-1 profile of the ICC, colorants as published (four digits), Bradford to D50.
    published = [[0.4361, 0.3851, 0.1431], [0.2225, 0.7169, 0.0606], [0.0139, 0.0971, 0.7141]]
    assert np.abs(icc.srgb_to_pcs() - published).max() < 2.5e-4
    assert np.abs(icc.srgb_to_pcs() - columns(colour.RGB_COLOURSPACES["sRGB"])).max() < 1e-4
    assert np.abs(icc.srgb_to_pcs().sum(axis=1) - D50).max() < 1e-12


# what cannot be applied


def refused(data, match, code="corrupt"):
    with pytest.raises(
        FileFormatError,
        match=rf'^file: expected an ICC profile that fits the pixels, got {match}; pass profile="ignore"',
    ) as caught:
        decode(data)
    assert caught.value.code == code
    decode(data, profile="ignore")


def test_lut_profile_at_16_bits():
    lut = lut_profile(b"RGB ", 3)
    match = "a profile for RGB made of lookup tables, which has no 16-bit form"
    refused(png16(picture(3, np.uint16), lut), match, "unsupported_format")
    assert decode(saved(Image.fromarray(picture(3)), "PNG", lut)).mode == "RGB"


@pytest.mark.parametrize("depth", [8, 16])
def test_unusable_profiles(depth):
    def with_profile(profile, channels=3):
        if depth == 16:
            return png16(picture(channels, np.uint16), profile)
        return saved(Image.fromarray(np.squeeze(picture(channels))), "PNG", profile)

    refused(with_profile(b"not a profile" * 20), "260 bytes that are not an ICC profile")
    refused(with_profile(gray_profile(curv())), "a profile for GRAY with RGB pixels")
    refused(with_profile(lut_profile(b"CMYK", 4)), "a profile for CMYK with RGB pixels")
    refused(with_profile(P3[:200]), "a profile that LittleCMS refuses .*|.*")


def test_cmyk_pixels_under_an_rgb_profile():
    refused(saved(Image.new("CMYK", (4, 4), (1, 2, 3, 4)), "TIFF", P3), "a profile for RGB with CMYK pixels")


@pytest.mark.parametrize(
    ("tags", "match"),
    [
        ({b"kTRC": b"abcd" + bytes(20)}, "the type b'abcd'"),
        ({b"kTRC": para(7, 1.0)}, "unknown function type 7"),
        ({b"kTRC": para(1, 1.0, 0.0, 1.0)}, "divides by zero"),
        ({b"kTRC": curv(1, 2, 3)[:8] + struct.pack(">I", 999)}, "999 points in 12 bytes"),
        ({b"kTRC": b"curv"}, "tags end too early"),
        ({}, "made of lookup tables"),
    ],
)
def test_damaged_curves(tags, match):
    with pytest.raises(icc.UnusableProfileError, match=match):
        icc.parse(profile_bytes(b"GRAY", tags))


def test_known_profiles_are_bounded():
    from aikit._raster import profile as module

    for step in range(300):
        module._is_srgb(gray_profile(curv(256 + step)), "L")
    assert len(module._known) <= 256
