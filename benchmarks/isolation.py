"""What isolate=True costs: `python -m benchmarks.isolation` prints a Markdown table.

Wall-clock time, because the work is done in another process; both ways in turn, the ratio taken within each round.
Beside it the processor time of both processes together, which other programs disturb least.
"""

from __future__ import annotations

import datetime as dt
import io
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image

import aikit
from aikit import Limits, _worker

from .timing import quartiles, ratio

_ROUNDS = 100


def photograph(side: int) -> Image.Image:
    """Slopes, waves and a little noise: a JPEG of it has the size that a photograph's has."""
    row, column = np.mgrid[0:side, 0:side]
    noise = np.random.default_rng(side).normal(0, 6, (side, side, 3))
    color = np.stack([column * 256 / side, 128 + 127 * np.sin(column / 30), row * 256 / side], axis=-1)
    return Image.fromarray((color + noise).clip(0, 255).astype(np.uint8))


def encoded(side: int, kind: str) -> bytes:
    file = io.BytesIO()
    photograph(side).save(file, kind, quality=90)
    return file.getvalue()


def compare(
    read: Callable[..., Any], data: bytes, rounds: int, **options: Any
) -> tuple[float, tuple[float, ...], float]:
    """The median of the plain reader in seconds, the quartiles of isolated / plain, and the same of processor time."""
    times: list[dict[int, float]] = [{}, {}]
    work = [0.0, 0.0]
    for number in range(-3, rounds):  # three to warm up
        if not number:
            work, child = [0.0, 0.0], _childs_time()
        for isolate in (False, True):
            start, before = time.perf_counter(), time.process_time()
            read(data, isolate=isolate, **options)
            work[isolate] += time.process_time() - before
            times[isolate][number] = time.perf_counter() - start
    measured: list[dict[int, float]] = [{n: seconds for n, seconds in each.items() if n >= 0} for each in times]
    work[1] += _childs_time() - child
    return quartiles([*measured[0].values()])[1], ratio(measured[1], measured[0]), work[1] / work[0]


def _childs_time() -> float:
    return float(_worker.call("time:process_time", subject="benchmark"))


def main() -> None:
    cases = [
        ("read_pil", "JPEG", 256, {}),
        ("read_pil", "JPEG", 1024, {}),
        ("read_pil, Limits()", "JPEG", 1024, {"limits": Limits()}),
        ("read_numpy", "JPEG", 1024, {}),
        ("read_pil", "PNG", 1024, {}),
        ("read_pil", "JPEG", 4000, {}),
    ]
    print(f"{dt.datetime.now(dt.UTC):%Y-%m-%d}, wall clock, medians, p25..p75 of the ratio.\n")
    print("| reader | file | plain, ms | isolated / plain | processor time |\n|---|---|--:|--:|--:|")
    for name, kind, side, options in cases:
        read = getattr(aikit, name.partition(",")[0])
        rounds = _ROUNDS if side < 2000 else _ROUNDS // 5
        plain, (low, middle, high), work = compare(read, encoded(side, kind), rounds, **options)
        print(
            f"| {name} | {kind} {side}x{side} | {plain * 1e3:.2f} | **{middle:.2f}** ({low:.2f}..{high:.2f}) | {work:.2f} |"
        )
    start = time.perf_counter()
    worker = _worker.Worker(_worker.search_path())
    worker.load("aikit._raster.apart:_decoded")
    print(f"\nThe first call starts a child, which took {time.perf_counter() - start:.2f} s.")
    worker.close()


if __name__ == "__main__":
    main()
