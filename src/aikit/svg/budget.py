"""What drawing one picture may cost, in elements, levels, time and memory.

What these limits stop would end the process (a stack or a heap that overflows cannot be caught), or is what references
and numbers multiply without end. What takes long in proportion to the file itself is not stopped here: `limits` do.
"""

from __future__ import annotations

from typing import NoReturn

from ..device.host import host_memory
from ..errors import LimitError
from .clean import MAX_DEPTH
from .geometry import area, intersection
from .size import Box

__all__ = ["MAX_DRAWN", "MAX_SECONDS", "Budget", "TooMuchError"]

# Elements drawn by reference, each from the second time on: resvg takes about a second for so many.
MAX_DRAWN = 100_000
# Painting with a pattern takes CairoSVG a millisecond, resvg a hundredth of that.
_MAX_TILINGS = {"resvg": MAX_DRAWN, "cairosvg": 1000}
# What layers, tiles and masks may hold at one time: bytes in any case, and beyond them so many times the picture, if
# there is the memory.
_MEMORY, _PICTURES = 1 << 30, 64
# Seconds of one core that what is multiplied may take: estimates are up to ten times too high.
MAX_SECONDS = 600
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
        memory: bytes that there are for it; None asks the machine.
    """

    def __init__(self, name: str, width: int, height: int, engine: str, memory: int | None) -> None:
        self.name = name
        self.width = width
        self.height = height
        across, down = _AROUND * width, _AROUND * height
        self.around: Box = (-across, -down, width + across, height + down)
        self.picture: Box = (0.0, 0.0, width, height)
        self._engine = engine
        self._memory = memory
        self.met = 0
        self._drawn = 0
        self._tilings = 0
        self._consumed = 0.0

    def draw(self, depth: int, again: int) -> None:
        """Count an element met at a depth, and how many are drawn again."""
        self.met += 1
        self._drawn += again
        if self._drawn > MAX_DRAWN:
            raise LimitError(
                self.name,
                f"at most {MAX_DRAWN} elements to draw by reference",
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
        """Count one shape painted with a pattern again."""
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
        """Count time of what is multiplied. Infinity and NaN are too much."""
        self._consumed += nanoseconds
        if not self._consumed <= MAX_SECONDS * 1e9:
            self._stop(
                f"filters, patterns and layers that multiply to at most {MAX_SECONDS} s of drawing",
                "drawing",
                MAX_SECONDS,
            )

    def hold(self, pixels: float) -> float:
        """The bytes of so many pixels, if they may be held beside the picture."""
        held = pixels * _BYTES_A_PIXEL
        if not held <= _MEMORY:
            if self._memory is None:
                self._memory = host_memory().available or 0
            allowed = max(_MEMORY, min(self._memory, int(_MEMORY + _PICTURES * _BYTES_A_PIXEL * area(self.picture))))
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
