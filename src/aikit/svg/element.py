"""One element of an SVG document: its attributes, its style, its place, and what is in it."""

from __future__ import annotations

import operator
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ..errors import InputTypeError, InputValueError, quoted
from .embedding import PictureFormat, as_data_url, is_image, keep_apart, place
from .markup import one_element
from .names import check_tag, expand_name, prefix_name
from .query import matching, nothing_found
from .size import size_of
from .source import XLINK, parse, read_source
from .style import Style
from .values import as_text, to_attributes

if TYPE_CHECKING:
    from lxml.etree import _Element

    from ..types import AnyImage, Source
    from .document import Svg

__all__ = ["Attributes", "SvgElement"]


class Attributes(MutableMapping[str, Any]):
    """The attributes of an element as a dict: text comes out; text, numbers and sequences of them go in."""

    def __init__(self, raw: _Element) -> None:
        self._raw = raw

    def _name(self, name: str) -> str:
        return expand_name(self._raw, name, attribute=True)

    def __getitem__(self, name: str) -> str:
        expanded = self._name(name)
        # lxml also finds what a doctype only declares, and frees the declaration when that is deleted: the process dies.
        value = self._raw.get(expanded) if expanded in self._raw.keys() else None  # noqa: SIM118 - "in" looks there too
        if value is None:
            raise KeyError(name)
        return value

    def __setitem__(self, name: str, value: object) -> None:
        with _refusals(name, value):
            self._raw.set(self._name(name), as_text(name, value))

    def __delitem__(self, name: str) -> None:
        if name not in self:
            raise KeyError(name)
        del self._raw.attrib[self._name(name)]

    def __iter__(self) -> Iterator[str]:
        return iter([prefix_name(self._raw, name) for name in self._raw.attrib])

    def __len__(self) -> int:
        return len(self._raw.attrib)

    def __repr__(self) -> str:
        return repr(dict(self))


@contextmanager
def _refusals(name: str, value: object) -> Iterator[None]:
    """Turn what lxml will not write into an error of ours."""
    try:
        yield
    except (InputTypeError, InputValueError):
        raise
    except ValueError as error:
        raise InputValueError(
            name,
            "a name and text that XML can hold",
            f"{quoted(value)} ({error})",
            "leave out control characters and what is no name",
        ) from error


class SvgElement:
    """One element of an SVG document, such as a <path> or a <g>.

    What an element is drawn with comes from three places. A property in `style` wins over every style sheet of the
    document (but for its !important lines), and a style sheet wins over the attribute of that name. So
    `element.style["fill"] = "red"` always shows, and `element.attributes["fill"] = "red"` shows where neither the
    element's style nor a style sheet says otherwise; without any of them the parent's counts.

    Attributes:
        attributes: a dict of the attributes, "xlink:href" and the like with the prefix the document uses. Values are
            text; numbers and sequences of numbers may be assigned.
        style: a dict of the properties in the attribute `style`. Setting one leaves the characters of the others.
        raw: the element of lxml, for what aikit has no word for.
    """

    def __init__(self, raw: _Element) -> None:
        self.raw = raw

    @property
    def attributes(self) -> Attributes:
        """The attributes as a dict."""
        return Attributes(self.raw)

    @property
    def style(self) -> Style:
        """The properties in the attribute `style` as a dict."""
        return Style(self.attributes)

    @property
    def tag(self) -> str:
        """The name of the element, such as "rect", or "inkscape:grid" where it is not SVG's."""
        return prefix_name(self.raw, self.raw.tag)

    @property
    def text(self) -> str:
        """All the text in the element; setting it replaces everything that is in the element."""
        return str(self.raw.xpath("string()"))

    @text.setter
    def text(self, text: str) -> None:
        if not isinstance(text, str):
            raise InputTypeError("text", "a str", quoted(text), "pass str(...) of it")
        with _refusals("text", text):
            # Tried out first, so that a refusal leaves the element as it was.
            self.raw.makeelement("text").text = text
        for child in list(self.raw):
            self.raw.remove(child)
        self.raw.text = text

    @property
    def parent(self) -> SvgElement | None:
        """The element this one is in, or None for the document's own <svg>."""
        above = self.raw.getparent()
        return None if above is None else SvgElement(above)

    @property
    def children(self) -> list[SvgElement]:
        """The elements in this one, in drawing order: later ones lie above."""
        return [SvgElement(child) for child in self.raw.iterchildren("*")]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SvgElement) and self.raw is other.raw

    def __hash__(self) -> int:
        return hash(self.raw)

    def __repr__(self) -> str:
        named = "".join(f' {name}="{self.raw.get(name)}"' for name in ("id", "class") if self.raw.get(name))
        return f"<{self.tag}{named}>"

    def tostring(self) -> str:
        """The element and what is in it as markup."""
        from lxml import etree

        return etree.tostring(self.raw, encoding="unicode", with_tail=False)

    # ------------------------------------------------------------ finding

    def find(
        self,
        tag: str | None = None,
        *,
        id: str | None = None,
        class_: str | None = None,
        css: str | None = None,
        xpath: str | None = None,
    ) -> SvgElement:
        """The first element in this one for which all that is given holds.

        Args:
            tag: the name, "path", or "inkscape:grid" with a prefix that the document declares.
            id: the attribute id.
            class_: one of the words in the attribute class.
            css: a selector, "g.icon > path", or several with commas between them.
            xpath: an XPath 1.0 expression, in which names of SVG elements need no prefix. "//g" starts at the
                document, ".//g" at this element.

        Raises:
            InputValueError: there is none (the message lists what there is), or the expression is not one.
        """
        for found in self.find_all(tag, id=id, class_=class_, css=css, xpath=xpath):
            return found
        raise nothing_found(self.raw, tag=tag, id=id, class_=class_, css=css, xpath=xpath)

    def find_all(
        self,
        tag: str | None = None,
        *,
        id: str | None = None,
        class_: str | None = None,
        css: str | None = None,
        xpath: str | None = None,
    ) -> list[SvgElement]:
        """All elements in this one for which all that is given holds, in document order; see `find`."""
        return [SvgElement(each) for each in matching(self.raw, tag=tag, id=id, class_=class_, css=css, xpath=xpath)]

    # ------------------------------------------------------------ building

    def add(
        self, what: object, text: str | None = None, *, index: int | None = None, **attributes: object
    ) -> SvgElement:
        """Add an element inside this one.

        Args:
            what: the tag of a new element, such as "rect"; markup of one element, such as '<rect width="3"/>'; or
                something whose `tostring()` gives markup and of which a copy is added: an SvgElement, an SvgPath, an
                element of svgwrite (made with debug=False, which lets it take rgba(), data-* and SVG 2).
            text: the text in it.
            index: its place among `children`, as in list.insert; None adds it at the end, above all others.
            attributes: by SVG's names, with _ for - and one more _ after a Python keyword: `stroke_width=2`,
                `class_="icon"`; other names as in `**{"xlink:href": "#a"}`. None leaves an attribute out.

        Returns:
            The new element.

        Raises:
            InputTypeError: a value that SVG has no text for, or an index that is no integer.
            InputValueError: a tag that SVG does not have, or markup that is not one element.
        """
        raw = self._make(what, text, attributes)
        self._insert(raw, index)
        return SvgElement(raw)

    def add_image(
        self,
        image: AnyImage,
        *,
        x: float = 0,
        y: float = 0,
        width: float | None = None,
        height: float | None = None,
        format: PictureFormat = "png",
        quality: int | None = None,
        bgr: bool = False,
        index: int | None = None,
        **attributes: object,
    ) -> SvgElement:
        """Add a picture, embedded as a data URL.

        Args:
            image: of any kind; it is embedded with 8 bits a channel, upright, alpha kept where the format has it.
            x: of its left edge.
            y: of its upper edge.
            width: that it is drawn in; by default one unit a pixel, or by `height` and its aspect.
            height: as well.
            format: "png", "jpeg" or "webp".
            quality: 1 to 100, for JPEG and WebP.
            bgr: the array or tensor runs B, G, R(, A).
            index: its place among `children`; None adds it above all others.
            attributes: as for `add`.

        Returns:
            The new <image>.

        Raises:
            InputTypeError: not an image.
            InputValueError: a batch, alpha for JPEG, or an unknown format.

        Example:
            >>> import numpy as np
            >>> from aikit.svg import new_svg
            >>> drawing = new_svg(width=40, height=30)
            >>> picture = drawing.add_image(np.zeros((20, 30, 3), np.uint8), x=5, y=5, opacity=0.5)
            >>> picture.attributes["width"], picture.attributes["height"], picture.attributes["href"][:22]
            ('30', '20', 'data:image/png;base64,')
        """
        url, across, down = as_data_url(image, format=format, quality=quality, bgr=bgr)
        if width is None:
            width = across if height is None else height * across / down
        height = width * down / across if height is None else height
        box = {"x": x or None, "y": y or None, "width": width, "height": height, "preserveAspectRatio": "none"}
        raw = self._make("image", None, {**box, "href": url, **attributes})
        self._insert(raw, index)
        return SvgElement(raw)

    def add_svg(
        self,
        source: Source | Svg,
        *,
        x: float = 0,
        y: float = 0,
        width: float | None = None,
        height: float | None = None,
        index: int | None = None,
    ) -> SvgElement:
        """Add a copy of another document, as an <svg> inside of this one.

        Its style sheets are written into its elements, so that they hold for nothing else, and ids that are taken here get
        a number, wherever the copy names them.

        Args:
            source: a path, bytes or an open binary file, SVG or svgz, or an open `Svg`.
            x: of its left edge.
            y: of its upper edge.
            width: that it is drawn in; by default its own.
            height: as well.
            index: its place among `children`; None adds it above all others.

        Returns:
            The new <svg>.

        Raises:
            FileAccessError: the file cannot be opened.
            FileFormatError: not an SVG, or damaged.
            LimitError: its selectors are matched without end.

        Example:
            >>> from aikit.svg import new_svg
            >>> icon = new_svg(width=10, height=10)
            >>> _ = icon.add("circle", id="dot", cx=5, cy=5, r=4)
            >>> sheet = new_svg(width=40, height=20)
            >>> [sheet.add_svg(icon, x=x).find("circle").attributes["id"] for x in (0, 20)]
            ['dot', 'dot-2']
        """
        data, name, limits = read_source(source, None)
        root = parse(data, limits, name=name)
        taken = {str(each) for each in self.raw.getroottree().xpath("//@id")}
        keep_apart(root, taken, name)
        own = size_of(root)
        place(root, x, y, width or (own and own[0]), height or (own and own[1]))
        if "viewBox" not in root.attrib and own is not None:
            root.set("viewBox", f"0 0 {own[0]:g} {own[1]:g}")
        self._insert(root, index)
        return SvgElement(root)

    def wrap(self, tag: str = "g", **attributes: object) -> SvgElement:
        """Put this element into a new one that takes its place.

        Returns:
            The new element, a group unless `tag` says otherwise.

        Raises:
            InputValueError: this is the document's own <svg>.
        """
        above = self._parent_or_refuse("wrap", "use wrap_contents to put all that is in it into a group")
        group = SvgElement(above)._make(tag, None, attributes)
        # lxml lets the text behind an element travel with it; it belongs to the place.
        group.tail, self.raw.tail = self.raw.tail, None
        above.replace(self.raw, group)
        group.append(self.raw)
        return SvgElement(group)

    def wrap_contents(self, tag: str = "g", **attributes: object) -> SvgElement:
        """Put everything that is in this element into one new element in it.

        Returns:
            The new element, a group unless `tag` says otherwise.
        """
        group = self._make(tag, None, attributes)
        group.text, self.raw.text = self.raw.text, None
        group.extend(list(self.raw))
        self.raw.append(group)
        return SvgElement(group)

    def move_to(self, parent: SvgElement, *, index: int | None = None) -> None:
        """Move this element into another one, of this document or another.

        Args:
            parent: where it goes.
            index: its place among the `children` there, counted without itself; None moves it to the end.
        """
        if not isinstance(parent, SvgElement):
            raise InputTypeError("parent", "an SvgElement", type(parent).__name__, "find it first")
        self._parent_or_refuse("move_to", "use wrap_contents, and move the group")
        if parent == self or self.raw in parent.raw.iterancestors():
            raise InputValueError("parent", f"an element outside {quoted(self)}", quoted(parent), "move that first")
        _detach(self.raw)
        parent._insert(self.raw, index)

    def remove(self) -> None:
        """Take this element, and all that is in it, out of the document."""
        self._parent_or_refuse("remove", "remove its children")
        _detach(self.raw)

    def _parent_or_refuse(self, verb: str, remedy: str) -> _Element:
        above = self.raw.getparent()
        if above is None:
            raise InputValueError(verb, "an element inside the document", f"{quoted(self)} itself", remedy)
        return above

    def _insert(self, raw: _Element, index: int | None) -> None:
        children = list(self.raw.iterchildren("*"))
        if index is None:
            self.raw.append(raw)
            return
        try:
            before = children[operator.index(index) :][:1]
        except TypeError as error:
            raise InputTypeError("index", "an integer or None", quoted(index), "count from 0") from error
        if before:
            before[0].addprevious(raw)
        else:
            self.raw.append(raw)

    def _make(self, what: object, text: str | None, attributes: dict[str, object]) -> _Element:
        """Make an element for this one, not yet in it, so that a refused attribute changes nothing."""
        markup = what.tostring() if hasattr(what, "tostring") else what
        if not isinstance(markup, str):
            raise InputTypeError("what", "a tag, markup or an element", quoted(what), "pass for instance 'rect'")
        if markup.lstrip().startswith("<"):
            raw = one_element(markup, {"xlink": XLINK, **self.raw.nsmap})
        else:
            if ":" not in markup and not markup.startswith("{"):
                check_tag(markup)
            with _refusals("tag", markup):
                scope = dict(self.raw.nsmap)
                if any(name.startswith("xlink:") for name in attributes):
                    scope.setdefault("xlink", XLINK)
                raw = self.raw.makeelement(expand_name(self.raw, markup), nsmap=scope)
        made = SvgElement(raw)
        embedded = {
            name: as_data_url(value)[0] if name.endswith("href") and is_image(value) else value  # type: ignore[arg-type]
            for name, value in attributes.items()
        }
        made.attributes.update(to_attributes(embedded))
        if text is not None:
            made.text = text
        return raw


def _detach(raw: _Element) -> None:
    """Take an element out and leave the text behind it, which lxml would take along."""
    above, before = raw.getparent(), raw.getprevious()
    assert above is not None
    if raw.tail and before is not None:
        before.tail = (before.tail or "") + raw.tail
    elif raw.tail:
        above.text = (above.text or "") + raw.tail
    raw.tail = None
    above.remove(raw)
