"""16-bit PNG, which Pillow rounds to 8 bits, a strip of rows at a time.

OpenCV never sees the file: it gets small files of our own that hold rows we have inflated and looked at. One flipped
byte in a PNG has killed processes in other decoders, and an intact one takes OpenCV its pixels twice over in memory.

Source: W3C, "Portable Network Graphics Specification, Third Edition", sections 7 to 9.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from .guard import foreign
from .high_depth import Samples, chunk
from .integrity import corrupt, truncated
from .png import PNG_SAMPLES, png_chunks, png_header

__all__ = ["read_png"]

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
# Adam7: x start, y start, x step, y step of each pass.
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
_STRIP, _PIECE = 1 << 18, 1 << 16


Finish = Callable[[Samples], Samples]


def read_png(data: bytes, name: str, finish: Finish, *, lenient: bool = False) -> Samples:
    """The samples of a 16-bit PNG, (H, W, C), the transparent color resolved to alpha.

    Each strip of rows goes through `finish` before it is put in its place, so that nothing is held twice.
    """
    head, key, parts = b"", b"", []
    for kind, body in png_chunks(data, name, lenient=lenient):
        if kind == b"IHDR":
            head = bytes(body)
        elif kind == b"IDAT":
            parts.append(body)
        elif kind == b"tRNS":
            key = bytes(body)
    width, height, _, color_type, interlace = png_header(head, name)
    passes = list(_passes(width, height, PNG_SAMPLES[color_type], interlace))
    source = _Inflater(parts, sum(each.rows * each.row_bytes for each in passes), name, lenient)
    channels = PNG_SAMPLES[color_type]
    keyed = color_type in (0, 2) and len(key) >= 2 * channels

    def finish_strip(strip: Samples) -> Samples:
        return finish(_with_key(strip, key) if keyed else strip)

    example = finish_strip(np.zeros((1, 1, channels), np.uint16))
    samples = np.zeros((height, width, example.shape[2]), example.dtype)
    for each in passes:
        x, y, step_x, step_y = each.place
        _read_pass(source, each, color_type, samples[y::step_y, x::step_x], finish_strip, name)
    source.finish()
    return samples


class _Pass(NamedTuple):
    columns: int
    rows: int
    row_bytes: int  # with the filter byte
    place: tuple[int, int, int, int]


def _passes(width: int, height: int, channels: int, interlace: int) -> Iterator[_Pass]:
    for place in _ADAM7 if interlace else ((0, 0, 1, 1),):
        columns, rows = -((place[0] - width) // place[2]), -((place[1] - height) // place[3])
        if columns > 0 and rows > 0:
            yield _Pass(columns, rows, 1 + 2 * columns * channels, place)


def _read_pass(source: _Inflater, each: _Pass, color_type: int, target: Samples, finish: Finish, name: str) -> None:
    """Decode one pass into its place. Each strip begins with the last row of the strip above, which filters refer to."""
    above = bytes(each.row_bytes)
    step = max(1, _STRIP // each.columns)
    for top in range(0, each.rows, step):
        rows = min(step, each.rows - top)
        filtered = source.take(rows * each.row_bytes)
        worst = max(filtered[:: each.row_bytes])
        # libpng would complain on the process's stderr.
        if worst > 4:
            raise corrupt(name, "png", f"the filter {worst} in a row of pixels")
        strip = _decode(above + filtered, each.columns, rows + 1, color_type, name)[1:]
        target[top : top + rows] = finish(strip)
        above = b"\0" + strip[-1].astype(">u2").tobytes()


def _decode(filtered: bytes, width: int, height: int, color_type: int, name: str) -> NDArray[np.uint16]:
    head = struct.pack(">IIBBBBB", width, height, 16, color_type, 0, 0, 0)
    body = zlib.compress(filtered, 0)
    plain = _SIGNATURE + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")
    with foreign(name, "png"):
        decoded = cv2.imdecode(np.frombuffer(plain, np.uint8), cv2.IMREAD_UNCHANGED)
    if decoded is None or decoded.dtype != np.uint16 or decoded.shape[:2] != (height, width):
        raise corrupt(name, "png", "pixels that do not decode")
    # OpenCV writes B, G, R and spreads gray+alpha over four.
    if color_type == 0:
        return np.atleast_3d(decoded)
    if color_type == 4:
        return np.asarray(decoded[..., [0, 3]], np.uint16)
    return np.asarray(cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB if color_type == 2 else cv2.COLOR_BGRA2RGBA))


def _with_key(samples: NDArray[np.uint16], key: bytes) -> NDArray[np.uint16]:
    colors = samples.shape[2]
    wanted = np.frombuffer(key, ">u2", colors).astype(np.uint16)
    alpha = np.where((samples == wanted).all(axis=2), 0, 65535).astype(np.uint16)
    return np.concatenate([samples, alpha[..., None]], axis=2)


class _Inflater:
    """The filtered pixels of a PNG, exactly as many as its size calls for; never inflates much more than is taken.

    With `lenient`, what is missing comes as zeros: rows without a filter, all black.
    """

    def __init__(self, parts: list[memoryview], expected: int, name: str, lenient: bool) -> None:
        self._input: Iterator[memoryview] = (
            part[at : at + _PIECE] for part in parts for at in range(0, len(part), _PIECE)
        )
        self._engine, self._ready = zlib.decompressobj(), bytearray()
        self._expected, self._got = expected, 0
        self._name, self._lenient = name, lenient

    def take(self, size: int) -> bytes:
        self._fill(size)
        taken = bytes(self._ready[:size])
        del self._ready[:size]
        if len(taken) < size and not self._lenient:
            raise truncated(self._name, "png", f"{self._got} of {self._expected} bytes of pixels")
        return taken.ljust(size, b"\0")

    def finish(self) -> None:
        """Nothing may be left, and the stream must have been closed."""
        self._fill(1)
        if self._ready:
            raise corrupt(self._name, "png", f"more than the {self._expected} bytes of pixels its size calls for")
        if not self._engine.eof and not self._lenient:
            raise truncated(self._name, "png", f"{self._got} bytes of pixels without their end")

    def _fill(self, size: int) -> None:
        engine = self._engine
        try:
            while len(self._ready) < size and not engine.eof:
                piece = engine.unconsumed_tail or next(self._input, None)
                if piece is None:
                    return
                fresh = engine.decompress(piece, size - len(self._ready))
                self._ready += fresh
                self._got += len(fresh)
        except zlib.error as error:
            if not self._lenient:
                raise corrupt(self._name, "png", f"pixel data that does not inflate ({error})") from error
            self._input = iter(())
            self._engine = zlib.decompressobj()
