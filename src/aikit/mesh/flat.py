"""A mesh as one picture, for the readers of files: from the front, on the right and a little from above."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from .._raster import Header
from ..errors import InputValueError, quoted
from ..limits import Limits
from .mesh import Mesh, open_mesh

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["decode", "probe"]

# Of a picture of what has no size of its own.
_SIDE = 512


def decode(data: bytes, *, name: str, frame: int = 0, limits: Limits | None = None) -> Image.Image:
    """Draw the bytes of a GLB, as `Mesh.render` does.

    Raises:
        FileFormatError: not a GLB, damaged, or one that refers to other files.
        LimitError: larger than `limits` allow.
        InputValueError: a frame other than 0.
    """
    if frame:
        raise InputValueError("frame", "0 to 0", quoted(frame), f"{name} is a mesh, which has 1 frame")
    return _open(data, name, limits).render(height=_SIDE, width=_SIDE, kind="pil")


def probe(data: bytes, *, name: str, limits: Limits | None = None) -> Header:
    """Describe the picture that is drawn of a GLB, in the words used for raster files.

    Raises:
        FileFormatError: not a GLB, or damaged.
        LimitError: larger than `limits` allow.
    """
    _open(data, name, limits)
    return Header("glb", _SIDE, _SIDE, "RGBA", 8, 4, True, 1, None, 1, len(data))


def _open(data: bytes, name: str, limits: Limits | None) -> Mesh:
    file = io.BytesIO(data)
    file.name = name
    return open_mesh(file, limits=limits)
