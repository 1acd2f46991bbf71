"""aikit catalog: what pictures there are, found, tagged and asked for in SQL."""

from __future__ import annotations

import argparse
import contextlib
import csv
import datetime as dt
import io
import json
import os
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..errors import InputValueError, printable, quoted
from .duplicates import add_options, find_groups, list_files, show_groups
from .many import Words, named_as_options
from .sheet import add_sheet, check_sheet, show_sheet
from .untrusted import add_untrusted, limits_of
from .wording import to_json

if TYPE_CHECKING:
    from ..catalog import Catalog, Row, ScanReport

__all__ = ["add_parser", "opened"]

_WORDS: Words = (
    {
        "source": "CATALOG", "folder": "FOLDER", "picture": "PATH", "text": "SQL", "params": "SQL", "names": "TAG",
        "workers": "--jobs", "root": "--root", "distance": "--distance", "taken": "--taken-from",
        "min_width": "--min-width", "min_height": "--min-height", "catalog": "CATALOG",
    },
    {"patience": "wait until that has ended"},
)  # fmt: skip
_EVERY = 30.0


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand with its own."""
    parser = commands.add_parser(
        "catalog",
        help="keep what pictures there are in a database: scan, find, sql, duplicates, tag, export",
        description="Keep what pictures there are in SQLite, MariaDB, MySQL or PostgreSQL, and ask for it. CATALOG is the path "
        "of a file, or mysql://user@host/database with the password in AIKIT_CATALOG_PASSWORD.",
    )
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    for add in (_add_scan, _add_find, _add_sql, _add_duplicates, _add_tag, _add_forget, _add_export, _add_stats):
        add(verbs)


def _add(
    verbs: argparse._SubParsersAction[argparse.ArgumentParser], name: str, help: str, *, description: str = ""
) -> argparse.ArgumentParser:
    parser = verbs.add_parser(name, help=help, description=description or f"{help[0].upper()}{help[1:]}.")
    parser.add_argument("catalog", metavar="CATALOG", help="a file of SQLite, or the address of a database")
    parser.add_argument("--root", metavar="DIR", help="the folder that paths in the catalogue are relative to")
    return parser


@contextlib.contextmanager
def opened(options: argparse.Namespace) -> Iterator[Catalog]:
    """The catalogue of a command, whose errors name its arguments."""
    from ..catalog import open_catalog

    with named_as_options(_WORDS), open_catalog(options.catalog, root=options.root) as catalog:
        yield catalog


# ---------------------------------------------------------------- scan


def _add_scan(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = _add(
        verbs,
        "scan",
        "read what is new in folders, and mark what is gone",
        description="Read what is new or has changed in folders, and mark what is gone. Stopped and called again, it does the "
        "rest. The status is 1 where files failed.",
    )
    parser.add_argument("folders", metavar="FOLDER", nargs="+", help="with all pictures in it and in the folders in it")
    add_untrusted(parser)
    parser.add_argument("--retry-failed", action="store_true", help="try again what failed in an earlier scan")
    parser.add_argument("--jobs", type=int, metavar="N", help="pictures at a time; by default one a core")
    parser.add_argument("--json", action="store_true", help="print counts, and failures with their codes, as JSON")
    parser.set_defaults(run=_scan)


def _scan(options: argparse.Namespace) -> int:
    reports = []
    with opened(options) as catalog, _show_progress() as progress:
        for folder in options.folders:
            settings = {"limits": limits_of(options), "workers": options.jobs, "retry_failed": options.retry_failed}
            reports.append(catalog.scan(folder, progress=progress, **settings))
    if options.json:
        found = [json.loads(report.to_json()) for report in reports]
        print(to_json(found[0] if len(found) == 1 else found))
    else:
        for report in reports:
            _tell(report)
    return 1 if any(report.failed for report in reports) else 0


def _tell(report: ScanReport) -> None:
    read = f"{report.done} read" + (f" ({report.known} known)" if report.known else "")
    others = {"as they were": report.skipped, "missing": report.missing, "left out": report.left}
    print(", ".join([read, *(f"{count} {what}" for what, count in others.items() if count), f"{report.failed} failed"]))
    for failure in report.failures:
        path, message = printable(failure.path), printable(failure.message)
        print(f"  {message if message.startswith(path) else f'{path}: {message}'}", file=sys.stderr)


@contextlib.contextmanager
def _show_progress() -> Iterator[Any]:
    """A line that changes on a terminal's error stream; elsewhere one now and then."""
    started = last = time.monotonic()
    terminal = sys.stderr.isatty()

    def show(report: ScanReport) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last < (0.2 if terminal else _EVERY):
            return
        last = now
        worked = report.done + report.failed
        line = f"{worked} read, {report.skipped} as they were, {worked / max(now - started, 1e-9):.0f} a second"
        print(
            f"\r\x1b[K{line}" if terminal else f"aikit catalog scan: {line}",
            end="" if terminal else "\n",
            file=sys.stderr,
        )

    yield show
    if terminal:
        print("\r\x1b[K", end="", file=sys.stderr)


# ---------------------------------------------------------------- find


def _add_find(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = _add(verbs, "find", "find files by what is known of them")
    add_conditions(parser)
    parser.add_argument("--json", action="store_true", help="print a JSON list, for programs")
    parser.add_argument("--paths", action="store_true", help="print the paths alone, one a line")
    add_sheet(parser)
    parser.set_defaults(run=_find)


def add_conditions(parser: argparse.ArgumentParser) -> None:
    """Add the options that say which files."""
    parser.add_argument("--status", choices=("done", "failed", "skipped"), help="what became of them")
    parser.add_argument("--code", metavar="CODE", help="why they failed, such as truncated")
    for name, what in (("alpha", "with alpha"), ("transparent", "with pixels that are not opaque")):
        parser.add_argument(f"--{name}", action=argparse.BooleanOptionalAction, default=None, help=what)
    parser.add_argument("--min-width", type=int, metavar="N", help="in pixels, upright")
    parser.add_argument("--min-height", type=int, metavar="N", help="in pixels, upright")
    parser.add_argument("--format", metavar="NAME", help="jpeg, png and so on")
    parser.add_argument("--tag", action="append", metavar="TAG", help="with this tag; may be given several times")
    parser.add_argument("--taken-from", metavar="DATE", help="taken on this day or later, 2026-05-01")
    parser.add_argument("--taken-before", metavar="DATE", help="taken before this day")
    parser.add_argument("--missing", action="store_true", help="files that were gone when their folder was scanned")
    parser.add_argument("--near", metavar="FILE", help="that look like this picture, the nearest first")
    parser.add_argument("--distance", type=int, default=6, metavar="BITS", help="of --near, of 64 (default: 6)")


def find_rows(catalog: Catalog, options: argparse.Namespace) -> Iterator[Row]:
    """The rows that the options ask for."""
    taken = None
    if options.taken_from or options.taken_before:
        taken = _date("--taken-from", options.taken_from), _date("--taken-before", options.taken_before)
    near = None
    if options.near is not None:
        from ..files import read_any

        near = read_any(options.near)
    return catalog.find(
        status=options.status, code=options.code, alpha=options.alpha, transparent=options.transparent,
        min_width=options.min_width, min_height=options.min_height, format=options.format, tag=options.tag, taken=taken,
        missing=options.missing, near=near, distance=options.distance,
    )  # fmt: skip


def _date(subject: str, text: str | None) -> dt.datetime | None:
    if text is None:
        return None
    try:
        return dt.datetime.fromisoformat(text)
    except ValueError as error:
        raise InputValueError(subject, "a date such as 2026-05-01", quoted(text), "write it so") from error


def _find(options: argparse.Namespace) -> int:
    check_sheet(options)
    with opened(options) as catalog:
        rows: Iterable[Row] = find_rows(catalog, options)
        if options.sheet is not None:
            rows = [*rows]
            return show_sheet([row.path for row in rows], options)
        if options.paths:
            for row in rows:
                print(row.path)
        elif options.json:
            print(to_json([row.to_dict() for row in rows]))
        else:
            _print_table(("file", "format", "size", "alpha", "bytes", "tags", "notes"), map(_describe, rows))
    return 0


def _describe(row: Row) -> Sequence[str]:
    alpha = "" if row.alpha is None else "used" if row.transparent else "opaque" if row.alpha else "none"
    size = "" if row.width is None else f"{row.width}x{row.height}"
    notes = [each for each in (row.status if row.status != "done" else "", row.code, row.note) if each]
    count = "" if row.bytes is None else f"{row.bytes:,}"
    return printable(row.path), row.format or "", size, alpha, count, ", ".join(row.tags), printable(", ".join(notes))


def _print_table(names: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in names:
        right, wraps = name in ("size", "bytes"), name in ("file", "notes")
        table.add_column(name, justify="right" if right else "left", overflow="fold", no_wrap=not wraps)
    for row in rows:
        table.add_row(*row)
    # Beyond a terminal a table must not be folded at 80 columns: programs read one row a line.
    if table.row_count:
        Console(width=None if sys.stdout.isatty() else 10_000, highlight=False, markup=False).print(table)


# ---------------------------------------------------------------- SQL


def _add_sql(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = _add(
        verbs,
        "sql",
        "print the rows of a query",
        description="Print the rows of a SELECT over the tables file, picture and tag. Values stand as :name in it and as "
        "name=value behind it: what looks like a number is one.",
    )
    parser.add_argument("text", metavar="SQL", help="SELECT path FROM file WHERE code = :code")
    parser.add_argument("values", metavar="NAME=VALUE", nargs="*", help="code=corrupt")
    parser.add_argument("--json", action="store_true", help="print a JSON list, for programs")
    add_sheet(parser)
    parser.set_defaults(run=_sql)


def _params(values: Sequence[str]) -> dict[str, object]:
    found: dict[str, object] = {}
    for each in values:
        name, equals, text = each.partition("=")
        if not equals or not name:
            raise InputValueError("NAME=VALUE", "a name, = and a value", quoted(each), "write code=corrupt")
        try:
            found[name] = int(text)
        except ValueError:
            found[name] = text
    return found


def _sql(options: argparse.Namespace) -> int:
    params = _params(options.values)
    check_sheet(options)
    from ..catalog.names import name_from

    with opened(options) as catalog:
        found = catalog.sql(options.text, **params)
    rows = [{name: _plain(value) for name, value in row.items()} for row in found]
    if options.sheet is not None:
        if any("path" not in row for row in found):
            raise InputValueError(
                "--sheet",
                "a column named path",
                ", ".join(rows[0]),
                "select path among the others",
            )
        return show_sheet([name_from(str(row["path"]), row.get("raw_path")) for row in found], options)
    if options.json:
        print(to_json(rows))
    elif rows:
        _print_table(list(rows[0]), ([_cell(value) for value in row.values()] for row in rows))
    return 0


def _plain(value: object) -> object:
    """A value of a database for JSON."""
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).hex()
    return value if value is None or isinstance(value, str | int | float) else str(value)


def _cell(value: object) -> str:
    return "" if value is None else printable(str(value))


# ---------------------------------------------------------------- duplicates


def _add_duplicates(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = _add(
        verbs,
        "duplicates",
        "find files that show the same",
        description="Find files that show the same, whatever their size, format and metadata. With --keep best it says which to "
        "keep of each group; nothing is deleted without --delete. The status is 1 where files could not be deleted.",
    )
    add_options(parser)
    add_sheet(parser)
    parser.set_defaults(run=_duplicates)


def _duplicates(options: argparse.Namespace) -> int:
    check_sheet(options)
    with opened(options) as catalog:
        groups = [*find_groups(catalog, options)]
        if options.sheet is not None:
            paths, titles = list_files(groups)
            if show_sheet(paths, options, titles=titles):
                return 1
        return show_groups(catalog, groups, options)


# ---------------------------------------------------------------- tag, forget


def _add_tag(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = _add(
        verbs,
        "tag",
        "give a picture tags, or a note",
        description="Give the picture in a file tags, or take them away. They stay with it when its file is moved or copied.",
    )
    parser.add_argument("path", metavar="PATH", help="a file of the catalogue")
    parser.add_argument("names", metavar="TAG", nargs="*", help="words or short texts")
    parser.add_argument("--remove", action="store_true", help="take the tags away")
    parser.add_argument("--note", metavar="TEXT", help="keep this text with the picture; an empty one takes it away")
    parser.set_defaults(run=_tag)


def _tag(options: argparse.Namespace) -> int:
    with opened(options) as catalog:
        if options.names or options.note is None:
            (catalog.untag if options.remove else catalog.tag)(options.path, *options.names)
        if options.note is not None:
            catalog.note(options.path, options.note or None)
    return 0


def _add_forget(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = _add(
        verbs,
        "forget",
        "forget a file, or all that are missing; nothing is done to files on the disk",
        description="Forget a file, or all that are missing. Nothing is done to files on the disk. What has tags or a note is "
        "known again when it is back.",
    )
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--missing", action="store_true", help="all files that were gone when their folder was scanned")
    which.add_argument("path", metavar="PATH", nargs="?", help="a file of the catalogue")
    parser.set_defaults(run=_forget)


def _forget(options: argparse.Namespace) -> int:
    with opened(options) as catalog:
        print(f"{catalog.forget(options.path, missing=options.missing)} forgotten")
    return 0


# ---------------------------------------------------------------- export, stats


def _add_export(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = _add(verbs, "export", "write everything, or the rows of a query, to a file of Parquet, CSV or JSON")
    parser.add_argument("out", metavar="OUT", help="a name that ends in .parquet, .csv or .json")
    parser.add_argument(
        "--sql", nargs="+", metavar=("SQL", "NAME=VALUE"), help="these rows, not everything; with values as in `sql`"
    )
    parser.set_defaults(run=_export)


def _export(options: argparse.Namespace) -> int:
    from .._io import write_bytes

    suffix = os.path.splitext(options.out)[1].lower()
    if suffix not in (".parquet", ".csv", ".json"):
        raise InputValueError("OUT", "a name that ends in .parquet, .csv or .json", quoted(options.out), "write it so")
    if suffix == ".parquet" and options.sql is not None:
        raise InputValueError("OUT", "a name that ends in .csv or .json for --sql", quoted(options.out), "write it so")
    with opened(options) as catalog:
        if suffix == ".parquet":
            catalog.to_parquet(options.out)
            return 0
        rows = _rows_to_write(catalog, options)
    data = to_json(rows) + "\n" if suffix == ".json" else _as_csv(rows)
    write_bytes(options.out, data.encode("utf-8", "backslashreplace"))
    return 0


def _rows_to_write(catalog: Catalog, options: argparse.Namespace) -> list[dict[str, object]]:
    if options.sql is None:
        return [row.to_dict() for row in catalog.find(missing=None)]
    rows = catalog.sql(options.sql[0], **_params(options.sql[1:]))
    return [{name: _plain(value) for name, value in row.items()} for row in rows]


def _as_csv(rows: Sequence[Mapping[str, object]]) -> str:
    file = io.StringIO()
    writer = csv.DictWriter(file, list(rows[0]) if rows else [])
    if rows:
        writer.writeheader()
    for row in rows:
        writer.writerow(
            {name: " ".join(map(str, each)) if isinstance(each, list) else each for name, each in row.items()}
        )
    return file.getvalue()


def _add_stats(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = _add(verbs, "stats", "count files, pictures, failures, formats and tags")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=_stats)


def _stats(options: argparse.Namespace) -> int:
    with opened(options) as catalog:
        found = catalog.stats()
    if options.json:
        print(to_json(found))
        return 0
    for name, value in found.items():
        if isinstance(value, dict):
            value = ", ".join(f"{printable(each)} {count:,}" for each, count in value.items()) or "none"
        print(f"{name:<9} {value if isinstance(value, str) else f'{value:,}'}")
    return 0
