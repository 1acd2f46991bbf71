"""Pixels that move and stay as they are: one copy, whatever holds them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, cast

from .._pixels import TOP, Opened, PixelSource, PixelTarget, Spec, adapter
from ..types import ImageT

if TYPE_CHECKING:
    import numpy as np
    import torch
    from PIL import Image

    Array: TypeAlias = np.ndarray[Any, Any]

__all__ = ["Move", "move_pixels"]


class Move(Protocol):
    """Where pixels go."""

    def new_size(self, height: int, width: int, /) -> tuple[int, int]:
        """The height and width of the result."""

    def fill_array(self, source: Array, into: Array, color: Sequence[float], /) -> None:
        """Fill `into` (new H, new W) or (new H, new W, C) from `source`, an array of the same dtype and channels."""

    def of_picture(self, image: Image.Image, color: Sequence[float], /) -> Image.Image | None:
        """A PIL image made by Pillow; None where filling an array is as fast."""

    def of_tensor(self, tensor: torch.Tensor, color: Sequence[float], /) -> torch.Tensor:
        """A tensor (..., C, new H, new W) of one (..., C, H, W), with its gradient."""


def move_pixels(opened: Opened[ImageT], move: Move, fill: Sequence[float] = ()) -> ImageT:
    """Make the image whose pixels lie where `move` says; `fill` has a value in [0, 1] for each plane, R, G, B, A.

    The result is always fresh memory.
    """
    spec = opened.spec
    dtype = "uint8" if spec.dtype == "bool" else spec.dtype
    height, width = move.new_size(spec.height, spec.width)
    into = replace(spec, dtype=dtype, height=height, width=width)
    color = _in_units(fill or [0.0] * spec.channels, into)
    own = adapter(spec.kind)
    picture: Any = _move_picture(opened, move, color) if own.has_modes else None
    if picture is not None:
        return cast(ImageT, picture)
    source = own.view_on_host(opened.pixels)
    if source is None:
        return cast(ImageT, _move_on_device(opened, move, color))
    target = own.create(into, spec.channels, dtype)
    for index in spec.indices:
        _move_on_host(source, target, index, move, color)
    return cast(ImageT, own.finish(target, into))


def _move_picture(opened: Opened[Any], move: Move, color: list[float]) -> Image.Image | None:
    """Move the pixels of a PIL image by Pillow itself, where that is faster; a color key needs planes."""
    picture: Any = opened.pixels
    if picture.key is not None:
        return None
    moved = move.of_picture(picture.image, color)
    if moved is not None:
        moved.info = dict(opened.spec.info)
    return moved


def _in_units(fill: Sequence[float], spec: Spec) -> list[float]:
    """Values in [0, 1] in the image's own units."""
    top = TOP.get(spec.dtype)
    return [value if top is None else round(value * top) for value in fill]


def _swap_red_blue(parts: Sequence[float], bgr: bool) -> list[float]:
    return [parts[2], parts[1], parts[0], *parts[3:]] if bgr and len(parts) >= 3 else list(parts)


def _move_on_host(
    source: PixelSource, target: PixelTarget, index: tuple[int, ...], move: Move, color: list[float]
) -> None:
    import numpy as np

    from .._adapters import numpy as arrays

    rows = slice(None)
    if source.dtype == target.dtype and source.is_interleaved == target.is_interleaved:
        part, into = source.block(index, rows), target.block(index, rows)
        channels_at = -1 if source.is_interleaved else 0
        if part.shape[channels_at] == into.shape[channels_at]:
            part = part if part.dtype == into.dtype else part.astype(into.dtype)
            _move_block(part, into, source.is_interleaved, move, _swap_red_blue(color, target.bgr))
            target.commit(rows, into)
            return
    planes = [arrays.cast(plane, target.dtype) for plane in source.read(index, rows)]
    moved = [np.empty(move.new_size(*planes[0].shape), target.dtype) for _ in planes]
    for plane, result, value in zip(planes, moved, color, strict=True):
        move.fill_array(plane, result, [value])
    target.write(index, rows, moved)


def _move_block(part: Array, into: Array, is_interleaved: bool, move: Move, color: list[float]) -> None:
    """Move pixels as they lie in memory: the channels of a pixel side by side, or a plane behind the other."""
    if is_interleaved and part.shape[-1] > 1:
        # Pillow keeps RGB in four bytes, the last of them 255.
        move.fill_array(part, into, color if len(color) == into.shape[-1] else [*color, 255])
        return
    axis = -1 if is_interleaved else 0
    for channel, value in enumerate(color):
        move.fill_array(_channel(part, channel, axis), _channel(into, channel, axis), [value])


def _channel(block: Array, channel: int, axis: int) -> Array:
    return block[channel] if axis == 0 else block[..., channel]


def _move_on_device(opened: Opened[Any], move: Move, color: list[float]) -> Any:
    import torch

    from .._adapters import torch as tensors

    tensor: torch.Tensor = opened.pixels.image
    if tensor.dtype == torch.bool:
        tensor = tensors.cast(tensor, torch.uint8)
    color = _swap_red_blue(color, opened.spec.bgr)
    if tensor.dtype != torch.uint16:
        return tensors.in_subclass(move.of_tensor(tensor, color).contiguous(), opened.spec)
    # torch has few functions for 16-bit codes, and all of them for the signed numbers of the same bits.
    bits = [value - 65536 if value > 32767 else value for value in color]
    moved = move.of_tensor(tensor.view(torch.int16), bits).contiguous().view(torch.uint16)
    return tensors.in_subclass(moved, opened.spec)
