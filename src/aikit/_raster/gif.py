"""GIF: the walk through its blocks, and each picture in it as a file of its own.

Source: CompuServe, "Graphics Interchange Format, Version 89a"; the application extension of Netscape Navigator 2.0 for
loops.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import NamedTuple

from .animation import Animation, Canvas, Dispose, Layer
from .integrity import Facts, corrupt

__all__ = ["Picture", "picture_of", "walk_gif"]

# What follows on a picture, by the disposal method in its control block (section 23). Browsers take 4 for 3, as writers of
# old counted bits; others are not defined.
_DISPOSE: dict[int, Dispose] = {2: "clear", 3: "restore", 4: "restore"}
_LOOPS = (b"NETSCAPE2.0", b"ANIMEXTS1.0")


def walk_gif(data: bytes, name: str, lenient: bool) -> Facts:
    """Describe a GIF: its canvas, and the pictures on it."""
    blocks = _Blocks(data, name)
    canvas: Canvas | None = None
    width = height = 0
    try:
        for layer in blocks.layers():
            if canvas is None:
                # The first picture may be larger than the screen; later ones are cut off.
                width = max(blocks.screen[0], layer.left + layer.width)
                height = max(blocks.screen[1], layer.top + layer.height)
                canvas = Canvas(width, height)
            canvas.add(layer)
    except (IndexError, struct.error):
        if not lenient or canvas is None:
            raise
    if canvas is None:
        raise corrupt(name, "gif", "no picture")
    if not width or not height:
        raise corrupt(name, "gif", f"a size of {width} x {height}")
    frames = canvas.frames
    animation = Animation(
        width=width,
        height=height,
        frames=frames,
        transparent=canvas.transparent,
        plain=canvas.filled,
        layers=lambda: islice(_Blocks(data, name).layers(), frames),
        info=blocks.info,
    )
    damage = tuple(blocks.damage)
    return Facts(width, height, frames, transparent=canvas.transparent, animation=animation, damage=damage)


@dataclass(slots=True)
class _Control:
    """The graphic control extension, which is for the next picture alone."""

    dispose: Dispose = "keep"
    delay: int | None = None
    transparent: int | None = None


class _Blocks:
    """One walk through the blocks of a file, and what was met on the way."""

    def __init__(self, data: bytes, name: str) -> None:
        self._data, self._name = data, name
        width, height, self._flags, background = struct.unpack_from("<HHBB", data, 6)
        self.screen = (width, height)
        self.info: dict[str, object] = {"version": data[:6]}
        if self._flags & 0x80:
            self.info["background"] = background
        self.damage: list[str] = []
        self._pieces = self._comments = 0

    def layers(self) -> Iterator[Layer]:
        """The pictures, each once its blocks were seen; a file that ends inside of one is an IndexError."""
        data, at = self._data, 13 + _color_table(self._flags)
        control: _Control | None = None
        frames = 0
        while True:
            # Pillow goes through the pieces in Python, and joins those of comments one by one.
            if self._pieces > 100_000 + len(data) // 64 or self._comments > 1 << 18:
                found = f"{self._pieces} pieces, {self._comments} bytes of comments, in {len(data)} bytes"
                raise corrupt(self._name, "gif", found)
            if at == len(data) and frames and control is None:
                self.damage.append("no trailer")
                return
            kind = data[at]
            if kind == 0x3B:
                return
            if kind == 0x21:
                at, control = self._extension(at, control)
            elif kind == 0x2C:
                layer, at = self._picture(at, control or _Control())
                control, frames = None, frames + 1
                yield layer
                at, count = _skip_pieces(data, at + 1)
                self._pieces += count
            elif kind == 0:
                at += 1
            elif frames:
                self.damage.append(f"{len(data) - at} bytes that are no blocks behind {frames} pictures")
                return
            else:
                raise corrupt(self._name, "gif", f"the byte 0x{kind:02x} where a block belongs, at {at}")

    def _extension(self, at: int, control: _Control | None) -> tuple[int, _Control | None]:
        data, start = self._data, at
        label, size = data[at + 1], data[at + 2]
        body = data[at + 3 : at + 3 + size]
        at, count = _skip_pieces(data, at + 2)
        self._pieces += count
        if label == 0xF9 and size >= 4:
            flags, delay, index = struct.unpack_from("<BHB", body)
            return at, _Control(_DISPOSE.get(flags >> 2 & 7, "keep"), delay, index if flags & 1 else None)
        if label == 0xFE:
            # A comment of nothing costs a byte too, for there may be millions.
            self._comments += at - start
            self.info.setdefault("comment", _join_pieces(data, start + 2))
        elif label == 0xFF and body in _LOOPS and data[start + 14] >= 3 and data[start + 15] == 1:
            self.info["loop"] = int.from_bytes(data[start + 16 : start + 18], "little")
        return at, control

    def _picture(self, at: int, control: _Control) -> tuple[Layer, int]:
        data = self._data
        left, top, width, height, flags = struct.unpack_from("<HHHHB", data, at + 1)
        start = at + 10 + _color_table(flags)
        table = data[at + 10 : start] if flags & 0x80 else data[13 : 13 + _color_table(self._flags)]
        layer = Layer(
            left=left,
            top=top,
            width=width,
            height=height,
            dispose=control.dispose,
            over=True,
            opaque=control.transparent is None,
            duration=None if control.delay is None else control.delay * 10,
            file=partial(_file_of, data, start, (width, height), flags & 0x40, table, control.transparent),
        )
        return layer, start


class Picture(NamedTuple):
    """What a GIF of one picture is made of: a palette, indices packed in pieces, and the one that is transparent."""

    table: bytes
    transparent: int | None
    interlaced: int
    pixels: bytes


def picture_of(data: bytes) -> Picture:
    """Take a whole GIF of one picture apart."""
    (_, _, flags) = struct.unpack_from("<HHB", data, 6)
    at, transparent = 13 + _color_table(flags), None
    table = data[13:at]
    while data[at] == 0x21:
        if data[at + 1] == 0xF9 and data[at + 3] & 1:
            transparent = data[at + 6]
        at, _ = _skip_pieces(data, at + 2)
    flags = data[at + 9]
    start = at + 10 + _color_table(flags)
    if flags & 0x80:
        table = data[at + 10 : start]
    return Picture(table, transparent, flags & 0x40, data[start : start + 1] + _whole_pieces(data, start + 1))


def _color_table(flags: int) -> int:
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _skip_pieces(data: bytes, at: int) -> tuple[int, int]:
    """Where a chain of pieces ends, and how many they are."""
    count = 0
    while data[at]:
        at += 1 + data[at]
        count += 1
    return at + 1, count


def _join_pieces(data: bytes, at: int) -> bytes:
    parts = []
    while data[at]:
        parts.append(data[at + 1 : at + 1 + data[at]])
        at += 1 + data[at]
    return b"".join(parts)


def _whole_pieces(data: bytes, start: int) -> bytes:
    """A chain of pieces; where the file ends inside of one, and somebody asks for what is there, that comes shorter."""
    at = start
    while at < len(data) and data[at]:
        size = data[at]
        if at + 1 + size > len(data):
            return data[start:at] + bytes([len(data) - at - 1]) + data[at + 1 :] + b"\0"
        at += 1 + size
    return data[start:at] + b"\0"


def _file_of(
    data: bytes, start: int, size: tuple[int, int], interlaced: int, table: bytes, transparent: int | None
) -> bytes:
    """A GIF of this picture alone, which fills its screen."""
    flags = 0xF0 | (len(table) // 3).bit_length() - 2 if table else 0
    parts = [b"GIF89a", struct.pack("<HHBBB", *size, flags, 0, 0), table]
    if transparent is not None:
        parts.append(b"!\xf9\x04" + struct.pack("<BHBB", 1, 0, transparent, 0))
    parts += [
        b",",
        struct.pack("<HHHHB", 0, 0, *size, interlaced),
        data[start : start + 1],
        _whole_pieces(data, start + 1),
        b";",
    ]
    return b"".join(parts)
