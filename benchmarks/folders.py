"""Whole folders beside what people write themselves: `python -m benchmarks.folders` prints a table.

Photographs of 2000 x 1333 pixels become 500 pixels wide, as JPEG and as WebP of quality 80, with the subsampling and
the effort that all encoders have by themselves. Every way runs in an interpreter of its own, with as many threads as
there are processors, and writes its results to disk; aikit alone syncs them. The ways take turns, and ratios are taken
within a round. On a busy machine the ratio of processor times is the steadier one. Peaks are those of the whole process.

`--memory 20000` prints instead how much memory is resident after 1000 of so many small files and later.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

_PIXELS = (1333, 2000)
_WIDTH = 500

_HEAD = """
import sys, time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
src, out, to, cores = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], int(sys.argv[4])
def each(convert):
    with ThreadPoolExecutor(cores) as pool:
        for _ in pool.map(convert, [src] if src.is_file() else sorted(src.iterdir())):
            pass
"""
_TAIL = """
# Imports cost the same for one picture as for a million.
src, all_of_it = min(src.iterdir()), src
out, true_out = out.with_name("warm"), out
out.mkdir()
run()
src, out = all_of_it, true_out
out.mkdir()
started, busy = time.perf_counter(), time.process_time()
run()
seconds, busy = time.perf_counter() - started, time.process_time() - busy
# getrusage would tell the peak of the process that started this one, where that is higher.
status = Path("/proc/self/status").read_text()
print(seconds, busy, status.split("VmHWM:")[1].split()[0])
"""
_WAYS = {
    "aikit": """
from aikit import Recipe, convert_folder
def run():
    report = convert_folder(src, out, Recipe([("resize", {"width": 500})], to=to, quality=80), workers=cores)
    assert report.failed == 0, report.failures
""",
    "Pillow": """
from PIL import Image
def convert(path):
    picture = Image.open(path)
    picture.resize((500, 333), Image.Resampling.LANCZOS).save(out / f"{path.stem}.{to}", quality=80)
def run():
    each(convert)
""",
    "Pillow, draft": """
from PIL import Image
def convert(path):
    picture = Image.open(path)
    picture.thumbnail((500, 500), Image.Resampling.LANCZOS, reducing_gap=2.0)
    picture.save(out / f"{path.stem}.{to}", quality=80)
def run():
    each(convert)
""",
    "OpenCV": """
import cv2
cv2.setNumThreads(1)
def convert(path):
    picture = cv2.resize(cv2.imread(str(path)), (500, 333), interpolation=cv2.INTER_AREA)
    kind = cv2.IMWRITE_JPEG_QUALITY if to == "jpg" else cv2.IMWRITE_WEBP_QUALITY
    cv2.imwrite(str(out / f"{path.stem}.{to}"), picture, [kind, 80])
def run():
    each(convert)
""",
    "pyvips": """
import os
os.environ["VIPS_CONCURRENCY"] = "1"
import pyvips
def convert(path):
    picture = pyvips.Image.thumbnail_buffer(path.read_bytes(), 500)
    picture.write_to_file(str(out / f"{path.stem}.{to}"), Q=80)
def run():
    each(convert)
""",
}


def photographs(folder: Path, number: int) -> None:
    """JPEGs as heavy as a camera's: twelve different ones, and links to them."""
    from PIL import Image

    row, column = np.mgrid[0 : _PIXELS[0], 0 : _PIXELS[1]].astype(np.float32)
    for at in range(min(number, 12)):
        noise = np.random.default_rng(at).normal(0, 9, (*_PIXELS, 3))
        shapes = np.stack([128 + 90 * np.sin(row / (20 + at + k) + column / (31 - k)) for k in range(3)], axis=-1)
        Image.fromarray((shapes + noise).clip(0, 255).astype(np.uint8)).save(folder / f"{at:06}.jpg", quality=90)
    for at in range(12, number):
        os.link(folder / f"{at % 12:06}.jpg", folder / f"{at:06}.jpg")


@dataclass(frozen=True)
class Row:
    """What one way did to all photographs; `faster` says how many times as long it took as aikit did, in each round.

    Attributes:
        to: the format written.
        way: who wrote it.
        rate: photographs a second, the median.
        busy: milliseconds of processor time a photograph, the median.
        faster: of the clock's seconds.
        cheaper: of the processors' seconds.
        peak: MB.
    """

    to: str
    way: str
    rate: float
    busy: float
    faster: list[float]
    cheaper: list[float]
    peak: float

    def __str__(self) -> str:
        figures = (
            f"{self.rate:.0f} | {self.busy:.1f} | {_spread(self.faster)} | {_spread(self.cheaper)} | {self.peak:.0f}"
        )
        return f"| {self.to} | {self.way} | {figures} |"


_COLUMNS = (
    "| to | way | images a second | processor ms an image | aikit is so many times as fast | in processor time | peak MB |\n"
    "| --- | --- | ---: | ---: | ---: | ---: | ---: |"
)


def _spread(ratios: list[float]) -> str:
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f}..{max(ratios):.2f})"


def compare(number: int, rounds: int) -> list[Row]:
    """Every way to both formats; ways whose package is missing are left out."""
    with tempfile.TemporaryDirectory() as folder:
        photographs(Path(folder), number)
        return [row for to in ("jpg", "webp") for row in _rows(Path(folder), to, number, rounds)]


def turns(src: Path, to: str, rounds: int) -> dict[str, list[tuple[float, float, float]]]:
    """For every way that runs here, each round's seconds by the clock and of processors, and its peak in MB."""
    found: dict[str, list[tuple[float, float, float]]] = {way: [] for way in _WAYS}
    for _ in range(rounds):
        for way in [*found]:
            result = _measure(way, src, to, os.cpu_count() or 1)
            if result is None:
                del found[way]
            else:
                found[way].append(result)
    return found


def _rows(src: Path, to: str, number: int, rounds: int) -> list[Row]:
    found = turns(src, to, rounds)
    ours = found["aikit"]
    return [
        Row(
            to,
            way,
            number / statistics.median(seconds for seconds, _, _ in results),
            statistics.median(busy for _, busy, _ in results) / number * 1e3,
            [their[0] / our[0] for their, our in zip(results, ours, strict=True)],
            [their[1] / our[1] for their, our in zip(results, ours, strict=True)],
            max(peak for _, _, peak in results),
        )
        for way, results in found.items()
    ]


def _measure(way: str, src: Path, to: str, cores: int) -> tuple[float, float, float] | None:
    """Seconds by the clock and of processors, and the peak in MB; None where the package is missing."""
    with tempfile.TemporaryDirectory() as folder:
        done = _python(_HEAD + _WAYS[way] + _TAIL, str(src), f"{folder}/out", to, str(cores))
        if done.returncode:
            print(f"{way} does not run here: {(done.stderr.strip().splitlines() or ['?'])[-1]}\n")
            return None
        seconds, busy, peak = map(float, done.stdout.split())
        return seconds, busy, peak * 1024 / 1e6


def _python(*command: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1] / "src")}
    return subprocess.run(
        [sys.executable, "-c", *command], capture_output=True, text=True, env=environment, check=False
    )


# ---------------------------------------------------------------- memory

_RESIDENT = """
import json, os, sys
from aikit import Recipe, convert_folder
marks, found = json.loads(sys.argv[3]), {}
def look(report, total):
    if report.done in marks:
        with open("/proc/self/statm") as file:
            found[report.done] = int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
report = convert_folder(sys.argv[1], sys.argv[2], Recipe([("resize", {"width": 32})], to="jpg"), progress=look)
assert report.failed == 0, report.failures
print(json.dumps(found))
"""


def resident(number: int) -> dict[int, float]:
    """MB that are resident after so many of `number` pictures of 64 x 64 pixels."""
    from PIL import Image

    marks = [mark for mark in (1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000) if mark <= number]
    with tempfile.TemporaryDirectory() as folder:
        src = Path(folder, "in")
        src.mkdir()
        for at in range(number):
            path = src / f"{at // 1000}" / f"{at:06}.jpg"
            path.parent.mkdir(exist_ok=True)
            if at < 100:
                noise = np.random.default_rng(at).integers(0, 256, (64, 64, 3), np.uint8)
                Image.fromarray(noise).save(path)
            else:
                os.link(src / "0" / f"{at % 100:06}.jpg", path)
        done = _python(_RESIDENT, str(src), f"{folder}/out", json.dumps(marks))
    if done.returncode:
        raise RuntimeError(done.stderr)
    return {int(mark): size / 1e6 for mark, size in json.loads(done.stdout).items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--number", type=int, default=2000, metavar="N", help="photographs (default: 2000)")
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="turns of each way (default: 3)")
    parser.add_argument("--memory", type=int, metavar="N", help="instead, resident memory over so many small files")
    options = parser.parse_args()
    print(f"{dt.datetime.now(dt.UTC):%Y-%m-%d}, {os.cpu_count()} processors.\n")
    if options.memory:
        print("| files | resident MB |\n| ---: | ---: |")
        for files, size in resident(options.memory).items():
            print(f"| {files} | {size:.1f} |")
        return
    print(f"{options.number} photographs, medians of {options.rounds} rounds.\n\n{_COLUMNS}")
    for row in compare(options.number, options.rounds):
        print(row)


if __name__ == "__main__":
    main()
