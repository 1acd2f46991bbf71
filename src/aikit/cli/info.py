"""`aikit info`: what files hold."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from typing import Any

from .._bytes import read_bytes
from ..errors import AikitError


def add_parser(commands: Any) -> None:
    """Add the subcommand to the parser."""
    parser = commands.add_parser(
        "info",
        help="say what files hold: format, size, mode, depth, alpha, orientation, profile, frames",
        description="Say what picture files hold. Alpha is 'used' where some pixel really is transparent.",
    )
    parser.add_argument("files", nargs="+", metavar="FILE")
    parser.add_argument("--json", action="store_true", help="print a JSON list, for programs")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print one row a file; files that cannot be read are listed with their reason and make the status 1."""
    rows = [_look(path) for path in options.files]
    failed = [row for row in rows if "error" in row]
    if options.json:
        print(json.dumps(rows, indent=2, ensure_ascii=False))
    else:
        _print_table([row for row in rows if "error" not in row])
        for row in failed:
            print(f"aikit info: {row['error']}", file=sys.stderr)
    return 1 if failed else 0


def _look(path: str) -> dict[str, Any]:
    from .. import _raster

    try:
        header = _raster.probe(read_bytes(path), name=path)
        return {"file": path, **asdict(header), "alpha_used": header.has_alpha and _uses_alpha(path)}
    except AikitError as error:
        return {"file": path, "error": str(error), "code": getattr(error, "code", "cannot_open")}


def _uses_alpha(path: str) -> bool:
    from ..alpha import is_transparent
    from ..files import read_any

    return is_transparent(read_any(path, profile="ignore"))


def _print_table(rows: list[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    if not rows:
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("file", "format", "size", "mode", "depth", "alpha", "orientation", "profile", "frames", "bytes"):
        table.add_column(
            name, justify="right" if name in ("size", "depth", "frames", "bytes") else "left", overflow="fold"
        )
    for row in rows:
        alpha = "none" if not row["has_alpha"] else "used" if row["alpha_used"] else "opaque"
        table.add_row(
            row["file"],
            row["format"],
            f"{row['width']}x{row['height']}",
            row["mode"],
            str(row["depth"]),
            alpha,
            _ORIENTATIONS[row["orientation"]],
            row["profile"] or "-",
            str(row["frames"]),
            f"{row['bytes']:,}",
        )
    # Beyond a terminal a table must not be folded at 80 columns: programs read one row a line.
    Console(width=None if sys.stdout.isatty() else 10_000, highlight=False, markup=False).print(table)


# Exif 2.32, table 4: what has to be done to show the picture upright.
_ORIENTATIONS = {
    1: "upright",
    2: "mirrored",
    3: "turn 180",
    4: "flipped",
    5: "mirrored, turn 270",
    6: "turn 90",
    7: "mirrored, turn 90",
    8: "turn 270",
}
