"""The format of a file, recognised by its first bytes; its name only counts when writing."""

from __future__ import annotations

import re
import zlib

__all__ = ["SUFFIXES", "WORDS", "format_of_suffix", "identify"]

SUFFIXES = {
    ".png": "png",
    ".apng": "png",
    ".jpg": "jpeg",
    ".jpeg": "jpeg",
    ".jpe": "jpeg",
    ".jfif": "jpeg",
    ".webp": "webp",
    ".avif": "avif",
    ".gif": "gif",
    ".tif": "tiff",
    ".tiff": "tiff",
    ".bmp": "bmp",
    ".dib": "bmp",
    ".ico": "ico",
    ".ppm": "ppm",
    ".pgm": "ppm",
    ".pbm": "ppm",
    ".pnm": "ppm",
    ".jxl": "jxl",
}

# How messages write a format; whatever is not listed is written in capitals.
WORDS = {"webp": "WebP", "jxl": "JPEG XL"}

_AVIF_BRANDS = {b"avif", b"avis"}
_HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"}
_DIB_HEADERS = {12, 16, 40, 52, 56, 64, 108, 124}
_SVGZ_HEAD = 1 << 16


def format_of_suffix(suffix: str) -> str | None:
    """The format a file name asks for when writing: ".JPG" and "jpg" -> "jpeg", unknown -> None."""
    return SUFFIXES.get("." + suffix.lower().lstrip("."))


def identify(data: bytes) -> str | None:
    """The format of a file, from its bytes alone.

    Args:
        data: the file, or at least its beginning.

    Returns:
        "png", "jpeg", "webp", "avif", "heic", "gif", "tiff", "bmp", "ico", "ppm", "jxl", "svg", "psd", "glb"
        or None.

    Example:
        >>> identify(b"GIF89a")
        'gif'
    """
    for prefix, name in _PREFIXES:
        if data.startswith(prefix):
            return name
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    if data[4:8] == b"ftyp":
        return _iso_brand(data)
    if data[:2] == b"BM" and (len(data) < 18 or int.from_bytes(data[14:18], "little") in _DIB_HEADERS):
        return "bmp"
    if data[:4] == b"\0\0\1\0" and data[4:6] != b"\0\0":
        return "ico"
    if re.match(rb"P[1-6][\s#]", data):
        return "ppm"
    if data[:2] == b"\x1f\x8b":
        return "svg" if _is_svg(_inflate_head(data)) else None
    return "svg" if _is_svg(data) else None


_PREFIXES = (
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff", "jpeg"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"II*\0", "tiff"),
    (b"MM\0*", "tiff"),
    (b"II+\0", "tiff"),
    (b"MM\0+", "tiff"),
    (b"8BPS", "psd"),
    (b"glTF", "glb"),
    (b"\xff\x0a", "jxl"),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "jxl"),
)


def _iso_brand(data: bytes) -> str | None:
    """AVIF and HEIC share one container; the file lists the brands it follows."""
    size = min(int.from_bytes(data[:4], "big"), len(data), 4096)
    brands = {data[8:12]} | {data[at : at + 4] for at in range(16, size - 3, 4)}
    if brands & _AVIF_BRANDS:
        return "avif"
    return "heic" if brands & _HEIC_BRANDS else None


def _inflate_head(data: bytes) -> bytes:
    try:
        return zlib.decompressobj(wbits=31).decompress(data, _SVGZ_HEAD)
    except zlib.error:
        return b""


def _is_svg(data: bytes) -> bool:
    """Whether the first element is <svg>, behind any declaration, comments and doctype."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        data = data[: 2 * _SVGZ_HEAD].decode("utf-16", errors="replace").encode("utf-8", errors="replace")
    at = 3 if data.startswith(b"\xef\xbb\xbf") else 0
    while at < len(data):
        at = _skip_space(data, at)
        end = _prolog_end(data, at)
        if end is None:
            return re.compile(rb"<(?:[A-Za-z_][\w.-]*:)?svg[\s/>]").match(data, at) is not None
        at = end
    return False


def _skip_space(data: bytes, at: int) -> int:
    found = re.compile(rb"\S").search(data, at)
    return found.start() if found else len(data)


def _prolog_end(data: bytes, at: int) -> int | None:
    """Where the declaration, comment or doctype at `at` ends; None when it is none of them."""
    for opening, closing in ((b"<?", b"?>"), (b"<!--", b"-->")):
        if data.startswith(opening, at):
            return _after(data, closing, at)
    if data[at : at + 9].upper() != b"<!DOCTYPE":
        return None
    bracket, angle = data.find(b"[", at), data.find(b">", at)
    if 0 <= bracket < angle:
        subset = re.compile(rb"\]\s*>").search(data, bracket)
        return subset.end() if subset else len(data)
    return _after(data, b">", at)


def _after(data: bytes, closing: bytes, at: int) -> int:
    found = data.find(closing, at)
    return len(data) if found < 0 else found + len(closing)
