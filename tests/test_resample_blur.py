"""blur and the sharpening of upsample."""

import math

import numpy as np
import pytest
import scipy.ndimage
import torch
from hypothesis import given, settings, strategies as st
from PIL import Image

from aikit import InputTypeError, InputValueError, blur, resize, upsample
from aikit.resample import gaussian, passes
from pictures import TOPS, codes, in_dtype, pil, tensor

SIGMAS = [0.3, 0.8, 1.0, 2.5, 7.0]


def hwc(tensor):
    return np.moveaxis(tensor.detach().numpy(), -3, -1)


def scipy_blur(plane, sigma):
    return scipy.ndimage.gaussian_filter(plane, sigma, mode="nearest", truncate=4)


def difference(left, right):
    return np.abs(left.astype(np.float64) - right.astype(np.float64)).max()


# Oracle


@pytest.mark.parametrize("sigma", SIGMAS)
@pytest.mark.parametrize("shape", [(40, 50), (1, 1), (3, 90), (17, 1)], ids=str)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_blur_is_scipys(sigma, shape, dtype):
    array = codes(*shape, dtype=dtype)
    expected = scipy_blur(array.astype(np.float64), sigma)
    tolerance = 1e-12 if dtype == "float64" else 5e-7
    np.testing.assert_allclose(blur(array, sigma), expected, atol=tolerance)
    np.testing.assert_allclose(blur(torch.from_numpy(array)[None], sigma)[0].numpy(), expected, atol=tolerance)


@pytest.mark.parametrize("sigma", [0, 0.1])
def test_a_blur_within_a_pixel_changes_nothing(sigma):
    array = codes(6, 7, 4)
    np.testing.assert_array_equal(blur(array, sigma), array)
    np.testing.assert_array_equal(hwc(blur(tensor(array), sigma)), array)


@pytest.mark.parametrize("sigma", [0.5, 3, 20])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_opencvs_blur_is_the_definition(sigma, dtype):
    plane = codes(23, 31, dtype=dtype)
    expected = plane
    for axis in (-1, -2):
        expected = passes.pass_by_indexing(np, expected, gaussian.blur_taps(expected.shape[axis], sigma), axis)
    np.testing.assert_allclose(gaussian.blur_plane(np, plane, sigma), expected, atol=3e-7)


@settings(max_examples=30)
@given(st.integers(1, 20), st.integers(1, 20), st.integers(1, 6))
def test_both_ways_to_the_lowest_are_scipys(height, width, reach):
    plane = codes(height, width, dtype="float32")
    expected = scipy.ndimage.minimum_filter(plane, 2 * reach + 1, mode="nearest")
    np.testing.assert_array_equal(gaussian.take_lowest(np, plane, reach), expected)
    np.testing.assert_array_equal(gaussian.take_lowest(torch, torch.from_numpy(plane), reach).numpy(), expected)


# Alpha


@pytest.mark.parametrize("kind", [np.asarray, pil, tensor], ids=["numpy", "pil", "torch"])
@pytest.mark.parametrize(
    "function", [lambda image: blur(image, 3), lambda image: upsample(image, 2, sharpen=1)], ids=["blur", "sharpen"]
)
def test_no_hidden_color_leaks(kind, function):
    y, x = np.indices((64, 64)) - 31.5
    array = np.where((np.hypot(y, x) < 20)[..., None], [255, 0, 0, 255], [0, 255, 0, 0]).astype(np.uint8)
    result = function(kind(array))
    result = hwc(result) if isinstance(result, torch.Tensor) else np.asarray(result)
    assert result[..., 1].max() == 0
    assert (result[..., 0][result[..., 3] > 0] >= 254).all()
    assert result[..., 3].max() == 255


def test_color_survives_every_alpha():
    for alpha in range(1, 256):
        array = np.full((5, 6, 4), [200, 100, 50, alpha], np.uint8)
        np.testing.assert_array_equal(blur(array, 1.5), array)
        np.testing.assert_array_equal(hwc(blur(tensor(array), 1.5)), array)
        np.testing.assert_array_equal(upsample(array, 2, sharpen=1), np.broadcast_to(array[0, 0], (10, 12, 4)))


# Agreement


@pytest.mark.usefixtures("tensors_work_in")
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("dtype", ["bool", "uint8", "uint16", "float16", "float32", "float64"])
@pytest.mark.parametrize(
    "function",
    [lambda image: blur(image, 1.3), lambda image: upsample(image, 1.5, sharpen=0.7)],
    ids=["blur", "sharpen"],
)
def test_all_kinds_agree(channels, dtype, function):
    array = codes(23, 31, channels, dtype)
    after = "uint8" if dtype == "bool" else dtype
    from_numpy, from_torch = function(array), function(tensor(array))
    assert from_numpy.dtype == after
    assert from_torch.dtype == getattr(torch, after)
    visible = from_numpy[..., -1:] > 0.05 * TOPS.get(after, 1) if channels in (2, 4) else np.array(True)
    # The sharpened picture is rounded twice, the second time from colors that a small alpha moved.
    step = {"uint8": 2, "uint16": 48, "float16": 4e-3, "float32": 5e-5, "float64": 1e-9}[after]
    assert difference(np.where(visible, from_numpy, 0), np.where(visible, hwc(from_torch), 0)) <= step
    if dtype == "uint8":
        np.testing.assert_array_equal(np.asarray(function(pil(in_dtype(array, "uint8")))), from_numpy.squeeze())


def test_16_bit_and_float_pil_modes_stay():
    for array in (codes(9, 8, dtype="uint16"), codes(9, 8, dtype="float32")):
        picture = Image.fromarray(array)
        result = blur(picture, 1)
        assert result.mode == picture.mode
        np.testing.assert_array_equal(np.asarray(result), blur(array, 1))


@pytest.mark.parametrize("channels", [1, 4])
def test_a_batch_is_a_loop(channels):
    array = codes(13, 17, channels, "float32", batch=(2, 2))
    for function in (lambda image: blur(image, 2), lambda image: upsample(image, 2, sharpen=1)):
        together, tensors = function(array), function(tensor(array))
        for index in np.ndindex(2, 2):
            np.testing.assert_array_equal(together[index], function(array[index]))
            torch.testing.assert_close(tensors[index], function(tensor(array[index])), atol=1e-5, rtol=0)


# Sharpening


def step(width=40):
    ramp = np.clip((np.arange(width) - width / 2) / 4 + 0.5, 0, 1)
    return np.broadcast_to(0.2 + 0.6 * ramp, (12, width)).copy()


@pytest.mark.parametrize("kind", [np.asarray, lambda array: torch.from_numpy(array)[None]], ids=["numpy", "torch"])
def test_edges_get_steeper_and_do_not_ring(kind):
    plain, sharp = (np.asarray(upsample(kind(step()), 2, sharpen=strength)).squeeze() for strength in (0, 1))
    assert np.diff(sharp[5]).max() > 1.15 * np.diff(plain[5]).max()
    low = scipy.ndimage.minimum_filter(plain, 3, mode="nearest")
    high = scipy.ndimage.maximum_filter(plain, 3, mode="nearest")
    assert (sharp >= low).all()
    assert (sharp <= high).all()
    # A plain unsharp mask would leave that range.
    ringing = plain + (plain - scipy_blur(plain, 1.0))
    assert (ringing < low - 0.005).any()


@settings(max_examples=40)
@given(st.integers(2, 12), st.integers(2, 12), st.floats(1, 4), st.floats(0, 2), st.sampled_from([1, 2, 3, 4]))
def test_nothing_overshoots(height, width, scale, strength, channels):
    array = codes(height, width, channels, "float64")
    plain, sharp = upsample(array, scale), upsample(array, scale, sharpen=strength)
    reach = math.ceil(0.5 * scale)
    seen = plain[..., -1] > 1 / 65536 if channels in (2, 4) else np.ones(plain.shape[:2], bool)
    for channel in range(channels):
        plane = plain[..., channel]
        is_color = channels in (1, 3) or channel < channels - 1
        low = scipy.ndimage.minimum_filter(
            np.where(seen, plane, np.inf) if is_color else plane, 2 * reach + 1, mode="nearest"
        )
        high = scipy.ndimage.maximum_filter(
            np.where(seen, plane, -np.inf) if is_color else plane, 2 * reach + 1, mode="nearest"
        )
        inside = (sharp[..., channel] >= low) & (sharp[..., channel] <= high)
        assert (inside | ~seen).all()


def test_more_strength_sharpens_more():
    contrast = [np.diff(upsample(step(), 2, sharpen=strength)[5]).max() for strength in (0, 0.3, 0.6)]
    assert contrast[0] < contrast[1] < contrast[2]


@pytest.mark.parametrize("method", ["nearest", "bilinear", "bicubic", "lanczos", "area"])
def test_without_sharpening_it_is_resize(method):
    array = codes(9, 11, 3)
    np.testing.assert_array_equal(upsample(array, 2.5, method=method), resize(array, scale=2.5, method=method))
    assert upsample(array, 2.5).shape == (23, 28, 3)  # 22.5 and 27.5 round up
    np.testing.assert_array_equal(upsample(array, 1), array)


# Edges


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32", "float64"])
def test_constants_stay(dtype):
    for value in [1, 77, TOPS.get(dtype, 0.7)]:
        array = np.full((20, 30, 3), value, dtype)
        for result in (blur(array, 2.2), blur(array, 40), upsample(array, 1.5, sharpen=2)):
            if dtype in TOPS:
                assert (result == value).all()
            else:
                np.testing.assert_allclose(result, value, rtol=1e-6)
        from_torch = hwc(blur(tensor(array), 2.2))
        assert (from_torch == value).all() if dtype in TOPS else abs(from_torch / value - 1).max() <= 1e-6


def test_nan_reaches_no_further_than_the_kernel():
    array = np.zeros((30, 30), np.float32)
    array[15, 15] = np.nan
    expected = np.zeros((30, 30), bool)
    expected[11:20, 11:20] = True
    np.testing.assert_array_equal(np.isnan(blur(array, 1)), expected)
    np.testing.assert_array_equal(np.isnan(blur(torch.from_numpy(array)[None], 1)[0].numpy()), expected)


def test_the_input_stays_as_it_is():
    array = codes(12, 13, 4)
    before = array.copy()
    array.flags.writeable = False
    expected = blur(array, 2)
    np.testing.assert_array_equal(array, before)
    np.testing.assert_array_equal(blur(np.asfortranarray(array), 2), expected)
    np.testing.assert_array_equal(blur(array[::-1][::-1], 2), expected)
    image = tensor(array)
    blur(image, 2)
    upsample(image, 2, sharpen=1)
    np.testing.assert_array_equal(hwc(image), before)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_gradients(channels):
    image = (torch.rand(channels, 5, 6, dtype=torch.float64) * 0.8 + 0.1).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: blur(x, 0.8), image, fast_mode=True)
    assert torch.autograd.gradcheck(lambda x: upsample(x, 1.5, sharpen=0.5), image, fast_mode=True)


def test_gradients_are_finite_where_alpha_is_0_or_1():
    image = torch.zeros(4, 8, 8)
    image[:, 3:] = 1
    image.requires_grad_()
    for result in (blur(image, 1), upsample(image, 2, sharpen=1)):
        (gradient,) = torch.autograd.grad(result.sum(), image)
        assert gradient.isfinite().all()
        assert gradient[3].abs().sum() > 0


def test_autocast_changes_nothing():
    image = torch.rand(4, 20, 30)
    expected = blur(image, 2), upsample(image, 2, sharpen=1)
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close((blur(image, 2), upsample(image, 2, sharpen=1)), expected, atol=0, rtol=0)


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32", "float64"])
def test_cuda_is_the_cpu(dtype):
    image = tensor(codes(97, 131, 4, dtype))
    step = {"uint8": 2, "uint16": 48, "float32": 5e-5, "float64": 1e-9}[dtype]
    for function in (lambda x: blur(x, 3), lambda x: upsample(x, 1.5, sharpen=1)):
        here, there = function(image), function(image.cuda())
        assert there.is_cuda
        visible = (here[3:].double() > 0.05 * TOPS.get(dtype, 1)).expand_as(here)
        assert ((here.double() - there.cpu().double()).abs()[visible] <= step).all()


# Messages


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda image: blur(image, -1),
            InputValueError,
            r"sigma: expected a number from 0 to 1000, got -1; pass one in that range",
        ),
        (lambda image: blur(image, 1e9), InputValueError, "sigma: expected a number from 0 to 1000, got 1000000000.0"),
        (lambda image: blur(image, math.nan), InputValueError, "sigma: expected a number from 0 to 1000, got nan"),
        (lambda image: blur(image, "2"), InputTypeError, "sigma: expected a number from 0 to 1000, got '2'; pass one"),
        (lambda image: blur(image, True), InputTypeError, "sigma: expected a number from 0 to 1000, got True"),
        (lambda image: upsample(image, 0.5), InputValueError, "scale: expected a number of 1 or more, got 0.5"),
        (lambda image: upsample(image, math.inf), InputValueError, "scale: expected a number of 1 or more, got inf"),
        (lambda image: upsample(image, (2, 2)), InputTypeError, r"scale: expected a number of 1 or more, got \(2, 2\)"),
        (lambda image: upsample(image, 2, sharpen=3), InputValueError, "sharpen: expected a number from 0 to 2, got 3"),
        (
            lambda image: upsample(image, 2, sharpen=None),
            InputTypeError,
            "sharpen: expected a number from 0 to 2, got None",
        ),
        (
            lambda image: upsample(image, 2, method="best"),
            InputValueError,
            "method: expected one of nearest, .* got 'best'",
        ),
        (lambda image: blur("a.png", 2), InputTypeError, "got the path 'a.png'; read it first"),
    ],
    ids=range(12),
)
def test_messages(call, error, message):
    with pytest.raises(error, match=message):
        call(np.zeros((4, 4), np.uint8))
