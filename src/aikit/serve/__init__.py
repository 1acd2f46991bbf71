"""Pictures and models as a service: the same recipes behind a URL."""

from __future__ import annotations

from .caches import Cache, open_cache
from .signing import sign_url

__all__ = ["Cache", "open_cache", "sign_url"]
