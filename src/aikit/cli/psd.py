"""`aikit psd`: look into layered documents, take them apart, flatten them."""

from __future__ import annotations

import argparse
import os

from ..errors import printable
from .untrusted import add_untrusted, limits_of


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand to the parser."""
    parser = commands.add_parser(
        "psd",
        help="layered documents: their tree, their layers as pictures, the whole as one",
        description="Look into PSD and PSB files, take them apart, flatten them.",
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    tree = actions.add_parser("tree", help="print the layers, topmost first, and what is drawn otherwise than there")
    tree.add_argument("file", metavar="FILE")
    tree.set_defaults(run=run_tree)
    export = actions.add_parser("export", help="write every layer to a picture, and a manifest to put them together")
    export.add_argument("file", metavar="FILE")
    export.add_argument("out", nargs="?", metavar="FOLDER", help="where to; by default FILE without its suffix")
    export.set_defaults(run=run_export)
    compose = actions.add_parser("compose", help="write the whole document as one picture")
    compose.add_argument("file", metavar="FILE")
    compose.add_argument("out", nargs="?", metavar="OUT", help="a file name with a suffix; by default FILE as .png")
    compose.add_argument("--background", metavar="COLOR", help="lay it over a color, instead of transparent")
    compose.set_defaults(run=run_compose)
    for action in (tree, export, compose):
        add_untrusted(action)


def run_tree(options: argparse.Namespace) -> int:
    """Print the document's tree."""
    from ..psd import open_psd

    document = open_psd(options.file, limits=limits_of(options))
    print(document)
    for line in document.unsupported():
        print(f"  not as in Photoshop once edited: {line}")
    return 0


def run_export(options: argparse.Namespace) -> int:
    """Write the layers to a folder."""
    from ..psd import open_psd

    folder = options.out or os.path.splitext(options.file)[0] + "-layers"
    files = open_psd(options.file, limits=limits_of(options)).export_layers(folder)
    print(f"{len(files)} picture{'' if len(files) == 1 else 's'} and layers.json in {printable(folder)}")
    return 0


def run_compose(options: argparse.Namespace) -> int:
    """Write the composite to a file."""
    from ..alpha import flatten
    from ..files import read_any, write

    out = options.out or os.path.splitext(options.file)[0] + ".png"
    picture = read_any(options.file, limits=limits_of(options), isolate=options.untrusted)
    write(picture if options.background is None else flatten(picture, background=options.background), out)
    print(printable(out))
    return 0
