"""The extremes of a document: its widest stroke, its largest letters and markers, which bound what any element covers."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, NamedTuple

from .css import declarations
from .size import to_pixels
from .source import SVG, local_name

if TYPE_CHECKING:
    from lxml.etree import _Element

__all__ = ["Extremes", "find_extremes"]


class Extremes(NamedTuple):
    """The largest of a document.

    Attributes:
        reach: how far the widest stroke, and the largest marker on it, reach beyond their path.
        font_size: of the largest letters.
        in_rows: whether all text runs from side to side.
    """

    reach: float
    font_size: float
    in_rows: bool


# CSS: the initial values; "medium" is 16 px.
_DEFAULTS = {"stroke-width": 1.0, "stroke-miterlimit": 4.0, "font-size": 16.0}
_WORDS = frozenset(["inherit", "medium", "small", "smaller", "x-small", "xx-small"])
_DECLARATION = re.compile(r"(?<![\w-])([\w-]+)\s*:\s*([^;}!]*)")


def find_extremes(root: _Element) -> Extremes:
    """Look through a document for what is largest in it; infinite where that cannot be known."""
    values = {name: [default] for name, default in _DEFAULTS.items()}
    in_rows, markers = True, []
    for element in root.iter():
        stated = [*element.attrib.items(), *declarations(element.get("style", ""))]
        if element.tag == f"{{{SVG}}}style":
            stated += _DECLARATION.findall(element.text or "")
        for name, text in stated:
            if name in values:
                pixels = to_pixels(text)
                values[name].append(math.inf if pixels is None and text.strip() not in _WORDS else pixels or 0.0)
            in_rows &= name != "writing-mode"
        if local_name(element) == "marker":
            markers.append(element)
    width, miter, font_size = (max(found) for found in values.values())
    reach = max([width / 2 * max(miter, math.sqrt(2)), *(_reach_of(marker, width) for marker in markers)])
    return Extremes(reach, font_size, in_rows)


def _reach_of(marker: _Element, width: float) -> float:
    """Bound how far a marker reaches from its corner; it is cut off at its sides unless it says otherwise."""
    if (marker.get("overflow", "hidden"), "overflow" in marker.get("style", "")) != ("hidden", False):
        return math.inf
    sides = [to_pixels(marker.get(name, "3")) for name in ("markerWidth", "markerHeight")]
    across, down = (math.inf if side is None else side for side in sides)
    return math.hypot(across, down) * (1.0 if marker.get("markerUnits") == "userSpaceOnUse" else width)
