"""What animations make of the nodes of a document at a time.

Source: Khronos Group, "glTF 2.0 Specification", section 3.11 and appendix C.
"""

from __future__ import annotations

import numpy as np

from ..errors import InputTypeError, InputValueError, quoted
from .accessors import Array, read_accessor
from .document import Document

__all__ = ["PATHS", "Moved", "find_animation", "names_of_animations", "sample"]

PATHS = ("translation", "rotation", "scale", "weights")

# What a node has at a time, by path: numbers in the place of those in the file.
Moved = dict[str, Array]


def names_of_animations(document: Document) -> list[str]:
    """Their names in order; those without one are called by their number."""
    return [each.get("name") or f"animation {index}" for index, each in enumerate(document.entries("animations"))]


def find_animation(document: Document, animation: object) -> int | None:
    """The number of an animation given by name or number; the first for None, and None where there is none."""
    names = names_of_animations(document)
    if animation is None:
        return 0 if names else None
    if isinstance(animation, str):
        if animation in names:
            return names.index(animation)
    elif isinstance(animation, bool) or not isinstance(animation, int):
        raise InputTypeError("animation", "a name or a number", quoted(animation), "pass one")
    elif 0 <= animation < len(names):
        return animation
    known = ", ".join(map(repr, names)) or "none: the mesh has no animation"
    raise InputValueError("animation", f"one of {known}", quoted(animation), "pass one of these")


def sample(document: Document, animation: int | None, time: float) -> dict[int, Moved]:
    """What an animation makes of each node that it moves, `time` seconds after its beginning."""
    moved: dict[int, Moved] = {}
    if animation is None:
        return moved
    entry = document.entries("animations")[animation]
    for channel in entry["channels"]:
        node, path = channel["target"].get("node"), channel["target"]["path"]
        if node is None or path not in PATHS:
            continue
        sampler = entry["samplers"][channel["sampler"]]
        times = read_accessor(document, sampler["input"])[:, 0].astype(np.float64)
        values = read_accessor(document, sampler["output"]).astype(np.float64)
        how = sampler.get("interpolation", "LINEAR")
        # Weights of several targets stand one behind the other.
        table = values.reshape(len(times), 3 if how == "CUBICSPLINE" else 1, -1)
        moved.setdefault(node, {})[path] = _at(times, table, time, how, turning=path == "rotation")
    return moved


def _at(times: Array, values: Array, time: float, how: str, *, turning: bool) -> Array:
    """The value at a time; before the first key and behind the last one it stays."""
    last = len(times) - 1
    # Of cubic splines the middle is the value, between its tangents.
    middle = values.shape[1] // 2
    if time <= times[0] or last == 0:
        return _unit(values[0, middle], turning)
    if time >= times[last]:
        return _unit(values[last, middle], turning)
    index = int(np.searchsorted(times, time, side="right")) - 1
    span = times[index + 1] - times[index]
    share = (time - times[index]) / span
    one, other = values[index, middle], values[index + 1, middle]
    if how == "STEP":
        return _unit(one, turning)
    if how == "LINEAR":
        return _slerp(one, other, share) if turning else one + (other - one) * share
    square, cube = share * share, share * share * share
    leaving, arriving = span * values[index, 2], span * values[index + 1, 0]
    smooth = (
        (2 * cube - 3 * square + 1) * one
        + (cube - 2 * square + share) * leaving
        + (3 * square - 2 * cube) * other
        + (cube - square) * arriving
    )
    return _unit(smooth, turning)


def _unit(value: Array, turning: bool) -> Array:
    length = float(np.linalg.norm(value)) if turning else 0.0
    return value / length if length > 0 else value


def _slerp(one: Array, other: Array, share: float) -> Array:
    """Between two quaternions along the shorter arc (appendix C.4)."""
    one, other = _unit(one, True), _unit(other, True)
    cosine = float(one @ other)
    if cosine < 0:
        other, cosine = -other, -cosine
    angle = float(np.arccos(min(cosine, 1.0)))
    if angle < 1e-6:
        return _unit(one + (other - one) * share, True)
    between: Array = (np.sin((1 - share) * angle) * one + np.sin(share * angle) * other) / np.sin(angle)
    return between
