"""The work on one file: read it, follow the recipe, put the result in its place."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from .._bytes import read_bytes, write_bytes
from ..errors import AikitError, FileAccessError, WorkerError
from ..limits import Limits
from .planning import Job
from .recipe import Recipe
from .reporting import Failure, code_of

__all__ = ["Announce", "Work"]

# Called with the output's SHA-256 just before it is put in its place.
Announce = Callable[[Job, str], None]

# Smooth kernels, whose result hardly tells where the picture came at half its size.
_SMOOTH = ("bilinear", "bicubic", "lanczos", "area")

# Where the rows and columns that a JPEG's blocks leave over at the right and the bottom lie once it is upright: the
# share of them (columns, rows) at the left and at the top, by orientation.
_LEFT = {2: (1, 0), 3: (1, 0), 6: (0, 1), 7: (0, 1)}
_TOP = {3: (0, 1), 4: (0, 1), 7: (1, 0), 8: (1, 0)}


@dataclass(frozen=True, slots=True)
class Work:
    """What an engine does for each job, in a thread or in a process of another machine.

    With limits the file is read in a child process, which may crash, hang or grow without harm.
    """

    recipe: Recipe
    limits: Limits | None

    def __call__(self, job: Job, announce: Announce | None = None) -> Failure | None:
        """Convert one file; what is wrong with it is returned."""
        try:
            data = self._converted(job)
            if announce is not None:
                announce(job, hashlib.sha256(data).hexdigest())
            _put(job, data)
        except MemoryError:
            message = "image: expected a picture that fits into memory, got a larger one; pass workers=1."
            return Failure(str(job.source), message, "memory")
        except AikitError as error:
            return Failure(str(job.source), str(error), code_of(error))
        return None

    def _converted(self, job: Job) -> bytes:
        image, done = self._read(job.source)
        return self.recipe.encoded(self.recipe.apply(image, after=done), job.target.suffix)

    def _read(self, source: Any) -> tuple[Any, int]:
        """The picture, and how many steps of the recipe are done with it."""
        sizes = self._first_resize()
        if sizes is not None:
            source = _Named(read_bytes(source, limits=self.limits), os.fspath(source))
            if (small := self._read_small(source, sizes)) is not None:
                return small, 1
        return self._read_any(source), 0

    def _read_any(self, source: Any, **options: Any) -> Any:
        from ..files import read_any

        options |= {"limits": self.limits, "allow_truncated": self.recipe.allow_truncated}
        if self.limits is not None:
            options["isolate"] = True
        try:
            return read_any(source, **options)
        except WorkerError as error:
            # A child that the system killed for its memory is not the file's fault: the second time it is.
            if error.code != "worker_crashed":
                raise
            if isinstance(source, _Named):
                source.seek(0)
            return read_any(source, **options)

    # ------------------------------------------------------------ JPEGs, decoded to a half, a quarter or an eighth

    def _first_resize(self) -> dict[str, Any] | None:
        """The keywords of the first step where it is a resize that smaller pixels will do for."""
        if not self.recipe.steps or self.recipe.steps[0][0] != "resize":
            return None
        keywords = dict(self.recipe.steps[0][1])
        smooth = keywords.get("method", "lanczos") in _SMOOTH and keywords.get("antialias", True)
        return keywords if smooth and not keywords.get("linear") else None

    def _read_small(self, source: _Named, keywords: dict[str, Any]) -> Any:
        """The resized picture, where the file is a JPEG at least four times as large as is wanted; else None."""
        from .._raster import identify, probe
        from ..convert import to_pil
        from ..resample.size import new_size

        data = source.getvalue()
        if identify(data) != "jpeg":
            return None
        header = probe(data, name=source.name, limits=self.limits)
        stored = header.width, header.height
        full = SimpleNamespace(width=stored[0], height=stored[1])
        if header.orientation >= 5:
            full = SimpleNamespace(width=stored[1], height=stored[0])
        wanted: Any = new_size(full, keywords.get("height"), keywords.get("width"), keywords.get("scale"))  # type: ignore[arg-type]
        # Twice what is wanted: so much keeps a kernel's result within a few codes.
        at_least = 2 * wanted[0], 2 * wanted[1]
        if full.height < 2 * at_least[0] or full.width < 2 * at_least[1]:
            return None
        image = to_pil(self._read_any(source, at_least=at_least))
        box = _box(image.size, stored, header.orientation)
        info, method = image.info, keywords.get("method", "lanczos")
        image = image.resize(wanted[::-1], _resampling(method), box)
        image.info = info
        return image


def _resampling(method: str) -> Any:
    from PIL.Image import Resampling

    return Resampling["BOX" if method == "area" else method.upper()]


def _box(size: tuple[int, int], stored: tuple[int, int], orientation: int) -> tuple[float, float, float, float]:
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


class _Named(io.BytesIO):
    """The bytes of a file under its name, for messages."""

    def __init__(self, data: bytes, name: str) -> None:
        super().__init__(data)
        self.name = name


def _put(job: Job, data: bytes) -> None:
    folder = job.target.parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileAccessError(
            f"{folder}: expected a folder that can be made, got {error.strerror!r}; check the path.",
            errno=error.errno,
            filename=str(folder),
        ) from error
    write_bytes(job.target, data)
