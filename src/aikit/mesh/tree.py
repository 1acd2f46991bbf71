"""The nodes of a document: where each stands at a time, as matrices from its own space to that of the world."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from .accessors import Array
from .animation import Moved
from .document import Document
from .schema import Json

__all__ = ["decompose", "from_parts", "local_matrix", "roots_of_scene", "walk_scene", "world_matrices"]


def roots_of_scene(document: Document) -> list[int]:
    """The outermost nodes of the scene that is shown; of all nodes where the file has no scene."""
    scenes = document.entries("scenes")
    if scenes:
        found: list[int] = scenes[document.gltf.get("scene", 0)].get("nodes", [])
        return found
    nodes = document.entries("nodes")
    children = {child for node in nodes for child in node.get("children", ())}
    return [index for index in range(len(nodes)) if index not in children]


def walk_scene(document: Document) -> Iterator[int]:
    """All nodes of the scene that is shown, parents before their children."""
    nodes, waiting = document.entries("nodes"), list(reversed(roots_of_scene(document)))
    while waiting:
        index = waiting.pop()
        yield index
        waiting.extend(reversed(nodes[index].get("children", ())))


def world_matrices(document: Document, moved: Mapping[int, Moved]) -> dict[int, Array]:
    """For every node its (4, 4) in float64 to the world, also for nodes of other scenes: skins may use these."""
    nodes = document.entries("nodes")
    children = {child for node in nodes for child in node.get("children", ())}
    found = {
        index: local_matrix(node, moved.get(index, {})) for index, node in enumerate(nodes) if index not in children
    }
    waiting = list(found)
    while waiting:
        index = waiting.pop()
        for child in nodes[index].get("children", ()):
            found[child] = found[index] @ local_matrix(nodes[child], moved.get(child, {}))
            waiting.append(child)
    return found


def local_matrix(node: Json, moved: Moved) -> Array:
    """The matrix of a node in its parent (glTF 2.0, 3.5.3), with what an animation puts in place of its numbers."""
    if "matrix" in node and not moved.keys() & {"translation", "rotation", "scale"}:
        return np.array(node["matrix"], np.float64).reshape(4, 4).T
    parts: Json = node
    if "matrix" in node:  # which glTF does not allow of nodes that are animated
        translation, rotation, scale = decompose(np.array(node["matrix"], np.float64).reshape(4, 4).T)
        parts = {"translation": translation, "rotation": rotation, "scale": scale}
    parts = {**parts, **moved}
    return from_parts(
        parts.get("translation", (0, 0, 0)), parts.get("rotation", (0, 0, 0, 1)), parts.get("scale", (1, 1, 1))
    )


def from_parts(translation: Sequence[float], rotation: Sequence[float], scale: Sequence[float]) -> Array:
    """The matrix that scales, then turns by a quaternion x, y, z, w, then moves."""
    x, y, z, w = (float(each) for each in rotation)
    length = math.sqrt(x * x + y * y + z * z + w * w) or 1.0
    x, y, z, w = x / length, y / length, z / length, w / length
    matrix = np.eye(4)
    matrix[:3, :3] = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ]
    matrix[:3, :3] *= np.asarray(scale, np.float64)
    matrix[:3, 3] = translation
    return matrix


def decompose(matrix: Array) -> tuple[list[float], list[float], list[float]]:
    """Translation, rotation and scale of a matrix without shear; a mirrored one gets a negative scale of x."""
    axes = np.array(matrix[:3, :3], np.float64)
    scale = np.linalg.norm(axes, axis=0)
    if np.linalg.det(axes) < 0:
        scale[0] = -scale[0]
    turn = axes / np.where(scale == 0, 1, scale)
    return matrix[:3, 3].tolist(), _quaternion(turn), scale.tolist()


def _quaternion(turn: Array) -> list[float]:
    """The quaternion x, y, z, w of a rotation: the eigenvector that is stable for every angle.

    Source: Bar-Itzhack, "New Method for Extracting the Quaternion from a Rotation Matrix", 2000.
    """
    (xx, xy, xz), (yx, yy, yz), (zx, zy, zz) = turn
    symmetric = np.array(
        [
            [xx - yy - zz, yx + xy, zx + xz, zy - yz],
            [yx + xy, yy - xx - zz, zy + yz, xz - zx],
            [zx + xz, zy + yz, zz - xx - yy, yx - xy],
            [zy - yz, xz - zx, yx - xy, xx + yy + zz],
        ]
    )
    _, vectors = np.linalg.eigh(symmetric)
    found = vectors[:, -1]
    return [float(each) for each in (found if found[3] >= 0 else -found)]
