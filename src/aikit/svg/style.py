"""The declarations of a `style` attribute: read one, change one, leave every other character alone."""

from __future__ import annotations

import re
from collections.abc import Iterator, MutableMapping
from typing import Any, NamedTuple

from ..errors import InputValueError, quoted
from .values import as_text

__all__ = ["Declaration", "Style", "declarations", "without_important"]

# What a style is made of (CSS Syntax Level 3, section 4): a comment, a string, an unquoted url(...), whose ";" and ":"
# mean nothing, an escape, or one other character. What was opened and never closed reaches to the end.
_TOKEN = re.compile(
    r"""/\*.*?(?:\*/|\Z)
    | "(?:\\.|[^"\\])*(?:"|\Z)
    | '(?:\\.|[^'\\])*(?:'|\Z)
    | url\(\s*(?!\s|["'])(?:\\.|[^)\\])*(?:\)|\Z)
    | \\.
    | .""",
    re.DOTALL | re.IGNORECASE | re.VERBOSE,
)
_OPENING, _CLOSING = "([{", ")]}"
_COMMENT = re.compile(r"/\*.*?(?:\*/|\Z)", re.DOTALL)
_IMPORTANT = re.compile(r"\s*!\s*important\Z", re.IGNORECASE)
_NAME = re.compile(r"-{0,2}[A-Za-z_][\w-]*")


class Declaration(NamedTuple):
    """One `name: value` of a style, with the characters it was read from; both are "" for what is none."""

    source: str
    name: str = ""
    value: str = ""

    @property
    def important(self) -> bool:
        """Whether it counts more than those without the mark."""
        return _IMPORTANT.search(self.value) is not None


def declarations(style: str) -> list[Declaration]:
    """A style cut at its semicolons; joined by them again, the sources are the style."""
    return [_declaration(source) for source in _split(style, ";")]


def without_important(value: str) -> str:
    """A value without the mark at its end."""
    return _IMPORTANT.sub("", value)


def _split(text: str, separator: str) -> list[str]:
    """Cut at every separator that stands in no string, comment, url(...) or bracket."""
    pieces, depth = [""], 0
    for match in _TOKEN.finditer(text):
        token = match[0]
        if token == separator and depth == 0:
            pieces.append("")
            continue
        depth = max(0, depth + (token in _OPENING) - (token in _CLOSING))
        pieces[-1] += token
    return pieces


def _declaration(source: str) -> Declaration:
    name, *value = _split(source, ":")
    name = _COMMENT.sub("", name).strip()
    if not value or not _NAME.fullmatch(name):
        return Declaration(source)
    return Declaration(source, _same_case(name), _strip_comments(":".join(value)))


def _same_case(name: str) -> str:
    return name if name.startswith("--") else name.lower()


def _strip_comments(value: str) -> str:
    kept = "".join("" if match[0].startswith("/*") else match[0] for match in _TOKEN.finditer(value)).strip()
    return _IMPORTANT.sub(" !important", kept)


class Style(MutableMapping[str, Any]):
    """The `style` attribute of an element as a dict of its properties.

    A value is its text, with " !important" at its end where it has that. Setting one property leaves the characters of
    all others as they are.
    """

    def __init__(self, attributes: MutableMapping[str, Any]) -> None:
        self._attributes = attributes

    def _read(self) -> str:
        return str(self._attributes.get("style", ""))

    def _write(self, style: str) -> None:
        if style.strip():
            self._attributes["style"] = style
        else:
            self._attributes.pop("style", None)

    def __getitem__(self, name: str) -> str:
        found = _winner(declarations(self._read()), name)
        if found is None:
            raise KeyError(name)
        return found.value

    def __setitem__(self, name: str, value: object) -> None:
        added = _check_declaration(name, as_text(name, value))
        found = declarations(self._read())
        winner = _winner(found, name)
        if winner is None:
            changed = _append(found, added.source)
        else:
            # Others of the name are fallbacks for programs that do not know the winner's value.
            kept = [each for each in found if each is winner or each.name != winner.name]
            changed = [_leading_space(each) + added.source if each is winner else each.source for each in kept]
        style = ";".join(changed)
        if _winner(declarations(style), name) is None:
            raise InputValueError(
                "style",
                "one whose strings and brackets are closed",
                quoted(self._read()),
                'replace it whole: attributes["style"] = ..',
            )
        self._write(style)

    def __delitem__(self, name: str) -> None:
        found = declarations(self._read())
        kept = [each for each in found if each.name != _same_case(name)]
        if len(kept) == len(found):
            raise KeyError(name)
        self._write(";".join(each.source for each in kept))

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(each.name for each in declarations(self._read()) if each.name))

    def __len__(self) -> int:
        return len(list(iter(self)))

    def __repr__(self) -> str:
        return repr(dict(self))


def _winner(found: list[Declaration], name: str) -> Declaration | None:
    """Pick the declaration that counts among those of one name: the last, or the last that is !important."""
    named = [each for each in found if each.name == _same_case(name)]
    counted = [each for each in named if each.important] or named
    return counted[-1] if counted else None


def _check_declaration(name: str, value: str) -> Declaration:
    read = declarations(f"{name}: {value};a:b")  # what follows must be read as another one
    if [each.name for each in read] != [_same_case(name), "a"] or not without_important(read[0].value):
        raise InputValueError(
            "style",
            "a property and its value",
            f"{quoted(name)} and {quoted(value)}",
            "write one declaration without its semicolon, and use del to remove one",
        )
    return read[0]


def _leading_space(found: Declaration) -> str:
    return found.source[: len(found.source) - len(found.source.lstrip())]


def _append(found: list[Declaration], source: str) -> list[str]:
    sources = [each.source for each in found]
    if not sources[-1].strip():  # nothing, or what follows the last semicolon
        sources.pop()
    return [*sources, f" {source}" if sources else source]
