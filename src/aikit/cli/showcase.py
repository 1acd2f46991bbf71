"""What `aikit demo` shows: the main jobs, each on a picture that suits it, as cells of one sheet."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from ..errors import printable
from ..types import AnyImage

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

    from ..sample import Sample

__all__ = ["COLUMNS", "Cells", "own_cells", "show_jobs"]

Cells: TypeAlias = "list[tuple[str, AnyImage]]"
Codes: TypeAlias = "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]"

COLUMNS = 4
_SIDE = 240  # of a cell, in pixels

# Glass on white paper, with the soft shadow that it throws.
_GLASS = """<svg xmlns="http://www.w3.org/2000/svg" width="240" height="240" viewBox="0 0 240 240">
<defs>
  <radialGradient id="glass" cx=".36" cy=".3" r=".8">
    <stop offset="0" stop-color="#fff" stop-opacity=".95"/><stop offset=".25" stop-color="#7cc4ff" stop-opacity=".5"/>
    <stop offset=".8" stop-color="#0b5fd0" stop-opacity=".75"/><stop offset="1" stop-color="#062a66" stop-opacity=".95"/>
  </radialGradient>
  <radialGradient id="shade"><stop offset="0" stop-opacity=".55"/><stop offset="1" stop-opacity="0"/></radialGradient>
</defs>
<ellipse cx="134" cy="198" rx="92" ry="22" fill="url(#shade)"/>
<circle cx="116" cy="114" r="84" fill="url(#glass)"/>
<ellipse cx="86" cy="70" rx="26" ry="14" fill="#fff" fill-opacity=".8" transform="rotate(-35 86 70)"/>
</svg>"""

# A badge with fine rays, for the size of a browser's tab.
_BADGE = """<svg xmlns="http://www.w3.org/2000/svg" width="240" height="240" viewBox="-12 -12 24 24">
<path id="ray" d="M0-11.4 1.3-4-1.3-4Z" fill="#e4572e"/>{rays}<circle r="6.4" fill="#17334f"/>
<path d="M-3.6 2.6 0-3.8 3.6 2.6ZM-1.6 1.3H1.6L0-1.4Z" fill="#ffd166" fill-rule="evenodd"/>
</svg>""".format(rays="".join(f'<use href="#ray" transform="rotate({turn})"/>' for turn in range(30, 360, 30)))


def show_jobs() -> Iterator[tuple[Cells, dict[str, AnyImage | bytes]]]:
    """The cells of each job, and what is written beside the sheet, by the names of files."""
    photo = find_photo("astronaut.png")
    for job in (_cut_out, _shrink, _layers, _colors, _detect, _stack):
        yield job(photo)


def find_photo(name: str) -> Codes:
    """One of the photographs that come inside scikit-image, no download; else a drawn picture. (H, W, 3)."""
    from ..files import read_numpy

    # Found without importing scikit-image, which takes longer than the demo itself.
    package = importlib.util.find_spec("skimage")
    path = Path(package.origin).parent / "data" / name if package and package.origin else Path(name)
    return read_numpy(path) if package and path.is_file() else _draw()


def _draw() -> Codes:
    """A picture with every row and column different, where no photograph is at hand."""
    import numpy as np

    row, column = np.mgrid[0:512, 0:512]
    disc = np.clip((190 - np.hypot(row - 256, column - 256)) / 8, 0, 1)[..., None]
    colors = np.stack([column / 512, row / 512, 1 - column / 512], -1)
    picture: Codes = np.rint(255 * (disc * colors + (1 - disc) * 0.9)).astype(np.uint8)
    return picture


def _cut_out(photo: Codes) -> tuple[Cells, dict[str, AnyImage | bytes]]:
    """Glass and its shadow off white paper, as transparent as they are."""
    from .. import alpha, geometry
    from ..svg import render_svg

    paper = render_svg(_GLASS.encode(), background="white", kind="numpy")[..., :3]
    glass = alpha.color_to_alpha(paper, color="white")
    ground = geometry.fit(photo, height=_SIDE, width=_SIDE, how="cover", anchor="top")
    cells: Cells = [
        ("a picture on white paper", paper),
        ("color_to_alpha: paper to clear", glass),
        ("composite over a photograph", alpha.composite(glass, ground)),
    ]
    return cells, {"cut-out.png": glass}


def _shrink(photo: Codes) -> tuple[Cells, dict[str, AnyImage | bytes]]:
    """A drawing that is sharp at any size, made small with and without the green that hides under its clear pixels."""
    import cv2
    import numpy as np

    from .. import alpha, resample
    from ..svg import render_svg

    large = render_svg(_BADGE.encode(), kind="numpy")
    hiding = np.where(large[..., 3:] > 127, large, np.array([0, 255, 60, 0], np.uint8))
    hiding[..., 3] = np.where(large[..., 3] > 127, 255, 0)
    halo = cv2.resize(hiding, (40, 40), interpolation=cv2.INTER_AREA)
    clean = resample.resize(hiding, height=40, width=40)
    stars = find_photo("hubble_deep_field.jpg")[:800, :800]
    on_white = [
        resample.resize(alpha.flatten(each, background="white"), scale=6, method="nearest") for each in (halo, clean)
    ]
    cells: Cells = [
        ("render_svg: sharp at any size", large),
        ("hidden green shines, cv2.resize", on_white[0]),
        ("resize: hidden colors stay hidden", on_white[1]),
        ("stars to 1/8: dim", resample.resize(resample.resize(stars, scale=1 / 8), scale=2.4, method="nearest")),
        (
            "linear=True: light keeps its sum",
            resample.resize(resample.resize(stars, scale=1 / 8, linear=True), scale=2.4, method="nearest"),
        ),
    ]
    return cells, {"badge.svg": _BADGE.encode()}


def _layers(photo: Codes) -> tuple[Cells, dict[str, AnyImage | bytes]]:
    """A layered document for Photoshop and GIMP."""
    import numpy as np

    from .. import alpha, geometry, resample
    from ..psd import new_psd
    from ..svg import render_svg

    ground = geometry.fit(photo, height=_SIDE, width=_SIDE, how="cover", anchor="top")
    rows = np.linspace(0, 1, _SIDE, dtype=np.float32)
    dusk = np.empty((_SIDE, _SIDE, 3), np.uint8)
    dusk[:] = np.rint(np.outer(1 - rows, (255, 160, 60)) + np.outer(rows, (60, 30, 160)))[:, None]
    badge = resample.resize(render_svg(_BADGE.encode(), kind="numpy"), scale=0.4)
    document = new_psd(height=_SIDE, width=_SIDE)
    document.add(ground, name="Photograph")
    document.add(dusk, name="Dusk", blend_mode="overlay", opacity=0.85)
    document.add(badge, name="Badge", left=_SIDE - 104, top=_SIDE - 104)
    document.add(alpha.color_to_alpha(_paper_star(), color="white"), name="Star", left=14, top=14)
    return [("new_psd: four layers, flattened", document.render())], {"layers.psd": document.encode()}


def _paper_star() -> Codes:
    from ..svg import render_svg

    star = '<svg xmlns="http://www.w3.org/2000/svg" width="56" height="56" viewBox="-1 -1 2 2"><path d="{}" fill="#c02050"/></svg>'
    points = "M0-1 .24-.3.95-.31.38.12.59.81 0 .4-.59.81-.38.12-.95-.31-.24-.3Z"
    return render_svg(star.format(points).encode(), background="white", kind="numpy")[..., :3]


def _colors(photo: Codes) -> tuple[Cells, dict[str, AnyImage | bytes]]:
    """From blue to yellow through gray in sRGB and through greens in OKLab; and colors turned in a perceptual space."""
    import numpy as np

    from .. import color, geometry, resample
    from ..draw import draw_masks

    ends = np.array([[[30, 60, 255]], [[255, 220, 0]]], np.float32) / 255
    share = np.linspace(0, 1, _SIDE, dtype=np.float32)[None, :, None]
    straight = ends[0] * (1 - share) + ends[1] * share
    perceived = color.rgb_to_oklab(ends)
    even = np.clip(color.oklab_to_rgb(perceived[0] * (1 - share) + perceived[1] * share), 0, 1)
    both = np.concatenate([np.repeat(straight, _SIDE // 2, 0), np.repeat(even, _SIDE // 2, 0)])
    face = geometry.fit(photo, height=_SIDE, width=_SIDE, how="cover", anchor="top")
    lch = color.convert_color(face, "rgb", "oklch", dtype="float32")
    lch[..., 2] = (lch[..., 2] + 150) % 360
    turned = np.clip(color.convert_color(lch, "oklch", "rgb"), 0, 1)
    hue, saturation, value = np.moveaxis(color.rgb_to_hsv(resample.blur(face, 2.5)), -1, 0)
    orange = (hue > 3) & (hue < 24) & (saturation > 0.65) & (value > 0.35)
    return [
        ("blue to yellow: sRGB, OKLab below", both),
        ("hue turned by 150° in OKLCH", turned),
        ("rgb_to_hsv, draw_masks", draw_masks(face, orange[None], colors="#00a0ff")),
    ], {}


def _detect(photo: Codes) -> tuple[Cells, dict[str, AnyImage | bytes]]:
    """Boxes that move with their picture."""
    from ..geometry import fit, warp_perspective
    from ..recipe import Recipe
    from ..sample import Sample

    tall = photo[:, 60:400]
    sample = Sample(
        tall, boxes=[[105, 55, 230, 215], [15, 195, 325, 512]], classes=["face", "suit"], scores=[0.98, 0.93]
    )
    boxed = Recipe.parse(f"fit height={_SIDE} width={_SIDE} how=letterbox fill=gray")(sample)
    turned = Recipe.parse(f"rotate degrees=20 fill=gray; fit height={_SIDE} width={_SIDE} how=letterbox fill=gray")(
        sample
    )
    poster = warp_perspective(
        fit(photo, height=_SIDE, width=_SIDE, how="cover", anchor="top"),
        ((0.72, -0.10, 20.0), (0.08, 0.62, 22.0), (0.0005, -0.0010, 1.0)),
        fill="white",
    )
    cells: Cells = [
        (title, _draw_sample(each))
        for title, each in (("letterbox, boxes and all", boxed), ("rotate: boxes enclose", turned))
    ]
    return [*cells, ("warp_perspective, antialiased", poster)], {}


def _draw_sample(sample: Sample) -> AnyImage:
    from ..draw import draw_boxes

    assert sample.boxes is not None
    return draw_boxes(sample.image, sample.boxes, classes=sample.classes, scores=sample.scores)


def _stack(photo: Codes) -> tuple[Cells, dict[str, AnyImage | bytes]]:
    """Pictures of many kinds and sizes as one batch of a model, in one image."""
    import numpy as np

    from ..batch import stack, unstack
    from ..convert import to_pil, to_tensor

    pictures: list[AnyImage] = [
        to_pil(photo),
        photo[100:400],
        to_tensor(photo[:300, 100:260]),
        find_photo("chelsea.png"),
    ]
    batch = stack(pictures, height=116, width=116, fit="crop", device="cpu")
    tiles = [np.pad(tile, ((2, 2), (2, 2), (0, 0)), constant_values=255) for tile in unstack(batch)]
    return [("stack: PIL, arrays, tensors", np.vstack([np.hstack(tiles[:2]), np.hstack(tiles[2:])]))], {}


# ---------------------------------------------------------------- pictures of one's own


def own_cells(name: str, image: Image.Image) -> Cells:
    """One picture of a user through jobs that suit every picture: a row of cells."""
    from .. import alpha, convert, geometry, resample

    shown = printable(name)
    tensor = convert.to_tensor(geometry.fit(image, height=_SIDE, width=_SIDE, how="contain"))
    framed = geometry.fit(image, height=_SIDE, width=_SIDE, how="letterbox", fill="gray")
    flat = alpha.flatten(image, background="checker")
    small = resample.resize(geometry.fit(flat, height=_SIDE, width=_SIDE, how="cover"), scale=0.25, linear=True)
    return [
        (f"{shown} {image.mode} {image.width}x{image.height}", image),
        ("fit how=letterbox", framed),
        ("to_tensor, mirrored by torch", tensor.flip(-1)),
        ("a quarter, in linear light, x4", resample.resize(small, scale=4, method="nearest")),
    ]
