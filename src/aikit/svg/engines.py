"""The two renderers, each kept from reading, hanging and crashing by what it is given.

Both get documents that were cleaned, whose style sheets are inlined and whose cost was estimated, and whose root says how large they are drawn.
"""

from __future__ import annotations

import base64
import io
import re
import threading
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import IO, TYPE_CHECKING, Any, TypeVar

from ..errors import AikitError, FileFormatError, LimitError, MissingDependencyError, quoted
from .css import declarations
from .fonts import families, files_in, with_generic
from .source import SVG, XLINK_HREF

if TYPE_CHECKING:
    from lxml import etree
    from PIL import Image

__all__ = ["Pdf", "draw_with_cairosvg", "draw_with_resvg", "has_text", "with_deep_stack"]

T = TypeVar("T")

# resvg takes about 40 kB for a level of the document, and threads have from 128 kB (musl) to 8 MB.
_STACK = 64 << 20
_starting = threading.Lock()


def with_deep_stack(work: Callable[[], T], name: str) -> T:
    """Do the work on a stack that holds as many levels as are let through, whatever thread asks for it."""
    results: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(work())
        except BaseException as error:  # noqa: BLE001 - raised again where it was asked for
            errors.append(error)

    # The size holds for threads that start from now on, in the whole process: set for one, and set back.
    with _starting:
        before = threading.stack_size(_STACK)
        try:
            thread = threading.Thread(target=run, name="aikit-svg")
            thread.start()
        finally:
            threading.stack_size(before)
    thread.join()
    if not errors:
        return results[0]
    error = errors[0]
    if isinstance(error, RecursionError):
        raise LimitError(
            name, "fewer levels of elements", "more than Python's stack holds", "ungroup the drawing", limit="levels"
        ) from error
    raise error


# ---------------------------------------------------------------- resvg


def draw_with_resvg(root: etree._Element, name: str, background: str | None, fonts: Sequence[str] = ()) -> Image.Image:
    """Draw with resvg, which hands out a PNG."""
    import resvg_py
    from lxml import etree
    from PIL.PngImagePlugin import PngImageFile

    options: dict[str, Any] = {}
    if has_text(root):
        options = _fonts(name, fonts)
        _name_generic_families(root)
    elif _has_svg_inside(root):
        options = families() or {}
        # resvg_py loads fonts where it sees a text, and does not look into embedded documents.
        etree.SubElement(root, f"{{{SVG}}}text")
    text = etree.tostring(root, encoding="unicode", with_tail=False)
    try:
        # dpi is 0 otherwise, and no length in mm or pt has a size; without languages systemLanguage never matches.
        png = resvg_py.svg_to_bytes(svg_string=text, dpi=96.0, languages=["en"], background=background, **options)
    except MemoryError:
        raise
    except BaseException as error:
        # A panic inside of Rust arrives as an exception of its own, beside Exception.
        if isinstance(error, Exception) or type(error).__name__ == "PanicException":
            raise _not_drawn("resvg", error, name) from error
        raise
    # Not Image.open, whose ceiling warns at half of what is allowed here, and was checked before.
    image = PngImageFile(io.BytesIO(png))
    image.load()
    return image.convert("RGBA") if image.mode != "RGBA" else image


def has_text(root: etree._Element) -> bool:
    """Whether there is any text to be drawn."""
    return any((text.text or "").strip() or len(text) for text in root.iter(f"{{{SVG}}}text"))


def _has_svg_inside(root: etree._Element) -> bool:
    return any(
        image.get("href", image.get(XLINK_HREF, ""))[:15] == "data:image/svg+" for image in root.iter(f"{{{SVG}}}image")
    )


def _fonts(name: str, fonts: Sequence[str]) -> dict[str, Any]:
    """resvg_py's arguments for text: which families stand for the generic ones, and the fonts that were passed."""
    found = families()
    files = files_in(fonts)
    if found is None and files:
        return {"font_files": files}
    if found is None:
        raise MissingDependencyError(
            name,
            "a font for its text",
            "none installed on this machine",
            "install one (Debian: apt install fonts-dejavu-core), pass fonts=, or take the text out",
        )
    return {**found, "font_files": files} if files else {**found}


_FAMILY = re.compile(r"(?<![-\w])(font-family\s*:\s*)([^;}!]+)")


def _name_generic_families(root: etree._Element) -> None:
    """Helvetica that is not installed is sans-serif; resvg would take its last resort, serif."""
    for element in root.iter():
        family, style = element.get("font-family"), element.get("style")
        if family:
            element.set("font-family", with_generic(family))
        if style and "font-family" in style:
            element.set("style", _with_generic_families(style))
        if element.tag == f"{{{SVG}}}style" and element.text:
            element.text = _with_generic_families(element.text)


def _with_generic_families(css: str) -> str:
    return _FAMILY.sub(lambda match: match[1] + with_generic(match[2]), css)


# ---------------------------------------------------------------- CairoSVG


def draw_with_cairosvg(
    root: etree._Element, name: str, background: str | None, fonts: Sequence[str] = ()
) -> Image.Image:
    """Draw with CairoSVG, from whose surface the pixels are taken: no PNG in between."""
    from PIL import Image

    surfaces = _cairosvg_surfaces()
    surface = _surface(surfaces.PNGSurface, root, None, name, background)
    drawn = surface.cairo
    drawn.flush()
    size = drawn.get_width(), drawn.get_height()
    # cairo's pixels are premultiplied, B G R A on machines with the low byte first.
    image = Image.frombuffer("RGBa", size, bytes(drawn.get_data()), "raw", "BGRa", drawn.get_stride(), 1)
    return image.convert("RGBA")


class Pdf:
    """A PDF that is drawn page by page: a px is three quarters of a point."""

    def __init__(self) -> None:
        self._surfaces = _cairosvg_surfaces()
        self._output = io.BytesIO()
        self._pages: Any = None  # cairo's surface

    def add(self, root: etree._Element, name: str) -> None:
        """Draw a page."""
        _surface(self._new_page, root, self._output, name, None).show_page()

    def _new_page(
        self, tree: Any, output: Any, dpi: float, background_color: str | None
    ) -> Any:  # cairocffi has no types
        pdf, base = self, self._surfaces.PDFSurface

        class Page(base):  # type: ignore[misc, valid-type]
            def _create_surface(self, width: float, height: float) -> tuple[Any, float, float]:
                if pdf._pages is None:
                    pdf._pages = self.surface_class(output, width, height)
                    _drop_date(pdf._pages)
                else:
                    pdf._pages.set_size(width, height)
                return pdf._pages, width, height

        return Page(tree, output, dpi, background_color=background_color).cairo

    def finish(self) -> bytes:
        """The bytes of all pages."""
        assert self._pages is not None
        self._pages.finish()
        return self._output.getvalue()


def _drop_date(surface: Any) -> None:
    """The same pages are the same bytes: no date of creation."""
    import cairocffi

    if hasattr(surface, "set_metadata") and cairocffi.cairo_version() >= 11504:
        surface.set_metadata(cairocffi.PDF_METADATA_CREATE_DATE, "")


def _surface(
    kind: Callable[..., T], root: etree._Element, output: IO[bytes] | None, name: str, background: str | None
) -> T:
    from cairosvg.parser import Tree
    from lxml import etree

    _say_size_once(root)
    _aim_uses(root)
    data = etree.tostring(root, encoding="utf-8", with_tail=False)
    try:
        # Never unsafe=True, which lets files and URLs in and lifts what CairoSVG limits.
        tree = Tree(bytestring=data, unsafe=False, url_fetcher=_decode_embedded)
        return kind(tree, output, 96, background_color=background)
    except (AikitError, RecursionError):
        raise
    except Exception as error:
        # cairo calls a surface that it refuses for its size one without memory.
        if isinstance(error, MemoryError) and "CAIRO_STATUS" not in str(error):
            raise
        raise _not_drawn("CairoSVG", error, name) from error


def _say_size_once(root: etree._Element) -> None:
    """CairoSVG lets a width in a style win over the attribute, which says how large the picture is to be."""
    kept = [f"{key}:{value}" for key, value in declarations(root.get("style", "")) if key not in ("width", "height")]
    kept += [f"{side}:{root.get(side)}px" for side in ("width", "height")]
    root.set("style", ";".join(kept))


def _aim_uses(root: etree._Element) -> None:
    """CairoSVG takes a <use> of nothing for one of the entire document, and draws that inside itself."""
    nowhere = "#" + "-" * (1 + max(len(element.get("id", "")) for element in root.iter()))
    for use in root.iter(f"{{{SVG}}}use"):
        if not (use.get("href") or use.get(XLINK_HREF)):
            use.set("href", nowhere)


def _decode_embedded(url: str, resource_type: str) -> bytes:
    """Decode a picture that cleaning left, which is base64: all that CairoSVG may have, so nothing is opened."""
    head, comma, data = url.partition(",")
    if not (comma and head.startswith("data:image/") and head.endswith(";base64")):
        raise FileFormatError("picture", "a data URL", quoted(url[:60]), "embed it")
    return base64.b64decode(data)


def _cairosvg_surfaces() -> ModuleType:
    try:
        from cairosvg import surface
    except OSError as error:
        raise MissingDependencyError(
            "engine",
            'the system\'s cairo library for "cairosvg"',
            "none installed",
            "install it (Debian: apt install libcairo2; macOS: brew install cairo; Windows: the GTK runtime), or draw "
            'with engine="resvg"',
        ) from error
    module: ModuleType = surface
    return module


def _not_drawn(engine: str, error: BaseException, name: str) -> FileFormatError:
    reason = " ".join(str(error).split())[:160] or type(error).__name__
    return FileFormatError(name, f"an SVG that {engine} can draw", quoted(reason), "check the drawing")
