"""A document as one picture, in the form in which the readers of files hand pictures on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from .._metadata import exif
from .._metadata.orientation import without_orientation
from .._raster import Header, HighDepth
from .._raster.profile import describe_profile
from ..errors import InputValueError, quoted
from ..limits import Limits
from . import preview
from .document import Profile, Psd
from .parsing import parse, profile_of, read_head, translate_errors

if TYPE_CHECKING:
    from psd_tools import PSDImage

__all__ = ["probe", "read_flat"]


def read_flat(
    data: bytes, *, name: str, frame: int, profile: Profile, limits: Limits | None
) -> Image.Image | HighDepth:
    """The composite of a document: gray where the document is, without alpha where it says that it has none.

    Raises:
        FileFormatError: damaged, or of a mode that is not read.
        LimitError: larger than `limits` allow.
        InputValueError: another frame than 0.
    """
    if frame != 0:
        raise InputValueError("frame", "0 to 0", quoted(frame), f"{name} has 1 frame")
    raw = parse(data, name, limits)
    document = Psd(raw, source=name, original=data, profile=profile, limits=limits)
    pixels = document.render()
    colors = [0] if document.mode in ("L", "BITMAP", "DUOTONE") else [0, 1, 2]
    pixels = np.ascontiguousarray(pixels[..., colors if preview.is_opaque(raw) else [*colors, 3]])
    info = without_orientation(_said_in_resources(raw))
    if profile == "ignore" and document.mode not in ("CMYK", "LAB") and (kept := profile_of(raw)):
        info["icc_profile"] = kept
    if pixels.shape[-1] == 1:
        image = Image.fromarray(pixels[..., 0])
    elif pixels.dtype == np.uint8:
        image = Image.fromarray(pixels)
    else:
        return HighDepth(pixels, info)
    image.info = info
    return image


_RESOLUTION, _IPTC, _EXIF, _XMP = 1005, 1028, 1058, 1060
_FIXED = 65536


def _said_in_resources(raw: PSDImage) -> dict[Any, Any]:
    """Collect what the document says beside its pixels, in the form in which other formats have it in `info`."""
    records, block, packet = (raw.image_resources.get_data(key) for key in (_IPTC, _EXIF, _XMP))
    info: dict[Any, Any] = {}
    if isinstance(block, bytes):
        info["exif"] = exif.PREFIX + block
    if isinstance(packet, bytes):
        info["xmp"] = packet
    if isinstance(records, bytes):
        info["photoshop"] = {_IPTC: records}
    resolution = raw.image_resources.get_data(_RESOLUTION)
    if resolution is not None:
        info["dpi"] = (resolution.horizontal / _FIXED, resolution.vertical / _FIXED)
    return info


def probe(data: bytes, *, name: str, limits: Limits | None = None) -> tuple[Header, int]:
    """Describe a document for `aikit info`: a Header, and the number of layers and groups."""
    head, raw = read_head(data, name), parse(data, name, limits)
    with translate_errors(name):
        layers = sum(1 for _ in raw.descendants())
        header = Header(
            "psd",
            head.width,
            head.height,
            {"INDEXED": "P", "BITMAP": "1", "DUOTONE": "L"}.get(head.mode, head.mode),
            head.depth,
            head.channels,
            not preview.is_opaque(raw),
            1,
            describe_profile(profile_of(raw)),
            1,
            len(data),
        )
    return header, layers
