"""Channels that are data and no colors: each is worked on as a gray picture of its own, and none is taken for alpha."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from numbers import Real
from typing import Any, Literal, TypeAlias, TypeVar, cast

from .._check import one_of
from ..errors import InputTypeError, InputValueError, quoted
from .driver import load
from .foreign import as_own, give_back, is_foreign
from .kinds import Spec, kind_of

__all__ = ["ChannelKind", "DataFill", "is_data", "spec_of", "takes_data"]

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


class DataFill(float):
    """A number that lies beyond a plane of data: it is in the units of the plane, whatever those are."""


def is_data(channels: object, **others: object) -> bool:
    """Whether channels are data, for which other keywords of colors and ranges mean nothing and are refused."""
    one_of("channels", channels, ("color", "data"))
    if channels == "color":
        return False
    for name, value in others.items():
        if value is not None and value is not False:
            raise InputValueError(name, 'nothing beside channels="data"', quoted(value), "leave it out")
    return True


def spec_of(image: Any, channels: object = "color", subject: str = "image") -> Spec:
    """Tell what an image is, also one whose channels are data: they, or numbers that no image has, have no alpha."""
    image = as_own(image, subject)
    dtype = str(getattr(image, "dtype", "")).removeprefix("torch.")
    if channels != "data" and dtype not in _IN_BITS:
        return load(image, subject=subject).spec
    from .._adapters.data import open_data

    data = open_data(image, subject=subject)
    return Spec(kind_of(image), data.dtype, data.channels, *data.size, data.batch)


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
            if is_foreign(image):
                return give_back(call(as_own(image), *others, channels="data", **options), image)
            bits = _IN_BITS.get(dtype, "uint8" if dtype == "bool" else None)
            if bits is not None and mixes(options):
                raise InputTypeError(
                    "image",
                    "floats, uint8 or uint16 where values are mixed",
                    dtype,
                    'pass method="nearest" for labels, or make floats of it with to_numpy(..., channels="data")',
                )
            return _map_planes(
                image, bits, lambda planes, more: function(planes, *others, **{**options, **more}), options
            )

        return cast(Function, call)

    return decorate


# What is done with planes, and the keywords that differ for them.
Work: TypeAlias = Callable[[Any, Mapping[str, Any]], Any]


def _map_planes(image: Any, bits: str | None, work: Work, options: Mapping[str, Any]) -> Any:
    """Work on the channels of an array or a tensor as on a batch of gray pictures."""
    kind = kind_of(image)
    if kind == "pil":
        raise InputValueError("channels", '"color" for a PIL image', '"data"', "pass an array or a tensor")
    fill = options.get("fill")
    if bits is not None and fill is not None:
        dtype = str(image.dtype).removeprefix("torch.")
        raise InputValueError("fill", f"None for {dtype}", quoted(fill), "pad a Sample with ignore=...")
    if kind == "torch":
        return _map_tensor(image, bits, work, fill)
    import numpy as np

    if image.ndim < 2 or image.size == 0:
        raise InputValueError("image", "shape (H, W) or (..., H, W, C)", str(image.shape), "check where it was cut")
    array = image.astype(image.dtype.newbyteorder("="), copy=False)
    array = array if bits is None else array.view(bits)
    planes = array[None, ..., None] if array.ndim == 2 else np.moveaxis(array, -1, 0)[..., None]
    done = _work_on(np.split(planes, len(planes)) if isinstance(fill, (tuple, list)) else [planes], work, fill)
    planes = (np.concatenate(done) if len(done) > 1 else done[0])[..., 0]
    result = planes[0] if array.ndim == 2 else np.ascontiguousarray(np.moveaxis(planes, 0, -1))
    return result if bits is None else result.view(image.dtype.newbyteorder("="))


def _map_tensor(image: Any, bits: str | None, work: Work, fill: object) -> Any:
    import torch

    if image.ndim < 2 or image.numel() == 0:
        raise InputValueError("image", "shape (..., H, W)", str(tuple(image.shape)), "check where it was cut")
    tensor = image if bits is None else image.view(getattr(torch, bits))
    planes = (tensor[None] if tensor.ndim == 2 else tensor)[..., None, :, :]
    done = _work_on(list(planes.split(1, -4)) if isinstance(fill, (tuple, list)) else [planes], work, fill)
    result = (torch.cat(done, -4) if len(done) > 1 else done[0])[..., 0, :, :]
    result = result[0] if tensor.ndim == 2 else result
    return result if bits is None else result.view(image.dtype)


def _work_on(parts: list[Any], work: Work, fill: object) -> list[Any]:
    """Work on planes: on all at once, or on each by itself where there is a number for each that lies beyond it."""
    if fill is None:
        return [work(part, {}) for part in parts]
    given: list[Any] = list(fill) if isinstance(fill, (tuple, list)) else [fill]
    if len(given) != len(parts) or not all(isinstance(each, Real) for each in given):
        raise InputValueError("fill", "a number, or one for each plane", quoted(fill), f"pass 1 or {len(parts)}")
    return [work(part, {"fill": DataFill(each)}) for part, each in zip(parts, given, strict=True)]
