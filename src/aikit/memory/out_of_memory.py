"""Telling that an error means: no memory left."""

from __future__ import annotations

import errno
import re
import sys
from collections.abc import Iterator

from ..errors import InputTypeError

__all__ = ["is_out_of_memory", "walk_related"]

# cudaErrorMemoryAllocation, driver_types.h; hipErrorOutOfMemory has the same number.
_CUDA_CODE = 2

# What the layers below torch say. nvJPEG's 5 is NVJPEG_STATUS_ALLOCATOR_FAILURE; "Invalid buffer size" is Metal's
# answer to a tensor larger than the device; "Insufficient memory" is OpenCV's.
_MESSAGES = re.compile(
    r"""
    \bout\ of\ memory\b
    | (CUBLAS|CUDNN|CUSPARSE|CUSOLVER|HIPBLAS|MIOPEN)_STATUS_ALLOC_FAILED | CUFFT_ALLOC_FAILED
    | CUSPARSE_STATUS_INSUFFICIENT_RESOURCES
    | OUT_OF_(DEVICE_|HOST_)?(MEMORY|RESOURCES)\b
    | nvjpeg\w*\ failed:\ 5\b
    | DefaultCPUAllocator:\ (can't\ allocate|not\ enough)\ memory
    | Invalid\ buffer\ size
    | Insufficient\ memory
    """,
    re.IGNORECASE | re.VERBOSE,
)


def is_out_of_memory(error: BaseException) -> bool:
    """Say whether an error means that memory ran out, on an accelerator or on the host.

    Known are torch's OutOfMemoryError, AcceleratorError with CUDA's code 2, MemoryError, ENOMEM, and the words of
    CUDA, ROCm, cuBLAS, cuDNN, nvJPEG, MPS, XPU, torch's CPU allocator and OpenCV. An error that was raised from one of
    these, or while one was handled, counts too, as does a group that holds one.

    Args:
        error: any exception.

    Returns:
        True when it is worth trying again with less.

    Raises:
        InputTypeError: not an exception.

    Example:
        >>> is_out_of_memory(RuntimeError("CUDA error: out of memory"))
        True
        >>> is_out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
        False
    """
    if not isinstance(error, BaseException):
        raise InputTypeError("error", "an exception", type(error).__name__, "pass the one that was caught")
    return any(map(_is_itself, walk_related(error)))


def _is_itself(error: BaseException) -> bool:
    if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM):
        return True
    torch = sys.modules.get("torch")  # without torch there are no errors of torch
    if torch is not None:
        if isinstance(error, torch.OutOfMemoryError):
            return True
        accelerator_error = getattr(torch, "AcceleratorError", None)  # from torch 2.8
        is_coded = accelerator_error is not None and isinstance(error, accelerator_error)
        if is_coded and getattr(error, "error_code", None) == _CUDA_CODE:
            return True
    # Errors about arguments and files quote what they were given, which may have any name.
    return not isinstance(error, (ValueError, TypeError, OSError)) and _MESSAGES.search(str(error)) is not None


def walk_related(error: BaseException) -> Iterator[BaseException]:
    """Walk over the error, the errors it was raised from, and those of a group: what its printed traceback shows."""
    pending, seen = [error], set()
    while pending:
        one = pending.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        if one.__cause__ is not None:
            pending.append(one.__cause__)
        elif one.__context__ is not None and not one.__suppress_context__:
            pending.append(one.__context__)
        if isinstance(one, BaseExceptionGroup):
            pending.extend(one.exceptions)
