"""JPEG pictures by the decoder of the graphics card: which it may see, and how they come out.

What it sees has been walked from the first marker to the last: a baseline or progressive picture of 8 bits, gray or
Y'CbCr, whole, with tables of the right length. Everything else, and what the card's decoder refuses, is for the
decoder that reads every JPEG.
"""

from __future__ import annotations

import logging
import re
import struct
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from .._metadata.orientation import orientation_of
from .._raster.guard import foreign
from .._raster.job import Profile, open_image, prepare
from .._raster.profile import image_to_srgb

if TYPE_CHECKING:
    import torch
    from PIL import Image

    from ..limits import Limits

__all__ = ["CheckedJpeg", "check_jpeg", "decode_jpegs"]

_log = logging.getLogger("aikit")


@dataclass(frozen=True, slots=True)
class CheckedJpeg:
    """A JPEG that the card's decoder may see, and the orientation that it does not look at."""

    data: bytes
    name: str
    pixels: int
    channels: int
    orientation: int


def check_jpeg(data: bytes, *, name: str, profile: Profile, limits: Limits | None) -> CheckedJpeg | None:
    """Check what may be handed to the card; None where another decoder has to read these bytes, or to say what is wrong with them.

    Raises:
        FileFormatError: not a picture, or damaged.
        LimitError: larger than `limits` allow.
    """
    if data[:3] != b"\xff\xd8\xff":
        return None
    job = prepare(data, name, profile, limits, False)
    channels = _count_channels(data)
    if channels is None:
        return None
    with foreign(name, "jpeg"):
        image = open_image(job)
        # Without a marker of Adobe's that says 0, three components are Y'CbCr.
        if image.info.get("adobe_transform") == 0:
            return None
        if profile == "srgb" and not _is_srgb(image, name):
            return None
        return CheckedJpeg(data, name, image.width * image.height, channels, orientation_of(image.info))


def _is_srgb(image: Image.Image, name: str) -> bool:
    """Whether a picture's profile changes nothing: then a pixel with that profile comes back as the object it was."""
    from PIL import Image

    pixel = Image.new(image.mode, (1, 1))
    pixel.info["icc_profile"] = image.info.get("icc_profile")
    return image_to_srgb(pixel, name) is pixel


# ---------------------------------------------------------------- the walk


# ITU-T T.81, table B.1. Frames: baseline, extended and progressive, all with Huffman codes.
_FRAMES = (0xC0, 0xC1, 0xC2)
_OTHER_FRAMES = (0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF)
_DHT, _EOI, _SOS, _DQT, _DNL = 0xC4, 0xD9, 0xDA, 0xDB, 0xDC

# The end of a scan: a marker that is neither a stuffed zero nor a restart.
_NEXT_MARKER = re.compile(rb"\xff+([^\x00\xff\xd0-\xd7])")


def _count_channels(data: bytes) -> int | None:
    """1 or 3 for a whole gray or Y'CbCr picture without anything unusual in it, else None."""
    at, components, scans = 2, None, 0
    try:
        while True:
            found = _NEXT_MARKER.match(data, at)
            if found is None:
                return None
            marker, at = found[1][0], found.end()
            if marker == _EOI:
                return len(components) if components and scans else None
            (length,) = struct.unpack_from(">H", data, at)
            body, at = data[at + 2 : at + length], at + length
            if marker in _OTHER_FRAMES or marker == _DNL:
                return None
            if marker in _FRAMES:
                if components is not None:
                    return None
                components = _read_components(body)
            fits = {_DHT: _is_sound_huffman, _DQT: _is_sound_quantization}.get(marker)
            if fits is not None and not fits(body):
                return None
            if marker == _SOS:
                if components is None or not _is_sound_scan(body, components):
                    return None
                found = _NEXT_MARKER.search(data, at)
                at, scans = found.start() if found else len(data), scans + 1
    except (struct.error, IndexError):
        return None


def _read_components(body: bytes) -> bytes | None:
    """Read the identifiers of a frame's components, where they are what JFIF says: 1, or 1, 2 and 3."""
    depth, height, width, count = struct.unpack_from(">BHHB", body)
    ids, samplings, tables = body[6::3], body[7::3], body[8::3]
    # 4:4:4, 4:2:2, 4:4:0, 4:2:0 and 4:1:1; of a gray picture the sampling says nothing.
    usual = samplings[0] in (0x11, 0x12, 0x21, 0x22, 0x41) and set(samplings[1:]) <= {0x11}
    sound = depth == 8 and height and width and len(body) == 6 + 3 * count and max(tables) < 4
    return ids if sound and usual and ids in (b"\x01", b"\x01\x02\x03") else None


def _is_sound_scan(body: bytes, components: bytes) -> bool:
    count = body[0]
    ids, tables = body[1 : 1 + 2 * count : 2], body[2 : 2 + 2 * count : 2]
    first, last, shifts = body[1 + 2 * count :]
    return (
        len(body) == 4 + 2 * count
        and 1 <= count <= len(components)
        and len(set(ids)) == count
        and set(ids) <= set(components)
        and all(table >> 4 < 4 and table & 15 < 4 for table in tables)
        and first <= last < 64
        and shifts >> 4 < 14
        and shifts & 15 < 14
    )


def _is_sound_huffman(body: bytes) -> bool:
    """Whether tables end where their segment does and no code is given twice (T.81, annex C)."""
    at = 0
    while at < len(body):
        counts = body[at + 1 : at + 17]
        available = 1
        for count in counts:
            available = 2 * available - count
            if available < 0:
                return False
        if len(counts) < 16 or body[at] >> 4 > 1 or body[at] & 15 > 3 or sum(counts) > 256:
            return False
        at += 17 + sum(counts)
    return at == len(body)


def _is_sound_quantization(body: bytes) -> bool:
    at = 0
    while at < len(body):
        if body[at] >> 4 > 1 or body[at] & 15 > 3:
            return False
        at += 65 if body[at] < 16 else 129
    return at == len(body)


# ---------------------------------------------------------------- the decoder


def decode_jpegs(files: Sequence[CheckedJpeg], device: torch.device) -> list[torch.Tensor] | None:
    """Decode all pictures to uint8 (C, H, W) on the device, upright; None where its decoder refuses one of them."""
    import torch

    pictures: dict[int, torch.Tensor] = {}
    try:
        # torchvision says that these will go; the CPU reads what they read.
        from torchvision.io import ImageReadMode, decode_jpeg

        for channels, mode in ((1, ImageReadMode.GRAY), (3, ImageReadMode.RGB)):
            chosen = [index for index, file in enumerate(files) if file.channels == channels]
            # A bytearray, because torch warns of memory that it must not write to.
            codes = [torch.frombuffer(bytearray(files[index].data), dtype=torch.uint8) for index in chosen]
            with _decoder_memory(device) as hand_over:
                decoded = decode_jpeg(codes, mode=mode, device=device) if codes else []
            for index, picture in zip(chosen, map(hand_over, decoded), strict=True):
                pictures[index] = _turn(picture, files[index].orientation)
    except torch.OutOfMemoryError:
        raise
    except (RuntimeError, ImportError) as error:
        # It gives no part of a batch, and may lack what a file asks for; the other decoder has the last word.
        _log.info("%d JPEG files go to the CPU, the decoder of %s says: %s", len(files), device, error)
        return None
    return [pictures[index] for index in range(len(files))]


@contextmanager
def _decoder_memory(device: torch.device) -> Iterator[Callable[[torch.Tensor], torch.Tensor]]:
    """Let the decoder write into memory of a stream of its own; what is given hands its results to the caller's stream.

    nvJPEG writes without waiting for the work that is queued on the current stream, and torch takes the memory for its
    results from that stream: from blocks that kernels may still be about to read. To synchronise first does not do where
    threads share a stream, for one may queue kernels and free their memory while the other waits for the decoder.

    Source: pytorch/vision, pull request 9606; meta-pytorch/torchcodec, pull request 1634.
    """
    if device.type != "cuda":
        yield lambda picture: picture
        return
    import torch

    caller = torch.cuda.current_stream(device)
    own = _own_stream(caller.device)

    def hand_over(picture: torch.Tensor) -> torch.Tensor:
        # Not to be taken for another picture before the caller's kernels have read it.
        picture.record_stream(caller)
        return picture

    with torch.cuda.stream(own):
        yield hand_over
    caller.wait_stream(own)


@cache
def _own_stream(device: torch.device) -> torch.cuda.Stream:
    import torch

    return torch.cuda.Stream(device)  # type: ignore[no-untyped-call]


def _turn(picture: torch.Tensor, orientation: int) -> torch.Tensor:
    """Bring rows and columns upright (EXIF 2.32, section 4.6.4, tag 274)."""
    if orientation >= 5:
        picture = picture.transpose(1, 2)
    flips = {2: [2], 3: [1, 2], 4: [1], 6: [2], 7: [1, 2], 8: [1]}.get(orientation)
    return picture.flip(flips) if flips else picture
