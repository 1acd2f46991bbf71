"""What a document has that drawing it here shows otherwise than Photoshop, and its tree in text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..errors import printable
from .channels import COLORS, read_colors
from .masks import FILLS

if TYPE_CHECKING:
    from psd_tools.api.layers import Layer as RawLayer

    from .document import Psd
    from .layers import Layer

__all__ = ["differences", "tree"]

# What psd-tools 1.26 draws of each kind; strokes and overlays differ from Photoshop by up to a few codes and pixels.
_APPROXIMATE = {"stroke", "coloroverlay", "gradientoverlay", "patternoverlay"}
_EFFECTS = {
    "stroke": "stroke",
    "coloroverlay": "color overlay",
    "gradientoverlay": "gradient overlay",
    "patternoverlay": "pattern overlay",
    "dropshadow": "drop shadow",
    "innershadow": "inner shadow",
    "outerglow": "outer glow",
    "innerglow": "inner glow",
    "bevelemboss": "bevel",
    "satin": "satin",
}
_WHOLE_RANGE = (0, 65535)


def differences(document: Psd) -> list[str]:
    """A line for each thing that is visible and not drawn, or not exactly, from bottom to top."""
    return [
        f"{printable(layer.path)}: {line}"
        for layer in _walk_visible(document.layers)
        for line in _of_layer(layer, document)
    ]


def _walk_visible(layers: list[Layer]) -> Iterator[Layer]:
    for layer in layers:
        if layer.visible:
            yield layer
            yield from _walk_visible(layer.layers)


def _of_layer(layer: Layer, document: Psd) -> Iterator[str]:
    raw = layer.raw
    if layer.blend_mode == "dissolve":
        yield "dissolve is drawn as normal"
    elif document.mode == "LAB" and layer.blend_mode not in ("normal", "pass_through"):
        yield f"blend mode {layer.blend_mode} in Lab is approximated"
    if layer.kind == "adjustment":
        yield from _of_adjustment(raw, document.mode)
    if raw.effects.enabled:
        for effect in raw.effects:
            if effect.enabled:
                name = type(effect).__name__.lower()
                how = "approximated" if name in _APPROXIMATE else "not drawn"
                yield f"effect {_EFFECTS.get(name, name)} is {how}"
    yield from _of_shape(raw)
    ranges = raw._record.blending_ranges
    pairs = [*(ranges.composite_ranges or ()), *(pair for each in ranges.channel_ranges or () for pair in each)]
    if any(tuple(pair) != _WHOLE_RANGE for pair in pairs[: 2 + 2 * COLORS[document.mode]]):
        yield "blend if is not drawn"
    if document.depth == 32 and layer.kind == "pixel":
        colors = read_colors(raw, COLORS[document.mode], document.source)
        if colors is not None and (colors.max() > 1 or colors.min() < 0):
            yield "values outside 0 to 1 are clipped by render()"


def _of_adjustment(raw: RawLayer, mode: str) -> Iterator[str]:
    from psd_tools.composite.adjustments import ADJUSTMENT_FUNC

    if raw.kind not in ADJUSTMENT_FUNC or mode not in ("RGB", "L", "CMYK"):
        yield f"adjustment {raw.kind} is not drawn"
    elif raw.kind != "invert":
        yield f"adjustment {raw.kind} is approximated"


def _of_shape(raw: RawLayer) -> Iterator[str]:
    if raw.kind not in ("shape", *FILLS):
        if raw.kind in ("type", "smartobject") and not raw.has_pixels():
            yield "it has no stored pixels and is not drawn"
        return
    if not raw.has_pixels():
        if raw.kind in ("gradientfill", "patternfill"):
            yield f"{raw.kind.removesuffix('fill')} fill is approximated"
        if raw.stroke is not None and raw.stroke.enabled:
            yield "the stroke of its path is approximated"


def tree(layers: list[Layer], indent: str = "") -> str:
    """One line a layer, from top to bottom as in Photoshop's panel, groups before what is in them."""
    lines = []
    for layer in reversed(layers):
        left, top, right, bottom = layer.bbox
        words = [
            layer.kind,
            f"{right - left}x{bottom - top} at {left},{top}" if right > left else "",
            "" if layer.visible else "hidden",
            "" if layer.opacity == 1 else f"{round(layer.opacity * 100)} %",
            "" if layer.blend_mode in ("normal", "pass_through") else layer.blend_mode,
            "clipped" if layer.clipping else "",
            "masked" if layer.mask else "",
            "locked" if layer.locked else "",
        ]
        lines.append(f"{indent}{layer.name!r} ({', '.join(filter(None, words))})")
        if layer.layers:
            lines.append(tree(layer.layers, indent + "    "))
    return "\n".join(lines)
