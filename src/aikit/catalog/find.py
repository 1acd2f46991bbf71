"""Rows of a catalogue: found by what is known of them, page by page."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import sqlalchemy as sa

from .._check import integer, switch
from ..errors import InputTypeError, InputValueError, quoted
from .database import Database
from .names import name_from
from .near import find_near, group_near
from .rows import Row
from .schema import FILE, META, PICTURE, TAG

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["SELECT", "Hashes", "conditions", "duplicate_rows", "find_pages", "near_rows", "page", "rows_of"]

Condition: TypeAlias = sa.ColumnElement[bool]
Hashed: TypeAlias = "tuple[NDArray[np.int64], NDArray[np.int64]]"

PAGE = 500

_FILE = "id path raw_path status code error work recipe output bytes mtime_ns seen missing".split()
_PICTURE = (
    "digest format width height mode depth alpha transparent orientation frames profile taken taken_offset picture_hash flat note"
).split()
_NAMES = [*_FILE, "picture", *_PICTURE]
SELECT = sa.select(
    *(FILE.c[name] for name in _FILE), FILE.c.picture_id.label("picture"), *(PICTURE.c[name] for name in _PICTURE)
).select_from(FILE.outerjoin(PICTURE))


def conditions(
    *,
    status: str | None,
    code: str | None,
    alpha: bool | None,
    transparent: bool | None,
    min_width: int | None,
    min_height: int | None,
    format: str | None,
    tag: str | Iterable[str] | None,
    taken: tuple[dt.date | None, dt.date | None] | None,
    missing: bool | None,
) -> list[Condition]:
    """What `find` was asked for, as SQL.

    Raises:
        InputTypeError, InputValueError: values that cannot be meant.
    """
    wanted: list[Condition] = []
    for column, text in ((FILE.c.status, status), (FILE.c.code, code), (PICTURE.c.format, format)):
        if text is not None:
            wanted.append(column == _check_text(column.name, text))
    for column, answer in (
        (PICTURE.c.alpha, alpha),
        (PICTURE.c.transparent, transparent),
        (FILE.c.missing, missing),
    ):
        if answer is not None:
            wanted.append(column.is_(switch(column.name, answer)))
    for column, least in ((PICTURE.c.width, min_width), (PICTURE.c.height, min_height)):
        if least is not None:
            wanted.append(column >= integer(f"min_{column.name}", least, 0))
    for name in [tag] if isinstance(tag, str) else tag or ():
        named = sa.select(TAG.c.name).where(
            TAG.c.picture_id == FILE.c.picture_id, TAG.c.name == _check_text("tag", name)
        )
        wanted.append(named.exists())
    if taken is not None:
        wanted += _between(taken)
    return wanted


def _check_text(subject: str, text: object) -> str:
    if not isinstance(text, str):
        raise InputTypeError(subject, "a text", quoted(text), "pass one")
    return text


def _between(taken: object) -> Iterator[Condition]:
    if not isinstance(taken, tuple) or len(taken) != 2:
        raise InputTypeError("taken", "a pair of dates, (from, before)", quoted(taken), "pass None for an open end")
    begin, end = map(_camera_time, taken)
    if begin is not None:
        yield PICTURE.c.taken >= begin
    if end is not None:
        yield PICTURE.c.taken < end


def _camera_time(moment: object) -> dt.datetime | None:
    """A moment on the clocks of cameras, which have no time zone; of a date, its beginning."""
    if moment is None:
        return None
    if not isinstance(moment, dt.date):
        raise InputTypeError("taken", "dates or datetimes", quoted(moment), "pass datetime.date(2026, 5, 1)")
    if not isinstance(moment, dt.datetime):
        return dt.datetime(moment.year, moment.month, moment.day)  # noqa: DTZ001 - as on a camera's clock
    if moment.tzinfo is not None:
        got = f"{moment.isoformat()} with one"
        raise InputValueError("taken", "a time without a zone, as cameras write it", got, "take .replace(tzinfo=None)")
    return moment


def page(database: Database, wanted: Sequence[Condition], last: int, size: int = PAGE) -> list[Row]:
    """The rows behind one, in the order of their numbers: an OFFSET would walk over all of those before."""
    with database.reading() as connection:
        return rows_of(connection, SELECT.where(FILE.c.id > last, *wanted).order_by(FILE.c.id).limit(size))


def find_pages(database: Database, wanted: Sequence[Condition], size: int = PAGE) -> Iterator[list[Row]]:
    """All rows, page by page; nothing is held open while the caller works on one."""
    last = 0
    while rows := page(database, wanted, last, size):
        yield rows
        last = rows[-1].id


def rows_of(connection: sa.Connection, statement: sa.Select[Any], values: Mapping[str, Any] | None = None) -> list[Row]:
    """The rows of a `SELECT` made from ours, with their tags."""
    found = [dict(zip(_NAMES, each, strict=True)) for each in connection.execute(statement, values)]
    tags = _get_tags(connection, {each["picture"] for each in found if each["picture"] is not None})
    return [_make_row(each, tags) for each in found]


def _make_row(fields: dict[str, Any], tags: Mapping[int, tuple[str, ...]]) -> Row:
    fields["path"] = name_from(fields["path"], fields.pop("raw_path"))
    digest = fields["digest"]
    fields["digest"] = None if digest is None else bytes(digest).hex()
    return Row(**fields, tags=tags.get(fields["picture"], ()))


def _get_tags(connection: sa.Connection, pictures: Iterable[int]) -> dict[int, tuple[str, ...]]:
    """The tags of pictures by their numbers."""
    found: dict[int, tuple[str, ...]] = {}
    numbers = sorted(pictures)
    for begin in range(0, len(numbers), PAGE):
        some = numbers[begin : begin + PAGE]
        rows = connection.execute(sa.select(TAG.c.picture_id, TAG.c.name).where(TAG.c.picture_id.in_(some)))
        for number, name in rows:
            found[number] = (*found.get(number, ()), name)
    return {number: tuple(sorted(names)) for number, names in found.items()}


# ---------------------------------------------------------------- what looks alike


class Hashes:
    """The hashes of all pictures in memory, read again when the catalogue says that they have changed."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._revision = -1
        self._found: Hashed = np.empty(0, np.int64), np.empty(0, np.int64)

    def read(self) -> Hashed:
        """The numbers of the pictures that have a hash, in their order, and the hashes."""
        with self._lock, self._database.reading() as connection:
            revision = int(connection.scalar(sa.select(META.c.revision)) or 0)
            if revision != self._revision:
                statement = sa.select(PICTURE.c.id, PICTURE.c.picture_hash).where(PICTURE.c.picture_hash.is_not(None))
                rows = connection.execute(statement.order_by(PICTURE.c.id)).all()
                table = np.array([tuple(row) for row in rows], np.int64).reshape(-1, 2)
                self._found = table[:, 0].copy(), table[:, 1].copy()
                self._revision = revision
            return self._found


def near_rows(
    database: Database, hashed: Hashed, target: int, distance: int, wanted: Sequence[Condition]
) -> Iterator[Row]:
    """The rows whose pictures lie within a distance of a hash, the nearest first."""
    pictures, hashes = hashed
    numbers = pictures[find_near(hashes, target, distance=distance)[0]].tolist()
    for begin in range(0, len(numbers), PAGE):
        some = numbers[begin : begin + PAGE]
        place = {number: at for at, number in enumerate(some)}
        with database.reading() as connection:
            rows = rows_of(connection, SELECT.where(FILE.c.picture_id.in_(some), *wanted))
        yield from sorted(rows, key=lambda row: (place[row.picture or 0], row.id))


def duplicate_rows(database: Database, hashed: Hashed, distance: int, turned: bool) -> Iterator[list[Row]]:
    """The rows of files that show the same, group by group."""
    pictures, hashes = hashed
    groups = [pictures[each].tolist() for each in group_near(hashes, distance=distance, turned=turned)]
    grouped = {number for group in groups for number in group}
    there = FILE.c.missing.is_(False)
    several = sa.select(FILE.c.picture_id).where(there, FILE.c.picture_id.is_not(None)).group_by(FILE.c.picture_id)
    with database.reading() as connection:
        copied = connection.scalars(several.having(sa.func.count() > 1).order_by(FILE.c.picture_id))
        # Files of the same bytes show the same, whether these can be decoded and hashed or not.
        groups += [[number] for number in copied if number not in grouped]
    for group in sorted(groups):
        rows: list[Row] = []
        for begin in range(0, len(group), PAGE):
            with database.reading() as connection:
                rows += rows_of(connection, SELECT.where(there, FILE.c.picture_id.in_(group[begin : begin + PAGE])))
        if len(rows) > 1:
            yield sorted(rows, key=lambda row: row.id)
