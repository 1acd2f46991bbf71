"""From the bytes of one file to those of another, here or in a child process; large JPEGs are shrunk while decoded."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

from .._io import name_of, read_bytes
from .._pixels import load
from .._raster import EncodeOptions, Format, capabilities, check_options, identify, options_of, probe
from ..convert import to_pil
from ..errors import FileFormatError, InputValueError
from ..files import encode, encode_planes, encode_with_info, read_frames, read_planes, read_with_info
from ..isolation import guarded, register_record
from ..limits import Limits
from ..operations.registry import import_modules, modules_of
from ..resample.passes import Resizing
from ..resample.size import new_size
from ..resample.uint8 import by_matrices
from ..types import AnyImage, Source
from .options import ChannelKind, FileOptions
from .steps import Keywords, Step, apply_steps, check_size, size_of

__all__ = ["Made", "apply_to_file", "check_formats", "keep_memory", "pick_format"]

# Kernels whose result hardly tells where the picture came at twice the size that is wanted.
_SMOOTH = ("bilinear", "bicubic", "lanczos", "area")

# Where the rows and columns that a JPEG's blocks leave over at the right and the bottom lie once it is upright: the
# share of them (columns, rows) at the left and at the top, by orientation.
_LEFT = {2: (1, 0), 3: (1, 0), 6: (0, 1), 7: (0, 1)}
_TOP = {3: (0, 1), 4: (0, 1), 7: (1, 0), 8: (1, 0)}

Box = tuple[float, float, float, float]
Array = npt.NDArray[np.generic]
Info = Mapping[Any, Any]

# As large as Pillow's blocks.
_KEPT = 1 << 24


class Made(NamedTuple):
    """What a file became.

    Attributes:
        data: the other file.
        frames: how many of its frames or pages are in that.
        frames_left: how many are not.
        bad_profile: what is wrong with its profile, where that was to be ignored; else empty.
    """

    data: bytes
    frames: int
    frames_left: int
    bad_profile: str

    def remarks(self) -> Iterator[tuple[str, str]]:
        """Say what is not as one might think, with its code."""
        if self.frames_left:
            count = self.frames_left + self.frames
            yield f"{self.frames} of {count} frames or pages converted, {self.frames_left} left", "frames_left"
        if self.bad_profile:
            yield f"{self.bad_profile}; its codes are taken as sRGB", "corrupt"


register_record(Made)


def check_formats(formats: Iterable[str], options: FileOptions) -> None:
    """Try how pictures are written on one pixel, so that a mistake is said once and before any work."""
    names = sorted({capabilities(name).name for name in formats})
    if not names:
        return
    pixel = np.zeros((1, 1), np.uint8) if options.channels == "data" else Image.new("RGB", (1, 1))
    for name in names:
        _encode(pixel, name, options, {})
    # A folder may hold formats that know no quality beside those that do; an option that none knows is a mistake.
    known = [options_of(capabilities(name), options.encoding) for name in names]
    for option in (each.name for each in fields(EncodeOptions)):
        if all(getattr(each, option) is None for each in known):
            check_options(
                capabilities(names[0]), replace(EncodeOptions(), **{option: getattr(options.encoding, option)})
            )


def _encode(image: AnyImage, format: str, options: FileOptions, info: Info) -> bytes:
    """Encode with those of the options that the format has."""
    if options.channels == "data":
        return _encode_planes([image], format, options, info)
    return encode_with_info(
        image,
        format,
        info,
        options_of(capabilities(format), options.encoding),
        metadata=options.metadata,
        profile=options.profile_to_write,
    )


def _encode_planes(images: list[AnyImage], format: str, options: FileOptions, info: Info) -> bytes:
    encoding = options_of(capabilities(format), options.encoding)
    return encode_planes(images, format, info, encoding, metadata=options.metadata)


def _encode_all(images: list[AnyImage], format: str, options: FileOptions) -> bytes:
    if options.channels == "data":
        return _encode_planes(images, format, options, {})
    return encode(
        images,
        format,
        metadata=options.metadata,
        **asdict(options_of(capabilities(format), options.encoding)),
        profile=options.profile_to_write,
    )


def keep_memory() -> None:
    """Let the C library keep one picture's memory for the next: page faults took a fifth of the time.

    glibc raises its thresholds to the largest block that was ever freed (mallopt(3), M_MMAP_THRESHOLD).
    """
    bytearray(_KEPT)


def apply_to_file(
    source: Source,
    to: str | tuple[str, ...] | None,
    steps: tuple[Step, ...],
    options: FileOptions,
    limits: Limits | None,
) -> Made:
    """A file after the steps, as the bytes of another; with limits in a child process, within time and memory.

    Of several formats the first is taken that holds what the steps give.
    """
    name, data = name_of(source), read_bytes(source, limits=limits)
    task = data, name, to or _format_of(data, name), steps, options, limits
    if limits is None:
        return _apply(*task)
    modules = modules_of([step for step, _ in steps])
    return guarded(_in_child, modules, *task, subject=name, limits=limits, isolate=True, expect=Made)


def _format_of(data: bytes, name: str) -> str:
    """Find the format the data are in, which has to be one to write."""
    found = identify(data)
    if found is None:
        probe(data, name=name)  # which says why it cannot be read
    try:
        return capabilities(found or "").name
    except InputValueError as error:
        remedy = 'pass to="png" or another format'
        raise InputValueError(
            "to", "a format to write", f"none, and {found or 'an unknown one'} in {name}", remedy
        ) from error


def pick_format(names: tuple[str, ...], image: AnyImage, channels: ChannelKind = "color") -> Format:
    """The first format that holds an image's alpha, depth and size, or else the last, whose error says what it lacks.

    Planes of data go into the one format that holds all of them.
    """
    if channels == "data":
        return next((target for target in map(capabilities, names) if target.name == "tiff"), capabilities(names[0]))
    spec = load(image).spec
    for target in map(capabilities, names):
        # Floats become the codes of the format, as everywhere; 16 bits would lose half of theirs.
        deep = spec.dtype != "uint16" or (target.color16 if spec.channels > 1 else target.gray16)
        small = target.max_side is None or max(spec.height, spec.width) <= target.max_side
        if deep and small and (target.alpha or not spec.has_alpha):
            return target
    return capabilities(names[-1])


def _in_child(
    modules: tuple[str, ...],
    data: bytes,
    name: str,
    to: str | tuple[str, ...],
    steps: tuple[Step, ...],
    options: FileOptions,
    limits: Limits | None,
) -> Made:
    keep_memory()
    import_modules(modules)
    return _apply(data, name, to, steps, options, limits)


def _apply(
    data: bytes,
    name: str,
    to: str | tuple[str, ...],
    steps: tuple[Step, ...],
    options: FileOptions,
    limits: Limits | None,
) -> Made:
    """The other file, whose codes are taken as they are if its profile is bad and that is no matter."""
    try:
        return _convert(data, name, to, steps, options, limits)
    except FileFormatError as error:
        # Colors that sRGB has not are no fault of the profile.
        if options.on_bad_profile == "raise" or error.option != "profile" or error.code == "unsupported_color":
            raise
        made = _convert(data, name, to, steps, options, limits, read_profile="ignore")
        return made._replace(bad_profile=f"expected {error.expected}, got {error.got}")


def _convert(
    data: bytes,
    name: str,
    to: str | tuple[str, ...],
    steps: tuple[Step, ...],
    options: FileOptions,
    limits: Limits | None,
    read_profile: Literal["srgb", "ignore"] | None = None,
) -> Made:
    read = _Reader(data, name, options, limits, read_profile or ("ignore" if options.profile == "ignore" else "srgb"))
    formats = (to,) if isinstance(to, str) else to
    # Who has asked for one frame has not lost the others.
    count = _count_frames(data, name, limits) if options.frame is None else 1
    if count > 1 and any(_holds_all(read.format, capabilities(each).name) for each in formats):
        return _convert_all(read, formats, steps, count)
    small = _read_reduced(read, steps)
    # What the file says beside its pixels goes along, for arrays of 16-bit color cannot carry it.
    (image, info), rest = (read(), steps) if small is None else ((small, {}), steps[1:])
    image = apply_steps(image, rest, subject=name, limits=limits)
    target = pick_format(formats, image, options.channels)
    return Made(_encode(image, target.name, options, info), 1, count - 1, "")


# What follows one another in time may become pages, but pages become no animation.
_MOVING = ("gif", "png", "webp", "avif")


def _holds_all(source: str | None, target: str) -> bool:
    """Whether a format takes all frames or pages of another."""
    return target == "tiff" or (target in _MOVING and source in _MOVING)


def _convert_all(read: _Reader, formats: tuple[str, ...], steps: tuple[Step, ...], count: int) -> Made:
    """Take every frame or page through the steps, and write all that the format holds."""
    images: list[AnyImage] = []
    pixels = 0
    for frame in read.frames(count):
        image = apply_steps(frame, steps, subject=read.name, limits=read.limits)
        if read.limits is not None:
            height, width = size_of(image, read.options.channels)
            pixels += height * width
            read.limits.check(read.name, "pixels in all frames", "max_total_pixels", pixels)
        images.append(image)
    target = pick_format(formats, images[0], read.options.channels)
    if not _holds_all(read.format, target.name):
        del images[1:]
    encoded = _encode_all(images, target.name, read.options)
    return Made(encoded, len(images), count - len(images), "")


# What shows that a file may hold several frames, by its format: without it nobody looks again.
_SEVERAL: Mapping[str, bytes] = {
    "png": b"acTL", "webp": b"ANIM", "avif": b"avis", "gif": b"", "tiff": b"", "heic": b"",
}  # fmt: skip


def _count_frames(data: bytes, name: str, limits: Limits | None) -> int:
    """Count the frames of an animation, or the pages of a document."""
    found = identify(data)
    mark = _SEVERAL.get(found or "")
    if mark is None or mark not in data:
        return 1
    return probe(data, name=name, limits=limits).frames


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads one file, as the options say."""

    data: bytes
    name: str
    options: FileOptions
    limits: Limits | None
    profile: Literal["srgb", "ignore"]

    @property
    def format(self) -> str | None:
        return identify(self.data)

    def frames(self, count: int) -> Iterator[Image.Image | Array]:
        """All frames or pages; those of an animation are composed one upon the other."""
        if self.format not in _MOVING or self.options.channels == "data":  # pages keep 16 bits
            yield from (self(frame=at)[0] for at in range(count))
            return
        yield from read_frames(
            self._open(), profile=self.profile, limits=self.limits, allow_truncated=self.options.allow_truncated
        )

    def _open(self) -> io.BytesIO:
        file = io.BytesIO(self.data)
        file.name = self.name
        return file

    def __call__(
        self, at_least: tuple[int, int] | None = None, frame: int | None = None
    ) -> tuple[Image.Image | Array, Info]:
        image: Image.Image | Array
        at = frame or self.options.frame or 0
        if self.options.channels == "data":
            lenient = self.options.allow_truncated
            planes = read_planes(self._open(), frame=at, limits=self.limits, allow_truncated=lenient)
            return planes.pixels, planes.info
        image, info = read_with_info(
            self._open(),
            frame=at,
            profile=self.profile,
            limits=self.limits,
            allow_truncated=self.options.allow_truncated,
            at_least=at_least,
        )
        return image, info


# ---------------------------------------------------------------- JPEGs, decoded to a half, a quarter or an eighth


def _read_reduced(read: _Reader, steps: tuple[Step, ...]) -> Image.Image | None:
    """Decode a JPEG small and take its first step, if that makes it four times smaller or more; else None."""
    keywords = _find_first_resize(steps)
    if keywords is None or identify(read.data) != "jpeg":
        return None
    header = probe(read.data, name=read.name, limits=read.limits)
    stored = header.width, header.height
    width, height = stored if header.orientation < 5 else stored[::-1]
    wanted = new_size((height, width), *(keywords.get(side) for side in ("height", "width", "scale")))
    if read.limits is not None:
        check_size(wanted, read.name, read.limits)
    # Twice what is wanted: so much keeps a kernel's result within a few codes.
    at_least = 2 * wanted[0], 2 * wanted[1]
    if height < 2 * at_least[0] or width < 2 * at_least[1]:
        return None
    image = to_pil(read(at_least)[0])
    how = Resizing(
        wanted, keywords.get("method", "lanczos"), box=_find_covered_box(image.size, stored, header.orientation)
    )
    # Rows first whatever the shape: that is the faster order.
    small = Image.fromarray(by_matrices(np.asarray(image), how))
    small.info = image.info
    return small


def _find_first_resize(steps: tuple[Step, ...]) -> Keywords | None:
    """Find the keywords of the first step, if it is a resize that smaller pixels will do for."""
    if not steps or steps[0][0] != "resize":
        return None
    keywords = steps[0][1]
    smooth = keywords.get("method", "lanczos") in _SMOOTH and keywords.get("antialias", True)
    return keywords if smooth and not keywords.get("linear") and "box" not in keywords else None


def _find_covered_box(size: tuple[int, int], stored: tuple[int, int], orientation: int) -> Box:
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
