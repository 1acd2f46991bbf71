"""The values of anything image-like, also of what no operation would take."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .._adapters.numpy import Array
from .._pixels import CHANNEL_NAMES, Raw, adapter, kind_of, load
from ..errors import AikitError
from ..types import AnyImage

__all__ = ["Found", "look_into"]

_COLORS: dict[int, tuple[str, ...]] = {1: ("gray",), 3: ("red", "green", "blue")}
# Beyond this nobody means channels: the axis is a width or a height.
_MOST_CHANNELS = 16


@dataclass(frozen=True, slots=True)
class Found:
    """What was found in an image: planes of any dtype on the host, (..., H, W), or values in no order at all."""

    kind: str
    raw: Raw
    axes: tuple[str, ...]
    dtype: str
    order: str | None  # what the channels are, "RGB"; None where that is not known
    names: tuple[str, ...]
    planes: list[Array]
    problems: tuple[str, ...]
    has_alpha: bool = False
    bgr: bool = False

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape as found."""
        return self.raw.shape

    @property
    def channels_at(self) -> int:
        """Which axis the channels of such an image are, counted from the end."""
        return adapter(self.kind).channels_at

    @property
    def colors(self) -> list[Array]:
        """The planes without alpha."""
        return self.planes[:-1] if self.has_alpha else self.planes


def look_into(image: AnyImage, bgr: bool) -> Found:
    """Read an image as every operation does; where none would take it, say why and read what can be read."""
    kind = kind_of(image)
    own = adapter(kind)
    try:
        opened = load(image, bgr=bgr)
    except AikitError as error:
        if own.has_modes and bgr:  # the option is wrong, not the image
            raise
        return _describe_odd(kind, own.describe_raw(image), str(error))
    spec, host = opened.spec, own.copy_to_host(opened.pixels)
    order = CHANNEL_NAMES[spec.channels]
    names = _COLORS[3 if spec.channels > 2 else 1] + ("alpha",) * spec.has_alpha
    raw = own.describe_raw(image)
    return Found(
        kind=kind,
        raw=raw,
        axes=_name_axes(own.channels_at, len(raw.shape), len(spec.batch)),
        dtype=spec.dtype,
        order=order.replace("RGB", "BGR") if bgr else order,
        names=names,
        # Copied one by one, because they are gone through several times.
        planes=host.planes() if spec.batch else host.read((), slice(None)),
        problems=(),
        has_alpha=spec.has_alpha,
        bgr=bgr,
    )


def _name_axes(channels_at: int, count: int, batch: int) -> tuple[str, ...]:
    if count == 2:
        return ("height", "width")
    pixel = ("channel", "height", "width") if channels_at == -3 else ("height", "width", "channel")
    return ("batch",) * batch + pixel


def _describe_odd(kind: str, raw: Raw, problem: str) -> Found:
    """Describe an image that no operation takes."""
    shape, values, channels_at = raw.shape, raw.read(), adapter(kind).channels_at
    readable = values is not None and values.size > 0 and values.dtype.kind in "buif"
    planes = _split(values, channels_at) if values is not None and readable else []
    names = tuple(f"channel {at}" for at in range(len(planes)))
    if len(planes) == 1:
        names = ("gray",) if len(shape) == 2 else ("all values",)
    return Found(
        kind=kind,
        raw=raw,
        axes=_name_axes(channels_at, len(shape), len(shape) - 3) if len(shape) >= 2 else ("value",) * len(shape),
        dtype=raw.dtype,
        order=None,
        names=names,
        planes=planes,
        problems=(problem,),
    )


def _split(values: Array, axis: int) -> list[Array]:
    if values.ndim < 3 or values.shape[axis] > _MOST_CHANNELS:
        return [values]
    return list(np.moveaxis(values, axis, 0))
