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

from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeGuard, TypeVar

import torch
from PIL import Image
from torch.utils._pytree import tree_flatten, tree_unflatten

from ._check import function
from ._foreign_names import misfit
from ._metadata.orientation import orientation_of_image
from ._pixels import kind_of
from .errors import InputTypeError, InputValueError
from .types import AnyImage

__all__ = ["Apply"]

P = ParamSpec("P")
Picture = TypeVar("Picture", bound=AnyImage)


class Apply(torch.nn.Module):
    """An image operation as a transform for torchvision.

    Called with one sample, or with its parts as several arguments; dicts, lists and tuples may be nested in it. What
    counts as an image is what it is in torchvision: PIL images, `tv_tensors.Image` and `tv_tensors.Video`; without
    any of these the first plain tensor; and a NumPy array where it is the whole sample. Everything else is passed on
    untouched: labels, boxes, masks, other tensors.

    Args:
        fn: an operation that takes an image first and gives an image, such as `aikit.flatten` or your own.
        args: what it takes behind the image.
        options: its keywords.

    Returns:
        The same structure. A tv_tensor stays one of its class.

    Raises:
        InputTypeError: `fn` cannot be called, or gives something else than an image.
        InputValueError: at once, where `fn` has no such keyword or needs another; later, where the size changed, or a PIL image was turned upright, in a sample with boxes, masks or
            keypoints, which would no longer fit; use a transform of torchvision's for that step.

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
        from torchvision import tv_tensors

        parts, structure = tree_flatten(sample if len(sample) != 1 else sample[0])
        marked = tuple(
            getattr(tv_tensors, name) for name in ("BoundingBoxes", "Mask", "KeyPoints") if hasattr(tv_tensors, name)
        )
        has_places = any(isinstance(part, marked) for part in parts)
        for index in _find_images(parts):
            parts[index] = self._change(parts[index], has_places)
        return tree_unflatten(parts, structure)

    def _change(self, image: AnyImage, has_places: bool) -> AnyImage:
        from torchvision import tv_tensors

        before = _frame(image) if has_places else ""
        result = self.fn(image, *self.args, **self.options)
        if isinstance(result, (tuple, list)) or not _is_image(result):
            raise InputTypeError(
                "fn",
                "an operation that gives an image",
                f"{type(result).__name__} from {self._name()}",
                "wrap it in a function that does",
            )
        if has_places and before != (after := _frame(result)):
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
