"""SVG: drawn, made into PDF, looked into, made safe, edited, and its shapes as paths.

Every renderer gets a document that was sanitized and surveyed: nothing is opened, fetched or run, and nothing
multiplies beyond what a picture of its size is worth.
"""

from __future__ import annotations

from .document import Svg, edit_svg, new_svg
from .element import Element
from .info import SvgInfo, probe, svg_info
from .outline import SvgPath
from .paths import svg_paths
from .render import decode, render_svg, svg_to_pdf
from .sanitize import sanitize_svg
from .source import parse

__all__ = [
    "Element",
    "Svg",
    "SvgInfo",
    "SvgPath",
    "decode",
    "edit_svg",
    "new_svg",
    "parse",
    "probe",
    "render_svg",
    "sanitize_svg",
    "svg_info",
    "svg_paths",
    "svg_to_pdf",
]
