"""The next batch while this one is worked on."""

import contextlib
import gc
import os
import subprocess
import sys
import threading
import time
from collections import namedtuple
from functools import partial
from pathlib import Path

import pytest
import torch

import aikit
from aikit import DeviceError, InputTypeError, InputValueError, stack
from aikit.batch import prefetch
from pictures import codes, tensor


def threads():
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("aikit prefetch")]


@pytest.fixture(autouse=True)
def no_thread_stays():
    yield
    assert threads() == []


def numbers(count, made=None):
    """Batches that say which they are."""
    for number in range(count):
        if made is not None:
            made.append(number)
        yield torch.full((2, 3), float(number))


@pytest.mark.parametrize("ahead", [1, 2, 5])
def test_batches_come_in_order(ahead):
    got = [int(batch[0, 0]) for batch in prefetch(numbers(9), "cpu", ahead=ahead)]
    assert got == list(range(9))


def test_functions_are_called_in_threads_and_their_batches_come_in_order():
    seen = []

    def make(number):
        time.sleep(0.03 if number % 3 == 0 else 0)
        seen.append(threading.current_thread().name)
        return torch.tensor(number)

    works = (partial(make, number) for number in range(8))
    assert [int(batch) for batch in prefetch(works, "cpu", ahead=3)] == list(range(8))
    assert all(name.startswith("aikit prefetch") for name in seen)
    assert len(set(seen)) > 1


def test_the_next_batch_is_made_while_this_one_is_worked_on():
    running = threading.Event()
    iterator = prefetch([lambda: 0, lambda: running.set() or 1], "cpu", ahead=1)
    assert next(iterator) == 0
    assert running.wait(10)  # nobody has asked for it
    assert list(iterator) == [1]


def test_structures_keep_their_form_and_what_is_no_tensor():
    Sample = namedtuple("Sample", "image label")
    marker = object()
    batch = {"a": [torch.ones(2), Sample(torch.zeros(1), "cat")], "b": (marker, None, 3)}
    (got,) = prefetch([batch], "cpu")
    assert isinstance(got["a"][1], Sample)
    assert got["a"][1].label == "cat"
    assert got["b"] == (marker, None, 3)
    assert torch.equal(got["a"][0], torch.ones(2))


@pytest.mark.parametrize("ahead", [1, 3])
def test_no_more_batches_are_made_than_asked_for(ahead):
    made = []
    iterator = prefetch(numbers(50, made), "cpu", ahead=ahead)
    assert made == []
    for taken in range(1, 6):
        next(iterator)
        time.sleep(0.02)
        assert len(made) == taken + ahead
    iterator.close()


def test_the_iterator_does_not_keep_the_batch_that_it_gave():
    import weakref

    iterator = prefetch(numbers(3), "cpu")
    reference = weakref.ref(next(iterator))
    gc.collect()
    assert reference() is None
    iterator.close()


# errors


def broken_source(good):
    yield from numbers(good)
    raise KeyError("the source")


def test_an_error_of_the_source_comes_after_the_good_batches():
    iterator = prefetch(broken_source(3), "cpu", ahead=5)
    assert [int(next(iterator)[0, 0]) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(KeyError, match="the source"):
        next(iterator)
    assert list(iterator) == []


def test_an_error_in_a_thread_comes_in_its_place():
    def fail():
        raise aikit.FileFormatError("a.png", "a picture", "none", "look")

    works = [lambda: time.sleep(0.05) or 0, fail, lambda: 2]
    iterator = prefetch(works, "cpu", ahead=3)
    assert next(iterator) == 0
    with pytest.raises(aikit.FileFormatError, match=r"a\.png: expected"):
        next(iterator)
    assert list(iterator) == []


# ends


@pytest.mark.parametrize("way", ["break", "close", "drop", "raise", "never started"])
def test_no_thread_survives(way):
    closed = []

    def source():
        try:
            yield from numbers(1000)
        finally:
            closed.append(way)

    iterator = prefetch(source(), "cpu")
    if way == "never started":
        del iterator
        gc.collect()
        assert threads() == []
        return
    next(iterator)
    assert len(threads()) >= 2
    if way == "break":
        for _ in iterator:
            break
        del iterator
    elif way == "close":
        iterator.close()
    elif way == "drop":
        del iterator
        gc.collect()
    else:
        with pytest.raises(ZeroDivisionError, match="division"), contextlib.closing(iterator):
            1 / 0  # noqa: B018
    assert threads() == []
    assert closed == [way]


@pytest.mark.parametrize("side", [1, 1200])  # small works wait for slots when the program ends, large ones compute
def test_a_program_that_ends_in_the_middle_ends(side):
    code = f"""
import torch, itertools
from aikit.batch import prefetch
source = (torch.ones({side}, {side}) @ torch.ones({side}, {side}) for _ in itertools.count())
iterator = prefetch(source, "cpu")
next(iterator)
print("end")
"""
    environment = {**os.environ, "PYTHONPATH": str(Path(aikit.__file__).parents[1])}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "end\n", "")


def test_two_at_once():
    pairs = zip(prefetch(numbers(5), "cpu"), prefetch(numbers(5), "cpu"), strict=True)
    assert all(torch.equal(one, other) for one, other in pairs)


# with the others


def test_a_data_loader_goes_through():
    data = torch.utils.data.TensorDataset(torch.arange(6.0)[:, None], torch.arange(6))
    loader = torch.utils.data.DataLoader(data, batch_size=2, num_workers=1)
    got = list(prefetch(loader, "cpu"))
    assert [label.tolist() for _, label in got] == [[0, 1], [2, 3], [4, 5]]


def test_pictures_are_stacked_in_the_threads():
    chunks = [[codes(4, 5, 3) // (number + 1)] * 2 for number in range(4)]
    works = [partial(stack, chunk, device="cpu", dtype="uint8") for chunk in chunks]
    for batch, chunk in zip(prefetch(works, "cpu"), chunks, strict=True):
        assert torch.equal(batch[0], tensor(chunk[0]))


@pytest.mark.parametrize(
    ("batches", "options", "error", "message"),
    [
        (3, {}, InputTypeError, "batches: expected an iterable of batches, got int; pass a DataLoader or a list"),
        ("abc", {}, InputTypeError, "batches: expected an iterable of batches, got str"),
        ([], {"ahead": 0}, InputValueError, "ahead: expected 1 or more, got 0"),
        ([], {"ahead": 1.5}, InputTypeError, "ahead: expected a whole number, got 1.5"),
        ([], {"device": "cuda:77"}, DeviceError, "device: expected one of .*, got 'cuda:77'"),
    ],
)
def test_mistakes_are_told_before_the_first_batch(batches, options, error, message):
    with pytest.raises(error, match=message):
        prefetch(batches, **{"device": "cpu", **options})


# On a device


@pytest.mark.gpu
@pytest.mark.parametrize("pinned", [False, True])
def test_batches_arrive_whole_on_cuda(pinned):
    host = [torch.full((64, 3, 64, 64), float(number)) for number in range(20)]
    host = [batch.pin_memory() if pinned else batch for batch in host]
    for number, batch in enumerate(prefetch(host, "cuda", ahead=3)):
        torch.cuda._sleep(20_000_000)  # the program's stream lags behind the transfers
        assert batch.is_cuda
        assert batch.eq(number).all()


@pytest.mark.gpu
def test_memory_is_not_given_to_the_next_batch_before_the_program_has_done_with_it():
    sums = []
    for batch in prefetch((torch.full((1 << 22,), float(number)) for number in range(20)), "cuda", ahead=4):
        torch.cuda._sleep(20_000_000)
        sums.append(batch.double().mean())
        del batch
    assert torch.stack(sums).tolist() == list(range(20))


@pytest.mark.gpu
def test_transfers_run_beside_the_work():
    iterator = prefetch((torch.ones(1 << 24) for _ in range(4)), "cuda", ahead=1)
    next(iterator)
    torch.cuda._sleep(4_000_000_000)  # about two seconds of the program's stream
    busy = torch.cuda.Event()
    busy.record()
    start = time.perf_counter()
    second = next(iterator)
    assert time.perf_counter() - start < 1
    assert not busy.query()
    assert second.sum().item() == 1 << 24
    iterator.close()


@pytest.mark.gpu
def test_pictures_are_stacked_on_the_side_stream():
    streams = []

    def make(number):
        streams.append(torch.cuda.current_stream().cuda_stream)
        return stack([codes(64, 64, 3) // (number + 1)] * 8, device="cuda", dtype="uint8")

    batches = [batch.cpu() for batch in prefetch([partial(make, number) for number in range(6)], "cuda")]
    assert all(torch.equal(batch[3], tensor(codes(64, 64, 3) // (n + 1))) for n, batch in enumerate(batches))
    assert len(set(streams)) == 1
    assert torch.cuda.default_stream().cuda_stream not in streams


@pytest.mark.gpu
def test_everything_else_in_a_batch_stays_as_it_is():
    (got,) = prefetch([{"x": torch.ones(2), "y": "cat", "z": [torch.zeros(1, device="cuda")]}], "cuda")
    assert got["x"].is_cuda
    assert got["y"] == "cat"
    assert got["z"][0].is_cuda
