"""The memory of this machine and of this process, as the operating system counts it.

psutil knows the systems. What it does not know is read here: the limits of control groups, and the peak of a process on
Linux, which can be restarted there.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

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
    import psutil

    machine = psutil.virtual_memory()
    total, available = int(machine.total), int(machine.available)
    groups = list(_group_limits())
    # No more than the machine has is no limit at all.
    limit = min((ceiling for ceiling, _ in groups if ceiling < total), default=None)
    available = min([available, *(ceiling - used for ceiling, used in groups)])
    return HostMemory(total if limit is None else limit, max(0, available), limit)


def process_memory() -> ProcessMemory:
    """Say how much memory this process holds, in bytes."""
    if _SYSTEM == "linux":
        # Not psutil's, which reads a counter that may lag behind the peak.
        status = _fields(_PROC / "self/status")
        return ProcessMemory(status["VmRSS"], max(status.get("VmHWM", _peak()), status["VmRSS"]))
    import psutil

    memory = psutil.Process().memory_info()
    return ProcessMemory(int(memory.rss), int(memory.peak_wset if _SYSTEM == "win32" else max(_peak(), memory.rss)))


def _peak() -> int:
    import resource

    # getrusage(2): macOS counts bytes, the others KiB. Linux's own VmHWM can be restarted, this cannot; gVisor has
    # only this.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if _SYSTEM == "darwin" else 1024)


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
