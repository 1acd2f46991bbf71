"""Documents put together: another one added with all that it has, or all that is shown made one mesh."""

from __future__ import annotations

import copy
import json
from typing import Any

import numpy as np

from ..errors import InputValueError, quoted
from .accessors import ARRAY_BUFFER, Array, add_accessor
from .animation import find_animation
from .container import dump_json
from .creation import add_primitive, empty_document
from .document import Document
from .flatten import Shape, pose
from .geometry import shown_shapes
from .schema import COLLECTIONS, Json, references
from .tree import roots_of_scene

__all__ = ["add_document", "merged", "set_vertex_colors"]

# Extensions that point to nothing, or only to what the table of glTF knows.
_KNOWN = frozenset(
    "EXT_mesh_gpu_instancing EXT_meshopt_compression EXT_texture_avif EXT_texture_webp KHR_draco_mesh_compression "
    "KHR_lights_punctual KHR_materials_anisotropy KHR_materials_clearcoat KHR_materials_diffuse_transmission "
    "KHR_materials_dispersion KHR_materials_emissive_strength KHR_materials_ior KHR_materials_iridescence "
    "KHR_materials_pbrSpecularGlossiness KHR_materials_sheen KHR_materials_specular KHR_materials_transmission "
    "KHR_materials_unlit KHR_materials_variants KHR_materials_volume KHR_mesh_quantization KHR_meshopt_compression "
    "KHR_texture_basisu KHR_texture_transform MSFT_texture_dds".split()
)


def add_document(document: Document, other: Document) -> list[int]:
    """Add all of another document, and show what its scene shows; returns the numbers of these nodes here."""
    unknown = [name for name in other.gltf.get("extensionsUsed", ()) if name not in _KNOWN]
    if unknown:
        raise InputValueError(
            "other",
            "a mesh whose extensions are known",
            ", ".join(map(quoted, unknown)),
            "what it points to would change: write it without them first, or add other.merge()",
        )
    gltf, buffers, images = other.assembled()
    # By its text: parts that several places share would be counted on twice.
    added: Json = json.loads(dump_json(gltf))
    starts = {name: len(_collection(document.gltf, path)) for name, path in COLLECTIONS.items()}
    roots = [index + starts["nodes"] for index in roots_of_scene(other)]
    for holder, key, collection in references(added):
        holder[key] += starts[collection]
    _ensure_scene(document)
    # What its scene shows goes into ours; its other scenes stay scenes of their own.
    if added.get("scenes"):
        del added["scenes"][other.gltf.get("scene", 0)]
    for path in COLLECTIONS.values():
        if entries := _collection(added, path):
            _collection(document.gltf, path, make=True).extend(entries)
    document.buffers.extend(None if data is None else bytes(data) for data in buffers)
    document.image_files.update({index + starts["images"]: data for index, data in images.items()})
    for name in added.get("extensionsUsed", ()):
        document.use_extension(name, required=name in added.get("extensionsRequired", ()))
    target = document.gltf["scenes"][document.gltf.get("scene", 0)]
    target["nodes"] = [*target.get("nodes", ()), *roots]
    return roots


def _collection(gltf: Json, path: tuple[str, ...], *, make: bool = False) -> list[Any]:
    holder = gltf
    for key in path[:-1]:
        holder = holder.setdefault(key, {}) if make else holder.get(key, {})
    found: list[Any] = holder.setdefault(path[-1], []) if make else holder.get(path[-1], [])
    return found


def _ensure_scene(document: Document) -> None:
    """Name what is shown: a file without scenes shows all its nodes, and those of another would be among them."""
    if not document.entries("scenes"):
        document.gltf["scenes"] = [{"nodes": roots_of_scene(document)}]
    document.gltf.setdefault("scene", 0)


# ---------------------------------------------------------------- one mesh


def merged(document: Document, time: float, animation: object, name: str) -> Document:
    """A new document that shows the same in one mesh, with one primitive for each material."""
    groups: dict[int | None, list[Shape]] = {}
    for placed, shape in shown_shapes(document, time, find_animation(document, animation)):
        groups.setdefault(placed.primitive.get("material"), []).append(pose(document, shape, placed))
    if not groups:
        raise InputValueError("mesh", "triangles in its scene", f"none in {document.source}", "add some first")
    other = empty_document(document.source)
    _copy_looks(document, other)
    primitives = [add_primitive(other, *_joined(shapes), material) for material, shapes in groups.items()]
    mesh = other.append("meshes", {"name": name, "primitives": primitives})
    other.gltf["scenes"][0]["nodes"] = [other.append("nodes", {"name": name, "mesh": mesh})]
    other.limits = document.limits
    return other


def _joined(shapes: list[Shape]) -> tuple[Array, dict[str, Array]]:
    """Faces and attributes of shapes one behind the other; what only some have is filled in where it can be."""
    starts = np.cumsum([0, *(len(shape.positions) for shape in shapes)])
    faces = np.concatenate([shape.faces + start for shape, start in zip(shapes, starts, strict=False)])
    attributes = {"POSITION": np.concatenate([shape.positions for shape in shapes])}
    for key, field in (("NORMAL", "normals"), ("TANGENT", "tangents")):
        parts = [getattr(shape, field) for shape in shapes]
        if all(part is not None for part in parts):
            attributes[key] = np.concatenate(parts)
    for number in range(max(len(shape.uvs) for shape in shapes)):
        attributes[f"TEXCOORD_{number}"] = np.concatenate(
            [
                shape.uvs[number] if number < len(shape.uvs) else np.zeros((len(shape.positions), 2), np.float32)
                for shape in shapes
            ]
        )
    if any(shape.colors is not None for shape in shapes):
        attributes["COLOR_0"] = np.concatenate([_colors(shape) for shape in shapes])
    return faces, attributes


def _colors(shape: Shape) -> Array:
    colors = np.ones((len(shape.positions), 4), np.float32)
    if shape.colors is not None:
        colors[:, : shape.colors.shape[1]] = shape.colors
    return colors


def _copy_looks(document: Document, other: Document) -> None:
    """Copy materials, textures, samplers and images, all by the numbers they have."""
    for collection in ("materials", "textures", "samplers"):
        if document.entries(collection):
            other.gltf[collection] = copy.deepcopy(document.entries(collection))
    for index, image in enumerate(document.entries("images")):
        data = document.image_bytes(index)
        kept = {key: value for key, value in image.items() if key not in ("uri", "bufferView")}
        kept.setdefault("mimeType", "image/png" if data[:4] == b"\x89PNG" else "image/jpeg")
        other.append("images", {**kept, "bufferView": other.add_view(data)})
    used = {name for each in _dicts(other.gltf) for name in each.get("extensions", ())}
    for name in document.gltf.get("extensionsUsed", ()):
        if name in used:
            other.use_extension(name, required=name in document.gltf.get("extensionsRequired", ()))


def _dicts(value: Any) -> list[Json]:
    found, waiting = [], [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            found.append(each)
            waiting.extend(each.values())
        elif isinstance(each, list):
            waiting.extend(each)
    return found


def set_vertex_colors(document: Document, colors: Array) -> None:
    """Give the vertices that the scene shows colors (V, 3) or (V, 4), in the order of `arrays_of`."""
    shown = list(shown_shapes(document, 0.0, None))
    count = sum(len(shape.positions) for _, shape in shown)
    if len(colors) != count:
        raise InputValueError(
            "colors", f"{count} rows, one a vertex", str(len(colors)), "pass one for each of arrays()"
        )
    if len({id(placed.primitive) for placed, _ in shown}) < len(shown):
        raise InputValueError("mesh", "primitives that one node shows", "some that two show", "color mesh.merge()")
    at = 0
    for placed, shape in shown:
        part = colors[at : at + len(shape.positions)]
        placed.primitive["attributes"]["COLOR_0"] = add_accessor(document, part, target=ARRAY_BUFFER)
        at += len(shape.positions)
