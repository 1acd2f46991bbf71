"""A recipe as a card in a notebook."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from .._card import make_card, table
from ..operations import get
from . import text

if TYPE_CHECKING:
    from .value import Recipe

__all__ = ["as_html"]


def as_html(recipe: Recipe) -> str:
    """Its steps and what they do, how it writes, and the line that makes it again."""
    steps = [
        (str(number), name, text.format_line([(name, keywords)], {}).removeprefix(name).strip(), get(name).summary)
        for number, (name, keywords) in enumerate(recipe.steps, 1)
    ]
    written = text.format_line((), recipe._list_options())
    facts = [("writes", written)] if written else []
    body = table(("", "step", "with", "what it does"), steps, words=True) if steps else ""
    count = f"{len(steps)} step{'s' if len(steps) != 1 else ''}"
    return make_card(f"Recipe of {count}", facts, body=f"{body}<pre>{escape(str(recipe))}</pre>")
