"""The one reader of orientation: EXIF says it, or XMP where EXIF does not. It is applied once, then gone from both."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from PIL import Image

from . import exif, xmp
from .suppress_warnings import suppress_warnings

__all__ = ["exif_block", "orientation_of", "orientation_of_image", "upright", "without_orientation", "xmp_packet"]

_log = logging.getLogger("aikit.metadata")

_RAW_EXIF = "Raw profile type exif"
_XMP_KEYS = ("xmp", "XML:com.adobe.xmp")

# Exif 3.0, section 4.6.5.1.1, tag 274: what brings the stored rows and columns upright.
_METHODS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def orientation_of(info: Mapping[Any, Any]) -> int:
    """1..8, from the EXIF that a picture carries or, where that does not say, from its XMP."""
    block = exif_block(info)
    value: object = None
    if block:
        try:
            value = exif.find_orientation(block)
        except exif.DamagedExifError as error:
            _log.warning("EXIF cannot be read: %s", error)
    return _told(value, info)


def orientation_of_image(image: Image.Image) -> int:
    """The same of an image at hand, whose EXIF its owner may have changed in memory."""
    tags = _tags_in_memory(image)
    return orientation_of(image.info) if tags is None else _told(tags.get(exif.ORIENTATION), image.info)


def _told(value: object, info: Mapping[Any, Any]) -> int:
    """What EXIF says, or XMP where it does not; whatever is no orientation means upright."""
    if value is None and (packet := xmp_packet(info)):
        value = xmp.find_orientation(packet)
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def upright(image: Image.Image, *, fresh: bool = False) -> Image.Image:
    """The loaded image turned as its orientation asks, which is gone from `info` then."""
    # Nobody has changed a fresh one since it came from its file: a millisecond less.
    method = _METHODS.get(orientation_of(image.info) if fresh else orientation_of_image(image))
    info = image.info if fresh else _with_changes(image)
    turned = image if method is None else image.transpose(method)
    turned.info = without_orientation(info)
    # An image that came from a file remembers its EXIF beside info, orientation included.
    tags = _tags_in_memory(turned)
    if tags is not None:
        tags.clear() if "exif" not in turned.info else tags.pop(exif.ORIENTATION, None)
    return turned


def without_orientation(info: Mapping[Any, Any]) -> dict[Any, Any]:
    """A copy of `info` whose EXIF is a block without orientation, thumbnail and sizes, and whose XMP does not turn it."""
    result = dict(info)
    block = exif_block(result)
    result.pop(_RAW_EXIF, None)
    result.pop("exif", None)
    if block:
        try:
            left = exif.edit(block, exif.is_true_of_others)
        except exif.DamagedExifError as error:
            # Cameras write broken EXIF; the picture is fine, so the tags go and the pixels stay.
            _log.warning("EXIF dropped, for it cannot be read: %s", error)
            left = b""
        result |= {"exif": left} if left else {}
    for key in _XMP_KEYS:
        if key in result and xmp_packet({key: result[key]}):
            result[key] = _without_xmp_orientation(result[key])
    return result


def _without_xmp_orientation(given: bytes | str) -> bytes | str:
    packet = xmp_packet({"xmp": given})
    if xmp.find_orientation(packet) is None:
        return given
    try:
        clean = xmp.edit(packet, lambda _, name, __: name != "Orientation")
    except xmp.DamagedXmpError as error:
        _log.warning("XMP dropped, for it cannot be read: %s", error)
        clean = b""
    return clean.decode("utf-8", errors="replace") if isinstance(given, str) else clean


def exif_block(info: Mapping[Any, Any]) -> bytes:
    """The EXIF block that a picture carries, empty without one."""
    block, text = info.get("exif"), info.get(_RAW_EXIF)
    if isinstance(block, Image.Exif):
        return _as_block(block)
    if block is None and isinstance(text, str):
        # ImageMagick's habit before PNG had an eXIf chunk: hexadecimal behind three lines of header.
        try:
            return bytes.fromhex("".join(text.split("\n")[3:]))
        except ValueError as error:
            _log.warning("EXIF in a PNG text chunk is not hexadecimal: %s", error)
    return block if isinstance(block, bytes) else b""


def xmp_packet(info: Mapping[Any, Any]) -> bytes:
    """The XMP packet that a picture carries, empty without one."""
    packet = next((info[key] for key in _XMP_KEYS if info.get(key)), b"")
    if isinstance(packet, str):
        return packet.encode("utf-8", errors="replace")
    return packet if isinstance(packet, bytes) else b""


def _as_block(tags: Image.Exif) -> bytes:
    try:
        with suppress_warnings():
            return tags.tobytes() if len(tags) else b""
    except exif.DAMAGE as error:
        _log.warning("EXIF dropped, for it cannot be written: %s", error)
        return b""


def _tags_in_memory(image: Image.Image) -> Image.Exif | None:
    """The image's own tags; None where Pillow cannot read them."""
    try:
        with suppress_warnings():
            return image.getexif()
    except exif.DAMAGE as error:
        _log.debug("EXIF cannot be read by Pillow: %s", error)
        return None


def _with_changes(image: Image.Image) -> dict[Any, Any]:
    """The info of an image, with EXIF as its owner has changed it in memory."""
    tags, block = _tags_in_memory(image), exif_block(image.info)
    if tags is None or not len(tags):
        return dict(image.info)
    stored = Image.Exif()
    with suppress_warnings():
        stored.load(block)
    changed = {tag: value for tag, value in tags.items() if tag != exif.ORIENTATION and stored.get(tag) != value}
    # Else as it came: Pillow's own block would move maker notes, which many cameras address absolutely.
    return {**image.info, "exif": _as_block(tags)} if changed or not block else dict(image.info)
