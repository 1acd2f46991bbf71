"""Batches to and from a CUDA card, by the clock on the wall: whole calls, since that is what a training loop waits for.

Without a card the tests run them on the CPU, and `make bench` leaves them out.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch

import aikit

from ..pictures import jpeg, noise, pil
from ..timing import Contest
from .registry import job, size_at

_COUNT, _SIDE = 64, 512
_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def _device() -> str:
    return "cuda" if torch.cuda.is_available() else "cpu"


def _amount(scale: float) -> tuple[int, int]:
    return max(2, round(_COUNT * scale)), size_at(scale, _SIDE, _SIDE)[0]


def _awaited(work: Callable[[], Any]) -> Callable[[int], Any]:
    """The call until its result is there, on the host so that results can be compared."""

    def call(at: int) -> Any:
        result = work()
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        return result

    return call


@job("64 PIL pictures to float32 on the device, 512x512")
def to_device(scale: float) -> Contest:
    import torchvision.transforms.functional as v1

    count, side = _amount(scale)
    pictures = [pil(noise(side, side, 3, seed)) for seed in range(count)]
    return Contest(
        {
            "aikit stack": _awaited(lambda: aikit.stack(pictures, device=_device())),
            "torchvision to_tensor, torch.stack, to": _awaited(
                lambda: torch.stack([v1.to_tensor(picture) for picture in pictures]).to(_device())
            ),
        },
        count * side * side * 16,
        1,
        tolerance=1e-6,
    )


@job("a batch of 64 on the device to uint8 arrays, 512x512")
def from_device(scale: float) -> Contest:
    count, side = _amount(scale)
    floats = torch.rand(count, 3, side, side, device=_device())

    def by_hand() -> Any:
        codes = (floats.permute(0, 2, 3, 1).cpu() * 255).round().clamp(0, 255).to(torch.uint8)
        return list(codes.numpy())

    return Contest(
        {
            "aikit unstack": _awaited(lambda: aikit.unstack(floats)),
            "torch permute, cpu, mul, round, clamp, to": _awaited(by_hand),
        },
        count * side * side * 15,
        1,
    )


@job("64 JPEG files to uint8 on the device, 512x512")
def read_batch(scale: float) -> Contest:
    count, side = _amount(scale)
    files = [jpeg(side, side, seed) for seed in range(count)]
    return Contest(
        {
            f"aikit read_batch, {decoder}": _awaited(
                partial(aikit.read_batch, files, decoder=decoder, device=_device(), dtype="uint8")
            )
            for decoder in ("auto", "cpu")
        },
        count * side * side * 6,
        1,
        tolerance=4,  # the card has a decoder of its own
    )


@job("prefetch 8 batches of 8 to the device, 512x512")
def prefetched(scale: float) -> Contest:
    count, side = _amount(scale)
    arrays = [noise(side, side, 3, seed) for seed in range(count)]
    chunks = [arrays[at : at + 8] for at in range(0, count, 8)]
    loads = [partial(aikit.stack, chunk, device=_device()) for chunk in chunks]
    return Contest(
        {
            "aikit prefetch": _awaited(lambda: _trained(aikit.batch.prefetch(loads, _device()))),
            "one after the other": _awaited(lambda: _trained(load() for load in loads)),
        },
        count * side * side * 15,
        1,
        tolerance=1e-3,
    )


def _trained(batches: Any) -> list[float]:
    kernel = torch.ones(3, 3, 5, 5)
    means = []
    for batch in batches:
        kernel = kernel.to(batch.device)
        for _ in range(4):
            batch = torch.nn.functional.conv2d(batch, kernel, padding=2) / 75
        means.append(batch.mean().item())
    return [*means, 0.0]
