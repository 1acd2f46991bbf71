"""Profiles of images at hand, and of what is written: colour-science and LittleCMS are the oracles."""

import io
import warnings
import zlib

import colour
import numpy as np
import pytest
import tifffile
import torch
from PIL import Image, ImageCms

import aikit
from aikit import convert_profile, encode, read_numpy, read_pil, write
from aikit._raster import icc
from aikit.errors import AikitWarning, FileAccessError, FileFormatError, InputTypeError, InputValueError
from aikit.files import read_frames, to_data_url
from test_raster_source_color import chunk, codes, gray_profile, lifted, png

SRGB, P3 = colour.RGB_COLOURSPACES["sRGB"], colour.RGB_COLOURSPACES["Display P3"]
ADOBE = colour.RGB_COLOURSPACES["Adobe RGB (1998)"]
ADOBE_PROFILE = icc.build(
    "Adobe",
    tuple(map(tuple, ADOBE.primaries.tolist())),
    tuple(ADOBE.whitepoint.tolist()),
    icc.parametric(0, 2.19921875),
)
BAD = b"junk" * 40


def between(pixels, origin, target, decode, encode):
    light = colour.RGB_to_RGB(decode(pixels), origin, target, "Bradford")
    return encode(np.clip(light, 0, 1))


def as_kind(pixels, kind):
    if kind == "pil":
        return Image.fromarray(pixels)
    return torch.from_numpy(np.moveaxis(pixels, -1, 0).copy()) if kind == "torch" else pixels


def as_array(image):
    if isinstance(image, torch.Tensor):
        return np.moveaxis(image.numpy(), 0, -1)
    return np.asarray(image)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float64])
@pytest.mark.parametrize("kind", ["numpy", "torch"])
def test_p3_to_srgb_is_colour_sciences(kind, dtype):
    top = 1 if np.dtype(dtype).kind == "f" else np.iinfo(dtype).max
    pixels = (codes(4) / 255 * top).astype(dtype)
    image = as_kind(pixels, kind)
    before = as_array(image).copy()
    got = convert_profile(image, to="srgb", source="display-p3")
    assert type(got) is type(image)
    assert got.dtype == image.dtype
    expected = between(pixels[..., :3] / top, P3, SRGB, colour.models.eotf_sRGB, colour.models.eotf_inverse_sRGB)
    # Columns of profiles are stored in 1/65536: times 3 and 13 near black.
    assert np.abs(as_array(got)[..., :3] / top - expected).max() < 0.5 / top * (top > 1) + 1.2e-3
    assert np.array_equal(as_array(got)[..., 3], pixels[..., 3])
    assert np.array_equal(as_array(image), before)


@pytest.mark.parametrize("kind", ["numpy", "torch", "pil"])
def test_there_and_back(kind):
    image = as_kind(codes(3), kind)
    there = convert_profile(image, to="display-p3")
    back = convert_profile(there, to="srgb", source=None if kind == "pil" else "display-p3")
    assert not np.array_equal(as_array(there), as_array(image))
    # sRGB lies within P3, so nothing was clipped; rounding to 8 bits moves a dark code by one or two.
    assert np.abs(as_array(back).astype(int) - as_array(image)).max() <= 2


def test_a_batch_is_its_pictures_and_bgr_is_rgb():
    batch = np.stack([codes(3), codes(3)[::-1]])
    got = convert_profile(batch, to=ADOBE_PROFILE)
    for one, each in zip(batch, got, strict=True):
        assert np.array_equal(convert_profile(one, to=ADOBE_PROFILE), each)
    swapped = convert_profile(np.ascontiguousarray(batch[..., ::-1]), to=ADOBE_PROFILE, bgr=True)
    assert np.array_equal(swapped[..., ::-1], got)


def test_a_pil_image_brings_its_profile_and_takes_the_new_one(tmp_path):
    path = tmp_path / "adobe.icc"
    path.write_bytes(ADOBE_PROFILE)
    image = Image.fromarray(codes(3))
    image.info = {
        "icc_profile": icc.build(
            "P3", tuple(map(tuple, P3.primaries.tolist())), (0.3127, 0.329), icc.parametric(0, 2.2)
        ),
        "dpi": (72, 72),
    }
    got = convert_profile(image, to=path)
    assert got.info == {"icc_profile": ADOBE_PROFILE, "dpi": (72, 72)}
    transform = ImageCms.buildTransform(
        io.BytesIO(image.info["icc_profile"]), io.BytesIO(ADOBE_PROFILE), "RGB", "RGB", 1, ImageCms.Flags.NOOPTIMIZE
    )
    assert np.abs(as_array(ImageCms.applyTransform(image, transform)).astype(int) - as_array(got)).max() <= 1
    assert convert_profile(got, to="srgb").info == {"dpi": (72, 72)}


def test_black_of_one_becomes_black_of_the_other():
    raised = icc.build("raised", tuple(map(tuple, P3.primaries.tolist())), (0.3127, 0.329), lifted(0.05))
    pixels = codes(3)
    got = convert_profile(convert_profile(pixels, to="srgb", source=raised), to=raised)
    transform = [
        ImageCms.buildTransform(*pair, "RGB", "RGB", 1, ImageCms.Flags.BLACKPOINTCOMPENSATION | ImageCms.Flags.NOOPTIMIZE)
        for pair in ((io.BytesIO(raised), ImageCms.createProfile("sRGB")), (ImageCms.createProfile("sRGB"), io.BytesIO(raised)))
    ]  # fmt: skip
    shown = Image.fromarray(pixels)
    for each in transform:
        shown = ImageCms.applyTransform(shown, each)
    assert np.abs(as_array(shown).astype(int) - got).max() <= 1
    assert convert_profile(np.zeros((1, 1, 3), np.uint8), to="srgb", source=raised).max() == 0
    assert convert_profile(np.zeros((1, 1, 3), np.uint8), to=raised).max() <= 1  # its columns are rounded to 1/65536


@pytest.mark.parametrize("pcs", [b"XYZ ", b"Lab "])
def test_gray(pcs):
    profile = gray_profile(icc.parametric(0, 1.8), pcs)
    pixels = codes(1)[..., 0]
    got = convert_profile(pixels, to="srgb", source=profile)
    transform = ImageCms.buildTransform(
        io.BytesIO(profile), ImageCms.createProfile("sRGB"), "L", "RGB", 1, ImageCms.Flags.NOOPTIMIZE
    )
    shown = as_array(ImageCms.applyTransform(Image.fromarray(pixels), transform))[..., 0]
    assert np.abs(shown.astype(int) - got).max() <= 1
    assert np.array_equal(convert_profile(pixels, to="display-p3"), pixels)


def test_cmyk_that_carries_a_profile_becomes_rgb():
    from test_raster_profile import lut_profile

    image = Image.fromarray(codes(4), "CMYK")
    image.info["icc_profile"] = lut_profile(b"CMYK", 4)
    got = convert_profile(image, to="srgb")
    transform = ImageCms.buildTransform(
        io.BytesIO(image.info["icc_profile"]), ImageCms.createProfile("sRGB"), "CMYK", "RGB", 1, ImageCms.Flags.BLACKPOINTCOMPENSATION
    )  # fmt: skip
    assert np.array_equal(as_array(got), as_array(ImageCms.applyTransform(image, transform)))
    assert image.mode == "CMYK"


@pytest.mark.parametrize(
    ("image", "options", "error", "match"),
    [
        (codes(3), {"to": "nonsense"}, InputValueError, "profile: expected one of srgb, display-p3, or a path, got 'nonsense'"),
        (codes(3), {"to": 5}, InputTypeError, "to: expected one of srgb, display-p3, a path or bytes, got int"),
        (codes(3), {"to": "no.icc"}, FileAccessError, "no.icc"),
        (codes(3), {"to": BAD}, FileFormatError, "to: expected an ICC profile of a matrix, or of gray, got 160 bytes that"),
        (codes(3), {"to": "srgb", "source": BAD}, FileFormatError, "source: expected an ICC profile of a matrix"),
        (codes(1)[..., 0], {"to": ADOBE_PROFILE}, InputValueError, "to: expected a profile for gray, as the image is, got one"),
        (codes(3), {"to": gray_profile(lifted(0))}, InputValueError, "to: expected a profile for RGB, as the image is, got one"),
        (codes(3).astype(np.int32), {"to": "srgb"}, InputTypeError, "image: expected"),
        (torch.zeros(3, 4, 4, dtype=torch.bfloat16), {"to": "srgb"}, InputTypeError, "got bfloat16; convert it to float32 first"),
    ],
    ids=["name", "type", "no file", "junk", "junk source", "gray", "color", "integers", "bfloat16"],
)  # fmt: skip
def test_what_is_no_profile_or_no_image(image, options, error, match):
    with pytest.raises(error, match=match):
        convert_profile(image, **options)


# Writing


@pytest.mark.parametrize("format", ["png", "jpeg", "webp", "avif", "tiff"])
@pytest.mark.parametrize("kind", ["numpy", "pil"])
def test_written_in_another_space_and_read_again(format, kind):
    smooth = np.full((16, 16, 3), (200, 100, 50), np.uint8)
    data = encode(
        as_kind(smooth, kind), format, profile="display-p3", **({} if format in ("png", "tiff") else {"quality": 100})
    )
    opened = Image.open(io.BytesIO(data))
    assert ImageCms.getProfileDescription(io.BytesIO(opened.info["icc_profile"])).strip() == "Display P3"
    stored = np.asarray(opened.convert("RGB"))[3, 3].astype(int)
    expected = between(
        np.array([200, 100, 50]) / 255, SRGB, P3, colour.models.eotf_sRGB, colour.models.eotf_inverse_sRGB
    )
    assert np.abs(stored - expected * 255).max() < (1 if format in ("png", "tiff") else 4)
    assert np.abs(read_numpy(data)[3, 3].astype(int) - (200, 100, 50)).max() <= (1 if format in ("png", "tiff") else 4)


@pytest.mark.parametrize("format", ["png", "tiff"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_16_bits_are_written_in_another_space(format, channels):
    pixels = codes(channels, 16)
    data = encode(pixels.squeeze(), format, profile="display-p3")
    again = read_numpy(data)
    assert again.dtype == np.uint16
    assert np.abs(again.astype(int) - pixels.squeeze()).max() <= 12
    assert not channels > 1 or not np.array_equal(read_numpy(data, profile="ignore"), pixels)
    if format == "tiff":
        with tifffile.TiffFile(io.BytesIO(data)) as file:
            assert icc.color_space(file.pages[0].tags[34675].value) == ("GRAY" if channels == 1 else "RGB")


def test_srgb_is_embedded_where_it_is_asked_for_and_moves_no_code():
    pixels = codes(3)
    data = encode(pixels, "png", profile="srgb")
    assert np.array_equal(read_numpy(data, profile="ignore"), pixels)
    assert (
        ImageCms.getProfileDescription(io.BytesIO(Image.open(io.BytesIO(data)).info["icc_profile"])).strip() == "sRGB"
    )
    assert "icc_profile" not in Image.open(io.BytesIO(encode(pixels, "png"))).info
    assert np.array_equal(read_numpy(encode(pixels, "bmp", profile="srgb")), pixels)
    assert to_data_url(pixels, profile="display-p3") != to_data_url(pixels)


def test_a_format_without_a_place_for_a_profile_refuses_it(tmp_path):
    with pytest.raises(InputValueError, match='profile: expected None or "srgb" for BMP, which holds no profile, got'):
        write(codes(3), tmp_path / "a.bmp", profile="display-p3")
    with pytest.raises(InputValueError, match="profile: expected a profile for gray"):
        encode(codes(1)[..., 0], "png", profile=ADOBE_PROFILE)
    assert not list(tmp_path.iterdir())


# Damaged profiles in files


def files_with(profile):
    tag = chunk(b"iCCP", b"x\0\0" + zlib.compress(profile))
    jpeg, tiff = io.BytesIO(), io.BytesIO()
    Image.fromarray(codes(3)).save(jpeg, "JPEG", quality=100, subsampling=0, icc_profile=profile)
    Image.fromarray(codes(3)).save(tiff, "TIFF", icc_profile=profile)
    return {
        "png": png(codes(3), tag),
        "deep png": png(codes(3, 16), tag),
        "deep gray": png(codes(1, 16), tag),
        "jpeg": jpeg.getvalue(),
        "tiff": tiff.getvalue(),
    }


@pytest.mark.parametrize("name", ["png", "deep png", "deep gray", "jpeg", "tiff"])
@pytest.mark.parametrize("profile", [BAD, gray_profile(b"curv"), ADOBE_PROFILE[:300]], ids=["junk", "other", "cut"])
@pytest.mark.parametrize("isolate", [False, True], ids=["here", "child"])
def test_a_bad_profile_is_an_error_or_a_warning(name, profile, isolate):
    data = files_with(profile)[name]
    expected = read_numpy(data, profile="ignore")
    with pytest.raises(FileFormatError, match=r'pass profile="ignore"'):
        read_numpy(data, isolate=isolate)
    with pytest.warns(
        AikitWarning, match="source: expected an ICC profile that fits the pixels, got .*; its codes are taken as sRGB"
    ):
        assert np.array_equal(read_numpy(data, on_bad_profile="warn", isolate=isolate), expected)
    with pytest.warns(AikitWarning, match="taken as sRGB"):
        picture = read_pil(data, on_bad_profile="warn", isolate=isolate)
    assert "icc_profile" not in picture.info
    with pytest.warns(AikitWarning, match="taken as sRGB"):
        frames = list(read_frames(data, on_bad_profile="warn", isolate=isolate))
    assert len(frames) == 1
    assert np.array_equal(np.asarray(frames[0]), np.asarray(picture))


def test_pages_before_and_behind_a_bad_profile_keep_theirs():
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as writer:
        for profile in (ADOBE_PROFILE, BAD, ADOBE_PROFILE):
            writer.write(codes(3), iccprofile=profile, photometric="rgb", metadata=None)
    with pytest.warns(AikitWarning, match="taken as sRGB"):
        first, second, third = read_frames(file.getvalue(), on_bad_profile="warn")
    assert np.array_equal(np.asarray(second), codes(3))
    assert np.array_equal(np.asarray(first), np.asarray(third))
    assert not np.array_equal(np.asarray(first), codes(3))


def test_warnings_can_be_made_errors_and_words_are_checked():
    data = files_with(BAD)["png"]
    with warnings.catch_warnings():
        warnings.filterwarnings("error", category=aikit.AikitWarning)
        with pytest.raises(AikitWarning, match="taken as sRGB"):
            read_pil(data, on_bad_profile="warn")
    with pytest.raises(
        InputValueError, match="on_bad_profile: expected one of raise, warn, got 'skip'; pass one of these"
    ):
        read_pil(data, on_bad_profile="skip")
    with pytest.raises(InputValueError, match="on_bad_profile: expected one of"):
        read_frames(data, on_bad_profile=None)
