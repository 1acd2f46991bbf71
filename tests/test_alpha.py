import functools
import io
import itertools
import math
import sys
import warnings
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st
from PIL import Image, ImageCms

from aikit import (
    InputTypeError,
    InputValueError,
    color_to_alpha,
    composite,
    flatten,
    has_alpha,
    make_transparent,
    merge_alpha,
    premultiply,
    split_alpha,
    trim,
    unpremultiply,
)
from aikit.alpha import alpha_bbox, chroma_key, estimate_foreground, is_transparent, premultiplied
from aikit.alpha.compositing import _over_color, _over_color_uint8
from aikit.convert import to_numpy
from pictures import channels_first, codes, flat, in_dtype, opencv_order, pil, tensor

TOP = {"uint8": 255, "uint16": 65535}
FLOATS = ["float16", "float32", "float64"]
DTYPES = ["uint8", "uint16", *FLOATS]
OPERATORS = ["over", "in", "out", "atop", "xor"]


def picture(height=13, width=17, channels=4, dtype="uint8", batch=()):
    """All values different as far as they go, with fully transparent and fully opaque pixels among them."""
    array = codes(height, width, channels, dtype, batch)
    if channels in (2, 4):
        array[..., : height // 3, :, -1] = 0
        array[..., height - height // 3 :, :, -1] = TOP.get(dtype, 1)
    return array


def as_float(array):
    """Values in [0, 1], float64."""
    return array / TOP[array.dtype.name] if array.dtype.name in TOP else array.astype(np.float64)


def rounded(values, dtype="uint8"):
    return np.rint(np.clip(values, 0, 1) * TOP[dtype]).astype(dtype)


def back(result):
    """A result of any kind as an array (..., H, W, C)."""
    if isinstance(result, torch.Tensor):
        result = result.detach()
        result = result.float() if result.dtype == torch.bfloat16 else result
        return np.moveaxis(result.numpy(), -3, -1)
    array = np.asarray(result)
    return array[..., None] if array.ndim == 2 else array


def difference(one, other):
    one, other = back(one), back(other)
    assert one.shape == other.shape
    return np.abs(one.astype(np.float64) - other.astype(np.float64)).max()


def with_exif(image, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = "a maker"
    image.info["exif"] = exif.tobytes()
    return image


# What every function makes of a picture that has alpha, with one image coming out.
MAKERS = {
    "trim": trim,
    "color": lambda image, **bgr: split_alpha(image)[0],
    "alpha": lambda image, **bgr: split_alpha(image)[1],
    "merge_alpha": lambda image: merge_alpha(image, 0.3),
    "premultiply": premultiply,
    "unpremultiply": unpremultiply,
    "flatten": lambda image, **bgr: flatten(image, background="teal", **bgr),
    "flatten gray": lambda image, **bgr: flatten(image, background="#808080", **bgr),
    "flatten checker": lambda image, **bgr: flatten(image, background="checker", **bgr),
    "flatten picture": lambda image, **bgr: flatten(image, background=trim(split_alpha(image)[0]), **bgr),
    "composite": lambda image, **bgr: composite(image, image, operator="xor", **bgr),
    "composite moved": lambda image, **bgr: composite(image, image, left=-3, top=2, **bgr),
    "make_transparent": lambda image, **bgr: make_transparent(image, color="teal", tolerance=0.2, **bgr),
    "make_transparent feather": lambda image, **bgr: make_transparent(
        image, color="#0a8", tolerance=0.2, feather=0.3, **bgr
    ),
    "color_to_alpha": lambda image, **bgr: color_to_alpha(image, color="teal", **bgr),
    "color_to_alpha gray": lambda image, **bgr: color_to_alpha(image, color="white", **bgr),
    "estimate_foreground": estimate_foreground,
}
TAKE_BGR = [name for name in MAKERS if name.startswith(("flatten", "composite", "make", "color_"))]
every_maker = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)


# ---------------------------------------------------------------- agreement, for all of them


@pytest.mark.usefixtures("tensors_work_in")
@every_maker
@pytest.mark.parametrize("channels", [2, 4])
@pytest.mark.parametrize("dtype", DTYPES)
def test_arrays_tensors_and_pil_agree(make, channels, dtype):
    array = picture(channels=channels, dtype=dtype)
    result = make(array)
    assert result.dtype == array.dtype
    on_torch = make(tensor(array))
    assert on_torch.dtype == tensor(array).dtype
    # float16's step at 1 is 5e-4; the iterations of estimate_foreground add float32 rounding
    allowed = 0 if dtype in TOP else 1e-3 if dtype == "float16" else 1e-5
    if make is estimate_foreground and dtype == "uint16":
        allowed = 1
    assert difference(result, on_torch) <= allowed
    if dtype == "uint8":
        image = make(pil(array))
        assert image.mode == {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}[back(result).shape[-1]]
        assert difference(result, image) == 0


@every_maker
def test_bands_in_threads_are_the_whole(make):
    array = picture(500, 700)  # three bands
    wanted = make(tensor(array))
    assert difference(make(array), wanted) == 0
    assert difference(make(pil(array)), wanted) == 0


@every_maker
@pytest.mark.parametrize("channels", [2, 4])
@pytest.mark.parametrize("kind", [np.asarray, tensor])
def test_a_batch_is_a_loop(make, channels, kind):
    batch = picture(7, 6, channels, batch=(2, 3))
    batch[1, 2] = 255 - batch[1, 2]
    if make is trim:
        batch[..., -1] = 255  # one box for all pictures
    result = back(make(kind(batch)))
    assert result.shape[:2] == (2, 3)
    for index in np.ndindex(2, 3):
        np.testing.assert_array_equal(result[index], back(make(kind(batch[index]))))


@every_maker
def test_bfloat16_stays_and_is_computed_in_float32(make):
    image = tensor(picture(dtype="float32")).bfloat16()
    result = make(image)
    assert result.dtype == torch.bfloat16
    if make is not MAKERS["make_transparent"]:  # whose tolerance is wider here
        np.testing.assert_allclose(back(result), back(make(image.float())), rtol=2**-8, atol=2**-8)


@every_maker
@pytest.mark.parametrize("kind", [np.asarray, tensor])
def test_input_is_unchanged_and_the_result_owns_its_memory(make, kind):
    for dtype in ("uint8", "float32"):
        image = kind(picture(dtype=dtype))
        before = back(image).copy()
        result = make(image)
        np.testing.assert_array_equal(back(image), before)
        assert not np.shares_memory(back(result), back(image))
        if isinstance(result, np.ndarray):
            assert result.flags.writeable
            assert result.dtype.isnative
        result[...] = 0
        np.testing.assert_array_equal(back(image), before)


@every_maker
@pytest.mark.parametrize(
    "awkward",
    [
        lambda a: np.frombuffer(a.tobytes(), a.dtype).reshape(a.shape),
        lambda a: a[::-1, ::-1][::-1].copy()[:, ::-1],
        lambda a: a.astype(a.dtype.newbyteorder()),
        lambda a: np.asfortranarray(a),
        lambda a: np.repeat(a, 2, 1)[:, ::2],
    ],
    ids=["read-only", "negative strides", "byte-swapped", "Fortran order", "with gaps"],
)
def test_awkward_arrays(make, awkward):
    for dtype in ("uint8", "uint16", "float32"):
        array = picture(dtype=dtype)
        result = make(awkward(array))
        assert result.dtype == array.dtype
        assert result.dtype.isnative
        assert difference(result, make(array)) == 0


@every_maker
def test_awkward_tensors(make):
    image = tensor(picture(dtype="float32"))
    wanted = make(image)
    spaced = image.repeat_interleave(2, -1)[..., ::2]
    for other in (image.permute(1, 2, 0).contiguous().permute(2, 0, 1), spaced, torch.nn.Parameter(image)):
        result = make(other)
        assert type(result) is torch.Tensor
        assert difference(result, wanted) <= 1e-6
    stretched = image[None].expand(3, -1, -1, -1)
    assert difference(make(stretched)[2], wanted) <= 1e-6


@every_maker
def test_zero_strides(make):
    one = np.array([10, 200, 90, 128], np.uint8)
    assert difference(make(np.broadcast_to(one, (5, 6, 4))), make(np.tile(one, (5, 6, 1)))) == 0


@every_maker
def test_autocast_changes_nothing(make):
    image = tensor(picture(dtype="float32"))
    with torch.autocast("cpu", torch.bfloat16):
        result = make(image)
    assert result.dtype == torch.float32
    assert torch.equal(result, make(image))


@every_maker
@pytest.mark.parametrize("size", [(1, 1), (1, 5), (5, 1), (3, 3)])
@pytest.mark.parametrize("channels", [2, 4])
def test_small_pictures(make, size, channels):
    for kind in (np.asarray, tensor, pil):
        array = codes(*size, channels)
        array[..., -1] |= 1  # something is visible
        result = back(make(kind(array)))
        assert result.shape[:2] == size
        if make is estimate_foreground:
            np.testing.assert_array_equal(result[..., -1], array[..., -1])


@every_maker
def test_200000_by_1(make):
    row = np.tile(picture(3, 200, 4).reshape(1, 600, 4), (1, 334, 1))[:, :200000]
    row[:, [0, -1], 3] = 255
    assert make(row).shape[:2] == (1, 200000)
    column = np.ascontiguousarray(row.swapaxes(0, 1))
    assert make(column).shape[:2] == (200000, 1)


@pytest.mark.parametrize("make", [MAKERS[name] for name in TAKE_BGR], ids=TAKE_BGR)
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_bgr_is_the_same_picture(make, channels):
    array = picture(channels=channels)
    turned = array if channels < 3 else opencv_order(array)
    for kind in (np.asarray, tensor):
        result, wanted = back(make(kind(turned), bgr=True)), back(make(kind(array)))
        np.testing.assert_array_equal(opencv_order(result) if result.shape[-1] > 2 else result, wanted)


@every_maker
def test_pil_keeps_its_metadata_and_stands_upright(make):
    array = picture(6, 9)
    icc = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    image = with_exif(pil(array), 6)
    image.info |= {"dpi": (72, 72), "icc_profile": icc}
    before = dict(image.info), image.tobytes()
    result = make(image)
    assert (dict(image.info), image.tobytes()) == before
    assert result.info["dpi"] == (72, 72)
    exif = result.getexif()
    assert 0x0112 not in exif
    assert exif[0x010F] == "a maker"
    if back(result).shape[-1] >= 3:
        assert result.info["icc_profile"] == icc
    else:  # a profile for color is none for gray, and PNG refuses it there
        assert "icc_profile" not in result.info
    assert difference(result, make(np.rot90(array, -1))) == 0
    assert result.info is not image.info


REFUSED = {
    "path": ("x.png", InputTypeError, r"got the path 'x\.png'; read it first with read_pil"),
    "Path": (Path("x.png"), InputTypeError, r"got the path 'x\.png'; read it first with read_pil"),
    "bytes": (b"x", InputTypeError, "got bytes; decode it first"),
    "list": ([1, 2], InputTypeError, "got a list; pass the images one at a time"),
    "number": (None, InputTypeError, "got NoneType; convert it"),
    "int64": (np.zeros((2, 2, 4), int), InputTypeError, "expected dtype bool.*got int64; convert"),
    "empty": (np.zeros((0, 2, 4), np.uint8), InputValueError, r"expected at least one pixel, got shape \(0, 2, 4\); "),
    "channels": (np.zeros((4, 9, 9), np.uint8), InputValueError, r"expected shape .*got \(4, 9, 9\); "),
    "2-D tensor": (torch.zeros(3, 3), InputValueError, r"got \(3, 3\); add a channel axis: x\[None\]\."),
    "mode I": (Image.new("I", (2, 2)), InputTypeError, "got mode I .*; pass value_range"),
    "empty PIL": (Image.new("RGBA", (0, 2)), InputValueError, r"got size \(0, 2\); "),
}


@pytest.mark.parametrize("function", [has_alpha, is_transparent, alpha_bbox, *MAKERS.values()])
@pytest.mark.parametrize("what", REFUSED)
def test_what_is_no_image_is_refused(function, what):
    image, error, message = REFUSED[what]
    with pytest.raises(error, match=f"^image: .*{message}" if not _lays_over(function) else f"ground: .*{message}"):
        function(image)


def _lays_over(function):
    return function in (MAKERS["composite"], MAKERS["composite moved"])


# ---------------------------------------------------------------- looking


def palette(transparency=None):
    """Indices 0, 1, 2: red, green and red again."""
    image = Image.new("P", (3, 1))
    image.putpalette([255, 0, 0, 0, 255, 0, 255, 0, 0])
    image.putdata([0, 1, 2])
    if transparency is not None:
        image.info["transparency"] = transparency
    return image


def keyed(mode, values, key):
    image = Image.new(mode, (len(values), 1))
    image.putdata(values)
    image.info["transparency"] = key
    return image


def rgba_palette():
    image = Image.new("P", (2, 1))
    image.putpalette([255, 0, 0, 255, 0, 255, 0, 7], "RGBA")
    image.putdata([0, 1])
    return image


# image, has_alpha, the RGB(A) or gray codes it stands for
MODES = {
    "1": (lambda: Image.fromarray(np.array([[True, False]])), False, [[255], [0]]),
    "L": (lambda: Image.new("L", (1, 1), 9), False, [[9]]),
    "L key": (lambda: keyed("L", [9, 8], 9), True, [[9, 0], [8, 255]]),
    "LA": (lambda: Image.new("LA", (1, 1), (9, 8)), True, [[9, 8]]),
    "La": (lambda: Image.new("LA", (1, 1), (200, 255)).convert("La"), True, [[200, 255]]),
    "I;16 key": (lambda: keyed("I;16", [900, 800], 900), True, None),
    "RGB": (lambda: Image.new("RGB", (1, 1), (1, 2, 3)), False, [[1, 2, 3]]),
    "RGB key": (lambda: keyed("RGB", [(1, 2, 3), (1, 2, 4)], (1, 2, 3)), True, [[1, 2, 3, 0], [1, 2, 4, 255]]),
    "RGBA": (lambda: Image.new("RGBA", (1, 1), (1, 2, 3, 4)), True, [[1, 2, 3, 4]]),
    "RGBX": (lambda: Image.new("RGBX", (1, 1), (1, 2, 3, 4)), False, [[1, 2, 3]]),
    "P": (palette, False, [[255, 0, 0], [0, 255, 0], [255, 0, 0]]),
    "P one index": (lambda: palette(2), True, [[255, 0, 0, 255], [0, 255, 0, 255], [255, 0, 0, 0]]),
    "P table": (lambda: palette(b"\x05\x80"), True, [[255, 0, 0, 5], [0, 255, 0, 128], [255, 0, 0, 255]]),
    "P RGBA": (rgba_palette, True, [[255, 0, 0, 255], [0, 255, 0, 7]]),
    "CMYK": (lambda: Image.new("CMYK", (1, 1), (0, 255, 255, 0)), False, [[255, 0, 0]]),
    "YCbCr": (lambda: Image.new("RGB", (1, 1), "white").convert("YCbCr"), False, [[255, 255, 255]]),
    "HSV": (lambda: Image.new("HSV", (1, 1), (0, 0, 77)), False, [[77, 77, 77]]),
}
every_mode = pytest.mark.parametrize("mode", MODES)


@every_mode
def test_every_pil_mode(mode):
    build, has, values = MODES[mode]
    image = build()
    assert has_alpha(image) is has
    if values is None:
        assert is_transparent(image)
        return
    color, opacity = split_alpha(image)
    values = np.array([values], np.uint8)
    np.testing.assert_array_equal(back(color), values[..., :-1] if has else values)
    np.testing.assert_array_equal(back(opacity)[..., 0], values[..., -1] if has else np.full(values.shape[:2], 255))
    assert opacity.mode == "L"
    assert is_transparent(image) is bool(has and values[..., -1].min() < 255)
    np.testing.assert_array_equal(back(merge_alpha(color, opacity))[..., :-1], back(color))
    if has:
        np.testing.assert_array_equal(back(merge_alpha(color, opacity)), values)


def test_of_two_equal_palette_colors_only_the_marked_one_is_transparent():
    image = palette(2)
    recipe = image.split()[-1]
    assert list(recipe.tobytes()) == [0, 1, 2]  # what others take for alpha are palette indices
    assert list(split_alpha(image)[1].tobytes()) == [255, 255, 0]
    assert alpha_bbox(image) == (0, 0, 2, 1)
    assert trim(image).size == (2, 1)
    assert flatten(image, background="blue").tobytes() == b"\xff\0\0\0\xff\0\0\0\xff"


def test_a_palette_with_its_own_alpha_channel():
    image = Image.new("PA", (2, 1))
    image.putpalette([255, 0, 0, 0, 255, 0])
    image.putdata([(0, 9), (1, 200)])
    assert has_alpha(image)
    color, opacity = split_alpha(image)
    assert color.tobytes() == b"\xff\0\0\0\xff\0"
    assert list(opacity.tobytes()) == [9, 200]


def test_16_bit_gray_with_a_key():
    image = keyed("I;16", [900, 800], 900)
    color, opacity = split_alpha(image)
    assert (color.mode, opacity.mode) == ("I;16", "I;16")
    assert back(opacity).ravel().tolist() == [0, 65535]
    assert flatten(image, background=500).mode == "I;16"
    assert back(flatten(image, background=500)).ravel().tolist() == [500, 800]


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("dtype", ["bool", *DTYPES])
def test_alpha_is_the_last_of_two_or_four_channels(channels, dtype):
    array = np.ones((2, 3, channels), dtype) if dtype == "bool" else picture(4, 4, channels, dtype)
    for image in (array, array[None], tensor(array), tensor(array[None])):
        assert has_alpha(image) is (channels in (2, 4))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", [np.asarray, tensor])
def test_one_pixel_that_is_not_opaque_makes_a_picture_transparent(dtype, kind):
    top = TOP.get(dtype, 1)
    array = np.full((3, 2, 5, 4), top, dtype)
    assert is_transparent(kind(array)) is False
    array[2, 1, 3, 3] = top - 1 if dtype in TOP else np.nextafter(array.dtype.type(1), array.dtype.type(0))
    assert is_transparent(kind(array)) is True
    assert is_transparent(kind(array[:2])) is False
    assert is_transparent(kind(array[..., :3])) is False
    assert is_transparent(kind(array[..., 3:])) is False


@given(
    st.integers(1, 9).flatmap(
        lambda h: st.lists(st.lists(st.booleans(), min_size=4, max_size=4), min_size=h, max_size=h)
    )
)
def test_the_box_is_the_smallest(rows):
    visible = np.array(rows)
    image = codes(*visible.shape, 4)
    image[..., 3] = visible * 3
    box = alpha_bbox(image)
    assert box == (Image.fromarray(visible.astype(np.uint8) * 255).getbbox())
    if box is None:
        with pytest.raises(InputValueError, match=r"^image: expected a visible pixel, got a fully transparent image; "):
            trim(image)
        return
    left, top, right, bottom = box
    assert all(type(edge) is int for edge in box)
    np.testing.assert_array_equal(trim(image), image[top:bottom, left:right])
    assert difference(trim(image), trim(tensor(image))) == 0
    np.testing.assert_array_equal(trim(pil(image)), pil(image).crop(box))


@pytest.mark.parametrize("dtype", [*DTYPES, "bfloat16"])
def test_up_to_the_threshold_is_invisible(dtype):
    top = TOP.get(dtype, 1)
    levels = [Fraction(part, 5) for part in range(1, 5)]  # 51, 102, ... and 13107, ...
    row = [int(level * top) if dtype in TOP else float(level) for level in levels]
    if dtype == "bfloat16":
        image = torch.tensor(row).bfloat16().expand(2, 1, 4)
    else:
        image = np.broadcast_to(np.array(row, dtype)[None, :, None], (1, 4, 2))
    for count, level in enumerate(levels):
        wanted = None if count == 3 else (count + 1, 0, 4, 1)
        assert alpha_bbox(image, threshold=float(level)) == wanted
        if dtype != "bfloat16":
            assert alpha_bbox(tensor(image), threshold=float(level)) == wanted
    assert alpha_bbox(image) == (0, 0, 4, 1)


@pytest.mark.parametrize("dtype", TOP)
def test_a_threshold_of_whole_codes_is_exact(dtype):
    top = TOP[dtype]
    for code in range(0, top, 1 if dtype == "uint8" else 241):
        row = np.array([[[0, code], [0, code + 1]]], dtype)
        assert alpha_bbox(row, threshold=code / top) == (1, 0, 2, 1)


def test_the_box_of_a_batch_holds_all_pictures():
    batch = np.zeros((2, 6, 7, 2), np.uint8)
    batch[0, 1, 2, 1] = batch[1, 3, 4, 1] = 1
    for kind in (np.asarray, tensor):
        assert alpha_bbox(kind(batch)) == (2, 1, 5, 4)
        assert back(trim(kind(batch))).shape == (2, 3, 3, 2)
    assert alpha_bbox(batch[:, :1]) is None


@pytest.mark.parametrize("image", [np.zeros((3, 5), np.uint8), np.zeros((3, 5, 3), np.float32), torch.zeros(1, 3, 5)])
def test_without_alpha_all_is_visible(image):
    assert alpha_bbox(image) == (0, 0, 5, 3)
    assert trim(image).shape == image.shape


@pytest.mark.parametrize("function", [alpha_bbox, trim])
@pytest.mark.parametrize(
    ("threshold", "error", "message"),
    [
        (1, InputValueError, "expected a number below 1, got 1; no pixel would be visible"),
        (-0.1, InputValueError, r"expected a number from 0 to 1, got -0\.1; pass one in that range"),
        (128, InputValueError, "expected a number from 0 to 1, got 128; "),
        (math.nan, InputValueError, "got nan; "),
        ("0", InputTypeError, "got '0'; pass one"),
        (True, InputTypeError, "got True; pass one"),
        (None, InputTypeError, "got None; pass one"),
    ],
)
def test_thresholds_that_are_none(function, threshold, error, message):
    for image in (picture(), picture(channels=3)):
        with pytest.raises(error, match=f"^threshold: .*{message}"):
            function(image, threshold=threshold)


@pytest.mark.parametrize("number", [np.float32(0.5), np.float64(0.5), np.float16(0.5), Fraction(1, 2)])
def test_numbers_of_every_kind_are_taken(number):
    image = picture()
    assert alpha_bbox(image, threshold=number) == alpha_bbox(image, threshold=0.5)
    assert difference(merge_alpha(image, number), merge_alpha(image, 0.5)) == 0
    once = make_transparent(image, color="red", tolerance=number, feather=number)
    assert difference(once, make_transparent(image, color="red", tolerance=0.5, feather=0.5)) == 0
    assert (
        difference(composite(image, image, left=np.int64(1), top=np.uint8(2)), composite(image, image, left=1, top=2))
        == 0
    )


# ---------------------------------------------------------------- taking apart and putting together


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("dtype", DTYPES)
def test_taking_apart_and_putting_together_is_exact(channels, dtype):
    array = picture(channels=channels, dtype=dtype)
    colors = array if channels in (1, 3) else array[..., :-1]
    for kind in (np.asarray, tensor):
        color, opacity = split_alpha(kind(array))
        assert color.dtype == opacity.dtype == kind(array).dtype
        np.testing.assert_array_equal(back(color), colors)
        whole = back(merge_alpha(color, opacity))
        np.testing.assert_array_equal(whole[..., :-1], colors)
        np.testing.assert_array_equal(whole[..., -1], array[..., -1] if channels in (2, 4) else TOP.get(dtype, 1))
        np.testing.assert_array_equal(back(merge_alpha(kind(array), opacity)), whole)


@pytest.mark.parametrize(
    ("shape", "color", "opacity"),
    [
        ((5, 6), (5, 6), (5, 6)),
        ((5, 6, 1), (5, 6, 1), (5, 6, 1)),
        ((5, 6, 2), (5, 6), (5, 6)),
        ((5, 6, 3), (5, 6, 3), (5, 6)),
        ((5, 6, 4), (5, 6, 3), (5, 6)),
        ((2, 5, 6, 1), (2, 5, 6, 1), (2, 5, 6, 1)),
        ((2, 5, 6, 2), (2, 5, 6, 1), (2, 5, 6, 1)),
        ((2, 5, 6, 4), (2, 5, 6, 3), (2, 5, 6, 1)),
        ((1, 2, 5, 6, 3), (1, 2, 5, 6, 3), (1, 2, 5, 6, 1)),
    ],
)
def test_the_forms_of_color_and_alpha(shape, color, opacity):
    image = np.ones(shape, np.uint8)
    assert [part.shape for part in split_alpha(image)] == [color, opacity]
    channels = 2 if shape[-1] in (6, 1, 2) else 4
    assert merge_alpha(image).shape == (*(shape if len(shape) == 2 else shape[:-1]), channels)
    assert flatten(image).shape == color
    assert trim(image).shape == shape


@pytest.mark.parametrize(("channels", "colors"), [(1, 1), (2, 1), (3, 3), (4, 3)])
def test_the_forms_of_tensors(channels, colors):
    for batch in ((), (2,), (2, 3)):
        color, opacity = split_alpha(torch.ones(*batch, channels, 5, 6))
        assert color.shape == (*batch, colors, 5, 6)
        assert opacity.shape == (*batch, 1, 5, 6)
        assert color.is_contiguous()
        assert opacity.is_contiguous()


def test_bool_becomes_uint8():
    mask = np.array([[True, False]])
    color, opacity = split_alpha(mask)
    assert (color.dtype, color.tolist(), opacity.tolist()) == (np.uint8, [[255, 0]], [[255, 255]])
    assert merge_alpha(torch.from_numpy(mask[None]), 0.2).tolist() == [[[255, 0]], [[51, 51]]]
    assert merge_alpha(np.zeros((1, 2, 3), np.uint8), mask).tolist() == [[[0, 0, 0, 255], [0, 0, 0, 0]]]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("given", ["bool", *DTYPES])
@pytest.mark.parametrize("kind", [flat, tensor])
@pytest.mark.parametrize("onto", [np.asarray, tensor])
def test_alpha_of_another_kind_and_dtype(dtype, given, kind, onto):
    image, opacity = picture(channels=3, dtype=dtype), codes(13, 17, 1, given)
    result = back(merge_alpha(onto(image), kind(opacity)))
    assert result.dtype == image.dtype
    np.testing.assert_array_equal(result[..., :3], image)
    np.testing.assert_array_equal(result[..., 3:], in_dtype(opacity, dtype))


def test_8_bit_alpha_on_16_bit_color_is_times_257():
    result = merge_alpha(np.zeros((1, 2), np.uint16), Image.fromarray(np.array([[1, 255]], np.uint8)))
    assert result[..., 1].tolist() == [[257, 65535]]


def test_bfloat16_alpha():
    opacity = torch.full((1, 2, 2), 0.3).bfloat16()
    assert (merge_alpha(np.zeros((2, 2), np.uint8), opacity)[..., 1] == 77).all()  # bfloat16(0.3) is 0.30078
    assert merge_alpha(torch.zeros(1, 2, 2).bfloat16(), opacity).dtype == torch.bfloat16


def test_one_alpha_for_a_batch_and_one_for_each():
    batch, single, each = codes(4, 5, 3, batch=(2,)), codes(4, 5), codes(4, 5, 1, batch=(2,))
    for kind in (np.asarray, tensor):
        assert (back(merge_alpha(kind(batch), single))[..., 3] == single).all()
        np.testing.assert_array_equal(back(merge_alpha(kind(batch), kind(each)))[..., 3:], each)


def test_float_alpha_is_clipped():
    opacity = np.array([[-0.5, 0.5, 1.5]], np.float32)
    assert merge_alpha(np.zeros((1, 3), np.float32), opacity)[..., 1].tolist() == [[0, 0.5, 1]]
    assert merge_alpha(torch.zeros(1, 1, 3), opacity)[1].tolist() == [[0, 0.5, 1]]


@pytest.mark.parametrize(("number", "code"), [(0, 0), (0.5, 128), (1, 255), (1.0, 255), (0.2, 51), (1e-9, 0)])
def test_a_number_is_alpha_for_all_pixels(number, code):
    assert (merge_alpha(picture(), number)[..., 3] == code).all()
    assert (merge_alpha(picture(dtype="float64"), number)[..., 3] == number).all()
    assert merge_alpha(Image.new("CMYK", (1, 1)), number).getpixel((0, 0)) == (255, 255, 255, code)


@pytest.mark.parametrize(
    ("opacity", "error", "message"),
    [
        (1.1, InputValueError, r"expected a number from 0 to 1, got 1\.1; pass one in that range"),
        (255, InputValueError, "expected a number from 0 to 1, got 255; "),
        (math.nan, InputValueError, "got nan; "),
        (True, InputTypeError, "expected a number from 0 to 1, got True; pass one"),
        ("mask.png", InputTypeError, "expected a PIL image, .* got the path 'mask.png'; read it first"),
        (None, InputTypeError, "got NoneType; "),
        (np.zeros((13, 17, 3), np.uint8), InputValueError, "expected a gray image, got RGB; take one channel"),
        (np.zeros((13, 17, 2), np.uint8), InputValueError, r"expected a gray image, got gray\+alpha; "),
        (np.zeros((17, 13), np.uint8), InputValueError, "expected height x width 13x17, got 17x13; resize it"),
        (np.zeros((2, 13, 17, 1), np.uint8), InputValueError, r"expected one picture, got a batch of shape \(2,\); "),
        (np.zeros((13, 17), int), InputTypeError, "expected dtype .* got int64; "),
        (np.array(0.5), InputValueError, r"expected shape .* got \(\); "),
        (torch.zeros(13, 17), InputValueError, "add a channel axis"),
    ],
)
def test_alpha_that_does_not_fit(opacity, error, message):
    for image in (picture(), tensor(picture(dtype="float32")), pil(picture())):
        with pytest.raises(error, match=f"^alpha: {message}|^alpha: .*{message}"):
            merge_alpha(image, opacity)


def test_alpha_of_another_batch():
    with pytest.raises(
        InputValueError, match=r"^alpha: expected one picture or a batch of shape \(2,\), got .*\(3,\); "
    ):
        merge_alpha(picture(batch=(2,)), picture(channels=1, batch=(3,)))


def test_pil_float_has_no_alpha():
    with pytest.raises(InputValueError, match=r"^image: expected 8-bit values .* gray\+alpha channels, got float32"):
        merge_alpha(Image.new("F", (2, 2)), 0.5)


# ---------------------------------------------------------------- premultiplied color


def all_pairs(dtype="uint8"):
    """Every value beside every alpha, as gray+alpha."""
    steps = range(256) if dtype == "uint8" else [*range(0, 65536, 257), *range(3, 65536, 509)]
    return np.stack(np.meshgrid(*[np.array(steps, dtype)] * 2), -1)


def test_premultiply_rounds_the_exact_product():
    for dtype in TOP:
        pairs = all_pairs(dtype)
        value, opacity, top = pairs[..., 0].astype(np.int64), pairs[..., 1].astype(np.int64), TOP[dtype]
        exact = (2 * value * opacity + top) // (2 * top)  # top is odd: no ties
        for image in (pairs, tensor(pairs)):
            result = back(premultiply(image))
            # float32 has 24 bits, the products of 16-bit codes 32: half a code may go the other way
            assert np.abs(result[..., 0] - exact).max() <= (0 if dtype == "uint8" else 1)
            np.testing.assert_array_equal(result[..., 1], pairs[..., 1])


def test_premultiply_codes_are_the_kernel():
    values = all_pairs()
    fast = premultiplied._premultiply_uint8(*np.moveaxis(values, -1, 0).copy())
    kernel = premultiplied._premultiply(np, *np.moveaxis(values.astype(np.float32) / 255, -1, 0))
    np.testing.assert_array_equal(fast, [rounded(plane) for plane in kernel])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_unpremultiply_undoes_it(dtype):
    image = picture(31, 33, dtype=dtype)
    image[..., 3] = np.where(image[..., 3] < 1 / 255, 0, image[..., 3])
    for kind in (np.asarray, tensor):
        result = back(unpremultiply(premultiply(kind(image))))
        wanted = np.where(image[..., 3:] > 0, image, 0)
        np.testing.assert_allclose(result, wanted, rtol=0, atol=3 * np.finfo(dtype).eps)


def test_a_color_comes_back_at_every_alpha():
    """PITFALLS: 8-bit premultiplication turns (200, 100, 50) at alpha 1 into (255, 0, 0)."""
    image = np.empty((1, 255, 4), np.uint8)
    image[...] = 200, 100, 50, 0
    image[..., 3] = np.arange(1, 256)
    result = unpremultiply(premultiply(image / np.float32(255)))
    np.testing.assert_array_equal(rounded(result), image)
    assert tuple(unpremultiply(premultiply(image))[0, 0]) == (255, 0, 0, 1)


def test_unpremultiply_divides_and_rounds_exactly():
    pairs = all_pairs()
    value, opacity = pairs[..., 0].astype(np.int64), np.maximum(pairs[..., 1], 1).astype(np.int64)
    above, tie = (2 * 255 * value + opacity) // (2 * opacity), (2 * 255 * value) % (2 * opacity) == opacity
    exact, even = (
        np.where(pairs[..., 1] > 0, np.minimum(255, quotient), 0)
        for quotient in (above, above - (tie & (above % 2 == 1)))
    )
    for image in (pairs, tensor(pairs), pil(pairs)):
        np.testing.assert_array_equal(back(unpremultiply(image))[..., 0], even)
    # In floats, as on an accelerator, a quotient next to a half may fall to either side.
    error = np.abs(back(unpremultiply(tensor(pairs).float() / 255)[:1].clamp(0, 1).mul(255).round())[..., 0] - exact)
    assert error[~tie].max() == 0
    assert error.max() <= 1


def test_one_16_bit_step_of_alpha_is_visible():
    pixel = np.array([[[1, 1], [1, 0]]], np.uint16)
    assert unpremultiply(pixel).tolist() == [[[65535, 1], [0, 0]]]
    assert unpremultiply(tensor(pixel)).tolist() == [[[65535, 0]], [[1, 0]]]
    color = np.array([[[700, 500, 300, 1]]], np.uint16)
    under = np.zeros_like(color)
    assert np.abs(composite(color, under).astype(int) - color).max() <= 1


@pytest.mark.parametrize("function", [premultiply, unpremultiply, estimate_foreground])
@pytest.mark.parametrize(("channels", "name"), [(1, "gray"), (3, "RGB")])
def test_these_need_alpha(function, channels, name):
    message = rf"^image: expected an alpha channel, got {name}; add one with merge_alpha\(image\)\.$"
    for kind in (np.asarray, tensor, pil):
        with pytest.raises(InputValueError, match=message):
            function(kind(picture(channels=channels)))


@pytest.mark.parametrize("value", [-0.5, 1.5])
def test_alpha_beyond_its_range_is_clipped_everywhere(value):
    pixel = np.array([[[0.5, 0.25, 0.125, value]]], np.float32)
    clipped = np.clip(pixel, 0, 1)
    for name, make in MAKERS.items():
        if name in ("trim", "color", "alpha", "merge_alpha", "estimate_foreground"):
            continue
        for kind in (np.asarray, tensor):
            assert difference(make(kind(pixel)), make(kind(clipped))) == 0, name


def test_float_colors_are_not_clipped():
    pixel = np.array([[[1.5, -0.25, 0.5, 0.5]]], np.float32)
    assert premultiply(pixel).tolist() == [[[0.75, -0.125, 0.25, 0.5]]]
    assert unpremultiply(pixel).tolist() == [[[3.0, -0.5, 1.0, 0.5]]]
    assert flatten(pixel, background=0).tolist() == [[[0.75, -0.125, 0.25]]]
    assert composite(pixel, np.zeros((1, 1, 3), np.float32)).tolist() == [[[0.75, -0.125, 0.25]]]
    assert make_transparent(pixel, color="red").tolist() == [[[1.5, -0.25, 0.5, 0.5]]]
    pixel[..., 3] = 1
    np.testing.assert_array_equal(estimate_foreground(pixel), pixel)


@every_maker
def test_nan_stays_where_it_is(make):
    image = np.full((9, 9, 4), 0.5, np.float32)
    image[4, 4] = np.nan
    if make in (trim, MAKERS["estimate_foreground"], MAKERS["merge_alpha"], MAKERS["composite moved"]):
        return
    for kind in (np.asarray, tensor):
        result = back(make(kind(image)))
        bad = np.isnan(result).any(-1)
        assert bad[4, 4]
        assert bad.sum() == 1


# ---------------------------------------------------------------- laying over a plain background


BACKGROUNDS = [(0, 0, 0), (255, 255, 255), (128, 128, 128), (1, 254, 77), (17, 17, 200)]


@pytest.mark.parametrize("background", BACKGROUNDS)
def test_flatten_is_the_exact_integer_formula(background):
    pairs = all_pairs()
    rgba = pairs[..., [0, 0, 0, 1]]
    value, opacity = pairs[..., :1].astype(np.int64), pairs[..., 1:].astype(np.int64)
    total = value * opacity + np.array(background) * (255 - opacity)
    exact = (2 * total + 255) // 510
    for image in (rgba, pairs, tensor(rgba), pil(rgba), pil(pairs)):
        result = back(flatten(image, background=background))
        np.testing.assert_array_equal(result, exact if result.shape[-1] == 3 else exact[..., :1])
    wide = flatten(rgba.astype(np.uint16) * 257, background=tuple(257 * part for part in background))
    np.testing.assert_array_equal(rounded(wide / 65535), exact)


@pytest.mark.parametrize("background", BACKGROUNDS)
def test_flatten_codes_are_the_kernel(background):
    planes = list(np.moveaxis(all_pairs()[..., [0, 0, 0, 1]], -1, 0).copy())
    fast = _over_color_uint8(background, *planes)
    values = [plane.astype(np.float32) * np.float32(1 / 255) for plane in planes]
    kernel = _over_color([part / 255 for part in background], np, *values)
    np.testing.assert_array_equal(fast, [rounded(plane) for plane in kernel])


@pytest.mark.parametrize("background", ["white", "#102030", "picture"])
def test_flatten_is_pillows_alpha_composite(background):
    image = pil(picture(60, 70))
    under = pil(codes(60, 70, 3)) if background == "picture" else background
    plate = under.convert("RGBA") if background == "picture" else Image.new("RGBA", (70, 60), under)
    wanted = Image.alpha_composite(plate, image).convert("RGB")
    result = flatten(image, background=under)
    assert result.mode == "RGB"
    assert difference(result, wanted) <= 1  # Pillow's own rounding


@pytest.mark.usefixtures("tensors_work_in")
@pytest.mark.parametrize("over", [np.asarray, tensor, pil])
@pytest.mark.parametrize("under", [np.asarray, tensor, pil])
@pytest.mark.parametrize("channels", list(itertools.product([2, 4], [1, 3])), ids=str)
def test_flatten_over_pictures_of_every_kind(over, under, channels):
    image, plate = picture(channels=channels[0]), codes(13, 17, channels[1])
    value, opacity, below = (part.astype(np.int64) for part in (image[..., :-1], image[..., -1:], plate))
    exact = (2 * (value * opacity + below * (255 - opacity)) + 255) // 510
    result = flatten(over(image), background=under(plate))
    assert type(result) is type(over(image))
    np.testing.assert_array_equal(back(result), exact)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_background_of_another_dtype(dtype):
    image, plate = picture(dtype="float32"), codes(13, 17, 3, dtype)
    wanted = as_float(plate) * (1 - image[..., 3:]) + image[..., :3] * image[..., 3:]
    np.testing.assert_allclose(flatten(image, background=plate), wanted, atol=2e-7)
    np.testing.assert_allclose(back(flatten(tensor(image), background=plate)), wanted, atol=2e-7)


def test_the_checkerboard():
    board = flatten(np.zeros((17, 18, 2), np.uint8), background="checker")
    assert board.shape == (17, 18)
    for row, column in np.ndindex(17, 18):
        assert board[row, column] == (255, 204)[(row // 8 + column // 8) % 2]
    batch = flatten(np.zeros((2, 17, 18, 4), np.uint8), background="checker")
    np.testing.assert_array_equal(batch[1], np.stack([board] * 3, -1))


def test_gray_stays_gray_over_gray_and_becomes_color_over_color():
    image = picture(channels=2)
    assert flatten(image, background="white").shape == (13, 17)
    assert flatten(image[None], background="#777").shape == (1, 13, 17, 1)
    assert flatten(tensor(image), background=7).shape == (1, 13, 17)
    assert flatten(image, background="red").shape == (13, 17, 3)
    assert flatten(pil(image), background=(1, 2, 3)).mode == "RGB"


@pytest.mark.parametrize("channels", [1, 3])
def test_flatten_copies_an_opaque_image(channels):
    array = picture(channels=channels)
    for kind in (np.asarray, tensor, pil):
        result = flatten(kind(array), background="red")
        np.testing.assert_array_equal(back(result), array)
        assert result is not kind(array)
    turned = flatten(array, background="red", bgr=True)
    np.testing.assert_array_equal(turned, array)
    assert not np.shares_memory(turned, array)


COLORS = {
    "name": "teal",
    "#rgb": "#088",
    "#rgba": "#088f",
    "#rrggbb": "#008080",
    "#rrggbbaa": "#008080ff",
}


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_color_can_be_said_in_many_ways(dtype):
    image, top = picture(dtype=dtype), TOP.get(dtype, 1)
    own = tuple(part * top // 255 if dtype in TOP else part / 255 for part in (0, 128, 128))
    exact = tuple(part * top // 255 if dtype in TOP else part / 255 for part in (0, 136, 136))
    for make in (
        lambda color: flatten(image, background=color),
        lambda color: make_transparent(image, color=color, tolerance=0.3),
        lambda color: color_to_alpha(image, color=color),
    ):
        wanted = make("teal")
        for color in ("TEAL", "#008080", "#008080ff", "#008080FF", own, list(own), (*own, top), np.array(own).tolist()):
            assert difference(make(color), wanted) == 0
        assert difference(make(tuple(np.float64(part) for part in own)), wanted) == 0
        for color in ("#088", "#088f", exact):
            assert difference(make(color), make("#008888")) == 0
        for color in (top, (top,), np.float32(top), (top,) * 3):
            assert difference(make(color), make("white")) == 0


FUNCTIONS_OF_COLOR = {
    "background": lambda image, color: flatten(image, background=color),
    "color": lambda image, color: make_transparent(image, color=color),
    "color ": lambda image, color: color_to_alpha(image, color=color),
}


@pytest.mark.parametrize("subject", FUNCTIONS_OF_COLOR)
@pytest.mark.parametrize(
    ("color", "error", "message"),
    [
        ("nocolor", InputValueError, "expected a CSS color name or a hex code, got 'nocolor'; pass for instance"),
        ("#12345", InputValueError, "got '#12345'; "),
        ("", InputValueError, "got ''; "),
        ("#fff8", InputValueError, "expected an opaque color, got '#fff8'; leave its alpha out"),
        ("transparent", InputValueError, "expected an opaque color, got 'transparent'; "),
        ((1, 2, 3, 4), InputValueError, r"expected an opaque color, got \(1, 2, 3, 4\); "),
        ((0, 0, 256), InputValueError, r"expected values from 0 to 255 for a uint8 image, got \(0, 0, 256\); use the"),
        (-1, InputValueError, "got -1; "),
        (math.nan, InputValueError, "got nan; "),
        ((1, 2), InputTypeError, r"expected a name .* got \(1, 2\); pass one of these"),
        ((1, "2", 3), InputTypeError, r"got \(1, '2', 3\); "),
        (True, InputTypeError, "got True; "),
        ((), InputTypeError, r"got \(\); "),
    ],
)
def test_colors_that_are_none(subject, color, error, message):
    for image in (picture(), picture(channels=3)):
        with pytest.raises(error, match=f"^{subject.strip()}: .*{message}"):
            FUNCTIONS_OF_COLOR[subject](image, color)


def test_a_color_in_the_wrong_units():
    for subject, call in FUNCTIONS_OF_COLOR.items():
        with pytest.raises(
            InputValueError, match=f"^{subject.strip()}: expected values from 0 to 1 for a float32 image"
        ):
            call(picture(dtype="float32"), (255, 255, 255))
    assert flatten(picture(dtype="uint16"), background=65535).dtype == np.uint16


@pytest.mark.parametrize(
    ("background", "error", "message"),
    [
        (picture(), InputValueError, "expected an opaque image, got RGBA; flatten it first, or use composite"),
        (picture(12, 17, 3), InputValueError, "expected height x width 13x17, got 12x17; resize it"),
        (picture(channels=3, batch=(2,)), InputValueError, r"expected one picture, got a batch of shape \(2,\); "),
        (np.zeros((13, 17, 3), int), InputTypeError, "expected dtype .* got int64; "),
        (Path("x.png"), InputTypeError, r"got the path 'x\.png'; read it first"),
        (None, InputTypeError, "got NoneType; "),
    ],
)
def test_backgrounds_that_do_not_fit(background, error, message):
    for image in (picture(), tensor(picture()), pil(picture()), picture(channels=3)):
        with pytest.raises(error, match=f"^background: .*{message}"):
            flatten(image, background=background)


@pytest.mark.parametrize(
    "call",
    [
        lambda image: flatten(image, bgr=True),
        lambda image: make_transparent(image, color="red", bgr=True),
        lambda image: color_to_alpha(image, color="red", bgr=True),
        lambda image: composite(image, image, bgr=True),
    ],
)
def test_pil_has_no_bgr(call):
    with pytest.raises(InputValueError, match=r"^bgr: expected False for .*PIL .* got True; leave it out\.$"):
        call(pil(picture()))


# ---------------------------------------------------------------- laying one picture over another


def porter_duff(over, under, operator):
    """Porter and Duff 1984, table 1, pixel by pixel in premultiplied numbers; straight RGBA in and out."""
    result = np.zeros(under.shape)
    for at in np.ndindex(under.shape[:-1]):
        (*front, a), (*rear, b) = over[at], under[at]
        front, rear = [part * a for part in front], [part * b for part in rear]
        fa, fb = {"over": (1, 1 - a), "in": (b, 0), "out": (1 - b, 0), "atop": (b, 1 - a), "xor": (1 - b, 1 - a)}[
            operator
        ]
        total = a * fa + b * fb
        if total > 0:
            result[at] = [*((p * fa + q * fb) / total for p, q in zip(front, rear, strict=True)), total]
    return result


# The alphas of both that make the regions of Porter and Duff's diagrams, one pixel each.
@pytest.mark.parametrize(
    ("operator", "pixels"),
    [
        ("over", ["clear", "under", "over", "over"]),
        ("in", ["clear", "clear", "clear", "over"]),
        ("out", ["clear", "clear", "over", "clear"]),
        ("atop", ["clear", "under", "clear", "over"]),
        ("xor", ["clear", "under", "over", "clear"]),
    ],
)
def test_the_diagrams_of_porter_and_duff(operator, pixels):
    colors = {"clear": (0, 0, 0, 0), "over": (255, 40, 0, 255), "under": (0, 70, 255, 255)}
    over = np.array([[(9, 9, 9, 0), (9, 9, 9, 0), colors["over"], colors["over"]]], np.uint8)
    under = np.array([[(8, 8, 8, 0), colors["under"], (8, 8, 8, 0), colors["under"]]], np.uint8)
    result = composite(over, under, operator=operator)
    assert [tuple(pixel) for pixel in result[0].tolist()] == [colors[name] for name in pixels]


@pytest.mark.parametrize("operator", OPERATORS)
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32", "float64"])
def test_every_operator_is_porter_and_duff(operator, dtype):
    over, under = picture(dtype=dtype), picture(dtype=dtype)[::-1, ::-1].copy()
    under[:, 5:9, 3] = 0
    under[:, 9:, 3] //= 2
    wanted = porter_duff(as_float(over), as_float(under), operator)
    for kind in (np.asarray, tensor):
        result = back(composite(kind(over), kind(under), operator=operator))
        assert result.dtype == dtype
        if dtype in TOP:
            # float32 carries 24 bits, a code of 16 needs them all; where a tie falls the reference may differ
            assert np.abs(result.astype(int) - rounded(wanted, dtype)).max() <= (0 if dtype == "uint8" else 1)
        else:
            np.testing.assert_allclose(result, wanted, rtol=0, atol=1e-6 if dtype == "float32" else 1e-13)
    if dtype == "uint8":
        assert (
            np.abs(back(composite(pil(over), pil(under), operator=operator)).astype(int) - rounded(wanted)).max() == 0
        )


def test_over_is_pillows_alpha_composite():
    over, under = picture(60, 70), picture(60, 70)[::-1, ::-1].copy()
    result, wanted = composite(pil(over), pil(under)), Image.alpha_composite(pil(under), pil(over))
    visible = back(wanted)[..., 3:] > 0
    assert np.abs((back(result).astype(int) - back(wanted)) * visible).max() <= 1
    assert (back(result)[~visible[..., 0]] == 0).all()


@pytest.mark.parametrize(
    "offset", [(0, 0), (3, 2), (-4, -5), (12, 9), (16, 12), (17, 0), (0, -13), (99, 99), (-(10**9), 0)]
)
@pytest.mark.parametrize("size", [(5, 6), (13, 17), (30, 40), (1, 1)])
def test_the_foreground_lies_where_it_is_put(offset, size):
    (left, top), over, under = offset, codes(*size, 4), picture()
    plate = np.zeros((13, 17, 4), np.uint8)
    for row, column in np.ndindex(13, 17):
        if 0 <= row - top < size[0] and 0 <= column - left < size[1]:
            plate[row, column] = over[row - top, column - left]
    for operator in OPERATORS:
        wanted = composite(plate, under, operator=operator)
        for kind in (np.asarray, tensor, pil):
            result = composite(kind(over), kind(under), operator=operator, left=left, top=top)
            np.testing.assert_array_equal(back(result), wanted)


@pytest.mark.parametrize("channels", list(itertools.product([1, 2, 3, 4], repeat=2)), ids=str)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_beyond_the_foreground_it_counts_as_transparent(channels, dtype):
    front, rear = (
        np.atleast_3d(to_numpy(array, dtype=dtype))
        for array in (picture(4, 5, channels[0]), picture(channels=channels[1]))
    )
    rear = rear * np.float32(1.25) if dtype == np.float32 else rear
    plate = np.zeros((13, 17, 2 if channels[0] <= 2 else 4), dtype)
    plate[2:6, 3:8] = merge_alpha(front) if channels[0] in (1, 3) else front
    for operator in OPERATORS:
        wanted = composite(plate, rear, operator=operator)
        for kind in (np.asarray, tensor):
            result = back(composite(kind(front), kind(rear), operator=operator, left=3, top=2))
            np.testing.assert_allclose(result, wanted.reshape(result.shape), rtol=1e-6, atol=1e-6)


def test_what_lies_beyond_the_foreground_stays_out_of_it():
    under = np.full((4, 5, 4), np.nan, np.float32)
    result = composite(np.ones((1, 1, 4), np.float32), under, operator="in", left=2, top=1)
    assert np.isnan(result).all(-1).sum() == 1
    assert np.isnan(result).sum() == 4


@pytest.mark.usefixtures("tensors_work_in")
@pytest.mark.parametrize("under", [np.asarray, tensor, pil])
@pytest.mark.parametrize("over", [np.asarray, tensor, pil])
@pytest.mark.parametrize("channels", list(itertools.product([1, 2, 3, 4], repeat=2)), ids=str)
@pytest.mark.parametrize("operator", ["over", "out"])
def test_kinds_and_channels_mix(under, over, channels, operator):
    front, rear = picture(channels=channels[0]), codes(13, 17, channels[1])[::-1]
    wide = [
        np.concatenate(
            [
                np.repeat(array[..., :1], 3, -1) if count <= 2 else array[..., :3],
                array[..., -1:] if count in (2, 4) else np.full_like(array[..., :1], 255),
            ],
            -1,
        )
        for array, count in zip((front, rear), channels, strict=True)
    ]
    wanted = rounded(porter_duff(as_float(wide[0]), as_float(wide[1]), operator))
    result = composite(over(front), under(rear), operator=operator)
    assert type(result) is type(under(rear))
    count = back(result).shape[-1]
    gray = max(channels) <= 2
    assert count == (1 if gray else 3) + (0 if channels[1] in (1, 3) and operator == "over" else 1)
    columns = {1: [0], 2: [0, 3], 3: [0, 1, 2], 4: [0, 1, 2, 3]}[count]
    assert np.abs(back(result).astype(int) - wanted[..., columns]).max() == 0


@pytest.mark.parametrize("operator", OPERATORS)
def test_an_opaque_background_stays_opaque_with_over_and_atop(operator):
    result = composite(picture(), picture(channels=3), operator=operator)
    assert has_alpha(result) is (operator not in ("over", "atop"))


def test_batches_lie_over_batches_and_one_over_many():
    over, under = picture(5, 6, batch=(3,)), codes(7, 8, 4, batch=(3,))
    for kind in (np.asarray, tensor):
        for options in ({}, {"left": 1, "top": -2}):
            fits = under if options else under[:, :5, :6]
            many = back(composite(kind(over), kind(fits), **options))
            one = back(composite(kind(over[0]), kind(fits), **options))
            for index in range(3):
                np.testing.assert_array_equal(many[index], composite(over[index], fits[index], **options))
                np.testing.assert_array_equal(one[index], composite(over[0], fits[index], **options))


def test_bgr_holds_for_the_arrays_beside_a_pil_image():
    over, under = picture(), codes(13, 17, 4)[::-1].copy()
    wanted = composite(over, under)
    for operand in (opencv_order(over), tensor(opencv_order(over))):
        np.testing.assert_array_equal(composite(operand, pil(under), bgr=True), wanted)
    mixed = composite(pil(over), opencv_order(under), bgr=True)
    np.testing.assert_array_equal(opencv_order(mixed), wanted)
    plate = codes(13, 17, 3)
    np.testing.assert_array_equal(
        opencv_order(flatten(opencv_order(over), background=pil(plate), bgr=True)), flatten(over, background=plate)
    )


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (
            {"operator": "plus"},
            InputValueError,
            "^operator: expected one of over, in, out, atop, xor, got 'plus'; pass",
        ),
        ({"operator": None}, InputValueError, "^operator: .* got None; "),
        ({"operator": ["over"]}, InputValueError, r"^operator: .* got \['over'\]; "),
        ({"left": 1.0}, InputTypeError, r"^left: expected a whole number, got 1\.0; round it"),
        ({"top": "1"}, InputTypeError, "^top: .* got '1'; "),
        ({"top": True}, InputTypeError, "^top: .* got True; "),
        ({"left": None}, InputTypeError, "^left: .* got None; "),
    ],
)
def test_how_not_to_lay_over(options, error, message):
    with pytest.raises(error, match=message):
        composite(picture(), picture(), **options)


@pytest.mark.parametrize("bgr", [False, True])
def test_the_messages_of_composite_name_the_image(bgr):
    image = picture()
    with pytest.raises(
        InputTypeError, match=r"^foreground: expected a PIL image.*got the path 'a\.png'; read it first"
    ):
        composite("a.png", image, bgr=bgr)
    with pytest.raises(
        InputTypeError, match=r"^background: expected a PIL image.*got the path 'a\.png'; read it first"
    ):
        composite(image, "a.png", bgr=bgr)
    with pytest.raises(InputValueError, match=r"^foreground: expected shape .*got \(4, 9, 9\); "):
        composite(np.zeros((4, 9, 9), np.uint8), image, bgr=bgr)
    with pytest.raises(InputValueError, match=r"^background: expected at least one pixel"):
        composite(image, image[:0], bgr=bgr)
    with pytest.raises(InputValueError, match=r"^foreground: expected one picture, got a batch of shape \(2,\); "):
        composite(picture(batch=(2,)), image, bgr=bgr)
    with pytest.raises(
        InputValueError, match=r"^foreground: expected one picture or a batch of shape \(3,\), got .*\(2,\)"
    ):
        composite(picture(batch=(2,)), picture(batch=(3,)), bgr=bgr)


# ---------------------------------------------------------------- making one color transparent


def keyed_out(image, color, tolerance, feather):
    """Pixel by pixel, in exact fractions; `image` in codes, `color` three codes."""
    top = TOP[image.dtype.name]
    has = image.shape[-1] in (2, 4)
    height, width, channels = image.shape
    result = np.empty((height, width, channels + (not has)), image.dtype)
    tolerance, feather = Fraction(tolerance).limit_denominator(10**6), Fraction(feather).limit_denominator(10**6)
    for at in np.ndindex(height, width):
        values = [int(value) for value in image[at]]
        color_part = values[:-1] if has else values
        pixel = color_part * 3 if len(color_part) == 1 else color_part
        distance = Fraction(max(abs(a - b) for a, b in zip(pixel, color, strict=True)), top)
        opacity = min(1, (distance - tolerance) / feather) if feather else 1
        opacity = 0 if distance <= tolerance else opacity
        opacity *= Fraction(values[-1], top) if has else 1
        result[at] = [*color_part, round(opacity * top)]
    return result


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("dtype", TOP)
@pytest.mark.parametrize(("tolerance", "feather"), [(0, 0), (0.2, 0), (0.2, 0.3), (0, 1), (1, 0), (0.05, 0.01)])
@pytest.mark.parametrize("color", [(0, 51, 102), (204, 204, 204)], ids=str)
def test_make_transparent_is_the_slow_loop(channels, dtype, tolerance, feather, color):
    image = picture(channels=channels, dtype=dtype)
    own = tuple(part * TOP[dtype] // 255 for part in color)
    image[5, 3 : 3 + 2, : min(channels, 3)] = own[: min(channels, 3)] if channels > 2 else own[0]
    wanted = keyed_out(image, own, tolerance, feather)
    for kind in (np.asarray, tensor):
        result = back(make_transparent(kind(image), color=own, tolerance=tolerance, feather=feather))
        # feathers of 0.01 magnify float32's rounding to a 16-bit code
        assert difference(result, wanted) <= (1 if feather else 0)
    if dtype == "uint8" and not feather:
        planes = list(np.moveaxis(image, -1, 0).copy())
        fast = chroma_key._key_out_uint8([part / 255 for part in color], tolerance + chroma_key.SAME, *planes)
        np.testing.assert_array_equal(np.stack(fast, -1), wanted)


@pytest.mark.parametrize("dtype", [*DTYPES, "bfloat16"])
def test_exactly_at_the_tolerance_is_transparent(dtype):
    top = TOP.get(dtype, 1)
    steps = np.arange(256)
    for color in (0, 51, 255, 100):
        for limit in (0, 1, 10, 25, 128, 254, 255):
            row = steps * top // 255 if dtype in TOP else steps / 255
            image = np.repeat(row[None, :, None], 3, -1)
            image = torch.from_numpy(channels_first(image)).bfloat16() if dtype == "bfloat16" else image.astype(dtype)
            own = color * top // 255 if dtype in TOP else color / 255
            for one in [image] if dtype == "bfloat16" else [image, tensor(image)]:
                result = make_transparent(one, color=(own,) * 3, tolerance=limit / 255)
                transparent = back(result)[0, :, 3] == 0
                np.testing.assert_array_equal(transparent, abs(steps - color) <= limit)


def test_one_16_bit_step_is_told_apart():
    row = np.arange(1000, 1010, dtype=np.uint16)[None]
    assert make_transparent(row, color=1004)[0, :, 1].tolist() == [65535] * 4 + [0] + [65535] * 5
    result = make_transparent(row, color=1004, tolerance=2 / 65535)
    assert result[0, :, 1].tolist() == [65535] * 2 + [0] * 5 + [65535] * 3


def test_the_feather_is_linear():
    row = np.arange(256, dtype=np.uint8)[None]
    result = make_transparent(row, color=0, tolerance=51 / 255, feather=102 / 255)[0, :, 1]
    wanted = np.rint(np.clip((np.arange(256) - 51) / 102, 0, 1) * 255)
    assert np.abs(result - wanted).max() <= 1  # the halves are ties
    assert result[51] == 0
    assert result[52] > 0
    assert result[152] < 255
    assert result[153] == 255


def test_colors_stay_and_alpha_only_falls():
    image = picture(40, 40)
    for feather in (0, 0.3):
        result = make_transparent(image, color="gray", tolerance=0.2, feather=feather)
        np.testing.assert_array_equal(result[..., :3], image[..., :3])
        assert (result[..., 3] <= image[..., 3]).all()
        assert (result[..., 3] < image[..., 3]).any()


def test_a_gray_image_meets_a_color_only_within_the_tolerance():
    gray = np.full((1, 1), 100, np.uint8)
    for dtype in ("uint8", "float32"):
        one = gray if dtype == "uint8" else gray / np.float32(255)
        top = TOP.get(dtype, 1)
        assert make_transparent(one, color="#646478", tolerance=19 / 255).ravel()[-1] == top
        assert make_transparent(one, color="#646478", tolerance=20 / 255).ravel()[-1] == 0
        assert make_transparent(one, color="#646478", tolerance=20 / 255).shape == (1, 1, 2)


@pytest.mark.parametrize("name", ["tolerance", "feather"])
@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        (-0.1, InputValueError, r"expected a number from 0 to 1, got -0\.1; pass one in that range"),
        (10, InputValueError, "got 10; pass one in that range"),
        (math.nan, InputValueError, "got nan; "),
        ("0.1", InputTypeError, r"got '0\.1'; pass one"),
        (True, InputTypeError, "got True; pass one"),
    ],
)
def test_tolerances_that_are_none(name, value, error, message):
    with pytest.raises(error, match=f"^{name}: .*{message}"):
        make_transparent(picture(), color="red", **{name: value})


# ---------------------------------------------------------------- color to alpha


def gimp_color_to_alpha(pixel, color):
    """GIMP 2's color to alpha (gimpcolortoalpha), written from its description: floats, one pixel, RGB."""
    candidates = []
    for value, target in zip(pixel, color, strict=True):
        if value > target:
            candidates.append((value - target) / (1 - target))
        elif value < target:
            candidates.append((target - value) / target)
        else:
            candidates.append(0)
    opacity = max(candidates)
    if opacity < 1e-12:
        return [0, 0, 0, 0]
    return [*((value - target) / opacity + target for value, target in zip(pixel, color, strict=True)), opacity]


SAMPLE = [0, 1, 2, 63, 127, 128, 200, 253, 254, 255]


@pytest.mark.parametrize("color", [(0, 0, 0), (255, 255, 255), (128, 128, 128), (0, 255, 1), (254, 30, 77)], ids=str)
def test_color_to_alpha_is_gimps(color):
    image = np.array(list(itertools.product(SAMPLE, repeat=3)), np.uint8).reshape(1, -1, 3)
    target = [part / 255 for part in color]
    wanted = np.array([gimp_color_to_alpha(pixel / 255, target) for pixel in image[0]])[None]
    for kind in (np.asarray, tensor):
        result = back(color_to_alpha(kind(in_dtype(image, "float64")), color=tuple(target)))
        np.testing.assert_allclose(result, wanted, rtol=0, atol=1e-9)
    fast = color_to_alpha(image, color=color)
    assert np.abs(fast[..., 3] - wanted[..., 3] * 255).max() <= 0.5 + 1e-4
    seen = fast[..., 3] > 0
    assert np.abs(fast.astype(int) - rounded(wanted))[seen].max() <= 1
    assert (fast[~seen][:, 3] == 0).all()


@pytest.mark.parametrize("dtype", DTYPES)
def test_laid_over_the_color_again_the_picture_returns(dtype):
    image = np.array(list(itertools.product(SAMPLE, repeat=3)), np.uint8).reshape(1, -1, 3)
    for color in ("white", "black", "teal", "#fe01a0", "#808080"):
        one = in_dtype(image, dtype)
        again = flatten(color_to_alpha(one, color=color), background=color)
        error = np.abs(as_float(again) - as_float(one)).max()
        assert error <= {"uint8": 1 / 255, "uint16": 1 / 65535, "float16": 1e-3}.get(dtype, 1e-6) * 1.001


@pytest.mark.parametrize("dtype", TOP)
def test_a_color_itself_vanishes_and_its_neighbors_do_not(dtype):
    top = TOP[dtype]
    for code in [*range(1, top, 1 if dtype == "uint8" else 997), top - 1]:
        row = np.array([[code - 1, code, code + 1]], dtype)
        for kind in (np.asarray, lambda a: torch.from_numpy(a[None])):
            result = back(color_to_alpha(kind(row), color=code))[0]
            assert result[1].tolist() == [0, 0]
            again = flatten(result[None].astype(dtype), background=code)
            assert np.abs(again.astype(int) - row).max() <= 1


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_a_rounded_color_vanishes_as_well(dtype):
    """0.9 is another number in float16; near white a difference counts many times over."""
    for code in range(256):
        image = torch.full((3, 1, 1), code / 255, dtype=torch.float64).to(getattr(torch, dtype))
        name = f"#{code:02x}{code:02x}{code:02x}"
        assert color_to_alpha(image, color=name).abs().max() == 0
        assert make_transparent(image, color=name)[3].max() == 0
        if dtype != "bfloat16":
            assert abs(color_to_alpha(back(image), color=name)).max() == 0


def test_alpha_is_the_smallest_possible():
    """One code of alpha less, and no color in gamut gives the pixel any more."""
    image = codes(40, 40, 3)
    for color in [(0, 0, 0), (255, 255, 255), (128, 60, 200)]:
        target = np.array(color) / 255
        result = color_to_alpha(image, color=color)
        less = np.maximum(result[..., 3:] - 1.0, 0) / 255
        needed = image / 255 - (1 - less) * target  # alpha * foreground
        outside = (needed < -1e-9) | (needed > less + 1e-9)
        vanished = result[..., 3] == 0
        assert (outside.any(-1) | vanished).all()
        enough = result[..., 3:] / 255 + 0.5 / 255
        needed = image / 255 - (1 - enough) * target
        assert ((needed >= -1e-9) & (needed <= enough + 1e-9)).all()


def test_existing_alpha_is_multiplied_and_clear_pixels_are_black():
    image = picture(30, 30)
    result, opaque = color_to_alpha(image, color="teal"), color_to_alpha(image[..., :3], color="teal")
    wanted = opaque[..., 3] / 255 * (image[..., 3] / 255)
    assert np.abs(result[..., 3] - wanted * 255).max() <= 1
    assert (result[image[..., 3] == 0] == 0).all()


def test_color_to_alpha_keeps_gray_for_gray_colors():
    gray = codes(5, 6)
    assert color_to_alpha(gray, color="white").shape == (5, 6, 2)
    assert color_to_alpha(gray, color="red").shape == (5, 6, 4)
    assert color_to_alpha(pil(gray[..., None]), color=7).mode == "LA"
    assert color_to_alpha(tensor(gray[..., None]), color="black").shape == (2, 5, 6)
    gray_result, color_result = color_to_alpha(gray, color=70), color_to_alpha(np.stack([gray] * 3, -1), color=70)
    np.testing.assert_array_equal(gray_result, color_result[..., [0, 3]])


# ---------------------------------------------------------------- the foreground's own colors


def discs(height, width, soft):
    """A soft disc: foreground, background, alpha and their mixture."""
    rows, columns = np.mgrid[:height, :width]
    side = min(height, width)
    opacity = np.clip((side * 0.33 - np.hypot(rows - height / 2, columns - width * 0.48)) / (soft * side) + 0.5, 0, 1)
    return _mixed(rows / side, columns / side, opacity)


def hair(height, width, _):
    rows, columns = np.mgrid[:height, :width]
    wave = 0.6 * np.sin(columns / width * 60 + 3 * np.sin(rows / height * 5))
    return _mixed(rows / height, columns / width, np.clip(1 + wave * (1.3 - rows / height) - rows / height, 0, 1))


def _mixed(y, x, opacity):
    front = np.stack([0.8 + 0.15 * np.sin(3 * x), 0.2 + 0.1 * np.cos(4 * y), 0.15 + 0.1 * np.sin(2 * x + 2 * y)], -1)
    rear = np.stack([0.35 + 0.1 * np.cos(2 * x), 0.55 + 0.1 * np.sin(3 * y), 0.3 + 0.2 * np.cos(2 * x - 2 * y)], -1)
    mixed = opacity[..., None] * front + (1 - opacity[..., None]) * rear
    return front, np.dstack([mixed, opacity]).astype(np.float32)


def edge_error(result, front):
    """Mean RGB error where alpha lies between 0.05 and 0.95."""
    soft = (result[..., 3] > 0.05) & (result[..., 3] < 0.95)
    return np.abs(result[..., :3] - front)[soft].mean()


EDGES = {
    "sharp": (discs, 128, 128, 0.05),
    "soft": (discs, 128, 128, 0.2),
    "odd": (discs, 97, 151, 0.2),
    "softer": (discs, 120, 160, 0.35),
    "hair": (hair, 150, 100, 0),
    "wide": (hair, 60, 300, 0),
}


@pytest.mark.parametrize("edge", EDGES)
def test_the_foreground_comes_out_as_well_as_anywhere(edge):
    build, *size = EDGES[edge]
    front, image = build(*size)
    assert edge_error(image, front) > 0.15
    result = estimate_foreground(image)
    error = edge_error(result, front)
    assert error <= 0.04
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pymatting = pytest.importorskip("pymatting")
        theirs = pymatting.estimate_foreground_ml(image[..., :3].astype(np.float64), image[..., 3].astype(np.float64))
    assert error <= 1.25 * edge_error(np.dstack([theirs, image[..., 3]]), front)
    assert difference(result, estimate_foreground(tensor(image))) <= 1e-5
    small = in_dtype(image, "uint8")
    assert np.abs(estimate_foreground(small) / 255 - estimate_foreground(in_dtype(small, "float32"))).max() <= 1 / 255
    assert np.mean(np.abs(estimate_foreground(small) / 255 - result)) <= 2 / 255


def test_a_new_background_shows_no_fringe():
    """Better than putalpha, which keeps the old background, and Image.composite over black, which darkens edges."""
    front, image = discs(128, 128, 0.2)
    opacity = image[..., 3:]
    for below in (0.0, 0.5, 1.0):
        wanted = front * opacity + below * (1 - opacity)
        soft = (opacity[..., 0] > 0.05) & (opacity[..., 0] < 0.95)

        def error(picture, wanted=wanted, soft=soft, below=below):
            return np.abs(flatten(picture, background=below) - wanted)[soft].mean()

        put = pil(rounded(image[..., :3]))
        put.putalpha(pil(rounded(opacity)))
        empty = Image.new("RGBA", put.size)
        pasted = Image.composite(pil(rounded(image[..., :3])).convert("RGBA"), empty, pil(rounded(opacity)))
        ours = error(estimate_foreground(image))
        assert ours < 0.01
        assert ours < error(np.asarray(put) / np.float32(255)) / 4
        assert ours < error(np.asarray(pasted) / np.float32(255)) / 4


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("channels", [2, 4])
def test_opaque_pixels_and_alpha_stay(dtype, channels):
    image = codes(23, 31, channels, dtype)
    image[:7, :, -1] = TOP.get(dtype, 1)
    image[7:11, :, -1] = 0
    image[12, 5, -1] = TOP.get(dtype, 1)
    for kind in (np.asarray, tensor):
        result = back(estimate_foreground(kind(image)))
        np.testing.assert_array_equal(result[..., -1], image[..., -1])
        opaque = image[..., -1] == TOP.get(dtype, 1)
        np.testing.assert_array_equal(result[opaque], image[opaque])
        assert np.isfinite(as_float(result)).all()


@pytest.mark.parametrize("value", [0, 1, 64, 254, 255])
@pytest.mark.parametrize("size", [(9, 8), (1, 1), (1, 7), (7, 1)])
def test_constant_alpha(value, size):
    """Nothing tells foreground from background: no color may come up that is not there."""
    color = codes(*size, 3)
    result = estimate_foreground(np.dstack([color, np.full(size, value, np.uint8)]))
    if value == 255:
        np.testing.assert_array_equal(result[..., :3], color)
    plain = np.broadcast_to(np.array([180, 90, 30, value], np.uint8), (*size, 4))
    assert np.abs(estimate_foreground(plain).astype(int) - plain).max() <= 1
    assert result[..., 3].min() == result[..., 3].max() == value


def test_where_nothing_is_seen_the_nearest_foreground_shows():
    image = np.zeros((1, 40, 4), np.uint8)
    image[:, :, 1], image[:, :20] = 200, (250, 0, 0, 255)
    result = estimate_foreground(image)
    assert (result[:, 20:24, 0] > 200).all()
    assert (result[:, 20:24, 1] < 60).all()


def test_gray_is_estimated_like_a_channel():
    _, image = discs(40, 50, 0.3)
    gray = estimate_foreground(image[..., [1, 3]])
    np.testing.assert_array_equal(gray, estimate_foreground(image)[..., [1, 3]])


# ---------------------------------------------------------------- gradients


def smooth(channels, batch=()):
    """Float64 values away from 0, 1 and each other, where nothing has a kink."""
    generator = torch.Generator().manual_seed(1)
    values = 0.1 + 0.75 * torch.rand(*batch, channels, 3, 4, generator=generator, dtype=torch.float64)
    return values.requires_grad_()


DIFFERENTIABLE = {
    "premultiply": lambda image: premultiply(image),
    "unpremultiply": lambda image: unpremultiply(image),
    "flatten": lambda image: flatten(image, background="teal"),
    "flatten checker": lambda image: flatten(image, background="checker"),
    "split": lambda image: split_alpha(image),
    "merge": lambda image: merge_alpha(split_alpha(image)[0], split_alpha(image)[1] * 0.5),
    "make_transparent": lambda image: make_transparent(image, color="black", tolerance=0.01, feather=0.98),
    "color_to_alpha": lambda image: color_to_alpha(image, color="#030405"),
    "estimate_foreground": lambda image: estimate_foreground(image),
}


@pytest.mark.parametrize("name", DIFFERENTIABLE)
@pytest.mark.parametrize("channels", [2, 4])
def test_gradients_are_right(name, channels):
    # A random projection of the Jacobian, where each of its columns takes a tenth of a second.
    fast = name == "estimate_foreground"
    assert torch.autograd.gradcheck(DIFFERENTIABLE[name], smooth(channels), fast_mode=fast)


@pytest.mark.parametrize("operator", OPERATORS)
def test_gradients_of_composite(operator):
    over, under = smooth(4), (smooth(4).detach().flip(-1) * 0.9).requires_grad_()
    for at in ({}, {"left": -1, "top": 1}):
        compose = functools.partial(composite, operator=operator, **at)
        assert torch.autograd.gradcheck(compose, (over, under), fast_mode=True)


def test_gradients_of_pictures_behind():
    assert torch.autograd.gradcheck(lambda a, b: flatten(a, background=b[:3]), (smooth(4), smooth(3)))


def test_alpha_of_0_and_1_still_learns():
    """torch's clamp has no gradient at its ends, where most of alpha lies."""
    color, below, opacity = torch.tensor([0.2, 0.3, 0.7]), torch.tensor([0.9, 0.5, 0.1]), torch.tensor([0.0, 1.0])
    cases = {
        "premultiply": (premultiply, color.sum() + 1),
        "flatten": (lambda image: flatten(image, background=tuple(below.tolist())), (color - below).sum()),
        "picture": (lambda i: flatten(i, background=below[:, None, None].expand(3, 1, 2)), (color - below).sum()),
        "composite": (lambda i: composite(i, below[:, None, None].expand(3, 1, 2)), (color - below).sum()),
        "merge_alpha": (lambda image: merge_alpha(*split_alpha(image)), 1.0),
        "make_transparent": (lambda image: make_transparent(image, color="white"), 1.0),
    }
    for name, (make, wanted) in cases.items():
        image = torch.cat([color[:, None, None].expand(3, 1, 2), opacity[None, None]]).requires_grad_()
        make(image).sum().backward()
        torch.testing.assert_close(image.grad[3, 0], torch.full((2,), float(wanted)), msg=name)
    image = torch.cat([color[:, None, None], torch.ones(1, 1, 1)]).requires_grad_()
    unpremultiply(image).sum().backward()
    torch.testing.assert_close(image.grad.ravel(), torch.tensor([1, 1, 1, 1 - color.sum()]))


@every_maker
@pytest.mark.parametrize("value", [0.0, 1.0])
def test_gradients_are_finite_at_the_ends(make, value):
    image = torch.full((4, 6, 5), value)
    image[3, :3] = 0.0
    image[3, 5] = 1.0
    image.requires_grad_()
    result = make(image)
    if result.requires_grad:
        (gradient,) = torch.autograd.grad(result.sum(), image, allow_unused=True)
        assert gradient.isfinite().all()
    else:
        assert make is MAKERS["alpha"] or make is MAKERS["make_transparent"]


@settings(max_examples=40)
@given(st.integers(1, 9), st.integers(1, 9), st.sampled_from([2, 4]), st.sampled_from(["uint8", "float32"]), st.data())
def test_any_size_and_value_gives_the_right_form(height, width, channels, dtype, data):
    seed = data.draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 256, (height, width, channels), np.uint8)
    image = image / np.float32(255) if dtype == "float32" else image
    name = data.draw(st.sampled_from([name for name in MAKERS if name != "flatten picture"]))
    if alpha_bbox(image) is None:
        return
    result = MAKERS[name](image)
    assert result.dtype == image.dtype
    if name != "trim":
        assert result.shape[:2] == (height, width)
    assert np.isfinite(result.astype(float)).all()
    assert difference(result, MAKERS[name](tensor(image))) <= (0 if dtype == "uint8" else 2e-5)


def test_pictures_from_files(tmp_path):
    """A palette PNG with transparency, opened lazily."""
    buffer = io.BytesIO()
    palette(2).save(buffer, "PNG", transparency=2)
    image = Image.open(buffer)
    assert list(split_alpha(image)[1].tobytes()) == [255, 255, 0]
    assert "transparency" not in trim(image).info


@pytest.mark.parametrize("kind", [np.asarray, tensor, pil])
@pytest.mark.parametrize("channels", list(itertools.product([2, 4], repeat=2)), ids=str)
def test_composite_where_little_is_half_transparent(channels, kind, monkeypatch):
    rng = np.random.default_rng(6)
    over, under = (rng.integers(0, 256, (40, 50, count), np.uint8) for count in channels)
    over[..., -1] = np.repeat([0, 255, 0, 255], 10)[:, None]
    over[9, ::2, -1] = over[20, 1::2, -1] = rng.integers(1, 255, 25)
    under[:, :10, -1], under[:, 10:30, -1] = 0, 255
    fast = back(composite(kind(over), kind(under)))
    monkeypatch.setattr(sys.modules["aikit.alpha.compositing"], "_FEW", -1)  # the formula everywhere
    np.testing.assert_array_equal(fast, back(composite(kind(over), kind(under))))
    assert not fast[:9, :10].any()  # nothing over nothing keeps no color
