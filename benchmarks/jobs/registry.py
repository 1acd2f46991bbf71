"""The list of jobs: what is compared with what, what aikit promises, and why it loses where it does.

A job's function takes `scale` (1 for the size in its title; the tests take less) and returns a Contest.
Entries whose name starts with "aikit" are ours. Each entry gives the finished result that its name promises.
"""

from __future__ import annotations

import atexit
import re
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ..timing import Contest, Goal

Entries = dict[str, Callable[[int], Any]]


@dataclass(frozen=True)
class Job:
    title: str
    theme: str  # the name of its file
    goals: tuple[Goal, ...]
    why: dict[str, str]  # of a peer that wins, or of what a goal is missed against: the reason
    threaded: bool  # False where nobody uses threads: one run is enough
    setup: Callable[[float], Contest]


JOBS: list[Job] = []


def job(
    title: str, *goals: Goal, why: dict[str, str] | None = None, threaded: bool = True, **options: Any
) -> Callable[[Callable[..., Contest]], Callable[..., Contest]]:
    def add(setup: Callable[..., Contest]) -> Callable[..., Contest]:
        theme = setup.__module__.rpartition(".")[2]
        JOBS.append(Job(title, theme, goals, why or {}, threaded, partial(setup, **options)))
        return setup

    return add


def size_at(scale: float, height: int = 1080, width: int = 1920) -> tuple[int, int]:
    return max(8, round(height * scale)), max(8, round(width * scale))


def if_installed(package: str, make: Callable[[], Entries]) -> Entries:
    """The entries of a peer that may be missing; the others then run without it."""
    return make() if find_spec(package) else {}


def scratch_folder() -> Path:
    """An empty folder that goes when the program ends."""
    folder = Path(tempfile.mkdtemp(prefix="aikit-bench-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def wanted(pattern: str, theme: str, title: str) -> bool:
    """Whether a regular expression finds something in the title, or is the theme's name."""
    return pattern == theme or re.search(pattern, title, re.IGNORECASE) is not None


def wanted_jobs(pattern: str) -> list[Job]:
    return [job for job in JOBS if wanted(pattern, job.theme, job.title)]
