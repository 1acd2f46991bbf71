"""Which format an answer has: what the client takes, in its order, and what holds the picture."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["formats_for", "is_among"]

# The smallest first. What is offered without being asked for is what every client shows.
_OFFERED = ("avif", "webp")
_PLAIN = ("jpeg", "png")


def formats_for(accept: str) -> tuple[str, ...]:
    """The formats an answer may have, the best first; the first that holds the picture is taken.

    There is always one: a client that names nothing we write gets what every client shows, rather than a 406.

    Args:
        accept: the header, or "".

    Returns:
        Names of formats. "png" is among them, for it holds every picture.

    Example:
        >>> formats_for("image/avif,image/webp,*/*;q=0.8"), formats_for("image/webp;q=0, */*"), formats_for("")
        (('avif', 'webp', 'jpeg', 'png'), ('jpeg', 'png'), ('jpeg', 'png'))

    Source: RFC 9110, section 12.5.1.
    """
    weights = _weights(accept)
    named = {each: weights[f"image/{each}"] for each in (*_OFFERED, *_PLAIN) if f"image/{each}" in weights}
    # What is not named weighs what a wildcard says, which asks for nothing in particular: only plain formats follow from it.
    others = weights.get("image/*", weights.get("*/*", 0.0))
    known = {**dict.fromkeys(_PLAIN, others), **named}
    # By weight; where that is equal what was named, and of that the smaller format.
    order = [each for each in (*_OFFERED, *_PLAIN) if each in known and (known[each] > 0 or each not in named)]
    formats = tuple(sorted(order, key=lambda each: (-known[each], each not in named)))
    return formats if "png" in formats else (*formats, "png")


def _weights(accept: str) -> dict[str, float]:
    weights: dict[str, float] = {}
    for part in accept.split(","):
        kind, *parameters = (each.strip().lower() for each in part.split(";"))
        weight = 1.0
        for each in parameters:
            if each.startswith("q="):
                try:
                    weight = float(each[2:])
                except ValueError:
                    weight = 0.0
        if kind:
            weights[kind] = weight if 0 <= weight <= 1 else 0.0
    return weights


def is_among(etag: str, header: str) -> bool:
    """Whether If-None-Match names an entity tag, by `*` all; weak ones count (RFC 9110, section 13.1.2)."""
    tags: Sequence[str] = [each.strip().removeprefix("W/") for each in header.split(",")]
    return etag in tags or tags == ["*"]
