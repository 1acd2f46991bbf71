"""Another size: how many pixels, by which kernel."""

from __future__ import annotations

import math
from functools import partial
from numbers import Real
from typing import Any, Literal

from .._arguments import one_of, switch, whole
from .._foreign_names import explain_calls
from .._pixels import TOP, Opened, Planes, Spec, load, run
from ..errors import InputTypeError, InputValueError, quoted
from ..types import ImageT
from .codes import codes_twin
from .passes import KERNELS, Resizing, premultiplied, two_passes

__all__ = ["resize"]

Method = Literal["nearest", "bilinear", "bicubic", "lanczos", "area"]

METHODS = ("nearest", *KERNELS)

# What Pillow and torch count pixels with.
_LARGEST = 2**31 - 1


@explain_calls
def resize(
    image: ImageT,
    *,
    height: int | None = None,
    width: int | None = None,
    scale: float | None = None,
    method: Method = "lanczos",
    antialias: bool = True,
    linear: bool = False,
) -> ImageT:
    """Resize an image.

    Args:
        image: any image or batch.
        height: the new height in pixels; without `width` the aspect is kept.
        width: the new width in pixels; without `height` the aspect is kept.
        scale: instead of these, the ratio of output size to input size.
        method: "nearest", "bilinear", "bicubic" (a = -0.5), "lanczos" (a = 3) or "area" (the mean of what a pixel
            covers).
        antialias: when shrinking, widen the kernel so that every input pixel counts. Without it detail aliases.
        linear: mix light instead of sRGB codes: fine detail keeps its brightness.

    Returns:
        Same kind and dtype, `max(1, floor(size * scale + 0.5))` pixels a side. 8-bit results are within one code
        of Pillow 13's for opaque images, and NumPy's and PIL's are the same bits. Integers are clamped after each
        pass, floats never, so that sharp kernels can leave [0, 1]. Colors are 0 where alpha is below 1/65535, unless no pixels
        are mixed: "nearest" and the same size copy them. Differentiable in torch, once.

    Raises:
        InputTypeError: not an image, or sizes that are not numbers.
        InputValueError: no size or too many of them, a size below 1 or above 2^31 - 1, or an unknown method.

    Example:
        >>> import numpy as np
        >>> resize(np.zeros((40, 60, 3), np.uint8), width=30).shape
        (20, 30, 3)

    Source: Keys 1981 (bicubic); Duchon, "Lanczos filtering in one and two dimensions", 1979.
    """
    one_of("method", method, METHODS)
    switch("antialias", antialias)
    switch("linear", linear)
    opened = load(image)
    how = Resizing(new_size(opened.spec, height, width, scale), method, antialias)
    return resized(opened, how, linear=linear)  # type: ignore[no-any-return]


def scaled(side: int, scale: float) -> int:
    """A side times a scale, rounded half up, at least one pixel."""
    return max(1, math.floor(side * scale + 0.5))


def sides(height: Any, width: Any) -> tuple[int | None, int | None]:
    """Both sides as whole numbers of pixels, None where one is left out."""
    return None if height is None else whole("height", height), None if width is None else whole("width", width)


def new_size(spec: Spec, height: Any, width: Any, scale: Any) -> tuple[int, int]:
    """The new (height, width)."""
    if (scale is None) == (height is None and width is None):
        got = "none of them" if scale is None else "both"
        raise InputValueError("scale", "either scale or height and width", got, "pass one or the other")
    if scale is not None:
        if isinstance(scale, bool) or not isinstance(scale, Real):
            raise InputTypeError("scale", "a number", quoted(scale), "for two sides pass height and width")
        if not 0 < float(scale) < math.inf:
            raise InputValueError("scale", "a positive number", quoted(scale), "pass for instance 0.5")
        height, width = scaled(spec.height, float(scale)), scaled(spec.width, float(scale))
    else:
        height, width = sides(height, width)
        height = scaled(spec.height, width / spec.width) if height is None else height
        width = scaled(spec.width, height / spec.height) if width is None else width
    if max(height, width) > _LARGEST:
        raise InputValueError("size", f"at most {_LARGEST} pixels a side", f"{height}x{width}", "pass less")
    return height, width


def is_integer(spec: Spec) -> bool:
    """Whether an image holds codes, which cannot overshoot."""
    return spec.dtype in TOP or spec.dtype == "bool"


def resized(opened: Opened[Any], how: Resizing, *, linear: bool = False) -> Any:
    """An image in another size."""
    spec = opened.spec
    old = spec.height, spec.width
    mixes = how.method != "nearest" and how.size != old
    how = Resizing(how.size, how.method, how.antialias, is_integer(spec))
    as_in_pillow = how.antialias or all(new >= was for new, was in zip(how.size, old, strict=True))
    if mixes and as_in_pillow and not linear and not spec.has_alpha and spec.dtype == "uint8":
        codes = codes_twin(opened, how)
        if codes is not None:
            return codes
    return run(
        partial(_resize, how, linear, mixes),
        opened,
        pointwise=False,
        uint8_kernel=None if mixes else partial(_moved, how),
    )


def _resize(how: Resizing, linear: bool, mixes: bool, xp: Any, *planes: Any) -> Planes:
    if not mixes:
        return [two_passes(xp, plane, how) for plane in planes]
    return premultiplied(xp, planes, lambda plane: two_passes(xp, plane, how), linear=linear)


def _moved(how: Resizing, *planes: Any) -> Planes:
    """Codes that no other codes are mixed with."""
    import numpy as np

    return [two_passes(np, plane, Resizing(how.size, how.method)) for plane in planes]
