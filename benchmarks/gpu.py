"""What runs on CUDA today: `python -m benchmarks.gpu` prints a Markdown table, beside torch and a copy.

Times are medians of device events after a warm-up; inputs rotate through buffers larger than the level-2 cache.
"""

from __future__ import annotations

import datetime as dt
import statistics
from collections.abc import Callable

import torch
import torch.nn.functional as functional

import aikit

_BATCH, _HEIGHT, _WIDTH, _BUFFERS = 8, 1080, 1920, 3


def milliseconds(work: Callable[[int], object], rounds: int = 20) -> float:
    """The median time of one call on the device."""
    for index in range(_BUFFERS):
        work(index)
    times = []
    for index in range(rounds):
        start, stop = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        start.record()
        work(index % _BUFFERS)
        stop.record()
        stop.synchronize()
        times.append(start.elapsed_time(stop))
    return statistics.median(times)


def jobs() -> list[tuple[str, float, dict[str, Callable[[int], object]]]]:
    """Title, bytes to read and write, contestants."""
    shape = (_BATCH, 3, _HEIGHT, _WIDTH)
    codes = [torch.randint(0, 256, shape, dtype=torch.uint8, device="cuda") for _ in range(_BUFFERS)]
    hwc = [batch.permute(0, 2, 3, 1).contiguous() for batch in codes]
    floats = [batch.float() / 255 for batch in codes]
    rgba = [torch.cat([batch, batch[:, :1]], 1) for batch in floats]
    pixels = _BATCH * _HEIGHT * _WIDTH
    half = {"size": (_HEIGHT // 2, _WIDTH // 2), "antialias": True}
    return [
        (
            "uint8 NHWC to float32 NCHW",
            15 * pixels,
            {
                "aikit to_tensor": lambda i: aikit.to_tensor(hwc[i], layout="HWC"),
                "torch permute.contiguous().float()/255": lambda i: (
                    hwc[i].permute(0, 3, 1, 2).contiguous().float() / 255
                ),
            },
        ),
        (
            "float32 NCHW to uint8 NCHW",
            15 * pixels,
            {
                "aikit to_tensor": lambda i: aikit.to_tensor(floats[i], dtype="uint8"),
                "torch mul, round, clamp, to": lambda i: floats[i].mul(255).round().clamp(0, 255).to(torch.uint8),
            },
        ),
        ("RGB to Lab", 24 * pixels, {"aikit rgb_to_lab": lambda i: aikit.rgb_to_lab(floats[i])}),
        ("RGB to HSV", 24 * pixels, {"aikit rgb_to_hsv": lambda i: aikit.rgb_to_hsv(floats[i])}),
        ("flatten RGBA over white", 28 * pixels, {"aikit flatten": lambda i: aikit.flatten(rgba[i])}),
        (
            "resize to half, Lanczos",
            15 * pixels,
            {
                "aikit resize": lambda i: aikit.resize(floats[i], scale=0.5),
                "torch interpolate, bicubic": lambda i: functional.interpolate(floats[i], mode="bicubic", **half),
            },
        ),
    ]


def main() -> None:
    """Print the table."""
    card = torch.cuda.get_device_name()
    print(
        f"{dt.datetime.now(dt.UTC):%Y-%m-%d}, {card}, torch {torch.__version__}, {_BATCH}x3x{_HEIGHT}x{_WIDTH}, eager.\n"
    )
    print("| job | entry | ms | to the copy |\n|---|---|--:|--:|")
    for title, moved, contestants in jobs():
        source = [torch.empty(int(moved) // 2, dtype=torch.uint8, device="cuda") for _ in range(_BUFFERS)]
        target = torch.empty_like(source[0])
        floor = milliseconds(lambda i: target.copy_(source[i]))  # noqa: B023
        for name, work in {**contestants, "a copy of the bytes": lambda i: target.copy_(source[i])}.items():  # noqa: B023
            spent = milliseconds(work)
            print(f"| {title} | {name} | {spent:.3f} | {spent / floor:.1f} |")


if __name__ == "__main__":
    main()
