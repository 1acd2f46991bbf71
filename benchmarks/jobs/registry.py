"""The list of jobs: what is compared with what, and what aikit promises.

A job's function takes `scale` (1 for the size in its title; the tests take less) and returns a Contest.
Entries whose name starts with "aikit" are ours. Each entry gives the finished result that its name promises.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from ..timing import Contest, Goal


@dataclass(frozen=True)
class Job:
    title: str
    goals: tuple[Goal, ...]
    setup: Callable[[float], Contest]


JOBS: list[Job] = []


def job(title: str, *goals: Goal, **options: Any) -> Callable[[Callable[..., Contest]], Callable[..., Contest]]:
    def add(setup: Callable[..., Contest]) -> Callable[..., Contest]:
        JOBS.append(Job(title, goals, partial(setup, **options)))
        return setup

    return add


def size_at(scale: float, height: int = 1080, width: int = 1920) -> tuple[int, int]:
    return max(8, round(height * scale)), max(8, round(width * scale))
