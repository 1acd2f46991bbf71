"""Kinds of TIFF: each comes as tifffile, imagecodecs, colour-science or the specification say, or is refused by name."""

import io
import itertools
import zlib

import colour
import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

import aikit
from aikit import FileFormatError, Limits, read_numpy, read_pil
from aikit.files import read_any, read_frames
from pictures import codes
from tiff_files import by_hand, in_bits, tags_of

PACKED = [None, "zlib", "lzw", "packbits", "zstd", "lzma"]
LAYOUTS = {
    "strips": {"rowsperstrip": 5},
    "tiles": {"tile": (16, 16)},
    "big-endian": {"byteorder": ">"},
    "big-endian bigtiff": {"byteorder": ">", "bigtiff": True},
}
COLORS = {
    "gray": (None, {"photometric": "minisblack"}),
    "gray and alpha": (2, {"photometric": "minisblack", "extrasamples": ["unassalpha"]}),
    "rgb": (3, {"photometric": "rgb"}),
    "rgba": (4, {"photometric": "rgb", "extrasamples": ["unassalpha"]}),
}


def tiff(pixels, **options):
    file = io.BytesIO()
    tifffile.imwrite(file, pixels, metadata=None, **options)
    return file.getvalue()


def samples(channels, dtype, height=19, width=37):
    dtype = np.dtype(dtype)
    if dtype.kind == "f":
        return (codes(height, width, channels, "float32") * 8 - 4).astype(dtype)
    wide = np.random.default_rng(3).integers(0, 2 ** (8 * dtype.itemsize), codes(height, width, channels).shape)
    return wide.astype(f"u{dtype.itemsize}").view(dtype)


def predictors(packed, dtype):
    if packed in (None, "packbits"):
        return [None]
    return [None, 3] if np.dtype(dtype).kind == "f" else [None, 2]


@pytest.mark.parametrize("packed", PACKED, ids=str)
@pytest.mark.parametrize("color", COLORS)
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float16", "float32"])
def test_what_tifffile_writes_comes_back(packed, color, dtype):
    channels, options = COLORS[color]
    pixels = samples(channels, dtype)
    expected = pixels.astype(np.float32) if dtype == "float16" else pixels
    planar = [False] if channels is None else [False, True]
    for layout, predictor, planes in itertools.product(LAYOUTS, predictors(packed, dtype), planar):
        stored = np.moveaxis(pixels, -1, 0) if planes else pixels
        config = {} if channels is None else {"planarconfig": "separate" if planes else "contig"}
        data = tiff(stored, compression=packed, predictor=predictor, **options, **config, **LAYOUTS[layout])
        got = read_numpy(data)
        assert got.dtype == expected.dtype
        np.testing.assert_array_equal(got, expected, err_msg=f"{layout}, predictor {predictor}, planes {planes}")


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("tile", [None, (16, 16)])
def test_strips_of_webp(channels, tile):
    pixels = samples(channels, np.uint8, 40, 48)
    extra = {"extrasamples": ["unassalpha"]} if channels == 4 else {}
    if channels == 4:
        pixels[:20, :, 3] = 255  # libwebp leaves the alpha of such strips out
    data = tiff(
        pixels,
        compression="webp",
        compressionargs={"lossless": True},
        photometric="rgb",
        tile=tile,
        rowsperstrip=None if tile else 10,
        **extra,
    )
    np.testing.assert_array_equal(read_numpy(data), tifffile.imread(io.BytesIO(data)))


@pytest.mark.parametrize("dtype", ["int8", "int16", "int32"])
@pytest.mark.parametrize("packed", [None, "zlib", "zstd"], ids=str)
def test_signed_integers_keep_their_sign(dtype, packed):
    pixels = samples(None, dtype)
    got = read_pil(tiff(pixels, compression=packed))
    assert got.mode == "I"
    np.testing.assert_array_equal(np.asarray(got), pixels)
    with pytest.raises(
        aikit.InputValueError, match="expected pixels with a known range, got 32-bit integers; read them"
    ):
        read_numpy(tiff(pixels, compression=packed))


def spread(values, bits):
    top, full = 2**bits - 1, 255 if bits <= 8 else 65535
    return np.rint(values * (full / top)).astype(np.uint8 if bits <= 8 else np.uint16)


@pytest.mark.parametrize("bits", range(1, 17))
@pytest.mark.parametrize("channels", [None, 3])
@pytest.mark.parametrize("fill_order", [1, 2])
@pytest.mark.parametrize("order", "<>")
def test_any_number_of_bits_spans_the_whole_range(bits, channels, fill_order, order):
    # tifffile does not read its own packed big-endian files; the bits are put together by hand.
    values = codes(11, 13, channels, "uint16") >> (16 - bits)
    body = values.astype(order + "u2").tobytes() if bits == 16 else in_bits(values, bits)
    if fill_order == 2:
        body = np.packbits(np.unpackbits(np.frombuffer(body, np.uint8), bitorder="little")).tobytes()
    photometric = 1 if channels is None else 2
    more = {266: (3, [fill_order])}
    tags = tags_of(11, 13, [bits] * (channels or 1), photometric, body, more=more)
    np.testing.assert_array_equal(read_numpy(by_hand(tags, body, order)), spread(values, bits))
    if channels is None:
        white = tags_of(11, 13, [bits], 0, body, more=more)
        full = 255 if bits <= 8 else 65535
        np.testing.assert_array_equal(read_numpy(by_hand(white, body, order)), full - spread(values, bits))


@pytest.mark.parametrize("bits", [10, 12, 14])
def test_packed_bits_as_imagecodecs_packs_them(bits):
    values = codes(11, 13, None, "uint16") >> (16 - bits)
    data = tiff(values, bitspersample=bits, photometric="minisblack")
    np.testing.assert_array_equal(tifffile.imread(io.BytesIO(data)), values)
    np.testing.assert_array_equal(read_numpy(data), spread(values, bits))


_PACK = {1: bytes, 8: zlib.compress, 5: imagecodecs.lzw_encode, 32773: imagecodecs.packbits_encode}


@pytest.mark.parametrize("compression", _PACK)
@pytest.mark.parametrize("channels", [None, 2, 3, 4])
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_bits_in_the_other_order(compression, channels, dtype):
    pixels = codes(11, 13, channels, dtype)
    packed = _PACK[compression](pixels.astype("<" + np.dtype(dtype).str[1:]).tobytes())
    body = np.packbits(np.unpackbits(np.frombuffer(packed, np.uint8), bitorder="little")).tobytes()
    more = {266: (3, [2]), **({338: (3, [2])} if channels in (2, 4) else {})}
    bits = [8 * np.dtype(dtype).itemsize] * (channels or 1)
    tags = tags_of(11, 13, bits, 2 if (channels or 0) > 2 else 1, body, compression, more)
    np.testing.assert_array_equal(read_numpy(by_hand(tags, body)), pixels)


def of_palette(indexes, bits, table, *, alpha=None):
    if alpha is not None:
        body, more = np.stack([indexes, alpha], -1).astype(np.uint8).tobytes(), {338: (3, [2])}
    else:
        body, more = indexes.astype("<u2").tobytes() if bits == 16 else in_bits(indexes, bits), {}
    more[320] = (3, table.ravel().tolist())
    return by_hand(tags_of(*indexes.shape, [bits] * (2 if alpha is not None else 1), 3, body, more=more), body)


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
@pytest.mark.parametrize("factor", [257, 256, 1])
def test_palettes_of_8_bits(bits, factor):
    # Three ways in which writers fill 16 bits; the last one is of old ones, which libtiff tells by the largest value.
    colors = codes(3, 2**bits, None)
    indexes = codes(11, 13, None, "uint16") >> (16 - bits)
    got = read_numpy(of_palette(indexes, bits, colors.astype(int) * factor))
    assert got.dtype == np.uint8
    np.testing.assert_array_equal(got, colors.T[indexes])


@pytest.mark.parametrize("bits", [1, 4, 8, 16])
def test_palettes_of_16_bits_keep_them(bits):
    colors = codes(3, 2**bits, None, "uint16") | 0x101
    indexes = codes(11, 13, None, "uint16") >> (16 - bits)
    data = of_palette(indexes, bits, colors)
    np.testing.assert_array_equal(read_numpy(data), colors.T[indexes])
    np.testing.assert_array_equal(read_pil(data), np.rint(colors.T[indexes] / 257))


@pytest.mark.parametrize("factor", [257, 1])
def test_palettes_with_alpha(factor):
    colors, indexes, alpha = codes(3, 256, None), codes(11, 13, None), codes(11, 14, None)[:, 1:]
    table = colors.astype(int) * factor
    expected = np.dstack([colors.T[indexes], alpha])
    np.testing.assert_array_equal(read_numpy(of_palette(indexes, 8, table, alpha=alpha)), expected)
    table[0, 0] += 300
    deep = read_numpy(of_palette(indexes, 8, np.maximum(table, 300), alpha=alpha))
    np.testing.assert_array_equal(deep[..., 3], alpha.astype(int) * 257)


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_associated_alpha_rounds(dtype):
    full = np.iinfo(dtype).max
    stored = codes(16, 16, 4, dtype)
    stored[..., :3] = np.minimum(stored[..., :3], stored[..., 3:])
    stored[0, 0] = 0
    exact = stored[..., :3] * float(full) / np.maximum(stored[..., 3:], 1)
    got = read_numpy(tiff(stored, photometric="rgb", extrasamples=["assocalpha"]))
    np.testing.assert_array_equal(got, np.dstack([np.rint(exact), stored[..., 3]]))


@pytest.mark.parametrize("options", [{}, {"byteorder": ">", "bigtiff": True}, {"compression": "lzw", "predictor": 2}])
def test_inks(options):
    inks = codes(11, 13, 4).astype(np.uint16)
    c, m, y, k = (1 - inks[..., index] / 255.0 for index in range(4))
    expected = np.dstack([c, m, y]) * k[..., None] * 255
    data = tiff(inks.astype(np.uint8), photometric="separated", planarconfig="contig", **options)
    assert np.abs(read_numpy(data) - expected).max() <= 1  # Pillow rounds twice
    # Below the middle of a code of 8 bits: rounding gives that code, a shift the one before.
    deep = tiff(np.maximum(inks * 257, 100) - 100, photometric="separated", planarconfig="contig", **options)
    np.testing.assert_array_equal(read_pil(deep), read_pil(data))
    with pytest.raises(FileFormatError, match="expected CMYK of 8 bits, got 16 bits; read it with read_pil"):
        read_numpy(deep)


@pytest.mark.parametrize("packing", ["deflate", "lzma", "zstd"])
@pytest.mark.parametrize("subsampling", [(1, 1), (2, 1), (2, 2), (4, 1), (4, 4)])
def test_subsampled_ycbcr(packing, subsampling):
    # TIFF 6.0, section 21: blocks of luma, each with its two differences; the middle of the range stays in gamut.
    across, down = subsampling
    luma = codes(16, 32, None) // 2 + 60
    blue, red = (codes(16 // down, 32 // across, seed)[..., 0] // 5 + 100 for seed in (1, 2))
    body = b"".join(
        luma[y * down : (y + 1) * down, x * across : (x + 1) * across].tobytes() + bytes([blue[y, x], red[y, x]])
        for y, x in np.ndindex(blue.shape)
    )
    blue, red = (np.kron(plane, np.ones((down, across))) - 128 for plane in (blue, red))
    r, b = luma + 1.402 * red, luma + 1.772 * blue
    expected = np.dstack([r, (luma - 0.299 * r - 0.114 * b) / 0.587, b])
    code, pack = {
        "deflate": (8, zlib.compress),
        "lzma": (34925, imagecodecs.lzma_encode),
        "zstd": (50000, imagecodecs.zstd_encode),
    }[packing]
    packed = pack(body)
    got = read_numpy(by_hand(tags_of(16, 32, [8] * 3, 6, packed, code, {530: (3, [across, down])}), packed))
    assert np.abs(got - expected).max() <= 1  # libtiff works in integers


def test_lab_is_relative_to_d50():
    rgb = colour.XYZ_to_sRGB  # the oracle: CIE formulas and Bradford
    white = colour.CCS_ILLUMINANTS["CIE 1931 2 Degree Standard Observer"]["D50"]
    stored = np.dstack([codes(11, 13, None) // 2 + 80, codes(11, 14, None)[:, 1:] // 8, codes(12, 13, None)[1:] // 8])
    stored[..., 1:] -= 16  # wraps: these are signed
    lab = np.dstack([stored[..., 0] / 2.55, stored[..., 1:].view(np.int8).astype(float)])
    expected = rgb(colour.Lab_to_XYZ(lab, white), white, chromatic_adaptation_transform="Bradford") * 255
    inside = ((expected > 1) & (expected < 254)).all(axis=2)
    assert inside.sum() > 60
    body = stored.tobytes()
    got = read_numpy(by_hand(tags_of(11, 13, [8] * 3, 8, body), body))
    assert np.abs(got - expected)[inside].max() < 0.6


@pytest.mark.parametrize("strips", [True, False])
def test_old_style_jpeg(strips):
    file = io.BytesIO()
    Image.new("RGB", (32, 16), (200, 40, 40)).save(file, "JPEG", quality=100)
    stream = file.getvalue()
    more = {513: (4, [0]), 514: (4, [len(stream)]), 530: (3, [2, 2])}
    tags = tags_of(16, 32, [8] * 3, 6, stream, 6, more)
    if not strips:
        del tags[273], tags[279]
    got = read_numpy(by_hand(tags, stream))
    assert np.abs(got.astype(int) - [200, 40, 40]).max() <= 2


UNKNOWN = {
    "five gray": (lambda: tiff(codes(8, 9, 5), photometric="minisblack", planarconfig="contig"), "5 samples a pixel, of which 1 is"),
    "five gray of 16 bits": (lambda: tiff(codes(8, 9, 5, "uint16"), photometric="minisblack", planarconfig="contig"), "5 samples"),
    "five gray planes": (lambda: tiff(codes(5, 8, 9), photometric="minisblack", planarconfig="separate"), "5 samples"),
    "five floats": (lambda: tiff(codes(8, 9, 5, "float32"), photometric="minisblack", planarconfig="contig"), "5 samples"),
    "rgb and infrared": (lambda: tiff(codes(8, 9, 4), photometric="rgb", extrasamples=["unspecified"]), "3 are color and 1 other data"),
    "gray and data": (lambda: tiff(codes(8, 9, 2), photometric="minisblack", extrasamples=[0], planarconfig="contig"), "1 is color and 1 other"),
    "rgb, alpha and data": (lambda: tiff(codes(8, 9, 5), photometric="rgb", extrasamples=[2, 0]), "one is alpha and 1 other data"),
    "alpha behind data": (lambda: tiff(codes(8, 9, 5), photometric="rgb", extrasamples=[0, 2]), "one is alpha and 1 other data"),
    "cmyk and alpha": (lambda: tiff(codes(8, 9, 5), photometric="separated", extrasamples=[2], planarconfig="contig"), "alpha beside CMYK"),
    "jpeg 2000": (lambda: tiff(codes(16, 16), compression="jpeg2000"), "the compression JPEG 2000"),
    "jpeg xl": (lambda: tiff(codes(16, 16, 3), compression="jpegxl", photometric="rgb"), "the compression JPEG XL"),
    "jpeg xr": (lambda: tiff(codes(16, 16, 3), compression="jpegxr", photometric="rgb"), "the compression JPEG XR"),
    "lerc": (lambda: tiff(codes(16, 16, None, "float32"), compression="lerc"), "the compression LERC"),
    "12-bit jpeg": (lambda: by_hand(tags_of(8, 8, [12], 1, bytes(99), 7), bytes(99)), "JPEG of 12-bit integers"),
    "complex": (lambda: tiff(codes(8, 9, None, "float32").astype(np.complex64)), "64-bit complex floats"),
    "32-bit rgb": (lambda: tiff(codes(8, 9, 3).astype(np.uint32), photometric="rgb"), "32-bit integers in 3 samples of RGB"),
    "signed rgb": (lambda: tiff(codes(8, 9, 3).astype(np.int16), photometric="rgb"), "16-bit signed integers in 3 samples of RGB"),
    "24 bits": (lambda: by_hand(tags_of(8, 8, [24], 1, bytes(192)), bytes(192)), "24-bit integers in 1 samples of gray"),
    "24-bit floats": (lambda: by_hand(tags_of(8, 8, [24], 1, bytes(192), more={339: (3, [3])}), bytes(192)), "24-bit floats"),
    "5, 6 and 5 bits": (lambda: by_hand(tags_of(8, 8, [5, 6, 5], 2, bytes(128)), bytes(128)), "of 5, 6, 5 bits"),
    "predictor on nothing": (lambda: by_hand(tags_of(8, 8, [8], 1, bytes(64), more={317: (3, [2])}), bytes(64)), "the predictor 2 with values"),
    "predictor of DNG": (lambda: by_hand(tags_of(8, 8, [8], 1, bytes(64), 8, {317: (3, [34892])}), bytes(64)), "the predictor 34892"),
    "float predictor on integers": (lambda: by_hand(tags_of(8, 8, [16], 1, bytes(64), 8, {317: (3, [3])}), bytes(64)), "the predictor for floats"),
    "predictor on 12 bits": (lambda: by_hand(tags_of(8, 8, [12], 1, bytes(96), 8, {317: (3, [2])}), bytes(96)), "the predictor 2 with 12-bit"),
    "other inks": (lambda: by_hand(tags_of(8, 8, [8] * 4, 5, bytes(256), more={332: (3, [2])}), bytes(256)), "inks other than cyan"),
    "raw ycbcr": (lambda: by_hand(tags_of(8, 8, [8] * 3, 6, bytes(192)), bytes(192)), "subsampled Y'CbCr that is not compressed"),
    "16-bit lab": (lambda: by_hand(tags_of(8, 8, [16] * 3, 8, bytes(384)), bytes(384)), "Lab of 16 bits"),
    "icc lab": (lambda: by_hand(tags_of(8, 8, [8] * 3, 9, bytes(192)), bytes(192)), "ICC Lab color"),
    "mask": (lambda: by_hand(tags_of(8, 8, [1], 4, bytes(8)), bytes(8)), "a transparency mask"),
    "mosaic": (lambda: by_hand(tags_of(8, 8, [16], 32803, bytes(128)), bytes(128)), "the mosaic of a camera's sensor; develop it"),
    "loguv": (lambda: by_hand(tags_of(8, 8, [16] * 3, 32845, bytes(384)), bytes(384)), "LogLuv color"),
    "unheard of": (lambda: by_hand(tags_of(8, 8, [8], 99, bytes(64)), bytes(64)), "the photometric interpretation 99"),
    "unheard of packing": (lambda: by_hand(tags_of(8, 8, [8], 1, bytes(64), 4711), bytes(64)), "the compression 4711"),
    "thunderscan": (lambda: by_hand(tags_of(8, 8, [4], 1, bytes(32), 32809), bytes(32)), "the compression ThunderScan"),
    "short palette": (lambda: by_hand(tags_of(8, 8, [8], 3, bytes(64), more={320: (3, [9] * 9)}), bytes(64)), "a table of 9 color values"),
    "dng": (lambda: by_hand(tags_of(8, 8, [8], 1, bytes(64), more={50706: (1, [1, 4, 0, 0])}), bytes(64)), "a DNG photograph"),
    "white signed": (lambda: by_hand(tags_of(8, 8, [16], 0, bytes(128), more={339: (3, [2])}), bytes(128)), "16-bit signed integers"),
}  # fmt: skip


@pytest.mark.parametrize("kind", UNKNOWN)
def test_other_kinds_are_refused_by_name(kind):
    make, got = UNKNOWN[kind]
    data = make()
    for read in (read_numpy, read_pil, lambda data: list(read_frames(data))):
        with pytest.raises(FileFormatError, match=r"expected a TIFF of a kind that aikit reads, got .*; ") as caught:
            read(data)
        assert caught.value.code == "unsupported_format"
        assert got in str(caught.value)


def test_previews_are_not_taken_for_the_picture():
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as writer:
        small = codes(7, 9, 3)
        writer.write(small, photometric="rgb", subfiletype=1, subifds=1, extratags=[(271, "s", 0, "maker", True)])
        writer.write(codes(30, 40, 3), photometric="rgb")
    with pytest.raises(
        FileFormatError, match=r"got a preview \(maker\), whose picture stands in a directory of its own"
    ):
        read_numpy(file.getvalue())
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as writer:
        writer.write(codes(30, 40, 3), photometric="rgb", subifds=1)
        writer.write(small, photometric="rgb", subfiletype=1)
    np.testing.assert_array_equal(read_numpy(file.getvalue()), codes(30, 40, 3))


@pytest.mark.parametrize("limits", [None, Limits()])
def test_pages_behind_one_of_another_kind(limits):
    # Pillow opens the first page before any other.
    first, second, third = codes(11, 13, None, "uint16") >> 6, codes(7, 9, 3), codes(4, 5, 2)
    for bits, pixels in ((10, first), (None, codes(4, 6, 7))):
        file = io.BytesIO()
        with tifffile.TiffWriter(file) as writer:
            writer.write(pixels, bitspersample=bits, photometric="minisblack", planarconfig="contig")
            writer.write(second, photometric="rgb", compression="lzw")
            writer.write(third, photometric="minisblack", extrasamples=[2], planarconfig="contig")
        data = file.getvalue()
        np.testing.assert_array_equal(read_numpy(data, frame=1, limits=limits), second)
        np.testing.assert_array_equal(read_numpy(data, frame=2, limits=limits), third)
        if bits:
            assert [frame.mode for frame in read_frames(data, limits=limits)] == ["I;16", "RGB", "LA"]


_PACK |= {34925: imagecodecs.lzma_encode, 50000: imagecodecs.zstd_encode}


@pytest.mark.parametrize("compression", _PACK)
def test_blocks_that_end_too_early(compression):
    pixels = codes(30, 40, 3, "uint16")
    body = _PACK[compression](pixels.tobytes())
    body = body[: len(body) // 2]
    data = by_hand(tags_of(30, 40, [16] * 3, 2, body, compression), body)
    with pytest.raises(FileFormatError, match=r"expected a (valid|whole) TIFF file, got [0-9]+ of 7200 bytes"):
        read_numpy(data, limits=Limits())
    assert read_numpy(data, limits=Limits(), allow_truncated=True).shape == (30, 40, 3)


def test_xz_may_not_take_more_than_its_share():
    import lzma

    pixels = codes(8, 9, None, "uint16")
    greedy = [{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 30}]
    body = lzma.compress(pixels.astype("<u2").tobytes(), lzma.FORMAT_XZ, filters=greedy)
    with pytest.raises(FileFormatError, match="got 0 of 144 bytes from strip or tile 0"):
        read_numpy(by_hand(tags_of(8, 9, [16], 1, body, 34925), body))


def test_profiles_of_what_is_read_by_strips_are_applied():
    from PIL import ImageCms

    pixels = codes(11, 13, 3)
    wide = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    data = tiff(pixels, photometric="rgb", byteorder=">", bigtiff=True, iccprofile=wide)
    np.testing.assert_array_equal(read_numpy(data), pixels)
    assert "icc_profile" in read_any(data, profile="ignore").info
