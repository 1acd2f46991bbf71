"""What a catalogue gives: one row a file, and what a scan found."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict, dataclass

from ..folders import Report

__all__ = ["Row", "ScanReport"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A file of a catalogue, and what is known of the picture in it. What is not known is None.

    Attributes:
        id: of the file, in this catalogue; later files have higher ones.
        path: absolute, or relative to the catalogue's `root`; "upload:" and the digest for what was sent to a service.
        status: "done" or "failed", or "skipped" where a run has left the file as it was.
        code: why it failed, from `aikit.errors.CODES`.
        error: the message.
        work: who saw it last: "scan", "convert" or "serve".
        recipe: what was done to it then, on one line.
        output: the file that was made.
        bytes: size of the file.
        mtime_ns: when it was last changed, in nanoseconds since 1970 UTC.
        seen: when this row was written, UTC.
        missing: it was not there any more when its folder was scanned.
        picture: the number of the picture, the same for files of the same bytes.
        digest: SHA-256 of the bytes, in hexadecimal.
        format: "jpeg", "png" and so on.
        width, height: in pixels, of the picture upright.
        mode: Pillow's mode as stored, or such as "RGB;16".
        depth: bits of a channel.
        alpha: it has an alpha channel, or a transparent color.
        transparent: some pixel really is not opaque.
        orientation: 1 to 8, as stored; 1 is upright.
        frames: frames or pages.
        profile: the name of the colors' profile.
        taken: when it was taken, as the clock of the camera said, without a time zone.
        taken_offset: minutes that this clock was ahead of UTC.
        picture_hash: of what it shows, as `aikit.catalog.picture_hash` gives it.
        flat: it shows one color only, so that there is no hash.
        note: a text of yours.
        tags: words of yours, sorted.
    """

    id: int
    path: str
    status: str
    code: str | None
    error: str | None
    work: str
    recipe: str | None
    output: str | None
    bytes: int | None
    mtime_ns: int | None
    seen: dt.datetime
    missing: bool
    picture: int | None
    digest: str | None
    format: str | None
    width: int | None
    height: int | None
    mode: str | None
    depth: int | None
    alpha: bool | None
    transparent: bool | None
    orientation: int | None
    frames: int | None
    profile: str | None
    taken: dt.datetime | None
    taken_offset: int | None
    picture_hash: int | None
    flat: bool | None
    note: str | None
    tags: tuple[str, ...]

    def to_dict(self) -> dict[str, object]:
        """Its fields for JSON: times as ISO 8601, tags as a list."""
        return {name: _to_json(value) for name, value in asdict(self).items()}


def _to_json(value: object) -> object:
    if isinstance(value, dt.datetime):
        return value.isoformat()
    return list(value) if isinstance(value, tuple) else value


@dataclass(slots=True)
class ScanReport(Report):
    """What a scan found.

    Attributes:
        done: files that were read, `known` among them.
        failed: files that could not be; `failures` says why, those of earlier scans too.
        skipped: files that are as they were, and were not read again.
        left: files in the folders that are no pictures, and links to folders.
        known: files whose bytes the catalogue had under another name, or from before: not decoded again.
        missing: files that were there in an earlier scan and are gone.
    """

    known: int = 0
    missing: int = 0
