"""Every operation on CUDA gives what it gives on the CPU, stays on the device, and keeps gradients."""

import logging

import pytest
import torch

import aikit
from aikit.resample import cuda, passes
from pictures import codes, tensor

pytestmark = pytest.mark.gpu


def picture(channels, dtype="float32"):
    return tensor(codes(37, 53, channels, dtype))


PREPARED = {
    "clip": aikit.preprocess.Preprocess.clip(32),
    "letterbox": aikit.preprocess.Preprocess.letterbox(height=48, width=40, fill=(114, 10, 200)),
    "zeros after normalizing": aikit.preprocess.Preprocess(
        resize=40, how="contain", pad=(40, 48), fill=None, mean=(0.4, 0.5, 0.6), std=(0.2, 0.3, 0.4)
    ),
    "torchvision": aikit.preprocess.Preprocess(resize=32, engine="torchvision", white=255),
}


@pytest.mark.parametrize("dtype", ["uint8", "float16", "float32"])
@pytest.mark.parametrize("name", PREPARED)
def test_a_batch_is_preprocessed_where_it_lies_and_nothing_waits_for_it(name, dtype):
    preprocess, pictures = PREPARED[name], torch.stack([picture(3, dtype), picture(3, dtype).flip(-1)])
    expected, on_device = preprocess(pictures), pictures.cuda()
    preprocess(on_device)  # carries weights to the device, once for each size
    torch.cuda.set_sync_debug_mode("error")
    try:
        got = preprocess(on_device)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert got.is_cuda
    codes_off = {"uint8": 1.02 / 255, "float16": 2e-3, "float32": 1e-5}[dtype] * preprocess.white
    torch.testing.assert_close(got.cpu(), expected, rtol=0, atol=codes_off / min(preprocess.std or (1,)))


SPACES = ["gray", "linear_rgb", "xyz", "lab", "lch", "luv", "oklab", "oklch", "hsv", "hsl", "ycbcr", "yuv", "cmyk"]

OPERATIONS = {
    "premultiply": (4, aikit.premultiply),
    "unpremultiply": (4, aikit.unpremultiply),
    "flatten": (4, lambda x: aikit.flatten(x, background="#c86432")),
    "flatten checker": (4, lambda x: aikit.flatten(x, background="checker")),
    "composite": (4, lambda x: aikit.composite(x, x, operator="atop", left=3, top=-2)),
    "make_transparent": (3, lambda x: aikit.make_transparent(x, color="gray", tolerance=0.2, feather=0.2)),
    "color_to_alpha": (3, lambda x: aikit.color_to_alpha(x, color="gray")),
    "estimate_foreground": (4, aikit.alpha.estimate_foreground),
    "split_alpha": (4, lambda x: aikit.split_alpha(x)[1]),
    "merge_alpha": (3, lambda x: aikit.merge_alpha(x, 0.4)),
    "trim": (4, aikit.trim),
    "blur": (4, lambda x: aikit.blur(x, 1.5)),
    "upsample": (3, lambda x: aikit.upsample(x, 2, sharpen=0.5)),
    **{
        f"resize {method} {scale}": (4, lambda x, m=method, s=scale: aikit.resize(x, scale=s, method=m))
        for method in ("nearest", "bilinear", "bicubic", "lanczos", "area")
        for scale in (0.4, 1.7)
    },
    "resize linear": (3, lambda x: aikit.resize(x, width=20, linear=True)),
    **{f"rgb to {name}": (3, lambda x, n=name: aikit.convert_color(x, "rgb", n)) for name in SPACES},
}


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float16", "bfloat16", "float32", "float64"])
@pytest.mark.parametrize("name", OPERATIONS)
def test_cuda_gives_what_the_cpu_gives(name, dtype):
    channels, operation = OPERATIONS[name]
    image = picture(channels, "float32" if dtype == "bfloat16" else dtype)
    image = image.to(torch.bfloat16) if dtype == "bfloat16" else image
    expected, got = operation(image), operation(image.cuda())
    assert got.is_cuda
    assert (got.dtype, got.shape) == (expected.dtype, expected.shape)
    difference = (got.cpu().double() - expected.double()).abs()
    if name.endswith(("hsv", "hsl", "lch")):  # a hue just below 360 is as good as 0
        difference = torch.minimum(difference, (360 - difference).abs())
    units = {"lab": 100, "lch": 360, "luv": 100, "hsv": 360, "hsl": 360}.get(name.rsplit(" ")[-1].removeprefix("ok"), 1)
    tolerance = {"uint8": 1, "uint16": 2, "float16": 2e-3, "bfloat16": 2e-2, "float32": 2e-5, "float64": 1e-9}[dtype]
    if got.dtype.is_floating_point and dtype.startswith("uint"):
        tolerance = 2e-5
    assert difference.max() <= tolerance * (units if got.dtype.is_floating_point else 1)


def test_codes_are_those_of_the_cpu():
    """The fast way to bytes: ties, what lies outside, NaN and infinity."""
    ties = (torch.arange(255, dtype=torch.float64) + 0.5) / 255
    near = torch.cat([ties - 1e-6, ties + 1e-6, torch.arange(256) / 255, torch.tensor([-1.0, -0.001, 1.001, 300.0])])
    image = near.float().view(1, 1, -1)
    expected = aikit.to_tensor(image, dtype="uint8")
    assert aikit.to_tensor(image.cuda(), dtype="uint8").cpu().equal(expected)
    odd = torch.tensor([float("nan"), float("inf"), -float("inf")], device="cuda").view(1, 1, 3)
    assert aikit.to_tensor(odd, dtype="uint8").flatten().tolist() == [0, 255, 0]


@pytest.mark.parametrize("name", OPERATIONS)
def test_tf32_and_autocast_change_nothing(name):
    channels, operation = OPERATIONS[name]
    image = picture(channels).cuda()
    expected = operation(image)
    before = torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = True
    try:
        with torch.autocast("cuda", torch.bfloat16):
            got = operation(image)
    finally:
        torch.backends.cuda.matmul.allow_tf32 = before
    assert torch.equal(got, expected)


@pytest.mark.parametrize("name", [name for name in OPERATIONS if "nearest" not in name])
def test_gradients_flow_on_cuda(name):
    channels, operation = OPERATIONS[name]
    image = picture(channels).cuda().requires_grad_()
    operation(image).sum().backward()
    assert image.grad is not None
    assert image.grad.isfinite().all()


def test_results_reach_every_other_kind_from_cuda():
    image = picture(4, "uint8")
    on_device = image.cuda()
    assert aikit.to_pil(on_device).tobytes() == aikit.to_pil(image).tobytes()
    assert (aikit.to_numpy(on_device) == aikit.to_numpy(image)).all()
    assert (aikit.to_cv2(on_device) == aikit.to_cv2(image)).all()
    assert (aikit.unstack(on_device[None])[0] == aikit.to_numpy(image)).all()
    assert aikit.to_tensor(aikit.to_numpy(image), device="cuda", dtype=None).cpu().equal(image)
    assert aikit.encode(on_device, "png") == aikit.encode(image, "png")


# ---------------------------------------------------------------- compiled

# One of each sort; the rest takes minutes.
COMPILED = ["premultiply", "flatten", "composite", "resize lanczos 0.4", "resize linear", "rgb to lab", "rgb to hsv"]


def batch(channels, dtype="float32"):
    image = tensor(codes(37, 53, channels, dtype, batch=(3,)))
    if channels == 4 and image.is_floating_point():
        image[:, 3] = image[:, 3] * 0.75 + 0.25  # next to alpha 0 the smallest rounding is magnified
    return image.cuda()


@pytest.mark.parametrize("dtype", ["float32", "uint8", "uint16", "float16"])
@pytest.mark.parametrize(
    "name", [name if name in COMPILED else pytest.param(name, marks=pytest.mark.slow) for name in OPERATIONS]
)
def test_compiled_functions_give_what_they_give(name, dtype, caplog):
    if name in ("estimate_foreground", "trim"):
        pytest.skip("runs eagerly")
    channels, operation = OPERATIONS[name]
    image = batch(channels, dtype)
    expected, fast = operation(image), aikit.fusion.fused(operation)
    got = fast(image)
    assert not [record for record in caplog.records if record.name == "aikit" and record.levelno >= logging.WARNING]
    assert (got.dtype, got.shape, got.device) == (expected.dtype, expected.shape, expected.device)
    difference = (got.double() - expected.double()).abs()
    if name.endswith(("hsv", "hsl", "lch")):
        difference = torch.minimum(difference, (360 - difference).abs())
    scale = max(1.0, float(expected.abs().max())) if got.dtype.is_floating_point else 1
    assert difference.max() <= {torch.float16: 2e-3, torch.float32: 5e-6}.get(got.dtype, 1) * scale
    if name == "rgb to lab":
        out = torch.empty_like(got)
        assert fast(image, out=out) is out
        assert out.equal(got)


def kernels(function, *arguments):
    """How many kernels a call runs on the device."""
    function(*arguments)
    torch.cuda.synchronize()
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as profile:
        function(*arguments)
        torch.cuda.synchronize()
    events = [event for event in profile.events() if event.device_type == torch.autograd.DeviceType.CUDA]
    return len([event for event in events if not event.name.startswith("Mem")])


@pytest.mark.parametrize(
    ("operation", "channels", "most"),
    [
        (aikit.rgb_to_gray, 3, 1),
        (aikit.color.rgb_to_ycbcr, 3, 1),
        (aikit.rgb_to_hsv, 3, 1),
        (aikit.rgb_to_lab, 3, 1),
        (aikit.flatten, 4, 1),
        (lambda x: aikit.composite(x.flip(0), x), 4, 1),
        (lambda x: aikit.to_tensor(x, dtype="uint8"), 3, 1),
        (lambda x: aikit.hsv_to_rgb(aikit.rgb_to_hsv(x)), 3, 1),
        (lambda x: aikit.resize(x, scale=0.5), 3, 6),
    ],
)
def test_a_formula_is_one_kernel(operation, channels, most):
    image = batch(channels)
    assert kernels(aikit.fusion.fused(operation), image) <= most
    assert kernels(operation, image) > most


def test_compiled_functions_hold_under_tf32_and_autocast_and_give_gradients():
    image = batch(3)
    fast = aikit.fusion.fused(lambda x: aikit.rgb_to_lab(aikit.resize(x, scale=0.5)))
    expected = fast(image)
    with torch.autocast("cuda", torch.bfloat16):
        assert fast(image).equal(expected)
    image.requires_grad_()
    torch.testing.assert_close(fast(image), expected, rtol=1e-5, atol=5e-4)
    [given] = torch.autograd.grad(fast(image).sum(), image)
    [wanted] = torch.autograd.grad(aikit.rgb_to_lab(aikit.resize(image, scale=0.5)).sum(), image)
    torch.testing.assert_close(given, wanted, rtol=1e-3, atol=1e-3 * float(wanted.abs().max()))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("axis", [-1, -2])
@pytest.mark.parametrize("new", [1, 17, 130, 700])
def test_the_kernel_of_a_resize_is_the_definition(new, axis, dtype):
    plane = torch.rand(2, 3, 131, 257, dtype=dtype, device="cuda")[:, 1]
    taps = passes.resize_taps(plane.shape[axis], new, "lanczos", True)
    first, last, weights = (torch.from_numpy(part.copy()).cuda() for part in (*taps[0][[0, -1]], taps[1]))
    expected = passes.pass_by_indexing(torch, plane, taps, axis)
    got = cuda.resample(plane, first, last, weights.to(dtype), axis)
    torch.testing.assert_close(got, expected, rtol=0, atol=1e-6)


def test_the_kernel_of_a_resize_fills_any_memory():
    plane = torch.rand(2, 2, 3, 40, 50, device="cuda")[..., 1, :, :].mT
    taps = passes.resize_taps(40, 23, "bicubic", True)
    arguments = [torch.from_numpy(part.copy()).cuda() for part in (*taps[0][[0, -1]], taps[1])]
    arguments[2] = arguments[2].float()
    expected = passes.pass_by_indexing(torch, plane, taps, -1)
    for out in (
        torch.empty(2, 2, 3, 50, 23, device="cuda")[:, :, 1],
        torch.empty(2, 2, 23, 50, device="cuda").mT,
        torch.empty(2, 3, 2, 50, 23, device="cuda")[:, :2].transpose(0, 1),
    ):
        cuda.resample_into(out, plane, *arguments, -1)
        torch.testing.assert_close(out, expected, rtol=0, atol=1e-6)
