"""What looks wrong with an image: guesses, each careful to be silent about pictures that are right.

They are for people. Nothing in aikit decides anything by them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from .._adapters.numpy import Array
from .._pixels import TOP
from .found import Found

if TYPE_CHECKING:
    from .description import Channel

__all__ = ["look_wrong"]

# Pixels that a guess looks at: a grid of about 200x200 of one picture.
_LOOK = 40_000
# Pixels that are worked on at once where every one counts.
_STRIP = 1 << 20


def look_wrong(found: Found, channels: Sequence[Channel]) -> tuple[str, ...]:
    """A sentence for everything that looks wrong; `channels` are the figures of each plane."""
    texts = list(_shape(found))
    if channels and any(np.isfinite(channel.low) for channel in channels):
        if found.order is None:
            texts += _odd_values(found, channels)
        else:
            for hint in (_missing, _range, _bits, _constant, _alpha_values, _find_premultiplied, _order):
                texts += hint(found, channels)
    elif any(channel.nan or channel.infinite for channel in channels):
        texts += ["Every value is NaN or infinite: integers made of it are black or refused."]
    return tuple(texts)


# ---------------------------------------------------------------- shape


def _shape(found: Found) -> Iterator[str]:
    shape = found.shape
    if len(shape) < 3:
        return
    first, last = shape[-3], shape[-1]
    if found.channels_at == -1 and last > 4 and 1 <= first <= 4:
        yield f'Looks like channels first, {shape}: pass layout="CHW" to to_numpy, to_cv2, to_pil or to_tensor.'
    if found.channels_at == -3 and first > 4 and 1 <= last <= 4:
        yield f'Looks like channels last, {shape}: pass layout="HWC" to to_tensor, to_numpy, to_cv2 or to_pil.'


def _odd_values(found: Found, channels: Sequence[Channel]) -> Iterator[str]:
    low, high = _extent(channels)
    if len(found.shape) < 2 or not found.dtype.startswith(("int", "uint")) or not 0 <= low < high <= 65535:
        return
    name = "uint8" if high <= 255 else "uint16"
    if name != found.dtype:
        remedy = found.raw.cast.format(name) if found.raw.cast else f"pass value_range=(0, {TOP[name]})"
        yield f"Values from {low:.0f} to {high:.0f} fit into {name}: {remedy}."


def _extent(channels: Sequence[Channel]) -> tuple[float, float]:
    known = [channel for channel in channels if np.isfinite(channel.low)]
    return min(channel.low for channel in known), max(channel.high for channel in known)


# ---------------------------------------------------------------- values


def _colors(found: Found, channels: Sequence[Channel]) -> Sequence[Channel]:
    return channels[:-1] if found.has_alpha else channels


def _missing(found: Found, channels: Sequence[Channel]) -> Iterator[str]:
    nan, infinite = sum(channel.nan for channel in channels), sum(channel.infinite for channel in channels)
    if nan:
        yield f"{nan:,} values are NaN: they cannot become integers, and elsewhere end as black."
    if infinite:
        yield f"{infinite:,} values are infinite: they become black or white, and every mean of them is lost."


def _range(found: Found, channels: Sequence[Channel]) -> Iterator[str]:
    if "float" not in found.dtype or not any(np.isfinite(one.low) for one in _colors(found, channels)):
        return
    low, high = _extent(_colors(found, channels))
    for top in (255, 65535):
        if low >= 0 and top / 8 < high <= top:
            yield f"Values up to {high:g} look like 0 to {top} in floats: pass value_range=(0, {top})."
    if -1.02 <= low < -0.3 and 0.3 < high <= 1.02:
        yield "Values look like -1 to 1: pass value_range=(-1, 1)."
    elif low < -1.02 and 1.02 < high < 10 and low > -10:
        yield "Values look as if a mean was subtracted and a deviation divided by: undo that first."


def _bits(found: Found, channels: Sequence[Channel]) -> Iterator[str]:
    colors = _colors(found, channels)
    low, high = _extent(colors)
    if found.dtype == "uint8" and low == 0 and high == 1:
        yield "Values are 0 and 1 of 255, nearly black: a mask is bool, or 0 and 255."
    if found.dtype != "uint16":
        return
    for bits in (8, 10, 12):
        # More than half of the smaller range is used, or it would be any dark picture.
        if 1 << (bits - 1) <= high < 1 << bits:
            yield (
                f"Values up to {high:.0f} of 65535 look like {bits} bits in 16: multiply them by 65535/{(1 << bits) - 1}."
            )
    if high >= 1 << 15 and all(not (plane & 0xFF).any() for plane in map(_sample, found.colors)):
        yield "The lower 8 bits are all 0, so white is 65280 and not 65535: multiply 8-bit codes by 257, not 256."


def _constant(found: Found, channels: Sequence[Channel]) -> Iterator[str]:
    # A drawing may have one color and its shape in alpha.
    if found.planes[0].size > 1 and all(one.low == one.high for one in channels):
        black = all(one.high == 0 for one in _colors(found, channels))
        yield "Every pixel is black." if black else "Every pixel has the same color."


# ---------------------------------------------------------------- alpha


def _alpha_values(found: Found, channels: Sequence[Channel]) -> Iterator[str]:
    if not found.has_alpha:
        return
    alpha, top = channels[-1], TOP.get(found.dtype, 1)
    if alpha.high == 0:
        colored = any(one.high > 0 for one in channels[:-1])
        also = ", over colors that are not black: perhaps the last channel is no alpha" if colored else ""
        yield f"Alpha is 0 everywhere, so nothing can be seen{also}."
    elif top > 1 and alpha.high == 1:
        yield f"Alpha is at most 1 of {top}, so next to nothing can be seen: it looks like a mask of 0 and 1."
    elif top == 1 and alpha.high > 1.02:
        yield f"Alpha goes up to {alpha.high:g}: it is 0 to 1 in floats."


def _find_premultiplied(found: Found, channels: Sequence[Channel]) -> Iterator[str]:
    """No color is brighter than its alpha, though there are bright colors at many low alphas."""
    if not found.has_alpha:
        return
    seen, alphas = 0, set[float]()
    for alpha, bright in _soft(found):
        if not (bright <= alpha + 0.005).all():
            return
        # Straight colors of a soft edge go on where alpha is low: some lie above it, unless they are almost black.
        low = alpha[(alpha < 0.3) & (bright > alpha / 2)]
        seen += low.size
        alphas.update(np.unique(low)[:4].tolist())
    if seen >= 16 and len(alphas) >= 4:
        yield "No color is brighter than its alpha, as if colors were multiplied by it: see unpremultiply."


def _soft(found: Found) -> Iterator[tuple[Array, Array]]:
    """Alpha and the brightest color of the pixels neither clear nor opaque, from 0 to 1, in strips of some rows."""
    top = TOP.get(found.dtype, 1)
    planes = [_first(plane) for plane in found.planes]
    height, width = planes[0].shape
    rows = max(1, _STRIP // width)
    for start in range(0, height, rows):
        *colors, alpha = (plane[start : start + rows] for plane in planes)
        soft = (alpha > 0) & (alpha < top)
        yield (
            alpha[soft].astype(np.float64) / top,
            np.max([plane[soft] for plane in colors], axis=0).astype(np.float64) / top,
        )


# ---------------------------------------------------------------- channel order


def _order(found: Found, channels: Sequence[Channel]) -> Iterator[str]:
    if len(found.colors) == 3 and _is_odd_blue([_sample(plane) for plane in found.colors], TOP.get(found.dtype, 1)):
        if found.bgr:
            yield "Blue where photographs have skin, wood or earth: perhaps it runs R, G, B. If so leave bgr=True out."
        elif found.raw.mode:
            yield "Blue where photographs have skin, wood or earth: perhaps it was made of an array that runs B, G, R."
        else:
            yield "Blue where photographs have skin, wood or earth: perhaps it runs B, G, R. If so pass bgr=True."


def _is_odd_blue(planes: list[Array], top: float) -> bool:
    """Whether a photograph is full of a blue that only red and blue mixed up could make of skin, fur, wood or earth.

    In photographs red is above blue nearly everywhere but in sky, water and shadow, which are smooth or nearer to cyan,
    and seldom alone. Measured on photographs in both orders, whole and in pieces: see the test.
    """
    red, green, blue = (plane.astype(np.float32) / top for plane in planes)
    value, least = np.maximum(np.maximum(red, green), blue), np.minimum(np.minimum(red, green), blue)
    chroma = value - least
    seen = (value > 0.15) & (value < 0.98) & (chroma > 0.12 * value)
    cold = seen & (chroma < 0.75 * value) & (blue > green) & (green >= red)
    warm = seen & (blue < red) & (blue < green)
    if value.size < 400 or cold.mean() < 0.2 or warm.sum() * 10 > cold.sum():
        return False
    roughness = np.abs(np.diff(value, axis=1, prepend=value[:, :1]))[seen & (blue > green) & (blue > red)]
    toward_cyan = (green - red)[cold] / chroma[cold]
    return bool(np.median(roughness) >= 0.01 and np.median(toward_cyan) < 0.45)


def _first(plane: Array) -> Array:
    first: Array = plane[(0,) * (plane.ndim - 2)]
    return first


def _sample(plane: Array) -> Array:
    """A grid of the pixels of the first picture."""
    first: Array = _first(plane)
    step = max(1, int((first.size / _LOOK) ** 0.5))
    return first[::step, ::step]
