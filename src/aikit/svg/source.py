"""Any source to parsed XML: bytes, gzip, encodings, entities, and the one rule that says what an SVG is."""

from __future__ import annotations

import re
import zlib
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from .._io import name_of, read_bytes
from .._raster import identify
from ..errors import FileFormatError, LimitError, quoted
from ..limits import Limits
from ..types import Source

if TYPE_CHECKING:
    from lxml import etree

__all__ = ["SVG", "XLINK", "XLINK_HREF", "Opened", "error_of", "local_name", "parse", "read_source", "unpack"]

SVG = "http://www.w3.org/2000/svg"
XLINK = "http://www.w3.org/1999/xlink"
XLINK_HREF = f"{{{XLINK}}}href"

# What an svgz may unpack to where `limits` do not say: drawing holds the text about four times.
_MOST_TEXT = 64 << 20
_CHUNK = 1 << 20
# A gzip file may have several members, a file of nothing but members a million of them.
_MOST_MEMBERS = 100


@runtime_checkable
class Opened(Protocol):
    """A document that is open: an `Svg`."""

    limits: Limits | None

    def encode(self) -> bytes:
        """Give the document as it is now."""
        ...


def read_source(source: Source | Opened, limits: Limits | None) -> tuple[bytes, str, Limits | None]:
    """The bytes of any source, an open document among them, what messages call it, and the limits that hold for it."""
    if isinstance(source, Opened):
        return source.encode(), "document", limits or source.limits
    return read_bytes(source, limits=limits), name_of(source), limits


def parse(data: bytes, limits: Limits | None = None, *, name: str = "source") -> etree._Element:
    """Parse the bytes of an SVG or svgz file. Nothing outside of them is read.

    Entities that the file declares itself, as Illustrator's do, are resolved as far as libxml2 finds it harmless: up
    to 1 MB, or five times the size of the file. External ones and the DTD named in the doctype are never opened.
    A root element without a namespace gets SVG's, so that what stood inside a web page can be read. Of the doctype
    nothing stays, and no default that it gives an attribute counts, as in both renderers.

    Args:
        data: the whole file; XML in any encoding that it declares or shows by its byte order mark.
        limits: `max_bytes` holds for the file and for what it unpacks to.
        name: the subject of messages.

    Returns:
        The element <svg>. Comments, foreign elements and prefixes are as they stand in the file.

    Raises:
        FileFormatError: not XML, not an SVG, damaged, or cut off.
        LimitError: too many bytes, nested too deeply, or entities that expand too far.
    """
    if limits is not None:
        limits.check_format(name, "svg")
        limits.check(name, "bytes", "max_bytes", len(data))
    data = unpack(data, limits, name)
    kind = identify(data)
    if kind not in ("svg", None):
        raise FileFormatError(
            name, "an SVG", str(kind).upper(), "read it with read_pil", code="unsupported_format", option="readers"
        )
    root = _parse_xml(data, name)
    if root.getroottree().docinfo.internalDTD is not None:
        # Elements out of an entity have no namespace until they are read where they stand. And lxml finds an attribute
        # that is only declared, and frees the declaration when that attribute is removed: the process dies.
        root = _parse_xml(_text_without_doctype(root).encode(), name)
    if root.tag == "svg":
        root = _parse_xml(_text(root).replace("<svg", f'<svg xmlns="{SVG}"', 1).encode(), name)
    if root.tag != f"{{{SVG}}}svg":
        raise FileFormatError(
            name,
            "<svg> as the first element",
            f"<{local_name(root)}>",
            "check how the file was written",
            code="unsupported_format",
        )
    return root


def local_name(element: etree._Element) -> str:
    """The name of an element without its namespace; "" for a comment or a processing instruction."""
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def unpack(data: bytes, limits: Limits | None, name: str) -> bytes:
    """Unpack a gzip file in small steps: a thousandth of its size can be enough to fill the memory."""
    if not data.startswith(b"\x1f\x8b"):
        return data
    most = _MOST_TEXT if limits is None else limits.max_bytes
    chunks, total, rest = [], 0, data
    for _ in range(_MOST_MEMBERS):
        stream = zlib.decompressobj(wbits=31)
        while True:
            try:
                chunk = stream.decompress(rest, _CHUNK)
            except zlib.error as error:
                raise FileFormatError(name, "gzip data", quoted(str(error)), "make the file again") from error
            rest = stream.unused_data or stream.unconsumed_tail
            total += len(chunk)
            _check_text(total, most, limits, name)
            chunks.append(chunk)
            if stream.eof:
                break
            if not chunk and not rest:
                raise FileFormatError(
                    name,
                    "a whole gzip file",
                    "one that is cut off",
                    "get the file again",
                    code="truncated",
                )
        if not rest.startswith(b"\x1f\x8b"):
            return b"".join(chunks)
    raise LimitError(
        name,
        f"at most {_MOST_MEMBERS} gzip members",
        "more",
        "make the file again",
        limit="gzip_members",
        allowed=_MOST_MEMBERS,
    )


def _check_text(total: int, most: int, limits: Limits | None, name: str) -> None:
    if limits is not None:
        limits.check(name, "bytes unpacked", "max_bytes", total)
    elif total > most:
        raise LimitError(
            name,
            f"at most {most} bytes unpacked",
            "more",
            "pass Limits(max_bytes=...) to allow it",
            limit="max_bytes",
            option="limits",
            allowed=most,
        )


def _parse_xml(data: bytes, name: str) -> etree._Element:
    from lxml import etree

    # Not huge_tree: libxml2's own limits on depth, length and the growth of entities stay on. "internal" lets
    # entities of the file itself through and nothing that would have to be opened.
    parser = etree.XMLParser(resolve_entities="internal", no_network=True, load_dtd=False, huge_tree=False)
    try:
        return etree.fromstring(data, parser)
    except (etree.LxmlError, LookupError, ValueError) as error:
        raise error_of(error, name) from error


# libxml2's words for what it stops at on purpose.
_STOPPED = re.compile(r"amplification|Excessive depth|limit exceeded|too long|huge|entity.*loop", re.IGNORECASE)
_NO_XML = re.compile(r"Start tag expected|Document is empty")
_CUT_OFF = re.compile(r"premature end|expected '>'|Couldn't find end|unterminated|not closed", re.IGNORECASE)


def error_of(error: Exception, name: str) -> FileFormatError | LimitError:
    """The error for what lxml says of a file."""
    reason = " ".join(str(error).split()).replace("(<string>, line ", "(line ")[:200]
    if _STOPPED.search(reason):
        return LimitError(name, "XML within the parser's limits", quoted(reason), "simplify the file", limit="parser")
    code = "unsupported_format" if _NO_XML.search(reason) else "truncated" if _CUT_OFF.search(reason) else "corrupt"
    return FileFormatError(name, "well-formed XML", quoted(reason), "check how the file was written", code=code)


def _text_without_doctype(root: etree._Element) -> str:
    """The document with the instructions before it, which may name style sheets, and without comments there."""
    from lxml import etree

    before = [etree.tostring(node, encoding="unicode", with_tail=False) for node in _instructions(root)]
    return "".join(before) + _text(root)


def _instructions(root: etree._Element) -> list[etree._Element]:
    from lxml import etree

    return list(root.itersiblings(etree.ProcessingInstruction, preceding=True))[::-1]


def _text(root: etree._Element) -> str:
    from lxml import etree

    return etree.tostring(root, encoding="unicode", with_tail=False)
