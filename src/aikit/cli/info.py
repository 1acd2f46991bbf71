"""`aikit info`: what files hold."""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any, TypeAlias

from .._io import read_bytes
from ..errors import AikitError, printable
from ..isolation import guarded
from ..limits import Limits
from .untrusted import add_untrusted, limits_of
from .wording import in_words, to_json

# What `asdict` makes of a Header, or an error: plain data for JSON, which has no types.
Facts: TypeAlias = dict[str, Any]


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand to the parser."""
    parser = commands.add_parser(
        "info",
        help="say what files hold: format, size, mode, depth, alpha, orientation, profile, frames",
        description="Say what picture files hold. Alpha is 'used' where some pixel really is transparent.",
    )
    parser.add_argument("files", nargs="+", metavar="FILE", help="pictures; - for a pipe")
    parser.add_argument("--json", action="store_true", help="print a JSON list, for programs")
    add_untrusted(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print one row a file; files that cannot be read are listed with their reason and make the status 1."""
    rows = [_look(path, limits_of(options)) for path in options.files]
    failed = [row for row in rows if "error" in row]
    if options.json:
        print(to_json(rows))
    else:
        _print_table([row for row in rows if "error" not in row])
        for row in failed:
            print(f"aikit info: {row['error']}", file=sys.stderr)
    return 1 if failed else 0


def _look(path: str, limits: Limits | None) -> Facts:
    try:
        data = read_bytes(sys.stdin.buffer if path == "-" else path, limits=limits)
        row = _probe_guarded(data, path, limits)
        return {"file": path, **row, "alpha_used": row["has_alpha"] and _uses_alpha(data, path, limits)}
    except AikitError as error:
        return {"file": path, "error": str(in_words(error)), "code": error.code}


def _probe_guarded(data: bytes, path: str, limits: Limits | None) -> Facts:
    """What the header says, and of a document how many layers it has."""
    from .._raster import Header
    from ..files import probe_any

    expect = tuple[Header, int | None]
    header, layers = guarded(
        probe_any, data, path, limits, subject=path, limits=limits, isolate=limits is not None, expect=expect
    )
    return asdict(header) | ({} if layers is None else {"layers": layers})


def _uses_alpha(data: bytes, path: str, limits: Limits | None) -> bool:
    from ..alpha import is_transparent
    from ..files import read_any

    file = io.BytesIO(data)
    file.name = path
    return is_transparent(read_any(file, profile="ignore", limits=limits, isolate=limits is not None))


def _print_table(rows: list[Facts]) -> None:
    from rich.console import Console
    from rich.table import Table

    if not rows:
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("file", "format", "size", "mode", "depth", "alpha", "bytes", "notes"):
        right, wraps = name in ("size", "depth", "bytes"), name in ("file", "notes")
        table.add_column(name, justify="right" if right else "left", overflow="fold", no_wrap=not wraps)
    for row in rows:
        table.add_row(
            printable(row["file"]),
            row["format"],
            f"{row['width']}x{row['height']}",
            row["mode"].partition(";")[0].replace("I", "L"),
            str(row["depth"]),
            "none" if not row["has_alpha"] else "used" if row["alpha_used"] else "opaque",
            f"{row['bytes']:,}",
            ", ".join(_write_notes(row)),
        )
    # Beyond a terminal a table must not be folded at 80 columns: programs read one row a line.
    Console(width=None if sys.stdout.isatty() else 10_000, highlight=False, markup=False).print(table)


def _write_notes(row: Facts) -> Iterator[str]:
    """Write down what most files do not have; a row fits into a terminal by that."""
    if row["orientation"] != 1:
        yield _ORIENTATIONS[row["orientation"]]
    if row["frames"] > 1:
        yield f"{row['frames']} frames"
    if row.get("layers"):
        yield f"{row['layers']} layers"
    if row["profile"]:
        yield printable(row["profile"])
    if row.get("gain_map"):
        yield "HDR gain map"


# Exif 2.32, table 4: what has to be done to show the picture upright.
_ORIENTATIONS = {
    2: "mirrored",
    3: "turn 180",
    4: "flipped",
    5: "mirrored and turn 270",
    6: "turn 90",
    7: "mirrored and turn 90",
    8: "turn 270",
}
