"""Style sheets and style attributes: kept where they only style, cut where they would fetch."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Protocol

__all__ = [
    "LOCAL", "Node", "Note", "clean_declarations", "clean_sheet", "costs", "declarations", "is_local",
]  # fmt: skip


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
        elif (
            rule.type == "at-rule"
            and rule.content is None
            and rule.lower_at_keyword == "layer"
            and not _fetches(rule.prelude)
        ):
            kept.append(f"@layer {tinycss2.serialize(rule.prelude).strip()};")
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
        name = one.name if one.name.startswith("--") else one.lower_name
        yield name, value + ("!important" if one.important else "")


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
                name = one.name if one.name.startswith("--") else one.lower_name
                yield name, tinycss2.serialize(one.value).strip()
        return
    for part in text.split(";"):
        name, colon, value = part.partition(":")
        if colon:
            name = name.strip()
            yield name if name.startswith("--") else name.lower(), value.partition("!")[0].strip()


# What makes a picture cost more than its text: references, and groups that are composed on a layer of their own.
_COSTLY = re.compile(
    r"url\(|(?<![-\w])(?:opacity|filter|mask|clip-path|transform|isolation|mix-blend-mode|marker|inherit|stroke-dasharray)(?![\w(])",
    re.IGNORECASE,
)


def costs(text: str) -> bool:
    """Whether cleaned CSS sets a property that makes what it styles cost more."""
    return _COSTLY.search(text) is not None
