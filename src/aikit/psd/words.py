"""The words for blend modes and kinds of layers, and the checks of what users say about a layer."""

from __future__ import annotations

import codecs
import math
from numbers import Real
from typing import TYPE_CHECKING

from .._check import integer
from ..errors import InputTypeError, InputValueError, quoted
from .masks import FILLS

if TYPE_CHECKING:
    from psd_tools import PSDImage
    from psd_tools.api.layers import Layer as RawLayer
    from psd_tools.constants import BlendMode

__all__ = [
    "MAC_ROMAN",
    "blend_mode_of",
    "blend_word",
    "check_coordinate",
    "check_encoding",
    "check_name",
    "check_share",
    "kind_of",
    "name_of",
]

# Adobe Photoshop File Formats Specification: "Pascal string", which Photoshop on every system writes like this.
MAC_ROMAN = "macroman"

_KINDS = {
    "pixel": "pixel",
    "group": "group",
    "artboard": "group",
    "type": "type",
    "shape": "shape",
    "smartobject": "smart_object",
    **dict.fromkeys(FILLS, "fill"),
}


def kind_of(raw: RawLayer) -> str:
    """pixel, group, type, shape, smart_object, fill, or adjustment for everything that changes what is below it."""
    return _KINDS.get(raw.kind, "adjustment")


def name_of(raw: RawLayer, encoding: str) -> str:
    """The name of a layer: the one in Unicode, or else what its bytes are in an encoding.

    psd-tools reads bytes as Mac Roman, in which every byte is a character and which so gives them back.
    """
    if encoding == MAC_ROMAN or _is_in_unicode(raw):
        return str(raw.name)
    return str(raw.name).encode(MAC_ROMAN).decode(encoding)


def _is_in_unicode(raw: RawLayer) -> bool:
    from psd_tools.constants import Tag

    return Tag.UNICODE_LAYER_NAME in raw.tagged_blocks


def check_encoding(raw: PSDImage, encoding: object) -> None:
    """Refuse an encoding in which the names of layers that are not in Unicode are no text."""
    if not isinstance(encoding, str):
        raise InputTypeError("encoding", 'a name such as "shift_jis"', quoted(encoding), "pass one")
    if encoding == MAC_ROMAN:
        return
    try:
        codecs.lookup(encoding)
        for layer in raw.descendants():
            name_of(layer, encoding)
    except LookupError as error:
        raise InputValueError(
            "encoding", "one that Python knows", quoted(encoding), 'pass for instance "shift_jis"'
        ) from error
    except UnicodeError as error:
        raise InputValueError(
            "encoding", "one in which the names of layers are text", f"{quoted(encoding)} ({error})", "try another"
        ) from error


def blend_word(raw: RawLayer) -> str:
    """The blend mode of a layer: "normal", "multiply", "pass_through"."""
    word: str = raw.blend_mode.name
    return word.lower()


def blend_mode_of(word: object) -> BlendMode:
    """psd-tools' blend mode of a word, in whatever way people write its parts."""
    from psd_tools.constants import BlendMode

    if not isinstance(word, str):
        raise InputTypeError("blend_mode", 'a word such as "multiply"', quoted(word), "pass one")
    key = word.strip().upper().replace("-", "_").replace(" ", "_")
    if key not in BlendMode.__members__:
        known = ", ".join(mode.name.lower() for mode in BlendMode)
        raise InputValueError("blend_mode", f"one of {known}", quoted(word), "pass one of these")
    return BlendMode[key]


def check_name(name: object) -> str:
    """Refuse a layer name that no document can hold; any script will do."""
    if not isinstance(name, str):
        raise InputTypeError("name", "a str", type(name).__name__, "pass the layer's name")
    if len(name) > 255:
        raise InputValueError("name", "at most 255 characters", str(len(name)), "shorten it")
    try:
        name.encode("utf-16-be")
    except UnicodeEncodeError as error:
        raise InputValueError("name", "text", f"{quoted(name)} with half a character in it", "mend it") from error
    return name


def check_share(subject: str, value: object) -> int:
    """Check a number from 0 to 1, and give the byte that is stored."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise InputTypeError(subject, "a number from 0 to 1", quoted(value), "pass one")
    number = float(value)
    if math.isnan(number) or not 0 <= number <= 1:
        raise InputValueError(subject, "0 to 1", quoted(value), "divide a byte by 255")
    return round(number * 255)


def check_coordinate(subject: str, value: object) -> int:
    """Check an integer number of pixels or places."""
    number = integer(subject, value, -math.inf)
    if abs(number) > _FAR:
        raise InputValueError(subject, f"at most {_FAR} either way", quoted(value), "stay near the canvas")
    return number


# Coordinates are 32-bit integers, and no canvas has more than 300,000 pixels a side.
_FAR = 1 << 30
