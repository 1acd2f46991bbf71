"""A recipe as JSON and as TOML: `version`, the options, and steps with their `name` and keywords."""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from .._io import name_of, read_bytes, write_bytes
from ..errors import FileFormatError, InputTypeError, InputValueError, quoted
from .steps import Step, as_dict

__all__ = ["from_dict", "from_json", "from_toml", "read", "to_dict", "to_json", "to_toml", "write"]

# What the steps of a recipe mean. A change makes what was made by earlier versions stale: it is part of every digest.
VERSION = 1


def to_dict(steps: Iterable[Step], options: Mapping[str, object]) -> dict[str, object]:
    """Steps and options as plain data."""
    return {"version": VERSION, **options, "steps": [{"name": name, **as_dict(keywords)} for name, keywords in steps]}


def from_dict(data: object) -> dict[str, object]:
    """The arguments of a Recipe from plain data; steps may be pairs too."""
    if not isinstance(data, Mapping):
        raise InputTypeError("recipe", "an object with steps", quoted(data), "see Recipe.to_json")
    version = data.get("version", VERSION)
    if version != VERSION:
        raise InputValueError("recipe.version", str(VERSION), quoted(version), "read it with the aikit that wrote it")
    fields = {name: value for name, value in data.items() if name != "version"}
    steps = fields.get("steps", [])
    if not isinstance(steps, list):
        raise InputTypeError("steps", "a list of steps", quoted(steps), 'write [{"name": "trim"}], in TOML [[steps]]')
    return {**fields, "steps": [_read_step(step) for step in steps]}


def _read_step(step: object) -> object:
    if not isinstance(step, Mapping):
        return step
    if "name" not in step:
        raise InputValueError("steps", "the name of each", quoted(dict(step)), 'write {"name": "trim"}')
    return step["name"], {word: value for word, value in step.items() if word != "name"}


def to_json(data: Mapping[str, object]) -> str:
    """Plain data as a text."""
    return json.dumps(data)


def from_json(text: str) -> object:
    """Plain data from a text."""
    return _load(json.loads, text, "JSON")


def _load(loads: Callable[[str], object], text: str, form: str) -> object:
    try:
        return loads(text)
    except TypeError as error:
        remedy = f"pass what Recipe.to_{form.lower()} gives"
        raise InputTypeError("recipe", "a text", quoted(text), remedy) from error
    except (ValueError, RecursionError) as error:
        raise InputValueError("recipe", form, f"{quoted(text)} ({error})", "correct it") from error


def to_toml(data: Mapping[str, Any]) -> str:  # Any, because its steps are looked into
    """Plain data as TOML 1.0."""
    lines = [f"{name} = {_format_value(value)}" for name, value in data.items() if name != "steps"]
    for step in data["steps"]:
        lines += ["", "[[steps]]", *(f"{_format_key(name)} = {_format_value(value)}" for name, value in step.items())]
    return "\n".join(lines) + "\n"


def _format_value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _format_text(value)
    if isinstance(value, list):
        return f"[{', '.join(map(_format_value, value))}]"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_format_key(name)} = {_format_value(each)}" for name, each in value.items()) + "}"
    if value is None:
        raise InputValueError("steps", "values that TOML can hold", "None", "use to_json")
    return repr(value)


def _format_key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name, re.ASCII) else _format_text(name)


def _format_text(text: str) -> str:
    # JSON's escapes are TOML's, but for letters beyond 16 bits, and TOML wants one for DEL too.
    if any("\ud800" <= letter <= "\udfff" for letter in text):
        raise InputValueError("steps", "texts that are Unicode", quoted(text), "use to_json")
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def from_toml(text: str) -> object:
    """Plain data from TOML."""
    return _load(tomllib.loads, text, "TOML")


_FROM = {".toml": from_toml, ".json": from_json}
_TO = {".toml": to_toml, ".json": to_json}


def read(path: str | os.PathLike[str]) -> dict[str, object]:
    """The arguments of a Recipe from a file."""
    suffix = _check_suffix(path)
    try:
        text = read_bytes(path).decode("utf-8")
    except UnicodeDecodeError as error:
        raise FileFormatError(name_of(path), "UTF-8", str(error), "save it as UTF-8") from error
    return from_dict(_FROM[suffix](text))


def write(path: str | os.PathLike[str], data: Mapping[str, object]) -> None:
    """Plain data into a file, whole or not at all."""
    text = _TO[_check_suffix(path)](data)
    write_bytes(path, (text if text.endswith("\n") else f"{text}\n").encode("utf-8"))


def _check_suffix(path: object) -> str:
    if not isinstance(path, (str, os.PathLike)):
        raise InputTypeError("path", "a path", type(path).__name__, "pass a str or a pathlib.Path")
    suffix = Path(os.fsdecode(path)).suffix.lower()
    if suffix not in _FROM:
        raise InputValueError("path", "a name that ends in .toml or .json", quoted(os.fsdecode(path)), "rename it")
    return suffix
