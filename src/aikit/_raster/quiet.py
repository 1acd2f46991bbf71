"""Silence about what is in a stranger's file: Pillow warns of odd metadata, and Python prints that on the error stream."""

from __future__ import annotations

import contextlib
import threading
import warnings
from collections.abc import Iterator
from typing import Any

__all__ = ["quiet"]


class _Here(threading.local):
    """Matches every message in threads that are inside `quiet`, and none in others."""

    depth = 0

    def match(self, message: str, *_: Any) -> bool:
        return self.depth > 0


_here = _Here()
# UserWarning is what metadata is about. What Pillow says of bombs is another, and the user's to make an error of.
_FILTER: Any = ("ignore", _here, UserWarning, None, 0)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Ignore the warnings of this thread, and of no other.

    `warnings.catch_warnings` swaps the filters of the whole process, and two threads in it leave them wrong for good.
    This is one filter more, which is never taken away and lets everybody else's warnings pass.
    """
    filters: list[Any] = warnings.filters  # type: ignore[assignment]
    if not filters or filters[0] is not _FILTER:
        with contextlib.suppress(ValueError):
            filters.remove(_FILTER)
        filters.insert(0, _FILTER)
    _here.depth += 1
    try:
        yield
    finally:
        _here.depth -= 1
