"""What runs and services did, written by a thread of its own: whoever works waits for no database."""

from __future__ import annotations

import logging
import os
import queue
import threading
import time
from collections.abc import Sequence
from typing import Self

from ..errors import AikitError
from .database import Database
from .names import Names
from .writing import BATCH, Entry, write_entries

__all__ = ["UPLOAD", "Recorder"]

_log = logging.getLogger("aikit.catalog")

# What files are called that no path leads to: this and the digest of their bytes.
UPLOAD = "upload:"
# Seconds that the first of a batch waits for others, and that a service waits for a database that does not answer.
_EVERY, _PAUSE = 0.5, 1.0
_WAITING = 20 * BATCH


class Recorder:
    """Writes what became of files, half a second later at most; `Catalog.recorder` gives one. Safe in threads.

    Args:
        database: of the catalogue.
        names: of its files.
        work: who records.
        wait: whether a full queue and a database that fails are the caller's matter; else such rows are dropped, and the log
            says how many.
    """

    def __init__(self, database: Database, names: Names, work: str, *, wait: bool) -> None:
        self._database, self._names, self._work, self._wait = database, names, work, wait
        self._queue: queue.Queue[Entry | None] = queue.Queue(_WAITING)
        self._error: AikitError | None = None
        self._dropped, self._closing = 0, False
        self._thread = threading.Thread(target=self._run, name="aikit-catalog", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def record(
        self,
        path: str | os.PathLike[str],
        *,
        status: str = "done",
        code: str | None = None,
        error: str | None = None,
        recipe: str | None = None,
        output: str | None = None,
        digest: bytes | None = None,
        size: int | None = None,
    ) -> None:
        """Note what became of a file, in place of what was known of it.

        Args:
            path: of the file, or "upload:" and its digest in hexadecimal.
            status: "done", "failed" or "skipped".
            code: why it failed, from `aikit.errors.CODES`.
            error: the message.
            recipe: what was done, on one line.
            output: what was made.
            digest: SHA-256 of the bytes, where it is known.
            size: how many bytes, where no path leads to the file.

        Raises:
            AikitError: what was noted before could not be written.
        """
        if self._error is not None:
            raise self._error
        name, found, changed = self._look_up(path)
        size = size if found is None else found
        entry = Entry(
            name=name, work=self._work, status=status, size=size, mtime_ns=changed, digest=digest, code=code, error=error,
            recipe=recipe, output=output,
        )  # fmt: skip
        try:
            self._queue.put(entry, block=self._wait)
        except queue.Full:
            self._dropped += 1

    def _look_up(self, path: str | os.PathLike[str]) -> tuple[str, int | None, int | None]:
        """What the catalogue calls a file, its size and its time."""
        text = os.fspath(path)
        if text.startswith(UPLOAD):
            return text, None, None
        try:
            facts = os.stat(text)
        except OSError:
            return self._names.name(text), None, None
        return self._names.name(text), facts.st_size, facts.st_mtime_ns

    def close(self) -> None:
        """Write what is left.

        Raises:
            AikitError: something could not be written.
        """
        if self._closing:
            return
        self._closing = True
        self._queue.put(None)
        self._thread.join()
        if self._error is not None:
            raise self._error

    # ------------------------------------------------------------ in its thread

    def _run(self) -> None:
        ended = False
        while not ended:
            batch, ended = self._gather()
            if batch:
                (self._write if self._wait else self._write_sometime)(batch)

    def _gather(self) -> tuple[list[Entry], bool]:
        """What has come until a batch is full or its first has waited long enough, and whether that is all."""
        first = self._queue.get()
        batch, until = [first], time.monotonic() + _EVERY
        while batch[-1] is not None and len(batch) < BATCH:
            try:
                batch.append(self._queue.get(timeout=max(0.0, until - time.monotonic())))
            except queue.Empty:
                break
        return [each for each in batch if each is not None], batch[-1] is None

    def _write(self, batch: Sequence[Entry]) -> None:
        if self._error is None:  # after that the queue is only emptied, so that nobody waits for a place in it
            try:
                self._database.write(lambda connection: write_entries(connection, batch))
            except AikitError as error:
                self._error = error

    def _write_sometime(self, batch: Sequence[Entry]) -> None:
        """Write, and try again as long as the database does not answer; at the end once."""
        last = False
        while True:
            last = self._closing
            try:
                self._database.write(lambda connection: write_entries(connection, batch))
            except AikitError as error:
                _log.warning("the catalogue cannot be written", extra={"reason": str(error), "waiting": len(batch)})
                if last:
                    self._dropped += len(batch)
                    break
                time.sleep(_PAUSE)
            else:
                break
        dropped, self._dropped = self._dropped, 0
        if dropped:
            _log.error("entries of the catalogue are lost", extra={"count": dropped})
