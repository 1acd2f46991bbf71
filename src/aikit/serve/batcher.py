"""Single requests worked on together: as many as are there, without waiting for more unless asked to."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

from .gate import RefusedError
from .problems import passable, problem

__all__ = ["Batcher"]

T = TypeVar("T")
R = TypeVar("R")
_log = logging.getLogger("aikit.serve.batcher")


class Batcher(Generic[T, R]):
    """Gathers the items of many tasks into batches for one function, which runs in one thread.

    Answers come in the order of the items. Where a batch fails, each of its items is tried alone, so that a bad one fails
    alone. What nobody waits for any more is not worked on.

    Args:
        function: takes a list of items and gives as many answers, in their order; an exception among them is that
            item's failure.
        most: items of a batch.
        wait: seconds to wait for more items once there is one; 0 takes what came while the last batch ran.
        queue: items that may wait.
        observe: called with the size of each batch.

    Example:
        >>> async def main():
        ...     batcher = Batcher(lambda items: [item * 2 for item in items])
        ...     answers = await asyncio.gather(*map(batcher.submit, range(3)))
        ...     await batcher.close()
        ...     return answers
        >>> asyncio.run(main())
        [0, 2, 4]
    """

    def __init__(
        self,
        function: Callable[[list[T]], Sequence[R | Exception]],
        *,
        most: int = 16,
        wait: float = 0.0,
        queue: int = 256,
        observe: Callable[[int], None] = lambda size: None,
    ) -> None:
        self._function, self._most, self._wait, self._most_waiting = function, most, wait, queue
        self._observe = observe
        self._items: asyncio.Queue[tuple[T, asyncio.Future[R]] | None] = asyncio.Queue()
        self._worker: asyncio.Task[None] | None = None
        self._unanswered: set[asyncio.Future[R]] = set()
        self._thread = ThreadPoolExecutor(1, "aikit-batch")
        self._closed = False

    async def submit(self, item: T) -> R:
        """The answer to an item.

        Raises:
            RefusedError: too many wait, or it is closed.
            Exception: what the function raised for this item.
        """
        if self._closed:
            raise RefusedError(problem("shutting_down", "the service is about to end; try another one"))
        if self._items.qsize() >= self._most_waiting:
            detail = f"{self._items.qsize()} items that wait for the model"
            raise RefusedError(problem("overloaded", detail, headers={"Retry-After": "1"}))
        if self._worker is None:
            self._worker = asyncio.create_task(self._run())
        answer: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._unanswered.add(answer)
        answer.add_done_callback(self._unanswered.discard)
        self._items.put_nowait((item, answer))
        return await answer

    async def close(self, *, seconds: float | None = None) -> bool:
        """Answer what was accepted, take nothing more, and end.

        Args:
            seconds: how long that may take; what has no answer then is refused. None waits as long as the function takes.

        Returns:
            Whether the function has ended. A thread cannot be stopped: where it has not, the program has to end by `os._exit`.
        """
        if not self._closed:
            self._closed = True
            self._items.put_nowait(None)
            if self._worker is not None:
                await asyncio.wait([self._worker], timeout=seconds)
        ended = self._worker is None or self._worker.done()
        if not ended and self._worker is not None:
            self._worker.cancel()
            for answer in list(self._unanswered):
                _settle(answer, RefusedError(problem("shutting_down", "the model took longer than the service lives")))
        self._thread.shutdown(wait=ended)
        return ended

    async def _run(self) -> None:
        ended = False
        while not ended:
            batch, ended = await self._gather()
            # Those that were cancelled while they waited are done already.
            batch = [(item, answer) for item, answer in batch if not answer.done()]
            if batch:
                self._observe(len(batch))
                await self._answer(batch)

    async def _gather(self) -> tuple[list[tuple[T, asyncio.Future[R]]], bool]:
        """The next items, and whether they are the last."""
        first = await self._items.get()
        if first is None:
            return [], True
        batch, until = [first], asyncio.get_running_loop().time() + self._wait
        while len(batch) < self._most:
            try:
                async with asyncio.timeout_at(until if self._items.empty() else None):
                    found = await self._items.get()
            except TimeoutError:
                break
            if found is None:
                return batch, True
            batch.append(found)
        return batch, False

    async def _answer(self, batch: list[tuple[T, asyncio.Future[R]]]) -> None:
        results = await self._call([item for item, _ in batch])
        if isinstance(results, Exception):
            if len(batch) == 1:
                _settle(batch[0][1], results)
                return
            _log.warning(
                "a batch failed; its items are tried alone", extra={"size": len(batch), "reason": str(results)}
            )
            for each in batch:
                if not each[1].done():
                    await self._answer([each])
            return
        for (_, answer), result in zip(batch, results, strict=True):
            _settle(answer, result)

    async def _call(self, items: list[T]) -> Sequence[R | Exception] | Exception:
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._try, items)

    def _try(self, items: list[T]) -> Sequence[R | Exception] | Exception:
        try:
            results = self._function(items)
            if len(results) != len(items):
                raise ValueError(f"a model gave {len(results)} answers to {len(items)} items")
        except BaseException as error:  # noqa: BLE001 - whatever a model raises is told to who asked
            return passable(error)
        return results


def _settle(answer: asyncio.Future[R], result: R | Exception) -> None:
    if answer.done():
        return
    if isinstance(result, Exception):
        answer.set_exception(passable(result))
    else:
        answer.set_result(result)
