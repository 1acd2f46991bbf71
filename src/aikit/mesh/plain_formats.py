"""What a mesh shows as OBJ, STL and PLY: triangles in the space of the world at time 0, and what these formats hold beside.

Sources: Wavefront Technologies, "Advanced Visualizer Manual", appendix B1, and the MTL specification; 3D Systems,
"StereoLithography Interface Specification", 1989; Turk, "The PLY Polygon File Format", 1994.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from .. import _raster
from ..color import linear_rgb_to_rgb
from ..errors import InputValueError
from .accessors import Array
from .document import Document
from .flatten import Placed, Shape, pose
from .geometry import MeshArrays, arrays_of, shown_shapes
from .schema import Json
from .textures import image_of, texture_slots

__all__ = ["ObjFiles", "encode_obj", "encode_ply", "encode_stl", "obj_files"]


class ObjFiles(NamedTuple):
    """An OBJ and what belongs beside it.

    Attributes:
        obj: the file itself.
        beside: the others by name, the MTL among them.
    """

    obj: bytes
    beside: dict[str, bytes]


def encode_stl(document: Document) -> bytes:
    """Binary STL: for each triangle its normal and its corners."""
    arrays = _arrays(document)
    corners = np.asarray(arrays.positions)[np.asarray(arrays.faces)]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    lengths = np.linalg.norm(normals, axis=1, keepdims=True)
    records = np.zeros(len(corners), np.dtype([("normal", "<3f4"), ("corners", "<9f4"), ("attribute", "<u2")]))
    records["normal"] = normals / np.where(lengths == 0, 1, lengths)
    records["corners"] = corners.reshape(-1, 9)
    # Not "solid", by which readers know the form in text.
    return b"binary STL".ljust(80, b"\0") + len(corners).to_bytes(4, "little") + records.tobytes()


def encode_ply(document: Document) -> bytes:
    """Binary PLY: vertices with normals, texture coordinates (v upwards) and colors in 8 bits, and faces."""
    arrays = _arrays(document)
    fields = [(name, "<f4", "float") for name in ("x", "y", "z", "nx", "ny", "nz")]
    columns = [*np.asarray(arrays.positions).T, *np.asarray(arrays.normals).T]
    if arrays.uv is not None:
        fields += [(name, "<f4", "float") for name in ("s", "t")]
        columns += [np.asarray(arrays.uv)[:, 0], 1 - np.asarray(arrays.uv)[:, 1]]
    if arrays.colors is not None:
        fields += [(name, "u1", "uchar") for name in ("red", "green", "blue", "alpha")]
        columns += list(_codes(np.asarray(arrays.colors)).T)
    vertices = np.zeros(len(columns[0]), np.dtype([(name, kind) for name, kind, _ in fields]))
    for (name, _, _), column in zip(fields, columns, strict=True):
        vertices[name] = column
    faces = np.zeros(len(arrays.faces), np.dtype([("count", "u1"), ("corners", "<3i4")]))
    faces["count"], faces["corners"] = 3, arrays.faces
    head = [
        "ply",
        "format binary_little_endian 1.0",
        f"element vertex {len(vertices)}",
        *(f"property {word} {name}" for name, _, word in fields),
        f"element face {len(faces)}",
        "property list uchar int vertex_indices",
        "end_header\n",
    ]
    return "\n".join(head).encode() + vertices.tobytes() + faces.tobytes()


def _arrays(document: Document) -> MeshArrays:
    arrays = arrays_of(document, 0.0, None, "numpy", None)
    if not len(arrays.faces):
        raise _no_triangles(document)
    return arrays


def _no_triangles(document: Document) -> InputValueError:
    return InputValueError("mesh", "triangles in its scene", f"none in {document.source}", "write it as GLB")


def _codes(colors: Array) -> Array:
    """Vertex colors as sRGB in 8 bits; alpha as it is."""
    shown = np.concatenate([_encoded(colors[:, :3]), colors[:, 3:].clip(0, 1)], axis=1)
    codes: Array = np.rint(shown * 255).astype(np.uint8)
    return codes


def _encoded(linear: Array) -> Array:
    """Linear light (N, 3) as sRGB."""
    found: Array = linear_rgb_to_rgb(np.asarray(linear, np.float64).clip(0, 1)[None])[0]
    return found


# ---------------------------------------------------------------- OBJ


def encode_obj(document: Document) -> bytes:
    """OBJ alone, with the names of its materials and without the library that says what these are."""
    return _obj(document, None)


def obj_files(document: Document, stem: str) -> ObjFiles:
    """OBJ with its materials and textures, named after `stem`."""
    if not document.entries("materials"):
        return ObjFiles(_obj(document, None), {})
    textures: dict[int, str] = {}
    library = "\n".join(_mtl(document, stem, textures)).encode()
    beside = {name: document.image_bytes(index) for index, name in textures.items()}
    return ObjFiles(_obj(document, f"{stem}.mtl"), {**beside, f"{stem}.mtl": library})


def _obj(document: Document, library: str | None) -> bytes:
    lines = [] if library is None else [f"mtllib {library}"]
    names = _material_names(document)
    start = [1, 1, 1]
    for placed, shape in shown_shapes(document, 0.0, None):
        lines += _obj_lines(document, pose(document, shape, placed), placed, names, start)
    if start[0] == 1:
        raise _no_triangles(document)
    return ("\n".join(lines) + "\n").encode()


def _obj_lines(document: Document, shape: Shape, placed: Placed, names: list[str], start: list[int]) -> Iterator[str]:
    node = document.entries("nodes")[placed.node]
    yield f"o {_word(node.get('name') or document.entries('meshes')[placed.mesh].get('name') or f'node {placed.node}')}"
    positions = shape.positions.astype(np.float64)
    if shape.colors is not None:
        positions = np.concatenate([positions, _encoded(shape.colors[:, :3])], axis=1)
    yield from _rows("v", positions)
    if shape.uvs:
        uv = shape.uvs[0].astype(np.float64)
        yield from _rows("vt", np.stack([uv[:, 0], 1 - uv[:, 1]], axis=1))
    if shape.normals is not None:
        yield from _rows("vn", shape.normals.astype(np.float64))
    if "material" in placed.primitive:
        yield f"usemtl {names[placed.primitive['material']]}"
    at = [start[0], start[1] if shape.uvs else None, start[2] if shape.normals is not None else None]
    for face in shape.faces.tolist():
        yield "f " + " ".join(_corner(each, at) for each in face)
    start[0] += len(positions)
    start[1] += len(positions) if shape.uvs else 0
    start[2] += len(positions) if shape.normals is not None else 0


def _corner(index: int, at: list[int | None]) -> str:
    point, uv, normal = ("" if first is None else str(first + index) for first in at)
    return f"{point}/{uv}/{normal}".rstrip("/")


def _rows(word: str, table: Array) -> Iterable[str]:
    return (f"{word} " + " ".join(f"{each:.9g}" for each in row) for row in table.tolist())


def _word(name: str) -> str:
    """A name as OBJ can hold it: on one line, without what begins a comment."""
    return " ".join(name.replace("#", "_").split()) or "unnamed"


def _material_names(document: Document) -> list[str]:
    """A name for each material, all different."""
    found: list[str] = []
    for index, entry in enumerate(document.entries("materials")):
        name = _word(entry.get("name") or f"material {index}")
        unique, number = name, 2
        while unique in found:
            unique, number = f"{name} {number}", number + 1
        found.append(unique)
    return found


def _mtl(document: Document, stem: str, textures: dict[int, str]) -> Iterator[str]:
    for name, entry in zip(_material_names(document), document.entries("materials"), strict=True):
        metal = entry.get("pbrMetallicRoughness", {})
        *color, alpha = metal.get("baseColorFactor", (1.0, 1.0, 1.0, 1.0))
        mode = entry.get("alphaMode", "OPAQUE")
        rough = metal.get("roughnessFactor", 1.0)
        strength = entry.get("extensions", {}).get("KHR_materials_emissive_strength", {}).get("emissiveStrength", 1.0)
        light = np.array(entry.get("emissiveFactor", (0.0, 0.0, 0.0))) * strength
        glow = np.where(light > 1, light, _encoded(light[None])[0])
        yield f"newmtl {name}"
        yield "Kd " + _numbers(_encoded(np.array([color]))[0])
        yield f"d {alpha if mode == 'BLEND' else 1.0:.9g}"
        yield f"Ns {min(2 / max(rough, 0.01) ** 4 - 2, 1e6):.9g}"
        yield f"Pr {rough:.9g}"
        yield f"Pm {metal.get('metallicFactor', 1.0):.9g}"
        if glow.any():
            yield "Ke " + _numbers(glow)
        for role, slot in texture_slots(entry):
            if role in _MAPS and (file := _texture_file(document, slot, stem, textures)) is not None:
                scale = f"-bm {slot['scale']:.9g} " if role == "normal" and "scale" in slot else ""
                yield f"{_MAPS[role]} {scale}{file}"
                if role == "base_color" and mode == "BLEND":
                    yield f"map_d {file}"
        yield ""


_MAPS = {"base_color": "map_Kd", "normal": "norm", "emissive": "map_Ke"}


def _numbers(values: Array) -> str:
    return " ".join(f"{each:.9g}" for each in values.tolist())


def _texture_file(document: Document, slot: Json, stem: str, textures: dict[int, str]) -> str | None:
    image = image_of(document.entries("textures")[slot["index"]])
    if image is None:
        return None
    if image not in textures:
        kind = _raster.identify(document.image_bytes(image)) or "bin"
        textures[image] = f"{stem}-{len(textures)}.{'jpg' if kind == 'jpeg' else kind}"
    return textures[image]
