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


def beside(pictures: list[Image.Image]) -> np.ndarray:
    """One row of pictures of one height, with white between them."""
    gap = np.full((pictures[0].height, 12, 3), 255, np.uint8)
    parts = [part for picture in pictures for part in (gap, np.asarray(picture.convert("RGB")))]
    return np.hstack(parts[1:])


def resampling() -> Image.Image:
    """The four classic methods enlarging, and shrinking with and without antialiasing; every pixel as it came."""
    face = photograph().crop((195, 65, 245, 115))
    grid = rings()
    rows = {
        "an edge, x8": [aikit.resize(edge(), scale=8, method=method) for method in METHODS],
        "text, x4": [aikit.resize(text(), scale=4, method=method) for method in METHODS],
        "a photograph, x3.2": [aikit.resize(face, scale=3.2, method=method) for method in METHODS],
        "rings to 1/5": [aikit.resize(grid, scale=1 / 5, method=method) for method in METHODS],
        "rings to 1/5 with antialias=False": [
            aikit.resize(grid, scale=1 / 5, method=method, antialias=False) for method in METHODS
        ],
    }
    titles = [f"{name}: {', '.join(METHODS)}" for name in rows]
    return aikit.show(*map(beside, rows.values()), titles=titles, columns=1, zoom=1)


def halo() -> Image.Image:
    """A disc on transparent green, made smaller and blurred with straight alpha by OpenCV, and by aikit."""
    import cv2

    rows, columns = np.mgrid[:160, :160]
    alpha = np.where(np.hypot(rows - 79.5, columns - 79.5) < 60, 255, 0).astype(np.uint8)
    disc = np.empty((160, 160, 4), np.uint8)
    disc[...] = np.where(alpha[..., None] > 0, [210, 60, 30, 255], [0, 230, 60, 0])
    done = {
        "hidden colors": np.dstack([disc[..., :3], np.full_like(alpha, 255)]),
        "the picture": disc,
        "cv2.GaussianBlur": cv2.GaussianBlur(disc, (0, 0), 6),
        "aikit.blur": aikit.blur(disc, 6),
    }
    on_white = [aikit.flatten(picture, background="white") for picture in done.values()]
    return aikit.show(*on_white, titles=list(done), columns=2)


def ink() -> Image.Image:
    """A drawing with gray shades on white paper."""
    picture = Image.new("RGB", (180, 120), "white")
    pen = ImageDraw.Draw(picture)
    pen.ellipse((16, 40, 92, 116), fill=(150, 150, 150))
    picture = aikit.blur(picture, 7)
    pen = ImageDraw.Draw(picture)
    pen.text((26, 14), "ink", font=ImageFont.load_default(64), fill=(20, 24, 60))
    return picture


def color_to_alpha() -> Image.Image:
    """Ink and shadow off white paper, by both functions for it, laid over a color."""
    paper = ink()
    keyed = aikit.make_transparent(paper, color="white", tolerance=0.05)
    glass = aikit.color_to_alpha(paper, color="white")
    done = {
        "on white": paper,
        "make_transparent, on gold": aikit.flatten(keyed, background="gold"),
        "color_to_alpha": glass,
        "color_to_alpha, on gold": aikit.flatten(glass, background="gold"),
    }
    return aikit.show(*done.values(), titles=list(done), columns=2)


def hsv_mask() -> Image.Image:
    """A range of hue and saturation as a mask."""
    photo = np.asarray(aikit.resize(photograph(), width=200))
    hue, saturation, value = np.moveaxis(aikit.rgb_to_hsv(photo), -1, 0)
    mask = (hue > 8) & (hue < 26) & (saturation > 0.6) & (value > 0.35)
    done = {
        "photo": photo,
        "hue / 360": hue / 360,
        "8 to 26 degrees, vivid": mask,
        "merge_alpha(photo, mask)": aikit.merge_alpha(photo, mask),
    }
    return aikit.show(*done.values(), titles=list(done), columns=2)


def road() -> np.ndarray:
    """A road with a yellow line at its edge and white dashes in the middle, a tree's shadow across it."""
    rows, columns = np.mgrid[:150, :220].astype(np.float32)
    near = np.clip((rows - 60) / 90, 0, 1)  # 0 at the horizon
    across = (columns - 110) / (8 + 115 * near)  # -1 and 1 are the edges
    picture = np.where(rows[..., None] < 60, [140, 190, 235], [80, 130, 60]).astype(np.float32)
    ground = rows >= 60
    picture[ground & (abs(across) < 1)] = 90, 92, 95
    picture[ground & (abs(across + 0.85) < 0.06)] = 230, 190, 30
    picture[ground & (abs(across) < 0.045) & (1 / (near + 0.05) % 1.6 < 0.9)] = 240, 240, 240
    picture[ground & (abs(rows - 105 - 0.1 * columns) < 8)] *= 0.8
    return np.rint(picture).astype(np.uint8)


def lane_mask() -> Image.Image:
    """The recipe for lanes."""
    camera = road()
    hue, saturation, value = aikit.rgb_to_hsv(camera).transpose(2, 0, 1)
    yellow = (hue > 40) & (hue < 70) & (saturation > 0.4) & (value > 0.4)
    white = (saturation < 0.15) & (value > 0.7)
    lanes = yellow | white
    magenta = np.full_like(camera, (255, 0, 255))
    done = {
        "road": camera,
        "yellow | white": lanes,
        "painted": aikit.composite(aikit.merge_alpha(magenta, lanes), camera),
    }
    return aikit.show(*done.values(), titles=list(done), columns=3)


def sheet() -> Image.Image:
    """Images of four kinds and sizes."""
    from skimage import data

    photo = aikit.resize(photograph(), width=220)
    logo = aikit.resize(aikit.make_transparent(data.logo(), color="white", tolerance=0.02), width=220)
    done = {
        "PIL": photo,
        "array with alpha": logo,
        "gray tensor": aikit.rgb_to_gray(aikit.to_tensor(photo)),
        "float array": np.linspace(0, 1, 220 * 220).reshape(220, 220),
    }
    return aikit.show(*done.values(), titles=list(done), columns=2)


def demo() -> Image.Image:
    """The sheet of `aikit demo`."""
    from aikit.cli.showcase import COLUMNS, show_jobs

    cells = [cell for job, _ in show_jobs() for cell in job]
    return aikit.show(*(image for _, image in cells), titles=[title for title, _ in cells], columns=COLUMNS)


DRAWN = (resampling, halo, color_to_alpha, hsv_mask, lane_mask, sheet, demo)


def main() -> None:
    PICTURES.mkdir(exist_ok=True)
    for draw in DRAWN:
        # 256 colors of so many pictures at once are 150 kB, where all would be 700.
        aikit.write(draw(), PICTURES / f"{draw.__name__}.png", palette=256 if draw is demo else None)


if __name__ == "__main__":
    main()
