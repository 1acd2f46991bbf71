"""`aikit devices`: what there is to compute on."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import asdict

from ..device import DeviceInfo, list_devices
from ..device.sizes import format_size
from .wording import to_json


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand to the parser."""
    parser = commands.add_parser(
        "devices",
        help="list what torch can compute on: index, memory, load, UUID",
        description="List the accelerators of this machine and the CPU, as torch numbers them, with their memory. "
        "Opens no CUDA context and takes no memory.",
    )
    parser.add_argument("--json", action="store_true", help="print a JSON list, for programs; bytes and fractions")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print one row a device."""
    devices = list_devices()
    if options.json:
        rows = [{"device": info.device, **asdict(info)} for info in devices]
        print(to_json(rows))
    else:
        _print_table(devices)
    return 0


def _print_table(devices: list[DeviceInfo]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("device", "name", "total", "free", "busy", "uuid", "notes"):
        table.add_column(name, justify="right" if name in ("total", "free", "busy") else "left", overflow="fold")
    for info in devices:
        table.add_row(
            info.device or "-",
            info.name or "?",
            format_size(info.total),
            format_size(info.free),
            "-" if info.utilization is None else f"{info.utilization:.0%}",
            info.uuid or "-",
            ", ".join(_write_notes(info)),
        )
    # Beyond a terminal a table must not be folded at 80 columns: programs read one row a line.
    Console(width=None if sys.stdout.isatty() else 10_000, highlight=False, markup=False).print(table)


def _write_notes(info: DeviceInfo) -> Iterator[str]:
    if info.visible is False:
        yield "hidden"
    elif info.device is None:
        yield "numbered by CUDA when it starts"
    if info.mig:
        yield "MIG"
