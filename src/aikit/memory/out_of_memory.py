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

# ERROR_NOT_ENOUGH_MEMORY, ERROR_OUTOFMEMORY and ERROR_COMMITMENT_LIMIT, winerror.h.
_WINDOWS_CODES = (8, 14, 1455)

# What the layers below say, each as its source has it. What is scarce has to be main memory or that of a device: Triton's
# "out of resource: shared memory", a launch that wants too many registers, and the few megabytes that a TPU has beside
# its HBM, are no matter of how many pictures there are.
_MESSAGES = re.compile(
    r"""
    # torch, CUDA, ROCm, XPU, MPS, Ascend, CuPy, Paddle, JAX on GPUs
    \bout\ of\ memory\b(?!\ in\ memory\ space\ (?!hbm))
    # CUDA's and AMD's libraries; cuDNN 9 says which memory; cuFFT has no STATUS
    | _STATUS_(\w+_)?ALLOC(ATION)?_FAILED\b | FFT_ALLOC_FAILED\b | CUSPARSE_STATUS_INSUFFICIENT_RESOURCES
    | \b(cuda|hip)ErrorMemoryAllocation\b | \broc\w+_status_memory_error\b | miopenStatusAllocFailed
    | nvjpeg\w*\ failed:\ 5\b                               # NVJPEG_STATUS_ALLOCATOR_FAILURE
    # names of drivers: CUDA, Level Zero and Unified Runtime, OpenCL, Vulkan, Ascend, Neuron
    | (?<!LAUNCH_)OUT_OF_(DEVICE_|HOST_)?(MEMORY|RESOURCES)\b | CL_MEM_OBJECT_ALLOCATION_FAILURE
    | ACL_ERROR_RT_MEMORY_ALLOCATION | \bEL0004\b | \bNCC_EOOM\d+
    # TensorRT, Metal, classes of errors; inductor gives Triton's lack of shared memory such a name
    | OutOf(Device|Host)?Memory(Error)?\b(?!:\ out\ of\ resource)
    | \bInvalid\ buffer\ size\b | greater\ than\ the\ maximum\ allowed\ buffer\ size
    # ONNX Runtime's arena, TensorFlow, Ascend
    | failed\ to\ allocate\ (device\ |host\ |gpu\ )?memory\b | \bOOM\ when\ allocating\b
    | available\ memory\ of\ \d+\ is\ smaller\ than\ requested\ bytes
    # DirectML
    | not\ enough\ GPU\ video\ memory | not\ enough\ memory\ resources\ are\ available | \b8007000E\b
    # JAX and XLA on TPUs; gRPC gives the same code to quotas and to long messages
    | RESOURCE_EXHAUSTED:.*\b(attempting\ to\ (allocate|reserve)|failed\ to\ allocate)
    # main memory: torch, NumPy, OpenCV and libjpeg, C++, Rust, Linux, Windows
    | DefaultCPUAllocator:\ (can't\ allocate|not\ enough)\ memory
    | \bunable\ to\ allocate\ [\d.]+\ [KMGTPE]?i?B\b
    | \binsufficient\ memory\b
    | \bbad_alloc\b | \bbad\ allocation\b | \bmemory\ allocation\ of\ \d+\ bytes\ failed\b
    | \bcannot\ allocate\ memory\b(?!\ in\ static\ TLS)
    | \bpaging\ file\ is\ too\ small\b
    """,
    re.IGNORECASE | re.VERBOSE,
)

# Errors about arguments, names and files quote what they were given, which may be called anything.
_QUOTING = (
    ValueError,
    TypeError,
    OSError,
    LookupError,
    AttributeError,
    NameError,
    ImportError,
    SyntaxError,
    AssertionError,
)


def is_out_of_memory(error: BaseException) -> bool:
    """Say whether an error means that memory ran out, on an accelerator or on the host.

    Known are torch's OutOfMemoryError, AcceleratorError with CUDA's code 2, MemoryError, ENOMEM and its like on Windows,
    and the words of CUDA, ROCm and their libraries, XPU, MPS, Ascend, DirectML and TPUs, of ONNX Runtime, TensorRT, JAX
    and TensorFlow, of torch's CPU allocator, NumPy and OpenCV. A lack of anything else, such as the memory that the
    threads of a kernel share, or space on a disk, is not one of memory. An error that was raised from one of
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
    if isinstance(error, MemoryError):
        return True
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM or getattr(error, "winerror", None) in _WINDOWS_CODES
    torch = sys.modules.get("torch")  # without torch there are no errors of torch
    if torch is not None:
        if isinstance(error, torch.OutOfMemoryError):
            return True
        accelerator_error = getattr(torch, "AcceleratorError", None)  # from torch 2.8
        is_coded = accelerator_error is not None and isinstance(error, accelerator_error)
        if is_coded and getattr(error, "error_code", None) == _CUDA_CODE:
            return True
    text = str(error)
    # Of JAX's errors on TPUs some are ValueErrors.
    if isinstance(error, _QUOTING) and not text.startswith("RESOURCE_EXHAUSTED: "):
        return False
    return _MESSAGES.search(text) is not None


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
