"""Any image <-> planes: dispatch, the one quantiser, and the driver that runs kernels on every kind of image.

Data flows one way: image -> load -> planes -> kernel -> planes -> finish -> the same kind of image.
A plane is one channel, (..., H, W); an image's planes are [gray], [gray, alpha], [r, g, b] or [r, g, b, alpha].
"""

from __future__ import annotations

import math
import os
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
from importlib import import_module
from itertools import pairwise, product
from typing import TYPE_CHECKING, Any, NamedTuple

from ._check import switch
from .errors import InputTypeError, InputValueError, quoted

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor


Plane = Any
Planes = list[Any]

CHANNEL_NAMES = {1: "gray", 2: "gray+alpha", 3: "RGB", 4: "RGBA"}

# The largest code of each integer type. Integers always span their full range.
TOP = {"uint8": 255, "uint16": 65535}

# Pixels of one band: 512 KiB a float32 plane, so that a band's planes stay in a core's level-2 cache.
BAND_PIXELS = 1 << 17


# What is worth waking a thread for, 2 megapixels: two threads made a 1080p flatten slower than one.
BANDS_A_THREAD = 16


@dataclass(frozen=True, slots=True)
class Spec:
    """What an image is apart from its values: enough to build another of the same kind."""

    kind: str  # "pil", "numpy" or "torch"
    dtype: str
    channels: int
    height: int
    width: int
    batch: tuple[int, ...] = ()
    flat: bool = False  # a single gray array without a channel axis, (H, W)
    bgr: bool = False
    device: Any = None
    info: dict[Any, Any] = field(default_factory=dict)
    mode: str | None = None  # a PIL mode that holds other planes than gray or RGB: HSV, YCbCr, CMYK

    @property
    def has_alpha(self) -> bool:
        return self.channels in (2, 4)

    @property
    def indices(self) -> Iterator[tuple[int, ...]]:
        """One index for each picture of the batch."""
        return product(*map(range, self.batch))


class Opened(NamedTuple):
    """An image opened for reading: its pixels, as its adapter reads them, and its Spec."""

    pixels: Any
    spec: Spec


class Interleaved(NamedTuple):
    """A twin of a kernel on pixels as they lie in memory: how many channels it gives, and what it does.

    `work(block, into)` fills `into` (rows, W, channels) from `block` (rows, W, C; RGB of PIL has four), both contiguous,
    or returns False where it is not sure to give what the kernel gives.
    """

    channels: int
    work: Callable[[Any, Any], bool]


# ---------------------------------------------------------------- which kind


_KINDS = {"PIL.Image.Image": "pil", "numpy.ndarray": "numpy", "torch.Tensor": "torch"}


@lru_cache(maxsize=256)
def _kind_of_class(cls: type) -> str | None:
    for base in cls.__mro__:
        kind = _KINDS.get(f"{base.__module__}.{base.__qualname__}")
        if kind:
            return kind
    return None


def kind_of(image: object, subject: str = "image") -> str:
    """The kind of an image, "pil", "numpy" or "torch", decided by its class alone; imports nothing foreign."""
    cls: type = type(image)
    kind = _kind_of_class(cls)
    if kind is None:
        raise _no_image(image, subject)
    return kind


def _no_image(image: object, subject: str) -> InputTypeError:
    got, remedy = type(image).__name__, "convert it to one of these"
    if isinstance(image, (str, os.PathLike)):
        got, remedy = (
            f"the path {quoted(str(image))}",
            "read it first with read_pil, read_numpy, read_cv2 or read_tensor",
        )
    elif isinstance(image, (bytes, bytearray, memoryview)):
        remedy = "decode it first with read_pil, read_numpy, read_cv2 or read_tensor"
    elif isinstance(image, (list, tuple)):
        got, remedy = f"a {got}", "pass the images one at a time"
    return InputTypeError(subject, "a PIL image, a NumPy array or a torch tensor", got, remedy)


@cache
def adapter(kind: str) -> Any:
    """The module that knows one kind of image."""
    return import_module(f"aikit._adapters.{kind}")


# ---------------------------------------------------------------- values


def quantize(xp: Any, plane: Plane, top: int) -> Plane:
    """Floats in [0, 1] to codes 0..top: clamped, rounded to nearest (ties to even), still floats.

    The definition of float to integer everywhere in aikit. The plane is float32 or wider: 255 and 65535
    steps are exact there, and not in float16 or bfloat16.
    """
    return xp.round(xp.clip(plane, 0, 1) * top)


def rescale(plane: Plane, value_range: tuple[float, float]) -> Plane:
    """Floats in [low, high] to floats in [0, 1]."""
    low, high = value_range
    return (plane - low) * (1 / (high - low)) if low else plane * (1 / high)


def no_number() -> InputValueError:
    """The error for NaN on its way to integers."""
    return InputValueError(
        "image", "numbers", "NaN, which no integer can hold", "replace it first, for instance with nan_to_num"
    )


def power(xp: Any, plane: Plane, exponent: float) -> Plane:
    """A plane of positive numbers to a power."""
    if is_traced(xp, plane):
        return _raised(xp, plane, exponent)
    if plane.dtype not in (xp.float32, "float32"):
        return plane**exponent
    if exponent == 1 / 3 and hasattr(xp, "cbrt"):
        return xp.cbrt(plane)
    # Half the time of the power that NumPy and torch have, within 5e-7.
    return xp.exp2(xp.log2(plane) * exponent)


def safe(xp: Any, sound: Plane, plane: Plane, stand_in: float) -> Plane:
    """A plane that a formula can take everywhere: `stand_in` where it is not sound and `where` drops the result.

    Dropped results still have gradients, which must be finite. NumPy has none, and lets anything pass.
    """
    return xp.where(sound, plane, stand_in) if xp.__name__ == "torch" else plane


def _raised(xp: Any, base: Plane, exponent: float) -> Plane:
    """A power for a compiler, in half the time of `**`, which takes care of bases that none has here."""
    logarithm = xp.log2(base) if base.requires_grad else _log2(xp, base)
    return xp.exp2(logarithm * exponent)


# log2(1 + f) / f, interpolated at the 9 Chebyshev points of f from sqrt(1/2) - 1 to sqrt(2) - 1: 6e-8 off in float32.
_LOG2 = (
    1.442695004, -0.721347468, 0.480910753, -0.360693268, 0.287903261, -0.239169881, 0.216078226, -0.205861880, 0.123109684,
)  # fmt: skip


def _log2(xp: Any, base: Plane) -> Plane:
    """The logarithm of numbers above 0, for a compiler: the exponent's bits, and a polynomial for the mantissa.

    It has no gradient. Twice as fast as the library's, which on the CPU is called and on CUDA takes care of what is no number, or too small
    to be a normal one.
    """
    if base.dtype != xp.float32:
        return xp.log2(base)
    bits = base.view(xp.int32)
    exponent = (bits - 0x3F3504F3) >> 23  # less the bits of sqrt(1/2), so that the mantissa lies about 1
    f = (bits - (exponent << 23)).view(xp.float32) - 1
    series = _LOG2[-1]
    for coefficient in _LOG2[-2::-1]:
        series = series * f + coefficient
    return series * f + exponent


def is_traced(xp: Any, plane: Plane) -> bool:
    """Whether a compiler reads the kernel: the plane has no values yet."""
    return xp.__name__ == "torch" and adapter("torch").is_traced(plane)  # type: ignore[no-any-return]


def parse_color(color: Any, spec: Spec, subject: str = "color") -> tuple[float, float, float, float]:
    """A color argument as (red, green, blue, alpha) in [0, 1].

    Args:
        color: a CSS name, #rgb, #rgba, #rrggbb or #rrggbbaa, a tuple (gray,), (r, g, b) or (r, g, b, a) in the
            image's own units (0..255 for 8 bit, 0..65535 for 16 bit, 0..1 for floats), or a number for a gray.
        spec: the image whose units these are.
        subject: the parameter, for messages.
    """
    if isinstance(color, str):
        return _parse_color_name(color, subject)
    parts = color if isinstance(color, (tuple, list)) else (color,)
    try:
        values = [float(part) for part in parts if not isinstance(part, (bool, str))]
    except (OverflowError, TypeError, ValueError):
        values = []
    if len(values) != len(parts) or len(values) not in (1, 3, 4):
        raise InputTypeError(
            subject,
            'a name such as "white", a hex code, a number or a tuple (r, g, b)',
            quoted(color),
            "pass one of these",
        )
    top = TOP.get("uint8" if spec.dtype == "bool" else spec.dtype, 1)
    if not all(0 <= value <= top for value in values):
        raise InputValueError(
            subject, f"values from 0 to {top} for a {spec.dtype} image", quoted(color), "use the image's own units"
        )
    red, green, blue = (value / top for value in (values * 3 if len(values) == 1 else values)[:3])
    return red, green, blue, values[3] / top if len(values) == 4 else 1.0


def _parse_color_name(color: str, subject: str) -> tuple[float, float, float, float]:
    from PIL import ImageColor

    try:
        codes = ImageColor.getrgb("#00000000" if color.lower() == "transparent" else color)
    except ValueError as error:
        raise InputValueError(
            subject, "a CSS color name or a hex code", quoted(color), 'pass for instance "white" or "#ff8000"'
        ) from error
    red, green, blue, alpha = (code / 255 for code in (*codes, 255)[:4])
    return red, green, blue, alpha


# ---------------------------------------------------------------- whole planes, without arithmetic


def load(
    image: Any,
    *,
    layout: str | None = None,
    bgr: bool = False,
    ranged: bool = False,
    mode: str | None = None,
    subject: str = "image",
) -> Opened:
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


def cut(opened: Opened, rows: slice, columns: slice) -> Opened:
    """A part of an open image, for every picture of a batch; not a copy where that can be a view."""
    height, width = rows.stop - rows.start, columns.stop - columns.start
    return Opened(opened.pixels.cut(rows, columns), replace(opened.spec, height=height, width=width))


def split(image: object, *, bgr: bool = False, subject: str = "image") -> tuple[Planes, Spec]:
    """The planes of an image in its own dtype, whole, and its Spec; bool becomes uint8, 0 and 255."""
    pixels, spec = load(image, bgr=bgr, subject=subject)
    planes = pixels.planes()
    if spec.dtype == "bool":
        room = adapter(spec.kind)
        planes, spec = [room.cast(plane, room.namespace.uint8) for plane in planes], replace(spec, dtype="uint8")
    return planes, spec


def merge(planes: Sequence[Plane], spec: Spec) -> Any:
    """An image of the kind `spec` says from whole planes; their dtype and size are the planes' own."""
    room = adapter(spec.kind)
    height, width = planes[0].shape[-2:]
    spec = replace(spec, height=int(height), width=int(width))
    return room.finish(room.assemble(list(planes), spec), spec)


# ---------------------------------------------------------------- the driver


def run(
    kernel: Callable[..., Sequence[Plane]],
    image: Any,
    *others: Any,
    needs: str | None = None,
    pointwise: bool = True,
    codes: Callable[..., Sequence[Plane]] | None = None,
    interleaved: Interleaved | None = None,
    into: Spec | None = None,
) -> Any:
    """Run a kernel on an image of any kind and give back the same kind.

    Args:
        kernel: `kernel(xp, *planes) -> planes`, the definition: float planes in [0, 1]. With `others`,
            `kernel(xp, planes, other_planes, ...)`.
        image: decides kind, dtype, device and form of the result; an image, or one that is `Opened`, with
            `bgr=True` where it runs B, G, R.
        others: images of any kind and the same height and width, moved to where `image` is.
        needs: "alpha" refuses an image without it.
        pointwise: a result pixel depends on its own source pixel alone, so that bands of rows can be
            processed one by one in the cache and in several threads.
        codes: the same as `kernel` on uint8 planes, where a faster formulation was measured; called
            without `xp`, for NumPy and PIL images that are uint8 throughout.
        interleaved: the same as `kernel` on pixels that are not taken apart, where that was measured to be faster; for
            one NumPy or PIL image.
        into: what the result is, where its dtype, order or mode are not the image's.
    """
    pixels, spec = load(image)
    if needs == "alpha" and not spec.has_alpha:
        raise InputValueError(
            "image",
            "an alpha channel",
            CHANNEL_NAMES[spec.channels],
            "add one with merge_alpha(image)",
            option="merge_alpha",
        )
    loaded = [load(other) for other in others]
    for _, other in loaded:
        _check_same_size(spec, other, pointwise)
    result = replace(into or spec, dtype="uint8") if (into or spec).dtype == "bool" else into or spec
    images = [Opened(pixels, spec), *loaded]
    sources = [_readable(opened) for opened in images]
    if spec.kind == "torch" and None in sources:
        return _run_tensor(kernel, pixels, result, loaded)
    sources = [_on_host(opened) if source is None else source for source, opened in zip(sources, images, strict=True)]
    if pointwise and spec.batch and all(source.whole and source.batch == spec.batch for source in sources):
        sources, tall = [source.tall() for source in sources], as_one_tall(result)
        return _run_bands(kernel, codes, sources, tall, interleaved).reshape(*spec.batch, spec.height, spec.width, -1)
    if pointwise:
        return _run_bands(kernel, codes, sources, result, interleaved)
    return _run_whole(kernel, codes, sources, result)


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


def _call(kernel: Callable[..., Sequence[Plane]], xp: tuple[Any, ...], groups: list[Planes]) -> Sequence[Plane]:
    return kernel(*xp, *groups[0]) if len(groups) == 1 else kernel(*xp, *groups)


def _run_tensor(kernel: Callable[..., Sequence[Plane]], pixels: Any, spec: Spec, others: list[Opened]) -> Any:
    room = adapter("torch")
    groups = [pixels.float_planes(), *(room.float_planes_like(pixels, *other) for other in others)]
    with room.full_precision(spec.device):
        planes = _call(kernel, (room.namespace,), groups)
    return room.from_planes(planes, spec)


def _readable(opened: Opened) -> Any:
    """Pixels that NumPy can read where they lie; None for tensors elsewhere and for those whose gradient is recorded.

    On the host NumPy's kernels take bands that fit the cache, torch's whole planes: a third of the time, and less.
    """
    return adapter("torch").readable(opened.pixels) if opened.spec.kind == "torch" else opened.pixels


def _on_host(opened: Opened) -> Any:
    """A tensor beside a NumPy or PIL image, brought to the host."""
    return adapter("torch").host_pixels(opened.pixels)


def _run_bands(kernel: Any, codes: Any, sources: list[Any], spec: Spec, interleaved: Interleaved | None) -> Any:
    room, values = adapter(spec.kind), adapter("numpy")
    work = _on_planes(kernel, codes, sources)
    twin = interleaved if sources[0].whole else None

    def compute(index: tuple[int, ...], rows: slice) -> Sequence[Plane]:
        return work([source.read(index if source.batch else (), rows) for source in sources])

    def store(index: tuple[int, ...], rows: slice, planes: Sequence[Plane]) -> None:
        target.write(index, rows, [values.cast(plane, target.dtype) for plane in planes])

    def convert(index: tuple[int, ...], rows: slice) -> None:
        if twin:
            into = target.block(index, rows)
            if twin.work(sources[0].block(index, rows), into):
                target.commit(rows, into)
                return
        store(index, rows, compute(index, rows))

    spans = list(bands(spec))
    if twin:
        target = room.create(spec, twin.channels, spec.dtype)
    else:  # the first band tells how many planes the kernel returns
        span, *spans = spans
        first = compute(*span)
        target = room.create(spec, len(first), spec.dtype)
        store(*span, first)
    each_band(convert, spans)
    return room.finish(target, spec)


def _run_whole(kernel: Any, codes: Any, sources: list[Any], spec: Spec) -> Any:
    room, values = adapter(spec.kind), adapter("numpy")
    work = _on_planes(kernel, codes, sources)

    def compute(index: tuple[int, ...]) -> Sequence[Plane]:
        return work([source.read(index if source.batch else (), slice(None)) for source in sources])

    def store(index: tuple[int, ...], planes: Sequence[Plane]) -> None:
        target.write(index, slice(None), [values.cast(plane, target.dtype) for plane in planes])

    # The first picture tells how large the results are, and how many planes they have.
    index, *rest = spec.indices
    first = compute(index)
    height, width = first[0].shape
    spec = replace(spec, height=height, width=width)
    target = room.create(spec, len(first), spec.dtype)
    store(index, first)
    in_threads(lambda index: store(index, compute(index)), rest)
    return room.finish(target, spec)


def _on_planes(kernel: Any, codes: Any, sources: list[Any]) -> Callable[[list[Planes]], Sequence[Plane]]:
    """What to do with the planes of some pixels: `codes` where all are uint8 and it is given, else the kernel."""
    import numpy as np

    room = adapter("numpy")
    in_codes = codes is not None and all(source.dtype == np.uint8 for source in sources)

    def call(groups: list[Planes]) -> Sequence[Plane]:
        # NaN and infinity pass through, as in torch, and nobody asked to hear of them.
        with np.errstate(all="ignore"):
            if in_codes:
                return _call(codes, (), groups)
            return _call(kernel, (room.namespace,), [[room.widen(plane) for plane in planes] for planes in groups])

    return call


# ---------------------------------------------------------------- bands of rows


def bands(spec: Spec) -> Iterator[tuple[tuple[int, ...], slice]]:
    """Cut every picture of a batch into bands of about BAND_PIXELS."""
    step = max(1, BAND_PIXELS // spec.width)
    edges = [*range(0, spec.height, step), spec.height]
    for index in spec.indices:
        for top, bottom in pairwise(edges):
            yield index, slice(top, bottom)


def as_one_tall(spec: Spec) -> Spec:
    """A batch whose pictures lie one below the other in memory as one picture: of small ones each would be a band."""
    return replace(spec, height=math.prod(spec.batch) * spec.height, batch=())


def each_band(work: Callable[[tuple[int, ...], slice], None], spans: list[tuple[tuple[int, ...], slice]]) -> None:
    """Do the work for every band, in threads where there is enough of it.

    Each thread takes one run of bands, so they meet once: a barrier a band costs more than it gains.
    """
    shares = min(threads(), len(spans) // BANDS_A_THREAD)
    if shares < 2:
        for span in spans:
            work(*span)
        return

    def work_all(share: list[tuple[tuple[int, ...], slice]]) -> None:
        for span in share:
            work(*span)

    edges = [len(spans) * part // shares for part in range(shares + 1)]
    tasks = [_pool().submit(work_all, spans[start:stop]) for start, stop in pairwise(edges)]
    errors = [task.exception() for task in tasks]
    for error in errors:
        if error is not None:
            raise error


def in_threads(work: Callable[..., Any], *arguments: Sequence[Any]) -> list[Any]:
    """`work` for each set of arguments, in threads where there are some; results in order."""
    calls = list(zip(*arguments, strict=True))
    count = min(threads(), len(calls))
    if count < 2:
        return [work(*call) for call in calls]
    results: list[Any] = [None] * len(calls)
    waiting = deque(enumerate(calls))

    def work_on() -> None:
        while waiting:
            try:
                at, call = waiting.popleft()
            except IndexError:  # another thread was quicker
                return
            results[at] = work(*call)

    tasks = [_pool().submit(work_on) for _ in range(count)]
    errors = [task.exception() for task in tasks]  # waits for all of them
    for error in errors:
        if error is not None:
            raise error
    return results


_CORES = os.cpu_count() or 1


def threads() -> int:
    """As many threads as OpenCV may use: cv2.setNumThreads(1) makes aikit single-threaded too.

    One inside the pool itself: a thread that waits for others of its own pool may wait for ever.
    """
    import cv2

    return 1 if getattr(_here, "in_pool", False) else min(cv2.getNumThreads(), _CORES, 8)


@lru_cache(maxsize=1)
def _pool() -> ThreadPoolExecutor:
    from concurrent.futures import ThreadPoolExecutor

    return ThreadPoolExecutor(max_workers=8, thread_name_prefix="aikit", initializer=_enter_pool)


_here = threading.local()


def _enter_pool() -> None:
    _here.in_pool = True


if hasattr(os, "register_at_fork"):
    # The threads of a pool do not exist in a forked child, which would wait for them for ever.
    os.register_at_fork(after_in_child=_pool.cache_clear)
