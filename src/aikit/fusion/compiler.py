"""Compiling a recorded function by torch's inductor, and running it."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec

import torch

from .._adapters import torch as tensor_adapter
from ..errors import InputValueError
from .call import wants_gradient
from .graph import Recording, record


def find_obstacle(tensors: Sequence[torch.Tensor]) -> str:
    """Say why nothing can be compiled for these tensors; empty where something can."""
    if not all(map(_is_ordinary, tensors)):
        return "tensors that are sparse, quantized, empty or stand for others are not compiled"
    devices = {tensor.device.type for tensor in tensors}
    if "cpu" in devices and not _is_installed("CXX", _name_cxx()):
        return f"there is no C++ compiler; install {_name_cxx()}, or name yours in the environment variable CXX"
    if "cuda" in devices and find_spec("triton") is None:
        return "the package triton is not installed"
    if "cuda" in devices and not any(_is_installed("CC", name) for name in ("gcc", "clang", "cc")):
        return "there is no C compiler, which Triton needs; install gcc, or name yours in the environment variable CC"
    return ""


def _is_ordinary(tensor: torch.Tensor) -> bool:
    """Whether a tensor has values of its own in strided memory."""
    if tensor.layout is not torch.strided or tensor.is_quantized or tensor.is_meta or tensor.numel() == 0:
        return False
    return not tensor_adapter.is_transformed(tensor) and not tensor_adapter.is_traced(tensor)


def _name_cxx() -> str:
    """Name the C++ compiler that inductor looks for."""
    return {"darwin": "clang++", "win32": "cl"}.get(sys.platform, "g++")


def _is_installed(variable: str, name: str) -> bool:
    words = os.environ.get(variable, "").split() or [name]
    return shutil.which(words[0]) is not None


def prepare(function: Callable[..., object], tensors: Sequence[torch.Tensor]) -> Recording:
    """Record a function for tensors like these."""
    with _plain_state(tensors):
        return record(function, tensors, [wants_gradient(tensor) for tensor in tensors])


@dataclass(frozen=True, slots=True)
class Compiled:
    """A function of tensors, compiled for one kind of them."""

    recording: Recording
    kernel: Callable[..., Sequence[torch.Tensor]]

    @classmethod
    def of(cls, recording: Recording, tensors: Sequence[torch.Tensor]) -> Compiled:
        """Compile what was recorded for tensors like these."""
        parts = [part for buffer in recording.buffers or () for part in buffer.parts(buffer.make())]
        with _plain_state(tensors), _full_precision(tensors):
            return cls(recording, torch._inductor.compile(recording.graph, [*tensors, *parts]))

    def run(self, tensors: Sequence[torch.Tensor], out: torch.Tensor | None) -> object:
        """Give the function's result, in `out` where that is given."""
        buffers, rebuild = self.recording.buffers, self.recording.rebuild
        if buffers is None:
            if out is not None:
                raise InputValueError(
                    "out", "None where gradients are wanted", "a tensor", "call it under torch.no_grad()"
                )
            with _full_precision(tensors):
                return rebuild(self.kernel(*tensors))
        results = [buffer.make() for buffer in buffers] if out is None else [self._check_out(out, tensors)]
        parts = [part for buffer, result in zip(buffers, results, strict=True) for part in buffer.parts(result)]
        with _full_precision(tensors):
            self.kernel(*tensors, *parts)
        return rebuild(results)

    def _check_out(self, out: torch.Tensor, tensors: Sequence[torch.Tensor]) -> torch.Tensor:
        """Give back `out`, if the result fits it and no input lies in its memory."""
        buffers = self.recording.buffers or []
        if len(buffers) != 1:
            raise InputValueError("out", f"None for {len(buffers)} results", "a tensor", "leave it out")
        like = buffers[0].like
        tensor_adapter.check_tensor_out(out, tuple(like.shape), tensor_adapter.dtype_name(like.dtype))
        if out.device != like.device or out.requires_grad:
            raise InputValueError(
                "out",
                f"a tensor on {like.device} without gradient",
                f"one on {out.device}{' with' if out.requires_grad else ''}",
                "leave it out to get a fresh one",
            )
        memory = out.untyped_storage().data_ptr()
        if any(tensor.untyped_storage().data_ptr() == memory for tensor in tensors):
            raise InputValueError("out", "memory of its own", "that of an input", "leave it out")
        return out


@contextmanager
def _plain_state(tensors: Sequence[torch.Tensor]) -> Iterator[None]:
    """Leave inference mode, whose tensors could not be used outside, and record gradients only where they are wanted."""
    wanted = any(map(wants_gradient, tensors))
    with torch.inference_mode(False), torch.set_grad_enabled(wanted):
        yield


def _full_precision(tensors: Sequence[torch.Tensor]) -> ExitStack:
    """Switch autocast off on the devices of tensors: what it asks for was recorded."""
    stack = ExitStack()
    for device in {tensor.device for tensor in tensors}:
        stack.enter_context(tensor_adapter.full_precision(device))
    return stack
