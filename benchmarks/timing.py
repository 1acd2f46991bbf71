"""Time contestants against each other and against the floor, so that noise hits all of them alike."""

from __future__ import annotations

import gc
import math
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .machine import Others, last_level_cache

FLOOR = "floor: a plain copy"

# A contestant that would take longer than this over all rounds sits some of them out.
_SECONDS_EACH = 1.0
_LEAST_RUNS = 5

# Untimed calls before each timed one of a cached contest: two fresh results alternate, and both shall be warm.
_CACHING = 3

# torch's threads go on spinning for some milliseconds after their work, on a core that the next contestant needs.
_PAUSE = 0.006


@dataclass(frozen=True)
class Goal:
    """A promise: `entry` takes at most `limit` times as long as `against`."""

    entry: str
    limit: float
    against: str = FLOOR

    @property
    def is_lead(self) -> bool:
        """Whether the promise is to be faster, by a factor of 1 / limit."""
        return self.limit < 1

    def __str__(self) -> str:
        if self.is_lead:
            return f"{self.entry}: at least {1 / self.limit:.4g}x faster than {self.against}"
        if self.against != FLOOR and self.limit < 1.1:
            return f"{self.entry}: not slower than {self.against} ({self.limit - 1:.0%} for noise)"
        return f"{self.entry}: at most {self.limit:.4g}x {self.against}"


def faster(entry: str, times: float, against: str) -> Goal:
    return Goal(entry, 1 / times, against)


def not_slower(entry: str, against: str) -> Goal:
    return Goal(entry, 1.05, against)


@dataclass
class Contest:
    """What is compared. An entry is called with the number of the buffers it shall use, 0 to sets - 1."""

    entries: dict[str, Callable[[int], Any]]
    moved: int  # bytes that must be read and written
    sets: int
    cached: bool = False  # each timed call right behind the same ones untimed
    tolerance: float = 0.0  # how far the entries' results may lie apart
    loose: dict[str, float] = field(default_factory=dict)  # entries that may lie further off
    rivals: dict[str, str] = field(default_factory=dict)  # which entry of ours a peer is held against: else the first
    clock: Callable[[], float] = time.process_time  # the processor time of all that works on it

    def held_against(self) -> dict[str, str]:
        """Of every peer, the entry of ours that does the same."""
        ours = [name for name in self.entries if name.startswith("aikit")]
        return {name: self.rivals.get(name, ours[0]) for name in self.entries if name not in ours}


def sets_for(moved: int) -> int:
    """How many buffers to rotate over so that none is still in the last-level cache when its turn comes again."""
    return min(16, max(2, math.ceil(3 * last_level_cache() / moved)))


def plain_copy(contest: Contest) -> Callable[[int], Any]:
    """torch's memcpy of half the bytes moved: each is read once and written once."""
    import torch

    pairs = [torch.ones(2, max(1, contest.moved // 2), dtype=torch.uint8) for _ in range(contest.sets)]
    return lambda at: pairs[at][1].copy_(pairs[at][0])


def measure(contest: Contest, rounds: int, *, wall: bool) -> dict[str, Any]:
    """All entries and the floor in interleaved rounds: {"entries": {name: {round: seconds}}, "others": share, ...}.

    They are timed by the processor time they used, which other programs on the machine lengthen least, or by the
    clock on the wall.
    """
    entries = {**contest.entries, FLOOR: plain_copy(contest)}
    stride = {name: _stride(call, contest.sets, rounds) for name, call in entries.items()}
    samples: dict[str, dict[int, float]] = {name: {} for name in entries}
    kept: dict[str, Any] = {}
    names, turn = list(entries), 0
    clock = time.perf_counter if wall else contest.clock
    others = Others(contest.clock)
    gc.collect()
    gc.disable()
    try:
        for number in range(rounds):
            first = number % len(names)  # nobody always runs behind the same neighbor
            for name in names[first:] + names[:first]:
                if number % stride[name]:
                    continue
                turn += 1
                for _ in range(_CACHING if contest.cached else 0):
                    kept[name] = entries[name](turn % contest.sets)
                if wall:
                    time.sleep(_PAUSE)
                start = clock()
                result = entries[name](turn % contest.sets)
                samples[name][number] = clock() - start
                # As in `x = f(y)` in a loop, the last result lives until the next one is there.
                kept[name] = result
    finally:
        gc.enable()
    share = others.share()
    return {
        "moved": contest.moved,
        "sets": contest.sets,
        "entries": samples,
        "rivals": contest.held_against(),
        "wall": wall,
        "others": share,
    }


def _stride(call: Callable[[int], Any], sets: int, rounds: int) -> int:
    """Warm up, on every set of buffers if that is quick; then every how many rounds this entry takes part."""
    call(0)
    start = time.perf_counter()
    call(0)
    seconds = time.perf_counter() - start
    if seconds < 0.1:
        for at in range(sets):
            call(at)
    affordable = max(_LEAST_RUNS, int(_SECONDS_EACH / seconds))
    return max(1, rounds // affordable)


def quartiles(values: list[float]) -> tuple[float, float, float]:
    """p25, median, p75."""
    if len(values) < 2:
        return (values[0],) * 3
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, middle, high


def ratio(one: dict[Any, float], other: dict[Any, float]) -> tuple[float, float, float]:
    """Quartiles of one / other, taken within rounds, so that a slow moment of the machine cancels out."""
    return quartiles([one[number] / other[number] for number in one.keys() & other.keys()])
