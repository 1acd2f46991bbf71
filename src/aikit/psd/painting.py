"""From layers to pixels: what one layer paints, and the entire document drawn by psd-tools' compositor."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, cast

import numpy as np

from .._raster.guard import check_size
from ..errors import InputValueError, LimitError
from ..limits import Limits
from .channels import COLORS, DTYPES, SHAPE, TOPS, Codes, read_channel, read_colors, unpack
from .masks import FILLS, Box, coverage, join, needs_joining
from .parsing import is_group, mode_of, parse, real_size, serialize, translate_errors

if TYPE_CHECKING:
    from psd_tools import PSDImage
    from psd_tools.api.layers import Group, Layer as RawLayer

__all__ = ["Painted", "box_of", "check_drawable", "draw_layers", "layer_pixels"]

# Colors (H, W, C) and alpha (H, W) in codes of the document.
Painted = tuple[Codes, Codes]

# Bytes a pixel that psd-tools' compositor holds at its peak for one layer on the canvas, and for each group around
# it: measured with tracemalloc on 4 RGB layers, 109 and 52, and rounded up.
_BYTES_CANVAS, _BYTES_GROUP = 120, 60

# The longest side psd-tools draws; a larger canvas is drawn in tiles.
_FARTHEST = 30_000


def box_of(raw: RawLayer) -> Box:
    """Find where a layer's pixels lie; of a group, the smallest box around all layers in it, hidden ones too."""
    if not is_group(raw):
        left, top, right, bottom = (int(side) for side in raw.bbox)
        return (left, top, right, bottom) if left < right and top < bottom else (0, 0, 0, 0)
    boxes = [box for box in map(box_of, raw) if box != (0, 0, 0, 0)]
    if not boxes:
        return 0, 0, 0, 0
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    return min(lefts), min(tops), max(rights), max(bottoms)


def layer_pixels(raw: RawLayer, mode: str, name: str, limits: Limits | None) -> tuple[Painted, Box] | None:
    """Paint one layer under its own masks, before its opacity and effects; None where it has no pixels."""
    box = box_of(raw)
    if box == (0, 0, 0, 0):
        return None
    height, width = box[3] - box[1], box[2] - box[0]
    check_size(name, width, height, limits)
    with translate_errors(name):
        painted = _group(raw, box, name, limits) if is_group(raw) else _read_stored(raw, mode, (height, width), name)
        if painted is None:
            painted = _fill(raw, box)
        if painted is None:
            return None
        colors, alpha = painted
        share = coverage(raw, box, name)
    if share is not None:
        alpha = _codes(alpha.astype(np.float32) / np.float32(TOPS[raw._psd.depth]) * share, raw._psd.depth)
    return (colors, alpha), box


def _read_stored(raw: RawLayer, mode: str, size: tuple[int, int], name: str) -> Painted | None:
    colors = read_colors(raw, COLORS[mode], name)
    if colors is None:
        return None
    alpha = read_channel(raw, SHAPE, size, name)
    depth = raw._psd.depth
    return colors, np.full(size, TOPS[depth], DTYPES[depth]) if alpha is None else alpha


def _fill(raw: RawLayer, box: Box) -> Painted | None:
    """The paint of a fill or shape layer that stores no pixels."""
    from psd_tools.composite.paint import create_fill

    if raw.kind not in ("shape", *FILLS):
        return None
    colors, shape = create_fill(raw, box)
    if colors is None:
        return None
    alpha = np.ones(colors.shape[:2], np.float32) if shape is None else shape[..., 0]
    return _codes(colors, raw._psd.depth), _codes(alpha, raw._psd.depth)


def _group(raw: Group, box: Box, name: str, limits: Limits | None) -> Painted:
    return _composite(raw, box, lambda layer: bool(layer.visible), name, limits)


def draw_layers(raw: PSDImage, name: str, limits: Limits | None) -> Painted:
    """Draw the document from its layers, transparent where they are."""
    box = 0, 0, raw.width, raw.height
    if len(raw) == 0:
        header = raw._record.header
        colors = np.zeros((raw.height, raw.width, COLORS[mode_of(raw)]), DTYPES[header.depth])
        return colors, np.zeros(colors.shape[:2], colors.dtype)
    with translate_errors(name):
        return _composite(raw, box, None, name, limits)


def _composite(
    raw: Group | PSDImage, box: Box, accepts: Callable[[RawLayer], bool] | None, name: str, limits: Limits | None
) -> Painted:
    from psd_tools.composite import composite

    layers = list(_walk_visible(raw, 0))
    if limits is not None:
        _check_cost(box, layers, raw._psd.channels, name, limits)
    for layer, _ in layers:
        _check_channels(layer, name)
        _check_side(layer, name)
    raw, depth = _with_plain_masks(raw, name), raw._psd.depth
    rows = []
    for top in range(box[1], box[3], _FARTHEST):
        row = []
        for left in range(box[0], box[2], _FARTHEST):
            tile = left, top, min(box[2], left + _FARTHEST), min(box[3], top + _FARTHEST)
            colors, _, alpha = composite(raw, color=1.0, alpha=0.0, viewport=tile, layer_filter=accepts)
            row.append((_codes(colors, depth), _codes(alpha[..., 0], depth)))
        rows.append(_join_tiles(row, axis=1))
    return _join_tiles(rows, axis=0)


def _join_tiles(tiles: list[Painted], axis: int) -> Painted:
    if len(tiles) == 1:
        return tiles[0]
    colors, alphas = zip(*tiles, strict=True)
    return np.concatenate(colors, axis), np.concatenate(alphas, axis)


def _with_plain_masks(raw: Group | PSDImage, name: str) -> Group | PSDImage:
    """The same document or group where psd-tools can draw all masks, else a copy with masks that it can draw."""
    document = cast("PSDImage", raw._psd)
    layers = list(document.descendants())
    joined = [number for number, layer in enumerate(layers) if layer.visible and needs_joining(layer)]
    if not joined:
        return raw
    copied = parse(serialize(document, name), name, None)
    copies = list(copied.descendants())
    for number in joined:
        layer = copies[number]
        join(layer, (0, 0, copied.width, copied.height) if layer.is_group() else box_of(layer), name)
    return next((copy for copy, layer in zip(copies, layers, strict=True) if layer is raw and is_group(copy)), copied)


def _walk_visible(group: Group | PSDImage, depth: int) -> Iterator[tuple[RawLayer, int]]:
    for layer in group:
        if layer.visible:
            yield layer, depth
            if is_group(layer):
                yield from _walk_visible(layer, depth + 1)


def _check_cost(box: Box, layers: list[tuple[RawLayer, int]], channels: int, name: str, limits: Limits) -> None:
    """Drawing takes canvases, a few for each group that is open, and the time of every layer on all of the canvas."""
    canvas = (box[2] - box[0]) * (box[3] - box[1])
    depth = max((depth for _, depth in layers), default=0)
    limits.check(name, "pixels", "max_output_pixels", canvas)
    limits.check(name, "pixels of layers on the canvas", "max_total_pixels", canvas * len(layers))
    cost = canvas * max(channels, 3) * (_BYTES_CANVAS + _BYTES_GROUP * depth) // 3
    limits.check(name, "bytes of memory", "max_memory", cost)


def check_drawable(subject: str, size: tuple[int, ...]) -> None:
    """Refuse an image that would make a layer with which the document cannot be drawn, and so not be saved."""
    if max(size) > _FARTHEST:
        raise InputValueError(
            subject,
            f"at most {_FARTHEST} pixels a side, which can be drawn",
            f"{size[1]}x{size[0]}",
            "cut it, and add the parts one by one",
        )


def _check_side(raw: RawLayer, name: str) -> None:
    left, top, right, bottom = box_of(raw)
    if not raw.is_group() and max(right - left, bottom - top) > _FARTHEST:
        raise LimitError(
            name,
            f"layers of at most {_FARTHEST} pixels a side to draw",
            f"{right - left}x{bottom - top}",
            "hide it, or cut it",
            limit="side",
            allowed=_FARTHEST,
            found=max(right - left, bottom - top),
        )


def _check_channels(raw: RawLayer, name: str) -> None:
    """Unpack every channel that will be drawn: psd-tools would draw black for one that is damaged."""
    header, record = raw._psd._record.header, raw._record
    size = record.bottom - record.top, record.right - record.left
    sizes = {-2: (0, 0), -3: (0, 0)}
    if (mask := record.mask_data) is not None:
        sizes[-2] = mask.bottom - mask.top, mask.right - mask.left
        sizes[-3] = real_size(mask)
    for info, data in zip(record.channel_info, raw._channels, strict=False):
        place = sizes.get(int(info.id), size)
        if data.data and min(place) > 0:
            unpack(data.data, int(data.compression), place, header.depth, header.version, name)


def _codes(values: Codes, depth: int) -> Codes:
    """Floats in [0, 1] as codes of the document; 32 bits are floats."""
    if depth == 32:
        return values.astype(np.float32, copy=False)
    top = TOPS[depth]
    codes: Codes = np.rint(np.clip(values, 0, 1) * top).astype(DTYPES[depth])
    return codes
