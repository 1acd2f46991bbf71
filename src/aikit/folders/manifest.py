"""The memory of a run, beside its output: what is done, so that a run that was cut short can be taken up again.

A row is announced with the digest of the output before the output is put in its place, and marked done behind it.
Whenever the process dies, what lies there is then known to be ours or not.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from .._io import make_folder, remove_leftovers
from ..errors import FileAccessError
from .planning import Job
from .reporting import Failure

__all__ = ["NAME", "Manifest", "is_in_place"]

# What SQLite stores, and gives back: which, the statement says and no type.
Value: TypeAlias = str | bytes | int | None
Columns: TypeAlias = tuple[Any, ...]

NAME = ".aikit-manifest.sqlite"
_VERSION = 1
_PAGE = 500

# Paths, and messages that name them, are bytes: they need not be text. Those of the outputs are relative to the folder the manifest lies in.
_PLAN = """
CREATE TABLE plan (
    id INTEGER PRIMARY KEY, source BLOB, target BLOB, real_source BLOB, real_target BLOB,
    UNIQUE (real_source, real_target)
);
CREATE INDEX places ON plan (real_target)
"""
_FILES = """
CREATE TABLE IF NOT EXISTS manifest.runs (
    id INTEGER PRIMARY KEY, recipe TEXT, overwrite INTEGER, finished INTEGER DEFAULT 0
);
CREATE TABLE IF NOT EXISTS manifest.files (
    source BLOB, output BLOB, facts TEXT, recipe TEXT, run INTEGER,
    status TEXT, code TEXT, message BLOB, digest TEXT, size INTEGER, error TEXT, PRIMARY KEY (source, output)
);
CREATE INDEX IF NOT EXISTS manifest.outputs ON files (output)
"""


class Row(NamedTuple):
    """What the manifest knows of one output of one source.

    `digest` is that of the output, or "*" where an engine makes it elsewhere; `size` is that of the output when it was
    last done; `error` has the fields of what failed, which earlier versions did not keep.
    """

    facts: str
    recipe: str
    run: int
    status: str
    code: str | None
    message: bytes | None
    digest: str | None
    size: int | None
    error: str | None


class Manifest:
    """The plan of this run, on disk where it is large, and what earlier runs have left.

    Safe to use from several threads. A second run on the same folder is refused while this one goes on.
    """

    def __init__(self) -> None:
        # The database without a name is a temporary file that grows with the plan and goes with the connection.
        self._base = sqlite3.connect("", check_same_thread=False, isolation_level=None)
        self._base.executescript(_PLAN)
        self._lock = threading.Lock()
        self._folder, self._recipe, self._run = b"", "", 0
        self._by_digest = False
        # Of the folders met lately, without links.
        self._folders: dict[str, str] = {}
        # Of the jobs in work: as the sources were before they were read.
        self._facts: dict[Job, str] = {}

    def close(self) -> None:
        """Let the folder go."""
        with self._lock:
            self._base.close()

    # ------------------------------------------------------------ the plan

    def plan(self, jobs: Iterator[Job]) -> None:
        """Note the jobs; a file that was named twice is one."""
        rows = (
            [os.fsencode(path) for path in (*job, self._resolve(job.source), self._resolve(job.target))] for job in jobs
        )
        self._base.execute("BEGIN")
        self._base.executemany("INSERT OR REPLACE INTO plan VALUES (NULL, ?, ?, ?, ?)", rows)
        self._base.execute("COMMIT")

    def count(self) -> int:
        """How many jobs are planned."""
        return int(self._fetch_all("SELECT count(*) FROM plan")[0][0])

    def jobs(self) -> Iterator[Job]:
        """The jobs, in the order in which they were planned; their folders are rid of what a killed run has left there."""
        last, cleared = 0, None
        while rows := self._fetch_all(
            "SELECT id, source, target FROM plan WHERE id > ? ORDER BY id LIMIT ?", last, _PAGE
        ):
            for _, source, target in rows:
                job = Job(Path(os.fsdecode(source)), Path(os.fsdecode(target)))
                # They come folder by folder.
                if job.target.parent != cleared:
                    remove_leftovers(cleared := job.target.parent)
                yield job
            last = rows[-1][0]

    def rival(self, job: Job) -> Path | None:
        """Another source that would be written to, or that is, where this job writes."""
        source, target = (os.fsencode(self._resolve(path)) for path in job)
        found = self._fetch_one(
            "SELECT source FROM plan WHERE (real_target = ? OR real_source = ?) AND real_source <> ? "
            "ORDER BY real_source LIMIT 1",
            target, target, source,
        )  # fmt: skip
        return Path(os.fsdecode(found[0])) if found else None

    # ------------------------------------------------------------ the manifest

    def open(self, folder: Path | None, *, recipe: str, overwrite: bool, by_digest: bool) -> None:
        """Take up the manifest of a folder, or begin one; without a folder it is forgotten at the end.

        Raises:
            FileAccessError: another run is using it, it is damaged or of another version, or the folder cannot be made.
        """
        self._by_digest, self._recipe = by_digest, recipe
        place = ":memory:"
        if folder is not None:
            make_folder(folder)
            self._folder = os.fsencode(os.path.realpath(folder))
            place = os.path.join(folder, NAME)
        with _translate_errors(place), self._lock:
            self._base.execute("PRAGMA busy_timeout = 200")
            # As bytes, for the name need not be text.
            self._base.execute("ATTACH ? AS manifest", (os.fsencode(place),))
            # Held until the connection ends, also by SIGKILL. Rows survive the process; files are synced one by one.
            for pragma in ("locking_mode = EXCLUSIVE", "journal_mode = WAL", "synchronous = NORMAL"):
                self._base.execute(f"PRAGMA manifest.{pragma}")
            self._base.execute("BEGIN IMMEDIATE")
            version = self._base.execute("PRAGMA manifest.user_version").fetchone()[0]
            if version not in (0, _VERSION):
                raise FileAccessError(
                    str(place),
                    f"a manifest of version {_VERSION}",
                    str(version),
                    "use another output folder",
                    filename=place,
                )
            for statement in _FILES.split(";"):
                self._base.execute(statement)
            if "error" not in [column[1] for column in self._base.execute("PRAGMA manifest.table_info(files)")]:
                self._base.execute("ALTER TABLE manifest.files ADD COLUMN error TEXT")
            self._base.execute(f"PRAGMA manifest.user_version = {_VERSION}")
            self._run = self._begin(recipe, overwrite)
            self._base.execute("COMMIT")

    def _begin(self, recipe: str, overwrite: bool) -> int:
        """Number this run: as the last one, if that was cut short and wanted the same."""
        last = self._base.execute(
            "SELECT id, recipe, overwrite, finished FROM runs ORDER BY id DESC LIMIT 1"
        ).fetchone()
        if last and last[1:] == (recipe, overwrite, 0):
            return int(last[0])
        insert = "INSERT INTO runs (recipe, overwrite) VALUES (?, ?)"
        return int(self._base.execute(insert, (recipe, overwrite)).lastrowid or 0)

    def finish(self) -> None:
        """Note that the run has come to its end."""
        self._execute("UPDATE runs SET finished = 1 WHERE id = ?", self._run)

    # ------------------------------------------------------------ one file

    def row(self, job: Job) -> Row | None:
        """What is known of a job."""
        columns = ", ".join(Row._fields)
        found = self._fetch_one(f"SELECT {columns} FROM files WHERE source = ? AND output = ?", *self._make_key(job))  # noqa: S608 - our own names
        return Row(*found) if found else None

    def of_this_run(self, row: Row) -> bool:
        """Whether a row was written in this run or the part of it before it was cut short."""
        return row.run == self._run

    def is_same(self, row: Row, job: Job) -> bool:
        """Whether the recipe and the source are what they were."""
        return row.recipe == self._recipe and row.facts == self._look_at(job)

    def begin(self, job: Job) -> None:
        """Remember how the source is before it is read: it may change meanwhile."""
        self._facts[job] = self._look_at(job)

    def announce(self, job: Job, digest: str) -> None:
        """Note what is about to be put in the output's place; the size of an earlier one is kept."""
        source, output = self._make_key(job)
        facts = self._facts[job]
        with self._change():
            self._base.execute("DELETE FROM files WHERE output = ? AND source <> ?", (output, source))
            self._base.execute(
                "INSERT INTO files (source, output, facts, recipe, run, status, digest) "
                "VALUES (?, ?, ?, ?, ?, 'pending', ?) ON CONFLICT DO UPDATE SET facts = excluded.facts, "
                "recipe = excluded.recipe, run = excluded.run, status = 'pending', digest = excluded.digest, "
                "code = NULL, message = NULL, error = NULL",
                (source, output, facts, self._recipe, self._run, digest),
            )

    def done(self, job: Job) -> None:
        """Note that the output is in its place."""
        self._facts.pop(job, None)
        facts = self._look_at(job) if self._resolve(job.source) == self._resolve(job.target) else None
        self._execute(
            "UPDATE files SET status = 'done', size = ?, run = ?, facts = coalesce(?, facts) "
            "WHERE source = ? AND output = ?",
            os.stat(job.target).st_size, self._run, facts, *self._make_key(job),
        )  # fmt: skip

    def failed(self, job: Job, failure: Failure) -> None:
        """Note why there is no output; what is known of an earlier one is kept."""
        self._execute(
            "INSERT INTO files (source, output, facts, recipe, run, status, code, message, error) "
            "VALUES (?, ?, ?, ?, ?, 'failed', ?, ?, ?) ON CONFLICT DO UPDATE SET facts = excluded.facts, "
            "recipe = excluded.recipe, run = excluded.run, status = 'failed', code = excluded.code, "
            "message = excluded.message, error = excluded.error, digest = NULL",
            *self._make_key(job), self._facts.pop(job), self._recipe, self._run, failure.code, os.fsencode(failure.message),
            failure.to_row(),
        )  # fmt: skip

    def skipped(self, job: Job) -> None:
        """Note a file that was left as it is, where nothing else is known of it."""
        self._execute(
            "INSERT OR IGNORE INTO files (source, output, facts, recipe, run, status) VALUES (?, ?, ?, ?, ?, 'skipped')",
            *self._make_key(job), self._look_at(job), self._recipe, self._run,
        )  # fmt: skip

    def is_there(self, row: Row, job: Job) -> bool:
        """Whether what a run that was cut short was about to put in place is there.

        Where an engine made it elsewhere its digest is not known. But files are put in their places whole, so that one
        that was not there before is ours, unless the run was one to replace somebody else's.
        """
        try:
            if row.digest == "*":
                replaced = (
                    row.size is not None or self._fetch_all("SELECT overwrite FROM runs WHERE id = ?", row.run)[0][0]
                )
                return not replaced and self.is_same(row, job) and job.target.is_file()
            return row.recipe == self._recipe and row.digest == _hash_file(job.target)
        except OSError:
            return False

    def _look_at(self, job: Job) -> str:
        """Note what tells a changed source from an unchanged one."""
        if self._by_digest:
            return f"sha256:{_hash_file(job.source)}"
        facts = os.stat(job.source)
        return f"{facts.st_size}:{facts.st_mtime_ns}"

    # ------------------------------------------------------------ the database

    def _make_key(self, job: Job) -> tuple[bytes, bytes]:
        target = os.fsencode(self._resolve(job.target))
        below = self._folder + os.fsencode(os.sep)
        if self._folder:
            target = target[len(below) :] if target.startswith(below) else os.path.relpath(target, self._folder)
        return os.fsencode(self._resolve(job.source)), target

    def _resolve(self, path: Path) -> str:
        """`os.path.realpath`, which looks at every folder above, with the folders remembered."""
        folder, name = os.path.split(path)
        if name in ("", ".", ".."):
            return os.path.realpath(path)
        above = self._folders.get(folder)
        if above is None:
            if len(self._folders) > _PAGE:
                self._folders.clear()
            above = self._folders[folder] = os.path.realpath(folder)
        real = os.path.join(above, name)
        return os.path.realpath(real) if os.path.islink(real) else real

    @contextlib.contextmanager
    def _change(self) -> Iterator[None]:
        with _translate_errors(NAME), self._lock:
            self._base.execute("BEGIN")
            try:
                yield
            except BaseException:
                self._base.execute("ROLLBACK")
                raise
            self._base.execute("COMMIT")

    def _execute(self, statement: str, *values: Value) -> None:
        with _translate_errors(NAME), self._lock:
            self._base.execute(statement, values)

    def _fetch_all(self, statement: str, *values: Value) -> list[Columns]:
        with _translate_errors(NAME), self._lock:
            return self._base.execute(statement, values).fetchall()

    def _fetch_one(self, statement: str, *values: Value) -> Columns | None:
        with _translate_errors(NAME), self._lock:
            found: Columns | None = self._base.execute(statement, values).fetchone()
            return found


def is_in_place(job: Job) -> bool:
    """Whether a job writes over its source."""
    return os.path.realpath(job.source) == os.path.realpath(job.target)


def _hash_file(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextlib.contextmanager
def _translate_errors(place: str) -> Iterator[None]:
    """Turn what SQLite raises into our exception."""
    try:
        yield
    except sqlite3.Error as error:
        got, remedy = str(error), "check the folder and its free space, or remove the manifest to begin anew"
        if "locked" in got:
            got, remedy = "one that another run is using", "wait until that run has ended"
        raise FileAccessError(str(place), "a manifest to write", got, remedy, filename=place) from error
