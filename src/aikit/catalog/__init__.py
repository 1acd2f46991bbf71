"""What pictures there are, and which of them are the same."""

from __future__ import annotations

from .near import find_near, group_near
from .picture_hash import picture_hash

__all__ = ["find_near", "group_near", "picture_hash"]
