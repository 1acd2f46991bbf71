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

__all__ = [
    "D50",
    "Matrix",
    "UnusableProfileError",
    "build",
    "coding_of",
    "color_space",
    "from_columns",
    "from_light",
    "parametric",
    "parse",
    "srgb_encode",
    "srgb_to_pcs",
    "to_light",
]

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

    @property
    def black(self) -> float:
        """The light of the darkest code, which becomes black: Photoshop's black point compensation, as in 8 bits.

        No more than L = 50, which LittleCMS takes for the darkest that black may be.
        """
        darkest = np.array([curve[0] for curve in self.curves])
        light = darkest[0] if self.columns is None else self.columns[1] @ darkest
        return float(np.clip(light, 0.0, _lightness_to_light(0.5)))


def to_light(values: Floats, matrix: Matrix) -> Floats:
    """Codes in [0, 1], (..., 1) or (..., 3), as linear light of sRGB, (..., 1) for a gray profile and else (..., 3)."""
    steps = np.linspace(0.0, 1.0, _CODES)
    if matrix.columns is None:
        return _without_black(np.interp(values, steps, matrix.curves[0]), matrix)
    planes = [values[..., index if values.shape[-1] == 3 else 0] for index in range(3)]
    light = np.stack(
        [np.interp(plane, steps, curve) for plane, curve in zip(planes, matrix.curves, strict=True)], axis=-1
    )
    return from_columns(light, matrix)


def from_columns(light: Floats, matrix: Matrix) -> Floats:
    """Light of a profile's own primaries as light of sRGB's, its black become black."""
    assert matrix.columns is not None
    to_srgb = np.linalg.solve(srgb_to_pcs(), matrix.columns)
    if np.abs(to_srgb - np.eye(3)).max() < _ROUNDED:
        return _without_black(light, matrix)
    return _without_black(light @ to_srgb.T, matrix)


# Columns are stored in 1/65536, and the inverse of sRGB's multiplies that by 3: these are sRGB's own primaries.
_ROUNDED = 1e-4


def _without_black(light: Floats, matrix: Matrix) -> Floats:
    # Gray under D50 is gray under D65, so one number does for all three channels.
    return (light - matrix.black) / (1 - matrix.black)


def from_light(light: Floats, matrix: Matrix) -> Floats:
    """The way back: linear light of sRGB as codes in [0, 1], clipped to what the profile reaches."""
    light = light * (1 - matrix.black) + matrix.black
    if matrix.columns is not None:
        light = light @ np.linalg.solve(matrix.columns, srgb_to_pcs()).T
    steps = np.linspace(0.0, 1.0, _CODES)
    planes = [np.interp(light[..., at], *_rising(curve, steps)) for at, curve in enumerate(matrix.curves)]
    return np.stack(planes, axis=-1)


def _rising(curve: Floats, steps: Floats) -> tuple[Floats, Floats]:
    """A curve and its codes, turned round where it falls."""
    return (curve, steps) if curve[-1] >= curve[0] else (curve[::-1], steps[::-1])


def _lightness_to_light(lightness: Any) -> Any:
    """L of CIELAB in [0, 1] as Y (CIE 15:2018)."""
    f = (np.asarray(lightness) * 100 + 16) / 116
    return np.where(f > 6 / 29, f**3, 3 * (6 / 29) ** 2 * (f - 4 / 29))


def srgb_to_pcs() -> Floats:
    """Linear sRGB to XYZ under D50, from the primaries and both whites in float64."""
    return _adapted(np.array(rgb_to_xyz_matrix()), xyz_of(WHITE))


def _adapted(columns: Floats, white: tuple[float, float, float]) -> Floats:
    """Columns of XYZ under one white as they are under D50."""
    adapted: Floats = _adaptation(white) @ columns
    return adapted


def _adaptation(white: tuple[float, float, float]) -> Floats:
    cones = np.array(_BRADFORD)
    gains = (cones @ np.array(D50)) / (cones @ np.array(white))
    return np.linalg.solve(cones, gains[:, None] * cones)


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
            curve = _read_curve(tags[b"kTRC"])
            # ICC.1:2022, section 8.3.4: into Lab the curve gives lightness, not light.
            return Matrix((_lightness_to_light(curve) if profile[20:24] == b"Lab " else curve,), None)
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


# ---------------------------------------------------------------- making profiles


def parametric(kind: int, *parameters: float) -> bytes:
    """A tone curve as a tag (ICC.1:2022, section 10.18)."""
    return b"para\0\0\0\0" + struct.pack(f">HH{len(parameters)}i", kind, 0, *map(_fixed, parameters))


def build(
    name: str,
    primaries: tuple[tuple[float, float], ...],
    white: tuple[float, float],
    curve: bytes,
    *,
    gray: bool = False,
) -> bytes:
    """Make a profile of version 4 of a matrix, or for gray of the curve alone."""
    own_white = xyz_of(white)
    tags = {b"desc": _text(name), b"cprt": _text("No copyright"), b"wtpt": _xyz(D50)}
    if gray:
        tags[b"kTRC"] = curve
    else:
        points = np.array([(x, y, 1 - x - y) for x, y in primaries]).T
        columns = _adapted(points * np.linalg.solve(points, np.array(own_white)), own_white)
        tags |= {tag: _xyz(column) for tag, column in zip((b"rXYZ", b"gXYZ", b"bXYZ"), columns.T, strict=True)}
        tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)
        tags[b"chad"] = b"sf32\0\0\0\0" + struct.pack(">9i", *map(_fixed, _adaptation(own_white).ravel()))
    return _file(tags, b"GRAY" if gray else b"RGB ")


def _fixed(value: float) -> int:
    return round(float(value) * 65536)


def _xyz(values: Any) -> bytes:
    return b"XYZ \0\0\0\0" + struct.pack(">3i", *map(_fixed, values))


def _text(words: str) -> bytes:
    body = words.encode("utf-16-be")
    return b"mluc\0\0\0\0" + struct.pack(">II4sII", 1, 12, b"enUS", len(body), 28) + body


def _file(tags: dict[bytes, bytes], space: bytes) -> bytes:
    at, table, body = 132 + 12 * len(tags), b"", b""
    places: dict[bytes, int] = {}
    for tag, value in tags.items():
        if value not in places:
            places[value] = at + len(body)
            body += value + b"\0" * (-len(value) % 4)
        table += struct.pack(">4sII", tag, places[value], len(value))
    # ICC.1:2022, section 7.2: a display profile, perceptual, made at no time by nobody, so the same bytes each time.
    head = struct.pack(">I4xI4s4s4s12x4s", at + len(body), 0x04400000, b"mntr", space, b"XYZ ", b"acsp")
    head = head.ljust(68, b"\0") + _xyz(D50)[8:]
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


def coding_of(profile: bytes) -> tuple[int, int] | None:
    """The numbers of H.273 for primaries and transfer that a profile names (ICC.1:2022, section 9.2.17), or None."""
    try:
        tag = _tags(profile).get(b"cicp", b"") if len(profile) >= 132 else b""
    except (struct.error, UnusableProfileError):
        return None
    return (tag[8], tag[9]) if len(tag) >= 12 else None
