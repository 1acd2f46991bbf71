"""Pictures for people: a labelled sheet of any images."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .alpha import flatten
from .convert import to_pil
from .errors import InputTypeError, InputValueError

if TYPE_CHECKING:
    from PIL import Image

    from ._image import AnyImage

__all__ = ["show"]

_CELL, _MARGIN, _LABEL, _TEXT = 240, 12, 22, 14
_PAPER, _INK = "white", "#202020"


def show(
    *images: AnyImage, titles: Sequence[str] | None = None, columns: int | None = None, bgr: bool = False
) -> Image.Image:
    """Lay images out on one labelled sheet.

    Transparency is shown over a checkerboard. Large pictures are reduced to fit their cell, small ones keep their
    pixels. Nothing is displayed: in a notebook the last value of a cell shows itself.

    Args:
        images: single images of any kind.
        titles: one line for each image; what is too long for its cell is cut, and letters beyond ASCII may be drawn as
            boxes: the font is Pillow's own.
        columns: pictures in a row; by default a sheet a little wider than high.
        bgr: the arrays and tensors run B, G, R(, A).

    Returns:
        The sheet, a PIL image of mode RGB.

    Raises:
        InputTypeError: not an image, or an option of the wrong type.
        InputValueError: no image, a batch, no column, or another number of titles than of images.

    Example:
        >>> from PIL import Image
        >>> show(Image.new("RGB", (40, 30), "red"), titles=["red"]).mode
        'RGB'
    """
    if not images:
        raise InputValueError("images: expected at least one image, got none; pass one or more.")
    names = _checked_titles(titles, len(images))
    columns = math.ceil(math.sqrt(len(images) * 1.3)) if columns is None else _checked_columns(columns)
    return _sheet([_thumbnail(image, bgr) for image in images], names, min(columns, len(images)))


def _checked_titles(titles: object, count: int) -> list[str]:
    if titles is None:
        return [""] * count
    if isinstance(titles, str) or not isinstance(titles, Sequence):
        raise InputTypeError(f"titles: expected a list of str, got {titles!r}; pass one title an image.")
    if len(titles) != count:
        raise InputValueError(
            f"titles: expected {count} of them, one an image, got {len(titles)}; give every image one."
        )
    # On one line: Pillow cannot measure several.
    return [" ".join(str(title).split()) for title in titles]


def _checked_columns(columns: object) -> int:
    if isinstance(columns, bool) or not isinstance(columns, int):
        raise InputTypeError(f"columns: expected a whole number, got {columns!r}; pass for instance 4.")
    if columns < 1:
        raise InputValueError(f"columns: expected 1 or more, got {columns}; pass for instance 4.")
    return columns


def _thumbnail(image: Any, bgr: bool) -> Image.Image:
    """The picture as a cell shows it: opaque RGB, no larger than the cell."""
    from PIL import Image

    picture = to_pil(image, dtype="uint8", bgr=bgr)
    scale = _CELL / max(picture.size)
    if scale < 1:
        size = [max(1, round(side * scale)) for side in picture.size]
        picture = picture.resize((size[0], size[1]), Image.Resampling.LANCZOS, reducing_gap=3.0)
    # The checkerboard comes last, or it would be reduced to gray.
    return flatten(picture, background="checker").convert("RGB")


def _sheet(cells: list[Image.Image], names: list[str], columns: int) -> Image.Image:
    from PIL import Image, ImageDraw, ImageFont

    rows = math.ceil(len(cells) / columns)
    heights = [max(cell.height for cell in cells[row * columns : (row + 1) * columns]) for row in range(rows)]
    step = _CELL + _MARGIN
    size = columns * step + _MARGIN, sum(heights) + rows * (_LABEL + _MARGIN) + _MARGIN
    sheet = Image.new("RGB", size, _PAPER)
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(_TEXT)
    top = _MARGIN
    for row, height in enumerate(heights):
        for column, at in enumerate(range(row * columns, min((row + 1) * columns, len(cells)))):
            left = _MARGIN + column * step
            draw.text((left, top), _fitted(names[at], draw, font), fill=_INK, font=font)
            sheet.paste(cells[at], (left, top + _LABEL))
        top += _LABEL + height + _MARGIN
    return sheet


def _fitted(name: str, draw: Any, font: Any) -> str:
    """The title, cut to the width of a cell."""
    if draw.textlength(name, font=font) <= _CELL:
        return name
    while name and draw.textlength(name + "…", font=font) > _CELL:
        name = name[:-1]
    return name + "…"
