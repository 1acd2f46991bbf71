"""The registry of operations: what a recipe, the command and a service know of each.

An operation takes an image of any kind and gives one of the same kind. Its parameters are read from its signature, with
their types, units, bounds and defaults, and their descriptions from its docstring. `operation` registers one's own.

Example:
    >>> blur = get("blur")
    >>> [(each.name, each.minimum, each.maximum, each.unit) for each in blur.parameters]
    [('sigma', 0, 1000, 'pixels')]
    >>> blur.schema["required"], blur.changes_size
    (['sigma'], False)
"""

from __future__ import annotations

from .._arguments import Within
from .parameters import Parameter
from .registry import Matrix, Operation, all, get, names, operation  # noqa: A004 - it reads well as operations.all()

__all__ = ["Matrix", "Operation", "Parameter", "Within", "all", "get", "names", "operation"]
