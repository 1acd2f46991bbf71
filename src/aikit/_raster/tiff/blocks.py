"""Strips and tiles of a TIFF, unpacked a few rows at a time.

OpenCV and Pillow only unpack LZW, PackBits and Zstandard, from a header we write ourselves: libtiff never sees the
file's own.

Source: Adobe, "TIFF Revision 6.0" (1992), sections 3, 9, 13 and 14; "TIFF Technical Note 3" (floating point predictor).
"""

from __future__ import annotations

import io
import lzma
import struct
import zlib
from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from ..._metadata.suppress_warnings import suppress_warnings
from ..high_depth import Samples
from ..integrity import corrupt
from .directory import Page

__all__ = ["Block", "dtype_of"]

_NONE, _DEFLATE, _LZMA, _ZSTD, _WEBP = 1, (8, 32946), 34925, 50000, 50001
# Bytes of input, and of output, that are inflated at a time.
_PIECE = 1 << 16
# What xz takes at its highest setting is 65 MB.
_LZMA_MEMORY = 1 << 27
_REVERSED = bytes(int(f"{code:08b}"[::-1], 2) for code in range(256))


def dtype_of(page: Page) -> np.dtype[np.generic]:
    """The kind that the samples of a page have once they are unpacked: in the file's order, or native where bits were."""
    if page.depth % 8 or page.depth == 24:
        return np.dtype(np.uint8 if page.depth < 8 else np.uint16)
    return np.dtype(f"{page.order}{'?uif'[page.sample_format]}{page.depth // 8}")


class Block:
    """One strip or tile, taken a few rows at a time; what a lenient caller finds missing comes as zeros."""

    def __init__(self, data: bytes, page: Page, index: int, rows: int, name: str, lenient: bool) -> None:
        self._page, self._index, self._name, self._lenient = page, index, name, lenient
        self._channels = 1 if page.planar == 2 else page.samples
        self._row_bytes = -(-page.block_width * self._channels * page.depth // 8)
        self._need, self._got = rows * self._row_bytes, 0
        offset = page.offsets[index]
        # Not a copy: blocks may overlap, and there may be thousands of planes.
        packed = memoryview(data)[offset : offset + page.counts[index] if page.counts else None]
        if page.fill_order == 2:
            packed = memoryview(bytes(packed).translate(_REVERSED))
        self._ready = bytearray()
        self._source: Iterator[bytes] | None = None
        self._rest = memoryview(b"")
        if page.compression == _NONE:
            self._rest = packed
        elif page.compression in _DEFLATE:
            self._source = _inflate(packed)
        elif page.compression == _LZMA:
            self._source = _unpack_lzma(packed)
        elif page.compression == _WEBP:
            self._rest = _unpack_webp(bytes(packed), (page.block_width, rows), self._channels)
        else:
            # OpenCV says nothing of bytes that are missing and knows no Zstandard; Pillow gives nothing of a part.
            unpack = _unpack_by_opencv if lenient and page.compression != _ZSTD else _unpack_by_pillow
            self._rest = unpack(bytes(packed), page.compression, self._row_bytes, rows)

    def take(self, rows: int) -> Samples:
        """The next rows, (rows, columns, channels), without predictor."""
        size = rows * self._row_bytes
        raw = self._take_bytes(size)
        self._got += len(raw)
        if len(raw) < size:
            if not self._lenient:
                got = f"{self._got} of {self._need} bytes"
                raise corrupt(self._name, "tiff", f"{got} from strip or tile {self._index}")
            raw = bytes(raw).ljust(size, b"\0")
        page, dtype = self._page, dtype_of(self._page)
        width = page.block_width
        bytes_ = np.frombuffer(raw, np.uint8, size).reshape(rows, self._row_bytes)
        if page.depth % 8:
            return _unpack_bits(bytes_, page.depth, width, self._channels, dtype)
        if page.predictor == 3:
            return _undo_float_predictor(bytes_, width, self._channels, dtype)
        samples = bytes_.view(dtype).reshape(rows, width, self._channels)
        return _undo_differences(samples) if page.predictor == 2 else samples

    def _take_bytes(self, size: int) -> bytes | memoryview:
        if self._source is None:
            taken = self._rest[:size]
            self._rest = self._rest[size:]
            return taken
        while len(self._ready) < size and (piece := next(self._source, None)) is not None:
            self._ready += piece
        inflated = bytes(self._ready[:size])
        del self._ready[:size]
        return inflated


def _inflate(packed: memoryview) -> Iterator[bytes]:
    """The inflated bytes, up to where they are damaged, in pieces."""
    engine = zlib.decompressobj()
    try:
        for at in range(0, len(packed), _PIECE):
            piece: bytes | memoryview = packed[at : at + _PIECE]
            while piece and not engine.eof:
                yield engine.decompress(piece, _PIECE)
                piece = engine.unconsumed_tail
        while not engine.eof and (last := engine.decompress(b"", _PIECE)):
            yield last
    except zlib.error:
        return


def _unpack_lzma(packed: memoryview) -> Iterator[bytes]:
    """The unpacked bytes of an xz stream, up to where they are damaged, in pieces."""
    try:
        engine = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_LZMA_MEMORY)
        for at in range(0, len(packed), _PIECE):
            yield engine.decompress(packed[at : at + _PIECE], _PIECE)
            while not engine.eof and not engine.needs_input:
                yield engine.decompress(b"", _PIECE)
            if engine.eof:
                return
    except (lzma.LZMAError, EOFError):
        return


def _unpack_by_opencv(packed: bytes, compression: int, width: int, rows: int) -> memoryview:
    header = _gray_header(width, rows, compression, len(packed))
    try:
        image = cv2.imdecode(np.frombuffer(header + packed, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        return memoryview(b"")
    if image is None or image.shape[:2] != (rows, width) or image.dtype != np.uint8:
        return memoryview(b"")
    return memoryview(np.ascontiguousarray(image).reshape(-1).data)


def _unpack_by_pillow(packed: bytes, compression: int, width: int, rows: int) -> memoryview:
    header = _gray_header(width, rows, compression, len(packed))
    try:
        with suppress_warnings(), TiffImageFile(io.BytesIO(header + packed)) as image:
            # Pillow would hold a strip to its ceiling for pictures here; the page's size was checked.
            image.im = Image.new("L", (width, rows), None).im
            return memoryview(image.tobytes())
    except (OSError, SyntaxError, ValueError):
        return memoryview(b"")


def _unpack_webp(packed: bytes, size: tuple[int, int], channels: int) -> memoryview:
    """The pixels of a strip that is a WebP file, if it has the strip's size; alpha may be left out where all is opaque."""
    try:
        with suppress_warnings(), WebPImageFile(io.BytesIO(packed)) as image:
            if image.size != size:
                return memoryview(b"")
            return memoryview(image.convert("RGB" if channels == 3 else "RGBA").tobytes())
    except (OSError, SyntaxError, ValueError):
        return memoryview(b"")


def _gray_header(width: int, height: int, compression: int, size: int) -> bytes:
    """A TIFF of one 8-bit gray strip without predictor: libtiff as a mere unpacker."""
    start = 8 + 2 + 9 * 12 + 4
    plain = {256: width, 257: height, 258: 8, 259: compression, 262: 1, 273: start, 277: 1, 278: height, 279: size}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in plain.items())
    return b"II*\0" + struct.pack("<IH", 8, len(plain)) + entries + struct.pack("<I", 0)


def _undo_differences(samples: Samples) -> Samples:
    """Undo predictor 2: differences along the row of the integers that the bytes are, also where those are floats."""
    integers = samples.view(f"{samples.dtype.byteorder}u{samples.dtype.itemsize}")
    summed = np.cumsum(integers, axis=1, dtype=integers.dtype.newbyteorder("="))
    return summed.view(samples.dtype.newbyteorder("="))


def _undo_float_predictor(raw: NDArray[np.uint8], width: int, channels: int, dtype: np.dtype[np.generic]) -> Samples:
    """Undo predictor 3: byte differences along the row, the bytes of all values grouped by significance."""
    rows, size = raw.shape[0], dtype.itemsize
    summed = np.cumsum(raw.reshape(rows, -1, channels), axis=1, dtype=np.uint8).reshape(rows, size, width * channels)
    return np.ascontiguousarray(summed.transpose(0, 2, 1)).view(dtype.newbyteorder(">")).reshape(rows, width, channels)


def _unpack_bits(raw: NDArray[np.uint8], depth: int, width: int, channels: int, dtype: np.dtype[np.generic]) -> Samples:
    """Codes of any number of bits, the highest first whatever the file's order of bytes, each row filled up to a byte."""
    count = width * channels
    bits = np.unpackbits(raw, axis=1, count=count * depth).reshape(raw.shape[0], width, channels, depth)
    codes = np.zeros(bits.shape[:3], dtype)
    for place in range(depth):
        codes = (codes << 1) | bits[..., place]
    return codes
