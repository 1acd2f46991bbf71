"""Vertices in fewer bytes: 16 bits of their range where they had floats of 32.

Source: Khronos Group, "KHR_mesh_quantization"; glTF 2.0, section 3.7.2.1.
"""

from __future__ import annotations

import numpy as np

from .accessors import ARRAY_BUFFER, ELEMENT_BUFFER, Array, add_accessor, is_compressed, read_accessor
from .document import Document
from .schema import Json

__all__ = ["quantize"]

_FLOAT, _UINT = 5126, 5125
# A primitive must not use the largest index of its type (glTF 2.0, 3.7.2.1).
_MOST_SHORT = 65_534


def quantize(document: Document) -> None:
    """Store normals and tangents as int16, coordinates and colors from 0 to 1 as uint16, and small indices as uint16.

    Positions stay. So do numbers in sparse or compressed accessors, and coordinates beyond 0 to 1.
    """
    # Several accessors may be of the same numbers, which are stored once.
    made: dict[tuple[object, ...], Json] = {}
    for index, names in _roles(document).items():
        accessor = document.entries("accessors")[index]
        family = _family(next(iter(names)))
        if family == "other" or not _is_plain(document, accessor) or {_family(name) for name in names} != {family}:
            continue
        key = (family, *(accessor.get(name) for name in ("bufferView", "byteOffset", "componentType", "count", "type")))
        if key not in made:
            smaller = _smaller(document, index, family)
            if smaller is None:
                continue
            made[key] = smaller
        for name in ("byteOffset", "min", "max", "normalized"):
            accessor.pop(name, None)
        accessor.update(made[key])
        if family == "direction":
            document.use_extension("KHR_mesh_quantization", required=True)


def _roles(document: Document) -> dict[int, set[str]]:
    """What each accessor is used for; other uses than by primitives count as one that is not known."""
    roles: dict[int, set[str]] = {}
    for mesh in document.entries("meshes"):
        for primitive in mesh["primitives"]:
            packed = "KHR_draco_mesh_compression" in primitive.get("extensions", {})
            for name, index in primitive["attributes"].items():
                roles.setdefault(index, set()).add("other" if packed else name)
            if "indices" in primitive:
                roles.setdefault(primitive["indices"], set()).add("other" if packed else "indices")
            for target in primitive.get("targets", []):
                for index in target.values():
                    roles.setdefault(index, set()).add("other")
    for animation in document.entries("animations"):
        for sampler in animation["samplers"]:
            for key in ("input", "output"):
                roles.setdefault(sampler[key], set()).add("other")
    for skin in document.entries("skins"):
        if "inverseBindMatrices" in skin:
            roles.setdefault(skin["inverseBindMatrices"], set()).add("other")
    return roles


def _family(name: str) -> str:
    if name in ("NORMAL", "TANGENT"):
        return "direction"
    if name.startswith(("TEXCOORD_", "COLOR_")):
        return "share"
    return "indices" if name == "indices" else "other"


def _is_plain(document: Document, accessor: Json) -> bool:
    if "sparse" in accessor or "bufferView" not in accessor:
        return False
    return not is_compressed(document.entries("bufferViews")[accessor["bufferView"]])


def _smaller(document: Document, index: int, family: str) -> Json | None:
    """What an accessor becomes: its numbers are put into the document. None where they do not get smaller."""
    kind = document.entries("accessors")[index]["componentType"]
    if kind != (_UINT if family == "indices" else _FLOAT):
        return None
    values = read_accessor(document, index)
    if family == "indices":
        return _made(document, values[:, 0].astype(np.uint16)) if values.max() <= _MOST_SHORT else None
    low, dtype = (-1, np.int16) if family == "direction" else (0, np.uint16)
    if not low <= values.min() or not values.max() <= 1:
        return None
    return _made(document, np.rint(values * np.float64(np.iinfo(dtype).max)).astype(dtype))


def _made(document: Document, values: Array) -> Json:
    is_index = values.ndim == 1
    target = ELEMENT_BUFFER if is_index else ARRAY_BUFFER
    add_accessor(document, values, target=target, normalized=not is_index)
    return document.entries("accessors").pop()
