"""What a TIFF says beside its pixels: read from its tags into the form that other formats have, and written back.

Source: Adobe, "TIFF Revision 6.0" (1992); Exif 3.0, section 4.6.3, for the directories below the first.
"""

from __future__ import annotations

import logging
import struct

from PIL import Image, TiffImagePlugin

from .._metadata import exif
from .._metadata.suppress_warnings import suppress_warnings
from .metadata import Metadata

__all__ = ["tiff_exif", "with_tags"]

_log = logging.getLogger("aikit.metadata")

_IPTC_TAG, _RESOURCES_TAG = 33723, 34377
_POINTERS = (0x8769, 0x8825)


def tiff_exif(image: TiffImagePlugin.TiffImageFile) -> bytes:
    """EXIF of the page at hand as other formats have it in `info`, a block."""
    tags, block = image.getexif(), Image.Exif()
    try:
        block.update({tag: value for tag, value in tags.items() if tag not in (*_POINTERS, *_OWN_TAGS)})
        block.update({pointer: values for pointer in _POINTERS if (values := tags.get_ifd(pointer))})
        with suppress_warnings():
            packed = exif.edit(block.tobytes(), exif.is_true_of_others)
    except (*exif.DAMAGE, exif.DamagedExifError) as error:
        _log.warning("EXIF dropped, for it cannot be read: %s", error)
        packed = b""
    return packed


# Of the pixels: large, and dropped anyway.
_OWN_TAGS = (273, 279, 324, 325, 320, 700, 34675, _IPTC_TAG, _RESOURCES_TAG)


# ---------------------------------------------------------------- writing

_XMP_TAG, _PROFILE_TAG = 700, 34675
_BYTES, _SHORT, _LONG, _RATIONAL, _UNDEFINED = 1, 3, 4, 5, 7
_INCH = 2


def with_tags(data: bytes, metadata: Metadata) -> bytes:
    """A little-endian TIFF with its metadata: the first directory is written again behind all else, with more in it."""
    fields = _fields(metadata)
    if not fields and not metadata.exif:
        return data
    body = bytearray(data + b"\0" * (len(data) % 2))
    below = exif.read_fields(metadata.exif) if metadata.exif else {}
    for pointer, name in ((0x8769, "exif"), (0x8825, "gps")):
        if below.get(name):
            fields[pointer] = exif.Field(pointer, _LONG, 1, struct.pack("<I", _append(body, below[name])))
    (at,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, at)
    entries = {
        struct.unpack_from("<H", data, here)[0]: data[here : here + 12]
        for here in range(at + 2, at + 2 + 12 * count, 12)
    }
    following = data[at + 2 + 12 * count :][:4]
    # What the writer of the pixels says of them holds.
    fields = {each.tag: each for each in below.get("image", ()) if each.tag not in entries} | fields
    entries |= {tag: _entry(body, field) for tag, field in fields.items()}
    struct.pack_into("<I", body, 4, _put(body, entries, following))
    return bytes(body)


def _fields(metadata: Metadata) -> dict[int, exif.Field]:
    raw = {
        _XMP_TAG: (_BYTES, metadata.xmp),
        _IPTC_TAG: (_UNDEFINED, metadata.iptc),
        _PROFILE_TAG: (_UNDEFINED, metadata.icc_profile),
    }
    fields = {tag: exif.Field(tag, kind, len(value), value) for tag, (kind, value) in raw.items() if value}
    if metadata.dpi:
        for tag, value in zip((282, 283), metadata.dpi, strict=True):
            fields[tag] = exif.Field(tag, _RATIONAL, 1, struct.pack("<II", min(round(value * 1000), 0xFFFFFFFF), 1000))
        fields[296] = exif.Field(296, _SHORT, 1, struct.pack("<H", _INCH))
    return fields


def _append(body: bytearray, fields: list[exif.Field]) -> int:
    return _put(body, {field.tag: _entry(body, field) for field in fields}, bytes(4))


def _entry(body: bytearray, field: exif.Field) -> bytes:
    """The twelve bytes of a field; a value that does not fit in them is appended first."""
    value = field.value
    if len(value) > 4:
        value = struct.pack("<I", len(body))
        body += field.value + b"\0" * (len(field.value) % 2)
    return struct.pack("<HHI", field.tag, field.kind, field.number) + value.ljust(4, b"\0")


def _put(body: bytearray, entries: dict[int, bytes], following: bytes) -> int:
    at = len(body)
    body += struct.pack("<H", len(entries)) + b"".join(entries[tag] for tag in sorted(entries)) + following
    return at
