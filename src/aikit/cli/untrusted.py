"""The options --untrusted and --max-pixels, the same for every subcommand that reads files of strangers."""

from __future__ import annotations

import argparse

from ..errors import InputValueError, quoted
from ..limits import Limits

__all__ = ["add_untrusted", "limits_of"]


def add_untrusted(parser: argparse.ArgumentParser) -> None:
    """Add the options to a parser."""
    parser.add_argument("--untrusted", action="store_true", help="files of strangers: with limits, in child processes")
    parser.add_argument(
        "--max-pixels",
        type=int,
        metavar="N",
        help="the largest picture that is read, by default 50000000 with --untrusted and 178956970 without",
    )


def limits_of(options: argparse.Namespace) -> Limits | None:
    """What the files may cost; None trusts them up to Pillow's ceiling."""
    most = options.max_pixels
    if most is None:
        return Limits() if options.untrusted else None
    if most < 1:
        raise InputValueError("--max-pixels", "a positive number", quoted(most), "pass how many pixels are allowed")
    if options.untrusted:
        usual = Limits()
        total, output = max(most, usual.max_total_pixels), max(most, usual.max_output_pixels)
        return Limits(max_pixels=most, max_total_pixels=total, max_output_pixels=output)
    return Limits(**{**dict.fromkeys(_OTHERS, _NO_LIMIT), "max_pixels": most, "max_seconds": _A_MONTH})


# All fields of Limits that are numbers, for files that are trusted but for their size.
_OTHERS = tuple(
    "max_bytes max_side max_frames max_total_pixels max_output_pixels max_memory max_json_bytes max_nodes max_depth "
    "max_elements max_fragments".split()
)
_NO_LIMIT, _A_MONTH = 1 << 60, 30 * 86400.0
