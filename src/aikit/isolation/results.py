"""What a child may answer: plain values, and the kinds that modules register, each with one way there and one back.

The parent is trusted, so its requests are pickles. A child that decodes hostile files is not: it answers in JSON with
raw buffers beside it, and the worst it can say is a wrong picture.
"""

from __future__ import annotations

import dataclasses
import json
import types
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from numbers import Rational
from typing import Any, NamedTuple, TypeVar, Union, get_args, get_origin, get_type_hints

from .wire_format import Buffer, Filled, NonsenseError

__all__ = ["decode", "encode", "matches", "register", "register_record"]

Kind = TypeVar("Kind")


# ---------------------------------------------------------------- kinds


class _Way(NamedTuple):
    """How one kind of result travels; Any, because each has its own."""

    name: str
    pack: Callable[[Any], object]
    unpack: Callable[[Any], object]


_by_type: dict[type, _Way] = {}
_by_name: dict[str, _Way] = {}


def register(kind: type[Kind], name: str, pack: Callable[[Kind], object], unpack: Callable[[Any], Kind]) -> None:
    """Say how values of a type leave a child.

    Args:
        kind: the type; its subclasses travel the same way.
        name: what answers call it.
        pack: makes plain values of one, memory and `Filled` among them.
        unpack: makes it again of what `pack` made, or raises. It believes nothing, since the child may have been taken
            over, and copies what memory it is given, which is only lent.
    """
    _by_type[kind] = _by_name[name] = _Way(name, pack, unpack)


def register_record(kind: type[Kind]) -> None:
    """Register a dataclass or a NamedTuple, whose fields travel as they are and are held against their annotations."""
    names = (
        [field.name for field in dataclasses.fields(kind)] if dataclasses.is_dataclass(kind) else vars(kind)["_fields"]
    )

    def pack(record: Kind) -> tuple[object, ...]:
        return tuple(getattr(record, name) for name in names)

    def unpack(values: object) -> Kind:
        hints = get_type_hints(kind)
        if not (
            isinstance(values, tuple)
            and len(values) == len(names)
            and all(matches(value, hints[name]) for name, value in zip(names, values, strict=True))
        ):
            raise TypeError(f"fields that are none of {kind.__name__}")
        return kind(*values)

    register(kind, f"{kind.__module__}.{kind.__qualname__}", pack, unpack)


def matches(value: object, expected: Any) -> bool:  # Any, for no type says what annotations there are
    """Whether a value is what an annotation says: a type, None, a union, or a tuple, list or dict of such."""
    origin, parts = get_origin(expected), get_args(expected)
    if origin in (Union, types.UnionType):
        return any(matches(value, part) for part in parts)
    if origin is None:
        if expected is None:
            return value is None
        wanted = (float, int) if expected is float else expected
        return isinstance(value, wanted) and (expected in (bool, object) or not isinstance(value, bool))
    if not isinstance(value, origin):
        return False
    if origin is dict:
        return all(matches(key, parts[0]) and matches(part, parts[1]) for key, part in value.items())
    if origin is tuple and parts[1:] != (...,):
        return len(value) == len(parts) and all(map(matches, value, parts))
    return all(matches(part, parts[0]) for part in value)


# ---------------------------------------------------------------- there and back


def encode(value: object) -> tuple[bytes, list[Buffer | Filled]]:
    """A value as JSON, and the bytes in it as buffers.

    Plain are None, numbers, str, bytes, memory, `Filled`, and tuples, lists, sets and dicts of plain values. Values of
    registered kinds may stand wherever plain ones may.
    """
    buffers: list[Buffer | Filled] = []
    return _to_json(_box(value, buffers)).encode(), buffers


# One encoder for all: to make it takes as long as a short answer.
_to_json = json.JSONEncoder(separators=(",", ":")).encode
_PLAIN = (int, str, bytes, tuple, list, dict)


def _box(value: object, buffers: list[Buffer | Filled]) -> object:
    if value is None or isinstance(value, (bool, float)):
        return value
    if type(value) not in _PLAIN:
        # A registered NamedTuple is a tuple too.
        way = next((_by_type[kind] for kind in type(value).__mro__ if kind in _by_type), None)
        if way is not None:
            return {"kind": [way.name, _box(way.pack(value), buffers)]}
    # Of IntEnum and of subclasses of str only the value is kept.
    if isinstance(value, int):
        return int(value)
    if isinstance(value, str):
        return str(value)
    if isinstance(value, (bytes, bytearray, memoryview, Filled)):
        buffers.append(value)
        return {"bytes" if isinstance(value, bytes) else "memory": len(buffers) - 1}
    if isinstance(value, (tuple, list, set, frozenset)):
        plain = next(plain for plain in (tuple, list, set, frozenset) if isinstance(value, plain))
        return {plain.__name__: [_box(part, buffers) for part in value]}
    if isinstance(value, dict):
        return {"dict": [[_box(key, buffers), _box(part, buffers)] for key, part in value.items()]}
    if isinstance(value, Rational):
        return {"ratio": [int(value.numerator), int(value.denominator)]}
    raise TypeError(f"{type(value).__name__} is no plain value")


def decode(text: bytes, buffers: Sequence[Buffer]) -> object:
    """The value that `encode` was given; memory comes as the buffer itself, any rational number as a Fraction.

    Raises:
        NonsenseError: nothing that `encode` writes.
    """
    try:
        return _unbox(json.loads(text), buffers)
    except MemoryError:
        raise
    except Exception as error:
        raise NonsenseError(f"{type(error).__name__}: {error}") from error


def _unbox(node: object, buffers: Sequence[Buffer]) -> object:
    if not isinstance(node, dict):
        if isinstance(node, list):
            raise TypeError("a list without its kind")
        return node
    ((kind, inner),) = node.items()
    return _UNBOX[kind](inner, buffers)


def _each(inner: list[object], buffers: Sequence[Buffer]) -> list[object]:
    return [_unbox(part, buffers) for part in inner]


def _unpack(inner: tuple[str, object], buffers: Sequence[Buffer]) -> object:
    name, packed = inner
    return _by_name[name].unpack(_unbox(packed, buffers))


# Any, because the answer of a child may be anything: what does not fit raises.
_UNBOX: Mapping[str, Callable[[Any, Sequence[Buffer]], object]] = {
    "bytes": lambda inner, buffers: bytes(buffers[inner]),
    "memory": lambda inner, buffers: buffers[inner],
    "tuple": lambda inner, buffers: tuple(_each(inner, buffers)),
    "list": _each,
    "set": lambda inner, buffers: set(_each(inner, buffers)),
    "frozenset": lambda inner, buffers: frozenset(_each(inner, buffers)),
    "dict": lambda inner, buffers: {_unbox(key, buffers): _unbox(part, buffers) for key, part in inner},
    "ratio": lambda inner, buffers: Fraction(*map(int, inner)) if inner[1] else float("nan"),
    "kind": _unpack,
}
