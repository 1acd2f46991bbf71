"""Custom properties: what var() stands for.

Source: CSS Custom Properties 1, sections 2 and 3.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from .css import Node

__all__ = ["MAX_LETTERS", "define", "substitute"]

# What a value may become: names that double what others hold grow without end.
MAX_LETTERS = 20_000
_MAX_DEPTH = 64


def define(own: Mapping[str, str], inherited: Mapping[str, str]) -> dict[str, str]:
    """The custom properties of an element: its parent's and its own over them, each without var().

    Those that lead back to themselves, name what is not there, or become too long are not defined.
    """
    known = dict(inherited)
    for name in own:
        known.pop(name, None)
    for name in own:
        _resolve(name, own, known, frozenset())
    return known


def _resolve(name: str, own: Mapping[str, str], known: dict[str, str], around: frozenset[str]) -> bool:
    """Whether a property is defined after its own value has been worked out."""
    if name in known:
        return True
    if name not in own or name in around or len(around) > _MAX_DEPTH:
        return False
    value = _replace(own[name], lambda wanted: known[wanted] if _resolve(wanted, own, known, around | {name}) else None)
    word = (value or "").strip().lower()
    if value is None or word in ("initial", "inherit", "unset", "revert", "revert-layer"):
        return False
    known[name] = value
    return True


def substitute(value: str, custom: Mapping[str, str]) -> str | None:
    """A value with what its var() stand for; None where one stands for nothing, or for too much."""
    return _replace(value, custom.get)


def _replace(value: str, look: Callable[[str], str | None]) -> str | None:
    import tinycss2

    if "var(" not in value.lower():
        return value
    tokens = _replaced(tinycss2.parse_component_value_list(value), look, 0)
    if tokens is None:
        return None
    text = str(tinycss2.serialize(tokens)).strip()
    return None if len(text) > MAX_LETTERS else text


def _replaced(tokens: list[Node], look: Callable[[str], str | None], depth: int) -> list[Node] | None:
    import tinycss2

    if depth > _MAX_DEPTH:
        return None
    result: list[Node] = []
    for token in tokens:
        if token.type == "function" and token.lower_name == "var":
            name, fallback = _arguments(token)
            found = look(name)
            if found is not None:
                result += tinycss2.parse_component_value_list(found)
            elif fallback is None or (inner := _replaced(fallback, look, depth + 1)) is None:
                return None
            else:
                result += inner
            continue
        for part in ("arguments", "content"):
            held = getattr(token, part, None)
            if held:
                inner = _replaced(held, look, depth + 1)
                if inner is None:
                    return None
                setattr(token, part, inner)
        result.append(token)
    return result


def _arguments(token: Node) -> tuple[str, list[Node] | None]:
    """The name that a var() asks for, and what stands in its place where there is none."""
    arguments = list(token.arguments)
    while arguments and arguments[0].type in ("whitespace", "comment"):
        arguments.pop(0)
    name = str(arguments[0].value) if arguments and arguments[0].type == "ident" else ""
    comma = next((at for at, one in enumerate(arguments) if one.type == "literal" and one.value == ","), None)
    return name, None if comma is None else arguments[comma + 1 :]
