"""Pictures of any kind into one tensor."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from .._foreign_names import explain_calls
from .._pixels import TOP, Opened, adapter, copy_pixels, in_threads, load_beside
from ..convert import TORCH_DTYPES, dtype_name, to_tensor
from ..errors import InputTypeError, InputValueError
from ..types import AnyImage
from .fitting import Canvas, Channels, Fit, canvas_for, fit_picture
from .placement import choose_device

if TYPE_CHECKING:
    import numpy as np
    import torch

__all__ = ["list_of", "open_pictures", "stack"]

# What is worth a thread of its own, in pixels to copy and in pixels to rescale.
_WORTH_COPYING, _WORTH_SCALING = 1 << 21, 1 << 17


@explain_calls
def stack(
    images: Iterable[AnyImage],
    *,
    height: int | None = None,
    width: int | None = None,
    fit: Fit = "exact",
    channels: Channels | None = None,
    background: Any = "white",
    bgr: bool = False,
    device: Any = "auto",
    dtype: Any = "float32",
    out: torch.Tensor | None = None,
) -> torch.Tensor:
    """Make one batch of many pictures.

    Pictures in host memory cross to a device in one pinned buffer of codes, in one transfer, and become floats there.

    Args:
        images: PIL images, arrays (H, W) or (H, W, 1 to 4) and tensors (1 to 4, H, W), mixed as you like.
        height: of the batch, in pixels; left out, the first picture's, or the highest one's for "pad".
        width: of the batch, in pixels; left out, the first picture's, or the widest one's for "pad".
        fit: "exact" takes pictures of one size only. "pad" adds zeros on the right and below and never rescales;
            `sizes_of(images)` remembers the sizes for `unstack`. "crop" cuts the middle to the proportions of the
            batch, then scales it; "stretch" scales each side for itself; both need height and width, and scale
            bilinearly with antialiasing.
        channels: "gray", "rgb" or "rgba" for all; None wants all pictures alike, of 1 to 4 channels.
        background: under transparency that "gray" or "rgb" removes: a color, or as `flatten` takes it. A name or a
            hex code means the same to 8-bit, 16-bit and float pictures.
        bgr: the arrays and tensors run B, G, R(, A); PIL images are RGB as ever, and so is the batch.
        device: where to; "auto" is where the tensors are, else what `pick_device` picks once for the process, and the
            CPU in a worker of a DataLoader.
        dtype: "float32", "float16", "bfloat16", "float64", "uint8" or "uint16"; None takes the widest of the pictures'.
        out: a contiguous tensor of the result's shape and dtype, which is filled and returned. Without it a large
            result in host memory costs more in fresh pages than in arithmetic.

    Returns:
        (N, C, height, width), contiguous, in [0, 1] where it is float: each picture as `to_tensor` gives it.
        Tensors that require gradients keep them.

    Raises:
        InputTypeError: one of them is no image, or they are not in a list.
        InputValueError: none at all, a size or channels that do not fit, a batch among the pictures, or NaN on the
            way to integers.
        DeviceError: the device does not exist.

    Example:
        >>> import numpy as np
        >>> pictures = [np.zeros((4, 6, 3), np.uint8), np.zeros((5, 2, 3), np.uint8)]
        >>> stack(pictures, fit="pad", device="cpu").shape
        torch.Size([2, 3, 5, 6])
    """
    pictures = list_of(images)
    opened = open_pictures(pictures, bgr=bgr)
    specs = [each.spec for each in opened]
    widest = _widest(spec.dtype for spec in specs)
    canvas = canvas_for(specs, height, width, fit, channels)
    name = dtype_name(dtype, TORCH_DTYPES, None) or widest
    from .._adapters import torch as tensors

    shape = (len(pictures), canvas.channels, canvas.height, canvas.width)
    tensors.check_tensor_out(out, shape, name)
    where = choose_device(device, specs, out)

    # Runs of pictures, one for each thread.
    worth = _WORTH_SCALING if fit in ("crop", "stretch") else _WORTH_COPYING
    runs = min(len(specs), 32, max(1, sum(spec.height * spec.width for spec in specs) // worth))

    def fit_one(index: int) -> Opened[AnyImage]:
        return fit_picture(pictures[index], opened[index], canvas, background)

    if any(_must_stay_tensor(each) for each in opened):
        parts = [_to_batch_tensor(fit_one(index), canvas, where) for index in range(len(pictures))]
        return _convert(_stack_tensors(parts, name), name, out)
    if where.type == "cpu":
        batch, target = tensors.allocate_on_host(shape, name, out)
        _fill(target.array, fit_one, runs, planar=True)
        batch = tensors.move(batch, name, where)
        return _copy_to(out, batch)
    buffer = _allocate((shape[0], *shape[2:], shape[1]), name if name in TOP else widest, where)
    _fill(buffer.numpy(), fit_one, runs, planar=False)
    # The allocator of pinned memory keeps the buffer until the copy is done, and hands it out again to the next batch.
    on_device = buffer.to(where, non_blocking=buffer.is_pinned())
    return _convert(on_device.permute(0, 3, 1, 2), name, out)


# ---------------------------------------------------------------- the pictures


def list_of(given: Any, subject: str = "images", of: str = "images") -> list[Any]:
    """What is for many pictures, as a list."""
    # An array would give its rows as gray pictures, a file its lines.
    single = isinstance(given, (str, bytes, bytearray)) or hasattr(given, "ndim") or hasattr(given, "read")
    if single or not isinstance(given, Iterable):
        raise InputTypeError(subject, f"a list of {of}", type(given).__name__, f"for one picture pass [{subject[:-1]}]")
    items = list(given)
    if not items:
        raise InputValueError(subject, "at least one", "none", "check where the list was made")
    return items


def open_pictures(pictures: Sequence[Any], *, bgr: bool = False) -> list[Opened[AnyImage]]:
    """Open each picture once; files that PIL opened lazily are decoded in threads."""

    def opened(index: int) -> Opened[AnyImage]:
        subject, picture = f"images[{index}]", pictures[index]
        result = picture if isinstance(picture, Opened) else load_beside(picture, subject, bgr=bgr)
        if result.spec.batch:
            raise InputValueError(
                subject,
                "one picture",
                f"a batch of shape {tuple(picture.shape)}",
                "put its pictures into the list one by one",
            )
        return result

    lazy = [index for index, picture in enumerate(pictures) if getattr(picture, "tile", None)]
    # One picture twice in the list is opened by one thread: two would fight over its file.
    first = {id(pictures[index]): index for index in reversed(lazy)}
    decoded = dict(zip(first.values(), in_threads(opened, list(first.values())), strict=True))
    return [decoded[index] if index in decoded else opened(index) for index in range(len(pictures))]


def _widest(names: Iterable[str]) -> str:
    """The smallest dtype that holds all pictures exactly; 16-bit codes are not in half floats."""
    different = {"uint8" if name == "bool" else name for name in names}
    if len(different) == 1:
        return different.pop()
    if different <= {"uint8", "uint16"}:
        return "uint16"
    return "float64" if "float64" in different else "float32"


# ---------------------------------------------------------------- host memory


def _fill(array: np.ndarray[Any, Any], fit_one: Callable[[int], Opened[AnyImage]], runs: int, *, planar: bool) -> None:
    """Fit every picture and store it at its place, in as many runs as there is work for threads."""

    def fill(indices: range) -> None:
        for index in indices:
            _place(fit_one(index), array[index], planar=planar)

    edges = [len(array) * run // runs for run in range(runs + 1)]
    in_threads(fill, [range(start, stop) for start, stop in pairwise(edges)])


def _place(opened: Opened[AnyImage], array: np.ndarray[Any, Any], *, planar: bool) -> None:
    """Store one picture at the top left of its place, and zeros beside and below it."""
    from .._adapters import numpy as arrays

    pixels, spec = opened
    rows, columns = slice(0, spec.height), slice(0, spec.width)
    if planar:
        array[:, spec.height :], array[:, rows, spec.width :] = 0, 0
        array = array[:, rows, columns]
    else:
        array[spec.height :], array[rows, spec.width :] = 0, 0
        array = array[rows, columns]
    copy_pixels(adapter(spec.kind).copy_to_host(pixels), spec, arrays.Pixels(array, planar=planar))


# ---------------------------------------------------------------- devices


def _allocate(shape: tuple[int, ...], dtype: str, where: torch.device) -> torch.Tensor:
    """Allocate host memory for a transfer; pinned for CUDA, which fetches it while the program goes on."""
    import torch

    dtype = "float32" if dtype in ("float16", "bfloat16") else dtype
    return torch.empty(shape, dtype=getattr(torch, dtype), pin_memory=where.type == "cuda")


def _must_stay_tensor(opened: Opened[AnyImage]) -> bool:
    """Whether NumPy cannot do the work: pixels on a device, or a gradient."""
    from .._adapters.torch import TensorPixels

    pixels = opened.pixels
    return isinstance(pixels, TensorPixels) and (pixels.tensor.device.type != "cpu" or pixels.tensor.requires_grad)


def _to_batch_tensor(opened: Opened[AnyImage], canvas: Canvas, where: torch.device) -> torch.Tensor:
    """Bring one picture to the device, with the channels and the size of the batch, in its own dtype."""
    import torch

    from .._adapters import torch as tensors

    pixels, spec = opened
    if isinstance(pixels, tensors.TensorPixels):
        tensor = pixels.rgb().to(where)
        tensor = tensors.cast(tensor, torch.uint8) if spec.dtype == "bool" else tensor
    else:
        tensor = to_tensor(opened, dtype=None, device=where)  # type: ignore[arg-type]
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
    padded[:, : spec.height, : spec.width] = tensor
    return padded


def _stack_tensors(parts: list[torch.Tensor], name: str) -> torch.Tensor:
    """Stack all pictures in the smallest dtype that serves."""
    import torch

    from .._adapters import torch as tensors

    names = {tensors.dtype_name(part.dtype) for part in parts}
    common = getattr(torch, name if name in TOP else _widest(names))
    return torch.stack([tensors.cast(part, common) for part in parts])


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
