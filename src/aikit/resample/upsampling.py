"""Larger pictures: by a kernel, or by a network that has learned what detail looks like."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING, Annotated

from .._check import Within, number, one_of
from .._foreign_names import explain_calls
from .._pixels import load, run
from ..types import ImageT
from .gaussian import sharpen_planes
from .passes import Resizing
from .size import METHODS, Method, is_integer, new_size, resize_opened

if TYPE_CHECKING:
    from .network import Network

__all__ = ["upsample"]


@explain_calls
def upsample(
    image: ImageT,
    scale: Annotated[float, Within(1)],
    *,
    method: Method = "lanczos",
    sharpen: Annotated[float, Within(0, 2)] = 0.0,
    model: str | os.PathLike[str] | Network | None = None,
) -> ImageT:
    """Enlarge an image, sharpen it if asked, or let a super-resolution network do it.

    Args:
        image: any image or batch. For a network in the order R, G, B, and floats in [0, 1].
        scale: how many times larger, 1 or more.
        method: as for `resize`.
        sharpen: the strength of an unsharp mask, 0 to 2. What it adds is held within the values around each pixel
            of the enlarged image, so that edges get steeper and do not ring.
        model: the path of a checkpoint (.pth, .pt, .ckpt with weights alone, or .safetensors) of any network the
            package spandrel knows, or one that spandrel has loaded. A path is read at every call and runs where
            the image is, on the CPU for NumPy and PIL; a loaded network runs where it is, whatever the image. Where
            it enlarges by another factor than `scale`, `method` does the rest. Alpha is enlarged by `method`.

    Returns:
        Same kind and dtype, `floor(size * scale + 0.5)` pixels a side. Without a model differentiable in torch.

    Raises:
        InputTypeError: not an image, a scale that is not a number, or a model that is not a path or a network.
        InputValueError: a scale below 1, an unknown method, a strength outside [0, 2], or a network that does not
            make one picture of another.
        MissingDependencyError: a model without the package spandrel.
        FileAccessError: the checkpoint cannot be opened.
        FileFormatError: it holds more than weights, or those of an unknown network.

    Example:
        >>> import numpy as np
        >>> upsample(np.zeros((20, 30), np.uint8), 2).shape
        (40, 60)
    """
    scale, sharpen = number("scale", scale, 1, float("inf")), number("sharpen", sharpen, 0, 2)
    one_of("method", method, METHODS)
    opened = load(image)
    size = new_size((opened.spec.height, opened.spec.width), None, None, scale)
    if model is None:
        larger = resize_opened(opened, Resizing(size, method))
    else:
        from .network import enlarge, open_network

        network = open_network(model, opened.spec.device)
        how = Resizing(size, method, clamp=is_integer(opened.spec))
        larger = run(partial(enlarge, network, how), opened, pointwise=False)
    if sharpen == 0:
        return larger
    # The blur is as wide as the enlarged pixels are; half of that leaves their edges alone.
    return run(partial(sharpen_planes, sharpen, 0.5 * scale), larger, pointwise=False)
