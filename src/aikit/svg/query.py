"""Finding elements: by tag, id, class, CSS selector and XPath, and what to say when there is none."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..errors import InputValueError, quoted
from .names import expand_name, prefix_name
from .source import SVG

if TYPE_CHECKING:
    from lxml.etree import _Element

__all__ = ["matching", "nothing_found"]


def matching(
    element: _Element, *, tag: str | None, id: str | None, class_: str | None, css: str | None, xpath: str | None
) -> Iterator[_Element]:
    """The elements below `element` for which all that is given holds, in document order."""
    wanted = None if tag is None else expand_name(element, tag)
    selected = None if css is None else _select_css(element, css)
    for found in element.iterdescendants("*") if xpath is None else _select_xpath(element, xpath):
        if (
            (wanted is None or found.tag == wanted)
            and (id is None or found.get("id") == id)
            and (selected is None or found in selected)
            and (class_ is None or class_ in found.get("class", "").split())
        ):
            yield found


def _select_css(element: _Element, css: str) -> set[_Element]:
    """The elements below `element` that a selector matches; the elements around it count, as in a browser."""
    import cssselect2

    try:
        matcher = cssselect2.Matcher()
        for selector in cssselect2.compile_selector_list(css):
            if not selector.never_matches and selector.pseudo_element is None:
                matcher.add_selector(selector, None)
    except (cssselect2.SelectorError, TypeError, AttributeError, RecursionError, SyntaxError, MemoryError) as error:
        # cssselect2 writes Python for a selector, and Python does not nest without end.
        remedy = 'write for instance "g.icon > path"'
        raise InputValueError("css", "a selector", f"{quoted(css)} ({error})", remedy) from error
    root = cssselect2.ElementWrapper.from_xml_root(element.getroottree().getroot())
    return {wrapped.etree_element for wrapped in root.iter_subtree() if matcher.match(wrapped)}


def _select_xpath(element: _Element, xpath: str) -> list[_Element]:
    from lxml import etree

    namespaces = {prefix: uri for prefix, uri in element.nsmap.items() if prefix} | {"svg": SVG}
    in_namespace = etree.QName(element.getroottree().getroot()).namespace == SVG
    try:
        found = element.xpath(_with_prefixes(xpath) if in_namespace else xpath, namespaces=namespaces)
    except (etree.XPathError, ValueError) as error:
        raise InputValueError(
            "xpath",
            "an XPath 1.0 expression",
            f"{quoted(xpath)} ({error})",
            f"names of SVG need no prefix, these are known: {', '.join(namespaces)}",
        ) from error
    if not isinstance(found, list) or not all(etree.iselement(each) and isinstance(each.tag, str) for each in found):
        raise InputValueError(
            "xpath",
            "an expression that selects elements",
            quoted(xpath),
            "ask for the elements and read their attributes",
        )
    return found


# XPath 1.0, section 3.7: strings, numbers, names (with a prefix, but not an axis), the longer operators, the rest.
_WORD = re.compile(
    r""""[^"]*"|'[^']*'|\d+(?:\.\d*)?|\.\d+|[^\W\d][\w.-]*(?::(?!:)(?:\*|[^\W\d][\w.-]*))?|::|//|\.\.|[!<>]=|\s+|."""
)
_OPERATOR_NAMES = {"and", "or", "div", "mod"}
_ENDS_OPERAND = {")", "]", ".", ".."}


def _with_prefixes(xpath: str) -> str:
    """An expression in which names of elements without a prefix mean those of SVG.

    XPath itself has no default namespace: in a document with one, "//path" finds nothing.
    """
    words = _WORD.findall(xpath)
    solid = [place for place, word in enumerate(words) if not word.isspace()]
    after_operand = False
    for at, place in enumerate(solid):
        word = words[place]
        before = [words[earlier] for earlier in solid[max(0, at - 2) : at]]
        behind = words[solid[at + 1]] if at + 1 < len(solid) else ""
        is_name = word[0].isalpha() or word[0] == "_"
        if after_operand and (word == "*" or word in _OPERATOR_NAMES):
            after_operand = False
            continue
        if is_name and ":" not in word and behind not in ("(", "::") and not _names_no_element(before):
            words[place] = f"svg:{word}"
        after_operand = is_name or word in _ENDS_OPERAND or word == "*" or word[0] in "\"'0123456789"
    return "".join(words)


def _names_no_element(before: list[str]) -> bool:
    """Whether the words before a name make it an attribute, a variable or a namespace."""
    return before[-1:] in (["@"], ["$"]) or before in (["attribute", "::"], ["namespace", "::"])


_SHOWN = 20


def nothing_found(
    element: _Element, *, tag: str | None, id: str | None, class_: str | None, css: str | None, xpath: str | None
) -> InputValueError:
    """The error that says what was looked for and what there is instead."""
    wanted = {"tag": tag, "id": id, "class_": class_, "css": css, "xpath": xpath}
    words = " and ".join(f"{name}={value!r}" for name, value in wanted.items() if value is not None)
    every = list(element.iterdescendants("*"))
    if id is not None:
        kind, there = "ids", [each.get("id") for each in every]
    elif class_ is not None:
        kind, there = "classes", [name for each in every for name in each.get("class", "").split()]
    else:
        kind, there = "tags", [prefix_name(each, each.tag) for each in every]
    counted = Counter(name for name in there if name)
    shown = ", ".join(list(counted)[:_SHOWN]) + (", ..." if len(counted) > _SHOWN else "")
    return InputValueError(
        "find",
        f"an element with {words or 'any tag'}",
        "none",
        f"the {kind} in <{prefix_name(element, element.tag)}> are {shown or 'none at all'}",
    )
