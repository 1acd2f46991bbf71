"""From the bytes of one file to those of another, here or in a child process; large JPEGs are shrunk while decoded."""

from __future__ import annotations

import io
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
from PIL import Image

from .. import _worker
from .._raster import identify, probe
from ..convert import to_pil
from ..errors import WorkerError
from ..files import read_any
from ..limits import Limits
from ..resample.passes import combined, resize_runs
from .recipe import Recipe, new_height_and_width

__all__ = ["converted", "converted_apart", "keep_memory"]

# Kernels whose result hardly tells where the picture came at twice the size that is wanted.
_SMOOTH = ("bilinear", "bicubic", "lanczos", "area")

# Where the rows and columns that a JPEG's blocks leave over at the right and the bottom lie once it is upright: the
# share of them (columns, rows) at the left and at the top, by orientation.
_LEFT = {2: (1, 0), 3: (1, 0), 6: (0, 1), 7: (0, 1)}
_TOP = {3: (0, 1), 4: (0, 1), 7: (1, 0), 8: (1, 0)}

# Results that share one matrix: 8 take a tenth less than 16 where a pass shrinks by two or more.
_RESULTS = 8

_COLUMNS = 512

Box = tuple[float, float, float, float]

# As large as Pillow's blocks.
_KEPT = 1 << 24


def keep_memory() -> None:
    """Let the C library keep one picture's memory for the next: page faults took a fifth of the time.

    glibc raises its thresholds to the largest block that was ever freed (mallopt(3), M_MMAP_THRESHOLD).
    """
    bytearray(_KEPT)


def converted(data: bytes, name: str, suffix: str, recipe: Recipe, limits: Limits | None) -> bytes:
    """The file `data` after the recipe, as the bytes of a file with this suffix; `name` is for messages."""
    small = _shrunk(data, name, recipe, limits)
    image, done = (_read(data, name, recipe, limits), 0) if small is None else (small, 1)
    return recipe.encoded(recipe.apply(image, subject=name, limits=limits, after=done), suffix)


def converted_apart(data: bytes, name: str, suffix: str, recipe: Recipe, limits: Limits) -> bytes:
    """The same in a child process, within `max_seconds` and `max_memory`.

    Raises:
        As `converted`, and
        LimitError: code "timeout" too.
        WorkerError: the child crashed.
    """
    task = data, name, suffix, recipe, limits, Image.MAX_IMAGE_PIXELS
    return _worker.call(f"{__name__}:_in_child", *task, subject=name, limits=limits, unpack=_unpacked)


def _in_child(data: bytes, name: str, suffix: str, recipe: Recipe, limits: Limits, ceiling: int | None) -> bytearray:
    # The user's own setting of Pillow's ceiling counts here too.
    Image.MAX_IMAGE_PIXELS = ceiling
    keep_memory()
    return bytearray(converted(data, name, suffix, recipe, limits))


def _unpacked(answer: Any) -> bytes:
    """A copy of what is only lent; it may come from a process that a file has taken over."""
    if not isinstance(answer, (bytes, bytearray, memoryview)):
        raise WorkerError("worker", "a file", type(answer).__name__, "leave the file out")
    return bytes(answer)


def _read(data: bytes, name: str, recipe: Recipe, limits: Limits | None, **options: Any) -> Any:
    file = io.BytesIO(data)
    file.name = name
    # With limits we are in a child process already.
    isolate = False if limits is None else None
    return read_any(file, limits=limits, allow_truncated=recipe.allow_truncated, isolate=isolate, **options)


# ---------------------------------------------------------------- JPEGs, decoded to a half, a quarter or an eighth


def _shrunk(data: bytes, name: str, recipe: Recipe, limits: Limits | None) -> Image.Image | None:
    """The picture after the first step, where that makes a JPEG four times smaller or more; else None."""
    keywords = _first_resize(recipe)
    if keywords is None or identify(data) != "jpeg":
        return None
    header = probe(data, name=name, limits=limits)
    stored = header.width, header.height
    width, height = stored if header.orientation < 5 else stored[::-1]
    whole: Any = SimpleNamespace(width=width, height=height)
    wanted = new_height_and_width(whole, keywords, subject=name, limits=limits)
    # Twice what is wanted: so much keeps a kernel's result within a few codes.
    at_least = 2 * wanted[0], 2 * wanted[1]
    if height < 2 * at_least[0] or width < 2 * at_least[1]:
        return None
    image = to_pil(_read(data, name, recipe, limits, at_least=at_least))
    box = _box(image.size, stored, header.orientation)
    small = Image.fromarray(_resized(np.asarray(image), wanted, keywords.get("method", "lanczos"), box))
    small.info = image.info
    return small


def _first_resize(recipe: Recipe) -> Mapping[str, Any] | None:
    """The keywords of the first step where it is a resize that smaller pixels will do for."""
    if not recipe.steps or recipe.steps[0][0] != "resize":
        return None
    keywords = recipe.steps[0][1]
    smooth = keywords.get("method", "lanczos") in _SMOOTH and keywords.get("antialias", True)
    return keywords if smooth and not keywords.get("linear") else None


def _box(size: tuple[int, int], stored: tuple[int, int], orientation: int) -> Box:
    """The part of a reduced picture that the whole one covers: blocks are whole, so there is a part of a pixel more."""
    reduced = size if orientation < 5 else size[::-1]
    factor = next(
        (
            each
            for each in (1, 2, 4, 8)
            if all(-(-old // each) == new for old, new in zip(stored, reduced, strict=True))
        ),
        1,
    )
    more = [new - old / factor for new, old in zip(reduced, stored, strict=True)]
    across, down = more if orientation < 5 else more[::-1]
    left = sum(share * each for share, each in zip(_LEFT.get(orientation, (0, 0)), more, strict=True))
    top = sum(share * each for share, each in zip(_TOP.get(orientation, (0, 0)), more, strict=True))
    return left, top, size[0] - (across - left), size[1] - (down - top)


def _resized(codes: Any, size: tuple[int, int], method: str, box: Box) -> Any:
    """What Pillow gives for a box, columns first, within one code and in half its time."""
    left, top, right, bottom = box
    # A pass works on whole rows; for the columns the picture is turned over.
    codes = _pass(codes, size[0], method, (top, bottom))
    return cv2.transpose(_pass(cv2.transpose(codes), size[1], method, (left, right)))


def _pass(codes: Any, new: int, method: str, part: tuple[float, float]) -> Any:
    """The rows of a picture resampled to `new` ones, by matrix products; codes (H, W) or (H, W, C)."""
    runs = resize_runs(len(codes), new, method, True, "float32", part, _RESULTS)
    rows = codes.reshape(len(codes), -1)
    result = np.empty((new, rows.shape[1]), np.uint8)
    # Some columns at a time, which stay in the cache.
    for start in range(0, rows.shape[1], _COLUMNS):
        columns = slice(start, start + _COLUMNS)
        old = rows[:, columns].astype(np.float32)
        sums = np.empty((new, old.shape[1]), np.float32)
        combined(runs, old, sums)
        sums += 0.5
        result[:, columns] = np.clip(sums, 0, 255.5, out=sums)
    return result.reshape(new, *codes.shape[1:])
