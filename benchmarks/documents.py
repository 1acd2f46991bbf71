"""Layered documents beside psd-tools, on which they stand: build and save many layers, take one of many.

Run by themselves, `python -m benchmarks.documents`: a run takes seconds, too long for the rounds of the other jobs.
"""

from __future__ import annotations

import io
import statistics
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import aikit

from .pictures import cut_out

LAYERS, SIDE, ROUNDS = 8, 3000, 3


def layers(side: int, count: int = LAYERS) -> list[np.ndarray[Any, Any]]:
    """Smooth colors with the alpha of a cut-out: what layers are made of, and what PackBits is slowest on."""
    rows, columns = np.mgrid[0:side, 0:side] / side
    pictures = []
    for number in range(count):
        picture = cut_out(side, side, number)
        picture[..., 0], picture[..., 1] = rows * 255, columns * 255
        pictures.append(picture)
    return pictures


def build_with_aikit(pictures: list[np.ndarray[Any, Any]], path: Path) -> None:
    document = aikit.new_psd(height=pictures[0].shape[0], width=pictures[0].shape[1])
    for number, picture in enumerate(pictures):
        document.add(picture, name=f"Layer {number}")
    document.save(path)


def build_with_psd_tools(pictures: list[np.ndarray[Any, Any]], path: Path) -> None:
    from psd_tools import PSDImage

    document = PSDImage.new("RGB", pictures[0].shape[1::-1])
    for number, picture in enumerate(pictures):
        document.create_pixel_layer_from_array(picture, name=f"Layer {number}")
    document.save(path)


def one_layer_with_aikit(data: bytes) -> Any:
    return aikit.open_psd(data).layers[3].image()


def one_layer_with_psd_tools(data: bytes) -> Any:
    from psd_tools import PSDImage

    return np.asarray(PSDImage.open(io.BytesIO(data))[3].topil())


def all_layers_with_aikit(data: bytes) -> Any:
    return [layer.image() for layer in aikit.open_psd(data).layers]


def compare(entries: dict[str, Callable[[], Any]], rounds: int) -> dict[str, float]:
    """Seconds of each, the median of rounds in which they take turns."""
    seconds: dict[str, list[float]] = {name: [] for name in entries}
    for number in range(rounds):
        names = list(entries)
        for name in names[number % len(names) :] + names[: number % len(names)]:
            start = time.perf_counter()
            entries[name]()
            seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in seconds.items()}


def peak(call: Callable[[], Any]) -> int:
    """Bytes that Python and NumPy held at most, beyond what was there before."""
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def main(side: int = SIDE, rounds: int = ROUNDS) -> None:
    pictures = layers(side)
    with tempfile.TemporaryDirectory() as folder:
        ours, theirs = Path(folder, "ours.psd"), Path(folder, "theirs.psd")
        built = compare(
            {
                "aikit": lambda: build_with_aikit(pictures, ours),
                "psd-tools": lambda: build_with_psd_tools(pictures, theirs),
            },
            rounds,
        )
        data = ours.read_bytes()
    _report(f"{LAYERS} layers of {side}x{side}, built and saved", built, "psd-tools")
    taken = compare(
        {
            "aikit, one layer": lambda: one_layer_with_aikit(data),
            "psd-tools, one layer": lambda: one_layer_with_psd_tools(data),
            "aikit, all layers": lambda: all_layers_with_aikit(data),
        },
        max(rounds, 5),
    )
    _report(f"one of {LAYERS} layers of a {len(data) / 1e6:.0f} MB file", taken, "psd-tools, one layer")
    one, every = peak(lambda: one_layer_with_aikit(data)), peak(lambda: all_layers_with_aikit(data))
    print(
        f"  peak memory: one layer {one / 1e6:.0f} MB, all layers {every / 1e6:.0f} MB, the file {len(data) / 1e6:.0f} MB"
    )


def _report(title: str, seconds: dict[str, float], against: str) -> None:
    print(title)
    for name, value in seconds.items():
        print(f"  {name}: {value:.2f} s, {value / seconds[against]:.2f} x {against}")


if __name__ == "__main__":
    main()
