"""Mean and deviation, as networks were trained with them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from .._foreign_names import explain_calls
from .._pixels import TOP, ChannelKind, is_data, load
from ..errors import InputTypeError, InputValueError, quoted

if TYPE_CHECKING:
    import torch

__all__ = ["normalize"]

Name = Literal["imagenet", "clip"]

# imagenet: of its training pictures; torchvision's documentation of its weights, "Models and pre-trained weights".
# clip: OpenAI's repository CLIP, clip/clip.py, _transform.
_MEANS = {"imagenet": (0.485, 0.456, 0.406), "clip": (0.48145466, 0.4578275, 0.40821073)}
_DEVIATIONS = {"imagenet": (0.229, 0.224, 0.225), "clip": (0.26862954, 0.26130258, 0.27577711)}


@explain_calls
def normalize(
    batch: torch.Tensor,
    *,
    mean: Name | float | Sequence[float],
    std: Name | float | Sequence[float],
    channels: ChannelKind = "color",
    out: torch.Tensor | None = None,
) -> torch.Tensor:
    """Subtract a mean from each channel and divide by a deviation.

    Codes are scaled to [0, 1] in the same step: a batch of uint8 need not become float first.

    Args:
        batch: (..., C, H, W), any dtype of images, on any device. Integers span their full range, floats [0, 1].
        mean: "imagenet", "clip", one number for all channels or one for each, in their order, for values in [0, 1].
        std: the same, above 0. A mean and a deviation of 0.5 take [0, 1] to [-1, 1].
        channels: "data" for any number of planes of any type, whose numbers are taken as they are: of uint16 bands, mean
            and std count from 0 to 65535.
        out: a contiguous tensor of the result's shape and dtype, which is filled and returned; `batch` itself, if it
            is float and no gradient is wanted.

    Returns:
        Same shape and device, contiguous. Floats keep their dtype, half floats are computed in float32 and rounded
        once; codes become float32. Never clamped. Differentiable.

    Raises:
        InputTypeError: not a tensor, or something else than numbers.
        InputValueError: an unknown name, another number of values than of channels, a deviation that is not above 0,
            or an `out` that does not fit.

    Example:
        >>> import torch
        >>> normalize(torch.tensor([[[0, 255]]], dtype=torch.uint8), mean=0.5, std=0.5).tolist()
        [[[-1.0, 1.0]]]
    """
    import torch

    plain = is_data(channels)
    tensor: object = _open_data(batch) if plain else load(batch, subject="batch").pixels.image
    if not isinstance(tensor, torch.Tensor):
        raise InputTypeError("batch", "a tensor", type(batch).__name__, "stack or to_tensor makes one of pictures")
    means = _list_values("mean", mean, _MEANS, tensor.shape[-3])
    deviations = _list_values("std", std, _DEVIATIONS, tensor.shape[-3])
    if not all(value > 0 for value in deviations):
        raise InputValueError("std", "numbers above 0", quoted(std), "for a channel that never varies pass 1")
    name = str(tensor.dtype).removeprefix("torch.")
    return _normalize(tensor, means, deviations, out, top=1 if plain else TOP.get(name, 1))


def _open_data(batch: torch.Tensor) -> object:
    from .._adapters.data import open_data

    values: object = open_data(batch, subject="batch").values
    if batch.ndim < 3:
        raise InputValueError("batch", "shape (..., C, H, W)", str(tuple(batch.shape)), "add a channel axis: x[None]")
    return values


def _list_values(
    subject: str, given: str | float | Sequence[float], named: Mapping[str, tuple[float, ...]], channels: int
) -> tuple[float, ...]:
    """List one number for each channel."""
    if isinstance(given, str):
        if given not in named:
            raise InputValueError(subject, f"one of {', '.join(named)}, or numbers", quoted(given), "pass one of these")
        given = named[given]
    parts = _convert_to_floats(subject, given, channels)
    if len(parts) != channels:
        raise InputValueError(
            subject,
            f"one number or {channels}, one a channel",
            str(len(parts)),
            "convert the channels first, or pass as many",
        )
    if not all(math.isfinite(part) for part in parts):
        raise InputValueError(subject, "finite numbers", quoted(given), "check how they were computed")
    return parts


def _convert_to_floats(subject: str, given: float | Sequence[float], channels: int) -> tuple[float, ...]:
    try:
        return tuple(map(float, given)) if isinstance(given, Iterable) else (float(given),) * channels
    except (TypeError, ValueError) as error:
        raise InputTypeError(
            subject, 'a name such as "imagenet", a number or one a channel', quoted(given), "pass one of these"
        ) from error


# Elements of what is worked on at once in host memory, so that it stays in the cache between the steps.
_BLOCK = 1 << 20


def _normalize(
    batch: torch.Tensor, means: tuple[float, ...], deviations: tuple[float, ...], out: torch.Tensor | None, *, top: int
) -> torch.Tensor:
    """Compute (x - mean) / std as one multiplication and one addition: x / (top * std) - mean / std."""
    import torch

    from .._adapters import torch as tensors

    is_float = batch.dtype.is_floating_point
    target = batch.dtype if is_float else torch.float32
    tensors.check_tensor_out(out, tuple(batch.shape), tensors.dtype_name(target))
    wide = torch.float64 if target == torch.float64 else torch.float32
    factors = tuple(1 / (top * deviation) for deviation in deviations)
    summands = tuple(-mean / deviation for mean, deviation in zip(means, deviations, strict=True))
    if tensors.is_traced(batch):
        # Planes, so that a compiler makes one kernel of this and of the formulas before it.
        steps = zip(batch.unbind(-3), factors, summands, strict=True)
        traced = torch.stack([(plane.to(wide) * factor + summand).to(target) for plane, factor, summand in steps], -3)
        return traced if out is None else out.copy_(traced)
    scale, shift = _make_constants(factors, summands, wide, batch.device)
    if batch.requires_grad or tensors.is_transformed(batch):
        differentiable = torch.addcmul(shift, batch.to(wide), scale).to(target)
        return differentiable if out is None else out.copy_(differentiable)
    result = torch.empty(batch.shape, dtype=target, device=batch.device) if out is None else out
    if batch.device.type == "cpu":
        _normalize_blocks(batch, scale, shift, result)
    elif is_float or batch.dtype == torch.uint8:
        # One kernel that reads one dtype and writes another, float32 inside.
        torch.addcmul(shift, batch, scale, out=result)
    else:
        torch.addcmul(shift, batch.to(wide), scale, out=result)
    return result


def _normalize_blocks(batch: torch.Tensor, scale: torch.Tensor, shift: torch.Tensor, result: torch.Tensor) -> None:
    """Work in host memory, where a mixed addcmul would make floats of the whole batch first: four times as fast."""
    pictures, results = (tensor.reshape(-1, *tensor.shape[-3:]) for tensor in (batch, result))
    step = max(1, _BLOCK // pictures[0].numel())
    for first in range(0, len(pictures), step):
        source, target = pictures[first : first + step], results[first : first + step]
        wide = target if target.dtype == scale.dtype else target.to(scale.dtype)
        wide.copy_(source).mul_(scale).add_(shift)
        if wide is not target:
            target.copy_(wide)


@lru_cache(maxsize=16)
def _make_constants(
    factors: tuple[float, ...], summands: tuple[float, ...], dtype: torch.dtype, device: torch.device
) -> tuple[torch.Tensor, torch.Tensor]:
    """Make the factor and the summand of each channel, kept where they are used: a transfer makes the program wait for a device."""
    import torch

    # Outside inference mode: tensors made inside could serve no gradient later, and these are kept.
    with torch.inference_mode(False):
        scale, shift = (torch.tensor(part, dtype=dtype, device=device)[:, None, None] for part in (factors, summands))
        return scale, shift
