"""The child: reads requests, calls functions by name, answers with plain values, and never outlives its parent."""

from __future__ import annotations

import faulthandler
import mmap
import os
import pickle
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from typing import ClassVar

from .._warnings import keep_warnings
from ..errors import AikitError
from . import results, wire_format
from .context import in_context
from .failures import fields_of
from .wire_format import Buffer, Frame

__all__ = ["HELLO", "RequestLoop", "in_child", "main"]

# Whatever the interpreter's start prints comes before this line.
HELLO = b"\naikit isolation 1\n"


def in_child() -> bool:
    """Whether this process is a child that decodes for another, which needs no child of its own to do it in."""
    return RequestLoop.decoder


def main() -> None:
    """Answer requests until the parent closes its end. The command line names the lifeline and the shared memory."""
    requests, answers = _take_over_streams()
    _leave_no_traces()
    lifeline, shared_memory = (int(word) for word in sys.argv[1:3])
    if lifeline >= 0:
        _die_with(lifeline)
    loop = RequestLoop(requests, answers, shared_memory)
    os.write(answers, HELLO)
    try:
        loop.run()
    except (EOFError, BrokenPipeError):
        status = 0
    except SystemExit as stop:
        status = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    # Not by returning: threads and exit handlers that foreign code has left behind could hold us here.
    os._exit(status & 0xFF)


def _take_over_streams() -> tuple[int, int]:
    """Private copies of both pipes; what anybody prints from now on goes to the parent's debug log."""
    if sys.platform == "win32":
        import msvcrt

        for handle in (0, 1):
            msvcrt.setmode(handle, os.O_BINARY)
    requests, answers = os.dup(0), os.dup(1)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    os.dup2(2, 1)
    return requests, answers


def _leave_no_traces() -> None:
    # Ctrl-C is the parent's business; it closes the pipe or kills us.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    faulthandler.enable()
    if sys.platform != "win32":
        import resource

        # A file that crashes decoders would otherwise leave a core file each time.
        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))


def _die_with(lifeline: int) -> None:
    """End this process when the parent's end of a pipe that carries nothing is gone, whatever we are doing then.

    On Linux the kernel sends SIGKILL, also into C code that holds the interpreter's lock. PR_SET_PDEATHSIG would
    not do: it comes when the *thread* that started us ends. The pipe of requests would not do either: the kernel
    may announce what we have read already. Elsewhere a thread waits for the end of the pipe.
    """
    os.set_inheritable(lifeline, False)
    if sys.platform != "linux":
        threading.Thread(target=_wait_for_end, args=(lifeline,), daemon=True).start()
        return
    import fcntl
    import select

    fcntl.fcntl(lifeline, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(lifeline, fcntl.F_SETSIG, signal.SIGKILL)
    fcntl.fcntl(lifeline, fcntl.F_SETFL, fcntl.fcntl(lifeline, fcntl.F_GETFL) | os.O_ASYNC)
    # The parent may have gone just before.
    if select.select([lifeline], [], [], 0)[0]:
        os._exit(0)


def _wait_for_end(lifeline: int) -> None:
    os.read(lifeline, 1)
    os._exit(0)


class RequestLoop:
    """Answers one question after the other: the functions loaded so far, and the iterator the last call left open."""

    # Of this process, which has one loop at most.
    decoder: ClassVar[bool] = False

    def __init__(self, requests: int, answers: int, shared_memory: int) -> None:
        self._requests, self._answers = requests, answers
        self._functions: dict[str, Callable[..., object]] = {}
        self._stream: Iterator[object] = iter(())
        self._shared = memoryview(mmap.mmap(shared_memory, wire_format.SHARED_SIZE) if shared_memory >= 0 else b"")
        if shared_memory >= 0:
            os.close(shared_memory)
        self._most_memory: int | None = None
        self._number = 0
        self._process = os.getpid()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._disown)

    def run(self) -> None:
        """Until the parent closes its end, which is an EOFError."""
        while True:
            text, buffers = wire_format.receive(self._requests)
            answer = self._answer(text, buffers)
            # What was asked may have forked: one question, one answer, and the next one is for us alone.
            if os.getpid() != self._process:
                os._exit(0)
            wire_format.send(self._answers, *answer, self._shared)

    def _disown(self) -> None:
        # A copy of us that lives on with our pipes would hide our own end from the parent.
        os.close(self._requests)
        os.close(self._answers)

    def _answer(self, text: bytes, buffers: Sequence[Buffer]) -> Frame:
        """One question to one answer: its number, a kind, a value, and what the caller is to be warned of."""
        self._number += 1
        with keep_warnings() as said:
            kind, value = self._work(text, buffers)
        return self._encode(kind, value, said)

    def _work(self, text: bytes, buffers: Sequence[Buffer]) -> tuple[str, object]:
        try:
            memory, context, (kind, *rest) = pickle.loads(text, buffers=buffers)  # noqa: S301 - from our parent
            if memory != self._most_memory:
                self._most_memory = memory
                _refuse_beyond(memory)
            with in_context(context):
                answer: tuple[str, object] = getattr(self, f"_{kind}")(*rest)
                return answer
        except AikitError as error:
            return "error", fields_of(error)
        except MemoryError:
            return "memory", None
        except Exception as error:  # noqa: BLE001 - sent to the parent, which raises it
            return "failure", (_summarize(error), traceback.format_exc())

    def _encode(self, kind: str, value: object, said: list[str]) -> Frame:
        return results.encode((self._number, kind, value, said))

    def _begin(self, path: list[str], pythonpath: str | None, decoder: bool) -> tuple[str, object]:
        """Search modules where the parent does. PYTHONPATH served to start us; our own children get the user's."""
        RequestLoop.decoder = decoder
        sys.path[:] = path
        if pythonpath is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = pythonpath
        return "value", None

    def _load(self, function: str) -> tuple[str, object]:
        module, _, name = function.partition(":")
        self._functions[function] = getattr(import_module(module), name)
        return "value", None

    def _call(self, function: str, arguments: tuple[object, ...], keywords: dict[str, object]) -> tuple[str, object]:
        self._stream = iter(())
        result = self._functions[function](*arguments, **keywords)
        if isinstance(result, Iterator):
            self._stream = result
            return "stream", None
        return "value", result

    def _next(self) -> tuple[str, object]:
        for value in self._stream:
            return "value", value
        return "end", None


def _refuse_beyond(memory: int | None) -> None:
    """Refuse memory far beyond the limit, in case the parent is too busy to see us grow past it.

    The parent watches resident memory, which is what a machine runs out of. RLIMIT_DATA counts what is asked for,
    touched or not, hence the factor of 2: idle with NumPy, Pillow and OpenCV it is 0.2 GB where 0.06 GB are resident.
    RLIMIT_AS would count every mapped library too: 0.6 GB idle, 10 GB once torch is loaded.
    """
    if sys.platform == "linux":
        import resource

        hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
        soft = hard
        if memory is not None:
            with open("/proc/self/statm") as file:
                soft = int(file.read().split()[5]) * resource.getpagesize() + 2 * memory
            soft = soft if hard == resource.RLIM_INFINITY else min(soft, hard)
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def _summarize(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:200]}" if text else type(error).__name__
