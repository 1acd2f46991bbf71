"""Errors as answers: problem+json (RFC 9457) with a stable code, in the words of who sent the request."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any

from ..errors import CODES, AikitError, DeviceError, FileAccessError, MissingDependencyError

__all__ = [
    "MEDIA_TYPE",
    "STATUSES",
    "Problem",
    "passable",
    "problem",
    "problem_of",
    "problem_of_invalid",
    "problem_of_validation",
]

if TYPE_CHECKING:
    from pydantic import ValidationError

_log = logging.getLogger("aikit.serve")

MEDIA_TYPE = "application/problem+json"

# What only a service says, beside the codes of errors.
_TITLES: Mapping[str, str] = {
    **CODES,
    "invalid_type": "A value of the request is of a kind that is not taken.",
    "invalid_value": "A value of the request cannot be used.",
    "no_access": "There is no such picture.",
    "limit_exceeded": "It would cost more than allowed: limit, allowed and found say what.",
    "worker_crashed": "The picture crashed its decoder.",
    "worker_failed": "The picture could not be worked on; try again later.",
    "bad_request": "The request cannot be understood.",
    "bad_signature": "The address was not signed by this service.",
    "not_found": "There is nothing at this address.",
    "method_not_allowed": "This address does not take that method.",
    "length_required": "The length of the body has to be declared.",
    "too_slow": "The body did not come in time.",
    "overloaded": "All places are taken, and so is the queue.",
    "not_ready": "The service is about to begin.",
    "shutting_down": "The service is about to end.",
    "client_gone": "Nobody waits for the answer any more.",
    "internal_error": "Something went wrong here; it was logged.",
}

# Retrying helps with those of 503 alone; a file that takes too long takes as long the next time.
STATUSES: Mapping[str, int] = {
    "no_access": 404,
    "invalid_type": 422,
    "invalid_value": 422,
    "unsupported_format": 415,
    "unsupported_color": 422,
    "corrupt": 422,
    "truncated": 422,
    "unsafe_content": 422,
    "limit_exceeded": 413,
    "timeout": 422,
    "worker_crashed": 422,
    "worker_failed": 503,
    "busy": 503,
    "cancelled": 499,
    "bad_request": 400,
    "bad_signature": 403,
    "not_found": 404,
    "method_not_allowed": 405,
    "length_required": 411,
    "too_slow": 408,
    "overloaded": 503,
    "not_ready": 503,
    "shutting_down": 503,
    "client_gone": 499,
    "internal_error": 500,
}

# Of one request's validation: a million slips say no more than a hundred, and pydantic takes ten seconds to list them.
_MOST_TOLD, _MOST_ERRORS = 100, 1000
# Errors of files, packages and devices of this machine: they are no fault of a request, and name what is no business of it.
_OURS = (FileAccessError, MissingDependencyError, DeviceError)

# What helps, for who cannot set an option of ours.
_REMEDIES: Mapping[str, str] = {
    "limit_exceeded": "send a smaller one",
    "timeout": "send a simpler one",
    "truncated": "send all of it",
    "unsupported_format": "send another format",
    "worker_crashed": "send another one",
}


@dataclass(frozen=True)
class Problem:
    """An answer that says why there is none.

    Attributes:
        code: one stable word, of `errors.CODES` or of the service's own.
        status: of HTTP.
        detail: what was expected and what came, for people.
        fields: what else a program may want to know: `limit`, `allowed`, `found`, `errors`.
        headers: such as Retry-After.
    """

    code: str
    status: int
    detail: str
    fields: Mapping[str, object] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    def to_dict(self, instance: str | None = None) -> dict[str, object]:
        """The members of RFC 9457, and ours.

        Args:
            instance: the request's own name.
        """
        found: dict[str, object] = {
            "type": f"urn:aikit:problem:{self.code}",
            "title": _TITLES[self.code],
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            **self.fields,
        }
        return found if instance is None else {**found, "instance": f"urn:aikit:request:{instance}"}

    def body(self, instance: str | None = None) -> bytes:
        """The same as JSON in UTF-8."""
        return json.dumps(self.to_dict(instance), ensure_ascii=False).encode("utf-8", "backslashreplace")


def problem(code: str, detail: str, *, headers: Mapping[str, str] | None = None, **fields: object) -> Problem:
    """A problem of the service itself."""
    return Problem(code, STATUSES[code], detail, fields, headers or {})


def problem_of(error: Exception) -> Problem:
    """An exception as an answer. What is not the sender's doing is logged, and the answer says nothing of it."""
    if not isinstance(error, AikitError) or isinstance(error, _OURS) or error.code not in STATUSES:
        _log.error("a request failed", exc_info=error)
        return problem("internal_error", "the request could not be answered; try again later")
    detail = f"{error.subject}: expected {error.expected}, got {error.got}"
    remedy = _REMEDIES.get(error.code)
    limits = {name: getattr(error, name) for name in ("limit", "allowed", "found") if hasattr(error, name)}
    headers = {"Retry-After": "1"} if STATUSES[error.code] == 503 else {}
    return Problem(
        error.code, STATUSES[error.code], f"{detail}; {remedy}." if remedy else f"{detail}.", limits, headers
    )


def problem_of_validation(found: Iterable[Mapping[str, Any]]) -> Problem:
    """What pydantic found, in the one form of all problems: each with its place as a JSON Pointer (RFC 6901)."""
    errors = [{"pointer": _pointer(each["loc"]), "detail": str(each["msg"])} for each in islice(found, _MOST_TOLD)]
    first = errors[0] if errors else {"pointer": "", "detail": "it does not fit"}
    return problem("invalid_value", f"{first['pointer']}: {first['detail']}", errors=errors)


def problem_of_invalid(error: ValidationError) -> Problem:
    """The same of a model of pydantic's."""
    if (count := error.error_count()) > _MOST_ERRORS:
        return problem("invalid_value", f"body: expected values that fit, got {count} that do not", errors=[])
    return problem_of_validation(error.errors(include_url=False, include_context=False, include_input=False))


def _pointer(parts: Iterable[object]) -> str:
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)


def passable(error: BaseException) -> Exception:
    """What somebody's code raised, as an exception that a future takes and that ends nothing but its request.

    SystemExit would end the server, and whoever waits for a StopIteration would wait for ever.
    """
    if isinstance(error, Exception) and not isinstance(error, StopIteration):
        return error
    made = RuntimeError(f"{type(error).__name__}, which only its own code can use")
    made.__cause__ = error
    return made
