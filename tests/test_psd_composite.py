"""What documents look like, against a compositor written in psd_oracle.py from the published formulas."""

import io
from types import SimpleNamespace

import numpy as np
import pytest

import aikit
import psd_oracle as oracle
from aikit.psd import report
from pictures import codes
from psd_oracle import Paint
from test_psd_files import flat_file

HEIGHT, WIDTH = 9, 12
DEPTHS = [8, 16, 32]
DTYPES = {8: np.uint8, 16: np.uint16, 32: np.float32}
TOPS = {8: 255, 16: 65535, 32: 1}
# Half a code of rounding; in 32 bits what float32 loses in a stack of operations, magnified by the sRGB curve.
TOLERANCE = {8: 0.502 / 255, 16: 1.5 / 65535, 32: 1e-4}


def pixels(depth, seed, opaque=False):
    """Random codes with some alpha of 0 and 1."""
    rng = np.random.default_rng(seed)
    values = rng.random((HEIGHT, WIDTH, 4))
    values[..., 3] = 1 if opaque else np.clip(values[..., 3] * 1.6 - 0.3, 0, 1)
    return np.rint(values * TOPS[depth]).astype(DTYPES[depth]) if depth < 32 else values.astype(np.float32)


def share(codes, depth):
    """Codes as the oracle's numbers: documents of 32 bits blend in linear light."""
    values = codes.astype(np.float64) / TOPS[depth]
    if depth == 32:
        values[..., :3] = oracle.linear(values[..., :3])
    return values


def stored(opacity):
    return round(opacity * 255) / 255


def assert_same(document, stack, depth):
    expected = oracle.picture(stack, HEIGHT, WIDTH)
    if depth == 32:
        expected[..., :3] = oracle.encoded(expected[..., :3])
    got = document.render()
    assert got.dtype == DTYPES[depth]
    got = got.astype(np.float64) / TOPS[depth]
    np.testing.assert_allclose(got[..., 3], expected[..., 3], rtol=0, atol=TOLERANCE[depth])
    seen = expected[..., 3] > (0.002 if depth == 8 else 1e-4)
    np.testing.assert_allclose(got[seen], expected[seen], rtol=0, atol=TOLERANCE[depth])


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("mode", oracle.MODES)
def test_blend_modes(mode, depth):
    bottom, top = pixels(depth, 1), pixels(depth, 2)
    document = aikit.new_psd(height=HEIGHT, width=WIDTH, depth=depth)
    document.add(bottom, name="bottom")
    document.add(top, name="top", blend_mode=mode, opacity=0.8)
    assert_same(document, [Paint(share(bottom, depth)), Paint(share(top, depth), mode, stored(0.8))], depth)
    assert document.unsupported() == []


def test_every_mode_but_one_has_a_formula_here():
    from psd_tools.constants import BlendMode

    assert {mode.name.lower() for mode in BlendMode} - set(oracle.MODES) == {"dissolve", "pass_through"}


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("group_mode", ["normal", "multiply", "screen", "pass_through"])
@pytest.mark.parametrize("opacity", [1.0, 0.4])
def test_groups(group_mode, opacity, depth):
    below, first, second = (pixels(depth, seed) for seed in (1, 2, 3))
    document = aikit.new_psd(height=HEIGHT, width=WIDTH, depth=depth)
    document.add(below, name="below")
    group = document.add_group("group", blend_mode=group_mode, opacity=opacity)
    document.add(first, name="first", group=group, blend_mode="multiply")
    document.add(second, name="second", group="group", blend_mode="difference", opacity=0.5)
    inside = [Paint(share(first, depth), "multiply"), Paint(share(second, depth), "difference", stored(0.5))]
    stack = [Paint(share(below, depth)), Paint(mode=group_mode, opacity=stored(opacity), inside=inside)]
    assert_same(document, stack, depth)


@pytest.mark.parametrize("depth", DEPTHS)
def test_groups_in_groups(depth):
    layers = [pixels(depth, seed) for seed in range(4)]
    document = aikit.new_psd(height=HEIGHT, width=WIDTH, depth=depth)
    document.add(layers[0], name="0")
    outer = document.add_group("outer", blend_mode="normal", opacity=0.7)
    inner = document.add_group("inner", group=outer)
    document.add(layers[1], name="1", group=inner, blend_mode="screen")
    document.add(layers[2], name="2", group="outer/inner", blend_mode="multiply")
    document.add(layers[3], name="3", group=outer)
    paints = [Paint(share(codes, depth)) for codes in layers]
    paints[1].mode, paints[2].mode = "screen", "multiply"
    within = Paint(mode="pass_through", inside=paints[1:3])
    stack = [paints[0], Paint(mode="normal", opacity=stored(0.7), inside=[within, paints[3]])]
    assert_same(document, stack, depth)


@pytest.mark.parametrize("depth", DEPTHS)
def test_clipping(depth):
    below, base, first, second = (pixels(depth, seed) for seed in range(4))
    base[..., 3] = np.where(base[..., 3] > TOPS[depth] / 2, TOPS[depth], 0)
    document = aikit.new_psd(height=HEIGHT, width=WIDTH, depth=depth)
    document.add(below, name="below")
    document.add(base, name="base", blend_mode="multiply", opacity=0.6)
    document.add(first, name="first").clipping = True
    document.add(second, name="second", blend_mode="screen", opacity=0.5).clipping = True
    stack = [
        Paint(share(below, depth)),
        Paint(share(base, depth), "multiply", stored(0.6)),
        Paint(share(first, depth), clipping=True),
        Paint(share(second, depth), "screen", stored(0.5), clipping=True),
    ]
    assert_same(document, stack, depth)


def put_mask(layer, codes, place, **options):
    """Give a layer a pixel mask as Photoshop stores it."""
    from psd_tools.psd.layer_and_mask import ChannelInfo, MaskData, MaskFlags, MaskParameters

    from aikit.psd.channels import pack

    raw, (left, top), (height, width) = layer.raw, place, codes.shape
    parameters = MaskParameters(**options.pop("parameters", {}))
    raw._record.mask_data = MaskData(
        top=top,
        left=left,
        bottom=top + height,
        right=left + width,
        background_color=options.pop("outside", 0),
        flags=MaskFlags(parameters_applied=True, **options),
        parameters=parameters,
    )
    data = pack(codes, raw._psd.depth, raw._psd.version)
    raw._record.channel_info.append(ChannelInfo(-2, len(data.data) + 2))
    raw._channels.append(data)
    raw.__dict__.pop("_mask", None)
    raw._psd.mark_updated()


def ramp(depth, height=5, width=7):
    codes = np.linspace(0, TOPS[depth], height * width).reshape(height, width)
    return codes.astype(DTYPES[depth])


def on_canvas(values, place, outside):
    whole = np.full((HEIGHT, WIDTH), outside, np.float64)
    left, top = place
    whole[top : top + values.shape[0], left : left + values.shape[1]] = values
    return whole


MASKS = {
    "hides outside": ({}, 0, 1.0),
    "shows outside": ({"outside": 255}, 1, 1.0),
    "half dense": ({"parameters": {"user_mask_density": 128}}, 0, 128 / 255),
}


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("case", MASKS)
def test_masks(case, depth):
    options, outside, density = MASKS[case]
    below, top = pixels(depth, 1), pixels(depth, 2)
    document = aikit.new_psd(height=HEIGHT, width=WIDTH, depth=depth)
    document.add(below, name="below")
    layer = document.add(top, name="top", blend_mode="multiply")
    put_mask(layer, ramp(depth), (3, 2), **dict(options))
    mask = on_canvas(ramp(depth).astype(np.float64) / TOPS[depth], (3, 2), outside) * density + 1 - density
    assert_same(document, [Paint(share(below, depth)), Paint(share(top, depth), "multiply", mask=mask)], depth)
    assert layer.mask.density == density
    assert (layer.mask.bbox, layer.mask.outside) == ((3, 2, 10, 7), outside)
    alpha = top[..., 3] / TOPS[depth] * mask
    np.testing.assert_allclose(layer.render()[..., 3] / TOPS[depth], alpha, rtol=0, atol=TOLERANCE[depth])
    np.testing.assert_array_equal(layer.render()[..., :3], document.layers[1].render()[..., :3])


def test_a_mask_that_is_switched_off_hides_nothing():
    document = aikit.new_psd(height=HEIGHT, width=WIDTH)
    layer = document.add(pixels(8, 1), name="top")
    put_mask(layer, ramp(8), (3, 2), mask_disabled=True)
    assert not layer.mask.enabled
    np.testing.assert_array_equal(layer.render(), pixels(8, 1))
    assert_same(document, [Paint(share(pixels(8, 1), 8))], 8)


def test_a_group_under_a_mask():
    below, inner = pixels(8, 1), pixels(8, 2)
    document = aikit.new_psd(height=HEIGHT, width=WIDTH)
    document.add(below, name="below")
    group = document.add_group("group", blend_mode="normal")
    document.add(inner, name="inner", group=group)
    put_mask(group, ramp(8), (3, 2))
    mask = on_canvas(ramp(8) / 255, (3, 2), 0)
    stack = [Paint(share(below, 8)), Paint(mode="normal", mask=mask, inside=[Paint(share(inner, 8))])]
    assert_same(document, stack, 8)


@pytest.mark.parametrize("depth", DEPTHS)
def test_a_feathered_mask_is_blurred_in_the_layer_and_in_the_composite(depth):
    scipy_ndimage = pytest.importorskip("scipy.ndimage")
    codes = np.full((HEIGHT, WIDTH, 4), TOPS[depth], DTYPES[depth])
    document = aikit.new_psd(height=HEIGHT, width=WIDTH, depth=depth)
    layer = document.add(codes, name="white")
    put_mask(layer, np.full((4, 5), TOPS[depth], DTYPES[depth]), (4, 3), parameters={"user_mask_feather": 1.5})
    wide = np.zeros((HEIGHT + 40, WIDTH + 40))
    wide[23:27, 24:29] = 1
    expected = scipy_ndimage.gaussian_filter(wide, 1.5, truncate=8)[20:-20, 20:-20]
    got = layer.render()[..., 3] / TOPS[depth]
    # Kernels are cut at three and more standard deviations.
    np.testing.assert_allclose(got, expected, rtol=0, atol=0.005)
    np.testing.assert_allclose(document.render()[..., 3] / TOPS[depth], got, rtol=0, atol=1.01 / 255)
    assert layer.mask.feather == 1.5


def test_visibility():
    below, hidden, inner = (pixels(8, seed) for seed in (1, 2, 3))
    document = aikit.new_psd(height=HEIGHT, width=WIDTH)
    document.add(below, name="below")
    document.add(hidden, name="hidden").visible = False
    group = document.add_group("group")
    document.add(inner, name="inner", group=group)
    group.visible = False
    assert_same(document, [Paint(share(below, 8))], 8)
    # A group's image is what is in it, whatever its own eye says.
    np.testing.assert_allclose(group.render()[..., 3], inner[..., 3], atol=1)


def test_layers_beyond_the_canvas_are_cut():
    codes = pixels(8, 1)
    document = aikit.new_psd(height=HEIGHT, width=WIDTH)
    layer = document.add(codes, name="out", left=-4, top=3)
    moved = np.zeros((HEIGHT, WIDTH, 4))
    moved[3:, : WIDTH - 4] = codes[: HEIGHT - 3, 4:] / 255
    assert_same(document, [Paint(moved)], 8)
    assert layer.bbox == (-4, 3, WIDTH - 4, HEIGHT + 3)
    np.testing.assert_array_equal(layer.render(), codes)
    np.testing.assert_array_equal(layer.render(canvas=True), np.rint(moved * 255))


def test_gray_documents():
    bottom, top = (pixels(8, seed)[..., [0, 3]] for seed in (1, 2))
    document = aikit.new_psd(height=HEIGHT, width=WIDTH, mode="L")
    document.add(bottom, name="bottom")
    document.add(top, name="top", blend_mode="multiply", opacity=0.5)
    paints = [Paint(share(codes[..., [0, 0, 0, 1]], 8)) for codes in (bottom, top)]
    paints[1].mode, paints[1].opacity = "multiply", stored(0.5)
    assert_same(document, paints, 8)


def test_a_background_lies_under_the_picture():
    codes = pixels(8, 1)
    document = aikit.new_psd(height=HEIGHT, width=WIDTH)
    document.add(codes, name="layer")
    got = document.render(background="#204060")
    assert got.shape == (HEIGHT, WIDTH, 4)
    assert (got[..., 3] == 255).all()
    alpha = codes[..., 3:] / 255
    np.testing.assert_allclose(got[..., :3], codes[..., :3] * alpha + np.array([32, 64, 96]) * (1 - alpha), atol=1.01)


def test_colors_are_zero_where_nothing_is():
    document = aikit.new_psd(height=HEIGHT, width=WIDTH)
    document.add(np.full((1, 1, 3), 200, np.uint8), name="dot")
    got = document.render()
    assert got[0, 0].tolist() == [200, 200, 200, 255]
    got[0, 0] = 0
    assert not got.any()


@pytest.mark.parametrize("light", [1.01, 1.5, -0.1])
def test_light_beyond_white_and_black_stays_in_the_layer_and_is_reported(light):
    document = aikit.new_psd(height=2, width=2, depth=32)
    document.add(np.float32([[(1, 1, 1), (light, 0, 1)]]), name="sun")
    np.testing.assert_allclose(document["sun"].render()[0, 1, :3], (light, 0, 1), rtol=1e-5)
    assert document.unsupported() == ["sun: values outside 0 to 1 are clipped by render()"]
    assert (document.render().min(), document.render().max()) == (0, 1)


def test_light_from_black_to_white_is_not_reported():
    document = aikit.new_psd(height=2, width=2, depth=32)
    document.add(np.float32([[(0, 1, 0.5)]]), name="day")
    assert document.unsupported() == []


EFFECTS = {
    b"DrSh": "drop shadow is not drawn",
    b"IrSh": "inner shadow is not drawn",
    b"OrGl": "outer glow is not drawn",
    b"IrGl": "inner glow is not drawn",
    b"ebbl": "bevel is not drawn",
    b"ChFX": "satin is not drawn",
    b"SoFi": "color overlay is approximated",
    b"GrFl": "gradient overlay is approximated",
    b"patternFill": "pattern overlay is approximated",
    b"FrFX": "stroke is approximated",
}


def put_block(layer, tag, data):
    from psd_tools.psd.tagged_blocks import TaggedBlock

    layer.raw.tagged_blocks[tag] = TaggedBlock(key=tag, data=data)


@pytest.mark.parametrize(("switch", "on"), [(True, 0), (True, 1), (False, 0)])
def test_every_effect_that_is_on_is_reported(switch, on):
    from psd_tools.constants import Tag
    from psd_tools.psd.descriptor import Bool, Descriptor, DescriptorBlock2

    document = aikit.new_psd(height=HEIGHT, width=WIDTH)
    block = DescriptorBlock2(items={b"masterFXSwitch": Bool(switch)})
    for at, kind in enumerate(EFFECTS):
        facts = {b"enab": Bool(at % 2 == on), b"present": Bool(True)}
        block[f"at{at:02}".encode()] = Descriptor(items=facts, classID=kind)
    put_block(document.add(pixels(8, 1), name="fx"), Tag.OBJECT_BASED_EFFECTS_LAYER_INFO, block)
    expected = list(EFFECTS.values())[on::2] if switch else []
    assert document.unsupported() == [f"fx: effect {what}" for what in expected]


@pytest.mark.parametrize(
    ("mode", "kind", "line"),
    [
        ("RGB", "INVERT", None),
        ("L", "INVERT", None),
        ("RGB", "POSTERIZE", "adjustment posterize is approximated"),
        ("CMYK", "THRESHOLD", "adjustment threshold is approximated"),
        ("RGB", "VIBRANCE", "adjustment vibrance is not drawn"),
        ("LAB", "INVERT", "adjustment invert is not drawn"),
    ],
)
def test_adjustments_are_reported_by_how_well_they_are_drawn(mode, kind, line):
    from psd_tools.constants import Tag
    from psd_tools.psd.base import EmptyElement, ShortIntegerElement
    from psd_tools.psd.descriptor import DescriptorBlock

    tag = Tag[kind]
    data = {"INVERT": EmptyElement, "VIBRANCE": lambda: DescriptorBlock(version=16)}.get(
        kind, lambda: ShortIntegerElement(4)
    )()
    document = aikit.open_psd(flat_file("LAB" if mode == "LAB" else "RGB", 8, codes(3, 2, 2)))
    if mode != "LAB":
        document = aikit.new_psd(height=2, width=2, mode=mode)
    put_block(document.add(pixels(8, 1), name="change"), tag, data)
    # psd-tools tells an adjustment from its blocks when it opens a file.
    with io.BytesIO() as file:
        document.raw._record.write(file)
        again = aikit.open_psd(file.getvalue())
    assert (again["change"].kind, again["change"].raw.kind) == ("adjustment", kind.lower())
    assert again.unsupported() == ([f"change: {line}"] if line else [])


def test_a_fill_without_pixels_is_reported():
    from psd_tools.constants import Tag
    from psd_tools.psd.descriptor import DescriptorBlock

    document = aikit.new_psd(height=2, width=2)
    put_block(document.add(pixels(8, 1), name="fill"), Tag.GRADIENT_FILL_SETTING, DescriptorBlock(version=16))
    with io.BytesIO() as file:
        document.raw._record.write(file)
        again = aikit.open_psd(file.getvalue())
    assert (again["fill"].kind, again.unsupported()) == ("fill", [])
    for channel in again["fill"].raw._channels:
        channel.data = b""
    assert again.unsupported() == ["fill: gradient fill is approximated"]


@pytest.mark.parametrize(
    ("mode", "at", "is_reported"), [("RGB", 5, True), ("RGB", 6, False), ("L", 1, True), ("L", 2, False)]
)
def test_blend_if_of_every_color_is_reported(mode, at, is_reported):
    """Photoshop writes a pair of ranges for each channel, two for each color and then some for others."""
    document = aikit.new_psd(height=2, width=2, mode=mode)
    ranges = document.add(pixels(8, 1), name="layer").raw._record.blending_ranges
    ranges.composite_ranges = [(0, 65535), (0, 65535)]
    pairs = [(0, 65535)] * 10
    pairs[at] = (0, 999)
    ranges.channel_ranges = [pairs[start : start + 2] for start in range(0, 10, 2)]
    assert document.unsupported() == ["layer: blend if is not drawn"] * is_reported


def test_blend_modes_in_lab_are_reported():
    document = aikit.open_psd(flat_file("LAB", 8, codes(3, 2, 2)))
    document.add(pixels(8, 1), name="plain")
    document.add(pixels(8, 1), name="dark", blend_mode="multiply", group=document.add_group("group"))
    document.add(pixels(8, 1), name="grain", blend_mode="dissolve")
    assert document.unsupported() == [
        "group/dark: blend mode multiply in Lab is approximated",
        "grain: dissolve is drawn as normal",
    ]


@pytest.mark.parametrize(
    ("kind", "stored", "stroke", "lines"),
    [
        ("type", False, None, ["it has no stored pixels and is not drawn"]),
        ("smartobject", False, None, ["it has no stored pixels and is not drawn"]),
        ("type", True, None, []),
        ("group", False, None, []),
        ("gradientfill", False, None, ["gradient fill is approximated"]),
        ("patternfill", False, None, ["pattern fill is approximated"]),
        ("solidcolorfill", False, None, []),
        ("gradientfill", True, True, []),
        ("shape", False, True, ["the stroke of its path is approximated"]),
        ("shape", False, False, []),
        ("shape", True, True, []),
    ],
)
def test_what_has_no_stored_pixels_is_reported(kind, stored, stroke, lines):
    raw = SimpleNamespace(
        kind=kind,
        has_pixels=lambda: stored,
        has_stroke=lambda: stroke is not None,
        stroke=SimpleNamespace(enabled=stroke),
    )
    assert list(report._of_shape(raw)) == lines


def test_what_is_not_drawn_is_reported():
    document = aikit.new_psd(height=HEIGHT, width=WIDTH)
    layer = document.add(pixels(8, 1), name="layer", blend_mode="dissolve")
    layer.raw._record.blending_ranges.composite_ranges = [(0, 65535), (0, 30000)]
    group = document.add_group("group")
    document.add(pixels(8, 2), name="inner", group=group, blend_mode="Dissolve")
    assert document.unsupported() == [
        "layer: dissolve is drawn as normal",
        "layer: blend if is not drawn",
        "group/inner: dissolve is drawn as normal",
    ]
    group.visible = False
    assert len(document.unsupported()) == 2


def put_path(layer, box):
    """Mask a layer by a rectangle, (left, top, right, bottom) in pixels."""
    from psd_tools.psd.vector import (
        ClosedKnotLinked,
        ClosedPath,
        InitialFillRule,
        Path,
        PathFillRule,
    )

    left, top, right, bottom = box
    corners = [(y / HEIGHT, x / WIDTH) for y, x in ((top, left), (top, right), (bottom, right), (bottom, left))]
    knots = [ClosedKnotLinked(preceding=corner, anchor=corner, leaving=corner) for corner in corners]
    path = Path(items=[PathFillRule(), InitialFillRule(value=0), ClosedPath(items=knots)])
    layer.raw.tagged_blocks.set_data(b"vmsk", 3, 0, path)
    layer.raw._psd.mark_updated()


@pytest.mark.parametrize("depth", DEPTHS)
def test_a_path_masks_the_layer_and_the_composite(depth):
    below, top = pixels(depth, 1), pixels(depth, 2)
    document = aikit.new_psd(height=HEIGHT, width=WIDTH, depth=depth)
    document.add(below, name="below")
    layer = document.add(top, name="top", blend_mode="screen")
    put_path(layer, (2, 3, 9, 7))
    mask = np.zeros((HEIGHT, WIDTH))
    mask[3:7, 2:9] = 1
    assert layer.mask.vector
    np.testing.assert_allclose(layer.render()[..., 3] / TOPS[depth], top[..., 3] / TOPS[depth] * mask, atol=1e-4)
    assert_same(document, [Paint(share(below, depth)), Paint(share(top, depth), "screen", mask=mask)], depth)
    # The document itself keeps its path.
    assert layer.raw.has_vector_mask()
    assert layer.raw._record.mask_data is None
