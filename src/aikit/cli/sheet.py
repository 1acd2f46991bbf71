"""`aikit sheet`: the pictures of a folder on one contact sheet."""

from __future__ import annotations

import argparse
import os
import sys

from ..errors import AikitError, FileAccessError, InputValueError, printable, quoted
from .untrusted import add_untrusted, limits_of
from .wording import in_words

__all__ = ["add_parser", "add_sheet", "check_sheet", "show_sheet"]

_SUBJECTS = {"src": "SRC", "side": "--side", "columns": "--columns", "workers": "--jobs"}
_REMEDIES = {"side": "name fewer, or pass a smaller --side"}


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand to the parser."""
    parser = commands.add_parser(
        "sheet",
        help="lay the pictures of a folder out on one contact sheet",
        description="Lay pictures out on one sheet with their names and sizes. What cannot be read has a gray cell that says "
        "why, and makes the status 1.",
    )
    parser.add_argument("sources", nargs="+", metavar="SRC", help="files, or folders with all that is in them")
    parser.add_argument("out", metavar="OUT", help="the sheet, a file name with a suffix such as .png")
    parser.add_argument("--jobs", type=int, metavar="N", help="pictures at a time; by default one a core")
    _add_layout(parser)
    parser.set_defaults(run=run)


def add_sheet(parser: argparse.ArgumentParser) -> None:
    """Add a sheet to a command that finds files."""
    parser.add_argument(
        "--sheet", metavar="OUT", help="write a contact sheet of the files, OUT being sheet.png for instance"
    )
    _add_layout(parser)
    parser.set_defaults(jobs=None)


def check_sheet(options: argparse.Namespace) -> None:
    """Refuse a sheet that cannot be written, before anything is done."""
    if options.sheet is not None:
        try:
            _check_target(options.sheet, overwrite=options.overwrite)
        except InputValueError as error:
            raise error.with_subject("--sheet") from error


def show_sheet(names: list[str], options: argparse.Namespace, *, titles: list[str] | None = None) -> int:
    """Write the sheet of files by their names in a catalogue; the status."""
    paths = [os.path.join(options.root or "", name) for name in names]
    return _write_sheet(paths, options.sheet, options, titles=titles)


def _add_layout(parser: argparse.ArgumentParser) -> None:
    """Add how a sheet is made."""
    parser.add_argument("--columns", type=int, metavar="N", help="pictures in a row")
    parser.add_argument(
        "--side", type=int, default=240, metavar="N", help="longest side of a picture, in pixels (default: %(default)s)"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace the sheet if it is there already")
    add_untrusted(parser)


def run(options: argparse.Namespace) -> int:
    """Write the sheet of all pictures that the sources have."""
    from ..folders.planning import check_sources, find_files
    from ..folders.reporting import Failure, Notice

    _check_target(options.out, overwrite=options.overwrite)
    own, left = os.path.realpath(options.out), 0
    paths: list[str] = []
    for found in find_files(check_sources(options.sources), None):
        if isinstance(found, Notice):
            left += found.code == "left_out"
            print(f"  {found.message}", file=sys.stderr)
            continue
        path = found.path if isinstance(found, Failure) else str(found[0])
        if os.path.realpath(path) != own:  # of an earlier run
            paths.append(path)
    return _write_sheet(paths, options.out, options, left=left)


def _check_target(out: str, *, overwrite: bool) -> None:
    """Refuse a sheet that cannot be written, before anything is read.

    Raises:
        InputValueError: a name without a suffix that names a format.
        FileAccessError: it is there already.
    """
    from .._raster import capabilities

    suffix = os.path.splitext(out)[1]
    if not suffix or os.path.isdir(out):
        raise InputValueError("OUT", "a file name with a suffix", quoted(out), "name for instance sheet.png")
    try:
        capabilities(suffix)
    except AikitError as error:
        raise error.with_subject("OUT") from error
    if os.path.exists(out) and not overwrite:
        raise FileAccessError(out, "no file there", "one", "pass --overwrite", code="exists", filename=out)


def _write_sheet(
    paths: list[str], out: str, options: argparse.Namespace, *, titles: list[str] | None = None, left: int = 0
) -> int:
    """Write the sheet of some files and say so; those that cannot be read are listed, and make the status 1."""
    from ..files import write
    from ..folders import contact_sheet
    from ..folders.reporting import Failure

    failures: list[Failure] = []
    try:
        sheet = contact_sheet(
            paths, titles=titles, columns=options.columns, side=options.side, limits=limits_of(options),
            workers=options.jobs, failures=failures,
        )  # fmt: skip
    except AikitError as error:
        raise in_words(error, subjects=_SUBJECTS, remedies=_REMEDIES) from error
    write(sheet, out)
    others = f", {left} left out" if left else ""
    print(f"{printable(out)}: {len(paths) - len(failures)} pictures{others}, {len(failures)} failed")
    for failure in failures:
        assert failure.error is not None
        print(f"  {in_words(failure.error).with_subject(failure.path)}", file=sys.stderr)
    return 1 if failures else 0
