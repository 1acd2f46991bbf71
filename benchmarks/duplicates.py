"""How many copies of photographs are found, and how many that are none, beside imagehash: python -m benchmarks.duplicates.

The photographs that come with scikit-image, each with copies that people make. A pair is found where both files are in one group;
imagehash's own hashes are grouped by the same code.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator
from itertools import combinations
from pathlib import Path

import imagehash
import numpy as np
import skimage
from PIL import Image, ImageEnhance, ImageOps

import aikit
from aikit.catalog import group_near, open_catalog

DISTANCES = (0, 2, 4, 6, 8, 10)
PHOTOGRAPHS = (
    "astronaut brick camera chelsea coffee coins color grass gravel horse hubble_deep_field ihc logo microaneurysms moon "
    "motorcycle_left page phantom retina rocket text cell clock_motion"
).split()


def scaled(image: Image.Image, factor: float) -> Image.Image:
    size = max(1, round(image.width * factor)), max(1, round(image.height * factor))
    return image.resize(size, Image.Resampling.LANCZOS)


def cropped(image: Image.Image, share: float) -> Image.Image:
    dx, dy = round(image.width * share), round(image.height * share)
    return image.crop((dx, dy, image.width - dx, image.height - dy))


def turned_by_exif(image: Image.Image, path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    image.transpose(Image.Transpose.ROTATE_90).save(path, exif=exif, quality=90)


def with_alpha(image: Image.Image, hidden: int) -> Image.Image:
    """The middle cut out: an ellipse, whose surroundings have a color that nobody sees."""
    y, x = np.mgrid[: image.height, : image.width]
    inside = ((x / image.width - 0.5) / 0.45) ** 2 + ((y / image.height - 0.5) / 0.45) ** 2 < 1
    rgb = np.where(inside[..., None], np.asarray(image), hidden).astype(np.uint8)
    return Image.fromarray(np.dstack([rgb, inside * np.uint8(255)]))


# What a copy is called, its suffix, and how it is made of a photograph in RGB.
Copies = dict[str, tuple[str, Callable[[Image.Image, Path], object]]]
USUAL: Copies = {
    "as it is": ("png", lambda image, path: image.save(path)),
    "JPEG 90": ("jpg", lambda image, path: image.save(path, quality=90)),
    "JPEG 50": ("jpg", lambda image, path: image.save(path, quality=50)),
    "JPEG 20": ("jpg", lambda image, path: image.save(path, quality=20)),
    "WebP 60": ("webp", lambda image, path: image.save(path, quality=60)),
    "half": ("jpg", lambda image, path: scaled(image, 0.5).save(path, quality=90)),
    "quarter": ("jpg", lambda image, path: scaled(image, 0.25).save(path, quality=90)),
    "twice": ("jpg", lambda image, path: scaled(image, 2).save(path, quality=90)),
    "gray": ("png", lambda image, path: image.convert("L").save(path)),
    "64 colors": ("png", lambda image, path: image.quantize(64).save(path)),
    "brighter": ("jpg", lambda image, path: ImageEnhance.Brightness(image).enhance(1.15).save(path, quality=90)),
    "less contrast": ("jpg", lambda image, path: ImageEnhance.Contrast(image).enhance(0.8).save(path, quality=90)),
}
SEEN: Copies = {
    "turned by EXIF": ("jpg", turned_by_exif),
    "16-bit gray": ("png", lambda image, path: aikit.write(aikit.to_numpy(image.convert("L"), dtype="uint16"), path)),
}
CUT: Copies = {
    "cut out": ("png", lambda image, path: with_alpha(image, 0).save(path)),
    "cut out, other hidden colors": ("png", lambda image, path: with_alpha(image, 200).save(path)),
}
TURNED: Copies = {
    "turned by 90": ("jpg", lambda image, path: image.transpose(Image.Transpose.ROTATE_90).save(path, quality=90)),
    "turned by 180": ("jpg", lambda image, path: image.transpose(Image.Transpose.ROTATE_180).save(path, quality=90)),
    "mirrored": ("jpg", lambda image, path: ImageOps.mirror(image).save(path, quality=90)),
}
CROPPED: Copies = {
    "1 % cut off": ("jpg", lambda image, path: cropped(image, 0.01).save(path, quality=90)),
    "3 % cut off": ("jpg", lambda image, path: cropped(image, 0.03).save(path, quality=90)),
}
SETS = {
    "other formats, qualities, sizes, contrast": USUAL,
    "and turned by EXIF, 16-bit gray": USUAL | SEEN,
    "cut out, with two hidden colors": CUT,
    "1 and 3 % cut off": {"as it is": USUAL["as it is"], **CROPPED},
    "turned and mirrored": {"as it is": USUAL["as it is"], **TURNED},
}


def make(folder: Path, copies: Copies) -> None:
    for name in PHOTOGRAPHS:
        (source,) = (Path(skimage.__file__).parent / "data").glob(f"{name}.*")
        image = aikit.flatten(aikit.read_pil(source)).convert("RGB")
        (folder / name).mkdir()
        for copy, (suffix, save) in copies.items():
            save(image, folder / name / f"{copy}.{suffix}")


def pairs(groups: Iterator[list[str]]) -> set[tuple[str, str]]:
    return {pair for group in groups for pair in combinations(sorted(group), 2)}


def score(found: set[tuple[str, str]], wanted: set[tuple[str, str]]) -> str:
    right = len(found & wanted)
    return f"{right / len(found) if found else 1:.3f} / {right / len(wanted):.3f}"


def measure(folder: Path, turned: bool) -> Iterator[tuple[str, list[str]]]:
    paths = sorted(str(path) for path in folder.rglob("*.*"))
    wanted = {(one, other) for one, other in combinations(paths, 2) if Path(one).parent == Path(other).parent}
    with open_catalog(folder.with_suffix(".sqlite")) as catalog:
        if catalog.scan(folder).failed:
            raise RuntimeError("a file could not be read")
        for ways in (False, True) if turned else (False,):
            groups = [
                [[row.path for row in group] for group in catalog.duplicates(distance=each, turned=ways)]
                for each in DISTANCES
            ]
            yield f"aikit{', `turned=True`' if ways else ''}", [score(pairs(iter(each)), wanted) for each in groups]
    hashes = [int(str(imagehash.phash(Image.open(path))), 16) for path in paths]
    others = [[[paths[at] for at in group] for group in group_near(hashes, distance=each)] for each in DISTANCES]
    yield "imagehash.phash", [score(pairs(iter(each)), wanted) for each in others]


def main() -> None:
    print("| copies | | " + " | ".join(f"distance {each}" for each in DISTANCES) + " |")
    print("|---|---|" + "---:|" * len(DISTANCES))
    for title, copies in SETS.items():
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name).resolve() / "photographs"
            folder.mkdir()
            make(folder, copies)
            for who, cells in measure(folder, turned=copies is SETS["turned and mirrored"]):
                print(f"| {title} | {who} | {' | '.join(cells)} |", flush=True)
    print(f"\nPrecision / recall of pairs; {len(PHOTOGRAPHS)} photographs.", file=sys.stderr)


if __name__ == "__main__":
    main()
