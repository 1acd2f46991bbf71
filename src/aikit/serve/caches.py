"""Where answers are kept: in memory, in a folder, in Redis. A cache may vanish at any time and costs little then."""

from __future__ import annotations

import abc
import contextlib
import hashlib
import logging
import math
import os
import re
import struct
import tempfile
import threading
import time
from collections import OrderedDict
from collections.abc import Collection, Iterator
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Self
from urllib.parse import parse_qs, unquote, urlsplit

from .._io import make_folder
from ..codec import from_json, to_json
from ..errors import AikitError, InputTypeError, InputValueError, MissingDependencyError, quoted, without_password

if TYPE_CHECKING:
    import redis

__all__ = ["Cache", "open_cache"]

_log = logging.getLogger("aikit.serve.caches")

_UNITS = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": 2**10, "mib": 2**20, "gib": 2**30}
_SIZES = {"memory": 64 * 2**20, "dir": 2**30}
# What is larger is not kept: it would push out hundreds of others.
_MOST_BYTES_AN_ENTRY = 4 * 10**6
# Redis answers in a tenth of a millisecond, or something is wrong; then it is left alone for a while.
_REDIS_SECONDS, _REDIS_PAUSE = 0.1, 5.0


def open_cache(url: str) -> Cache:
    """Open a cache by its address.

    Args:
        url: "memory:" for this process; "dir:/path" for all processes of a machine, "dir:" in the user's own cache
            folder; both with "?size=1GiB", beyond which the oldest goes. "redis://host:6379/1" for several machines, the
            number being the database; "rediss://" with TLS.

    Returns:
        The cache: `get`, `set`, `delete`, `close`, and a context that closes it.

    Raises:
        InputTypeError, InputValueError: no such address.
        FileAccessError: a folder that cannot be made.
        MissingDependencyError: Redis without the package redis.

    Example:
        >>> with open_cache("memory:?size=10MB") as cache:
        ...     cache.set("sizes", {(640, 480)}, seconds=60)
        ...     cache.get("sizes"), cache.get("none")
        ({(640, 480)}, None)
    """
    if not isinstance(url, str):
        raise InputTypeError("url", "the address of a cache", quoted(url), 'pass "memory:", "dir:" or "redis://host"')
    scheme, _, rest = url.partition(":")
    if scheme in ("redis", "rediss"):
        return _RedisCache(url)
    if scheme == "memory" and rest.partition("?")[0] == "":
        return _MemoryCache(_size_of(url))
    if scheme == "dir":
        path = unquote(urlsplit(url).path) or _user_folder()
        if os.path.isabs(path):
            return _FolderCache(Path(path), _size_of(url))
    raise InputValueError(
        "url", "memory:, dir:/path or redis://host", quoted(without_password(url)), "write one of these"
    )


def _size_of(url: str) -> int:
    options = parse_qs(urlsplit(url).query, keep_blank_values=True)
    text = options.pop("size", [None])[-1]
    if options:
        raise InputValueError("url", "size= alone behind the ?", ", ".join(options), "leave the rest out")
    if text is None:
        return _SIZES[url.partition(":")[0]]
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmg]?i?b)?", text.strip().lower())
    size = int(float(found[1]) * _UNITS.get(found[2] or "", 0)) if found else 0
    if size <= 0:
        raise InputValueError("url", "a size such as 500MB or 1GiB", quoted(text), "write one")
    return size


def _user_folder() -> str:
    try:
        platformdirs = import_module("platformdirs")
    except ImportError as error:
        raise MissingDependencyError(
            "url", "the package platformdirs", "none", "run: pip install platformdirs, or name a folder: dir:/path"
        ) from error
    return str(Path(platformdirs.user_cache_dir("aikit")) / "answers")


class Cache(abc.ABC):
    """Values by keys, for a while. Safe in threads; what cannot be reached is a miss."""

    def get(self, key: str, *, kinds: Collection[type] = ()) -> object:
        """The value of a key.

        Args:
            key: any text.
            kinds: classes that may come back, as in `codec.from_json`.

        Returns:
            The value, or None where there is none, or none any more.
        """
        data = self._load(_check_key(key))
        if not data:
            return None
        try:
            return bytes(data[1:]) if data[:1] == b"b" else from_json(bytes(data[1:]), kinds=kinds)
        except AikitError as error:
            # Of another version, or damaged: as good as none.
            _log.warning("an entry that cannot be read is dropped", extra={"reason": str(error)})
            self._remove(key)
            return None

    def set(self, key: str, value: object, *, seconds: float | None = None) -> None:
        """Keep a value, unless it is larger than 4 MB.

        Args:
            key: any text.
            value: bytes, or whatever `codec.to_json` writes.
            seconds: for how long; None for as long as there is room.
        """
        _check_key(key)
        if seconds is not None and not seconds > 0:
            raise InputValueError("seconds", "a number above 0", quoted(seconds), "pass one, or None")
        data = b"b" + value if isinstance(value, bytes) else b"j" + to_json(value).encode()
        if len(data) <= _MOST_BYTES_AN_ENTRY:
            self._store(key, data, math.inf if seconds is None else seconds)

    def delete(self, key: str) -> None:
        """Forget a key, if it is known."""
        self._remove(_check_key(key))

    def close(self) -> None:  # noqa: B027 - a folder holds nothing
        """Give back what it holds. It is not used afterwards."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @abc.abstractmethod
    def _load(self, key: str) -> bytes | None: ...

    @abc.abstractmethod
    def _store(self, key: str, data: bytes, seconds: float) -> None: ...

    @abc.abstractmethod
    def _remove(self, key: str) -> None: ...


def _check_key(key: object) -> str:
    if not isinstance(key, str) or not key:
        raise InputTypeError("key", "a text", quoted(key), "pass one")
    return key


# ---------------------------------------------------------------- memory


class _MemoryCache(Cache):
    def __init__(self, size: int) -> None:
        self._size, self._used = size, 0
        self._entries: OrderedDict[str, tuple[bytes, float]] = OrderedDict()
        self._lock = threading.Lock()

    def _load(self, key: str) -> bytes | None:
        with self._lock:
            data, until = self._entries.get(key, (b"", 0.0))
            if time.monotonic() >= until:
                self._drop(key)
                return None
            self._entries.move_to_end(key)
            return data

    def _store(self, key: str, data: bytes, seconds: float) -> None:
        with self._lock:
            self._drop(key)
            self._entries[key] = data, time.monotonic() + seconds
            self._used += len(data)
            while self._used > self._size:
                self._drop(next(iter(self._entries)))

    def _remove(self, key: str) -> None:
        with self._lock:
            self._drop(key)

    def _drop(self, key: str) -> None:
        data, _ = self._entries.pop(key, (b"", 0.0))
        self._used -= len(data)

    def close(self) -> None:
        with self._lock:
            self._entries.clear()
            self._used = 0


# ---------------------------------------------------------------- a folder


class _FolderCache(Cache):
    """A file an entry, named by the digest of its key: the moment it ends at, and the data."""

    _HEAD = struct.Struct("<4sd")
    _MAGIC = b"aik1"

    def __init__(self, folder: Path, size: int) -> None:
        self._folder, self._size = folder, size
        make_folder(folder)
        self._lock = threading.Lock()
        # What was written since it was last counted: others write here too, so that the sum is an estimate.
        self._used = math.inf

    def _path(self, key: str) -> Path:
        digest = hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
        return self._folder / digest[:2] / f"{digest[2:]}.entry"

    def _load(self, key: str) -> bytes | None:
        path = self._path(key)
        try:
            data = path.read_bytes()
            magic, until = self._HEAD.unpack_from(data)
            if magic != self._MAGIC or time.time() >= until:
                path.unlink(missing_ok=True)
                return None
            os.utime(path)  # the oldest is the one that nobody asked for
        except (OSError, struct.error):
            return None
        return data[self._HEAD.size :]

    def _store(self, key: str, data: bytes, seconds: float) -> None:
        path = self._path(key)
        try:
            path.parent.mkdir(exist_ok=True)
            # Not to the disk at once: what a power cut leaves is no entry or a whole one that the magic tells.
            handle, temporary = tempfile.mkstemp(suffix=".new", dir=path.parent)
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(self._HEAD.pack(self._MAGIC, time.time() + seconds) + data)
                os.replace(temporary, path)
            except BaseException:
                with contextlib.suppress(OSError):
                    os.unlink(temporary)
                raise
        except OSError as error:
            _log.warning("an answer could not be kept", extra={"folder": str(self._folder), "reason": error.strerror})
            return
        with self._lock:
            self._used += len(data)
            if self._used > self._size:
                self._used = self._clean()

    def _remove(self, key: str) -> None:
        with contextlib.suppress(OSError):
            self._path(key).unlink()

    def _clean(self) -> float:
        """Remove the oldest until a tenth is free, and give the sum of the rest."""
        entries = sorted(self._list())
        used = sum(size for _, size, _ in entries)
        if used > self._size:
            for _, size, path in entries:
                if used <= 0.9 * self._size:
                    break
                with contextlib.suppress(OSError):
                    os.unlink(path)
                used -= size
        return used

    def _list(self) -> Iterator[tuple[float, int, str]]:
        for folder in self._folder.glob("[0-9a-f][0-9a-f]"):
            with contextlib.suppress(OSError), os.scandir(folder) as found:
                for each in found:
                    with contextlib.suppress(OSError):
                        facts = each.stat(follow_symlinks=False)
                        yield facts.st_mtime, facts.st_size, each.path


# ---------------------------------------------------------------- Redis


class _RedisCache(Cache):
    def __init__(self, url: str) -> None:
        try:
            package = import_module("redis")
        except ImportError as error:
            raise MissingDependencyError("url", "the package redis", "none", "run: pip install redis") from error
        try:
            if not re.fullmatch(r"/?\d*", urlsplit(url).path):  # which the library takes for 0
                raise ValueError("a database that is no number")
            # No retries: the library's own take seconds, and a miss is cheaper.
            self._client: redis.Redis = package.Redis.from_url(
                url,
                socket_timeout=_REDIS_SECONDS,
                socket_connect_timeout=_REDIS_SECONDS,
                retry=package.retry.Retry(package.backoff.NoBackoff(), 0),
                retry_on_timeout=False,
            )
        except ValueError as error:
            raise InputValueError(
                "url", "redis://host:port/number", quoted(without_password(url)), "write it so"
            ) from error
        self._failure, self._refusal = package.RedisError, package.ResponseError
        self._name = without_password(url)
        self._paused_until = 0.0

    @contextlib.contextmanager
    def _reached(self) -> Iterator[None]:
        """Take a failure for a miss, and leave the server alone for a while after one."""
        try:
            yield
        except (self._failure, OSError) as error:
            self._paused_until = time.monotonic() + _REDIS_PAUSE
            _log.warning("the cache does not answer", extra={"cache": self._name, "reason": type(error).__name__})

    def _is_paused(self) -> bool:
        return time.monotonic() < self._paused_until

    def _load(self, key: str) -> bytes | None:
        if not self._is_paused():
            with self._reached():
                try:
                    found = self._client.get(f"aikit:{key}")
                except self._refusal as error:  # it answers, and holds something of another type
                    _log.warning("an entry that cannot be read is none", extra={"reason": str(error)})
                    return None
                return found if isinstance(found, bytes) else None
        return None

    def _store(self, key: str, data: bytes, seconds: float) -> None:
        if not self._is_paused():
            with self._reached():
                self._client.set(f"aikit:{key}", data, px=None if math.isinf(seconds) else max(1, int(seconds * 1000)))

    def _remove(self, key: str) -> None:
        if not self._is_paused():
            with self._reached():
                self._client.delete(f"aikit:{key}")

    def close(self) -> None:
        with contextlib.suppress(self._failure, OSError):
            self._client.close()
