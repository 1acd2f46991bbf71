"""Every operation on CUDA gives what it gives on the CPU, stays on the device, and keeps gradients."""

import pytest
import torch

import aikit
from pictures import codes, tensor

pytestmark = pytest.mark.gpu


def picture(channels, dtype="float32"):
    return tensor(codes(37, 53, channels, dtype))


SPACES = ["gray", "linear_rgb", "xyz", "lab", "lch", "luv", "oklab", "oklch", "hsv", "hsl", "ycbcr", "yuv", "cmyk"]

OPERATIONS = {
    "premultiply": (4, aikit.premultiply),
    "unpremultiply": (4, aikit.unpremultiply),
    "flatten": (4, lambda x: aikit.flatten(x, background="#c86432")),
    "flatten checker": (4, lambda x: aikit.flatten(x, background="checker")),
    "composite": (4, lambda x: aikit.composite(x, x, operator="atop", left=3, top=-2)),
    "make_transparent": (3, lambda x: aikit.make_transparent(x, color="gray", tolerance=0.2, feather=0.2)),
    "color_to_alpha": (3, lambda x: aikit.color_to_alpha(x, color="gray")),
    "estimate_foreground": (4, aikit.estimate_foreground),
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
