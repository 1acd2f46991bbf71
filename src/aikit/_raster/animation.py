"""Animations: pictures that are laid on a canvas one after the other, as viewers do it.

Pillow composes otherwise: it interpolates the alpha of APNG's OVER, forgets a PREVIOUS that is followed by another, lets
a GIF's disposal 0 inherit the one before it, and draws frame 0 below a disposal of 3. So each picture is taken out as a
file of its own, which Pillow decodes, and is laid down here.

Source: W3C, "Portable Network Graphics Specification, Third Edition", section 11.3.6; CompuServe, "Graphics Interchange
Format, Version 89a", section 23. What the latter leaves open (background, frames outside of the screen) is Chromium's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from PIL import Image

__all__ = ["Animation", "Canvas", "Dispose", "Layer", "compose"]

# What is done to the place of a picture once it has been shown.
Dispose = Literal["keep", "clear", "restore"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One picture of an animation.

    Attributes:
        left: where it lies on the canvas, in pixels.
        top: the same, from above.
        width: of the picture.
        height: of the picture.
        dispose: what follows once it has been shown.
        over: laid over the canvas by its alpha; else it replaces what is there, alpha and all.
        opaque: whether it has no transparent pixel.
        duration: how long it is shown, in milliseconds as the file says; None where it does not.
        file: makes a whole file of this picture alone.
    """

    left: int
    top: int
    width: int
    height: int
    dispose: Dispose
    over: bool
    opaque: bool
    duration: float | None
    file: Callable[[], bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Animation:
    """A canvas and the pictures on it.

    Attributes:
        width: of the canvas.
        height: of the canvas.
        frames: how many pictures there are.
        transparent: whether the canvas may be seen through in any frame.
        plain: whether frame 0 is what a reader shows that knows of no animations.
        layers: walks through the pictures.
        info: what the file says beside them, under Pillow's keys.
    """

    width: int
    height: int
    frames: int
    transparent: bool
    plain: bool
    layers: Callable[[], Iterator[Layer]]
    info: dict[str, object] = field(default_factory=dict)


class Canvas:
    """Finds out whether a canvas may be seen through, picture by picture."""

    def __init__(self, width: int, height: int) -> None:
        self._size = width, height
        self.frames = 0
        self.transparent = False
        # Whether frame 0 fills the canvas.
        self.filled = False
        self._cleared = False

    def add(self, layer: Layer) -> None:
        if not self.frames:
            self.filled = (
                (layer.left, layer.top) == (0, 0) and layer.width >= self._size[0] and layer.height >= self._size[1]
            )
            self.transparent = not self.filled or not layer.opaque
        # A place that the last picture leaves empty is seen by nobody.
        self.transparent |= self._cleared or not (layer.over or layer.opaque)
        self._cleared |= layer.dispose == "clear" or (not self.frames and layer.dispose == "restore")
        self.frames += 1


def compose(animation: Animation, decode: Callable[[Layer], Image.Image]) -> Iterator[tuple[Layer, Image.Image]]:
    """Each picture and the RGBA canvas with it, the same one every time: it is drawn on in the next step.

    Args:
        animation: the canvas and its pictures.
        decode: gives the pixels of one, RGBA.
    """
    canvas = Image.new("RGBA", (animation.width, animation.height))
    for layer in animation.layers():
        # What lies outside of the canvas is cut off.
        right, bottom = min(layer.left + layer.width, canvas.width), min(layer.top + layer.height, canvas.height)
        box = layer.left, layer.top, right, bottom
        visible = right > layer.left and bottom > layer.top
        before = canvas.crop(box) if visible and layer.dispose == "restore" else None
        if visible:
            _lay_down(canvas, decode(layer), box, layer.over and not layer.opaque)
        yield layer, canvas
        if before is not None:
            canvas.paste(before, box)
        elif visible and layer.dispose == "clear":
            canvas.paste((0, 0, 0, 0), box)


def _lay_down(canvas: Image.Image, picture: Image.Image, box: tuple[int, int, int, int], over: bool) -> None:
    size = box[2] - box[0], box[3] - box[1]
    if picture.size != size:
        picture = picture.crop((0, 0, *size))
    if over:
        canvas.alpha_composite(picture, box[:2])
    else:
        canvas.paste(picture, box)
