"""Pictures fitted into a batch: as `fit` does, with bars of a color."""

import pytest
import torch

import aikit
from aikit import InputValueError
from pictures import codes, pil, tensor

# ---------------------------------------------------------------- bars and scaling to fit within


def mixed():
    """Pictures of several kinds and sizes."""
    return [codes(30, 61, 3), pil(codes(50, 20, 3)), tensor(codes(33, 33, 3)), codes(10, 12, 3)]


@pytest.mark.parametrize("how", ["letterbox", "contain", "crop", "stretch"])
@pytest.mark.parametrize("method", ["bilinear", "bicubic"])
def test_pictures_are_fitted_as_fit_does(how, method):
    batch = aikit.stack(mixed(), height=32, width=40, fit=how, method=method, dtype="uint8", device="cpu")
    name = {"crop": "cover"}.get(how, how)
    for picture, result in zip(mixed(), batch, strict=True):
        expected = aikit.to_tensor(aikit.fit(picture, height=32, width=40, how=name, method=method), dtype="uint8")
        height, width = expected.shape[-2:]
        assert torch.equal(result[:, :height, :width], expected)
        assert not result[:, height:].any()
        assert not result[:, :, width:].any()


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32", "float16"])
@pytest.mark.parametrize("how", ["letterbox", "contain", "pad"])
def test_bars_have_the_color_of_fill(how, dtype):
    pictures = [codes(30, 20, 3), codes(20, 20, 3)]
    batch = aikit.stack(pictures, height=40, width=60, fit=how, fill=(114, 10, 200), dtype=dtype, device="cpu")
    top = {"uint8": 255, "uint16": 65535}.get(dtype, 1)
    corner = batch[:, :, -1, -1].double() / top
    torch.testing.assert_close(corner, torch.tensor([[114 / 255, 10 / 255, 200 / 255]] * 2).double(), atol=1e-3, rtol=0)
    left = batch[0, :, 0, 0].double() / top
    assert torch.allclose(left, corner[0], atol=1e-3) == (how == "letterbox")
    leaves = [tensor(picture).double().div(255).requires_grad_() for picture in pictures]
    recorded = aikit.stack(leaves, height=40, width=60, fit=how, fill=(114 / 255, 10 / 255, 200 / 255), device="cpu")
    assert recorded.requires_grad
    expected = aikit.stack(pictures, height=40, width=60, fit=how, fill=(114, 10, 200), device="cpu")
    torch.testing.assert_close(recorded, expected, atol=2 / 255, rtol=0)


def test_bars_beside_alpha_and_gray():
    transparent = aikit.stack([codes(3, 4, 4)], height=8, width=8, fit="letterbox", dtype="uint8", device="cpu")
    assert transparent[0, :, 0, 0].tolist() == [0, 0, 0, 0]
    white = aikit.stack(
        [codes(3, 4, 3)], height=8, width=8, fit="letterbox", fill="white", channels="rgba", dtype="uint8", device="cpu"
    )
    assert white[0, :, 0, 0].tolist() == [255, 255, 255, 255]
    with pytest.raises(InputValueError, match=r"fill: expected a gray for a gray image, got 'red'"):
        aikit.stack([codes(3, 4, 3)], height=8, width=8, fit="letterbox", fill="red", channels="gray", device="cpu")
    with pytest.raises(
        InputValueError, match=r'fill: expected None for fit="crop", which adds no bars, got 114; leave'
    ):
        aikit.stack([codes(3, 4, 3)], height=8, width=8, fit="crop", fill=114, device="cpu")
    with pytest.raises(InputValueError, match=r'height, width: expected both for fit="letterbox", got None and 8'):
        aikit.stack([codes(3, 4, 3)], width=8, fit="letterbox", device="cpu")


def test_files_are_fitted_too(tmp_path):
    for index, picture in enumerate((codes(30, 61, 3), codes(50, 20, 3))):
        aikit.write(picture, tmp_path / f"{index}.png")
    paths = sorted(tmp_path.iterdir())
    batch = aikit.read_batch(paths, height=32, width=32, fit="letterbox", fill="gray", dtype="uint8", device="cpu")
    expected = aikit.stack(
        [aikit.read_pil(path) for path in paths],
        height=32,
        width=32,
        fit="letterbox",
        fill="gray",
        dtype="uint8",
        device="cpu",
    )
    assert torch.equal(batch, expected)
    assert batch[0, :, 0, 0].tolist() == [128, 128, 128]
