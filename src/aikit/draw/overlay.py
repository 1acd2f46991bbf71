"""A transparent sheet that is drawn on, and laid over an image of any kind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import cv2
import numpy as np
from PIL import Image, ImageDraw

from .._fonts import find_font
from ..alpha import composite
from ..types import ImageT

__all__ = ["Overlay", "Rgb"]

Array: TypeAlias = np.ndarray[Any, Any]
Rgb: TypeAlias = tuple[int, int, int]

# Fractions of a pixel that OpenCV's lines and circles begin at, in bits.
_SHIFT = 4


class Overlay:
    """A sheet of RGBA, transparent at first; every shape lies over those before it."""

    def __init__(self, height: int, width: int) -> None:
        self.height, self.width = height, width
        self.sheet = Image.new("RGBA", (width, height))

    def lay_over(self, image: ImageT, *, bgr: bool) -> ImageT:
        """Lay the sheet over the image that it has the size of."""
        return composite(self.sheet, image, bgr=bgr)

    def paint(self, coverage: Array, color: Rgb, left: int = 0, top: int = 0) -> None:
        """Paint a color where `coverage` (H, W) uint8 says, with its first pixel at (left, top)."""
        rows = slice(max(0, -top), max(0, min(coverage.shape[0], self.height - top)))
        columns = slice(max(0, -left), max(0, min(coverage.shape[1], self.width - left)))
        part = coverage[rows, columns]
        if part.size:
            patch = Image.new("RGB", part.shape[::-1], color)
            patch.putalpha(Image.fromarray(np.ascontiguousarray(part)))
            self.sheet.alpha_composite(patch, (left + columns.start, top + rows.start))

    def frame(self, corners: Sequence[float], color: Rgb, thickness: int) -> None:
        """Draw the frame of a box, inside it, to whole pixels."""
        left, top, right, bottom = (round(edge) for edge in corners)
        right, bottom = max(right, left + 1), max(bottom, top + 1)
        across, down = min(thickness, right - left), min(thickness, bottom - top)
        for bar in (
            (left, top, right, top + down), (left, bottom - down, right, bottom),
            (left, top, left + across, bottom), (right - across, top, right, bottom),
        ):  # fmt: skip
            held = (max(0, bar[0]), max(0, bar[1]), min(self.width, bar[2]), min(self.height, bar[3]))
            if held[0] < held[2] and held[1] < held[3]:
                self.sheet.paste((*color, 255), held)

    def line(self, start: Array, end: Array, color: Rgb, thickness: int) -> None:
        """Draw a line between two points, smooth at its edges."""
        reach = thickness + 2
        low, high = (
            np.floor(np.minimum(start, end)).astype(int) - reach,
            np.ceil(np.maximum(start, end)).astype(int) + reach,
        )
        self._smooth(low, high, color, lambda mask, at: cv2.line(
            mask, at(start), at(end), 255, thickness, cv2.LINE_AA, _SHIFT
        ))  # fmt: skip

    def disc(self, center: Array, radius: float, color: Rgb) -> None:
        """Draw a filled circle, smooth at its edge."""
        low, high = np.floor(center - radius - 2).astype(int), np.ceil(center + radius + 2).astype(int)
        self._smooth(low, high, color, lambda mask, at: cv2.circle(
            mask, at(center), round(radius * (1 << _SHIFT)), 255, -1, cv2.LINE_AA, _SHIFT
        ))  # fmt: skip

    def _smooth(self, low: Array, high: Array, color: Rgb, draw: Any) -> None:
        """Let OpenCV draw the coverage of a shape between two corners, and paint it."""
        # Nothing is drawn of what lies far outside: points there may be anywhere.
        low, high = np.maximum(low, -64), np.minimum(high, (self.width + 64, self.height + 64))
        if (low >= high).any():
            return
        mask = np.zeros((int(high[1] - low[1]), int(high[0] - low[0])), np.uint8)

        def at(point: Array) -> tuple[int, int]:
            # OpenCV counts from the centers of pixels.
            x, y = (np.clip(point - 0.5 - low, -(1 << 14), 1 << 14) * (1 << _SHIFT)).round().astype(int)
            return int(x), int(y)

        draw(mask, at)
        self.paint(mask, color, int(low[0]), int(low[1]))

    def text(self, text: str, left: float, top: float, size: float, color: Rgb, chip: Rgb | None) -> None:
        """Write text with its upper left corner at a place; on a chip of another color, if there is one."""
        font = find_font(text, size)
        margin = _margin(size) if chip is not None else 0
        box = ImageDraw.Draw(self.sheet).textbbox((0, 0), text, font=font)
        width, height = self.measure(text, size, chip is not None)
        x, y = round(left), round(top)
        if chip is not None:
            self.paint(np.full((height, width), 255, np.uint8), chip, x, y)
        mask = Image.new("L", (width, height))
        line_top = 0 if "\n" in text else _line_top(font, box)
        ImageDraw.Draw(mask).text((margin - box[0], margin - line_top), text, fill=255, font=font)
        self.paint(np.asarray(mask), color, x, y)

    def measure(self, text: str, size: float, has_chip: bool) -> tuple[int, int]:
        """The width and height that a text takes."""
        font = find_font(text, size)
        box = ImageDraw.Draw(self.sheet).textbbox((0, 0), text, font=font)
        margin = _margin(size) if has_chip else 0
        top = 0 if "\n" in text else _line_top(font, box)
        return max(1, int(np.ceil(box[2] - box[0]))) + 2 * margin, max(
            1, int(np.ceil(_line_bottom(font, box) - top))
        ) + 2 * margin


def _margin(size: float) -> int:
    return max(1, round(size / 5))


def _line_top(font: Any, box: tuple[float, ...]) -> float:
    """Where a line begins: labels with and without tall letters are of one height."""
    return float(min(box[1], font.getbbox("X")[1]))


def _line_bottom(font: Any, box: tuple[float, ...]) -> float:
    return float(max(box[3], font.getbbox("Xg")[3]))
