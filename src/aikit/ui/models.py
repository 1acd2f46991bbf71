"""Models of the service as pages: a form made of what a model takes, and its answer."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import gradio as gr
from pydantic import ValidationError

from .._io import read_bytes
from .._raster import identify
from ..errors import AikitError, InputValueError, quoted
from ..files import media_type
from ..files.data_urls import wrap
from ..limits import Limits
from ..memory import ModelPool
from ..operations.parameters import Parameter
from ..operations.values import Schema
from ..serve.core import answer_of
from ..serve.models import Model, find_models
from ..serve.problems import problem_of_validation
from .forms import Field, Raw, make_field, read_fields
from .layout import DROP, Page, add_picture, keep_file, make_download, say, say_error, show_look
from .pictures import error_of, limits_of_results, look_at
from .widgets import add_field

__all__ = ["add_models_tab", "build_page", "model_of"]

_NONE = "No model is registered: write functions with `@aikit.serve.model`, and run `aikit ui --models FILE.py`."
# What answers are written in where they are pictures: whatever holds them.
_ACCEPT = "image/png"


def model_of(function: object) -> Model:
    """The model of the service that a function was registered as.

    Raises:
        InputValueError: it was not.
    """
    for each in find_models().values():
        if each.function is function:
            return each
    raise InputValueError(
        "function", "a model of the service", quoted(function), "decorate it with @aikit.serve.model(name)"
    )


def build_page(model: Model, limits: Limits) -> Page:
    """A page for one model."""
    page = Page(model.name, limits)
    with page:
        gr.Markdown(f"# {model.name}\n{model.summary}")
        _add_model(model, limits)
    return page


def add_models_tab(limits: Limits) -> None:
    """All models that are registered, each on a tab of its own."""
    models = find_models()
    if not models:
        gr.Markdown(_NONE)
    for model in models.values():
        with gr.Tab(model.name):
            gr.Markdown(model.summary)
            _add_model(model, limits)


def _add_model(model: Model, limits: Limits) -> None:
    pool = ModelPool()
    if model.load is not None:
        pool.add(model.name, model.load)
    with gr.Row():
        with gr.Column(min_width=320):
            asked = _add_form(model)
            button = gr.Button("Ask", variant="primary")
        with gr.Column(min_width=320):
            said = gr.HTML(say("No answer yet."), label="What happened", padding=False)
            answer = gr.JSON(label="Answer", visible=False)
            download = make_download()

    def ask(*given: Raw) -> tuple[object, ...]:
        try:
            item = asked.read(model, given, limits)
            return _show_answer(model, model.answer([item], pool)[0], limits)
        except AikitError as error:
            told = error_of(error)
        except ValidationError as error:
            told = problem_of_validation(cast("list[Mapping[str, Any]]", error.errors())).detail
        return say_error(told), gr.JSON(visible=False), make_download()

    shown = [said, answer, download]
    button.click(ask, asked.widgets, shown, show_progress_on=said, api_visibility="private")


def _show_answer(model: Model, answer: object, limits: Limits) -> tuple[object, ...]:
    """An answer as what it is, a picture with its file, or JSON."""
    body, kind = answer_of(model, answer, _ACCEPT, "strip")
    if not kind.startswith("image/"):
        return "", gr.JSON(json.loads(body), visible=True), make_download()
    path = keep_file(f"{model.name}.{kind.partition('/')[2]}", body)
    return show_look("Answer", look_at(body, limits_of_results(limits))), gr.JSON(visible=False), make_download(path)


# ---------------------------------------------------------------- what a model takes


@dataclass(frozen=True, slots=True)
class _Form:
    """The widgets of what a model is asked; `fields` has None where a widget holds a picture."""

    widgets: Sequence[Any]
    names: Sequence[str]
    fields: Sequence[Field | None]

    def read(self, model: Model, given: Sequence[Raw], limits: Limits) -> object:
        """The item that the model gets.

        Raises:
            AikitError: a picture cannot be read, or a text is no JSON.
            ValidationError: the request does not fit.
        """
        if model.request is None:
            path = next((each for each in given if each), None)
            if path is None:
                raise InputValueError("picture", "one", "none", "choose one")
            return model.prepare(read_bytes(str(path), limits=limits), limits)
        held = dict(zip(self.names, given, strict=True))
        fields = [each for each in self.fields if each is not None]
        values = read_fields(fields, held)
        pictures = [name for name, field in zip(self.names, self.fields, strict=True) if field is None]
        for name in pictures:
            if held[name]:
                data = read_bytes(str(held[name]), limits=limits)
                values[name] = wrap(data, media_type(identify(data) or "octet-stream"))
        return model.request.model_validate(values)


def _add_form(model: Model) -> _Form:
    """A picture, or the widgets of a request's own fields."""
    if model.request is None:
        return _Form(add_picture("Picture"), (), ())
    schema = model.request.model_json_schema()
    widgets: list[Any] = []
    names: list[str] = []
    fields: list[Field | None] = []
    for name, each in schema["properties"].items():
        names.append(name)
        if each.get("format") == "data-url":
            fields.append(None)
            widgets.append(
                gr.Image(type="filepath", image_mode=None, label=name, height=200, buttons=[], placeholder=DROP)
            )
            continue
        required = name in schema.get("required", ())
        parameter = Parameter(name, cast(Schema, each), required, each.get("default"), each.get("description", ""))
        field = make_field(parameter)
        fields.append(field)
        widgets.append(add_field(field, field.start))
    return _Form(widgets, names, fields)
