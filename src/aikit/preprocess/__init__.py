"""A model's own preprocessing as a value, read from the config file that came with its weights."""

from __future__ import annotations

from .value import Preprocess

__all__ = ["Preprocess"]
