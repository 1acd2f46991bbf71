"""A mesh as a card in a notebook."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import _raster
from .._card import bullets, make_card, try_picture
from ..alpha import flatten
from ..device.sizes import format_size

if TYPE_CHECKING:
    from .info import MeshInfo
    from .mesh import Mesh

__all__ = ["as_html"]

_SIDE = 240
_NAMED = 6  # materials and textures in a line; the rest is counted


def as_html(mesh: Mesh) -> str:
    """A picture of 240 pixels from the front and above, what the mesh holds, and what aikit does not look at."""
    found = mesh.info()
    title = f"Mesh of {found.triangles:,} triangle{'s' if found.triangles != 1 else ''}"
    picture, refused = try_picture(lambda: _draw(mesh), f"A picture of the {title}")
    told = bullets("looks", "Kept and not looked at", (*found.not_understood, *found.left_out))
    return make_card(title, _facts(found), figure=picture, body=refused + told)


def _draw(mesh: Mesh) -> bytes:
    drawn = mesh.render(height=_SIDE, width=_SIDE, kind="pil")
    return _raster.encode(flatten(drawn, background="checker").convert("RGB"), "png")


def _facts(found: MeshInfo) -> list[tuple[str, str]]:
    facts = [("format", f"{found.format}, {format_size(found.bytes)}"), ("vertices", f"{found.vertices:,}")]
    if found.bounds is not None:
        sides = (high - low for low, high in zip(*found.bounds, strict=True))
        facts.append(("size", " x ".join(f"{side:.4g}" for side in sides) + " (x, y, z)"))
    facts += [("materials", _names(found.materials))] if found.materials else []
    sizes = tuple(
        each.name if each.width is None else f"{each.name} {each.height}x{each.width}" for each in found.textures
    )
    facts += [("textures", _names(sizes))] if sizes else []
    facts += [("animations", _names(tuple(each.name for each in found.animations)))] if found.animations else []
    return facts


def _names(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(name or "without a name" for name in names[:_NAMED]) + more
