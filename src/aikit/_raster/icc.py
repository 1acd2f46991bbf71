"""Matrix/TRC profiles in float, for the 16-bit pictures that 8-bit color engines would round.

Sources: ICC.1:2022 (profile version 4.4), sections 7.2 header, 7.3 tag table, 10.6 curveType, 10.18
parametricCurveType, 10.31 XYZType, annex E Bradford.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..color.rgb import WHITE, encode, rgb_to_xyz_matrix, xyz_of

__all__ = ["D50", "Matrix", "UnusableProfileError", "color_space", "parse", "srgb_encode", "srgb_to_pcs"]

Floats = NDArray[np.float64]

# The illuminant of the profile connection space: ICC.1:2022, section 7.2.16. White of Photoshop's Lab too.
D50 = (0.9642, 1.0, 0.8249)
# The cone response of Bradford, ICC.1:2022, annex E.
_BRADFORD = ((0.8951, 0.2664, -0.1614), (-0.7502, 1.7135, 0.0367), (0.0389, -0.0685, 1.0296))

_CODES = 65536


class UnusableProfileError(ValueError):
    """Why a profile cannot be applied, in words that fit behind "got", and the code of the FileFormatError."""

    code = "corrupt"


class LookupTableError(UnusableProfileError):
    """The profile is intact, and of a kind that has no form for 16 bits."""

    code = "unsupported_format"


@dataclass(frozen=True, slots=True)
class Matrix:
    """A matrix/TRC profile: one lookup table of linear light a channel, and the columns to PCS XYZ.

    A gray profile has one curve and no matrix.
    """

    curves: tuple[Floats, ...]
    columns: Floats | None


def srgb_to_pcs() -> Floats:
    """Linear sRGB to XYZ under D50, from the primaries and both whites in float64."""
    cones = np.array(_BRADFORD)
    gains = (cones @ np.array(D50)) / (cones @ np.array(xyz_of(WHITE)))
    adapted: Floats = np.linalg.solve(cones, gains[:, None] * cones) @ np.array(rgb_to_xyz_matrix())
    return adapted


def srgb_encode(linear: Floats) -> Floats:
    """Linear light to sRGB codes, both clamped to [0, 1]."""
    (codes,) = encode(np, [np.clip(linear, 0.0, 1.0)], None)
    return np.asarray(codes)


def color_space(profile: bytes) -> str:
    """The color space of the device side: "RGB", "GRAY", "CMYK", "Lab" and so on.

    Raises:
        UnusableProfileError: the bytes are not a profile.
    """
    if len(profile) < 132 or profile[36:40] != b"acsp":
        raise UnusableProfileError(f"{len(profile)} bytes that are not an ICC profile")
    return profile[16:20].decode("latin-1").strip()


def parse(profile: bytes) -> Matrix:
    """The curves and matrix of an RGB or gray profile.

    Raises:
        UnusableProfileError: the profile is damaged, or has lookup tables instead.
    """
    try:
        space, tags = color_space(profile), _tags(profile)
        if space == "GRAY" and b"kTRC" in tags:
            return Matrix((_read_curve(tags[b"kTRC"]),), None)
        needed = (b"rTRC", b"gTRC", b"bTRC", b"rXYZ", b"gXYZ", b"bXYZ")
        if space != "RGB" or profile[20:24] != b"XYZ " or any(tag not in tags for tag in needed):
            raise LookupTableError(f"a profile for {space} made of lookup tables, which has no 16-bit form")
        columns = np.array([_column(tags[tag]) for tag in needed[3:]]).T
        return Matrix(tuple(_read_curve(tags[tag]) for tag in needed[:3]), columns)
    except struct.error as error:
        raise UnusableProfileError("a profile whose tags end too early") from error


def _tags(profile: bytes) -> dict[bytes, bytes]:
    (count,) = struct.unpack_from(">I", profile, 128)
    if 132 + 12 * count > len(profile):
        raise UnusableProfileError(f"a profile with {count} tags in {len(profile)} bytes")
    entries = (struct.unpack_from(">4sII", profile, 132 + 12 * index) for index in range(count))
    return {kind: profile[offset : offset + size] for kind, offset, size in entries}


def _column(tag: bytes) -> tuple[float, float, float]:
    if tag[:4] != b"XYZ ":
        raise UnusableProfileError(f"a profile whose color column has the type {tag[:4]!r}")
    x, y, z = struct.unpack_from(">iii", tag, 8)
    return x / 65536, y / 65536, z / 65536


def _read_curve(tag: bytes) -> Floats:
    """Read a tone curve as the linear light of each of the 65536 codes."""
    codes = np.linspace(0.0, 1.0, _CODES)
    if tag[:4] == b"curv":
        return _read_samples(tag, codes)
    if tag[:4] == b"para":
        return np.clip(_read_parametric(tag, codes), 0.0, 1.0)
    raise UnusableProfileError(f"a profile whose tone curve has the type {tag[:4]!r}")


def _read_samples(tag: bytes, codes: Floats) -> Floats:
    (count,) = struct.unpack_from(">I", tag, 8)
    if count == 0:
        return codes
    if count == 1:
        gamma: Floats = codes ** (struct.unpack_from(">H", tag, 12)[0] / 256)
        return gamma
    if 12 + 2 * count > len(tag):
        raise UnusableProfileError(f"a profile whose tone curve has {count} points in {len(tag)} bytes")
    points = np.frombuffer(tag, ">u2", count, 12) / 65535
    return np.interp(codes, np.linspace(0.0, 1.0, count), points)


# Parameters of each function type: g; a b; c; d; e f.
_PARAMETERS = (1, 3, 4, 5, 7)


def _read_parametric(tag: bytes, x: Floats) -> Floats:
    (kind,) = struct.unpack_from(">H", tag, 8)
    if kind >= len(_PARAMETERS):
        raise UnusableProfileError(f"a profile whose tone curve is of the unknown function type {kind}")
    values = [value / 65536 for value in struct.unpack_from(f">{_PARAMETERS[kind]}i", tag, 12)]
    g, a, b, c, d, e, f = (*values, *_REST[kind])
    if kind in (1, 2):
        if not a:
            raise UnusableProfileError("a profile whose tone curve divides by zero")
        # Types 1 and 2 break at -b/a and add c to both sides: written in the terms of type 4.
        c, d, e, f = 0.0, -b / a, (c if kind == 2 else 0.0), (c if kind == 2 else 0.0)
    power: Any = np.maximum(a * x + b, 0.0) ** g
    curve: Floats = np.where(x >= d, power + e, c * x + f)
    return curve


# What fills each type up to seven parameters. Type 3 has no e and f.
_REST: tuple[tuple[float, ...], ...] = (
    (1.0, 0.0, 0.0, -1.0, 0.0, 0.0),
    (0.0, 0.0, 0.0, 0.0),
    (0.0, 0.0, 0.0),
    (0.0, 0.0),
    (),
)
