"""Boxes and points: read from any array, moved by a matrix, clipped, and given back as they came."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from .._check import one_of
from ..errors import InputTypeError, InputValueError, quoted

if TYPE_CHECKING:
    import torch

__all__ = [
    "BoxFormat", "Matrix", "Numbers", "Places", "as_matrix", "check_box_format", "clip_boxes", "enclose", "from_corners", "is_tensor",
    "map_points", "read_places", "to_corners",
]  # fmt: skip

Array: TypeAlias = np.ndarray[Any, Any]
Places: TypeAlias = "Array | torch.Tensor | list[Any]"
"""Numbers in rows: an array, a tensor or a list of lists."""

Matrix: TypeAlias = tuple[tuple[float, ...], ...]
BoxFormat = Literal["xyxy", "xywh", "cxcywh"]
BOX_FORMATS = ("xyxy", "xywh", "cxcywh")


def check_box_format(box_format: object) -> None:
    """Refuse another format of boxes."""
    one_of("box_format", box_format, BOX_FORMATS)


def is_tensor(value: object) -> bool:
    """Whether this is a tensor of torch, without loading it."""
    return any(f"{base.__module__}.{base.__qualname__}" == "torch.Tensor" for base in type(value).__mro__)


@dataclass(frozen=True, slots=True)
class Numbers:
    """Numbers in float64, and the form that they came in."""

    values: Array
    give: Callable[[Array], Any]


def as_matrix(rows: Array) -> Matrix:
    """Rows of numbers as a matrix that can be compared and stored."""
    return tuple(tuple(map(float, row)) for row in rows)


def read_places(given: object, subject: str, columns: tuple[int, ...], axes: tuple[int, ...]) -> Numbers:
    """Numbers of an array, tensor or list with so many columns and axes; integers come back as floats."""
    numbers = _read_tensor(given) if is_tensor(given) else _read_array(given, subject)
    shape = numbers.values.shape
    if not numbers.values.size and isinstance(given, (list, tuple)):
        return Numbers(np.zeros((0, columns[0])), numbers.give)
    if len(shape) not in axes or shape[-1] not in columns:
        expected = "shape (" + "N, " * (axes[0] - 1) + " or ".join(map(str, columns)) + ")"
        raise InputValueError(subject, expected, str(shape), "pass one row for each")
    return numbers


def _read_tensor(given: Any) -> Numbers:
    import torch

    dtype = given.dtype if given.dtype in (torch.float32, torch.float64) else torch.float32
    device = given.device
    return Numbers(
        given.detach().double().cpu().numpy(), lambda values: torch.from_numpy(np.array(values)).to(device, dtype)
    )


def _read_array(given: object, subject: str) -> Numbers:
    try:
        values = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputTypeError(subject, "numbers in rows", quoted(given), "pass an array, a tensor or lists") from error
    dtype = given.dtype if isinstance(given, np.ndarray) and given.dtype in (np.float32, np.float64) else np.float64
    return Numbers(values, lambda moved: np.asarray(moved, dtype))


def to_corners(boxes: Array, box_format: str, relative: bool, size: tuple[int, int]) -> Array:
    """Boxes as left, top, right and bottom in pixels of a picture of this (height, width)."""
    boxes = boxes * _sides(size) if relative else boxes
    first, second = boxes[:, :2], boxes[:, 2:]
    if box_format == "xywh":
        return np.concatenate([first, first + second], 1)
    if box_format == "cxcywh":
        return np.concatenate([first - second / 2, first + second / 2], 1)
    return boxes


def from_corners(corners: Array, box_format: str, relative: bool, size: tuple[int, int]) -> Array:
    """The way back from `to_corners`."""
    first, second = corners[:, :2], corners[:, 2:]
    if box_format == "xywh":
        corners = np.concatenate([first, second - first], 1)
    elif box_format == "cxcywh":
        corners = np.concatenate([(first + second) / 2, second - first], 1)
    return corners / _sides(size) if relative else corners


def _sides(size: tuple[int, int]) -> Array:
    return np.array([size[1], size[0]] * 2, np.float64)


def map_points(points: Array, matrix: Matrix) -> Array:
    """Where points (..., 2) go; those behind a perspective's horizon far away."""
    rows = np.array(matrix)
    moved = points @ rows[:, :2].T + rows[:, 2]
    depth = moved[..., 2:]
    places: Array = moved[..., :2] / np.where(depth > 1e-9, depth, 1e-9)
    return places


def enclose(corners: Array, matrix: Matrix) -> Array:
    """The boxes around boxes that were moved."""
    left, top, right, bottom = corners.T
    points = np.stack([np.stack(pair, -1) for pair in ((left, top), (right, top), (right, bottom), (left, bottom))], 1)
    moved = map_points(points, matrix)
    return np.concatenate([moved.min(1), moved.max(1)], 1)


def clip_boxes(corners: Array, size: tuple[int, int]) -> tuple[Array, Array]:
    """Boxes cut off at the edges of a picture, and how much of the area of each is left, 0 to 1.

    Of a box without area all is left where it lies in the picture.
    """
    high = _sides(size)
    clipped = np.clip(corners, 0, high)
    area, left = _area(corners), _area(clipped)
    inside = ((corners[:, :2] <= high[:2]) & (corners[:, 2:] >= 0)).all(1)
    return clipped, np.where(area > 0, left / np.where(area > 0, area, 1), inside)


def _area(corners: Array) -> Array:
    sides: Array = corners[:, 2:] - corners[:, :2]
    return np.asarray(sides.prod(1))
