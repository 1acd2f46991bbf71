"""The engine for one machine: threads, because decoders and encoders let go of the interpreter's lock."""

from __future__ import annotations

import os
import queue
import threading
import time
from collections.abc import Generator, Iterator
from itertools import islice

from .planning import Job
from .work import Announce, Verdict, Work

__all__ = ["run"]

# How long Ctrl-C waits for the disk before it leaves; a picture that is not being written yet is dropped at once.
_PATIENCE = 5.0


# More threads than this are no use to anybody.
_MOST_WORKERS = 1024


class _Stopped(BaseException):
    """Ends a thread whose result nobody waits for any more."""


def run(work: Work, jobs: Iterator[Job], *, workers: int | None, announce: Announce) -> Generator[tuple[Job, Verdict]]:
    """Yield each job as it ends, with what became of it. No more than twice as many jobs as workers are drawn ahead.

    There are two threads for each worker: while one waits for the disk, which syncs every file, another computes. They
    are daemons, so that Ctrl-C need not wait for them; a write that has begun is let finish.
    """
    from ..recipe.files import keep_memory

    todo: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
    done: queue.SimpleQueue[tuple[Job, Verdict | BaseException]] = queue.SimpleQueue()
    stop = threading.Event()
    count = min(workers or os.cpu_count() or 1, _MOST_WORKERS)
    computing, writing = threading.Semaphore(count), threading.Semaphore(count)

    def serve() -> None:
        while (job := todo.get()) is not None and not stop.is_set():
            permit = computing
            permit.acquire()

            def begin(job: Job, digest: str) -> None:
                nonlocal permit
                permit.release()
                permit = writing
                permit.acquire()
                if stop.is_set():
                    raise _Stopped
                announce(job, digest)

            try:
                done.put((job, work(job, begin)))
            except BaseException as error:  # noqa: BLE001 - handed to the main thread, which raises it
                done.put((job, error))
            finally:
                permit.release()

    keep_memory()
    threads = 0
    waiting = 0
    try:
        while True:
            for job in islice(jobs, 2 * count - waiting):
                todo.put(job)
                waiting += 1
                if threads < 2 * count:
                    threads += 1
                    threading.Thread(target=serve, name="aikit-convert", daemon=True).start()
            if not waiting:
                return
            job, verdict = done.get()
            waiting -= 1
            if isinstance(verdict, BaseException):
                raise verdict
            yield job, verdict
    finally:
        stop.set()
        for _ in range(threads):
            todo.put(None)
        # Whoever holds every permit knows that no write is in work: each file is whole or not there.
        deadline = time.monotonic() + _PATIENCE
        free = sum(writing.acquire(timeout=max(0.0, deadline - time.monotonic())) for _ in range(count))
        if free:
            writing.release(free)  # whoever waits for one gives up
