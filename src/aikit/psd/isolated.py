"""Documents of strangers: read once in a child process before they are opened here, and drawn in one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import WorkerError
from ..isolation import guarded
from ..limits import Limits
from .channels import Codes
from .masks import Box
from .painting import Painted, drawn
from .parsing import parse

if TYPE_CHECKING:
    from .document import Profile, Psd
    from .layers import Layer

__all__ = ["check", "draw", "draw_image", "unpack_layer"]


def check(data: bytes, name: str, limits: Limits) -> None:
    """Parse a document where a hang or a crash does no harm.

    Raises:
        As `parse`, and LimitError and WorkerError of the child process.
    """
    guarded(_check, data, name, limits, subject=name, limits=limits, isolate=True, expect=None)


def draw_image(document: Psd) -> Codes:
    """The whole picture (H, W, 4)."""
    image: Codes = _ask(document, _image, np.ndarray)
    return _checked(document, image, (document.height, document.width, 4))


def draw(document: Psd) -> Painted:
    """What the layers make, in codes of the document: colors and alpha."""
    colors, alpha = _ask(document, _painted, tuple[np.ndarray, np.ndarray])
    size = document.height, document.width
    return _checked(document, colors, (*size, colors.shape[-1])), _checked(document, alpha, size)


def unpack_layer(document: Psd, layer: Layer) -> tuple[Codes, Box] | None:
    """What a layer paints, (H, W, 4), and where; None where that is nothing."""
    number = next(number for number, other in enumerate(document.walk()) if other == layer)
    found: tuple[Codes, Box] | None = _ask(
        document, _pixels, tuple[np.ndarray, tuple[int, int, int, int]] | None, number
    )
    if found is not None:
        left, top, right, bottom = found[1]
        _checked(document, found[0], (bottom - top, right - left, 4))
    return found


def _ask(document: Psd, function: Any, expect: Any, *more: Any) -> Any:
    job = document._current(), document._untouched, document.source, document.profile, document.limits, *more
    return guarded(function, *job, subject=document.source, limits=document.limits, isolate=True, expect=expect)


def _checked(document: Psd, codes: Codes, shape: tuple[int, ...]) -> Codes:
    """What a child says is so large, which may not be believed."""
    if codes.shape != shape:
        size, got = ("x".join(map(str, each)) for each in (shape, codes.shape))
        raise WorkerError(document.source, f"pixels of {size}", f"{got} from the child process", "leave it out")
    return codes


# ---------------------------------------------------------------- in the child


def _check(data: bytes, name: str, limits: Limits) -> None:
    parse(data, name, limits)


def _opened(data: bytes, untouched: bool, name: str, profile: Profile, limits: Limits) -> Psd:
    from .document import Psd

    # An edited document may be larger than the file that was allowed.
    raw = parse(data, name, limits if untouched else None)
    return Psd(raw, source=name, original=data if untouched else None, profile=profile, limits=limits)


def _image(*document: Any) -> Codes:
    return _opened(*document)._image()


def _painted(*document: Any) -> Painted:
    opened = _opened(*document)
    return drawn(opened.raw, opened.source, opened.limits)


def _pixels(data: bytes, untouched: bool, name: str, profile: Profile, limits: Limits, number: int) -> Any:
    opened = _opened(data, untouched, name, profile, limits)
    return list(opened.walk())[number]._pixels()
