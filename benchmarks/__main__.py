"""python -m benchmarks, from the repository's root: see benchmarks/README.md."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from . import folder_runs, imports, machine, plot, table
from .jobs import JOBS, Job, wanted_jobs
from .jobs.registry import wanted

PAGE = Path(__file__).with_name("README.md")
CHART = Path(__file__).with_name("ratios.svg")

# Read by the libraries when they are imported, hence a fresh interpreter for each number of threads.
_THREAD_VARIABLES = (
    *("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"),
    *("OPENCV_FOR_THREADS_NUM", "VIPS_CONCURRENCY"),
)


def main() -> int:
    options = _check()
    if options.load:
        results = json.loads(Path(options.load).read_text())
    else:
        begin = time.monotonic()
        results = measure(options)
        results["seconds"] = time.monotonic() - begin
    print(table.render(results))
    if options.compare:
        print(table.compare(json.loads(Path(options.compare).read_text()), results))
    if options.json:
        Path(options.json).write_text(json.dumps(results))
    if options.markdown:
        Path(options.markdown).write_text(table.render(results))
    if options.plot:
        Path(options.plot).write_text(plot.draw(results))
    if options.write:
        write(results, whole=not options.only)
    return 0


def _check() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="aikit beside its peers and the floor.")
    parser.add_argument(
        "--only", default="", metavar="PATTERN", help="a theme's name, or a regular expression for titles"
    )
    parser.add_argument("--threads", default="1,2", help="thread counts to run with (default: 1,2)")
    parser.add_argument("--rounds", type=int, default=40, help="how often each entry runs (default: 40)")
    parser.add_argument("--photographs", type=int, default=100, metavar="N", help="in each folder (default: 100)")
    parser.add_argument("--load", metavar="FILE", help="measure nothing: take the results of an earlier --json FILE")
    parser.add_argument("--json", metavar="FILE", help="write every sample here")
    parser.add_argument("--markdown", metavar="FILE", help="write the tables here")
    parser.add_argument("--plot", metavar="FILE", help="draw the ratios here, as SVG")
    parser.add_argument("--write", action="store_true", help=f"replace the tables in {PAGE.name} and {CHART.name}")
    parser.add_argument("--compare", metavar="FILE", help="print the change since an earlier --json FILE")
    parser.epilog = f"Themes: {', '.join(table.THEMES)}."
    return parser.parse_args()


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Everything that is asked for."""
    import torch

    threads = [int(part) for part in options.threads.split(",")]
    card = torch.cuda.is_available()
    only = options.only
    results: dict[str, Any] = {"machine": machine.describe(), "jobs": [], "imports": None, "memory": [], "cuda": None}
    for theme in dict.fromkeys(job.theme for job in wanted_jobs(only)):
        if theme != "device" or card:
            results["jobs"] += _run_theme(theme, only, threads, options.rounds)
    for to in folder_runs.SUFFIXES:
        if wanted(only, "folders", title := folder_runs.title(to, options.photographs)):
            print(f"{title} ...", file=sys.stderr, flush=True)
            results["jobs"].append(folder_runs.measure(to, options.photographs))
    if wanted(only, "import", "import"):
        print("import ...", file=sys.stderr, flush=True)
        results["imports"] = imports.measure(max(3, options.rounds // 4))
    results["memory"] = _run_memory(only, max(threads))
    if card and wanted(only, "device", "on CUDA"):
        results["cuda"] = _run_cuda()
    return results


def _run_theme(theme: str, pattern: str, threads: list[int], rounds: int) -> list[dict[str, Any]]:
    """The jobs of a theme, in one child for each number of threads."""
    counts = threads[-1:] if theme == "device" else threads
    runs: dict[str, dict[str, Any]] = {}
    for count in counts:
        for line in _child("benchmarks.worker", count, theme, pattern, str(count), str(rounds)).splitlines():
            run = json.loads(line)
            runs.setdefault(run.pop("title"), {})[run.pop("label")] = run
    jobs = [job for job in wanted_jobs(pattern) if job.title in runs]
    return [_described(job, runs[job.title]) for job in jobs]


def _described(job: Job, runs: dict[str, Any]) -> dict[str, Any]:
    goals = [[goal.entry, goal.limit, goal.against] for goal in job.goals]
    return {"title": job.title, "theme": job.theme, "goals": goals, "why": job.why, "runs": runs}


def _run_memory(pattern: str, threads: int) -> list[dict[str, Any]]:
    from .memory import CASES

    rows = []
    for case in (case for case in CASES if wanted(pattern, "memory", f"memory {case.title}")):
        for entry in case.entries:
            print(f"memory, {case.title}, {entry} ...", file=sys.stderr, flush=True)
            answer = json.loads(_child("benchmarks.memory", threads, case.title, entry))
            ours = entry.startswith("aikit")
            rows.append({"title": case.title, "entry": entry, "ours": ours, "why": case.why, **answer})
    return rows


def _run_cuda() -> Any:
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.json")
        _child("benchmarks.gpu", os.cpu_count() or 1, "--json", str(report))
        return json.loads(report.read_text())


def _child(module: str, threads: int, *arguments: str) -> str:
    # Without the malloc variable glibc learns to keep large blocks, and old ones would hide new ones.
    measured = {"MALLOC_MMAP_THRESHOLD_": "1048576"} if module.endswith("memory") else {}
    environment = {**os.environ, **dict.fromkeys(_THREAD_VARIABLES, str(threads)), **measured}
    command = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, env=environment, cwd=PAGE.parents[1], check=True)
    return done.stdout


# ---------------------------------------------------------------- the page


def write(results: dict[str, Any], *, whole: bool, page: Path = PAGE, chart: Path = CHART) -> None:
    """Put the sections of all themes that ran to their end between their markers; of a whole run the rest too."""
    sections = {theme: text for theme, text in table.sections(results).items() if whole or _complete(theme, results)}
    if whole:
        sections["summary"] = table.summary(results)
        chart.write_text(plot.draw(results))
    text = page.read_text()
    for name, section in sections.items():
        text = replace_between(text, name, section)
    page.write_text(text)
    left = [name for name in ["summary", *table.THEMES] if name not in sections]
    print(f"Written: {', '.join(sections)}. Left as it was: {', '.join(left) or 'nothing'}.", file=sys.stderr)


def _complete(theme: str, results: dict[str, Any]) -> bool:
    """Whether no job of the theme is missing."""
    from .memory import CASES

    if theme == "memory":
        return {row["title"] for row in results["memory"]} == {case.title for case in CASES}
    if theme == "folders":
        return sum(job["theme"] == theme for job in results["jobs"]) == len(folder_runs.SUFFIXES)
    if theme == "device" and not results["cuda"]:
        return False
    return {job.title for job in JOBS if job.theme == theme} <= {job["title"] for job in results["jobs"]}


def replace_between(text: str, name: str, section: str) -> str:
    """Put a section between the two markers of its name."""
    start, end = f"<!-- {name}: start -->", f"<!-- {name}: end -->"
    if text.count(start) != 1 or text.count(end) != 1:
        raise SystemExit(f"{PAGE.name}: expected {start} and {end} once each; put them where the section belongs.")
    head, rest = text.split(start)
    return f"{head}{start}\n\n{section.strip()}\n\n{end}{rest.split(end)[1]}"


if __name__ == "__main__":
    sys.exit(main())
