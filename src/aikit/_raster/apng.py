"""Animated PNG: each frame as a PNG of its own.

Source: W3C, "Portable Network Graphics Specification, Third Edition", sections 11.3.6 and 12.11.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import partial
from itertools import islice

from .animation import Animation, Canvas, Dispose, Layer
from .high_depth import chunk
from .integrity import Facts, corrupt, truncated
from .png import png_chunks

__all__ = ["animation_of"]

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_DISPOSE: tuple[Dispose, ...] = ("keep", "clear", "restore")


def animation_of(data: bytes, facts: Facts, name: str, *, lenient: bool) -> Animation | None:
    """The animation in a PNG; None where it is one picture.

    Args:
        data: the whole file, whose chunks were looked at.
        facts: what they said.
        name: how messages call it.
        lenient: take the frames that are there of a file that ends too early.
    """
    control = facts.chunks[b"acTL"]
    if len(control) != 8:
        raise corrupt(name, "png", f"an acTL chunk of {len(control)} bytes")
    declared, loop = struct.unpack(">II", control)
    canvas = Canvas(facts.width, facts.height)
    plain = False
    for default, layer in islice(_layers(data, facts, name, lenient), declared):
        plain |= default
        canvas.add(layer)
    if not canvas.frames:
        return None
    if canvas.frames < declared and not lenient:
        raise truncated(name, "png", f"{canvas.frames} of {declared} frames")
    frames = canvas.frames
    return Animation(
        width=facts.width,
        height=facts.height,
        frames=frames,
        transparent=canvas.transparent,
        plain=plain,
        layers=lambda: (layer for _, layer in islice(_layers(data, facts, name, lenient), frames)),
        info={"loop": loop},
    )


def _layers(data: bytes, facts: Facts, name: str, lenient: bool) -> Iterator[tuple[bool, Layer]]:
    """Each frame, and whether it is the picture that readers of plain PNG show."""
    head, shared = b"", b""
    layer: tuple[bytes, bool] | None = None
    pixels: list[memoryview] = []
    expected, seen = 0, False
    for kind, body in png_chunks(data, name, lenient=lenient):
        if kind == b"IHDR":
            head = bytes(body)
        elif kind in (b"PLTE", b"tRNS"):
            shared += chunk(kind, bytes(body))
        elif kind in (b"fcTL", b"fdAT"):
            if len(body) < (26 if kind == b"fcTL" else 4):
                if lenient:
                    break
                raise corrupt(name, "png", f"a chunk of {len(body)} bytes for a frame")
            if int.from_bytes(body[:4], "big") != expected:
                raise corrupt(
                    name, "png", f"frame chunks out of order, {int.from_bytes(body[:4], 'big')} for {expected}"
                )
            expected += 1
        if kind == b"fcTL":
            if layer is not None:
                yield layer[1], _layer(layer[0], pixels, head, shared, facts, name)
            layer, pixels = (bytes(body[:26]), not seen), []
        elif kind == b"IDAT":
            seen = True
            if layer is not None and layer[1]:
                pixels.append(body)
        elif kind == b"fdAT" and layer is not None:
            pixels.append(body[4:])
    if layer is not None and (pixels or not lenient):
        yield layer[1], _layer(layer[0], pixels, head, shared, facts, name)


def _layer(control: bytes, pixels: list[memoryview], head: bytes, shared: bytes, facts: Facts, name: str) -> Layer:
    _, width, height, left, top, delay, unit, dispose, blend = struct.unpack(">IIIIIHHBB", control)
    if not width or not height or left + width > facts.width or top + height > facts.height:
        where = f"a frame of {width} x {height} at {left}, {top}"
        raise corrupt(name, "png", f"{where} in a picture of {facts.width} x {facts.height}")
    unit = unit or 100
    if dispose > 2 or blend > 1 or not pixels:
        raise corrupt(name, "png", f"a frame of {len(pixels)} chunks with methods {dispose} and {blend}")
    return Layer(
        left=left,
        top=top,
        width=width,
        height=height,
        dispose=_DISPOSE[dispose],
        over=blend == 1,
        opaque=not facts.transparent,
        # Whole milliseconds as a whole number, as GIF has them.
        duration=delay * 1000 // unit if delay * 1000 % unit == 0 else delay * 1000 / unit,
        file=partial(_file_of, struct.pack(">II", width, height) + head[8:], shared, pixels),
    )


def _file_of(head: bytes, shared: bytes, pixels: list[memoryview]) -> bytes:
    data = b"".join(chunk(b"IDAT", bytes(part)) for part in pixels)
    return b"".join([_SIGNATURE, chunk(b"IHDR", head), shared, data, chunk(b"IEND", b"")])
