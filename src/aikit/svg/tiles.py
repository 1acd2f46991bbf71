"""The tile of a pattern, which may take attributes and content from other patterns."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from .geometry import Matrix, parse_transform
from .size import Box, view_box

if TYPE_CHECKING:
    from lxml.etree import _Element

__all__ = ["Tile", "tile_of"]


class Tile(NamedTuple):
    """The tile of a pattern, as its attributes describe it."""

    owner: _Element
    sides: tuple[str, str]
    of_box: bool
    content_of_box: bool
    transform: Matrix
    view_box: Box | None


def tile_of(chain: list[_Element]) -> Tile:
    """The tile of the first of some patterns, each of which refers to the next."""

    def first_of(name: str, default: str) -> str:
        return next((text for one in chain if (text := one.get(name))), default)

    owner = next((one for one in chain if len(one)), chain[0])
    return Tile(
        owner,
        (first_of("width", "0"), first_of("height", "0")),
        first_of("patternUnits", "objectBoundingBox") == "objectBoundingBox",
        first_of("patternContentUnits", "userSpaceOnUse") == "objectBoundingBox",
        parse_transform(first_of("patternTransform", "")),
        view_box(owner),
    )
