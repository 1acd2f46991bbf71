"""Meshes: GLB, glTF and OBJ."""

__all__: list[str] = []
