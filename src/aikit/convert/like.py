"""From any image to the kind of another: of ours, or of a library that shares its memory by a protocol."""

from __future__ import annotations

from typing import Any

from .._foreign_names import explain_calls
from .._pixels import ChannelKind, as_own, give_back, is_foreign, kind_of
from ..errors import InputValueError
from ..types import AnyImage, DTypeLike
from .converters import ValueRange, to_numpy, to_pil, to_tensor
from .dtypes import Layout

__all__ = ["to_like"]


@explain_calls
def to_like(
    image: AnyImage,
    like: AnyImage,
    *,
    dtype: DTypeLike | None = None,
    bgr: bool = False,
    value_range: ValueRange | None = None,
    layout: Layout | None = None,
    channels: ChannelKind = "color",
) -> AnyImage:
    """Convert any image to the kind of another, on the device of that.

    Args:
        image: an image of any kind, or an array of any library that speaks DLPack or one of the array interfaces.
        like: an image of the kind that is wanted: of its pixels and its size nothing is taken.
        dtype: as the converter to that kind takes it; None keeps the image's, and its depth for PIL.
        bgr: the array or tensor runs B, G, R(, A); the result is R, G, B(, A).
        value_range: (low, high) of float values that are not in [0, 1], or of PIL's mode I.
        layout: "CHW" for an array with channels first, "HWC" for a tensor with channels last.
        channels: "data" for numbers that are no colors.

    Returns:
        A PIL image, an array, a tensor where `like` lies, or an array of the other library, channels last, that
        its `from_dlpack` makes.

    Raises:
        InputTypeError: not an image, or a dtype that no image has.
        InputValueError: as of the converters; a library without `from_dlpack`, or without the dtype.

    Example:
        >>> import numpy as np, torch
        >>> to_like(np.full((2, 3, 3), 200, np.uint8), torch.zeros(1, 8, 8)).shape
        torch.Size([3, 2, 3])
    """
    own, model = as_own(image, layout=layout), as_own(like, "like")
    kind = kind_of(model, "like")
    options: dict[str, Any] = {"bgr": bgr, "value_range": value_range, "layout": layout, "channels": channels}
    if kind == "torch":
        result: AnyImage = to_tensor(own, dtype=dtype, device=getattr(model, "device", None), **options)
    elif kind == "numpy":
        result = to_numpy(own, dtype=dtype, **options)
    else:
        return to_pil(own, dtype="auto" if dtype is None else dtype, **options)
    if not is_foreign(like):
        return result
    given: AnyImage = give_back(result, like)
    if given is result:
        name = type(like).__name__
        raise InputValueError("like", "an array of a library with from_dlpack", name, "call to_numpy or to_tensor")
    return given
