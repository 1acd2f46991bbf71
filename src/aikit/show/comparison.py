"""How two images differ: in figures, and as a picture."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from numbers import Real
from typing import TYPE_CHECKING

import numpy as np

from .._adapters.numpy import Array, cast
from .._check import integer
from .._foreign_names import explain_calls
from .._pixels import CHANNEL_NAMES, TOP, load, load_beside
from ..convert import to_numpy
from ..errors import InputTypeError, InputValueError, quoted
from ..types import AnyImage
from .sheet import check_titles, draw_cell, lay_out
from .similarity import SsimWindow, structural_similarity
from .visible import Visible, Window, figure, make_visible, window_of

if TYPE_CHECKING:
    from PIL import Image

    from .._pixels import Spec

__all__ = ["Difference", "difference", "show_difference"]


@dataclass(frozen=True, slots=True)
class Difference:
    """How far two images are apart.

    Attributes:
        maximum: the largest absolute difference of two values, in the units of the first image (0..255 for 8 bit,
            0..65535 for 16 bit, 0..1 for floats).
        mean: the mean absolute difference, in the same units.
        psnr: the peak signal-to-noise ratio in decibels; infinity where nothing differs.
        ssim: the structural similarity, at most 1; None where the pictures are smaller than its window, or where a
            value of theirs is not finite or too large to be squared.
        at: where the largest difference lies: (y, x), behind the index of its picture in a batch.
        full_scale: the value of white, in the units of `maximum` and `mean`.
        skipped: values that are NaN or infinite in one of the two; they are in none of the figures.
    """

    maximum: float
    mean: float
    psnr: float
    ssim: float | None
    at: tuple[int, ...]
    full_scale: int
    skipped: int

    def to_dict(self) -> dict[str, object]:
        """The figures for JSON, which has no infinity: `psnr` is None where nothing differs."""
        return {**asdict(self), "at": list(self.at), "psnr": None if math.isinf(self.psnr) else self.psnr}


@explain_calls
def difference(image: AnyImage, other: AnyImage, *, window: SsimWindow = "uniform", bgr: bool = False) -> Difference:
    """Measure how far two images are apart.

    Kinds and depths may differ: both are taken to [0, 1]. What has no alpha counts as opaque and is compared with alpha
    where the other has some; gray is compared with color as equal red, green and blue. Colors that alpha hides count
    as they are: flatten both first to compare what is seen.

    Args:
        image: an image or batch of any kind.
        other: another one of the same height and width, and as many pictures.
        window: of the structural similarity: "uniform", 7x7 pixels, or "gaussian", with a deviation of 1.5 pixels.
        bgr: the arrays and tensors of both run B, G, R(, A).

    Returns:
        The figures, over all channels and pictures.

    Raises:
        InputTypeError: one is not an image.
        InputValueError: the sizes or the numbers of pictures differ, no value is finite, or the window is neither.

    Example:
        >>> import numpy as np
        >>> gray = np.full((8, 8), 100, np.uint8)
        >>> found = difference(gray, gray + np.uint8(3))
        >>> found.maximum, found.mean, round(found.psnr, 2)
        (3.0, 3.0, 38.59)

    Source: Wang, Bovik, Sheikh and Simoncelli, "Image Quality Assessment: From Error Visibility to Structural
    Similarity", IEEE Transactions on Image Processing 13(4), 2004, with sample covariances as in scikit-image.
    """
    if window not in ("uniform", "gaussian"):
        raise InputValueError("window", '"uniform" or "gaussian"', quoted(window), "pass one of these")
    pair = _Pair(image, other, bgr)
    return pair.measure(pair.indices(), window)


class _Pair:
    """Two images of one size, read as planes in the units of the first, with the channels that either has."""

    def __init__(self, image: AnyImage, other: AnyImage, bgr: bool) -> None:
        self.spec = load(image, bgr=bgr).spec
        second = load_beside(other, "other", bgr=bgr).spec
        _check_alike(self.spec, second)
        self.specs = self.spec, second
        self.dtype = _resolve_bool(self.spec.dtype)
        self.top = TOP.get(self.dtype, 1)
        self.colors = 3 if max(spec.channels for spec in self.specs) > 2 else 1
        self.alpha = any(spec.has_alpha for spec in self.specs)
        self.arrays = _add_channels(to_numpy(image, bgr=bgr)), _add_channels(to_numpy(other, bgr=second.bgr))

    def indices(self) -> Iterator[tuple[int, ...]]:
        return np.ndindex(self.spec.batch)

    def planes(self, which: int, index: tuple[int, ...]) -> list[Array]:
        """The planes of one picture in float64."""
        array = self.arrays[which][index]
        planes = [self._in_units(array[..., channel]) for channel in range(array.shape[-1])]
        own_alpha = [planes.pop()] if self.specs[which].has_alpha else []
        colors = planes * self.colors if len(planes) == 1 else planes
        return [*colors, *(own_alpha or [np.full_like(colors[0], self.top)])] if self.alpha else colors

    def _in_units(self, plane: Array) -> Array:
        # Codes stay whole numbers where they can, or 84 would come back as 84.00000000000001.
        if plane.dtype.name == self.dtype:
            return plane.astype(np.float64)
        return cast(plane, np.dtype(np.float64)) * self.top

    @np.errstate(all="ignore")
    def measure(self, indices: Iterable[tuple[int, ...]], window: SsimWindow = "uniform") -> Difference:
        """The figures over all channels of some pictures."""
        total = squares = 0.0
        count = skipped = 0
        largest = -1.0
        at: tuple[int, ...] = ()
        similarities: list[float | None] = []
        for index in indices:
            for first, second in zip(self.planes(0, index), self.planes(1, index), strict=True):
                distance, finite = np.abs(first - second), np.isfinite(first) & np.isfinite(second)
                if finite.all():
                    similarities.append(structural_similarity(first / self.top, second / self.top, window))
                else:
                    similarities.append(None)
                    distance[~finite] = 0
                if distance.max() > largest and finite.any():
                    largest = float(distance.max())
                    at = (*index, *(int(place) for place in np.unravel_index(int(distance.argmax()), distance.shape)))
                total += float(distance.sum())
                squares += float(np.square(distance).sum())
                count += int(finite.sum())
                skipped += distance.size - int(finite.sum())
        if not count:
            raise InputValueError("image", "finite values to compare", "none", "look at both with describe")
        known = [value for value in similarities if value is not None]
        return Difference(
            maximum=largest,
            mean=total / count,
            psnr=10 * (math.log10(self.top**2 * count) - math.log10(squares)) if squares else math.inf,
            ssim=sum(known) / len(known) if len(known) == len(similarities) else None,
            at=at,
            full_scale=self.top,
            skipped=skipped,
        )

    @np.errstate(all="ignore")
    def factor(self) -> int:
        """The largest whole number that takes no more than a hundredth of the differences of any plane beyond white."""
        largest = 0.0
        for index in self.indices():
            for first, second in zip(self.planes(0, index), self.planes(1, index), strict=True):
                distance = np.nan_to_num(np.abs(first - second), posinf=0)
                # Where less than a hundredth differs at all, that is what there is to see.
                largest = max(largest, float(np.quantile(distance, 0.99)) or float(distance.max()))
        return max(1, math.floor(self.top / largest)) if largest else 1


def _resolve_bool(dtype: str) -> str:
    return "uint8" if dtype == "bool" else dtype


def _add_channels(array: Array) -> Array:
    return array[..., None] if array.ndim == 2 else array


def _check_alike(spec: Spec, other: Spec) -> None:
    if (spec.height, spec.width) != (other.height, other.width):
        raise InputValueError(
            "other",
            f"the size of the first image, {spec.height}x{spec.width} (height x width)",
            f"{other.height}x{other.width}",
            "resize or crop one of them",
        )
    if spec.batch != other.batch:
        raise InputValueError(
            "other",
            f"as many pictures as the first image has, {spec.batch or 'one'}",
            str(other.batch or "one"),
            "compare them one by one",
        )


@explain_calls
def show_difference(
    image: AnyImage,
    other: AnyImage,
    *,
    amplify: float | None = None,
    titles: Sequence[str] | None = None,
    zoom: int | None = None,
    bgr: bool = False,
) -> Image.Image:
    """Lay two images and what differs between them side by side.

    The third picture is the absolute difference, times a factor that its label names: black where the two agree. A
    difference in alpha is gray. Below it stand the figures of `difference`, which has them as numbers.

    Args:
        image: an image or batch of any kind; a batch has a row for each picture.
        other: another one of the same height and width, and as many pictures.
        amplify: what the difference is multiplied by; None takes the largest whole number that clips next to nothing.
        titles: two lines, for the first image and the other.
        zoom: every pixel as a square of this many pixels; None reduces large pictures to fit.
        bgr: the arrays and tensors of both run B, G, R(, A).

    Returns:
        The sheet, a PIL image of mode RGB, with a description in `sheet.info["alt"]`.

    Raises:
        InputTypeError: one is not an image, or an option is of the wrong type.
        InputValueError: the sizes or numbers of pictures differ, `amplify` is not positive, or the sheet would have more
            than 100 million pixels.

    Example:
        >>> import numpy as np
        >>> gray = np.full((20, 30), 100, np.uint8)
        >>> show_difference(gray, gray + np.uint8(3)).info["alt"].rpartition("3: ")[2]
        'difference times 85, max 3, mean 3 of 255, PSNR 38.59 dB, SSIM 0.9996.'
    """
    names = check_titles(titles if titles is not None else ("first", "second"), 2)
    amplify = None if amplify is None else _check_factor(amplify)
    zoom = None if zoom is None else integer("zoom", zoom, remedy="pass for instance 4")
    pair = _Pair(image, other, bgr)
    found = [pair.measure([index]) for index in pair.indices()]
    factor = pair.factor() if amplify is None else amplify
    cells = []
    for index, figures in zip(pair.indices(), found, strict=True):
        number = f" [{', '.join(map(str, index))}]" if index else ""
        both = [[plane / pair.top for plane in pair.planes(which, index)] for which in (0, 1)]
        window = window_of(*both[0][: pair.colors], *both[1][: pair.colors])
        for planes, name, spec in zip(both, names, pair.specs, strict=True):
            what = f"{CHANNEL_NAMES[spec.channels]}, {spec.height}x{spec.width} (height x width), {spec.dtype}"
            cells.append(draw_cell(make_visible(np.stack(planes, -1), window), name + number, what, zoom=zoom))
        distance = _draw_difference(both[0], both[1], pair.colors, factor)
        distance = distance._replace(notes=(*_lines(figures), *distance.notes))
        cells.append(draw_cell(distance, f"difference times {figure(factor)}{number}", "", zoom=zoom))
    return lay_out(cells, columns=3)


def _check_factor(amplify: object) -> float:
    if isinstance(amplify, bool) or not isinstance(amplify, Real):
        raise InputTypeError("amplify", "a number", quoted(amplify), "pass for instance 10")
    factor = float(amplify)
    if not 0 < factor < math.inf:
        raise InputValueError("amplify", "a positive number", quoted(amplify), "pass for instance 10")
    return factor


def _draw_difference(first: list[Array], second: list[Array], colors: int, factor: float) -> Visible:
    with np.errstate(all="ignore"):
        distance = [np.abs(one - two) * factor for one, two in zip(first, second, strict=True)]
    # What differs in alpha differs in every color.
    seen = [np.maximum(plane, alpha) for plane in distance[:colors] for alpha in distance[colors:]] or distance
    return make_visible(np.stack(seen, -1), Window(0, 1))


def _lines(found: Difference) -> tuple[str, ...]:
    similar = "not known" if found.ssim is None else f"{found.ssim:.4f}"
    ratio = "infinite" if math.isinf(found.psnr) else f"{found.psnr:.2f} dB"
    return (
        f"max {figure(found.maximum)}, mean {figure(found.mean)} of {found.full_scale}",
        f"PSNR {ratio}, SSIM {similar}",
    )
