"""Choosing the device to work on."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from .._check import number
from .._foreign_names import explain_calls
from ..errors import DeviceError, InputTypeError, InputValueError, quoted
from .listing import DeviceInfo, list_devices, measure, torch_accelerator
from .sizes import format_size, parse_size
from .torch_module import device_module
from .visible import bare, torch_uuids

if TYPE_CHECKING:
    import torch

__all__ = ["existing_device", "pick_device"]

_log = logging.getLogger("aikit")


@explain_calls
def pick_device(
    prefer: str | torch.device = "auto",
    *,
    min_free: float | str | None = None,
    max_utilization: float | None = None,
) -> torch.device:
    """Choose the device with the most free memory among those that qualify.

    Free memory is what the driver says, so other processes count. A GPU is identified by its UUID and translated to torch's
    index, whatever order nvidia-smi prints. CUDA is not started unless only it knows that index.

    Args:
        prefer: "auto" for any accelerator; a kind, "cuda", "xpu", "mps" or "cpu"; or one device such as "cuda:1".
            A kind or device that is not there raises.
        min_free: memory that must be free, in bytes or as "8GiB".
        max_utilization: how busy an accelerator may be, 0 to 1; one that does not tell does not qualify.

    Returns:
        With "auto" and no accelerator that torch can use: the CPU, whatever the conditions.

    Raises:
        DeviceError: what was asked for is not there, or no device of that kind qualifies; the message lists
            what there is.
        InputTypeError: an argument of the wrong type.
        InputValueError: not a device, not a size, or a utilization outside 0 to 1.

    Example:
        >>> pick_device("cpu")
        device(type='cpu')
    """
    import torch

    least = None if min_free is None else parse_size(min_free, subject="min_free")
    if max_utilization is not None:
        number("max_utilization", max_utilization, 0, 1)
    wanted = None if isinstance(prefer, str) and prefer == "auto" else _as_device(prefer)
    found = _usable()
    if wanted is None:
        candidates = [info for info in found if info.type != "cpu"]
        if not candidates:
            return torch.device("cpu")
    else:
        candidates = [info for info in found if _is_meant(info, wanted)]
        if not candidates:
            raise DeviceError("device", f"one of {_list(found)}", f'"{wanted}"', 'pass one of these or "auto"')
    if len(candidates) > 1 or least is not None:
        candidates = [_with_free(info) for info in candidates]
    qualified = [info for info in candidates if _qualifies(info, least, max_utilization)]
    if not qualified:
        raise DeviceError(
            "device",
            _conditions(least, max_utilization),
            _list(candidates),
            "free some memory, ask for less, or pass another device",
        )
    best = max(qualified, key=lambda info: -1 if info.free is None else info.free)
    return torch.device(best.device or "cpu")


def existing_device(device: str | torch.device) -> torch.device:
    """Give `device` with its index, the current one where none is named, after a look whether it is there.

    Raises:
        DeviceError: it is not there.
    """
    import torch

    wanted = _as_device(device)
    if wanted.type == "cpu":
        return wanted
    kind, count = torch_accelerator()
    index: int | None = wanted.index  # torch's types say int
    if wanted.type != kind or (index or 0) >= count:
        raise DeviceError("device", f"one of {_list(_usable())}", f'"{wanted}"', "pass one of these or pick_device()")
    if index is not None:
        return wanted
    module = device_module(wanted)
    started = getattr(module, "is_initialized", lambda: False)()
    return torch.device(wanted.type, module.current_device() if started else 0)


def _as_device(device: object) -> torch.device:
    import torch

    if not isinstance(device, (str, torch.device)):
        raise InputTypeError("device", "a str or torch.device", quoted(device), 'pass "auto" or "cuda:0"')
    try:
        return torch.device(device)
    except RuntimeError as error:
        raise InputValueError("device", 'a name such as "cuda:0" or "cpu"', quoted(device), "pass one") from error


def _usable() -> list[DeviceInfo]:
    """The devices torch can use here, each with its index."""
    *accelerators, cpu = list_devices()
    shown = [info for info in accelerators if info.visible is not False]
    kind, _ = torch_accelerator()
    usable = [info for info in shown if info.type == kind]
    if shown and not usable:
        _log.warning("torch cannot use %s: its build or the driver has no support for it", _list(shown))
    if any(info.index is None for info in usable):
        usable = _number_by_torch(usable)
    return [*usable, cpu]


def _number_by_torch(devices: Sequence[DeviceInfo]) -> list[DeviceInfo]:
    """The same with the indices that CUDA itself gives; this starts CUDA."""
    order = {uuid: index for index, uuid in enumerate(torch_uuids(start=True) or ())}
    return [
        replace(info, index=order[key], visible=True) for info in devices if (key := bare(info.uuid) or "") in order
    ]


def _is_meant(info: DeviceInfo, wanted: torch.device) -> bool:
    return info.type == wanted.type and (wanted.type == "cpu" or wanted.index in (None, info.index))


def _with_free(info: DeviceInfo) -> DeviceInfo:
    """Where NVML does not tell, the device itself does."""
    if info.free is not None or info.type == "cpu":
        return info
    return replace(info, free=measure(info.device or info.type))


def _qualifies(info: DeviceInfo, least: int | None, busiest: float | None) -> bool:
    if least is not None and (info.free is None or info.free < least):
        return False
    if busiest is None or info.type == "cpu":
        return True
    return info.utilization is not None and info.utilization <= busiest


def _conditions(least: int | None, busiest: float | None) -> str:
    conditions = []
    if least is not None:
        conditions.append(f"at least {format_size(least)} free")
    if busiest is not None:
        conditions.append(f"utilization at most {busiest}")
    return " and ".join(conditions)


def _list(devices: Sequence[DeviceInfo]) -> str:
    return ", ".join(_describe(info) for info in devices)


def _describe(info: DeviceInfo) -> str:
    text = f"{info.device or info.uuid} ({format_size(info.free)} free"
    return f"{text}, {info.utilization:.0%} busy)" if info.utilization is not None else f"{text})"
