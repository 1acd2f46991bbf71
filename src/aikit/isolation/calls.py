"""Functions of aikit, called here or in a child process."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar, cast

from ..limits import Limits
from . import cancelling, pool
from .child import in_child
from .supervisor import Worker

__all__ = ["guarded", "guarded_stream", "in_another_process", "stream_from_another_process"]

Result = TypeVar("Result")

_NO_KEYWORDS: Mapping[str, object] = {}


def guarded(
    function: Callable[..., Result],
    *arguments: object,
    subject: str,
    limits: Limits | None,
    isolate: bool,
    expect: object,
    keywords: Mapping[str, object] = _NO_KEYWORDS,
) -> Result:
    """Call a function: in a child process where that is asked for, here where it is not or this is one already.

    Args:
        function: one of a module, under its name there.
        arguments: whatever pickles.
        subject: the file, for messages.
        limits: in a child `max_seconds`, from the beginning of the work, and `max_memory` are honored; the answer may be
            as large as `max_memory`.
        isolate: whether a child is asked for.
        expect: what the function returns, as an annotation says it: plain values and registered kinds. A child
            that answers anything else has failed. Here the value comes as it is.
        keywords: more arguments, by name.

    Raises:
        LimitError: it took too long or too much memory.
        WorkerError: the child crashed, was cancelled or cannot be started, or none was free.
        AikitError: whatever the function raised.
    """
    if not isolate or in_child():
        return function(*arguments, **keywords)
    answer = in_another_process(_qualify(function), arguments, keywords, subject=subject, limits=limits, expect=expect)
    return cast(Result, answer)  # it was held against `expect`


def guarded_stream(
    function: Callable[..., Iterator[Result]],
    *arguments: object,
    subject: str,
    limits: Limits | None,
    isolate: bool,
    expect: object,
    keywords: Mapping[str, object] = _NO_KEYWORDS,
) -> Iterator[Result]:
    """The same for a function that returns an iterator: its values, made one by one as they are asked for.

    The call itself is made now, so that its errors come before the first value. `max_seconds` counts the time that
    the child works, all values together. The child is kept until the iterator ends or is dropped, but counts as one at
    work only while a value is asked for: who holds many iterators does not wait for himself.
    """
    if not isolate or in_child():
        return function(*arguments, **keywords)
    answers = stream_from_another_process(
        _qualify(function), arguments, keywords, subject=subject, limits=limits, expect=expect
    )
    return cast(Iterator[Result], answers)


def _qualify(function: Callable[..., object]) -> str:
    return f"{function.__module__}:{function.__qualname__}"


def in_another_process(
    function: str,
    arguments: tuple[object, ...],
    keywords: Mapping[str, object] = _NO_KEYWORDS,
    *,
    subject: str,
    limits: Limits | None = None,
    expect: object = object,
) -> object:
    """Call "module:function" in a child process."""
    jobs, request = cancelling.current_jobs(), ("call", function, arguments, dict(keywords))
    # One pool for both, whatever happens in between.
    children = pool.pool
    with children.place(subject, jobs), children.child(function, subject, jobs) as worker:
        return _Budget(limits, subject, expect).ask(worker, request, "value")[1]


def stream_from_another_process(
    function: str,
    arguments: tuple[object, ...],
    keywords: Mapping[str, object] = _NO_KEYWORDS,
    *,
    subject: str,
    limits: Limits | None = None,
    expect: object = object,
) -> Iterator[object]:
    """The values of the iterator that "module:function" returns in a child process."""
    values = _values(function, ("call", function, arguments, dict(keywords)), subject, limits, expect)
    # To the first yield, behind which the child is in the hands of the stack.
    next(values)
    return values


def _values(
    function: str, request: tuple[object, ...], subject: str, limits: Limits | None, expect: object
) -> Iterator[object]:
    jobs, budget, children = cancelling.current_jobs(), _Budget(limits, subject, expect), pool.pool
    with contextlib.ExitStack() as held:
        with children.place(subject, jobs):
            worker = held.enter_context(children.child(function, subject, jobs))
            budget.ask(worker, request, "stream")
        yield None
        while True:
            with children.place(subject, jobs, begun=True):
                kind, value = budget.ask(worker, ("next",), "value", "end")
            if kind == "end":
                return
            yield value


class _Budget:
    """What is left of the limits of one call."""

    def __init__(self, limits: Limits | None, subject: str, expect: object) -> None:
        self._limits, self._subject, self._expect = limits, subject, expect
        self._consumed = 0.0

    def ask(self, worker: Worker, request: tuple[object, ...], *kinds: str) -> tuple[str, object]:
        """Ask within the limits, and count the time that it takes."""
        if self._limits is None:
            return worker.ask(request, subject=self._subject, kinds=kinds, expect=self._expect)
        start, memory = time.monotonic(), int(self._limits.max_memory)
        try:
            return worker.ask(
                request,
                subject=self._subject,
                kinds=kinds,
                expect=self._expect,
                seconds=self._limits.max_seconds,
                consumed=self._consumed,
                memory=memory,
                at_most=memory,
            )
        finally:
            self._consumed += time.monotonic() - start
