"""svg_paths: where the shapes of a document lie and what they are drawn with. The oracle is resvg's picture of it."""

import gzip
import io
import math
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import aikit
from aikit import FileFormatError, InputTypeError, LimitError, Limits, new_svg, open_svg
from aikit.svg import SvgPath, svg_paths

SAMPLES = Path(os.environ.get("AIKIT_SAMPLES", Path(__file__).parents[2] / "shared" / "samples")) / "svg"
NAMESPACES = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'


def document(content, attributes='width="100" height="80"'):
    return f"<svg {NAMESPACES} {attributes}>{content}</svg>".encode()


def by_resvg(data, scale=4):
    """The document as resvg itself draws it, four pixels to one, premultiplied."""
    import resvg_py

    png = resvg_py.svg_to_bytes(svg_string=data.decode(), dpi=96, languages=["en"], zoom=scale)
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGBa")).astype(int)


def redrawn(data, height, width, scale=4):
    """A document of nothing but the paths, drawn by resvg."""
    svg = new_svg(width=width / scale, height=height / scale)
    for path in svg_paths(data):
        svg.add(path)
    return by_resvg(svg.encode(), scale)


def assert_same_picture(data, scale=4):
    expected = by_resvg(data, scale)
    found = redrawn(data, *expected.shape[:2], scale)
    assert found.shape == expected.shape
    apart = np.abs(found - expected).max(axis=-1)
    # resvg flattens the same outline a little differently as an arc and as cubics: single pixels of an edge.
    assert (apart > 64).mean() < 0.002
    assert apart.mean() < 0.3


# ---------------------------------------------------------------- where they lie

RECT = '<rect x="2" y="1" width="5" height="3"/>'
CASES = {
    # The size of the document and its viewBox.
    "width only": document(RECT, 'width="48" viewBox="0 0 24 12"'),
    "height only": document(RECT, 'height="48" viewBox="0 0 24 12"'),
    "viewBox only": document(RECT, 'viewBox="1 -1 24 12"'),
    "percent": document(RECT, 'width="50%" viewBox="0 0 24 12"'),
    "millimetres": document(RECT, 'width="25.4mm" height="12.7mm" viewBox="1 1 10 5"'),
    "letterboxed": document(RECT, 'width="48" height="48" viewBox="0 0 24 12"'),
    "stretched": document(RECT, 'width="48" height="48" viewBox="0 0 24 12" preserveAspectRatio="none"'),
    "slice": document(RECT, 'width="48" height="48" viewBox="0 0 24 12" preserveAspectRatio="xMinYMax slice"'),
    "to the right": document(RECT, 'width="50" height="20" viewBox="0 0 10 10" preserveAspectRatio="xMaxYMid meet"'),
    "at the bottom": document(RECT, 'width="48" height="48" viewBox="0 0 24 12" preserveAspectRatio="xMinYMax"'),
    "transformed": document(RECT, 'width="48" height="24" transform="rotate(10)"'),
    # Transforms.
    "groups": document(f'<g transform="translate(30)"><g transform="rotate(20) scale(3,2)">{RECT}</g></g>'),
    "all kinds": document(f'<g transform="skewX(30),skewY(-10) translate(5)matrix(2 0 .5 3 1 1)">{RECT}</g>'),
    "around a point": document(f'<g transform="rotate(30 20 7)">{RECT}</g>'),
    "by style": document(f'<g style="transform: scale(2) translate(3px, 1px)">{RECT}</g>'.replace("px", "")),
    "origin": document('<g transform="scale(2)" transform-origin="10 10"><rect x="9" y="8" width="5" height="5"/></g>'),
    "origin in the middle": document(
        '<rect transform="scale(.5)" transform-origin="center" x="9" y="8" width="50" height="40"/>'
    ),
    "no transform": document(f'<g transform="matrix(1,2,3)">{RECT}</g><g transform="scale(3) turn(5)">{RECT}</g>'),
    "to nothing": document(f'<g transform="scale(0)">{RECT}</g>'),
    # Viewports.
    "nested": document('<svg x="10" y="20" width="50" height="30" viewBox="0 0 10 10"><rect width="10" height="10"/></svg>'),
    "nested whole": document('<svg x="10" y="20" viewBox="0 0 9 9" overflow="visible"><rect width="50%" height="9"/></svg>'),
    "nested turned": document(
        '<svg x="10" width="50" height="30" transform="rotate(20)" viewBox="0 0 9 9" overflow="visible">'
        '<rect width="9" height="5"/></svg>'
    ),
    "symbol": document(
        '<symbol id="a" viewBox="0 0 10 10"><rect width="10" height="5"/></symbol><use href="#a" x="5" width="20" height="40"/>'
    ),
    "symbol whole": document(
        '<symbol id="a" viewBox="0 0 20 10" overflow="visible" x="3" width="20"><rect width="7" height="5"/></symbol>'
        '<use href="#a"/>'
    ),
    "symbol moved": document(
        '<symbol id="a" transform="scale(2)" fill="red"><rect width="10" height="5"/></symbol><use href="#a" x="5" y="50%"/>'
    ),
    "used svg": document(
        '<svg id="a" width="10" height="10" viewBox="0 0 5 5"><rect width="5" height="5"/></svg>'
        '<use href="#a" x="15" width="20" height="20"/>'
    ),
    "used svg in a symbol": document(
        '<symbol id="a" viewBox="0 0 20 20"><svg x="3" y="2" width="8" height="5" viewBox="0 0 4 5"><rect width="4" height="5"/></svg>'
        '</symbol><use href="#a" width="40" height="60"/>'
    ),
    "used of two": document(
        '<defs><rect id="a" width="8" height="4"/><rect id="a" width="4" height="8"/></defs><use href="#a" x="5"/>'
    ),
    "used group": document(
        '<g id="a" transform="scale(2)"><svg width="5" height="4" overflow="visible"><rect width="50%" height="9"/></svg></g>'
        '<use href="#a" x="15" width="20" height="20"/>'
    ),
    # <use>.
    "used from defs": document('<use xlink:href="#b" y="9" transform="rotate(9)"/><defs><rect id="b" width="8" height="4"/></defs>'),
    "used twice": document(f'<g id="a" fill="red">{RECT}</g><use id="b" href="#a" x="9" fill="blue"/><use href="#b" y="9"/>'),
    "used unknown": document('<use href="#nope"/><use href="other.svg#a"/><use/><use href="#"/><use href="xa" x="9"/>' f'<g id="a">{RECT}</g>'),
    "used in itself": document(f'<g id="c" opacity=".5"><use href="#c"/>{RECT}</g>'),
    # Shapes.
    "rect": document('<rect x="5%" y="10%" width="50%" height="20"/><rect width="-3" height="6"/><rect width="3"/>'),
    "round rects": document(
        '<rect width="40" height="26" x="3" y="2" rx="20" ry="5"/><rect width="40" height="26" x="50" ry="5"/>'
        '<rect y="40" width="10" height="6" rx="20"/><rect y="40" x="20" width="20" height="16" rx="0" ry="4"/>'
        '<rect y="40" x="60" width="20" height="16" rx="-3"/><rect y="60" width="20" height="16" rx="10%"/>'
    ),
    "circles": document('<circle cx="50%" cy="50%" r="20%"/><circle cx="9" cy="9" r="7"/><circle r="-1"/><circle/>'),
    "ellipses": document('<ellipse cx="20" cy="20" rx="15" ry="9"/><ellipse cx="60" cy="20" rx="9"/><ellipse rx="0" ry="5"/>'),
    "units": document('<rect x="1mm" y="2pt" width="2em" height="1cm"/>'),
    "lines": document('<g stroke="red" stroke-width="3"><line x1="9" y1="5" x2="50%" y2="30"/><polyline points="5,40 30,60,40 45" fill="none"/></g>'),
    "polygons": document('<polygon points="0 0 10 0 10 10 20"/><polygon points="5"/><polygon points="30,5 60,5 45-20e0"/>'),
    "path": document('<path d="M10 10a30 10 45 0 1 60 40a1 1 0 0 1-20 3z M20 20h9v9h-9z" fill-rule="evenodd"/>'),
    "smooth": document('<path d="M10 10q30 0 30 30t30 30s10 10-60-20" fill="none" stroke="black"/>'),
    "broken paths": document('<path d="M5 5L50 5L50 50 X 5 5L90 90"/><path d="M60 5H80V30L9"/><path d="L10 10"/><path/>'),
    "arcs squeezed": document(
        '<g transform="scale(2,1) rotate(20)"><path d="M20 0A20 8 30 1 1 10 30A5 5 0 0 0 20 0z"/></g>'
    ),
    # What is not drawn.
    "not drawn": document(
        f'<defs>{RECT}</defs><symbol>{RECT}</symbol><clipPath>{RECT}</clipPath><marker>{RECT}</marker><pattern>{RECT}</pattern>'
        f'<mask>{RECT}</mask><g display="none">{RECT}</g><foreignObject>{RECT}</foreignObject><unknown>{RECT}</unknown>'
        f'<x:g xmlns:x="urn:x">{RECT}</x:g><title>{RECT}</title><g style="display:none">{RECT}</g><text>t</text>'
    ).replace(b">t<", b"><"),
    "visibility": document('<g visibility="hidden"><rect width="9" height="9"/><rect visibility="visible" width="5" height="5"/></g>'),
    "switch": document(
        '<switch><rect systemLanguage="de" width="5" height="5"/><rect systemLanguage="fr, en-US" width="7" height="7"/>'
        '<rect width="9" height="9"/></switch><switch><rect requiredExtensions="urn:x" width="50" height="5"/></switch>'
    ),
    "link": document(f'<a href="x">{RECT}</a>'),
    # Paint.
    "inherited": document(
        '<g fill="red" stroke="blue" stroke-width="3"><rect x="5" y="5" width="20" height="30"/>'
        '<rect x="40" y="5" width="20" height="30" fill="inherit" stroke="none" opacity=".5"/></g>'
    ),
    "current color": document(
        '<g fill="currentColor" color="teal"><rect width="30" height="40"/><g color="gold"><rect x="40" width="30" height="40"/></g></g>'
    ),
    "style sheet": document(
        '<style>.a, .b{fill:red;stroke:blue;stroke-width:3} #z.b{fill:lime!important} g > rect{opacity:.5}</style>'
        '<g><rect class="a" x="5" width="20" height="40"/><rect class="b" id="z" style="fill:black" x="40" width="30" height="40"/></g>'
    ),
    "style over attribute": document('<rect width="9" height="9" fill="red" style="fill: blue !important; fill: lime"/>'),
    "strokes": document(
        '<g transform="scale(2) rotate(10)" stroke="red" fill="none" stroke-width="10%" stroke-dasharray="8 6" stroke-dashoffset="1"'
        ' stroke-linecap="round" stroke-linejoin="bevel"><path d="M15 10H40V30"/></g>'
    ),
    "opacities": document(f'<g opacity="50%" fill="red" fill-opacity=".5"><g opacity=".6">{RECT}</g></g>'),
}  # fmt: skip


@pytest.mark.parametrize("data", CASES.values(), ids=CASES)
def test_the_paths_are_where_resvg_draws_the_shapes(data):
    assert_same_picture(data)


@pytest.mark.parametrize(
    "name",
    ["feather-camera", "feather-settings", "feather-globe", "palette", "filetype-svg", "flag-lk", "flag-af", "flag-br"],
)
def test_real_icons_are_redrawn_from_their_paths(name):
    path = SAMPLES / f"{name}.svg"
    if not path.exists():
        pytest.skip("the sample icons are not here")
    assert_same_picture(path.read_bytes(), scale=8 if "flag" not in name else 1)


@pytest.mark.parametrize(
    "name",
    [
        "groups",
        "letterboxed",
        "millimetres",
        "nested",
        "symbol",
        "round rects",
        "circles",
        "arcs squeezed",
        "style sheet",
    ],
)
def test_bbox_agrees_with_alpha_bbox(name):
    data = CASES[name].replace(b"stroke:blue", b"")
    boxes = np.array([path.bbox for path in svg_paths(data)])
    picture = aikit.render_svg(data) if hasattr(aikit, "render_svg") else open_svg(data).render()
    left, top = np.maximum(boxes[:, :2].min(axis=0), 0)
    right, bottom = np.minimum(boxes[:, 2:].max(axis=0), picture.size)
    found = aikit.alpha.alpha_bbox(picture)
    # A pixel of which less than 1/510 is covered stays clear.
    assert found == pytest.approx((math.floor(left), math.floor(top), math.ceil(right), math.ceil(bottom)), abs=1)


# ---------------------------------------------------------------- measures of shapes


def only(content, **options):
    (path,) = svg_paths(document(content), **options)
    return path


def test_a_circle_under_a_group():
    circle = only('<g transform="scale(3)"><circle cx="5" cy="6" r="2"/></g>')
    assert circle.length == pytest.approx(2 * math.pi * 6, rel=5e-6)  # as an arc's eight cubics are
    assert circle.bbox == pytest.approx((9, 12, 21, 24))
    assert circle.closed


def test_an_ellipse_is_as_long_as_its_integral_says():
    from scipy.special import ellipe

    ellipse = only('<circle r="1" transform="scale(10, 3)"/>')
    assert ellipse.length == pytest.approx(40 * ellipe(1 - 0.09), rel=5e-6)


def test_a_round_rect():
    rect = only('<rect x="5" y="5" width="50" height="30" rx="4"/>')
    assert rect.length == pytest.approx(2 * (42 + 22) + 8 * math.pi, rel=5e-6)
    assert rect.bbox == (5, 5, 55, 35)
    assert rect.subpaths[0].straight.count(True) == 4
    assert only('<rect width="10" height="10" rx="5"/>').subpaths[0].straight.count(True) == 0


@pytest.mark.parametrize("radii", ['rx="0" ry="4"', 'rx="-3"', 'ry="-3"', 'rx="auto"', ""])
def test_a_rect_without_both_radii_is_not_round(radii):
    assert only(f'<rect width="9" height="5" {radii}/>').d == "M0 0L9 0L9 5L0 5Z"


@pytest.mark.parametrize(
    "shape",
    [
        '<rect width="-3" height="6"/>', '<rect width="3"/>', '<circle cx="5"/>', '<circle r="-2"/>', '<ellipse rx="0" ry="5"/>',
        "<path/>", '<polygon points="5 5"/>', "<polyline/>",
    ],
)  # fmt: skip
def test_shapes_without_a_size_are_not_there(shape):
    assert svg_paths(document(shape)) == []


def test_shapes_start_where_the_standard_says():
    assert only(RECT).d == "M2 1L7 1L7 4L2 4Z"
    assert only('<circle cx="5" cy="6" r="2"/>').points(4) == pytest.approx(np.array([[7, 6], [5, 8], [3, 6], [5, 4]]))
    assert only('<rect width="9" height="9" rx="2"/>').points(1).tolist() == [[2, 0]]
    assert only('<line x2="3" y1="1"/>').d == "M0 1L3 0"
    assert not only('<polyline points="1 2 3 4 5 0"/>').closed
    assert only('<polygon points="1 2 3 4 5 0"/>').closed


# ---------------------------------------------------------------- what they are drawn with


def test_paint_is_kept():
    path = only(
        '<g fill="url(#a)" stroke="red" stroke-width="2" transform="scale(3)" opacity=".5" font-size="3">'
        '<path id="p" d="M0 0H5" fill-rule="evenodd" stroke-linecap="round" style="opacity:.5" class="c" data-x="1"/></g>'
    )
    assert dict(path.attributes) == {
        "id": "p",
        "fill": "url(#a)",
        "fill-rule": "evenodd",
        "stroke": "red",
        "stroke-linecap": "round",
        "stroke-width": "6",
        "opacity": "0.25",
    }
    assert (path.id, path.fill, path.stroke) == ("p", "url(#a)", "red")


def test_current_color_stays_where_no_color_is_named():
    icon = document('<path d="M0 0H5"/>', 'viewBox="0 0 24 24" fill="none" stroke="currentColor"')
    (path,) = svg_paths(icon)
    assert (path.fill, path.stroke) == ("none", "currentColor")


def test_shapes_come_in_drawing_order():
    ids = [path.id for path in svg_paths(document(
        '<rect id="a" width="1" height="1"/><g><rect id="b" width="1" height="1"/><use href="#a"/></g><rect id="c" width="1" height="1"/>'
    ))]  # fmt: skip
    assert ids == ["a", "b", "a", "c"]


# ---------------------------------------------------------------- sources


def test_every_source_gives_the_same(tmp_path):
    data = CASES["groups"]
    (tmp_path / "a.svg").write_bytes(data)
    (tmp_path / "a.svgz").write_bytes(gzip.compress(data))
    sources = data, tmp_path / "a.svg", str(tmp_path / "a.svgz"), io.BytesIO(data), open_svg(data)
    assert {svg_paths(source)[0].d for source in sources} == {svg_paths(data)[0].d}


def test_an_edited_document_gives_its_paths():
    svg = new_svg(width=10, height=10)
    svg.add("g", transform="translate(3)").add("rect", width=4, height=5, fill="teal")
    (path,) = svg_paths(svg)
    assert isinstance(path, SvgPath)
    assert (path.bbox, path.fill) == ((3, 0, 7, 5), "teal")
    svg.find("rect").remove()
    assert svg_paths(svg) == []


def test_entities_are_resolved():
    data = b'<!DOCTYPE svg [<!ENTITY d "M0 0H5">]>' + document('<path d="&d;"/>')
    assert svg_paths(data)[0].d == "M0 0L5 0"


def test_the_source_is_not_changed():
    svg = open_svg(CASES["style sheet"])
    svg_paths(svg)
    assert svg.encode() == CASES["style sheet"]


# ---------------------------------------------------------------- hostile and broken files


def test_use_cannot_multiply_without_end(monkeypatch):
    monkeypatch.setattr("aikit.svg.paths._MOST_REUSED", 20_000)
    levels = "".join(f'<g id="a{n}">' + f'<use href="#a{n - 1}"/>' * 10 + "</g>" for n in range(1, 9))
    with pytest.raises(LimitError, match=r"source: expected <use> to draw at most 1000 elements or 20000 curves"):
        svg_paths(document(f'<path id="a0" display="none" d="M0 0h1v1z"/>{levels}'))
    long = "M0 0" + "h1" * 2000
    with pytest.raises(LimitError, match=r"or 20000 curves, got more"):
        svg_paths(document(f'<defs><path id="a" d="{long}"/></defs>' + '<use href="#a"/>' * 11))


def test_a_deep_chain_of_use_needs_no_deep_stack():
    chain = "".join(f'<g id="a{n}"><use href="#a{n + 1}" x="1"/></g>' for n in range(3000))
    (path,) = svg_paths(document(f'<defs>{chain}<rect id="a3000" width="1" height="1"/></defs><use href="#a0"/>'))
    assert path.bbox == (3000, 0, 3001, 1)


def test_circles_of_use_end():
    content = f'<g id="a"><use href="#b"/>{RECT}</g><g id="b"><use href="#a"/>{RECT}</g>'
    # resvg refuses such a file; the shapes that are there are drawn, and each group once more in the other.
    assert len(svg_paths(document(content))) == 4


def test_numbers_beyond_a_float_are_left_out(caplog):
    paths = svg_paths(document(f'<path d="M0 0L1e999 5"/><polygon points="0 0 1e999 5 9 9"/>{RECT}'))
    assert [path.d for path in paths] == ["M2 1L7 1L7 4L2 4Z"]
    assert caplog.text.count("a subpath is left out") == 2
    twice = f'<g transform="scale(1e200)"><g transform="scale(1e200)">{RECT}</g></g>'
    assert svg_paths(document(twice)) == []
    assert svg_paths(document(f'<g transform="scale(1e200)">{RECT.replace("2", "1e200")}</g>')) == []
    assert caplog.text.count("a shape is left out: transform: expected") == 2


def test_a_transform_that_is_none_is_logged(caplog):
    svg_paths(document(f'<g transform="turn(5)">{RECT}</g>'))
    assert "the transform 'turn(5)' is none and is left out" in caplog.text


@pytest.mark.parametrize(
    ("source", "kind", "message"),
    [
        (b"<html/>", FileFormatError, r"source: expected <svg> as the first element"),
        (b"<svg", FileFormatError, r"source: expected well-formed XML"),
        (5, InputTypeError, r"source: expected a path, bytes or a binary file, got int"),
        ([RECT], InputTypeError, r"source: expected a path, bytes or a binary file, got list"),
    ],
)
def test_what_is_no_svg_is_refused(source, kind, message):
    with pytest.raises(kind, match=message):
        svg_paths(source)


def test_limits_hold():
    with pytest.raises(LimitError, match=r"at most 50 bytes"):
        svg_paths(CASES["groups"], limits=Limits(max_bytes=50))


def test_a_document_without_shapes_has_no_paths():
    # resvg draws it as if there were no viewBox; SVG 2, section 8.2, says that it is not drawn.
    assert svg_paths(document(f'<svg width="0" height="30" viewBox="0 0 9 9">{RECT}</svg>')) == []
    assert svg_paths(document("")) == []
    assert svg_paths(b"<svg/>") == []
    assert svg_paths(document(RECT, ""))[0].bbox == (2, 1, 7, 4)


@pytest.mark.parametrize(
    ("sheet", "message"),
    [
        ("g " * 60 + "rect{fill:red}", r"selectors worth at most 10 s of matching, got more"),
        ("g ~ " * 60 + "rect{fill:red}", r"selectors worth at most 10 s of matching, got more"),
        (f"{':is(' * 500}g{')' * 500}{{fill:red}}", r"selectors that nest some ten levels, got more|fewer levels"),
        (f"{':not(' * 150}g{')' * 150}{{fill:red}}", r"selectors that nest some ten levels, got more"),
        (":has(*)" * 9 + "{fill:red}", r"selectors worth at most 10 s of matching, got more"),
        (f"a{{b:{'(' * 20_000}}}", r"fewer levels"),
    ],
    ids="descendants siblings is not has values".split(),
)
@pytest.mark.parametrize("limits", [None, Limits()], ids=["trusted", "limits"])
def test_selectors_without_end_are_refused(sheet, message, limits):
    groups = f'{"<g>" * 59}<rect width="9" height="9"/>{"<g/>" * 60}{"</g>" * 59}'
    data = document(f"<style>{sheet}</style>{groups}")
    with pytest.raises(LimitError, match=f"^source: expected ({message})"):
        svg_paths(data, limits=limits)


def test_a_comment_hides_no_selector():
    data = document(f"<style>/*{{*/ {'g /**/' * 60} rect{{}}</style>{'<g>' * 59}<rect/>{'</g>' * 59}")
    with pytest.raises(LimitError, match=r"^source: expected selectors worth at most 10 s of matching"):
        svg_paths(data)


def test_the_sheet_of_a_large_flowchart_is_within_the_measure():
    rules = "".join(f"#chart .node{n} rect,#chart .node{n} g .label text{{fill:#{n:06x}}}" for n in range(200))
    nodes = "".join(
        f'<g class="node{n % 200}"><g><g><rect width="{n % 7 + 1}" height="9"/><g class="label"><text>a</text></g></g></g></g>'
        for n in range(400)
    )
    found = svg_paths(document(f'<style>{rules}</style><g id="chart">{nodes}</g>'))
    assert [path.fill for path in found] == [f"#{n % 200:06x}" for n in range(400)]


def test_comments_and_instructions_between_the_shapes_are_no_elements():
    data = document(
        '<!-- a --><?b c?><style>rect{fill:red}<!-- d --></style><g><!-- e --><rect width="3" height="9"/><?f?></g>'
    )
    assert [path.fill for path in svg_paths(data)] == ["red"]
