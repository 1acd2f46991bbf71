"""Pictures turned, sheared and seen at an angle."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial
from typing import Annotated, Any, Literal

import numpy as np

from .._check import Within, integer, number, one_of, switch
from .._foreign_names import explain_calls
from .._pixels import ChannelKind, Kernel, Opened, load, run, takes_data
from ..errors import InputTypeError, InputValueError, quoted
from ..types import Color, ImageT
from .filling import parse_fill
from .moving import move_pixels
from .placing import LARGEST, Side
from .sampling import KERNELS, Warp, can_warp_codes, take_nearest, warp_codes, warp_planes
from .turning import Turn

Matrix = tuple[tuple[float, ...], ...]

__all__ = ["check_warp", "rotate", "rotation", "warp_affine", "warp_perspective"]

Method = Literal["nearest", "bilinear", "bicubic"]

Row = tuple[float, float, float]

METHODS = ("nearest", *KERNELS)


@takes_data(lambda options: options.get("method", "bilinear") != "nearest")
@explain_calls
def rotate(
    image: ImageT,
    degrees: Annotated[float, Within(-1e6, 1e6, unit="degrees")],
    *,
    expand: bool = True,
    method: Method = "bilinear",
    fill: Color | None = None,
    bgr: bool = False,
    channels: ChannelKind = "color",
) -> ImageT:
    """Turn an image about its center.

    Args:
        image: any image or batch.
        degrees: how far, counter-clockwise.
        expand: whether the result is as large as the turned picture; else it keeps the size, and corners are cut off.
        method: "bilinear", "bicubic" (a = -0.5) or "nearest".
        fill: the color around the picture; None is transparent where there is alpha, else black.
        bgr: the array or tensor runs B, G, R(, A); `fill` is R, G, B always.
        channels: "data" takes arrays and tensors of any number of channels, none of which is alpha: depth, flow, bands of
            a satellite. Whole numbers that no image has, such as int64 labels, are data always.

    Returns:
        Same kind and dtype. Multiples of 90 degrees move pixels and change none, as `rot90` does, wherever the size
        allows. Else as `warp_affine` warps; the size is Pillow's. Differentiable in torch.

    Raises:
        InputTypeError: not an image, or degrees that are not a number.
        InputValueError: an unknown method, or a fill that the image cannot have.

    Example:
        >>> import numpy as np
        >>> rotate(np.array([[1, 2, 3], [4, 5, 6]], np.uint8), 90).tolist()
        [[3, 6], [2, 5], [1, 4]]
        >>> rotate(np.zeros((20, 30, 3), np.uint8), 45).shape
        (36, 36, 3)
    """
    degrees = number("degrees", degrees, -1e6, 1e6)
    switch("expand", expand)
    one_of("method", method, METHODS)
    opened = load(image, bgr=bgr)
    spec = opened.spec
    color = parse_fill(fill, spec)
    matrix, size = rotation(spec.height, spec.width, degrees=degrees, expand=expand)
    if degrees % 90 == 0 and (expand or degrees % 180 == 0 or spec.height == spec.width):
        return move_pixels(opened, Turn(int(degrees // 90) % 4))
    return _warped(opened, Warp(matrix, size, method), color)


@takes_data(lambda options: options.get("method", "bilinear") != "nearest")
@explain_calls
def warp_affine(
    image: ImageT,
    matrix: tuple[Row, ...],
    *,
    height: Side | None = None,
    width: Side | None = None,
    method: Method = "bilinear",
    antialias: bool = True,
    fill: Color | None = None,
    bgr: bool = False,
    channels: ChannelKind = "color",
) -> ImageT:
    """Warp an image by an affine matrix.

    The first pixel has its center at (0.5, 0.5), as everywhere in aikit. A matrix for OpenCV, which counts from the
    centers, is `T(0.5) @ matrix @ T(-0.5)` here, T(d) being the move by d in x and y.

    Args:
        image: any image or batch.
        matrix: two or three rows of three numbers, which take (x, y, 1) in the image to the result, in pixels; a list,
            an array or a tensor.
        height: of the result, in pixels; the image's where left out.
        width: of the result, in pixels; the image's where left out.
        method: "bilinear", "bicubic" (a = -0.5) or "nearest".
        antialias: where the matrix shrinks, widen the kernel so that every pixel counts. Without it detail aliases.
        fill: the color around the picture; None is transparent where there is alpha, else black.
        bgr: the array or tensor runs B, G, R(, A); `fill` is R, G, B always.
        channels: "data" takes arrays and tensors of any number of channels, none of which is alpha: depth, flow, bands of
            a satellite. Whole numbers that no image has, such as int64 labels, are data always.

    Returns:
        Same kind and dtype. The picture lies on an endless plane of `fill`, with which its outermost half pixel is
        mixed, as in OpenCV. Color is premultiplied while pixels are mixed. Differentiable in torch.

    Raises:
        InputTypeError: not an image, or a matrix that is not one of numbers.
        InputValueError: a matrix that cannot be undone, an unknown method, or a fill that the image cannot have.

    Example:
        >>> import numpy as np
        >>> row = np.array([[0, 100, 200]], np.uint8)
        >>> warp_affine(row, [[1, 0, 0.5], [0, 1, 0]]).tolist()
        [[0, 50, 150]]

    Source: Heckbert, "Fundamentals of Texture Mapping and Image Warping", 1989.
    """
    opened = load(image, bgr=bgr)
    rows, size = check_warp(
        opened.spec.height, opened.spec.width,
        matrix=matrix, height=height, width=width, method=method, antialias=antialias, affine=True,
    )  # fmt: skip
    return _warped(opened, Warp(rows, size, method, antialias), parse_fill(fill, opened.spec))


@takes_data(lambda options: options.get("method", "bilinear") != "nearest")
@explain_calls
def warp_perspective(
    image: ImageT,
    matrix: tuple[Row, ...],
    *,
    height: Side | None = None,
    width: Side | None = None,
    method: Method = "bilinear",
    antialias: bool = True,
    fill: Color | None = None,
    bgr: bool = False,
    channels: ChannelKind = "color",
) -> ImageT:
    """Warp an image by a perspective matrix, a homography.

    Args:
        image: any image or batch.
        matrix: three rows of three numbers, which take (x, y, 1) in the image to (x', y', w) of the result, in pixels; a
            list, an array or a tensor. Nothing is seen where w has another sign than in the
            middle of the picture.
        height: of the result, in pixels; the image's where left out.
        width: of the result, in pixels; the image's where left out.
        method: "bilinear", "bicubic" (a = -0.5) or "nearest".
        antialias: where the matrix shrinks, widen the kernel so that every pixel counts. Without it detail aliases.
        fill: the color around the picture; None is transparent where there is alpha, else black.
        bgr: the array or tensor runs B, G, R(, A); `fill` is R, G, B always.
        channels: "data" takes arrays and tensors of any number of channels, none of which is alpha: depth, flow, bands of
            a satellite. Whole numbers that no image has, such as int64 labels, are data always.

    Returns:
        Same kind and dtype, as `warp_affine` gives them.

    Raises:
        InputTypeError: not an image, or a matrix that is not one of numbers.
        InputValueError: a matrix that cannot be undone, an unknown method, or a fill that the image cannot have.

    Example:
        >>> import numpy as np
        >>> picture = np.full((4, 4), 200, np.uint8)
        >>> warp_perspective(picture, [[1, 0, 1], [0, 1, 0], [0, 0, 1]]).tolist()[0]
        [0, 200, 200, 200]

    Source: Heckbert, "Fundamentals of Texture Mapping and Image Warping", 1989.
    """
    opened = load(image, bgr=bgr)
    rows, size = check_warp(
        opened.spec.height, opened.spec.width,
        matrix=matrix, height=height, width=width, method=method, antialias=antialias, affine=False,
    )  # fmt: skip
    return _warped(opened, Warp(rows, size, method, antialias), parse_fill(fill, opened.spec))


def _warped(opened: Opened[ImageT], warp: Warp, color: list[float]) -> ImageT:
    spec = opened.spec
    warp = replace(warp, in_bytes=spec.dtype in ("uint8", "bool"))
    codes = [round(value * 255) for value in color]
    uint8_kernel: Kernel | None = None
    if warp.method == "nearest":
        uint8_kernel = partial(take_nearest, warp, codes)
    elif can_warp_codes(warp, spec.height, spec.width, spec.channels):
        uint8_kernel = partial(warp_codes, warp, codes)
    return run(partial(warp_planes, warp, color), opened, pointwise=False, uint8_kernel=uint8_kernel)


# ---------------------------------------------------------------- matrices


def rotation(
    old_height: int, old_width: int, *, degrees: float, expand: bool = True, method: object = None, fill: object = None,
    bgr: object = False,
) -> tuple[Matrix, tuple[int, int]]:  # fmt: skip
    """Where the points of a picture of this size go, and the size of the result."""
    cos: float
    sin: float
    if degrees % 90 == 0:
        cos, sin = ((1, 0), (0, 1), (-1, 0), (0, -1))[int(degrees // 90) % 4]
    else:
        cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    height, width = old_height, old_width
    if expand and degrees % 90 == 0:
        height, width = (old_width, old_height) if degrees % 180 else (old_height, old_width)
    elif expand:
        # Pillow's size: whole pixels on either side of the center.
        corners = [(x, y) for x in (-old_width / 2, old_width / 2) for y in (-old_height / 2, old_height / 2)]
        width = _span([round(cos * x + sin * y + old_width / 2, 9) for x, y in corners])
        height = _span([round(-sin * x + cos * y + old_height / 2, 9) for x, y in corners])
    x, y = old_width / 2, old_height / 2
    matrix = (
        (cos, sin, width / 2 - cos * x - sin * y),
        (-sin, cos, height / 2 + sin * x - cos * y),
        (0.0, 0.0, 1.0),
    )
    return matrix, (height, width)


def _span(places: list[float]) -> int:
    return math.ceil(max(places)) - math.floor(min(places))


def check_warp(
    old_height: int,
    old_width: int,
    *,
    matrix: Any,
    affine: bool,
    height: Any = None,
    width: Any = None,
    method: Any = "bilinear",
    antialias: Any = True,
    fill: object = None,
    bgr: object = False,
) -> tuple[Matrix, tuple[int, int]]:
    """The matrix as three rows of three floats, and the size of the result."""
    one_of("method", method, METHODS)
    switch("antialias", antialias)
    rows = check_matrix(matrix, affine)
    size = (
        old_height if height is None else integer("height", height),
        old_width if width is None else integer("width", width),
    )
    if max(size) > LARGEST:
        raise InputValueError("size", f"at most {LARGEST} pixels a side", f"{size[0]}x{size[1]}", "pass less")
    return rows, size


def check_matrix(matrix: Any, affine: bool) -> Matrix:
    """A matrix as three rows of three floats, if it can be undone."""
    expected = "2 or 3 rows of 3 numbers" if affine else "3 rows of 3 numbers"
    if hasattr(matrix, "detach"):
        matrix = matrix.detach().cpu()
    try:
        rows = np.asarray(matrix, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputTypeError("matrix", expected, quoted(matrix), "pass a list, an array or a tensor") from error
    if affine and rows.shape == (2, 3):
        rows = np.vstack([rows, (0, 0, 1)])
    if rows.shape != (3, 3):
        got = f"shape {rows.shape}" if rows.size else quoted(matrix)
        raise InputValueError("matrix", expected, got, "pass one row after the other")
    if not np.isfinite(rows).all():
        raise InputValueError("matrix", "finite numbers", quoted(rows.tolist()), "check how it was computed")
    if affine and rows[2].tolist() != [0, 0, 1]:
        raise InputValueError("matrix", "0, 0, 1 as the last row", quoted(rows[2].tolist()), "take warp_perspective")
    # Relative to its size: a matrix of a tiny scale can be undone too.
    if abs(np.linalg.det(rows)) <= 1e-12 * np.abs(rows).max() ** 3 * 1e-6:
        raise InputValueError("matrix", "one that can be undone", quoted(rows.tolist()), "check how it was computed")
    return tuple(tuple(map(float, row)) for row in rows)
