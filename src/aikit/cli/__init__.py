"""The command `aikit`: one file a subcommand; here the parser and what they share."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Sequence

from ..errors import AikitError, printable
from . import catalog, convert, demo, devices, info, many, mesh, psd, run, serve, settings, sheet, svg, ui
from .parser import Parser, parse
from .wording import in_words

__all__ = ["main"]

# Exit statuses beside 0, all done: some files failed, could not run at all, and the shell's own for Ctrl-C.
SOME_FAILED, CANNOT_RUN, INTERRUPTED = 1, 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status: 0 done, 1 some files failed, 2 could not run."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    command = given[0] if given else ""
    _take_any_file_name()
    try:
        parser = _make_parser(given, command)
        if not given:
            parser.print_help()
            return 0
        options = parse(parser, given)
        status: int = options.run(options)
        sys.stdout.flush()  # here, where a reader that has gone is no surprise
    except AikitError as error:
        print(f"aikit {printable(command)}: {in_words(error)}", file=sys.stderr)
        return CANNOT_RUN
    except KeyboardInterrupt:
        print(f"aikit {printable(command)}: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # The reader, `head` for instance, has gone; keep the interpreter from complaining when it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return SOME_FAILED
    return status


def _make_parser(given: list[str], command: str) -> argparse.ArgumentParser:
    """Make the parser; operations that the line names a module for are loaded before."""
    parser: argparse.ArgumentParser = Parser(
        prog="aikit", description="Look at pictures and convert them, with alpha, depth and color kept."
    )
    parser.add_argument("--version", action="version", version=f"aikit {_read_version()}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    if command in ("convert", "run"):
        many.import_operations(given)
    info.add_parser(commands)
    convert.add_parser(commands, with_operations=command == "convert")
    for module in (run, sheet, svg, psd, mesh, catalog, serve, ui, settings, devices, demo):
        module.add_parser(commands)
    return parser


def _take_any_file_name() -> None:
    """File names need not be text in the terminal's encoding; print them escaped rather than die of one."""
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="backslashreplace")


def _read_version() -> str:
    from .. import __version__

    return __version__
