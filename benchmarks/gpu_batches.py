"""Batches to and from CUDA, by the clock on the wall: `python -m benchmarks.gpu_batches` prints a Markdown table.

Whole calls, host and device together, since that is what a training loop waits for. `--device cpu` tries the script.
"""

from __future__ import annotations

import argparse
import datetime as dt
import io
import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torchvision.transforms import functional as v1

import aikit

from .pictures import noise, on_white, pil

_COUNT, _SIDE = 64, 512
_MEAN, _STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


def milliseconds(work: Callable[[], Any], device: str, rounds: int = 15) -> float:
    """The median time of one call until its result is there."""
    wait = torch.cuda.synchronize if device.startswith("cuda") else lambda: None
    times = []
    for _ in range(rounds + 3):
        start = time.perf_counter()
        work()
        wait()
        times.append(1000 * (time.perf_counter() - start))
    return statistics.median(times[3:])


def jobs(device: str) -> list[tuple[str, dict[str, Callable[[], Any]]]]:
    arrays = [noise(_SIDE, _SIDE, 3, seed) for seed in range(_COUNT)]
    pictures = [pil(array) for array in arrays]
    floats = torch.rand(_COUNT, 3, _SIDE, _SIDE, device=device)
    codes = (floats * 255).to(torch.uint8)
    files = [_jpeg(seed) for seed in range(_COUNT)]
    reading = {"device": device, "dtype": "uint8"}
    chunks = [arrays[at : at + 8] for at in range(0, _COUNT, 8)]
    return [
        (
            f"{_COUNT} PIL pictures of {_SIDE}x{_SIDE} to float32 on the device",
            {
                "aikit stack": lambda: aikit.stack(pictures, device=device),
                "torchvision to_tensor, torch.stack, to": lambda: torch.stack([v1.to_tensor(p) for p in pictures]).to(
                    device
                ),
            },
        ),
        (
            "the batch back to uint8 arrays",
            {
                "aikit unstack": lambda: aikit.unstack(floats),
                "torch permute, cpu, mul, round, clamp, to": lambda: list(
                    (floats.permute(0, 2, 3, 1).cpu() * 255).round().clamp(0, 255).to(torch.uint8).numpy()
                ),
            },
        ),
        (
            "normalize uint8 on the device",
            {
                "aikit normalize": lambda: aikit.normalize(codes, mean=_MEAN, std=_STD),
                "torchvision normalize(float / 255)": lambda: v1.normalize(codes.float() / 255, _MEAN, _STD),
            },
        ),
        (
            f"{_COUNT} JPEG files of {_SIDE}x{_SIDE} to uint8 on the device",
            {
                "aikit read_batch, auto": lambda: aikit.read_batch(files, **reading),
                "aikit read_batch, cpu": lambda: aikit.read_batch(files, decoder="cpu", **reading),
            },
        ),
        (
            f"{len(chunks)} batches of 8 through a network's worth of work",
            {
                "aikit prefetch": lambda: _train(
                    aikit.prefetch([partial(aikit.stack, chunk, device=device) for chunk in chunks], device)
                ),
                "one after the other": lambda: _train(aikit.stack(chunk, device=device) for chunk in chunks),
            },
        ),
    ]


def _jpeg(seed: int) -> bytes:
    file = io.BytesIO()
    pil(on_white(_SIDE, _SIDE, seed)).save(file, "jpeg", quality=90)
    return file.getvalue()


def _train(batches: Any) -> None:
    kernel = torch.ones(3, 3, 5, 5)
    for batch in batches:
        kernel = kernel.to(batch.device)
        for _ in range(4):
            batch = torch.nn.functional.conv2d(batch, kernel, padding=2)
        batch.mean().item()


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu_batches", description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda")
    device = parser.parse_args().device
    name = torch.cuda.get_device_name(device) if device.startswith("cuda") else device
    print(f"{dt.datetime.now(dt.UTC):%Y-%m-%d}, {name}, torch {torch.__version__}, medians by the clock on the wall.\n")
    print("| job | entry | ms | to the first |\n|---|---|--:|--:|")
    for title, contestants in jobs(device):
        first = None
        for entry, work in contestants.items():
            spent = milliseconds(work, device)
            first = first or spent
            print(f"| {title} | {entry} | {spent:.2f} | {spent / first:.2f} |")


if __name__ == "__main__":
    main()
