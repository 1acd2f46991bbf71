"""What happens to a batch when some of its pictures fail."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal, TypeAlias, TypeVar

from .._check import one_of
from ..errors import AikitError, DeviceError, InputTypeError, InputValueError
from ..memory.release import forget_locals

__all__ = ["OPTIONS", "Failure", "Failures", "OnError", "check_failures", "collect_failures"]

R = TypeVar("R")

_log = logging.getLogger("aikit")

OnError = Literal["raise", "skip", "zeros"]
Failure: TypeAlias = tuple[int, Exception]

# Options that are looked at only where a picture needs them: these are not the picture's fault.
OPTIONS = ("background", "bgr", "limits", "profile")


class Failures:
    """The pictures of one batch that failed so far, by their places in the list that was given."""

    def __init__(self, subject: str, on_error: OnError) -> None:
        self.subject, self.on_error = subject, on_error
        self._errors: dict[int, AikitError] = {}

    def attempt(self, index: int, work: Callable[[int], R]) -> R | None:
        """Do one picture's work, if all went well with it so far; None where it failed and may."""
        if index in self._errors:
            return None
        try:
            return work(index)
        except AikitError as error:
            if self.on_error == "raise" or not _is_about_a_picture(error):
                raise
            # The frames of a failed decoder hold what it had decoded.
            forget_locals(error)
            self._errors[index] = error
            return None

    def __iter__(self) -> Iterator[Failure]:
        """Go through the failures in the order of the pictures."""
        return iter(sorted(self._errors.items()))

    def find_left(self, count: int) -> list[int]:
        """List those of so many pictures that did not fail."""
        return [index for index in range(count) if index not in self._errors]

    def none_left(self) -> InputValueError:
        """Make the error for a batch of which nothing is left, from the first failure."""
        (index, first), count = next(iter(self)), len(self._errors)
        error = InputValueError(
            self.subject,
            "at least one that can be used",
            f"{count} that failed, [{index}] with: {first}",
            'pass on_error="raise" to see where',
        )
        error.__cause__ = first
        return error


def _is_about_a_picture(error: AikitError) -> bool:
    if isinstance(error, (InputTypeError, InputValueError)):
        return error.subject not in OPTIONS
    return not isinstance(error, DeviceError) and error.code != "cancelled"


def check_failures(on_error: str, told: object, words: tuple[str, ...] = ("raise", "skip", "zeros")) -> None:
    """Refuse what is no word for `on_error` and no list for `failures`."""
    one_of("on_error", on_error, words)
    if told is not None and not isinstance(told, list):
        raise InputTypeError("failures", "a list or None", type(told).__name__, "pass an empty list, which is added to")


@contextmanager
def collect_failures(on_error: OnError, told: list[Failure] | None, subject: str) -> Iterator[Failures]:
    """Collect what fails in a block; afterwards add it to the list that was given, or log it where there is none."""
    check_failures(on_error, told)
    failures = Failures(subject, on_error)
    try:
        yield failures
    finally:
        if told is not None:
            told += failures
        else:
            for index, error in failures:
                _log.warning("%s[%d] failed (on_error=%r): %s", subject, index, on_error, error)
