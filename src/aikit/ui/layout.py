"""What all pages share: how they look, how they are launched, and what they never do."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.utils import get_upload_folder
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Receive, Scope, Send

from ..device.sizes import format_size
from ..limits import Limits
from .pictures import Look

__all__ = [
    "QUIET",
    "Page",
    "add_picture",
    "compare",
    "keep_file",
    "make_download",
    "say",
    "say_error",
    "say_table",
    "show_look",
]

# For what takes no time, and is nobody's to call but the page's.
QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}

# Seconds: how often files are looked at, and how old they grow.
_LOOK, _KEEP = 600, 3600

# Fonts that are there. Gradio's own would be fetched from this server, others from elsewhere.
_FONTS = ("system-ui", "sans-serif")
_MONO = ("ui-monospace", "monospace")

_CSS = (Path(__file__).parent / "page.css").read_text(encoding="utf-8")


class Page(gr.Blocks):  # type: ignore[misc]
    """Blocks that forget files after an hour and talk to nobody but their visitor, however they are launched."""

    def __init__(self, title: str, limits: Limits) -> None:
        super().__init__(title=title, analytics_enabled=False, delete_cache=(_LOOK, _KEEP), fill_width=True)
        self._limits = limits

    def launch(self, **options: Any) -> Any:
        """As Gradio's, with what is said here where nothing else is."""
        usual = {
            "server_name": "127.0.0.1",
            "share": False,
            "quiet": True,
            "footer_links": [],
            "run_history": False,
            "ssr_mode": False,
            "pwa": False,
            "mcp_server": False,
            "enable_monitoring": False,
            "max_file_size": self._limits.max_bytes,
            "theme": _make_theme(),
            "css": _CSS,
            "app_kwargs": {"middleware": [Middleware(_NoAddresses)]},
        }
        return super().launch(**{**usual, **options})

    async def preprocess_data(self, block_fn: Any, inputs: list[Any], *rest: Any, **more: Any) -> Any:
        """As Gradio's, but an address in the place of a file is not fetched."""
        if _names_address(inputs):
            raise gr.Error("A picture: expected an upload, got an address; send the file.", print_exception=False)
        return await super().preprocess_data(block_fn, inputs, *rest, **more)


def _make_theme() -> Any:
    """Gradio's plainest, in colors that stand out of their ground by more than 4.5 to 1 (WCAG 2.2, 1.4.3)."""
    theme = gr.themes.Base(
        primary_hue="indigo", secondary_hue="indigo", neutral_hue="slate", font=_FONTS, font_mono=_MONO
    )
    return theme.set(
        body_text_color_subdued="*neutral_600",
        body_text_color_subdued_dark="*neutral_300",
        block_info_text_color="*neutral_600",
        block_info_text_color_dark="*neutral_300",
        block_label_text_color="*neutral_600",
        block_label_text_color_dark="*neutral_200",
        block_title_text_color="*neutral_700",
        block_title_text_color_dark="*neutral_100",
        input_placeholder_color="*neutral_600",
        input_placeholder_color_dark="*neutral_300",
        button_primary_background_fill="*primary_600",
        button_primary_background_fill_hover="*primary_700",
        link_text_color="*primary_600",
        link_text_color_dark="*primary_300",
        color_accent="*primary_600",
    )


class _NoAddresses:
    """Refuses requests to fetch something from elsewhere, which Gradio offers to do for its visitors."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and _is_for_elsewhere(scope["path"]):
            await send({"type": "http.response.start", "status": 403, "headers": [(b"content-length", b"0")]})
            await send({"type": "http.response.body", "body": b""})
            return
        await self._app(scope, receive, send)


def _is_for_elsewhere(path: str) -> bool:
    name = path.rpartition("/file=")[2]
    return "/proxy=" in path or (name != path and "://" in name)


def _names_address(data: object) -> bool:
    """Whether data of a request hold a file that is an address."""
    if isinstance(data, Mapping):
        path = data.get("path")
        return (isinstance(path, str) and "://" in path) or any(map(_names_address, data.values()))
    return isinstance(data, (list, tuple)) and any(map(_names_address, data))


def keep_file(name: str, data: bytes) -> str:
    """The path of a new file that a visitor may fetch, until it is deleted."""
    folder = Path(get_upload_folder()) / secrets.token_hex(20)
    folder.mkdir(parents=True)
    path = folder / name
    path.write_bytes(data)
    return str(path)


# ---------------------------------------------------------------- widgets


# What Gradio calls the place for those who do not see it, which has to be what the others read.
DROP = "Drop an image file here to upload"


def add_picture(label: str) -> tuple[Any, Any]:
    """Where a picture is dropped or pasted, and a button for the formats that browsers do not know."""
    # The file as it is: Gradio itself would lose alpha, depth and palettes.
    image = gr.Image(
        type="filepath",
        image_mode=None,
        sources=["upload", "clipboard"],
        label=label,
        height=200,
        buttons=[],
        placeholder=DROP,
    )
    return image, gr.UploadButton("TIFF, HEIC, JPEG XL and others", type="filepath", size="sm")


def make_download(path: str | None = None, what: str = "the result") -> Any:
    """The button behind which a file is, with its name and size; of no use where there is none."""
    if path is None:
        return gr.DownloadButton(f"Download {what}", value=None, interactive=False)
    size = format_size(Path(path).stat().st_size)
    return gr.DownloadButton(f"Download {Path(path).name} ({size})", value=path, interactive=True)


# ---------------------------------------------------------------- HTML


def say(*lines: str) -> str:
    """What there is to say, one line each."""
    return "".join(f'<p class="aikit-said" role="status">{escape(line)}</p>' for line in lines)


def say_error(text: str) -> str:
    """What went wrong."""
    return f'<p class="aikit-error" role="alert">{escape(text)}</p>'


def say_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Rows below a head."""
    first = "".join(f'<th scope="col">{escape(each)}</th>' for each in head)
    lines = "".join("<tr>" + "".join(f"<td>{escape(each)}</td>" for each in row) + "</tr>" for row in rows)
    return f'<div class="aikit-scroll"><table class="aikit-table"><thead><tr>{first}</tr></thead><tbody>{lines}</tbody></table></div>'


def show_look(name: str, look: Look) -> str:
    """One picture with its kind and size."""
    return f'<div class="aikit-pair">{_figure(name, look)}</div>'


def compare(before: Look, after: Look | None) -> str:
    """Two pictures over each other with a slider between, or side by side where their proportions differ."""
    if after is None:
        return show_look("Before", before)
    if abs(before.width * after.height - after.width * before.height) > max(before.width * after.height, 1) * 0.02:
        return f'<div class="aikit-pair">{_figure("Before", before)}{_figure("After", after)}</div>'
    width, height = max(before.width, after.width), max(before.height, after.height)
    slide = "this.parentNode.style.setProperty('--at', this.value + '%')"
    return (
        f'<div class="aikit-compare" style="--at: 50%; --width: {width}; --height: {height}"><div class="stage">'
        f'{_image("before", before)}{_image("after", after)}<span class="line"></span></div>'
        f'<input type="range" min="0" max="100" value="50" aria-label="Where before ends and after begins" oninput="{slide}">'
        f'<div class="titles"><span>Before: {escape(before.title)}</span><span>After: {escape(after.title)}</span></div></div>'
    )


def _figure(name: str, look: Look) -> str:
    style = f"--width: {look.width}; --height: {look.height}"
    return (
        f'<figure style="{style}">{_image(name.lower(), look)}'
        f"<figcaption>{name}: {escape(look.title)}</figcaption></figure>"
    )


def _image(name: str, look: Look) -> str:
    pixelated = " pixelated" if max(look.width, look.height) <= 128 else ""
    return f'<img class="{name}{pixelated}" src="{look.url}" alt="{name.capitalize()}: {escape(look.title)}">'
