"""JPEG XL written: a codestream by imagecodecs, its colors said as sRGB, and boxes with EXIF and XMP around it."""

from __future__ import annotations

import struct

import numpy as np

from .._metadata import exif
from ..errors import InputValueError
from .high_depth import Samples
from .jxl import imagecodecs_for
from .jxl_header import boxes_of, read_header
from .metadata import Metadata
from .options import EncodeOptions

__all__ = ["encode_jxl", "with_boxes"]


def encode_jxl(pixels: Samples, options: EncodeOptions, *, quality: int | None = None) -> bytes:
    """Encode (H, W, C) in uint8, or in uint16, which is always lossless.

    Raises:
        InputValueError: 16 bits are to lose something.
        MissingDependencyError: without imagecodecs.
    """
    deep = pixels.dtype == np.uint16
    if deep and (options.lossless is False or options.quality is not None):
        option = "lossless" if options.lossless is False else "quality"
        got = "False" if options.lossless is False else str(options.quality)
        raise InputValueError(
            option, f"{'None or True' if option == 'lossless' else 'None'} for JPEG XL of 16 bits",
            got, 'convert to dtype="uint8" first, or leave it out',
        )  # fmt: skip
    codec = imagecodecs_for("image")
    lossless = deep or bool(options.lossless)
    data = bytes(
        codec.jpegxl_encode(
            np.ascontiguousarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels),
            level=None if lossless else (options.quality or quality),
            lossless=lossless,
            effort=options.effort or 7,
            usecontainer=False,
        )
    )
    return _said_as_srgb(data, gray=pixels.shape[2] < 3) if deep else data


# What stands in place of the colors, the lowest bit first: one bit says sRGB; for gray the parts are written out: no
# default, no profile, gray, D65, no gamma, the curve of sRGB (13), relative colorimetric.
_SRGB, _GRAY_SRGB = "1", "0" + "0" + "10" + "10" + "0" + "01" + "1101" + "10"


def _said_as_srgb(data: bytes, *, gray: bool) -> bytes:
    """Say of lossless pixels that they are sRGB: the encoder takes all of 16 bits for linear.

    The colors stand in the header alone. Nothing follows them there but an empty list of extensions and the sign that
    the transform is the usual one, and the frame begins with a byte.
    """
    header = read_header(data, "image")
    first, end = header.color_bits
    boxes = [(kind, data[start:stop]) for kind, start, stop in boxes_of(data)]
    at = next(index for index, (kind, _) in enumerate(boxes) if kind == b"jxlc")
    stream = boxes[at][1]
    rest = end + 3
    bits = _as_bits(stream[: -(-rest // 8)])
    if bits[end:rest] != "001" or "1" in bits[rest:]:
        raise InputValueError("image", "a header that imagecodecs is known to write", "another", "write PNG instead")
    bits = bits[:first] + (_GRAY_SRGB if gray else _SRGB) + bits[end:rest]
    head = b"".join(int(bits[bit : bit + 8][::-1], 2).to_bytes(1) for bit in range(0, len(bits), 8))
    boxes[at] = (b"jxlc", head + stream[-(-rest // 8) :])
    return b"".join(_box(kind, body) for kind, body in boxes)


def _as_bits(data: bytes) -> str:
    return "".join(f"{byte:08b}"[::-1] for byte in data)


_START = b"\0\0\0\x0cJXL \r\n\x87\n" + b"\0\0\0\x14ftypjxl \0\0\0\0jxl "


def with_boxes(data: bytes, metadata: Metadata) -> bytes:
    """Put EXIF and XMP into boxes behind the codestream."""
    if not metadata.exif and not metadata.xmp:
        return data
    whole = _START + _box(b"jxlc", data) if data.startswith(b"\xff\x0a") else data
    if metadata.exif:
        # TIFF begins right behind the four bytes.
        whole += _box(b"Exif", bytes(4) + metadata.exif.removeprefix(exif.PREFIX))
    if metadata.xmp:
        whole += _box(b"xml ", metadata.xmp)
    return whole


def _box(kind: bytes, body: bytes) -> bytes:
    if len(body) + 8 > 0xFFFFFFFF:
        return struct.pack(">I", 1) + kind + struct.pack(">Q", len(body) + 16) + body
    return struct.pack(">I", len(body) + 8) + kind + body
