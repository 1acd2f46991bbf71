"""What was found of files, written in one transaction a batch."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import sqlalchemy as sa

from .facts import Facts
from .names import columns_of, name_from
from .schema import FILE, META, PICTURE, TAG, upsert

__all__ = ["BATCH", "Entry", "count_revision", "write_entries", "write_records"]

# Rows of one transaction: a second more of them gains nothing, and is lost where the process is killed.
BATCH = 500

_FACTS = [*Facts.__dataclass_fields__]
# The name first.
_UPDATED = "path raw_path bytes mtime_ns status code error work recipe output seen missing".split()


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What is known of one file, and of the picture in it as far as somebody has looked.

    Attributes:
        name: what the catalogue calls the file.
        size: in bytes.
        digest: of its bytes, where they were read.
        facts: of the picture, where it was decoded now.
        others: as the columns of the same names.
    """

    name: str
    work: str
    status: str
    size: int | None = None
    mtime_ns: int | None = None
    digest: bytes | None = None
    facts: Facts | None = None
    code: str | None = None
    error: str | None = None
    recipe: str | None = None
    output: str | None = None
    missing: bool = False
    seen: dt.datetime = field(default_factory=_now)


def write_entries(connection: sa.Connection, entries: Sequence[Entry]) -> dict[bytes, int]:
    """Write what was found: the pictures first, then the files that hold them. Of a name that comes twice the last counts.

    Returns:
        The numbers of the pictures by their digests.
    """
    # In one order everywhere, so that two writers do not wait for each other.
    entries = [each for _, each in sorted({each.name: each for each in entries}.items())]
    pictures = {each.digest: each.facts for each in entries if each.digest is not None}
    looked = {digest: facts for digest, facts in pictures.items() if facts is not None}
    if looked:
        count_revision(connection)
    upsert(connection, PICTURE, ["digest"], [_picture(*each) for each in sorted(looked.items())], update=_FACTS)
    known = sorted(pictures.keys() - looked.keys())
    upsert(connection, PICTURE, ["digest"], [{"digest": each} for each in known])
    found = connection.execute(sa.select(PICTURE.c.digest, PICTURE.c.id).where(PICTURE.c.digest.in_([*pictures])))
    ids = {bytes(digest): number for digest, number in found}
    rows = [_file(each, ids) for each in entries]
    # Who has not read the file leaves what it holds as it was, unless it has changed.
    upsert(connection, FILE, ["path_key"], rows, update=_UPDATED, unless_same={"picture_id": ("bytes", "mtime_ns")})
    return ids


def write_records(connection: sa.Connection, records: Sequence[Mapping[str, Any]]) -> None:
    """Write rows that came from elsewhere, as `records_of` gives them: numbers are ours, tags come to those that are there."""
    named = {name_from(each["path"], each.get("raw_path")): each for each in records}
    count_revision(connection)
    ids = _write_pictures(connection, list(named.values()))
    files = [_record(name, each, ids) for name, each in sorted(named.items())]
    upsert(connection, FILE, ["path_key"], files, update=_UPDATED, unless_same={"picture_id": ("bytes", "mtime_ns")})
    tags = {(ids[each["digest"]], tag) for each in named.values() for tag in each.get("tags", ())}
    upsert(connection, TAG, ["picture_id", "name"], [{"picture_id": one, "name": tag} for one, tag in sorted(tags)])


def _write_pictures(connection: sa.Connection, records: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Write what the records say of pictures; their numbers by the digests."""
    found = {each["digest"]: each for each in records if each.get("digest") is not None}
    for decoded, names in ((True, [*_FACTS, "note"]), (False, ["note"])):
        given = [name for name in names if records and name in records[0]]
        some = [digest for digest in sorted(found) if (found[digest].get("format") is not None) is decoded]
        rows = [{"digest": bytes.fromhex(each), **{name: found[each][name] for name in given}} for each in some]
        upsert(connection, PICTURE, ["digest"], rows, update=given)
    ids: dict[str, int] = {}
    digests = [bytes.fromhex(each) for each in sorted(found)]
    for begin in range(0, len(digests), BATCH):
        wanted = PICTURE.c.digest.in_(digests[begin : begin + BATCH])
        numbers = connection.execute(sa.select(PICTURE.c.digest, PICTURE.c.id).where(wanted))
        ids |= {bytes(digest).hex(): number for digest, number in numbers}
    return ids


def _record(name: str, record: Mapping[str, Any], ids: Mapping[str, int]) -> dict[str, Any]:
    defaults: dict[str, Any] = {"status": "done", "work": "scan", "missing": False, "seen": _now()}
    columns = {each: record.get(each) for each in _UPDATED[2:]}
    columns |= {each: value for each, value in defaults.items() if columns[each] is None}
    digest = record.get("digest")
    return {**columns_of(name), **columns, "picture_id": None if digest is None else ids[digest]}


def _picture(digest: bytes, facts: Facts) -> dict[str, Any]:
    taken = None if facts.taken is None else dt.datetime.fromisoformat(facts.taken)
    return {"digest": digest, **asdict(facts), "taken": taken}


def _file(entry: Entry, ids: dict[bytes, int]) -> dict[str, Any]:
    columns = {name: getattr(entry, "size" if name == "bytes" else name) for name in _UPDATED[2:]}
    picture = None if entry.digest is None else ids[entry.digest]
    return {**columns_of(entry.name), **columns, "picture_id": picture}


def count_revision(connection: sa.Connection) -> None:
    """Tell everybody that hashes of pictures have come or gone."""
    connection.execute(META.update().values(revision=META.c.revision + 1))
