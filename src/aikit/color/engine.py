"""Formulas on images: which planes are color, what dtype comes out, which PIL mode holds it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache, partial
from numbers import Real
from typing import TYPE_CHECKING

from .._check import one_of, switch
from .._pixels import (
    CHANNEL_NAMES,
    Kernel,
    Namespace,
    Opened,
    Plane,
    Planes,
    Spec,
    adapter,
    kind_of,
    load,
    rescale,
    run,
)
from ..errors import InputTypeError, InputValueError, quoted
from ..types import DTypeLike, ImageT
from . import interleaved
from .table import (
    SPACES,
    STANDARDS,
    Encoding,
    Formula,
    Options,
    Range,
    Standard,
    Weights,
    check_channels,
    levels,
    path,
)

if TYPE_CHECKING:
    from .._pixels.kinds import Array

# Where blue first is an order; the planes of the other spaces have only one.
_ORDERED = ("rgb", "linear_rgb")

# Spaces all of whose planes are from 0 to 1, so that they may come in another range.
_RANGED = ("rgb", "linear_rgb", "gray", "cmyk")


def convert(
    image: ImageT,
    src: str,
    dst: str,
    *,
    weights: Weights = "bt601",
    standard: Standard = "bt601",
    range: Range = "full",
    dtype: DTypeLike | None = None,
    encoding: Encoding | None = None,
    bgr: bool = False,
    value_range: tuple[float, float] | None = None,
) -> ImageT:
    """Convert an image from one space to another: every public function of `color` comes here."""
    one_of("src", src, SPACES)
    one_of("dst", dst, SPACES)
    if encoding is not None:
        from .opencv import check_options, convert_uint8

        check_options(weights=weights, standard=standard, range=range, dtype=dtype, value_range=value_range)
        return convert_uint8(image, src, dst, encoding, bgr)
    check_standard(standard, range)
    opened = open_in(image, src, bgr, ranged=value_range is not None)
    value_range = check_range(value_range, opened.spec, src)
    into = result_spec(opened.spec, src, dst, dtype, bgr)
    if "YCbCr" in (opened.spec.mode, into.mode) and (standard, range) != ("bt601", "full"):
        raise InputValueError(
            "image",
            f"an array or a tensor for {standard} {range} ycbcr",
            "a PIL image, whose YCbCr is always bt601 and full",
            "call to_numpy first",
        )
    limited = range == "limited"
    options = Options(
        _weights(weights), standard, levels(opened.spec.dtype, limited=limited), levels(into.dtype, limited=limited)
    )
    formulas = path(src, dst)
    if src == dst == "ycbcr" and options.source != options.target:
        formulas = [formula for formula in (SPACES[src].up, SPACES[src].down) if formula]  # chroma zero moves
    kernel: Kernel = partial(_apply, formulas, options, SPACES[src].planes, (opened.spec.mode, into.mode))
    if value_range is not None:
        kernel = partial(apply_ranged, kernel, value_range)
    from_table = opened.spec.dtype == "uint8" and formulas[:1] == [SPACES["linear_rgb"].down]
    return run(
        kernel,
        opened,
        uint8_kernel=partial(_apply_from_table, formulas, options) if from_table else None,
        interleaved=None if value_range else interleaved.fast_path(opened.spec, into, src, dst, formulas, options),
        into=into,
        gamut=src not in _RANGED,
    )


def _apply(
    formulas: list[Formula],
    options: Options,
    count: int,
    modes: tuple[str | None, str | None],
    xp: Namespace,
    *planes: Plane,
) -> Planes:
    """Go the whole way from space to space; alpha waits beside it."""
    color: Sequence[Plane] = planes[:count]
    if modes[0] == "HSV":  # PIL keeps hue as a code from 0 to 255
        color = [color[0] * 360, *color[1:]]
    for formula in formulas:
        color = formula(xp, color, options)
    if modes[1] == "HSV":
        color = [color[0] / 360, *color[1:]]
    return [*color, *planes[count:]]


def apply_ranged(kernel: Kernel, value_range: tuple[float, float], xp: Namespace, *planes: Plane) -> Sequence[Plane]:
    """Go the same way from planes of another range."""
    return kernel(xp, *(rescale(plane, value_range) for plane in planes))


def check_range(value_range: object, spec: Spec, src: str) -> tuple[float, float] | None:
    """Read a range that an image of a space may come in; None where none was given."""
    from ..convert import check_value_range

    if value_range is None:
        return None
    if src not in _RANGED:
        raise InputValueError(
            "value_range", f"None for {src}, which has units of its own", quoted(value_range), "leave it out"
        )
    return check_value_range(value_range, spec)


def _apply_from_table(formulas: list[Formula], options: Options, *planes: Plane) -> Planes:
    """Go from 8-bit RGB through light, which a table gives."""
    import cv2

    from .._adapters import numpy as arrays

    color = [cv2.LUT(plane, _light_of_codes()) for plane in planes[:3]]
    alpha = [arrays.widen(plane) for plane in planes[3:]]
    return _apply(formulas[1:], options, 3, (None, None), arrays.namespace, *color, *alpha)


# The curve looks at none of them.
_CURVE = Options((0.0, 1.0, 0.0), "bt709", levels("uint8", limited=False), levels("uint8", limited=False))


@lru_cache(maxsize=1)
def _light_of_codes() -> Array:
    import numpy as np

    from .._adapters import numpy as arrays

    (decode,) = path("rgb", "linear_rgb")
    light: Array = decode(arrays.namespace, [np.arange(256) / 255], _CURVE)[0].astype(np.float32)
    return light


def check_standard(standard: object, range: object) -> None:
    """Refuse unknown standards and ranges of Y'CbCr."""
    one_of("standard", standard, STANDARDS)
    one_of("range", range, ("full", "limited"))


def _weights(weights: object) -> tuple[float, float, float]:
    if isinstance(weights, str) and weights in STANDARDS:
        red, blue = STANDARDS[weights]
        return red, 1 - red - blue, blue
    numbers = weights if isinstance(weights, (tuple, list)) else ()
    valid = [float(value) for value in numbers if isinstance(value, Real) and math.isfinite(value)]
    if len(valid) != 3 or len(numbers) != 3:
        raise InputValueError(
            "weights", f"{', '.join(STANDARDS)} or three numbers", quoted(weights), "pass one of these"
        )
    return valid[0], valid[1], valid[2]


def open_in(image: ImageT, src: str, bgr: bool, *, ranged: bool = False) -> Opened[ImageT]:
    """Open an image whose channels are those of a space, and see that they can be."""
    switch("bgr", bgr)
    space = SPACES[src]
    has_modes = adapter(kind_of(image)).has_modes
    if has_modes and space.mode is None:
        raise InputValueError("src", "a space that PIL has a mode for", quoted(src), "call to_numpy first")
    mode = space.mode if has_modes and src not in ("rgb", "gray") else None
    # PIL refuses bgr itself, whatever the space.
    opened = load(image, bgr=bgr and (has_modes or src in _ORDERED), ranged=ranged, mode=mode)
    spec = opened.spec
    check_channels(spec, src)
    if not space.codes and mode is None and not spec.dtype.startswith(("float", "bfloat")):
        advice = 'pass encoding="cv2"' if spec.dtype == "uint8" else "convert the values yourself"
        raise InputTypeError(
            "image",
            f"floats for {src}, which has units of its own",
            spec.dtype,
            f"if these are OpenCV's 8-bit codes {advice}",
        )
    return opened


def result_spec(spec: Spec, src: str, dst: str, dtype: DTypeLike | None, bgr: bool) -> Spec:
    """Decide what comes out: natural units are floats, codes keep their depth, PIL has a few modes only."""
    space = SPACES[dst]
    if dst == "cmyk" and src != "cmyk" and spec.channels == SPACES[src].planes + 1:
        raise InputValueError("image", "no alpha channel for cmyk", CHANNEL_NAMES[spec.channels], "call flatten first")
    if adapter(spec.kind).has_modes:
        return _pil_spec(spec, src, dst, dtype)
    wanted = _dtype(dtype, spec.kind)
    if wanted is None:
        floats = not space.codes or not SPACES[src].codes
        wanted = "float32" if floats and spec.dtype in ("bool", "uint8", "uint16") else spec.dtype
    elif not space.codes and not wanted.startswith(("float", "bfloat")):
        raise InputValueError(
            "dtype",
            f"a float dtype for {dst}, which has units of its own",
            quoted(wanted),
            'for OpenCV\'s 8-bit codes pass encoding="cv2"',
        )
    return replace(spec, dtype=wanted, bgr=bgr and dst in _ORDERED, mode=None)


def _pil_spec(spec: Spec, src: str, dst: str, dtype: DTypeLike | None) -> Spec:
    space = SPACES[dst]
    alpha = spec.channels == SPACES[src].planes + 1
    if space.mode is None or (alpha and dst not in ("rgb", "gray")):
        what = f"{dst} with alpha" if space.mode else dst
        raise InputValueError("dst", "a space that PIL has a mode for", what, "call to_numpy first")
    name = _dtype(dtype, spec.kind)
    if name not in (None, "uint8"):
        raise InputValueError("dtype", 'None or "uint8" for a PIL image', quoted(dtype), "call to_numpy first")
    keeps_depth = name is None and dst == "gray"
    mode = None if dst in ("rgb", "gray") else space.mode
    info = dict(spec.info)
    if mode == "CMYK" and src != "cmyk":
        info.pop("icc_profile", None)  # it describes RGB
    return replace(spec, dtype=spec.dtype if keeps_depth else "uint8", mode=mode, info=info)


def _dtype(dtype: DTypeLike | None, kind: str) -> str | None:
    from ..convert import dtype_name

    return dtype_name(dtype, adapter(kind).result_dtypes, None)
