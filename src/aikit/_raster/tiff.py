"""TIFF: the walk through its directories, and the sample depths Pillow reads wrongly or not at all.

Measured with Pillow 13 and OpenCV 5: 16-bit planar RGB comes out of Pillow scrambled, big-endian
deflated float gray byte-swapped from Pillow, 16-bit white-is-zero uninverted from Pillow, 16-bit
gray+alpha from neither. So strips and tiles are put together here, and OpenCV only unpacks LZW and
its kin, from a header we write ourselves: it never sees the file's own.

Source: Adobe, "TIFF Revision 6.0" (1992); "TIFF Technical Note 3" (floating point predictor);
BigTIFF as in libtiff's documentation.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import TiffImagePlugin

from .._metadata.iptc import find_in_resources
from ..errors import FileFormatError
from .high_depth import Samples
from .integrity import corrupt, truncated

__all__ = ["Page", "check_samples", "pages", "read_page", "turn"]

# Bytes of each field type; 13 is an IFD offset, 16 to 18 are BigTIFF's.
_TYPES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_UNSIGNED = {1: "u1", 3: "u2", 4: "u4", 13: "u4", 16: "u8", 18: "u8"}
_NONE, _LZW, _PACKBITS, _DEFLATE = 1, 5, 32773, (8, 32946)
# Bits and sample format: 1 unsigned, 2 signed, 3 float.
_KINDS, _GRAY_KINDS = ((16, 1), (16, 3), (32, 3), (64, 3)), ((16, 2), (32, 1), (32, 2))
_UNPACKED_BY_OPENCV = (_LZW, _PACKBITS)
# Samples in a strip of rows, and bytes of input that are inflated at a time.
_STRIP, _PIECE = 1 << 18, 1 << 16

Finish = Callable[[Samples], Samples]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One directory of a TIFF file, in the words of the specification."""

    width: int
    height: int
    order: str
    bits: tuple[int, ...]
    samples: int
    sample_format: int
    photometric: int
    compression: int
    planar: int
    predictor: int
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

    @property
    def wide(self) -> bool:
        """Whether `read_page` takes the samples: 16-bit integers, floats, and gray integers of 32 bits or with a sign."""
        kind = (self.bits[0], self.sample_format)
        known = kind in _KINDS or (self.samples == 1 and kind in _GRAY_KINDS)
        known = known and len(set(self.bits)) == 1
        plain = self.compression in (_NONE, *_DEFLATE, *_UNPACKED_BY_OPENCV)
        color = self.photometric in (0, 1) or (self.photometric == 2 and self.samples >= 3)
        # More samples than these are no picture, and cost memory the pixel limits do not see.
        return known and plain and color and self.samples <= 16

    @property
    def noisy(self) -> bool:
        """Whether libtiff unpacks it, in Pillow or OpenCV: it writes to the process's error stream about damage."""
        return self.compression != _NONE and not (self.wide and self.compression in _DEFLATE)

    @property
    def colors(self) -> int:
        """Samples that are color; whatever follows is alpha or unspecified."""
        return 3 if self.photometric == 2 else 1

    @property
    def alpha(self) -> int | None:
        """Which sample is alpha, if any. Without the tag a fourth sample is taken as alpha, as Pillow does."""
        if self.samples == self.colors:
            return None
        if not self.extra:
            return self.colors if self.samples == self.colors + 1 else None
        return next((self.colors + at for at, kind in enumerate(self.extra) if kind in (1, 2, 999)), None)

    @property
    def kept(self) -> int:
        """How many samples `read_page` gives."""
        return self.colors + (self.alpha is not None)

    @property
    def associated(self) -> bool:
        """Whether the colors are stored multiplied by alpha."""
        return self.alpha is not None and bool(self.extra) and self.extra[self.alpha - self.colors] == 1


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
        tags, at, cost = _directory(data, at, order, big, name)
        budget -= cost
        if budget < 0:
            raise corrupt(name, "tiff", "directories that overlap")
        page = _page(tags, order, name)
        _check_blocks(page, len(data), name, lenient)
        yield page


def _directory(data: bytes, at: int, order: str, big: bool, name: str) -> tuple[dict[int, Any], int, int]:
    """The tags this module needs, where the next directory is, and how many bytes were read."""
    count_code, entry, inline = ("Q", 20, 8) if big else ("H", 12, 4)
    (count,) = struct.unpack_from(order + count_code, data, at)
    at += 8 if big else 2
    if count > _MOST_TAGS:
        raise corrupt(name, "tiff", f"a directory of {count} entries")
    if at + count * entry > len(data):
        raise truncated(name, "tiff", f"a directory of {count} entries that ends behind the file")
    tags: dict[int, Any] = {}
    cost = count * entry
    for index in range(count):
        here = at + index * entry
        tag, kind, number = struct.unpack_from(order + ("HHQ" if big else "HHI"), data, here)
        size = _TYPES.get(kind, 0) * number
        place = here + entry - inline
        if size > inline:
            (place,) = struct.unpack_from(order + ("Q" if big else "I"), data, place)
        if place + size > len(data):
            raise truncated(name, "tiff", f"tag {tag} with {size} bytes at {place} of {len(data)}")
        # Pillow loads all of them.
        cost += size
        if tag in _TAGS and tag not in tags:
            if kind in _UNSIGNED and kind != 1 and number > _MOST_VALUES:
                raise corrupt(name, "tiff", f"{number} values in tag {tag}")
            raw = data[place : place + size]
            tags[tag] = raw if tag in _BYTES else _value(raw, kind, order)
    (following,) = struct.unpack_from(order + ("Q" if big else "I"), data, at + count * entry)
    return tags, following, cost


def _value(raw: bytes, kind: int, order: str) -> Any:
    if kind in (2, 7) or not raw:
        return raw
    if kind == 5:
        return tuple(np.frombuffer(raw, order + "u4").tolist())
    code = _UNSIGNED.get(kind)
    return tuple(np.frombuffer(raw, order + code).tolist()) if code else raw


# Bytes whatever their type: many writers call those of IPTC LONG, and do not mean integers.
_BYTES = (33723, 34377)
_TAGS = {
    *_BYTES,
    256,
    257,
    258,
    259,
    262,
    273,
    274,
    277,
    278,
    279,
    282,
    283,
    284,
    296,
    317,
    322,
    323,
    324,
    325,
    338,
    339,
    700,
    34675,
}


def _page(tags: dict[int, Any], order: str, name: str) -> Page:
    def one(tag: int, default: int) -> int:
        value = tags.get(tag)
        return int(value[0]) if isinstance(value, tuple) and value else default

    def all_of(tag: int) -> tuple[int, ...]:
        value = tags.get(tag)
        return value if isinstance(value, tuple) else ()

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
        width=width,
        height=height,
        order=order,
        bits=all_of(258) or (1,) * samples,
        samples=samples,
        sample_format=one(339, 1),
        photometric=one(262, 1),
        compression=one(259, 1),
        planar=one(284, 1),
        predictor=one(317, 1),
        extra=all_of(338),
        orientation=one(274, 1),
        block_width=block[0],
        block_height=block[1],
        tiled=tiled,
        offsets=all_of(324 if tiled else 273),
        counts=all_of(325 if tiled else 279),
        profile=profile if isinstance(profile, bytes) else bytes(profile) if profile and max(profile) < 256 else None,
        iptc=tags.get(33723) or find_in_resources(tags.get(34377, b"")) or None,
        xmp=xmp if isinstance(xmp, bytes) else bytes(xmp) if xmp and max(xmp) < 256 else None,
        dpi=_dpi(all_of(282), all_of(283), one(296, 2)),
    )


def _dpi(across: tuple[int, ...], down: tuple[int, ...], unit: int) -> tuple[float, float] | None:
    if unit not in (2, 3) or len(across) != 2 or len(down) != 2 or not across[1] or not down[1]:
        return None
    factor = 2.54 if unit == 3 else 1.0
    return across[0] / across[1] * factor, down[0] / down[1] * factor


def _check_blocks(page: Page, size: int, name: str, lenient: bool) -> None:
    """Every strip or tile the size calls for is there, inside the file and, if not compressed, long enough."""
    if page.compression == 6 and not page.offsets:
        # Old-style JPEG keeps its data elsewhere; libtiff judges it.
        return
    down, across, planes = _grid(page)
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
        rows = page.block_height if page.tiled else _rows(page, index % down)
        # Subsampled YCbCr (photometric 6) takes fewer bytes than its samples say.
        if page.compression == _NONE and page.photometric != 6 and page.counts:
            wanted = (row_bits + 7) // 8 * rows
            if counts[index] < wanted:
                raise truncated(name, "tiff", f"{counts[index]} of {wanted} bytes in strip or tile {index}")


def _grid(page: Page) -> tuple[int, int, int]:
    """How many blocks down, across and how many planes."""
    planes = page.samples if page.planar == 2 else 1
    return -(-page.height // page.block_height), -(-page.width // page.block_width), planes


def _rows(page: Page, row: int) -> int:
    return min(page.block_height, page.height - row * page.block_height)


def check_samples(samples: int, name: str) -> None:
    """Raise FileFormatError for more samples a pixel than any of Pillow's modes has."""
    if samples > TiffImagePlugin.MAX_SAMPLESPERPIXEL:
        raise FileFormatError(
            name,
            f"at most {TiffImagePlugin.MAX_SAMPLESPERPIXEL} samples a pixel",
            str(samples),
            "split the TIFF into pictures",
            code="unsupported_format",
        )


def read_page(data: bytes, page: Page, name: str, finish: Finish, *, lenient: bool = False) -> Samples:
    """The samples of a `wide` page as (H, W, C): color, then alpha if there is one; straight and upright.

    White-is-zero 16-bit integers are inverted, so 0 is black. Signed and 32-bit integers come as int32. float16 widens
    to float32 exactly; float64 is rounded to float32, the widest kind aikit's readers hand out. Each strip of rows goes
    through `finish` before it is put in its place: only the result is ever held entirely.
    """
    down, across, planes = _grid(page)
    channels = page.samples // planes if planes > 1 else page.samples
    dtype = np.dtype(f"{page.order}{'?uif'[page.sample_format]}{page.bits[0] // 8}")

    def finish_strip(strip: Samples) -> Samples:
        native = strip.astype(dtype.newbyteorder("="), copy=False)
        return finish(_straight(_keep_channels(native, page, name), page))

    example = finish_strip(np.zeros((1, 1, page.samples), dtype))
    out = np.zeros((page.height, page.width, example.shape[2]), example.dtype)
    for row, column in np.ndindex(down, across):
        rows = page.block_height if page.tiled else _rows(page, row)
        indexes = [(plane * down + row) * across + column for plane in range(planes)]
        blocks = [_Block(data, page, index, rows, channels, dtype, name, lenient) for index in indexes]
        top, left = row * page.block_height, column * page.block_width
        height, width = min(rows, page.height - top), min(page.block_width, page.width - left)
        step = max(1, _STRIP // page.block_width)
        for above in range(0, height, step):
            parts = [block.take(min(step, height - above))[:, :width] for block in blocks]
            strip = parts[0] if planes == 1 else np.concatenate(parts, axis=2)
            out[top + above : top + above + len(strip), left : left + width] = finish_strip(strip)
    return turn(out, page.orientation)


class _Block:
    """One strip or tile, taken a few rows at a time; what a lenient caller finds missing comes as zeros."""

    def __init__(
        self,
        data: bytes,
        page: Page,
        index: int,
        rows: int,
        channels: int,
        dtype: np.dtype[Any],
        name: str,
        lenient: bool,
    ) -> None:
        self._page, self._index, self._channels, self._dtype = page, index, channels, dtype
        self._name, self._lenient = name, lenient
        self._row_bytes = page.block_width * channels * dtype.itemsize
        self._need, self._got = rows * self._row_bytes, 0
        offset = page.offsets[index]
        # Not a copy: blocks may overlap, and there may be thousands of planes.
        packed = memoryview(data)[offset : offset + page.counts[index] if page.counts else None]
        self._engine = zlib.decompressobj() if page.compression in _DEFLATE else None
        self._rest = packed if self._engine or page.compression == _NONE else self._unpack(bytes(packed), rows)

    def take(self, rows: int) -> Samples:
        """The next rows, (rows, columns, channels), without predictor."""
        raw = self._take_bytes(rows * self._row_bytes)
        self._got += len(raw)
        if len(raw) < rows * self._row_bytes:
            if not self._lenient:
                got = f"{self._got} of {self._need} bytes"
                raise corrupt(self._name, "tiff", f"{got} from strip or tile {self._index}")
            raw = bytes(raw).ljust(rows * self._row_bytes, b"\0")
        width, dtype = self._page.block_width, self._dtype
        bytes_ = np.frombuffer(raw, np.uint8, rows * self._row_bytes).reshape(rows, self._row_bytes)
        if self._page.predictor == 3:
            return _float_predicted(bytes_, width, self._channels, dtype)
        samples = bytes_.view(dtype).reshape(rows, width, self._channels)
        if self._page.predictor == 2 and dtype.kind in "ui":
            return np.cumsum(samples, axis=1, dtype=dtype.newbyteorder("="))
        return samples

    def _take_bytes(self, size: int) -> bytes | memoryview:
        if self._engine is None:
            taken = self._rest[:size]
            self._rest = self._rest[size:]
            return taken
        parts, left = [], size
        try:
            while left and not self._engine.eof:
                piece: bytes | memoryview = self._engine.unconsumed_tail
                if not piece:
                    piece, self._rest = self._rest[:_PIECE], self._rest[_PIECE:]
                part = self._engine.decompress(piece, left)
                if not part and not piece:
                    break
                parts.append(part)
                left -= len(part)
        except zlib.error:
            self._rest = memoryview(b"")
            self._engine = None
        return b"".join(parts)

    def _unpack(self, packed: bytes, rows: int) -> memoryview:
        header = _gray_header(self._row_bytes, rows, self._page.compression, len(packed))
        try:
            image = cv2.imdecode(np.frombuffer(header + packed, np.uint8), cv2.IMREAD_UNCHANGED)
        except cv2.error:
            return memoryview(b"")
        if image is None or image.shape[:2] != (rows, self._row_bytes) or image.dtype != np.uint8:
            return memoryview(b"")
        return image.reshape(-1).data


def _float_predicted(raw: NDArray[np.uint8], width: int, channels: int, dtype: np.dtype[Any]) -> Samples:
    """Undo predictor 3: byte differences along the row, the bytes of all values grouped by significance."""
    rows, size = raw.shape[0], dtype.itemsize
    summed = np.cumsum(raw.reshape(rows, -1, channels), axis=1, dtype=np.uint8).reshape(rows, size, width * channels)
    return np.ascontiguousarray(summed.transpose(0, 2, 1)).view(dtype.newbyteorder(">")).reshape(rows, width, channels)


def _gray_header(width: int, height: int, compression: int, size: int) -> bytes:
    """A TIFF of one 8-bit gray strip without predictor: libtiff as a mere unpacker."""
    start = 8 + 2 + 9 * 12 + 4
    plain = {256: width, 257: height, 258: 8, 259: compression, 262: 1, 273: start, 277: 1, 278: height, 279: size}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in plain.items())
    return b"II*\0" + struct.pack("<IH", 8, len(plain)) + entries + struct.pack("<I", 0)


def _keep_channels(samples: Samples, page: Page, name: str) -> Samples:
    if samples.dtype.kind == "f":
        samples = samples.astype(np.float32, copy=False)
    elif samples.dtype != np.uint16:
        return _as_int32(samples, name)
    alpha = page.alpha
    keep = [*range(page.colors)] + ([alpha] if alpha is not None else [])
    kept = samples if len(keep) == page.samples else np.ascontiguousarray(samples[..., keep])
    if page.photometric == 0 and samples.dtype.kind == "u":
        kept = kept.copy()
        kept[..., 0] = np.iinfo(samples.dtype).max - kept[..., 0]
    return kept


def _as_int32(samples: Samples, name: str) -> NDArray[np.int32]:
    """Pillow's mode I, whose codes end at 2**31 - 1; Pillow itself lets larger ones turn negative."""
    if samples.max() > np.iinfo(np.int32).max:
        raise FileFormatError(
            name,
            f"integers up to {np.iinfo(np.int32).max}",
            str(samples.max()),
            "save the TIFF as 32-bit float",
            code="unsupported_format",
        )
    return samples.astype(np.int32)


def _straight(samples: Samples, page: Page) -> Samples:
    """Divide by alpha where the file stores color multiplied by it; color without alpha becomes black."""
    if not page.associated:
        return samples
    codes, alpha = samples.dtype.kind == "u", samples[..., -1:]
    color: Samples = samples[..., :-1].astype(np.float64 if codes else np.float32)
    if codes:
        color *= 65535.0
    seen = alpha > 0
    np.divide(color, alpha, out=color, where=seen)
    if codes:
        np.minimum(np.rint(color, out=color), 65535.0, out=color)
    result = samples.copy()
    result[..., :-1] = color
    np.copyto(result[..., :-1], 0, where=~seen)
    return result


def turn(samples: Samples, orientation: int) -> Samples:
    """Turn rows and columns as the orientation tag asks (TIFF 6.0, section 8; EXIF numbers them alike)."""
    if orientation in (5, 6, 7, 8):
        samples = samples.transpose(1, 0, 2)
    if orientation in (3, 4, 7, 8):
        samples = samples[::-1]
    if orientation in (2, 3, 6, 7):
        samples = samples[:, ::-1]
    return np.ascontiguousarray(samples)
