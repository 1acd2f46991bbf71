"""Guarded raster decoding and encoding: values against independent readers, and everything that must be refused."""

from __future__ import annotations

import io
import os
import struct
import subprocess
import sys
import tracemalloc
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms, ImageOps

from aikit import _raster as raster
from aikit.errors import FileFormatError, InputTypeError, InputValueError, LimitError, MissingDependencyError
from aikit.limits import Limits

SAMPLES = Path(os.environ.get("AIKIT_SAMPLES", Path(__file__).parents[2] / "shared/samples")) / "raster"


def picture(height=13, width=17, channels=3, dtype=np.uint8):
    """Every row, column and channel differs, in the low byte as well as in the high one."""
    y, x, c = np.meshgrid(np.arange(height), np.arange(width), np.arange(channels), indexing="ij")
    codes = y * 3001 + x * 1117 + c * 9973 + 211
    if dtype == np.float32:
        return (codes / 20000 - 0.5).astype(np.float32)
    pixels = (codes % 65536).astype(np.uint16)
    return pixels if dtype == np.uint16 else ((pixels >> 5) % 256).astype(np.uint8)


def saved(pixels, format, **options):
    file = io.BytesIO()
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(np.squeeze(pixels))
    image.save(file, format, **options)
    return file.getvalue()


def tiff_bytes(pixels, **options):
    file = io.BytesIO()
    tifffile.imwrite(file, pixels, **options)
    return file.getvalue()


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_bytes(pixels, depth, color_type, *, extra=b"", packed=None, size=None, interlace=0, after=b""):
    """A PNG by hand: unfiltered rows of already packed samples."""
    height, width = size or pixels.shape[:2]
    rows = packed or [row.astype(">u2" if depth == 16 else "u1").tobytes() for row in pixels]
    head = struct.pack(">IIBBBBB", width, height, depth, color_type, 0, 0, interlace)
    body = zlib.compress(b"".join(b"\0" + row for row in rows))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + extra + chunk(b"IDAT", body) + after + chunk(b"IEND", b"")


def array(decoded):
    return decoded.pixels if isinstance(decoded, raster.HighDepth) else np.asarray(decoded)


def exif_with(orientation):
    exif = Image.Exif()
    exif[274] = orientation
    exif[271] = "maker"
    return exif.tobytes()


def exif_tag(orientation):
    return b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0" + struct.pack("<HH", orientation, 0) + b"\0\0\0\0"


def decode(data, **options):
    return raster.decode(data, name="file", **options)


# Every format once, as (name, bytes); the pictures differ in every row, column and channel.
FILES = {
    "png": saved(picture(), "PNG"),
    "jpeg": saved(picture(40, 48), "JPEG"),
    "jpeg-progressive": saved(picture(40, 48), "JPEG", progressive=True),
    "webp": saved(picture(), "WEBP", lossless=True),
    "webp-lossy": saved(picture(), "WEBP"),
    "avif": saved(picture(40, 48), "AVIF"),
    "gif": saved(picture(), "GIF"),
    "tiff": saved(picture(), "TIFF"),
    "tiff-lzw": saved(picture(), "TIFF", compression="tiff_lzw"),
    "tiff-big": tiff_bytes(picture(dtype=np.uint16), photometric="rgb", bigtiff=True),
    # 16 columns of 3 bytes need no padding, which a reader could forgive.
    "bmp": saved(picture(width=16), "BMP"),
    "ico": saved(picture(16, 16), "ICO", sizes=[(16, 16)]),
    "ico-bmp": saved(picture(16, 16), "ICO", sizes=[(16, 16)], bitmap_format="bmp"),
    "ppm": saved(picture(), "PPM"),
    "ppm-plain": b"P3\n# plain\n2 2\n255\n1 2 3 4 5 6\n7 8 9 10 11 12\n",
    "pbm": saved(Image.fromarray(picture(9, 11, 1)[..., 0]).convert("1"), "PPM"),
}


# signatures


@pytest.mark.parametrize("key", FILES)
def test_identify_by_bytes(key):
    assert raster.identify(FILES[key]) == key.split("-")[0].replace("pbm", "ppm")


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"<svg xmlns='x'/>", "svg"),
        (b"\xef\xbb\xbf<?xml version='1.0'?>\n<!-- <html> -->\n<!DOCTYPE svg [<!ENTITY a '>'>\n]>\n<s:svg >", "svg"),
        ("\ufeff<svg/>".encode("utf-16-le"), "svg"),
        (zlib.compress(b"", wbits=31), None),
        (zlib.compress(b"  <svg width='1'>", wbits=31), "svg"),
        (b"<html><svg/></html>", None),
        (b"<svgx/>", None),
        (b"<!-- <svg> ", None),
        (b"8BPS\0\1", "psd"),
        (b"\0\0\0\x1cftypheic\0\0\0\0mif1heic", "heic"),
        (b"\0\0\0\x1cftypmif1\0\0\0\0avifmiaf", "avif"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0isom", None),
        (b"P7\nWIDTH", None),
        (b"BMxxxxxxxxxxxxxxxxxxxx", None),
        (b"II*\0", "tiff"),
        (b"", None),
    ],
)
def test_identify_others(data, expected):
    assert raster.identify(data) == expected


def test_suffixes():
    for suffix in (".JPG", "jpg", ".jpe", ".jfif"):
        assert raster.format_of_suffix(suffix) == "jpeg"
    assert raster.format_of_suffix(".apng") == "png"
    assert raster.format_of_suffix(".pgm") == "ppm"
    assert raster.format_of_suffix(".exe") is None


@pytest.mark.parametrize(
    ("data", "match"),
    [
        (b"<svg/>", r"^file: expected PNG, JPEG, .*, got SVG; export it as PNG first\.$"),
        (b"8BPS", r"^file: expected PNG, JPEG, .*, got PSD; export it as PNG first\.$"),
        (b"hello world", r"^file: .*got text; check the download"),
        (b"hello\0world", r"^file: .*got bytes that begin with 68 65 6c 6c 6f 00 77 6f; check how"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", r"got EPS or PostScript; render its pages"),
    ],
)
def test_other_formats_are_refused(data, match):
    with pytest.raises(FileFormatError, match=match) as caught:
        decode(data)
    assert caught.value.code == "unsupported_format"


# values, 8 bits


@pytest.mark.parametrize("key", ["png", "webp", "tiff", "tiff-lzw", "bmp", "ppm"])
def test_lossless_formats_give_the_pixels(key):
    image = decode(FILES[key])
    assert image.mode == "RGB"
    assert np.array_equal(np.asarray(image), picture(width=16 if key == "bmp" else 17))
    assert image.getexif().get(274) is None


@pytest.mark.parametrize("key", ["jpeg", "jpeg-progressive", "webp-lossy", "avif", "gif", "ico", "ico-bmp", "pbm"])
def test_other_formats_agree_with_pillow(key):
    with Image.open(io.BytesIO(FILES[key])) as expected:
        got = decode(FILES[key])
        assert np.array_equal(np.asarray(got.convert("RGBA")), np.asarray(expected.convert("RGBA")))


def test_images_are_loaded_and_hold_no_animation():
    frames = [Image.fromarray(picture() + np.uint8(k)) for k in range(3)]
    data = saved(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=70)
    image = decode(data)
    assert getattr(image, "n_frames", 1) == 1
    assert not getattr(decode(FILES["png"]), "tile", [])


@pytest.mark.parametrize("depth", [1, 2, 4, 8])
def test_gray_png_with_transparent_color(depth):
    top = (1 << depth) - 1
    codes = np.arange(24).reshape(3, 8) * 5 % (top + 1)
    key = int(codes[1, 2])
    packed = [
        np.packbits(((row[:, None] >> np.arange(depth)[::-1]) & 1).astype(np.uint8).ravel()).tobytes() for row in codes
    ]
    # The high byte of the key is to be ignored.
    extra = chunk(b"tRNS", struct.pack(">H", key | 0xA500))
    image = decode(png_bytes(None, depth, 0, packed=packed, size=codes.shape, extra=extra))
    alpha = np.asarray(image.convert("LA"))[..., 1]
    assert np.array_equal(alpha == 0, codes == key)
    assert np.array_equal(np.asarray(image.convert("LA"))[..., 0], codes * 255 // top)


@pytest.mark.parametrize("depth", [1, 2, 4, 8])
def test_palette_png_with_alpha_table(depth):
    count = min(1 << depth, 16)
    codes = np.arange(24).reshape(3, 8) * 7 % count
    palette, table = picture(1, count, 3)[0], bytes((np.arange(count) * 16).tolist())
    packed = [
        np.packbits(((row[:, None] >> np.arange(depth)[::-1]) & 1).astype(np.uint8).ravel()).tobytes() for row in codes
    ]
    extra = chunk(b"PLTE", palette.tobytes()) + chunk(b"tRNS", table)
    image = decode(png_bytes(None, depth, 3, packed=packed, size=codes.shape, extra=extra))
    assert image.mode == "P"
    rgba = np.asarray(image.convert("RGBA"))
    assert np.array_equal(rgba[..., :3], palette[codes])
    assert np.array_equal(rgba[..., 3], np.frombuffer(table, np.uint8)[codes])


def test_rgb_png_with_transparent_color():
    pixels = picture()
    # The high bytes of the key are to be ignored.
    extra = chunk(b"tRNS", (pixels[4, 5].astype(np.uint16) | 0xA500).astype(">u2").tobytes())
    image = decode(png_bytes(pixels, 8, 2, extra=extra))
    assert image.info["transparency"] == tuple(pixels[4, 5].tolist())
    rgba = np.asarray(image.convert("RGBA"))
    assert np.array_equal(rgba[..., 3] == 0, (pixels == pixels[4, 5]).all(axis=2))


def test_adobe_cmyk_jpeg_is_not_inverted():
    ink = Image.new("CMYK", (16, 16), (255, 0, 0, 0))
    assert np.asarray(decode(saved(ink, "JPEG")))[5, 5].tolist() == [255, 0, 0, 0]


# values, 16 bits and float


@pytest.mark.parametrize(("color_type", "channels"), [(2, 3), (4, 2), (6, 4)])
def test_deep_png(color_type, channels):
    pixels = picture(channels=channels, dtype=np.uint16)
    # Codes are asked for as they are: no gAMA moves them.
    extra = chunk(b"gAMA", struct.pack(">I", 100000)) + chunk(b"pHYs", struct.pack(">IIB", 3937, 3937, 1))
    got = decode(png_bytes(pixels, 16, color_type, extra=extra), profile="ignore")
    assert isinstance(got, raster.HighDepth)
    assert got.pixels.dtype == np.uint16
    assert np.array_equal(got.pixels, pixels)
    assert got.info["dpi"] == pytest.approx((100, 100), abs=0.01)


def test_gray_16_png_stays_with_pillow():
    pixels = picture(channels=1, dtype=np.uint16)
    image = decode(png_bytes(pixels, 16, 0))
    assert image.mode == "I;16"
    assert np.array_equal(np.asarray(image), pixels[..., 0])


@pytest.mark.parametrize(("color_type", "channels"), [(0, 1), (2, 3)])
def test_16_bit_transparent_color_compares_both_bytes(color_type, channels):
    pixels = picture(channels=channels, dtype=np.uint16)
    pixels[0, 0] = pixels[4, 5] ^ 1
    extra = chunk(b"tRNS", pixels[4, 5].astype(">u2").tobytes())
    got = decode(png_bytes(pixels, 16, color_type, extra=extra)).pixels
    assert np.array_equal(got[..., :-1], pixels)
    assert np.argwhere(got[..., -1] == 0).tolist() == [[4, 5]]
    assert set(np.unique(got[..., -1])) == {0, 65535}


def test_interlaced_deep_png():
    # Adam7 by hand: PNG 3rd edition, section 8.1.
    pixels, passes = picture(dtype=np.uint16), []
    for x, y, dx, dy in (
        (0, 0, 8, 8),
        (4, 0, 8, 8),
        (0, 4, 4, 8),
        (2, 0, 4, 4),
        (0, 2, 2, 4),
        (1, 0, 2, 2),
        (0, 1, 1, 2),
    ):
        passes += [row.astype(">u2").tobytes() for row in pixels[y::dy, x::dx] if row.size]
    data = png_bytes(None, 16, 2, packed=passes, size=pixels.shape[:2], interlace=1)
    assert np.array_equal(decode(data).pixels, pixels)
    short = png_bytes(None, 16, 2, packed=passes[:-1], size=pixels.shape[:2], interlace=1)
    with pytest.raises(FileFormatError, match=r"bytes of pixels; fetch the file again"):
        decode(short)


TIFF_LAYOUTS = {
    "raw": {},
    "zlib": {"compression": "zlib"},
    "predictor": {"compression": "zlib", "predictor": True},
    "tiled": {"tile": (16, 16), "compression": "zlib"},
    "strips": {"rowsperstrip": 3},
    "big-endian": {"byteorder": ">", "compression": "zlib"},
    "bigtiff": {"bigtiff": True, "byteorder": ">"},
}


@pytest.mark.parametrize("layout", TIFF_LAYOUTS)
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("dtype", [np.uint16, np.float32, np.float16, np.float64], ids=lambda d: d.__name__)
def test_deep_tiff(layout, channels, dtype):
    pixels = picture(21, 19, channels, np.uint16 if dtype == np.uint16 else np.float32).astype(dtype)
    options = dict(TIFF_LAYOUTS[layout], photometric="rgb" if channels > 2 else "minisblack")
    if channels in (2, 4):
        options["extrasamples"] = ["unassalpha"]
    got = decode(tiff_bytes(np.squeeze(pixels), **options))
    expected = np.squeeze(pixels if dtype == np.uint16 else pixels.astype(np.float32))
    assert isinstance(got, raster.HighDepth) == (channels > 1)
    if channels == 1:
        assert got.mode == ("I;16" if dtype == np.uint16 else "F")
    assert array(got).dtype == expected.dtype
    assert np.array_equal(array(got), expected)


@pytest.mark.parametrize("byteorder", ["<", ">"])
@pytest.mark.parametrize("dtype", [np.uint16, np.float32], ids=lambda d: d.__name__)
def test_planar_tiff(byteorder, dtype):
    pixels = picture(dtype=dtype)
    planes = np.ascontiguousarray(pixels.transpose(2, 0, 1))
    data = tiff_bytes(planes, photometric="rgb", planarconfig="separate", byteorder=byteorder, rowsperstrip=4)
    assert np.array_equal(decode(data).pixels, pixels)


def test_lzw_tiff_of_16_bits():
    # libtiff writes it, from OpenCV's hands: the only LZW here that tifffile cannot make.
    import cv2

    pixels = picture(channels=3, dtype=np.uint16)
    done, data = cv2.imencode(".tif", pixels[..., ::-1])
    assert done
    assert b"\x03\x01\x03\x00\x01\x00\x00\x00\x05" in data.tobytes()
    assert np.array_equal(decode(data.tobytes()).pixels, pixels)


@pytest.mark.parametrize("compression", [5, 8])
@pytest.mark.parametrize("channels", [1, 3])
def test_float_predictor(compression, channels):
    # Written by libtiff through OpenCV; tifffile needs imagecodecs for predictor 3.
    import cv2

    pixels = picture(channels=channels, dtype=np.float32)
    options = [cv2.IMWRITE_TIFF_COMPRESSION, compression, cv2.IMWRITE_TIFF_PREDICTOR, 3]
    done, data = cv2.imencode(".tif", pixels[..., ::-1], options)
    assert done
    with (
        Image.open(io.BytesIO(data.tobytes()))
        if channels == 1
        else tifffile.TiffFile(io.BytesIO(data.tobytes())) as file
    ):
        assert (file.tag_v2[317] if channels == 1 else int(file.pages[0].predictor)) == 3
    assert np.array_equal(array(decode(data.tobytes())), np.squeeze(pixels))


def test_packbits_tiff_of_16_bits():
    pixels = picture(channels=1, dtype=np.uint16)[..., 0]
    pixels[3:6] = 700
    data = saved(pixels, "TIFF", compression="packbits")
    assert struct.pack("<HHIH", 259, 3, 1, 32773) in data
    assert np.array_equal(np.asarray(decode(data)), pixels)


def test_white_is_zero_is_inverted():
    pixels = picture(channels=1, dtype=np.uint16)[..., 0]
    for byteorder in "<>":
        got = decode(tiff_bytes(pixels, photometric="miniswhite", byteorder=byteorder))
        assert np.array_equal(np.asarray(got), 65535 - pixels)


@pytest.mark.parametrize("dtype", [np.int16, np.int32, np.uint32], ids=lambda d: d.__name__)
@pytest.mark.parametrize("byteorder", ["<", ">"])
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_integer_tiff_is_mode_i(dtype, byteorder, compression):
    pixels = picture(channels=1, dtype=np.uint16)[..., 0].astype(dtype)
    got = decode(tiff_bytes(pixels, photometric="minisblack", byteorder=byteorder, compression=compression))
    assert got.mode == "I"
    assert np.array_equal(np.asarray(got), pixels.astype(np.int32))


def test_integers_beyond_mode_i_are_refused():
    pixels = np.full((3, 4), 2**31, np.uint32)
    with pytest.raises(FileFormatError, match="expected integers up to 2147483647, got 2147483648; save the TIFF"):
        decode(tiff_bytes(pixels))


def test_associated_alpha_becomes_straight():
    pixels = picture(channels=4, dtype=np.uint16)
    pixels[..., 3] |= 0x4000
    pixels[0, 0, 3] = 0
    stored = pixels.copy()
    stored[..., :3] = np.rint(pixels[..., :3] * (pixels[..., 3:] / 65535.0))
    got = decode(tiff_bytes(stored, photometric="rgb", extrasamples=["assocalpha"])).pixels
    assert np.array_equal(got[..., 3], pixels[..., 3])
    assert np.abs(got[1:, :, :3].astype(int) - pixels[1:, :, :3]).max() <= 2
    assert got[0, 0].tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_tiff_orientation_once(orientation):
    tags = [(274, "H", 1, orientation, True)]
    for dtype in (np.uint8, np.uint16):
        pixels = picture(dtype=dtype)
        got = decode(tiff_bytes(pixels, photometric="rgb", extratags=tags))
        expected = turned(pixels, orientation)
        assert np.array_equal(array(got), expected)
        if isinstance(got, Image.Image):
            assert 274 not in got.getexif()


@pytest.mark.parametrize("magic", ["P2", "P3", "P5", "P6"])
@pytest.mark.parametrize("top", [1000, 65535])
def test_16_bit_ppm(magic, top):
    pixels = (picture(channels=3 if magic in "P3P6" else 1, dtype=np.uint16).astype(int) % (top + 1)).astype(np.uint16)
    head = f"{magic} # comment\n17 13\n{top}\n".encode()
    body = " ".join(map(str, pixels.ravel())).encode() if magic in ("P2", "P3") else pixels.astype(">u2").tobytes()
    got = array(decode(head + body))
    assert np.array_equal(got, np.squeeze((pixels.astype(np.int64) * 65535 + top // 2) // top))
    with pytest.raises(FileFormatError, match=r"expected a valid PPM file, got the value \d+ above the maximum of 300"):
        decode(head.replace(str(top).encode(), b"300") + body)


# orientation


def turned(pixels, orientation):
    steps = {2: "lr", 3: "r180", 4: "ud", 5: "t", 6: "cw", 7: "tv", 8: "ccw"}
    return {
        None: lambda a: a,
        "lr": np.fliplr,
        "r180": lambda a: np.rot90(a, 2),
        "ud": np.flipud,
        "t": lambda a: a.swapaxes(0, 1),
        "cw": lambda a: np.rot90(a, -1),
        "tv": lambda a: np.rot90(a, 2).swapaxes(0, 1),
        "ccw": np.rot90,
    }[steps.get(orientation)](pixels)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["PNG", "WEBP", "JPEG", "AVIF"])
def test_exif_orientation_once(orientation, format):
    pixels = picture(24, 32)
    options = {"lossless": True} if format == "WEBP" else {"quality": 100} if format in ("JPEG", "AVIF") else {}
    data = saved(pixels, format, exif=exif_with(orientation), **options)
    got = decode(data)
    expected = turned(np.asarray(Image.open(io.BytesIO(saved(pixels, format, **options))).convert("RGB")), orientation)
    assert np.array_equal(np.asarray(got), expected)
    assert got.getexif().get(274) is None
    assert b"\x12\x01\x03\x00" not in got.info.get("exif", b"")
    again = ImageOps.exif_transpose(got)
    assert np.array_equal(np.asarray(again), expected)
    header = raster.probe(data, name="file")
    assert (header.orientation, header.width, header.height) == (orientation, 32, 24)
    if format != "AVIF":
        assert got.getexif().get(271) == "maker"


@pytest.mark.parametrize("where", ["extra", "after"])
def test_deep_png_orientation(where):
    pixels = picture(dtype=np.uint16)
    data = png_bytes(pixels, 16, 2, **{where: chunk(b"eXIf", exif_tag(6))})
    got = decode(data)
    assert np.array_equal(got.pixels, np.rot90(pixels, -1))
    assert "exif" not in got.info
    assert raster.probe(data, name="file").orientation == 6


def test_png_exif_behind_the_pixels():
    data = png_bytes(picture(), 8, 2, after=chunk(b"eXIf", exif_tag(8)))
    assert np.array_equal(np.asarray(decode(data)), np.rot90(picture()))


def test_xmp_orientation_counts_and_goes():
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
    data = saved(picture(), "WEBP", lossless=True, xmp=xmp)
    got = decode(data)
    assert np.array_equal(np.asarray(got), np.rot90(picture(), -1))
    assert b"Orientation" not in got.info["xmp"]
    both = saved(picture(), "WEBP", lossless=True, xmp=xmp, exif=exif_with(3))
    assert np.array_equal(np.asarray(decode(both)), np.rot90(picture(), 2))


def test_broken_exif_does_not_stop_the_picture():
    data = saved(picture(), "PNG")
    broken = data[:33] + chunk(b"eXIf", b"II*\0\xff\xff\xff\x00garbage") + data[33:]
    got = decode(broken)
    assert np.array_equal(np.asarray(got), picture())
    assert "exif" not in got.info or got.getexif().get(274) is None


# frames


def animation(format, count=4, alpha=False, **options):
    frames = [Image.fromarray(np.roll(picture(channels=4 if alpha else 3), k, axis=1) // 64 * 64) for k in range(count)]
    if alpha:
        for frame in frames:
            frame.putalpha(frame.getchannel("A").point(lambda v: 255 if v > 90 else 0))
    return saved(
        frames[0], format, save_all=True, append_images=frames[1:], duration=[70, 80, 90, 100][:count], **options
    )


def visible(image):
    """RGBA, with no color where nothing is seen."""
    pixels = np.asarray(image.convert("RGBA"))
    return pixels * (pixels[..., 3:] > 0)


@pytest.mark.parametrize("alpha", [False, True], ids=["opaque", "alpha"])
@pytest.mark.parametrize(("format", "options"), [("GIF", {"disposal": 2}), ("PNG", {}), ("WEBP", {"lossless": True})])
def test_frames_agree_with_pillow(format, options, alpha):
    data = animation(format, alpha=alpha, **options)
    frames = list(raster.frames(data, name="file"))
    expected = Image.open(io.BytesIO(data))
    assert [frame.info["duration"] for frame in frames] == [70, 80, 90, 100]
    assert {frame.mode for frame in frames} <= {"RGB", "RGBA"}
    for index, frame in enumerate(frames):
        expected.seek(index)
        reference = visible(expected)
        assert np.array_equal(visible(frame), reference)
        assert np.array_equal(visible(decode(data, frame=index)), reference)
    assert raster.probe(data, name="file").frames == 4


def test_tiff_pages():
    pages = [picture(5 + k, 7, 3, (np.uint8, np.uint16)[k % 2]) for k in range(3)]
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as writer:
        for page in pages:
            writer.write(page, photometric="rgb")
    data = file.getvalue()
    for index, page in enumerate(pages):
        assert np.array_equal(array(decode(data, frame=index)), page)
    read = list(raster.frames(data, name="file"))
    assert [image.size for image in read] == [(7, 5), (7, 6), (7, 7)]
    assert np.abs(np.asarray(read[1]).astype(int) - pages[1] / 257).max() <= 0.5


def test_no_such_frame():
    for data in (animation("GIF", 2), animation("WEBP", 2), saved(picture(), "TIFF"), animation("PNG", 2)):
        with pytest.raises(
            InputValueError, match=r"^frame: expected 0 to (0|1), got 9; file has (1 frame|2 frames)\.$"
        ):
            decode(data, frame=9)
    with pytest.raises(InputValueError, match="frame: expected 0 or more, got -1"):
        decode(FILES["png"], frame=-1)
    with pytest.raises(InputTypeError, match="frame: expected a whole number, got True"):
        decode(FILES["png"], frame=True)
    with pytest.raises(InputValueError, match=r'profile: expected "srgb" or "ignore", got "x"|got \'x\''):
        decode(FILES["png"], profile="x")


# truncation and damage


@pytest.mark.parametrize("key", [*FILES, "tiff-deep", "png-deep", "gif-animated"])
def test_truncated_files_are_refused(key):
    extra = {
        "tiff-deep": tiff_bytes(picture(dtype=np.uint16), photometric="rgb", compression="zlib"),
        "png-deep": png_bytes(picture(dtype=np.uint16), 16, 2),
        "gif-animated": animation("GIF"),
    }
    data = FILES.get(key) or extra[key]
    lengths = {
        1,
        2,
        8,
        20,
        60,
        *(len(data) * k // 12 for k in range(1, 12)),
        len(data) - 5,
        len(data) - 2,
        len(data) - 1,
    }
    # The digits of a plain PPM's last number may be cut without a trace, and of PNG and GIF what stands behind the pixels.
    last = len(data) - {"ppm-plain": 5, "png": 17, "png-deep": 17, "gif": 2, "gif-animated": 2}.get(key, 1)
    # A GIF that ends between two pictures is a whole one without its trailer.
    lengths -= {394} if key == "gif-animated" else set()
    for length in sorted(length for length in lengths if length <= last):
        with pytest.raises(FileFormatError, match=r"^file: expected .*; .*\.$"):
            decode(data[:length])


@pytest.mark.parametrize("key", ["png", "jpeg", "bmp", "ppm", "tiff"])
def test_allow_truncated_gives_the_part_that_is_there(key):
    whole = np.asarray(decode(FILES[key]))
    data = FILES[key][: len(FILES[key]) * 7 // 10]
    with pytest.raises(FileFormatError, match="pass allow_truncated=True") as caught:
        decode(data)
    assert caught.value.code == "truncated"
    part = np.asarray(decode(data, allow_truncated=True))
    assert part.shape == whole.shape
    # BMP is stored from the bottom up.
    rows = slice(-2, None) if key == "bmp" else slice(0, 2)
    assert np.array_equal(part[rows], whole[rows])
    assert not np.array_equal(part, whole)
    if key == "tiff":
        return
    assert raster.probe(data, name="file").width == whole.shape[1]


def test_allow_truncated_deep():
    pixels = picture(40, 40, 3, np.uint16)
    data = png_bytes(pixels, 16, 2)
    part = decode(data[: len(data) * 6 // 10], allow_truncated=True).pixels
    assert np.array_equal(part[:5], pixels[:5])
    assert not part[-1].any()
    data = tiff_bytes(pixels, photometric="rgb", rowsperstrip=1, bigtiff=True)
    part = decode(data[: len(data) * 6 // 10], allow_truncated=True).pixels
    assert np.array_equal(part[:5], pixels[:5])
    assert not part[-1].any()


def test_flipped_bytes_raise_ours_or_decode():
    """No foreign exception, whatever byte is broken."""
    rng = np.random.default_rng(7)
    messages = []
    for key, data in FILES.items():
        for _ in range(40):
            broken = bytearray(data)
            for at in rng.integers(0, len(data), 2):
                broken[at] ^= int(rng.integers(1, 256))
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    decode(bytes(broken), limits=Limits(max_pixels=10**6))
            except (FileFormatError, LimitError, MissingDependencyError) as error:
                messages.append((key, str(error)))
    assert len(messages) > 200
    assert not [pair for pair in messages if not pair[1].startswith("file: expected ") or " object at 0x" in pair[1]]


def test_png_checksums():
    data = bytearray(FILES["png"])
    data[-20] ^= 1
    with pytest.raises(
        FileFormatError, match=r"expected a valid PNG file, got a wrong checksum in its IDAT chunk at byte 33"
    ) as caught:
        decode(bytes(data))
    assert caught.value.code == "corrupt"


def test_png_headers_that_lie():
    pixels = picture(dtype=np.uint16)
    with pytest.raises(FileFormatError, match=r"got color type 5 with 16 bits; fetch or export"):
        decode(png_bytes(pixels, 16, 5))
    with pytest.raises(FileFormatError, match=r"got 1339 of 1442 bytes of pixels; fetch"):
        decode(png_bytes(pixels, 16, 2, size=(14, 17)))
    with pytest.raises(FileFormatError, match=r"got more than the 1236 bytes of pixels its size calls for"):
        decode(png_bytes(pixels, 16, 2, size=(12, 17)))
    with pytest.raises(LimitError, match=r"expected at most \d+ pixels, got 10000000000"):
        decode(png_bytes(pixels, 16, 2, size=(100000, 100000)))
    with pytest.raises(FileFormatError, match="got a first chunk tEXt where IHDR belongs"):
        decode(b"\x89PNG\r\n\x1a\n" + chunk(b"tEXt", b"a\0b"))


def test_png_filters_are_checked(capfd):
    rows = [bytes([index]) + bytes(42) for index in (0, 4, 9)]
    head = struct.pack(">IIBBBBB", 7, 3, 16, 2, 0, 0, 0)
    body = chunk(b"IDAT", zlib.compress(b"".join(rows)))
    with pytest.raises(FileFormatError, match="got the filter 9 in a row of pixels; fetch or export"):
        decode(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + body + chunk(b"IEND", b""))
    assert capfd.readouterr() == ("", "")


def test_png_bomb_is_not_inflated():
    rows = zlib.compress(bytes(200_000_000), 9)
    head = struct.pack(">IIBBBBB", 10, 10, 16, 2, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    tracemalloc.start()
    with pytest.raises(FileFormatError, match="more than the 610 bytes"):
        decode(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5_000_000


def patched_tiff(tag, value, data=None):
    data = bytearray(data or saved(picture(), "TIFF"))
    (at,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, at)
    for entry in range(at + 2, at + 2 + 12 * count, 12):
        if struct.unpack_from("<H", data, entry)[0] == tag:
            struct.pack_into("<I", data, entry + 8, value)
    return bytes(data), at + 2 + 12 * count


def test_tiff_directories_that_lie():
    data, link = patched_tiff(0, 0)
    (first,) = struct.unpack_from("<I", data, 4)
    looping = data[:link] + struct.pack("<I", first) + data[link + 4 :]
    with pytest.raises(FileFormatError, match=rf"got a directory chain that loops back to byte {first}"):
        decode(looping)
    with pytest.raises(FileFormatError, match=r"got a directory at byte 99999 of \d+"):
        decode(data[:link] + struct.pack("<I", 99999) + data[link + 4 :])
    with pytest.raises(FileFormatError, match=r"got 663 of 714 bytes in strip or tile 0"):
        decode(
            patched_tiff(257, 14)[0].replace(struct.pack("<HHII", 278, 4, 1, 13), struct.pack("<HHII", 278, 4, 1, 14))
        )
    with pytest.raises(FileFormatError, match="strip or tile 0 that ends behind the file"):
        decode(patched_tiff(273, 600)[0])
    with pytest.raises(FileFormatError, match="got no directory"):
        decode(b"II*\0\0\0\0\0")


def test_gif_pieces():
    data = FILES["gif"]
    with pytest.raises(FileFormatError, match="where a block belongs") as caught:
        decode(data[:781] + b"\x99")
    assert caught.value.code == "corrupt"
    with pytest.raises(FileFormatError, match="end inside a header") as caught:
        decode(data[:-2])
    assert caught.value.code == "truncated"


def test_avif_and_webp_sizes():
    with pytest.raises(
        FileFormatError, match=r"expected a whole AVIF file, got a mdat box that ends 1 bytes behind the file"
    ):
        decode(FILES["avif"][:-1])
    with pytest.raises(FileFormatError, match=r"expected a whole WebP file, got \d+ of \d+ bytes"):
        decode(FILES["webp"][:-1])


def test_pillow_gets_one_plugin(monkeypatch):
    asked, real = [], Image.open

    def spy(file, formats=None):
        asked.append(formats)
        return real(file, formats=formats)

    monkeypatch.setattr(Image, "open", spy)
    for key, data in FILES.items():
        asked.clear()
        decode(data)
        raster.probe(data, name="file")
        assert all(
            list(map(str.upper, formats)) == [key.split("-")[0].replace("pbm", "ppm").upper()] for formats in asked
        )


def test_run_length_bmp():
    rows = b"".join(bytes([64, y + 1, 0, 0]) for y in range(64)) + b"\0\1"
    palette = b"".join(bytes([k, k, k, 0]) for k in range(256))
    head = struct.pack("<IiiHHIIiiII", 40, 64, 64, 1, 8, 1, len(rows), 2835, 2835, 256, 0)
    data = b"BM" + struct.pack("<IHHI", 1078 + len(rows), 0, 0, 1078) + head + palette + rows
    assert np.asarray(decode(data))[:, 3].tolist() == list(range(64, 0, -1))
    for cut in (1, 2, 5, 100):
        with pytest.raises(FileFormatError, match=r"expected a whole BMP file, got \d+ of 258 bytes of pixels"):
            decode(data[:-cut])


def test_mislabelled_bytes_reach_no_other_parser():
    # A PNG signature in front of a GIF: the PNG reader must be the one that refuses it.
    with pytest.raises(FileFormatError, match=r"expected a .* PNG file"):
        decode(b"\x89PNG\r\n\x1a\n" + FILES["gif"])


# limits


def test_limits():
    with pytest.raises(LimitError, match=r"^file: expected at most 100 pixels, got 221; raise Limits\(max_pixels"):
        decode(FILES["png"], limits=Limits(max_pixels=100))
    with pytest.raises(LimitError, match=r"expected at most 16 pixels a side, got 17"):
        decode(FILES["tiff"], limits=Limits(max_side=16))
    with pytest.raises(
        FileFormatError, match=r"expected one of the formats jpeg, png, got gif; add it to Limits\(formats"
    ):
        decode(FILES["gif"], limits=Limits(formats=frozenset({"png", "jpeg"})))
    with pytest.raises(LimitError, match=r"expected at most 10 bytes, got \d+"):
        decode(FILES["gif"], limits=Limits(max_bytes=10))
    assert decode(FILES["png"], limits=Limits()).size == (17, 13)


@pytest.mark.parametrize("format", ["GIF", "PNG", "WEBP"])
def test_frame_limits(format):
    data = animation(format)
    with pytest.raises(LimitError, match="expected at most 3 frames, got 4"):
        raster.frames(data, name="file", limits=Limits(max_frames=3))
    with pytest.raises(LimitError, match="expected at most 2 frames, got 4"):
        decode(data, frame=3, limits=Limits(max_frames=2))
    with pytest.raises(LimitError, match="expected at most 500 pixels in all frames, got 884"):
        raster.frames(data, name="file", limits=Limits(max_total_pixels=500))
    assert len(list(raster.frames(data, name="file", limits=Limits()))) == 4


@pytest.mark.parametrize("format", ["GIF", "PNG", "WEBP"])
def test_a_late_frame_costs_the_earlier_ones(format):
    with pytest.raises(LimitError, match="expected at most 500 pixels in all frames, got 884"):
        decode(animation(format), frame=3, limits=Limits(max_total_pixels=500))


def test_page_limits():
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as writer:
        for height in (5, 6, 60):
            writer.write(picture(height, 7, dtype=np.uint16), photometric="rgb")
    data = file.getvalue()
    with pytest.raises(LimitError, match="expected at most 2 frames, got 3"):
        raster.frames(data, name="file", limits=Limits(max_frames=2))
    with pytest.raises(LimitError, match="expected at most 400 pixels in all frames, got 497"):
        raster.frames(data, name="file", limits=Limits(max_total_pixels=400))
    with pytest.raises(LimitError, match="expected at most 100 pixels, got 420"):
        decode(data, frame=2, limits=Limits(max_pixels=100))
    assert decode(data, frame=1, limits=Limits(max_pixels=100)).pixels.shape == (6, 7, 3)


@pytest.mark.parametrize("key", ["png", "jpeg", "webp", "gif", "bmp", "ppm", "tiff"])
def test_header_that_claims_a_giant(key):
    data = bytearray(FILES[key])
    if key == "png":
        data[16:24] = struct.pack(">II", 40000, 40000)
        data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    elif key == "jpeg":
        at = data.index(b"\xff\xc0")
        data[at + 5 : at + 9] = struct.pack(">HH", 40000, 40000)
    elif key == "webp":
        bits = struct.unpack_from("<I", data, 21)[0] | 0x0FFFFFFF
        struct.pack_into("<I", data, 21, bits)
    elif key == "gif":
        struct.pack_into("<HH", data, 6, 60000, 60000)
    elif key == "bmp":
        struct.pack_into("<ii", data, 18, 40000, 40000)
    elif key == "ppm":
        data = bytearray(b"P6 40000 40000 255 " + bytes(100))
    else:
        data = bytearray(patched_tiff(256, 4_000_000)[0])
    for limits in (None, Limits()):
        with pytest.raises((LimitError, FileFormatError), match=r"^file: expected (at most|a whole)"):
            decode(bytes(data), limits=limits)


def test_gif_frame_larger_than_its_screen():
    data = bytearray(FILES["gif"])
    at = data.index(b",", 13 + 768)
    struct.pack_into("<HH", data, at + 5, 30000, 30000)
    with pytest.raises(LimitError, match="got 900000000"):
        decode(bytes(data))


def test_icon_whose_png_is_larger_than_it_says(monkeypatch):
    inner = png_bytes(None, 8, 0, packed=[bytes(3000)] * 3000, size=(3000, 3000))
    data = b"\0\0\1\0\1\0" + struct.pack("<BBBBHHII", 16, 16, 0, 0, 1, 32, len(inner), 22) + inner
    monkeypatch.setattr(Image, "open", lambda *_, **__: pytest.fail("Pillow saw it"))
    with pytest.raises(LimitError, match="expected at most 1000000 pixels, got 9000000"):
        decode(data, limits=Limits(max_pixels=10**6))


def test_bomb_warning_turned_error_is_a_limit(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 150)
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        with pytest.raises(
            LimitError, match="expected at most 150 pixels, of which Pillow does not warn, got more; pass limits=Limits"
        ):
            decode(FILES["png"])
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(LimitError, match="expected at most 200 pixels, got 221"):
        decode(FILES["png"])
    with pytest.raises(LimitError, match="expected at most 200 pixels, got 221"):
        decode(png_bytes(picture(dtype=np.uint16), 16, 2))


def test_memory_errors_pass(monkeypatch):
    def short(*_, **__):
        raise MemoryError("short")

    monkeypatch.setattr(Image, "open", short)
    with pytest.raises(MemoryError, match=r"^short$"):
        decode(FILES["png"])


def test_decoding_changes_no_global_state():
    from PIL import ImageFile

    before = (Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES, list(warnings.filters))
    for data in FILES.values():
        decode(data)
        decode(data[: len(data) * 9 // 10], allow_truncated=True) if data[:4] == b"\x89PNG" else None
    assert (Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES, list(warnings.filters)) == before
    assert ".HEIC" not in Image.registered_extensions()
    assert ".heic" not in Image.registered_extensions()


# HEIC


def test_heic():
    pi_heif = pytest.importorskip("pi_heif")
    path = SAMPLES / "hopper.heif"
    if not path.exists():
        pytest.skip("no samples")
    data = path.read_bytes()
    expected = pi_heif.open_heif(io.BytesIO(data)).to_pillow()
    got = decode(data)
    assert np.array_equal(np.asarray(got), np.asarray(expected))
    with pytest.raises(FileFormatError, match="expected a whole HEIC file"):
        decode(data[: len(data) // 2])
    with pytest.raises(InputValueError, match="file has 1 frame"):
        decode(data, frame=1)
    with pytest.raises(LimitError, match="at most 100 pixels"):
        decode(data, limits=Limits(max_pixels=100))
    assert len(list(raster.frames(data, name="file"))) == 1


def test_heic_without_the_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "pi_heif", None)
    data = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + struct.pack(">I4s", 8, b"meta") + struct.pack(">I4s", 8, b"mdat")
    with pytest.raises(
        MissingDependencyError,
        match=r"expected the package pi-heif for HEIC, got none installed; run: pip install pi-heif\.$",
    ):
        decode(data)


# probe


def test_probe():
    header = raster.probe(png_bytes(picture(channels=4, dtype=np.uint16), 16, 6), name="file")
    assert (header.format, header.mode, header.depth, header.channels, header.has_alpha) == (
        "png",
        "RGBA;16",
        16,
        4,
        True,
    )
    header = raster.probe(tiff_bytes(picture(dtype=np.float32), photometric="rgb"), name="file")
    assert (header.format, header.mode, header.depth, header.channels, header.frames) == ("tiff", "RGB;32F", 32, 3, 1)
    header = raster.probe(FILES["jpeg"], name="file")
    assert (header.width, header.height, header.bytes, header.profile) == (48, 40, len(FILES["jpeg"]), None)
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert raster.probe(saved(picture(), "PNG", icc_profile=srgb), name="file").profile == "sRGB built-in"


@pytest.mark.parametrize("key", FILES)
def test_probe_every_format(key):
    header = raster.probe(FILES[key], name="file")
    image = decode(FILES[key])
    height, width = array(image).shape[:2]
    assert (header.width, header.height, header.frames) == (width, height, 1)


# encoding


def as_image(mode):
    channels = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4, "I;16": 1, "F": 1}[mode]
    dtype = {"I;16": np.uint16, "F": np.float32}.get(mode, np.uint8)
    return Image.fromarray(np.squeeze(picture(channels=channels, dtype=dtype)))


ROUND_TRIPS = [
    ("png", "L LA RGB RGBA I;16"),
    ("tiff", "L LA RGB RGBA I;16 F"),
    ("webp", "RGB RGBA"),
    ("bmp", "L RGB"),
    ("ico", "RGB RGBA"),
    ("ppm", "L RGB I;16"),
    ("gif", "L"),
]


@pytest.mark.parametrize(("format", "mode"), [(f, m) for f, modes in ROUND_TRIPS for m in modes.split()])
def test_image_round_trip(format, mode):
    image = as_image(mode)
    before = np.asarray(image).copy()
    data = raster.encode(image, format, raster.EncodeOptions(lossless=True if format == "webp" else None))
    assert raster.identify(data) == format
    got = decode(data)
    assert np.array_equal(np.asarray(got.convert(mode) if format in ("gif", "ico") else got), before)
    if format != "gif":
        assert got.mode == mode
    assert np.array_equal(np.asarray(image), before)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize(
    ("format", "dtype"), [("png", np.uint16), ("tiff", np.uint16), ("tiff", np.float32), ("ppm", np.uint16)]
)
def test_array_round_trip(format, dtype, channels):
    if format == "ppm" and channels in (2, 4):
        pytest.skip("no alpha in PPM")
    pixels = picture(700, 60, channels, dtype)
    for source in (pixels, pixels[::-1, ::-1], pixels.astype(pixels.dtype.newbyteorder())):
        data = raster.encode(source, format)
        assert np.array_equal(array(decode(data)), np.squeeze(source))
        if format == "tiff":
            assert np.array_equal(tifffile.imread(io.BytesIO(data)), np.squeeze(source))
            with tifffile.TiffFile(io.BytesIO(data)) as file:
                assert list(map(int, file.pages[0].extrasamples)) == ([2] if channels in (2, 4) else [])


@pytest.mark.parametrize(("format", "quality"), [("jpeg", 90), ("webp", 90), ("avif", 75)])
def test_quality(format, quality):
    image = as_image("RGB").resize((96, 96))
    default = raster.encode(image, format)
    assert default == raster.encode(image, format, raster.EncodeOptions(quality=quality))
    assert len(raster.encode(image, format, raster.EncodeOptions(quality=20))) < len(default)
    assert raster.capabilities(format).quality == quality
    assert decode(default).size == (96, 96)


def test_jpeg_and_avif_are_close():
    smooth = Image.fromarray(np.add.outer(np.arange(64), np.arange(64)).astype(np.uint8)).convert("RGB")
    for name in ("jpeg", "avif", "webp"):
        got = np.asarray(decode(raster.encode(smooth, name))).astype(int)
        assert np.abs(got - np.asarray(smooth)).max() <= 8


def test_gif_with_alpha():
    image = as_image("RGBA")
    alpha = np.where(np.asarray(image)[..., 3] > 90, 255, 0).astype(np.uint8)
    image.putalpha(Image.fromarray(alpha))
    got = np.asarray(decode(raster.encode(image, "gif")).convert("RGBA"))
    assert np.array_equal(got[..., 3], alpha)
    assert np.array_equal(got[alpha == 255], np.asarray(image)[alpha == 255])
    clear = Image.new("RGBA", (3, 2))
    assert not np.asarray(decode(raster.encode(clear, "gif")).convert("RGBA"))[..., 3].any()
    with pytest.raises(
        InputValueError,
        match=r'image: expected alpha 0 or 255 for GIF, got \d+; call flatten\(image, background="white"\)',
    ):
        raster.encode(as_image("RGBA"), "gif")


def test_hidden_colors_survive_lossless_webp():
    pixels = picture(channels=4)
    pixels[3:9, 4:7, 3] = 0
    assert np.array_equal(
        np.asarray(decode(raster.encode(Image.fromarray(pixels), "webp", raster.EncodeOptions(lossless=True)))), pixels
    )


@pytest.mark.parametrize("count", [2, 255, 256])
def test_gif_of_few_colors_is_exact(count):
    colors = picture(1, count)[0]
    pixels = colors[np.arange(16 * 40).reshape(16, 40) % count]
    got = decode(raster.encode(Image.fromarray(pixels), "gif"))
    assert np.array_equal(np.asarray(got.convert("RGB")), pixels)


def test_gif_of_many_colors_is_close():
    ramp = np.stack(np.meshgrid(np.arange(64), np.arange(64)), axis=-1).astype(np.uint8) * 4
    image = Image.fromarray(np.concatenate([ramp, ramp[..., :1] // 2], axis=-1))
    got = np.asarray(decode(raster.encode(image, "gif")).convert("RGB")).astype(int)
    assert np.abs(got - np.asarray(image)).mean() < 12


def test_icon_holds_exactly_one_size():
    data = raster.encode(as_image("RGBA").resize((48, 32)), "ico")
    assert struct.unpack_from("<HBB", data, 4) == (1, 48, 32)


@pytest.mark.parametrize("format", ["jpeg", "bmp", "ppm"])
@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_alpha_is_refused(format, mode):
    match = rf'^image: expected no alpha channel for {format.upper()}, got {mode}; call flatten\(image, background="white"\) first, or write PNG or WebP\.$'
    with pytest.raises(InputValueError, match=match):
        raster.encode(as_image(mode), format)


@pytest.mark.parametrize("format", ["jpeg", "webp", "avif", "gif", "bmp", "ico"])
def test_depth_is_refused(format):
    for mode, got in (("I;16", "16-bit gray"), ("F", "32-bit float")):
        with pytest.raises(
            InputValueError, match=rf'expected 8-bit pixels for \w+, got {got}; convert to dtype="uint8"'
        ):
            raster.encode(as_image(mode), format)
    with pytest.raises(InputValueError, match=r"got 16-bit color; convert"):
        raster.encode(picture(dtype=np.uint16), format)
    with pytest.raises(InputValueError, match=r"for PNG, got 32-bit float; .* or write TIFF\."):
        raster.encode(picture(dtype=np.float32), "png")


def test_options_are_checked():
    image = as_image("RGB")
    for options, error, match in (
        ({"format": "png", "quality": 90}, InputValueError, "quality: expected None for PNG, got 90; only JPEG"),
        ({"format": "jpeg", "quality": 0}, InputValueError, r"quality: expected 1\.\.100, got 0"),
        ({"format": "jpeg", "quality": 101}, InputValueError, r"quality: expected 1\.\.100, got 101"),
        ({"format": "jpeg", "quality": True}, InputTypeError, r"quality: expected a whole number 1\.\.100, got True"),
        ({"format": "jpeg", "quality": 1.5}, InputTypeError, r"quality: expected a whole number 1\.\.100, got 1\.5"),
        (
            {"format": "jpeg", "lossless": True},
            InputValueError,
            "lossless: expected None or False for JPEG, got True; write PNG",
        ),
        ({"format": "avif", "lossless": True}, InputValueError, "lossless: expected None or False for AVIF, got True"),
        ({"format": "png", "lossless": False}, InputValueError, "lossless: expected None or True for PNG, got False"),
        ({"format": "png", "lossless": 1}, InputTypeError, "lossless: expected True, False or None, got 1"),
        (
            {"format": "webp", "lossless": True, "quality": 9},
            InputValueError,
            "quality: expected None with lossless=True, got 9",
        ),
        ({"format": "heic"}, InputValueError, 'format: expected one of png, jpeg, .*, got "heic"; write one'),
        ({"format": 3}, InputTypeError, 'format: expected a name such as "png", got 3'),
    ):
        with pytest.raises(error, match=match):
            raster.encode(image, options.pop("format"), raster.EncodeOptions(**options))


def test_shapes_and_modes_are_checked():
    with pytest.raises(InputValueError, match=r"image: expected one of the modes L, LA, .*, got CMYK"):
        raster.encode(Image.new("CMYK", (2, 2)), "jpeg")
    with pytest.raises(InputValueError, match=r"expected shape \(H, W, 1 to 4\), got \(3, 4\)"):
        raster.encode(np.zeros((3, 4), np.uint16), "png")
    with pytest.raises(InputTypeError, match="expected uint16 or float32 samples, got uint8"):
        raster.encode(np.zeros((3, 4, 3), np.uint8), "png")
    with pytest.raises(InputValueError, match="expected at least 1 x 1 pixels, got 0 x 3"):
        raster.encode(Image.new("L", (0, 3)), "png")
    with pytest.raises(
        InputValueError, match="mine: expected at most 256 pixels a side for ICO, got 257 x 1; resize it"
    ):
        raster.encode(Image.new("L", (257, 1)), "ico", name="mine")


@pytest.mark.parametrize(("format", "side"), [("jpeg", 65500), ("webp", 16383), ("gif", 65535)])
def test_largest_sides(format, side):
    assert decode(raster.encode(Image.new("L", (side, 1)), format)).size == (side, 1)
    with pytest.raises(InputValueError, match=f"expected at most {side} pixels a side"):
        raster.encode(Image.new("L", (side + 1, 1)), format)


@pytest.mark.parametrize("format", ["png", "jpeg", "webp", "avif", "tiff"])
def test_metadata_survives(format):
    image = as_image("RGB").resize((32, 32))
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    image.info = {"icc_profile": profile, "dpi": (144, 144), "exif": exif_with(6), "transparency": (1, 2, 3)}
    before = dict(image.info)
    beside = raster.collect(image.info, "keep", gray=False)
    got = decode(raster.encode(image, format, metadata=beside), profile="ignore")
    assert image.info == before
    assert got.info["icc_profile"] == profile
    assert "transparency" not in got.info
    assert got.getexif().get(271) == "maker"
    assert got.getexif().get(274) is None
    assert got.size == (32, 32)
    if "dpi" in raster.capabilities(format).metadata:
        assert got.info["dpi"] == pytest.approx((144, 144), abs=0.1)
    gray = image.convert("L")
    gray.info = before
    assert "icc_profile" not in decode(raster.encode(gray, format), profile="ignore").info


def test_capabilities():
    assert raster.capabilities(".JPG").name == "jpeg"
    assert raster.capabilities("tif").float32
    assert raster.capabilities("png").suffixes == (".png", ".apng")
    assert not raster.capabilities("bmp").alpha


# real files


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="no samples")
@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*")) if SAMPLES.is_dir() else [], ids=lambda p: p.name)
def test_samples(path):
    data = path.read_bytes()
    image = raster.decode(data, name=path.name, limits=Limits())
    header = raster.probe(data, name=path.name, limits=Limits())
    sides = array(image).shape[:2]
    assert sorted(sides) == sorted((header.width, header.height))
    for part in (0.3, 0.6, 0.95):
        cut = data[: int(len(data) * part)]
        if part >= {"tiff_16bit_RGBa.tiff": 0.95, "tiff_strip_cmyk_jpeg.tif": 0.6}.get(path.name, 1):
            # What their ends hold says nothing of pixels.
            assert np.array_equal(array(raster.decode(cut, name=path.name)), array(image))
            continue
        with pytest.raises(FileFormatError, match=r"expected .*, got .*; "):
            raster.decode(cut, name=path.name)
    if isinstance(image, raster.HighDepth):
        reference = tifffile.imread(path) if path.suffix == ".tiff" and "RGBa" not in path.name else None
        assert reference is None or np.array_equal(reference, image.pixels)


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="no samples")
def test_sample_orientations_agree():
    upright = [
        np.asarray(decode((SAMPLES / f"hopper_orientation_{k}.jpg").read_bytes())).astype(int) for k in range(2, 9)
    ]
    for other in upright[1:]:
        # Separate JPEG encodings of one picture: only compression noise may differ.
        assert np.abs(other - upright[0]).mean() < 4


def test_raster_never_imports_torch():
    code = "import sys; import aikit._raster; sys.exit('torch' in sys.modules)"
    source = str(Path(__file__).parents[1] / "src")
    assert (
        subprocess.run([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": source}, check=False).returncode
        == 0
    )
