"""The children of this process: as many at work as may be, the next call waits its turn, idle ones are kept."""

from __future__ import annotations

import contextlib
import math
import os
import threading
from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

from .. import _check
from .._foreign_names import explain_calls
from ..errors import WorkerError
from . import cancelling
from .cancelling import Jobs
from .start import search_path
from .supervisor import Worker

__all__ = ["IdlePool", "Settings", "configure", "processors"]

# A child has one file at a time, and its parent may have a child for each processor.
_THREADS = ("OMP_NUM_THREADS", "OPENCV_FOR_THREADS_NUM")

# A child is replaced after this many files or when it stays this much larger than it began: leaks end somewhere.
_MOST_TASKS, _MOST_GROWTH = 1000, 256 * 1024**2


class Settings(NamedTuple):
    """What `configure` sets."""

    children: int | None = None
    queue: int | None = None
    patience: float | None = None


@explain_calls
def configure(*, children: int | None = None, queue: int | None = None, patience: float | None = None) -> None:
    """Say how many child processes work at once, and how long a call may wait for one.

    It holds for this process from now on, and sets all three: what is left out is as it was at the beginning. Then as
    many children work at once as this process may use processors, and calls wait for one as long as it takes, first
    come, first served; only with `queue` or `patience` are there calls that wait in vain. `Limits(max_seconds=...)` counts
    from the beginning of the work and not from that of the waiting. Frames of `read_frames` that has begun always wait.

    Args:
        children: how many work at once, 1 or more.
        queue: how many calls may wait for one, 0 or more; the next is refused.
        patience: how many seconds a call may wait for one.

    Raises:
        InputTypeError: something else than numbers.
        InputValueError: a number that is too small.

    Example:
        >>> from aikit import isolation
        >>> isolation.configure(children=2, queue=16, patience=5)  # then, at once or after 5 seconds: "busy"
        >>> isolation.configure()  # as at the beginning
    """
    if children is not None:
        children = _check.integer("children", children)
    if queue is not None:
        queue = _check.integer("queue", queue, 0)
    if patience is not None:
        patience = _check.number("patience", patience, 0, math.inf)
    pool.set(Settings(children, queue, patience))


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class _Slot:
    """The context that `IdlePool.place` gives. A generator would take longer than all the rest of it."""

    def __init__(self, pool: IdlePool, subject: str, jobs: Jobs, begun: bool) -> None:
        self._pool, self._asked = pool, (subject, jobs, begun)

    def __enter__(self) -> None:
        self._pool.enter(*self._asked)

    def __exit__(self, *_: object) -> None:
        self._pool.leave()


class IdlePool:
    """Children that wait for work, and the places at work that calls wait for."""

    def __init__(self, settings: Settings = Settings()) -> None:  # noqa: B008 - it cannot be changed
        self.settings = settings
        self.begin()

    def begin(self) -> None:
        """Start without children. A forked process does too: they are its parent's, and another thread may hold the lock."""
        # The garbage collector may close a stream, which gives its child back, while this thread holds the lock.
        self._lock = threading.RLock()
        self._idle: list[Worker] = []
        self._working = 0
        self._waiting: deque[threading.Event] = deque()

    def set(self, settings: Settings) -> None:
        """Take other settings; who waits may get a place by that."""
        with self._lock:
            self.settings = settings
            self._fill_places()

    @property
    def bound(self) -> int:
        """How many children work at once."""
        return self.settings.children or processors()

    # ------------------------------------------------------------ places

    def place(self, subject: str, jobs: Jobs, *, begun: bool = False) -> _Slot:
        """One of the places at work, when its turn has come: a context.

        A place is for the time in which a child works; who keeps one between two requests has none.

        Args:
            subject: the file, for messages.
            jobs: those that can end the waiting.
            begun: whether something was given of it already, which would be lost by a refusal.

        Raises:
            WorkerError: code "busy" or "cancelled".
        """
        return _Slot(self, subject, jobs, begun)

    def enter(self, subject: str, jobs: Jobs, begun: bool) -> None:
        """Take a place."""
        if jobs:
            cancelling.check(jobs, subject)
        with self._lock:
            if self._working < self.bound and not self._waiting:
                self._working += 1
                return
            _, queue, patience = (None, None, None) if begun else self.settings
            if queue is not None and len(self._waiting) >= queue:
                raise self._busy(subject)
            turn = threading.Event()
            self._waiting.append(turn)
        try:
            with cancelling.wake(jobs, turn):
                turn.wait(None if patience is None else min(patience, threading.TIMEOUT_MAX))
            cancelling.check(jobs, subject)
        except BaseException:
            if self._is_granted(turn):
                self.leave()
            raise
        if not self._is_granted(turn):
            raise self._busy(subject)

    def _is_granted(self, turn: threading.Event) -> bool:
        """Whether a call that does not wait any more has got its place."""
        with self._lock:
            if turn in self._waiting:
                self._waiting.remove(turn)
                return False
            return True

    def leave(self) -> None:
        """Give a place to the next."""
        with self._lock:
            self._working -= 1
            self._fill_places()

    def _fill_places(self) -> None:
        while self._waiting and self._working < self.bound:
            self._working += 1
            self._waiting.popleft().set()

    def _busy(self, subject: str) -> WorkerError:
        with self._lock:
            queue, patience = self.settings.queue, self.settings.patience
            words = [] if queue is None else [f"at most {queue} calls before it"]
            words += [] if patience is None else [f"to wait no longer than {patience:g} seconds"]
            got = f"{self._working} at work and {len(self._waiting)} calls that wait"
        return WorkerError(
            subject,
            f"a child process that is free, {' and '.join(words)}",
            got,
            "ask again later, or allow more with isolation.configure",
            code="busy",
        )

    # ------------------------------------------------------------ children

    @contextlib.contextmanager
    def child(self, function: str, subject: str, jobs: Jobs) -> Iterator[Worker]:
        """An idle child or a new one, which can call a function, may be ended by the jobs, and is given back."""
        worker = self._take()
        try:
            with cancelling.attach(jobs, worker, subject):
                worker.load(function)
                yield worker
        finally:
            self._give_back(worker)

    def _take(self) -> Worker:
        while True:
            with self._lock:
                worker = self._idle.pop() if self._idle else None
            if worker is None:
                single = {name: "1" for name in _THREADS if name not in os.environ}
                return Worker(search_path(), environment=single, decoder=True)
            if worker.alive:
                return worker
            worker.close()

    def _give_back(self, worker: Worker) -> None:
        worker.sweep()
        fresh = worker.alive and worker.tasks < _MOST_TASKS
        # Asking for memory takes a twentieth of a small picture's time.
        if worker.tasks % 16 == 0:
            fresh = fresh and worker.growth() < _MOST_GROWTH
        with self._lock:
            # Two at least: on one processor too, streams may be gone through side by side.
            keep = fresh and len(self._idle) < max(2, self.bound)
            if keep:
                self._idle.append(worker)
        if not keep:
            worker.close()


pool = IdlePool()


if hasattr(os, "register_at_fork"):

    def _begin_anew() -> None:
        pool.begin()  # looked up in the child: another pool may stand in its place

    os.register_at_fork(after_in_child=_begin_anew)
