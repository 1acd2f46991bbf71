"""A description as lines for a terminal and as a card for a notebook."""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING

from .._card import as_picture, bullets, make_card, table
from ..device.sizes import format_size
from ..files import encode
from .visible import figure

if TYPE_CHECKING:
    from .description import Channel, Description

__all__ = ["as_html", "as_text"]

_KINDS = {"pil": "PIL image", "numpy": "NumPy array", "torch": "torch tensor"}
_SHOWN = 6  # channels in a table; the rest is counted


def as_text(found: Description) -> str:
    """A few lines, each a fact with its name before it."""
    rows = [*_rows(found)]
    indented = [" " * 10 + line for line in _table(found)]
    lines = [_title(found), *(f"{name:<10}{text}" for name, text in rows)]
    at = next((place for place, line in enumerate(lines) if line.startswith("values")), len(lines) - 1)
    lines[at + 1 : at + 1] = indented
    return "\n".join([*lines, *_write_lines("refused", found.problems), *_write_lines("looks", found.hints)])


def _write_lines(name: str, texts: tuple[str, ...]) -> list[str]:
    return [f"{name if at == 0 else '':<10}{text}" for at, text in enumerate(texts)]


def _title(found: Description) -> str:
    what = _KINDS[found.kind] + (f" of mode {found.mode}" if found.mode else "")
    if found.order is None:
        return f"{what} of shape {found.shape}, {found.dtype}: no operation takes it"
    size = dict(zip(found.axes, found.shape, strict=True))
    pictures = math.prod(side for side, axis in zip(found.shape, found.axes, strict=True) if axis == "batch")
    batch = f"batch of {pictures:,}, " if "batch" in found.axes else ""
    return f"{what}: {batch}{size['height']}x{size['width']} (height x width), {found.order}, {found.dtype}"


def _rows(found: Description) -> list[tuple[str, str]]:
    rows = [("type", found.type), ("shape", f"{found.shape}: {', '.join(found.axes)}" if found.shape else "()")]
    if found.channels:
        span = f"{figure(found.low)} to {figure(found.high)}" if found.low == found.low else "none is finite"
        rows.append(("values", ", ".join([span, *_missing(found)])))
    rows.append(("alpha", _alpha(found)))
    if found.orientation != 1:
        rows.append(("turned", f"EXIF orientation {found.orientation}: every operation takes it upright"))
    if found.profile is not None:
        rows.append(("profile", found.profile))
    return [*rows, ("memory", _memory(found))]


def _missing(found: Description) -> list[str]:
    counts = {
        "NaN": sum(one.nan for one in found.channels),
        "infinite": sum(one.infinite for one in found.channels),
        "masked": found.masked,
    }
    return [f"{count:,} {name}" for name, count in counts.items() if count]


def _alpha(found: Description) -> str:
    if found.alpha is None:
        return "none"
    if not found.alpha.used:
        return "opaque everywhere"
    hidden = f", color hidden under {_percent(found.alpha.hidden)} of the clear" if found.alpha.hidden else ""
    return f"{_percent(found.alpha.clear)} clear, {_percent(found.alpha.partial)} partly transparent{hidden}"


def _percent(part: float) -> str:
    if 0 < part < 0.001:
        return "less than 0.1 %"
    if 0.999 < part < 1:
        return "more than 99.9 %"
    return f"{part * 100:.0f} %" if part in (0, 1) else f"{part * 100:.1f} %"


def _memory(found: Description) -> str:
    memory = found.memory
    parts = ["size not known" if memory.bytes is None else format_size(memory.bytes)]
    parts.append("on the host" if memory.device == "host" else f"on {memory.device}")
    parts += [memory.layout] if memory.layout != "PIL" else []
    facts = {
        f"steps {memory.strides} bytes": memory.layout not in ("contiguous", "PIL") and memory.strides is not None,
        "a view": memory.view,
        "read-only": memory.read_only,
        "bytes swapped": memory.byte_swapped,
        "requires grad": memory.requires_grad,
    }
    return ", ".join([*parts, *(text for text, holds in facts.items() if holds)])


def _numbers(channel: Channel) -> list[str]:
    figures = channel.low, channel.high, channel.mean, channel.spread
    return [figure(value) if value == value else "-" for value in figures]


_HEAD = ("channel", "low", "high", "mean", "spread")


def _table(found: Description) -> list[str]:
    if not found.channels:
        return []
    lines = [_HEAD, *((one.name, *_numbers(one)) for one in found.channels[:_SHOWN])]
    text = [f"{line[0]:<10}" + "".join(f"{part:>10}" for part in line[1:]) for line in lines]
    rest = len(found.channels) - _SHOWN
    return [*text, f"and {rest} more"] if rest > 0 else text


# ---------------------------------------------------------------- the card


# Middling shades, which stand out of white and of black by more than 3 to 1 (WCAG 2.2, 1.4.11).
_INKS = {"gray": "#808080", "red": "#e04040", "green": "#2a9a3a", "blue": "#4a7dff"}


def as_html(found: Description) -> str:
    """A card that needs nothing but itself: inline style, and the pictures as data."""
    lists = bullets("refused", "Operations refuse it", found.problems)
    lists += bullets("looks", "What looks wrong", found.hints)
    channels = ((one.name, *_numbers(one)) for one in found.channels[:_SHOWN])
    figures = table(_HEAD, channels) if found.channels else ""
    return make_card(_title(found), _rows(found), figure=_figure(found), body=figures + lists)


def _figure(found: Description) -> str:
    if found._thumbnail is None:
        return _histogram(found)
    alt = f"{'First picture' if 'batch' in found.axes else 'Picture'}, reduced: {_title(found)}"
    return as_picture(encode(found._thumbnail, "png"), alt) + _histogram(found)


def _histogram(found: Description) -> str:
    """Counts as one outline a channel, on the scale of the highest bin."""
    if not found._histogram:
        return ""
    # The bins of the ends hold all that is clipped: on their scale the rest would be flat.
    inner = max((max(counts[1:-1]) for counts in found._histogram), default=0)
    peak = max(inner, 1) if inner else max(max(counts) for counts in found._histogram) or 1
    outlines = "".join(
        f'<polyline fill="none" stroke="{_INKS.get(one.name, "#808080")}" stroke-width="1.5" points="{_points(counts, peak)}"/>'
        for one, counts in zip(found.channels, found._histogram, strict=False)
    )
    label = "Histogram of the values: " + ", ".join(
        f"{one.name} around {figure(one.mean)}, spread {figure(one.spread)}"
        for one, _ in zip(found.channels, found._histogram, strict=False)
        if one.low == one.low
    )
    return f'<svg role="img" aria-label="{escape(label)}" width="160" height="60" viewBox="0 0 160 60">{outlines}</svg>'


def _points(counts: tuple[int, ...], peak: int) -> str:
    step = 160 / (len(counts) - 1)
    return " ".join(f"{at * step:.1f},{59 - 57 * min(1, count / peak):.1f}" for at, count in enumerate(counts))
