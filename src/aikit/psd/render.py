"""Documents and layers as sRGB pixels, in the process that calls: psd-tools' objects in, arrays out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from ..limits import Limits
from . import preview
from .channels import TOPS, Codes
from .colors import Colors, to_srgb
from .masks import Box
from .painting import Painted, draw_layers, layer_pixels
from .parsing import is_group, mode_of, profile_of

if TYPE_CHECKING:
    from psd_tools import PSDImage
    from psd_tools.api.layers import Group, Layer as RawLayer

__all__ = ["colors_of", "render_document", "render_layer", "walk"]


def colors_of(raw: PSDImage, profile: str, name: str) -> Colors:
    """Read what the codes of a document mean; its profile counts for nothing where `profile` is "ignore"."""
    mode = mode_of(raw)
    mode = {"INDEXED": "RGB", "BITMAP": "L", "DUOTONE": "L"}.get(mode, mode)
    return Colors(mode, max(8, raw.depth), profile_of(raw) if profile == "srgb" else None, name)


def walk(group: Group | PSDImage) -> Iterator[RawLayer]:
    """All layers and groups in a document or group, from bottom to top, each group before what is in it."""
    for raw in group:
        yield raw
        if is_group(raw):
            yield from walk(raw)


def render_document(raw: PSDImage, colors: Colors, limits: Limits | None, *, untouched: bool) -> Codes:
    """Render the entire picture (H, W, 4)."""
    return _to_rgba(_read_or_draw(raw, colors.name, limits, untouched), colors)


def render_layer(raw: RawLayer, mode: str, colors: Colors, limits: Limits | None) -> tuple[Codes, Box] | None:
    """Render the pixels of a layer (H, W, 4) and where they lie; None where it has none."""
    found = layer_pixels(raw, mode, colors.name, limits)
    return None if found is None else (_to_rgba(found[0], colors), found[1])


def _read_or_draw(raw: PSDImage, name: str, limits: Limits | None, untouched: bool) -> Painted:
    """Take the merged image where the file is as it was and that image can be believed, else draw the layers."""
    stored = preview.read_merged(raw, name) if untouched else None
    if stored is not None and (preview.has_alpha(raw) or preview.is_opaque(raw)):
        return stored
    painted = draw_layers(raw, name, limits)
    # Three channels say nothing of transparency; where there is none Photoshop's own pixels are better than ours.
    return painted if stored is None or (painted[1] < TOPS[raw.depth]).any() else stored


def _to_rgba(painted: Painted, colors: Colors) -> Codes:
    """Colors and alpha in codes of the document as sRGB (H, W, 4)."""
    import cv2

    codes, alpha = painted
    image = np.asarray(cv2.cvtColor(to_srgb(codes, colors), cv2.COLOR_RGB2RGBA))
    image[..., 3] = alpha
    return image
