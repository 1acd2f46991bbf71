"""SVG to pixels and to PDF."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypedDict, Unpack, overload

from PIL import Image

from .._check import one_of, switch
from .._foreign_names import explain_calls
from .._pixels import Spec, parse_color
from ..convert import KINDS, as_kind
from ..errors import InputValueError, printable, quoted
from ..isolation import guarded
from ..limits import Limits
from ..types import AnyImage, Color, Kind, Source
from . import engines
from .clean import clean
from .cost import estimate_cost
from .css_colors import ColorScheme
from .embedding import as_document, is_image
from .fonts import FontSource, check_fonts, unreadable
from .foreign import draw_foreign_text
from .media import Medium
from .resolve import Page, resolve, summary
from .size import Plan, plan, view_box
from .source import parse, read_source

if TYPE_CHECKING:
    import numpy as np
    import torch
    from lxml import etree

    from .document import Svg

    # Any: what users do with it next may change its dtype.
    Array: TypeAlias = np.ndarray[Any, Any]

__all__ = ["decode", "render_svg", "svg_to_pdf"]

_log = logging.getLogger("aikit")

Engine = Literal["resvg", "cairosvg"]

_DRAW = {"resvg": engines.draw_with_resvg, "cairosvg": engines.draw_with_cairosvg}


class Drawing(TypedDict, total=False):
    """How an SVG is drawn, for type checkers: each keyword means what it does in `render_svg`."""

    width: int | None
    height: int | None
    scale: float | None
    background: Color | None
    engine: Engine
    color: Color | None
    color_scheme: ColorScheme
    fonts: Sequence[FontSource] | None
    foreign_text: bool


class _Job(Drawing, total=False):
    limits: Limits | None


@overload
def render_svg(source: Source | Svg, *, kind: Literal["pil"] = "pil", **how: Unpack[_Job]) -> Image.Image: ...
@overload
def render_svg(source: Source | Svg, *, kind: Literal["numpy", "cv2"], **how: Unpack[_Job]) -> Array: ...
@overload
def render_svg(source: Source | Svg, *, kind: Literal["tensor"], **how: Unpack[_Job]) -> torch.Tensor: ...
@overload
def render_svg(source: Source | Svg, *, kind: Kind, **how: Unpack[_Job]) -> AnyImage: ...
@explain_calls
def render_svg(
    source: Source | Svg,
    *,
    width: int | None = None,
    height: int | None = None,
    scale: float | None = None,
    background: Color | None = None,
    engine: Engine = "resvg",
    color: Color | None = None,
    color_scheme: ColorScheme = "light",
    fonts: Sequence[FontSource] | None = None,
    foreign_text: bool = False,
    kind: Kind = "pil",
    limits: Limits | None = None,
) -> AnyImage:
    """Draw an SVG.

    The file is sanitized first (see `sanitize_svg`), whatever its source: nothing is opened, fetched or run. What the CSS
    of today says is worked out: selectors, media queries, variables, calc(), the colors of CSS Color 4 and 5, transforms.
    What nobody draws is told in the log and in `svg_info(...).unsupported`.

    The size is the file's own, its width and height at 96 px an inch, or else its viewBox. `width` or `height` alone
    keeps the aspect; both give a canvas of exactly that size, the drawing as large as fits and in its middle; `scale`
    multiplies the file's own size. Sides are rounded to whole pixels, at least one.

    Args:
        source: a path, bytes or an open binary file, SVG or svgz, or an open `Svg`. A str is a path and is never fetched.
        width: of the result, in pixels.
        height: of the result, in pixels.
        scale: instead of these, how many times the file's own size.
        background: a color behind the drawing; by default there is none.
        engine: "resvg", or "cairosvg", which knows neither filters nor blend modes nor all colors, and needs the
            system's cairo library.
        color: what `currentColor` is where the drawing does not say it itself; None is black.
        color_scheme: "light" or "dark", for `@media (prefers-color-scheme: ..)` and `light-dark()`.
        fonts: files of fonts, and folders with some, that text may be drawn in beside the installed ones; for resvg.
        foreign_text: draw the text of HTML in the drawing (foreignObject, as mermaid and draw.io write it) as plain text:
            its lines, unwrapped, in its font and color. Otherwise it is left out, and told.
        kind: of the result: "pil", "numpy" for an array (H, W, 4), "cv2" for one in OpenCV's order, B, G, R, A, or
            "tensor" for float32 (4, H, W).
        limits: what the file may cost, `Limits()` for files of strangers, which are drawn in a child process then;
            `max_output_pixels` and `max_side` hold for the result. None: 178 million pixels.

    Returns:
        An image of 8 bits, RGBA (a tensor of floats), sRGB, with straight alpha. Text in fonts that are not installed is drawn in others.

    Raises:
        FileAccessError: the file cannot be opened.
        FileFormatError: not an SVG, or damaged.
        LimitError: the result would be larger than allowed; references or numbers multiply the drawing without end;
            with `limits`, it takes more than their time and memory.
        WorkerError: with `limits`, the renderer crashed.
        InputTypeError: a size that is not a whole number.
        InputValueError: an unknown kind, `scale` beside a size, a size below 1, or no size in the file and not both asked for.
        MissingDependencyError: cairo is not installed, or no font at all and the drawing has text.

    Example:
        >>> square = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 2 1"><rect width="1" height="1"/></svg>'
        >>> image = render_svg(square, width=8)
        >>> image.size, image.getpixel((0, 0)), image.getpixel((7, 0))
        ((8, 4), (0, 0, 0, 255), (0, 0, 0, 0))
        >>> render_svg(square, width=8, height=8).getbbox()
        (0, 2, 4, 6)
        >>> render_svg(square, width=8, kind="numpy").shape
        (4, 8, 4)

    Source: SVG 2, chapter 8 (coordinate systems and units).
    """
    if str(engine) not in _DRAW:
        raise InputValueError("engine", '"resvg" or "cairosvg"', quoted(engine), "pass one of these")
    one_of("kind", kind, KINDS)
    one_of("color_scheme", color_scheme, ("light", "dark"))
    behind = None if background is None else _color(background, "background")
    own = None if color is None else _css(_color(color, "color"))
    given = check_fonts(fonts)
    if given and engine != "resvg":
        raise InputValueError("fonts", 'engine="resvg"', quoted(engine), "install the fonts for CairoSVG")
    data, name, limits = read_source(source, limits)
    job = (
        data,
        name,
        limits,
        (width, height, scale),
        behind,
        engine,
        own,
        color_scheme,
        given,
        switch("foreign_text", foreign_text),
    )
    image = guarded(_render, *job, subject=name, limits=limits, isolate=limits is not None, expect=Image.Image)
    return as_kind(image, kind)


def _render(
    data: bytes,
    name: str,
    limits: Limits | None,
    asked: tuple[int | None, int | None, float | None],
    behind: tuple[int, ...] | None,
    engine: str,
    color: str | None,
    color_scheme: ColorScheme,
    fonts: tuple[str, ...],
    foreign_text: bool,
) -> Image.Image:
    root = parse(data, limits, name=name)
    if foreign_text:
        draw_foreign_text(root)
    sizes = plan(root, name, *asked, limits)
    page = Page(Medium(sizes.width, sizes.height, color_scheme), color, (sizes.width, sizes.height))
    return engines.with_deep_stack(lambda: _draw(root, name, sizes, behind, engine, limits, page, fonts), name)


def _draw(
    root: etree._Element,
    name: str,
    sizes: Plan,
    behind: tuple[int, ...] | None,
    engine: str,
    limits: Limits | None,
    page: Page,
    fonts: tuple[str, ...] = (),
) -> Image.Image:
    _make_ready(root, name, sizes, engine, limits, page, fonts)
    _set_size(root, sizes)
    background = None if behind is None else _css(behind)
    image = _DRAW[engine](root, name, background, fonts)
    if image.size == sizes.canvas:
        return image
    canvas = Image.new("RGBA", sizes.canvas, behind or (0, 0, 0, 0))
    canvas.paste(image, ((canvas.width - image.width) // 2, (canvas.height - image.height) // 2))
    return canvas


def _make_ready(
    root: etree._Element,
    name: str,
    sizes: Plan,
    engine: str,
    limits: Limits | None,
    page: Page,
    fonts: tuple[str, ...] = (),
) -> None:
    """Make a document one that can be given to a renderer, or refuse it."""
    document = clean(root, name, limits, draws=True)
    document.unsupported.update(resolve(root, name, page))
    document.unsupported.update(unreadable(root, fonts))
    if document.unsupported:
        _log.warning("%s: not drawn as it is meant: %s", printable(name), ", ".join(summary(document.unsupported)))
    document.inline_styles()
    estimate_cost(document, sizes.width, sizes.height, engine=engine, limits=limits)


def _own_page(sizes: Plan) -> Page:
    return Page(Medium(sizes.width, sizes.height), size=(sizes.width, sizes.height))


def _set_size(root: etree._Element, sizes: Plan) -> None:
    """Have the root say how large it is drawn; what it showed at its own size fills all of it."""
    box = view_box(root)
    across, down = sizes.natural
    if box is None:
        root.set("viewBox", f"0 0 {across!r} {down!r}")
    # Where the aspects agree, rounding to whole pixels must not leave a seam.
    if box is None or abs(box[2] * down - box[3] * across) <= 1e-6 * box[2] * down:
        root.set("preserveAspectRatio", "none")
    root.set("width", str(sizes.width))
    root.set("height", str(sizes.height))


def _color(color: Color, name: str) -> tuple[int, ...]:
    channels = parse_color(color, Spec("pil", "uint8", 4, 1, 1), name)
    return tuple(round(value * 255) for value in channels)


def _css(color: tuple[int, ...]) -> str:
    return "rgba({},{},{},{})".format(*color[:3], color[3] / 255)


@explain_calls
def svg_to_pdf(
    source: Source | Svg | AnyImage | Sequence[Source | Svg | AnyImage], *, limits: Limits | None = None
) -> bytes:
    """Turn SVGs and pictures into a PDF, a page each, with shapes as shapes and text as text.

    CairoSVG draws it: filters and blend modes are left out. The file is sanitized first (see `sanitize_svg`), and the CSS of
    today is worked out as for `render_svg`.

    Args:
        source: a path, bytes or an open binary file, SVG or svgz, an open `Svg`, or an image of any kind; or a list of
            these, for a page each. A str is a path and is never fetched.
        limits: what each may cost, in a child process; None trusts it, and open documents keep their own.

    Returns:
        The bytes of the PDF, the same for the same source. Each page has its file's own size: 96 px are an inch.

    Raises:
        FileAccessError: the file cannot be opened.
        FileFormatError: not an SVG, or damaged.
        LimitError: references or numbers multiply the drawing without end, or it takes more time or memory than
            `limits` allow.
        WorkerError: with `limits`, the renderer crashed.
        InputValueError: a file has neither a size nor a viewBox, or there is no page.
        MissingDependencyError: the system's cairo library is not installed.

    Example:
        >>> cover = b'<svg xmlns="http://www.w3.org/2000/svg" width="1in" height="1in"/>'
        >>> svg_to_pdf(cover)[:5], svg_to_pdf([cover, cover]).count(b"/MediaBox")
        (b'%PDF-', 2)
    """
    listed = source if isinstance(source, (list, tuple)) else [source]
    if not listed:
        raise InputValueError("source", "at least one page", "none", "pass an SVG")
    pages = [
        (as_document(each), f"page {number}", limits) if is_image(each) else read_source(each, limits)
        for number, each in enumerate(listed, 1)
    ]
    limits = next((held for _, _, held in pages if held is not None), None)
    datas, names = [data for data, _, _ in pages], [name for _, name, _ in pages]
    return guarded(
        _pdf, datas, names, limits, subject=names[0], limits=limits, isolate=limits is not None, expect=bytes
    )


def _pdf(datas: list[bytes], names: list[str], limits: Limits | None) -> bytes:
    pdf = engines.Pdf()
    for data, name in zip(datas, names, strict=True):
        _add_page(pdf, data, name, limits)
    return pdf.finish()


def _add_page(pdf: engines.Pdf, data: bytes, name: str, limits: Limits | None) -> None:
    root = parse(data, limits, name=name)
    sizes = plan(root, name, None, None, None, limits)

    def work() -> None:
        _make_ready(root, name, sizes, "cairosvg", limits, _own_page(sizes))
        # A page need not be whole pixels.
        across, down = sizes.natural
        if view_box(root) is None:
            root.set("viewBox", f"0 0 {across!r} {down!r}")
        root.set("width", repr(across))
        root.set("height", repr(down))
        pdf.add(root, name)

    engines.with_deep_stack(work, name)


def decode(data: bytes, *, name: str, frame: int = 0, limits: Limits | None = None) -> Image.Image:
    """Draw the bytes of an SVG at its own size, for the readers of files.

    Raises:
        FileFormatError: not an SVG, or damaged.
        LimitError: larger than `limits` allow.
        InputValueError: a frame other than 0, or a file without a size.
    """
    if frame:
        raise InputValueError("frame", "0 to 0", quoted(frame), f"{name} is an SVG, which has 1 frame")
    root = parse(data, limits, name=name)
    sizes = plan(root, name, None, None, None, limits)
    return engines.with_deep_stack(lambda: _draw(root, name, sizes, None, "resvg", limits, _own_page(sizes)), name)
