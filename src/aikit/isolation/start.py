"""How a child interpreter is started: what it inherits, where it finds its modules, and what ends it."""

from __future__ import annotations

import contextlib
import mmap
import os
import subprocess
import sys
from collections.abc import Sequence
from typing import IO, Any, NamedTuple

from ..errors import WorkerError, quoted
from .wire_format import SHARED_SIZE

__all__ = ["Child", "search_path", "start"]

_HOME = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))


class Child(NamedTuple):
    """A process, the pipe whose end is its end, and the memory it shares with us; Windows has only the first."""

    process: subprocess.Popen[bytes]
    lifeline: IO[bytes] | None
    shared_memory: mmap.mmap | None


def search_path() -> list[str]:
    """Where this process searches modules, for a child: absolute, and this aikit before any other.

    The working directory comes last, if it is there at all: a random.py in it is nobody's choice.
    """
    try:
        folder = os.path.realpath(os.getcwd())
    except OSError:  # somebody has removed it
        folder = ""
    entries = [os.path.realpath(entry) if entry else folder for entry in sys.path]
    path = [entry for entry in entries if entry not in ("", folder)]
    first = next((entry for entry in path if os.path.isdir(os.path.join(entry, "aikit"))), None)
    if first != _HOME:
        path.insert(path.index(first) if first else len(path), _HOME)
    return [*path, folder] if folder in entries else path


def start(path: Sequence[str], environment: dict[str, str]) -> Child:
    """Start `python -m aikit.isolation` with pipes for all it reads and prints.

    Raises:
        WorkerError: code "worker_failed".
    """
    if not sys.executable or getattr(sys, "frozen", False):
        raise WorkerError(
            "worker",
            "a Python interpreter to start a child with",
            quoted(sys.executable),
            "run without isolation in embedded and frozen programs",
            code="worker_failed",
        )
    variables = {**os.environ, **environment, "PYTHONPATH": os.pathsep.join(path)}
    variables.pop("PYTHONINSPECT", None)
    try:
        return _start(variables)
    except (OSError, ValueError) as error:
        raise WorkerError(
            "worker",
            f"to start {sys.executable}",
            str(error),
            "check how many processes may run",
            code="worker_failed",
        ) from error


def _start(variables: dict[str, str]) -> Child:
    # Ctrl-C reaches the parent alone: the child is not in its group.
    if sys.platform == "win32":
        group = subprocess.CREATE_NEW_PROCESS_GROUP
        return Child(_process(-1, -1, variables, creationflags=group), None, None)
    with contextlib.ExitStack() as stack:
        theirs, ours = os.pipe()
        stack.callback(os.close, theirs)
        lifeline = os.fdopen(ours, "wb", buffering=0)
        shared_memory, handle = _shared_memory(stack)
        handles = [each for each in (theirs, handle) if each >= 0]
        try:
            process = _process(theirs, handle, variables, start_new_session=True, pipesize=1 << 20, pass_fds=handles)
        except BaseException:
            lifeline.close()
            raise
    return Child(process, lifeline, shared_memory)


def _shared_memory(stack: contextlib.ExitStack) -> tuple[mmap.mmap | None, int]:
    """Memory for answers where the system can seal its size: a child that shrank it would kill us."""
    if not hasattr(os, "memfd_create"):
        return None, -1
    import fcntl

    handle = os.memfd_create("aikit-isolation", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    stack.callback(os.close, handle)
    os.ftruncate(handle, SHARED_SIZE)
    fcntl.fcntl(handle, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL)
    return mmap.mmap(handle, SHARED_SIZE), handle


def _process(lifeline: int, shared_memory: int, variables: dict[str, str], **options: Any) -> subprocess.Popen[bytes]:
    # -P keeps the working directory out of the search for our own modules.
    command = [sys.executable, "-P", "-m", "aikit.isolation", str(lifeline), str(shared_memory)]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, bufsize=0, stdin=pipe, stdout=pipe, stderr=pipe, env=variables, **options)  # noqa: S603
