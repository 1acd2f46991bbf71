"""Whole folders beside what people write themselves: `python -m benchmarks.folders --number 2000` prints a table.

Photographs of 2000 x 1333 pixels become 500 pixels wide, as JPEG and as WebP of quality 80. Every way runs in an
interpreter of its own, with as many threads as there are processors, and writes its results to disk; the ways take
turns, and ratios are taken within a round. On a busy machine the ratio of CPU
times is the steadier one. Peaks are those of the whole process.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import statistics
import subprocess
import sys
import tempfile
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


def measure(way: str, src: Path, to: str, cores: int) -> tuple[float, float, float] | None:
    """Seconds by the clock and of processors, and the peak in MB; None where the package is missing."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-c", _HEAD + _WAYS[way] + _TAIL, str(src), f"{folder}/out", to, str(cores)]
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1] / "src")}
        done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
        if done.returncode:
            print(f"{way} does not run here: {(done.stderr.strip().splitlines() or ['?'])[-1]}\n")
            return None
        seconds, busy, peak = map(float, done.stdout.split())
        return seconds, busy, peak * 1024 / 1e6


def compare(src: Path, to: str, number: int, rounds: int, cores: int) -> None:
    """One table."""
    found: dict[str, list[tuple[float, float, float]]] = {way: [] for way in _WAYS}
    for _ in range(rounds):
        for way in [*found]:
            result = measure(way, src, to, cores)
            if result is None:
                del found[way]
            else:
                found[way].append(result)
    print(
        f"| {number} JPEGs to {to} | images a second | aikit is so many times as fast | the same in CPU time | peak MB |"
    )
    print("| --- | ---: | ---: | ---: | ---: |")
    for way, results in found.items():
        rate = number / statistics.median(seconds for seconds, _, _ in results)
        ratios = [_times(results, found["aikit"], kind) for kind in (0, 1)]
        print(f"| {way} | {rate:.0f} | {' | '.join(ratios)} | {max(peak for _, _, peak in results):.0f} |")
    print()


def _times(theirs: list[tuple[float, float, float]], ours: list[tuple[float, float, float]], kind: int) -> str:
    """How many times as long they take, round by round."""
    ratios = sorted(their[kind] / our[kind] for their, our in zip(theirs, ours, strict=True))
    return f"{statistics.median(ratios):.2f} ({ratios[0]:.2f}..{ratios[-1]:.2f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--number", type=int, default=2000, metavar="N", help="photographs (default: 2000)")
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="turns of each way (default: 3)")
    options = parser.parse_args()
    cores = os.cpu_count() or 1
    print(f"{dt.datetime.now(dt.UTC):%Y-%m-%d}, {cores} processors, wall clock, medians of {options.rounds} rounds.\n")
    with tempfile.TemporaryDirectory() as folder:
        photographs(Path(folder), options.number)
        for to in ("jpg", "webp"):
            compare(Path(folder), to, options.number, options.rounds, cores)


if __name__ == "__main__":
    main()
