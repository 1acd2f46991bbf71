"""Doing work in pieces that fit: retries after memory ran out, with everything of the failed try let go."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from enum import Enum, auto
from typing import Final, Literal, TypeVar

from .._check import function, integer, number
from ..device.host import host_memory
from ..errors import InputTypeError, InputValueError, quoted
from . import allocator
from .out_of_memory import is_out_of_memory
from .release import collect_and_trim
from .report import track_memory

__all__ = ["OUT_OF_MEMORY", "attempt", "find_batch_size", "run_in_chunks"]

_log = logging.getLogger("aikit")

Item = TypeVar("Item")
Result = TypeVar("Result")


def run_in_chunks(
    fn: Callable[[list[Item]], list[Result]], items: Iterable[Item], *, size: int, min_size: int = 1
) -> list[Result]:
    """Apply a function to lists of items, in chunks that are halved whenever memory runs out.

    A chunk that did not fit is tried again in halves, after the failed try has been left with all that it held; the
    smaller size is kept for the rest of this call, and forgotten after it.

    Args:
        fn: takes a list of items, returns a list with one result for each. It may be called twice for an item.
        items: what to work on. A tensor gives its rows.
        size: how many items a chunk has at first.
        min_size: how many it has at least, but for the last one.

    Returns:
        The results of all chunks as one flat list, in the order of the items.

    Raises:
        InputTypeError: `fn` cannot be called or returned something else than a list, or a size is no integer.
        InputValueError: `fn` returned too few or too many results, or a size is below 1.
        Exception: whatever `fn` raises, unchanged; out-of-memory errors once a chunk has `min_size` items.

    Example:
        >>> run_in_chunks(lambda numbers: [n * n for n in numbers], range(5), size=2)
        [0, 1, 4, 9, 16]
    """
    function("fn", fn)
    size, min_size = integer("size", size), integer("min_size", min_size)
    if not isinstance(items, Iterable):
        raise InputTypeError("items", "a list", type(items).__name__, "pass one")
    if min_size > size:
        raise InputValueError("min_size", f"at most size, {size}", str(min_size), "pass a smaller one")
    everything, results = list(items), list[Result]()
    while len(results) < len(everything):
        chunk = everything[len(results) : len(results) + size]
        count = len(chunk)  # the chunk is the function's, which may empty it
        given = attempt(fn, chunk, last=count <= min_size)
        if given is OUT_OF_MEMORY:
            size = max(min_size, count // 2)
            _log.warning("out of memory with %d items; going on with %d at a time", count, size)
        else:
            results += _check_results(given, count)
    return results


def find_batch_size(
    fn: Callable[[int], object], *, start: int = 64, maximum: int | None = None, margin: float = 0.9
) -> int:
    """Find how many items at once fit into memory, by trying.

    From `start` the size is doubled while it fits, or halved until it does; then the edge between is searched. What
    fits once may not fit when memory is fragmented: only `margin` of it is returned. On the CPU memory never runs
    out, the system kills the process instead: a size is not tried there when the last one shows that it needs more
    than is available.

    Args:
        fn: does the whole work for a batch of that many items, as large as they come.
        start: the size to try first.
        maximum: the largest size to try; None for 1024 times `start`.
        margin: the part of the largest size found that is returned, above 0 and up to 1. A `maximum` that fits is
            returned as it is: nothing showed that it is near the edge.

    Returns:
        The size, at least 1. Nothing is remembered between calls.

    Raises:
        InputTypeError: `fn` cannot be called, or a size or margin is no number.
        InputValueError: a size below 1, `start` above `maximum`, or a margin outside its range.
        Exception: whatever `fn` raises, unchanged; the out-of-memory error where even one item does not fit.

    Example:
        >>> def work(size):
        ...     if size > 100:
        ...         raise MemoryError
        >>> find_batch_size(work)
        90
    """
    function("fn", fn)
    start = integer("start", start)
    maximum = start * 1024 if maximum is None else integer("maximum", maximum)
    if start > maximum:
        raise InputValueError("start", f"at most maximum, {maximum}", str(start), "pass a smaller one")
    if number("margin", margin, 0, 1) == 0:
        raise InputValueError("margin", "a number above 0 and up to 1", quoted(margin), "pass 0.9")
    fits, fails, size, host_bytes = 0, maximum + 1, start, 0.0
    while fails - fits > 1:
        grown = attempt(_run_and_measure, fn, size, last=size == 1) if _host_has(host_bytes * size) else OUT_OF_MEMORY
        if grown is OUT_OF_MEMORY:
            fails = size
        else:
            fits, host_bytes = size, max(host_bytes, grown / size)
            collect_and_trim(allocator.pick_allocators(None))  # the next try begins where this one did
        # Doubled until something fails, halved until something fits, then between the two.
        size = min(2 * fits, maximum) if fails > maximum else (fits + fails) // 2
    return fits if fits == maximum else max(1, int(fits * margin))


def _run_and_measure(fn: Callable[[int], object], size: int) -> int:
    """Run, and give the bytes of main memory that the process grew by meanwhile."""
    with track_memory("cpu") as memory:
        fn(size)
    return memory.peak - memory.start


def _host_has(size: float) -> bool:
    available = host_memory().available
    return available is None or size <= available


class Outcome(Enum):
    """What a call comes to that has no result."""

    OUT_OF_MEMORY = auto()


OUT_OF_MEMORY: Final = Outcome.OUT_OF_MEMORY


def attempt(fn: Callable[..., Result], *arguments: object, last: bool) -> Result | Literal[Outcome.OUT_OF_MEMORY]:
    """Make the call; OUT_OF_MEMORY where it ran out, and by then nothing of the call is left.

    The `last` attempt has nothing smaller after it: its error comes out. The cleaning stands behind the `except`
    block, not in it: there the error still holds the frames of the failed call, and they its tensors.
    """
    try:
        return fn(*arguments)
    except Exception as error:
        if last or not is_out_of_memory(error):
            raise
    collect_and_trim(allocator.pick_allocators(None))
    return OUT_OF_MEMORY


def _check_results(results: Sequence[Result], count: int) -> list[Result]:
    if not isinstance(results, (list, tuple)):
        raise InputTypeError("fn", "a list with one result an item", type(results).__name__, "return list(results)")
    if len(results) != count:
        raise InputValueError("fn", f"{count} results for {count} items", str(len(results)), "return one for each")
    return list(results)
