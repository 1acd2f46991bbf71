"""resize: Pillow's definition on every kind of image, right where alpha is."""

import functools
import math
import warnings

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st
from PIL import Image
from torch.autograd import forward_ad

from aikit import InputTypeError, InputValueError, resize, to_numpy, upsample
from aikit._adapters import pil as pil_adapter
from aikit.resample import passes
from pictures import TOPS, channels_first, codes, in_dtype, opencv_order, pil, tensor

METHODS = ["nearest", "bilinear", "bicubic", "lanczos", "area"]
PILLOW = dict(zip(METHODS, ["NEAREST", "BILINEAR", "BICUBIC", "LANCZOS", "BOX"], strict=True))
MIXING = METHODS[1:]

# (old height, old width), (new height, new width): down, up, mixed both ways, to one pixel, from one, extreme.
SIZES = [
    ((97, 131), (40, 50)),
    ((97, 131), (200, 300)),
    ((97, 131), (13, 400)),
    ((97, 131), (150, 60)),
    ((97, 131), (97, 40)),
    ((97, 131), (48, 131)),
    ((20, 33), (1, 1)),
    ((1, 1), (5, 7)),
    ((1, 9), (3, 2)),
    ((2, 300), (300, 2)),
    ((5, 7), (7, 5)),
]
size_ids = [f"{old[0]}x{old[1]}-{new[0]}x{new[1]}" for old, new in SIZES]
each_size = pytest.mark.parametrize(("old", "new"), SIZES, ids=size_ids)
each_method = pytest.mark.parametrize("method", METHODS)


def one_axis(picture, size, method):
    """Pillow's resize along one axis; `size` is (height, width)."""
    return picture.resize(size[::-1], Image.Resampling[PILLOW[method]])


def pillow(array, size, method):
    """Pillow's resize of a picture (H, W, C) or (H, W), its passes in Pillow 13's order whichever Pillow is here."""
    picture = pil(array)
    height, width = array.shape[:2]
    vertical_first = size[0] < height and height - size[0] > 2 * (width - size[1])
    between = (size[0], width) if vertical_first else (height, size[1])
    return np.asarray(one_axis(one_axis(picture, between, method), size, method))


def means(plane, size, box):
    """What the pixels of a result cover, on average: from running sums, which are straight lines within a pixel."""
    for axis, (new, start, stop) in enumerate(zip(size, (box[1], box[0]), (box[3], box[2]), strict=True)):
        edges = np.linspace(start, stop, new + 1)
        sums = np.concatenate([np.zeros_like(plane.take([0], axis), np.float64), plane.cumsum(axis, np.float64)], axis)
        at = np.apply_along_axis(lambda line, edges=edges: np.interp(edges, np.arange(len(line)), line), axis, sums)
        plane = np.diff(at, axis=axis) * new / (stop - start)
    return plane


def pillow_float(plane, size, method):
    if method == "area":
        return means(plane, size, (0, 0, *plane.shape[::-1]))
    picture = Image.fromarray(plane.astype(np.float32))
    return np.asarray(picture.resize(size[::-1], Image.Resampling[PILLOW[method]]))


def hwc(tensor):
    return np.moveaxis(tensor.detach().numpy(), -3, -1)


def to(size, **options):
    return {"height": size[0], "width": size[1], **options}


def difference(left, right):
    return np.abs(left.astype(np.float64) - right.astype(np.float64)).max()


# Oracle


@each_method
@each_size
def test_8_bit_is_pillow_bit_for_bit(old, new, method):
    array = codes(*old, 3)
    np.testing.assert_array_equal(resize(array, **to(new, method=method)), pillow(array, new, method))
    np.testing.assert_array_equal(np.asarray(resize(pil(array), **to(new, method=method))), pillow(array, new, method))


@pytest.mark.usefixtures("tensors_work_in")
@each_method
@each_size
def test_8_bit_tensors_are_within_a_code_of_pillow(old, new, method):
    array = codes(*old, 3)
    assert difference(hwc(resize(tensor(array), **to(new, method=method))), pillow(array, new, method)) <= 1


@pytest.mark.parametrize("size", [(540, 901), (250, 431), (97, 100)], ids=str)
@pytest.mark.parametrize("method", ["bilinear", "bicubic", "lanczos"])
def test_noise_in_8_bit_tensors_is_within_a_code_of_pillow(size, method):
    # What torch's own kernel for bytes misses by two codes, once in a million values.
    noise = np.random.default_rng(0).integers(0, 256, (271, 433, 3), np.uint8)
    for array in (noise, noise // 128 * np.uint8(255)):
        assert difference(hwc(resize(tensor(array), **to(size, method=method))), pillow(array, size, method)) <= 1


@pytest.mark.parametrize("cores", [2, 8])
@pytest.mark.parametrize("size", [(1, 131072), (131072, 1), (4, 131072), (131072, 3)], ids=str)
@pytest.mark.parametrize("method", METHODS)
def test_thin_pictures(size, method, cores, monkeypatch):
    # Each thread takes some rows, and there are fewer of them than threads.
    monkeypatch.setattr("aikit.resample.uint8.thread_count", lambda: cores)
    array = codes(*size)
    for new in ((size[0], 5), (5, size[1]), (2, 70001), (70001, 2)):
        if new[0] * new[1] > 10**6:
            continue
        expected = pillow(array, new, method)
        made = resize(array, **to(new, method=method))
        np.testing.assert_array_equal(made, expected)
        np.testing.assert_array_equal(np.asarray(resize(pil(array), **to(new, method=method))), expected)
        assert difference(hwc(resize(tensor(array[..., None]), **to(new, method=method)))[..., 0], expected) <= 1


@pytest.mark.usefixtures("tensors_work_in")
def test_halves_are_rounded_alike_in_every_layout():
    # Two become one: every second mean ends in a half, which Pillow rounds up.
    plane = np.random.default_rng(0).integers(0, 4, (64, 64), np.uint8)
    opaque = np.full_like(plane, 255)
    expected = (plane.reshape(64, 32, 2).sum(2, dtype=int) + 1) // 2
    for image, shown in (
        (plane, ...),
        (np.asfortranarray(plane), ...),
        (pil(plane), ...),
        (np.stack([plane, opaque], -1), (..., 0)),
        (np.stack([plane] * 3 + [opaque], -1), (..., 1)),
        (np.stack([np.stack([plane] * 3, -1)] * 2), (1, ..., 2)),
        (torch.from_numpy(plane)[None], 0),
        (torch.from_numpy(np.stack([plane] * 3 + [opaque])), 2),
    ):
        np.testing.assert_array_equal(np.asarray(resize(image, **to((64, 32), method="area")))[shown], expected)


@each_method
def test_8_bit_tensors_that_grow_are_pillow_bit_for_bit(method):
    if method == "bilinear":
        pytest.skip("torch's own kernel, within a code")
    noise = np.random.default_rng(0).integers(0, 256, (97, 131, 3), np.uint8)
    for array in (noise, noise // 128 * np.uint8(255)):
        for size in ((200, 300), (97, 300), (150, 60), (90, 120)):
            made = resize(tensor(array), **to(size, method=method))
            np.testing.assert_array_equal(hwc(made), pillow(array, size, method))


def test_area_is_what_opencv_calls_area():
    noise = np.random.default_rng(3).random((301, 401, 3), np.float32)
    for size in ((100, 133), (299, 299), (7, 400), (301, 2), (1, 1)):
        expected = cv2.resize(noise, size[::-1], interpolation=cv2.INTER_AREA)
        np.testing.assert_allclose(resize(noise, **to(size, method="area")), expected, atol=3e-6)
    wide = (noise * 65535).astype(np.uint16)
    expected = cv2.resize(wide.astype(np.float64), (133, 100), interpolation=cv2.INTER_AREA)
    assert difference(resize(wide, **to((100, 133), method="area")), expected) <= 0.51


@pytest.mark.parametrize("method", ["area", "bilinear"])
def test_area_reaches_no_further_than_its_pixels(method):
    row = np.arange(30, dtype=np.float64)[None]
    row[0, 10] = np.nan
    made = resize(row, **to((1, 9), method=method))
    expected = [3] if method == "area" else [2, 3]
    assert np.nonzero(np.isnan(made[0]))[0].tolist() == expected
    # Where edges meet but for rounding: 5 * (31 / 6) + 31 / 6 is above 31.
    for old in range(3, 90):
        for new in range(2, min(old, 40)):
            positions, _ = passes.resize_taps(old, new, "area", True)
            for at in range(1, new):
                if at * old % new == 0:
                    edge = at * old // new
                    assert positions[:, at - 1].max() < edge <= positions[:, at].min()


@pytest.mark.skipif(int(Image.__version__.split(".")[0]) < 13, reason="Pillow up to 12 always begins horizontally")
@settings(max_examples=150)
@given(st.tuples(*[st.integers(1, 60)] * 4), st.sampled_from(METHODS))
def test_the_order_of_passes_is_pillow_13s(sizes, method):
    # Black and white noise: every overshoot is clamped, so the order shows.
    array = codes(*sizes[:2]) // 128 * np.uint8(255)
    expected = np.asarray(pil(array).resize(sizes[:1:-1], Image.Resampling[PILLOW[method]]))
    np.testing.assert_array_equal(resize(array, **to(sizes[2:], method=method)), expected)


@each_method
@each_size
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_floats_are_pillow_mode_f(old, new, method, dtype):
    array = codes(*old, dtype=dtype)
    expected = pillow_float(array, new, method)
    # Pillow rounds to float32 after each pass. We add up in float32 too, in whatever order the processor's BLAS takes.
    atol = 3e-7 if max(old) < 300 else 9e-7
    np.testing.assert_allclose(resize(array, **to(new, method=method)), expected, atol=atol)
    torch_result = resize(torch.from_numpy(array)[None], **to(new, method=method))[0]
    np.testing.assert_allclose(torch_result.numpy(), expected, atol=max(6e-7, atol))


@pytest.mark.parametrize("method", ["bilinear", "bicubic"])
@pytest.mark.parametrize("size", [(40, 50), (200, 300), (13, 400), (1, 1)], ids=str)
def test_floats_are_what_interpolate_makes(method, size):
    array = torch.from_numpy(codes(97, 131, 3, "float32", batch=(2,))).movedim(-1, 1)
    expected = torch.nn.functional.interpolate(array, size, mode=method, antialias=True, align_corners=False)
    # torch computes its weights in float32.
    torch.testing.assert_close(resize(array, **to(size, method=method)), expected, atol=2e-5, rtol=0)


def test_without_antialias_the_kernel_keeps_its_width():
    array = codes(64, 64, dtype="float32")
    # At half size a bilinear kernel of unit support averages the two middle pixels of each pair.
    pairs = (array[0::2] + array[1::2]) / 2
    expected = (pairs[:, 0::2] + pairs[:, 1::2]) / 2
    np.testing.assert_allclose(resize(array, scale=0.5, method="bilinear", antialias=False), expected, atol=1e-6)
    # At a third the center lies on a pixel: unit support takes that one alone.
    third = resize(array[:63, :63], scale=1 / 3, method="lanczos", antialias=False)
    np.testing.assert_allclose(third, array[1:63:3, 1:63:3], atol=1e-6)
    assert difference(resize(array, scale=0.5), resize(array, scale=0.5, antialias=False)) > 0.05


def test_without_antialias_enlarging_is_the_same():
    array = codes(9, 11, 3)
    np.testing.assert_array_equal(resize(array, scale=2.5, antialias=False), resize(array, scale=2.5))


@pytest.mark.parametrize("antialias", [True, False])
def test_a_box_narrower_than_a_pixel_takes_the_nearest(antialias):
    array = codes(7, 10, dtype="float64")
    result = resize(array, **to((3, 4), method="area", antialias=antialias))
    assert np.isfinite(result).all()
    assert np.isin(result, array).all() is np.True_ or antialias


def test_checkerboard_keeps_its_brightness_in_light_alone():
    board = (np.indices((64, 64)).sum(0) % 2 * 255).astype(np.uint8)
    for method in MIXING:
        # 188 is sRGB's code of half the light.
        assert set(np.unique(resize(board, scale=0.25, method=method, linear=True)[2:-2, 2:-2])) <= {187, 188}
        assert set(np.unique(resize(board, scale=0.25, method=method)[2:-2, 2:-2])) <= {127, 128}
    assert (resize(board, scale=0.5, method="area", linear=True) == 188).all()
    assert (resize(board, scale=0.5, method="area") == 128).all()
    assert (hwc(resize(tensor(board[..., None]), scale=0.5, method="area", linear=True)) == 188).all()


# Alpha


def disc(size=64):
    y, x = np.indices((size, size)) - (size - 1) / 2
    inside = np.hypot(y, x) < size * 0.4
    return np.where(inside[..., None], [255, 0, 0, 255], [0, 255, 0, 0]).astype(np.uint8)


@pytest.mark.parametrize("method", MIXING)
@pytest.mark.parametrize("kind", [np.asarray, pil, tensor], ids=["numpy", "pil", "torch"])
@pytest.mark.parametrize("linear", [False, True])
def test_no_hidden_color_leaks(method, kind, linear):
    for scale in (0.25, 1.7):
        result = resize(kind(disc()), scale=scale, method=method, linear=linear)
        array = hwc(result) if isinstance(result, torch.Tensor) else np.asarray(result)
        assert array[..., 1].max() == 0
        assert (array[..., 0][array[..., 3] > 0] >= 254).all()
        assert array[..., 3].min() == 0
        assert array[..., 3].max() == 255


@pytest.mark.parametrize("method", MIXING)
def test_color_survives_every_alpha(method):
    for alpha in range(1, 256):
        array = np.full((8, 8, 4), [200, 100, 50, alpha], np.uint8)
        for size in ((3, 5), (11, 9)):
            np.testing.assert_array_equal(
                resize(array, **to(size, method=method)), np.broadcast_to(array[0, 0], (*size, 4))
            )


def test_color_survives_every_alpha_in_tensors_and_light():
    alphas = np.arange(256, dtype=np.uint8)[:, None, None, None]
    array = np.concatenate(
        [np.broadcast_to(np.array([200, 100, 50], np.uint8), (256, 6, 6, 3)), np.broadcast_to(alphas, (256, 6, 6, 1))],
        -1,
    )
    for options in ({}, {"linear": True}):
        for result in (
            hwc(resize(tensor(array), height=4, width=7, **options)),
            resize(array, height=4, width=7, **options),
        ):
            np.testing.assert_array_equal(result[1:], np.broadcast_to(array[1:, :1, :1], (255, 4, 7, 4)))
            assert (result[0] == 0).all()


def test_alpha_is_premultiplied():
    array = codes(30, 40, 4, "float64")
    color, alpha = array[..., :3], array[..., 3:]
    size = (11, 50)
    mixed, faded = resize(color * alpha, **to(size)), resize(np.ascontiguousarray(alpha), **to(size))
    result = resize(array, **to(size))
    np.testing.assert_allclose(result[..., 3:], np.clip(faded, 0, 1), atol=1e-12)
    np.testing.assert_allclose(
        result[..., :3] * result[..., 3:],
        np.where(faded > 1 / 65535, mixed * np.clip(faded, 0, 1) / np.clip(faded, 1e-9, 1), 0),
        atol=1e-9,
    )


def test_alpha_out_of_range_weighs_as_1():
    array = codes(8, 9, 4, "float64")
    array[..., 3] = np.where(array[..., 3] > 0.5, 1, 0.3)
    beyond = array.copy()
    beyond[..., 3][array[..., 3] == 1] = 7
    np.testing.assert_array_equal(resize(beyond, scale=0.6), resize(array, scale=0.6))
    np.testing.assert_array_equal(hwc(resize(tensor(beyond), scale=0.6)), hwc(resize(tensor(array), scale=0.6)))


def test_alpha_of_floats_is_clamped_and_color_is_not():
    array = np.zeros((8, 8, 4), np.float32)
    array[:, 4:] = [1, 1, 1, 1]
    array[:, 4:, 0] = 3
    result = resize(array, scale=3)
    assert result[..., 3].min() == 0
    assert result[..., 3].max() == 1
    assert result[..., 0].max() > 2.9
    hdr = np.where(np.arange(8) < 4, 0, 5).astype(np.float32)[None]
    overshoot = resize(hdr, width=32, height=1)
    assert overshoot.min() < -0.1
    assert overshoot.max() > 5.1


def test_nearest_and_the_same_size_copy_what_is_hidden():
    array = disc()
    np.testing.assert_array_equal(resize(array, scale=1), array)
    np.testing.assert_array_equal(resize(array, scale=2, method="nearest")[::2, ::2], array)


# Agreement


@pytest.mark.usefixtures("tensors_work_in")
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("dtype", ["bool", "uint8", "uint16", "float16", "float32", "float64"])
@pytest.mark.parametrize("linear", [False, True])
def test_all_kinds_agree(channels, dtype, linear):
    array = codes(23, 31, channels, dtype)
    for options in (to((10, 40)), to((50, 12), method="bicubic"), to((50, 12), method="area")):
        expected = resize(in_dtype(array, "float64"), **options, linear=linear)
        numpy_result = resize(array, **options, linear=linear)
        torch_result = resize(tensor(array), **options, linear=linear)
        after = "uint8" if dtype == "bool" else dtype
        assert numpy_result.dtype == after
        assert torch_result.dtype == getattr(torch, after)
        # Dividing by an alpha near 0 magnifies what float32 rounded.
        visible = (np.clip(expected[..., -1:], 0, 1) > 0.05) if channels in (2, 4) else np.array(True)
        step = {
            "uint8": 1,
            "uint16": 24 if channels in (2, 4) else 2,
            "float16": 2e-3,
            "float32": 3e-5,
            "float64": 1e-6,
        }[after]
        for result in (numpy_result, hwc(torch_result)):
            assert difference(np.where(visible, numpy_result, 0), np.where(visible, result, 0)) <= step
        if after.startswith("float"):
            assert difference(np.where(visible, numpy_result, 0), np.where(visible, expected, 0)) <= step


def test_opencv_order_is_the_same():
    array = codes(20, 30, 4)
    np.testing.assert_array_equal(resize(opencv_order(array), scale=0.6), opencv_order(resize(array, scale=0.6)))


def test_bfloat16_is_float32_rounded():
    image = torch.rand(3, 20, 30, dtype=torch.bfloat16)
    torch.testing.assert_close(resize(image, scale=1.7), resize(image.float(), scale=1.7).bfloat16(), rtol=0, atol=0)


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
def test_a_batch_is_a_loop(channels, dtype):
    array = codes(13, 17, channels, dtype, batch=(2, 3))
    for size in ((7, 30), (26, 5)):
        together = resize(array, **to(size))
        tensors = resize(tensor(array), **to(size))
        for index in np.ndindex(2, 3):
            np.testing.assert_array_equal(together[index], resize(array[index], **to(size)))
            # Sums of another length may be added up in another order.
            torch.testing.assert_close(
                tensors[index], resize(tensor(array[index]), **to(size)), atol=1e-6 if dtype != "uint8" else 0, rtol=0
            )


def test_large_pictures_in_threads_are_the_same(monkeypatch):
    array = codes(300, 400, 4)
    together = resize(array, scale=0.4), resize(array[..., :3], scale=0.4)
    monkeypatch.setattr(passes, "WORTH_A_THREAD", 1 << 40)
    np.testing.assert_array_equal(together[0], resize(array, scale=0.4))
    np.testing.assert_array_equal(together[1], resize(array[..., :3], scale=0.4))


def test_the_kernel_of_torch_is_the_definition():
    plane = torch.from_numpy(codes(37, 41, dtype="float64", batch=(2,)))
    taps = passes.resize_taps(41, 17, "lanczos", True)
    torch.testing.assert_close(
        passes.pass_by_embedding_bag(plane, passes.make_bags(taps, plane), -1),
        passes.pass_by_indexing(torch, plane, taps, -1),
    )
    taps = passes.resize_taps(37, 90, "bicubic", True)
    torch.testing.assert_close(
        passes.pass_by_embedding_bag(plane, passes.make_bags(taps, plane), -2),
        passes.pass_by_indexing(torch, plane, taps, -2),
    )


def test_threads_warn_of_nan_no_more_than_the_caller():
    array = codes(300, 400, 4, "float64")
    array[9, 9] = [np.inf, np.inf, np.inf, 0]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isnan(resize(array, scale=0.5)).any()  # infinity times 0


def test_what_is_kept_is_bounded_and_serves_gradients_later():
    passes._BAGS.clear()
    with torch.inference_mode():
        resize(torch.rand(1, 8, 8), scale=2)
    image = torch.rand(1, 8, 8, requires_grad=True)
    resize(image, scale=2).sum().backward()
    assert image.grad is not None
    for width in range(1, 60):
        resize(torch.rand(1, 8, 8, requires_grad=True), height=8, width=width)
    assert 1 < len(passes._BAGS) <= 16


# A part of an image


BOXES = [(0, 0, 131, 97), (10.5, 3.25, 100.75, 90), (5, 6, 55, 46), (0, 0, 30, 20.5), (100, 60, 131, 97)]
each_box = pytest.mark.parametrize("box", BOXES)


def pillow_box(picture, size, method, box):
    """Pillow's resize of a box, one axis after the other in Pillow 13's order."""
    (height, width), (left, top, right, bottom), kernel = size, box, Image.Resampling[PILLOW[method]]
    old = bottom - top, right - left
    if height < old[0] and old[0] - height > 2 * (old[1] - width):
        between = picture.resize((picture.width, height), kernel, (0, top, picture.width, bottom))
        return np.asarray(between.resize((width, height), kernel, (left, 0, right, height)))
    between = picture.resize((width, picture.height), kernel, (left, 0, right, picture.height))
    return np.asarray(between.resize((width, height), kernel, (0, top, width, bottom)))


@each_method
@each_box
@pytest.mark.parametrize("size", [(40, 50), (13, 120), (200, 300), (97, 20)])
def test_a_box_is_pillow_s(method, box, size):
    noise = np.random.default_rng(5).integers(0, 256, (97, 131, 3), np.uint8)
    for array in (noise, noise[..., 0]):
        expected = pillow_box(pil(array), size, method, box).astype(int)
        made = resize(array, height=size[0], width=size[1], method=method, box=box)
        assert np.abs(made - expected).max() <= 1
        # Ties: Pillow's weights are integers of 22 bits.
        assert np.abs(made - expected).mean() < 0.03
        made_of_pil = resize(pil(array), height=size[0], width=size[1], method=method, box=box)
        np.testing.assert_array_equal(np.asarray(made_of_pil), made)


@each_method
@each_box
def test_a_box_of_floats_is_pillow_s_on_every_kind(tensors_work_in, method, box):
    plane = np.random.default_rng(6).random((97, 131), np.float32)
    expected = pillow_box(Image.fromarray(plane), (40, 50), method, box)
    if method == "area":  # Pillow's box takes pixels whole
        expected = means(plane, (40, 50), box)
    image = torch.from_numpy(plane)[None]
    for made in (
        resize(plane, height=40, width=50, method=method, box=box),
        np.asarray(resize(Image.fromarray(plane), height=40, width=50, method=method, box=box)),
        resize(image, height=40, width=50, method=method, box=box)[0].numpy(),
        resize(torch.stack([image, image]), height=40, width=50, method=method, box=box)[1, 0].numpy(),
    ):
        np.testing.assert_allclose(made, expected, atol=3e-6)


def test_a_box_keeps_hidden_colors_in(tensors_work_in):
    image = np.random.default_rng(7).random((40, 60, 4))
    image[..., 3] = np.clip(image[..., 3] * 2 - 0.5, 0, 1)
    box, planes = (3.5, 4.25, 50, 33.75), [*(image[..., at] * image[..., 3] for at in range(3)), image[..., 3]]
    expected = [pillow_box(Image.fromarray(plane.astype(np.float32)), (12, 20), "bilinear", box) for plane in planes]
    made = resize(image, height=12, width=20, method="bilinear", box=box)
    np.testing.assert_allclose(made[..., :3] * made[..., 3:], np.stack(expected[:3], -1), atol=1e-5)
    np.testing.assert_allclose(
        hwc(resize(tensor(image), height=12, width=20, method="bilinear", box=box)), made, atol=1e-6
    )


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("channels", [3, 4])
@each_method
def test_a_box_of_whole_pixels_and_the_same_size_is_cut_out(dtype, channels, method):
    image = codes(20, 30, channels, dtype)
    made = resize(image, height=9, width=11, method=method, box=(4, 5, 15, 14))
    np.testing.assert_array_equal(made, image[5:14, 4:15])
    assert not np.shares_memory(made, image)


def test_the_sides_of_a_box_count_for_scale_and_aspect():
    image = codes(40, 60, 3)
    assert resize(image, scale=0.5, box=(10, 10, 50, 20)).shape == (5, 20, 3)
    assert resize(image, width=20, box=(10, 10, 50, 20)).shape == (5, 20, 3)
    assert resize(image, height=20, box=(10, 10, 50, 20)).shape == (20, 80, 3)


def test_a_box_has_gradients():
    image = torch.rand(1, 3, 9, 11, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(
        lambda x: resize(x, height=4, width=13, box=(1.5, 2, 10.25, 8)), image, fast_mode=True
    )


def test_what_a_kernel_does_not_reach_stays_out_of_a_box():
    image = codes(40, 60, None, "float32")
    expected = resize(image, height=5, width=5, method="bilinear", box=(20, 15, 30, 25))
    image[:10] = image[:, :15] = image[:, 36:] = np.nan
    made = resize(image, height=5, width=5, method="bilinear", box=(20, 15, 30, 25))
    np.testing.assert_allclose(made, expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("box", "kind", "message"),
    [
        (5, InputTypeError, r"box: expected left, top, right and bottom, got 5"),
        ("0123", InputTypeError, r"box: expected left, top, right and bottom, got '0123'"),
        ((1, 2, 3), InputTypeError, r"box: expected left, top, right and bottom, got \(1, 2, 3\)"),
        ((0, 0, True, 2), InputTypeError, r"box: expected four numbers, got \(0, 0, True, 2\)"),
        ((0, 0, 61, 40), InputValueError, r"box: expected a part of 0, 0, 60, 40 with some area, got \(0, 0, 61, 40\)"),
        ((-0.5, 0, 6, 4), InputValueError, r"box: expected a part of 0, 0, 60, 40"),
        ((5, 5, 5, 9), InputValueError, r"box: expected a part of 0, 0, 60, 40"),
        ((0, 0, float("nan"), 9), InputValueError, r"box: expected a part of 0, 0, 60, 40"),
    ],
)
def test_boxes_that_are_none(box, kind, message):
    with pytest.raises(kind, match=message):
        resize(codes(40, 60, 3), width=9, box=box)


# The host's matrices, and torch's own kernels


@each_method
@pytest.mark.parametrize("old_new", [((23, 31), (9, 13)), ((9, 13), (31, 40)), ((40, 5), (7, 90))], ids=str)
def test_with_gradients_and_without_it_is_the_same(old_new, method):
    old, new = old_new
    image = torch.from_numpy(codes(*old, 3, "float32")).movedim(-1, 0)
    recorded = resize(image.clone().requires_grad_(), **to(new, method=method))
    torch.testing.assert_close(resize(image, **to(new, method=method)), recorded.detach(), atol=2e-6, rtol=0)


def test_forward_gradients_are_refused_by_torch_not_lost():
    image = torch.rand(3, 8, 9)
    with pytest.raises(NotImplementedError, match="forward AD"):
        torch.func.jvp(lambda x: resize(x, scale=0.5), (image,), (image,))
    with forward_ad.dual_level(), pytest.raises(NotImplementedError, match="forward AD"):
        resize(forward_ad.make_dual(image, image), scale=0.5)


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("kind", ["numpy", "torch"])
def test_what_is_not_finite_stays_where_the_kernel_reaches(odd, kind):
    array = codes(40, 40, dtype="float32")
    array[20, 20] = odd
    image = array if kind == "numpy" else torch.from_numpy(array)[None]
    result = np.asarray(resize(image, scale=0.5)).reshape(20, 20)
    rows, columns = np.nonzero(~np.isfinite(result))
    assert (rows.min(), rows.max()) == (columns.min(), columns.max())
    assert 7 <= rows.min() <= rows.max() <= 13


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("method", ["bilinear", "bicubic", "lanczos"])
@pytest.mark.parametrize("size", [(1, 1), (1, 7), (200, 3), (50, 70), (120, 130)], ids=str)
def test_torchs_kernel_for_bytes_is_within_a_code(channels, method, size):
    array = codes(97, 61, channels)
    expected = resize(array.reshape(97, 61, channels), height=size[0], width=size[1], method=method)
    ours = resize(tensor(array).reshape(channels, 97, 61), height=size[0], width=size[1], method=method)
    assert ours.dtype == torch.uint8
    assert abs(ours.movedim(0, -1).numpy().astype(int) - expected).max() <= 1


@pytest.mark.parametrize("known", [True, False])
def test_a_torch_without_lanczos_goes_through_floats(known, monkeypatch):
    from aikit.resample import uint8 as module

    interpolate, asked = torch.nn.functional.interpolate, []

    def recorded(*arguments, mode, **options):
        asked.append(mode)
        if mode == "lanczos" and not known:
            raise NotImplementedError("mode")
        return interpolate(*arguments, mode="bicubic" if known else mode, **options)

    monkeypatch.setattr(torch.nn.functional, "interpolate", recorded)
    module.torch_has_lanczos.cache_clear()
    array = codes(40, 50, 3)
    ours = hwc(resize(tensor(array), height=20, width=25))
    module.torch_has_lanczos.cache_clear()
    assert asked == ["lanczos"] * (1 + known)  # the question, and the work
    assert (difference(ours, pillow(array, (20, 25), "lanczos")) <= 1) is not known


# Forms


@pytest.mark.parametrize("shape", [(12, 10), (12, 10, 1), (12, 10, 2), (2, 12, 10, 1), (2, 12, 10, 3)])
def test_the_form_stays(shape):
    array = np.zeros(shape, np.uint8)
    at = 0 if len(shape) < 4 else 1
    assert resize(array, height=6, width=20).shape == (*shape[:at], 6, 20, *shape[at + 2 :])


@pytest.mark.parametrize(("mode", "dtype"), [("L", "uint8"), ("I;16", "uint16"), ("F", "float32")])
def test_gray_pil_modes_stay(mode, dtype):
    array = codes(20, 30, dtype=dtype)
    result = resize(Image.fromarray(array), height=9, width=50)
    assert result.mode == mode
    np.testing.assert_array_equal(np.asarray(result), resize(array, height=9, width=50))


@pytest.mark.parametrize("mode", ["LA", "RGBA", "1", "CMYK", "PA", "RGBa"])
def test_other_pil_modes_are_resolved(mode):
    picture = (
        pil(codes(20, 30, 4)).convert("RGBA").convert("RGBa" if mode == "RGBa" else "LA" if mode == "PA" else mode)
    )
    picture = picture.convert("PA") if mode == "PA" else picture
    result = resize(picture, height=9, width=50)
    np.testing.assert_array_equal(np.asarray(result), resize(to_numpy(picture), height=9, width=50))
    assert result.mode == {"LA": "LA", "1": "L", "CMYK": "RGB"}.get(mode, "RGBA")


def test_a_picture_over_an_array_is_read_without_arrow():
    # Pillow 12.3 crashes when asked for the Arrow export of a picture whose memory is not its own.
    array = codes(20, 30, 4)
    picture = Image.fromarray(array)
    assert picture.readonly
    assert pil_adapter._rows_in_memory(picture) is None
    assert pil_adapter._rows_in_memory(picture.copy()) is not None
    np.testing.assert_array_equal(np.asarray(resize(picture, scale=0.5)), resize(array, scale=0.5))


def test_palette_with_transparency_is_resolved_first():
    picture = Image.new("P", (8, 8), 0)
    picture.putpalette([0, 255, 0, 255, 0, 0, 0, 255, 0])
    picture.paste(1, (2, 2, 6, 6))
    picture.info["transparency"] = 0
    result = np.asarray(resize(picture, scale=0.5))
    assert result.shape == (4, 4, 4)
    assert result[..., 1].max() == 0
    assert 200 < result[..., 3].max() < 255  # Lanczos sees the edge in every pixel
    keyed = Image.new("RGB", (8, 8), (0, 255, 0))
    keyed.paste((255, 0, 0), (2, 2, 6, 6))
    keyed.info["transparency"] = (0, 255, 0)
    np.testing.assert_array_equal(np.asarray(resize(keyed, scale=0.5)), result)


def test_exif_orientation_is_applied_and_info_kept():
    array = codes(6, 8, 3)
    picture = pil(array)
    exif = Image.Exif()
    exif[0x0112] = 6
    picture.info["exif"] = exif.tobytes()
    picture.info["dpi"] = (300, 300)
    result = resize(picture, height=16)
    assert result.size == (12, 16)
    assert result.info["dpi"] == (300, 300)
    assert result.getexif().get(0x0112, 1) == 1
    np.testing.assert_array_equal(np.asarray(result), resize(np.rot90(array, -1), height=16))


# Edges


@pytest.mark.parametrize("dtype", ["bool", "uint8", "uint16", "float16", "float32", "float64"])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_the_same_size_is_an_equal_copy(dtype, channels):
    array = codes(5, 6, channels, dtype)
    after = in_dtype(array, "uint8") if dtype == "bool" else array
    result = resize(array, height=5, width=6)
    np.testing.assert_array_equal(result, after)
    assert not np.shares_memory(result, array)
    source = tensor(array)
    copied = resize(source, scale=1.0)
    np.testing.assert_array_equal(hwc(copied), after)
    assert copied.data_ptr() != source.data_ptr()


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32", "float64"])
def test_constants_stay(method, dtype):
    values = (
        [1, 77, 200, 254, 255]
        if dtype == "uint8"
        else [1, 257, 30001, 65534, 65535]
        if dtype == "uint16"
        else [0.1, 0.7, 1, 300]
    )
    for value in values:
        array = np.full((50, 60, 1), value, dtype)
        for size in ((20, 100), (1, 1), (101, 7)):
            for result in (
                resize(array, **to(size, method=method)),
                hwc(resize(tensor(array), **to(size, method=method))),
            ):
                if dtype in TOPS:
                    assert (result == value).all()
                else:
                    np.testing.assert_allclose(result, value, rtol=1e-6)


def test_constants_stay_at_extreme_ratios():
    array = np.full((3, 9000, 1), 0.7, np.float32)
    for result in (resize(array, height=3, width=1), resize(tensor(array), height=3, width=1)):
        assert abs(np.asarray(result).ravel() - 0.7).max() <= 1e-6


@settings(max_examples=60)
@given(st.integers(1, 40), st.integers(1, 40), st.floats(0.02, 4), st.sampled_from(METHODS), st.sampled_from([1, 4]))
def test_any_size(height, width, scale, method, channels):
    array = codes(height, width, channels, "float32")
    size = max(1, math.floor(height * scale + 0.5)), max(1, math.floor(width * scale + 0.5))
    result = resize(array, scale=scale, method=method)
    assert result.shape == (*size, channels)
    from_torch = hwc(resize(tensor(array), scale=scale, method=method))
    visible = result[..., -1:] > 0.05 if channels == 4 else np.array(True)
    np.testing.assert_allclose(np.where(visible, from_torch, 0), np.where(visible, result, 0), atol=3e-5)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"height": 20}, (20, 30)),
        ({"width": 7}, (5, 7)),
        ({"scale": 0.25}, (10, 15)),
        ({"scale": 0.001}, (1, 1)),
        ({"height": 1, "width": 90}, (1, 90)),
        ({"height": np.int64(20)}, (20, 30)),
        ({"scale": np.float32(2)}, (80, 120)),
        ({"scale": 0.0375}, (2, 2)),
        ({"width": 1}, (1, 1)),
    ],
    ids=str,
)
def test_sizes(asked, expected):
    # 40 * 0.0375 = 1.5 rounds up, 60 * 0.0375 = 2.25 down.
    assert resize(np.zeros((40, 60), np.uint8), **asked).shape == expected


def test_nan_reaches_no_further_than_the_kernel():
    array = np.zeros((9, 60), np.float32)
    array[4, 30] = np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for options in ({"scale": 2}, {"scale": 0.5}):
            spoiled = np.isnan(resize(array, **options))
            from_torch = np.isnan(resize(torch.from_numpy(array)[None], **options)[0].numpy())
            from_double = np.isnan(resize(array.astype(np.float64), **options))
            assert 0 < spoiled.sum() < spoiled.size / 2
            np.testing.assert_array_equal(spoiled, from_torch)
            np.testing.assert_array_equal(spoiled, from_double)


def test_odd_memory_and_no_change_of_the_input():
    array = codes(20, 30, 4)
    expected = resize(array, scale=0.7)
    odd = np.asfortranarray(array)
    odd.flags.writeable = False
    np.testing.assert_array_equal(resize(odd, scale=0.7), expected)
    np.testing.assert_array_equal(resize(array[::-1, ::-1][::-1, ::-1], scale=0.7), expected)
    swapped = array.astype(">u2") * np.uint16(257)
    np.testing.assert_array_equal(resize(swapped, scale=0.7), resize(swapped.astype("<u2"), scale=0.7))
    np.testing.assert_array_equal(array, codes(20, 30, 4))
    constant = np.broadcast_to(np.float32(0.5), (4, 4, 3))
    np.testing.assert_allclose(resize(constant, scale=2), 0.5, rtol=1e-6)
    result = resize(torch.from_numpy(channels_first(array)).permute(0, 2, 1), scale=0.7)
    assert result.is_contiguous()


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("linear", [False, True])
def test_gradients(method, channels, linear):
    image = torch.rand(1, channels, 5, 6, dtype=torch.float64) * 0.8 + 0.1
    image.requires_grad_()
    for size in ((3, 8), (8, 4)):
        # A random projection of the Jacobian: a passage that lacks a gradient, or has a wrong one, shows in it.
        scaled = functools.partial(resize, **to(size, method=method, linear=linear))
        assert torch.autograd.gradcheck(scaled, image, fast_mode=True)


def test_gradients_are_finite_and_alive_where_alpha_is_0_or_1():
    image = torch.zeros(4, 6, 6)
    image[:, 3:] = 1
    image.requires_grad_()
    for linear in (False, True):
        (gradient,) = torch.autograd.grad(resize(image, scale=0.5, method="area", linear=linear).sum(), image)
        assert gradient.isfinite().all()
        assert (gradient[3] != 0).all()  # torch's clip would give 0 at both bounds


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_autocast_changes_nothing(dtype):
    image = torch.rand(4, 20, 30)
    expected = resize(image, scale=0.6, linear=True)
    with torch.autocast("cpu", dtype):
        torch.testing.assert_close(resize(image, scale=0.6, linear=True), expected, atol=0, rtol=0)


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float16", "float32", "float64"])
@each_method
def test_cuda_is_the_cpu(method, dtype):
    image = tensor(codes(97, 131, 4, dtype))
    for size in ((40, 50), (13, 400), (1, 1), (97, 300)):
        here = resize(image, **to(size, method=method))
        there = resize(image.cuda(), **to(size, method=method))
        assert there.is_cuda
        visible = (here[3:].double() > 0.05 * (TOPS.get(dtype, 1))).expand_as(here)
        step = {"uint8": 1, "uint16": 24, "float16": 2e-3, "float32": 3e-5, "float64": 1e-9}[dtype]
        assert ((here.double() - there.cpu().double()).abs()[visible] <= step).all()


@pytest.mark.gpu
def test_cuda_gradients_and_autocast():
    image = torch.rand(2, 4, 9, 11, device="cuda", requires_grad=True)
    with torch.autocast("cuda"):
        result = resize(image, scale=1.7)
    torch.testing.assert_close(result, resize(image, scale=1.7), atol=0, rtol=0)
    (there,) = torch.autograd.grad(result.square().sum(), image)
    leaf = image.detach().cpu().requires_grad_()
    (here,) = torch.autograd.grad(resize(leaf, scale=1.7).square().sum(), leaf)
    torch.testing.assert_close(there.cpu(), here, atol=1e-2, rtol=1e-3)


# Messages


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({}, InputValueError, "scale: expected either scale or height and width, got none of them; pass one"),
        (
            {"scale": 2, "width": 3},
            InputValueError,
            "scale: expected either scale or height and width, got both; pass one",
        ),
        (
            {"scale": (2, 3)},
            InputTypeError,
            r"scale: expected a number, got \(2, 3\); for two sides pass height and width",
        ),
        ({"scale": True}, InputTypeError, "scale: expected a number, got True"),
        ({"scale": 0}, InputValueError, "scale: expected a positive number, got 0"),
        ({"scale": math.nan}, InputValueError, "scale: expected a positive number, got nan"),
        ({"scale": math.inf}, InputValueError, "scale: expected a positive number, got inf"),
        ({"height": 0}, InputValueError, "height: expected 1 or more, got 0"),
        ({"width": -3}, InputValueError, "width: expected 1 or more, got -3"),
        ({"height": 2.5}, InputTypeError, "height: expected a whole number, got 2.5; round it"),
        ({"height": True}, InputTypeError, "height: expected a whole number, got True"),
        (
            {"scale": 2, "method": "cubic"},
            InputValueError,
            "method: expected one of nearest, bilinear, bicubic, lanczos, area, got 'cubic'",
        ),
    ],
    ids=str,
)
def test_messages(options, error, message):
    with pytest.raises(error, match=message):
        resize(np.zeros((4, 4), np.uint8), **options)


@pytest.mark.parametrize(
    "function", [lambda image: resize(image, scale=2), lambda image: upsample(image, 2)], ids=["resize", "upsample"]
)
def test_what_is_no_image(function):
    with pytest.raises(InputTypeError, match=r"image: expected a PIL image.* got the path 'a\.png'; read it first"):
        function("a.png")
    with pytest.raises(InputTypeError, match=r"got int64; (pass method|convert the values yourself)"):
        function(np.zeros((4, 4), np.int64))
    with pytest.raises(InputValueError, match="add a channel axis"):
        function(torch.zeros(4, 4))
    with pytest.raises(InputValueError, match="expected at least one pixel"):
        function(np.zeros((0, 4), np.uint8))


@pytest.mark.skipif(int(Image.__version__.split(".")[0]) < 13, reason="Pillow up to 12 always begins horizontally")
@settings(max_examples=150)
@given(st.tuples(*[st.integers(2, 60)] * 4), st.sampled_from(METHODS), st.data())
def test_a_box_goes_through_the_passes_in_pillow_13s_order(sizes, method, data):
    # Black and white noise: every overshoot is clamped between the passes, so the order shows.
    (height, width), new = sizes[:2], sizes[2:]
    left, top = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    box = left, top, data.draw(st.integers(left + 1, width)), data.draw(st.integers(top + 1, height))
    array = codes(height, width) // 128 * np.uint8(255)
    expected = np.asarray(pil(array).resize(new[::-1], Image.Resampling[PILLOW[method]], box=box)).astype(int)
    assert np.abs(resize(array, **to(new, method=method, box=box)) - expected).max() <= 2


@pytest.mark.parametrize("kind", ["gray", "color", "strided", "pil", "torch", "batch"])
@pytest.mark.parametrize(
    ("down", "across"),
    [(1, 2), (2, 2), (3, 3), (4, 4), (5, 2), (6, 6), (7, 1), (9, 10), (16, 12), (2, 5), (24, 25), (257, 3)],
)
def test_area_of_whole_factors_has_the_bits_of_pillow(down, across, kind):
    channels = {"gray": None}.get(kind, 3)
    array = codes(down * 11, across * 13, channels, batch=(2,) if kind == "batch" else ())
    picture = array[0] if kind == "batch" else array
    # Flat parts and edges, where sums are on the half between two codes.
    picture[: down * 4] = picture[: down * 4] // 128 + 7
    given = {
        "strided": lambda: np.ascontiguousarray(array[::-1, ::-1])[::-1, ::-1],
        "pil": lambda: Image.fromarray(array),
        "torch": lambda: torch.from_numpy(np.moveaxis(array, -1, 0).copy()),
    }.get(kind, lambda: array)()
    result = resize(given, height=11, width=13, method="area")
    got = result.permute(1, 2, 0).numpy() if kind == "torch" else np.asarray(result)
    wanted = np.asarray(Image.fromarray(picture).resize((13, 11), Image.Resampling.BOX))
    np.testing.assert_array_equal(got[0] if kind == "batch" else got, wanted)


def test_area_of_a_large_picture_has_the_bits_of_pillow_across_its_strips():
    array = codes(1200, 1500, 3)
    for height, width in ((600, 750), (400, 300), (300, 500), (1200, 500), (60, 1500)):
        wanted = np.asarray(Image.fromarray(array).resize((width, height), Image.Resampling.BOX))
        np.testing.assert_array_equal(resize(array, height=height, width=width, method="area"), wanted)
