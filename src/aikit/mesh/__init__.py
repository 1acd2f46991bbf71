"""Meshes: GLB, glTF and OBJ, looked into, edited, written and drawn; a texture is an image."""

from .geometry import MeshArrays
from .info import AnimationInfo, MeshInfo, TextureInfo
from .materials import MeshMaterial
from .mesh import Mesh, new_mesh, open_mesh
from .scene import Camera, Light, Material, Picture, Primitive, Sampler, Scene, TextureUse
from .textures import Texture

__all__ = [
    "AnimationInfo",
    "Camera",
    "Light",
    "Material",
    "Mesh",
    "MeshArrays",
    "MeshInfo",
    "MeshMaterial",
    "Picture",
    "Primitive",
    "Sampler",
    "Scene",
    "Texture",
    "TextureInfo",
    "TextureUse",
    "new_mesh",
    "open_mesh",
]
