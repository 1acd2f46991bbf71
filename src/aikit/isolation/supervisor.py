"""The parent's side of one child: starting it, asking it one thing at a time, and ending it whatever it does."""

from __future__ import annotations

import _thread
import atexit
import logging
import mmap
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Sequence
from typing import cast

from .._warnings import warn_caller
from ..errors import AikitError, WorkerError, printable, quoted, shortened
from . import results, wire_format
from .child import HELLO
from .context import context_here
from .failures import problem_of, too_late, too_much
from .start import start
from .wire_format import Buffer, NonsenseError

__all__ = ["Worker"]

_log = logging.getLogger("aikit")

# Starting takes 0.3 s, and importing torch for a user's function 3 s, on an idle machine.
_START_SECONDS = 120.0
# How often the memory of a child is looked at, for 15 microseconds. It can take about 2 GB a second.
_POLL_SECONDS = 0.025
_TAIL = 4096
# Enough for 22 megapixels, whose transfer would take three times as long in fresh memory.
_KEPT = 1 << 26
# What allocators say before they abort: Rust's and C++'s.
_OUT_OF_MEMORY = (b"memory allocation of", b"std::bad_alloc")

# Warnings of one answer, and characters of one: whatever a child says.
_MOST_WARNINGS, _MOST_SAID = 8, 500

_living: weakref.WeakSet[Worker] = weakref.WeakSet()


class Worker:
    """A child interpreter. It serves one caller at a time; any failure but an ordinary error ends it.

    Args:
        path: where it searches modules.
        environment: variables to add to the parent's own.
        decoder: whether it is there to decode files for us, and needs no child of its own for that.

    Raises:
        WorkerError: code "worker_failed", it cannot be started; "worker_crashed", somebody killed it meanwhile.
    """

    def __init__(
        self, path: Sequence[str], *, environment: dict[str, str] | None = None, decoder: bool = False
    ) -> None:
        self.tasks = 0
        # Of the question asked last, which its answer carries too.
        self._number = 0
        # Its memory when nothing had been done, and when the present task began.
        self._fresh = self._before = 0
        self._loaded: set[str] = set()
        self._tail = b""
        self._verdict: AikitError | None = None
        self._owner = os.getpid()
        self._process, self._lifeline, self._memory = start(path, environment or {})
        self._shared, self._used = memoryview(self._memory or b""), 0
        _living.add(self)
        # A daemon: a grandchild that holds the pipe open must not hold up the end of the parent.
        self._listener = threading.Thread(target=self._listen, name="aikit-isolation-output", daemon=True)
        self._listener.start()
        try:
            # PYTHONPATH has only served to start it: what it starts itself shall have the user's.
            begin = "begin", list(path), os.environ.get("PYTHONPATH"), decoder
            self._start_up(begin, "a child interpreter that starts")
        except BaseException:
            self.close()
            raise

    # ------------------------------------------------------------ asking

    def load(self, function: str) -> None:
        """Import what "module:function" names, outside of any task's time.

        Raises:
            WorkerError: code "worker_failed", it cannot be imported there.
        """
        if function not in self._loaded:
            self._start_up(("load", function), f"{function} to be importable in a child process")
            self._loaded.add(function)
            self._fresh = self.resident()

    def ask(
        self,
        request: tuple[object, ...],
        *,
        subject: str,
        kinds: Sequence[str] = ("value",),
        expect: object = object,
        seconds: float | None = None,
        consumed: float = 0.0,
        memory: int | None = None,
        at_most: float = float("inf"),
        option: str | None = "limits",
    ) -> tuple[str, object]:
        """Send one request and wait for the answer: ("value", it), ("stream", None) or ("end", None).

        Args:
            request: "call" or "next" and what belongs to it.
            subject: the file or item, for messages.
            kinds: which of the three it may be.
            expect: what the value must be, as an annotation says it.
            seconds: what the whole task may take before the child is ended.
            consumed: how much of it is gone.
            memory: bytes it may take beyond what it had when it was called.
            at_most: bytes that the answer may make us allocate.
            option: the caller's keyword that says how many seconds, if one does.

        Returns:
            The kind and the value. Plain memory in it is lent until the next request.

        Raises:
            LimitError: code "timeout" or "limit_exceeded".
            WorkerError: code "worker_crashed", it died or answered nonsense; "worker_failed", the function raised
                an exception that is not aikit's.
            AikitError: what the function raised.
        """
        if request[0] == "call":
            self.tasks += 1
            self._before = self.resident() if memory is not None else 0
        problem: BaseException | None = None
        kind, value, said = "", None, list[str]()
        try:
            with _Watch(self, subject, seconds, consumed, memory, option):
                frame = self._exchange(request, memory, at_most)
            kind, value, said = self._read(*frame)
            if kind in kinds:
                if kind == "value" and not results.matches(value, expect):
                    raise NonsenseError(f"a result of type {type(value).__name__}")
            else:
                problem = problem_of(kind, value, subject, memory)
        except (OSError, EOFError, NonsenseError) as error:
            problem = self._post_mortem(error, subject, memory)
        except BaseException:
            # KeyboardInterrupt above all: nobody wants any more what the child is doing.
            self.close()
            raise
        for message in said:
            warn_caller(message)
        if problem is not None:
            raise problem
        return kind, value

    def _exchange(
        self, request: tuple[object, ...], memory: int | None = None, at_most: float = 0
    ) -> tuple[bytes, list[bytearray | memoryview]]:
        self._number += 1
        buffers: list[pickle.PickleBuffer] = []
        text = pickle.dumps((memory, context_here(), request), protocol=5, buffer_callback=buffers.append)
        wire_format.send(self._handle("stdin"), text, [buffer.raw() for buffer in buffers])
        text, received = wire_format.receive(self._handle("stdout"), at_most=at_most, shared=self._shared)
        self._used = max(self._used, sum(map(len, received)))
        return text, received

    def _read(self, text: bytes, received: Sequence[Buffer]) -> tuple[str, object, list[str]]:
        answer = results.decode(text, received)
        if not results.matches(answer, tuple[int, str, object, list[str]]):
            raise NonsenseError(f"an answer of type {type(answer).__name__}")
        number, kind, value, said = cast(tuple[int, str, object, list[str]], answer)
        if number != self._number:
            raise NonsenseError(f"the answer to question {number} to question {self._number}")
        return kind, value, [shortened(printable(message), _MOST_SAID) for message in said[:_MOST_WARNINGS]]

    def _handle(self, name: str) -> int:
        stream = getattr(self._process, name)
        if stream.closed:
            raise EOFError
        return int(stream.fileno())

    def _start_up(self, request: tuple[object, ...], expected: str) -> None:
        """One of the requests before the first task; whatever goes wrong is a worker that cannot be had."""
        code = "worker_failed"
        try:
            with _Watch(self, "worker", _START_SECONDS):
                if request[0] == "begin":
                    self._skip_to(HELLO)
                frame = self._exchange(request)
            kind, value, _ = self._read(*frame)
            if kind == "value":
                return
            got = (
                value[0]
                if kind == "failure" and isinstance(value, tuple)
                else str(problem_of(kind, value, "worker", None))
            )
        except (OSError, EOFError, NonsenseError) as error:
            if not isinstance(error, NonsenseError):
                self._wait(1.0)
            # A signal that is not ours: whoever sent it, the next one may well start.
            code = "worker_crashed" if self._verdict is None and (self._process.returncode or 0) < 0 else code
            self.close()
            if isinstance(self._verdict, WorkerError):
                raise self._verdict from error
            said = self._tail.decode(errors="replace").strip().rpartition("\n")[2]
            got = str(self._verdict or said or f"one that {self._ending()} ({type(error).__name__})")
        except BaseException:
            # Interrupted, it would give the next caller the answer to this request.
            self.close()
            raise
        raise WorkerError("worker", expected, quoted(got), f"check that {sys.executable} can", code=code)

    def _skip_to(self, sign: bytes) -> None:
        """Past whatever a sitecustomize or a .pth file may have printed."""
        heard = b""
        while not heard.endswith(sign):
            chunk = os.read(self._handle("stdout"), 4096)
            if not chunk:
                raise EOFError
            heard = (heard + chunk)[-_TAIL:]

    # ------------------------------------------------------------ ending

    @property
    def alive(self) -> bool:
        """Whether it can be asked, by this process."""
        return self._owner == os.getpid() and self._process.poll() is None

    def resident(self) -> int:
        """Bytes of memory it has to itself, without libraries and shared memory; 0 where the system is not Linux."""
        try:
            with open(f"/proc/{self._process.pid}/statm") as file:
                resident, shared = map(int, file.read().split()[1:3])
                return (resident - shared) * _page_size()
        except (OSError, ValueError):
            return 0

    def sweep(self) -> None:
        """Give the shared memory of large answers back to the system; some is kept, for new memory costs time."""
        if self._memory is not None and self._used > _KEPT:
            self._memory.madvise(mmap.MADV_REMOVE, _KEPT)
            self._used = 0

    def count_taken(self) -> int:
        """Count the bytes that the present task has taken so far."""
        return self.resident() - self._before

    def growth(self) -> int:
        """Bytes it has more than before its first task."""
        return self.resident() - self._fresh

    def end(self, verdict: AikitError | None = None) -> None:
        """Kill it and what it has started, from any thread: who waits for an answer gets an error."""
        if self._owner != os.getpid() or self._process.poll() is not None:
            return
        self._verdict = self._verdict or verdict
        if sys.platform == "win32":
            self._process.kill()
        else:
            # It leads a group of its own.
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def close(self) -> None:
        """End it and free what belongs to it; for the one who asks it, and nobody else."""
        self.end()
        self._listener.join(0.2)
        self.forget()

    def forget(self) -> None:
        """Close our ends of its pipes; in a forked process they would keep it alive beyond its parent."""
        for stream in (self._process.stdin, self._process.stdout, self._lifeline):
            if stream is not None:
                stream.close()

    def _wait(self, seconds: float) -> bool:
        """Whether it ends by itself within so many seconds."""
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def _ending(self) -> str:
        code = self._process.returncode or 0
        if code >= 0:
            return f"exited with status {code}"
        try:
            name = signal.Signals(-code).name
        except ValueError:
            name = f"signal {-code}"
        return f"was killed by {name}"

    def _post_mortem(self, error: BaseException, subject: str, memory: int | None) -> AikitError:
        """Why there is no answer."""
        # Where a pipe has closed it is dying, and how it dies is the best message.
        if self._wait(0 if isinstance(error, NonsenseError) else 1.0):
            got = f"a child process that {self._ending()}"
        else:
            got = f"{quoted(str(error) or 'a closed pipe')} from the child process"
        self.close()
        if self._verdict is not None:
            return self._verdict
        if memory is not None and any(words in self._tail for words in _OUT_OF_MEMORY):
            return too_much(subject, memory, "one allocation beyond it")
        do = 'leave it out, or see the debug log of "aikit" for its last words'
        return WorkerError(subject, "a result", got, do)

    def _listen(self) -> None:
        stream = self._process.stderr
        assert stream is not None
        with stream:
            while chunk := stream.read(65536):
                self._tail = (self._tail + chunk)[-_TAIL:]
                _log.debug("child process %d: %r", self._process.pid, chunk)


class _Watch:
    """Ends a child that takes too long or too much memory, while the caller waits for its answer."""

    def __init__(
        self,
        worker: Worker,
        subject: str,
        seconds: float | None,
        consumed: float = 0.0,
        memory: int | None = None,
        option: str | None = None,
    ) -> None:
        self._worker, self._subject, self._seconds, self._memory = worker, subject, seconds, memory
        self._option = option
        self._deadline = float("inf") if seconds is None else time.monotonic() + seconds - consumed
        self._done, self._lock = threading.Event(), threading.Lock()

    def __enter__(self) -> None:
        if self._seconds is not None or self._memory is not None:
            # A thread a task, so that no fork can leave one half alive. threading.Thread would wait until it runs:
            # on a busy machine longer than a small picture takes.
            _thread.start_new_thread(self._run, ())

    def __exit__(self, *_: object) -> None:
        # Behind the lock no verdict can come any more, which would hit the next task.
        with self._lock:
            self._done.set()

    def _run(self) -> None:
        step = threading.TIMEOUT_MAX if self._memory is None else _POLL_SECONDS
        while not self._done.wait(max(0.0, min(self._deadline - time.monotonic(), step))):
            if self._memory is not None and (taken := self._worker.count_taken()) > self._memory:
                return self._end(too_much(self._subject, self._memory, str(taken), taken))
            if time.monotonic() >= self._deadline:
                return self._end(too_late(self._subject, self._seconds, self._option))
        return None

    def _end(self, verdict: AikitError) -> None:
        with self._lock:
            if not self._done.is_set():
                self._worker.end(verdict)


def _page_size() -> int:
    return int(os.sysconf("SC_PAGE_SIZE"))


if hasattr(os, "register_at_fork"):

    def _disown() -> None:
        # A forked process that kept the pipes open would keep the children alive when their parent dies.
        for worker in list(_living):
            worker.forget()

    os.register_at_fork(after_in_child=_disown)


@atexit.register
def _end_all() -> None:
    for worker in list(_living):
        worker.end()
