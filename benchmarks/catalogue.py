"""How fast a catalogue is filled and answers: python -m benchmarks.catalogue, ten minutes.

Processor time is that of this process and its children; pass --files and --rows for smaller runs, and --database for
the address of a server, whose own time is not counted.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd

import aikit
from aikit.catalog import Catalog, open_catalog

from .machine import describe

WRITERS = """
import sys
from aikit.catalog import open_catalog
with open_catalog(sys.argv[1]) as catalog:
    row = catalog.get(sys.argv[2])
    for number in range(50):
        catalog.tag(row, f"{sys.argv[3]}-{number}")
"""


def processor_seconds() -> float:
    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in both)


@contextlib.contextmanager
def timed(what: str, count: int) -> Iterator[None]:
    """Print what a number of rows took."""
    wall, cpu = time.perf_counter(), processor_seconds()
    yield
    wall, cpu = time.perf_counter() - wall, processor_seconds() - cpu
    print(f"| {what} | {count:,} | {wall:.1f} | {cpu:.1f} | {count / wall:,.0f} |", flush=True)


def median_of(call: Callable[[int], object], times: int) -> tuple[float, float]:
    """The medians of so many calls, in milliseconds of the clock and of the processor; each gets its number."""
    walls, cpus = [], []
    for number in range(times):
        wall, cpu = time.perf_counter(), time.process_time()
        call(number)
        walls.append(1000 * (time.perf_counter() - wall))
        cpus.append(1000 * (time.process_time() - cpu))
    return statistics.median(walls), statistics.median(cpus)


def make_files(folder: Path, count: int) -> None:
    """So many pictures of 8x8 pixels, each different, a thousand in a folder."""
    rng = np.random.default_rng(0)
    for number in range(count):
        if number % 1000 == 0:
            part = folder / f"{number // 1000:04}"
            part.mkdir(parents=True)
        pixels = rng.integers(0, 256, (8, 8, 3), np.uint8)
        (part / f"{number:07}.png").write_bytes(aikit.encode(pixels, "png", effort=1))


def scan(catalog: Catalog, place: Path, count: int) -> None:
    folder, moved = place / "files", place / "moved"
    make_files(folder, count)
    print("\n| scan | files | seconds | processor | files a second |\n|---|---|---|---|---|")
    with timed("new files", count):
        assert catalog.scan(folder).done == count
    with timed("as they were", count):
        assert catalog.scan(folder).skipped == count
    folder.rename(moved)
    with timed("moved: known by their bytes", count):
        assert catalog.scan(moved).known == count


def fill(catalog: Catalog, count: int, part: int = 50_000) -> None:
    """So many rows of files that nobody has to have."""
    rng = np.random.default_rng(1)
    print("\n| insert_frame | rows | seconds | processor | rows a second |\n|---|---|---|---|---|")
    with timed(f"in parts of {part:,}", count):
        for begin in range(0, count, part):
            numbers = range(begin, min(begin + part, count))
            size = len(numbers)
            catalog.insert_frame(
                pd.DataFrame(
                    {
                        "path": [f"/photos/{number // 1000:04}/{number:07}.jpg" for number in numbers],
                        "digest": [f"{number:064x}" for number in numbers],
                        "bytes": rng.integers(10_000, 9_000_000, size),
                        "mtime_ns": rng.integers(1 << 60, 1 << 61, size),
                        "format": "jpeg",
                        "width": rng.integers(100, 8000, size),
                        "height": rng.integers(100, 8000, size),
                        "picture_hash": rng.integers(-(2**63), 2**63 - 1, size),
                        "transparent": rng.random(size) < 0.1,
                        "status": np.where(rng.random(size) < 0.01, "failed", "done"),
                    }
                )
            )


def ask(catalog: Catalog, count: int) -> None:
    """What questions take of a catalogue with so many rows."""
    from aikit.catalog.find import page

    rng = np.random.default_rng(2)
    numbers = rng.integers(0, count, 500).tolist()
    rows = [f"/photos/{number // 1000:04}/{number:07}.jpg" for number in numbers]
    hashes = [row.picture_hash for row in (catalog.get(path) for path in rows[:50]) if row is not None]
    print(f"\n| {count:,} rows, medians | milliseconds | processor |\n|---|---|---|")

    def tell(what: str, took: tuple[float, float]) -> None:
        print(f"| {what} | {took[0]:.2f} | {took[1]:.2f} |", flush=True)

    tell("`get(path)`, by key", median_of(lambda number: catalog.get(rows[number]), 500))
    last = catalog.sql("SELECT max(id) AS last FROM file")[0]["last"]
    starts = rng.integers(last - count, last - 600, 200).tolist()
    tell("a page of 100 by keyset, anywhere", median_of(lambda n: page(catalog._database, (), starts[n], 100), 200))
    tell("a page of 500 by keyset, anywhere", median_of(lambda n: page(catalog._database, (), starts[n], 500), 50))
    offset = "SELECT path FROM file ORDER BY id LIMIT 100 OFFSET :skipped"
    tell(
        "for comparison, 100 paths by OFFSET from the middle",
        median_of(lambda _: catalog.sql(offset, skipped=count // 2), 5),
    )
    tell('the first of `find(status="failed")`', median_of(lambda _: next(catalog.find(status="failed")), 20))
    tell("`find(near=)`, the first time", median_of(lambda _: list(catalog.find(near=hashes[0], distance=6)), 1))
    tell("`find(near=)`, then", median_of(lambda n: list(catalog.find(near=hashes[n], distance=6)), 50))
    tell(
        "`sql`, GROUP BY status",
        median_of(lambda _: catalog.sql("SELECT status, count(*) AS n FROM file GROUP BY status"), 5),
    )
    tell("`stats()`", median_of(lambda _: catalog.stats(), 3))
    tell("`duplicates(distance=3)`", median_of(lambda _: sum(1 for _ in catalog.duplicates(distance=3)), 1))


def write_at_once(address: str, catalog: Catalog) -> None:
    path = next(catalog.find()).path
    environment = {**os.environ, "PYTHONPATH": str(Path(aikit.__file__).parents[1])}
    begun = time.perf_counter()
    children = [
        subprocess.Popen([sys.executable, "-c", WRITERS, address, path, str(number)], env=environment)
        for number in range(8)
    ]
    assert [child.wait() for child in children] == [0] * 8
    took = time.perf_counter() - begun
    row = catalog.get(path)
    assert row is not None
    print(f"\n8 processes, 50 transactions each: {len(row.tags)} of 400 rows in {took:.1f} s, their start included.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--database", help="the address of an empty database, instead of SQLite")
    options = parser.parse_args()
    print(describe())
    with tempfile.TemporaryDirectory() as place:
        address = options.database or os.path.join(place, "pictures.sqlite")
        with open_catalog(address) as catalog:
            scan(catalog, Path(place), options.files)
            fill(catalog, options.rows)
            ask(catalog, options.rows)
            write_at_once(address, catalog)
        if options.database is None:
            print(f"\nThe file: {os.path.getsize(address) / 1e6:,.0f} MB.")


if __name__ == "__main__":
    main()
