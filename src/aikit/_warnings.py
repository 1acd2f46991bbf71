"""Warnings at the line of whoever called aikit, from whatever thread or child process the work was done in."""

from __future__ import annotations

import os
import sys
import threading
import warnings
from collections.abc import Iterator
from concurrent.futures import thread as _pools
from contextlib import contextmanager

from .errors import AikitWarning

__all__ = ["keep_warnings", "warn_caller"]

_OURS = os.path.dirname(__file__) + os.sep

# What starts a thread of ours: behind it there is no caller.
_STARTERS = (threading.__file__, _pools.__file__)

_here = threading.local()

# Of threads whose caller is not known: what was said once is not said again, unless the filters ask for it.
_registry: dict[str | tuple[str, type[Warning], int], int] = {}


def warn_caller(message: str) -> None:
    """Issue an `AikitWarning` that points at the line outside of aikit that led here."""
    kept: list[str] | None = getattr(_here, "kept", None)
    if kept is not None:
        if message not in kept:
            kept.append(message)
        return
    frame, level = sys._getframe(), 1
    while frame.f_code.co_filename.startswith(_OURS) and frame.f_back is not None:
        frame, level = frame.f_back, level + 1
    if frame.f_code.co_filename in _STARTERS:
        warnings.warn_explicit(message, AikitWarning, "aikit", 1, module="aikit", registry=_registry)
    else:
        warnings.warn(message, AikitWarning, stacklevel=level)


@contextmanager
def keep_warnings() -> Iterator[list[str]]:
    """Keep what this thread would warn of, for somebody else to pass on to the caller."""
    before: list[str] | None = getattr(_here, "kept", None)
    kept: list[str] = []
    _here.kept = kept
    try:
        yield kept
    finally:
        _here.kept = before
