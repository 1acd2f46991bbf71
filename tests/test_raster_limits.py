"""Limits on raster files: sizes bind before memory is taken, wherever a file ends, and alone."""

from __future__ import annotations

import contextlib
import io
import struct
import tracemalloc
import warnings

import pytest
from PIL import Image

from aikit import _raster as raster
from aikit.errors import FileFormatError, LimitError
from aikit.limits import Limits
from attacks import _png_claiming, _tiff_of, _tiff_tags, _zeros
from fuzz.files import FILES


def decode(data, **options):
    return raster.decode(data, name="file", **options)


def claiming(key, side):
    """The first bytes of a file, up to where its size has been told, and no pixels."""
    if key == "png":
        return _png_claiming(side, side)[:60]
    if key == "jpeg":
        data = bytearray(FILES["jpeg"])
        at = data.index(b"\xff\xc0")
        data[at + 5 : at + 9] = struct.pack(">HH", side, side)
        return bytes(data[: data.index(b"\xff\xda") + 20])
    if key == "tiff":
        return _tiff_of(_tiff_tags(side, side))
    if key in ("avif", "heic"):
        data = bytearray(FILES[key])
        at = data.index(b"ispe")
        data[at + 8 : at + 16] = struct.pack(">II", side, side)
        return bytes(data[:-30])
    word = struct.pack("<H", side)
    return {
        "webp": b"RIFF\xff\xff\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0" + 2 * struct.pack("<I", side - 1)[:3],
        "webp-lossless": b"RIFF\xff\xff\0\0WEBPVP8L\xff\xf0\0\0\x2f" + struct.pack("<I", (side - 1) * 16385),
        "gif": b"GIF89a" + 2 * word + b"\0\0\0,\0\0\0\0" + 2 * word + b"\0\2\5\1",
        "bmp": b"BM" + struct.pack("<IHHIIiiHHII", 0, 0, 0, 54, 40, side, side, 1, 24, 0, 0) + bytes(20),
        "bmp-core": b"BM" + struct.pack("<IHHIIHHHH", 0, 0, 0, 26, 12, side, side, 1, 24) + bytes(20),
        "ico": b"\0\0\1\0\1\0" + struct.pack("<BBBBHHII", 9, 9, 0, 0, 1, 32, 9999, 22) + claiming("png", side)[:50],
        "ico-bmp": b"\0\0\1\0\1\0"
        + struct.pack("<BBBBHHII", 9, 9, 0, 0, 1, 32, 9999, 22)
        + struct.pack("<IiiHHII", 40, side, 2 * side, 1, 24, 0, 0),
        "pbm": b"P4 %d %d\n" % (side, side),
        "pbm-plain": b"P1 %d %d\n" % (side, side),
        "pgm": b"P5 %d %d 254\n" % (side, side),
        "pgm-plain": b"P2 %d %d 255\n0 " % (side, side),
        "ppm-16": b"P6 %d %d 65535\n0" % (side, side),
        "ppm-plain-16": b"P3 %d %d 65535\n0 " % (side, side),
    }[key]


CLAIMS = (
    "png jpeg tiff avif webp webp-lossless gif bmp bmp-core ico ico-bmp pbm pbm-plain pgm pgm-plain ppm-16 ppm-plain-16"
).split()


@pytest.mark.parametrize("key", [*CLAIMS, "heic"])
@pytest.mark.parametrize("limits", [None, Limits()], ids=["none", "limits"])
def test_a_giant_without_pixels_takes_no_memory(key, limits, monkeypatch):
    if key == "heic":
        pytest.importorskip("pi_heif")
    data = claiming(key, 16000 if key.startswith("webp") else 20000)
    monkeypatch.setattr(Image.Image, "load", lambda *_: pytest.fail("pixels were decoded"))
    tracemalloc.start()
    try:
        with pytest.raises((LimitError, FileFormatError), match=r"^file: expected (at most|a whole|a valid)"):
            decode(data, limits=limits, allow_truncated=True)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()
    if key not in ("avif", "heic"):
        # Their decoder reads no size where boxes are cut off.
        with pytest.raises(LimitError, match=r"expected at most \d+ pixels, got (400|256)000000"):
            decode(data, limits=limits, allow_truncated=True)


@pytest.mark.parametrize("key", sorted(FILES))
@pytest.mark.parametrize("allow_truncated", [False, True])
def test_the_first_bytes_of_a_file_are_our_errors(key, allow_truncated):
    if key == "heic":
        pytest.importorskip("pi_heif")
    data = FILES[key]
    for size in [*range(1, 80), *range(80, len(data), 1 + len(data) // 40)]:
        for read in (raster.decode_guarded, lambda *args, **options: list(raster.frames_guarded(*args, **options))):
            with contextlib.suppress(FileFormatError, LimitError):
                read(data[:size], name="file", limits=Limits(), allow_truncated=allow_truncated)
        with contextlib.suppress(FileFormatError, LimitError):
            raster.probe(data[:size], name="file", limits=Limits())


def test_limits_hold_alone(monkeypatch):
    sizes = {
        key: Image.open(io.BytesIO(FILES[key])).size for key in ("png", "jpeg", "avif", "gif", "tiff", "bmp", "ppm")
    }
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    for key in sizes:
        with pytest.raises(
            LimitError, match=r"at most 200 pixels, got (\d+|more); pass limits=Limits\(max_pixels=\.\.\., max_"
        ):
            decode(FILES[key])
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert decode(FILES[key], limits=Limits()).size in (sizes[key], sizes[key][::-1])
    assert Image.MAX_IMAGE_PIXELS == 100


def test_a_large_picture_with_limits_that_allow_it():
    data = _png_claiming(20000, 10000, 1, 0, _zeros(10000 * 2501))
    with pytest.raises(LimitError, match="at most 178956970 pixels, got 200000000; pass limits=Limits"):
        decode(data)
    limits = Limits(max_pixels=300_000_000, max_total_pixels=300_000_000)
    assert decode(data, limits=limits).size == (20000, 10000)


@pytest.mark.parametrize("read", [raster.decode, raster.frames])
def test_nobody_is_told_to_ask_for_what_he_asked_for(read):
    data = b"RIFF\x0c\0\0\0WEBPVP8X"
    with pytest.raises(FileFormatError, match="or pass allow_truncated=True to read what is there"):
        read(data, name="file")
    with pytest.raises(FileFormatError, match="; fetch the file again: too little of it is there") as caught:
        read(data, name="file", allow_truncated=True)
    assert (caught.value.code, caught.value.option) == ("truncated", None)
