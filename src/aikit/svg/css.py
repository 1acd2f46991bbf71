"""Style sheets and style attributes: kept where they only style, cut where they would fetch."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from ..errors import LimitError
from .source import local_name

if TYPE_CHECKING:
    from cssselect2.compiler import CompiledSelector
    from lxml import etree

__all__ = [
    "LOCAL",
    "Extent",
    "Node",
    "Note",
    "check_matching",
    "clean_declarations",
    "clean_sheet",
    "costs",
    "declarations",
    "inline",
    "is_local",
    "measure_extent",
]


class Node(Protocol):
    """A piece of CSS as tinycss2, which has no types, parses it; `type` says which of the attributes there are."""

    type: str
    lower_name: str
    lower_at_keyword: str
    lower_value: str
    lower_unit: str
    name: str
    important: bool
    prelude: list[Node]
    arguments: list[Node]
    content: list[Node] | None
    value: Any  # the text of a name, the number of a number, the tokens of a declaration


# Told of everything that is cut.
Note = Callable[[str], None]

# A reference to an element of the same document, in its plain form.
LOCAL = re.compile(r"""url\(\s*(["']?)#([^\s"'()\\;{}<>]+)\1\s*\)""", re.IGNORECASE)
# What has to be read by a real parser: escapes, comments and whatever can name a resource or hold code.
_SUSPECT = re.compile(
    r"[\\@]|/\*|url|src|image|cross-fade|element\s*\(|paint\s*\(|expression|behaviou?r|binding|//|<!--", re.I
)
# Functions whose strings are addresses (CSS Images 4, Fonts 4), and Internet Explorer's code.
_FETCHING = {"src", "image", "image-set", "-webkit-image-set", "cross-fade", "-webkit-cross-fade", "element", "paint"}
_CODE = {"expression"}
_CODE_PROPERTIES = {"behavior", "-moz-binding"}
# Rules that hold rules. @import, @font-face, @namespace and the like name resources, or nothing a picture needs.
_NESTING = {"media", "supports", "layer", "container", "scope"}
_KEYFRAMES = {"keyframes", "-webkit-keyframes", "-moz-keyframes"}


def is_local(value: str) -> bool:
    """Whether a value of an attribute names no resource but elements of the document."""
    return "url" not in LOCAL.sub("", value).lower()


# Fonts and pictures in a sheet, which are megabytes of letters, and go in any case.
_DATA_URL = re.compile(r"""url\(\s*(["']?)data:[\w/+.;,=%-]*\1\s*\)""", re.ASCII)


def _is_plain(text: str) -> bool:
    """Whether CSS can be seen to be harmless without parsing it, which takes 3 microseconds a letter."""
    return not _SUSPECT.search(LOCAL.sub("", text))


def clean_declarations(text: str, note: Note) -> str:
    """The text of a style attribute without what would fetch or run. References become url(#id)."""
    if _is_plain(text):
        return LOCAL.sub(r"url(#\2)", text)
    import tinycss2

    text = _DATA_URL.sub("url(data:)", text)
    return _write_declarations(tinycss2.parse_declaration_list(text, skip_comments=True, skip_whitespace=True), note)


def clean_sheet(text: str, note: Note) -> str:
    """The text of a <style> element without what would fetch or run. References become url(#id)."""
    if _is_plain(text):
        return LOCAL.sub(r"url(#\2)", text)
    import tinycss2

    text = _DATA_URL.sub("url(data:)", text)
    return _write_rules(tinycss2.parse_stylesheet(text, skip_comments=True, skip_whitespace=True), note)


def _write_rules(rules: list[Node], note: Note) -> str:
    import tinycss2

    kept = []
    for rule in rules:
        if rule.type == "qualified-rule":
            kept.append(_write_block(rule, _clean_block(rule.content or [], note), note))
        elif rule.type == "at-rule" and rule.content is not None and rule.lower_at_keyword in _NESTING | _KEYFRAMES:
            inner = tinycss2.parse_rule_list(rule.content, skip_comments=True, skip_whitespace=True)
            kept.append(f"@{rule.lower_at_keyword} " + _write_block(rule, _write_rules(inner, note), note))
        elif rule.type == "at-rule":
            note(f"@{rule.lower_at_keyword} in a style sheet")
    return "\n".join(filter(None, kept))


def _write_block(rule: Node, content: str, note: Note) -> str:
    import tinycss2

    if _fetches(rule.prelude):
        note("an address in a style sheet")
        return ""
    return f"{tinycss2.serialize(rule.prelude).strip()} {{{content}}}"


def _clean_block(content: list[Node], note: Note) -> str:
    import tinycss2

    return _write_declarations(tinycss2.parse_declaration_list(content, skip_comments=True, skip_whitespace=True), note)


def _write_declarations(found: list[Node], note: Note) -> str:
    """Write the declarations that may stay, each once and plainly; what is none is left out."""
    return ";".join(f"{name}:{value}" for name, value in _safe(found, note))


def _safe(found: list[Node], note: Note) -> Iterator[tuple[str, str]]:
    import tinycss2

    for one in found:
        if one.type == "at-rule":
            note(f"@{one.lower_at_keyword} in a style")
        if one.type != "declaration":
            continue
        if one.lower_name in _CODE_PROPERTIES or isinstance(one.value, str) or _fetches(one.value):
            note(f"{one.lower_name} in a style")
            continue
        value = LOCAL.sub(r"url(#\2)", tinycss2.serialize(one.value).strip())
        # A string or an identifier can spell a reference that only another reader would see as one.
        if not is_local(value) or "\\" in value or "/*" in value:
            note(f"{one.lower_name} in a style")
            continue
        yield one.lower_name, value + ("!important" if one.important else "")


def _fetches(tokens: list[Node]) -> bool:
    """Whether any token, however deep, names a resource outside of the document."""
    for token in tokens:
        if token.type == "url" and not str(token.value).startswith("#"):
            return True
        if token.type == "error":
            return True
        if token.type == "function":
            if token.lower_name in _FETCHING | _CODE:
                return True
            if token.lower_name == "url" and not _names_an_element(token.arguments):
                return True
            if _fetches(token.arguments):
                return True
        elif token.type.endswith(" block") and _fetches(token.content or []):
            return True
    return False


def _names_an_element(arguments: list[Node]) -> bool:
    parts = [token for token in arguments if token.type not in ("whitespace", "comment")]
    return len(parts) == 1 and parts[0].type == "string" and str(parts[0].value).startswith("#")


# Where a semicolon need not end a declaration.
_NEEDS_PARSER = re.compile(r"""["']|\([^();]*;""")


def declarations(text: str) -> Iterator[tuple[str, str]]:
    """The (name, value) pairs of a cleaned style attribute, `!important` taken off."""
    if _NEEDS_PARSER.search(text):
        import tinycss2

        for one in tinycss2.parse_declaration_list(text, skip_comments=True, skip_whitespace=True):
            if one.type == "declaration":
                yield one.lower_name, tinycss2.serialize(one.value).strip()
        return
    for part in text.split(";"):
        name, colon, value = part.partition(":")
        if colon:
            yield name.strip().lower(), value.partition("!")[0].strip()


# ---------------------------------------------------------------- style sheets and elements


# Nanoseconds, measured: resvg looks at a rule and meets an element on the way up from another; cssselect2 does it.
_RULE, _STEP, _STEP_HERE = 60.0, 20.0, 100.0
# A renderer's estimate is of the worst that can be, cssselect2's of what is met.
_MOST_SECONDS, _MOST_SECONDS_HERE = 60, 10
# Letters that rules may become when they are written into the elements.
_MOST_INLINED = 200_000_000


class Extent(NamedTuple):
    """How large a document is.

    Attributes:
        elements: how many there are.
        depth: the deepest level.
        breadth: the most children of one element.
        named: how many elements have a tag, ".class" or "#id".
        nested: how many of them lie within each other, at most.
    """

    elements: int
    depth: int
    breadth: int
    named: Mapping[str, int]
    nested: Mapping[str, int]


def measure_extent(root: etree._Element) -> Extent:
    """Measure a document for `check_matching`."""
    elements, deepest, broadest = 0, 0, 0
    named: Counter[str] = Counter()
    nested: dict[str, int] = {}
    around: Counter[str] = Counter()  # by name, the elements that are open
    todo: list[tuple[etree._Element, list[str] | None, int]] = [(root, None, 1)]
    while todo:
        element, names, depth = todo.pop()
        if names is not None:  # its end
            around.subtract(names)
            continue
        names = _names_of(element)
        named.update(names)
        around.update(names)
        nested.update((name, around[name]) for name in names if around[name] > nested.get(name, 0))
        elements, deepest, broadest = elements + 1, max(deepest, depth), max(broadest, len(element))
        todo.append((element, names, depth))
        todo += [(child, None, depth + 1) for child in element.iterchildren("*")]
    return Extent(elements, deepest, broadest, named, nested)


def _names_of(element: etree._Element) -> list[str]:
    identity = element.get("id")
    classes = {f".{word}" for word in element.get("class", "").split()}
    return [local_name(element), *classes, *([] if identity is None else [f"#{identity}"])]


def check_matching(name: str, sheets: Iterable[str], extent: Extent, *, here: bool) -> None:
    """Refuse cleaned style sheets that would be matched without end, as a few nested selectors can be.

    Args:
        name: the subject of messages.
        sheets: cleaned style sheets.
        extent: of the document.
        here: whether cssselect2 matches them, not a renderer.

    Raises:
        LimitError: it would take too long.
    """
    allowed = _MOST_SECONDS_HERE if here else _MOST_SECONDS
    if sum(_matching_time(sheet, extent, here) for sheet in sheets) > allowed * 1e9:
        raise LimitError(
            name,
            f"selectors worth at most {allowed} s of matching",
            "more",
            "simplify the styles",
            limit="matching",
            allowed=allowed,
        )


def _matching_time(sheet: str, extent: Extent, here: bool) -> float:
    """Nanoseconds that matching the selectors of a cleaned sheet may take."""
    times = 0.0
    for block in sheet.split("{")[:-1]:
        for selector in block.rpartition("}")[2].split(","):
            words = selector.replace(">", " > ").replace("+", " + ").replace("~", " ~ ").split()
            if here:
                # cssselect2 looks a rule up by the last of its names.
                met = _count_of(words[-1] if words else "", extent.named, extent.elements)
                times += (_RULE + _STEP_HERE * _count_steps(words, selector, extent)) * met
            else:
                # "a > b" is tried once: the sign and the two beside it are one step.
                above = max(0, len(words) - 1 - 2 * sum(word in (">", "+", "~") for word in words))
                times += (_RULE + _STEP * _count_ways(extent.depth, above)) * extent.elements
    return times


def _count_steps(words: list[str], selector: str, extent: Extent) -> float:
    """How many elements are looked at to match one of them, at most.

    For "a b c d" each ancestor that is a "c" is tried with each of its own that is a "b", and so on; for "a ~ b" each
    element before it.
    """
    steps, ways, sign = 1.0, 1.0, ""
    for word in reversed(words[:-1]):
        if word in (">", "+", "~"):
            sign = word
            continue
        if sign:
            steps += ways * (extent.breadth if sign == "~" else 1)
            ways *= extent.breadth if sign == "~" else 1
        else:
            steps += ways * extent.depth
            count = _count_of(word, extent.nested, extent.depth)
            if count == 0:
                break
            ways *= count
        sign = ""
    steps *= float(extent.elements) ** min(9, selector.count(":has("))
    return min(steps * float(max(1, extent.breadth)) ** min(9, selector.count(":nth-")), 1e100)


# A word of which cssselect2 asks more than the names in it.
_ASKS_MORE = re.compile(r"[^\w.#:-]|:(?:is|not|where|has|nth)")


def _count_of(word: str, counts: Mapping[str, int], most: int) -> int:
    """How many elements a word of a selector can be about, by the names in it."""
    if _ASKS_MORE.search(word):
        return most
    names = re.findall(r"[.#]?[\w-]+", word.partition(":")[0])
    return min((counts.get(name, 0) for name in names), default=most)


def _count_ways(size: int, steps: int) -> float:
    """In how many ways so many can be chosen, at most; enough to be too much where there are very many."""
    return float(math.comb(size, min(steps, size // 2))) if steps < 10 or size < 500 else 1e100


# What makes a picture cost more than its text: references, and groups that are composed on a layer of their own.
_COSTLY = re.compile(
    r"url\(|(?<![-\w])(?:opacity|filter|mask|clip-path|transform|isolation|mix-blend-mode|marker|inherit|stroke-dasharray)(?![\w(])",
    re.IGNORECASE,
)


def costs(text: str) -> bool:
    """Whether cleaned CSS sets a property that makes what it styles cost more."""
    return _COSTLY.search(text) is not None


def inline(root: etree._Element, styles: list[etree._Element], name: str) -> None:
    """Write what the rules of style sheets say into style attributes, by the cascade of CSS, and empty the sheets.

    Rules in at-rules are left out, as both renderers do.

    Raises:
        LimitError: matching takes without end, selectors nest too deeply, or the rules would become too much text.
    """
    import cssselect2

    sheets = [style.text or "" for style in styles]
    check_matching(name, sheets, measure_extent(root), here=True)
    matcher = cssselect2.Matcher()
    for selector, found in _selectors(sheets, name):
        matcher.add_selector(selector, found)
    written = 0
    for wrapped in cssselect2.ElementWrapper.from_xml_root(root).iter_subtree():
        element = wrapped.etree_element
        normal: dict[str, str] = {}
        important: dict[str, str] = {}
        for _, _, _, found in sorted(matcher.match(wrapped), key=lambda match: match[:2]):
            for key, value, urgent in found:
                (important if urgent else normal)[key] = f"{key}:{value}" + ("!important" if urgent else "")
        if normal or important:
            own = element.get("style", "").strip().rstrip(";")
            text = ";".join([*normal.values(), *([own] if own else []), *important.values()])
            written += len(text)
            if written > _MOST_INLINED:
                raise LimitError(
                    name,
                    f"style sheets and elements worth at most {_MOST_INLINED:.0e} letters",
                    "more",
                    "simplify the styles",
                    limit="inlined_styles",
                    allowed=_MOST_INLINED,
                )
            element.set("style", text)
    for style in styles:
        style.text = None


def _selectors(sheets: list[str], name: str) -> Iterator[tuple[CompiledSelector, list[tuple[str, str, bool]]]]:
    import cssselect2
    import tinycss2

    for rule in (rule for sheet in sheets for rule in tinycss2.parse_stylesheet(sheet, True, True)):
        if rule.type != "qualified-rule":
            continue
        found = [
            (one.lower_name, tinycss2.serialize(one.value).strip(), bool(one.important))
            for one in tinycss2.parse_declaration_list(rule.content, skip_comments=True, skip_whitespace=True)
            if one.type == "declaration"
        ]
        try:
            selectors = cssselect2.compile_selector_list(rule.prelude)
        except cssselect2.SelectorError:
            continue  # CSS says: a rule whose selector is not understood does not count
        except (RecursionError, SyntaxError, MemoryError) as error:
            # cssselect2 writes Python for a selector, and Python has such limits.
            raise LimitError(
                name, "selectors that nest some ten levels", "more", "simplify the styles", limit="selector_levels"
            ) from error
        for selector in selectors:
            if not selector.never_matches and selector.pseudo_element is None:
                yield selector, found
