"""Batches: order, bad items, cancelled ones, full queues, and an end that answers."""

import asyncio
import threading
import time

import pytest

from aikit.serve.batcher import Batcher
from aikit.serve.gate import RefusedError


class Model:
    """Doubles numbers; remembers its batches; waits while it is held."""

    def __init__(self, bad=()):
        self.batches, self.bad = [], bad
        self.free = threading.Event()
        self.free.set()

    def __call__(self, items):
        self.free.wait(10)
        self.batches.append(list(items))
        if set(self.bad) & set(items):
            raise ValueError(f"bad {items}")
        return [2 * item for item in items]


def run(work, *, most=16, seconds=20, **options):
    async def main():
        async with asyncio.timeout(seconds):
            return await work()

    return asyncio.run(main())


def test_answers_come_to_who_asked():
    model = Model()

    async def work():
        batcher = Batcher(model, most=7)
        answers = await asyncio.gather(*map(batcher.submit, range(100)))
        await batcher.close()
        return answers

    assert run(work) == [2 * number for number in range(100)]
    assert max(map(len, model.batches)) == 7
    assert [item for batch in model.batches for item in batch] == list(range(100))


def test_what_comes_meanwhile_is_one_batch_and_the_first_never_waits():
    model = Model()

    async def work():
        batcher = Batcher(model)
        model.free.clear()
        first = asyncio.create_task(batcher.submit(0))
        await asyncio.sleep(0.05)
        rest = [asyncio.create_task(batcher.submit(number)) for number in range(1, 10)]
        await asyncio.sleep(0.05)
        model.free.set()
        await asyncio.gather(first, *rest)
        await batcher.close()

    run(work)
    assert model.batches == [[0], list(range(1, 10))]


def test_waiting_gathers_what_comes_within():
    model = Model()

    async def work():
        batcher = Batcher(model, wait=5, most=3)
        tasks = []
        for number in range(3):
            tasks.append(asyncio.create_task(batcher.submit(number)))
            await asyncio.sleep(0.02)
        begun = time.monotonic()
        await asyncio.gather(*tasks)
        assert time.monotonic() - begun < 4  # full: it waits no longer
        await batcher.close()

    run(work)
    assert model.batches == [[0, 1, 2]]


def test_a_bad_item_fails_alone():
    model = Model(bad=[3])

    async def work():
        batcher = Batcher(model)
        answers = await asyncio.gather(*map(batcher.submit, range(6)), return_exceptions=True)
        await batcher.close()
        return answers

    answers = run(work)
    assert answers[:3] + answers[4:] == [0, 2, 4, 8, 10]
    assert isinstance(answers[3], ValueError)


def test_an_exception_among_the_answers_is_that_items():
    async def work():
        batcher = Batcher(lambda items: [KeyError("no") if item == 1 else item for item in items])
        answers = await asyncio.gather(*map(batcher.submit, range(3)), return_exceptions=True)
        await batcher.close()
        return answers

    zero, one, two = run(work)
    assert (zero, type(one), two) == (0, KeyError, 2)


@pytest.mark.parametrize("answers", [lambda items: items[1:], lambda items: [*items, 1], lambda items: 5])
def test_too_few_answers_are_an_error(answers):
    async def work():
        batcher = Batcher(answers)
        try:
            return await asyncio.gather(*map(batcher.submit, range(2)), return_exceptions=True)
        finally:
            await batcher.close()

    assert all(isinstance(each, (ValueError, TypeError)) for each in run(work))


def test_what_nobody_waits_for_is_not_worked_on():
    model = Model()

    async def work():
        batcher = Batcher(model)
        model.free.clear()
        first = asyncio.create_task(batcher.submit(0))
        await asyncio.sleep(0.05)
        gone = asyncio.create_task(batcher.submit(1))
        kept = asyncio.create_task(batcher.submit(2))
        await asyncio.sleep(0.05)
        gone.cancel()
        model.free.set()
        assert await asyncio.gather(first, kept) == [0, 4]
        await batcher.close()

    run(work)
    assert model.batches == [[0], [2]]


def test_a_full_queue_refuses():
    model = Model()

    async def work():
        batcher = Batcher(model, most=1, queue=2)
        model.free.clear()
        tasks = [asyncio.create_task(batcher.submit(0))]
        await asyncio.sleep(0.05)
        tasks += [asyncio.create_task(batcher.submit(number)) for number in (1, 2, 3)]
        await asyncio.sleep(0.05)
        model.free.set()
        answers = await asyncio.gather(*tasks, return_exceptions=True)
        await batcher.close()
        return answers

    *answers, refused = run(work)
    assert answers == [0, 2, 4]
    assert (refused.answer.status, refused.answer.code, refused.answer.headers["Retry-After"]) == (
        503,
        "overloaded",
        "1",
    )


@pytest.mark.parametrize("wait", [0, 5])
def test_the_end_answers_what_was_accepted_and_takes_nothing_more(wait):
    model = Model()

    async def work():
        batcher = Batcher(model, most=2, wait=wait)
        model.free.clear()
        tasks = [asyncio.create_task(batcher.submit(number)) for number in range(5)]
        await asyncio.sleep(0.05)
        closing = asyncio.create_task(batcher.close())
        await asyncio.sleep(0)
        with pytest.raises(RefusedError, match="shutting_down"):
            await batcher.submit(9)
        model.free.set()
        await closing
        await batcher.close()  # twice is once
        return [task.result() for task in tasks]

    begun = time.monotonic()
    assert run(work) == [0, 2, 4, 6, 8]
    assert time.monotonic() - begun < 4


def test_an_end_before_anything_came():
    async def work():
        await Batcher(Model()).close()

    run(work)


def test_sizes_are_observed():
    seen = []

    async def work():
        batcher = Batcher(Model(), most=4, observe=seen.append)
        await asyncio.gather(*map(batcher.submit, range(10)))
        await batcher.close()

    run(work)
    assert sum(seen) == 10
    assert max(seen) <= 4
