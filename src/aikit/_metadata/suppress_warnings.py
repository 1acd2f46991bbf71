"""Silence about what is in a stranger's file: Pillow warns of odd metadata, and Python prints that on the error stream."""

from __future__ import annotations

import contextlib
import os
import threading
import warnings
from collections.abc import Iterator
from typing import Any

__all__ = ["suppress_warnings"]


class _Here(threading.local):
    """Matches every message in threads that are inside `suppress_warnings`, and none in others."""

    depth = 0

    def match(self, message: str, *_: Any) -> bool:
        return self.depth > 0


_here = _Here()
# UserWarning is what metadata is about. What Pillow says of bombs is another, and the user's to make an error of.
_FILTER: Any = ("ignore", _here, UserWarning, None, 0)
_lock = threading.Lock()
_inside: set[int] = set()


@contextlib.contextmanager
def suppress_warnings() -> Iterator[None]:
    """Ignore the warnings of this thread, and of no other.

    `warnings.catch_warnings` swaps the filters of the whole process, and two threads in it leave them wrong for good.
    This adds one that lets everybody else's warnings pass, for as long as any thread is in here.
    """
    _enter()
    _here.depth += 1
    try:
        yield
    finally:
        _here.depth -= 1
        _leave()


def _enter() -> None:
    filters: list[Any] = warnings.filters  # type: ignore[assignment]
    with _lock:
        _inside.add(threading.get_ident())
        # A user's filter may have come before it, or another list in place of the one it is in.
        if not filters or filters[0] is not _FILTER:
            with contextlib.suppress(ValueError):
                filters.remove(_FILTER)
            filters.insert(0, _FILTER)


def _leave() -> None:
    filters: list[Any] = warnings.filters  # type: ignore[assignment]
    with _lock:
        if not _here.depth:
            _inside.discard(threading.get_ident())
        if not _inside:
            with contextlib.suppress(ValueError):
                filters.remove(_FILTER)


if hasattr(os, "register_at_fork"):
    # Another thread may hold the lock while we fork; here there are no other threads.
    os.register_at_fork(before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_lock.release)
