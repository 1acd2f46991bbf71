"""What an SVG may hold before anything draws it: shapes, text, paint and pictures, and references only to itself."""

from __future__ import annotations

import base64
import binascii
import logging
import re
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from .. import _raster
from ..errors import FileFormatError, LimitError, printable
from ..limits import Limits
from .css import LOCAL, clean_declarations, clean_sheet, costs, declarations, is_local
from .resolve import Page, medium_of, resolve, summary
from .sheets import check_matching, inline, measure_extent
from .size import numbers
from .source import SVG, XLINK_HREF, local_name, parse

if TYPE_CHECKING:
    from lxml import etree

__all__ = ["MAX_DEPTH", "Clean", "clean", "drop_reference", "picture_of", "set_picture"]

_log = logging.getLogger("aikit")

# resvg's stack holds about 240 levels, a browser's 512.
MAX_DEPTH = 200
_MAX_ATTRIBUTES = 500
# An SVG in a data URL in an SVG in a data URL ...
_MAX_NESTED = 3

# SVG 2, appendix F, without scripts, foreignObject, and the fonts, cursors and color profiles that name files.
_ELEMENTS = frozenset(
    """
    a circle clipPath defs desc ellipse feBlend feColorMatrix feComponentTransfer feComposite feConvolveMatrix
    feDiffuseLighting feDisplacementMap feDistantLight feDropShadow feFlood feFuncA feFuncB feFuncG feFuncR
    feGaussianBlur feImage feMerge feMergeNode feMorphology feOffset fePointLight feSpecularLighting feSpotLight feTile
    feTurbulence filter g image line linearGradient marker mask path pattern polygon polyline radialGradient rect stop
    style svg switch symbol text textPath title tref tspan use view
    animate animateColor animateMotion animateTransform mpath set
    """.split()
)
_ANIMATIONS = frozenset(["animate", "animateColor", "animateMotion", "animateTransform", "set"])
# What editors keep for themselves: no loss to anybody, and not worth a word.
_SILENT = frozenset(["metadata"])
_XML = "{http://www.w3.org/XML/1998/namespace}"
_ATTRIBUTES = frozenset([XLINK_HREF, _XML + "space", _XML + "lang"])
# Attributes that can refer, and are read as CSS by a browser, which takes a reference spelled with escapes too; and
# those that set such a one over time.
_STYLED = frozenset(
    "fill stroke filter mask clip-path marker marker-start marker-mid marker-end cursor color-profile".split()
    + "from to by values".split()
)
_PICTURES = frozenset(["image", "feImage"])
# What both renderers draw out of a data URL.
_EMBEDDED = frozenset(["png", "jpeg", "gif", "webp"])
_DATA_URL = re.compile(r"data:([^,]*),(.*)", re.IGNORECASE | re.DOTALL)
# What URLs may be spelled with and browsers do not read (URL standard, section 4.4).
_UNREAD = re.compile(r"[\x00-\x20\x7f-\xa0\u2028\u2029\ufeff]+")


# At most so many kinds, and letters of each, in the summary of one file.
_MOST_KINDS, _MOST_LETTERS = 100, 100


@dataclass(slots=True)
class Clean:
    """A document that nothing can be fetched through, run by or read from.

    Attributes:
        root: its root element.
        name: the subject of messages.
        draws: whether it is cleaned to be drawn: then what later CSS says is worked out, in embedded SVGs too.
        removed: what was taken out, and how often.
        elements: how many there are.
        depth: of the deepest element, the root's being 1.
        ids: the element of each id.
        pictures: the pixels of each embedded raster picture, by its element.
        nested: the document of each embedded SVG, by its element.
        refers: whether any element refers to another, or is composed as a group.
        costly_sheets: whether a style sheet says so.
        sheets: the <style> elements.
        unsupported: what is not drawn as it is meant, and how often.
        cuts: elements with references that led to where they stand, and what the references were; they are gone.
    """

    root: etree._Element
    name: str
    draws: bool = False
    removed: Counter[str] = field(default_factory=Counter)
    unsupported: Counter[str] = field(default_factory=Counter)
    elements: int = 0
    depth: int = 0
    ids: dict[str, etree._Element] = field(default_factory=dict)
    pictures: dict[etree._Element, int] = field(default_factory=dict)
    nested: dict[etree._Element, Clean] = field(default_factory=dict)
    refers: bool = False
    costly_sheets: bool = False
    sheets: list[etree._Element] = field(default_factory=list)
    cuts: list[tuple[etree._Element, str]] = field(default_factory=list)

    def note(self, what: str) -> None:
        """Remember what was taken out: in a few words fit to be printed, and not in a million different ones."""
        what = (what if what.isprintable() else ascii(what))[:_MOST_LETTERS]
        self.removed[what if what in self.removed or len(self.removed) < _MOST_KINDS else "more"] += 1

    def refuse(self, expected: str, remedy: str, limit: str, allowed: float) -> None:
        """Raise LimitError: there is more of something."""
        raise LimitError(self.name, expected, "more", remedy, limit=limit, allowed=allowed)

    def inline_styles(self) -> None:
        """Write style sheets that say which elements cost more into the elements, where they are counted."""
        if not self.costly_sheets:
            return
        inline(self.root, self.sheets, self.name, medium_of(self.root), lambda what: None)
        self.costly_sheets = False

    def cut(self, element: etree._Element, said: str) -> None:
        """Take out a reference that leads to where it stands."""
        self.cuts.append((element, said))
        if said == "picture":
            set_picture(element, _data_url("svg+xml", _text(self.nested[element].root)))
        else:
            drop_reference(element, said)
            self.note(f"{said} of <{local_name(element)}> to what it stands in")

    def removed_summary(self) -> tuple[str, ...]:
        """Summarise what was taken out, a line a kind."""
        return summary(self.removed)


def clean(root: etree._Element, name: str, limits: Limits | None = None, *, draws: bool = False) -> Clean:
    """Take out, in place, whatever can fetch, run or read, and say what it was.

    With `draws`, what later CSS says in embedded SVGs is worked out too; see `resolve`.

    Raises:
        LimitError: more elements or levels than are drawn, or an embedded picture beyond `limits`.
    """
    document = Clean(root, name, draws)
    _clean(document, limits, 0)
    if document.removed:
        _log.info("%s: removed %s", printable(name), ", ".join(document.removed_summary()))
    return document


def _clean(document: Clean, limits: Limits | None, level: int) -> None:
    from lxml import etree

    for node in document.root.itersiblings(etree.ProcessingInstruction, preceding=True):
        assert isinstance(node, etree._ProcessingInstruction)
        document.note(f"processing instruction {node.target}")
    etree.strip_elements(document.root, etree.Comment, etree.ProcessingInstruction, etree.Entity, with_tail=False)
    todo: list[tuple[etree._Element, int]] = [(document.root, 1)]
    while todo:
        element, depth = todo.pop()
        _clean_attributes(element, document)
        _count(document, depth)
        if (local := str(element.tag)[_SVG_PREFIX:]) in _PICTURES:
            _clean_picture(element, document, limits, level)
        elif local in _TEXTS:
            _clean_text(element, local, document)
        # Backwards, so that the elements are met in the order of the document.
        todo += [(child, depth + 1) for child in reversed(_prune(element, document))]
    if document.sheets:
        sheets = (sheet.text or "" for sheet in document.sheets)
        check_matching(document.name, sheets, measure_extent(document.root), here=False)


_SVG_PREFIX = len(f"{{{SVG}}}")
# Whose elements are worth a word when they go; others are editors'.
_TELLING = (f"{{{SVG}}}", "{http://www.w3.org/1999/xhtml}")


def _count(document: Clean, depth: int) -> None:
    document.elements += 1
    document.depth = max(document.depth, depth)
    if depth > MAX_DEPTH:
        document.refuse(f"at most {MAX_DEPTH} levels of elements", "ungroup the drawing", "levels", MAX_DEPTH)


def _prune(element: etree._Element, document: Clean) -> list[etree._Element]:
    """The children that may stay; the others are taken out, and the text behind them kept."""
    kept: list[etree._Element] = []
    behind = [element.text or ""]
    for child in element:
        if _stays(child, document):
            _set_text(element, kept, behind)
            kept.append(child)
            behind = []
        behind.append(child.tail or "")
    _set_text(element, kept, behind)
    if len(kept) < len(element):
        element[:] = kept
    return kept


def _set_text(parent: etree._Element, before: list[etree._Element], pieces: list[str]) -> None:
    """Give a text that has come to be one the place behind the last child that is kept."""
    if len(pieces) < 2:
        return
    if before:
        before[-1].tail = "".join(pieces)
    else:
        parent.text = "".join(pieces)


def _stays(element: etree._Element, document: Clean) -> bool:
    """Whether an element may stay."""
    tag = str(element.tag)
    local = tag[_SVG_PREFIX:]
    if tag.startswith(f"{{{SVG}}}") and local in _ELEMENTS:
        if local not in _ANIMATIONS or _animates_safely(element):
            return True
        document.note(f"<{local}> of {element.get('attributeName')}")
    elif local_name(element) not in _SILENT and (tag[0] != "{" or tag.startswith(_TELLING)):
        document.note(f"<{local_name(element)}>")
    return False


def _animates_safely(element: etree._Element) -> bool:
    """Whether an animation sets neither a reference nor code (a browser would run it; nothing here does)."""
    target = element.get("attributeName", "").strip().lower().rpartition(":")[2]
    return not target.startswith("on") and target not in ("href", "style", "class", "src", "xmlns", "base")


# ---------------------------------------------------------------- attributes


# What makes a renderer compose a group on a layer of its own, or cut a line into a million pieces.
_COSTLY = frozenset(["opacity", "mix-blend-mode", "isolation", "stroke-dasharray"])
_COORDINATES = frozenset(["d", "points"])
# Far beyond what the renderers' 32-bit floats can place; an arc of 1e38 keeps resvg busy for minutes.
_FURTHEST = 1e9
_DIGITS = str.maketrans("123456789", "0" * 9)
_EXPONENT = re.compile(r"[eE]\+?\d")


def _clean_attributes(element: etree._Element, document: Clean) -> None:
    # Before items(), which looks each of them up again.
    if len(element.attrib) > _MAX_ATTRIBUTES:
        document.refuse(
            f"at most {_MAX_ATTRIBUTES} attributes of <{local_name(element)}>",
            "simplify the drawing",
            "attributes",
            _MAX_ATTRIBUTES,
        )
    for name, value in element.attrib.items():
        if name == "id":
            # Of two elements with one name browsers take the first, resvg the last: only the first keeps it.
            if document.ids.setdefault(value, element) is not element:
                del element.attrib[name]
        elif name == "style":
            text = clean_declarations(value, document.note)
            _set(element, name, value, text)
            document.refers |= costs(text)
        elif name in ("href", XLINK_HREF):
            _clean_reference(element, name, value, document)
        elif name[0] == "{" and name not in _ATTRIBUTES:
            if name == _XML + "base":
                document.note("xml:base")
            del element.attrib[name]
        elif name[:2].lower() == "on" or name == "ping":
            document.note(f"attribute {name}")
            del element.attrib[name]
        elif name in _STYLED:
            _clean_value(element, name, value, document)
        elif name in _COSTLY:
            document.refers = True
        elif name in _COORDINATES and _may_be_huge(value):
            _check_coordinates(element, value, document)


def drop_reference(element: etree._Element, said: str) -> None:
    """Have an element refer to nothing, wherever what it says comes from."""
    if said == "href":
        for name in ("href", XLINK_HREF):
            element.attrib.pop(name, None)
        return
    element.attrib.pop(said, None)
    kept = [f"{name}:{value}" for name, value in declarations(element.get("style", "")) if name != said]
    element.set("style", ";".join([*kept, f"{said}:none!important"]))


def picture_of(image: etree._Element) -> str:
    """The data URL of an embedded picture."""
    return image.get("href") or image.get(XLINK_HREF) or ""


def set_picture(image: etree._Element, url: str) -> None:
    """Put another picture in the place of an embedded one."""
    for name in ("href", XLINK_HREF):
        if name in image.attrib:
            image.set(name, url)


def _set(element: etree._Element, name: str, before: str, after: str) -> None:
    if not after:
        del element.attrib[name]
    elif after != before:
        element.set(name, after)


# A reference, or what could be made into one by reading escapes or dropping comments.
_REFERS = re.compile(r"url|\\|/\*", re.IGNORECASE)


def _clean_value(element: etree._Element, name: str, value: str, document: Clean) -> None:
    """An attribute that can refer to an element: to one of this document, or else to none."""
    if not ("(" in value or "\\" in value) or not _REFERS.search(value):
        return
    if not is_local(value) or "\\" in value or "/*" in value:
        document.note(f"{name} of <{local_name(element)}>")
        del element.attrib[name]
    else:
        text = LOCAL.sub(r"url(#\2)", value)
        _set(element, name, value, text)
        document.refers |= "url(" in text


def _may_be_huge(value: str) -> bool:
    """Whether a number in a text can be beyond 1e9; quick, as path data is most of most files."""
    return "0" * 10 in value.translate(_DIGITS) or _EXPONENT.search(value) is not None


def _check_coordinates(element: etree._Element, value: str, document: Clean) -> None:
    furthest = max(map(abs, numbers(value)), default=0.0)
    if furthest > _FURTHEST:
        raise LimitError(
            document.name,
            f"coordinates up to {_FURTHEST:.0e}",
            f"{furthest:.3g} in <{local_name(element)}>",
            "check how the file was written",
            limit="coordinates",
            allowed=_FURTHEST,
            found=furthest,
        )


def _clean_reference(element: etree._Element, name: str, value: str, document: Clean) -> None:
    target = _UNREAD.sub("", value) if value[:1] != "#" else value.strip()
    if target.startswith("#"):
        _set(element, name, value, target)
        document.refers = True
    elif local_name(element) in _PICTURES and target[:5].lower() == "data:":
        return  # looked into by _clean_picture
    else:
        document.note(f"reference of <{local_name(element)}> to {_shorten(target)}")
        del element.attrib[name]


def _shorten(target: str) -> str:
    return repr(target if len(target) <= 50 else target[:47] + "...")


# ---------------------------------------------------------------- style sheets and pictures


# Which hold text alone: what HTML would make of elements in them is another matter.
_TEXTS = frozenset(["style", "title", "desc"])


def _clean_text(element: etree._Element, local: str, document: Clean) -> None:
    del element[:]
    if local == "style":
        text = clean_sheet(element.text or "", document.note)
        element.text = text
        document.sheets.append(element)
        if costs(text):
            document.costly_sheets = document.refers = True


def _clean_picture(element: etree._Element, document: Clean, limits: Limits | None, level: int) -> None:
    """An embedded picture: of a kind that is drawn, within the limits, and called what it is."""
    for name in ("href", XLINK_HREF):
        value = element.get(name)
        if value is not None and not value.startswith("#"):
            url = _clean_data_url(element, value, document, limits, level)
            if url is None:
                document.note(f"picture of <{local_name(element)}>, {_shorten(value[:20])}")
                del element.attrib[name]
            else:
                element.set(name, url)
    if local_name(element) == "image":
        # An image without a picture is none; one of "#id" would be a <use> to some readers.
        target = element.get("href") or element.get(XLINK_HREF) or ""
        if not target.startswith("data:"):
            for name in ("href", XLINK_HREF):
                element.attrib.pop(name, None)


def _clean_data_url(
    element: etree._Element, url: str, document: Clean, limits: Limits | None, level: int
) -> str | None:
    """Clean a data URL, an SVG in it too; None where it holds no picture."""
    data = _decode_data_url(url)
    kind = _raster.identify(data) if data else None
    if kind == "svg" and level < _MAX_NESTED and local_name(element) == "image":
        try:
            nested = Clean(parse(data, limits, name=document.name), document.name, document.draws, document.removed)
        except FileFormatError:
            return None
        _clean(nested, limits, level + 1)
        if document.draws:
            document.unsupported.update(resolve(nested.root, document.name, Page(medium_of(nested.root))))
        nested.inline_styles()
        document.nested[element] = nested
        document.elements += nested.elements
        document.refers = True
        return _data_url("svg+xml", _text(nested.root))
    if kind not in _EMBEDDED:
        return None
    # Which formats may be read is said of the file; what stands in it is part of it.
    try:
        header = _raster.probe(data, name=document.name, limits=limits and replace(limits, formats=None))
    except FileFormatError:
        return None
    document.pictures[element] = header.width * header.height
    document.refers = True
    return _data_url(kind, data)


def _decode_data_url(url: str) -> bytes:
    match = _DATA_URL.match(url.strip())
    if match is None:
        return b""
    data = unquote_to_bytes(match[2])
    if not match[1].lower().replace(" ", "").endswith(";base64"):
        return data
    try:
        return base64.b64decode(b"".join(data.split()) + b"==", validate=False)
    except (binascii.Error, ValueError):
        return b""


def _data_url(kind: str, data: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(data).decode('ascii')}"


def _text(root: etree._Element) -> bytes:
    from lxml import etree

    return etree.tostring(root, encoding="utf-8", with_tail=False)
