"""The boxes and the header of a JPEG XL: its size, depth, channels and colors, before a decoder sees it.

Sources: ISO/IEC 18181-1:2024, sections 6.2, D.2, D.3 and E.2; ISO/IEC 18181-2:2024, section 4, for the boxes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..errors import FileFormatError
from .integrity import Facts, corrupt, four

__all__ = ["JxlHeader", "boxes_of", "cut_short", "read_header", "walk_jxl"]

_CONTAINER = b"\0\0\0\x0cJXL \r\n\x87\n"
_CODESTREAM = b"\xff\x0a"
# Names of channels may make a header long; nobody writes more of them than this.
_HEAD = 1 << 16


@dataclass(frozen=True, slots=True)
class JxlHeader:
    """What the header says of the picture.

    Attributes:
        width: in pixels, as stored.
        height: in pixels, as stored.
        orientation: 1..8 as in EXIF; decoders apply it.
        depth: bits of a sample of color.
        floats: whether samples are floats.
        gray: whether color is gray alone.
        animated: whether there may be several frames.
        alpha_depth: bits of the first alpha, 0 where there is none.
        premultiplied: whether color is multiplied by alpha.
        more_channels: names of the channels that are neither color nor the first alpha.
        is_srgb: the colors are sRGB, or gray with its curve.
        transfer: the curve by its number in H.273, where the file says one; 2 elsewhere.
        primaries: the primaries by their number there.
        by_profile: an ICC profile says the colors.
        color_bits: where the colors stand in the codestream, in bits: their first, and the one behind them.
    """

    width: int
    height: int
    orientation: int = 1
    depth: int = 8
    floats: bool = False
    gray: bool = False
    animated: bool = False
    alpha_depth: int = 0
    premultiplied: bool = False
    more_channels: tuple[str, ...] = ()
    is_srgb: bool = True
    transfer: int = 13
    primaries: int = 1
    by_profile: bool = False
    color_bits: tuple[int, int] = (0, 0)

    @property
    def mode(self) -> str:
        """Pillow's name of the channels."""
        return ("L" if self.gray else "RGB") + ("A" if self.alpha_depth else "")

    @property
    def color_name(self) -> str | None:
        """What the colors are called; None where they are sRGB."""
        if self.is_srgb:
            return None
        if self.by_profile:
            return "an ICC profile"
        return f"primaries {self.primaries} and transfer {self.transfer} of H.273 (JPEG XL)"


def boxes_of(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """The boxes of a container: type, where the content begins and where it says it ends, maybe behind the file."""
    at = 0
    while at + 8 <= len(data):
        size, head = int.from_bytes(data[at : at + 4], "big"), 8
        if size == 1:
            size, head = int.from_bytes(data[at + 8 : at + 16], "big"), 16
        end = len(data) if size == 0 else at + max(size, head)
        yield data[at + 4 : at + 8], at + head, end
        at = end
    if at < len(data):
        # Less than a box needs.
        yield b"", at, at + 8


def walk_jxl(data: bytes, name: str, lenient: bool) -> Facts:
    """Walk over the boxes, and read the size from the header of the codestream."""
    if data.startswith(_CONTAINER) and not lenient:
        _check_boxes(data, name)
    header = read_header(data, name)
    return Facts(header.width, header.height, depth=header.depth)


def cut_short(name: str, got: str) -> FileFormatError:
    """The error for a file that ends too early, of which no part is decoded."""
    return FileFormatError(name, "a whole JPEG XL file", got, "fetch the file again", code="truncated")


def _check_boxes(data: bytes, name: str) -> None:
    finished = False
    for kind, start, end in boxes_of(data):
        if end > len(data):
            raise cut_short(name, f"a box {four(kind)} that ends {end - len(data)} bytes behind the file")
        # The highest bit of its number marks the last part of a codestream.
        finished |= kind == b"jxlc" or (kind == b"jxlp" and data[start : start + 1] >= b"\x80")
    if not finished:
        raise cut_short(name, "a codestream without its last part")


def _codestream(data: bytes, name: str) -> bytes:
    """The beginning of the codestream."""
    if data.startswith(_CODESTREAM):
        return data[:_HEAD]
    found = b""
    for kind, start, end in boxes_of(data):
        if kind == b"jxlc":
            found = data[start:end][:_HEAD]
            break
        if kind == b"jxlp":
            found += data[start + 4 : min(end, start + 4 + _HEAD - len(found))]
            if len(found) >= _HEAD:
                break
    if len(found) < 2:
        raise cut_short(name, "no codestream")
    if not found.startswith(_CODESTREAM):
        raise corrupt(name, "jxl", "a codestream that does not begin as one")
    return found


def read_header(data: bytes, name: str) -> JxlHeader:
    """Read the header.

    Raises:
        FileFormatError: code "truncated" or "corrupt".
        IndexError: the file ends inside of it.
    """
    bits = _Bits(_codestream(data, name))
    height, width = _size(bits)
    if bits.flag():
        return JxlHeader(width, height)
    orientation, animated, extra = 1, False, bits.flag()
    if extra:
        orientation = 1 + bits.number(3)
        if bits.flag():
            _size(bits)
        if bits.flag():
            _skip_preview(bits)
        animated = bits.flag()
        if animated:
            _skip_animation(bits)
    depth, floats = _depth(bits)
    bits.flag()  # whether 16-bit buffers do
    count = bits.choose((0, 0), (1, 0), (2, 4), (1, 12))
    channels = [_channel(bits) for _ in range(count)]
    alpha = next((each for each in channels if each.kind == _ALPHA), None)
    bits.flag()  # whether the codestream is in XYB, which decoders turn into the colors below
    color_from = bits.at
    gray, is_srgb, by_profile, transfer, primaries = _color(bits)
    return JxlHeader(
        width,
        height,
        orientation,
        depth,
        floats,
        gray,
        animated,
        0 if alpha is None else alpha.depth,
        alpha is not None and alpha.premultiplied,
        tuple(_CHANNELS.get(each.kind, f"kind {each.kind}") for each in channels if each is not alpha),
        is_srgb,
        transfer,
        primaries,
        by_profile,
        (color_from, bits.at),
    )


class _Bits:
    """Bits of a codestream, the lowest of a byte first, behind the two bytes of its signature."""

    def __init__(self, data: bytes) -> None:
        self._data, self.at = data, 16

    def number(self, count: int) -> int:
        end = self.at + count
        if end > 8 * len(self._data):
            raise IndexError("end of the codestream")
        chunk = int.from_bytes(self._data[self.at // 8 : -(-end // 8)], "little")
        value = chunk >> self.at % 8 & (1 << count) - 1
        self.at = end
        return value

    def flag(self) -> bool:
        return self.number(1) == 1

    def choose(self, *ways: tuple[int, int]) -> int:
        """The U32 of the standard: two bits choose between four ways, each an offset and a count of bits."""
        offset, count = ways[self.number(2)]
        return offset + self.number(count)

    def enumerated(self) -> int:
        return self.choose((0, 0), (1, 0), (2, 4), (18, 6))


# Width by height of the seven ratios that need no width.
_RATIOS = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))
_SIDES = ((1, 9), (1, 13), (1, 18), (1, 30))


def _size(bits: _Bits) -> tuple[int, int]:
    """Height and width."""
    small = bits.flag()

    def side() -> int:
        return 8 * (1 + bits.number(5)) if small else bits.choose(*_SIDES)

    height = side()
    return height, _width_by_ratio(bits, height) or side()


def _width_by_ratio(bits: _Bits, height: int) -> int:
    ratio = bits.number(3)
    if not ratio:
        return 0
    across, down = _RATIOS[ratio - 1]
    return height * across // down


def _skip_preview(bits: _Bits) -> None:
    eights = bits.flag()
    sides = ((16, 0), (32, 0), (1, 5), (33, 9)) if eights else ((1, 6), (65, 8), (321, 10), (1345, 12))
    height = bits.choose(*sides)
    if not _width_by_ratio(bits, height):
        bits.choose(*sides)


def _skip_animation(bits: _Bits) -> None:
    bits.choose((100, 0), (1000, 0), (1, 10), (1, 30))
    bits.choose((1, 0), (1001, 0), (1, 8), (1, 10))
    bits.choose((0, 0), (0, 3), (0, 16), (0, 32))
    bits.flag()


def _depth(bits: _Bits) -> tuple[int, bool]:
    if bits.flag():
        depth = bits.choose((32, 0), (16, 0), (24, 0), (1, 6))
        bits.number(4)
        return depth, True
    return bits.choose((8, 0), (10, 0), (12, 0), (1, 6)), False


@dataclass(frozen=True, slots=True)
class _Channel:
    kind: int
    depth: int
    premultiplied: bool = False


_ALPHA, _SPOT, _CFA = 0, 2, 5
_CHANNELS = {0: "alpha", 1: "depth", 2: "spot", 3: "selection", 4: "black", 5: "mosaic", 6: "thermal", 16: "optional"}


def _channel(bits: _Bits) -> _Channel:
    if bits.flag():
        return _Channel(_ALPHA, 8)
    kind = bits.enumerated()
    depth, _ = _depth(bits)
    bits.choose((0, 0), (3, 0), (4, 0), (1, 3))
    for _ in range(bits.choose((0, 0), (0, 4), (16, 5), (48, 10))):
        bits.number(8)
    if kind == _SPOT:
        bits.number(64)
    if kind == _CFA:
        bits.choose((1, 0), (0, 2), (3, 4), (19, 8))
    return _Channel(kind, depth, kind == _ALPHA and bits.flag())


_GRAY, _XYB, _CUSTOM, _UNSPECIFIED, _SRGB, _D65 = 1, 2, 2, 2, 13, 1


def _color(bits: _Bits) -> tuple[bool, bool, bool, int, int]:
    """Whether the colors are gray, sRGB, and said by a profile; their curve and primaries by number."""
    if bits.flag():
        return False, True, False, _SRGB, 1
    by_profile, space = bits.flag(), bits.enumerated()
    gray = space == _GRAY
    if by_profile or space == _XYB:
        return gray, False, by_profile, _UNSPECIFIED, _UNSPECIFIED
    white = bits.enumerated()
    if white == _CUSTOM:
        _skip_point(bits)
    primaries = 1
    if not gray:
        primaries = bits.enumerated()
        if primaries == _CUSTOM:
            for _ in range(3):
                _skip_point(bits)
    if bits.flag():
        bits.number(24)
        transfer = _UNSPECIFIED
    else:
        transfer = bits.enumerated()
    bits.enumerated()  # the rendering intent
    is_srgb = (white, primaries, transfer) == (_D65, 1, _SRGB) and space <= _GRAY
    return gray, is_srgb, False, transfer, primaries


def _skip_point(bits: _Bits) -> None:
    for _ in range(2):
        bits.choose((0, 19), (524288, 19), (1048576, 20), (2097152, 21))
