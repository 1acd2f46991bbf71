"""Images in strips of rows that fit the cache, worked on in threads where there are many."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from typing import TypeAlias

from .kinds import Spec
from .threads import pool, thread_count

# Pixels of one strip: 512 KiB a float32 plane, so that a strip's planes stay in a core's level-2 cache.
STRIP_PIXELS = 1 << 17

# What is worth waking a thread for, 2 megapixels: two threads made a 1080p flatten slower than one.
STRIPS_PER_THREAD = 16

# The index of a picture in its batch, and some of its rows.
Strip: TypeAlias = tuple[tuple[int, ...], slice]


def cut_strips(spec: Spec) -> Iterator[Strip]:
    """Cut every picture of a batch into strips of about STRIP_PIXELS."""
    step = max(1, STRIP_PIXELS // spec.width)
    edges = [*range(0, spec.height, step), spec.height]
    for index in spec.indices:
        for top, bottom in pairwise(edges):
            yield index, slice(top, bottom)


def batch_as_rows(spec: Spec) -> Spec:
    """Describe a contiguous batch as one picture of all its rows: of small pictures each would be a strip."""
    return replace(spec, height=math.prod(spec.batch) * spec.height, batch=())


def for_each_strip(work: Callable[[tuple[int, ...], slice], None], spans: list[Strip]) -> None:
    """Do the work for every strip, in threads where there is enough of it.

    Each thread takes one run of strips, so they meet once: a barrier a strip costs more than it gains.
    """
    shares = min(thread_count(), len(spans) // STRIPS_PER_THREAD)
    if shares < 2:
        for span in spans:
            work(*span)
        return

    def work_all(share: list[Strip]) -> None:
        for span in share:
            work(*span)

    edges = [len(spans) * part // shares for part in range(shares + 1)]
    tasks = [pool().submit(work_all, spans[start:stop]) for start, stop in pairwise(edges)]
    errors = [task.exception() for task in tasks]
    for error in errors:
        if error is not None:
            raise error
