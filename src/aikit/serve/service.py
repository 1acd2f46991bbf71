"""What the endpoints of the service share: its settings and places, bodies within limits, work that ends with its client."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from fastapi import Request
from pydantic import BaseModel
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect

from .. import isolation
from ..files import encode
from ..folders.reporting import Recorder
from ..logs import carry
from ..memory import ModelPool
from ..recipe import Recipe
from ..settings import Settings
from .batcher import Batcher
from .caches import Cache
from .core import presets_of
from .gate import Gate, RefusedError
from .metrics import Metrics
from .models import Model
from .problems import passable, problem
from .schemas import ImageRequest, make_recipe

__all__ = ["BASE64", "Service", "unless_left"]

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)
_log = logging.getLogger("aikit.serve")

# A form has some lines around its file, base64 makes four bytes of three.
_AROUND, BASE64 = 20_000, 4 / 3
# Bytes of JSON that take a millisecond.
_LONG = 100_000


class Service:
    """What the endpoints share: settings, cache, catalogue, gate, metrics and threads."""

    def __init__(
        self, settings: Settings, cache: Cache | None, models: Sequence[Model], recorder: Recorder | None
    ) -> None:
        self.settings, self.limits = settings, settings.limits
        self.cache = cache
        self.recorder = recorder
        places = settings.places_a_worker
        self.gate = Gate(places, settings.queue, settings.patience)
        self.metrics = Metrics()
        self.threads = ThreadPoolExecutor(places, "aikit-serve")
        self.presets = presets_of(settings)
        self.keys = settings.secret_keys
        self.ready = self.hangs = False
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
        pixel = _encode_pixel()
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
        """Answer what models have accepted; give back threads, weights, catalogue and cache."""
        self.ready = False
        seconds = self.settings.shutdown_seconds
        ended = await asyncio.gather(*(each.close(seconds=seconds) for each in self.batchers.values()))
        self.hangs = not all(ended)
        if self.hangs:
            _log.error("a model does not end")
        else:
            self.pool.clear()
        self.threads.shutdown(wait=False, cancel_futures=True)
        if self.recorder is not None:
            await asyncio.to_thread(self.recorder.close)
        if self.cache is not None:
            self.cache.close()

    async def work(self, request: Request, function: Callable[[], T]) -> T:
        """A function in a thread of ours; when the client leaves, its child is ended and so is this."""
        if await request.is_disconnected():
            raise RefusedError(problem("client_gone", "nobody waits"))
        loop = asyncio.get_running_loop()
        with isolation.cancellable() as job, self.metrics.time("work"):
            working = loop.run_in_executor(self.threads, carry(_passably(function)))
            try:
                is_done = await _is_done_before_leaving(request, working)
            except asyncio.CancelledError:  # the server ends: nobody waits either
                job.cancel()
                raise
            if not is_done:
                job.cancel()
                with contextlib.suppress(Exception):
                    await working
                raise RefusedError(problem("client_gone", "nobody waits"))
            return working.result()

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
        if declared is not None and not (declared.isascii() and declared.isdigit()):
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

    async def parse(self, kind: type[M], body: bytes) -> M:
        """A body as a model of pydantic; a long one in a thread, for it would keep all others waiting."""
        if len(body) <= _LONG:
            return kind.model_validate_json(body)
        return await asyncio.get_running_loop().run_in_executor(self.threads, kind.model_validate_json, body)

    async def read_picture(self, request: Request) -> tuple[bytes, Recipe | None, bool]:
        """The picture of a request in any of its three forms, a recipe beside it, and whether JSON is to be answered."""
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind == "multipart/form-data":
            data, recipe = await _parse_form(request, await self.read_body(request, 1.001))
            return data, recipe, False
        if kind == "application/json":
            body = await self.read_body(request, BASE64)
            order = await self.parse(ImageRequest, body)
            return order.image.data, order.recipe if "recipe" in order.model_fields_set else None, True
        return await self.read_body(request), None, False


def _encode_pixel() -> bytes:
    """A picture of one pixel, as PNG."""
    from PIL import Image

    return encode(Image.new("RGB", (2, 2)), "png")


def _passably(function: Callable[[], T]) -> Callable[[], T]:
    """A function that raises only what a future takes."""

    def run() -> T:
        try:
            return function()
        except BaseException as error:
            if (found := passable(error)) is error:
                raise
            raise found from error

    return run


async def _left(request: Request) -> None:
    """Ends when the client has."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _is_done_before_leaving(request: Request, work: asyncio.Future[Any]) -> bool:
    """Wait for work or for the client to leave, whichever is first."""
    leaving = asyncio.ensure_future(_left(request))
    first: list[asyncio.Future[Any]] = [work, leaving]
    try:
        await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
        return work.done()
    finally:
        leaving.cancel()


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
    try:
        names = [name for name, _ in form.multi_items()]
        odd = [name for name in names if name not in ("file", "recipe") or names.count(name) > 1]
        if odd:
            detail = f"form: expected the fields file and recipe, each once, got {odd[0]!r}"
            raise RefusedError(problem("invalid_value", detail))
        file, recipe = form.get("file"), form.get("recipe")
        if file is None or isinstance(file, str):
            raise RefusedError(problem("invalid_value", "form: expected a file in its field `file`, got none"))
        return await file.read(), None if recipe is None else make_recipe(recipe)
    finally:
        await form.close()


async def unless_left(request: Request, answer: Coroutine[Any, Any, T]) -> T:
    """An answer, unless its client leaves before: then it is not worked on any more."""
    asking = asyncio.ensure_future(answer)
    try:
        if not await _is_done_before_leaving(request, asking):
            raise RefusedError(problem("client_gone", "nobody waits"))
        return asking.result()
    finally:
        asking.cancel()
