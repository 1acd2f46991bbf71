"""The tabs of documents: what an SVG holds and how it looks, the layers of a PSD, each with its eye, and a mesh from all sides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr

from .._io import read_bytes
from ..device.sizes import format_size
from ..errors import AikitError
from ..files import encode
from ..limits import Limits
from ..mesh import Mesh, MeshInfo, open_mesh
from ..psd import Layer, Psd, open_psd
from ..svg import SvgInfo, render_svg, sanitize_svg, svg_info
from .forms import Raw, fields_of_function, read_fields
from .layout import QUIET, keep_file, make_download, say, say_error, say_table, show_look
from .pictures import draw_mesh, error_of, look_at
from .widgets import add_field

__all__ = ["add_mesh_tab", "add_psd_tab", "add_svg_tab"]

_DRAWING = fields_of_function(render_svg, ("width", "height", "scale", "background", "engine"))
_AGAIN: dict[str, Any] = {"trigger_mode": "always_last", "api_visibility": "private"}


# ---------------------------------------------------------------- SVG


def add_svg_tab(limits: Limits) -> None:
    """An SVG as it looks at any size, what it holds, and what is taken out of it before anything draws it."""
    with gr.Row():
        with gr.Column(scale=2, min_width=320):
            file = gr.File(label="SVG", file_types=[".svg", ".svgz"], type="filepath", height=140)
            widgets = [add_field(each, each.start) for each in _DRAWING]
        with gr.Column(scale=3, min_width=320):
            view = gr.HTML(say("Choose an SVG."), label="The drawing", padding=False)
            report = gr.HTML(label="What it holds", padding=False)
            with gr.Row():
                picture = make_download(what="as PNG")
                clean = make_download(what="sanitized")

    def show(path: str | None, *given: Raw) -> tuple[object, ...]:
        nothing = make_download(what="as PNG"), make_download(what="sanitized")
        if path is None:
            return say("Choose an SVG."), "", *nothing
        try:
            return _show_svg(path, _read_drawing(given), limits)
        except AikitError as error:
            return say_error(error_of(error)), "", *nothing

    shown = [view, report, picture, clean]
    gr.on(
        [file.upload, *(each.change for each in widgets)],
        show,
        [file, *widgets],
        shown,
        **_AGAIN,
        show_progress_on=view,
    )
    file.clear(lambda: show(None), None, shown, **QUIET)


def _show_svg(path: str, drawing: dict[str, Any], limits: Limits) -> tuple[object, ...]:
    data = read_bytes(path, limits=limits)
    info, clean = svg_info(data, limits=limits), sanitize_svg(data, limits=limits)
    png = encode(render_svg(data, limits=limits, **drawing), "png")
    stem = Path(path).stem
    return (
        show_look("Drawing", look_at(png, limits)),
        _tell_svg(info),
        make_download(keep_file(f"{stem}.png", png)),
        make_download(keep_file(f"{stem}-sanitized.svg", clean)),
    )


def _tell_svg(info: SvgInfo) -> str:
    size = "none" if info.width is None or info.height is None else f"{info.width:g} x {info.height:g} px"
    rows = [
        ("size", size),
        ("viewBox", "none" if info.view_box is None else " ".join(f"{each:g}" for each in info.view_box)),
        ("title", info.title or "none"),
        ("elements", f"{info.elements}, at most {info.depth} deep"),
        ("pictures in it", str(info.pictures)),
        ("fonts", ", ".join(info.fonts) or "none"),
        ("file", format_size(info.bytes)),
        ("taken out", "; ".join(info.removed) or "nothing: it is harmless"),
    ]
    return say_table(("what", "found"), rows)


def _read_drawing(given: Sequence[Raw]) -> dict[str, Any]:
    return read_fields(_DRAWING, {each.name: value for each, value in zip(_DRAWING, given, strict=True)})


# ---------------------------------------------------------------- PSD


def add_psd_tab(limits: Limits) -> None:
    """A layered document: its tree with an eye for each layer, what it looks like with these on, and what is not drawn."""
    with gr.Row():
        with gr.Column(scale=2, min_width=320):
            file = gr.File(label="PSD or PSB", file_types=[".psd", ".psb"], type="filepath", height=140)
            eyes = gr.CheckboxGroup([], label="Layers", info="the topmost first", elem_classes="aikit-layers")
            about = gr.HTML(label="Layers in words", padding=False)
        with gr.Column(scale=3, min_width=320):
            view = gr.HTML(say("Choose a document."), label="The document", padding=False)
            with gr.Row():
                picture = make_download(what="as PNG")
                layered = make_download(what="with these layers on")

    def open_document(path: str) -> tuple[object, ...]:
        try:
            document = open_psd(path, limits=limits)
            layers = _top_first(document)
            choices = [(_line_of(each), number) for number, each in layers]
            on = [number for number, each in layers if each.visible]
            return gr.CheckboxGroup(choices, value=on), _tell_psd(document, layers)
        except AikitError as error:
            return gr.CheckboxGroup([], value=[]), say_error(error_of(error))

    def show(path: str | None, on: list[int]) -> tuple[object, ...]:
        nothing = make_download(what="as PNG"), make_download(what="with these layers on")
        if path is None:
            return say("Choose a document."), *nothing
        try:
            return _show_psd(path, frozenset(on), limits)
        except AikitError as error:
            return say_error(error_of(error)), *nothing

    shown = [view, picture, layered]
    file.upload(open_document, file, [eyes, about], show_progress_on=view, api_visibility="private").then(
        show, [file, eyes], shown, show_progress_on=view, api_visibility="private"
    )
    eyes.input(show, [file, eyes], shown, **_AGAIN, show_progress_on=view)
    file.clear(lambda: (gr.CheckboxGroup([], value=[]), "", *show(None, [])), None, [eyes, about, *shown], **QUIET)


def _show_psd(path: str, on: frozenset[int], limits: Limits) -> tuple[object, ...]:
    document = open_psd(path, limits=limits)
    for number, layer in enumerate(document.walk()):
        if layer.visible != (number in on):
            layer.visible = number in on
    png = encode(document.render(kind="numpy"), "png")
    stem, suffix = Path(path).stem, Path(path).suffix
    return (
        show_look("Document", look_at(png, limits)),
        make_download(keep_file(f"{stem}.png", png)),
        make_download(keep_file(f"{stem}-changed{suffix}", document.encode())),
    )


def _top_first(document: Psd) -> list[tuple[int, Layer]]:
    """All layers with their numbers in `walk`, those above others first, groups before what is in them."""
    numbers = {layer: number for number, layer in enumerate(document.walk())}

    def below(layers: Sequence[Layer]) -> list[Layer]:
        return [each for layer in reversed(layers) for each in (layer, *below(layer.layers))]

    return [(numbers[each], each) for each in below(document.layers)]


def _line_of(layer: Layer) -> str:
    """Its name, below those of its groups, and what it is."""
    depth = layer.path.count("/") - layer.name.count("/")
    return f"{'– ' * depth}{layer.name} ({layer.kind}, {layer.opacity:.0%}, {layer.blend_mode})"


def _tell_psd(document: Psd, layers: Sequence[tuple[int, Layer]]) -> str:
    size = f"{document.width} x {document.height}, {document.mode}, {document.depth} bits, {len(layers)} layers"
    missing = document.unsupported()
    told = say_table(("not drawn",), [(each,) for each in missing]) if missing else say("Everything in it is drawn.")
    return say(size) + told


# ---------------------------------------------------------------- meshes

# Where the camera stands, in degrees, and the largest picture that a slider asks for.
_BOUNDS: Mapping[str, tuple[float, float]] = {
    "yaw": (-180, 180), "pitch": (-90, 90), "fov": (5, 120), "width": (64, 2048), "height": (64, 2048),
}  # fmt: skip
_CAMERA = tuple(
    replace(each, kind="slider", minimum=_BOUNDS[each.name][0], maximum=_BOUNDS[each.name][1], step=1)
    if each.name in _BOUNDS
    else each
    for each in fields_of_function(Mesh.render, (*_BOUNDS, "background"))
)


def add_mesh_tab(limits: Limits) -> None:
    """A mesh from any side, and what it holds."""
    with gr.Row():
        with gr.Column(scale=2, min_width=320):
            file = gr.File(label="GLB, glTF or OBJ", file_types=[".glb", ".gltf", ".obj"], type="filepath", height=140)
            widgets = [add_field(each, each.start) for each in _CAMERA]
        with gr.Column(scale=3, min_width=320):
            view = gr.HTML(say("Choose a mesh."), label="The mesh", padding=False)
            report = gr.HTML(label="What it holds", padding=False)
            picture = make_download(what="as PNG")

    def show(path: str | None, *given: Raw) -> tuple[object, ...]:
        nothing = make_download(what="as PNG")
        if path is None:
            return say("Choose a mesh."), "", nothing
        try:
            held = {each.name: value for each, value in zip(_CAMERA, given, strict=True)}
            return _show_mesh(path, read_fields(_CAMERA, held), limits)
        except AikitError as error:
            return say_error(error_of(error)), "", nothing

    shown = [view, report, picture]
    gr.on(
        [file.upload, *(each.change for each in widgets)],
        show,
        [file, *widgets],
        shown,
        **_AGAIN,
        show_progress_on=view,
    )
    file.clear(lambda: show(None), None, shown, **QUIET)


def _show_mesh(path: str, drawing: dict[str, object], limits: Limits) -> tuple[object, ...]:
    data = read_bytes(path, limits=limits)
    info = open_mesh(data, limits=limits).info()
    png = encode(draw_mesh(data, limits, drawing), "png")
    return (
        show_look("Mesh", look_at(png, limits)),
        _tell_mesh(info),
        make_download(keep_file(f"{Path(path).stem}.png", png)),
    )


def _tell_mesh(info: MeshInfo) -> str:
    rows = [
        ("triangles", f"{info.triangles:,} of {info.vertices:,} vertices, in {info.meshes} meshes"),
        ("not drawn", f"{info.lines} of lines, {info.points} of points" if info.lines or info.points else "nothing"),
        ("materials", ", ".join(info.materials) or "none"),
        ("textures", str(len(info.textures))),
        ("animations", str(len(info.animations))),
        ("not understood", ", ".join(info.not_understood) or "nothing"),
        ("left out", "; ".join(info.left_out) or "nothing"),
        ("data", format_size(info.bytes)),
    ]
    return say_table(("what", "found"), rows)
