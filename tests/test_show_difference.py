"""Two images compared: figures against scikit-image, what is compared with what, and the sheet."""

import json
import math

import numpy as np
import pytest
from PIL import Image
from skimage import data
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from aikit import InputTypeError, InputValueError, describe, difference, flatten
from aikit.show import Difference, show_difference
from pictures import channels_first, codes

CELL, MARGIN, LABEL, NOTE = 240, 12, 22, 17


def cell(sheet, column, size, notes=2):
    top, left = MARGIN + LABEL + notes * NOTE, MARGIN + column * (CELL + MARGIN)
    return np.asarray(sheet)[top : top + size[0], left : left + size[1]]


def noisy(image, amount=9):
    rng = np.random.default_rng(5)
    return np.clip(image + rng.integers(-amount, amount + 1, image.shape), 0, 255).astype(np.uint8)


CAMERA, COFFEE = data.camera(), data.coffee()

# Oracle


@pytest.mark.parametrize(
    "image",
    [CAMERA[:, :300], COFFEE[:, :300], codes(7, 9), codes(11, 11, 3), codes(300, 40, 4)],
    ids="camera coffee smallest color rgba".split(),
)
@pytest.mark.parametrize("window", ["uniform", "gaussian"])
def test_similarity_is_that_of_scikit_image(image, window):
    other = noisy(image, 40)
    found = difference(image, other, window=window)
    if window == "gaussian" and min(image.shape[:2]) < 11:
        assert found.ssim is None
        return
    axis = -1 if image.ndim == 3 else None
    weights = window == "gaussian"
    expected = structural_similarity(image, other, channel_axis=axis, gaussian_weights=weights, data_range=255)
    assert found.ssim == pytest.approx(expected, abs=1e-6)
    as_floats = difference(image / 255, other / 255, window=window)
    assert as_floats.ssim == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float64"])
def test_figures_are_those_of_the_definition(dtype):
    first, second = codes(20, 30, 3, dtype), codes(30, 20, 3, dtype).transpose(1, 0, 2)
    found = difference(first, second)
    apart = np.abs(first.astype(np.float64) - second.astype(np.float64))
    top = {"uint8": 255, "uint16": 65535, "float64": 1}[dtype]
    assert found.full_scale == top
    assert found.maximum == apart.max()
    assert found.mean == pytest.approx(apart.mean(), rel=1e-12)
    assert apart[found.at].max() == apart.max()
    assert found.psnr == pytest.approx(peak_signal_noise_ratio(first, second, data_range=top), rel=1e-12)


def test_similarity_in_bands_of_rows_is_that_of_the_whole():
    """Heights around the seam of two bands, 256 rows and the 6 that overlap."""
    tall = codes(264, 8)
    for height in (256, 261, 262, 263, 264):
        other = noisy(tall, 60)[:height]
        expected = structural_similarity(tall[:height], other)
        assert difference(tall[:height], other).ssim == pytest.approx(expected, abs=1e-9)


# Agreement


def test_every_kind_gives_the_same_figures():
    import torch

    first, second = codes(20, 30, 3), noisy(codes(20, 30, 3))
    expected = difference(first, second)
    assert difference(Image.fromarray(first), second) == expected
    assert difference(torch.from_numpy(channels_first(first)), Image.fromarray(second)) == expected
    assert difference(first[..., ::-1], second[..., ::-1], bgr=True) == expected
    assert difference(first[..., ::-1], Image.fromarray(second), bgr=True) == expected
    in_16_bits = difference(first * np.uint16(257), second)
    assert in_16_bits.maximum == pytest.approx(257 * expected.maximum)
    assert in_16_bits.ssim == pytest.approx(expected.ssim, abs=1e-9)


def test_a_batch_is_all_its_pictures():
    first, second = codes(12, 14, 3, batch=(2, 2)), noisy(codes(12, 14, 3, batch=(2, 2)))
    second[1, 0, 5, 6, 2] = 255 - (first[1, 0, 5, 6, 2] > 127) * 255
    found = difference(first, second)
    each = [difference(first[index], second[index]) for index in np.ndindex(2, 2)]
    assert found.at == (1, 0, 5, 6)
    assert found.maximum == each[2].maximum
    assert found.mean == pytest.approx(np.mean([one.mean for one in each]))
    assert found.ssim == pytest.approx(np.mean([one.ssim for one in each]))


def test_what_one_lacks_is_opaque_or_gray():
    gray = codes(9, 11)
    rgba = np.dstack([gray, gray, gray, np.full_like(gray, 255)])
    assert difference(gray, rgba).maximum == 0
    rgba[3, 4, 3], rgba[5, 6, 1] = 155, gray[5, 6] ^ 1
    assert difference(gray, rgba) == difference(rgba, gray)
    assert difference(gray, rgba).maximum == 100
    assert difference(gray, rgba).at == (3, 4)


# Edges


def test_equal_images_differ_in_nothing():
    found = difference(COFFEE, COFFEE.copy())
    assert (found.maximum, found.mean, found.psnr, found.skipped) == (0, 0, math.inf, 0)
    assert found.ssim == pytest.approx(1)
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["psnr"] is None


def test_what_is_not_finite_is_skipped_and_counted():
    first, second = codes(9, 11, 3, "float32"), codes(9, 11, 3, "float32").copy()
    first[0, 0, 0], second[1, 1, 1], first[2, 2], second[2, 2] = np.nan, np.inf, -np.inf, -np.inf
    second[4, 5, 1] += 0.25
    found = difference(first, second)
    assert found.skipped == 5
    assert found.ssim is None
    assert found.maximum == pytest.approx(0.25)
    assert found.mean == pytest.approx(0.25 / (9 * 11 * 3 - 5))
    json.dumps(found.to_dict(), allow_nan=False)


@pytest.mark.parametrize("scale", [1e-170, 1e300])
def test_extreme_values_have_figures(scale):
    found = difference(np.full((7, 7), scale), np.zeros((7, 7)))
    assert found.maximum == scale
    assert not math.isnan(found.psnr)


def test_a_single_pixel_and_unchanged_inputs():
    one = np.array([[10]], np.uint8)
    one.flags.writeable = False
    found = difference(one, one + np.uint8(5))
    assert found == Difference(5.0, 5.0, pytest.approx(34.15, abs=0.01), None, (0, 0), 255, 0)
    show_difference(one, one)
    assert one[0, 0] == 10


# The sheet


@pytest.mark.parametrize("amplify", [1, np.int64(4), np.float32(0.5)])
def test_the_sheet_is_both_and_their_amplified_difference(amplify):
    first, second = codes(20, 30, 3), noisy(codes(20, 30, 3), 30)
    sheet = show_difference(first, second, amplify=amplify)
    assert sheet.size == (3 * CELL + 4 * MARGIN, 20 + LABEL + 2 * NOTE + 2 * MARGIN)
    np.testing.assert_array_equal(cell(sheet, 0, (20, 30)), first)
    np.testing.assert_array_equal(cell(sheet, 1, (20, 30)), second)
    expected = np.clip(np.abs(first.astype(float) - second) * amplify, 0, 255)
    assert np.abs(cell(sheet, 2, (20, 30)) - expected).max() <= 0.51
    assert f"difference times {amplify}" in sheet.info["alt"]


def test_the_factor_makes_small_differences_visible_and_clips_next_to_nothing():
    first = codes(100, 100) // 2
    second = first + (np.arange(100) % 5).astype(np.uint8)
    second[0, :50] += 100  # half a hundredth
    sheet = show_difference(first, second)
    assert "difference times 63" in sheet.info["alt"]
    assert cell(sheet, 2, (100, 100))[50, :5, 0].tolist() == [0, 63, 126, 189, 252]
    lonely = first.copy()
    lonely[7, 8] += 50
    assert "difference times 5," in show_difference(first, lonely).info["alt"]
    assert "difference times 1," in show_difference(first, first).info["alt"]


def test_a_difference_in_alpha_alone_is_seen():
    first = codes(16, 16, 4)
    second = first.copy()
    second[4:8, :, 3] ^= 128
    sheet = show_difference(first, second, amplify=1)
    apart = cell(sheet, 2, (16, 16))
    assert (apart[4:8] == 128).all()
    assert not apart[:4].any()
    np.testing.assert_array_equal(cell(sheet, 0, (16, 16)), flatten(first, background="checker"))


def test_both_are_stretched_alike():
    ramp = np.linspace(-1, 1, 12).reshape(3, 4)
    sheet = show_difference(ramp, ramp / 2)
    assert sheet.info["alt"].count("-1 to 1 stretched") == 2
    assert np.abs(cell(sheet, 1, (3, 4))[..., 0] - (ramp / 2 + 1) / 2 * 255).max() <= 0.51


def test_a_batch_has_a_row_for_each_picture_with_its_own_figures():
    first = codes(20, 30, 3, batch=(2,))
    second = first.copy()
    second[1, 3, 4, 0] ^= 64
    alt = show_difference(first, second, titles=["before", "after"]).info["alt"]
    assert "1: before [0], RGB, 20x30" in alt
    assert "3: difference times 3 [0], max 0, mean 0 of 255, PSNR infinite, SSIM 1.0000." in alt
    assert "5: after [1], RGB" in alt
    assert "6: difference times 3 [1], max 64, " in alt


def test_nan_is_marked_in_the_difference():
    first, second = codes(9, 11, None, "float64"), codes(9, 11, None, "float64").copy()
    second[3, 4] = np.nan
    sheet = show_difference(first, second)
    assert "SSIM not known, NaN in 1 pixel, marked." in sheet.info["alt"]
    assert cell(sheet, 2, (9, 11), notes=3)[3, 4].tolist() == [255, 0, 255]


def test_zoom_shows_the_pixels_of_the_difference():
    first, second = codes(7, 9), codes(7, 9) ^ 1
    apart = cell(show_difference(first, second, zoom=10), 2, (70, 90))
    assert (apart == 255).all()


# Messages


GRAY = codes(3, 4)


@pytest.mark.parametrize("function", [difference, show_difference])
@pytest.mark.parametrize(
    ("other", "error", "message"),
    [
        (codes(4, 3), InputValueError, r"other: expected the size of the first image, 3x4 .*, got 4x3; resize"),
        (codes(3, 4, 1, batch=(2,)), InputValueError, r"other: expected as many pictures .*, one, got \(2,\)"),
        ("photo.png", InputTypeError, r"other: expected .* got the path 'photo\.png'; read it first"),
        (GRAY.astype(np.int64), InputTypeError, r"other: expected dtype .* got int64"),
        (np.full((3, 4), np.nan), InputValueError, r"image: expected finite values to compare, got none"),
    ],
)
def test_what_cannot_be_compared_is_refused(function, other, error, message):
    with pytest.raises(error, match=message):
        function(GRAY, other)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"amplify": 0}, InputValueError, r"amplify: expected a positive number, got 0; pass for instance 10\."),
        ({"amplify": math.nan}, InputValueError, r"amplify: expected a positive number, got nan"),
        ({"amplify": math.inf}, InputValueError, r"amplify: expected a positive number, got inf"),
        ({"amplify": "9"}, InputTypeError, r"amplify: expected a number, got '9'"),
        ({"amplify": True}, InputTypeError, r"amplify: expected a number, got True"),
        ({"zoom": 0}, InputValueError, r"zoom: expected 1 or more, got 0"),
        ({"titles": ["one"]}, InputValueError, r"titles: expected 2 of them, one an image, got 1"),
    ],
)
def test_options_that_do_not_fit_are_refused(options, error, message):
    with pytest.raises(error, match=message):
        show_difference(GRAY, GRAY, **options)


def test_a_window_is_one_of_two():
    with pytest.raises(InputValueError, match=r'window: expected "uniform" or "gaussian", got \'hann\'; pass one'):
        difference(GRAY, GRAY, window="hann")


def test_a_sheet_can_be_described():
    assert describe(show_difference(GRAY, GRAY)).order == "RGB"
