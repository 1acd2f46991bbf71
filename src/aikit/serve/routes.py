"""The endpoints of the service: health, pictures, models."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Annotated, Any, TypeVar
from urllib.parse import unquote

from fastapi import FastAPI, Path, Query, Request, Response
from fastapi.responses import JSONResponse

from ..files import MetadataPolicy, read_pil
from ..files.data_urls import wrap
from ..recipe import Recipe
from .core import YEAR, Answer, answer_of, handle, limits_of_base, list_recipes, noted, read_from_base, recipe_of_query
from .gate import RefusedError
from .models import Model
from .problems import MEDIA_TYPE, Problem, problem
from .schemas import ImageAnswer, ImageRequest, ProblemAnswer, make_recipe
from .service import BASE64, Service, unless_left
from .signing import verify

__all__ = ["add_health", "add_models", "add_pictures"]

T = TypeVar("T")
_log = logging.getLogger("aikit.serve")

_PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"model": ProblemAnswer, "content": {MEDIA_TYPE: {}}} for status in (400, 408, 411, 413, 415, 422, 503)
}
_PICTURES: dict[str, Any] = {
    f"image/{each}": {"schema": {"type": "string", "format": "binary"}}
    for each in ("jpeg", "png", "webp", "avif", "gif", "*")
}
_PICTURE_ANSWER: dict[int | str, dict[str, Any]] = {200: {"description": "The picture.", "content": _PICTURES}}


# ---------------------------------------------------------------- health


def add_health(app: FastAPI, service: Service) -> None:
    """Whether it lives, whether it is ready, and its figures: these never wait for a place."""

    @app.get("/livez", tags=["health"])
    async def livez() -> dict[str, str]:
        """The process is there."""
        return {"status": "alive"}

    @app.get("/readyz", tags=["health"], responses={503: {"model": ProblemAnswer}})
    async def readyz() -> dict[str, str]:
        """Children and models are warm, and the end is not near."""
        if service.gate.draining:
            raise RefusedError(problem("shutting_down", "the service is about to end"))
        if not service.ready:
            raise RefusedError(
                problem("not_ready", "children and models are not there yet", headers={"Retry-After": "1"})
            )
        return {"status": "ready"}

    @app.get("/metrics", tags=["health"], response_class=Response)
    async def metrics() -> Response:
        """Figures for Prometheus."""
        service.metrics.running.set(service.gate.running)
        service.metrics.waiting.set(service.gate.waiting)
        text, media_type = service.metrics.render()
        return Response(text, media_type=media_type)

    # Who looks whether it is there asks without wanting the body.
    for path, function in (("/livez", livez), ("/readyz", readyz)):
        app.add_api_route(path, function, methods=["HEAD"], include_in_schema=False)


def _describe_body() -> dict[str, Any]:
    """A body in its three forms, for OpenAPI."""
    return {
        "requestBody": {
            "required": True,
            "description": "The bytes of a picture of any Content-Type, a form with `file` and perhaps `recipe`, or JSON.",
            "content": {
                **_PICTURES,
                "multipart/form-data": {
                    "schema": {
                        "type": "object",
                        "properties": {
                            "file": {"type": "string", "format": "binary"},
                            "recipe": {"type": "string", "description": "A recipe, on one line or as JSON."},
                        },
                        "required": ["file"],
                    }
                },
                "application/json": {"schema": ImageRequest.model_json_schema()},
            },
        }
    }


_SIZES = ("width", "height", "scale", "method")
_OPTIONS = ("to", "quality", "lossless", "subsampling", "progressive", "effort", "optimize", "palette")
_Line = Annotated[str | None, Query(description="Steps on one line: trim; resize width=512", max_length=4000)]


def add_pictures(app: FastAPI, service: Service) -> None:
    """Pictures after a recipe, what pictures are, and which recipes there are."""
    body = _describe_body()

    @app.post(
        "/v1/images",
        tags=["pictures"],
        responses={**_PROBLEMS, **_PICTURE_ANSWER},
        openapi_extra=body,
        response_class=Response,
    )
    async def images(
        request: Request,
        recipe: _Line = None,
        width: Annotated[int | None, Query(ge=1, le=65535)] = None,
        height: Annotated[int | None, Query(ge=1, le=65535)] = None,
        scale: Annotated[float | None, Query(gt=0, le=16)] = None,
        method: str | None = None,
        to: Annotated[str | None, Query(description="The format; without it Accept says.")] = None,
        quality: Annotated[int | None, Query(ge=1, le=100)] = None,
        lossless: bool | None = None,
        subsampling: Annotated[str | None, Query(description="4:4:4, 4:2:2 or 4:2:0, for JPEG and AVIF.")] = None,
        progressive: bool | None = None,
        effort: Annotated[int | None, Query(ge=0, le=10)] = None,
        optimize: bool | None = None,
        palette: Annotated[int | None, Query(ge=2, le=256)] = None,
    ) -> Response:
        """A picture after a recipe, or after a resize by `width`, `height` or `scale`."""
        _refuse_unknown(request, ("recipe", *_SIZES, *_OPTIONS))
        sizes = {"width": width, "height": height, "scale": scale, "method": method}
        options = {
            "to": to, "quality": quality, "lossless": lossless, "subsampling": subsampling, "progressive": progressive,
            "effort": effort, "optimize": optimize, "palette": palette,
        }  # fmt: skip
        asked = recipe_of_query(recipe, sizes, options)
        async with service.place():
            data, given, as_json = await service.read_picture(request)
            if given is not None and asked is not None:
                raise RefusedError(problem("invalid_value", "recipe: expected one, in the address or in the body"))
            recipe_given = given or asked or Recipe()
            answer = await _answer(
                service, request, lambda: _handle(service, request, recipe_given, data, limits=service.limits)
            )
        return _as_data_url(answer) if as_json and _wants_json(request) else _respond(answer)

    @app.get(
        "/v1/i/{signature}/{recipe}/{name:path}",
        tags=["pictures"],
        responses={**_PICTURE_ANSWER, 403: {"model": ProblemAnswer}, 404: {"model": ProblemAnswer}},
        response_class=Response,
    )
    async def signed(
        request: Request,
        signature: Annotated[str, Path()],
        recipe: Annotated[str, Path()],
        name: Annotated[str, Path()],
    ) -> Response:
        """A picture of the service's own folder, by an address that was signed."""
        line, picture = _parts_of(request)
        if not verify(signature, line, picture, keys=service.keys):
            raise RefusedError(problem("bad_signature", "the address was changed, or signed by another key"))
        asked = service.presets.get(line) or make_recipe(line)
        match = _header(request, "if-none-match")

        def make() -> Answer | Problem:
            data, path = read_from_base(service.settings.base, picture)
            limits = limits_of_base(service.limits)
            return _handle(service, request, asked, data, limits=limits, if_none_match=match, max_age=YEAR, path=path)

        async with service.place():
            answer = await _answer(service, request, make)
        return _respond(answer)

    app.add_api_route(
        "/v1/i/{signature}/{recipe}/{name:path}",
        signed,
        methods=["HEAD"],
        include_in_schema=False,
        response_class=Response,
    )

    @app.post("/v1/describe", tags=["pictures"], responses=_PROBLEMS, openapi_extra=body)
    async def describe(request: Request) -> dict[str, Any]:
        """What a picture is, and what looks wrong with it."""
        from ..show import describe as look

        _refuse_unknown(request, ())
        async with service.place():
            data, _, _ = await service.read_picture(request)

            def work() -> dict[str, Any]:
                with noted(service.recorder, data, "describe"):
                    return look(read_pil(data, limits=service.limits, isolate=True)).to_dict()

            return await service.work(request, work)

    @app.get("/v1/recipes", tags=["pictures"])
    async def recipes() -> dict[str, Any]:
        """The operations with their keywords as JSON Schema, and the service's own recipes."""
        return list_recipes(service.presets)


def _handle(service: Service, request: Request, recipe: Recipe, data: bytes, **options: Any) -> Answer | Problem:
    """The core's work with what the service and the request say to all pictures."""
    settings = service.settings
    return handle(
        recipe,
        data,
        accept=_header(request, "accept"),
        cache=service.cache,
        cache_seconds=settings.cache_seconds,
        metadata=settings.metadata,
        recorder=service.recorder,
        **options,
    )


async def _answer(service: Service, request: Request, make: Callable[[], Answer | Problem]) -> Answer | Problem:
    """An answer made in a thread, and counted."""
    answer = await service.work(request, make)
    if isinstance(answer, Answer):
        service.metrics.cache.labels("hit" if answer.cached else "miss").inc()
    return answer


def _refuse_unknown(request: Request, known: Iterable[str]) -> None:
    names = [name for name, _ in request.query_params.multi_items()]
    for name in names:
        if name not in known:
            words = ", ".join(known) or "none"
            raise RefusedError(problem("invalid_value", f"query: expected names from {words}, got {name!r}"))
        if names.count(name) > 1:
            raise RefusedError(problem("invalid_value", f"query {name}: expected one value, got several"))


def _wants_json(request: Request) -> bool:
    return "image/" not in _header(request, "accept")


def _header(request: Request, name: str) -> str:
    """A header that is a list, which may come in several lines (RFC 9110, section 5.3)."""
    return ", ".join(request.headers.getlist(name))


def _as_data_url(answer: Answer | Problem) -> Response:
    if isinstance(answer, Problem):
        raise RefusedError(answer)
    url = wrap(answer.body, answer.media_type)
    kind = answer.media_type.removeprefix("image/")
    # Its tag is the picture's own.
    headers = {name: value for name, value in answer.headers.items() if name != "ETag"} | {"Vary": "Accept"}
    return JSONResponse(ImageAnswer(image=url, format=kind, bytes=len(answer.body)).model_dump(), headers=headers)


def _parts_of(request: Request) -> tuple[str, str]:
    """The recipe and the name of a signed address, from what was sent: a framework may have decoded %2F before."""
    raw = request.scope.get("raw_path") or request.url.path.encode()
    parts = raw.decode("latin-1").partition("/v1/i/")[2].split("/", 2)
    if len(parts) < 3:  # with an escape where a slash belongs
        raise RefusedError(problem("not_found", f"{request.method} {request.scope['path']}"))
    return unquote(parts[1]), unquote(parts[2].partition("?")[0])


# ---------------------------------------------------------------- models


def add_models(app: FastAPI, service: Service) -> None:
    """The models, each at an address of its own."""

    @app.get("/v1/models", tags=["models"])
    async def models() -> dict[str, Any]:
        """The models, with what they take and give as JSON Schema."""
        return {each.name: _describe_model(each) for each in service.models}

    for each in service.models:
        _add_model(app, service, each)


def _describe_model(model: Model) -> dict[str, Any]:
    return {
        "summary": model.summary,
        "request": "a picture" if model.request is None else model.request.model_json_schema(),
        "response": None if model.response is None else model.response.model_json_schema(),
        "batch": model.batch,
    }


def _add_model(app: FastAPI, service: Service, model: Model) -> None:
    if model.request is None:
        body = _describe_body()
    else:
        content = {"application/json": {"schema": model.request.model_json_schema()}}
        body = {"requestBody": {"required": True, "content": content}}
    schema = {} if model.response is None else model.response.model_json_schema()
    answers = {**_PROBLEMS, 200: {"description": "The answer.", "content": {"application/json": {"schema": schema}}}}

    async def ask(request: Request) -> Response:
        _refuse_unknown(request, ())
        async with service.place():
            if model.request is None:
                data, recipe, _ = await service.read_picture(request)
                if recipe is not None:
                    raise RefusedError(problem("invalid_value", "recipe: expected none, for the model has its own"))

                def prepare() -> Any:
                    with noted(service.recorder, data, f"model {model.name}"):
                        return model.prepare(data, service.limits)

                item: Any = await service.work(request, prepare)
            else:
                item = await service.parse(model.request, await service.read_body(request, BASE64))
        # Without a place: it is the batch that works now, and others have to be able to join it.
        with service.metrics.time("model"):
            answer = await unless_left(request, service.batchers[model.name].submit(item))
        accept = _header(request, "accept")
        return await asyncio.to_thread(_respond_with, model, answer, accept, service.settings.metadata)

    ask.__doc__ = model.summary
    app.add_api_route(
        f"/v1/models/{model.name}", ask, methods=["POST"], tags=["models"], responses=answers, openapi_extra=body,
        response_class=Response, name=model.name,
    )  # fmt: skip


def _respond_with(model: Model, answer: object, accept: str, metadata: MetadataPolicy) -> Response:
    body, media_type = answer_of(model, answer, accept, metadata)
    return Response(body, media_type=media_type, headers={"Vary": "Accept", "X-Content-Type-Options": "nosniff"})


def _respond(answer: Answer | Problem) -> Response:
    if isinstance(answer, Problem):
        raise RefusedError(answer)
    if answer.status == 304:
        return Response(status_code=304, headers=dict(answer.headers))
    return Response(answer.body, answer.status, dict(answer.headers), answer.media_type)
