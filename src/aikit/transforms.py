"""aikit in torchvision's transforms: any operation as a step of `v2.Compose`.

Example:
    >>> from PIL import Image
    >>> from torchvision.transforms import v2
    >>> import aikit
    >>> steps = v2.Compose([Apply(aikit.flatten, background="white"), Apply(aikit.resize, height=4, width=6)])
    >>> image, label = steps(Image.new("RGBA", (30, 20)), 7)
    >>> image.mode, image.size, label
    ('RGB', (6, 4), 7)
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeGuard, TypeVar

import numpy as np
import torch
from PIL import Image
from torch.utils._pytree import tree_flatten, tree_unflatten

from . import operations
from ._check import function
from ._foreign_names import misfit
from ._metadata.orientation import orientation_of_image
from ._pixels import kind_of, load
from .errors import InputTypeError, InputValueError
from .geometry.places import Matrix, as_matrix, clip_boxes, enclose, from_corners, read_places, to_corners
from .operations import Operation
from .sample.labels import pick_labels
from .sample.orientation import stored_rows
from .sample.value import move_keypoints
from .types import AnyImage

__all__ = ["Apply"]

P = ParamSpec("P")
Picture = TypeVar("Picture", bound=AnyImage)


class Apply(torch.nn.Module):
    """An image operation as a transform for torchvision.

    Called with one sample, or with its parts as several arguments; dicts, lists and tuples may be nested in it. What
    counts as an image is what it is in torchvision: PIL images, `tv_tensors.Image` and `tv_tensors.Video`; without
    any of these the first plain tensor; and a NumPy array where it is the whole sample. Everything else is passed on
    untouched: labels, other tensors.

    Args:
        fn: an operation that takes an image first and gives an image, such as `aikit.flatten` or your own.
        args: what it takes behind the image.
        options: its keywords.

    Returns:
        The same structure. A tv_tensor stays one of its class. Where `fn` is one of aikit's operations, boxes, masks and
        keypoints move with the image: boxes are clipped, masks taken by nearest, and none is dropped, which
        `v2.SanitizeBoundingBoxes` does. Beside a PIL image they are in its stored rows and columns, as in torchvision.

    Raises:
        InputTypeError: `fn` cannot be called, or gives something else than an image.
        InputValueError: at once, where `fn` has no such keyword or needs another; later, where a
            function of your own changed the size or turned a PIL image upright, or images beside each other went
            different ways, in a sample with boxes, masks or keypoints, which would no longer fit.

    Example:
        >>> import torch, aikit
        >>> Apply(aikit.resize, height=4, width=6)
        Apply(resize, height=4, width=6)
        >>> Apply(aikit.resize, height=4, width=6)({"image": torch.zeros(3, 20, 30), "label": 7})["image"].shape
        torch.Size([3, 4, 6])
        >>> Apply(aikit.convert_color, "rgb", "hsv")
        Apply(convert_color, 'rgb', 'hsv')
    """

    def __init__(self, fn: Callable[Concatenate[Picture, P], AnyImage], *args: P.args, **options: P.kwargs) -> None:
        super().__init__()
        function("fn", fn)
        # Now, and not with the first sample, which a worker of a DataLoader may take.
        if found := misfit(fn, ("image", *args), options):
            raise InputValueError(*found)
        self.fn: Callable[..., object] = fn
        self.args: tuple[object, ...] = args
        self.options: dict[str, object] = options

    def forward(self, *sample: object) -> object:
        """Give the sample with its images changed."""
        parts, structure = tree_flatten(sample if len(sample) != 1 else sample[0])
        places = [index for index, part in enumerate(parts) if isinstance(part, _types_of_places())]
        images = _find_images(parts)
        path = self._path([parts[index] for index in images]) if places and images else None
        results = [self._change(parts[index], bool(places) and path is None) for index in images]
        if path is not None:
            for index in places:
                parts[index] = _move(parts[index], path, _size_of(results[0]))
        for index, result in zip(images, results, strict=True):
            parts[index] = result
        return tree_unflatten(parts, structure)

    def _path(self, images: list[AnyImage]) -> Matrix | None:
        """Where places in these images go, the same for all of them; None where that cannot be said."""
        operation = self._operation()
        if operation is None:
            return None
        # Like torchvision's, places beside a PIL image are in the rows and columns that it has, and it comes out upright.
        found = [
            (
                operation.matrix(image, self._keywords()),
                *stored_rows(image, _size_of(image, upright=True)),
                _size_of(image),
            )
            for image in images
        ]
        step, turn, stored, _ = found[0]
        alike = all(each[0] == step and each[2] == stored and (each[1] == turn).all() for each in found)
        if step is None or not alike:
            return None
        return as_matrix(np.array(step) @ np.linalg.inv(turn))

    def _operation(self) -> Operation | None:
        """The operation that the function is, if it is one."""
        name = self._name()
        if name not in operations.names():
            return None
        operation = operations.get(name)
        return operation if operation.function is self.fn else None

    def _keywords(self) -> dict[str, object]:
        places = list(inspect.signature(self.fn).parameters)[1:]
        return {**dict(zip(places, self.args, strict=False)), **self.options}

    def _change(self, image: AnyImage, is_held: bool) -> AnyImage:
        """Change one image; one that is held by places beside it has to stay as it lies."""
        from torchvision import tv_tensors

        before = _frame(image) if is_held else ""
        result = self.fn(image, *self.args, **self.options)
        if isinstance(result, (tuple, list)) or not _is_image(result):
            raise InputTypeError(
                "fn",
                "an operation that gives an image",
                f"{type(result).__name__} from {self._name()}",
                "wrap it in a function that does",
            )
        if is_held and before != (after := _frame(result)):
            raise InputValueError(
                "image",
                "to stay as it lies beside boxes, masks or keypoints",
                f"{before} made {after} by {self._name()}",
                "use a transform of torchvision's for this step",
            )
        if isinstance(image, tv_tensors.TVTensor) and isinstance(result, torch.Tensor):
            wrapped: torch.Tensor = tv_tensors.wrap(result.as_subclass(torch.Tensor), like=image)
            return wrapped
        return result

    def _name(self) -> str:
        return getattr(self.fn, "__name__", None) or repr(self.fn)

    def extra_repr(self) -> str:
        """The operation and what it is called with."""
        options = (f"{name}={value!r}" for name, value in self.options.items())
        return ", ".join([self._name(), *map(repr, self.args), *options])


def _find_images(parts: list[object]) -> list[int]:
    """Say which leaves of a sample are its images, by torchvision's rule."""
    from torchvision import tv_tensors

    explicit = (Image.Image, tv_tensors.Image, tv_tensors.Video)
    found = [index for index, part in enumerate(parts) if isinstance(part, explicit)]
    if found:
        return found
    plain = [
        index
        for index, part in enumerate(parts)
        if isinstance(part, torch.Tensor) and not isinstance(part, tv_tensors.TVTensor)
    ]
    if plain:
        return plain[:1]
    return [0] if len(parts) == 1 and _is_image(parts[0]) else []


def _is_image(value: object) -> TypeGuard[AnyImage]:
    try:
        return bool(kind_of(value))
    except InputTypeError:
        return False


def _frame(image: AnyImage) -> str:
    """Tell how an image lies: its height and width, and the orientation that a viewer would still give it."""
    if isinstance(image, Image.Image):
        orientation = orientation_of_image(image)
        return f"{image.height}x{image.width}" + (f" with EXIF orientation {orientation}" if orientation != 1 else "")
    return "x".join(map(str, image.shape[-2:] if isinstance(image, torch.Tensor) else image.shape[:2]))


# ---------------------------------------------------------------- boxes, masks and keypoints


def _types_of_places() -> tuple[type, ...]:
    from torchvision import tv_tensors

    return tuple(
        getattr(tv_tensors, name) for name in ("BoundingBoxes", "Mask", "KeyPoints") if hasattr(tv_tensors, name)
    )


def _size_of(image: AnyImage, *, upright: bool = False) -> tuple[int, int]:
    """Height and width, as they lie or as they are seen."""
    if isinstance(image, Image.Image) and not upright:
        return image.height, image.width
    spec = load(image).spec
    return spec.height, spec.width


def _move(places: torch.Tensor, path: Matrix, size: tuple[int, int]) -> torch.Tensor:
    """A tv_tensor of places in a picture of another size."""
    from torchvision import tv_tensors

    plain = places.as_subclass(torch.Tensor)
    if isinstance(places, tv_tensors.Mask):
        wrapped: torch.Tensor = tv_tensors.wrap(pick_labels(plain, path, size, 0), like=places)
        return wrapped
    if isinstance(places, tv_tensors.BoundingBoxes):
        moved = _move_boxes(plain, places.format.value.lower(), path, places.canvas_size, size)
    else:
        moved = move_keypoints(plain.reshape(1, -1, 2), path, size).reshape(plain.shape)
    moved = moved if plain.is_floating_point() else moved.round()
    result: torch.Tensor = tv_tensors.wrap(moved.to(plain.dtype), like=places, canvas_size=size)
    return result


def _move_boxes(
    boxes: torch.Tensor, box_format: str, path: Matrix, before: tuple[int, int], after: tuple[int, int]
) -> torch.Tensor:
    if box_format not in ("xyxy", "xywh", "cxcywh"):
        raise InputValueError(
            "boxes",
            "boxes of format XYXY, XYWH or CXCYWH",
            box_format.upper(),
            "convert them, or use a transform of torchvision's",
        )
    numbers = read_places(boxes, "boxes", (4,), (2,))
    corners, _ = clip_boxes(enclose(to_corners(numbers.values, box_format, False, before), path), after)
    moved: torch.Tensor = numbers.give(from_corners(corners, box_format, False, after))
    return moved
