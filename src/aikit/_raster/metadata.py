"""What is written beside the pixels: collected from `info`, cut down to what a policy allows and a format can hold.

Whatever is known and left out is said in the log "aikit.metadata".
"""

from __future__ import annotations

import logging
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal, TypeAlias

from .. import _check
from .._metadata import SOURCE_COLOR, exif, iptc, xmp
from .._metadata.orientation import exif_block, xmp_packet
from .high_depth import chunk
from .icc import UnusableProfileError, color_space
from .profile import is_srgb_in_all_but_name

__all__ = ["Metadata", "MetadataPolicy", "check_policy", "collect", "fitted", "jpeg_options", "with_chunks"]

MetadataPolicy: TypeAlias = Literal["keep", "strip", "public"]
_POLICIES = ("keep", "strip", "public")

_log = logging.getLogger("aikit.metadata")


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """What a file can say beside its pixels; empty or None where it says nothing.

    Attributes:
        icc_profile: the profile of the pixels.
        exif: a block that begins with "Exif", GPS in it.
        xmp: a packet, UTF-8.
        iptc: IIM records.
        dpi: pixels an inch, horizontally and vertically.
        text: PNG's keywords and texts, such as the parameters of a generated picture.
        comment: JPEG's and GIF's comment.
    """

    icc_profile: bytes = b""
    exif: bytes = b""
    xmp: bytes = b""
    iptc: bytes = b""
    dpi: tuple[float, float] | None = None
    text: Mapping[str, str] = field(default_factory=dict)
    comment: bytes = b""


def check_policy(policy: object) -> None:
    """Refuse what is no policy."""
    _check.one_of("metadata", policy, _POLICIES)


# What Pillow keeps as text in `info` that no PNG said, and what stands there in another form.
_NO_TEXT = ("compression", "XML:com.adobe.xmp", "xmp", "icc_profile", "exif", SOURCE_COLOR)
_RAW, _COMMENT = "Raw profile type ", "Comment"
# Keywords of PNG, 3rd edition, section 11.3.3.2, and ImageMagick's dates. What is not listed is not public: parameters of
# generators hold prompts and the names of files.
_PUBLIC_TEXT = ("title", "author", "description", "copyright", "creation time", "software", "disclaimer", "warning")


def collect(info: Mapping[Any, Any], policy: MetadataPolicy, *, gray: bool) -> Metadata:
    """What the policy keeps of an image's `info`: nothing that is only true of the pixels as they were stored.

    "keep" is all of it, "public" what tells nothing about a place, an owner or one single device, and "strip" the
    profile alone, without which the codes mean other colors.
    """
    profile = info.get("icc_profile")
    if not isinstance(profile, bytes) or not _fits(profile, gray):
        profile = b""
    if policy == "strip":
        return Metadata(icc_profile=profile)
    public = policy == "public"
    text = _text(info)
    if public:
        text = {key: value for key, value in text.items() if key.lower() in _PUBLIC_TEXT or key.startswith("date:")}
    return Metadata(
        icc_profile=profile,
        exif=_exif(exif_block(info), public),
        xmp=_xmp(xmp_packet(info) or _raw_bytes(info, "xmp"), public),
        iptc=_iptc(info, public),
        dpi=_dpi(info.get("dpi")),
        text=text,
        comment=b"" if public else _comment(info),
    )


def _fits(profile: bytes, gray: bool) -> bool:
    # A CMYK profile left over on what has become RGB would make other readers show wrong colors.
    try:
        if color_space(profile) != ("GRAY" if gray else "RGB"):
            return False
        is_srgb_in_all_but_name(profile, gray=gray)
    except UnusableProfileError as error:
        _log.info("ICC profile not written: %s", error)
        return False
    return True


def _exif(block: bytes, public: bool) -> bytes:
    try:
        keeps = exif.is_public if public else exif.is_true_of_others
        return exif.edit(block, keeps, everything=public) if block else b""
    except exif.DamagedExifError as error:
        _log.info("EXIF not written, for it cannot be read: %s", error)
        return b""


def _xmp(packet: bytes, public: bool) -> bytes:
    try:
        return xmp.edit(packet, xmp.is_public if public else xmp.is_true_of_others) if packet else b""
    except xmp.DamagedXmpError as error:
        _log.info("XMP not written, for it cannot be read: %s", error)
        return b""


def _iptc(info: Mapping[Any, Any], public: bool) -> bytes:
    resources = info.get("photoshop")
    records = resources.get(0x0404, b"") if isinstance(resources, dict) else b""
    for name in ("iptc", "8bim"):
        block = b"" if records else _raw_bytes(info, name)
        records = records or iptc.find_in_resources(block) or (block if name == "iptc" else b"")
    if not isinstance(records, bytes) or not records:
        return b""
    try:
        return iptc.public_part(records) if public else records
    except iptc.DamagedIptcError as error:
        _log.info("IPTC not written, for it cannot be read: %s", error)
        return b""


def _raw_bytes(info: Mapping[Any, Any], name: str) -> bytes:
    """A binary block that ImageMagick has put into the text of a PNG: hexadecimal behind three lines of header."""
    raw = info.get(_RAW + name)
    try:
        return bytes.fromhex("".join(raw.split("\n")[3:])) if isinstance(raw, str) else b""
    except ValueError as error:
        _log.info("%s of a PNG not written, for it is not hexadecimal: %s", name.upper(), error)
        return b""


def _dpi(given: object) -> tuple[float, float] | None:
    if not isinstance(given, tuple) or len(given) != 2 or not min(given) > 0:
        return None
    return float(given[0]), float(given[1])


def _text(info: Mapping[Any, Any]) -> dict[str, str]:
    texts = {
        key: value
        for key, value in info.items()
        if isinstance(key, str) and isinstance(value, str) and key not in _NO_TEXT and not key.startswith(_RAW)
    }
    return {key: value for key, value in texts.items() if key != _COMMENT}


def _comment(info: Mapping[Any, Any]) -> bytes:
    """The comment of a JPEG or GIF, or that of a PNG, which is a text with a keyword."""
    comment, text = info.get("comment"), info.get(_COMMENT)
    if isinstance(comment, bytes):
        return comment
    return text.encode() if isinstance(text, str) else b""


# ---------------------------------------------------------------- what a format can hold

# JPEG: a segment has 65535 bytes, two of them its length; XMP begins with its address, IPTC with Photoshop's name.
_SEGMENT = 65533
_XMP_NAME, _PHOTOSHOP_NAME = b"http://ns.adobe.com/xap/1.0/\0", b"Photoshop 3.0\0"
_MOST = {
    "jpeg": {
        "exif": _SEGMENT,
        "xmp": _SEGMENT - len(_XMP_NAME),
        "iptc": _SEGMENT - len(_PHOTOSHOP_NAME) - 14,
        "comment": _SEGMENT,
        "icc_profile": 255 * (_SEGMENT - 14),
    }
}
_WORDS = {"icc_profile": "ICC profile", "exif": "EXIF", "xmp": "XMP", "iptc": "IPTC", "dpi": "resolution"}


def fitted(metadata: Metadata, format: str, holds: tuple[str, ...], title: str) -> Metadata:
    """The part of the metadata that a format holds; the log says what is left out."""
    most, left_out = _MOST.get(format, {}), set[str]()
    for name in (each.name for each in fields(Metadata)):
        value = getattr(metadata, name)
        if not value:
            continue
        if name not in holds:
            _log.info("%s not written: %s has no place for it", _title(name, value), title)
            left_out.add(name)
        elif name in most and len(value) > most[name]:
            _log.info("%s not written: %d bytes, where %s has %d", _title(name, value), len(value), title, most[name])
            left_out.add(name)
    nothing = Metadata()
    return replace(metadata, **{name: getattr(nothing, name) for name in left_out})


def _title(name: str, value: object) -> str:
    return f"text {', '.join(map(repr, value))}" if isinstance(value, Mapping) else _WORDS.get(name, name)


def jpeg_options(metadata: Metadata) -> dict[str, Any]:
    """Options of Pillow's writer of JPEG: what has no option goes as a segment of its own."""
    options: dict[str, Any] = {"exif": metadata.exif, "xmp": metadata.xmp}
    if metadata.iptc:
        body = _PHOTOSHOP_NAME + iptc.as_resource(metadata.iptc)
        options["extra"] = b"\xff\xed" + struct.pack(">H", 2 + len(body)) + body
    return options


# PNG, 3rd edition, section 11.3: chunks that may stand behind IHDR.
_INCH = 0.0254


_SIGNATURE_AND_IHDR = 33


def with_chunks(data: bytes, metadata: Metadata) -> bytes:
    """A PNG with its metadata, in the one place that is right for all of it: behind IHDR."""
    return data[:_SIGNATURE_AND_IHDR] + _chunks(metadata) + data[_SIGNATURE_AND_IHDR:]


def _chunks(metadata: Metadata) -> bytes:
    parts = []
    if metadata.icc_profile:
        parts.append(chunk(b"iCCP", b"ICC Profile\0\0" + zlib.compress(metadata.icc_profile)))
    if metadata.dpi:
        across, down = (min(round(each / _INCH), 0xFFFFFFFF) for each in metadata.dpi)
        parts.append(chunk(b"pHYs", struct.pack(">IIB", across, down, 1)))
    if metadata.exif:
        parts.append(chunk(b"eXIf", metadata.exif.removeprefix(exif.PREFIX)))
    if metadata.xmp:
        # Never compressed: XMP Specification Part 3, section 1.1.5.
        parts.append(chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + metadata.xmp))
    if metadata.iptc:
        parts.append(_text_chunk(_RAW + "iptc", _raw_profile("iptc", iptc.as_resource(metadata.iptc))))
    if metadata.comment:
        parts.append(_text_chunk(_COMMENT, _decoded(metadata.comment)))
    parts.extend(_text_chunk(key, value) for key, value in metadata.text.items())
    return b"".join(parts)


def _decoded(comment: bytes) -> str:
    try:
        return comment.decode()
    except UnicodeDecodeError:
        return comment.decode("latin-1")


_LONG = 1024


def _text_chunk(key: str, text: str) -> bytes:
    try:
        keyword = key.encode("latin-1")
    except UnicodeEncodeError:
        keyword = b""
    if not 0 < len(keyword) < 80 or b"\0" in keyword:
        _log.info("text %r not written: PNG has no such keyword", key)
        return b""
    try:
        body, is_latin = text.encode("latin-1"), "\0" not in text
    except UnicodeEncodeError:
        body, is_latin = text.encode("utf-8", errors="replace"), False
    if not is_latin:
        packed = zlib.compress(body) if len(body) > _LONG else body
        return chunk(b"iTXt", keyword + bytes([0, len(body) > _LONG, 0, 0, 0]) + packed)
    if len(body) > _LONG:
        return chunk(b"zTXt", keyword + b"\0\0" + zlib.compress(body))
    return chunk(b"tEXt", keyword + b"\0" + body)


def _raw_profile(name: str, body: bytes) -> str:
    """ImageMagick's way to put a binary block into text: its name, its size, and 72 digits a line."""
    digits = body.hex()
    lines = [digits[at : at + 72] for at in range(0, len(digits), 72)]
    return "\n".join(["", name, f"{len(body):8d}", *lines, ""])
