"""How much memory is in use, now and at most."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..device.choice import existing_device
from ..device.host import host_memory
from ..device.sizes import format_size
from . import allocator

if TYPE_CHECKING:
    import torch

__all__ = ["MemoryReport", "TrackedMemory", "memory_report", "track_memory"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryReport:
    """The memory of one device, in bytes; None where the system does not tell. `str()` of it is one line.

    Attributes:
        device: "cuda:0", "cpu".
        total: all there is; on the CPU at most the container's limit.
        free: what no process has taken.
        used: what this process's live tensors hold; on the CPU, all that the process holds (resident memory).
        cached: what torch keeps for later tensors, beside what is used; 0 on the CPU.
        fragmented: the part of `cached` that `free_memory` cannot give back, because live tensors share its blocks.
        peak: the most that was used since the process began, or since a `track_memory` began.
        available: what new tensors may take: free, and cached but for the fragments.
        limit: the control group's limit on the CPU, else None.
    """

    device: str
    total: int | None
    free: int | None
    used: int
    cached: int
    fragmented: int
    peak: int
    available: int | None
    limit: int | None = None

    def __str__(self) -> str:
        cached = f" + {format_size(self.cached)} cached" if self.cached else ""
        return (
            f"{self.device}: {format_size(self.used)} used{cached}, peak {format_size(self.peak)}, "
            f"{format_size(self.free)} free of {format_size(self.total)}"
        )


def memory_report(device: str | torch.device | None = None) -> MemoryReport:
    """Say how full a device is, and how much of that is this process's. Opens no CUDA context.

    Args:
        device: None for the accelerator that is current, or the CPU where there is none.

    Returns:
        The figures in bytes. On the CPU they are those of this process and of the machine or container.

    Raises:
        DeviceError: no such device.

    Example:
        >>> memory_report("cpu").used > 0
        True
    """
    place = allocator.current() if device is None else existing_device(device)
    source = allocator.of(place)
    used, cached, fragmented = source.used(), source.cached(), source.fragmented()
    free, total = source.free_and_total()
    return MemoryReport(
        device=str(place),
        total=total,
        free=free,
        used=used,
        cached=cached,
        fragmented=fragmented,
        peak=max(used, source.peak()),
        available=None if free is None else free + max(0, cached - fragmented),
        limit=host_memory().limit if place.type == "cpu" else None,
    )


class TrackedMemory:
    """What a block of code did to a device's memory, in bytes; final once the block has ended.

    Attributes:
        device: "cuda:0", "cpu".
        start: what was used when the block began.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = str(device)
        self._source = allocator.of(device)
        self._source.restart_peak()
        self._end: int | None = None
        self._counted = self._source.peak()
        self._highest = self.start = self._source.used()

    @property
    def peak(self) -> int:
        """The most that was used at any moment in the block."""
        self._take_note()
        return self._highest

    @property
    def difference(self) -> int:
        """What is used now, or was at the end, beyond `start`; negative where memory was given back."""
        return (self._source.used() if self._end is None else self._end) - self.start

    def _take_note(self) -> None:
        if self._end is None:
            # A counter that stands where it stood may be older than the block: not every system can restart it.
            counted = self._source.peak()
            self._highest = max(self._highest, self._source.used(), counted if counted > self._counted else 0)

    def _close(self) -> None:
        self._take_note()
        self._end = self._source.used()

    def __repr__(self) -> str:
        added = format_size(self.peak - self.start)
        return f"<{self.device}: peak {format_size(self.peak)} (+{added}), difference {format_size(self.difference)}>"


# Trackers that run now. They share their device's one counter: before it is restarted, each takes note of it.
_running: list[TrackedMemory] = []
_lock = threading.Lock()


@contextlib.contextmanager
def track_memory(device: str | torch.device | None = None) -> Iterator[TrackedMemory]:
    """Measure the peak and the difference of memory over a block of code.

    Blocks may be nested and run in several threads; all count the whole process. torch's own peak counter
    (`max_memory_allocated`) is restarted when a block begins. On a CPU the process's resident memory is measured,
    which on Linux has an exact peak; elsewhere a peak below an earlier one of the process is not seen.

    Args:
        device: None for the accelerator that is current, or the CPU where there is none.

    Returns:
        A context manager; what it gives has `start`, `peak` and `difference`, in bytes.

    Raises:
        DeviceError: no such device.

    Example:
        >>> with track_memory("cpu") as memory:
        ...     block = bytearray(50_000_000)
        >>> memory.peak >= memory.start
        True
    """
    place = allocator.current() if device is None else existing_device(device)
    with _lock:
        for other in _running:
            other._take_note()
        tracker = TrackedMemory(place)
        _running.append(tracker)
    try:
        yield tracker
    finally:
        with _lock:
            _running.remove(tracker)
            tracker._close()
