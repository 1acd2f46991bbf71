"""aikit ui: the playground in a browser."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import tempfile
import threading

from ..limits import Limits
from .untrusted import limits_of

__all__ = ["add_parser"]


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand to the parser."""
    parser = commands.add_parser(
        "ui",
        help="try operations, documents and models in a browser",
        description="Open a page on which every operation can be tried on your own pictures and the recipe taken away as "
        "Python, for the shell, as an address and as TOML; with tabs for SVG, PSD, meshes and models. It listens on this machine "
        "alone, asks nothing of any other, and keeps files for an hour. Ctrl-C ends it.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="where to listen (default: 127.0.0.1, this machine alone)")
    parser.add_argument("--port", type=int, help="where to listen, the first free port from 7860 on unless set")
    parser.add_argument("--share", choices=["no"], default="no", help="no: the page is never put on a public address")
    parser.add_argument(
        "--max-pixels", type=int, metavar="N", help="the largest picture that is taken (default: 50000000)"
    )
    parser.add_argument("--models", metavar="FILE.py", action="append", default=[], help="a file that registers models")
    parser.add_argument(
        "--operations", action="append", metavar="MODULE", default=[],
        help="import a module that registers operations of your own",
    )  # fmt: skip
    parser.set_defaults(run=run, untrusted=True)


def run(options: argparse.Namespace) -> int:
    """Show the page until Ctrl-C or SIGTERM."""
    from ..operations.registry import import_modules
    from ..plugins import load_file

    limits = limits_of(options)
    import_modules(options.operations)
    for path in options.models:
        load_file(path)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # A folder that nobody else on this machine can read, and that goes with the page, however many files are in it.
    with (
        contextlib.suppress(KeyboardInterrupt),
        tempfile.TemporaryDirectory(prefix="aikit-ui-", dir=os.environ.get(_FOLDER)) as folder,
    ):
        os.environ[_FOLDER] = folder
        _serve(options, limits)
    return 0


# Where Gradio keeps uploads and results.
_FOLDER = "GRADIO_TEMP_DIR"


def _serve(options: argparse.Namespace, limits: Limits | None) -> None:
    from .. import ui

    blocks = ui.build(limits)
    url = ui.launch(blocks, host=options.host, port=options.port, wait=False)
    print(f"listening on {url}", flush=True)
    try:
        threading.Event().wait()
    finally:
        blocks.close(verbose=False)
