"""torch tensors: channels first, any device, differentiable."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import cast as cast_type

import numpy as np
import torch
from torch.nn.parameter import is_lazy

from .._pixels import contracts, values
from .._pixels.contracts import Opened
from .._pixels.kinds import TOP, Namespace, Planes, Spec
from .._pixels.outliers import FAR_ABOVE, FAR_BELOW, Outliers
from .._pixels.values import check_exact, no_number, out_of_range, quantize, rescale
from ..errors import DeviceError, InputTypeError, InputValueError, quoted
from ..types import AnyImage, DeviceLike
from .numpy import (
    Array,
    DType,
    Pixels,
    cast as cast_array,
    cast_data as cast_array_data,
    swap_red_blue,
    widen as widen_array,
)
from .raw import describe_tensor, describe_tensor_memory

namespace = cast_type(Namespace, torch)

has_modes = False
on_accelerators = True
channels_at = -3

describe_raw, describe_memory = describe_tensor, describe_tensor_memory

DTYPES = ("bool", "uint8", "uint16", "float16", "bfloat16", "float32", "float64")

result_dtypes = ("uint8", "uint16", "float16", "bfloat16", "float32", "float64")

# What NumPy fills in for a dtype of torch.
_IN_NUMPY = {"bool": "uint8", "bfloat16": "float32"}


def check(image: torch.Tensor, layout: str | None) -> torch.Tensor:
    """Give the tensor as (..., C, H, W), a plain Tensor whatever subclass it was."""
    check_dense("image", image)
    if dtype_name(image.dtype) not in DTYPES:
        raise InputTypeError(
            "image",
            f"dtype {', '.join(DTYPES[:-1])} or {DTYPES[-1]}",
            dtype_name(image.dtype),
            "convert the values yourself, for 0..255 with image.to(torch.uint8)",
        )
    if image.numel() == 0:
        raise InputValueError("image", "at least one pixel", f"shape {tuple(image.shape)}", "check where it was cut")
    tensor = image if type(image) is torch.Tensor or is_traced(image) else image.as_subclass(torch.Tensor)
    if tensor.ndim < 3:
        raise InputValueError(
            "image", "shape (..., 1 to 4, H, W)", str(tuple(tensor.shape)), "add a channel axis: x[None]"
        )
    if layout == "HWC":
        tensor = tensor.movedim(-1, -3)
    if not 1 <= tensor.shape[-3] <= 4:
        last = tensor.shape[-2] if layout == "HWC" else tensor.shape[-1]
        remedy = (
            'for channels last pass layout="HWC"' if layout is None and last <= 4 else "give it one to four channels"
        )
        expected = "(..., H, W, 1 to 4)" if layout == "HWC" else "(..., 1 to 4, H, W)"
        raise InputValueError("image", f"shape {expected}", str(tuple(image.shape)), remedy)
    return tensor


def check_dense(subject: str, tensor: torch.Tensor) -> None:
    """Refuse tensors without a value for every place of one rectangle."""
    if is_lazy(tensor) or tensor.is_meta:
        got = "one on the meta device" if not is_lazy(tensor) else "an uninitialized parameter"
        raise InputTypeError(subject, "a tensor with values", got, "make it on a real device")
    if tensor.is_nested or tensor.layout is not torch.strided or tensor.is_quantized:
        got = "a nested one" if tensor.is_nested else f"layout {tensor.layout} and dtype {tensor.dtype}"
        raise InputTypeError(subject, "a dense tensor", got, "call to_dense(), dequantize() or unbind() first")


def is_traced(tensor: torch.Tensor) -> bool:
    """Whether a tensor stands for others, whose values are not there yet: the function it is given to is compiled."""
    return values.is_traced(namespace, tensor)


def is_transformed(tensor: torch.Tensor) -> bool:
    """Whether torch.func looks on, as in vmap and grad: such a tensor is not to be written into."""
    return torch._C._functorch.is_functorch_wrapped_tensor(tensor)


def dtype_name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


class TensorPixels:
    """A tensor as a source of planes, always given in the order R, G, B, A."""

    def __init__(self, tensor: torch.Tensor, *, bgr: bool = False) -> None:
        self.tensor = tensor
        self.bgr = bgr
        self.dtype = tensor.dtype
        self.batch = tuple(tensor.shape[:-3])

    @property
    def image(self) -> torch.Tensor:
        """The tensor itself."""
        return self.tensor

    def crop(self, rows: slice, columns: slice) -> TensorPixels:
        """Cut a part out of every picture, a view."""
        return TensorPixels(self.tensor[..., rows, columns], bgr=self.bgr)

    def rgb(self) -> torch.Tensor:
        """Give the tensor with its channels in the order R, G, B, A."""
        if not self.bgr or self.tensor.shape[-3] < 3:
            return self.tensor
        return torch.stack(self.planes(), -3)

    def planes(self) -> list[torch.Tensor]:
        """List views of the planes, in the tensor's own dtype."""
        planes = list(self.tensor.unbind(-3))
        return swap_red_blue(planes) if self.bgr else planes

    def float_planes(self) -> list[torch.Tensor]:
        """List the planes as kernels want them: float32 in [0, 1]; float64 stays float64."""
        return [widen(plane) for plane in self.planes()]


def load(
    image: torch.Tensor, *, layout: str | None, bgr: bool, ranged: bool = False, mode: str | None = None
) -> tuple[TensorPixels, Spec]:
    """Open a tensor for reading."""
    tensor = check(image, layout)
    return TensorPixels(tensor, bgr=bgr), Spec(
        kind="torch",
        dtype=dtype_name(tensor.dtype),
        channels=tensor.shape[-3],
        height=tensor.shape[-2],
        width=tensor.shape[-1],
        batch=tuple(tensor.shape[:-3]),
        bgr=bgr,
        device=tensor.device,
        subclass=_subclass_of(image),
    )


# Subclasses that are nothing but pixels, so that a result may be one without knowing more. Boxes know their canvas.
_SUBCLASSES = ("Image", "Mask", "Video")


def _subclass_of(image: torch.Tensor) -> type[torch.Tensor] | None:
    cls = type(image)
    return cls if cls.__module__.startswith("torchvision.tv_tensors") and cls.__name__ in _SUBCLASSES else None


def in_subclass(tensor: torch.Tensor, spec: Spec) -> torch.Tensor:
    """Make a result of the class that the image has, as torchvision's own transforms do."""
    return tensor if spec.subclass is None else tensor.as_subclass(spec.subclass)


def widen(tensor: torch.Tensor) -> torch.Tensor:
    return cast(tensor, torch.float64 if tensor.dtype == torch.float64 else torch.float32)


def cast(
    tensor: torch.Tensor, dtype: torch.dtype, *, value_range: tuple[float, float] | None = None, to_host: bool = False
) -> torch.Tensor:
    """Give values another dtype: exact between integers, quantised from floats, in [0, 1] as floats.

    `to_host` says that integers will end up in host memory, where NaN is an error; on an accelerator
    it becomes 0, because looking would make the program wait for the device.
    """
    if value_range is not None:
        tensor = rescale(tensor.to(_wide_for(tensor, dtype)), value_range)
    if tensor.dtype == torch.bool and dtype != torch.bool:
        tensor = tensor.to(torch.uint8) * 255
    if tensor.dtype == dtype:
        return tensor
    if tensor.dtype.is_floating_point:
        return tensor.to(dtype) if dtype.is_floating_point else _to_codes(tensor, dtype, to_host)
    if dtype.is_floating_point:
        wide = tensor.to(dtype if dtype.itemsize >= 4 else torch.float32)
        # torch takes the factor in the tensor's own dtype, as NumPy does: both give the same bits.
        return wide.mul_(1 / TOP[dtype_name(tensor.dtype)]).to(dtype)
    # torch has next to no uint16 arithmetic: go through int32.
    codes = tensor.to(torch.int32)
    codes = codes * 257 if dtype == torch.uint16 else (codes + 128).div(257, rounding_mode="floor")
    return codes.to(dtype)


def _wide_for(tensor: torch.Tensor, dtype: torch.dtype) -> torch.dtype:
    """Choose what a range is taken out in: for codes as precisely as NumPy does it, or halves would be rounded otherwise."""
    precise = tensor.dtype == torch.float32 and not dtype.is_floating_point and tensor.device.type != "mps"
    return torch.float64 if tensor.dtype == torch.float64 or (precise and not is_traced(tensor)) else torch.float32


def _to_codes(tensor: torch.Tensor, dtype: torch.dtype, to_host: bool) -> torch.Tensor:
    tensor = tensor.to(torch.float32) if tensor.dtype.itemsize < 4 else tensor
    if is_traced(tensor):  # there is nothing to look at yet
        tensor = tensor.nan_to_num(nan=0.0, posinf=1.0, neginf=0.0)
    elif to_host or tensor.device.type == "cpu":
        if tensor.isnan().any():
            raise no_number()
    elif tensor.is_cuda and tensor.dtype == torch.float32 and dtype == torch.uint8:
        return _to_bytes(tensor)
    else:
        tensor = tensor.nan_to_num(nan=0.0, posinf=1.0, neginf=0.0)
    codes: torch.Tensor = quantize(namespace, tensor, TOP[dtype_name(dtype)])
    return codes.to(torch.int32).to(dtype) if dtype == torch.uint16 else codes.to(dtype)


def on_host(plane: torch.Tensor) -> Array | None:
    """Show a plane's memory as an array, where it lies on the host and nothing records what is done with it; else None."""
    recorded = (plane.requires_grad and torch.is_grad_enabled()) or is_traced(plane)
    if recorded or plane.device.type != "cpu" or type(plane) is not torch.Tensor:
        return None
    if torch.autograd.forward_ad.unpack_dual(plane).tangent is not None:  # type: ignore[no-untyped-call]
        return None
    try:
        return _as_array(plane)
    except RuntimeError:  # inside torch.func, which has no memory to show
        return None


def _as_array(tensor: torch.Tensor) -> Array:
    """Show a tensor's memory as an array; a copy where NumPy has not the dtype."""
    return (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).detach().numpy()


def values_on_host(tensor: torch.Tensor) -> Array:
    """Show numbers of any type in host memory, copied where they lie elsewhere; bfloat16 as float32."""
    return _as_array(tensor.detach().cpu().resolve_neg())


def cast_data(tensor: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """Give data another dtype by value, or refuse it, as NumPy's `cast_data`; where a compiler reads along, unseen."""
    if tensor.dtype == dtype or is_traced(tensor):
        return tensor.to(dtype)
    if not dtype.is_floating_point:
        return torch.from_numpy(np.array(cast_array_data(values_on_host(tensor), dtype_name(dtype)))).to(tensor.device)
    result = tensor.to(dtype)
    if not tensor.dtype.is_floating_point and tensor.dtype != torch.bool:
        numbers = values_on_host(tensor)
        check_exact(int(numbers.min()), int(numbers.max()), _MANTISSAS[dtype], dtype_name(dtype))
    elif dtype.itemsize < tensor.dtype.itemsize and not torch.equal(result.isinf(), tensor.isinf()):
        worst = tensor.detach()[tensor.isfinite()].abs().max().item()
        raise out_of_range(worst, torch.finfo(dtype).max, dtype_name(dtype))
    return result


# Bits behind the first one.
_MANTISSAS = {torch.float16: 10, torch.bfloat16: 7, torch.float32: 23, torch.float64: 52}


def view_on_host(pixels: TensorPixels) -> Pixels | None:
    """Show a tensor to NumPy, where `on_host` shows its memory."""
    array = on_host(pixels.tensor)
    return None if array is None else Pixels(array, planar=True, bgr=pixels.bgr)


def _to_bytes(tensor: torch.Tensor) -> torch.Tensor:
    """Quantise and cast on CUDA, in three kernels where they take five.

    Between 2^23 and 2^24 float32 counts in ones: adding 2^23 rounds to nearest, ties to even, and leaves the code in
    the lowest bits, which is what torch, by way of int64, makes a byte of. NaN is converted to 0 or to the smallest
    int64 (PTX ISA, cvt), whose lowest byte is 0.
    """
    return torch.add(torch.tensor(2.0**23), tensor.clamp(0, 1), alpha=255).to(torch.uint8)


def full_precision(device: torch.device) -> AbstractContextManager[object]:
    """Switch autocast off: its half floats have not the 8 bits a picture needs."""
    if torch.is_autocast_enabled(device.type):
        return torch.autocast(device.type, enabled=False)
    return nullcontext()


def quantize_planes(planes: Planes, spec: Spec) -> torch.Tensor:
    """Make a tensor of the dtype `spec` says from float planes; bool images come back as uint8."""
    target = torch.uint8 if spec.dtype == "bool" else getattr(torch, spec.dtype)
    if is_traced(planes[0]):
        # A compiler makes one kernel of everything up to here, unless the planes meet before they are done.
        return _stack([cast(plane, target) for plane in planes], spec)
    return in_subclass(cast(_stack(list(planes), spec), target), spec)


def assemble(planes: list[torch.Tensor], spec: Spec) -> torch.Tensor:
    """Make a fresh tensor (..., C, H, W) of whole planes, in their own dtype; B, G, R where the image came so."""
    return in_subclass(_stack(planes, spec), spec)


def _stack(planes: list[torch.Tensor], spec: Spec) -> torch.Tensor:
    return torch.stack(swap_red_blue(planes) if spec.bgr else planes, -3)


def create(spec: Spec, channels: int, dtype: str) -> Pixels:
    """Make a buffer for a result in host memory, to be filled through NumPy."""
    # NumPy asks the system for huge pages, torch does not: a third of the time for a fresh picture of 25 MB.
    array = np.empty((*spec.batch, channels, spec.height, spec.width), _IN_NUMPY.get(dtype, dtype))
    return Pixels(array, planar=True, bgr=spec.bgr)


def finish(target: Pixels, spec: Spec) -> torch.Tensor:
    """Make a tensor of the memory that NumPy filled, where the image was."""
    return in_subclass(torch.from_numpy(target.array).to(spec.device, getattr(torch, spec.dtype)), spec)


def paste(image: torch.Tensor, patch: torch.Tensor, rows: slice, columns: slice) -> None:
    """Put a smaller image into one that was made here."""
    image[..., rows, columns] = patch


def float_planes_like(reference: TensorPixels, pixels: contracts.Pixels) -> list[torch.Tensor]:
    """List float planes of any image, where the reference tensor is and as precise."""
    if isinstance(pixels, TensorPixels):
        planes = pixels.float_planes()
    else:
        planes = [torch.from_numpy(np.ascontiguousarray(widen_array(plane))) for plane in pixels.planes()]
    dtype = torch.float64 if reference.dtype == torch.float64 else torch.float32
    return [plane.to(reference.tensor.device, dtype) for plane in planes]


def comparable(plane: torch.Tensor) -> torch.Tensor:
    """Give a plane a dtype that can be compared; torch cannot compare uint16."""
    return plane.to(torch.int32) if plane.dtype == torch.uint16 else plane


def plane_like(opened: Opened[AnyImage], like: torch.Tensor) -> torch.Tensor:
    """Give the one plane of a gray image of any kind in the dtype and on the device of `like`."""
    pixels, spec = opened
    if isinstance(pixels, TensorPixels):
        plane = pixels.planes()[0]
    else:
        exact = "uint8" if spec.dtype == "bool" else spec.dtype
        plane = torch.from_numpy(np.array(cast_array(pixels.planes()[0], np.dtype(exact))))
    return cast(plane.to(like.device), like.dtype)


def copy_to_host(pixels: TensorPixels) -> Pixels:
    """Show a tensor to NumPy in host memory: views where it lies there already and NumPy has the dtype."""
    return Pixels(_as_array(pixels.tensor.detach().cpu().resolve_neg()), planar=True, bgr=pixels.bgr)


def bring_to_host(
    pixels: TensorPixels, dtype: DType, value_range: tuple[float, float] | None
) -> tuple[Pixels, tuple[float, float] | None]:
    """Show a tensor to NumPy, and say what value range it still has to be taken from.

    On an accelerator integers are made before the transfer: a quarter of the bytes cross the bus.
    """
    if pixels.tensor.device.type == "cpu":
        return copy_to_host(pixels), value_range
    tensor = cast(pixels.tensor.detach(), getattr(torch, dtype.name), value_range=value_range, to_host=True)
    return copy_to_host(TensorPixels(tensor, bgr=pixels.bgr)), None


# ---------------------------------------------------------------- for to_tensor


def device_for(device: DeviceLike | None, spec: Spec, out: torch.Tensor | None) -> torch.device:
    """Find the device a result goes to: where `out` is, or the one asked for, or where a tensor is, or the CPU."""
    if device is None and out is not None:
        return out.device
    if device is None:
        return spec.device or torch.device("cpu")
    try:
        where = torch.device(device)
        torch.empty(0, device=where)
    except (RuntimeError, AssertionError, TypeError, ValueError) as error:
        there = [f"cuda:{index}" for index in range(torch.cuda.device_count())] if torch.cuda.is_available() else []
        raise DeviceError(
            "device", f"one of {', '.join([*there, 'cpu'])}", quoted(str(device)), "pass one that this machine has"
        ) from error
    if out is None:
        return where
    if where.type != out.device.type or where.index not in (None, out.device.index):
        raise InputValueError("out", f"a tensor on {device}", f"one on {out.device}", "leave device out")
    return out.device


def check_out_is_tensor(out: object) -> torch.Tensor:
    """Give back an `out` that is a tensor with memory to fill; refuse any other."""
    if not isinstance(out, torch.Tensor):
        raise InputTypeError("out", "a torch tensor", type(out).__name__, "leave it out to get a fresh one")
    check_dense("out", out)
    return out


def check_out(out: object, spec: Spec) -> None:
    """Refuse an `out` that a result of this Spec does not fit exactly."""
    check_tensor_out(out, (*spec.batch, spec.channels, spec.height, spec.width), spec.dtype)


def check_tensor_out(out: object, shape: tuple[int, ...], dtype: str) -> None:
    """Refuse an `out` that a tensor of any shape does not fit exactly."""
    if out is None:
        return
    tensor = check_out_is_tensor(out)
    if tuple(tensor.shape) != shape or tensor.dtype != getattr(torch, dtype) or not tensor.is_contiguous():
        raise InputValueError(
            "out",
            f"a contiguous {dtype} tensor of shape {shape}",
            f"{dtype_name(tensor.dtype)} {tuple(tensor.shape)}",
            "leave it out to get a fresh one",
        )


def allocate_on_host(shape: tuple[int, ...], dtype: str, out: torch.Tensor | None) -> tuple[torch.Tensor, Pixels]:
    """Make a tensor in host memory to be filled through NumPy, `out` itself where it fits, and its pixels."""
    dtype = _IN_NUMPY.get(dtype, dtype)
    fits = out is not None and out.device.type == "cpu" and out.dtype == getattr(torch, dtype)
    tensor = out if fits and out is not None else torch.empty(shape, dtype=getattr(torch, dtype), device="cpu")
    return tensor, Pixels(tensor.detach().numpy(), planar=True)


def _look_for_outliers(tensor: torch.Tensor) -> None:
    """Warn of floats that are far outside [0, 1], where they lie in host memory and can be seen."""
    if tensor.is_floating_point() and tensor.device.type == "cpu" and not is_transformed(tensor):
        values, outliers = tensor.detach(), Outliers()
        least, greatest = (float(value) for value in values.aminmax())
        far = (
            int(((values < FAR_BELOW) | (values > FAR_ABOVE)).sum()) if least < FAR_BELOW or greatest > FAR_ABOVE else 0
        )
        outliers.add(least, greatest, far)
        outliers.warn(values.numel())


def move(tensor: torch.Tensor, dtype: str, device: torch.device) -> torch.Tensor:
    """Bring a freshly filled host tensor where it shall be, in the dtype it shall have."""
    return cast(tensor.to(device), getattr(torch, dtype))


def convert(
    pixels: TensorPixels, dtype: str, device: torch.device, value_range: tuple[float, float] | None
) -> torch.Tensor:
    """Convert a tensor to a tensor, with gradients; always fresh and contiguous."""
    target = getattr(torch, dtype)
    tensor = pixels.rgb()
    if is_traced(tensor):
        return cast(tensor, target, value_range=value_range).to(device).clone(memory_format=torch.contiguous_format)
    if device.type != "cpu" and target.itemsize > tensor.dtype.itemsize:
        tensor = tensor.to(device)  # the smaller dtype crosses the bus
    if tensor.is_cuda and tensor.dtype == torch.uint8 and target.is_floating_point and target.itemsize <= 4:
        # One kernel that reads bytes in any order and writes the result where it belongs; float32 inside.
        result = torch.empty(tensor.shape, dtype=target, device=tensor.device)
        return torch.mul(tensor, 1 / TOP["uint8"], out=result).to(device)
    if value_range is None and not target.is_floating_point:
        _look_for_outliers(tensor)
    with full_precision(tensor.device):
        result = cast(tensor, target, value_range=value_range, to_host=device.type == "cpu").to(device).contiguous()
    return result.clone() if result is pixels.tensor else result
