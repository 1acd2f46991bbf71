"""The PNG writer: every pixel, every depth, one file whatever the number of threads, and sizes beside zlib's own way."""

import io
import zlib

import cv2
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from PIL import Image
from skimage import data

from aikit import encode, read_numpy
from aikit._raster.png_writer import write_png
from pictures import codes


def pillow(pixels, **options):
    file = io.BytesIO()
    Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels).save(file, "PNG", **options)
    return file.getvalue()


def rows_of(png):
    """The header's numbers and the filtered rows."""
    at, body, head = 8, b"", None
    while at < len(png):
        size, kind = int.from_bytes(png[at : at + 4], "big"), png[at + 4 : at + 8]
        part = png[at + 8 : at + 8 + size]
        assert zlib.crc32(kind + part) == int.from_bytes(png[at + 8 + size : at + 12 + size], "big")
        head = part if kind == b"IHDR" else head
        body += part if kind == b"IDAT" else b""
        at += 12 + size
    return head, np.frombuffer(zlib.decompress(body), np.uint8)


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("size", [(1, 1), (1, 40), (40, 1), (67, 91), (300, 5)])
def test_every_pixel_comes_back(dtype, channels, size):
    pixels = codes(*size, channels, dtype)
    png = write_png(pixels)
    np.testing.assert_array_equal(np.atleast_3d(read_numpy(png)).reshape(pixels.shape), pixels)
    head, rows = rows_of(png)
    assert head[8] == 8 * pixels.itemsize
    assert set(rows[:: 1 + size[1] * channels * pixels.itemsize]) <= {0, 1, 2, 3, 4}
    if dtype == "uint8":
        with Image.open(io.BytesIO(png)) as opened:
            np.testing.assert_array_equal(np.asarray(opened).reshape(pixels.shape), pixels)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 70),
    st.integers(1, 70),
    st.sampled_from([1, 2, 3, 4]),
    st.integers(0, 255),
    st.integers(0, 2**32 - 1),
)
def test_pictures_of_any_noise_come_back(height, width, channels, spread, seed):
    noise = np.random.default_rng(seed).integers(0, spread + 1, (height, width, channels))
    pixels = np.uint8((noise + np.arange(width)[:, None]) % 256)
    np.testing.assert_array_equal(np.atleast_3d(read_numpy(write_png(pixels))).reshape(pixels.shape), pixels)


def test_a_picture_is_one_file_however_many_threads():
    picture = np.concatenate([data.astronaut()] * 8)
    before = cv2.getNumThreads()
    try:
        cv2.setNumThreads(1)
        alone = write_png(picture)
        cv2.setNumThreads(4)
        assert write_png(picture) == alone
    finally:
        cv2.setNumThreads(before)
    np.testing.assert_array_equal(read_numpy(alone), picture)


def screenshot():
    picture = np.full((600, 800, 3), 245, np.uint8)
    for row in range(20, 600, 24):
        cv2.putText(
            picture,
            f"line {row} of text",
            (20 + row % 50, row),
            cv2.FONT_HERSHEY_SIMPLEX,
            0.6,
            (40, row % 200, 90),
            1,
            cv2.LINE_AA,
        )
    return picture


@pytest.mark.parametrize(
    ("picture", "most"),
    [
        (data.astronaut(), 1.02), (data.coffee(), 1.02), (data.retina(), 1.02), (data.camera()[..., None], 1.02),
        (data.moon()[..., None], 1.03), (data.page()[..., None], 1.02), (data.logo(), 1.02), (data.rocket(), 1.06),
        (screenshot(), 1.02), (np.zeros((500, 500, 4), np.uint8), 1.1),
    ],
)  # fmt: skip
def test_files_are_about_as_small_as_those_of_all_filters_and_level_6(picture, most):
    assert len(write_png(picture)) <= most * len(pillow(picture))


def test_effort_asks_for_another_way():
    picture = data.coffee()[:200, :300]
    assert encode(picture, "png", effort=6) == pillow(picture, compress_level=6)
    assert len(encode(picture, "png", effort=9)) <= len(encode(picture, "png", effort=1))
    assert encode(picture, "png") == write_png(picture)
    assert encode(picture[:20, :20], "png") == pillow(picture[:20, :20])
