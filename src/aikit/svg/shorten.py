"""Path data and numbers in fewer letters, within a stated error."""

from __future__ import annotations

import math
import re

from .size import NUMBER
from .subpaths import path_commands

__all__ = ["digits_for", "shorten_numbers", "shorten_path"]

_NUMBERS = re.compile(rf"({NUMBER})([a-zA-Z%]*)")


def digits_for(max_error: float) -> int:
    """How many digits behind the point keep a number within an error."""
    return max(0, min(9, math.ceil(-math.log10(2 * max_error))))


def _text(value: float, digits: int) -> str:
    text = f"{value:.{digits}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    text = text.replace("0.", ".", 1) if text.startswith(("0.", "-0.")) else text
    return "0" if text in ("-0", "", "-") else text


def shorten_numbers(text: str, digits: int) -> str:
    """Every number of a list, rounded; units and signs between them stay."""
    return _NUMBERS.sub(lambda match: _text(float(match[1]), digits) + match[2], " ".join(text.split()))


def shorten_path(d: str, digits: int) -> str:
    """A `d` whose points are rounded where they are, so that errors of relative ones do not add up.

    Each command stays what it is, for animations and programs that count them. A path with an error stays as it is.
    """
    commands = list(path_commands(d))
    if "".join(letter for letter, _ in commands).count("M") + "".join(letter for letter, _ in commands).count("m") == 0:
        return d
    words: list[str] = []
    true = written = start = written_start = 0j  # where the pen is, and where what has been written puts it
    last = ""
    for letter, values in commands:
        kind, relative = letter.lower(), letter.islower()
        if kind == "z":
            words.append(letter)
            true, written, last = start, written_start, letter
            continue
        base, shown = (true, written) if relative else (0j, 0j)
        if kind == "a":
            fixed = [_text(values[0], digits), _text(values[1], digits), _text(values[2], max(digits, 2))]
            flags = [str(int(values[3])), str(int(values[4]))]
            end, numbers = _point(values[5], values[6], base, shown, digits)
            numbers = [*fixed, *flags, *numbers]
        elif kind in "hv":
            across = complex(values[0], 0) if kind == "h" else complex(0, values[0])
            end = (
                base + across
                if relative
                else complex(values[0], true.imag)
                if kind == "h"
                else complex(true.real, values[0])
            )
            place = end - shown
            numbers = [_text(place.real if kind == "h" else place.imag, digits)]
        else:
            numbers = []
            for x, y in zip(values[::2], values[1::2], strict=True):
                end, pair = _point(x, y, base, shown, digits)
                numbers += pair
        steps = [float(number) for number in numbers]
        if kind == "h":
            written = complex(shown.real + steps[0], written.imag)
        elif kind == "v":
            written = complex(written.real, shown.imag + steps[0])
        else:
            written = shown + complex(steps[-2], steps[-1])
        true = end
        if kind == "m":
            start, written_start = true, written
        repeated = letter == last and kind != "m"
        words.append(_join(numbers, "" if repeated else letter, words, arc=kind == "a"))
        last = letter
    return "".join(words)


def _point(x: float, y: float, base: complex, shown: complex, digits: int) -> tuple[complex, list[str]]:
    """Where a point is, and its two numbers counted from what has been written."""
    end = base + complex(x, y)
    place = end - shown
    return end, [_text(place.real, digits), _text(place.imag, digits)]


def _join(numbers: list[str], letter: str, before: list[str], *, arc: bool) -> str:
    """Numbers with blanks only where they would run into each other."""
    text = letter
    last = "" if letter else _last_number(before)
    for at, number in enumerate(numbers):
        runs_in = last and not number.startswith("-") and not (number.startswith(".") and "." in last)
        # Some readers do not know that a flag is one digit: it is told from what follows.
        text += (" " if runs_in or (arc and at in (4, 5) and not number.startswith("-")) else "") + number
        last = number
    return text


def _last_number(before: list[str]) -> str:
    found = re.findall(rf"{NUMBER}$", before[-1]) if before else []
    return found[-1] if found else ""
