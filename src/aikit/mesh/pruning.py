"""What nothing refers to any more is left out, and data move together.

Source: Khronos Group, "glTF 2.0 Specification", sections 3.6.2 and 5.
"""

from __future__ import annotations

import numpy as np

from .accessors import ARRAY_BUFFER, COMPONENTS, is_compressed, size_of
from .document import Document
from .schema import Json, references, unseen_extensions

__all__ = ["prune", "why_not_pruned"]

# Names are for people: what they can ask for by name stays, also where no scene shows it.
_DROPPED = ("textures", "images", "samplers", "accessors", "bufferViews")


def why_not_pruned(document: Document) -> str | None:
    """Why a document cannot be pruned, in words; None where it can."""
    unseen = unseen_extensions(document.gltf)
    if unseen:
        # The numbers in them could not be changed along.
        return f"nothing was left out, for it may be used by {', '.join(sorted(unseen))}"
    if any(is_compressed(view) for view in document.entries("bufferViews")):
        return "nothing was left out, for some data are compressed by meshopt"
    return None


def prune(document: Document) -> None:
    """Leave out textures, images, samplers and data that nothing uses, and the gaps between data."""
    for collection in _DROPPED:
        _drop_unused(document, collection)
    _close_gaps(document)
    _drop_unused(document, "bufferViews")
    document.lay_out([document.view(index) for index in range(len(document.entries("bufferViews")))])
    if not document.entries("bufferViews"):
        document.gltf.pop("bufferViews", None)


def _drop_unused(document: Document, collection: str) -> None:
    """Leave out entries whose number stands nowhere, and give the others new numbers."""
    places = [(holder, key) for holder, key, to in references(document.gltf) if to == collection]
    used = sorted({holder[key] for holder, key in places})
    numbers = {old: new for new, old in enumerate(used)}
    if len(used) == len(document.entries(collection)):
        return
    if collection == "bufferViews":
        document.keep_views(used)
    elif used:
        document.gltf[collection] = [document.entries(collection)[index] for index in used]
    else:
        document.gltf.pop(collection, None)
    if collection == "images":
        files = document.image_files
        document.image_files = {numbers[index]: data for index, data in files.items() if index in numbers}
    for holder, key in places:
        holder[key] = numbers[holder[key]]


def _close_gaps(document: Document) -> None:
    """Give accessors of a view with unused bytes views of their own."""
    accessors, views = document.entries("accessors"), document.entries("bufferViews")
    users: dict[int, list[Json]] = {}
    for accessor in accessors:
        if "bufferView" in accessor:
            users.setdefault(accessor["bufferView"], []).append(accessor)
    own = {id(accessor) for accessor in accessors}
    found = [(holder, key) for holder, key, to in references(document.gltf) if to == "bufferViews"]
    pinned = {holder[key] for holder, key in found if id(holder) not in own}  # by images and sparse data
    for index in sorted(users.keys() - pinned):
        elements = {_elements(accessor) for accessor in users[index]}
        used = np.zeros(views[index]["byteLength"], bool)
        for start, count, size in elements:
            np.ndarray((count, size), bool, used, start, (views[index].get("byteStride", size), 1))[:] = True
        least = sum(-size % 4 * count for _, count, size in elements) if _holds_vertices(views[index]) else 0
        if len(used) - used.sum() >= least + 4:
            _part(document, index, users[index])


def _elements(accessor: Json) -> tuple[int, int, int]:
    """Where the elements of an accessor begin in their view, how many there are and of how many bytes."""
    size = size_of(accessor) * np.dtype(COMPONENTS[accessor["componentType"]]).itemsize
    return accessor.get("byteOffset", 0), accessor["count"], size


def _holds_vertices(view: Json) -> bool:
    """Whether elements begin at multiples of four."""
    return view.get("target") == ARRAY_BUFFER or "byteStride" in view


def _part(document: Document, index: int, users: list[Json]) -> None:
    """Copy the elements of each accessor of a view to a view of its own; accessors of the same elements share it."""
    if any(accessor["type"].startswith("MAT") for accessor in users):
        return  # whose columns are padded: rare, and small
    view, data = document.entries("bufferViews")[index], document.view(index)
    made: dict[tuple[int, int, int], int] = {}
    for accessor in users:
        elements = start, count, size = _elements(accessor)
        if elements not in made:
            stride = size + (-size % 4 if _holds_vertices(view) else 0)
            table = np.zeros((count, stride), np.uint8)
            table[:, :size] = np.ndarray((count, size), np.uint8, data, start, (view.get("byteStride", size), 1))
            more: Json = {name: view[name] for name in ("target", "name") if name in view}
            if stride != size or "byteStride" in view:
                more["byteStride"] = stride
            made[elements] = document.add_view(table.tobytes(), **more)
        accessor["bufferView"] = made[elements]
        accessor.pop("byteOffset", None)
