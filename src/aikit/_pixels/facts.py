"""What anything image-like says of itself, also what no operation would take."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .kinds import Array

__all__ = ["Memory", "Raw"]


@dataclass(frozen=True, slots=True)
class Memory:
    """Where an image lies and what may be done with it.

    Attributes:
        bytes: the values alone; None where that is not known.
        device: "host", or torch's name of the device, such as "cuda:0".
        layout: how the values lie: "contiguous", "channels last", "strided", "broadcast" (several pixels share one
            place) or "reversed" (a step is negative); of a PIL image "PIL".
        strides: steps in bytes along each axis; None for PIL.
        view: it shares memory that another object owns.
        read_only: it cannot be written to.
        requires_grad: a tensor that records its gradient.
        byte_swapped: its bytes run the other way round than this machine's.
    """

    bytes: int | None
    device: str = "host"
    layout: str = "PIL"
    strides: tuple[int, ...] | None = None
    view: bool = False
    read_only: bool = False
    requires_grad: bool = False
    byte_swapped: bool = False


@dataclass(frozen=True, slots=True)
class Raw:
    """What is known of an image before anybody asks whether an operation takes it.

    `read` gives the values on the host, None where there are none; `cast` is the code that gives it another dtype, with
    {} for the dtype's name, where its kind has such code.
    """

    shape: tuple[int, ...]
    dtype: str
    read: Callable[[], Array | None]
    cast: str | None = None
    mode: str | None = None
    masked: int = 0
    orientation: int = 1
    profile: bytes | None = None
    source_color: str | None = None
