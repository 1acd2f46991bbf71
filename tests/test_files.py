"""Files and data URLs: the four readers against Pillow, OpenCV, tifffile and imageio, and what writing must keep."""

import base64
import contextlib
import errno
import io
import os
import struct
import subprocess
import sys
import urllib.request
import zlib
from importlib.util import find_spec
from pathlib import Path

import imageio.v3 as imageio
import numpy as np
import pytest
import tifffile
from hypothesis import given, strategies as st
from PIL import Image, ImageCms

import aikit
from aikit import (
    FileAccessError,
    FileFormatError,
    InputTypeError,
    InputValueError,
    LimitError,
    Limits,
    encode,
    read_cv2,
    read_numpy,
    read_pil,
    read_tensor,
    write,
)
from aikit.files import from_data_url, read_frames, to_data_url
from pictures import channels_first, codes, opencv_order

SRC = Path(__file__).parents[1] / "src"
SAMPLES = Path(os.environ.get("AIKIT_SAMPLES", Path(__file__).parents[2] / "shared/samples")) / "raster"
# By path: importing scikit-image takes longer than reading all its pictures.
PHOTOGRAPHS = Path(find_spec("skimage").origin).parent / "data"
PICTURES = sorted(
    path
    for folder in (PHOTOGRAPHS, SAMPLES)
    if folder.is_dir()
    for path in folder.iterdir()
    if path.suffix in (".png", ".jpg", ".tif", ".tiff", ".gif", ".webp", ".avif", ".pgm")
)

READERS = pytest.mark.parametrize("read", [read_pil, read_numpy, read_cv2, read_tensor], ids=lambda read: read.__name__)
FORMATS = ["png", "jpeg", "webp", "avif", "gif", "tiff", "bmp", "ico", "ppm", "jxl"]


def saved(image, format, **options):
    file = io.BytesIO()
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(file, format, **options)
    return file.getvalue()


def tiff(pixels, **options):
    file = io.BytesIO()
    tifffile.imwrite(file, pixels, **options)
    return file.getvalue()


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(rows, size, depth, color_type, extra=b"", interlace=0):
    """A PNG by hand, of packed rows without filter."""
    head = struct.pack(">IIBBBBB", *size, depth, color_type, 0, 0, interlace)
    body = zlib.compress(b"".join(b"\0" + row for row in rows))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + extra + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def packed(indices, depth):
    """Rows of 1-, 2- or 4-bit samples."""
    bits = ((indices[..., None] >> np.arange(depth)[::-1]) & 1).reshape(len(indices), -1).astype(np.uint8)
    return [np.packbits(row).tobytes() for row in bits]


def interlaced(pixels, depth, color_type):
    """Adam7 by hand: seven small pictures one after the other (PNG, third edition, 8.2)."""
    passes = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
    order = ">u2" if depth == 16 else "u1"
    rows = [
        row.astype(order).tobytes()
        for top, left, down, right in passes
        for row in pixels[top::down, left::right]
        if row.size
    ]
    return png(rows, pixels.shape[1::-1], depth, color_type, interlace=1)


def exif(orientation=None, **more):
    tags = Image.Exif()
    tags[271] = "maker"
    if orientation:
        tags[274] = orientation
    return tags.tobytes()


def matrix_profile(
    primaries=((0.5151, 0.2412, -0.0011), (0.2919, 0.6922, 0.0419), (0.1572, 0.0666, 0.7841)), gamma=2.2
):
    """An ICC profile by hand: Display P3's colorants, adapted to D50, and one gamma."""

    def xyz(values):
        return b"XYZ \0\0\0\0" + b"".join(struct.pack(">i", round(value * 65536)) for value in values)

    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256)) + b"\0\0"
    text = b"text\0\0\0\0by hand\0"
    description = b"desc\0\0\0\0" + struct.pack(">I", 3) + b"P3\0" + bytes(8 + 3 + 67)
    tags = [(b"desc", description), (b"cprt", text), (b"wtpt", xyz((0.9642, 1, 0.8249)))]
    tags += [(name, xyz(values)) for name, values in zip((b"rXYZ", b"gXYZ", b"bXYZ"), primaries, strict=True)]
    tags += [(name, curve) for name in (b"rTRC", b"gTRC", b"bTRC")]
    at, table, body = 132 + 12 * len(tags), struct.pack(">I", len(tags)), b""
    for name, data in tags:
        data += bytes(-len(data) % 4)
        table += name + struct.pack(">II", at + len(body), len(data))
        body += data
    size = at + len(body)
    head = struct.pack(">I4sI4s4s4s12x4s", size, b"lcms", 0x02400000, b"mntr", b"RGB ", b"XYZ ", b"acsp")
    head += bytes(128 - 12 - len(head)) + struct.pack(">iii", 63190, 65536, 54061)
    return head[:128].ljust(128, b"\0") + table + body


def outcomes(data, **options):
    """What the four readers give: PIL, array, OpenCV's array, and the tensor as an array with channels last."""
    tensor, array = read_tensor(data, **options), read_numpy(data, **options)
    float_color = array.dtype == np.float32 and array.ndim == 3  # which PIL has no mode for
    return (
        None if float_color else read_pil(data, **options),
        array,
        read_cv2(data, **options),
        np.moveaxis(tensor.numpy(), 0, -1),
    )


def check_agreement(data, expected, **options):
    """All four readers against (H, W, C) samples, to the code; the tensor to 1/65535."""
    picture, array, for_opencv, tensor = outcomes(data, **options)
    samples = expected if expected.ndim == 3 else expected[..., None]
    flat = samples[..., 0] if samples.shape[-1] == 1 else samples
    assert array.dtype == expected.dtype
    np.testing.assert_array_equal(array, flat)
    np.testing.assert_array_equal(
        for_opencv, opencv_order(samples) if samples.shape[-1] > 1 else flat, err_msg="read_cv2"
    )
    top = {"uint8": 255, "uint16": 65535, "float32": 1}[expected.dtype.name]
    np.testing.assert_allclose(tensor, samples / top, atol=1e-6, err_msg="read_tensor")
    for result in (array, for_opencv):
        assert result.flags.c_contiguous
        assert result.flags.writeable
    if expected.dtype == np.uint16 and samples.shape[-1] > 1:
        flat = np.floor(samples / 257 + 0.5).astype(np.uint8)
    np.testing.assert_array_equal(np.asarray(picture), flat, err_msg="read_pil")
    return picture


RGB = codes(13, 17, 3)
RGBA = codes(13, 17, 4)
GRAY = codes(13, 17)
DEEP = codes(13, 17, 3, "uint16")
DEEP_RGBA = codes(13, 17, 4, "uint16")


# The readers: oracle and agreement


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_packed_gray_spans_the_whole_range(depth):
    levels = np.arange(9 * 13).reshape(9, 13) * 7 % (1 << depth)
    data = png(packed(levels, depth), (13, 9), depth, 0)
    check_agreement(data, (levels * (255 // ((1 << depth) - 1))).astype(np.uint8))


@pytest.mark.parametrize("transparency", [False, True], ids=["opaque", "tRNS"])
@pytest.mark.parametrize("depth", [1, 2, 4, 8])
def test_palettes_are_resolved(depth, transparency):
    count = 1 << depth
    palette = codes(count, 1, 4)[:, 0]
    indices = np.arange(9 * 13).reshape(9, 13) * 7 % count
    extra = chunk(b"PLTE", palette[:, :3].tobytes())
    if transparency:
        extra += chunk(b"tRNS", palette[:, 3].tobytes())
    rows = packed(indices, depth) if depth < 8 else [row.astype(np.uint8).tobytes() for row in indices]
    check_agreement(png(rows, (13, 9), depth, 3, extra), palette[indices][..., : 4 if transparency else 3])


@pytest.mark.parametrize(
    ("pixels", "depth", "color_type"),
    [
        (GRAY, 8, 0),
        (RGB, 8, 2),
        (codes(13, 17, 2), 8, 4),
        (RGBA, 8, 6),
        (codes(13, 17, None, "uint16"), 16, 0),
        (DEEP, 16, 2),
        (codes(13, 17, 2, "uint16"), 16, 4),
        (DEEP_RGBA, 16, 6),
    ],
    ids=["L", "RGB", "LA", "RGBA", "L16", "RGB16", "LA16", "RGBA16"],
)
@pytest.mark.parametrize("interlace", [False, True], ids=["plain", "interlaced"])
def test_png_samples_arrive_bit_for_bit(pixels, depth, color_type, interlace):
    rows = [row.astype(">u2" if depth == 16 else "u1").tobytes() for row in pixels]
    data = interlaced(pixels, depth, color_type) if interlace else png(rows, (17, 13), depth, color_type)
    check_agreement(data, pixels)


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("gray", [True, False], ids=["gray", "rgb"])
def test_a_color_key_becomes_alpha(depth, gray):
    pixels = codes(5, 6, 1 if gray else 3, f"uint{depth}")
    key = pixels[2, 3]
    rows = [row.astype(">u2" if depth == 16 else "u1").tobytes() for row in pixels]
    data = png(rows, (6, 5), depth, 0 if gray else 2, chunk(b"tRNS", key.astype(">u2").tobytes()))
    alpha = np.where((pixels == key).all(-1), 0, np.iinfo(pixels.dtype).max).astype(pixels.dtype)
    assert (alpha == 0).sum() == 1
    check_agreement(data, np.concatenate([pixels, alpha[..., None]], -1))


def test_48_bit_color_is_what_opencv_and_imageio_read(tmp_path):
    import cv2

    (tmp_path / "deep.png").write_bytes(png([row.astype(">u2").tobytes() for row in DEEP], (17, 13), 16, 2))
    np.testing.assert_array_equal(
        read_cv2(tmp_path / "deep.png"), cv2.imread(str(tmp_path / "deep.png"), cv2.IMREAD_UNCHANGED)
    )
    imageio.imwrite(tmp_path / "deep.tif", DEEP, photometric="rgb")
    np.testing.assert_array_equal(read_numpy(tmp_path / "deep.tif"), imageio.imread(tmp_path / "deep.tif"))


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_jpegs_are_what_pillow_reads(mode):
    data = saved(Image.fromarray(codes(40, 48, 3)).convert(mode), "JPEG", quality=95)
    opened = Image.open(io.BytesIO(data))
    check_agreement(data, np.asarray(opened.convert("RGB") if mode == "CMYK" else opened))


def test_an_adobe_cmyk_jpeg_is_not_a_negative():
    cmyk = Image.fromarray(np.full((16, 16, 4), (0, 255, 255, 0), np.uint8), "CMYK")
    assert np.abs(read_numpy(saved(cmyk, "JPEG", quality=95)).astype(int) - (255, 0, 0)).max() < 4


@pytest.mark.parametrize(
    ("data", "pixels"),
    [
        (saved(RGB, "WEBP", lossless=True), RGB),
        (saved(RGBA, "WEBP", lossless=True, exact=True), RGBA),
        (saved(RGB, "TIFF", compression="tiff_lzw"), RGB),
        (saved(RGB, "BMP"), RGB),
        (saved(GRAY, "BMP"), GRAY),
        (saved(codes(16, 16, 4), "ICO", sizes=[(16, 16)]), codes(16, 16, 4)),
        (saved(RGB, "PPM"), RGB),
        (saved(GRAY, "PPM"), GRAY),
        (b"P5 17 13 65535\n" + codes(13, 17, None, "uint16").astype(">u2").tobytes(), codes(13, 17, None, "uint16")),
        (b"P6 17 13 65535\n" + DEEP.astype(">u2").tobytes(), DEEP),
        (saved(GRAY, "GIF"), np.stack([GRAY] * 3, -1)),
        (tiff(codes(13, 17, None, "uint16")), codes(13, 17, None, "uint16")),
        (tiff(DEEP, photometric="rgb"), DEEP),
        (tiff(DEEP_RGBA, photometric="rgb", extrasamples=["unassalpha"], byteorder=">"), DEEP_RGBA),
        (tiff(codes(13, 17, None, "float32")), codes(13, 17, None, "float32")),
    ],
    ids=[
        *"webp webp-alpha tiff-lzw bmp bmp-gray ico ppm pgm pgm16 ppm16 gif-gray".split(),
        *"tiff16 tiff48 tiff64 tiff-float".split(),
    ],
)
def test_lossless_formats_arrive_bit_for_bit(data, pixels):
    check_agreement(data, pixels)


def test_avif_is_what_pillow_reads():
    data = saved(codes(40, 48, 4), "AVIF", quality=80)
    check_agreement(data, np.asarray(Image.open(io.BytesIO(data))))


@pytest.mark.parametrize("channels", [None, 3, 4])
def test_float_tiffs_come_unscaled(channels):
    pixels = codes(13, 17, channels, "float32") * 9 - 3
    data = tiff(pixels, photometric="rgb" if channels else "minisblack", extrasamples=[2] if channels == 4 else None)
    np.testing.assert_array_equal(read_numpy(data), pixels)
    assert read_cv2(data).dtype == np.float32
    np.testing.assert_array_equal(read_cv2(data), pixels if channels is None else opencv_order(pixels))
    np.testing.assert_array_equal(np.moveaxis(read_tensor(data).numpy(), 0, -1).squeeze(), pixels)
    if channels is None:
        assert read_pil(data).mode == "F"
        return
    with pytest.raises(FileFormatError, match=r"got float color, which PIL has no mode for; use read_numpy"):
        read_pil(data)


def test_32_bit_integers_need_a_range_and_the_advice_works():
    values = (codes(5, 6, None, "uint16").astype(np.int32) * 1000) - 9
    data = tiff(values)
    picture = read_pil(data)
    assert picture.mode == "I"
    np.testing.assert_array_equal(np.asarray(picture), values)
    assert [frame.mode for frame in read_frames(data)] == ["I"]
    message = r"source: expected pixels with a known range, got 32-bit integers; read them with read_pil and convert"
    for read in (read_numpy, read_cv2, read_tensor):
        with pytest.raises(InputValueError, match=message):
            read(data)
    scaled = aikit.to_numpy(picture, dtype="uint8", value_range=(values.min(), values.max()))
    assert (scaled.min(), scaled.max()) == (0, 255)


@pytest.mark.parametrize("path", PICTURES, ids=lambda path: path.name)
def test_real_pictures_agree_and_survive_lossless_formats(path):
    picture, array, for_opencv, tensor = outcomes(path)
    samples = np.atleast_3d(array)
    top = {"uint8": 255, "uint16": 65535, "float32": 1}[array.dtype.name]
    np.testing.assert_allclose(tensor, samples / top, atol=1e-6)
    np.testing.assert_array_equal(np.atleast_3d(for_opencv), opencv_order(samples))
    if array.dtype == np.float32 and array.ndim == 3:
        assert picture is None  # PIL has no float color
    else:
        assert picture.size == array.shape[1::-1]
    if array.dtype == np.uint8:
        np.testing.assert_array_equal(np.asarray(picture), array)
    targets = {"uint8": ("png", "webp", "tiff"), "uint16": ("png", "tiff"), "float32": ("tiff",)}[array.dtype.name]
    for target in targets:
        back = read_numpy(encode(array, target, lossless=True))
        expected = array
        if target == "webp":  # knows no gray, and drops an alpha channel that is opaque everywhere
            expected = {1: samples[..., [0, 0, 0]], 2: samples[..., [0, 0, 0, -1]]}.get(samples.shape[-1], array)
            opaque = expected.shape[-1] == 4 and (expected[..., 3] == 255).all()
            expected = expected[..., :3] if opaque else expected
        assert back.dtype == array.dtype
        np.testing.assert_array_equal(back, expected, err_msg=target)


@pytest.mark.parametrize(
    "name",
    ["astronaut.png", "camera.png", "coffee.png", "logo.png", "horse.png", "hubble_deep_field.jpg", "retina.jpg"],
)
def test_photographs_are_what_imageio_reads(name):
    np.testing.assert_array_equal(read_numpy(PHOTOGRAPHS / name, profile="ignore"), imageio.imread(PHOTOGRAPHS / name))


# Orientation and profiles


TURNED = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
    8: lambda a: np.rot90(a, 1),
}


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_is_applied_once(orientation, format):
    tags = Image.Exif()
    tags[271], tags[274] = "maker", orientation
    options = {"JPEG": {"quality": 95}, "WEBP": {"lossless": True}}.get(format, {})
    data = saved(codes(16, 24, 3), format, exif=tags, **options)
    plain = np.asarray(Image.open(io.BytesIO(saved(codes(16, 24, 3), format, **options))))
    picture = check_agreement(data, np.ascontiguousarray(TURNED[orientation](plain)))
    assert 274 not in picture.getexif()
    if format != "TIFF":
        assert picture.getexif()[271] == "maker"
    for turned in (aikit.to_pil(picture), Image.fromarray(aikit.to_numpy(picture)), read_pil(encode(picture, "png"))):
        np.testing.assert_array_equal(np.asarray(turned), np.asarray(picture))


@pytest.mark.parametrize("orientation", [1, 6])
def test_48_bit_color_is_turned_too(orientation):
    tags = chunk(b"eXIf", exif(orientation)[6:])
    data = png([row.astype(">u2").tobytes() for row in DEEP], (17, 13), 16, 2, tags)
    picture = check_agreement(data, TURNED[orientation](DEEP))
    assert 274 not in picture.getexif()
    assert picture.getexif()[271] == "maker"


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "TIFF", "AVIF"])
def test_a_wide_gamut_profile_becomes_srgb(format):
    profile = matrix_profile()
    flat = np.full((16, 16, 3), (230, 40, 60), np.uint8)
    data = saved(flat, format, icc_profile=profile, **({"lossless": True} if format == "WEBP" else {"quality": 95}))
    codes_in_file = np.asarray(Image.open(io.BytesIO(data)))
    # The textbook: decode the curve, change the primaries, encode as sRGB (IEC 61966-2-1); D50 all the way.
    to_xyz = np.array([[0.5151, 0.2919, 0.1572], [0.2412, 0.6922, 0.0666], [-0.0011, 0.0419, 0.7841]])
    srgb = np.array([[0.4361, 0.3851, 0.1431], [0.2225, 0.7169, 0.0606], [0.0139, 0.0971, 0.7141]])
    linear = (codes_in_file / 255) ** 2.2 @ (np.linalg.inv(srgb) @ to_xyz).T
    linear = np.clip(linear, 0, 1)
    expected = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055) * 255
    for picture in (
        read_pil(data),
        read_numpy(data),
        read_cv2(data)[..., ::-1],
        read_tensor(data).permute(1, 2, 0) * 255,
    ):
        assert np.abs(np.asarray(picture) - expected).max() < 1.6, "rounding, and LittleCMS's 8-bit tables"
    assert "icc_profile" not in read_pil(data).info
    assert np.abs(expected - codes_in_file).max() > 10
    for read in (read_pil, read_numpy):
        np.testing.assert_array_equal(np.asarray(read(data, profile="ignore")), codes_in_file)
    assert read_pil(data, profile="ignore").info["icc_profile"] == profile


def test_an_srgb_profile_changes_nothing():
    data = saved(RGB, "PNG", icc_profile=ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    assert np.abs(read_numpy(data).astype(int) - RGB).max() <= 1


# Frames


def animation(format, count=3, **options):
    frames = [Image.fromarray(np.full((6, 8, 3), 60 * i + 20, np.uint8)) for i in range(count)]
    return saved(frames[0], format, save_all=True, append_images=frames[1:], **options)


@pytest.mark.parametrize(
    ("data", "durations"),
    [
        (animation("GIF", duration=[40, 50, 60]), [40, 50, 60]),
        (animation("PNG", duration=[40, 50, 60]), [40, 50, 60]),
        (animation("WEBP", duration=[40, 50, 60], lossless=True), [40, 50, 60]),
        (animation("TIFF"), None),
    ],
    ids=["gif", "apng", "webp", "tiff"],
)
def test_frames_come_in_order_with_their_durations(data, durations):
    frames = list(read_frames(data))
    assert [int(np.asarray(frame)[0, 0, 0]) for frame in frames] == [20, 80, 140]
    assert [frame.info.get("duration") for frame in frames] == (durations or [None] * 3)
    for index, frame in enumerate(frames):
        for one in (read_pil(data, frame=index), read_numpy(data, frame=index)):
            np.testing.assert_array_equal(np.asarray(one)[..., :3], np.asarray(frame)[..., :3])
    with pytest.raises(InputValueError, match=r"frame: expected 0 to 2, got 3; source has 3 frames\."):
        read_numpy(data, frame=3)


def test_frames_of_an_animated_avif():
    frames = list(read_frames(animation("AVIF", duration=40, quality=95)))
    assert [frame.info["duration"] for frame in frames] == [40] * 3
    for frame, expected in zip(frames, (20, 80, 140), strict=True):
        assert np.abs(np.asarray(frame).astype(int) - expected).max() < 4, "lossy"


def test_frames_are_composed_as_pillow_composes():
    moving = [Image.new("RGBA", (8, 6), (0, 0, 0, 0)) for _ in range(3)]
    for at, frame in enumerate(moving):
        frame.paste((255, 40 * at, 0, 255), (2 * at, 1, 2 * at + 2, 4))
    data = saved(moving[0], "GIF", save_all=True, append_images=moving[1:], disposal=1)
    opened = Image.open(io.BytesIO(data))
    for at, frame in enumerate(read_frames(data)):
        opened.seek(at)
        np.testing.assert_array_equal(np.asarray(frame.convert("RGBA")), np.asarray(opened.convert("RGBA")))


@pytest.mark.parametrize(
    ("frame", "error", "message"),
    [
        (-1, InputValueError, r"frame: expected 0 or more, got -1"),
        (1, InputValueError, r"frame: expected 0 to 0, got 1; source has 1 frame\."),
        (1.0, InputTypeError, r"frame: expected a whole number, got 1\.0"),
        ("1", InputTypeError, r"frame: expected a whole number, got '1'"),
        (True, InputTypeError, r"frame: expected a whole number, got True"),
    ],
)
@READERS
def test_impossible_frames_are_refused(read, frame, error, message):
    with pytest.raises(error, match=message):
        read(saved(RGB, "PNG"), frame=frame)


def test_read_frames_refuses_before_the_first_frame():
    with pytest.raises(LimitError, match=r"at most 2 frames, got 3"):
        read_frames(animation("GIF"), limits=Limits(max_frames=2))
    with pytest.raises(FileFormatError, match=r"source: expected PNG, JPEG"):
        read_frames(b"no picture at all")


# Sources


@pytest.mark.parametrize(
    "make",
    [
        str,
        Path,
        Path.read_bytes,
        lambda path: bytearray(path.read_bytes()),
        lambda path: memoryview(path.read_bytes()),
        lambda path: io.BytesIO(path.read_bytes()),
        lambda path: path.open("rb"),
        lambda path: path.open("rb", buffering=0),
    ],
    ids="str Path bytes bytearray memoryview BytesIO file raw".split(),
)
@READERS
def test_every_source_is_read(tmp_path, make, read):
    path = tmp_path / "no suffix and no ascii: 絵"
    path.write_bytes(saved(RGB, "PNG"))
    source = make(path)
    np.testing.assert_array_equal(np.asarray(read(source)), np.asarray(read(saved(RGB, "PNG"))))
    if hasattr(source, "close"):
        assert not source.closed
        source.close()


def test_a_file_is_read_from_where_it_stands():
    file = io.BytesIO(b"header" + saved(RGB, "PNG"))
    file.seek(6)
    np.testing.assert_array_equal(read_numpy(file), RGB)


def test_the_bytes_decide_and_not_the_name(tmp_path):
    path = tmp_path / "photo.jpg"
    path.write_bytes(saved(RGBA, "PNG"))
    np.testing.assert_array_equal(read_numpy(path), RGBA)


@pytest.mark.parametrize(
    ("source", "error", "message"),
    [
        (None, InputTypeError, r"source: expected a path, bytes or a binary file, got NoneType"),
        ([1, 2], InputTypeError, r"source: expected a path, bytes or a binary file, got list"),
        (7, InputTypeError, r"source: expected a path, bytes or a binary file, got int"),
        (RGB, InputTypeError, r"source: expected a path, bytes or a binary file, got ndarray; for a picture already"),
        (
            io.StringIO("text"),
            InputTypeError,
            r"expected a binary file, got one that reads str; open it with mode 'rb'",
        ),
        ("https://example.org/a.png", InputTypeError, r"expected a path, got the URL 'https://.*aikit uses no network"),
        ("data:image/png;base64,AAAA", InputTypeError, r"got a data URL; pass from_data_url\(url\) to a reader"),
        ("no/such/file.png", FileAccessError, r"no/such/file.png: expected a readable file, got 'No such file"),
        (os.curdir, FileAccessError, r"\.: expected a readable file, got 'Is a directory'"),
        ("a\0b.png", FileAccessError, r"which no file can have as its name"),
        ("", FileAccessError, r"source: expected a readable file, got 'No such file"),
        (b"", FileFormatError, r"source: expected a picture, got 0 bytes"),
        (b"hello world", FileFormatError, r"expected PNG, JPEG, .* got text; check the download"),
    ],
    ids="None list int array text url data-url missing folder null empty-name empty text-bytes".split(),
)
@READERS
def test_wrong_sources_are_refused(read, source, error, message):
    with pytest.raises(error, match=message):
        read(source)
    with pytest.raises(error, match=message):
        read_frames(source)


def test_access_errors_keep_number_and_name(tmp_path):
    with pytest.raises(FileAccessError, match="expected a readable file") as caught:
        read_pil(tmp_path / "missing.png")
    assert (caught.value.errno, caught.value.filename) == (errno.ENOENT, str(tmp_path / "missing.png"))


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root reads everything")
def test_an_unreadable_file_is_refused(tmp_path):
    path = tmp_path / "secret.png"
    path.write_bytes(saved(RGB, "PNG"))
    path.chmod(0)
    with pytest.raises(FileAccessError, match="Permission denied"):
        read_pil(path)


# Limits and damage


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        (Limits(max_bytes=100), r"expected at most 100 bytes, got \d+; raise Limits\(max_bytes=...\)"),
        (Limits(max_pixels=99), r"expected at most 99 pixels, got 221"),
        (Limits(max_side=16), r"expected at most 16 pixels a side, got 17"),
    ],
    ids="bytes pixels side".split(),
)
@pytest.mark.parametrize("pixels", [RGB, DEEP], ids=["8", "16"])
@READERS
def test_every_limit_is_honored(read, pixels, limits, message):
    data = encode(pixels, "png")
    with pytest.raises(LimitError, match=message) as caught:
        read(data, limits=limits)
    assert caught.value.code == "limit_exceeded"
    assert read(data, limits=Limits()) is not None


@READERS
def test_a_format_outside_of_those_allowed_is_unsupported(read):
    with pytest.raises(
        FileFormatError, match=r"^source: expected one of the formats jpeg, tiff, got png; add it"
    ) as caught:
        read(encode(RGB, "png"), limits=Limits(formats={"tif", "jpg"}))
    assert caught.value.code == "unsupported_format"
    assert read(encode(RGB, "png"), limits=Limits(formats={"png"})) is not None


def test_later_frames_count_as_frames():
    data = animation("GIF")
    assert read_pil(data, frame=1, limits=Limits(max_frames=2)).size == (8, 6)
    with pytest.raises(LimitError, match=r"expected at most 2 frames, got 3"):
        read_pil(data, frame=2, limits=Limits(max_frames=2))
    with pytest.raises(LimitError, match=r"at most 143 pixels in all frames, got 144"):
        list(read_frames(data, limits=Limits(max_total_pixels=143)))


@pytest.mark.parametrize("format", ["PNG", "JPEG"])
@READERS
def test_cut_files_are_refused_or_read_as_far_as_they_go(read, format):
    pixels = np.asarray(Image.open(PHOTOGRAPHS / "coffee.png"))
    data = saved(pixels, format)
    cut = data[: len(data) // 2]
    with pytest.raises(FileFormatError, match=rf"source: expected a whole {format} file, got .*allow_truncated=True"):
        read(cut)
    whole, part = read(data), read(cut, allow_truncated=True)
    axis = 1 if read is read_tensor else 0
    whole, part = np.moveaxis(np.asarray(whole), axis, 0), np.moveaxis(np.asarray(part), axis, 0)
    assert part.shape == whole.shape
    np.testing.assert_array_equal(part[:100], whole[:100])
    assert (part[-50:] != whole[-50:]).any()


@pytest.mark.parametrize("format", [name for name in FORMATS if name != "ppm"])
def test_damage_raises_nothing_but_ours(format):
    data = bytearray(encode(codes(24, 20, 3), format))
    rng = np.random.default_rng(7)
    for _ in range(60):
        broken = bytearray(data)
        for at in rng.integers(0, len(data), 3):
            broken[at] = rng.integers(0, 256)
        with contextlib.suppress(FileFormatError, LimitError):
            read_numpy(bytes(broken), limits=Limits(max_pixels=10**6))


def test_pil_and_numpy_never_load_torch(tmp_path):
    encoded = tmp_path / "a.png"
    encoded.write_bytes(saved(RGB, "PNG"))
    code = (
        "import sys, aikit, numpy; path = sys.argv[1]\n"
        "aikit.read_pil(path), aikit.read_numpy(path), aikit.read_cv2(path), list(aikit.files.read_frames(path))\n"
        "aikit.write(aikit.read_pil(path), path + '.webp'); aikit.files.to_data_url(aikit.read_numpy(path))\n"
        "aikit.write(numpy.zeros((2, 2, 3), 'uint16'), path + '.tif'); aikit.show(aikit.read_pil(path))\n"
        "sys.exit('torch' in sys.modules)"
    )
    environment = {**os.environ, "PYTHONPATH": str(SRC)}
    assert subprocess.run([sys.executable, "-c", code, encoded], env=environment, check=False).returncode == 0


# Encoding


def kinds():
    """Every kind of image, with the samples (H, W, C) it holds."""
    import torch

    for channels in (1, 2, 3, 4):
        for dtype in ("uint8", "uint16", "float32"):
            array = codes(9, 11, channels, dtype)
            yield f"array-{dtype}-{channels}", array, array, {}
            yield f"tensor-{dtype}-{channels}", torch.from_numpy(channels_first(array)), array, {}
            if channels > 2:
                order = [2, 1, 0, 3][:channels]
                yield f"bgr-{dtype}-{channels}", array[..., order], array, {"bgr": True}
    half = codes(9, 11, 3, "float16")
    yield "array-float16", half, half.astype(np.float32), {}
    yield "tensor-bfloat16", torch.from_numpy(channels_first(half)).bfloat16(), None, {}
    yield "tensor-grad", torch.from_numpy(channels_first(half.astype(np.float32))).requires_grad_(), None, {}
    yield "array-gray", codes(9, 11), codes(9, 11)[..., None], {}
    bits = codes(9, 11, 1, "bool")
    yield "array-bool", bits, bits * np.uint8(255), {}
    deep = codes(9, 11, 1, "uint16")
    for mode in ("1", "L", "P", "LA", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "HSV", "RGBa"):
        base = Image.fromarray(codes(9, 11, 4))
        image = base.convert("LA").convert(mode) if mode == "PA" else base.convert(mode)
        yield f"pil-{mode}", image, None, {}
    yield "pil-I;16", Image.fromarray(deep[..., 0]), deep, {}
    plane = codes(9, 11, 1, "float32")
    yield "pil-F", Image.fromarray(plane[..., 0]), plane, {}


KINDS = {name: rest for name, *rest in kinds()}


def quantized(samples, dtype):
    top = {"uint8": 255, "uint16": 65535, "float32": 1}
    unit = samples.astype(np.float64) / top[samples.dtype.name]
    return unit.astype(np.float32) if dtype == "float32" else np.floor(unit * top[dtype] + 0.5).astype(dtype)


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("name", KINDS)
def test_every_kind_into_every_format(name, format):
    image, samples, options = KINDS[name]
    if samples is None:
        samples = np.atleast_3d(aikit.to_numpy(image))
    has_alpha, gray = samples.shape[-1] in (2, 4), samples.shape[-1] < 3
    partial = has_alpha and len(np.unique(quantized(samples, "uint8")[..., -1])) > 2
    if has_alpha and (format in ("jpeg", "bmp", "ppm") or (format == "gif" and partial)):
        with pytest.raises(InputValueError, match=r'call flatten\(image, background="white"\) first, or write PNG'):
            encode(image, format, **options)
        image = aikit.flatten(image, background="white", **({"bgr": True} if options else {}))
        encode(image, format, **options)
        return
    lossless = True if format in ("webp", "jxl") else None
    back = np.atleast_3d(read_numpy(encode(image, format, lossless=lossless, **options)))
    keeps = {"uint16": ("png", "tiff", "ppm", "jxl"), "float32": ("tiff",)}
    dtype = samples.dtype.name if format in keeps.get(samples.dtype.name, FORMATS) else "uint8"
    expected = quantized(samples, dtype)
    if gray and back.shape[-1] > 2:
        expected = expected[..., [0, 0, 0, 1] if has_alpha else [0, 0, 0]]
    if back.shape[-1] == 3 and has_alpha:
        assert format in ("webp", "avif", "gif"), "they drop an alpha channel that is opaque everywhere"
        assert (expected[..., -1] == 255).all()
        expected = expected[..., :3]
    assert back.dtype == dtype
    assert back.shape == expected.shape
    if format in ("jpeg", "avif"):
        return  # noise does not survive them; see below
    np.testing.assert_array_equal(back, expected)


@pytest.mark.parametrize("format", ["jpeg", "webp", "avif", "jxl"])
def test_lossy_formats_stay_close_to_a_photograph(format):
    photo = np.asarray(Image.open(PHOTOGRAPHS / "coffee.png"))[:200, :300]
    for image, options in ((photo, {}), (photo[..., ::-1], {"bgr": True}), (Image.fromarray(photo), {})):
        error = np.abs(read_numpy(encode(image, format, **options)).astype(int) - photo)
        assert error.mean() < 4, "the photograph's grain; a swapped channel is off by 40"
    small, large = (len(encode(photo, format, quality=quality)) for quality in (30, 95))
    assert small * 2 < large


def test_gray_alpha_float_and_nan():
    pixels = codes(5, 7, 2, "float32")
    np.testing.assert_array_equal(read_numpy(encode(pixels, "tiff")), pixels)
    pixels[2, 3] = np.nan
    np.testing.assert_array_equal(read_numpy(encode(pixels, "tiff")), pixels)
    np.testing.assert_array_equal(read_numpy(encode(pixels[..., 0], "tiff")), pixels[..., 0])
    with pytest.raises(InputValueError, match=r"NaN"):
        encode(pixels, "png")


def test_inputs_stay_as_they_were_and_any_strides_work():
    pixels = codes(9, 11, 3)
    before = pixels.copy()
    pixels.flags.writeable = False
    for view in (pixels[::-1, ::2], pixels.astype(np.uint16).astype(">u2"), np.broadcast_to(pixels[:1], (4, 11, 3))):
        np.testing.assert_array_equal(read_numpy(encode(view, "png")), view)
    np.testing.assert_array_equal(pixels, before)
    picture = Image.fromarray(before)
    picture.info["transparency"] = (1, 2, 3)
    encode(picture, "png")
    assert picture.info == {"transparency": (1, 2, 3)}


@given(
    st.integers(1, 40),
    st.integers(1, 40),
    st.sampled_from([None, 1, 2, 3, 4]),
    st.sampled_from(["uint8", "uint16"]),
    st.sampled_from(["png", "tiff"]),
)
def test_lossless_round_trip_of_any_shape(height, width, channels, dtype, format):
    pixels = codes(height, width, channels, dtype)
    back = read_numpy(encode(pixels, format))
    assert back.dtype == pixels.dtype
    np.testing.assert_array_equal(back, pixels[..., 0] if channels == 1 else pixels)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: encode(RGB, "bmpp"), InputValueError, r'format: expected one of png, jpeg, .*, got "bmpp"'),
        (lambda: encode(RGB, None), InputTypeError, r'format: expected a name such as "png", got None'),
        (lambda: encode(RGB[None, None], "png"), InputValueError, r"image: expected one picture for PIL, got a batch"),
        (lambda: encode(DEEP[None, None], "png"), InputValueError, r"image: expected one picture for PIL, got a batch"),
        (
            lambda: encode(codes(3, 4, 1, "float32", (2, 1)), "tiff"),
            InputValueError,
            r"image: expected one picture for PIL, got a batch",
        ),
        (lambda: encode(RGB.astype(np.int64), "png"), InputTypeError, r"image: expected dtype .* got int64"),
        (lambda: encode("a.png", "png"), InputTypeError, r"image: .*read_"),
        (lambda: encode(b"\x89PNG", "png"), InputTypeError, r"image: .*read_"),
        (lambda: encode(None, "png"), InputTypeError, r"image: expected .* got NoneType"),
        (lambda: encode(Image.fromarray(RGB), "png", bgr=True), InputValueError, r"bgr"),
        (lambda: encode(RGB, "png", quality=90), InputValueError, r"quality: expected None for PNG, got 90"),
        (lambda: encode(RGB, "jpeg", quality=0), InputValueError, r"quality: expected 1\.\.100, got 0"),
        (lambda: encode(RGB, "jpeg", quality=True), InputTypeError, r"quality: expected a whole number 1\.\.100"),
        (lambda: encode(RGB, "jpeg", quality=90.0), InputTypeError, r"quality: expected a whole number 1\.\.100"),
        (lambda: encode(RGB, "jpeg", lossless=True), InputValueError, r"lossless: expected None or False for JPEG"),
        (lambda: encode(RGB, "avif", lossless=True), InputValueError, r"lossless: expected None or False for AVIF"),
        (lambda: encode(RGB, "png", lossless=False), InputValueError, r"lossless: expected None or True for PNG"),
        (
            lambda: encode(RGB, "webp", lossless=True, quality=9),
            InputValueError,
            r"quality: expected None with lossless",
        ),
        (lambda: encode(RGB, "webp", lossless=1), InputTypeError, r"lossless: expected True, False or None, got 1"),
        (lambda: encode(codes(1, 300, 3), "ico"), InputValueError, r"expected at most 256 pixels a side for ICO"),
        (lambda: encode(codes(1, 16384, 3), "webp"), InputValueError, r"at most 16383 pixels a side for WebP"),
        (lambda: write(RGB, "name"), InputValueError, r"path: expected a suffix that names the format, got 'name'"),
        (lambda: write(RGB, "name.xyz"), InputValueError, r'expected one of png, .* got "\.xyz"'),
        (lambda: write(RGB, 7), InputTypeError, r"path: expected a path, got int"),
        (lambda: write(RGB, io.BytesIO()), InputTypeError, r"got BytesIO; for bytes call encode\(image, format\)"),
        (lambda: write(RGB, "https://example.org/a.png"), InputTypeError, r"got the URL"),
    ],
)
def test_what_cannot_be_written_is_refused(tmp_path, monkeypatch, call, error, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match=message):
        call()
    assert list(tmp_path.iterdir()) == []


# Metadata

PROFILE = matrix_profile()


def annotated(image):
    image.info.update(icc_profile=PROFILE, dpi=(300.0, 300.0), exif=exif(6))
    return image


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "I;16", "F"])
@pytest.mark.parametrize(
    ("format", "kept"),
    [
        ("png", {"icc_profile", "dpi", "exif"}),
        ("jpeg", {"icc_profile", "dpi", "exif"}),
        ("tiff", {"icc_profile", "dpi", "exif"}),
        ("webp", {"icc_profile", "exif"}),
        ("avif", {"icc_profile", "exif"}),
        ("bmp", {"dpi"}),
        ("gif", set()),
        ("ico", set()),
        ("ppm", set()),
    ],
)
def test_metadata_goes_along_where_the_format_has_a_place(mode, format, kept):
    pixels = {"I;16": codes(20, 16, None, "uint16"), "F": codes(20, 16, None, "float32")}.get(mode)
    image = annotated(Image.fromarray(codes(20, 16, 4)).convert(mode) if pixels is None else Image.fromarray(pixels))
    if mode == "RGBA" and format in ("jpeg", "bmp", "ppm", "gif"):
        image = aikit.flatten(image, background="white")
    image.info["exif"] = exif()
    opened = Image.open(io.BytesIO(encode(image, format)))
    if "dpi" in kept:
        assert tuple(round(value) for value in opened.info["dpi"]) == (300, 300)
    if "exif" in kept:
        assert opened.getexif()[271] == "maker"
    # An RGB profile would be wrong on gray.
    expected = PROFILE if "icc_profile" in kept and mode in ("RGB", "RGBA") else None
    assert opened.info.get("icc_profile") == expected
    if "exif" not in kept:
        assert "exif" not in opened.info


@pytest.mark.parametrize("format", ["png", "jpeg", "webp", "avif", "tiff"])
def test_a_turned_picture_is_written_upright_and_without_the_tag(format):
    photo = read_pil(saved(codes(16, 24, 3), "JPEG", exif=exif(6), quality=95))
    opened = Image.open(io.BytesIO(encode(photo, format)))
    assert opened.size == (16, 24)
    assert 274 not in opened.getexif()
    assert opened.getexif()[271] == "maker"
    # A tag on an image that was not read by us is applied, too.
    raw = Image.open(io.BytesIO(saved(codes(16, 24, 3), "JPEG", exif=exif(6), quality=95)))
    again = Image.open(io.BytesIO(encode(raw, format)))
    assert again.size == (16, 24)
    assert 274 not in again.getexif()


# Writing


@pytest.mark.parametrize(
    "suffix", [".png", ".JPG", ".jpeg", ".webp", ".avif", ".gif", ".tif", ".bmp", ".ico", ".ppm", ".pgm"]
)
@pytest.mark.parametrize("as_path", [str, Path], ids=["str", "Path"])
def test_write_picks_the_format_by_suffix(tmp_path, suffix, as_path):
    path = tmp_path / f"名 with spaces{suffix}"
    assert write(GRAY, as_path(path)) is None
    name = {".jpg": "jpeg", ".tif": "tiff", ".pgm": "ppm"}.get(suffix.lower(), suffix.lower()[1:])
    assert Image.open(path).format.lower() == name
    assert path.read_bytes() == encode(GRAY, name)
    assert os.listdir(tmp_path) == [path.name]


def test_a_failing_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.jpg"
    path.write_bytes(b"what was there")
    with pytest.raises(InputValueError, match="flatten"):
        write(RGBA, path)
    assert path.read_bytes() == b"what was there"
    assert os.listdir(tmp_path) == ["a.jpg"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("missing/a.png", r"a\.png: expected a writable path, got 'No such file or directory'"),
        ("folder.png", r"path: expected a file, got the directory"),
        ("file/a.png", r"a\.png: expected a writable path, got 'Not a directory'"),
    ],
)
def test_impossible_places_are_refused(tmp_path, name, message):
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(FileAccessError, match=message):
        write(RGB, tmp_path / name)
    assert sorted(os.listdir(tmp_path)) == ["file", "folder.png"]


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root writes everywhere")
def test_a_read_only_folder_is_refused(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(FileAccessError, match="Permission denied"):
        write(RGB, tmp_path / "a.png")


@pytest.mark.skipif(os.name != "posix", reason="a POSIX limit stands for a full disk")
@pytest.mark.parametrize("suffix", ["png", "tif", "webp"])
def test_a_full_disk_leaves_the_old_file(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    write(GRAY, path)
    before = path.read_bytes()
    code = (
        "import sys, resource, signal, numpy, aikit\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        "noise = numpy.random.default_rng(0).integers(0, 256, (200, 200, 3), 'uint8')\n"
        "try: aikit.write(noise, sys.argv[1])\n"
        "except aikit.FileAccessError as error: print(error); sys.exit(7)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(SRC), "PYTHONDONTWRITEBYTECODE": "1"}
    run = subprocess.run(
        [sys.executable, "-c", code, path], env=environment, capture_output=True, text=True, check=False
    )
    assert run.returncode == 7, run.stderr
    assert (
        "expected a writable path, got 'File too large'; check the folder, its permissions and the free" in run.stdout
    )
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == [path.name]


# Data URLs

MIME = {
    "png": "image/png",
    "jpeg": "image/jpeg",
    "webp": "image/webp",
    "avif": "image/avif",
    "gif": "image/gif",
    "tiff": "image/tiff",
    "bmp": "image/bmp",
    "ico": "image/vnd.microsoft.icon",
    "ppm": "image/x-portable-pixmap",
    "jxl": "image/jxl",
}


@pytest.mark.parametrize("format", FORMATS)
def test_data_urls_are_what_urllib_reads(format):
    url = to_data_url(RGB, format)
    with urllib.request.urlopen(url) as response:
        assert response.headers["Content-Type"] == MIME[format]
        assert response.read() == encode(RGB, format)
    assert from_data_url(url) == encode(RGB, format)
    assert to_data_url(RGB[..., ::-1], "." + format.upper(), bgr=True) == url


def test_options_reach_the_encoder():
    assert from_data_url(to_data_url(RGBA, "webp", lossless=True)) == encode(RGBA, "webp", lossless=True)
    assert from_data_url(to_data_url(RGB, "jpeg", quality=20)) == encode(RGB, "jpeg", quality=20)
    np.testing.assert_array_equal(read_numpy(from_data_url(to_data_url(DEEP_RGBA))), DEEP_RGBA)


@given(st.binary(max_size=200))
def test_any_bytes_come_back(data):
    assert from_data_url("data:;base64," + base64.b64encode(data).decode()) == data


@pytest.mark.parametrize(
    ("url", "data"),
    [
        ("data:image/png;base64,AAEC", b"\0\1\2"),
        ("DATA:image/png;BASE64,AAEC", b"\0\1\2"),
        ("data:image/svg+xml;charset=utf-8;base64,PHN2Zy8+", b"<svg/>"),
        ("data:;base64,", b""),
        ("data:image/png;base64,AAE", b"\0\1"),
        ("data:image/png;base64,AA EC\r\n", b"\0\1\2"),
        ("data:image/png;base64,AA%0AE=", b"\0\1"),
        ("data:image/png;base64,AA\t=\f=", b"\0"),
        ("data:,", b""),
        ("data:,hi%20there%00", b"hi there\0"),
        ("data:image/svg+xml,%3Csvg%20viewBox='0,0,1,1'/%3E", b"<svg viewBox='0,0,1,1'/>"),
        ("data:image/svg+xml;utf8,<svg id='é'/>", "<svg id='é'/>".encode()),
        ("data:image/png;base64,%2B%2F8%3D", b"\xfb\xff"),
    ],
)
def test_data_urls_of_browsers_and_front_ends(url, data):
    assert from_data_url(url) == data


@pytest.mark.parametrize(
    ("url", "error", "message"),
    [
        ("data:image/png;base64,AAECA", InputValueError, r"url: expected base64 after the comma"),
        ("data:image/png;base64,AAE==", InputValueError, r"url: expected base64 after the comma"),
        ("data:image/png;base64,AA=", InputValueError, r"url: expected base64 after the comma"),
        ("data:image/png;base64,AA\x0bEC", InputValueError, r"url: expected base64 after the comma"),
        ("data:image/png;base64,-_8=", InputValueError, r"url: expected base64 after the comma"),
        ("data:image/png;base64,AA==AAEC", InputValueError, r"url: expected base64 after the comma"),
        ("data:image/png;base64,é", InputValueError, r"url: expected base64 after the comma"),
        ("data:image/png;base64", InputValueError, r'url: expected "data:\.\.\.,\.\.\.", got'),
        (" data:,x", InputValueError, r'url: expected "data:'),
        ("AAEC", InputValueError, r"got 'AAEC'; for bare base64 call base64\.b64decode\(text, validate=True\)"),
        ("https://example.org/a.png", InputValueError, r"url: expected .* got 'https://example.org/a.png'"),
        ("", InputValueError, r"url: expected .* got ''"),
        (b"data:,x", InputTypeError, r"url: expected a str, got bytes; decode bytes first"),
        (None, InputTypeError, r"url: expected a str, got NoneType"),
    ],
)
def test_what_is_no_data_url_is_refused(url, error, message):
    with pytest.raises(error, match=message):
        from_data_url(url)


def test_a_suffix_for_gray_takes_no_color(tmp_path):
    with pytest.raises(
        InputValueError, match=r"^image: expected gray for \.pgm, got color or alpha; write \.ppm or \.png\.$"
    ):
        write(codes(4, 5, 3), tmp_path / "color.pgm")
    write(codes(4, 5, None), tmp_path / "gray.pgm")
    assert (tmp_path / "gray.pgm").read_bytes().startswith(b"P5")
    assert not (tmp_path / "color.pgm").exists()
