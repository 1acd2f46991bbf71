"""`aikit svg`: draw an SVG, make a PDF of it, make it safe, look into it."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from ..errors import AikitError, FileAccessError, printable
from ..limits import Limits
from .untrusted import add_untrusted, limits_of
from .wording import in_words, to_json


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand to the parser."""
    parser = commands.add_parser(
        "svg",
        help="draw SVG files, make PDFs of them, take out of them what is not safe",
        description="Work on SVG and svgz files. They are sanitized before anything draws them: nothing in them is "
        "run, opened or fetched.",
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    _add_render(actions)
    pdf = actions.add_parser("pdf", help="make a PDF, with text as text", description="Make a PDF of one page.")
    clean = actions.add_parser(
        "sanitize",
        help="take out scripts, links and references to other files",
        description="Write an SVG without what can run, fetch or read, and say what that was.",
    )
    for writer, run_it in ((pdf, _pdf), (clean, _sanitize)):
        _add_files(writer)
        writer.set_defaults(run=run_it)
    smaller = actions.add_parser(
        "optimize",
        help="make an SVG smaller that looks the same",
        description="Take out what editors keep for themselves and what nothing refers to, and shorten numbers; titles and "
        "labels stay.",
    )
    _add_files(smaller)
    smaller.add_argument(
        "--max-error", type=float, default=0.01, metavar="UNITS", help="by how much a point may move (%(default)s)"
    )
    smaller.set_defaults(run=_optimize)
    info = actions.add_parser(
        "info",
        help="say what SVG files hold",
        description="Say what SVG files hold, and what sanitizing would take out.",
    )
    info.add_argument("files", nargs="+", metavar="FILE")
    info.add_argument("--json", action="store_true", help="print a JSON list, for programs")
    add_untrusted(info)
    info.set_defaults(run=_info)


def _add_render(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    render = actions.add_parser(
        "render",
        help="draw an SVG",
        description="Draw an SVG at its own size, or at the size asked for: one side keeps the aspect; both give a "
        "picture of exactly that size, the drawing as large as fits and in its middle.",
    )
    _add_files(render)
    render.add_argument("--width", type=int, metavar="PIXELS")
    render.add_argument("--height", type=int, metavar="PIXELS")
    render.add_argument("--scale", type=float, metavar="FACTOR", help="times the file's own size")
    render.add_argument("--background", metavar="COLOR", help="behind the drawing; by default there is none")
    render.add_argument("--color", metavar="COLOR", help="what currentColor is where the drawing does not say it")
    render.add_argument(
        "--color-scheme",
        default="light",
        metavar="NAME",
        help="light or dark, for drawings that know both (%(default)s)",
    )
    render.add_argument(
        "--font",
        action="append",
        metavar="PATH",
        help="a font, or a folder of fonts, beside the installed ones; can be repeated",
    )
    render.add_argument(
        "--foreign-text",
        action="store_true",
        help="draw the text of HTML in the drawing, as mermaid and draw.io write it",
    )
    render.add_argument("--engine", default="resvg", metavar="NAME", help="resvg or cairosvg (%(default)s)")
    render.set_defaults(run=_render)


def _add_files(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="an SVG or svgz file")
    parser.add_argument("out", metavar="OUT", help="the file to write")
    parser.add_argument("--overwrite", action="store_true", help="replace OUT if it is there already")
    add_untrusted(parser)


def _render(options: argparse.Namespace) -> int:
    from .. import alpha
    from .._raster import capabilities
    from ..files import write
    from ..svg import render_svg

    _check_out(options)
    with _named_as_options():
        capabilities(os.path.splitext(options.out)[1])
        image = render_svg(
            options.file,
            width=options.width,
            height=options.height,
            scale=options.scale,
            background=options.background,
            engine=options.engine,
            color=options.color,
            color_scheme=options.color_scheme,
            fonts=options.font,
            foreign_text=options.foreign_text,
            limits=limits_of(options),
        )
        if options.background is not None and not alpha.is_transparent(image):
            image = alpha.split_alpha(image)[0]
        write(image, options.out)
    print(f"{printable(options.out)}: {image.width}x{image.height}")
    _tell_left_out(options)
    return 0


# Where the library names its arguments and functions the command names its options.
_OPTIONS = {
    **{name: f"--{name}" for name in ("width", "height", "scale", "background", "engine", "color")},
    "color_scheme": "--color-scheme",
    "fonts": "--font",
    "max_error": "--max-error",
    "format": "OUT",
}
_REMEDIES = {
    "width": "pass --width and --height, or correct the file",
    "flatten": "pass --background white, or write PNG or WebP",
}


@contextlib.contextmanager
def _named_as_options() -> Iterator[None]:
    try:
        yield
    except AikitError as error:
        raise in_words(error, subjects=_OPTIONS, remedies=_REMEDIES) from error


def _pdf(options: argparse.Namespace) -> int:
    from .._io import write_bytes
    from ..svg import svg_to_pdf

    _check_out(options)
    write_bytes(options.out, svg_to_pdf(options.file, limits=limits_of(options)))
    _tell_left_out(options)
    return 0


def _tell_left_out(options: argparse.Namespace) -> None:
    """Say on the error stream what of a drawing is not drawn as it is meant."""
    from ..svg import svg_info

    found = svg_info(options.file, limits=limits_of(options))
    left_out = [*found.removed, *found.unsupported]
    if left_out:
        print(f"aikit svg: {printable(options.file)}: not drawn: {printable(', '.join(left_out))}", file=sys.stderr)


def _sanitize(options: argparse.Namespace) -> int:
    from .._io import write_bytes
    from ..svg import sanitize_svg, svg_info

    _check_out(options)
    limits = limits_of(options)
    removed = svg_info(options.file, limits=limits).removed
    write_bytes(options.out, sanitize_svg(options.file, limits=limits))
    print(f"{printable(options.out)}: " + (f"removed {', '.join(removed)}" if removed else "nothing had to be removed"))
    return 0


def _optimize(options: argparse.Namespace) -> int:
    from ..svg import open_svg

    _check_out(options)
    document = open_svg(options.file, limits=limits_of(options))
    with _named_as_options():
        saved = document.optimize(max_error=options.max_error)
        document.write(options.out)
    print(f"{printable(options.out)}: {saved.before:,} -> {saved.after:,} bytes")
    return 0


def _check_out(options: argparse.Namespace) -> None:
    """Refuse to replace a file nobody said may be replaced; before any work."""
    if os.path.exists(options.out) and not options.overwrite:
        raise FileAccessError(
            str(options.out), "no file there", "one", "pass --overwrite", code="exists", filename=options.out
        )


def _info(options: argparse.Namespace) -> int:
    """Print what each file holds; files that cannot be read are listed with their reason and make the status 1."""
    rows = [_look(path, limits_of(options)) for path in options.files]
    failed = [row for row in rows if "error" in row]
    if options.json:
        print(to_json(rows))
    else:
        for row in rows:
            if "error" not in row:
                print(_described(row))
        for row in failed:
            print(f"aikit svg: {row['error']}", file=sys.stderr)
    return 1 if failed else 0


def _look(path: str, limits: Limits | None) -> dict[str, Any]:
    from ..svg import svg_info

    try:
        return {"file": path, **asdict(svg_info(path, limits=limits))}
    except AikitError as error:
        return {"file": path, "error": str(in_words(error)), "code": error.code}


def _described(row: dict[str, Any]) -> str:
    """One file in a line."""
    width, height = row["width"], row["height"]
    parts = ["no size" if width is None else f"{width:g}x{height:g} px"]
    if row["view_box"]:
        parts.append("viewBox " + " ".join(f"{value:g}" for value in row["view_box"]))
    parts.append(f"{row['elements']} elements")
    if row["pictures"]:
        parts.append(f"{row['pictures']} embedded pictures")
    if row["fonts"]:
        parts.append("fonts " + ", ".join(row["fonts"]))
    if row["removed"]:
        parts.append("unsafe: " + ", ".join(row["removed"]))
    if row["unsupported"]:
        parts.append("not drawn as it is meant: " + ", ".join(row["unsupported"]))
    text = f"{row['file']}: " + "; ".join(parts)
    return printable(text)
