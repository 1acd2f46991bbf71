"""One picture of any dtype and range as codes that people can see, and what was done to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .._adapters.numpy import Array, cast, deinterleave, interleave
from .._pixels import TOP
from ..alpha import flatten
from ..convert import to_pil

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["MARK", "Visible", "Window", "figure", "make_visible", "on_screen", "window_of"]

# What a resize may overshoot: clipped, because stretching a whole picture for it would only make it flat.
_OVERSHOOT = 0.1
# Where the brightest value is darker than this part of full scale nothing can be seen: masks of 0 and 1, 12-bit data.
_FAINT = 1 / 16
# Magenta: no other color stands out of as many pictures.
MARK = (255, 0, 255)


class Window(NamedTuple):
    """The values that become black and white."""

    low: float
    high: float
    note: str = ""


class Visible(NamedTuple):
    """Codes (H, W, C), where they stand for NaN (H, W), and what people have to know beside them."""

    codes: Array
    nan: Array | None
    notes: tuple[str, ...]


def figure(value: float) -> str:
    """A number for people: four digits, whole numbers whole."""
    value += 0.0  # and zero without a sign
    return f"{value:.0f}" if value == round(value) and abs(value) < 1e7 else f"{value:.4g}"


def window_of(*planes: Array) -> Window:
    """Which values of color to show as black and white: full scale, unless that would hide the picture."""
    lows, highs = zip(*(_finite_extent(plane) for plane in planes), strict=True)
    low, high, top = float(min(lows)), float(max(highs)), TOP.get(planes[0].dtype.name, 1)
    if low > high:  # nothing is finite
        return Window(0, top)
    span = f"{figure(low)} to {figure(high)}"
    if low < high and (low < -_OVERSHOOT * top or high > (1 + _OVERSHOOT) * top):
        return Window(low, high, f"{span} stretched")
    if min(low, 0) < high <= _FAINT * top and low < high:
        return Window(min(low, 0), high, f"{span} stretched")
    return Window(0, top, f"{span} clipped" if low < 0 or high > top else "")


def _finite_extent(plane: Array) -> tuple[float, float]:
    low, high = plane.min(), plane.max()
    if not np.isfinite(low) or not np.isfinite(high):
        finite = plane[np.isfinite(plane)]
        return (finite.min(), finite.max()) if finite.size else (np.inf, -np.inf)
    return low, high


def make_visible(picture: Array, window: Window | None = None) -> Visible:
    """Codes for one picture (H, W) or (H, W, C), C = 1 to 4; integers span their full range."""
    picture = picture[..., None] if picture.ndim == 2 else picture
    colors = picture.shape[-1] - (picture.shape[-1] in (2, 4))
    planes = deinterleave(picture)
    window = window or window_of(*planes[:colors])
    codes = [_to_codes(plane, window) for plane in planes[:colors]]
    codes += [_to_codes(plane, Window(0, _opaque(plane))) for plane in planes[colors:]]
    nan = _where_nan(planes)
    notes = [window.note] if window.note else []
    if nan is not None:
        notes.append(f"NaN in {nan.sum():,} pixel{'s' if nan.sum() > 1 else ''}, marked")
    infinite = sum(int(np.isinf(plane).sum()) for plane in planes if plane.dtype.kind == "f")
    if infinite:
        notes.append(f"{infinite:,} infinite value{'s' if infinite > 1 else ''}, clipped")
    shown = np.empty(picture.shape, np.uint8)
    interleave(codes, shown)
    return Visible(shown, nan, tuple(notes))


def _opaque(alpha: Array) -> float:
    """What stands for opaque: full scale, or the greatest value where floats go far beyond it."""
    top, high = TOP.get(alpha.dtype.name, 1), max(_finite_extent(alpha)[1], 0)
    return float(high) if high > (1 + _OVERSHOOT) * top else top


def _where_nan(planes: Sequence[Array]) -> Array | None:
    found = [np.isnan(plane) for plane in planes if plane.dtype.kind == "f"]
    nan = np.logical_or.reduce(found) if found else None
    return nan if nan is not None and nan.any() else None


def _to_codes(plane: Array, window: Window) -> Array:
    if plane.dtype.kind != "f" and (window.low, window.high) == (0, TOP.get(plane.dtype.name)):
        return cast(plane, np.dtype(np.uint8))
    # Halved before they are subtracted: the ends of float64 are further apart than it can say.
    low, high = window.low / 2, window.high / 2
    values = plane.astype(np.float64)
    values /= 2
    np.clip(values, low, high, out=values)
    values -= low
    values *= 255 / (high - low)
    return np.rint(np.nan_to_num(values, copy=False), out=values).astype(np.uint8)


def on_screen(visible: Visible, *, side: int | None = None, zoom: int = 1) -> Image.Image:
    """The picture as a sheet shows it: opaque RGB, reduced to fit `side`, or every pixel `zoom` pixels wide."""
    from PIL import Image

    picture = to_pil(visible.codes)
    marks = None if visible.nan is None else Image.fromarray(visible.nan.astype(np.float32))
    height, width = visible.codes.shape[:2]
    scale = zoom if side is None else min(1.0, side / max(height, width))
    if scale != 1:
        size = max(1, round(width * scale)), max(1, round(height * scale))
        ways = Image.Resampling.LANCZOS if scale < 1 else Image.Resampling.NEAREST
        picture = picture.resize(size, ways, reducing_gap=3.0)
        # Of a box's mean everything above zero counts: a single NaN in a large picture is seen.
        marks = marks and marks.resize(size, Image.Resampling.BOX)
    # The checkerboard comes last, or it would be reduced to gray.
    shown = flatten(picture, background="checker").convert("RGB")
    if marks is not None:
        shown.paste(MARK, mask=Image.fromarray(np.asarray(marks) > 0))
    return shown
