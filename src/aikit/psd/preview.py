"""The merged image that every document carries beside its layers: when to believe it, and how to write it.

Photoshop stores a document with transparency as colors over white and an alpha channel, and marks it by a negative
layer count. Files of other programs have no alpha there, or black, or a picture that ignores transparency.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .channels import COLORS, DTYPES, TOPS, Codes, interleave, unpack
from .painting import Painted
from .parsing import mode_of, translate_errors

if TYPE_CHECKING:
    from psd_tools import PSDImage

__all__ = ["has_alpha", "is_flat", "is_opaque", "read_merged", "refresh"]

_VERSION_INFO, _THUMBNAILS, _TRANSPARENCY_INDEX = 1057, (1033, 1036), 1047
# Codes that the modes without layers give: a palette's, or black and white.
_RGB_TABLE = 768


def is_flat(raw: PSDImage) -> bool:
    """Whether the document is one picture without layers."""
    return len(raw) == 0


def has_alpha(raw: PSDImage) -> bool:
    """Whether the merged image has an alpha channel."""
    return _alpha_index(raw) >= 0 or (is_flat(raw) and raw.image_resources.get_data(_TRANSPARENCY_INDEX) is not None)


def is_opaque(raw: PSDImage) -> bool:
    """Whether the file says that no pixel can be transparent: flat without alpha, or on a Background layer."""
    if is_flat(raw):
        return not has_alpha(raw)
    return _has_background(raw)


def _has_background(raw: PSDImage) -> bool:
    """Photoshop's Background layer: at the bottom, shown, the entire canvas, and no transparency channel at all."""
    bottom = raw[0]
    return bool(
        bottom.visible
        and bottom.has_pixels()
        and bottom.opacity == 255
        and bottom.mask is None
        and not bottom.has_vector_mask()
        and bottom.blend_mode.name == "NORMAL"
        and tuple(bottom.bbox) == (0, 0, raw.width, raw.height)
        and all(int(info.id) >= 0 for info in bottom._record.channel_info)
    )


def read_merged(raw: PSDImage, name: str) -> Painted | None:
    """Read the merged image, colors in the document's codes (RGB for a palette) and alpha.

    None where it is not to be believed: left out, or of one color only while there are layers.
    """
    with translate_errors(name):
        info = raw.image_resources.get_data(_VERSION_INFO)
        if info is not None and not info.has_composite and not is_flat(raw):
            return None
        header, data = raw._record.header, raw._record.image_data
        size = header.height * header.channels, header.width
        stored = unpack(data.data, int(data.compression), size, header.depth, header.version, name)
        planes = stored.reshape(header.channels, header.height, header.width)
        colors = interleave(list(planes[: COLORS[mode_of(raw)]]))
        alpha = _alpha(raw, planes)
        if mode_of(raw) == "INDEXED":
            colors, alpha = _through_palette(raw, colors[..., 0], alpha)
        if not is_flat(raw) and ((colors == colors[:1, :1]).all() or not alpha.any()):
            return None
        return _off_white(raw, colors, alpha), alpha


def _alpha_index(raw: PSDImage) -> int:
    """Find the stored channel that is the transparency of the merged image, or -1."""
    from psd_tools.api.utils import get_transparency_index, has_transparency

    colors = COLORS[mode_of(raw)]
    # psd-tools counts the three colors a palette gives, where one channel of indices is stored.
    if raw.channels <= colors or (mode_of(raw) != "INDEXED" and not has_transparency(raw)):
        return -1
    index: int = get_transparency_index(raw)
    return index if colors <= index < raw.channels else colors if raw.channels == colors + 1 else -1


def _alpha(raw: PSDImage, planes: Codes) -> Codes:
    index = _alpha_index(raw)
    depth = raw._record.header.depth
    return np.full(planes.shape[1:], TOPS[depth], DTYPES[depth]) if index < 0 else planes[index]


def _off_white(raw: PSDImage, colors: Codes, alpha: Codes) -> Codes:
    """The colors without the white that Photoshop has laid under them."""
    if _alpha_index(raw) < 0 or mode_of(raw) not in ("RGB", "L", "CMYK") or not _says_merged_transparency(raw):
        return colors
    top = TOPS[raw._record.header.depth]
    share = (alpha.astype(np.float32) / top)[..., None]
    with np.errstate(all="ignore"):  # damaged floats may be anything
        pure = (colors.astype(np.float32) / top + share - 1) / np.where(share > 0, share, 1)
    pure = np.where(share > 0, pure, 0)
    if raw._record.header.depth == 32:
        return pure.astype(np.float32)
    return np.rint(np.clip(pure, 0, 1) * top).astype(colors.dtype)


def _says_merged_transparency(raw: PSDImage) -> bool:
    """Photoshop's two ways of saying that the merged image is transparent: the sign of the count, and a block."""
    from psd_tools.constants import Tag

    info, blocks = raw._record.layer_and_mask_information.layer_info, raw.tagged_blocks
    marks = Tag.SAVING_MERGED_TRANSPARENCY, Tag.SAVING_MERGED_TRANSPARENCY16, Tag.SAVING_MERGED_TRANSPARENCY32
    return (info is not None and info.layer_count < 0) or (blocks is not None and any(mark in blocks for mark in marks))


def _through_palette(raw: PSDImage, indices: Codes, alpha: Codes) -> Painted:
    table = np.frombuffer(bytes(raw._record.color_mode_data.value).ljust(_RGB_TABLE, b"\0"), np.uint8, _RGB_TABLE)
    colors = table.reshape(3, 256).T[indices]
    transparent = raw.image_resources.get_data(_TRANSPARENCY_INDEX)
    if transparent is not None:
        alpha = np.where(indices == int(getattr(transparent, "value", transparent)), 0, alpha).astype(np.uint8)
    return colors, alpha


def refresh(raw: PSDImage, painted: Painted, name: str) -> None:
    """Write what was drawn as the merged image, over white where the file has no place for its transparency.

    The thumbnail, which file browsers show, would be the old picture, and goes.
    """
    from psd_tools.api.numpy_io import encode_image_data
    from psd_tools.constants import Compression

    header = raw._record.header
    top = TOPS[header.depth]
    colors, alpha = (np.divide(codes, top, dtype=np.float32) for codes in painted)
    alpha = alpha[..., None]
    if _alpha_index(raw) < 0:
        white = np.array(_white(raw), np.float32)
        colors = white + (colors - white) * alpha
    with translate_errors(name):
        planes = encode_image_data(raw, colors, alpha)
        # As Photoshop writes it; other programs look for nothing else.
        raw._record.image_data.compression = Compression.RLE if header.depth <= 8 else Compression.RAW
        raw._record.image_data.set_data(planes, header)
        info = raw.image_resources.get_data(_VERSION_INFO)
        if info is not None:
            info.has_composite = True
        for thumbnail in _THUMBNAILS:
            if thumbnail in raw.image_resources:
                del raw.image_resources[thumbnail]


def _white(raw: PSDImage) -> tuple[float, ...]:
    """White in the floats of the document; no ink is 1, and Lab has its zero in the middle of the codes."""
    if mode_of(raw) == "LAB":
        zero = 32768 / 65535 if raw._record.header.depth == 16 else 128 / 255
        return 1.0, zero, zero
    return (1.0,) * COLORS[mode_of(raw)]
