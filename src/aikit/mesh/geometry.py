"""What a document shows at a time: as a scene to draw, and as plain arrays to work with."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ..errors import InputTypeError, InputValueError, quoted
from .accessors import Array
from .animation import sample
from .document import Document
from .flatten import Placed, Shape, place_scene, pose, read_shape
from .scene import Camera, Light, Picture, Primitive, Sampler, Scene, Surface, TextureUse
from .schema import Json
from .textures import ROLES, Texture, image_of, textures_of
from .tree import walk_scene, world_matrices

if TYPE_CHECKING:
    import torch

    from .scene import Values

__all__ = ["MeshArrays", "arrays_of", "scene_of", "shown_shapes"]


@dataclass(frozen=True, slots=True, eq=False)
class MeshArrays:
    """The triangles of a mesh in world space, all primitives one behind the other. NumPy arrays, or tensors.

    Attributes:
        positions: (V, 3) floats, in meters, y up.
        normals: (V, 3) of length 1. Where the file has none, those of the faces around a vertex, each counted by its area.
        uv: (V, 2) of the first set, v downwards; 0 where a primitive has none; None where none has.
        colors: (V, 4) vertex colors, linear light; 1 where a primitive has none; None where none has.
        faces: (F, 3) int64, counter-clockwise from the front.
        materials: (F,) int64, the number of each face's material in the file, -1 for none.
    """

    positions: Values
    normals: Values
    uv: Values | None
    colors: Values | None
    faces: Values
    materials: Values


def shown_shapes(document: Document, time: float, animation: int | None) -> Iterator[tuple[Placed, Shape]]:
    """All that the scene shows as triangles, as stored, with where it stands; each primitive is read once."""
    read: dict[int, Shape | None] = {}
    for placed in place_scene(document, time, animation):
        key = id(placed.primitive)
        if key not in read:
            read[key] = read_shape(document, placed.primitive)
        if (shape := read[key]) is not None:
            yield placed, shape


# ---------------------------------------------------------------- arrays


def arrays_of(
    document: Document,
    time: float,
    animation: int | None,
    kind: Literal["numpy", "tensor"],
    vertices: Any,  # of users: checked here
) -> MeshArrays:
    """The triangles of a document; `Mesh.arrays` says more."""
    shapes = list(shown_shapes(document, time, animation))
    count = sum(len(shape.positions) for _, shape in shapes)
    given = None if vertices is None else _check_vertices(vertices, count)
    posed, at, parts = [], 0, []
    for placed, shape in shapes:
        stop = at + len(shape.positions)
        own = given[at:stop] if given is not None else None
        if own is None and kind == "tensor":
            import torch

            own = torch.from_numpy(shape.positions)
        posed.append(pose(document, shape, placed, own))
        material = placed.primitive.get("material", -1)
        parts.append((posed[-1].faces + at, np.full(len(shape.faces), material, np.int64)))
        at = stop
    join = _joiner(kind)
    faces = np.concatenate([each for each, _ in parts] or [np.zeros((0, 3), np.int64)])
    positions = join([each.positions for each in posed], np.zeros((0, 3), np.float32))
    wrap = _wrapper(positions)
    return MeshArrays(
        positions=positions,
        normals=join([_normals(each) for each in posed], np.zeros((0, 3), np.float32)),
        uv=wrap(_joined_uv([shape for _, shape in shapes])),
        colors=wrap(_joined_colors([shape for _, shape in shapes])),
        faces=wrap(faces),
        materials=wrap(np.concatenate([each for _, each in parts] or [np.zeros(0, np.int64)])),
    )


def _check_vertices(vertices: Any, count: int) -> Any:
    if not hasattr(vertices, "shape") or not hasattr(vertices, "dtype"):
        raise InputTypeError("vertices", "an array or a tensor (V, 3)", quoted(vertices), "pass one")
    if tuple(vertices.shape) != (count, 3) or "float" not in str(vertices.dtype):
        got = f"{vertices.dtype} {tuple(vertices.shape)}"
        raise InputValueError("vertices", f"floats of shape ({count}, 3)", got, "pass one for each that arrays() gives")
    return vertices


def _joiner(kind: str) -> Callable[[list[Any], Array], Any]:
    def join(parts: list[Any], empty: Array) -> Any:
        if parts and not isinstance(parts[0], np.ndarray):
            import torch

            return torch.cat(parts)
        array = np.concatenate(parts or [empty])
        return _to_tensor(array) if kind == "tensor" else array

    return join


def _to_tensor(array: Array) -> torch.Tensor:
    import torch

    return torch.from_numpy(np.ascontiguousarray(array))


def _wrapper(like: Any) -> Callable[[Array | None], Any]:
    """Makes what is only numbers of the kind, and on the device, of the positions."""

    def wrap(array: Array | None) -> Any:
        return array if array is None or isinstance(like, np.ndarray) else _to_tensor(array).to(like.device)

    return wrap


def _normals(shape: Shape) -> Any:
    """The normals of a posed shape, of its faces where the file has none."""
    if shape.normals is not None:
        return shape.normals
    points: Any = shape.positions
    if isinstance(points, np.ndarray):
        return vertex_normals(points, shape.faces)
    import torch

    one, two, three = (points[torch.from_numpy(shape.faces[:, corner].copy()).to(points.device)] for corner in range(3))
    cross = torch.linalg.cross(two - one, three - one)
    summed = torch.zeros_like(points)
    for corner in range(3):
        index = torch.from_numpy(shape.faces[:, corner].copy()).to(points.device)
        summed = summed.index_add(0, index, cross)
    lengths = (summed * summed).sum(-1, keepdim=True)
    flat = lengths == 0
    return summed / (lengths + flat).sqrt()


def vertex_normals(points: Array, faces: Array) -> Array:
    """Of each vertex the mean of the faces around it, each counted by its area; 0 where there is none."""
    cross = np.cross(points[faces[:, 1]] - points[faces[:, 0]], points[faces[:, 2]] - points[faces[:, 0]])
    summed = np.zeros(points.shape, np.float64)
    for corner in range(3):
        for axis in range(3):
            summed[:, axis] += np.bincount(faces[:, corner], cross[:, axis], len(points))
    lengths = np.linalg.norm(summed, axis=1, keepdims=True)
    return (summed / np.where(lengths == 0, 1, lengths)).astype(points.dtype)


def _joined_uv(shapes: list[Shape]) -> Array | None:
    if not any(shape.uvs for shape in shapes):
        return None
    return np.concatenate(
        [shape.uvs[0] if shape.uvs else np.zeros((len(shape.positions), 2), np.float32) for shape in shapes]
    )


def _joined_colors(shapes: list[Shape]) -> Array | None:
    if all(shape.colors is None for shape in shapes):
        return None
    parts = []
    for shape in shapes:
        colors = np.ones((len(shape.positions), 4), np.float32)
        if shape.colors is not None:
            colors[:, : shape.colors.shape[1]] = shape.colors
        parts.append(colors)
    return np.concatenate(parts)


# ---------------------------------------------------------------- scene


def scene_of(document: Document, time: float, animation: int | None) -> Scene:
    """What is drawn of a document at a time."""
    make = _Surfaces(document)
    primitives = []
    for placed, shape in shown_shapes(document, time, animation):
        posed = pose(document, shape, placed)
        mesh = document.entries("meshes")[placed.mesh]
        primitives.append(
            Primitive(
                positions=posed.positions,
                faces=posed.faces,
                normals=posed.normals,
                tangents=posed.tangents,
                uvs=posed.uvs,
                colors=posed.colors,
                surface=make.surface(placed.primitive.get("material")),
                name=mesh.get("name") or f"mesh {placed.mesh}",
            )
        )
    cameras, lights = _cameras_and_lights(document, time, animation)
    return Scene(tuple(primitives), tuple(cameras), tuple(lights), name=document.source)


class _Surfaces:
    """The materials of a document in plain values; uses of one image share its picture."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._textures = {each.index: each for each in textures_of(document, document.limits).values()}
        self._pictures: dict[int, Picture] = {}
        self._made: dict[int | None, Surface] = {}

    def surface(self, index: int | None) -> Surface:
        """The material of that number; glTF's own for None (section 3.7.2.1)."""
        if index not in self._made:
            entry = {} if index is None else self._document.entries("materials")[index]
            self._made[index] = self._plain(entry)
        return self._made[index]

    def _plain(self, entry: Json) -> Surface:
        metal, extensions = entry.get("pbrMetallicRoughness", {}), entry.get("extensions", {})
        strength = extensions.get("KHR_materials_emissive_strength", {}).get("emissiveStrength", 1.0)
        red, green, blue = (each * strength for each in entry.get("emissiveFactor", (0.0, 0.0, 0.0)))
        r, g, b, a = metal.get("baseColorFactor", (1.0, 1.0, 1.0, 1.0))
        mode = entry.get("alphaMode", "OPAQUE")
        maps = {f"{role}_map": self._use(entry, role) for role in ROLES}
        return Surface(
            base_color=(r, g, b, a),
            metallic=metal.get("metallicFactor", 1.0),
            roughness=metal.get("roughnessFactor", 1.0),
            emissive=(red, green, blue),
            normal_scale=entry.get("normalTexture", {}).get("scale", 1.0),
            occlusion_strength=entry.get("occlusionTexture", {}).get("strength", 1.0),
            # Readers take a mode that they do not know for the usual one.
            alpha_mode=mode if mode in ("OPAQUE", "MASK", "BLEND") else "OPAQUE",
            alpha_cutoff=entry.get("alphaCutoff", 0.5),
            double_sided=entry.get("doubleSided", False),
            unlit="KHR_materials_unlit" in extensions,
            name=entry.get("name", ""),
            **maps,
        )

    def _use(self, entry: Json, role: str) -> TextureUse | None:
        path, key = ROLES[role]
        slot = (entry.get(path[0], {}) if path else entry).get(key)
        if slot is None:
            return None
        texture = self._document.entries("textures")[slot["index"]]
        image = image_of(texture)
        if image is None:
            return None
        moved = slot.get("extensions", {}).get("KHR_texture_transform", {})
        (u, v), (wide, high) = moved.get("offset", (0.0, 0.0)), moved.get("scale", (1.0, 1.0))
        return TextureUse(
            picture=self._picture(image),
            sampler=_sampler(self._document.entries("samplers")[texture["sampler"]] if "sampler" in texture else {}),
            uv_set=moved.get("texCoord", slot.get("texCoord", 0)),
            offset=(u, v),
            rotation=moved.get("rotation", 0.0),
            scale=(wide, high),
        )

    def _picture(self, image: int) -> Picture:
        if image not in self._pictures:
            texture: Texture = self._textures[image]
            self._pictures[image] = Picture(lambda: texture.read("numpy"), name=texture.subject)
        return self._pictures[image]


_WRAPS: dict[int, Literal["repeat", "mirror", "clamp"]] = {10497: "repeat", 33648: "mirror", 33071: "clamp"}
_FILTERS: dict[int, Literal["nearest", "linear"]] = {9728: "nearest", 9729: "linear"}
# What is taken within a level, and between levels.
_MINIFIED: dict[int, tuple[Literal["nearest", "linear"], Literal["nearest", "linear"] | None]] = {
    9728: ("nearest", None),
    9729: ("linear", None),
    9984: ("nearest", "nearest"),
    9985: ("linear", "nearest"),
    9986: ("nearest", "linear"),
    9987: ("linear", "linear"),
}


def _sampler(entry: Json) -> Sampler:
    minify, mipmap = _MINIFIED[entry.get("minFilter", 9987)]
    return Sampler(
        wrap_u=_WRAPS[entry.get("wrapS", 10497)],
        wrap_v=_WRAPS[entry.get("wrapT", 10497)],
        magnify=_FILTERS[entry.get("magFilter", 9729)],
        minify=minify,
        mipmap=mipmap,
    )


def _cameras_and_lights(document: Document, time: float, animation: int | None) -> tuple[list[Camera], list[Light]]:
    nodes = document.entries("nodes")
    matrices = world_matrices(document, sample(document, animation, time))
    cameras, lights = [], []
    listed = document.gltf.get("extensions", {}).get("KHR_lights_punctual", {}).get("lights", [])
    for index in walk_scene(document):
        if "camera" in nodes[index]:
            cameras.append(_camera(document.entries("cameras")[nodes[index]["camera"]], matrices[index]))
        light = nodes[index].get("extensions", {}).get("KHR_lights_punctual", {}).get("light")
        if light is not None:
            lights.append(_light(listed[light], matrices[index]))
    return cameras, lights


def _camera(entry: Json, matrix: Array) -> Camera:
    axes = matrix.copy()
    # A camera is not scaled (glTF 2.0, 3.10.2).
    lengths = np.linalg.norm(axes[:3, :3], axis=0)
    axes[:3, :3] /= np.where(lengths == 0, 1, lengths)
    name = entry.get("name", "")
    if entry["type"] == "perspective":
        view = entry.get("perspective", {"yfov": math.radians(40), "znear": 0.01})
        fov = math.degrees(view["yfov"])
        return Camera(axes, fov=fov, near=view["znear"] or None, name=name)
    view = entry.get("orthographic", {"xmag": 1.0, "ymag": 1.0, "znear": 0.0})
    return Camera(axes, fov=None, height=2 * abs(view["ymag"]), near=view["znear"] or None, name=name)


def _light(entry: Json, matrix: Array) -> Light:
    axis = -matrix[:3, 2]
    x, y, z = (float(each) for each in axis / (np.linalg.norm(axis) or 1.0))
    red, green, blue = entry.get("color", (1.0, 1.0, 1.0))
    spot = entry.get("spot", {})
    return Light(
        kind=entry["type"],
        color=(red, green, blue),
        intensity=entry.get("intensity", 1.0),
        direction=(x, y, z),
        position=(float(matrix[0, 3]), float(matrix[1, 3]), float(matrix[2, 3])),
        range=entry.get("range"),
        inner_angle=spot.get("innerConeAngle", 0.0),
        outer_angle=spot.get("outerConeAngle", math.pi / 4),
        name=entry.get("name", ""),
    )
