"""The operations there are, and how to add one."""

from __future__ import annotations

import contextlib
import copy
import os
import re
import sys
import typing
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property, partial
from importlib import import_module
from typing import Any, TypeAlias, TypeVar

from .._check import switch
from .._foreign_names import explain_calls
from ..errors import AikitError, InputTypeError, InputValueError, WorkerError, quoted
from ..plugins import found, load_file, load_package, path_of
from ..types import AnyImage, ImageT
from .built_in import BUILT_IN, BuiltIn, NewSize
from .parameters import Parameter, parameters_of, summary_of
from .values import Keywords, check_value

__all__ = [
    "IDENTITY",
    "Matrix",
    "Operation",
    "all",
    "as_data",
    "get",
    "import_modules",
    "modules_of",
    "names",
    "operation",
]

# From (x, y, 1) of the source to that of the result, by rows.
Matrix = tuple[tuple[float, float, float], ...]
Function = TypeVar("Function", bound=Callable[..., object])
# Any, because a user's function takes its own kind of image, and believes what the schema says of its keywords.
MatrixOf: TypeAlias = Callable[[Any, Keywords], object]

IDENTITY: Matrix = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))


@dataclass(frozen=True, eq=False)
class Operation:
    """A function that gives an image of the kind it is given, and all that is known of it.

    Attributes:
        name: what recipes call it.
        function: the function: an image, and keywords.
        parameters: its keywords.
        summary: the first line of its docstring.
        changes_size: whether the result may have another height or width.
        module: the module that registers it, which child processes import; None for aikit's own.
    """

    name: str
    function: Callable[..., Any]  # which gives the kind of image that it is given: no Callable can say so
    parameters: tuple[Parameter, ...]
    summary: str = ""
    changes_size: bool = False
    module: str | None = None
    _matrix: MatrixOf | None = field(default=None, repr=False)
    _new_size: NewSize | None = field(default=None, repr=False)
    _attempt: Callable[[Keywords], object] | None = field(default=None, repr=False)

    @cached_property
    def _by_name(self) -> dict[str, Parameter]:
        return {each.name: each for each in self.parameters}

    @property
    def schema(self) -> dict[str, Any]:  # Any, because JSON is walked by its readers, not by us
        """Its keywords as a JSON Schema (draft 2020-12); `unit` is beside the standard's own words."""
        properties: dict[str, dict[str, object]] = {}
        for each in self.parameters:
            properties[each.name] = {**copy.deepcopy(dict(each.schema)), "description": each.description}
            if not each.required:
                properties[each.name]["default"] = each.default
        return {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": self.name,
            "description": self.summary,
            "type": "object",
            "properties": properties,
            "required": [each.name for each in self.parameters if each.required],
            "additionalProperties": False,
        }

    def check(self, keywords: Keywords) -> None:
        """Refuse keywords that it does not take, before any work.

        Raises:
            InputTypeError: a value of the wrong type.
            InputValueError: an unknown keyword, one that is missing, or a value out of its bounds.
        """
        known = self._by_name
        for keyword in keywords:
            if keyword not in known:
                raise InputValueError(
                    self.name, f"keywords from {', '.join(known) or 'none'}", quoted(keyword), "leave it out"
                )
        missing = [each.name for each in self.parameters if each.required and each.name not in keywords]
        if missing:
            raise InputValueError(
                self.name, "all its keywords", quoted(dict(keywords)), f"add {' and '.join(missing)}", option=missing[0]
            )
        for keyword, value in keywords.items():
            check_value(f"{self.name}.{keyword}", value, known[keyword].schema)
        if self._attempt is not None:
            with self._name_operation():
                self._attempt(keywords)

    @property
    def knows_size(self) -> bool:
        """Whether the size of its result follows from that of the image and the keywords."""
        return self._new_size is not None

    def new_size(self, image: AnyImage, keywords: Keywords) -> tuple[int, int] | None:
        """The height and width of the result, where they are known before any work; else None."""
        if self._new_size is None:
            return None
        from .._pixels import spec_of

        return self._new_size(spec_of(image, keywords.get("channels")), keywords)

    def matrix(self, image: AnyImage, keywords: Keywords) -> Matrix | None:
        """Where the points of an image lie in the result.

        Points (x, y) are in pixels from the outer corner at the left and the top: the pixel in column c and row r
        covers x from c to c + 1 and y from r to r + 1, and its center is (c + 0.5, r + 0.5). PIL images are meant
        upright, as every operation turns them.

        Args:
            image: the image that the operation is given.
            keywords: its keywords.

        Returns:
            Three rows of a 3x3 matrix, from (x, y, 1) in the image to (x, y, 1) in the result; the identity where
            pixels stay where they are; None where the operation cannot say.

        Example:
            >>> import numpy as np
            >>> get("resize").matrix(np.zeros((20, 30), np.uint8), {"width": 60, "height": 10})
            ((2.0, 0.0, 0.0), (0.0, 0.5, 0.0), (0.0, 0.0, 1.0))
        """
        self.check(keywords)
        if self._matrix is not None:
            return _as_matrix(self.name, self._matrix(image, keywords))
        return None if self.changes_size else IDENTITY

    def __call__(self, image: ImageT, keywords: Keywords) -> ImageT:
        """The function's result, which has to be an image of the same kind."""
        from .._pixels import kind_of

        with self._name_operation():
            result: ImageT = self.function(image, **keywords) if self.module is None else self._call(image, keywords)
        if self.module is not None and kind_of(result, self.name) != kind_of(image):
            raise InputTypeError(
                self.name, f"a result of the kind {kind_of(image)}", kind_of(result), "return the kind that came in"
            )
        return result

    def _call(self, image: ImageT, keywords: Keywords) -> ImageT:
        """A user's own function, which fails for this image and not for the whole folder."""
        try:
            result: ImageT = self.function(image, **keywords)
            return result
        except (AikitError, MemoryError):
            raise
        except Exception as error:
            got = quoted(error)
            raise InputValueError(self.name, "a result", got, "mend the function, or leave the step out") from error

    @contextlib.contextmanager
    def _name_operation(self) -> Iterator[None]:
        """Errors say of which operation the parameter is that they name."""
        try:
            yield
        except AikitError as error:
            if error.subject not in self._by_name:
                raise
            raise error.with_subject(f"{self.name}.{error.subject}") from error

    def __reduce__(self) -> tuple[object, ...]:
        return _load_operation, (self.module, self.name)


def as_data(operation: Operation, keywords: Keywords) -> dict[str, Any]:
    """The keywords of an operation on planes of data; refuse one that works on colors or alpha."""
    if not any(each.name == "channels" and "data" in each.choices for each in operation.parameters):
        raise InputValueError(
            operation.name, "an operation that takes planes of data", "one of colors", "leave the step out"
        )
    return {**keywords, "channels": "data"}


def _as_matrix(name: str, rows: Any) -> Matrix | None:  # Any, because it is tried and not asked what it is
    if rows is None:
        return None
    try:
        matrix = tuple((float(a), float(b), float(c)) for a, b, c in rows)
    except (TypeError, ValueError):
        matrix = ()
    if len(matrix) != 3:
        raise InputValueError(
            f"{name}.matrix", "three rows of three numbers", quoted(rows), "return None or a 3x3 matrix"
        )
    return matrix


def get(name: str) -> Operation:
    """The operation of this name.

    Raises:
        InputValueError: there is none.

    Example:
        >>> get("trim").changes_size
        True
    """
    given: object = name
    if not isinstance(given, str) or not (given in _OPERATIONS or given in BUILT_IN or _load_offered(given)):
        raise InputValueError("steps", f"names from {', '.join(names())}", quoted(name), "pass some of these")
    if name not in _OPERATIONS:
        _OPERATIONS[name] = _make_operation(name, BUILT_IN[name])
    return _OPERATIONS[name]


def names() -> list[str]:
    """The names of all operations: aikit's, those registered so far, and those that installed packages offer.

    Example:
        >>> names()[:3]
        ['resize', 'blur', 'trim']
    """
    return list(dict.fromkeys([*BUILT_IN, *_OPERATIONS, *_offered(tuple(sys.path))]))


def all() -> list[Operation]:  # noqa: A001 - it reads well as operations.all()
    """All operations, in the order of their names().

    Example:
        >>> [each.name for each in all() if each.changes_size][:2]
        ['resize', 'trim']
    """
    return [get(name) for name in names()]


_OPERATIONS: dict[str, Operation] = {}
# Installed packages offer operations under this name, each the module that registers it.
_GROUP = "aikit.operations"


@cache
def _offered(search_path: tuple[str, ...]) -> tuple[str, ...]:
    """The names of operations that packages on this search path offer: looked up once, in some 20 milliseconds."""
    return tuple(name for name in found(_GROUP) if name not in BUILT_IN)


def _load_offered(name: str) -> bool:
    """Import the package that offers an operation; False where none does."""
    if name not in _offered(tuple(sys.path)):
        return False
    entry = found(_GROUP)[name]
    try:
        entry.load()
    except Exception as error:
        raise InputValueError(
            name, "an operation that its package can load", f"{type(error).__name__}: {error}", f"mend {entry.value}"
        ) from error
    if name not in _OPERATIONS:
        raise InputValueError(
            name, f"an operation that {entry.value} registers", "none of that name", "name it alike in its entry point"
        )
    return True


def _make_operation(name: str, built_in: BuiltIn) -> Operation:
    function = built_in.function(name)
    return Operation(
        name,
        function,
        parameters_of(function, name, built_in.without),
        summary_of(function),
        built_in.changes_size,
        None,
        built_in.matrix,
        built_in.new_size,
        None if built_in.attempt is None else partial(built_in.attempt, function),
    )


@typing.overload
def operation(function: Function, /) -> Function: ...
@typing.overload
def operation(
    *,
    name: str | None = None,
    changes_size: bool = False,
    matrix: MatrixOf | None = None,
) -> Callable[[Function], Function]: ...
@explain_calls
def operation(
    function: Function | None = None,
    /,
    *,
    name: str | None = None,
    changes_size: bool = False,
    matrix: MatrixOf | None = None,
) -> Function | Callable[[Function], Function]:
    """Register a function of your own as an operation, for recipes, folders, the command and a service.

    The function takes an image first and gives one of the same kind; everything else are keywords with annotations:
    bool, int, float, str, `Literal`, tuples and lists of these, unions of these with None, and bounds as
    `Annotated[float, aikit.operations.Within(0, 1)]`. Child processes and Ray import the module that registers it, so it
    has to be a module that can be imported, not the script itself.

    Args:
        function: the function, where the decorator stands without options.
        name: what recipes call it; the function's own name where left out.
        changes_size: whether the result may have another height or width.
        matrix: where the points of the image go: called with the image and the keywords, gives a 3x3 matrix or None, as
            `Operation.matrix` says.

    Returns:
        The function, unchanged.

    Raises:
        InputTypeError: no function, or parameters that are not named and annotated as above.
        InputValueError: the name is none, or that of another operation.

    Example:
        >>> import aikit, numpy as np
        >>> @aikit.operation
        ... def pale(image, *, amount: float = 0.5):
        ...     "Make a picture paler."
        ...     return aikit.to_numpy(image, dtype="float32") * (1 - amount) + amount
        >>> aikit.Recipe([("pale", {"amount": 0.25})])(np.zeros((1, 1), np.float32)).tolist()
        [[0.25]]
    """
    # The caller's module is what others have to import, wherever the function itself comes from.
    module = _find_caller()

    def register(given: Function) -> Function:
        _register(given, name, module, changes_size, matrix)
        return given

    return register if function is None else register(function)


def _find_caller() -> str:
    """The module that calls `operation`, which is not the one that explains its calls."""
    frame = sys._getframe(2)
    while frame.f_back is not None and frame.f_globals.get("__name__") == explain_calls.__module__:
        frame = frame.f_back
    return str(frame.f_globals.get("__name__", "__main__"))


def _register(function: object, name: object, module: str, changes_size: bool, matrix: MatrixOf | None) -> None:
    if not callable(function):
        raise InputTypeError("function", "a function of an image", quoted(function), "pass one, or name the options")
    name = getattr(function, "__name__", "") if name is None else name
    if not isinstance(name, str) or not re.fullmatch(r"[a-zA-Z_][a-zA-Z0-9_]*", name):
        raise InputValueError("name", "a name such as sepia", quoted(name), "pass name=...")
    switch("changes_size", changes_size)
    if matrix is not None and not callable(matrix):
        raise InputTypeError("matrix", "a function of an image and keywords", quoted(matrix), "pass one or None")
    before = _OPERATIONS.get(name)
    # A module that is loaded anew, or a notebook's cell that runs again, registers its function again.
    again = before is not None and (before.module, _locate(before.function)) == (module, _locate(function))
    if name in BUILT_IN or (before is not None and not again):
        taken = "one of aikit's" if name in BUILT_IN else f"one of {before.module if before else None}"
        raise InputValueError("name", "a name of its own", f"{quoted(name)}, {taken}", "pass another name=...")
    parameters = parameters_of(function, name)
    _OPERATIONS[name] = Operation(name, function, parameters, summary_of(function), changes_size, module, matrix)


def _locate(function: object) -> tuple[object, object]:
    return getattr(function, "__module__", None), getattr(function, "__qualname__", None)


# ---------------------------------------------------------------- in other processes


def modules_of(used: Collection[str]) -> tuple[str, ...]:
    """The modules that another process has to import before it knows these operations.

    Raises:
        InputValueError: one is registered in a script or a notebook, which no other process can import.
    """
    needed: dict[str, None] = {}
    for each in map(get, dict.fromkeys(used)):
        if each.module in ("__main__", "__mp_main__"):
            raise InputValueError(
                each.name,
                "an operation that other processes can import",
                f"one of {each.module}",
                "move it into a module of its own and import that",
            )
        if each.module is not None:
            needed[str(path_of(each.module) or each.module)] = None
    return tuple(needed)


def import_modules(modules: Sequence[str]) -> None:
    """Register the operations of these modules, in a process that may not know them yet."""
    for module in modules:
        try:
            _import(module)
        except Exception as error:
            raise WorkerError(
                module,
                "a module that another process can import",
                f"{type(error).__name__}: {error}",
                "check that it can be imported on its own",
                code="worker_failed",
            ) from error


def _import(module: str) -> None:
    """Import a module by its name, or a file or a package by its path."""
    if not module.endswith(".py") and os.sep not in module:
        import_module(module)
    elif os.path.isdir(module):
        load_package(module)
    else:
        load_file(module)


def _load_operation(module: str | None, name: str) -> Operation:
    import_modules([] if module is None else [module])
    return get(name)
