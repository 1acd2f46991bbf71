"""Layered documents: what they hold, how they are edited, and what other programs read of them."""

import io
import itertools
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, strategies as st
from PIL import Image

import aikit
from aikit.psd import channels, colors, preview
from pictures import codes, pil, tensor

DTYPES = {8: "uint8", 16: "uint16", 32: "float32"}
TOPS = {8: 255, 16: 65535, 32: 1}


def saved(document, tmp_path, name="saved.psd"):
    """The bytes of the saved document."""
    document.write(tmp_path / name)
    return (tmp_path / name).read_bytes()


def raw_of(data):
    from psd_tools import PSDImage

    return PSDImage.open(io.BytesIO(data))


def two_layers(depth=8, mode="RGB"):
    """A document of an opaque and a soft layer, and their pixels."""
    document = aikit.new_psd(height=7, width=10, depth=depth, mode=mode)
    below, above = codes(7, 10, 3, DTYPES[depth]), codes(4, 5, 4, DTYPES[depth])
    document.add(below, name="below")
    document.add(above, name="above", left=3, top=2, opacity=0.5, blend_mode="multiply")
    return document, below, above


# New documents


@pytest.mark.parametrize("depth", DTYPES)
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_a_new_document_is_empty_and_transparent(mode, depth, tmp_path):
    if (mode, depth) == ("CMYK", 32):
        return
    document = aikit.new_psd(height=3, width=5, mode=mode, depth=depth)
    assert (document.height, document.width, document.mode, document.depth) == (3, 5, mode, depth)
    picture = document.render()
    assert (picture.shape, picture.dtype) == ((3, 5, 4), DTYPES[depth])
    assert not picture.any()
    assert raw_of(saved(document, tmp_path)).size == (5, 3)


@pytest.mark.parametrize("depth", DTYPES)
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_pixels_go_in_and_out_bit_for_bit(channels, depth, tmp_path):
    image = codes(6, 9, channels, DTYPES[depth])
    document = aikit.new_psd(height=8, width=10, depth=depth)
    document.add(image, name="layer", left=-1, top=4)
    expected = np.full((6, 9, 4), TOPS[depth], DTYPES[depth])
    expected[..., :3] = image[..., : 1 if channels < 3 else 3]
    if channels in (2, 4):
        expected[..., 3] = image[..., -1]
    again = aikit.open_psd(saved(document, tmp_path))
    for layer in (document["layer"], again["layer"]):
        got = layer.render()
        assert (got.dtype, layer.bbox) == (DTYPES[depth], (-1, 4, 8, 10))
        # In 32 bits through linear light, which float32 keeps to a few units in the last place.
        np.testing.assert_allclose(got, expected, rtol=0, atol=1e-6 if depth == 32 else 0)
    picture = again["layer"].render(canvas=True)
    np.testing.assert_array_equal(picture[4:, :8], got[:4, 1:])
    assert not picture[:4].any()


@pytest.mark.parametrize("depth", DTYPES)
def test_gray_documents_keep_gray_bit_for_bit(depth):
    image = codes(6, 9, 2, DTYPES[depth])
    document = aikit.new_psd(height=6, width=9, depth=depth, mode="L")
    got = document.add(image, name="layer").render()
    for channel, source in enumerate((0, 0, 0, 1)):
        np.testing.assert_allclose(got[..., channel], image[..., source], rtol=0, atol=1e-6 if depth == 32 else 0)


def test_color_becomes_gray_in_a_gray_document():
    image = codes(6, 9, 3)
    layer = aikit.new_psd(height=6, width=9, mode="L").add(image, name="layer")
    expected = image @ np.array([0.299, 0.587, 0.114])
    np.testing.assert_allclose(layer.render()[..., 1], expected, atol=0.51)


@pytest.mark.parametrize("depth", [8, 16])
def test_cmyk_documents_hold_inks(depth):
    image = codes(6, 9, 4, DTYPES[depth])
    document = aikit.new_psd(height=6, width=9, mode="CMYK", depth=depth)
    layer = document.add(image, name="layer")
    # Four codes are rounded, and on the way back two of them are multiplied.
    np.testing.assert_allclose(layer.render().astype(int), image, rtol=0, atol=2)
    cyan = document.add(np.array([[[0, 255, 255]]], np.uint8), name="cyan")
    stored = [np.frombuffer(data.get_data(1, 1, depth, 1), np.uint8)[0] for data in cyan.raw._channels]
    # Transparency, then cyan, magenta, yellow and black as what is left of the paper.
    assert stored == [255, 0, 255, 255, 255]
    np.testing.assert_allclose(document.render()[1:].astype(int)[..., 3], image[1:, ..., 3], atol=1)


@pytest.mark.parametrize("kind", ["pil", "numpy", "tensor"])
def test_every_kind_of_image_gives_the_same_layer(kind):
    image = codes(5, 6, 4)
    given_image = {"pil": pil, "numpy": lambda a: a[::-1].copy()[::-1], "tensor": tensor}[kind](image)
    document = aikit.new_psd(height=5, width=6)
    np.testing.assert_array_equal(document.add(given_image, name="layer").render(), image)
    np.testing.assert_array_equal(image, codes(5, 6, 4))


def test_floats_are_rounded_and_8_bits_widened():
    document = aikit.new_psd(height=2, width=2, depth=16)
    document.add(np.full((2, 2, 3), 200, np.uint8), name="bytes")
    document.add(np.full((2, 2), 0.5, np.float32), name="floats")
    assert document["bytes"].render()[0, 0].tolist() == [200 * 257] * 3 + [65535]
    assert document["floats"].render()[0, 0].tolist() == [32768] * 3 + [65535]


@given(st.integers(1, 40), st.integers(1, 40), st.sampled_from([8, 16, 32]), st.integers(0, 2**31))
def test_channels_of_any_size_pack_and_unpack(height, width, depth, seed):
    rng = np.random.default_rng(seed)
    # Runs and noise: PackBits has a case for each.
    plane = np.repeat(rng.integers(0, 3, (height, width)), rng.integers(1, 9), axis=1)[:, :width]
    plane = plane.astype(DTYPES[depth]) * DTYPE_STEPS[depth]
    for version in (1, 2):
        packed = channels.pack(plane, depth, version)
        size = plane.shape
        got = channels.unpack(packed.data, int(packed.compression), size, depth, version, "file")
        np.testing.assert_array_equal(got, plane)
        theirs = np.frombuffer(packed.get_data(width, height, depth, version), channels._STORED[depth])
        np.testing.assert_array_equal(theirs.reshape(size), plane)


DTYPE_STEPS = {8: np.uint8(85), 16: np.uint16(12345), 32: np.float32(0.3)}


@pytest.mark.parametrize(
    ("height", "width", "mode", "depth", "message"),
    [
        (0, 5, "RGB", 8, r"^height: expected 1 to 300000 pixels, got 0; "),
        (5, 300_001, "RGB", 8, r"^width: expected 1 to 300000 pixels, got 300001; "),
        (5, 5, "RGBA", 8, r"^mode: expected \"RGB\", \"L\" or \"CMYK\", got 'RGBA'; "),
        (5, 5, "RGB", 12, r"^depth: expected 8, 16 or 32 bits, at most 16 in CMYK, got 12; "),
        (5, 5, "CMYK", 32, r"^depth: expected 8, 16 or 32 bits, at most 16 in CMYK, got 32; "),
    ],
)
def test_impossible_documents(height, width, mode, depth, message):
    with pytest.raises(aikit.InputValueError, match=message):
        aikit.new_psd(height=height, width=width, mode=mode, depth=depth)


def test_sizes_are_whole_numbers():
    with pytest.raises(aikit.InputTypeError, match=r"^height: expected a whole number, got 2\.5; round it\."):
        aikit.new_psd(height=2.5, width=5)
    with pytest.raises(aikit.LimitError, match=r"^new_psd: expected at most \d+ pixels, got 90000000000; "):
        aikit.new_psd(height=300_000, width=300_000)


def test_a_canvas_too_large_for_psd_becomes_a_psb(tmp_path):
    document = aikit.new_psd(height=1, width=30_001, mode="L")
    document.add(codes(1, 9), name="layer")
    with pytest.raises(aikit.InputValueError, match=r"^path: expected the suffix \.psb for this document, got "):
        document.write(tmp_path / "wide.psd")
    data = saved(document, tmp_path, "wide.psb")
    assert data[:6] == b"8BPS\0\2"
    np.testing.assert_array_equal(aikit.open_psd(data)["layer"].render()[..., 0], codes(1, 9))


# Adding


def test_layers_lie_from_bottom_to_top():
    document, _below, _above = two_layers()
    assert [layer.name for layer in document.layers] == ["below", "above"]
    layer = document.layers[1]
    assert (layer.opacity, layer.blend_mode, layer.bbox, layer.kind) == (128 / 255, "multiply", (3, 2, 8, 6), "pixel")
    assert document.layers[0] == document["below"] != layer
    assert len({document["below"], document.layers[0]}) == 1


@pytest.mark.parametrize(
    "name", ["日本語のレイヤー", "👽 emoji", "Ünïcödé", "", "a/b", "x" * 255, "\N{HEBREW LETTER ALEF}"]
)
def test_names_in_every_script(name, tmp_path):
    document = aikit.new_psd(height=2, width=2)
    group = document.add_group(name)
    document.add(codes(2, 2, 3), name=name, group=group)
    assert [layer.name for layer in aikit.open_psd(saved(document, tmp_path)).walk()] == [name, name]


def named_in_bytes(name, encoding):
    """A document with a layer and a group whose names are bytes alone."""
    from psd_tools.constants import Tag

    document = aikit.new_psd(height=2, width=2)
    document.add_group("group", layers=[document.add(codes(2, 2, 3), name="layer")])
    raw = raw_of(document.encode())
    for layer in raw.descendants():
        layer._record.tagged_blocks.pop(Tag.UNICODE_LAYER_NAME, None)
        layer._record.name = name.encode(encoding).decode("macroman")
    with io.BytesIO() as file:
        raw._record.write(file)
        return file.getvalue()


@pytest.mark.parametrize("limits", [None, aikit.Limits()], ids=["trusted", "limits"])
@pytest.mark.parametrize(("name", "encoding"), [("背景", "shift_jis"), ("图层 1", "gbk"), ("Слой", "cp1251")])
def test_names_in_bytes_are_read_in_the_encoding_that_is_said(name, encoding, limits):
    data = named_in_bytes(name, encoding)
    document = aikit.open_psd(data, encoding=encoding, limits=limits)
    assert [layer.path for layer in document.walk()] == [name, f"{name}/{name}"]
    assert name in str(document)
    assert document[f"{name}/{name}"].kind == "pixel"
    assert document.encode() == data
    document[name].name = "new 新"
    document[f"new 新/{name}"].opacity = 0.5
    again = aikit.open_psd(document.encode(), encoding=encoding)
    assert [layer.path for layer in again.walk()] == ["new 新", f"new 新/{name}"]


def test_names_in_unicode_have_no_other_encoding():
    document = aikit.new_psd(height=2, width=2)
    document.add(codes(2, 2, 3), name="Ünï 背景")
    assert aikit.open_psd(document.encode(), encoding="utf-16").layers[0].name == "Ünï 背景"


@pytest.mark.parametrize(
    ("encoding", "error", "message"),
    [
        ("klingon", aikit.InputValueError, r"^encoding: expected one that Python knows, got 'klingon'; pass for inst"),
        (
            "ascii",
            aikit.InputValueError,
            r"^encoding: expected one in which the names of layers are text, got 'ascii' ",
        ),
        (None, aikit.InputTypeError, r"^encoding: expected a name such as \"shift_jis\", got None; pass one\."),
    ],
)
def test_encodings_that_are_none(encoding, error, message):
    with pytest.raises(error, match=message):
        aikit.open_psd(named_in_bytes("背景", "shift_jis"), encoding=encoding)


@pytest.mark.parametrize(
    ("given", "stored"),
    [(0, 0), (1, 255), (Fraction(1, 2), 128), (np.float32(0.25), 64), (0.3, 76), (0.0019, 0), (0.002, 1)],
)
def test_opacities_are_stored_in_a_byte(given, stored):
    document = aikit.new_psd(height=2, width=2)
    layer = document.add(codes(2, 2, 3), name="layer", opacity=given)
    assert (layer.raw.opacity, layer.opacity) == (stored, stored / 255)


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ("linear burn", "linear_burn"),
        (" Linear-Burn ", "linear_burn"),
        ("LINEAR_BURN", "linear_burn"),
        ("Color-Dodge", "color_dodge"),
    ],
)
def test_blend_modes_are_written_in_many_ways(given, word):
    layer = aikit.new_psd(height=2, width=2).add(codes(2, 2, 3), name="layer", blend_mode=given)
    assert layer.blend_mode == word


def test_places_far_away_and_of_other_integers():
    document = aikit.new_psd(height=2, width=2)
    layer = document.add(codes(2, 3, 3), name="layer", left=np.int16(-7), top=2**30)
    assert layer.bbox == (-7, 2**30, -4, 2**30 + 2)
    assert document.add(codes(2, 3, 3), name="layer", left=-(2**30)).bbox[0] == -(2**30)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"name": "x" * 256}, aikit.InputValueError, r"^name: expected at most 255 characters, got 256; shorten it\."),
        ({"name": "\ud800"}, aikit.InputValueError, r"^name: expected text, got '\\ud800' with half a character"),
        ({"name": b"x"}, aikit.InputTypeError, r"^name: expected a str, got bytes; "),
        ({"opacity": 50}, aikit.InputValueError, r"^opacity: expected 0 to 1, got 50; divide a byte by 255\."),
        ({"opacity": float("nan")}, aikit.InputValueError, r"^opacity: expected 0 to 1, got nan; "),
        ({"opacity": "1"}, aikit.InputTypeError, r"^opacity: expected a number from 0 to 1, got '1'; "),
        ({"opacity": True}, aikit.InputTypeError, r"^opacity: expected a number from 0 to 1, got True; "),
        ({"opacity": 1.0001}, aikit.InputValueError, r"^opacity: expected 0 to 1, got 1\.0001; "),
        ({"opacity": -0.0001}, aikit.InputValueError, r"^opacity: expected 0 to 1, got -0\.0001; "),
        ({"left": True}, aikit.InputTypeError, r"^left: expected a whole number, got True; round it\."),
        (
            {"left": 2**30 + 1},
            aikit.InputValueError,
            r"^left: expected at most 1073741824 either way, got 1073741825; ",
        ),
        (
            {"top": -(2**30) - 1},
            aikit.InputValueError,
            r"^top: expected at most 1073741824 either way, got -1073741825",
        ),
        (
            {"blend_mode": "mulitply"},
            aikit.InputValueError,
            r"^blend_mode: expected one of .*multiply.*got 'mulitply'; ",
        ),
        ({"blend_mode": 3}, aikit.InputTypeError, r'^blend_mode: expected a word such as "multiply", got 3; '),
        (
            {"blend_mode": "pass_through"},
            aikit.InputValueError,
            r'^blend_mode: expected one for a layer, got "pass_thr',
        ),
        ({"left": 0.5}, aikit.InputTypeError, r"^left: expected a whole number, got 0\.5; round it\."),
        ({"top": 2**31}, aikit.InputValueError, r"^top: expected at most 1073741824 either way, got 2147483648; "),
        ({"group": "nowhere"}, aikit.InputValueError, r"^name: expected one of 'there', got 'nowhere'; "),
        ({"group": "there"}, aikit.InputValueError, r"^group: expected a group, got the layer 'there'; "),
        ({"group": 3}, aikit.InputTypeError, r"^group: expected a layer, got int; take it from doc\.layers\."),
    ],
)
def test_what_add_refuses(options, error, message):
    document = aikit.new_psd(height=2, width=2)
    document.add(codes(2, 2, 3), name="there")
    with pytest.raises(error, match=message):
        document.add(codes(2, 2, 3), **{"name": "layer", **options})
    assert [layer.name for layer in document.layers] == ["there"]


@pytest.mark.parametrize(
    ("image", "error", "message"),
    [
        (
            "picture.png",
            aikit.InputTypeError,
            r"^image: expected a PIL image, .*, got the path 'picture\.png'; read it",
        ),
        (
            codes(2, 3, 3, batch=(2,)),
            aikit.InputValueError,
            r"^image: expected a single image, got a batch of shape \(2",
        ),
        (np.full((2, 2, 3), np.nan), aikit.InputValueError, r"^image: expected numbers, got NaN"),
    ],
)
def test_images_that_are_none(image, error, message):
    with pytest.raises(error, match=message):
        aikit.new_psd(height=2, width=2).add(image, name="layer")


def test_32_bits_take_no_infinity():
    with pytest.raises(aikit.InputValueError, match=r"^image: expected finite numbers, got NaN or infinity; "):
        aikit.new_psd(height=2, width=2, depth=32).add(np.full((2, 2), np.inf, np.float32), name="layer")


# Looking


def nested():
    """group { inner { deep }, flat }, top."""
    document = aikit.new_psd(height=4, width=4)
    group = document.add_group("group")
    inner = document.add_group("inner", group=group, blend_mode="normal")
    document.add(codes(4, 4, 4), name="deep", group=inner)
    document.add(codes(2, 2, 4), name="flat", group=group, left=1)
    document.add(codes(1, 1, 4), name="top")
    return document


def test_walk_goes_from_bottom_to_top_groups_first():
    document = nested()
    assert [layer.path for layer in document.walk()] == [
        "group", "group/inner", "group/inner/deep", "group/flat", "top",
    ]  # fmt: skip
    assert [layer.name for layer in document["group"].layers] == ["inner", "flat"]
    assert document["deep"].parent == document["group/inner"]
    assert document["top"].parent is None
    assert document["top"].layers == []


def test_names_and_paths():
    document = nested()
    document.add(codes(1, 1, 4), name="group/flat")
    # The exact name wins over the path; a path may go through names with a slash.
    assert document["group/flat"].parent is None
    document["inner"].name = "in/ner"
    assert document["group/in/ner/deep"].name == "deep"
    with pytest.raises(
        aikit.InputValueError, match=r"^name: expected one of 'group', 'group/in/ner', .*got 'nope'; pass"
    ):
        document["nope"]
    with pytest.raises(
        aikit.InputTypeError, match=r"^name: expected a layer's name or path, got 0; for a number use doc\.l"
    ):
        document[0]


def test_the_tree_has_no_size_of_what_is_empty():
    document = aikit.new_psd(height=4, width=4)
    document.add_group("empty")
    assert str(document).splitlines()[1:] == ["    'empty' (group)"]


def test_the_tree_in_text():
    document = nested()
    document["flat"].visible = False
    document["flat"].opacity = 0.25
    document["deep"].blend_mode = "screen"
    document["deep"].locked = True
    assert repr(document) == "<Psd 4x4 RGB 8 bits, 5 layers>"
    assert str(document).splitlines() == [
        "<Psd 4x4 RGB 8 bits, 5 layers>",
        "    'top' (pixel, 1x1 at 0,0)",
        "    'group' (group, 4x4 at 0,0)",
        "        'flat' (pixel, 2x2 at 1,0, hidden, 25 %)",
        "        'inner' (group, 4x4 at 0,0)",
        "            'deep' (pixel, 4x4 at 0,0, screen, locked)",
    ]
    assert repr(document["deep"]) == "<Layer 'group/inner/deep' pixel>"


def test_a_group_has_the_box_and_the_picture_of_its_layers():
    document = nested()
    document["deep"].visible = False
    group = document["group"]
    assert group.bbox == (0, 0, 4, 4)
    assert group.kind == "group"
    expected = np.zeros((4, 4, 4), int)
    expected[:2, 1:3] = codes(2, 2, 4)
    np.testing.assert_allclose(group.render()[expected[..., 3] > 0], expected[expected[..., 3] > 0], atol=1)
    assert not group.render()[2:].any(axis=-1)[..., None].any() or (group.render()[2:, :, 3] == 0).all()


def test_what_has_no_pixels():
    document = aikit.new_psd(height=2, width=3)
    group = document.add_group("group")
    assert group.bbox == (0, 0, 0, 0)
    with pytest.raises(
        aikit.InputValueError, match=r"^layer: expected one with pixels, got 'group', a group; pass canvas"
    ):
        group.render()
    assert group.render(canvas=True).shape == (2, 3, 4)


# Editing


def others_unchanged(document, edit, name):
    """Run an edit and hold all other layers to what they were, in everything."""

    def facts(layer):
        pixels = layer.render(canvas=True).tobytes() if layer.kind != "group" else b""
        return (
            layer.path, pixels, layer.bbox, layer.opacity, layer.blend_mode, layer.visible, layer.clipping, layer.locked,
        )  # fmt: skip

    edited = document[name]
    before = [facts(layer) for layer in document.walk() if layer != edited]
    edit(edited)
    assert [facts(layer) for layer in document.walk() if layer != edited] == before


EDITS = {
    "rename": lambda layer: setattr(layer, "name", layer.name + " "),
    "hide": lambda layer: setattr(layer, "visible", False),
    "fade": lambda layer: setattr(layer, "opacity", 0.3),
    "fill": lambda layer: setattr(layer, "fill_opacity", 0.3),
    "blend": lambda layer: setattr(layer, "blend_mode", "Color Dodge"),
    "clip": lambda layer: setattr(layer, "clipping", True),
    "lock": lambda layer: setattr(layer, "locked", True),
    "move": lambda layer: layer.move_to(left=-2, top=1),
    "replace": lambda layer: layer.replace(codes(3, 2, 4)),
}


@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_changes_one_layer_and_nothing_else(edit, tmp_path):
    document = aikit.open_psd(saved(nested(), tmp_path))
    name = "top"
    others_unchanged(document, EDITS[edit], name)
    again = aikit.open_psd(saved(document, tmp_path))
    layer = document.layers[-1]
    stored = again.layers[-1]
    assert layer.name == {"rename": "top "}.get(edit, "top")
    assert layer.visible == (edit != "hide")
    assert layer.opacity == {"fade": 76 / 255}.get(edit, 1)
    assert layer.fill_opacity == {"fill": 76 / 255}.get(edit, 1)
    assert layer.blend_mode == {"blend": "color_dodge"}.get(edit, "normal")
    assert layer.clipping == (edit == "clip")
    assert layer.locked == (edit == "lock")
    assert layer.bbox == {"move": (-2, 1, -1, 2), "replace": (0, 0, 2, 3)}.get(edit, (0, 0, 1, 1))
    for word in ("name", "visible", "opacity", "fill_opacity", "blend_mode", "clipping", "locked", "bbox"):
        assert getattr(stored, word) == getattr(layer, word), word
    np.testing.assert_array_equal(stored.render(), layer.render())
    np.testing.assert_array_equal(stored.render(), codes(3, 2, 4) if edit == "replace" else codes(1, 1, 4))


def test_locks_come_off():
    document = nested()
    document["top"].locked = True
    document["top"].locked = False
    assert not document["top"].locked


def test_replacing_keeps_mask_and_place():
    from test_psd_composite import put_mask

    document = nested()
    layer = document["flat"]
    layer.opacity, layer.blend_mode = 0.5, "screen"
    mask = np.array([[255, 100]], np.uint8)
    put_mask(layer, mask, (1, 0))
    new = codes(1, 2, 4)
    layer.replace(new)
    assert (layer.path, layer.bbox, layer.opacity, layer.blend_mode) == (
        "group/flat",
        (1, 0, 3, 1),
        128 / 255,
        "screen",
    )
    assert [inner.name for inner in document["group"].layers] == ["inner", "flat"]
    np.testing.assert_array_equal(layer.render()[..., :3], new[..., :3])
    np.testing.assert_allclose(layer.render()[..., 3], new[..., 3] * (mask / 255), atol=0.51)


def test_replacing_on_the_canvas():
    document = nested()
    picture = document["flat"].render(canvas=True)
    document["flat"].replace(picture, canvas=True)
    assert document["flat"].bbox == (0, 0, 4, 4)
    np.testing.assert_array_equal(document["flat"].render(), picture)


def test_a_mask_moves_with_its_layer_and_a_group_with_all_that_is_in_it():
    from test_psd_composite import put_mask

    document = nested()
    put_mask(document["flat"], np.array([[255, 100]], np.uint8), (1, 0))
    before = document["flat"].render()
    document["group"].move_to(left=-3, top=2)
    assert [document[name].bbox for name in ("deep", "flat", "top")] == [(-3, 2, 1, 6), (-2, 2, 0, 4), (0, 0, 1, 1)]
    assert document["flat"].mask.bbox == (-2, 2, 0, 3)
    np.testing.assert_array_equal(document["flat"].render(), before)


def test_moving_in_the_stack():
    document = nested()
    document["deep"].move_to(group=document)
    assert [layer.path for layer in document.walk()] == ["group", "group/inner", "group/flat", "top", "deep"]
    document["deep"].move_to(index=0)
    assert [layer.name for layer in document.layers] == ["deep", "group", "top"]
    document["top"].move_to(group="group", index=1)
    assert [layer.name for layer in document["group"].layers] == ["inner", "top", "flat"]
    document["inner"].move_to(index=-1)
    assert [layer.name for layer in document["group"].layers] == ["top", "flat", "inner"]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"group": "group/inner"}, aikit.InputValueError, r"^group: expected one outside 'group', got one inside; "),
        ({"group": "group"}, aikit.InputValueError, r"^group: expected one outside 'group', got one inside; "),
        ({"index": 3}, aikit.InputValueError, r"^index: expected -2 to 1, got 3; count from the bottom\."),
        ({"left": "3"}, aikit.InputTypeError, r"^left: expected a whole number, got '3'; round it\."),
    ],
)
def test_moves_that_make_no_sense(options, error, message):
    document = nested()
    with pytest.raises(error, match=message):
        document["group"].move_to(**options)
    assert [layer.path for layer in document.walk()] == [layer.path for layer in nested().walk()]


def test_grouping_and_ungrouping():
    document = nested()
    made = document.add_group("made", layers=[document["top"], document["flat"]], opacity=0.5)
    assert [layer.path for layer in document.walk()] == [
        "group", "group/inner", "group/inner/deep", "made", "made/flat", "made/top",
    ]  # fmt: skip
    assert (made.opacity, made.blend_mode) == (128 / 255, "pass_through")
    assert [layer.name for layer in made.ungroup()] == ["flat", "top"]
    assert [layer.name for layer in document.layers] == ["group", "flat", "top"]
    with pytest.raises(aikit.InputValueError, match=r"^layer: expected a group, got 'top', a pixel; "):
        document["top"].ungroup()
    with pytest.raises(aikit.InputValueError, match=r"^layers: expected none around the new group, got 'group'; leave"):
        document.add_group("bad", layers=[document["group"]], group="group/inner")
    with pytest.raises(aikit.InputValueError, match=r"^layers: expected layers of this document, got one of another; "):
        document.add_group("bad", layers=[nested()["top"]])
    with pytest.raises(aikit.InputValueError, match=r"^group: expected one of this document, got one of another; "):
        document.add(codes(1, 1), name="bad", group=nested()["group"])


def test_a_group_is_made_where_the_topmost_of_its_layers_was():
    document = nested()
    document.add_group("made", layers=[document["deep"]])
    assert [layer.path for layer in document.walk()][1:4] == [
        "group/inner",
        "group/inner/made",
        "group/inner/made/deep",
    ]


def test_removing_and_duplicating(tmp_path):
    document = nested()
    copy = document["group"].duplicate(name="copy")
    assert [layer.path for layer in document.walk()][4:9] == [
        "copy", "copy/inner", "copy/inner/deep", "copy/flat", "top",
    ]  # fmt: skip
    copy.layers[1].replace(codes(3, 3, 4))
    np.testing.assert_array_equal(document["group/flat"].render(), codes(2, 2, 4))
    gone = document["group"]
    gone.remove()
    again = aikit.open_psd(saved(document, tmp_path))
    assert [layer.path for layer in again.walk()] == ["copy", "copy/inner", "copy/inner/deep", "copy/flat", "top"]
    for act in (gone.remove, gone.duplicate, gone.ungroup, lambda: gone.layers[0].move_to(left=1)):
        with pytest.raises(
            aikit.InputValueError, match=r"^layer: expected one of the document, got '.*', removed; add"
        ):
            act()


def test_groups_are_not_clipped_or_replaced():
    document = nested()
    with pytest.raises(aikit.InputValueError, match=r"^clipping: expected a layer, got the group 'group'; clip"):
        document["group"].clipping = True
    with pytest.raises(
        aikit.InputValueError, match=r"^layer: expected one with pixels, got 'group', a group; add a layer"
    ):
        document["group"].replace(codes(1, 1))


def test_clipped_layers_stay_clipped_when_their_base_is_duplicated():
    document = nested()
    document.add(codes(1, 1, 4), name="clip").clipping = True
    document["top"].duplicate(name="copy")
    assert [layer.name for layer in document.layers] == ["group", "top", "copy", "clip"]
    assert document["clip"].clipping


# Saving


def test_an_opened_document_is_saved_byte_for_byte(tmp_path):
    data = saved(two_layers()[0], tmp_path)
    assert saved(aikit.open_psd(data), tmp_path) == data
    document = aikit.open_psd(data)
    # There and back is no change.
    document["above"].visible = False
    document["above"].visible = True
    document["above"].name = "above"
    document.raw.mark_updated()
    assert saved(document, tmp_path) == data


@pytest.mark.parametrize("edit", ["rename", "lock"])
def test_edits_that_change_no_pixel_keep_the_stored_picture(edit, tmp_path):
    data = saved(two_layers()[0], tmp_path)
    raw = raw_of(data)
    # A picture that no drawing would give, to tell that it is the old one.
    raw._record.image_data.set_data([bytes(range(70))] * 3, raw._record.header)
    with io.BytesIO() as file:
        raw._record.write(file)
        data = file.getvalue()
    document = aikit.open_psd(data)
    EDITS[edit](document["above"])
    changed = saved(document, tmp_path)
    assert changed != data
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(changed)))[..., 0].ravel(), np.arange(70))


def test_unknown_blocks_and_resources_stay(tmp_path):
    from psd_tools.psd.image_resources import ImageResource

    data = saved(two_layers()[0], tmp_path)
    raw = raw_of(data)
    raw.image_resources[4242] = ImageResource(key=4242, data=b"whose is this")
    with io.BytesIO() as file:
        raw._record.write(file)
        data = file.getvalue()
    document = aikit.open_psd(data)
    document["above"].move_to(left=0)
    assert b"whose is this" in saved(document, tmp_path)


@pytest.mark.parametrize("depth", DTYPES)
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_the_merged_picture_is_the_composite_over_white(mode, depth, tmp_path):
    y, x = np.mgrid[0:60, 0:80] / 30
    disc = np.stack([x / 3, y / 2, 1 - x / 3, np.clip(1.6 - np.hypot(x - 1.3, y - 1), 0, 1)], -1).astype(np.float32)
    document = aikit.new_psd(height=60, width=80, depth=depth, mode=mode)
    document.add(disc, name="disc")
    data = saved(document, tmp_path)
    picture = document.render()
    alpha = picture[..., 3:] / TOPS[depth]
    light = picture[..., :3] / TOPS[depth]
    # 32 bits are stored in linear light, in which white is 1 too.
    flat = colors.to_srgb(
        (colors.from_srgb(light.astype("f"), colors.Colors("RGB", 32, None, "")) * alpha + 1 - alpha).astype("f"),
        colors.Colors("RGB", 32, None, ""),
    ) if depth == 32 else light * alpha + 1 - alpha  # fmt: skip
    raw = raw_of(data)
    assert raw.channels == {"RGB": 3, "L": 1}[mode]
    theirs = raw.numpy()
    theirs = np.repeat(theirs, 3, -1) if mode == "L" else theirs
    if depth == 32:
        theirs = colors.to_srgb(theirs, colors.Colors("RGB", 32, None, ""))
    assert np.abs(theirs - flat).mean() < 0.002
    assert np.abs(theirs - flat).max() < 1.01 / 255
    if depth == 8:
        seen = np.asarray(Image.open(io.BytesIO(data)).convert("RGB")) / 255
        assert np.abs(seen - flat).mean() < 0.002
    # psd-tools draws the layers as we do, and so does a document that was opened again.
    np.testing.assert_allclose(aikit.open_psd(data).render(), picture, rtol=0, atol=0)


def test_the_soft_red_circle_that_became_a_square(tmp_path):
    y, x = np.mgrid[0:80, 0:100]
    circle = np.zeros((80, 100, 4), np.uint8)
    circle[..., 0], circle[..., 3] = 255, np.clip(2.0 - np.hypot(x - 50, y - 40) / 15, 0, 1) * 255
    document = aikit.new_psd(height=80, width=100)
    document.add(circle, name="circle")
    data = saved(document, tmp_path)
    picture = np.asarray(Image.open(io.BytesIO(data)))
    assert picture.shape == (80, 100, 3)
    expected = np.asarray(aikit.flatten(circle, background="white"))
    assert np.abs(picture.astype(int) - expected).max() <= 1
    np.testing.assert_array_equal(aikit.open_psd(data).render()[..., 3], circle[..., 3])
    np.testing.assert_array_equal(aikit.read_numpy(data)[..., 3], circle[..., 3])


def test_psd_tools_reads_alpha_as_transparency_and_not_as_a_mask(tmp_path):
    document, _, above = two_layers()
    raw = raw_of(saved(document, tmp_path))
    assert not raw[1].has_mask()
    np.testing.assert_array_equal(np.asarray(raw[1].topil()), above)
    with Image.open(io.BytesIO(saved(document, tmp_path))) as image:
        image.seek(2)
        seen = np.asarray(image)[2:6, 3:8]
        # Pillow takes channels as red, green, blue, alpha, where Photoshop and we store the transparency first.
        assert any((seen == order).all() for order in (above, np.roll(above, 1, -1)))


def test_a_thumbnail_of_the_old_picture_goes(tmp_path):
    from psd_tools.psd.image_resources import ImageResource, ThumbnailResource

    document = two_layers()[0]
    document.raw.image_resources[1036] = ImageResource(key=1036, data=ThumbnailResource(fmt=1, bits=24, planes=1))
    data = saved(document, tmp_path)
    assert not raw_of(data).has_thumbnail()


def test_saving_is_whole_or_not_at_all(tmp_path):
    document, _, _ = two_layers()
    with pytest.raises(aikit.FileAccessError, match=r"missing.*: expected a writable path"):
        document.write(tmp_path / "missing" / "a.psd")
    with pytest.raises(aikit.InputValueError, match=r"^path: expected the suffix \.psd for this document, got "):
        document.write(tmp_path / "a.png")
    with pytest.raises(aikit.InputTypeError, match=r"^path: expected a path, got BytesIO; "):
        document.write(io.BytesIO())
    assert list(tmp_path.iterdir()) == []


# Layers at once


def test_images_become_a_document(tmp_path):
    images = [codes(4, 6, 4), tensor(codes(5, 3, 3)), pil(codes(2, 2, 1))]
    document = aikit.psd.psd_from_layers(images)
    assert (document.height, document.width, document.depth) == (5, 6, 8)
    assert [layer.name for layer in document.layers] == ["Layer 1", "Layer 2", "Layer 3"]
    np.testing.assert_array_equal(document["Layer 1"].render(), codes(4, 6, 4))
    np.testing.assert_array_equal(document["Layer 2"].render()[..., :3], codes(5, 3, 3))
    assert [layer.bbox[:2] for layer in document.layers] == [(0, 0)] * 3


@pytest.mark.parametrize(
    "batch", [codes(4, 6, 4, batch=(3,)), tensor(codes(4, 6, 4, batch=(3,)))], ids=["array", "tensor"]
)
def test_a_batch_becomes_a_document(batch):
    document = aikit.psd.psd_from_layers(batch, names=["a", "b", "c"])
    for layer, image in zip(document.layers, codes(4, 6, 4, batch=(3,)), strict=True):
        np.testing.assert_array_equal(layer.render(), image)
    assert [layer.name for layer in document.layers] == ["a", "b", "c"]


@pytest.mark.parametrize(("dtype", "depth"), [("uint8", 8), ("uint16", 16), ("float32", 16), ("float64", 16)])
def test_the_deepest_image_decides(dtype, depth):
    assert aikit.psd.psd_from_layers([codes(2, 2, 3), codes(2, 2, 3, dtype)]).depth == depth


@pytest.mark.parametrize("depth", [None, 8, 16, 32])
def test_floats_make_a_document_of_the_depth_that_is_asked_for(depth):
    images = codes(3, 4, 4, "float32", batch=(2,))
    document = aikit.psd.psd_from_layers(tensor(images), depth=depth)
    assert document.depth == (depth or 16)
    for layer, image in zip(document.layers, images, strict=True):
        found = layer.render().astype(np.float64) / TOPS[document.depth]
        # Half a code of rounding; in 32 bits the way through linear light and back.
        np.testing.assert_allclose(found, image, rtol=0, atol=2e-6 if depth == 32 else 0.501 / TOPS[document.depth])


def test_a_depth_that_documents_do_not_have():
    with pytest.raises(aikit.InputValueError, match=r"^depth: expected 8, 16 or 32 bits, at most 16 in CMYK, got 24; "):
        aikit.psd.psd_from_layers([codes(2, 2)], depth=24)


def test_a_document_beyond_two_gibibytes_is_refused_before_it_is_made():
    with pytest.raises(
        aikit.InputValueError, match=r"^new_psd: expected a canvas of at most 2146435072 bytes, .*, got "
    ):
        aikit.new_psd(height=13_000, width=13_765, depth=32)


def test_a_layer_that_cannot_be_drawn_is_refused_before_it_is_added():
    document = aikit.new_psd(height=1, width=30_001)
    layer = document.add(codes(1, 2, 3), name="layer")
    for call in (lambda image: document.add(image, name="wide"), layer.replace):
        with pytest.raises(
            aikit.InputValueError, match=r"^image: expected at most 30000 pixels a side, .*, got 30001x1; "
        ):
            call(np.zeros((1, 30_001, 3), np.uint8))
    assert [each.name for each in aikit.open_psd(document.encode()).layers] == ["layer"]


@pytest.mark.parametrize(("mode", "depth"), [("RGB", 8), ("RGB", 16), ("CMYK", 8), ("L", 32)])
def test_the_highest_canvas_is_saved_and_opened(mode, depth):
    document = aikit.new_psd(height=300_000, width=1, mode=mode, depth=depth)
    document.add(codes(5, 1, 4, DTYPES[depth]), name="layer", top=299_000)
    opened = aikit.open_psd(document.encode())
    np.testing.assert_array_equal(opened["layer"].render(), document["layer"].render())
    merged, _ = preview.read_merged(opened.raw, "file")
    assert merged.shape[:2] == (300_000, 1)
    assert (merged[:299_000] == TOPS[depth]).all()
    assert len(np.unique(merged[299_000:299_005, 0], axis=0)) > 1


@pytest.mark.parametrize("depth", DTYPES)
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_the_merged_picture_is_stored_as_photoshop_does(mode, depth):
    document = aikit.new_psd(height=5, width=6, mode=mode, depth=depth)
    document.add(codes(5, 6, 3, DTYPES[depth]), name="layer")
    data = document.encode()
    count = {"RGB": 3, "L": 1}[mode]
    if depth == 8:
        assert raw_of(data)._record.image_data.compression == 1
    else:  # raw, at the very end of the file
        size = count * 5 * 6 * depth // 8
        assert data[-size - 2 : -size] == b"\0\0"
        stored = np.frombuffer(data[-size:], {16: ">u2", 32: ">f4"}[depth]).reshape(count, 5, 6)
        np.testing.assert_array_equal(stored, np.moveaxis(preview.read_merged(raw_of(data), "file")[0], -1, 0))


@pytest.mark.parametrize(
    ("images", "names", "error", "message"),
    [
        ([], None, aikit.InputValueError, r"^images: expected at least one, got none; "),
        ([codes(2, 2)], ["a", "b"], aikit.InputValueError, r"^names: expected 1, one an image, got 2; "),
        (
            codes(2, 2, 4),
            None,
            aikit.InputTypeError,
            r"^images: expected a list of images or a batch, got one image of",
        ),
        (["a.png"], None, aikit.InputTypeError, r"^image: expected a PIL image, .* got the path 'a\.png'"),
    ],
)
def test_what_makes_no_document(images, names, error, message):
    with pytest.raises(error, match=message):
        aikit.psd.psd_from_layers(images, names=names)


def test_combinations_of_edits_are_read_by_psd_tools(tmp_path):
    for order in itertools.permutations(["move", "replace", "clip"]):
        document = nested()
        for edit in order:
            EDITS[edit](document["top"])
        raw = raw_of(saved(document, tmp_path))
        ours = document.render()[..., 3]
        theirs = np.asarray(raw.composite(ignore_preview=True).getchannel("A"))
        np.testing.assert_allclose(ours, theirs, atol=1)


def test_a_move_that_cannot_be_made_moves_nothing():
    document = nested()
    document["flat"].raw.tagged_blocks.set_data(b"vmsk")
    with pytest.raises(
        aikit.InputValueError, match=r"^left, top: expected a layer without a path, got 'group/flat', whose"
    ):
        document["group"].move_to(left=3, group=document, index=-1)
    assert [layer.bbox for layer in document["group"].layers] == [(0, 0, 4, 4), (1, 0, 3, 2)]
    assert [layer.name for layer in document.layers] == ["group", "top"]


def test_alpha_stays_between_nothing_and_all():
    image = np.array([[[0.5, 0.5, 0.5, 1.5], [0.5, 0.5, 0.5, -0.5]]], np.float32)
    layer = aikit.new_psd(height=1, width=2, depth=32).add(image, name="layer")
    assert layer.render()[..., 3].tolist() == [[1, 0]]
