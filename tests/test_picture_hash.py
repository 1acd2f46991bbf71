"""catalog/hashing.py: what a picture shows, in 64 bits."""

import importlib
import io

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw, ImageOps
from scipy import fft
from skimage import data

import aikit
from aikit import InputTypeError, InputValueError, picture_hash
from aikit.catalog.hashing import turned_hashes

hashing = importlib.import_module("aikit.catalog.hashing")
imagehash = pytest.importorskip("imagehash")


def apart(one, other):
    """In how many of 64 bits two hashes differ."""
    return ((one ^ other) & (2**64 - 1)).bit_count()


def blobs(seed=0, height=90, width=120, channels=3, count=14):
    """Soft spots of color, every channel, row and column of which is different."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width] / max(height, width)
    picture = np.full((height, width, channels), 0.5)
    for _ in range(count):
        spot = np.exp(-((x - rng.random()) ** 2 + (y - rng.random()) ** 2) / 0.02)
        picture += spot[..., None] * rng.uniform(-0.5, 0.5, channels)
    return np.rint(np.clip(picture, 0, 1) * 255).astype(np.uint8)


def shape(name, color=(0, 0, 0), hidden=(0, 0, 0)):
    """A disc or a bar, which differ in alpha alone."""
    alpha = Image.new("L", (80, 80))
    draw = ImageDraw.Draw(alpha)
    draw.ellipse((10, 10, 60, 60), fill=255) if name == "disc" else draw.rectangle((5, 30, 75, 45), fill=255)
    picture = Image.new("RGB", (80, 80), hidden)
    picture.paste(color, mask=alpha)
    picture.putalpha(alpha)
    return picture


def saved(image, **options):
    file = io.BytesIO()
    image.save(file, **options)
    return Image.open(file)


# The definition


def test_the_bits_are_the_signs_of_the_lowest_frequencies():
    # This noise has no coefficient that counts as zero: its bits are those of SciPy's transform alone.
    gray = np.random.default_rng(3).integers(0, 256, (32, 32)).astype(np.uint8)
    spectrum = fft.dctn(gray / 255, norm="ortho")
    lowest = sorted((u * u + v * v, u, v) for u in range(32) for v in range(32) if 0 < u * u + v * v <= 72)
    assert len(lowest) == 64
    assert min(abs(spectrum[u, v]) for _, u, v in lowest) > 0.01
    expected = sum(2**place for place, (_, u, v) in enumerate(lowest) if spectrum[u, v] > 0)
    assert picture_hash(gray) % 2**64 == expected


def test_hashes_are_signed_and_use_all_of_64_bits():
    hashes = [picture_hash(blobs(seed)) for seed in range(40)]
    assert all(isinstance(each, int) and -(2**63) <= each < 2**63 for each in hashes)
    seen = np.array(hashes).view(np.uint64)
    assert np.bitwise_or.reduce(seen) == 2**64 - 1
    assert np.bitwise_and.reduce(seen) == 0


# What is seen, where imagehash takes what is stored


def test_a_picture_turned_by_its_orientation_is_the_same():
    picture = Image.fromarray(blobs())
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = saved(picture.transpose(Image.Transpose.ROTATE_90), format="PNG", exif=exif)
    assert apart(picture_hash(turned), picture_hash(picture)) == 0
    assert imagehash.phash(turned) - imagehash.phash(picture) > 10


def test_16_bits_are_scaled():
    gray = blobs(channels=1)[..., 0]
    deep = Image.fromarray(gray.astype(np.uint16) * 257)
    assert deep.mode == "I;16"
    assert apart(picture_hash(deep), picture_hash(gray)) == 0
    assert imagehash.phash(deep) - imagehash.phash(Image.fromarray(gray)) > 10


def test_hidden_colors_do_not_count():
    noise = blobs(7, 80, 80)
    plain, other = shape("disc", "red"), shape("disc", "red")
    hidden = np.array(other)
    hidden[hidden[..., 3] == 0, :3] = noise[hidden[..., 3] == 0]
    other = Image.fromarray(hidden)
    assert apart(picture_hash(plain), picture_hash(other)) == 0
    assert imagehash.phash(plain) - imagehash.phash(other) > 10


@pytest.mark.parametrize("color", [(0, 0, 0), (255, 255, 255), (250, 252, 255), (128, 128, 128)])
def test_shapes_that_differ_in_alpha_alone_are_told_apart(color):
    disc, bar = shape("disc", color, color), shape("bar", color, color)
    assert apart(picture_hash(disc), picture_hash(bar)) > 10
    if color[0] == color[1]:
        assert imagehash.phash(disc) - imagehash.phash(bar) == 0


def test_alpha_is_laid_on_white():
    cut = shape("disc", (200, 30, 30))
    assert picture_hash(cut) == picture_hash(aikit.flatten(cut, background="white"))


# Flat pictures


@pytest.mark.parametrize("color", ["white", "black", "red", "#123456"])
@pytest.mark.parametrize("size", [(1, 1), (33, 7), (500, 400)])
def test_a_picture_of_one_color_has_no_hash(color, size):
    assert picture_hash(Image.new("RGB", size, color)) is None


def test_paper_with_noise_has_no_hash_and_paper_with_a_word_has():
    paper = np.random.default_rng(2).normal(245, 2, (400, 300)).round().astype(np.uint8)
    assert picture_hash(paper) is None
    assert picture_hash(np.asarray(saved(Image.fromarray(paper), format="JPEG", quality=30))) is None
    paper[40:60, 30:150:2] = 20
    assert picture_hash(paper) is not None


def test_nothing_to_see_has_no_hash():
    assert picture_hash(Image.new("RGBA", (40, 30), (1, 2, 3, 0))) is None


# Kinds


def kinds():
    rgb = blobs()
    return {
        "pil": Image.fromarray(rgb),
        "tensor": torch.from_numpy(rgb.copy()).permute(2, 0, 1),
        "float": rgb.astype(np.float32) / 255,
        "half": torch.from_numpy(rgb.astype(np.float32) / 255).permute(2, 0, 1).half(),
        "uint16": rgb.astype(np.uint16) * 257,
        "opaque": np.dstack([rgb, np.full(rgb.shape[:2], 255, np.uint8)]),
        "strided": np.asfortranarray(rgb),
        "float64": rgb / 255,
    }


@pytest.mark.parametrize("name", kinds())
def test_kinds_and_depths_agree(name):
    # A coefficient next to zero may fall to either side of it: 8 bits are rounded once more.
    assert apart(picture_hash(kinds()[name]), picture_hash(blobs())) <= 1


def test_bgr():
    # Red counts more than twice as much as blue: the brighter half is the other one.
    rgb = np.zeros((40, 40, 3), np.uint8)
    rgb[:, :20, 0], rgb[:, 20:, 2] = 255, 255
    assert picture_hash(rgb[..., ::-1], bgr=True) == picture_hash(rgb) != picture_hash(rgb[..., ::-1])


def test_bool_and_binary():
    array = blobs()[..., 0] > 120
    assert picture_hash(array) == picture_hash(array.astype(np.uint8) * 255) == picture_hash(Image.fromarray(array))


def test_the_input_is_unchanged_and_may_be_read_only():
    array = blobs()
    array.flags.writeable = False
    before = array.copy()
    assert picture_hash(array) is not None
    assert (array == before).all()


@pytest.mark.parametrize("size", [(1, 2), (2, 1), (3, 300), (7, 5)])
def test_small_and_narrow_pictures(size):
    array = np.random.default_rng(3).integers(0, 256, (*size, 3)).astype(np.uint8)
    assert isinstance(picture_hash(array), int)


def test_floats_beyond_0_and_1_are_clipped():
    array = blobs().astype(np.float32) / 255
    array[10:30, 10:30], array[50:60, 50:60] = 1, 0
    beyond = array.copy()
    beyond[12:28, 12:28], beyond[15, 15], beyond[52:58, 52:58] = 40, np.inf, -3
    assert picture_hash(beyond) == picture_hash(array)


# Copies and others


def test_copies_are_near_and_others_are_far():
    names = "astronaut camera cat coffee coins moon rocket retina page grass".split()
    pictures = [Image.fromarray(getattr(data, name)()).convert("RGB") for name in names]
    ways = [
        lambda each: saved(each, format="JPEG", quality=50).convert("RGB"),
        lambda each: saved(each, format="WEBP", quality=50).convert("RGB"),
        lambda each: each.reduce(3),
        lambda each: each.resize((320, 240), Image.Resampling.BICUBIC),
        lambda each: each.convert("L"),
        lambda each: each.quantize(256),
        lambda each: each.convert("CMYK"),
    ]
    hashes = [picture_hash(each) for each in pictures]
    copies = [apart(picture_hash(way(each)), one) for each, one in zip(pictures, hashes, strict=True) for way in ways]
    others = [apart(one, other) for at, one in enumerate(hashes) for other in hashes[:at]]
    assert max(copies) <= 4
    assert min(others) >= 14


# Turned


def eight(array):
    """As it is, mirrored left to right, top to bottom, both; and these four of the transposed one."""
    return [each for one in (array, array.swapaxes(0, 1)) for each in (one, one[:, ::-1], one[::-1], one[::-1, ::-1])]


@pytest.mark.parametrize("seed", range(4))
def test_turned_hashes_are_the_hashes_of_turned_pictures(seed):
    picture = blobs(seed, 64, 64)
    found = turned_hashes(np.array([picture_hash(picture)]))[:, 0]
    for mine, turned in zip(found.tolist(), eight(picture), strict=True):
        assert apart(mine, picture_hash(turned)) <= 1  # as above
    assert len(set(found.tolist())) == 8


@pytest.mark.parametrize("kind", ["ramp", "steps", "symmetric", "stripes", "corner"])
def test_sparse_pictures_turn_too(kind):
    y, x = np.mgrid[:64, :64]
    picture = {
        "ramp": x * 4,
        "steps": x // 16 * 80,
        "symmetric": np.abs(x - 31.5) * 8 * (y > 20),
        "stripes": (y // 7 % 2) * 255,
        "corner": (x + y < 40) * 255,
    }[kind].astype(np.uint8)
    mine = turned_hashes(np.array([picture_hash(picture)]))[:, 0].tolist()
    for turned in eight(picture):
        assert min(apart(each, picture_hash(turned)) for each in mine) == 0


def test_turned_hashes_of_many():
    hashes = np.random.default_rng(5).integers(-(2**63), 2**63, 1000)
    turned = turned_hashes(hashes)
    assert turned.shape == (8, 1000)
    assert turned.dtype == np.int64
    assert (turned[0] == hashes).all()
    # Twice the same mirror, and twice transposed, is nothing.
    for way in (1, 2, 3, 4):
        assert (turned_hashes(turned[way])[way] == hashes).all()
    assert (turned_hashes(np.array([0]))[:, 0] == 0).all()


def test_a_photo_turned_by_hand_is_found_among_its_turns():
    picture = Image.fromarray(blobs(9, 150, 200))
    upright = ImageOps.mirror(picture).transpose(Image.Transpose.ROTATE_270)
    mine = turned_hashes(np.array([picture_hash(picture)]))[:, 0].tolist()
    assert min(apart(each, picture_hash(upright)) for each in mine) <= 2
    assert apart(picture_hash(picture), picture_hash(upright)) > 10


# Messages


def test_a_batch_is_refused():
    with pytest.raises(InputValueError, match=r"image: expected a single image, got a batch of shape \(2,\); hash"):
        picture_hash(np.zeros((2, 8, 8, 3), np.uint8))


def test_nan_is_refused():
    array = np.full((8, 8), 0.5, np.float32)
    array[3, 3] = np.nan
    with pytest.raises(InputValueError, match="image: expected numbers, got NaN; replace it"):
        picture_hash(array)


def test_a_path_is_refused():
    with pytest.raises(InputTypeError, match="read it first with read_pil"):
        picture_hash("photo.jpg")
