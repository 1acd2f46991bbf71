"""color: Y'CbCr code by code, and OpenCV's own codes."""

import cv2
import numpy as np
import pytest
import skimage
import torch

import aikit
from aikit import InputTypeError, InputValueError, convert_color
from pictures import codes, pil, tensor

# ITU-T H.273, table 4: Kr and Kb.
STANDARDS = {"bt601": (0.299, 0.114), "bt709": (0.2126, 0.0722), "bt2020": (0.2627, 0.0593)}
RANGES = ["full", "limited"]


def h273(rgb, standard, range_, bits):
    """ITU-T H.273, equations 38 to 47, in float64, from codes to codes."""
    red, green, blue = np.moveaxis(rgb / (2**bits - 1), -1, 0)
    kr, kb = STANDARDS[standard]
    y = kr * red + (1 - kr - kb) * green + kb * blue
    pb, pr = 0.5 * (blue - y) / (1 - kb), 0.5 * (red - y) / (1 - kr)
    if range_ == "limited":
        scale = 2 ** (bits - 8)
        exact = np.stack([scale * (219 * y + 16), scale * (224 * pb + 128), scale * (224 * pr + 128)], -1)
    else:
        top = 2**bits - 1
        exact = np.stack([top * y, top * pb + 2 ** (bits - 1), top * pr + 2 ** (bits - 1)], -1)
    return np.clip(exact, 0, 2**bits - 1)


def colors(bits):
    rng = np.random.default_rng(bits)
    top = 2**bits - 1
    corners = np.stack(np.meshgrid(*[[0, top]] * 3, indexing="ij"), -1).reshape(-1, 3)
    grays = np.repeat(np.arange(0, top + 1, max(1, top // 255))[:, None], 3, 1)
    return np.concatenate([corners, grays, rng.integers(0, top + 1, (60000, 3))])[None].astype(f"uint{bits}")


@pytest.mark.parametrize("kind", ["numpy", "torch"])
@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("range_", RANGES)
@pytest.mark.parametrize("standard", STANDARDS)
def test_codes_are_h273s(standard, range_, bits, kind):
    rgb = colors(bits)
    image = rgb if kind == "numpy" else tensor(rgb)
    ours = aikit.color.rgb_to_ycbcr(image, standard=standard, range=range_)
    ours = ours if kind == "numpy" else ours.permute(1, 2, 0).numpy()
    exact = h273(rgb, standard, range_, bits)
    # Rounded to the nearest code; float32 decides ties at 8 bits, and is 0.01 of a code at 16.
    assert abs(ours - exact).max() < 0.5 + (0.02 if bits == 16 else 1e-4)
    assert ours.dtype == rgb.dtype


@pytest.mark.parametrize("range_", RANGES)
@pytest.mark.parametrize("standard", STANDARDS)
def test_floats_are_h273s(standard, range_):
    rgb = colors(8)
    exact = h273(rgb, standard, range_, 8)
    if range_ == "full":  # a float has its zero at 0.5, not at 128 / 255
        exact[..., 1:] -= 0.5
    inside = (exact < 254).all(-1)  # H.273 clips full range's extremes
    ours = aikit.color.rgb_to_ycbcr(rgb / 255, standard=standard, range=range_) * 255
    assert abs(ours - exact)[inside].max() < 1e-10


@pytest.mark.parametrize("kind", ["numpy", "torch"])
@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("standard", STANDARDS)
def test_full_range_grays_are_exact_both_ways(standard, bits, kind):
    gray = np.arange(2**bits, dtype=f"uint{bits}")[None]
    zero = np.full_like(gray, 2 ** (bits - 1))
    ycbcr, rgb = np.stack([gray, zero, zero], -1), np.stack([gray] * 3, -1)
    to = (lambda a: a) if kind == "numpy" else tensor
    assert np.array_equal(aikit.color.ycbcr_to_rgb(to(ycbcr), standard=standard), to(rgb))
    assert np.array_equal(aikit.color.rgb_to_ycbcr(to(rgb), standard=standard), to(ycbcr))


@pytest.mark.parametrize("kind", ["numpy", "torch"])
@pytest.mark.parametrize("standard", STANDARDS)
def test_limited_range_grays_are_exact(standard, kind):
    luma = np.arange(16, 236, dtype=np.uint8)[None]
    ycbcr = np.stack([luma, np.full_like(luma, 128), np.full_like(luma, 128)], -1)
    to = (lambda a: a) if kind == "numpy" else tensor
    rgb = aikit.color.ycbcr_to_rgb(to(ycbcr), standard=standard, range="limited")
    # 219 codes of luma spread over 255: each gray is one, and all of them come back.
    expected = np.rint((luma - 16.0) / 219 * 255).astype(np.uint8)
    assert np.array_equal(rgb, to(np.stack([expected] * 3, -1)))
    assert np.array_equal(aikit.color.rgb_to_ycbcr(rgb, standard=standard, range="limited"), to(ycbcr))


@pytest.mark.parametrize(
    ("options", "rgb", "expected"),
    [
        ({}, (128, 128, 128), (128, 128, 128)),
        ({}, (255, 0, 0), (76, 85, 255)),
        ({}, (0, 0, 255), (29, 255, 107)),
        ({}, (255, 255, 255), (255, 128, 128)),
        # The primaries of video, ITU-R BT.801 and BT.709: 8-bit codes of full color bars.
        ({"range": "limited"}, (255, 255, 255), (235, 128, 128)),
        ({"range": "limited"}, (0, 0, 0), (16, 128, 128)),
        ({"range": "limited"}, (255, 0, 0), (81, 90, 240)),
        ({"range": "limited"}, (0, 255, 0), (145, 54, 34)),
        ({"range": "limited"}, (0, 0, 255), (41, 240, 110)),
        ({"range": "limited", "standard": "bt709"}, (255, 0, 0), (63, 102, 240)),
        ({"range": "limited", "standard": "bt709"}, (0, 255, 0), (173, 42, 26)),
        ({"range": "limited", "standard": "bt709"}, (0, 0, 255), (32, 240, 118)),
    ],
)
def test_known_codes(options, rgb, expected):
    assert aikit.color.rgb_to_ycbcr(np.array([[rgb]], np.uint8), **options).tolist() == [[list(expected)]]


@pytest.mark.parametrize("standard", STANDARDS)
def test_pure_colors_have_full_chroma(standard):
    for color, plane in (((1.0, 0, 0), 2), ((0, 0, 1.0), 1)):
        image = np.array([[color]])
        assert aikit.color.rgb_to_ycbcr(image, standard=standard)[0, 0, plane] == pytest.approx(1, abs=1e-15)
        limited = aikit.color.rgb_to_ycbcr(image, standard=standard, range="limited")
        assert limited[0, 0, plane] * 255 == pytest.approx(240, abs=1e-12)
        wide = aikit.color.rgb_to_ycbcr((image * 65535).astype(np.uint16), standard=standard, range="limited")
        assert wide[0, 0, plane] == 240 * 256


@pytest.mark.parametrize("range_", RANGES)
@pytest.mark.parametrize("standard", STANDARDS)
def test_codes_come_back_within_their_rounding(standard, range_):
    rgb = colors(8)
    ycbcr = aikit.color.rgb_to_ycbcr(rgb, standard=standard, range=range_)
    back = aikit.color.ycbcr_to_rgb(ycbcr, standard=standard, range=range_).astype(int)
    assert abs(back - rgb).max() <= 2
    fine = colors(16)
    ycbcr = aikit.color.rgb_to_ycbcr(fine, standard=standard, range=range_)
    inside = (ycbcr < 65535).all(-1)
    assert abs(aikit.color.ycbcr_to_rgb(ycbcr, standard=standard, range=range_).astype(int) - fine)[inside].max() <= 2


def test_floats_of_a_limited_range_are_8_bit_codes():
    rgb = colors(8)
    ycbcr = aikit.color.rgb_to_ycbcr(rgb, range="limited")
    floats = aikit.to_numpy(ycbcr, dtype="float64")
    decoded = aikit.color.ycbcr_to_rgb(ycbcr, range="limited")
    gap = aikit.color.ycbcr_to_rgb(floats, range="limited", dtype="uint8").astype(int) - decoded
    assert abs(gap).max() <= 1  # where float32 and float64 round a tie apart
    # What comes in decides what its numbers mean, whatever goes out.
    white = aikit.color.ycbcr_to_rgb(ycbcr, range="limited", dtype="float64")[0, 7]
    assert white == pytest.approx([1, 1, 1], abs=1e-6)


def test_chroma_zero_follows_the_dtype_that_comes_out():
    gray = np.full((1, 1, 3), 100, np.uint8)
    assert convert_color(gray, "rgb", "ycbcr", dtype="float32")[0, 0, 1] == 0.5
    assert convert_color(gray, "rgb", "ycbcr", dtype="uint16")[0, 0].tolist() == [25700, 32768, 32768]
    assert convert_color(gray / 255, "rgb", "ycbcr", dtype="uint8")[0, 0].tolist() == [100, 128, 128]


# Y'CbCr to itself


@pytest.mark.parametrize(("src", "dst"), [("uint8", "uint16"), ("uint8", "float32"), ("uint16", "uint8")])
def test_a_change_of_dtype_keeps_grays_gray(src, dst):
    gray = aikit.color.rgb_to_ycbcr(
        np.full((1, 1, 3), 90, src) if src == "uint8" else np.full((1, 1, 3), 90 * 257, src)
    )
    changed = convert_color(gray, "ycbcr", "ycbcr", dtype=dst)
    expected = {"uint16": [90 * 257, 32768, 32768], "float32": [90 / 255, 0.5, 0.5], "uint8": [90, 128, 128]}[dst]
    assert changed[0, 0].tolist() == pytest.approx(expected, abs=1e-6)


# encoding="cv2"


CV2 = {
    "hsv": (cv2.COLOR_RGB2HSV, cv2.COLOR_HSV2RGB),
    "hsl": (cv2.COLOR_RGB2HLS, cv2.COLOR_HLS2RGB),
    "lab": (cv2.COLOR_RGB2LAB, cv2.COLOR_LAB2RGB),
    "luv": (cv2.COLOR_RGB2LUV, cv2.COLOR_LUV2RGB),
    "xyz": (cv2.COLOR_RGB2XYZ, cv2.COLOR_XYZ2RGB),
    "ycbcr": (cv2.COLOR_RGB2YCrCb, cv2.COLOR_YCrCb2RGB),
    "yuv": (cv2.COLOR_RGB2YUV, cv2.COLOR_YUV2RGB),
}
BGR2 = {
    "hsv": (cv2.COLOR_BGR2HSV, cv2.COLOR_HSV2BGR),
    "lab": (cv2.COLOR_BGR2LAB, cv2.COLOR_LAB2BGR),
    "ycbcr": (cv2.COLOR_BGR2YCrCb, cv2.COLOR_YCrCb2BGR),
}


@pytest.mark.parametrize("kind", ["numpy", "torch"])
@pytest.mark.parametrize("space", CV2)
def test_opencvs_codes_bit_for_bit(space, kind):
    # Large enough for several bands.
    rgb = codes(410, 700, 3)
    to = (lambda a: a) if kind == "numpy" else tensor
    there, back = CV2[space]
    assert np.array_equal(convert_color(to(rgb), "rgb", space, encoding="cv2"), to(cv2.cvtColor(rgb, there)))
    assert np.array_equal(convert_color(to(rgb), space, "rgb", encoding="cv2"), to(cv2.cvtColor(rgb, back)))


@pytest.mark.parametrize("space", [space for space in CV2 if space != "xyz"])
def test_named_pairs_take_the_encoding(space):
    rgb = codes(5, 6, 3)
    assert np.array_equal(
        getattr(aikit.color, f"rgb_to_{space}")(rgb, encoding="cv2"), cv2.cvtColor(rgb, CV2[space][0])
    )
    assert np.array_equal(
        getattr(aikit.color, f"{space}_to_rgb")(rgb, encoding="cv2"), cv2.cvtColor(rgb, CV2[space][1])
    )


@pytest.mark.parametrize("kind", ["numpy", "torch"])
@pytest.mark.parametrize("space", BGR2)
def test_opencvs_codes_of_bgr(space, kind):
    bgr = codes(40, 50, 3)
    to = (lambda a: a) if kind == "numpy" else tensor
    there, back = BGR2[space]
    assert np.array_equal(convert_color(to(bgr), "rgb", space, encoding="cv2", bgr=True), to(cv2.cvtColor(bgr, there)))
    assert np.array_equal(convert_color(to(bgr), space, "rgb", encoding="cv2", bgr=True), to(cv2.cvtColor(bgr, back)))


@pytest.mark.parametrize("kind", ["numpy", "torch"])
@pytest.mark.parametrize("space", CV2)
def test_alpha_and_batches_beside_opencvs_codes(space, kind):
    rgba = codes(6, 7, 4, batch=(2,))
    to = (lambda a: a) if kind == "numpy" else tensor
    for there, code in ((("rgb", space), CV2[space][0]), ((space, "rgb"), CV2[space][1])):
        expected = np.stack(
            [np.dstack([cv2.cvtColor(np.ascontiguousarray(one[..., :3]), code), one[..., 3]]) for one in rgba]
        )
        assert np.array_equal(convert_color(to(rgba), *there, encoding="cv2"), to(expected))


def test_opencvs_gray():
    rgb = codes(8, 9, 3)
    expected = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    assert np.array_equal(convert_color(rgb, "rgb", "gray", encoding="cv2"), expected)
    assert np.array_equal(np.asarray(convert_color(pil(rgb), "rgb", "gray", encoding="cv2")), expected)
    assert np.array_equal(
        convert_color(expected, "gray", "rgb", encoding="cv2"), cv2.cvtColor(expected, cv2.COLOR_GRAY2RGB)
    )


@pytest.mark.parametrize("picture", ["astronaut", "chelsea"])
def test_the_lane_mask_of_the_tutorials(picture):
    rgb = getattr(skimage.data, picture)()
    low, high = (20, 100, 100), (30, 255, 255)
    expected = cv2.inRange(cv2.cvtColor(rgb, cv2.COLOR_RGB2HSV), low, high)
    assert 100 < np.count_nonzero(expected) < expected.size
    assert np.array_equal(cv2.inRange(aikit.rgb_to_hsv(rgb, encoding="cv2"), low, high), expected)
    bgr = aikit.to_cv2(rgb)
    assert np.array_equal(cv2.inRange(aikit.rgb_to_hsv(bgr, bgr=True, encoding="cv2"), low, high), expected)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda a: aikit.rgb_to_hsv(a, encoding="opencv"), InputValueError, 'encoding: expected "cv2" or None, got'),
        (lambda a: convert_color(a, "rgb", "oklab", encoding="cv2"), InputValueError, "encoding: .* got rgb to oklab"),
        (lambda a: convert_color(a, "hsv", "lab", encoding="cv2"), InputValueError, "encoding: .* got hsv to lab"),
        (lambda a: convert_color(a, "rgb", "rgb", encoding="cv2"), InputValueError, "encoding: .* got rgb to rgb"),
        (lambda a: aikit.rgb_to_hsv(a / 255, encoding="cv2"), InputTypeError, "image: expected uint8 with .* float64"),
        (lambda a: aikit.rgb_to_hsv(pil(a), encoding="cv2"), InputValueError, "got a PIL image; call to_numpy first"),
        (lambda a: aikit.rgb_to_hsv(a[..., 0], encoding="cv2"), InputValueError, "got gray; call gray_to_rgb first"),
        (
            lambda a: aikit.color.rgb_to_ycbcr(a, encoding="cv2", range="limited"),
            InputValueError,
            'range: expected "full" .* encoding="cv2"',
        ),
        (
            lambda a: aikit.color.rgb_to_ycbcr(a, encoding="cv2", standard="bt709"),
            InputValueError,
            'standard: expected "bt601" .* encoding="cv2"',
        ),
        (
            lambda a: aikit.hsv_to_rgb(a, encoding="cv2", dtype="float32"),
            InputValueError,
            'dtype: expected None or "uint8" .* encoding="cv2"',
        ),
        (
            lambda a: convert_color(a, "rgb", "gray", encoding="cv2", weights="bt709"),
            InputValueError,
            'weights: expected "bt601" .* encoding="cv2"',
        ),
    ],
)
def test_messages_of_the_encoding(call, error, message):
    with pytest.raises(error, match=message):
        call(codes(3, 4, 3))


def test_tensors_come_back_where_they_were():
    image = torch.randint(0, 256, (3, 4, 5), dtype=torch.uint8)
    ours = aikit.rgb_to_hsv(image, encoding="cv2")
    assert ours.device == image.device
    assert ours.dtype == torch.uint8
    assert ours.is_contiguous()
