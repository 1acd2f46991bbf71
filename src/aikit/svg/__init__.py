"""SVG: drawn, made into PDF, looked into, made safe, edited, and its shapes as paths.

Every renderer gets a document that was sanitized and whose cost was estimated: nothing is opened, fetched or run, and nothing
multiplies beyond what a picture of its size is worth.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._deprecated import REMOVE, SINCE, _deprecated
from .document import Svg, edit_svg as edit_svg, new_svg, open_svg
from .element import SvgElement
from .info import SvgInfo, probe, svg_info
from .outline import SvgPath
from .paths import svg_paths
from .render import decode, render_svg, svg_to_pdf
from .sanitize import sanitize_svg
from .source import parse
from .trace import trace

__all__ = [
    "Svg",
    "SvgElement",
    "SvgInfo",
    "SvgPath",
    "decode",
    "new_svg",
    "open_svg",
    "parse",
    "probe",
    "render_svg",
    "sanitize_svg",
    "svg_info",
    "svg_paths",
    "svg_to_pdf",
    "trace",
]

if TYPE_CHECKING:
    Element = SvgElement
else:

    def __getattr__(name: str) -> object:
        if name == "Element":
            _deprecated("aikit.svg.Element", SINCE, REMOVE, "aikit.svg.SvgElement")
            return SvgElement
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
