"""The parser of the command line: argparse's, whose mistakes are printed escaped and name what was meant."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from typing import NoReturn

from .._foreign_names import nearest
from ..errors import printable, quoted

__all__ = ["Parser", "parse"]


class Parser(argparse.ArgumentParser):
    """The parser of the command, and of each of its subcommands."""

    def error(self, message: str) -> NoReturn:
        """Print the usage and what is wrong, and end with 2."""
        super().error(printable(message))


def parse(parser: argparse.ArgumentParser, given: Sequence[str]) -> argparse.Namespace:
    """Read the command line; help, and what is wrong, ends the program."""
    innermost = _check_commands(parser, given)
    options, unknown = parser.parse_known_args(given)
    if unknown:
        known = [option for action in innermost._actions for option in action.option_strings]
        hints = [_suggest(word.partition("=")[0], known) for word in unknown if word.startswith("--")]
        innermost.error(f"unrecognized arguments: {' '.join(unknown)}{''.join(hints)}")
    return options


def _check_commands(parser: argparse.ArgumentParser, given: Sequence[str]) -> argparse.ArgumentParser:
    """Refuse words that are no subcommand; return the parser of the innermost one."""
    for word in given:
        subcommands = next((each for each in parser._actions if isinstance(each, argparse._SubParsersAction)), None)
        if subcommands is None or word.startswith("-"):
            break
        if word not in subcommands.choices:
            names = ", ".join(subcommands.choices)
            parser.error(
                f"{subcommands.metavar}: expected one of {names}, got {quoted(word)}{_suggest(word, subcommands.choices)}"
            )
        parser = subcommands.choices[word]
    return parser


def _suggest(word: str, known: Iterable[str]) -> str:
    return "".join(f"; did you mean {each}?" for each in nearest(word, known)[:1])
