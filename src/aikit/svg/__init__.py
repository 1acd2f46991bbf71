"""SVG: drawn, made into PDF, looked into, and made safe.

Every renderer gets a document that was sanitized and surveyed: nothing is opened, fetched or run, and nothing
multiplies beyond what a picture of its size is worth.
"""

from __future__ import annotations

from .info import SvgInfo, probe, svg_info
from .render import decode, render_svg, svg_to_pdf
from .sanitize import sanitize_svg
from .source import parse

__all__ = ["SvgInfo", "decode", "parse", "probe", "render_svg", "sanitize_svg", "svg_info", "svg_to_pdf"]
