"""Makes every public name on a page a link to its reference. In the Markdown, which GitHub shows too, names stay plain."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

STUB = Path(__file__).parents[2] / "src" / "aikit" / "__init__.pyi"

# Links, headings and blocks of code stay as they are; in the rest `name` is <code>name</code>.
NAME = re.compile(r"<(?P<kept>a|autoref|pre|h\d)\b.*?</(?P=kept)>|<code>(?P<name>\w+)</code>", re.DOTALL)


def references() -> dict[str, str]:
    """Each public function and class, and the anchor of its reference."""
    imports = [node for node in ast.parse(STUB.read_text("utf-8")).body if isinstance(node, ast.ImportFrom)]
    return {alias.name: f"aikit.{node.module}.{alias.name}" for node in imports if node.module for alias in node.names}


def linked(html: str, anchors: dict[str, str]) -> str:
    """The page with references that the plugin autorefs resolves."""

    def replaced(match: re.Match[str]) -> str:
        anchor = anchors.get(match["name"] or "")
        return f'<autoref identifier="{anchor}">{match[0]}</autoref>' if anchor else match[0]

    return NAME.sub(replaced, html)


def on_page_content(html: str, **_: Any) -> str:
    """Called by MkDocs for each page."""
    return linked(html, references())
