"""Packages that are loaded when somebody asks for what they do."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from ..errors import MissingDependencyError

__all__ = ["load_package"]


def load_package(package: str, subject: str = "catalog") -> ModuleType:
    """Load a package, or say how to install it.

    Raises:
        MissingDependencyError: it is not installed.
    """
    try:
        return import_module(package)
    except ImportError as error:
        name = package.partition(".")[0]
        raise MissingDependencyError(subject, f"the package {name}", "none", f"run: pip install {name}") from error
