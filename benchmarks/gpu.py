"""The batch path on CUDA beside its peers and a copy: `python -m benchmarks.gpu`, some minutes on an H200.

Every entry is checked against aikit's own NumPy result in float64 before it is timed. One that fails says why, and the
others go on; what does not fit into the time is left out and named. Without CUDA everything runs on the CPU with small
pictures, which shows that it runs and nothing more.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import platform
import re
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import torch

from .gpu_jobs import JOBS, SETS, Entry, Job, Stage

PACKAGES = ("aikit", "torch", "torchvision", "triton", "kornia", "numpy")


def milliseconds(device: torch.device, work: Callable[[int], object], rounds: int) -> list[float]:
    """The time of each of some calls: device events on CUDA, the clock elsewhere."""
    for at in range(SETS):
        work(at)
    times = []
    for at in range(rounds):
        if device.type == "cuda":
            start, stop = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
            start.record()
            work(at % SETS)
            stop.record()
            stop.synchronize()
            times.append(start.elapsed_time(stop))
        else:
            begin = time.perf_counter()
            work(at % SETS)
            times.append((time.perf_counter() - begin) * 1e3)
    return times


def copying(stage: Stage, moved: float, rounds: int) -> float:
    """The median time of a copy that reads and writes so many bytes."""
    count = max(1, round(moved / 8))
    sources = [torch.rand(count, device=stage.device) for _ in range(SETS)]
    target = torch.empty_like(sources[0])
    return statistics.median(milliseconds(stage.device, lambda at: target.copy_(sources[at]), rounds))


def error_of(job: Job, result: torch.Tensor, expected: np.ndarray[Any, Any]) -> float:
    """The largest difference between the first picture and the expected one."""
    picture = result[0].permute(1, 2, 0).double().cpu().numpy()
    if picture.shape != expected.shape:
        raise ValueError(f"expected shape {expected.shape}, got {picture.shape}")
    difference = np.abs(picture - expected)
    if job.circle:
        difference[..., 0] = np.minimum(difference[..., 0], 360 - difference[..., 0])
    return float(difference.max())


def measure(job: Job, stage: Stage, rounds: int, entries: Sequence[Entry], deadline: float) -> dict[str, Any]:
    """Check and time the entries of a job, and the copy before and after them."""
    moved = job.moved * stage.pixels
    expected = np.asarray(job.expected(stage), float)
    rows = [attempt(job, entry, stage, rounds, expected, deadline) for entry in entries]
    floor = copying(stage, moved, rounds)
    for row in rows:
        if "ms" in row:
            row["of_copy"] = floor / row["ms"]
            row["gigabytes_a_second"] = moved / row["ms"] / 1e6
            row["megapixels_a_second"] = stage.pixels / row["ms"] / 1e3
    return {"title": job.title, "bytes_a_pixel": job.moved, "copy_ms": floor, "entries": rows}


def attempt(
    job: Job, entry: Entry, stage: Stage, rounds: int, expected: np.ndarray[Any, Any], deadline: float
) -> dict[str, Any]:
    """One entry: its error, its times, or why there are none."""
    row: dict[str, Any] = {"name": entry.name, "goal": entry.goal}
    if time.monotonic() > deadline:
        return {**row, "failed": "no time left"}
    try:
        begin = time.perf_counter()
        call = entry.make(stage)
        result = call(0)
        row["first_call_s"] = time.perf_counter() - begin
        if entry.checked:
            row["error"] = error_of(job, result, expected)
            if not row["error"] <= job.tolerance:
                return {**row, "failed": f"off by {row['error']:.3g}, more than {job.tolerance:.3g}"}
        del result
        times = milliseconds(stage.device, call, rounds)
    except Exception as error:  # noqa: BLE001 - whatever a peer raises, the others have their turn
        return {
            **row,
            "failed": f"{type(error).__name__}: {str(error).strip().splitlines()[0][:150] if str(error) else ''}",
        }
    quarters = statistics.quantiles(times, n=4) if len(times) > 1 else times * 3
    return {**row, "ms": statistics.median(times), "p25": quarters[0], "p75": quarters[2]}


# ---------------------------------------------------------------- the table


def render(report: dict[str, Any]) -> str:
    """The report in Markdown."""
    lines = [
        f"{report['date']}, {report['device']}, {report['versions']}, batches of {report['shape']}.",
        f"A copy of float32 moves {report['copy_gigabytes_a_second']:.0f} GB/s, read and written.",
        "",
        "| job | entry | ms | p25..p75 | GB/s | of the copy | goal | error |",
        "|---|---|--:|--:|--:|--:|--:|--:|",
    ]
    for job in report["jobs"]:
        title = f"{job['title']} ({job['bytes_a_pixel']:g} B/pixel)"
        for row in job["entries"]:
            lines.append(f"| {title} | {_cells(row)} |")
            title = ""
        lines.append(f"| | a copy of the bytes | {job['copy_ms']:.3f} | | | 100% | | |")
    goals = [row for job in report["jobs"] for row in job["entries"] if row["goal"]]
    hits = sum(row.get("of_copy", 0) >= row["goal"] for row in goals)
    failures = [
        f"- {row['name']}: {row['failed']}" for job in report["jobs"] for row in job["entries"] if "failed" in row
    ]
    return "\n".join([*lines, "", f"Goals hit: {hits} of {len(goals)}. {report['seconds']:.0f} s in all.", *failures])


def _cells(row: dict[str, Any]) -> str:
    goal = f"{row['goal']:.0%}" if row["goal"] else ""
    error = f"{row['error']:.1e}" if "error" in row else ""
    if "ms" not in row:
        return f"{row['name']} | failed | | | | {goal} | {error}"
    verdict = "" if not row["goal"] else " hit" if row["of_copy"] >= row["goal"] else " **MISS**"
    return (
        f"{row['name']} | {row['ms']:.3f} | {row['p25']:.3f}..{row['p75']:.3f} | {row['gigabytes_a_second']:.0f} "
        f"| {row['of_copy']:.0%} | {goal}{verdict} | {error}"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the table, and keep the figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=__doc__.partition("\n")[0])
    parser.add_argument("--only", default="", help="a regular expression, looked for in the jobs' titles")
    parser.add_argument("--json", type=Path, help="a file to keep the figures in")
    parser.add_argument("--seconds", type=float, default=440, help="no entry starts later than this")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--size", type=int, nargs=3, metavar=("BATCH", "HEIGHT", "WIDTH"), help="32 1080 1920 on CUDA")
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--eager", action="store_true", help="leave out what compiles")
    options = parser.parse_args(arguments)
    begin = time.monotonic()
    device = torch.device(options.device)
    stage = Stage(device, *(options.size or ((32, 1080, 1920) if device.type == "cuda" else (2, 48, 64))))
    amount = 24.0 * stage.pixels
    report: dict[str, Any] = {
        "date": f"{dt.datetime.now(dt.UTC):%Y-%m-%d %H:%M UTC}",
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU",
        "versions": ", ".join([f"python {platform.python_version()}", *map(_version, PACKAGES)]),
        "shape": f"{stage.batch}x3x{stage.height}x{stage.width}",
        "copy_gigabytes_a_second": amount / copying(stage, amount, options.rounds) / 1e6,
        "jobs": [],
    }
    for job in JOBS:
        if not re.search(options.only, job.title):
            continue
        entries = [entry for entry in job.entries if not (options.eager and entry.compiles)]
        print(f"{time.monotonic() - begin:5.0f} s  {job.title}", file=sys.stderr, flush=True)
        try:
            report["jobs"].append(measure(job, stage, options.rounds, entries, begin + options.seconds))
        except Exception as error:  # noqa: BLE001 - a job that breaks leaves the others their turn
            print(f"{job.title}: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
        if device.type == "cuda":
            torch.cuda.empty_cache()
        report["seconds"] = time.monotonic() - begin
        if options.json:  # after every job: a run that is stopped leaves what it has
            options.json.write_text(json.dumps(report, indent=1))
    report.setdefault("seconds", time.monotonic() - begin)
    print(render(report))
    return 0


def _version(name: str) -> str:
    try:
        return f"{name} {version(name)}"
    except PackageNotFoundError:
        return f"{name} not installed"


if __name__ == "__main__":
    sys.exit(main())
