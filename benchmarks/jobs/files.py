"""Reading and writing: bytes to pixels, pixels to bytes, and into a file."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from PIL import Image

import aikit

from ..pictures import cut_out, photograph
from ..timing import Contest, Goal
from .registry import Entries, if_installed, job, scratch_folder, size_at

# The same settings for everybody: aikit's own.
_PILLOW: dict[str, dict[str, Any]] = {
    "PNG": {"compress_level": 6},
    "JPEG": {"quality": 90},
    "WebP": {"quality": 90},
    "TIFF": {"compression": "tiff_adobe_deflate"},
}
_OPENCV: dict[str, list[int]] = {
    "PNG": [cv2.IMWRITE_PNG_COMPRESSION, 6],
    "JPEG": [cv2.IMWRITE_JPEG_QUALITY, 90],
    "WebP": [cv2.IMWRITE_WEBP_QUALITY, 90],
    "TIFF": [cv2.IMWRITE_TIFF_COMPRESSION, cv2.IMWRITE_TIFF_COMPRESSION_ADOBE_DEFLATE],
}
_VIPS: dict[str, dict[str, Any]] = {
    ".png": {"compression": 6, "filter": "all"},
    ".jpg": {"Q": 90, "subsample_mode": "on"},
    ".webp": {"Q": 90},
    ".tif": {"compression": "deflate"},
}
_SUFFIX = {"PNG": ".png", "JPEG": ".jpg", "WebP": ".webp", "TIFF": ".tif"}
# Everybody brings a codec of their own: JPEGs differ by rounding, WebPs by how chroma is enlarged.
_LOOSE = {"PNG": 0.0, "JPEG": 16.0, "WebP": 48.0, "TIFF": 0.0}


def _encoded(image: Image.Image, kind: str) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **_PILLOW[kind])
    return file.getvalue()


def _pillow(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def _opencv(data: bytes) -> Any:
    array = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    return cv2.cvtColor(array, cv2.COLOR_BGR2RGB if array.shape[-1] == 3 else cv2.COLOR_BGRA2RGBA)


def _torchvision(data: bytes) -> Any:
    from torchvision.io import ImageReadMode, decode_image

    return decode_image(torch.frombuffer(bytearray(data), dtype=torch.uint8), ImageReadMode.UNCHANGED).movedim(0, -1)


def _vips(data: bytes) -> Any:
    import pyvips

    return pyvips.Image.new_from_buffer(data, "").numpy()


def _to_vips(array: Any, suffix: str) -> bytes:
    import pyvips

    return pyvips.Image.new_from_array(array).write_to_buffer(suffix, **_VIPS[suffix])


def _bgr(array: Any) -> Any:
    return cv2.cvtColor(array, cv2.COLOR_RGB2BGR)


def _torchvision_jpeg(tensor: torch.Tensor) -> torch.Tensor:
    from torchvision.io import encode_jpeg

    return encode_jpeg(tensor, 90)


def _torchvision_png(tensor: torch.Tensor) -> torch.Tensor:
    from torchvision.io import encode_png

    return encode_png(tensor, 6)


_TORCHVISION = {"JPEG": _torchvision_jpeg, "PNG": _torchvision_png}

_CHECKED = "Ours is Pillow, after a check of the whole file for damage and size; the peer has a decoder of its own."
_WHY_READ = {
    "Pillow, np.asarray": "Ours is Pillow, after a check of the whole file for damage and size.",
    "Pillow": "Ours is Pillow, after a check of the whole file for damage and size.",
    **dict.fromkeys(["OpenCV, cvtColor", "pyvips", "torchvision decode_image"], _CHECKED),
}
_PILLOWS = "Ours is Pillow's encoder; the peer has one of its own."
_WHY_ENCODE = {
    "Pillow": "Ours is Pillow's encoder; the rest is the call.",
    "OpenCV, cvtColor": _PILLOWS,
    "pyvips": _PILLOWS,
    "torchvision": _PILLOWS,
}
_WHY_WRITE = {
    "Pillow save": "Ours writes beside the file's place, syncs, and renames: whole or not at all.",
    "OpenCV cvtColor, imwrite": "It has an encoder of its own, and does not sync.",
}


def _of_those_with(kind: str, why: dict[str, str]) -> dict[str, str]:
    """The reasons less those of torchvision where it has no codec."""
    lacks = {"torchvision decode_image": ["TIFF"], "torchvision": ["WebP", "TIFF"]}
    return {peer: reason for peer, reason in why.items() if kind not in lacks.get(peer, [])}


_READS = [("JPEG", photograph), ("PNG", photograph), ("WebP", photograph), ("TIFF", photograph), ("PNG", cut_out)]


def _for_each_read(setup: Any) -> Any:
    for kind, picture in _READS:
        mode = "RGB" if picture is photograph else "RGBA"
        goal = Goal("aikit read_numpy", 1.3, "Pillow, np.asarray")
        title = f"read {mode} from {kind}, 1920x1080"
        job(title, goal, why=_of_those_with(kind, _WHY_READ), threaded=False, kind=kind, picture=picture)(setup)
    return setup


@_for_each_read
def read(scale: float, kind: str, picture: Callable[..., Any]) -> Contest:
    height, width = size_at(scale)
    arrays = [picture(height, width, seed=seed) for seed in range(2)]
    files = [_encoded(Image.fromarray(array), kind) for array in arrays]
    entries: Entries = {
        "aikit read_numpy": lambda at: aikit.read_numpy(files[at]),
        "aikit read_pil": lambda at: aikit.read_pil(files[at]),
        "Pillow, np.asarray": lambda at: np.asarray(_pillow(files[at])),
        "Pillow": lambda at: _pillow(files[at]),
        "OpenCV, cvtColor": lambda at: _opencv(files[at]),
        **if_installed("pyvips", lambda: {"pyvips": lambda at: _vips(files[at])}),
    }
    if kind != "TIFF":  # which torchvision has no codec for
        entries["torchvision decode_image"] = lambda at: _torchvision(files[at])
    return Contest(
        entries,
        len(files[0]) + arrays[0].nbytes,
        2,
        loose=dict.fromkeys(entries, _LOOSE[kind]),
        rivals={"Pillow": "aikit read_pil"},
    )


def _for_each_encode(setup: Any) -> Any:
    for kind in _SUFFIX:
        title, goal = f"encode RGB to {kind}, 1920x1080", Goal("aikit encode (PIL)", 1.1, "Pillow")
        job(title, goal, why=_of_those_with(kind, _WHY_ENCODE), threaded=False, kind=kind)(setup)
    return setup


@_for_each_encode
def encode(scale: float, kind: str) -> Contest:
    height, width = size_at(scale)
    arrays = [photograph(height, width, seed) for seed in range(2)]
    pictures = [Image.fromarray(array) for array in arrays]
    tensors = [torch.from_numpy(array).permute(2, 0, 1).contiguous() for array in arrays]
    suffix = _SUFFIX[kind]
    entries: Entries = {
        "aikit encode (NumPy)": lambda at: aikit.encode(arrays[at], suffix),
        "aikit encode (PIL)": lambda at: aikit.encode(pictures[at], suffix),
        "aikit encode (torch)": lambda at: aikit.encode(tensors[at], suffix),
        "Pillow": lambda at: _encoded(pictures[at], kind),
        "OpenCV, cvtColor": lambda at: bytes(cv2.imencode(suffix, _bgr(arrays[at]), _OPENCV[kind])[1]),
        **if_installed("pyvips", lambda: {"pyvips": lambda at: _to_vips(arrays[at], suffix)}),
    }
    rivals = {"Pillow": "aikit encode (PIL)"}
    if kind in _TORCHVISION:
        rivals["torchvision"] = "aikit encode (torch)"
        entries["torchvision"] = lambda at: bytes(_TORCHVISION[kind](tensors[at]).numpy())
    return Contest(
        entries,
        len(entries["Pillow"](0)) + arrays[0].nbytes,
        2,
        loose=dict.fromkeys(entries, _LOOSE[kind]),
        rivals=rivals,
    )


def _for_each_write(setup: Any) -> Any:
    for kind in ("JPEG", "PNG"):
        job(f"write RGB to a {kind} file, 1920x1080", why=_WHY_WRITE, threaded=False, kind=kind)(setup)
    return setup


@_for_each_write
def write(scale: float, kind: str) -> Contest:
    height, width = size_at(scale)
    pictures = [Image.fromarray(photograph(height, width, seed)) for seed in range(2)]
    folder = scratch_folder()

    def written(name: str, save: Callable[[Path], object]) -> Path:
        path = folder / f"{name}{_SUFFIX[kind]}"
        save(path)
        return path

    def with_opencv(at: int) -> Path:
        bgr = _bgr(np.asarray(pictures[at]))
        return written("opencv", lambda path: cv2.imwrite(str(path), bgr, _OPENCV[kind]))

    def with_pillow(at: int) -> Path:
        return written("pillow", lambda path: pictures[at].save(path, **_PILLOW[kind]))

    entries: Entries = {
        "aikit write": lambda at: written("aikit", lambda path: aikit.write(pictures[at], path)),
        "Pillow save": with_pillow,
        "OpenCV cvtColor, imwrite": with_opencv,
    }
    moved = pictures[0].width * pictures[0].height * 3
    return Contest(entries, moved, 2, loose=dict.fromkeys(entries, _LOOSE[kind]))
