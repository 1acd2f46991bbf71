"""The tables, the same in every database: identity by digests, times in UTC, text that no collation can merge."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql, sqlite

from ..errors import InputTypeError, InputValueError, quoted

__all__ = ["FILE", "META", "PICTURE", "TABLES", "TAG", "VERSION", "upsert", "utc"]

VERSION = 1

_SERVERS = ("mysql", "mariadb")


def utc(subject: str, moment: object) -> dt.datetime:
    """A moment in UTC; one without a time zone is refused, for nobody knows when it was."""
    if not isinstance(moment, dt.datetime):
        raise InputTypeError(subject, "a datetime with a time zone", quoted(moment), "pass one")
    if moment.tzinfo is None:
        raise InputValueError(
            subject, "a datetime with a time zone", f"{moment.isoformat()} without one", "add tzinfo=datetime.UTC"
        )
    return moment.astimezone(dt.UTC)


class _Utc(sa.types.TypeDecorator[dt.datetime]):
    """Kept as UTC without a zone, to the microsecond: a TIMESTAMP would move with the session's zone."""

    impl = sa.DateTime
    cache_ok = True

    def process_bind_param(self, value: dt.datetime | None, dialect: sa.Dialect) -> dt.datetime | None:
        return None if value is None else utc("time", value).replace(tzinfo=None)

    def process_result_value(self, value: dt.datetime | None, dialect: sa.Dialect) -> dt.datetime | None:
        return None if value is None else value.replace(tzinfo=dt.UTC)

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[Any]:
        return dialect.type_descriptor(mysql.DATETIME(fsp=6) if dialect.name in _SERVERS else sa.DateTime())


_Digest = sa.LargeBinary(32).with_variant(mysql.BINARY(32), *_SERVERS)
_Number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_Time = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), *_SERVERS)
# Compared code point by code point everywhere.
_Text = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
_LongText = sa.Text().with_variant(mysql.MEDIUMTEXT(), *_SERVERS)


def _word(length: int) -> sa.types.TypeEngine[str]:
    return sa.String(length).with_variant(postgresql.VARCHAR(length, collation="C"), "postgresql")


TABLES = sa.MetaData()
# A database may be latin1, or of a collation to which "a.jpg", "A.jpg" and "ä.jpg" are one.
_OPTIONS: dict[str, Any] = {
    f"{server}_{name}": value
    for server in _SERVERS
    for name, value in {"engine": "InnoDB", "charset": "utf8mb4", "collate": "utf8mb4_bin"}.items()
}

# One row. `revision` grows whenever hashes of pictures come or go.
META = sa.Table(
    "aikit_catalog", TABLES,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("revision", sa.BigInteger, nullable=False),
    **_OPTIONS,
)  # fmt: skip

# What bytes show. All but the digest is unknown as long as nobody has decoded them.
PICTURE = sa.Table(
    "picture", TABLES,
    sa.Column("id", _Number, primary_key=True),
    sa.Column("digest", _Digest, nullable=False, unique=True),
    sa.Column("format", _word(32)),
    sa.Column("width", sa.Integer),
    sa.Column("height", sa.Integer),
    sa.Column("mode", _word(32)),
    sa.Column("depth", sa.Integer),
    sa.Column("alpha", sa.Boolean),
    sa.Column("transparent", sa.Boolean),
    sa.Column("orientation", sa.Integer),
    sa.Column("frames", sa.Integer),
    sa.Column("profile", _Text),
    sa.Column("taken", _Time, index=True),
    sa.Column("taken_offset", sa.Integer),
    sa.Column("picture_hash", sa.BigInteger),
    sa.Column("flat", sa.Boolean),
    sa.Column("note", _LongText),
    **_OPTIONS,
)  # fmt: skip

# A name of bytes. It is known by the digest of the path's own bytes, which need be no text: `raw_path` has them then.
FILE = sa.Table(
    "file", TABLES,
    sa.Column("id", _Number, primary_key=True),
    sa.Column("path_key", _Digest, nullable=False, unique=True),
    sa.Column("path", _Text, nullable=False),
    sa.Column("raw_path", sa.LargeBinary),
    sa.Column("picture_id", _Number, sa.ForeignKey("picture.id"), index=True),
    sa.Column("bytes", sa.BigInteger),
    sa.Column("mtime_ns", sa.BigInteger),
    sa.Column("status", _word(16), nullable=False, index=True),
    sa.Column("code", _word(32)),
    sa.Column("error", _Text),
    sa.Column("work", _word(16), nullable=False),
    sa.Column("recipe", _LongText),
    sa.Column("output", _Text),
    sa.Column("seen", _Utc, nullable=False),
    sa.Column("missing", sa.Boolean, nullable=False),
    **_OPTIONS,
)  # fmt: skip

TAG = sa.Table(
    "tag", TABLES,
    sa.Column("picture_id", _Number, sa.ForeignKey("picture.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("name", _word(255), primary_key=True),
    sa.Index("tag_name", "name"),
    **_OPTIONS,
)  # fmt: skip


def upsert(
    connection: sa.Connection,
    table: sa.Table,
    key: Sequence[str],
    rows: Sequence[Mapping[str, Any]],
    *,
    update: Iterable[str] = (),
    unless_same: Mapping[str, Sequence[str]] = {},
) -> None:
    """Insert rows, or update those that are there already, in as few statements as the driver makes of it.

    Args:
        connection: in a transaction.
        table: one with a unique key.
        key: the columns of that key.
        rows: of the same columns each.
        update: the columns that become those of the new row.
        unless_same: columns that become those of the new row only where one of other columns changes.
    """
    if not rows:
        return
    dialect, names = connection.dialect.name, [*update]
    if dialect in _SERVERS:
        made = mysql.insert(table)
        # VALUES() and not an alias of the row: MariaDB has no such alias, and PyMySQL makes one statement of many rows
        # of this form alone. In the order given, for each assignment sees those before it.
        new = {name: sa.func.values(table.c[name]) for name in [*unless_same, *names, key[0]]}
        changes = [(name, _unless_same(table, new, name, others)) for name, others in unless_same.items()]
        changes += [(name, new[name]) for name in names]
        connection.execute(made.on_duplicate_key_update(changes or [(key[0], new[key[0]])]), list(rows))
        return
    insert = (postgresql if dialect == "postgresql" else sqlite).insert(table)
    added = {name: insert.excluded[name] for name in names}
    added |= {name: _unless_same(table, insert.excluded, name, others) for name, others in unless_same.items()}
    statement = (
        insert.on_conflict_do_update(index_elements=key, set_=added) if added else insert.on_conflict_do_nothing()
    )
    connection.execute(statement, list(rows))


def _unless_same(table: sa.Table, new: Any, name: str, others: Sequence[str]) -> sa.ColumnElement[Any]:
    """The new value where it is known or one of the others changes, else the old one."""
    same = sa.and_(*(table.c[each] == new[each] for each in others)) if others else sa.true()
    return sa.case((sa.and_(new[name].is_(None), same), table.c[name]), else_=new[name])
