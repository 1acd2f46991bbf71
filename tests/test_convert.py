import io
import re
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st
from PIL import Image, ImageCms, ImageOps

from aikit import DeviceError, FileFormatError, InputTypeError, InputValueError, to_cv2, to_numpy, to_pil, to_tensor
from pictures import channels_first, codes, flat, in_dtype, opencv_order, pil, tensor

SRC = Path(__file__).parents[1] / "src"
ORIENTATION = 0x0112

DOORS = {"pil": to_pil, "numpy": to_numpy, "cv2": to_cv2, "torch": to_tensor}
every_door = pytest.mark.parametrize("door", DOORS)
every_channels = pytest.mark.parametrize("channels", [1, 2, 3, 4])
FLOATS = ["float16", "float32", "float64"]

# Ways to hand over the same picture (H, W, C), with the options that say so.
GIVEN = {
    "pil": lambda a: (pil(a), {}),
    "numpy": lambda a: (a, {}),
    "bgr": lambda a: (opencv_order(a) if a.shape[-1] != 2 else a, {"bgr": True}),
    "chw": lambda a: (channels_first(a), {"layout": "CHW"}),
    "chw bgr": lambda a: (channels_first(opencv_order(a) if a.shape[-1] != 2 else a), {"layout": "CHW", "bgr": True}),
    "torch": lambda a: (tensor(a), {}),
    "torch bgr": lambda a: (tensor(opencv_order(a) if a.shape[-1] != 2 else a), {"bgr": True}),
    "torch hwc": lambda a: (torch.from_numpy(np.ascontiguousarray(a)), {"layout": "HWC"}),
}


def expected(door, array):
    """What the door gives for an RGB picture (..., H, W, C), as an array in the result's own layout."""
    if door == "torch":
        return channels_first(array)
    return flat(opencv_order(array) if door == "cv2" else array)


def raw(result):
    """The values of a result in its own layout."""
    return result.detach().numpy() if isinstance(result, torch.Tensor) else np.asarray(result)


def check(door, result, array):
    """The result has these values, in fresh memory of the plainest kind."""
    wanted = expected(door, array)
    assert raw(result).dtype == wanted.dtype
    np.testing.assert_array_equal(raw(result), wanted)
    if door == "torch":
        assert type(result) is torch.Tensor
        assert result.is_contiguous()
    elif door != "pil":
        assert type(result) is np.ndarray
        assert result.flags.c_contiguous
        assert result.flags.writeable
        assert result.dtype.isnative


def with_exif(image, orientation):
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    exif[0x010F] = "a maker"
    image.info["exif"] = exif.tobytes()
    return image


def saved(image, **options):
    buffer = io.BytesIO()
    image.save(buffer, "PNG", **options)
    return Image.open(buffer)


# ---------------------------------------------------------------- every direction, exactly


@every_channels
@pytest.mark.parametrize("given_as", GIVEN)
@every_door
def test_uint8_arrives_exactly(door, given_as, channels):
    array = codes(5, 7, channels)
    image, options = GIVEN[given_as](array)
    check(door, DOORS[door](image, dtype="uint8", **options), array)


@every_channels
@pytest.mark.parametrize("given_as", [name for name in GIVEN if name != "pil"])
@pytest.mark.parametrize("door", ["numpy", "cv2", "torch"])
def test_uint16_arrives_exactly(door, given_as, channels):
    array = codes(5, 7, channels, "uint16")
    image, options = GIVEN[given_as](array)
    check(door, DOORS[door](image, dtype="uint16", **options), array)


@every_door
def test_16_bit_gray_arrives_exactly_through_pil(door):
    array = np.arange(65536, dtype=np.uint16).reshape(256, 256, 1)
    for mode, stored in {"I;16": "<u2", "I;16L": "<u2", "I;16B": ">u2"}.items():
        image = Image.frombytes(mode, (256, 256), array.astype(stored).tobytes())
        result = DOORS[door](image, dtype="uint16")
        check(door, result, array)
        assert door != "pil" or result.mode == "I;16"


@pytest.mark.parametrize("source", ["bool", "uint8", "uint16", *FLOATS])
@pytest.mark.parametrize("target", ["uint8", "uint16", *FLOATS])
def test_every_dtype_becomes_every_other_by_the_definition(source, target):
    array = codes(17, 19, 3, source)
    if array.dtype.kind == "f":
        array = array * array.dtype.type(1.2) - array.dtype.type(0.1)
    wanted = in_dtype(array, target)
    for image in (array, channels_first(array), tensor(array)):
        options = {"layout": "CHW"} if image is not array and isinstance(image, np.ndarray) else {}
        check("numpy", to_numpy(image, dtype=target, **options), wanted)
        if target in ("uint8", "uint16", "float32"):
            check("cv2", to_cv2(image, dtype=target, **options), wanted)
        if target == "uint8":
            check("pil", to_pil(image, dtype=target, **options), wanted)
        result = to_tensor(image, dtype=target, **options)
        if (source, target) == ("float64", "float16") and isinstance(image, torch.Tensor):
            # torch rounds twice, by way of float32.
            np.testing.assert_allclose(raw(result), channels_first(wanted), rtol=2**-10)
        else:
            check("torch", result, wanted)


@given(
    data=st.data(),
    height=st.integers(1, 9),
    width=st.integers(1, 9),
    channels=st.integers(1, 4),
    batch=st.sampled_from([(), (1,), (2,), (2, 3)]),
)
@settings(max_examples=60)
def test_any_shape_in_any_way_gives_the_same(data, height, width, channels, batch):
    array = codes(height, width, channels, data.draw(st.sampled_from(["uint8", "uint16", "float32"])), batch)
    ways = [name for name in GIVEN if name != "pil"]
    image, options = GIVEN[data.draw(st.sampled_from(ways))](array)
    door = data.draw(st.sampled_from(["numpy", "cv2", "torch"]))
    check(door, DOORS[door](image, dtype=array.dtype, **options), array)


# ---------------------------------------------------------------- values


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16"])
def test_all_codes_survive_floats(dtype):
    for integer, side in (("uint8", 16), ("uint16", 256)):
        if integer == "uint16" and dtype not in ("float32", "float64"):
            continue  # half floats have not the bits
        array = np.arange(side * side).astype(integer).reshape(side, side, 1)
        floats = to_tensor(array, dtype=dtype)
        assert floats.min() == 0
        assert floats.max() == 1
        check("torch", to_tensor(floats, dtype=integer), array)
        check("numpy", to_numpy(floats, dtype=integer), array)
        check("cv2", to_cv2(floats, dtype=integer), array)
        check("pil", to_pil(floats, dtype=integer), array)
        if dtype != "bfloat16":
            check("numpy", to_numpy(to_numpy(array, dtype=dtype), dtype=integer), array)


def test_8_and_16_bits():
    eight = np.arange(256, dtype=np.uint8).reshape(16, 16, 1)
    check("numpy", to_numpy(eight, dtype="uint16"), (eight.astype(np.uint32) * 257).astype(np.uint16))
    check("torch", to_tensor(eight, dtype="uint16"), (eight.astype(np.uint32) * 257).astype(np.uint16))
    check("pil", to_pil(eight, dtype="uint16"), (eight.astype(np.uint32) * 257).astype(np.uint16))
    sixteen = np.arange(65536, dtype=np.uint16).reshape(256, 256, 1)
    rounded = np.array([(code * 2 + 257) // 514 for code in range(65536)], np.uint8).reshape(256, 256, 1)
    check("numpy", to_numpy(sixteen, dtype="uint8"), rounded)
    check("cv2", to_cv2(tensor(sixteen), dtype="uint8"), rounded)
    check("torch", to_tensor(sixteen, dtype="uint8"), rounded)
    check("torch", to_tensor(tensor(sixteen), dtype="uint8"), rounded)
    check("pil", to_pil(pil(sixteen), dtype="uint8"), rounded)


def hard_floats():
    """All half codes and their neighbours, and what lies outside [0, 1] or at the edge of float32."""
    half = ((np.arange(256) + 0.5) / 255).astype(np.float32)
    edges = [0.0, -0.0, 1e-45, -1e-45, 1.0, 1.005, -0.01, np.inf, -np.inf, 3e38, -3e38]
    around = [half, np.nextafter(half, np.float32(-1)), np.nextafter(half, np.float32(2))]
    return np.concatenate([*around, np.array(edges, np.float32)]).astype(np.float32)


@pytest.mark.filterwarnings("ignore::aikit.AikitWarning")
@pytest.mark.parametrize("limits", [(0, 1), (-np.inf, 1), (0, np.inf), (-np.inf, np.inf)], ids=str)
@pytest.mark.parametrize("top", [255, 65535])
def test_floats_are_clamped_and_rounded_to_nearest(top, limits):
    # The fast path looks at the smallest and the largest value.
    values = hard_floats()
    values = values[(values >= limits[0]) & (values <= limits[1])]
    wanted = np.rint(np.clip(values, 0, 1) * np.float32(top))
    dtype = "uint8" if top == 255 else "uint16"
    for shape in ((1, -1), (-1, 1)):
        image = values.reshape(*shape, 1)
        codes = wanted.reshape(*shape, 1).astype(dtype)
        check("numpy", to_numpy(image, dtype=dtype), codes)
        check("cv2", to_cv2(image, dtype=dtype), codes)
        check("pil", to_pil(image, dtype=dtype), codes)
        check("torch", to_tensor(image, dtype=dtype), codes)
        check("torch", to_tensor(tensor(image), dtype=dtype), codes)
        check("numpy", to_numpy(tensor(image), dtype=dtype), codes)
        check("numpy", to_numpy(Image.fromarray(image[..., 0]), dtype=dtype), codes)


def test_known_codes():
    # torchvision 0.29 truncates .999 to 254 and wraps 1.005 to 0 and -0.01 to 254.
    image = np.array([[0.999, 1.005, -0.01, 0.5, 0.1, 1.0]], np.float32)
    assert to_numpy(image, dtype="uint8").tolist() == [[255, 255, 0, 128, 26, 255]]
    assert to_numpy(image.astype(np.float16), dtype="uint8").tolist() == [[255, 255, 0, 128, 25, 255]]
    assert to_numpy(np.array([[1.0]], np.float32), dtype="uint16").tolist() == [[65535]]


NAN_SOURCES = {
    "numpy": lambda a: a,
    "planar": channels_first,
    "torch": tensor,
    "pil": lambda a: Image.fromarray(a[..., 0]),
}


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
@pytest.mark.parametrize("source", NAN_SOURCES)
@every_door
def test_nan_never_becomes_an_integer(door, source, dtype):
    array = codes(3, 4, 1, "float32")
    array[2, 3] = np.nan
    options = {"layout": "CHW"} if source == "planar" else {}
    with pytest.raises(InputValueError, match=r"image: expected numbers, got NaN.*nan_to_num"):
        DOORS[door](NAN_SOURCES[source](array), dtype=dtype, **options)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
def test_nan_in_other_floats(dtype):
    image = torch.tensor([[[0.5, float("nan")]]], dtype=getattr(torch, dtype))
    for door in (to_pil, to_cv2):
        with pytest.raises(InputValueError, match="got NaN"):
            door(image)
    with pytest.raises(InputValueError, match="got NaN"):
        to_tensor(image, dtype="uint8")


def test_floats_pass_unclamped_between_floats():
    array = np.array([[[-0.5, 1.5, np.nan, np.inf]]], np.float32)
    check("numpy", to_numpy(array), array)
    check("torch", to_tensor(array), array)
    check("torch", to_tensor(tensor(array)), array)
    with np.errstate(over="ignore"):
        check(
            "numpy", to_numpy(array * np.float32(1e30), dtype="float16"), (array * np.float32(1e30)).astype("float16")
        )


# bool and PIL's mode 1


def test_bool_is_0_and_255_or_0_and_1():
    array = np.array([[True, False], [False, True]])
    full = array[..., None] * np.uint8(255)
    for image in (array, torch.from_numpy(array)[None], Image.fromarray(array)):
        check("numpy", to_numpy(image), full)
        check("cv2", to_cv2(image), full)
        check("pil", to_pil(image), full)
        check("torch", to_tensor(image), array[..., None].astype(np.float32))
        check("torch", to_tensor(image, dtype=None), full)
        check("numpy", to_numpy(image, dtype="float32"), array[..., None].astype(np.float32))
        check("numpy", to_numpy(image, dtype="uint16"), array[..., None] * np.uint16(65535))


# ---------------------------------------------------------------- dtype


@pytest.mark.parametrize(
    "dtype", ["uint16", np.uint16, np.dtype("uint16"), np.dtype(">u2"), torch.uint16], ids=lambda dtype: repr(dtype)
)
@every_door
def test_dtype_has_many_spellings(door, dtype):
    array = codes(3, 4, 1)
    check(door, DOORS[door](array, dtype=dtype), in_dtype(array, "uint16"))


@pytest.mark.parametrize("dtype", ["float64", np.float64, float, np.dtype("float64"), torch.float64])
def test_float64_is_not_taken_for_none(dtype):
    # NumPy says np.dtype("float64") == None.
    array = codes(3, 4, 1)
    assert to_numpy(array, dtype=dtype).dtype == np.float64
    assert to_tensor(array, dtype=dtype).dtype == torch.float64


def dtypes(image):
    return to_numpy(image).dtype.name, to_cv2(image).dtype.name, to_pil(image).mode


def test_default_dtypes():
    assert dtypes(codes(3, 4, 1)) == ("uint8", "uint8", "L")
    assert dtypes(codes(3, 4, 1, "uint16")) == ("uint16", "uint16", "I;16")
    assert dtypes(codes(3, 4, 3, "uint16")) == ("uint16", "uint16", "RGB")
    assert dtypes(codes(3, 4, 2, "uint16")) == ("uint16", "uint16", "LA")
    for dtype in FLOATS:
        assert dtypes(codes(3, 4, 3, dtype)) == (dtype, "uint8", "RGB")
    assert dtypes(torch.rand(3, 4, 5).bfloat16()) == ("float32", "uint8", "RGB")
    assert dtypes(Image.new("F", (4, 3))) == ("float32", "uint8", "F")
    for dtype in ("uint8", "uint16", "bool", *FLOATS):
        assert to_tensor(codes(3, 4, 3, dtype)).dtype == torch.float32
    assert to_tensor(codes(3, 4, 3, "float16"), dtype=None).dtype == torch.float16
    assert to_tensor(torch.rand(3, 4, 5).bfloat16(), dtype=None).dtype == torch.bfloat16
    assert to_tensor(codes(3, 4, 3, "uint16"), dtype=None).dtype == torch.uint16


def test_opencv_gets_float32_from_half_floats():
    array = codes(3, 4, 3, "float16")
    check("cv2", to_cv2(array, dtype="float32"), array.astype(np.float32))
    check(
        "cv2",
        to_cv2(tensor(array).bfloat16(), dtype="float32"),
        raw(tensor(array).bfloat16().float()).transpose(1, 2, 0),
    )


@pytest.mark.parametrize("auto", ["auto", None])
def test_auto_and_none_are_the_same_for_pil_and_opencv(auto):
    assert to_pil(codes(3, 4, 3, "float32"), dtype=auto).mode == "RGB"
    assert to_cv2(codes(3, 4, 3, "uint16"), dtype=auto).dtype == np.uint16


@pytest.mark.parametrize(
    ("door", "dtype", "message"),
    [
        (to_numpy, "auto", r"dtype: expected one of uint8, .*, float64, got 'auto'; pass one of these\."),
        (to_numpy, "bfloat16", "got 'bfloat16'"),
        (to_numpy, torch.int64, "got 'int64'"),
        (to_numpy, int, "got 'int64'"),
        (to_numpy, bool, "got 'bool'"),
        (to_numpy, "f4", "got 'f4'"),
        (to_cv2, "float16", "dtype: expected one of uint8, uint16, float32, got 'float16'"),
        (to_pil, np.float64, "dtype: expected one of uint8, uint16, float32, got 'float64'"),
        (to_tensor, "int32", "got 'int32'"),
    ],
)
def test_other_dtypes_are_refused(door, dtype, message):
    with pytest.raises(InputValueError, match=message):
        door(codes(3, 4, 3), dtype=dtype)


@pytest.mark.parametrize("dtype", [object(), 5, np.zeros(3)])
def test_what_is_no_dtype_is_refused(dtype):
    with pytest.raises(InputTypeError, match=r"dtype: expected one of uint8, .* got .*; pass a name\."):
        to_numpy(codes(3, 4, 3), dtype=dtype)


def test_pil_has_8_bits_for_color():
    with pytest.raises(
        InputValueError, match='dtype: expected "uint8" for a PIL image with more than one channel, got "uint16"'
    ):
        to_pil(codes(3, 4, 3, "uint16"), dtype="uint16")
    with pytest.raises(InputValueError, match="expected 8-bit values for a PIL image with RGBA channels, got float32"):
        to_pil(codes(3, 4, 4, "float32"), dtype="float32")
    check("pil", to_pil(codes(3, 4, 4, "uint16")), in_dtype(codes(3, 4, 4, "uint16"), "uint8"))


# ---------------------------------------------------------------- value_range


@pytest.mark.parametrize("value_range", [(-1, 1), (0, 255), (0, 65535), (-3.5, 12.25), np.array([-1, 1]), ["0", "255"]])
def test_value_range(value_range):
    low, high = (float(value) for value in value_range)
    array = codes(5, 6, 3, "float64") * (high - low) + low
    unit = (array - low) / (high - low)
    for image in (array, tensor(array)):
        np.testing.assert_allclose(to_numpy(image, value_range=value_range), unit, atol=1e-12)
        np.testing.assert_allclose(
            raw(to_tensor(image, dtype="float64", value_range=value_range)), channels_first(unit), atol=1e-12
        )
        np.testing.assert_array_equal(to_numpy(image, dtype="uint8", value_range=value_range), in_dtype(unit, "uint8"))
        np.testing.assert_array_equal(np.asarray(to_pil(image, value_range=value_range)), in_dtype(unit, "uint8"))
        single = image.astype(np.float32) if image is array else image.float()
        np.testing.assert_allclose(to_cv2(single, dtype="float32", value_range=value_range), unit[..., ::-1], atol=1e-6)
        np.testing.assert_allclose(raw(to_tensor(single, value_range=value_range)), channels_first(unit), atol=1e-6)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_codes_stored_as_floats_come_back_exactly(dtype):
    array = np.arange(256).reshape(16, 16, 1)
    floats = array.astype(dtype)
    for image in (floats, tensor(floats)):
        check("numpy", to_numpy(image, dtype="uint8", value_range=(0, 255)), array.astype(np.uint8))
        check("torch", to_tensor(image, dtype="uint8", value_range=(0, 255)), array.astype(np.uint8))
        assert to_tensor(image, value_range=(0, 255)).max() == 1


def test_mode_i_needs_a_range():
    array = np.array([[0, 32768, 65535], [257, 70000, -5]], np.int32)
    image = Image.fromarray(array)
    assert image.mode == "I"
    for door in DOORS.values():
        with pytest.raises(InputTypeError, match=r"got mode I \(32-bit integers\); pass value_range=\(low, high\)"):
            door(image)
    clipped = np.clip(array, 0, 65535)[..., None].astype(np.uint16)
    check("numpy", to_numpy(image, dtype="uint16", value_range=(0, 65535)), clipped)
    check("pil", to_pil(image, dtype="uint16", value_range=(0, 65535)), clipped)
    check("pil", to_pil(image, value_range=(0, 65535)), in_dtype(clipped, "uint8"))
    check("torch", to_tensor(image, dtype="uint16", value_range=(0, 65535)), clipped)
    np.testing.assert_allclose(to_numpy(image, value_range=(0, 65535)), array / 65535, rtol=1e-6)


def test_mode_f_stays_f():
    array = codes(3, 4, None, "float32")
    image = Image.fromarray(array)
    assert to_pil(image) is image
    turned = to_pil(with_exif(Image.fromarray(array), 6))
    assert turned.mode == "F"
    np.testing.assert_array_equal(np.asarray(turned), np.rot90(array, -1))
    scaled = to_pil(Image.fromarray(array * 255), value_range=(0, 255))
    assert scaled.mode == "F"
    np.testing.assert_allclose(np.asarray(scaled), array, atol=1e-6)
    check("pil", to_pil(array, dtype="float32"), array[..., None])
    check("pil", to_pil(image, dtype="uint8"), in_dtype(array[..., None], "uint8"))


@pytest.mark.parametrize(
    "value_range",
    [
        (1, -1),
        (1, 1),
        (0, float("nan")),
        (float("nan"), 1),
        (0, float("inf")),
        (-float("inf"), 0),
        (0, 5e-324),
        (-1e308, 1e308),
    ],
)
@every_door
def test_ranges_that_are_none(door, value_range):
    message = re.escape(
        f"value_range: expected low < high, both finite, got {value_range!r}; pass for instance (-1, 1)."
    )
    with pytest.raises(InputValueError, match=message):
        DOORS[door](codes(3, 4, 3, "float32"), value_range=value_range)


@pytest.mark.parametrize("value_range", [1, (1,), (0, 1, 2), "ab", True, (None, 1)])
def test_value_range_is_a_pair(value_range):
    with pytest.raises(InputTypeError, match=r"value_range: expected two numbers \(low, high\), got .*; pass a pair\."):
        to_numpy(codes(3, 4, 3, "float32"), value_range=value_range)


@pytest.mark.parametrize("dtype", ["bool", "uint8", "uint16"])
@every_door
def test_integers_have_no_other_range(door, dtype):
    array = codes(3, 4, 1, dtype)
    for image in (array, tensor(array), Image.fromarray(array[..., 0])):
        with pytest.raises(InputValueError, match=r"value_range: expected None for .*, whose range is fixed"):
            DOORS[door](image, value_range=(0, 255))


# ---------------------------------------------------------------- shapes and layouts


def test_forms_of_arrays():
    assert to_numpy(codes(3, 4)).shape == (3, 4)
    assert to_numpy(codes(3, 4, 1)).shape == (3, 4)
    assert to_numpy(codes(3, 4, 1, batch=(2,))).shape == (2, 3, 4, 1)
    assert to_numpy(codes(3, 4, 1, batch=(1,))).shape == (1, 3, 4, 1)
    assert to_numpy(codes(3, 4, 2)).shape == (3, 4, 2)
    assert to_numpy(codes(3, 4), layout="CHW").shape == (3, 4)
    assert to_numpy(codes(3, 4, 4, batch=(2, 5))).shape == (2, 5, 3, 4, 4)
    assert to_cv2(codes(3, 4, 2, batch=(2,))).shape == (2, 3, 4, 4)
    assert to_cv2(codes(3, 4, 1, batch=(2,))).shape == (2, 3, 4, 1)
    assert to_numpy(Image.new("L", (4, 3))).shape == (3, 4)


@pytest.mark.usefixtures("tensors_work_in")
def test_forms_of_tensors():
    assert to_tensor(codes(3, 4)).shape == (1, 3, 4)
    assert to_tensor(codes(3, 4, 1)).shape == (1, 3, 4)
    assert to_tensor(codes(3, 4, 3, batch=(2,))).shape == (2, 3, 3, 4)
    assert to_tensor(codes(3, 4, 2, batch=(2, 5))).shape == (2, 5, 2, 3, 4)
    assert to_numpy(torch.rand(1, 3, 4)).shape == (3, 4)
    assert to_numpy(torch.rand(1, 1, 3, 4)).shape == (1, 3, 4, 1)
    assert to_numpy(torch.rand(2, 5, 3, 3, 4)).shape == (2, 5, 3, 4, 3)


def test_the_shape_is_never_guessed():
    for shape in ((3, 5, 3), (1, 1, 1), (4, 4, 4), (1, 4, 3), (3, 3, 1), (2, 2, 2)):
        array = codes(*shape)
        check("torch", to_tensor(array, dtype="uint8"), array)
        check("torch", to_tensor(array.transpose(2, 0, 1), dtype="uint8", layout="CHW"), array)
        check("numpy", to_numpy(torch.from_numpy(array), layout="HWC"), array)
        check("numpy", to_numpy(torch.from_numpy(array.transpose(2, 0, 1))), array)


def test_gray_has_no_order():
    array, both = codes(3, 4, 1), codes(3, 4, 2)
    for image in (array, array[..., 0], tensor(array)):
        check("cv2", to_cv2(image, bgr=True), array)
        check("torch", to_tensor(image, dtype="uint8", bgr=True), array)
    check("numpy", to_numpy(both, bgr=True), both)
    check("cv2", to_cv2(tensor(both), bgr=True), both)


@every_door
def test_pil_knows_its_order(door):
    with pytest.raises(InputValueError, match="bgr: expected False for a PIL image, which is always RGB"):
        DOORS[door](Image.new("RGB", (4, 3)), bgr=True)
    with pytest.raises(InputValueError, match="layout: expected None for a PIL image, got 'CHW'"):
        DOORS[door](Image.new("RGB", (4, 3)), layout="CHW")


def test_opencv_reads_back_what_it_got(tmp_path):
    import cv2

    for channels in (1, 3, 4):
        array = codes(6, 7, channels)
        path = str(tmp_path / f"{channels}.png")
        assert cv2.imwrite(path, to_cv2(array))
        np.testing.assert_array_equal(np.asarray(Image.open(path)), flat(array))


def test_a_batch_is_a_loop():
    array = codes(6, 5, 4, "float32", batch=(2, 3))
    for index in np.ndindex(2, 3):
        np.testing.assert_array_equal(to_cv2(array)[index], to_cv2(array[index]))
        np.testing.assert_array_equal(
            to_numpy(tensor(array), dtype="uint8")[index], to_numpy(array[index], dtype="uint8")
        )
        assert torch.equal(to_tensor(array, dtype="uint8")[index], to_tensor(array[index], dtype="uint8"))


@pytest.mark.parametrize(
    "image", [np.zeros((2, 3, 4, 3), np.uint8), np.zeros((1, 3, 4, 3), np.uint8), torch.zeros(2, 3, 4, 5)]
)
def test_pil_takes_one_picture(image):
    with pytest.raises(
        InputValueError, match=r"expected one picture for PIL, got a batch of shape \([12],\); .* unstack"
    ):
        to_pil(image)


# ---------------------------------------------------------------- memory


def layouts(array):
    """The same picture (H, W, C) in every awkward kind of memory."""
    read_only = array.copy()
    read_only.flags.writeable = False
    packed = np.zeros(array.shape[:2], [("pad", "u1"), ("pixel", array.dtype, (array.shape[2],))])
    packed["pixel"] = array
    shifted = np.frombuffer(b"\0" + array.tobytes(), array.dtype, offset=1).reshape(array.shape)
    return {
        "negative rows": np.ascontiguousarray(array[::-1])[::-1],
        "negative channels": np.ascontiguousarray(array[..., ::-1])[..., ::-1],
        "transposed": np.ascontiguousarray(array.transpose(1, 0, 2)).transpose(1, 0, 2),
        "fortran": np.asfortranarray(array),
        "sliced": np.repeat(np.repeat(array, 2, 0), 3, 1)[::2, ::3],
        "swapped": array.astype(array.dtype.newbyteorder(">")),
        "read-only": read_only,
        "packed": packed["pixel"],
        "unaligned": shifted,
    }


@every_channels
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32", "float16"])
def test_any_memory_will_do(dtype, channels):
    array = codes(6, 5, channels, dtype)
    for image in layouts(array).values():
        before = image.tobytes()
        check("numpy", to_numpy(image), array)
        check("cv2", to_cv2(image, dtype="uint8"), in_dtype(array, "uint8"))
        check("torch", to_tensor(image, dtype=dtype), array)
        check("pil", to_pil(image, dtype="uint8"), in_dtype(array, "uint8"))
        assert image.tobytes() == before


def test_memory_maps_and_subclasses(tmp_path):
    array = codes(6, 5, 3)
    mapped = np.memmap(tmp_path / "pixels", np.uint8, "w+", shape=array.shape)
    mapped[:] = array
    for door in DOORS:
        check(door, DOORS[door](mapped, dtype="uint8"), array)


def test_broadcast_pictures():
    plain = np.broadcast_to(codes(1, 1, 3), (4, 5, 3))
    gray = torch.rand(1, 4, 5).expand(3, 4, 5)
    for door in DOORS:
        check(door, DOORS[door](plain, dtype="uint8"), plain)
    check("numpy", to_numpy(gray), raw(gray).transpose(1, 2, 0))
    result = to_tensor(gray)
    result[0] = 2
    assert result[1].max() <= 1


def tensors(array):
    from torchvision.tv_tensors import Image as TvImage

    plain = tensor(array)
    return {
        "channels_last": plain[None].to(memory_format=torch.channels_last)[0],
        "transposed": plain.mT.contiguous().mT,
        "sliced": plain.repeat_interleave(2, -1)[..., ::2],
        "parameter": torch.nn.Parameter(plain),
        "tv_tensor": TvImage(plain),
        "needs grad": plain.clone().requires_grad_(),
        "not a leaf": plain.clone().requires_grad_() * 1,
        "negated view": torch.complex(plain, -plain).conj().imag,
    }


@pytest.mark.usefixtures("tensors_work_in")
@every_door
def test_any_tensor_will_do(door):
    array = codes(6, 5, 3, "float32")
    for name, image in tensors(array).items():
        result = DOORS[door](image, dtype="uint8")
        check(door, result, in_dtype(array, "uint8"))
        if door == "torch":
            check("torch", to_tensor(image), array)
        if door == "numpy":
            check("numpy", to_numpy(image), array)
        assert torch.equal(image.detach(), tensor(array)), name


def shares(result, image):
    """Whether writing into the result changes the image."""
    before = np.asarray(image.detach() if isinstance(image, torch.Tensor) else image).copy()
    if isinstance(result, Image.Image):
        result.paste(0, (0, 0, *result.size))
    else:
        result[...] = 0
    return not np.array_equal(before, image.detach() if isinstance(image, torch.Tensor) else np.asarray(image))


@every_channels
@pytest.mark.parametrize("source", ["pil", "numpy", "chw", "torch", "torch hwc"])
@every_door
def test_results_have_their_own_memory(door, source, channels):
    for height, width in ((4, 5), (1, 1)):
        array = codes(height, width, channels) | 1
        image, options = GIVEN[source](array)
        result = DOORS[door](image, dtype="uint8", **options)
        if result is image:
            assert (door, source) == ("pil", "pil")
            continue
        assert not shares(result, image)


def test_pil_images_that_need_nothing_are_returned():
    for mode in ("L", "LA", "RGB", "RGBA", "I;16", "F"):
        image = Image.new(mode, (4, 3))
        assert to_pil(image) is image
    assert to_pil(Image.new("RGB", (4, 3)), dtype="uint8").mode == "RGB"
    assert to_pil(with_exif(image, 1)) is image
    opened = saved(pil(codes(3, 4, 3)))
    assert to_pil(opened) is opened


def test_the_source_of_a_palette_stays_as_it_was():
    image = palette_image(transparency=b"\x00\x80")
    before = image.tobytes(), image.getpalette("RGBA"), dict(image.info)
    to_numpy(image)
    assert before == (image.tobytes(), image.getpalette("RGBA"), image.info)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
@pytest.mark.parametrize(
    "job",
    ["to_numpy(picture)", "to_pil(array)", "to_cv2(array)", "to_numpy(array, dtype='float32')", "to_tensor(picture)"],
)
def test_large_pictures_need_their_result_and_little_more(job):
    # Measured on two cores: 1 to 4 MB above the result, the two threads' bands and Pillow's blocks.
    code = f"""
import numpy as np
from PIL import Image
from aikit import to_cv2, to_numpy, to_pil, to_tensor

def peak():
    return next(int(line.split()[1]) / 1024 for line in open("/proc/self/status") if line.startswith("VmHWM"))

array = np.random.default_rng(0).integers(0, 256, (2160, 3840, 3), np.uint8)
picture = Image.fromarray(array)
for image in (array[:500], picture.crop((0, 0, 3840, 500))):
    to_numpy(image), to_pil(image), to_cv2(image)
    {"to_tensor(image)" if "tensor" in job else ""}
open("/proc/self/clear_refs", "w").write("5")
before = peak()
result = {job}
print(peak() - before)
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(SRC), "PATH": ""},
    )
    one_byte_each = 2160 * 3840 / 2**20
    result = {"to_pil": 4, "to_tensor": 12}.get(job.partition("(")[0], 12 if "float32" in job else 3) * one_byte_each
    assert result * 0.9 < float(done.stdout) < result + one_byte_each


# ---------------------------------------------------------------- sizes


@every_channels
@pytest.mark.parametrize("size", [(1, 200000), (200000, 1), (2503, 1801), (129, 1024)], ids=str)
def test_large_and_long_pictures(size, channels):
    # 2503 x 1801: several of Pillow's 16 MB blocks, many bands, the last one short.
    array = codes(*size, channels)
    image = pil(array)
    check("numpy", to_numpy(image), array)
    check("cv2", to_cv2(image), array)
    check("pil", to_pil(array), array)
    floats = to_tensor(image)
    check("torch", floats, in_dtype(array, "float32"))
    check("pil", to_pil(floats), array)
    check("numpy", to_numpy(array, dtype="float32"), in_dtype(array, "float32"))


@pytest.mark.parametrize("mode", ["I;16", "I;16B", "F"])
def test_large_gray_pictures(mode):
    array = codes(2503, 1801, None, "float32" if mode == "F" else "uint16")
    stored = array.astype(">u2") if mode == "I;16B" else array
    check("numpy", to_numpy(Image.frombytes(mode, (1801, 2503), stored.tobytes())), array[..., None])
    if mode != "I;16B":
        check("pil", to_pil(array, dtype=array.dtype), array[..., None])


def test_an_error_in_a_thread_comes_out():
    array = codes(2503, 1801, None, "float32")
    array[-1, -1] = np.nan
    with pytest.raises(InputValueError, match="got NaN"):
        to_numpy(array, dtype="uint8")


# ---------------------------------------------------------------- out


@pytest.mark.parametrize("size", [(5, 7), (1030, 1031)], ids=str)
@pytest.mark.parametrize("source", ["pil", "numpy", "chw", "torch"])
def test_out_is_filled_and_returned(source, size):
    array = codes(*size, 4)
    image, options = GIVEN[source](array)
    for dtype in ("uint8", "uint16", "float32"):
        wanted = in_dtype(array, dtype)
        room = np.empty(array.shape, dtype)
        assert to_numpy(image, dtype=dtype, out=room, **options) is room
        check("numpy", room, wanted)
        assert to_cv2(image, dtype=dtype, out=room, **options) is room
        check("cv2", room, wanted)
        for device in (None, "cpu"):
            room = torch.empty(4, *size, dtype=getattr(torch, dtype))
            assert to_tensor(image, dtype=dtype, out=room, device=device, **options) is room
            check("torch", room, wanted)
    room = torch.empty(4, *size, dtype=torch.bfloat16)
    assert to_tensor(image, dtype="bfloat16", out=room, **options) is room
    assert torch.equal(room, to_tensor(array).bfloat16())
    canvas = Image.new("RGBA", size[::-1])
    assert to_pil(image, out=canvas, **options) is canvas
    check("pil", canvas, array)


def test_out_for_gray_and_batches():
    array = codes(3, 4)
    room = np.empty((3, 4), np.uint8)
    assert to_numpy(array, out=room) is room
    check("numpy", room, array[..., None])
    batch = codes(3, 4, 2, batch=(2,))
    room = np.empty((2, 3, 4, 4), np.uint8)
    assert to_cv2(batch, out=room) is room
    np.testing.assert_array_equal(room, opencv_order(batch))


def test_out_with_odd_strides_on_axes_of_one():
    # NumPy calls these C-contiguous; OpenCV refuses them.
    array = codes(10, 1, 3)
    room = np.lib.stride_tricks.as_strided(np.empty(9000, np.uint8), (10, 1, 3), (3, 400, 1))
    assert room.flags.c_contiguous
    assert to_cv2(array, out=room) is room
    np.testing.assert_array_equal(room, opencv_order(array))


def test_out_of_pil_takes_the_metadata_too():
    source = with_exif(palette_image(transparency=0), 6)
    canvas = Image.new("RGBA", (1, 4))
    canvas.info["transparency"] = 3
    to_pil(source, out=canvas)
    assert set(canvas.info) == {"exif"}
    np.testing.assert_array_equal(np.asarray(canvas), np.asarray(to_pil(source)))
    plain = Image.new("L", (4, 3), 7)
    assert to_pil(plain, out=Image.new("L", (4, 3))).getpixel((0, 0)) == 7


@pytest.mark.parametrize(
    ("room", "error", "message"),
    [
        (np.empty((4, 3, 3), np.uint8), InputValueError, r"array of shape \(3, 4, 3\), got uint8 \(4, 3, 3\)"),
        (np.empty((3, 4, 3), np.uint16), InputValueError, r"uint8 array of shape \(3, 4, 3\), got uint16"),
        (np.empty((3, 4, 3), np.uint8)[..., ::-1], InputValueError, "C-contiguous uint8 array"),
        (np.broadcast_to(np.uint8(0), (3, 4, 3)), InputValueError, "C-contiguous uint8 array"),
        (np.frombuffer(bytes(36), np.uint8).reshape(3, 4, 3), InputValueError, "expected a writable"),
        (torch.empty(3, 4, 3), InputTypeError, "out: expected a NumPy array, got Tensor; leave it out"),
    ],
)
@pytest.mark.parametrize("door", [to_numpy, to_cv2])
def test_out_that_does_not_fit_an_array(door, room, error, message):
    with pytest.raises(error, match=message):
        door(codes(3, 4, 3), out=room)


@pytest.mark.parametrize(
    ("room", "error", "message"),
    [
        (torch.empty(3, 4, 3), InputValueError, r"float32 tensor of shape \(3, 3, 4\), got float32 \(3, 4, 3\)"),
        (torch.empty(3, 3, 4, dtype=torch.float64), InputValueError, "got float64"),
        (torch.empty(3, 4, 3).movedim(-1, 0), InputValueError, "expected a contiguous float32 tensor"),
        (np.empty((3, 3, 4), np.float32), InputTypeError, "out: expected a torch tensor, got ndarray"),
        (
            torch.empty(3, 3, 4, device="meta"),
            InputTypeError,
            "out: expected a tensor with values, got one on the meta device",
        ),
    ],
)
def test_out_that_does_not_fit_a_tensor(room, error, message):
    for image in (codes(3, 4, 3), tensor(codes(3, 4, 3))):
        with pytest.raises(error, match=message):
            to_tensor(image, out=room, device="cpu")


@pytest.mark.parametrize(
    ("room", "error", "message"),
    [
        (Image.new("RGB", (3, 4)), InputValueError, r"mode RGB and size \(4, 3\), got RGB \(3, 4\); leave it out"),
        (Image.new("RGBA", (4, 3)), InputValueError, r"got RGBA \(4, 3\)"),
        (np.empty((3, 4, 3), np.uint8), InputTypeError, "out: expected a PIL image, got ndarray"),
    ],
)
def test_out_that_does_not_fit_an_image(room, error, message):
    for image in (codes(3, 4, 3), Image.new("RGB", (4, 3))):
        with pytest.raises(error, match=message):
            to_pil(image, out=room)


# ---------------------------------------------------------------- tensors: gradients, autocast, devices


def test_gradients_flow_from_tensor_to_tensor():
    leaf = torch.nn.Parameter(torch.rand(4, 3, 5))
    weights = torch.rand(4, 3, 5)
    (to_tensor(leaf, bgr=True, value_range=(-1, 3)) * weights).sum().backward()
    torch.testing.assert_close(leaf.grad, weights[[2, 1, 0, 3]] / 4)


@pytest.mark.parametrize("options", [{}, {"bgr": True}, {"layout": "HWC"}, {"value_range": (-1, 1)}], ids=str)
def test_gradients_are_right(options):
    leaf = torch.rand(2, 3, 4, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: to_tensor(x, dtype=None, **options), leaf)


def test_autocast_changes_nothing():
    array = codes(16, 16, 1)
    with torch.autocast("cpu", torch.bfloat16):
        floats = to_tensor(tensor(array))
        scaled = to_tensor(tensor(array).float(), value_range=(0, 255))
        assert floats.dtype == scaled.dtype == torch.float32
        check("torch", to_tensor(floats, dtype="uint8"), array)
        check("torch", to_tensor(scaled, dtype="uint8"), array)


def test_the_default_device_of_torch_changes_nothing():
    array = codes(3, 4, 3)
    with torch.device("meta"):
        check("torch", to_tensor(array), in_dtype(array, "float32"))
        check("torch", to_tensor(tensor(array)), in_dtype(array, "float32"))


def test_vmap_goes_through():
    batch = torch.rand(2, 3, 4, 5)
    assert torch.equal(torch.vmap(to_tensor)(batch), batch)


@pytest.mark.parametrize("device", ["cpu", torch.device("cpu")], ids=str)
def test_the_device_can_be_named(device):
    assert to_tensor(codes(3, 4, 3), device=device).device.type == "cpu"
    assert to_tensor(torch.rand(3, 4, 5), device=device).device.type == "cpu"


@pytest.mark.parametrize("device", ["bogus", "cuda:77", 77, 3.5])
def test_a_missing_device_names_those_there(device):
    for image in (codes(3, 4, 3), torch.rand(3, 4, 5)):
        with pytest.raises(DeviceError, match=rf"device: expected one of .*cpu, got '{device}'; pass one"):
            to_tensor(image, device=device)
    with pytest.raises(DeviceError, match="device: expected one of"):
        to_tensor(codes(3, 4, 3), device=device, out=torch.empty(3, 3, 4))


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", ["bool", "uint8", "uint16", "float16", "bfloat16", "float32", "float64"])
@every_door
def test_cuda_tensors_give_what_cpu_tensors_give(door, dtype):
    image = torch.rand(3, 40, 50)
    image = image > 0.5 if dtype == "bool" else image.to(getattr(torch, dtype))
    if dtype in ("uint8", "uint16"):
        image = tensor(codes(40, 50, 3, dtype))
    for options in ({}, {"bgr": True}):
        there = DOORS[door](image.cuda(), **options)
        if door == "torch":
            assert there.is_cuda
            there = there.cpu()
        np.testing.assert_array_equal(raw(there), raw(DOORS[door](image, **options)))


@pytest.mark.gpu
@pytest.mark.parametrize("source", GIVEN)
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float16", "bfloat16", "float32", "float64"])
def test_everything_goes_to_cuda(dtype, source):
    image, options = GIVEN[source](codes(40, 50, 3))
    there = to_tensor(image, dtype=dtype, device="cuda", **options)
    assert there.is_cuda
    assert torch.equal(there.cpu(), to_tensor(image, dtype=dtype, **options))
    room = torch.empty_like(there)
    assert to_tensor(image, dtype=dtype, out=room, **options) is room
    assert torch.equal(room, there)
    assert to_tensor(there, dtype="uint8", device="cpu").device.type == "cpu"


@pytest.mark.gpu
def test_all_codes_survive_floats_on_cuda():
    for integer, side in (("uint8", 16), ("uint16", 256)):
        array = np.arange(side * side).astype(integer).reshape(side, side, 1)
        floats = to_tensor(array, device="cuda")
        assert torch.equal(floats.cpu(), to_tensor(array))
        check("torch", to_tensor(floats, dtype=integer).cpu(), array)
        check("numpy", to_numpy(floats, dtype=integer), array)


@pytest.mark.gpu
def test_quantizing_on_cuda_is_the_definition():
    values = hard_floats().reshape(1, -1, 1)
    check("torch", to_tensor(tensor(values).cuda(), dtype="uint8").cpu(), in_dtype(values, "uint8"))
    check("numpy", to_numpy(tensor(values).cuda(), dtype="uint16"), in_dtype(values, "uint16"))


@pytest.mark.gpu
def test_nan_on_cuda():
    image = torch.tensor([[[0.5, float("nan"), float("inf"), -float("inf")]]], device="cuda")
    assert to_tensor(image, dtype="uint8").tolist() == [[[128, 0, 255, 0]]]
    for to_host in (
        to_pil,
        to_cv2,
        lambda x: to_numpy(x, dtype="uint8"),
        lambda x: to_tensor(x, dtype="uint8", device="cpu"),
    ):
        with pytest.raises(InputValueError, match="got NaN"):
            to_host(image)
    with pytest.raises(InputValueError, match="got NaN"):
        to_tensor(image.cpu().numpy().transpose(1, 2, 0), dtype="uint8", device="cuda")
    assert to_numpy(image).shape == (1, 4)


@pytest.mark.gpu
def test_gradients_and_ranges_on_cuda():
    leaf = torch.rand(3, 4, 5, device="cuda", requires_grad=True)
    to_tensor(leaf, value_range=(-1, 1)).sum().backward()
    assert leaf.grad.unique().tolist() == [0.5]
    codes = torch.arange(256.0).reshape(1, 16, 16)
    assert torch.equal(to_tensor(codes.cuda(), dtype="uint8", value_range=(0, 255)).cpu(), codes.to(torch.uint8))


# ---------------------------------------------------------------- PIL's modes


def palette_image(transparency=None, palette=None):
    """Indices 0 and 1 have the same color."""
    image = Image.new("P", (4, 1))
    image.putdata([0, 1, 2, 3])
    if palette == "RGBA":
        image.putpalette(bytes([10, 20, 30, 0, 10, 20, 30, 128, 1, 2, 3, 255, 4, 5, 6, 7]), "RGBA")
    else:
        image.putpalette(bytes([10, 20, 30, 10, 20, 30, 1, 2, 3, 4, 5, 6]))
    if transparency is not None:
        image.info["transparency"] = transparency
    return image


@pytest.mark.parametrize(
    ("image", "alpha"),
    [
        (palette_image(), None),
        (palette_image(0), [0, 255, 255, 255]),
        (palette_image(b"\x00\x80"), [0, 128, 255, 255]),
        (palette_image((1, 2, 3)), [255, 255, 0, 255]),
        (palette_image(palette="RGBA"), [0, 128, 255, 7]),
        (palette_image(1).convert("PA"), [255, 0, 255, 255]),
    ],
    ids=["opaque", "index", "table", "color", "RGBA palette", "PA"],
)
def test_palettes(image, alpha):
    # Not the pixel of index 1, though it has the color of the transparent index 0.
    color = [[10, 20, 30], [10, 20, 30], [1, 2, 3], [4, 5, 6]]
    wanted = [[*rgb, a] for rgb, a in zip(color, alpha, strict=True)] if alpha else color
    assert to_numpy(image).tolist() == [wanted]
    assert to_pil(image).mode == ("RGBA" if alpha else "RGB")
    assert "transparency" not in to_pil(image).info
    assert to_cv2(image).shape == (1, 4, 4 if alpha else 3)
    if image.mode == "P" and not isinstance(image.info.get("transparency"), tuple):  # what PNG can hold
        assert to_numpy(saved(image)).tolist() == [wanted]


@pytest.mark.parametrize(
    ("mode", "key", "wanted"),
    [
        ("1", 255, [[0, 255], [255, 0], [255, 0]]),
        ("1", 0, [[0, 0], [255, 255], [255, 255]]),
        ("L", 6, [[5, 255], [6, 0], [250, 255]]),
        ("I;16", 600, [[5, 65535], [600, 0], [65535, 65535]]),
        ("RGB", (5, 6, 7), [[5, 6, 7, 0], [5, 6, 8, 255], [9, 9, 9, 255]]),
    ],
)
def test_color_keys(mode, key, wanted):
    stored = np.array(wanted)[:, :-1].astype(np.uint16 if mode == "I;16" else np.uint8)[None]
    image = pil(stored).convert("1") if mode == "1" else pil(stored)
    assert image.mode == mode
    opened = saved(image, transparency=key)
    assert opened.mode == mode
    assert to_numpy(opened).tolist() == [wanted]
    image.info["transparency"] = key
    assert to_numpy(image).tolist() == [wanted]
    result = to_pil(image)
    assert "transparency" not in result.info
    assert result.mode == ("RGBA" if mode == "RGB" else "LA")


@pytest.mark.parametrize("key", [None, b"\x00", "x", (1, "a", 2), (1, 2), 1.5], ids=repr)
def test_color_keys_that_are_none(key):
    image = pil(codes(2, 3, 3))
    image.info["transparency"] = key
    check("numpy", to_numpy(image), codes(2, 3, 3))
    assert to_pil(image).info == {}


def test_one_number_as_key_of_a_color_picture_is_gray():
    image = pil(np.array([[[5, 6, 7], [5, 5, 5]]], np.uint8))
    image.info["transparency"] = 5
    assert to_numpy(image)[..., 3].tolist() == [[255, 0]]


@pytest.mark.parametrize("mode", ["CMYK", "YCbCr", "HSV", "LAB", "F"])
def test_keys_mean_nothing_elsewhere(mode):
    image = Image.new(mode, (2, 2))
    image.info["transparency"] = 0
    assert to_numpy(image).shape == ((2, 2) if mode == "F" else (2, 2, 3))
    assert to_pil(image).mode == ("F" if mode == "F" else "RGB")
    assert to_pil(image).info == {}


def in_mode(mode):
    """A picture in a mode, and what it shows, by Pillow's own conversions one pixel at a time where there is one."""
    array = codes(8, 8, 4) | 8
    rgb = pil(array[..., :3])
    if mode == "LAB":
        lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
        return ImageCms.applyTransform(rgb, ImageCms.buildTransform(srgb, lab, "RGB", "LAB")), rgb, 20
    if mode in ("La", "RGBa"):
        straight = pil(array[..., :2] if mode == "La" else array)
        return straight.convert(mode), straight.convert(mode).convert(straight.mode), 1  # Pillow cuts off
    if mode == "RGBX":
        return rgb.convert("RGBX"), rgb, 0
    return rgb.convert(mode), rgb.convert(mode).convert("RGB"), 0


@pytest.mark.parametrize("mode", ["La", "RGBa", "RGBX", "CMYK", "YCbCr", "LAB", "HSV"])
def test_other_modes_show_their_colors(mode):
    image, shown, tolerance = in_mode(mode)
    assert image.mode == mode
    result = to_pil(image)
    assert result.mode == shown.mode
    assert np.abs(np.asarray(result).astype(int) - np.asarray(shown)).max() <= tolerance
    np.testing.assert_array_equal(to_numpy(image), np.asarray(result))
    np.testing.assert_array_equal(to_cv2(image), opencv_order(np.asarray(result)))
    check("torch", to_tensor(image, dtype="uint8"), np.asarray(result))


@pytest.mark.parametrize("mode", ["La", "RGBa"])
def test_premultiplied_codes_are_rounded(mode):
    codes, alphas = (part.ravel() for part in np.meshgrid(np.arange(256), np.arange(1, 256)))
    color = codes[codes <= alphas].astype(np.uint8)[None]
    alpha = alphas[codes <= alphas].astype(np.uint8)[None]
    planes = [color, color[:, ::-1], alpha] if mode == "RGBa" else [alpha]
    block = np.stack([color, *planes], -1)
    image = Image.frombytes(mode, block.shape[1::-1], np.minimum(block, alpha[..., None]).tobytes())
    image.info["dpi"] = (72, 72)
    straight = to_numpy(image)
    np.testing.assert_array_equal(straight[..., -1], alpha)
    expected = np.rint(np.minimum(block, alpha[..., None])[..., :-1] * 255.0 / alpha[..., None])
    np.testing.assert_array_equal(straight[..., :-1], expected)
    assert to_pil(image).info == {"dpi": (72, 72)}


@pytest.mark.parametrize("value_range", [(0, 255), (-1, 1), (0, 100), (-128, 127)], ids=str)
def test_halves_are_rounded_alike_in_every_layout(value_range):
    low, high = value_range
    row = ((np.arange(255) + 0.5) / 255 * (high - low) + low).astype(np.float32)
    plane = np.tile(row, (3, 1))
    options = {"dtype": "uint8", "value_range": value_range}
    expected = to_numpy(plane, **options)
    recorded = torch.from_numpy(plane.copy())[None].requires_grad_()
    for other in (
        to_numpy(np.asfortranarray(plane), **options),
        to_numpy(np.stack([plane] * 3, -1), **options)[..., 1],
        to_numpy(np.stack([plane] * 3), layout="CHW", **options)[..., 2],
        to_tensor(torch.from_numpy(plane)[None], **options)[0].numpy(),
        to_tensor(recorded, **options)[0].numpy(),
        np.asarray(to_pil(plane, value_range=value_range)),
    ):
        np.testing.assert_array_equal(other, expected)


def test_known_colors_of_other_modes():
    def first(mode, pixel):
        return to_numpy(Image.new(mode, (1, 1), pixel))[0, 0].tolist()

    assert first("CMYK", (0, 255, 255, 0)) == [255, 0, 0]
    assert first("YCbCr", (128, 128, 128)) == [128, 128, 128]
    assert first("HSV", (0, 255, 255)) == [255, 0, 0]
    assert first("RGBa", (128, 64, 0, 128)) == [255, 128, 0, 128]  # 127.5, which Pillow cuts off
    # L* 53.585 is sRGB gray 128; Pillow keeps 255/100 of it, and a* and b* from 128 on.
    assert np.abs(np.array(first("LAB", (137, 128, 128))) - 128).max() <= 1


def test_adobe_cmyk_is_not_inverted():
    buffer = io.BytesIO()
    Image.new("CMYK", (16, 16), (0, 255, 255, 0)).save(buffer, "JPEG", quality=95)
    assert np.abs(to_numpy(Image.open(buffer))[8, 8].astype(int) - [255, 0, 0]).max() <= 3


def test_mapped_files_and_buffers(tmp_path):
    array = codes(5, 7, 4)
    path = tmp_path / "mapped.tif"
    pil(array).save(path)
    with Image.open(path) as image:
        check("numpy", to_numpy(image), array)
    padded = np.pad(array, ((0, 0), (0, 3), (0, 0)))
    check("numpy", to_numpy(Image.frombuffer("RGBA", (7, 5), padded.tobytes(), "raw", "RGBA", 40, 1)), array)
    check("numpy", to_numpy(Image.frombuffer("RGBA", (7, 5), array.tobytes(), "raw", "RGBA", 0, -1)), array[::-1])


# Orientation and metadata


def upright(array, orientation):
    """EXIF 2.32, 4.6.4 A: where the stored row 0 and column 0 lie in the picture."""
    top_left = {1: "yx", 2: "yX", 3: "YX", 4: "Yx", 5: "xy", 6: "xY", 7: "XY", 8: "Xy"}[orientation]
    turned = array if top_left.lower() == "yx" else array.swapaxes(0, 1)
    # A capital: the axis of the stored picture runs backwards.
    if "Y" in top_left:
        turned = turned[::-1] if top_left[0] == "Y" else turned[:, ::-1]
    if "X" in top_left:
        turned = turned[:, ::-1] if top_left[1] == "X" else turned[::-1]
    return turned


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied_once(orientation):
    array = codes(3, 5, 3)
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    exif[0x010F] = "a maker"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    image = saved(pil(array), exif=exif, dpi=(300, 300), icc_profile=profile)
    wanted = upright(array, orientation)
    np.testing.assert_array_equal(wanted, np.asarray(ImageOps.exif_transpose(image)))
    for door in DOORS:
        check(door, DOORS[door](image, dtype="uint8"), wanted)
    result = to_pil(image)
    assert result.getexif().get(ORIENTATION, 1) == 1
    assert result.getexif()[0x010F] == "a maker"
    assert result.info["icc_profile"] == profile
    assert round(result.info["dpi"][0]) == 300
    assert to_pil(result) is result
    assert image.getexif()[ORIENTATION] == orientation


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "PA", "RGBA", "CMYK", "I;16", "I;16B", "F"])
def test_orientation_in_every_mode(mode):
    if mode in ("I;16", "I;16B"):
        stored = codes(3, 5, None, "uint16").astype("<u2" if mode == "I;16" else ">u2")
        image = Image.frombytes(mode, (5, 3), stored.tobytes())
    else:
        image = pil(codes(3, 5, 4)).convert(mode)
    turned = to_numpy(with_exif(image.copy(), 6))
    np.testing.assert_array_equal(turned, np.rot90(to_numpy(image), -1))


@pytest.mark.parametrize("orientation", [0, 9, 300])
def test_orientations_that_do_not_exist(orientation):
    image = with_exif(pil(codes(3, 5, 3)), orientation)
    assert to_pil(image) is image


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
def test_damaged_exif_never_stops_a_picture():
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    exif[0x010F] = "a maker"
    exif[0x011A] = 72.0
    exif[0x8769] = {0x9003: "2020:01:01 00:00:00", 0x829A: 0.1}
    whole = exif.tobytes()
    rng = np.random.default_rng(0)
    image = pil(codes(3, 5, 3))
    turned = 0
    for _ in range(600):
        damaged = bytearray(whole)
        for at in rng.integers(14, len(whole), 3):
            damaged[at] = rng.integers(256)
        copy = image.copy()
        copy.info["exif"] = bytes(damaged)
        result = to_pil(copy)
        turned += result.size == (3, 5)
        assert result.size in [(3, 5), (5, 3)]
    assert turned > 100


def test_tags_that_cannot_be_written_back_go_and_the_picture_turns():
    image = with_exif(pil(codes(3, 5, 3)), 6)
    # The maker's name becomes the image's width: a text where Pillow writes a number.
    raw_exif = image.info["exif"].replace(b"\x01\x0f", b"\x01\x00")
    image.info.update(exif=raw_exif, dpi=(72, 72))
    with pytest.raises(struct.error, match="argument"):
        ImageOps.exif_transpose(image)
    result = to_pil(image)
    np.testing.assert_array_equal(np.asarray(result), np.rot90(codes(3, 5, 3), -1))
    # The size of another picture, which says nothing of this one, was all that it held.
    assert result.info == {"dpi": (72, 72)}
    assert image.info["exif"] == raw_exif


def test_profiles_of_other_color_spaces_go():
    for mode, kept in {"RGB": True, "L": True, "P": True, "CMYK": False, "LAB": False}.items():
        image = Image.new(mode, (2, 3))
        image.info.update(icc_profile=b"a profile", dpi=(72, 72))
        assert to_pil(with_exif(image, 6)).info.get("icc_profile") == (b"a profile" if kept else None)
        assert to_pil(image).info["dpi"] == (72, 72)


# ---------------------------------------------------------------- messages


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (
            "cat.png",
            r"image: expected a PIL image, a NumPy array or a torch tensor, got the path 'cat.png'; read it first with",
        ),
        (
            Path("cat.png"),
            r"got the path 'cat.png'; read it first with read_pil, read_numpy, read_cv2 or read_tensor\.",
        ),
        (b"\x89PNG", "got bytes; decode it first with read_pil"),
        (bytearray(b"\x89PNG"), "got bytearray; decode it first"),
        ([np.zeros((2, 2), np.uint8)], "got a list; pass the images one at a time"),
        ((1, 2), "got a tuple; pass the images one at a time"),
        (None, "got NoneType; convert it to one of these"),
        (5, "got int; convert it"),
        (np.float32(5), "got float32; convert it"),
        (np.zeros((2, 2), np.int64), r'expected dtype bool, .* or float64, got int64; .* image\.astype\("uint8"\)'),
        (np.zeros((2, 2), np.int8), "got int8"),
        (np.zeros((2, 2), complex), "got complex128"),
        (np.zeros((2, 2), object), "got object"),
        (np.array([["a"]]), "got str32"),
        (
            np.ma.masked_array(np.zeros((2, 2), np.uint8)),
            r"expected a plain array, got a masked array.*filled\(value\)",
        ),
        (torch.zeros(1, 2, 2, dtype=torch.int64), r"got int64; .* image\.to\(torch\.uint8\)"),
        (torch.zeros(1, 2, 2, dtype=torch.complex64), "got complex64"),
        (torch.zeros(1, 2, 2).to(torch.float8_e4m3fn), "got float8_e4m3fn"),
        (torch.zeros(3, 2, 2).to_sparse(), r"expected a dense tensor, got layout torch.sparse_coo .*to_dense\(\)"),
        (torch.zeros(3, 2, 2, device="meta"), "expected a tensor with values, got one on the meta device"),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, str) else "",
)
@every_door
def test_what_is_no_image_is_refused(door, image, message):
    with pytest.raises(InputTypeError, match=message):
        DOORS[door](image)


@pytest.mark.parametrize(
    ("image", "options", "message"),
    [
        (
            np.zeros((4, 5, 5), np.uint8),
            {},
            r"expected shape \(H, W\) or \(..., H, W, 1 to 4\), got \(4, 5, 5\); .*layout=\"CHW\"",
        ),
        (np.zeros((9, 5, 5), np.uint8), {}, r"got \(9, 5, 5\); give it one to four channels\."),
        (np.zeros((3, 48, 64), np.uint8), {}, r'got \(3, 48, 64\); for channels first pass layout="CHW" to to_numpy'),
        (np.zeros((2, 3, 48, 64), np.uint8), {}, r'for channels first pass layout="CHW"'),
        (
            np.zeros((48, 64, 3), np.uint8),
            {"layout": "CHW"},
            r"\(..., 1 to 4, H, W\), got \(48, 64, 3\); for channels last leave",
        ),
        (np.zeros(5, np.uint8), {}, r"got \(5,\)"),
        (np.array(1.0), {}, r"got \(\)"),
        (np.zeros((0, 5, 3), np.uint8), {}, r"expected at least one pixel, got shape \(0, 5, 3\)"),
        (np.zeros((4, 5, 0), np.uint8), {}, "expected at least one pixel"),
        (torch.zeros(3, 0, 5), {}, r"expected at least one pixel, got shape \(3, 0, 5\)"),
        (torch.zeros(4, 5), {}, r"expected shape \(..., 1 to 4, H, W\), got \(4, 5\); add a channel axis: x\[None\]\."),
        (torch.zeros(48, 64, 3), {}, r'got \(48, 64, 3\); for channels last pass layout="HWC"'),
        (
            torch.zeros(3, 48, 64),
            {"layout": "HWC"},
            r"expected shape \(..., H, W, 1 to 4\), got \(3, 48, 64\); give it one to four",
        ),
        (torch.zeros(5, 48, 64), {}, r"got \(5, 48, 64\); give it one to four channels"),
        (Image.new("RGB", (0, 5)), {}, r"expected at least one pixel, got size \(0, 5\)"),
        (np.zeros((4, 5, 3), np.uint8), {"layout": "NCHW"}, "layout: expected one of HWC, CHW, got 'NCHW'"),
    ],
)
@every_door
def test_shapes_that_are_refused(door, image, options, message):
    with pytest.raises(InputValueError, match=message):
        DOORS[door](image, **options)


def broken():
    buffer = io.BytesIO()
    pil(codes(90, 90, 3)).save(buffer, "PNG")
    return buffer.getvalue()[:9000]


@every_door
def test_a_truncated_file_is_found_when_it_is_read(door, tmp_path):
    path = tmp_path / "short.png"
    path.write_bytes(broken())
    with (
        Image.open(path) as image,
        pytest.raises(FileFormatError, match=r"short.png: expected .* got '.*truncated") as caught,
    ):
        DOORS[door](image)
    assert caught.value.code == "truncated"
    with pytest.raises(FileFormatError, match="image: expected a picture that can be decoded"):
        DOORS[door](Image.open(io.BytesIO(broken())))


@every_door
def test_a_closed_image_is_named(door, tmp_path):
    path = tmp_path / "good.png"
    pil(codes(3, 4, 3)).save(path)
    with Image.open(path) as never_read:
        pass
    made = Image.new("RGB", (4, 3))
    made.close()
    for image in (never_read, made):
        with pytest.raises(InputValueError, match="image: expected an open picture, got one that was closed"):
            DOORS[door](image)


# ---------------------------------------------------------------- what is loaded


def test_pil_and_numpy_work_loads_no_torch():
    code = """
import sys
import numpy as np
from PIL import Image
from aikit import to_cv2, to_numpy, to_pil

to_pil(to_cv2(to_numpy(Image.new("RGB", (4, 3)))))
print("torch" in sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(SRC), "PATH": ""},
    )
    assert done.stdout.strip() == "False"
