"""An SVG that can be handed on: to a renderer, a browser, anybody."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from .._foreign_names import explain_calls
from ..errors import printable
from ..isolation import guarded
from ..limits import Limits
from ..types import Source
from .clean import Clean, clean, drop_reference, picture_of, set_picture
from .cost import estimate_cost
from .engines import with_deep_stack
from .size import size_of
from .source import parse, read_source

if TYPE_CHECKING:
    from .document import Svg

__all__ = ["sanitize_svg"]

_log = logging.getLogger("aikit")

# What a drawing costs depends on how large it is drawn: as large as it says, and no larger than a browser may.
_SIDE = 1024


@explain_calls
def sanitize_svg(source: Source | Svg, *, limits: Limits | None = None) -> bytes:
    """Take out of an SVG whatever can run, fetch or read, and refuse what multiplies beyond reason.

    What stays are SVG's shapes, text, paint, filters, animations and style sheets, references to elements of the
    same file, and embedded PNG, JPEG, GIF and WebP pictures and SVGs, which are sanitized too. What goes are scripts,
    event handlers, foreignObject, elements and attributes of other namespaces (editors' data among them), links,
    references to anything else, @import and @font-face, processing instructions, comments and the doctype; entities
    that the file declares itself are resolved. A reference that leads to where it stands goes too. The log says what was taken out, and so does `svg_info`.

    Args:
        source: a path, bytes or an open binary file, SVG or svgz, or an open `Svg`. A str is a path and is never fetched.
        limits: what the file may cost, in a child process; None trusts it.

    Returns:
        SVG in UTF-8, without an XML declaration: what stays looks as it did. To sanitize it again changes nothing.

    Raises:
        FileAccessError: the file cannot be opened.
        FileFormatError: not an SVG, or damaged.
        LimitError: more than 200 levels; references or numbers that multiply the drawing to more than 100,000 elements,
            200 levels or ten minutes; selectors without end; an embedded picture beyond `limits`, or more time.
        WorkerError: with `limits`, the parser crashed.

    Example:
        >>> sanitize_svg(b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"><path d="M0 0h9v9"/></svg>')
        b'<svg xmlns="http://www.w3.org/2000/svg"><path d="M0 0h9v9"/></svg>'
    """
    data, name, limits = read_source(source, limits)
    job = data, name, limits
    isolate = limits is not None
    text, removed = guarded(_sanitize, *job, subject=name, limits=limits, isolate=isolate, expect=tuple[bytes, str])
    # Of what is done here `clean` tells.
    if isolate and removed:
        _log.info("%s: removed %s", printable(name), removed)
    return text


def _sanitize(data: bytes, name: str, limits: Limits | None) -> tuple[bytes, str]:
    """The clean document, and what was taken out of it."""
    from lxml import etree

    root = parse(data, limits, name=name)

    def work() -> tuple[bytes, str]:
        document = clean(root, name, limits)
        etree.cleanup_namespaces(root)
        text = etree.tostring(root, encoding="utf-8", with_tail=False)
        document.inline_styles()
        width, height = size_of(root) or (_SIDE, _SIDE)
        estimate_cost(document, _round(width), _round(height))
        if document.cuts:
            text = _drop_again(text, document)
        return text, ", ".join(document.removed_summary())

    return with_deep_stack(work, name)


def _round(side: float) -> int:
    return max(1, min(_SIDE, round(side)))


def _drop_again(text: bytes, document: Clean) -> bytes:
    """Take circular references out of a document whose style sheets are where they were."""
    from lxml import etree

    root = parse(text, name=document.name)
    places = {element: place for place, element in enumerate(document.root.iter())}
    elements = list(root.iter())
    for element, said in document.cuts:
        if said == "picture":
            set_picture(elements[places[element]], picture_of(element))
        else:
            drop_reference(elements[places[element]], said)
    return etree.tostring(root, encoding="utf-8", with_tail=False)
