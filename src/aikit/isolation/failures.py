"""What went wrong in a child: errors there and back as their fields, and those that its supervisor makes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from .. import errors
from ..errors import CODES, AikitError, LimitError, WorkerError, from_fields
from .results import matches
from .wire_format import NonsenseError

__all__ = ["fields_of", "problem_of", "rebuild", "too_late", "too_much"]

_OF_TEXT = ("subject", "expected", "got", "remedy", "code")
_MAYBE: Mapping[str, object] = {"option": str | None, "filename": str | None, "limit": str, "errno": int | None}
_NUMBERS = float | None
_MOST_NOTES = 32

# The class of an error, its fields, its notes.
Description = tuple[str, dict[str, object], list[str]]


def fields_of(error: AikitError) -> Description:
    """An error as plain values: its class, its fields, its notes."""
    return error._of_ours().__name__, error._fields(), list(getattr(error, "__notes__", ()))


def rebuild(description: object) -> AikitError:
    """Rebuild the error that `fields_of` described; only one of aikit's, whatever a child says.

    Raises:
        NonsenseError: it describes none.
    """
    if not matches(description, Description):
        raise NonsenseError("an error without fields")
    name, fields, notes = cast(Description, description)
    known = {each: getattr(errors, each) for each in errors.__all__ if each.endswith("Error")}
    kind: type[AikitError] | None = known.get(name)
    if kind is None or set(fields) != set(kind._FIELDS) or fields["code"] not in CODES or len(notes) > _MOST_NOTES:
        raise NonsenseError(f"an error {name[:40]!r} that is none")
    if not all(matches(fields[each], str if each in _OF_TEXT else _MAYBE.get(each, _NUMBERS)) for each in fields):
        raise NonsenseError(f"fields that are none of {name}")
    error = from_fields(kind, fields)
    for note in notes:
        error.add_note(note)
    return error


def problem_of(kind: str, value: object, subject: str, memory: int | None) -> BaseException:
    """The exception that an answer describes; aikit's own, whatever the child says.

    Raises:
        NonsenseError: it describes none.
    """
    if kind == "error":
        return rebuild(value)
    if kind == "memory":
        if memory is not None:
            return too_much(subject, memory, "more")
        return MemoryError(f"{subject}: the child process could not get the memory it asked for")
    if kind != "failure" or not matches(value, tuple[str, str]):
        raise NonsenseError(f"an answer of kind {kind[:20]!r}")
    brief, trace = cast(tuple[str, str], value)
    failure = WorkerError(
        subject, "a result", f"{brief} in the child process", "report it as a fault of aikit", code="worker_failed"
    )
    failure.add_note(trace)
    return failure


def too_late(subject: str, seconds: float | None, option: str | None) -> LimitError:
    """The error for a task that was ended for its time, which the caller gave by this keyword."""
    return LimitError(
        subject,
        f"a result within {seconds} seconds",
        "none",
        "allow more time or leave it out",
        code="timeout",
        limit="max_seconds" if option == "limits" else option or "time",
        allowed=seconds,
        option=option,
    )


def too_much(subject: str, memory: int, got: str, found: int | None = None) -> LimitError:
    """The error for a task that was ended for its memory."""
    return LimitError(
        subject,
        f"at most {memory} bytes of memory",
        got,
        "raise Limits(max_memory=...) to allow it",
        limit="max_memory",
        allowed=memory,
        found=found,
        option="limits",
    )
