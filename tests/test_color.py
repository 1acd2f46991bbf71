"""color: values against independent references, the way there and back, gradients."""

import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, strategies as st
from hypothesis.extra.numpy import arrays
from skimage import color as skcolor

import aikit
from aikit import convert_color

with warnings.catch_warnings():  # it says that Matplotlib is missing
    warnings.simplefilter("ignore")
    import colour

FLOAT_SPACES = "linear_rgb xyz lab lch luv oklab oklch hsv hsl yuv".split()
SPACES = ["gray", *FLOAT_SPACES, "ycbcr", "cmyk"]

# Derived from the primaries, as aikit's: the published matrix is rounded to four digits.
SRGB = colour.RGB_COLOURSPACES["sRGB"].copy()
SRGB.use_derived_transformation_matrices(True)
WHITE = SRGB.whitepoint
BT601 = colour.WEIGHTS_YCBCR["ITU-R BT.601"]


def cube(steps=17, dtype="float64"):
    axis = np.linspace(0, 1, steps)
    return np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), -1).reshape(1, -1, 3).astype(dtype)


def beyond(dtype="float64"):
    """Colors in and out of gamut."""
    return np.random.default_rng(7).uniform(-0.5, 1.5, (1, 20000, 3)).astype(dtype)


def vivid(dtype="float32"):
    """Where float32 has it hardest: channels near 0 and 1 beside each other, and near black."""
    rng = np.random.default_rng(8)
    corners = np.where(rng.random((1, 60000, 3)) < 0.5, 0.01 * rng.random((1, 60000, 3)), 1 - 0.01 * rng.random(3))
    return np.concatenate([corners, rng.random((1, 60000, 3)) ** 4], 1).astype(dtype)


# Oracle: colour-science


def colour_xyz(rgb):
    light = colour.RGB_to_RGB(rgb, SRGB, SRGB, apply_cctf_decoding=True)
    return light @ SRGB.matrix_RGB_to_XYZ.T


def colour_hsv(rgb):
    return colour.RGB_to_HSV(rgb) * [360, 1, 1]


def colour_hsl(rgb):
    return colour.RGB_to_HSL(rgb)[..., [0, 1, 2]] * [360, 1, 1]


def colour_polar(jab):
    chroma, hue = np.hypot(jab[..., 1], jab[..., 2]), np.degrees(np.arctan2(jab[..., 2], jab[..., 1])) % 360
    return np.stack([jab[..., 0], chroma, hue], -1)


REFERENCES = {
    "linear_rgb": lambda rgb: colour.models.eotf_sRGB(rgb),
    "xyz": colour_xyz,
    "lab": lambda rgb: colour.XYZ_to_Lab(colour_xyz(rgb), WHITE),
    "lch": lambda rgb: colour_polar(colour.XYZ_to_Lab(colour_xyz(rgb), WHITE)),
    "luv": lambda rgb: colour.XYZ_to_Luv(colour_xyz(rgb), WHITE),
    "oklab": lambda rgb: colour.XYZ_to_Oklab(colour_xyz(rgb)),
    "oklch": lambda rgb: colour_polar(colour.XYZ_to_Oklab(colour_xyz(rgb))),
    "hsv": colour_hsv,
    "hsl": colour_hsl,
    "ycbcr": lambda rgb: colour.RGB_to_YCbCr(rgb, K=BT601, out_legal=False, out_int=False) + np.array([0, 0.5, 0.5]),
}
# HSV and HSL are what they are inside the cube only; u' v' have a pole outside it.
INSIDE = ("hsv", "hsl", "luv")
HUE = {"lch": 2, "oklch": 2, "hsv": 0, "hsl": 0}
FLOAT32 = {"lab": 1e-3, "lch": 1e-3, "luv": 1e-3, "oklab": 2e-4, "oklch": 2e-4}


def distance(space, ours, reference, chroma_at_least, hue_scale=1):
    """The largest difference; of hues only where there is color enough to have one, and divided by `hue_scale`."""
    gap = np.abs(np.asarray(ours, np.float64) - reference)
    if space in HUE:
        axis = HUE[space]
        hue = np.minimum(gap[..., axis], 360 - gap[..., axis])
        gap[..., axis] = np.where(reference[..., 1] > chroma_at_least, hue / hue_scale, 0)
    return gap.max()


@pytest.mark.parametrize("space", REFERENCES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_colour_science_agrees(space, dtype):
    points = [cube()] if space in INSIDE else [cube(), beyond()]
    for rgb in points:
        reference = REFERENCES[space](rgb)
        ours = convert_color(rgb.astype(dtype), "rgb", space)
        assert ours.dtype == dtype
        # Ottosson's matrices start from sRGB, colour-science's from XYZ: their digits differ, and so do hues.
        tolerance = FLOAT32.get(space, 1e-4) if dtype == "float32" else (2e-4 if "ok" in space else 1e-6)
        enough = {"lch": 5, "oklch": 0.05, "hsv": 0.05, "hsl": 0.05}.get(space, 0)
        assert distance(space, ours, reference, enough, hue_scale=1000 if space == "oklch" else 1) < tolerance


# Oracle: scikit-image, whose constants are rounded to three or four digits


@pytest.mark.parametrize(
    ("space", "reference", "tolerance"),
    [
        ("hsv", lambda rgb: skcolor.rgb2hsv(rgb) * [360, 1, 1], 1e-9),
        ("lab", skcolor.rgb2lab, 0.03),
        ("luv", skcolor.rgb2luv, 0.15),
        ("xyz", skcolor.rgb2xyz, 5e-4),
        ("yuv", skcolor.rgb2yuv, 5e-5),
    ],
)
def test_scikit_image_agrees(space, reference, tolerance):
    assert abs(convert_color(cube(), "rgb", space) - reference(cube())).max() < tolerance


def test_scikit_image_agrees_on_limited_ycbcr():
    # It gives codes as floats: 16 + 65.481 R + ...
    ours = aikit.color.rgb_to_ycbcr(cube(), standard="bt601", range="limited") * 255
    assert abs(ours - skcolor.rgb2ycbcr(cube())).max() < 0.005


# Oracle: literature


@pytest.mark.parametrize(
    ("rgb", "space", "expected", "tolerance"),
    [
        # Bruce Lindbloom, sRGB with D65, brucelindbloom.com
        ((1, 0, 0), "xyz", (0.4124564, 0.2126729, 0.0193339), 1e-4),
        ((0, 1, 0), "xyz", (0.3575761, 0.7151522, 0.1191920), 1e-4),
        ((0, 0, 1), "xyz", (0.1804375, 0.0721750, 0.9503041), 1e-3),
        ((1, 0, 0), "lab", (53.2408, 80.0925, 67.2032), 0.02),
        ((0, 1, 0), "lab", (87.7347, -86.1827, 83.1793), 0.02),
        ((0, 0, 1), "lab", (32.2970, 79.1875, -107.8602), 0.05),
        ((1, 0, 0), "luv", (53.2408, 175.0151, 37.7564), 0.05),
        # CSS Color 4, "Sample code for color conversions"
        ((1, 0, 0), "oklch", (0.62796, 0.25768, 29.234), 2e-3),
        ((0, 1, 0), "oklch", (0.86644, 0.29483, 142.495), 2e-3),
        ((0, 0, 1), "oklch", (0.45201, 0.31321, 264.052), 2e-3),
        # CSS Color 4, named colors: rebeccapurple is hsl(270, 50%, 40%)
        ((102 / 255, 51 / 255, 153 / 255), "hsl", (270, 0.5, 0.4), 1e-9),
        ((102 / 255, 51 / 255, 153 / 255), "hsv", (270, 2 / 3, 0.6), 1e-9),
        ((0, 0, 1), "hsv", (240, 1, 1), 0),
        ((1, 0, 1), "hsv", (300, 1, 1), 0),
        ((1, 0, 0), "yuv", (0.299, -0.299 * 0.436 / 0.886, 0.615), 1e-12),
        ((0.5, 0.5, 0.5), "linear_rgb", (0.214041,) * 3, 1e-6),
    ],
)
def test_values_of_the_literature(rgb, space, expected, tolerance):
    assert np.abs(convert_color(np.array([[rgb]], float), "rgb", space) - expected).max() <= tolerance


def ottosson(rgb):
    """OKLab as its author writes it, bottosson.github.io/posts/oklab, revised 2021-01-25."""
    light = colour.models.eotf_sRGB(rgb)
    cones = (
        light
        @ np.array(
            [
                [0.4122214708, 0.5363325363, 0.0514459929],
                [0.2119034982, 0.6806995451, 0.1073969566],
                [0.0883024619, 0.2817188376, 0.6299787005],
            ]
        ).T
    )
    return (
        np.cbrt(cones)
        @ np.array(
            [
                [0.2104542553, 0.7936177850, -0.0040720468],
                [1.9779984951, -2.4285922050, 0.4505937099],
                [0.0259040371, 0.7827717662, -0.8086757660],
            ]
        ).T
    )


@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-7), ("float32", 5e-6)])
@pytest.mark.parametrize("points", [lambda dtype="float64": cube(17, dtype), beyond], ids=["cube", "beyond"])
def test_oklab_is_its_authors(points, dtype, tolerance):
    assert abs(convert_color(points(dtype), "rgb", "oklab") - ottosson(points())).max() < tolerance


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("space", ["lab", "lch", "oklab", "oklch", "hsv", "hsl", "luv"])
def test_grays_have_no_chroma(space, dtype):
    rgb = np.repeat(np.linspace(0, 1, 1001, dtype=dtype)[None, :, None], 3, -1)
    ours = convert_color(rgb, "rgb", space)
    chroma = {"hsv": (0, 1), "hsl": (0, 1)}.get(space, (1, 2))
    # Not noise: nothing. Luv's chromaticity is a quotient, and keeps its rounding.
    noise = {"float32": 2e-4, "float64": 1e-12}[dtype] if space == "luv" else 0
    assert np.abs(ours[..., chroma]).max() <= noise


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("space", HUE)
def test_hue_lies_from_0_to_below_360(space, dtype):
    for points in (cube(33), beyond(), [[[1, 0, 1e-9], [1, 0, 1e-3], [1, 1e-3, 0], [1, 0, 1e-20]]]):
        hue = convert_color(np.array(points, dtype), "rgb", space)[..., HUE[space]]
        assert hue.min() >= 0
        assert hue.max() < 360


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_hue_is_0_where_there_is_none(dtype):
    # The angle of (-0.0, 0.0) would be 180 degrees.
    lab = np.array([[[50, -0.0, 0.0], [50, -0.0, -0.0], [50, 1e-14, 1e-14], [50, 3, -1e-20], [50, 3, -1e-3]]], dtype)
    hue = convert_color(lab, "lab", "lch")[0, :, 2]
    assert hue[:4].tolist() == [0, 0, 0, 0]
    assert hue[4] == pytest.approx(360 - np.degrees(1e-3 / 3), abs=1e-4)


# Inverse


# LCh and Luv: float32 in degrees, and in u' and v', which are quotients, is as fine as that.
THERE_AND_BACK = {"lch": 2e-5, "luv": 3e-5}


@pytest.mark.parametrize("space", [*FLOAT_SPACES, "ycbcr", "cmyk"])
@pytest.mark.parametrize("kind", ["numpy", "torch"])
def test_there_and_back_in_gamut(space, kind):
    for dtype, tolerance in (("float32", THERE_AND_BACK.get(space, 1e-5)), ("float64", 1e-9)):
        for points in (cube(33, dtype), vivid(dtype)):
            image = points if kind == "numpy" else torch.from_numpy(np.moveaxis(points, -1, 0).copy())
            back = convert_color(convert_color(image, "rgb", space), space, "rgb")
            assert back.dtype == image.dtype
            assert abs(back - image).max() < tolerance


@pytest.mark.parametrize("space", [*FLOAT_SPACES, "ycbcr"])
def test_there_and_back_out_of_gamut(space):
    # Luv has a pole there, and the slopes of the others grow.
    tolerance = {"lab": 3e-5, "lch": 5e-5, "oklab": 3e-5, "oklch": 5e-5, "luv": 1e-3}.get(space, 1e-5)
    for dtype, limit in (("float32", tolerance), ("float64", 1e-9)):
        back = convert_color(convert_color(beyond(dtype), "rgb", space), space, "rgb")
        assert abs(back - beyond(dtype)).max() < limit


@pytest.mark.slow
@pytest.mark.parametrize("space", FLOAT_SPACES)
def test_every_8_bit_color_comes_back(space):
    low = np.arange(256, dtype=np.uint8)
    rgb = np.empty((8, 256, 256, 3), np.uint8)
    rgb[..., 1], rgb[..., 2] = low[:, None], low
    for start in range(0, 256, 8):
        rgb[..., 0] = np.arange(start, start + 8, dtype=np.uint8)[:, None, None]
        there = convert_color(rgb, "rgb", space)
        assert there.dtype == np.float32
        assert np.array_equal(convert_color(there, space, "rgb", dtype="uint8"), rgb)


@pytest.mark.parametrize("space", FLOAT_SPACES)
def test_8_bit_tensors_come_back(space):
    codes = torch.arange(0, 256, 3, dtype=torch.uint8)
    rgb = torch.stack(torch.meshgrid(codes, codes, codes, indexing="ij"))
    rgb = rgb.flatten(2)
    assert torch.equal(convert_color(convert_color(rgb, "rgb", space), space, "rgb", dtype="uint8"), rgb)


@pytest.mark.parametrize("space", ["linear_rgb", "xyz", "lab", "oklab", "hsv", "hsl", "yuv"])
def test_16_bit_colors_come_back(space):
    rgb = np.random.default_rng(3).integers(0, 65536, (200, 300, 3), dtype=np.uint16)
    back = convert_color(convert_color(rgb, "rgb", space), space, "rgb", dtype="uint16").astype(int)
    assert abs(back - rgb).max() <= 1
    exact = convert_color(convert_color(aikit.to_numpy(rgb, dtype="float64"), "rgb", space), space, "rgb")
    assert np.array_equal(aikit.to_numpy(exact, dtype="uint16"), rgb)


@given(arrays(np.float64, (2, 3, 3), elements=st.floats(0, 1)), st.sampled_from(FLOAT_SPACES))
def test_any_values_come_back(rgb, space):
    back = convert_color(convert_color(rgb, "rgb", space), space, "rgb")
    # The standard's curve jumps by 3e-8 at 0.04045: a value that rounds across comes back that much off.
    assert abs(back - rgb)[abs(rgb - 0.04045) > 1e-7].max(initial=0) < 1e-9
    assert abs(back - rgb).max() < 4e-8


@pytest.mark.parametrize("dst", SPACES)
@pytest.mark.parametrize("src", SPACES)
def test_any_space_to_any_other_goes_by_way_of_rgb(src, dst):
    start = cube(5) if src != "gray" else cube(5)[..., 0]
    image = convert_color(start, "rgb" if src != "gray" else "gray", src)
    ours = convert_color(image, src, dst)
    by_rgb = convert_color(convert_color(image, src, "rgb"), "rgb", dst)
    assert ours.shape == by_rgb.shape
    # Hue jumps at 360, and where there is hardly any chroma it is noise.
    assert abs(convert_color(ours, dst, "rgb") - convert_color(by_rgb, dst, "rgb")).max() < 1e-9


# Gradients


POINTS = torch.tensor(
    [
        [0, 0, 0], [0.5, 0.5, 0.5], [1, 1, 1], [1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [0, 1, 1], [1, 0, 1],
        [1.5, 1.2, 1.9], [-0.5, -0.1, -0.3], [1.5, -0.5, 0.2], [1, 0, 1e-9], [1, 1e-9, 0], [1e-30, 0, 0],
        [0.04045, 0.04045, 0.04045], [1e-12, 1e-12, 1e-12], [0.3, 0.3, 0.3000001], [-1e-8, 0, 1e-8],
    ]
).T[:, None]  # fmt: skip


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("space", SPACES)
def test_gradients_are_finite_everywhere(space, dtype):
    rgb = POINTS.to(dtype).requires_grad_()
    there = convert_color(rgb, "rgb", space)
    for plane in there:
        (gradient,) = torch.autograd.grad(plane.sum(), rgb, retain_graph=True)
        assert gradient.isfinite().all()
    leaf = there.detach().requires_grad_()
    for plane in convert_color(leaf, space, "rgb"):
        (gradient,) = torch.autograd.grad(plane.sum(), leaf, retain_graph=True)
        assert gradient.isfinite().all()


@pytest.mark.parametrize("space", SPACES)
def test_gradients_are_right(space):
    # Away from kinks: no two channels equal, no hue at 0.
    rgb = torch.tensor([[0.2, 0.5, 0.9], [0.8, 0.3, 0.05], [0.6, 0.75, 0.1], [1.2, 0.4, 0.7]], dtype=torch.float64)
    rgb = rgb.T[:, None].clone().requires_grad_()
    there = convert_color(rgb, "rgb", space).detach().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: convert_color(x, "rgb", space), rgb)
    assert torch.autograd.gradcheck(lambda x: convert_color(x, space, "rgb"), there)


def test_gradients_reach_through_alpha_untouched():
    rgba = torch.rand(4, 2, 3, dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(aikit.rgb_to_lab(rgba)[3].sum(), rgba)
    assert torch.equal(gradient[3], torch.ones(2, 3, dtype=torch.float64))
    assert not gradient[:3].any()
