"""CMYK: four inks, without a profile or through one."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from io import BytesIO
from typing import TYPE_CHECKING

from .._foreign_names import explain_calls
from .._io import read_bytes
from .._pixels import Namespace, Plane, Planes, run_uint8
from ..errors import FileFormatError, InputTypeError, InputValueError, quoted
from ..types import DTypeLike, ImageT
from .engine import convert, open_in, result_spec
from .hue import NOTHING
from .table import SPACES, Options, Space

if TYPE_CHECKING:
    from PIL import ImageCms

__all__ = ["cmyk_to_rgb", "rgb_to_cmyk"]


def _to_cmyk(xp: Namespace, planes: Sequence[Plane], options: Options) -> Planes:
    """Each ink is the complement of a light, and what all three share is black."""
    red, green, blue = planes
    light = xp.maximum(xp.maximum(red, green), blue)
    lit = light > NOTHING
    scale = xp.where(lit, 1 / xp.where(lit, light, 1.0), 0.0)
    return [*(xp.where(lit, (light - plane) * scale, 0.0) for plane in planes), 1 - light]


def _from_cmyk(xp: Namespace, planes: Sequence[Plane], options: Options) -> Planes:
    *inks, black = planes
    return [(1 - ink) * (1 - black) for ink in inks]


SPACES["cmyk"] = Space("rgb", up=_from_cmyk, down=_to_cmyk, planes=4, codes=True, mode="CMYK")

Profile = str | os.PathLike[str] | bytes


@explain_calls
def rgb_to_cmyk(
    image: ImageT, *, profile: Profile | None = None, bgr: bool = False, value_range: tuple[float, float] | None = None
) -> ImageT:
    """Convert RGB to CMYK, naively or for the press that an ICC profile describes.

    Args:
        image: RGB without alpha, any kind, batches allowed; 8 bit where a profile is given.
        profile: path or bytes of a CMYK ICC profile; None takes the complement of each light and the common part
            as black, which no press prints as it looks.
        bgr: the array or tensor runs B, G, R.
        value_range: (low, high) of float values that are not in [0, 1], alpha's among them.

    Returns:
        Same kind and dtype, four planes: cyan, magenta, yellow, black; 0 is no ink, 1 or the largest code all of it.
        A PIL image has mode CMYK, and carries the profile that was given.

    Raises:
        InputTypeError: not an image, or not 8 bit with a profile.
        InputValueError: not RGB, or with alpha: call flatten first.
        FileFormatError: the profile is not one for CMYK.
        FileAccessError: the profile cannot be read.

    Example:
        >>> import numpy as np
        >>> rgb_to_cmyk(np.array([[[255, 128, 0]]], np.uint8)).tolist()
        [[[0, 127, 255, 0]]]

    Source: the naive formula as in PostScript Language Reference, 7.2.3, with full undercolor removal; ICC.1:2022.
    """
    if profile is None:
        return convert(image, "rgb", "cmyk", bgr=bgr, value_range=value_range)
    _refuse_range(value_range)
    return _convert_by_profile(image, "rgb", "cmyk", profile, None, bgr)


@explain_calls
def cmyk_to_rgb(
    image: ImageT,
    *,
    profile: Profile | None = None,
    dtype: DTypeLike | None = None,
    bgr: bool = False,
    value_range: tuple[float, float] | None = None,
) -> ImageT:
    """Convert CMYK to RGB, naively or as an ICC profile describes the inks.

    Args:
        image: four planes, cyan, magenta, yellow, black, 0 no ink; or a PIL image of mode CMYK.
        profile: path or bytes of the image's CMYK ICC profile; None takes ideal inks.
        dtype: of the result; None keeps the image's.
        bgr: the result shall run B, G, R.
        value_range: (low, high) of float values that are not in [0, 1], alpha's among them.

    Returns:
        Same kind, RGB.

    Raises:
        InputTypeError: not an image, or not 8 bit with a profile.
        InputValueError: not four planes.
        FileFormatError: the profile is not one for CMYK.
        FileAccessError: the profile cannot be read.

    Example:
        >>> import numpy as np
        >>> cmyk_to_rgb(np.array([[[0, 127, 255, 0]]], np.uint8)).tolist()
        [[[255, 128, 0]]]

    Source: the naive formula as in PostScript Language Reference, 7.2.4; ICC.1:2022.
    """
    if profile is None:
        return convert(image, "cmyk", "rgb", dtype=dtype, bgr=bgr, value_range=value_range)
    _refuse_range(value_range)
    return _convert_by_profile(image, "cmyk", "rgb", profile, dtype, bgr)


# ---------------------------------------------------------------- through a profile


def _refuse_range(value_range: object) -> None:
    if value_range is not None:
        raise InputValueError(
            "value_range", "None with a profile, which takes 8-bit codes", quoted(value_range), "call to_numpy first"
        )


def _convert_by_profile(
    image: ImageT, src: str, dst: str, profile: Profile, dtype: DTypeLike | None, bgr: bool
) -> ImageT:
    """Convert 8-bit codes by LittleCMS, as Pillow carries it."""
    opened = open_in(image, src, bgr)
    spec = opened.spec
    into = result_spec(spec, src, dst, dtype, bgr)
    if spec.dtype != "uint8":
        raise InputTypeError("image", "uint8 with a profile", spec.dtype, 'call to_numpy(image, dtype="uint8")')
    if spec.channels != SPACES[src].planes:
        raise InputValueError("image", "no alpha channel with a profile", f"one beside {src}", "call flatten first")
    press = _read(profile)
    if into.mode == "CMYK":
        into = replace(into, info={**into.info, "icc_profile": press})
    return run_uint8(partial(_apply_profile, _transform(press, src), dst), opened, into=into)


def _read(profile: Profile) -> bytes:
    if not isinstance(profile, (str, os.PathLike, bytes)):
        raise InputTypeError("profile", "a path or bytes", type(profile).__name__, "pass one of these")
    return profile if isinstance(profile, bytes) else read_bytes(profile)


def _transform(profile: bytes, src: str) -> ImageCms.ImageCmsTransform:
    from PIL import ImageCms

    try:
        press = ImageCms.ImageCmsProfile(BytesIO(profile))
        screen = ImageCms.createProfile("sRGB")
        intent, flags = ImageCms.Intent.RELATIVE_COLORIMETRIC, ImageCms.Flags.BLACKPOINTCOMPENSATION
        if src == "cmyk":
            return ImageCms.buildTransform(press, screen, "CMYK", "RGB", intent, flags)
        return ImageCms.buildTransform(screen, press, "RGB", "CMYK", intent, flags)
    except (ImageCms.PyCMSError, OSError) as error:
        raise FileFormatError(
            "profile",
            f"an ICC profile that has CMYK {'to' if src == 'cmyk' else 'from'} color",
            f"{len(profile)} bytes that have not ({error})",
            "pass another one",
        ) from error


def _apply_profile(transform: ImageCms.ImageCmsTransform, dst: str, *planes: Plane) -> Planes:
    import numpy as np
    from PIL import Image, ImageCms

    mode = "CMYK" if dst == "rgb" else "RGB"
    picture = Image.merge(mode, [Image.fromarray(np.ascontiguousarray(plane)) for plane in planes])
    converted = ImageCms.applyTransform(picture, transform)
    assert converted is not None  # only in place it returns nothing
    return [np.asarray(band) for band in converted.split()]
