"""The driver: opens images of every kind, runs kernels on their planes and gives the same kind back.

Data flows one way: image -> load -> planes -> kernel -> planes -> finish -> the same kind of image.
A plane is one channel, (..., H, W); an image's planes are [gray], [gray, alpha], [r, g, b] or [r, g, b, alpha].
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeAlias, cast, overload

from .._check import switch
from ..errors import InputTypeError, InputValueError
from ..types import AnyImage, ImageT
from .contracts import InterleavedKernel, Kernel, Opened, OwnImage, OwnPixels, PixelSource, PixelTarget, adapter
from .kinds import CHANNEL_NAMES, Namespace, Plane, Planes, Spec, kind_of
from .outliers import Outliers
from .strips import batch_as_rows, cut_strips, for_each_strip
from .threads import in_threads

# What is done with the planes of some pixels of each image.
Compute: TypeAlias = Callable[[list[Planes]], Sequence[Plane]]


# ---------------------------------------------------------------- whole planes, without arithmetic


@overload
def load(
    image: Opened[ImageT],
    *,
    layout: str | None = ...,
    bgr: bool = ...,
    ranged: bool = ...,
    mode: str | None = ...,
    subject: str = ...,
) -> Opened[ImageT]: ...
@overload
def load(
    image: ImageT,
    *,
    layout: str | None = ...,
    bgr: bool = ...,
    ranged: bool = ...,
    mode: str | None = ...,
    subject: str = ...,
) -> Opened[ImageT]: ...
def load(
    image: AnyImage | Opened[AnyImage],
    *,
    layout: str | None = None,
    bgr: bool = False,
    ranged: bool = False,
    mode: str | None = None,
    subject: str = "image",
) -> Opened[AnyImage]:
    """Open an image for reading; one that is open already is returned. Nothing is copied that can be a view.

    `ranged` says that the caller gave a value_range, without which PIL's mode I has no meaning; `mode` that a PIL
    image has to be in that mode, whose planes are then taken as they are.
    """
    if isinstance(image, Opened):
        return image
    switch("bgr", bgr)
    kind = kind_of(image, subject)
    try:
        return Opened(*adapter(kind).load(image, layout=layout, bgr=bgr, ranged=ranged, mode=mode))
    except (InputTypeError, InputValueError) as error:
        if subject == "image" or error.subject != "image":
            raise
        raise error.with_subject(subject) from error


def pass_open(opened: Opened[ImageT]) -> ImageT:
    """Pass an image that is open to a function of images: it takes it as it is, by `load`, which type checkers cannot know."""
    return cast(ImageT, opened)


def load_beside(image: ImageT, subject: str, *, bgr: bool) -> Opened[ImageT]:
    """Open an image beside others; of several, only arrays and tensors can run B, G, R."""
    return load(image, bgr=not adapter(kind_of(image, subject)).has_modes and bgr, subject=subject)


def crop(opened: Opened[ImageT], rows: slice, columns: slice) -> Opened[ImageT]:
    """Cut the same part out of every picture of an open image; not a copy where that can be a view."""
    height, width = rows.stop - rows.start, columns.stop - columns.start
    return Opened(opened.pixels.crop(rows, columns), replace(opened.spec, height=height, width=width))


def split(image: AnyImage | Opened[AnyImage], *, bgr: bool = False, subject: str = "image") -> tuple[Planes, Spec]:
    """Split an image into whole planes in its own dtype, and its Spec; bool becomes uint8, 0 and 255."""
    pixels, spec = load(image, bgr=bgr, subject=subject)
    planes = pixels.planes()
    if spec.dtype == "bool":
        own = adapter(spec.kind)
        planes, spec = [own.cast(plane, own.namespace.uint8) for plane in planes], replace(spec, dtype="uint8")
    return planes, spec


def merge(planes: Sequence[Plane], spec: Spec) -> OwnImage:
    """Merge whole planes into an image of the kind `spec` says; their dtype and size are the planes' own."""
    height, width = planes[0].shape[-2:]
    return adapter(spec.kind).assemble(list(planes), replace(spec, height=int(height), width=int(width)))


# ---------------------------------------------------------------- the driver


@overload
def run(
    kernel: Kernel,
    image: Opened[ImageT],
    *others: AnyImage | Opened[AnyImage],
    needs: str | None = ...,
    pointwise: bool = ...,
    uint8_kernel: Kernel | None = ...,
    interleaved: InterleavedKernel | None = ...,
    into: Spec | None = ...,
    gamut: bool = ...,
) -> ImageT: ...
@overload
def run(
    kernel: Kernel,
    image: ImageT,
    *others: AnyImage | Opened[AnyImage],
    needs: str | None = ...,
    pointwise: bool = ...,
    uint8_kernel: Kernel | None = ...,
    interleaved: InterleavedKernel | None = ...,
    into: Spec | None = ...,
    gamut: bool = ...,
) -> ImageT: ...
def run(
    kernel: Kernel,
    image: AnyImage | Opened[AnyImage],
    *others: AnyImage | Opened[AnyImage],
    needs: str | None = None,
    pointwise: bool = True,
    uint8_kernel: Kernel | None = None,
    interleaved: InterleavedKernel | None = None,
    into: Spec | None = None,
    gamut: bool = False,
) -> OwnImage:
    """Run a kernel on an image of any kind and give back the same kind.

    Args:
        kernel: `kernel(xp, *planes) -> planes`, the definition: float planes in [0, 1]. With `others`,
            `kernel(xp, planes, other_planes, ...)`.
        image: decides kind, dtype, device and form of the result; an image, or one that is `Opened`, with
            `bgr=True` where it runs B, G, R.
        others: images of any kind and the same height and width, moved to where `image` is.
        needs: "alpha" refuses an image without it.
        pointwise: a result pixel depends on its own source pixel alone, so that strips of rows can be
            processed one by one in the cache and in several threads.
        uint8_kernel: the same as `kernel` on uint8 planes, where a faster formulation was measured; called
            without `xp`, for NumPy and PIL images that are uint8 throughout.
        interleaved: the same as `kernel` on pixels that are not split into planes, where that was measured to be
            faster; for one NumPy or PIL image.
        into: what the result is, where its dtype, order or mode are not the image's.
        gamut: whether results far outside of [0, 1] are colors that the target cannot show, and no slip.
    """
    opened = load(image)
    spec = opened.spec
    if needs == "alpha" and not spec.has_alpha:
        raise InputValueError(
            "image",
            "an alpha channel",
            CHANNEL_NAMES[spec.channels],
            "add one with merge_alpha(image)",
            option="merge_alpha",
        )
    images = [opened, *(load(other) for other in others)]
    for other in images[1:]:
        _check_same_size(spec, other.spec, pointwise)
    result = replace(into or spec, dtype="uint8") if (into or spec).dtype == "bool" else into or spec
    # On the host NumPy's kernels take strips that fit the cache, torch's whole planes: a third of the time, and less.
    views = [adapter(each.spec.kind).view_on_host(each.pixels) for each in images]
    if adapter(spec.kind).on_accelerators and None in views:
        return _run_on_device(kernel, images, result)
    sources = [
        view or adapter(each.spec.kind).copy_to_host(each.pixels) for view, each in zip(views, images, strict=True)
    ]
    compute = _on_planes(kernel, uint8_kernel, sources)
    if pointwise:
        return _run_pointwise(compute, sources, result, interleaved, gamut=gamut)
    return _run_pictures(compute, sources, result, gamut=gamut)


def run_uint8(uint8_kernel: Kernel, opened: Opened[ImageT], *, into: Spec) -> ImageT:
    """Run a kernel that has no definition on floats on a uint8 image: in host memory, wherever the image lies."""
    source = adapter(opened.spec.kind).copy_to_host(opened.pixels)
    return cast(ImageT, _run_pointwise(lambda groups: uint8_kernel(*groups[0]), [source], into, None, gamut=True))


def _check_same_size(spec: Spec, other: Spec, pointwise: bool) -> None:
    if pointwise and (other.height, other.width) != (spec.height, spec.width):
        raise InputValueError(
            "image",
            "both images of one size",
            f"{spec.height}x{spec.width} and {other.height}x{other.width} (height x width)",
            "resize or crop one of them",
        )
    if other.batch not in ((), spec.batch):
        raise InputValueError(
            "image", "batches of one shape or a single second image", f"{spec.batch} and {other.batch}", "match them"
        )


def _call(kernel: Kernel, xp: tuple[Namespace, ...], groups: list[Planes]) -> Sequence[Plane]:
    return kernel(*xp, *groups[0]) if len(groups) == 1 else kernel(*xp, *groups)


def _run_on_device(kernel: Kernel, images: list[Opened[AnyImage]], spec: Spec) -> OwnImage:
    """Run a kernel on whole tensors where the first one lies, so that gradients are recorded."""
    from .._adapters import torch as tensors

    reference: OwnPixels = images[0].pixels
    groups = [tensors.float_planes_like(reference, other.pixels) for other in images]
    with tensors.full_precision(reference.tensor.device):
        planes = _call(kernel, (tensors.namespace,), groups)
    return tensors.quantize_planes(list(planes), spec)


def _run_pointwise(
    compute: Compute,
    sources: list[PixelSource],
    spec: Spec,
    interleaved: InterleavedKernel | None,
    *,
    gamut: bool,
) -> OwnImage:
    if not spec.batch or not all(source.is_contiguous and source.batch == spec.batch for source in sources):
        return _run_strips(compute, sources, spec, interleaved, gamut=gamut)
    sources = [source.batch_as_rows() for source in sources]
    rows = _run_strips(compute, sources, batch_as_rows(spec), interleaved, gamut=gamut)
    return rows.reshape(*spec.batch, spec.height, spec.width, -1)


def _run_strips(
    compute: Compute,
    sources: list[PixelSource],
    spec: Spec,
    interleaved: InterleavedKernel | None,
    *,
    gamut: bool,
) -> OwnImage:
    fast_path = interleaved if sources[0].is_contiguous else None

    def convert(index: tuple[int, ...], rows: slice) -> None:
        if fast_path:
            into = target.block(index, rows)
            if fast_path.apply(sources[0].block(index, rows), into):
                target.commit(rows, into)
                return
        store(index, rows, compute(_read(sources, index, rows)))

    spans = list(cut_strips(spec))
    first: Sequence[Plane] | None = None
    if fast_path is None:  # the first strip tells how many planes the kernel returns
        first = compute(_read(sources, *spans[0]))
    channels = fast_path.channels if fast_path else len(first or ())
    target = adapter(spec.kind).create(spec, channels, spec.dtype)
    outliers = _outliers_between(sources[0], target, gamut)
    store = _storing(target, outliers)
    if first is not None:
        store(*spans.pop(0), first)
    for_each_strip(convert, spans)
    if outliers is not None:
        outliers.warn(channels * spec.height * spec.width, _CHECK_UNITS)
    return adapter(spec.kind).finish(target, spec)


def _run_pictures(compute: Compute, sources: list[PixelSource], spec: Spec, *, gamut: bool) -> OwnImage:
    """Run a kernel on one whole picture after the other."""
    rows = slice(None)
    # The first picture tells how large the results are, and how many planes they have.
    index, *rest = spec.indices
    first = compute(_read(sources, index, rows))
    height, width = first[0].shape
    spec = replace(spec, height=height, width=width)
    target = adapter(spec.kind).create(spec, len(first), spec.dtype)
    outliers = _outliers_between(sources[0], target, gamut)
    store = _storing(target, outliers)
    store(index, rows, first)
    in_threads(lambda index: store(index, rows, compute(_read(sources, index, rows))), rest)
    if outliers is not None:
        outliers.warn(math.prod((*spec.batch, len(first), height, width)), _CHECK_UNITS)
    return adapter(spec.kind).finish(target, spec)


def _read(sources: list[PixelSource], index: tuple[int, ...], rows: slice) -> list[Planes]:
    """Read the planes of some rows from each image; one picture serves every picture of a batch."""
    return [source.read(index if source.batch else (), rows) for source in sources]


_CHECK_UNITS = "check the units of what came in, or pass its value_range=(low, high) where there is one"


def _outliers_between(source: PixelSource, target: PixelTarget, gamut: bool) -> Outliers | None:
    """Make something that looks at floats which become integers: clamping codes is what an operation was asked for."""
    return Outliers(gamut=gamut) if source.dtype.kind == "f" and target.dtype.kind == "u" else None


def _storing(
    target: PixelTarget, outliers: Outliers | None
) -> Callable[[tuple[int, ...], slice, Sequence[Plane]], None]:
    """Make the function that stores planes of any dtype in a target."""
    from .._adapters import numpy as arrays

    def store(index: tuple[int, ...], rows: slice, planes: Sequence[Plane]) -> None:
        target.write(index, rows, [arrays.cast(plane, target.dtype, outliers=outliers) for plane in planes])

    return store


def _on_planes(kernel: Kernel, uint8_kernel: Kernel | None, sources: list[PixelSource]) -> Compute:
    """Choose what to do with planes: `uint8_kernel` where all are uint8 and it is given, else the kernel."""
    import numpy as np

    from .._adapters import numpy as arrays

    in_uint8 = uint8_kernel if all(source.dtype == np.uint8 for source in sources) else None

    def compute(groups: list[Planes]) -> Sequence[Plane]:
        # NaN and infinity pass through, as in torch, and nobody asked to hear of them.
        with np.errstate(all="ignore"):
            if in_uint8 is not None:
                return _call(in_uint8, (), groups)
            return _call(kernel, (arrays.namespace,), [[arrays.widen(plane) for plane in planes] for planes in groups])

    return compute
