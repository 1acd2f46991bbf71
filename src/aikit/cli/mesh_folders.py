"""One mesh or all meshes below a folder, for the actions of `aikit mesh`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .._io import make_folder
from ..errors import AikitError, FileAccessError, InputValueError, quoted
from ..limits import Limits
from .untrusted import limits_of
from .wording import in_words

if TYPE_CHECKING:
    from ..mesh import Mesh

__all__ = ["REMEDIES", "add_in_and_out", "convert_meshes", "meshes_below", "open_one"]

REMEDIES = {"files": "put what it needs beside it, or leave --untrusted out if you trust it"}
_SUFFIXES = (".glb", ".gltf", ".obj")


def add_in_and_out(action: argparse.ArgumentParser, formats: str, default: str | None = None) -> None:
    """Add what is read, where it goes, and as what."""
    otherwise = "" if default is None else f" (default: {default})"
    action.add_argument("source", metavar="IN", help="a mesh, or a folder with some below it")
    action.add_argument("out", metavar="OUT", help="a file name with a suffix, or a folder")
    action.add_argument("--to", metavar="FORMAT", default=default, help=f"for folders: {formats}{otherwise}")
    action.add_argument("--overwrite", action="store_true", help="replace files that are there already")


def open_one(path: str, limits: Limits | None, *, untrusted: bool) -> Mesh:
    """Open a mesh with what lies beside it, if it is trusted; what is left out is not told."""
    from .._warnings import keep_warnings
    from ..mesh import open_mesh

    with keep_warnings():
        return open_mesh(path, limits=limits, files=not untrusted)


def meshes_below(path: str) -> Iterator[Path]:
    """The file itself, or all meshes below a folder; links to folders are not followed."""
    if not os.path.isdir(path):
        yield Path(path)
        return
    for folder, folders, names in os.walk(path):
        folders.sort()
        yield from (Path(folder, name) for name in sorted(names) if name.lower().endswith(_SUFFIXES))


def convert_meshes(options: argparse.Namespace, formats: Sequence[str], make: Callable[[Mesh, str], None]) -> int:
    """Make something of one mesh, or of all below a folder; of a folder those that fail are listed and make the status 1.

    Args:
        options: with `source`, `out`, `to`, `overwrite` and `untrusted`.
        formats: what `to` may be.
        make: gets a mesh and the path of what is made of it.
    """
    to = (options.to or "").lower().removeprefix(".")
    if os.path.isdir(options.source) and to not in formats:
        expected = f"one of {', '.join(formats)} for the meshes of a folder"
        raise InputValueError("--to", expected, quoted(options.to) if to else "none", "pass one of these")
    if not os.path.isdir(options.source):
        try:
            _make_one(options.source, options.out, options, make)
        except AikitError as error:
            raise in_words(error, subjects={"path": "OUT", "format": "OUT"}, remedies=REMEDIES) from error
        return 0
    failed, written = 0, set()
    for path in meshes_below(options.source):
        out = Path(options.out, path.relative_to(options.source)).with_suffix(f".{to}")
        try:
            if out in written:
                other = "another mesh there that becomes the same"
                raise FileAccessError(str(path), f"a place of its own, not {out}", other, "rename one", code="clash")
            make_folder(out.parent)
            _make_one(str(path), str(out), options, make)
            written.add(out)
        except AikitError as error:
            failed += 1
            print(f"aikit mesh: {in_words(error, remedies=REMEDIES)}", file=sys.stderr)
    return 1 if failed else 0


def _make_one(source: str, out: str, options: argparse.Namespace, make: Callable[[Mesh, str], None]) -> None:
    if os.path.exists(out) and not options.overwrite:
        raise FileAccessError(out, "no file there", "one", "pass --overwrite", code="exists", filename=out)
    make(open_one(source, limits_of(options), untrusted=options.untrusted), out)
