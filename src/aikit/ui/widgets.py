"""Fields as widgets of Gradio, which tell what they hold as soon as it changes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

import gradio as gr

from .forms import Field, Raw

__all__ = ["add_field", "in_lines", "on_change"]

# Anything that a page asks when a widget changes: a function of its value, with more inputs.
Listener = Callable[..., Any]


def in_lines(fields: Iterable[Field]) -> list[list[Field]]:
    """The fields as they stand beside each other: two on a line, a color with its picker alone."""
    lines: list[list[Field]] = []
    for each in fields:
        full = not lines or len(lines[-1]) == 2 or "color" in (each.kind, lines[-1][0].kind)
        lines = [*lines, [each]] if full else [*lines[:-1], [*lines[-1], each]]
    return lines


def add_field(field: Field, value: Raw, key: object = None) -> Any:
    """The widget of a field, where Gradio's Blocks are being made; colors have a picker beside their text."""
    common: dict[str, Any] = {
        "label": field.label,
        "info": _info(field),
        "key": key,
        "min_width": 140,
        "interactive": True,
    }
    if field.kind == "switch":
        return gr.Checkbox(bool(value), **common)
    if field.kind == "choice":
        return gr.Dropdown(list(field.words), value=value, filterable=False, **common)
    if field.kind == "slider":
        return gr.Slider(field.minimum, field.maximum, value, step=field.step, **common)
    # Gradio shows an empty number as 0: what may be empty is a text.
    if field.kind == "number" and value is not None and not field.may_be_empty:
        return gr.Number(
            value, minimum=field.minimum, maximum=field.maximum, precision=0 if field.whole else None, **common
        )
    if field.kind == "color":
        return _add_color(field, value, common)
    return gr.Textbox("" if value is None else str(value), max_lines=3, **common)


def _add_color(field: Field, value: Raw, common: dict[str, Any]) -> Any:
    with gr.Column(min_width=280):
        text = gr.Textbox(
            "" if value is None else str(value), max_lines=1, placeholder="white, #ff8800, #ff880080", **common
        )
        picker = gr.ColorPicker(label=f"pick {field.label}", elem_classes="aikit-picker", interactive=True)
    picker.input(_as_hex, picker, text, show_progress="hidden", api_visibility="private")
    return text


def _as_hex(picked: str) -> str:
    """What Gradio's picker says, "#rrggbb" or "rgba(r, g, b, a)", as a color of ours."""
    if not picked.startswith("rgb"):
        return picked
    numbers = [float(each) for each in picked.partition("(")[2].rstrip(")").split(",")]
    codes = [round(each) for each in numbers[:3]] + (
        [round(numbers[3] * 255)] if len(numbers) > 3 and numbers[3] < 1 else []
    )
    return "#" + "".join(f"{min(max(code, 0), 255):02x}" for code in codes)


def on_change(widget: Any, function: Listener, inputs: list[Any], outputs: list[Any]) -> None:
    """Call a function whenever a visitor changes a widget; of several changes while it runs, for the last one."""
    # The text of a color is changed by its picker too.
    event = widget.change if isinstance(widget, gr.Textbox) else widget.input
    event(
        function, [widget, *inputs], outputs,
        trigger_mode="always_last", show_progress="hidden", api_visibility="private", concurrency_id="form",
    )  # fmt: skip


def _info(field: Field) -> str | None:
    """The first clause of what the docstring says."""
    text = re.split(r"[.:;] ", field.info)[0].rstrip(".")
    if field.may_be_empty:
        text = f"{text}, or nothing" if text else "or nothing"
    return text or None
