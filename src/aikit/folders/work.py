"""The work on one file: read it, follow the recipe, put the result in its place."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from .._io import make_folder, write_bytes
from ..errors import AikitError, FileAccessError, WorkerError, quoted
from ..limits import Limits
from ..recipe import Recipe
from .planning import Job
from .reporting import Failure

if TYPE_CHECKING:
    from ..recipe.files import Made

__all__ = ["Announce", "Run", "Verdict", "Work"]

# Called with the output's SHA-256 just before it is put in its place.
Announce = Callable[[Job, str], None]


class Verdict(NamedTuple):
    """What became of a job: why it failed, if it did, what else is to be known, as texts with codes, and its frames."""

    failure: Failure | None = None
    notices: tuple[tuple[str, str], ...] = ()
    frames: int = 1


class Run(Protocol):
    """What an engine is: it does the work for each job."""

    def __call__(
        self, work: Work, jobs: Iterator[Job], *, workers: int | None, announce: Announce
    ) -> Generator[tuple[Job, Verdict]]:
        """Yield each job as it ends, with what became of it; to close it ends the work."""


@dataclass(frozen=True, slots=True)
class Work:
    """What an engine does for each job, in a thread or in a process of another machine.

    With limits a file becomes another one in a child process, which may crash, hang or grow without harm: reading, the
    steps of the recipe and writing share one file's time and memory.
    """

    recipe: Recipe
    limits: Limits | None
    keep_times: bool = False

    def __call__(self, job: Job, announce: Announce | None = None) -> Verdict:
        """Convert one file; what is wrong with it is returned."""
        source = str(job.source)
        try:
            times = _times_of(job.source) if self.keep_times else None
            made = self._convert(job)
            if announce is not None:
                announce(job, hashlib.sha256(made.data).hexdigest())
            make_folder(job.target.parent)
            write_bytes(job.target, made.data, times=times)
        except MemoryError:
            fields = "image", "a picture that fits into memory", "a larger one", "pass workers=1"
            return Verdict(Failure.of(source, AikitError(*fields, code="memory", option="workers")))
        except AikitError as error:
            return Verdict(Failure.of(source, error))
        return Verdict(None, tuple(made.remarks()), made.frames)

    def _convert(self, job: Job) -> Made:
        try:
            return self.recipe.make(job.source, to=job.target.suffix, limits=self.limits)
        except WorkerError as error:
            # A child that the system killed for its memory is not the file's fault: the second time it is.
            if error.code != "worker_crashed":
                raise
            return self.recipe.make(job.source, to=job.target.suffix, limits=self.limits)


def _times_of(path: Path) -> tuple[int, int]:
    """Look up when a file was last read and changed, in nanoseconds."""
    try:
        facts = os.stat(path)
    except OSError as error:
        fields = str(path), "a readable file", quoted(error.strerror), "check the path and its permissions"
        raise FileAccessError(*fields, errno=error.errno, filename=str(path)) from error
    return facts.st_atime_ns, facts.st_mtime_ns
