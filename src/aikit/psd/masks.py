"""How much of a layer its masks let through."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..resample import blur
from .channels import MASK, REAL_MASK, SHAPE, TOPS, Codes, pack, read_channel

if TYPE_CHECKING:
    from psd_tools.api.layers import Layer as RawLayer
    from psd_tools.api.mask import Mask as RawMask

__all__ = ["Box", "Mask", "coverage", "describe", "join", "needs_joining", "paste"]

# (left, top, right, bottom), in pixels of the canvas.
Box = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Mask:
    """What a layer's masks are.

    Attributes:
        bbox: (left, top, right, bottom) of the mask's pixels on the canvas; empty for a path alone.
        outside: how much of the layer shows outside that box, 0 or 1.
        enabled: whether it is switched on.
        density: how strong it is, 0 to 1; at 0 it hides nothing.
        feather: how far its edge is softened, in pixels.
        vector: whether the layer is masked by a path too, or only.
    """

    bbox: Box
    outside: float
    enabled: bool
    density: float
    feather: float
    vector: bool


def describe(raw: RawLayer) -> Mask | None:
    """The masks of a layer in a few words; None where it has none."""
    mask, vector = raw.mask, raw.vector_mask
    if mask is None:
        if vector is None:
            return None
        return Mask((0, 0, 0, 0), 0.0, not vector.disabled, 1.0, 0.0, vector=True)
    return Mask(
        mask.bbox,
        mask.background_color / 255,
        not mask.disabled,
        _density(mask),
        _feather(mask),
        vector=vector is not None,
    )


def coverage(raw: RawLayer, box: Box, name: str) -> Codes | None:
    """The share of each pixel of a box that the masks let through, float32 (H, W) in [0, 1]; None where it is all."""
    shares = [share for share in (_pixel_mask(raw, box, name), _path_mask(raw, box)) if share is not None]
    if not shares:
        return None
    return shares[0] if len(shares) == 1 else shares[0] * shares[1]


def paste(plane: Codes, at: Box, box: Box, outside: float) -> Codes:
    """Cut or extend a plane that lies at one box to another."""
    result = np.full((box[3] - box[1], box[2] - box[0], *plane.shape[2:]), outside, plane.dtype)
    left, top, right, bottom = max(at[0], box[0]), max(at[1], box[1]), min(at[2], box[2]), min(at[3], box[3])
    if left < right and top < bottom:
        result[top - box[1] : bottom - box[1], left - box[0] : right - box[0]] = plane[
            top - at[1] : bottom - at[1], left - at[0] : right - at[0]
        ]
    return result


def _pixel_mask(raw: RawLayer, box: Box, name: str) -> Codes | None:
    mask = raw.mask
    if mask is None or mask.disabled:
        return None
    size = mask.bottom - mask.top, mask.right - mask.left
    stored = read_channel(raw, REAL_MASK if mask.has_real() else MASK, size, name)
    if stored is None and size > (0, 0):
        return None
    if stored is not None and _repeats_shape(raw, mask, stored, name):
        return None
    top = TOPS[raw._psd.depth]
    outside = mask.background_color / 255
    feather = _feather(mask)
    wide = _wider(box, feather)
    share: Codes = np.full((wide[3] - wide[1], wide[2] - wide[0]), outside, np.float32)
    if stored is not None:
        share = paste(stored.astype(np.float32) / np.float32(top), mask.bbox, wide, outside)
    return _thin(_soften(share, feather), _density(mask))


def _wider(box: Box, feather: float) -> Box:
    """The box with what a feathered edge can reach from around it."""
    margin = int(np.ceil(3 * feather))
    return box[0] - margin, box[1] - margin, box[2] + margin, box[3] + margin


def _soften(share: Codes, feather: float) -> Codes:
    """Soften a share on the wider box, and cut it back."""
    if not feather:
        return share
    margin = int(np.ceil(3 * feather))
    return blur(share, feather)[margin : share.shape[0] - margin, margin : share.shape[1] - margin]


def _thin(share: Codes, density: float) -> Codes:
    return share if density == 1 else density * share + (1 - density)


def _density(mask: RawMask) -> float:
    parameters = mask.parameters
    values = (parameters.user_mask_density, parameters.vector_mask_density) if parameters else ()
    return next((value for value in values if value is not None), 255) / 255


def _feather(mask: RawMask) -> float:
    return _clamp_feather(mask.parameters.user_mask_feather) if mask.parameters else 0.0


def _clamp_feather(feather: float | None) -> float:
    """The standard deviation of a softened edge, in pixels; Photoshop's slider ends at 1000."""
    return max(0.0, min(float(feather or 0), 1000.0))


def _repeats_shape(raw: RawLayer, mask: RawMask, stored: Codes, name: str) -> bool:
    """Photoshop stores the drawn outline of shapes twice, as transparency and as mask: it counts once."""
    if raw.kind not in ("shape", *FILLS) or mask.real_flags is not None or mask.bbox != raw.bbox:
        return False
    shape = read_channel(raw, SHAPE, stored.shape, name)
    return shape is not None and np.array_equal(shape, stored)


FILLS = ("solidcolorfill", "patternfill", "gradientfill")


def _path_mask(raw: RawLayer, box: Box) -> Codes | None:
    from psd_tools.composite.utils import has_fill
    from psd_tools.composite.vector import draw_vector_mask

    if raw.vector_mask is None or raw.vector_mask.disabled:
        return None
    # The pixels of a shape are cut to its path already, and a joined mask has the path in it.
    if raw.has_pixels() and (has_fill(raw) or (raw.mask is not None and raw.mask.has_real())):
        return None
    parameters = raw.mask.parameters if raw.mask is not None else None
    feather = _clamp_feather(parameters.vector_mask_feather) if parameters else 0.0
    density = parameters.vector_mask_density if parameters else None
    share: Codes = draw_vector_mask(raw, _wider(box, feather))[..., 0].astype(np.float32)
    return _thin(_soften(share, feather), 1.0 if density is None else density / 255)


def needs_joining(raw: RawLayer) -> bool:
    """Whether psd-tools' compositor would leave out what `coverage` knows: a feather, or a path with no pixel mask."""
    mask = raw.mask
    parameters = mask.parameters if mask is not None and not mask.disabled else None
    if parameters and (_clamp_feather(parameters.user_mask_feather) or _clamp_feather(parameters.vector_mask_feather)):
        return True
    if raw.vector_mask is None or raw.vector_mask.disabled or raw.kind in ("shape", *FILLS):
        return False
    return mask is None or mask.disabled


def join(raw: RawLayer, box: Box, name: str) -> None:
    """Put one plain pixel mask in the place of all masks of a layer."""
    from psd_tools.constants import Tag
    from psd_tools.psd.layer_and_mask import ChannelInfo, MaskData

    share = coverage(raw, box, name)
    record, top = raw._record, TOPS[raw._psd.depth]
    kept = [pair for pair in zip(record.channel_info, raw._channels, strict=False) if int(pair[0].id) >= SHAPE]
    if share is None:
        record.mask_data = None
    else:
        codes = share if top == 1 else np.rint(share * top).astype(f"uint{raw._psd.depth}")
        packed = pack(codes, raw._psd.depth, raw._psd.version)
        kept.append((ChannelInfo(MASK, len(packed.data) + 2), packed))
        record.mask_data = MaskData(top=box[1], left=box[0], bottom=box[3], right=box[2], background_color=0)
    record.channel_info = [info for info, _ in kept]
    raw._channels[:] = [data for _, data in kept]
    for tag in (Tag.VECTOR_MASK_SETTING1, Tag.VECTOR_MASK_SETTING2):
        record.tagged_blocks.pop(tag, None)
    for cached in ("_mask", "_vector_mask"):
        vars(raw).pop(cached, None)
