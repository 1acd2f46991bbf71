"""Work that somebody else may end: jobs, and what of theirs is at work or waits for its turn."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from contextvars import ContextVar

from ..errors import WorkerError
from .supervisor import Worker

__all__ = ["Job", "Jobs", "attached", "cancellable", "check", "current_jobs", "woken"]

# For all jobs one. The garbage collector may close a stream while this thread holds it.
_lock = threading.RLock()


class Job:
    """Calls that can be cancelled together, made by `cancellable`."""

    def __init__(self) -> None:
        self._cancelled = False
        self._workers: dict[Worker, str] = {}
        self._waiting: set[threading.Event] = set()

    @property
    def cancelled(self) -> bool:
        """Whether `cancel` was called."""
        return self._cancelled

    def cancel(self) -> None:
        """End the children that work for it and wake the calls that wait for one, from any thread.

        They raise WorkerError, code "cancelled", and so does every call that is begun inside of the block later. What
        is done in this process is not interrupted. To cancel again changes nothing.
        """
        with _lock:
            self._cancelled = True
            for event in list(self._waiting):
                event.set()
            for worker, subject in list(self._workers.items()):
                worker.end(_cancelled(subject))


# From the outermost to the innermost.
Jobs = tuple[Job, ...]
_jobs: ContextVar[Jobs] = ContextVar("aikit.isolation.jobs", default=())


@contextlib.contextmanager
def cancellable() -> Iterator[Job]:
    """Make the calls in a block ones that another thread can end.

    It holds for what child processes do for the calls that this thread makes in the block, or this task where there is
    an event loop, `asyncio.to_thread` included: `isolate=True`, and documents that come with `limits`. Work in this
    process is not interrupted, nor are threads that the block starts by itself, nor `map_supervised`, which ends with its
    iterator. Blocks may stand in blocks: to cancel the outer one cancels what is in the inner one.

    Yields:
        A `Job`, with `cancel()` and `cancelled`.

    Raises:
        WorkerError: by the calls inside, code "cancelled".

    Example:
        >>> import aikit
        >>> svg = b'<svg xmlns="http://www.w3.org/2000/svg" width="2" height="1"/>'
        >>> with aikit.isolation.cancellable() as job:
        ...     # What a service does when its client has gone, there from another thread.
        ...     job.cancel()
        ...     try:
        ...         aikit.render_svg(svg, limits=aikit.Limits())
        ...     except aikit.WorkerError as error:
        ...         print(error.code)
        cancelled
    """
    job = Job()
    token = _jobs.set((*_jobs.get(), job))
    try:
        yield job
    finally:
        _jobs.reset(token)


def current_jobs() -> Jobs:
    """The jobs of the calls that are made here and now."""
    return _jobs.get()


def check(jobs: Jobs, subject: str) -> None:
    """Raise where one of them was cancelled."""
    if any(job.cancelled for job in jobs):
        raise _cancelled(subject)


@contextlib.contextmanager
def attached(jobs: Jobs, worker: Worker, subject: str) -> Iterator[None]:
    """Let the jobs end a child; behind this it works for somebody else."""
    if not jobs:
        yield
        return
    with _lock:
        check(jobs, subject)
        for job in jobs:
            job._workers[worker] = subject
    try:
        yield
    finally:
        with _lock:
            for job in jobs:
                job._workers.pop(worker, None)


@contextlib.contextmanager
def woken(jobs: Jobs, event: threading.Event) -> Iterator[None]:
    """Have an event set when one of the jobs is cancelled."""
    with _lock:
        for job in jobs:
            job._waiting.add(event)
        if any(job.cancelled for job in jobs):
            event.set()
    try:
        yield
    finally:
        with _lock:
            for job in jobs:
                job._waiting.discard(event)


def _cancelled(subject: str) -> WorkerError:
    return WorkerError(
        subject,
        "work that is still wanted",
        "a job that was cancelled",
        "ask again outside of it if you need the result",
        code="cancelled",
    )


if hasattr(os, "register_at_fork"):
    # Another thread may hold it while we fork.
    os.register_at_fork(before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_lock.release)
