"""Channels as they are stored: every byte of every one is accounted for, by a reader that is as strict as others'."""

import io
import struct

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from PIL import Image
from psd_tools import PSDImage

from aikit.psd import channels, new_psd
from pictures import codes


def read_packbits_strictly(row, width):
    """One row of PackBits, which is used up to its last byte: no no-op, nothing left, nothing missing."""
    at, out = 0, bytearray()
    while len(out) < width:
        count = row[at]
        assert count != 128
        if count < 128:
            out += row[at + 1 : at + 2 + count]
            at += 2 + count
        else:
            out += row[at + 1 : at + 2] * (257 - count)
            at += 2
    assert (at, len(out)) == (len(row), width)
    return bytes(out)


def read_channel_strictly(data, compression, height, width):
    """The codes of an 8-bit channel from all bytes that are said to be its own."""
    if not (height and width):
        assert not data
        return np.zeros((height, width), np.uint8)
    if compression == 0:
        assert len(data) == height * width
        return np.frombuffer(data, np.uint8).reshape(height, width)
    assert compression == 1
    counts = struct.unpack_from(f">{height}H", data)
    rows, at = [], 2 * height
    for count in counts:
        rows.append(read_packbits_strictly(data[at : at + count], width))
        at += count
    assert at == len(data)
    return np.frombuffer(b"".join(rows), np.uint8).reshape(height, width)


def read_layers_strictly(data):
    """Every channel of every layer of a PSD of 8 bits, by the specification alone: [{channel id: codes}]."""
    assert data[:6] == b"8BPS\0\1"
    at = 26
    for _ in range(2):  # color mode data, image resources
        at += 4 + struct.unpack_from(">I", data, at)[0]
    (layer_info,) = struct.unpack_from(">I", data, at + 4)
    end = at + 8 + layer_info
    assert layer_info % 2 == 0
    (count,) = struct.unpack_from(">h", data, at + 8)
    at += 10
    records = []
    for _ in range(abs(count)):
        top, left, bottom, right, number = struct.unpack_from(">4iH", data, at)
        stated = [struct.unpack_from(">hI", data, at + 18 + 6 * n) for n in range(number)]
        at += 18 + 6 * number + 12
        (extra,) = struct.unpack_from(">I", data, at)
        mask = struct.unpack_from(">4i", data, at + 8) if struct.unpack_from(">I", data, at + 4)[0] else (0,) * 4
        records.append(((top, left, bottom, right), mask, stated))
        at += 4 + extra
    layers = []
    for box, mask, stated in records:
        layer = {}
        for number, length in stated:
            assert at % 2 == 0
            top, left, bottom, right = mask if number == -2 else box
            (compression,) = struct.unpack_from(">H", data, at)
            body = data[at + 2 : at + length]
            layer[number] = read_channel_strictly(body, compression, bottom - top, right - left)
            at += length
        layers.append(layer)
    assert 0 <= end - at < 4
    assert not any(data[at:end])
    return layers


@settings(max_examples=200, deadline=None)
@given(
    st.integers(1, 6),
    st.integers(1, 300),
    st.sampled_from([1, 2]),
    st.integers(1, 5),
    st.integers(0, 2**32 - 1),
)
def test_packed_rows_are_even_and_use_every_byte(height, width, version, colors, seed):
    # Few colors make runs, many literals, of every length.
    plane = np.random.default_rng(seed).integers(3**colors, size=(height, width), dtype=np.uint8)
    stored = channels.pack(plane, 8, version).data
    assert len(stored) % 2 == 0
    size = 2 * version
    counts = [int.from_bytes(stored[at : at + size], "big") for at in range(0, size * height, size)]
    at, rows = size * height, []
    for count in counts:
        rows.append(read_packbits_strictly(stored[at : at + count], width))
        at += count
    assert at == len(stored)
    assert b"".join(rows) == plane.tobytes()
    np.testing.assert_array_equal(channels.unpack(stored, 1, (height, width), 8, version, "x"), plane)


def document_of(sizes):
    """A document with a layer of each size, all different, and what they hold."""
    document, images = new_psd(height=20, width=20), []
    for number, (height, width) in enumerate(sizes):
        images.append(codes(height, width, 4) + np.uint8(number))
        document.add(images[-1], name=f"layer {number}", left=number, top=2 * number)
    return document, images


@pytest.mark.parametrize(
    "sizes", [[(1, 2)], [(1, 1), (3, 5)], [(h, w) for h in (1, 2, 3) for w in (1, 2, 3, 4, 7, 129, 256)]]
)
def test_no_byte_of_a_document_lies_outside_the_rows(sizes):
    document, images = document_of(sizes)
    found = read_layers_strictly(document.encode())
    for layer, image in zip(found, images, strict=True):
        np.testing.assert_array_equal(np.stack([layer[n] for n in (0, 1, 2, -1)], -1), image)


def test_other_readers_agree_on_odd_rows():
    document, images = document_of([(3, 5), (1, 2), (5, 3)])
    data = document.encode()
    for layer, image in zip(PSDImage.open(io.BytesIO(data)), images, strict=True):
        np.testing.assert_array_equal(np.asarray(layer.topil()), image)
    # Pillow names the bands in its own order, which is no matter here, and shows layer 1 only after another.
    with Image.open(io.BytesIO(data)) as picture:
        for number, image in reversed(list(enumerate(images, 1))):
            picture.seek(number)
            bands = sorted(np.asarray(band).tobytes() for band in picture.crop(picture.layers[number - 1][2]).split())
            assert bands == sorted(image[..., n].tobytes() for n in range(4))
