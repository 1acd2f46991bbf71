"""Which GPUs CUDA lets this process see, and how torch numbers them.

NVML counts GPUs in the order of their PCI bus ids. CUDA counts the fastest first unless CUDA_DEVICE_ORDER=PCI_BUS_ID,
and only those that CUDA_VISIBLE_DEVICES names: the same number means different GPUs, so the UUID is what identifies one.
"""

from __future__ import annotations

import ctypes
import os
import re
import sys
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ..errors import DeviceError, InputTypeError, InputValueError, quoted
from .nvml import Gpu, read_gpus

__all__ = ["Place", "cuda_has_started", "places", "set_visible_devices", "torch_uuids"]

_VARIABLE = "CUDA_VISIBLE_DEVICES"


class Place(NamedTuple):
    """torch's index of a GPU, and whether this process may use it; None where only CUDA itself could tell."""

    torch_index: int | None
    visible: bool | None


UNKNOWN, HIDDEN = Place(None, None), Place(None, False)


# ---------------------------------------------------------------- reading


def places(gpus: Sequence[Gpu], environment: Mapping[str, str], uuids: Sequence[str] | None = None) -> list[Place]:
    """Say which torch index each GPU has.

    Args:
        gpus: as NVML lists them.
        environment: os.environ.
        uuids: those that torch gave in its own order, once CUDA has started: then nothing has to be derived.
    """
    if uuids is not None and _names_each(gpus, uuids):
        order = {uuid: index for index, uuid in enumerate(uuids)}
        return [Place(order[key], True) if (key := bare(gpu.uuid)) in order else HIDDEN for gpu in gpus]
    tokens = _tokens(environment.get(_VARIABLE))
    if tokens == []:
        return [HIDDEN] * len(gpus)
    if any(gpu.mig for gpu in gpus):
        return _places_with_mig(gpus, tokens)
    if tokens and isinstance(tokens[0], str):
        named = _find_each(tokens, gpus)
        return [Place(named.index(at), True) if at in named else HIDDEN for at in range(len(gpus))]
    if not _order_is_known(gpus, environment):
        return [Place(None, True if tokens is None else None)] * len(gpus)
    shown = _until_missing(range(len(gpus)) if tokens is None else tokens, len(gpus))
    return [Place(shown.index(at), True) if at in shown else HIDDEN for at in range(len(gpus))]


def _places_with_mig(gpus: Sequence[Gpu], tokens: Sequence[int | str] | None) -> list[Place]:
    """With MIG, CUDA shows the one instance that is named first, or the first it finds (CUDA's MIG guide, 9.1)."""
    if tokens and isinstance(tokens[0], str):
        named = _find_each(tokens, gpus)
        if len(named) == 1:
            return [Place(0, True) if at in named else HIDDEN for at in range(len(gpus))]
        return [UNKNOWN if at in named else HIDDEN for at in range(len(gpus))]
    usable = [gpu for gpu in gpus if not gpu.divided]
    known = Place(0, True) if len(usable) == 1 and tokens in (None, [0]) else UNKNOWN
    return [HIDDEN if gpu.divided else known for gpu in gpus]


def _order_is_known(gpus: Sequence[Gpu], environment: Mapping[str, str]) -> bool:
    """Whether CUDA counts as NVML does: asked to, or because no GPU is faster than another."""
    if environment.get("CUDA_DEVICE_ORDER") == "PCI_BUS_ID" or len(gpus) < 2:
        return True
    return len({gpu.name for gpu in gpus}) == 1 and gpus[0].name is not None


def _tokens(variable: str | None) -> list[int] | list[str] | None:
    """CUDA_VISIBLE_DEVICES as CUDA and torch read it: leniently. None: not set, every GPU is visible.

    Source: torch.cuda._parse_visible_devices.
    """
    if variable is None:
        return None
    if variable.startswith(("GPU-", "MIG-")):
        kind = variable[:4]
        names: list[str] = []
        for name in variable.split(","):
            if not name.startswith(kind):
                break  # what follows is ignored
            if name in names:
                return []  # twice the same hides all
            names.append(name)
        return names
    numbers: list[int] = []
    for token in variable.split(","):
        digits = re.match(r"[+]?\d+", token.strip())  # "1gpu" is 1, "abc" and "-1" end the list
        if digits is None:
            break
        if int(digits[0]) in numbers:
            return []
        numbers.append(int(digits[0]))
    return numbers


def _until_missing(numbers: Sequence[int | str], count: int) -> list[int]:
    """The GPUs up to the first number that has none."""
    shown: list[int] = []
    for number in numbers:
        if not isinstance(number, int) or number >= count:
            break
        shown.append(number)
    return shown


def _find_each(names: Sequence[int | str], gpus: Sequence[Gpu]) -> list[int]:
    """Which GPUs the (possibly shortened) UUIDs name, up to the first that names none or several."""
    found: list[int] = []
    for name in names:
        matches = [at for at, gpu in enumerate(gpus) if gpu.uuid and gpu.uuid.startswith(str(name))]
        if len(matches) != 1:
            break
        if matches[0] in found:
            return []
        found.append(matches[0])
    return found


def bare(uuid: str | None) -> str | None:
    """A UUID without NVML's "GPU-" or "MIG-", which torch leaves out."""
    return uuid and uuid.removeprefix("GPU-").removeprefix("MIG-")


def _names_each(gpus: Sequence[Gpu], uuids: Sequence[str]) -> bool:
    # Under MIG some versions of CUDA give the UUID of the divided GPU.
    return set(uuids) <= {bare(gpu.uuid) for gpu in gpus}


def torch_uuids(*, start: bool = False) -> list[str] | None:
    """The UUIDs of torch's CUDA devices, in torch's order; None unless CUDA has started or may be started here."""
    torch = sys.modules.get("torch")
    if torch is None or not (start or torch.cuda.is_initialized()):
        return None
    return [str(torch.cuda.get_device_properties(index).uuid) for index in range(torch.cuda.device_count())]


# ---------------------------------------------------------------- setting


def set_visible_devices(*devices: int | str | None) -> None:
    """Choose the GPUs that CUDA will show this process and its children, before CUDA starts.

    Sets CUDA_VISIBLE_DEVICES. torch then counts the chosen GPUs from 0, in the order given. CUDA reads the variable
    once, and ignores later changes without a word; here they raise.

    Args:
        *devices: torch's present indices, or UUIDs as `list_devices` gives them (a unique beginning will do), not
            both; or one str with commas between them. None alone hides every GPU.

    Raises:
        DeviceError: CUDA has already started in this process, or there is no such GPU.
        InputTypeError: neither int nor str.
        InputValueError: nothing given, or what CUDA would silently read as fewer GPUs or none: twice the same,
            a negative number, a name that is no UUID, indices mixed with UUIDs.

    Example:
        >>> set_visible_devices("GPU-8932f937", "GPU-5c12aa01")  # doctest: +SKIP
        >>> set_visible_devices("0,0")
        Traceback (most recent call last):
            ...
        aikit.errors.InputValueError: devices: expected each GPU once, got '0,0', which CUDA would read as no GPU; ...
    """
    # An empty value would unset the variable on Windows, and so show every GPU.
    chosen = "-1" if devices == (None,) else ",".join(_resolve(_check_tokens(_split(devices))))
    if cuda_has_started():
        raise DeviceError(
            "devices",
            "CUDA not yet started in this process",
            f"{quoted(chosen)} after it had",
            "call set_visible_devices before anything asks torch.cuda for devices",
        )
    os.environ[_VARIABLE] = chosen


def _split(devices: Sequence[int | str | None]) -> list[str]:
    for device in devices:
        if isinstance(device, bool) or not isinstance(device, (int, str)):
            raise InputTypeError("devices", "indices or UUIDs", quoted(device), "pass None alone to hide all")
    texts = [str(device) for device in devices]
    return [token.strip() for token in texts[0].split(",")] if len(texts) == 1 else texts


_UUID = re.compile(r"(GPU|MIG)-[0-9A-Za-z/-]+")


def _check_tokens(tokens: list[str]) -> list[str]:
    if not tokens or tokens == [""]:
        raise InputValueError("devices", "indices or UUIDs", "nothing", "pass None to hide every GPU")
    for token in tokens:
        if not (token.isascii() and token.isdigit()) and not _UUID.fullmatch(token):
            raise InputValueError(
                "devices",
                'indices from 0 or UUIDs such as "GPU-8932f937-..."',
                f"{quoted(token)}, which CUDA would read as no GPU",
                "pass None to hide every GPU",
            )
    tokens = [str(int(token)) if token.isdigit() else token for token in tokens]
    if len(set(tokens)) < len(tokens):
        raise InputValueError(
            "devices", "each GPU once", f"{quoted(','.join(tokens))}, which CUDA would read as no GPU", "name it once"
        )
    if len({token[:4] if not token.isdigit() else "index" for token in tokens}) > 1:
        raise InputValueError(
            "devices", "only indices or only UUIDs of one kind", quoted(",".join(tokens)), "pass UUIDs"
        )
    return tokens


def _resolve(tokens: list[str]) -> list[str]:
    """The tokens as CUDA needs them; an index counts the GPUs that are visible now."""
    gpus = read_gpus()
    if not tokens[0].isdigit():
        found = _find_each(tokens, gpus)
        if gpus and len(found) < len(tokens):
            raise DeviceError(
                "devices",
                "UUIDs of one GPU each",
                quoted(tokens[len(found)]),
                f"there are {', '.join(str(gpu.uuid) for gpu in gpus)}",
            )
        return tokens
    now = _tokens(os.environ.get(_VARIABLE))
    count = len(now) if now is not None else len({gpu.ordinal for gpu in gpus})
    if (gpus or now is not None) and any(int(token) >= count for token in tokens):
        raise DeviceError("devices", f"indices below {count}", quoted(",".join(tokens)), "run `aikit devices`")
    return tokens if now is None else [str(now[int(token)]) for token in tokens]


def cuda_has_started() -> bool:
    """Whether anything in this process has started CUDA; from then on CUDA_VISIBLE_DEVICES is not read again."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        return True
    return _driver_has_started()


def _driver_has_started() -> bool:
    # torch.cuda.is_available() and other libraries start the driver without torch knowing. A driver that has not
    # been started answers every question with CUDA_ERROR_NOT_INITIALIZED = 3 (cuda.h).
    if sys.platform != "linux":
        return False
    try:
        driver = ctypes.CDLL("libcuda.so.1", mode=os.RTLD_NOLOAD)  # fails unless it is loaded already
    except OSError:
        return False
    return bool(driver.cuDeviceGetCount(ctypes.byref(ctypes.c_int())) != 3)
