"""Meshes to and from trimesh, for work on geometry."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np

from ..color import linear_rgb_to_rgb, rgb_to_linear_rgb
from ..errors import InputTypeError, MissingDependencyError
from .accessors import Array
from .geometry import MeshArrays

__all__ = ["arrays_of_trimesh", "as_trimesh"]


def _library(subject: str) -> ModuleType:
    try:
        import trimesh
    except ImportError as error:
        raise MissingDependencyError(subject, "the package trimesh", "none", "run: pip install trimesh") from error
    found: ModuleType = trimesh
    return found


def as_trimesh(arrays: MeshArrays, image: Any) -> Any:  # Any, for trimesh ships no types
    """A Trimesh of arrays, its vertices as they are; with `image` as its texture."""
    trimesh = _library("to_trimesh")
    found = trimesh.Trimesh(
        arrays.positions, arrays.faces, vertex_normals=arrays.normals, process=False, validate=False
    )
    if arrays.uv is not None and image is not None:
        uv = np.asarray(arrays.uv, np.float64)
        # trimesh counts v upwards.
        upwards = np.stack([uv[:, 0], 1 - uv[:, 1]], axis=1)
        found.visual = trimesh.visual.TextureVisuals(uv=upwards, image=image)
    elif arrays.colors is not None:
        found.visual = trimesh.visual.ColorVisuals(found, vertex_colors=_as_codes(np.asarray(arrays.colors)))
    return found


def _as_codes(colors: Array) -> Array:
    shown = linear_rgb_to_rgb(colors[None, :, :3].astype(np.float64).clip(0, 1))[0]
    codes: Array = np.rint(np.concatenate([shown, colors[:, 3:].clip(0, 1)], axis=1) * 255).astype(np.uint8)
    return codes


def arrays_of_trimesh(mesh: Any) -> dict[str, Any]:
    """What `new_mesh` takes, of a Trimesh or of a Scene of such, which becomes one."""
    trimesh = _library("from_trimesh")
    if isinstance(mesh, trimesh.Scene):
        mesh = mesh.to_geometry()
    if not isinstance(mesh, trimesh.Trimesh):
        got = f"{type(mesh).__module__}.{type(mesh).__name__}"
        raise InputTypeError("mesh", "a trimesh.Trimesh or a trimesh.Scene", got, "pass one of these")
    found: dict[str, Any] = {"vertices": np.asarray(mesh.vertices), "faces": np.asarray(mesh.faces)}
    normals = np.asarray(mesh.vertex_normals)
    if len(normals) == len(mesh.vertices) and (np.linalg.norm(normals, axis=1) > 0).all():
        found["normals"] = normals
    visual = mesh.visual
    if visual.kind == "texture" and visual.uv is not None:
        uv = np.asarray(visual.uv, np.float64)
        found["uv"] = np.stack([uv[:, 0], 1 - uv[:, 1]], axis=1)
        material = visual.material
        found["texture"] = getattr(material, "baseColorTexture", None) or getattr(material, "image", None)
    elif visual.kind in ("vertex", "face"):
        codes = np.asarray(visual.to_color().vertex_colors if visual.kind == "face" else visual.vertex_colors)
        colors = codes.astype(np.float64) / 255
        colors[:, :3] = rgb_to_linear_rgb(colors[None, :, :3])[0]
        found["colors"] = colors
    return found
