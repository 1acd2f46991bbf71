"""The service on FastAPI: bodies under a gate, work that ends when its client leaves, errors as problem+json."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import time
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, TypeVar
from urllib.parse import unquote

from fastapi import FastAPI, Path, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect

from .. import __version__, isolation, operations
from ..codec import to_json
from ..errors import AikitError, FileAccessError, InputValueError
from ..files import encode, read_pil
from ..isolation import processors
from ..logs import carry, context
from ..memory import ModelPool
from ..paths import open_inside
from ..recipe import Recipe
from ..settings import Settings
from .batcher import Batcher
from .caches import Cache, open_cache
from .core import Answer, encode_for, handle, is_pil
from .gate import Gate, RefusedError
from .metrics import Metrics
from .models import Model, find_models
from .problems import MEDIA_TYPE, Problem, problem, problem_of
from .schemas import ImageAnswer, ImageRequest, ProblemAnswer, make_recipe, recipe_schema
from .signing import verify

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["create_app"]

T = TypeVar("T")
_log = logging.getLogger("aikit.serve")

# Of what a client calls its request: nothing that could make two lines of one.
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_YEAR = 365 * 86_400
# A form has some lines around its file, base64 makes four bytes of three.
_AROUND, _BASE64 = 20_000, 4 / 3
_PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"model": ProblemAnswer, "content": {MEDIA_TYPE: {}}} for status in (400, 408, 411, 413, 415, 422, 503)
}
_PICTURES: dict[str, Any] = {
    f"image/{each}": {"schema": {"type": "string", "format": "binary"}}
    for each in ("jpeg", "png", "webp", "avif", "gif", "*")
}
_PICTURE_ANSWER: dict[int | str, dict[str, Any]] = {200: {"description": "The picture.", "content": _PICTURES}}


class Service:
    """What the endpoints share: settings, cache, gate, metrics and threads."""

    def __init__(self, settings: Settings, cache: Cache | None, models: Sequence[Model]) -> None:
        self.settings, self.limits = settings, settings.limits
        self.cache = cache
        places = max(1, (settings.places or processors()) // settings.workers)
        self.gate = Gate(places, settings.queue, settings.patience)
        self.metrics = Metrics()
        self.threads = ThreadPoolExecutor(places, "aikit-serve")
        self.presets = {name: Recipe.parse(line) for name, line in settings.presets.items()}
        self.keys = [each.get_secret_value() for each in settings.signing_keys]
        self.ready = False
        self.models = models
        self.pool = ModelPool(budget=settings.model_memory)
        self.batchers = {each.name: self._batcher(each) for each in models}

    def _batcher(self, model: Model) -> Batcher[Any, Any]:
        if model.load is not None:
            self.pool.add(model.name, model.load)
        observe = self.metrics.batch.labels(model.name).observe
        return Batcher(lambda items: model.run(items, self.pool), most=model.batch, wait=model.wait, observe=observe)

    async def warm(self) -> None:
        """Start the children and load what the first request would wait for."""
        pixel = encode_pixel()
        recipe = Recipe([("resize", {"width": 1})], to="webp")
        work = [self.threads.submit(recipe.bytes, pixel, limits=self.limits) for _ in range(self.gate.places)]
        await asyncio.gather(*map(asyncio.wrap_future, work), *(self._load(each) for each in self.models))
        self.ready = True

    async def _load(self, model: Model) -> None:
        def load() -> None:
            with self.pool.use(model.name):
                pass

        # Within a budget of memory, not all may fit at once: those come when they are asked for.
        if model.load is not None and self.settings.model_memory is None:
            await asyncio.to_thread(load)

    async def close(self) -> None:
        """Answer what models have accepted; give back threads, weights and cache."""
        self.ready = False
        await asyncio.gather(*(each.close() for each in self.batchers.values()))
        self.pool.clear()
        self.threads.shutdown(wait=False, cancel_futures=True)
        if self.cache is not None:
            self.cache.close()

    async def work(self, request: Request, function: Callable[[], T]) -> T:
        """A function in a thread of ours; when the client leaves, its child is ended and so is this."""
        if await request.is_disconnected():
            raise RefusedError(problem("client_gone", "nobody waits"))
        loop = asyncio.get_running_loop()
        with isolation.cancellable() as job, self.metrics.time("work"):
            working = loop.run_in_executor(self.threads, carry(function))
            leaving = asyncio.ensure_future(_left(request))
            first: list[asyncio.Future[Any]] = [working, leaving]
            try:
                await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
                if not working.done():
                    job.cancel()
                    with contextlib.suppress(Exception):
                        await working
                    raise RefusedError(problem("client_gone", "nobody waits"))
                return working.result()
            finally:
                leaving.cancel()

    @contextlib.asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """A place at work, and its figures."""
        begun = time.perf_counter()
        try:
            async with self.gate.place():
                self.metrics.seconds.labels("queue").observe(time.perf_counter() - begun)
                yield
        except RefusedError as error:
            if error.answer.status == 503:
                self.metrics.refused.labels(error.answer.code).inc()
            raise

    # ------------------------------------------------------------ bodies

    async def read_body(self, request: Request, factor: float = 1.0) -> bytes:
        """A body: its declared length first, then what comes, within its time."""
        most = int(self.settings.max_bytes * factor) + (_AROUND if factor > 1 else 0)
        declared = request.headers.get("content-length")
        if declared is None and "transfer-encoding" not in request.headers:
            raise RefusedError(problem("length_required", "send a Content-Length, or the body in chunks"))
        if declared is not None and not declared.isdigit():
            raise RefusedError(problem("bad_request", "Content-Length: expected a number of bytes"))
        if declared is not None and int(declared) > most:
            raise _too_long(most, int(declared))
        parts, total = [], 0
        try:
            with self.metrics.time("body"):
                async with asyncio.timeout(self.settings.body_seconds):
                    async for chunk in request.stream():
                        total += len(chunk)
                        if total > most:
                            raise _too_long(most, total)
                        parts.append(chunk)
        except TimeoutError:
            detail = f"body: expected all of it within {self.settings.body_seconds:g} seconds, got {total} bytes"
            raise RefusedError(problem("too_slow", detail, headers={"Connection": "close"})) from None
        except ClientDisconnect:
            raise RefusedError(problem("client_gone", "nobody waits")) from None
        return b"".join(parts)

    async def read_picture(self, request: Request) -> tuple[bytes, Recipe | None, bool]:
        """The picture of a request in any of its three forms, a recipe beside it, and whether JSON is to be answered."""
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind == "multipart/form-data":
            data, recipe = await _parse_form(request, await self.read_body(request, 1.001))
            return data, recipe, False
        if kind == "application/json":
            body = await self.read_body(request, _BASE64)
            order = ImageRequest.model_validate_json(body, extra="forbid")
            return order.image.data, order.recipe if "recipe" in order.model_fields_set else None, True
        return await self.read_body(request), None, False


def encode_pixel() -> bytes:
    """A picture of one pixel, as PNG."""
    from PIL import Image

    return encode(Image.new("RGB", (2, 2)), "png")


async def _left(request: Request) -> None:
    """Ends when the client has."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _too_long(most: int, found: int) -> RefusedError:
    detail = f"body: expected at most {most} bytes, got {found}; send a smaller one."
    return RefusedError(
        problem("limit_exceeded", detail, limit="max_bytes", allowed=most, found=found, headers={"Connection": "close"})
    )


async def _parse_form(request: Request, body: bytes) -> tuple[bytes, Recipe | None]:
    async def stream() -> AsyncGenerator[bytes, None]:
        yield body

    try:
        form = await MultiPartParser(request.headers, stream(), max_files=1, max_fields=20).parse()
    except (MultiPartException, KeyError) as error:
        raise RefusedError(
            problem("bad_request", f"form: {getattr(error, 'message', 'expected a boundary')}")
        ) from error
    unknown = [name for name in form if name not in ("file", "recipe")]
    if unknown:
        raise RefusedError(problem("invalid_value", f"form: expected the fields file and recipe, got {unknown[0]!r}"))
    file, recipe = form.get("file"), form.get("recipe")
    if file is None or isinstance(file, str):
        raise RefusedError(problem("invalid_value", "form: expected a file in its field `file`, got none"))
    return await file.read(), None if recipe is None else make_recipe(recipe)


# ---------------------------------------------------------------- the app


def create_app(
    settings: Settings | None = None,
    *,
    models: Iterable[Model] | None = None,
    cache: Cache | None = None,
    catalog: Any = None,
) -> FastAPI:
    """An ASGI app that serves pictures; `aikit.serve.create_app` describes it."""
    settings = Settings() if settings is None else settings
    address = settings.cache.get_secret_value()
    if cache is None and address:
        cache = open_cache(address)
    chosen = find_models(settings.models) if models is None else {each.name: each for each in models}
    service = Service(settings, cache, list(chosen.values()))

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        warming = asyncio.create_task(service.warm())
        warming.add_done_callback(_log_failure)
        yield
        service.gate.draining = True
        warming.cancel()
        await service.close()

    docs = "/docs" if settings.docs else None
    app = FastAPI(
        title="aikit", version=__version__, lifespan=lifespan, docs_url=docs, redoc_url=None, redirect_slashes=False
    )
    app.state.service = service
    _add_handlers(app)
    _add_health(app, service)
    _add_pictures(app, service)
    _add_models(app, service)
    app.add_middleware(_Named, service=service)
    return app


def _log_failure(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.error("the service could not get ready", exc_info=error)


def _respond(answer: Answer | Problem) -> Response:
    if isinstance(answer, Problem):
        raise RefusedError(answer)
    if answer.status == 304:
        return Response(status_code=304, headers=dict(answer.headers))
    return Response(answer.body, answer.status, dict(answer.headers), answer.media_type)


def _add_handlers(app: FastAPI) -> None:
    def respond(request: Request, answer: Problem) -> Response:
        headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", **answer.headers}
        return Response(answer.body(request.scope.get("aikit.id")), answer.status, headers, MEDIA_TYPE)

    async def refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, RefusedError)
        return respond(request, error.answer)

    async def failed(request: Request, error: Exception) -> Response:
        return respond(request, problem_of(error))

    async def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, (RequestValidationError, ValidationError))
        return respond(request, _of_validation(error.errors()))

    async def http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        code = {404: "not_found", 405: "method_not_allowed", 413: "limit_exceeded"}.get(
            error.status_code, "bad_request"
        )
        answer = problem(code, f"{request.method} {request.url.path}", headers=error.headers or {})
        return respond(request, replace(answer, status=error.status_code))

    app.add_exception_handler(RefusedError, refused)
    app.add_exception_handler(AikitError, failed)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(ValidationError, invalid)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(Exception, failed)


def _of_validation(found: Iterable[Mapping[str, Any]]) -> Problem:
    errors = [{"pointer": "".join(f"/{part}" for part in each["loc"]), "detail": str(each["msg"])} for each in found]
    first = errors[0] if errors else {"pointer": "", "detail": "it does not fit"}
    return problem("invalid_value", f"{first['pointer']}: {first['detail']}", errors=errors)


class _Named:
    """Gives each request a name that its log records and its answer carry, and counts it."""

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self._app, self._service = app, service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = dict(scope["headers"]).get(b"x-request-id", b"").decode("latin-1")
        name = given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
        scope["aikit.id"] = name
        status, begun = 0, time.perf_counter()

        async def send_named(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", name.encode())]
            await send(message)

        with context(request=name):
            try:
                await self._app(scope, receive, send_named)
            finally:
                route = getattr(scope.get("route"), "path", "none")
                self._service.metrics.requests.labels(route, str(status)).inc()
                fields = {"method": scope["method"], "path": scope["path"], "status": status}
                took = round(time.perf_counter() - begun, 4)
                level = logging.DEBUG if route in ("/livez", "/readyz", "/metrics") else logging.INFO
                _log.log(level, "answered", extra={**fields, "seconds": took})


# ---------------------------------------------------------------- endpoints


def _add_health(app: FastAPI, service: Service) -> None:
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
_OPTIONS = ("to", "quality", "lossless")
_Line = Annotated[str | None, Query(description="Steps on one line: trim; resize width=512", max_length=4000)]


def _add_pictures(app: FastAPI, service: Service) -> None:
    settings = service.settings
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
    ) -> Response:
        """A picture after a recipe, or after a resize by `width`, `height` or `scale`."""
        _refuse_unknown(request, ("recipe", *_SIZES, *_OPTIONS))
        sizes = {"width": width, "height": height, "scale": scale, "method": method}
        options = {"to": to, "quality": quality, "lossless": lossless}
        asked = _of_query(recipe, sizes, options)
        async with service.place():
            data, given, as_json = await service.read_picture(request)
            if given is not None and asked is not None:
                raise RefusedError(problem("invalid_value", "recipe: expected one, in the address or in the body"))
            answer = await _answer(service, request, given or asked or Recipe(), data)
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
        limits = replace(service.limits, max_bytes=max(service.limits.max_bytes, 100_000_000), formats=None)
        async with service.place():
            data = await service.work(request, lambda: _read_from_base(settings, picture))
            match = request.headers.get("if-none-match", "")
            answer = await service.work(
                request,
                lambda: handle(
                    asked, data, limits=limits, accept=request.headers.get("accept", ""), if_none_match=match,
                    cache=service.cache, cache_seconds=settings.cache_seconds, max_age=_YEAR,
                ),
            )  # fmt: skip
        return _count(service, answer)

    @app.post("/v1/describe", tags=["pictures"], responses=_PROBLEMS, openapi_extra=body)
    async def describe(request: Request) -> dict[str, Any]:
        """What a picture is, and what looks wrong with it."""
        from ..show import describe as look

        _refuse_unknown(request, ())
        async with service.place():
            data, _, _ = await service.read_picture(request)
            return await service.work(
                request, lambda: look(read_pil(data, limits=service.limits, isolate=True)).to_dict()
            )

    @app.get("/v1/recipes", tags=["pictures"])
    async def recipes() -> dict[str, Any]:
        """The operations with their keywords as JSON Schema, and the service's own recipes."""
        return {
            "recipe": recipe_schema(),
            "operations": {each.name: each.schema for each in operations.all()},
            "presets": {name: str(each) for name, each in service.presets.items()},
        }


async def _answer(service: Service, request: Request, recipe: Recipe, data: bytes) -> Answer | Problem:
    answer = await service.work(
        request,
        lambda: handle(
            recipe,
            data,
            limits=service.limits,
            accept=request.headers.get("accept", ""),
            cache=service.cache,
            cache_seconds=service.settings.cache_seconds,
        ),
    )
    if isinstance(answer, Answer):
        service.metrics.cache.labels("hit" if answer.cached else "miss").inc()
    return answer


def _count(service: Service, answer: Answer | Problem) -> Response:
    if isinstance(answer, Answer):
        service.metrics.cache.labels("hit" if answer.cached else "miss").inc()
    return _respond(answer)


def _refuse_unknown(request: Request, known: Iterable[str]) -> None:
    for name in request.query_params:
        if name not in known:
            words = ", ".join(known) or "none"
            raise RefusedError(problem("invalid_value", f"query: expected names from {words}, got {name!r}"))


def _of_query(recipe: str | None, sizes: Mapping[str, object], options: Mapping[str, Any]) -> Recipe | None:
    """The recipe that an address asks for; None where it asks for none."""
    keywords = {name: value for name, value in sizes.items() if value is not None}
    extra = {name: value for name, value in options.items() if value is not None}
    if recipe is not None:
        if keywords or extra:
            raise RefusedError(problem("invalid_value", "query: expected a recipe or single keywords, got both"))
        return make_recipe(recipe)
    if not keywords and not extra:
        return None
    try:
        return Recipe([("resize", keywords)] if keywords else [], **extra)
    except AikitError as error:
        raise RefusedError(problem_of(error)) from error


def _wants_json(request: Request) -> bool:
    accept = request.headers.get("accept", "*/*")
    return "image/" not in accept


def _as_data_url(answer: Answer | Problem) -> Response:
    import base64

    if isinstance(answer, Problem):
        raise RefusedError(answer)
    url = f"data:{answer.media_type};base64,{base64.b64encode(answer.body).decode('ascii')}"
    kind = answer.media_type.removeprefix("image/")
    headers = {**answer.headers, "Vary": "Accept"}
    return JSONResponse(ImageAnswer(image=url, format=kind, bytes=len(answer.body)).model_dump(), headers=headers)


def _parts_of(request: Request) -> tuple[str, str]:
    """The recipe and the name of a signed address, from what was sent: a framework may have decoded %2F before."""
    raw = request.scope.get("raw_path") or request.url.path.encode()
    parts = raw.decode("latin-1").partition("/v1/i/")[2].split("/", 2)
    return unquote(parts[1]), unquote(parts[2].partition("?")[0])


def _read_from_base(settings: Settings, name: str) -> bytes:
    if settings.base is None:
        raise RefusedError(problem("not_found", "the service has no pictures of its own"))
    try:
        with open_inside(settings.base, name) as file:
            return file.read()
    except (FileAccessError, InputValueError) as error:
        # One answer for all: what is there and may not be seen is as good as not there.
        raise RefusedError(problem("not_found", "there is no such picture")) from error


# ---------------------------------------------------------------- models


def _add_models(app: FastAPI, service: Service) -> None:
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
                item: Any = await service.work(request, lambda: model.prepare(data, service.limits))
            else:
                item = model.request.model_validate_json(await service.read_body(request, _BASE64))
        # Without a place: it is the batch that works now, and others have to be able to join it.
        with service.metrics.time("model"):
            answer = await _unless_left(request, service.batchers[model.name].submit(item))
        return await asyncio.to_thread(_respond_with, model, answer, request.headers.get("accept", ""))

    ask.__doc__ = model.summary
    app.add_api_route(
        f"/v1/models/{model.name}", ask, methods=["POST"], tags=["models"], responses=answers, openapi_extra=body,
        response_class=Response, name=model.name,
    )  # fmt: skip


async def _unless_left(request: Request, answer: Coroutine[Any, Any, T]) -> T:
    """An answer, unless its client leaves before: then it is not worked on any more."""
    asking, leaving = asyncio.ensure_future(answer), asyncio.ensure_future(_left(request))
    first: list[asyncio.Future[Any]] = [asking, leaving]
    try:
        await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
        if not asking.done():
            raise RefusedError(problem("client_gone", "nobody waits"))
        return asking.result()
    finally:
        asking.cancel()
        leaving.cancel()


def _respond_with(model: Model, answer: object, accept: str) -> Response:
    """An answer as what it is: a picture, or JSON."""
    if model.gives_images or is_pil(answer):
        body, kind = encode_for(answer, accept)
        return Response(body, media_type=kind, headers={"Vary": "Accept", "X-Content-Type-Options": "nosniff"})
    if model.response is not None:
        answer = model.response.model_validate(answer)
    if isinstance(answer, BaseModel):
        return Response(answer.model_dump_json(by_alias=True), media_type="application/json")
    return Response(to_json(answer, tags=False), media_type="application/json")
