"""Threads: as many as OpenCV may use, in one pool."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, TypeVar

from .._warnings import keep_warnings, warn_caller

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

R = TypeVar("R")


def in_threads(work: Callable[..., R], *arguments: Sequence[object]) -> list[R]:
    """Call `work` with each set of arguments, in threads where there are some; results in order."""
    calls = list(zip(*arguments, strict=True))
    count = min(thread_count(), len(calls))
    if count < 2:
        return [work(*call) for call in calls]
    results: dict[int, R] = {}
    said: list[str] = []
    waiting = deque(enumerate(calls))

    def work_on() -> None:
        with keep_warnings() as kept:
            while waiting:
                try:
                    at, call = waiting.popleft()
                except IndexError:  # another thread was quicker
                    break
                results[at] = work(*call)
        said.extend(kept)

    tasks = [pool().submit(work_on) for _ in range(count)]
    errors = [task.exception() for task in tasks]  # waits for all of them
    for message in dict.fromkeys(said):
        warn_caller(message)
    for error in errors:
        if error is not None:
            raise error
    return [results[at] for at in range(len(calls))]


_CORES = os.cpu_count() or 1


def thread_count() -> int:
    """Tell how many threads there are, as many as OpenCV may use: cv2.setNumThreads(1) makes aikit single-threaded too.

    One inside the pool itself: a thread that waits for others of its own pool may wait for ever.
    """
    import cv2

    return 1 if getattr(_here, "in_pool", False) else min(cv2.getNumThreads(), _CORES, 8)


@lru_cache(maxsize=1)
def pool() -> ThreadPoolExecutor:
    """Give the threads of this process."""
    from concurrent.futures import ThreadPoolExecutor

    return ThreadPoolExecutor(max_workers=8, thread_name_prefix="aikit", initializer=_enter_pool)


_here = threading.local()


def _enter_pool() -> None:
    _here.in_pool = True


if hasattr(os, "register_at_fork"):
    # The threads of a pool do not exist in a forked child, which would wait for them for ever.
    os.register_at_fork(after_in_child=pool.cache_clear)
