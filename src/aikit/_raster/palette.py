"""PNG with a palette or of single bits: pictures that came so stay so, and others become so where it is asked for."""

from __future__ import annotations

import numpy as np
from PIL import Image

from .._metadata.orientation import orientation_of_image
from .high_depth import Samples

__all__ = ["is_stored_as_it_is", "reduce_colors", "shrink"]

_MOST = 256


def is_stored_as_it_is(image: Image.Image) -> bool:
    """Whether a PNG holds the palette or the bits of an image, with all that they mean."""
    key = image.info.get("transparency")
    if image.mode not in ("1", "P") or orientation_of_image(image) != 1:
        return False
    if image.mode == "1":
        return key is None
    if image.palette is None or image.palette.mode not in ("RGB", "RGBA"):
        return False
    known = len(image.getpalette() or ()) // 3
    highest = image.getextrema()[1]
    fits = isinstance(highest, (int, float)) and highest < known
    of_key = (
        key is None or (isinstance(key, bytes) and len(key) <= known) or (isinstance(key, int) and 0 <= key < known)
    )
    # Beside alpha in the palette a key would count twice.
    return fits and of_key and not (image.palette.mode == "RGBA" and key is not None)


def shrink(image: Image.Image) -> Image.Image:
    """The same pixels with a palette, or in single bits if they are black and white; the image itself if neither fits.

    Opaque alpha stays alpha: a reader of the file gets the channels that were written.
    """
    if image.mode == "L":
        return image.convert("1", dither=Image.Dither.NONE) if _is_black_and_white(image) else image
    if image.mode not in ("RGB", "RGBA"):
        return image
    return _indexed(image, _MOST) or image


def reduce_colors(image: Image.Image, most: int) -> Image.Image:
    """A picture with a palette of at most so many colors: its own where there are no more, else what Pillow finds."""
    if image.mode in ("L", "LA"):
        image = image.convert("RGB" if image.mode == "L" else "RGBA")
    if image.mode == "P":
        if len(image.getpalette() or ()) // 3 <= most:
            return image
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    if image.mode == "1":
        return image
    exact = _indexed(image, most)
    if exact is not None:
        return exact
    # Of Pillow's ways only the octree knows alpha.
    method = Image.Quantize.FASTOCTREE if image.mode == "RGBA" else Image.Quantize.MEDIANCUT
    return image.quantize(most, method=method)


def _is_black_and_white(image: Image.Image) -> bool:
    histogram = image.histogram()
    return histogram[0] + histogram[255] == image.width * image.height


def _indexed(image: Image.Image, most: int) -> Image.Image | None:
    """The image with a palette of its own colors, None if there are more than `most`."""
    found = image.getcolors(most)
    if found is None:
        return None
    # The transparent ones first, so that the table of alpha ends with them.
    colors = sorted((tuple(color) for _, color in found if isinstance(color, tuple)), key=lambda color: color[3:])
    codes: Samples = np.asarray(image).astype(np.uint32)
    weights = 256 ** np.arange(codes.shape[2], dtype=np.uint32)
    keys = np.array(colors, np.uint32) @ weights
    order = np.argsort(keys)
    indexes = order[np.searchsorted(keys[order], codes @ weights)].astype(np.uint8)
    result = Image.fromarray(indexes).convert("L")
    result.putpalette([value for color in colors for value in color[:3]])
    if image.mode == "RGBA":
        result.info["transparency"] = bytes(color[3] for color in colors)
    return result
