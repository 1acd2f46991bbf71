"""The ratios as one chart in SVG: a row a job, aikit's time over each peer's, on a logarithmic axis."""

from __future__ import annotations

import math
from collections.abc import Iterator
from html import escape
from typing import Any

from .table import NOISE, THEMES, number
from .timing import ratio

# Words in the names of entries, and whose they are. The first in a name counts, and the longest of those.
_OWNERS = {
    "torchvision": "torchvision",
    "torch": "torch",
    "kornia": "kornia",
    "diffusers": "diffusers",
    "scikit-image": "scikit-image",
    "colour-science": "colour-science",
    "pymatting": "PyMatting",
    "pyvips": "pyvips",
    "psd-tools": "psd-tools",
    "CairoSVG": "CairoSVG",
    "resvg_py": "resvg",
    "OpenCV": "OpenCV",
    "cv2.": "OpenCV",
    "Pillow": "Pillow",
    "Image.": "Pillow",
    "getdata": "Pillow",
    "NumPy": "NumPy",
    "np.": "NumPy",
}

_LEFT, _RIGHT, _WIDTH = 372, 752, 900  # of the axis, and of the whole
_ROW, _TOP = 17, 84
_TICKS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100)

# The page's own background is not known: the chart brings one of its own, and follows the reader's system.
_STYLE = """
  text { font: 11px Helvetica, Arial, sans-serif; fill: #24292f }
  .page { fill: #ffffff; stroke: #d0d7de }
  .head { font-size: 15px; font-weight: bold }
  .theme { font-weight: bold }
  .quiet, .tick { fill: #57606a }
  .end { text-anchor: end } .middle { text-anchor: middle }
  .grid { stroke: #e6e9ed } .even { stroke: #57606a; stroke-width: 1.5 } .stem { stroke: #afb8c1 }
  .ahead { fill: #0969da } .behind { fill: #bc4c00 } .other { fill: none; stroke: #8c959f }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 }
    .page { fill: #0d1117; stroke: #30363d }
    .quiet, .tick { fill: #9198a1 }
    .grid { stroke: #21262d } .even { stroke: #9198a1 } .stem { stroke: #484f58 }
    .ahead { fill: #58a6ff } .behind { fill: #f0883e } .other { stroke: #7d8590 }
  }
"""


def owner(entry: str) -> str:
    """The library that an entry belongs to; the entry itself where none is named."""
    found = [(entry.index(word), -len(word), name) for word, name in _OWNERS.items() if word in entry]
    return min(found)[2] if found else entry


def ratios(job: dict[str, Any]) -> list[tuple[float, str]]:
    """aikit / peer of every peer, by processor time, with the peer's name, the fastest peer first."""
    runs = sorted(job["runs"].values(), key=lambda run: run.get("wall", False))
    run = runs[0]
    pairs = run.get("rivals", {}).items()
    found = [(ratio(run["entries"][ours], run["entries"][peer])[1], owner(peer)) for peer, ours in pairs]
    return sorted(found, reverse=True)


def draw(results: dict[str, Any]) -> str:
    """The chart of all jobs that have a peer."""
    rows: list[tuple[str, list[tuple[float, str]]]] = []  # a theme's name has no ratios
    for theme, title in THEMES.items():
        measured = [(job["title"], ratios(job)) for job in results["jobs"] if job["theme"] == theme]
        if any(found for _, found in measured):
            rows += [(title, []), *((name, found) for name, found in measured if found)]
    values = [value for _, found in rows for value, _ in found] or [1.0]
    axis = _Axis(min(0.1, *values), max(10.0, *values))
    height = _TOP + _ROW * len(rows) + 40
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" viewBox="0 0 {_WIDTH} {height}">',
        f"<style>{_STYLE}</style>",
        f'<rect class="page" x="0.5" y="0.5" width="{_WIDTH - 1}" height="{height - 1}" rx="6"/>',
        *_head(results),
        *_grid(axis, height),
    ]
    for number_of_row, (name, found) in enumerate(rows):
        lines += _row(axis, name, found, _TOP + _ROW * number_of_row + 12)
    return "\n".join([*lines, "</svg>"]) + "\n"


class _Axis:
    def __init__(self, low: float, high: float) -> None:
        self.ticks = [tick for tick in _TICKS if low / 2 <= tick <= high * 2]
        self._low, self._high = math.log(0.8 * min(low, self.ticks[0])), math.log(1.1 * max(high, self.ticks[-1]))

    def at(self, value: float) -> float:
        return _LEFT + (math.log(value) - self._low) / (self._high - self._low) * (_RIGHT - _LEFT)


def _head(results: dict[str, Any]) -> Iterator[str]:
    machine = results["machine"]
    yield _text(16, 24, "aikit's time over its peers', one row a job", "head")
    yield _text(16, 42, f"Processor time, medians of ratios within rounds. {machine['processor']}.", "quiet")
    yield f'<circle class="ahead" cx="21" cy="56" r="4"/>{_text(30, 60, "the fastest peer")}'
    yield f'<circle class="behind" cx="141" cy="56" r="4"/>{_text(150, 60, "the fastest peer, over 5 % ahead of aikit")}'
    yield f'<circle class="other" cx="383" cy="56" r="2.5"/>{_text(392, 60, "the others")}'
    yield _text(_RIGHT + 12, 60, "fastest peer", "quiet")


def _grid(axis: _Axis, height: int) -> Iterator[str]:
    for tick in axis.ticks:
        x = axis.at(tick)
        kind = "even" if tick == 1 else "grid"
        yield f'<line class="{kind}" x1="{x:.1f}" y1="{_TOP - 4}" x2="{x:.1f}" y2="{height - 34}"/>'
        for y in (_TOP - 9, height - 20):
            yield _text(x, y, f"{tick:g}", "tick middle")


def _row(axis: _Axis, name: str, found: list[tuple[float, str]], y: int) -> Iterator[str]:
    if not found:
        yield _text(16, y, name, "theme")
        return
    (value, peer), others = found[0], found[1:]
    kind = "behind" if value > NOISE else "ahead"
    yield _text(_LEFT - 10, y, name, "end")
    yield f'<line class="stem" x1="{axis.at(1):.1f}" y1="{y - 4}" x2="{axis.at(value):.1f}" y2="{y - 4}"/>'
    for other, _ in others:
        yield f'<circle class="other" cx="{axis.at(other):.1f}" cy="{y - 4}" r="2.5"/>'
    yield f'<circle class="{kind}" cx="{axis.at(value):.1f}" cy="{y - 4}" r="4"/>'
    yield _text(_RIGHT + 46, y, number(value), f"end {kind}")
    yield _text(_RIGHT + 54, y, peer)


def _text(x: float, y: float, words: str, kind: str = "") -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y}">{escape(words)}</text>'
