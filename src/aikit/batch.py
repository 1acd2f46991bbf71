"""Many images and one batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .convert import to_numpy
from .errors import InputValueError

if TYPE_CHECKING:
    import numpy as np
    import torch

__all__ = ["unstack"]


def unstack(
    batch: torch.Tensor | np.ndarray[Any, Any], sizes: Sequence[tuple[int, int]] | None = None
) -> list[np.ndarray[Any, Any]]:
    """Take a batch apart into 8-bit pictures.

    Floats are rounded where the batch lies, so that a quarter of the bytes leave a device, once for all pictures.

    Args:
        batch: a tensor (N, C, H, W) or an array (N, H, W, C), C = 1 to 4, any dtype of images.
        sizes: (height, width) of each picture, where they were padded on the right and below.

    Returns:
        N arrays, uint8, RGB: (H, W) for one channel, else (H, W, C). They are views of one buffer.

    Raises:
        InputTypeError: not a tensor or an array.
        InputValueError: not a batch, another number of sizes than of pictures, or a size beyond the batch's.

    Example:
        >>> import numpy as np
        >>> [picture.shape for picture in unstack(np.zeros((2, 4, 6, 3), np.uint8), sizes=[(4, 6), (2, 3)])]
        [(4, 6, 3), (2, 3, 3)]
    """
    pictures = to_numpy(batch, dtype="uint8")
    if pictures.ndim != 4:
        raise InputValueError(
            f"batch: expected shape (N, C, H, W) for a tensor or (N, H, W, C) for an array, got {tuple(batch.shape)}; "
            "for one picture call to_numpy."
        )
    pictures = pictures[..., 0] if pictures.shape[-1] == 1 else pictures
    if sizes is None:
        return list(pictures)
    if len(sizes) != len(pictures):
        raise InputValueError(
            f"sizes: expected {len(pictures)} of them, one a picture, got {len(sizes)}; give every picture one."
        )
    return [_cut(picture, *size) for picture, size in zip(pictures, sizes, strict=True)]


def _cut(picture: np.ndarray[Any, Any], height: int, width: int) -> np.ndarray[Any, Any]:
    if not (1 <= height <= picture.shape[0] and 1 <= width <= picture.shape[1]):
        raise InputValueError(
            f"sizes: expected height x width up to {picture.shape[0]}x{picture.shape[1]}, got {height}x{width}; pass (height, width)."
        )
    return picture[:height, :width]
