"""Animations are composed as their specifications say: against a slow reference, and values that Chromium gave."""

from __future__ import annotations

import struct
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from PIL import Image

from aikit import _raster as raster
from aikit.errors import FileFormatError, InputValueError, LimitError
from aikit.limits import Limits
from animations import Picture, apng, chunk, composed_apng, composed_gif, gif

PALETTE = np.array(
    [[255, 0, 0], [0, 255, 0], [0, 0, 255], [9, 80, 170], [250, 240, 30], [1, 2, 3], [77, 0, 99], [5] * 3]
)
R, G, B, Z = (255, 0, 0, 255), (0, 255, 0, 255), (0, 0, 255, 255), (0, 0, 0, 0)


def frames(data, **options):
    return list(raster.frames(data, name="file", **options))


def rgba(image):
    return np.asarray(image.convert("RGBA"))


def line(*indices, **options):
    """A picture of one row."""
    return Picture(np.array([indices], np.uint8), **options)


def dot(*color, **options):
    return Picture(np.array([[color]], np.uint8), **options)


# GIF


@st.composite
def gifs(draw):
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    width, height = draw(st.integers(1, 7)), draw(st.integers(1, 7))

    def picture(full):
        wide, high = (width, height) if full else random.integers(1, 9, 2).tolist()
        return Picture(
            random.integers(0, 8, (high, wide)),
            left=0 if full else int(random.integers(0, width + 1)),
            top=0 if full else int(random.integers(0, height + 1)),
            dispose=int(random.integers(0, 8)),
            transparent=int(random.integers(0, 8)) if random.integers(2) else None,
            palette=random.integers(0, 256, (8, 3)) if random.integers(2) else None,
            interlaced=bool(random.integers(2)),
            control=bool(random.integers(4)),
            delay=int(random.integers(0, 300)),
        )

    count = draw(st.integers(1, 5))
    return (width, height), PALETTE, [picture(draw(st.booleans())) for _ in range(count)]


@settings(max_examples=60, deadline=None)
@given(gifs())
def test_gif_as_the_specification_composes_it(made):
    data = gif(*made)
    expected = list(composed_gif(*made))
    found = frames(data)
    assert len(found) == len(expected)
    for index, (image, reference, each) in enumerate(zip(found, expected, made[2], strict=True)):
        assert np.array_equal(rgba(image) * (rgba(image)[..., 3:] > 0), reference)
        one = rgba(raster.decode(data, name="file", frame=index))
        assert np.array_equal(one * (one[..., 3:] > 0), reference)
        assert image.info.get("duration") == (each.delay * 10 if each.control else None)
    assert {image.mode for image in found[1:]} <= {"RGB", "RGBA"}


# Row by row what the ImageDecoder of Chromium 155 gave for the same bytes: 0 to 2 are colors of PALETTE, 9 is nothing.
CHROMIUM_GIF = {
    "restore, from the first on": ([(3, [0, 7, 7]), (3, [7, 1, 7]), (3, [7, 7, 2])], [[0, 9, 9], [9, 1, 9], [9, 9, 2]]),
    "clear, then none": ([(2, [0, 7, 7]), (0, [7, 1, 7]), (0, [7, 7, 2])], [[0, 9, 9], [9, 1, 9], [9, 1, 2]]),
    "keep": ([(1, [0, 7, 7]), (1, [7, 1, 7]), (1, [7, 7, 2])], [[0, 9, 9], [0, 1, 9], [0, 1, 2]]),
    "restore between": ([(1, [0, 0, 7]), (3, [7, 1, 1]), (1, [2, 7, 7])], [[0, 0, 9], [0, 1, 1], [2, 0, 9]]),
    "4 is restore": ([(1, [0, 0, 0]), (4, [7, 1, 7]), (1, [7, 7, 2])], [[0, 0, 0], [0, 1, 0], [0, 0, 2]]),
    "5 is nothing": ([(1, [0, 0, 0]), (5, [7, 1, 7]), (1, [7, 7, 2])], [[0, 0, 0], [0, 1, 0], [0, 1, 2]]),
}


@pytest.mark.parametrize("name", CHROMIUM_GIF)
def test_gif_as_chromium_shows_it(name):
    pictures, expected = CHROMIUM_GIF[name]
    colors = np.array([R, G, B, *[Z] * 7], np.uint8)
    made = [line(*row, dispose=dispose, transparent=7) for dispose, row in pictures]
    for image, row in zip(frames(gif((3, 1), PALETTE, made)), expected, strict=True):
        assert np.array_equal(rgba(image)[0], colors[row])


def test_gif_larger_and_smaller_than_its_screen():
    # The first picture enlarges the screen, later ones are cut off; around a smaller first one there is nothing.
    large = [line(0, 1, 2, left=1), line(1, 1, 1, 1, 1, left=2)]
    found = frames(gif((2, 1), PALETTE, large))
    assert [rgba(each)[0].tolist() for each in found] == [[[*Z], [*R], [*G], [*B]], [[*Z], [*R], [*G], [*G]]]
    small = gif((3, 2), PALETTE, [line(1, left=1, top=1)])
    (only,) = frames(small)
    assert (only.mode, only.size) == ("RGBA", (3, 2))
    assert rgba(only).any(2).tolist() == [[False] * 3, [False, True, False]]
    assert np.array_equal(rgba(raster.decode(small, name="file")), rgba(only))
    outside = [line(0, 1, 2), line(0, left=9, top=7, dispose=2), line(2, left=2)]
    assert [rgba(each)[0, 2, 2] for each in frames(gif((3, 1), PALETTE, outside))] == [255] * 3


def test_opaque_animations_are_rgb():
    made = [line(0, 1, 2), line(7, 1, left=1, transparent=7), line(1, dispose=3)]
    assert [each.mode for each in frames(gif((3, 1), PALETTE, made))] == ["RGB"] * 3
    # The place that the last picture leaves is seen by nobody.
    assert [each.mode for each in frames(gif((3, 1), PALETTE, [*made, line(1, dispose=2)]))] == ["RGB"] * 4
    assert frames(gif((3, 1), PALETTE, [line(1, dispose=2), *made]))[0].mode == "RGBA"


def test_gif_says_how_long_and_how_often():
    data = gif((1, 1), PALETTE, [line(1, delay=0), line(2, delay=7), line(3, control=False)], loop=3)
    assert [each.info.get("duration") for each in frames(data)] == [0, 70, None]
    assert [each.info["loop"] for each in frames(data)] == [3] * 3
    first = raster.decode(data, name="file")
    assert (first.mode, first.info["duration"], first.info["loop"], first.info["version"]) == ("P", 0, 3, b"GIF89a")
    assert "loop" not in frames(gif((1, 1), PALETTE, [line(1)]))[0].info


def test_gif_of_gray_and_without_a_palette():
    gray = np.repeat(np.arange(8)[:, None], 3, 1)
    (image,) = frames(gif((3, 1), gray, [line(1, 5, 2)]))
    assert (image.mode, np.asarray(image).tolist()) == ("L", [[1, 5, 2]])
    keyed = frames(gif((3, 1), gray, [line(1, 5, 2, transparent=5), line(2)]))
    assert rgba(keyed[1])[0].tolist() == [[2, 2, 2, 255], [*Z], [2, 2, 2, 255]]


def test_gif_frame_numbers():
    data = gif((3, 1), PALETTE, [line(0, 1, 2), line(1)])
    with pytest.raises(InputValueError, match="frame: expected 0 to 1, got 2; file has 2 frames"):
        raster.decode(data, name="file", frame=2)
    assert raster.probe(data, name="file").frames == 2


def test_a_late_picture_larger_than_allowed_is_not_decoded():
    data = gif((3, 1), PALETTE, [line(0, 1, 2), line(1)])
    at = data.rindex(b",")
    data = data[: at + 5] + struct.pack("<HH", 30000, 30000) + data[at + 9 :]
    assert raster.decode(data, name="file", limits=Limits()).size == (3, 1)
    with pytest.raises(LimitError, match="expected at most 50000000 pixels, got 900000000"):
        frames(data, limits=Limits())


# PNG


def random_apng(random, color_type, *, default=False):
    channels = {6: 4, 2: 3, 4: 2, 0: 1}[color_type]
    width, height = random.integers(1, 7, 2).tolist()

    def picture(full):
        wide, high = (
            (width, height) if full else (int(random.integers(1, width + 1)), int(random.integers(1, height + 1)))
        )
        pixels = random.integers(0, 256, (high, wide, channels))
        if channels in (2, 4):
            pixels[..., -1] = random.choice([0, 0, 255, 255, 128, 3], (high, wide))
        left, top = random.integers(0, [width - wide + 1, height - high + 1]).tolist()
        options = {
            "dispose": int(random.integers(3)),
            "blend": int(random.integers(2)),
            "delay": int(random.integers(30)),
        }
        return Picture(pixels, left, top, unit=int(random.choice([0, 7, 100, 1000])), **options)

    pictures = [picture(number == 0 and not default) for number in range(int(random.integers(1, 6)))]
    data = apng((width, height), color_type, pictures, default=picture(True).pixels if default else None)
    return data, (width, height), [replace(each, pixels=as_rgba(each.pixels)) for each in pictures]


def as_rgba(pixels):
    channels = pixels.shape[2]
    color = pixels[..., :3] if channels > 2 else np.repeat(pixels[..., :1], 3, 2)
    return np.concatenate([color, pixels[..., -1:] if channels in (2, 4) else np.full_like(pixels[..., :1], 255)], 2)


def check_composed(found, expected):
    """Within one code, in color multiplied by alpha: Pillow rounds each frame to 8 bits, the reference none."""
    found = found.astype(float)
    assert np.abs(found[..., 3] - expected[..., 3]).max() <= 1
    assert np.abs((found[..., :3] * found[..., 3:] - expected[..., :3] * expected[..., 3:]) / 255).max() <= 1.01


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([0, 2, 4, 6]), st.booleans())
def test_apng_as_the_specification_composes_it(seed, color_type, default):
    data, size, pictures = random_apng(np.random.default_rng(seed), color_type, default=default)
    found = frames(data)
    assert len(found) == len(pictures)
    for index, (image, reference) in enumerate(zip(found, composed_apng(size, pictures), strict=True)):
        check_composed(rgba(image), reference)
        check_composed(rgba(raster.decode(data, name="file", frame=index)), reference)
        each = pictures[index]
        assert image.info["duration"] == pytest.approx(1000 * each.delay / (each.unit or 100))


# What the ImageDecoder of Chromium 155 gave for frames of one dot: (color, dispose, blend), and the last frame.
CHROMIUM_APNG = {
    "over, half alpha": ([(R, 0, 0), ((0, 255, 0, 128), 0, 1)], (127, 128, 0, 255)),
    "over nothing": ([(Z, 0, 0), ((0, 200, 0, 128), 0, 1)], (0, 200, 0, 128)),
    "source, half alpha": ([(R, 0, 0), ((0, 255, 0, 128), 0, 0)], (0, 255, 0, 128)),
    "previous is undone": ([(R, 0, 0), (B, 2, 1), (Z, 0, 1)], R),
    "two previous are undone": ([(R, 0, 0), (B, 2, 0), (G, 2, 0), (Z, 0, 1)], R),
    "previous first is background": ([(R, 2, 0), (Z, 0, 1)], Z),
    "background": ([(R, 1, 0), (Z, 0, 1)], Z),
    "background between": ([(R, 0, 0), (G, 1, 0), (Z, 0, 1)], Z),
}


@pytest.mark.parametrize("name", CHROMIUM_APNG)
def test_apng_as_chromium_shows_it(name):
    dots, expected = CHROMIUM_APNG[name]
    data = apng((1, 1), 6, [dot(*color, dispose=dispose, blend=blend) for color, dispose, blend in dots])
    assert np.abs(rgba(frames(data)[-1])[0, 0].astype(int) - expected).max() <= 1


def test_the_default_image_is_a_frame_where_the_file_says_so():
    default = np.array([[R, G]], np.uint8)
    pictures = [Picture(np.array([[B, B]], np.uint8)), dot(*R)]
    data = apng((2, 1), 6, pictures, default=default)
    assert [rgba(each)[0, 0].tolist() for each in frames(data)] == [[*B], [*R]]
    assert rgba(raster.decode(data, name="file"))[0].tolist() == [[*B], [*B]]
    assert raster.probe(data, name="file").frames == 2
    other = apng((2, 1), 6, [Picture(default), dot(*B)])
    assert rgba(raster.decode(other, name="file"))[0].tolist() == [[*R], [*G]]
    # One frame beside the picture, and one that is the picture.
    assert rgba(frames(apng((2, 1), 6, pictures[:1], default=default))[0])[0].tolist() == [[*B], [*B]]
    assert len(frames(apng((2, 1), 6, [Picture(default)]))) == 1


@pytest.mark.parametrize("depth", [8, 16])
def test_apng_of_other_kinds(depth):
    # A palette with alpha, and a color that is transparent; 16 bits are rounded.
    palette = chunk(b"PLTE", PALETTE.astype(np.uint8).tobytes()) + chunk(b"tRNS", bytes([255, 0, 77]))
    if depth == 8:
        data = apng((2, 1), 3, [Picture(np.array([[[0], [1]]])), Picture(np.array([[[2]]]), blend=0)], extra=palette)
        found = [rgba(each)[0].tolist() for each in frames(data)]
        assert found[0] == [[*R], [0, 255, 0, 0]]
        assert found[1] == [[0, 0, 255, 77], [0, 255, 0, 0]]
    top = (1 << depth) - 1
    key = chunk(b"tRNS", struct.pack(">HHH", top, 1, 2))
    made = [Picture(np.array([[[top, 1, 2], [top, 1, 3]]])), Picture(np.array([[[top, 1, 2]]]), left=1, blend=1)]
    found = frames(apng((2, 1), 2, made, depth=depth, extra=key))
    assert [rgba(each)[0, :, 3].tolist() for each in found] == [[0, 255]] * 2
    made = [Picture(np.array([[[0], [top]]])), Picture(np.array([[[top // 3]]]))]
    found = frames(apng((2, 1), 0, made, depth=depth))
    assert [(each.mode, rgba(each)[0, 0, 0]) for each in found] == [("RGB", 0), ("RGB", 85)]


def test_the_first_frame_of_16_bits_keeps_them():
    pixels = np.arange(6).reshape(1, 2, 3) * 9999
    data = apng((2, 1), 2, [Picture(pixels), Picture(pixels[:, :1] + 1)], depth=16)
    assert np.array_equal(raster.decode(data, name="file").pixels, pixels)
    assert raster.decode(data, name="file", frame=1).mode == "RGB"


def test_metadata_of_apng_go_with_each_frame():
    exif = Image.Exif()
    exif[271], exif[274] = "maker", 6
    made = [Picture(np.array([[R, G]], np.uint8)), dot(*B)]
    data = apng((2, 1), 6, made, extra=chunk(b"eXIf", exif.tobytes()[6:]), loop=5)
    found = frames(data)
    assert [each.size for each in found] == [(1, 2)] * 2
    assert rgba(found[1])[:, 0].tolist() == [[*B], [*G]]
    assert {each.info["loop"] for each in found} == {5}
    assert not any({"bbox", "blend", "disposal", "default_image"} & set(each.info) for each in found)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda data: data.replace(b"fdAT\0\0\0\2", b"fdAT\0\0\0\3"), "frame chunks out of order, 3 for 2"),
        (lambda data: apng((1, 1), 6, [dot(*R), dot(*G, left=1)]), r"a frame of 1 x 1 at 1, 0 in a picture of 1 x 1"),
        (lambda data: apng((1, 1), 6, [dot(*R), dot(*G, dispose=3)]), "with methods 3 and 0"),
        (lambda data: apng((1, 1), 6, [dot(*R), dot(*G)], declared=3), "expected a whole PNG file, got 2 of 3 frames"),
    ],
)
def test_apng_that_contradicts_itself(change, match):
    made = apng((1, 1), 6, [dot(*R), dot(*G)])
    changed = change(made)
    parts, at = [changed[:8]], 8
    while at < len(changed):
        size = int.from_bytes(changed[at : at + 4], "big")
        parts.append(chunk(changed[at + 4 : at + 8], changed[at + 8 : at + 8 + size]))
        at += 12 + size
    assert len(frames(made)) == 2
    with pytest.raises(FileFormatError, match=match):
        frames(b"".join(parts))


def test_more_frames_than_declared_are_not_shown():
    assert len(frames(apng((1, 1), 6, [dot(*R), dot(*G), dot(*B)], declared=2))) == 2
    assert len(frames(apng((1, 1), 6, [dot(*R)], declared=0))) == 1


def test_animations_that_end_too_early():
    data = apng((1, 1), 6, [dot(*R), dot(*G), dot(*B)])
    with pytest.raises(FileFormatError, match="without an IEND chunk"):
        frames(data[:-12])
    assert len(frames(data[:-12], allow_truncated=True)) == 3
    assert [rgba(each)[0, 0].tolist() for each in frames(data[:-80], allow_truncated=True)][:2] == [[*R], [*G]]
    made = gif((3, 1), PALETTE, [line(0, 1, 2), line(1, 1, 1)])
    with pytest.raises(FileFormatError, match="end inside a header"):
        frames(made[:-3])
    found = frames(made[:-3], allow_truncated=True)
    assert [rgba(each)[0, 0].tolist() for each in found] == [[*R], [*G]]
