"""The jobs of a theme in an interpreter of their own: python -m benchmarks.worker THEME PATTERN THREADS ROUNDS.

A line of JSON a job goes to stdout. The caller has set OMP_NUM_THREADS and its like, which count before the first
import only.
"""

from __future__ import annotations

import json
import sys
import traceback
from typing import Any

import cv2
import torch

from .jobs import Job, wanted_jobs
from .timing import measure


def main(theme: str, pattern: str, threads: int, rounds: int) -> None:
    cv2.setNumThreads(threads)
    torch.set_num_threads(threads)
    label = "wall clock" if theme == "device" else f"{threads} thread{'s' * (threads != 1)}"
    for job in wanted_jobs(pattern):
        if job.theme == theme and (job.threaded or threads == 1):
            print(f"{job.title}, {label} ...", file=sys.stderr, flush=True)
            run = attempt(job, rounds, wall=label != "1 thread")
            print(json.dumps({"title": job.title, "label": label, **run}), flush=True)


def attempt(job: Job, rounds: int, *, wall: bool) -> dict[str, Any]:
    """What was measured, or why nothing was."""
    try:
        return measure(job.setup(1.0), rounds, wall=wall)
    except ModuleNotFoundError as error:
        return {"skipped": f"{error.name} is not installed"}
    except Exception as error:  # noqa: BLE001 - a job that breaks leaves the others their turn, and says so in the table
        traceback.print_exc()
        return {"skipped": f"**it broke**: {type(error).__name__}: {error}"}


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
