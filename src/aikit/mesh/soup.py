"""All triangles of a scene as tensors of one device, and what lies between their corners."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..errors import InputValueError, quoted
from .raster import STEPS
from .scene import Primitive, Scene, Surface, TextureUse

if TYPE_CHECKING:
    import torch

    from .raster import Covered, Triangles
    from .scene import Values

__all__ = ["Points", "Soup", "depth_at", "gather", "interpolate"]


@dataclass(frozen=True, slots=True)
class Soup:
    """V corners and T triangles of all primitives.

    Args:
        positions: (3, V).
        corners: (3, T), numbers of corners.
        surface: (T,), numbers among `surfaces`.
        surfaces: how they look, each once.
        both_sides: (T,), whether the back is drawn.
        normals: (3, V); 0 where faces are flat.
        tangents: (4, V); 0 where there are none.
        uvs: a (2, V) for each set that a texture uses, and for the first; 0 where a primitive has none.
        colors: (4, V), or None where all are white.
    """

    positions: torch.Tensor
    corners: torch.Tensor
    surface: torch.Tensor
    surfaces: tuple[Surface, ...]
    both_sides: torch.Tensor
    normals: torch.Tensor
    tangents: torch.Tensor | None
    uvs: tuple[torch.Tensor, ...]
    colors: torch.Tensor | None


def gather(scene: Scene, device: torch.device) -> Soup:
    """Put the primitives of a scene together on a device.

    Raises:
        InputValueError: arrays whose shapes do not go together, or faces of corners that are not there.
    """
    import torch

    primitives = [each for each in scene.primitives if len(each.faces) and len(each.positions)]
    # Files have no more than float32; who makes tensors of more wants it, for derivatives.
    wide = any(
        isinstance(each.positions, torch.Tensor) and each.positions.dtype == torch.float64 for each in primitives
    )
    dtype = torch.float64 if wide else torch.float32

    def planes(primitive: Primitive, values: Values | None, width: int, fill: float = 0.0) -> torch.Tensor:
        count = len(primitive.positions)
        if values is None:
            return torch.full((width, count), fill, dtype=dtype, device=device)
        # Colors may come without alpha.
        if values.ndim != 2 or values.shape[0] != count or values.shape[1] not in (width, 3 if fill else width):
            shape = f"({count}, {width})"
            raise InputValueError(scene.name, f"values of shape {shape}", quoted(tuple(values.shape)), "mend the mesh")
        found = _tensor(values).to(device, dtype).T
        return found if len(found) == width else torch.cat([found, torch.ones_like(found[:1])])

    surfaces = {id(each.surface): each.surface for each in primitives}
    numbers = {key: at for at, key in enumerate(surfaces)}
    sets = max((use.uv_set for look in surfaces.values() for use in _maps(look)), default=0) + 1
    starts = np.cumsum([0, *(len(each.positions) for each in primitives)]).tolist()
    faces = [
        (_check_faces(_tensor(each.faces), len(each.positions), scene.name).to(device) + start).T
        for each, start in zip(primitives, starts, strict=False)
    ]
    counts = [len(each.faces) for each in primitives]
    surface = torch.from_numpy(np.repeat([numbers[id(each.surface)] for each in primitives], counts).astype(np.int64))
    surface = surface.to(device)
    double = torch.tensor([each.double_sided for each in surfaces.values()], dtype=torch.bool, device=device)

    def all_of(name: str, width: int, fill: float = 0.0) -> torch.Tensor | None:
        if all(getattr(each, name) is None for each in primitives):
            return None
        return torch.cat([planes(each, getattr(each, name), width, fill) for each in primitives], 1)

    def all_uvs(index: int) -> torch.Tensor:
        each_uv = [planes(each, each.uvs[index] if index < len(each.uvs) else None, 2) for each in primitives]
        return torch.cat(each_uv, 1)

    empty = torch.zeros((3, 0), dtype=dtype, device=device)
    positions = all_of("positions", 3)
    normals = all_of("normals", 3)
    return Soup(
        positions=empty if positions is None else positions,
        corners=torch.cat(faces, 1) if faces else empty.long(),
        surface=surface,
        surfaces=tuple(surfaces.values()),
        both_sides=double[surface] if surfaces else surface.bool(),
        normals=torch.zeros_like(empty if positions is None else positions) if normals is None else normals,
        tangents=all_of("tangents", 4),
        uvs=tuple(all_uvs(index) for index in range(sets)) if primitives else (empty[:2],),
        colors=all_of("colors", 4, 1.0),
    )


def _tensor(values: Values) -> torch.Tensor:
    import torch

    return torch.from_numpy(np.array(values)) if isinstance(values, np.ndarray) else values


def _check_faces(faces: torch.Tensor, count: int, name: str) -> torch.Tensor:
    if faces.ndim != 2 or faces.shape[1] != 3:
        raise InputValueError(name, "faces of shape (F, 3)", quoted(tuple(faces.shape)), "mend the mesh")
    faces = faces.long()
    low, high = (int(each) for each in faces.aminmax())
    if low < 0 or high >= count:
        raise InputValueError(
            name, f"faces of corners from 0 to {count - 1}", str(low if low < 0 else high), "mend the mesh"
        )
    return faces


def _maps(surface: Surface) -> list[TextureUse]:
    maps = (
        surface.base_color_map,
        surface.metallic_roughness_map,
        surface.normal_map,
        surface.occlusion_map,
        surface.emissive_map,
    )
    return [use for use in maps if use is not None]


@dataclass(frozen=True, slots=True)
class Points:
    """Where samples meet triangles: N of them.

    Args:
        triangle: (N,), numbers among those of the soup.
        corners: (3, N), of these.
        share: (3, N), how much of each corner.
        changes: (2, 3, N), how the shares change from a sample to its right and to its lower neighbor.
        depth: (N,) in meters.
        back: (N,), whether the back is seen.
    """

    triangle: torch.Tensor
    corners: torch.Tensor
    share: torch.Tensor
    changes: torch.Tensor
    depth: torch.Tensor
    back: torch.Tensor

    def value(self, attribute: torch.Tensor) -> torch.Tensor:
        """An attribute (C, V) between the corners: (C, N)."""
        first, second, third = (_columns(attribute, corner) for corner in self.corners)
        return first * self.share[0] + second * self.share[1] + third * self.share[2]

    def value_and_changes(self, attribute: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The same, and how it changes to the right and downwards: (2, C, N)."""
        import torch

        first, second, third = (_columns(attribute, corner) for corner in self.corners)
        value = first * self.share[0] + second * self.share[1] + third * self.share[2]
        changes = [first * each[0] + second * each[1] + third * each[2] for each in self.changes]
        return value, torch.stack(changes)


def _columns(attribute: torch.Tensor, corner: torch.Tensor) -> torch.Tensor:
    return attribute.gather(1, corner.expand(len(attribute), -1))


@dataclass(frozen=True, slots=True)
class _Shares:
    """How much samples have of the corners of their triangles in the picture (3, N), which is no perspective yet."""

    flat: torch.Tensor
    steps_x: torch.Tensor  # (2, N), from the first corner to the others
    steps_y: torch.Tensor
    area: torch.Tensor


def _shares(triangles: Triangles, covered: Covered) -> _Shares:
    import torch

    x, y = triangles.place[:, :, covered.triangle]
    right, down = covered.column.to(x.dtype) + 0.5 - x[0], covered.row.to(x.dtype) + 0.5 - y[0]
    across, along = x[1:] - x[0], y[1:] - y[0]
    # Twice the area; what is covered has at least one square step of it, whatever rounding makes of long slivers.
    area = (across[0] * along[1] - across[1] * along[0]).clamp(max=-_LEAST_AREA)
    second = ((right * along[1] - down * across[1]) / area).clamp(0, 1)
    third = ((down * across[0] - right * along[0]) / area).clamp(0, 1)
    return _Shares(torch.stack(((1 - second - third).clamp(min=0), second, third)), across, along, area)


_LEAST_AREA = 1 / STEPS**2


def depth_at(triangles: Triangles, covered: Covered) -> torch.Tensor:
    """The depth of samples in meters, (N,)."""
    near = _shares(triangles, covered).flat / triangles.w[:, covered.triangle]
    return (near * triangles.depth[:, covered.triangle]).sum(0) / near.sum(0)


def interpolate(soup: Soup, triangles: Triangles, covered: Covered) -> Points:
    """Where samples meet their triangles, with the gradients of the positions."""
    import torch

    which = covered.triangle
    at = _shares(triangles, covered)
    w = triangles.w[:, which]
    (x1, x2), (y1, y2) = at.steps_x, at.steps_y
    to_right = torch.stack((y1 - y2, y2, -y1)) / at.area
    to_down = torch.stack((x2 - x1, -x2, x1)) / at.area
    # In perspective what is linear in the picture is what was divided by the depth.
    near = at.flat / w
    total = near.sum(0)
    share = near / total
    changes = torch.stack([(each / w - share * (each / w).sum(0)) / total for each in (to_right, to_down)])
    depth = (share * triangles.depth[:, which]).sum(0)
    source = triangles.source[which]
    if triangles.weights is not None:
        weights = triangles.weights[:, :, which]
        share = (weights * share[:, None]).sum(0)
        changes = (weights[None] * changes[:, :, None]).sum(1)
    return Points(source, soup.corners[:, source], share, changes, depth, triangles.back[which])
