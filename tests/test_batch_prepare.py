"""Batches of pictures that a recipe or a preprocess is applied to first."""

import threading

import numpy as np
import pytest
import torch

import aikit
from aikit import InputTypeError, InputValueError, Recipe, read_batch, stack
from aikit.preprocess import Preprocess
from pictures import codes, pil, tensor

RECIPE = Recipe.parse("resize width=12 height=9 method=bicubic; rgb_to_gray")
PREPROCESS = Preprocess.from_config(
    {"input_size": [3, 8, 8], "interpolation": "bicubic", "crop_pct": 0.8, "crop_mode": "center",
     "mean": [0.4, 0.5, 0.6], "std": [0.2, 0.3, 0.4]}
)  # fmt: skip


def mixed():
    return [codes(30, 61, 3), pil(codes(50, 20, 3)), tensor(codes(33, 33, 3)), codes(10, 12, 3)]


def files(tmp_path):
    for index, picture in enumerate((codes(30, 61, 3), codes(50, 20, 3), codes(10, 12, 3))):
        aikit.write(picture, tmp_path / f"{index}.png")
    return sorted(tmp_path.iterdir())


@pytest.mark.parametrize("prepare", [RECIPE, PREPROCESS, lambda image: aikit.flip(RECIPE(image), axis="vertical")])
def test_each_picture_is_prepared_and_keeps_its_place(prepare, tmp_path):
    expected = torch.stack([aikit.to_tensor(prepare(each)) for each in mixed()])
    torch.testing.assert_close(stack(mixed(), prepare=prepare, device="cpu"), expected, rtol=0, atol=1e-6)
    paths = files(tmp_path)
    expected = torch.stack([aikit.to_tensor(prepare(aikit.read_pil(path))) for path in paths])
    torch.testing.assert_close(read_batch(paths, prepare=prepare, device="cpu"), expected, rtol=0, atol=1e-6)


def test_it_is_made_to_fit_afterwards(tmp_path):
    turn, options = Recipe.parse("rot90"), {"height": 24, "width": 16, "fit": "letterbox", "fill": 114, "device": "cpu"}
    assert torch.equal(stack(mixed(), prepare=turn, **options), stack([turn(each) for each in mixed()], **options))
    paths = files(tmp_path)
    expected = stack([turn(aikit.read_pil(path)) for path in paths], **options)
    assert torch.equal(read_batch(paths, prepare=turn, **options), expected)


def test_blue_first_is_prepared_as_red_first():
    picture = codes(9, 12, 3)
    for blue_first in (picture[..., ::-1], tensor(picture).flip(-3)):
        batch = stack([blue_first], prepare=RECIPE, bgr=True, device="cpu", dtype="uint8")
        assert torch.equal(batch, stack([picture], prepare=RECIPE, device="cpu", dtype="uint8"))


def test_host_pictures_go_through_threads_and_tensors_stay(monkeypatch):
    monkeypatch.setattr("cv2.getNumThreads", lambda: 2)
    here, seen = threading.current_thread(), {}

    def prepare(image):
        seen.setdefault(type(image), set()).add(threading.current_thread())
        return image

    stack([codes(4, 4, 3)] * 4 + [tensor(codes(4, 4, 3))] * 2, prepare=prepare, device="cpu")
    assert here not in seen[np.ndarray]
    assert seen[torch.Tensor] == {here}


def test_gradients_pass_through():
    picture = tensor(codes(9, 12, 3)).float().div(255).requires_grad_()
    stack([picture], prepare=Recipe.parse("resize width=6 method=bilinear"), device="cpu").sum().backward()
    # The weights of each of the 3 x 5 x 6 results sum to 1.
    assert picture.grad.sum().item() == pytest.approx(90)


def refuse_small(image):
    if aikit.to_numpy(image).shape[0] < 20:
        raise InputValueError("image", "20 rows", "fewer", "pass a larger one")
    return aikit.resize(image, height=8, width=8)


def test_a_picture_that_fails_is_named(tmp_path):
    with pytest.raises(InputValueError, match=r"images\[3\]: expected 20 rows, got fewer"):
        stack(mixed(), prepare=refuse_small, device="cpu")
    paths, failures = files(tmp_path), []
    batch = read_batch(paths, prepare=refuse_small, device="cpu", on_error="zeros", failures=failures)
    assert [index for index, _ in failures] == [2]
    assert failures[0][1].subject == str(paths[2])
    assert batch.shape == (3, 3, 8, 8)
    assert not batch[2].any()
    assert batch[0].any()
    with pytest.raises(InputValueError, match=r"images\[1\], mode: expected one of constant, edge, reflect, wrap"):
        stack(
            mixed()[:2],
            prepare=lambda image: aikit.pad(image, left=1, mode=("wrap" if hasattr(image, "shape") else "no")),
            device="cpu",
        )


def test_mistakes_in_preparing_are_no_picture_s_fault():
    with pytest.raises(InputTypeError, match="prepare: expected a function, got 'resize width=3'"):
        stack(mixed(), prepare="resize width=3", device="cpu")
    with pytest.raises(InputTypeError, match=r"prepare\(images\[0\]\): expected a PIL image, .*, got NoneType"):
        stack(mixed(), prepare=lambda image: None, device="cpu")
    with pytest.raises(InputValueError, match=r"prepare\(images\[0\]\): expected one picture, got a batch"):
        stack(mixed()[:1], prepare=lambda image: image[None], device="cpu")
    with pytest.raises(InputValueError, match=r"^background: expected"):
        stack(
            [codes(4, 4, 4)], prepare=lambda image: aikit.flatten(image, background="no"), device="cpu", on_error="skip"
        )
