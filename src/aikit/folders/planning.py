"""Which files there are to convert, and where each goes."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from ..errors import FileAccessError, InputValueError, quoted
from .reporting import Failure

__all__ = ["Job", "find_files", "make_job"]


class Job(NamedTuple):
    """One file to convert."""

    source: Path
    target: Path


def find_files(sources: Iterable[Path], out: Path) -> Iterator[tuple[Path, Path] | Failure]:
    """Every file named, and every picture in a folder, with its place below the output folder."""
    for source in sources:
        if not os.path.isdir(source):
            yield source, Path(source.name)
            continue
        for path in _walk(source, out):
            if isinstance(path, Failure):
                yield path
            elif _looks_like_a_picture(path):
                yield path, path.relative_to(source)


def _walk(source: Path, out: Path) -> Iterator[Path | Failure]:
    """Every file in a folder and the folders in it: not the hidden ones, and not what an earlier run put into `out`."""
    refused: list[Failure] = []

    def refuse(error: OSError) -> None:
        path = str(Path(error.filename))
        why = quoted(error.strerror or str(error))
        expected = "a readable folder", why, "check its permissions"
        refused.append(Failure.of(path, FileAccessError(path, *expected, errno=error.errno, filename=path)))

    made = os.path.realpath(out)
    for folder, folders, names in os.walk(source, onerror=refuse):
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith(".") and os.path.realpath(os.path.join(folder, name)) != made
        )
        yield from (Path(folder, name) for name in sorted(names) if not name.startswith("."))
    yield from refused


def _looks_like_a_picture(path: Path) -> bool:
    """By the suffix or the first bytes: a damaged picture has to be reported, a text file has not."""
    from .._raster import format_of_suffix, identify

    known = format_of_suffix(path.suffix) is not None
    if not path.is_file():
        return known and not path.exists()  # a broken link is told of; a pipe would be waited for
    if known:
        return True
    try:
        with open(path, "rb") as file:
            return identify(file.read(4096)) is not None
    except OSError:
        return True


def make_job(source: Path, target: Path) -> Job | Failure:
    """The job, or why there is none."""
    from .._raster import format_of_suffix

    if not os.path.exists(source):
        path = str(source)
        return Failure.of(path, FileAccessError(path, "a file", "nothing there", "check the path", filename=path))
    if format_of_suffix(target.suffix) is None:
        expected = "a suffix that names a format to write", quoted(target.name), "name one with Recipe(to=...)"
        return Failure.of(str(source), InputValueError(str(source), *expected, option="to"))
    return Job(source, target)
