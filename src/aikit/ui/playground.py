"""The playground: all operations on one's own pictures, and tabs for documents and models."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr

from .. import operations
from .._io import read_bytes
from ..errors import AikitError
from ..limits import Limits
from ..recipe import Recipe
from .documents import add_mesh_tab, add_psd_tab, add_svg_tab
from .forms import Raw, fields_of, read_fields, recipe_fields, show_field
from .layout import QUIET, Page, add_picture, compare, keep_file, make_download, say, say_error, say_table
from .models import add_models_tab
from .pictures import Look, apply, draw_difference, error_of, formats_to_write, look_at, write_all
from .steps import PageStep, Steps, add, fill, move, recipe_of, remove, steps_of, switch
from .takeaway import as_curl, as_python, as_shell
from .widgets import add_field, in_lines, on_change

__all__ = ["build_playground"]

_PROMPT = "Choose a picture, then add steps."
# The name in what is taken away, where there is no picture yet.
_NAME = "photo.jpg"
_OPTIONS = recipe_fields(formats_to_write())
_TO = {"to": "png"}


def build_playground(limits: Limits) -> Page:
    """The whole page."""
    page = Page("aikit", limits)
    with page:
        gr.Markdown("# aikit\nTry any operation on your own pictures, and take the recipe away.")
        with gr.Tab("Pictures"):
            _Pictures(limits)
        with gr.Tab("SVG"):
            add_svg_tab(limits)
        with gr.Tab("PSD"):
            add_psd_tab(limits)
        with gr.Tab("Meshes"):
            add_mesh_tab(limits)
        with gr.Tab("Models"):
            add_models_tab(limits)
    return page


class _Pictures:
    """The tab of pictures: its parts, and what happens when one of them changes."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        # The steps; how often they were drawn; the path of the picture and how it looks; the path of the result.
        self.steps, self.drawn = gr.State(()), gr.State(0)
        self.source, self.before, self.result = gr.State(None), gr.State(None), gr.State(None)
        with gr.Row():
            with gr.Column(scale=2, min_width=320):
                self.image, self.other_format = add_picture("Picture")
                self._add_steps()
                self._add_options()
            with gr.Column(scale=3, min_width=320):
                self._add_results()
                self._add_takeaway()
        self._connect()

    # ------------------------------------------------------------ parts

    def _add_steps(self) -> None:
        with gr.Row(equal_height=True):
            self.operation = gr.Dropdown(operations.names(), value="resize", label="Operation", scale=3, min_width=160)
            self.add = gr.Button("Add step", variant="primary", scale=1, min_width=100)

        @gr.render(inputs=[self.steps], triggers=[self.drawn.change], show_progress="hidden")  # type: ignore[untyped-decorator]
        def draw(steps: Steps) -> None:
            for place, step in enumerate(steps):
                with gr.Group(elem_classes="aikit-step"):
                    self._draw_head(place, step, len(steps))
                    self._draw_fields(step)

    def _draw_head(self, place: int, step: PageStep, count: int) -> None:
        label = f"{place + 1}. {step.name}"
        with gr.Row(elem_classes="aikit-tools"):
            on = gr.Checkbox(
                step.on, label=label, info=operations.get(step.name).summary, scale=4, min_width=120, container=False,
                key=(step.number, "on"), interactive=True,
            )  # fmt: skip
            on_change(on, lambda on, steps: switch(steps, step.number, on), [self.steps], [self.steps])
            for word, places in (("Up", -1), ("Down", 1)):
                button = gr.Button(word, size="sm", min_width=56, scale=0, interactive=0 <= place + places < count)
                self._redraw(button, partial(move, number=step.number, places=places))
            button = gr.Button("Remove", size="sm", min_width=76, scale=0)
            self._redraw(button, partial(remove, number=step.number))

    def _draw_fields(self, step: PageStep) -> None:
        for line in in_lines(fields_of(operations.get(step.name))):
            with gr.Row():
                for field in line:
                    widget = add_field(field, step.given.get(field.name, field.start), (step.number, field.name))

                    def take(value: Raw, steps: Steps, name: str = field.name) -> Steps:
                        return fill(steps, step.number, name, value)

                    on_change(widget, take, [self.steps], [self.steps])

    def _redraw(self, button: Any, change: Callable[[Steps], Steps]) -> None:
        """Let a button change the steps, and draw them again."""

        def act(steps: Steps, drawn: int) -> tuple[Steps, int]:
            return change(steps), drawn + 1

        button.click(act, [self.steps, self.drawn], [self.steps, self.drawn], **QUIET)

    def _add_options(self) -> None:
        with gr.Accordion("How it is read and written", open=False):
            self.options = []
            for line in in_lines(_OPTIONS):
                with gr.Row():
                    self.options += [add_field(each, _TO.get(each.name, each.start)) for each in line]

    def _add_results(self) -> None:
        self.said = gr.HTML(say(_PROMPT), label="What happened", padding=False)
        self.view = gr.HTML(label="Before and after", padding=False)
        self.download = make_download()
        with gr.Accordion("What is in it", open=False):
            self.card = gr.HTML(say("Nothing yet."), label="What is in it", padding=False)
        with gr.Accordion("In every format", open=False):
            self.write_all = gr.Button("Write it in every format", size="sm")
            self.formats = gr.HTML(label="Formats", padding=False)
            self.files = gr.File(label="Files", file_count="multiple", interactive=False, visible=False)
        with gr.Accordion("Difference to another picture", open=False):
            self.other, self.other_any = add_picture("Other picture")
            self.difference = gr.HTML(label="Difference", padding=False)
        with gr.Accordion("Several pictures", open=False):
            self.many = gr.File(label="Pictures", file_count="multiple", type="filepath", height=140)
            self.convert = gr.Button("Take all of them through the recipe", size="sm")
            self.report = gr.HTML(label="Report", padding=False)
            self.converted = gr.File(label="Results", file_count="multiple", interactive=False, visible=False)

    def _add_takeaway(self) -> None:
        line, *forms = self._spell((), None, *(_TO.get(each.name, each.start) for each in _OPTIONS))
        self.line = gr.Textbox(
            line, label="The recipe on one line", info="Change it, or paste another, and press Enter", max_lines=1
        )
        with gr.Tabs():
            codes = []
            names = (("Python", "python"), ("Shell", "shell"), ("URL", "shell"), ("TOML", None))
            for (name, language), form in zip(names, forms, strict=True):
                with gr.Tab(name):
                    codes.append(
                        gr.Code(
                            form, language=language, label=f"The same in {name}", interactive=False, wrap_lines=True
                        )
                    )
        self.codes = codes

    # ------------------------------------------------------------ what happens

    def _connect(self) -> None:
        shown = [self.said, self.view, self.card, self.download, self.result]
        given = [self.steps, self.source, self.before, *self.options]
        for event, other in ((self.image.upload, None), (self.other_format.upload, self.image)):
            self._take_from(event, other, given, shown)
        self.image.clear(
            lambda: (None, None, say(_PROMPT), "", say("Nothing yet."), make_download(), None),
            None, [self.source, self.before, *shown], **QUIET,
        )  # fmt: skip
        self.add.click(
            lambda name, steps, drawn: (add(steps, name), drawn + 1),
            [self.operation, self.steps, self.drawn], [self.steps, self.drawn], **QUIET,
        )  # fmt: skip
        changes = [self.steps.change, *(each.change for each in self.options)]
        again: dict[str, Any] = {"trigger_mode": "always_last", "api_visibility": "private"}
        gr.on([*changes, self.source.change], self._spell, [self.steps, self.source, *self.options],
              [self.line, *self.codes], **again, show_progress="hidden")  # fmt: skip
        gr.on(changes, self._show, given, shown, **again, show_progress_on=self.view)
        self.line.submit(
            self._read_line, [self.line, self.steps, self.drawn],
            [self.said, self.steps, self.drawn, *self.options], **QUIET,
        )  # fmt: skip
        self.write_all.click(
            self._write_all, given, [self.formats, self.files], api_visibility="private", show_progress_on=self.formats
        )
        self.convert.click(
            self._convert, [self.many, self.steps, *self.options], [self.report, self.converted],
            api_visibility="private", show_progress_on=self.report,
        )  # fmt: skip
        for event in (self.other.upload, self.other_any.upload):
            event(self._compare, [event.__self__, self.result], self.difference, api_visibility="private")

    def _take_from(self, event: Any, other: Any, given: list[Any], shown: list[Any]) -> None:
        """Take a picture from one place; what stands in the other one goes."""
        cleared = [] if other is None else [other]

        def take(path: str) -> tuple[object, ...]:
            try:
                look = look_at(read_bytes(path, limits=self.limits), self.limits)
            except AikitError as error:
                return say_error(error_of(error)), "", None, None, *(None for _ in cleared)
            return say("Working …"), compare(look, None), path, look, *(None for _ in cleared)

        event(
            take, event.__self__, [self.said, self.view, self.source, self.before, *cleared],
            show_progress_on=self.view, api_visibility="private",
        ).then(self._show, given, shown, show_progress_on=self.view, api_visibility="private")  # fmt: skip

    def _spell(self, steps: Steps, source: str | None, *given: Raw) -> tuple[object, ...]:
        """The recipe in every form in which it is taken away."""
        try:
            recipe = recipe_of(steps, _read_options(given))
            name = _NAME if source is None else Path(source).name
            forms = (as_python(recipe, name), as_shell(recipe, name), as_curl(recipe, name), recipe.to_toml())
        except AikitError as error:
            return gr.skip(), *(f"# {error_of(error)}" for _ in range(4))
        return str(recipe), *forms

    def _show(self, steps: Steps, source: str | None, before: Look | None, *given: Raw) -> tuple[object, ...]:
        """The picture after the recipe, or why there is none."""
        nothing = say("Nothing yet."), make_download(), None
        if source is None or before is None:
            return gr.skip(), "", *nothing
        try:
            recipe = recipe_of(steps, _read_options(given))
            made = apply(recipe, Path(source).name, read_bytes(source, limits=self.limits), self.limits)
        except AikitError as error:
            return say_error(error_of(error)), compare(before, None), *nothing
        path = keep_file(made.name, made.data)
        said = say(*(f"{remark}." for remark in made.remarks)) if made.remarks else ""
        return said, compare(before, made.look), made.look.card, make_download(path), path

    def _read_line(self, line: str, steps: Steps, drawn: int) -> tuple[object, ...]:
        """The steps and the options that a line says."""
        try:
            recipe = Recipe.parse(line)
        except AikitError as error:
            return say_error(error_of(error)), steps, drawn, *(gr.skip() for _ in _OPTIONS)
        shown = [show_field(each, getattr(recipe, each.name)) for each in _OPTIONS]
        return "", steps_of(recipe, steps), drawn + 1, *shown

    def _write_all(self, steps: Steps, source: str | None, before: Look | None, *given: Raw) -> tuple[object, ...]:
        """The result in every format that holds it."""
        if source is None or before is None:
            return say(_PROMPT), gr.File(visible=False)
        try:
            recipe = recipe_of(steps, _read_options(given))
            data = read_bytes(source, limits=self.limits)
            made = list(write_all(recipe, Path(source).name, data, self.limits))
        except AikitError as error:
            return say_error(error_of(error)), gr.File(visible=False)
        return _tell(made)

    def _convert(
        self,
        paths: list[str] | None,
        steps: Steps,
        *given: Raw,
        progress: gr.Progress = gr.Progress(),  # noqa: B008 - Gradio's way
    ) -> tuple[object, ...]:
        """Many pictures, one after the other; one that fails is named and stops none of the others."""
        if not paths:
            return say("Choose some pictures."), gr.File(visible=False)
        made: list[tuple[str, bytes | AikitError]] = []
        for number, path in enumerate(paths):
            progress((number, len(paths)), desc=Path(path).name, unit="pictures")
            try:
                recipe = recipe_of(steps, _read_options(given))
                result = apply(recipe, Path(path).name, read_bytes(path, limits=self.limits), self.limits)
                made.append((result.name, result.data))
            except AikitError as error:
                made.append((Path(path).name, error))
        return _tell(made)

    def _compare(self, other: str, result: str | None) -> str:
        if result is None:
            return say_error("Choose a picture on the left first.")
        try:
            return draw_difference(read_bytes(result), read_bytes(other, limits=self.limits), self.limits)
        except AikitError as error:
            return say_error(error_of(error))


def _read_options(given: tuple[Raw, ...]) -> dict[str, object]:
    return read_fields(_OPTIONS, {each.name: value for each, value in zip(_OPTIONS, given, strict=True)})


def _tell(made: list[tuple[str, bytes | AikitError]]) -> tuple[str, Any]:
    """The files that there are, and a line for each that there is not."""
    paths = [keep_file(name, each) for name, each in made if not isinstance(each, AikitError)]
    failed = [(name, error_of(each)) for name, each in made if isinstance(each, AikitError)]
    said = say(f"{len(paths)} of {len(made)} files written.")
    return said + (say_table(("file", "why not"), failed) if failed else ""), gr.File(paths, visible=bool(paths))
