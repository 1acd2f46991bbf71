"""What `describe` says: figures, alpha, memory, hints that are silent about good pictures, text, card and dict."""

import json
import re
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import skimage
from PIL import Image, ImageCms

from aikit import InputTypeError, InputValueError, describe, premultiply, read_numpy
from aikit.files import from_data_url
from aikit.show import Description
from html_card import card_of
from pictures import channels_first, codes

PHOTOGRAPHS = Path(skimage.__file__).parent / "data"
IN_COLOR = (
    "astronaut.png chelsea.png coffee.png color.png hubble_deep_field.jpg ihc.png logo.png motorcycle_left.png "
    "motorcycle_right.png retina.jpg rocket.jpg"
).split()


def disc(color=(0.9, 0.5, 0.2)):
    """A soft disc, straight alpha, float32 (60, 80, 4), with its color under the clear pixels too."""
    y, x = np.mgrid[:60, :80]
    alpha = np.clip((25 - np.hypot(y - 30, x - 40)) / 8, 0, 1)
    return np.dstack([np.full_like(alpha, part) for part in color] + [alpha]).astype(np.float32)


# Figures


@pytest.mark.parametrize("dtype", ["bool", "uint8", "uint16", "float16", "float32", "float64"])
@pytest.mark.parametrize("channels", [None, 1, 2, 3, 4])
def test_figures_are_those_of_numpy(dtype, channels):
    image = codes(20, 30, channels, dtype)
    found = describe(image)
    planes = image.reshape(600, -1).T.astype(np.float64)
    names = {1: ["gray"], 2: ["gray", "alpha"], 3: ["red", "green", "blue"], 4: ["red", "green", "blue", "alpha"]}
    assert [one.name for one in found.channels] == names[channels or 1]
    for one, plane in zip(found.channels, planes, strict=True):
        assert (one.low, one.high) == (plane.min(), plane.max())
        assert one.mean == pytest.approx(plane.mean())
        assert one.spread == pytest.approx(plane.std())
    colors = planes[: len(planes) - (channels in (2, 4))]
    assert (found.low, found.high) == (colors.min(), colors.max())
    assert found.shape == image.shape
    assert found.axes == ("height", "width", "channel")[: image.ndim]
    assert (found.dtype, found.problems) == (dtype, ())


def test_every_kind_is_described_alike():
    import torch

    color = codes(20, 30, 4)
    found = describe(color)
    for image in (Image.fromarray(color), torch.from_numpy(channels_first(color)), color[::-1]):
        other = describe(image)
        assert (other.channels, other.alpha, other.dtype, other.order) == (found.channels, found.alpha, "uint8", "RGBA")
    swapped = describe(color[..., [2, 1, 0, 3]], bgr=True)
    assert (swapped.channels, swapped.alpha, swapped.order) == (found.channels, found.alpha, "BGRA")


def test_a_batch_is_described_as_a_whole():
    import torch

    batch = codes(9, 11, 3, batch=(2, 4))
    found = describe(torch.from_numpy(channels_first(batch)))
    assert found.axes == ("batch", "batch", "channel", "height", "width")
    assert found.channels == describe(batch.reshape(8 * 9, 11, 3)).channels
    assert "batch of 8, 9x11 (height x width), RGB, uint8" in str(found)


def test_what_is_not_finite_is_counted_and_left_out():
    image = codes(9, 11, 3, "float32")
    image[0, 0, 1], image[1, :2, 1], image[2, 2, 2] = np.nan, [np.inf, -np.inf], np.nan
    found = describe(image)
    assert [(one.nan, one.infinite) for one in found.channels] == [(0, 0), (1, 2), (1, 0)]
    green = image[..., 1]
    assert found.channels[1].mean == pytest.approx(green[np.isfinite(green)].mean(dtype=np.float64))
    assert "2 NaN, 2 infinite" in str(found)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_alpha_is_measured(dtype):
    top = {"uint8": 255, "uint16": 65535, "float32": 1}[dtype]
    image = np.full((10, 10, 4), top, dtype)
    assert describe(image).alpha.used is False
    image[:2, :, 3], image[2:3, :, 3], image[:2, 5:, :3] = 0, top / 2, 0
    alpha = describe(image).alpha
    assert (alpha.used, alpha.clear, alpha.partial, alpha.hidden) == (True, 0.2, 0.1, 0.5)
    assert describe(image[..., :3]).alpha is None
    assert "20.0 % clear, 10.0 % partly transparent, color hidden under 50.0 % of the clear" in str(describe(image))


def test_alpha_that_is_nan_is_not_opaque():
    image = np.ones((4, 5, 4), np.float32)
    image[0, 0, 3] = np.nan
    assert describe(image).alpha.used
    assert "0 % clear, 0 % partly transparent" in str(describe(image))
    image[..., 3] = 1.5
    assert not describe(image).alpha.used


def test_zero_has_no_sign():
    assert "values    0 to 0\n" in str(describe(np.full((4, 5), -0.0)))


def test_a_palette_with_transparency_is_resolved():
    image = Image.fromarray(codes(4, 5) % 3).convert("P")
    image.info["transparency"] = 0
    found = describe(image)
    assert (found.mode, found.order, found.shape) == ("P", "RGBA", (4, 5))
    assert found.alpha.used


def test_orientation_and_profile_are_named():
    image, tags = Image.fromarray(codes(4, 6, 3)), Image.Exif()
    tags[0x0112] = 6
    image.info["exif"] = tags.tobytes()
    image.info["icc_profile"] = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    found = describe(image)
    assert (found.orientation, found.shape) == (6, (4, 6))
    assert "sRGB" in found.profile
    assert not found.hints
    assert "EXIF orientation 6" in str(found)
    image.info["icc_profile"] = b"nonsense"
    assert describe(image).profile == "unreadable"


@pytest.mark.parametrize(
    ("clear", "text"),
    [
        (0, "opaque everywhere"),
        (1, "less than 0.1 % clear, 0 % partly transparent"),
        (500, "25.0 % clear, 0 % partly"),
        (1999, "more than 99.9 % clear"),
        (2000, "100 % clear, 0 % partly"),
    ],
)
def test_shares_are_rounded_to_what_is_so(clear, text):
    image = np.zeros((2000, 1, 4), np.uint8)
    image[clear:, :, 3] = 255
    assert f"alpha     {text}" in str(describe(image))


# Large pictures, which are gone through in parts


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_figures_of_a_large_picture_are_those_of_numpy(dtype):
    image = codes(1100, 1000, None, dtype)
    image[1090:] = image.max()
    gray = describe(image).channels[0]
    assert (gray.low, gray.high) == (image.min(), image.max())
    assert gray.mean == pytest.approx(image.mean(dtype=np.float64), rel=1e-12)
    assert gray.spread == pytest.approx(image.std(dtype=np.float64), rel=1e-9)


@pytest.mark.parametrize("row", [None, 0, 1400])
def test_multiplied_colors_are_seen_in_all_rows_of_a_large_picture(row):
    y, x = np.ogrid[:1500, :1000]
    alpha = np.clip((500 - np.hypot(y / 1.5 - 500, x - 500)) / 200, 0, 1).astype(np.float32)
    image = np.dstack([alpha * part for part in (0.9, 0.5, 0.2)] + [alpha])
    if row is not None:
        image[row, 500] = (0.5, 0.5, 0.5, 0.25)
    assert ("brighter than its alpha" in hinted(image)) == (row is None)


def test_large_pictures_take_little_more_than_a_copy_of_themselves():
    """The copy is the planes; a float64 copy of one of them alone would be twice the picture."""
    alpha = np.tile(np.arange(2000, dtype=np.uint16) // 8, (2000, 1)).astype(np.uint8)
    image = np.dstack([alpha // 2, alpha // 3, alpha, alpha])
    describe(image[:99])
    tracemalloc.start()
    try:
        describe(image)
        assert tracemalloc.get_traced_memory()[1] < 5 * image.nbytes
    finally:
        tracemalloc.stop()


# Memory


def test_memory_of_arrays():
    image = codes(6, 8, 3)
    fresh = describe(image.copy()).memory
    assert (fresh.bytes, fresh.layout, fresh.view, fresh.read_only) == (144, "contiguous", False, False)
    assert fresh.strides == (24, 3, 1)
    assert describe(image[..., ::-1]).memory.layout == "reversed"
    assert describe(image[:, ::2]).memory.layout == "strided"
    assert describe(image[:, ::2]).memory.view
    shared = describe(np.broadcast_to(image[:1], image.shape)).memory
    assert (shared.layout, shared.read_only, shared.strides[0]) == ("broadcast", True, 0)
    assert describe(image.astype(">u2")).memory.byte_swapped
    assert describe(np.asfortranarray(image)).memory.layout == "strided"


def test_memory_of_tensors_and_pictures():
    import torch

    image = torch.rand(2, 3, 6, 8)
    assert describe(image).memory.bytes == 2 * 3 * 6 * 8 * 4
    assert describe(image.to(memory_format=torch.channels_last)).memory.layout == "channels last"
    assert describe(image[..., ::2]).memory.layout == "strided"
    assert describe(image[:, :1].expand(2, 3, 6, 8)).memory.layout == "broadcast"
    assert describe(image[0]).memory.view
    assert describe(image.requires_grad_()).memory.requires_grad
    assert describe(image).memory.device == "host"
    assert "requires grad" in str(describe(image))


@pytest.mark.parametrize(
    ("mode", "size"),
    [
        ("1", 1),
        ("L", 1),
        ("P", 1),
        ("I;16", 2),
        ("I;16L", 2),
        ("I;16B", 2),
        ("LA", 4),
        ("RGB", 4),
        ("CMYK", 4),
        ("F", 4),
    ],
)
def test_memory_of_pictures_is_what_pillow_takes(mode, size):
    memory = describe(Image.new(mode, (6, 8))).memory
    assert (memory.bytes, memory.layout, memory.strides, memory.view, memory.read_only) == (
        48 * size, "PIL", None, False, False
    )  # fmt: skip
    shared = describe(Image.frombuffer("L", (6, 8), bytes(48), "raw", "L", 0, 1)).memory
    assert (shared.view, shared.read_only) == (True, True)


def test_a_step_of_zero_along_one_pixel_shares_nothing():
    import torch

    image = np.lib.stride_tricks.as_strided(codes(6, 10, 3), (1, 5, 3), (0, 6, 1))
    assert describe(image).memory.layout == "strided"
    tensor = torch.zeros(3, 6, 10).as_strided((3, 1, 5), (60, 0, 2))
    assert describe(tensor).memory.layout == "strided"


@pytest.mark.gpu
def test_a_tensor_on_a_device():
    import torch

    color = codes(20, 30, 3)
    found = describe(torch.from_numpy(channels_first(color)).cuda())
    assert found.memory.device == "cuda:0"
    assert found.channels == describe(color).channels


# Hints: what they see


def hinted(image, **options):
    return " ".join(describe(image, **options).hints)


RAMP = np.linspace(0, 1, 300, dtype=np.float32).reshape(10, 10, 3)


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (RAMP * 255, r"^Values up to 255 look like 0 to 255 in floats: pass value_range=\(0, 255\)\.$"),
        (RAMP * 65535, r"^Values up to 65535 look like 0 to 65535 in floats"),
        (RAMP * 2 - 1, r"^Values look like -1 to 1: pass value_range=\(-1, 1\)\.$"),
        ((RAMP - 0.45) / 0.22, r"^Values look as if a mean was subtracted"),
        (np.where(RAMP > 0.9, np.nan, RAMP), r"^\d+ values are NaN"),
        (np.full((4, 5), np.nan), r"^Every value is NaN or infinite"),
        (np.where(RAMP > 0.9, np.inf, RAMP), r"^\d+ values are infinite"),
        (np.zeros((4, 5, 3), np.uint8), r"^Every pixel is black\.$"),
        (np.full((4, 5, 3), 7, np.uint8), r"^Every pixel has the same color\.$"),
        ((RAMP > 0.5).astype(np.uint8), r"^Values are 0 and 1 of 255"),
        (
            (RAMP * 255).astype(np.uint16),
            r"^Values up to 255 of 65535 look like 8 bits in 16: multiply them by 65535/255",
        ),
        ((RAMP * 4095).astype(np.uint16), r"^Values up to 4095 of 65535 look like 12 bits in 16"),
        ((RAMP * 255).astype(np.uint16) * 256, r"^The lower 8 bits are all 0"),
        (np.zeros((3, 480, 64)), r"^Looks like channels first, \(3, 480, 64\): pass layout=\"CHW\""),
        ((RAMP * 255).astype(np.int64), r"^Values from 0 to 255 fit into uint8: image\.astype\(\"uint8\"\)\.$"),
        (np.dstack([RAMP, np.zeros((10, 10))]), r"^Alpha is 0 everywhere, .* perhaps the last channel is no alpha\.$"),
        (np.dstack([RAMP, RAMP[..., 1] * 255]), r"^Alpha goes up to 25\d"),
        (np.dstack([RAMP, RAMP[..., 1] * 1.03]), r"^Alpha goes up to 1\.0"),
        (np.zeros((4, 5, 5)), r"^Looks like channels first, \(4, 5, 5\)"),
        (RAMP * 2.02 - 1.01, r"^Values look like -1 to 1"),
        (RAMP * 2.2 - 1.1, r"^Values look as if a mean was subtracted"),
        (RAMP * 32, r"^Values up to 32 look like 0 to 255 in floats"),
        ((RAMP * 128).astype(np.uint16), "look like 8 bits in 16"),
        ((RAMP * 512).astype(np.uint16), "look like 10 bits in 16"),
        ((RAMP * 128).astype(np.uint16) * 256, r"^The lower 8 bits are all 0"),
        ((RAMP * 256).astype(np.int16), r'^Values from 0 to 256 fit into uint16: image\.astype\("uint16"\)\.$'),
        (codes(9, 9, 4) // np.array([1, 1, 1, 128], np.uint8), r"^Alpha is at most 1 of 255"),
        (
            Image.fromarray(np.arange(20, dtype=np.int32).reshape(4, 5)),
            r"fit into uint8: pass value_range=\(0, 255\)\.",
        ),
    ],
)
def test_what_looks_wrong_is_said(image, expected):
    assert re.search(expected, hinted(image))


def silent():
    import torch

    yield np.zeros((5, 5, 5))
    yield torch.zeros(5, 5, 5)
    yield np.zeros((1, 1), np.uint8)
    yield np.zeros((4, 5), np.int64)
    yield np.arange(20).reshape(4, 5) + 65517
    yield np.arange(20).reshape(4, 5) - 3
    yield RAMP * 31
    yield RAMP * 256
    yield RAMP * 250 - 5
    yield RAMP * 1.3 - 0.29
    yield RAMP * 1.02
    yield RAMP * 30 - 10.5
    yield RAMP * 15 - 10.5
    yield RAMP * 2.1 - 1
    yield RAMP * 20 - 9
    yield np.dstack([1 - RAMP, RAMP[..., 1] * 1.02])
    yield (RAMP * 256).astype(np.uint16)
    yield (RAMP * 511).astype(np.uint16)
    yield (RAMP * 5).astype(np.uint16)


@pytest.mark.parametrize("image", list(silent()), ids=lambda image: f"{image.dtype}-{image.max():.4g}")
def test_what_is_just_not_wrong_is_left_alone(image):
    assert describe(image).hints == ()


def test_a_tensor_with_channels_last_is_hinted():
    import torch

    assert 'Looks like channels last, (480, 64, 3): pass layout="HWC"' in hinted(torch.zeros(480, 64, 3))
    assert 'Looks like channels last, (5, 64, 1): pass layout="HWC"' in hinted(torch.zeros(5, 64, 1))
    assert 'Looks like channels last, (5, 64, 4): pass layout="HWC"' in hinted(torch.zeros(5, 64, 4))


@pytest.mark.parametrize("kind", ["float", "uint8", "batch"])
def test_multiplied_colors_are_seen(kind):
    straight = disc()
    multiplied = premultiply(straight)
    if kind == "uint8":
        straight, multiplied = (np.rint(image * 255).astype(np.uint8) for image in (straight, multiplied))
    if kind == "batch":
        straight, multiplied = straight[None], multiplied[None]
    assert "brighter than its alpha" in hinted(multiplied)
    assert not hinted(straight)


@pytest.mark.parametrize("color", [(0, 0, 0), (0.05, 0.02, 0)], ids=["black", "dark"])
def test_a_shadow_is_not_taken_for_multiplied_colors(color):
    assert "brighter than its alpha" not in hinted(disc(color))


@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0])
def test_even_alpha_is_not_taken_for_multiplied_colors(alpha):
    image = disc()
    image[..., :3] *= min(alpha, 0.4)
    image[..., 3] = alpha
    assert "brighter than its alpha" not in hinted(image)


def test_a_profile_that_is_not_srgb_is_hinted():
    image = Image.fromarray(codes(4, 6, 3))
    image.info["icc_profile"] = ImageCms.ImageCmsProfile(ImageCms.createProfile("XYZ")).tobytes()
    assert "not sRGB: read_pil" in hinted(image)


def test_the_profile_that_pillow_gives_lab_is_no_other_space():
    color = Image.fromarray(codes(40, 60, 3))
    to_lab = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB")
    image = ImageCms.applyTransform(color, to_lab)
    assert "Lab" in describe(image).profile
    assert not describe(image).hints


# Hints: photographs in both orders


def photograph(name):
    return np.asarray(Image.open(PHOTOGRAPHS / name).convert("RGB"))


@pytest.mark.parametrize("name", IN_COLOR)
def test_photographs_as_they_are_raise_no_hint(name):
    color = photograph(name)
    assert describe(color).hints == ()
    assert describe(color.astype(np.float32) / 255).hints == ()
    assert describe(Image.fromarray(color)).hints == ()


@pytest.mark.parametrize("name", [path.name for path in sorted(PHOTOGRAPHS.glob("*.png")) if path.name not in IN_COLOR])
def test_other_pictures_raise_no_hint_either(name):
    hints = describe(Image.open(PHOTOGRAPHS / name)).hints
    # One has a profile of a printing press, and that is so.
    assert (["Dot Gain 20%" in hint for hint in hints] == [True]) if name == "page.png" else hints == ()


def test_swapped_red_and_blue_are_seen_in_many_photographs_and_never_the_other_way():
    """Five of eleven: those with skin, fur, wood or leather. A night sky, a nebula and a stain look right either way."""
    swapped = [name for name in IN_COLOR if "runs B, G, R" in hinted(photograph(name)[..., ::-1])]
    assert swapped == ["astronaut.png", "chelsea.png", "coffee.png", "motorcycle_left.png", "motorcycle_right.png"]


def test_pieces_of_photographs_are_hinted_in_one_order_only():
    """A piece has less to go by: a quarter of them and more in the wrong order, at most one in a hundred in the right."""
    rng = np.random.default_rng(0)
    wrong = right = 0
    for name in IN_COLOR:
        color = photograph(name)
        for _ in range(20):
            height, width = (int(rng.integers(64, min(257, side + 1))) for side in color.shape[:2])
            top, left = (int(rng.integers(0, color.shape[at] - side + 1)) for at, side in enumerate((height, width)))
            piece = color[top : top + height, left : left + width]
            wrong += "runs B, G, R" in hinted(piece[..., ::-1])
            right += "runs B, G, R" in hinted(piece)
    assert wrong >= 0.22 * 20 * len(IN_COLOR)
    assert right <= 0.01 * 20 * len(IN_COLOR)


def test_the_advice_fits_the_kind():
    color = photograph("chelsea.png")
    assert "If so pass bgr=True." in hinted(color[..., ::-1])
    assert "made of an array that runs B, G, R." in hinted(Image.fromarray(color[..., ::-1].copy()))
    assert "If so leave bgr=True out." in hinted(color, bgr=True)
    assert hinted(color[..., ::-1], bgr=True) == ""


@pytest.mark.parametrize("color", [(30, 110, 220), (20, 60, 120)])
def test_flat_and_smooth_blue_is_left_alone(color):
    flat = np.tile(np.array(color, np.uint8), (200, 300, 1))
    flat[50:90, 50:250] = 255
    sky = np.linspace(0.6, 1, 200)[:, None, None] * np.tile(np.array(color, float), (200, 300, 1))
    assert hinted(flat) == hinted(sky.astype(np.uint8)) == ""


@pytest.mark.parametrize("channels", [None, 1, 2, 3, 4])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_noise_raises_no_hint(channels, dtype):
    assert describe(codes(60, 80, channels, dtype)).hints == ()


# Strange arrays are described, what is no array is refused


def strange():
    import torch

    yield "int64", codes(5, 6, 3).astype(np.int64), "got int64"
    yield "five-channels", codes(5, 6, 5), r"got \(5, 6, 5\)"
    yield "masked", np.ma.masked_greater(codes(5, 6), 99), "got a masked array"
    yield "one-axis", np.zeros(7), r"got \(7,\)"
    yield "no-axis", np.array(7.0), r"got \(\)"
    yield "empty", np.zeros((0, 5, 3)), "at least one pixel"
    yield "complex", np.zeros((4, 5), complex), "got complex128"
    yield "text", np.array([["a"]]), "expected dtype"
    yield "objects", np.array([[None]]), "got object"
    yield "records", np.zeros((2, 2), [("a", int)]), "expected dtype"
    yield "dates", np.zeros((2, 2), "M8[s]"), "expected dtype"
    yield "long", np.ones((4, 5), np.longdouble), "expected dtype"
    yield "wide", np.ones((4, 5, 900), np.float32), "got .4, 5, 900."
    yield "2d-tensor", torch.zeros(4, 5), "add a channel axis"
    yield "meta", torch.zeros(3, 4, 5, device="meta"), "meta device"
    yield "sparse", torch.zeros(4, 5).to_sparse(), "dense"
    yield "complex-tensor", torch.zeros(3, 4, 5, dtype=torch.complex64), "got complex64"
    yield "float8", torch.zeros(3, 4, 5).to(torch.float8_e4m3fn), "float8"
    yield "conjugate", torch.zeros(3, 4, 5, dtype=torch.complex64).conj().imag, "x" * 0
    yield "mode-I", Image.new("I", (4, 5), 70000), "mode I"
    yield "no-pixels", Image.new("RGB", (0, 4)), "at least one pixel"
    closed = Image.open(PHOTOGRAPHS / "coffee.png")
    closed.close()
    yield "closed", closed, "closed"


@pytest.mark.parametrize(("image", "problem"), [one[1:] for one in strange()], ids=[one[0] for one in strange()])
def test_strange_arrays_are_described(image, problem):
    found = describe(image)
    assert bool(found.problems) == bool(problem)
    assert re.search(problem, " ".join(found.problems))
    assert len(found.axes) == len(found.shape)
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["problems"] == list(found.problems)
    assert str(found)
    card_of(found)


@pytest.mark.parametrize(
    ("shape", "axes", "names"),
    [
        ((5, 6), "height width", ["gray"]),
        ((9, 5, 6), "height width channel", [f"channel {at}" for at in range(6)]),
        ((7, 9, 5, 6), "batch height width channel", [f"channel {at}" for at in range(6)]),
        ((9, 6, 16), "height width channel", [f"channel {at}" for at in range(16)]),
        ((9, 6, 17), "height width channel", ["all values"]),
        ((6,), "value", ["all values"]),
    ],
)
def test_channels_of_strange_arrays_have_figures_of_their_own(shape, axes, names):
    image = np.arange(np.prod(shape)).reshape(shape)
    found = describe(image)
    assert (found.axes, [one.name for one in found.channels]) == (tuple(axes.split()), names)
    means = image.reshape(-1, len(names)).mean(0)
    assert [one.mean for one in found.channels] == pytest.approx(means.tolist())


@pytest.mark.parametrize(("mode", "dtype"), [("I", "int32"), ("F", "float32"), ("I;16", "uint16"), ("RGB", "uint8")])
def test_a_picture_without_pixels_has_a_dtype(mode, dtype):
    assert describe(Image.new(mode, (0, 4))).dtype == dtype


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested", "ignore:torch.quantize_per_tensor")
def test_tensors_without_plain_values_are_described():
    import torch

    quantized = describe(torch.quantize_per_tensor(torch.rand(3, 4, 5), 0.1, 0, torch.quint8))
    assert (quantized.dtype, quantized.shape, quantized.memory.bytes, quantized.channels) == (
        "quint8",
        (3, 4, 5),
        60,
        (),
    )
    assert "dequantize()" in quantized.problems[0]
    nested = describe(torch.nested.nested_tensor([torch.zeros(3, 4, 5), torch.zeros(3, 6, 5)]))
    assert (nested.dtype, nested.shape, nested.memory.layout, nested.channels) == ("float32", (), "nested", ())
    assert nested.problems == (
        "image: expected a dense tensor, got a nested one; call to_dense(), dequantize() or unbind() first.",
    )
    assert "size not known, on the host, nested" in str(nested)


def test_a_mask_that_hides_everything_makes_nothing_nan():
    found = describe(np.ma.masked_all((4, 5), np.uint8))
    assert (found.masked, found.hints) == (20, ())
    assert "none is finite, 20 masked" in str(found)


def test_what_a_mask_hides_is_in_no_figure():
    found = describe(np.ma.masked_greater(codes(5, 6), 99))
    values = codes(5, 6)[codes(5, 6) <= 99]
    assert found.masked == 30 - values.size
    assert (found.high, found.channels[0].mean) == (values.max(), pytest.approx(values.mean()))


@pytest.mark.parametrize(
    ("thing", "message"),
    [
        ("photo.jpg", r"image: expected .* got the path 'photo\.jpg'; read it first"),
        (b"\x89PNG", r"image: expected .* got bytes; decode it first"),
        ([1, 2], r"image: expected .* got a list; pass the images one at a time"),
        (None, r"image: expected .* got NoneType"),
    ],
)
def test_what_is_no_image_is_refused(thing, message):
    with pytest.raises(InputTypeError, match=message):
        describe(thing)


def test_bgr_does_not_fit_pil():
    with pytest.raises(InputValueError, match=r"bgr: expected False for a PIL image"):
        describe(Image.new("RGB", (3, 3)), bgr=True)


def test_the_image_stays_as_it_was():
    image = codes(9, 11, 4)
    image.flags.writeable = False
    describe(image)
    np.testing.assert_array_equal(image, codes(9, 11, 4))


# Text, dict and card


def test_the_text_is_compact_and_whole():
    text = str(describe(codes(20, 30, 4)))
    assert text == repr(describe(codes(20, 30, 4)))
    lines = text.splitlines()
    assert lines[0] == "NumPy array: 20x30 (height x width), RGBA, uint8"
    assert [line.split()[0] for line in lines] == (
        "NumPy type shape values channel red green blue alpha alpha memory".split()
    )
    assert all(len(line) <= 100 for line in lines)


def test_the_dict_is_for_programs():
    image = codes(9, 11, 4, "float32")
    image[..., 0] = np.nan
    known = json.loads(json.dumps(describe(image).to_dict(), allow_nan=False))
    assert known["shape"] == [9, 11, 4]
    assert known["axes"] == ["height", "width", "channel"]
    assert known["channels"][0] == {
        "name": "red", "low": None, "high": None, "mean": None, "spread": None, "nan": 99, "infinite": 0
    }  # fmt: skip
    assert known["alpha"]["used"] is True
    assert known["memory"]["bytes"] == 9 * 11 * 4 * 4
    assert not [name for name in known if name.startswith("_")]
    assert isinstance(describe(image), Description)


def test_the_card_has_a_picture_with_a_text_and_a_histogram():
    color = codes(20, 30, 3)
    card = card_of(describe(color))
    assert card.images[0]["alt"] == "Picture, reduced: NumPy array: 20x30 (height x width), RGB, uint8"
    np.testing.assert_array_equal(read_numpy(from_data_url(card.images[0]["src"])), color)
    assert "Histogram of the values: red around 1" in card.labels[0]
    assert "(20, 30, 3): height, width, channel" in card.text
    large = card_of(describe(np.zeros((900, 1600, 3), np.uint8)))
    assert read_numpy(from_data_url(large.images[0]["src"])).shape == (90, 160, 3)


def test_the_card_leaves_colors_to_the_page():
    """On a dark page text is light: the card sets no color of text, and no ground that is not mostly clear."""
    style = describe(codes(9, 11, 3))._repr_html_().partition("</style>")[0]
    assert set(re.findall(r"[{;]color:([^;}]+)", style)) == {"inherit"}
    grounds = re.findall(r"background:([^;}]+)", style)
    assert all(ground == "none" or float(re.search(r",(\.\d+)\)", ground)[1]) <= 0.15 for ground in grounds)


def test_the_card_escapes_what_it_is_told():
    image = Image.fromarray(codes(4, 6, 3))
    image.__class__ = type("<b>&\"'", (Image.Image,), {})
    html = describe(image)._repr_html_()
    assert "<b>" not in html
    assert "&lt;b&gt;&amp;&quot;" in html


@pytest.mark.parametrize(
    ("image", "peaks"),
    [
        (np.repeat(np.array([64, 65, 66, 200], np.uint8), 5).reshape(4, 5), {16: 15, 50: 5}),
        (np.repeat(np.array([0.26, 0.26, 0.26, 0.79]), 5).reshape(4, 5), {16: 15, 50: 5}),
        (np.repeat(np.array([-2.0, -2, -2, 2]), 5).reshape(4, 5), {0: 15, 63: 5}),
    ],
)
def test_histograms_count_every_value(image, peaks):
    counts = describe(image)._histogram[0]
    assert {at: count for at, count in enumerate(counts) if count} == peaks


@pytest.mark.parametrize("image", [np.full((4, 5), 7.0), np.full((4, 5), np.nan), codes(4, 5, 6).astype("int64")])
def test_what_has_no_range_or_no_colors_has_no_histogram(image):
    assert describe(image)._histogram == ()
    assert "<svg" not in describe(image)._repr_html_()


def test_histograms_are_of_the_colors_alone():
    image = codes(20, 30, 4)
    expected = [np.histogram(image[..., at], 64, (0, 255))[0].tolist() for at in range(3)]
    assert [list(counts) for counts in describe(image)._histogram] == expected
