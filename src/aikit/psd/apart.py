"""Documents of strangers: read once in a child process before they are opened here, and drawn in one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .. import _worker
from ..limits import Limits
from .channels import Codes
from .masks import Box
from .painting import Painted, drawn
from .parsing import parse

if TYPE_CHECKING:
    from .document import Profile, Psd
    from .layers import Layer

__all__ = ["check", "image_of", "painted", "pixels_of"]

_KINDS = ("uint8", "uint16", "float32")


def check(data: bytes, name: str, limits: Limits) -> None:
    """Parse a document where a hang or a crash does no harm.

    Raises:
        As `parse`, and LimitError and WorkerError of the child process.
    """
    _worker.call(f"{__name__}:_parsed", data, name, limits, subject=name, limits=limits)


def image_of(document: Psd) -> Codes:
    """The whole picture (H, W, 4)."""
    size = document.height, document.width, 4
    image: Codes = _asked(document, "image", lambda value: _unpacked(value, size))
    return image


def painted(document: Psd) -> Painted:
    """What the layers make, in codes of the document: colors and alpha."""
    size = document.height, document.width

    def unpack(value: Any) -> Painted:
        colors, alpha = value
        return _unpacked(colors, size), _unpacked(alpha, (*size, 1))[..., 0]

    result: Painted = _asked(document, "painted", unpack)
    return result


def pixels_of(document: Psd, layer: Layer) -> tuple[Codes, Box] | None:
    """What a layer paints, (H, W, 4), and where; None where that is nothing."""
    number = next(number for number, other in enumerate(document.walk()) if other == layer)

    def unpack(value: Any) -> tuple[Codes, Box] | None:
        if value is None:
            return None
        left, top, right, bottom = map(int, value[1])
        return _unpacked(value[0], (bottom - top, right - left, 4)), (left, top, right, bottom)

    found: tuple[Codes, Box] | None = _asked(document, "pixels", unpack, number)
    return found


def _asked(document: Psd, what: str, unpack: Any, *more: Any) -> Any:
    job = document._current(), document._untouched, document.source, document.profile, document.limits, what, more
    return _worker.call(f"{__name__}:_answer", *job, subject=document.source, limits=document.limits, unpack=unpack)


def _unpacked(value: Any, shape: tuple[int, ...]) -> Codes:
    """An array of the child's, which may not be believed; a copy, for its memory is lent."""
    kind, (height, width, channels), samples = value
    if kind not in _KINDS or (height, width, channels)[: len(shape)] != shape:
        raise ValueError(f"{kind} of {height}x{width}x{channels}")
    codes: Codes = np.frombuffer(samples, kind).reshape(height, width, channels).copy()
    return codes


# ---------------------------------------------------------------- in the child


def _parsed(data: bytes, name: str, limits: Limits) -> None:
    parse(data, name, limits)


def _answer(
    data: bytes, untouched: bool, name: str, profile: Profile, limits: Limits, what: str, more: tuple[Any, ...]
) -> Any:
    from .document import Psd

    # An edited document may be larger than the file that was allowed.
    raw = parse(data, name, limits if untouched else None)
    document = Psd(raw, source=name, original=data if untouched else None, profile=profile, limits=limits)
    if what == "image":
        return _packed(document._image())
    if what == "painted":
        colors, alpha = drawn(raw, name, limits)
        return _packed(colors), _packed(alpha[..., None])
    found = list(document.walk())[more[0]]._pixels()
    return None if found is None else (_packed(found[0]), found[1])


def _packed(codes: Codes) -> tuple[Any, ...]:
    return codes.dtype.name, codes.shape, np.ascontiguousarray(codes).data.cast("B")
