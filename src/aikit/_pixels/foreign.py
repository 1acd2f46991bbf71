"""Arrays of other libraries, which share their memory by a protocol: taken over as our own, and given back as theirs."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from .._foreign_names import on_refusal
from .kinds import is_of_a_kind

__all__ = ["as_own", "give_back", "is_foreign"]

T = TypeVar("T")

_PROTOCOLS = ("__dlpack__", "__cuda_array_interface__", "__array_interface__")


def is_foreign(thing: object) -> bool:
    """Whether something is no image of ours and says where its numbers lie. Scalars of NumPy do, and are no arrays."""
    cls = type(thing)
    if is_of_a_kind(cls) or cls.__module__.partition(".")[0] in ("builtins", "numpy", "torch"):
        return False
    return any(hasattr(thing, name) for name in _PROTOCOLS)


def as_own(thing: T, subject: str = "image", *, layout: object = None) -> T | Any:
    """Show an array of another library as one of NumPy, or as a tensor where NumPy cannot see it; no copy.

    Anything else is returned as it is.
    """
    if not is_foreign(thing):
        return thing
    from .._adapters.exchange import take_over

    return take_over(thing, subject, layout)


def give_back(result: Any, like: object) -> Any:
    """Give results as arrays of the library that `like` is of, where that takes them; ours where it has no way for it."""
    from .._adapters.exchange import hand_over

    if isinstance(result, (tuple, list)):
        return type(result)(give_back(each, like) for each in result)
    return hand_over(result, like) if is_of_a_kind(type(result)) else result


def _call_again(
    call: Callable[..., Any], function: Callable[..., Any], args: tuple[Any, ...], options: dict[str, Any]
) -> tuple[bool, Any]:
    """Call a function of images that has refused its arguments, if some are of other libraries, with our views of them.

    The result is like the argument that the signature says it is like.
    """
    if not any(map(_has_foreign, (*args, *options.values()))):
        return False, None
    layout = options.get("layout")
    owned = [_own_all(each, layout) for each in args]
    named = {name: each if name == "out" else _own_all(each, layout) for name, each in options.items()}
    if all(own is each for own, each in zip((*owned, *named.values()), (*args, *options.values()), strict=True)):
        return False, None
    result = call(*owned, **named)
    model = _model_of(function, args, options)
    return True, give_back(result, model) if is_foreign(model) else result


def _has_foreign(thing: object) -> bool:
    return any(map(is_foreign, thing)) if isinstance(thing, (tuple, list)) else is_foreign(thing)


def _own_all(thing: Any, layout: object) -> Any:
    if isinstance(thing, (tuple, list)):
        return type(thing)(as_own(each, layout=layout) for each in thing) if _has_foreign(thing) else thing
    return as_own(thing, layout=layout)


def _model_of(function: Callable[..., Any], args: tuple[Any, ...], options: Mapping[str, Any]) -> object:
    """The argument that the result is like: the one that has its type in the signature, "ImageT"."""
    parameters = inspect.signature(function).parameters.values()
    if "ImageT" not in str(function.__annotations__.get("return")):
        return None
    given = {**dict(zip((each.name for each in parameters), args, strict=False)), **options}
    return next((given.get(each.name) for each in parameters if str(each.annotation) == "ImageT"), None)


on_refusal(_call_again)
