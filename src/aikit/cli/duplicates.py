"""`aikit catalog duplicates`: files that show the same, and the copies taken away when that is asked for."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ..errors import FileAccessError, InputValueError, printable
from .wording import in_words, to_json

if TYPE_CHECKING:
    from ..catalog import Catalog, Row

__all__ = ["add_options", "find_groups", "list_files", "show_groups"]

# What is kept of a group, and its copies; without --keep all of them are copies of nothing.
Group = list[tuple["Row | None", list["Row"]]]


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what says which files, and what is done with them."""
    parser.add_argument(
        "--distance",
        type=int,
        default=0,
        metavar="BITS",
        help="how far apart two may be, of 64: 3 finds most copies (default: 0)",
    )
    parser.add_argument("--turned", action="store_true", help="take turned and mirrored pictures together")
    parser.add_argument(
        "--keep", choices=("best",), help="say which file to keep: best is the largest picture, the least compressed"
    )
    parser.add_argument(
        "--delete", action="store_true", help="delete the copies of what is kept; nothing is deleted without it"
    )
    parser.add_argument("--dry-run", action="store_true", help="delete nothing, whatever else is said")
    parser.add_argument("--json", action="store_true", help="print a JSON list of groups, for programs")


def find_groups(catalog: Catalog, options: argparse.Namespace) -> Iterator[Group]:
    """The groups, and what is kept of each.

    Raises:
        InputValueError: --delete without --keep.
    """
    from ..catalog.duplicates import choose_kept

    if options.delete and options.keep is None:
        raise InputValueError("--delete", "--keep best with it", "no --keep", "say what is kept")
    for rows in catalog.duplicates(distance=options.distance, turned=options.turned):
        if options.keep is None:
            yield [(None, rows)]
            continue
        yield [*choose_kept(rows, distance=options.distance, turned=options.turned)]


def list_files(groups: Sequence[Group]) -> tuple[list[str], list[str]]:
    """All files of the groups, and what a contact sheet calls each."""
    paths, titles = [], []
    for number, group in enumerate(groups, 1):
        for kept, copies in group:
            for row in copies if kept is None else [kept, *copies]:
                paths.append(row.path)
                titles.append(f"{number}{' keep' if row is kept else ''}: {os.path.basename(row.path)}")
    return paths, titles


def show_groups(catalog: Catalog, groups: Sequence[Group], options: argparse.Namespace) -> int:
    """Print the groups, delete the copies where that is asked for, and say what could not be deleted."""
    if options.json:
        print(to_json([[_to_dict(kept, copies) for kept, copies in group] for group in groups]))
    else:
        for group in groups:
            _print_group(group)
    deletes = options.delete and not options.dry_run
    failures = _delete(catalog, groups, options.root) if deletes else []
    copies = [copy for group in groups for kept, copies in group for copy in copies if kept is not None]
    left = {path for path, _ in failures}
    size = sum(copy.bytes or 0 for copy in copies if copy.path not in left)
    if not options.json:
        files = sum(len(copies) + (kept is not None) for group in groups for kept, copies in group)
        counts = f"{len(groups)} groups, {files} files"
        what = "deleted" if deletes else "could be deleted"
        done = f", {len(copies) - len(left)} {what}, {size:,} bytes" if options.keep else ""
        print(f"{counts}{done}{f', {len(left)} left' if left else ''}")
    for _, error in failures:
        print(f"  {in_words(error)}", file=sys.stderr)
    return 1 if failures else 0


def _to_dict(kept: Row | None, copies: Sequence[Row]) -> dict[str, object]:
    return {"keep": None if kept is None else kept.to_dict(), "copies": [copy.to_dict() for copy in copies]}


def _print_group(group: Group) -> None:
    for at, (kept, copies) in enumerate(group):
        if kept is not None:
            print(f"{'' if at == 0 else '  also '}keep {_describe(kept)}")
        for index, copy in enumerate(copies):
            print(f"{'  copy ' if kept is not None else '' if index == 0 else '  '}{_describe(copy)}")


def _describe(row: Row) -> str:
    size = f"  {row.width}x{row.height} {row.format}" if row.width else ""
    return f"{printable(row.path)}{size}  {row.bytes or 0:,} bytes"


def _delete(catalog: Catalog, groups: Sequence[Group], root: str | None) -> list[tuple[str, FileAccessError]]:
    """Delete the copies, whose tags go to what is kept; those that are left, and why."""
    from ..catalog.duplicates import delete_copy

    failures: list[tuple[str, FileAccessError]] = []
    for group in groups:
        for kept, copies in group:
            if kept is None:
                continue
            for copy in copies:
                try:
                    delete_copy(os.path.join(root or "", copy.path), os.path.join(root or "", kept.path), copy, kept)
                except FileAccessError as error:
                    failures.append((copy.path, error))
                    continue
                if copy.tags and copy.picture != kept.picture:
                    catalog.tag(kept, *copy.tags)
                catalog.forget(copy.path)
    return failures
