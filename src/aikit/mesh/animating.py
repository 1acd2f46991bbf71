"""New animations: keys of anybody's as channels, nodes made ready for them, and a turn around an axis."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from .._check import number, one_of
from ..errors import InputTypeError, InputValueError, quoted
from .accessors import Array, add_accessor
from .animation import PATHS
from .document import Document
from .editing import AXES, insert_parent, set_matrix
from .schema import Json
from .tree import decompose, from_parts, local_matrix, roots_of_scene

__all__ = ["AnimatedPath", "Interpolation", "animate_node", "spin_scene"]

AnimatedPath = Literal["translation", "rotation", "scale", "weights"]
Interpolation = Literal["linear", "step", "cubic"]
_WORDS = {"linear": "LINEAR", "step": "STEP", "cubic": "CUBICSPLINE"}
_WIDTHS = {"translation": 3, "rotation": 4, "scale": 3}
# How far a quaternion may be from a length of 1: what float32 and careless rounding make of one.
_TOLERANCE = 1e-3


def animate_node(
    document: Document,
    node: int,
    path: str,
    times: object,
    values: object,
    *,
    interpolation: str,
    name: str,
) -> None:
    """Add a channel to the animation of that name, or to a new one."""
    one_of("path", path, PATHS)
    one_of("interpolation", interpolation, _WORDS)
    keys = _check_times(times)
    table = _check_values(document, node, path, keys, values, cubic=interpolation == "cubic")
    entry = document.entries("nodes")[node]
    if path == "weights":
        _targets(document, entry)
    else:
        _split_matrix(entry, node)
    animation = next((each for each in document.entries("animations") if each.get("name") == name), None)
    if animation is not None:
        for channel in animation["channels"]:
            if (channel["target"].get("node"), channel["target"]["path"]) == (node, path):
                got = f"one that {quoted(name)} moves already"
                raise InputValueError("path", f"a value of node {node} that stands still", got, "pass another name=")
    sampler: Json = {
        "input": add_accessor(document, keys.astype(np.float32), bounds=True),
        "output": add_accessor(
            document, table.astype(np.float32).reshape(-1, 1 if path == "weights" else table.shape[-1])
        ),
        "interpolation": _WORDS[interpolation],
    }
    if animation is None:
        animation = {"name": name, "channels": [], "samplers": []}
        document.append("animations", animation)
    animation["samplers"].append(sampler)
    animation["channels"].append({"sampler": len(animation["samplers"]) - 1, "target": {"node": node, "path": path}})


def _check_times(times: object) -> Array:
    keys = _numbers("times", times)
    if keys.ndim != 1 or not len(keys):
        raise InputValueError("times", "seconds, one a key", f"shape {keys.shape}", "pass a list of numbers")
    rounded = keys.astype(np.float32)
    if not (np.isfinite(keys).all() and keys[0] >= 0 and (np.diff(rounded) > 0).all()):
        raise InputValueError("times", "rising numbers of 0 or more", quoted(keys.tolist()), "sort them, each once")
    return keys


def _check_values(document: Document, node: int, path: str, keys: Array, values: object, *, cubic: bool) -> Array:
    width = _WIDTHS[path] if path in _WIDTHS else _targets(document, document.entries("nodes")[node])
    table = _numbers("values", values)
    shape = (len(keys), 3, width) if cubic else (len(keys), width)
    if width == 1 and table.shape == shape[:-1]:
        table = table[..., None]
    if table.shape != shape:
        what = ": the tangent before, the value and the tangent behind it" if cubic else ""
        raise InputValueError("values", f"shape {shape}{what}", str(table.shape), "pass one row a key")
    if not np.isfinite(table).all():
        raise InputValueError("values", "finite numbers", "NaN or infinity", "leave them out")
    if path == "rotation":
        lengths = np.linalg.norm(table[:, 1] if cubic else table, axis=-1)
        if (np.abs(lengths - 1) > _TOLERANCE).any():
            worst = int(np.abs(lengths - 1).argmax())
            raise InputValueError(
                "values",
                "quaternions x, y, z, w of length 1",
                f"one of length {lengths[worst]:.4g} at key {worst}",
                "for an angle a around y pass (0, sin(a/2), 0, cos(a/2))",
            )
        if not cubic:
            table = table / lengths[:, None]
    return table


def _numbers(subject: str, values: Any) -> Array:
    if hasattr(values, "detach"):
        values = values.detach().cpu().numpy()
    try:
        return np.asarray(values, np.float64)
    except (TypeError, ValueError) as error:
        raise InputTypeError(subject, "numbers", quoted(values), "pass a list or an array") from error


def _targets(document: Document, node: Json) -> int:
    """How many morph targets a node has."""
    if "mesh" in node:
        count = max(len(each.get("targets", ())) for each in document.entries("meshes")[node["mesh"]]["primitives"])
        if count:
            return count
    raise InputValueError(
        "path", "translation, rotation or scale", "'weights' of a node without morph targets", "pass one of these"
    )


def _split_matrix(node: Json, index: int) -> None:
    """Give a node translation, rotation and scale in place of a matrix, which glTF wants of those that are animated."""
    if "matrix" not in node:
        return
    matrix = local_matrix(node, {})
    if not np.allclose(from_parts(*decompose(matrix)), matrix, rtol=1e-5, atol=1e-8):
        raise InputValueError(
            "node", "one without shear", f"node {index}, whose matrix has some", "animate a node around it"
        )
    set_matrix(node, matrix)


def spin_scene(
    document: Document, seconds: object, axis: object, node: int | None, name: str, center: Sequence[float] | None
) -> None:
    """Turn all that is shown once around an axis through `center`, or a node around its own origin."""
    duration = number("seconds", seconds, 1e-3, math.inf)
    one_of("axis", axis, AXES)
    assert isinstance(axis, str)
    direction = np.array(AXES[axis])
    turning = _wrap(document, node, direction, center)
    angles = np.linspace(0, 2 * math.pi, 5)
    turns = np.concatenate([np.sin(angles / 2)[:, None] * direction, np.cos(angles / 2)[:, None]], axis=1)
    times = np.linspace(0, duration, 5)
    animate_node(document, turning, "rotation", times, turns, interpolation="linear", name=name)


def _wrap(document: Document, node: int | None, direction: Array, center: Sequence[float] | None) -> int:
    """A new node around what shall turn: a rotation of its own would take the place of the one it has."""
    if node is not None:
        found = insert_parent(document, node, "spin")
        # In the place of the node, which turns within: its own place goes to the new one.
        entry, parent = document.entries("nodes")[node], document.entries("nodes")[found]
        if "matrix" not in entry and "translation" in entry and not _moves(document, node):
            parent["translation"] = entry.pop("translation")
        return found
    roots = list(roots_of_scene(document))
    if not roots:
        raise InputValueError("mesh", "a scene that shows something", "an empty one", "add something first")
    inner = roots
    offset = None if center is None else np.asarray(center, np.float64) * (direction == 0)
    if offset is not None and np.abs(offset).max() > 0:
        inner = [
            document.append("nodes", {"name": "spin center", "translation": (-offset).tolist(), "children": roots})
        ]
    outer: Json = {"name": "spin", "children": inner}
    if offset is not None and np.abs(offset).max() > 0:
        outer["translation"] = offset.tolist()
    index = document.append("nodes", outer)
    scenes = document.gltf.setdefault("scenes", [{}])
    for place, scene in enumerate(scenes):
        # Scenes that show some of these show them turning.
        if place == document.gltf.get("scene", 0) or set(roots) <= set(scene.get("nodes", ())):
            scene["nodes"] = [index, *(each for each in scene.get("nodes", ()) if each not in roots)]
        elif set(roots) & set(scene.get("nodes", ())):
            raise InputValueError("mesh", "scenes that share all or none of their nodes", "some", "spin a node")
    document.gltf.setdefault("scene", 0)
    return index


def _moves(document: Document, node: int) -> bool:
    return any(
        channel["target"].get("node") == node and channel["target"]["path"] == "translation"
        for animation in document.entries("animations")
        for channel in animation["channels"]
    )
