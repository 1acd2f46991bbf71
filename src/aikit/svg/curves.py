"""The mathematics of cubic Bézier curves, many at once: an array (N, 4, 2) of N curves with four control points each."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Curves = NDArray[np.float64]
    Points = NDArray[np.float64]

__all__ = ["at_distances", "bounds", "measure", "signed_area"]


def bounds(curves: Curves) -> tuple[float, float, float, float]:
    """(left, top, right, bottom) of the curves themselves, not of their control points."""
    import numpy as np

    p0, p1, p2, p3 = curves.transpose(1, 0, 2)
    # The derivative is a t² + 2 b t + c; its roots in the form that loses no digits where a is small.
    a, b, c = p3 - p0 + 3 * (p1 - p2), p0 - 2 * p1 + p2, p1 - p0
    with np.errstate(all="ignore"):
        q = -(b + np.copysign(np.sqrt(b * b - a * c), b))
        turns = np.stack([q / a, c / q])
    turns = np.clip(np.nan_to_num(turns, nan=0.0), 0, 1)
    extremes = np.concatenate([p0, p3, *(_at(curves, t) for t in turns)])
    (left, top), (right, bottom) = extremes.min(axis=0).tolist(), extremes.max(axis=0).tolist()
    return left, top, right, bottom


def signed_area(curves: Curves) -> float:
    """The area inside closed curves, positive where they run clockwise on the screen (y down).

    Source: Green's theorem on the Bernstein form; the weights are exact.
    """
    p0, p1, p2, p3 = curves.transpose(1, 0, 2)
    pairs = [(p0, p1, 6), (p0, p2, 3), (p0, p3, 1), (p1, p2, 3), (p1, p3, 3), (p2, p3, 6)]
    return float(sum(weight * (a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).sum() for a, b, weight in pairs) / 20)


def measure(curves: Curves) -> tuple[Curves, Points]:
    """Measure curves, halved where needed: them, and the length of each to about twelve digits."""
    import numpy as np

    order = np.arange(len(curves), dtype=np.float64)
    done: list[tuple[Points, Curves, Points]] = []
    # A cusp is halved away: its two sides are within rounding of straight after some forty steps.
    for step in range(50):
        left, right = _halves(curves)
        with np.errstate(all="ignore"):
            entire, halves = _length(curves), _length(left) + _length(right)
            error = np.abs(entire - halves)
            # A length beyond what floats hold does not become one by halving: all would be halved fifty times.
            good = (error <= 1e-12 * np.abs(curves).max(initial=0.0)) | ~np.isfinite(error) | (step == 49)
        done.append((order[good], curves[good], halves[good]))
        curves = np.concatenate([left[~good], right[~good]])
        order = np.concatenate([order[~good], order[~good] + 0.5 ** (step + 1)])
        if not len(curves):
            break
    orders, pieces, lengths = (np.concatenate(parts) for parts in zip(*done, strict=True))
    sequence = np.argsort(orders, kind="stable")
    return pieces[sequence], lengths[sequence]


def _halves(curves: Curves) -> tuple[Curves, Curves]:
    """De Casteljau's cut in the middle."""
    import numpy as np

    p0, p1, p2, p3 = curves.transpose(1, 0, 2)
    p01, p12, p23 = (p0 + p1) / 2, (p1 + p2) / 2, (p2 + p3) / 2
    p012, p123 = (p01 + p12) / 2, (p12 + p23) / 2
    middle = (p012 + p123) / 2
    return np.stack([p0, p01, p012, middle], axis=1), np.stack([middle, p123, p23, p3], axis=1)


def _length(curves: Curves, end: float | Points = 1.0) -> Points:
    """The length of each curve from 0 to `end`, a time or one for each, by Gauss and Legendre with sixteen points."""
    import numpy as np

    nodes, weights = np.polynomial.legendre.leggauss(16)
    times = np.multiply.outer((nodes + 1) / 2, end).reshape(len(nodes), -1)
    lengths: Points = weights @ _speed(curves, times) / 2 * end
    return lengths


def _speed(curves: Curves, times: Points) -> Points:
    """Give the speed at which each curve is run through; `times` is (..., N), or (..., 1) for all curves at once."""
    import numpy as np

    p0, p1, p2, p3 = curves.transpose(1, 0, 2)
    t = times[..., None]
    velocity = 3 * ((p1 - p0) * (1 - t) ** 2 + 2 * (p2 - p1) * (1 - t) * t + (p3 - p2) * t**2)
    speed: Points = np.hypot(velocity[..., 0], velocity[..., 1])
    return speed


def _at(curves: Curves, times: Points) -> Points:
    """The point of each curve at its own time; `times` is (N, 1), or (N, 2) for another time in x than in y."""
    p0, p1, p2, p3 = curves.transpose(1, 0, 2)
    s = 1 - times
    points: Points = p0 * s**3 + 3 * p1 * s**2 * times + 3 * p2 * s * times**2 + p3 * times**3
    return points


def at_distances(pieces: Curves, lengths: Points, distances: Points) -> Points:
    """The points (M, 2) that lie M distances along pieces from `measure`."""
    import numpy as np

    ends = np.cumsum(lengths)
    which = np.minimum(np.searchsorted(ends, distances), len(pieces) - 1)
    curves, length = pieces[which], lengths[which]
    rest = np.clip(distances - (ends[which] - length), 0, length)
    low, high = np.zeros_like(rest), np.ones_like(rest)
    with np.errstate(all="ignore"):
        times = np.where(length > 0, rest / length, 0)
    # Newton's steps, bisection where one would leave what encloses the root: 60 halvings would do alone.
    for _ in range(60):
        missing = rest - _length(curves, times)
        low, high = np.where(missing > 0, times, low), np.where(missing > 0, high, times)
        with np.errstate(all="ignore"):
            newton = times + missing / _speed(curves, times)
        inside = (newton >= low) & (newton <= high)
        step = np.where(inside, newton, (low + high) / 2)
        if np.abs(step - times).max(initial=0.0) < 1e-14:
            break
        times = step
    return _at(curves, times[:, None])
