"""The same service on Flask: a blueprint for an app of one's own, or an app."""

from __future__ import annotations

import atexit
import contextlib
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from flask import Blueprint, Flask, Response, current_app, request
from pydantic import ValidationError
from werkzeug.exceptions import HTTPException

from .. import isolation
from ..errors import AikitError, InputValueError, LimitError, quoted
from ..files import read_pil
from ..folders.reporting import Cataloguer
from ..memory import ModelPool
from ..recipe import Recipe
from ..settings import Settings
from ..show import describe as look
from .caches import Cache
from .core import (
    YEAR,
    Answer,
    answer_of,
    cache_of,
    handle,
    limits_of_base,
    list_recipes,
    noted,
    presets_of,
    read_from_base,
    recipe_of_query,
    recorder_of,
)
from .gate import RefusedError
from .models import Model, find_models
from .problems import MEDIA_TYPE, Problem, problem, problem_of, problem_of_invalid
from .schemas import make_recipe
from .signing import verify

__all__ = ["blueprint", "create_app"]

_SIZES: dict[str, Callable[[str], object]] = {"width": int, "height": int, "scale": float, "method": str}


def _switch(text: str) -> bool:
    return {"true": True, "false": False}[text.lower()]


_OPTIONS: dict[str, Callable[[str], object]] = {
    "to": str, "quality": int, "lossless": _switch, "subsampling": str, "progressive": _switch, "effort": int,
    "optimize": _switch, "palette": int,
}  # fmt: skip


def create_app(
    settings: Settings | None = None, *, cache: Cache | None = None, catalog: Cataloguer | None = None
) -> Flask:
    """A Flask app that serves pictures; bodies are at most `settings.max_bytes` long, declared or in chunks."""
    settings = Settings() if settings is None else settings
    app = Flask("aikit.serve")
    app.config["MAX_CONTENT_LENGTH"] = settings.max_bytes
    app.register_blueprint(blueprint(settings, cache=cache, catalog=catalog))
    app.register_error_handler(HTTPException, _of_http)
    app.register_error_handler(Exception, lambda error: _respond(problem_of(error)))
    return app


def blueprint(
    settings: Settings | None = None, *, cache: Cache | None = None, catalog: Cataloguer | None = None
) -> Blueprint:
    """The endpoints for pictures, for an app of one's own, which sets MAX_CONTENT_LENGTH.

    Threads are the server's; as many children as places work at once, and what waits longer than the settings' patience
    is refused with 503.
    """
    settings = Settings() if settings is None else settings
    cache, recorder = cache_of(settings, cache), recorder_of(settings, catalog)
    if recorder is not None:
        atexit.register(recorder.close)  # Flask does not say when it ends
    isolation.configure(children=settings.places_a_worker, queue=settings.queue, patience=settings.patience)
    limits = settings.limits
    presets, keys = presets_of(settings), settings.secret_keys
    routes = Blueprint("aikit", __name__)
    routes.register_error_handler(AikitError, lambda error: _respond(problem_of(error)))
    routes.register_error_handler(RefusedError, lambda error: _respond(error.answer))
    routes.register_error_handler(HTTPException, _of_http)
    routes.register_error_handler(ValidationError, lambda error: _respond(problem_of_invalid(error)))
    models = find_models(settings.models).values()

    @routes.post("/v1/images")
    def images() -> Response:
        asked = _recipe_of_address()
        data, given = _read_picture()
        if given is not None and asked is not None:
            raise InputValueError("recipe", "one, in the address or in the body", "two", "send one of them")
        answer = handle(
            given or asked or Recipe(), data, limits=limits, accept=request.headers.get("accept", ""),
            cache=cache, cache_seconds=settings.cache_seconds, metadata=settings.metadata, recorder=recorder,
        )  # fmt: skip
        return _respond(answer)

    @routes.get("/v1/i/<signature>/<recipe>/<path:name>")
    def signed(signature: str, recipe: str, name: str) -> Response:
        line, picture = _parts_of_address(recipe, name)
        if not verify(signature, line, picture, keys=keys):
            return _respond(problem("bad_signature", "the address was changed, or signed by another key"))
        data, path = read_from_base(settings.base, picture)
        answer = handle(
            presets.get(line) or make_recipe(line), data, limits=limits_of_base(limits),
            accept=request.headers.get("accept", ""), if_none_match=request.headers.get("if-none-match", ""),
            cache=cache, cache_seconds=settings.cache_seconds, metadata=settings.metadata, max_age=YEAR,
            recorder=recorder, path=path,
        )  # fmt: skip
        return _respond(answer)

    @routes.post("/v1/describe")
    def describe() -> dict[str, Any]:
        data, _ = _read_picture()
        with noted(recorder, data, "describe"):
            return look(read_pil(data, limits=limits, isolate=True)).to_dict()

    @routes.get("/v1/recipes")
    def recipes() -> dict[str, Any]:
        return list_recipes(presets)

    pool = ModelPool(budget=settings.model_memory)
    for each in models:
        _add_model(routes, each, pool, settings)

    @routes.get("/livez")
    def livez() -> dict[str, str]:
        return {"status": "alive"}

    return routes


def _add_model(routes: Blueprint, model: Model, pool: ModelPool, settings: Settings) -> None:
    """A model at an address of its own: each request is a batch of one, for threads have no loop to gather in."""
    if model.load is not None:
        pool.add(model.name, model.load)

    def ask() -> Response:
        if model.request is None:
            data, recipe = _read_picture()
            if recipe is not None:
                raise InputValueError("recipe", "none, for the model has its own", "one", "leave it out")
            item: object = model.prepare(data, settings.limits)
        else:
            item = model.request.model_validate_json(_read_body())
        body, media_type = answer_of(
            model, model.answer([item], pool)[0], request.headers.get("accept", ""), settings.metadata
        )
        return Response(body, mimetype=media_type, headers={"Vary": "Accept", "X-Content-Type-Options": "nosniff"})

    routes.add_url_rule(f"/v1/models/{model.name}", f"model-{model.name}", ask, methods=["POST"])


def _recipe_of_address() -> Recipe | None:
    known: dict[str, Callable[[str], object]] = {"recipe": str, **_SIZES, **_OPTIONS}
    values: dict[str, Any] = {}
    for name, text in request.args.items(multi=True):
        if name in values:
            raise InputValueError(f"query {name}", "one value", "several", "send one")
        if name not in known:
            raise InputValueError("query", f"names from {', '.join(known)}", repr(name), "leave it out")
        try:
            values[name] = known[name](text)
        except (ValueError, KeyError) as error:
            raise InputValueError(f"query {name}", "a value of its kind", repr(text), "send one") from error
    sizes = {name: values.get(name) for name in _SIZES}
    return recipe_of_query(values.get("recipe"), sizes, {name: values.get(name) for name in _OPTIONS})


def _read_picture() -> tuple[bytes, Recipe | None]:
    """The picture of a request, raw or in a form, and a recipe beside it."""
    if request.mimetype != "multipart/form-data":
        return _read_body(), None
    names = [name for name, _ in (*request.files.items(multi=True), *request.form.items(multi=True))]
    for name in names:
        if name not in ("file", "recipe") or names.count(name) > 1:
            raise InputValueError("form", "the fields file and recipe, each once", quoted(name), "leave it out")
    file, line = request.files.get("file"), request.form.get("recipe")
    if file is None:
        raise InputValueError("form", "a file in its field `file`", "none", "send one")
    return file.stream.read(), None if line is None else make_recipe(line)


def _read_body() -> bytes:
    most = current_app.config["MAX_CONTENT_LENGTH"]
    if request.content_length is not None or most is None:
        return request.get_data(cache=False)
    # In chunks: werkzeug would give the beginning of one that is too long.
    data: bytes = request.environ["wsgi.input"].read(most + 1)
    if len(data) > most:
        raise LimitError("body", f"at most {most} bytes", "more", "", limit="max_bytes", allowed=most)
    return data


def _parts_of_address(recipe: str, name: str) -> tuple[str, str]:
    """The recipe and the name as they were sent, where the server tells: WSGI decodes %2F before."""
    raw = str(request.environ.get("REQUEST_URI") or request.environ.get("RAW_URI") or "")
    if "/v1/i/" not in raw:
        return recipe, name
    parts = raw.partition("/v1/i/")[2].partition("?")[0].split("/", 2)
    if len(parts) < 3:  # with an escape where a slash belongs
        raise RefusedError(problem("not_found", f"{request.method} {request.path}"))
    return unquote(parts[1]), unquote(parts[2])


def _respond(answer: Answer | Problem) -> Response:
    if isinstance(answer, Problem):
        headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", **answer.headers}
        return Response(answer.body(), answer.status, headers, mimetype=MEDIA_TYPE)
    return Response(answer.body, answer.status, dict(answer.headers), mimetype=answer.media_type or None)


def _of_http(error: HTTPException) -> Response:
    codes = {404: "not_found", 405: "method_not_allowed", 413: "limit_exceeded", 411: "length_required"}
    with contextlib.suppress(KeyError):
        return _respond(problem(codes[error.code or 500], f"{request.method} {request.path}"))
    return _respond(problem("bad_request", str(error.description or error.name)))
