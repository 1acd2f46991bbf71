"""What the attributes and the style of an element say that decides what it costs to draw it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from .css import LOCAL, declarations
from .geometry import IDENTITY, Matrix, parse_transform
from .size import numbers

if TYPE_CHECKING:
    from lxml.etree import _Element

__all__ = ["MARKERS", "StyleCost", "read_style"]


class StyleCost(NamedTuple):
    """The attributes and style of an element that decide what it costs. References are ids.

    Attributes:
        transform: of the element.
        layered: whether it is composed as a group.
        filters: elements that it is filtered by.
        functions: names of CSS filter functions that it is filtered by.
        masks: elements that mask it.
        clips: elements that clip it.
        paints: by property, the elements that it and what is in it are painted and marked with; where nothing is
            stated, the parent's hold.
        dashes: lengths of dashes; None where nothing is stated.
        inherits: whether it asks for what its parent has.
    """

    transform: Matrix
    layered: bool
    filters: list[str]
    functions: list[str]
    masks: list[str]
    clips: list[str]
    paints: dict[str, list[str]]
    dashes: list[float] | None = None
    inherits: bool = False


# These reach down to the children.
MARKERS = ("marker-start", "marker-mid", "marker-end")
_PAINTS = ("fill", "stroke", *MARKERS)
_LAYERS = ("opacity", "mix-blend-mode", "isolation")
_GROUPS = ("filter", "mask", "clip-path")
_READ = frozenset([*_PAINTS, *_LAYERS, *_GROUPS, "marker", "stroke-dasharray"])
# Filter Effects 1, section 8: what stands in a `filter` besides references.
_FUNCTION = re.compile(
    r"\b(blur|brightness|contrast|drop-shadow|grayscale|hue-rotate|invert|opacity|saturate|sepia)\s*\(", re.IGNORECASE
)


def read_style(element: _Element, above: StyleCost | None) -> StyleCost:
    """Read what an element says; `above` is what its parent says, for what it inherits on request."""
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
        for name in MARKERS:
            stated[name] = f"{stated.get(name, '')} {stated['marker']}"
    paints = {name: _references(stated[name]) for name in _PAINTS if stated.get(name, "inherit").strip() != "inherit"}
    filters, masks, clips = groups = [_references(stated.get(name, "")) for name in _GROUPS]
    functions = [name.lower() for name in _FUNCTION.findall(stated.get("filter", ""))]
    inherited = ([], [], []) if above is None else (above.filters, above.masks, above.clips)
    asked = ["inherit" in stated.get(name, "") for name in _GROUPS]
    for own, given, wanted in zip(groups, inherited, asked, strict=True):
        if wanted:
            own += given
    if asked[0] and above is not None:
        functions += above.functions
    return StyleCost(
        parse_transform(transform) if transform else IDENTITY,
        any(name in stated for name in _LAYERS),
        filters,
        functions,
        masks,
        clips,
        paints,
        numbers(stated["stroke-dasharray"]) if "stroke-dasharray" in stated else None,
        any(asked),
    )


def _references(value: str) -> list[str]:
    return [match[2] for match in LOCAL.finditer(value)] if "url(" in value else []
