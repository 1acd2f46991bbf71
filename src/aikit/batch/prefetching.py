"""The next batch is made ready and moved while this one is worked on."""

from __future__ import annotations

import atexit
import queue
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar, overload

from .._arguments import whole
from ..errors import InputTypeError
from .placement import choose_device

if TYPE_CHECKING:
    import torch

__all__ = ["prefetch"]

Batch = TypeVar("Batch")

_END = object()


@overload
def prefetch(
    batches: Iterable[Callable[[], Batch]], device: torch.device | str | int = "auto", *, ahead: int = 2
) -> Iterator[Batch]: ...
@overload
def prefetch(
    batches: Iterable[Batch], device: torch.device | str | int = "auto", *, ahead: int = 2
) -> Iterator[Batch]: ...
def prefetch(batches: Iterable[Any], device: Any = "auto", *, ahead: int = 2) -> Iterator[Any]:
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

    Returns:
        An iterator of the same batches in the same order, their tensors on the device. An exception comes out in its
        batch's place, as it was raised, and ends the iteration. Leaving a loop early stops the threads; where
        the iterator itself is kept, call its `close()`.

    Raises:
        InputTypeError: `batches` is not iterable, or `ahead` not a whole number.
        InputValueError: `ahead` is below 1.
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
    ahead = whole("ahead", ahead)
    return _deliver(batches, _carrier(choose_device(device)), ahead)


def _deliver(batches: Iterable[Any], carrier: _Carrier, ahead: int) -> Iterator[Any]:
    """The consumer's side: one batch a turn; the threads start with the first and end with the last, or on close."""
    # Here, and before there are threads: a DataLoader forks its workers now.
    iterator = iter(batches)
    line: queue.SimpleQueue[Any] = queue.SimpleQueue()
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
            while (future := line.get()) is not _END:
                # Popped when it is yielded, so that nothing here keeps the batch alive once the consumer drops it.
                ready = [carrier.hand_over(*future.result())]
                del future
                slots.release()
                yield ready.pop()
        finally:
            atexit.unregister(end)
            if not sys.is_finalizing():  # then daemons stand still, and would be waited for in vain
                end()
                _abandon(line)


def _abandon(line: queue.SimpleQueue[Any]) -> None:
    """Spare the work for batches that nobody will take."""
    while not line.empty():
        future = line.get()
        if future is not _END:
            future.cancel()


def _feed(
    iterator: Iterator[Any],
    carrier: _Carrier,
    pool: ThreadPoolExecutor,
    line: queue.SimpleQueue[Any],
    slots: threading.Semaphore,
    stop: threading.Event,
) -> None:
    """The other side: never more batches under way than there are slots."""
    try:
        while True:
            slots.acquire()
            if stop.is_set():
                break
            line.put(pool.submit(carrier.fetch, next(iterator)))
    except StopIteration:
        pass
    except BaseException as error:  # noqa: BLE001 - whatever it is, it belongs to whoever iterates
        failed: Future[Any] = Future()
        failed.set_exception(error)
        line.put(failed)
    finally:
        line.put(_END)


# ---------------------------------------------------------------- to the device


def _carrier(device: torch.device) -> _Carrier:
    return _CudaCarrier(device) if device.type == "cuda" else _Carrier(device)


class _Carrier:
    """Brings batches to a device that needs no streams."""

    def __init__(self, device: torch.device) -> None:
        self.device = device

    def fetch(self, batch: Any) -> tuple[Any, Any]:
        """In a thread: the batch on the device, and what the consumer has to wait for."""
        return self._moved(batch() if callable(batch) else batch), None

    def _moved(self, batch: Any) -> Any:
        return _map_tensors(self._move, batch)

    def _move(self, tensor: torch.Tensor) -> torch.Tensor:
        return tensor.to(self.device)

    def hand_over(self, batch: Any, ready: Any) -> Any:
        """In the consumer's thread: the batch, safe to use."""
        return batch


class _CudaCarrier(_Carrier):
    """Brings batches to CUDA on a stream of its own."""

    def __init__(self, device: torch.device) -> None:
        import torch

        super().__init__(device)
        self._stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]

    def fetch(self, batch: Any) -> tuple[Any, Any]:
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

    def hand_over(self, batch: Any, ready: Any) -> Any:
        import torch

        stream = torch.cuda.current_stream(self.device)
        stream.wait_event(ready)

        def used(tensor: torch.Tensor) -> torch.Tensor:
            # Memory of the side stream: not to be given to the next batch before this stream has done with it.
            if tensor.is_cuda:
                tensor.record_stream(stream)
            return tensor

        return _map_tensors(used, batch)


def _map_tensors(change: Callable[[Any], Any], batch: Any) -> Any:
    """The batch with each of its tensors changed."""
    import torch
    from torch.utils._pytree import tree_map_only

    return tree_map_only(torch.Tensor, change, batch)
