"""Starting the service: one process or several, with an end that answers what is in flight."""

from __future__ import annotations

import json
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from types import FrameType

import uvicorn
from fastapi import FastAPI
from pydantic import SecretStr

from .. import logs
from ..errors import FileAccessError
from ..isolation import search_path
from ..settings import Settings
from .app import create_app

__all__ = ["run", "run_worker"]

_log = logging.getLogger("aikit.serve")
# A worker that dies is started again, but not faster than this: it would die of the same at once.
_PAUSE = 1.0


class _Server(uvicorn.Server):
    """Says at once that the end is near: load balancers look at /readyz before they notice a closed door."""

    def __init__(self, settings: Settings) -> None:
        self._app: FastAPI = create_app(settings)
        super().__init__(
            uvicorn.Config(
                self._app,
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=max(1, round(settings.shutdown_seconds)),
            )
        )

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._app.state.service.gate.draining = True
        super().handle_exit(sig, frame)

    def run_to_the_end(self, door: socket.socket) -> None:
        """Serve; at the end leave behind a model that hangs, for Python would wait for its thread."""
        try:
            self.run(sockets=[door])
        finally:
            if self._app.state.service.hangs:
                logging.shutdown()
                os._exit(1)

    def end(self) -> None:
        """End as by a signal, from another thread."""
        self.handle_exit(signal.SIGTERM, None)


def run(settings: Settings) -> None:
    """Serve until SIGTERM or Ctrl-C; requests in flight are answered first.

    Args:
        settings: host, port, workers and the rest.

    Raises:
        FileAccessError: the address cannot be listened at.
    """
    logs.configure(format=settings.log_format, level=settings.log_level)
    with _listen(settings) as door:
        host, port = door.getsockname()[:2]
        _log.info("listening on http://%s:%d", f"[{host}]" if ":" in host else host, port)
        if settings.workers == 1:
            _Server(settings).run_to_the_end(door)
        else:
            _supervise(settings, door)


def _listen(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        door = socket.create_server((settings.host, settings.port), family=family, backlog=2048)
    except OSError as error:
        place = f"{settings.host}:{settings.port}"
        raise FileAccessError(
            "port", f"an address that is free, {place} is not", str(error.strerror), "choose another", errno=error.errno
        ) from error
    # Once more from its number, so that Python finds out that it speaks TCP: asyncio switches Nagle's algorithm off for such
    # sockets alone, and with it every answer waits 40 milliseconds for the client's delayed acknowledgement.
    return socket.socket(fileno=door.detach())


# ---------------------------------------------------------------- several processes


def _supervise(settings: Settings, door: socket.socket) -> None:
    """Keep so many workers at one door, until the end is asked for; then let them answer what is in flight."""
    ending = threading.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, lambda *_: ending.set())
    values = json.dumps({name: _reveal(getattr(settings, name)) for name in type(settings).model_fields}, default=str)
    workers = [_start_worker(values, door) for _ in range(settings.workers)]
    while not ending.wait(_PAUSE):
        for number, worker in enumerate(workers):
            if worker.poll() is not None:
                _log.error("a worker ended and is started again", extra={"status": worker.returncode})
                workers[number] = _start_worker(values, door)
    for worker in workers:
        worker.terminate()
    until = time.monotonic() + settings.shutdown_seconds + 5
    for worker in workers:
        try:
            worker.wait(max(0.1, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            worker.kill()


def _reveal(value: object) -> object:
    """A setting as plain data, secrets as well: it goes through a pipe to a process of ours."""
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return [_reveal(each) for each in value] if isinstance(value, tuple) else value


def _start_worker(values: str, door: socket.socket) -> subprocess.Popen[bytes]:
    code = f"import sys; sys.path[:] = {search_path()!r}; from aikit.serve.start import run_worker; run_worker()"
    command = [sys.executable, "-c", code, str(door.fileno())]
    worker = subprocess.Popen(command, stdin=subprocess.PIPE, pass_fds=[door.fileno()])  # noqa: S603 - ourselves
    assert worker.stdin is not None
    worker.stdin.write(values.encode() + b"\n")
    worker.stdin.flush()
    return worker


def run_worker() -> None:
    """Serve at a door that the parent has opened, with the settings that it sends, as long as it lives."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to all; the parent says when to end
    settings = Settings(**json.loads(sys.stdin.buffer.readline()))
    logs.configure(format=settings.log_format, level=settings.log_level)
    server = _Server(settings)

    def follow() -> None:
        sys.stdin.buffer.read()  # ends with the parent, however that ends
        server.end()

    threading.Thread(target=follow, daemon=True).start()
    server.run_to_the_end(socket.socket(fileno=int(sys.argv[1])))
