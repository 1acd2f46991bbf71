"""Supervised child processes: a named function, called in an interpreter of our own that may crash, hang or grow.

`call` and `stream` are for aikit's own functions on hostile files: they send plain arguments, get plain values back,
and never unpickle an answer. A few idle children are kept, because starting one takes a third of a second.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from ..errors import AikitError, WorkerError
from ..limits import Limits
from .start import search_path
from .supervisor import Worker
from .wire import Room

__all__ = ["Room", "Worker", "call", "search_path", "stream"]

Result = TypeVar("Result")

# A child has one file at a time, and its parent may have a child for each processor.
_THREADS = ("OMP_NUM_THREADS", "OPENCV_FOR_THREADS_NUM")

# A child is replaced after this many files or when it stays this much larger than it began: leaks end somewhere.
_MOST_TASKS, _MOST_GROWTH = 1000, 256 * 1024**2


def call(
    function: str,
    *arguments: Any,
    subject: str,
    limits: Limits | None = None,
    unpack: Callable[[Any], Result] = lambda value: value,
) -> Result:
    """Call a function of aikit in a child process and give back what it returns.

    Args:
        function: "aikit.module:name", called with `arguments`, which are pickled.
        arguments: whatever pickles.
        subject: the file, for messages.
        limits: `max_seconds` and `max_memory` are honored; the answer may be as large as `max_memory`.
        unpack: makes the result of what the function returned: None, numbers, str, bytes, memory, and tuples, lists,
            sets and dicts of them. Memory (a bytearray or memoryview) is faster than bytes and only lent: copy it.

    Raises:
        LimitError: it took too long or too much memory.
        WorkerError: the child crashed or cannot be started.
        AikitError: whatever the function raised.
    """
    with _borrowed(function) as worker:
        value = _Budget(limits).ask(worker, ("call", function, arguments), subject)[1]
        return _unpacked(unpack, value, subject)


def stream(
    function: str,
    *arguments: Any,
    subject: str,
    limits: Limits | None = None,
    unpack: Callable[[Any], Result] = lambda value: value,
) -> Iterator[Result]:
    """The same for a function that returns an iterator: its values, made one by one as they are asked for.

    The call itself is made now, so that its errors come before the first value. `max_seconds` counts the time that
    the child works, all values together. The child is kept until the iterator ends or is dropped.
    """
    values = _values(function, arguments, _Budget(limits), subject, unpack)
    # To the first yield, behind which the child is in the hands of `finally`.
    next(values)
    return values


def _values(function: str, arguments: tuple[Any, ...], budget: _Budget, subject: str, unpack: Any) -> Iterator[Any]:
    with _borrowed(function) as worker:
        budget.ask(worker, ("call", function, arguments), subject)
        yield
        while (answer := budget.ask(worker, ("next",), subject))[0] == "value":
            yield _unpacked(unpack, answer[1], subject)


def _unpacked(unpack: Callable[[Any], Result], value: Any, subject: str) -> Result:
    """What the function returned, which nobody believes to be what is expected."""
    try:
        return unpack(value)
    except AikitError:
        raise
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise WorkerError(
            f"{subject}: expected a result, got {str(error)[:160]!r} from the child process; leave it out."
        ) from error


class _Budget:
    """What is left of the limits of one call."""

    def __init__(self, limits: Limits | None) -> None:
        self._limits = limits
        self._spent = 0.0

    def ask(self, worker: Worker, request: tuple[Any, ...], subject: str) -> tuple[str, Any]:
        """Ask within the limits, and count the time that it takes."""
        if self._limits is None:
            return worker.ask(request, subject=subject)
        start, memory = time.monotonic(), int(self._limits.max_memory)
        try:
            return worker.ask(
                request,
                subject=subject,
                seconds=self._limits.max_seconds,
                spent=self._spent,
                memory=memory,
                at_most=memory,
            )
        finally:
            self._spent += time.monotonic() - start


# ---------------------------------------------------------------- idle children


class _Bench:
    """Children that wait for work; a forked process starts with a new one, for these are its parent's."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: list[Worker] = []

    def take(self) -> Worker:
        while True:
            with self._lock:
                worker = self._idle.pop() if self._idle else None
            if worker is None:
                single = {name: "1" for name in _THREADS if name not in os.environ}
                return Worker(search_path(), environment=single)
            if worker.alive:
                return worker
            worker.close()

    def give_back(self, worker: Worker) -> None:
        worker.sweep()
        fresh = worker.alive and worker.tasks < _MOST_TASKS
        # Asking for memory takes a twentieth of a small picture's time.
        if worker.tasks % 16 == 0:
            fresh = fresh and worker.growth() < _MOST_GROWTH
        with self._lock:
            keep = fresh and len(self._idle) < max(2, os.cpu_count() or 1)
            if keep:
                self._idle.append(worker)
        if not keep:
            worker.close()


_bench = _Bench()
if hasattr(os, "register_at_fork"):
    # Another thread may hold the lock while we fork, hence not only an empty list.
    os.register_at_fork(after_in_child=_bench.__init__)  # type: ignore[misc]


@contextlib.contextmanager
def _borrowed(function: str) -> Iterator[Worker]:
    worker = _bench.take()
    try:
        worker.load(function)
        yield worker
    finally:
        _bench.give_back(worker)
