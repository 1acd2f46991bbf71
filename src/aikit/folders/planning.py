"""Which files there are to convert, and where each goes."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from .._io import OWN, check_local, check_path
from ..errors import FileAccessError, InputValueError, quoted
from .reporting import Failure, Notice

__all__ = ["Job", "check_out", "check_sources", "find_files", "make_job"]


class Job(NamedTuple):
    """One file to convert."""

    source: Path
    target: Path


def check_sources(sources: Iterable[object]) -> list[Path]:
    """The sources as paths. A name that no file can have is one more file that is not there.

    Raises:
        InputTypeError: something else than a path, or a URL.
        InputValueError: an empty text, which would be the working directory.
    """
    return [_as_path("src", check_local("src", source)) for source in sources]


def check_out(out: object) -> Path:
    """The folder for the results.

    Raises:
        InputTypeError: something else than a path, or a URL.
        InputValueError: an empty text.
        FileAccessError: no folder can have such a name.
    """
    return _as_path("out", check_path("out", out))


def _as_path(subject: str, text: str) -> Path:
    if not text:
        raise InputValueError(subject, "a path", "an empty text", 'pass "." for the working directory')
    return Path(text)


# Pictures by their names, beside those that can be written: those that can be read alone, and formats that cannot be
# read at all, which somebody who converts a folder wants to hear of.
_PICTURES = frozenset(
    f".{suffix}"
    for suffix in """
        svg svgz psd psb glb heic heif hif heics heifs avifs
        jp2 j2k j2c jpc jpf jpx jpm jph jls jxr wdp hdp jng mng exr hdr rgbe pfm pam qoi tga dds pcx sgi rgba ras xbm xpm
        wbmp cur icns bpg flif djvu eps emf wmf xcf kra ora fits fts dcm
        raw dng cr2 cr3 crw nef nrw arw sr2 srf orf rw2 raf pef srw x3f 3fr erf iiq kdc mef mos mrw rwl
    """.split()
)


def find_files(sources: Iterable[Path], out: Path | None) -> Iterator[tuple[Path, Path] | Failure | Notice]:
    """Find every file named, and every picture in a folder, with its place below the output folder, where there is one.

    What else is in a folder is told of: nothing in it is passed over in silence.
    """
    for source in sources:
        if not os.path.isdir(source):
            yield source, Path(source.name)
            continue
        for path in _walk(source, out):
            if not isinstance(path, Path):
                yield path
            elif (refused := _refuse(path)) is not None:
                yield refused
            else:
                yield path, path.relative_to(source)


def _walk(source: Path, out: Path | None) -> Iterator[Path | Failure | Notice]:
    """Walk through a folder and the folders in it: not the hidden ones, and not what an earlier run put into `out`."""
    refused: list[Failure] = []

    def refuse(error: OSError) -> None:
        path = str(Path(error.filename))
        why = quoted(error.strerror or str(error))
        expected = "a readable folder", why, "check its permissions"
        refused.append(Failure.of(path, FileAccessError(path, *expected, errno=error.errno, filename=path)))

    made = None if out is None else os.path.realpath(out)
    for folder, folders, names in os.walk(source, onerror=refuse):
        # What an earlier run has made is no source, and what aikit itself keeps there is nobody's picture.
        found = sorted(name for name in folders if os.path.realpath(os.path.join(folder, name)) != made)
        folders[:] = [name for name in found if not name.startswith(".")]
        yield from _tell_of_folders(folder, found)
        for name in sorted(names):
            path = Path(folder, name)
            if not name.startswith("."):
                yield path
            elif not name.startswith(OWN):
                yield Notice.of(str(path), "left out, it is hidden; name it to have it converted", "left_out")
    yield from refused


def _tell_of_folders(above: str, names: Iterable[str]) -> Iterator[Notice]:
    """Name the folders that are not walked through."""
    for name in names:
        path = os.path.join(above, name)
        if name.startswith("."):
            yield Notice.of(path, "left out, it is a hidden folder; name it to have it converted", "left_out")
        elif os.path.islink(path):
            what = "left out, it is a link to a folder; name that folder to have it converted"
            yield Notice.of(path, what, "left_out")


def _refuse(path: Path) -> Failure | Notice | None:
    """Why a file in a folder is not converted; None of one that may be a picture, by its name or its first bytes.

    What bears the name of a picture has failed; everything else is left out.
    """
    named, name = _is_named_as_a_picture(path), str(path)
    try:
        mode = os.stat(path).st_mode
    except OSError as error:
        if named or error.errno not in (errno.ENOENT, errno.ELOOP):
            fields = name, "a readable file", quoted(error.strerror), "check the path and its permissions"
            return Failure.of(name, FileAccessError(*fields, errno=error.errno, filename=name))
        return Notice.of(name, "left out, it is a link to nothing", "left_out")
    if not stat.S_ISREG(mode):  # a pipe would be waited for
        if not named:
            return Notice.of(name, "left out, it is no file but a pipe or a device", "left_out")
        fields = name, "a file", "a pipe or a device", "name it alone to have it read"
        return Failure.of(name, FileAccessError(*fields, filename=name))
    if named or _begins_like_a_picture(path):
        return None
    return Notice.of(name, "left out, it is no picture by its name or its first bytes", "left_out")


def _is_named_as_a_picture(path: Path) -> bool:
    from .._raster import format_of_suffix

    return format_of_suffix(path.suffix) is not None or path.suffix.lower() in _PICTURES


def _begins_like_a_picture(path: Path) -> bool:
    from .._raster import identify

    try:
        with open(path, "rb") as file:
            return identify(file.read(4096)) is not None
    except OSError:
        return True  # whoever reads it says why it cannot be read


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
