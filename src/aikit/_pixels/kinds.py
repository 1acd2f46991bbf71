"""Which kind an image is, and what it is apart from its values."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import product
from typing import Any, TypeAlias

from ..errors import InputTypeError, quoted

# One channel, an array or a tensor (..., H, W): which of the two, the namespace that a kernel is given says.
Plane: TypeAlias = Any
Planes: TypeAlias = list[Plane]

# NumPy or torch, as the first argument of a kernel: type checkers know no type for what the two share.
Namespace: TypeAlias = Any

CHANNEL_NAMES = {1: "gray", 2: "gray+alpha", 3: "RGB", 4: "RGBA"}

# The largest code of each integer type. Integers always span their full range.
TOP = {"uint8": 255, "uint16": 65535}


@dataclass(frozen=True, slots=True)
class Spec:
    """What an image is apart from its values: enough to build another of the same kind."""

    kind: str  # "pil", "numpy" or "torch"
    dtype: str
    channels: int
    height: int
    width: int
    batch: tuple[int, ...] = ()
    flat: bool = False  # a single gray array without a channel axis, (H, W)
    bgr: bool = False
    device: Any = None
    info: dict[Any, Any] = field(default_factory=dict)
    mode: str | None = None  # a PIL mode that holds other planes than gray or RGB: HSV, YCbCr, CMYK

    @property
    def has_alpha(self) -> bool:
        return self.channels in (2, 4)

    @property
    def indices(self) -> Iterator[tuple[int, ...]]:
        """One index for each picture of the batch."""
        return product(*map(range, self.batch))


_KINDS = {"PIL.Image.Image": "pil", "numpy.ndarray": "numpy", "torch.Tensor": "torch"}


@lru_cache(maxsize=256)
def _kind_of_class(cls: type) -> str | None:
    for base in cls.__mro__:
        kind = _KINDS.get(f"{base.__module__}.{base.__qualname__}")
        if kind:
            return kind
    return None


def kind_of(image: object, subject: str = "image") -> str:
    """The kind of an image, "pil", "numpy" or "torch", decided by its class alone; imports nothing foreign."""
    cls: type = type(image)
    kind = _kind_of_class(cls)
    if kind is None:
        raise _no_image(image, subject)
    return kind


def _no_image(image: object, subject: str) -> InputTypeError:
    got, remedy = type(image).__name__, "convert it to one of these"
    if isinstance(image, (str, os.PathLike)):
        got, remedy = (
            f"the path {quoted(str(image))}",
            "read it first with read_pil, read_numpy, read_cv2 or read_tensor",
        )
    elif isinstance(image, (bytes, bytearray, memoryview)):
        remedy = "decode it first with read_pil, read_numpy, read_cv2 or read_tensor"
    elif isinstance(image, (list, tuple)):
        got, remedy = f"a {got}", "pass the images one at a time"
    return InputTypeError(subject, "a PIL image, a NumPy array or a torch tensor", got, remedy)
