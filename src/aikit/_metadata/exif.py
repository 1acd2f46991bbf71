"""EXIF blocks, edited where they lie: maker notes address their parts by their place in the block, so nothing moves.

Source: CIPA DC-008-2023, "Exchangeable image file format for digital still cameras: Exif Version 3.0", section 4.6;
Adobe, "TIFF Revision 6.0" (1992), section 2.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import NamedTuple

__all__ = [
    "DAMAGE",
    "ORIENTATION",
    "PREFIX",
    "DamagedExifError",
    "edit",
    "find_orientation",
    "is_public",
    "is_true_of_others",
    "read_fields",
]

PREFIX = b"Exif\0\0"
ORIENTATION = 0x0112

# What Pillow's reader and writer of EXIF raise over damaged tags; they have no closed list.
DAMAGE = (
    ArithmeticError, AttributeError, EOFError, LookupError, OSError, RuntimeError, SyntaxError, TypeError, ValueError,
    Warning, struct.error,
)  # fmt: skip

# Bytes of each field type; 13 is an offset of a directory, 129 is UTF-8 text of Exif 3.
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 129: 1}
_POINTERS = {("image", 0x8769): "exif", ("image", 0x8825): "gps", ("exif", 0xA005): "interop"}
_THUMBNAILS = ((0x0201, 0x0202), (0x0111, 0x0117))  # offset and length: of a JPEG, of strips
_MAKER_NOTE = 0x927C
_JPEG_BEGINS, _JPEG_ENDS = b"\xff\xd8\xff", b"\xff\xd9"


class DamagedExifError(ValueError):
    """The block cannot be read."""


class Field(NamedTuple):
    """One field as it is written elsewhere: type and number of values as in the block, the value little-endian."""

    tag: int
    kind: int
    number: int
    value: bytes


class Entry(NamedTuple):
    """One field: the directory it stands in ("image", "exif", "gps", "interop", "thumbnail"), its tag and its bytes."""

    directory: str
    tag: int
    value: bytes


# What is true of the pixels as they were stored and not of pictures made of them: sizes, tables of samples and strips,
# embedded profiles and packets that have a place of their own, and the orientation, which is applied when reading.
_OF_STORAGE = {
    0x00FE, 0x00FF, 0x0100, 0x0101, 0x0102, 0x0103, 0x0106, 0x010A, 0x0111, ORIENTATION, 0x0115, 0x0116, 0x0117,
    0x0118, 0x0119, 0x011C, 0x013D, 0x0140, 0x0142, 0x0143, 0x0144, 0x0145, 0x014A, 0x0152, 0x0153, 0x0154, 0x0155,
    0x015B, 0x0200, 0x0201, 0x0202, 0x0203, 0x0205, 0x0206, 0x0207, 0x0208, 0x0209, 0x0211, 0x0212, 0x0213, 0x0214,
    0x02BC, 0x83BB, 0x8649, 0x8773,
}  # fmt: skip
# Compression, sizes, and where in the picture the subject was.
_SIZES_OF_EXIF = {0x9102, 0x9214, 0xA002, 0xA003, 0xA214}
_COLOR_SPACE, _SRGB = 0xA001, 1
_INTEROP_INDEX, _RELATED_SIZES = 0x0001, {0x1001, 0x1002}


def is_true_of_others(entry: Entry) -> bool:
    """Whether a field still holds for a picture made of the pixels: no thumbnail, no size, no color space but sRGB."""
    directory, tag, value = entry
    if directory == "image":
        return tag not in _OF_STORAGE
    if directory == "exif":
        is_srgb = tag != _COLOR_SPACE or _SRGB in (value[:1] + value[1:2])
        return tag not in _SIZES_OF_EXIF and is_srgb
    if directory == "interop":
        # R03 says that the codes are Adobe RGB.
        return tag not in _RELATED_SIZES and not (tag == _INTEROP_INDEX and value.startswith(b"R03"))
    return directory == "gps"


# What a picture may tell everybody: what it shows, who made it and may use it, when, with which kind of camera, and how
# it was exposed. A list of what stays, so that whatever nobody has thought of goes.
_PUBLIC = {
    "image": {
        0x010E,  # ImageDescription
        0x010F, 0x0110, 0x0131,  # Make, Model, Software
        0x011A, 0x011B, 0x0128,  # resolution
        0x012D, 0x013E, 0x013F,  # TransferFunction, WhitePoint, PrimaryChromaticities
        0x0132, 0x013B, 0x8298, 0x9C9B,  # DateTime, Artist, Copyright, XPTitle
        0x4746, 0x4749,  # rating
    },
    "exif": {
        *range(0x8822, 0x8836), *range(0x829A, 0x829E),  # exposure program, speed; ExposureTime, FNumber
        *range(0x9000, 0x9013), 0x9101,  # version, dates and zones; ComponentsConfiguration
        *range(0x9201, 0x920B),  # shutter, aperture, brightness, bias, distance, metering, light, flash, focal length
        0x9290, 0x9291, 0x9292, 0xA000, _COLOR_SPACE,  # fractions of seconds
        0xA20E, 0xA20F, 0xA210, 0xA215, 0xA217, 0xA300, 0xA301, 0xA302,  # sensor and source
        *range(0xA401, 0xA40D),  # rendering, exposure mode, white balance, zoom, scene, contrast and such
        0xA432, 0xA433, 0xA434,  # lens: focal lengths, make, model; not its number
        0xA460, 0xA461, 0xA462, 0xA500,  # composite image; Gamma
    },
    "interop": {0x0001, 0x0002},
}  # fmt: skip


def is_public(entry: Entry) -> bool:
    """Whether a field tells nothing about a place, a person but the author, or one single device."""
    return is_true_of_others(entry) and entry.tag in _PUBLIC.get(entry.directory, ())


def find_orientation(block: bytes) -> int | None:
    """The orientation in the first directory, of whatever value; None where there is none.

    Raises:
        DamagedExifError: the block cannot be read.
    """
    data = _bare(block)
    order, at = _head(data)
    for tag, kind, _, place in _entries(data, order, at):
        if tag == ORIENTATION:
            return int.from_bytes(data[place : place + _SIZES.get(kind, 1)], "little" if order == "<" else "big")
    return None


# Bytes that are swapped as one, by type.
_UNITS = {3: 2, 4: 4, 5: 4, 8: 2, 9: 4, 10: 4, 11: 4, 12: 8, 13: 4}


def read_fields(block: bytes) -> dict[str, list[Field]]:
    """The fields of each directory, for what has directories of its own; without the pointers between them.

    Raises:
        DamagedExifError: the block cannot be read.
    """
    data = _bare(block)
    order, first = _head(data)
    found: dict[str, list[Field]] = {}
    waiting = [("image", first)]
    while waiting:
        name, at = waiting.pop()
        if name in found:
            continue
        found[name] = []
        for tag, kind, size, place in _entries(data, order, at):
            value, unit = data[place : place + size], _UNITS.get(kind, 1)
            if order == ">" and unit > 1:
                value = b"".join(value[begin : begin + unit][::-1] for begin in range(0, size, unit))
            child = _POINTERS.get((name, tag))
            if child is None:
                found[name].append(Field(tag, kind, size // _SIZES[kind], value))
            elif size == 4:
                waiting.append((child, int.from_bytes(value, "little")))
    return found


def edit(block: bytes, keeps: Callable[[Entry], bool], *, everything: bool = False) -> bytes:
    """The block with the fields for which `keeps` is true, each where it was, and without its thumbnail.

    What goes is overwritten with zeros, previews inside of maker notes too. With `everything` so is what no field
    refers to.

    Returns:
        The block, beginning with `PREFIX`; empty where no field is left.

    Raises:
        DamagedExifError: the block cannot be read.
    """
    editing = _Editing(_bare(block), keeps)
    try:
        left = editing.run()
    except struct.error as error:
        raise DamagedExifError(str(error)) from error
    return PREFIX + editing.result(everything) if left else b""


def _bare(block: bytes) -> bytes:
    return block[len(PREFIX) :] if block.startswith(PREFIX) else block


def _head(data: bytes | bytearray) -> tuple[str, int]:
    order = {b"II": "<", b"MM": ">"}.get(bytes(data[:2]))
    if order is None or len(data) < 8:
        raise DamagedExifError("no header")
    return order, struct.unpack_from(order + "I", data, 4)[0]


def _entries(data: bytes | bytearray, order: str, at: int) -> list[tuple[int, int, int, int]]:
    """Tag, type, size and place of each field whose bytes lie inside of the block."""
    if at + 2 > len(data):
        raise DamagedExifError(f"a directory at {at} of {len(data)}")
    (count,) = struct.unpack_from(order + "H", data, at)
    found = []
    for here in range(at + 2, min(at + 2 + 12 * count, len(data) - 11), 12):
        tag, kind, number = struct.unpack_from(order + "HHI", data, here)
        size, place = _SIZES.get(kind, 0) * number, here + 8
        if size > 4:
            (place,) = struct.unpack_from(order + "I", data, place)
        if size and place + size <= len(data):
            found.append((tag, kind, size, place))
    return found


class _Editing:
    """One block at work: `kept` has a 1 for each byte that stays."""

    def __init__(self, data: bytes, keeps: Callable[[Entry], bool]) -> None:
        self.data, self.kept = bytearray(data), bytearray(len(data))
        self.gone: list[tuple[int, int]] = []
        self.keeps, self.seen = keeps, set[int]()
        self.order, self.first = _head(data)
        # Fields may overlap; marking the block many times over is what an attack would ask for.
        self.budget = 8 * len(data) + 65536

    def run(self) -> int:
        """Edit all directories; gives how many fields are left in the first."""
        self._mark(0, 8)
        return self._directory(self.first, "image")

    def _mark(self, place: int, size: int) -> None:
        self.budget -= size
        if self.budget < 0:
            raise DamagedExifError("fields that overlap")
        self.kept[place : place + size] = b"\1" * len(self.kept[place : place + size])

    def _directory(self, at: int, name: str) -> int:
        if at in self.seen:
            raise DamagedExifError("directories that loop")
        self.seen.add(at)
        entries, places = [], []
        fields = _entries(self.data, self.order, at)
        (count,) = struct.unpack_from(self.order + "H", self.data, at)
        for tag, kind, size, place in fields:
            raw = struct.pack(self.order + "HHI", tag, kind, size // _SIZES[kind])
            if self._stays(name, tag, size, place):
                entries.append(raw + (self.data[place : place + 4] if size <= 4 else self._number(place)))
                places.append((place, size))
            else:
                self.gone.append((place, place + size))
        self._follow(at + 2 + 12 * count, name)
        self._write(at, count, entries)
        for place, size in places:
            if size > 4:
                self._mark(place, size)
        return len(entries)

    def _number(self, value: int) -> bytes:
        return struct.pack(self.order + "I", value)

    def _stays(self, name: str, tag: int, size: int, place: int) -> bool:
        value = bytes(self.data[place : place + size])
        child = _POINTERS.get((name, tag))
        if child is None:
            if name == "exif" and tag == _MAKER_NOTE:
                self._blank_previews(place, size)
            return self.keeps(Entry(name, tag, value))
        try:
            return size == 4 and self._directory(struct.unpack(self.order + "I", value)[0], child) > 0
        except (DamagedExifError, struct.error):
            return False

    def _blank_previews(self, place: int, size: int) -> None:
        note = self.data[place : place + size]
        begin, end = note.find(_JPEG_BEGINS), note.rfind(_JPEG_ENDS)
        if begin >= 0:
            stop = end + 2 if end > begin else size
            self.data[place + begin : place + stop] = bytes(stop - begin)

    def _follow(self, at: int, name: str) -> None:
        """Forget the directory behind the first: that of the thumbnail, and the thumbnail."""
        if name != "image" or at + 4 > len(self.data):
            return
        (following,) = struct.unpack_from(self.order + "I", self.data, at)
        if not following:
            return
        try:
            fields = _entries(self.data, self.order, following)
        except DamagedExifError:
            return
        (count,) = struct.unpack_from(self.order + "H", self.data, following)
        self.gone.append((following, following + 2 + 12 * count + 4))
        self.gone.extend((place, place + size) for _, _, size, place in fields)
        numbers = {tag: self._first_number(kind, place) for tag, kind, _, place in fields}
        for offset, length in _THUMBNAILS:
            if offset in numbers and length in numbers:
                self.gone.append((numbers[offset], numbers[offset] + numbers[length]))

    def _first_number(self, kind: int, place: int) -> int:
        return int.from_bytes(self.data[place : place + _SIZES[kind]], "little" if self.order == "<" else "big")

    def _write(self, at: int, count: int, entries: list[bytes]) -> None:
        table = struct.pack(self.order + "H", len(entries)) + b"".join(entries) + bytes(4)
        whole = min(2 + 12 * count + 4, len(self.data) - at)
        # A block may end without the four bytes that say what follows.
        self.data[at : at + len(table)] = table
        self.kept.extend(bytes(len(self.data) - len(self.kept)))
        self.gone.append((at, at + whole))
        self._mark(at, len(table))

    def result(self, everything: bool) -> bytes:
        """The block without what is gone, cut off behind its last byte that is not."""
        data, kept = self.data, self.kept
        gone = [(0, len(data))] if everything else [*self.gone, *self._orphaned_previews()]
        for start, stop in gone:
            _blank(data, kept, start, min(stop, len(data)))
        last = kept.rfind(b"\1") + 1
        return bytes(data[:last] + data[last:].rstrip(b"\0"))

    def _orphaned_previews(self) -> list[tuple[int, int]]:
        """Pictures that no field refers to any more, as other editors leave them."""
        found, at = [], self.data.find(_JPEG_BEGINS)
        while at >= 0:
            end = self.data.find(_JPEG_ENDS, at)
            stop = len(self.data) if end < 0 else end + 2
            if not self.kept[at]:
                found.append((at, stop))
            at = self.data.find(_JPEG_BEGINS, stop)
        return found


def _blank(data: bytearray, kept: bytearray, start: int, stop: int) -> None:
    """Zeros for the bytes of a range that are not kept, a run at a time."""
    at = start
    while 0 <= at < stop:
        at = kept.find(b"\0", at, stop)
        if at < 0:
            return
        end = kept.find(b"\1", at, stop)
        end = stop if end < 0 else end
        data[at:end] = bytes(end - at)
        at = end
