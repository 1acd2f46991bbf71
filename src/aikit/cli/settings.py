"""aikit settings: what holds, and where each value comes from."""

from __future__ import annotations

import argparse
import json

__all__ = ["add_parser"]


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = commands.add_parser(
        "settings",
        help="show the settings of the service, and where each comes from",
        description="Show what `aikit serve` would start with, without passwords and keys.",
    )
    add_sources(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=_run)


def add_sources(parser: argparse.ArgumentParser) -> None:
    """Add the options that name files of settings."""
    parser.add_argument("--config", metavar="FILE", help="a TOML or YAML file with settings")
    parser.add_argument("--env-file", metavar="FILE", help="a .env file with AIKIT_... variables")


def _run(options: argparse.Namespace) -> int:
    from ..errors import printable
    from ..settings import Settings

    settings = Settings(config=options.config, env_file=options.env_file)
    shown, origins = settings.shown(), settings.origins
    if options.json:
        print(json.dumps({name: {"value": value, "from": origins[name]} for name, value in shown.items()}, indent=2))
        return 0
    width, wide = max(map(len, shown)), max(map(len, shown.values()))
    for name, value in shown.items():
        print(f"{name:<{width}}  {printable(value):<{wide}}  {printable(origins[name])}".rstrip())
    return 0
