"""Data URLs both ways, and what HTTP calls a format."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from urllib.parse import unquote_to_bytes

from .. import _raster
from .._foreign_names import explain_calls
from ..errors import InputTypeError, InputValueError, quoted
from ..profiles import ProfileSource
from ..types import AnyImage
from .writing import MetadataPolicy, Subsampling, encode_with_info

__all__ = ["from_data_url", "media_type", "to_data_url", "wrap"]

# Registered with IANA, but for the portable pixmap, which only has the name everybody uses.
_MIME = {"ico": "image/vnd.microsoft.icon", "ppm": "image/x-portable-pixmap"}


def media_type(format: str) -> str:
    """What HTTP and data URLs call a format."""
    return _MIME.get(format, f"image/{format}")


@explain_calls
def to_data_url(
    image: AnyImage,
    format: str = "png",
    *,
    quality: int | None = None,
    lossless: bool | None = None,
    subsampling: Subsampling | None = None,
    progressive: bool | None = None,
    effort: int | None = None,
    optimize: bool | None = None,
    palette: int | None = None,
    sizes: Sequence[int] | None = None,
    metadata: MetadataPolicy = "keep",
    profile: ProfileSource | None = None,
    bgr: bool = False,
) -> str:
    """Encode an image as a data URL, for the src of an <img> or for JSON.

    Args:
        image: one PIL image, array or tensor.
        format: as for `encode`; browsers show png, jpeg, webp, avif, gif, bmp and ico.
        quality: 1 to 100 for JPEG (90), WebP (90), AVIF (75) and JPEG XL (90).
        lossless: True for WebP and JPEG XL without loss; JPEG XL of 16 bits always is.
        subsampling: how JPEG (4:4:4 from quality 90 on, else 4:2:0) and AVIF (4:2:0) store color: "4:4:4" whole,
            "4:2:2" half across, "4:2:0" half both ways.
        progressive: True for a JPEG in several passes.
        effort: how much time a smaller file may take: PNG 0 to 9 (None: by what the picture is), WebP 0 to 6 (4), AVIF 0 to 10 (4),
            JPEG XL 1 to 9 (7).
        optimize: True for a smaller file of the same pixels: JPEG with fitted tables, PNG with a palette or single bits
            where those hold all colors.
        palette: for a PNG of that many colors at most, 2 to 256: exact if there are no more, else the nearest of a
            reduced set.
        sizes: the longer sides of the pictures in an ICO, such as (16, 32, 48, 256); by default the image as it is.
        metadata: what a PIL image's `info` says beside its pixels, as far as the format has a place for it: "keep" is
            all that still holds, so no thumbnail and no size of the original, "public" leaves out places, owners,
            serial numbers, maker notes, keywords and the parameters of generators, "strip" everything but the profile.
        profile: the colors to write in, "srgb", "display-p3", or the path or bytes of an ICC profile: the image is
            converted as by `convert_profile` and the file carries the profile. None writes the codes as they are.
        bgr: the array or tensor runs B, G, R(, A).

    Returns:
        "data:image/png;base64,..."; what follows the comma is plain base64.

    Raises:
        InputTypeError: not an image.
        InputValueError: as for `encode`.

    Example:
        >>> from PIL import Image
        >>> to_data_url(Image.new("RGB", (1, 1)))[:22]
        'data:image/png;base64,'

    Source: RFC 2397.
    """
    name = _raster.capabilities(format).name
    options = _raster.EncodeOptions(
        quality=quality,
        lossless=lossless,
        subsampling=subsampling,
        progressive=progressive,
        effort=effort,
        optimize=optimize,
        palette=palette,
        sizes=sizes,
    )
    data = encode_with_info(image, name, {}, options, metadata=metadata, profile=profile, bgr=bgr)
    return wrap(data, media_type(name))


def wrap(data: bytes, media_type: str) -> str:
    """Bytes as a data URL."""
    return f"data:{media_type};base64,{base64.b64encode(data).decode('ascii')}"


# RFC 2397, section 3: dataurl := "data:" [ mediatype ] [ ";base64" ] "," data
_DATA_URL = re.compile(r"data:(?P<type>[^,]*?)(?P<base64>;\s*base64)?,(?P<data>.*)", re.IGNORECASE | re.DOTALL)


@explain_calls
def from_data_url(url: str) -> bytes:
    """Decode a data URL to its bytes, as browsers do: blanks and line breaks and missing padding are no damage.

    Args:
        url: "data:image/png;base64,..." or a percent-encoded one, as browsers and front ends send them.

    Returns:
        The bytes, ready for `read_pil` and the other readers. They need not be a picture.

    Raises:
        InputTypeError: not a str.
        InputValueError: not a data URL, or damaged base64.

    Example:
        >>> from_data_url("data:text/plain;base64,aGk=")
        b'hi'

    Source: RFC 2397, RFC 4648, and "forgiving-base64 decode" of the Infra Standard (WHATWG).
    """
    if not isinstance(url, str):
        raise InputTypeError("url", "a str", type(url).__name__, "decode bytes first, url.decode('ascii')")
    match = _DATA_URL.fullmatch(url)
    if match is None:
        raise InputValueError(
            "url", '"data:...,..."', quoted(url[:40]), "for bare base64 call base64.b64decode(text, validate=True)"
        )
    if not match["base64"]:
        return unquote_to_bytes(match["data"])
    try:
        return _decode_forgiving(unquote_to_bytes(match["data"]))
    except (binascii.Error, ValueError) as error:
        raise InputValueError("url", "base64 after the comma", quoted(str(error)), "send it unchanged") from error


def _decode_forgiving(text: bytes) -> bytes:
    """Decode base64 with ASCII blanks anywhere, and with its padding or without."""
    text = text.translate(None, b"\t\n\f\r ")
    if len(text) % 4 == 0:
        text = text[:-2] if text.endswith(b"==") else text.removesuffix(b"=")
    if b"=" in text:
        raise ValueError("padding that does not fit")
    return base64.b64decode(text + b"=" * (-len(text) % 4), validate=True)
