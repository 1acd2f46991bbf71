"""color: every kind of image, dtype and form; alpha, order, edges and messages."""

import re

import numpy as np
import pytest
import torch
from hypothesis import given, strategies as st

import aikit
from aikit import InputTypeError, InputValueError, convert_color
from pictures import codes, in_dtype, opencv_order, pil, tensor

FLOAT_SPACES = "linear_rgb xyz lab lch luv oklab oklch hsv hsl yuv".split()
CODE_SPACES = ["gray", "ycbcr", "cmyk"]
SPACES = ["gray", *FLOAT_SPACES, "ycbcr", "cmyk"]
DTYPES = ["bool", "uint8", "uint16", "float16", "float32", "float64"]
INTEGERS = ["bool", "uint8", "uint16"]


def planes_last(image):
    """Whatever came out, as (..., H, W, C)."""
    if isinstance(image, torch.Tensor):
        return np.moveaxis(image.detach().float().numpy() if image.dtype == torch.bfloat16 else image.numpy(), -3, -1)
    array = np.asarray(image)
    return array[..., None] if array.ndim == 2 else array


def as_space(rgb, space):
    """An array of a space, from RGB."""
    return convert_color(rgb, "rgb", space)


# The names


@pytest.mark.parametrize("space", SPACES)
def test_named_pairs_are_convert_color(space):
    rgb = codes(3, 5, 3, "float64")
    there = getattr(aikit.color, f"rgb_to_{space}")(rgb)
    assert np.array_equal(there, convert_color(rgb, "rgb", space))
    assert np.array_equal(getattr(aikit.color, f"{space}_to_rgb")(there), convert_color(there, space, "rgb"))


@pytest.mark.parametrize("kind", ["numpy", "torch"])
@pytest.mark.parametrize("space", ["rgb", "lab", "ycbcr"])
def test_a_space_to_itself_changes_nothing(space, kind):
    image = codes(3, 5, 4, "float32") if kind == "numpy" else tensor(codes(3, 5, 4, "float32"))
    assert np.array_equal(convert_color(image, space, space), image)


# Agreement


@pytest.mark.usefixtures("tensors_work_in")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("space", SPACES)
def test_tensors_agree_with_arrays(space, dtype):
    channels = 3 if space == "cmyk" else 4
    image = codes(7, 9, channels, dtype)
    there, there_too = convert_color(image, "rgb", space), convert_color(tensor(image), "rgb", space)
    assert str(there_too.dtype) == f"torch.{there.dtype}"
    exact = there.dtype.kind in "ub"
    scale = max(1.0, float(np.abs(there).max()))
    limit = {"float16": 1e-3, "float64": 1e-13}.get(there.dtype.name, 4e-6) * scale
    gap = np.abs(planes_last(there_too).astype(np.float64) - planes_last(there))
    assert gap.max() <= (1 if exact else limit) or (space in ("lch", "oklch") and dtype == "float16")
    back, back_too = convert_color(there, space, "rgb"), convert_color(tensor(planes_last(there)), space, "rgb")
    assert np.abs(planes_last(back_too).astype(np.float64) - planes_last(back)).max() <= (1 if exact else limit)


@pytest.mark.usefixtures("tensors_work_in")
@pytest.mark.parametrize("kind", ["numpy", "torch"])
@pytest.mark.parametrize("space", SPACES)
def test_a_batch_is_its_pictures(space, kind):
    batch = codes(4, 5, 3, "uint8", batch=(2, 3))
    image = batch if kind == "numpy" else tensor(batch)
    there = convert_color(image, "rgb", space)
    singles = [convert_color(image[i, j], "rgb", space) for i in range(2) for j in range(3)]
    expected = np.stack([planes_last(one) for one in singles])
    # torch's powers differ in the last bit between the middle of a block and its end.
    limit = 2e-6 * max(1, abs(expected).max()) if kind == "torch" and space in FLOAT_SPACES else 0
    assert abs(planes_last(there).reshape(6, 4, 5, -1).astype(float) - expected).max() <= limit


@pytest.mark.parametrize("space", ["gray", "hsv", "ycbcr", "cmyk"])
def test_pil_agrees_with_arrays(space):
    array = codes(6, 7, 3)
    there = convert_color(pil(array), "rgb", space)
    assert there.mode == {"gray": "L", "hsv": "HSV", "ycbcr": "YCbCr", "cmyk": "CMYK"}[space]
    if space == "hsv":
        expected = np.rint(convert_color(array, "rgb", "hsv") / [360, 1, 1] * 255)
    else:
        expected = planes_last(convert_color(array, "rgb", space))
    assert np.abs(planes_last(there) - expected).max() <= (1e-9 if space != "hsv" else 0)
    back = convert_color(there, space, "rgb")
    assert back.mode == "RGB"
    assert abs(np.asarray(back).astype(int) - array).max() <= (2 if space == "ycbcr" else 255 if space == "gray" else 4)


def test_pil_agrees_with_pillow():
    picture = pil(codes(40, 50, 3))
    for space, mode in (("gray", "L"), ("ycbcr", "YCbCr")):
        ours = np.asarray(convert_color(picture, "rgb", space)).astype(int)
        assert abs(ours - np.asarray(picture.convert(mode))).max() <= 1
    ycbcr = picture.convert("YCbCr")
    ours = np.asarray(aikit.color.ycbcr_to_rgb(ycbcr)).astype(int)
    assert abs(ours - np.asarray(ycbcr.convert("RGB"))).max() <= 1
    # Hue wraps, and Pillow truncates where we round.
    gap = abs(np.asarray(aikit.rgb_to_hsv(picture)).astype(int) - np.asarray(picture.convert("HSV")))
    assert np.minimum(gap, 256 - gap).max() <= 1


def test_pil_resolves_any_mode_first():
    array = codes(5, 6, 3)
    palette = pil(array).quantize(8)
    expected = aikit.color.rgb_to_ycbcr(palette.convert("RGB"))
    assert np.array_equal(np.asarray(aikit.color.rgb_to_ycbcr(palette)), np.asarray(expected))
    rotated = pil(array)
    rotated.getexif()[0x0112] = 6
    assert aikit.rgb_to_hsv(rotated).size == (5, 6)
    # As an image of another space a CMYK image is what it looks like.
    cmyk = aikit.color.rgb_to_cmyk(pil(array))
    assert aikit.rgb_to_gray(cmyk).mode == "L"


def test_pil_keeps_its_info():
    picture = pil(codes(3, 4, 3))
    picture.info["dpi"] = (72, 72)
    assert aikit.color.rgb_to_ycbcr(picture).info["dpi"] == (72, 72)
    assert aikit.color.ycbcr_to_rgb(aikit.color.rgb_to_ycbcr(picture)).info["dpi"] == (72, 72)


def test_pil_gray_keeps_its_depth_and_alpha():
    gray = pil(codes(3, 4, None, "uint16"))
    assert gray.mode == "I;16"
    assert np.array_equal(np.asarray(convert_color(gray, "gray", "gray")), np.asarray(gray))
    assert convert_color(gray, "gray", "gray", dtype="uint8").mode == "L"
    assert aikit.color.gray_to_rgb(gray).mode == "RGB"
    assert aikit.rgb_to_gray(pil(codes(3, 4, 4))).mode == "LA"
    assert aikit.color.gray_to_rgb(pil(codes(3, 4, 2))).mode == "RGBA"


@pytest.mark.parametrize("space", SPACES)
def test_autocast_changes_nothing(space):
    image = tensor(codes(6, 7, 3, "float32"))
    there = convert_color(image, "rgb", space)
    back = convert_color(there, space, "rgb")
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(convert_color(image, "rgb", space), there)
        assert torch.equal(convert_color(there, space, "rgb"), back)


# dtypes


@pytest.mark.parametrize("kind", ["numpy", "torch"])
@pytest.mark.parametrize("dtype", [*DTYPES, "bfloat16"])
@pytest.mark.parametrize("space", SPACES)
def test_dtypes_that_come_out(space, dtype, kind):
    if dtype == "bfloat16" and kind == "numpy":
        pytest.skip("NumPy has none")
    image = tensor(codes(4, 5, 3, "float32")).bfloat16() if dtype == "bfloat16" else codes(4, 5, 3, dtype)
    image = tensor(image) if kind == "torch" and dtype != "bfloat16" else image
    there = convert_color(image, "rgb", space)
    keeps = space in CODE_SPACES or dtype not in INTEGERS
    expected = ("uint8" if dtype == "bool" else dtype) if keeps else "float32"
    assert str(there.dtype).removeprefix("torch.") == expected
    assert str(convert_color(there, space, "rgb").dtype).removeprefix("torch.") == expected


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float16", "float32", "float64"])
@pytest.mark.parametrize("space", SPACES)
def test_dtype_is_honored(space, dtype):
    rgb = codes(4, 5, 3)
    there = convert_color(rgb, "rgb", space)
    back = getattr(aikit.color, f"{space}_to_rgb")(there, dtype=dtype)
    assert back.dtype == dtype
    if space != "gray":  # gray has forgotten the colors
        tolerance = 3 if space in ("ycbcr", "cmyk") else 0.3
        assert abs(in_dtype(back, "float64") * 255 - rgb).max() <= tolerance
    if dtype.startswith("float"):
        assert convert_color(rgb, "rgb", space, dtype=dtype).dtype == dtype


@pytest.mark.parametrize("space", FLOAT_SPACES)
def test_half_floats_are_computed_in_float32(space):
    image = codes(8, 9, 3, "float16")
    wide = convert_color(image.astype(np.float32), "rgb", space)
    assert np.array_equal(convert_color(image, "rgb", space), wide.astype(np.float16))
    half = tensor(image.astype(np.float32)).bfloat16()
    assert torch.equal(convert_color(half, "rgb", space), convert_color(half.float(), "rgb", space).bfloat16())


def test_integers_are_shares_of_their_full_range():
    image = codes(5, 6, 3)
    # 8-bit codes reach light by a table, floats by a power within 5e-7.
    assert abs(aikit.rgb_to_lab(image) - aikit.rgb_to_lab(aikit.to_numpy(image, dtype="float32"))).max() < 1e-4
    wide = aikit.to_numpy(image, dtype="uint16")
    assert abs(aikit.rgb_to_lab(wide) - aikit.rgb_to_lab(image)).max() < 2e-4


# Alpha


@pytest.mark.parametrize("kind", ["numpy", "torch"])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("space", [space for space in SPACES if space != "cmyk"])
def test_alpha_rides_along(space, dtype, kind):
    image = codes(6, 7, 4, dtype)
    given = image if kind == "numpy" else tensor(image)
    there = planes_last(convert_color(given, "rgb", space))
    floats = space in FLOAT_SPACES and dtype in INTEGERS
    alpha = in_dtype(image[..., 3], "float32" if floats else ("uint8" if dtype == "bool" else dtype))
    assert np.array_equal(there[..., -1], alpha)
    alone = planes_last(convert_color(given[..., :3] if kind == "numpy" else given[:3], "rgb", space))
    assert np.array_equal(there[..., :-1], alone)
    back = planes_last(convert_color(convert_color(given, "rgb", space), space, "rgb"))
    assert np.array_equal(back[..., 3], alpha)


# Order


@pytest.mark.parametrize("kind", ["numpy", "torch"])
@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("src", ["rgb", "linear_rgb", "hsv", "ycbcr"])
@pytest.mark.parametrize("dst", ["rgb", "linear_rgb", "lab", "ycbcr", "gray"])
def test_bgr_is_an_order_of_rgb_alone(src, dst, channels, kind):
    form = (lambda array: array) if kind == "numpy" else tensor
    image = codes(5, 6, channels, "float32")
    expected = planes_last(convert_color(form(image), src, dst))
    given = np.ascontiguousarray(opencv_order(image)) if src in ("rgb", "linear_rgb") else image
    if dst in ("rgb", "linear_rgb"):
        expected = opencv_order(expected)
    assert np.allclose(planes_last(convert_color(form(given), src, dst, bgr=True)), expected, rtol=3e-7, atol=1e-7)


def test_bgr_weighs_red_and_blue_the_right_way_round():
    bgra = np.array([[[255, 0, 0, 7]]], np.uint8)
    assert aikit.rgb_to_gray(bgra, bgr=True).tolist() == [[[29, 7]]]
    assert aikit.rgb_to_gray(bgra).tolist() == [[[76, 7]]]


# Gray


@pytest.mark.parametrize(
    ("shape", "expected"),
    [((4, 5, 3), (4, 5)), ((4, 5, 4), (4, 5, 2)), ((2, 4, 5, 3), (2, 4, 5, 1)), ((1, 4, 5, 4), (1, 4, 5, 2))],
)
def test_forms_of_gray(shape, expected):
    image = codes(*shape[-3:], batch=shape[:-3])
    assert aikit.rgb_to_gray(image).shape == expected
    chw = tensor(image)
    assert aikit.rgb_to_gray(chw).shape == (*shape[:-3], 1 if shape[-1] == 3 else 2, 4, 5)


def test_gray_of_every_form_becomes_rgb():
    image = codes(4, 5)
    assert np.array_equal(aikit.color.gray_to_rgb(image), np.stack([image] * 3, -1))
    assert np.array_equal(aikit.color.gray_to_rgb(image[..., None]), np.stack([image] * 3, -1))
    with_alpha = codes(4, 5, 2)
    assert np.array_equal(aikit.color.gray_to_rgb(with_alpha), with_alpha[..., [0, 0, 0, 1]])
    assert aikit.color.gray_to_rgb(tensor(image[..., None])).shape == (3, 4, 5)


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        ("bt601", (76, 150, 29)),
        ("bt709", (54, 182, 18)),
        ("bt2020", (67, 173, 15)),
        ((1, 0, 0), (255, 0, 0)),
        ([0.25, 0.5, 0.25], (64, 128, 64)),
    ],
)
def test_weights(weights, expected):
    primaries = np.diag([255, 255, 255]).astype(np.uint8)[None]
    assert aikit.rgb_to_gray(primaries, weights=weights).tolist() == [list(expected)]
    assert convert_color(primaries, "rgb", "gray", weights=weights).tolist() == [list(expected)]
    assert aikit.rgb_to_gray(tensor(primaries), weights=weights).tolist() == [[list(expected)]]


def test_weights_are_any_numbers():
    image = codes(3, 4, 3)
    mean = aikit.rgb_to_gray(image, weights=(np.float32(1 / 3),) * 3).astype(int)
    assert abs(mean - image.mean(-1)).max() <= 0.5


@pytest.mark.parametrize("dtype", ["uint8", np.uint8, np.dtype("uint8"), torch.uint8])
def test_pil_takes_its_own_dtype_in_every_spelling(dtype):
    picture = pil(codes(3, 4, 3))
    assert np.array_equal(convert_color(picture, "rgb", "hsv", dtype=dtype), aikit.rgb_to_hsv(picture))


@pytest.mark.parametrize("space", ["hsv", "hsl", "lch", "oklch"])
def test_hue_is_a_circle(space):
    there = convert_color(codes(4, 5, 3, "float64"), "rgb", space)
    turn = np.array([0, 0, 360] if space in ("lch", "oklch") else [360, 0, 0])
    rgb = convert_color(there, space, "rgb")
    for around in (there + turn, there - turn, there - 2 * turn):
        assert np.allclose(convert_color(around, space, "rgb"), rgb, atol=1e-9)


@given(st.integers(0, 65535))
def test_gray_of_gray_is_itself(code):
    assert aikit.rgb_to_gray(np.full((1, 1, 3), code, np.uint16)).item() == code
    assert aikit.rgb_to_gray(np.full((1, 1, 3), code & 255, np.uint8)).item() == code & 255


# Edges


def unusual(image):
    """The same picture as memory seldom has it."""
    read_only = image.copy()
    read_only.setflags(write=False)
    yield read_only
    yield np.ascontiguousarray(image[::-1, ::-1])[::-1, ::-1]
    yield np.ascontiguousarray(image[..., ::-1])[..., ::-1]
    yield np.asfortranarray(image)
    yield image.astype(image.dtype.newbyteorder(">"))
    yield np.repeat(image, 2, 1)[:, ::2]


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32", "float64"])
@pytest.mark.parametrize("space", SPACES)
def test_memory_of_every_form(space, dtype):
    image = codes(5, 6, 3, dtype)
    there = convert_color(image, "rgb", space)
    back = convert_color(there, space, "rgb")
    for other in unusual(image):
        before = other.copy()
        ours = convert_color(other, "rgb", space)
        assert np.allclose(ours, there, rtol=3e-7, atol=1e-7)  # what lies together takes a faster way
        assert ours.dtype == there.dtype
        assert ours.dtype.isnative
        assert ours.flags.c_contiguous
        assert ours.flags.writeable
        assert np.array_equal(other, before)
    for other in unusual(there):
        assert np.allclose(convert_color(other, space, "rgb"), back, rtol=3e-7, atol=6e-7)


@pytest.mark.parametrize("space", SPACES)
def test_tensors_of_every_form(space):
    image = tensor(codes(5, 6, 3, "float32"))
    there = convert_color(image, "rgb", space)
    for other in (image[None].to(memory_format=torch.channels_last)[0], image.transpose(1, 2).contiguous().mT):
        before = other.clone()
        ours = convert_color(other, "rgb", space)
        assert torch.allclose(ours, there, atol=1e-5)
        assert ours.is_contiguous()
        assert torch.equal(other, before)
    spread = image[:, :1, :1].expand(3, 4, 5)
    assert torch.allclose(convert_color(spread, "rgb", space), there[:, :1, :1].expand(-1, 4, 5), atol=1e-5)


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (7, 1), (3, 3), (300, 700)])
@pytest.mark.parametrize("space", SPACES)
def test_sizes(space, shape):
    # The last one is cut into bands.
    image = codes(*shape, 3)
    there = convert_color(image, "rgb", space)
    assert there.shape[:2] == shape
    middle = shape[0] // 2, shape[1] // 2
    single = convert_color(image[middle][None, None], "rgb", space)
    assert np.allclose(there[middle], single[0, 0], atol=1e-5)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("kind", ["numpy", "torch"])
@pytest.mark.parametrize("space", SPACES)
def test_nan_and_infinity_pass(space, kind, value):
    image = codes(2, 3, 3, "float32")
    image[0, 0, 1] = value
    given = image if kind == "numpy" else tensor(image)
    there = convert_color(given, "rgb", space)
    finite = planes_last(convert_color(given, "rgb", space))[1]
    assert np.isfinite(finite).all()
    assert planes_last(convert_color(there, space, "rgb")).shape == image.shape
    if np.isnan(value):
        assert np.isnan(planes_last(there)[0, 0]).any()


def test_nan_on_the_way_to_integers_raises():
    lab = np.full((2, 2, 3), np.nan, np.float32)
    with pytest.raises(InputValueError, match="got NaN"):
        aikit.lab_to_rgb(lab, dtype="uint8")


# Messages


@pytest.mark.parametrize("space", SPACES)
def test_gray_has_to_become_rgb_first(space):
    pictures = [pil(codes(3, 4)), pil(codes(3, 4, 2))] if space in ("gray", "hsv", "ycbcr", "cmyk") else []
    for image in (codes(3, 4), codes(3, 4, 2), tensor(codes(3, 4, 1)), *pictures):
        with pytest.raises(InputValueError, match=r"image: expected .* got gray.*; call gray_to_rgb first\."):
            convert_color(image, "rgb", space)


@pytest.mark.parametrize(
    "image", [codes(3, 4, 4), tensor(codes(3, 4, 4)), pil(codes(3, 4, 4))], ids=["numpy", "torch", "pil"]
)
def test_alpha_has_to_be_flattened_for_cmyk(image):
    with pytest.raises(
        InputValueError, match=r"image: expected no alpha channel for cmyk, got RGBA; call flatten first\."
    ):
        aikit.color.rgb_to_cmyk(image)


@pytest.mark.parametrize("space", ["lab", "lch", "luv", "oklab", "oklch", "xyz", "linear_rgb", "yuv", "hsl"])
def test_pil_names_to_numpy(space):
    message = f"dst: expected a space that PIL has a mode for, got {space}; call to_numpy first."
    with pytest.raises(InputValueError, match=re.escape(message)):
        convert_color(pil(codes(3, 4, 3)), "rgb", space)
    with pytest.raises(InputValueError, match=f"src: expected a space that PIL has a mode for, got '{space}'"):
        convert_color(pil(codes(3, 4, 3)), space, "rgb")


@pytest.mark.parametrize("space", ["hsv", "ycbcr"])
def test_pil_has_no_alpha_beside_other_spaces(space):
    with pytest.raises(InputValueError, match=f"got {space} with alpha; call to_numpy first"):
        convert_color(pil(codes(3, 4, 4)), "rgb", space)


@pytest.mark.parametrize(("space", "mode"), [("hsv", "HSV"), ("ycbcr", "YCbCr"), ("cmyk", "CMYK")])
def test_pil_modes_are_spaces(space, mode):
    with pytest.raises(InputValueError, match=f"image: expected a PIL image of mode {mode}, got RGB"):
        convert_color(pil(codes(3, 4, 3)), space, "rgb")


@pytest.mark.parametrize("options", [{"standard": "bt709"}, {"range": "limited"}])
def test_pils_ycbcr_is_jpegs(options):
    picture = pil(codes(3, 4, 3))
    for call in (aikit.color.rgb_to_ycbcr, aikit.color.ycbcr_to_rgb):
        image = picture if call is aikit.color.rgb_to_ycbcr else picture.convert("YCbCr")
        with pytest.raises(InputValueError, match="whose YCbCr is always bt601 and full; call to_numpy first"):
            call(image, **options)


@pytest.mark.parametrize("kind", ["numpy", "torch"])
@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("space", FLOAT_SPACES)
def test_integers_have_no_natural_units(space, dtype, kind):
    image = codes(3, 4, 3, dtype)
    advice = 'encoding="cv2"' if dtype == "uint8" else "convert the values yourself"
    with pytest.raises(InputTypeError, match=f"image: expected floats for {space}, .* got {dtype}; .*{advice}"):
        convert_color(image if kind == "numpy" else tensor(image), space, "rgb")


@pytest.mark.parametrize("dtype", ["uint8", "uint16", torch.uint8, np.uint16])
def test_natural_units_do_not_fit_integers(dtype):
    with pytest.raises(InputValueError, match=r"dtype: expected a float dtype for lab, .* got 'uint"):
        convert_color(codes(3, 4, 3), "rgb", "lab", dtype=dtype)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda a: convert_color(a, "rgb", "hsb"), InputValueError, r"dst: expected one of rgb, .*, got 'hsb'"),
        (lambda a: convert_color(a, "bgr", "hsv"), InputValueError, r"src: expected one of rgb, .*, got 'bgr'"),
        (lambda a: convert_color(a, ["rgb"], "hsv"), InputValueError, r"src: .* got \['rgb'\]"),
        (
            lambda a: aikit.color.rgb_to_ycbcr(a, standard="601"),
            InputValueError,
            "standard: expected one of bt601, .* '601'",
        ),
        (
            lambda a: aikit.color.rgb_to_ycbcr(a, range="tv"),
            InputValueError,
            "range: expected one of full, limited, got",
        ),
        (lambda a: aikit.color.rgb_to_yuv(a, standard=["bt601"]), InputValueError, "standard: expected one of"),
        (lambda a: aikit.color.rgb_to_yuv(a, standard=None), InputValueError, "standard: expected one of .* got None"),
        (lambda a: aikit.rgb_to_gray(a, weights="601"), InputValueError, "weights: expected bt601, .* got '601'"),
        (lambda a: aikit.rgb_to_gray(a, weights=(1, 2)), InputValueError, r"weights: .* got \(1, 2\)"),
        (lambda a: aikit.rgb_to_gray(a, weights=(1, np.nan, 0)), InputValueError, r"weights: .* nan"),
        (lambda a: aikit.rgb_to_gray(a, weights=("1", 0, 0)), InputValueError, r"weights: .* got \('1', 0, 0\)"),
        (lambda a: aikit.rgb_to_lab("a.png"), InputTypeError, "image: .*the path 'a.png'; read it first"),
        (lambda a: aikit.rgb_to_lab(None), InputTypeError, "image: expected a PIL image, .* got NoneType"),
        (lambda a: aikit.lab_to_rgb(a[..., :1]), InputValueError, "image: expected 3 channels of lab, got gray"),
        (
            lambda a: aikit.color.gray_to_rgb(a),
            InputValueError,
            "image: expected gray, .* got RGB; call rgb_to_gray first",
        ),
        (lambda a: aikit.color.cmyk_to_rgb(a), InputValueError, "image: expected 4 channels of cmyk, got 3"),
        (lambda a: aikit.lab_to_rgb(a, dtype="int32"), InputValueError, "dtype: expected one of .* got 'int32'"),
        (lambda a: aikit.rgb_to_hsv(pil(codes(3, 4, 3)), bgr=True), InputValueError, "bgr: expected False"),
        (
            lambda a: convert_color(pil(codes(3, 4, 3)), "rgb", "hsv", dtype="float32"),
            InputValueError,
            'dtype: expected None or "uint8" for a PIL image',
        ),
        (  # NumPy says that this dtype equals None
            lambda a: convert_color(pil(codes(3, 4, 3)), "rgb", "hsv", dtype=np.dtype("float64")),
            InputValueError,
            'dtype: expected None or "uint8" for a PIL image',
        ),
        (lambda a: aikit.rgb_to_hsv(a.astype(np.int64)), InputTypeError, "image: expected dtype bool, .* got int64"),
        (lambda a: aikit.rgb_to_hsv(a[:0]), InputValueError, "image: expected at least one pixel"),
    ],
)
def test_messages(call, error, message):
    with pytest.raises(error, match=message):
        call(codes(3, 4, 3, "float32"))
