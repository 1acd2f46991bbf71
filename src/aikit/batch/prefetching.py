"""The next batch is made ready and moved while this one is worked on."""

from __future__ import annotations

import atexit
import logging
import queue
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import count
from typing import TYPE_CHECKING, Literal, TypeAlias, TypeVar, overload

from .._check import integer
from ..errors import InputTypeError
from ..memory import is_out_of_memory
from ..memory.release import forget_locals
from ..types import DeviceLike
from .failures import Failure, check_failures
from .placement import choose_device

if TYPE_CHECKING:
    import torch

__all__ = ["prefetch"]

Batch = TypeVar("Batch")

# A batch, and what the consumer has to wait for.
Fetched: TypeAlias = "tuple[Batch, torch.cuda.Event | None]"

# Batches under way in their order, then what the iterable raised, if it did, and None.
Line: TypeAlias = "queue.SimpleQueue[Future[Fetched[Batch]] | BaseException | None]"

_log = logging.getLogger("aikit")


@overload
def prefetch(
    batches: Iterable[Callable[[], Batch]],
    device: DeviceLike = "auto",
    *,
    ahead: int = 2,
    on_error: Literal["raise", "skip"] = "raise",
    failures: list[Failure] | None = None,
) -> Iterator[Batch]: ...
@overload
def prefetch(
    batches: Iterable[Batch],
    device: DeviceLike = "auto",
    *,
    ahead: int = 2,
    on_error: Literal["raise", "skip"] = "raise",
    failures: list[Failure] | None = None,
) -> Iterator[Batch]: ...
def prefetch(
    batches: Iterable[Callable[[], Batch] | Batch],
    device: DeviceLike = "auto",
    *,
    ahead: int = 2,
    on_error: Literal["raise", "skip"] = "raise",
    failures: list[Failure] | None = None,
) -> Iterator[Batch]:
    """Go through batches that arrive on a device while the program works on the one before.

    On CUDA tensors travel from pinned memory on a stream of their own, and the program's stream waits for no more
    than the batch it gets. On the CPU the same call makes batches ready in threads.

    Args:
        batches: what a DataLoader gives, or any iterable of batches: tensors in dicts, lists and tuples, nested as you
            like; everything else in them is passed on untouched. A function without arguments stands for the batch
            it returns and is called in a thread, up to `ahead` of them at once: `partial(read_batch, paths, ...)`
            reads files while the program computes. The iterable itself is read in one other thread.
        device: where to; "auto" is what `pick_device` picks once for the process.
        ahead: how many batches may be under way or ready beside the one that is worked on, 1 or more. They take
            memory on the device.
        on_error: "raise" lets an exception out in its batch's place, as it was raised, and ends the iteration. "skip"
            leaves out a batch whose function failed or that could not be moved, and goes on; what the iterable itself
            raises ends the iteration even so, for nobody knows what would have followed, and so does a lack of memory.
            Single files of a batch are skipped, or made zeros, by `partial(read_batch, ..., on_error=...)`.
        failures: a list that receives (index, error) for each batch left out, as the iteration comes to it; without
            one, the logger "aikit" is told.

    Returns:
        An iterator of the same batches in the same order, their tensors on the device. Leaving a loop early stops the threads; where
        the iterator itself is kept, call its `close()`.

    Raises:
        InputTypeError: `batches` is not iterable, `ahead` not a whole number, or `failures` no list.
        InputValueError: `ahead` is below 1, or `on_error` neither word.
        DeviceError: the device does not exist.

    Example:
        >>> import torch
        >>> from functools import partial
        >>> works = [partial(torch.full, (1, 3, 2, 2), float(number)) for number in range(3)]
        >>> [int(batch.max()) for batch in prefetch(works, "cpu")]
        [0, 1, 2]
    """
    if isinstance(batches, (str, bytes)) or not isinstance(batches, Iterable):
        raise InputTypeError("batches", "an iterable of batches", type(batches).__name__, "pass a DataLoader or a list")
    ahead = integer("ahead", ahead)
    check_failures(on_error, failures, ("raise", "skip"))
    return _deliver(batches, _make_carrier(choose_device(device)), ahead, skip=on_error == "skip", told=failures)


def _deliver(
    batches: Iterable[Callable[[], Batch] | Batch],
    carrier: _Carrier,
    ahead: int,
    *,
    skip: bool,
    told: list[Failure] | None,
) -> Iterator[Batch]:
    """Hand out one batch a turn; the threads start with the first and end with the last, or on close."""
    # Here, and before there are threads: a DataLoader forks its workers now.
    iterator = iter(batches)
    line: Line[Batch] = queue.SimpleQueue()
    slots, stop = threading.Semaphore(ahead), threading.Event()
    with ThreadPoolExecutor(ahead, thread_name_prefix="aikit prefetch") as pool:
        # A daemon: a program that ends in the middle of a loop must not wait for one that waits for slots.
        feeder = threading.Thread(
            target=_feed, args=(iterator, carrier, pool, line, slots, stop), name="aikit prefetch feeder", daemon=True
        )
        feeder.start()

        def end(patience: float | None = None) -> None:
            stop.set()
            slots.release()
            feeder.join(patience)

        # Before the interpreter stops threads where they stand: in the middle of torch's code that aborts the program.
        atexit.register(end, 10)
        try:
            for index in count():
                future = line.get()
                if future is None:
                    break
                if isinstance(future, BaseException):
                    raise future
                # Popped when it is yielded, so that nothing here keeps the batch alive once the consumer drops it.
                ready = []
                try:
                    ready.append(carrier.hand_over(*future.result()))
                except Exception as error:
                    if not skip or is_out_of_memory(error):
                        raise
                    _tell(index, error, told)
                del future
                slots.release()
                if ready:
                    yield ready.pop()
        finally:
            atexit.unregister(end)
            if not sys.is_finalizing():  # then daemons stand still, and would be waited for in vain
                end()
                _abandon(line)


def _tell(index: int, error: Exception, told: list[Failure] | None) -> None:
    """Tell of a batch that is left out."""
    # The frames of a failed function hold what it had read.
    forget_locals(error)
    if told is None:
        _log.warning("batches[%d] failed and is left out: %s: %s", index, type(error).__name__, error)
    else:
        told.append((index, error))


def _abandon(line: Line[Batch]) -> None:
    """Spare the work for batches that nobody will take."""
    while not line.empty():
        future = line.get()
        if isinstance(future, Future):
            future.cancel()


def _feed(
    iterator: Iterator[Callable[[], Batch] | Batch],
    carrier: _Carrier,
    pool: ThreadPoolExecutor,
    line: Line[Batch],
    slots: threading.Semaphore,
    stop: threading.Event,
) -> None:
    """Start batches, never more than there are slots."""
    try:
        while True:
            slots.acquire()
            if stop.is_set():
                break
            line.put(pool.submit(carrier.fetch, next(iterator)))
    except StopIteration:
        pass
    except BaseException as error:  # noqa: BLE001 - whatever it is, it belongs to whoever iterates
        line.put(error)
    finally:
        line.put(None)


# ---------------------------------------------------------------- to the device


def _make_carrier(device: torch.device) -> _Carrier:
    return _CudaCarrier(device) if device.type == "cuda" else _Carrier(device)


class _Carrier:
    """Brings batches to a device that needs no streams."""

    def __init__(self, device: torch.device) -> None:
        self.device = device

    def fetch(self, batch: Callable[[], Batch] | Batch) -> Fetched[Batch]:
        """Bring a batch to the device, in a thread."""
        made: Batch = batch() if callable(batch) else batch
        return _map_tensors(self._move, made), None

    def _move(self, tensor: torch.Tensor) -> torch.Tensor:
        return tensor.to(self.device)

    def hand_over(self, batch: Batch, ready: torch.cuda.Event | None) -> Batch:
        """Make a batch safe to use, in the consumer's thread."""
        return batch


class _CudaCarrier(_Carrier):
    """Brings batches to CUDA on a stream of its own."""

    def __init__(self, device: torch.device) -> None:
        import torch

        super().__init__(device)
        self._stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]

    def fetch(self, batch: Callable[[], Batch] | Batch) -> Fetched[Batch]:
        import torch

        # What a function puts on the device itself, as `stack` and `read_batch` do, goes the same way.
        with torch.cuda.stream(self._stream):
            moved = super().fetch(batch)[0]
            return moved, self._stream.record_event()

    def _move(self, tensor: torch.Tensor) -> torch.Tensor:
        if tensor.device.type != "cpu":
            return tensor.to(self.device, non_blocking=True)
        # torch keeps pinned memory until the copy is done and then gives it to the next batch: a ring, and as long as
        # batches are under way.
        pinned = tensor if tensor.is_pinned() else tensor.pin_memory()
        return pinned.to(self.device, non_blocking=True)

    def hand_over(self, batch: Batch, ready: torch.cuda.Event | None) -> Batch:
        import torch

        stream = torch.cuda.current_stream(self.device)
        if ready is not None:
            stream.wait_event(ready)

        def keep(tensor: torch.Tensor) -> torch.Tensor:
            # Memory of the side stream: not to be given to the next batch before this stream has done with it.
            if tensor.is_cuda:
                tensor.record_stream(stream)
            return tensor

        return _map_tensors(keep, batch)


def _map_tensors(change: Callable[[torch.Tensor], torch.Tensor], batch: Batch) -> Batch:
    """Change each tensor of a batch."""
    import torch
    from torch.utils._pytree import tree_map_only

    changed: Batch = tree_map_only(torch.Tensor, change, batch)
    return changed
