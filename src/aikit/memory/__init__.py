"""What is in a device's memory, and how to get it back.

Everything works on a CPU too, where it is about this process's memory, so that a service runs unchanged on a laptop.
"""

from __future__ import annotations

from .chunks import find_batch_size, run_in_chunks
from .out_of_memory import is_out_of_memory
from .placement import offload, on_device
from .pool import ModelPool
from .release import free_memory
from .report import MemoryReport, TrackedMemory, memory_report, track_memory

__all__ = [
    "MemoryReport",
    "ModelPool",
    "TrackedMemory",
    "find_batch_size",
    "free_memory",
    "is_out_of_memory",
    "memory_report",
    "offload",
    "on_device",
    "run_in_chunks",
    "track_memory",
]
