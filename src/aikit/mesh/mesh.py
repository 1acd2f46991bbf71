"""Meshes: open, look into, edit, and write GLB, glTF and OBJ."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from .._check import integer, number, one_of, switch
from .._foreign_names import explain_calls
from ..errors import InputTypeError, InputValueError, quoted
from ..limits import Limits
from ..types import Source
from .accessors import Array
from .animating import AnimatedPath, Interpolation, animate_node, spin_scene
from .animation import find_animation
from .creation import check_colors
from .document import Document
from .editing import (
    Axis,
    as_matrix,
    find_nodes,
    moving_matrix,
    scaling_matrix,
    transform_nodes,
    transform_scene,
    turning_matrix,
)
from .geometry import MeshArrays, arrays_of, scene_of
from .info import MeshInfo, describe_mesh
from .interop import as_trimesh
from .joining import add_document, merged, set_vertex_colors
from .materials import Material, materials_of
from .opening import open_document
from .optimizing import Savings, Wanted, optimize_document
from .pictures import Pictures
from .safety import check_document
from .scene import Scene
from .simplifying import Simplified, simplify_document
from .textures import Texture, textures_of
from .writing import FORMATS, encode_as, write_files

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .scene import Values

    # A node by its name or its number, or several.
    NodeNames: TypeAlias = str | int | Sequence[str | int]

__all__ = ["Mesh", "open_mesh"]


class Mesh(Pictures):
    """A mesh, made by `open_mesh`, `new_mesh` or `from_trimesh`: scenes, nodes, triangles, materials, textures, animations.

    Its file is kept as it is: the JSON as a dict, the data as bytes. What is edited changes in these, and everything
    else is written again byte for byte.

    Attributes:
        limits: what it may cost to read its geometry and textures; None trusts the file.
    """

    def __init__(self, document: Document, limits: Limits | None = None) -> None:
        self._document, self.limits = document, limits

    # ------------------------------------------------------------ what it is

    @property
    def source(self) -> str:
        """How messages call it."""
        return self._document.source

    @property
    def json(self) -> dict[str, Any]:
        """The JSON of the document, for what is not here. It is checked when it is written."""
        return self._document.gltf

    def __repr__(self) -> str:
        words = {"meshes": "mesh", "materials": "material", "images": "texture", "animations": "animation"}
        counts = {word: len(self._document.entries(name)) for name, word in words.items()}
        plural = {"mesh": "meshes"}
        told = ", ".join(
            f"{count} {word if count == 1 else plural.get(word, word + 's')}" for word, count in counts.items() if count
        )
        return f"<Mesh {self._document.format}, {told or 'empty'}>"

    def _repr_html_(self) -> str:
        from .card import as_html

        return as_html(self)

    def info(self) -> MeshInfo:
        """Count and name what it holds, with its bounds, and the sizes and roles of its textures.

        Raises:
            FileFormatError: damaged geometry or heads of textures.
            LimitError: a texture larger than the limits it was opened with.
        """
        return describe_mesh(self._document, self.limits)

    @property
    def textures(self) -> dict[str, Texture]:
        """Its textures by name, in the order of the file; one for each image."""
        return textures_of(self._document, self.limits)

    @property
    def materials(self) -> dict[str, Material]:
        """Its materials by name, in the order of the file."""
        return materials_of(self._document, self.limits)

    # ------------------------------------------------------------ geometry

    @explain_calls
    def arrays(
        self,
        *,
        time: float = 0.0,
        animation: str | int | None = None,
        kind: Literal["numpy", "tensor"] = "numpy",
        vertices: Values | None = None,
    ) -> MeshArrays:
        """Give the triangles that its scene shows, in world space, skinned and morphed.

        Points and lines are left out; `info()` counts them.

        Args:
            time: seconds from the beginning of the animation; before it and behind it, it stands still.
            animation: its name or number; None is the first.
            kind: "numpy" for arrays, "tensor" for tensors on the CPU.
            vertices: (V, 3) in place of the positions that the file stores, one for each that comes back, in the space
                of the mesh, before morphing and skinning: an array, or a tensor on any device, whose gradient passes
                through `positions` (and `normals`, where the file has none). The result is of its kind.

        Returns:
            Positions, normals, uv, colors, faces and materials, one primitive behind the other.

        Raises:
            InputTypeError: not a number, or not an array.
            InputValueError: an unknown kind or animation, or as many vertices as the mesh has not.
            FileFormatError: damaged numbers, or a compression that is not read.
            MissingDependencyError: compressed by Draco, without the package DracoPy.

        Example:
            >>> from aikit import new_mesh
            >>> mesh = new_mesh([(0, 0, 0), (1, 0, 0), (0, 1, 0)], [(0, 1, 2)])
            >>> mesh.translate((0, 0, 5))
            >>> mesh.arrays().positions.tolist()
            [[0.0, 0.0, 5.0], [1.0, 0.0, 5.0], [0.0, 1.0, 5.0]]
        """
        one_of("kind", kind, ("numpy", "tensor"))
        seconds = number("time", time, 0, float("inf"))
        return arrays_of(self._document, seconds, find_animation(self._document, animation), kind, vertices)

    @explain_calls
    def scene(self, *, time: float = 0.0, animation: str | int | None = None) -> Scene:
        """Give what is drawn of it: posed primitives with their materials, cameras and lights.

        Args:
            time: seconds from the beginning of the animation.
            animation: its name or number; None is the first.

        Raises:
            As `arrays`.
        """
        seconds = number("time", time, 0, float("inf"))
        return scene_of(self._document, seconds, find_animation(self._document, animation))

    # ------------------------------------------------------------ edits

    @explain_calls
    def transform(self, matrix: Values | Sequence[Sequence[float]], *, node: NodeNames | None = None) -> None:
        """Move, turn, scale or shear the whole mesh, or nodes of it.

        Nodes that are animated stay as they are, within a new node that is moved. Vertices are not touched.

        Args:
            matrix: (4, 4) numbers that multiply columns x, y, z, 1; the last row 0, 0, 0, 1.
            node: a name, a number or a list of these: it is moved, with all that lies in it, in the space of its
                parent. None moves all that every scene shows.

        Raises:
            InputTypeError: no numbers, or no name.
            InputValueError: another shape, a matrix that cannot be undone, no such node, a name that several have, or a
                node whose skin moves it.
        """
        self._move(as_matrix(matrix), node)

    @explain_calls
    def translate(self, offset: Sequence[float], *, node: NodeNames | None = None) -> None:
        """Move the whole mesh, or nodes of it, by x, y and z in meters; `transform` says what `node` means."""
        self._move(moving_matrix(offset), node)

    @explain_calls
    def scale(self, factor: float | Sequence[float], *, node: NodeNames | None = None) -> None:
        """Scale the whole mesh, or nodes of it, by a factor or by three, around the origin of its space."""
        self._move(scaling_matrix(factor), node)

    @explain_calls
    def rotate(self, degrees: float, *, axis: Axis | Sequence[float] = "y", node: NodeNames | None = None) -> None:
        """Turn the whole mesh, or nodes of it, around an axis through the origin of its space.

        Args:
            degrees: counter-clockwise, seen from where the axis points to.
            axis: "x", "y", "z" or a direction.
            node: as in `transform`.

        Raises:
            As `transform`.
        """
        self._move(turning_matrix(degrees, axis), node)

    @explain_calls
    def animate(
        self,
        node: str | int,
        path: AnimatedPath,
        *,
        times: Values | Sequence[float],
        values: Values | Sequence[object],
        interpolation: Interpolation = "linear",
        name: str = "animation",
    ) -> None:
        """Let a node move: add keys of one of its values to an animation.

        Where the node has a matrix it gets translation, rotation and scale instead, as glTF wants it. The values of the
        animation take the place of those that the node has.

        Args:
            node: its name or number.
            path: "translation", "rotation", "scale" or "weights" of morph targets.
            times: (K,) seconds, rising, 0 or more.
            values: (K, 3) meters or factors; (K, 4) quaternions x, y, z, w of length 1; (K, targets) weights. For
                "cubic" (K, 3, n): the tangent that arrives, the value and the tangent that leaves.
            interpolation: "linear", "step" or "cubic" between keys.
            name: of the animation: one of that name gets this too, else it is a new one.

        Raises:
            InputTypeError: no numbers.
            InputValueError: no such node, times that do not rise, another shape, quaternions of another length, a matrix
                with shear, or a value that the animation moves already.

        Example:
            >>> from aikit import new_mesh
            >>> mesh = new_mesh([(0, 0, 0), (1, 0, 0), (0, 1, 0)], [(0, 1, 2)])
            >>> mesh.animate("mesh", "translation", times=[0, 2], values=[(0, 0, 0), (4, 0, 0)])
            >>> mesh.arrays(time=0.5).positions[0].tolist()
            [1.0, 0.0, 0.0]
        """
        (index,) = find_nodes(self._document, [node])
        animate_node(self._document, index, path, times, values, interpolation=interpolation, name=name)

    @explain_calls
    def spin(
        self, *, seconds: float = 4.0, axis: Axis = "y", node: str | int | None = None, name: str = "spin"
    ) -> None:
        """Let the whole mesh turn once around itself, or a node of it, without a seam where it begins again.

        Cameras and lights of the scene turn with it.

        Args:
            seconds: how long a turn takes.
            axis: "x", "y" or "z", through the middle of the mesh, or through the origin of the node.
            node: a name or number; None is all that is shown.
            name: of the animation.

        Raises:
            InputTypeError: no number.
            InputValueError: a time of 0, another axis, no such node, or nothing to show.
        """
        bounds = None if node is not None else self.info().bounds
        center = None if bounds is None else [(low + high) / 2 for low, high in zip(*bounds, strict=True)]
        index = None if node is None else find_nodes(self._document, [node])[0]
        spin_scene(self._document, seconds, axis, index, name, center)

    @explain_calls
    def add(self, other: Mesh) -> list[int]:
        """Add all of another mesh: its nodes, materials, textures and animations; its scene is shown with ours.

        Args:
            other: it stays as it is.

        Returns:
            The numbers of its outermost nodes here: `mesh.translate((2, 0, 0), node=mesh.add(other))`.

        Raises:
            InputTypeError: no mesh.
            InputValueError: it uses extensions whose references nobody here knows.
        """
        if not isinstance(other, Mesh):
            raise InputTypeError("other", "a Mesh", type(other).__name__, "open it with open_mesh")
        return add_document(self._document, other._document)

    @explain_calls
    def merge(self, *, time: float = 0.0, animation: str | int | None = None, name: str = "mesh") -> Mesh:
        """Give a new mesh of all triangles that are shown, one primitive for each material, none of them moving.

        Materials and textures are the same. Animations, skins, morph targets, cameras, lights, points, lines and what is
        not shown are left out.

        Args:
            time: seconds from the beginning of the animation, at which it stands still.
            animation: its name or number; None is the first.
            name: of the mesh.

        Raises:
            InputValueError: there are no triangles.
            FileFormatError: as `arrays`.
        """
        seconds = number("time", time, 0, float("inf"))
        return Mesh(merged(self._document, seconds, animation, name), self.limits)

    @explain_calls
    def set_vertex_colors(self, colors: Values | Sequence[Sequence[float]]) -> None:
        """Give each vertex a color, which multiplies that of its material.

        Args:
            colors: (V, 3) or (V, 4) in [0, 1], linear light, one for each vertex that `arrays()` gives.

        Raises:
            InputTypeError: no numbers.
            InputValueError: another shape or range, or a primitive that two nodes show.
        """
        set_vertex_colors(self._document, check_colors(colors))

    @explain_calls
    def to_trimesh(self, *, time: float = 0.0, animation: str | int | None = None) -> Any:  # which ships no types
        """Give the triangles as a `trimesh.Trimesh`, for work on geometry; vertices stay as they are.

        It has the base color texture, where one material is all there is, or else the vertex colors.

        Args:
            time: seconds from the beginning of the animation.
            animation: its name or number; None is the first.

        Raises:
            MissingDependencyError: without the package trimesh.
            FileFormatError: as `arrays`.
        """
        used = {role: each for material in self.materials.values() for role, each in material.textures.items()}
        image = used["base_color"].read("pil") if len(self.materials) == 1 and "base_color" in used else None
        return as_trimesh(self.arrays(time=time, animation=animation), image)

    def _move(self, matrix: Array, node: NodeNames | None) -> None:
        if node is None:
            transform_scene(self._document, matrix)
        else:
            transform_nodes(self._document, find_nodes(self._document, node), matrix)

    @explain_calls
    def optimize(
        self,
        *,
        textures: Literal["webp"] | None = "webp",
        quality: int = 85,
        data_quality: int | None = None,
        max_side: int | None = None,
        quantize: bool = True,
        prune: bool = True,
    ) -> Savings:
        """Make it smaller, in place.

        Color textures become WebP with loss; palettes and pictures up to 64 pixels without. Data (normals, roughness,
        occlusion) stay as they are to the last bit, in JPEG files untouched, else as lossless WebP. What would not get
        smaller stays. Images that are the same are encoded once. Positions are never touched.

        Args:
            textures: "webp", or None to leave them in their formats.
            quality: of color textures, 1 to 100.
            data_quality: of all others, where some loss in them is wanted; None is none.
            max_side: the longest side of any texture, in pixels; larger ones are reduced, colors in linear light, normals at
                length 1.
            quantize: store normals and tangents, and colors and coordinates from 0 to 1, in 16 bits, and small indices too
                (KHR_mesh_quantization). It needs `prune`, or the old numbers would stay beside the new ones.
            prune: leave out textures and data that nothing uses, and the gaps between data.

        Returns:
            `Savings`: bytes before and after, the error of every texture, and what was not done and why.

        Raises:
            InputTypeError: a number that is not whole, or a switch that is none.
            InputValueError: a quality outside 1 to 100.
            FileFormatError: damaged numbers.
            LimitError: a texture larger than the limits the mesh was opened with.

        Example:
            >>> import numpy as np
            >>> from aikit import new_mesh
            >>> ramp = np.linspace(0, 255, 256 * 256 * 3).reshape(256, 256, 3).astype(np.uint8)
            >>> mesh = new_mesh([(0, 0, 0), (1, 0, 0), (0, 1, 0)], [(0, 1, 2)], uv=[(0, 1), (1, 1), (0, 0)], texture=ramp)
            >>> savings = mesh.optimize()
            >>> savings.after < savings.before, savings.textures[0].format, savings.textures[0].error < 3
            (True, 'webp', True)
        """
        if textures is not None:
            one_of("textures", textures, ("webp",))
        wanted = Wanted(
            textures == "webp",
            _quality("quality", quality),
            None if data_quality is None else _quality("data_quality", data_quality),
            None if max_side is None else integer("max_side", max_side),
        )
        how = {"quantized": switch("quantize", quantize), "pruned": switch("prune", prune)}
        return optimize_document(self._document, wanted, self.limits, **how)

    @explain_calls
    def simplify(self, ratio: float, *, max_error: float = 0.01) -> Simplified:
        """Leave out triangles where the surface changes least, in place; through meshoptimizer.

        Vertices that stay are those that were: their coordinates, colors, joints and morph targets with them. Seams of
        textures and borders hold together.

        Args:
            ratio: the share of triangles to keep, above 0 to 1; more stay where leaving them out would show.
            max_error: by how much the surface may move, as a share of the size of each primitive, 0 to 1.

        Returns:
            `Simplified`: triangles before and after, the largest error, and what was left as it is and why.

        Raises:
            InputTypeError: a number that is none.
            InputValueError: beyond its range.
            FileFormatError: damaged numbers.
            MissingDependencyError: without the package meshoptimizer. fast-simplification keeps positions alone, so
                textures, colors and skins would be lost: it is not taken.

        Source: M. Garland and P. Heckbert, "Surface Simplification Using Quadric Error Metrics", 1997, as meshoptimizer has it.
        """
        return simplify_document(self._document, number("ratio", ratio, 1e-6, 1), number("max_error", max_error, 0, 1))

    # ------------------------------------------------------------ files

    def copy(self) -> Mesh:
        """Another mesh of the same content; editing one leaves the other."""
        return Mesh(self._document.copy(), self.limits)

    @explain_calls
    def encode(self, format: str = "glb") -> bytes:
        """Give the mesh as the bytes of one file.

        Args:
            format: "glb"; "gltf", with its data in base64; "obj", without materials, which are another file; "stl" or
                "ply", both binary.

        Returns:
            For GLB the very bytes that were opened where nothing has changed. After an edit all that was not touched
            is the same still: JSON, extensions, data, images.

        Raises:
            InputValueError: an unknown format, or JSON that was edited into something that glTF is not.
            FileFormatError: of OBJ, STL and PLY: geometry that cannot be read.
        """
        one_of("format", format, FORMATS)
        self._check()
        return encode_as(self._document, format)

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write the mesh; the suffix says as what: .glb, .gltf, .obj, .stl or .ply.

        A .gltf comes with its data in a .bin of its name, and with the images that were files of their own; an .obj with
        an .mtl and its textures, copied byte for byte. `info().lost_in("obj")` says what a format leaves out. Each file
        is written entirely or not at all, the one that was named last.

        Args:
            path: where to.

        Raises:
            InputTypeError: not a path.
            InputValueError: another suffix, or as `encode`.
            FileAccessError: the folder is missing or not writable, or the disk is full.
            FileFormatError: as `encode`.
        """
        if not isinstance(path, (str, os.PathLike)):
            raise InputTypeError("path", "a path", type(path).__name__, "pass a str or a pathlib.Path")
        suffix = os.path.splitext(os.fsdecode(path))[1].lower()
        if suffix.removeprefix(".") not in FORMATS:
            known = ", ".join(f".{each}" for each in FORMATS)
            raise InputValueError("path", f"a name that ends in one of {known}", quoted(os.fsdecode(path)), "rename it")
        self._check()
        write_files(self._document, os.fsdecode(path), suffix[1:])

    def _check(self) -> None:
        """Hold edited JSON against what glTF allows, so that nothing is written that nobody can open."""
        if not self._document.untouched:
            check_document(self._document, None)


def _quality(name: str, value: object) -> int:
    quality = integer(name, value)
    if quality > 100:
        raise InputValueError(name, "1 to 100", quoted(value), "pass one of these")
    return quality


@explain_calls
def open_mesh(source: Source, *, limits: Limits | None = None, files: bool = False) -> Mesh:
    """Open a GLB, glTF or OBJ file. The format is known by the bytes, not by the name.

    The numbers of its geometry and the pixels of its textures are read when they are asked for. A GLB of 16 MB or more
    that is opened by its path is not read at once but stays open.

    Args:
        source: a path, bytes, or an open binary file. A str is a path and is never fetched.
        limits: what it may cost, `Limits()` for uploads; None trusts the file. With limits it is read in a child
            process with all its numbers before it is opened here.
        files: whether files that it refers to are read: buffers and images of a .gltf, materials and textures of an
            .obj. They must lie in the folder of `source` or below it; links are not followed, nothing is fetched.

    Returns:
        The mesh. An OBJ becomes what a glTF of the same would be: polygons as triangles, materials as
        metallic-roughness.

    Raises:
        InputTypeError: the source is none of these, or `files` is no bool.
        FileAccessError: the file, or one that it refers to, cannot be opened.
        FileFormatError: none of the three formats, glTF of another version than 2, damaged or cut off; code
            "unsafe_content" where it refers to files and may not.
        LimitError: larger than `limits` allow, or slower.
        WorkerError: with `limits`, reading it crashed.

    Example:
        >>> from aikit import new_mesh
        >>> data = new_mesh([(0, 0, 0), (1, 0, 0), (0, 1, 0)], [(0, 1, 2)]).encode()
        >>> open_mesh(data)
        <Mesh glb, 1 mesh, 1 material>

    Source: Khronos Group, "glTF 2.0 Specification"; Wavefront Technologies, "Object Files (.obj)", 1992.
    """
    if not isinstance(files, bool):
        raise InputTypeError("files", "True or False", quoted(files), "pass True to read what lies beside it")
    return Mesh(open_document(source, limits, files=files), limits)
