"""Which pictures go together, and how large they are."""

from __future__ import annotations

from collections.abc import Iterable

from .._foreign_names import explain_calls
from .._pixels import Spec
from ..types import AnyImage
from .failures import Failures
from .stacking import list_of, open_pictures

__all__ = ["group_by_shape", "sizes_of"]


@explain_calls
def group_by_shape(images: Iterable[AnyImage]) -> list[tuple[list[int], list[AnyImage]]]:
    """Sort pictures into groups that `stack` takes as they are: of one height, width and number of channels.

    Args:
        images: PIL images, arrays and tensors, mixed as you like.

    Returns:
        For each shape, in the order of their first pictures, the indices into `images` and the pictures themselves,
        untouched. The indices put results back into the order of the images.

    Raises:
        InputTypeError: one of them is no image, or they are not in a list.
        InputValueError: none at all, or a batch among them.

    Example:
        >>> import numpy as np
        >>> from aikit import stack
        >>> images = [np.full(shape, 9, np.uint8) for shape in [(4, 6), (2, 2), (4, 6)]]
        >>> results = [None] * len(images)
        >>> for indices, group in group_by_shape(images):
        ...     means = stack(group, device="cpu", dtype="uint8").float().mean((1, 2, 3))
        ...     for index, mean in zip(indices, means.tolist()):
        ...         results[index] = (images[index].shape, mean)
        >>> results
        [((4, 6), 9.0), ((2, 2), 9.0), ((4, 6), 9.0)]
    """
    pictures = list_of(images)
    groups: dict[tuple[int, int, int], tuple[list[int], list[AnyImage]]] = {}
    for index, (picture, spec) in enumerate(zip(pictures, _read_specs(pictures), strict=True)):
        indices, group = groups.setdefault((spec.height, spec.width, spec.channels), ([], []))
        indices.append(index)
        group.append(picture)
    return list(groups.values())


@explain_calls
def sizes_of(images: Iterable[AnyImage]) -> list[tuple[int, int]]:
    """List the size of each picture, as `stack` sees it and `unstack` wants it.

    A PIL image counts as it comes out, upright: one whose EXIF data say that it lies on its side has height and width
    exchanged.

    Args:
        images: PIL images, arrays and tensors, mixed as you like.

    Returns:
        (height, width) in pixels, one a picture.

    Raises:
        InputTypeError: one of them is no image, or they are not in a list.
        InputValueError: none at all, or a batch among them.

    Example:
        >>> import numpy as np
        >>> from aikit import stack, unstack
        >>> images = [np.zeros((4, 6, 3), np.uint8), np.zeros((5, 2, 3), np.uint8)]
        >>> batch = stack(images, fit="pad", device="cpu")
        >>> [picture.shape for picture in unstack(batch, sizes=sizes_of(images))]
        [(4, 6, 3), (5, 2, 3)]
    """
    return [(spec.height, spec.width) for spec in _read_specs(list_of(images))]


def _read_specs(pictures: list[AnyImage]) -> list[Spec]:
    opened = open_pictures(pictures, Failures("images", "raise"))
    return [one.spec for one in opened if one is not None]
