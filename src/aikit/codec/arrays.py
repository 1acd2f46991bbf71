"""Arrays, tensors and pictures as JSON: raw bytes in base64 with what describes them; pictures as PNG where that is exact."""

from __future__ import annotations

import io
import math
import sys
from typing import TYPE_CHECKING, cast

from .._raster.guard import check_size, foreign
from .._raster.structure import inspect
from ..device.choice import existing_device
from ..errors import FileFormatError, InputTypeError, quoted
from ..limits import Limits
from .scalars import as_base64, from_base64

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray
    from PIL import Image

__all__ = ["TAGS", "read", "readable", "write"]

TAGS = ("array", "scalar", "tensor", "image")

# NumPy's letters for types whose bytes are the value: no objects, no fields.
_DTYPES = "biufcmMSU"
# Modes whose pixels PNG holds as they are, with what Pillow's encoder and decoder make of them.
_PNG_MODES = ("1", "L", "LA", "RGB", "RGBA", "I;16")
# Bytes a pixel of Pillow's own packing, as `tobytes` writes it.
_RAW_MODES = {
    "P": 1, "PA": 2, "La": 2, "RGBa": 4, "RGBX": 4, "CMYK": 4, "YCbCr": 3, "LAB": 3, "HSV": 3, "I": 4, "F": 4,
    "I;16B": 2, "I;16L": 2, "I;16N": 2,
}  # fmt: skip


def write(value: object) -> tuple[str, dict[str, object]] | None:
    """The tag and the contents of an array, a NumPy scalar, a tensor or a picture; None for anything else."""
    if (numpy := sys.modules.get("numpy")) is not None:
        if isinstance(value, numpy.generic):
            return "scalar", _scalar_fields(value)
        if type(value) in (numpy.ndarray, numpy.memmap):
            return "array", _array_fields(cast("NDArray[np.generic]", value))
    if (torch_ := sys.modules.get("torch")) is not None and type(value) is torch_.Tensor:
        return "tensor", _tensor_fields(cast("torch.Tensor", value))
    if (pil := sys.modules.get("PIL.Image")) is not None and isinstance(value, pil.Image):
        return "image", _image_fields(cast("Image.Image", value))
    return None


def readable(value: object) -> object:
    """An array or a tensor as lists, a NumPy scalar as a number, a picture as a data URL: for other programs."""
    if (torch := sys.modules.get("torch")) is not None and isinstance(value, torch.Tensor):
        return value.tolist()
    if (pil := sys.modules.get("PIL.Image")) is not None and isinstance(value, pil.Image):
        from ..files import to_data_url

        return to_data_url(cast("Image.Image", value), format="png")
    array = cast("NDArray[np.generic]", value)
    if array.dtype.kind in "mM":
        return array.astype(str).tolist()
    return array.tolist()


def read(tag: str, fields: object, limits: Limits | None, device: object) -> object:
    """The value of a tag; errors of any kind say what contradicts what."""
    if not isinstance(fields, dict):
        raise TypeError("an object")
    if tag == "array":
        return _read_array(fields)
    if tag == "scalar":
        return _read_array(fields)[()]
    if tag == "tensor":
        return _read_tensor(fields, device)
    return _read_image(fields, limits)


# ---------------------------------------------------------------- NumPy


def _scalar_fields(value: np.generic) -> dict[str, object]:
    import numpy as np

    array = np.asarray(value)
    if array.dtype.kind in "SU" and array[()] != value:
        raise InputTypeError("value", "text without zeros at its end", quoted(value), "pass str(value) or bytes(value)")
    return _array_fields(array)


def _array_fields(array: NDArray[np.generic]) -> dict[str, object]:
    if array.dtype.kind not in _DTYPES:
        raise InputTypeError(
            "value", "an array of numbers, text or times", f"one of {array.dtype}", "pass its fields or array.tolist()"
        )
    fields: dict[str, object] = {"dtype": array.dtype.str, "shape": list(array.shape)}
    if array.ndim > 1 and array.flags.f_contiguous and not array.flags.c_contiguous:
        fields["order"] = "F"
    return {**fields, "data": as_base64(array.tobytes("F" if "order" in fields else "C"))}


def _read_array(fields: dict[str, object]) -> NDArray[np.generic]:
    import numpy as np

    dtype = np.dtype(_word(fields, "dtype"))
    if dtype.kind not in _DTYPES or dtype.hasobject:
        raise ValueError(f"no dtype {dtype}")
    shape = _shape(fields)
    data = bytearray(from_base64(fields["data"]))
    if len(data) != math.prod(shape) * dtype.itemsize:
        raise ValueError(f"{len(data)} bytes for the shape {shape} of {dtype}")
    # An array over a bytearray is writable, and there is one copy less.
    flat = np.frombuffer(data, dtype) if data else np.empty(math.prod(shape), dtype)
    if dtype.kind == "b":
        _check_bools(flat.view(np.uint8))
    if dtype.kind == "U" and data and flat.view(f"{dtype.byteorder}u4").max() > sys.maxunicode:
        raise ValueError("characters that Unicode does not have")
    return flat.reshape(shape, order="F" if fields.get("order") == "F" else "C")


def _check_bools(data: NDArray[np.uint8]) -> None:
    """A bool of another byte than 0 and 1 is neither true nor false to NumPy and torch."""
    if data.size and data.max() > 1:
        raise ValueError("bools that are neither 0 nor 1")


def _word(fields: dict[str, object], name: str) -> str:
    value = fields[name]
    if not isinstance(value, str):
        raise TypeError(f"{name} is no text")
    return value


def _shape(fields: dict[str, object]) -> tuple[int, ...]:
    shape = fields["shape"]
    if not isinstance(shape, list) or not all(type(each) is int and each >= 0 for each in shape):
        raise ValueError("a shape is a list of sizes")
    return tuple(shape)


# ---------------------------------------------------------------- torch


def _tensor_fields(tensor: torch.Tensor) -> dict[str, object]:
    import torch

    if tensor.layout != torch.strided or tensor.is_quantized or tensor.is_nested:
        raise InputTypeError("value", "a dense tensor", f"a {tensor.layout} one", "pass tensor.to_dense()")
    if tensor.is_meta:
        raise InputTypeError("value", "a tensor with values", "one of the device meta", "give it values first")
    fields: dict[str, object] = {"dtype": str(tensor.dtype).removeprefix("torch."), "shape": list(tensor.shape)}
    if tensor.requires_grad:
        fields["requires_grad"] = True
    plain = tensor.detach().resolve_conj().resolve_neg().cpu().contiguous()
    # By bytes: NumPy has neither bfloat16 nor the 8-bit floats.
    data = plain.reshape(-1).view(torch.uint8) if plain.numel() else plain.new_empty(0, dtype=torch.uint8)
    return {**fields, "data": as_base64(data.numpy().data)}


def _read_tensor(fields: dict[str, object], device: object) -> torch.Tensor:
    import torch

    dtype = getattr(torch, _word(fields, "dtype"), None)
    if not isinstance(dtype, torch.dtype):
        raise TypeError(f"no dtype {fields['dtype']}")
    shape = _shape(fields)
    data = bytearray(from_base64(fields["data"]))
    if len(data) != math.prod(shape) * dtype.itemsize:
        raise ValueError(f"{len(data)} bytes for the shape {shape} of {dtype}")
    flat = torch.frombuffer(data, dtype=torch.uint8).view(dtype) if data else torch.empty(0, dtype=dtype)
    if dtype == torch.bool and data:
        _check_bools(flat.view(torch.uint8).numpy())
    # A tensor of the device meta has a shape alone; torch does not count it among those that are there.
    place = torch.device("meta") if str(device) == "meta" else existing_device(cast("str", device))
    tensor = flat.reshape(shape).to(place)
    return tensor.requires_grad_() if fields.get("requires_grad") is True else tensor


# ---------------------------------------------------------------- PIL


def _image_fields(image: Image.Image) -> dict[str, object]:
    image.load()
    fields: dict[str, object] = {"mode": image.mode, "size": list(image.size)}
    if image.mode in _PNG_MODES and min(image.size) > 0:
        buffer = io.BytesIO()
        # Without its info, which travels beside it: an encoder would write some of it into the file.
        bare = image.copy()
        bare.info = {}
        bare.save(buffer, "PNG", compress_level=1)
        fields["png"] = as_base64(buffer.getvalue())
    elif image.mode in _RAW_MODES or image.mode in _PNG_MODES:
        fields["data"] = as_base64(image.tobytes())
        if image.mode in ("P", "PA") and image.palette is not None:
            fields["palette"] = [image.palette.mode, as_base64(bytes(image.palette.palette))]
    else:
        raise InputTypeError("value", "a picture of a known mode", quoted(image.mode), 'pass image.convert("RGB")')
    return {**fields, **_info_fields(image)}


def _info_fields(image: Image.Image) -> dict[str, object]:
    info = cast("dict[object, object]", image.info).copy()
    # Tags that were set in memory stand beside `info`.
    if exif := image.getexif():
        info["exif"] = exif.tobytes()
    kept = {name: value for name, value in info.items() if isinstance(name, str) and _is_plain(value)}
    return {"info": kept} if kept else {}


def _is_plain(value: object) -> bool:
    if isinstance(value, tuple):
        return type(value) is tuple and all(map(_is_plain, value))
    return type(value) in (str, bytes, int, float, bool)


def _read_image(fields: dict[str, object], limits: Limits | None) -> Image.Image:
    from PIL import Image

    mode = _word(fields, "mode")
    width, height = size = _size(fields)
    check_size("image", width, height, limits)
    if "png" in fields:
        image = _read_png(from_base64(fields["png"]), mode, size)
    else:
        data = from_base64(fields["data"])
        row = (
            (width + 7) // 8
            if mode == "1"
            else width * (_RAW_MODES.get(mode) or {"LA": 2, "RGB": 3, "RGBA": 4, "I;16": 2, "L": 1}[mode])
        )
        if len(data) != row * height:
            raise ValueError(f"{len(data)} bytes for {width} x {height} pixels of mode {mode}")
        image = Image.frombytes(mode, size, data) if data else Image.new(mode, size)
    if "palette" in fields:
        name, palette = cast("list[str]", fields["palette"])
        image.putpalette(from_base64(palette), name)
    info = fields.get("info", {})
    if not isinstance(info, dict):
        raise TypeError("info is an object")
    image.info.update(info)
    return image


def _size(fields: dict[str, object]) -> tuple[int, int]:
    size = fields["size"]
    if not isinstance(size, list) or len(size) != 2 or not all(type(each) is int and each >= 0 for each in size):
        raise ValueError("a size is a width and a height")
    return size[0], size[1]


def _read_png(data: bytes, mode: str, size: tuple[int, int]) -> Image.Image:
    from PIL import Image

    facts = inspect(data, "png", "image")
    if (facts.width, facts.height) != size:
        raise FileFormatError(
            "image", f"{size[0]} x {size[1]} pixels", f"{facts.width} x {facts.height}", "write it again"
        )
    with foreign("image", "png"):
        # A copy is a plain image: not one that remembers its file and may seek in it.
        image = Image.open(io.BytesIO(data), formats=["PNG"]).copy()
    if image.mode != mode:
        raise FileFormatError("image", f"the mode {mode}", image.mode, "write it again")
    return image
