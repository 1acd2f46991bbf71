"""One picture through a pipe: `-` as the source is the standard input, `-` as OUT the standard output."""

from __future__ import annotations

import argparse
import os
import sys

from .._io import write_bytes
from ..errors import FileAccessError, InputValueError, quoted
from ..recipe import Recipe
from .untrusted import limits_of

__all__ = ["check_stream", "convert_stream", "is_stream"]


def is_stream(options: argparse.Namespace) -> bool:
    """Whether the picture comes or goes through a pipe; ./- is a file of that name."""
    return "-" in (*options.sources, options.out)


def check_stream(options: argparse.Namespace) -> None:
    """Refuse what cannot be done with one picture.

    Raises:
        InputValueError: several sources, a folder, or a terminal as OUT.
        FileAccessError: OUT is there already.
    """
    if len(options.sources) > 1 or os.path.isdir(options.sources[0]):
        raise InputValueError("SRC", "one picture beside -", ", ".join(options.sources), "name a folder for several")
    if options.out == "-" and sys.stdout.isatty():
        raise InputValueError("OUT", "a file or a pipe", "- on a terminal", "redirect it, > picture.png")
    if os.path.isdir(options.out) and options.out != "-":
        raise InputValueError("OUT", "a file name for a picture from a pipe", quoted(options.out), "name a file")
    if options.out != "-" and os.path.exists(options.out) and not options.overwrite:
        raise FileAccessError(
            options.out, "no file there", "one", "pass --overwrite", code="exists", filename=options.out
        )


def convert_stream(options: argparse.Namespace, recipe: Recipe, to: str | None) -> list[str]:
    """Convert the one picture and write it, whole or not at all where OUT is a file.

    Args:
        options: those of the command line.
        recipe: what is done.
        to: the suffix of OUT, where it is a file.

    Returns:
        What is to be said of it.

    Raises:
        AikitError: as for `Recipe.bytes`.
    """
    (source,) = options.sources
    made = recipe.make(sys.stdin.buffer if source == "-" else source, to=to, limits=limits_of(options))
    if options.out == "-":
        sys.stdout.buffer.write(made.data)
        sys.stdout.buffer.flush()
    else:
        write_bytes(options.out, made.data)
    return [what for what, _ in made.remarks()]
