"""The protocols by which libraries share the memory of arrays: DLPack, and the array interfaces of NumPy and of CUDA.

Arrays of other libraries are read as NumPy's are, channels last. In host memory they are shown to NumPy; on an accelerator,
and where NumPy has not the dtype, to torch. Nothing is copied on the way in, and on the way out only where the other library
does it.

Source: DLPack 1.1, and the Python specification in its documentation; numpy.org, "The array interface protocol"; Numba's
documentation, "CUDA Array Interface (Version 3)".
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from ..errors import DeviceError, InputTypeError, InputValueError, quoted
from .numpy import Array

__all__ = ["hand_over", "take_over"]

# DLDeviceType: what the host can read, and what torch calls "cuda".
_HOST, _CUDA = (1, 3, 11), (2, 10, 13)
_NAMES = {2: "CUDA", 4: "OpenCL", 7: "Vulkan", 8: "Metal", 10: "ROCm", 13: "CUDA", 14: "oneAPI", 15: "WebGPU"}

# What exporters and importers raise where they cannot; DLPack names BufferError, and each library has its own beside it.
_REFUSALS = (AttributeError, BufferError, NotImplementedError, RuntimeError, TypeError, ValueError)


def take_over(thing: Any, subject: str, layout: object) -> Any:
    """Show an array of another library as an array of NumPy, or as a tensor (..., C, H, W)."""
    kind, index = _device_of(thing, subject)
    if kind in _HOST:
        return _on_host(thing, subject, layout)
    return _as_image(_on_device(thing, kind, index, subject), layout)


def _device_of(thing: Any, subject: str) -> tuple[int, int]:
    if hasattr(thing, "__dlpack__"):
        try:
            kind, index = thing.__dlpack_device__()
            return int(kind), int(index)
        except _REFUSALS as error:
            raise InputTypeError(
                subject,
                "an array with values in one place",
                f"{type(thing).__name__}, which says: {quoted(str(error))}",
                "call it outside of what is compiled, with one device",
            ) from error
    return (2, 0) if hasattr(thing, "__cuda_array_interface__") else (1, 0)


def _on_host(thing: Any, subject: str, layout: object) -> Any:
    refusals = []
    if hasattr(thing, "__dlpack__"):
        try:
            return _check(np.from_dlpack(thing), subject)
        except _REFUSALS as error:
            refusals.append(error)
    # Bytes in the other order, and steps that DLPack has not.
    if hasattr(thing, "__array_interface__"):
        try:
            return _check(np.asarray(_Interface(thing)), subject)
        except _REFUSALS as error:
            refusals.append(error)
    if hasattr(thing, "__dlpack__"):
        import torch

        try:
            return _as_image(torch.utils.dlpack.from_dlpack(thing), layout)  # NumPy has no bfloat16
        except _REFUSALS as error:
            refusals.append(error)
    raise _unusable(thing, subject, refusals[0])


class _Interface:
    """An array interface alone: NumPy would ask the array itself for other ways first, some of which copy."""

    def __init__(self, owner: Any) -> None:
        self.owner, self.__array_interface__ = owner, owner.__array_interface__


def _on_device(thing: Any, kind: int, index: int, subject: str) -> Any:
    import torch

    name = f"{_NAMES.get(kind, f'a device of type {kind}')} {index}"
    if kind in _CUDA and not torch.cuda.is_available():
        raise DeviceError(subject, "an array where torch can see it", f"one on {name}", "copy it to the host first")
    try:
        if hasattr(thing, "__dlpack__"):
            return torch.utils.dlpack.from_dlpack(thing)
        return torch.as_tensor(thing, device="cuda")
    except _REFUSALS as error:
        if kind in _CUDA:
            raise _unusable(thing, subject, error) from error
        raise DeviceError(
            subject, "an array where torch can see it", f"one on {name}", "copy it to the host first"
        ) from error


def _unusable(thing: Any, subject: str, error: Exception) -> InputTypeError:
    return InputTypeError(
        subject,
        "an array that NumPy or torch can take over",
        f"{type(thing).__name__}, which says: {quoted(str(error))}",
        "convert it to an array of NumPy yourself",
    )


def _check(array: Array, subject: str) -> Array:
    if array.dtype.kind not in "biuf":
        raise InputTypeError(subject, "an array of numbers", array.dtype.name, "take what is a number of it")
    return array


def _as_image(tensor: Any, layout: object) -> Any:
    """Show a tensor (H, W) or (..., H, W, C) with channels first, as torch has them; as it is where that is said of it."""
    if layout is not None:
        return tensor
    return tensor[None] if tensor.ndim == 2 else tensor.movedim(-1, -3)


def hand_over(result: Any, like: Any) -> Any:
    """Give an array or a tensor as an array of the library of `like`; as it is where that library has no from_dlpack."""
    from_dlpack = getattr(_namespace_of(like), "from_dlpack", None)
    if from_dlpack is None or not hasattr(result, "__dlpack__"):
        return result
    if not isinstance(result, np.ndarray):
        flat = getattr(like, "ndim", 0) == 2 and result.ndim == 3 and result.shape[0] == 1
        result = (result[0] if flat else result.movedim(-3, -1)).detach().contiguous()
    given = from_dlpack(result)
    name = str(result.dtype).removeprefix("torch.")
    if str(getattr(given, "dtype", name)).rpartition(".")[-1] != name:
        raise InputValueError(
            "dtype", f"one that {type(like).__name__} has", name, f"it would become {given.dtype}: convert it before"
        )
    return given


def _namespace_of(thing: Any) -> Any:
    """Find the module that makes arrays of this kind: as the array API has it, or the package of its class."""
    try:
        return thing.__array_namespace__()
    except _REFUSALS:
        return sys.modules.get(type(thing).__module__.partition(".")[0])
