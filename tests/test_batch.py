"""Many images and one batch."""

import numpy as np
import pytest
import torch

from aikit import InputTypeError, InputValueError, unstack
from pictures import codes


def batch(channels=3):
    return np.stack([codes(5, 7, channels, "uint8"), codes(5, 7, channels, "uint8")[::-1]])


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_a_tensor_comes_apart_into_its_pictures(channels):
    pictures = batch(channels)
    tensor = torch.from_numpy(np.ascontiguousarray(np.moveaxis(pictures, -1, 1))).float() / 255
    parts = unstack(tensor)
    assert [part.shape for part in parts] == [(5, 7, channels)[: 2 if channels == 1 else 3]] * 2
    for part, picture in zip(parts, pictures, strict=True):
        assert part.dtype == np.uint8
        assert np.array_equal(part.reshape(picture.shape), picture)


def test_floats_are_rounded_and_clamped():
    values = torch.tensor([-0.5, 0.499 / 255, 0.501 / 255, 2.0]).reshape(1, 1, 2, 2)
    assert unstack(values)[0].tolist() == [[0, 0], [1, 255]]


def test_sizes_undo_padding():
    parts = unstack(batch(), sizes=[(5, 7), (2, 3)])
    assert np.array_equal(parts[1], batch()[1, :2, :3])


def test_the_pictures_are_views_of_one_buffer_and_not_of_the_batch():
    pictures = batch()
    parts = unstack(pictures)
    assert parts[0].base is parts[1].base
    assert not np.shares_memory(parts[0], pictures)


@pytest.mark.parametrize(
    ("given", "sizes", "error", "message"),
    [
        (
            np.zeros((4, 5, 3), np.uint8),
            None,
            InputValueError,
            r"batch: expected shape \(N, C, H, W\) .*, got \(4, 5, 3\)",
        ),
        (
            torch.zeros(3, 4, 5),
            None,
            InputValueError,
            r"batch: expected .* got \(3, 4, 5\); for one picture call to_numpy",
        ),
        (batch(), [(5, 7)], InputValueError, r"sizes: expected 2 of them, one a picture, got 1"),
        (batch(), [(5, 7), (6, 7)], InputValueError, r"sizes: expected height x width up to 5x7, got 6x7"),
        (batch(), [(5, 7), (0, 7)], InputValueError, r"got 0x7"),
        ("photo.png", None, InputTypeError, r"batch: expected a PIL image, a NumPy array or a torch tensor"),
    ],
)
def test_what_is_no_batch_is_refused(given, sizes, error, message):
    with pytest.raises(error, match=message):
        unstack(given, sizes)
