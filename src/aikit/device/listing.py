"""The devices of this machine that torch can compute on."""

from __future__ import annotations

import logging
import os
import platform
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .host import host_memory
from .nvml import Gpu, read_gpus
from .torch_module import DeviceModule, device_module
from .visible import Place, places, torch_uuids

if TYPE_CHECKING:
    import torch

__all__ = ["DeviceInfo", "list_devices", "measure", "torch_accelerator"]

_log = logging.getLogger("aikit")


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceInfo:
    """One device. What the system does not tell is None.

    Attributes:
        type: torch's word for the kind: "cuda" (also AMD's GPUs), "xpu", "mps" or "cpu".
        index: torch's index in this process. None for a GPU that is hidden, or whose index only CUDA could tell;
            the UUID is its identity.
        uuid: as nvidia-smi prints it, "GPU-..." or "MIG-...".
        name: the model.
        total: bytes of memory.
        free: bytes that no process has taken; of the CPU, what can still be taken.
        utilization: how busy it was in the last moments, 0 to 1.
        mig: a MIG instance of a GPU, or a GPU divided into none.
        visible: False where CUDA_VISIBLE_DEVICES or MIG hides it from this process, None where only CUDA could tell.
    """

    type: str
    index: int | None = None
    uuid: str | None = None
    name: str | None = None
    total: int | None = None
    free: int | None = None
    utilization: float | None = None
    mig: bool = False
    visible: bool | None = True

    @property
    def device(self) -> str | None:
        """The name torch takes, such as "cuda:0"; None where there is none."""
        if self.type == "cpu":
            return "cpu"
        return None if self.index is None else f"{self.type}:{self.index}"


def list_devices() -> list[DeviceInfo]:
    """List the accelerators of this machine, then the CPU.

    NVIDIA's GPUs are read through NVML: no CUDA context is opened, no memory taken, torch not imported, and hidden
    GPUs are listed too. Where NVML finds none, torch is asked for AMD, Intel and Apple devices, and for those of
    CUDA; then the free memory of a GPU is None until the process uses it, because asking would open a context there.

    Returns:
        One entry a device; a GPU divided by MIG is listed as its instances. The last is the CPU, with the machine's
        memory or the container's limit.

    Example:
        >>> list_devices()[-1].type
        'cpu'
    """
    gpus = read_gpus()
    accelerators = _from_nvml(gpus) if gpus else _from_torch()
    return [*accelerators, _cpu()]


def _from_nvml(gpus: list[Gpu]) -> list[DeviceInfo]:
    found = [_describe(gpu, place) for gpu, place in zip(gpus, places(gpus, os.environ, torch_uuids()), strict=True)]
    if all(info.visible is False for info in found) and "CUDA_VISIBLE_DEVICES" in os.environ:
        _log.warning("CUDA_VISIBLE_DEVICES=%r hides every GPU", os.environ["CUDA_VISIBLE_DEVICES"])
    return found


def _describe(gpu: Gpu, place: Place) -> DeviceInfo:
    return DeviceInfo(
        type="cuda",
        index=place.torch_index,
        uuid=gpu.uuid,
        name=gpu.name,
        total=gpu.total,
        free=gpu.free,
        utilization=gpu.utilization,
        mig=gpu.mig,
        visible=place.visible,
    )


def torch_accelerator() -> tuple[str, int]:
    """The kind of accelerator this torch can use here and how many there are; ("cpu", 0) without one."""
    import torch

    # Names what torch was built for: "cuda" also where there is no GPU. Asking it to check would start CUDA, counting
    # the devices does not.
    kind = torch.accelerator.current_accelerator()
    if kind is None or kind.type == "cpu":
        return "cpu", 0
    count = int(device_module(kind).device_count())
    return (kind.type, count) if count else ("cpu", 0)


def _from_torch() -> list[DeviceInfo]:
    import torch

    kind, count = torch_accelerator()
    return [_ask_torch(torch.device(kind, index)) for index in range(count)]


def _ask_torch(device: torch.device) -> DeviceInfo:
    import torch

    if device.type == "mps":
        total = int(torch.mps.recommended_max_memory())
        free = max(0, total - int(torch.mps.driver_allocated_memory()))
        return DeviceInfo(type="mps", index=device.index, name=platform.processor() or None, total=total, free=free)
    module = device_module(device)
    properties = module.get_device_properties(device.index)
    return DeviceInfo(
        type=device.type,
        index=device.index,
        uuid=str(properties.uuid) if hasattr(properties, "uuid") else None,
        name=properties.name,
        total=int(properties.total_memory),
        free=_free_of_used(module, device),
    )


def _free_of_used(module: DeviceModule, device: torch.device) -> int | None:
    """The free memory, if the process has memory there; otherwise the question would open a context."""
    return measure(device) if module.memory_reserved(device) else None


def measure(device: torch.device | str) -> int | None:
    """Ask the device itself how many bytes are free. Opens a context on it where the process has none.

    None where torch has no such question for this kind.
    """
    module = device_module(device)
    return int(module.mem_get_info(device)[0]) if hasattr(module, "mem_get_info") else None


def _cpu() -> DeviceInfo:
    memory = host_memory()
    return DeviceInfo(
        type="cpu",
        name=platform.processor() or platform.machine() or None,
        total=memory.total,
        free=memory.available,
    )
