"""Channels that are data: any number of them, each like a gray picture, and whole numbers that are moved and never mixed."""

import numpy as np
import pytest
import torch

import aikit
from aikit import InputTypeError, InputValueError
from pictures import codes

EACH = [
    ("resize", {"width": 12, "height": 40}),
    ("resize", {"scale": 0.5, "method": "area"}),
    ("crop", {"box": (-2, 3, 12, 30)}),
    ("pad", {"left": 3, "top": 2, "mode": "reflect"}),
    ("fit", {"height": 16, "width": 40, "how": "letterbox"}),
    ("thumbnail", {"side": 12}),
    ("flip", {"axis": "vertical"}),
    ("rot90", {"k": 3}),
    ("rotate", {"degrees": 20.0}),
    ("warp_affine", {"matrix": ((0.4, 0.1, 3), (-0.1, 0.5, 4))}),
    ("warp_perspective", {"matrix": ((1, 0.1, 2), (0, 1, 1), (0.01, 0.02, 1))}),
]
each = pytest.mark.parametrize(("name", "keywords"), EACH, ids=[f"{name}-{k}" for k, (name, _) in enumerate(EACH)])


@each
@pytest.mark.parametrize("channels", [1, 2, 3, 4, 7])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_every_channel_is_a_gray_picture(name, keywords, channels, dtype):
    array = codes(23, 31, channels, dtype)
    function = getattr(aikit, name)
    result = function(array, **keywords, channels="data")
    assert result.dtype == array.dtype
    assert result.flags.c_contiguous
    for channel in range(channels):
        np.testing.assert_array_equal(result[..., channel], function(array[..., channel].copy(), **keywords))
    tensor = function(torch.from_numpy(np.moveaxis(array, -1, 0).copy()), **keywords, channels="data")
    assert tensor.shape == (channels, *result.shape[:2])
    step = {"uint8": 1, "uint16": 2, "float32": 5e-6}[dtype]
    assert abs(np.moveaxis(tensor.numpy(), 0, -1).astype(float) - result.astype(float)).max() <= step


def test_no_channel_is_alpha_and_flow_is_no_color():
    flow = np.full((8, 8, 2), -1.5, np.float32)
    assert aikit.resize(flow, width=4, channels="data")[0, 0].tolist() == [-1.5, -1.5]
    depth = np.full((8, 8, 4), 77, np.uint8)
    depth[..., 3] = 0
    assert aikit.resize(depth, width=4, channels="data")[0, 0].tolist() == [77, 77, 77, 0]


def test_batches_gradients_and_steps_of_recipes():
    array = codes(23, 31, 6, "float64", batch=(2,))
    result = aikit.resize(array, width=20, channels="data")
    assert result.shape == (2, 15, 20, 6)
    np.testing.assert_array_equal(result[1], aikit.resize(array[1], width=20, channels="data"))
    leaf = torch.from_numpy(np.moveaxis(array, -1, 1).copy()).requires_grad_()
    aikit.crop(leaf, box=(2, 3, 12, 13), channels="data").sum().backward()
    assert leaf.grad.sum() == 2 * 6 * 100
    recipe = aikit.Recipe.parse("crop box=[2,3,12,13] channels=data; resize width=5 channels=data")
    assert recipe(array).shape == (2, 5, 5, 6)


@pytest.mark.parametrize("fill", [-7.5, (-7.5, 300.0, 0.25), 0])
@pytest.mark.parametrize(
    ("name", "keywords"),
    [
        ("pad", {"left": 3, "top": 2}),
        ("crop", {"box": (-3, -2, 12, 13)}),
        ("fit", {"height": 50, "width": 12, "how": "letterbox"}),
        ("rotate", {"degrees": 30.0}),
    ],
)
def test_what_is_beyond_is_in_the_units_of_the_planes(name, keywords, fill):
    array = codes(23, 31, 3, "float32") * 100
    each = fill if isinstance(fill, tuple) else (fill,) * 3
    result = getattr(aikit, name)(array, **keywords, fill=fill, channels="data")
    assert result[0, 0].tolist() == list(each)
    plain = getattr(aikit, name)(array, **keywords, channels="data")
    if name != "rotate":  # which mixes both at the edges
        beyond = getattr(aikit, name)(np.ones_like(array), **keywords, channels="data") == 0
        np.testing.assert_array_equal(result, np.where(beyond, np.float32(each), plain))
    tensor = torch.from_numpy(np.moveaxis(array, -1, 0).copy())
    for given in (tensor, tensor[None]):
        moved = getattr(aikit, name)(given, **keywords, fill=fill, channels="data")
        np.testing.assert_allclose(np.moveaxis(moved.reshape(3, *result.shape[:2]).numpy(), 0, -1), result, atol=2e-4)


def test_what_is_beyond_codes_is_a_code():
    array = codes(5, 6, 5, "uint16")
    assert aikit.pad(array, left=1, fill=(1, 2, 3, 4, 65535), channels="data")[0, 0].tolist() == [1, 2, 3, 4, 65535]
    with pytest.raises(
        InputValueError, match=r"fill: expected a whole number from 0 to 65535 for uint16, got -1.0; pa"
    ):
        aikit.pad(array, left=1, fill=-1, channels="data")
    with pytest.raises(
        InputValueError, match=r"fill: expected a number, or one for each plane, got 'red'; pass 1 or 1"
    ):
        aikit.pad(array, left=1, fill="red", channels="data")
    with pytest.raises(InputValueError, match=r"fill: expected .*, got \(1, 2\); pass 1 or 5"):
        aikit.pad(array, left=1, fill=(1, 2), channels="data")


def test_true_and_false_are_moved_and_never_mixed():
    array = codes(23, 31, 5) > 100
    result = aikit.crop(array, box=(-2, 3, 12, 30), channels="data")
    assert result.dtype == bool
    np.testing.assert_array_equal(result[:20, 2:], array[3:, :12])
    tensor = aikit.rot90(torch.from_numpy(np.moveaxis(array, -1, 0).copy()), channels="data")
    assert tensor.dtype == torch.bool
    np.testing.assert_array_equal(np.moveaxis(tensor.numpy(), 0, -1), np.rot90(array))
    with pytest.raises(InputTypeError, match="expected floats, uint8 or uint16 where values are mixed, got bool; pass"):
        aikit.resize(array, width=4, channels="data")


@pytest.mark.parametrize("dtype", ["int8", "int16", "int32", "int64"])
@pytest.mark.parametrize(
    ("name", "keywords"),
    [
        ("resize", {"width": 15, "height": 40, "method": "nearest"}),
        ("crop", {"box": (-2, 3, 12, 30)}),
        ("pad", {"left": 3, "top": 2, "mode": "wrap"}),
        ("flip", {}),
        ("rot90", {}),
        ("rotate", {"degrees": 20.0, "method": "nearest"}),
        ("fit", {"height": 16, "width": 40, "how": "letterbox", "method": "nearest"}),
    ],
)
def test_whole_numbers_are_moved(name, keywords, dtype):
    array = codes(23, 31)
    function = getattr(aikit, name)
    expected = function(array, **keywords).astype(np.int64)
    # Numbers of both signs and of all bytes that the type has.
    lowest = np.iinfo(dtype).min
    spread = {"int8": 1, "int16": 251, "int32": 16_000_003, "int64": 2**54 + 12_345}[dtype]

    def spoken(codes):
        return (
            (codes.astype(np.int64) * spread).astype(dtype) if dtype != "int8" else codes.astype(np.uint8).view(np.int8)
        )

    labels = spoken(array) if dtype == "int8" else spoken(array) + np.array(lowest // 2, dtype)
    zero = np.array(0, dtype)
    inside = function(np.full_like(array, 255), **keywords) > 0
    wanted = np.where(
        inside, spoken(expected) if dtype == "int8" else spoken(expected) + np.array(lowest // 2, dtype), zero
    )
    result = function(labels, **keywords)
    assert result.dtype == dtype
    np.testing.assert_array_equal(result, wanted)
    tensor = torch.from_numpy(labels)
    for given in (tensor, tensor[None], tensor[None, None]):
        moved = function(given, **keywords)
        assert moved.dtype == tensor.dtype
        np.testing.assert_array_equal(moved.reshape(wanted.shape).numpy(), wanted)


def test_what_is_refused():
    labels = np.zeros((4, 4), np.int64)
    with pytest.raises(
        InputTypeError, match=r"image: expected floats, uint8 or uint16 where values are mixed, got int64; pa"
    ):
        aikit.resize(labels, width=2)
    with pytest.raises(InputValueError, match=r"fill: expected None for int64, got 255; pad a Sample with ignore"):
        aikit.pad(labels, left=1, fill=255)
    with pytest.raises(InputValueError, match=r'channels: expected "color" for a PIL image, got "data"; pass an array'):
        aikit.flip(aikit.to_pil(codes(3, 4)), channels="data")
    with pytest.raises(InputValueError, match=r"channels: expected one of color, data, got 'bands'"):
        aikit.flip(codes(3, 4), channels="bands")
    with pytest.raises(
        InputValueError, match=r"image: expected shape \(H, W\) or \(\.\.\., H, W, 1 to 4\), got \(3, 4, 7\)"
    ):
        aikit.flip(codes(3, 4, 7))
    with pytest.raises(InputTypeError, match=r"flip: expected image=, got none"):
        aikit.flip()
