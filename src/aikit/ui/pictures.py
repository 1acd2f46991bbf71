"""The work behind a page: files in, decoded and worked on in child processes under limits, and what is shown of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from html import escape
from typing import Any

from PIL import Image

from .._raster import identify
from ..convert import to_numpy, to_pil
from ..device.sizes import format_size
from ..errors import AikitError
from ..files import encode, read_any, to_data_url
from ..files.data_urls import wrap
from ..geometry import thumbnail
from ..isolation import guarded
from ..limits import Limits
from ..mesh import open_mesh
from ..recipe import Recipe
from ..show import describe
from ..show.comparison import show_difference
from ..types import AnyImage
from .takeaway import name_of_result

__all__ = [
    "Look",
    "Result",
    "apply",
    "draw_difference",
    "draw_mesh",
    "error_of",
    "formats_to_write",
    "limits_of_results",
    "look_at",
    "write_all",
]

# No screen shows more of a picture beside its form.
_SIDE = 1400


@dataclass(frozen=True, slots=True)
class Look:
    """What a page shows of a picture.

    Attributes:
        title: its kind and size.
        url: the picture itself, reduced to what a screen shows, as PNG in a data URL.
        width: in pixels, of the whole picture.
        height: in pixels.
        card: what `describe` says, as HTML.
    """

    title: str
    url: str
    width: int
    height: int
    card: str


@dataclass(frozen=True, slots=True)
class Result:
    """What a recipe makes of a file.

    Attributes:
        name: of the new file.
        data: the file.
        look: what is shown of it.
        remarks: what is not as one might think.
    """

    name: str
    data: bytes
    look: Look
    remarks: tuple[str, ...]


def look_at(data: bytes, limits: Limits) -> Look:
    """Decode a picture in a child process, and make what a page shows of it.

    Raises:
        FileFormatError: it is not a picture, damaged, or cut off.
        LimitError: larger or slower than `limits` allow.
        WorkerError: the decoder crashed.
    """
    image = read_any(data, limits=limits, isolate=True)
    found = describe(image)
    height, width = found.shape[:2]
    depth = {"uint8": "8 bit", "uint16": "16 bit"}.get(found.dtype, found.dtype)
    title = f"{found.order}, {depth}, {width} x {height}, {(identify(data) or '').upper()}, {format_size(len(data))}"
    return Look(title, _preview(image), width, height, found._repr_html_())


def apply(recipe: Recipe, name: str, data: bytes, limits: Limits) -> Result:
    """Take a picture through a recipe in a child process; the bytes are those of `Recipe.bytes`.

    Raises:
        AikitError: as `Recipe.bytes` raises with limits.
    """
    made = recipe.make(data, limits=limits)
    look = look_at(made.data, limits_of_results(limits))
    result = name_of_result(name, recipe.to or identify(made.data))
    return Result(result, made.data, look, tuple(what for what, _ in made.remarks()))


def write_all(recipe: Recipe, name: str, data: bytes, limits: Limits) -> Iterator[tuple[str, bytes | AikitError]]:
    """What a recipe makes of a picture in every format: its name and its bytes, or why there are none."""
    for to in formats_to_write():
        try:
            yield name_of_result(name, to), recipe.bytes(data, to=to, limits=limits)
        except AikitError as error:
            yield name_of_result(name, to), error


def formats_to_write() -> list[str]:
    """The names of the formats that are written, the most usual ones first."""
    return ["png", "jpeg", "webp", "avif", "gif", "tiff", "bmp", "ico", "ppm", *(["jxl"] if _has_jxl() else [])]


def draw_difference(data: bytes, other: bytes, limits: Limits) -> str:
    """Two pictures and what differs between them, side by side, as HTML.

    Raises:
        InputValueError: their sizes differ.
        AikitError: one cannot be read.
    """
    first = read_any(data, limits=limits_of_results(limits), isolate=True)
    second = read_any(other, limits=limits, isolate=True)
    sheet = show_difference(first, second, titles=("result", "other"))
    return f'<img class="aikit-sheet" src="{to_data_url(sheet, "png")}" alt="{escape(sheet.info["alt"])}">'


def draw_mesh(data: bytes, limits: Limits, drawing: Mapping[str, object]) -> Image.Image:
    """A mesh, drawn in a child process.

    Args:
        data: a whole file; what it refers to is left out.
        limits: what it may cost, drawing included.
        drawing: keywords of `Mesh.render`.

    Raises:
        AikitError: as `open_mesh` and `Mesh.render` raise.
    """
    task = data, limits, dict(drawing)
    return guarded(_draw_mesh, *task, subject="mesh", limits=limits, isolate=True, expect=Image.Image)


def _draw_mesh(data: bytes, limits: Limits, drawing: dict[str, Any]) -> Image.Image:
    image: Image.Image = open_mesh(data, limits=limits).render(kind="pil", **drawing)
    return image


# What to do on a page, by the `option` of the error.
_REMEDIES = {
    "limits": "take a smaller one",
    "flatten": "add the step flatten, or choose PNG or WebP",
    "profile": "set profile to ignore under how it is written, which takes the codes as they are",
    "allow_truncated": "fetch the file again",
    "rgb_to_gray": "add the step rgb_to_gray before it",
    "gray_to_rgb": "add the step gray_to_rgb before it",
}


def error_of(error: AikitError) -> str:
    """What went wrong, in the words of the page."""
    subject = "picture" if error.subject == "source" else error.subject
    return str(error.with_subject(subject, _REMEDIES.get(error.option or "")))


def _preview(image: AnyImage) -> str:
    small: Any = thumbnail(image, _SIDE)
    return wrap(encode(to_pil(to_numpy(small, dtype="uint8")), "png", effort=1), "image/png")


def limits_of_results(limits: Limits) -> Limits:
    """What a recipe was allowed to make may be looked at."""
    most = max(limits.max_pixels, limits.max_output_pixels)
    return replace(
        limits,
        max_bytes=max(limits.max_bytes, 16 * most),
        max_pixels=most,
        max_total_pixels=max(limits.max_total_pixels, most),
        formats=None,
    )


def _has_jxl() -> bool:
    from importlib.util import find_spec

    return find_spec("imagecodecs") is not None
