"""Triangles cut at planes: what lies behind the near plane, and what would leave the range of exact coordinates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

__all__ = ["Parts", "clip"]


@dataclass(frozen=True, slots=True)
class Parts:
    """Parts of triangles that are triangles.

    Args:
        source: (T,), of which triangle each is a part.
        weights: (3, 3, T), for each of its corners how much of each corner of that triangle it is made of.
    """

    source: torch.Tensor
    weights: torch.Tensor

    def pick(self, which: torch.Tensor) -> Parts:
        """Some of them, by a mask or by their numbers."""
        return Parts(self.source[which], self.weights[:, :, which])


def clip(parts: Parts, apart: torch.Tensor) -> Parts:
    """Keep what lies on one side of a plane.

    Args:
        parts: the triangles.
        apart: (3, T), how far each corner is from the plane; 0 and more is kept.

    Returns:
        The parts, in the order of the triangles. Two triangles that share an edge are cut at one place.
    """
    import torch

    inside = apart >= 0
    count = inside.sum(0)
    if bool((count == 3).all()):
        return parts
    pieces = [parts.pick(count == 3)]
    for corners in (1, 2):
        which = count == corners
        # The corner that is alone on its side comes first; the order around the triangle stays.
        alone = inside if corners == 1 else ~inside
        turned, away = _turn(parts.pick(which), apart[:, which], alone[:, which])
        first, second, third = turned.weights
        beside = _between(first, second, away[0], away[1], corners == 1)
        behind = _between(first, third, away[0], away[2], corners == 1)
        if corners == 1:
            pieces.append(Parts(turned.source, torch.stack((first, beside, behind))))
        else:
            pieces.append(Parts(turned.source, torch.stack((beside, second, third))))
            pieces.append(Parts(turned.source, torch.stack((beside, third, behind))))
    source = torch.cat([piece.source for piece in pieces])
    order = source.argsort(stable=True)
    return Parts(source[order], torch.cat([piece.weights for piece in pieces], 2)[:, :, order])


def _turn(parts: Parts, apart: torch.Tensor, alone: torch.Tensor) -> tuple[Parts, torch.Tensor]:
    """Renumber corners so that the one that is alone is the first."""
    start = alone.to(apart.dtype).argmax(0)
    order = (start + start.new_tensor([[0], [1], [2]])) % 3
    weights = parts.weights.gather(0, order[:, None, :].expand(-1, 3, -1))
    return Parts(parts.source, weights), apart.gather(0, order)


def _between(
    first: torch.Tensor, other: torch.Tensor, at_first: torch.Tensor, at_other: torch.Tensor, first_inside: bool
) -> torch.Tensor:
    """Where an edge goes through the plane; always reckoned from the inside, so that neighbors agree to the last bit."""
    start, end, near, far = (first, other, at_first, at_other) if first_inside else (other, first, at_other, at_first)
    return start + (end - start) * (near / (near - far))
