"""Fewer triangles, through meshoptimizer, with all that their vertices carry."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType

import numpy as np

from ..errors import MissingDependencyError
from .accessors import ARRAY_BUFFER, ELEMENT_BUFFER, Array, add_accessor, is_compressed, read_stored
from .document import Document
from .schema import Json

__all__ = ["Simplified", "simplify_document"]

_TRIANGLES = 4
# Extensions of primitives that say nothing of single vertices.
_WITHOUT_VERTICES = {"KHR_materials_variants"}


@dataclass(frozen=True, slots=True)
class Simplified:
    """What `Mesh.simplify` has done.

    Attributes:
        before: triangles of all primitives.
        after: triangles now.
        error: by how much a surface moved at most, as a share of the size of its primitive.
        told: what was left as it is, and why.
    """

    before: int
    after: int
    error: float
    told: tuple[str, ...]


def simplify_document(document: Document, ratio: float, max_error: float) -> Simplified:
    """Simplify every primitive of triangles, in place."""
    optimizer = _meshoptimizer()
    before = after = 0
    worst = 0.0
    told: list[str] = []
    for number, mesh in enumerate(document.entries("meshes")):
        for place, primitive in enumerate(mesh["primitives"]):
            reason = _reason_against(document, primitive)
            if reason is not None:
                told.append(f"meshes[{number}].primitives[{place}]: {reason}")
                continue
            old = read_stored(document, primitive["indices"])[:, 0].astype(np.uint32)
            positions = read_stored(document, primitive["attributes"]["POSITION"]).astype(np.float32)
            new, error = _simplify(optimizer, old, positions, ratio, max_error)
            before, after, worst = before + len(old) // 3, after + len(new) // 3, max(worst, error)
            if len(new) < len(old):
                _store(document, primitive, new)
    return Simplified(before, after, worst, tuple(told))


def _reason_against(document: Document, primitive: Json) -> str | None:
    """Why a primitive is left alone; None where it need not be."""
    if primitive.get("mode", _TRIANGLES) != _TRIANGLES:
        return "not a list of triangles"
    others = set(primitive.get("extensions", {})) - _WITHOUT_VERTICES
    if others:
        return f"data of {', '.join(sorted(others))} would not fit any more"
    if "indices" not in primitive:
        return "triangles that share no vertices"
    attributes = [
        *primitive["attributes"].values(),
        *(each for target in primitive.get("targets", []) for each in target.values()),
    ]
    accessors = [document.entries("accessors")[index] for index in (primitive["indices"], *attributes)]
    views = [document.entries("bufferViews")[each["bufferView"]] for each in accessors if "bufferView" in each]
    return "data compressed by meshopt" if any(map(is_compressed, views)) else None


def _simplify(
    optimizer: ModuleType, indices: Array, positions: Array, ratio: float, max_error: float
) -> tuple[Array, float]:
    wanted = max(1, round(len(indices) // 3 * ratio)) * 3
    found, error = np.zeros(len(indices), np.uint32), np.zeros(1, np.float32)
    count = optimizer.simplify(
        found, indices, positions, target_index_count=wanted, target_error=max_error, result_error=error
    )
    return found[:count], float(error[0])


def _store(document: Document, primitive: Json, indices: Array) -> None:
    """Write the triangles, and of the vertices those that they use; other primitives may share the old ones."""
    used, renumbered = np.unique(indices, return_inverse=True)
    small = np.uint16 if len(used) < 65535 else np.uint32
    for attributes in (primitive["attributes"], *primitive.get("targets", [])):
        for name, index in attributes.items():
            old = document.entries("accessors")[index]
            values = read_stored(document, index)[used]
            attributes[name] = add_accessor(
                document,
                values,
                target=ARRAY_BUFFER,
                bounds=name == "POSITION",
                normalized=bool(old.get("normalized")),
            )
    primitive["indices"] = add_accessor(document, renumbered.reshape(-1).astype(small), target=ELEMENT_BUFFER)


def _meshoptimizer() -> ModuleType:
    try:
        import meshoptimizer
    except ImportError as error:
        raise MissingDependencyError(
            "simplify", "the package meshoptimizer", "none installed", "run: pip install meshoptimizer"
        ) from error
    module: ModuleType = meshoptimizer
    return module
