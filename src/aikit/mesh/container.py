"""The two forms of a glTF file: JSON in a GLB with its data, or alone; strict JSON in, the same JSON out."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ..errors import FileFormatError, quoted
from ..limits import Limits
from .schema import Json

__all__ = ["BINARY", "Chunk", "Data", "dump_json", "is_glb", "parse_json", "read_chunks", "write_glb"]

# glTF 2.0, section 4.4: the header, and the chunks behind it.
_MAGIC, _HEADER, _CHUNK = b"glTF", struct.Struct("<4sII"), struct.Struct("<I4s")
JSON, BINARY = b"JSON", b"BIN\0"


class Data(Protocol):
    """Bytes, or a part of a file that is read when it is asked for."""

    def __len__(self) -> int: ...
    def __getitem__(self, part: slice, /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Chunk:
    """A part of a GLB: its four letters, and where its data lie in the file."""

    kind: bytes
    start: int
    length: int


def is_glb(head: bytes) -> bool:
    """Whether a file begins as a GLB does."""
    return head[:4] == _MAGIC


def read_chunks(data: Data, name: str) -> list[Chunk]:
    """Find the chunks of a GLB; only their heads are read.

    Raises:
        FileFormatError: another version, cut off, or lengths that contradict each other.
    """
    head = data[: _HEADER.size]
    if len(head) < _HEADER.size:
        raise _truncated(name, f"{len(head)} bytes")
    _, version, length = _HEADER.unpack(head)
    if version != 2:
        raise FileFormatError(
            name, "glTF 2.0", f"a GLB of version {version}", "export it as glTF 2.0", code="unsupported_format"
        )
    if length > len(data):
        raise _truncated(name, f"{len(data)} of {length} bytes")
    if length < len(data):
        raise _corrupt(name, f"{len(data) - length} bytes behind its end")
    chunks, at = [], _HEADER.size
    while at < length:
        head = data[at : at + _CHUNK.size]
        if len(head) < _CHUNK.size:
            raise _truncated(name, "half the head of a chunk")
        size, kind = _CHUNK.unpack(head)
        at += _CHUNK.size
        if size > length - at:
            raise _truncated(name, f"a chunk of {size} bytes where {length - at} are left")
        chunks.append(Chunk(kind, at, size))
        at += size
        if len(chunks) > _MOST_CHUNKS:
            raise _corrupt(name, f"more than {_MOST_CHUNKS} chunks")
    if not chunks or chunks[0].kind != JSON:
        raise _corrupt(name, "a GLB that does not begin with its JSON")
    return chunks


_MOST_CHUNKS = 1000


def write_glb(text: bytes, binary: bytes | bytearray | None, others: Sequence[tuple[bytes, bytes]]) -> bytes:
    """Put a GLB together: JSON, data, and the chunks that nobody here understands."""
    parts = [_chunk(JSON, text, b" ")]
    if binary is not None:
        parts.append(_chunk(BINARY, binary, b"\0"))
    parts.extend(_chunk(kind, data, b"\0") for kind, data in others)
    body = b"".join(parts)
    return _HEADER.pack(_MAGIC, 2, _HEADER.size + len(body)) + body


def _chunk(kind: bytes, data: bytes | bytearray, pad: bytes) -> bytes:
    data = bytes(data) + pad * (-len(data) % 4)
    return _CHUNK.pack(len(data), kind) + data


# ---------------------------------------------------------------- JSON


def parse_json(text: bytes, name: str, limits: Limits | None) -> Json:
    """Read the JSON of a file as strictly as glTF wants it: finite numbers, and no key twice in an object.

    Raises:
        FileFormatError: no JSON, not an object, or glTF of another version than 2.
        LimitError: larger than the limits allow.
    """
    if limits is not None:
        limits.check(name, "bytes of JSON", "max_json_bytes", len(text))
    try:
        gltf = json.loads(
            text.decode("utf-8-sig"),
            object_pairs_hook=_without_twins,
            parse_constant=_refuse_constant,
            parse_float=_finite,
        )
    except RecursionError as error:
        raise _corrupt(name, "JSON that is nested too deep") from error
    except ValueError as error:  # of its bytes, its form, and integers of 4300 digits
        raise _corrupt(name, quoted(str(error))) from error
    if not isinstance(gltf, dict):
        raise _corrupt(name, f"JSON that is a {type(gltf).__name__}")
    asset = gltf.get("asset")
    version = asset.get("version") if isinstance(asset, dict) else None
    least = asset.get("minVersion", "2.0") if isinstance(asset, dict) else None
    if not isinstance(version, str) or not version.startswith("2.") or least != "2.0":
        raise FileFormatError(
            name,
            "glTF 2.0",
            "JSON without a version of glTF"
            if version is None
            else f"version {quoted(version)}, at least {quoted(least)}",
            "export it as glTF 2.0",
            code="unsupported_format",
        )
    return gltf


def _without_twins(pairs: list[tuple[str, Any]]) -> Json:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key that stands twice in an object")
    return found


def _refuse_constant(word: str) -> float:
    raise ValueError(f"{word}, which is no number of JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"the number {text[:20]}, which no double holds")
    return number


def dump_json(gltf: Json) -> bytes:
    """The JSON as text, in the order of its keys, every number as it is."""
    text = json.dumps(gltf, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    try:
        return text.encode()
    except UnicodeEncodeError:  # half a surrogate, written as an escape
        return json.dumps(gltf, allow_nan=False, separators=(",", ":")).encode()


def _corrupt(name: str, got: str) -> FileFormatError:
    return FileFormatError(name, "a whole, valid glTF file", got, "fetch or export the file again")


def _truncated(name: str, got: str) -> FileFormatError:
    return FileFormatError(name, "a whole GLB file", got, "fetch or export the file again", code="truncated")
