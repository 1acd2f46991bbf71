"""Vector graphics: draw and edit SVG documents, and work on their paths."""

from __future__ import annotations

from .document import Svg, edit_svg, new_svg
from .element import Element
from .outline import SvgPath
from .paths import svg_paths

__all__ = ["Element", "Svg", "SvgPath", "edit_svg", "new_svg", "svg_paths"]
