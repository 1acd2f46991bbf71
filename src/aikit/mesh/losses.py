"""What the plain formats cannot hold of a document."""

from __future__ import annotations

from collections.abc import Iterator

from .document import Document
from .textures import texture_slots
from .tree import walk_scene

__all__ = ["losses_of"]

# What MTL has a map for that readers know.
_MTL_MAPS = ("base_color", "normal", "emissive")


def losses_of(document: Document) -> dict[str, tuple[str, ...]]:
    """For each format that is written, what it leaves out, in words."""
    moving = list(_moving(document))
    details = list(_materials(document))
    colors = ["vertex colors"] if _has_attribute(document, "COLOR_") else []
    looks = ["materials"] if document.entries("materials") else []
    uv = ["texture coordinates"] if _has_attribute(document, "TEXCOORD") else []
    more_uv = ["further sets of texture coordinates"] if _has_attribute(document, "TEXCOORD_1") else []
    return {
        "glb": (),
        "gltf": (),
        "obj": (*moving, *details, *more_uv, *_alpha_of_vertices(document)),
        "ply": (*moving, *looks, *more_uv),
        "stl": (*moving, *colors, *uv, *looks),
    }


def _moving(document: Document) -> Iterator[str]:
    """What no format but glTF has."""
    gltf = document.gltf
    if len(document.entries("scenes")) > 1:
        yield "scenes that are not shown"
    nodes = document.entries("nodes")
    if len(nodes) > 1 or any(node.keys() & {"matrix", "translation", "rotation", "scale"} for node in nodes):
        yield "the tree of nodes, which becomes triangles in place"
    for name, word in (("animations", "animations"), ("skins", "skins"), ("cameras", "cameras")):
        if document.entries(name):
            yield word
    primitives = [each for mesh in document.entries("meshes") for each in mesh["primitives"]]
    if any(each.get("targets") for each in primitives):
        yield "morph targets"
    if any(each.get("mode", 4) < 4 for each in primitives):
        yield "points and lines"
    if "KHR_lights_punctual" in gltf.get("extensions", {}):
        yield "lights"
    if any(name.startswith("_") for each in primitives for name in each["attributes"]):
        yield "attributes of one's own"
    if any("TANGENT" in each["attributes"] for each in primitives):
        yield "tangents"
    if _has_extras(gltf):
        yield "extras"


def _materials(document: Document) -> Iterator[str]:
    materials = document.entries("materials")
    slots = {role for material in materials for role, _ in texture_slots(material)}
    for role in sorted(slots - set(_MTL_MAPS)):
        yield "textures of extensions" if role == "other" else f"{role.replace('_', '-')} textures"
    if any(material.get("alphaMode") == "MASK" for material in materials):
        yield "alpha cutoffs"
    if any(material.get("doubleSided") for material in materials):
        yield "double-sided materials"
    if document.entries("samplers"):
        yield "texture samplers"
    if any(material.get("extensions") for material in materials):
        yield "extensions of materials"
    moved = [slot for material in materials for _, slot in texture_slots(material) if slot.get("extensions")]
    if moved:
        yield "texture transforms"


def _alpha_of_vertices(document: Document) -> Iterator[str]:
    accessors = document.entries("accessors")
    primitives = [each for mesh in document.entries("meshes") for each in mesh["primitives"]]
    colors = [each["attributes"]["COLOR_0"] for each in primitives if "COLOR_0" in each["attributes"]]
    if any(accessors[index]["type"] == "VEC4" for index in colors):
        yield "alpha of vertex colors"


def _has_attribute(document: Document, start: str) -> bool:
    nodes, meshes = document.entries("nodes"), document.entries("meshes")
    shown = (meshes[nodes[index]["mesh"]] for index in walk_scene(document) if "mesh" in nodes[index])
    return any(name.startswith(start) for mesh in shown for each in mesh["primitives"] for name in each["attributes"])


def _has_extras(value: object) -> bool:
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            if "extras" in each:
                return True
            waiting.extend(each.values())
        elif isinstance(each, list):
            waiting.extend(each)
    return False
