"""Functions of aikit as one step each of the graph that torch.compile makes of a program.

Its reader of Python stops at what it does not know: modules loaded by name, caches, NumPy. It need not read these
functions, for they run as they are on tensors without values, which is how a backend looks into a step.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import torch

__all__ = ["call_in_graph"]


def call_in_graph(module: str, name: str, *args: Any, **options: Any) -> Any:
    """Call a public function, by names that a graph can hold."""
    function = getattr(import_module(module), name)
    options = {keyword: _fix_size(value) for keyword, value in options.items()}
    return function(*map(_fix_size, args), **options)


def _fix_size(value: Any) -> Any:
    """Compile for the sizes at hand: what is worked out from one, such as weights, is no part of the graph."""
    if not isinstance(value, torch.Tensor) or all(type(side) is int for side in value.shape):
        return value
    return value.reshape([int(side) for side in value.shape])


# Whoever imports this is being compiled already: then imports are done at once.
torch.compiler.allow_in_graph(call_in_graph)  # type: ignore[no-untyped-call]
