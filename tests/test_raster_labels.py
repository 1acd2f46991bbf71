"""read_label_map: the numbers that a file holds, by independent readers and writers of it."""

import io

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image

import aikit
from aikit import FileFormatError, InputValueError, LimitError, Limits, read_label_map
from pictures import codes


def file_of(image, format="png", **options):
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def tiff_of(array, **options):
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, array, **options)
    return buffer.getvalue()


def palette(array, colors=256):
    image = Image.fromarray(array)
    # Colors of which no channel is the index. (Pillow's GIF writer drops colors that are there twice.)
    image.putpalette([part for k in range(colors) for part in (255 - k, (k * 7 + 3) % 256, 5)])
    return image


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
@pytest.mark.parametrize("format", ["png", "gif", "bmp", "tiff"])
def test_indices_of_palettes(bits, format):
    array = (codes(13, 17) % np.uint16(1 << bits)).astype(np.uint8)
    options = {"png": {"bits": bits}, "gif": {"optimize": False}}.get(format, {})
    data = file_of(palette(array, 1 << bits), format, **options)
    result = read_label_map(data)
    assert result.dtype == np.uint8
    np.testing.assert_array_equal(result, array)


def test_a_transparent_index_is_an_index():
    array = codes(13, 17) % 4
    np.testing.assert_array_equal(read_label_map(file_of(palette(array, 4), transparency=2)), array)


def gray_png(array, bits):
    """A gray PNG of few bits, written by hand: Pillow writes none."""
    import struct
    import zlib

    height, width = array.shape
    packed = [np.packbits(np.unpackbits(row[:, None], axis=1)[:, 8 - bits :].ravel()).tobytes() for row in array]

    def chunk(name, body):
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", width, height, bits, 0, 0, 0, 0)
    rows = zlib.compress(b"".join(b"\0" + row for row in packed))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_gray_codes_are_as_they_are_stored(bits):
    array = (codes(13, 17) % np.uint16(1 << bits)).astype(np.uint8)
    np.testing.assert_array_equal(read_label_map(gray_png(array, bits)), array)


@pytest.mark.parametrize("dtype", ["uint16", "int32", "int16"])
@pytest.mark.parametrize("compression", [None, "deflate"])
def test_wide_numbers(dtype, compression):
    array = codes(13, 17, dtype="uint16").astype(dtype)
    result = read_label_map(tiff_of(array, compression=compression))
    assert result.dtype == ("uint16" if dtype == "uint16" else "int32")
    np.testing.assert_array_equal(result, array)
    if dtype == "uint16":
        ok, data = cv2.imencode(".png", array)
        assert ok
        np.testing.assert_array_equal(read_label_map(data.tobytes()), array)


def test_a_tiff_whose_zero_is_white_holds_its_numbers():
    array = codes(13, 17)
    np.testing.assert_array_equal(read_label_map(tiff_of(array, photometric="miniswhite")), array)


def test_pages():
    pages = codes(13, 17, batch=(3,))
    data = tiff_of(pages, photometric="minisblack")
    for k in range(3):
        np.testing.assert_array_equal(read_label_map(data, frame=k), pages[k])
    with pytest.raises(InputValueError, match=r"frame: expected 0 to 2, got 3"):
        read_label_map(data, frame=3)


def test_it_comes_upright():
    image = palette(codes(13, 17))
    exif = Image.Exif()
    exif[0x0112] = 6
    np.testing.assert_array_equal(read_label_map(file_of(image, exif=exif)), np.rot90(codes(13, 17), -1))


def test_in_a_child_process_and_within_limits():
    data = file_of(palette(codes(13, 17)))
    np.testing.assert_array_equal(read_label_map(data, limits=Limits(), isolate=True), codes(13, 17))
    with pytest.raises(LimitError, match="pixels"):
        read_label_map(data, limits=Limits(max_pixels=100))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            file_of(Image.new("RGB", (4, 3))),
            r"one channel of whole numbers, got the mode RGB; turn its colors into numbers",
        ),
        (file_of(Image.new("LA", (4, 3))), r"one channel of whole numbers, got the mode LA"),
        (
            file_of(Image.new("L", (4, 3)), "jpeg"),
            r"expected a format that keeps numbers: PNG, TIFF, GIF or BMP, got JPEG",
        ),
        (file_of(Image.new("L", (4, 3)))[:50], r"expected a whole PNG file|ends too early|truncated"),
        (b"nothing", r"expected PNG, JPEG"),
    ],
    ids=["rgb", "gray and alpha", "jpeg", "cut off", "nothing"],
)
def test_what_holds_no_numbers_is_refused(data, message):
    with pytest.raises(FileFormatError, match=message):
        read_label_map(data)


def test_from_a_path(tmp_path):
    path = tmp_path / "labels.png"
    path.write_bytes(file_of(palette(codes(5, 6))))
    np.testing.assert_array_equal(read_label_map(path), codes(5, 6))
    assert aikit.read_label_map is read_label_map
