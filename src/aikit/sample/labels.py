"""Label maps and masks: whole numbers for pixels, which are picked and never mixed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from ..errors import InputTypeError, InputValueError, quoted
from ..geometry.places import Matrix, is_tensor

if TYPE_CHECKING:
    import torch
    from PIL import Image

__all__ = ["LabelMap", "Labels", "Masks", "check_ignore", "pick_labels", "read_label_form", "take_labels"]

Array: TypeAlias = np.ndarray[Any, Any]
LabelMap: TypeAlias = "Array | torch.Tensor | Image.Image"
"""One whole number for each pixel: (H, W), of any integer type, or a PIL image that is taken by its indices."""

Masks: TypeAlias = "Array | torch.Tensor"
"""One mask for each object: (N, H, W)."""


@dataclass(frozen=True, slots=True)
class Labels:
    """Whole numbers (..., H, W) as an array or a tensor, and the way back to what they came as."""

    values: Any
    give: Callable[[Any], Any]

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return int(self.values.shape[-2]), int(self.values.shape[-1])


def read_label_form(given: object) -> Labels:
    """A label map as an array or a tensor of its own integers; never through colors."""
    if hasattr(given, "getexif") and hasattr(given, "mode"):
        return _read_picture(given)
    integral = is_tensor(given) or isinstance(given, np.ndarray)
    dtype = str(getattr(given, "dtype", type(given).__name__)).removeprefix("torch.")
    if not integral or not dtype.startswith(("int", "uint")):
        raise InputTypeError(
            "label_map", "an array, a tensor or a PIL image of whole numbers", dtype, "convert it to an integer dtype"
        )
    return Labels(given, lambda values: values)


def _read_picture(given: Any) -> Labels:
    from PIL import Image, ImageOps

    if given.mode not in ("1", "P", "L", "I", "I;16"):
        raise InputValueError(
            "label_map", "a PIL image of mode P, L, 1, I or I;16", given.mode, "read the file with read_label_map"
        )
    upright: Image.Image = ImageOps.exif_transpose(given)
    palette = upright.getpalette("RGB") if upright.mode == "P" else None
    values = np.array(upright)
    values = values.astype(np.uint8) if upright.mode == "1" else values

    def give(moved: Array) -> Image.Image:
        result = Image.fromarray(moved)
        if palette is not None:
            result.putpalette(palette)
        return result

    return Labels(values, give)


def check_ignore(ignore: int, labels: Labels) -> None:
    """Refuse a number for pixels beyond the picture that a label map cannot hold."""
    dtype = labels.values.dtype
    if is_tensor(labels.values):
        import torch

        low, high = torch.iinfo(dtype).min, torch.iinfo(dtype).max
    else:
        low, high = int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)
    if not low <= ignore <= high:
        raise InputValueError(
            "ignore", f"{low} to {high}, which a label map of {dtype} holds", quoted(ignore), "pass another"
        )


def pick_labels(values: Any, matrix: Matrix, size: tuple[int, int], beyond: int) -> Any:
    """The number under the center of each pixel of a result of this (height, width)."""
    height, width = values.shape[-2:]
    inverse = np.linalg.inv(np.array(matrix))
    # A hair to the right: a center that falls between two pixels takes the second, whatever was rounded.
    x, y = np.arange(size[1]) + 0.5, np.arange(size[0])[:, None] + 0.5
    u, v, w = (row[0] * x + row[1] * y + row[2] for row in inverse)
    with np.errstate(all="ignore"):
        columns, rows = np.floor(u / w + 1e-7), np.floor(v / w + 1e-7)
        seen = (w > 0) & (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height)
    columns, rows = (np.where(seen, each, 0).astype(np.int64) for each in (columns, rows))
    if not is_tensor(values):
        return np.where(seen, values[..., rows, columns], np.asarray(beyond, values.dtype))
    return _pick_of_tensor(values, rows, columns, seen, beyond)


def _pick_of_tensor(values: torch.Tensor, rows: Array, columns: Array, seen: Array, beyond: int) -> torch.Tensor:
    import torch

    at, across, shown = (torch.from_numpy(each).to(values.device) for each in (rows, columns, seen))
    # torch has few functions for unsigned integers beyond a byte: wider numbers hold them.
    wide = values.to(torch.int64) if values.dtype in (torch.uint16, torch.uint32) else values
    picked = torch.where(shown, wide[..., at, across], torch.tensor(beyond, dtype=wide.dtype, device=wide.device))
    return picked.to(values.dtype)


def take_labels(values: Any, rows: Array, columns: Array) -> Any:
    """Whole rows and columns, for margins that repeat the picture."""
    if is_tensor(values):
        import torch

        at, across = (torch.from_numpy(each).to(values.device) for each in (rows, columns))
        return values[..., at, :][..., across]
    return values[..., rows, :][..., columns]
