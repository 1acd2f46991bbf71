"""All shapes of a document as paths in pixels."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from .._foreign_names import explain_calls
from .._io import name_of, read_bytes
from ..errors import InputValueError, LimitError
from ..isolation import guarded, register
from ..limits import Limits
from ..types import Source
from . import transform as transforms
from .cascade import PAINT, properties
from .css import clean_sheet
from .document import Svg
from .engines import with_deep_stack
from .outline import SvgPath
from .resolve import Page, medium_of, resolve
from .shapes import OUTLINES, Lengths
from .sheets import inline
from .size import Size, size_of, to_pixels, view_box
from .source import SVG, XLINK_HREF, local_name, parse
from .subpaths import Subpath
from .values import number

if TYPE_CHECKING:
    from lxml.etree import _Element

    from .transform import Matrix

__all__ = ["svg_paths"]

_log = logging.getLogger("aikit")

# What <use> may multiply a document to, counted in curves; an element costs as much time as twenty of them. Without a
# bound 1.4 kB can ask for a billion.
_MOST_REUSED = 1_000_000
_ELEMENT = 20


@explain_calls
def svg_paths(source: Source | Svg, *, limits: Limits | None = None) -> list[SvgPath]:
    """All shapes of an SVG as paths, in the pixels it is drawn in.

    Paths, rectangles, circles, ellipses, lines, polylines and polygons come out alike, with every transform applied:
    those of groups, of <use> and <symbol>, of nested <svg> and of the document's own viewBox. So the coordinates are
    those of `render_svg(source)`, and `bbox` agrees with `alpha_bbox` of that picture but for the width of lines.

    Text is no shape; convert it to paths in an editor first. What is hidden, not displayed, or in <defs> and not used
    is left out. Clips, masks, markers and filters are not applied. As in renderers an error in a path's d ends it there.

    Args:
        source: a path, bytes or a binary file with an SVG or svgz, or an `Svg`.
        limits: for files from strangers, `Limits()`, which hold in a child process; None for trusted ones.

    Returns:
        A list of `SvgPath`, in drawing order: `length`, `bbox`, `area`, `center`, `d`, `points(count)`,
        `points(spacing=)`, `split`, `transform`, `translate`, `scale`, `rotate`, `mirror`, `reverse`, `union`,
        `intersection`, `difference`, and `id`, `fill`, `stroke` and all `attributes` it is drawn with.
        `Svg.add(path)` draws one. `area`, `union`, `intersection` and `difference` need the package skia-pathops.

    Raises:
        InputTypeError: the source is none of these.
        FileAccessError: the file cannot be read.
        FileFormatError: not an SVG, or XML that is not well formed.
        WorkerError: with `limits`, the parser crashed.
        LimitError: the file is beyond `limits`, <use> multiplies its shapes to more than a million curves, or selectors
            take without end.

    Example:
        >>> disk, plate = svg_paths(
        ...     b'<svg xmlns="http://www.w3.org/2000/svg" width="60" height="40" viewBox="0 0 30 20">'
        ...     b'<circle cx="10" cy="10" r="5" fill="teal"/><g transform="translate(10)"><path d="M0 5h10v10h-10z"/></g></svg>'
        ... )
        >>> disk.fill, disk.bbox, plate.bbox
        ('teal', (10.0, 10.0, 30.0, 30.0), (20.0, 10.0, 40.0, 30.0))
        >>> round(disk.length, 2), plate.mirror(x=20).bbox
        (62.83, (0.0, 10.0, 20.0, 30.0))
        >>> plate.points(spacing=10)[:3].tolist()
        [[20.0, 10.0], [30.0, 10.0], [40.0, 10.0]]

    Source: Scalable Vector Graphics 2, sections 5 to 9.
    """
    if isinstance(source, Svg):
        limits = limits or source.limits
    name, data = name_of(source), source.encode() if isinstance(source, Svg) else source
    job = read_bytes(data, limits=limits), name, limits
    return guarded(_find_paths, *job, subject=name, limits=limits, isolate=limits is not None, expect=_Paths).paths


class _Paths(NamedTuple):
    """All paths of a document, which leave a child with all their curves in two pieces of memory."""

    paths: list[SvgPath]


def _pack(found: _Paths) -> tuple[object, ...]:
    import numpy as np

    subpaths = [subpath for path in found.paths for subpath in path.subpaths]
    outlines = [
        (dict(path.attributes), [(len(each.curves), each.closed) for each in path.subpaths]) for path in found.paths
    ]
    curves = np.concatenate([each.curves for each in subpaths]) if subpaths else np.zeros((0, 4, 2))
    straight = np.array([flag for each in subpaths for flag in each.straight], np.uint8)
    return outlines, np.ascontiguousarray(curves, np.float64).data.cast("B") if len(curves) else b"", straight.tobytes()


def _unpack(packed: Any) -> _Paths:
    import numpy as np

    outlines, curves, straight = packed
    # A copy: the memory is lent.
    curves, flags = np.frombuffer(curves, np.float64).reshape(-1, 4, 2).copy(), [bool(flag) for flag in straight]
    paths, at = [], 0
    for attributes, subpaths in outlines:
        found = []
        for count, closed in subpaths:
            found.append(Subpath(curves[at : at + count], tuple(flags[at : at + count]), bool(closed)))
            at += count
        paths.append(SvgPath(tuple(found), {str(key): str(text) for key, text in attributes.items()}))
    return _Paths(paths)


register(_Paths, "svg paths", _pack, _unpack)


def _find_paths(data: bytes, name: str, limits: Limits | None) -> _Paths:
    import numpy as np

    root = parse(data, limits, name=name)

    def work() -> _Paths:
        with np.errstate(all="ignore"):  # coordinates that grow beyond a float are met where they are
            return _Paths(list(_shapes(root, name)))

    return with_deep_stack(work, name)


class PathContext(NamedTuple):
    """What an element is drawn with that does not stand in it."""

    matrix: Matrix
    viewport: Size  # what percentages are of
    properties: dict[str, str]
    opacity: float = 1.0
    reused: bool = False  # whether it is drawn through a <use>
    asked: _Element | None = None  # the <use> that names this very element, and may set its size

    def lengths(self, element: _Element) -> Lengths:
        return Lengths(element, self.viewport, self.properties)


def _shapes(root: _Element, name: str) -> Iterator[SvgPath]:
    _inline_styles(root, name)
    by_id: dict[str, _Element] = {}
    for element in root.iter(f"{{{SVG}}}*"):
        if element.get("id"):
            by_id.setdefault(element.get("id", ""), element)
    drawn_in: Counter[_Element] = Counter()  # every <use> that is being followed, and the elements around it
    cost = 0
    # A stack of our own: nesting by <use> goes deeper than Python's. Without a place it is the end of a <use>.
    todo: list[tuple[_Element, PathContext | None]] = [(root, PathContext(transforms.scaling(1), (100.0, 100.0), {}))]
    while todo:
        element, place = todo.pop()
        if place is None:
            drawn_in.subtract([element, *element.iterancestors()])
            continue
        place = place._replace(properties=properties(element, place.properties))
        if place.properties.get("display") == "none":
            continue
        place = _apply_transform(element, place)
        tag, paths = local_name(element), []
        if tag in OUTLINES:
            paths = _outline(element, place)
            yield from paths
        elif tag == "use":
            target = by_id.get(_href(element))
            drawn_in.update([element, *element.iterancestors()])
            todo.append((element, None))
            if target is not None and not drawn_in[target]:  # SVG 2, section 5.6: nothing is drawn inside itself
                todo.append((target, _follow_use(element, place)))
        else:
            todo += reversed(_within(element, place))
        if place.reused:
            cost += _ELEMENT + sum(len(subpath.curves) for path in paths for subpath in path.subpaths)
            _check(cost, name)


def _inline_styles(root: _Element, name: str) -> None:
    """Write style sheets into the elements, cleaned, so that what is checked of a selector is what is matched."""
    styles = list(root.iter(f"{{{SVG}}}style"))
    for style in styles:
        style.text = clean_sheet("".join(style.itertext()), lambda what: None)
    size = size_of(root) or (100.0, 100.0)
    resolve(root, name, Page(medium_of(root), size=size))
    inline(root, styles, name, medium_of(root), lambda what: None)


def _check(cost: int, name: str) -> None:
    if cost > _MOST_REUSED:
        raise LimitError(
            name,
            f"<use> to draw at most {_MOST_REUSED // _ELEMENT} elements or {_MOST_REUSED} curves",
            "more",
            "simplify the file",
            limit="elements",
            allowed=_MOST_REUSED // _ELEMENT,
        )


def _apply_transform(element: _Element, place: PathContext) -> PathContext:
    """Add the element's own transform and opacity to its context."""
    found = place.properties
    opacity = to_pixels(found.get("opacity"), full=1)
    if opacity is not None:
        place = place._replace(opacity=place.opacity * min(max(opacity, 0), 1))
    text = found.get("transform")
    if text is None or local_name(element) == "symbol":  # as resvg has it
        return place
    matrix = transforms.parse_transform(text)
    if matrix is None:  # SVG 2, section 8.5: as if it were not there
        _log.warning("the transform %.60r is none and is left out", text)
        return place
    x, y = place.lengths(element).point(found.get("transform-origin", ""))
    around = transforms.translation(x, y) @ matrix @ transforms.translation(-x, -y)
    return place._replace(matrix=place.matrix @ around)


def _outline(element: _Element, place: PathContext) -> list[SvgPath]:
    """Make the path of a shape; none where nothing is drawn."""
    subpaths = OUTLINES[local_name(element)](place.lengths(element))
    if not subpaths or place.properties.get("visibility", "visible") != "visible":
        return []
    try:
        return [SvgPath(subpaths, _attributes(element, place)).transform(place.matrix)]
    except InputValueError as error:
        _log.warning("a shape is left out: %s", error)
        return []


def _attributes(element: _Element, place: PathContext) -> dict[str, str]:
    """Make the attributes of a path that is drawn as the shape is."""
    found, lengths = place.properties, place.lengths(element)
    kept = {"id": element.get("id")} | {name: found.get(name) for name in (*PAINT, "vector-effect")}
    for name in ("fill", "stroke"):
        if (kept[name] or "").lower() == "currentcolor":
            kept[name] = found.get("color", "currentColor")
    for name in ("stroke-width", "stroke-dashoffset"):
        if kept[name] is not None:
            kept[name] = number(lengths.of(kept[name]) or 0)
    if place.opacity != 1:
        kept["opacity"] = number(place.opacity)
    return {name: text for name, text in kept.items() if text is not None}


# ---------------------------------------------------------------- containers


def _within(element: _Element, place: PathContext) -> list[tuple[_Element, PathContext]]:
    """List the elements that one draws, and where."""
    tag = local_name(element)
    if tag in ("svg", "symbol"):
        inner = _in_viewport(element, place)
    else:
        inner = place._replace(asked=None) if tag in ("g", "a", "switch") else None
    if inner is None:
        return []
    children = [child for child in element.iterchildren(f"{{{SVG}}}*") if local_name(child) != "symbol"]
    if tag == "switch":
        children = [child for child in children if _applies(child)][:1]
    return [(child, inner) for child in children]


def _applies(element: _Element) -> bool:
    """The conditions under which <switch> takes a child, for an English reader without extensions."""
    languages = element.get("systemLanguage")
    speaks = languages is None or any(each.strip().split("-")[0] == "en" for each in languages.split(","))
    return speaks and not element.get("requiredExtensions")


def _href(use: _Element) -> str:
    """The id that a <use> names, or what is none."""
    href = (use.get("href") or use.get(XLINK_HREF) or "").strip()
    return href[1:] if href.startswith("#") else ""


def _follow_use(use: _Element, place: PathContext) -> PathContext:
    """The place of what a <use> names."""
    lengths = place.lengths(use)
    x, y = lengths.x("x"), lengths.y("y")
    matrix = place.matrix @ transforms.translation(x, y) if x or y else place.matrix
    return place._replace(matrix=matrix, reused=True, asked=use)


def _in_viewport(element: _Element, place: PathContext) -> PathContext | None:
    """The place inside an <svg> or <symbol>, or None where it has no area."""
    box, matrix = view_box(element), place.matrix
    if element.getparent() is None:
        size = size_of(element)
        if size is None:
            return place
    else:
        lengths = place.lengths(element)
        size = _side("width", 0, element, place), _side("height", 1, element, place)
        if min(size) <= 0:
            return None
        if local_name(element) == "svg":
            matrix = matrix @ transforms.translation(lengths.x("x"), lengths.y("y"))
    if box is not None:
        matrix = matrix @ transforms.fit_view_box(box, size, element.get("preserveAspectRatio", ""))
    return place._replace(matrix=matrix, viewport=size if box is None else box[2:], asked=None)


def _side(name: str, axis: int, element: _Element, place: PathContext) -> float:
    """The width or height of a viewport: the <use> decides, then the element, then all there is."""
    lengths, full = place.lengths(element), place.viewport[axis]
    asked = None if place.asked is None else lengths.of(place.asked.get(name), full)
    own = lengths.of(element.get(name), full) if local_name(element) == "svg" else None
    return next((side for side in (asked, own) if side is not None), full)
