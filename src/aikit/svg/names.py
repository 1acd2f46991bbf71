"""Names with and without a namespace: "rect", "xlink:href", and lxml's "{http://...}rect"."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import InputTypeError, InputValueError, quoted
from .source import SVG

if TYPE_CHECKING:
    from lxml.etree import _Element

__all__ = ["check_tag", "expand_name", "prefix_name"]

_XML = "http://www.w3.org/XML/1998/namespace"

# What SVG 2 and Filter Effects 1 have and the SVG 1.1 table of svgwrite does not.
_NEWER_TAGS = {"audio", "canvas", "discard", "feDropShadow", "iframe", "unknown", "video"}


def expand_name(element: _Element, name: str, *, attribute: bool = False) -> str:
    """Expand a name to what lxml writes. One without a prefix is an element of the document's own namespace, or an attribute."""
    from lxml import etree

    if not isinstance(name, str):
        raise InputTypeError("name", 'text such as "rect" or "xlink:href"', quoted(name), "pass a str")
    if attribute and name == "xmlns":  # lxml would write it, and every element in it would be another on reading
        raise InputValueError("name", "an attribute", "'xmlns'", "the namespace of a document stays as it is")
    if name.startswith("{"):
        return name
    prefix, colon, local = name.rpartition(":")
    if not colon:
        namespace = None if attribute else etree.QName(element.getroottree().getroot()).namespace
    elif prefix == "xml":
        namespace = _XML
    elif prefix in element.nsmap:
        namespace = element.nsmap[prefix]
    else:
        known = ", ".join(each for each in element.nsmap if each) or "none"
        raise InputValueError(
            "name",
            f"a prefix that the document declares ({known})",
            quoted(name),
            "declare it on the <svg> element of the file (links need none: SVG 2 has the plain name href)",
        )
    return f"{{{namespace}}}{local}" if namespace else local


def prefix_name(element: _Element, name: object) -> str:
    """Write a name of lxml's as people do, with the prefix the document uses."""
    from lxml import etree

    qname = etree.QName(str(name))
    if qname.namespace in (None, SVG):
        return qname.localname
    prefixes = {uri: prefix for prefix, uri in element.nsmap.items() if prefix} | {_XML: "xml"}
    prefix = prefixes.get(qname.namespace)
    return f"{prefix}:{qname.localname}" if prefix else str(name)


def check_tag(tag: str) -> None:
    """Refuse a name that is no element of SVG: a renderer would draw nothing and say nothing."""
    from svgwrite.data.full11 import elements

    known = {*elements, *_NEWER_TAGS}
    if tag in known:
        return
    from difflib import get_close_matches

    close = get_close_matches(tag, known, n=3, cutoff=0.5) or ["rect", "circle", "path", "text", "g"]
    raise InputValueError(
        "tag",
        "the name of an SVG element",
        quoted(tag),
        f"use for instance {', '.join(close)}, or a prefix for an element that is not SVG's",
    )
