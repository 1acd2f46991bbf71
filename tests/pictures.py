"""Test pictures, made without aikit: every channel, row and column different, so that no mistake can hide."""

import numpy as np
from PIL import Image

TOPS = {"bool": 1, "uint8": 255, "uint16": 65535}


def codes(height, width, channels=None, dtype="uint8", batch=()):
    """A picture (..., H, W, C), or (H, W) without `channels`: all codes different if there are enough of them.

    Floats lie in [0, 1].
    """
    shape = (*batch, height, width) if channels is None else (*batch, height, width, channels)
    count = int(np.prod(shape))
    rng = np.random.default_rng([height, width, channels or 0, len(batch)])
    if np.dtype(dtype).kind == "f":
        return rng.random(shape).astype(dtype)
    top = TOPS[np.dtype(dtype).name]
    if count <= top + 1:
        return rng.permutation(top + 1)[:count].reshape(shape).astype(dtype)
    return rng.integers(0, top + 1, shape).astype(dtype)


def in_dtype(array, dtype):
    """The same values in another dtype, written as the definition says and nowhere fast."""
    if array.dtype == bool:
        array = array * np.uint8(255)
    if array.dtype == dtype:
        return array
    to_float, from_float = np.dtype(dtype).kind == "f", array.dtype.kind == "f"
    if from_float and to_float:
        return array.astype(dtype)
    if from_float:
        array = array.astype(np.float64 if array.dtype == np.float64 else np.float32)
        top = array.dtype.type(TOPS[dtype])
        return np.rint(np.clip(array, 0, 1) * top).astype(dtype)
    if to_float:
        wide = np.float64 if dtype == "float64" else np.float32
        return (array.astype(wide) * wide(1 / TOPS[array.dtype.name])).astype(dtype)
    return array.astype(np.uint16) * np.uint16(257) if dtype == "uint16" else np.rint(array / 257).astype(np.uint8)


def opencv_order(array):
    """What OpenCV expects of an RGB picture (..., H, W, C): BGR, BGRA, also for gray with alpha; gray alone stays."""
    order = {1: [0], 2: [0, 0, 0, 1], 3: [2, 1, 0], 4: [2, 1, 0, 3]}
    return array[..., order[array.shape[-1]]]


def channels_first(array):
    return np.ascontiguousarray(np.moveaxis(array, -1, -3))


def flat(array):
    """(H, W) for one gray picture (H, W, 1)."""
    return array[..., 0] if array.ndim == 3 and array.shape[-1] == 1 else array


def pil(array):
    """A PIL image of a picture (H, W, C), 8 bit or gray."""
    return Image.fromarray(np.ascontiguousarray(flat(array)))


def tensor(array):
    import torch

    return torch.from_numpy(channels_first(array))
