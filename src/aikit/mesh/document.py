"""A glTF document: its JSON as a dict, its buffers as bytes, and what was put in their place since it was opened."""

from __future__ import annotations

import base64
import binascii
import copy
import os
import threading
from typing import BinaryIO
from urllib.parse import unquote

from ..errors import FileAccessError, FileFormatError, quoted
from ..limits import Limits
from .assembly import Buffers, assemble, embed_images, join_buffers, places
from .container import Data, dump_json, write_glb
from .schema import Json

__all__ = ["Document", "FileData", "decode_data_uri", "is_file", "sibling_name"]


class FileData:
    """A part of an open file, read when it is asked for; the file may be replaced or removed meanwhile."""

    def __init__(self, file: BinaryIO, name: str, start: int = 0, length: int | None = None) -> None:
        self._file, self._name, self._start = file, name, start
        status = os.fstat(file.fileno())
        self._length = status.st_size - start if length is None else length
        self._stamp = status.st_mtime_ns
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, part: slice) -> bytes:
        start, stop, _ = part.indices(self._length)
        with self._lock:
            self._file.seek(self._start + start)
            data = self._file.read(max(0, stop - start))
            changed = os.fstat(self._file.fileno()).st_mtime_ns != self._stamp
        if changed or len(data) < stop - start:
            raise FileAccessError(
                self._name,
                "the file as it was opened",
                "one that was written over",
                "open it anew",
                filename=self._name,
            )
        return data

    def part(self, start: int, length: int) -> FileData:
        """A part of this part."""
        return FileData(self._file, self._name, self._start + start, length)

    def __reduce__(self) -> tuple[object, ...]:
        return bytes, (self[:],)


class Document:
    """A glTF document.

    Attributes:
        gltf: the JSON. Places of new and changed data are written when the document is.
        buffers: the bytes of each buffer; None for a placeholder that has none.
        image_files: the bytes of images that lie in files of their own, by the number of the image.
        source: how messages call it.
        format: "glb", "gltf" or "obj", as it was opened.
        others: chunks of the GLB that are not understood, kept.
        left_out: what its reader did not take over, in words.
        limits: what it may cost to make something of it; None trusts it.
    """

    def __init__(
        self,
        gltf: Json,
        buffers: list[Data | None],
        *,
        source: str,
        format: str,
        original: Data | None = None,
        image_files: dict[int, bytes] | None = None,
        others: list[tuple[bytes, bytes]] | None = None,
        limits: Limits | None = None,
    ) -> None:
        self.gltf, self.buffers, self.source, self.format = gltf, buffers, source, format
        self.limits = limits
        self.left_out: tuple[str, ...] = ()
        self.image_files = image_files or {}
        self.others = others or []
        self._original = original
        # Whether the first buffer was made for what was added, and has nothing of its own.
        self.has_own_buffer = False
        # As text: a dict would take 1 for 1.0 and True.
        self._opened = dump_json(gltf) if original is not None else b""
        # Bytes of new and changed views; of those that changed, how long they were.
        self._fresh: dict[int, bytes] = {}
        self._old: dict[int, int] = {}

    def copy(self) -> Document:
        """Another document of the same content; bytes are shared."""
        other = copy.copy(self)
        other.gltf = copy.deepcopy(self.gltf)
        other.buffers, other.others = list(self.buffers), list(self.others)
        other.image_files, other._fresh, other._old = dict(self.image_files), dict(self._fresh), dict(self._old)
        return other

    def entries(self, collection: str) -> list[Json]:
        """The list of that name; an empty one where there is none."""
        found: list[Json] = self.gltf.get(collection, [])
        return found

    def append(self, collection: str, entry: Json) -> int:
        """Add an entry to the list of that name, and return its number."""
        found: list[Json] = self.gltf.setdefault(collection, [])
        found.append(entry)
        return len(found) - 1

    def use_extension(self, name: str, *, required: bool = False) -> None:
        """Say that the document uses an extension."""
        for key in ("extensionsUsed", "extensionsRequired") if required else ("extensionsUsed",):
            names = self.gltf.setdefault(key, [])
            if name not in names:
                names.append(name)

    # ------------------------------------------------------------ data

    def size(self) -> int:
        """How many bytes of data it holds, new ones counted."""
        held = sum(len(data) for data in (*self.buffers, *self.image_files.values()) if data is not None)
        return held + sum(len(data) - self._old.get(index, 0) for index, data in self._fresh.items())

    def view(self, index: int) -> bytes:
        """The bytes of a buffer view, as they are stored."""
        if index in self._fresh:
            return self._fresh[index]
        view = self.entries("bufferViews")[index]
        return self.part_of_buffer(view["buffer"], view.get("byteOffset", 0), view["byteLength"])

    def part_of_buffer(self, index: int, start: int, length: int) -> bytes:
        """Bytes of a buffer, as it was opened."""
        data = self.buffers[index]
        if data is None or start + length > len(data):
            there = "none" if data is None else str(len(data))
            raise FileFormatError(
                self.source, f"{start + length} bytes in buffer {index}", there, "export the file again"
            )
        return data[start : start + length]

    def is_fresh(self, index: int) -> bool:
        """Whether the bytes of a view were added or changed since the document was opened."""
        return index in self._fresh

    def add_view(self, data: bytes, **more: object) -> int:
        """Add bytes as a new buffer view; `more` goes into its JSON, such as target=34962."""
        index = self.append("bufferViews", {"buffer": self._home(), "byteLength": len(data), **more})
        self._fresh[index] = data
        return index

    def set_view(self, index: int, data: bytes) -> None:
        """Put other bytes in the place of those of a view, for all that refers to it."""
        view = self.entries("bufferViews")[index]
        if index not in self._fresh:
            self._old[index] = view["byteLength"]
        self._fresh[index] = data
        view["byteLength"] = len(data)

    def keep_views(self, numbers: list[int]) -> None:
        """Keep some views alone, by their numbers, which they lose; who refers to them has to follow."""
        entries = self.entries("bufferViews")
        self.gltf["bufferViews"] = [entries[index] for index in numbers]
        for kept in ("_fresh", "_old"):
            held = getattr(self, kept)
            setattr(self, kept, {new: held[old] for new, old in enumerate(numbers) if old in held})
        if not numbers:
            self.gltf.pop("bufferViews")

    def lay_out(self, views: list[bytes]) -> None:
        """Give every view its bytes anew, one behind the other in one buffer."""
        entries, at = self.entries("bufferViews"), 0
        parts: list[bytes] = []
        for entry, data in zip(entries, views, strict=True):
            parts += [bytes(-at % 4), data]
            at += -at % 4
            entry.update(buffer=0, byteOffset=at, byteLength=len(data))
            at += len(data)
        self.buffers, self._fresh, self._old = [b"".join(parts)] if views else [], {}, {}
        self.gltf.pop("buffers", None)
        if views:
            first: Json = {"byteLength": at}
            self.gltf["buffers"] = [first]

    def _home(self) -> int:
        """The buffer that new data go to."""
        for index, data in enumerate(self.buffers):
            if data is not None:
                return index
        # Only the first buffer of a GLB may be its own: placeholders go behind it.
        self.buffers.insert(0, b"")
        self.has_own_buffer = True
        self.gltf["buffers"] = [{"byteLength": 1}, *self.entries("buffers")]
        for place in places(self.entries("bufferViews")):
            place["buffer"] += 1
        return 0

    # ------------------------------------------------------------ images

    def image_bytes(self, index: int) -> bytes:
        """An image as it is stored: the bytes of a PNG, JPEG or another file."""
        image = self.entries("images")[index]
        if "bufferView" in image:
            return self.view(image["bufferView"])
        if index in self.image_files:
            return self.image_files[index]
        return decode_data_uri(image["uri"], self.source)

    def set_image(self, index: int, data: bytes, media_type: str) -> None:
        """Put another file in the place of an image; it goes into the buffer, or its view where nothing shares it."""
        image = self.entries("images")[index]
        view = image.get("bufferView")
        if view is None or self._is_shared(view, image):
            image["bufferView"] = self.add_view(data)
            image.pop("uri", None)
            self.image_files.pop(index, None)
        else:
            self.set_view(view, data)
        image["mimeType"] = media_type

    def _is_shared(self, view: int, image: Json) -> bool:
        users = [each for each in self.entries("images") if each.get("bufferView") == view and each is not image]
        return bool(users) or any(each.get("bufferView") == view for each in self.entries("accessors"))

    # ------------------------------------------------------------ out

    @property
    def untouched(self) -> bool:
        """Whether the document still is as it was opened."""
        return self._original is not None and not self._fresh and dump_json(self.gltf) == self._opened

    def original(self) -> bytes:
        """The bytes that were opened."""
        assert self._original is not None
        return self._original[:]

    def encode_glb(self) -> bytes:
        """The document as a GLB, all its data inside."""
        if self.format == "glb" and self.untouched:
            return self.original()
        gltf, buffers, images = self.assembled()
        embed_images(gltf, buffers, images)
        binary = join_buffers(gltf, buffers)
        return write_glb(dump_json(gltf), binary, self.others)

    def encode_embedded(self) -> bytes:
        """The document as one .gltf file, all its data inside as base64."""
        if self.format == "gltf" and self.untouched and not any(map(is_file, self._uris())):
            return self.original()
        gltf, buffers, images = self.assembled()
        embed_images(gltf, buffers, images)
        for buffer, data in zip(gltf.get("buffers", []), buffers, strict=True):
            if data is not None:
                buffer["uri"] = "data:application/octet-stream;base64," + base64.b64encode(data).decode()
        return dump_json(gltf)

    def _uris(self) -> list[str]:
        entries = [*self.entries("buffers"), *self.entries("images")]
        return [each["uri"] for each in entries if "uri" in each]

    def assembled(self) -> tuple[Json, Buffers, dict[int, bytes]]:
        """The JSON with the places of all data, the buffers, and the images that are files of their own."""
        buffers: Buffers = [None if data is None else data[:] for data in self.buffers]
        gltf, buffers = assemble(self.gltf, buffers, self._fresh, self._old)
        return gltf, buffers, dict(self.image_files)


def is_file(uri: str) -> bool:
    """Whether a URI is the name of a file, and holds no data itself."""
    return not uri.startswith("data:")


def sibling_name(uri: str) -> str:
    """The name of the file that a URI means: escapes resolved (RFC 3986, 2.1)."""
    return unquote(uri, errors="strict")


def decode_data_uri(uri: str, name: str) -> bytes:
    """The bytes that a data URI holds."""
    head, _, body = uri.partition(",")
    if not head.endswith(";base64"):
        raise FileFormatError(name, "data in base64", quoted(head), "export the file again")
    try:
        return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError) as error:
        raise FileFormatError(name, "data in base64", quoted(str(error)), "export the file again") from error
