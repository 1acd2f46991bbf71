"""The service on FastAPI: its life, its errors as problem+json, and a name for each request."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import time
import uuid
from collections.abc import AsyncIterator, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.exceptions import HTTPException

from .. import __version__
from ..errors import AikitError
from ..folders.reporting import Cataloguer
from ..logs import context
from ..settings import Settings
from .caches import Cache
from .core import cache_of, recorder_of
from .gate import RefusedError
from .models import Model, find_models
from .problems import MEDIA_TYPE, Problem, problem, problem_of, problem_of_invalid, problem_of_validation
from .routes import add_health, add_models, add_pictures
from .service import Service

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["create_app"]

T = TypeVar("T")
_log = logging.getLogger("aikit.serve")

# Of what a client calls its request: nothing that could make two lines of one.
_LINGER_SECONDS, _LINGER_BYTES = 2.0, 10_000_000
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


def create_app(
    settings: Settings | None = None,
    *,
    models: Iterable[Model] | None = None,
    cache: Cache | None = None,
    catalog: Cataloguer | None = None,
) -> FastAPI:
    """An ASGI app that serves pictures; `aikit.serve.create_app` describes it."""
    settings = Settings() if settings is None else settings
    chosen = find_models(settings.models) if models is None else {each.name: each for each in models}
    service = Service(settings, cache_of(settings, cache), list(chosen.values()), recorder_of(settings, catalog))

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
    add_health(app, service)
    add_pictures(app, service)
    add_models(app, service)
    app.add_middleware(_Named, service=service)
    return app


def _log_failure(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.error("the service could not get ready", exc_info=error)


def _add_handlers(app: FastAPI) -> None:
    def respond(request: Request, answer: Problem) -> Response:
        # Where a body was refused that may be on its way; who expects a "100 Continue" sends none.
        unread = answer.headers.get("Connection") == "close" and "expect" not in request.headers
        kind = _LingeringResponse if unread else Response
        return kind(answer.body(request.scope.get("aikit.id")), answer.status, _headers_of(answer), MEDIA_TYPE)

    async def refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, RefusedError)
        return respond(request, error.answer)

    async def failed(request: Request, error: Exception) -> Response:
        return respond(request, problem_of(error))

    async def invalid(request: Request, error: Exception) -> Response:
        if isinstance(error, ValidationError):
            return respond(request, problem_of_invalid(error))
        assert isinstance(error, RequestValidationError)
        return respond(request, problem_of_validation(error.errors()))

    async def http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        code = {404: "not_found", 405: "method_not_allowed", 413: "limit_exceeded"}.get(
            error.status_code, "bad_request"
        )
        answer = problem(code, f"{request.method} {request.scope['path']}", headers=error.headers or {})
        return respond(request, replace(answer, status=error.status_code))

    app.add_exception_handler(RefusedError, refused)
    app.add_exception_handler(AikitError, failed)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(ValidationError, invalid)
    app.add_exception_handler(HTTPException, http)


def _headers_of(answer: Problem) -> dict[str, str]:
    return {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", **answer.headers}


class _LingeringResponse(Response):
    """Takes in a while what the client still sends, or the network would drop the answer together with it."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": self.body, "more_body": True})
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LINGER_SECONDS):
                message, taken = await receive(), 0
                while message["type"] == "http.request" and message.get("more_body") and taken < _LINGER_BYTES:
                    taken += len(message["body"])
                    message = await receive()
        await send({"type": "http.response.body", "body": b"", "more_body": False})


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
            except Exception as error:
                if status:  # it has begun to answer
                    raise
                answer = problem_of(error)
                await Response(answer.body(name), answer.status, _headers_of(answer), MEDIA_TYPE)(
                    scope, receive, send_named
                )
            finally:
                route = getattr(scope.get("route"), "path", "none")
                self._service.metrics.requests.labels(route, str(status)).inc()
                fields = {"method": scope["method"], "path": scope["path"], "status": status}
                took = round(time.perf_counter() - begun, 4)
                level = logging.DEBUG if route in ("/livez", "/readyz", "/metrics") else logging.INFO
                _log.log(level, "answered", extra={**fields, "seconds": took})
