"""Which properties hold colors, lengths and numbers, which are attributes, and what they begin with."""

from __future__ import annotations

from .css_transforms import TRANSFORMS

__all__ = [
    "COLORS", "GEOMETRY", "GRADIENT_TRANSFORMS", "INITIAL", "LENGTHS", "MARKERS", "NUMBERS", "TOLD", "TRANSFORM_PROPERTIES",
]  # fmt: skip

COLORS = frozenset(["fill", "stroke", "color", "stop-color", "flood-color", "lighting-color"])
# Lengths, and what their percentages are of: the width, the height, the diagonal of the viewport, or the font's size.
LENGTHS = {
    **dict.fromkeys(["x", "cx", "rx", "width", "x1", "x2", "dx", "fx"], "x"),
    **dict.fromkeys(["y", "cy", "ry", "height", "y1", "y2", "dy", "fy"], "y"),
    **dict.fromkeys(["r", "stroke-width", "stroke-dasharray", "stroke-dashoffset"], "diagonal"),
    **dict.fromkeys(["font-size", "letter-spacing", "word-spacing", "baseline-shift"], "font"),
}
NUMBERS = frozenset(
    "opacity fill-opacity stroke-opacity stop-opacity flood-opacity stroke-miterlimit font-weight".split()
)
# SVG 2, section 7.3: which elements have which lengths as properties.
GEOMETRY = {
    "rect": "x y width height rx ry",
    "image": "x y width height",
    "svg": "x y width height",
    "use": "x y width height",
    "foreignObject": "x y width height",
    "circle": "cx cy r",
    "ellipse": "cx cy rx ry",
    "path": "d",
}
# SVG 2, property index: what inherited properties begin with, for the word `initial`.
INITIAL = {
    "fill": "#000000", "stroke": "none", "color": "#000000", "fill-opacity": "1", "stroke-opacity": "1", "stroke-width": "1",
    "stroke-dasharray": "none", "stroke-dashoffset": "0", "stroke-linecap": "butt", "stroke-linejoin": "miter",
    "stroke-miterlimit": "4", "fill-rule": "nonzero", "clip-rule": "nonzero", "visibility": "visible", "font-size": "16",
    "font-weight": "normal", "font-style": "normal", "text-anchor": "start", "letter-spacing": "normal",
    "word-spacing": "normal", "marker-start": "none", "marker-mid": "none", "marker-end": "none", "paint-order": "normal",
}  # fmt: skip
MARKERS = ("marker-start", "marker-mid", "marker-end")
GRADIENT_TRANSFORMS = {
    "linearGradient": "gradientTransform",
    "radialGradient": "gradientTransform",
    "pattern": "patternTransform",
}
TRANSFORM_PROPERTIES = frozenset([*TRANSFORMS, "transform-origin", "transform-box"])
# What neither is drawn nor has another way of being drawn.
TOLD = {
    "animation": "CSS animation", "animation-name": "CSS animation", "offset-path": "offset-path",
    "mask-image": "mask-image", "backdrop-filter": "backdrop-filter", "shape-inside": "shape-inside",
    "inline-size": "inline-size", "perspective": "perspective",
}  # fmt: skip
