"""SvgPath: the text of d, measures, moves and filled shapes together, against closed forms, svgpathtools and SciPy."""

import itertools
import math
import pickle
import sys

import numpy as np
import pytest
from hypothesis import assume, given, settings, strategies as st

from aikit import InputTypeError, InputValueError, MissingDependencyError, new_svg
from aikit.svg import SvgPath

svgpathtools = pytest.importorskip("svgpathtools", reason="svgpathtools is not installed")
pytest.importorskip("pathops", reason="skia-pathops is not installed")

SQUARE = SvgPath.from_d("M0 0H10V10H0Z", id="square", fill="red")
CIRCLE = "M{r} 0A{r} {r} 0 0 1 -{r} 0A{r} {r} 0 0 1 {r} 0Z"
# An arc by eight cubics a turn: within 4.2e-6 of the radius, and its length within 2.2e-6.
ARC = 5e-6

# d and what is no part of any grammar: closed, open, several subpaths, every command, relative and smooth ones.
D = {
    "lines": "M1 2L4 6 10 6H-3V9h2v-1l3 3",
    "closed": "m1 2 10 0 0 8z",
    "after close": "M1 1h5v5zl-3 9M20 20h3v3h-3z",
    "cubic": "M0 0C10 0 10 10 0 10S-5 20 9 9s3 4 7-2",
    "quadratic": "M0 0Q10 0 10 10T0 20t-5 2T7 7",
    "arcs": "M10 20A30 10 45 0 1 60 40a5 9 10 1 0-20 3A3 3 0 0 1 41 43z",
    "packed": "M0,0a1 1 0 01.5.5a1 1 0 1110-.5L-.5.5.5-.5e1",
    "smooth after another": "M0 0q10 0 10 10s5 5-20-3M0 0c1 5 5 5 9 1t6 7L3 3S9 9 9 0L1 1T5 9",
    "small radii": "M0 0A1 2 30 0 1 10 10",
    "large flag": "M0 0A7 9 20 1 0 10 3M0 0A7 9 20 1 1 10 3M0 0A7 9 20 0 0 10 3M0 0A7 9 20 0 1 10 3",
    "negative radii": "M0 0A-7 9 20 0 1 10 3A7-9 20 0 1 20 9",
}


def shape(d, **attributes):
    return SvgPath.from_d(d, **attributes)


def controls(path):
    """All curves of a path as complex control points."""
    curves = np.concatenate([subpath.curves for subpath in path.subpaths])
    return curves[..., 0] + 1j * curves[..., 1]


# ---------------------------------------------------------------- d


@pytest.mark.parametrize("d", D.values(), ids=D)
def test_every_command_draws_what_svgpathtools_draws(d):
    theirs = [segment for segment in svgpathtools.parse_path(d) if segment.length() > 1e-9]
    length = sum(segment.length() for segment in theirs)
    ours = shape(d)
    assert ours.length == pytest.approx(length, rel=ARC)
    # Points at equal distances lie on its segments: those of arcs are measured by them, not by our cubics.
    dense = np.concatenate([[segment.point(t) for t in np.linspace(0, 1, 2001)] for segment in theirs])
    points = ours.points(53)
    apart = np.abs(points @ [1, 1j] - dense[:, None]).min(axis=0)
    assert apart.max() < length / 500
    left, right, top, bottom = svgpathtools.Path(*theirs).bbox()
    assert ours.bbox == pytest.approx((left, top, right, bottom), abs=length * ARC)


@pytest.mark.parametrize("d", D.values(), ids=D)
def test_d_reads_back_as_the_same_curves(d):
    path = shape(d)
    again = shape(path.d)
    assert [len(subpath.curves) for subpath in again.subpaths] == [len(subpath.curves) for subpath in path.subpaths]
    assert [subpath[1:] for subpath in again.subpaths] == [subpath[1:] for subpath in path.subpaths]
    assert controls(again) == pytest.approx(controls(path), abs=1e-7)
    assert again.d == path.d


@pytest.mark.parametrize(
    ("d", "written"),
    [
        ("M0 0L10 0L10 10L0 10L0 0Z", "M0 0L10 0L10 10L0 10Z"),
        ("M0 0H10V10H0", "M0 0L10 0L10 10L0 10"),
        ("M1 1z", ""),
        ("M1 1", ""),
        ("M1 1h0", "M1 1L1 1"),
        ("M1 1h0z", "M1 1L1 1Z"),
        ("M5 5A0 3 0 0 1 9 9", "M5 5L9 9"),
        ("M5 5A3 3 0 0 1 5 5L6 6", "M5 5L6 6"),
        ("M0 0Q3 3 6 0", "M0 0C2 2 4 2 6 0"),
        ("M.1.2-.3-.4", "M0.1 0.2L-0.3 -0.4"),
        ("M1e2-3E-1L1.0000000001 1e-12", "M100 -0.3L1 0"),
        # Errors end a path where they stand.
        ("M0 0L1 1 2 X", "M0 0L1 1"),
        ("M0 0L1 1L2", "M0 0L1 1"),
        ("M0 0L10 10 20", "M0 0L10 10"),
        ("M0 0L1 1 foo L2 2", "M0 0L1 1"),
        ("M0 0L1 1A1 1 0 2 0 5 5", "M0 0L1 1"),
        ("M0 0L1 1L1e999 0", ""),
        ("L1 1", ""),
        ("z", ""),
        ("", ""),
        ("none", ""),
    ],
)
def test_d_is_written_in_few_words(d, written):
    assert shape(d).d == written


def test_an_error_in_d_is_logged(caplog):
    shape("M0 0L7 9 oops")
    assert "up to the error in its d at ' oops'" in caplog.text


def test_arcs_lie_on_their_ellipse():
    # Of radii 20 and 8, turned by 30 degrees, about (3, 4).
    turn = np.exp(1j * math.radians(30))
    start, end = (3 + 4j + turn * complex(20 * math.cos(a), 8 * math.sin(a)) for a in (0.3, 4.0))
    arc = shape(f"M{start.real} {start.imag}A20 8 30 1 1 {end.real} {end.imag}")
    unit = (arc.points(200) @ [1, 1j] - (3 + 4j)) / turn
    radius = np.hypot(unit.real / 20, unit.imag / 8)
    assert np.abs(radius - 1).max() < ARC
    assert arc.points(2) @ [1, 1j] == pytest.approx([start, end])
    # To the last digit, or the next subpath's Z would draw a line.
    assert shape("M0 0A7 9 20 1 0 10 3").subpaths[0].curves[-1, 3].tolist() == [10, 3]


@pytest.mark.parametrize(
    "transform", ["scale(2,1)", "scale(1,-1)", "skewX(40)", "scale(-3,.5) rotate(20)", "matrix(1 2 3 4 5 6)"]
)
def test_arcs_stay_right_under_any_transform(transform):
    # svgpathtools is 69.6 units off for scale(2,1) and svgelements 11.5: both transform the radii. An affine map takes
    # points to points, so those of the untransformed arc are the truth.
    arc = shape("M100 20A60 25 30 1 1 40 90A30 50 -20 0 0 100 20Z")
    matrix = svgpathtools.parser.parse_transform(transform)
    fine = arc.points(20_001)
    truth = fine @ matrix[:2, :2].T + matrix[:2, 2]
    apart = [np.hypot(*(truth - point).T).min() for point in arc.transform(transform).points(97)]
    assert max(apart) < 0.06  # the distance between the fine points


# ---------------------------------------------------------------- measures


@pytest.mark.parametrize("radius", [1e-3, 1, 10, 1e5])
def test_a_circle(radius):
    circle = shape(CIRCLE.format(r=radius))
    assert circle.length == pytest.approx(2 * math.pi * radius, rel=ARC)
    assert circle.area == pytest.approx(math.pi * radius**2, rel=ARC)
    assert circle.bbox == pytest.approx((-radius, -radius, radius, radius), abs=1e-9 * radius)
    assert circle.center == pytest.approx((0, 0), abs=1e-9 * radius)


@pytest.mark.parametrize(("a", "b"), [(10, 3), (5, 5), (1, 100)])
def test_an_ellipse(a, b):
    from scipy.special import ellipe

    ellipse = shape(f"M{a} 0A{a} {b} 0 1 1 0 -{b}A{a} {b} 0 0 1 {a} 0Z")
    wide, narrow = max(a, b), min(a, b)
    assert ellipse.length == pytest.approx(4 * wide * ellipe(1 - (narrow / wide) ** 2), rel=ARC)
    assert ellipse.area == pytest.approx(math.pi * a * b, rel=ARC)


NUMBER = st.floats(-100, 100, allow_nan=False, width=32)
CUBIC = st.tuples(*[NUMBER] * 8)


def length_by_scipy(curve):
    from numpy.polynomial import Polynomial
    from scipy.integrate import quad

    p0, p1, p2, p3 = np.array(curve).reshape(4, 2)
    x, y = (
        Polynomial(each) for each in 3 * np.stack([p1 - p0, 2 * (p2 - 2 * p1 + p0), p3 - 3 * p2 + 3 * p1 - p0], axis=1)
    )
    # Cut where the speed is least: a cusp has to be told to an integrator.
    turns = [turn.real for turn in (x * x + y * y).trim().deriv().roots() if 0 < turn.real < 1]
    edges = sorted([0.0, 1.0, *turns])
    return sum(quad(lambda t: math.hypot(x(t), y(t)), *span, limit=200)[0] for span in itertools.pairwise(edges))


@given(st.lists(CUBIC, min_size=1, max_size=3))
@settings(max_examples=25)
def test_cubics_are_measured_as_scipy_measures_them(curves):
    path = shape("".join("M{} {}C{} {} {} {} {} {}".format(*curve) for curve in curves))
    assert path.length == pytest.approx(sum(map(length_by_scipy, curves)), rel=1e-7, abs=1e-6)


@given(CUBIC)
@settings(max_examples=25)
def test_bbox_touches_the_curve_on_every_side(curve):
    path = shape("M{} {}C{} {} {} {} {} {}".format(*curve))
    p0, p1, p2, p3 = np.array(curve).reshape(4, 2)
    t = np.linspace(0, 1, 4001)[:, None]
    points = p0 * (1 - t) ** 3 + 3 * p1 * (1 - t) ** 2 * t + 3 * p2 * (1 - t) * t**2 + p3 * t**3
    dense = (*points.min(axis=0), *points.max(axis=0))
    assert path.bbox == pytest.approx(dense, abs=1e-4)  # a step in t of 1/4000 is less than that off at a turn
    left, top, right, bottom = path.bbox
    assert left <= dense[0] + 1e-9
    assert top <= dense[1] + 1e-9
    assert right >= dense[2] - 1e-9
    assert bottom >= dense[3] - 1e-9


def test_bbox_is_left_top_right_bottom():
    # svgpathtools has (left, right, top, bottom).
    assert shape("M1 2L3 5").bbox == (1, 2, 3, 5)
    assert shape("M1 2L3 5").center == (2, 3.5)


@pytest.mark.parametrize(
    ("d", "rule", "area"),
    [
        ("M0 0H10V10H0Z", None, 100),
        ("M0 0V10H10V0Z", None, 100),
        ("M0 0H10V10H0", None, 100),
        ("M0 0H10V10H0ZM2 2H8V8H2Z", None, 100),
        ("M0 0H10V10H0ZM2 2H8V8H2Z", "evenodd", 64),
        ("M0 0H10V10H0ZM2 2V8H8V2Z", None, 64),
        ("M0 0H10V10H0ZM20 0V10H30V0Z", None, 200),
        ("M0 0L10 10L10 0L0 10Z", None, 50),
        ("M0 0H10V10H0ZM5 5H15V15H5Z", "evenodd", 150),
        ("M0 0L10 10", None, 0),
        ("", None, 0),
    ],
)
def test_area_is_what_a_fill_covers(d, rule, area):
    assert shape(d, fill_rule=rule).area == pytest.approx(area)


def test_an_empty_path_has_no_measures():
    empty = shape("")
    assert (empty.length, empty.bbox, empty.area, empty.d, empty.closed, empty.split()) == (0, None, 0, "", False, [])
    assert empty.points(5).shape == (0, 2)
    assert empty.rotate(5).reverse().bbox is None
    with pytest.raises(InputValueError, match=r"center: expected a path that draws something, got an empty one"):
        _ = empty.center


def test_split():
    path = shape("M0 0h1zM5 5h2v2", fill="red")
    assert [part.d for part in path.split()] == ["M0 0L1 0Z", "M5 5L7 5L7 7"]
    assert [part.closed for part in path.split()] == [True, False]
    assert {part.fill for part in path.split()} == {"red"}


# ---------------------------------------------------------------- points


def test_points_of_an_open_path_have_both_ends():
    points = shape("M0 0H10V10").points(5)
    assert points.dtype == np.float64
    assert points.tolist() == [[0, 0], [5, 0], [10, 0], [10, 5], [10, 10]]
    assert shape("M0 0H10V10").points(1).tolist() == [[0, 0]]


def test_points_of_a_closed_path_go_around():
    assert SQUARE.points(4).tolist() == [[0, 0], [10, 0], [10, 10], [0, 10]]
    assert SQUARE.points(np.int64(8))[1].tolist() == [5, 0]


def test_points_run_over_all_subpaths():
    assert shape("M0 0H10M0 50H10").points(5).tolist() == [[0, 0], [5, 0], [10, 0], [5, 50], [10, 50]]


@pytest.mark.parametrize(
    ("d", "spacing", "points"),
    [
        ("M0 0H10", 4, [[0, 0], [4, 0], [8, 0]]),
        ("M0 0H10", 5, [[0, 0], [5, 0], [10, 0]]),
        ("M0 0H10", 50, [[0, 0]]),
        ("M0 0H10V10H0Z", 10, [[0, 0], [10, 0], [10, 10], [0, 10]]),
        ("M0 0H10V10H0Z", 40, [[0, 0]]),
        ("M0 0H10V10H0Z", 15, [[0, 0], [10, 5], [0, 10]]),
    ],
)
def test_points_at_a_distance(d, spacing, points):
    assert shape(d).points(spacing=spacing).tolist() == points


def test_points_where_the_pen_stands_still():
    assert shape("M0 0C0 0 10 5 10 5").points(3) == pytest.approx(np.array([[0, 0], [5, 2.5], [10, 5]]))
    assert shape("M5 5h0").points(2).tolist() == [[5, 5], [5, 5]]


def test_rounding_loses_no_last_point():
    # 0.3 / 0.1 is 2.9999999999999996.
    assert len(shape("M0 0H.3").points(spacing=0.1)) == 4
    assert len(shape("M0 0H.3V.3H0Z").points(spacing=0.1)) == 12


@pytest.mark.parametrize(
    "d", [*D.values(), "M0 0C10 10 0 10 10 0", "M0 0C9 0-9 0 3 0"], ids=[*D, "cusp", "there and back"]
)
def test_points_lie_at_equal_distances(d):
    # Along each subpath, measured by a second path drawn through many of them.
    for part in shape(d).split():
        fine = part.points(4000)
        if part.closed:
            fine = np.concatenate([fine, fine[:1]])
        steps = np.hypot(*np.diff(fine, axis=0).T)
        assert steps.sum() == pytest.approx(part.length, rel=1e-3)
        # A chord is shorter than its arc only at a corner or a cusp.
        assert steps.max() <= part.length / (len(fine) - 1) * (1 + 1e-6)
        assert np.median(steps) == pytest.approx(part.length / (len(fine) - 1), rel=1e-5)
        assert part.points(7)[0] == pytest.approx(fine[0])


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        ({}, InputTypeError, r"count: expected either count or spacing, got count=None and spacing=None"),
        ({"count": 3, "spacing": 2}, InputTypeError, r"count: expected either count or spacing, got count=3 and"),
        ({"count": 2.5}, InputTypeError, r"count: expected an integer, got 2\.5; for a distance pass spacing="),
        ({"count": True}, InputTypeError, r"count: expected an integer, got True"),
        ({"count": 0}, InputValueError, r"count: expected at least 1, got 0"),
        ({"spacing": 0}, InputValueError, r"spacing: expected a positive distance in pixels, got 0"),
        ({"spacing": math.nan}, InputValueError, r"spacing: expected a finite number, got nan"),
        ({"spacing": "5"}, InputTypeError, r"spacing: expected a number, got '5'"),
    ],
)
def test_points_that_cannot_be_are_refused(arguments, kind, message):
    with pytest.raises(kind, match=message):
        SQUARE.points(**arguments)


# ---------------------------------------------------------------- moves


@pytest.mark.parametrize(
    ("move", "d"),
    [
        (lambda path: path.translate(3, -4), "M3 -4L8 -4L8 -1"),
        (lambda path: path.scale(2), "M0 0L10 0L10 6"),
        (lambda path: path.scale(2, 1), "M0 0L10 0L10 3"),
        (lambda path: path.scale(2, about=(5, 3)), "M-5 -3L5 -3L5 3"),
        (lambda path: path.rotate(90), "M0 0L0 5L-3 5"),
        (lambda path: path.rotate(180, about=path.center), "M5 3L0 3L0 0"),
        (lambda path: path.rotate(90, about=[5, 0]), "M5 -5L5 0L2 0"),
        (lambda path: path.mirror(x=10), "M20 0L15 0L15 3"),
        (lambda path: path.mirror(y=1), "M0 2L5 2L5 -1"),
        (lambda path: path.reverse(), "M5 3L5 0L0 0"),
        (lambda path: path.transform("translate(1 2) scale(2)"), "M1 2L11 2L11 8"),
        (lambda path: path.transform((1, 2, 3, 4, 5, 6)), "M5 6L10 16L19 28"),
        (lambda path: path.transform(np.array([[1, 3, 5], [2, 4, 6]])), "M5 6L10 16L19 28"),
        (lambda path: path.transform(np.array([[1, 3, 5], [2, 4, 6], [0, 0, 1]])), "M5 6L10 16L19 28"),
        (lambda path: path.transform(""), "M0 0L5 0L5 3"),
    ],
)
def test_moves(move, d):
    path = shape("M0 0H5V3", fill="red")
    assert move(path).d == d
    assert move(path).fill == "red"
    assert path.d == "M0 0L5 0L5 3"


def test_opencv_turns_the_same_way():
    import cv2

    matrix = cv2.getRotationMatrix2D((4, 1), -30, 1)  # OpenCV counts against the clock
    turned = shape("M0 0H5V3").rotate(30, about=(4, 1))
    assert controls(shape("M0 0H5V3").transform(matrix)) == pytest.approx(controls(turned))


@given(st.lists(st.sampled_from([
    "translate(3)", "translate(3,-4)", "scale(2)", "scale(-1 .5)", "rotate(30)", "rotate(-30 5 5)", "skewX(10)", "skewY(-20)",
    "matrix(1 2 3 4 5 6)", "matrix(1,0,0,1,1e1,-.5)",
]), max_size=4))  # fmt: skip
def test_transforms_are_those_of_svgpathtools(calls):
    matrix = svgpathtools.parser.parse_transform(" ".join(calls))
    path = shape("M1 2L5 0L5 3").transform(",".join(calls))
    expected = np.array([[1, 2], [5, 0], [5, 3]]) @ matrix[:2, :2].T + matrix[:2, 2]
    assert path.points(1)[0] == pytest.approx(expected[0])
    assert controls(path)[:, 3] == pytest.approx(expected[1:] @ [1, 1j])


def test_measures_follow_a_move():
    path = shape(D["arcs"])
    moved = path.rotate(33, about=(4, 5)).translate(7, 8).scale(2.5).mirror(x=3)
    assert moved.length == pytest.approx(2.5 * path.length)
    assert moved.area == pytest.approx(2.5**2 * path.area, rel=1e-5)  # Skia's floats have 24 bits
    back = moved.mirror(x=3).scale(1 / 2.5).translate(-7, -8).rotate(-33, about=(4, 5))
    assert controls(back) == pytest.approx(controls(path))
    assert controls(path.reverse().reverse()) == pytest.approx(controls(path))
    assert path.reverse().length == pytest.approx(path.length)
    assert shape("M0 0h5M9 9h5v5").reverse().d == "M14 14L14 9L9 9M5 0L0 0"


def test_a_line_grows_with_its_path():
    path = shape("M0 0H5", stroke="red", stroke_dasharray=[4, 2], stroke_dashoffset=1)
    grown = dict(path.rotate(30).scale(2, 8).attributes)
    assert grown == {"stroke": "red", "stroke-dasharray": "16 8", "stroke-dashoffset": "4", "stroke-width": "4"}
    assert shape("M0 0H5", stroke="red", stroke_width="2px").scale(3).attributes["stroke-width"] == "6"
    assert "stroke-width" not in shape("M0 0H5", fill="red").scale(3).attributes
    assert "stroke-width" not in path.rotate(30).attributes
    kept = shape("M0 0H5", stroke="red", stroke_width=2, vector_effect="non-scaling-stroke").scale(3)
    assert kept.attributes["stroke-width"] == "2"


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda path: path.translate(math.inf, 0), InputValueError, r"x: expected a finite number, got inf"),
        (lambda path: path.translate("1", 0), InputTypeError, r"x: expected a number, got '1'"),
        (lambda path: path.scale(1, math.nan), InputValueError, r"y: expected a finite number, got nan"),
        (
            lambda path: path.scale(1e300).scale(1e300),
            InputValueError,
            r"transform: expected a result that floats can hold",
        ),
        (lambda path: path.rotate(None), InputTypeError, r"degrees: expected a number, got None"),
        (lambda path: path.rotate(5, about=5), InputTypeError, r"about: expected a point \(x, y\), got 5"),
        (lambda path: path.rotate(5, about=(5, "a")), InputTypeError, r"about: expected a number, got 'a'"),
        (lambda path: path.mirror(), InputTypeError, r"x: expected either x or y, got x=None and y=None"),
        (lambda path: path.mirror(x=1, y=2), InputTypeError, r"x: expected either x or y, got x=1 and y=2"),
        (
            lambda path: path.transform("turn(5)"),
            InputValueError,
            r"transform: expected text such as \"rotate\(30\)\".*got 'turn\(5\)'",
        ),
        (lambda path: path.transform("rotate(5 6)"), InputValueError, r"transform: expected .*got 'rotate\(5 6\)'"),
        (lambda path: path.transform("rotate(5"), InputValueError, r"transform: expected .*got 'rotate\(5'"),
        (lambda path: path.transform("scale(1e999)"), InputValueError, r"transform: expected .*got 'scale\(1e999\)'"),
        (lambda path: path.transform((1, 2, 3)), InputValueError, r"transform: expected .*got \(1, 2, 3\)"),
        (
            lambda path: path.transform(np.ones((3, 3))),
            InputValueError,
            r"transform: expected .*matrix \(2, 3\) or \(3, 3\)",
        ),
        (
            lambda path: path.transform((1, 0, 0, 1, math.nan, 0)),
            InputValueError,
            r"transform: expected .*six finite numbers",
        ),
        (lambda path: path.transform(None), InputValueError, r"transform: expected .*got None"),
        (lambda path: path.union("x"), InputTypeError, r"other: expected an SvgPath, got str; take it from svg_paths"),
        (
            lambda path: path.scale(1e39).union(path),
            InputValueError,
            r"path: expected outlines that Skia can work on, got <SvgPath id='square'",
        ),
        (lambda path: SvgPath.from_d(5), InputTypeError, r"d: expected text such as \"M0 0L10 10\", got 5"),
        (lambda path: SvgPath.from_d("", fill=object()), InputTypeError, r"fill: expected text, a number"),
    ],
)
def test_what_cannot_be_done_is_refused(call, kind, message):
    with pytest.raises(kind, match=message):
        call(SQUARE)


def test_nothing_changes_a_path():
    with pytest.raises(TypeError, match="item assignment"):
        SQUARE.attributes["fill"] = "blue"
    with pytest.raises(AttributeError, match="fill"):
        SQUARE.fill = "blue"
    with pytest.raises(ValueError, match="read-only"):
        SQUARE.subpaths[0].curves[0] = 5
    SQUARE.points(3)[0] = 9
    assert SQUARE.points(1).tolist() == [[0, 0]]


def test_a_path_pickles():
    again = pickle.loads(pickle.dumps(SQUARE))
    assert (again.d, dict(again.attributes), again.length) == (SQUARE.d, dict(SQUARE.attributes), 40)


# ---------------------------------------------------------------- filled shapes together


def test_squares_that_overlap():
    other = SQUARE.translate(5, 5)
    assert SQUARE.union(other).area == pytest.approx(175)
    assert SQUARE.intersection(other).area == pytest.approx(25)
    assert SQUARE.difference(other).area == pytest.approx(75)
    assert SQUARE.intersection(other).bbox == (5, 5, 10, 10)
    assert SQUARE.difference(other).d == "M0 0L10 0L10 5L5 5L5 10L0 10Z"
    assert dict(SQUARE.union(other).attributes) == {"id": "square", "fill": "red"}


def test_circles_that_overlap():
    # The lens of two circles of radius 10, 8 apart.
    lens = 2 * 100 * math.acos(0.4) - 4 * math.sqrt(400 - 64)
    one = shape(CIRCLE.format(r=10))
    other = one.translate(8, 0)
    assert one.intersection(other).area == pytest.approx(lens, rel=1e-4)  # Skia cuts curves in 24-bit floats
    assert one.union(other).area == pytest.approx(200 * math.pi - lens, rel=1e-4)
    assert one.difference(other).area == pytest.approx(100 * math.pi - lens, rel=1e-4)


@pytest.mark.parametrize(
    ("move", "areas"),
    [((10, 0), (200, 0, 100)), ((30, 0), (200, 0, 100)), ((0, 0), (100, 100, 0))],
    ids="touching apart same".split(),
)
def test_squares_that_do_not(move, areas):
    other = SQUARE.translate(*move)
    results = SQUARE.union(other), SQUARE.intersection(other), SQUARE.difference(other)
    assert tuple(result.area for result in results) == pytest.approx(areas)
    assert [result.bbox is None for result in results] == [area == 0 for area in areas]


def test_fill_rules_count():
    ring = shape("M0 0H10V10H0ZM2 2H8V8H2Z", fill_rule="evenodd")
    middle = shape("M4 4H6V6H4Z")
    assert ring.intersection(middle).bbox is None
    assert ring.union(middle).area == pytest.approx(68)
    # The result's rule is the common one, and its holes run the other way around.
    assert "fill-rule" not in ring.union(middle).attributes
    assert shape(ring.union(middle).d).area == pytest.approx(68)
    assert shape("M0 0H10V10H0ZM2 2H8V8H2Z").intersection(middle).area == pytest.approx(4)


@given(st.tuples(*[st.integers(0, 20)] * 4), st.floats(0, 90))
@settings(max_examples=30)
def test_areas_add_up(box, degrees):
    left, top, width, height = box
    assume(width and height)
    other = shape(f"M{left} {top}h{width}v{height}h{-width}z").rotate(degrees, about=(5, 5))
    union, both = SQUARE.union(other).area, SQUARE.intersection(other).area
    assert union + both == pytest.approx(100 + width * height, rel=1e-4)
    assert SQUARE.difference(other).area == pytest.approx(100 - both, abs=0.02)


def test_without_skia_pathops_the_rest_works(monkeypatch):
    monkeypatch.setitem(sys.modules, "pathops", None)
    assert SQUARE.length == 40
    assert SQUARE.rotate(90).bbox == pytest.approx((-10, 0, 0, 10))
    for work in (lambda: SQUARE.area, lambda: SQUARE.union(SQUARE)):
        with pytest.raises(
            MissingDependencyError,
            match=r"path: expected the package skia-pathops for areas, unions, .* run: pip install skia-pathops\.$",
        ):
            work()


# ---------------------------------------------------------------- and back


def test_paths_are_drawn():
    svg = new_svg(width=20, height=20)
    svg.add(SQUARE.difference(SQUARE.translate(5, 5)).translate(2, 3))
    picture = np.asarray(svg.render())
    assert picture[..., 3].sum() / 255 == pytest.approx(75)
    assert picture[4, 3].tolist() == [255, 0, 0, 255]
    assert SQUARE.tostring() == '<path d="M0 0L10 0L10 10L0 10Z" id="square" fill="red"/>'
    assert repr(SQUARE) == "<SvgPath id='square' fill='red' bbox=(0.0, 0.0, 10.0, 10.0)>"
    assert (SQUARE.id, SQUARE.fill, SQUARE.stroke) == ("square", "red", "none")
    assert (shape("").id, shape("").fill) == (None, "black")


def test_lengths_near_the_end_of_floats_are_not_halved_for_ever(monkeypatch):
    from aikit.svg import curves

    real = curves._halves

    def halves(these):
        assert len(these) < 1000
        return real(these)

    monkeypatch.setattr(curves, "_halves", halves)
    assert SvgPath.from_d("M1e308 11L9 17L15 17L11 23").length > 1e307


@pytest.mark.parametrize(
    "d", ["M0 0A1e-200 1e-200 0 0 0 1e200 7", "M0 0A1e-320 1e-320 0 0 0 9 7", "M0 0A1e-300 5 30 1 1 1e300 7"]
)
def test_arcs_beyond_floats_are_drawn_as_far_as_they_go(d):
    for path in SvgPath.from_d(d).split():
        assert np.isfinite(path.bbox).all()
