"""Markup to elements that keep all of it: comments, CDATA, entities."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from ..errors import InputValueError, quoted

if TYPE_CHECKING:
    from lxml.etree import _Element

__all__ = ["one_element", "parse_kept"]


def parse_kept(data: bytes) -> _Element:
    """The tree of some XML with everything in it, as an editor needs it; nothing outside the data is loaded.

    `source.parse` prepares a document for drawing: it resolves entities, which an edited file should keep.
    """
    from lxml import etree

    parser = etree.XMLParser(
        resolve_entities=False, strip_cdata=False, attribute_defaults=False, no_network=True, load_dtd=False
    )
    return etree.fromstring(data, parser)


def one_element(markup: str, prefixes: dict[str | None, str]) -> _Element:
    """The element that some markup is, in which these prefixes (None: no prefix) need no declaration."""
    from lxml import etree

    declared = "".join(f' xmlns{f":{prefix}" if prefix else ""}="{escape(uri)}"' for prefix, uri in prefixes.items())
    try:
        around = parse_kept(f"<around{declared}>{markup}</around>".encode())
    except (etree.XMLSyntaxError, UnicodeEncodeError) as error:
        raise InputValueError("markup", "one element", f"{quoted(markup)} ({error})", "close what is open") from error
    found = list(around.iterchildren("*"))
    if len(found) != 1:
        raise InputValueError(
            "markup", "one element", f"{len(found)} in {quoted(markup)}", "add them one by one, or in a <g>"
        )
    found[0].tail = None
    return found[0]
