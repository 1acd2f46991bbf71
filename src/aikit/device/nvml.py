"""What the NVIDIA driver says about its GPUs. NVML opens no CUDA context and takes no GPU memory."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import NamedTuple, TypeVar

__all__ = ["Gpu", "read_gpus"]

_log = logging.getLogger("aikit")

Answer = TypeVar("Answer")


class Gpu(NamedTuple):
    """A GPU, or a MIG instance of one; what the driver does not tell is None.

    Attributes:
        ordinal: the place of the entire GPU in the order of PCI bus ids, which is NVML's.
        mig: an instance, or an entire GPU that is divided and therefore of no use to CUDA as one.
        divided: the latter.
    """

    ordinal: int
    uuid: str | None
    name: str | None
    total: int | None
    free: int | None
    utilization: float | None
    mig: bool = False
    divided: bool = False


def read_gpus() -> list[Gpu]:
    """List NVIDIA's GPUs in the order of their PCI bus ids; MIG instances stand for the GPU they divide.

    An empty list where there is no driver or it does not answer.
    """
    import pynvml

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as error:
        _log.debug("NVML: %s", error)
        return []
    try:
        count = _ask(pynvml.nvmlDeviceGetCount) or 0
        return [gpu for ordinal in range(count) for gpu in _read(ordinal)]
    finally:
        _ask(pynvml.nvmlShutdown)


def _read(ordinal: int) -> list[Gpu]:
    import pynvml

    handle = _ask(pynvml.nvmlDeviceGetHandleByIndex, ordinal)
    if handle is None:
        return [Gpu(ordinal, None, None, None, None, None)]  # off the bus, but it keeps its place
    gpu = _describe(handle, ordinal)
    current, _ = _ask(pynvml.nvmlDeviceGetMigMode, handle) or (0, 0)
    if current != pynvml.NVML_DEVICE_MIG_ENABLE:
        return [gpu]
    places = range(_ask(pynvml.nvmlDeviceGetMaxMigDeviceCount, handle) or 0)
    # Places without an instance answer "not found".
    found = [_ask(pynvml.nvmlDeviceGetMigDeviceHandleByIndex, handle, place) for place in places]
    instances = [_describe(instance, ordinal)._replace(mig=True) for instance in found if instance is not None]
    return instances or [gpu._replace(mig=True, divided=True)]


def _describe(handle: object, ordinal: int) -> Gpu:
    import pynvml

    memory = _ask(pynvml.nvmlDeviceGetMemoryInfo, handle)
    rates = _ask(pynvml.nvmlDeviceGetUtilizationRates, handle)
    return Gpu(
        ordinal=ordinal,
        uuid=_ask(pynvml.nvmlDeviceGetUUID, handle),
        name=_ask(pynvml.nvmlDeviceGetName, handle),
        total=memory and int(memory.total),
        free=memory and int(memory.free),
        utilization=rates and rates.gpu / 100,
    )


def _ask(function: Callable[..., Answer], *arguments: object) -> Answer | None:
    """Ask the driver; None where it has no answer: each of these is unsupported somewhere."""
    import pynvml

    try:
        return function(*arguments)
    except pynvml.NVMLError as error:
        _log.debug("NVML: %s: %s", getattr(function, "__name__", function), error)
        return None
