"""What an SVG holds, said without drawing it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .._foreign_names import explain_calls
from .._raster import Header
from ..isolation import guarded, register_record
from ..limits import Limits
from ..types import Source
from .clean import Clean, clean
from .css import declarations
from .engines import with_deep_stack
from .fonts import unreadable
from .resolve import Page, medium_of, resolve, summary
from .size import Box, plan, size_of, view_box
from .source import SVG, parse, read_source

if TYPE_CHECKING:
    from lxml import etree

    from .document import Svg

__all__ = ["SvgInfo", "probe", "svg_info"]


@dataclass(frozen=True, slots=True)
class SvgInfo:
    """What an SVG holds.

    Attributes:
        width: what the file asks for, in px of 1/96 inch; None where neither a size nor a viewBox says it.
        height: likewise.
        view_box: (left, top, width, height) in user units, or None.
        title: what the file calls itself, or None.
        elements: how many there are, embedded SVGs included, without what was removed.
        depth: of the deepest of them.
        pictures: how many embedded raster pictures.
        fonts: the families that text asks for, in the order of the file.
        removed: what sanitizing takes out, a line a kind; empty for a file that is harmless.
        bytes: the size of the file.
        unsupported: what of its styles is not drawn as it is meant, a line a kind.
    """

    width: float | None
    height: float | None
    view_box: Box | None
    title: str | None
    elements: int
    depth: int
    pictures: int
    fonts: tuple[str, ...]
    removed: tuple[str, ...]
    bytes: int
    unsupported: tuple[str, ...] = ()


register_record(SvgInfo)


@explain_calls
def svg_info(source: Source | Svg, *, limits: Limits | None = None) -> SvgInfo:
    """Say what an SVG holds, and what of it would be taken out before it is drawn.

    Args:
        source: a path, bytes or an open binary file, SVG or svgz, or an open `Svg`. A str is a path and is never fetched.
        limits: what the file may cost, in a child process; None trusts it.

    Returns:
        Size, viewBox, title, elements, depth, embedded pictures, fonts and what sanitizing removes.

    Raises:
        FileAccessError: the file cannot be opened.
        FileFormatError: not an SVG, or damaged.
        LimitError: more than 200 levels of elements, selectors without end, or beyond `limits`.
        WorkerError: with `limits`, the parser crashed.

    Example:
        >>> info = svg_info(b'<svg xmlns="http://www.w3.org/2000/svg" width="1in" height="2cm"><script/></svg>')
        >>> info.width, round(info.height, 2), info.removed
        (96.0, 75.59, ('<script>',))
    """
    data, name, limits = read_source(source, limits)
    job = data, name, limits
    return guarded(_inspect, *job, subject=name, limits=limits, isolate=limits is not None, expect=SvgInfo)


def _inspect(data: bytes, name: str, limits: Limits | None) -> SvgInfo:
    root = parse(data, limits, name=name)
    size, box = size_of(root), view_box(root)
    title = root.findtext(f"{{{SVG}}}title")
    document, found = with_deep_stack(lambda: _look_into(root, name, limits), name)
    width, height = size or (None, None)
    return SvgInfo(
        width,
        height,
        box,
        " ".join(title.split()) if title else None,
        document.elements,
        document.depth,
        len(document.pictures),
        found,
        document.removed_summary(),
        len(data),
        summary(document.unsupported),
    )


def _look_into(root: etree._Element, name: str, limits: Limits | None) -> tuple[Clean, tuple[str, ...]]:
    document = clean(root, name, limits, draws=True)
    found = tuple(_fonts(root))
    document.unsupported.update(resolve(root, name, Page(medium_of(root))))
    document.unsupported.update(unreadable(root))
    return document, found


_FAMILY = re.compile(r"(?<![-\w])font-family\s*:\s*([^;}!]+)")


def _fonts(root: etree._Element) -> dict[str, None]:
    """Every family that is named, once."""
    lists = []
    for element in root.iter():
        lists.append(element.get("font-family", ""))
        lists += [value for name, value in declarations(element.get("style", "")) if name == "font-family"]
        if element.tag == f"{{{SVG}}}style":
            lists += _FAMILY.findall(element.text or "")
    names = (name.strip().strip("\"'") for text in lists for name in text.split(","))
    return dict.fromkeys(name for name in names if name and name != "inherit")


def probe(data: bytes, *, name: str, limits: Limits | None = None) -> Header:
    """Describe the picture that an SVG makes at its own size, in the words used for raster files.

    Raises:
        FileFormatError: not an SVG, or damaged.
        LimitError: larger than `limits` allow.
        InputValueError: the file has neither a size nor a viewBox.
    """
    sizes = plan(parse(data, limits, name=name), name, None, None, None, limits)
    return Header("svg", *sizes.canvas, "RGBA", 8, 4, True, 1, None, 1, len(data))
