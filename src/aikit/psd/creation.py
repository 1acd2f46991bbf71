"""New documents: an empty canvas, and images laid over each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, cast

import numpy as np

from .._foreign_names import explain_calls
from .._raster.guard import check_size
from ..convert import to_numpy
from ..errors import InputTypeError, InputValueError, quoted
from ..types import AnyImage
from .channels import COLORS, Codes
from .document import Psd
from .words import check_coordinate

__all__ = ["new_psd", "psd_from_layers"]


@explain_calls
def new_psd(*, height: int, width: int, mode: Literal["RGB", "L", "CMYK"] = "RGB", depth: int = 8) -> Psd:
    """Make an empty, transparent document.

    The merged image that is saved beside the layers, for programs that read nothing else, shows them over white.

    Args:
        height: of the canvas in pixels, up to 300,000; above 30,000 it becomes a PSB.
        width: of the canvas.
        mode: "RGB", "L" for gray, or "CMYK".
        depth: 8, 16 or 32 bits a channel; 32 bits hold linear light, which `add` and `render` turn from and into sRGB.

    Returns:
        The document.

    Raises:
        InputTypeError: sizes that are not integers.
        InputValueError: a size, mode or depth that documents cannot have.
        LimitError: more pixels than Pillow's ceiling.

    Example:
        >>> import numpy as np
        >>> doc = new_psd(height=2, width=2, depth=16)
        >>> layer = doc.add(np.full((1, 1, 3), 1000, np.uint16), name="Dot", left=1)
        >>> doc.render()[0].tolist()
        [[0, 0, 0, 0], [1000, 1000, 1000, 65535]]
    """
    for subject, side in (("height", height), ("width", width)):
        if not 1 <= check_coordinate(subject, side) <= 300_000:
            raise InputValueError(subject, "1 to 300000 pixels", quoted(side), "pass the size of the canvas")
    if mode not in ("RGB", "L", "CMYK"):
        raise InputValueError("mode", '"RGB", "L" or "CMYK"', quoted(mode), "pass one of these")
    if depth not in (8, 16, 32) or (mode == "CMYK" and depth == 32):
        raise InputValueError("depth", "8, 16 or 32 bits, at most 16 in CMYK", quoted(depth), "pass one of these")
    check_size("new_psd", width, height, None, remedy="pass a smaller canvas")
    _check_bytes(int(height), int(width), mode, depth)
    from psd_tools import PSDImage

    raw = PSDImage.new(mode, (int(width), int(height)), color=1.0, depth=depth)  # type: ignore[arg-type]
    # psd-tools would lay this under every drawing.
    raw._background_color = None
    return Psd(raw, source="document", original=None, profile="srgb", limits=None)


# A PSD is at most 2 GiB, and its merged image may be as large as its pixels; a PSB has no such bound.
_MOST_BYTES = 2**31 - 2**20


def _check_bytes(height: int, width: int, mode: str, depth: int) -> None:
    size = height * width * COLORS[mode] * depth // 8
    if max(height, width) <= 30_000 and size > _MOST_BYTES:
        raise InputValueError(
            "new_psd",
            f"a canvas of at most {_MOST_BYTES} bytes, which a PSD can hold",
            f"{size} for {width}x{height} pixels of {depth} bits",
            "pass a smaller depth or canvas",
            option="depth",
        )


@explain_calls
def psd_from_layers(images: Sequence[AnyImage], *, names: Sequence[str] | None = None, depth: int | None = None) -> Psd:
    """Make a document of images laid over each other at the top left corner, the first at the bottom.

    The canvas is as large as the largest of them.

    Args:
        images: images of any kinds and sizes, or one batch.
        names: of the layers; None counts them, "Layer 1" at the bottom.
        depth: 8, 16 or 32 bits a channel. None: 16 where an image has 16 bits or floats, which few other programs open
            in 32 bits, else 8. In 16 bits floats are rounded to 1/65535, and what lies outside [0, 1] is cut off.

    Returns:
        The document, to be edited or saved.

    Raises:
        InputTypeError: not images.
        InputValueError: no images, another number of names, or another depth.

    Example:
        >>> import numpy as np
        >>> psd_from_layers([np.zeros((2, 3, 4), np.uint8), np.zeros((4, 1, 4), np.uint8)], names=["sky", "tree"])
        <Psd 3x4 RGB 8 bits, 2 layers>
    """
    pictures = _single(images)
    if not pictures:
        raise InputValueError("images", "at least one", "none", "for an empty document use new_psd")
    labels = [f"Layer {number}" for number in range(1, len(pictures) + 1)] if names is None else list(names)
    if len(labels) != len(pictures):
        raise InputValueError("names", f"{len(pictures)}, one an image", str(len(labels)), "pass as many")
    if depth is None:
        depth = 8 if all(picture.dtype == np.uint8 for picture in pictures) else 16
    height, width = (max(picture.shape[axis] for picture in pictures) for axis in (0, 1))
    document = new_psd(height=height, width=width, depth=depth)
    for picture, label in zip(pictures, labels, strict=True):
        document.add(picture, name=label)
    return document


def _single(images: Sequence[AnyImage] | AnyImage) -> list[Codes]:
    """Each image as an array, of a batch too; one image alone is not a list of its rows."""
    if isinstance(images, (list, tuple)):
        return [to_numpy(image) for image in images]
    batch = to_numpy(cast("AnyImage", images))  # which refuses what is none
    if batch.ndim != 4:
        raise InputTypeError(
            "images", "a list of images or a batch", f"one image of shape {batch.shape}", "put it in a list"
        )
    return list(batch)
