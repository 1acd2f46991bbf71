"""Channels that are data and no colors: each is worked on as a gray picture of its own, and none is taken for alpha."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeAlias, TypeVar, cast

from .._check import one_of
from ..errors import InputTypeError, InputValueError, quoted
from .kinds import kind_of

__all__ = ["ChannelKind", "takes_data"]

ChannelKind: TypeAlias = Literal["color", "data"]

Function = TypeVar("Function", bound=Callable[..., Any])

# Whole numbers that no image has, and a dtype of as many bits that one has: whoever moves values moves bits.
_IN_BITS = {
    "int8": "uint8",
    "int16": "uint16",
    "int32": "float32",
    "uint32": "float32",
    "int64": "float64",
    "uint64": "float64",
}


def takes_data(mixes: Callable[[Mapping[str, Any]], bool]) -> Callable[[Function], Function]:
    """Let a function of images take `channels="data"`, and whole numbers of any type where no values are mixed.

    `mixes` says of the keywords whether they mix values.
    """

    def decorate(function: Function) -> Function:
        @functools.wraps(function)
        def call(*args: Any, **options: Any) -> Any:
            dtype = str(getattr(args[0], "dtype", "")).removeprefix("torch.") if args else ""
            if "channels" not in options and dtype not in _IN_BITS:
                return function(*args, **options)
            channels = options.pop("channels", "data")
            one_of("channels", channels, ("color", "data"))
            if channels == "color" or not args:
                return function(*args, **options)
            image, *others = args
            if dtype in _IN_BITS and mixes(options):
                raise InputTypeError(
                    "image", "floats, uint8 or uint16 where values are mixed", dtype, 'pass method="nearest" for labels'
                )
            return _map_planes(image, dtype, lambda planes: function(planes, *others, **options), options)

        return cast(Function, call)

    return decorate


def _map_planes(image: Any, dtype: str, work: Callable[[Any], Any], options: Mapping[str, Any]) -> Any:
    """Work on the channels of an array or a tensor as on a batch of gray pictures."""
    kind = kind_of(image)
    if kind == "pil":
        raise InputValueError("channels", '"color" for a PIL image', '"data"', "pass an array or a tensor")
    if dtype in _IN_BITS and options.get("fill") is not None:
        raise InputValueError("fill", f"None for {dtype}", quoted(options["fill"]), "pad a Sample with ignore=...")
    bits = _IN_BITS.get(dtype)
    if kind == "torch":
        return _map_tensor(image, bits, work)
    import numpy as np

    if image.ndim < 2 or image.size == 0:
        raise InputValueError("image", "shape (H, W) or (..., H, W, C)", str(image.shape), "check where it was cut")
    array = image.astype(image.dtype.newbyteorder("="), copy=False)
    array = array if bits is None else array.view(bits)
    planes = array[None, ..., None] if array.ndim == 2 else np.moveaxis(array, -1, 0)[..., None]
    done = work(planes)[..., 0]
    result = done[0] if array.ndim == 2 else np.ascontiguousarray(np.moveaxis(done, 0, -1))
    return result if bits is None else result.view(image.dtype.newbyteorder("="))


def _map_tensor(image: Any, bits: str | None, work: Callable[[Any], Any]) -> Any:
    import torch

    if image.ndim < 2 or image.numel() == 0:
        raise InputValueError("image", "shape (..., H, W)", str(tuple(image.shape)), "check where it was cut")
    tensor = image if bits is None else image.view(getattr(torch, bits))
    result = work(tensor[..., None, :, :])[..., 0, :, :]
    return result if bits is None else result.view(image.dtype)
