"""Textures on the device of the work: levels of smaller and smaller copies, and what they show between texels.

Source: glTF 2.0, section 3.8.4; OpenGL 4.6, sections 8.14 (level of detail, filters and wrapping).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ..color import rgb
from ..errors import InputValueError
from .lighting import to_light
from .scene import Filter, Picture, Sampler, TextureUse, Wrap

if TYPE_CHECKING:
    import torch

__all__ = ["Holds", "Texture", "load_texture", "move_uv", "read_texture"]

# What texels hold: light of sRGB colors, alone or multiplied by their alpha, which stands in a fourth channel; or
# numbers as they are.
Holds = Literal["color", "color_and_alpha", "data"]


@dataclass(frozen=True, slots=True)
class Texture:
    """A picture and its smaller copies.

    Args:
        texels: (C, N), all levels behind each other, rows from above.
        sizes: height and width of each level.
        starts: (L,) where each begins.
        heights, widths: (L,), the sizes again.
    """

    texels: torch.Tensor
    sizes: tuple[tuple[int, int], ...]
    starts: torch.Tensor
    heights: torch.Tensor
    widths: torch.Tensor


def load_texture(picture: Picture, holds: Holds, like: torch.Tensor) -> Texture:
    """Decode a picture and make its levels, of the device and dtype of a tensor. Levels are means of light."""
    import torch

    levels = _levels(picture, holds, like)
    sizes = [(level.shape[-2], level.shape[-1]) for level in levels]
    counts = [height * width for height, width in sizes]

    def numbers(values: list[int]) -> torch.Tensor:
        return torch.tensor(values, device=like.device)

    starts = [sum(counts[:at]) for at in range(len(counts))]
    texels = torch.cat([level.flatten(1) for level in levels], 1)
    heights, widths = (numbers([size[axis] for size in sizes]) for axis in (0, 1))
    return Texture(texels, tuple(sizes), numbers(starts), heights, widths)


def _levels(picture: Picture, holds: Holds, like: torch.Tensor) -> list[torch.Tensor]:
    import torch

    values = picture.read()
    if isinstance(values, np.ndarray):
        _check(values.shape[2:] or (1,), values.ndim + (values.ndim == 2), values.size, picture)
        if like.dtype == torch.float32:
            return [
                torch.from_numpy(level).permute(2, 0, 1).to(like.device) for level in _levels_on_host(values, holds)
            ]
        top = np.iinfo(values.dtype).max if values.dtype.kind == "u" else 1
        values = torch.from_numpy(np.atleast_3d(values).astype(np.float64) / top).permute(2, 0, 1)
    _check(tuple(values.shape[:1]), values.ndim, values.numel(), picture)
    planes = _hold(list(values.to(like)), holds)
    return _halve_planes(torch.stack(planes))


def _check(channels: tuple[int, ...], axes: int, size: int, picture: Picture) -> None:
    if axes != 3 or not size or channels[0] not in (1, 2, 3, 4):
        raise InputValueError(
            picture.name, "one picture of 1 to 4 channels", f"{axes} axes and {channels} channels", "pass another"
        )


def _hold(planes: list[torch.Tensor], holds: Holds) -> list[torch.Tensor]:
    import torch

    color = planes[: len(planes) - 1 + len(planes) % 2]  # without the alpha of 2 and 4 channels
    color = color * 3 if len(color) == 1 else color
    if holds == "data":
        return color
    color = [to_light(plane) for plane in color]
    if holds == "color":
        return color
    alpha = planes[-1] if len(planes) in (2, 4) else torch.ones_like(planes[0])
    return [*(plane * alpha for plane in color), alpha]


def _halve_planes(planes: torch.Tensor) -> list[torch.Tensor]:
    """The same for tensors, with gradients."""
    from torch.nn import functional

    levels = [planes]
    while max(planes.shape[-2:]) > 1:
        size = max(1, planes.shape[-2] // 2), max(1, planes.shape[-1] // 2)
        planes = functional.adaptive_avg_pool2d(planes[None], size)[0]
        levels.append(planes)
    return levels


def _levels_on_host(values: np.ndarray[Any, Any], holds: Holds) -> list[np.ndarray[Any, Any]]:
    """Levels (H, W, C) of float32."""
    import cv2

    values = np.ascontiguousarray(values[..., None] if values.ndim == 2 else values)
    count = values.shape[2]
    if count < 3:
        values = values[..., [0, 0, 0, 1][: 3 if count == 1 else 4]]
    with_alpha = values.shape[2] == 4
    if with_alpha and holds != "color_and_alpha":
        values = np.ascontiguousarray(values[..., :3])
    texels = _look_up(values, linear=holds != "data")
    if holds == "color_and_alpha":
        if with_alpha:
            texels[..., :3] *= texels[..., 3:]
        else:
            texels = np.concatenate([texels, np.ones_like(texels[..., :1])], 2)
    levels = [texels]
    while max(texels.shape[:2]) > 1:
        size = max(1, texels.shape[1] // 2), max(1, texels.shape[0] // 2)
        texels = np.asarray(cv2.resize(texels, size, interpolation=cv2.INTER_AREA)).reshape(*size[::-1], -1)
        levels.append(texels)
    return levels


def _look_up(codes: np.ndarray[Any, Any], *, linear: bool) -> np.ndarray[Any, Any]:
    """Codes as floats, alpha as it is: colors as light where that is asked for."""
    import cv2

    from .._adapters.numpy import namespace

    if codes.dtype != np.uint8:
        top = np.iinfo(codes.dtype).max if codes.dtype.kind == "u" else 1
        values = codes.astype(np.float32) / np.float32(top)
        if linear:
            values[..., :3] = rgb.decode(namespace, [values[..., :3]], None)[0]
        return values
    table = np.arange(256, dtype=np.float32) / np.float32(255)
    curve = np.asarray(_curve(), np.float32) if linear else table
    tables = np.stack([curve] * 3 + [table] * (codes.shape[2] - 3), 1)[None]
    return np.asarray(cv2.LUT(codes, tables))


@lru_cache(maxsize=1)
def _curve() -> tuple[float, ...]:
    """The light of each code of sRGB."""
    import torch

    codes = torch.arange(256, dtype=torch.float64) / 255
    return tuple(to_light(codes).tolist())


def move_uv(use: TextureUse, uv: torch.Tensor) -> torch.Tensor:
    """Move coordinates (2, N), or their changes, as KHR_texture_transform says; the offset is left out."""
    import torch

    cos, sin = math.cos(use.rotation), math.sin(use.rotation)
    u, v = uv[0] * use.scale[0], uv[1] * use.scale[1]
    return torch.stack((cos * u + sin * v, cos * v - sin * u))


def read_texture(texture: Texture, use: TextureUse, uv: torch.Tensor, changes: torch.Tensor) -> torch.Tensor:
    """What a texture shows.

    Args:
        texture: its levels.
        use: its sampler, and how coordinates are moved.
        uv: (2, N), the coordinates of the file.
        changes: (2, 2, N), how they change from a sample to its right and to its lower neighbor.

    Returns:
        (C, N).
    """
    import torch

    moved = move_uv(use, uv) + uv.new_tensor(use.offset)[:, None]
    level = _level_of(texture, torch.stack([move_uv(use, each) for each in changes]))
    sampler = use.sampler
    deepest = len(texture.sizes) - 1
    if sampler.mipmap is None or deepest == 0:
        minified = _read_level(texture, sampler, sampler.minify, moved, torch.zeros_like(level).long())
    elif sampler.mipmap == "nearest":
        minified = _read_level(texture, sampler, sampler.minify, moved, level.round().clamp(0, deepest).long())
    else:
        below = level.clamp(0, deepest)
        lower = below.floor().clamp(max=deepest - 1)
        share = below - lower
        first, second = (_read_level(texture, sampler, sampler.minify, moved, lower.long() + k) for k in (0, 1))
        minified = first + (second - first) * share
    if sampler.magnify == sampler.minify:
        return minified
    magnified = _read_level(texture, sampler, sampler.magnify, moved, torch.zeros_like(level).long())
    return torch.where(level <= 0, magnified, minified)


def _level_of(texture: Texture, changes: torch.Tensor) -> torch.Tensor:
    """The level of detail, (N,): 0 where a sample is a texel, 1 where it is two wide."""
    import torch

    height, width = texture.sizes[0]
    with torch.no_grad():
        u, v = changes[:, 0] * width, changes[:, 1] * height
        return (u * u + v * v).amax(0).clamp(min=1e-12).log2() / 2


def _read_level(texture: Texture, sampler: Sampler, how: Filter, uv: torch.Tensor, level: torch.Tensor) -> torch.Tensor:
    """Read one level for each of (2, N) coordinates."""
    import torch

    width, height, start = texture.widths[level], texture.heights[level], texture.starts[level]
    if how == "nearest":
        column = _wrap((uv[0] * width).floor().long(), width, sampler.wrap_u)
        row = _wrap((uv[1] * height).floor().long(), height, sampler.wrap_v)
        return _pick(texture.texels, start + row * width + column)
    x, y = uv[0] * width - 0.5, uv[1] * height - 0.5
    left, top = x.floor(), y.floor()
    right_share, low_share = x - left, y - top
    columns = _wrap_two(left.long(), width, sampler.wrap_u)
    rows = [start + row * width for row in _wrap_two(top.long(), height, sampler.wrap_v)]
    left_texels, right_texels = ([_pick(texture.texels, row + column) for row in rows] for column in columns)
    upper, lower = (torch.lerp(*pair, right_share) for pair in zip(left_texels, right_texels, strict=True))
    return torch.lerp(upper, lower, low_share)


def _pick(texels: torch.Tensor, at: torch.Tensor) -> torch.Tensor:
    return texels.gather(1, at.expand(len(texels), -1))


def _wrap_two(at: torch.Tensor, size: torch.Tensor, how: Wrap) -> tuple[torch.Tensor, torch.Tensor]:
    """Bring the numbers of columns and of the next ones into a level."""
    import torch

    first = _wrap(at, size, how)
    if how != "repeat":
        return first, _wrap(at + 1, size, how)
    following = first + 1  # a remainder takes six times as long
    return first, torch.where(following == size, 0, following)


def _wrap(at: torch.Tensor, size: torch.Tensor, how: Wrap) -> torch.Tensor:
    """Bring the number of a column or row into a level."""
    import torch

    if how == "clamp":
        return torch.minimum(at.clamp(min=0), size - 1)
    if how == "repeat":
        return torch.remainder(at, size)
    there_and_back = torch.remainder(at, 2 * size)
    return torch.minimum(there_and_back, 2 * size - 1 - there_and_back)
