"""The configuration of a service or program: one order of sources, each value with where it came from.

An argument wins over `AIKIT_*` in the environment, over a named .env file, over a named TOML or YAML file, over the default.
Nothing is read that was not named, and nothing that was named may be missing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from ..errors import MissingDependencyError

if TYPE_CHECKING:
    from .model import Folder as Folder, Settings as Settings, SettingsFile as SettingsFile

__all__ = ["Folder", "Settings", "SettingsFile"]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return getattr(import_module(".model", __name__), name)
    except ModuleNotFoundError as error:
        raise MissingDependencyError(
            f"aikit.settings.{name}", f"the package {error.name}", "none", "run: pip install pydantic-settings"
        ) from error
