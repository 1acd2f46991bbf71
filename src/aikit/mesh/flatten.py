"""The triangles of a document at a time: read, morphed, skinned and brought into the space of the world.

Source: Khronos Group, "glTF 2.0 Specification", sections 3.7 and 3.11.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from ..errors import FileFormatError
from . import draco
from .accessors import Array, is_compressed, read_accessor
from .animation import Moved, sample
from .document import Document
from .schema import Json
from .tree import walk_scene, world_matrices

if TYPE_CHECKING:
    import torch

__all__ = ["Placed", "Shape", "check_geometry", "is_readable", "place_scene", "pose", "read_shape"]

_TRIANGLES, _STRIP, _FAN = 4, 5, 6


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """The triangles of a primitive as they are stored, in the space of their mesh.

    Attributes:
        positions: (V, 3) float32.
        faces: (F, 3) int64.
        normals: (V, 3) float32, or None.
        tangents: (V, 4) float32, or None.
        uvs: a (V, 2) float32 for each set.
        colors: (V, 3) or (V, 4) float32, or None.
        joints: (V, K) int64, or None.
        weights: (V, K) float32, or None.
        targets: what each morph target adds, by attribute.
    """

    positions: Array
    faces: Array
    normals: Array | None = None
    tangents: Array | None = None
    uvs: tuple[Array, ...] = ()
    colors: Array | None = None
    joints: Array | None = None
    weights: Array | None = None
    targets: tuple[Mapping[str, Array], ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Placed:
    """A primitive where a node shows it.

    Attributes:
        node: its number.
        mesh: its number.
        primitive: its JSON.
        matrix: (4, 4) float64, from the mesh to the world.
        joints: (J, 4, 4) float64, from the mesh to the world for each joint of its skin; None without one.
        morph: how much of each morph target.
    """

    node: int
    mesh: int
    primitive: Json = field(repr=False)
    matrix: Array
    joints: Array | None
    morph: tuple[float, ...]


# ---------------------------------------------------------------- reading


def read_shape(document: Document, primitive: Json) -> Shape | None:
    """The triangles of a primitive; None of one that has points or lines, or no positions.

    Raises:
        FileFormatError: indices beyond its vertices, numbers that are not finite, or data that are compressed otherwise.
        MissingDependencyError: compressed by Draco, without the package DracoPy.
    """
    mode = primitive.get("mode", _TRIANGLES)
    if mode < _TRIANGLES or "POSITION" not in primitive["attributes"]:
        return None
    values, indices = _read_attributes(document, primitive)
    positions = values["POSITION"].astype(np.float32, copy=False)
    order = np.arange(len(positions)) if indices is None else indices
    faces = order.reshape(-1, 3) if order.ndim == 2 else _triangles(order, mode)
    if faces.size and int(faces.max()) >= len(positions):
        raise FileFormatError(
            document.source, f"indices below {len(positions)}", str(int(faces.max())), "export the file again"
        )
    floats = {name: each.astype(np.float32, copy=False) for name, each in values.items()}
    joints, weights = _sets(values, "JOINTS"), _sets(floats, "WEIGHTS")
    return Shape(
        positions=positions,
        faces=faces,
        normals=floats.get("NORMAL"),
        tangents=floats.get("TANGENT"),
        uvs=_uvs(floats, len(positions)),
        colors=floats.get("COLOR_0"),
        joints=np.concatenate(joints, axis=1).astype(np.int64) if joints and len(joints) == len(weights) else None,
        weights=np.concatenate(weights, axis=1) if joints and len(joints) == len(weights) else None,
        targets=tuple(
            {name: read_accessor(document, index).astype(np.float32, copy=False) for name, index in target.items()}
            for target in primitive.get("targets", ())
        ),
    )


def _read_attributes(document: Document, primitive: Json) -> tuple[dict[str, Array], Array | None]:
    """The attributes by name, and the indices of corners, or of faces (F, 3)."""
    names: Mapping[str, int] = primitive["attributes"]
    compressed: dict[str, Array] = {}
    indices: Array | None = None
    if draco.NAME in primitive.get("extensions", {}):
        compressed, indices = draco.decompress(document, primitive)
        for name, array in compressed.items():
            if name in names:
                _check_count(document, names[name], array)
    elif "indices" in primitive:
        indices = read_accessor(document, primitive["indices"])[:, 0].astype(np.int64)
    values = {name: compressed[name] if name in compressed else read_accessor(document, names[name]) for name in names}
    return values, indices


def _check_count(document: Document, index: int, array: Array) -> None:
    accessor = document.entries("accessors")[index]
    if len(array) != accessor["count"] or not np.isfinite(array).all():
        raise FileFormatError(
            document.source,
            f"{accessor['count']} finite values in compressed accessors[{index}]",
            f"{len(array)}",
            "export the file again",
        )


def _triangles(order: Array, mode: int) -> Array:
    """Corners as faces (F, 3); what is left over makes none (glTF 2.0, 3.7.2.1)."""
    if mode == _TRIANGLES:
        return order[: len(order) // 3 * 3].reshape(-1, 3)
    count = max(0, len(order) - 2)
    at = np.arange(count)
    if mode == _FAN:
        return np.stack([order[at + 1], order[at + 2], np.broadcast_to(order[:1], (count,))], axis=1)
    odd = at % 2
    return np.stack([order[at], order[at + 1 + odd], order[at + 2 - odd]], axis=1)


def _sets(values: Mapping[str, Array], kind: str) -> list[Array]:
    """All sets of an attribute, from number 0 on."""
    found: list[Array] = []
    while f"{kind}_{len(found)}" in values:
        found.append(values[f"{kind}_{len(found)}"])
    return found


def _uvs(values: Mapping[str, Array], count: int) -> tuple[Array, ...]:
    numbers = [int(name[9:]) for name in values if name.startswith("TEXCOORD_") and name[9:].isdecimal()]
    empty = np.zeros((count, 2), np.float32)
    return tuple(values.get(f"TEXCOORD_{number}", empty) for number in range(min(max(numbers, default=-1) + 1, 64)))


# ---------------------------------------------------------------- where it stands


def place_scene(document: Document, time: float, animation: int | None) -> Iterator[Placed]:
    """All primitives of the scene that is shown, in the order of its nodes, at a time of an animation."""
    moved = sample(document, animation, time)
    matrices = world_matrices(document, moved)
    nodes, meshes = document.entries("nodes"), document.entries("meshes")
    for index in walk_scene(document):
        node = nodes[index]
        if "mesh" not in node:
            continue
        mesh = meshes[node["mesh"]]
        morph = _morph(node, mesh, moved.get(index, {}))
        joints = _joint_matrices(document, node["skin"], matrices) if "skin" in node else None
        for primitive in mesh["primitives"]:
            yield Placed(index, node["mesh"], primitive, matrices[index], joints, morph)


def _morph(node: Json, mesh: Json, moved: Moved) -> tuple[float, ...]:
    if "weights" in moved:
        return tuple(float(each) for each in moved["weights"])
    return tuple(node["weights"] if "weights" in node else mesh.get("weights", []))


def _joint_matrices(document: Document, skin: int, matrices: Mapping[int, Array]) -> Array:
    entry = document.entries("skins")[skin]
    joints = np.stack([matrices[index] for index in entry["joints"]])
    if "inverseBindMatrices" not in entry:
        return joints
    inverse = read_accessor(document, entry["inverseBindMatrices"])[: len(joints)].astype(np.float64)
    # Stored column by column.
    return cast(Array, joints @ inverse.reshape(-1, 4, 4).transpose(0, 2, 1))


# ---------------------------------------------------------------- posing


def pose(document: Document, shape: Shape, placed: Placed, positions: Any = None) -> Shape:
    """The same triangles in the space of the world, without what moved them.

    Args:
        document: what messages name.
        shape: as stored.
        placed: where they stand.
        positions: (V, 3) in place of the stored ones, an array or a tensor, whose gradient is kept; results are
            of its kind and dtype.

    Returns:
        Positions, normals of length 1, tangents, and faces that run counter-clockwise where a node mirrors them too.

    Raises:
        FileFormatError: a vertex hangs on a joint that its skin has not.
    """
    like = _Like(shape.positions if positions is None else positions)
    points = like.values
    normals = None if shape.normals is None else like.of(shape.normals)
    tangents = None if shape.tangents is None else like.of(shape.tangents)
    for weight, target in zip(placed.morph, shape.targets, strict=False):
        if weight:
            points = points + weight * like.of(target["POSITION"]) if "POSITION" in target else points
            if normals is not None and "NORMAL" in target:
                normals = normals + weight * like.of(target["NORMAL"])
            if tangents is not None and "TANGENT" in target:
                added = np.pad(target["TANGENT"], ((0, 0), (0, 1)))  # the sign stays
                tangents = tangents + weight * like.of(added)
    matrices = _matrices_of(document, shape, placed)
    straight, moved = like.of(matrices[..., :3, :3]), like.of(matrices[..., :3, 3])
    points = _times(straight, points) + moved
    if normals is not None:
        normals = like.unit(_times(like.of(_cofactors(matrices[..., :3, :3])), normals))
    if tangents is not None:
        turned = like.unit(_times(straight, tangents[:, :3]))
        tangents = like.join(turned, tangents[:, 3:])
    mirrored = bool(np.linalg.det(placed.matrix[:3, :3]) < 0)
    faces = shape.faces[:, [0, 2, 1]] if mirrored else shape.faces
    return replace(
        shape,
        positions=points,
        normals=normals,
        tangents=tangents,
        faces=faces,
        joints=None,
        weights=None,
        targets=(),
    )


def _matrices_of(document: Document, shape: Shape, placed: Placed) -> Array:
    """One matrix for all vertices, or one for each (V, 4, 4)."""
    if placed.joints is None or shape.joints is None or shape.weights is None:
        return placed.matrix
    _check_joints(document, shape.joints, len(placed.joints))
    mixed = np.zeros((len(shape.positions), 4, 4))
    for column in range(shape.joints.shape[1]):
        mixed += shape.weights[:, column, None, None] * placed.joints[shape.joints[:, column]]
    return mixed


def _cofactors(matrices: Array) -> Array:
    """What normals are multiplied by: the inverse transpose times the determinant, which is there for all matrices."""
    a, b, c = matrices[..., 0, :], matrices[..., 1, :], matrices[..., 2, :]
    found = np.stack([np.cross(b, c), np.cross(c, a), np.cross(a, b)], axis=-2)
    # A mirror turns all cofactors around; normals have to point to the same side of the faces as before.
    sign = np.sign(np.linalg.det(matrices))
    return cast(Array, found * np.where(sign == 0, 1.0, sign)[..., None, None])


def _times(matrices: Any, vectors: Any) -> Any:  # Any: arrays or tensors, which share no type
    """A matrix, or one for each, times vectors (V, 3)."""
    return vectors @ matrices.T if matrices.ndim == 2 else (matrices @ vectors[..., None])[..., 0]


class _Like:
    """Makes arrays of the kind, dtype and device of some values: an array, or a tensor with its gradient."""

    def __init__(self, values: Array | torch.Tensor) -> None:
        self.values: Any = values
        self._is_array = isinstance(values, np.ndarray)

    def of(self, array: Array) -> Any:
        if self._is_array:
            return array.astype(self.values.dtype, copy=False)
        import torch

        return torch.as_tensor(np.ascontiguousarray(array), dtype=self.values.dtype, device=self.values.device)

    def unit(self, vectors: Any) -> Any:
        """The vectors with a length of 1; those of no length stay."""
        lengths = (vectors * vectors).sum(-1)[:, None] ** 0.5
        return vectors / (lengths + (lengths == 0))

    def join(self, one: Any, other: Any) -> Any:
        if self._is_array:
            return np.concatenate([one, other], axis=1)
        import torch

        return torch.cat([one, other], dim=1)


# ---------------------------------------------------------------- checking


def check_geometry(document: Document) -> None:
    """Read all numbers of a document, and refuse what cannot be posed.

    Data in a compression that is not read here are left as they are.

    Raises:
        FileFormatError: as `read_shape`, and joints that a skin has not.
    """
    shapes: dict[int, list[Shape | None]] = {}
    for index, mesh in enumerate(document.entries("meshes")):
        shapes[index] = [
            read_shape(document, primitive) if is_readable(document, primitive) else None
            for primitive in mesh["primitives"]
        ]
    for node in document.entries("nodes"):
        if "mesh" in node and "skin" in node:
            for shape in shapes[node["mesh"]]:
                if shape is not None and shape.joints is not None:
                    _check_joints(document, shape.joints, len(document.entries("skins")[node["skin"]]["joints"]))
    numbers = {
        sampler[key]
        for animation in document.entries("animations")
        for sampler in animation["samplers"]
        for key in ("input", "output")
    }
    numbers |= {skin["inverseBindMatrices"] for skin in document.entries("skins") if "inverseBindMatrices" in skin}
    for index in numbers:
        if not _is_meshopt(document, index):
            read_accessor(document, index)


def _check_joints(document: Document, joints: Array, count: int) -> None:
    if joints.size and int(joints.max()) >= count:
        raise FileFormatError(document.source, f"joints below {count}", str(int(joints.max())), "export the file again")


def is_readable(document: Document, primitive: Json) -> bool:
    """Whether the data of a primitive are in no compression, or in one that is read here."""
    if draco.NAME in primitive.get("extensions", {}):
        return draco.is_installed()
    indices = [primitive["indices"]] if "indices" in primitive else []
    return not any(_is_meshopt(document, index) for index in (*primitive["attributes"].values(), *indices))


def _is_meshopt(document: Document, accessor: int) -> bool:
    view = document.entries("accessors")[accessor].get("bufferView")
    return view is not None and is_compressed(document.entries("bufferViews")[view])
