"""What values a schema allows: the part of JSON Schema that annotations become, with errors in our words."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, TypeAlias, TypedDict

from ..errors import InputTypeError, InputValueError, quoted

__all__ = ["Keywords", "Schema", "Word", "branches_of", "check_value", "types_of"]

# Any, because each operation knows what its own are: its schema has checked them before they are used.
Keywords: TypeAlias = Mapping[str, Any]

Word: TypeAlias = str | float | None
"""What a parameter may be chosen from."""

Schema = TypedDict(  # noqa: UP013 - the words of JSON Schema are not written as Python's names are
    "Schema",
    {
        "type": str | list[str],
        "enum": list[Word],
        "anyOf": "list[Schema]",
        "items": "Schema",
        "prefixItems": "list[Schema]",
        "minItems": int,
        "maxItems": int,
        "minimum": float,
        "maximum": float,
        "exclusiveMinimum": float,
        "exclusiveMaximum": float,
        "unit": str,
    },
    total=False,
)
"""The part of JSON Schema that annotations become; `unit` is our own word."""

_PYTHON: dict[str, tuple[type, ...]] = {
    "boolean": (bool,), "integer": (int,), "number": (int, float), "string": (str,), "null": (type(None),),
    "array": (list, tuple),
}  # fmt: skip
_WORDS = {"boolean": "True or False", "integer": "a whole number", "number": "a number", "string": "a text"}


def branches_of(schema: Schema) -> list[Schema]:
    """The schemas of which one has to hold."""
    return list(schema.get("anyOf", [schema]))


def types_of(schema: Schema) -> list[str]:
    """The words of JSON for the types it allows; none where it allows any."""
    types = schema.get("type", [])
    return [types] if isinstance(types, str) else list(types)


def check_value(subject: str, value: object, schema: Schema) -> None:
    """Refuse a value that a schema does not allow.

    Raises:
        InputTypeError: its type is none of those.
        InputValueError: its type is right.
    """
    branches = branches_of(schema)
    fitting = [branch for branch in branches if _has_type(value, branch)]
    if not fitting:
        raise InputTypeError(subject, " or ".join(map(_describe, branches)), quoted(value), "pass one")
    if not any(_is_within(value, branch) for branch in fitting):
        remedy = "pass one of these" if "enum" in fitting[0] else "pass what fits"
        raise InputValueError(subject, " or ".join(map(_describe, fitting)), quoted(value), remedy)


def _has_type(value: object, schema: Schema) -> bool:
    words = types_of(schema)
    if "enum" in schema or not words:
        return True
    # True is no number here, though it is an int to Python.
    plain = {
        word for word in words if isinstance(value, _PYTHON[word]) and (word == "boolean") == isinstance(value, bool)
    }
    if "array" in plain and isinstance(value, (list, tuple)):
        return all(_has_type(each, item) for each, item in zip(value, _items(schema, len(value)), strict=False))
    return bool(plain)


def _is_within(value: object, schema: Schema) -> bool:
    if "enum" in schema:
        return any(type(value) is type(word) and value == word for word in schema["enum"])
    if isinstance(value, (list, tuple)):
        fits = schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", math.inf)
        return fits and all(
            _is_within(each, item) for each, item in zip(value, _items(schema, len(value)), strict=False)
        )
    if isinstance(value, Mapping):
        return all(_is_within(each, {}) for each in value.values())
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return True
    return (
        _is_finite(value)
        and schema.get("minimum", -math.inf) <= value <= schema.get("maximum", math.inf)
        and schema.get("exclusiveMinimum", -math.inf) < value < schema.get("exclusiveMaximum", math.inf)
    )


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # of an int that no float holds
        return False


def _items(schema: Schema, count: int) -> list[Schema]:
    return list(schema.get("prefixItems", [schema.get("items", {})] * count))


def _describe(schema: Schema) -> str:
    """What a schema allows, for messages."""
    if "enum" in schema:
        return f"one of {', '.join(str(word) for word in schema['enum'])}"
    words = [word for word in types_of(schema) if word != "null"]
    if not words:
        return "None" if types_of(schema) else "plain data"
    (word,) = words
    if word == "array":
        return _describe_list(schema)
    return " ".join([_WORDS[word], *_describe_bounds(schema)])


def _describe_list(schema: Schema) -> str:
    count = f"{schema['minItems']} values" if "minItems" in schema else "values"
    each = sorted({_describe(item) for item in _items(schema, 1)})
    return f"a list of {count}, each {' or '.join(each)}"


def _describe_bounds(schema: Schema) -> list[str]:
    """Such as "from 0 to 1", "of 1 or more", "above 0"."""
    low, high = schema.get("minimum"), schema.get("maximum")
    above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    if low is not None and high is not None:
        return [f"from {low} to {high}"]
    parts = [
        f"of {low} or more" if low is not None else None,
        f"of {high} or less" if high is not None else None,
        f"above {above}" if above is not None else None,
        f"below {below}" if below is not None else None,
    ]
    found = [part for part in parts if part]
    return [" and ".join(found)] if found else []
