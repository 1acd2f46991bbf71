"""A walk through a document as a renderer walks, without drawing: it counts what drawing would cost.

Every reference is followed each time it would be drawn, so that what multiplies is counted as often as it is done.
"""

from __future__ import annotations

import logging
import math
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from ..errors import printable
from ..limits import Limits
from .budget import Budget, TooMuchError
from .clean import Clean
from .extremes import find_extremes
from .filters import Price, price_of_function, price_of_primitive
from .geometry import (
    EMPTY,
    IDENTITY,
    Boxes,
    Matrix,
    fit_viewport,
    scales,
    target_of,
    times,
    transform_box,
    union,
)  # fmt: skip
from .size import Box, Size, numbers, size_of, to_pixels, view_box
from .source import SVG, local_name
from .style_cost import MARKERS, StyleCost, read_style
from .tiles import Tile, tile_of

if TYPE_CHECKING:
    from lxml.etree import _Element

__all__ = ["estimate_cost"]

_log = logging.getLogger("aikit")

# What resvg was measured to take, in nanoseconds a pixel.
_LAYER, _MASK, _CLIP, _FILTER, _TILE, _PICTURE = 50.0, 80.0, 100.0, 90.0, 40.0, 30.0
# A dash, as many as resvg cuts a path into; and the corners that it gives a shape.
_DASH, _MOST_DASHES, _CORNERS = 300.0, 1e6, 8


def estimate_cost(
    document: Clean, width: int, height: int, *, engine: str = "resvg", limits: Limits | None = None
) -> None:
    """Refuse a document in which references or numbers multiply the work beyond measure, and cut circular references.

    What the file itself says, as often as it says so, is not refused: in a child process time and memory are limited.

    Args:
        document: a cleaned one, its style sheets inlined.
        width: of the picture, in pixels.
        height: of the picture, in pixels.
        engine: which renderer is to draw it.
        limits: what drawing may hold; None allows what the machine has.

    Raises:
        LimitError: what it draws multiplies, nests or covers too much.
    """
    if not document.refers:
        return

    def walk(*, exact: bool) -> None:
        memory = None if limits is None else limits.max_memory
        _Walk(document, Budget(document.name, width, height, engine, memory), exact).count_document(1)

    try:
        walk(exact=False)
    except TooMuchError:
        # At first every layer counts as the largest there can be. Where that is too much, boxes are worked out.
        try:
            walk(exact=True)
        except TooMuchError as error:
            raise error.refusal from error
    if document.cuts:
        _log.info(
            "%s: left out %s",
            printable(document.name),
            ", ".join(f"{said} of <{local_name(element)}>" for element, said in document.cuts),
        )


# ---------------------------------------------------------------- the walk


class RenderContext(NamedTuple):
    """Where an element is drawn: in which coordinates, how deep, and with what inherited."""

    matrix: Matrix
    viewport: Size | None
    depth: int
    paints: dict[str, list[str]]
    dashes: list[float] | None = None
    above: StyleCost | None = None


class _InsideItselfError(Exception):
    """An element is met on the way down to itself: the reference that led there is cut."""


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
        drawn: what was drawn once already, of all documents in it.
    """

    def __init__(
        self, document: Clean, budget: Budget, exact: bool, drawn: set[tuple[_Element, str]] | None = None
    ) -> None:
        self._document = document
        self._ids = document.ids
        self._budget = budget
        self._exact = exact
        self._drawn: set[tuple[_Element, str]] = set() if drawn is None else drawn
        self._on_path: set[_Element] = set()
        self._in_marker = False
        box = view_box(document.root)
        self._viewport: Size = box[2:] if box else size_of(document.root) or (budget.width, budget.height)
        self._root_box = box
        # Worked out once, however often they are drawn.
        self._looks: dict[_Element, StyleCost] = {}
        self._corners: dict[_Element, int] = {}
        self._tiles: dict[_Element, Tile] = {}
        self._definitions: dict[_Element, RenderContext] = {}

    @cached_property
    def _boxes(self) -> Boxes:
        """The boxes of the elements: seldom needed, and more work than all the rest."""
        root = self._document.root
        # In an <svg> within, 100% is something else.
        viewport = self._viewport if next(root.iterdescendants(f"{{{SVG}}}svg"), None) is None else None
        return Boxes(self._ids, lambda element: read_style(element, None).transform, viewport, *find_extremes(root))

    def _is_again(self, element: _Element, what: str) -> bool:
        """Whether this was done to an element before: what is done once, the file says as often as it is done."""
        again = (element, what) in self._drawn
        self._drawn.add((element, what))
        return again

    def _spend(self, element: _Element, what: str, nanoseconds: float) -> None:
        """Count time from the second time on."""
        if self._is_again(element, what):
            self._budget.spend(nanoseconds)

    def _style_of(self, element: _Element, above: StyleCost | None) -> StyleCost:
        """Read what an element says; once, unless it asks for what it is in."""
        look = self._looks.get(element)
        if look is None or look.inherits:
            self._looks[element] = look = read_style(element, above)
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
        if element in self._on_path:
            raise _InsideItselfError
        self._budget.draw(place.depth, int(self._is_again(element, "drawn")))
        look = self._style_of(element, place.above)
        matrix = place.matrix if look.transform is IDENTITY else times(place.matrix, look.transform)
        paints = {**place.paints, **look.paints} if look.paints else place.paints
        dashes = place.dashes if look.dashes is None else look.dashes
        inside = RenderContext(matrix, place.viewport, place.depth + 1, paints, dashes, look)
        self._on_path.add(element)
        try:
            cost = self._count_content(element, kind, inside, use)
            return self._count_group(element, look, inside, cost)
        finally:
            self._on_path.discard(element)

    def _follow(
        self, element: _Element, said: str, target: _Element, place: RenderContext, use: _Element | None = None
    ) -> _Cost:
        """Count what a reference leads to. One that leads to where it stands is cut, and nothing drawn for it.

        Source: SVG 2, sections 5.6 and 12.1 (references that are circular are in error, and as if they were not there).
        """
        try:
            return self._count(target, place, referred=True, use=use)
        except _InsideItselfError:
            self._document.cut(element, said)
            self._looks.pop(element, None)
            return _NOTHING

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
        if kind in _SHAPES and (place.paints or place.dashes):
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
        return self._follow(use, "href", target, place, use)

    def _count_picture(self, image: _Element, place: RenderContext) -> _Cost:
        pixels = self._document.pictures.get(image, 0)
        self._spend(image, "picture", pixels * _PICTURE)
        nested = self._document.nested.get(image)
        if nested is None:
            return _Cost(pixels)
        covered = self._budget.count_pixels(None)
        self._spend(image, "layer", covered * _LAYER)
        held = _Walk(nested, self._budget, self._exact, self._drawn).count_document(place.depth + 1).held
        if nested.cuts:
            self._document.cut(image, "picture")
        return _Cost(covered + held)

    # ------------------------------------------------------------ layers

    def _count_group(self, element: _Element, look: StyleCost, place: RenderContext, cost: _Cost) -> _Cost:
        """Count what composing an element as a group adds."""
        if not (look.layered or look.filters or look.functions or look.masks or look.clips):
            return cost
        filters, masks, clips = (
            self._find(ids, kind)
            for ids, kind in ((look.filters, "filter"), (look.masks, "mask"), (look.clips, "clipPath"))
        )
        if not (look.layered or filters or look.functions or masks or clips):
            return cost
        spill = union([cost.spill, *(self._region(element, one, place) for one in filters)])
        if look.functions:
            spill = union([spill, self._budget.picture])
        pixels = self._budget.count_pixels(self._layer_box(element, place, spill))
        self._spend(element, "layer", pixels * _LAYER)
        held = pixels + cost.held
        for one in filters:
            held = max(held, pixels + self._count_filter(one, pixels, place))
        if look.functions:
            held = max(held, pixels + self._count_functions(element, look.functions, pixels, place))
        for price, targets, said in ((_MASK, masks, "mask"), (_CLIP, clips, "clip-path")):
            for target in targets:
                self._spend(target, said, pixels * price)
                below = self._follow(element, said, target, self._at_definition(target, place))
                held = max(held, 2 * pixels + below.held)
        self._budget.hold(held)
        return _Cost(held, spill)

    def _find(self, ids: list[str], kind: str) -> list[_Element]:
        targets = (self._ids.get(name) for name in ids)
        return [target for target in targets if target is not None and local_name(target) == kind]

    def _at_definition(self, target: _Element, place: RenderContext) -> RenderContext:
        """A definition inherits from where it stands, not from where it is used."""
        if target not in self._definitions:
            above: StyleCost | None = None
            paints: dict[str, list[str]] = {}
            dashes: list[float] | None = None
            for ancestor in reversed(list(target.iterancestors())):
                above = self._style_of(ancestor, above)
                paints |= above.paints
                dashes = dashes if above.dashes is None else above.dashes
            self._definitions[target] = place._replace(paints=paints, dashes=dashes, above=above)
        inherited = self._definitions[target]
        return place._replace(paints=inherited.paints, dashes=inherited.dashes, above=inherited.above)

    def _layer_box(self, element: _Element, place: RenderContext, spill: Box) -> Box | None:
        """The box that an element covers of the picture; None for any part of it."""
        box = self._boxes.with_strokes(element) if self._exact else None
        if box is None or not all(map(math.isfinite, box)) or not _is_known(place.matrix):
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
        again = self._is_again(one, "filter")
        self._pay(Price(_FILTER), pixels, again)
        held = pixels
        for primitive in one:
            kind = local_name(primitive)
            if not kind.startswith("fe"):
                continue
            self._budget.draw(place.depth + 1, int(again))
            self._pay(price_of_primitive(primitive, kind, place.matrix, pixels), pixels, again)
            held += pixels
            target = target_of(primitive, self._ids) if kind == "feImage" else None
            if target is not None:
                held += self._follow(primitive, "href", target, self._at_definition(target, place)).held
            held += self._document.pictures.get(primitive, 0)
        return held

    def _count_functions(self, element: _Element, names: list[str], pixels: float, place: RenderContext) -> float:
        """Count the filter functions of an element; how many pixels their results hold."""
        again = self._is_again(element, "filter")
        for name in names:
            self._budget.draw(place.depth + 1, int(again))
            self._pay(price_of_function(name), pixels, again)
        return pixels * (1 + len(names))

    def _pay(self, price: Price, pixels: float, again: bool) -> None:
        """Count the time of a step: what a number in it asks for always, the step itself from the second time on."""
        self._budget.spend(pixels * (price.multiplied + (price.step if again else 0.0)))

    # ------------------------------------------------------------ paint

    def _count_paint(self, shape: _Element, kind: str, place: RenderContext) -> list[_Cost]:
        costs = [
            self._count_tile(shape, said, pattern, place)
            for said in ("fill", "stroke")
            for pattern in self._find(place.paints.get(said, []), "pattern")
        ]
        if kind in _MARKED and not self._in_marker:
            for name in MARKERS:
                markers = self._find(place.paints.get(name, []), "marker")
                costs += [self._count_marker(shape, marker, place, name) for marker in markers]
        if kind in _MARKED and place.dashes:
            self._count_dashes(shape, place.dashes)
        return costs

    def _count_dashes(self, shape: _Element, dashes: list[float]) -> None:
        """Count the dashes of a line, each of which is a path of its own."""
        if sum(dashes) > 0:
            length = self._boxes.length(shape)
            self._budget.spend(_DASH * min(_MOST_DASHES, length / sum(dashes) * len(dashes)))

    def _count_marker(self, shape: _Element, marker: _Element, place: RenderContext, said: str) -> _Cost:
        """Count a marker, once or at every corner of a shape. There are no markers in markers."""
        corners = self._corners_of(shape) if said == "marker-mid" else 1
        before = self._budget.met
        self._in_marker = True
        try:
            cost = self._follow(shape, said, marker, self._at_definition(marker, place)._replace(matrix=_UNKNOWN))
        finally:
            self._in_marker = False
        self._budget.draw(place.depth, max(0, corners - 1) * (self._budget.met - before))
        return cost

    def _corners_of(self, shape: _Element) -> int:
        if shape not in self._corners:
            self._corners[shape] = len(numbers(shape.get("d", "") + shape.get("points", ""))) // 2 or _CORNERS
        return self._corners[shape]

    def _count_tile(self, shape: _Element, said: str, pattern: _Element, place: RenderContext) -> _Cost:
        """Count a pattern, whose tile is drawn anew for each shape that it fills, however large the tile is."""
        if self._is_again(shape, said):
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
        self._spend(tile.owner, "tile", pixels * _TILE)
        matrix: Matrix = (stretch[0], 0.0, 0.0, stretch[1], 0.0, 0.0)
        if tile.view_box:
            matrix = times(matrix, (width / tile.view_box[2], 0.0, 0.0, height / tile.view_box[3], 0.0, 0.0))
        elif tile.content_of_box:
            matrix = times(matrix, (across, 0.0, 0.0, down, 0.0, 0.0))
        content = self._follow(shape, said, tile.owner, self._at_definition(tile.owner, place)._replace(matrix=matrix))
        self._budget.hold(pixels + content.held)
        return _Cost(pixels + content.held)

    def _tile(self, pattern: _Element, depth: int) -> Tile:
        if pattern not in self._tiles:
            # A pattern takes attributes and content from another, and that one from another.
            chain = [pattern]
            while (target := target_of(chain[-1], self._ids)) is not None and target not in chain:
                chain.append(target)
                self._budget.draw(depth + len(chain), 0)
            self._tiles[pattern] = tile_of(chain)
        return self._tiles[pattern]


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
