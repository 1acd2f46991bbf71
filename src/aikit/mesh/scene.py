"""What is drawn of a mesh: posed triangles in world space with materials in plain values, cameras and lights.

Documents give a `Scene`, and the renderer takes one; neither knows of the other. Arrays may be NumPy's or tensors, also
with gradients. The axes are glTF's: x to the right, y up, z to the viewer, in meters.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    import torch

    # Any: dtypes are the document's; every field says what it holds.
    Values: TypeAlias = np.ndarray[Any, Any] | torch.Tensor

__all__ = ["Camera", "Light", "Picture", "Primitive", "Sampler", "Scene", "Surface", "TextureUse"]

AlphaMode = Literal["OPAQUE", "MASK", "BLEND"]
Wrap = Literal["repeat", "mirror", "clamp"]
Filter = Literal["nearest", "linear"]


@dataclass(frozen=True, slots=True)
class Sampler:
    """How a texture is read between and beyond its texels.

    Args:
        wrap_u, wrap_v: what lies beyond the left and right, and beyond the upper and lower edge.
        magnify: between texels that are larger than a pixel.
        minify: between texels that are smaller than a pixel.
        mipmap: between the levels of smaller copies; None uses the picture itself alone.

    Source: glTF 2.0, section 3.8.4.
    """

    wrap_u: Wrap = "repeat"
    wrap_v: Wrap = "repeat"
    magnify: Filter = "linear"
    minify: Filter = "linear"
    mipmap: Filter | None = "linear"


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """The picture of a texture, decoded when it is first needed. Two uses of one picture share the object.

    Args:
        read: gives the codes: an array (H, W) or (H, W, 1 to 4) of uint8 or uint16, or of floats in [0, 1], or a
            tensor (1 to 4, H, W) of floats in [0, 1], whose gradients are kept. One channel is gray, two are gray and
            alpha. Values are as they stand in the file, alpha is straight.
        name: what messages call it.
    """

    read: Callable[[], Values]
    name: str = "texture"


@dataclass(frozen=True, slots=True)
class TextureUse:
    """One place where a material uses a texture.

    Args:
        picture: its pixels.
        sampler: how they are read.
        uv_set: the number of the coordinates, of TEXCOORD_n.
        offset, rotation, scale: how coordinates are moved (KHR_texture_transform); the rotation in radians.
    """

    picture: Picture
    sampler: Sampler = Sampler()
    uv_set: int = 0
    offset: tuple[float, float] = (0.0, 0.0)
    rotation: float = 0.0
    scale: tuple[float, float] = (1.0, 1.0)


@dataclass(frozen=True, slots=True)
class Surface:
    """How triangles look: a metallic-roughness material in plain values, by the names of glTF. Factors are linear light.

    Args:
        base_color: red, green, blue and alpha, in [0, 1]; a tensor (4,) keeps its gradient.
        metallic, roughness: in [0, 1].
        emissive: red, green and blue of 0 or more, KHR_materials_emissive_strength multiplied in; or a tensor (3,).
        normal_scale, occlusion_strength: how much their maps count.
        alpha_mode: "OPAQUE", "MASK" (all or nothing, at `alpha_cutoff`) or "BLEND".
        double_sided: whether the back is drawn too.
        unlit: whether the base color is shown as it is (KHR_materials_unlit).
        base_color_map: sRGB with alpha. Likewise the other maps, of which metallic_roughness_map has roughness in green
            and metallic in blue, occlusion_map counts by its red, and emissive_map is sRGB.
        name: as in the file.
    """

    base_color: tuple[float, float, float, float] | torch.Tensor = (1.0, 1.0, 1.0, 1.0)
    metallic: float | torch.Tensor = 1.0
    roughness: float | torch.Tensor = 1.0
    emissive: tuple[float, float, float] | torch.Tensor = (0.0, 0.0, 0.0)
    normal_scale: float = 1.0
    occlusion_strength: float = 1.0
    alpha_mode: AlphaMode = "OPAQUE"
    alpha_cutoff: float = 0.5
    double_sided: bool = False
    unlit: bool = False
    base_color_map: TextureUse | None = None
    metallic_roughness_map: TextureUse | None = None
    normal_map: TextureUse | None = None
    occlusion_map: TextureUse | None = None
    emissive_map: TextureUse | None = None
    name: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Primitive:
    """Triangles with one material, posed: in world space, skinned and morphed. V corners, F triangles.

    Args:
        positions: (V, 3) floats.
        faces: (F, 3) integers. Seen from the front they run counter-clockwise, also where a node mirrors: such faces
            are turned around by who makes the primitive.
        normals: (V, 3) of length 1, or None for flat faces.
        tangents: (V, 4), the last the sign of the bitangent, or None: then they follow from the coordinates.
        uvs: a (V, 2) for each set of coordinates, v downwards.
        colors: (V, 3) or (V, 4), linear light in [0, 1], or None for white.
        surface: how it looks.
        name: of the mesh, for messages.
    """

    positions: Values
    faces: Values
    normals: Values | None = None
    tangents: Values | None = None
    uvs: tuple[Values, ...] = ()
    colors: Values | None = None
    surface: Surface = Surface()
    name: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Camera:
    """Where a picture is taken from.

    Args:
        matrix: (4, 4), from the camera's axes to the world's; it looks along its own negative z, y is up in the
            picture.
        fov: the vertical angle of view in degrees, or None for a parallel projection.
        height: what a parallel projection shows from its lower to its upper edge, in meters.
        near: what is nearer is cut away, in meters; None finds a value.
        name: as in the file.
    """

    matrix: Values
    fov: float | None = 40.0
    height: float = 1.0
    near: float | None = None
    name: str = ""


@dataclass(frozen=True, slots=True)
class Light:
    """A light in world space.

    Args:
        kind: "directional", "point" or "spot".
        color: red, green and blue in linear light.
        intensity: lux of a directional light, candela of the others. A white surface that faces a directional light of
            pi (3.14) is shown white.
        direction: where it shines to, of length 1; not of a point.
        position: in meters; not of a directional light.
        range: how far it reaches in meters, or None for all the way.
        inner_angle, outer_angle: of a spot, from its axis, in radians.
        name: as in the file.

    Source: KHR_lights_punctual.
    """

    kind: Literal["directional", "point", "spot"] = "directional"
    color: tuple[float, float, float] = (1.0, 1.0, 1.0)
    intensity: float = 1.0
    direction: tuple[float, float, float] = (0.0, 0.0, -1.0)
    position: tuple[float, float, float] = (0.0, 0.0, 0.0)
    range: float | None = None
    inner_angle: float = 0.0
    outer_angle: float = 0.7853981633974483  # pi / 4
    name: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """All that is drawn of a mesh at one time.

    Args:
        primitives: triangles, in the order of the file.
        cameras: of the nodes, in the order of the file.
        lights: of the nodes.
        name: what messages call it, such as the file.
    """

    primitives: tuple[Primitive, ...]
    cameras: tuple[Camera, ...] = ()
    lights: tuple[Light, ...] = ()
    name: str = field(default="mesh")
