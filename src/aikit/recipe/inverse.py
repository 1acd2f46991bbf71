"""The way back: from places in what a recipe makes to places in the picture that it was made of."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from .._check import integer
from .._pixels import spec_of
from ..errors import InputTypeError, InputValueError, quoted
from ..geometry.places import (
    Matrix,
    Places,
    as_matrix,
    check_box_format,
    clip_boxes,
    enclose,
    from_corners,
    read_places,
    to_corners,
)
from ..operations import get
from ..sample import Sample
from ..sample.orientation import stored_rows
from ..types import AnyImage
from .steps import Step

__all__ = ["Like", "Path", "map_back", "trace"]

Like: TypeAlias = "AnyImage | Sample | tuple[int, int]"
Size: TypeAlias = tuple[int, int]


class Path(NamedTuple):
    """Where the points of a picture go through all steps, its (height, width), and that of the result."""

    matrix: Matrix
    before: Size
    after: Size


def trace(steps: Iterable[Step], like: Like) -> Path:
    """Follow the points of a picture through the steps.

    Steps that know their sizes beforehand are not run: a picture without pixels of its own stands for the real one.
    """
    steps = list(steps)
    size = _size_of(like, "data" if any(keywords.get("channels") == "data" for _, keywords in steps) else "color")
    image = _stand_in(size) if all(map(_is_known, steps)) else _picture_of(like, steps)
    matrix = np.eye(3)
    for name, keywords in steps:
        operation = get(name)
        step = operation.matrix(image, keywords)
        if step is None:
            raise InputValueError(
                name, "an operation that says where points go", "one that does not", "register it with matrix=..."
            )
        matrix = np.array(step) @ matrix
        after = operation.new_size(image, keywords)
        if _is_known((name, keywords)):
            image = image if after is None else _stand_in(after)
        else:
            image = operation(image, keywords)
    spec = spec_of(image)
    return Path(as_matrix(matrix), size, (spec.height, spec.width))


def _is_known(step: Step) -> bool:
    """Whether a step of aikit's needs no pixels to say where points go."""
    operation = get(step[0])
    return operation.module is None and (operation.knows_size or not operation.changes_size)


def _stand_in(size: Size) -> AnyImage:
    return np.broadcast_to(np.uint8(0), size)


def _size_of(like: Like, channels: object) -> Size:
    if isinstance(like, Sample):
        return like.size
    if isinstance(like, tuple):
        if len(like) != 2:
            raise InputValueError("like", "the picture, or its height and width", quoted(like), "pass one of these")
        return integer("like", like[0]), integer("like", like[1])
    spec = spec_of(like, channels, "like")
    return spec.height, spec.width


def _picture_of(like: Like, steps: list[Step]) -> AnyImage:
    if isinstance(like, tuple):
        name = next(step[0] for step in steps if not _is_known(step))
        raise InputTypeError("like", f"the picture, which {name} looks at", quoted(like), "pass it and not its size")
    return like.image if isinstance(like, Sample) else like


def map_back(
    steps: Iterable[Step], given: Sample | Places, like: Like, box_format: str, relative: bool, stored: bool
) -> Any:
    """Places in the result of these steps, or a sample of it, as they are in the picture before."""
    check_box_format(box_format)
    path = trace(steps, like)
    back, size = np.linalg.inv(np.array(path.matrix)), path.before
    if stored:
        turn, size = stored_rows(like.image if isinstance(like, Sample) else like, size)
        back = turn @ back
    matrix = as_matrix(back)
    if isinstance(given, Sample):
        if stored:
            raise InputValueError("stored", "False for a sample, whose picture is upright", "True", "pass its boxes")
        return _sample_back(given, like, path, matrix)
    numbers = read_places(given, "boxes", (4,), (2,))
    corners, _ = clip_boxes(enclose(to_corners(numbers.values, box_format, relative, path.after), matrix), size)
    return numbers.give(from_corners(corners, box_format, relative, size))


def _sample_back(given: Sample, like: Like, path: Path, matrix: Matrix) -> Sample:
    if isinstance(like, tuple):
        raise InputTypeError("like", "the picture itself for a sample", quoted(like), "pass it and not its size")
    if given.size != path.after:
        size, got = (f"{height}x{width}" for height, width in (path.after, given.size))
        raise InputValueError(
            "sample", f"a picture of height x width {size}, as the recipe makes of `like`", got, "pass what it made"
        )
    image = like.image if isinstance(like, Sample) else like
    # The places of a prediction are those of a picture of this size, whatever that of the sample holds.
    return replace(given.move(_stand_in(path.before), matrix), image=image)
