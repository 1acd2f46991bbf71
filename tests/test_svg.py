"""SVG: sizes, pixels, fonts, PDF, the readers and the command."""

import base64
import gzip
import importlib.abc
import io
import json
import logging
import math
import os
import random
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, strategies as st
from PIL import Image

import aikit
from aikit import (
    FileAccessError,
    FileFormatError,
    InputTypeError,
    InputValueError,
    LimitError,
    Limits,
    MissingDependencyError,
    encode,
    read_cv2,
    read_numpy,
    read_pil,
    read_tensor,
    render_svg,
)
from aikit.cli import main
from aikit.files import read_frames
from aikit.svg import engines, fonts, geometry, sanitize_svg, size, source, svg_info, svg_to_pdf

ROOT = Path(__file__).parents[1]
BESIDE = [folder / "shared" / "samples" for folder in (ROOT.parent, ROOT.parent.parent)]
SAMPLES = Path(os.environ.get("AIKIT_SAMPLES") or next(filter(Path.is_dir, BESIDE), BESIDE[0])) / "svg"
ENGINES = ["resvg", "cairosvg"]
HEAD = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'

both = pytest.mark.parametrize("engine", ENGINES)


def svg(attributes, content="", head=HEAD):
    return f"<svg {head} {attributes}>{content}</svg>".encode()


def pixels(data, **options):
    return np.asarray(render_svg(data, **options))


# 20x10 px: red, green and blue columns over two shades, so that every turn and flip shows.
COLUMNS = svg(
    'width="20" height="10"',
    '<rect width="5" height="10" fill="#f00"/><rect x="5" width="5" height="10" fill="#0f0"/>'
    '<rect x="10" width="10" height="5" fill="#00f"/><rect x="10" y="5" width="10" height="5" fill="#888"/>',
)


# Pixels


@both
def test_a_drawing_has_the_colors_it_says(engine):
    found = pixels(COLUMNS, engine=engine)
    expected = np.zeros((10, 20, 4), np.uint8)
    expected[:, :5] = 255, 0, 0, 255
    expected[:, 5:10] = 0, 255, 0, 255
    expected[:5, 10:] = 0, 0, 255, 255
    expected[5:, 10:] = 136, 136, 136, 255
    np.testing.assert_array_equal(found, expected)


@both
@pytest.mark.parametrize("opacity", [0.1, 0.25, 0.5, 0.8])
def test_alpha_is_straight(engine, opacity):
    drawing = svg('width="2" height="1"', f'<rect width="1" height="1" fill="#c86432" fill-opacity="{opacity}"/>')
    image = render_svg(drawing, engine=engine)
    assert (image.mode, image.getpixel((1, 0))) == ("RGBA", (0, 0, 0, 0))
    red, green, blue, alpha = image.getpixel((0, 0))
    assert abs(alpha - opacity * 255) <= 1
    # Both renderers work on premultiplied codes, which cannot be told apart more finely.
    tolerance = math.ceil(255 / alpha)
    assert max(abs(red - 200), abs(green - 100), abs(blue - 50)) <= tolerance


@both
def test_half_covered_pixels_are_half_transparent(engine):
    drawing = svg('width="3" height="1"', '<rect x=".5" width="2" height="1" fill="#102030"/>')
    found = pixels(drawing, engine=engine)
    assert abs(found[0, :, 3].astype(int) - [128, 255, 128]).max() <= 1


@both
@pytest.mark.parametrize(
    ("background", "expected"),
    [
        ("white", (255, 255, 255, 255)),
        ("#f80", (255, 136, 0, 255)),
        ((1, 2, 3), (1, 2, 3, 255)),
        ("#ff880080", (255, 136, 0, 128)),
        ("transparent", (0, 0, 0, 0)),
        (None, (0, 0, 0, 0)),
    ],
)
def test_a_background_lies_behind_the_drawing_and_its_margins(engine, background, expected):
    drawing = svg('width="8" height="4"', '<rect width="4" height="4" fill="#00f"/>')
    image = render_svg(drawing, width=8, height=8, background=background, engine=engine)
    assert image.size == (8, 8)
    assert max(abs(a - b) for a, b in zip(image.getpixel((7, 4)), expected, strict=True)) <= 1
    assert max(abs(a - b) for a, b in zip(image.getpixel((0, 0)), expected, strict=True)) <= 1
    assert image.getpixel((1, 3)) == (0, 0, 255, 255)


def test_filters_masks_and_blend_modes_are_drawn():
    blurred = svg(
        'width="40" height="40"',
        '<filter id="f"><feGaussianBlur stdDeviation="5"/></filter>'
        '<rect x="10" y="10" width="20" height="20" filter="url(#f)"/>',
    )
    alpha = pixels(blurred)[..., 3].astype(int)
    assert 100 < alpha[20, 20] < 250
    assert 0 < alpha[20, 8] < alpha[20, 12] < alpha[20, 20]
    np.testing.assert_allclose(alpha, alpha[::-1, ::-1], atol=2)
    masked = svg(
        'width="2" height="1"',
        '<mask id="m"><rect width="1" height="1" fill="#fff"/></mask><rect width="2" height="1" mask="url(#m)"/>',
    )
    assert pixels(masked)[0, :, 3].tolist() == [255, 0]
    multiplied = svg(
        'width="1" height="1"',
        '<rect width="1" height="1" fill="#804020"/>'
        '<rect width="1" height="1" fill="#808080" style="mix-blend-mode:multiply"/>',
    )
    assert abs(pixels(multiplied)[0, 0].astype(int) - [64, 32, 16, 255]).max() <= 1


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="no samples here")
@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*.svg")), ids=lambda path: path.stem)
def test_the_engines_agree_on_real_drawings(path):
    one, other = (
        np.asarray(render_svg(path, width=128, background="white", engine=engine)).astype(int) for engine in ENGINES
    )
    assert one.shape == other.shape
    assert np.ptp(one[..., :3]) > 100
    # Edges are smoothed in different ways.
    assert abs(one - other).mean() / 255 < 0.01


# Sizes

BOX = 'viewBox="0 0 40 20"'


@both
@pytest.mark.parametrize(
    ("attributes", "options", "expected"),
    [
        ('width="20" height="10"', {}, (20, 10)),
        ('width="20" height="10"', {"width": 40}, (40, 20)),
        ('width="20" height="10"', {"height": 40}, (80, 40)),
        ('width="20" height="10"', {"width": 10, "height": 10}, (10, 10)),
        ('width="20" height="10"', {"width": 100, "height": 30}, (100, 30)),
        ('width="20" height="10"', {"scale": 1.5}, (30, 15)),
        ('width="20" height="10"', {"scale": 0.01}, (1, 1)),
        ('width="10.4" height="10.5"', {}, (10, 11)),
        (BOX, {}, (40, 20)),
        (BOX, {"width": 100}, (100, 50)),
        (f'{BOX} width="100%" height="100%"', {}, (40, 20)),
        (f'{BOX} width="50%" height="50%"', {}, (20, 10)),
        (f'{BOX} width="auto" height="auto"', {}, (40, 20)),
        (f'{BOX} width="100"', {}, (100, 50)),
        (f'{BOX} height="100"', {}, (200, 100)),
        (f'{BOX} width="30" height="30"', {}, (30, 30)),
        (f'{BOX} width="1" height="0.5"', {}, (1, 1)),
        (f'{BOX} width="0" height="10"', {}, (20, 10)),
        ('width="1in" height="2.54cm"', {}, (96, 96)),
        ('width="25.4mm" height="101.6Q"', {}, (96, 96)),
        ('width="72pt" height="6pc"', {}, (96, 96)),
        ('width="96px" height="6em"', {}, (96, 96)),
        ('width="12ex" height="2em" font-size="24"', {}, (144, 48)),
        ('width="1E1" height=" 10 "', {}, (10, 10)),
        ("", {"width": 30, "height": 20}, (30, 20)),
    ],
)
def test_sizes(engine, attributes, options, expected):
    assert render_svg(svg(attributes, '<circle r="3"/>'), engine=engine, **options).size == expected


@both
@pytest.mark.parametrize("options", [{}, {"width": 5}, {"height": 7}, {"width": 90}, {"scale": 1.7}])
def test_the_whole_canvas_is_filled_at_every_size(engine, options):
    full = svg('viewBox="3 4 30.3 20.7"', '<rect x="3" y="4" width="30.3" height="20.7" fill="#123456"/>')
    found = pixels(full, engine=engine, **options)
    assert (found[..., 3] >= 254).all()


@both
def test_both_sides_fit_the_drawing_into_the_middle(engine):
    found = pixels(COLUMNS, width=20, height=30, engine=engine)
    np.testing.assert_array_equal(found[10:20], pixels(COLUMNS, engine=engine))
    assert not found[:10].any()
    assert not found[20:].any()
    wide = render_svg(COLUMNS, width=30, height=10, engine=engine)
    assert wide.getbbox() == (5, 0, 25, 10)


@both
def test_what_reaches_beyond_the_drawing_does_not_show_in_the_margins(engine):
    over = svg(BOX, '<rect x="-100" y="-100" width="300" height="300" fill="#f00"/>')
    assert render_svg(over, width=40, height=40, engine=engine).getbbox() == (0, 10, 40, 30)


@both
def test_an_aspect_of_its_own_is_kept(engine):
    # 30x30 px of which the viewBox fills the middle, as browsers show it.
    middle = svg(f'{BOX} width="30" height="30"', '<rect width="40" height="20" fill="#00f"/>')
    left, top, right, bottom = render_svg(middle, engine=engine).getbbox()
    assert (left, right) == (0, 30)
    assert abs(top - 7.5) <= 1
    assert abs(bottom - 22.5) <= 1
    stretched = svg(f'{BOX} width="30" height="30" preserveAspectRatio="none"', '<rect width="40" height="20"/>')
    assert (pixels(stretched, engine=engine)[..., 3] == 255).all()


@both
@pytest.mark.parametrize(("length", "wide"), [("1in", 96), ("10mm", 38), ("30pt", 40), ("2em", 32), ("50%", 100)])
def test_lengths_in_the_drawing(engine, length, wide):
    drawing = svg('width="200" height="4"', f'<g font-size="16"><rect width="{length}" height="4"/></g>')
    alpha = pixels(drawing, engine=engine)[2, :, 3]
    assert abs(int((alpha > 127).sum()) - wide) <= 1


@both
def test_percentages_stay_shares_of_the_same_whole_at_other_sizes(engine):
    drawing = svg(f'{BOX} width="80" height="40"', '<rect width="50%" height="100%"/>')
    assert render_svg(drawing, width=200, engine=engine).getbbox() == (0, 0, 100, 100)


def test_lengths():
    assert size.to_pixels("2.54cm") == pytest.approx(96)
    assert size.to_pixels("-1.5e1px") == -15
    assert size.to_pixels("2rem", font_size=99) == 32
    assert size.to_pixels("4ch", font_size=10) == size.to_pixels("4ex", font_size=10) == 20
    assert size.to_pixels("50%", full=30) == 15
    for unknown in (None, "", "auto", "1 2", "5%", "1vw", "calc(1px)", "1e999", "1e308in"):
        assert size.to_pixels(unknown) is None


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"width": 0}, InputValueError, r"^width: expected at least 1 pixel, got 0; pass a positive number\.$"),
        ({"height": -3}, InputValueError, r"^height: expected at least 1 pixel, got -3"),
        ({"width": 2.5}, InputTypeError, r"^width: expected a whole number of pixels, got 2\.5; round it\.$"),
        ({"width": True}, InputTypeError, r"^width: expected a whole number of pixels, got True"),
        ({"height": "10"}, InputTypeError, r"^height: expected a whole number of pixels, got '10'"),
        ({"scale": 0}, InputValueError, r"^scale: expected a positive number, got 0"),
        ({"scale": math.nan}, InputValueError, r"^scale: expected a positive number, got nan"),
        ({"scale": math.inf}, InputValueError, r"^scale: expected a positive number, got inf"),
        ({"scale": "2"}, InputTypeError, r"^scale: expected a number, got '2'"),
        ({"scale": 2, "width": 5}, InputValueError, r"^scale: expected without width and height, got 2 beside one"),
        ({"engine": "skia"}, InputValueError, r'^engine: expected "resvg" or "cairosvg", got \'skia\''),
        ({"background": "no color"}, InputValueError, r"^background: expected a CSS color name or a hex code"),
        ({"background": (0, 0, 300)}, InputValueError, r"^background: expected values from 0 to 255"),
        ({"limits": 5}, InputTypeError, r"^limits: expected Limits or None, got 5"),
    ],
)
def test_mistakes_in_options(options, error, message):
    with pytest.raises(error, match=message):
        render_svg(COLUMNS, **options)


@pytest.mark.parametrize("options", [{}, {"width": 10}, {"height": 10}, {"scale": 2}])
@pytest.mark.parametrize("attributes", ["", 'width="10"', 'viewBox="0 0 0 5"', 'width="50%" height="50%"'])
def test_no_size_is_said_to_be_none(options, attributes):
    if attributes == 'width="10"' and options == {}:
        pytest.skip("one message is enough")
    message = r"^source: expected a width and height or a viewBox in the file, got neither; pass width= and height=\.$"
    with pytest.raises(InputValueError, match=message):
        render_svg(svg(attributes), **options)


def test_limits_hold_for_the_result():
    square = svg('viewBox="0 0 1 1"')
    with pytest.raises(LimitError, match=r"expected at most 100 pixels, got 121; raise Limits\(max_output_pixels"):
        render_svg(square, width=11, limits=Limits(max_output_pixels=100))
    assert render_svg(square, width=10, limits=Limits(max_output_pixels=100)).size == (10, 10)
    with pytest.raises(LimitError, match=r"expected at most 5 pixels a side, got 6"):
        render_svg(square, width=6, limits=Limits(max_side=5))
    with pytest.raises(LimitError, match=r"expected at most 50000000 pixels"):
        read_pil(svg('width="10000" height="10000"'), limits=Limits())
    for side in (200_000, 10**30):
        with pytest.raises(LimitError, match=r"expected at most 178956970 pixels"):
            render_svg(svg(f'width="{side}" height="{side}"'))


# Fonts


def ink(text, **options):
    return int(pixels(svg('width="200" height="40"', text), **options)[..., 3].sum())


@both
@pytest.mark.parametrize(
    "family", "sans-serif serif monospace cursive fantasy Arial NoSuchFont system-ui inherit".split()
)
def test_text_in_any_family_is_drawn(engine, family):
    least = 20_000
    assert ink(f'<text y="30" font-size="20" font-family="{family}">Hallo gß</text>', engine=engine) > least
    assert ink(f'<text y="30" style="font:20px {family};font-family:{family}">Hallo gß</text>', engine=engine) > least


def test_text_without_a_family_and_in_missing_glyphs_is_drawn():
    assert ink('<text y="30" font-size="20">Hallo</text>') > 10_000
    assert ink('<text y="30" font-size="20">漢字</text>') > 1000


def test_text_in_an_embedded_svg_is_drawn():
    inner = svg('width="200" height="40"', '<text y="30" font-size="20" font-family="NoSuchFont">Hallo</text>')
    url = f"data:image/svg+xml;base64,{base64.b64encode(inner).decode()}"
    for name in ("href", "xlink:href"):
        assert ink(f'<image width="200" height="40" {name}="{url}"/>') > 10_000


def test_a_missing_sans_family_is_not_drawn_with_serifs():
    plain, missing, serif = (
        ink(f'<text y="30" font-size="20" font-family="{family}">Hallo</text>')
        for family in ("sans-serif", "Helvetica Neue, Gill Sans", "serif")
    )
    if "Arial" in fonts.families().values():
        pytest.skip("this machine has them")
    assert plain == missing != serif


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Arial", "Arial, sans-serif"),
        ("'Open Sans', serif", "'Open Sans', serif, sans-serif"),
        ("Georgia, serif", "Georgia, serif"),
        ("Unknown, 'Courier New'", "Unknown, 'Courier New', monospace"),
        ("Unknown", "Unknown"),
    ],
)
def test_generic_families(value, expected):
    assert fonts.with_generic(value) == expected


def test_no_font_at_all_is_said(monkeypatch):
    monkeypatch.setattr(engines, "families", lambda: None)
    with pytest.raises(MissingDependencyError, match=r"expected a font for its text, got none installed .*apt install"):
        render_svg(svg('width="9" height="9"', "<text>a</text>"))
    assert render_svg(svg('width="9" height="9"', "<text> </text>")).size == (9, 9)


def test_families_are_those_of_the_machine(monkeypatch, tmp_path):
    monkeypatch.setattr("aikit._fonts._folders", lambda: [tmp_path])
    fonts.families.cache_clear()
    try:
        assert fonts.families() is None
        (tmp_path / "broken.ttf").write_bytes(b"no font")
        fonts.families.cache_clear()
        assert fonts.families() is None
    finally:
        fonts.families.cache_clear()


def test_the_language_is_english_and_lengths_have_a_size():
    switch = '<switch><rect width="9" height="9" fill="#0f0" systemLanguage="en"/><rect width="9" height="9" fill="#f00"/></switch>'
    assert render_svg(svg('width="9" height="9"', switch)).getpixel((4, 4)) == (0, 255, 0, 255)


# The renderers


def test_a_drawing_leaves_the_stacks_of_other_threads_as_they_were():
    before = threading.stack_size(1 << 20)
    try:
        render_svg(COLUMNS)
        assert threading.stack_size() == 1 << 20
    finally:
        threading.stack_size(before)


def test_errors_come_back_from_the_deep_stack():
    def level(count):
        return count and level(count - 1)

    assert engines.with_deep_stack(lambda: level(9), "a.svg") == 0
    with pytest.raises(LimitError, match=r"^a\.svg: expected fewer levels of elements, got more than Python's stack"):
        engines.with_deep_stack(lambda: level(50_000), "a.svg")
    with pytest.raises(KeyboardInterrupt, match=r"^$"):
        engines.with_deep_stack(lambda: (_ for _ in ()).throw(KeyboardInterrupt), "a.svg")


class PanicException(BaseException):
    """By this name alone a panic of Rust can be told from the end of the program."""


@pytest.mark.parametrize(
    ("raised", "expected", "message"),
    [
        (PanicException("index out of\n bounds"), FileFormatError, r"that resvg can draw, got 'index out of bounds'; "),
        (ValueError(), FileFormatError, r"that resvg can draw, got 'ValueError'; check the drawing"),
        (MemoryError("much"), MemoryError, "^much$"),
        (KeyboardInterrupt("now"), KeyboardInterrupt, "^now$"),
    ],
    ids=lambda case: type(case).__name__,
)
def test_what_resvg_raises(raised, expected, message, monkeypatch):
    import resvg_py

    def fail(**options):
        raise raised

    monkeypatch.setattr(resvg_py, "svg_to_bytes", fail)
    with pytest.raises(expected, match=message):
        render_svg(COLUMNS)


@pytest.mark.parametrize(
    ("raised", "expected", "message"),
    [
        (ValueError("no  number"), FileFormatError, r"that CairoSVG can draw, got 'no number'; "),
        (MemoryError("much"), MemoryError, "^much$"),
        (RecursionError("deep"), LimitError, "expected fewer levels of elements"),
        (LimitError("a", "b", "c", "d", limit="levels"), LimitError, "^a: expected b, got c; d"),
    ],
    ids=lambda case: type(case).__name__,
)
def test_what_cairosvg_raises(raised, expected, message, monkeypatch):
    from cairosvg import surface

    def fail(*arguments, **options):
        raise raised

    monkeypatch.setattr(surface, "PNGSurface", fail)
    with pytest.raises(expected, match=message):
        render_svg(COLUMNS, engine="cairosvg")


def test_cairosvg_is_given_what_is_embedded_and_nothing_else():
    assert engines._decode_embedded("data:image/png;base64,aGk=", "image/*") == b"hi"
    for url in (
        "https://example.org/a.png",
        "data:image/png,hi",
        "data:text/html;base64,aGk=",
        "data:image/png;base64",
    ):
        with pytest.raises(FileFormatError, match=r"^picture: expected a data URL, got '"):
            engines._decode_embedded(url, "image/*")


@both
def test_a_size_in_a_style_is_not_the_size_of_the_picture(engine):
    full = svg('width="20" height="10" style="width:7px;fill:#00f;height:3px"', '<rect width="20" height="10"/>')
    found = pixels(full, engine=engine)
    assert found.shape == (10, 20, 4)
    assert (found == (0, 0, 255, 255)).all()


# What is in a file


@pytest.mark.parametrize(
    "data",
    [
        svg('width="3" height="2"'),
        b"\xef\xbb\xbf" + svg('width="3" height="2"'),
        b'<?xml version="1.0" encoding="UTF-8"?>\n<!-- <x> -->\n<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" '
        b'"http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">\n' + svg('width="3" height="2"'),
        ('<?xml version="1.0" encoding="UTF-16"?>' + svg('width="3" height="2"').decode()).encode("utf-16"),
        b'<?xml version="1.0" encoding="ISO-8859-1"?>' + svg('id="é" width="3" height="2"').decode().encode("latin1"),
        gzip.compress(svg('width="3" height="2"')),
        gzip.compress(svg('width="3" height="2"')[:20]) + gzip.compress(svg('width="3" height="2"')[20:]),
        svg('width="3" height="2"', head=""),
        f'<s:svg xmlns:s="{source.SVG}" width="3" height="2"><s:g/></s:svg>'.encode(),
        b"  \n" + svg('width="3" height="2"'),
    ],
    ids="plain bom doctype utf-16 latin1 svgz two-members no-namespace prefix space".split(),
)
@both
def test_every_form_of_a_file_is_read(data, engine, tmp_path):
    assert render_svg(data, engine=engine).size == (3, 2)
    path = tmp_path / "drawing.svg"
    path.write_bytes(data)
    assert render_svg(path).size == render_svg(io.BytesIO(data)).size == read_pil(str(path)).size == (3, 2)


def test_a_drawing_without_namespace_is_drawn():
    bare = svg('width="2" height="2"', '<g><rect width="2" height="2" fill="#0f0"/></g>', head="")
    assert render_svg(bare).getpixel((1, 1)) == (0, 255, 0, 255)


@pytest.mark.parametrize(
    ("data", "code", "message"),
    [
        (b"<html/>", "unsupported_format", r"source: expected <svg> as the first element, got <html>"),
        (
            encode(Image.new("L", (2, 2)), "png"),
            "unsupported_format",
            r"expected an SVG, got PNG; read it with read_pil",
        ),
        (svg('width="3"')[:-3], "truncated", r"expected well-formed XML, got"),
        (svg('width="3"', "<g></p>"), "corrupt", r"expected well-formed XML, got 'Opening and ending tag mismatch"),
        (svg("x:y='1'"), "corrupt", r"Namespace prefix x"),
        (b"hello", "unsupported_format", r"expected well-formed XML"),
        (
            gzip.compress(svg("width='3'"), mtime=0)[:-12],
            "truncated",
            r"expected a whole gzip file, got one that is cut off",
        ),
        (gzip.compress(svg("width='3'"), mtime=0)[:-8] + b"junk" * 9, "corrupt", r"expected gzip data, got"),
        (b"<?xml version='1.0' encoding='nope'?><svg/>", "corrupt", r"Unsupported encoding"),
    ],
)
def test_what_is_no_svg_is_refused(data, code, message):
    for read in (render_svg, svg_info, sanitize_svg, svg_to_pdf):
        with pytest.raises(FileFormatError, match=message) as caught:
            read(data)
        assert caught.value.code == code


def test_every_cut_of_a_file_gives_an_error_of_ours():
    data = svg(
        'width="9" height="9"', '<style>a{b:url(#c)}</style><text x="1">é&amp;</text><path d="M0 0a1 1 0 01 2 2"/>'
    )
    for end in range(len(data)):
        with pytest.raises((FileFormatError, LimitError), match="expected"):
            render_svg(data[:end])


@given(st.binary(max_size=60))
def test_random_bytes_give_an_error_of_ours(data):
    for start in (b"", b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'>", b"\x1f\x8b\x08\0\0\0\0\0"):
        try:
            render_svg(start + data)
        except aikit.AikitError as error:
            assert ": expected" in str(error)  # noqa: PT017 - that it may also be drawn is the point


def test_changed_bytes_give_a_picture_or_an_error_of_ours():
    rng = random.Random(5)
    data = bytearray(
        svg('viewBox="0 0 9 9"', '<g fill="url(#a)"><path d="M1 1h3v3z"/><use href="#b"/></g><g id="b" opacity=".5"/>')
    )
    for _ in range(300):
        changed = bytearray(data)
        for _ in range(rng.randint(1, 3)):
            changed[rng.randrange(len(changed))] = rng.randrange(256)
        try:
            image = render_svg(bytes(changed), width=9, height=9, engine=rng.choice(ENGINES))
        except aikit.AikitError:
            continue
        assert image.size == (9, 9)


@pytest.mark.parametrize("read", [render_svg, svg_info, sanitize_svg, svg_to_pdf])
def test_sources_are_paths_bytes_and_files(read, tmp_path):
    with pytest.raises(FileAccessError, match=r"no\.svg: expected a readable file"):
        read(tmp_path / "no.svg")
    with pytest.raises(InputTypeError, match=r"got the URL 'https://example\.org/a\.svg'"):
        read("https://example.org/a.svg")
    with pytest.raises(LimitError, match=r"expected at most 10 bytes, got "):
        read(COLUMNS, limits=Limits(max_bytes=10))
    with pytest.raises(LimitError, match=r"expected at most 1000 bytes unpacked, got"):
        read(gzip.compress(svg("width='9' height='9'", " " * 500_000)), limits=Limits(max_bytes=1000))


# PDF


def test_a_pdf_has_the_size_and_the_text():
    pdf = svg_to_pdf(svg('width="1in" height="0.5in"', '<text y="20" font-size="20">Hallo</text>'))
    assert pdf.startswith(b"%PDF-")
    assert pdf.rstrip().endswith(b"%%EOF")
    assert b"72 36" in pdf  # the page in points
    # The font goes along, so that the letters can be selected and copied.
    assert b"/Font" in pdf
    assert b"/ToUnicode" in pdf
    drawn_only = svg_to_pdf(svg('width="1in" height="0.5in"', "<path d='M0 0h9v9'/>"))
    assert b"/ToUnicode" not in drawn_only


def test_a_pdf_needs_a_size():
    with pytest.raises(InputValueError, match="got neither"):
        svg_to_pdf(svg(""))
    assert b"30 15" in svg_to_pdf(svg('viewBox="0 0 40 20"'))


class NoCairo(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name == "cairosvg":
            raise OSError('no library called "cairo-2" was found')


@pytest.mark.parametrize("call", [svg_to_pdf, lambda data: render_svg(data, engine="cairosvg")])
def test_a_machine_without_cairo_is_told_what_to_install(call, monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "cairosvg"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [NoCairo(), *sys.meta_path])
    with pytest.raises(
        MissingDependencyError, match=r"system's cairo library .*apt install libcairo2.*engine=\"resvg\""
    ):
        call(COLUMNS)
    assert render_svg(COLUMNS).size == (20, 10)


# What it holds


def test_info():
    found = svg_info(
        svg(
            'width="1in" viewBox="0 0 4 2"',
            "<title> My\n drawing</title><style>a{font-family:'B C',serif}</style><g><text font-family='A, serif'>x</text>"
            f"<text style='font-family:D'>y</text><image href='{aikit.files.to_data_url(Image.new('L', (2, 2)))}'/></g><script/>",
        )
    )
    assert (found.width, found.height, found.view_box, found.title) == (96, 48, (0, 0, 4, 2), "My drawing")
    assert (found.elements, found.depth, found.pictures) == (7, 3, 1)
    assert found.fonts == ("B C", "serif", "A", "D")
    assert found.removed == ("<script>",)
    assert svg_info(svg("")).width is None
    assert svg_info(gzip.compress(COLUMNS)).bytes == len(gzip.compress(COLUMNS))


# The readers


def test_readers_take_svg():
    expected = pixels(COLUMNS)
    np.testing.assert_array_equal(np.asarray(read_pil(COLUMNS)), expected)
    np.testing.assert_array_equal(read_numpy(COLUMNS), expected)
    np.testing.assert_array_equal(read_cv2(COLUMNS), expected[..., [2, 1, 0, 3]])
    np.testing.assert_array_equal((read_tensor(COLUMNS).permute(1, 2, 0) * 255).round().byte().numpy(), expected)
    (only,) = read_frames(gzip.compress(COLUMNS))
    np.testing.assert_array_equal(np.asarray(only), expected)


def test_readers_say_what_an_svg_lacks():
    with pytest.raises(
        InputValueError, match=r"^frame: expected 0 to 0, got 1; source is an SVG, which has 1 frame\.$"
    ):
        read_numpy(COLUMNS, frame=1)
    with pytest.raises(InputValueError, match=r"source: expected a width and height or a viewBox"):
        read_pil(svg(""))
    with pytest.raises(FileFormatError, match=r"expected one of the formats png, got svg"):
        read_pil(COLUMNS, limits=Limits(formats={"png"}))
    assert read_pil(COLUMNS, limits=Limits(formats={"svg"})).size == (20, 10)


# Boxes of elements


def random_path(rng):
    def number():
        return round(rng.uniform(-30, 60), 1)

    parts = [f"M{number()} {number()}"]
    for _ in range(rng.randint(1, 6)):
        command = rng.choice("LlHhVvCcSsQqTtAaZm")
        counts = {"l": 2, "m": 2, "h": 1, "v": 1, "c": 6, "s": 4, "q": 4, "t": 2, "z": 0}
        if command in "Aa":
            parts.append(
                f"{command}{abs(number())},{abs(number()) + 0.1} {number()} {rng.randint(0, 1)}{rng.randint(0, 1)}"
                f"{number()},{number()}"
            )
        else:
            parts.append(command + " ".join(str(number()) for _ in range(counts[command.lower()] * rng.randint(1, 2))))
    return "".join(parts)


@pytest.mark.parametrize("seed", range(60))
def test_no_shape_reaches_beyond_its_box(seed):
    rng = random.Random(seed)
    inner = f'<path id="p" d="{random_path(rng)}"/><circle cx="9" cy="{rng.randint(-9, 30)}" r="7"/>'
    turned = (
        f'<g transform="rotate({rng.randint(0, 90)} 5 7) scale(.{rng.randint(3, 9)})">{inner}</g><use href="#p" x="7"/>'
    )
    drawing = svg('viewBox="-300 -300 600 600"', f'<g id="g">{turned}</g>')
    root = source.parse(drawing)
    ids = {element.get("id"): element for element in root.iter()}
    boxes = geometry.Boxes(ids, lambda one: geometry.parse_transform(one.get("transform", "")), None, 0.0, 16.0, True)
    left, top, right, bottom = boxes.of(ids["g"])
    drawn = render_svg(drawing, width=600).getbbox()
    assert drawn is not None
    assert left - 1.5 <= drawn[0] - 300
    assert top - 1.5 <= drawn[1] - 300
    assert drawn[2] - 300 <= right + 1.5
    assert drawn[3] - 300 <= bottom + 1.5


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("translate(3)", (1, 0, 0, 1, 3, 0)),
        ("scale(2,3)translate(1 1)", (2, 0, 0, 3, 2, 3)),
        ("rotate(90)", (0, 1, -1, 0, 0, 0)),
        ("rotate(90, 10, 0)", (0, 1, -1, 0, 10, -10)),
        ("skewX(45)", (1, 0, 1, 1, 0, 0)),
        ("skewY(45)", (1, 1, 0, 1, 0, 0)),
        ("matrix(1 2 3 4 5 6)", (1, 2, 3, 4, 5, 6)),
        ("nonsense(3) scale()", (1, 0, 0, 1, 0, 0)),
    ],
)
def test_transforms(text, expected):
    assert geometry.parse_transform(text) == pytest.approx(expected, abs=1e-12)


# The command


@pytest.fixture
def run(capsys):
    def call(*arguments):
        try:
            status = main([str(argument) for argument in arguments])
        except SystemExit as end:
            status = end.code
        return status, *capsys.readouterr()

    return call


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("a.svg").write_bytes(COLUMNS)
    Path("bad.svg").write_bytes(svg('width="9" height="9" onload="x()"', "<script/><script/>"))
    return tmp_path


def test_render(run, folder):
    assert run("svg", "render", "a.svg", "a.png", "--width", 40) == (0, "a.png: 40x20\n", "")
    np.testing.assert_array_equal(read_numpy("a.png"), pixels(COLUMNS, width=40))
    assert run("svg", "render", "a.svg", "a.png")[0] == 2
    status, _, err = run("svg", "render", "a.svg", "b.jpg")
    assert status == 2
    assert "pass --background white" in err
    assert run("svg", "render", "a.svg", "b.jpg", "--background", "white", "--scale", "2")[:2] == (0, "b.jpg: 40x20\n")
    assert read_pil("b.jpg").mode == "RGB"
    assert run("svg", "render", "a.svg", "a.png", "--overwrite", "--engine", "cairosvg")[0] == 0
    assert read_pil("a.png").size == (20, 10)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["render", "a.svg", "x.png", "--width", "0"], r"--width: expected at least 1 pixel, got 0"),
        (["render", "a.svg", "x.png", "--engine", "ie"], r"--engine: expected"),
        (["render", "a.svg", "x.png", "--background", "#12"], r"--background: expected a CSS color"),
        (["render", "a.svg", "x.xyz"], r"OUT: expected one of png, "),
        (["render", "no.svg", "x.png"], r"no\.svg: expected a readable file"),
        (["pdf", "a.svg", "a.svg"], r"a\.svg: expected no file there, got one; pass --overwrite"),
        (["sanitize", "a.svg", "a.svg"], r"a\.svg: expected no file there, got one; pass --overwrite"),
    ],
)
def test_mistakes_write_nothing(run, folder, arguments, message):
    import re

    before = {path: path.read_bytes() for path in folder.iterdir()}
    status, out, err = run("svg", *arguments)
    assert (status, out) == (2, "")
    assert re.match(f"aikit svg: {message}", err)
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_pdf_sanitize_and_info(run, folder):
    assert run("svg", "pdf", "a.svg", "a.pdf") == (0, "", "")
    assert Path("a.pdf").read_bytes().startswith(b"%PDF")
    removed = "removed attribute onload, <script> (2 times)"
    assert run("svg", "sanitize", "bad.svg", "good.svg") == (0, f"good.svg: {removed}\n", "")
    assert run("svg", "sanitize", "good.svg", "good.svg", "--overwrite")[1] == "good.svg: nothing had to be removed\n"
    status, out, err = run("svg", "info", "a.svg", "bad.svg", "a.pdf")
    assert status == 1
    assert out.splitlines()[0] == "a.svg: 20x10 px; 5 elements"
    assert out.splitlines()[1] == "bad.svg: 9x9 px; 1 elements; unsafe: attribute onload, <script> (2 times)"
    assert err.startswith("aikit svg: a.pdf: expected well-formed XML")
    (row, *_) = json.loads(run("svg", "info", "--json", "a.svg")[1])
    assert (row["width"], row["elements"]) == (20, 5)


def test_info_and_convert_take_svg(run, folder):
    (row,) = json.loads(run("info", "--json", "a.svg")[1])
    assert (row["format"], row["width"], row["height"], row["mode"], row["alpha_used"]) == (
        "svg",
        20,
        10,
        "RGBA",
        False,
    )
    assert run("convert", "a.svg", "a.webp", "--lossless")[0] == 0
    np.testing.assert_array_equal(read_numpy("a.webp")[..., :3], pixels(COLUMNS)[..., :3])


@pytest.mark.parametrize("action", [[], ["render"], ["pdf"], ["sanitize"], ["info"]])
def test_help_fits_a_terminal(run, monkeypatch, action):
    monkeypatch.setenv("COLUMNS", "80")
    status, out, err = run("svg", *action, "--help")
    assert (status, err) == (0, "")
    assert max(map(len, out.splitlines())) <= 80


def test_what_is_removed_is_logged(caplog):
    with caplog.at_level(logging.INFO, "aikit"):
        render_svg(svg('width="9" height="9"', "<script/>"))
        render_svg(COLUMNS)
    assert [record.getMessage() for record in caplog.records] == ["source: removed <script>"]


@pytest.mark.parametrize(
    ("width", "height", "options"),
    [("1e-320", "1e308", {"width": 64}), ("1e308", "4", {"scale": 20}), ("1e308", "1e308", {})],
)
def test_sizes_beyond_floats_are_refused(width, height, options):
    data = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}"/>'.encode()
    with pytest.raises(LimitError, match=r"^source: expected"):
        render_svg(data, **options)
