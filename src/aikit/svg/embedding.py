"""Pictures and other documents inside of an SVG."""

from __future__ import annotations

import base64
import re
from collections.abc import Collection
from typing import TYPE_CHECKING, Literal

from .. import _raster
from .._check import one_of
from ..convert import to_pil
from ..types import AnyImage
from .css import clean_sheet
from .resolve import medium_of
from .sheets import inline
from .source import SVG, XLINK_HREF
from .values import number

if TYPE_CHECKING:
    from lxml.etree import _Element

__all__ = ["PictureFormat", "as_data_url", "as_document", "is_image", "keep_apart", "place"]

PictureFormat = Literal["png", "jpeg", "webp"]
_FORMATS = ("png", "jpeg", "webp")
_REFERENCE = re.compile(r"""(url\(\s*["']?#)([^"')\s]+)""")
# Attributes that name ids without a "#": SVG 2, sections 2.5 and 15; SVG Animations, section 2.3.
_LISTS_OF_IDS = ("aria-labelledby", "aria-describedby", "aria-controls", "aria-owns")


def is_image(value: object) -> bool:
    """Whether a value is a PIL image, an array with a height and a width, or a tensor, and no row of numbers."""
    shape = getattr(value, "shape", None)
    return hasattr(value, "getexif") or (isinstance(shape, tuple) and len(shape) in (2, 3) and min(shape) > 0)


def as_data_url(
    image: AnyImage, *, format: PictureFormat = "png", quality: int | None = None, bgr: bool = False
) -> tuple[str, int, int]:
    """A picture as the data URL that both renderers and browsers draw, its width and its height; 8 bits."""
    one_of("format", format, _FORMATS)
    picture = to_pil(image, dtype="uint8", bgr=bgr)
    data = _raster.encode(picture, format, _raster.EncodeOptions(quality=quality))
    return f"data:image/{format};base64,{base64.b64encode(data).decode('ascii')}", picture.width, picture.height


def as_document(image: AnyImage) -> bytes:
    """A document of the size of a picture that shows it."""
    url, width, height = as_data_url(image)
    return (
        f'<svg xmlns="{SVG}" width="{width}" height="{height}">'
        f'<image width="{width}" height="{height}" href="{url}"/></svg>'
    ).encode("ascii")


def keep_apart(root: _Element, taken: Collection[str], name: str) -> None:
    """Prepare a document for standing inside of another: its rules hold for itself alone, and no id is one of `taken`."""
    styles = list(root.iter(f"{{{SVG}}}style"))
    for style in styles:
        style.text = clean_sheet("".join(style.itertext()), lambda what: None)
    inline(root, styles, name, medium_of(root), lambda what: None)
    for style in styles:
        above = style.getparent()
        if above is not None:
            above.remove(style)
    _rename(root, taken)


def _rename(root: _Element, taken: Collection[str]) -> None:
    own = [element.get("id", "") for element in root.iter() if element.get("id")]
    used = {*taken, *own}
    renamed: dict[str, str] = {}
    for each in own:
        if each in taken and each not in renamed:
            count = next(count for count in range(2, len(used) + 3) if f"{each}-{count}" not in used)
            renamed[each] = f"{each}-{count}"
            used.add(renamed[each])
    if not renamed:
        return
    for element in root.iter():
        for name, value in element.attrib.items():
            changed = _in_attribute(str(name), str(value), renamed)
            if changed != value:
                element.set(name, changed)


def _in_attribute(name: str, value: str, renamed: dict[str, str]) -> str:
    if name == "id":
        return renamed.get(value, value)
    if name in ("href", XLINK_HREF):
        return f"#{renamed.get(value[1:], value[1:])}" if value.startswith("#") else value
    if name in _LISTS_OF_IDS:
        return " ".join(renamed.get(each, each) for each in value.split())
    if name in ("begin", "end"):
        return re.sub(r"(?<![\w.-])([\w-]+)(?=\.)", lambda match: renamed.get(match[1], match[1]), value)
    return _REFERENCE.sub(lambda match: match[1] + renamed.get(match[2], match[2]), value) if "url(" in value else value


def place(root: _Element, x: float, y: float, width: float | None, height: float | None) -> None:
    """Have an <svg> stand at a place inside of another."""
    for name, value in (("x", x), ("y", y), ("width", width), ("height", height)):
        if value is not None:
            root.set(name, number(value))
