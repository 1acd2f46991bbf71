"""Pictures for people: what an image is, a labelled sheet of any images, and how two of them differ."""

from __future__ import annotations

from .comparison import Difference, difference, show_difference
from .description import Alpha, Channel, Description, Memory, describe
from .sheet import show

__all__ = [
    "Alpha",
    "Channel",
    "Description",
    "Difference",
    "Memory",
    "describe",
    "difference",
    "show",
    "show_difference",
]
