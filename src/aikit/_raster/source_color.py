"""Colors that a file names by numbers and not by a profile: PNG's cICP, gAMA and cHRM, and nclx of AVIF and HEIC.

Each becomes an ICC profile, so that there is one way from any color to sRGB, in 8 and in 16 bits, and what is read with
`profile="ignore"` carries a profile that says what its codes mean. HDR has no such form and is refused.

Sources: ITU-T H.273 (07/2024), tables 2 and 3; W3C, "Portable Network Graphics Specification, Third Edition", sections
4.3 and 11.3.2.
"""

from __future__ import annotations

import logging
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..color.rgb import PRIMARIES, WHITE
from ..errors import FileFormatError, printable
from . import icc
from .isobmff import read_properties
from .job import Job
from .jxl_header import read_header

__all__ = ["SourceColor", "find_source_color", "named_profile", "with_source_profile"]

_log = logging.getLogger("aikit.color")

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class SourceColor:
    """The colors of a file that are not sRGB.

    Attributes:
        name: what people call them, and where the file says so.
        primaries: chromaticities of red, green and blue.
        white: that of white.
        curve: the tone curve as an ICC tag; None where it is HDR or known to nobody.
    """

    name: str
    primaries: tuple[Point, Point, Point]
    white: Point
    curve: bytes | None

    def profile(self, *, gray: bool) -> bytes:
        """Make the profile of the colors; they have a curve."""
        assert self.curve is not None
        return icc.build(self.name, self.primaries, self.white, self.curve, gray=gray)


_C, _E, _DCI = (0.310, 0.316), (1 / 3, 1 / 3), (0.314, 0.351)
_SMPTE = ((0.630, 0.340), (0.310, 0.595), (0.155, 0.070))
_P3 = ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060))
# H.273, table 2. 2 is unspecified and read as 1, as every decoder does.
_PRIMARIES: dict[int, tuple[str, tuple[Point, Point, Point], Point]] = {
    1: ("BT.709", PRIMARIES, WHITE),
    2: ("BT.709", PRIMARIES, WHITE),
    4: ("BT.470M", ((0.67, 0.33), (0.21, 0.71), (0.14, 0.08)), _C),
    5: ("BT.470BG", ((0.64, 0.33), (0.29, 0.60), (0.15, 0.06)), WHITE),
    6: ("BT.601", _SMPTE, WHITE),
    7: ("SMPTE 240M", _SMPTE, WHITE),
    8: ("film", ((0.681, 0.319), (0.243, 0.692), (0.145, 0.049)), _C),
    9: ("BT.2020", ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046)), WHITE),
    10: ("XYZ", ((1.0, 0.0), (0.0, 1.0), (0.0, 0.0)), _E),
    11: ("DCI-P3", _P3, _DCI),
    12: ("Display P3", _P3, WHITE),
    22: ("EBU 3213", ((0.630, 0.340), (0.295, 0.605), (0.155, 0.077)), WHITE),
}
_SRGB_CURVE = icc.parametric(3, 2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
# H.273, table 3. The curves of television, 1, 6, 14 and 15, describe cameras and not displays; browsers show pictures that
# are said to have them by the curve of sRGB, and so does everything that wrote them.
_TRANSFERS: dict[int, tuple[str, bytes]] = {
    **dict.fromkeys((1, 2, 6, 11, 12, 13, 14, 15), ("", _SRGB_CURVE)),
    4: ("gamma 2.2", icc.parametric(0, 2.2)),
    5: ("gamma 2.8", icc.parametric(0, 2.8)),
    7: ("SMPTE 240M", icc.parametric(3, 1 / 0.45, 1 / 1.1115, 0.1115 / 1.1115, 1 / 4, 0.0912)),
    8: ("linear", icc.parametric(0, 1.0)),
}
# The curve of Display P3 is that of sRGB.
_NAMED = {"srgb": ("sRGB", 1), "display-p3": ("Display P3", 12)}
_HDR = {16: "PQ", 18: "HLG"}
_UNSPECIFIED = 2


def named_profile(name: str, *, gray: bool) -> bytes:
    """Make the profile of a space that has a name here."""
    title, number = _NAMED[name]
    _, points, white = _PRIMARIES[number]
    return SourceColor(title, points, white, _SRGB_CURVE).profile(gray=gray)


def find_source_color(job: Job) -> SourceColor | None:
    """Find what the file says of its colors beside profiles; None where it says nothing, or sRGB."""
    if job.format == "png":
        return _png_color(job.facts.chunks, job.name)
    if job.format in ("avif", "heic"):
        found = read_properties(job.data)
        if found.nclx is None or (found.has_profile and found.nclx.transfer not in _HDR):
            return None
        return _by_numbers(found.nclx.primaries, found.nclx.transfer, "nclx")
    if job.format == "jxl":
        header = read_header(job.data, job.name)
        # All other colors come as a profile from the decoder.
        return _by_numbers(header.primaries, header.transfer, "JPEG XL") if header.transfer in _HDR else None
    return None


def with_source_profile(info: Mapping[Any, Any], job: Job, *, gray: bool) -> dict[Any, Any]:
    """Copy `info`, with the profile of colors that the file names otherwise.

    Raises:
        FileFormatError: code "unsupported_color", where they are HDR and sRGB is wanted.
    """
    color = find_source_color(job)
    profile = info.get("icc_profile")
    hdr = color.name if color is not None and color.curve is None else _hdr_profile(profile)
    if hdr is not None:
        if job.profile == "srgb":
            raise FileFormatError(
                job.name,
                "colors that sRGB can show",
                hdr,
                'pass profile="ignore" to read the codes as they are',
                code="unsupported_color",
                option="profile",
            )
        _log.warning("%s: its codes are %s, and are read as they are", printable(job.name), hdr)
        return dict(info)
    if color is None:
        return dict(info)
    return {**info, "icc_profile": color.profile(gray=gray)}


def _hdr_profile(profile: object) -> str | None:
    """The name of the HDR curve that a profile names by number (ICC.1:2022, section 9.2.17), or None."""
    numbers = icc.coding_of(profile) if isinstance(profile, bytes) else None
    if numbers is None or numbers[1] not in _HDR:
        return None
    return f"HDR by {_HDR[numbers[1]]} (ICC profile)"


def _by_numbers(primaries: int, transfer: int, where: str) -> SourceColor | None:
    name, points, white = _PRIMARIES.get(primaries, _PRIMARIES[_UNSPECIFIED])
    if transfer in _HDR:
        return SourceColor(f"{name} {_HDR[transfer]}, which is HDR ({where})", points, white, None)
    if transfer in (9, 10, 17):
        return SourceColor(f"{name} with the transfer {transfer} of H.273 ({where})", points, white, None)
    # What is reserved means nothing yet.
    curve_name, curve = _TRANSFERS.get(transfer, _TRANSFERS[_UNSPECIFIED])
    if points == PRIMARIES and curve == _SRGB_CURVE:
        return None
    return SourceColor(f"{name}{' ' + curve_name if curve_name else ''} ({where})", points, white, curve)


# ---------------------------------------------------------------- PNG


def _png_color(chunks: Mapping[bytes, bytes], name: str) -> SourceColor | None:
    """By the order of the specification: cICP, iCCP, sRGB, then gAMA and cHRM."""
    coded = chunks.get(b"cICP", b"")
    if len(coded) == 4:
        primaries, transfer, matrix, full_range = coded
        known = primaries in _PRIMARIES and (transfer in _TRANSFERS or transfer in _HDR) and not matrix
        if known and (primaries, transfer) != (_UNSPECIFIED, _UNSPECIFIED):
            if full_range != 1:
                return SourceColor("a narrow range of codes (cICP)", PRIMARIES, WHITE, None)
            return _by_numbers(primaries, transfer, "cICP")
        _log.warning("%s: the colors %s in its cICP chunk mean nothing", printable(name), tuple(coded))
    if b"iCCP" in chunks or b"sRGB" in chunks:
        return None
    gamma, points = _gamma(chunks.get(b"gAMA", b"")), _chromaticities(chunks.get(b"cHRM", b""))
    if gamma is None and points is None:
        return None
    white, *primaries_found = points or (WHITE, *PRIMARIES)
    red, green, blue = primaries_found
    words = [f"gamma {gamma:.4g} (gAMA)"] if gamma else []
    words += ["primaries of its own (cHRM)"] if points else []
    curve = icc.parametric(0, gamma) if gamma else _SRGB_CURVE
    return SourceColor(", ".join(words), (red, green, blue), white, curve)


# libpng 1.6, PNG_GAMMA_THRESHOLD: writers round 1/2.2, and mean the curve of sRGB by it.
_NEAR = 0.05
_SANE = (0.1, 10.0)


def _gamma(body: bytes) -> float | None:
    """The exponent from codes to light; None where it is that of sRGB, or none that there is."""
    if len(body) != 4:
        return None
    (stored,) = struct.unpack(">I", body)
    if not stored or not _SANE[0] <= 100_000 / stored <= _SANE[1]:
        return None
    return None if abs(stored / 100_000 * 2.2 - 1) <= _NEAR else 100_000 / stored


# Two digits are what monitors' makers print; libpng takes primaries as those of sRGB within one of them.
_SAME = 0.01


def _chromaticities(body: bytes) -> tuple[Point, ...] | None:
    """White, red, green and blue; None where they are those of sRGB, or span no colors."""
    if len(body) != 32:
        return None
    numbers = [each / 100_000 for each in struct.unpack(">8I", body)]
    points = tuple(zip(numbers[::2], numbers[1::2], strict=True))
    near = zip(points, (WHITE, *PRIMARIES), strict=True)
    if all(abs(one - other) <= _SAME for pair in near for one, other in zip(*pair, strict=True)):
        return None
    (_, white_y), (red_x, red_y), (green_x, green_y), (blue_x, blue_y) = points
    area = (green_x - red_x) * (blue_y - red_y) - (green_y - red_y) * (blue_x - red_x)
    if min(white_y, red_y, green_y, blue_y) <= 0 or max(numbers) > 1 or abs(area) < 1e-3:
        return None
    return points
