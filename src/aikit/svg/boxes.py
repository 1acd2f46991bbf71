"""The bounding box of an element, without its lines (SVG 2, section 8.10)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .shapes import OUTLINES, Lengths
from .size import Size
from .source import SVG, local_name
from .transform import parse_transform

if TYPE_CHECKING:
    import numpy as np
    from lxml.etree import _Element
    from numpy.typing import NDArray

__all__ = ["bounding_box"]

_CONTAINERS = frozenset(["g", "a", "switch"])
# Elements that are looked at for one box.
_MOST = 10_000


def bounding_box(element: _Element, viewport: Size, font_size: float) -> tuple[float, float, float, float] | None:
    """Left, top, right and bottom in the coordinates of the element; None where it has no shape whose box is known."""
    import numpy as np

    from .outline import SvgPath

    found: list[NDArray[np.float64]] = []
    todo: list[tuple[_Element, NDArray[np.float64]]] = [(element, np.eye(3))]
    for _ in range(_MOST):
        if not todo:
            break
        each, matrix = todo.pop()
        tag = local_name(each)
        lengths = Lengths(each, viewport, {"font-size": str(font_size)})
        if tag in OUTLINES:
            subpaths = OUTLINES[tag](lengths)
            if any(len(subpath.curves) for subpath in subpaths):
                box = SvgPath(subpaths, {}).transform(matrix).bbox
                assert box is not None
                found.append(np.array([box[:2], box[2:]]))
        elif tag == "image":
            left, top = lengths.x("x"), lengths.y("y")
            corners = np.array([[left, top], [left + lengths.x("width"), top + lengths.y("height")]])
            found.append(_apply(matrix, np.array([[x, y] for x in corners[:, 0] for y in corners[:, 1]])))
        elif tag in _CONTAINERS:
            for child in each.iterchildren(f"{{{SVG}}}*"):
                own = parse_transform(child.get("transform", ""))
                todo.append((child, matrix if own is None else matrix @ own))
        elif each is element or tag in ("text", "use", "svg"):
            return None
    if not found:
        return None
    points = np.concatenate(found)
    low, high = points.min(0), points.max(0)
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])


def _apply(matrix: NDArray[np.float64], points: NDArray[np.float64]) -> NDArray[np.float64]:
    moved: NDArray[np.float64] = points @ matrix[:2, :2].T + matrix[:2, 2]
    return moved
