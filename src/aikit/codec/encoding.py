"""Values as what JSON has words for."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from typing import Any

from ..errors import InputTypeError, InputValueError, quoted
from . import arrays, classes
from .scalars import BY_NAME, BY_TYPE, Json

__all__ = ["encode", "encode_default"]

# What the JSON encoder writes as it is, by exact type: subclasses would come back as their base.
_LEAVES = frozenset({str, int, float, bool, type(None)})
_SETS = {set: "set", frozenset: "frozenset"}


def encode(value: object, *, indent: int | None, tags: bool, sort_keys: bool) -> str:
    """The text of a value."""
    try:
        try:
            text = _write(Encoder(tags=tags, careful=False, sort_keys=sort_keys).to_plain(value), indent, sort_keys)
            text.encode()
        except ValueError:
            # NaN, or half a surrogate: rare, so that only then every number and text is looked at.
            plain = Encoder(tags=tags, careful=True, sort_keys=sort_keys).to_plain(value)
            text = _write_carefully(plain, indent, sort_keys)
    except RecursionError as error:
        raise _too_deep() from error
    return text


def encode_default(value: object) -> Json:
    """A value in JSON's own types, for an encoder that asks about values which it cannot write."""
    try:
        return Encoder(tags=True, careful=True).to_plain(value)
    except RecursionError as error:
        raise _too_deep() from error


def _too_deep() -> InputValueError:
    return InputValueError(
        "value", "values nested some hundred levels deep at most", "more, or one within itself", "flatten it"
    )


def _write(plain: Json, indent: int | None, sort_keys: bool) -> str:
    return json.dumps(
        plain, ensure_ascii=False, allow_nan=False, check_circular=False, indent=indent, sort_keys=sort_keys
    )


def _write_carefully(plain: Json, indent: int | None, sort_keys: bool) -> str:
    try:
        return _write(plain, indent, sort_keys)
    except ValueError as error:  # Python writes no integers of more than 4300 digits
        raise InputValueError(
            "value", "numbers of a few thousand digits at most", str(error), "write it as text"
        ) from error


class Encoder:
    """Turns values into plain ones.

    Args:
        tags: whether they are to come back as they were.
        careful: whether to look at each number and text; without, runs of plain values are passed on as they are, which
            makes plain rows as fast as `json` alone.
        sort_keys: whether pairs of dicts with other keys than text are sorted.
    """

    def __init__(self, *, tags: bool, careful: bool, sort_keys: bool = False) -> None:
        self._tags, self._sort_keys = tags, sort_keys
        self._leaves = frozenset({int, bool, type(None)}) if careful else _LEAVES

    def to_plain(self, value: object) -> Json:
        """A value in JSON's own types."""
        kind = type(value)
        if kind in self._leaves:
            return value  # type: ignore[return-value]
        if kind is dict:
            return self._dict(value)  # type: ignore[arg-type]
        if kind is list:
            return self._list(value)  # type: ignore[arg-type]
        return self._other(value, kind)

    def _list(self, values: Iterable[object]) -> list[Json]:
        values = list(values)
        if self._leaves.issuperset(map(type, values)):
            return values  # type: ignore[return-value]
        return [self.to_plain(each) for each in values]

    def _dict(self, value: dict[object, object]) -> Json:
        if not set(map(type, value)) <= {str}:
            return self._dict_of_any_keys(value)
        if self._leaves.issuperset(map(type, value.values())) and str in self._leaves:
            plain: dict[str, Json] = value  # type: ignore[assignment]
        else:
            plain = {}
            for key, each in value.items():
                if self.to_plain(key) is not key:
                    return self._dict_of_any_keys(value)
                plain[key] = self.to_plain(each)  # type: ignore[index]
        # What looks like a tag and is none.
        if self._tags and len(plain) == 1 and next(iter(plain)).startswith("$"):
            return self._dict_of_any_keys(value)
        return plain

    def _dict_of_any_keys(self, value: dict[object, object]) -> Json:
        if self._tags:
            pairs: list[Json] = [[self.to_plain(key), self.to_plain(each)] for key, each in value.items()]
            return {"$dict": sorted(pairs, key=_sorting_text) if self._sort_keys else pairs}
        plain = {self._key(key): self.to_plain(each) for key, each in value.items()}
        if len(plain) != len(value):
            raise InputValueError(
                "value", "keys that differ as text", quoted(list(value)), "rename one, or keep tags=True", option="tags"
            )
        return plain

    def _key(self, key: object) -> str:
        plain = self.to_plain(key)
        if isinstance(plain, (list, dict)):
            raise InputTypeError("value", "keys that are text or numbers", quoted(key), "keep tags=True", option="tags")
        return plain if isinstance(plain, str) else json.dumps(plain)

    def _other(self, value: Any, kind: type) -> Json:
        if kind is float:
            return value if math.isfinite(value) else self._tagged("float", value)
        if kind is str:
            return self._text(value)
        if (scalar := BY_TYPE.get(kind)) is not None:
            return self._tagged(scalar.name, value)
        if kind is tuple:
            return {"$tuple": self._list(value)} if self._tags else self._list(value)
        if kind in _SETS:
            # In an order of their own, so that equal sets give equal texts.
            items = sorted(self._list(value), key=_sorting_text)
            return {f"${_SETS[kind]}": items} if self._tags else items
        if (tag := classes.tag_of(kind)) is not None:
            return self._of_class(tag, value, kind)
        if (found := arrays.write(value)) is not None:
            tag, fields = found
            return {f"${tag}": self.to_plain(fields)} if self._tags else self.to_plain(arrays.readable(value))
        raise _refuse(value, kind)

    def _of_class(self, tag: str, value: Any, kind: type) -> Json:
        if self._tags:
            return {f"${tag}": [kind.__qualname__, self.to_plain(classes.write(tag, value))]}
        return self.to_plain(classes.readable(tag, value))

    def _tagged(self, name: str, value: object) -> Json:
        scalar = BY_NAME[name]
        if self._tags:
            return {f"${name}": scalar.write(value)}
        plain = None if name in ("float", "str") else (scalar.readable or scalar.write)(value)
        if plain is None or _has_object(plain):
            raise InputValueError(
                "value",
                "finite numbers and whole text, for JSON has no others",
                quoted(value),
                "replace it, for instance by None, or keep tags=True",
                option="tags",
            )
        return plain

    def _text(self, value: str) -> Json:
        try:
            value.encode()
        except UnicodeEncodeError:
            return self._tagged("str", value)
        return value


def _sorting_text(plain: Json) -> str:
    """What puts plain values in one order."""
    return json.dumps(plain, sort_keys=True)


def _has_object(plain: Json) -> bool:
    """Whether a scalar's form is, or holds, a tag for a part of it."""
    return any(type(each) is dict for each in (plain if isinstance(plain, list) else [plain]))


def _refuse(value: object, kind: type) -> InputTypeError:
    remedy = "leave it out, or pass its fields in a dict"
    for base, copy in ((Mapping, "dict(value)"), (str, "str(value)"), (list, "list(value)"), (tuple, "tuple(value)")):
        if isinstance(value, base):
            remedy = f"pass {copy}"
    return InputTypeError("value", "values that JSON can hold", f"a {kind.__module__}.{kind.__qualname__}", remedy)
