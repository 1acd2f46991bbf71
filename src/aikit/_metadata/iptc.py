"""IPTC records as newspapers began them, in Photoshop's image resources.

Sources: IPTC, "Information Interchange Model Version 4.2"; Adobe, "Photoshop File Formats Specification", image
resources.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

__all__ = ["DamagedIptcError", "as_resource", "find_in_resources", "public_part"]

_RESOURCE = 0x0404
# By record and data set, what a picture may tell everybody: the character set and versions, title, dates, author and
# role, headline, credit, source, copyright, caption. Keywords, places, contacts and editors are not among them.
_PUBLIC = {(1, 0), (1, 90), *((2, each) for each in (0, 5, 55, 60, 62, 63, 80, 85, 105, 110, 115, 116, 120))}


class DamagedIptcError(ValueError):
    """The records cannot be read."""


def public_part(records: bytes) -> bytes:
    """The data sets that tell nothing about a place, a person but the author, or keywords.

    Raises:
        DamagedIptcError: the records cannot be read.
    """
    kept = [whole for record, number, whole in _data_sets(records) if (record, number) in _PUBLIC]
    return b"".join(kept)


def _data_sets(records: bytes) -> Iterator[tuple[int, int, bytes]]:
    at = 0
    while at + 5 <= len(records) and records[at] == 0x1C:
        _, record, number, size = struct.unpack_from(">BBBH", records, at)
        begin = at + 5
        if size & 0x8000:
            begin += size & 0x7FFF
            size = int.from_bytes(records[at + 5 : begin], "big")
        if begin + size > len(records):
            raise DamagedIptcError(f"a data set of {size} bytes at {at} of {len(records)}")
        yield record, number, records[at : begin + size]
        at = begin + size
    if records[at:].strip(b"\0"):
        raise DamagedIptcError(f"no data set at {at} of {len(records)}")


def as_resource(records: bytes) -> bytes:
    """The records as one of Photoshop's image resources."""
    return b"8BIM" + struct.pack(">H2xI", _RESOURCE, len(records)) + records + b"\0" * (len(records) % 2)


def find_in_resources(block: bytes) -> bytes:
    """The records in a row of image resources; empty where there are none or the row breaks off."""
    at = 0
    while block[at : at + 4] == b"8BIM" and at + 7 <= len(block):
        (kind,) = struct.unpack_from(">H", block, at + 4)
        at += 6 + (block[at + 6] + 2) // 2 * 2
        if at + 4 > len(block):
            break
        (size,) = struct.unpack_from(">I", block, at)
        if kind == _RESOURCE:
            return block[at + 4 : at + 4 + size]
        at += 4 + size + size % 2
    return b""
