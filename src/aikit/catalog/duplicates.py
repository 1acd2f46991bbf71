"""Of files that show the same: which to keep, and the others taken away without the loss of anything that is not kept."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence

import numpy as np

from ..errors import FileAccessError, InputValueError, quoted
from .near import find_near
from .rows import Row

__all__ = ["choose_kept", "delete_copy", "pick_best"]


def pick_best(rows: Sequence[Row]) -> Row:
    """Pick the file to keep of some that show the same.

    It has the most frames, then the most pixels, the most bits a channel, transparency, and the most bytes, for it is the least
    compressed; then it is the oldest, then the first by its path.

    Args:
        rows: one file or more, as `Catalog.duplicates` gives them.

    Raises:
        InputValueError: none.
    """
    if not rows:
        raise InputValueError("rows", "at least one", "none", "pass a group of Catalog.duplicates")
    return min(rows, key=_worth)


def _worth(row: Row) -> tuple[object, ...]:
    pixels = (row.width or 0) * (row.height or 0)
    rank = row.frames or 0, pixels, row.depth or 0, bool(row.transparent), row.bytes or 0
    return (*(-each for each in rank), row.mtime_ns or 0, row.path)


def choose_kept(rows: Sequence[Row], *, distance: int, turned: bool) -> list[tuple[Row, list[Row]]]:
    """Which files of a group to keep, and of each the copies: those that are within the distance of it itself.

    A group hangs together over its members: of a chain both ends may be two pictures, and several files are kept.
    """
    left, kept = [*rows], []
    while left:
        best = pick_best(left)
        near = _near(best, left, distance, turned)
        kept.append((best, [row for row in left if row.id in near and row is not best]))
        left = [row for row in left if row.id not in near and row is not best]
    return kept


def _near(best: Row, rows: Sequence[Row], distance: int, turned: bool) -> set[int]:
    same = {row.id for row in rows if row.picture == best.picture}
    hashed = [row for row in rows if row.picture_hash is not None]
    if best.picture_hash is None or not hashed:
        return same
    hashes = np.array([row.picture_hash for row in hashed], np.int64)
    places, _ = find_near(hashes, best.picture_hash, distance=distance, turned=turned)
    return same | {hashed[place].id for place in places.tolist()}


def delete_copy(copy: str, kept: str, row: Row, best: Row) -> None:
    """Delete a file, if it and the one that is kept are as the catalogue knows them, and are two.

    Args:
        copy: the path of the file.
        kept: the path of the one that is kept.
        row: what the catalogue says of the file.
        best: and of the one that is kept.

    Raises:
        FileAccessError: it is not deleted, and why.
    """
    first, second = _look(copy, row), _look(kept, best)
    if os.path.samestat(first, second):
        raise FileAccessError(
            copy, "another file than the one that is kept", "the same under another name", "leave it", filename=copy
        )
    if row.note and row.picture != best.picture:
        raise FileAccessError(
            copy, "a picture without a note", quoted(row.note), "take the note away first", filename=copy
        )
    try:
        os.unlink(copy)
    except OSError as error:
        fields = copy, "a file that can be deleted", quoted(error.strerror), "check its folder's permissions"
        raise FileAccessError(*fields, errno=error.errno, filename=copy) from error


def _look(path: str, row: Row) -> os.stat_result:
    try:
        facts = os.lstat(path)
    except OSError as error:
        fields = path, "a file", quoted(error.strerror), "scan its folder again"
        raise FileAccessError(*fields, errno=error.errno, filename=path) from error
    if not stat.S_ISREG(facts.st_mode):
        raise FileAccessError(
            path, "a file", "a link or a device", "leave it, or name what it stands for", filename=path
        )
    if (facts.st_size, facts.st_mtime_ns) != (row.bytes, row.mtime_ns):
        raise FileAccessError(
            path, "the file that was scanned", "one that has changed since", "scan its folder again", filename=path
        )
    return facts
