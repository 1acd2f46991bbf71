"""The memory of this machine and of this process, as the operating system counts it.

Linux is read from /proc and the control groups, macOS and Windows from their C libraries; psutil is not needed.
What a system does not tell is None.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

__all__ = ["HostMemory", "ProcessMemory", "host_memory", "process_memory", "restart_peak"]

# A plain str, so that tests can be on another system and the type checker reads every branch.
_SYSTEM: str = sys.platform
_PROC = Path("/proc")
_CGROUPS = Path("/sys/fs/cgroup")


class HostMemory(NamedTuple):
    """Bytes of main memory: all there is, what can still be taken, and the control group's limit if there is one."""

    total: int | None
    available: int | None
    limit: int | None


class ProcessMemory(NamedTuple):
    """Bytes this process keeps in main memory, now and at most so far."""

    resident: int
    peak: int


def host_memory() -> HostMemory:
    """Say how much main memory there is for this process; a container's limit counts, not the machine's memory."""
    total, available = _machine_memory()
    limit, room = None, None
    for ceiling, used in _group_limits():
        limit = ceiling if limit is None else min(limit, ceiling)
        room = ceiling - used if room is None else min(room, ceiling - used)
    if limit is not None and (total is None or limit < total):
        total = limit
    else:
        limit = None  # no more than the machine has: no limit at all
    if room is not None and available is not None:
        available = max(0, min(available, room))
    return HostMemory(total, available, limit)


def process_memory() -> ProcessMemory:
    """Say how much memory this process holds, in bytes."""
    if _SYSTEM == "win32":
        return _windows_process()
    import resource

    # getrusage(2): macOS counts bytes, the others KiB. Linux's own VmHWM can be restarted, this cannot; gVisor has
    # only this.
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if _SYSTEM == "darwin" else 1024)
    if _SYSTEM == "linux":
        status = _fields(_PROC / "self/status")
        return ProcessMemory(status["VmRSS"], max(status.get("VmHWM", peak), status["VmRSS"]))
    resident = _mac_resident() if _SYSTEM == "darwin" else peak
    return ProcessMemory(resident, max(peak, resident))


def restart_peak() -> bool:
    """Make the process's peak count from now on; False where the system cannot (anything but Linux)."""
    try:
        # proc(5), /proc/pid/clear_refs: 5 resets the peak resident set size.
        (_PROC / "self/clear_refs").write_text("5")
    except OSError:
        return False
    return True


def _fields(path: Path) -> dict[str, int]:
    """The lines "Name:  123 kB" of a file in /proc, in bytes."""
    lines = (line.split() for line in path.read_text().splitlines())
    return {line[0].rstrip(":"): int(line[1]) * 1024 for line in lines if line[-1:] == ["kB"]}


def _machine_memory() -> tuple[int | None, int | None]:
    if _SYSTEM == "linux":
        fields = _fields(_PROC / "meminfo")
        return fields.get("MemTotal"), fields.get("MemAvailable")
    if _SYSTEM == "win32":
        return _windows_machine()
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return total, _mac_available() if _SYSTEM == "darwin" else None


# ---------------------------------------------------------------- control groups


def _group_limits() -> Iterator[tuple[int, int]]:
    """(limit, bytes in use) of every control group around this process that has a limit.

    Pages of files that the kernel would drop at once (inactive_file) do not count as used, as in Kubernetes' working set.
    """
    try:
        lines = (_PROC / "self/cgroup").read_text().splitlines()
    except OSError:  # not Linux
        return
    for _, controllers, path in (line.split(":", 2) for line in lines):
        if controllers == "":  # version 2
            root, limit, used, cache = _CGROUPS, "memory.max", "memory.current", "inactive_file"
        elif "memory" in controllers.split(","):  # version 1
            root = _CGROUPS / "memory"
            limit, used, cache = "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"
        else:
            continue
        inner = root / path.strip("/")
        # In a container the path may be the host's, which is not there; then the root is the container's own group.
        for folder in [inner, *inner.parents]:
            if folder == root or root in folder.parents:
                yield from _group_limit(folder, limit, used, cache)


def _group_limit(folder: Path, limit: str, used: str, cache: str) -> Iterator[tuple[int, int]]:
    try:
        ceiling = (folder / limit).read_text().strip()
        if ceiling == "max":
            return
        statistics = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
        yield int(ceiling), int((folder / used).read_text()) - int(statistics.get(cache, 0))
    except OSError:  # no such group in this view of the tree, or not for us to read
        return


# ---------------------------------------------------------------- macOS


def _mac_resident() -> int:
    # libproc.h: proc_pidinfo(pid, PROC_PIDTASKINFO = 4, ...) fills proc_taskinfo, 96 bytes, whose second
    # 64-bit word is pti_resident_size.
    words = (ctypes.c_uint64 * 12)()
    ctypes.CDLL("libproc.dylib").proc_pidinfo(os.getpid(), 4, ctypes.c_uint64(0), words, ctypes.sizeof(words))
    return int(words[1])


def _mac_available() -> int | None:
    # mach/host_info.h: host_statistics64(host, HOST_VM_INFO64 = 4, ...) fills vm_statistics64, whose first words
    # are the pages free, active and inactive. Inactive pages are taken as soon as somebody asks.
    system = ctypes.CDLL("libSystem.dylib")
    words, count = (ctypes.c_uint32 * 64)(), ctypes.c_uint32(38)
    if system.host_statistics64(system.mach_host_self(), 4, words, ctypes.byref(count)):
        return None
    return (int(words[0]) + int(words[2])) * os.sysconf("SC_PAGE_SIZE")


# ---------------------------------------------------------------- Windows


class _MemoryStatus(ctypes.Structure):
    """MEMORYSTATUSEX of sysinfoapi.h, as far as it is read."""

    _fields_ = [
        ("length", ctypes.c_uint32),
        ("load", ctypes.c_uint32),
        ("total", ctypes.c_uint64),
        ("available", ctypes.c_uint64),
        ("rest", ctypes.c_uint64 * 5),
    ]


class _ProcessCounters(ctypes.Structure):
    """PROCESS_MEMORY_COUNTERS of psapi.h."""

    _fields_ = [
        ("size", ctypes.c_uint32),
        ("faults", ctypes.c_uint32),
        ("peak", ctypes.c_size_t),
        ("resident", ctypes.c_size_t),
        ("rest", ctypes.c_size_t * 6),
    ]


def _kernel32() -> Any:
    # Typed Any: ctypes.WinDLL exists for the type checker on Windows alone.
    windows: Any = ctypes
    kernel = windows.WinDLL("kernel32")
    kernel.GetCurrentProcess.restype = ctypes.c_void_p
    kernel.K32GetProcessMemoryInfo.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint32]
    return kernel


def _windows_machine() -> tuple[int | None, int | None]:
    status = _MemoryStatus(length=ctypes.sizeof(_MemoryStatus))
    if not _kernel32().GlobalMemoryStatusEx(ctypes.byref(status)):
        return None, None
    return status.total, status.available


def _windows_process() -> ProcessMemory:
    kernel = _kernel32()
    counters = _ProcessCounters(size=ctypes.sizeof(_ProcessCounters))
    kernel.K32GetProcessMemoryInfo(kernel.GetCurrentProcess(), ctypes.byref(counters), counters.size)
    return ProcessMemory(counters.resident, counters.peak)
