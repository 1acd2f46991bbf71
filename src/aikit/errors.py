"""The exceptions aikit raises.

AikitError
├── InputTypeError        (TypeError)     the argument is of a kind aikit does not take
├── InputValueError       (ValueError)    the kind is right, the value is not
├── FileFormatError       (ValueError)    the bytes are not a picture aikit can read
├── FileAccessError       (OSError)       the file cannot be opened or written
├── LimitError            (ValueError)    the input would cost more than its `Limits` allow
├── MissingDependencyError (ImportError)  an optional package is not installed
├── DeviceError           (RuntimeError)  the device asked for is not there
└── WorkerError           (RuntimeError)  a child process failed

Each also derives from the builtin a caller would catch anyway. Every message is made of the error's fields and reads
`subject: expected X, got Y; do Z.` Messages may change; `code` does not, and `CODES` has all of them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, Self, TypeVar

__all__ = [
    "CODES",
    "AikitError",
    "AikitWarning",
    "DeviceError",
    "FileAccessError",
    "FileFormatError",
    "InputTypeError",
    "InputValueError",
    "LimitError",
    "MissingDependencyError",
    "WorkerError",
]

# Every code there is, whose it is, and what it says.
CODES: Mapping[str, str] = {
    # InputTypeError, InputValueError
    "invalid_type": "An argument has a type the function does not take.",
    "invalid_value": "An argument has the right type and a value that cannot be used.",
    # FileFormatError
    "unsupported_format": "It is in no format aikit reads, or in none of those allowed.",
    "unsupported_color": "Its colors have no honest form in sRGB, such as those of HDR pictures.",
    "corrupt": "Its parts contradict each other.",
    "truncated": "It ends too early.",
    "unsafe_content": "It is whole and asks for what it must not, such as a file or an entity.",
    # LimitError
    "limit_exceeded": "It would cost more than allowed: `limit`, `allowed` and `found` say what.",
    "timeout": "It took longer than allowed.",
    # FileAccessError
    "no_access": "A file or folder cannot be opened, read or written.",
    "exists": "A file is there already that may not be replaced.",
    # MissingDependencyError, DeviceError
    "missing_dependency": "An optional package, or a library of the system, is not installed.",
    "no_device": "The device asked for does not exist or does not qualify.",
    # WorkerError
    "worker_crashed": "A child process died over the file or item, or answered nonsense.",
    "worker_failed": "A child process could not be started, or not do what it is there for.",
    "busy": "No child process was free within the patience that was set.",
    "cancelled": "The work was cancelled by who had asked for it.",
    # Of files in folders, which are reported and not raised
    "memory": "There was not enough memory for it.",
    "clash": "Another source has the same place for its result.",
    # Of files in folders that did not fail
    "left_out": "It is no picture, or a link to a folder, and was left as it is.",
    "frames_left": "It has more frames or pages than its result.",
}

# What people passed is quoted this far, and what they named is named this far: no name of a file is longer than 255
# bytes (POSIX, NAME_MAX), but a whole picture in base64 may come as one. No field grows beyond the last.
_QUOTED, _NAMED, _TOLD = 80, 255, 500


class AikitError(Exception):
    """The base of every exception that aikit raises on purpose.

    Args:
        subject: the argument, file or item that is to blame.
        expected: what would have been right.
        got: what came instead.
        remedy: what to do, as a command without its full stop.
        code: one of `CODES`; by default that of the class.
        option: the keyword that the remedy names, if it names one.

    Attributes:
        subject, expected, got, remedy: what the message is made of.
        code: one stable word for what went wrong, from `CODES`.
        option: the keyword of aikit that is the way out, or None.

    Example:
        >>> error = InputValueError("quality", "1 to 100", "900", "pass one of these")
        >>> str(error)
        'quality: expected 1 to 100, got 900; pass one of these.'
        >>> str(error.with_subject("--quality"))
        '--quality: expected 1 to 100, got 900; pass one of these.'
    """

    code = "invalid_value"
    _FIELDS: tuple[str, ...] = ("subject", "expected", "got", "remedy", "code", "option")

    def __init__(
        self,
        subject: str,
        expected: str,
        got: str,
        remedy: str,
        *,
        code: str | None = None,
        option: str | None = None,
    ) -> None:
        self.subject = _told(subject, _NAMED)
        self.expected, self.got, self.remedy = (_told(each, _TOLD) for each in (expected, got, remedy))
        if code is not None:
            if str(code) not in CODES:
                raise InputValueError("code", f"one of {', '.join(CODES)}", quoted(code), "pass one of these")
            self.code = code
        self.option = option
        super().__init__(f"{self.subject}: expected {self.expected}, got {self.got}; {self.remedy}.")

    def __str__(self) -> str:
        # Not OSError's, which prints "[Errno 2] None: 'path'" once errno and filename are set.
        return str(self.args[0])

    def to_dict(self) -> dict[str, object]:
        """Its fields and its message as plain data, for JSON.

        Example:
            >>> MissingDependencyError("engine", "the package ray", "none", "run: pip install ray").to_dict()["code"]
            'missing_dependency'
        """
        return {**self._fields(), "message": str(self)}

    def with_subject(self, subject: str, remedy: str | None = None) -> Self:
        """The same error in the words of another surface: a command, a service, a function that calls this one.

        Args:
            subject: what that surface calls what is to blame.
            remedy: what to do there; None keeps what is said.

        Returns:
            Another error of the same class, code and notes. Raise it `from` the one it was made of.
        """
        fields = self._fields() | {"subject": subject} | ({} if remedy is None else {"remedy": remedy})
        other = from_fields(type(self), fields)
        # Notes, and what callers have added.
        other.__dict__.update({name: value for name, value in self.__dict__.items() if name not in fields})
        return other

    @classmethod
    def _of_ours(cls) -> type[AikitError]:
        """The class of this module that it is, for users may derive their own, which take other arguments."""
        return next(each for each in cls.__mro__ if each.__module__ == __name__)

    def _fields(self) -> dict[str, object]:
        return {name: getattr(self, name) for name in self._FIELDS}

    def __reduce__(self) -> tuple[object, ...]:
        return from_fields, (type(self), self._fields()), self.__dict__ or None


_Error = TypeVar("_Error", bound=AikitError)


def from_fields(kind: type[_Error], fields: Mapping[str, Any]) -> _Error:  # Any, for each class has its own fields
    error = kind.__new__(kind)
    kind._of_ours().__init__(error, **fields)
    return error


class InputTypeError(AikitError, TypeError):
    """An argument has a type the function does not take. Code: "invalid_type"."""

    code = "invalid_type"


class InputValueError(AikitError, ValueError):
    """An argument has the right type and a value that cannot be used. Code: "invalid_value"."""

    code = "invalid_value"


class FileFormatError(AikitError, ValueError):
    """The bytes are not a picture aikit can read, or not a whole one.

    Codes: "corrupt" by default, "truncated", "unsupported_format", "unsupported_color" or "unsafe_content".
    """

    code = "corrupt"


class LimitError(AikitError, ValueError):
    """The input would cost more memory, time or pixels than `Limits` allow.

    Codes: "limit_exceeded" by default, or "timeout".

    Attributes:
        limit: the field of `Limits` it went over, or a word for a ceiling that is built in.
        allowed: how much that is.
        found: how much it would be; None where it was stopped before anybody knew.
    """

    code = "limit_exceeded"
    _FIELDS = (*AikitError._FIELDS, "limit", "allowed", "found")

    def __init__(
        self,
        subject: str,
        expected: str,
        got: str,
        remedy: str,
        *,
        code: str | None = None,
        option: str | None = None,
        limit: str,
        allowed: float | None = None,
        found: float | None = None,
    ) -> None:
        self.limit, self.allowed, self.found = limit, _plain(allowed), _plain(found)
        super().__init__(subject, expected, got, remedy, code=code, option=option)


class FileAccessError(AikitError, OSError):
    """A file cannot be opened, read or written. Codes: "no_access" by default, or "exists".

    Attributes:
        errno: the system's error number, or None.
        filename: the whole path, or None.
    """

    code = "no_access"
    _FIELDS = (*AikitError._FIELDS, "errno", "filename")

    def __init__(
        self,
        subject: str,
        expected: str,
        got: str,
        remedy: str,
        *,
        code: str | None = None,
        option: str | None = None,
        errno: int | None = None,
        filename: str | None = None,
    ) -> None:
        super().__init__(subject, expected, got, remedy, code=code, option=option)
        self.errno = errno
        self.filename = filename


class MissingDependencyError(AikitError, ImportError):
    """An optional package is needed and not installed. Code: "missing_dependency"."""

    code = "missing_dependency"


class DeviceError(AikitError, RuntimeError):
    """The device asked for does not exist or does not qualify. Code: "no_device"."""

    code = "no_device"


class WorkerError(AikitError, RuntimeError):
    """A supervised child process crashed, or could not do what it is there for.

    Codes: "worker_crashed" by default, where the process died or answered nonsense: the file or item is to blame;
    "worker_failed" where it could not be started, a function not be imported there, or a result not be sent back;
    "busy" where none was free within the patience of `isolation.configure`; "cancelled" by `isolation.cancellable`.
    """

    code = "worker_crashed"


class AikitWarning(UserWarning):
    """What is done all the same, and may not be what was meant. Reads as messages of errors do.

    `warnings.filterwarnings("error", category=aikit.AikitWarning)` makes errors of it.
    """


def _plain(amount: float | None) -> float | None:
    """A number of any kind as one that JSON has; None where it is infinite or none."""
    if amount is None or isinstance(amount, int):
        return amount
    number = float(amount)
    return None if not math.isfinite(number) else int(number) if number.is_integer() else number


# ---------------------------------------------------------------- words for messages


_HIDDEN = "**********"


def _told(field: object, most: int) -> str:
    """A field of a message: printable, and no longer than that."""
    # Short before it is escaped too: a picture that came as a name is not gone through letter by letter.
    return shortened(printable(shortened(str(field), most)), most)


def quoted(value: object) -> str:
    """What somebody passed, as Python would write it, on one line and no longer than 80 characters."""
    # Not the whole of a picture that came as text: its repr alone would take as much memory again.
    if isinstance(value, str) and len(value) > 2 * _QUOTED:  # noqa: SIM114 - the next one is of another type
        value = value[:_QUOTED] + value[-_QUOTED:]
    elif isinstance(value, (bytes, bytearray)) and len(value) > 2 * _QUOTED:
        value = value[:_QUOTED] + value[-_QUOTED:]
    elif type(value) is list and len(value) > 2 * _QUOTED:
        value = [*value[:_QUOTED], *value[-_QUOTED:]]
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001 - whatever a foreign __repr__ does, and Python to integers of 4300 digits
        text = object.__repr__(value)
    return shortened(" ".join(text.split()) if "\n" in text else text, _QUOTED)


def shortened(text: str, most: int) -> str:
    """A text of at most so many characters: its beginning and its end, where names of files differ."""
    if len(text) <= most:
        return text
    end = most // 3
    return f"{text[: most - end - 1]}…{text[len(text) - end :]}"


def without_password(url: str) -> str:
    """An address as it may be shown: what may be a password in it is not, before its host or behind its question mark."""
    front, at, rest = url.rpartition("@")
    if at:
        scheme, slashes, user = front.partition("://")
        url = f"{scheme}{slashes}{user.partition(':')[0]}:{_HIDDEN}@{rest}"
    return re.sub(r"([?&]password=)[^&]*", rf"\1{_HIDDEN}", url, flags=re.IGNORECASE)


def printable(text: str) -> str:
    """A text without what steers a terminal or breaks a line of a log: such characters are escaped."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode("ascii") for each in text)
