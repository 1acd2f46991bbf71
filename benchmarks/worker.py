"""One job in an interpreter of its own: python -m benchmarks.worker TITLE THREADS ROUNDS, JSON to stdout.

The caller has set OMP_NUM_THREADS and its like, which count before the first import only.
"""

from __future__ import annotations

import json
import sys

import cv2
import torch

from .jobs import JOBS
from .timing import measure


def main(title: str, threads: int, rounds: int) -> None:
    cv2.setNumThreads(threads)
    torch.set_num_threads(threads)
    job = next(job for job in JOBS if job.title == title)
    try:
        contest = job.setup(1.0)
    except ModuleNotFoundError as error:
        json.dump({"skipped": f"{error.name} is not installed"}, sys.stdout)
        return
    json.dump({"moved": contest.moved, "sets": contest.sets, **measure(contest, rounds, threads)}, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
