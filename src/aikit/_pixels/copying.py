"""The one way that pixels go from a source to a target of any dtype, order and number of channels."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from .contracts import PixelSource, PixelTarget
from .kinds import TOP, Spec
from .outliers import Outliers
from .strips import batch_as_rows, cut_strips, for_each_strip

if TYPE_CHECKING:
    from .kinds import Array


def copy_pixels(
    source: PixelSource, spec: Spec, target: PixelTarget, value_range: tuple[float, float] | None = None
) -> None:
    """Copy an image's pixels into a target, a strip of rows at a time.

    Gray becomes color, and an opaque alpha is added, where the target has more channels.
    """
    from .._adapters import numpy as arrays

    if spec.batch and source.is_contiguous and target.is_contiguous:
        source, target, spec = source.batch_as_rows(), target.batch_as_rows(), batch_as_rows(spec)
    # Where both sides lie in memory as one, one call of OpenCV, which strips would only slow.
    at_once = value_range is None and source.is_contiguous and target.is_contiguous
    if at_once and arrays.reorder(source, target, (), slice(0, spec.height)):
        return

    # A range that was given is meant.
    slips = source.dtype.kind == "f" and target.dtype.kind == "u" and value_range is None
    outliers = Outliers() if slips else None

    def copy(index: tuple[int, ...], rows: slice) -> None:
        if value_range is None and arrays.reorder(source, target, index, rows):
            return
        planes = _with_channels(source.read(index, rows), target.channels, spec)
        # Targets that keep planes take each where it is computed, the others are interleaved afterwards.
        planes = [
            arrays.cast(plane, target.dtype, value_range=value_range, out=buffer, outliers=outliers)
            for plane, buffer in zip(planes, target.buffers(index, rows), strict=True)
        ]
        if target.is_interleaved:
            target.write(index, rows, planes)

    for_each_strip(copy, list(cut_strips(spec)))
    if outliers is not None:
        outliers.warn(math.prod((*spec.batch, spec.height, spec.width, spec.channels)))


def _with_channels(planes: list[Array], channels: int, spec: Spec) -> list[Array]:
    """Repeat gray for a color, and add an opaque alpha, where more channels are wanted."""
    import numpy as np

    if len(planes) == channels:
        return planes
    color, alpha = (planes[:-1], planes[-1:]) if spec.has_alpha else (planes, [])
    color = color if len(color) == 3 else color * 3
    if channels == 3:
        return color
    return [*color, *(alpha or [np.full_like(color[0], TOP.get(spec.dtype, 1))])]
