"""Real servers, started on free ports in folders of their own, for the tests that need one."""

import contextlib
import getpass
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


@contextlib.contextmanager
def mariadb_server(folder):
    """A MariaDB of its own: "mysql://user:password@127.0.0.1:port/" for a user who may do all, and its process.

    Its databases are latin1 unless they say otherwise, as those of many a server are.
    """
    server = program("mariadbd", "mariadb-server")
    data, begin, port = folder / "data", folder / "begin.sql", free_port()
    begin.write_text("CREATE USER 'aikit'@'%' IDENTIFIED BY 'hunter2';\nGRANT ALL ON *.* TO 'aikit'@'%';\n")
    # Who is root has to say so; everybody else has only oneself to be.
    user = [f"--user={getpass.getuser()}"]
    install = [program("mariadb-install-db", "mariadb-server"), "--no-defaults", f"--datadir={data}", *user]
    options = ["--skip-test-db", "--auth-root-authentication-method=normal", "--skip-name-resolve"]
    subprocess.run([*install, *options], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    command = [
        server, "--no-defaults", f"--datadir={data}", f"--socket={folder / 'socket'}", f"--init-file={begin}", *user,
        f"--port={port}", "--bind-address=127.0.0.1", "--skip-name-resolve", "--character-set-server=latin1",
        "--innodb-buffer-pool-size=64M", "--local-infile=1",
    ]  # fmt: skip
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        wait_for(lambda: socket.create_connection(("127.0.0.1", port), 1).close() is None, process, seconds=60)
        yield f"mysql://aikit:hunter2@127.0.0.1:{port}/", process
    finally:
        process.kill()
        process.wait()
