"""Moving what a document shows: matrices of nodes, kept as parts where they can be, and left alone where they are animated."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, Literal

import numpy as np

from .._check import number, one_of
from ..errors import InputTypeError, InputValueError, quoted
from .accessors import Array
from .document import Document
from .schema import Json
from .tree import decompose, from_parts, local_matrix, roots_of_scene

__all__ = [
    "AXES",
    "as_matrix",
    "find_nodes",
    "insert_parent",
    "moving_matrix",
    "scaling_matrix",
    "set_matrix",
    "transform_nodes",
    "transform_scene",
    "turning_matrix",
]

Axis = Literal["x", "y", "z"]
AXES: dict[str, tuple[float, float, float]] = {"x": (1.0, 0.0, 0.0), "y": (0.0, 1.0, 0.0), "z": (0.0, 0.0, 1.0)}
_PARTS = ("translation", "rotation", "scale", "matrix")


# ---------------------------------------------------------------- matrices


def as_matrix(matrix: object) -> Array:
    """A (4, 4) of anybody's that moves points and can be undone."""
    try:
        found = np.asarray(matrix, np.float64)
    except (TypeError, ValueError) as error:
        raise InputTypeError("matrix", "numbers (4, 4)", quoted(matrix), "pass an array") from error
    if found.shape != (4, 4):
        raise InputValueError("matrix", "shape (4, 4)", str(found.shape), "pass one that multiplies columns x, y, z, 1")
    if not np.isfinite(found).all() or not np.allclose(found[3], (0, 0, 0, 1)):
        raise InputValueError(
            "matrix", "finite numbers and a last row of 0, 0, 0, 1", quoted(found.tolist()), "pass one"
        )
    if np.linalg.det(found[:3, :3]) == 0:
        raise InputValueError("matrix", "one that keeps a volume", quoted(found.tolist()), "scale by no 0")
    return found


def moving_matrix(offset: object) -> Array:
    """The matrix that moves by x, y and z."""
    return from_parts(_three("offset", offset), (0, 0, 0, 1), (1, 1, 1))


def scaling_matrix(factor: object) -> Array:
    """The matrix that scales by a factor, or by one along each axis."""
    factors = [factor] * 3 if isinstance(factor, (int, float)) else factor
    values = _three("factor", factors)
    if 0 in values:
        raise InputValueError("factor", "numbers that are not 0", quoted(factor), "pass others")
    return from_parts((0, 0, 0), (0, 0, 0, 1), values)


def turning_matrix(degrees: object, axis: object) -> Array:
    """The matrix that turns around an axis, counter-clockwise seen from where it points to."""
    angle = math.radians(number("degrees", degrees, -math.inf, math.inf))
    if isinstance(axis, str):
        one_of("axis", axis, AXES)
        direction = AXES[axis]
    else:
        direction = _three("axis", axis)
    length = math.sqrt(sum(each * each for each in direction))
    if length == 0:
        raise InputValueError("axis", "a direction", quoted(axis), 'pass "x", "y", "z" or three numbers')
    sine = math.sin(angle / 2) / length
    x, y, z = (each * sine for each in direction)
    return from_parts((0, 0, 0), (x, y, z, math.cos(angle / 2)), (1, 1, 1))


def _three(subject: str, values: Any) -> tuple[float, float, float]:
    if isinstance(values, str) or not hasattr(values, "__len__") or len(values) != 3:
        raise InputTypeError(subject, "three numbers x, y, z", quoted(values), "pass a tuple")
    x, y, z = (number(subject, float(each), -math.inf, math.inf) for each in values)
    return x, y, z


# ---------------------------------------------------------------- nodes


def find_nodes(document: Document, nodes: object) -> list[int]:
    """The numbers of nodes given by name, by number, or as a list of these."""
    if isinstance(nodes, (str, int)):
        return [_find_node(document, nodes)]
    if not isinstance(nodes, Iterable):
        raise InputTypeError("node", "a name, a number or a list of these", quoted(nodes), "pass one")
    found = [_find_node(document, each) for each in nodes]
    return list(dict.fromkeys(found))


def _find_node(document: Document, node: object) -> int:
    entries = document.entries("nodes")
    if isinstance(node, int) and not isinstance(node, bool):
        if 0 <= node < len(entries):
            return node
        raise InputValueError("node", f"a number below {len(entries)}", quoted(node), "pass one")
    if not isinstance(node, str):
        raise InputTypeError("node", "a name or a number", quoted(node), "pass one")
    found = [index for index, entry in enumerate(entries) if entry.get("name") == node]
    if len(found) == 1:
        return found[0]
    if found:
        numbers = ", ".join(map(str, found))
        raise InputValueError(
            "node", "a name that one node has", f"{quoted(node)} of {len(found)}", f"pass one of {numbers}"
        )
    known = ", ".join(repr(entry["name"]) for entry in entries if "name" in entry)
    raise InputValueError("node", f"one of {known or 'no names'}", quoted(node), "pass one of these, or a number")


def transform_scene(document: Document, matrix: Array) -> None:
    """Move all that every scene shows."""
    scenes = document.entries("scenes") or [{"nodes": roots_of_scene(document)}]
    moved: dict[tuple[int, ...], list[int]] = {}
    for scene in scenes:
        roots = tuple(scene.get("nodes", ()))
        if not roots:
            continue
        # Scenes may share nodes, which are moved once: those that have none of their own alike get one parent.
        if roots not in moved:
            if seen := {index for others in moved for index in others} & set(roots):
                raise InputValueError(
                    "mesh",
                    "scenes that share all of their nodes or none",
                    f"node {min(seen)} in two",
                    "transform the nodes one by one",
                )
            moved[roots] = _move_roots(document, list(roots), matrix)
        scene["nodes"] = moved[roots]
    if not document.entries("scenes"):
        document.gltf["scenes"], document.gltf["scene"] = scenes, 0


def _move_roots(document: Document, roots: list[int], matrix: Array) -> list[int]:
    """Move the outermost nodes of a scene: its only one, or a new one around all of them."""
    nodes = document.entries("nodes")
    if len(roots) == 1 and roots[0] not in _animated(document) and "skin" not in nodes[roots[0]]:
        place(document, roots[0], matrix @ local_matrix(nodes[roots[0]], {}))
        return roots
    parent = document.append("nodes", {"name": "transform", "children": roots})
    place(document, parent, matrix)
    return [parent]


def transform_nodes(document: Document, indices: Sequence[int], matrix: Array) -> None:
    """Move nodes, with all that lies in them, in the space of their parents."""
    nodes, animated = document.entries("nodes"), _animated(document)
    within = _within(document, indices)
    for index in indices:
        if "skin" in nodes[index] and not within >= set(document.entries("skins")[nodes[index]["skin"]]["joints"]):
            raise InputValueError(
                "node",
                "one that its own matrix moves",
                f"node {index}, whose skin moves it",
                "transform the nodes of its skeleton, or the whole mesh",
            )
    for index in indices:
        if "skin" in nodes[index]:
            continue  # its joints are moved, and its own matrix counts for nothing
        if index in animated:
            parent = insert_parent(document, index, nodes[index].get("name", "node") + " transform")
            place(document, parent, matrix)
        else:
            place(document, index, matrix @ local_matrix(nodes[index], {}))


def _within(document: Document, indices: Sequence[int]) -> set[int]:
    """Nodes, and all that lie in them."""
    found: set[int] = set()
    waiting = list(indices)
    while waiting:
        index = waiting.pop()
        found.add(index)
        waiting.extend(document.entries("nodes")[index].get("children", ()))
    return found


def insert_parent(document: Document, index: int, name: str) -> int:
    """Put a new node around a node, in its place in the tree."""
    parent = document.append("nodes", {"name": name, "children": [index]})
    holders = [
        entry["children"]
        for number, entry in enumerate(document.entries("nodes"))
        if number != parent and "children" in entry
    ]
    holders += [scene["nodes"] for scene in document.entries("scenes") if "nodes" in scene]
    for holder in holders:
        holder[:] = [parent if each == index else each for each in holder]
    return parent


def _animated(document: Document) -> set[int]:
    """The nodes that animations move."""
    return {
        channel["target"]["node"]
        for animation in document.entries("animations")
        for channel in animation["channels"]
        if "node" in channel["target"] and channel["target"]["path"] != "weights"
    }


def place(document: Document, index: int, matrix: Array) -> None:
    """Give a node a matrix, in translation, rotation and scale; where these cannot say it, with a node inside of it.

    glTF knows no shear of one node (3.5.3). By its singular values a matrix is a turn, a scale and another turn: the
    outer node turns and scales, the inner one, which gets all that the node had, turns before that.
    """
    node = document.entries("nodes")[index]
    if set_matrix(node, matrix):
        return
    left, scale, right = np.linalg.svd(matrix[:3, :3])
    if np.linalg.det(left) < 0:
        left[:, 0], scale[0] = -left[:, 0], -scale[0]
    if np.linalg.det(right) < 0:
        right[0], scale[0] = -right[0], -scale[0]
    outer, inner = np.eye(4), np.eye(4)
    outer[:3, :3], outer[:3, 3], inner[:3, :3] = left * scale, matrix[:3, 3], right
    moved = {key: node.pop(key) for key in list(node) if key not in _KEPT}
    child: Json = {**moved}
    set_matrix(child, inner)
    set_matrix(node, outer)
    node["children"] = [document.append("nodes", child)]
    _repoint(document, index, node["children"][0])


# What stays with a node whose content moves into another.
_KEPT = ("name", "extras", *_PARTS)


def _repoint(document: Document, index: int, inner: int) -> None:
    """Let skeletons and weights that meant a node mean the one that has its content now."""
    for skin in document.entries("skins"):
        skin["joints"] = [inner if joint == index else joint for joint in skin["joints"]]
    for animation in document.entries("animations"):
        for channel in animation["channels"]:
            if channel["target"].get("node") == index:
                channel["target"]["node"] = inner


def set_matrix(node: Json, matrix: Array) -> bool:
    """Give a node a matrix as translation, rotation and scale; False, and nothing done, where it has shear."""
    translation, rotation, scale = decompose(matrix)
    if not np.allclose(from_parts(translation, rotation, scale), matrix, rtol=1e-6, atol=1e-9 * np.abs(matrix).max()):
        return False
    for key in _PARTS:
        node.pop(key, None)
    usual = ((0.0, 0.0, 0.0), (0.0, 0.0, 0.0, 1.0), (1.0, 1.0, 1.0))
    for key, value, other in zip(_PARTS, (translation, rotation, scale), usual, strict=False):
        if not np.allclose(value, other, rtol=0, atol=1e-12):
            node[key] = list(value)
    return True
