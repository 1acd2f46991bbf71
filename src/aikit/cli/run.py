"""`aikit run`: a recipe, from a file or from the line itself, over files or folders."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..recipe import Recipe
from .many import Words, add_folder_options, add_sources, convert_all, named_as_options

_WORDS: Words = (
    {"format": "to"},
    {
        "allow_truncated": "fetch the file again, or add allow_truncated=true to the recipe",
        "flatten": 'add "flatten background=white" to the recipe, or write PNG or WebP',
        "profile": "add profile=ignore to the recipe, which takes the codes as they are",
        "to": "add to=png or another format to the recipe",
    },
)


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand to the parser."""
    parser = commands.add_parser(
        "run",
        help="take files or folders through a recipe",
        description="Take pictures through a recipe: any operations in any order, and how to write the results. A recipe "
        'is a file, .toml or .json, or the line itself: "trim; resize width=512 method=area; to=webp quality=80". '
        "Everything else is as in aikit convert.",
    )
    parser.add_argument("recipe", metavar="RECIPE", help="a file that ends in .toml or .json, or the recipe itself")
    add_sources(parser)
    add_folder_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Convert everything by the recipe."""
    is_file = Path(options.recipe).suffix.lower() in (".toml", ".json")
    with named_as_options(_WORDS):
        recipe = Recipe.read(options.recipe) if is_file else Recipe.parse(options.recipe)
    return convert_all(options, recipe, _WORDS)
