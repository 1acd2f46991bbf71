"""Pictures of any kind into one tensor."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, TypeVar, overload

from .._foreign_names import explain_calls
from .._pixels import TOP, Opened, adapter, as_own, copy_pixels, in_threads, load_beside, pass_open
from ..convert import TORCH_DTYPES, dtype_name, to_tensor
from ..errors import InputTypeError, InputValueError
from ..resample.size import Method
from ..types import AnyImage, Color, DeviceLike, DTypeLike
from .failures import Failure, Failures, OnError, collect_failures
from .fitting import (
    SCALING,
    Canvas,
    Channels,
    Fit,
    Fitting,
    bars_of,
    canvas_for,
    check_fits,
    check_fitting,
    fit_picture,
    place_picture,
)
from .placement import choose_device
from .preparing import Prepare, check_prepare, prepare_pictures
from .stacking_data import check_data_options, stack_data

if TYPE_CHECKING:
    import torch

    from .._pixels.kinds import Array

__all__ = ["list_of", "open_pictures", "stack", "stack_opened"]

Item = TypeVar("Item")

# What is worth a thread of its own, in pixels to copy and in pixels to rescale.
_WORTH_COPYING, _WORTH_SCALING = 1 << 21, 1 << 17


@explain_calls
def stack(
    images: Iterable[AnyImage],
    *,
    prepare: Prepare | None = None,
    height: int | None = None,
    width: int | None = None,
    fit: Fit = "exact",
    channels: Channels | None = None,
    method: Method = "bilinear",
    background: AnyImage | Color = "white",
    fill: Color | None = None,
    bgr: bool = False,
    device: DeviceLike = "auto",
    dtype: DTypeLike | None = "float32",
    out: torch.Tensor | None = None,
    on_error: OnError = "raise",
    failures: list[Failure] | None = None,
) -> torch.Tensor:
    """Make one batch of many pictures.

    Pictures in host memory cross to a device in one pinned buffer of codes, in one transfer, and become floats there.

    Args:
        images: PIL images, arrays (H, W) or (H, W, 1 to 4) and tensors (1 to 4, H, W), mixed as you like.
        prepare: what is done with each picture first: a Recipe, a Preprocess, or a function that gives an image. Pictures
            in host memory are prepared in threads.
        height: of the batch, in pixels; left out, the first picture's, or the highest one's for "pad".
        width: of the batch, in pixels; left out, the first picture's, or the widest one's for "pad".
        fit: "exact" takes pictures of one size only. "pad" adds `fill` on the right and below and never rescales;
            `sizes_of(images)` remembers the sizes for `unstack`. "crop" cuts the middle to the proportions of the
            batch, then scales it, as `fit(how="cover")`; "stretch" scales each side for itself; "letterbox" scales to
            fit within and adds bars of `fill` on both sides; "contain" does, with the picture at the top left. These
            need height and width, and scale with antialiasing.
        method: how these scale, a word of `resize`: most training data was shrunk by "bilinear", which
            does not ring; models of the CLIP family want "bicubic".
        channels: "gray", "rgb" or "rgba" for all; None wants all pictures alike, of 1 to 4 channels. "data" stacks
            planes of numbers, as many in each picture and none of them alpha, whose values stay: nothing is scaled to
            [0, 1], whole numbers scale by method="nearest" alone, and `fill` is one number or one a plane.
        background: under transparency that "gray" or "rgb" removes: a color, or as `flatten` takes it. A name or a
            hex code means the same to 8-bit, 16-bit and float pictures.
        fill: the color of what "pad", "contain" and "letterbox" add; None is 0, transparent where the batch has alpha.
            Numbers are in the units of each picture.
        bgr: the arrays and tensors run B, G, R(, A); PIL images are RGB as ever, and so is the batch.
        device: where to; "auto" is where the tensors are, else what `pick_device` picks once for the process, and the
            CPU in a worker of a DataLoader.
        dtype: "float32", "float16", "bfloat16", "float64", "uint8" or "uint16"; None takes the widest of the pictures'.
        out: a contiguous tensor of the result's shape and dtype, which is filled and returned. Without it a large
            result in host memory costs more in fresh pages than in arithmetic.
        on_error: "raise" ends with the first picture that is none, cannot be decoded or does not fit. "skip" leaves
            it out, "zeros" puts zeros in its place; what is wrong with the options always raises.
        failures: a list that receives (index, error) for each picture that failed, in their order; without one, the
            logger "aikit" is told.

    Returns:
        (N, C, height, width), contiguous, in [0, 1] where it is float: each picture as `to_tensor` gives it.
        Tensors that require gradients keep them. With "skip" N is the number of those that are left, and an `out` is
        filled from its beginning.

    Raises:
        InputTypeError: one of them is no image, or they are not in a list.
        InputValueError: none at all, or none left; a size or channels that do not fit, a batch among the pictures, or
            NaN on the way to integers.
        DeviceError: the device does not exist.

    Example:
        >>> import numpy as np
        >>> pictures = [np.zeros((4, 6, 3), np.uint8), np.zeros((5, 2, 3), np.uint8)]
        >>> stack(pictures, fit="pad", device="cpu").shape
        torch.Size([2, 3, 5, 6])
        >>> from aikit import Recipe
        >>> stack(pictures, prepare=Recipe.parse("resize width=8 height=8; rgb_to_gray"), device="cpu").shape
        torch.Size([2, 1, 8, 8])
    """
    pictures = list_of(images)
    fitting = check_fitting(
        height=height, width=width, fit=fit, channels=channels, method=method, background=background, fill=fill
    )
    check_prepare(prepare)
    names = [f"images[{index}]" for index in range(len(pictures))]
    with collect_failures(on_error, failures, "images") as failed:
        if channels == "data":
            check_data_options(background, bgr)
            read = pictures.__getitem__
            return stack_data(read, names, fitting, failed, prepare=prepare, device=device, dtype=dtype, out=out)
        opened = open_pictures(pictures, failed, bgr=bgr)
        if prepare is not None:
            opened = prepare_pictures(opened, names, prepare, failed)
        return stack_opened(opened, names, fitting, failed, device=device, dtype=dtype, out=out)


def stack_opened(
    pictures: Sequence[Opened[AnyImage] | None],
    names: Sequence[str],
    fitting: Fitting,
    failures: Failures,
    *,
    device: DeviceLike,
    dtype: DTypeLike | None,
    out: torch.Tensor | None,
) -> torch.Tensor:
    """Stack pictures that are open; those that failed before are None. `names` are what messages call them."""
    from .._adapters import torch as tensors

    name = dtype_name(dtype, TORCH_DTYPES, None)
    canvas, sound = _make_canvas(pictures, names, fitting, failures)
    specs = [one.spec for one in sound.values()]
    if not specs and (name is None or failures.on_error == "skip"):
        raise failures.none_left()
    widest = _widest(spec.dtype for spec in specs) if specs else "uint8"
    name = name or widest
    shape = (len(pictures), canvas.channels, canvas.height, canvas.width)
    tensors.check_tensor_out(out, shape, name)
    where = choose_device(device, specs, out)
    # Codes become floats where the batch lies.
    codes = name if name in TOP else widest
    if any(adapter(one.spec.kind).view_on_host(one.pixels) is None for one in sound.values()):
        batch = _stack_on_device(sound, canvas, where, codes, failures)
        return _convert(batch, name, _shorten(out, len(batch)))

    def place(array: Array, planar: bool, index: int) -> None:
        _place(fit_picture(sound[index], canvas), array[index], canvas, planar=planar)

    # Runs of pictures, one for each thread.
    worth = _WORTH_SCALING if fitting.fit in SCALING else _WORTH_COPYING
    runs = max(1, min(len(specs), 32, sum(spec.height * spec.width for spec in specs) // worth))
    if where.type == "cpu":
        on_host, target = tensors.allocate_on_host(shape, name, out)
        left = _fill(target.array, partial(place, target.array, True), runs, failures)
        return _copy_to(_shorten(out, left), tensors.move(_shorten(on_host, left), name, where))
    buffer = _allocate((shape[0], *shape[2:], shape[1]), codes, where)
    array: Array = buffer.numpy()
    buffer = _shorten(buffer, _fill(array, partial(place, array, False), runs, failures))
    # The allocator of pinned memory keeps the buffer until the copy is done, and hands it out again to the next batch.
    on_device = buffer.to(where, non_blocking=buffer.is_pinned())
    return _convert(on_device.permute(0, 3, 1, 2), name, _shorten(out, len(on_device)))


# ---------------------------------------------------------------- the pictures


def list_of(given: Iterable[Item], subject: str = "images", of: str = "images") -> list[Item]:
    """List what is for many pictures."""
    thing: object = given
    # An array would give its rows as gray pictures, a file its lines.
    single = isinstance(thing, (str, bytes, bytearray)) or hasattr(thing, "ndim") or hasattr(thing, "read")
    if single or not isinstance(thing, Iterable):
        raise InputTypeError(subject, f"a list of {of}", type(thing).__name__, f"for one picture pass [{subject[:-1]}]")
    items = list(given)
    if not items:
        raise InputValueError(subject, "at least one", "none", "check where the list was made")
    return items


def open_pictures(
    pictures: Sequence[AnyImage], failures: Failures, *, bgr: bool = False
) -> list[Opened[AnyImage] | None]:
    """Open each picture once; files that PIL opened lazily are decoded in threads."""
    attempt = partial(failures.attempt, work=partial(_open_picture, pictures, bgr))
    lazy = [index for index, picture in enumerate(pictures) if getattr(picture, "tile", None)]
    # One picture twice in the list is opened by one thread: two would fight over its file.
    first = {id(pictures[index]): index for index in reversed(lazy)}
    decoded = dict(zip(first.values(), in_threads(attempt, list(first.values())), strict=True))
    return [decoded[index] if index in decoded else attempt(index) for index in range(len(pictures))]


def _open_picture(pictures: Sequence[AnyImage], bgr: bool, index: int) -> Opened[AnyImage]:
    subject = f"images[{index}]"
    opened = load_beside(as_own(pictures[index], subject), subject, bgr=bgr)
    if opened.spec.batch:
        raise InputValueError(
            subject,
            "one picture",
            f"a batch of shape {tuple(opened.pixels.image.shape)}",
            "put its pictures into the list one by one",
        )
    return opened


def _make_canvas(
    pictures: Sequence[Opened[AnyImage] | None], names: Sequence[str], fitting: Fitting, failures: Failures
) -> tuple[Canvas, dict[int, Opened[AnyImage]]]:
    """Choose what the pictures become, and those that can."""
    known = {index: one for index, one in enumerate(pictures) if one is not None}
    if not known and None in (fitting.height, fitting.width, fitting.channels):
        raise failures.none_left()
    canvas = canvas_for([one.spec for one in known.values()], fitting, names[next(iter(known), 0)])

    def check(index: int) -> Opened[AnyImage]:
        check_fits(names[index], known[index].spec, canvas)
        return known[index]

    fit = {index: failures.attempt(index, check) for index in known}
    return canvas, {index: one for index, one in fit.items() if one is not None}


def _widest(names: Iterable[str]) -> str:
    """Choose the smallest dtype that holds all pictures exactly; 16-bit codes are not in half floats."""
    different = {"uint8" if name == "bool" else name for name in names}
    if len(different) == 1:
        return different.pop()
    if different <= {"uint8", "uint16"}:
        return "uint16"
    return "float64" if "float64" in different else "float32"


# ---------------------------------------------------------------- host memory


def _fill(array: Array, place: Callable[[int], None], runs: int, failures: Failures) -> int:
    """Place every picture, in as many runs as there is work for threads; how many there are in the end."""

    def fill(indices: range) -> None:
        for index in indices:
            failures.attempt(index, place)

    edges = [len(array) * run // runs for run in range(runs + 1)]
    in_threads(fill, [range(start, stop) for start, stop in pairwise(edges)])
    if failures.on_error == "zeros":
        for index, _ in failures:
            array[index] = 0
        return len(array)
    left = failures.find_left(len(array))
    if not left:
        raise failures.none_left()
    for at, index in enumerate(left):
        if at != index:
            array[at] = array[index]
    return len(left)


@overload
def _shorten(batch: torch.Tensor, count: int) -> torch.Tensor: ...
@overload
def _shorten(batch: torch.Tensor | None, count: int) -> torch.Tensor | None: ...
def _shorten(batch: torch.Tensor | None, count: int) -> torch.Tensor | None:
    """Give the first pictures of a batch, and the batch itself where that is all."""
    return batch if batch is None or len(batch) == count else batch[:count]


def _place(opened: Opened[AnyImage], array: Array, canvas: Canvas, *, planar: bool) -> None:
    """Store one picture at its place, and bars beside it."""
    from .._adapters import numpy as arrays

    pixels, spec = opened
    rows, columns = place_picture(spec, canvas)
    if (spec.height, spec.width) != (canvas.height, canvas.width):
        _fill_bars(array if planar else array.transpose(2, 0, 1), rows, columns, bars_of(spec, canvas))
    array = array[:, rows, columns] if planar else array[rows, columns]
    copy_pixels(adapter(spec.kind).copy_to_host(pixels), spec, arrays.Pixels(array, planar=planar))


def _fill_bars(planes: Array | torch.Tensor, rows: slice, columns: slice, values: list[float]) -> None:
    """Fill what lies beside a part of (C, H, W); values in [0, 1], in the units of the planes."""
    top = TOP.get(str(planes.dtype).removeprefix("torch."))
    for plane, value in zip(planes, values, strict=True):
        unit = value if top is None else round(value * top)
        plane[: rows.start], plane[rows.stop :] = unit, unit
        plane[rows, : columns.start], plane[rows, columns.stop :] = unit, unit


# ---------------------------------------------------------------- devices


def _allocate(shape: tuple[int, ...], dtype: str, where: torch.device) -> torch.Tensor:
    """Allocate host memory for a transfer; pinned for CUDA, which fetches it while the program goes on."""
    import torch

    dtype = "float32" if dtype in ("float16", "bfloat16") else dtype
    return torch.empty(shape, dtype=getattr(torch, dtype), pin_memory=where.type == "cuda")


def _stack_on_device(
    pictures: dict[int, Opened[AnyImage]], canvas: Canvas, where: torch.device, dtype: str, failures: Failures
) -> torch.Tensor:
    """Stack pictures that NumPy cannot see, on a device or with a gradient, and whatever is beside them."""
    import torch

    from .._adapters import torch as tensors

    common: torch.dtype = getattr(torch, dtype)

    def bring(index: int) -> torch.Tensor:
        return tensors.cast(_to_batch_tensor(fit_picture(pictures[index], canvas), canvas, where), common)

    parts = {index: failures.attempt(index, bring) for index in pictures}
    empty = torch.zeros((canvas.channels, canvas.height, canvas.width), dtype=common, device=where)
    if failures.on_error == "zeros":
        parts |= {index: empty for index, _ in failures}
    left = [part for _, part in sorted(parts.items()) if part is not None]
    if not left:
        raise failures.none_left()
    return torch.stack(left)


def _to_batch_tensor(opened: Opened[AnyImage], canvas: Canvas, where: torch.device) -> torch.Tensor:
    """Bring one picture to the device, with the channels and the size of the batch, in its own dtype."""
    import torch

    from .._adapters import torch as tensors

    pixels, spec = opened
    if isinstance(pixels, tensors.TensorPixels):
        tensor = pixels.rgb().to(where)
        tensor = tensors.cast(tensor, torch.uint8) if spec.dtype == "bool" else tensor
    else:
        tensor = to_tensor(pass_open(opened), dtype=None, device=where)
    if spec.channels < canvas.channels:
        color = tensor[:-1] if spec.has_alpha else tensor
        parts = [color] if len(color) == 3 else [color] * 3
        if canvas.channels == 4:
            opaque = torch.full_like(tensor[:1], TOP.get(tensors.dtype_name(tensor.dtype), 1))
            parts.append(tensor[-1:] if spec.has_alpha else opaque)
        tensor = torch.cat(parts)
    if tensor.shape[1:] == (canvas.height, canvas.width):
        return tensor
    padded = tensor.new_zeros((canvas.channels, canvas.height, canvas.width))
    rows, columns = place_picture(spec, canvas)
    _fill_bars(padded, rows, columns, bars_of(spec, canvas))
    padded[:, rows, columns] = tensor
    return padded


def _convert(batch: torch.Tensor, name: str, out: torch.Tensor | None) -> torch.Tensor:
    """Give the batch its final dtype, contiguous, in `out` where that is given."""
    import torch

    from .._adapters import torch as tensors

    target: torch.dtype = getattr(torch, name)
    if batch.dtype == torch.uint8 and target.is_floating_point and target.itemsize <= 4:
        # One kernel that reads bytes in any order and writes the result where it belongs; float32 inside.
        into = torch.empty(batch.shape, dtype=target, device=batch.device) if out is None else out
        torch.mul(batch, 1 / TOP["uint8"], out=into)
        return into
    return _copy_to(out, tensors.cast(batch, target).contiguous())


def _copy_to(out: torch.Tensor | None, batch: torch.Tensor) -> torch.Tensor:
    return batch if out is None or batch is out else out.copy_(batch)
