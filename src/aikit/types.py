"""The types of aikit's public functions, for wrappers of one's own.

Nothing heavy is loaded: at run time the classes in them are names, as `typing.ForwardRef`.

Example:
    >>> import aikit
    >>> from aikit.types import Color, ImageT
    >>> def on_card(image: ImageT, *, color: Color = "white") -> ImageT:
    ...     return aikit.flatten(image, background=color)
"""

from __future__ import annotations

import os
from typing import IO, TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar, Union

if TYPE_CHECKING:
    import numpy as np
    import torch
    from PIL import Image

__all__ = ["AnyImage", "Color", "DTypeLike", "DeviceLike", "ImageT", "Kind", "Source"]

# Union and not |, which does not take names at run time.
AnyImage: TypeAlias = Union["Image.Image", "np.ndarray[Any, Any]", "torch.Tensor"]
"""An image or batch of any kind: a PIL image, an array or a tensor."""

ImageT = TypeVar(
    "ImageT",
    "Image.Image",
    "np.ndarray[Any, Any]",
    "torch.Tensor",
    # A variable that may hold one of two or three kinds: the narrowest that fits is what comes out.
    Union["Image.Image", "np.ndarray[Any, Any]"],
    Union["Image.Image", "torch.Tensor"],
    Union["np.ndarray[Any, Any]", "torch.Tensor"],
    AnyImage,
)
"""The same kind comes out: PIL of PIL, an array of an array, a tensor of a tensor; of one of several, one of these."""

Kind: TypeAlias = Literal["pil", "numpy", "cv2", "tensor"]
"""The kinds that documents are drawn in: what `to_pil`, `to_numpy`, `to_cv2` and `to_tensor` give."""

Color: TypeAlias = str | float | tuple[float, ...]
"""A CSS name, a hex code, a number for gray, or (r, g, b) or (r, g, b, a) in the image's own units."""

Source: TypeAlias = str | os.PathLike[str] | bytes | bytearray | memoryview | IO[bytes]
"""What is read: a path (a str always is one, never fetched), bytes, or an open binary file."""

DTypeLike: TypeAlias = Union[str, type[object], "np.dtype[np.generic]", "torch.dtype"]
"""A dtype: its name such as "uint8", a class of NumPy such as `numpy.uint8`, or a dtype of NumPy or torch."""

DeviceLike: TypeAlias = Union[str, int, "torch.device"]
"""A device: its name such as "cuda:1", the number of a GPU, or a `torch.device`."""
