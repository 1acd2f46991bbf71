"""Documents to files: GLB and glTF with all that they hold, OBJ, STL and PLY with what these can."""

from __future__ import annotations

import os
from collections.abc import Callable

from .._io import write_bytes
from ..paths import inside
from .container import dump_json
from .document import Document, is_file, sibling_name
from .plain_formats import encode_obj, encode_ply, encode_stl, obj_files
from .schema import Json

__all__ = ["FORMATS", "encode_as", "write_files"]


def encode_as(document: Document, format: str) -> bytes:
    """A document as the bytes of one file."""
    return FORMATS[format](document)


FORMATS: dict[str, Callable[[Document], bytes]] = {
    "glb": Document.encode_glb,
    "gltf": Document.encode_embedded,
    "obj": encode_obj,
    "ply": encode_ply,
    "stl": encode_stl,
}


def write_files(document: Document, path: str, format: str) -> None:
    """Write a document, and what belongs beside it before the file that refers to it."""
    if format == "gltf":
        _write_gltf(document, path)
    elif format == "obj":
        _write_obj(document, path)
    else:
        write_bytes(path, encode_as(document, format))


def _write_obj(document: Document, path: str) -> None:
    folder, name = os.path.split(path)
    files = obj_files(document, os.path.splitext(name)[0])
    for beside, data in files.beside.items():
        write_bytes(os.path.join(folder, beside), data)
    write_bytes(path, files.obj)


def _write_gltf(document: Document, path: str) -> None:
    gltf, buffers, images = document.assembled()
    names = _Names(document, path)
    beside: dict[str, bytes] = {}
    entries: list[Json] = [{**each} for each in gltf.get("buffers", [])]
    for index, (entry, data) in enumerate(zip(entries, buffers, strict=True)):
        uri = entry.get("uri")
        if data is None:
            continue
        if uri is not None and not is_file(uri) and bytes(data) == document.buffers[index]:
            continue  # it holds its data itself
        kept = uri if uri is not None and is_file(uri) else None
        entry["uri"] = names.place(kept, ".bin", bytes(data), beside)
    if entries:
        gltf["buffers"] = entries
    if images:
        gltf["images"] = [{**each} for each in gltf["images"]]
        for index, data in images.items():
            uri = gltf["images"][index]["uri"]
            gltf["images"][index]["uri"] = names.place(uri, os.path.splitext(uri)[1], data, beside)
    same = document.format == "gltf" and document.untouched and gltf == document.gltf
    for name, data in beside.items():
        write_bytes(names.path_of(name), data)
    write_bytes(path, document.original() if same else dump_json(gltf))


class _Names:
    """Names of files beside a .gltf: those they had, where nothing else has that name there."""

    def __init__(self, document: Document, path: str) -> None:
        self._folder, name = os.path.split(os.path.abspath(path))
        self._stem = os.path.splitext(name)[0]
        self._over = os.path.abspath(document.source) == os.path.abspath(path)

    def place(self, uri: str | None, suffix: str, data: bytes, beside: dict[str, bytes]) -> str:
        """Find the URI under which data go beside the file, and put them into `beside` by their name."""
        if uri is not None:
            name = sibling_name(uri).removeprefix("./")
            if beside.get(name, data) == data and self._may_take(name, data):
                beside[name] = data
                return uri
        number = 0
        while True:
            name = f"{self._stem}{f'-{number}' if number else ''}{suffix}"
            if beside.get(name, data) == data:
                beside[name] = data
                return _as_uri(name)
            number += 1

    def path_of(self, name: str) -> str:
        """Where a file of that name lies."""
        if name.startswith(self._stem):  # a name of ours
            return os.path.join(self._folder, name)
        found = inside(self._folder, name)
        found.parent.mkdir(parents=True, exist_ok=True)
        return str(found)

    def _may_take(self, name: str, data: bytes) -> bool:
        """Whether writing there takes nothing away: no such file, the same bytes, or the mesh that is written over."""
        path = inside(self._folder, name)
        if self._over or not path.exists():
            return True
        return path.is_file() and path.stat().st_size == len(data) and path.read_bytes() == data


def _as_uri(name: str) -> str:
    from urllib.parse import quote

    return quote(name)
