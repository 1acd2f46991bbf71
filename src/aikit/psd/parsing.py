"""Guarded access to psd-tools: bytes to a document and back, with limits before memory and our errors only."""

from __future__ import annotations

import contextlib
import io
import logging
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, TypeGuard

from .._raster.guard import check_size
from ..errors import AikitError, FileFormatError, LimitError
from ..limits import Limits

if TYPE_CHECKING:
    from psd_tools import PSDImage
    from psd_tools.api.layers import Group, Layer as RawLayer
    from psd_tools.psd.layer_and_mask import LayerRecord, MaskData

__all__ = [
    "Head",
    "check_layers",
    "is_group",
    "mode_of",
    "parse",
    "profile_of",
    "read_head",
    "real_size",
    "serialize",
    "translate_errors",
]

# Adobe Photoshop File Formats Specification, "File header section": sides, channels, depths, color modes.
_SIDES = {1: 30_000, 2: 300_000}
_CHANNELS = 56
_DEPTHS = {0: (1,), 1: (8, 16, 32), 2: (8,), 3: (8, 16, 32), 4: (8, 16), 8: (8,), 9: (8, 16)}
MODES = {0: "BITMAP", 1: "L", 2: "INDEXED", 3: "RGB", 4: "CMYK", 8: "DUOTONE", 9: "LAB"}

# Photoshop nests ten groups. Far below Python's recursion limit, far above any document.
_NESTED = 100

_ICC_PROFILE = 1039


@dataclass(frozen=True, slots=True)
class Head:
    """The 26 bytes every document begins with.

    Attributes:
        version: 1 for PSD, 2 for PSB.
        channels: of the merged image, alpha and spot channels included.
        height: of the canvas, in pixels.
        width: of the canvas, in pixels.
        depth: bits a channel, 1, 8, 16 or 32.
        mode: "RGB", "L", "CMYK", "LAB", "INDEXED", "BITMAP" or "DUOTONE".
    """

    version: int
    channels: int
    height: int
    width: int
    depth: int
    mode: str


def read_head(data: bytes, name: str) -> Head:
    """Read and check the file header.

    Raises:
        FileFormatError: not a document, cut off, or of a color mode that is not read.
    """
    if data[:4] != b"8BPS":
        raise FileFormatError(
            name,
            "a PSD or PSB file",
            f"bytes that begin with {data[:4].hex(' ')}",
            "read pictures with read_pil, read_numpy, read_cv2 or read_tensor",
            code="unsupported_format",
            option="readers",
        )
    if len(data) < 26:
        raise _corrupt(name, f"{len(data)} bytes", code="truncated")
    version, channels, height, width, depth, number = struct.unpack_from(">H6xHIIHH", data, 4)
    if version not in _SIDES or not 1 <= channels <= _CHANNELS:
        raise _corrupt(name, f"version {version} with {channels} channels")
    if not (1 <= height <= _SIDES[version] and 1 <= width <= _SIDES[version]):
        raise _corrupt(name, f"{width}x{height} pixels")
    if number not in MODES or depth not in _DEPTHS[number]:
        mode = "multichannel" if number == 7 else MODES.get(number, f"number {number}")
        raise FileFormatError(
            name,
            "RGB, gray, CMYK, Lab, indexed or bitmap color",
            f"color mode {mode} at {depth} bits",
            "convert it in Photoshop first",
            code="unsupported_format",
        )
    return Head(version, channels, height, width, depth, MODES[number])


def parse(data: bytes, name: str, limits: Limits | None) -> PSDImage:
    """Parse an entire document; no pixel is decoded.

    Raises:
        FileFormatError: damaged, cut off, or not a document.
        LimitError: the canvas or the layers have more pixels than allowed.
    """
    head = read_head(data, name)
    if limits is not None:
        limits.check(name, "bytes", "max_bytes", len(data))
        limits.check_format(name, "psd")
    check_size(name, head.width, head.height, limits)
    with translate_errors(name):
        raw: PSDImage = _library().PSDImage.open(io.BytesIO(data), max_alloc_bytes="unlimited")
        check_layers(raw, name, limits)
    return raw


def _library() -> ModuleType:
    """psd-tools, which tells its log of oddities; without a handler Python would print them."""
    import psd_tools

    logger = logging.getLogger("psd_tools")
    if not any(isinstance(handler, logging.NullHandler) for handler in logger.handlers):
        logger.addHandler(logging.NullHandler())
    return psd_tools


def check_layers(raw: PSDImage, name: str, limits: Limits | None) -> None:
    """Raise LimitError when the layers together are more than may be decoded."""
    total = 0
    for layer, depth in _walk_nested(raw, 1):
        if depth > _NESTED:
            raise _corrupt(name, f"groups nested more than {_NESTED} deep")
        for height, width in _sizes_of(layer._record):
            check_size(name, width, height, limits)
            total += height * width
    if limits is not None:
        limits.check(name, "pixels in all layers", "max_total_pixels", total)


def _walk_nested(group: Group | PSDImage, depth: int) -> Iterator[tuple[RawLayer, int]]:
    for layer in group:
        yield layer, depth
        if is_group(layer) and depth <= _NESTED:
            yield from _walk_nested(layer, depth + 1)


def _sizes_of(record: LayerRecord) -> Iterator[tuple[int, int]]:
    """Height and width of what a layer stores: its pixels, its mask, and the mask joined with its path."""
    yield max(0, record.bottom - record.top), max(0, record.right - record.left)
    mask = record.mask_data
    if mask is not None:
        yield max(0, mask.bottom - mask.top), max(0, mask.right - mask.left)
        height, width = real_size(mask)
        yield max(0, height), max(0, width)


def real_size(mask: MaskData) -> tuple[int, int]:
    """Height and width of the mask joined with its path; (0, 0) where there is none."""
    top, left, bottom, right = mask.real_top, mask.real_left, mask.real_bottom, mask.real_right
    if top is None or left is None or bottom is None or right is None:
        return 0, 0
    return bottom - top, right - left


def is_group(raw: RawLayer) -> TypeGuard[Group]:
    """Whether a layer of psd-tools' has layers in it."""
    return raw.is_group()


def serialize(raw: PSDImage, name: str) -> bytes:
    """Write the document as psd-tools does, unknown blocks and all.

    Raises:
        FileFormatError: something in the document cannot be written.
    """
    with translate_errors(name), io.BytesIO() as file:
        raw._record.write(file)
        return file.getvalue()


def mode_of(raw: PSDImage) -> str:
    """The color mode in the words of `Head`."""
    return MODES[int(raw.color_mode)]


def profile_of(raw: PSDImage) -> bytes | None:
    """The ICC profile in the document, if there is one."""
    data = raw.image_resources.get_data(_ICC_PROFILE)
    return bytes(data) if data else None


@contextlib.contextmanager
def translate_errors(name: str) -> Iterator[None]:
    """Turn whatever psd-tools raises on a bad file into our exceptions; MemoryError passes."""
    from psd_tools import ParseLimitError
    from psd_tools.compression import DecompressionLimitError

    try:
        yield
    except (AikitError, MemoryError):
        raise
    except (ParseLimitError, DecompressionLimitError) as error:
        raise LimitError(
            name, "a document of usual proportions", str(error), "save it anew", limit="proportions"
        ) from error
    except Exception as error:
        # Five types on damaged files, and what NumPy and struct raise of what they made of it.
        reason = " ".join(str(error).split())[:160]
        code = "truncated" if isinstance(error, EOFError | OSError) else "corrupt"
        raise _corrupt(name, f'"{reason}"' if reason else type(error).__name__, code=code) from error


def _corrupt(name: str, got: str, *, code: str = "corrupt") -> FileFormatError:
    return FileFormatError(name, "a whole, valid PSD file", got, "fetch or export the file again", code=code)
