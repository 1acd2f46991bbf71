"""Where a picture is taken from: cameras around a mesh, and what they see as coordinates of samples."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..errors import InputValueError
from .lighting import unit
from .scene import Camera

if TYPE_CHECKING:
    import torch

    from .scene import Values

__all__ = ["View", "make_view", "orbit", "yaw_of"]

# What lies nearer than this share of the farthest corner is cut away. Depth is compared as floats with a relative
# precision, which does not suffer from a small one.
_NEAR = 1e-4
_MARGIN = 1.06  # of the picture around the mesh


def _axes(yaw: float, pitch: float) -> tuple[tuple[float, float, float], ...]:
    """Right, up and back of a camera that looks at the origin from yaw and pitch, in degrees."""
    sin, cos = math.sin(math.radians(yaw)), math.cos(math.radians(yaw))
    rise, level = math.sin(math.radians(pitch)), math.cos(math.radians(pitch))
    return (cos, 0.0, -sin), (-sin * rise, level, -cos * rise), (sin * level, rise, cos * level)


def orbit(
    positions: torch.Tensor, yaws: Sequence[float], pitch: float, fov: float, aspect: float
) -> tuple[Camera, ...]:
    """Cameras around a mesh, all as far away from it that each sees all of it.

    Args:
        positions: (3, N).
        yaws: degrees around the vertical axis: 0 is in front, on positive z, 90 on positive x.
        pitch: degrees above the horizon.
        fov: the vertical angle of view, in degrees.
        aspect: width through height of the picture.
    """
    import torch

    positions = positions.detach()
    if positions.shape[1] == 0:
        positions = positions.new_zeros((3, 1))
    low, high = positions.amin(1), positions.amax(1)
    center = (low + high) / 2
    around = positions - center[:, None]
    tangent = math.tan(math.radians(fov) / 2) / _MARGIN
    distances = []
    for yaw in yaws:
        across, up, towards = (x * around[0] + y * around[1] + z * around[2] for x, y, z in _axes(yaw, pitch))
        distances.append((towards + torch.maximum(up.abs(), across.abs() / aspect) / tangent).amax())
    # A point has no size to be far from.
    distance = max(float(torch.stack(distances).amax()), 1e-6 * float(center.abs().max()), 1e-12)
    middle = center.double().cpu().numpy()
    cameras = []
    for yaw in yaws:
        matrix = np.eye(4)
        matrix[:3, :3] = np.array(_axes(yaw, pitch)).T
        matrix[:3, 3] = middle + distance * matrix[:3, 2]
        cameras.append(Camera(matrix, fov=fov))
    return tuple(cameras)


def yaw_of(camera: Camera) -> float:
    """From where around the vertical axis a camera looks, in degrees."""
    matrix = np.asarray(_plain(camera.matrix), np.float64)
    return math.degrees(math.atan2(matrix[0, 2], matrix[2, 2]))


@dataclass(frozen=True, slots=True)
class View:
    """A camera over a grid of samples, on the device of the work and in doubles where it has them.

    Args:
        rotation: (3, 3), its rows the camera's axes in the world: right, up and back.
        eye: (3,), where it is.
        perspective: whether what is far is small.
        scale: samples a meter, at a distance of one meter in perspective.
        height, width: of the grid, in samples.
        near: what is nearer is cut away, in meters.
    """

    rotation: torch.Tensor
    eye: torch.Tensor
    perspective: bool
    scale: float
    height: int
    width: int
    near: float

    def place(self, positions: torch.Tensor) -> torch.Tensor:
        """Where points (3, N) of the world lie: (3, N) of x * w and y * w in samples, and the depth in meters.

        In perspective w is the depth, else 1.
        """
        import torch

        seen = positions.to(self.eye.dtype) - self.eye[:, None]
        # No matrix product, whose precision TF32 and autocast may lower.
        across, up, back = (row[0] * seen[0] + row[1] * seen[1] + row[2] * seen[2] for row in self.rotation)
        depth = -back
        w = depth if self.perspective else 1.0
        x = self.scale * across + self.width / 2 * w
        y = self.height / 2 * w - self.scale * up
        return torch.stack((x, y, depth))

    def to_eye(self, positions: torch.Tensor) -> torch.Tensor:
        """The directions (3, N) from points of the world to the eye, of length 1."""
        if not self.perspective:
            return self.rotation[2].to(positions)[:, None].expand_as(positions)
        return unit(self.eye.to(positions)[:, None] - positions)


def make_view(camera: Camera, height: int, width: int, positions: torch.Tensor) -> View:
    """A camera over a grid of samples, for points (3, N) whose device and dtype the work has."""
    import torch

    matrix = torch.as_tensor(_plain(camera.matrix), dtype=torch.float64)
    if matrix.shape != (4, 4) or not bool(torch.isfinite(matrix).all()):
        raise InputValueError("camera", "a matrix of 4 by 4 numbers", f"one of {tuple(matrix.shape)}", "pass one")
    # A scale of nodes above a camera is none of its own (glTF 2.0, section 3.10).
    axes = matrix[:3, :3] / matrix[:3, :3].norm(dim=0, keepdim=True)
    scale = height / camera.height if camera.fov is None else height / 2 / math.tan(math.radians(camera.fov) / 2)
    # What is cut by the near plane may reach a thousand times as far; Metal has no doubles.
    exact = torch.float32 if positions.device.type == "mps" else torch.float64
    rotation, eye = (each.to(positions.device, exact) for each in (axes.T.contiguous(), matrix[:3, 3]))
    near = camera.near
    if near is None:
        seen = eye[:, None] - positions.detach().to(exact)
        depths = rotation[2][0] * seen[0] + rotation[2][1] * seen[1] + rotation[2][2] * seen[2]
        near = max(_NEAR * float(depths.max()), 1e-30) if positions.shape[1] else 1.0
    return View(rotation, eye, camera.fov is not None, scale, height, width, near)


def _plain(values: Values) -> object:
    return values.detach().cpu() if hasattr(values, "detach") else np.asarray(values, np.float64)
