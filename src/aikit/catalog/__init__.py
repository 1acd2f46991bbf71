"""A table of pictures that scans, folder runs and the service fill, and that people query in SQL and pandas."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from ..errors import MissingDependencyError
from .duplicates import pick_best
from .hashing import picture_hash
from .near import find_near, group_near
from .rows import Row, ScanReport

if TYPE_CHECKING:
    from . import tables as tables
    from .catalog import Catalog as Catalog, open_catalog as open_catalog

__all__ = [
    "Catalog",
    "Row",
    "ScanReport",
    "find_near",
    "group_near",
    "open_catalog",
    "pick_best",
    "picture_hash",
    "tables",
]

# Those that stand on packages of the extra `catalog`.
_LAZY = {"Catalog": ".catalog", "open_catalog": ".catalog", "tables": ".tables"}


def __getattr__(name: str) -> object:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        module = import_module(_LAZY[name], __name__)
        return module if name == "tables" else getattr(module, name)
    except ModuleNotFoundError as error:
        raise MissingDependencyError(
            f"aikit.catalog.{name}", f"the package {error.name}", "none", f"run: pip install {error.name}"
        ) from error
