"""What is done all the same and may not be what was meant: one warning, at the caller's line, with the way out."""

import threading
import warnings

import numpy as np
import pytest
import torch
from PIL import Image

import aikit
import supervised_jobs
from aikit import AikitWarning, InputValueError
from aikit._pixels import in_threads
from aikit._warnings import keep_warnings, warn_caller

BYTES = np.random.default_rng(0).integers(0, 256, (40, 50, 3)).astype(np.float32)
UNIT = BYTES / 255


def caught(call):
    """The AikitWarnings of a call, every one of them."""
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        call()
    return [each for each in found if issubclass(each.category, AikitWarning)]


def chw(array):
    return torch.from_numpy(array).permute(2, 0, 1)


# ---------------------------------------------------------------- floats on the way to integers


CONVERTERS = {
    "to_pil": aikit.to_pil,
    "to_numpy": lambda image, **options: aikit.to_numpy(image, dtype="uint8", **options),
    "to_cv2": aikit.to_cv2,
    "to_tensor": lambda image, **options: aikit.to_tensor(image, dtype="uint16", **options),
    "stack": lambda image: aikit.stack([image], dtype="uint8", device="cpu"),
    "encode": lambda image: aikit.encode(image, "png"),
}
FORMS = {
    "array": lambda array: array,
    "float64": lambda array: array.astype(np.float64),
    "float16": lambda array: array.astype(np.float16),
    "strided": lambda array: array[:, ::-1],
    "tensor": chw,
    "recorded": lambda array: chw(array.copy()).requires_grad_(),
}


@pytest.mark.parametrize("convert", CONVERTERS.values(), ids=CONVERTERS)
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_floats_from_0_to_255_are_told_of_once(convert, form):
    if convert is CONVERTERS["stack"] and form is FORMS["recorded"]:
        pytest.skip("stack does not look at tensors that record gradients")
    (warning,) = caught(lambda: convert(form(BYTES)))
    assert str(warning.message).startswith(
        "image: expected floats in [0, 1] on the way to integers, got values from 0 to"
    )
    assert "value_range=(0, 255)" in str(warning.message)
    assert caught(lambda: convert(form(UNIT))) == []


@pytest.mark.parametrize(
    ("values", "way_out"),
    [
        (BYTES * 257, r"value_range=\(0, 65535\)"),
        (UNIT * 2 - 1, r"value_range=\(-1, 1\)"),
        ((UNIT - np.float32(0.45)) / np.float32(0.225), "undo the normalization"),
    ],
    ids=["16 bits", "signed", "normalized"],
)
def test_the_way_out_is_told(values, way_out):
    with pytest.warns(AikitWarning, match=way_out):
        aikit.to_pil(values)


@pytest.mark.parametrize("kind", [np.asarray, torch.from_numpy], ids=["array", "tensor"])
@pytest.mark.parametrize(
    ("far", "value", "warns"),
    [
        (100, 1.51, False),  # one in a hundred is not more than that
        (101, 1.51, True),
        (10000, 1.5, False),
        (101, -0.51, True),
        (10000, -0.5, False),
        (1, -0.9, True),
        (1, -0.89, False),
    ],
)
def test_where_the_line_is(kind, far, value, warns):
    values = np.full(10000, 0.5)
    values[:far] = value
    for shape in ((1, 100, 100), (1, 10000, 1)):
        image = kind(values.reshape(shape))
        assert (
            bool(
                caught(
                    lambda image=image: aikit.to_numpy(
                        image, dtype="uint8", layout="CHW" if kind is np.asarray else None
                    )
                )
            )
            == warns
        )
    recorded = torch.from_numpy(values.reshape(1, 100, 100)).requires_grad_()
    assert bool(caught(lambda: aikit.to_tensor(recorded, dtype="uint8"))) == warns


def test_what_is_meant_is_not_told_of():
    assert caught(lambda: aikit.to_pil(BYTES, value_range=(0, 255))) == []
    assert caught(lambda: aikit.to_pil(BYTES, value_range=(0, 1))) == []
    assert caught(lambda: aikit.to_numpy(BYTES, dtype="float16")) == []
    assert caught(lambda: aikit.blur(BYTES, 1)) == []
    # Sharp kernels overshoot, and an operation on codes clamps what it was asked for.
    noise = (BYTES > 127).astype(np.float32)
    assert caught(lambda: aikit.to_pil(aikit.resize(noise, scale=3))) == []
    assert caught(lambda: aikit.upsample(BYTES.astype(np.uint8), 2, sharpen=2)) == []


def test_large_pictures_and_batches_are_counted_whole():
    # In many strips, on several threads; a hundredth lies in one of them.
    large = np.zeros((2000, 2000), np.float32)
    large[:20] = 9
    assert caught(lambda: aikit.to_pil(large)) == []
    large[20, 0] = 9
    assert len(caught(lambda: aikit.to_pil(large))) == 1
    batch = np.zeros((4, 50, 50, 3), np.float32)
    batch[2, :2] = 9
    assert caught(lambda: aikit.to_numpy(batch, dtype="uint8")) == []
    batch[2, 2, 0] = 9
    assert len(caught(lambda: aikit.to_numpy(batch, dtype="uint8"))) == 1


def test_results_in_units_that_cannot_be_right():
    hundred = np.full((4, 4, 3), 50.0)  # XYZ whose white is 100
    with pytest.warns(AikitWarning, match="check the units of what came in"):
        aikit.color.xyz_to_rgb(hundred, dtype="uint8")
    assert caught(lambda: aikit.color.xyz_to_rgb(hundred / 100, dtype="uint8")) == []


def test_single_colors_beyond_a_gamut_are_no_slip():
    lch = np.full((40, 40, 3), (0.6, 0.05, 200), np.float32)
    lch[0, :3] = (0.5, 0.5, 200)  # red far below 0
    assert aikit.color.oklch_to_rgb(lch).min() < -0.9
    assert caught(lambda: aikit.color.oklch_to_rgb(lch, dtype="uint8")) == []


# ---------------------------------------------------------------- other slips


@pytest.mark.parametrize(
    ("color", "warns"),
    [
        ((1.0, 1.0, 1.0), True),
        ((0.5, 0, 0), True),
        (1.0, True),
        (np.array([0.2, 0.4, 0.6]).tolist(), True),
        ((1, 1, 1), False),
        ((0.0, 0.0, 0.0), False),
        ((255.0, 128.0, 0.5), False),
        ("white", False),
    ],
    ids=str,
)
def test_colors_in_other_units(color, warns):
    color = tuple(color) if isinstance(color, list) else color
    clear = np.zeros((2, 2, 4), np.uint8)
    for image in (clear, Image.fromarray(clear), torch.zeros(4, 2, 2, dtype=torch.uint8)):
        found = caught(lambda image=image: aikit.flatten(image, background=color))
        assert [str(each.message).partition(":")[0] for each in found] == ["background"] * warns
    if not isinstance(color, tuple) or max(color) <= 1:
        assert caught(lambda: aikit.flatten(np.zeros((2, 2, 4)), background=color)) == []


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_a_mask_of_0_and_1_as_alpha(dtype):
    mask = (BYTES[..., 0] > 127).astype(dtype)
    picture = BYTES.astype(np.uint8)
    for alpha in (mask, mask[::-1], torch.from_numpy(mask)[None]):
        (warning,) = caught(lambda alpha=alpha: aikit.merge_alpha(picture, alpha))
        assert 'pass mask.astype("bool")' in str(warning.message)
    one_more = mask.copy()
    one_more[17, 3] = 2
    for alpha in (mask.astype(bool), mask.astype(np.float32), mask * 0, mask * 255, one_more):
        assert caught(lambda alpha=alpha: aikit.merge_alpha(picture, alpha)) == []


# ---------------------------------------------------------------- where it is said


def test_it_points_at_the_line_of_the_caller():
    for call in (
        lambda: aikit.to_pil(BYTES),
        lambda: aikit.stack([BYTES], dtype="uint8", device="cpu"),
        lambda: aikit.flatten(np.zeros((2, 2, 4), np.uint8), background=1.0),
        lambda: aikit.merge_alpha(np.zeros((2, 2), np.uint8), np.ones((2, 2), np.uint8)),
    ):
        (warning,) = caught(call)
        assert (warning.filename, warning.lineno) == (__file__, call.__code__.co_firstlineno)


def test_a_filter_makes_it_an_error():
    with warnings.catch_warnings():
        warnings.filterwarnings("error", category=aikit.AikitWarning)
        with pytest.raises(AikitWarning, match="on the way to integers"):
            aikit.to_pil(BYTES)
        warnings.filterwarnings("ignore", category=aikit.AikitWarning)
        assert aikit.to_pil(BYTES).mode == "RGB"


def test_threads_of_ours_pass_it_on():
    def work(number):
        warn_caller(f"number {number % 2}: said in a thread")
        return number

    found = caught(lambda: in_threads(work, list(range(64))))
    assert sorted(str(each.message) for each in found) == ["number 0: said in a thread", "number 1: said in a thread"]
    assert {each.filename for each in found} == {__file__}


def test_a_thread_without_a_caller_still_says_it():
    def call():
        thread = threading.Thread(target=warn_caller, args=("nobody: called",))
        thread.start()
        thread.join()

    (warning,) = caught(call)
    assert (str(warning.message), warning.filename) == ("nobody: called", "aikit")


def test_what_is_kept_is_not_said():
    with keep_warnings() as kept:
        assert caught(lambda: aikit.to_pil(BYTES)) == []
        with keep_warnings() as inner:
            warn_caller("inner: kept apart")
    assert (len(kept), inner) == (1, ["inner: kept apart"])


def test_child_processes_pass_it_on():
    found = caught(lambda: list(aikit.map_supervised(supervised_jobs.round_floats, [2.0, 0.5], workers=1)))
    assert len(found) == 1
    assert str(found[0].message).startswith("image: expected floats in [0, 1] on the way to integers")


# ---------------------------------------------------------------- value_range of the color functions


@pytest.mark.parametrize(
    "name", ["rgb_to_hsv", "rgb_to_lab", "rgb_to_gray", "rgb_to_oklch", "rgb_to_xyz", "rgb_to_ycbcr"]
)
@pytest.mark.parametrize("low_high", [(0, 255), (-1, 1)], ids=str)
def test_color_functions_take_a_range(name, low_high):
    convert, (low, high) = getattr(aikit.color, name), low_high
    ranged = UNIT.astype(np.float64) * (high - low) + low
    expected = convert(UNIT.astype(np.float64))
    np.testing.assert_allclose(convert(ranged, value_range=low_high), expected, atol=1e-9)
    ours = convert(torch.from_numpy(ranged).permute(2, 0, 1), value_range=low_high).numpy()
    np.testing.assert_allclose(np.moveaxis(ours, 0, -1).squeeze(), expected, atol=1e-6)


def test_a_range_reaches_alpha_mode_f_and_frames():
    rgba = np.concatenate([BYTES, BYTES[..., :1]], -1)
    np.testing.assert_allclose(aikit.rgb_to_hsv(rgba, value_range=(0, 255)), aikit.rgb_to_hsv(rgba / 255), atol=1e-4)
    gray = Image.fromarray(BYTES[..., 0])
    expected = aikit.color.gray_to_rgb(BYTES[..., 0].astype(np.uint8))
    np.testing.assert_array_equal(np.asarray(aikit.color.gray_to_rgb(gray, value_range=(0, 255))), expected)
    options = {"standard": "bt709", "range": "limited"}
    frames = aikit.color.rgb_to_nv12(BYTES, **options, value_range=(0, 255))
    np.testing.assert_array_equal(frames, aikit.color.rgb_to_nv12(UNIT, **options))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: aikit.rgb_to_hsv(BYTES.astype(np.uint8), value_range=(0, 255)),
            "value_range: expected None for uint8",
        ),
        (lambda: aikit.rgb_to_hsv(BYTES, value_range=(1, 0)), "value_range: expected low < high"),
        (
            lambda: aikit.convert_color(BYTES, "lab", "rgb", value_range=(0, 255)),
            "value_range: expected None for lab, which has units of its own",
        ),
        (
            lambda: aikit.rgb_to_hsv(BYTES.astype(np.uint8), encoding="cv2", value_range=(0, 255)),
            'value_range: expected None with encoding="cv2"',
        ),
        (
            lambda: aikit.color.rgb_to_cmyk(BYTES, profile=b"", value_range=(0, 255)),
            "value_range: expected None with a profile",
        ),
    ],
)
def test_ranges_that_are_refused(call, message):
    with pytest.raises(InputValueError, match=message):
        call()
