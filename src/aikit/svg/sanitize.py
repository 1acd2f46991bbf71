"""An SVG that can be handed on: to a renderer, a browser, anybody."""

from __future__ import annotations

import logging

from .._bytes import name_of, read_bytes
from .._foreign_names import explain_calls
from ..errors import printable
from ..isolation import guarded
from ..limits import Limits
from ..types import Source
from .clean import clean
from .engines import with_deep_stack
from .source import parse
from .survey import survey

__all__ = ["sanitize_svg"]

_log = logging.getLogger("aikit")

# What a drawing costs depends on how large it is drawn: here as large as a browser may.
_SIDE = 1024


@explain_calls
def sanitize_svg(source: Source, *, limits: Limits | None = None) -> bytes:
    """Take out of an SVG whatever can run, fetch or read, and refuse what multiplies beyond reason.

    What stays are SVG's shapes, text, paint, filters, animations and style sheets, references to elements of the
    same file, and embedded PNG, JPEG, GIF and WebP pictures and SVGs, which are sanitized too. What goes are scripts,
    event handlers, foreignObject, elements and attributes of other namespaces (editors' data among them), links,
    references to anything else, @import and @font-face, processing instructions, comments and the doctype; entities
    that the file declares itself are resolved. The log says what was taken out, and so does `svg_info`.

    Args:
        source: a path, bytes or an open binary file, SVG or svgz. A str is a path and is never fetched.
        limits: what the file may cost, in a child process; None trusts it.

    Returns:
        SVG in UTF-8, without an XML declaration: what stays looks as it did. To sanitize it again changes nothing.

    Raises:
        FileAccessError: the file cannot be opened.
        FileFormatError: not an SVG, damaged, or with an element inside itself.
        LimitError: more than 50,000 elements or 200 levels, or references that multiply them beyond 100,000 or 200;
            filters, patterns and layers that take too long; an embedded picture beyond `limits`, or more time.
        WorkerError: with `limits`, the parser crashed.

    Example:
        >>> sanitize_svg(b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"><path d="M0 0h9v9"/></svg>')
        b'<svg xmlns="http://www.w3.org/2000/svg"><path d="M0 0h9v9"/></svg>'
    """
    name = name_of(source)
    job = read_bytes(source, limits=limits), name, limits
    isolate = limits is not None
    text, removed = guarded(_sanitized, *job, subject=name, limits=limits, isolate=isolate, expect=tuple[bytes, str])
    # Of what is done here `clean` tells.
    if isolate and removed:
        _log.info("%s: removed %s", printable(name), removed)
    return text


def _sanitized(data: bytes, name: str, limits: Limits | None) -> tuple[bytes, str]:
    """The clean document, and what was taken out of it."""
    from lxml import etree

    root = parse(data, limits, name=name)

    def work() -> tuple[bytes, str]:
        document = clean(root, name, limits)
        etree.cleanup_namespaces(root)
        text = etree.tostring(root, encoding="utf-8", with_tail=False)
        document.settle()
        survey(document, _SIDE, _SIDE)
        return text, ", ".join(document.told())

    return with_deep_stack(work, name)
