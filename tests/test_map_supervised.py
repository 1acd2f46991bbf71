"""map_supervised: one item's crash is that item's error, and everything else comes, in order."""

import math
import os
import signal
import subprocess
import sys
import threading
import time
from functools import partial
from importlib.util import find_spec
from itertools import count, islice
from pathlib import Path

import numpy as np
import pytest

import supervised_jobs as jobs
from aikit import InputTypeError, InputValueError, LimitError, WorkerError, encode, map_supervised
from aikit.folders import Outcome, supervised
from pictures import codes

SRC = Path(__file__).parents[1] / "src"
PATIENCE = 60.0
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def is_running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_until(condition):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def environment():
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(SRC), str(Path(__file__).parent)])}


def values(outcomes):
    return [outcome.value for outcome in outcomes]


# Results


@pytest.mark.parametrize("workers", [1, 3])
def test_results_come_in_the_order_of_the_items(workers):
    outcomes = list(map_supervised(jobs.slow_square, range(12), workers=workers))
    assert outcomes == [Outcome(number, number * number, None) for number in range(12)]
    assert isinstance(outcomes[0], Outcome)


def test_nothing_to_do():
    assert list(map_supervised(jobs.square, [])) == []


def test_methods_partials_and_builtins_travel():
    assert values(map_supervised(partial(jobs.echo), ["a"], workers=1)) == ["a"]
    assert values(map_supervised("{:03d}".format, [7], workers=1)) == ["007"]
    assert values(map_supervised(math.sqrt, [16], workers=1)) == [4.0]


def test_arrays_travel_whole_and_belong_to_the_caller():
    sizes = [1, 20, 60]  # megabytes: by pipe, over the shared memory, and too large for it
    results = values(map_supervised(jobs.large_array, sizes, workers=1))
    for size, result in zip(sizes, results, strict=True):
        np.testing.assert_array_equal(result, np.arange(size * 250_000, dtype=np.uint32))
        result[0] = 7
    given = codes(500, 600, 3)
    (back,) = values(map_supervised(jobs.echo, [given], workers=1))
    np.testing.assert_array_equal(back, given)


def test_readers_work_inside():
    data = encode(codes(5, 6, 3), "png")
    assert values(map_supervised(jobs.read_size, [data, data], workers=1)) == [(6, 5)] * 2


def test_endless_items_are_drawn_as_they_are_needed():
    drawn = []

    def items():
        for number in count():
            drawn.append(number)
            yield number

    outcomes = map_supervised(jobs.square, items(), workers=2)
    assert drawn == []
    assert values(islice(outcomes, 10)) == [number * number for number in range(10)]
    assert len(drawn) <= 10 + 2 * 2
    outcomes.close()


def test_results_are_not_held():
    outcomes = map_supervised(jobs.large_array, [4] * 200, workers=2)
    import tracemalloc

    tracemalloc.start()
    for outcome in islice(outcomes, 20):
        assert outcome.value is not None
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    outcomes.close()
    assert peak < 60_000_000


def test_an_error_of_the_items_themselves_comes_out():
    def items():
        yield 1
        raise OSError("the list ends here")

    outcomes = map_supervised(jobs.square, items(), workers=1)
    with pytest.raises(OSError, match="the list ends here"):
        list(outcomes)


# Failures


def test_an_exception_is_the_outcome_of_its_item():
    first, second = map_supervised(jobs.misbehave, ["raise", "fine"], workers=1)
    assert first.value is None
    assert isinstance(first.error, KeyError)
    assert "in misbehave" in first.error.__notes__[0]
    assert second == ("fine", "fine", None)


@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize(
    ("kind", "how"),
    [("segv", "killed by SIGSEGV"), ("exit", "exited with status 7"), ("sys.exit", "exited with status 3")],
)
def test_a_crash_is_the_outcome_of_its_item(kind, how):
    outcomes = list(map_supervised(jobs.misbehave, ["a", kind, "b"], workers=1))
    assert values(outcomes) == ["a", None, "b"]
    assert isinstance(outcomes[1].error, WorkerError)
    assert outcomes[1].error.code == "worker_crashed"
    assert how in str(outcomes[1].error)


@pytest.mark.parametrize("kind", ["hang", "hang in C"])
def test_a_hang_is_the_outcome_of_its_item(kind):
    outcomes = list(map_supervised(jobs.misbehave, ["a", kind, "b"], workers=1, timeout=0.5))
    assert values(outcomes) == ["a", None, "b"]
    assert isinstance(outcomes[1].error, LimitError)
    assert outcomes[1].error.code == "timeout"
    assert (outcomes[1].error.limit, outcomes[1].error.allowed, outcomes[1].error.option) == ("timeout", 0.5, "timeout")
    assert "within 0.5 seconds" in str(outcomes[1].error)


@LINUX
def test_a_worker_that_the_system_kills_costs_one_item():
    # What the out-of-memory killer does.
    outcomes = map_supervised(jobs.slow_square, range(12), workers=2)
    first = next(outcomes)
    me = os.getpid()
    children = Path(f"/proc/{me}/task")
    pids = {int(pid) for thread in children.iterdir() for pid in (thread / "children").read_text().split()}
    victim = next(pid for pid in pids if b"aikit.isolation" in Path(f"/proc/{pid}/cmdline").read_bytes())
    os.kill(victim, signal.SIGKILL)
    rest = list(outcomes)
    lost = [outcome for outcome in rest if outcome.error]
    assert first.value == 0
    assert len(rest) == 11
    assert len(lost) <= 1
    assert all(outcome.error.code == "worker_crashed" for outcome in lost)


@pytest.mark.slow
def test_two_hundred_items_some_of_which_crash():
    items = [{7: "segv", 23: "exit", 31: "raise"}.get(number % 37, number) for number in range(200)]
    outcomes = list(map_supervised(jobs.misbehave, items, workers=3))
    assert [outcome.item for outcome in outcomes] == items
    assert [outcome.value for outcome in outcomes] == [None if isinstance(item, str) else item for item in items]
    kinds = {"segv": WorkerError, "exit": WorkerError, "raise": KeyError, int: type(None)}
    assert all(type(outcome.error) is kinds.get(outcome.item, type(None)) for outcome in outcomes)


def test_what_cannot_travel_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "cloudpickle", None)
    items = [1, threading.Lock(), 2]
    outcomes = list(map_supervised(jobs.square, items, workers=1))
    assert values(outcomes) == [1, None, 4]
    assert isinstance(outcomes[1].error, InputTypeError)
    assert str(outcomes[1].error).startswith("item: expected what a child process can import, got <unlocked")
    (outcome,) = map_supervised(jobs.give_lambda, [1], workers=1)
    assert outcome.error.code == "worker_failed"
    assert str(outcome.error).startswith("fn: expected a result that can be pickled, got function (")


def test_an_exception_that_cannot_travel_is_told_by_its_text():
    (outcome,) = map_supervised(jobs.raise_unpicklable, [1], workers=1)
    assert isinstance(outcome.error, WorkerError)
    assert outcome.error.code == "worker_failed"
    assert str(outcome.error).startswith("fn: expected an exception that can be pickled, got Unpicklable: left right;")
    assert "in raise_unpicklable" in outcome.error.__notes__[0]


def test_a_value_that_cannot_be_unpickled_costs_its_item():
    outcomes = list(map_supervised(jobs.square_or_two, range(6), workers=2))
    assert values(outcomes) == [0, 1, None, 9, 16, 25]
    assert outcomes[2].error.code == "worker_failed"
    assert str(outcomes[2].error).startswith("fn: expected a result that can be unpickled, got")
    assert "TypeError" in str(outcomes[2].error)


@pytest.mark.skipif(os.name != "posix", reason="fork")
def test_a_function_that_forks_gives_each_item_its_own_value():
    outcomes = list(map_supervised(jobs.fork_and_return, range(12), workers=2))
    assert outcomes == [Outcome(number, number, None) for number in range(12)]


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_a_process_that_is_killed_while_it_starts_costs_one_item(tmp_path, monkeypatch):
    jobs.kill_starting_children(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "left").write_text("2")
    outcomes = list(map_supervised(jobs.square, range(5), workers=1))
    assert values(outcomes) == [None, None, 4, 9, 16]
    assert [outcome.error.code for outcome in outcomes[:2]] == ["worker_crashed"] * 2


def test_what_the_function_prints_stays_away(capfd):
    assert values(map_supervised(jobs.print_and_return, [1, 2], workers=1)) == [1, 2]
    assert capfd.readouterr() == ("", "")


def test_each_process_computes_in_its_share_of_the_processors(monkeypatch):
    for name in supervised._THREADS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(supervised, "processors", lambda: 6)
    assert values(map_supervised(jobs.threads_allowed, [1], workers=2)) == ["3"]
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    assert values(map_supervised(jobs.threads_allowed, [1], workers=2)) == ["5"]


# Arguments


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        ((5, []), {}, InputTypeError, r"^fn: expected a function, got int; pass one that takes one item\.$"),
        ((jobs.square, 5), {}, InputTypeError, r"^items: expected an iterable, got int; pass a list or a generator\.$"),
        ((jobs.square, []), {"workers": 1.5}, InputTypeError, r"^workers: expected a whole number or None, got 1\.5;"),
        ((jobs.square, []), {"workers": True}, InputTypeError, r"^workers: expected a whole number or None, got True;"),
        (
            (jobs.square, []),
            {"workers": 0},
            InputValueError,
            r"^workers: expected a whole number above 0, got 0; leave",
        ),
        (
            (jobs.square, []),
            {"timeout": "1"},
            InputTypeError,
            r"^timeout: expected a number of seconds or None, got '1'",
        ),
        ((jobs.square, []), {"timeout": 0}, InputValueError, r"^timeout: expected a number of seconds above 0, got 0;"),
        (
            (jobs.square, []),
            {"timeout": math.nan},
            InputValueError,
            r"above 0, got nan; leave it out for the default\.$",
        ),
    ],
)
def test_arguments_are_checked_at_once(arguments, options, error, message):
    with pytest.raises(error, match=message):
        map_supervised(*arguments, **options)


def test_a_function_that_only_this_process_knows_is_refused_at_once(monkeypatch):
    monkeypatch.setitem(sys.modules, "cloudpickle", None)
    message = r"^fn: expected what a child process can import, got <function .*>.*; put it into a module of its own, or run: pip install cloudpickle\.$"
    with pytest.raises(InputTypeError, match=message):
        map_supervised(lambda item: item, [1])


def test_a_function_whose_module_the_child_cannot_import(monkeypatch):
    module = type(sys)("only_here")
    exec("def function(item): return item", module.__dict__)
    monkeypatch.setitem(sys.modules, "only_here", module)
    message = r"^fn: expected a function that a child process can import, got ModuleNotFoundError: No module named 'only_here'"
    with pytest.raises(WorkerError, match=message) as caught:
        list(map_supervised(module.function, [1, 2], workers=1))
    assert caught.value.code == "worker_failed"


CLOUDPICKLE = """
# What cloudpickle does, in the small: functions by value.
import marshal, pickle, types
def rebuild(code): return types.FunctionType(marshal.loads(code), {"__builtins__": __builtins__})
class Pickler(pickle.Pickler):
    def reducer_override(self, value):
        if isinstance(value, types.FunctionType) and value.__module__ == "__main__":
            return rebuild, (marshal.dumps(value.__code__),)
        return NotImplemented
def dumps(value):
    import io
    stream = io.BytesIO()
    Pickler(stream, 5).dump(value)
    return stream.getvalue()
"""
IN_MAIN = """
import aikit
def double(item): return 2 * item
try:
    print([outcome.value for outcome in aikit.map_supervised(double, [1, 2], workers=1)])
except aikit.InputTypeError as error:
    print(error)
"""


@pytest.mark.parametrize("how", ["script.py", "-c", "-"])
def test_functions_of_a_script_need_cloudpickle(how, tmp_path):
    (tmp_path / "script.py").write_text(IN_MAIN)
    command = [sys.executable, *{"-c": ["-c", IN_MAIN]}.get(how, [how])]
    options = {"input": IN_MAIN, "capture_output": True, "text": True, "cwd": tmp_path, "env": environment()}
    if find_spec("cloudpickle") is None:
        done = subprocess.run(command, **options, check=False)
        assert done.stdout.startswith("fn: expected what a child process can import, got <function double")
    (tmp_path / "cloudpickle.py").write_text(CLOUDPICKLE)
    done = subprocess.run(command, **options, check=False)
    assert (done.stdout, done.stderr) == ("[2, 4]\n", "")


def test_modules_beside_the_caller_are_found(tmp_path):
    (tmp_path / "beside.py").write_text("def triple(item): return 3 * item")
    code = "import aikit, beside; print([o.value for o in aikit.map_supervised(beside.triple, [1, 2], workers=1)])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, env=environment(), check=False
    )
    assert (done.stdout, done.stderr) == ("[3, 6]\n", "")


# The end


@LINUX
def test_an_iterator_that_is_dropped_ends_its_processes_at_once():
    outcomes = map_supervised(jobs.process_then_hang, [0, 1, 1], workers=2)
    pid = next(outcomes).value
    assert is_running(pid)
    start = time.monotonic()
    outcomes.close()
    assert time.monotonic() - start < 10
    wait_until(lambda: not is_running(pid))


STOPPED = """
import aikit, supervised_jobs
for outcome in aikit.map_supervised(supervised_jobs.process_then_hang, [0] + [1] * 20, workers=2):
    print(outcome.value, flush=True)
"""


@LINUX
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda how: how.name)
def test_the_end_of_the_parent_is_the_end_of_all(how):
    process = subprocess.Popen(
        [sys.executable, "-c", STOPPED],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
        start_new_session=True,
    )
    pid = int(process.stdout.readline())
    time.sleep(0.3)
    start = time.monotonic()
    os.killpg(process.pid, how)
    errors = process.communicate(timeout=PATIENCE)[1]
    # A second on an idle machine; the twenty items would take hours.
    assert time.monotonic() - start < 10
    assert ("KeyboardInterrupt" in errors) == (how == signal.SIGINT)
    wait_until(lambda: not is_running(pid))


def test_an_iterator_left_open_does_not_hold_up_the_interpreter():
    code = "import aikit, supervised_jobs as j; it = aikit.map_supervised(j.process_then_hang, [0, 1, 1], workers=2); next(it)"
    start = time.monotonic()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment(), check=False)
    assert time.monotonic() - start < PATIENCE
    assert done.stderr == ""
    assert done.returncode == 0
