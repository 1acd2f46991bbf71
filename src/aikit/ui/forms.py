"""Forms as data: what a page asks for each keyword of an operation, and what the answers mean. Nothing here knows Gradio."""

from __future__ import annotations

import inspect
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias, cast

from ..errors import InputValueError, quoted
from ..operations import Operation
from ..operations.parameters import Parameter, descriptions_of, parameters_of
from ..operations.values import Schema, Word, branches_of, types_of
from ..recipe import Recipe
from ..recipe.steps import as_plain
from ..recipe.text import parse_value

__all__ = [
    "Field",
    "Kind",
    "Raw",
    "fields_of",
    "fields_of_function",
    "make_field",
    "read_fields",
    "recipe_fields",
    "show_field",
    "start_of",
]

Kind: TypeAlias = Literal["switch", "choice", "slider", "number", "color", "text", "plain"]
Raw: TypeAlias = "str | float | bool | None"
"""What a widget of a page holds: a text, a number, on or off, or nothing."""

# Pictures of files come as R, G, B with alpha last: what says otherwise is for arrays.
_FOR_ARRAYS = frozenset({"bgr", "channels"})
# Beyond, a slider has no place for the values that people mean.
_WIDEST = 10_000
# For a switch that may also be left as it is.
_SWITCH: tuple[Word, ...] = (None, True, False)
# What a step begins with where the operation has no default, or one that does nothing: something that can be seen.
_STARTS: Mapping[str, Mapping[str, Raw]] = {
    "resize": {"width": 512},
    "blur": {"sigma": 4.0},
    "crop": {"width": 256, "height": 256},
    "pad": {"left": 16, "right": 16, "top": 16, "bottom": 16},
    "fit": {"height": 512, "width": 512},
    "thumbnail": {"side": 256},
    "rotate": {"degrees": 15.0},
    "warp_affine": {"matrix": "[[1,0.2,0],[0,1,0]]"},
    "warp_perspective": {"matrix": "[[1,0.1,0],[0,1,0],[0,0.0005,1]]"},
    "make_transparent": {"color": "white", "tolerance": 0.1},
    "color_to_alpha": {"color": "white"},
    "convert_color": {"src": "rgb", "dst": "gray"},
    "upsample": {"scale": 2.0},
}


@dataclass(frozen=True, slots=True)
class Field:
    """One keyword on a page.

    Attributes:
        name: the keyword.
        label: its name, and its unit where it has one.
        kind: "switch", "choice", "slider", "number", "color", "text", or "plain" for anything as JSON.
        info: what its docstring says.
        start: what the widget holds at first.
        default: what the operation takes where nothing is said.
        required: whether something has to be said.
        whole: whether numbers are whole ones.
        minimum: the smallest number, or None.
        maximum: the largest number, or None.
        step: from one place of a slider to the next.
        choices: the words to choose from.
    """

    name: str
    label: str
    kind: Kind
    info: str = ""
    start: Raw = None
    default: object = None
    required: bool = False
    whole: bool = False
    minimum: float | None = None
    maximum: float | None = None
    step: float | None = None
    choices: tuple[Word, ...] = ()

    @property
    def may_be_empty(self) -> bool:
        """Whether it is right to say nothing."""
        return not self.required and self.default is None and self.kind != "choice"

    @property
    def words(self) -> tuple[str, ...]:
        """The choices as they are shown."""
        return tuple(map(_word, self.choices))


def fields_of(operation: Operation) -> tuple[Field, ...]:
    """The fields of an operation, in the order of its keywords, but for those that only arrays have a use for.

    Example:
        >>> from aikit import operations
        >>> [(each.name, each.kind) for each in fields_of(operations.get("sharpen"))]
        [('strength', 'slider'), ('sigma', 'slider'), ('overshoot', 'switch')]
    """
    return tuple(make_field(each) for each in operation.parameters if each.name not in _FOR_ARRAYS)


def recipe_fields(formats: Sequence[str]) -> tuple[Field, ...]:
    """The fields of a recipe's own options: how pictures are read and written.

    Args:
        formats: the names to choose from.
    """
    descriptions = descriptions_of(Recipe)
    fields = []
    for each in parameters_of(Recipe.__init__, "recipe", ("steps",)):
        field = replace(make_field(each), info=descriptions[each.name])
        fields.append(
            replace(field, kind="choice", choices=(*formats, None), start="none") if each.name == "to" else field
        )
    return tuple(fields)


def fields_of_function(function: Callable[..., object], names: Sequence[str]) -> tuple[Field, ...]:
    """The fields of some keywords of a function, in that order."""
    others = inspect.signature(function).parameters.keys() - {*names}
    found = {each.name: make_field(each) for each in parameters_of(function, function.__name__, others)}
    return tuple(found[name] for name in names)


def make_field(parameter: Parameter) -> Field:
    """The field of one keyword: a widget that can hold each of its values, the plainest there is."""
    low, high, step = _bounds_of(parameter)
    kind = _kind_of(parameter.schema, low, high)
    choices = parameter.choices or (_SWITCH if kind == "choice" else ())
    return Field(
        parameter.name,
        parameter.name if parameter.unit is None else f"{parameter.name} ({parameter.unit})",
        kind,
        parameter.description,
        _start(parameter, kind, low),
        parameter.default,
        parameter.required,
        "integer" in parameter.type,
        low,
        high,
        step if kind == "slider" else None,
        choices if kind == "choice" else (),
    )


def start_of(operation: Operation) -> dict[str, Raw]:
    """What the fields of a new step hold: the defaults, and where there is none something that can be seen."""
    starts = _STARTS.get(operation.name, {})
    return {each.name: starts.get(each.name, each.start) for each in fields_of(operation)}


def read_fields(fields: Sequence[Field], given: Mapping[str, Raw]) -> dict[str, object]:
    """The keywords that the widgets say. What is left empty, and what is the default anyway, is left out.

    Raises:
        InputValueError: a text that is no JSON.

    Example:
        >>> from aikit import operations
        >>> read_fields(fields_of(operations.get("resize")), {"width": 512.0, "height": None, "method": "area", "box": ""})
        {'width': 512, 'method': 'area'}
    """
    values = {each.name: _read(each, given[each.name]) for each in fields if each.name in given}
    required = {each.name for each in fields if each.required}
    defaults = {each.name: as_plain(each.default) for each in fields}
    return {
        name: value
        for name, value in values.items()
        if value is not None and (name in required or not _is_same(value, defaults[name]))
    }


def show_field(field: Field, value: object) -> Raw:
    """A value of a recipe as its widget holds it: lists and what else no widget knows as JSON."""
    if field.kind == "choice":
        return _word(cast(Word, value))
    return _show_value(value)


def _show_value(value: object) -> Raw:
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return json.dumps(as_plain(value), separators=(",", ":"))


# ---------------------------------------------------------------- from a schema


def _kind_of(schema: Schema, minimum: float | None, maximum: float | None) -> Kind:
    types = {word for branch in branches_of(schema) for word in types_of(branch)}
    if "enum" in schema:
        return "choice"
    if _is_color(schema):
        return "color"
    if types - {"null"} == {"boolean"}:
        return "switch" if types == {"boolean"} else "choice"
    if types - {"null"} == {"string"} and "anyOf" not in schema:
        return "text"
    if types - {"null"} and types <= {"integer", "number", "null"}:
        # A slider cannot be left empty.
        bounded = minimum is not None and maximum is not None and maximum - minimum <= _WIDEST
        return "slider" if bounded and "null" not in types else "number"
    return "plain"


def _is_color(schema: Schema) -> bool:
    """Whether it takes what `types.Color` is: any text, a number, or numbers, and perhaps nothing."""
    branches = [each for each in branches_of(schema) if types_of(each) != ["null"]]
    open_text = any(types_of(each) == ["string"] and "enum" not in each for each in branches)
    rest = [each for each in branches if types_of(each) != ["string"]]
    numbers = {"type": "array", "items": {"type": "number"}}
    return open_text and {"type": "number"} in rest and numbers in rest and len(rest) == 2


def _bounds_of(parameter: Parameter) -> tuple[float | None, float | None, float | None]:
    """The bounds of a widget, which are taken themselves, and the step of a slider."""
    low, high = parameter.minimum, parameter.maximum
    above, below = _find(parameter.schema, "exclusiveMinimum"), _find(parameter.schema, "exclusiveMaximum")
    ends = low if above is None else above, high if below is None else below
    if ends[0] is None or ends[1] is None:
        return low, high, None
    step = 1.0 if "integer" in parameter.type else _step(ends[1] - ends[0])
    # A slider ends one step before what may not be reached.
    return ends[0] if above is None else above + step, ends[1] if below is None else below - step, step


def _find(schema: Schema, word: Literal["exclusiveMinimum", "exclusiveMaximum"]) -> float | None:
    return next((branch[word] for branch in branches_of(schema) if word in branch), None)


def _step(width: float) -> float:
    """A hundredth of what a slider spans, or a thousandth, as a power of ten; a tenth at most."""
    return min(0.1, 10.0 ** (math.floor(math.log10(width)) - 2)) if width > 0 else 0.1


def _start(parameter: Parameter, kind: Kind, low: float | None) -> Raw:
    """The default, or something that is allowed where there is none."""
    if kind == "choice":
        return _word(parameter.choices[0] if parameter.required else cast(Word, parameter.default))
    if not parameter.required:
        return _show_value(parameter.default)
    if kind == "switch":
        return False
    return low if kind == "slider" else None


def _word(word: Word) -> str:
    return "none" if word is None else str(word)


# ---------------------------------------------------------------- from a widget


def _read(field: Field, raw: Raw) -> object:
    """What a widget says; None where it says nothing."""
    if field.kind == "choice":
        return _read_choice(field, raw)
    if isinstance(raw, str):
        text = raw.strip()
        if not text:
            return "" if field.kind == "text" and field.default is not None else None
        return raw if field.kind == "text" else parse_value(text)
    if field.whole and isinstance(raw, float) and raw.is_integer():
        return int(raw)
    return raw


def _read_choice(field: Field, raw: Raw) -> object:
    for value, word in zip(field.choices, field.words, strict=True):
        if raw == word:
            return value
    if raw is None:
        return None
    raise InputValueError(field.name, f"one of {', '.join(field.words)}", quoted(raw), "choose one of these")


def _is_same(value: object, default: object) -> bool:
    return value == default and isinstance(value, bool) == isinstance(default, bool)
