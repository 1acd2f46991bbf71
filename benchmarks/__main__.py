"""python -m benchmarks, from the repository's root: see benchmarks/README.md."""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from . import imports, machine, table

PAGE = Path(__file__).with_name("README.md")
START, END = "<!-- last table: start -->", "<!-- last table: end -->"

# Read by the libraries when they are imported, hence a fresh interpreter for each number of threads.
_THREAD_VARIABLES = (
    *("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"),
    "OPENCV_FOR_THREADS_NUM",
)


def main() -> int:
    options = _arguments()
    threads = [int(part) for part in options.threads.split(",")]
    results: dict[str, Any] = {"machine": machine.describe()}
    results["jobs"] = _run_jobs(options.only, threads, options.rounds)
    results["imports"] = imports.measure(max(3, options.rounds // 4)) if _wanted("import", options.only) else None
    results["memory"] = _run_memory(options.only, max(threads))
    text = table.render(results)
    print(text)
    if options.compare:
        print(table.compare(json.loads(Path(options.compare).read_text()), results))
    if options.json:
        Path(options.json).write_text(json.dumps(results))
    if options.markdown:
        Path(options.markdown).write_text(text)
    if options.write:
        replace_between(PAGE, text)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="aikit beside its peers and the floor.")
    parser.add_argument("--threads", default="1,2", help="thread counts to run with (default: 1,2)")
    parser.add_argument("--only", default="", metavar="PATTERN", help="jobs whose title this regular expression finds")
    parser.add_argument("--rounds", type=int, default=60, help="how often each entry runs (default: 60)")
    parser.add_argument("--json", metavar="FILE", help="write every sample here")
    parser.add_argument("--markdown", metavar="FILE", help="write the tables here")
    parser.add_argument("--write", action="store_true", help=f"replace the tables in {PAGE.name} of this folder")
    parser.add_argument("--compare", metavar="FILE", help="print the change since an earlier --json FILE")
    return parser.parse_args()


def _wanted(title: str, pattern: str) -> bool:
    return re.search(pattern, title, re.IGNORECASE) is not None


def _run_jobs(pattern: str, threads: list[int], rounds: int) -> list[dict[str, Any]]:
    from .jobs import JOBS

    done = []
    for job in (job for job in JOBS if _wanted(job.title, pattern)):
        runs = {}
        for count in threads:
            print(f"{job.title}, {count} thread{'s' * (count != 1)} ...", file=sys.stderr, flush=True)
            runs[str(count)] = _child("benchmarks.worker", count, job.title, str(count), str(rounds))
        goals = [[goal.entry, goal.limit, goal.against] for goal in job.goals]
        done.append({"title": job.title, "goals": goals, "threads": runs})
    return done


def _run_memory(pattern: str, threads: int) -> list[dict[str, Any]]:
    from .memory import CASES

    rows = []
    for case in (case for case in CASES if _wanted(f"memory {case.title}", pattern)):
        for entry in case.entries:
            print(f"memory, {case.title}, {entry} ...", file=sys.stderr, flush=True)
            answer = _child("benchmarks.memory", threads, case.title, entry)
            rows.append({"title": case.title, "entry": entry, "ours": entry.startswith("aikit"), **answer})
    return rows


def _child(module: str, threads: int, *arguments: str) -> Any:
    # Without the malloc variable glibc learns to keep large blocks, and old ones would hide new ones.
    measured = {"MALLOC_MMAP_THRESHOLD_": "1048576"} if module.endswith("memory") else {}
    environment = {**os.environ, **dict.fromkeys(_THREAD_VARIABLES, str(threads)), **measured}
    command = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, env=environment, cwd=PAGE.parents[1], check=True)
    return json.loads(done.stdout)


def replace_between(page: Path, text: str) -> None:
    """Put the tables between the two markers of a page."""
    head, rest = page.read_text().split(START)
    tail = rest.split(END)[1]
    page.write_text(f"{head}{START}\n\n{text}\n{END}{tail}")


if __name__ == "__main__":
    sys.exit(main())
