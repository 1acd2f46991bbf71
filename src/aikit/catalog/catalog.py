"""A catalogue: opened, filled by scans, queried, tagged."""

from __future__ import annotations

import datetime as dt
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, Self

import sqlalchemy as sa

from .._check import integer, number, switch
from .._foreign_names import explain_calls
from .._io import check_path
from ..errors import FileAccessError, InputTypeError, InputValueError, quoted
from ..limits import Limits
from .address import read_address
from .database import Database
from .find import SELECT, Hashes, conditions, duplicate_rows, find_pages, near_rows, rows_of
from .frames import frame_of, frame_of_rows, records_of, to_arrow, to_duckdb, write_parquet
from .hashing import picture_hash
from .migrate import prepare
from .names import Names, key_of
from .query import bind, read_only
from .recording import UPLOAD, Recorder
from .rows import Row, ScanReport
from .scan import Progress, scan
from .schema import FILE, PICTURE, TAG, upsert
from .writing import BATCH, count_revision, write_records

if TYPE_CHECKING:
    import duckdb
    import pandas as pd
    import pyarrow as pa

    from ..types import AnyImage

__all__ = ["Catalog", "open_catalog"]

_BY_KEY = SELECT.where(FILE.c.path_key == sa.bindparam("key"))
_MOST_TAG, _MOST_NOTE = 255, 1_000_000


@explain_calls
def open_catalog(
    source: str | os.PathLike[str],
    *,
    root: str | os.PathLike[str] | None = None,
    password: str | None = None,
    patience: float = 30.0,
) -> Catalog:
    """Open a catalogue of pictures, or begin one.

    Args:
        source: the path of an SQLite file, which must lie on a disk of this machine, or the address of a server:
            "mysql://user@host:3306/photos" for MySQL and MariaDB, "postgresql://user@host/photos".
        root: paths below this folder are kept relative to it, so that it may be moved with its pictures; where left out
            they are absolute.
        password: of the server, where its address has none; else that of the variable AIKIT_CATALOG_PASSWORD counts. It
            is shown in no repr, message or log.
        patience: seconds to wait for another program that holds the catalogue locked.

    Returns:
        The catalogue. Use it in a `with`, or close it. It may be used by several threads; every process opens its own.

    Raises:
        InputTypeError, InputValueError: no path and no address of such a server, or no folder as `root`.
        FileAccessError: it cannot be opened, or lies on a network file system, where SQLite's locks do not hold.
        FileFormatError: a file that is no catalogue, or one of a later version of aikit.
        MissingDependencyError: a package that it needs is not installed.

    Example:
        >>> import pathlib, tempfile
        >>> from PIL import Image
        >>> folder = pathlib.Path(tempfile.mkdtemp())
        >>> Image.linear_gradient("L").save(folder / "ramp.png")
        >>> with open_catalog(folder / "pictures.sqlite", root=folder) as catalog:
        ...     catalog.scan(folder).done
        ...     catalog.tag("ramp.png", "gray")
        ...     [(row.path, row.width, row.tags) for row in catalog.find(format="png")]
        1
        [('ramp.png', 256, ('gray',))]
    """
    folder = None
    if root is not None:
        folder = os.path.realpath(check_path("root", root))
        if not os.path.isdir(folder):
            raise InputValueError("root", "a folder", quoted(os.fspath(root)), "name one that is there")
    if password is not None and not isinstance(password, str):
        raise InputTypeError("password", "a text", type(password).__name__, "pass one")
    patience = number("patience", patience, 0, 86_400)
    database = Database(read_address(source, password), patience)
    try:
        prepare(database)
    except BaseException:
        database.close()
        raise
    return Catalog(database, Names(folder))


class Catalog:
    """What `open_catalog` opens: files, the pictures in them, and what people say of those.

    A picture is known by the SHA-256 of its bytes, so that tags and notes stay with it when its file is moved, renamed or
    copied. Everything that a method has reported is in the database, whatever happens to the process.

    Example:
        >>> import tempfile
        >>> with open_catalog(f"{tempfile.mkdtemp()}/pictures.sqlite") as catalog:
        ...     catalog.stats()["files"]
        0
    """

    def __init__(self, database: Database, names: Names) -> None:
        self._database, self._names = database, names
        self._hashes = Hashes(database)

    def __repr__(self) -> str:
        return f"<aikit.catalog.Catalog {self._database.address.shown!r}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __reduce__(self) -> NoReturn:
        raise InputTypeError("catalog", "a place to open it at", "an open one", "open it in each process")

    def close(self) -> None:
        """Give the connections back. It is not used afterwards."""
        self._database.close()

    # ------------------------------------------------------------ filling it

    @explain_calls
    def scan(
        self,
        folder: str | os.PathLike[str],
        *,
        limits: Limits | None = None,
        workers: int | None = None,
        retry_failed: bool = False,
        progress: Progress | None = None,
    ) -> ScanReport:
        """Look through a folder: read what is new or has changed, and mark what is gone.

        A file of the same size and time as before is not read again, nor one decoded whose bytes are known: moved files keep
        their tags. Stopped at any point and called again, it does the rest. Hidden files are left out, and links to
        folders not followed.

        Args:
            folder: with all pictures in it and in the folders in it; or one file.
            limits: what a file may cost, `Limits()` for files from strangers, which are then read in child processes.
            workers: pictures at a time; one a processor where left out.
            retry_failed: try files again that failed in an earlier scan for a reason that lies in them.
            progress: called with the `ScanReport` so far when some more files are in the catalogue.

        Returns:
            What was done, failed, skipped, left, known and missing.

        Raises:
            InputTypeError: no path, `Limits`, or number of workers.
            FileAccessError: the folder is not there, or the catalogue cannot be written.
        """
        path = Path(check_path("folder", folder))
        if not path.exists():
            raise FileAccessError(str(path), "a folder", "nothing there", "check the path", filename=str(path))
        if limits is not None and not isinstance(limits, Limits):
            raise InputTypeError("limits", "Limits or None", quoted(limits), "pass Limits() for untrusted files")
        count = os.cpu_count() or 1 if workers is None else integer("workers", workers)
        retry = switch("retry_failed", retry_failed)
        return scan(
            self._database, self._names, path, limits=limits, workers=count, retry_failed=retry, progress=progress
        )

    def recorder(self, work: str, *, wait: bool = True) -> Recorder:
        """Note what becomes of files in work of your own; `convert_folder` and the service have theirs.

        Args:
            work: who records, one word: it stands in the column of that name.
            wait: raise what keeps rows from being written; else they are dropped in the end, and the log says how many.

        Returns:
            An object with a method `record(path, status=, code=, error=, recipe=, output=)`, to be used in a `with`: at its end all
            is written.

        Example:
            >>> import tempfile
            >>> with open_catalog(f"{tempfile.mkdtemp()}/pictures.sqlite") as catalog:
            ...     with catalog.recorder("mine") as recorder:
            ...         recorder.record("/photos/a.png", status="failed", code="timeout")
            ...     [(row.path, row.code, row.work) for row in catalog.find(status="failed")]
            [('/photos/a.png', 'timeout', 'mine')]
        """
        if not re.fullmatch(r"\w{1,16}", str(work)):
            raise InputValueError("work", "one word of up to 16 letters", quoted(work), "pass for instance convert")
        return Recorder(self._database, self._names, work, wait=switch("wait", wait))

    # ------------------------------------------------------------ asking it

    @explain_calls
    def find(
        self,
        *,
        status: str | None = None,
        code: str | None = None,
        alpha: bool | None = None,
        transparent: bool | None = None,
        min_width: int | None = None,
        min_height: int | None = None,
        format: str | None = None,
        tag: str | Iterable[str] | None = None,
        taken: tuple[dt.date | None, dt.date | None] | None = None,
        missing: bool | None = False,
        near: AnyImage | int | None = None,
        distance: int = 6,
    ) -> Iterator[Row]:
        """Find files by what is known of them.

        Args:
            status: "done", "failed" or "skipped".
            code: why they failed, one of `aikit.errors.CODES`.
            alpha: whether there is an alpha channel or a transparent color.
            transparent: whether some pixel really is not opaque.
            min_width: in pixels, of the picture upright.
            min_height: likewise.
            format: "jpeg", "png" and so on.
            tag: a tag, or several that a picture must have all of.
            taken: from when, and before when, on the clock of the camera: dates, or datetimes without a zone. None is an
                open end.
            missing: files that were gone when their folder was scanned, instead of those that are there; None gives both.
            near: an image, or its `picture_hash`: pictures that look alike come, the nearest first.
            distance: of `near`, bits of 64 in which the hashes may differ.

        Returns:
            An iterator over rows, in the order in which the files came into the catalogue; read page by page, so that
            nothing is locked meanwhile and memory does not grow.

        Raises:
            InputTypeError, InputValueError: values that cannot be meant, a `taken` with a time zone among them.
            FileAccessError: the catalogue cannot be read.
        """
        wanted = conditions(
            status=status, code=code, alpha=alpha, transparent=transparent, min_width=min_width, min_height=min_height,
            format=format, tag=tag, taken=taken, missing=missing,
        )  # fmt: skip
        if near is None:
            return (row for rows in find_pages(self._database, wanted) for row in rows)
        hashed = near if isinstance(near, int) else picture_hash(near)
        if hashed is None:
            return iter(())
        return near_rows(self._database, self._hashes.read(), hashed, distance, wanted)

    @explain_calls
    def duplicates(self, *, distance: int = 0, turned: bool = False) -> Iterator[list[Row]]:
        """Find files that show the same.

        Args:
            distance: bits of 64 in which the hashes of two pictures may differ; 3 finds most copies that were resized or
                recompressed. Files of the same bytes belong together whatever they show.
            turned: take pictures together that are turned by quarters or mirrored.

        Returns:
            An iterator over groups of two files or more that are there, each in the order in which they came into the
            catalogue: the same on every run.

        Raises:
            InputTypeError, InputValueError: no such distance.
            FileAccessError: the catalogue cannot be read.
        """
        return duplicate_rows(self._database, self._hashes.read(), distance, turned)

    def get(self, path: str | os.PathLike[str]) -> Row | None:
        """The row of a file, or None.

        Args:
            path: of the file; relative ones lie in the catalogue's `root`, or in the working directory without one.
        """
        with self._database.reading() as connection:
            found = rows_of(connection, _BY_KEY, {"key": self._key(path)})
        return found[0] if found else None

    def sql(self, text: str, **params: object) -> list[dict[str, Any]]:
        """The rows of a query in SQL.

        Args:
            text: one SELECT over the tables `file`, `picture` and `tag`. Values never stand in it: each is a :name.
            params: the values, by their names; a list for `IN :names`. Aware datetimes are compared as UTC, as `seen` is,
                naive ones as cameras write them, as `taken` is.

        Returns:
            A dict a row. Columns that are named as in the tables come as they do in `find`, digests as bytes.

        Raises:
            InputValueError: SQL that the database does not take, a name without a value, or a text that writes.
            FileAccessError: the catalogue cannot be read.

        Example:
            >>> import tempfile
            >>> with open_catalog(f"{tempfile.mkdtemp()}/pictures.sqlite") as catalog:
            ...     catalog.sql("SELECT count(*) AS files FROM file WHERE status = :status", status="failed")
            [{'files': 0}]
        """
        return self._query(text, params)[1]

    def _query(self, text: str, params: Mapping[str, object]) -> tuple[list[str], list[dict[str, Any]]]:
        with read_only(self._database) as connection:
            result = connection.execute(bind(text, params))
            return list(result.keys()), [dict(row) for row in result.mappings()]

    def stats(self) -> dict[str, Any]:
        """How many files, pictures and bytes there are, how many files by status, code and format, pictures by tag.

        Returns:
            Numbers, and a dict of numbers for each of the last four.
        """
        with self._database.reading() as connection:

            def count(column: sa.ColumnElement[Any], table: sa.FromClause) -> dict[str, int]:
                rows = connection.execute(sa.select(column, sa.func.count()).select_from(table).group_by(column))
                return dict(sorted((str(name), int(many)) for name, many in rows if name is not None))

            columns = sa.func.count(), sa.func.coalesce(sa.func.sum(FILE.c.bytes), 0)
            files, size = connection.execute(sa.select(*columns).select_from(FILE)).one()
            missing = connection.scalar(sa.select(sa.func.count()).select_from(FILE).where(FILE.c.missing.is_(True)))
            pictures = connection.scalar(sa.select(sa.func.count()).select_from(PICTURE))
            return {
                "files": int(files), "bytes": int(size), "missing": int(missing or 0), "pictures": int(pictures or 0),
                "status": count(FILE.c.status, FILE), "code": count(FILE.c.code, FILE),
                "format": count(PICTURE.c.format, FILE.join(PICTURE)), "tag": count(TAG.c.name, TAG),
            }  # fmt: skip

    # ------------------------------------------------------------ as a table

    def frame(self, sql: str | None = None, **params: object) -> pd.DataFrame:
        """Everything, or the rows of a query, as a DataFrame of pandas.

        Args:
            sql: a query as in `sql`; where left out there is one row a file, with the fields of `Row`, and `raw_path` for
                names of files that are no text.
            params: the values of the query.

        Returns:
            Columns of nullable types, Int64, boolean and string, so that hashes stay exact beside what is missing; `seen` in
            UTC, `taken` as cameras write it.

        Raises:
            InputValueError: as in `sql`.
            MissingDependencyError: pandas is not installed.
        """
        if sql is None:
            if params:
                raise InputValueError("params", "none without a query", ", ".join(params), "pass sql=")
            return frame_of(find_pages(self._database, ()))
        names, rows = self._query(sql, params)
        return frame_of_rows(rows, names)

    def insert_frame(self, frame: pd.DataFrame) -> int:
        """Write rows that `frame` gave, of this catalogue or another one, or a table of your own with some of its columns.

        Rows of files that are there already are replaced, tags are added. It is all one transaction. `id` and `picture`, which
        are the numbers of each catalogue, are left out.

        Args:
            frame: a DataFrame with the column `path`, and any others of `frame`.

        Returns:
            How many rows.

        Raises:
            InputTypeError, InputValueError: other columns, floats for hashes, a `seen` without a time zone, or other values
                that cannot be kept: nothing is written then.
            MissingDependencyError: pandas is not installed.
        """
        records = records_of(frame, self._names.root is not None)
        self._database.write(lambda connection: write_records(connection, records))
        return len(records)

    def to_arrow(self) -> pa.Table:
        """Everything as a table of Arrow, with the columns of `frame`.

        Raises:
            MissingDependencyError: pyarrow is not installed.
        """
        return to_arrow(find_pages(self._database, ()))

    def to_parquet(self, path: str | os.PathLike[str]) -> None:
        """Everything as a Parquet file, with the columns of `frame`; written whole or not at all.

        Raises:
            FileAccessError: the file cannot be written.
            MissingDependencyError: pyarrow is not installed.
        """
        write_parquet(find_pages(self._database, ()), check_path("path", path))

    def to_duckdb(self) -> duckdb.DuckDBPyConnection:
        """A DuckDB in memory with everything as its table `files`, for questions that go over all rows.

        Raises:
            MissingDependencyError: duckdb or pyarrow is not installed.
        """
        return to_duckdb(find_pages(self._database, ()))

    # ------------------------------------------------------------ what people say

    def tag(self, picture: Row | int | str | os.PathLike[str], *names: str) -> None:
        """Give a picture tags; those that it has stay.

        Args:
            picture: a row of `find`, the number of a picture, or the path of a file.
            names: words or short texts, up to 255 characters, with no blanks around them.

        Raises:
            InputValueError: a picture that is not in the catalogue, no names, or one that cannot be kept.
        """
        checked = _check_names(names)

        def work(connection: sa.Connection) -> None:
            number = self._picture(connection, picture)
            upsert(connection, TAG, ["picture_id", "name"], [{"picture_id": number, "name": each} for each in checked])

        self._database.write(work)

    def untag(self, picture: Row | int | str | os.PathLike[str], *names: str) -> None:
        """Take tags from a picture; those that it has not are no error.

        Args:
            picture: as in `tag`.
            names: the tags.

        Raises:
            InputValueError: a picture that is not in the catalogue, or no names.
        """
        checked = _check_names(names)

        def work(connection: sa.Connection) -> None:
            number = self._picture(connection, picture)
            connection.execute(TAG.delete().where(TAG.c.picture_id == number, TAG.c.name.in_(checked)))

        self._database.write(work)

    def note(self, picture: Row | int | str | os.PathLike[str], text: str | None) -> None:
        """Keep a text with a picture, in place of the one before; None takes it away.

        Args:
            picture: as in `tag`.
            text: up to a million characters.

        Raises:
            InputTypeError, InputValueError: no text or too long a one, or a picture that is not in the catalogue.
        """
        if text is not None and not isinstance(text, str):
            raise InputTypeError("text", "a text or None", quoted(text), "pass one")
        if text is not None and len(text) > _MOST_NOTE:
            raise InputValueError("text", f"at most {_MOST_NOTE} characters", str(len(text)), "keep it in a file")

        def work(connection: sa.Connection) -> None:
            number = self._picture(connection, picture)
            connection.execute(PICTURE.update().where(PICTURE.c.id == number).values(note=text))

        self._database.write(work)

    @explain_calls
    def forget(self, path: str | os.PathLike[str] | None = None, *, missing: bool = False) -> int:
        """Forget a file, or all that are missing. Nothing is done to files on the disk.

        Pictures that no file has any more are forgotten with them, unless somebody has tagged or noted them: those are known
        again as soon as a file of their bytes is there.

        Args:
            path: the file.
            missing: all files that were gone when their folder was scanned.

        Returns:
            How many files were forgotten.

        Raises:
            InputValueError: neither of the two.
        """
        if path is None and not switch("missing", missing):
            raise InputValueError("path", "a file, or missing=True", "neither", "say what is to be forgotten")
        which = FILE.c.missing.is_(True) if path is None else FILE.c.path_key == self._key(path)

        def work(connection: sa.Connection) -> int:
            numbers = connection.scalars(sa.select(FILE.c.picture_id).where(which, FILE.c.picture_id.is_not(None)))
            pictures = sorted(set(numbers))
            count = connection.execute(FILE.delete().where(which)).rowcount
            for begin in range(0, len(pictures), BATCH):
                _forget_pictures(connection, pictures[begin : begin + BATCH])
            count_revision(connection)
            return int(count)

        return self._database.write(work)

    # ------------------------------------------------------------ which is meant

    def _key(self, path: object) -> bytes:
        text = check_path("path", path)
        if text.startswith(UPLOAD):
            return key_of(text)
        return key_of(self._names.name(self._names.path(text)))

    def _picture(self, connection: sa.Connection, picture: object) -> int:
        """The number of a picture that is in the catalogue."""
        if isinstance(picture, Row):
            wanted, named = PICTURE.c.id == picture.picture, picture.path
        elif isinstance(picture, (str, os.PathLike)):
            own = sa.select(FILE.c.picture_id).where(FILE.c.path_key == self._key(picture)).scalar_subquery()
            wanted, named = PICTURE.c.id == own, os.fspath(picture)
        else:
            expected, remedy = "a row, a path or the number of a picture", "pass one of these"
            wanted, named = PICTURE.c.id == integer("picture", picture, expected=expected, remedy=remedy), str(picture)
        found = connection.scalar(sa.select(PICTURE.c.id).where(wanted))
        if found is None:
            raise InputValueError("picture", "one that is in the catalogue", quoted(named), "scan its folder first")
        return int(found)


def _forget_pictures(connection: sa.Connection, pictures: list[int]) -> None:
    """Forget those that no file has and nobody has said anything of."""
    used = sa.select(FILE.c.id).where(FILE.c.picture_id == PICTURE.c.id).exists()
    tagged = sa.select(TAG.c.name).where(TAG.c.picture_id == PICTURE.c.id).exists()
    connection.execute(PICTURE.delete().where(PICTURE.c.id.in_(pictures), ~used, ~tagged, PICTURE.c.note.is_(None)))


def _check_names(names: tuple[object, ...]) -> list[str]:
    if not names:
        raise InputValueError("names", "one tag or more", "none", "pass them behind the picture")
    checked: list[str] = []
    for each in names:
        if not isinstance(each, str):
            raise InputTypeError("names", "texts", quoted(each), "pass each tag as a text")
        # A database may take "a" and "a " for one.
        if not each or each != each.strip() or len(each) > _MOST_TAG or not each.isprintable():
            expected = f"1 to {_MOST_TAG} characters on one line, without blanks around them"
            raise InputValueError("names", expected, quoted(each), "write it so")
        checked.append(each)
    return sorted(set(checked))
