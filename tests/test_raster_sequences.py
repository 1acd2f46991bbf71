"""Several pictures in one file: written, and read back by ourselves, by Pillow and by tifffile."""

from __future__ import annotations

import io
import struct
from fractions import Fraction

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image

from aikit import InputTypeError, InputValueError, encode, read_numpy, to_pil, to_tensor, write
from aikit.files import read_frames
from pictures import codes

# Few colors, so that a palette holds them; every frame, row, column and channel is another.
RGB = np.stack([np.roll(codes(7, 9, 3), shift, 1) // 64 * 64 for shift in range(4)])
HOLES = np.concatenate([RGB, np.where(codes(7, 9, 4)[None, ..., 3:] > 90, 255, 0).repeat(4, 0)], 3).astype(np.uint8)
HOLES[2, ..., 3] = np.roll(HOLES[1, ..., 3], 2)
SOFT = np.stack([codes(7, 9, 4) + shift for shift in (0, 3, 9)]).astype(np.uint8)
EXACT = [("png", {}), ("webp", {"lossless": True}), ("tiff", {})]


def frames(data):
    return [np.asarray(frame) for frame in read_frames(data)]


def by_pillow(data):
    """Frames that fill the canvas and replace what is there: Pillow composes these as everybody does."""
    image = Image.open(io.BytesIO(data))
    for index in range(image.n_frames):
        image.seek(index)
        yield np.asarray(image.convert("RGBA"))


def check_equal(found, expected):
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("pictures", [RGB, SOFT, RGB[..., :1], HOLES[..., [0, 3]]], ids=["rgb", "alpha", "gray", "la"])
@pytest.mark.parametrize(("format", "options"), EXACT, ids=[name for name, _ in EXACT])
def test_what_is_exact_comes_back(pictures, format, options):
    data = encode(pictures, format, **options)
    expected = [np.asarray(to_pil(each).convert("RGBA")) for each in pictures]
    check_equal([np.asarray(frame.convert("RGBA")) for frame in read_frames(data)], expected)
    check_equal(list(by_pillow(data)), expected)


def test_gif_is_exact_within_its_palettes():
    data = encode(RGB, "gif")
    check_equal(frames(data), RGB)
    check_equal([each[..., :3] for each in by_pillow(data)], RGB)
    visible = HOLES * (HOLES[..., 3:] > 0)
    check_equal([each * (each[..., 3:] > 0) for each in frames(encode(HOLES, "gif"))], visible)
    # 255 colors and one that is transparent, others in each frame.
    many = codes(16, 16, 3) // 2
    several = np.stack([many, many + 100])
    check_equal(frames(encode(several, "gif")), several)
    with pytest.raises(InputValueError, match=r"alpha 0 or 255 for GIF, got \d+; call flatten"):
        encode(SOFT, "gif")


def test_avif_is_close():
    flat = np.stack([np.full((16, 16, 3), value, np.uint8) for value in ((10, 90, 200), (250, 10, 60))])
    data = encode(flat, "avif", quality=90, duration=[40, 60])
    assert [frame.info["duration"] for frame in read_frames(data)] == [40, 60]
    assert np.abs(np.stack(frames(data)).astype(int) - flat).max() <= 4


@pytest.mark.parametrize("format", ["png", "webp", "gif"])
def test_only_what_changes_is_written(format):
    still = np.repeat(codes(60, 80, 3)[None] // 64 * 64, 5, 0)
    still[3, 31:35, 41:47] = 7
    options = {"lossless": True} if format == "webp" else {}
    data = encode(still, format, **options)
    check_equal(frames(data), still)
    assert len(data) < len(encode(still[:1], format, duration=100, **options)) + 700


def test_all_kinds_and_containers_give_one_file():
    expected = encode(RGB, "png")
    assert encode(list(RGB), "png") == expected
    assert encode((each for each in RGB), "png") == expected
    assert encode([to_pil(each) for each in RGB], "png") == expected
    assert encode(torch.stack([to_tensor(each) for each in RGB]), "png") == expected
    assert encode(RGB[..., ::-1], "png", bgr=True) == expected
    assert encode([RGB[0], to_pil(RGB[1]), to_tensor(RGB[2]), RGB[3]], "png") == expected


def test_frames_of_several_modes_are_of_the_one_that_holds_all():
    several = [RGB[0], RGB[1][..., :1], SOFT[0]]
    for kind, options in EXACT[:2]:
        found = frames(encode(several, kind, **options))
        check_equal(found, [np.asarray(to_pil(each).convert("RGBA")) for each in several])


@pytest.mark.parametrize("dtype", ["uint16", "float32"])
def test_pages_keep_their_depth_and_size(dtype):
    pages = [codes(5 + k, 6, channels, dtype) for k, channels in enumerate((3, 1, 4))]
    pages.append(codes(3, 4, 3))
    data = encode(pages, "tiff")
    for index, page in enumerate(pages):
        found = read_numpy(data, frame=index)
        assert found.dtype == page.dtype
        np.testing.assert_array_equal(found.reshape(page.shape), page)
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        for page, expected in zip(file.pages, pages, strict=True):
            np.testing.assert_array_equal(page.asarray().reshape(expected.shape), expected)


def test_pages_keep_what_they_say():
    exif = Image.Exif()
    exif[271] = "a maker with a long name"
    exif.get_ifd(0x8769)[37386] = 50.0
    exif.get_ifd(0x8825)[1] = "N"
    pages = [to_pil(each) for each in RGB[:3]]
    for number, page in enumerate(pages):
        page.info |= {
            "exif": exif.tobytes(),
            "dpi": (100 + number, 50),
            "xmp": b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>",
        }
    data = encode(pages, "tiff")
    check_equal(frames(data), RGB[:3])
    image = Image.open(io.BytesIO(data))
    for number in range(3):
        image.seek(number)
        assert image.info["dpi"] == (100 + number, 50)
        assert image.tag_v2[271] == "a maker with a long name"
        assert image.getexif().get_ifd(0x8769)[37386] == 50.0
        assert image.getexif().get_ifd(0x8825)[1] == "N"


def test_16_bits_in_png():
    deep = np.stack([codes(5, 6, 3, "uint16"), codes(5, 6, 3, "uint16") // 2])
    data = encode(deep, "png")
    np.testing.assert_array_equal(read_numpy(data), deep[0])
    assert data[24] == 16
    assert len(frames(data)) == 2
    with pytest.raises(InputValueError, match="frames of one depth for PNG, got another one in frame 1"):
        encode([deep[0], deep[0].astype(np.uint8)], "png")


# Times


@pytest.mark.parametrize("format", ["png", "webp", "gif", "avif"])
def test_durations(format):
    options = {"lossless": True} if format == "webp" else {}

    def told(images, **times):
        return [frame.info["duration"] for frame in read_frames(encode(images, format, **options, **times))]

    assert told(RGB) == [100] * 4
    assert told(RGB, duration=40) == [40] * 4
    assert told(RGB, duration=[10, 20, 0 if format != "avif" else 50, 700]) == [
        10,
        20,
        0 if format != "avif" else 50,
        700,
    ]
    images = [to_pil(each) for each in RGB]
    images[1].info["duration"] = 250
    assert told(images) == [100, 250, 100, 100]
    assert told(images, duration=np.float32(30)) == [30] * 4
    if format == "avif":
        with pytest.raises(InputValueError, match="expected None for AVIF of one frame, got 90; write WebP or PNG"):
            encode(RGB[0], format, duration=90)
    else:
        assert told(RGB[0], duration=90) == [90]


def test_an_animation_is_copied_with_its_times():
    first = encode(RGB, "webp", lossless=True, duration=[30, 40, 50, 60], loop=7)
    copy = list(read_frames(encode(read_frames(first), "png")))
    assert [(frame.info["duration"], frame.info["loop"]) for frame in copy] == [(30, 7), (40, 7), (50, 7), (60, 7)]
    check_equal([np.asarray(frame) for frame in copy], RGB)


def test_hundredths_of_a_second_add_up_in_gif():
    data = encode(RGB, "gif", duration=100 / 3)
    found = [frame.info["duration"] for frame in read_frames(data)]
    assert (found, sum(found)) == ([30, 40, 30, 30], 130)


def test_fractions_of_a_second_in_png():
    data = encode(RGB, "png", duration=[1000 / 3, 1001 / 24, 0.5, 65_535_000])
    found = [frame.info["duration"] for frame in read_frames(data)]
    assert found == pytest.approx([1000 / 3, 1001 / 24, 0.5, 65_535_000], rel=1e-9)
    at = data.index(b"fcTL")
    assert Fraction(*struct.unpack_from(">HH", data, at + 24)) == Fraction(1, 3)


@pytest.mark.parametrize("format", ["png", "webp", "gif"])
def test_loops(format):
    options = {"lossless": True} if format == "webp" else {}
    assert Image.open(io.BytesIO(encode(RGB, format, **options))).info["loop"] == 0
    data = encode(RGB, format, loop=3, **options)
    assert Image.open(io.BytesIO(data)).info["loop"] == 3
    assert next(read_frames(data)).info["loop"] == 3


def test_metadata_of_the_first_frame_go_along():
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    exif = Image.Exif()
    exif[271] = "maker"
    images = [to_pil(each) for each in RGB]
    images[0].info |= {"icc_profile": profile, "exif": exif.tobytes(), "comment": b"x" * 300, "Title": "a title"}
    for kind, options in (("png", {}), ("webp", {"lossless": True}), ("avif", {})):
        read = Image.open(io.BytesIO(encode(images, kind, **options)))
        assert read.info["icc_profile"] == profile
        assert read.getexif()[271] == "maker"
    assert Image.open(io.BytesIO(encode(images, "gif"))).info["comment"] == b"x" * 300
    assert Image.open(io.BytesIO(encode(images, "png"))).info["Title"] == "a title"
    assert "icc_profile" not in Image.open(io.BytesIO(encode([*RGB], "png"))).info
    check_equal(
        [np.asarray(frame) for frame in read_frames(encode(images, "webp", lossless=True), profile="ignore")], RGB
    )


# One image, and what is refused


def test_a_list_or_batch_of_one_is_one_image():
    for kind in ("png", "jpeg", "gif"):
        assert encode([RGB[0]], kind) == encode(RGB[:1], kind) == encode(RGB[0], kind)
    assert b"acTL" in encode(RGB[0], "png", duration=50)


def test_write(tmp_path):
    write(RGB, tmp_path / "a.gif", duration=50, loop=2)
    check_equal(frames(tmp_path / "a.gif"), RGB)
    write(iter(RGB[..., :1]), tmp_path / "a.tif")
    assert len(frames(tmp_path / "a.tif")) == 4
    write([RGB[0, ..., :1]], tmp_path / "a.pgm")
    np.testing.assert_array_equal(read_numpy(tmp_path / "a.pgm"), RGB[0, ..., 0])


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: encode(RGB, "jpeg"), InputValueError, "image: expected one image for JPEG, got 4 of them; write GIF"),
        (lambda: encode(RGB, "bmp"), InputValueError, "image: expected one image for BMP, got 4 of them"),
        (lambda: encode([*RGB[..., :1]], "ppm"), InputValueError, "image: expected one image for PPM"),
        (lambda: encode([RGB[0], RGB[1][:3]], "gif"), InputValueError, "frame 1: expected 9 x 7 pixels .* got 9 x 3"),
        (lambda: encode([], "gif"), InputValueError, "image: expected at least one image, got an empty list"),
        (lambda: encode([RGB[0], "a.png"], "gif"), InputTypeError, "image: .*read_"),
        (lambda: encode(RGB[None], "gif"), InputValueError, r"image: expected one picture for PIL, got a batch"),
        (
            lambda: encode(RGB, "tiff", duration=4),
            InputValueError,
            "duration: expected None for TIFF, which is no anim",
        ),
        (lambda: encode(RGB[0], "jpeg", loop=0), InputValueError, "loop: expected None for JPEG"),
        (
            lambda: encode(RGB, "gif", duration=[1]),
            InputValueError,
            "expected one number, or 4 for as many frames, got 1",
        ),
        (lambda: encode(RGB, "gif", duration="fast"), InputTypeError, "duration: expected milliseconds, or a list"),
        (lambda: encode(RGB, "gif", duration=True), InputTypeError, "duration: expected milliseconds, or a list"),
        (lambda: encode(RGB, "gif", duration=-1), InputValueError, "expected 0 to 655350 milliseconds for GIF, got -1"),
        (
            lambda: encode(RGB, "png", duration=float("nan")),
            InputValueError,
            "duration: expected 0 to 65535000 .* got nan",
        ),
        (lambda: encode(RGB, "webp", loop=70000), InputValueError, "loop: expected 0 to 65535 for WebP, got 70000"),
        (lambda: encode(RGB, "avif", loop=3), InputValueError, "loop: expected 0 for AVIF, which is played for ever"),
        (lambda: encode(RGB, "gif", loop=0.5), InputTypeError, "loop: expected a whole number, got 0.5"),
        (lambda: encode(RGB, "gif", quality=9), InputValueError, "quality: expected None for GIF"),
        (lambda: encode(RGB, "avif", lossless=True), InputValueError, "lossless: expected None or False for AVIF"),
    ],
)
def test_what_cannot_be_written_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
