"""aikit: the one import for image data in AI code.

Every name is loaded when it is first used; `__init__.pyi` is the one list of them.
"""

import logging
from importlib import import_module

import lazy_loader

from ._deprecated import MOVED, REMOVE, SINCE, _deprecated, where_now

__version__ = "0.1.0"

# Without a handler Python would print our warnings on the error stream.
logging.getLogger("aikit").addHandler(logging.NullHandler())

_load, _, _names = lazy_loader.attach_stub(__name__, __file__)
__all__ = [name for name in _names if name not in MOVED]


def __dir__() -> list[str]:
    return [*__all__]


def __getattr__(name: str) -> object:
    if name in MOVED:
        _deprecated(f"aikit.{name}", SINCE, REMOVE, where_now(name))
        module, _, new = MOVED[name].partition(".")
        return getattr(import_module(f"aikit.{module}"), new)
    if name in _names:
        return _load(name)
    if name.startswith("_"):  # Python asks for such before it imports a module of ours
        raise AttributeError(f"module 'aikit' has no attribute {name!r}")
    from ._foreign_names import unknown_name

    raise AttributeError(unknown_name(name, __all__))
