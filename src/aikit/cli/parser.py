"""The parser of the command line: argparse's, whose mistakes are printed escaped and name what was meant."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from typing import NoReturn

from .._foreign_names import nearest
from ..errors import printable, quoted

__all__ = ["Parser", "parse"]


class Parser(argparse.ArgumentParser):
    """The parser of the command and of each of its subcommands."""

    def error(self, message: str) -> NoReturn:
        """Print the usage and what is wrong, and end with 2."""
        super().error(printable(message))


def parse(parser: Parser, given: Sequence[str]) -> argparse.Namespace:
    """Read the command line; its help and its mistakes end the program."""
    parser = _find_parser(parser, given)
    options, unknown = _outermost(parser, given)
    if unknown:
        known = [option for action in parser._actions for option in action.option_strings]
        hints = [_suggest(word.partition("=")[0], known) for word in unknown if word.startswith("-")]
        parser.error(f"unrecognized arguments: {' '.join(unknown)}{''.join(hints)}")
    return options
