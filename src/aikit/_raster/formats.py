"""What each format that is written holds, for callers that choose what to hand over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..errors import InputTypeError, InputValueError, printable, quoted, shortened
from .signatures import SUFFIXES

__all__ = ["Format", "capabilities"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """What a format holds, for callers that choose what to hand over.

    Attributes:
        name: lower-case name.
        suffixes: file name endings, the usual one first.
        alpha: an alpha channel (GIF: fully transparent or opaque).
        gray16: 16-bit gray.
        color16: 16-bit RGB, and with `alpha` 16-bit RGBA and gray+alpha.
        float32: 32-bit float.
        quality: the default of the `quality` option, None where there is none.
        lossless: "always", "never", or "option" where `lossless=` chooses.
        max_side: the largest height or width, None where memory ends first.
        metadata: which fields of `Metadata` it keeps.
    """

    name: str
    suffixes: tuple[str, ...]
    alpha: bool = False
    gray16: bool = False
    color16: bool = False
    float32: bool = False
    quality: int | None = None
    lossless: str = "always"
    max_side: int | None = None
    metadata: tuple[str, ...] = ()


def _format(name: str, **holds: Any) -> Format:
    return Format(name=name, suffixes=tuple(suffix for suffix, owner in SUFFIXES.items() if owner == name), **holds)


_EMBEDDED = ("icc_profile", "exif", "xmp")
# Sides: libjpeg's JPEG_MAX_DIMENSION (the format itself could say 65535), RFC 9649 for WebP, AV1
# section 5.5.1, 16-bit fields in GIF; Windows shows icons up to 256. AVIF at quality 100 still moves
# codes by 3 through YUV, so it never counts as lossless. Pillow reads its own 32-bit BMP as RGB.
_FORMATS = {
    entry.name: entry
    for entry in (
        _format("png", alpha=True, gray16=True, color16=True, metadata=(*_EMBEDDED, "iptc", "dpi", "text", "comment")),
        _format("jpeg", quality=90, lossless="never", max_side=65500, metadata=(*_EMBEDDED, "iptc", "dpi", "comment")),
        _format("webp", alpha=True, quality=90, lossless="option", max_side=16383, metadata=_EMBEDDED),
        _format("avif", alpha=True, quality=75, lossless="never", max_side=65536, metadata=_EMBEDDED),
        _format("gif", alpha=True, lossless="never", max_side=65535, metadata=("comment",)),
        _format("tiff", alpha=True, gray16=True, color16=True, float32=True, metadata=(*_EMBEDDED, "iptc", "dpi")),
        _format("bmp", metadata=("dpi",)),
        _format("ico", alpha=True, max_side=256),
        _format("ppm", gray16=True, color16=True),
        _format("jxl", alpha=True, gray16=True, color16=True, quality=90, lossless="option", metadata=("exif", "xmp")),
    )
}


def capabilities(format: str) -> Format:
    """Look up a format; takes its name or a suffix ("jpeg", "jpg", ".JPG").

    Raises:
        InputValueError: aikit does not write this format.

    Example:
        >>> capabilities("jpg").quality
        90
    """
    if not isinstance(format, str):
        raise InputTypeError("format", 'a name such as "png"', quoted(format), f"pass one of {', '.join(_FORMATS)}")
    key = format.lower().lstrip(".")
    name = key if key in _FORMATS else SUFFIXES.get("." + key)
    if name is None:
        raise InputValueError(
            "format", f"one of {', '.join(_FORMATS)}", f'"{shortened(printable(format), 80)}"', "write one of them"
        )
    return _FORMATS[name]
