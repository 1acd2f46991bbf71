"""Documents of strangers: read once in a child process before they are opened here, and drawn in one."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from ..errors import WorkerError
from ..isolation import guarded
from ..limits import Limits
from .channels import Codes
from .colors import Colors
from .masks import Box
from .painting import Painted, draw_layers
from .parsing import mode_of, parse
from .render import colors_of, render_document, render_layer, walk

if TYPE_CHECKING:
    from psd_tools import PSDImage

    from .document import Psd
    from .layers import Layer

T = TypeVar("T")

__all__ = ["check", "draw", "render", "unpack_layer"]


def check(data: bytes, name: str, limits: Limits) -> None:
    """Parse a document where a hang or a crash does no harm.

    Raises:
        As `parse`, and LimitError and WorkerError of the child process.
    """
    guarded(_check, data, name, limits, subject=name, limits=limits, isolate=True, expect=None)


def render(document: Psd) -> Codes:
    """Render the entire picture (H, W, 4)."""
    image: Codes = _ask(document, _render, np.ndarray)
    return _check_shape(document, image, (document.height, document.width, 4))


def draw(document: Psd) -> Painted:
    """Draw the layers, in codes of the document: colors and alpha."""
    colors, alpha = _ask(document, _draw, tuple[np.ndarray, np.ndarray])
    size = document.height, document.width
    return _check_shape(document, colors, (*size, colors.shape[-1])), _check_shape(document, alpha, size)


def unpack_layer(document: Psd, layer: Layer) -> tuple[Codes, Box] | None:
    """Unpack the pixels of a layer, (H, W, 4), and where they lie; None where it has none."""
    number = next(number for number, other in enumerate(document.walk()) if other == layer)
    found: tuple[Codes, Box] | None = _ask(
        document, _render_layer, tuple[np.ndarray, tuple[int, int, int, int]] | None, number
    )
    if found is not None:
        left, top, right, bottom = found[1]
        _check_shape(document, found[0], (bottom - top, right - left, 4))
    return found


def _ask(document: Psd, function: Callable[..., T], expect: object, *more: object) -> T:
    job = document._current(), document._untouched, document.source, document.profile, document.limits, *more
    return guarded(function, *job, subject=document.source, limits=document.limits, isolate=True, expect=expect)


_DTYPES = ("uint8", "uint16", "float32")


def _check_shape(document: Psd, codes: Codes, shape: tuple[int, ...]) -> Codes:
    """Refuse pixels of another size than the document says, or of a type that none has: the child is not believed."""
    if codes.dtype.name not in _DTYPES:
        raise WorkerError(
            document.source,
            "pixels of uint8, uint16 or float32",
            f"{codes.dtype.name} from the child process",
            "leave it out",
        )
    if codes.shape != shape:
        size, got = ("x".join(map(str, each)) for each in (shape, codes.shape))
        raise WorkerError(document.source, f"pixels of {size}", f"{got} from the child process", "leave it out")
    return codes


# ---------------------------------------------------------------- in the child


def _check(data: bytes, name: str, limits: Limits) -> None:
    parse(data, name, limits)


def _open(data: bytes, untouched: bool, name: str, profile: str, limits: Limits) -> tuple[PSDImage, Colors]:
    # An edited document may be larger than the file that was allowed.
    raw = parse(data, name, limits if untouched else None)
    return raw, colors_of(raw, profile, name)


def _render(data: bytes, untouched: bool, name: str, profile: str, limits: Limits) -> Codes:
    raw, colors = _open(data, untouched, name, profile, limits)
    return render_document(raw, colors, limits, untouched=untouched)


def _draw(data: bytes, untouched: bool, name: str, profile: str, limits: Limits) -> Painted:
    return draw_layers(_open(data, untouched, name, profile, limits)[0], name, limits)


def _render_layer(
    data: bytes, untouched: bool, name: str, profile: str, limits: Limits, number: int
) -> tuple[Codes, Box] | None:
    raw, colors = _open(data, untouched, name, profile, limits)
    return render_layer(list(walk(raw))[number], mode_of(raw), colors, limits)
