"""Meshes: GLB, glTF and OBJ."""

from .render import render_scene, render_views
from .scene import Camera, Light, Picture, Primitive, Sampler, Scene, Surface, TextureUse

__all__ = [
    "Camera",
    "Light",
    "Picture",
    "Primitive",
    "Sampler",
    "Scene",
    "Surface",
    "TextureUse",
    "render_scene",
    "render_views",
]
