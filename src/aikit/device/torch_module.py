"""The module of torch that stands for a kind of accelerator, `torch.cuda` or `torch.xpu`, as type checkers see it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol, cast

if TYPE_CHECKING:
    import torch

__all__ = ["DeviceModule", "DeviceProperties", "device_module"]


class DeviceProperties(Protocol):
    """What torch tells of a device; its `uuid` not for every kind."""

    @property
    def name(self) -> str:
        """The model."""

    @property
    def total_memory(self) -> int:
        """Bytes of memory."""


class DeviceModule(Protocol):
    """What the modules of CUDA, ROCm and XPU share; `torch.mps` has names of its own."""

    def is_initialized(self) -> bool:
        """Whether this process uses such a device."""

    def device_count(self) -> int:
        """How many there are."""

    def current_device(self) -> int:
        """The index of the one that is current."""

    def device(self, device: torch.device, /) -> AbstractContextManager[object]:
        """Make a device current for a block."""

    def get_device_properties(self, index: int, /) -> DeviceProperties:
        """Describe a device."""

    def mem_get_info(self, device: torch.device | str, /) -> tuple[int, int]:
        """The bytes that are free and all there are, as the driver says; opens a context."""

    def memory_allocated(self, device: torch.device, /) -> int:
        """Bytes of live tensors."""

    def memory_reserved(self, device: torch.device, /) -> int:
        """Bytes taken from the driver."""

    def max_memory_allocated(self, device: torch.device, /) -> int:
        """The most bytes of live tensors so far."""

    def reset_peak_memory_stats(self, device: torch.device, /) -> None:
        """Start the peak anew."""

    def memory_stats(self, device: torch.device, /) -> Mapping[str, int]:
        """All counters of the allocator."""

    def empty_cache(self) -> None:
        """Give unused memory of the current device back to the driver."""


def device_module(device: torch.device | str) -> DeviceModule:
    """Give the module of a device's kind."""
    import torch

    return cast(DeviceModule, torch.get_device_module(device))
