"""The parameters of an operation, read from its signature and its docstring, as JSON Schema."""

from __future__ import annotations

import inspect
import re
import types
import typing
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, cast

from .._check import Within
from ..errors import InputTypeError, quoted
from .values import Schema, Word, branches_of, types_of

__all__ = ["Parameter", "descriptions_of", "parameters_of", "summary_of"]


@dataclass(frozen=True)
class Parameter:
    """One parameter of an operation, beside the image.

    Attributes:
        name: the keyword.
        schema: what values it takes, as JSON Schema.
        required: whether it has to be given.
        default: what it is otherwise.
        description: what its docstring says.
    """

    name: str
    schema: Schema
    required: bool
    default: object
    description: str

    @property
    def type(self) -> tuple[str, ...]:
        """The words of JSON for its types, such as ("integer", "null"); empty where it takes any."""
        return tuple(dict.fromkeys(word for branch in branches_of(self.schema) for word in types_of(branch)))

    @property
    def unit(self) -> str | None:
        """What it counts, such as "pixels"."""
        return next((branch["unit"] for branch in branches_of(self.schema) if "unit" in branch), None)

    @property
    def minimum(self) -> float | None:
        """Its smallest value."""
        return next((branch["minimum"] for branch in branches_of(self.schema) if "minimum" in branch), None)

    @property
    def maximum(self) -> float | None:
        """Its largest value."""
        return next((branch["maximum"] for branch in branches_of(self.schema) if "maximum" in branch), None)

    @property
    def choices(self) -> tuple[Word, ...]:
        """The words it takes, where these are all there are."""
        return tuple(next((branch["enum"] for branch in branches_of(self.schema) if "enum" in branch), ()))


class _Picture:
    """Stands for the types of images in annotations, which a recipe cannot hold."""


_KEYWORDS = (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def parameters_of(function: Callable[..., object], name: str, without: Collection[str] = ()) -> tuple[Parameter, ...]:
    """The keywords of an operation, but for some."""
    try:
        image, *others = inspect.signature(function).parameters.values()
    except ValueError as error:  # no parameter at all, or a function without a signature
        raise InputTypeError(name, "a function of an image", quoted(function), "give it an image first") from error
    if image.kind not in (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD):
        raise InputTypeError(name, "an image as the first argument", f"({image}, ...)", "give it one")
    for each in others:
        if each.kind not in _KEYWORDS or each.name == "name":  # in a file, `name` is that of the step
            raise InputTypeError(
                name, "keywords one by one, none of them called name", str(each), "rename or spell it out"
            )
    descriptions = descriptions_of(function)
    return tuple(
        Parameter(
            each.name,
            _freeze(_schema_of(_read_hint(function, each, name), f"{name}.{each.name}")),
            each.default is inspect.Parameter.empty,
            None if each.default is inspect.Parameter.empty else each.default,
            descriptions.get(each.name, ""),
        )
        for each in others
        if each.name not in without
    )


def _freeze(schema: Schema) -> Schema:
    return cast(Schema, types.MappingProxyType(schema))


def _read_hint(function: Callable[..., object], parameter: inspect.Parameter, name: str) -> object:
    """The type of one parameter. One by one: those of images may be known to type checkers only."""
    if parameter.annotation is inspect.Parameter.empty:
        raise InputTypeError(f"{name}.{parameter.name}", "an annotation", "none", "write its type, such as float")
    alone = types.SimpleNamespace(__annotations__={parameter.name: parameter.annotation})
    known = getattr(inspect.unwrap(function), "__globals__", {})
    try:
        hints = typing.get_type_hints(alone, known, {"AnyImage": _Picture, "DTypeLike": Any}, include_extras=True)
    except NameError as error:
        raise InputTypeError(
            f"{name}.{parameter.name}", "an annotation that can be read", str(error), "import its type at run time"
        ) from error
    return hints[parameter.name]


_TYPES: dict[object, str] = {
    bool: "boolean", int: "integer", float: "number", str: "string", type(None): "null", list: "array", tuple: "array",
}  # fmt: skip
_BOUNDS = {"minimum": "minimum", "maximum": "maximum", "above": "exclusiveMinimum", "below": "exclusiveMaximum"}


def _schema_of(hint: object, subject: str) -> Schema:
    """An annotation as JSON Schema."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return {}
    if hint in _TYPES:
        return {"type": _TYPES[hint]}
    if origin is Annotated:
        return _add_bounds(_schema_of(arguments[0], subject), _read_bounds(arguments[1:]))
    if origin is Literal:
        words = list(arguments)
        if not all(isinstance(word, (str, int, float, type(None))) for word in words):
            raise InputTypeError(subject, "words and numbers to choose from", quoted(hint), "pass plain data")
        return {"type": "string", "enum": words} if all(isinstance(word, str) for word in words) else {"enum": words}
    if origin in (typing.Union, types.UnionType):
        return _join_branches([_schema_of(each, subject) for each in arguments if each is not _Picture])
    if origin in (tuple, list, Sequence):
        return _describe_array(arguments, subject)
    raise InputTypeError(
        subject,
        "a type of plain data",
        quoted(hint),
        "annotate it with bool, int, float, str, Literal or tuples of these",
    )


def _read_bounds(extras: Sequence[object]) -> Schema:
    found: Schema = {}
    for extra in extras:
        if isinstance(extra, Within):
            given = {word: getattr(extra, name) for name, word in _BOUNDS.items()} | {"unit": extra.unit}
            found.update(cast(Schema, {word: value for word, value in given.items() if value is not None}))
    return found


def _add_bounds(schema: Schema, bounds: Schema) -> Schema:
    """Add the bounds to every branch that takes numbers, and to lists of them."""
    if "anyOf" in schema:
        return {**schema, "anyOf": [_add_bounds(branch, bounds) for branch in schema["anyOf"]]}
    if "items" in schema:
        return {**schema, "items": _add_bounds(schema["items"], bounds)}
    if "prefixItems" in schema:
        return {**schema, "prefixItems": [_add_bounds(item, bounds) for item in schema["prefixItems"]]}
    numbers = {"integer", "number"} & {*types_of(schema)}
    return {**schema, **bounds} if numbers else schema


def _join_branches(branches: list[Schema]) -> Schema:
    branches = [each for branch in branches for each in branches_of(branch)]
    null: Schema = {"type": "null"}
    rest = [branch for branch in branches if branch != null]
    if len(rest) == len(branches) or len(rest) != 1:
        return {"anyOf": branches} if len(branches) > 1 else branches[0]
    (only,) = rest
    if not only:
        return {}
    if "enum" in only:
        return {"enum": [*only["enum"], None]}
    return {**only, "type": [*types_of(only), "null"]}


def _describe_array(arguments: tuple[object, ...], subject: str) -> Schema:
    if not arguments or arguments == ((),):
        raise InputTypeError(subject, "a list of something", "one of nothing", "write tuple[int, ...] or its like")
    if len(arguments) == 2 and arguments[1] is Ellipsis:
        arguments = arguments[:1]
        return {"type": "array", "items": _schema_of(arguments[0], subject)}
    items = [_schema_of(each, subject) for each in arguments]
    if len(items) == 1:
        return {"type": "array", "items": items[0]}
    if any(item != items[0] for item in items):
        return {"type": "array", "prefixItems": items, "minItems": len(items), "maxItems": len(items)}
    return {"type": "array", "items": items[0], "minItems": len(items), "maxItems": len(items)}


def summary_of(function: object) -> str:
    """The first line of its docstring."""
    return (inspect.getdoc(function) or "").partition("\n")[0]


def descriptions_of(function: object) -> dict[str, str]:
    """What a Google docstring says of each argument."""
    block = re.search(r"^Args:\n(.*?)(?=^\S|\Z)", inspect.getdoc(function) or "", re.MULTILINE | re.DOTALL)
    entries = re.findall(r"^    (\w+): (.*?)(?=^    \w+: |\Z)", block[1] if block else "", re.MULTILINE | re.DOTALL)
    return {name: " ".join(text.split()) for name, text in entries}
