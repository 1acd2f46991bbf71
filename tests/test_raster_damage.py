"""Small damage that every viewer forgives is forgiven and told in the log; what holds pixels is not."""

from __future__ import annotations

import io
import logging
import struct
import zlib

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms

from aikit import FileFormatError, read_numpy, read_pil
from aikit.files import read_frames
from animations import Picture, apng, chunk, gif
from pictures import codes

PIXELS = codes(13, 17, 3)


def saved(pixels, kind, **options):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind, **options)
    return file.getvalue()


def broken(kind, body):
    """A PNG chunk with a wrong checksum."""
    whole = chunk(kind, body)
    return whole[:-1] + bytes([whole[-1] ^ 1])


def with_chunk(data, added, at=33):
    return data[:at] + added + data[at:]


def before_end(data, added):
    return data[:-12] + added + data[-12:]


PNG = saved(PIXELS, "PNG")
DEEP = codes(13, 17, 3, "uint16")


def deep_png():
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in DEEP)
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 17, 13, 16, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def long_text(kind):
    packed = zlib.compress(bytes(2_000_000))
    return chunk(kind, {b"zTXt": b"key\0\0", b"iTXt": b"key\0\1\0\0\0"}[kind] + packed)


FORGIVEN_PNG = {
    "checksum of a text": (
        with_chunk(PNG, broken(b"tEXt", b"key\0text")),
        "a wrong checksum in its tEXt chunk at byte 33",
    ),
    "checksum of a resolution": (with_chunk(PNG, broken(b"pHYs", bytes(9))), "wrong checksum in its pHYs chunk"),
    "checksum of a time, behind": (before_end(PNG, broken(b"tIME", bytes(7))), "wrong checksum in its tIME chunk"),
    "long text": (with_chunk(PNG, long_text(b"zTXt")), "too long a text in its zTXt chunk at byte 33"),
    "long international text": (with_chunk(PNG, long_text(b"iTXt")), "too long a text in its iTXt chunk"),
    "long text, behind": (before_end(PNG, long_text(b"zTXt")), "too long a text in its zTXt chunk"),
    "no end": (PNG[:-12], "without an IEND chunk"),
    "half an end": (PNG[:-5], "an IEND chunk of 0 bytes that ends behind the file|bytes without an IEND chunk"),
    "cut checksum of pixels": (PNG[:-14], "IDAT chunk of"),
    "cut text behind the pixels": (
        before_end(PNG, chunk(b"tEXt", b"k\0" + b"t" * 99))[:-60],
        "a tEXt chunk of 101 bytes",
    ),
}


def told(caplog):
    return [record.getMessage() for record in caplog.records if record.name == "aikit.raster"]


@pytest.mark.parametrize("name", FORGIVEN_PNG)
@pytest.mark.parametrize("allow_truncated", [False, True])
def test_png_without_what_is_damaged(name, allow_truncated, caplog):
    data, words = FORGIVEN_PNG[name]
    with caplog.at_level(logging.WARNING, "aikit.raster"):
        np.testing.assert_array_equal(read_numpy(data, allow_truncated=allow_truncated), PIXELS)
    if allow_truncated and "cut" not in name and "end" not in name:
        assert len(told(caplog)) == 1
    if not allow_truncated:
        (line,) = told(caplog)
        assert line.startswith("source: read in spite of ")
        assert line.endswith(" in the PNG file")
        assert any(each in line for each in words.split("|"))
    assert read_pil(data, allow_truncated=True).info.get("key") is None


def test_16_bits_without_what_is_damaged():
    for data in (with_chunk(deep_png(), broken(b"tEXt", b"key\0text")), deep_png()[:-12], deep_png()[:-14]):
        np.testing.assert_array_equal(read_numpy(data), DEEP)


def test_what_is_not_damaged_stays():
    data = with_chunk(
        PNG, broken(b"tEXt", b"bad\0text") + chunk(b"tEXt", b"good\0text") + chunk(b"gAMA", b"\0\0\xb1\x8f")
    )
    info = read_pil(data).info
    assert (info.get("good"), info.get("bad")) == ("text", None)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (PNG.replace(b"IHDR", b"IHDR", 1)[:32] + bytes([PNG[32] ^ 1]) + PNG[33:], "corrupt"),
        (PNG[:-16] + bytes([PNG[-16] ^ 1]) + PNG[-15:], "corrupt"),
        (with_chunk(PNG, broken(b"tRNS", bytes(6))), "corrupt"),
        (with_chunk(PNG, broken(b"PLTE", bytes(6))), "corrupt"),
        (PNG[:-40], "truncated"),
        (PNG[:-20], "truncated"),
        (apng((1, 1), 6, [Picture(np.zeros((1, 1, 4)))] * 2)[:-12], "truncated"),
        (with_chunk(PNG, broken(b"acTL", bytes(8))), "corrupt"),
    ],
    ids=["IHDR", "IDAT", "tRNS", "PLTE", "pixels cut", "last pixels cut", "animation", "acTL"],
)
def test_what_holds_pixels_is_refused(data, code):
    with pytest.raises(FileFormatError, match=r"^source: expected a (valid|whole) PNG file") as caught:
        read_pil(data)
    assert caught.value.code == code


def test_a_profile_longer_than_pillow_takes():
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    # What lies behind its tags is part of it.
    profile += bytes(2_000_000)
    profile[:4] = struct.pack(">I", len(profile))
    data = with_chunk(PNG, chunk(b"iCCP", b"p\0\0" + zlib.compress(bytes(profile))))
    assert read_pil(data, profile="ignore").info["icc_profile"] == profile
    np.testing.assert_allclose(read_numpy(data).astype(int), PIXELS, atol=1)
    data = with_chunk(PNG, chunk(b"iCCP", b"p\0\0" + zlib.compress(bytes(20_000_000))))
    with pytest.raises(FileFormatError, match="an ICC profile of more than 16777216 bytes"):
        read_pil(data)


# GIF


def test_gif_without_its_end_or_with_more_behind_it(caplog):
    palette = codes(4, 3)
    pictures = [Picture(np.array([[0, 1, 2]])), Picture(np.array([[2, 2, 1]]))]
    whole = gif((3, 1), palette, pictures)
    expected = [np.asarray(frame).tolist() for frame in read_frames(whole)]
    assert len(expected) == 2
    for tail, words in ((b"", "no trailer"), (b"\x99junk", "5 bytes that are no blocks"), (b";\0 more, and!", None)):
        caplog.clear()
        with caplog.at_level(logging.WARNING, "aikit.raster"):
            assert [np.asarray(frame).tolist() for frame in read_frames(whole[:-1] + tail)] == expected
        assert [words in line for line in told(caplog)] == ([] if words is None else [True])
        assert read_pil(whole[:-1] + tail).size == (3, 1)
    with pytest.raises(FileFormatError, match="end inside a header"):
        read_pil(whole[:-2])
    # A control block announces a picture: the file goes on.
    with pytest.raises(FileFormatError, match="end inside a header"):
        read_pil(whole[:-1] + b"!\xf9\4\0\0\0\0\0")


# JPEG


def segments(data):
    """Where the segments begin, up to the pixels."""
    at = 2
    while data[at + 1] != 0xDA:
        yield at
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    yield at


@pytest.mark.parametrize("junk", [b"\0", b"junk", b"\0\xff\0", bytes(3000)])
def test_jpeg_with_junk_between_segments(junk, caplog):
    data = saved(codes(40, 48, 3), "JPEG")
    expected = np.asarray(Image.open(io.BytesIO(data)))
    for at in list(segments(data))[1:]:
        caplog.clear()
        with caplog.at_level(logging.WARNING, "aikit.raster"):
            np.testing.assert_array_equal(read_numpy(data[:at] + junk + data[at:]), expected)
        assert told(caplog) == [f"source: read in spite of {len(junk)} bytes between segments in the JPEG file"]


def test_jpeg_with_a_great_deal_of_junk_is_refused():
    data = saved(codes(40, 48, 3), "JPEG")
    at = list(segments(data))[1]
    with pytest.raises(FileFormatError, match="the byte 0x00 where a marker belongs"):
        read_pil(data[:at] + bytes(100_000) + data[at:])


# TIFF


@pytest.mark.parametrize("bigtiff", [False, True])
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
@pytest.mark.parametrize("tag", [270, 305, 315, 700, 40000])
def test_tiff_with_a_tag_behind_its_end(tag, dtype, bigtiff, caplog):
    pixels = codes(13, 17, 3, dtype)
    file = io.BytesIO()
    tifffile.imwrite(
        file, pixels, photometric="rgb", bigtiff=bigtiff, metadata=None, extratags=[(tag, 2, 30, "x" * 30, True)]
    )
    data = bytearray(file.getvalue())
    entry = data.index(struct.pack("<HH", tag, 2))
    struct.pack_into("<Q" if bigtiff else "<I", data, entry + (12 if bigtiff else 8), len(data) + 1000)
    with caplog.at_level(logging.WARNING, "aikit.raster"):
        np.testing.assert_array_equal(read_numpy(bytes(data)), pixels)
    assert told(caplog) == [f"source: read in spite of tag {tag} behind its end in the TIFF file"]


def test_tiff_without_its_strips_is_refused():
    file = io.BytesIO()
    tifffile.imwrite(file, PIXELS, photometric="rgb", metadata=None, rowsperstrip=1)
    data = bytearray(file.getvalue())
    entry = data.index(struct.pack("<HH", 273, 4))
    struct.pack_into("<I", data, entry + 8, len(data) + 1000)
    with pytest.raises(FileFormatError, match="tag 273 with"):
        read_pil(bytes(data))


def test_names_are_escaped_in_the_log(tmp_path, caplog):
    path = tmp_path / "a\nb.png"
    path.write_bytes(PNG[:-12])
    with caplog.at_level(logging.WARNING, "aikit.raster"):
        read_pil(path)
    assert "a\\nb.png: read in spite of" in told(caplog)[0]
