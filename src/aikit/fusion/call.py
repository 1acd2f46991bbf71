"""What a function is called with: its tensors apart from all else."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import TypeVar

import torch

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Call:
    """The arguments of one call."""

    values: list[object]
    names: tuple[str, ...]  # of the last of the values
    places: list[int]  # of the tensors among the values
    tensors: list[torch.Tensor]  # these, as plain ones

    @classmethod
    def of(cls, args: tuple[object, ...], options: dict[str, object]) -> Call:
        """Take arguments apart."""
        values = [*args, *options.values()]
        places = [at for at, value in enumerate(values) if isinstance(value, torch.Tensor)]
        tensors = [_as_plain(value) for value in values if isinstance(value, torch.Tensor)]
        return cls(values, tuple(options), places, tensors)

    def apply(self, function: Callable[..., R], *tensors: torch.Tensor) -> R:
        """Call a function with these arguments, but other tensors."""
        values = list(self.values)
        for at, tensor in zip(self.places, tensors, strict=True):
            values[at] = tensor
        count = len(values) - len(self.names)
        return function(*values[:count], **dict(zip(self.names, values[count:], strict=True)))

    def kind(self) -> Hashable:
        """Tell all that a compiled function takes for granted; TypeError where that may change."""
        autocast = tuple(
            (device, torch.is_autocast_enabled(device), torch.get_autocast_dtype(device))
            for device in sorted({tensor.device.type for tensor in self.tensors})
        )
        kind = self.names, tuple(map(_tell_kind, self.values)), autocast
        hash(kind)
        return kind


def _as_plain(tensor: torch.Tensor) -> torch.Tensor:
    return tensor if type(tensor) is torch.Tensor else tensor.as_subclass(torch.Tensor)


def _tell_kind(value: object) -> Hashable:
    if isinstance(value, torch.Tensor):
        strides = value.stride() if value.layout is torch.strided else None
        return tuple(value.shape), strides, value.dtype, value.device, wants_gradient(value)
    if isinstance(value, (tuple, list)):
        return type(value), tuple(map(_tell_kind, value))
    return type(value), value  # 1, 1.0 and True are equal, and not the same


def wants_gradient(tensor: torch.Tensor) -> bool:
    """Whether a gradient is to flow to a tensor."""
    return tensor.requires_grad and torch.is_grad_enabled()
