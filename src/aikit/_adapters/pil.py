"""PIL images: palettes, colour keys and orientation resolved on the way in, a mode chosen on the way out."""

from __future__ import annotations

import ctypes
from dataclasses import replace
from functools import cached_property
from typing import TypeGuard

import numpy as np
from PIL import Image, ImageCms

from .._metadata.orientation import orientation_of_image, upright as turn_upright
from .._pixels.facts import Raw
from .._pixels.kinds import CHANNEL_NAMES, Spec
from ..errors import FileFormatError, InputTypeError, InputValueError, quoted
from . import numpy as arrays
from .numpy import Array, deinterleave, interleave
from .raw import describe_picture, describe_picture_memory

# The planes are NumPy's.
namespace, result_dtypes = arrays.namespace, arrays.result_dtypes
cast, comparable, plane_like = arrays.cast, arrays.comparable, arrays.plane_like

has_modes = True
on_accelerators = False
channels_at = -1

describe_memory = describe_picture_memory

# Modes that already are planes of the right values.
_RESOLVED = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4, "I;16": 1, "F": 1}

# Modes of other color spaces, whose planes only the functions of `color` ask for.
_OTHER_SPACES = {"HSV": 3, "YCbCr": 3, "CMYK": 4}

# What the other modes become. A palette that carries alpha becomes RGBA: see _resolve.
_BECOMES = {
    "1": "L",
    "P": "RGB",
    "PA": "RGBA",
    "RGBX": "RGB",
    "CMYK": "RGB",
    "YCbCr": "RGB",
    "HSV": "RGB",
    "I;16L": "I;16",
    "I;16B": "I;16",
    "I;16N": "I;16",
}

# Modes whose color is multiplied by alpha, and what they are without.
_PREMULTIPLIED = {"La": "LA", "RGBa": "RGBA"}

# Modes whose values an ICC profile of theirs describes, and the RGB they become no longer.
_OTHER_PROFILES = ("CMYK", "LAB")


# ---------------------------------------------------------------- in


def load(
    image: Image.Image, *, layout: str | None, bgr: bool, ranged: bool = False, mode: str | None = None
) -> tuple[Picture, Spec]:
    """Open a picture for reading, upright and with its colors resolved, or, for a mode, as that mode's own planes."""
    if bgr:
        raise InputValueError("bgr", "False for a PIL image, which is always RGB", "True", "leave it out")
    if layout is not None:
        raise InputValueError("layout", "None for a PIL image", quoted(layout), "leave it out")
    if image.width == 0 or image.height == 0:
        raise InputValueError("image", "at least one pixel", f"size {image.size}", "check where it was cut")
    upright = load_pixels(image)
    if orientation_of_image(upright) != 1:
        upright = turn_upright(upright)
    if ranged and upright.mode == "I":
        upright = upright.convert("F")
    if mode is not None and upright.mode != mode:
        raise InputValueError("image", f"a PIL image of mode {mode}", upright.mode, "convert it first")
    plain, key = _resolve(upright) if mode is None else (upright, None)
    picture = Picture(plain, key)
    consumed = ("transparency", "icc_profile") if upright.mode in _OTHER_PROFILES else ("transparency",)
    info = {name: value for name, value in upright.info.items() if name not in consumed}
    return picture, Spec(
        kind="pil",
        dtype=picture.dtype.name,
        channels=picture.channels,
        height=plain.height,
        width=plain.width,
        flat=True,
        info=info,
        mode=mode,
    )


def describe_raw(image: Image.Image) -> Raw:
    """Tell what a picture of any mode is."""
    return replace(describe_picture(image), orientation=orientation_of_image(image))


def is_resolved(image: object) -> TypeGuard[Image.Image]:
    """Whether an image is a picture that already is what `load` would make of it."""
    if not isinstance(image, Image.Image):
        return False
    return image.mode in _RESOLVED and "transparency" not in image.info and orientation_of_image(image) == 1


def load_pixels(image: Image.Image) -> Image.Image:
    """Load the picture's pixels into memory; a lazily opened file is read here, and may turn out broken."""
    try:
        image.load()
    except MemoryError:
        raise
    except Exception as error:  # Pillow's decoders raise eight different types
        if _is_closed(image, error):
            raise InputValueError(
                "image", "an open picture", "one that was closed", "convert it before it is closed"
            ) from error
        name = getattr(image, "filename", "") or "image"
        code = "truncated" if "truncated" in str(error) else "corrupt"
        raise FileFormatError(
            name,
            "a picture that can be decoded",
            quoted(str(error)),
            "check how the file was written",
            code=code,
        ) from error
    return image


def _is_closed(image: Image.Image, error: Exception) -> bool:
    never_read = bool(getattr(image, "tile", None)) and getattr(image, "fp", None) is None
    return never_read or "closed" in str(error)


def _resolve(image: Image.Image) -> tuple[Image.Image, tuple[int, ...] | None]:
    """Give the picture in one of the _RESOLVED modes, and the color key that marks its transparent pixels.

    Alpha first: going from a palette to RGB and then to RGBA would make every pixel of the key's color
    transparent, not only those of its index.
    """
    key = image.info.get("transparency")
    mode = image.mode
    if mode in ("P", "PA"):
        of_palette = image.palette.mode if image.palette else None
        has_alpha = mode == "PA" or isinstance(key, (int, bytes)) or of_palette == "RGBA"
        if has_alpha:
            # Pillow writes the alpha into the palette of the picture it converts: a copy's, not the caller's.
            return image.copy().convert("RGBA"), None
        return image.convert("RGB"), _as_key(key, 3)
    if mode in ("I", "I;32"):
        raise InputTypeError(
            "image",
            "a PIL mode with a known range",
            "mode I (32-bit integers)",
            "pass value_range=(low, high) to to_pil, to_numpy, to_cv2 or to_tensor, for instance (0, 65535)",
        )
    if mode == "LAB":
        return _lab_to_rgb(image), None
    if mode in _PREMULTIPLIED:
        return _unpremultiply(image, _PREMULTIPLIED[mode]), None
    target = mode if mode in _RESOLVED else _BECOMES.get(mode)
    if target is None:
        raise InputTypeError("image", "a PIL mode such as L, RGB, RGBA, P or CMYK", mode, "convert it first")
    plain = image if target == mode or target == "I;16" else image.convert(target)
    if target == "I;16" or mode in ("1", "L", "RGB"):
        return plain, _as_key(key, 3 if mode == "RGB" else 1)
    return plain, None


def _unpremultiply(image: Image.Image, mode: str) -> Image.Image:
    """Divide by alpha as every operation does; Pillow would cut the quotients off."""
    planes = arrays.unpremultiply_uint8([np.asarray(band) for band in image.split()])
    plain = Image.merge(mode, [Image.fromarray(plane) for plane in planes])
    plain.info = dict(image.info)
    return plain


def _as_key(key: object, channels: int) -> tuple[int, ...] | None:
    """Read the color key as one number a channel; None where `transparency` holds something else."""
    given = key if isinstance(key, (tuple, list)) else [key] * channels
    parts = tuple(part for part in given if isinstance(part, int))
    return parts if len(parts) == len(given) == channels else None


def _lab_to_rgb(image: Image.Image) -> Image.Image:
    # Pillow's 8-bit LAB is ICC Lab (D50); LittleCMS takes it to sRGB.
    transform = ImageCms.buildTransform(ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB"), "LAB", "RGB")
    rgb = ImageCms.applyTransform(image, transform)
    assert rgb is not None  # only in place it returns nothing
    return rgb


class Picture:
    """A PIL picture as a source of planes, read a strip of rows at a time."""

    bgr = False
    batch: tuple[int, ...] = ()

    def __init__(self, image: Image.Image, key: tuple[int, ...] | None = None) -> None:
        self.image = image
        self.key = key
        self._colors = (_RESOLVED | _OTHER_SPACES).get(image.mode, 1)
        self.is_interleaved = key is None  # `block` does not show the alpha that a color key makes
        self.channels = self._colors + (key is not None)
        self.dtype = np.dtype({"F": "float32", "I;": "uint16"}.get(image.mode[:2], "uint8"))

    @cached_property
    def _view(self) -> Array | None:
        return _rows_in_memory(self.image)

    @property
    def is_contiguous(self) -> bool:
        """Whether the pixels lie in one block that NumPy can see."""
        return self._view is not None

    def batch_as_rows(self) -> Picture:
        """Give back the picture: PIL has no batches."""
        return self

    def crop(self, rows: slice, columns: slice) -> Picture:
        """Cut a part out of the picture, a copy."""
        return Picture(self.image.crop((columns.start, rows.start, columns.stop, rows.stop)), self.key)

    def block(self, index: tuple[int, ...], rows: slice) -> Array:
        """Show rows as (H, W, channels); RGB may come with a fourth, meaningless one, as Pillow stores it."""
        if self._view is not None:
            return self._view[rows]
        top, bottom, _ = rows.indices(self.image.height)
        if (top, bottom) == (0, self.image.height):
            return _asarray(self.image)
        strip = self.image.crop((0, top, self.image.width, bottom))
        view = _rows_in_memory(strip)
        return _asarray(strip) if view is None else view

    def read(self, index: tuple[int, ...], rows: slice) -> list[Array]:
        """Read the planes of some rows, with alpha last where a color key makes pixels transparent."""
        planes = deinterleave(self.block(index, rows))[: self._colors]
        if self.key is None:
            return planes
        differs = planes[0] != self.key[0]
        for plane, part in zip(planes[1:], self.key[1:], strict=True):
            differs |= plane != part
        top = 65535 if self.dtype == np.uint16 else 255
        return [*planes, np.where(differs, top, 0).astype(self.dtype)]

    def planes(self) -> list[Array]:
        """List whole planes."""
        return self.read((), slice(None))


def _asarray(image: Image.Image) -> Array:
    array = np.asarray(image)
    array = array.astype(array.dtype.newbyteorder("="), copy=False)
    return array[..., None] if array.ndim == 2 else array


class _ArrowArray(ctypes.Structure):
    """The C data interface of Apache Arrow, https://arrow.apache.org/docs/format/CDataInterface.html."""


_ArrowArray._fields_ = [
    ("length", ctypes.c_int64),
    ("null_count", ctypes.c_int64),
    ("offset", ctypes.c_int64),
    ("n_buffers", ctypes.c_int64),
    ("n_children", ctypes.c_int64),
    ("buffers", ctypes.POINTER(ctypes.c_void_p)),
    ("children", ctypes.POINTER(ctypes.POINTER(_ArrowArray))),
    ("dictionary", ctypes.c_void_p),
    ("release", ctypes.c_void_p),
    ("private_data", ctypes.c_void_p),
]

_capsule_pointer = ctypes.pythonapi.PyCapsule_GetPointer
_capsule_pointer.restype = ctypes.c_void_p
_capsule_pointer.argtypes = [ctypes.py_object, ctypes.c_char_p]


class _Rows:
    """Pillow's own memory, offered to NumPy; keeps the exported capsules alive as long as the view."""

    def __init__(
        self, capsules: tuple[object, object], address: int, shape: tuple[int, int, int], writable: bool
    ) -> None:
        self._capsules = capsules
        self.__array_interface__ = {"data": (address, not writable), "shape": shape, "typestr": "|u1", "version": 3}


def _rows_in_memory(image: Image.Image, *, writable: bool = False) -> Array | None:
    """Show an (H, W, 4) view of an RGB or RGBA picture, without a copy; writable only for one of our own making.

    np.asarray repacks the pixels through a bytes object, five times slower. Pillow's Arrow export gives
    the memory itself, for pictures that lie in one 16 MB block; None for the others.
    """
    # A picture over foreign memory, as fromarray makes of RGBA, has no block: Pillow 12.3 crashes over it.
    if image.mode not in ("RGB", "RGBA") or image.readonly:
        return None
    try:
        capsules = image.__arrow_c_array__()
    except ValueError:  # several blocks
        return None
    array = ctypes.cast(_capsule_pointer(capsules[1], b"arrow_array"), ctypes.POINTER(_ArrowArray)).contents
    while array.n_children:
        array = array.children[0].contents
    address = array.buffers[1]
    return np.asarray(_Rows(capsules, address, (image.height, image.width, 4), writable)) if address else None


# ---------------------------------------------------------------- out


_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}

# Pillow's names for the bytes that a mode is made from.
_RAW = {"RGB": "RGBX", "F": "F;32NF"}


def _mode_of(channels: int, dtype: str, mode: str | None) -> str:
    """Choose the mode of a result, `mode` where that is given and the depth is 8 bits."""
    if np.dtype(dtype).kind == "f":
        if channels > 1:
            raise InputValueError(
                "image",
                f"8-bit values for a PIL image with {CHANNEL_NAMES[channels]} channels",
                f"{dtype}, which PIL only has for gray",
                'pass dtype="uint8" or use to_numpy',
            )
        return "F"
    if dtype == "uint16" and channels == 1:
        return "I;16"
    return mode or _MODES[channels]  # 8 bit is the only depth PIL has for color, and for gray with alpha


class Canvas:
    """A PIL picture in the making, written a strip of rows at a time.

    RGB and RGBA that fit one of Pillow's blocks are written into its own memory, half the time of making each strip
    a picture and pasting it, which the others need.
    """

    bgr = False
    is_interleaved = True

    def __init__(self, height: int, width: int, channels: int, dtype: str, mode: str | None = None) -> None:
        self.channels = channels
        self.mode = _mode_of(channels, dtype, mode)
        self.dtype = np.dtype({"F": "float32", "I;16": "<u2"}.get(self.mode, "uint8"))
        self.size = width, height
        self._raw = _RAW.get(self.mode, self.mode)
        self.image: Image.Image = Image.new(self.mode, self.size, None)
        self._memory = _rows_in_memory(self.image, writable=True)
        self.is_contiguous = self._memory is not None

    def batch_as_rows(self) -> Canvas:
        """Give back the canvas: PIL has no batches."""
        return self

    def buffers(self, index: tuple[int, ...], rows: slice) -> list[Array | None]:
        """Show that planes have to be interleaved."""
        return [None] * self.channels

    def block(self, index: tuple[int, ...], rows: slice) -> Array:
        """Give an array for some rows, to be filled and committed: (H, W, channels), four for RGB."""
        if self._memory is not None:
            return self._memory[rows]
        width, height = self.size
        top, bottom, _ = rows.indices(height)
        return np.empty((bottom - top, width, 4 if self.mode == "RGB" else self.channels), self.dtype)

    def write(self, index: tuple[int, ...], rows: slice, planes: list[Array]) -> None:
        """Store planes, already of this canvas's dtype, into some rows."""
        block = self.block(index, rows)
        # Pillow keeps RGB in four bytes, the last of them 255.
        interleave([*planes, np.full_like(planes[0], 255)] if self.mode == "RGB" else planes, block)
        self.commit(rows, block)

    def commit(self, rows: slice, block: Array) -> None:
        """Put a filled block into the picture, where it is not its memory already."""
        if self._memory is not None:
            return
        width, height = self.size
        top, bottom, _ = rows.indices(height)
        strip = Image.frombytes(self.mode, (width, bottom - top), block, "raw", self._raw)
        if bottom - top == height:
            self.image = strip
        else:
            self.image.paste(strip, (0, top))


def create(spec: Spec, channels: int, dtype: str) -> Canvas:
    """Make a buffer for a result."""
    if spec.batch:
        raise InputValueError(
            "image",
            "one picture for PIL",
            f"a batch of shape {spec.batch}",
            "take the pictures out one by one with unstack",
        )
    return Canvas(spec.height, spec.width, channels, dtype, spec.mode)


def assemble(planes: list[Array], spec: Spec) -> Image.Image:
    """Make a fresh picture of whole planes; 16-bit color is rounded to 8, the only depth PIL has for it."""
    canvas = create(spec, len(planes), planes[0].dtype.name)
    canvas.write((), slice(None), [cast(plane, canvas.dtype) for plane in planes])
    return finish(canvas, spec)


def finish(canvas: Canvas, spec: Spec) -> Image.Image:
    """Give the picture the metadata it came with; a profile for color says nothing about gray, nor the other way."""
    canvas.image.info = dict(spec.info)
    if (canvas.channels >= 3) != (spec.channels >= 3):
        canvas.image.info.pop("icc_profile", None)
    return canvas.image


def paste(image: Image.Image, patch: Image.Image, rows: slice, columns: slice) -> None:
    """Put a smaller picture of the same mode into one that was made here."""
    image.paste(patch, (columns.start, rows.start))


def check_out(out: object, spec: Spec) -> None:
    """Refuse an `out` that a result of this Spec does not fit exactly."""
    if out is not None:
        _check_fits(out, _mode_of(spec.channels, spec.dtype, spec.mode), (spec.width, spec.height))


def _check_fits(out: object, mode: str, size: tuple[int, int]) -> None:
    if not isinstance(out, Image.Image):
        raise InputTypeError("out", "a PIL image", type(out).__name__, "leave it out to get a fresh one")
    if (out.mode, out.size) != (mode, size):
        raise InputValueError(
            "out",
            f"a PIL image of mode {mode} and size {size}",
            f"{out.mode} {out.size}",
            "leave it out to get a fresh one",
        )


def fill(out: Image.Image, result: Image.Image) -> Image.Image:
    """Fill `out` with the pixels and the metadata of the result."""
    _check_fits(out, result.mode, result.size)
    out.paste(result)
    out.info = dict(result.info)
    return out


# ---------------------------------------------------------------- nothing to do in host memory


def view_on_host(pixels: Picture) -> Picture:
    """Give back the pixels: a picture always lies on the host."""
    return pixels


def copy_to_host(pixels: Picture) -> Picture:
    """Give back the pixels: a picture always lies on the host."""
    return pixels


def bring_to_host(
    pixels: Picture, dtype: arrays.DType, value_range: tuple[float, float] | None
) -> tuple[Picture, tuple[float, float] | None]:
    """Give back the pixels: a picture always lies on the host."""
    return pixels, value_range
