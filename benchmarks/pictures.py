"""Pictures to work on. Noise, because nothing can take a shortcut through it; and an alpha as cut-outs have it."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from PIL import Image

Array = np.ndarray[Any, Any]


def noise(height: int, width: int, channels: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).integers(0, 256, (height, width, channels), np.uint8)


def cut_out(height: int, width: int, seed: int = 0) -> Array:
    """RGBA with the alpha of a cut-out: most pixels fully opaque or fully transparent, a soft edge of some pixels."""
    rgba = noise(height, width, 4, seed)
    rows, columns = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    radius = 0.65 + 0.1 * np.sin(7 * np.arctan2(rows, columns) + seed)
    inside = (radius - np.hypot(rows, columns)) * height / 16
    rgba[..., 3] = np.rint(np.clip(inside + 0.5, 0, 1) * 255)
    return rgba


def on_white(height: int, width: int, seed: int = 0) -> Array:
    """RGB noise on a white background."""
    rgba = cut_out(height, width, seed)
    return np.where(rgba[..., 3:] > 0, rgba[..., :3], np.uint8(255))


def pil(array: Array) -> Image.Image:
    """A picture with memory of its own."""
    return Image.fromarray(array).copy()


def photograph(height: int, width: int, seed: int = 0) -> Array:
    """Slopes, waves and a little noise: files of it are as large as a photograph's, and every channel is different."""
    row, column = np.mgrid[0:height, 0:width]
    grain = np.random.default_rng(seed).normal(0, 6, (height, width, 3))
    waves = 128 + 127 * np.sin(column / (30 + seed))
    color = np.stack([column * 256 / width, waves, row * 256 / height], axis=-1)
    return (color + grain).clip(0, 255).astype(np.uint8)


def jpeg(height: int, width: int, seed: int = 0) -> bytes:
    """A photograph as a file."""
    file = io.BytesIO()
    Image.fromarray(photograph(height, width, seed)).save(file, "JPEG", quality=90)
    return file.getvalue()
