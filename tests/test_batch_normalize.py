"""Mean and deviation."""

import numpy as np
import pytest
import torch

from aikit import InputTypeError, InputValueError, normalize
from pictures import codes, tensor

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def batch(dtype, channels=3):
    return tensor(codes(6, 5, channels, dtype, batch=(2,)))


def by_definition(values, mean=MEAN, std=STD):
    """In float64, from values or codes."""
    top = {torch.uint8: 255, torch.uint16: 65535}.get(values.dtype, 1)
    mean, std = (torch.tensor(part, dtype=torch.float64)[:, None, None] for part in (mean, std))
    return (values.double() / top - mean) / std


@pytest.mark.parametrize("dtype", ["bool", "uint8", "uint16", "float32", "float64"])
def test_the_definition(dtype):
    values = batch(dtype)
    result = normalize(values, mean=MEAN, std=STD)
    assert result.dtype == (values.dtype if values.is_floating_point() else torch.float32)
    assert result.is_contiguous()
    # float32: three roundings of numbers up to 3, of half a unit in the last place each.
    assert (result.double() - by_definition(values)).abs().max() < (1e-14 if dtype == "float64" else 1e-6)


def test_torchvision_agrees():
    from torchvision.transforms.v2 import functional

    values = batch("float32")
    assert torch.allclose(normalize(values, mean=MEAN, std=STD), functional.normalize(values, MEAN, STD), atol=1e-6)


@pytest.mark.parametrize("name", ["imagenet", "clip"])
def test_names_stand_for_the_numbers_of_those_who_trained(name):
    mean = {"imagenet": MEAN, "clip": (0.48145466, 0.4578275, 0.40821073)}[name]
    std = {"imagenet": STD, "clip": (0.26862954, 0.26130258, 0.27577711)}[name]
    values = batch("uint8")
    assert torch.equal(normalize(values, mean=name, std=name), normalize(values, mean=mean, std=std))


def test_torchvision_trained_with_these_numbers():
    from torchvision.models import ResNet18_Weights

    preset = ResNet18_Weights.DEFAULT.transforms()
    values = batch("uint8")
    assert torch.equal(
        normalize(values, mean="imagenet", std="imagenet"), normalize(values, mean=preset.mean, std=preset.std)
    )


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_floats_are_rounded_once(dtype):
    values = batch("float32").to(dtype)
    result = normalize(values, mean=MEAN, std=STD)
    assert result.dtype == dtype
    assert torch.equal(result, normalize(values.float(), mean=MEAN, std=STD).to(dtype))


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_one_picture_many_axes_and_a_loop_agree(dtype):
    values = batch(dtype)
    whole = normalize(values, mean=MEAN, std=STD)
    assert torch.equal(whole, torch.stack([normalize(picture, mean=MEAN, std=STD) for picture in values]))
    assert torch.equal(whole[:, None], normalize(values[:, None], mean=MEAN, std=STD))


def test_one_number_serves_all_channels():
    values = batch("float32", channels=4)
    assert torch.allclose(normalize(values, mean=0.5, std=0.5), values * 2 - 1, atol=1e-6)


def test_a_batch_of_more_than_a_block_is_worked_on_in_parts(monkeypatch):
    from aikit.batch import normalizing

    values = tensor(codes(6, 5, 3, "uint8", batch=(7,))).permute(0, 1, 3, 2)
    whole = normalize(values, mean=MEAN, std=STD)
    monkeypatch.setattr(normalizing, "_BLOCK", 2 * 6 * 5 * 3)
    assert torch.equal(normalize(values, mean=MEAN, std=STD), whole)


def test_a_given_tensor_is_filled_and_the_input_stays():
    values, out = batch("uint8"), torch.full((2, 3, 6, 5), torch.nan)
    before = values.clone()
    assert normalize(values, mean=MEAN, std=STD, out=out) is out
    assert torch.equal(out, normalize(values, mean=MEAN, std=STD))
    assert torch.equal(values, before)


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32])
def test_in_place(dtype):
    values = batch("float32").to(dtype)
    expected = normalize(values, mean=MEAN, std=STD)
    assert normalize(values, mean=MEAN, std=STD, out=values) is values
    assert torch.equal(values, expected)


def test_gradients():
    values = batch("float64").requires_grad_()
    assert torch.autograd.gradcheck(lambda x: normalize(x, mean=MEAN, std=STD), values)


def test_constants_first_used_in_inference_mode_serve_gradients_later():
    options = {"mean": (0.1, 0.2, 0.3), "std": (0.3, 0.2, 0.7)}
    with torch.inference_mode():
        normalize(batch("float32"), **options)
    values = batch("float32").requires_grad_()
    normalize(values, **options).sum().backward()
    assert torch.allclose(values.grad[0, :, 0, 0], 1 / torch.tensor(options["std"]))


@pytest.mark.parametrize("grad", [False, True])
def test_autocast_changes_nothing(grad):
    values = batch("float32").requires_grad_(grad)
    expected = normalize(values, mean=MEAN, std=STD)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(normalize(values, mean=MEAN, std=STD), expected)


def test_nothing_is_clamped_and_nan_stays():
    values = torch.tensor([-1.0, 2.0, torch.nan]).reshape(1, 1, 3)
    assert str(normalize(values, mean=0.5, std=0.5).flatten().tolist()) == "[-3.0, 3.0, nan]"


@pytest.mark.parametrize(
    ("values", "options", "error", "message"),
    [
        (codes(2, 2, 3), {}, InputTypeError, "batch: expected a tensor, got ndarray; stack or to_tensor makes one"),
        (3, {}, InputTypeError, "batch: expected a PIL image, a NumPy array or a torch tensor, got int"),
        (torch.zeros(2, 2), {}, InputValueError, "batch: expected shape"),
        (torch.zeros(4, 2, 2), {}, InputValueError, "mean: expected one number or 4, one a channel, got 3"),
        (torch.zeros(3, 2, 2), {"std": (1, 2)}, InputValueError, "std: expected one number or 3, one a channel, got 2"),
        (torch.zeros(3, 2, 2), {"std": (1, 0, 1)}, InputValueError, r"std: expected numbers above 0, got \(1, 0, 1\)"),
        (torch.zeros(3, 2, 2), {"std": -1}, InputValueError, "std: expected numbers above 0, got -1"),
        (torch.zeros(3, 2, 2), {"std": np.nan}, InputValueError, "std: expected finite numbers, got nan"),
        (torch.zeros(3, 2, 2), {"mean": "resnet"}, InputValueError, "mean: expected one of imagenet, clip, or numbers"),
        (torch.zeros(3, 2, 2), {"mean": None}, InputTypeError, 'mean: expected a name such as "imagenet"'),
        (torch.zeros(3, 2, 2), {"out": torch.zeros(3, 2, 1)}, InputValueError, "out: expected a contiguous float32"),
    ],
)
def test_what_cannot_be_normalized_is_refused(values, options, error, message):
    with pytest.raises(error, match=message):
        normalize(values, **{"mean": MEAN, "std": STD, **options})


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", [torch.bool, torch.uint8, torch.uint16, torch.float16, torch.bfloat16, torch.float32])
def test_cuda_gives_what_the_cpu_gives(dtype):
    name = str(dtype).removeprefix("torch.")
    values = batch("float32").to(dtype) if dtype.is_floating_point else batch(name)
    expected = normalize(values, mean=MEAN, std=STD)
    out = torch.empty(values.shape, dtype=expected.dtype, device="cuda")
    with torch.autocast("cuda", torch.bfloat16):
        result = normalize(values.cuda(), mean=MEAN, std=STD)
        normalize(values.cuda(), mean=MEAN, std=STD, out=out)
    assert result.dtype == expected.dtype
    assert torch.equal(result, out)
    # A multiply-add may round once instead of twice; a half float then lands beside.
    tolerance = {torch.float16: 2e-3, torch.bfloat16: 2e-2}.get(dtype, 1e-6)
    assert (result.cpu().double() - expected.double()).abs().max() <= tolerance


@pytest.mark.gpu
def test_on_cuda_it_is_one_kernel_and_no_transfer():
    from torch.profiler import ProfilerActivity, profile

    values = batch("uint8").cuda().permute(0, 1, 3, 2)
    normalize(values, mean=MEAN, std=STD)
    with profile(activities=[ProfilerActivity.CUDA]) as run:
        normalize(values, mean=MEAN, std=STD)
    events = [event.name for event in run.events() if event.device_type == torch.autograd.DeviceType.CUDA]
    assert len(events) == 1, events
