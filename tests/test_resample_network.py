"""upsample(model=): super-resolution networks, small ones made here."""

import pickle
import subprocess
import sys

import numpy as np
import pytest
import torch

from aikit import (
    FileAccessError,
    FileFormatError,
    InputTypeError,
    InputValueError,
    MissingDependencyError,
    resize,
    upsample,
)
from pictures import channels_first, codes, opencv_order, pil, tensor

spandrel = pytest.importorskip("spandrel", reason="spandrel is not installed")

from aikit.resample import network as networks  # noqa: E402


def compact_weights(*, scale=2, channels=3, features=8, depth=2, seed=0):
    """Weights of Real-ESRGAN's compact network: each layer sees one pixel further, 4 in all."""
    generator = torch.Generator().manual_seed(seed)
    weights, inputs = {}, channels
    for layer in range(depth + 2):
        outputs = features if layer < depth + 1 else channels * scale * scale
        at = f"body.{2 * layer}"
        weights[f"{at}.weight"] = torch.randn(outputs, inputs, 3, 3, generator=generator) * 0.15
        weights[f"{at}.bias"] = torch.randn(outputs, generator=generator) * 0.02
        if layer < depth + 1:
            weights[f"body.{2 * layer + 1}.weight"] = torch.rand(outputs, generator=generator)
        inputs = outputs
    return weights


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "compact.pth"
    torch.save({"params_ema": compact_weights()}, path)
    return path


def loaded(weights):
    return spandrel.ModelLoader().load_from_state_dict(weights)


def hwc(tensor):
    return np.moveaxis(tensor.detach().cpu().numpy(), -3, -1)


def difference(left, right):
    return np.abs(np.asarray(left).astype(np.float64) - np.asarray(right).astype(np.float64)).max()


def test_the_network_is_what_runs(checkpoint):
    image = torch.rand(3, 20, 30)
    expected = loaded(compact_weights())(image[None])[0]
    result = upsample(image, 2, model=checkpoint)
    torch.testing.assert_close(result, expected.clone(), atol=1e-6, rtol=0)
    assert difference(result, upsample(image, 2)) > 0.05
    torch.testing.assert_close(upsample(image, 2, model=str(checkpoint)), result, atol=0, rtol=0)
    torch.testing.assert_close(upsample(image, 2, model=loaded(compact_weights())), result, atol=0, rtol=0)


@pytest.mark.parametrize("suffix", [".pth", ".pt", ".ckpt", ".safetensors"])
def test_checkpoints_of_every_form(tmp_path, suffix, checkpoint):
    path = tmp_path / f"net{suffix}"
    if suffix == ".safetensors":
        from safetensors.torch import save_file

        save_file(compact_weights(), path)
    else:
        torch.save(compact_weights(), path)
    image = codes(6, 7, 3)
    np.testing.assert_array_equal(upsample(image, 2, model=path), upsample(image, 2, model=checkpoint))


@pytest.mark.parametrize("tile", [256, 40, 33, 7])
def test_tiles_show_no_seam(checkpoint, tile):
    network = networks.open_network(checkpoint, None)
    picture = torch.from_numpy(channels_first(codes(61, 83, 3, "float32")))[None]
    seamless = network(picture).clone()
    tiled = networks.run_tiles(network, picture, tile=tile)
    assert difference(tiled, seamless) <= 0.1 / 255


def test_no_tile_is_larger_than_said(checkpoint):
    network = networks.open_network(checkpoint, None)
    seen = []
    inner = network._call_fn
    network._call_fn = lambda model, image: (seen.append(tuple(image.shape[-2:])), inner(model, image))[1]
    upsample(np.zeros((300, 520, 3), np.uint8), 2, model=network)
    assert len(seen) == 6
    assert max(max(size) for size in seen) <= 256 + 2 * 32


def test_a_network_that_tiles_itself_sees_it_whole(checkpoint):
    network = networks.open_network(checkpoint, None)
    network.tiling = spandrel.ModelTiling.INTERNAL
    seen = []
    inner = network._call_fn
    network._call_fn = lambda model, image: (seen.append(tuple(image.shape[-2:])), inner(model, image))[1]
    upsample(np.zeros((20, 300, 3), np.uint8), 2, model=network)
    assert seen == [(20, 300)]


@pytest.mark.parametrize(("scale", "shape"), [(2, (40, 60)), (1, (20, 30)), (1.5, (30, 45)), (3.3, (66, 99))])
def test_another_scale_is_resized_to(checkpoint, scale, shape):
    image = codes(20, 30, 3)
    result = upsample(image, scale, model=checkpoint)
    assert result.shape == (*shape, 3)
    picture = image.astype(np.float32) / 255
    expected = resize(upsample(picture, 2, model=checkpoint), height=shape[0], width=shape[1])
    np.testing.assert_array_equal(upsample(picture, scale, model=checkpoint), expected)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float16", "float32", "float64"])
def test_all_kinds_agree(checkpoint, channels, dtype):
    image = codes(12, 15, channels, dtype)
    result = upsample(image, 2, model=checkpoint)
    assert result.dtype == dtype
    assert result.shape == (24, 30, channels)
    from_torch = upsample(tensor(image), 2, model=checkpoint)
    assert from_torch.dtype == getattr(torch, dtype)
    step = {"uint8": 1, "uint16": 2, "float16": 1e-3}.get(dtype, 2e-6)
    assert difference(result, hwc(from_torch)) <= step
    if dtype == "uint8":
        assert difference(upsample(pil(image), 2, model=checkpoint), result.squeeze()) == 0


def test_a_batch_is_a_loop(checkpoint):
    images = codes(9, 11, 4, batch=(2, 2))
    together = upsample(images, 2, model=checkpoint)
    for index in np.ndindex(2, 2):
        np.testing.assert_array_equal(together[index], upsample(images[index], 2, model=checkpoint))


def test_a_network_for_gray_takes_each_channel():
    network = loaded(compact_weights(channels=1))
    image = torch.rand(3, 9, 11)
    result = upsample(image, 2, model=network)
    for channel in range(3):
        torch.testing.assert_close(
            result[channel], network(image[None, channel : channel + 1])[0, 0].clone(), atol=1e-6, rtol=0
        )


def test_gray_is_the_mean_of_what_rgb_makes_of_it(checkpoint):
    image = torch.rand(1, 9, 11)
    expected = upsample(image.expand(3, -1, -1), 2, model=checkpoint).mean(0, keepdim=True)
    torch.testing.assert_close(upsample(image, 2, model=checkpoint), expected, atol=1e-6, rtol=0)


def test_alpha_goes_its_own_way_and_hides_its_color(checkpoint):
    y, x = np.indices((40, 40)) - 19.5
    inside = (np.hypot(y, x) < 12)[..., None]
    red, hidden = np.array([255, 0, 0, 255]), np.array([0, 255, 0, 0])
    green = np.where(inside, red, hidden).astype(np.uint8)
    blue = np.where(inside, red, [0, 0, 255, 0]).astype(np.uint8)
    result = upsample(green, 2, model=checkpoint)
    np.testing.assert_array_equal(result, upsample(blue, 2, model=checkpoint))
    np.testing.assert_array_equal(result[..., 3], upsample(green, 2)[..., 3])
    assert (result[0, 0] == 0).all()
    # Under the disc the network sees red and nothing else, up to its edge.
    plain = upsample(np.broadcast_to(np.array([255, 0, 0], np.uint8), (40, 40, 3)), 2, model=checkpoint)
    visible = result[..., 3] > 0
    assert difference(result[..., :3][visible], plain[visible]) <= 1


def test_opencv_order_is_not_guessed(checkpoint):
    image = codes(9, 11, 3)
    assert (
        difference(
            upsample(opencv_order(image), 2, model=checkpoint), opencv_order(upsample(image, 2, model=checkpoint))
        )
        > 3
    )


def test_sharpening_follows(checkpoint):
    image = codes(9, 11, 3)
    plain, sharp = (upsample(image, 2, model=checkpoint, sharpen=strength) for strength in (0, 1))
    assert difference(plain, sharp) > 1


def test_autocast_and_gradients_stay_out(checkpoint):
    image = torch.rand(3, 9, 11, requires_grad=True)
    expected = upsample(image, 2, model=checkpoint)
    assert not expected.requires_grad
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(upsample(image, 2, model=checkpoint), expected, atol=0, rtol=0)
        array = image.detach().numpy().transpose(1, 2, 0)
        np.testing.assert_allclose(upsample(array, 2, model=checkpoint), hwc(expected), atol=1e-6)
    expected.add_(1)  # no inference tensor comes out


@pytest.mark.gpu
def test_the_device_is_kept(checkpoint):
    image = torch.rand(4, 20, 30, device="cuda")
    result = upsample(image, 2, model=checkpoint)
    assert result.is_cuda
    assert difference(result.cpu(), upsample(image.cpu(), 2, model=checkpoint)) < 1e-2
    elsewhere = upsample(image.cpu(), 2, model=loaded(compact_weights()).cuda())
    assert elsewhere.device.type == "cpu"
    assert isinstance(upsample(np.zeros((4, 5), np.uint8), 2, model=loaded(compact_weights()).cuda()), np.ndarray)


# Messages


class Trap:
    def __reduce__(self):
        return (pytest.fail, ("code ran",))


def test_a_checkpoint_runs_no_code(tmp_path):
    path = tmp_path / "trap.pth"
    torch.save({"params": compact_weights(), "extra": Trap()}, path)
    with pytest.raises(
        FileFormatError, match=r"trap\.pth: expected weights alone, got objects that would have to be run; save"
    ) as caught:
        upsample(np.zeros((4, 4, 3), np.uint8), 2, model=path)
    assert caught.value.code == "unsupported_format"
    path.write_bytes(pickle.dumps(Trap(), protocol=2))
    with pytest.raises(FileFormatError, match=r"trap\.pth: expected"):
        upsample(np.zeros((4, 4, 3), np.uint8), 2, model=path)


def test_files_that_are_not_networks(tmp_path):
    image = np.zeros((4, 4, 3), np.uint8)
    for suffix in (".pth", ".safetensors"):
        missing = tmp_path / f"missing{suffix}"
        with pytest.raises(
            FileAccessError, match=r"missing.*: expected a checkpoint that can be opened, got No such file"
        ) as caught:
            upsample(image, 2, model=missing)
        assert caught.value.filename == str(missing)
        (tmp_path / f"noise{suffix}").write_bytes(b"noise" * 100)
        with pytest.raises(FileFormatError, match=rf"noise\{suffix}: expected"):
            upsample(image, 2, model=tmp_path / f"noise{suffix}")
    torch.save({"weight": torch.zeros(3)}, tmp_path / "other.pth")
    with pytest.raises(
        FileFormatError, match=r"other\.pth: expected the weights of a network that spandrel knows, got others"
    ) as caught:
        upsample(image, 2, model=tmp_path / "other.pth")
    assert caught.value.code == "unsupported_format"
    torch.save([1, 2], tmp_path / "list.pth")
    with pytest.raises(FileFormatError, match=r"list\.pth: expected a checkpoint that can be read, got"):
        upsample(image, 2, model=tmp_path / "list.pth")


def test_what_is_no_network(tmp_path):
    image = np.zeros((4, 4, 3), np.uint8)
    with pytest.raises(
        InputTypeError, match="model: expected the path of a checkpoint or a network of spandrel, got int; pass"
    ):
        upsample(image, 2, model=4)
    with pytest.raises(
        InputValueError,
        match=r"expected a network from gray to gray or RGB to RGB, got \w+ from 4 to 4 channels; pass another",
    ):
        upsample(image, 2, model=loaded(compact_weights(channels=4)))


def test_without_spandrel(monkeypatch):
    monkeypatch.setitem(sys.modules, "spandrel", None)
    with pytest.raises(
        MissingDependencyError,
        match=r"model: expected the package spandrel for a super-resolution network, got none installed; run: pip install spandrel\.",
    ):
        upsample(np.zeros((4, 4, 3), np.uint8), 2, model="x.pth")


def test_spandrel_is_imported_by_a_model_alone():
    code = "import numpy, aikit, sys; aikit.upsample(numpy.zeros((4, 4), 'uint8'), 2); print('spandrel' in sys.modules, 'torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
