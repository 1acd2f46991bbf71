"""make fuzz ARGS='--seconds 3600 --seed 7': mutated files of every raster format, for as long as you like.

Whatever a reader does wrong is printed with its seed and number, and the file is saved.
"""

import argparse
import itertools
import sys
import time
from pathlib import Path

from aikit import map_supervised

from .judge import judge
from .mutations import mutated


def main():
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=time.time_ns() % 10**9)
    parser.add_argument("--start", type=int, default=0, help="the number of the first file")
    parser.add_argument("--workers", type=int)
    parser.add_argument("--save", type=Path, default=Path("fuzz-findings"))
    options = parser.parse_args()
    end, found, number = time.monotonic() + options.seconds, 0, 0
    cases = ((options.seed, number) for number in itertools.count(options.start))
    for (seed, number), complaints, error in map_supervised(judge, cases, workers=options.workers, timeout=60):
        wrong = complaints if error is None else [f"{type(error).__name__}: {error}"]
        if wrong:
            found += 1
            name, data = mutated(seed, number)
            options.save.mkdir(exist_ok=True)
            (options.save / f"{name}-{seed}-{number}").write_bytes(data)
            print(f"seed {seed}, number {number} ({name}, {len(data)} bytes):", *wrong, sep="\n  ", flush=True)  # noqa: T201
        if time.monotonic() > end:
            break
    print(f"seed {options.seed}: {number - options.start + 1} files, {found} found wanting")  # noqa: T201
    return found > 0


if __name__ == "__main__":
    sys.exit(main())
