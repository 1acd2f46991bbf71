"""Floats that nobody meant for integers: 0 to 255, -1 to 1, and what a mean and a standard deviation have made of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._warnings import warn_caller

if TYPE_CHECKING:
    from .kinds import Array

__all__ = ["FAR_ABOVE", "FAR_BELOW", "Outliers"]

# What a kernel overshoots stays within these.
FAR_BELOW, FAR_ABOVE = -0.5, 1.5

# Of all values, how many may lie beyond; and the least that no overshoot reaches.
_SHARE, _LEAST = 0.01, -0.9
# Strong colors that were turned in hue leave the gamut by the dozen; in units that cannot be right nearly all do.
_SHARE_OF_GAMUT = 0.5


class Outliers:
    """Looks at floats that have to be clamped on their way to integers, and warns once where that cannot be meant.

    Args:
        gamut: whether they are colors of a wider space, of which many may lie far outside.
    """

    def __init__(self, *, gamut: bool = False) -> None:
        self._gamut = gamut
        # Of each part that holds any: its least and greatest value, and how many lie far outside. Filled by threads.
        self._found: list[tuple[float, float, int]] = []

    def look(self, values: Array, least: float) -> None:
        """Look at some values, the least of which is known."""
        import numpy as np

        greatest = float(values.max())
        if least < FAR_BELOW or greatest > FAR_ABOVE:
            self.add(least, greatest, int(np.count_nonzero((values < FAR_BELOW) | (values > FAR_ABOVE))))

    def add(self, least: float, greatest: float, far: int) -> None:
        """Add what was found among some values: the least, the greatest, and how many lie far outside."""
        self._found.append((least, greatest, far))

    def warn(self, total: int, remedy: str | None = None) -> None:
        """Warn of what was found among so many values."""
        if not self._found:
            return
        least, greatest = min(part[0] for part in self._found), max(part[1] for part in self._found)
        far = sum(part[2] for part in self._found)
        if far <= _SHARE_OF_GAMUT * total if self._gamut else far <= _SHARE * total and least > _LEAST:
            return
        share = f"{far / total:.0%} of them beyond [{FAR_BELOW}, {FAR_ABOVE}]"
        warn_caller(
            f"image: expected floats in [0, 1] on the way to integers, got values from {least:.4g} to {greatest:.4g}, "
            f"{share}, which were clamped; {remedy or _way_out(least, greatest)}."
        )


def _way_out(least: float, greatest: float) -> str:
    """Say what to do, by what ranges there are."""
    if least >= FAR_BELOW and greatest > 8:
        top = 255 if greatest <= 256 else 65535
        guess = f"for values from 0 to {top} pass value_range=(0, {top})"
    elif least >= -1.1 and greatest <= 1.1:
        guess = "for values from -1 to 1 pass value_range=(-1, 1)"
    else:
        undo = "undo the normalization first, or " if least < FAR_BELOW else ""
        guess = f"{undo}pass value_range=(low, high)"
    return f"{guess} to a converter such as to_numpy"
