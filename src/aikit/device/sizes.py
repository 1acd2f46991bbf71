"""Amounts of memory: what people write, and what they read."""

from __future__ import annotations

import math
import re
from numbers import Real

from ..errors import InputTypeError, InputValueError, quoted

__all__ = ["format_size", "parse_size"]

# Units of IEC 80000-13 (KiB = 1024) and of the SI (KB = 1000).
_UNITS = {"": 1} | {f"{letter}{i}": (1024 if i else 1000) ** n for n, letter in enumerate("KMGT", 1) for i in ("I", "")}
_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?I?)B\s*", re.IGNORECASE | re.ASCII)


def parse_size(value: object, *, subject: str) -> int:
    """Give the bytes that a number or a text such as "8GiB" stands for.

    Args:
        value: bytes as a whole number, or digits and a unit: B, KB, MB, GB, TB (powers of 1000) or KiB, MiB, GiB, TiB
            (powers of 1024), in either case.
        subject: the parameter, as the message should name it.

    Raises:
        InputTypeError: neither a number nor a str.
        InputValueError: negative, not whole, not finite, or without a unit ("8G" is read both ways by different tools).

    Example:
        >>> parse_size("1.5 KiB", subject="budget")
        1536
    """
    if isinstance(value, str):
        match = _SIZE.fullmatch(value)
        if match and match[2].upper() in _UNITS:
            return int(float(match[1]) * _UNITS[match[2].upper()])
        raise InputValueError(subject, 'a size such as "8GiB" or "500MB"', quoted(value), "add the unit")
    if isinstance(value, bool) or not isinstance(value, Real):
        raise InputTypeError(subject, 'bytes or a str such as "8GiB"', quoted(value), "pass one of these")
    try:
        size = float(value)
    except OverflowError:  # of an int
        size = math.inf
    if not math.isfinite(size) or size < 0 or not size.is_integer():
        raise InputValueError(subject, "a whole number of bytes", quoted(value), 'pass one or "8GiB"')
    return int(size)


def format_size(size: int | None) -> str:
    """Give bytes in the largest binary unit that leaves a digit before the point; "?" where unknown.

    Example:
        >>> format_size(1536)
        '1.5 KiB'
    """
    if size is None:
        return "?"
    amount = float(size)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(amount) < 1024:
            return f"{amount:.0f} B" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1024
    return f"{amount:.1f} TiB"
