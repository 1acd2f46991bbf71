"""A recipe: work on pictures as a value, that can be stored, sent, compared and run anywhere."""

from __future__ import annotations

from .value import Recipe

__all__ = ["Recipe"]
