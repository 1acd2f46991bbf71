"""Child processes: whatever they do, the parent gets an answer or an error, and nothing is left behind."""

import contextlib
import gc
import io
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, strategies as st
from PIL import Image

import aikit
import supervised_jobs
from aikit import FileAccessError, FileFormatError, LimitError, Limits, WorkerError, errors, isolation
from aikit.isolation import calls, failures, pool as pools, results, search_path, supervisor, wire_format
from aikit.isolation.calls import in_another_process, stream_from_another_process
from aikit.isolation.child import RequestLoop
from aikit.isolation.pool import IdlePool
from aikit.isolation.supervisor import Worker

SRC = Path(__file__).parents[1] / "src"
TESTS = Path(__file__).parent
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
POSIX = pytest.mark.skipif(os.name != "posix", reason="signals")
# The machine may be busy with other things: what must happen is waited for this long.
PATIENCE = 60.0


def call(function, *arguments, **options):
    return in_another_process(f"supervised_jobs:{function}", arguments, subject="a.png", **options)


def pid_of_a_child():
    return in_another_process("os:getpid", (), subject="x")


def stream(function, *arguments, **options):
    return stream_from_another_process(f"supervised_jobs:{function}", arguments, subject="a.png", **options)


def wait_until(condition):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def is_running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def environment(**more):
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(SRC), str(TESTS)]), **more}


# Values


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: (
        st.lists(inner)
        | st.lists(inner).map(tuple)
        | st.dictionaries(st.text() | st.integers() | st.binary(), inner)
        | st.sets(st.integers() | st.text())
        | st.frozensets(st.binary())
    ),
    max_leaves=20,
)


def copied(buffers):
    return [bytearray(buffer) for buffer in buffers]


@given(PLAIN)
def test_plain_values_come_back(value):
    text, buffers = results.encode(value)
    back = results.decode(text, copied(buffers))
    assert back == value
    assert type(back) is type(value)


def test_bytes_memory_and_ratios_keep_their_kind():
    text, buffers = results.encode((b"b", bytearray(b"m"), memoryview(b"v"), Fraction(1, 3), signal.SIGINT))
    assert results.decode(text, copied(buffers)) == (b"b", bytearray(b"m"), bytearray(b"v"), Fraction(1, 3), 2)


@pytest.mark.parametrize("value", [object(), len, {"a": object()}, 1j])
def test_other_values_are_refused(value):
    with pytest.raises(TypeError, match="is no plain value"):
        results.encode(value)


@pytest.mark.parametrize(
    "text",
    [
        *(b"", b"{", b"\xff", b"[1]", b"{}", b'{"os.system":"true"}', b'{"bytes":0}', b'{"bytes":-1}', b'{"set":[[]]}'),
        *(b'{"dict":[1]}', b'{"ratio":["a","b"]}', b'{"list":' * 5000, b"[" * 100_000),
    ],
    ids=range(13),
)
def test_nonsense_is_nothing_but_nonsense(text):
    with pytest.raises(wire_format.NonsenseError, match=r"^\w+(\.\w+)?: "):
        results.decode(text, [])


@given(st.binary(max_size=200))
def test_no_text_does_harm(text):
    with contextlib.suppress(wire_format.NonsenseError):
        results.decode(text, [bytearray(b"abc")])


def framed(head, body=b"", **options):
    reader, writer = os.pipe()
    try:
        os.write(writer, head + body)
        os.close(writer)
        return wire_format.receive(reader, **options)
    finally:
        os.close(reader)


@pytest.mark.parametrize(
    ("head", "body"),
    [
        (wire_format._HEAD.pack(2**40, 0), b""),
        (wire_format._HEAD.pack(1, 2**30), b""),
        (wire_format._HEAD.pack(1, 1), wire_format._ENTRY.pack(2**50, 0)),
        (wire_format._HEAD.pack(1, 1), wire_format._ENTRY.pack(5, 7) + b"1"),
        (wire_format._HEAD.pack(1, 1), wire_format._ENTRY.pack(2**63, 2**63) + b"1"),
        (wire_format._HEAD.pack(1, 900), wire_format._ENTRY.pack(10, 1) * 900),
    ],
    ids="text count buffer shared overflow repeated".split(),
)
def test_frames_cannot_ask_for_memory(head, body):
    with pytest.raises(wire_format.NonsenseError, match=r"^(a frame|buffers) of \d+ bytes"):
        framed(head, body, at_most=1000, shared=memoryview(bytes(10)))


@pytest.mark.parametrize("cut", [0, 5, 12, 20, 30])
def test_a_frame_that_ends_too_early(cut):
    whole = wire_format._HEAD.pack(4, 1) + wire_format._ENTRY.pack(10, 0) + b"textbuffer"
    with pytest.raises(EOFError, match=r"^$"):
        framed(whole[:cut])


def test_large_buffers_go_over_the_shared_and_the_rest_beside_it():
    shared = memoryview(bytearray(200_000))
    sent = [
        b"s" * 10,
        b"a" * 100_000,
        b"b" * 100_000,
        wire_format.Filled(90_000, lambda view: view.__setitem__(0, 7)),
        b"",
    ]
    reader, writer = os.pipe()
    thread = threading.Thread(target=wire_format.send, args=(writer, b"text", sent, shared))
    thread.start()
    text, got = wire_format.receive(reader, shared=shared)
    thread.join()
    os.close(reader)
    os.close(writer)
    assert text == b"text"
    assert [bytes(buffer) for buffer in got] == [*map(bytes, sent[:3]), b"\x07" + bytes(89_999), b""]
    assert [isinstance(buffer, memoryview) for buffer in got] == [False, True, True, False, False]


# Calls


def test_a_call_gives_the_value():
    value = {"a": (1, [2.5, None]), 3: b"bytes", "text": "é"}
    assert call("echo", value) == value
    assert call("echo", b"x" * 3_000_000) == b"x" * 3_000_000


def test_decoders_have_one_thread(monkeypatch):
    monkeypatch.setattr(pools, "pool", IdlePool())
    monkeypatch.delenv("OPENCV_FOR_THREADS_NUM", raising=False)
    assert in_another_process("cv2:getNumThreads", (), subject="x") == 1
    monkeypatch.setattr(pools, "pool", IdlePool())
    monkeypatch.setenv("OPENCV_FOR_THREADS_NUM", "2")
    assert in_another_process("cv2:getNumThreads", (), subject="x") == 2


def test_children_are_kept_and_used_again():
    pids = {pid_of_a_child() for _ in range(20)}
    assert len(pids) == 1
    assert pids != {os.getpid()}


def test_our_errors_arrive_as_they_are():
    with pytest.raises(FileFormatError, match=r"^a\.png: expected a picture, got none; look\.$") as caught:
        call("refuse", "unsafe_content")
    assert caught.value.code == "unsafe_content"
    with pytest.raises(FileAccessError, match=r"^a\.png: expected a file, got none; look\.$") as missing:
        call("miss")
    assert (missing.value.errno, missing.value.filename) == (2, "a.png")


def test_a_foreign_exception_is_told_with_its_traceback():
    with pytest.raises(WorkerError, match=r"^a\.png: expected a result, got KeyError: .*; report it") as caught:
        call("misbehave", "raise")
    assert caught.value.code == "worker_failed"
    assert "in misbehave" in caught.value.__notes__[0]


@pytest.mark.parametrize(
    ("kind", "how"),
    [
        ("segv", "was killed by SIGSEGV"),
        ("abort", "was killed by SIGABRT"),
        ("exit", "exited with status 7"),
        ("sys.exit", "exited with status 3"),
    ],
)
@POSIX
def test_a_crash_is_an_error_and_the_next_call_works(kind, how):
    message = rf"^a\.png: expected a result, got a child process that {how}; leave it out"
    with pytest.raises(WorkerError, match=message) as caught:
        call("misbehave", kind)
    assert caught.value.code == "worker_crashed"
    assert call("misbehave", "nothing") == "nothing"


@pytest.mark.parametrize("kind", ["hang", "hang in C"])
def test_a_hang_is_a_timeout(kind):
    call("echo", 1)
    start = time.monotonic()
    with pytest.raises(LimitError, match=r"^a\.png: expected a result within 0\.3 seconds, got none; allow") as caught:
        call("misbehave", kind, limits=Limits(max_seconds=0.3))
    assert caught.value.code == "timeout"
    assert (caught.value.limit, caught.value.allowed, caught.value.option) == ("max_seconds", 0.3, "limits")
    assert time.monotonic() - start < 20
    assert call("misbehave", "nothing") == "nothing"


@LINUX
def test_growth_is_a_limit_with_its_figure():
    call("echo", 1)
    with pytest.raises(
        LimitError, match=r"^a\.png: expected at most 200000000 bytes of memory, got \d{9}; raise"
    ) as caught:
        call("grow", 2_000_000_000, limits=Limits(max_memory=200_000_000, max_seconds=PATIENCE))
    assert caught.value.code == "limit_exceeded"
    assert call("grow", 100_000_000, limits=Limits(max_memory=200_000_000, max_seconds=PATIENCE)) == 2


@LINUX
def test_one_allocation_beyond_the_limit_is_refused_before_it_is_touched():
    with pytest.raises(LimitError, match="expected at most 100000000 bytes of memory, got more") as caught:
        in_another_process(
            "builtins:bytearray", (4_000_000_000,), subject="a.png", limits=Limits(max_memory=100_000_000)
        )
    assert caught.value.code == "limit_exceeded"
    # Without limits the same child may take what it needs again.
    assert in_another_process("supervised_jobs:grow", (300_000_000,), subject="a.png") == 6


def test_memory_that_the_machine_has_not_is_a_memory_error():
    with pytest.raises(MemoryError, match=r"^a\.png: the child process could not get"):
        in_another_process("builtins:bytearray", (1 << 60,), subject="a.png")


@pytest.mark.parametrize("words", ["memory allocation of 618475290624 bytes failed", "what():  std::bad_alloc"])
def test_an_abort_for_lack_of_memory_is_a_limit(words, monkeypatch):
    worker = Worker(search_path())
    worker.load("supervised_jobs:misbehave")
    worker._tail = words.encode()
    with pytest.raises(LimitError, match="got one allocation beyond it"):
        worker.ask(("call", "supervised_jobs:misbehave", ("abort",), {}), subject="a.png", memory=10**9, at_most=10**9)


FIELDS = errors.InputValueError("a", "b", "c", "d")._fields()


@pytest.mark.parametrize(
    "raw",
    [
        b"garbage that is no frame at all",
        wire_format._HEAD.pack(2, 0) + b"[]",
        wire_format._HEAD.pack(1, 1) + wire_format._ENTRY.pack(2**40, 0),
        *(
            wire_format._HEAD.pack(len(text), 0) + text
            for text in (
                results.encode((3, "error", ("KeyboardInterrupt", FIELDS, [])))[0],
                results.encode((3, "error", ("__loader__", FIELDS, [])))[0],
                results.encode((3, "error", ("InputValueError", FIELDS | {"surprise": 1}, [])))[0],
                results.encode((3, "error", ("InputValueError", FIELDS | {"got": None}, [])))[0],
                results.encode((3, "error", ("InputValueError", FIELDS | {"code": "mine"}, [])))[0],
                results.encode((3, "error", ("FileAccessError", FIELDS | {"errno": "2", "filename": None}, [])))[0],
                results.encode((3, "error", ("InputValueError", FIELDS, [7])))[0],
                results.encode((3, "failure", ("brief", None)))[0],
                results.encode((3, "call", "os:system"))[0],
                results.encode((3, "end", None))[0],
                results.encode((3, "value", {"kind": "none"}))[0],
                results.encode((2, "value", None))[0],
                results.encode(7)[0],
            )
        ),
    ],
    ids="garbage json buffer builtin dunder argument text code number note failure kind end value question type".split(),
)
@LINUX
def test_a_child_that_was_taken_over_can_only_fail(raw, monkeypatch):
    monkeypatch.setattr(pools, "pool", IdlePool())  # its child is asked its third question
    with pytest.raises(
        WorkerError, match=r"^a\.png: expected a result, got .* from the child process; leave"
    ) as caught:
        call("answer_with", raw, limits=Limits(max_memory=10**6, max_seconds=PATIENCE), expect=None)
    assert caught.value.code == "worker_crashed"


def test_what_a_child_prints_goes_to_the_debug_log_only(capfd, caplog):
    with caplog.at_level(logging.DEBUG, "aikit"):
        assert (
            in_another_process(
                "os:write",
                (
                    1,
                    b"to stdout\n",
                ),
                subject="x",
            )
            == 10
        )
        assert (
            in_another_process(
                "os:write",
                (
                    2,
                    b"to stderr\n",
                ),
                subject="x",
            )
            == 10
        )
        wait_until(lambda: "to stdout" in caplog.text and "to stderr" in caplog.text)
    assert call("misbehave", "flood") == "flood"
    assert capfd.readouterr() == ("", "")


def test_an_unknown_function_is_told():
    with pytest.raises(
        WorkerError, match=r"^worker: expected supervised_jobs:nobody to be importable .*AttributeError"
    ) as caught:
        call("nobody")
    assert caught.value.code == "worker_failed"


@LINUX
def test_the_memory_of_a_large_answer_is_given_back():
    size = 200_000_000
    pid = pid_of_a_child()
    assert len(in_another_process("builtins:bytes", (size,), subject="x")) == size
    shared = int(Path(f"/proc/{pid}/statm").read_text().split()[2]) * os.sysconf("SC_PAGE_SIZE")
    assert is_running(pid)
    assert shared < 100_000_000


# Streams


def test_a_stream_gives_values_one_by_one():
    assert list(stream("count_to", 5)) == [0, 1, 2, 3, 4]
    assert list(stream("count_to", 0)) == []


def test_a_dropped_stream_gives_its_child_back():
    before = pid_of_a_child()
    values = stream("count_to", 10**9)
    assert [next(values), next(values)] == [0, 1]
    assert pid_of_a_child() != before  # that one is taken
    del values
    gc.collect()
    unstarted = stream("count_to", 5)
    del unstarted
    gc.collect()
    assert before in {pid_of_a_child() for _ in range(3)}


def drained(values, pause=0.0):
    """All that comes, and how it ends."""
    got = []
    try:
        for value in values:
            got.append(value)
            time.sleep(pause)
    except aikit.AikitError as error:
        return got, error
    return got, None


def test_a_stream_that_crashes_keeps_what_came_before():
    got, error = drained(stream("count_and_die", 3))
    assert got == [0, 1, 2]
    assert isinstance(error, WorkerError)
    assert "SIGABRT" in str(error)


def test_the_time_of_a_stream_is_that_of_all_its_values():
    # Half a second of the child's time is two steps; the caller's own time does not count.
    got, error = drained(stream("slow_steps", 100, limits=Limits(max_seconds=0.5)), pause=0.1)
    assert error.code == "timeout"
    assert len(got) <= 2


# Places at work


@pytest.fixture(autouse=True)
def as_at_the_beginning():
    yield
    isolation.configure()


@pytest.fixture
def fresh_pool(monkeypatch):
    """A pool without children, which are ended with the test."""
    pool = IdlePool()
    monkeypatch.setattr(pools, "pool", pool)
    yield pool
    for worker in pool._idle:
        worker.close()


def in_threads(*functions):
    """What each gives, or its error, all at once."""
    results = [None] * len(functions)

    def work(number):
        try:
            results[number] = functions[number]()
        except aikit.AikitError as error:
            results[number] = error

    threads = [threading.Thread(target=work, args=(number,), daemon=True) for number in range(len(functions))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    return results


@pytest.mark.parametrize("children", [1, 2])
def test_no_more_children_work_at_once_than_allowed(children, fresh_pool):
    isolation.configure(children=children)
    spans = in_threads(*[lambda: call("interval", 0.1)] * 7)
    at_work = [sum(start <= begun < end for start, end in spans) for begun, _ in spans]
    assert max(at_work) == children
    assert len(fresh_pool._idle) == children


def test_by_default_as_many_as_there_are_processors(fresh_pool, monkeypatch):
    assert fresh_pool.bound == isolation.processors() == len(os.sched_getaffinity(0))
    started = []
    monkeypatch.setattr(pools, "Worker", lambda *job, **options: started.append(job) or Worker(*job, **options))
    results = in_threads(*[lambda: [call("square", number) for number in range(30)]] * 8)
    assert results == [[number * number for number in range(30)]] * 8
    assert len(started) == isolation.processors()


def test_time_is_counted_from_the_beginning_of_the_work(fresh_pool):
    isolation.configure(children=1)
    spans = in_threads(*[lambda: call("interval", 0.4, limits=Limits(max_seconds=0.8))] * 4)
    assert max(end for _, end in spans) - min(start for start, _ in spans) > 1.5


def test_calls_have_their_turn_in_the_order_they_came(fresh_pool):
    isolation.configure(children=1)
    done, threads = [], []
    with fresh_pool.place("x", ()):
        for number in range(6):
            threads.append(threading.Thread(target=lambda n=number: done.append(call("echo", n))))
            threads[-1].start()
            wait_until(lambda n=number: len(fresh_pool._waiting) == n + 1)
    for thread in threads:
        thread.join(PATIENCE)
    assert done == list(range(6))


def test_streams_that_are_held_do_not_wait_for_each_other(fresh_pool):
    isolation.configure(children=1)
    streams = [stream("count_to", 3), stream("count_to", 3), stream("count_to", 3)]
    assert list(zip(*streams, strict=True)) == [(0, 0, 0), (1, 1, 1), (2, 2, 2)]
    assert fresh_pool._working == 0


def gif(*shades):
    pictures = [Image.new("L", (3, 2), shade) for shade in shades]
    file = io.BytesIO()
    pictures[0].save(file, "GIF", save_all=True, append_images=pictures[1:])
    return file.getvalue()


def test_three_animations_side_by_side_on_one_processor(fresh_pool):
    isolation.configure(children=1)
    files = [gif(0, 10, 20), gif(30, 40, 50), gif(60, 70, 80)]
    frames = zip(*(aikit.files.read_frames(data, isolate=True) for data in files), strict=True)
    shades = [tuple(frame.convert("L").getpixel((0, 0)) for frame in side_by_side) for side_by_side in frames]
    assert shades == [(0, 30, 60), (10, 40, 70), (20, 50, 80)]


def test_more_places_are_for_those_who_wait(fresh_pool):
    isolation.configure(children=1)
    with fresh_pool.place("x", ()):
        thread = threading.Thread(target=call, args=("echo", 1))
        thread.start()
        wait_until(lambda: fresh_pool._waiting)
        isolation.configure(children=2)
        thread.join(PATIENCE)
        assert not thread.is_alive()


def test_a_queue_that_is_full_is_told_at_once(fresh_pool):
    isolation.configure(children=1, queue=1)
    call("echo", 1)
    with fresh_pool.place("x", ()):
        waiting = threading.Thread(target=call, args=("echo", 1))
        waiting.start()
        wait_until(lambda: fresh_pool._waiting)
        message = (
            r"^a\.png: expected a child process that is free, at most 1 calls before it, got 1 at work and 1 calls "
            r"that wait; ask again later, or allow more with isolation\.configure\.$"
        )
        with pytest.raises(WorkerError, match=message) as caught:
            call("echo", 2)
        assert caught.value.code == "busy"
    waiting.join(PATIENCE)
    isolation.configure(children=1, queue=0)
    assert call("echo", 3) == 3


def test_patience_ends(fresh_pool):
    isolation.configure(children=1, patience=0.2)
    call("echo", 1)
    with fresh_pool.place("x", ()):
        start = time.monotonic()
        with pytest.raises(
            WorkerError, match=r"to wait no longer than 0\.2 seconds, got 1 at work and 0 calls"
        ) as caught:
            call("echo", 2)
        assert 0.2 <= time.monotonic() - start < 10
        assert caught.value.code == "busy"
    isolation.configure(children=1, patience=0)
    assert call("echo", 3) == 3


def test_a_stream_that_has_begun_is_not_refused(fresh_pool):
    isolation.configure(children=1, queue=0, patience=0)
    values = stream("count_to", 3)
    with fresh_pool.place("x", ()):
        got = []
        thread = threading.Thread(target=lambda: got.append(next(values)))
        thread.start()
        wait_until(lambda: fresh_pool._waiting)
        with pytest.raises(WorkerError, match="expected a child process that is free"):
            stream("count_to", 3)
    thread.join(PATIENCE)
    assert got == [0]


def test_an_interrupted_wait_leaves_the_queue(fresh_pool, monkeypatch):
    class Interrupted(threading.Event().__class__):
        def wait(self, timeout=None):
            raise KeyboardInterrupt

    isolation.configure(children=1)
    with fresh_pool.place("x", ()), monkeypatch.context() as patch:
        patch.setattr(pools.threading, "Event", Interrupted)
        with pytest.raises(KeyboardInterrupt, match=r"^$"):
            fresh_pool.enter("x", (), False)
    assert (fresh_pool._working, len(fresh_pool._waiting)) == (0, 0)
    assert call("echo", 1) == 1


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"children": 0}, aikit.InputValueError, r"^children: expected 1 or more, got 0;"),
        ({"children": 1.5}, aikit.InputTypeError, r"^children: expected a whole number, got 1\.5;"),
        ({"queue": -1}, aikit.InputValueError, r"^queue: expected 0 or more, got -1;"),
        ({"queue": "2"}, aikit.InputTypeError, r"^queue: expected a whole number, got '2';"),
        ({"patience": -0.1}, aikit.InputValueError, r"^patience: expected a number of 0 or more, got -0\.1;"),
        ({"patience": True}, aikit.InputTypeError, r"^patience: expected a number of 0 or more, got True;"),
    ],
)
def test_settings_are_checked(options, error, message):
    with pytest.raises(error, match=message):
        isolation.configure(**options)
    assert pools.pool.settings == pools.Settings()


# Jobs that are cancelled


def cancelled_after(condition, job):
    """A thread that cancels when something has happened."""

    def work():
        wait_until(condition)
        job.cancel()

    thread = threading.Thread(target=work)
    thread.start()
    return thread


CANCELLED = r"^a\.png: expected work that is still wanted, got a job that was cancelled; ask again outside"


@pytest.mark.parametrize("kind", ["hang", "hang in C"])
def test_a_cancelled_job_ends_its_child(kind, fresh_pool):
    pid = pid_of_a_child()
    with isolation.cancellable() as job:
        thread = cancelled_after(lambda: fresh_pool._working == 1 and job._workers, job)
        with pytest.raises(WorkerError, match=CANCELLED) as caught:
            call("misbehave", kind)
        thread.join()
        assert caught.value.code == "cancelled"
        assert job.cancelled
        assert not is_running(pid)
        # The job is over, whatever is asked in it.
        with pytest.raises(WorkerError, match=CANCELLED):
            call("echo", 1)
        with pytest.raises(WorkerError, match=CANCELLED):
            stream("count_to", 1)
    assert call("echo", 1) == 1
    assert (fresh_pool._working, job._workers, job._waiting) == (0, {}, set())


def test_a_cancelled_job_waits_no_longer(fresh_pool):
    isolation.configure(children=1)
    with fresh_pool.place("x", ()), isolation.cancellable() as job:
        thread = cancelled_after(lambda: fresh_pool._waiting, job)
        with pytest.raises(WorkerError, match=CANCELLED):
            call("echo", 1)
        thread.join()
    assert (fresh_pool._working, len(fresh_pool._waiting)) == (0, 0)
    assert call("echo", 1) == 1


def test_a_cancelled_job_ends_the_child_of_a_stream_that_is_held(fresh_pool):
    with isolation.cancellable() as job:
        values = stream("count_to", 3)
        assert next(values) == 0
        (worker,) = job._workers
        job.cancel()
        assert not worker.alive
    with pytest.raises(WorkerError, match=CANCELLED):
        next(values)


def test_a_cancelled_job_leaves_others_alone(fresh_pool):
    isolation.configure(children=2)
    with isolation.cancellable() as job:
        call("echo", 1)
    pid = pid_of_a_child()
    job.cancel()
    assert pid_of_a_child() == pid
    job.cancel()

    def hang():
        with isolation.cancellable() as other:
            jobs.append(other)
            return call("misbehave", "hang")

    jobs, sleeping = [], threading.Event()
    thread = threading.Thread(
        target=lambda: (wait_until(lambda: jobs and jobs[0]._workers), jobs[0].cancel(), sleeping.set())
    )
    thread.start()
    spans = in_threads(hang, lambda: call("interval", 0.5))
    thread.join()
    assert isinstance(spans[0], WorkerError)
    assert spans[1][1] - spans[1][0] >= 0.5


def test_the_outer_job_cancels_what_is_in_the_inner_one(fresh_pool):
    with isolation.cancellable() as outer, isolation.cancellable() as inner:
        thread = cancelled_after(lambda: inner._workers, outer)
        with pytest.raises(WorkerError, match=CANCELLED):
            call("misbehave", "hang")
        thread.join()
        assert (outer.cancelled, inner.cancelled) == (True, False)
    with isolation.cancellable() as outer:
        with isolation.cancellable() as inner:
            inner.cancel()
            with pytest.raises(WorkerError, match=CANCELLED):
                call("echo", 1)
        assert call("echo", 1) == 1


def test_a_job_goes_along_to_the_threads_of_an_event_loop(fresh_pool):
    import asyncio

    async def served():
        with isolation.cancellable() as job:
            task = asyncio.create_task(asyncio.to_thread(call, "misbehave", "hang"))
            while not job._workers:
                await asyncio.sleep(0.01)
            job.cancel()
            return await task

    with pytest.raises(WorkerError, match=CANCELLED):
        asyncio.run(served())


def test_work_in_this_process_is_not_interrupted():
    with isolation.cancellable() as job:
        job.cancel()
        assert aikit.read_pil(gif(9)).size == (3, 2)


# Here or there


def test_only_a_decoder_child_needs_no_other_child(monkeypatch):
    options = {"subject": "x", "limits": None, "expect": bool}
    assert isolation.guarded(supervised_jobs.is_decoder, isolate=True, **options) is True
    assert isolation.guarded(supervised_jobs.is_decoder, isolate=False, **options) is False
    assert [outcome.value for outcome in aikit.map_supervised(supervised_jobs.is_decoder, [1], workers=1)] == [False]
    monkeypatch.setattr(RequestLoop, "decoder", True)
    monkeypatch.setattr(calls, "in_another_process", None)
    monkeypatch.setattr(calls, "stream_from_another_process", None)
    assert isolation.guarded(supervised_jobs.is_decoder, isolate=True, **options) is True
    streamed = isolation.guarded_stream(supervised_jobs.count_to, 2, subject="x", limits=None, isolate=True, expect=int)
    assert list(streamed) == [0, 1]


def test_what_is_not_as_expected_is_an_error():
    options = {"subject": "a.png", "limits": None, "isolate": True}
    assert isolation.guarded(supervised_jobs.echo, keywords={"value": (1, "a")}, expect=tuple[int, str], **options) == (
        1,
        "a",
    )
    with pytest.raises(
        WorkerError, match=r"^a\.png: expected a result, got 'a result of type str' from the child process"
    ):
        isolation.guarded(supervised_jobs.echo, "text", expect=bytes, **options)
    values = isolation.guarded_stream(supervised_jobs.count_to, 2, expect=str, **options)
    with pytest.raises(WorkerError, match="got 'a result of type int' from the child process"):
        next(values)
    with pytest.raises(WorkerError, match="got \"an answer of kind 'stream'\" from the child process"):
        isolation.guarded(supervised_jobs.count_to, 2, expect=object, **options)
    with pytest.raises(WorkerError, match="got \"an answer of kind 'value'\" from the child process"):
        isolation.guarded_stream(supervised_jobs.echo, 2, expect=object, **options)


def test_the_ceiling_of_pillow_goes_along_and_is_left_behind_nowhere(fresh_pool, monkeypatch):
    default = Image.MAX_IMAGE_PIXELS
    first = call("ceiling")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    assert call("ceiling") == (first[0], 1000)
    values = stream("ceilings", 3)
    assert next(values) == (first[0], 1000)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    assert next(values) == (first[0], None)
    values.close()
    with pytest.raises(FileFormatError, match="expected a picture, got none"):
        call("refuse", "corrupt")
    # Whoever has not loaded Pillow has set nothing.
    monkeypatch.setattr(supervisor, "context_here", tuple)
    assert call("ceiling") == first == (first[0], default)


@POSIX
def test_a_function_that_forks_answers_once(fresh_pool):
    assert [call("fork_and_return", number) for number in range(10)] == list(range(10))
    assert len(fresh_pool._idle) == 1


@LINUX
def test_a_copy_of_a_child_answers_nobody(fresh_pool, tmp_path):
    copy = call("fork_and_open", str(tmp_path / "file"))
    wait_until(lambda: not is_running(copy))
    assert (tmp_path / "file").read_bytes() == b""


@LINUX
def test_a_copy_of_a_child_does_not_hide_its_end(fresh_pool):
    start = time.monotonic()
    with pytest.raises(WorkerError, match="a child process that exited with status 7"):
        in_another_process("supervised_jobs:fork_and_die", (20,), subject="a.png")
    assert time.monotonic() - start < 15


def test_every_field_of_an_error_arrives():
    with pytest.raises(LimitError, match=r"^a\.png: expected at most 1 page, got 2; leave it\.") as caught:
        call("exceed")
    told = caught.value
    assert (told.limit, told.allowed, told.found, told.option) == ("max_frames", 1, 2.5, "limits")
    assert type(told.allowed) is int  # NumPy's is no plain value
    assert told.__notes__ == ["a note"]


@POSIX
def test_a_child_that_is_killed_while_it_starts(tmp_path, fresh_pool, monkeypatch):
    supervised_jobs.kill_starting_children(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "left").write_text("1")
    with pytest.raises(
        WorkerError, match=r"^worker: expected a child interpreter that starts, got .* SIGKILL"
    ) as caught:
        call("echo", 1)
    assert caught.value.code == "worker_crashed"
    assert call("echo", 1) == 1
    assert fresh_pool._working == 0


# Starting


@LINUX
def test_a_child_inherits_nothing_and_has_no_terminal(tmp_path):
    with (tmp_path / "secret.txt").open("w") as file:
        os.set_inheritable(file.fileno(), True)
        worker = Worker(search_path())
        worker.load("supervised_jobs:open_handles")
        handles = worker.ask(("call", "supervised_jobs:open_handles", (), {}), subject="x")[1]
        worker.close()
    assert not [name for name in handles if "secret" in name or "tty" in name or "pts" in name]
    assert len(handles) <= 8


def test_the_working_directory_is_no_place_for_modules(tmp_path, monkeypatch):
    for name in ("random", "json", "pickle", "numpy", "site", "runpy"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('evil')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", "/of/the/user")
    monkeypatch.setattr(sys, "path", ["", *sys.path])
    worker = Worker(search_path())
    worker.load("supervised_jobs:surroundings")
    seen = worker.ask(("call", "supervised_jobs:surroundings", (), {}), subject="x")[1]
    worker.close()
    assert not seen["random"].startswith(str(tmp_path))
    assert seen["path"][-1] == os.path.realpath(tmp_path)
    assert seen["PYTHONPATH"] == "/of/the/user"


def test_a_child_has_the_same_aikit(tmp_path, monkeypatch):
    (tmp_path / "aikit").mkdir()
    (tmp_path / "aikit" / "__init__.py").write_text("raise SystemExit('another aikit')")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *(entry for entry in sys.path if Path(entry) != SRC)])
    path = search_path()
    worker = Worker(path)
    worker.close()
    assert path.index(str(SRC)) == path.index(str(tmp_path)) - 1


def test_modules_are_found_wherever_the_parent_finds_them(tmp_path, monkeypatch):
    # PYTHONPATH alone could not say this.
    folder = tmp_path / f"with{os.pathsep}separator"
    folder.mkdir()
    (folder / "far_away.py").write_text("def answer(): return 42")
    monkeypatch.setattr(sys, "path", [*sys.path, str(folder)])
    worker = Worker(search_path())
    worker.load("far_away:answer")
    assert worker.ask(("call", "far_away:answer", (), {}), subject="x") == ("value", 42)
    worker.close()


def test_a_start_that_prints_is_survived(tmp_path, monkeypatch):
    (tmp_path / "sitecustomize.py").write_text("print('hello from the site')\nimport os; os.write(1, b'raw')")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    worker = Worker(search_path())
    assert worker.alive
    worker.close()
    assert not worker.alive


@pytest.mark.parametrize("executable", ["", "/nowhere/python", "/bin/false"])
def test_no_interpreter_to_start(executable, monkeypatch):
    monkeypatch.setattr(sys, "executable", executable)
    with pytest.raises(WorkerError, match=r"^worker: expected .*got.*; ") as caught:
        Worker(search_path())
    assert caught.value.code == "worker_failed"


def test_a_frozen_program_is_not_started_again(monkeypatch):
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    with pytest.raises(WorkerError, match="run without isolation in embedded and frozen programs"):
        Worker(search_path())


@LINUX
def test_a_child_survives_the_thread_that_started_it():
    started = []
    thread = threading.Thread(target=lambda: started.append(Worker(search_path())))
    thread.start()
    thread.join()
    worker = started[0]
    worker.load("supervised_jobs:echo")
    time.sleep(0.2)
    assert worker.ask(("call", "supervised_jobs:echo", (5,), {}), subject="x") == ("value", 5)
    worker.close()


def test_threads_share_the_children():
    results = []
    threads = [
        threading.Thread(target=lambda n=n: results.extend(call("square", n) for _ in range(20))) for n in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert sorted(results) == sorted(n * n for n in range(4) for _ in range(20))


def test_an_idle_child_that_died_is_replaced():
    pid = pid_of_a_child()
    os.kill(pid, signal.SIGTERM)
    wait_until(lambda: not is_running(pid))
    assert pid_of_a_child() != pid


def test_children_are_replaced_after_many_files(monkeypatch):
    monkeypatch.setattr(pools, "_MOST_TASKS", 5)
    pids = {pid_of_a_child() for _ in range(12)}
    assert len(pids) >= 2


@LINUX
def test_children_that_stay_large_are_replaced(monkeypatch):
    monkeypatch.setattr(pools, "_MOST_GROWTH", -(10**12))
    pids = [pid_of_a_child() for _ in range(40)]
    assert len(set(pids)) >= 2


def test_an_interrupted_start_leaves_no_answer_behind(monkeypatch):
    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    worker = Worker(search_path())
    with monkeypatch.context() as patch:
        patch.setattr(wire_format, "receive", interrupted)
        with pytest.raises(KeyboardInterrupt, match=r"^$"):
            worker.load("supervised_jobs:echo")
    assert not worker.alive
    worker = Worker(search_path())
    worker.load("supervised_jobs:echo")
    with monkeypatch.context() as patch:
        patch.setattr(wire_format, "receive", interrupted)
        with pytest.raises(KeyboardInterrupt, match=r"^$"):
            worker.ask(("call", "supervised_jobs:echo", (1,), {}), subject="x")
    assert not worker.alive


# The end of the parent


SCRIPT = """
import os, sys, threading, time
from aikit.isolation.calls import in_another_process
pid = in_another_process("os:getpid", (), subject="x")
def work():
    in_another_process("supervised_jobs:misbehave", (sys.argv[1],), subject="x")
if sys.argv[1] != "idle":
    in_another_process("supervised_jobs:echo", (1,), subject="x")
    threading.Thread(target=work, daemon=True).start()
    time.sleep(0.3)
print(pid, flush=True)
if sys.argv[2] != "return":
    time.sleep(600)
"""


def parent(tmp_path, task, end):
    (tmp_path / "script.py").write_text(SCRIPT)
    process = subprocess.Popen(
        [sys.executable, str(tmp_path / "script.py"), task, end],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
        start_new_session=True,
    )
    return process, int(process.stdout.readline())


@LINUX
@pytest.mark.parametrize(
    ("task", "end"),
    [
        ("idle", signal.SIGKILL),
        ("hang in C", signal.SIGKILL),
        ("hang in C", signal.SIGTERM),
        ("idle", "return"),
        ("hang", "return"),
    ],
    ids=str,
)
def test_no_child_is_left(task, end, tmp_path):
    process, pid = parent(tmp_path, task, str(end))
    if end != "return":
        assert is_running(pid)
        process.send_signal(end)
    errors = process.communicate(timeout=PATIENCE)[1]
    wait_until(lambda: not is_running(pid))
    assert errors == ""


@LINUX
def test_ctrl_c_stops_the_parent_within_a_second(tmp_path):
    begin = """
from aikit import Limits
from aikit.isolation.calls import in_another_process
import time
in_another_process("supervised_jobs:echo", (1,), subject="x")
print(in_another_process("os:getpid", (), subject="x"), flush=True)
"""
    ask = 'in_another_process("supervised_jobs:misbehave", ("hang in C",), subject="x", limits=Limits(max_seconds=600))'
    # How long this machine takes, as busy as it is, to end a process that waits for nobody.
    bare = seconds_to_interrupt(begin + "time.sleep(600)")
    assert seconds_to_interrupt(begin + ask) < bare + 1


def seconds_to_interrupt(code):
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
        start_new_session=True,
    )
    pid = int(process.stdout.readline())
    time.sleep(0.5)
    start = time.monotonic()
    os.killpg(process.pid, signal.SIGINT)
    errors = process.communicate(timeout=PATIENCE)[1]
    elapsed = time.monotonic() - start
    assert "KeyboardInterrupt" in errors
    wait_until(lambda: not is_running(pid))
    return elapsed


@LINUX
def test_ctrl_c_that_the_parent_survives_leaves_its_child_alone():
    code = """
import time
from aikit.isolation.calls import in_another_process
before = in_another_process("os:getpid", (), subject="x")
try:
    print(flush=True)
    time.sleep(600)
except KeyboardInterrupt:
    print(before == in_another_process("os:getpid", (), subject="x"), in_another_process("os:getpgrp", (), subject="x") == before)
"""
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
        start_new_session=True,
    )
    process.stdout.readline()
    os.killpg(process.pid, signal.SIGINT)
    output, errors = process.communicate(timeout=PATIENCE)
    assert (output.split(), errors) == (["True", "True"], "")


@LINUX
def test_a_forked_process_has_children_of_its_own_and_holds_none_of_ours():
    ours = pid_of_a_child()
    reader, writer = os.pipe()
    forked = os.fork()
    if forked == 0:  # pragma: no cover - the coverage of a fork is not collected
        try:
            theirs = pid_of_a_child()
            os.write(writer, b"%d" % theirs)
        finally:
            os._exit(0)
    os.waitpid(forked, 0)
    theirs = int(os.read(reader, 20))
    os.close(reader)
    os.close(writer)
    assert theirs != ours
    wait_until(lambda: not is_running(theirs))
    assert pid_of_a_child() == ours


@LINUX
def test_a_forked_process_keeps_no_child_alive():
    code = """
import os, time
from aikit.isolation.calls import in_another_process
in_another_process("supervised_jobs:echo", (1,), subject="x")
print(in_another_process("os:getpid", (), subject="x"), flush=True)
forked = os.fork()
if forked:
    print(forked, flush=True)
time.sleep(600)
"""
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=environment(), start_new_session=True
    )
    child, forked = int(process.stdout.readline()), int(process.stdout.readline())
    time.sleep(0.2)
    process.kill()
    process.wait()
    wait_until(lambda: not is_running(child))
    assert is_running(forked)
    os.kill(forked, signal.SIGKILL)
    process.stdout.close()


@LINUX
def test_what_a_child_has_started_ends_with_it(tmp_path):
    with pytest.raises(LimitError, match="expected a result within 3 seconds"):
        call("start_and_hang", str(tmp_path / "pid"), limits=Limits(max_seconds=3))
    pid = int((tmp_path / "pid").read_text())
    wait_until(lambda: not is_running(pid))


# Where people run Python


READ = "import aikit; print(aikit.read_pil({path!r}, isolate=True).size)"


@pytest.mark.parametrize("how", ["script", "-c", "stdin", pytest.param("module", marks=pytest.mark.slow), "isolated"])
def test_readers_work_wherever_python_runs(how, tmp_path):
    aikit.write(aikit.to_pil(__import__("numpy").zeros((3, 4, 3), "uint8")), tmp_path / "a.png")
    code = READ.format(path=str(tmp_path / "a.png"))
    if how == "isolated":  # a zipped or frozen application sets its own path
        code = f"import sys; sys.path.insert(0, {str(SRC)!r})\n{code}"
    (tmp_path / "script.py").write_text(code)
    command = {
        "script": ["script.py"],
        "-c": ["-c", code],
        "stdin": ["-"],
        "module": ["-m", "script"],
        "isolated": ["-I", "script.py"],
    }[how]
    done = subprocess.run(
        [sys.executable, *command],
        input=code,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environment(),
        check=False,
    )
    assert (done.stdout, done.stderr) == ("(4, 3)\n", "")


def test_a_patience_longer_than_threads_can_wait_is_one_without_end(fresh_pool):
    isolation.configure(children=1, patience=1e300)
    data = aikit.encode(Image.new("L", (3, 2)), "png")
    with ThreadPoolExecutor(2) as threads:
        pictures = threads.map(lambda _: aikit.read_pil(data, isolate=True), range(4))
        assert [picture.size for picture in pictures] == [(3, 2)] * 4


class Mine(errors.InputValueError):
    """An error of a user's."""

    def __init__(self, page):
        super().__init__(f"page {page}", "a page", "none", "count again")


def test_an_error_of_a_user_s_class_arrives_as_aikit_s():
    name, fields, notes = failures.fields_of(Mine(3))
    error = failures.rebuild((name, fields, notes))
    assert (type(error), str(error)) == (errors.InputValueError, "page 3: expected a page, got none; count again.")


def test_a_misspelt_setting_is_answered():
    with pytest.raises(
        errors.InputTypeError, match=r"configure: expected one of children=, .*, got child=2; pass childr"
    ):
        isolation.configure(child=2)
