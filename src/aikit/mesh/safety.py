"""What a glTF document is held against before anything is made of it: its tree, its counts, and where its data lie."""

from __future__ import annotations

from ..errors import FileFormatError, LimitError
from ..limits import Limits
from .accessors import COMPONENTS, check_place, size_of
from .document import Document
from .schema import Json, check_shape

__all__ = ["check_document"]

# What accessors without data may be made of zeros, for files that are trusted too: nothing in the file pays for them.
_ZEROS = Limits().max_elements


def check_document(document: Document, limits: Limits | None) -> None:
    """Refuse a document that contradicts itself, or is more than the limits allow. No data are looked at.

    Raises:
        FileFormatError: not what glTF 2.0 says, with the place in the JSON.
        LimitError: more nodes, elements or depth than allowed.
    """
    name, gltf = document.source, document.gltf
    if limits is not None:
        limits.check(name, "nodes", "max_nodes", len(gltf["nodes"]) if isinstance(gltf.get("nodes"), list) else 0)
    check_shape(gltf, name)
    _check_buffers(document)
    _check_accessors(document, limits)
    _check_tree(document, limits)
    _check_primitives(document)
    _check_animations(document)


def _corrupt(document: Document, expected: str, got: str) -> FileFormatError:
    return FileFormatError(document.source, expected, got, "export the file again")


def _check_buffers(document: Document) -> None:
    for index, (entry, data) in enumerate(zip(document.entries("buffers"), document.buffers, strict=True)):
        made = document.has_own_buffer and index == 0
        if data is not None and entry["byteLength"] > len(data) and not made:
            raise _corrupt(document, f"{entry['byteLength']} bytes in buffer {index}", str(len(data)))
    buffers = document.entries("buffers")
    for index, view in enumerate(document.entries("bufferViews")):
        if document.is_fresh(index):  # its place is found when it is written
            continue
        end = view.get("byteOffset", 0) + view["byteLength"]
        if end > buffers[view["buffer"]]["byteLength"]:
            raise _corrupt(document, f"bufferViews[{index}] within its buffer", f"one that ends at byte {end}")
    for index, image in enumerate(document.entries("images")):
        if ("uri" in image) == ("bufferView" in image):
            raise _corrupt(document, f"a uri or a bufferView in images[{index}]", "both or none")


def _check_accessors(document: Document, limits: Limits | None) -> None:
    total = zeros = 0
    for index, accessor in enumerate(document.entries("accessors")):
        total += accessor["count"]
        if "bufferView" in accessor:
            check_place(document, accessor, accessor, accessor["count"], f"accessors[{index}]", strided=True)
        else:
            zeros += accessor["count"]
        sparse = accessor.get("sparse")
        if sparse is not None:
            if sparse["count"] > accessor["count"]:
                raise _corrupt(document, f"at most {accessor['count']} sparse values", str(sparse["count"]))
            indices = {**sparse["indices"], "type": "SCALAR"}
            check_place(document, indices, indices, sparse["count"], f"accessors[{index}].sparse.indices")
            check_place(document, sparse["values"], accessor, sparse["count"], f"accessors[{index}].sparse.values")
        for key in ("min", "max"):
            if key in accessor and len(accessor[key]) != size_of(accessor):
                raise _corrupt(document, f"{size_of(accessor)} values in accessors[{index}].{key}", str(accessor[key]))
        if accessor.get("normalized") and accessor["componentType"] in (5125, 5126):
            raise _corrupt(document, "integers of 8 or 16 bits that are normalized", f"accessors[{index}]")
    if limits is not None:
        limits.check(document.source, "elements in its accessors", "max_elements", total)
    if zeros > _ZEROS:
        raise LimitError(
            document.source,
            f"at most {_ZEROS} elements without data",
            str(zeros),
            "leave the file out",
            limit="max_elements",
            allowed=_ZEROS,
            found=zeros,
        )


def _check_tree(document: Document, limits: Limits | None) -> None:
    """Every node has one parent at most, and none is its own ancestor."""
    nodes = document.entries("nodes")
    parents: list[int | None] = [None] * len(nodes)
    for index, node in enumerate(nodes):
        for child in node.get("children", ()):
            if parents[child] is not None or child == index:
                raise _corrupt(document, "a tree of nodes", f"nodes[{child}], which lies in two others or in itself")
            parents[child] = index
        if "matrix" in node and node.keys() & {"translation", "rotation", "scale"}:
            raise _corrupt(document, "a matrix or its parts", f"both in nodes[{index}]")
    seen, depth = 0, 0
    level = [index for index, parent in enumerate(parents) if parent is None]
    while level:
        depth, seen = depth + 1, seen + len(level)
        if limits is not None:
            limits.check(document.source, "nodes one in the other", "max_depth", depth)
        level = [child for index in level for child in nodes[index].get("children", ())]
    if seen < len(nodes):
        raise _corrupt(document, "a tree of nodes", f"{len(nodes) - seen} nodes that lie in a circle")
    for number, scene in enumerate(document.entries("scenes")):
        for index in scene.get("nodes", ()):
            if parents[index] is not None:
                raise _corrupt(document, f"nodes in scenes[{number}] that lie in no other", f"nodes[{index}]")


def _check_primitives(document: Document) -> None:
    accessors = document.entries("accessors")
    for number, mesh in enumerate(document.entries("meshes")):
        for place, primitive in enumerate(mesh["primitives"]):
            where = f"meshes[{number}].primitives[{place}]"
            attributes = primitive["attributes"]
            counts = {accessors[index]["count"] for index in attributes.values()}
            targets = primitive.get("targets", ())
            counts |= {accessors[index]["count"] for target in targets for index in target.values()}
            if len(counts) > 1:
                raise _corrupt(document, f"as many values in all attributes of {where}", f"{sorted(counts)[:4]}")
            for attribute, index in attributes.items():
                _check_attribute(document, accessors[index], attribute, where)
            for target in targets:
                for attribute, index in target.items():
                    _check_attribute(document, accessors[index], attribute, where, vector=True)
            if "indices" in primitive:
                indices = accessors[primitive["indices"]]
                if indices["type"] != "SCALAR" or indices["componentType"] not in (5121, 5123, 5125):
                    raise _corrupt(document, f"unsigned integers as indices of {where}", str(_told(indices)))


_TYPES = {
    "POSITION": ("VEC3",),
    "NORMAL": ("VEC3",),
    "TANGENT": ("VEC4",),
    "TEXCOORD": ("VEC2",),
    "COLOR": ("VEC3", "VEC4"),
    "JOINTS": ("VEC4",),
    "WEIGHTS": ("VEC4",),
}


def _check_attribute(document: Document, accessor: Json, attribute: str, where: str, *, vector: bool = False) -> None:
    kind = attribute.partition("_")[0]
    allowed = ("VEC3",) if vector and kind == "TANGENT" else _TYPES.get(kind)
    if allowed is not None and accessor["type"] not in allowed:
        raise _corrupt(document, f"{' or '.join(allowed)} as {attribute} of {where}", str(_told(accessor)))
    if kind == "JOINTS" and accessor["componentType"] not in (5121, 5123):
        raise _corrupt(document, f"unsigned integers as {attribute} of {where}", str(_told(accessor)))


def _told(accessor: Json) -> str:
    return f"{accessor['type']} of {COMPONENTS[accessor['componentType']].__name__}"


_OUTPUTS = {"translation": "VEC3", "scale": "VEC3", "rotation": "VEC4", "weights": "SCALAR"}


def _check_animations(document: Document) -> None:
    accessors = document.entries("accessors")
    for number, animation in enumerate(document.entries("animations")):
        where = f"animations[{number}]"
        for channel in animation["channels"]:
            if channel["sampler"] >= len(animation["samplers"]):
                raise _corrupt(document, f"one of the samplers of {where}", str(channel["sampler"]))
            output = accessors[animation["samplers"][channel["sampler"]]["output"]]
            wanted = _OUTPUTS.get(channel["target"]["path"])
            if wanted is not None and output["type"] != wanted:
                raise _corrupt(document, f"{wanted} for the {channel['target']['path']} of {where}", output["type"])
        for sampler in animation["samplers"]:
            times = accessors[sampler["input"]]
            if times["type"] != "SCALAR" or times["componentType"] != 5126:
                raise _corrupt(document, f"times of {where} in floats", _told(times))
            per_key = 3 if sampler.get("interpolation") == "CUBICSPLINE" else 1
            if accessors[sampler["output"]]["count"] % (per_key * times["count"]):
                raise _corrupt(
                    document,
                    f"values for {times['count']} times in {where}",
                    f"{accessors[sampler['output']]['count']} values",
                )
    joints = {}
    for number, skin in enumerate(document.entries("skins")):
        joints[number] = len(skin["joints"])
        if "inverseBindMatrices" in skin:
            matrices = accessors[skin["inverseBindMatrices"]]
            if matrices["type"] != "MAT4" or matrices["componentType"] != 5126 or matrices["count"] < joints[number]:
                raise _corrupt(document, f"{joints[number]} matrices of floats in skins[{number}]", _told(matrices))
