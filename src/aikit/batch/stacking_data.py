"""Pictures of data planes into one tensor: values stay what they are, and no channel is alpha."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from numbers import Real
from typing import TYPE_CHECKING, TypeAlias, cast

from .._pixels import Spec, in_threads, is_data
from ..convert import dtype_name, to_tensor
from ..errors import InputValueError, quoted
from ..geometry import fit
from ..types import AnyImage, Color, DeviceLike, DTypeLike
from .failures import Failures
from .fitting import SCALING, Canvas, Fitting, canvas_for, check_fits, place_picture
from .placement import choose_device
from .preparing import Prepare, call_prepare

if TYPE_CHECKING:
    import torch

    from .._adapters.data import Data

__all__ = ["Opener", "check_data_options", "stack_data"]

# What gives one picture of a list, or a file of one, as an image of data planes.
Opener: TypeAlias = Callable[[int], AnyImage]


def check_data_options(background: AnyImage | Color, bgr: bool = False) -> None:
    """Refuse what means nothing beside channels="data"."""
    is_default = isinstance(background, str) and background == "white"
    is_data("data", background=None if is_default else background, bgr=bgr)


def stack_data(
    opener: Opener,
    names: Sequence[str],
    fitting: Fitting,
    failures: Failures,
    *,
    prepare: Prepare | None,
    device: DeviceLike,
    dtype: DTypeLike | None,
    out: torch.Tensor | None,
) -> torch.Tensor:
    """Stack what `opener` gives for each name; all have as many planes as the first."""
    import torch

    from .._adapters import data as planes, torch as tensors

    name = dtype_name(dtype, planes.TENSOR_DTYPES, None)

    def read(index: int) -> Data:
        picture = opener(index)
        prepared = picture if prepare is None else call_prepare(prepare, picture, names[index])
        data = planes.open_data(prepared, subject=names[index])
        if data.batch:
            got = f"a batch of shape {data.batch}"
            raise InputValueError(names[index], "one picture", got, "put its pictures into the list one by one")
        return data

    # What is prepared stays in this thread, whose stream, gradient mode and autocast are its own.
    attempt = partial(failures.attempt, work=read)
    found = in_threads(attempt, range(len(names))) if prepare is None else list(map(attempt, range(len(names))))
    known = {index: data for index, data in enumerate(found) if data is not None}
    if not known:
        raise failures.none_left()
    specs = {index: _spec_of(data) for index, data in known.items()}
    canvas = canvas_for(list(specs.values()), fitting, names[next(iter(known))])
    # Nothing is done to channels, so all have to have as many.
    canvas = replace(canvas, fitting=replace(fitting, channels=canvas.channels))
    target = name or _widest([data.dtype for data in known.values()])
    where = choose_device(device, list(specs.values()), out)
    shape = (len(names), canvas.channels, canvas.height, canvas.width)
    tensors.check_tensor_out(out, shape, target)
    empty = _bars(canvas, target, where)

    def place(index: int) -> torch.Tensor:
        spec = specs[index]
        if spec.channels != canvas.channels:
            raise InputValueError(
                names[index],
                f"{canvas.channels} planes like {canvas.first}",
                str(spec.channels),
                "pick the same planes",
            )
        check_fits(names[index], spec, canvas)
        tensor = to_tensor(_scale(known[index], canvas), channels="data", dtype=target, device=where)
        if tensor.shape[1:] == empty.shape[1:]:
            return tensor
        padded = empty.clone()
        rows, columns = place_picture(replace(spec, height=tensor.shape[1], width=tensor.shape[2]), canvas)
        padded[:, rows, columns] = tensor
        return padded

    parts = {index: failures.attempt(index, place) for index in known}
    if failures.on_error == "zeros":
        parts |= {index: torch.zeros_like(empty) for index, _ in failures}
    left = [part for _, part in sorted(parts.items()) if part is not None]
    if not left:
        raise failures.none_left()
    batch = torch.stack(left)
    if out is None:
        return batch
    return (out if len(batch) == len(out) else out[: len(batch)]).copy_(batch)


def _spec_of(data: Data) -> Spec:
    device = data.values.device if data.is_tensor else None
    return Spec("torch" if data.is_tensor else "numpy", data.dtype, data.channels, *data.size, device=device)


def _widest(names: Sequence[str]) -> str:
    """Find the smallest dtype that holds the numbers of all, as NumPy promotes them; bfloat16 as float32 beside others."""
    import numpy as np

    if len({*names}) == 1:
        return names[0]
    return str(np.result_type(*("float32" if name == "bfloat16" else name for name in names)).name)


def _bars(canvas: Canvas, dtype: str, where: torch.device) -> torch.Tensor:
    """Make what is beyond the pictures: `fill`, one number or one a plane in their own units."""
    import numpy as np

    given = canvas.fitting.fill
    parts = [0 if given is None else given] if not isinstance(given, (tuple, list)) else list(given)
    parts = parts * canvas.channels if len(parts) == 1 else parts
    if len(parts) != canvas.channels or not all(isinstance(part, Real) for part in parts):
        raise InputValueError("fill", f"a number, or {canvas.channels} of them", quoted(given), "pass one a plane")
    color = to_tensor(np.array(parts)[:, None], channels="data", dtype=dtype, device=where)
    return color.reshape(-1, 1, 1).repeat(1, canvas.height, canvas.width)


def _scale(data: Data, canvas: Canvas) -> AnyImage:
    """Scale the planes to the canvas, or into it, in the kind that they came in."""
    import numpy as np

    image = data.values if data.is_tensor else np.moveaxis(data.values, -3, -1)
    how = SCALING.get(canvas.fitting.fit)
    if how is None or data.size == (canvas.height, canvas.width):
        return cast(AnyImage, image)
    fitted: AnyImage = fit(
        image, height=canvas.height, width=canvas.width, how=how, method=canvas.fitting.method, channels="data"
    )
    return fitted
