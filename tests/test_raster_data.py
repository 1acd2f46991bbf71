"""Planes of data in files: the numbers that are stored, as tifffile and Pillow say, and files that they read back."""

import io

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image

import aikit
from aikit import FileFormatError, InputTypeError, InputValueError, LimitError, Limits, encode, read_numpy
from tiff_files import by_hand, in_bits, tags_of

DTYPES = "uint8 int8 uint16 int16 uint32 int32 uint64 int64 float16 float32 float64".split()


def planes(channels, dtype, height=19, width=37):
    """Bits of every kind that the dtype has; floats without NaN."""
    rng = np.random.default_rng([channels, height])
    if np.dtype(dtype).kind == "f":
        return rng.normal(0, 300, (height, width, channels)).astype(dtype)
    size = np.dtype(dtype).itemsize
    return rng.integers(0, 256, (height, width, channels * size), np.uint8).view(dtype)


def tiff(array, **options):
    file = io.BytesIO()
    tifffile.imwrite(file, array, metadata=None, **{"photometric": "minisblack", "planarconfig": "contig"} | options)
    return file.getvalue()


def same(got, wanted):
    assert got.dtype == wanted.dtype
    np.testing.assert_array_equal(got, wanted)


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 5, 13])
@pytest.mark.parametrize("dtype", DTYPES)
def test_what_is_written_is_what_tifffile_reads_and_what_comes_back(dtype, channels):
    array = planes(channels, dtype)
    data = encode(array, "tiff", channels="data")
    plain = array[..., 0] if channels == 1 else array
    same(tifffile.imread(io.BytesIO(data)), plain)
    same(read_numpy(data, channels="data"), plain)
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        page = file.pages[0]
        assert page.photometric == 1
        assert tuple(page.extrasamples) == (0,) * (channels - 1)


@pytest.mark.parametrize("packed", [None, "zlib", "lzw", "packbits", "zstd", "lzma"], ids=str)
@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint32", "float32", "float64"])
@pytest.mark.parametrize(
    "layout",
    [{"rowsperstrip": 5}, {"tile": (16, 16)}, {"byteorder": ">", "bigtiff": True}, {"planarconfig": "separate"}],
    ids=["strips", "tiles", "big-endian", "planes"],
)
def test_what_tifffile_writes_comes_back(dtype, packed, layout):
    array = planes(6, dtype)
    given = np.moveaxis(array, -1, 0) if "planarconfig" in layout else array
    for predictor in [None] if packed in (None, "packbits") else [None, 3 if dtype.startswith("float") else 2]:
        data = tiff(given, compression=packed, predictor=predictor, **layout)
        same(read_numpy(data, channels="data"), array)
    same(read_numpy(data, channels="data", limits=Limits()), array)


def test_colors_alpha_and_palettes_are_numbers_too():
    array = planes(4, "uint16")
    for extra in ("unassalpha", "assocalpha", "unspecified"):
        same(read_numpy(tiff(array, photometric="rgb", extrasamples=[extra]), channels="data"), array)
    white_is_zero = tiff(planes(1, "uint8")[..., 0], photometric="miniswhite")
    same(read_numpy(white_is_zero, channels="data"), planes(1, "uint8")[..., 0])
    table = np.arange(3 * 256, dtype=np.uint16).reshape(3, 256) * 85
    same(
        read_numpy(tiff(planes(1, "uint8")[..., 0], photometric="palette", colormap=table), channels="data"),
        planes(1, "uint8")[..., 0],
    )


@pytest.mark.parametrize("bits", [1, 2, 4, 6, 10, 12, 14])
def test_codes_of_few_bits_are_not_spread(bits):
    codes = planes(3, "uint16") >> (16 - bits)
    body = in_bits(codes, bits)
    data = by_hand(tags_of(19, 37, [bits] * 3, 1, body, more=[(338, (3, [0, 0]))]), body)
    same(read_numpy(data, channels="data"), codes.astype("uint8" if bits < 8 else "uint16"))


def test_every_reader_has_them():
    array = planes(5, "int16")
    data = encode(array, "tiff", channels="data")
    tensor = aikit.read_tensor(data, channels="data")
    assert tensor.dtype == torch.int16
    same(np.moveaxis(tensor.numpy(), 0, -1), array)
    same(aikit.read_cv2(data, channels="data"), array)
    height = encode(planes(1, "float32"), "tiff", channels="data")
    picture = aikit.read_pil(height, channels="data")
    assert picture.mode == "F"
    same(np.asarray(picture), planes(1, "float32")[..., 0])
    with pytest.raises(InputValueError, match="one plane of data for PIL, or three of uint8, got 5 of int16"):
        aikit.read_pil(data, channels="data")


def test_pages_and_orientation():
    pages = [planes(6, "uint16"), planes(3, "float32", 7, 9)]
    data = encode(pages, "tiff", channels="data")
    for index, page in enumerate(pages):
        same(read_numpy(data, channels="data", frame=index), page)
        same(tifffile.imread(io.BytesIO(data), key=index), page)
    with pytest.raises(InputValueError, match=r"frame: expected 0 to 1, got 2; source has 2"):
        read_numpy(data, channels="data", frame=2)
    batch = np.stack([planes(6, "int32")] * 2)
    batch[1] += 1
    data = encode(torch.from_numpy(np.moveaxis(batch, -1, 1).copy()), "tiff", channels="data")
    same(read_numpy(data, channels="data", frame=1), batch[1])
    turned = tiff(planes(5, "uint8"), extratags=[(274, 3, 1, 6, False)])
    same(read_numpy(turned, channels="data"), np.rot90(planes(5, "uint8"), -1))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "RGB", "RGBA"])
def test_png_gives_its_samples(mode):
    channels = {"1": 1, "L": 1, "LA": 2, "RGB": 3, "RGBA": 4}[mode]
    array = planes(channels, "uint8")
    plain = array[..., 0] if channels == 1 else array
    plain = plain & 1 if mode == "1" else plain
    file = io.BytesIO()
    image = Image.fromarray(plain.astype(bool)) if mode == "1" else Image.fromarray(plain, mode)
    image.save(file, "png", **({"transparency": 7} if mode == "L" else {}))
    same(read_numpy(file.getvalue(), channels="data"), plain)


def test_kittis_flow_is_a_png_of_16_bits():
    array = planes(3, "uint16")
    data = encode(array, "png", channels="data")
    same(read_numpy(data, channels="data"), array)
    import cv2

    same(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)[..., ::-1], array)
    depth = planes(1, "uint16")[..., 0]
    same(read_numpy(encode(depth, "png", channels="data"), channels="data"), depth)


def test_profiles_say_nothing_and_are_not_written():
    profile = aikit.profiles.open_profile("display-p3", "profile", gray=False).profile
    array = planes(3, "uint8")
    file = io.BytesIO()
    Image.fromarray(array).save(file, "png", icc_profile=profile)
    assert not (read_numpy(file.getvalue()) == array).all()
    same(read_numpy(file.getvalue(), channels="data"), array)
    picture = Image.fromarray(array)
    picture.info["icc_profile"] = profile
    assert "icc_profile" not in Image.open(io.BytesIO(encode(picture, "png", channels="data"))).info


def test_a_batch_is_read(tmp_path):
    arrays = [planes(6, "uint16"), planes(6, "uint16")[::-1].copy()]
    for index, array in enumerate(arrays):
        aikit.write(array, tmp_path / f"{index}.tif", channels="data")
    paths = sorted(tmp_path.glob("*.tif"))
    batch = aikit.read_batch(paths, channels="data", dtype=None, device="cpu")
    assert batch.dtype == torch.uint16
    for got, array in zip(batch.numpy(), arrays, strict=True):
        np.testing.assert_array_equal(got, np.moveaxis(array, -1, 0))
    (tmp_path / "2.tif").write_bytes(paths[0].read_bytes()[:400])
    failures = []
    batch = aikit.read_batch(
        [tmp_path / "2.tif", *paths], prepare=lambda planes: planes[:4], channels="data", device="cpu",
        on_error="skip", failures=failures,
    )  # fmt: skip
    assert batch.shape == (2, 6, 4, 37)
    assert [(index, error.code) for index, error in failures] == [(0, "truncated")]


def test_what_holds_no_numbers_is_refused():
    picture = Image.fromarray(planes(3, "uint8"))
    with pytest.raises(
        FileFormatError, match=r"source: expected a format that keeps numbers: TIFF or PNG, got JPEG; read"
    ):
        read_numpy(encode(picture, "jpeg"), channels="data")
    file = io.BytesIO()
    picture.quantize(8).save(file, "png")
    with pytest.raises(
        FileFormatError, match="expected numbers, got a palette, whose indices stand for colors; read it w"
    ):
        read_numpy(file.getvalue(), channels="data")
    with pytest.raises(
        FileFormatError, match=r"expected a TIFF whose samples can be read as data, got the compression JPEG"
    ):
        read_numpy(tiff(planes(3, "uint8"), photometric="rgb", compression="jpeg"), channels="data")
    with pytest.raises(
        FileFormatError, match=r"got 6 samples a pixel, .* read it as data, with channels=\"data\", and"
    ):
        read_numpy(encode(planes(6, "uint8"), "tiff", channels="data"))
    complexes = tiff(planes(1, "float32")[..., 0].astype("complex64"))
    with pytest.raises(
        FileFormatError, match=r"got 64-bit complex floats in 1 samples; convert it to a TIFF of 8 or 16"
    ):
        read_numpy(complexes, channels="data")
    with pytest.raises(LimitError, match="bytes"):
        read_numpy(
            encode(planes(13, "float64"), "tiff", channels="data"), channels="data", limits=Limits(max_pixels=800)
        )


def test_damage_is_said_in_our_words():
    rng = np.random.default_rng(7)
    plain = tiff(planes(5, "float32"))
    files = [encode(planes(6, "int16"), "tiff", channels="data"), plain]
    refused = 0
    for data in files:
        for _ in range(150):
            damaged = bytearray(data[: rng.integers(8, len(data))] if rng.random() < 0.3 else data)
            for at in rng.integers(0, min(len(damaged), 400), 2):
                damaged[at] = rng.integers(256)
            try:
                assert read_numpy(bytes(damaged), channels="data").size
            except aikit.AikitError:
                refused += 1
    # Nobody can tell that samples which are not packed are wrong.
    assert 150 < refused < 300


def test_what_cannot_be_written_is_refused():
    with pytest.raises(
        InputValueError, match=r"format: expected TIFF, or PNG for one picture .*, for data, got JPEG; wr"
    ):
        encode(planes(3, "uint8"), "jpeg", channels="data")
    with pytest.raises(
        InputValueError, match=r"image: expected one or three planes for PNG, whose .*, got 4 planes; write"
    ):
        encode(planes(4, "uint8"), "png", channels="data")
    with pytest.raises(InputTypeError, match=r"image: expected uint8 or uint16 data for PNG, got float32; write TIFF"):
        encode(planes(3, "float32"), "png", channels="data")
    with pytest.raises(InputValueError, match=r'profile: expected nothing beside channels="data", got \'srgb\''):
        encode(planes(3, "uint8"), "tiff", channels="data", profile="srgb")
    with pytest.raises(InputValueError, match=r"image: expected at most 1024 planes for TIFF, got 1025"):
        encode(np.zeros((1, 1, 1025), np.uint8), "tiff", channels="data")
