"""`aikit demo`: the main jobs on real pictures, on one contact sheet."""

from __future__ import annotations

import argparse
import importlib.util
import time
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import FileAccessError, printable, quoted
from ..types import AnyImage

if TYPE_CHECKING:
    from PIL import Image

# Photographs that come inside scikit-image, no download: color, gray, a flat background, an alpha channel.
_PHOTOGRAPHS = ("astronaut.png", "coffee.png", "rocket.jpg", "camera.png", "color.png", "logo.png")


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand to the parser."""
    parser = commands.add_parser(
        "demo",
        help="show what aikit does, on your pictures or on photographs that are at hand",
        description="Run the main jobs on pictures: read them, convert them through OpenCV and torch, take their "
        "background away, lay them over another, write them. Makes a labelled contact sheet.",
    )
    parser.add_argument(
        "files", nargs="*", metavar="FILE", help="your pictures; otherwise scikit-image's, or drawn ones"
    )
    parser.add_argument("--out", default="demo-output", metavar="FOLDER", help="where to write (%(default)s)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Write the contact sheet and the converted pictures, and say where they are."""
    from ..files import write
    from ..show import show

    out = Path(options.out)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileAccessError(
            str(out), "a folder that can be made", quoted(error.strerror), "pass another --out", filename=str(out)
        ) from error
    started = time.perf_counter()
    cells: list[tuple[str, AnyImage]] = []
    for name, image in _find_pictures(options.files):
        cells += _make_row(name, image)
        write(image, out / f"{name}.webp", quality=90)
    sheet = show(*(image for _, image in cells), titles=[title for title, _ in cells], columns=_COLUMNS)
    write(sheet, out / "contact-sheet.png")
    seconds = time.perf_counter() - started
    count = len(cells) // _COLUMNS
    print(f"{count} picture{'s' if count > 1 else ''}, {len(cells)} results in {seconds:.1f} s")
    print(f"contact sheet: {printable(str((out / 'contact-sheet.png').resolve()))}")
    return 0


_COLUMNS = 6


def _make_row(name: str, image: Image.Image) -> list[tuple[str, AnyImage]]:
    """One picture through every door and the main operations on transparency."""
    import cv2

    from .. import alpha, convert

    drawn = convert.to_cv2(alpha.flatten(image, background="white"), dtype="uint8")
    side = min(drawn.shape[:2])
    cv2.circle(drawn, (drawn.shape[1] // 2, drawn.shape[0] // 2), side // 3, (0, 0, 255), side // 40 + 1)

    tensor = convert.to_tensor(image)
    mirrored = tensor.flip(-1)

    corner = f"#{bytes(convert.to_numpy(convert.to_pil(image, dtype='uint8').convert('RGB'))[0, 0]).hex()}"
    keyed = alpha.make_transparent(image, color=corner, tolerance=0.12, feather=0.12)
    faded = alpha.color_to_alpha(image, color=corner)
    return [
        (f"{name} {image.mode} {image.width}x{image.height}", image),
        ("to_cv2, drawn on by OpenCV", convert.to_pil(drawn, bgr=True)),
        ("to_tensor, mirrored by torch", mirrored),
        ("make_transparent: corner color", keyed),
        ("color_to_alpha: corner color", faded),
        ("flatten over steel blue", alpha.flatten(faded, background="steelblue")),
    ]


def _find_pictures(files: list[str]) -> list[tuple[str, Image.Image]]:
    """The pictures to show: those named, else scikit-image's photographs, else drawn ones."""
    from ..files import read_pil

    paths = [Path(file) for file in files]
    if not paths:
        # Found without importing scikit-image, which takes longer than the demo itself.
        package = importlib.util.find_spec("skimage")
        folder = Path(package.origin).parent / "data" if package and package.origin else Path()
        paths = [folder / name for name in _PHOTOGRAPHS if (folder / name).is_file()]
    return [(path.stem, read_pil(path)) for path in paths] or [("drawn", _draw())]


def _draw() -> Image.Image:
    """A picture with every row and column different, where no photograph is at hand."""
    import numpy as np

    from ..convert import to_pil

    row, column = np.mgrid[0:300, 0:400]
    disc = np.clip((110 - np.hypot(row - 150, column - 200)) / 8, 0, 1)[..., None]
    colors = np.stack([column / 400, row / 300, 1 - column / 400], -1)
    return to_pil(disc * colors + (1 - disc) * 0.95)
