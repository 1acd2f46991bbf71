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

Each also derives from the builtin a caller would catch anyway. Every message reads
`subject: expected X, got Y; do Z.` Messages may change; `code` does not, where there is one:

FileFormatError       unsupported_format, corrupt, truncated, unsafe_content
LimitError            limit_exceeded, timeout
WorkerError           worker_crashed, worker_failed
"""

from __future__ import annotations

from typing import Any

__all__ = [
    "AikitError",
    "DeviceError",
    "FileAccessError",
    "FileFormatError",
    "InputTypeError",
    "InputValueError",
    "LimitError",
    "MissingDependencyError",
    "WorkerError",
]


class AikitError(Exception):
    """The base of every exception that aikit raises on purpose."""


class InputTypeError(AikitError, TypeError):
    """An argument has a type the function does not take."""


class InputValueError(AikitError, ValueError):
    """An argument has the right type and a value that cannot be used."""


class _CodedError(AikitError):
    """An error that also says in one stable word, `code`, what went wrong."""

    def __init__(self, message: str, *, code: str) -> None:
        super().__init__(message)
        self.code = code

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), str(self), self.code), self.__dict__


def _rebuild(kind: type[_CodedError], message: str, code: str) -> _CodedError:
    return kind(message, code=code)


class FileFormatError(_CodedError, ValueError):
    """The bytes are not a picture aikit can read, or not a whole one.

    Attributes:
        code: "unsupported_format", no format aikit reads, or none of those allowed; "corrupt", its parts contradict
            each other; "truncated", it ends too early; "unsafe_content", it is whole and asks for what it must not,
            such as a file or an entity.
    """

    def __init__(self, message: str, *, code: str = "corrupt") -> None:
        super().__init__(message, code=code)


class LimitError(_CodedError, ValueError):
    """The input would cost more memory, time or pixels than `Limits` allow.

    Attributes:
        code: "limit_exceeded", the message names the limit and the figure found; "timeout", `max_seconds` are over.
    """

    def __init__(self, message: str, *, code: str = "limit_exceeded") -> None:
        super().__init__(message, code=code)


class FileAccessError(AikitError, OSError):
    """A file cannot be opened, read or written.

    Attributes:
        errno: the system's error number, or None.
        filename: the path, or None.
    """

    def __init__(self, message: str, *, errno: int | None = None, filename: str | None = None) -> None:
        super().__init__(message)
        self.errno = errno
        self.filename = filename

    def __str__(self) -> str:
        # OSError would print "[Errno 2] None: 'path'" once errno and filename are set.
        return str(self.args[0])

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild_access, (str(self), self.errno, self.filename), self.__dict__ or None


def _rebuild_access(message: str, errno: int | None, filename: str | None) -> FileAccessError:
    return FileAccessError(message, errno=errno, filename=filename)


class MissingDependencyError(AikitError, ImportError):
    """An optional package is needed and not installed."""


class DeviceError(AikitError, RuntimeError):
    """The device asked for does not exist or does not qualify."""


class WorkerError(_CodedError, RuntimeError):
    """A supervised child process crashed, or could not do what it is there for.

    Attributes:
        code: "worker_crashed" where the process died or answered nonsense: the file or item is to blame. "worker_failed"
            where it could not be started, a function not be imported there, or a result not be sent back.
    """

    def __init__(self, message: str, *, code: str = "worker_crashed") -> None:
        super().__init__(message, code=code)
