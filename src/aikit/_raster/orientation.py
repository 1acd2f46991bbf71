"""The orientation tag: applied once, then gone from EXIF and XMP alike."""

from __future__ import annotations

import logging
import re
import struct
from typing import Any

from PIL import ExifTags, Image

from .suppress_warnings import suppress_warnings

__all__ = ["orientation_of", "scrub_exif", "upright", "without_orientation"]

_log = logging.getLogger("aikit")
_TAG = int(ExifTags.Base.Orientation)
_XMP = re.compile(
    rb"""\s*tiff:Orientation\s*=\s*["']\s*([0-9])\s*["']|<tiff:Orientation>\s*([0-9])\s*</tiff:Orientation>"""
)
# Pillow's EXIF reader and writer have no closed list of exceptions for damaged tags, and warn about
# some, which is an exception under -W error.
_DAMAGE = (
    ArithmeticError, AttributeError, EOFError, LookupError, OSError, RuntimeError, SyntaxError, TypeError, ValueError,
    Warning, struct.error,
)  # fmt: skip
_XMP_KEYS = ("xmp", "XML:com.adobe.xmp")

# EXIF 2.32, section 4.6.4, tag 274: what brings the stored rows and columns upright.
_METHODS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def orientation_of(info: dict[Any, Any]) -> int:
    """1..8, from EXIF or, where EXIF does not say, from XMP."""
    value = _exif_tag(_raw_exif(info))
    if value is None:
        for key in _XMP_KEYS:
            found = _XMP.search(_as_bytes(info.get(key, b"")))
            if found:
                value = int(found[1] or found[2])
    return value if isinstance(value, int) and value in range(1, 9) else 1


def upright(image: Image.Image) -> Image.Image:
    """The loaded image turned as its tag asks; the tag is gone from `info`."""
    method = _METHODS.get(orientation_of(image.info))
    turned = image if method is None else image.transpose(method)
    turned.info = without_orientation(image.info)
    # An image that came from a file remembers its EXIF beside info, orientation included.
    turned.getexif().clear() if "exif" not in turned.info else turned.getexif().pop(_TAG, None)
    return turned


def without_orientation(info: dict[Any, Any]) -> dict[Any, Any]:
    """A copy of `info` whose EXIF is bytes without the tag, and whose XMP does not name one either."""
    result = dict(info)
    raw = _raw_exif(result)
    result.pop("Raw profile type exif", None)
    result.pop("exif", None)
    stripped = scrub_exif(raw) if raw else b""
    if stripped:
        result["exif"] = stripped
    for key in _XMP_KEYS:
        if key in result:
            text = result[key]
            clean = _XMP.sub(b"", _as_bytes(text))
            result[key] = clean.decode("utf-8", errors="replace") if isinstance(text, str) else clean
    return result


def scrub_exif(exif: Image.Exif | bytes) -> bytes:
    """Remove the orientation tag from EXIF, as bytes; empty where nothing else is in it or it cannot be read."""
    try:
        with suppress_warnings():
            return _scrub(exif)
    except _DAMAGE as error:
        # Cameras write broken EXIF; the picture is fine, so the tags go and the pixels stay.
        _log.debug("EXIF dropped: %s", error)
        return b""


def _scrub(exif: Image.Exif | bytes) -> bytes:
    tags = _load_exif(exif if isinstance(exif, bytes) else exif.tobytes())
    if _TAG in tags:
        del tags[_TAG]
    elif isinstance(exif, bytes):
        # Pillow's rewriting moves maker notes, which many cameras address absolutely.
        return exif if len(tags) else b""
    return tags.tobytes() if len(tags) else b""


def _raw_exif(info: dict[Any, Any]) -> bytes:
    raw, text = info.get("exif"), info.get("Raw profile type exif")
    if raw is None and isinstance(text, str):
        # ImageMagick's habit before PNG had an eXIf chunk: hexadecimal behind three lines of header.
        try:
            return bytes.fromhex("".join(text.split("\n")[3:]))
        except ValueError as error:
            _log.debug("EXIF in a PNG text chunk is not hexadecimal: %s", error)
    return raw if isinstance(raw, bytes) else b""


def _exif_tag(raw: bytes) -> object:
    try:
        with suppress_warnings():
            return _load_exif(raw).get(_TAG) if raw else None
    except _DAMAGE as error:
        _log.debug("EXIF unreadable: %s", error)
        return None


def _load_exif(raw: bytes) -> Image.Exif:
    exif = Image.Exif()
    exif.load(raw)
    return exif


def _as_bytes(text: object) -> bytes:
    return text.encode("utf-8", errors="replace") if isinstance(text, str) else text if isinstance(text, bytes) else b""
