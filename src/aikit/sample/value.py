"""The sample itself: a picture and what is known of it."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias, get_args

import numpy as np

from .._check import integer, number, one_of, switch
from .._pixels import ChannelKind, kind_of, spec_of
from ..errors import InputTypeError, InputValueError
from ..geometry.cropping import pad_window
from ..geometry.places import (
    BoxFormat,
    Matrix,
    Places,
    check_box_format,
    clip_boxes,
    enclose,
    from_corners,
    is_tensor,
    map_points,
    read_places,
    to_corners,
)
from ..operations import Operation, get, names
from ..operations.registry import IDENTITY, as_data
from ..types import AnyImage
from .labels import LabelMap, Masks, check_ignore, pick_labels, read_label_form, take_labels

if TYPE_CHECKING:
    import torch

__all__ = ["Sample", "keep_rows", "move_keypoints"]

Array: TypeAlias = np.ndarray[Any, Any]
Rows: TypeAlias = "Array | torch.Tensor | Sequence[Any]"

# The rows and columns of a picture that a margin repeats.
Margin: TypeAlias = tuple[Array, Array]


@dataclass(frozen=True, eq=False)
class Sample:
    """A picture together with its boxes, masks, label map and keypoints: what moves the picture moves all of them.

    `recipe(sample)`, `sample.apply("crop", ...)` and the operations themselves, `aikit.crop(sample, ...)`, give another
    Sample. Operations that change only values leave places alone; one that cannot say where points go is refused. Boxes are
    clipped at the picture's edges, and what has left it is dropped, with its class, score, mask and keypoints.

    Places are in pixels from the upper left corner, x to the right and y down, of the picture as it is seen: upright, where
    it has an EXIF orientation. The first pixel covers 0 to 1.

    Args:
        image: one picture of any kind.
        masks: (N, H, W), an array or a tensor of any type, one mask for each object; taken by nearest, 0 beyond.
        label_map: (H, W), whole numbers of any type in an array, a tensor (also (1, H, W)) or a PIL image, which is
            taken by its indices and never as colors; always taken by nearest.
        boxes: (N, 4), an array, a tensor or lists.
        box_format: what the four numbers are: "xyxy" (left, top, right, bottom), "xywh" (left, top, width, height) or
            "cxcywh" (center x and y, width, height).
        relative: boxes count in widths and heights of the picture and not in pixels.
        classes: one for each object, an array, a tensor or a list; dropped with its box.
        scores: one for each object, as well.
        keypoints: (N, K, 2 or 3) for each object, or (K, 2 or 3); a third number is the visibility, as COCO has it,
            which becomes 0 where a point has left the picture.
        ignore: the number in a label map for what is beyond the picture.
        channels: "data" for an array or a tensor of any number of planes, none of which is alpha: operations that move
            pixels take them, those of colors and of alpha are refused.
        min_visible: boxes of which a smaller share of the area is left are dropped, 0 to 1; those that are gone always.

    Raises:
        InputTypeError: not a picture, or numbers that are none.
        InputValueError: a batch, shapes or counts that do not fit each other, or an unknown format.

    Example:
        >>> import numpy as np, aikit
        >>> photo = np.zeros((100, 200, 3), np.uint8)
        >>> sample = Sample(photo, boxes=[[20, 10, 60, 50], [150, 0, 200, 40]], classes=["cat", "dog"])
        >>> small = aikit.Recipe.parse("crop box=[0,0,100,100]; resize width=50")(sample)
        >>> small.boxes.tolist(), small.classes
        ([[10.0, 5.0, 30.0, 25.0]], ['cat'])
    """

    image: AnyImage
    _: KW_ONLY
    masks: Masks | None = None
    label_map: LabelMap | None = None
    boxes: Places | None = None
    box_format: BoxFormat = "xyxy"
    relative: bool = False
    classes: Rows | None = None
    scores: Rows | None = None
    keypoints: Places | None = None
    ignore: int = 255
    min_visible: float = 0.0
    channels: ChannelKind = "color"

    def __post_init__(self) -> None:
        one_of("channels", self.channels, get_args(ChannelKind))
        if self.channels == "data" and kind_of(self.image) == "pil":
            raise InputValueError("image", "an array or a tensor of data", "a PIL image", "pass to_numpy(image)")
        spec = spec_of(self.image, self.channels)
        if spec.batch:
            raise InputValueError("image", "one picture", f"a batch of shape {spec.batch}", "make a sample of each")
        check_box_format(self.box_format)
        switch("relative", self.relative)
        number("min_visible", self.min_visible, 0, 1)
        integer("ignore", self.ignore, -(2**63))
        if self.boxes is not None:
            read_places(self.boxes, "boxes", (4,), (2,))
        if self.keypoints is not None:
            read_places(self.keypoints, "keypoints", (2, 3), (3, 2))
        if self.masks is not None:
            _check_masks(self.masks, (spec.height, spec.width))
        if self.label_map is not None:
            labels = read_label_form(self.label_map)
            check_ignore(self.ignore, labels)
            _check_size("label_map", labels.size, (spec.height, spec.width))
        self._check_counts()

    def _check_counts(self) -> None:
        """Every part that has a row for each object has as many."""
        counts = {name: len(part) for name, part in self._parts_of_objects().items()}
        if len(set(counts.values())) > 1:
            first = next(iter(counts))
            for name, count in counts.items():
                if count != counts[first]:
                    raise InputValueError(
                        name, f"{counts[first]} rows, one for each of {first}", str(count), "pass one for each object"
                    )

    def _parts_of_objects(self) -> dict[str, Any]:
        """What has a row for each object, by its name."""
        parts = {name: getattr(self, name) for name in ("boxes", "masks", "classes", "scores", "keypoints")}
        if self.keypoints is not None and read_places(self.keypoints, "keypoints", (2, 3), (3, 2)).values.ndim == 2:
            del parts["keypoints"]
        return {name: part for name, part in parts.items() if part is not None}

    @property
    def size(self) -> tuple[int, int]:
        """The height and width of the picture, upright."""
        spec = spec_of(self.image, self.channels)
        return spec.height, spec.width

    def apply(self, name: str, /, **keywords: Any) -> Sample:
        """The sample after one operation, as a step of a recipe.

        Args:
            name: of the operation.
            keywords: its keywords.

        Returns:
            Another sample.

        Raises:
            InputValueError: there is no such operation, it does not take these keywords, or it cannot say where points
                go and there are places to be moved.

        Example:
            >>> import numpy as np
            >>> sample = Sample(np.zeros((10, 20, 3), np.uint8), keypoints=[[5.0, 2.0]])
            >>> sample.apply("flip", axis="horizontal").keypoints.tolist()
            [[15.0, 2.0]]
        """
        operation = get(name)
        operation.check(keywords)
        return self._apply(operation, keywords)

    def __apply_operation__(self, name: str, args: Sequence[Any], keywords: dict[str, Any]) -> Any:
        """What the functions of operations make of a sample that they are called with."""
        if name not in names():
            return NotImplemented
        operation = get(name)
        places = list(inspect.signature(operation.function).parameters)[1:]
        return self._apply(operation, {**dict(zip(places, args, strict=False)), **keywords})

    def _apply(self, operation: Operation, keywords: Mapping[str, Any]) -> Sample:
        if self.channels == "data":
            keywords = as_data(operation, keywords)
        result = operation(self.image, keywords)
        if not self._has_places():
            return replace(self, image=result)
        matrix = operation.matrix(self.image, keywords)
        if matrix is None:
            raise InputValueError(
                operation.name,
                "an operation that says where points go, beside boxes, masks, labels or keypoints",
                "one that does not",
                "register it with matrix=..., or leave the step out",
            )
        if matrix == IDENTITY and not operation.changes_size:
            return replace(self, image=result)
        return self.move(result, matrix, _margin_of(operation, keywords, self.size))

    def _has_places(self) -> bool:
        return any(part is not None for part in (self.masks, self.label_map, self.boxes, self.keypoints))

    def move(self, image: AnyImage, matrix: Matrix, margin: Margin | None = None) -> Sample:
        """The sample of a picture that was made of this one, by the matrix from its points to the new one's.

        Args:
            image: the new picture.
            matrix: three rows of three numbers.
            margin: the rows and columns to repeat, where the picture was repeated beyond its edges.

        Returns:
            Another sample, clipped, without what left the picture.
        """
        spec = spec_of(image, self.channels)
        size = spec.height, spec.width
        moved: dict[str, Any] = {"image": image}
        kept: Array | None = None
        if self.boxes is not None:
            moved["boxes"], kept = self._move_boxes(matrix, size)
        if self.masks is not None:
            masks = take_labels(self.masks, *margin) if margin else pick_labels(self.masks, matrix, size, 0)
            moved["masks"] = masks
            kept = _still_seen(self.masks, masks) if kept is None else kept
        if self.label_map is not None:
            labels = read_label_form(self.label_map)
            values = labels.values
            moved["label_map"] = labels.give(
                take_labels(values, *margin) if margin else pick_labels(values, matrix, size, self.ignore)
            )
        if self.keypoints is not None:
            moved["keypoints"] = move_keypoints(self.keypoints, matrix, size)
        if kept is not None and not kept.all():
            for name, part in self._parts_of_objects().items():
                moved[name] = keep_rows(moved.get(name, part), kept)
        return replace(self, **moved)

    def _move_boxes(self, matrix: Matrix, size: tuple[int, int]) -> tuple[Any, Array]:
        numbers = read_places(self.boxes, "boxes", (4,), (2,))
        corners = enclose(to_corners(numbers.values, self.box_format, self.relative, self.size), matrix)
        clipped, visible = clip_boxes(corners, size)
        boxes = numbers.give(from_corners(clipped, self.box_format, self.relative, size))
        return boxes, (visible > 0) & (visible >= self.min_visible)

    def _repr_html_(self) -> str:
        from .card import as_html

        return as_html(self)


# ---------------------------------------------------------------- parts


def _check_size(subject: str, got: tuple[int, int], size: tuple[int, int]) -> None:
    if got != size:
        raise InputValueError(
            subject, f"height x width {size[0]}x{size[1]}, the picture's", f"{got[0]}x{got[1]}", "resize it by nearest"
        )


def _check_masks(masks: Any, size: tuple[int, int]) -> None:
    if not (is_tensor(masks) or isinstance(masks, np.ndarray)):
        raise InputTypeError("masks", "an array or a tensor (N, H, W)", type(masks).__name__, "stack them")
    if masks.ndim != 3:
        raise InputValueError("masks", "shape (N, H, W)", str(tuple(masks.shape)), "for one mask pass mask[None]")
    _check_size("masks", (int(masks.shape[1]), int(masks.shape[2])), size)


def move_keypoints(given: Any, matrix: Matrix, size: tuple[int, int]) -> Any:
    """Points where they went; the visibility of those beyond the picture is 0."""
    numbers = read_places(given, "keypoints", (2, 3), (3, 2))
    points = map_points(numbers.values[..., :2], matrix)
    if numbers.values.shape[-1] == 2:
        return numbers.give(points)
    inside = ((points >= 0) & (points <= (size[1], size[0]))).all(-1)
    seen = np.where(inside, numbers.values[..., 2], 0)
    return numbers.give(np.concatenate([points, seen[..., None]], -1))


def keep_rows(part: Any, kept: Array) -> Any:
    """The rows that stay, of an array, a tensor or a list."""
    if is_tensor(part):
        import torch

        return part[torch.from_numpy(kept).to(part.device)]
    if isinstance(part, np.ndarray):
        return part[kept]
    rows = [row for row, stays in zip(part, kept, strict=True) if stays]
    return tuple(rows) if isinstance(part, tuple) else rows


def _still_seen(before: Any, after: Any) -> Array:
    """Which masks show anything, or never did."""

    def shown(masks: Any) -> Array:
        any_pixel = (masks != 0).reshape(len(masks), -1).any(1)
        return np.asarray(any_pixel.cpu() if is_tensor(any_pixel) else any_pixel)

    return shown(after) | ~shown(before)


def _margin_of(operation: Operation, keywords: Mapping[str, Any], size: tuple[int, int]) -> Margin | None:
    """The rows and columns that a margin of the picture's own pixels repeats."""
    if operation.name != "pad" or keywords.get("mode", "constant") == "constant":
        return None
    window = pad_window(*size, **keywords)
    return window.positions(*size)
