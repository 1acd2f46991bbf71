"""What the tests have child processes do: importable there, unlike a function of a test that is being run."""

import ctypes
import os
import signal
import subprocess
import sys
import time

import numpy as np

from aikit import errors


def echo(value):
    return value


def square(number):
    return number * number


def slow_square(number):
    time.sleep(0.3 if number % 3 == 0 else 0.01)
    return number * number


def misbehave(kind):
    """One of the ways to ruin a process, by name; anything else comes back."""
    if kind == "segv":
        ctypes.string_at(0)
    elif kind == "abort":
        os.abort()
    elif kind == "exit":
        os._exit(7)
    elif kind == "sys.exit":
        sys.exit(3)
    elif kind == "hang":
        time.sleep(600)
    elif kind == "hang in C":
        hold_the_lock()
    elif kind == "raise":
        raise KeyError("an exception of the function")
    elif kind == "flood":
        for _ in range(200):
            os.write(1, b"x" * 100_000)
            os.write(2, b"y" * 100_000)
    return kind


def start_and_hang(path):
    """A process of its own that would go on for ten minutes, and a hang that nothing but SIGKILL ends."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    process = subprocess.Popen(["sleep", "600"])
    with open(path, "w") as file:
        file.write(str(process.pid))
    hold_the_lock()


def hold_the_lock():
    """Minutes inside C code that never lets go of the interpreter's lock."""
    ctypes.PyDLL(None).sleep(600)


def grow(size):
    """Take memory and touch it, 50 MB at a time."""
    held = []
    for _ in range(size // 50_000_000):
        held.append(bytearray(b"x") * 50_000_000)
        time.sleep(0.02)
    return len(held)


def open_handles():
    return sorted(os.readlink(f"/proc/self/fd/{name}") for name in os.listdir("/proc/self/fd") if exists(name))


def exists(name):
    return os.path.exists(f"/proc/self/fd/{name}") or os.path.islink(f"/proc/self/fd/{name}")


def surroundings():
    return {"path": sys.path, "PYTHONPATH": os.environ.get("PYTHONPATH"), "random": __import__("random").__file__}


def count_to(number):
    yield from range(number)


def count_and_die(number):
    yield from range(number)
    os.abort()


def slow_steps(number):
    for step in range(number):
        time.sleep(0.2)
        yield step


def refuse(code):
    raise errors.FileFormatError("a.png", "a picture", "none", "look", code=code)


def miss():
    raise errors.FileAccessError("a.png", "a file", "none", "look", errno=2, filename="a.png")


def answer_with(raw):
    """Write bytes of our own where the answer belongs, as a process that a file has taken over could."""
    for handle in range(3, 20):
        try:
            if "pipe" in os.readlink(f"/proc/self/fd/{handle}"):
                os.write(handle, raw)
        except OSError:
            continue
    time.sleep(600)


def large_array(megabytes):
    return np.arange(megabytes * 250_000, dtype=np.uint32)


class Unpicklable(Exception):
    def __init__(self, one, two):
        super().__init__(one + two)


def raise_unpicklable(item):
    raise Unpicklable("left ", "right")


def give_lambda(item):
    return lambda: item


def print_and_return(item):
    print("printed by the function", flush=True)  # noqa: T201
    return item


def threads_allowed(item):
    return os.environ.get("OMP_NUM_THREADS")


def read_size(data):
    from aikit import read_pil

    return read_pil(data).size


def process_then_hang(hang):
    if hang:
        time.sleep(600)
    return os.getpid()


def interval(seconds):
    """When it began and ended, by a clock that all processes share."""
    start = time.monotonic()
    time.sleep(seconds)
    return start, time.monotonic()


def fork_and_return(value):
    """Twice the work, of which one half is nobody's."""
    os.fork()
    return value


def fork_and_die(seconds):
    """A copy of the child that lives on with everything it has inherited."""
    if os.fork() == 0:
        time.sleep(seconds)
    os._exit(7)


class Two(Exception):
    """What can be pickled and not be made again."""

    def __init__(self, one, two):
        super().__init__(one)


def square_or_two(number):
    return {"why": Two("bad", number)} if number == 2 else number * number


def exceed():
    error = errors.LimitError(
        "a.png", "at most 1 page", "2", "leave it", limit="max_frames", allowed=np.int64(1), found=2.5, option="limits"
    )
    error.add_note("a note")
    raise error


def is_decoder(_=None):
    from aikit import isolation

    return isolation.in_child()


def ceiling():
    from PIL import Image

    return os.getpid(), Image.MAX_IMAGE_PIXELS


def ceilings(count):
    for _ in range(count):
        yield ceiling()


def kill_starting_children(folder):
    """The environment of interpreters of which the first few are killed while they start."""
    (folder / "sitecustomize.py").write_text(
        "import os, pathlib, signal\n"
        f"left = pathlib.Path({str(folder / 'left')!r})\n"
        "count = int(left.read_text()) if left.exists() else 0\n"
        "if count:\n"
        "    left.write_text(str(count - 1))\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )


def fork_and_open(path):
    """A copy of the child whose files have the numbers that its pipes had."""
    copy = os.fork()
    if copy == 0:
        for _ in range(20):
            os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    return copy


def round_floats(value):
    import numpy as np

    import aikit

    return aikit.to_numpy(np.full((4, 4), value), dtype="uint8").tolist()
