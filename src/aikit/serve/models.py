"""Functions of a batch as models behind a URL: registered by a decorator, loaded from files and installed packages."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import pydantic

from .._check import function as check_function, integer, number, one_of, switch
from ..convert import to_cv2, to_numpy, to_pil, to_tensor
from ..errors import InputTypeError, InputValueError, quoted
from ..files import read_any
from ..limits import Limits
from ..memory import ModelPool
from ..plugins import found, load_file
from ..preprocess import Preprocess
from ..recipe import Recipe
from .problems import passable

if TYPE_CHECKING:
    from ..types import AnyImage

__all__ = ["Model", "find_models", "model"]

Function = TypeVar("Function", bound=Callable[..., Any])
Kind = Literal["pil", "numpy", "cv2", "tensor", "batch"]
_KINDS: dict[Kind, Callable[[Any], AnyImage]] = {
    "pil": to_pil, "numpy": to_numpy, "cv2": to_cv2, "tensor": to_tensor, "batch": to_tensor,
}  # fmt: skip
# Installed packages offer models under this name, each the module that registers it.
_GROUP = "aikit.models"
_registered: dict[str, Model] = {}


@dataclass(frozen=True, eq=False)
class Model:
    """A function of a batch, and how it is asked.

    Attributes:
        name: in the address.
        function: items, and the weights where there is `load`, to as many answers.
        batch: items at once at most.
        wait: seconds to wait for more items.
        kind: what pictures come as.
        recipe: what is done with each picture first, or None.
        preprocess: makes the tensor that the function takes of each picture then, or None.
        load: gives the weights, or None.
        request: the model of a request without a picture of its own, or None.
        response: the model of an answer, or None.
        gives_images: whether answers are images, whatever their kind.
    """

    name: str
    function: Callable[..., Sequence[Any]]
    batch: int = 16
    wait: float = 0.0
    kind: Kind = "pil"
    recipe: Recipe | None = None
    preprocess: Preprocess | None = None
    load: Callable[[], object] | None = None
    request: type[pydantic.BaseModel] | None = None
    response: type[pydantic.BaseModel] | None = None
    gives_images: bool = False

    @property
    def summary(self) -> str:
        """The first line of the function's docstring."""
        return (inspect.getdoc(self.function) or self.name).splitlines()[0]

    def prepare(self, data: bytes, limits: Limits) -> AnyImage:
        """A picture as the function takes it: decoded in a child, after the recipe, of its kind."""
        image = read_any(data, limits=limits, isolate=True)
        if self.recipe is not None:
            image = self.recipe(image, limits=limits)
        return _KINDS[self.kind](image) if self.preprocess is None else self.preprocess(image)

    def answer(self, items: list[Any], pool: ModelPool) -> Sequence[Any]:
        """The same as `run`, with one answer an item, and exceptions raised."""
        try:
            answers = self.run(items, pool)
        except BaseException as error:
            if (found := passable(error)) is error:
                raise
            raise found from error
        if len(answers) != len(items):
            raise ValueError(f"a model gave {len(answers)} answers to {len(items)} items")
        for each in answers:
            if isinstance(each, Exception):
                raise passable(each)
        return answers

    def run(self, items: list[Any], pool: ModelPool) -> Sequence[Any]:
        """The answers to a batch; weights stay where they are while it runs."""
        given: object = _stacked(items) if self.kind == "batch" and self.request is None else items
        if self.load is None:
            return self.function(given)
        with pool.use(self.name) as weights:
            return self.function(given, weights)


def _check_preprocess(preprocess: object, kind: Kind) -> object:
    if preprocess is None:
        return None
    if not isinstance(preprocess, Preprocess):
        raise InputTypeError("preprocess", "a Preprocess", quoted(preprocess), "make one with Preprocess.from_config")
    if kind not in ("tensor", "batch"):
        raise InputValueError("kind", '"tensor" or "batch" for a preprocess', quoted(kind), "pass one of these")
    return preprocess


def _is_model(schema: object) -> bool:
    return schema is None or (isinstance(schema, type) and issubclass(schema, pydantic.BaseModel))


def _stacked(items: list[Any]) -> object:
    import torch

    return torch.stack(items)


def model(
    name: str,
    *,
    batch: int = 16,
    wait: float = 0.0,
    kind: Kind = "pil",
    recipe: Recipe | str | None = None,
    preprocess: Preprocess | None = None,
    load: Callable[[], object] | None = None,
    request: type[pydantic.BaseModel] | None = None,
    response: type[pydantic.BaseModel] | None = None,
    gives_images: bool = False,
) -> Callable[[Function], Function]:
    """Register a function of a batch as a model of the service.

    The function gets a list of items, and gives as many answers in their order: PIL images, which are sent as pictures,
    pydantic models, or anything `codec.to_json` writes. An exception among them is that item's failure. With
    `load` it gets the weights second; they are loaded when they are first asked for, and dropped when others need the
    memory.

    Args:
        name: in the address, /v1/models/{name}.
        batch: items at once at most.
        wait: seconds to wait for more items once there is one; 0 takes those that came while the last batch ran.
        kind: what pictures come as: "pil", "numpy", "cv2", "tensor", or "batch", all stacked in one tensor (N, C, H, W),
            for which a recipe brings them to one size.
        recipe: what is done with each picture first.
        preprocess: what the weights were trained with, for the kinds "tensor" and "batch": it makes the tensor of each
            picture. Transparency is refused, unless the recipe has a "flatten".
        load: gives the weights.
        request: a pydantic model: requests are its JSON, and items its instances. `schemas.Picture` is a field for
            pictures. None: a request is a picture.
        response: a pydantic model that answers are checked by and that OpenAPI shows.
        gives_images: True where answers are images as arrays or tensors, which otherwise are lists of numbers.

    Returns:
        A decorator that gives the function back unchanged.

    Raises:
        InputTypeError, InputValueError: arguments that do not fit, or a name that is taken.

    Example:
        >>> import aikit
        >>> @aikit.serve.model("mean-light", recipe="resize width=1 height=1")
        ... def mean_light(images):
        ...     "How light a picture is, from 0 to 255."
        ...     return [image.convert("L").getpixel((0, 0)) for image in images]
    """
    if not re.fullmatch(r"[a-z0-9][a-z0-9._-]{0,63}", str(name)):
        raise InputValueError("name", "small letters, digits, dots and dashes", quoted(name), "pass another")
    one_of("kind", kind, _KINDS)
    if load is not None:
        check_function("load", load)
    for word, schema in (("request", request), ("response", response)):
        if not _is_model(schema):
            raise InputTypeError(word, "a pydantic model", quoted(schema), "derive one from pydantic.BaseModel")
    made = {
        "batch": integer("batch", batch),
        "wait": number("wait", wait, 0, 60),
        "kind": kind,
        "recipe": Recipe.parse(recipe) if isinstance(recipe, str) else recipe,
        "preprocess": _check_preprocess(preprocess, kind),
        "load": load,
        "request": request,
        "response": response,
        "gives_images": switch("gives_images", gives_images),
    }

    def register(given: Function) -> Function:
        check_function("function", given)
        before = _registered.get(name)
        if before is not None and before.function.__module__ != given.__module__:
            raise InputValueError(
                "name", "a name of its own", f"{name}, one of {before.function.__module__}", "rename it"
            )
        _registered[name] = Model(name, given, **made)  # type: ignore[arg-type]
        return given

    return register


def find_models(files: Iterable[Path] = ()) -> dict[str, Model]:
    """All models: those registered so far, those of the files, and those that installed packages offer."""
    for path in files:
        load_file(path)
    for name, entry in found(_GROUP).items():
        if name not in _registered:
            entry.load()
    return dict(_registered)
