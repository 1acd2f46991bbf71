"""Bytes in and bytes out: reading any source under Limits, and writing a file entirely or not at all."""

from __future__ import annotations

import base64
import contextlib
import os
import re
import stat
import sys
import tempfile
from pathlib import Path
from typing import IO

from .errors import FileAccessError, FileFormatError, InputTypeError, InputValueError, quoted
from .limits import Limits
from .types import Source

if sys.platform != "win32":
    import fcntl

__all__ = [
    "check_local",
    "check_path",
    "make_folder",
    "name_of",
    "read_bytes",
    "read_whole",
    "remove_leftovers",
    "write_bytes",
]

# How the names of files begin that aikit keeps beside pictures; one that is being written ends so that no folder listing
# takes it for a finished picture.
OWN, _END = ".aikit-", ".tmp"

_CHUNK = 1 << 20
# RFC 3986, section 3.1. Two letters at least: "C:" is a drive.
_URL = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)

# RFC 4648, section 4. Every picture takes longer than this.
_BASE64 = re.compile(r"[A-Za-z0-9+/]{32}")
_HEADS = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"II*\0", b"MM\0*", b"BM", b"8BPS", b"<svg", b"<?xml")


def name_of(source: object) -> str:
    """How messages name a source: the path, or the kind of object."""
    if isinstance(source, (str, os.PathLike)):
        return os.fsdecode(source) or "source"
    name = getattr(source, "name", None)
    return name if isinstance(name, str) else "source"


def read_bytes(source: Source, *, limits: Limits | None = None) -> bytes:
    """Read a path, bytes or an open binary file completely.

    Args:
        source: a path (a str is always a path, never fetched), bytes-like data, or a binary file
            that is read from where it stands to its end.
        limits: `max_bytes` is honored before and while reading.

    Raises:
        InputTypeError: the source is none of these, a text file, a URL or a data URL.
        InputValueError: a str that is an SVG or base64 itself, or a file that is closed.
        FileAccessError: the file is missing, a directory, or may not be read.
        FileFormatError: there are no bytes.
        LimitError: there are more bytes than `limits` allow.
    """
    data = read_whole(source, limits=limits)
    if not data:
        raise FileFormatError(
            name_of(source), "a picture", "0 bytes", "check how the file was written", code="truncated"
        )
    return data


def read_whole(source: Source, *, limits: Limits | None = None) -> bytes:
    """Read like `read_bytes`, also where there is nothing in it: a file of settings, a text."""
    name = name_of(source)
    if limits is not None and not isinstance(limits, Limits):
        raise InputTypeError("limits", "Limits or None", quoted(limits), "pass Limits() for untrusted files")
    if isinstance(source, (bytes, bytearray, memoryview)):
        return bytes(source) if limits is None or _fits(source, name, limits) else b""
    if isinstance(source, (str, os.PathLike)):
        return _read_path(source, name, limits)
    if hasattr(source, "read"):
        return _read_file(source, name, limits)
    raise InputTypeError(
        "source",
        "a path, bytes or a binary file",
        type(source).__name__,
        "for a picture already in memory use to_pil, to_numpy, to_cv2 or to_tensor",
    )


def _fits(data: bytes | bytearray | memoryview, name: str, limits: Limits) -> bool:
    limits.check(name, "bytes", "max_bytes", memoryview(data).nbytes)
    return True


def _read_path(path: str | os.PathLike[str], name: str, limits: Limits | None) -> bytes:
    check_path("source", path)
    if isinstance(path, str):
        _check_no_markup(path)
    try:
        with open(path, "rb") as file:
            if limits is not None:
                limits.check(name, "bytes", "max_bytes", os.fstat(file.fileno()).st_size)
            return _drain(file, name, limits)
    except OSError as error:
        if _is_base64_of_a_picture(name):
            raise InputValueError(
                "source", "a path", f"base64 text {quoted(name)}", "pass base64.b64decode(text), bytes"
            ) from error
        raise _access_error(error, name, "a readable file", "check the path and its permissions") from error


def _read_file(file: IO[bytes], name: str, limits: Limits | None) -> bytes:
    if getattr(file, "closed", False):
        raise InputValueError(name, "an open file", "a closed one", "open it again")
    try:
        return _drain(file, name, limits)
    except OSError as error:
        raise _access_error(error, name, "a readable file", "open it with mode 'rb'") from error
    except UnicodeDecodeError as error:  # a text file that stumbles over the first byte of a picture
        raise InputTypeError(name, "a binary file", "a text file", "open it with mode 'rb'") from error


def _check_no_markup(text: str) -> None:
    """Refuse an SVG itself given as a str: that is always a path."""
    if text[:64].lstrip("\ufeff \t\r\n").lower().startswith(("<svg", "<?xml", "<!doctype svg")):
        raise InputValueError("source", "a path", f"markup {quoted(text)}", "pass its bytes, text.encode()")


def _is_base64_of_a_picture(text: str) -> bool:
    """Whether a name that no file has is a picture in base64: recognised by its first bytes."""
    start = "".join(text[:64].split())[:32]
    if not _BASE64.fullmatch(start):
        return False
    head = base64.b64decode(start)
    return head.startswith(_HEADS) or head[4:8] == b"ftyp" or head[8:12] == b"WEBP"


def check_path(subject: str, path: object) -> str:
    """Refuse what open() would answer with a puzzle: URLs, null bytes, names no file system can hold."""
    text = check_local(subject, path)
    try:
        valid = b"\0" not in os.fsencode(text)
    except UnicodeEncodeError:
        valid = False
    if not valid:
        raise FileAccessError(
            subject,
            "a path",
            f"{quoted(text)}, which no file can have as its name",
            "check the path",
            filename=text,
        )
    return text


def check_local(subject: str, path: object) -> str:
    """The path as a text, whether such a file can be or not; URLs are refused."""
    text = os.fspath(path) if isinstance(path, (str, os.PathLike)) else None
    if not isinstance(text, str):
        raise InputTypeError(subject, "a path", type(path).__name__, "pass a str or a pathlib.Path")
    if text[:5].lower() == "data:":
        raise InputTypeError(subject, "a path", "a data URL", "pass from_data_url(url) to a reader")
    if _URL.match(text):
        raise InputTypeError(
            subject, "a path", f"the URL {quoted(text)}", "aikit uses no network: move the bytes yourself"
        )
    return text


def _drain(file: IO[bytes], name: str, limits: Limits | None) -> bytes:
    """Read to the end, in chunks where a limit must be able to stop it."""
    if limits is None:
        return _as_bytes(file.read(), name)
    chunks, total = [], 0
    while chunk := _as_bytes(file.read(_CHUNK), name):
        total += len(chunk)
        limits.check(name, "bytes", "max_bytes", total)
        chunks.append(chunk)
    return b"".join(chunks)


def _as_bytes(chunk: object, name: str) -> bytes:
    if not isinstance(chunk, (bytes, bytearray)):
        raise InputTypeError(name, "a binary file", f"one that reads {type(chunk).__name__}", "open it with mode 'rb'")
    return bytes(chunk)


def write_bytes(path: str | os.PathLike[str], data: bytes, *, times: tuple[int, int] | None = None) -> None:
    """Write a file completely or leave what was there untouched.

    The bytes go to a temporary file in the same directory, to the disk, and then take the target's
    place in one step. A symbolic link is written through; the mode of an existing file is kept. A
    device or a pipe, such as /dev/stdout, is never replaced: it is written to. `times` are those of the last access and
    the last change that the file shall have, in nanoseconds.

    Raises:
        InputTypeError: the path is a URL.
        FileAccessError: the path is a directory or in none, may not be written, or the disk is full.
    """
    check_path("path", path)
    name = name_of(path)
    if os.path.isdir(path) or name.endswith(os.sep):
        raise FileAccessError("path", "a file", f"the directory {quoted(name)}", "add a file name", filename=name)
    try:
        if _is_device(path):
            with open(path, "wb") as file:
                file.write(data)
        else:
            _replace(os.path.realpath(path), data, times)
    except OSError as error:
        remedy = "check the folder, its permissions and the free space"
        raise _access_error(error, name, "a writable path", remedy) from error


def _is_device(path: str | os.PathLike[str]) -> bool:
    try:
        return not stat.S_ISREG(os.stat(path).st_mode)
    except FileNotFoundError:
        return False


def _replace(target: str, data: bytes, times: tuple[int, int] | None) -> None:
    """Write beside the target, then take its place."""
    folder = os.path.dirname(target)
    temporary = None
    try:
        handle, temporary = _make_temporary(folder)
        # Open, and by that locked, until it has its name: nobody takes it for one that was left behind.
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.chmod(temporary, _mode_for(target))
            if times is not None:
                os.utime(temporary, ns=times)
            os.fsync(file.fileno())
            if sys.platform == "win32":  # which moves no file that is open
                file.close()
            os.replace(temporary, target)
        temporary = None
        _sync_folder(folder)
    finally:
        # Runs for KeyboardInterrupt too: nothing half written stays behind.
        if temporary is not None:
            with contextlib.suppress(OSError):
                os.unlink(temporary)


def _make_temporary(folder: str) -> tuple[int, str]:
    """Make a file that is locked as long as it is open, by which others see that somebody is writing it."""
    while True:
        handle, path = tempfile.mkstemp(prefix=OWN, suffix=_END, dir=folder)
        if _lock(handle, wait=True) is not True or _is_at(handle, path):
            return handle, path
        # Somebody took it for one that was left behind, before it was locked.
        os.close(handle)


def remove_leftovers(folder: str | os.PathLike[str]) -> None:
    """Remove what processes that were killed had begun to write into a folder; files that somebody writes stay."""
    try:
        names = [name for name in os.listdir(folder) if name.startswith(OWN) and name.endswith(_END)]
    except OSError:  # there is no such folder yet
        return
    for name in names:
        path = os.path.join(os.fsdecode(folder), name)
        with contextlib.suppress(OSError):  # somebody else was faster, or may remove it and we may not
            _remove_if_dead(path)


def _remove_if_dead(path: str) -> None:
    if sys.platform == "win32":
        os.unlink(path)  # which is refused of files that are open
        return
    # A link or a pipe of such a name is nothing of ours.
    handle = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        if stat.S_ISREG(os.fstat(handle).st_mode) and _lock(handle, wait=False):
            os.unlink(path)
    finally:
        os.close(handle)


def _lock(handle: int, *, wait: bool) -> bool | None:
    """Lock a file until it is closed, also by the end of its process; None where the file system knows no locks."""
    if sys.platform == "win32":
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def _is_at(handle: int, path: str) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), os.stat(path))
    except OSError:
        return False


def _mode_for(target: str) -> int:
    """The mode of the file to be replaced, or what a plain open() would have given."""
    with contextlib.suppress(OSError):
        return os.stat(target).st_mode & 0o7777
    return 0o666 & ~_umask()


def _umask() -> int:
    # os.umask can only be read by setting it, for the whole process; Linux tells without.
    with contextlib.suppress(OSError, ValueError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("Umask:"):
                return int(line.split()[1], 8)
    return 0o022


def _sync_folder(folder: str) -> None:
    """Make the new name survive a power cut; file systems that cannot are left as they are."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _access_error(error: OSError, name: str, expected: str, remedy: str) -> FileAccessError:
    reason = error.strerror or str(error)
    return FileAccessError(name, expected, quoted(reason), remedy, errno=error.errno, filename=name)


def make_folder(folder: Path) -> None:
    """Make a folder, and those that it lies in, where they are missing."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileAccessError(
            str(folder),
            "a folder that can be made",
            quoted(error.strerror),
            "check the path",
            errno=error.errno,
            filename=str(folder),
        ) from error
