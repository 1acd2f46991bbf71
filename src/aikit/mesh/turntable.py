"""A mesh from all sides, to turn by hand: in a notebook, or as a page that needs nothing else."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from .. import _raster
from .._io import write_bytes
from ..errors import InputTypeError, InputValueError, printable, quoted

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["Turntable", "title_of", "yaws_around"]

_QUALITY = 88  # of WebP: between 85, where smooth shading shows steps, and 90, which is a third larger


@dataclass(frozen=True, slots=True, eq=False)
class Turntable:
    """Pictures of a mesh from all around, which `Mesh.show` gives. A notebook shows it; `write` makes a page of it.

    Attributes:
        pictures: RGBA, one for each of `yaws`.
        yaws: where the camera stands, in degrees, in equal steps.
        title: what it shows.
    """

    pictures: tuple[Image.Image, ...]
    yaws: tuple[float, ...]
    title: str

    def to_html(self) -> str:
        """The page: a picture that turns where it is dragged, by a slider and by the arrow keys. It loads nothing."""
        files = [_raster.encode(each, "webp", _raster.EncodeOptions(quality=_QUALITY)) for each in self.pictures]
        views = [f"data:image/webp;base64,{base64.b64encode(data).decode()}" for data in files]
        width, height = self.pictures[0].size
        names = [f"{self.title}, from {yaw:g} degrees" for yaw in self.yaws]
        return _PAGE.format(
            title=escape(self.title),
            width=width,
            height=height,
            last=len(views) - 1,
            first=views[0],
            alt=escape(names[0]),
            # Inside a script nothing but the end of it is special.
            views=json.dumps(views),
            names=json.dumps(names).replace("<", "\\u003c"),
        )

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write the page, entirely or not at all.

        Args:
            path: a name that ends in .html.

        Raises:
            InputTypeError: not a path.
            InputValueError: another name.
            FileAccessError: the file cannot be written.
        """
        if not isinstance(path, (str, os.PathLike)):
            raise InputTypeError("path", "a path", type(path).__name__, "pass a str or a pathlib.Path")
        name = os.fsdecode(path)
        if os.path.splitext(name)[1].lower() not in (".html", ".htm"):
            remedy = "for an animated picture pass turntable() to aikit.write"
            raise InputValueError("path", "a name that ends in .html", quoted(name), remedy)
        write_bytes(path, self.to_html().encode())

    def _repr_html_(self) -> str:
        # In a frame of its own: scripts of several would meet, and notebooks take scripts out of their own page.
        width, height = self.pictures[0].size
        return (
            f'<iframe title="{escape(self.title)}" sandbox="allow-scripts" srcdoc="{escape(self.to_html())}" '
            f'width="{width + 16}" height="{height + 56}" style="border:0;max-width:100%"></iframe>'
        )


def title_of(source: str) -> str:
    """The name of a mesh without its folders, as a title."""
    return printable(os.path.basename(source)) or "mesh"


def yaws_around(views: int, start: float) -> Sequence[float]:
    """Degrees in equal steps all around, each from 0 to 360."""
    return [(start + 360 * at / views) % 360 for at in range(views)]


_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ margin: 8px; font: 14px/1.4 system-ui, sans-serif; text-align: center; color: #202020; background: #fff }}
img {{ display: block; margin: 0 auto; max-width: 100%; height: auto; cursor: grab; touch-action: pan-y; user-select: none }}
input {{ width: min({width}px, 100%); margin: 8px 0 0; accent-color: #2060c0 }}
@media (prefers-color-scheme: dark) {{ body {{ color: #e8e8e8; background: #1c1c1e }} }}
</style>
</head>
<body>
<img id="view" width="{width}" height="{height}" alt="{alt}" src="{first}" draggable="false">
<input id="turn" type="range" min="0" max="{last}" value="0" aria-label="Turn {title}">
<script>
const views = {views}, names = {names};
const view = document.getElementById("view"), turn = document.getElementById("turn");
function show() {{
  view.src = views[turn.value]; view.alt = names[turn.value]; turn.setAttribute("aria-valuetext", names[turn.value]);
}}
turn.addEventListener("input", show);
let from = null;
view.addEventListener("pointerdown", event => {{
  from = {{x: event.clientX, at: Number(turn.value)}}; view.setPointerCapture(event.pointerId); view.style.cursor = "grabbing";
}});
view.addEventListener("pointermove", event => {{
  if (from === null) return;
  const steps = Math.round((from.x - event.clientX) / view.clientWidth * views.length);
  turn.value = ((from.at + steps) % views.length + views.length) % views.length; show();
}});
for (const end of ["pointerup", "pointercancel"])
  view.addEventListener(end, () => {{ from = null; view.style.cursor = "grab"; }});
</script>
</body>
</html>
"""
