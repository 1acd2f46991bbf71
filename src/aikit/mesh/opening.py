"""Bytes to a checked document: GLB, glTF and OBJ, with siblings where they are allowed, and limits before memory."""

from __future__ import annotations

import os

from .._io import name_of, read_bytes
from .._warnings import warn_caller
from ..errors import AikitError, FileAccessError, FileFormatError, quoted, shortened
from ..isolation import guarded
from ..limits import Limits
from ..paths import open_inside
from ..types import Source
from .container import BINARY, Data, is_glb, parse_json, read_chunks
from .document import Document, FileData, decode_data_uri, is_file, sibling_name
from .flatten import check_geometry
from .obj_reading import looks_like_obj, read_obj
from .safety import check_document

__all__ = ["open_document"]

# Larger files are read part by part, when something asks for one; each keeps a file open.
_LAZY_FROM = 16_000_000


def open_document(source: Source, limits: Limits | None, *, files: bool) -> Document:
    """Open and check a document; with limits also in a child process first, with all its numbers.

    Raises:
        As `open_mesh`.
    """
    name = name_of(source)
    folder = None
    if files and isinstance(source, (str, os.PathLike)):
        folder = os.path.dirname(os.path.abspath(os.fsdecode(source)))
    data = _lazy(source, name) if limits is None else None
    if data is None:
        data = read_bytes(source, limits=limits)
    if limits is not None:
        guarded(_check, data, name, folder, limits, subject=name, limits=limits, isolate=True, expect=None)
    document = _parse(data, name, folder, limits)
    if document.left_out:
        warn_caller(
            f"{name}: expected what a mesh of glTF can hold, got {shortened(', '.join(document.left_out), 300)}; "
            f"{'it was left out' if files else 'pass files=True for materials, the rest was left out'}."
        )
    return document


def _lazy(source: Source, name: str) -> Data | None:
    """A large GLB that is read part by part; None for all else."""
    if not isinstance(source, (str, os.PathLike)):
        return None
    try:
        file = open(source, "rb")  # noqa: SIM115 - it stays open as long as the document is there
    except (OSError, ValueError):  # `read_bytes` says it in our words
        return None
    try:
        if is_glb(file.read(4)) and os.fstat(file.fileno()).st_size >= _LAZY_FROM:
            kept, file = FileData(file, name), None  # type: ignore[assignment]
            return kept
        return None
    finally:
        if file is not None:
            file.close()


def _check(data: bytes, name: str, folder: str | None, limits: Limits) -> None:
    """Parse all of a document where it does no harm."""
    check_geometry(_parse(data, name, folder, limits))


def _parse(data: Data, name: str, folder: str | None, limits: Limits | None) -> Document:
    siblings = _Siblings(name, folder, limits, len(data))
    head = data[:4096]
    if is_glb(head):
        kind, parse = "glb", _parse_glb
    elif head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"{":
        kind, parse = "gltf", _parse_gltf
    elif looks_like_obj(head):
        kind, parse = "obj", _parse_obj
    else:
        raise FileFormatError(
            name,
            "a GLB, glTF or OBJ file",
            f"bytes that begin with {head[:4].hex(' ')}",
            "for pictures use read_pil, read_numpy, read_cv2 or read_tensor",
            code="unsupported_format",
        )
    if limits is not None:
        limits.check_format(name, kind)
    document = parse(data, name, siblings, limits)
    document.limits = limits
    check_document(document, limits)
    return document


def _parse_glb(data: Data, name: str, siblings: _Siblings, limits: Limits | None) -> Document:
    chunks = read_chunks(data, name)
    first = chunks[0]
    if limits is not None:
        limits.check(name, "bytes of JSON", "max_json_bytes", first.length)
    gltf = parse_json(data[first.start : first.start + first.length], name, limits)
    binary, others = None, []
    for chunk in chunks[1:]:
        if chunk.kind == BINARY and binary is None:
            length = _without_padding(gltf, chunk.length)
            start = chunk.start
            binary = data.part(start, length) if isinstance(data, FileData) else data[start : start + length]
        else:
            others.append((chunk.kind, data[chunk.start : chunk.start + chunk.length]))
    return _assemble(gltf, binary, name, "glb", data, siblings, others)


def _parse_obj(data: Data, name: str, siblings: _Siblings, limits: Limits | None) -> Document:
    return read_obj(data, name, siblings.read if siblings.allowed else None, limits)


def _without_padding(gltf: dict[str, object], length: int) -> int:
    """How long the data are in a chunk, which ends at a multiple of four."""
    first = next(iter(_dicts(gltf.get("buffers"))), {}).get("byteLength")
    return first if isinstance(first, int) and 0 < length - first < 4 else length


def _parse_gltf(data: Data, name: str, siblings: _Siblings, limits: Limits | None) -> Document:
    return _assemble(parse_json(data[:], name, limits), None, name, "gltf", data, siblings, [])


def _assemble(
    gltf: dict[str, object],
    binary: Data | None,
    name: str,
    format: str,
    original: Data,
    siblings: _Siblings,
    others: list[tuple[bytes, bytes]],
) -> Document:
    buffers: list[Data | None] = []
    for index, entry in enumerate(_dicts(gltf.get("buffers"))):
        uri = entry.get("uri")
        if isinstance(uri, str):
            buffers.append(siblings.read_uri(uri) if is_file(uri) else decode_data_uri(uri, name))
        else:
            buffers.append(binary if index == 0 else None)
    images = {
        index: siblings.read_uri(uri)
        for index, entry in enumerate(_dicts(gltf.get("images")))
        if isinstance(uri := entry.get("uri"), str) and is_file(uri)
    }
    return Document(gltf, buffers, source=name, format=format, original=original, image_files=images, others=others)


def _dicts(entries: object) -> list[dict[str, object]]:
    """The entries of a list that the shape has not been checked of yet; what is no object is refused later."""
    return [each if isinstance(each, dict) else {} for each in entries] if isinstance(entries, list) else []


class _Siblings:
    """Files that lie beside a document, or below its folder: each read once, within what is left of the limit."""

    def __init__(self, name: str, folder: str | None, limits: Limits | None, consumed: int) -> None:
        self._name, self._folder, self._limits, self._consumed = name, folder, limits, consumed
        self._read: dict[str, bytes] = {}

    @property
    def allowed(self) -> bool:
        """Whether there is a folder, and it was asked for."""
        return self._folder is not None

    def read_uri(self, uri: str) -> bytes:
        """The bytes of the file that a URI means; raises as `read`."""
        if self._folder is None:
            raise FileFormatError(
                self._name,
                "a file that holds all it needs",
                f"one that refers to {quoted(uri)}",
                "pass files=True and a path to read what lies beside it, or convert it to GLB",
                code="unsafe_content",
                option="files",
            )
        try:
            name = sibling_name(uri)
        except UnicodeDecodeError as error:
            raise self._unsafe(uri) from error
        return self.read(name.removeprefix("./"))

    def read(self, name: str) -> bytes:
        """The bytes of the file of that name.

        Raises:
            FileFormatError: it would lead out of the folder; code "unsafe_content".
            FileAccessError: there is no such file.
            LimitError: together with the others it is larger than allowed.
        """
        if name not in self._read:
            self._read[name] = self._open(name)
        return self._read[name]

    def _open(self, name: str) -> bytes:
        assert self._folder is not None
        try:
            with open_inside(self._folder, name) as file:
                if self._limits is not None:
                    size = self._consumed + os.fstat(file.fileno()).st_size
                    self._limits.check(self._name, "bytes in all its files", "max_bytes", size)
                data = file.read()
        except FileAccessError as error:
            raise FileAccessError(
                self._name,
                f"the file {quoted(name)} beside it",
                error.got,
                "put it there, or convert the mesh to GLB where it is",
                errno=error.errno,
                filename=name,
            ) from error
        except AikitError as error:
            if error.code == "limit_exceeded":
                raise
            raise self._unsafe(name) from error
        self._consumed += len(data)
        return data

    def _unsafe(self, uri: str) -> FileFormatError:
        return FileFormatError(
            self._name,
            "files that lie beside it or below its folder",
            quoted(uri),
            "leave the file out, or ask its author for a GLB",
            code="unsafe_content",
        )
