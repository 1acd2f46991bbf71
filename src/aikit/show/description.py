"""What an image is: kind, shape, values, alpha, memory, and what looks wrong with it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING

import numpy as np

from .._adapters.numpy import Array
from .._foreign_names import explain_calls
from .._pixels import TOP, Memory, adapter
from ..types import AnyImage
from .found import Found, look_into
from .hints import look_wrong
from .thumbnails import thumbnail

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["Alpha", "Channel", "Description", "Memory", "describe"]

_BINS = 64
_THUMBNAIL = 160
# Pixels of a float plane that its histogram looks at.
_SAMPLE = 1 << 18
# Values that are counted or squared at once: in 64 bits a large picture would take eight times the memory of its bytes.
_PART = 1 << 20


@dataclass(frozen=True, slots=True)
class Channel:
    """The figures of one channel, over all pictures of a batch, in the image's own units.

    Attributes:
        name: "red", "gray", "alpha", or "channel 4" where it is not known what it is.
        low: the least finite value; NaN where there is none.
        high: the greatest finite value; NaN where there is none.
        mean: the mean of the finite values.
        spread: their standard deviation.
        nan: how many values are NaN.
        infinite: how many are infinite.
    """

    name: str
    low: float
    high: float
    mean: float
    spread: float
    nan: int
    infinite: int


@dataclass(frozen=True, slots=True)
class Alpha:
    """How alpha is used.

    Attributes:
        used: some pixel is not opaque.
        clear: the part of the pixels whose alpha is 0.
        partial: the part of the pixels that are neither clear nor opaque.
        hidden: the part of the clear pixels whose color is not black, though nobody sees it.
    """

    used: bool
    clear: float
    partial: float
    hidden: float


@dataclass(frozen=True, slots=True, repr=False)
class Description:
    """What `describe` found. Prints as a few lines, and shows itself as a card in a notebook.

    Attributes:
        kind: "pil", "numpy" or "torch".
        type: the class of the image.
        mode: the mode of a PIL image, else None.
        shape: the shape as found; (height, width) for PIL.
        axes: the name of each axis: "batch", "height", "width", "channel".
        dtype: the type of the values, once a PIL palette or another color space is resolved.
        order: "gray", "gray+alpha", "RGB", "RGBA", "BGR" or "BGRA"; None where the channels are not known.
        channels: the figures of each channel, in the order red, green, blue, alpha.
        alpha: how alpha is used, or None without an alpha channel.
        masked: values that the mask of a masked array hides.
        orientation: the EXIF orientation, 1 to 8; 1 is upright.
        profile: the name of an embedded ICC profile, "sRGB, from" and the name of what a reader converted, or None.
        memory: where it lies and what may be done with it.
        problems: why operations would refuse the image; empty for every image they take.
        hints: what looks wrong, guessed from the values; pictures that are right may look so too.
    """

    kind: str
    type: str
    mode: str | None
    shape: tuple[int, ...]
    axes: tuple[str, ...]
    dtype: str
    order: str | None
    channels: tuple[Channel, ...]
    alpha: Alpha | None
    masked: int
    orientation: int
    profile: str | None
    memory: Memory
    problems: tuple[str, ...]
    hints: tuple[str, ...]
    _histogram: tuple[tuple[int, ...], ...]
    _thumbnail: Image.Image | None = field(compare=False)

    @property
    def low(self) -> float:
        """The least finite value of all channels but alpha; NaN where there is none."""
        return min((one.low for one in self._colors if one.low == one.low), default=math.nan)

    @property
    def high(self) -> float:
        """The greatest finite value of all channels but alpha; NaN where there is none."""
        return max((one.high for one in self._colors if one.high == one.high), default=math.nan)

    @property
    def _colors(self) -> tuple[Channel, ...]:
        return self.channels[:-1] if self.alpha else self.channels

    def to_dict(self) -> dict[str, object]:
        """Everything but the picture, for JSON: tuples are lists, and numbers JSON has not are None."""
        facts = {one.name: getattr(self, one.name) for one in fields(self) if not one.name.startswith("_")}
        return {name: _to_json(fact) for name, fact in {**facts, "low": self.low, "high": self.high}.items()}

    def __repr__(self) -> str:
        from .card import as_text

        return as_text(self)

    def _repr_html_(self) -> str:
        from .card import as_html

        return as_html(self)


def _to_json(value: object) -> object:
    if isinstance(value, (Channel, Alpha, Memory)):
        value = asdict(value)
    if isinstance(value, dict):
        return {name: _to_json(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_to_json(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


@explain_calls
def describe(image: AnyImage, *, bgr: bool = False) -> Description:
    """Say what an image is and what looks wrong with it.

    Whatever is an image, an array or a tensor is described, also what no operation takes: then `problems` says why.
    Every value is read, of a tensor on a device too. Hints are guesses for people; aikit never acts on them.

    Args:
        image: a PIL image, an array or a tensor, of any shape and dtype.
        bgr: the array or tensor runs B, G, R(, A).

    Returns:
        The description. `print` it, let a notebook show its card, or take `to_dict()`.

    Raises:
        InputTypeError: no image, array or tensor.
        InputValueError: `bgr` with a PIL image.

    Example:
        >>> import numpy as np
        >>> found = describe(np.full((4, 6, 3), 200.0, np.float32))
        >>> found.axes, found.high
        (('height', 'width', 'channel'), 200.0)
        >>> found.hints[0]
        'Values up to 200 look like 0 to 255 in floats: pass value_range=(0, 255).'
    """
    from .._raster.profile import describe_profile

    found = look_into(image, bgr)
    with np.errstate(all="ignore"):
        channels = tuple(_measure(name, plane) for name, plane in zip(found.names, found.planes, strict=True))
        alpha = _alpha(found) if found.has_alpha else None
        hints = look_wrong(found, channels)
        picture = thumbnail(found, _THUMBNAIL)
    cls, raw = type(image), found.raw
    profile = describe_profile(raw.profile)
    if profile is None and raw.source_color is not None:
        profile = f"sRGB, from {raw.source_color}"
    return Description(
        kind=found.kind,
        type=f"{cls.__module__}.{cls.__qualname__}",
        mode=raw.mode,
        shape=raw.shape,
        axes=found.axes,
        dtype=found.dtype,
        order=found.order,
        channels=channels,
        alpha=alpha,
        masked=raw.masked,
        orientation=raw.orientation,
        profile=profile,
        memory=adapter(found.kind).describe_memory(image),
        problems=found.problems,
        hints=hints + _profile_hint(profile, raw.mode or ""),
        _histogram=_histogram(found, channels),
        _thumbnail=picture,
    )


# ---------------------------------------------------------------- values


def _measure(name: str, plane: Array) -> Channel:
    if plane.dtype in (np.bool_, np.uint8, np.uint16) and not isinstance(plane, np.ma.MaskedArray):
        return _measure_codes(name, plane)
    values = plane.compressed() if isinstance(plane, np.ma.MaskedArray) else plane
    nan = infinite = 0
    if values.dtype.kind == "f" and values.size and not np.isfinite(values.max() - values.min()):
        finite = np.isfinite(values)
        nan = int(np.isnan(values).sum())
        infinite = values.size - nan - int(finite.sum())
        values = values if finite.all() else values[finite]
    if not values.size:
        return Channel(name, math.nan, math.nan, math.nan, math.nan, nan, infinite)
    mean = float(values.mean(dtype=np.dtype(np.float64)))
    squares = sum(float(np.square(part.astype(np.float64) - mean).sum()) for part in _parts(values))
    return Channel(
        name, float(values.min()), float(values.max()), mean, math.sqrt(squares / values.size), nan, infinite
    )


def _measure_codes(name: str, plane: Array) -> Channel:
    """Exact figures by counting codes: one pass, and no copy in float64."""
    counts = _counts(plane)
    codes = np.flatnonzero(counts)
    weights = counts[codes] / plane.size
    mean = float((weights * codes).sum())
    spread = float(np.sqrt((weights * (codes - mean) ** 2).sum()))
    return Channel(name, float(codes[0]), float(codes[-1]), mean, spread, 0, 0)


def _counts(plane: Array) -> Array:
    codes = plane.view(np.uint8) if plane.dtype == np.bool_ else plane
    counts = np.zeros(65536 if codes.dtype == np.uint16 else 256, np.int64)
    for part in _parts(codes):
        counts += np.bincount(part, minlength=counts.size)
    return counts


def _parts(plane: Array) -> Iterator[Array]:
    values = plane.reshape(-1)
    return (values[start : start + _PART] for start in range(0, values.size, _PART))


def _histogram(found: Found, channels: tuple[Channel, ...]) -> tuple[tuple[int, ...], ...]:
    """Counts of each color channel, all over one range: full scale, or what is found where that lies outside."""
    known = [one for one in channels[: len(found.colors)] if math.isfinite(one.low)]
    if not known or len(found.colors) > 4:
        return ()
    low, high = min(one.low for one in known), max(one.high for one in known)
    top = 1 if found.dtype == "bool" else TOP.get(found.dtype, 1)
    low, high = (0, top) if low >= 0 and high <= top else (low, high)
    if not 0 < high - low < math.inf:
        return ()
    return tuple(_bins(plane, low, high) for plane in found.colors)


def _bins(plane: Array, low: float, high: float) -> tuple[int, ...]:
    values = plane.compressed() if isinstance(plane, np.ma.MaskedArray) else plane.reshape(-1)
    values = values[:: max(1, values.size // _SAMPLE)].astype(np.float64)
    counts, _ = np.histogram(values[np.isfinite(values)], _BINS, (low, high))
    return tuple(counts.tolist())


def _alpha(found: Found) -> Alpha:
    *colors, alpha = found.planes
    top = TOP.get(found.dtype, 1)
    clear = alpha <= 0
    partial = (alpha > 0) & (alpha < top)
    count = int(clear.sum())
    hidden = sum((plane[clear] != 0).astype(np.uint8) for plane in colors) if count else np.zeros(1)
    return Alpha(
        used=not bool((alpha >= top).all()),
        clear=count / alpha.size,
        partial=int(partial.sum()) / alpha.size,
        hidden=float(np.mean(hidden > 0)),
    )


def _profile_hint(name: str | None, mode: str) -> tuple[str, ...]:
    # The profile of Lab says no more than the mode does.
    if name is None or "srgb" in name.lower() or mode in ("1", "I", "F", "LAB") or mode.startswith("I;"):
        return ()
    return (f"Colors are those of the profile {name!r}, not sRGB: read_pil takes a file's to sRGB.",)
