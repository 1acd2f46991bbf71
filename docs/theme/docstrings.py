"""Fits the docstrings to the pages."""

from __future__ import annotations

import re
from typing import Any

import griffe


class Docstrings(griffe.Extension):
    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Griffe knows the section "Examples:" only, and a page has its own introduction to its module."""
        if obj.is_module:
            obj.docstring = None
        elif obj.docstring:
            obj.docstring.value = re.sub(r"^( *)Example:$", r"\1Examples:", obj.docstring.value, flags=re.MULTILINE)
