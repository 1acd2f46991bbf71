"""Pictures and models as a service: the same recipes behind a URL."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from ..errors import MissingDependencyError
from .caches import Cache, open_cache
from .signing import sign_url

if TYPE_CHECKING:
    from .app import create_app as create_app
    from .batcher import Batcher as Batcher
    from .models import Model as Model, model as model

__all__ = ["Batcher", "Cache", "Model", "create_app", "model", "open_cache", "sign_url"]

# Those that stand on packages of the extra `serve`.
_LAZY = {"Batcher": ".batcher", "Model": ".models", "create_app": ".app", "model": ".models"}


def __getattr__(name: str) -> object:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return getattr(import_module(_LAZY[name], __name__), name)
    except ModuleNotFoundError as error:
        raise MissingDependencyError(
            f"aikit.serve.{name}", f"the package {error.name}", "none", 'run: pip install ".[serve]" in the checkout'
        ) from error
