"""`aikit demo`: the main jobs on pictures that suit them, on one contact sheet."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from .._io import write_bytes
from ..errors import FileAccessError, printable, quoted
from ..types import AnyImage


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand to the parser."""
    parser = commands.add_parser(
        "demo",
        help="show what aikit does, on photographs that are at hand or on your pictures",
        description="Cut glass out of white paper, make pictures smaller without halos and in linear light, flatten a "
        "layered document, mix colors, move boxes with their picture, stack pictures of all kinds; or run jobs that suit "
        "every picture on yours. Makes a labelled contact sheet.",
    )
    parser.add_argument(
        "files", nargs="*", metavar="FILE", help="your pictures; otherwise scikit-image's, or drawn ones"
    )
    parser.add_argument("--out", default="demo-output", metavar="FOLDER", help="where to write (%(default)s)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Write the contact sheet and what was made on the way, and say where they are."""
    from ..files import read_pil, write
    from ..show import show
    from .showcase import COLUMNS, Cells, own_cells, show_jobs

    out = Path(options.out)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileAccessError(
            str(out), "a folder that can be made", quoted(error.strerror), "pass another --out", filename=str(out)
        ) from error
    started = time.perf_counter()
    cells: Cells = []
    written: dict[str, AnyImage | bytes] = {}
    if options.files:
        for path in map(Path, options.files):
            image = read_pil(path)
            cells += own_cells(path.stem, image)
            written[f"{path.stem}.webp"] = image
    else:
        for job, files in show_jobs():
            cells += job
            written |= files
    sheet = show(*(image for _, image in cells), titles=[title for title, _ in cells], columns=COLUMNS)
    write(sheet, out / "contact-sheet.png")
    for name, made in written.items():
        if isinstance(made, bytes):
            write_bytes(out / name, made)
        else:
            write(made, out / name)
    seconds = time.perf_counter() - started
    print(f"{len(cells)} results in {seconds:.1f} s; {', '.join(map(printable, sorted(written)))}")
    print(f"contact sheet: {printable(str((out / 'contact-sheet.png').resolve()))}")
    return 0
