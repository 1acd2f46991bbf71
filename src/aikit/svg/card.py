"""An SVG document as a card in a notebook."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import _raster
from .._card import bullets, make_card, try_picture
from ..alpha import flatten
from ..device.sizes import format_size
from ..limits import Limits
from .info import SvgInfo, svg_info
from .render import render_svg

if TYPE_CHECKING:
    from .document import Svg

__all__ = ["as_html"]

_SIDE = 240


def as_html(document: Svg) -> str:
    """The drawing, at most 240 pixels a side, what the document holds, and why it is not drawn where it is not."""
    data = document.encode()
    found = svg_info(data, limits=document.limits)
    title = f"SVG document: {found.title}" if found.title else "SVG document"
    picture, refused = try_picture(lambda: _draw(data, found, document.limits), f"The drawing of the {title}")
    removed = bullets("looks", "Taken out before it is drawn", found.removed)
    return make_card(title, _facts(found), figure=picture, body=refused + removed)


def _draw(data: bytes, found: SvgInfo, limits: Limits | None) -> bytes:
    tall = (found.height or 1) > (found.width or 1)
    drawn = render_svg(data, height=_SIDE if tall else None, width=None if tall else _SIDE, limits=limits)
    return _raster.encode(flatten(drawn, background="checker").convert("RGB"), "png")


def _facts(found: SvgInfo) -> list[tuple[str, str]]:
    size = (
        "not said"
        if found.width is None or found.height is None
        else f"{found.height:g}x{found.width:g} px (height x width)"
    )
    facts = [("size", size), ("elements", f"{found.elements:,}, {found.depth} deep")]
    if found.pictures:
        facts.append(("pictures", f"{found.pictures:,} embedded"))
    if found.fonts:
        facts.append(("fonts", ", ".join(found.fonts)))
    return [*facts, ("file", format_size(found.bytes))]
