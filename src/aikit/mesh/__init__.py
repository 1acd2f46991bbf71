"""Meshes: GLB, glTF and OBJ, looked into, edited, written and drawn; a texture is an image."""

from .flat import decode, probe
from .geometry import MeshArrays
from .info import AnimationInfo, MeshInfo, TextureInfo
from .materials import Material
from .mesh import Mesh, open_mesh
from .new import from_trimesh, new_mesh
from .optimizing import Savings, TextureSaving
from .render import render_scene, render_views
from .scene import Camera, Light, Picture, Primitive, Sampler, Scene, Surface, TextureUse
from .simplifying import Simplified
from .textures import Texture
from .turntable import Turntable

__all__ = [
    "AnimationInfo",
    "Camera",
    "Light",
    "Material",
    "Mesh",
    "MeshArrays",
    "MeshInfo",
    "Picture",
    "Primitive",
    "Sampler",
    "Savings",
    "Scene",
    "Simplified",
    "Surface",
    "Texture",
    "TextureInfo",
    "TextureSaving",
    "TextureUse",
    "Turntable",
    "decode",
    "from_trimesh",
    "new_mesh",
    "open_mesh",
    "probe",
    "render_scene",
    "render_views",
]
