"""Logging for programs: text or JSON lines, fields, request ids that follow threads and tasks.

The library itself only writes to `logging.getLogger("aikit")` and its children. A program that wants to see that, and
its own records beside it, calls `configure` once.
"""

from __future__ import annotations

import contextlib
import contextvars
import functools
import inspect
import json
import logging
import os
import sys
import time
from collections.abc import Callable, Iterator
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import IO, ParamSpec, TypeVar, cast, overload

from ._check import integer, one_of
from ._io import make_folder
from .errors import AikitError, FileAccessError, InputTypeError, InputValueError, printable, quoted

__all__ = ["carry", "catch", "configure", "context"]

P = ParamSpec("P")
R = TypeVar("R")

_LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40, "critical": 50}
_COLORS = {"DEBUG": "2", "INFO": "32", "WARNING": "33", "ERROR": "31", "CRITICAL": "1;31"}
# What a record has by itself; anything else came as `extra=`.
_OWN = frozenset({*logging.makeLogRecord({}).__dict__, "message", "asctime", "color_message"})
# Servers that put handlers of their own on these, and would write each line twice or in another form.
_SERVERS = ("uvicorn", "uvicorn.error", "uvicorn.access", "gunicorn.error", "gunicorn.access")

_fields: contextvars.ContextVar[dict[str, object]] = contextvars.ContextVar("aikit_log_fields")
_ours: list[logging.Handler] = []


def configure(
    *,
    format: str = "text",
    level: str | int = "info",
    file: str | os.PathLike[str] | None = None,
    rotate: int | None = None,
    keep: int = 5,
    stream: IO[str] | None = None,
) -> None:
    """Write the records of a program, its libraries and its server in one form. For programs, not for libraries.

    Calling it again replaces what it set. Records of uvicorn and gunicorn join in; start uvicorn with `log_config=None`,
    or it sets its own again.

    Args:
        format: "text", with colors on a terminal, or "json", one object a line (time in UTC as RFC 3339, level, logger,
            message, the fields of the record and of its `context`, and `error` with the fields of aikit's errors).
            Names and messages are escaped either way: no record can look like two.
        level: "debug", "info", "warning", "error" or "critical", or a number of `logging`: what is below is left out.
        file: a file to append to; None writes to `stream`.
        rotate: bytes after which the file is put aside as file.1, file.2 and so on; None lets it grow. For a file that
            one process writes: where several write, let the platform collect the error stream.
        keep: how many of those are kept.
        stream: where to without a file; None means the error stream.

    Raises:
        InputTypeError, InputValueError: an unknown format or level, or rotation without a file.
        FileAccessError: the file cannot be written.

    Example:
        >>> configure(format="json", level="info")  # doctest: +SKIP
    """
    one_of("format", format, ("text", "json"))
    number = _level(level)
    if rotate is not None and file is None:
        raise InputValueError("rotate", "a file to rotate", "file=None", "pass file=...", option="file")
    handler = logging.StreamHandler(stream) if file is None else _file_handler(file, rotate, keep)
    colored = format == "text" and file is None and _is_terminal(handler)
    handler.setFormatter(_JsonFormatter() if format == "json" else _TextFormatter(colored=colored))
    root = logging.getLogger()
    for old in _ours:
        root.removeHandler(old)
        old.close()
    _ours[:] = [handler]
    root.addHandler(handler)
    root.setLevel(number)
    for name in _SERVERS:
        server = logging.getLogger(name)
        server.handlers.clear()
        server.propagate = True


@contextlib.contextmanager
def context(**fields: object) -> Iterator[None]:
    """Add fields, such as a request's id, to every record that is written within, also by tasks started within.

    Threads of a pool do not inherit them by themselves: pass them `carry(function)`, or use `asyncio.to_thread`.

    Args:
        fields: names and values; they stand beside those of the record itself, which win.

    Example:
        >>> with context(request="7f3a"):
        ...     logging.getLogger("shop").info("resized")
    """
    token = _fields.set({**_fields.get({}), **fields})
    try:
        yield
    finally:
        _fields.reset(token)


def carry(function: Callable[P, R]) -> Callable[P, R]:
    """Give a function the caller's context, for a thread that has another: `pool.submit(carry(work), item)`.

    Args:
        function: any function.

    Returns:
        One that runs it within the context of now, as often as it is called, also several times at once.

    Example:
        >>> from concurrent.futures import ThreadPoolExecutor
        >>> with ThreadPoolExecutor(1) as pool, context(request="7f3a"):
        ...     pool.submit(carry(lambda: _fields.get({})["request"])).result()
        '7f3a'
    """
    here = contextvars.copy_context()

    @functools.wraps(function)
    def carried(*args: P.args, **kwargs: P.kwargs) -> R:
        # A copy each time: one context cannot be entered twice at once.
        return here.copy().run(function, *args, **kwargs)

    return carried


@overload
def catch(function: Callable[P, R], /) -> Callable[P, R]: ...
@overload
def catch(*, logger: str = ..., reraise: bool = ...) -> Callable[[Callable[P, R]], Callable[P, R]]: ...
def catch(
    function: Callable[P, R] | None = None, /, *, logger: str = "aikit.program", reraise: bool = True
) -> Callable[P, R] | Callable[[Callable[P, R]], Callable[P, R]]:
    """Log what a function fails of, with its traceback, once: for `main`, and for functions that threads run.

    Args:
        function: the function or coroutine function, where the decorator stands without options.
        logger: the logger's name.
        reraise: False gives None after an exception, for threads whose failure nobody awaits.

    Returns:
        The function, which logs its exceptions. KeyboardInterrupt and SystemExit pass untouched.

    Example:
        >>> @catch(reraise=False)
        ... def work():
        ...     1 / 0
        >>> work()
    """
    if function is None:
        return functools.partial(_caught, logger=logger, reraise=reraise)
    return _caught(function, logger=logger, reraise=reraise)


def _caught(function: Callable[P, R], *, logger: str, reraise: bool) -> Callable[P, R]:
    name = getattr(function, "__qualname__", repr(function))

    def report(error: Exception) -> None:
        if not getattr(error, "_aikit_logged", False):
            logging.getLogger(logger).error("%s failed", name, exc_info=error)
            with contextlib.suppress(AttributeError):  # classes with slots
                error._aikit_logged = True  # type: ignore[attr-defined]
        if reraise:
            raise error

    if inspect.iscoroutinefunction(function):
        awaited = function

        @functools.wraps(function)
        async def coroutine(*args: P.args, **kwargs: P.kwargs) -> object:
            try:
                return await awaited(*args, **kwargs)
            except Exception as error:  # noqa: BLE001 - reported, and raised again unless that was switched off
                report(error)
            return None

        return cast("Callable[P, R]", coroutine)

    @functools.wraps(function)
    def called(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except Exception as error:  # noqa: BLE001 - reported, and raised again unless that was switched off
            report(error)
        return cast("R", None)

    return called


# ---------------------------------------------------------------- handlers


def _level(level: object) -> int:
    if isinstance(level, int) and not isinstance(level, bool):
        return level
    one_of("level", level, _LEVELS)
    return _LEVELS[cast("str", level)]


def _file_handler(file: object, rotate: int | None, keep: int) -> logging.Handler:
    if not isinstance(file, (str, os.PathLike)):
        raise InputTypeError("file", "a path", quoted(file), "pass a str or a pathlib.Path")
    path = Path(os.fsdecode(file)).absolute()
    make_folder(path.parent)
    size = 0 if rotate is None else integer("rotate", rotate)
    try:
        return RotatingFileHandler(
            path, maxBytes=size, backupCount=integer("keep", keep), encoding="utf-8", errors="backslashreplace"
        )
    except OSError as error:
        raise FileAccessError(
            "file", "a file that can be written", quoted(error.strerror), "check the path",
            errno=error.errno, filename=str(path),
        ) from error  # fmt: skip


def _is_terminal(handler: logging.StreamHandler[IO[str]] | logging.Handler) -> bool:
    """Whether colors are shown and wanted (no-color.org)."""
    stream = getattr(handler, "stream", sys.stderr)
    dull = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return not dull and bool(getattr(stream, "isatty", lambda: False)())


# ---------------------------------------------------------------- forms


def _fields_of(record: logging.LogRecord) -> dict[str, object]:
    """What a record carries beside its message: its context's fields, and its own."""
    own = {name: value for name, value in record.__dict__.items() if name not in _OWN}
    return {**_fields.get({}), **own}


class _JsonFormatter(logging.Formatter):
    """One object a line; letters stand as they are, everything that could break a line is escaped."""

    def format(self, record: logging.LogRecord) -> str:
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line: dict[str, object] = {
            **_fields_of(record),
            "time": f"{moment}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _message_of(record),
        }
        if record.exc_info and (error := record.exc_info[1]) is not None:
            line["error"] = {
                **(error.to_dict() if isinstance(error, AikitError) else {"message": _text_of(error)}),
                "type": type(error).__qualname__,
                "traceback": self.formatException(record.exc_info),
            }
        if record.stack_info:
            line["stack"] = record.stack_info
        # The moment and the message first, for people who read it all the same.
        order = ("time", "level", "logger", "message")
        line = {**{name: line[name] for name in order}, **line}
        try:
            text = _strict_json(line)
        except (TypeError, ValueError, RecursionError):  # keys that are no text, NaN, a value within itself or too deep
            text = _strict_json({name: _writable(value) for name, value in line.items()})
        # U+2028 and others end a line for some readers, and half a surrogate has no bytes.
        return text if text.isprintable() else "".join(map(_json_escaped, text))


def _strict_json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=_text_of, allow_nan=False)


def _writable(value: object) -> object:
    """A field as it is, or as text where JSON does not hold it."""
    try:
        _strict_json(value)
    except (TypeError, ValueError, RecursionError):
        return _text_of(value)
    return value


def _json_escaped(letter: str) -> str:
    return letter if letter.isprintable() else json.dumps(letter)[1:-1]


class _TextFormatter(logging.Formatter):
    """One line a record, for people; tracebacks follow it, moved to the right."""

    def __init__(self, *, colored: bool) -> None:
        super().__init__()
        self._colored = colored

    def format(self, record: logging.LogRecord) -> str:
        moment = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(record.created))
        level = f"{record.levelname:<8}"
        if self._colored:
            level = f"\033[{_COLORS.get(record.levelname, '0')}m{level}\033[0m"
        fields = "".join(f" {printable(name)}={_text_value(value)}" for name, value in _fields_of(record).items())
        line = f"{moment}.{int(record.msecs):03d} {level} {printable(record.name)}: {printable(_message_of(record))}{fields}"
        told = self.formatException(record.exc_info) if record.exc_info and record.exc_info[1] is not None else ""
        for each in f"{told}\n{record.stack_info or ''}".strip("\n").splitlines():
            line += f"\n    {printable(each)}"
        return line


def _text_value(value: object) -> str:
    text = _text_of(value)
    return printable(text) if text and not set(text) & set(" =\"'\n") else quoted(text)


def _message_of(record: logging.LogRecord) -> str:
    """A record's message; where its values do not fit into it, what was given: a slip there costs no record."""
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001 - whatever a value's own __str__ raises
        values = record.args if isinstance(record.args, tuple) else (record.args,)
        return " ".join(map(_text_of, (record.msg, *values)))


def _text_of(value: object) -> str:
    """A value as text, or at least its type where its own __str__ fails."""
    try:
        return str(value)
    except Exception:  # noqa: BLE001 - whatever it raises
        return object.__repr__(value)
