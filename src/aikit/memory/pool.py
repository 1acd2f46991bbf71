"""Models that share a budget of memory: loaded when asked for, dropped when others need the memory."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from .._check import function
from ..device.sizes import format_size, parse_size
from ..errors import DeviceError, InputTypeError, InputValueError, quoted
from .chunks import OUT_OF_MEMORY, attempt
from .release import count_held_bytes, free_memory

__all__ = ["ModelPool"]

_log = logging.getLogger("aikit")


@dataclass(eq=False)
class _Loaded:
    """A model, its bytes, and the threads that use it now: one entry for each time it was asked for."""

    name: str
    model: object
    size: int
    users: list[int] = field(default_factory=list)


class ModelPool:
    """Keeps models loaded as long as a budget of memory allows, and drops those unused for longest.

    A model is loaded when it is first asked for, and by one thread only: others that ask meanwhile wait for it. A
    model in use is never dropped. A dropped model is emptied with `free_memory`: whoever kept it past its `with` block
    finds it without weights. Models count with the bytes of their tensors, on whatever device.

    Args:
        budget: bytes, or a str such as "20GiB", that all loaded models may hold together. A model is measured once it
            is loaded, so the first load of one may pass the budget until others are dropped. None: models are
            dropped only when memory runs out.

    Raises:
        InputTypeError, InputValueError: not a size above 0.

    Example:
        >>> import torch
        >>> pool = ModelPool(budget="1GiB")
        >>> pool.add("head", lambda: torch.nn.Linear(512, 10))
        >>> with pool.use("head") as head:
        ...     scores = head(torch.zeros(512))
        >>> pool.loaded
        ('head',)
    """

    def __init__(self, *, budget: float | str | None = None) -> None:
        self._budget = None if budget is None else parse_size(budget, subject="budget")
        if self._budget == 0:
            raise InputValueError("budget", "more than 0 bytes", quoted(budget), 'pass a size such as "20GiB"')
        self._loaders: dict[str, Callable[[], object]] = {}
        self._sizes: dict[str, int] = {}  # of every model that was ever loaded
        self._loaded: dict[str, _Loaded] = {}  # the one unused for longest first
        self._loader_thread: int | None = None  # one load at a time
        self._changed = threading.Condition()

    def add(self, name: str, loader: Callable[[], object]) -> None:
        """Make a model known by a name; nothing is loaded yet.

        Args:
            name: what `use` is called with.
            loader: gives the model, on its device and ready for use: a module, a container of modules or tensors, or
                an object such as a pipeline with modules among its attributes. Called again after the model was
                dropped. It must not use the pool.

        Raises:
            InputTypeError: the loader cannot be called, or the name is no str.
            InputValueError: the name is taken.
        """
        function("loader", loader)
        if not isinstance(name, str):
            raise InputTypeError("name", "a str", quoted(name), "pass one")
        with self._changed:
            if name in self._loaders:
                raise InputValueError("name", "a new name", f"{quoted(name)}, which is taken", "pass another")
            self._loaders[name] = loader

    @contextlib.contextmanager
    def use(self, name: str) -> Iterator[Any]:  # whatever the loader gives: nobody could use an object
        """Have a model for a block of code, loaded if it is not; until the block ends it is not dropped.

        Where all memory is taken by models that other threads use, this waits for one of them, unless the calling thread
        uses a model itself: two threads that wait for each other's would wait for ever.

        Args:
            name: as given to `add`.

        Returns:
            A context manager that gives the model.

        Raises:
            InputValueError: an unknown name.
            InputTypeError: the loader gave something that holds no tensors.
            DeviceError: the model alone is larger than the budget, or there is too little beside the models that this
                thread uses, or a loader asked the pool for a model.
            Exception: whatever the loader raises, unchanged; an out-of-memory error once nothing is left to drop.
                The pool is then as it was, but for what was dropped to make space.
        """
        user = threading.get_ident()
        entry = self._lease(name, user)
        try:
            yield entry.model
        finally:
            with self._changed:
                entry.users.remove(user)
                self._changed.notify_all()

    @property
    def loaded(self) -> tuple[str, ...]:
        """The names of the models that are loaded now, the one unused for longest first."""
        with self._changed:
            return tuple(self._loaded)

    def clear(self) -> int:
        """Drop every model that is not in use.

        Returns:
            Bytes that went back to the driver or the system.
        """
        with self._changed:
            victims = [self._loaded.pop(entry.name) for entry in self._idle()]
            self._changed.notify_all()
        return _drop(victims)

    # ------------------------------------------------------------ leases

    def _lease(self, name: object, user: int) -> _Loaded:
        while True:
            with self._changed:
                if not isinstance(name, str) or name not in self._loaders:
                    raise InputValueError("name", f"one of {sorted(self._loaders)}", quoted(name), "add it first")
                victims = self._wait(name, user)
                if victims is None:
                    entry = self._loaded[name] = self._loaded.pop(name)  # now the one used last
                    entry.users.append(user)
                    return entry
                self._loader_thread = user
            try:
                loaded = self._load(name, victims, user)
            finally:
                with self._changed:
                    self._loader_thread = None
                    self._changed.notify_all()
            if loaded is not None:
                return loaded

    def _wait(self, name: str, user: int) -> list[_Loaded] | None:
        """Wait until the model is loaded (None), or may be loaded: then the models to drop first, which are out."""
        while name not in self._loaded:
            if self._loader_thread == user:
                raise DeviceError(
                    "loader",
                    "one that does not use the pool",
                    f"a request for {quoted(name)} from it",
                    "load outside of it",
                )
            if self._loader_thread is None:
                victims = self._victims(name, self._sizes.get(name, 0))
                if victims is not None:
                    return victims
                if any(user in entry.users for entry in self._loaded.values()):
                    raise DeviceError(
                        "budget",
                        f"room for {quoted(name)}, {format_size(self._sizes[name])}",
                        f"{format_size(self._budget)} with {self._in_use()} in use",
                        "leave a model before asking for the next",
                    )
            self._changed.wait()
        return None

    def _in_use(self) -> str:
        return ", ".join(repr(entry.name) for entry in self._loaded.values() if entry.users)

    # ------------------------------------------------------------ space

    def _idle(self) -> list[_Loaded]:
        return [entry for entry in self._loaded.values() if not entry.users]

    def _victims(self, name: str, size: int) -> list[_Loaded] | None:
        """Take out the idle models that have to go for `size` bytes more; None, and nothing out, where that is too few.

        Raises:
            DeviceError: it would be too much for an empty pool.
        """
        if self._budget is None:
            return []
        if size > self._budget:
            raise DeviceError(
                "budget",
                f"room for {quoted(name)}, {format_size(size)}",
                format_size(self._budget),
                "raise the budget or load a smaller model",
            )
        excess = sum(entry.size for entry in self._loaded.values()) + size - self._budget
        victims = []
        for entry in self._idle():
            if excess <= 0:
                break
            victims.append(entry)
            excess -= entry.size
        return None if excess > 0 else [self._loaded.pop(entry.name) for entry in victims]

    # ------------------------------------------------------------ loading

    def _load(self, name: str, victims: list[_Loaded], user: int) -> _Loaded | None:
        """Load a model and lease it, without the lock: models that are loaded can be used meanwhile.

        None where the model turned out to need memory that only models in use could make: it is dropped again, and has
        to be waited for now that its size is known.
        """
        _drop(victims)
        entry = _Loaded(name, self._call_loader(name), 0, [user])
        entry.size = count_held_bytes(entry.model, subject="loader")
        try:
            with self._changed:
                self._sizes[name] = entry.size
                more = self._victims(name, entry.size)
                if more is not None:
                    self._loaded[name] = entry
        except DeviceError:
            _drop([entry])
            raise
        if more is None:
            _drop([entry])
            return None
        _drop(more)
        return entry

    def _call_loader(self, name: str) -> object:
        """Call the loader; when memory runs out drop the model unused for longest and call it again."""
        while True:
            with self._changed:
                nothing_left = not self._idle()
            model = attempt(self._loaders[name], last=nothing_left)
            if model is not OUT_OF_MEMORY:
                return model
            with self._changed:
                victims = [self._loaded.pop(entry.name) for entry in self._idle()[:1]]
            _log.warning("out of memory while %r was loaded; dropping %s", name, [entry.name for entry in victims])
            _drop(victims)


def _drop(entries: list[_Loaded]) -> int:
    return free_memory(*(entry.model for entry in entries)) if entries else 0
