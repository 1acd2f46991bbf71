"""TIFF: the walk through its directories, before anything is unpacked.

Source: Adobe, "TIFF Revision 6.0" (1992); BigTIFF as in libtiff's documentation.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import NamedTuple, TypeAlias

import numpy as np

from ..._metadata.iptc import find_in_resources
from ..integrity import corrupt, truncated

__all__ = ["Page", "block_rows", "grid_of", "pages", "start_at", "without_lost_tags"]

# Bytes of each field type; 13 is an IFD offset, 16 to 18 are BigTIFF's.
_TYPES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_UNSIGNED = {1: "u1", 3: "u2", 4: "u4", 13: "u4", 16: "u8", 18: "u8"}
_NONE = 1
_Values: TypeAlias = bytes | tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One directory of a TIFF file, in the words of the specification.

    `at` is where it stands, `formats` the sample formats, `make` the maker of a camera, and `hidden` says that the
    picture proper stands in a directory below this one, which is its preview. `lost` are tags whose values lie behind the
    end of the file, and where their entries stand.
    """

    at: int
    big: bool
    width: int
    height: int
    order: str
    bits: tuple[int, ...]
    samples: int
    formats: tuple[int, ...]
    photometric: int
    compression: int
    planar: int
    predictor: int
    fill_order: int
    color_map: tuple[int, ...]
    subsampling: tuple[int, ...]
    ink_set: int
    inks: int
    dng: bool
    hidden: bool
    make: str
    extra: tuple[int, ...]
    orientation: int
    block_width: int
    block_height: int
    tiled: bool
    offsets: tuple[int, ...]
    counts: tuple[int, ...]
    profile: bytes | None
    xmp: bytes | None
    iptc: bytes | None
    dpi: tuple[float, float] | None
    lost: tuple[tuple[int, int], ...] = ()

    @property
    def depth(self) -> int:
        """Bits of the first sample."""
        return self.bits[0]

    @property
    def sample_format(self) -> int:
        """Format of the first sample: 1 unsigned, 2 signed, 3 float; 4, undefined, counts as unsigned."""
        return 1 if self.formats[0] == 4 else self.formats[0]

    @property
    def colors(self) -> int:
        """Samples that are color; whatever follows is alpha or something else."""
        return _COLORS.get(self.photometric, 1)

    @property
    def alpha(self) -> int | None:
        """Which sample is alpha, if any. Without the tag a fourth sample is taken as alpha, as Pillow does."""
        if self.samples == self.colors:
            return None
        if not self.extra:
            return self.colors if self.samples == self.colors + 1 else None
        return next((self.colors + at for at, kind in enumerate(self.extra) if kind in (1, 2, 999)), None)

    @property
    def associated(self) -> bool:
        """Whether the colors are stored multiplied by alpha."""
        return self.alpha is not None and bool(self.extra) and self.extra[self.alpha - self.colors] == 1


# RGB, CMYK, Y'CbCr and the three kinds of Lab; all others have one.
_COLORS = {2: 3, 5: 4, 6: 3, 8: 3, 9: 3, 10: 3}

# Pictures have 20 to 60 tags, and at most a tile for each 16 x 16 pixels of what Pillow's ceiling lets through.
_MOST_TAGS, _MOST_VALUES = 4096, 1 << 20


def pages(data: bytes, name: str, *, lenient: bool = False, at_most: int | None = None) -> list[Page]:
    """The pages of a TIFF or BigTIFF; every entry, strip and tile lies inside the file, and no chain loops.

    With `lenient`, strips may lie outside of it and the chain may break off after the first page. Behind `at_most`
    pages nothing is looked at.
    """
    try:
        return list(islice(_walk(data, name, lenient), at_most))
    except struct.error as error:
        raise truncated(name, "tiff", f"{len(data)} bytes that end inside a directory") from error


def _walk(data: bytes, name: str, lenient: bool) -> Iterator[Page]:
    order = "<" if data[:2] == b"II" else ">"
    big = data[2:4] in (b"+\0", b"\0+")
    (at,) = struct.unpack_from(order + "Q", data, 8) if big else struct.unpack_from(order + "I", data, 4)
    if not at:
        raise corrupt(name, "tiff", "no directory")
    seen: set[int] = set()
    # Directories may overlap; reading more than the file holds several times over is an attack.
    budget = 4 * len(data) + 65536
    while at:
        if at in seen:
            raise corrupt(name, "tiff", f"a directory chain that loops back to byte {at}")
        if at >= len(data):
            if lenient and seen:
                return
            raise truncated(name, "tiff", f"a directory at byte {at} of {len(data)}")
        seen.add(at)
        here = at
        tags, lost, at, cost = _directory(data, at, order, big, name)
        budget -= cost
        if budget < 0:
            raise corrupt(name, "tiff", "directories that overlap")
        page = replace(_page(tags, here, order, big, name), lost=tuple(lost))
        _check_blocks(page, len(data), name, lenient)
        yield page


class _Directory(NamedTuple):
    """The tags this module needs, those that lie behind the file, where the next directory is, and what all took."""

    tags: dict[int, _Values]
    lost: list[tuple[int, int]]
    following: int
    cost: int


def without_lost_tags(data: bytes, found: list[Page]) -> bytes:
    """A copy of the file in which tags that lie behind its end have no values, for decoders stop at the first of them."""
    copy = bytearray(data)
    for page in found:
        for _, at in page.lost:
            copy[at + 4 : at + (20 if page.big else 12)] = bytes(16 if page.big else 8)
    return bytes(copy)


def _directory(data: bytes, at: int, order: str, big: bool, name: str) -> _Directory:
    """Walk through the entries of a directory."""
    count_code, entry, inline = ("Q", 20, 8) if big else ("H", 12, 4)
    (count,) = struct.unpack_from(order + count_code, data, at)
    at += 8 if big else 2
    if count > _MOST_TAGS:
        raise corrupt(name, "tiff", f"a directory of {count} entries")
    if at + count * entry > len(data):
        raise truncated(name, "tiff", f"a directory of {count} entries that ends behind the file")
    tags: dict[int, _Values] = {}
    lost: list[tuple[int, int]] = []
    cost = count * entry
    for index in range(count):
        here = at + index * entry
        tag, kind, number = struct.unpack_from(order + ("HHQ" if big else "HHI"), data, here)
        size = _TYPES.get(kind, 0) * number
        place = here + entry - inline
        if size > inline:
            (place,) = struct.unpack_from(order + ("Q" if big else "I"), data, place)
        if place + size > len(data):
            if tag not in _TAGS - _BESIDE:
                lost.append((tag, here))
                continue
            raise truncated(name, "tiff", f"tag {tag} with {size} bytes at {place} of {len(data)}")
        # Pillow loads all of them.
        cost += size
        if tag in _TAGS and tag not in tags:
            if kind in _UNSIGNED and kind != 1 and number > _MOST_VALUES:
                raise corrupt(name, "tiff", f"{number} values in tag {tag}")
            raw = data[place : place + size]
            tags[tag] = raw if tag in _BYTES else _value(raw, kind, order)
    (following,) = struct.unpack_from(order + ("Q" if big else "I"), data, at + count * entry)
    return _Directory(tags, lost, following, cost)


def _value(raw: bytes, kind: int, order: str) -> _Values:
    if kind in (2, 7) or not raw:
        return raw
    if kind == 5:
        return tuple(np.frombuffer(raw, order + "u4").tolist())
    code = _UNSIGNED.get(kind)
    return tuple(np.frombuffer(raw, order + code).tolist()) if code else raw


# What a picture can be shown without: maker, resolution, XMP, IPTC and profile.
_BESIDE = {271, 282, 283, 296, 700, 33723, 34377, 34675}
# Bytes whatever their type: many writers call those of IPTC LONG, and do not mean integers.
_BYTES = (33723, 34377)
_TAGS = {254, 256, 257, 258, 259, 262, 266, 271, 273, 274, 277, 278, 279, 282, 283, 284, 296, 317, 320, 322, 323, 324}
_TAGS |= {325, 330, 332, 334, 338, 339, 530, 700, 34675, 50706, *_BYTES}


def _page(tags: dict[int, _Values], at: int, order: str, big: bool, name: str) -> Page:
    def one(tag: int, default: int) -> int:
        value = tags.get(tag)
        return int(value[0]) if isinstance(value, tuple) and value else default

    def all_of(tag: int) -> tuple[int, ...]:
        value = tags.get(tag)
        return value if isinstance(value, tuple) else ()

    def raw_of(tag: int) -> bytes:
        value = tags.get(tag)
        return value if isinstance(value, bytes) else b""

    width, height, samples = one(256, 0), one(257, 0), one(277, 1)
    if not width or not height or not samples or samples > 1024:
        raise corrupt(name, "tiff", f"a size of {width} x {height} with {samples} samples")
    tiled = 324 in tags
    block = (one(322, 0), one(323, 0)) if tiled else (width, min(one(278, height) or height, height))
    # A tile far larger than the picture would cost memory the pixel limits do not see.
    if not all(block) or (tiled and block[0] * block[1] > 4 * width * height + 2**20):
        raise corrupt(name, "tiff", f"blocks of {block[0]} x {block[1]}")
    profile, xmp = tags.get(34675), tags.get(700)
    return Page(
        at=at,
        big=big,
        width=width,
        height=height,
        order=order,
        bits=all_of(258) or (1,) * samples,
        samples=samples,
        formats=all_of(339) or (1,),
        photometric=one(262, 1),
        compression=one(259, 1),
        planar=one(284, 1),
        predictor=one(317, 1),
        fill_order=one(266, 1),
        color_map=all_of(320),
        subsampling=all_of(530) or (2, 2),
        ink_set=one(332, 1),
        inks=one(334, 4),
        dng=50706 in tags,
        hidden=bool(one(254, 0) & 1) and 330 in tags,
        make=raw_of(271).split(b"\0")[0].decode("latin-1"),
        extra=all_of(338),
        orientation=one(274, 1),
        block_width=block[0],
        block_height=block[1],
        tiled=tiled,
        offsets=all_of(324 if tiled else 273),
        counts=all_of(325 if tiled else 279),
        profile=profile if isinstance(profile, bytes) else bytes(profile) if profile and max(profile) < 256 else None,
        iptc=raw_of(33723) or find_in_resources(raw_of(34377)) or None,
        xmp=xmp if isinstance(xmp, bytes) else bytes(xmp) if xmp and max(xmp) < 256 else None,
        dpi=_dpi(all_of(282), all_of(283), one(296, 2)),
    )


def _dpi(across: tuple[int, ...], down: tuple[int, ...], unit: int) -> tuple[float, float] | None:
    if unit not in (2, 3) or len(across) != 2 or len(down) != 2 or not across[1] or not down[1]:
        return None
    factor = 2.54 if unit == 3 else 1.0
    return across[0] / across[1] * factor, down[0] / down[1] * factor


def start_at(data: bytes, page: Page) -> bytes:
    """A copy of the file whose first page is this one."""
    place = struct.pack(page.order + ("Q" if page.big else "I"), page.at)
    at = 8 if page.big else 4
    return data[:at] + place + data[at + len(place) :]


def _check_blocks(page: Page, size: int, name: str, lenient: bool) -> None:
    """Every strip or tile the size calls for is there, inside the file and, if not compressed, long enough."""
    if page.compression == 6 and not page.offsets:
        # Old-style JPEG keeps its data elsewhere; libtiff judges it.
        return
    down, across, planes = grid_of(page)
    need = down * across * planes
    if len(page.offsets) < need or (page.counts and len(page.counts) < need):
        raise truncated(name, "tiff", f"{len(page.offsets)} of {need} strips or tiles")
    if lenient:
        return
    counts = page.counts or (0,) * need
    row_bits = page.block_width * (sum(page.bits) if planes == 1 and len(page.bits) == page.samples else page.bits[0])
    if planes == 1 and len(page.bits) != page.samples:
        row_bits *= page.samples
    for index in range(need):
        if page.offsets[index] + counts[index] > size:
            raise truncated(name, "tiff", f"strip or tile {index} that ends behind the file of {size} bytes")
        rows = page.block_height if page.tiled else block_rows(page, index % down)
        # Subsampled YCbCr (photometric 6) takes fewer bytes than its samples say.
        if page.compression == _NONE and page.photometric != 6 and page.counts:
            wanted = (row_bits + 7) // 8 * rows
            if counts[index] < wanted:
                raise truncated(name, "tiff", f"{counts[index]} of {wanted} bytes in strip or tile {index}")


def grid_of(page: Page) -> tuple[int, int, int]:
    """How many blocks down, across and how many planes."""
    planes = page.samples if page.planar == 2 else 1
    return -(-page.height // page.block_height), -(-page.width // page.block_width), planes


def block_rows(page: Page, row: int) -> int:
    return min(page.block_height, page.height - row * page.block_height)
