"""What a mesh holds, counted and named, and what a format cannot hold of it."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from .._check import one_of
from ..errors import FileFormatError
from .accessors import Array
from .animation import names_of_animations
from .document import Document
from .flatten import is_readable, place_scene, pose, read_shape
from .losses import losses_of
from .materials import materials_of
from .textures import Texture, textures_of
from .tree import walk_scene

if TYPE_CHECKING:
    from ..limits import Limits

__all__ = ["AnimationInfo", "MeshInfo", "TextureInfo", "describe_mesh"]

# What is read and drawn as it is meant; Draco needs its package, which the reader says.
UNDERSTOOD = frozenset(
    "KHR_draco_mesh_compression KHR_lights_punctual KHR_materials_emissive_strength KHR_materials_unlit "
    "KHR_mesh_quantization KHR_texture_transform EXT_texture_webp EXT_texture_avif".split()
)

Point = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class TextureInfo:
    """A texture of a mesh.

    Attributes:
        name: as `Mesh.textures` calls it.
        format: "png", "jpeg", "webp" and so on; None where it is no picture that aikit reads.
        width: in pixels, or None.
        height: in pixels, or None.
        bytes: size of the stored file.
        roles: what materials use it for.
    """

    name: str
    format: str | None
    width: int | None
    height: int | None
    bytes: int
    roles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AnimationInfo:
    """An animation of a mesh.

    Attributes:
        name: as the file calls it, or "animation 0".
        seconds: when its last key is.
        channels: how many values it moves.
    """

    name: str
    seconds: float
    channels: int


@dataclass(frozen=True, slots=True)
class MeshInfo:
    """What a mesh holds.

    Attributes:
        format: "glb", "gltf" or "obj", as it was opened; "new" of one that was made here.
        bytes: of all its data, without the JSON.
        scenes: how many; one is shown.
        nodes: of all scenes.
        meshes: each counted once, however often it is shown.
        triangles: as shown in its scene: a mesh that two nodes show counts twice.
        vertices: of these triangles.
        lines: primitives of lines in the scene, which are not drawn.
        points: primitives of points in the scene, which are not drawn.
        bounds: the least and the greatest x, y and z of what is shown, at time 0; None where nothing is.
        materials: their names.
        textures: one an image.
        animations: one each.
        skins: skeletons.
        morph_targets: of all primitives.
        cameras: how many.
        lights: how many.
        extensions: that it uses.
        required: extensions without which it cannot be shown.
        not_understood: extensions that aikit keeps and does not look at: pictures may look otherwise.
        left_out: what an OBJ says that did not become part of the mesh.
    """

    format: str
    bytes: int
    scenes: int
    nodes: int
    meshes: int
    triangles: int
    vertices: int
    lines: int
    points: int
    bounds: tuple[Point, Point] | None
    materials: tuple[str, ...]
    textures: tuple[TextureInfo, ...]
    animations: tuple[AnimationInfo, ...]
    skins: int
    morph_targets: int
    cameras: int
    lights: int
    extensions: tuple[str, ...]
    required: tuple[str, ...]
    not_understood: tuple[str, ...]
    left_out: tuple[str, ...]
    _lost: dict[str, tuple[str, ...]] = field(repr=False)

    def lost_in(self, format: str) -> tuple[str, ...]:
        """What a format cannot hold of this mesh, in words; empty where it holds all.

        Args:
            format: "glb", "gltf", "obj", "stl" or "ply".

        Raises:
            InputValueError: another format.

        Example:
            >>> from aikit import new_mesh
            >>> mesh = new_mesh([(0, 0, 0), (1, 0, 0), (0, 1, 0)], [(0, 1, 2)], colors=[(1.0, 0.0, 0.0)] * 3)
            >>> mesh.info().lost_in("stl")
            ('vertex colors', 'materials')
        """
        one_of("format", format, self._lost)
        return self._lost[format]


def describe_mesh(document: Document, limits: Limits | None) -> MeshInfo:
    """Count and name what a document holds; positions are read for the bounds, textures as far as their heads."""
    gltf = document.gltf
    shown = _count_shown(document)
    used = tuple(gltf.get("extensionsUsed", ()))
    lights = gltf.get("extensions", {}).get("KHR_lights_punctual", {}).get("lights", ())
    primitives = [each for mesh in document.entries("meshes") for each in mesh["primitives"]]
    return MeshInfo(
        format=document.format,
        bytes=document.size(),
        scenes=len(document.entries("scenes")),
        nodes=len(document.entries("nodes")),
        meshes=len(document.entries("meshes")),
        **shown,
        bounds=_bounds(document),
        materials=tuple(materials_of(document, limits)),
        textures=tuple(_texture_info(each) for each in textures_of(document, limits).values()),
        animations=_animations(document),
        skins=len(document.entries("skins")),
        morph_targets=sum(len(each.get("targets", ())) for each in primitives),
        cameras=len(document.entries("cameras")),
        lights=len(lights),
        extensions=used,
        required=tuple(gltf.get("extensionsRequired", ())),
        not_understood=tuple(name for name in used if name not in UNDERSTOOD),
        left_out=document.left_out,
        _lost=losses_of(document),
    )


def _count_shown(document: Document) -> dict[str, int]:
    accessors, nodes, meshes = document.entries("accessors"), document.entries("nodes"), document.entries("meshes")
    found = dict.fromkeys(("triangles", "vertices", "lines", "points"), 0)
    for index in walk_scene(document):
        for primitive in meshes[nodes[index]["mesh"]]["primitives"] if "mesh" in nodes[index] else ():
            mode, attributes = primitive.get("mode", 4), primitive["attributes"]
            if "POSITION" not in attributes:
                continue
            vertices = accessors[attributes["POSITION"]]["count"]
            corners = accessors[primitive["indices"]]["count"] if "indices" in primitive else vertices
            if mode >= 4:
                found["triangles"] += corners // 3 if mode == 4 else max(0, corners - 2)
                found["vertices"] += vertices
            else:
                found["lines" if mode else "points"] += 1
    return found


def _bounds(document: Document) -> tuple[Point, Point] | None:
    """The box around all triangles, of the corners that the file says where its numbers cannot be read here."""
    low, high = [], []
    for placed in place_scene(document, 0.0, None):
        if is_readable(document, placed.primitive):
            shape = read_shape(document, placed.primitive)
            if shape is None:
                continue
            points = pose(document, shape, placed).positions
        else:
            accessor = document.entries("accessors")[placed.primitive["attributes"].get("POSITION", 0)]
            if "min" not in accessor or "max" not in accessor:
                continue
            corners = np.array(list(itertools.product(*zip(accessor["min"], accessor["max"], strict=True))))
            points = corners @ placed.matrix[:3, :3].T + placed.matrix[:3, 3]
        low.append(points.min(axis=0))
        high.append(points.max(axis=0))
    if not low:
        return None
    least, most = np.min(low, axis=0), np.max(high, axis=0)
    return _point(least), _point(most)


def _point(values: Array) -> Point:
    x, y, z = (float(each) for each in values)
    return x, y, z


def _texture_info(texture: Texture) -> TextureInfo:
    size = len(texture.data)
    try:
        head = texture.header()
    except FileFormatError:  # KTX2 and others that are no pictures of ours; they stay in the file
        return TextureInfo(texture.name, None, None, None, size, texture.roles)
    return TextureInfo(texture.name, head.format, head.width, head.height, size, texture.roles)


def _animations(document: Document) -> tuple[AnimationInfo, ...]:
    found = []
    for name, entry in zip(names_of_animations(document), document.entries("animations"), strict=True):
        ends = [document.entries("accessors")[each["input"]].get("max", [0.0])[0] for each in entry["samplers"]]
        found.append(AnimationInfo(name, float(max(ends, default=0.0)), len(entry["channels"])))
    return tuple(found)
