"""Meshes: GLB, glTF and OBJ."""

from .scene import Camera, Light, Picture, Primitive, Sampler, Scene, Surface, TextureUse

__all__ = ["Camera", "Light", "Picture", "Primitive", "Sampler", "Scene", "Surface", "TextureUse"]
