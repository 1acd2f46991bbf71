"""The colors of a cut-out without the background it was cut from."""

from __future__ import annotations

import math

from .._foreign_names import explain_calls
from .._pixels import Namespace, Plane, Planes, run
from ..types import ImageT
from .premultiplied import clip_alpha

__all__ = ["estimate_foreground"]


@explain_calls
def estimate_foreground(image: ImageT) -> ImageT:
    """Estimate the foreground's own colors where a soft alpha still shows the old background.

    A cut-out keeps the old background mixed into its soft edges, which shows as a fringe over a new one. This
    solves image = alpha * foreground + (1 - alpha) * background for the smoothest pair of pictures, from coarse
    to fine.

    Args:
        image: gray+alpha or RGBA as cut out, colors still mixed; any height and width, leading batch axes allowed.

    Returns:
        Same kind, shape and dtype; alpha unchanged, colors those of the foreground alone, in [0, 1]. Opaque
        pixels keep theirs. Where alpha is 0 the nearest foreground's color goes on.

    Raises:
        InputValueError: the image has no alpha channel.

    Example:
        >>> import numpy as np
        >>> row = np.array([[[200, 0, 0, 255], [100, 100, 100, 128], [0, 200, 200, 0]]], np.uint8)
        >>> int(estimate_foreground(row)[0, 1, :3].argmax())
        0

    Source: Germer, Uelwer, Conrad and Harmeling, "Fast Multi-Level Foreground Estimation", ICPR 2020.
    """
    return run(_estimate_foreground, image, needs="alpha", pointwise=False)


# The paper's regularization, and more than its two rounds a level: a plane kernel updates all pixels at once
# (Jacobi), where the paper goes from one to the next (Gauss-Seidel), which converges twice as fast. The full
# size, three quarters of the work, needs one round: what that leaves over, the last step below puts right.
_SMOOTHNESS, _SMALL_SIDE, _SMALL_ROUNDS, _ROUNDS, _LAST_ROUNDS = 1e-5, 32, 20, 6, 1


def _estimate_foreground(xp: Namespace, *planes: Plane) -> Planes:
    *color, alpha = planes
    alpha = clip_alpha(xp, alpha)
    height, width = alpha.shape[-2:]
    levels = max(1, math.ceil(math.log2(max(height, width))))
    pairs = [(_mean_where(xp, plane, alpha > 0.9), _mean_where(xp, plane, alpha < 0.1)) for plane in color]
    for level in range(levels + 1):
        size = round(height ** (level / levels)), round(width ** (level / levels))
        rounds = _SMALL_ROUNDS if max(size) <= _SMALL_SIDE else _ROUNDS if level < levels else _LAST_ROUNDS
        small_alpha = _nearest(alpha, size)
        pull = _Pull(xp, small_alpha)
        pairs = [
            pull.solve(_nearest(plane, size), _nearest(front, size), _nearest(back, size), rounds)
            for plane, (front, back) in zip(color, pairs, strict=True)
        ]
    # What the pair leaves unexplained is the foreground's, as far as alpha says: all of it where alpha is 1.
    rest, opaque = 1 - alpha, alpha == 1
    pure = []
    for plane, (front, back) in zip(color, pairs, strict=True):
        missing = plane - alpha * front - rest * back
        pure.append(xp.where(opaque, plane, xp.clip(front + alpha * missing, 0, 1)))
    return [*pure, planes[-1]]


def _mean_where(xp: Namespace, plane: Plane, mask: Plane) -> Plane:
    """The mean of the marked pixels as a 1x1 plane, of all pixels where none is marked."""
    weight = xp.where(mask, xp.ones_like(plane), xp.zeros_like(plane))
    count = weight.sum((-2, -1))[..., None, None]
    mean = (plane * weight).sum((-2, -1))[..., None, None] / xp.where(count > 0, count, xp.ones_like(count))
    return xp.where(count > 0, mean, plane.mean((-2, -1))[..., None, None])


def _nearest(plane: Plane, size: tuple[int, int]) -> Plane:
    if tuple(plane.shape[-2:]) == size:
        return plane
    rows, columns = ([at * old // new for at in range(new)] for old, new in zip(plane.shape[-2:], size, strict=True))
    return plane[..., rows, :][..., columns]


def _neighbors(xp: Namespace, plane: Plane) -> Planes:
    """The plane seen from its four sides, edges repeated."""
    wide = xp.concatenate([plane[..., :1], plane, plane[..., -1:]], axis=-1)
    tall = xp.concatenate([plane[..., :1, :], plane, plane[..., -1:, :]], axis=-2)
    return [wide[..., :-2], wide[..., 2:], tall[..., :-2, :], tall[..., 2:, :]]


class _Pull:
    """One level: each pixel's 2x2 system, solved for all pixels at once with their neighbors as they are.

    The neighbors pull most across the edge of alpha, so that colors flow along it.
    """

    def __init__(self, xp: Namespace, alpha: Plane) -> None:
        self.xp = xp
        self.alpha, self.rest = alpha, 1 - alpha
        weights = [_SMOOTHNESS + abs(alpha - near) for near in _neighbors(xp, alpha)]
        total = sum(weights)
        self.weights = [weight / total for weight in weights]
        gain = 1 / (self.alpha * self.alpha + self.rest * self.rest + total)
        self.front_gain, self.back_gain = self.alpha * gain, self.rest * gain

    def solve(self, plane: Plane, front: Plane, back: Plane, rounds: int) -> tuple[Plane, Plane]:
        for _ in range(rounds):
            front, back = self.mean(front), self.mean(back)
            missing = plane - self.alpha * front - self.rest * back
            front = self.xp.clip(front + self.front_gain * missing, 0, 1)
            back = self.xp.clip(back + self.back_gain * missing, 0, 1)
        return front, back

    def mean(self, plane: Plane) -> Plane:
        return sum(weight * near for weight, near in zip(self.weights, _neighbors(self.xp, plane), strict=True))
