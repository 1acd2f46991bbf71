"""Batches of channels that are data: stacked, normalized and taken apart by their values."""

import numpy as np
import pytest
import torch

import aikit
from aikit import InputTypeError, InputValueError

rng = np.random.default_rng(15)


def flow(height, width):
    return rng.normal(0, 20, (height, width, 2)).astype(np.float32)


def rgbd(height, width):
    return rng.integers(0, 65536, (height, width, 4), np.uint16)


def test_a_batch_has_the_values_of_its_pictures():
    pictures = [flow(5, 7), torch.from_numpy(np.moveaxis(flow(5, 7), -1, 0).copy())]
    batch = aikit.stack(pictures, channels="data", device="cpu")
    assert batch.shape == (2, 2, 5, 7)
    np.testing.assert_array_equal(batch[0].numpy(), np.moveaxis(pictures[0], -1, 0))
    assert torch.equal(batch[1], pictures[1])
    np.testing.assert_array_equal(aikit.unstack(batch, channels="data")[0], pictures[0])


@pytest.mark.parametrize(
    ("dtypes", "expected"),
    [
        (("uint16", "uint16"), "uint16"),
        (("uint16", "int16"), "int32"),
        (("int32", "float32"), "float64"),
        (("bool",), "bool"),
    ],
)
def test_the_widest_dtype_holds_all(dtypes, expected):
    pictures = [rng.integers(0, 2, (3, 4, 5)).astype(dtype) for dtype in dtypes]
    batch = aikit.stack(pictures, channels="data", dtype=None, device="cpu")
    assert str(batch.dtype) == f"torch.{expected}"
    np.testing.assert_array_equal(batch[0].numpy(), np.moveaxis(pictures[0], -1, 0))


@pytest.mark.parametrize("fit", ["crop", "stretch", "contain", "letterbox"])
@pytest.mark.parametrize("make", [flow, rgbd])
def test_fitting_is_that_of_fit(fit, make):
    picture = make(20, 31)
    how = {"crop": "cover"}.get(fit, fit)
    keywords = {"fill": -3 if make is flow else 9} if fit == "letterbox" else {}
    batch = aikit.stack(
        [picture], channels="data", height=12, width=16, fit=fit, method="area", dtype=None, device="cpu", **keywords
    )
    fitted = aikit.fit(picture, height=12, width=16, how=how, method="area", channels="data", **keywords)
    np.testing.assert_array_equal(batch[0, :, : fitted.shape[0]].numpy(), np.moveaxis(fitted, -1, 0))


def test_padding_takes_one_number_a_plane_and_unstack_takes_it_away():
    pictures = [flow(5, 7), flow(3, 6)]
    batch = aikit.stack(pictures, channels="data", fit="pad", fill=(-1, 0.5), device="cpu")
    assert batch[1, :, 3:].amin((1, 2)).tolist() == batch[1, :, :, 6:].amax((1, 2)).tolist() == [-1, 0.5]
    for back, picture in zip(aikit.unstack(batch, [(5, 7), (3, 6)], channels="data"), pictures, strict=True):
        assert back.dtype == np.float32
        np.testing.assert_array_equal(back, picture)
    out = np.empty((2, 5, 7, 2), np.float32)
    aikit.unstack(batch, channels="data", out=out)
    np.testing.assert_array_equal(out[0], pictures[0])


def test_each_picture_is_prepared():
    recipe = aikit.Recipe.parse("flip channels=data")
    pictures = [flow(4, 5), flow(4, 5)]
    batch = aikit.stack(pictures, channels="data", prepare=recipe, device="cpu")
    np.testing.assert_array_equal(batch[1].numpy(), np.moveaxis(pictures[1][:, ::-1], -1, 0))
    with pytest.raises(InputValueError, match=r"images\[1\].*: expected shape \(H, W\) or .*, got \(4, 5, 7\)"):
        aikit.stack([flow(4, 5), np.zeros((4, 5, 7))], channels="data", prepare=aikit.flip)


def test_gradients_and_out():
    leaf = torch.rand(6, 4, 5, requires_grad=True)
    aikit.stack([leaf, leaf * 3], channels="data", device="cpu").sum().backward()
    assert (leaf.grad == 4).all()
    out = torch.empty(2, 2, 5, 7)
    pictures = [flow(5, 7), flow(5, 7)]
    assert aikit.stack(pictures, channels="data", device="cpu", out=out) is out
    np.testing.assert_array_equal(out[1].numpy(), np.moveaxis(pictures[1], -1, 0))


@pytest.mark.parametrize(("on_error", "count"), [("skip", 2), ("zeros", 3)])
def test_one_bad_picture_costs_itself(on_error, count):
    pictures, failures = [rgbd(4, 5), rgbd(4, 6), rgbd(4, 5)], []
    batch = aikit.stack(pictures, channels="data", device="cpu", dtype=None, on_error=on_error, failures=failures)
    assert batch.shape == (count, 4, 4, 5)
    assert [index for index, _ in failures] == [1]
    np.testing.assert_array_equal(batch[-1].numpy(), np.moveaxis(pictures[2], -1, 0))
    assert on_error == "skip" or not batch[1].to(torch.int32).any()


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "int32", "float16", "float32", "float64"])
def test_normalizing_takes_numbers_as_they_are(dtype):
    values = rng.integers(0, 100, (2, 6, 5, 7)).astype(dtype)
    mean, std = np.arange(6) * 10.0, np.arange(6) + 1.0
    result = aikit.normalize(torch.from_numpy(values), mean=mean, std=std, channels="data")
    assert str(result.dtype) == ("torch.float32" if "int" in dtype else f"torch.{dtype}")
    wanted = (values.astype(np.float64) - mean[:, None, None]) / std[:, None, None]
    tolerance = {"float16": 0.05, "float64": 1e-12}.get(dtype, 1e-5)  # half a step at 100 is 0.03
    assert abs(result.double().numpy() - wanted).max() <= tolerance
    one = aikit.normalize(torch.from_numpy(values[0]), mean=1, std=2, channels="data")
    assert abs(one.double().numpy() - (values[0].astype(np.float64) - 1) / 2).max() <= tolerance


def test_what_is_refused():
    batch = torch.zeros(2, 6, 4, 5)
    with pytest.raises(InputValueError, match=r"batch: expected shape \(\.\.\., 1 to 4, H, W\), got \(2, 6, 4, 5\)"):
        aikit.normalize(batch, mean=0, std=1)
    with pytest.raises(InputValueError, match=r"mean: expected one number or 6, one a channel, got 3"):
        aikit.normalize(batch, mean="imagenet", std=1, channels="data")
    with pytest.raises(InputValueError, match=r"batch: expected shape \(\.\.\., C, H, W\), got \(4, 5\)"):
        aikit.normalize(batch[0, 0], mean=0, std=1, channels="data")
    with pytest.raises(InputTypeError, match=r"batch: expected a tensor, got ndarray"):
        aikit.normalize(batch.numpy(), mean=0, std=1, channels="data")
    with pytest.raises(InputValueError, match=r"images\[1\]: expected 4 planes like images\[0\], got 2; pick the same"):
        aikit.stack([rgbd(4, 5), flow(4, 5)], channels="data")
    with pytest.raises(InputValueError, match=r"images\[1\]: expected height x width 4x5, got 4x6; pass fit="):
        aikit.stack([flow(4, 5), flow(4, 6)], channels="data")
    with pytest.raises(InputValueError, match=r"images\[0\]: expected one picture, got a batch of shape \(1,\)"):
        aikit.stack([flow(4, 5)[None]], channels="data")
    with pytest.raises(InputValueError, match=r'background: expected nothing beside channels="data", got \'red\''):
        aikit.stack([flow(4, 5)], channels="data", background="red")
    with pytest.raises(
        InputValueError, match=r"fill: expected a number, or 2 of them, got \(1, 2, 3\); pass one a plane"
    ):
        aikit.stack([flow(4, 5)], channels="data", fit="pad", fill=(1, 2, 3))
    with pytest.raises(InputTypeError, match=r"expected floats, uint8 or uint16 where values are mixed, got int32"):
        aikit.stack([np.zeros((4, 5), np.int32)], channels="data", fit="stretch", height=2, width=2)
    with pytest.raises(InputValueError, match=r"batch: expected shape \(N, C, H, W\) for a tensor"):
        aikit.unstack(batch[0], channels="data")
