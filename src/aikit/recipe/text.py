"""A recipe on one line: "resize width=512; flatten background=white; to=webp quality=80"."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import NoReturn

from ..errors import InputTypeError, InputValueError, quoted
from .steps import Step, as_plain

__all__ = ["format_line", "parse", "parse_keywords", "parse_value"]

_EXAMPLE = 'write such as "resize width=512; to=webp"'
_NAME = re.compile(r"[A-Za-z_]\w*")
# What may stand without quotes: nothing that ends a value, and nothing that JSON would read otherwise.
_BARE = re.compile(r"[A-Za-z#][\w#.+\-/%:,()]*", re.ASCII)


def format_line(steps: Iterable[Step], options: Mapping[str, object]) -> str:
    """The one line of steps and options."""
    parts = [" ".join([name, *map(_format_pair, keywords.items())]) for name, keywords in steps]
    return "; ".join([*parts, *([" ".join(map(_format_pair, options.items()))] if options else [])])


def _format_pair(item: tuple[str, object]) -> str:
    name, value = item
    if isinstance(value, str) and _BARE.fullmatch(value) and parse_value(value) == value:
        return f"{name}={value}"
    return f"{name}={json.dumps(as_plain(value), separators=(',', ':'))}"


def parse(text: str) -> dict[str, object]:
    """What a line says, as `steps` and options.

    Raises:
        InputTypeError: no text.
        InputValueError: a text that is no recipe.
    """
    given: object = text
    if not isinstance(given, str):
        raise InputTypeError("recipe", "a text", quoted(text), _EXAMPLE)
    steps: list[tuple[str, dict[str, object]]] = []
    options: dict[str, object] = {}
    for words in _split(text):
        if "=" in words[0]:
            _take(words, options, text)
            if "steps" in options:
                raise InputValueError("recipe", "steps by their names", "steps=...", _EXAMPLE)
        elif options:
            raise InputValueError("recipe", "its options last", quoted(text), "move the steps before them")
        else:
            steps.append((words[0], _take(words[1:], {}, text)))
    return {"steps": steps, **options}


def parse_keywords(text: str) -> dict[str, object]:
    """The keywords of one step, such as "width=512 method=area"."""
    return _take([word for words in _split(text) for word in words], {}, text)


def _take(words: list[str], into: dict[str, object], text: str) -> dict[str, object]:
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not value or not _NAME.fullmatch(name):
            raise InputValueError("recipe", "keywords as name=value", quoted(word), _EXAMPLE)
        if name in into:
            raise InputValueError("recipe", f"one {name}", f"two of them in {quoted(text)}", "leave one out")
        into[name] = parse_value(value)
    return into


def _split(text: str) -> Iterator[list[str]]:
    """The words of every part, as blanks and ";" outside of JSON's texts and lists divide them."""
    words, word, depth, in_text, escaped = [], "", 0, False, False
    for letter in text + ";":
        if not in_text and depth == 0 and (letter == ";" or letter.isspace()):
            words += [word] if word else []
            word = ""
            if letter == ";" and words:
                yield words
                words = []
            continue
        word += letter
        if in_text:
            in_text = letter != '"' or escaped
            escaped = letter == "\\" and not escaped
        else:
            in_text = letter == '"'
            depth += (letter in "[{") - (letter in "]}")
    if word:
        raise InputValueError("recipe", "every quote and bracket closed", quoted(text), _EXAMPLE)


_NO_JSON = object()
# Python's words for what JSON writes small.
_PYTHON = {"True": True, "False": False, "None": None}


def parse_value(text: str) -> object:
    """JSON, or a bare word."""
    value = _from_json(text)
    if value is not _NO_JSON:
        return value
    if text in _PYTHON:
        return _PYTHON[text]
    if text.startswith(('"', "[", "{")):
        raise InputValueError("recipe", "a value in JSON or a word", quoted(text), _EXAMPLE)
    return text


def _from_json(text: str) -> object:
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return _NO_JSON


def _refuse_constant(word: str) -> NoReturn:
    raise ValueError(word)  # NaN and its like are not JSON's
