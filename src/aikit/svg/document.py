"""SVG documents to draw and to edit."""

from __future__ import annotations

import codecs
import gzip
import os
import re
from typing import TYPE_CHECKING, Literal, Unpack, overload

from .._check import number
from .._deprecated import REMOVE, SINCE, _deprecated
from .._foreign_names import explain_calls
from .._io import name_of, read_bytes, write_bytes
from ..errors import FileFormatError, InputTypeError, InputValueError, quoted
from ..isolation import guarded
from ..limits import Limits
from ..types import AnyImage, Color, Kind, Source
from .element import SvgElement
from .markup import parse_kept
from .source import error_of, parse, unpack
from .values import as_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch
    from lxml.etree import _Element
    from PIL import Image

    from .css_colors import ColorScheme
    from .fonts import FontSource
    from .optimize import Savings
    from .render import Array, Drawing, Engine

__all__ = ["Svg", "edit_svg", "new_svg", "open_svg"]


class Svg(SvgElement):
    """An SVG document: its <svg> element, and the ways out of it.

    Made by `new_svg` and `open_svg`. All that an `SvgElement` can do it can do as the outermost of them.

    Attributes:
        limits: what drawing it may cost, in a child process; None trusts it.
    """

    def __init__(self, raw: _Element, data: bytes, limits: Limits | None = None) -> None:
        super().__init__(raw)
        self._data, self.limits = data, limits

    def encode(self) -> bytes:
        """The document as XML.

        Returns:
            The very bytes that were opened where nothing has changed. After a change all that was not touched is the
            same XML still: comments, CDATA, doctype, entities, prefixes and unknown elements, in the same encoding.
        """
        text = _text(self.raw)
        if text == _text(parse_kept(self._data)):
            return self._data
        encoding = _encoding(self.raw, self._data)
        original = self._data.decode(encoding, "replace")
        declaration = re.match(r"\ufeff?(<\?xml\s.*?\?>\s*)?", original, re.DOTALL)
        assert declaration is not None
        entire = declaration[0] + text + ("\n" if original.endswith("\n") else "")
        if "\r\n" in original:  # XML reads it as "\n"
            entire = entire.replace("\r\n", "\n").replace("\n", "\r\n")
        return entire.encode(encoding, "xmlcharrefreplace")

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write the document, entirely or not at all.

        Args:
            path: a name that ends in .svg, or in .svgz for a compressed file.

        Raises:
            InputTypeError: the path is none.
            InputValueError: the name ends otherwise.
            FileAccessError: the file cannot be written.
        """
        if not isinstance(path, (str, os.PathLike)):
            raise InputTypeError("path", "a path", type(path).__name__, "pass a str or a pathlib.Path")
        suffix = os.path.splitext(os.fsdecode(path))[1].lower()
        if suffix not in (".svg", ".svgz"):
            raise InputValueError(
                "path",
                "a name that ends in .svg or .svgz",
                quoted(os.fsdecode(path)),
                "for a picture write what render() gives, for another name encode()",
            )
        data = self.encode()
        write_bytes(path, gzip.compress(data, mtime=0) if suffix == ".svgz" else data)

    def optimize(self, *, max_error: float = 0.01) -> Savings:
        """Make the document smaller; it looks the same.

        Comments, metadata, what editors keep for themselves, definitions that nothing names, empty groups and blanks
        between elements go; coordinates are rounded, those of relative commands so that errors do not add up. Titles,
        descriptions, roles and labels stay, and so do style sheets, scripts and every command of a path.

        Args:
            max_error: by how much a point may move, in user units of the outermost <svg>, 1e-6 to 100.

        Returns:
            The bytes before and after.

        Raises:
            InputTypeError: not a number.
            InputValueError: beyond that.

        Example:
            >>> drawing = open_svg(b'<svg xmlns="http://www.w3.org/2000/svg"><!-- A --><path d="M 1.00001 2 L 3.5 0.500"/></svg>')
            >>> drawing.optimize(), drawing.find("path").attributes["d"]
            (Savings(before=91, after=68), 'M1 2L3.5.5')
        """
        from .optimize import Savings, optimize

        error = number("max_error", max_error, 1e-6, 100)
        before = len(self.encode())
        optimize(self.raw, error)
        return Savings(before, len(self.encode()))

    def tobytes(self) -> bytes:
        """The document as XML: what `encode` gives, by a name that goes."""
        _deprecated("aikit.svg.Svg.tobytes", SINCE, REMOVE, "encode()")
        return self.encode()

    @overload
    def render(self, *, kind: Literal["pil"] = "pil", **how: Unpack[Drawing]) -> Image.Image: ...
    @overload
    def render(self, *, kind: Literal["numpy", "cv2"], **how: Unpack[Drawing]) -> Array: ...
    @overload
    def render(self, *, kind: Literal["tensor"], **how: Unpack[Drawing]) -> torch.Tensor: ...
    @overload
    def render(self, *, kind: Kind, **how: Unpack[Drawing]) -> AnyImage: ...
    @explain_calls
    def render(
        self,
        *,
        width: int | None = None,
        height: int | None = None,
        scale: float | None = None,
        background: Color | None = None,
        engine: Engine = "resvg",
        color: Color | None = None,
        color_scheme: ColorScheme = "light",
        fonts: Sequence[FontSource] | None = None,
        foreign_text: bool = False,
        kind: Kind = "pil",
    ) -> AnyImage:
        """Draw the document as it is now; `render_svg` says what the arguments mean.

        Returns:
            An RGBA picture of the kind asked for.
        """
        from .render import render_svg

        return render_svg(
            self.encode(),
            kind=kind,
            width=width,
            height=height,
            scale=scale,
            background=background,
            engine=engine,
            color=color,
            color_scheme=color_scheme,
            fonts=fonts,
            foreign_text=foreign_text,
            limits=self.limits,
        )

    def _repr_html_(self) -> str:
        from .card import as_html

        return as_html(self)


def _text(root: _Element) -> str:
    """The document without its declaration, its comments and instructions on lines of their own."""
    from lxml import etree

    entire = etree.tostring(root.getroottree(), encoding="unicode", with_tail=False)
    inner = etree.tostring(root, encoding="unicode", with_tail=False)
    before, _, after = entire.partition(inner)
    outside = re.compile(r"(<!--.*?-->|<\?.*?\?>)\n?", re.DOTALL)
    behind = outside.sub(r"\n\1", after).rstrip("\n")
    return outside.sub(r"\1\n", before) + inner + behind


def _encoding(root: _Element, data: bytes) -> str:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    return root.getroottree().docinfo.encoding or "utf-8"


@explain_calls
def open_svg(source: Source, *, limits: Limits | None = None) -> Svg:
    """Open an SVG: find, change, add, wrap, move and remove elements, draw and write it.

    Nothing outside the file is loaded: no entity, no DTD, no picture. Everything in it is kept, as `Svg.encode` says.

    Args:
        source: a path, bytes or a binary file with an SVG or svgz.
        limits: for files from strangers, `Limits()`; None for trusted ones. With limits the file is read in a child
            process first, so that what would crash, hang or grow is refused, and `render` draws in one.

    Returns:
        An `Svg`: the document's <svg> element, with `find`, `find_all`, `attributes`, `style`, `text`, `children`,
        `parent`, `add`, `wrap`, `wrap_contents`, `move_to` and `remove`, which every element in it has too, and
        `render`, `write` and `encode`.

    Raises:
        InputTypeError: the source is none of these.
        FileAccessError: the file cannot be read.
        FileFormatError: not an SVG, or XML that is not well formed.
        LimitError: the file is beyond `limits`, nested too deeply, or its entities grow too far.
        WorkerError: with `limits`, the parser crashed.

    Example:
        >>> svg = open_svg(b'<svg xmlns="http://www.w3.org/2000/svg"><path id="a" style="fill:red; opacity:.5"/></svg>')
        >>> svg.find(id="a").style["fill"] = "teal"
        >>> svg.find("path").wrap("g", transform="rotate(10)")
        <g>
        >>> svg.encode().decode()
        '<svg xmlns="http://www.w3.org/2000/svg"><g transform="rotate(10)"><path id="a" style="fill: teal; opacity:.5"/></g></svg>'

    Source: Extensible Markup Language 1.0, fifth edition; Scalable Vector Graphics 2.
    """
    job = read_bytes(source, limits=limits), name_of(source), limits
    guarded(_check, *job, subject=name_of(source), limits=limits, isolate=limits is not None, expect=None)
    data = unpack(job[0], limits, name_of(source))
    root = _parse_kept(data, name_of(source))
    try:
        codecs.lookup(_encoding(root, data))
    except LookupError as error:
        raise FileFormatError(
            name_of(source),
            "a usual encoding",
            quoted(_encoding(root, data)),
            "save it as UTF-8",
            code="unsupported_format",
        ) from error
    return Svg(root, data, limits)


def edit_svg(source: Source, *, limits: Limits | None = None) -> Svg:
    """Open an SVG: what `open_svg` does, by a name that goes."""
    _deprecated("aikit.svg.edit_svg", SINCE, REMOVE, "aikit.open_svg")
    return open_svg(source, limits=limits)


def _check(data: bytes, name: str, limits: Limits | None) -> None:
    """Refuse what is no SVG, and what would grow beyond measure."""
    parse(data, limits, name=name)
    _parse_kept(unpack(data, limits, name), name)


def _parse_kept(data: bytes, name: str) -> _Element:
    from lxml import etree

    try:
        return parse_kept(data)
    except (etree.LxmlError, LookupError, ValueError) as error:
        raise error_of(error, name) from error


# CSS Values and Units Level 4, section 6.2, and no unit, which is px.
_LENGTH = re.compile(r"([0-9.]+(?:e[+-]?\d+)?)(px|mm|cm|in|pt|pc|q|)", re.IGNORECASE)


@explain_calls
def new_svg(*, width: float | str, height: float | str) -> Svg:
    """Begin an empty SVG document to draw in.

    Args:
        width: a number of pixels, or text with a unit: "10mm", "2.5in".
        height: the same, in the same unit. What is drawn is measured in that unit too, from the top left corner.

    Returns:
        An `Svg`. `add(tag, **attributes)` draws in it, with the names of SVG; `render`, `write` and `encode` give the
        result. It is what `open_svg` gives for a file.

    Raises:
        InputTypeError: a size that is neither a number nor text.
        InputValueError: a size that is not positive, in an unknown unit, or in two units.

    Example:
        >>> svg = new_svg(width=120, height=80)
        >>> fade = svg.find("defs").add("linearGradient", id="fade")
        >>> _ = fade.add("stop", offset=0, stop_color="rgba(255, 0, 0, 0.5)")
        >>> _ = fade.add("stop", offset=1, stop_color="navy")
        >>> card = svg.add("g", transform="rotate(5)", style="mix-blend-mode: multiply")
        >>> card.add("rect", x=10, y=10, width=100, height=60, rx=8, fill="url(#fade)", data_id=7)
        <rect>
        >>> card.add("text", "Hello", x=60, y=45, text_anchor="middle").attributes
        {'x': '60', 'y': '45', 'text-anchor': 'middle'}

    Source: Scalable Vector Graphics 2, section 8.
    """
    import svgwrite

    sizes = [_length("width", width), _length("height", height)]
    if sizes[0][1] != sizes[1][1]:
        raise InputValueError(
            "height",
            "the unit of width",
            f"{quoted(width)} and {quoted(height)}",
            "write both in one unit, in which you draw",
        )
    # With debug=True svgwrite refuses rgba(), data-* and all that is newer than SVG 1.1.
    drawing = svgwrite.Drawing(
        size=tuple(number + unit for number, unit in sizes),
        viewBox=f"0 0 {sizes[0][0]} {sizes[1][0]}",
        debug=False,
    )
    data = drawing.tostring().encode()
    return Svg(parse_kept(data), data)


def _length(name: str, size: object) -> tuple[str, str]:
    """A size as its number and its unit."""
    if isinstance(size, bool):
        raise InputTypeError(name, 'a number or text such as "10mm"', quoted(size), "pass one of these")
    match = _LENGTH.fullmatch(as_text(name, size).strip())
    if match is None or not float(match[1]) > 0:
        raise InputValueError(
            name,
            'a positive number of pixels or text such as "10mm"',
            quoted(size),
            "units are px, mm, cm, in, pt, pc and Q",
        )
    return match[1], match[2].lower().replace("px", "")
