"""Meshes: pictures drawn in torch beside pyrender, where it is installed with a GL that needs no display."""

from __future__ import annotations

import importlib.util
import io
import os
from functools import cache, partial
from typing import Any

import numpy as np

import aikit
from aikit.mesh import Picture, Primitive, Scene, Surface, TextureUse, render_scene

from ..timing import Contest
from .registry import job, size_at

_SIDE = 512


def _net(rows: int, around: int) -> tuple[np.ndarray[Any, Any], ...]:
    """Positions, faces, normals and coordinates of a lumpy ball."""
    down, turn = np.meshgrid(np.linspace(0, np.pi, rows), np.linspace(0, 2 * np.pi, around), indexing="ij")
    radius = 1 + 0.05 * np.sin(9 * down) * np.cos(7 * turn)
    ball = np.stack([np.sin(down) * np.sin(turn), np.cos(down), np.sin(down) * np.cos(turn)], -1)
    first = (np.arange(rows - 1)[:, None] * around + np.arange(around - 1)).reshape(-1)
    below = first + around
    faces = np.concatenate([np.stack([first, below, first + 1], 1), np.stack([first + 1, below, below + 1], 1)])
    uvs = np.stack([turn / (2 * np.pi), down / np.pi], -1).reshape(-1, 2)
    points, normals = ((each).reshape(-1, 3).astype(np.float32) for each in (radius[..., None] * ball, ball))
    return points, faces, normals, uvs.astype(np.float32)


@cache
def _texture(side: int, seed: int) -> np.ndarray[Any, Any]:
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:side, :side] / side
    waves = [np.sin(9 * x + k) * np.cos(7 * y + seed) * 60 + 150 for k in range(3)]
    return np.clip(np.stack(waves, -1) + rng.normal(0, 3, (side, side, 3)), 0, 255).astype(np.uint8)


@cache
def _plain() -> bytes:
    """4,200 triangles with one texture of 512 pixels: a GLB of about what the Khronos duck is."""
    points, faces, normals, uvs = _net(36, 61)
    return aikit.new_mesh(points, faces, uv=uvs, normals=normals, texture=_texture(512, 0)).encode()


@cache
def _rich(side: int, rows: int) -> Scene:
    """Many triangles with all five maps: of 160 rows 70,000."""
    points, faces, normals, uvs = _net(rows, rows * 221 // 160)
    maps = [TextureUse(Picture(partial(_texture, side, seed))) for seed in range(5)]
    surface = Surface(
        base_color_map=maps[0],
        metallic_roughness_map=maps[1],
        normal_map=maps[2],
        normal_scale=0.2,
        occlusion_map=maps[3],
        emissive_map=maps[4],
        emissive=(0.1, 0.1, 0.1),
    )
    return Scene((Primitive(points, faces, normals=normals, uvs=(uvs,), surface=surface),))


def _pyrender(side: int) -> Any:
    """A function that draws the plain mesh with pyrender; None where it is not installed."""
    if importlib.util.find_spec("pyrender") is None or importlib.util.find_spec("trimesh") is None:
        return None
    os.environ.setdefault("PYOPENGL_PLATFORM", "egl")
    import pyrender
    import trimesh

    loaded = trimesh.load(io.BytesIO(_plain()), file_type="glb")
    scene = pyrender.Scene.from_trimesh_scene(loaded, bg_color=(0, 0, 0, 0))
    pose = np.eye(4)
    pose[2, 3] = 3.2
    scene.add(pyrender.PerspectiveCamera(np.radians(40)), pose=pose)
    scene.add(pyrender.DirectionalLight(intensity=3), pose=pose)
    renderer = pyrender.OffscreenRenderer(side, side)
    return lambda _: renderer.render(scene, flags=pyrender.RenderFlags.RGBA)[0]


@job(
    "render 4,200 triangles, one texture, 512x512",
    threaded=False,
    why={"pyrender": "It keeps the mesh and its texture with the GL between pictures, and needs a GL."},
)
def plain(scale: float) -> Contest:
    mesh = aikit.open_mesh(_plain())
    side, _ = size_at(scale, _SIDE, _SIDE)
    peers: dict[str, Any] = {"aikit, opened before": lambda _: mesh.render(height=side, width=side)}
    drawn = _pyrender(side)
    if drawn is not None:
        peers["pyrender"] = drawn
    # They light it otherwise.
    return Contest(peers, side * side * 4, 1, tolerance=255)


@job("render 70,000 triangles, five 2K maps, 512x512", threaded=False)
def rich(scale: float) -> Contest:
    scene = _rich(*size_at(scale, 2048, 160))
    side, _ = size_at(scale, _SIDE, _SIDE)
    return Contest({"aikit": lambda _: render_scene(scene, height=side, width=side)}, side * side * 4, 1)
