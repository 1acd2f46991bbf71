"""A folder looked through: what is new is read and decoded, what is as it was is not, what has moved is known again."""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import sqlalchemy as sa

from .._io import read_bytes
from ..errors import AikitError, FileAccessError, quoted
from ..folders import Failure
from ..folders.planning import find_files
from ..folders.reporting import PASSING
from ..limits import Limits
from .database import Database
from .facts import look
from .names import Names, key_of, name_from
from .rows import ScanReport
from .schema import FILE, PICTURE
from .writing import BATCH, Entry, write_entries

__all__ = ["Progress", "scan"]

Progress = Callable[[ScanReport], object]

# Seconds after which what was found is written, though it is no batch yet.
_EVERY = 5.0


class _Known(NamedTuple):
    """A file as an earlier look has left it; `format` is that of a picture that was decoded."""

    format: str | None
    picture_id: int | None
    bytes: int | None
    mtime_ns: int | None
    status: str
    code: str | None
    error: str | None
    work: str
    missing: bool


def scan(
    database: Database,
    names: Names,
    folder: Path,
    *,
    limits: Limits | None,
    workers: int,
    retry_failed: bool,
    progress: Progress | None,
) -> ScanReport:
    """Look through a folder; `Catalog.scan` describes it."""
    report = ScanReport()
    found = find_files([folder], None)
    own = database.address.path
    moved: set[int] = set()
    while chunk := list(islice(found, BATCH)):
        paths: list[Path] = []
        for each in chunk:
            if isinstance(each, tuple):
                paths.append(each[0])
            elif isinstance(each, Failure):
                report.add(each)
            elif own is None or not _is_own(each.path, own):
                report.note(each)
        todo = _pick_changed(database, names, paths, report, retry_failed)
        moved |= _read(database, names, todo, report, limits, workers, progress)
        if progress is not None:
            progress(report)
    report.missing = _mark_missing(database, names, folder, moved)
    report.failures.sort()
    report.notices.sort()
    return report


def _is_own(path: str, own: str) -> bool:
    """Whether a file is the catalogue's own: itself, its log, a copy of an earlier version."""
    return os.path.basename(path).startswith(os.path.basename(own)) and os.path.realpath(path).startswith(
        os.path.realpath(own)
    )


# ---------------------------------------------------------------- what is as it was


def _pick_changed(
    database: Database, names: Names, paths: Sequence[Path], report: ScanReport, retry_failed: bool
) -> list[tuple[Path, os.stat_result]]:
    """The files that are not known, or not as they are; the others are counted."""
    keys = {key_of(names.name(path)): path for path in paths}
    columns = [PICTURE.c.format, *(FILE.c[name] for name in _Known._fields[1:])]
    statement = sa.select(FILE.c.path_key, FILE.c.id, *columns).select_from(FILE.outerjoin(PICTURE))
    with database.reading() as connection:
        rows = connection.execute(statement.where(FILE.c.path_key.in_([*keys])))
        known = {bytes(key): (number, _Known(*rest)) for key, number, *rest in rows}
    changed, back = [], []
    for key, path in keys.items():
        try:
            facts = os.stat(path)
        except OSError as error:
            report.add(Failure.of(str(path), _access_error(path, error)))
            continue
        number, row = known.get(key, (0, None))
        if row is None or not _is_same(row, facts) or not _is_settled(row, retry_failed):
            changed.append((path, facts))
            continue
        if row.missing:
            back.append(number)
        if row.format is None:
            report.add(Failure(str(path), row.error or "", row.code or ""))
        else:
            report.skipped += 1
    if back:
        _set_missing(database, back, False)
    return changed


def _is_same(row: _Known, facts: os.stat_result) -> bool:
    return (row.bytes, row.mtime_ns) == (facts.st_size, facts.st_mtime_ns)


def _is_settled(row: _Known, retry_failed: bool) -> bool:
    """Whether another look would find the same."""
    if row.format is not None:
        return True
    if row.picture_id is None or row.work != "scan":  # a run or the service may know no more than its name
        return False
    return not (retry_failed or row.code in PASSING)


def _access_error(path: Path, error: OSError) -> FileAccessError:
    reason = quoted(error.strerror or str(error))
    return FileAccessError(
        str(path), "a readable file", reason, "check the path", errno=error.errno, filename=str(path)
    )


# ---------------------------------------------------------------- what is new


def _read(
    database: Database,
    names: Names,
    todo: Sequence[tuple[Path, os.stat_result]],
    report: ScanReport,
    limits: Limits | None,
    workers: int,
    progress: Progress | None,
) -> set[int]:
    """Read files in threads, and write what they hold from this one; what is reported is written before.

    Returns:
        The numbers of the pictures that were known before: their other files may be gone.
    """
    known: set[int] = set()

    def work(item: tuple[Path, os.stat_result]) -> tuple[Entry, Failure | None]:
        return _look_at(database, names, *item, limits)

    waiting: list[tuple[Entry, Failure | None]] = []
    written = time.monotonic()

    def write() -> None:
        nonlocal written
        if waiting:
            ids = database.write(lambda connection: write_entries(connection, [entry for entry, _ in waiting]))
            known.update(ids[each.digest] for each, _ in waiting if each.digest is not None and each.facts is None)
            for entry, failure in waiting:
                _count(report, entry, failure)
            waiting.clear()
        written = time.monotonic()

    try:
        with contextlib.closing(_in_threads(work, todo, workers)) as results:
            for result in results:
                waiting.append(result)
                if len(waiting) >= BATCH or time.monotonic() - written > _EVERY:
                    write()
                    if progress is not None:
                        progress(report)
    finally:
        write()  # Ctrl-C too keeps what was found
    return known


def _count(report: ScanReport, entry: Entry, failure: Failure | None) -> None:
    if failure is not None:
        report.add(failure)
        return
    report.done += 1
    report.known += entry.facts is None


def _look_at(
    database: Database, names: Names, path: Path, facts: os.stat_result, limits: Limits | None
) -> tuple[Entry, Failure | None]:
    """Read a file; decode it where nobody has done so with these bytes before."""
    name, digest = names.name(path), None
    found = Entry(name=name, work="scan", status="done", size=facts.st_size, mtime_ns=facts.st_mtime_ns)
    try:
        data = read_bytes(path, limits=limits)
        digest = hashlib.sha256(data).digest()
        looked = None if _is_known(database, digest) else look(data, str(path), limits)
    except MemoryError:
        fields = str(path), "a picture that fits into memory", "a larger one", "pass workers=1"
        failure = Failure.of(str(path), AikitError(*fields, code="memory", option="workers"))
    except AikitError as error:
        failure = Failure.of(str(path), error)
    else:
        return replace(found, digest=digest, facts=looked), None
    return replace(found, status="failed", digest=digest, code=failure.code, error=failure.message), failure


# Made once: it is asked for every file.
_FORMAT = sa.select(PICTURE.c.format).where(PICTURE.c.digest == sa.bindparam("digest"))


def _is_known(database: Database, digest: bytes) -> bool:
    """Whether a picture of these bytes was decoded before."""
    with database.reading() as connection:
        return connection.scalar(_FORMAT, {"digest": digest}) is not None


def _in_threads(
    work: Callable[[tuple[Path, os.stat_result]], tuple[Entry, Failure | None]],
    items: Sequence[tuple[Path, os.stat_result]],
    workers: int,
) -> Generator[tuple[Entry, Failure | None]]:
    """Results in the order of the items, no more than a few of them drawn ahead."""
    if len(items) < 2 or workers == 1:
        yield from map(work, items)
        return
    waiting: deque[Future[tuple[Entry, Failure | None]]] = deque()
    with ThreadPoolExecutor(workers, thread_name_prefix="aikit-scan") as pool:
        try:
            for item in items:
                waiting.append(pool.submit(work, item))
                if len(waiting) > 4 * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for each in waiting:
                each.cancel()


# ---------------------------------------------------------------- what is gone


def _mark_missing(database: Database, names: Names, folder: Path, moved: set[int]) -> int:
    """Mark the files of a folder, and those of pictures that were found elsewhere, that are not there any more."""
    above, last, count = os.path.join(os.path.realpath(folder), ""), 0, 0
    columns = sa.select(FILE.c.id, FILE.c.path, FILE.c.raw_path, FILE.c.picture_id, FILE.c.missing)
    columns = columns.where(FILE.c.work != "serve").order_by(FILE.c.id).limit(20 * BATCH)
    while True:
        with database.reading() as connection:
            rows = connection.execute(columns.where(FILE.c.id > last)).all()
        if not rows:
            return count
        last, gone = rows[-1].id, []
        for row in rows:
            path = names.path(name_from(row.path, row.raw_path))
            if (path.startswith(above) or row.picture_id in moved) and not os.path.lexists(path):
                count += 1
                gone += [] if row.missing else [row.id]
        for begin in range(0, len(gone), BATCH):
            _set_missing(database, gone[begin : begin + BATCH], True)


def _set_missing(database: Database, files: Sequence[int], missing: bool) -> None:
    statement = FILE.update().where(FILE.c.id.in_(files)).values(missing=missing)
    database.write(lambda connection: connection.execute(statement))
