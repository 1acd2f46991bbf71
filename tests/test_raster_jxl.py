"""JPEG XL: read and written by libjxl, whose other wrappers are the oracles here."""

import io
import logging
import struct
import sys

import numpy as np
import pytest
from PIL import Image, ImageCms

import aikit
from aikit import (
    FileFormatError,
    InputValueError,
    LimitError,
    Limits,
    MissingDependencyError,
    _raster as raster,
    encode,
    read_numpy,
)
from aikit._raster import icc
from aikit._raster.jxl_header import boxes_of, read_header
from aikit._raster.source_color import named_profile
from aikit.color.rgb import PRIMARIES, WHITE
from pictures import codes

imagecodecs = pytest.importorskip("imagecodecs")
pillow_jxl = pytest.importorskip("pillow_jxl")


def plugin(data):
    """What pillow-jxl-plugin makes of a file: pixels of 8 bits and the profile."""
    is_jpeg, info, pixels, profile, _ = pillow_jxl.Decoder(num_threads=1)(data)
    assert not is_jpeg
    return np.frombuffer(pixels, np.uint8).reshape(info.height, info.width, -1), profile


def description(profile):
    return ImageCms.ImageCmsProfile(io.BytesIO(profile)).profile.profile_description


def number(value, count):
    return f"{value:0{count}b}"[::-1]


# Ways of the standard to write small numbers: two bits say how.
NONE, ONE = "00", "10"
# No default, no profile, gray, D65, no gamma, the curve of sRGB (2 + 11), relative colorimetric.
GRAY = "0" + "0" + ONE + ONE + "0" + "01" + number(11, 4) + ONE
PQ = "0" + "0" + ONE + ONE + "0" + "01" + number(14, 4) + ONE
BYTES = "0" + "00"


def channel(kind, depth=BYTES, name=NONE, last=""):
    return "0" + kind + depth + NONE + name + last


def with_header(*, extra="", depth=BYTES, channels=(), color=GRAY):
    """A bare codestream of 13x17 gray pixels whose header says something else; all in bits, the lowest first."""
    data = bytes(imagecodecs.jpegxl_encode(codes(13, 17), lossless=True))
    # Extensions and the transform follow the colors; the frame begins with a byte.
    frame = data[-(-(read_header(data, "file").color_bits[1] + 3) // 8) :]
    size = "0" + "00" + number(12, 9) + "000" + "00" + number(16, 9)
    count = {0: NONE, 1: ONE}.get(len(channels)) or "01" + number(len(channels) - 2, 4)
    fields = "0" + ("1" + extra if extra else "0") + depth + "1" + count + "".join(channels) + "0" + color
    bits = "".join(f"{byte:08b}"[::-1] for byte in data[:2]) + size + fields + "1" * bool(extra) + "00" + "1"
    bits += "0" * (-len(bits) % 8)
    return b"".join(bytes([int(bits[at : at + 8][::-1], 2)]) for at in range(0, len(bits), 8)) + frame


def turned(orientation):
    return number(orientation - 1, 3) + "000"


# ---------------------------------------------------------------- the header


@pytest.mark.parametrize(
    ("height", "width"),
    [(1, 1), (8, 8), (256, 256), (13, 17), (240, 320), (90, 160), (100, 80), (600, 1), (1, 9000), (64, 128), (65, 78)],
)
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("depth", [1, 4, 8, 10, 12, 13, 16])
def test_the_header_says_what_was_encoded(height, width, channels, depth):
    pixels = np.zeros((height, width, channels), np.uint8 if depth <= 8 else np.uint16)
    pixels = pixels[..., 0] if channels == 1 else pixels
    data = imagecodecs.jpegxl_encode(pixels, lossless=True, effort=1, bitspersample=depth)
    found = read_header(data, "file")
    assert (found.height, found.width, found.depth) == (height, width, depth)
    assert found.mode == ["L", "LA", "RGB", "RGBA"][channels - 1]
    assert found.alpha_depth == (depth if channels in (2, 4) else 0)
    # imagecodecs calls 16-bit samples linear.
    assert (found.is_srgb, found.transfer) == ((True, 13) if depth <= 8 else (False, 8))


def test_a_header_with_every_field_is_walked_through():
    # 16 by 16 in eighths, and ten ticks a second without end.
    preview, moves = "1" + NONE + "100", NONE + NONE + NONE + "0"
    intrinsic = "1" + number(3, 5) + "100"
    point = "00" + number(5, 19) + "10" + number(7, 19)
    found = read_header(
        with_header(
            extra=number(5, 3) + "1" + intrinsic + "1" + preview + "1" + moves,
            depth="0" + "01",  # 12 bits
            channels=[
                channel("01" + number(0, 4), last="0" * 64),  # a spot color
                "1",  # alpha, by default
                channel("01" + number(3, 4), name="10" + number(2, 4) + number(0x6261, 16), last=ONE + number(2, 2)),
                channel(NONE, "1" + "10" + number(4, 4), last="1"),
            ],
            color="0" + "0" + NONE + "01" + number(0, 4) + point + "01" + number(0, 4) + point * 3 + "1"
            + number(45455, 24) + ONE,
        ),
        "file",
    )  # fmt: skip
    assert (found.height, found.width) == (13, 17)
    assert (found.orientation, found.animated, found.depth, found.floats) == (6, True, 12, False)
    assert (found.mode, found.alpha_depth, found.premultiplied) == ("RGBA", 8, False)
    assert found.more_channels == ("spot", "mosaic", "alpha")
    assert (found.is_srgb, found.primaries, found.transfer) == (False, 2, 2)


@pytest.mark.parametrize("size", [*range(2, 6)])
def test_a_header_that_ends_too_early_is_cut(size):
    data = encode(codes(13, 17, 4), "jxl")
    with pytest.raises(FileFormatError, match="expected a whole JPEG XL file") as caught:
        raster.probe(data[:size], name="file")
    assert caught.value.code == "truncated"


def test_a_codestream_in_parts_is_read():
    data = encode(codes(13, 17, 3), "jxl", lossless=True)
    parts = [data[:5], data[5:9], data[9:]]
    boxes = [struct.pack(">I4sI", 12 + len(part), b"jxlp", n | (n == 2) << 31) + part for n, part in enumerate(parts)]
    start = b"\0\0\0\x0cJXL \r\n\x87\n\0\0\0\x14ftypjxl \0\0\0\0jxl "
    np.testing.assert_array_equal(read_numpy(start + b"".join(boxes)), codes(13, 17, 3))
    with pytest.raises(FileFormatError, match="got a codestream without its last part; fetch the file again"):
        read_numpy(start + b"".join(boxes[:2]))


# ---------------------------------------------------------------- reading


@pytest.mark.parametrize("limits", [None, Limits()], ids=["here", "child"])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_what_is_written_without_loss_comes_back(channels, dtype, limits):
    pixels = codes(13, 17, channels, dtype)
    data = encode(pixels, "jxl", lossless=True)
    np.testing.assert_array_equal(np.atleast_3d(read_numpy(data, limits=limits)), pixels)
    # Two other ways to the same pixels.
    np.testing.assert_array_equal(imagecodecs.jpegxl_decode(data).reshape(pixels.shape), pixels)
    if dtype == "uint8":
        np.testing.assert_array_equal(plugin(data)[0], pixels)


@pytest.mark.parametrize("depth", [1, 2, 4, 7, 9, 10, 12, 15])
def test_codes_span_the_whole_range(depth):
    top = (1 << depth) - 1
    stored = codes(13, 17, 3, "uint16") % (top + 1)
    stored[0, 0], stored[0, 1] = 0, top
    stored = stored.astype(np.uint8 if depth < 8 else np.uint16)
    data = bytes(imagecodecs.jpegxl_encode(stored, lossless=True, bitspersample=depth))
    found = read_numpy(data, profile="ignore")
    full = 255 if depth < 8 else 65535
    assert found.dtype == (np.uint8 if depth < 8 else np.uint16)
    np.testing.assert_array_equal(found, np.floor(stored.astype(float) * full / top + 0.5))
    if depth < 8:
        error = np.abs(found.astype(int) - plugin(data)[0])
        assert error.max() <= 1, "libjxl dithers what it widens"


def test_colors_that_are_not_srgb_are_converted():
    light = np.linspace(0, 1, 256)
    linear = np.floor(light * 65535 + 0.5).astype(np.uint16)[None, :, None].repeat(3, 2).repeat(4, 0)
    data = bytes(imagecodecs.jpegxl_encode(linear, lossless=True))
    curve = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    error = np.abs(read_numpy(data)[0, :, 1] / 65535 - curve)
    assert error.max() < 1 / 2000, "the profile has its numbers in 16 bits"
    assert raster.probe(data, name="file").profile == "primaries 1 and transfer 8 of H.273 (JPEG XL)"
    kept = raster.decode(data, name="file", profile="ignore")
    assert "Lin" in description(kept.info["icc_profile"])
    np.testing.assert_array_equal(kept.pixels, linear)


def test_sixteen_bits_are_written_as_srgb():
    data = encode(codes(13, 17, 3, "uint16"), "jxl")
    assert description(plugin_profile(data)) == "sRGB"
    assert description(plugin_profile(encode(codes(13, 17, None, "uint16"), "jxl"))) == "Gra_D65_Rel_SRG"


def plugin_profile(data):
    return pillow_jxl.Decoder(num_threads=1)(data)[3]


def test_hdr_is_refused_and_told():
    data = with_header(color=PQ)
    with pytest.raises(
        FileFormatError, match=r"expected colors that sRGB can show, got BT\.709 PQ, which is HDR"
    ) as caught:
        read_numpy(data)
    assert caught.value.code == "unsupported_color"
    np.testing.assert_array_equal(read_numpy(data, profile="ignore"), codes(13, 17))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_come_upright(orientation):
    data = with_header(extra=turned(orientation))
    image = Image.fromarray(codes(13, 17))
    image.getexif()[274] = orientation
    expected = np.asarray(aikit.to_pil(image))
    np.testing.assert_array_equal(read_numpy(data), expected)
    assert raster.probe(data, name="file").orientation == orientation


def test_a_packed_jpeg_comes_as_the_jpeg_does():
    file, tags = io.BytesIO(), Image.Exif()
    tags[271], tags[274] = "maker", 6
    smooth = np.asarray(Image.fromarray(codes(5, 6, 3)).resize((48, 40), Image.Resampling.BICUBIC))
    Image.fromarray(smooth).save(file, "JPEG", exif=tags, quality=95, subsampling=0)
    data = bytes(imagecodecs.jpegxl_encode_jpeg(file.getvalue()))
    found, expected = aikit.read_pil(data), aikit.read_pil(file.getvalue())
    assert found.size == (40, 48)
    difference = np.abs(np.asarray(found).astype(int) - np.asarray(expected))
    assert difference.max() <= 4, "libjxl's inverse transform is in floats, libjpeg's in integers"
    assert dict(found.getexif()) == {271: "maker"}
    assert [kind for kind, _, _ in boxes_of(data)].count(b"brob") == 1, "EXIF is packed here"


def test_a_packed_jpeg_keeps_its_profile():
    file, profile = io.BytesIO(), named_profile("display-p3", gray=False)
    smooth = np.asarray(Image.fromarray(codes(5, 6, 3)).resize((48, 40), Image.Resampling.BICUBIC))
    Image.fromarray(smooth).save(file, "JPEG", quality=95, subsampling=0, icc_profile=profile)
    data = bytes(imagecodecs.jpegxl_encode_jpeg(file.getvalue()))
    kept = aikit.read_pil(data, profile="ignore")
    assert kept.info["icc_profile"] == profile
    stored = np.asarray(Image.open(file)).astype(int)
    assert np.abs(np.asarray(kept) - stored).max() <= 4, "as above"
    found, expected = (np.asarray(aikit.read_pil(each)).astype(int) for each in (data, file.getvalue()))
    assert np.abs(found - expected).mean() < 1, "libjxl's and libjpeg's codes, as above"
    assert np.abs(found - stored).mean() > 5, "the codes of Display P3 are others"
    assert raster.probe(data, name="file").profile == "an ICC profile"


def test_lossy_colors_that_are_not_srgb_are_converted():
    light = np.linspace(0, 1, 64)
    linear = np.floor(light * 65535 + 0.5).astype(np.uint16)[None, :, None].repeat(3, 2).repeat(64, 0)
    data = bytes(imagecodecs.jpegxl_encode(linear, distance=0.3))
    curve = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    error = np.abs(read_numpy(data)[..., 1].mean(0) / 65535 - curve)
    assert error.max() < 0.002, "what the encoder loses; light taken for codes would be off by 0.3"


def test_metadata_goes_both_ways():
    image, tags = Image.fromarray(codes(13, 17, 3)), Image.Exif()
    tags[271] = "maker"
    packet = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>"
    image.info |= {"exif": tags.tobytes(), "xmp": packet}
    found = aikit.read_pil(encode(image, "jxl"))
    assert found.getexif()[271] == "maker"
    assert found.info["xmp"] == packet
    boxes = {box.box_type: box.data for box in pillow_jxl.Decoder(num_threads=1)(encode(image, "jxl"))[4]}
    assert b"maker" in boxes[b"Exif"]
    assert boxes[b"xml "] == packet
    assert not {"exif", "xmp"} & set(aikit.read_pil(encode(image, "jxl", metadata="strip")).info)


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (lambda: imagecodecs.jpegxl_encode(np.stack([codes(13, 17, 3)] * 2)), "of one picture, got an animation"),
        (lambda: imagecodecs.jpegxl_encode(codes(13, 17, 3, "float32")), "of 1 to 16 bits, got 32-bit floats"),
        (lambda: with_header(channels=[channel(NONE, last="1")]), "straight alpha, got colors multiplied by alpha"),
        (lambda: with_header(channels=[channel("01" + number(2, 4))]), "gray or RGB, got a channel of black beside"),
        (lambda: with_header(depth="0" + "11" + number(15, 6), channels="1"), "alpha of 16 bits, as the colors, got 8"),
        (lambda: with_header(depth="0" + "11" + number(23, 6)), "samples of 1 to 16 bits, got 24 bits"),
    ],
    ids=["animation", "floats", "premultiplied", "inks", "two depths", "deeper"],
)
def test_what_would_not_come_as_it_is_is_refused(data, message):
    with pytest.raises(FileFormatError, match=message) as caught:
        read_numpy(bytes(data()))
    assert caught.value.code == "unsupported_format"


def test_every_cut_is_told():
    for data in (encode(codes(40, 48, 3), "jxl"), encode(codes(13, 17, 4, "uint16"), "jxl")):
        for size in range(12, len(data) - 1, 37):
            with pytest.raises(FileFormatError, match="expected a whole JPEG XL file") as caught:
                read_numpy(data[:size])
            assert caught.value.code == "truncated"


def test_the_size_is_checked_before_the_pixels(monkeypatch):
    monkeypatch.setattr(imagecodecs, "jpegxl_decode", lambda *_, **__: pytest.fail("pixels were decoded"))
    data = encode(codes(40, 48, 3), "jxl")
    with pytest.raises(LimitError, match="expected at most 1000 pixels, got 1920"):
        raster.decode(data, name="file", limits=Limits(max_pixels=1000))


def test_it_is_decoded_in_a_child():
    assert raster.needs_child(encode(codes(13, 17), "jxl"), "file", Limits())
    assert not raster.needs_child(encode(codes(13, 17), "jxl"), "file", None)


def test_packed_metadata_that_is_damaged_is_left_out_and_told(caplog):
    packed = b"brobExif" + imagecodecs.brotli_encode(bytes(5000))[:-3]
    whole = b"\0\0\0\x0cJXL \r\n\x87\n\0\0\0\x14ftypjxl \0\0\0\0jxl "
    stream = encode(codes(13, 17), "jxl", lossless=True)
    whole += struct.pack(">I", 8 + len(stream)) + b"jxlc" + stream + struct.pack(">I", 4 + len(packed)) + packed
    with caplog.at_level(logging.WARNING, "aikit.raster"):
        np.testing.assert_array_equal(read_numpy(whole), codes(13, 17))
    assert "metadata dropped, for it cannot be unpacked" in caplog.text


def test_a_package_that_is_missing_is_named(monkeypatch):
    linear = bytes(imagecodecs.jpegxl_encode(codes(13, 17, 3, "uint16")))
    monkeypatch.setitem(sys.modules, "pillow_jxl", None)
    with pytest.raises(MissingDependencyError, match="pillow-jxl-plugin for JPEG XL, got none installed; run: pip"):
        read_numpy(linear)
    assert read_numpy(encode(codes(13, 17, 3), "jxl")).shape == (13, 17, 3)
    monkeypatch.setitem(sys.modules, "imagecodecs", None)
    for work in (lambda: read_numpy(linear), lambda: encode(codes(13, 17), "jxl")):
        with pytest.raises(
            MissingDependencyError, match=r"imagecodecs for JPEG XL, got .*; run: pip install imagecodecs"
        ):
            work()


# ---------------------------------------------------------------- writing


def test_quality_and_effort_matter():
    photo = np.asarray(Image.fromarray(codes(20, 24, 3)).resize((240, 200), Image.Resampling.BICUBIC))
    sizes = [len(encode(photo, "jxl", quality=quality)) for quality in (20, 60, 90, 99)]
    assert sizes == sorted(sizes)
    errors = [np.abs(read_numpy(encode(photo, "jxl", quality=q)).astype(int) - photo).mean() for q in (20, 90)]
    assert errors[1] < errors[0]
    assert len(encode(photo, "jxl", lossless=True, effort=9)) < len(encode(photo, "jxl", lossless=True, effort=1))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"quality": 80}, "quality: expected None for JPEG XL of 16 bits, got 80"),
        ({"lossless": False}, "lossless: expected None or True for JPEG XL of 16 bits, got False"),
        ({"effort": 10}, r"effort: expected 1\.\.9, got 10"),
        ({"profile": "display-p3"}, 'profile: expected None or "srgb"'),
    ],
)
def test_sixteen_bits_lose_nothing(options, message):
    with pytest.raises(InputValueError, match=message):
        encode(codes(13, 17, 3, "uint16"), "jxl", **options)


@pytest.mark.parametrize(("channels", "dtype"), [(1, "uint8"), (3, "uint8"), (1, "uint16")])
def test_colors_that_would_be_said_to_be_srgb_are_refused(channels, dtype):
    pixels = codes(13, 17, channels if channels > 1 else None, dtype)
    image = Image.fromarray(pixels)
    image.info["icc_profile"] = linear_profile(channels)
    for options in ({}, {"metadata": "strip"}, {"metadata": "public"}):
        with pytest.raises(InputValueError, match=r"sRGB for JPEG XL, .*got 'a linear one'; pass profile=.srgb"):
            encode(image, "jxl", lossless=True, **options)
    converted = aikit.convert_profile(image, to="srgb")
    data = encode(image, "jxl", lossless=True, profile="srgb")
    np.testing.assert_array_equal(read_numpy(data), np.asarray(converted))
    image.info["icc_profile"] = named_profile("srgb", gray=channels == 1)
    np.testing.assert_array_equal(read_numpy(encode(image, "jxl", lossless=True)), pixels)


def linear_profile(channels):
    curve = icc.parametric(0, 1.0)
    return icc.build("a linear one", PRIMARIES, WHITE, curve, gray=channels == 1)


def test_float_pixels_are_refused():
    with pytest.raises(InputValueError, match="8-bit pixels for JPEG XL, got 32-bit float"):
        raster.encode(codes(13, 17, 3, "float32"), "jxl")
