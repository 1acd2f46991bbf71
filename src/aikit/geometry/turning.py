"""Mirrors and quarter turns: every pixel stays what it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from .._check import integer, one_of
from .._foreign_names import explain_calls
from .._pixels import ChannelKind, load, takes_data
from ..types import ImageT
from .moving import move_pixels
from .placing import LARGEST, Offset

if TYPE_CHECKING:
    import numpy as np
    import torch
    from PIL import Image

    Array: TypeAlias = np.ndarray[Any, Any]

__all__ = ["Turn", "flip", "quarter_matrix", "rot90"]

Axis = Literal["horizontal", "vertical"]

_AXES = ("horizontal", "vertical")


@takes_data(lambda options: False)
@explain_calls
def flip(image: ImageT, axis: Axis = "horizontal", *, channels: ChannelKind = "color") -> ImageT:
    """Mirror an image.

    Args:
        image: any image or batch.
        axis: "horizontal" swaps left and right, "vertical" top and bottom.
        channels: "data" takes arrays and tensors of any number of channels, none of which is alpha: depth, flow, bands of
            a satellite. Whole numbers that no image has, such as int64 labels, are data always.

    Returns:
        Same kind, shape and dtype, in memory of its own. Differentiable in torch.

    Raises:
        InputTypeError: not an image.
        InputValueError: another axis.

    Example:
        >>> import numpy as np
        >>> flip(np.array([[1, 2], [3, 4]], np.uint8)).tolist()
        [[2, 1], [4, 3]]
    """
    one_of("axis", axis, _AXES)
    return move_pixels(load(image), _Flip(axis == "horizontal"))


@takes_data(lambda options: False)
@explain_calls
def rot90(image: ImageT, k: Offset = 1, *, channels: ChannelKind = "color") -> ImageT:
    """Turn an image by quarter turns, counter-clockwise, as NumPy and torch turn.

    Args:
        image: any image or batch.
        k: how many quarter turns; negative ones are clockwise.
        channels: "data" takes arrays and tensors of any number of channels, none of which is alpha: depth, flow, bands of
            a satellite. Whole numbers that no image has, such as int64 labels, are data always.

    Returns:
        Same kind and dtype, in memory of its own; height and width change places where `k` is odd. Differentiable in
        torch.

    Raises:
        InputTypeError: not an image, or `k` is not a whole number.

    Example:
        >>> import numpy as np
        >>> rot90(np.array([[1, 2, 3], [4, 5, 6]], np.uint8)).tolist()
        [[3, 6], [2, 5], [1, 4]]
    """
    return move_pixels(load(image), Turn(integer("k", k, -LARGEST) % 4))


def quarter_matrix(height: int, width: int, k: int) -> tuple[tuple[float, ...], ...]:
    """Where points go with k quarter turns of a picture of this size."""
    return {
        0: ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
        1: ((0, 1, 0), (-1, 0, width), (0, 0, 1)),
        2: ((-1, 0, width), (0, -1, height), (0, 0, 1)),
        3: ((0, -1, height), (1, 0, 0), (0, 0, 1)),
    }[k % 4]


@dataclass(frozen=True, slots=True)
class _Flip:
    across: bool

    def new_size(self, height: int, width: int) -> tuple[int, int]:
        return height, width

    def fill_array(self, source: Array, into: Array, color: Sequence[float]) -> None:
        import cv2

        if _is_known_to_opencv(source, into):
            cv2.flip(source, 1 if self.across else 0, into)  # half the time of a copy with a negative stride
        else:
            into[...] = source[:, ::-1] if self.across else source[::-1]

    def of_picture(self, image: Image.Image, color: Sequence[float]) -> None:
        return None

    def of_tensor(self, tensor: torch.Tensor, color: Sequence[float]) -> torch.Tensor:
        return tensor.flip(-1 if self.across else -2)


@dataclass(frozen=True, slots=True)
class Turn:
    """Quarter turns, 0 to 3, counter-clockwise."""

    quarters: int

    def new_size(self, height: int, width: int) -> tuple[int, int]:
        """The sides change places where the number is odd."""
        return (width, height) if self.quarters % 2 else (height, width)

    def fill_array(self, source: Array, into: Array, color: Sequence[float]) -> None:
        """Turn an array."""
        import cv2
        import numpy as np

        if self.quarters and _is_known_to_opencv(source, into):
            # cv2 counts clockwise: ROTATE_90_CLOCKWISE, ROTATE_180, ROTATE_90_COUNTERCLOCKWISE are 0, 1, 2.
            cv2.rotate(source, 3 - self.quarters, into)
        else:
            into[...] = np.rot90(source, self.quarters)

    def of_picture(self, image: Image.Image, color: Sequence[float]) -> None:
        """Nothing: OpenCV turns Pillow's memory faster."""
        return

    def of_tensor(self, tensor: torch.Tensor, color: Sequence[float]) -> torch.Tensor:
        """Turn a tensor."""
        import torch

        turned = torch.rot90(tensor, self.quarters, (-2, -1))
        return turned.clone(memory_format=torch.contiguous_format)


def _is_known_to_opencv(source: Array, into: Array) -> bool:
    """Whether OpenCV has the dtype, and writes where it is told."""
    return (
        source.dtype.char in "BHfd"  # uint8, uint16, float32, float64
        and source.flags.c_contiguous
        and into.flags.c_contiguous
        and max(source.shape[:2]) < 1 << 15
    )
