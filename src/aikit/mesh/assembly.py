"""Where data lie in a document that is written: changed views in their old place, new ones behind, all else as it was."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, TypeAlias

from .schema import Json

__all__ = ["Buffers", "assemble", "embed_images", "join_buffers", "places"]

# Data begin at multiples of this: no component is larger (glTF 2.0, 3.6.2.4).
_ALIGNMENT = 4
_COMPRESSIONS = ("EXT_meshopt_compression", "KHR_meshopt_compression")


# The bytes of each buffer, in a bytearray where some were appended; None for placeholders.
Buffers: TypeAlias = list[bytes | bytearray | None]


def places(views: list[Json]) -> Iterator[Json]:
    """All objects that say where data lie in a buffer: views, and compressed data of theirs."""
    for view in views:
        yield view
        yield from _compressed(view)


def _compressed(view: Json) -> list[Json]:
    extensions: Json = view.get("extensions", {})
    return [extensions[name] for name in _COMPRESSIONS if name in extensions]


class _Cut(NamedTuple):
    """A part of a buffer that gives way to other bytes."""

    start: int
    stop: int
    data: bytes


def assemble(gltf: Json, buffers: Buffers, fresh: Mapping[int, bytes], old: Mapping[int, int]) -> tuple[Json, Buffers]:
    """A copy of the JSON with the places of all data, and the buffers.

    Args:
        gltf: JSON whose views are as long as what they hold now.
        buffers: as they were opened; None for placeholders.
        fresh: the bytes of views that were added or changed.
        old: how long those were that changed.
    """
    if not fresh:
        return {**gltf}, buffers
    gltf = {**gltf, "buffers": copy.deepcopy(gltf["buffers"]), "bufferViews": copy.deepcopy(gltf["bufferViews"])}
    views: list[Json] = gltf["bufferViews"]
    behind = [index for index in fresh if index not in old]
    for number, buffer in enumerate(buffers):
        if buffer is None:
            continue
        cuts = []
        for index in (index for index in old if views[index]["buffer"] == number):
            start = views[index].get("byteOffset", 0)
            if _is_alone(views, fresh, old, index):
                cuts.append(_Cut(start, start + old[index], fresh[index]))
            else:
                behind.append(index)
        buffers[number] = _splice(buffer, number, sorted(cuts), list(places(views)))
    for index in sorted(behind):
        _put_behind(views[index], buffers, fresh[index])
    for entry, buffer in zip(gltf["buffers"], buffers, strict=True):
        if buffer is not None:
            entry["byteLength"] = len(buffer)
    return gltf, buffers


def _is_alone(views: list[Json], fresh: Mapping[int, bytes], old: Mapping[int, int], index: int) -> bool:
    """Whether no other data lie in the place of a view."""
    start, stop = views[index].get("byteOffset", 0), views[index].get("byteOffset", 0) + old[index]
    if _compressed(views[index]):
        return False
    for number, view in enumerate(views):
        if number == index or (number in fresh and number not in old):
            continue
        for place in (view, *_compressed(view)):
            at, length = place.get("byteOffset", 0), old.get(number, place["byteLength"])
            if place["buffer"] == views[index]["buffer"] and at < stop and start < at + length:
                return False
    return True


def _splice(buffer: bytes | bytearray, number: int, cuts: list[_Cut], all_places: list[Json]) -> bytes:
    """Put data in the place of parts of a buffer, and move what lies behind them."""
    parts, at, moves, shift = [], 0, [], 0
    for cut in cuts:
        pad = (cut.stop - cut.start - len(cut.data)) % _ALIGNMENT
        parts += [buffer[at : cut.start], cut.data, bytes(pad)]
        at = cut.stop
        shift += len(cut.data) + pad - (cut.stop - cut.start)
        moves.append((cut.stop, shift))
    parts.append(buffer[at:])
    for place in all_places:
        if place["buffer"] == number and moves:
            start = place.get("byteOffset", 0)
            moved = start + next((by for end, by in reversed(moves) if start >= end), 0)
            if moved != start:
                place["byteOffset"] = moved
    return b"".join(parts)


def _put_behind(view: Json, buffers: Buffers, data: bytes) -> None:
    """Append the data of a view to its buffer."""
    number = view["buffer"]
    # A view that shared its place leaves a placeholder of meshopt's for the buffer of new data.
    if buffers[number] is None:
        number = view["buffer"] = next(index for index, buffer in enumerate(buffers) if buffer is not None)
    buffer = buffers[number]
    if not isinstance(buffer, bytearray):
        buffer = buffers[number] = bytearray(buffer or b"")
    buffer += bytes(-len(buffer) % _ALIGNMENT)
    view["byteOffset"] = len(buffer)
    buffer += data
    for name in _COMPRESSIONS:
        view.get("extensions", {}).pop(name, None)


def embed_images(gltf: Json, buffers: Buffers, images: Mapping[int, bytes]) -> None:
    """Put images that are files of their own into the buffers."""
    if not images:
        return
    gltf["images"], views = copy.deepcopy(gltf["images"]), [*gltf.get("bufferViews", [])]
    gltf["bufferViews"] = views
    if all(buffer is None for buffer in buffers):
        buffers.append(b"")
        gltf["buffers"] = [*gltf.get("buffers", []), {"byteLength": 1}]
    home = next(index for index, buffer in enumerate(buffers) if buffer is not None)
    for index, data in images.items():
        image, view = gltf["images"][index], {"buffer": home, "byteLength": len(data)}
        _put_behind(view, buffers, data)
        views.append(view)
        image.pop("uri", None)
        image["bufferView"] = len(views) - 1
        image.setdefault("mimeType", _media_type(data))
    gltf["buffers"] = [{**each} for each in gltf["buffers"]]
    gltf["buffers"][home]["byteLength"] = len(buffers[home] or b"")


def _media_type(data: bytes) -> str:
    """The MIME type of an image by its first bytes; KTX2 and whatever else is no picture of ours is told so."""
    heads = {b"\x89PNG": "image/png", b"\xff\xd8\xff": "image/jpeg", b"RIFF": "image/webp", b"\xabKTX": "image/ktx2"}
    return next((kind for head, kind in heads.items() if data.startswith(head)), "application/octet-stream")


def join_buffers(gltf: Json, buffers: Buffers) -> bytes | bytearray | None:
    """Make one buffer of all that hold data, the first, as a GLB wants it; placeholders stay behind it."""
    held = [index for index, buffer in enumerate(buffers) if buffer is not None]
    if not held:
        return None
    entries: list[Json] = gltf["buffers"]
    if held == [0] and "uri" not in entries[0]:
        return buffers[0]
    parts, starts, at = [], {}, 0
    for index in held:
        data = buffers[index] or b""
        pad = -at % _ALIGNMENT
        starts[index] = at + pad
        parts += [bytes(pad), data]
        at += pad + len(data)
    kept = [index for index in range(len(buffers)) if index not in starts]
    numbers = {index: number for number, index in enumerate(kept, 1)}
    gltf["bufferViews"] = copy.deepcopy(gltf.get("bufferViews", []))
    for place in places(gltf["bufferViews"]):
        index = place["buffer"]
        if (start := starts.get(index, 0)) or "byteOffset" in place:
            place["byteOffset"] = place.get("byteOffset", 0) + start
        place["buffer"] = numbers.get(index, 0)
    first: dict[str, Any] = {key: value for key, value in entries[held[0]].items() if key != "uri"}
    binary = b"".join(parts)
    gltf["buffers"] = [{**first, "byteLength": len(binary)}, *(entries[index] for index in kept)]
    return binary
