"""Meshes: GLB, glTF and OBJ."""

from .scene import Camera, Light, Material, Picture, Primitive, Sampler, Scene, TextureUse

__all__ = ["Camera", "Light", "Material", "Picture", "Primitive", "Sampler", "Scene", "TextureUse"]
