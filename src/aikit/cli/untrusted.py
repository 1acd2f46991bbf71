"""The option --untrusted, the same for every subcommand that reads files of strangers."""

from __future__ import annotations

import argparse

from ..limits import Limits

__all__ = ["add_untrusted", "limits_of"]


def add_untrusted(parser: argparse.ArgumentParser) -> None:
    """Add the option to a parser."""
    parser.add_argument("--untrusted", action="store_true", help="files of strangers: with limits, in child processes")


def limits_of(options: argparse.Namespace) -> Limits | None:
    """What the files may cost."""
    return Limits() if options.untrusted else None
