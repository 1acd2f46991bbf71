"""The memory of one device, behind one small interface: torch's allocators, or the process on the CPU.

`of` is the only way in. Tests put an allocator of their own there, and so prove on a CPU what is asked of a GPU,
and when. No question opens a context on a device that this process does not use.
"""

from __future__ import annotations

import contextlib
import ctypes
import sys
from typing import TYPE_CHECKING, Protocol

from ..device.choice import existing_device
from ..device.host import host_memory, process_memory, restart_peak
from ..device.listing import list_devices, torch_accelerator
from ..device.torch_module import device_module

if TYPE_CHECKING:
    import torch

__all__ = ["Allocator", "current", "of", "pick_allocators"]


class Allocator(Protocol):
    """What aikit asks of a device's memory; everything in bytes."""

    def used(self) -> int:
        """What live tensors hold; on the CPU, what the process holds."""

    def cached(self) -> int:
        """What this process has taken from the driver beside that, for later tensors."""

    def peak(self) -> int:
        """The most that was used since `restart_peak`."""

    def restart_peak(self) -> None:
        """Forget the peak so far."""

    def fragmented(self) -> int:
        """The part of the cache that cannot be given back, because it shares blocks with live tensors."""

    def free_and_total(self) -> tuple[int | None, int | None]:
        """What no process has taken, and all there is."""

    def empty_cache(self) -> None:
        """Give the cache back."""


def of(device: torch.device) -> Allocator:
    """The memory of a device that is known to exist."""
    if device.type == "cpu":
        return _Process()
    return _Mps() if device.type == "mps" else _Torch(device)


def pick_allocators(device: str | torch.device | None) -> list[Allocator]:
    """Pick the memory a call is about: the device named, or every accelerator, or the process where there is none."""
    if device is not None:
        return [of(existing_device(device))]
    if "torch" not in sys.modules:
        return [_Process()]  # no accelerator is in use; running out of memory is no time to load torch
    import torch

    kind, count = torch_accelerator()
    return [of(torch.device(kind, index)) for index in range(count)] or [of(torch.device("cpu"))]


def current() -> torch.device:
    """The accelerator's current device, or the CPU where there is no accelerator."""
    return existing_device(torch_accelerator()[0])


class _Torch:
    """CUDA, ROCm and XPU: their modules share the names."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._module = device_module(device)

    def _started(self) -> bool:
        # Even `memory_reserved` asks CUDA for the current device in some versions of torch.
        return bool(self._module.is_initialized())

    def _count_reserved(self) -> int:
        return int(self._module.memory_reserved(self._device)) if self._started() else 0

    def used(self) -> int:
        return int(self._module.memory_allocated(self._device)) if self._started() else 0

    def cached(self) -> int:
        return max(0, self._count_reserved() - self.used())

    def peak(self) -> int:
        return int(self._module.max_memory_allocated(self._device)) if self._started() else 0

    def restart_peak(self) -> None:
        if self._started():
            self._module.reset_peak_memory_stats(self._device)

    def fragmented(self) -> int:
        if not self._started():
            return 0
        return int(self._module.memory_stats(self._device).get("inactive_split_bytes.all.current", 0))

    def free_and_total(self) -> tuple[int | None, int | None]:
        if self._count_reserved():
            free, total = self._module.mem_get_info(self._device)
            return int(free), int(total)
        # No memory taken there yet: NVML knows as well, and opens no context.
        known = [info for info in list_devices() if info.device == str(self._device)]
        return (known[0].free, known[0].total) if known else (None, None)

    def empty_cache(self) -> None:
        import torch

        # With the wrong current device CUDA opens a context of several hundred MB there (pytorch#25752).
        if self._count_reserved():
            with self._module.device(self._device):
                self._module.empty_cache()
        # Pinned main memory is cached as well; torch has had a way to give it back since 2.10.
        empty_host_cache = getattr(torch.accelerator, "empty_host_cache", None)
        if empty_host_cache and self._started():
            empty_host_cache()


class _Mps:
    """Apple's GPUs, which count no peak."""

    def used(self) -> int:
        import torch

        return torch.mps.current_allocated_memory()

    def cached(self) -> int:
        import torch

        return max(0, torch.mps.driver_allocated_memory() - self.used())

    def peak(self) -> int:
        return self.used()

    def restart_peak(self) -> None:
        pass

    def fragmented(self) -> int:
        return 0

    def free_and_total(self) -> tuple[int | None, int | None]:
        import torch

        total = torch.mps.recommended_max_memory()
        return max(0, total - torch.mps.driver_allocated_memory()), total

    def empty_cache(self) -> None:
        import torch

        torch.mps.empty_cache()


class _Process:
    """This process's main memory."""

    def used(self) -> int:
        return process_memory().resident

    def cached(self) -> int:
        return 0

    def peak(self) -> int:
        return process_memory().peak

    def restart_peak(self) -> None:
        restart_peak()

    def fragmented(self) -> int:
        return 0

    def free_and_total(self) -> tuple[int | None, int | None]:
        memory = host_memory()
        return memory.available, memory.total

    def empty_cache(self) -> None:
        # glibc keeps freed blocks of up to 32 MiB for itself; malloc_trim(3) gives them back. Others have no such call.
        with contextlib.suppress(AttributeError, OSError, TypeError):
            ctypes.CDLL(None).malloc_trim(0)
