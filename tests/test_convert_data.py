"""Converters of channels that are data: numbers keep their values through every kind and dtype, or are refused."""

import warnings

import numpy as np
import pytest
import torch
from PIL import Image

import aikit
from aikit import InputTypeError, InputValueError
from aikit._adapters.data import ARRAY_DTYPES

INTEGERS = [name for name in ARRAY_DTYPES if "int" in name]


def numbers(height, width, channels, dtype, batch=()):
    """Numbers of both signs where the dtype has them, no two rows, columns or planes alike."""
    count = int(np.prod((*batch, height, width, channels)))
    values = (np.arange(count) * 7 % 251).reshape(*batch, height, width, channels)
    if dtype == "bool":
        return values % 3 == 0
    return (values - (100 if np.dtype(dtype).kind in "if" else 0)).astype(dtype)


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 7])
@pytest.mark.parametrize("dtype", ARRAY_DTYPES)
def test_there_and_back_is_the_same(dtype, channels):
    array = numbers(5, 6, channels, dtype, batch=(2,))
    tensor = aikit.to_tensor(array, channels="data", dtype=None)
    assert str(tensor.dtype) == f"torch.{dtype}"
    np.testing.assert_array_equal(tensor.numpy(), np.moveaxis(array, -1, 1))
    assert tensor.is_contiguous()
    back = aikit.to_numpy(tensor, channels="data")
    assert back.dtype == array.dtype
    np.testing.assert_array_equal(back, array)
    assert back.flags.c_contiguous
    assert back.flags.writeable


@pytest.mark.parametrize("source", ARRAY_DTYPES)
@pytest.mark.parametrize("target", [name for name in ARRAY_DTYPES if name != "bool"])
def test_numbers_stay_what_they_are(source, target):
    array = np.abs(numbers(5, 6, 3, source).astype("float64")).clip(0, 100).astype(source)
    expected = array.astype(target)
    got = aikit.to_numpy(array, channels="data", dtype=target)
    assert got.dtype == target
    np.testing.assert_array_equal(got, expected)
    tensor = aikit.to_tensor(torch.from_numpy(np.moveaxis(array, -1, 0).copy()), channels="data", dtype=target)
    np.testing.assert_array_equal(np.moveaxis(tensor.numpy(), 0, -1), expected)


def test_floats_are_rounded_to_the_nearest_and_ties_to_even():
    array = np.array([[-1.5, -0.49, 0.5, 1.5, 2.5, 254.6, 255.4]], np.float32)
    wanted = [[-2, 0, 0, 2, 2, 255, 255]]
    assert aikit.to_numpy(array, channels="data", dtype="int16").tolist() == wanted
    assert aikit.to_tensor(torch.from_numpy(array), channels="data", dtype="int16")[0].tolist() == wanted
    assert aikit.to_numpy(array[:, 1:], channels="data", dtype="uint8").tolist() == [wanted[0][1:]]


@pytest.mark.parametrize(
    ("values", "source", "target", "message"),
    [
        ([256], "int16", "uint8", r"image: expected data from 0 to 255 for uint8, got 256; pass a wider dtype"),
        ([-1], "int64", "uint16", r"expected data from 0 to 65535 for uint16, got -1"),
        (
            [2**63],
            "uint64",
            "int64",
            r"expected data from -\d+ to 9223372036854775807 for int64, got 9223372036854775808",
        ),
        ([255.6], "float32", "uint8", r"expected data from 0 to 255 for uint8, got 255.6"),
        ([np.inf], "float32", "int32", r"expected data from .* for int32, got inf"),
        ([3, np.nan], "float32", "int32", r"expected numbers, got NaN, which no integer can hold"),
        ([2**24 + 1], "int32", "float32", r"expected whole numbers up to 16777216 for float32, got 16777217"),
        ([-(2**53) - 1], "int64", "float64", r"expected whole numbers up to 9007199254740992 for float64, got -900"),
        ([2049], "uint16", "float16", r"expected whole numbers up to 2048 for float16, got 2049"),
        ([70000.0], "float32", "float16", r"expected data up to 65504 for float16, got 70000"),
        ([1e39], "float64", "float32", r"expected data up to 3.40282e\+38 for float32, got 1e\+39"),
    ],
)
def test_what_a_dtype_cannot_hold_is_refused(values, source, target, message):
    array = np.array([values], source)
    with pytest.raises(InputValueError, match=message):
        aikit.to_numpy(array, channels="data", dtype=target)
    with pytest.raises(InputValueError, match=message):
        aikit.to_tensor(torch.from_numpy(array), channels="data", dtype=target)


def test_bfloat16_comes_and_goes():
    tensor = torch.tensor([[[1.5, -300.0]]], dtype=torch.bfloat16)
    array = aikit.to_numpy(tensor, channels="data")
    assert (array.dtype, array.tolist()) == (np.float32, [[1.5, -300.0]])
    back = aikit.to_tensor(array, channels="data", dtype="bfloat16")
    assert back.dtype == torch.bfloat16
    assert torch.equal(back, tensor)
    with pytest.raises(InputValueError, match="whole numbers up to 256 for bfloat16, got 257"):
        aikit.to_tensor(torch.tensor([[257]]), channels="data", dtype="bfloat16")


@pytest.mark.parametrize(
    ("dtype", "mode"), [("uint8", "L"), ("uint16", "I;16"), ("int32", "I"), ("float32", "F"), ("bool", "1")]
)
def test_one_plane_goes_to_pil_and_back(dtype, mode):
    array = numbers(5, 6, 1, dtype)[..., 0]
    image = aikit.to_pil(array, channels="data")
    assert image.mode == mode
    np.testing.assert_array_equal(np.asarray(image), array)
    back = aikit.to_numpy(image, channels="data")
    assert back.dtype == array.dtype
    np.testing.assert_array_equal(back, array)


def test_three_planes_of_bytes_go_to_pil_and_more_do_not():
    array = numbers(5, 6, 3, "uint8")
    image = aikit.to_pil(torch.from_numpy(np.moveaxis(array, -1, 0).copy()), channels="data")
    assert image.mode == "RGB"
    np.testing.assert_array_equal(aikit.to_numpy(image, channels="data"), array)
    for channels, dtype in ((2, "uint8"), (4, "uint8"), (3, "uint16"), (5, "uint8")):
        with pytest.raises(
            InputValueError,
            match=rf"image: expected one plane of data for PIL, or three of uint8, got {channels} of {dtype}; pass one of",
        ):
            aikit.to_pil(numbers(5, 6, channels, dtype), channels="data")
    with pytest.raises(
        InputTypeError, match=r"image: expected data of bool, .* for PIL, got int64; pass one of these as"
    ):
        aikit.to_pil(numbers(5, 6, 1, "int64"), channels="data")
    with pytest.raises(InputValueError, match=r"image: expected one picture for PIL, got a batch of shape \(2,\)"):
        aikit.to_pil(numbers(5, 6, 1, "uint8", batch=(2,)), channels="data")


def test_pictures_of_colors_and_alpha_are_no_data():
    for mode, remedy in (("P", "read its indices with read_label_map"), ("RGBA", 'pass channels="color"')):
        with pytest.raises(InputValueError, match=rf"a PIL image of numbers, .* got {mode}; {remedy}"):
            aikit.to_numpy(Image.new(mode, (2, 2)), channels="data")


def test_a_picture_is_turned_upright():
    image = Image.fromarray(numbers(5, 6, 1, "uint8")[..., 0])
    image.getexif()[274] = 6
    np.testing.assert_array_equal(
        aikit.to_numpy(image, channels="data"), np.rot90(numbers(5, 6, 1, "uint8")[..., 0], -1)
    )


def test_for_opencv_planes_keep_their_order():
    array = numbers(5, 6, 3, "float32")
    np.testing.assert_array_equal(aikit.to_cv2(array, channels="data"), array)
    assert aikit.to_cv2(array, channels="data").dtype == np.float32
    assert aikit.to_cv2(numbers(5, 6, 5, "bool"), channels="data").max() == 1
    with pytest.raises(InputTypeError, match=r"image: expected data of uint8, .* for OpenCV, got uint32; pass one of"):
        aikit.to_cv2(numbers(5, 6, 2, "uint32"), channels="data")


def test_views_of_every_kind_are_read_and_left_alone():
    array = numbers(8, 9, 5, "int16")
    swapped = array.astype(">i2")
    for given in (swapped, array[::-1, ::-2], np.broadcast_to(array[:1], array.shape), array[..., ::-1]):
        given.flags.writeable = False
        kept = np.array(given)
        for result in (aikit.to_numpy(given, channels="data"), aikit.to_cv2(given, channels="data")):
            np.testing.assert_array_equal(result, kept)
            assert not np.may_share_memory(result, given)
            assert result.dtype.isnative
        tensor = aikit.to_tensor(given, channels="data", dtype=None)
        np.testing.assert_array_equal(np.moveaxis(tensor.numpy(), 0, -1), kept)
        tensor += 1
        np.testing.assert_array_equal(given, kept)
    tensor = torch.from_numpy(array)
    own = aikit.to_tensor(tensor, channels="data", dtype=None)
    own += 1
    np.testing.assert_array_equal(tensor.numpy(), array)


def test_layouts_and_planes_without_an_axis():
    array = numbers(5, 6, 4, "int32")
    first = np.moveaxis(array, -1, 0)
    np.testing.assert_array_equal(aikit.to_numpy(first, channels="data", layout="CHW"), array)
    np.testing.assert_array_equal(aikit.to_numpy(torch.from_numpy(array), channels="data", layout="HWC"), array)
    plane = array[..., 0]
    assert aikit.to_tensor(plane, channels="data").shape == (1, 5, 6)
    assert aikit.to_numpy(torch.from_numpy(plane.copy()), channels="data").shape == (5, 6)


def test_gradients_flow_and_out_is_filled():
    leaf = torch.rand(5, 4, 3, dtype=torch.float64, requires_grad=True)
    aikit.to_tensor(leaf * 2, channels="data").sum().backward()
    assert (leaf.grad == 2).all()
    array = numbers(5, 6, 2, "float32")
    out = torch.empty(2, 5, 6)
    assert aikit.to_tensor(array, channels="data", out=out) is out
    np.testing.assert_array_equal(out.numpy(), np.moveaxis(array, -1, 0))
    into = np.empty((5, 6, 2), np.float32)
    assert aikit.to_numpy(array, channels="data", out=into) is into
    np.testing.assert_array_equal(into, array)
    picture = Image.new("F", (6, 5))
    assert aikit.to_pil(array[..., 0], channels="data", out=picture) is picture
    np.testing.assert_array_equal(np.asarray(picture), array[..., 0])
    with pytest.raises(
        InputValueError, match=r"out: expected a writable C-contiguous float32 array of shape \(5, 6, 2\)"
    ):
        aikit.to_numpy(array, channels="data", out=into[:4])


def test_nothing_is_said_of_numbers_beyond_one():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        aikit.to_numpy(np.full((4, 4, 2), 200.0, np.float32), channels="data", dtype="uint8")


def test_what_means_nothing_beside_data_is_refused():
    array = numbers(5, 6, 3, "float32")
    with pytest.raises(InputValueError, match=r'bgr: expected nothing beside channels="data", got True; leave it out'):
        aikit.to_numpy(array, channels="data", bgr=True)
    with pytest.raises(InputValueError, match=r'value_range: expected nothing beside channels="data", got \(0, 1\)'):
        aikit.to_tensor(array, channels="data", value_range=(0, 1))
    with pytest.raises(InputValueError, match=r"channels: expected one of color, data, got 'bands'"):
        aikit.to_cv2(array, channels="bands")
    with pytest.raises(
        InputValueError, match=r"image: expected shape \(H, W\) or \(\.\.\., H, W, C\), got \(0, 6, 3\)"
    ):
        aikit.to_numpy(array[:0], channels="data")
    with pytest.raises(
        InputTypeError, match=r"image: expected whole numbers, floats or bool, got complex64; take its parts"
    ):
        aikit.to_numpy(array.astype("complex64"), channels="data")
    with pytest.raises(InputTypeError, match=r"image: expected a plain array, got a masked array"):
        aikit.to_numpy(np.ma.masked_array(array), channels="data")
