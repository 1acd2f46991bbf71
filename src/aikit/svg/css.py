"""Style sheets and style attributes: kept where they only style, cut where they would fetch."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lxml import etree

__all__ = [
    "LOCAL",
    "Note",
    "clean_declarations",
    "clean_sheet",
    "costs",
    "declarations",
    "inline",
    "is_local",
    "is_plain",
    "matching_time",
]

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


def is_plain(text: str) -> bool:
    """Whether CSS can be seen to be harmless without parsing it, which takes 3 microseconds a letter."""
    return not _SUSPECT.search(LOCAL.sub("", text))


def clean_declarations(text: str, note: Note) -> str:
    """The text of a style attribute without what would fetch or run. References become url(#id)."""
    if is_plain(text):
        return LOCAL.sub(r"url(#\2)", text)
    import tinycss2

    return _write_declarations(tinycss2.parse_declaration_list(text, skip_comments=True, skip_whitespace=True), note)


def clean_sheet(text: str, note: Note) -> str:
    """The text of a <style> element without what would fetch or run. References become url(#id)."""
    if is_plain(text):
        return LOCAL.sub(r"url(#\2)", text)
    import tinycss2

    return _write_rules(tinycss2.parse_stylesheet(text, skip_comments=True, skip_whitespace=True), note)


def _write_rules(rules: list[Any], note: Note) -> str:
    import tinycss2

    kept = []
    for rule in rules:
        if rule.type == "qualified-rule":
            kept.append(_write_block(rule, _clean_block(rule.content, note), note))
        elif rule.type == "at-rule" and rule.content is not None and rule.lower_at_keyword in _NESTING | _KEYFRAMES:
            inner = tinycss2.parse_rule_list(rule.content, skip_comments=True, skip_whitespace=True)
            kept.append(f"@{rule.lower_at_keyword} " + _write_block(rule, _write_rules(inner, note), note))
        elif rule.type == "at-rule":
            note(f"@{rule.lower_at_keyword} in a style sheet")
    return "\n".join(filter(None, kept))


def _write_block(rule: Any, content: str, note: Note) -> str:
    import tinycss2

    if _fetches(rule.prelude):
        note("an address in a style sheet")
        return ""
    return f"{tinycss2.serialize(rule.prelude).strip()} {{{content}}}"


def _clean_block(content: list[Any], note: Note) -> str:
    import tinycss2

    return _write_declarations(tinycss2.parse_declaration_list(content, skip_comments=True, skip_whitespace=True), note)


def _write_declarations(found: list[Any], note: Note) -> str:
    """Write the declarations that may stay, each once and plainly; what is none is left out."""
    return ";".join(f"{name}:{value}" for name, value in _safe(found, note))


def _safe(found: list[Any], note: Note) -> Iterator[tuple[str, str]]:
    import tinycss2

    for one in found:
        if one.type == "at-rule":
            note(f"@{one.lower_at_keyword} in a style")
        if one.type != "declaration":
            continue
        if one.lower_name in _CODE_PROPERTIES or _fetches(one.value):
            note(f"{one.lower_name} in a style")
            continue
        value = LOCAL.sub(r"url(#\2)", tinycss2.serialize(one.value).strip())
        # A string or an identifier can spell a reference that only another reader would see as one.
        if not is_local(value) or "\\" in value or "/*" in value:
            note(f"{one.lower_name} in a style")
            continue
        yield one.lower_name, value + ("!important" if one.important else "")


def _fetches(tokens: list[Any]) -> bool:
    """Whether any token, however deep, names a resource outside of the document."""
    for token in tokens:
        if token.type == "url" and not token.value.startswith("#"):
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
        elif token.type.endswith(" block") and _fetches(token.content):
            return True
    return False


def _names_an_element(arguments: list[Any]) -> bool:
    parts = [token for token in arguments if token.type not in ("whitespace", "comment")]
    return len(parts) == 1 and parts[0].type == "string" and parts[0].value.startswith("#")


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


# Measured with resvg: a rule looked at, and an element met on the way up from another.
_RULE, _STEP = 60.0, 20.0


def matching_time(sheet: str, elements: int, depth: int) -> float:
    """Nanoseconds that matching the selectors of a cleaned sheet may take.

    For "a b c d" each ancestor that is a "c" is tried with each of its own that is a "b", and so on: renderers go
    through all the ways to choose three out of the ancestors.
    """
    times = 0.0
    for block in sheet.split("{")[:-1]:
        for selector in block.rpartition("}")[2].split(","):
            words = selector.replace(">", " > ").replace("+", " + ").split()
            # "a > b" is tried once: the sign and the two beside it are one step.
            steps = max(0, len(words) - 1 - 2 * (words.count(">") + words.count("+")))
            times += _RULE + _STEP * math.comb(depth, min(steps, depth // 2))
    return times * elements


# What makes a picture cost more than its text: references, and groups that are composed on a layer of their own.
_COSTLY = re.compile(
    r"url\(|(?<![-\w])(?:opacity|filter|mask|clip-path|transform|isolation|mix-blend-mode|marker|inherit|stroke-dasharray)(?![\w(])",
    re.IGNORECASE,
)


def costs(text: str) -> bool:
    """Whether cleaned CSS sets a property that makes what it styles cost more."""
    return _COSTLY.search(text) is not None


def inline(root: etree._Element, styles: list[etree._Element]) -> None:
    """Write what the rules of style sheets say into style attributes, by the cascade of CSS, and empty the sheets.

    Rules in at-rules are left out, as both renderers do.
    """
    import cssselect2

    matcher = cssselect2.Matcher()
    for selector, found in _selectors([style.text or "" for style in styles]):
        matcher.add_selector(selector, found)
    for wrapped in cssselect2.ElementWrapper.from_xml_root(root).iter_subtree():
        element = wrapped.etree_element
        normal: dict[str, str] = {}
        important: dict[str, str] = {}
        for _, _, _, found in sorted(matcher.match(wrapped), key=lambda match: match[:2]):
            for name, value, urgent in found:
                (important if urgent else normal)[name] = f"{name}:{value}" + ("!important" if urgent else "")
        if normal or important:
            own = element.get("style", "").strip().rstrip(";")
            element.set("style", ";".join([*normal.values(), *([own] if own else []), *important.values()]))
    for style in styles:
        style.text = None


def _selectors(sheets: list[str]) -> Iterator[tuple[Any, list[tuple[str, str, bool]]]]:
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
        for selector in selectors:
            if not selector.never_matches and selector.pseudo_element is None:
                yield selector, found
