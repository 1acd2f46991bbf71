"""Real servers, started on free ports in folders of their own, for the tests that need one."""

import contextlib
import os
import shutil
import socket
import subprocess
import time

import pytest


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as door:
        return door.getsockname()[1]


def program(name, package):
    """The path of a program; without it the test is skipped, or fails where REQUIRED_PROGRAMS names it."""
    path = shutil.which(name)
    if path is None:
        reason = f"{name} is not installed: apt install {package}"
        if name in os.environ.get("REQUIRED_PROGRAMS", "").split():
            pytest.fail(reason)
        pytest.skip(reason)
    return path


def wait_for(ready, process, seconds=20):
    """Wait until something is there, unless the process ends before."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if process.poll() is not None:
            raise RuntimeError(f"ended with {process.returncode}")
        with contextlib.suppress(OSError):
            if ready():
                return
        time.sleep(0.02)
    raise TimeoutError(f"not there after {seconds} seconds")


@contextlib.contextmanager
def redis_server(folder):
    """A Redis of its own: its address and its process."""
    port = free_port()
    command = [
        program("redis-server", "redis-server"),
        "--port",
        str(port),
        "--bind",
        "127.0.0.1",
        "--dir",
        str(folder),
    ]
    process = subprocess.Popen([*command, "--save", "", "--appendonly", "no"], stdout=subprocess.DEVNULL)
    try:
        wait_for(lambda: socket.create_connection(("127.0.0.1", port), 1).close() is None, process)
        yield f"redis://127.0.0.1:{port}/1", process
    finally:
        process.kill()
        process.wait()
