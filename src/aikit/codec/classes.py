"""Enums, dataclasses, named tuples and pydantic models: by the name of their class, which the reader has to know."""

from __future__ import annotations

import dataclasses
import enum
import sys
from collections.abc import Collection
from typing import Any, cast

from ..errors import InputTypeError, InputValueError, quoted

__all__ = ["TAGS", "by_name", "read", "readable", "tag_of", "write"]

TAGS = ("enum", "dataclass", "namedtuple", "model")


def tag_of(kind: object) -> str | None:
    """What kind of class it is, or None where it is none of these."""
    if not isinstance(kind, type):
        return None
    if issubclass(kind, enum.Enum):
        return "enum"
    if dataclasses.is_dataclass(kind):
        return "dataclass"
    if issubclass(kind, tuple) and hasattr(kind, "_fields"):
        return "namedtuple"
    pydantic = sys.modules.get("pydantic")
    return "model" if pydantic is not None and issubclass(kind, pydantic.BaseModel) else None


def write(tag: str, value: Any) -> object:
    """What a value of such a class holds: its member's name, or its fields."""
    if tag == "enum":
        # Members by name; flags put together have none.
        return value.name if value.name in type(value).__members__ else value.value
    if tag == "dataclass":
        return {each.name: getattr(value, each.name) for each in dataclasses.fields(value)}
    if tag == "namedtuple":
        return list(value)
    _refuse_private(value)
    return {**{name: getattr(value, name) for name in type(value).model_fields}, **(value.model_extra or {})}


def readable(tag: str, value: Any) -> object:
    """What other programs expect: an enum's value, fields, and of a root model what it stands for."""
    if tag == "enum":
        return value.value
    fields = write(tag, value)
    return value.root if tag == "model" and _is_root(type(value)) else fields


def _is_root(kind: type) -> bool:
    return issubclass(kind, sys.modules["pydantic"].RootModel)


def _refuse_private(value: Any) -> None:
    """Private attributes are no part of a model's JSON: one that is not as a new instance has it would be lost."""
    for name, private in type(value).__private_attributes__.items():
        held = (value.__pydantic_private__ or {}).get(name)
        if private.default_factory is None and not _is_same(held, private.default):
            raise InputTypeError(
                "value", "a model whose private attributes are as they began", f"{name} of {type(value).__qualname__}",
                "make it a field, or pass the fields in a dict",
            )  # fmt: skip


def _is_same(held: object, default: object) -> bool:
    undefined = getattr(sys.modules["pydantic_core"], "PydanticUndefined", None)
    return (
        held is default or (held is None and default is undefined) or (type(held) is type(default) and held == default)
    )


def by_name(kinds: Collection[type]) -> dict[str, type]:
    """Classes by the names that the tags carry."""
    names: dict[str, type] = {}
    for kind in kinds:
        if tag_of(kind) is None:
            raise InputTypeError(
                "kinds", "enums, dataclasses, named tuples and pydantic models", quoted(kind), "leave it out"
            )
        if names.setdefault(kind.__qualname__, kind) is not kind:
            raise InputValueError(
                "kinds", "classes of different names", f"two named {kind.__qualname__}", "rename one of them"
            )
    return names


def read(tag: str, kind: type, contents: object) -> object:
    """The value of a class; errors of any kind say that the contents are none of it."""
    if tag_of(kind) != tag:
        raise TypeError(f"{kind.__qualname__} is no {tag}")
    if tag == "enum":
        members = cast("type[enum.Enum]", kind)
        return members[contents] if isinstance(contents, str) else members(contents)
    if tag == "namedtuple":
        if not isinstance(contents, list):
            raise TypeError("a list of its fields")
        return kind(*contents)
    if not isinstance(contents, dict):
        raise TypeError("an object of its fields")
    return _read_model(kind, contents) if tag == "model" else _read_dataclass(kind, contents)


def _read_dataclass(kind: type, contents: dict[str, object]) -> object:
    fields = {each.name: each for each in dataclasses.fields(kind)}
    if contents.keys() != fields.keys():
        raise ValueError(f"the fields {', '.join(contents)} where {kind.__qualname__} has {', '.join(fields)}")
    value = kind(**{name: each for name, each in contents.items() if fields[name].init})
    for name, each in contents.items():
        if not fields[name].init:
            object.__setattr__(value, name, each)
    return value


def _read_model(kind: Any, contents: dict[str, object]) -> object:
    """A model, validated: its own rules hold for what comes from outside."""
    if _is_root(kind):
        return kind.model_validate(contents["root"])
    pydantic = sys.modules["pydantic"]
    named: dict[str, object] = {}
    for name, value in contents.items():
        field = kind.model_fields.get(name)
        alias = None if field is None else field.validation_alias or field.alias
        if isinstance(alias, pydantic.AliasChoices):
            alias = alias.choices[0]
        if isinstance(alias, pydantic.AliasPath):
            _put(named, alias.path, value)
        else:
            named[alias if isinstance(alias, str) else name] = value
    return kind.model_validate(named)


def _put(into: dict[str, object], path: list[str | int], value: object) -> None:
    """Put a value where an alias of several parts looks for it."""
    *outer, last = path
    place = into
    for part in outer:
        inner = place.setdefault(cast("str", part), {})
        if not isinstance(part, str) or not isinstance(inner, dict):
            raise TypeError("an alias that is no path of names")
        place = inner
    if not isinstance(last, str):
        raise TypeError("an alias that ends in a number")
    place[last] = value
