"""The colors of documents: profiles, Lab, inks and linear light, to sRGB and back."""

import io

import colour
import numpy as np
import pytest
from PIL import Image, ImageCms

import aikit
from aikit.psd import colors
from pictures import codes
from test_psd import DTYPES, TOPS, saved, two_layers
from test_raster_profile import curv, matrix_profile, profile_bytes

ADOBE = matrix_profile(colour.RGB_COLOURSPACES["Adobe RGB (1998)"], curv(563))
LINEAR_P3 = matrix_profile(colour.RGB_COLOURSPACES["Display P3"], curv())
DOT_GAIN = profile_bytes(b"GRAY", {b"kTRC": curv(round(1.75 * 256))})
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def with_profile(document, icc, tmp_path, **options):
    """The document saved with a profile and opened again."""
    from psd_tools.psd.image_resources import ImageResource

    document.raw.image_resources[1039] = ImageResource(key=1039, data=icc)
    return aikit.open_psd(saved(document, tmp_path), **options)


@pytest.mark.parametrize("depth", DTYPES)
def test_an_srgb_profile_changes_no_code(depth, tmp_path):
    document, below, _ = two_layers(depth)
    opened = with_profile(document, SRGB, tmp_path)
    np.testing.assert_allclose(opened["below"].render()[..., :3], below, rtol=0, atol=1e-6 if depth == 32 else 0)
    opened["below"].replace(below)
    np.testing.assert_allclose(opened["below"].render()[..., :3], below, rtol=0, atol=1e-6 if depth == 32 else 0)


@pytest.mark.parametrize("depth", [8, 16])
def test_a_profile_is_turned_into_srgb_and_back(depth, tmp_path):
    document, below, _ = two_layers(depth)
    opened = with_profile(document, ADOBE, tmp_path)
    expected = colour.RGB_to_RGB(
        colour.models.RGB_COLOURSPACE_ADOBE_RGB1998.cctf_decoding(below / TOPS[depth]),
        "Adobe RGB (1998)", "sRGB", chromatic_adaptation_transform="Bradford",
    )  # fmt: skip
    expected = np.clip(colour.models.RGB_COLOURSPACE_sRGB.cctf_encoding(expected), 0, 1)
    got = opened["below"].render()[..., :3] / TOPS[depth]
    # LittleCMS interpolates in 8 bits; colour's matrices are rounded, and sRGB's curve is steep in the dark.
    np.testing.assert_allclose(got, expected, rtol=0, atol=2.1 / 255 if depth == 8 else 1.5e-3)
    # What is put in comes out again.
    gamut = (0.2 + 0.6 * codes(7, 10, 3, DTYPES[depth]).astype(float) / TOPS[depth]) * TOPS[depth]
    image = np.rint(gamut).astype(DTYPES[depth])
    opened["below"].replace(image)
    back = opened["below"].render()[..., :3]
    assert np.abs(back.astype(int) - image).max() <= (1 if depth == 8 else 2)
    ignored = with_profile(document, ADOBE, tmp_path, profile="ignore")
    np.testing.assert_array_equal(ignored["below"].render()[..., :3], below)


def test_16_bits_come_out_as_8_bits_do():
    wide = codes(20, 20, 3, "uint16")
    names = ["RGB", "x"]
    deep = colors.to_srgb(wide, colors.Colors(names[0], 16, ADOBE, names[1]))
    shallow = colors.to_srgb(aikit.to_numpy(wide, dtype="uint8"), colors.Colors(names[0], 8, ADOBE, names[1]))
    assert np.abs(deep / 257 - shallow).max() < 4


@pytest.mark.parametrize("depth", [8, 16])
def test_gray_profiles(depth, tmp_path):
    image = codes(5, 6, 1, DTYPES[depth])
    document = aikit.new_psd(height=5, width=6, mode="L", depth=depth)
    document.add(image, name="layer")
    opened = with_profile(document, DOT_GAIN, tmp_path)
    light = (image[..., 0] / TOPS[depth]) ** 1.75
    expected = colour.models.RGB_COLOURSPACE_sRGB.cctf_encoding(light)
    got = opened["layer"].render()
    np.testing.assert_allclose(got[..., 0] / TOPS[depth], expected, rtol=0, atol=1.1 / 255 if depth == 8 else 2e-4)
    assert (got[..., :3] == got[..., :1]).all()
    before = got
    opened["layer"].replace(before)
    # Two roundings: a code of this space is up to 1.4 codes of sRGB.
    np.testing.assert_allclose(opened["layer"].render().astype(int), before, atol=2 if depth == 8 else 12)


def test_linear_light_in_other_primaries(tmp_path):
    document = aikit.new_psd(height=1, width=2, depth=32)
    document.add(np.zeros((1, 2, 3), np.float32), name="layer")
    opened = with_profile(document, LINEAR_P3, tmp_path)
    image = np.array([[[1, 0, 0], [0.2, 0.5, 0.7]]], np.float32)
    opened["layer"].replace(image)
    np.testing.assert_allclose(opened["layer"].render()[..., :3], image, atol=2e-5)
    stored = [np.frombuffer(data.get_data(2, 1, 32, 1), ">f4")[0] for data in opened["layer"].raw._channels[1:]]
    matrix = colour.matrix_RGB_to_RGB("sRGB", "Display P3", chromatic_adaptation_transform="Bradford")
    np.testing.assert_allclose(stored, matrix[:, 0], atol=2e-4)


def test_32_bits_are_linear_light():
    document = aikit.new_psd(height=1, width=1, depth=32)
    layer = document.add(np.full((1, 1, 3), 0.5, np.float32), name="gray")
    stored = np.frombuffer(layer.raw._channels[1].get_data(1, 1, 32, 1), ">f4")
    # IEC 61966-2-1: 0.5 is 0.21404 of the light of white.
    np.testing.assert_allclose(stored, 0.21404114, rtol=1e-6)


@pytest.mark.parametrize("depth", [8, 16])
def test_lab_is_cie_lab_under_d50(depth):
    rgb = codes(6, 9, 3, DTYPES[depth])
    lab = colors.Colors("LAB", depth, None, "")
    stored = colors.from_srgb(rgb, lab)
    white = colour.CCS_ILLUMINANTS["CIE 1931 2 Degree Standard Observer"]["D50"]
    xyz = colour.sRGB_to_XYZ(rgb / TOPS[depth], illuminant=white, chromatic_adaptation_transform="Bradford")
    expected = colour.XYZ_to_Lab(xyz, white)
    zero, step = (128, 1) if depth == 8 else (32768, 256)
    np.testing.assert_allclose(
        stored[..., 0] / (TOPS[depth] / 100), expected[..., 0], atol=0.25 if depth == 8 else 0.05
    )
    got = (stored[..., 1:].astype(float) - zero) / step
    np.testing.assert_allclose(got, expected[..., 1:], atol=0.6 if depth == 8 else 0.1)
    back = colors.to_srgb(stored, lab).astype(int)
    # One code of 8-bit b is up to eight codes of blue.
    assert np.abs(back - rgb).max() <= (16 if depth == 8 else 30)


def test_profiles_that_do_not_fit_are_named(tmp_path):
    document = two_layers()[0]
    opened = with_profile(document, DOT_GAIN, tmp_path)
    with pytest.raises(
        aikit.FileFormatError, match=r'^source: expected an ICC profile that fits the pixels, .*"ignore"'
    ):
        opened.render()
    ignored = with_profile(document, DOT_GAIN, tmp_path, profile="ignore")
    assert ignored.render().any()
    with pytest.raises(
        aikit.InputValueError, match=r"^profile: expected \"srgb\" or \"ignore\", got 'adobe'; pass one"
    ):
        aikit.open_psd(saved(document, tmp_path), profile="adobe")


def cmyk_profile():
    """Pillow has no CMYK profile to give; one of a lookup table with the naive formula, 2 points an axis."""
    import itertools
    import struct

    d50 = np.array([0.9642, 1.0, 0.8249])
    corners = np.array(list(itertools.product((0.0, 1.0), repeat=4)))
    rgb = (1 - corners[:, :3]) * (1 - corners[:, 3:])
    lab = colour.XYZ_to_Lab(np.maximum(rgb @ columns_of_srgb().T, 0), colour.XYZ_to_xy(d50))
    table = np.rint(np.stack([lab[:, 0] * 652.8, (lab[:, 1] + 128) * 256, (lab[:, 2] + 128) * 256], -1)).astype(">u2")
    ramp = struct.pack(">2H", 0, 65535)
    identity = struct.pack(">9i", *(65536 if at % 4 == 0 else 0 for at in range(9)))
    head = b"mft2\0\0\0\0" + bytes([4, 3, 2, 0]) + identity + struct.pack(">2H", 2, 2)
    forward = head + ramp * 4 + table.tobytes() + ramp * 3
    return profile_bytes(b"CMYK", {b"A2B0": forward, b"A2B1": forward}, pcs=b"Lab ", kind=b"prtr")


def columns_of_srgb():
    from test_raster_profile import columns

    return columns(colour.RGB_COLOURSPACES["sRGB"])


@pytest.mark.parametrize("depth", [8, 16])
def test_inks_go_through_their_profile(depth, tmp_path):
    document = aikit.new_psd(height=1, width=4, mode="CMYK", depth=depth)
    image = np.array([[[255, 255, 255], [0, 255, 255], [255, 0, 0], [0, 0, 0]]], np.uint8)
    document.add(image, name="inks")
    opened = with_profile(document, cmyk_profile(), tmp_path)
    got = aikit.to_numpy(opened["inks"].render()[..., :3], dtype="uint8")
    if depth == 8:
        picture = Image.open(io.BytesIO(saved(opened, tmp_path)))
        assert (picture.mode, picture.info["icc_profile"]) == ("CMYK", cmyk_profile())
    # At the corners of the table it is the naive formula, in whole inks.
    assert np.abs(got.astype(int) - image).max() <= 2
