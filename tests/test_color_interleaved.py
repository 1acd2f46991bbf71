"""The fast paths on interleaved pixels give what the formulas on planes give."""

import colorsys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, strategies as st
from hypothesis.extra.numpy import arrays

import aikit
from aikit.color.interleaved import fast_path
from aikit.color.table import Options, path
from pictures import codes, tensor

OPTIONS = Options((0.299, 0.587, 0.114), "bt601", (1, 0, 1, 0.5), (1, 0, 1, 0.5))


def by_planes(function, image, **options):
    """The same conversion by the plane kernel, which non-contiguous memory takes."""
    apart = np.asfortranarray(image)
    assert not apart.flags.c_contiguous
    return function(apart, **options)


def circle_distance(one, other):
    apart = abs(one - other)
    return np.minimum(apart, 360 - apart)


@pytest.mark.parametrize("scale", [1.0, 1e-3, 1000.0])
@pytest.mark.parametrize("bgr", [False, True])
def test_hsv_of_bright_dark_and_pale_colors(scale, bgr):
    rng = np.random.default_rng(3)
    vivid = rng.random((40, 30, 3), np.float32)
    pale = np.float32(0.5) + vivid * np.float32(1e-4)
    for image in (vivid * np.float32(scale), pale * np.float32(scale)):
        ours, planes = aikit.rgb_to_hsv(image, bgr=bgr), by_planes(aikit.rgb_to_hsv, image, bgr=bgr)
        assert np.ptp(planes[..., 0]) > 300
        assert circle_distance(ours[..., 0], planes[..., 0]).max() < 1e-4
        np.testing.assert_allclose(ours[..., 1], planes[..., 1], rtol=1e-6)
        np.testing.assert_array_equal(ours[..., 2], planes[..., 2])


def test_hue_is_below_360():
    red = np.full((2, 3, 3), [1.0, 0.0, 1e-9], np.float32)
    assert aikit.rgb_to_hsv(red)[..., 0].max() < 360


@pytest.mark.parametrize("bgr", [False, True])
@pytest.mark.parametrize("lowest", [0, -3600])
def test_hsv_back_to_rgb(lowest, bgr):
    hsv = np.random.default_rng(4).random((60, 50, 3), np.float32) * np.float32([360, 1, 1])
    hsv[:8, 0, 0] = [0, 60, 120, 180, 240, 300, 359.99997, 59.999996]
    hsv[9, 0] = lowest, 1, 1
    ours = aikit.hsv_to_rgb(hsv, bgr=bgr)
    exact = np.array([colorsys.hsv_to_rgb(h / 360, s, v) for h, s, v in hsv.reshape(-1, 3).astype(float)])
    exact = exact.reshape(hsv.shape)[..., :: -1 if bgr else 1]
    np.testing.assert_allclose(ours, exact, atol=2e-6)
    np.testing.assert_allclose(ours, by_planes(aikit.hsv_to_rgb, hsv, bgr=bgr), atol=2e-6)


@pytest.mark.parametrize("hue", [360, 720.5, -0.25, np.nan, np.inf])
def test_hues_off_the_circle_take_the_planes(hue):
    hsv = codes(4, 5, 3, "float32")
    hsv[1, 2, 0] = hue
    np.testing.assert_array_equal(aikit.hsv_to_rgb(hsv), by_planes(aikit.hsv_to_rgb, hsv))


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf, -0.25, 1e30])
def test_hsv_of_what_opencv_treats_otherwise(odd):
    image = codes(4, 5, 3, "float32")
    image[1, 2, 1] = odd
    np.testing.assert_array_equal(aikit.rgb_to_hsv(image), by_planes(aikit.rgb_to_hsv, image))


@given(arrays(np.float32, (3, 2, 3), elements=st.floats(0, 1, width=32)))
def test_hsv_of_anything(image):
    ours, planes = aikit.rgb_to_hsv(image), by_planes(aikit.rgb_to_hsv, image)
    colored = planes[..., 1] > 1e-6  # below, in grays, hue is the rounding of its quotient
    assert (circle_distance(ours[..., 0], planes[..., 0])[colored] < 1e-3).all()
    lit = planes[..., 2] > 1e-6  # the formula calls less than 1e-12 nothing
    np.testing.assert_allclose(ours[lit][:, 1:], planes[lit][:, 1:], rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("bgr", [False, True])
def test_gray_codes_are_within_one_of_the_exact_ones(bgr):
    image = np.random.default_rng(0).integers(0, 256, (300, 200, 3), np.uint8)
    ours = aikit.rgb_to_gray(image, bgr=bgr).astype(int)
    red, green, blue = np.moveaxis(image[..., ::-1] if bgr else image, -1, 0)
    exact = np.rint(0.299 * red + 0.587 * green + 0.114 * blue)
    assert abs(ours - exact).max() <= 1
    assert (ours != exact).mean() < 0.02
    if not bgr:
        assert np.array_equal(np.asarray(aikit.rgb_to_gray(aikit.to_pil(image))), ours)


@pytest.mark.parametrize("weights", ["bt709", (0.2, 0.3, 0.5)])
def test_other_weights_are_exact(weights):
    image = codes(20, 30, 3)
    numbers = (0.2126, 0.7152, 0.0722) if weights == "bt709" else weights
    assert abs(aikit.rgb_to_gray(image, weights=weights) - image @ np.array(numbers)).max() < 0.5001


@pytest.mark.parametrize("weights", ["bt601", "bt709", (0.2, 0.3, 0.5)])
@pytest.mark.parametrize("bgr", [False, True])
def test_gray_of_floats(weights, bgr):
    image = codes(20, 30, 3, "float32")
    ours = aikit.rgb_to_gray(image, weights=weights, bgr=bgr)
    np.testing.assert_allclose(ours, by_planes(aikit.rgb_to_gray, image, weights=weights, bgr=bgr), rtol=3e-7)


@pytest.mark.parametrize("space", ["linear_rgb", "lab", "lch", "luv", "xyz", "oklab", "oklch"])
@pytest.mark.parametrize("channels", [3, 4])
def test_light_from_a_table_is_light_from_the_curve(space, channels):
    image = codes(16, 16, channels)
    there = aikit.convert_color(image, "rgb", space)
    wide = aikit.convert_color(aikit.to_numpy(image, dtype="float64"), "rgb", space)
    torch = np.moveaxis(np.asarray(aikit.convert_color(tensor(image), "rgb", space)), 0, -1)
    tolerance = 2e-4 if space in ("lab", "lch", "luv", "oklch") else 2e-6
    assert abs(there - wide).max() < tolerance
    assert abs(there - torch).max() < tolerance


@pytest.mark.parametrize("bgr", [False, True])
@pytest.mark.parametrize(
    ("src", "dst"),
    [("rgb", "ycbcr"), ("ycbcr", "rgb"), ("rgb", "yuv"), ("yuv", "rgb"), ("linear_rgb", "xyz"), ("xyz", "linear_rgb")],
)
def test_matrices_are_the_formulas(src, dst, bgr):
    # What lies outside [0, 1], NaN and infinity go through both.
    image = codes(40, 30, 3, "float32") * np.float32(3) - np.float32(1)
    image[1, 2], image[3, 4, 1], image[5, 6, 2] = np.nan, np.inf, -np.inf
    options = {"standard": "bt709"} if dst != "xyz" and src != "xyz" else {}
    ours = aikit.convert_color(image, src, dst, bgr=bgr, **options)
    planes = by_planes(aikit.convert_color, image, src=src, dst=dst, bgr=bgr, **options)
    np.testing.assert_allclose(ours, planes, atol=1e-6)
    finite = image[6:]
    np.testing.assert_allclose(aikit.convert_color(finite, src, dst, bgr=bgr, **options), ours[6:], atol=1e-6)
    assert not np.allclose(ours[0, 0], ours[0, 0, ::-1])


@pytest.mark.parametrize("range", ["full", "limited"])
@pytest.mark.parametrize("bgr", [False, True])
@pytest.mark.parametrize(("src", "dst"), [("rgb", "ycbcr"), ("ycbcr", "rgb")])
def test_matrices_on_codes(src, dst, bgr, range):
    image = np.random.default_rng(5).integers(0, 256, (200, 150, 3), np.uint8)
    options = {"standard": "bt709", "range": range, "bgr": bgr}
    ours = aikit.convert_color(image, src, dst, **options)
    planes = by_planes(aikit.convert_color, image, src=src, dst=dst, **options)
    apart = np.abs(ours.astype(int) - planes)
    assert apart.max() <= 1
    assert np.count_nonzero(apart) < 100
    if dst == "rgb":  # what no RGB has is clamped
        assert {0, 255} <= set(ours.ravel().tolist())


@pytest.mark.parametrize("dtype", ["float16", "float64", "uint8", "uint16"])
@pytest.mark.parametrize("space", ["gray", "hsv", "ycbcr"])
def test_another_dtype_on_the_way(space, dtype):
    if space == "hsv" and dtype.startswith("u"):
        pytest.skip("HSV has units of its own")
    image = codes(6, 7, 3, "float32")
    got = aikit.convert_color(image, "rgb", space, dtype=dtype)
    expected = aikit.convert_color(aikit.to_numpy(image, dtype="float64"), "rgb", space)
    top = {"uint8": 255, "uint16": 65535}.get(dtype, 1)
    assert got.dtype == dtype
    np.testing.assert_allclose(
        got, expected * top, rtol=1e-3, atol=1.01 if top > 1 else 1e-3
    )  # chroma has its zero on a code


@pytest.mark.parametrize(
    ("src", "dst", "dtype", "exists"),
    [
        ("rgb", "hsv", "float32", True),
        ("rgb", "hsv", "float64", False),
        ("rgb", "gray", "uint8", True),
        ("rgb", "gray", "uint16", False),
        ("rgb", "ycbcr", "float32", True),
        ("xyz", "linear_rgb", "float32", True),
        ("xyz", "rgb", "float32", False),
        ("rgb", "ycbcr", "uint8", True),
        ("rgb", "ycbcr", "float16", False),
        ("hsv", "rgb", "float32", True),
        ("hsv", "rgb", "float16", False),
        ("lab", "rgb", "float32", False),
    ],
)
def test_which_conversions_have_a_fast_path(src, dst, dtype, exists):
    from aikit._pixels import load

    spec = load(codes(4, 5, 3, dtype)).spec
    assert (fast_path(spec, spec, src, dst, path(src, dst), OPTIONS) is not None) is exists
    assert fast_path(spec, replace(spec, dtype="float64"), src, dst, path(src, dst), OPTIONS) is None
