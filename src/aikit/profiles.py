"""ICC profiles of images at hand: from the colors that one describes to those of another.

Files need none of this: readers turn what they read into sRGB, and `write(profile=...)` writes in another space.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal, TypeAlias, cast

import numpy as np
from PIL import Image

from ._foreign_names import explain_calls
from ._io import name_of, read_bytes
from ._pixels import Plane, Planes, Spec, load, run_uint8
from ._raster import icc
from ._raster.profile import image_to_srgb, is_srgb_in_all_but_name
from ._raster.source_color import named_profile
from .errors import FileFormatError, InputTypeError, InputValueError, quoted
from .types import ImageT

__all__ = ["NamedProfile", "ProfileSource", "convert_profile"]

NamedProfile: TypeAlias = Literal["srgb", "display-p3"]
ProfileSource: TypeAlias = NamedProfile | str | os.PathLike[str] | bytes

_NAMES = ("srgb", "display-p3")
_DTYPES = ("uint8", "uint16", "float16", "float32", "float64")
_NOT_RGB = ("CMYK", "LAB")


@dataclass(frozen=True, slots=True)
class Target:
    """A profile to convert to: its bytes for these channels, and what it computes."""

    profile: bytes
    matrix: icc.Matrix
    is_srgb: bool


@explain_calls
def convert_profile(
    image: ImageT, *, to: ProfileSource, source: ProfileSource | None = None, bgr: bool = False
) -> ImageT:
    """Convert an image from the colors of one ICC profile to those of another.

    Relative colorimetric with black point compensation, in 64-bit float and rounded once. Colors that the target cannot
    show are clipped channel by channel.

    Args:
        image: gray or RGB, with or without alpha, which stays; 8 or 16 bits, or floats in [0, 1], which are clipped to it.
            A PIL image in mode CMYK or LAB that carries a profile becomes RGB.
        to: "srgb", "display-p3", or the path or the bytes of a profile with a matrix for RGB, or of one for gray. The
            curve of a name does for gray as well.
        source: the same, what the codes mean; None takes the profile in the `info` of a PIL image, and else sRGB.
        bgr: the array or tensor runs B, G, R(, A).

    Returns:
        Same kind, shape and dtype, without a gradient. The `info` of a PIL image carries the target's profile, but for
        "srgb", which images without a profile are taken for.

    Raises:
        InputTypeError: not an image, not a profile, or 32-bit integers.
        InputValueError: a profile for RGB with gray, or for gray with RGB.
        FileFormatError: a profile that is damaged, or one of lookup tables.
        FileAccessError: a profile that cannot be read.

    Example:
        >>> import numpy as np
        >>> convert_profile(np.array([[[200, 100, 50]]], np.uint8), to="srgb", source="display-p3").tolist()
        [[[215, 93, 31]]]

    Source: ICC.1:2022; Display P3 as SMPTE EG 432-1 with the curve of sRGB.
    """
    opened = load(image if source is not None else cast(ImageT, _in_rgb(image)), bgr=bgr)
    spec = opened.spec
    if spec.dtype not in _DTYPES:
        raise InputTypeError("image", f"one of {', '.join(_DTYPES)}", spec.dtype, "convert it to float32 first")
    gray = spec.channels < 3
    own = spec.info.get("icc_profile") or "srgb"
    target, origin = (
        open_profile(to, "to", gray=gray),
        open_profile(own if source is None else source, "source", gray=gray),
    )
    into = replace(spec, info=_info(spec, target))
    if (origin.is_srgb and target.is_srgb) or origin.profile == target.profile:
        return run_uint8(lambda *planes: list(planes), opened, into=into)
    return run_uint8(partial(_convert_planes, origin.matrix, target.matrix, 1 if gray else 3), opened, into=into)


def _in_rgb(image: object) -> object:
    """A PIL image of inks or Lab with its profile as sRGB, by LittleCMS; whatever else as it is."""
    if isinstance(image, Image.Image) and image.mode in _NOT_RGB and image.info.get("icc_profile"):
        return image_to_srgb(image.copy(), "image")
    return image


def open_profile(source: ProfileSource, subject: str, *, gray: bool) -> Target:
    """Open a profile for gray or for RGB pixels.

    Raises:
        As `convert_profile`.
    """
    if not isinstance(source, (str, os.PathLike, bytes)):
        raise InputTypeError(
            subject, f"one of {', '.join(_NAMES)}, a path or bytes", type(source).__name__, "pass one of these"
        )
    if isinstance(source, bytes):
        profile, name = source, subject
    elif isinstance(source, str) and source in _NAMES:
        profile, name = named_profile(source, gray=gray), subject
    else:
        profile, name = _read(source), name_of(source)
    try:
        space, wanted = icc.color_space(profile), "GRAY" if gray else "RGB"
        if space != wanted:
            raise InputValueError(
                subject,
                f"a profile for {'gray' if gray else 'RGB'}, as the image is",
                f"one for {space}",
                "call gray_to_rgb first" if gray else "pass another one",
            )
        return Target(profile, icc.parse(profile), is_srgb_in_all_but_name(profile, gray=gray))
    except icc.UnusableProfileError as error:
        raise FileFormatError(
            name, "an ICC profile of a matrix, or of gray", str(error), "pass another one", code=error.code
        ) from error


def _read(path: str | os.PathLike[str]) -> bytes:
    if isinstance(path, str) and not os.path.splitext(path)[1] and not os.path.exists(path):
        raise InputValueError("profile", f"one of {', '.join(_NAMES)}, or a path", quoted(path), "pass one of these")
    return read_bytes(path)


def _info(spec: Spec, target: Target) -> dict[str | tuple[int, int], object]:
    kept = {key: value for key, value in spec.info.items() if key != "icc_profile"}
    return kept if target.is_srgb else {**kept, "icc_profile": target.profile}


def _convert_planes(origin: icc.Matrix, target: icc.Matrix, colors: int, *planes: Plane) -> Planes:
    """Planes of codes in their own dtype; what follows the colors is alpha and stays."""
    dtype = planes[0].dtype
    top = np.iinfo(dtype).max if dtype.kind == "u" else 1.0
    codes = np.stack([np.asarray(plane, np.float64) for plane in planes[:colors]], axis=-1) / top
    result = top * icc.from_light(icc.to_light(codes, origin), target)
    if dtype.kind == "u":
        result = np.rint(result)
    return [*np.moveaxis(result.astype(dtype), -1, 0), *planes[colors:]]
