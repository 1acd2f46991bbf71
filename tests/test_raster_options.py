"""Options of the encoders, palettes and single bits, icons of several sizes, and headers of netpbm's formats."""

import io
import struct

import imagecodecs
import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from aikit import InputTypeError, InputValueError, encode, read_numpy, read_pil, to_pil, write
from aikit.files import to_data_url
from pictures import codes

PHOTO = np.dstack([np.add.outer(np.arange(64) * 2, np.arange(80) * step) % 256 for step in (1, 2, 3)]).astype(np.uint8)


def opened(data):
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def sampling(jpeg):
    """The sampling factors of luma in the frame header: ITU-T T.81, B.2.2."""
    at = max(jpeg.find(b"\xff\xc0"), jpeg.find(b"\xff\xc2"))
    return jpeg[at + 11]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, 0x11),
        ({"quality": 90}, 0x11),
        ({"quality": 89}, 0x22),
        ({"quality": 100}, 0x11),
        ({"quality": 100, "subsampling": "4:2:0"}, 0x22),
        ({"quality": 20, "subsampling": "4:4:4"}, 0x11),
        ({"subsampling": "4:2:2"}, 0x21),
        ({"subsampling": "4:2:2", "progressive": True}, 0x21),
    ],
)
def test_subsampling_of_jpeg(options, expected):
    assert sampling(encode(PHOTO, "jpeg", **options)) == expected


def test_lines_of_one_pixel_keep_their_color():
    lines = np.zeros((64, 64, 3), np.uint8)
    lines[::2], lines[1::2] = (255, 0, 0), (0, 0, 255)
    error = np.abs(read_numpy(encode(lines, "jpeg")).astype(int) - lines).mean()
    halved = np.abs(read_numpy(encode(lines, "jpeg", subsampling="4:2:0")).astype(int) - lines).mean()
    assert error < 3 < 50 < halved


def test_progressive_and_fitted_tables():
    plain, several = encode(PHOTO, "jpeg"), encode(PHOTO, "jpeg", progressive=True)
    assert opened(several).info.get("progressive")
    assert not opened(plain).info.get("progressive")
    np.testing.assert_array_equal(read_numpy(several), read_numpy(plain))
    fitted = encode(PHOTO, "jpeg", optimize=True)
    assert len(fitted) < len(plain)
    np.testing.assert_array_equal(read_numpy(fitted), read_numpy(plain))


@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0"])
def test_subsampling_of_avif(subsampling):
    # av1C: seq_profile and the two bits of subsampling, AV1-ISOBMFF 2.3.
    data = encode(PHOTO, "avif", subsampling=subsampling)
    flags = data[data.index(b"av1C") + 6]
    assert (flags >> 3 & 1, flags >> 2 & 1) == {"4:4:4": (0, 0), "4:2:2": (1, 0), "4:2:0": (1, 1)}[subsampling]


@pytest.mark.parametrize(("format", "least", "most"), [("png", 0, 9), ("webp", 0, 6), ("avif", 0, 10)])
def test_effort_runs_from_least_to_most(format, least, most):
    noisy = codes(64, 80, 3) // 16 + PHOTO // 2
    quick, slow = (encode(noisy, format, effort=effort) for effort in (least, most))
    assert len(slow) < len(quick)
    if format == "png":
        np.testing.assert_array_equal(read_numpy(quick), read_numpy(slow))
        deep = PHOTO.astype(np.uint16) * 257
        for pixels in (deep, deep[..., :2], deep[..., 0]):
            assert len(encode(pixels, "png", effort=9)) < len(encode(pixels, "png", effort=0))
            np.testing.assert_array_equal(read_numpy(encode(pixels, "png", effort=9)), pixels)
    for effort in (least - 1, most + 1):
        with pytest.raises(InputValueError, match=rf"effort: expected {least}\.\.{most}, got {effort}; pass a number"):
            encode(noisy, format, effort=effort)


def test_lossless_webp_takes_an_effort():
    pixels = codes(40, 48, 4)
    quick, slow = (encode(pixels, "webp", lossless=True, effort=effort) for effort in (0, 6))
    assert quick != slow
    np.testing.assert_array_equal(read_numpy(quick), pixels)
    np.testing.assert_array_equal(read_numpy(slow), pixels)


def with_palette(count, key=None, mode="RGB"):
    image = Image.fromarray((codes(13, 17).astype(int) % count).astype(np.uint8))
    image.putpalette(codes(count, 1, len(mode)).ravel().tolist(), mode)
    if key is not None:
        image.info["transparency"] = key
    return image


@pytest.mark.parametrize("count", [2, 4, 5, 16, 17, 256])
@pytest.mark.parametrize("key", [None, 1, bytes([9, 200])], ids=["opaque", "index", "table"])
def test_palettes_stay_palettes_in_png(count, key):
    image = with_palette(count, key)
    data = encode(image, "png")
    back = opened(data)
    assert back.mode == "P"
    assert data[24] == {2: 1, 4: 2, 5: 4, 16: 4, 17: 8, 256: 8}[count]
    np.testing.assert_array_equal(np.asarray(back), np.asarray(image))
    assert back.getpalette()[: 3 * count] == image.getpalette()[: 3 * count]
    # An independent reader gives the same colors as our own converter.
    np.testing.assert_array_equal(read_numpy(data), np.asarray(to_pil(image)))
    np.testing.assert_array_equal(imagecodecs.png_decode(data)[..., :3], np.asarray(to_pil(image).convert("RGB")))


def test_palettes_with_alpha_of_their_own():
    image = with_palette(7, mode="RGBA")
    data = encode(image, "png")
    assert opened(data).mode == "P"
    np.testing.assert_array_equal(read_numpy(data), np.asarray(image.convert("RGBA")))


def test_single_bits_stay_single_bits_in_png(tmp_path):
    image = Image.fromarray(codes(13, 17) % 2 == 1)
    data = encode(image, "png")
    assert (opened(data).mode, data[24]) == ("1", 1)
    np.testing.assert_array_equal(np.asarray(opened(data)), np.asarray(image))
    write(image, tmp_path / "bits.png")
    assert (tmp_path / "bits.png").read_bytes() == data


def test_what_a_png_cannot_say_of_a_palette_is_resolved():
    # An index behind the table, a key beside bits, a key of color, and an orientation.
    image = with_palette(3)
    image.putdata([200] * (13 * 17))
    assert opened(encode(image, "png")).mode == "RGB"
    bits = Image.fromarray(codes(13, 17) % 2 == 1)
    bits.info["transparency"] = 1
    np.testing.assert_array_equal(read_numpy(encode(bits, "png")), np.asarray(to_pil(bits)))
    both = with_palette(7, 1, mode="RGBA")
    np.testing.assert_array_equal(read_numpy(encode(both, "png")), np.asarray(to_pil(both)))
    assert opened(encode(both, "png")).mode == "RGBA"
    turned = with_palette(5)
    turned.getexif()[274] = 6
    assert opened(encode(turned, "png")).size == (13, 17)


def test_other_formats_resolve_palettes_as_before():
    image = with_palette(5, 1)
    np.testing.assert_array_equal(read_numpy(encode(image, "tiff")), np.asarray(to_pil(image)))


def test_metadata_of_palettes_is_kept():
    text = PngImagePlugin.PngInfo()
    text.add_text("parameters", "a cat")
    file = io.BytesIO()
    with_palette(5).save(file, "PNG", pnginfo=text, dpi=(300, 300))
    back = opened(encode(Image.open(io.BytesIO(file.getvalue())), "png"))
    assert back.mode == "P"
    assert back.text["parameters"] == "a cat"
    assert round(back.info["dpi"][0]) == 300


FLAT = np.repeat(np.repeat(codes(5, 6, 4), 30, 0), 20, 1)


@pytest.mark.parametrize("pixels", [FLAT[..., :3], FLAT, np.where(FLAT[..., 0] > 99, 255, 0).astype(np.uint8)])
def test_optimize_keeps_pixels_and_channels(pixels):
    plain, small = encode(pixels, "png"), encode(pixels, "png", optimize=True)
    assert opened(small).mode == ("P" if pixels.ndim == 3 else "1")
    assert len(small) < len(plain)
    back = read_numpy(small)
    assert back.shape == pixels.shape
    np.testing.assert_array_equal(back, pixels)


def test_optimize_leaves_what_fits_no_palette():
    opaque = np.dstack([PHOTO, np.full((64, 80), 255, np.uint8)])
    for pixels in (codes(64, 80, 3), codes(64, 80, 4), opaque, PHOTO[..., 0], FLAT[..., 2:]):
        back = read_numpy(encode(pixels, "png", optimize=True))
        assert back.shape == pixels.shape
        np.testing.assert_array_equal(back, pixels)
    flat_and_opaque = np.dstack([FLAT[..., :3], np.full(FLAT.shape[:2], 255, np.uint8)])
    back = read_numpy(encode(flat_and_opaque, "png", optimize=True))
    np.testing.assert_array_equal(back, flat_and_opaque)


@pytest.mark.parametrize("channels", [None, 2, 3, 4])
def test_palette_takes_as_many_colors_as_it_may(channels):
    pixels = codes(40, 48, channels)
    for most in (2, 16, 256):
        back = opened(encode(pixels, "png", palette=most))
        assert back.mode == "P"
        assert len(back.getcolors(256)) <= most
    exact = FLAT[..., : channels or 1]
    exact = exact[..., 0] if channels is None else exact
    data = encode(exact, "png", palette=30)
    want = np.asarray(to_pil(exact).convert("RGB" if channels in (None, 3) else "RGBA"))
    np.testing.assert_array_equal(read_numpy(data), want)


def test_a_palette_may_be_made_smaller():
    image = with_palette(200)
    assert len(opened(encode(image, "png", palette=16)).getcolors(256)) <= 16
    assert len(opened(encode(image, "png", palette=200)).getcolors(256)) > 150
    with pytest.raises(InputValueError, match='palette: expected None for 16 bits, got 16; convert to dtype="uint8"'):
        encode(PHOTO.astype(np.uint16), "png", palette=16)


SIZES = (16, 24, 48, 256)


@pytest.mark.parametrize("channels", [3, 4])
def test_an_icon_of_several_sizes(channels):
    pixels = np.repeat(np.repeat(codes(8, 16, channels), 40, 0), 40, 1)
    data = encode(pixels, "ico", sizes=SIZES)
    assert opened(data).info["sizes"] == {(size, size // 2) for size in SIZES}
    assert read_pil(data).size == (256, 128)
    with Image.open(io.BytesIO(data)) as image:
        small = np.asarray(image.ico.getimage((16, 8)).convert("RGBA")).astype(int)
    expected = codes(8, 16, channels).astype(int)
    seen = expected[..., 3:] > 0 if channels == 4 else np.ones((8, 16, 1), bool)
    assert np.abs(small[..., :3] - expected[..., :3])[np.broadcast_to(seen, (8, 16, 3))].mean() < 60
    assert opened(encode(pixels[:200, :200], "ico")).info["sizes"] == {(200, 200)}


def icon(*pictures):
    """An icon of (width, bits, body), written by hand."""
    at, head, bodies = 6 + 16 * len(pictures), struct.pack("<HHH", 0, 1, len(pictures)), b""
    for width, bits, body in pictures:
        head += struct.pack("<BBBBHHII", width % 256, width % 256, 0, 0, 1, bits, len(body), at + len(bodies))
        bodies += body
    return head + bodies


def bitmap(size, bits, color):
    """A bitmap of one color as icons hold them, with a mask that hides nothing."""
    table = bytes([*color[::-1], 0]) + bytes(4 * (2**bits - 1)) if bits <= 8 else b""
    row = (bytes(size * bits // 8) if bits <= 8 else bytes([*color[::-1], 255][: bits // 8]) * size).ljust(
        (size * bits + 31) // 32 * 4, b"\0"
    )
    mask = bytes((size + 31) // 32 * 4 * size)
    return struct.pack("<IiiHHIIiiII", 40, size, 2 * size, 1, bits, 0, 0, 0, 0, 0, 0) + table + row * size + mask


@pytest.mark.parametrize("order", [1, -1])
def test_the_picture_with_most_bits_of_the_largest_is_read(order):
    pictures = [
        (16, 32, bitmap(16, 32, (1, 2, 3))),
        (32, 4, bitmap(32, 4, (10, 20, 30))),
        (32, 24, bitmap(32, 24, (40, 50, 60))),
        (32, 8, bitmap(32, 8, (70, 80, 90))),
    ]
    got = read_numpy(icon(*pictures[::order]))
    assert got.shape[:2] == (32, 32)
    assert got[0, 0, :3].tolist() == [40, 50, 60]
    # Directories that say nothing of bits, as many do.
    assert read_numpy(icon(*((width, 0, body) for width, _, body in pictures[::order])))[0, 0, :3].tolist() == [
        40,
        50,
        60,
    ]
    # The mask below a bitmap makes it no larger than a PNG of more pixels.
    between = encode(codes(40, 40, 4), "png")
    np.testing.assert_array_equal(read_numpy(icon(*pictures[::order], (40, 0, between))), codes(40, 40, 4))
    png = encode(codes(64, 64, 4), "png")
    np.testing.assert_array_equal(read_numpy(icon(*pictures[::order], (64, 0, png))), codes(64, 64, 4))


@pytest.mark.parametrize(
    ("format", "options", "message"),
    [
        ("png", {"subsampling": "4:4:4"}, "subsampling: expected None for PNG, got .4:4:4.; only JPEG and AVIF take it"),
        ("webp", {"progressive": True}, "progressive: expected None for WebP, got True; only JPEG takes it"),
        ("jpeg", {"effort": 4}, "effort: expected None for JPEG, got 4; only PNG, WebP, AVIF and JPEG XL take it"),
        ("webp", {"optimize": True}, "optimize: expected None for WebP, got True; only PNG and JPEG take it"),
        ("gif", {"palette": 16}, "palette: expected None for GIF, got 16; only PNG takes it"),
        ("png", {"sizes": (16,)}, "sizes: expected None for PNG, got .16,.; only ICO takes it"),
        ("jpeg", {"subsampling": "4:1:1"}, "subsampling: expected one of 4:4:4, 4:2:2, 4:2:0, got .4:1:1."),
        ("png", {"palette": 257}, r"palette: expected 2\.\.256, got 257; pass a number"),
        ("png", {"palette": 1}, r"palette: expected 2\.\.256, got 1; pass a number"),
        ("ico", {"sizes": ()}, "sizes: expected one size at least, got none; pass for instance"),
        ("ico", {"sizes": (16, 257)}, r"sizes: expected 1\.\.256, got 257; pass a number"),
    ],
)  # fmt: skip
def test_options_are_refused_by_name(format, options, message):
    for call in (lambda: encode(PHOTO, format, **options), lambda: to_data_url(PHOTO, format, **options)):
        with pytest.raises(InputValueError, match=message):
            call()


@pytest.mark.parametrize(
    ("format", "options"),
    [
        ("jpeg", {"subsampling": 444}),
        ("jpeg", {"progressive": 1}),
        ("png", {"effort": 1.5}),
        ("png", {"effort": True}),
        ("png", {"optimize": "yes"}),
        ("png", {"palette": "16"}),
        ("ico", {"sizes": 16}),
        ("ico", {"sizes": ("16",)}),
    ],
)
def test_options_of_another_type(format, options):
    with pytest.raises(InputTypeError, match=rf"{next(iter(options))}: expected .*, got .*; pass"):
        encode(PHOTO, format, **options)


def test_a_switch_that_is_off_is_what_every_format_does():
    assert encode(PHOTO, "tiff", progressive=False, optimize=False) == encode(PHOTO, "tiff")


@pytest.mark.parametrize("end", [b"\n", b"\r"])
def test_comments_glued_to_numbers(end):
    gray = codes(2, 3)
    for head in (b"P5 3#w\n2 255#top\n", b"P5#w\n3 2#h\n255\n", b"P5\n3 2\n255# 7 8 9\n"):
        data = head.replace(b"\n", end) + gray.tobytes()
        np.testing.assert_array_equal(read_numpy(data), gray)
    bits = np.array([[1, 0, 1], [0, 1, 1]], bool)
    raw = b"P4 3 2#c" + end + np.packbits(bits, axis=1).tobytes()
    np.testing.assert_array_equal(read_numpy(raw), np.where(bits, 0, 255))
    deep = codes(2, 3, None, "uint16")
    np.testing.assert_array_equal(read_numpy(b"P5 3 2 65535#c" + end + deep.astype(">u2").tobytes()), deep)
    plain = b"P2 3 2 255#c" + end + b"1#x" + end + b"2 3 4#y" + end + b"5 6"
    np.testing.assert_array_equal(read_numpy(plain), [[1, 2, 3], [4, 5, 6]])


@pytest.mark.parametrize("option", [{"optimize": True}, {"palette": 16}])
def test_animations_have_no_palettes_of_their_frames(option):
    with pytest.raises(
        InputValueError, match=r"(optimize|palette): expected None for an animation, got .*; leave it out"
    ):
        encode([FLAT[..., :3], FLAT[::-1, :, :3]], "png", **option)
    frames = [with_palette(5), with_palette(7)]
    back = opened(encode(frames, "png"))
    assert back.n_frames == 2


def test_options_hold_for_every_frame():
    noisy = codes(64, 80, 3) // 16 + PHOTO // 2
    quick, slow = (encode([noisy, noisy[::-1]], "webp", effort=effort) for effort in (0, 6))
    assert len(slow) < len(quick)
