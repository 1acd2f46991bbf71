"""Who may work now, who waits and who is refused: before a body is read, so that what waits costs nothing."""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections import deque
from collections.abc import AsyncIterator

from .problems import Problem, problem

__all__ = ["Gate", "RefusedError"]

# The share of the newest request in the measured time of one.
_NEWEST = 0.2


class RefusedError(Exception):
    """A request that is answered by a problem."""

    def __init__(self, answer: Problem) -> None:
        super().__init__(answer.code)
        self.answer = answer


class Gate:
    """Places at work and a queue before them, for the tasks of one event loop.

    Args:
        places: requests at work at once.
        queue: requests that may wait.
        patience: seconds that one waits at most.

    Attributes:
        running, waiting: how many there are.
        refused: how many were sent away so far.
        draining: whether new ones are refused, because the end is near.
    """

    def __init__(self, places: int, queue: int, patience: float) -> None:
        self.places, self._queue, self._patience = places, queue, patience
        self.running = self.refused = 0
        self.draining = False
        self._turns: deque[asyncio.Future[None]] = deque()
        self._seconds = 0.0

    @property
    def waiting(self) -> int:
        """How many wait for a place."""
        return len(self._turns)

    @contextlib.asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """One of the places, when its turn has come; first come, first served.

        Raises:
            RefusedError: the queue is full, the patience at its end, or the service about to end.
        """
        await self._enter()
        begun = time.monotonic()
        try:
            yield
        finally:
            took = time.monotonic() - begun
            self._seconds = took if not self._seconds else (1 - _NEWEST) * self._seconds + _NEWEST * took
            self._leave()

    async def _enter(self) -> None:
        if self.draining:
            raise self._refuse("shutting_down", "the service is about to end; try another one")
        if self.running < self.places and not self._turns:
            self.running += 1
            return
        if len(self._turns) >= self._queue:
            raise self._refuse("overloaded", f"{self.running} requests at work and {self.waiting} that wait")
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._turns.append(turn)
        try:
            async with asyncio.timeout(self._patience):
                await turn
        except TimeoutError:
            self._forget(turn)
            raise self._refuse("overloaded", f"no place within {self._patience:g} seconds") from None
        except asyncio.CancelledError:
            self._forget(turn)
            raise

    def _forget(self, turn: asyncio.Future[None]) -> None:
        if turn in self._turns:
            self._turns.remove(turn)
        elif turn.done() and not turn.cancelled():  # it got its place in the very moment
            self._leave()

    def _leave(self) -> None:
        """Give a place to the next who still waits."""
        while self._turns:
            turn = self._turns.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self.running -= 1

    def retry_after(self) -> int:
        """Seconds after which there should be a place: what requests took, times those before, by the places."""
        return max(1, math.ceil(self._seconds * (self.waiting + 1) / self.places))

    def _refuse(self, code: str, detail: str) -> RefusedError:
        self.refused += 1
        return RefusedError(problem(code, detail, headers={"Retry-After": str(self.retry_after())}))
