"""ModelPool: who is loaded, who is dropped, who waits. Threads meet at barriers and events, never by the clock."""

import gc
import re
import threading
import weakref

import pytest
import torch
from torch import nn

from aikit import DeviceError, InputTypeError, InputValueError
from aikit.memory import ModelPool, pool as pool_module

WAIT = 20  # seconds until a test that hangs fails


@pytest.fixture(autouse=True, scope="module")
def _only_our_garbage():
    """Every collection would walk through all that the test run has loaded, which takes most of the time."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


def weights(size):
    return torch.zeros(size, dtype=torch.uint8)


class Loaders:
    """Loaders of models of given sizes, which count their calls."""

    def __init__(self, pool, **sizes):
        self.calls, self.models = [], {}
        for name, size in sizes.items():
            pool.add(name, lambda name=name, size=size: self.load(name, size))

    def load(self, name, size):
        self.calls.append(name)
        model = {"weights": weights(size)}
        self.models[name] = model
        return model


def touch(pool, *names):
    for name in names:
        with pool.use(name):
            pass


def run(*functions):
    """Run functions in threads of their own and give what they returned or raised."""
    results = [None] * len(functions)

    def call(at, function):
        try:
            results[at] = function()
        except BaseException as error:  # noqa: BLE001
            results[at] = error

    threads = [threading.Thread(target=call, args=pair, daemon=True) for pair in enumerate(functions)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT)
        assert not thread.is_alive(), "a thread hangs"
    return results


# Loading and dropping


def test_a_model_is_loaded_once_and_stays():
    pool = ModelPool(budget=100)
    loaders = Loaders(pool, a=10)
    with pool.use("a") as first:
        pass
    with pool.use("a") as second:
        assert second is first is loaders.models["a"]
    assert loaders.calls == ["a"]
    assert pool.loaded == ("a",)


def test_the_model_unused_for_longest_is_dropped():
    pool = ModelPool(budget=30)
    loaders = Loaders(pool, a=10, b=10, c=10, d=10)
    touch(pool, "a", "b", "c", "a", "d")
    assert pool.loaded == ("c", "a", "d")
    assert loaders.models["b"]["weights"].numel() == 0
    assert loaders.models["c"]["weights"].numel() == 10


def test_as_many_are_dropped_as_are_needed():
    pool = ModelPool(budget=30)
    Loaders(pool, a=10, b=10, c=10, big=15)
    touch(pool, "a", "b", "c", "big")
    assert pool.loaded == ("c", "big")


def test_a_model_of_known_size_finds_its_room_made():
    pool = ModelPool(budget=30)
    seen = []
    Loaders(pool, a=20)
    pool.add("b", lambda: seen.append(pool.loaded) or {"weights": weights(20)})
    touch(pool, "b", "a", "b")
    assert seen == [(), ()]  # the second time a was dropped before b was loaded
    assert pool.loaded == ("b",)


def test_a_dropped_model_is_loaded_again():
    pool = ModelPool(budget=10)
    loaders = Loaders(pool, a=10, b=10)
    touch(pool, "a", "b")
    with pool.use("a") as model:
        assert model["weights"].numel() == 10
    assert loaders.calls == ["a", "b", "a"]


def test_a_dropped_model_is_freed_although_a_caller_kept_it():
    pool = ModelPool(budget=5000)
    pool.add("a", lambda: nn.Linear(20, 20))
    pool.add("b", lambda: nn.Linear(30, 30))
    with pool.use("a") as kept:
        pass
    touch(pool, "b")
    assert kept.weight.numel() == 0


def test_an_object_with_modules_is_a_model():
    class Pipeline:
        def __init__(self):
            self.unet, self.name = nn.Linear(5, 5), "pipeline"

    pool = ModelPool(budget="1KiB")
    pool.add("pipeline", Pipeline)
    with pool.use("pipeline") as pipeline:
        unet = pipeline.unet
    pool.clear()
    assert unet.weight.numel() == 0


def test_without_a_budget_everything_stays():
    pool = ModelPool()
    Loaders(pool, a=10, b=10**6)
    touch(pool, "a", "b")
    assert pool.loaded == ("a", "b")


def test_clear_drops_what_is_not_in_use():
    pool = ModelPool(budget=100)
    loaders = Loaders(pool, a=10, b=10)
    touch(pool, "b")
    with pool.use("a"):
        assert pool.clear() >= 0
        assert pool.loaded == ("a",)
        assert loaders.models["a"]["weights"].numel() == 10
    pool.clear()
    assert pool.loaded == ()


# In use


def test_a_model_in_use_is_not_dropped():
    pool = ModelPool(budget=30)
    loaders = Loaders(pool, a=10, b=10, c=15)
    with pool.use("a") as a:
        touch(pool, "b", "c")
        assert pool.loaded == ("a", "c")
        assert a["weights"].numel() == 10
    assert loaders.calls == ["a", "b", "c"]


def test_a_model_is_in_use_until_its_last_user_leaves():
    pool = ModelPool(budget=10)
    Loaders(pool, a=10, b=10)
    outer = pool.use("a")
    outer.__enter__()
    touch(pool, "a")
    with pytest.raises(DeviceError, match="expected room for 'b'"), pool.use("b"):
        pass
    outer.__exit__(None, None, None)
    touch(pool, "b")


def test_an_error_in_the_block_ends_the_use():
    pool = ModelPool(budget=10)
    Loaders(pool, a=10, b=10)
    with pytest.raises(KeyError, match="inside"), pool.use("a"):
        raise KeyError("inside")
    touch(pool, "b")
    assert pool.loaded == ("b",)


def test_a_use_may_end_in_another_thread():
    pool = ModelPool(budget=10)
    Loaders(pool, a=10, b=10)
    lease = pool.use("a")
    lease.__enter__()
    run(lambda: lease.__exit__(None, None, None))
    touch(pool, "b")
    assert pool.loaded == ("b",)


@pytest.mark.parametrize("known", [False, True])
def test_a_thread_that_uses_a_model_does_not_wait_for_itself(known):
    pool = ModelPool(budget=15)
    loaders = Loaders(pool, a=10, b=10)
    if known:
        touch(pool, "b")
    expected = (
        r"budget: expected room for 'b', 10 B, got 15 B with 'a' in use; leave a model before asking for the next"
    )
    with pool.use("a"):
        with pytest.raises(DeviceError, match=expected), pool.use("b"):
            pass
        assert pool.loaded == ("a",)
        assert loaders.models["a"]["weights"].numel() == 10
    touch(pool, "b")


# Threads


def test_two_threads_that_ask_for_one_model_load_it_once():
    pool, calls = ModelPool(budget=100), []
    loading, asked = threading.Event(), threading.Event()

    def load():
        calls.append(threading.get_ident())
        loading.set()
        assert asked.wait(WAIT)
        return weights(10)

    pool.add("a", load)

    def first():
        with pool.use("a") as model:
            return model

    def second():
        assert loading.wait(WAIT)
        asked.set()
        with pool.use("a") as model:
            return model

    one, two = run(first, second)
    assert one is two
    assert len(calls) == 1


def test_many_threads_and_few_models():
    """Whatever the order: one load at a time, never above the budget, nobody finds an empty model."""
    pool, inside, most = ModelPool(budget=20), [], []
    start = threading.Barrier(8)

    def load(size):
        inside.append(size)
        most.append(len(inside))
        model = weights(size)
        inside.pop()
        return model

    for at in range(4):
        pool.add(f"m{at}", lambda: load(10))

    def work(seed):
        start.wait(WAIT)
        for step in range(25):
            with pool.use(f"m{(seed * 7 + step * 3) % 4}") as model:
                assert model.numel() == 10
        return "done"

    assert run(*[lambda seed=seed: work(seed) for seed in range(8)]) == ["done"] * 8
    assert max(most) == 1
    assert len(pool.loaded) <= 2


def test_a_loaded_model_can_be_used_while_another_is_loaded():
    pool = ModelPool(budget=100)
    Loaders(pool, a=10)
    touch(pool, "a")
    loading, used = threading.Event(), threading.Event()

    def load():
        loading.set()
        assert used.wait(WAIT)
        return weights(10)

    def use_the_other():
        assert loading.wait(WAIT)
        with pool.use("a"):
            used.set()
        return "used"

    pool.add("slow", load)
    assert run(lambda: touch(pool, "slow"), use_the_other) == [None, "used"]


@pytest.mark.parametrize("known", [False, True])
def test_a_thread_waits_until_another_leaves_its_model(known):
    pool = ModelPool(budget=10)
    loaders = Loaders(pool, a=10, b=10)
    if known:
        touch(pool, "b")
    using, order = threading.Event(), []

    def first():
        with pool.use("a"):
            using.set()
            # Until the other thread is about to wait. What it does then is seen in the order of events.
            while not waiting():
                pass
            order.append("a is left")

    def second():
        assert using.wait(WAIT)
        with pool.use("b"):
            order.append("b is used")

    def waiting():
        return len(pool._changed._waiters) > 0

    assert run(first, second) == [None, None]
    assert order == ["a is left", "b is used"]
    assert pool.loaded == ("b",)
    assert loaders.calls.count("a") == 1


def test_a_thread_that_waits_for_a_failing_load_loads_itself():
    pool, calls = ModelPool(budget=100), []
    loading, asked = threading.Event(), threading.Event()

    def load():
        calls.append(1)
        if len(calls) == 1:
            loading.set()
            assert asked.wait(WAIT)
            raise OSError("the disk")
        return weights(10)

    def second():
        assert loading.wait(WAIT)
        asked.set()
        with pool.use("a") as model:
            return model.numel()

    pool.add("a", load)
    failed, got = run(lambda: touch(pool, "a"), second)
    assert isinstance(failed, OSError)
    assert got == 10
    assert len(calls) == 2


# Loads that fail


def test_a_load_that_fails_leaves_the_pool_as_it_was():
    pool = ModelPool(budget=20)
    loaders = Loaders(pool, a=10, b=10)
    touch(pool, "a", "b")
    error = RuntimeError("no such checkpoint")

    def fail():
        raise error

    pool.add("broken", fail)
    for _ in range(2):
        with pytest.raises(RuntimeError, match=re.escape(str(error))) as caught, pool.use("broken"):
            pass
        assert caught.value is error
        assert pool.loaded == ("a", "b")
    touch(pool, "a", "b")
    assert loaders.calls == ["a", "b"]


@pytest.mark.parametrize("model", [None, object(), "weights.safetensors"], ids=["None", "object", "str"])
def test_a_loader_that_gives_no_model_is_refused(model):
    pool = ModelPool(budget=20)
    pool.add("a", lambda: model)
    with pytest.raises(InputTypeError, match=r"loader: expected modules, tensors, .*, got \w+; pass what it holds"):
        touch(pool, "a")
    assert pool.loaded == ()


def test_a_model_larger_than_the_budget_drops_nobody():
    pool = ModelPool(budget=20)
    loaders = Loaders(pool, a=10, big=30)
    touch(pool, "a")
    for _ in range(2):
        with pytest.raises(DeviceError, match="budget: expected room for 'big', 30 B, got 20 B; raise the budget"):
            touch(pool, "big")
        assert pool.loaded == ("a",)
    assert loaders.models["big"]["weights"].numel() == 0
    assert loaders.calls == ["a", "big"]  # the second time its size was known


def test_a_loader_that_uses_the_pool_is_refused():
    pool = ModelPool(budget=20)
    Loaders(pool, a=10)
    pool.add("nested", lambda: touch(pool, "a"))
    with pytest.raises(DeviceError, match="loader: expected one that does not use the pool, got a request for 'a'"):
        touch(pool, "nested")
    touch(pool, "a")


class Device:
    """A device of so many bytes: a load that does not fit runs out of memory."""

    def __init__(self, capacity):
        self.capacity, self.held = capacity, []

    def load(self, size):
        if sum(tensor.numel() for tensor in self.held) + size > self.capacity:
            raise torch.OutOfMemoryError("CUDA out of memory")
        self.held.append(weights(size))
        return self.held[-1]


def test_memory_that_runs_out_while_loading_drops_one_after_the_other_and_tries_again():
    pool, device, calls = ModelPool(), Device(40), []
    for name, size in {"a": 10, "b": 10, "c": 15, "d": 20}.items():
        pool.add(name, lambda name=name, size=size: calls.append(name) or device.load(size))
    touch(pool, "a", "b", "c", "a", "d")
    assert pool.loaded == ("a", "d")  # b went, then c
    assert calls == ["a", "b", "c", "d", "d", "d"]


def test_once_nothing_is_left_to_drop_the_error_comes_out():
    pool, device = ModelPool(), Device(40)
    for name, size in {"a": 30, "b": 5, "big": 20}.items():
        pool.add(name, lambda size=size: device.load(size))
    with pool.use("a") as a:
        touch(pool, "b")
        with pytest.raises(torch.OutOfMemoryError, match="CUDA out of memory"):
            touch(pool, "big")
        assert a.numel() == 30
        assert pool.loaded == ("a",)
    touch(pool, "big")
    assert pool.loaded == ("big",)


def test_nothing_of_a_failed_load_is_left_when_it_is_tried_again():
    pool, watched, alive = ModelPool(), [], []
    Loaders(pool, a=10)

    def load():
        alive.extend(reference() is not None for reference in watched)
        part = nn.Linear(3, 3)
        watched.append(weakref.ref(part))
        if len(watched) == 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return part

    touch(pool, "a")
    pool.add("b", load)
    touch(pool, "b")
    assert alive == [False]


# Words


def test_names_are_added_once_and_known():
    pool = ModelPool(budget=10)
    Loaders(pool, a=1, b=1)
    with pytest.raises(InputValueError, match="name: expected a new name, got 'a', which is taken; pass another"):
        pool.add("a", dict)
    with pytest.raises(InputValueError, match=r"name: expected one of \['a', 'b'\], got 'c'; add it first"):
        touch(pool, "c")
    with pytest.raises(InputTypeError, match="loader: expected a function, got 3; pass one"):
        pool.add("c", 3)


@pytest.mark.parametrize(
    ("budget", "error", "message"),
    [
        (0, InputValueError, 'budget: expected more than 0 bytes, got 0; pass a size such as "20GiB"'),
        ("0GiB", InputValueError, "budget: expected more than 0 bytes"),
        ("20G", InputValueError, "budget: expected a size such as"),
        ([], InputTypeError, "budget: expected bytes or a str"),
    ],
)
def test_a_budget_that_cannot_be_is_refused(budget, error, message):
    with pytest.raises(error, match=message):
        ModelPool(budget=budget)


def test_the_log_names_what_is_dropped(caplog):
    pool, device = ModelPool(), Device(10)
    pool.add("a", lambda: device.load(10))
    pool.add("b", lambda: device.load(10))
    touch(pool, "a", "b")
    assert "out of memory while 'b' was loaded; dropping ['a']" in caplog.text
    assert pool_module._log.name == "aikit"


# On a GPU


@pytest.mark.gpu
def test_dropped_models_make_room_on_a_gpu():
    from aikit import free_memory

    free_memory()
    total = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.set_per_process_memory_fraction((1 << 30) / total, 0)
    try:
        pool = ModelPool()
        for name in "abc":
            pool.add(name, lambda: torch.zeros(600 << 20, dtype=torch.uint8, device="cuda"))
        touch(pool, "a", "b", "c", "a")
        assert pool.loaded == ("a",)
        pool.clear()
        assert torch.cuda.memory_reserved() < 600 << 20
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0, 0)
