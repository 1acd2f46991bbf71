"""A function over many items in processes of their own, where one item's crash is that item's error and no more."""

from __future__ import annotations

import io
import os
import pickle
import queue
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from itertools import islice
from numbers import Real
from types import FunctionType
from typing import Any, Generic, NamedTuple, TypeAlias, TypeVar

from .._foreign_names import explain_calls
from ..errors import AikitError, InputTypeError, InputValueError, WorkerError, quoted
from ..isolation import Worker, processors, search_path

__all__ = ["Outcome", "map_supervised"]

Item = TypeVar("Item")
Value = TypeVar("Value")

# Importing what the function needs is not counted as an item's time; a network file system may take this long.
_IMPORT_SECONDS = 300.0
# With several processes, each would otherwise start as many threads as there are processors.
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OPENCV_FOR_THREADS_NUM")


class Outcome(NamedTuple, Generic[Item, Value]):
    """What became of one item.

    Attributes:
        item: as it was given.
        value: what the function returned; None where it failed.
        error: None, or why there is no value: the exception that the function raised, with the child's traceback as
            a note; LimitError, code "timeout"; or WorkerError, code "worker_crashed" where the process died over the
            item or while it started, "worker_failed" where the item or the value cannot travel between processes.
    """

    item: Item
    value: Value | None
    error: Exception | None


@explain_calls
def map_supervised(
    fn: Callable[[Item], Value], items: Iterable[Item], *, workers: int | None = None, timeout: float | None = None
) -> Iterator[Outcome[Item, Value]]:
    """Call a function for each item in supervised processes, and never lose the others over one.

    A crash, an exit, or a call that takes too long is the error of its item; the process is replaced and the rest
    goes on. Scripts need no `if __name__ == "__main__"`: the processes are interpreters of their own, which import
    the function's module and nothing else. What the function prints goes to the debug log of "aikit".

    Values come back as pickles, which is no way to talk to a process that a hostile file may have taken over: a
    function that reads files from strangers should call the readers with `isolate=True`.

    Args:
        fn: a function of one argument that can be imported. One that is defined in a script, a notebook or a lambda
            needs the package cloudpickle.
        items: any iterable, an endless one too: no more than twice as many items as workers are drawn ahead.
        workers: processes; as many as there are processors where left out. Unless the environment says otherwise
            (OMP_NUM_THREADS and its like), each computes in its share of the processors.
        timeout: seconds that one item may take, not counting the start of the process and its imports.

    Returns:
        An iterator of `Outcome(item, value, error)` in the order of the items. The processes end with it.

    Raises:
        InputTypeError: `fn` cannot be called or sent, `items` is no iterable, or an option is no number.
        InputValueError: `workers` or `timeout` is not positive.
        WorkerError: code "worker_failed", processes cannot be started, or the function not be imported in them.

    Example:
        >>> import math
        >>> for item, value, error in map_supervised(math.sqrt, [9, -1], workers=1):
        ...     print(item, value, repr(error))
        9 3.0 None
        -1 None ValueError('...')
    """
    if not callable(fn):
        raise InputTypeError("fn", "a function", type(fn).__name__, "pass one that takes one item")
    if not isinstance(items, Iterable):
        raise InputTypeError("items", "an iterable", type(items).__name__, "pass a list or a generator")
    _check_positive("workers", workers, int, "a whole number")
    _check_positive("timeout", timeout, Real, "a number of seconds")
    count = processors() if workers is None else workers
    pool: _ProcessPool[Item, Value] = _ProcessPool(_pickle(fn, "fn"), count, timeout)
    return _yield_outcomes(pool, iter(items))


def _check_positive(name: str, value: object, kind: type[int | Real], expected: str) -> None:
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, kind):
        raise InputTypeError(name, f"{expected} or None", quoted(value), "pass a positive one")
    if not float(value) > 0:  # says no to NaN as well
        raise InputValueError(name, f"{expected} above 0", quoted(value), "leave it out for the default")


def _yield_outcomes(pool: _ProcessPool[Item, Value], items: Iterator[Item]) -> Iterator[Outcome[Item, Value]]:
    pending: deque[Future[Outcome[Item, Value]]] = deque()
    try:
        while True:
            pending.extend(pool.submit(item) for item in islice(items, 2 * pool.size - len(pending)))
            if not pending:
                return
            yield pending.popleft().result()
    finally:
        pool.stop()


class _ProcessPool(Generic[Item, Value]):
    """One thread for each process, which waits for its answers."""

    def __init__(self, function: _Pickled, size: int, timeout: float | None) -> None:
        self.size = size
        self._function, self._timeout = function, timeout
        # Where modules are found must not change with a later chdir.
        self._path = search_path()
        share = str(max(1, processors() // size))
        self._environment = {name: share for name in _THREADS if name not in os.environ}
        self._tasks: queue.SimpleQueue[tuple[Future[Outcome[Item, Value]], Item] | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._workers: set[Worker] = set()
        self._lock, self._stopped = threading.Lock(), False

    def submit(self, item: Item) -> Future[Outcome[Item, Value]]:
        """Hand an item to whoever is free first."""
        future: Future[Outcome[Item, Value]] = Future()
        self._tasks.put((future, item))
        if len(self._threads) < self.size:
            self._threads.append(threading.Thread(target=self._serve, name="aikit-map-supervised", daemon=True))
            self._threads[-1].start()
        return future

    def stop(self) -> None:
        """End every process now; a thread that waits for one learns it at once."""
        with self._lock:
            self._stopped = True
            for worker in self._workers:
                worker.end()
        for _ in self._threads:
            self._tasks.put(None)
        # A process that is just being started ends when it reports: nobody waits for that after Ctrl-C.
        deadline = time.monotonic() + 0.5
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _serve(self) -> None:
        worker = None
        try:
            while (task := self._tasks.get()) is not None and not self._stopped:
                future, item = task
                try:
                    if worker is None or not worker.alive:
                        self._dismiss(worker)
                        worker = None
                        worker = self._start()
                    future.set_result(self._call(worker, item))
                except WorkerError as error:
                    # One that was killed while it started says nothing about the next one.
                    if error.code == "worker_crashed":
                        future.set_result(Outcome(item, None, error))
                    else:
                        future.set_exception(error)
                except BaseException as error:  # noqa: BLE001 - handed to the thread that waits for the outcome
                    future.set_exception(error)
        finally:
            self._dismiss(worker)

    def _start(self) -> Worker:
        worker = Worker(self._path, environment=self._environment)
        with self._lock:
            self._workers.add(worker)
            if self._stopped:
                worker.end()
        try:
            worker.load(f"{__name__}:_receive")
            worker.load(f"{__name__}:_apply")
            _ask(worker, "_receive", self._function, "fn", _IMPORT_SECONDS, None)
        except BaseException:
            self._dismiss(worker)
            raise
        return worker

    def _dismiss(self, worker: Worker | None) -> None:
        if worker is not None:
            with self._lock:
                self._workers.discard(worker)
            worker.close()

    def _call(self, worker: Worker, item: Item) -> Outcome[Item, Value]:
        try:
            data, *buffers = _ask(worker, "_apply", _pickle(item, "item"), "item", self._timeout, "timeout")
            # What lies in shared memory is only lent.
            done, value = _unpickle(data, [bytearray(buffer) for buffer in buffers])
            worker.sweep()
        except AikitError as error:
            return Outcome(item, None, error)
        return Outcome(item, value, None) if done else Outcome(item, None, value)


# ---------------------------------------------------------------- there and back


class _Pickled(NamedTuple):
    data: bytes
    buffers: list[pickle.PickleBuffer]


def _ask(
    worker: Worker, function: str, pickled: _Pickled, subject: str, seconds: float | None, option: str | None
) -> Any:  # a pickle and buffers, or None; whatever it is, it comes from the user's own function
    no_keywords: dict[str, object] = {}
    request = "call", f"{__name__}:{function}", tuple(pickled), no_keywords
    return worker.ask(request, subject=subject, expect=list | None, seconds=seconds, option=option)[1]


def _unpickle(data: bytes, buffers: list[bytearray]) -> tuple[bool, Any]:
    try:
        done, value = pickle.loads(data, buffers=buffers)  # noqa: S301 - the user's own function
    except Exception as error:
        raise WorkerError(
            "fn",
            "a result that can be unpickled",
            quoted(_summarize(error)),
            "return plain data, or give its class a __reduce__",
            code="worker_failed",
        ) from error
    return done, value


class _Importable(pickle.Pickler):
    """Refuses what only this process knows: the child's `__main__` is another."""

    def reducer_override(self, value: object) -> Any:  # as the standard library says
        if isinstance(value, (type, FunctionType)) and value.__module__ == "__main__":
            raise pickle.PicklingError(f"{value.__qualname__} of __main__")
        return NotImplemented


def _pickle(value: object, subject: str) -> _Pickled:
    """Pickle a value for the child; what cannot be imported there goes by cloudpickle, if there is one."""
    buffers: list[pickle.PickleBuffer] = []
    stream = io.BytesIO()
    try:
        _Importable(stream, 5, buffer_callback=buffers.append).dump(value)
    except Exception as error:  # noqa: BLE001 - pickling raises whatever a __reduce__ does
        try:
            import cloudpickle
        except ImportError:
            got = " ".join(str(error).split())
            raise InputTypeError(
                subject,
                "what a child process can import",
                f"{quoted(value)} ({got})",
                "put it into a module of its own, or run: pip install cloudpickle",
            ) from error
        return _pickle_by_value(cloudpickle.dumps, value, subject)
    return _Pickled(stream.getvalue(), buffers)


def _pickle_by_value(dumps: Callable[[object], bytes], value: object, subject: str) -> _Pickled:
    try:
        return _Pickled(dumps(value), [])
    except Exception as error:
        raise InputTypeError(
            subject, "what can be pickled", f"{quoted(value)} ({error})", "pass paths and plain data"
        ) from error


# ---------------------------------------------------------------- in the child

Buffer: TypeAlias = bytes | bytearray | memoryview

# One function for as long as the child lives.
_received: list[Callable[[object], object]] = []


def _receive(data: bytes, buffers: list[Buffer]) -> None:
    try:
        _received[:] = [pickle.loads(data, buffers=buffers)]  # noqa: S301 - from our parent
    except Exception as error:
        raise WorkerError(
            "fn",
            "a function that a child process can import",
            _summarize(error),
            "check that its module can be imported on its own",
            code="worker_failed",
        ) from error


def _apply(data: bytes, buffers: list[Buffer]) -> list[Buffer]:
    try:
        item = pickle.loads(data, buffers=buffers)  # noqa: S301 - from our parent
    except Exception as error:
        raise WorkerError(
            "item",
            "what a child process can unpickle",
            _summarize(error),
            "pass paths and plain data",
            code="worker_failed",
        ) from error
    try:
        return _pack(True, _received[0](item))
    except WorkerError:
        raise
    except Exception as error:  # noqa: BLE001 - it is the item's outcome
        return _pack(False, _make_portable(error))


def _pack(done: bool, value: object) -> list[Buffer]:
    buffers: list[pickle.PickleBuffer] = []
    try:
        data = pickle.dumps((done, value), protocol=5, buffer_callback=buffers.append)
    except Exception as error:
        raise WorkerError(
            "fn",
            "a result that can be pickled",
            f"{type(value).__name__} ({_summarize(error)})",
            "return plain data",
            code="worker_failed",
        ) from error
    return [data, *(buffer.raw() for buffer in buffers)]


def _make_portable(error: Exception) -> Exception:
    """Give an exception its traceback as a note; one that cannot be pickled is replaced by its text."""
    error.add_note(traceback.format_exc())
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301 - our own
    except Exception:  # noqa: BLE001 - whatever its class does, the text can travel
        told = WorkerError(
            "fn",
            "an exception that can be pickled",
            _summarize(error),
            "give its class a __reduce__",
            code="worker_failed",
        )
        told.add_note(traceback.format_exc())
        return told
    return error


def _summarize(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
