"""A walk through a document as a renderer walks, without drawing: it counts what drawing would cost.

Every reference is followed each time it would be drawn, so that what multiplies is counted as often as it is done.
"""

from __future__ import annotations

import math
import re
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import FileFormatError, quoted
from .budget import Budget, TooMuchError
from .clean import Clean
from .css import LOCAL, declarations
from .geometry import (
    EMPTY,
    IDENTITY,
    Boxes,
    Matrix,
    fit_viewport,
    parse_transform,
    scales,
    target_of,
    times,
    transform_box,
    union,
)  # fmt: skip
from .size import Box, Size, numbers, size_of, to_pixels, view_box
from .source import SVG, local_name

if TYPE_CHECKING:
    from lxml.etree import _Element

__all__ = ["estimate_cost"]

# What resvg was measured to take, in nanoseconds a pixel.
_LAYER, _MASK, _CLIP, _FILTER, _TILE, _PICTURE = 50.0, 80.0, 100.0, 90.0, 40.0, 30.0
_PRIMITIVE, _OCTAVE, _TAP, _MERGED = 100.0, 90.0, 5.0, 80.0
# A dash, as many as resvg cuts a path into; and the corners that it gives a shape.
_DASH, _MOST_DASHES, _CORNERS = 300.0, 1e6, 8
_PRIMITIVES = {"feGaussianBlur": 300.0, "feDropShadow": 300.0, "feTurbulence": 400.0}


def estimate_cost(document: Clean, width: int, height: int, *, engine: str = "resvg") -> None:
    """Refuse a document that would cost too much at this size.

    Args:
        document: a cleaned one, its style sheets inlined.
        width: of the picture, in pixels.
        height: of the picture, in pixels.
        engine: which renderer is to draw it.

    Raises:
        LimitError: what it draws multiplies, nests or covers more than the picture is worth.
        FileFormatError: an element is drawn inside itself.
    """
    if not document.refers:
        return
    try:
        _Walk(document, Budget(document.name, width, height, engine), exact=False).count_document(1)
    except TooMuchError:
        # At first every layer counts as the largest there can be. Where that is too much, boxes are worked out.
        try:
            _Walk(document, Budget(document.name, width, height, engine), exact=True).count_document(1)
        except TooMuchError as error:
            raise error.refusal from error


# ---------------------------------------------------------------- what an element says


class StyleCost(NamedTuple):
    """The attributes and style of an element that decide what it costs. References are ids."""

    transform: Matrix
    layered: bool
    filters: list[str]
    masks: list[str]
    clips: list[str]
    # By property, and the lengths of dashes. Where nothing is stated, the parent's hold.
    paints: dict[str, list[Any]]
    inherits: bool = False


# These reach down to the children.
_MARKERS = ("marker-start", "marker-mid", "marker-end")
_PAINTS = ("fill", "stroke", *_MARKERS)
_LAYERS = ("opacity", "mix-blend-mode", "isolation")
_GROUPS = ("filter", "mask", "clip-path")
_READ = frozenset([*_PAINTS, *_LAYERS, *_GROUPS, "marker", "stroke-dasharray"])


def _read_style(element: _Element, above: StyleCost | None) -> StyleCost:
    stated: dict[str, str] = {name: value for name, value in element.attrib.items() if name in _READ}
    transform = element.get("transform")
    style = element.get("style")
    if style:
        for name, value in declarations(style):
            if name == "transform":
                transform = value
            elif name in _READ:
                # Whichever of them holds, all are counted.
                stated[name] = f"{stated.get(name, '')} {value}"
    if "marker" in stated:
        for name in _MARKERS:
            stated[name] = f"{stated.get(name, '')} {stated['marker']}"
    paints: dict[str, list[Any]] = {
        name: _references(stated[name]) for name in _PAINTS if stated.get(name, "inherit").strip() != "inherit"
    }
    if "stroke-dasharray" in stated:
        paints["stroke-dasharray"] = numbers(stated["stroke-dasharray"])
    filters, masks, clips = groups = [_references(stated.get(name, "")) for name in _GROUPS]
    inherited = ([], [], []) if above is None else (above.filters, above.masks, above.clips)
    asked = ["inherit" in stated.get(name, "") for name in _GROUPS]
    for own, given, wanted in zip(groups, inherited, asked, strict=True):
        if wanted:
            own += given
    layered = any(name in stated for name in _LAYERS)
    return StyleCost(
        parse_transform(transform) if transform else IDENTITY, layered, filters, masks, clips, paints, any(asked)
    )


def _references(value: str) -> list[str]:
    return [match[2] for match in LOCAL.finditer(value)] if "url(" in value else []


# ---------------------------------------------------------------- the walk


class RenderContext(NamedTuple):
    """Where an element is drawn: in which coordinates, how deep, and with what inherited."""

    matrix: Matrix
    viewport: Size | None
    depth: int
    paints: dict[str, list[Any]]
    above: StyleCost | None = None


class _Cost(NamedTuple):
    """What drawing takes: the most pixels held at one time, and where filters reach to on the picture."""

    held: float = 0.0
    spill: Box = EMPTY


_NOTHING = _Cost()

# Not drawn where they stand.
_DEFINITIONS = frozenset(
    """
    defs symbol pattern marker mask clipPath filter linearGradient radialGradient style title desc view stop
    animate animateColor animateMotion animateTransform mpath set
    """.split()
)
_SHAPES = frozenset("rect circle ellipse line path polyline polygon text tspan textPath tref".split())
_MARKED = frozenset("rect circle ellipse line path polyline polygon".split())


class _Walk:
    """The walk through one document.

    Args:
        document: a cleaned one.
        budget: what is left for the picture it is drawn into.
        exact: whether layers count with their own boxes, not as the largest there can be.
    """

    def __init__(self, document: Clean, budget: Budget, exact: bool) -> None:
        self._document = document
        self._ids = document.ids
        self._budget = budget
        self._exact = exact
        self._on_path: set[_Element] = set()
        self._in_marker = False
        box = view_box(document.root)
        self._viewport: Size = box[2:] if box else size_of(document.root) or (budget.width, budget.height)
        self._root_box = box
        # Worked out once, however often they are drawn.
        self._looks: dict[_Element, StyleCost] = {}
        self._corners: dict[_Element, int] = {}
        self._tiles: dict[_Element, _Tile] = {}
        self._definitions: dict[_Element, tuple[dict[str, list[Any]], StyleCost | None]] = {}

    @cached_property
    def _boxes(self) -> Boxes:
        """The boxes of the elements: seldom needed, and more work than all the rest."""
        root = self._document.root
        # In an <svg> within, 100% is something else.
        viewport = self._viewport if next(root.iterdescendants(f"{{{SVG}}}svg"), None) is None else None
        return Boxes(self._ids, lambda element: _read_style(element, None).transform, viewport, *_largest(root))

    @cached_property
    def _has_markers(self) -> bool:
        return next(self._document.root.iterdescendants(f"{{{SVG}}}marker"), None) is not None

    def _style_of(self, element: _Element, above: StyleCost | None) -> StyleCost:
        """Read what an element says; once, unless it asks for what it is in."""
        look = self._looks.get(element)
        if look is None or look.inherits:
            self._looks[element] = look = _read_style(element, above)
        return look

    def count_document(self, depth: int) -> _Cost:
        """Count the entire document."""
        across, down = self._budget.width / self._viewport[0], self._budget.height / self._viewport[1]
        matrix: Matrix = (across, 0.0, 0.0, down, 0.0, 0.0)
        if self._root_box:
            matrix = times(matrix, (1.0, 0.0, 0.0, 1.0, -self._root_box[0], -self._root_box[1]))
        return self._count(self._document.root, RenderContext(matrix, self._viewport, depth, {}), referred=True)

    def _count(
        self, element: _Element, place: RenderContext, *, referred: bool = False, use: _Element | None = None
    ) -> _Cost:
        """Count an element and what is in it.

        Args:
            element: the element.
            place: where it is drawn.
            referred: whether a reference leads to it, so that it is drawn though it be a definition.
            use: the <use> that leads to it.
        """
        kind = local_name(element)
        if kind in _DEFINITIONS and not referred:
            return _NOTHING
        self._budget.draw(place.depth)
        if element in self._on_path:
            raise FileFormatError(
                self._document.name,
                "references that end",
                f"<{kind} id={quoted(element.get('id', ''))}> drawn inside itself",
                "take one of the references out",
            )
        look = self._style_of(element, place.above)
        matrix = place.matrix if look.transform is IDENTITY else times(place.matrix, look.transform)
        paints = {**place.paints, **look.paints} if look.paints else place.paints
        inside = RenderContext(matrix, place.viewport, place.depth + 1, paints, look)
        self._on_path.add(element)
        try:
            cost = self._count_content(element, kind, inside, use)
            return self._count_group(element, look, inside, cost)
        finally:
            self._on_path.discard(element)

    def _count_content(self, element: _Element, kind: str, place: RenderContext, use: _Element | None) -> _Cost:
        if kind == "use":
            return self._count_use(element, place)
        if kind == "image":
            return self._count_picture(element, place)
        if kind in ("svg", "symbol") and element is not self._document.root:
            matrix = fit_viewport(element, use, place.viewport)
            box = view_box(element)
            place = place._replace(matrix=_UNKNOWN if matrix is None else times(place.matrix, matrix))
            place = place._replace(viewport=box[2:] if box else place.viewport)
        costs = [self._count(child, place) for child in element]
        if kind in _SHAPES and place.paints:
            costs += self._count_paint(element, kind, place)
        return _all(costs)

    def _count_use(self, use: _Element, place: RenderContext) -> _Cost:
        target = target_of(use, self._ids)
        if target is None:
            return _NOTHING
        if "x" in use.attrib or "y" in use.attrib:
            viewport = place.viewport
            x, y = (to_pixels(use.get(name, "0"), full=viewport and viewport[at]) for at, name in enumerate("xy"))
            shift: Matrix = _UNKNOWN if x is None or y is None else (1.0, 0.0, 0.0, 1.0, x, y)
            place = place._replace(matrix=times(place.matrix, shift))
        return self._count(target, place, referred=True, use=use)

    def _count_picture(self, image: _Element, place: RenderContext) -> _Cost:
        pixels = self._document.pictures.get(image, 0)
        self._budget.spend(pixels * _PICTURE)
        nested = self._document.nested.get(image)
        if nested is None:
            return _Cost(pixels)
        covered = self._budget.count_pixels(None)
        self._budget.spend(covered * _LAYER)
        return _Cost(covered + _Walk(nested, self._budget, self._exact).count_document(place.depth + 1).held)

    # ------------------------------------------------------------ layers

    def _count_group(self, element: _Element, look: StyleCost, place: RenderContext, cost: _Cost) -> _Cost:
        """Count what composing an element as a group adds."""
        if not (look.layered or look.filters or look.masks or look.clips):
            return cost
        filters, masks, clips = (
            self._find(ids, kind)
            for ids, kind in ((look.filters, "filter"), (look.masks, "mask"), (look.clips, "clipPath"))
        )
        if not (look.layered or filters or masks or clips):
            return cost
        spill = union([cost.spill, *(self._region(element, one, place) for one in filters)])
        pixels = self._budget.count_pixels(self._layer_box(element, place, spill))
        self._budget.spend(pixels * _LAYER)
        held = pixels + cost.held
        for one in filters:
            held = max(held, pixels + self._count_filter(one, pixels, place))
        for price, targets in ((_MASK, masks), (_CLIP, clips)):
            for target in targets:
                self._budget.spend(pixels * price)
                below = self._count(target, self._at_definition(target, place), referred=True)
                held = max(held, 2 * pixels + below.held)
        self._budget.hold(held)
        return _Cost(held, spill)

    def _find(self, ids: list[str], kind: str) -> list[_Element]:
        targets = (self._ids.get(name) for name in ids)
        return [target for target in targets if target is not None and local_name(target) == kind]

    def _at_definition(self, target: _Element, place: RenderContext) -> RenderContext:
        """A definition inherits from where it stands, not from where it is used."""
        if target not in self._definitions:
            above = None
            paints: dict[str, list[Any]] = {}
            for ancestor in reversed(list(target.iterancestors())):
                above = self._style_of(ancestor, above)
                paints |= above.paints
            self._definitions[target] = paints, above
        paints, above = self._definitions[target]
        return place._replace(paints=paints, above=above)

    def _layer_box(self, element: _Element, place: RenderContext, spill: Box) -> Box | None:
        """The box that an element covers of the picture; None for any part of it."""
        box = None if not self._exact or self._has_markers else self._boxes.with_strokes(element)
        if box is None or not _is_known(place.matrix):
            return None
        return union([transform_box(box, place.matrix), spill])

    def _region(self, element: _Element, one: _Element, place: RenderContext) -> Box:
        """The part of the picture that a filter works on."""
        everything = self._budget.around
        if not self._exact or not _is_known(place.matrix):
            return everything
        sides = [one.get(name, default) for name, default in _REGION.items()]
        if one.get("filterUnits") == "userSpaceOnUse":
            viewport = place.viewport
            values = [to_pixels(side, full=viewport and viewport[at % 2]) for at, side in enumerate(sides)]
            left, top, width, height = (math.nan if value is None else value for value in values)
        else:
            box = self._boxes.of(element)
            if box is None or box[0] > box[2]:
                return everything if box is None else EMPTY
            across, down = box[2] - box[0], box[3] - box[1]
            shares = [to_pixels(side, full=1.0) for side in sides]
            x, y, wide, high = (math.nan if share is None else share for share in shares)
            left, top, width, height = box[0] + x * across, box[1] + y * down, wide * across, high * down
        return transform_box((left, top, left + width, top + height), place.matrix)

    def _count_filter(self, one: _Element, pixels: float, place: RenderContext) -> float:
        """Count a filter on so many pixels; how many pixels its results hold."""
        self._budget.spend(pixels * _FILTER)
        held = pixels
        for primitive in one:
            kind = local_name(primitive)
            if not kind.startswith("fe"):
                continue
            self._budget.draw(place.depth + 1)
            self._budget.spend(pixels * _price(primitive, kind, place.matrix, pixels))
            held += pixels
            target = target_of(primitive, self._ids) if kind == "feImage" else None
            if target is not None:
                held += self._count(target, self._at_definition(target, place), referred=True).held
            held += self._document.pictures.get(primitive, 0)
        return held

    # ------------------------------------------------------------ paint

    def _count_paint(self, shape: _Element, kind: str, place: RenderContext) -> list[_Cost]:
        patterns = self._find([*place.paints.get("fill", []), *place.paints.get("stroke", [])], "pattern")
        costs = [self._count_tile(shape, pattern, place) for pattern in patterns]
        if kind in _MARKED and not self._in_marker:
            for name in _MARKERS:
                markers = self._find(place.paints.get(name, []), "marker")
                costs += [self._count_marker(shape, marker, place, every=name == "marker-mid") for marker in markers]
        if kind in _MARKED and "stroke-dasharray" in place.paints:
            self._count_dashes(shape, place.paints["stroke-dasharray"])
        return costs

    def _count_dashes(self, shape: _Element, dashes: list[float]) -> None:
        """Count the dashes of a line, each of which is a path of its own."""
        if dashes and sum(dashes) > 0:
            length = self._boxes.length(shape)
            self._budget.spend(_DASH * min(_MOST_DASHES, length / sum(dashes) * len(dashes)))

    def _count_marker(self, shape: _Element, marker: _Element, place: RenderContext, *, every: bool) -> _Cost:
        """Count a marker, once or at every corner of a shape. There are no markers in markers."""
        corners = self._corners_of(shape) if every else 1
        before = self._budget.drawn
        self._in_marker = True
        try:
            cost = self._count(marker, self._at_definition(marker, place)._replace(matrix=_UNKNOWN), referred=True)
        finally:
            self._in_marker = False
        self._budget.draw(place.depth, max(0, corners - 1) * (self._budget.drawn - before))
        return cost

    def _corners_of(self, shape: _Element) -> int:
        if shape not in self._corners:
            self._corners[shape] = len(numbers(shape.get("d", "") + shape.get("points", ""))) // 2 or _CORNERS
        return self._corners[shape]

    def _count_tile(self, shape: _Element, pattern: _Element, place: RenderContext) -> _Cost:
        """Count a pattern, whose tile is drawn anew for each shape that it fills, however large the tile is."""
        self._budget.tile()
        tile = self._tile(pattern, place.depth)
        box = self._boxes.of(shape if local_name(shape) != "tspan" else _text_of(shape))
        across, down = (math.nan, math.nan) if box is None else (max(0.0, box[2] - box[0]), max(0.0, box[3] - box[1]))
        full = (1.0, 1.0) if tile.of_box else place.viewport
        width, height = (
            math.nan if side is None else side
            for side in (to_pixels(text, full=full and full[at]) for at, text in enumerate(tile.sides))
        )
        if tile.of_box:
            width, height = width * across, height * down
        if width <= 0 or height <= 0:
            return _NOTHING
        stretch = scales(times(place.matrix, tile.transform))
        pixels = width * stretch[0] * height * stretch[1]
        # NaN, of what cannot be known, is too much as well.
        self._budget.hold(pixels)
        self._budget.spend(pixels * _TILE)
        matrix: Matrix = (stretch[0], 0.0, 0.0, stretch[1], 0.0, 0.0)
        if tile.view_box:
            matrix = times(matrix, (width / tile.view_box[2], 0.0, 0.0, height / tile.view_box[3], 0.0, 0.0))
        elif tile.content_of_box:
            matrix = times(matrix, (across, 0.0, 0.0, down, 0.0, 0.0))
        content = self._count(tile.owner, self._at_definition(tile.owner, place)._replace(matrix=matrix), referred=True)
        self._budget.hold(pixels + content.held)
        return _Cost(pixels + content.held)

    def _tile(self, pattern: _Element, depth: int) -> _Tile:
        if pattern not in self._tiles:
            # A pattern takes attributes and content from another, and that one from another.
            chain = [pattern]
            while (target := target_of(chain[-1], self._ids)) is not None and target not in chain:
                chain.append(target)
                self._budget.draw(depth + len(chain))
            self._tiles[pattern] = _tile_of(chain)
        return self._tiles[pattern]


class _Tile(NamedTuple):
    """The tile of a pattern, as its attributes describe it."""

    owner: _Element
    sides: tuple[str, str]
    of_box: bool
    content_of_box: bool
    transform: Matrix
    view_box: Box | None


def _tile_of(chain: list[_Element]) -> _Tile:
    def first_of(name: str, default: str) -> str:
        return next((text for one in chain if (text := one.get(name))), default)

    owner = next((one for one in chain if len(one)), chain[0])
    return _Tile(
        owner,
        (first_of("width", "0"), first_of("height", "0")),
        first_of("patternUnits", "objectBoundingBox") == "objectBoundingBox",
        first_of("patternContentUnits", "userSpaceOnUse") == "objectBoundingBox",
        parse_transform(first_of("patternTransform", "")),
        view_box(owner),
    )


# Where an unknown % decides on a scale: whatever is measured in it is unknown.
_UNKNOWN: Matrix = (math.nan,) * 6


def _is_known(matrix: Matrix) -> bool:
    return all(map(math.isfinite, matrix))


_REGION = {"x": "-10%", "y": "-10%", "width": "120%", "height": "120%"}


def _all(costs: list[_Cost]) -> _Cost:
    """The cost of things drawn one after the other."""
    if len(costs) < 2:
        return costs[0] if costs else _NOTHING
    return _Cost(max((cost.held for cost in costs), default=0.0), union(cost.spill for cost in costs))


def _text_of(span: _Element) -> _Element:
    return next((one for one in span.iterancestors() if local_name(one) == "text"), span)


def _price(primitive: _Element, kind: str, matrix: Matrix, pixels: float) -> float:
    """Nanoseconds a pixel of a filter primitive."""
    price = _PRIMITIVES.get(kind, _PRIMITIVE)
    if kind == "feMorphology":
        radii = _few(primitive, "radius", "0")[:2]
        wide, high = (2 * radius * scale + 1 for radius, scale in zip(radii * 2, scales(matrix), strict=False))
        # It looks no further than the layer reaches.
        return price + _TAP * min(wide * high, pixels)
    if kind == "feConvolveMatrix":
        return price + _TAP * math.prod((_few(primitive, "order", "3") * 2)[:2])
    if kind == "feTurbulence":
        return price + _OCTAVE * max([0.0, *_few(primitive, "numOctaves", "1")])
    if kind == "feMerge":
        return price + _MERGED * len(primitive)
    return price


def _few(primitive: _Element, name: str, default: str) -> list[float]:
    """The numbers of an attribute that has one or two of them."""
    return numbers(primitive.get(name, default)[:200])


def _largest(root: _Element) -> tuple[float, float, bool]:
    """How far the widest stroke of a document reaches beyond its path, its largest letters, whether all lie in rows."""
    values = {name: [default] for name, default in _DEFAULTS.items()}
    in_rows = True
    for element in root.iter():
        stated = [*element.attrib.items(), *declarations(element.get("style", ""))]
        if element.tag == f"{{{SVG}}}style":
            stated += _DECLARATION.findall(element.text or "")
        for name, text in stated:
            if name in values:
                pixels = to_pixels(text)
                values[name].append(math.inf if pixels is None and text.strip() not in _WORDS else pixels or 0.0)
            in_rows &= name != "writing-mode"
    width, miter, font_size = (max(found) for found in values.values())
    return width / 2 * max(miter, math.sqrt(2)), font_size, in_rows


# CSS: the initial values; "medium" is 16 px.
_DEFAULTS = {"stroke-width": 1.0, "stroke-miterlimit": 4.0, "font-size": 16.0}
_WORDS = frozenset(["inherit", "medium", "small", "smaller", "x-small", "xx-small"])
_DECLARATION = re.compile(r"(?<![\w-])([\w-]+)\s*:\s*([^;}!]*)")
