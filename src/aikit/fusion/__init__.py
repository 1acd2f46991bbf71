"""Many small kernels as one: a function of images, compiled for the kinds of batch that it is called with."""

from __future__ import annotations

import functools
import logging
import threading
import time
from collections.abc import Callable, Hashable
from typing import Any, Generic, ParamSpec, TypeVar, cast, overload

import torch

from .._adapters import torch as tensors
from .._check import function
from ..errors import InputValueError
from .call import Call
from .compiler import Compiled, find_obstacle, prepare

__all__ = ["Fused", "fused"]

P = ParamSpec("P")
R = TypeVar("R")

log = logging.getLogger("aikit")

# For so many kinds of input is one function compiled: each takes seconds, and memory.
MOST_KINDS = 32

# torch's tracer sets flags of the whole process while it works.
_compiling = threading.Lock()


def fused(fn: Callable[P, R]) -> Fused[P, R]:
    """Compile a function of images into as few kernels as can be.

    In eager mode every step of a formula reads and writes the whole batch: RGB to Lab moves twenty times the bytes it
    has to. Compiled, each pixel is read once and written once. A function is compiled, which takes some seconds, when
    it is first called with tensors of one shape, strides, dtype and device and with one set of options; for 32 of these
    in all, further ones run eagerly. So give it batches of one size.

    To be compiled, the function is run once and what it does to tensors is recorded. Whatever else it does, in Python,
    it does that once, so it must not depend on anything but its arguments. It runs eagerly, and the logger "aikit" says
    why, once, where a result depends on values in Python (`trim`, `alpha_bbox`), where it is too long to compile
    (`estimate_foreground`), and where there is no compiler (the CPU needs a C++ compiler, CUDA Triton and a C compiler).
    NumPy arrays and PIL images are not compiled either.

    Args:
        fn: a function of images, such as `rgb_to_lab`, or one of your own that combines several of them. Its other
            arguments are numbers, words, tuples of these, or other objects that can be hashed and never change.

    Returns:
        A function with the same arguments. It also takes `out=`, for tensors: a contiguous tensor of the result's shape,
        dtype and device, which is filled and returned; on the CPU fresh memory for a large result costs more than the
        arithmetic. Results are always fresh, and those of `fn` up to rounding: floats within 1e-6 of a plane's range,
        and integers within one code. NaN on the way to integers becomes 0. Gradients flow, once; `out` cannot be given
        with them. Several threads may call it.

    Raises:
        InputTypeError: `fn` cannot be called. When the result is called, also an `out` that is not a tensor.
        InputValueError: when the result is called: an `out` that does not fit. Beyond that it raises what `fn` raises.

    Example:
        An array, so that nothing is compiled here.

        >>> import aikit, numpy as np
        >>> fast = aikit.fusion.fused(lambda image: aikit.rgb_to_lab(aikit.resize(image, scale=0.5)))
        >>> fast(np.zeros((4, 6, 3), np.uint8)).shape
        (2, 3, 3)
    """
    function("fn", fn)
    return fn if isinstance(fn, Fused) else Fused(fn)


class Fused(Generic[P, R]):
    """A function that is compiled for the kinds of input that it is called with."""

    def __init__(self, fn: Callable[..., R]) -> None:
        functools.update_wrapper(self, fn)
        self._fn = fn
        self._name = getattr(fn, "__name__", type(fn).__name__)
        self._kinds: dict[Hashable, Compiled | None] = {}  # None: runs eagerly
        self._never = False
        self._told: set[str] = set()

    def __reduce__(self) -> tuple[object, ...]:
        return fused, (self._fn,)

    def __repr__(self) -> str:
        return f"<fused {self._name}>"

    @overload
    def __call__(self, *args: P.args, **options: P.kwargs) -> R: ...
    @overload
    def __call__(self, *args: object, out: torch.Tensor | None, **options: object) -> R: ...
    def __call__(self, *args: object, out: Any = None, **options: object) -> R:
        """Call the function, compiled where it can be, and give its result, in `out` where that is given."""
        if torch.compiler.is_compiling():  # somebody else's compiler reads this
            return self._run_eagerly(args, out, options)
        call = Call.of(args, options)
        if not call.tensors:
            # Nothing to compile, and `out` is a matter between the caller and the function.
            return self._fn(*args, **options) if out is None else self._fn(*args, out=out, **options)
        compiled = self._find_compiled(call)
        return self._run_eagerly(args, out, options) if compiled is None else cast(R, compiled.run(call.tensors, out))

    def _run_eagerly(self, args: tuple[object, ...], out: torch.Tensor | None, options: dict[str, object]) -> R:
        result = self._fn(*args, **options)
        if out is None:
            return result
        if not isinstance(result, torch.Tensor):
            raise InputValueError(
                "out", "None for a result that is no tensor", f"one for {type(result).__name__}", "leave it out"
            )
        tensors.check_tensor_out(out, tuple(result.shape), tensors.dtype_name(result.dtype))
        return cast(R, out.copy_(result))

    def _find_compiled(self, call: Call) -> Compiled | None:
        """Find the function compiled for a kind of input, compile it if need be; None where it runs eagerly."""
        try:
            kind = call.kind()
        except TypeError:  # something cannot be hashed
            return self._tell("an argument beside the tensors may change from call to call, such as an array")
        if kind in self._kinds:
            return self._kinds[kind]
        if self._never:
            return None
        if reason := find_obstacle(call.tensors):
            return self._tell(reason)
        with _compiling:
            if kind not in self._kinds:
                if len(self._kinds) == MOST_KINDS:
                    return self._tell(f"{MOST_KINDS} kinds of input have been compiled for; use batches of one size")
                self._kinds[kind] = self._compile(call)
        return self._kinds[kind]

    def _compile(self, call: Call) -> Compiled | None:
        function = functools.partial(call.apply, self._fn)
        start = time.perf_counter()
        recording = None
        try:
            recording = prepare(function, call.tensors)
            compiled = Compiled.of(recording, call.tensors)
        except Exception as error:
            function(*call.tensors)  # raises if the call itself is wrong
            self._never = recording is None  # a matter of the function, not of this kind of input
            log.debug("fused(%s) could not be compiled", self._name, exc_info=error)
            return self._tell(f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0][:200]}")
        log.debug("fused(%s) was compiled in %.1f s", self._name, time.perf_counter() - start)
        return compiled

    def _tell(self, reason: str) -> Compiled | None:
        """Say why the function runs eagerly, once."""
        if reason not in self._told:
            self._told.add(reason)
            log.warning("fused(%s) runs eagerly: %s", self._name, reason)
        return None
