"""NumPy arrays: channels last, RGB unless the caller says `bgr=True`."""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np

from .._pixels.contracts import Opened, PixelSource, PixelTarget, adapter
from .._pixels.kinds import TOP, Planes, Spec
from .._pixels.outliers import Outliers
from .._pixels.values import check_bounds, check_exact, no_number, out_of_range, quantize, rescale
from ..errors import InputTypeError, InputValueError
from ..types import AnyImage
from .fast_numpy import FastNumPy
from .raw import describe_array, describe_array_memory

Array = np.ndarray[Any, Any]
DType = np.dtype[Any]

namespace = FastNumPy()

has_modes = False
on_accelerators = False
channels_at = -1

describe_raw, describe_memory = describe_array, describe_array_memory

DTYPES = ("bool", "uint8", "uint16", "float16", "float32", "float64")

result_dtypes = ("uint8", "uint16", "float16", "float32", "float64")

_FLOAT32 = np.dtype(np.float32)
_TOPS = {np.dtype(name): top for name, top in TOP.items()}

# What OpenCV's split and merge take; everything else goes through strided copies.
_OPENCV_DTYPES = (np.dtype(np.uint8), np.dtype(np.uint16), np.dtype(np.float32), np.dtype(np.float64))

# (channels in, channels out, orders differ) -> OpenCV's code for the same change, in one pass instead of two.
# Four channels to or from three: Pillow keeps RGB in four bytes.
_REORDER = {
    (3, 3, True): cv2.COLOR_BGR2RGB,
    (4, 4, True): cv2.COLOR_BGRA2RGBA,
    (4, 3, False): cv2.COLOR_RGBA2RGB,
    (4, 3, True): cv2.COLOR_RGBA2BGR,
    (3, 4, False): cv2.COLOR_RGB2RGBA,
    (3, 4, True): cv2.COLOR_BGR2RGBA,
}


# NumPy puts the name together each time, in Python.
_NAMES = {np.dtype(name): name for name in DTYPES}


def name_of(dtype: DType) -> str:
    """The name of a dtype, whatever the order of its bytes."""
    return _NAMES.get(dtype) or dtype.name


def check(image: Array, layout: str) -> tuple[Array, bool]:
    """Give the array as (..., H, W, C) or, for layout "CHW", (..., C, H, W); and whether the channel axis was added."""
    if isinstance(image, np.ma.MaskedArray):
        raise InputTypeError(
            "image",
            "a plain array",
            "a masked array, whose mask would be lost",
            "call image.filled(value), or put the mask into an alpha channel with merge_alpha",
        )
    array = np.asarray(image)
    if name_of(array.dtype) not in DTYPES:
        raise InputTypeError(
            "image",
            f"dtype {', '.join(DTYPES[:-1])} or {DTYPES[-1]}",
            array.dtype.name,
            'convert the values yourself, for 0..255 with image.astype("uint8")',
        )
    if array.size == 0:
        raise InputValueError("image", "at least one pixel", f"shape {array.shape}", "check where it was cut")
    if array.ndim == 2:
        return (array[None] if layout == "CHW" else array[..., None]), True
    channels_at = -3 if layout == "CHW" else -1
    if array.ndim < 2 or not 1 <= array.shape[channels_at] <= 4:
        raise _wrong_shape(array.shape, layout)
    return array, False


def _wrong_shape(shape: tuple[int, ...], layout: str) -> InputValueError:
    expected = "(H, W) or (..., 1 to 4, H, W)" if layout == "CHW" else "(H, W) or (..., H, W, 1 to 4)"
    remedy = "give it one to four channels"
    if layout == "HWC" and len(shape) >= 3 and shape[-3] <= 4:
        remedy = 'for channels first pass layout="CHW" to to_numpy, to_cv2, to_pil or to_tensor'
    elif layout == "CHW" and len(shape) >= 3 and shape[-1] <= 4:
        remedy = "for channels last leave layout out"
    return InputValueError("image", f"shape {expected}", str(shape), remedy)


class Pixels:
    """Pixels in an array, read and written as planes, a strip of rows at a time.

    `planar` arrays are (..., C, H, W), the others (..., H, W, C). Planes always come and go in the
    order R, G, B, A, whatever order the array holds.
    """

    def __init__(self, array: Array, *, planar: bool = False, bgr: bool = False) -> None:
        self.array = array
        self.planar = planar
        self.bgr = bgr
        self.channels = int(array.shape[-3 if planar else -1])
        self.dtype = array.dtype if array.dtype.isnative else array.dtype.newbyteorder("=")
        self.batch = array.shape[:-3]
        self.is_interleaved = not planar
        self.is_contiguous = not planar and array.flags.c_contiguous and array.dtype == self.dtype

    @property
    def image(self) -> Array:
        """The array itself."""
        return self.array

    def batch_as_rows(self) -> Pixels:
        """Show all pictures of a contiguous batch as one, a view."""
        return Pixels(self.array.reshape(-1, *self.array.shape[-2:]), bgr=self.bgr)

    def crop(self, rows: slice, columns: slice) -> Pixels:
        """Cut a part out of every picture, a view."""
        part = self.array[..., rows, columns] if self.planar else self.array[..., rows, columns, :]
        return Pixels(part, planar=self.planar, bgr=self.bgr)

    def block(self, index: tuple[int, ...], rows: slice) -> Array:
        """Show rows of one picture as they lie in the array."""
        picture: Array = self.array[index]
        return picture[:, rows] if self.planar else picture[rows]

    def read(self, index: tuple[int, ...], rows: slice) -> list[Array]:
        """Read the planes of some rows of one picture: views where they lie together, else copies."""
        block = self.block(index, rows)
        if block.dtype != self.dtype:
            block = block.astype(self.dtype)
        planes = list(block) if self.planar else deinterleave(block)
        return swap_red_blue(planes) if self.bgr else planes

    def planes(self) -> list[Array]:
        """List whole planes of the whole batch, (..., H, W), as views in native byte order."""
        array = self.array if self.array.dtype == self.dtype else self.array.astype(self.dtype)
        planes = list(np.moveaxis(array, -3 if self.planar else -1, 0))
        return swap_red_blue(planes) if self.bgr else planes

    def buffers(self, index: tuple[int, ...], rows: slice) -> list[Array | None]:
        """Show where each plane may be computed in place; None where it has to be interleaved."""
        if not self.planar:
            return [None] * self.channels
        targets: list[Array | None] = list(self.block(index, rows))
        return swap_red_blue(targets) if self.bgr else targets

    def write(self, index: tuple[int, ...], rows: slice, planes: list[Array]) -> None:
        """Store planes, already of this array's dtype, into some rows of one picture."""
        target = self.block(index, rows)
        planes = swap_red_blue(planes) if self.bgr else planes
        if not self.planar:
            interleave(planes, target)
            return
        for row, plane in zip(target, planes, strict=True):
            np.copyto(row, plane)

    def commit(self, rows: slice, block: Array) -> None:
        """Nothing to do: what `block` returned is the array itself."""


def swap_red_blue(planes: Planes) -> Planes:
    """Exchange red and blue; one or two planes are gray and stay."""
    return [planes[2], planes[1], planes[0], *planes[3:]] if len(planes) >= 3 else planes


def deinterleave(block: Array) -> list[Array]:
    """Split an (H, W, C) block into planes."""
    if block.shape[-1] == 1:
        return [block[..., 0]]
    if block.dtype in _OPENCV_DTYPES:
        # One buffer for all planes: OpenCV's own, one a plane, take a tenth longer for a whole conversion.
        planes = list(np.empty((block.shape[-1], *block.shape[:2]), block.dtype))
        cv2.split(np.ascontiguousarray(block), planes)
        return planes
    return list(np.ascontiguousarray(np.moveaxis(block, -1, 0)))


def interleave(planes: list[Array], target: Array) -> None:
    """Write planes into an (H, W, C) block."""
    if len(planes) > 1 and target.dtype in _OPENCV_DTYPES and target.flags.c_contiguous:
        cv2.merge([np.ascontiguousarray(plane) for plane in planes], target)
        return
    for channel, plane in enumerate(planes):
        np.copyto(target[..., channel], plane)


def unpremultiply_uint8(planes: list[Array]) -> list[Array]:
    """Divide 8-bit codes by alpha, the last plane: to nearest, ties to even; 0 where alpha is 0."""
    *color, alpha = planes
    return [*(cv2.divide(plane, alpha, scale=255) for plane in color), alpha]


def reorder(source: PixelSource, target: PixelTarget, index: tuple[int, ...], rows: slice) -> bool:
    """Copy rows between interleaved pixels of one dtype without splitting them into planes; False if that cannot be."""
    if (
        not (source.is_interleaved and target.is_interleaved)
        or source.dtype != target.dtype
        or source.channels != target.channels
    ):
        return False
    block = source.block(index, rows)
    if block.dtype not in _OPENCV_DTYPES[:3]:
        return False
    into = target.block(index, rows)
    channels = block.shape[-1], into.shape[-1]
    swap = source.bgr != target.bgr and source.channels >= 3
    if channels[0] == channels[1] and not swap:
        np.copyto(into, block)
    elif into.flags.c_contiguous:
        cv2.cvtColor(np.ascontiguousarray(block), _REORDER[(*channels, swap)], into)
    else:
        return False
    target.commit(rows, into)
    return True


def widen(plane: Array) -> Array:
    """Make a plane what kernels want: float32 in [0, 1]; float64 stays float64."""
    return cast(plane, np.dtype(np.float64 if plane.dtype == np.float64 else np.float32))


def cast(
    plane: Array,
    dtype: DType,
    *,
    value_range: tuple[float, float] | None = None,
    out: Array | None = None,
    outliers: Outliers | None = None,
) -> Array:
    """Give a plane another dtype: exact between integers, quantised from floats, in [0, 1] as floats.

    May return the plane itself. `out` receives the result where given. `outliers` looks at floats that become integers.
    """
    if value_range is not None:
        plane = rescale(plane.astype(np.float64 if plane.dtype.itemsize >= 4 else np.float32), value_range)
    if plane.dtype.kind == "b":
        plane = plane.view(np.uint8) * np.uint8(255)
    dtype = np.dtype(dtype)
    if plane.dtype == dtype:
        result = plane
    elif dtype.kind == "f":
        return _to_float(plane, dtype, out)
    elif plane.dtype.kind == "f":
        return _to_codes(plane, dtype, out, outliers)
    elif dtype == np.uint16:
        result = np.multiply(plane, np.uint16(257), dtype=np.uint16, out=out)
    else:
        # round(code / 257), in integers: 257 is odd, so there are no ties.
        result = ((plane.astype(np.uint32) + 128) // 257).astype(np.uint8)
    if out is not None and out is not result:
        np.copyto(out, result)
        return out
    return result


def _to_float(plane: Array, dtype: DType, out: Array | None) -> Array:
    if plane.dtype.kind == "f":
        result = np.empty(plane.shape, dtype) if out is None else out
        with np.errstate(over="ignore"):  # beyond float16 is infinity, as IEEE 754 says
            np.copyto(result, plane, casting="unsafe")
        return result
    wide = _FLOAT32 if dtype.itemsize < 4 else dtype
    result = np.empty(plane.shape, wide) if out is None or out.dtype != wide else out
    # Copy, then multiply in place: half the time of one mixed-type multiply, which NumPy buffers.
    np.copyto(result, plane)
    np.multiply(result, wide.type(1 / _TOPS[plane.dtype]), out=result)
    return result if wide == dtype else _to_float(result, dtype, out)


def _to_codes(plane: Array, dtype: DType, out: Array | None, outliers: Outliers | None) -> Array:
    """Quantise floats; raises on NaN, which a cast would quietly make 0."""
    plane = plane.astype(np.float32) if plane.dtype.itemsize < 4 else plane
    result = np.empty(plane.shape, dtype) if out is None else out
    inside = _in_unit_range(plane)
    if not inside:
        least = float(plane.min())
        if math.isnan(least):
            raise no_number()
        if outliers is not None:
            outliers.look(plane, least)
    if dtype == np.uint8 and plane.dtype == np.float32 and plane.ndim == 2 and result.flags.c_contiguous:
        # The fast path of `quantize`: OpenCV rounds to even and saturates above 255, but takes the absolute
        # value of negatives and makes 0 of infinity, so clamp first where a value lies outside.
        cv2.convertScaleAbs(np.ascontiguousarray(plane if inside else np.clip(plane, 0, 1)), result, 255)
        return result
    np.copyto(result, quantize(namespace, plane, _TOPS[dtype]), casting="unsafe")
    return result


def _in_unit_range(plane: Array) -> bool:
    """Whether floats surely lie in [0, 1], told by one pass over their bits, half the time of a minimum and a maximum.

    As unsigned integers, positive floats keep their order, and negative ones and NaN lie above all of them.
    """
    if not plane.flags.c_contiguous:
        return False
    if plane.dtype == np.float64:
        return bool(plane.view(np.uint64).max() <= 0x3FF0000000000000)  # the bits of 1.0
    return bool(plane.dtype == np.float32 and plane.view(np.uint32).max() <= 0x3F800000)


def cast_data(array: Array, dtype: str) -> Array:
    """Give data another dtype by value: whole numbers exactly, floats rounded; refuse what the dtype cannot hold.

    May return the array itself.
    """
    target = np.dtype(dtype)
    if array.dtype == target:
        return array
    if target.kind == "f":
        return array.astype(target) if array.dtype.kind == "b" else _data_to_floats(array, target)
    if array.dtype.kind == "b" or np.can_cast(array.dtype, target):
        return array.astype(target)
    check_bounds(array.min().item(), array.max().item(), target.name)
    return (np.rint(array) if array.dtype.kind == "f" else array).astype(target)


def _data_to_floats(array: Array, target: DType) -> Array:
    if array.dtype.kind in "iu":
        mantissa = np.finfo(target).nmant
        if np.iinfo(array.dtype).bits > mantissa + 1:
            check_exact(int(array.min()), int(array.max()), mantissa, target.name)
        return array.astype(target)
    with np.errstate(over="ignore"):
        result = array.astype(target)
    if target.itemsize < array.dtype.itemsize and not np.array_equal(np.isinf(result), np.isinf(array)):
        worst = float(np.abs(array[np.isfinite(array)]).max())
        raise out_of_range(worst, float(np.finfo(target).max), target.name)
    return result


def load(
    image: Array, *, layout: str | None, bgr: bool, ranged: bool = False, mode: str | None = None
) -> tuple[Pixels, Spec]:
    """Open an array for reading."""
    array, flat = check(image, layout or "HWC")
    pixels = Pixels(array, planar=layout == "CHW", bgr=bgr)
    height, width = array.shape[-2:] if pixels.planar else array.shape[-3:-1]
    return pixels, Spec(
        kind="numpy",
        dtype=name_of(pixels.dtype),
        channels=pixels.channels,
        height=height,
        width=width,
        batch=array.shape[:-3],
        flat=flat,
        bgr=bgr,
    )


def create(spec: Spec, channels: int, dtype: str) -> Pixels:
    """Make a buffer for a result: a fresh C-contiguous array."""
    return Pixels(np.empty((*spec.batch, spec.height, spec.width, channels), dtype), bgr=spec.bgr)


def assemble(planes: list[Array], spec: Spec) -> Array:
    """Make a fresh array of whole planes."""
    pixels = create(spec, len(planes), planes[0].dtype.name)
    for index in spec.indices:
        pixels.write(index, slice(None), [plane[index] for plane in planes])
    return finish(pixels, spec)


def finish(pixels: Pixels, spec: Spec) -> Array:
    """Give the array the caller's form: a gray picture is (H, W) unless it came with a channel axis."""
    array = pixels.array
    if pixels.channels == 1 and not spec.batch and (spec.flat or spec.channels > 1):
        return array[..., 0]
    return array


def paste(image: Array, patch: Array, rows: slice, columns: slice) -> None:
    """Put a smaller image of the same form into one that was made here."""
    image[(rows, columns) if image.ndim == 2 else (..., rows, columns, slice(None))] = patch


def check_out(out: object, spec: Spec) -> None:
    """Refuse an `out` that a result of this Spec does not fit exactly."""
    if out is None:
        return
    channels = () if spec.flat else (spec.channels,)
    shape, dtype = (*spec.batch, spec.height, spec.width, *channels), spec.dtype
    if not isinstance(out, np.ndarray):
        raise InputTypeError("out", "a NumPy array", type(out).__name__, "leave it out to get a fresh one")
    if out.shape != shape or out.dtype != np.dtype(dtype) or not out.flags.c_contiguous or not out.flags.writeable:
        raise InputValueError(
            "out",
            f"a writable C-contiguous {dtype} array of shape {shape}",
            f"{out.dtype} {out.shape}",
            "leave it out to get a fresh one",
        )


def comparable(plane: Array) -> Array:
    """Give back the plane: every NumPy dtype can be compared."""
    return plane


def plane_like(opened: Opened[AnyImage], like: Array) -> Array:
    """Give the one plane of a gray image of any kind in the dtype of `like`."""
    source = adapter(opened.spec.kind).copy_to_host(opened.pixels)
    return cast(source.planes()[0], like.dtype)


# ---------------------------------------------------------------- nothing to do in host memory


def view_on_host(pixels: Pixels) -> Pixels:
    """Give back the pixels: an array always lies on the host."""
    return pixels


def copy_to_host(pixels: Pixels) -> Pixels:
    """Give back the pixels: an array always lies on the host."""
    return pixels


def bring_to_host(
    pixels: Pixels, dtype: DType, value_range: tuple[float, float] | None
) -> tuple[Pixels, tuple[float, float] | None]:
    """Give back the pixels: an array always lies on the host."""
    return pixels, value_range
