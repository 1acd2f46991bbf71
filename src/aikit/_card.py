"""A card for a notebook: a title, facts and pictures as one piece of HTML that needs nothing else."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable
from html import escape

from .errors import AikitError

__all__ = ["as_picture", "bullets", "make_card", "table", "try_picture"]

# Text has the color of the page, and boxes are shades of gray that leave it readable on white and on black.
# Notebooks have rules of their own for all that they show, such as `.jp-OutputArea-output dt {float: left; width: 20%}`:
# the class three times outweighs them wherever their style sheet stands.
_STYLE = """
.aikit-card.aikit-card.aikit-card{font:13px/1.45 system-ui,sans-serif;color:inherit;border:1px solid rgba(128,128,128,.45);border-radius:6px;
padding:10px 12px;display:flex;flex-wrap:wrap;gap:12px 16px;max-width:860px;box-sizing:border-box}
.aikit-card.aikit-card.aikit-card figure{margin:0;flex:0 0 auto;max-width:100%}
.aikit-card.aikit-card.aikit-card img,.aikit-card.aikit-card.aikit-card svg{display:block;max-width:100%;margin:0;border:1px solid rgba(128,128,128,.45)}
.aikit-card.aikit-card.aikit-card svg{margin-top:8px;background:rgba(128,128,128,.12)}
.aikit-card.aikit-card.aikit-card .facts{flex:1 1 300px;min-width:0;overflow-wrap:anywhere}
.aikit-card.aikit-card.aikit-card .title{font-weight:600;margin:0 0 6px}
.aikit-card.aikit-card.aikit-card dl{display:grid;grid-template-columns:max-content minmax(0,1fr);gap:1px 12px;margin:0}
.aikit-card.aikit-card.aikit-card dl dt{opacity:.78;font-weight:400;float:none;width:auto;margin:0;padding:0;text-align:left}
.aikit-card.aikit-card.aikit-card dl dd{float:none;width:auto;margin:0;padding:0;text-align:left}
.aikit-card.aikit-card.aikit-card table{border-collapse:collapse;margin:6px 0;font:inherit;color:inherit;white-space:nowrap;overflow-wrap:normal;font-variant-numeric:tabular-nums;border:0;background:none}
.aikit-card.aikit-card.aikit-card table tr{background:none;border:0}
.aikit-card.aikit-card.aikit-card table th,.aikit-card.aikit-card.aikit-card table td{text-align:right;vertical-align:top;padding:1px 0 1px 12px;font-weight:400;border:0;background:none;color:inherit}
.aikit-card.aikit-card.aikit-card table th:first-child{text-align:left;padding-left:0}
.aikit-card.aikit-card.aikit-card table.words th,.aikit-card.aikit-card.aikit-card table.words td{text-align:left;white-space:normal;overflow-wrap:anywhere}
.aikit-card.aikit-card.aikit-card table thead th{border-bottom:1px solid rgba(128,128,128,.45);opacity:.78}
.aikit-card.aikit-card.aikit-card pre{margin:6px 0;padding:0;font:12px/1.45 ui-monospace,monospace;white-space:pre-wrap;color:inherit;background:none;border:0}
.aikit-card.aikit-card.aikit-card ul{margin:6px 0 0;padding:4px 8px 4px 24px;border-left:3px solid #c77700;background:rgba(199,119,0,.12)}
.aikit-card.aikit-card.aikit-card ul.refused{border-color:#d33;background:rgba(221,51,51,.12)}
"""


def make_card(title: str, facts: Iterable[tuple[str, str]] = (), *, figure: str = "", body: str = "") -> str:
    """A card of HTML.

    Args:
        title: a line of text.
        facts: names and texts, one a line.
        figure: HTML of what stands beside them, such as `as_picture` gives.
        body: HTML of what stands below them, such as `table` and `bullets` give.
    """
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in facts)
    beside = f"<figure>{figure}</figure>" if figure else ""
    listed = f"<dl>{rows}</dl>" if rows else ""
    return (
        f'<div class="aikit-card"><style>{_STYLE}</style>{beside}'
        f'<div class="facts"><p class="title">{escape(title)}</p>{listed}{body}</div></div>'
    )


def as_picture(png: bytes, alt: str) -> str:
    """The data of a PNG as an <img>, with the text for those who do not see it."""
    return f'<img alt="{escape(alt)}" src="data:image/png;base64,{base64.b64encode(png).decode()}">'


def try_picture(draw: Callable[[], bytes], alt: str) -> tuple[str, str]:
    """The <img> of what is drawn, and nothing; or nothing, and a list with the reason why it cannot be drawn."""
    try:
        return as_picture(draw(), alt), ""
    except AikitError as error:
        return "", bullets("refused", "No picture", [str(error)])


def bullets(name: str, label: str, texts: Iterable[str]) -> str:
    """A list of class `name`; "refused" is red, others are amber."""
    items = "".join(f"<li>{escape(text)}</li>" for text in texts)
    return f'<ul class="{name}" aria-label="{escape(label)}">{items}</ul>' if items else ""


def table(head: Iterable[str], rows: Iterable[Iterable[str]], *, words: bool = False) -> str:
    """A table whose first column names its rows; its cells are numbers, or words that may be broken."""
    top = "".join(f'<th scope="col">{escape(name)}</th>' for name in head)
    body = "".join(
        f'<tr><th scope="row">{escape(first)}</th>' + "".join(f"<td>{escape(cell)}</td>" for cell in rest) + "</tr>"
        for first, *rest in rows
    )
    kind = ' class="words"' if words else ""
    return f"<table{kind}><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"
