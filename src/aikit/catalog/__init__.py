"""What pictures there are, and which of them are the same."""

from __future__ import annotations

from .picture_hash import picture_hash

__all__ = ["picture_hash"]
