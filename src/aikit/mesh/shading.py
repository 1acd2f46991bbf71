"""Points of triangles to colors: maps, normals and light.

Source: glTF 2.0, sections 3.7.2.1 and 3.9.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .lighting import Shown, Surroundings, answer, compress, dot, unit
from .scene import Light, Picture, Surface, TextureUse
from .soup import Points, Soup
from .texels import Holds, Texture, load_texture, move_uv, read_texture

if TYPE_CHECKING:
    import torch

    from .camera import View

__all__ = ["Textures", "alpha_at", "color_at", "normal_at"]


class Textures:
    """The textures of a scene, each made when it is first read, for all views."""

    def __init__(self, like: torch.Tensor) -> None:
        self._like = like
        self._made: dict[tuple[Picture, Holds], Texture] = {}

    def read(self, use: TextureUse, holds: Holds, uv: torch.Tensor, changes: torch.Tensor) -> torch.Tensor:
        """What a texture shows at coordinates, as `read_texture` says."""
        key = use.picture, holds
        if key not in self._made:
            self._made[key] = load_texture(use.picture, holds, self._like)
        return read_texture(self._made[key], use, uv, changes)


@dataclass(frozen=True, slots=True)
class _Maps:
    """The maps of a surface at points; coordinates are reckoned once for each set."""

    soup: Soup
    points: Points
    textures: Textures
    at: dict[int, tuple[torch.Tensor, torch.Tensor]]

    def uv(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        if index not in self.at:
            self.at[index] = self.points.value_and_changes(self.soup.uvs[index])
        return self.at[index]

    def read(self, use: TextureUse, holds: Holds) -> torch.Tensor:
        return self.textures.read(use, holds, *self.uv(use.uv_set))


def _base(surface: Surface, maps: _Maps) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Color (3, N) and alpha (N,), which is None where it does not count."""
    opaque = surface.alpha_mode == "OPAQUE"
    factor = _factor(surface.base_color, maps.points.share)
    color, alpha = factor[:3, None].expand(-1, len(maps.points.triangle)), factor[3]
    if maps.soup.colors is not None:
        vertex = maps.points.value(maps.soup.colors)
        color, alpha = color * vertex[:3], alpha * vertex[3]
    if surface.base_color_map is not None:
        texels = maps.read(surface.base_color_map, "color" if opaque else "color_and_alpha")
        if opaque:
            return color * texels, None
        color, alpha = color * (texels[:3] / texels[3].clamp(min=1e-6)), alpha * texels[3]
    return color, None if opaque else alpha.expand(color.shape[1:])


def _factor(value: object, like: torch.Tensor) -> torch.Tensor:
    import torch

    return torch.as_tensor(value, dtype=like.dtype, device=like.device)


def alpha_at(soup: Soup, surface: Surface, points: Points, textures: Textures) -> torch.Tensor:
    """The alpha (N,) of a surface that is "MASK" or "BLEND"."""
    alpha = _base(surface, _Maps(soup, points, textures, {}))[1]
    assert alpha is not None
    return alpha


def normal_at(soup: Soup, surface: Surface, points: Points, textures: Textures) -> torch.Tensor:
    """The normals (3, N) of length 1 in world space, with the normal map, on the side that is seen."""
    return _normal(soup, surface, _Maps(soup, points, textures, {}))


def _normal(soup: Soup, surface: Surface, maps: _Maps) -> torch.Tensor:
    import torch

    points = maps.points
    first, second, third = (soup.positions[:, corner] for corner in points.corners)
    edges = second - first, third - first
    flat = unit(torch.linalg.cross(*edges, dim=0))
    smooth = points.value(soup.normals)
    normal = unit(torch.where(dot(smooth, smooth) > 1e-12, smooth, flat))
    if surface.normal_map is not None:
        bump = 2 * maps.read(surface.normal_map, "data") - 1
        bump = bump * bump.new_tensor([surface.normal_scale, surface.normal_scale, 1.0])[:, None]
        tangent, bitangent = _tangents(soup, surface.normal_map, maps, edges, normal)
        normal = unit(tangent * bump[0] + bitangent * bump[1] + normal * bump[2])
    return torch.where(points.back, -normal, normal)


def _tangents(
    soup: Soup,
    use: TextureUse,
    maps: _Maps,
    edges: tuple[torch.Tensor, torch.Tensor],
    normal: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Where u grows and where v shrinks on the surface: the file's tangents, or those of the coordinates."""
    import torch

    points = maps.points
    first, second, third = (move_uv(use, soup.uvs[use.uv_set][:, corner]) for corner in points.corners)
    (u1, v1), (u2, v2) = second - first, third - first
    area = u1 * v2 - u2 * v1
    along = unit((edges[0] * v2 - edges[1] * v1) * area.sign())
    sign = -area.sign()
    if soup.tangents is not None:
        stored = points.value(soup.tangents)
        there = dot(stored, stored) > 1e-12
        along, sign = torch.where(there, stored[:3], along), torch.where(there, stored[3].sign(), sign)
    along = unit(along - normal * dot(along, normal))
    return along, torch.linalg.cross(normal, along, dim=0) * sign


def color_at(
    soup: Soup,
    surface: Surface,
    points: Points,
    textures: Textures,
    view: View,
    surroundings: Surroundings,
    lights: Sequence[Light],
) -> tuple[torch.Tensor, torch.Tensor]:
    """The color (3, N) in linear light from 0 to 1, and the alpha (N,), of points of one surface."""
    import torch

    maps = _Maps(soup, points, textures, {})
    color, alpha = _base(surface, maps)
    if alpha is None or surface.alpha_mode == "MASK":
        alpha = torch.ones_like(points.depth)
    if surface.unlit:
        return color.clamp(0, 1), alpha.clamp(0, 1)
    position = points.value(soup.positions)
    metallic = _factor(surface.metallic, color).expand(color.shape[1:])
    roughness = _factor(surface.roughness, color).expand(color.shape[1:])
    if surface.metallic_roughness_map is not None:
        texels = maps.read(surface.metallic_roughness_map, "data")
        metallic, roughness = metallic * texels[2], roughness * texels[1]
    occlusion = None
    if surface.occlusion_map is not None:
        red = maps.read(surface.occlusion_map, "data")[0]
        occlusion = 1 + surface.occlusion_strength * (red - 1)
    shown = Shown(
        color=color,
        metallic=metallic.clamp(0, 1),
        roughness=roughness.clamp(0, 1),
        occlusion=occlusion,
        position=position,
        normal=_normal(soup, surface, maps),
        to_eye=view.to_eye(position),
    )
    light = answer(shown, surroundings, lights)
    emissive = _factor(surface.emissive, color)
    if emissive.requires_grad or bool((emissive > 0).any()):
        glow = emissive[:, None].expand_as(light)
        light = light + (glow if surface.emissive_map is None else glow * maps.read(surface.emissive_map, "color"))
    return compress(light).clamp(0, 1), alpha.clamp(0, 1)
