"""Documents made of plain arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np

from ..errors import InputTypeError, InputValueError, quoted
from .accessors import ARRAY_BUFFER, ELEMENT_BUFFER, Array, add_accessor
from .document import Document
from .schema import Json

__all__ = ["add_indices", "add_primitive", "as_numbers", "check_colors", "check_faces", "empty_document"]

GENERATOR = "aikit"


def empty_document(source: str, format: str = "new") -> Document:
    """A document of one scene with nothing in it."""
    gltf: Json = {"asset": {"version": "2.0", "generator": GENERATOR}, "scene": 0, "scenes": [{"nodes": []}]}
    return Document(gltf, [], source=source, format=format)


def add_primitive(document: Document, faces: Array, attributes: dict[str, Array], material: int | None) -> Json:
    """The JSON of triangles whose arrays are added to the document.

    Args:
        document: what they are added to.
        faces: (F, 3) integers.
        attributes: arrays by the names of glTF; POSITION among them.
        material: its number, or None.
    """
    primitive: Json = {
        "attributes": {
            name: add_accessor(document, array, target=ARRAY_BUFFER, bounds=name == "POSITION")
            for name, array in attributes.items()
        },
        "indices": add_indices(document, faces, len(attributes["POSITION"])),
    }
    if material is not None:
        primitive["material"] = material
    return primitive


def add_indices(document: Document, faces: Array, count: int) -> int:
    """Faces as an accessor of the smallest integers that are sure to be drawn everywhere."""
    # The greatest value of each type is not allowed as an index (glTF 2.0, 3.7.2.1).
    kind = np.uint16 if count < 65_535 else np.uint32
    return add_accessor(document, faces.astype(kind).reshape(-1), target=ELEMENT_BUFFER)


def as_numbers(subject: str, values: object, width: int | Sequence[int]) -> Array:
    """Numbers of anybody's as float32 (V, width), finite."""
    widths = (width,) if isinstance(width, int) else tuple(width)
    if hasattr(values, "detach"):  # a tensor; torch is loaded then
        values = cast(Any, values).detach().cpu().numpy()
    try:
        array = np.asarray(values, np.float64)
    except (TypeError, ValueError) as error:
        raise InputTypeError(subject, f"numbers (V, {widths[-1]})", quoted(values), "pass an array") from error
    if array.ndim != 2 or array.shape[1] not in widths:
        raise InputValueError(subject, f"shape (V, {widths[-1]})", str(array.shape), "pass one row a vertex")
    if not np.isfinite(array).all() or (np.abs(array) > np.finfo(np.float32).max).any():
        raise InputValueError(subject, "finite numbers", "NaN, infinity or larger than float32 holds", "leave them out")
    return array.astype(np.float32)


def check_colors(colors: object) -> Array:
    """Colors of anybody's as float32 (V, 3) or (V, 4) in [0, 1]."""
    found = as_numbers("colors", colors, (3, 4))
    if not ((found >= 0) & (found <= 1)).all():
        raise InputValueError("colors", "floats in [0, 1]", "others", "divide codes by 255 and make them linear")
    return found


def check_faces(faces: object, count: int) -> Array:
    """Faces of anybody's as (F, 3) int64 that point to vertices there are."""
    if hasattr(faces, "detach"):
        faces = cast(Any, faces).detach().cpu().numpy()
    array = np.asarray(faces)
    if array.dtype.kind not in "iu":
        raise InputTypeError("faces", "whole numbers (F, 3)", f"{array.dtype} {array.shape}", "pass three a triangle")
    if array.ndim != 2 or array.shape[1] != 3 or not len(array):
        raise InputValueError("faces", "shape (F, 3)", str(array.shape), "pass three vertices a triangle")
    if array.min() < 0 or array.max() >= count:
        found = int(array.min() if array.min() < 0 else array.max())
        raise InputValueError("faces", f"numbers from 0 to {count - 1}", str(found), "count vertices from 0")
    return array.astype(np.int64)
