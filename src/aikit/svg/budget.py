"""What drawing one picture may cost, in elements, levels, time and memory.

What these limits stop would end the process (a stack or a heap that overflows cannot be caught) or keep it busy for
longer than a picture of its size is worth. What takes long in proportion to the file itself is not stopped here.
"""

from __future__ import annotations

from typing import NoReturn

from ..errors import LimitError
from .clean import MAX_DEPTH
from .geometry import area, intersection
from .size import Box

__all__ = ["MAX_DRAWN", "Budget", "TooMuchError"]

# Elements drawn, each as often as it is: resvg takes about a second for so many.
MAX_DRAWN = 100_000
# Painting with a pattern takes CairoSVG a millisecond, resvg a hundredth of that.
_MAX_TILINGS = {"resvg": MAX_DRAWN, "cairosvg": 1000}
# What layers, tiles and masks may hold at one time, in bytes, beside the picture.
_MEMORY = 1 << 30
# Nanoseconds of one core that composing, filtering and tiling may take, and how many more for each pixel.
_NANOSECONDS, _NANOSECONDS_A_PIXEL = 2e9, 1000.0
# resvg cuts layers off two pictures beyond each edge: they cover 5 x 5 pictures at most.
_AROUND = 2
_BYTES_A_PIXEL = 4


class TooMuchError(Exception):
    """More time or memory than the picture is worth, if every layer is as large as counted: then this is its error."""

    def __init__(self, refusal: LimitError) -> None:
        super().__init__(refusal)
        self.refusal = refusal


class Budget:
    """What is left for one picture.

    Args:
        name: the subject of messages.
        width: of the picture, in pixels.
        height: of the picture, in pixels.
        engine: which renderer is to draw it.
    """

    def __init__(self, name: str, width: int, height: int, engine: str) -> None:
        self.name = name
        self.width = width
        self.height = height
        across, down = _AROUND * width, _AROUND * height
        self.around: Box = (-across, -down, width + across, height + down)
        self._pixels = width * height
        self._engine = engine
        self.drawn = 0
        self._tilings = 0
        self._consumed = 0.0

    def draw(self, depth: int, times: int = 1) -> None:
        """Count elements drawn at a depth, references and instances included."""
        self.drawn += times
        if self.drawn > MAX_DRAWN:
            raise LimitError(
                self.name,
                f"at most {MAX_DRAWN} elements to draw",
                "more, as references multiply them",
                "simplify the drawing",
                limit="elements",
                allowed=MAX_DRAWN,
            )
        if depth > MAX_DEPTH:
            raise LimitError(
                self.name,
                f"at most {MAX_DEPTH} levels of elements",
                "more, as references nest them",
                "simplify the drawing",
                limit="levels",
                allowed=MAX_DEPTH,
            )

    def tile(self) -> None:
        """Count one shape painted with a pattern."""
        self._tilings += 1
        most = _MAX_TILINGS[self._engine]
        if self._tilings > most:
            raise LimitError(
                self.name,
                f"at most {most} shapes painted with patterns",
                "more, as patterns nest",
                "simplify the drawing",
                limit="tilings",
                allowed=most,
            )

    def spend(self, nanoseconds: float) -> None:
        """Count time. Infinity and NaN are too much."""
        self._consumed += nanoseconds
        allowed = _NANOSECONDS + _NANOSECONDS_A_PIXEL * self._pixels
        if not self._consumed <= allowed:
            self._stop(
                f"filters, patterns and layers worth at most {allowed / 1e9:.1f} s of drawing", "drawing", allowed / 1e9
            )

    def hold(self, pixels: float) -> float:
        """The bytes of so many pixels, if they may be held beside the picture."""
        held = pixels * _BYTES_A_PIXEL
        allowed = _MEMORY + 2 * _BYTES_A_PIXEL * self._pixels
        if not held <= allowed:
            self._stop(f"layers and patterns of at most {allowed >> 20} MiB at once", "layers", allowed)
        return held

    def _stop(self, expected: str, limit: str, allowed: float) -> NoReturn:
        at = f"{expected} at {self.width}x{self.height}"
        raise TooMuchError(
            LimitError(self.name, at, "more", "draw it smaller or simplify them", limit=limit, allowed=allowed)
        )

    def count_pixels(self, box: Box | None) -> float:
        """Count the pixels of a layer around a box in pixels; None for any."""
        return area(self.around if box is None else intersection(box, self.around))
