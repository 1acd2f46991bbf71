"""Where a batch goes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from .._pixels import Spec
from ..errors import InputValueError
from ..types import DeviceLike

if TYPE_CHECKING:
    import torch

__all__ = ["choose_device"]


def choose_device(device: DeviceLike, specs: Sequence[Spec] = (), out: torch.Tensor | None = None) -> torch.device:
    """Find the device asked for; for "auto" where `out` is, where the tensors are, or the one picked for this process."""
    import torch
    from torch.utils.data import get_worker_info

    from .._adapters import torch as tensors

    if out is not None:
        tensors.check_out_is_tensor(out)
    if not (isinstance(device, str) and device == "auto"):
        return tensors.device_for(device, Spec("numpy", "uint8", 1, 1, 1), out)
    if out is not None:
        return out.device
    there: set[torch.device] = {spec.device for spec in specs if spec.device is not None and spec.device.type != "cpu"}
    if len(there) > 1:
        names = ", ".join(sorted(map(str, there)))
        raise InputValueError("images", "tensors on one device", names, "say where to with device=")
    if there:
        return next(iter(there))
    # A forked worker cannot use CUDA, and what a spawned one puts there costs a context for each of them.
    return torch.device("cpu") if get_worker_info() is not None else _pick()


@lru_cache(maxsize=1)
def _pick() -> torch.device:
    """Pick one device for the whole process: two batches on two devices could not meet."""
    from ..device import pick_device

    return pick_device("auto")
