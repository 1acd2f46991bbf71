"""The work on one file: read it, follow the recipe, put the result in its place."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import Protocol

from .._io import make_folder, write_bytes
from ..errors import AikitError, WorkerError
from ..limits import Limits
from ..recipe import Recipe
from .planning import Job
from .reporting import Failure

__all__ = ["Announce", "Run", "Work"]

# Called with the output's SHA-256 just before it is put in its place.
Announce = Callable[[Job, str], None]


class Run(Protocol):
    """What an engine is: it does the work for each job."""

    def __call__(
        self, work: Work, jobs: Iterator[Job], *, workers: int | None, announce: Announce
    ) -> Generator[tuple[Job, Failure | None]]:
        """Yield each job as it ends, with its failure or None; to close it ends the work."""


@dataclass(frozen=True, slots=True)
class Work:
    """What an engine does for each job, in a thread or in a process of another machine.

    With limits a file becomes another one in a child process, which may crash, hang or grow without harm: reading, the
    steps of the recipe and writing share one file's time and memory.
    """

    recipe: Recipe
    limits: Limits | None

    def __call__(self, job: Job, announce: Announce | None = None) -> Failure | None:
        """Convert one file; what is wrong with it is returned."""
        try:
            data = self._convert(job)
            if announce is not None:
                announce(job, hashlib.sha256(data).hexdigest())
            _put(job, data)
        except MemoryError:
            fields = "image", "a picture that fits into memory", "a larger one", "pass workers=1"
            return Failure.of(str(job.source), AikitError(*fields, code="memory", option="workers"))
        except AikitError as error:
            return Failure.of(str(job.source), error)
        return None

    def _convert(self, job: Job) -> bytes:
        try:
            return self.recipe.bytes(job.source, to=job.target.suffix, limits=self.limits)
        except WorkerError as error:
            # A child that the system killed for its memory is not the file's fault: the second time it is.
            if error.code != "worker_crashed":
                raise
            return self.recipe.bytes(job.source, to=job.target.suffix, limits=self.limits)


def _put(job: Job, data: bytes) -> None:
    make_folder(job.target.parent)
    write_bytes(job.target, data)
