"""Names from outside joined to a folder that they cannot leave."""

from __future__ import annotations

import os
import re
import stat
import unicodedata
from pathlib import Path
from typing import BinaryIO, NoReturn

from .errors import FileAccessError, InputTypeError, InputValueError, quoted

__all__ = ["inside", "open_inside"]

# Windows opens devices by these names, with any suffix and in any folder ("Naming Files, Paths, and Namespaces", Microsoft).
_DEVICES = re.compile(
    r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)\s*(\..*)?", re.IGNORECASE | re.DOTALL
)
# What some system takes for the end of a part, a drive or a stream; control characters, which no shown name has.
_SPECIAL = re.compile(r'[\\:\0-\x1f\x7f-\x9f<>"|?*]')


def inside(base: str | os.PathLike[str], name: str) -> Path:
    """Join a name to a folder, so that the result lies in it.

    The rules are the same on every system, those of Windows included, so that a name means one file everywhere: parts
    are separated by `/`; none is empty, `.` or `..`, names a device (`nul`, `com1`), ends in a dot or a blank, or holds
    a backslash, a colon or a control character, as it stands or in Unicode's compatibility form (U+FF0F looks like `/`).

    Args:
        base: a folder that exists.
        name: a relative name, such as "2026/cat.png". What it names need not exist.

    Returns:
        The absolute path, with links followed. Another process may put a link there afterwards: what somebody else can
        write to is opened by `open_inside`.

    Raises:
        InputTypeError: the name is no text.
        InputValueError: a name that some system would take out of the folder.
        FileAccessError: no such folder, or links that lead out of it.

    Example:
        >>> import tempfile
        >>> base = tempfile.mkdtemp()
        >>> inside(base, "2026/cat.png").relative_to(Path(base).resolve()).as_posix()
        '2026/cat.png'
        >>> inside(base, "../secrets")
        Traceback (most recent call last):
        ...
        aikit.errors.InputValueError: name: expected a name that stays in its folder, got '../secrets'; leave out '..'.
    """
    parts = _parts(name)
    root = _folder(base)
    try:
        path = root.joinpath(*parts).resolve()
    except (OSError, RuntimeError, ValueError) as error:  # links in a circle, a name too long, half a surrogate
        _refuse_access(name, f"{quoted(name)}, which cannot be followed", error)
    if path == root or not path.is_relative_to(root):
        _refuse_access(name, f"{quoted(name)}, a link that leads out of it", None)
    return path


def open_inside(base: str | os.PathLike[str], name: str) -> BinaryIO:
    """Open a file of a folder for reading, whatever others do to the folder meanwhile.

    No link is followed, and nothing but a plain file is opened. Folders are opened one in the other, so that none can be
    exchanged for a link between the check and the opening; on Windows, which cannot, the file is compared with the one
    that its path names once it is open.

    Args:
        base: a folder that exists; it may be a link itself.
        name: a relative name, as in `inside`.

    Returns:
        The open binary file.

    Raises:
        InputTypeError: the name is no text.
        InputValueError: a name that some system would take out of the folder.
        FileAccessError: no such file, a link, or something else than a plain file.

    Example:
        >>> import tempfile
        >>> base = Path(tempfile.mkdtemp())
        >>> _ = (base / "a.txt").write_bytes(b"text")
        >>> with open_inside(base, "a.txt") as file:
        ...     file.read()
        b'text'
    """
    parts = _parts(name)
    root = _folder(base)
    try:
        # A pipe would wait for somebody who writes.
        descriptor = _open_each(root, parts) if os.open in os.supports_dir_fd else _open_and_compare(root, parts)
    except (OSError, ValueError) as error:
        _refuse_access(name, quoted(getattr(error, "strerror", None) or str(error)), error)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        _refuse_access(name, f"{quoted(name)}, which is none", None)
    return os.fdopen(descriptor, "rb")


def _parts(name: object) -> list[str]:
    """The parts of a name that no system takes out of a folder."""
    if not isinstance(name, str):
        raise InputTypeError("name", "a relative name as text", type(name).__name__, "pass a str with / between parts")
    if not name:
        raise InputValueError("name", "a name that stays in its folder", "''", "name a file")
    parts = name.split("/")
    for part in parts:
        # The form that some file systems and libraries make of it too.
        for form in {part, unicodedata.normalize("NFKC", part)}:
            if (blame := _blame(form)) is not None:
                raise InputValueError("name", "a name that stays in its folder", quoted(name), f"leave out {blame}")
    return parts


def _blame(part: str) -> str | None:
    """What of a part is not taken, or None."""
    if part in ("", ".", ".."):
        return "empty parts" if not part else repr(part)
    if (found := _SPECIAL.search(part)) is not None:
        return repr(found[0])
    if "/" in part:  # only in its compatibility form
        return "what looks like '/'"
    if _DEVICES.fullmatch(part):
        return f"the device {quoted(part)}"
    if part[-1] in ". ":
        return "dots and blanks at the end"
    return None


def _folder(base: object) -> Path:
    if not isinstance(base, (str, os.PathLike)) or not os.fspath(base):
        raise InputTypeError("base", "the path of a folder", quoted(base), "pass a str or a pathlib.Path")
    root = Path(base).resolve()
    if not root.is_dir():
        raise FileAccessError("base", "a folder", quoted(str(root)), "make it first", filename=str(root))
    return root


def _open_each(root: Path, parts: list[str]) -> int:
    *folders, last = parts
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW
    folder = os.open(root, os.O_RDONLY | os.O_CLOEXEC | os.O_DIRECTORY)
    try:
        for part in folders:
            inner = os.open(part, flags | os.O_DIRECTORY, dir_fd=folder)
            os.close(folder)
            folder = inner
        return os.open(last, flags | os.O_NONBLOCK, dir_fd=folder)
    finally:
        os.close(folder)


def _open_and_compare(root: Path, parts: list[str]) -> int:
    path = root.joinpath(*parts)
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    real = path.resolve()
    if real != path or not os.path.samestat(os.fstat(descriptor), os.stat(real)):
        os.close(descriptor)
        raise OSError("a link, which is not followed")
    return descriptor


def _refuse_access(name: str, got: str, error: BaseException | None) -> NoReturn:
    raise FileAccessError(
        "name", "a file of the folder", got, "check the name", errno=getattr(error, "errno", None), filename=name
    ) from error
