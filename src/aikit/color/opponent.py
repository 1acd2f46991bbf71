"""What Lab and OKLab share: three mixtures of linear light, their roots, and how far those lie apart.

Chroma is the small difference of large numbers. Computed as such in float32 it carries their rounding: grays get a
cast, and a dark channel of a vivid color comes back 3e-5 off. So the differences are carried along: of red, green and
blue first, of the mixtures from those, and of the roots by p^3 - q^3 = (p - q)(p^2 + pq + q^2). Gray stays at exactly 0.
"""

from __future__ import annotations

from collections.abc import Sequence

from .._pixels import Plane, Planes
from .rgb import Matrix, inverse


def balanced(matrix: Matrix) -> Matrix:
    """The matrix with green's share such that every row adds up to 1: equal lights give equal mixtures."""
    return tuple((red, 1 - red - blue, blue) for red, _, blue in matrix)


def mix(matrix: Matrix, planes: Sequence[Plane]) -> tuple[Plane, Plane, Plane]:
    """The middle mixture of a balanced matrix, and how far the first and the last lie above it."""
    first, middle, last = matrix
    green = planes[1]
    red, blue = planes[0] - green, planes[2] - green
    return (
        green + middle[0] * red + middle[2] * blue,
        (first[0] - middle[0]) * red + (first[2] - middle[2]) * blue,
        (last[0] - middle[0]) * red + (last[2] - middle[2]) * blue,
    )


def unmix(matrix: Matrix, middle: Plane, first: Plane, last: Plane) -> Planes:
    """Red, green and blue of what `mix` gives."""
    return [middle + row[0] * first + row[2] * last for row in inverse(matrix)]


def slope(root: Plane, other: Plane) -> Plane:
    """How much further apart two cubes lie than their roots."""
    return root * root + root * other + other * other
