"""Mean and deviation, as networks were trained with them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache, partial
from numbers import Real
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from .._image import TOP, Planes, Spec, adapter, load, run
from ..errors import InputTypeError, InputValueError

if TYPE_CHECKING:
    import numpy as np
    import torch

__all__ = ["normalize"]

BatchT = TypeVar("BatchT", "np.ndarray[Any, Any]", "torch.Tensor")
Name = Literal["imagenet", "clip"]

# imagenet: of its training pictures; torchvision's documentation of its weights, "Models and pre-trained weights".
# clip: OpenAI's repository CLIP, clip/clip.py, _transform.
_MEANS = {"imagenet": (0.485, 0.456, 0.406), "clip": (0.48145466, 0.4578275, 0.40821073)}
_DEVIATIONS = {"imagenet": (0.229, 0.224, 0.225), "clip": (0.26862954, 0.26130258, 0.27577711)}


def normalize(batch: BatchT, *, mean: Name | float | Sequence[float], std: Name | float | Sequence[float]) -> BatchT:
    """Subtract a mean from each channel and divide by a deviation.

    Codes are scaled to [0, 1] in the same step: uint8 need not become float first.

    Args:
        batch: a tensor (..., C, H, W), or an array (H, W) or (..., H, W, C). Integers span their full range.
        mean: "imagenet", "clip", one number for all channels or one for each, for values in [0, 1].
        std: the same, above 0. A mean and a deviation of 0.5 take [0, 1] to [-1, 1].

    Returns:
        Same kind, shape and device. Floats keep their dtype, half floats are computed in float32; codes become
        float32. Never clamped. Differentiable in torch.

    Raises:
        InputTypeError: not a tensor or an array, or something else than numbers.
        InputValueError: an unknown name, another number of values than of channels, a deviation that is not above 0.

    Example:
        >>> import numpy as np
        >>> normalize(np.array([[0, 255]], np.uint8), mean=0.5, std=0.5).tolist()
        [[-1.0, 1.0]]
    """
    opened = load(batch, subject="batch")
    spec = opened.spec
    if spec.kind == "pil":
        raise InputTypeError("batch: expected a tensor or an array, got a PIL image; call to_tensor or stack first.")
    means = _values("mean", mean, _MEANS, spec)
    deviations = _values("std", std, _DEVIATIONS, spec)
    for value in deviations:
        if not value > 0:
            raise InputValueError(f"std: expected numbers above 0, got {std!r}; a channel that never varies takes 1.")
    if spec.kind == "torch":
        return _normalize_tensor(opened.pixels.tensor, means, deviations)  # type: ignore[return-value]
    dtype = spec.dtype if spec.dtype.startswith("float") else "float32"
    return run(partial(_normalize, means, deviations), opened, into=replace(spec, dtype=dtype))  # type: ignore[no-any-return]


def _values(subject: str, given: Any, named: dict[str, Any], spec: Spec) -> list[float]:
    """One number for each channel."""
    if isinstance(given, str):
        if given not in named:
            raise InputValueError(f"{subject}: expected a name from {', '.join(named)}, got {given!r}; pass numbers.")
        given = named[given]
    parts = [given] * spec.channels if isinstance(given, Real) else _listed(subject, given)
    if len(parts) != spec.channels:
        raise InputValueError(
            f"{subject}: expected one number or {spec.channels}, one a channel, got {len(parts)}; "
            "convert the channels first, or pass as many."
        )
    if not all(math.isfinite(part) for part in parts):
        raise InputValueError(f"{subject}: expected finite numbers, got {given!r}; check how they were computed.")
    return [float(part) for part in parts]


def _listed(subject: str, given: Any) -> list[float]:
    try:
        return [float(part) for part in given]
    except (TypeError, ValueError) as error:
        raise InputTypeError(
            f'{subject}: expected a name such as "imagenet", a number or one a channel, got {given!r}; pass one of these.'
        ) from error


def _normalize(means: list[float], deviations: list[float], xp: Any, *planes: Any) -> Planes:
    return [
        (plane - mean) * (1 / deviation) for plane, mean, deviation in zip(planes, means, deviations, strict=True)
    ]


def _normalize_tensor(batch: torch.Tensor, means: list[float], deviations: list[float]) -> torch.Tensor:
    """`_normalize` as one multiplication and one addition: x / (top * std) - mean / std."""
    import torch

    room = adapter("torch")
    is_float = batch.dtype.is_floating_point
    target = batch.dtype if is_float else torch.float32
    wide = torch.float64 if target == torch.float64 else torch.float32
    top = 1 if is_float else TOP.get(room.dtype_name(batch.dtype), 1)
    scale, shift = _constants(tuple(means), tuple(deviations), top, wide, batch.device)
    with room.full_precision(batch.device):
        if batch.is_cuda and not batch.requires_grad and (is_float or top == TOP["uint8"]):
            # One kernel that reads one dtype and writes another, float32 inside.
            return torch.addcmul(shift, batch, scale, out=torch.empty(batch.shape, dtype=target, device=batch.device))
        return torch.addcmul(shift, batch.to(wide), scale).to(target)


@lru_cache(maxsize=16)
def _constants(
    means: tuple[float, ...], deviations: tuple[float, ...], top: int, dtype: torch.dtype, device: torch.device
) -> tuple[torch.Tensor, torch.Tensor]:
    """Factor and summand of each channel, kept where they are used: a transfer makes the program wait for a device."""
    import torch

    factors = [1 / (top * deviation) for deviation in deviations]
    summands = [-mean / deviation for mean, deviation in zip(means, deviations, strict=True)]
    # Outside inference mode: tensors made inside could serve no gradient later, and these are kept.
    with torch.inference_mode(False):
        scale, shift = (torch.tensor(part, dtype=dtype, device=device)[:, None, None] for part in (factors, summands))
        return scale, shift
