"""Addresses of pictures that only who holds a key can make: HMAC-SHA256 over the recipe and the name."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence
from urllib.parse import quote

from ..errors import InputTypeError, InputValueError, quoted
from ..recipe import Recipe

__all__ = ["sign_url", "verify"]

_BYTES = 24  # 192 bits, 32 letters


def sign_url(name: str, recipe: Recipe | str, *, keys: Sequence[str]) -> str:
    """The address, below the service's own, of a picture in `base` after a recipe.

    Args:
        name: the picture's name in `base`, with `/` between folders.
        recipe: what is done with it, at least one step or option, or the name of one of the service's presets.
        keys: the service's keys; the first one signs.

    Returns:
        "/v1/i/{signature}/{recipe}/{name}".

    Raises:
        InputTypeError, InputValueError: no name, no recipe, no key.

    Example:
        >>> sign_url("2026/cat.png", Recipe.parse("resize width=200; to=webp"), keys=["secret"])
        '/v1/i/l4eLI7XzXJ6FJ5oYaDZ4JGwgFjB0M_dn/resize%20width%3D200%3B%20to%3Dwebp/2026/cat.png'

    Source: RFC 2104 (HMAC), FIPS 180-4 (SHA-256), RFC 4648 section 5 (base64url).
    """
    if not name:
        raise InputValueError("name", "the name of a picture", quoted(name), "pass one")
    line = str(recipe)
    if not line:
        raise InputValueError("recipe", "a step or an option", "none", "name at least the format, such as to=webp")
    return f"/v1/i/{_signature(line, name, _check_keys(keys)[0])}/{quote(line, safe='')}/{quote(name)}"


def verify(signature: str, recipe: str, name: str, *, keys: Sequence[str]) -> bool:
    """Whether one of the keys has signed this recipe and this name, in a time that says nothing of the keys."""
    given = signature.encode("utf-8", "replace")
    return any(hmac.compare_digest(given, _signature(recipe, name, key).encode()) for key in keys)


def _signature(recipe: str, name: str, key: str) -> str:
    # Lengths before both: no blank can be moved from one to the other.
    parts = [part.encode("utf-8", "surrogatepass") for part in (recipe, name)]
    message = b"aikit/1" + b"".join(len(part).to_bytes(8, "big") + part for part in parts)
    digest = hmac.digest(key.encode(), message, hashlib.sha256)[:_BYTES]
    return base64.urlsafe_b64encode(digest).decode("ascii")


def _check_keys(keys: object) -> Sequence[str]:
    if isinstance(keys, (str, bytes)) or not isinstance(keys, Sequence):
        raise InputTypeError("keys", "a list of texts", type(keys).__name__, "pass [key]")
    if not keys or not all(isinstance(each, str) and each for each in keys):
        raise InputValueError("keys", "one key or more", "none", "set AIKIT_SIGNING_KEYS")
    return keys
