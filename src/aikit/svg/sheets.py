"""Style sheets: matched with elements, and written into their style attributes by the cascade of CSS."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from ..errors import LimitError
from .css import Node, Note
from .media import Medium, holds
from .source import local_name
from .style import declarations

if TYPE_CHECKING:
    from cssselect2.compiler import CompiledSelector
    from lxml import etree

__all__ = ["Extent", "check_matching", "inline", "measure_extent"]

# At-rules that set nothing by themselves.
_UNTOLD = {"keyframes", "-webkit-keyframes", "-moz-keyframes", "font-face", "namespace", "charset", "property"}


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


class _Rule(NamedTuple):
    """The declarations of a rule, and the layer that they stand in: rules outside of all layers have the last."""

    found: list[tuple[str, str, bool]]
    layer: int


# Beyond every layer that is named.
_NO_LAYER = 1 << 30


def inline(root: etree._Element, styles: list[etree._Element], name: str, medium: Medium, note: Note) -> None:
    """Write what the rules of style sheets say into style attributes, by the cascade of CSS, and empty the sheets.

    Args:
        root: of the document.
        styles: its <style> elements, cleaned.
        name: the subject of messages.
        medium: which at-rules hold.
        note: told of rules that nobody can say of whether they hold.

    Raises:
        LimitError: matching takes without end, selectors nest too deeply, or the rules would become too much text.

    Source: CSS Cascade 5, section 6.
    """
    import cssselect2

    sheets = [style.text or "" for style in styles if _is_for(style, medium)]
    check_matching(name, sheets, measure_extent(root), here=True)
    matcher = cssselect2.Matcher()
    for selector, rule in _selectors(sheets, name, medium, note):
        matcher.add_selector(selector, rule)
    written = 0
    for wrapped in cssselect2.ElementWrapper.from_xml_root(root).iter_subtree():
        element = wrapped.etree_element
        matches = [(rule.layer, weight, order, rule.found) for weight, order, _, rule in matcher.match(wrapped)]
        # Every value stays: the renderer takes the last that it knows.
        normal = [
            f"{key}:{value}"
            for _, _, _, found in sorted(matches, key=lambda match: match[:3])
            for key, value, urgent in found
            if not urgent
        ]
        important = [
            f"{key}:{value}!important"
            for _, _, _, found in sorted(matches, key=lambda match: (-match[0], match[1], match[2]))
            for key, value, urgent in found
            if urgent
        ]
        if normal or important:
            own = element.get("style", "").strip().rstrip(";")
            # What is important in the attribute counts more than what is in a sheet, so it comes again.
            text = ";".join([*normal, *([own] if own else []), *important, *_important(own)])
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


def _important(style: str) -> Iterator[str]:
    if "!" in style:
        for each in declarations(style):
            if each.important:
                yield f"{each.name}:{each.value}"


def _is_for(style: etree._Element, medium: Medium) -> bool:
    """Whether a <style> element is CSS for what the drawing is shown on."""
    import tinycss2

    if style.get("type", "text/css").strip().lower() not in ("", "text/css"):
        return False
    media = style.get("media", "").strip()
    if not media:
        return True
    rule = tinycss2.parse_one_rule(f"@media {media} {{}}", skip_comments=True)
    return rule.type == "at-rule" and bool(holds(rule, medium))


def _selectors(sheets: list[str], name: str, medium: Medium, note: Note) -> Iterator[tuple[CompiledSelector, _Rule]]:
    import tinycss2

    layers: dict[str, int] = {}
    for sheet in sheets:
        yield from _of_rules(tinycss2.parse_stylesheet(sheet, True, True), "", layers, name, medium, note)


def _of_rules(
    rules: list[Node], layer: str, layers: dict[str, int], name: str, medium: Medium, note: Note
) -> Iterator[tuple[CompiledSelector, _Rule]]:
    """The selectors of rules, and of those in at-rules that hold."""
    import tinycss2

    for rule in rules:
        if rule.type == "at-rule":
            word = rule.lower_at_keyword
            named = tinycss2.serialize(rule.prelude).strip()
            if word == "layer" and rule.content is None:
                for each in named.split(","):
                    layers.setdefault(f"{layer}.{each.strip()}", len(layers))
            elif rule.content is not None and word in ("media", "supports", "layer"):
                inner = f"{layer}.{named or len(layers)}" if word == "layer" else layer
                if word == "layer":
                    layers.setdefault(inner, len(layers))
                if holds(rule, medium):
                    parsed = tinycss2.parse_rule_list(rule.content, skip_comments=True, skip_whitespace=True)
                    yield from _of_rules(parsed, inner, layers, name, medium, note)
            elif word not in _UNTOLD:
                note(f"@{word} in a style sheet")
        elif rule.type == "qualified-rule":
            yield from _of_rule(rule, layers.get(layer, _NO_LAYER), name, note)


def _of_rule(rule: Node, layer: int, name: str, note: Note) -> Iterator[tuple[CompiledSelector, _Rule]]:
    import cssselect2
    import tinycss2

    found = [
        (
            one.name if one.name.startswith("--") else one.lower_name,
            tinycss2.serialize(one.value).strip(),
            bool(one.important),
        )
        for one in tinycss2.parse_declaration_list(rule.content, skip_comments=True, skip_whitespace=True)
        if one.type == "declaration"
    ]
    try:
        selectors = cssselect2.compile_selector_list(rule.prelude)
    except cssselect2.SelectorError:  # CSS says: a rule whose selector is not understood does not count
        note(f"selector {tinycss2.serialize(rule.prelude).strip()}"[:60])
        return
    except (RecursionError, SyntaxError, MemoryError) as error:
        # cssselect2 writes Python for a selector, and Python has such limits.
        raise LimitError(
            name, "selectors that nest some ten levels", "more", "simplify the styles", limit="selector_levels"
        ) from error
    for selector in selectors:
        if not selector.never_matches and selector.pseudo_element is None:
            yield selector, _Rule(found, layer)
