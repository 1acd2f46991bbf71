"""A document as one picture, in the form in which the readers of files hand pictures on."""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image

from .._raster import Deep, Header
from .._raster.profile import describe_profile
from ..errors import InputValueError, quoted
from ..limits import Limits
from . import preview
from .document import Profile, Psd
from .parsing import guarded, parse, profile_of, read_head

__all__ = ["flattened", "probe"]


def flattened(data: bytes, *, name: str, frame: int, profile: Profile, limits: Limits | None) -> Image.Image | Deep:
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
    info: dict[Any, Any] = {}
    if pixels.shape[-1] == 1:
        image = Image.fromarray(pixels[..., 0])
    elif pixels.dtype == np.uint8:
        image = Image.fromarray(pixels)
    else:
        return Deep(pixels, info)
    image.info = info
    return image


def probe(data: bytes, *, name: str, limits: Limits | None = None) -> tuple[Header, int]:
    """What `aikit info` says of a document: a Header, and the number of layers and groups."""
    head, raw = read_head(data, name), parse(data, name, limits)
    with guarded(name):
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
