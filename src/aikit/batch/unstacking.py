"""One tensor into its pictures."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from .._foreign_names import explain_calls
from .._pixels import ChannelKind, Opened, Spec, adapter, is_data, kind_of, load, pass_open
from ..convert import to_numpy
from ..errors import InputTypeError, InputValueError, quoted
from ..types import AnyImage

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

__all__ = ["unstack"]


@explain_calls
def unstack(
    batch: torch.Tensor | NDArray[np.generic],
    sizes: Sequence[tuple[int, int]] | None = None,
    *,
    channels: ChannelKind = "color",
    out: NDArray[Any] | None = None,
) -> list[NDArray[Any]]:
    """Take a batch apart into 8-bit pictures, or planes of data into arrays.

    Values are rounded and channels put last where the batch lies, so that a quarter of the bytes leave a device, in
    one transfer for all pictures.

    Args:
        batch: a tensor (N, C, H, W) or an array (N, H, W, C), C = 1 to 4, any dtype of images.
        sizes: (height, width) of each picture, where they were padded on the right and below; see `sizes_of`.
        channels: "data" for any number of planes of any type, which the results keep.
        out: an array (N, H, W, C) of the results' dtype, C-contiguous, which the pictures become views of. Without it a large batch
            costs more in fresh memory than in arithmetic.

    Returns:
        N arrays, uint8, RGB, or of the batch's own dtype for data (bfloat16 as float32): (H, W) for one channel, else
        (H, W, C). They are views of one buffer.

    Raises:
        InputTypeError: not a tensor or an array, or sizes that are no pairs of whole numbers.
        InputValueError: not a batch, another number of sizes than of pictures, a size beyond the batch's, NaN, or an
            `out` that does not fit.

    Example:
        >>> import numpy as np
        >>> [picture.shape for picture in unstack(np.zeros((2, 4, 6, 3), np.uint8), sizes=[(4, 6), (2, 3)])]
        [(4, 6, 3), (2, 3, 3)]
    """
    if is_data(channels):
        form = _check_is_batch(_form_of_data(batch), batch)
    else:
        opened = load(batch, subject="batch")
        form = _check_is_batch(opened.spec, batch)
    cuts = None if sizes is None else _check_sizes(sizes, form)
    pictures = list(to_numpy(batch, channels="data", out=out) if channels == "data" else _to_uint8(opened, out))
    if form.channels == 1:
        pictures = [picture[..., 0] for picture in pictures]
    if cuts is None:
        return pictures
    return [picture[:height, :width] for picture, (height, width) in zip(pictures, cuts, strict=True)]


def _form_of_data(batch: torch.Tensor | NDArray[np.generic]) -> Spec:
    from .._adapters.data import open_data

    data = open_data(batch, subject="batch")
    return Spec(kind_of(batch), data.dtype, data.channels, *data.size, data.batch)


def _check_is_batch(spec: Spec, batch: torch.Tensor | NDArray[np.generic]) -> Spec:
    if len(spec.batch) == 1:
        return spec
    got = "a PIL image" if adapter(spec.kind).has_modes else f"{tuple(batch.shape)}"
    raise InputValueError(
        "batch", "shape (N, C, H, W) for a tensor or (N, H, W, C) for an array", got, "for one picture call to_numpy"
    )


def _to_uint8(opened: Opened[AnyImage], out: NDArray[np.uint8] | None) -> NDArray[np.uint8]:
    """Round all pictures to uint8, (N, H, W, C), in host memory."""
    pixels, spec = opened
    if spec.device is not None and spec.device.type != "cpu":
        return _to_uint8_on_device(pixels.image, out)
    return to_numpy(pass_open(opened), dtype="uint8", out=out)


def _to_uint8_on_device(batch: torch.Tensor, out: NDArray[np.uint8] | None) -> NDArray[np.uint8]:
    import torch

    from .._adapters import numpy as arrays, torch as tensors

    codes = tensors.cast(batch.detach(), torch.uint8, to_host=True).permute(0, 2, 3, 1).contiguous()
    if out is None:
        array: NDArray[np.uint8] = codes.cpu().numpy()
        return array
    count, height, width, channels = codes.shape
    arrays.check_out(out, Spec("numpy", "uint8", channels, height, width, (count,)))
    torch.from_numpy(out).copy_(codes)
    return out


def _check_sizes(sizes: Iterable[tuple[int, int]], spec: Spec) -> list[tuple[int, int]]:
    """Give the sizes as pairs, one for each picture and none larger than the batch."""
    try:
        pairs = [(operator.index(height), operator.index(width)) for height, width in sizes]
    except (TypeError, ValueError) as error:
        raise InputTypeError(
            "sizes", "pairs (height, width) of whole numbers", quoted(sizes), "sizes_of(images) makes them"
        ) from error
    (count,) = spec.batch
    if len(pairs) != count:
        raise InputValueError("sizes", f"{count} of them, one a picture", str(len(pairs)), "give every picture one")
    for height, width in pairs:
        if not (1 <= height <= spec.height and 1 <= width <= spec.width):
            raise InputValueError(
                "sizes", f"height x width up to {spec.height}x{spec.width}", f"{height}x{width}", "pass (height, width)"
            )
    return pairs
