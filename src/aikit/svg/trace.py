"""A raster picture as shapes, through vtracer."""

from __future__ import annotations

from types import ModuleType
from typing import TYPE_CHECKING, Literal

import numpy as np

from .. import _raster
from .._check import integer, number, one_of
from .._foreign_names import explain_calls
from ..convert import to_pil
from ..errors import MissingDependencyError
from ..types import AnyImage
from .document import Svg, new_svg
from .source import SVG, parse

if TYPE_CHECKING:
    from lxml.etree import _Element
    from PIL import Image

__all__ = ["trace"]

_MODES = ("spline", "polygon", "pixel")


@explain_calls
def trace(
    image: AnyImage,
    *,
    mode: Literal["spline", "polygon", "pixel"] = "spline",
    filter_speckle: int = 4,
    color_precision: int = 6,
    layer_difference: int = 16,
    corner_threshold: int = 60,
    bgr: bool = False,
) -> Svg:
    """Trace a picture: areas of one color become filled paths, one over the other.

    Alpha becomes a mask that is traced like the colors, so that soft edges and glass stay see-through. Made for logos,
    drawings and scans; a photograph becomes thousands of paths.

    Args:
        image: one picture of any kind; traced with 8 bits.
        mode: "spline" for curves, "polygon" for straight lines, "pixel" for the edges of pixels.
        filter_speckle: patches of fewer pixels a side are left out, 0 to 128.
        color_precision: bits of each channel that tell colors apart, 1 to 8.
        layer_difference: codes between the colors of two layers, 0 to 255; fewer layers where it is larger.
        corner_threshold: angle in degrees from which a bend is a corner, 0 to 180.
        bgr: the array or tensor runs B, G, R(, A).

    Returns:
        A document of the picture's size in pixels.

    Raises:
        InputTypeError: not an image.
        InputValueError: a batch, or an option beyond its range.
        MissingDependencyError: the package vtracer is not installed.

    Source: vtracer's stacking of clusters by color (https://www.visioncortex.org/vtracer-docs).
    """
    one_of("mode", mode, _MODES)
    options = {
        "mode": "none" if mode == "pixel" else mode,
        "filter_speckle": _within("filter_speckle", filter_speckle, 0, 128),
        "color_precision": _within("color_precision", color_precision, 1, 8),
        "layer_difference": _within("layer_difference", layer_difference, 0, 255),
        "corner_threshold": _within("corner_threshold", corner_threshold, 0, 180),
    }
    picture = to_pil(image, dtype="uint8", bgr=bgr).convert("RGBA")
    vtracer = _vtracer()
    document = new_svg(width=picture.width, height=picture.height)
    alpha = picture.getchannel("A")
    target = document.raw
    if alpha.getextrema() != (255, 255):
        mask = document.add("mask", id="alpha", maskUnits="userSpaceOnUse", width=picture.width, height=picture.height)
        mask.raw.extend(_paths(vtracer, alpha.convert("RGB"), options))
        target = document.add("g", mask="url(#alpha)").raw
    target.extend(_paths(vtracer, _without_hidden(picture), options))
    return document


def _within(subject: str, value: object, least: int, most: int) -> int:
    return int(number(subject, integer(subject, value, least), least, most))


def _without_hidden(picture: Image.Image) -> Image.Image:
    """The colors as they are seen; where nothing is, the mean of them, which makes no shapes of its own."""
    from PIL import Image

    codes = np.array(picture)
    seen = codes[..., 3] > 0
    if seen.any() and not seen.all():
        codes[~seen, :3] = np.rint(codes[seen, :3].mean(0))
    return Image.fromarray(codes[..., :3])


def _paths(vtracer: ModuleType, picture: Image.Image, options: dict[str, int | str]) -> list[_Element]:
    text = vtracer.convert_raw_image_to_svg(
        _raster.encode(picture, "png"), img_format="png", path_precision=3, **options
    )
    root = parse(text.encode(), name="trace")
    return list(root.iterchildren(f"{{{SVG}}}path"))


def _vtracer() -> ModuleType:
    try:
        import vtracer
    except ImportError as error:
        raise MissingDependencyError(
            "trace", "the package vtracer", "none installed", "run: pip install vtracer"
        ) from error
    module: ModuleType = vtracer
    return module
