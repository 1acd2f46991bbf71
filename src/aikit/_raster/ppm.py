"""PBM, PGM and PPM: netpbm's format descriptions, pbm(5), pgm(5), ppm(5).

Pillow reads written numbers and maxima other than 255 one by one in Python, 25 million of them in two minutes.
Such files are turned into binary ones of maximum 255 first; 16-bit samples never pass through Pillow.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .integrity import Facts, corrupt, truncated

__all__ = ["for_pillow", "samples_16", "walk_ppm"]

_SPACE = b" \t\r\n\v\f"


def _header(data: bytes, name: str) -> tuple[int, int, int, int]:
    """Width, height, maximum value (1 for bitmaps) and where the pixels begin."""
    at = 2
    values: list[int] = []
    while len(values) < (2 if data[1:2] in b"14" else 3):
        while data[at] in _SPACE + b"#":
            at = _after_comment(data, at, name) if data[at] == 0x23 else at + 1
        start = at
        while data[at] in b"0123456789":
            at += 1
        if start == at or at - start > 10:
            raise corrupt(name, "ppm", f"{data[start : start + 8].decode('latin-1')!a} where a number belongs")
        values.append(int(data[start:at]))
    width, height, top = (*values, 1)[:3]
    if not width or not height or not 0 < top < 65536:
        raise corrupt(name, "ppm", f"a size of {width} x {height} and a maximum of {top}")
    # One white space stands before the pixels; a comment that is glued to the number counts as one.
    return width, height, top, _after_comment(data, at, name) if data[at : at + 1] == b"#" else at + 1


def _after_comment(data: bytes, at: int, name: str) -> int:
    """Where the line ends that a comment fills, as netpbm's pm_getc tells it: at either character."""
    found = re.compile(rb"[\r\n]").search(data, at)
    if found is None:
        raise truncated(name, "ppm", "a comment that does not end")
    return found.end()


def walk_ppm(data: bytes, name: str, lenient: bool) -> Facts:
    """The size, and whether the file is long enough for it, if that is asked for."""
    width, height, top, at = _header(data, name)
    kind = data[1:2]
    need = {b"4": (width + 7) // 8 * height, b"5": width * height, b"6": width * height * 3}.get(kind, 0)
    need *= 2 if top > 255 else 1
    # Written bits may stand close together; other numbers take two bytes, but for the last.
    need = {b"1": width * height, b"2": 2 * width * height - 1, b"3": 6 * width * height - 1}.get(kind, need)
    if at + need > len(data) and not lenient:
        raise truncated(name, "ppm", f"{max(len(data) - at, 0)} of {need} bytes of pixels")
    return Facts(width, height, depth=16 if top > 255 else 8, color_type=int(kind))


def for_pillow(data: bytes, name: str, *, lenient: bool = False) -> bytes:
    """A file of 8 bits or less as one that Pillow's C code reads by itself: P4, or P5 and P6 of maximum 255."""
    width, height, top, at = _header(data, name)
    kind = data[1:2]
    if kind == b"4" or (kind in b"56" and top == 255):
        if b"#" not in data[:at]:
            return data
        # Pillow takes a comment that is glued to a number for a part of it.
        return b"P%s %d %d%s\n" % (kind, width, height, b"" if kind == b"4" else b" 255") + data[at:]
    if kind == b"1":
        bits = np.packbits(_bits(data[at:], width * height, name, lenient).reshape(height, width), axis=1)
        return b"P4 %d %d\n" % (width, height) + bytes(bits)
    count = width * height * (3 if kind in b"36" else 1)
    table = ((np.arange(top + 1) * 255 + top // 2) // top).astype(np.uint8)
    codes = table[_samples(data, at, count, top, name, lenient)]
    return b"P%d %d %d 255\n" % (6 if kind in b"36" else 5, width, height) + bytes(codes)


def samples_16(data: bytes, name: str, *, lenient: bool = False) -> NDArray[np.uint16]:
    """The samples of a PGM or PPM whose maximum is above 255, scaled to 0..65535, (H, W, C)."""
    width, height, top, at = _header(data, name)
    channels = 3 if data[1:2] in b"36" else 1
    samples = _samples(data, at, width * height * channels, top, name, lenient).astype(np.uint16)
    if top < 65535:
        table = ((np.arange(top + 1) * 65535 + top // 2) // top).astype(np.uint16)
        samples = table[samples]
    return samples.reshape(height, width, channels)


def _samples(data: bytes, at: int, count: int, top: int, name: str, lenient: bool) -> NDArray[Any]:
    """The numbers as they stand in the file, none above `top`; what is missing is 0 where a caller allows that."""
    if data[1:2] in b"56":
        dtype: Any = ">u2" if top > 255 else "u1"
        have: NDArray[Any] = np.frombuffer(data, dtype, min(count, (len(data) - at) // np.dtype(dtype).itemsize), at)
    else:
        have = _parse_digits(data[at:], name)[:count]
    if have.size < count and not lenient:
        raise truncated(name, "ppm", f"{have.size} of {count} numbers")
    if have.max(initial=0) > top:
        raise corrupt(name, "ppm", f"the value {have.max()} above the maximum of {top}")
    return have if have.size == count else np.concatenate([have, np.zeros(count - have.size, have.dtype)])


def _parse_digits(text: bytes, name: str) -> NDArray[np.int32]:
    """Parse numbers in decimal digits, with white space between them."""
    text = _without_comments(text)
    other = text.translate(None, b"0123456789" + _SPACE)
    if other:
        raise corrupt(name, "ppm", f"{other[:8].decode('latin-1')!a} where a number belongs")
    # Nine digits fit 32 bits.
    if re.search(rb"[0-9]{10}", text):
        raise corrupt(name, "ppm", "a number of ten digits or more")
    if not text.strip():
        return np.zeros(0, np.int32)
    return np.fromstring(text, np.int32, sep=" ")


def _bits(text: bytes, count: int, name: str, lenient: bool) -> NDArray[np.uint8]:
    digits = _without_comments(text).translate(None, _SPACE)
    have = np.frombuffer(digits, np.uint8)[:count] - ord("0")
    if have.max(initial=0) > 1:
        raise corrupt(name, "ppm", f"the byte 0x{int(have.max()) + 48 & 0xFF:02x} where a bit belongs")
    if have.size < count and not lenient:
        raise truncated(name, "ppm", f"{have.size} of {count} bits")
    return np.concatenate([have, np.zeros(count - have.size, np.uint8)])


def _without_comments(text: bytes) -> bytes:
    return re.sub(rb"#[^\r\n]*", b"", text) if b"#" in text else text
