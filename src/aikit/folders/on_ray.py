"""The engine for a cluster: Ray Data, one row in for each file and one status row out.

Not `ray.data.read_images`: one bad file fails its whole job, and with errors tolerated it loses good rows. Here a
worker reads the bytes and decodes them by our own guarded function, and writing is atomic and the same every time, so
that a task which Ray repeats does no harm.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import traceback
from collections.abc import Generator, Iterator
from itertools import islice
from pathlib import Path
from typing import Any  # ray has no types

from .._io import remove_leftovers
from ..errors import InputValueError, MissingDependencyError, WorkerError, quoted
from ..isolation import search_path
from .manifest import is_in_place
from .planning import Job
from .reporting import Failure
from .work import Announce, Verdict, Work

__all__ = ["run"]

# Jobs that are known to Ray at a time: enough for a cluster, and flat in memory.
_AT_A_TIME = 4096
# Rows that Ray hands to a worker together, and does again together when the worker dies.
_IN_A_BLOCK = 8


def run(work: Work, jobs: Iterator[Job], *, workers: int | None, announce: Announce) -> Generator[tuple[Job, Verdict]]:
    """Yield each job as it ends, with what became of it."""
    with _switch_telemetry_off(), _connect(workers) as data:
        while batch := list(islice(jobs, _AT_A_TIME)):
            for job in batch:
                if is_in_place(job):
                    raise InputValueError(
                        "out",
                        "another folder than src for engine='ray'",
                        quoted(str(job.target)),
                        "a task that is repeated would work on its own result",
                    )
                announce(job, "*")
            yield from _run_batch(data, work, batch)
            # Of workers that died while they wrote, whose rows Ray has done again.
            for folder in {job.target.parent for job in batch}:
                remove_leftovers(folder)


def _run_batch(data: Any, work: Work, batch: list[Job]) -> Iterator[tuple[Job, Verdict]]:
    rows = [
        {"number": number, "source": os.fsencode(os.path.abspath(job.source)), "target": os.fsencode(os.path.abspath(job.target))}
        for number, job in enumerate(batch)
    ]  # fmt: skip
    dataset = data.from_items(rows, override_num_blocks=-(-len(rows) // _IN_A_BLOCK))
    for row in dataset.map(_Status(work).row).iter_rows():
        job = batch[row["number"]]
        if row["broken"]:
            raise WorkerError(
                str(job.source), "a status", row["broken"], "report it as a fault of aikit", code="worker_failed"
            )
        failure = _name_path_as_given(job, row["failure"]) if row["failure"] else None
        notices = tuple((what, code) for what, code in json.loads(row["notices"]))
        yield job, Verdict(failure, notices, row["frames"])


def _name_path_as_given(job: Job, row: str) -> Failure:
    """A worker's failure, about the path as the caller wrote it."""
    there = Failure.from_row(os.path.abspath(job.source), row)
    error = there.error
    if error is None:
        return Failure(str(job.source), there.message, there.code)
    about_it = error.subject == error.with_subject(there.path).subject
    return Failure.of(str(job.source), error.with_subject(str(job.source)) if about_it else error)


class _Status:
    """What Ray's workers call for each row."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def row(self, row: dict[str, bytes]) -> dict[str, object]:
        job = Job(Path(os.fsdecode(row["source"])), Path(os.fsdecode(row["target"])))
        verdict, broken = Verdict(), ""
        try:
            verdict = self._work(job)
        except Exception:  # noqa: BLE001 - told to the driver, which raises it
            broken = traceback.format_exc()
        failure = verdict.failure.to_row() if verdict.failure else ""
        told = {"failure": failure, "notices": json.dumps(verdict.notices), "frames": verdict.frames}
        return {"number": row["number"], **told, "broken": broken}


@contextlib.contextmanager
def _connect(workers: int | None) -> Iterator[Any]:
    """Ray Data on the cluster that the program is connected to, or on a Ray of our own for as long as this lasts."""
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise MissingDependencyError(
            "engine", 'the package ray for "ray"', "none installed", 'run: pip install "ray[data]"'
        ) from error
    ours = not ray.is_initialized()
    if ours:
        # Its workers find this aikit, and what they print goes to Ray's own log files.
        variables = {"PYTHONPATH": os.pathsep.join(search_path())}
        address = os.environ.get("RAY_ADDRESS")
        alone: dict[str, object] = {} if address else {"num_cpus": workers, "include_dashboard": False}
        ray.init(
            address, runtime_env={"env_vars": variables}, log_to_driver=False, logging_level=logging.ERROR, **alone
        )  # fmt: skip
    context = ray.data.DataContext.get_current()
    bars, context.enable_progress_bars = context.enable_progress_bars, False
    try:
        yield ray.data
    finally:
        context.enable_progress_bars = bars
        if ours:
            ray.shutdown()


@contextlib.contextmanager
def _switch_telemetry_off() -> Iterator[None]:
    """Ray reports its use to its makers unless told otherwise: here it does so only where the user has asked for it.

    It looks when it starts, and Ray Data looks again when it begins and ends to execute.
    """
    name = "RAY_USAGE_STATS_ENABLED"
    if name in os.environ:
        yield
        return
    os.environ[name] = "0"
    try:
        yield
    finally:
        os.environ.pop(name, None)
