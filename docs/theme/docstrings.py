"""Fits the docstrings to the pages."""

from __future__ import annotations

import re
from typing import Any

import griffe


class Docstrings(griffe.Extension):
    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Called for everything that is described; a page has its own introduction to its module."""
        if obj.is_module:
            obj.docstring = None
        elif obj.docstring:
            obj.docstring.value = fitted(obj.docstring.value)


def fitted(docstring: str) -> str:
    """Tags outside code are text, not HTML; what is returned begins with no type; Griffe's word is "Examples:"."""
    text, *example = re.split(r"^( *)Example:$", docstring, maxsplit=1, flags=re.MULTILINE)
    text = re.sub(r"(`[^`]*`)|<", lambda match: match[1] or "&lt;", text)
    # Griffe would take "(H, W) for gray (and so on): BGR" for a type and a description.
    text = re.sub(r"^( *Returns:\n +)", r"\1: ", text, flags=re.MULTILINE)
    return f"{text}{example[0]}Examples:{example[1]}" if example else text
