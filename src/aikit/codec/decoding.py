"""Strict JSON as values: nothing is believed that the text does not prove, and no class is made that was not asked for."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Collection, Sized
from functools import partial
from itertools import chain
from typing import NoReturn

from ..errors import AikitError, FileFormatError, InputTypeError, InputValueError, MissingDependencyError, quoted
from ..limits import Limits
from . import arrays, classes
from .scalars import BY_NAME

__all__ = ["decode"]

_HALF = re.compile(r"\\[uU][dD][89a-fA-F]")
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|.)", re.DOTALL)
# Of different values, two have one hash by chance; more have it by intent.
_MOST_OF_ONE_HASH = 100
_WATCHED = frozenset({dict, list, float})
_CONTAINERS: dict[str, Callable[[list[object]], Sized]] = {"tuple": tuple, "set": set, "frozenset": frozenset}


def decode(text: str | bytes | bytearray, *, kinds: Collection[type], limits: Limits | None, device: object) -> object:
    """The value of a text."""
    if limits is not None and not isinstance(limits, Limits):
        raise InputTypeError("limits", "Limits or None", quoted(limits), "pass Limits() for untrusted text")
    text = _as_text(text, limits)
    read = _Reader(classes.by_name(kinds), limits, device).take_object
    try:
        value = _parse(text, read)
    except json.JSONDecodeError as error:
        raise _bad(f"{error.msg[:1].lower()}{error.msg[1:]} in line {error.lineno}, column {error.colno}") from error
    except AikitError:
        raise
    except ValueError as error:  # Python refuses integers of more than 4300 digits
        raise _bad("an integer of thousands of digits") from error
    except RecursionError as error:
        raise _bad("values nested too deeply") from error
    if not text.isascii():
        _check_encodable(text)
    if _HALF.search(text):
        _check_surrogates(text)
    return value


def _parse(text: str, read: Callable[[list[tuple[str, object]]], object]) -> object:
    """The value of a text: objects by `read`, unless the text as a whole shows that there is nothing to see in them."""
    if "$" not in text and ("\\" not in text or "\\u" not in text):
        value: object = json.JSONDecoder(parse_constant=_refuse_constant).decode(text)
        if _count_colons(text, most := _count_pairs(value)) == most:
            return value
    decoder = json.JSONDecoder(object_pairs_hook=read, parse_constant=_refuse_constant, parse_float=_finite)
    decoded: object = decoder.decode(text)
    return decoded


def _count_colons(text: str, enough: int) -> int:
    """How many pairs a text has at most: each key is followed by a colon, of which texts may hold some more."""
    if (total := text.count(":")) == enough:
        return total
    return sum(map(text.count, ('":', " :", "\n:", "\r:", "\t:")))


def _count_pairs(value: object) -> int:
    """How many keys there are in all objects of a value, or -1 where a number became infinite.

    Level by level, which takes a third of the time of a call for each object.
    """
    total, level = 0, [value]
    while level:
        objects = [each for each in level if type(each) is dict]
        if len(objects) < len(level) and not all(map(math.isfinite, [each for each in level if type(each) is float])):
            return -1
        total += sum(map(len, objects))
        inner = chain(
            chain.from_iterable(map(dict.values, objects)),
            chain.from_iterable(each for each in level if type(each) is list),
        )
        level = [each for each in inner if type(each) in _WATCHED]
    return total


def _as_text(text: object, limits: Limits | None) -> str:
    if isinstance(text, (bytes, bytearray)):
        if limits is not None:
            limits.check("text", "bytes", "max_bytes", len(text))
        try:
            # RFC 8259, section 8.1: UTF-8, and a byte order mark may be ignored.
            return text.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise _bad(f"bytes that are no UTF-8 at {error.start}") from error
    if not isinstance(text, str):
        raise InputTypeError(
            "text", "JSON as str or bytes", type(text).__name__, "read the file first: read_json(path)"
        )
    if limits is not None:
        limits.check("text", "bytes", "max_bytes", len(text))
    return text


def _bad(got: str) -> FileFormatError:
    return FileFormatError("text", "strict JSON", got, "check what wrote it")


def _refuse_constant(word: str) -> NoReturn:
    raise _bad(f"{word}, which JSON does not have")


def _finite(digits: str) -> float:
    value = float(digits)
    if value in (float("inf"), -float("inf")):
        raise _bad(f"the number {digits[:20]}, beyond what a float holds")
    return value


def _check_encodable(text: str) -> None:
    """The same of a text that came as str, in which it can stand without an escape."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise _bad("half a surrogate") from error


def _check_surrogates(text: str) -> None:
    """Refuse half a surrogate, which no UTF-8 can hold."""
    high_until = -1
    for found in _ESCAPE.finditer(text):
        code = int(found[1], 16) if found[1] else 0
        is_low = 0xDC00 <= code < 0xE000
        if is_low != (high_until == found.start()):
            raise _bad("half a surrogate")
        high_until = found.end() if 0xD800 <= code < 0xDC00 else -1
    if high_until != -1:
        raise _bad("half a surrogate")


class _Reader:
    """Makes values of objects with one tag, innermost first."""

    def __init__(self, kinds: dict[str, type], limits: Limits | None, device: object) -> None:
        self._kinds = kinds
        self._readers: dict[str, Callable[[object], object]] = {
            **{f"${name}": each.read for name, each in BY_NAME.items()},
            **{f"${name}": partial(_read_container, make) for name, make in _CONTAINERS.items()},
            **{f"${tag}": partial(self._read_class, tag) for tag in classes.TAGS},
            **{f"${tag}": partial(arrays.read, tag, limits=limits, device=device) for tag in arrays.TAGS},
            "$dict": _read_dict,
        }

    def take_object(self, pairs: list[tuple[str, object]]) -> object:
        """What an object of the text stands for."""
        if len(pairs) == 1 and pairs[0][0][:1] == "$":
            return self._untag(*pairs[0])
        value = dict(pairs)
        if len(value) != len(pairs):
            raise _bad(f"the key {quoted(_twice(pairs))} twice in one object")
        return value

    def _untag(self, tag: str, contents: object) -> object:
        reader = self._readers.get(tag)
        if reader is None:
            raise InputValueError(
                tag, "a tag of aikit's", f"an object whose only key is {tag}", "read such texts with json.loads"
            )
        try:
            return reader(contents)
        except (AikitError, MemoryError, RecursionError):
            raise
        except ImportError as error:
            raise MissingDependencyError(
                tag, f"the package {error.name}", "none", f"run: pip install {error.name}"
            ) from error
        except Exception as error:  # of readers of Python's own types, and of the user's classes, which raise anything
            raise FileFormatError(
                tag, "contents that fit the tag", f"{quoted(contents)}: {error}", "check what wrote it"
            ) from error

    def _read_class(self, tag: str, contents: object) -> object:
        if not isinstance(contents, list) or len(contents) != 2 or not isinstance(contents[0], str):
            raise TypeError("the name of a class and its contents")
        name, fields = contents
        if name not in self._kinds:
            known = ", ".join(self._kinds) or "none"
            raise InputValueError("kinds", f"the class {name}", known, f"pass kinds=[{name}]", option="kinds")
        return classes.read(tag, self._kinds[name], fields)


def _twice(pairs: list[tuple[str, object]]) -> str:
    seen: set[str] = set()
    return next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]


def _read_container(make: Callable[[list[object]], Sized], contents: object) -> object:
    if not isinstance(contents, list):
        raise TypeError("a list")
    _check_hashes(contents)
    value = make(contents)
    if len(value) != len(contents):
        raise ValueError("an item twice")
    return value


def _read_dict(contents: object) -> dict[object, object]:
    if not isinstance(contents, list) or not all(isinstance(each, list) and len(each) == 2 for each in contents):
        raise TypeError("a list of pairs")
    _check_hashes([each[0] for each in contents])
    value = dict(contents)
    if len(value) != len(contents):
        raise ValueError("a key twice")
    return value


def _check_hashes(keys: list[object]) -> None:
    """Refuse keys of one hash: multiples of 2**61 - 1, a few thousand of which keep a dict busy for seconds."""
    if len(keys) > _MOST_OF_ONE_HASH and max(Counter(map(hash, keys)).values()) > _MOST_OF_ONE_HASH:
        raise ValueError(f"more than {_MOST_OF_ONE_HASH} keys of one hash")
