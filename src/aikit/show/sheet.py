"""The sheet: labelled pictures in rows."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .._check import integer
from .._fonts import find_font
from .._foreign_names import explain_calls
from .._pixels import CHANNEL_NAMES, load
from ..convert import to_numpy
from ..errors import InputTypeError, InputValueError, quoted, shortened
from ..types import AnyImage
from .visible import Visible, make_visible, on_screen

if TYPE_CHECKING:
    from PIL import Image, ImageDraw

    from .._fonts import Font

__all__ = ["CELL", "MOST_PIXELS", "Cell", "area_of_cell", "check_titles", "draw_cell", "lay_out", "show"]

CELL, _MARGIN, _LABEL, _TEXT = 240, 12, 22, 14
_NOTE, _SMALL = 17, 12
# Both inks stand out of the paper by more than 7 to 1, what WCAG 2.2 asks of small text at its strictest level.
_PAPER, _INK, _FADED = "white", "#202020", "#505050"
# A line around every picture, 3 to 1 on the paper (WCAG 2.2, 1.4.11): without it nobody sees where white ends.
_FRAME = "#949494"
# 300 MB of sheet: what lies beyond nobody looks at.
MOST_PIXELS = 100_000_000


class Cell(NamedTuple):
    """One place on a sheet."""

    picture: Image.Image
    title: str
    notes: tuple[str, ...]
    alt: str


@explain_calls
def show(
    *images: AnyImage,
    titles: Sequence[str] | None = None,
    columns: int | None = None,
    zoom: int | None = None,
    bgr: bool = False,
) -> Image.Image:
    """Lay images out on one labelled sheet.

    Transparency is shown over a checkerboard, and a thin line goes around every picture. Large pictures are reduced to
    fit their cell, small ones keep their pixels. Values that could not be seen are stretched from black to white and the label says so: floats far outside
    [0, 1], and pictures no brighter than a sixteenth of full scale, such as masks of 0 and 1. NaN is magenta.
    Nothing is displayed: in a notebook the last value of a cell shows itself.

    Args:
        images: images of any kind, and batches, whose pictures are shown one by one.
        titles: one line for each image; of what is too long for its cell the middle is left out. The font is
            Pillow's own where it has all letters, else an installed one. The pictures of a batch share its title and have their number beside it.
        columns: pictures in a row; by default a sheet a little wider than high.
        zoom: every pixel as a square of this many pixels, whatever the size of the picture; 1 reduces nothing.
        bgr: the arrays and tensors run B, G, R(, A).

    Returns:
        The sheet, a PIL image of mode RGB. `sheet.info["alt"]` describes it for those who cannot see it.

    Raises:
        InputTypeError: not an image, or an option of the wrong type.
        InputValueError: no image, no column, another number of titles than of images, or a sheet of more than 100
            million pixels.

    Example:
        >>> from PIL import Image
        >>> sheet = show(Image.new("RGB", (40, 30), "red"), titles=["red"])
        >>> sheet.mode, sheet.info["alt"]
        ('RGB', 'Sheet of 1 picture. 1: red, RGB, 30x40 (height x width), uint8.')
    """
    if not images:
        raise InputValueError("images", "at least one image", "none", "pass one or more")
    names = check_titles(titles, len(images))
    columns = None if columns is None else integer("columns", columns, remedy="pass for instance 4")
    zoom = None if zoom is None else integer("zoom", zoom, remedy="pass for instance 4")
    cells: list[Cell] = []
    taken = 0
    for image, name in zip(images, names, strict=True):
        for cell in _cells(image, name, zoom, bgr):
            cells.append(cell)
            taken += CELL * _LABEL + cell.picture.width * cell.picture.height
            _check_area(taken)
    return lay_out(cells, columns)


def check_titles(titles: object, count: int) -> list[str]:
    """One line of text for each of `count` images."""
    if titles is None:
        return [""] * count
    if isinstance(titles, str) or not isinstance(titles, Sequence):
        raise InputTypeError("titles", "a list of str", quoted(titles), "pass one title an image")
    if len(titles) != count:
        raise InputValueError("titles", f"{count} of them, one an image", str(len(titles)), "give every image one")
    # On one line: Pillow cannot measure several.
    return ["" if title is None else " ".join(str(title).split()) for title in titles]


def _cells(image: AnyImage, name: str, zoom: int | None, bgr: bool) -> Iterator[Cell]:
    """A cell for each picture of an image or a batch."""
    spec = load(image, bgr=bgr).spec
    _check_area(math.prod(spec.batch) * CELL * _LABEL)
    array = to_numpy(image, bgr=bgr)
    what = f"{CHANNEL_NAMES[spec.channels]}, {spec.height}x{spec.width} (height x width), {spec.dtype}"
    for index in np.ndindex(spec.batch):
        number = f"[{', '.join(map(str, index))}]" if index else ""
        yield draw_cell(make_visible(array[index]), f"{name} {number}".strip(), what, zoom=zoom)


def draw_cell(visible: Visible, title: str, what: str, *, zoom: int | None) -> Cell:
    """A picture as its cell shows it, with its labels; `what` says to those who cannot see it what it is."""
    height, width = visible.codes.shape[:2]
    if zoom is None:
        picture = on_screen(visible, side=CELL)
    else:
        _check_area(height * width * zoom**2)
        picture = on_screen(visible, zoom=zoom)
    return Cell(picture, title, visible.notes, ", ".join(part for part in (title, what, *visible.notes) if part))


def _check_area(pixels: int) -> None:
    if pixels > MOST_PIXELS:
        raise InputValueError(
            "images",
            f"a sheet of at most {MOST_PIXELS:,} pixels",
            f"{pixels:,} or more",
            "show fewer pictures, crop them, or pass a smaller zoom",
        )


def lay_out(cells: list[Cell], columns: int | None = None, *, side: int = CELL) -> Image.Image:
    """The sheet of some cells, in rows; none is narrower than `side`."""
    from PIL import Image, ImageDraw

    across = min(math.ceil(math.sqrt(len(cells) * 1.3)) if columns is None else columns, len(cells))
    rows = [cells[start : start + across] for start in range(0, len(cells), across)]
    wide = max(side, *(cell.picture.width for cell in cells))
    labels = [_LABEL + _NOTE * max(len(cell.notes) for cell in row) for row in rows]
    heights = [label + max(cell.picture.height for cell in row) for label, row in zip(labels, rows, strict=True)]
    size = across * (wide + _MARGIN) + _MARGIN, sum(heights) + (len(rows) + 1) * _MARGIN
    _check_area(size[0] * size[1])
    sheet = Image.new("RGB", size, _PAPER)
    draw = ImageDraw.Draw(sheet)
    top = _MARGIN
    for row, label, height in zip(rows, labels, heights, strict=True):
        for column, cell in enumerate(row):
            left = _MARGIN + column * (wide + _MARGIN)
            font = find_font(cell.title, _TEXT)
            draw.text((left, top), _fit_title(cell.title, wide, draw, font), fill=_INK, font=font)
            for line, note in enumerate(cell.notes):
                at = left, top + _LABEL - 2 + line * _NOTE
                font = find_font(note, _SMALL)
                draw.text(at, _fit_text(note, wide, draw, font), fill=_FADED, font=font)
            _put(sheet, draw, cell.picture, left, top + label)
        top += height + _MARGIN
    sheet.info["alt"] = _alt(cells, across)
    return sheet


def area_of_cell(side: int) -> int:
    """How many pixels of a sheet a cell takes that has one note, at most."""
    return (side + _MARGIN) * (_LABEL + _NOTE + side + _MARGIN)


def _put(sheet: Image.Image, draw: ImageDraw.ImageDraw, picture: Image.Image, left: int, top: int) -> None:
    draw.rectangle((left - 1, top - 1, left + picture.width, top + picture.height), outline=_FRAME)
    sheet.paste(picture, (left, top))


def _alt(cells: list[Cell], across: int) -> str:
    count = f"{len(cells)} pictures, {across} in a row" if len(cells) > 1 else "1 picture"
    return " ".join([f"Sheet of {count}.", *(f"{at}: {cell.alt}." for at, cell in enumerate(cells, 1))])


def _fit_title(line: str, width: int, draw: ImageDraw.ImageDraw, font: Font) -> str:
    """Cut a title to a width in its middle: names of files differ at their ends."""
    most = len(line)
    while most > 1 and draw.textlength(shortened(line, most), font=font) > width:
        most -= 1
    return shortened(line, most)


def _fit_text(line: str, width: int, draw: ImageDraw.ImageDraw, font: Font) -> str:
    """Cut a line of text to a width."""
    if draw.textlength(line, font=font) <= width:
        return line
    while line and draw.textlength(line + "…", font=font) > width:
        line = line[:-1]
    return line + "…"
