"""The table of color spaces: each names its parent and the two formulas between them.

Any space to any other is a walk up to the common parent and down again. Adding a space is one entry and its two
formulas, `formula(xp, planes, options) -> planes`, in the file of its family; the entries stand there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from .._pixels import CHANNEL_NAMES, Namespace, Plane, Planes, Spec
from ..errors import InputValueError

Weights = Literal["bt601", "bt709", "bt2020"] | tuple[float, float, float]
Standard = Literal["bt601", "bt709", "bt2020"]
Range = Literal["full", "limited"]
Encoding = Literal["cv2"]

Formula = Callable[[Namespace, Sequence[Plane], "Options"], Planes]

# (Kr, Kb), from which all else follows: ITU-T H.273, table 4, values 6 (BT.601), 1 (BT.709) and 9 (BT.2020).
STANDARDS = {"bt601": (0.299, 0.114), "bt709": (0.2126, 0.0722), "bt2020": (0.2627, 0.0593)}


@dataclass(frozen=True, slots=True)
class Options:
    """What the formulas of gray, Y'CbCr and Y'UV depend on.

    Attributes:
        weights: of red, green and blue in gray.
        standard: a key of STANDARDS.
        source: levels of the Y'CbCr that comes in, see `levels`.
        target: levels of the Y'CbCr that goes out.
    """

    weights: tuple[float, float, float]
    standard: str
    source: tuple[float, float, float, float]
    target: tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Space:
    """One color space.

    Attributes:
        parent: the space its formulas lead to and come from; None for rgb, the root.
        up: to the parent.
        down: from the parent.
        planes: how many it has.
        codes: whether integers can hold it; the others have units of their own, and floats.
        mode: the PIL mode that holds it, if there is one.
    """

    parent: str | None
    up: Formula | None = None
    down: Formula | None = None
    planes: int = 3
    codes: bool = False
    mode: str | None = None


SPACES: dict[str, Space] = {"rgb": Space(None, codes=True, mode="RGB")}


def path(src: str, dst: str) -> list[Formula]:
    """List the formulas that lead from one space to another, in order."""
    up, down = _to_root(src), _to_root(dst)
    while up and down and up[-1] == down[-1]:
        up.pop()
        down.pop()
    ways = [*(SPACES[name].up for name in up), *(SPACES[name].down for name in reversed(down))]
    return [formula for formula in ways if formula is not None]


def _to_root(name: str) -> list[str]:
    """List the space, its parent, and so on, without the root."""
    names = []
    while (parent := SPACES[name].parent) is not None:
        names.append(name)
        name = parent
    return names


def levels(dtype: str, *, limited: bool) -> tuple[float, float, float, float]:
    """Give (luma scale, black, chroma scale, chroma zero) of Y'CbCr as shares of a dtype's full range.

    Chroma zero is code 2^(n-1): 128 of 255, not 127.5, or every gray would get a cast. A float of full range has it
    at 0.5; a float of limited range is the 8-bit code over 255.
    """
    bits = 16 if dtype == "uint16" else 8
    top, step = 2**bits - 1, 2 ** (bits - 8)
    if limited:  # ITU-T H.273, equations 44 to 46
        return 219 * step / top, 16 * step / top, 224 * step / top, 128 * step / top
    return 1.0, 0.0, 1.0, 2 ** (bits - 1) / top if dtype in ("uint8", "uint16") else 0.5


def check_channels(spec: Spec, src: str) -> None:
    """Refuse an image whose channels cannot be a space's planes, or these and alpha."""
    count = SPACES[src].planes
    if spec.channels in (count, count + 1):
        return
    got = CHANNEL_NAMES[spec.channels]
    if src == "gray":
        raise InputValueError(
            "image", "gray, with or without alpha", got, "call rgb_to_gray first", option="rgb_to_gray"
        )
    if spec.channels <= 2:
        raise InputValueError(
            "image", f"{count} channels of {src}", got, "call gray_to_rgb first", option="gray_to_rgb"
        )
    raise InputValueError("image", f"{count} channels of {src}", str(spec.channels), "pass the right ones")
