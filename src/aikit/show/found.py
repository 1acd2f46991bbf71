"""The values of anything image-like, also of what no operation would take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._adapters.numpy import Array
from .._pixels import CHANNEL_NAMES, Opened, adapter, kind_of, load
from ..errors import AikitError

__all__ = ["Found", "look_into"]

_COLORS: dict[int, tuple[str, ...]] = {1: ("gray",), 3: ("red", "green", "blue")}
# Beyond this nobody means channels: the axis is a width or a height.
_MOST_CHANNELS = 16


@dataclass(frozen=True, slots=True)
class Found:
    """What was found in an image: planes of any dtype on the host, (..., H, W), or values in no order at all."""

    kind: str
    shape: tuple[int, ...]
    axes: tuple[str, ...]
    dtype: str
    order: str | None  # what the channels are, "RGB"; None where that is not known
    names: tuple[str, ...]
    planes: list[Array]
    problems: tuple[str, ...]
    has_alpha: bool = False
    bgr: bool = False
    mode: str | None = None

    @property
    def colors(self) -> list[Array]:
        """The planes without alpha."""
        return self.planes[:-1] if self.has_alpha else self.planes


def look_into(image: Any, bgr: bool) -> Found:
    """Read an image as every operation does; where none would take it, say why and read what can be read."""
    kind = kind_of(image)
    try:
        opened: Opened[Any] = load(image, bgr=bgr)
    except AikitError as error:
        if kind == "pil" and bgr:  # the option is wrong, not the image
            raise
        return _odd(image, kind, str(error))
    spec, host = opened.spec, adapter(kind).copy_to_host(opened.pixels)
    order = CHANNEL_NAMES[spec.channels]
    names = _COLORS[3 if spec.channels > 2 else 1] + ("alpha",) * spec.has_alpha
    mode = image.mode if kind == "pil" else None
    shape = (image.height, image.width) if mode else tuple(image.shape)
    return Found(
        kind=kind,
        shape=shape,
        axes=_axes(kind, len(shape), len(spec.batch)),
        dtype=spec.dtype,
        order=order.replace("RGB", "BGR") if bgr else order,
        names=names,
        # Copied one by one, because they are gone through several times.
        planes=host.planes() if spec.batch else host.read((), slice(None)),
        problems=(),
        has_alpha=spec.has_alpha,
        bgr=bgr,
        mode=mode,
    )


def _axes(kind: str, count: int, batch: int) -> tuple[str, ...]:
    if count == 2:
        return ("height", "width")
    pixel = ("channel", "height", "width") if kind == "torch" else ("height", "width", "channel")
    return ("batch",) * batch + pixel


def _odd(image: Any, kind: str, problem: str) -> Found:
    """Describe an image that no operation takes."""
    shape, dtype, values = _RAW[kind](image)
    readable = values is not None and values.size > 0 and values.dtype.kind in "buif"
    planes = _planes(values, kind) if values is not None and readable else []
    names = tuple(f"channel {at}" for at in range(len(planes)))
    if len(planes) == 1:
        names = ("gray",) if len(shape) == 2 else ("all values",)
    return Found(
        kind=kind,
        shape=shape,
        axes=_axes(kind, len(shape), len(shape) - 3) if len(shape) >= 2 else ("value",) * len(shape),
        dtype=dtype,
        order=None,
        names=names,
        planes=planes,
        problems=(problem,),
        mode=image.mode if kind == "pil" else None,
    )


def _planes(values: Array, kind: str) -> list[Array]:
    axis = -3 if kind == "torch" else -1
    if values.ndim < 3 or values.shape[axis] > _MOST_CHANNELS:
        return [values]
    return list(np.moveaxis(values, axis, 0))


def _raw_array(image: Any) -> tuple[tuple[int, ...], str, Array | None]:
    # A mask is what people want to know of: what it hides is no value.
    return image.shape, image.dtype.name, image


def _raw_picture(image: Any) -> tuple[tuple[int, ...], str, Array | None]:
    shape = image.height, image.width
    dtype = "uint16" if image.mode.startswith("I;") else {"I": "int32", "F": "float32"}.get(image.mode, "uint8")
    try:
        return shape, dtype, np.asarray(image)
    except Exception:  # noqa: BLE001  # Pillow's decoders raise eight different types; `load` has said which one
        return shape, dtype, None


def _raw_tensor(image: Any) -> tuple[tuple[int, ...], str, Array | None]:
    import torch

    dtype = str(image.dtype).removeprefix("torch.")
    shape = () if image.is_nested else tuple(image.shape)
    if image.layout is not torch.strided or image.is_quantized or image.is_meta or image.is_nested:
        return shape, dtype, None
    values = image.detach().as_subclass(torch.Tensor)
    if values.dtype.is_floating_point and values.dtype not in (torch.float16, torch.float32, torch.float64):
        values = values.float()
    return shape, dtype, values.cpu().resolve_conj().resolve_neg().numpy()


_RAW = {"numpy": _raw_array, "pil": _raw_picture, "torch": _raw_tensor}
