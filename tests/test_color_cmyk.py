"""color: CMYK, naively and through a profile made here."""

import contextlib
import errno
import struct
from io import BytesIO
from itertools import product

import numpy as np
import pytest
from PIL import Image, ImageCms

import aikit
from aikit import FileAccessError, FileFormatError, InputTypeError, InputValueError
from pictures import codes, pil, tensor
from test_color import colour, cube

# Naively


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-6), ("float64", 1e-12)])
def test_colour_science_agrees(dtype, tolerance):
    rgb = cube()[:, 1:]  # it divides black by zero
    reference = colour.CMY_to_CMYK(colour.RGB_to_CMY(rgb))
    assert abs(aikit.color.rgb_to_cmyk(rgb.astype(dtype)) - reference).max() < tolerance
    back = colour.CMY_to_RGB(colour.CMYK_to_CMY(reference))
    assert abs(aikit.color.cmyk_to_rgb(reference.astype(dtype)) - back).max() < tolerance


@pytest.mark.parametrize(
    ("rgb", "cmyk"),
    [
        ((0, 0, 0), (0, 0, 0, 255)),
        ((255, 255, 255), (0, 0, 0, 0)),
        ((255, 0, 0), (0, 255, 255, 0)),
        ((0, 255, 0), (255, 0, 255, 0)),
        ((0, 0, 255), (255, 255, 0, 0)),
        ((128, 128, 128), (0, 0, 0, 127)),
        ((64, 128, 32), (128, 0, 191, 127)),
    ],
)
def test_known_inks(rgb, cmyk):
    assert aikit.color.rgb_to_cmyk(np.array([[rgb]], np.uint8)).tolist() == [[list(cmyk)]]
    back = aikit.color.cmyk_to_rgb(np.array([[cmyk]], np.uint8)).astype(int)
    assert abs(back - rgb).max() <= 1


@pytest.mark.parametrize(("dtype", "codes_apart"), [("uint8", 1), ("uint16", 1)])
def test_codes_come_back(dtype, codes_apart):
    rgb = codes(300, 400, 3, dtype)
    assert abs(aikit.color.cmyk_to_rgb(aikit.color.rgb_to_cmyk(rgb)).astype(int) - rgb).max() <= codes_apart


def test_pil_and_opencv_order():
    array = codes(5, 6, 3)
    cmyk = aikit.color.rgb_to_cmyk(array)
    assert np.array_equal(np.asarray(aikit.color.rgb_to_cmyk(pil(array))), cmyk)
    assert np.array_equal(aikit.color.rgb_to_cmyk(array[..., ::-1], bgr=True), cmyk)
    assert np.array_equal(aikit.color.cmyk_to_rgb(cmyk, bgr=True), aikit.color.cmyk_to_rgb(cmyk)[..., ::-1])
    # Pillow takes no black out of the colors on the way there, and means the same on the way back.
    pillows = np.asarray(Image.fromarray(cmyk, "CMYK").convert("RGB")).astype(int)
    assert abs(pillows - aikit.color.cmyk_to_rgb(cmyk)).max() <= 1


# Through a profile: ICC.1:2010, 10.10 (lut8Type), with two ink levels, and a grid of nine for the way back


# L*, a*, b* of paper, cyan, magenta and yellow, ISO 12647-2.
INKS = {(0, 0, 0, 0): (100, 0, 0), (1, 0, 0, 0): (55, -37, -50), (0, 1, 0, 0): (48, 74, -3), (0, 0, 1, 0): (89, -5, 93)}
STEPS = 9


def lab_of(inks):
    """What a corner looks like: the paper, less what each ink takes; black takes all."""
    lab = np.array(INKS[0, 0, 0, 0], float)
    for index in range(3):
        if inks[index]:
            single = np.array(INKS[tuple(int(index == i) for i in range(4))], float)
            lab += (single - INKS[0, 0, 0, 0]) * [0.75, 1, 1]
    lab[0] = max(lab[0], 8)
    return np.array([8, 0, 0]) if inks[3] else lab


def lut8(table, inputs, outputs, grid):
    ramp = bytes(range(256))
    matrix = struct.pack(">9i", *(65536 if i in (0, 4, 8) else 0 for i in range(9)))
    head = b"mft1" + bytes(4) + bytes([inputs, outputs, grid, 0])
    return head + matrix + ramp * inputs + np.asarray(table, np.uint8).tobytes() + ramp * outputs


def lab_codes(lab):
    return np.rint(np.clip([lab[0] * 2.55, lab[1] + 128, lab[2] + 128], 0, 255))


def make_profile(*, both=True, space=b"CMYK"):
    forward = [lab_codes(lab_of(inks)) for inks in product((0, 1), repeat=4)]
    axis = np.linspace(0, 1, STEPS)
    backward = []
    for light, a, b in product(axis, axis, axis):
        rgb = aikit.lab_to_rgb(np.array([[[light * 100, a * 255 - 128, b * 255 - 128]]])).clip(0, 1)
        backward.append(np.rint(aikit.color.rgb_to_cmyk(rgb)[0, 0] * 255))
    tags = [(b"A2B0", lut8(forward, 4, 3, 2))]
    if both:
        tags.append((b"B2A0", lut8(backward, 3, 4, STEPS)))
    tags = [(name, data + bytes(-len(data) % 4)) for name, data in tags]
    table, body, at = struct.pack(">I", len(tags)), b"", 128 + 4 + 12 * len(tags)
    for name, data in tags:
        table += struct.pack(">4sII", name, at + len(body), len(data))
        body += data
    size = 128 + len(table) + len(body)
    white = struct.pack(">3i", *(round(value * 65536) for value in (0.9642, 1, 0.8249)))
    head = struct.pack(">I4sI4s4s4s", size, b"none", 0x02400000, b"prtr", space, b"Lab ") + bytes(12) + b"acsp"
    return head.ljust(68, b"\0") + white + bytes(48) + table + body


@pytest.fixture(scope="module")
def press():
    return make_profile()


def through_pillow(array, profile, source, target):
    pair = [ImageCms.ImageCmsProfile(BytesIO(profile)), ImageCms.createProfile("sRGB")]
    if source == "RGB":
        pair.reverse()
    transform = ImageCms.buildTransform(*pair, source, target, 1, ImageCms.Flags.BLACKPOINTCOMPENSATION)
    return np.asarray(ImageCms.applyTransform(Image.fromarray(array, source), transform))


def test_a_profile_decides_what_inks_look_like(press):
    inks = np.array([[[0, 0, 0, 0], [255, 0, 0, 0], [0, 255, 0, 0], [0, 0, 255, 0], [0, 0, 0, 255]]], np.uint8)
    rgb = aikit.color.cmyk_to_rgb(inks, profile=press).astype(int)
    assert rgb[0, 0].tolist() == [255, 255, 255]
    assert rgb[0, 4].tolist() == [0, 0, 0]  # the darkest ink is black: black point compensation
    # The inks are not the ideal ones.
    assert abs(rgb[0, 1:4] - aikit.color.cmyk_to_rgb(inks)[0, 1:4]).max() > 50
    cyan, magenta, yellow = rgb[0, 1:4]
    assert cyan.argmin() == 0
    assert magenta.argmin() == 1
    assert yellow.argmin() == 2


@pytest.mark.parametrize("shape", [(1, 1), (5, 6), (300, 700)])
def test_littlecms_agrees(press, shape):
    rgb, cmyk = codes(*shape, 3), codes(*shape, 4)
    assert np.array_equal(aikit.color.rgb_to_cmyk(rgb, profile=press), through_pillow(rgb, press, "RGB", "CMYK"))
    assert np.array_equal(aikit.color.cmyk_to_rgb(cmyk, profile=press), through_pillow(cmyk, press, "CMYK", "RGB"))


def test_kinds_agree(press, tmp_path):
    rgb = codes(5, 6, 3)
    cmyk = aikit.color.rgb_to_cmyk(rgb, profile=press)
    assert np.array_equal(aikit.color.rgb_to_cmyk(tensor(rgb), profile=press), tensor(cmyk))
    assert np.array_equal(aikit.color.rgb_to_cmyk(rgb[..., ::-1], profile=press, bgr=True), cmyk)
    assert np.array_equal(aikit.color.rgb_to_cmyk(np.stack([rgb, rgb]), profile=press), np.stack([cmyk, cmyk]))
    picture = aikit.color.rgb_to_cmyk(pil(rgb), profile=press)
    assert picture.mode == "CMYK"
    assert np.array_equal(np.asarray(picture), cmyk)
    back = aikit.color.cmyk_to_rgb(cmyk, profile=press)
    assert np.array_equal(aikit.color.cmyk_to_rgb(tensor(cmyk), profile=press), tensor(back))
    assert np.array_equal(aikit.color.cmyk_to_rgb(cmyk, profile=press, bgr=True), back[..., ::-1])
    assert np.array_equal(np.asarray(aikit.color.cmyk_to_rgb(picture, profile=press)), back)
    path = tmp_path / "press.icc"
    path.write_bytes(press)
    for name in (path, str(path)):
        assert np.array_equal(aikit.color.rgb_to_cmyk(rgb, profile=name), cmyk)


def test_dtype_of_the_result(press):
    cmyk = codes(3, 4, 4)
    back = aikit.color.cmyk_to_rgb(cmyk, profile=press)
    assert np.array_equal(aikit.color.cmyk_to_rgb(cmyk, profile=press, dtype="float32"), back * np.float32(1 / 255))
    assert np.array_equal(aikit.color.cmyk_to_rgb(cmyk, profile=press, dtype="uint16"), back.astype(np.uint16) * 257)
    assert aikit.color.cmyk_to_rgb(tensor(cmyk), profile=press, dtype="float16").dtype.itemsize == 2


def test_pictures_carry_the_profile_of_their_inks(press):
    picture = pil(codes(3, 4, 3))
    picture.info = {"icc_profile": b"of RGB", "dpi": (72, 72)}
    assert aikit.color.rgb_to_cmyk(picture).info == {"dpi": (72, 72)}
    cmyk = aikit.color.rgb_to_cmyk(picture, profile=press)
    assert cmyk.info == {"icc_profile": press, "dpi": (72, 72)}
    assert aikit.color.cmyk_to_rgb(cmyk, profile=press).info == {"dpi": (72, 72)}
    assert picture.info["icc_profile"] == b"of RGB"


def damaged(profile):
    yield b""
    yield b"not a profile"
    yield profile[:200]
    yield make_profile(space=b"RGB ")
    yield ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    yield ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()


def test_wrong_profiles(press):
    for wrong in damaged(press):
        for call, image in ((aikit.color.rgb_to_cmyk, codes(2, 3, 3)), (aikit.color.cmyk_to_rgb, codes(2, 3, 4))):
            with pytest.raises(
                FileFormatError, match=r"profile: expected an ICC profile that has CMYK .* pass another"
            ):
                call(image, profile=wrong)


def test_a_profile_without_the_way_there(press):
    one_way = make_profile(both=False)
    assert aikit.color.cmyk_to_rgb(codes(2, 3, 4), profile=one_way).shape == (2, 3, 3)
    with pytest.raises(FileFormatError, match="profile: expected an ICC profile that has CMYK from color"):
        aikit.color.rgb_to_cmyk(codes(2, 3, 3), profile=one_way)


def test_every_damaged_byte_is_our_error(press):
    rng = np.random.default_rng(1)
    for _ in range(150):
        broken = bytearray(press)
        for at in rng.integers(0, 240, 3):
            broken[at] = rng.integers(0, 256)
        for call, image in ((aikit.color.rgb_to_cmyk, codes(2, 3, 3)), (aikit.color.cmyk_to_rgb, codes(2, 3, 4))):
            with contextlib.suppress(FileFormatError):
                call(image, profile=bytes(broken))


@pytest.mark.parametrize("name", ["missing.icc", "", "."])
def test_profiles_that_cannot_be_read(tmp_path, name):
    with pytest.raises(FileAccessError, match="expected a readable file") as caught:
        aikit.color.rgb_to_cmyk(codes(2, 3, 3), profile=tmp_path / name)
    assert caught.value.errno in (errno.ENOENT, errno.EISDIR)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda p: aikit.color.rgb_to_cmyk(codes(2, 3, 3), profile=7),
            InputTypeError,
            "profile: expected a path or bytes, got",
        ),
        (
            lambda p: aikit.color.rgb_to_cmyk(codes(2, 3, 4), profile=p),
            InputValueError,
            "for cmyk, got RGBA; call flatten",
        ),
        (lambda p: aikit.color.rgb_to_cmyk(codes(2, 3), profile=p), InputValueError, "call gray_to_rgb first"),
        (lambda p: aikit.color.cmyk_to_rgb(codes(2, 3, 3), profile=p), InputValueError, "expected 4 channels of cmyk"),
        (lambda p: aikit.color.cmyk_to_rgb(pil(codes(2, 3, 3)), profile=p), InputValueError, "of mode CMYK, got RGB"),
        (
            lambda p: aikit.color.rgb_to_cmyk(codes(2, 3, 3, "uint16"), profile=p),
            InputTypeError,
            "expected uint8 with a prof",
        ),
        (
            lambda p: aikit.color.rgb_to_cmyk(codes(2, 3, 3, "float32"), profile=p),
            InputTypeError,
            "expected uint8 with a prof",
        ),
        (lambda p: aikit.color.rgb_to_cmyk("a.png", profile=p), InputTypeError, "image: expected a PIL image"),
    ],
)
def test_messages(press, call, error, message):
    with pytest.raises(error, match=message):
        call(press)
