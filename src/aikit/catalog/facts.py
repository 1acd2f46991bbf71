"""What there is to know of a picture: its header, whether alpha is used, when it was taken, and its hash."""

from __future__ import annotations

import datetime as dt
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .._warnings import keep_warnings
from ..isolation import guarded, register_record
from ..limits import Limits
from .hashing import picture_hash

__all__ = ["Facts", "look"]


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a picture; the columns of the same names say what each is. `taken` is ISO 8601."""

    format: str
    width: int
    height: int
    mode: str
    depth: int
    alpha: bool
    transparent: bool
    orientation: int
    frames: int
    profile: str | None
    taken: str | None
    taken_offset: int | None
    picture_hash: int | None
    flat: bool


register_record(Facts)


def look(data: bytes, name: str, limits: Limits | None) -> Facts:
    """Look at a picture; with limits in a child process.

    Raises:
        AikitError: it cannot be read.
    """
    return guarded(_look, data, name, limits, subject=name, limits=limits, isolate=limits is not None, expect=Facts)


def _look(data: bytes, name: str, limits: Limits | None) -> Facts:
    from ..alpha import is_transparent
    from ..files import read_with_info
    from ..files.probing import probe_any

    header = probe_any(data, name, limits)[0]
    file = io.BytesIO(data)
    file.name = name
    with keep_warnings():  # of a profile that is damaged: the picture is looked at all the same
        picture, info = read_with_info(file, on_bad_profile="warn", limits=limits)
    width, height = header.width, header.height
    if header.orientation > 4:  # Exif 3.0, tag 274: 5 to 8 lie on their side
        width, height = height, width
    taken, offset = _find_taken(info)
    hashed = picture_hash(picture)
    return Facts(
        header.format, width, height, header.mode, header.depth, header.has_alpha,
        header.has_alpha and is_transparent(picture), header.orientation, header.frames, header.profile, taken, offset,
        hashed, hashed is None,
    )  # fmt: skip


# ---------------------------------------------------------------- when it was taken

# Exif 3.0, section 4.6.6: DateTimeOriginal with its zone and its fraction of a second, and those of DateTimeDigitized,
# which scanners write. DateTime is when the file was changed, and no answer.
_TIMES = ((0x9003, 0x9011, 0x9291), (0x9004, 0x9012, 0x9292))
_ZONE = re.compile(r"([+-])(\d\d):(\d\d)")


def _find_taken(info: Mapping[Any, Any]) -> tuple[str | None, int | None]:
    """When a picture was taken as its camera wrote it, in ISO 8601, and the minutes its clock was ahead of UTC."""
    from .._metadata import exif
    from .._metadata.orientation import exif_block

    block = exif_block(info)
    try:
        fields = {each.tag: each.value for each in exif.read_fields(block).get("exif", [])} if block else {}
    except exif.DamagedExifError:
        return None, None
    texts = {tag: value.decode("ascii", "replace").strip("\0 ") for tag, value in fields.items()}
    for time, zone, fraction in _TIMES:
        moment = _parse_time(texts.get(time, ""), texts.get(fraction, ""))
        if moment is not None:
            return moment.isoformat(), _parse_zone(texts.get(zone, ""))
    return None, None


def _parse_time(text: str, fraction: str) -> dt.datetime | None:
    """What a camera wrote; a clock that was never set writes blanks or zeros, which is no time."""
    try:
        moment = dt.datetime.strptime(text, "%Y:%m:%d %H:%M:%S")  # noqa: DTZ007 - EXIF has none
    except ValueError:
        return None
    digits = re.match(r"\d*", fraction)
    return moment.replace(microsecond=int((digits[0] if digits else "")[:6].ljust(6, "0")))


def _parse_zone(text: str) -> int | None:
    found = _ZONE.fullmatch(text)
    if found is None:
        return None
    minutes = int(found[2]) * 60 + int(found[3])
    return -minutes if found[1] == "-" else minutes
