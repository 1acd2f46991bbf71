"""Geometry compressed by Draco, where the package that reads it is installed.

Source: KHR_draco_mesh_compression.
"""

from __future__ import annotations

import importlib.util

import numpy as np

from ..errors import AikitError, FileFormatError, MissingDependencyError, quoted
from ..isolation import guarded
from .accessors import Array
from .document import Document
from .schema import Json

__all__ = ["NAME", "decompress", "is_installed"]

NAME = "KHR_draco_mesh_compression"


def is_installed() -> bool:
    """Whether the package that reads it is there."""
    try:
        return importlib.util.find_spec("DracoPy") is not None
    except ValueError:  # somebody put None in its place
        return False


def decompress(document: Document, primitive: Json) -> tuple[dict[str, Array], Array]:
    """The attributes of a compressed primitive by name, each (V, n), and its faces (F, 3).

    Raises:
        MissingDependencyError: without the package DracoPy.
        FileFormatError: damaged data.
    """
    extension = primitive["extensions"][NAME]
    return guarded(
        _decompress,
        document.view(extension["bufferView"]),
        document.source,
        dict(extension["attributes"]),
        subject=document.source,
        limits=document.limits,
        isolate=document.limits is not None,
        expect=tuple[dict[str, np.ndarray], np.ndarray],
    )


def _decompress(data: bytes, name: str, attributes: dict[str, int]) -> tuple[dict[str, Array], Array]:
    try:
        import DracoPy
    except ImportError as error:
        raise MissingDependencyError(
            name, "the package DracoPy, for geometry compressed by Draco", "none", "run: pip install DracoPy"
        ) from error
    try:
        mesh = DracoPy.decode(data)
        found = {each["unique_id"]: np.asarray(each["data"]) for each in mesh.attributes}
        faces = np.asarray(mesh.faces, np.int64).reshape(-1, 3)
        count = len(mesh.points)
        arrays = {key: found[number].reshape(count, -1) for key, number in attributes.items()}
    except (AikitError, MemoryError):
        raise
    except Exception as error:
        # What its extension raises on damage: its own, ValueError, KeyError, RuntimeError.
        raise FileFormatError(name, "whole data of Draco", quoted(str(error)), "export the file again") from error
    return arrays, faces
