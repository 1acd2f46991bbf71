"""A layered document as a card in a notebook."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from PIL import Image

from .. import _raster
from .._card import bullets, make_card, table, try_picture
from ..alpha import flatten
from ..errors import printable

if TYPE_CHECKING:
    from .document import Psd
    from .layers import Layer

__all__ = ["as_html"]

_SIDE = 240
_SHOWN = 24  # layers in the table; the rest is counted


def as_html(document: Psd) -> str:
    """The picture, at most 240 pixels a side, and the layers, topmost first, as programs show them."""
    layers = list(_topmost_first(document.layers, ""))
    picture, refused = try_picture(lambda: _draw(document), f"The flattened picture of the {document!r}")
    size = f"{document.height}x{document.width} (height x width)"
    facts = [("mode", f"{document.mode}, {document.depth} bits"), ("layers", f"{len(layers):,}")]
    if document.limits is not None:
        facts.append(("limits", "drawn in a child process" if document.isolated else "checked"))
    shown = table(("layer", "kind", "opacity", "blend mode"), layers[:_SHOWN], words=True) if layers else ""
    rest = f"<p>and {len(layers) - _SHOWN:,} more</p>" if len(layers) > _SHOWN else ""
    told = bullets("looks", "Drawn otherwise than in Photoshop", document.unsupported())
    return make_card(f"Layered document: {size}", facts, figure=picture, body=refused + shown + rest + told)


def _topmost_first(layers: list[Layer], indent: str) -> Iterator[tuple[str, str, str, str]]:
    for layer in reversed(layers):
        hidden = "" if layer.visible else ", hidden"
        yield indent + printable(layer.name), layer.kind + hidden, f"{layer.opacity:.0%}", layer.blend_mode
        yield from _topmost_first(layer.layers, indent + "\u2003")


def _draw(document: Psd) -> bytes:
    picture = document.render(kind="pil")
    picture.thumbnail((_SIDE, _SIDE), Image.Resampling.LANCZOS)
    return _raster.encode(flatten(picture, background="checker").convert("RGB"), "png")
