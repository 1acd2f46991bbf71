"""The pictures of the documentation, drawn by the functions they are about: python docs/draw.py."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

import aikit

PICTURES = Path(__file__).with_name("pictures")
METHODS = ("nearest", "bilinear", "bicubic", "lanczos")


def edge() -> Image.Image:
    """A slanted edge with a thin line beside it, 20 pixels wide."""
    rows, columns = np.mgrid[:20, :20]
    dark = (columns + rows * 0.35 < 11) | (abs(columns + rows * 0.35 - 18) < 0.7)
    return Image.fromarray(np.where(dark, 60, 200).astype(np.uint8))


def text() -> Image.Image:
    picture = Image.new("L", (40, 20), 245)
    ImageDraw.Draw(picture).text((3, 2), "aikit", font=ImageFont.load_default(14), fill=20)
    return picture


def photograph() -> Image.Image:
    from skimage import data

    return Image.fromarray(data.astronaut())


def rings() -> Image.Image:
    """Finer and finer rings, up to 0.35 of a period a pixel: less than half, so the picture itself has no moiré."""
    squares = np.add.outer(np.arange(800) ** 2, np.arange(800) ** 2)
    return Image.fromarray(np.rint(127.5 + 110 * np.cos(2 * np.pi * squares * 0.35 / (2 * 1131))).astype(np.uint8))


def resampling() -> Image.Image:
    """The four classic methods enlarging, and shrinking with and without antialiasing."""
    face = photograph().crop((195, 65, 245, 115))
    grid = rings()
    rows = {
        "an edge, x8": [aikit.resize(edge(), scale=8, method=method) for method in METHODS],
        "text, x4": [aikit.resize(text(), scale=4, method=method) for method in METHODS],
        "a photograph, x3.2": [aikit.resize(face, scale=3.2, method=method) for method in METHODS],
        "rings to 1/5": [aikit.resize(grid, scale=1 / 5, method=method) for method in METHODS],
        "rings to 1/5, antialias=False": [
            aikit.resize(grid, scale=1 / 5, method=method, antialias=False) for method in METHODS
        ],
    }
    pictures = [picture for row in rows.values() for picture in row]
    titles = [f"{method}: {name}" for name in rows for method in METHODS]
    return aikit.show(*pictures, titles=titles, columns=4)


def main() -> None:
    PICTURES.mkdir(exist_ok=True)
    for draw in (resampling,):
        aikit.write(draw(), PICTURES / f"{draw.__name__}.png")


if __name__ == "__main__":
    main()
