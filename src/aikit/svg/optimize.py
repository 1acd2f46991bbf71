"""Smaller SVGs that look the same: what editors keep for themselves goes, numbers get shorter."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from .css import LOCAL
from .shorten import digits_for, shorten_numbers, shorten_path
from .size import view_box
from .source import SVG, XLINK, XLINK_HREF, local_name
from .transform import parse_transform

if TYPE_CHECKING:
    from lxml.etree import _Element

__all__ = ["Savings", "optimize"]

_XML = "http://www.w3.org/XML/1998/namespace"
_KEPT_NAMESPACES = {SVG, XLINK, _XML, None}
# What is drawn only where something refers to it.
_DEFINED = frozenset("clipPath filter linearGradient marker mask pattern radialGradient symbol".split())
_EMPTY = frozenset(["g", "defs", "a", "switch"])
# Lists of lengths and coordinates: a digit less moves something by less than the error.
_LENGTHS = frozenset(
    "x y width height cx cy r rx ry x1 y1 x2 y2 fx fy dx dy points stroke-width stroke-dasharray stroke-dashoffset".split()
)
_TEXT = frozenset(["text", "tspan", "textPath", "title", "desc", "style", "script", "foreignObject"])
_IDS_IN_SHEETS = re.compile(r"#([\w-]+)")


class Savings(NamedTuple):
    """The size of a document in bytes before and after it was made smaller."""

    before: int
    after: int


def optimize(root: _Element, max_error: float) -> None:
    """Make a document smaller in place; what it shows moves by at most `max_error` user units."""
    from lxml import etree

    etree.strip_elements(root, etree.Comment, with_tail=False)
    _drop_editors(root)
    scripted = any(local_name(each) == "script" for each in root.iter(f"{{{SVG}}}*"))
    while not scripted and _drop_unused(root):
        pass
    _shorten(root, max_error)
    _drop_blanks(root)
    etree.cleanup_namespaces(root)


def _drop_editors(root: _Element) -> None:
    """Take out metadata, and elements and attributes of other vocabularies."""
    from lxml import etree

    for element in list(root.iter("*")):
        foreign = etree.QName(element).namespace not in _KEPT_NAMESPACES
        inside = any(local_name(above) == "foreignObject" for above in element.iterancestors())
        if element is not root and not inside and (foreign or local_name(element) == "metadata"):
            _detach(element)
            continue
        if not inside:
            for name in list(element.attrib):
                if etree.QName(name).namespace not in _KEPT_NAMESPACES:
                    del element.attrib[name]


def _detach(element: _Element) -> None:
    above, before = element.getparent(), element.getprevious()
    if above is None:
        return
    if element.tail and before is not None:
        before.tail = (before.tail or "") + element.tail
    elif element.tail:
        above.text = (above.text or "") + element.tail
    above.remove(element)


def _drop_unused(root: _Element) -> bool:
    """Take out definitions that nothing names, and groups of nothing; whether there were any."""
    named = _named(root)
    dropped = False
    for element in list(root.iter(f"{{{SVG}}}*")):
        tag, above = local_name(element), element.getparent()
        if above is None or element.get("id", "") in named:
            continue
        defined = tag in _DEFINED or local_name(above) == "defs"
        holds_named = any(each.get("id", "") in named for each in element.iter())
        if (defined and not holds_named and tag not in ("style", "title", "desc", "script")) or _is_empty(element, tag):
            _detach(element)
            dropped = True
    return dropped


def _is_empty(element: _Element, tag: str) -> bool:
    # A group with a filter draws the filter's picture, with or without anything in it.
    return (
        tag in _EMPTY and len(element) == 0 and "filter" not in (*element.attrib, *element.get("style", "").split(":"))
    )


def _named(root: _Element) -> set[str]:
    """Every id that anything refers to."""
    found: set[str] = set()
    for element in root.iter("*"):
        for name, value in element.attrib.items():
            text = str(value)
            if name in ("href", XLINK_HREF):
                found.add(text.removeprefix("#"))
            elif str(name).startswith("aria-") or name in ("begin", "end"):
                found |= set(re.findall(r"[\w-]+", text))
            elif "url(" in text:
                found |= {match[2] for match in LOCAL.finditer(text)}
        if local_name(element) == "style":
            found |= set(_IDS_IN_SHEETS.findall(element.text or ""))
    return found - {""}


def _shorten(root: _Element, max_error: float) -> None:
    scales = _scales(root)
    most = max(scales.values(), default=1.0)
    for element, scale in scales.items():
        tag = local_name(element)
        shares = tag in _SHARES or any(str(value) == "objectBoundingBox" for value in element.attrib.values())
        # What is drawn through a reference may be drawn as large as anything, and larger in one that is drawn so itself.
        referred = any(local_name(each) in _REFERRED or each.get("id") for each in (element, *element.iterancestors()))
        digits = digits_for(max_error / (scale * most**2 if referred else scale))
        for name, value in element.attrib.items():
            text = str(value)
            if name == "d":
                shorter = shorten_path(text, digits)
            elif name in _LENGTHS and not shares:
                shorter = shorten_numbers(text, digits)
            else:
                continue
            if len(shorter) < len(text):
                element.set(name, shorter)


# Their coordinates are shares of a box unless they say otherwise.
_SHARES = frozenset(["linearGradient", "radialGradient", "mask", "pattern", "filter", "clipPath"])
_REFERRED = _DEFINED | {"defs"}


def _scales(root: _Element) -> dict[_Element, float]:
    """By how much each element is enlarged beyond the scale of the entire drawing, at least 1."""
    found: dict[_Element, float] = {root: 1.0}
    for element in root.iterdescendants(f"{{{SVG}}}*"):
        above = element.getparent()
        found[element] = max(1.0, (found.get(above, 1.0) if above is not None else 1.0) * _own_scale(element))
    return found


def _own_scale(element: _Element) -> float:
    scale = 1.0
    for name in ("transform", "gradientTransform", "patternTransform"):
        matrix = parse_transform(element.get(name, ""))
        if matrix is not None:
            scale *= float(abs(matrix[:2, :2]).sum(1).max())
    if "transform" in element.get("style", "") or local_name(element) in ("svg", "symbol", "marker", "pattern"):
        box = view_box(element)
        scale *= 100.0 if box is None or min(box[2:]) < 10 else 10.0
    return scale


def _drop_blanks(root: _Element) -> None:
    """Take out blanks between elements where no text is drawn."""
    for element in root.iter("*"):
        tag = local_name(element)
        if tag not in _TEXT and not any(local_name(above) in _TEXT for above in element.iterancestors()):
            if element.text and not element.text.strip():
                element.text = None
            for child in element:
                if child.tail and not child.tail.strip():
                    child.tail = None
