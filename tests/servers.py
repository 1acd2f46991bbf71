"""Real servers, started on free ports in folders of their own, for the tests that need one."""

import contextlib
import getpass
import glob
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path

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


@contextlib.contextmanager
def postgresql_server():
    """A PostgreSQL of its own: "postgresql://aikit:hunter2@127.0.0.1:port/" for its owner, and its process.

    It refuses to run as root, and lies in a folder of its own that whom it runs as may enter.
    """
    initdb, server = _postgresql("initdb"), _postgresql("postgres")
    if os.geteuid() == 0:
        import pwd

        try:
            pwd.getpwnam("postgres")
        except KeyError:
            pytest.skip("PostgreSQL does not run as root, and there is no user postgres")
    become = {"user": "postgres"} if os.geteuid() == 0 else {}
    with tempfile.TemporaryDirectory(prefix="aikit-postgresql-") as folder:
        word, data, port = os.path.join(folder, "word"), os.path.join(folder, "data"), free_port()
        with open(word, "w") as file:
            file.write("hunter2")
        if become:
            shutil.chown(folder, "postgres")
            shutil.chown(word, "postgres")
        install = [
            initdb,
            "-D",
            data,
            "-U",
            "aikit",
            "-A",
            "scram-sha-256",
            f"--pwfile={word}",
            "-E",
            "UTF8",
            "--no-sync",
        ]
        subprocess.run(install, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder, **become)
        command = [server, "-D", data, "-p", str(port), "-h", "127.0.0.1", "-k", folder]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder, **become)
        try:
            wait_for(lambda: "ready" in Path(data, "postmaster.pid").read_text(), process)
            yield f"postgresql://aikit:hunter2@127.0.0.1:{port}/", process
        finally:
            process.send_signal(signal.SIGQUIT)  # all of its processes, at once
            process.wait()


def _postgresql(name):
    """A program of PostgreSQL, which Debian keeps beside those of its other versions."""
    path = shutil.which(name)
    found = [os.path.realpath(path)] if path else sorted(glob.glob(f"/usr/lib/postgresql/*/bin/{name}"))
    return found[-1] if found else program(name, "postgresql")


@contextlib.contextmanager
def served(app):
    """The ASGI app at an address, in a thread of this process: a client that asks there."""
    import httpx
    import uvicorn

    server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=5))
    door = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [door]})
    thread.start()
    url = f"http://127.0.0.1:{door.getsockname()[1]}"
    try:
        with httpx.Client(base_url=url, timeout=30) as client:
            until = time.monotonic() + 30
            while time.monotonic() < until:
                with contextlib.suppress(httpx.TransportError):
                    if client.get("/readyz").status_code == 200:
                        break
                time.sleep(0.05)
            yield client
    finally:
        server.should_exit = True
        thread.join(30)
