"""Which kind an image is, and what it is apart from its values."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import product
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from ..errors import InputTypeError, quoted

if TYPE_CHECKING:
    import numpy as np
    import torch

    Array: TypeAlias = np.ndarray[Any, Any]
    DType: TypeAlias = np.dtype[Any]

# One channel, an array or a tensor (..., H, W): which of the two, the namespace that a kernel is given says.
Plane: TypeAlias = Any
Planes: TypeAlias = list[Plane]

# A dtype as NumPy or torch says it.
OwnDType: TypeAlias = Any


class Namespace(Protocol):
    """What kernels compute with: the functions that NumPy and torch share, with their shared arguments."""

    @property
    def __name__(self) -> str:
        """Either "numpy" or "torch"."""

    @property
    def float32(self) -> OwnDType:
        """The dtype of planes, if they are not float64."""

    @property
    def float64(self) -> OwnDType:
        """The dtype of places between pixels."""

    @property
    def int32(self) -> OwnDType:
        """The dtype of bits."""

    @property
    def int64(self) -> OwnDType:
        """The dtype of indices."""

    @property
    def uint8(self) -> OwnDType:
        """The dtype of bytes."""

    def where(self, condition: Plane, yes: Plane, no: Plane, /) -> Plane:
        """Take one or the other, pixel by pixel."""

    def clip(self, plane: Plane, low: Plane, high: Plane, /) -> Plane:
        """Hold between two bounds."""

    def minimum(self, one: Plane, other: Plane, /) -> Plane:
        """Take the smaller."""

    def maximum(self, one: Plane, other: Plane, /) -> Plane:
        """Take the larger."""

    def round(self, plane: Plane, /) -> Plane:
        """Round to nearest, ties to even."""

    def floor(self, plane: Plane, /) -> Plane:
        """Round down."""

    def sqrt(self, plane: Plane, /) -> Plane:
        """Take the square root."""

    def exp2(self, plane: Plane, /) -> Plane:
        """Raise 2 to a power."""

    def log2(self, plane: Plane, /) -> Plane:
        """Take the logarithm to base 2."""

    def sin(self, plane: Plane, /) -> Plane:
        """Take the sine of radians."""

    def cos(self, plane: Plane, /) -> Plane:
        """Take the cosine of radians."""

    def arctan2(self, y: Plane, x: Plane, /) -> Plane:
        """Take the angle of a point, in radians."""

    def ones_like(self, plane: Plane, /) -> Plane:
        """Make a plane of ones."""

    def zeros_like(self, plane: Plane, /) -> Plane:
        """Make a plane of zeros."""

    def full_like(self, plane: Plane, value: float, /) -> Plane:
        """Make a plane of one value."""

    def full(self, shape: tuple[int, ...], value: float, /, *, dtype: OwnDType, device: Any) -> Plane:
        """Make an array of one value."""

    def arange(self, stop: int, /, *, dtype: OwnDType, device: Any) -> Plane:
        """Count from 0."""

    def stack(self, planes: Planes, axis: int = 0, /) -> Plane:
        """Join planes along a new axis."""

    def concatenate(self, planes: Planes, /, axis: int) -> Plane:
        """Join planes along an axis that they have."""

    def broadcast_to(self, plane: Plane, shape: tuple[int, ...], /) -> Plane:
        """Repeat a plane without a copy."""

    def asarray(self, values: Plane, /, *, dtype: OwnDType = ..., device: Any = ...) -> Plane:
        """Give values as an array of its own kind."""


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
    device: torch.device | None = None
    info: dict[str | tuple[int, int], Any] = field(default_factory=dict)
    subclass: type[torch.Tensor] | None = None  # of tv_tensors, which results shall have too
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


def is_of_a_kind(cls: type) -> bool:
    """Whether images of a class are of a kind that is known."""
    return _kind_of_class(cls) is not None


def kind_of(image: object, subject: str = "image") -> str:
    """Tell the kind of an image, "pil", "numpy" or "torch", decided by its class alone; imports nothing foreign."""
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
    elif hasattr(image, "to_ndarray"):  # frames of PyAV
        remedy = 'call its to_ndarray(format="rgb24")'
    elif isinstance(image, (list, tuple)):
        got, remedy = f"a {got}", "pass the images one at a time"
    return InputTypeError(subject, "a PIL image, a NumPy array or a torch tensor", got, remedy)
