"""Colors that files name by numbers: colour-science and LittleCMS say what they are in sRGB."""

import base64
import io
import logging
import struct
import zlib

import colour
import cv2
import numpy as np
import pytest
from PIL import Image, ImageCms

from aikit import Limits, describe, encode, read_numpy, read_pil
from aikit._raster import icc, iso_depth, probe
from aikit._raster.isobmff import Nclx, read_properties
from aikit.errors import FileFormatError
from aikit.files import read_frames

SRGB = colour.RGB_COLOURSPACES["sRGB"]
P3 = colour.RGB_COLOURSPACES["Display P3"]
BT2020 = colour.RGB_COLOURSPACES["ITU-R BT.2020"]


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def codes(channels=3, depth=8, height=6, width=9):
    rows, columns, channel = np.mgrid[:height, :width, :channels]
    top = (1 << depth) - 1
    return ((rows * 23 + columns * 29 + channel * 61) % 251 * (top / 250)).round().astype(f"u{depth // 8}")


def png(pixels, *chunks, palette=b""):
    height, width = pixels.shape[:2]
    channels = pixels.shape[2] if pixels.ndim == 3 else 1
    color_type = 3 if palette else {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    head = struct.pack(">IIBBBBB", width, height, pixels.itemsize * 8, color_type, 0, 0, 0)
    rows = b"".join(b"\0" + row.astype(row.dtype.newbyteorder(">")).tobytes() for row in pixels)
    body = chunk(b"IHDR", head) + b"".join(chunks) + palette + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def gama(value):
    return chunk(b"gAMA", struct.pack(">I", round(value * 100_000)))


def chrm(space):
    points = np.vstack([space.whitepoint, space.primaries]).ravel()
    return chunk(b"cHRM", struct.pack(">8I", *(round(each * 100_000) for each in points)))


def cicp(*numbers):
    return chunk(b"cICP", bytes(numbers))


def in_srgb(pixels, space, to_light):
    """What colour-science makes of codes in [0, 1]: light, Bradford to D65, sRGB, clipped to what it can show."""
    light = colour.RGB_to_RGB(to_light(pixels[..., :3]), space, SRGB, "Bradford")
    return colour.models.eotf_inverse_sRGB(np.clip(light, 0, 1))


CASES = {
    "cICP P3": (cicp(12, 13, 0, 1), P3, colour.models.eotf_sRGB),
    "cICP BT.2020": (cicp(9, 1, 0, 1), BT2020, colour.models.eotf_sRGB),
    "cICP linear": (cicp(1, 8, 0, 1), SRGB, lambda x: x),
    "cICP gamma 2.8": (cicp(1, 5, 0, 1), SRGB, lambda x: x**2.8),
    "gAMA 1": (gama(1), SRGB, lambda x: x),
    "gAMA 1/1.8": (gama(1 / 1.8), SRGB, lambda x: x ** (1 / 0.55556)),
    "gAMA and cHRM": (gama(1 / 1.8) + chrm(P3), P3, lambda x: x ** (1 / 0.55556)),
    "cHRM": (chrm(P3), P3, colour.models.eotf_sRGB),
    "cICP before gAMA and iCCP": (
        gama(1) + chunk(b"iCCP", b"x\0\0" + zlib.compress(b"nonsense")) + cicp(12, 13, 0, 1),
        P3,
        colour.models.eotf_sRGB,
    ),
    "cICP that means nothing": (cicp(12, 3, 0, 1) + gama(1), SRGB, lambda x: x),
}


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("name", CASES)
def test_png_colors_are_those_of_colour_science(name, depth):
    extra, space, to_light = CASES[name]
    pixels = codes(depth=depth)
    top = (1 << depth) - 1
    expected = in_srgb(pixels / top, space, to_light) * top
    got = read_numpy(png(pixels, extra))
    assert got.dtype == pixels.dtype
    # LittleCMS interpolates between the points of its 8-bit tables; 16 bits are computed, from columns in 1/65536, which
    # the way into sRGB multiplies by 3 and its curve by 13 near black: a third of a code of 8 bits.
    assert np.abs(got - expected).max() < (1.6 if depth == 8 else 80)


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("channels", [1, 2, 4])
def test_gray_and_alpha(depth, channels):
    pixels, top = codes(channels, depth), (1 << depth) - 1
    got = read_numpy(png(pixels, gama(1))).reshape(pixels.shape)
    colors = 1 if channels < 3 else 3
    expected = colour.models.eotf_inverse_sRGB(pixels[..., :colors] / top) * top
    assert np.abs(got[..., :colors] - expected).max() < (1.1 if depth == 8 else 2)
    assert np.array_equal(got[..., colors:], pixels[..., colors:])


def test_palettes_and_transparent_colors():
    indices = np.arange(6, dtype=np.uint8).reshape(2, 3)
    colors = bytes([0, 0, 0, 64, 64, 64, 128, 128, 128, 200, 100, 50, 9, 99, 199, 255, 255, 255])
    data = png(indices, gama(1), palette=chunk(b"PLTE", colors) + chunk(b"tRNS", bytes([255, 0])))
    got = read_numpy(data)
    assert got.shape == (2, 3, 4)
    expected = colour.models.eotf_inverse_sRGB(np.frombuffer(colors, np.uint8) / 255) * 255
    assert np.abs(got[..., :3].ravel() - expected).max() < 1.6
    assert got[..., 3].ravel().tolist() == [255, 0, 255, 255, 255, 255]


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize(
    "extra",
    [
        gama(0.45455),
        gama(0.45),
        gama(0.45455) + chrm(SRGB),
        chunk(b"sRGB", b"\0") + gama(1) + chrm(P3),
        cicp(1, 13, 0, 1) + gama(1),
        cicp(1, 1, 0, 1),
        cicp(2, 2, 0, 1),
        gama(0),
        gama(0.00002),
        chunk(b"cHRM", bytes(32)),
        b"",
    ],
    ids=["2.2", "0.45", "both", "sRGB first", "cICP sRGB", "cICP 709", "unspecified", "zero", "tiny", "no area", "none"],
)  # fmt: skip
def test_what_is_srgb_or_says_nothing_is_not_touched(extra, depth):
    pixels = codes(depth=depth)
    data = png(pixels, extra)
    assert np.array_equal(read_numpy(data), pixels)
    assert probe(data, name="x").profile is None
    assert "icc_profile" not in read_pil(data, profile="ignore").info


def test_chunks_behind_the_pixels_say_nothing():
    pixels = codes()
    data = png(pixels)
    assert np.array_equal(read_numpy(data[:-12] + gama(1) + data[-12:]), pixels)


@pytest.mark.parametrize("numbers", [(9, 16, 0, 1), (9, 18, 0, 1), (1, 16, 0, 1), (12, 13, 0, 0)])
@pytest.mark.parametrize("depth", [8, 16])
def test_hdr_and_narrow_ranges_are_refused_and_never_shown_as_sdr(numbers, depth, caplog):
    pixels = codes(depth=depth)
    data = png(pixels, cicp(*numbers))
    with pytest.raises(
        FileFormatError, match=r'expected colors that sRGB can show, got .*; pass profile="ignore"'
    ) as told:
        read_numpy(data)
    assert (told.value.code, told.value.option) == ("unsupported_color", "profile")
    with caplog.at_level(logging.WARNING, "aikit.color"):
        assert np.array_equal(read_numpy(data, profile="ignore"), pixels)
    assert "are read as they are" in caplog.text
    assert probe(data, name="x").profile


def test_codes_that_are_kept_bring_a_profile_that_says_what_they_mean():
    pixels = codes()
    kept = read_pil(png(pixels, cicp(12, 13, 0, 1)), profile="ignore")
    assert np.array_equal(np.asarray(kept), pixels)
    assert describe(kept).profile == "Display P3 (cICP)"
    # Written and read again it is what it was: another program's reader would show the same.
    again = read_numpy(encode(kept, "png"))
    assert np.array_equal(again, read_numpy(png(pixels, cicp(12, 13, 0, 1))))
    transform = ImageCms.buildTransform(
        io.BytesIO(kept.info["icc_profile"]), ImageCms.createProfile("sRGB"), "RGB", "RGB", 1
    )
    shown = np.asarray(ImageCms.applyTransform(Image.fromarray(pixels), transform)).astype(int)
    assert np.abs(shown - again).max() <= 1


@pytest.mark.parametrize("depth", [8, 16])
def test_what_was_converted_is_told(depth):
    found = describe(read_pil(png(codes(depth=depth), gama(1))))
    assert found.profile == "sRGB, from gamma 1 (gAMA)"
    assert not any("profile" in hint for hint in found.hints)
    assert probe(png(codes(depth=depth), gama(1)), name="x").profile == "gamma 1 (gAMA)"
    assert b"source_color" not in encode(read_pil(png(codes(depth=depth), gama(1))), "png")


# AVIF and HEIC


def avif(*numbers, icc_profile=b"", frames=1):
    """A picture of the colors of H.273 by these numbers: Pillow writes 1, 13."""
    file, picture = io.BytesIO(), Image.new("RGB", (16, 16), (200, 100, 50))
    more = [Image.new("RGB", (16, 16), (50, 100, 200))] * (frames - 1)
    picture.save(
        file, "AVIF", quality=100, subsampling="4:4:4", icc_profile=icc_profile, save_all=True, append_images=more
    )
    data = file.getvalue()
    at = data.find(b"nclx")
    while at >= 0:
        data = data[: at + 4] + struct.pack(">HH", *numbers) + data[at + 8 :]
        at = data.find(b"nclx", at + 4)
    return data


@pytest.mark.parametrize("frames", [1, 2])
def test_avif_by_nclx(frames):
    data = avif(12, 13, frames=frames)
    assert read_properties(data).nclx == Nclx(12, 13)
    expected = in_srgb(np.array([200, 100, 50]) / 255, P3, colour.models.eotf_sRGB) * 255
    assert np.abs(read_numpy(data)[0, 0] - expected).max() < 3
    second = in_srgb(np.array([50, 100, 200]) / 255, P3, colour.models.eotf_sRGB) * 255
    pages = list(read_frames(data))
    # Unconverted it were 24 off; the second frame is told as a difference from the first, with loss.
    assert np.abs(np.asarray(pages[-1])[0, 0] - (expected if frames == 1 else second)).max() < 8
    assert describe(read_pil(data)).profile == "sRGB, from Display P3 (nclx)"
    assert np.abs(read_numpy(avif(1, 13))[0, 0].astype(int) - (200, 100, 50)).max() < 3


def test_a_sequence_says_its_colors_in_its_track():
    data = avif(12, 13, frames=2)
    first = data.index(b"colr")
    assert first < data.index(b"moov") < data.rindex(b"colr")
    data = data[:first] + b"free" + data[first + 4 :]
    assert read_properties(data).nclx == Nclx(12, 13)


def test_avif_whose_profile_comes_before_its_numbers_unless_these_are_hdr():
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert np.abs(read_numpy(avif(12, 13, icc_profile=srgb))[0, 0].astype(int) - (200, 100, 50)).max() < 3


@pytest.mark.parametrize("transfer", [16, 18])
def test_hdr_avif_is_refused(transfer):
    with pytest.raises(FileFormatError, match=r"got BT.2020 (PQ|HLG), which is HDR \(nclx\)"):
        read_pil(avif(9, transfer))
    assert read_numpy(avif(9, transfer), profile="ignore").shape == (16, 16, 3)


def test_boxes_that_break_off_say_nothing():
    data = avif(12, 13)
    found = {read_properties(data[:size]).nclx for size in range(len(data))}
    assert found == {None, Nclx(12, 13)}
    for at in range(len(data)):
        read_properties(data[:at] + b"\xff" + data[at + 1 :])


@pytest.mark.parametrize("depth", [10, 12])
@pytest.mark.parametrize("channels", [3, 4])
def test_deep_avif(depth, channels):
    top = (1 << depth) - 1
    rows, columns, channel = np.mgrid[:16, :24, :channels]
    pixels = ((rows * 31 + columns * 17 + channel * 200) % (top + 1)).astype(np.uint16)
    swapped = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR if channels == 3 else cv2.COLOR_RGBA2BGRA)
    done, data = cv2.imencode(".avif", swapped, [cv2.IMWRITE_AVIF_DEPTH, depth, cv2.IMWRITE_AVIF_QUALITY, 100])
    assert done
    data = data.tobytes()
    got = read_numpy(data)
    assert got.dtype == np.uint16
    # OpenCV writes AVIF of quality 100 without loss.
    assert np.array_equal(np.rint(got / 65535 * top), pixels)
    assert (probe(data, name="x").depth, probe(data, name="x").mode) == (depth, f"{'RGBA'[:channels]};{depth}")
    # PIL has 8 bits for color.
    assert np.abs(np.asarray(read_pil(data)) / 255 - pixels / top).max() <= 0.5 / 255 + 1e-6
    turned = data.replace(b"nclx" + struct.pack(">HH", 2, 2), b"nclx" + struct.pack(">HH", 12, 13))
    if turned != data:
        assert np.abs(read_numpy(turned)[..., :3].astype(int) - got[..., :3]).max() > 1000


def test_deep_avif_without_a_decoder_is_told(monkeypatch, caplog):
    pixels = np.full((8, 8, 3), 512, np.uint16)
    data = cv2.imencode(".avif", pixels, [cv2.IMWRITE_AVIF_DEPTH, 10])[1].tobytes()
    monkeypatch.setattr(cv2, "imdecode", lambda *_: None)
    monkeypatch.setattr(cv2, "getBuildInformation", lambda: "    AVIF:      NO\n")
    iso_depth._opencv_reads_avif.cache_clear()
    assert read_numpy(data).dtype == np.uint8
    assert "its 10 bits come as 8, for OpenCV here has no decoder of AVIF" in caplog.text
    iso_depth._opencv_reads_avif.cache_clear()


def test_a_deep_avif_that_one_decoder_forgives_and_the_other_does_not(capfd):
    pixels = (np.arange(40 * 48 * 3).reshape(40, 48, 3) * 37 % 1024).astype(np.uint16)
    data = cv2.imencode(".avif", pixels, [cv2.IMWRITE_AVIF_DEPTH, 10])[1].tobytes()
    codes_of_errors = set()
    for at in range(data.index(b"mdat") + 200, len(data), 97):
        damaged = data[:at] + bytes([data[at] ^ 0x5A]) + data[at + 1 :]
        try:
            # Under limits it is decoded where nothing that is printed reaches us.
            assert read_numpy(damaged, limits=Limits()).dtype == np.uint16
        except FileFormatError as error:
            codes_of_errors.add(error.code)
    assert codes_of_errors == {"corrupt"}
    assert capfd.readouterr().err == ""


# 12 x 8 pixels of 10 bits in Display P3, lossless: red 93 a column, green 146 a row, blue 1023 - 60 a column - 40 a row.
# Written by pillow-heif 1.8 (x265), 4:4:4 without a color matrix.
DEEP_HEIC = zlib.decompress(
    base64.b85decode(
        b"c-"
        b"muNV30{GsVvAy&8%Pmg51nBLl8SRGck>Ufw3+(wIq=N0u(b+a*CjAhJwuG5(YG&l$n#C3}U!AFfalk5HK!+&_LD<AfcR@nU@CP0<kENlgb3;"
        b"Wt1fwf|z^-nI*Y!CI2!DiVA@Az088-d>~y8ROZac!U1H?u>dLh|AFDp|6jit82FhJfI7q-7<m}~{|6~x2CHBOD%r*4kO-"
        b"91a$;mem6*UHpfFqaYOLwm!^{qhATdc0!N`#WRL<eTc(A}AVWR@j7UAUloT9wsoC*dW23`h+2B45gW^q9()Z-"
        b"3NtdX3P2y!hC)b$`|0$ua}43K65(kDPP5DOG!R%C)SGIMcp0V#>hf?QZA0|Sn=k%^hL1;|{Go013&WyUEQjO$r9aqeO~a6$3eo85-"
        b"@|NozSajW3GBRwUq!j}Jc*SUBskY$)xukLY%sq)X_|E>T3Y?a!<^u1=`nUj}ZW_?)lVyVcQhRttQ{4z*0zhrM`B4gd*^u^1{|BqTi{r?}2_G"
        b"H%t|L}Zev<eK@HS2+)(eY0pxZiYs`h)fV|LfnMZapPicG9WS+B$1Ct-GDO?RM_s!-o$oNHYGy`20fnFLu4!-_|-"
        b"mUO!&nx6jJ6Q%z;Yr1;Avcg_BWIEen+9{+LH-)#S|_Ga_dk&|Ox<oN8??hE=V`orR>eqfxR`t-"
        b"N||9{=Q>x$5xx3Vfyj!UE*Q)S%)FI`yZ6#Vdy$N&FVro1xZyig?h9|Zn=%blHe>EvXUSCVIb<R1C||7GW1KIN?u%hbA7B{L?U^}qJQZ_@<F;"
        b"J>ze%NUPdUiqtVlUt_8<8IrTJ~BHt-(r?q?C^r8@&!-%JpV0@_5WX7{}T5_>v?M^2!tHp_@-J~Oef;g?C`R`bL?kTpL`K%wW@0l>r;h*Qr-"
        b"aR$qRz~|90Aj0RU4ECu{"
    )
)


def test_deep_heic():
    pytest.importorskip("pi_heif")
    rows, columns = np.mgrid[:8, :12]
    pixels = np.stack([columns * 93, rows * 146, 1023 - columns * 60 - rows * 40], axis=-1)
    raw = read_numpy(DEEP_HEIC, profile="ignore")
    assert raw.dtype == np.uint16
    assert np.array_equal(np.rint(raw / 65535 * 1023), pixels)
    expected = in_srgb(pixels / 1023, P3, colour.models.eotf_sRGB) * 65535
    # Columns in 1/65536, multiplied by 3 for what is far outside of sRGB, and by 13 near black.
    assert np.abs(read_numpy(DEEP_HEIC) - expected).max() < 40
    found = probe(DEEP_HEIC, name="x")
    assert (found.depth, found.mode, found.profile) == (10, "RGB;10", "Display P3 (nclx)")
    assert read_pil(DEEP_HEIC).mode == "RGB"
    (page,) = read_frames(DEEP_HEIC)
    assert np.array_equal(np.asarray(page), np.asarray(read_pil(DEEP_HEIC)))


# Profiles that are made here


@pytest.mark.parametrize("name", ["Display P3", "ITU-R BT.2020", "Adobe RGB (1998)", "DCI-P3"])
def test_profiles_that_are_built_are_what_littlecms_and_colour_science_take_them_for(name):
    space = colour.RGB_COLOURSPACES[name]
    primaries = tuple(map(tuple, space.primaries.tolist()))
    profile = icc.build(name, primaries, tuple(space.whitepoint.tolist()), icc.parametric(0, 2.2))
    opened = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    assert ImageCms.getProfileDescription(opened).strip() == name
    adapt = colour.adaptation.matrix_chromatic_adaptation_VonKries(
        colour.xy_to_XYZ(space.whitepoint), np.array(icc.D50), transform="Bradford"
    )
    expected = adapt @ colour.normalised_primary_matrix(space.primaries, space.whitepoint)
    assert np.abs(icc.parse(profile).columns - expected).max() < 2e-5
    columns = [opened.profile.red_colorant[0], opened.profile.green_colorant[0], opened.profile.blue_colorant[0]]
    assert np.abs(np.array(columns).T - expected).max() < 2e-5


# ICC: black above 0, gray through Lab, HDR by number


def tag_file(tags, space, pcs=b"XYZ "):
    at, table, body = 132 + 12 * len(tags), b"", b""
    for kind, value in tags.items():
        value += b"\0" * (-len(value) % 4)
        table += struct.pack(">4sII", kind, at + len(body), len(value))
        body += value
    head = struct.pack(">I4xI4s4s4s12x4s", at + len(body), 0x04300000, b"mntr", space, pcs, b"acsp").ljust(68, b"\0")
    white = struct.pack(">3i", *(round(each * 65536) for each in icc.D50))
    return (head + white).ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


def lifted(black):
    """A tone curve that begins above 0."""
    values = [round(65535 * (black + (1 - black) * (step / 255) ** 2.2)) for step in range(256)]
    return b"curv\0\0\0\0" + struct.pack(">I256H", 256, *values)


def gray_profile(curve, pcs=b"XYZ "):
    white = b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(each * 65536) for each in icc.D50))
    return tag_file({b"kTRC": curve, b"wtpt": white}, b"GRAY", pcs)


def with_curve(curve):
    return icc.build("lifted", tuple(map(tuple, P3.primaries.tolist())), (0.3127, 0.329), curve)


@pytest.mark.parametrize("black", [0.0, 0.02, 0.1, 0.3])
@pytest.mark.parametrize("channels", [1, 3])
def test_8_and_16_bits_agree_where_black_is_above_0(black, channels):
    profile = gray_profile(lifted(black)) if channels == 1 else with_curve(lifted(black))
    tag = chunk(b"iCCP", b"x\0\0" + zlib.compress(profile))
    small = codes(channels)
    in_8, in_16 = (read_numpy(png(pixels, tag)).astype(float) for pixels in (small, small.astype(np.uint16) * 257))
    # What LittleCMS makes of 8 bits in its fast way is up to 4 codes off in dark, saturated colors.
    assert np.abs(in_8 - in_16 / 257).max() < (1.6 if channels == 1 else 4.1)
    mode, exact = "L" if channels == 1 else "RGB", ImageCms.Flags.BLACKPOINTCOMPENSATION | ImageCms.Flags.NOOPTIMIZE
    transform = ImageCms.buildTransform(io.BytesIO(profile), ImageCms.createProfile("sRGB"), mode, "RGB", 1, exact)
    shown = np.asarray(ImageCms.applyTransform(Image.fromarray(small.squeeze()), transform))[..., :channels].squeeze()
    assert np.abs(shown - in_16 / 257).max() < 0.6
    black_code = read_numpy(png(np.zeros((2, 2, channels), np.uint16), tag))
    if black <= 0.18:
        assert black_code.max() <= 2  # black becomes black
    else:
        assert black_code.min() > 20000  # but what is brighter than L = 50 is no black


@pytest.mark.parametrize("depth", [8, 16])
def test_gray_through_lab_is_lightness(depth):
    # Its curve is the identity: code 0.5 is L = 50, whose light is 0.184.
    profile = gray_profile(b"curv\0\0\0\0" + struct.pack(">I", 0), b"Lab ")
    pixels, top = codes(1, depth), (1 << depth) - 1
    got = read_numpy(png(pixels, chunk(b"iCCP", b"x\0\0" + zlib.compress(profile))))
    light = colour.colorimetry.luminance_CIE1976(pixels[..., 0] / top * 100, 1.0)
    expected = colour.models.eotf_inverse_sRGB(light) * top
    assert np.abs(got - expected).max() < (1.1 if depth == 8 else 3)


def test_profiles_of_hdr_by_number_are_refused():
    plain = with_curve(icc.parametric(0, 2.2))
    assert icc.coding_of(plain) is None
    tags = icc._tags(plain) | {b"cicp": b"cicp\0\0\0\0" + bytes([9, 16, 0, 1])}
    profile = tag_file(tags, b"RGB ")
    assert icc.coding_of(profile) == (9, 16)
    with pytest.raises(FileFormatError, match=r"got HDR by PQ \(ICC profile\)"):
        read_numpy(png(codes(), chunk(b"iCCP", b"x\0\0" + zlib.compress(profile))))
