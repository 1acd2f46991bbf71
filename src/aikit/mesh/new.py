"""Meshes made here: of arrays, and of trimesh's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .._foreign_names import explain_calls
from ..errors import InputValueError
from ..types import AnyImage
from .accessors import Array
from .creation import add_primitive, as_numbers, check_colors, check_faces, empty_document
from .document import Document
from .interop import arrays_of_trimesh
from .mesh import Mesh
from .schema import Json
from .textures import encode_texture, use_image

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .scene import Values

__all__ = ["from_trimesh", "new_mesh"]


@explain_calls
def new_mesh(
    vertices: Values | Sequence[Sequence[float]],
    faces: Values | Sequence[Sequence[int]],
    *,
    uv: Values | Sequence[Sequence[float]] | None = None,
    normals: Values | Sequence[Sequence[float]] | None = None,
    colors: Values | Sequence[Sequence[float]] | None = None,
    texture: AnyImage | None = None,
    name: str = "mesh",
) -> Mesh:
    """Make a mesh of triangles.

    Args:
        vertices: (V, 3) floats, in meters: x to the right, y up, z to the viewer.
        faces: (F, 3) integers, counter-clockwise seen from the front.
        uv: (V, 2) places in the texture, from its upper left corner, v downwards, as glTF has it. OBJ and many
            libraries count v upwards: pass 1 - v.
        normals: (V, 3); None leaves them to be worked out by who draws it.
        colors: (V, 3) or (V, 4) floats in [0, 1], linear light.
        texture: an image of any kind, the base color. It needs `uv`.
        name: of the mesh.

    Returns:
        The mesh, with one material that is no metal.

    Raises:
        InputTypeError: something that is no numbers, or no image.
        InputValueError: another shape, numbers that are not finite, faces of vertices that are not there, normals
            without a length, or a texture without `uv`.

    Example:
        >>> square = new_mesh([(0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0)], [(0, 1, 2), (0, 2, 3)])
        >>> square.info().triangles
        2
    """
    points = as_numbers("vertices", vertices, 3)
    attributes = {"POSITION": points}
    given = (("NORMAL", "normals", normals, 3), ("TEXCOORD_0", "uv", uv, 2), ("COLOR_0", "colors", colors, (3, 4)))
    for attribute, subject, values, width in given:
        if values is not None:
            attributes[attribute] = as_numbers(subject, values, width)
            if len(attributes[attribute]) != len(points):
                got = str(len(attributes[attribute]))
                raise InputValueError(subject, f"{len(points)} rows, one a vertex", got, "pass as many")
    if normals is not None:
        attributes["NORMAL"] = _unit_normals(attributes["NORMAL"])
    if colors is not None:
        check_colors(colors)
    if texture is not None and uv is None:
        raise InputValueError("texture", "uv beside it", "none", "pass uv=, where each vertex lies in the texture")
    document = empty_document(name)
    material: Json = {"name": name, "pbrMetallicRoughness": {"metallicFactor": 0.0, "roughnessFactor": 1.0}}
    document.append("materials", material)
    if texture is not None:
        _add_texture(document, material, texture)
    primitive = add_primitive(document, check_faces(faces, len(points)), attributes, 0)
    document.append("meshes", {"name": name, "primitives": [primitive]})
    document.gltf["scenes"][0]["nodes"] = [document.append("nodes", {"name": name, "mesh": 0})]
    return Mesh(document)


def from_trimesh(mesh: Any) -> Mesh:  # which ships no types
    """Make a mesh of a `trimesh.Trimesh`, or of a `trimesh.Scene`, whose geometry becomes one.

    Args:
        mesh: with its normals, and texture coordinates and image, or vertex colors, which count as sRGB.

    Raises:
        InputTypeError: something else.
        MissingDependencyError: without the package trimesh.
    """
    return new_mesh(**arrays_of_trimesh(mesh))


def _unit_normals(normals: Array) -> Array:
    lengths = np.linalg.norm(normals.astype(np.float64), axis=1, keepdims=True)
    if (lengths == 0).any():
        row = int(np.flatnonzero(lengths == 0)[0])
        raise InputValueError("normals", "directions", f"a row without length, number {row}", "leave normals out")
    unit: Array = (normals / lengths).astype(np.float32)
    return unit


def _add_texture(document: Document, material: Json, texture: AnyImage) -> None:
    data, kind = encode_texture(texture, "png")
    view = document.add_view(data)
    image = document.append("images", {"bufferView": view, "mimeType": f"image/{kind}", "name": "texture"})
    entry: Json = {}
    use_image(document, entry, image, kind)
    material["pbrMetallicRoughness"]["baseColorTexture"] = {"index": document.append("textures", entry)}
