"""Smaller SVGs, pictures as shapes, the text of diagrams."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import aikit
from aikit import InputTypeError, InputValueError, MissingDependencyError
from aikit.svg import svg_paths, trace
from aikit.svg.shorten import digits_for, shorten_numbers, shorten_path
from aikit.svg.subpaths import read_d
from svg_oracle import documents

# Numbers and paths


@pytest.mark.parametrize(
    ("error", "digits"), [(0.5, 0), (0.05, 1), (0.01, 2), (0.005, 2), (0.0049, 3), (1e-6, 6), (100, 0)]
)
def test_so_many_digits_keep_the_error(error, digits):
    assert digits_for(error) == digits
    assert 0.5 * 10.0**-digits <= error or digits == 9


@pytest.mark.parametrize(
    ("d", "expected"),
    [
        ("M 1.00001 2 L 3.5 0.500", "M1 2L3.5.5"), ("M0,0 L 10,-0.5 L -0.25 -.1", "M0 0L10-.5-.25-.1"),
        ("m 1 1 l 0.333 0.333 0.333 0.333 0.334 0.334 z", "m1 1l.33.33.34.34.33.33z"), ("M0 0H10V 5.004h-1.006v1", "M0 0H10V5h-1.01v1"),
        ("M0 0a5.001 5 0 0 1 3 4", "M0 0a5 5 0 0 1 3 4"), ("M0 0A1 1 0 01.5.5", "M0 0A1 1 0 0 1 .5.5"), ("M0 0C1 1 2 2 3 3S 4 4 5 5", "M0 0C1 1 2 2 3 3S4 4 5 5"),
        ("M1e2 1E-3", "M100 0"), ("M0 0Q1 1 2 0T4 0Z M5 5L6 6", "M0 0Q1 1 2 0T4 0ZM5 5L6 6"), ("", ""), ("none", "none"),
    ],
)  # fmt: skip
def test_paths_get_shorter(d, expected):
    assert shorten_path(d, 2) == expected


PLACE = st.floats(-500, 500, allow_nan=False).map(lambda value: round(value, 5))
COUNTS = {"M": 2, "L": 2, "H": 1, "V": 1, "C": 6, "S": 4, "Q": 4, "T": 2, "Z": 0}


@st.composite
def paths(draw):
    words = [f"M{draw(PLACE)} {draw(PLACE)}"]
    for letter in draw(st.lists(st.sampled_from("MLHVCSQTZAmlhvcsqtza"), max_size=30)):
        if letter in "Aa":
            radii = [draw(st.floats(1, 90).map(lambda value: round(value, 4))) for _ in range(2)]
            words.append(
                f"{letter}{radii[0]} {radii[1]} {draw(st.integers(0, 180))} {draw(st.integers(0, 1))} {draw(st.integers(0, 1))} {draw(PLACE)} {draw(PLACE)}"
            )
        else:
            words.append(letter + " ".join(str(draw(PLACE)) for _ in range(COUNTS[letter.upper()])))
    return " ".join(words)


@settings(max_examples=300, deadline=None)
@given(paths(), st.integers(1, 4))
def test_no_point_moves_further_however_long_the_path(d, digits):
    before, after = read_d(d), read_d(shorten_path(d, digits))
    assert [len(each.curves) for each in before] == [len(each.curves) for each in after] or "a" in d.lower()
    for one, other in zip(before, after, strict=True):
        # Ends of curves: mirrored controls may move by more, and arcs are made of curves between their ends.
        assert abs(one.curves[0, 0] - other.curves[0, 0]).max() <= 0.5 * 10.0**-digits + 1e-9
        assert abs(one.curves[-1, 3] - other.curves[-1, 3]).max() <= 0.5 * 10.0**-digits + 1e-9


def test_lists_of_numbers_keep_their_units():
    assert shorten_numbers("10.0000px, 0.5em 33.333333%", 2) == "10px, .5em 33.33%"


# Documents

EDITED = """<svg xmlns="http://www.w3.org/2000/svg" xmlns:inkscape="http://www.inkscape.org/namespaces/inkscape"
  xmlns:sodipodi="http://sodipodi.sourceforge.net/DTD/sodipodi-0.dtd" width="100" height="100" inkscape:version="1.3">
  <title>Kept</title><desc>also kept</desc>
  <!-- a comment --><metadata><x/></metadata><sodipodi:namedview id="nv"/>
  <defs><linearGradient id="used"><stop stop-color="red"/></linearGradient><linearGradient id="unused" href="#used"/>
    <clipPath id="only-by-unused"><rect width="3" height="3"/></clipPath><filter id="f1"/></defs>
  <style>#styled{fill:blue} .a{stroke:red}</style>
  <g inkscape:label="Layer 1" role="img" aria-label="a label"><g/>
    <rect id="r" x="10.00001" y="20.123456" width="30" height="40" fill="url(#used)"/></g>
  <rect id="styled" x="60" y="60" width="9" height="9"/><text x="5" y="95">a  <tspan>b</tspan> c</text>
</svg>"""


def test_what_nothing_needs_goes_and_what_people_need_stays():
    document = aikit.open_svg(EDITED.encode())
    before = document.render(kind="numpy")
    saved = document.optimize()
    text = document.encode().decode()
    assert saved == (len(EDITED), len(text.encode()))
    assert saved.after < 0.65 * saved.before
    for gone in ("inkscape", "sodipodi", "metadata", "comment", "unused", "f1", "<g/>", "20.1234"):
        assert gone not in text
    for kept in (
        "<title>Kept</title>",
        "<desc>",
        'role="img"',
        'aria-label="a label"',
        'id="used"',
        "#styled",
        'x="10"',
        "a  <tspan>b</tspan> c",
    ):
        assert kept in text
    np.testing.assert_allclose(document.render(kind="numpy").astype(int), before, atol=3)


def test_scripts_and_sheets_keep_what_they_name():
    data = b'<svg xmlns="http://www.w3.org/2000/svg"><script>x</script><defs><path id="p" d="M0 0h1"/></defs></svg>'
    document = aikit.open_svg(data)
    document.optimize()
    assert document.find("path").attributes["id"] == "p"


def test_drawings_look_the_same():
    unlike = 0
    for _, text in documents(45, 700):
        document = aikit.open_svg(text.encode())
        before = document.render(kind="numpy").astype(int)
        document.optimize()
        difference = abs(document.render(kind="numpy") - before)
        unlike += difference.mean() > 0.1 or (difference > 40).mean() > 0.002
    assert unlike == 0


def test_what_is_enlarged_keeps_more_digits():
    data = '<svg xmlns="http://www.w3.org/2000/svg" width="100" height="100"><g transform="scale(1000)"><path d="M.01234 .02345L.05 .06"/></g></svg>'
    document = aikit.open_svg(data.encode())
    (before,) = svg_paths(document)
    document.optimize()
    (after,) = svg_paths(document)
    assert before.bbox == pytest.approx(after.bbox, abs=0.01)


@pytest.mark.parametrize(
    ("max_error", "error"), [(0, InputValueError), ("1", InputTypeError), (-1, InputValueError), (True, InputTypeError)]
)
def test_the_error_is_a_length(max_error, error):
    with pytest.raises(error, match="max_error: expected a number from 1e-06 to 100"):
        aikit.open_svg(EDITED.encode()).optimize(max_error=max_error)


# Tracing


def test_flat_shapes_are_traced_where_they_are():
    picture = np.full((60, 80, 3), 255, np.uint8)
    picture[10:40, 20:70] = 200, 30, 40
    document = trace(picture, mode="polygon")
    drawn = document.render(kind="numpy")
    assert drawn.shape == (60, 80, 4)
    assert (abs(drawn[..., :3].astype(int) - picture) > 12).any(-1).mean() < 0.01
    assert drawn[..., 3].min() == 255


def test_alpha_is_traced_too():
    rows, columns = np.mgrid[:80, :100]
    picture = np.zeros((80, 100, 4), np.uint8)
    picture[..., :3] = 0, 250, 0  # hidden, but where the disc is
    disc = np.hypot(rows - 40, columns - 50) < 30
    picture[disc] = 220, 60, 20, 128
    drawn = trace(picture).render(kind="numpy")
    assert abs(drawn[40, 50].astype(int) - (220, 60, 20, 128)).max() <= 8
    assert drawn[:5].max() == 0
    assert (abs(drawn[..., 3].astype(int) - picture[..., 3]) > 16).mean() < 0.03
    assert drawn[..., 1][drawn[..., 3] > 100].max() < 120, "no green of what was hidden"


def test_tracing_refuses_what_it_cannot(monkeypatch):
    with pytest.raises(InputValueError, match="color_precision: expected a number from 1 to 8, got 9"):
        trace(np.zeros((4, 4), np.uint8), color_precision=9)
    with pytest.raises(InputValueError, match="mode: expected one of spline, polygon, pixel, got 'curves'"):
        trace(np.zeros((4, 4), np.uint8), mode="curves")
    monkeypatch.setitem(__import__("sys").modules, "vtracer", None)
    with pytest.raises(
        MissingDependencyError,
        match="trace: expected the package vtracer, got none installed; run: pip install vtracer",
    ):
        trace(np.zeros((4, 4), np.uint8))


# Diagrams

DIAGRAM = """<svg xmlns="http://www.w3.org/2000/svg" width="200" height="100"><rect width="200" height="100" fill="#eee"/>
<foreignObject x="20" y="10" width="160" height="80"><div xmlns="http://www.w3.org/1999/xhtml"
style="text-align:center;font-size:20px;color:#a00;font-family:DejaVu Sans"><p>First <b>line</b></p><p>second</p><script>no</script></div></foreignObject></svg>"""


def test_text_of_diagrams_is_drawn_where_it_is_asked_for():
    left_out = aikit.render_svg(DIAGRAM.encode(), kind="numpy").astype(int)
    assert len(np.unique(left_out.reshape(-1, 4), axis=0)) == 1
    drawn = aikit.render_svg(DIAGRAM.encode(), kind="numpy", foreign_text=True).astype(int)
    ink = abs(drawn - left_out).max(-1) > 60
    rows, columns = np.nonzero(ink)
    assert 10 < rows.min() < 50 < rows.max() < 90
    assert abs((columns.min() + columns.max()) / 2 - 100) < 8, "in the middle"
    reds = drawn[ink]
    assert (reds[:, 0] > reds[:, 1]).all()
    expected = aikit.render_svg(
        DIAGRAM.replace("<foreignObject", "<g").replace("</foreignObject>", "</g>").encode(), kind="numpy"
    )
    np.testing.assert_array_equal(expected, left_out)


def test_what_stands_beside_it_in_a_switch_is_drawn_instead():
    data = DIAGRAM.replace("<foreignObject", "<switch><foreignObject").replace(
        "</foreignObject>", '</foreignObject><text x="5" y="50">!</text></switch>'
    )
    drawn, plain = (aikit.render_svg(data.encode(), foreign_text=flag) for flag in (True, False))
    np.testing.assert_array_equal(np.asarray(drawn), np.asarray(plain))
