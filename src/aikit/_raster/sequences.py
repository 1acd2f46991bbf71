"""Several pictures in one file: animations of PNG, GIF, WebP and AVIF, and the pages of a TIFF."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from numbers import Real

import numpy as np
from PIL import Image

from ..errors import InputTypeError, InputValueError, quoted
from .containers import Placed, join_gif, join_png, join_tiff, join_webp
from .encode import encode, encode_avif_frames
from .formats import Format
from .high_depth import Samples
from .integrity import word
from .metadata import Metadata, fitted, with_chunks
from .options import EncodeOptions, check_options

__all__ = ["Times", "check_times", "encode_frames"]

# The formats that are animations, with the longest time of one frame in milliseconds and how often it may loop.
_MOVING = {"gif": (655_350, 65535), "png": (65_535_000, 2**31 - 1), "webp": (2**24 - 1, 65535), "avif": (2**31 - 1, 0)}
# In milliseconds, where nobody says anything.
_USUAL = 100.0


@dataclass(frozen=True, slots=True)
class Times:
    """How long each frame is shown, in milliseconds, and how often all are: 0 is for ever."""

    durations: list[float]
    loop: int


def check_times(
    target: Format, durations: object, loop: object, known: Sequence[float | None], known_loop: int | None
) -> Times | None:
    """The times of an animation, from what was passed or what the frames themselves say; None for pages.

    Args:
        target: the format.
        durations: milliseconds for all frames or for each, None for what is known or the usual 100.
        loop: how often it is played as the format counts, None for what is known or for ever.
        known: what the frames say, in milliseconds.
        known_loop: what the first of them says.
    """
    title = word(target.name)
    if target.name not in _MOVING:
        for subject, value in (("duration", durations), ("loop", loop)):
            if value is not None:
                raise InputValueError(
                    subject, f"None for {title}, which is no animation", quoted(value), "leave it out"
                )
        return None
    if target.name == "avif" and len(known) == 1 and durations is not None:
        # Its writer makes a still picture of one frame, which has no time.
        raise InputValueError("duration", "None for AVIF of one frame", quoted(durations), "write WebP or PNG")
    longest, most = _MOVING[target.name]
    if durations is None:
        each = [_USUAL if value is None else value for value in known]
    elif isinstance(durations, Sequence) and not isinstance(durations, (str, bytes)):
        if len(durations) != len(known):
            raise InputValueError(
                "duration",
                f"one number, or {len(known)} for as many frames",
                f"{len(durations)} of them",
                "pass one each",
            )
        each = [_duration(value) for value in durations]
    else:
        each = [_duration(durations)] * len(known)
    for value in each:
        if not 0 <= value <= longest or not math.isfinite(value):
            raise InputValueError("duration", f"0 to {longest} milliseconds for {title}", quoted(value), "pass others")
    if loop is None:
        loop = min(known_loop or 0, most)
    if isinstance(loop, bool) or not isinstance(loop, int):
        raise InputTypeError("loop", "a whole number", quoted(loop), "pass 0 to play it for ever")
    if not 0 <= loop <= most:
        expected = f"0 to {most} for {title}" if most else f"0 for {title}, which is played for ever"
        raise InputValueError("loop", expected, quoted(loop), "pass 0 to play it for ever")
    return Times(each, loop)


def _duration(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, Real):
        raise InputTypeError("duration", "milliseconds, or a list of them", quoted(value), "pass for instance 40")
    return float(value)


def encode_frames(
    frames: Sequence[tuple[Image.Image | Samples, Metadata]],
    target: Format,
    times: Times | None,
    options: EncodeOptions,
) -> bytes:
    """Encode upright, resolved pictures as the frames of an animation or the pages of a TIFF.

    Args:
        frames: pictures as `encode` takes them, each with its metadata; animations take those of the first.
        target: the format.
        times: as `check_times` gives them.
        options: as `encode` takes them.

    Raises:
        InputValueError: the format holds one picture alone, or not these.
    """
    check_options(target, options)
    for option in ("optimize", "palette"):
        # Each frame would get colors of its own, and an animated PNG has one palette.
        if value := getattr(options, option):
            raise InputValueError(option, "None for an animation", quoted(value), "leave it out, or write one image")
    if times is None:
        if target.name != "tiff":
            do = "write GIF, WebP, PNG, AVIF or TIFF, or a file each"
            raise InputValueError("image", f"one image for {word(target.name)}", f"{len(frames)} of them", do)
        return join_tiff(
            [
                encode(picture, "tiff", options, metadata=beside, name=f"page {index}")
                for index, (picture, beside) in enumerate(frames)
            ]
        )
    beside = fitted(frames[0][1], target.name, target.metadata, word(target.name))
    pictures = _of_one_mode([picture for picture, _ in frames])
    size = _one_size(pictures, target)
    if target.name == "avif":
        return encode_avif_frames(pictures, times.durations, options=options, metadata=beside)
    # A GIF can leave a place as it is, and not empty it with a picture: what has holes comes whole, on an empty canvas.
    clear = target.name == "gif" and any(map(_has_holes, pictures))
    placed = [
        Placed(
            file=encode(_cut(picture, box), target.name, options, name=f"frame {index}"),
            left=box[0],
            top=box[1],
            width=box[2] - box[0],
            height=box[3] - box[1],
            duration=duration,
            clear=clear,
        )
        for index, (picture, box, duration) in enumerate(
            zip(pictures, _boxes(pictures, whole=clear), times.durations, strict=True)
        )
    ]
    if target.name == "png":
        return with_chunks(join_png(size, placed, times.loop), beside)
    if target.name == "gif":
        return join_gif(size, placed, times.loop, beside.comment)
    return join_webp(size, placed, times.loop, beside)


def _of_one_mode(pictures: list[Image.Image | Samples]) -> list[Image.Image | Samples]:
    """Pictures of 8 bits in the one mode that holds them all."""
    modes = {picture.mode if isinstance(picture, Image.Image) else "" for picture in pictures}
    if len(modes) == 1 or not modes <= {"L", "LA", "RGB", "RGBA"}:
        return pictures
    mode = ("RGB" if modes & {"RGB", "RGBA"} else "L") + ("A" if modes & {"LA", "RGBA"} else "")
    return [picture.convert(mode) if isinstance(picture, Image.Image) else picture for picture in pictures]


def _one_size(pictures: list[Image.Image | Samples], target: Format) -> tuple[int, int]:
    sizes = [each.size if isinstance(each, Image.Image) else each.shape[1::-1] for each in pictures]
    for index, size in enumerate(sizes):
        if size != sizes[0]:
            first, other = ("{} x {}".format(*each) for each in (sizes[0], size))
            raise InputValueError(
                f"frame {index}",
                f"{first} pixels as in frame 0, for {word(target.name)} has one size",
                other,
                "resize or pad the frames, or write the pages of a TIFF",
            )
    return sizes[0]


def _has_holes(picture: Image.Image | Samples) -> bool:
    if not isinstance(picture, Image.Image) or picture.mode not in ("LA", "RGBA"):
        return False
    least = np.asarray(picture.getchannel("A")).min()
    return bool(least < 255)


Box = tuple[int, int, int, int]


def _boxes(pictures: list[Image.Image | Samples], *, whole: bool) -> Iterator[Box]:
    """Left, top, right and bottom of what changes with each picture; left and top are even, as WebP wants them."""
    before: Samples | None = None
    for picture in pictures:
        codes = np.asarray(picture)
        height, width = codes.shape[:2]
        if before is None or whole or before.shape != codes.shape:
            yield 0, 0, width, height
        else:
            changed = (codes != before).reshape(height, width, -1).any(2)
            rows, columns = np.flatnonzero(changed.any(1)), np.flatnonzero(changed.any(0))
            if rows.size:
                left, top = int(columns[0]) // 2 * 2, int(rows[0]) // 2 * 2
                yield left, top, int(columns[-1]) + 1, int(rows[-1]) + 1
            else:
                yield 0, 0, 1, 1
        before = codes


def _cut(picture: Image.Image | Samples, box: Box) -> Image.Image | Samples:
    left, top, right, bottom = box
    if isinstance(picture, Image.Image):
        return picture if box == (0, 0, *picture.size) else picture.crop(box)
    return picture[top:bottom, left:right]
