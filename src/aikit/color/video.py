"""Video frames: 8-bit Y'CbCr with one chroma sample for four of luma, I420 and NV12 (ITU-T H.273).

Chroma lies where MPEG-2, H.264 and HEVC put it by default (H.273, ChromaLocType 0): horizontally on the left luma sample
of each pair, vertically midway between the two rows.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Literal

from .._check import switch
from .._foreign_names import explain_calls
from .._pixels import CHANNEL_NAMES, Kernel, Namespace, Opened, Plane, Planes, adapter, kind_of, load, run
from ..errors import InputTypeError, InputValueError
from ..types import ImageT
from .engine import apply_ranged, check_range, check_standard
from .table import Options, Range, Standard, levels
from .ycbcr import from_ycbcr, to_ycbcr

__all__ = ["i420_to_rgb", "nv12_to_rgb", "rgb_to_i420", "rgb_to_nv12"]

Layout = Literal["i420", "nv12"]


@explain_calls
def i420_to_rgb(image: ImageT, *, standard: Standard, range: Range, bgr: bool = False) -> ImageT:
    """Convert I420 video frames to RGB.

    A frame does not say what its numbers mean, so the caller has to: HD video is usually bt709 and limited, SD video
    bt601 and limited, webcams (MJPEG) bt601 and full. Chroma is interpolated linearly, with left siting.

    Args:
        image: uint8, an array (H * 3/2, W) as OpenCV has it or a tensor (..., 1, H * 3/2, W): the rows of Y', then
            all of Cb and all of Cr, each with half the height and half the width. Batches of arrays are
            (..., H * 3/2, W, 1).
        standard: "bt601", "bt709" or "bt2020".
        range: "limited" (black at 16, white at 235) or "full".
        bgr: the result shall run B, G, R.

    Returns:
        Same kind, uint8: an array (H, W, 3) or a tensor (..., 3, H, W).

    Raises:
        InputTypeError: not an array or a tensor, or not uint8.
        InputValueError: no such frame, standard or range.

    Example:
        >>> import numpy as np
        >>> frame = np.array([[81, 81], [81, 81], [90, 240]], np.uint8)
        >>> i420_to_rgb(frame, standard="bt601", range="limited")[0].tolist()
        [[254, 0, 0], [254, 0, 0]]

    Source: ITU-T H.273.
    """
    return _from_frames(image, "i420", standard, range, bgr)


@explain_calls
def nv12_to_rgb(image: ImageT, *, standard: Standard, range: Range, bgr: bool = False) -> ImageT:
    """Convert NV12 video frames to RGB.

    As i420_to_rgb, for the layout in which hardware decoders deliver frames.

    Args:
        image: uint8, an array (H * 3/2, W) as OpenCV has it or a tensor (..., 1, H * 3/2, W): the rows of Y', then
            H/2 rows of Cb and Cr in turn. Batches of arrays are (..., H * 3/2, W, 1).
        standard: "bt601", "bt709" or "bt2020".
        range: "limited" (black at 16, white at 235) or "full".
        bgr: the result shall run B, G, R.

    Returns:
        Same kind, uint8: an array (H, W, 3) or a tensor (..., 3, H, W).

    Raises:
        InputTypeError: not an array or a tensor, or not uint8.
        InputValueError: no such frame, standard or range.

    Example:
        >>> import numpy as np
        >>> frame = np.array([[235, 235], [16, 16], [128, 128]], np.uint8)
        >>> nv12_to_rgb(frame, standard="bt709", range="limited")[:, 0].tolist()
        [[255, 255, 255], [0, 0, 0]]

    Source: ITU-T H.273.
    """
    return _from_frames(image, "nv12", standard, range, bgr)


@explain_calls
def rgb_to_i420(
    image: ImageT,
    *,
    standard: Standard,
    range: Range,
    bgr: bool = False,
    value_range: tuple[float, float] | None = None,
) -> ImageT:
    """Convert RGB to I420 video frames.

    Chroma is filtered by 1 2 1 along the rows and averaged over the two rows, with left siting.

    Args:
        image: RGB, an array or a tensor of any dtype, of even height and width; batches allowed.
        standard: "bt601", "bt709" or "bt2020".
        range: "limited" (black at 16, white at 235) or "full".
        bgr: the image runs B, G, R.
        value_range: (low, high) of float values that are not in [0, 1].

    Returns:
        Same kind, uint8: an array (H * 3/2, W), of a batch (..., H * 3/2, W, 1), or a tensor (..., 1, H * 3/2, W).

    Raises:
        InputTypeError: not an array or a tensor.
        InputValueError: not RGB, an odd size, or no such standard or range.

    Example:
        >>> import numpy as np
        >>> red = np.full((2, 2, 3), (255, 0, 0), np.uint8)
        >>> rgb_to_i420(red, standard="bt601", range="limited").tolist()
        [[81, 81], [81, 81], [90, 240]]

    Source: ITU-T H.273.
    """
    return _to_frames(image, "i420", standard, range, bgr, value_range)


@explain_calls
def rgb_to_nv12(
    image: ImageT,
    *,
    standard: Standard,
    range: Range,
    bgr: bool = False,
    value_range: tuple[float, float] | None = None,
) -> ImageT:
    """Convert RGB to NV12 video frames.

    As rgb_to_i420, for the layout that hardware encoders take.

    Args:
        image: RGB, an array or a tensor of any dtype, of even height and width; batches allowed.
        standard: "bt601", "bt709" or "bt2020".
        range: "limited" (black at 16, white at 235) or "full".
        bgr: the image runs B, G, R.
        value_range: (low, high) of float values that are not in [0, 1].

    Returns:
        Same kind, uint8: an array (H * 3/2, W), of a batch (..., H * 3/2, W, 1), or a tensor (..., 1, H * 3/2, W).

    Raises:
        InputTypeError: not an array or a tensor.
        InputValueError: not RGB, an odd size, or no such standard or range.

    Example:
        >>> import numpy as np
        >>> red = np.full((2, 2, 3), (255, 0, 0), np.uint8)
        >>> rgb_to_nv12(red, standard="bt601", range="limited").tolist()
        [[81, 81], [81, 81], [90, 240]]

    Source: ITU-T H.273.
    """
    return _to_frames(image, "nv12", standard, range, bgr, value_range)


# ---------------------------------------------------------------- frames to pictures


def _from_frames(image: ImageT, layout: Layout, standard: str, range: str, bgr: bool) -> ImageT:
    options = _options(standard, range)
    switch("bgr", bgr)
    opened = _open(image, bgr=False)
    spec = opened.spec
    if spec.dtype != "uint8":
        raise InputTypeError("image", "uint8 frames", spec.dtype, "convert the codes yourself")
    if spec.channels != 1 or spec.height % 3 or spec.width % 2:
        raise InputValueError(
            "image",
            "a frame of H * 3/2 rows, even H and even width, in one channel",
            f"{spec.height}x{spec.width} (height x width) with {spec.channels}",
            "pass the frame as OpenCV has it",
        )
    kernel = partial(_decode, layout, options)
    return run(kernel, opened, pointwise=False, into=replace(spec, bgr=bgr))


def _decode(layout: Layout, options: Options, xp: Namespace, frame: Plane) -> Planes:
    height, width = frame.shape[-2] * 2 // 3, frame.shape[-1]
    half = (*frame.shape[:-2], height // 2, width // 2)
    rest = frame[..., height:, :]
    if layout == "i420":
        both = rest.reshape(*half[:-2], 2, *half[-2:])
        chroma = both[..., 0, :, :], both[..., 1, :, :]
    else:
        both = rest.reshape(*half, 2)
        chroma = both[..., 0], both[..., 1]
    wide = [_double_columns(xp, _double_rows(xp, plane)) for plane in chroma]
    return from_ycbcr(xp, [frame[..., :height, :], *wide], options)


def _double_rows(xp: Namespace, plane: Plane) -> Plane:
    """Twice the rows: each lies a quarter of the distance away from its chroma row."""
    above = xp.concatenate([plane[..., :1, :], plane[..., :-1, :]], -2)
    below = xp.concatenate([plane[..., 1:, :], plane[..., -1:, :]], -2)
    near = plane * 0.75
    return _interleave_planes(xp, near + above * 0.25, near + below * 0.25, -2)


def _double_columns(xp: Namespace, plane: Plane) -> Plane:
    """Twice the columns: even ones lie on the chroma samples, odd ones midway."""
    right = xp.concatenate([plane[..., 1:], plane[..., -1:]], -1)
    return _interleave_planes(xp, plane, (plane + right) * 0.5, -1)


def _interleave_planes(xp: Namespace, even: Plane, odd: Plane, axis: int) -> Plane:
    """Interleave rows (axis -2) or columns (axis -1) of two planes in turn."""
    *batch, height, width = even.shape
    shape = (height * 2, width) if axis == -2 else (height, width * 2)
    return xp.stack([even, odd], axis).reshape(*batch, *shape)


# ---------------------------------------------------------------- pictures to frames


def _to_frames(image: ImageT, layout: Layout, standard: str, range: str, bgr: bool, value_range: object) -> ImageT:
    options = _options(standard, range)
    opened = _open(image, bgr=bgr)
    spec = opened.spec
    if spec.channels != 3:
        remedy = "flatten" if spec.channels == 4 else "gray_to_rgb"
        raise InputValueError("image", "RGB", CHANNEL_NAMES[spec.channels], f"call {remedy} first")
    if spec.height % 2 or spec.width % 2:
        raise InputValueError(
            "image", "even height and width", f"{spec.height}x{spec.width} (height x width)", "crop or pad it"
        )
    kernel: Kernel = partial(_encode, layout, options)
    wanted = check_range(value_range, spec, "rgb")
    if wanted is not None:
        kernel = partial(apply_ranged, kernel, wanted)
    return run(kernel, opened, pointwise=False, into=replace(spec, dtype="uint8", bgr=False))


def _encode(layout: Layout, options: Options, xp: Namespace, *planes: Plane) -> Planes:
    luma, *chroma = to_ycbcr(xp, planes, options)
    small = [_halve_columns(xp, (plane[..., ::2, :] + plane[..., 1::2, :]) * 0.5) for plane in chroma]
    both = xp.stack(small, -3 if layout == "i420" else -1)
    *batch, height, width = luma.shape
    return [xp.concatenate([luma, both.reshape(*batch, height // 2, width)], -2)]


def _halve_columns(xp: Namespace, plane: Plane) -> Plane:
    """Every other column, filtered by 1 2 1."""
    even, odd = plane[..., ::2], plane[..., 1::2]
    left = xp.concatenate([even[..., :1], odd[..., :-1]], -1)
    return even * 0.5 + (left + odd) * 0.25


# ---------------------------------------------------------------- both ways


def _options(standard: str, range: str) -> Options:
    check_standard(standard, range)
    shares = levels("uint8", limited=range == "limited")
    return Options((0.0, 0.0, 0.0), standard, shares, shares)


def _open(image: ImageT, *, bgr: bool) -> Opened[ImageT]:
    if adapter(kind_of(image)).has_modes:
        raise InputTypeError("image", "an array or a tensor", "a PIL image", "call to_numpy first")
    return load(image, bgr=bgr)
