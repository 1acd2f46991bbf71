"""A picture in, an answer out: what every face of the service does, without any framework."""

from __future__ import annotations

import contextlib
import hashlib
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from pydantic import BaseModel, ValidationError

from .. import __version__, operations
from .._raster import identify
from ..codec import to_json
from ..errors import AikitError, FileAccessError, InputValueError, WorkerError, quoted
from ..files import MetadataPolicy, encode, media_type
from ..folders.reporting import Cataloguer, Recorder
from ..limits import Limits
from ..paths import open_inside
from ..recipe import Recipe
from ..recipe.files import pick_format
from ..settings import Settings
from .caches import Cache, open_cache
from .gate import RefusedError
from .models import Model
from .negotiation import formats_for, is_among
from .problems import Problem, problem, problem_of
from .schemas import make_recipe, recipe_schema

if TYPE_CHECKING:
    from ..types import AnyImage

__all__ = [
    "YEAR",
    "Answer",
    "SingleFlight",
    "answer_of",
    "apply",
    "cache_of",
    "handle",
    "limits_of_base",
    "list_recipes",
    "noted",
    "presets_of",
    "read_from_base",
    "recipe_of_query",
    "recorder_of",
]

_BASE_BYTES = 100_000_000
# For which who asked by a signed address may keep the answer: another recipe or another picture has another address.
YEAR = 365 * 86_400
_HEADERS = {"X-Content-Type-Options": "nosniff", "Content-Disposition": "inline"}


@dataclass(frozen=True)
class Answer:
    """What is sent back.

    Attributes:
        body: the bytes.
        media_type: of the body.
        status: of HTTP; 304 has no body.
        headers: beside Content-Type and Content-Length.
        cached: whether nothing had to be made.
    """

    body: bytes
    media_type: str
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    cached: bool = False


class SingleFlight:
    """Makes a value once where several ask for it at once: the others wait for the first.

    A maker whose own client has gone fails for itself alone; the next one of those who wait makes it then.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._flights: dict[str, Future[bytes]] = {}

    def make(self, key: str, maker: Callable[[], bytes]) -> bytes:
        """The value of a key, made here or by the call that came first. Its failure is everybody's."""
        while True:
            with self._lock:
                flight = self._flights.get(key)
                mine = flight is None
                if flight is None:
                    flight = self._flights[key] = Future()
            if mine:
                return self._fly(key, flight, maker)
            try:
                return flight.result()
            except WorkerError as error:
                if error.code != "cancelled":
                    raise

    def _fly(self, key: str, flight: Future[bytes], maker: Callable[[], bytes]) -> bytes:
        try:
            value = maker()
        except BaseException as error:
            with self._lock:
                del self._flights[key]
            flight.set_exception(error)
            flight.exception()  # asked for: nobody else may be there to do so
            raise
        with self._lock:
            del self._flights[key]
        flight.set_result(value)
        return value


_flights = SingleFlight()


def handle(
    recipe: Recipe,
    data: bytes,
    *,
    limits: Limits,
    accept: str = "",
    if_none_match: str = "",
    cache: Cache | None = None,
    cache_seconds: float | None = None,
    max_age: int | None = None,
    metadata: MetadataPolicy = "keep",
    recorder: Recorder | None = None,
    path: str | None = None,
) -> Answer | Problem:
    """A picture after a recipe.

    The format is the recipe's `to`, or what `accept` and the picture's own alpha and depth say. What is decoded, worked on
    and encoded is so in a child process, within the limits.

    Args:
        recipe: what is done.
        data: the bytes of a picture.
        limits: what it may cost.
        accept: the request's header; it counts where the recipe has no `to`.
        if_none_match: the request's header.
        cache: where answers are kept, or None.
        cache_seconds: for how long.
        metadata: what of the picture's metadata the answer carries, as in `write`, where the recipe does not say.
        max_age: seconds for which the client may keep the answer without asking; None lets it ask each time.
        recorder: notes what became of the picture.
        path: of the picture, where it is a file of the service.

    Returns:
        An answer, or a problem.
    """
    digest, line = hashlib.sha256(data), str(recipe)
    if recipe.metadata == "keep":
        recipe = replace(recipe, metadata=metadata)
    formats = (recipe.to,) if recipe.to is not None else formats_for(accept)
    key = _key_of(recipe, digest.hexdigest(), formats, limits)
    answer = _answer(recipe, data, key, formats, limits, if_none_match, cache, cache_seconds, max_age)
    if recorder is not None:
        _note(recorder, digest.digest(), len(data), line, answer if isinstance(answer, Problem) else None, path)
    return answer


def _answer(
    recipe: Recipe,
    data: bytes,
    key: str,
    formats: tuple[str, ...],
    limits: Limits,
    if_none_match: str,
    cache: Cache | None,
    cache_seconds: float | None,
    max_age: int | None,
) -> Answer | Problem:
    """The answer as it is kept by its key, or made now."""
    etag = f'"{key[:32]}"'
    headers = {**_HEADERS, "ETag": etag, "Cache-Control": _cache_control(max_age)}
    if recipe.to is None:
        headers["Vary"] = "Accept"
    if is_among(etag, if_none_match):
        return Answer(b"", "", 304, headers, cached=True)
    kept = None if cache is None else cache.get(key)
    # A cache is shared with others, who may have put there what is no picture.
    if isinstance(kept, bytes) and (name := identify(kept)) is not None:
        return Answer(kept, media_type(name), 200, headers, cached=True)

    def make() -> bytes:
        body = apply(recipe, data, formats, limits)
        if cache is not None:
            cache.set(key, body, seconds=cache_seconds)
        return body

    try:
        body = _flights.make(key, make)
    except AikitError as error:
        return problem_of(_of_picture(error))
    return Answer(body, media_type(identify(body) or ""), 200, headers)


def apply(recipe: Recipe, data: bytes, formats: tuple[str, ...], limits: Limits) -> bytes:
    """The bytes of a picture after a recipe, in the first format that holds it."""
    return recipe.make(data, to=formats, limits=limits).data


def _of_picture(error: AikitError) -> AikitError:
    """Bytes have no name: what the library calls their source is the picture that was sent."""
    return error.with_subject("picture") if error.subject == "source" else error


def _key_of(recipe: Recipe, content: str, formats: tuple[str, ...], limits: Limits) -> str:
    """What tells one answer from every other: contents, recipe, format, version, and what it was allowed to cost."""
    allowed = {**asdict(limits), "formats": limits.formats and sorted(limits.formats)}
    text = "\n".join((__version__, content, replace(recipe, to=None).digest, *formats, repr(sorted(allowed.items()))))
    return hashlib.sha256(text.encode()).hexdigest()


# ---------------------------------------------------------------- what was done, in a catalogue


def recorder_of(settings: Settings, catalog: Cataloguer | None) -> Recorder | None:
    """What notes the fate of pictures in the catalogue that was given, or else in that of the settings, if they name one.

    A database that does not answer makes nobody wait: notes come later then, and in the end not at all.
    """
    address = settings.catalog.get_secret_value()
    if catalog is None and address:
        from ..catalog import open_catalog

        catalog = open_catalog(address, password=settings.catalog_password.get_secret_value() or None)
    return None if catalog is None else catalog.recorder("serve", wait=False)


@contextlib.contextmanager
def noted(recorder: Recorder | None, data: bytes, recipe: str) -> Iterator[None]:
    """Note what becomes of a picture in work that answers or raises."""
    try:
        yield
    except AikitError as error:
        if recorder is not None:
            _note(recorder, hashlib.sha256(data).digest(), len(data), recipe, problem_of(_of_picture(error)), None)
        raise
    if recorder is not None:
        _note(recorder, hashlib.sha256(data).digest(), len(data), recipe, None, None)


def _note(recorder: Recorder, digest: bytes, size: int, recipe: str, problem: Problem | None, path: str | None) -> None:
    name = f"upload:{digest.hex()}" if path is None else path
    if problem is None:
        recorder.record(name, status="done", recipe=recipe, digest=digest, size=size)
    elif problem.code != "cancelled":  # which says nothing of the picture
        recorder.record(
            name, status="failed", code=problem.code, error=problem.detail, recipe=recipe, digest=digest, size=size
        )


def _cache_control(max_age: int | None) -> str:
    return "no-cache" if max_age is None else f"public, max-age={max_age}, immutable"


def answer_of(model: Model, answer: object, accept: str, metadata: MetadataPolicy) -> tuple[bytes, str]:
    """A model's answer as what it is, a picture or JSON, and its media type.

    Raises:
        RuntimeError: it cannot be sent, which is no fault of the request.
    """
    try:
        return _encode_answer(model, answer, accept, metadata)
    except (AikitError, ValidationError) as error:
        raise RuntimeError(f"the model {model.name} gave {quoted(answer)}, which cannot be sent") from error


def _encode_answer(model: Model, answer: object, accept: str, metadata: MetadataPolicy) -> tuple[bytes, str]:
    if model.gives_images or _is_pil(answer):
        image = cast("AnyImage", answer)
        name = pick_format(formats_for(accept), image).name
        return encode(image, name, metadata=metadata), media_type(name)
    if model.response is not None:
        answer = model.response.model_validate(answer)
    text = answer.model_dump_json(by_alias=True) if isinstance(answer, BaseModel) else to_json(answer, tags=False)
    return text.encode(), "application/json"


def _is_pil(value: object) -> bool:
    """Whether a value is a PIL image, which can be nothing but a picture."""
    pil = sys.modules.get("PIL.Image")
    return pil is not None and isinstance(value, pil.Image)


def recipe_of_query(recipe: str | None, sizes: Mapping[str, object], options: Mapping[str, Any]) -> Recipe | None:
    """The recipe that an address asks for by `recipe=`, or by `width=`, `to=` and their like; None where by none."""
    keywords = {name: value for name, value in sizes.items() if value is not None}
    extra = {name: value for name, value in options.items() if value is not None}
    if recipe is not None:
        if keywords or extra:
            raise InputValueError("query", "a recipe or single keywords", "both", "send one of them")
        return make_recipe(recipe)
    if not keywords and not extra:
        return None
    return Recipe([("resize", keywords)] if keywords else [], **extra)


def cache_of(settings: Settings, cache: Cache | None) -> Cache | None:
    """The cache that was given, or else that of the settings, if they name one."""
    address = settings.cache.get_secret_value()
    return open_cache(address) if cache is None and address else cache


def presets_of(settings: Settings) -> dict[str, Recipe]:
    """The service's own recipes by their names."""
    return {name: _preset(name, line) for name, line in settings.presets.items()}


def _preset(name: str, line: str) -> Recipe:
    try:
        return Recipe.parse(line)
    except AikitError as error:
        raise error.with_subject(f"preset {name}, {error.subject}") from error


def list_recipes(presets: Mapping[str, Recipe]) -> dict[str, Any]:
    """The operations with their keywords as JSON Schema, and the service's own recipes."""
    return {
        "recipe": recipe_schema(),
        "operations": {each.name: each.schema for each in operations.all()},
        "presets": {name: str(each) for name, each in presets.items()},
    }


def read_from_base(base: Path | None, name: str) -> tuple[bytes, str]:
    """A file of the service's own folder, and its path.

    Raises:
        RefusedError: alike for what is not there and what may not be seen.
    """
    try:
        if base is not None:
            with open_inside(base, name) as file:
                return file.read(), str(base / name)
    except (FileAccessError, InputValueError):
        pass
    raise RefusedError(problem("no_access", "name: expected a picture of this service, got none; check the address."))


def limits_of_base(limits: Limits) -> Limits:
    """What the service's own pictures may cost: more bytes than an upload, and any format."""
    return replace(limits, max_bytes=max(limits.max_bytes, _BASE_BYTES), formats=None)
