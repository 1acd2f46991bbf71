"""What the figures were taken on."""

from __future__ import annotations

import datetime as dt
import os
import platform
import time
from collections.abc import Callable
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = (
    *("aikit", "numpy", "pillow", "opencv-python-headless", "torch", "torchvision", "kornia", "diffusers"),
    *("scikit-image", "colour-science", "pymatting", "pyvips", "psd-tools", "cairosvg", "resvg_py"),
)


def describe() -> dict[str, str]:
    return {
        "date": dt.datetime.now(dt.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "processor": f"{_processor()}, {os.cpu_count()} cores, last-level cache {last_level_cache() >> 20} MiB",
        "system": platform.platform(),
        "versions": ", ".join([f"python {platform.python_version()}", *(_version(name) for name in PACKAGES)]),
    }


@lru_cache(maxsize=1)
def last_level_cache() -> int:
    """Bytes; 32 MB where the system does not say."""
    sizes = Path("/sys/devices/system/cpu/cpu0/cache").glob("index*/size")
    return max((int(path.read_text().strip().rstrip("K")) * 1024 for path in sizes), default=32 << 20)


class Others:
    """How much of the machine other programs use while this one measures; `clock` gives its processor time."""

    def __init__(self, clock: Callable[[], float] = time.process_time) -> None:
        self._clock = clock
        self._start = self._now()

    def share(self) -> float | None:
        """Their share of all cores' time since the start; None where the system does not say."""
        if self._start is None or (now := self._now()) is None:
            return None
        busy, total, own = (end - begin for begin, end in zip(self._start, now, strict=True))
        return max(0.0, busy - own) / max(total, 1e-9)

    def _now(self) -> tuple[float, float, float] | None:
        try:
            line = Path("/proc/stat").read_text().splitlines()[0]
        except OSError:
            return None
        user, nice, system, idle, waiting, *rest = (int(part) / os.sysconf("SC_CLK_TCK") for part in line.split()[1:9])
        busy = user + nice + system + sum(rest)  # interrupts, and what the host gave to other machines
        return busy, busy + idle + waiting, self._clock()


def time_of_children() -> float:
    """Processor time of this process and of those it started that have ended."""
    return sum(os.times()[:4])


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def _version(name: str) -> str:
    try:
        return f"{name} {version(name)}"
    except PackageNotFoundError:
        return f"{name} not installed"
