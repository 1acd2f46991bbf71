"""What a catalogue calls files: the path of their real folder, below its root where it has one, known by its own bytes."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping

from .._io import check_path

__all__ = ["Names", "columns_of", "key_of", "name_from"]

_MOST_FOLDERS = 500


class Names:
    """From paths to names in the catalogue and back.

    Args:
        root: names of files below it are relative to it, so that the folder may move together with the catalogue.
    """

    def __init__(self, root: str | None) -> None:
        self.root = root
        self._folders: dict[str, str] = {}

    def name(self, path: str | os.PathLike[str]) -> str:
        """What a file is called: one name, whatever links and dots lead to its folder.

        Raises:
            InputTypeError: not a path.
        """
        folder, last = os.path.split(os.path.abspath(check_path("path", path)))
        real = self._folders.get(folder)
        if real is None:
            if len(self._folders) > _MOST_FOLDERS:
                self._folders.clear()
            real = self._folders[folder] = os.path.realpath(folder)
        full = os.path.join(real, last)
        if self.root is not None and full.startswith(os.path.join(self.root, "")):
            return os.path.relpath(full, self.root)
        return full

    def path(self, name: str) -> str:
        """Where the file of a name is."""
        return name if self.root is None else os.path.join(self.root, name)


def key_of(name: str) -> bytes:
    """What tells a name from every other, whatever a database compares texts by."""
    return hashlib.sha256(os.fsencode(name)).digest()


def columns_of(name: str) -> Mapping[str, str | bytes | None]:
    """A name as a database keeps it: as text, and as bytes where they are no text."""
    raw = os.fsencode(name)
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return {"path_key": key_of(name), "path": raw.decode(errors="backslashreplace"), "raw_path": raw}
    return {"path_key": key_of(name), "path": text, "raw_path": None}


def name_from(path: str, raw: bytes | None) -> str:
    """The name that the columns keep."""
    return path if raw is None else os.fsdecode(bytes(raw))
