"""The numbers of a glTF document: accessors as arrays, and arrays as new accessors.

Source: Khronos Group, "glTF 2.0 Specification", section 3.6.2.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

from ..errors import FileFormatError
from .document import Document
from .schema import Json

__all__ = [
    "ARRAY_BUFFER",
    "COMPONENTS",
    "ELEMENT_BUFFER",
    "Array",
    "add_accessor",
    "check_place",
    "is_compressed",
    "read_accessor",
    "read_stored",
    "size_of",
]

Array: TypeAlias = np.ndarray[Any, Any]

COMPONENTS: dict[int, type[np.generic]] = {
    5120: np.int8,
    5121: np.uint8,
    5122: np.int16,
    5123: np.uint16,
    5125: np.uint32,
    5126: np.float32,
}
_CODES = {kind: code for code, kind in COMPONENTS.items()}
_SIZES = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT2": 4, "MAT3": 9, "MAT4": 16}
_COLUMNS = {"MAT2": 2, "MAT3": 3, "MAT4": 4}
_VECTORS = {1: "SCALAR", 2: "VEC2", 3: "VEC3", 4: "VEC4", 16: "MAT4"}

# What a view is for: vertices, or indices of them.
ARRAY_BUFFER, ELEMENT_BUFFER = 34962, 34963


def size_of(accessor: Json) -> int:
    """How many numbers an element has."""
    return _SIZES[accessor["type"]]


def _bytes_of(accessor: Json) -> int:
    """How many bytes an element takes; columns of matrices begin at multiples of four."""
    width = np.dtype(COMPONENTS[accessor["componentType"]]).itemsize
    columns = _COLUMNS.get(accessor["type"])
    if columns is None:
        return _SIZES[accessor["type"]] * width
    column = columns * width
    return columns * (column + -column % 4)


def check_place(
    document: Document, place: Json, accessor: Json, count: int, where: str, *, strided: bool = False
) -> None:
    """Refuse data that do not lie within their view."""
    view = document.entries("bufferViews")[place["bufferView"]]
    size = _bytes_of(accessor)
    stride = view.get("byteStride", size) if strided else size
    end = place.get("byteOffset", 0) + stride * (count - 1) + size
    if end > view["byteLength"]:
        raise FileFormatError(
            document.source, f"{end} bytes for {where}", f"a view of {view['byteLength']}", "export the file again"
        )


def is_compressed(view: Json) -> bool:
    """Whether a view holds data that only meshopt can read."""
    return any(name in view.get("extensions", {}) for name in ("EXT_meshopt_compression", "KHR_meshopt_compression"))


def read_accessor(document: Document, index: int) -> Array:
    """The elements of an accessor.

    Returns:
        An array (count, numbers of an element) of its own, float32 where it holds floats or normalized integers.

    Raises:
        FileFormatError: NaN or infinity, sparse indices beyond the end, or data in a compression that is not read.
    """
    values = read_stored(document, index)
    return _normalized(values) if document.entries("accessors")[index].get("normalized") else values


def read_stored(document: Document, index: int) -> Array:
    """The elements of an accessor as `read_accessor` gives them, but that normalized integers stay integers."""
    accessor = document.entries("accessors")[index]
    count, kind = accessor["count"], COMPONENTS[accessor["componentType"]]
    if "bufferView" in accessor:
        values = _read_place(document, accessor, accessor, count, _stride(document, accessor))
    else:
        values = np.zeros((count, size_of(accessor)), kind)
    if "sparse" in accessor:
        _place_sparse(document, accessor, values, f"accessors[{index}]")
    if kind is np.float32:
        # Of a sum, which is a tenth of the time and takes no memory; overflow of finite values is told apart below.
        with np.errstate(all="ignore"):
            doubtful = not np.isfinite(values.sum())
        if doubtful and not np.isfinite(values).all():
            raise FileFormatError(
                document.source, f"finite numbers in accessors[{index}]", "NaN or infinity", "export the file again"
            )
    return values


def _stride(document: Document, accessor: Json) -> int | None:
    stride: int | None = document.entries("bufferViews")[accessor["bufferView"]].get("byteStride")
    return stride


def _read_place(document: Document, place: Json, accessor: Json, count: int, stride: int | None) -> Array:
    view = document.entries("bufferViews")[place["bufferView"]]
    if is_compressed(view):
        raise FileFormatError(
            document.source,
            "data that are not compressed",
            "data compressed by meshopt",
            "decompress it first, for instance by gltf-transform copy",
            code="unsupported_format",
        )
    data = document.view(place["bufferView"])
    width = np.dtype(COMPONENTS[accessor["componentType"]]).itemsize
    size, step = _bytes_of(accessor), stride or _bytes_of(accessor)
    start, stop = place.get("byteOffset", 0), place.get("byteOffset", 0) + step * (count - 1) + size
    if stop > len(data):
        raise FileFormatError(document.source, f"{stop} bytes in a view", str(len(data)), "export the file again")
    dtype = np.dtype(COMPONENTS[accessor["componentType"]]).newbyteorder("<")
    columns = _COLUMNS.get(accessor["type"], 1)
    rows = _SIZES[accessor["type"]] // columns
    column = rows * width + (-rows * width % 4 if columns > 1 else 0)
    found = np.ndarray((count, columns, rows), dtype, data, start, (step, column, width))
    return found.reshape(count, -1).astype(dtype.newbyteorder("="))


def _place_sparse(document: Document, accessor: Json, values: Array, where: str) -> None:
    sparse = accessor["sparse"]
    places = {**sparse["indices"], "type": "SCALAR"}
    indices = _read_place(document, places, places, sparse["count"], None)[:, 0].astype(np.int64)
    if indices.max() >= len(values) or (np.diff(indices) <= 0).any():
        raise FileFormatError(
            document.source, f"rising sparse indices below {len(values)} in {where}", "others", "export the file again"
        )
    values[indices] = _read_place(document, sparse["values"], accessor, sparse["count"], None)


def _normalized(values: Array) -> Array:
    """Integers as shares of their range (glTF 2.0, 3.6.2.2)."""
    top = np.iinfo(values.dtype).max
    shares: Array = np.maximum(values.astype(np.float32) / np.float32(top), np.float32(-1.0))
    return shares


def add_accessor(
    document: Document, values: Array, *, target: int | None = None, bounds: bool = False, normalized: bool = False
) -> int:
    """Add an array as a new accessor with a view of its own, and return its number.

    Args:
        document: what it is added to.
        values: (count,) or (count, 1 to 4 or 16), of a dtype that glTF has.
        target: ARRAY_BUFFER for attributes, ELEMENT_BUFFER for indices.
        bounds: say the least and the greatest of every number, as positions and times must.
        normalized: whether integers are shares of their range.
    """
    table = np.ascontiguousarray(values.reshape(len(values), -1))
    accessor: Json = {"componentType": _CODES[table.dtype.type], "count": len(table), "type": _VECTORS[table.shape[1]]}
    if bounds:
        accessor["min"], accessor["max"] = table.min(axis=0).tolist(), table.max(axis=0).tolist()
    if normalized:
        accessor["normalized"] = True
    more: Json = {} if target is None else {"target": target}
    if target == ARRAY_BUFFER:  # whose elements begin at multiples of four
        width = table.itemsize * table.shape[1]
        if pad := -width % 4:
            padded = np.zeros((len(table), table.shape[1] + pad // table.itemsize), table.dtype)
            padded[:, : table.shape[1]] = table
            table = padded
            more["byteStride"] = width + pad
    accessor["bufferView"] = document.add_view(table.astype(table.dtype.newbyteorder("<")).tobytes(), **more)
    return document.append("accessors", accessor)
