"""Compiled functions give what the functions give; batches take no more operations than pictures."""

import logging
import os
import pickle
import re
import shutil
import subprocess
import sys
import threading

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

import aikit
from aikit import fusion
from aikit.errors import InputTypeError, InputValueError
from aikit.fusion import compiler, graph
from aikit.resample import cuda, passes
from pictures import codes, tensor

needs_compiler = pytest.mark.skipif(shutil.which("g++") is None, reason="no g++ here")

FRAMES = {"standard": "bt709", "range": "limited"}
SPACES = {
    **dict.fromkeys(("linear_rgb", "xyz", "lab", "lch", "luv", "oklab", "oklch", "hsv", "hsl", "ycbcr", "yuv"), 3),
    "gray": 1,
    "cmyk": 4,
}

# Name: channels of the picture, operation.
COLORS = {
    **{f"rgb to {name}": (3, lambda x, n=name: aikit.convert_color(x, "rgb", n)) for name in SPACES},
    **{f"{name} to rgb": (count, lambda x, n=name: aikit.convert_color(x, n, "rgb")) for name, count in SPACES.items()},
    "rgb to i420": (3, lambda x: aikit.color.rgb_to_i420(x, **FRAMES)),
    "rgb to nv12 and back": (3, lambda x: aikit.color.nv12_to_rgb(aikit.color.rgb_to_nv12(x, **FRAMES), **FRAMES)),
    "i420 there and back": (
        3,
        lambda x: aikit.color.i420_to_rgb(aikit.color.rgb_to_i420(x, **FRAMES), **FRAMES, bgr=True),
    ),
    "bgr to lab": (4, lambda x: aikit.rgb_to_lab(x, bgr=True)),
    "bgr to linear bgr": (3, lambda x: aikit.color.rgb_to_linear_rgb(x, bgr=True)),
}
ALPHA = {
    "premultiply": (4, aikit.premultiply),
    "unpremultiply": (2, aikit.unpremultiply),
    "flatten": (4, lambda x: aikit.flatten(x, background="#c86432")),
    "flatten over checker": (4, lambda x: aikit.flatten(x, background="checker")),
    "composite": (4, lambda x: aikit.composite(x.flip(-1), x, operator="atop")),
    "composite at an offset": (4, lambda x: aikit.composite(x.flip(-1), x, left=3, top=-2)),
    "make_transparent": (3, lambda x: aikit.make_transparent(x, color="gray", tolerance=0.2, feather=0.2)),
    "color_to_alpha": (3, lambda x: aikit.color_to_alpha(x, color="gray")),
    "split_alpha": (4, lambda x: aikit.split_alpha(x)[0]),
    "merge_alpha": (3, lambda x: aikit.merge_alpha(x, 0.4)),
}
SIZES = {
    **{
        f"resize {method} {scale}": (channels, lambda x, m=method, s=scale: aikit.resize(x, scale=s, method=m))
        for method in ("nearest", "bilinear", "bicubic", "lanczos", "area")
        for scale, channels in ((0.4, 3), (1.7, 4))
    },
    "resize without antialias": (3, lambda x: aikit.resize(x, width=10, antialias=False)),
    "resize in light": (3, lambda x: aikit.resize(x, width=20, linear=True)),
    "upsample": (4, lambda x: aikit.upsample(x, 2, sharpen=0.5)),
    "blur": (4, lambda x: aikit.blur(x, 1.5)),
}
CONVERSIONS = {
    **{
        f"to {dtype}": (3, lambda x, d=dtype: aikit.to_tensor(x, dtype=d))
        for dtype in ("uint8", "uint16", "float16", "bfloat16", "float32", "float64")
    },
    "from bgr": (4, lambda x: aikit.to_tensor(x, bgr=True)),
    "from channels last": (3, lambda x: aikit.to_tensor(x.movedim(-3, -1).contiguous(), layout="HWC")),
    "from a range": (3, lambda x: aikit.to_tensor(x.float(), value_range=(-1, 1))),
}
# What decides by values, or is too long to compile.
UNCOMPILED = {
    "estimate_foreground": (4, aikit.alpha.estimate_foreground),
    "trim": (4, aikit.trim),
    "alpha_bbox": (4, aikit.alpha.alpha_bbox),
    "is_transparent": (4, aikit.alpha.is_transparent),
}
OPERATIONS = {**COLORS, **ALPHA, **SIZES, **CONVERSIONS}


# Hues, whose rounding errors are those of numbers up to 360.
IN_DEGREES = {"rtol": 0, "atol": 1e-4}


def batch(channels, dtype="float32", count=2, height=18, width=24):
    image = tensor(codes(height, width, channels, dtype, batch=(count,)))
    if channels in (2, 4) and image.is_floating_point():
        image[:, -1] = image[:, -1] * 0.75 + 0.25  # next to alpha 0 the smallest rounding is magnified
    return image


def largest_difference(got, expected):
    return (got.double() - expected.double()).abs().max().item()


# ---------------------------------------------------------------- no loop over the pictures of a batch


class Counter(TorchDispatchMode):
    """Counts the operations of torch."""

    def __init__(self):
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.count += 1
        return function(*args, **(kwargs or {}))


def operations(function, image):
    function(image)  # what is kept from the first call
    with Counter() as counter:
        function(image)
    return counter.count


@pytest.mark.parametrize("name", [*OPERATIONS, *UNCOMPILED])
def test_a_batch_of_sixteen_takes_the_operations_of_a_batch_of_two(name):
    channels, operation = {**OPERATIONS, **UNCOMPILED}[name]
    dtype = "uint8" if name == "from channels last" else "float32"
    two, sixteen = (operations(operation, batch(channels, dtype, count)) for count in (2, 16))
    assert 0 < two == sixteen


def test_the_counter_sees_a_loop():
    looped = lambda x: torch.stack([aikit.premultiply(picture) for picture in x])  # noqa: E731
    assert operations(looped, batch(4, count=2)) < operations(looped, batch(4, count=3))


# ---------------------------------------------------------------- agreement


def units(name):
    """What the values of a result go up to."""
    space = name.removeprefix("rgb to ").removeprefix("bgr to ")
    return {"lab": 100, "luv": 100, "lch": 360, "hsv": 360, "hsl": 360, "oklch": 360}.get(space, 1)


def assert_same(name, got, expected):
    assert (got.dtype, got.shape, got.is_contiguous()) == (expected.dtype, expected.shape, True)
    if not expected.is_floating_point():
        assert largest_difference(got, expected) <= 1
        return
    difference = (got.double() - expected.double()).abs()
    if units(name) == 360:  # a hue just below 360 is as good as 0
        difference = torch.minimum(difference, (360 - difference).abs())
    # Half floats: one step, where rounding meets a tie.
    step = {torch.float16: 2**-10, torch.bfloat16: 2**-7, torch.float64: 1e-12}.get(expected.dtype, 2e-6)
    assert difference.max() <= step * units(name) * max(1, expected.abs().max() / units(name))


def said(caplog):
    """What aikit told its users."""
    return [r.getMessage() for r in caplog.records if r.name == "aikit" and r.levelno >= logging.WARNING]


def recorded(function, *tensors):
    """What the graph of a function gives without a compiler."""
    with torch.no_grad():
        recording = graph.record(function, tensors, [False] * len(tensors))
        results = [buffer.make() for buffer in recording.buffers]
        recording.graph(*tensors, *(p for r, t in zip(recording.buffers, results, strict=True) for p in r.parts(t)))
    return recording.rebuild(results)


FEW = ["rgb to lab", "rgb to ycbcr", "to uint8", "to float16", "resize lanczos 1.7", "unpremultiply"]


def some(names, few):
    """All names, most of them only when there is time."""
    return [name if name in few else pytest.param(name, marks=pytest.mark.slow) for name in names]


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_recorded_function_gives_what_it_gives(name):
    channels, operation = OPERATIONS[name]
    image = batch(channels, "uint8" if name == "from channels last" else "float32")
    assert_same(name, recorded(operation, image), operation(image))


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float16", "float64"])
@pytest.mark.parametrize("name", some(OPERATIONS, FEW))
def test_every_dtype_is_recorded(name, dtype):
    channels, operation = OPERATIONS[name]
    image = batch(channels, dtype)
    try:
        expected = operation(image)
    except InputTypeError as refused:  # integers in a space that has units of its own
        with pytest.raises(InputTypeError, match=re.escape(str(refused))):
            recorded(operation, image)
        return
    assert_same(name, recorded(operation, image), expected)


@needs_compiler
@pytest.mark.parametrize("name", some(OPERATIONS, ["rgb to lab", "to uint8", "resize lanczos 1.7"]))
def test_a_compiled_function_gives_what_it_gives(name, caplog):
    channels, operation = OPERATIONS[name]
    image = batch(channels, "uint8" if name == "from channels last" else "float32")
    fast = aikit.fusion.fused(operation)
    assert_same(name, fast(image), operation(image))
    assert not said(caplog)


@needs_compiler
def test_a_composition_is_compiled_whole_and_differentiable(caplog):
    def prepare(image):
        return aikit.rgb_to_hsv(aikit.color.linear_rgb_to_rgb(aikit.color.rgb_to_linear_rgb(image)))

    config = torch._inductor.config.get_config_copy()
    fast, image = aikit.fusion.fused(prepare), batch(3).requires_grad_()
    weights = torch.rand(image.shape)
    expected, got = prepare(image), fast(image)
    assert_same("rgb to hsv", got.detach(), expected.detach())
    [wanted] = torch.autograd.grad((expected * weights).sum(), image)
    [given] = torch.autograd.grad((got * weights).sum(), image)
    torch.testing.assert_close(given, wanted, rtol=1e-4, atol=1e-4)
    assert not said(caplog)
    assert torch._inductor.config.get_config_copy() == config


@pytest.mark.parametrize("exponent", [2.4, 1 / 2.4, 1 / 3])
def test_powers_for_a_compiler_are_right_to_a_few_units_in_the_last_place(exponent):
    from aikit._pixels.values import _LOG2, _power_of_traced

    numbers = torch.logspace(-11, 1.5, 100_001, dtype=torch.float64).float()
    expected = numbers.double() ** exponent
    # What 2^x magnifies is the rounding of x.
    allowed = 1e-7 * (3 + (numbers.log2() * exponent).abs())
    assert ((_power_of_traced(torch, numbers, exponent) / expected - 1).abs() < allowed).all()
    assert _power_of_traced(torch, torch.zeros(1), exponent) < 1e-12
    low, high = 2**-0.5 - 1, 2**0.5 - 1
    series = np.polynomial.Chebyshev.interpolate(lambda f: np.log2(1 + f) / f, 8, domain=[low, high])
    np.testing.assert_allclose(_LOG2, series.convert(kind=np.polynomial.Polynomial).coef, atol=6e-10)


# ---------------------------------------------------------------- recording


def nodes(recording, *targets):
    return [node for node in recording.graph.graph.nodes if node.target in targets]


def test_every_plane_of_a_result_is_written_where_it_belongs():
    aten = torch.ops.aten
    recording = graph.record(aikit.rgb_to_lab, [batch(3)], [False])
    assert not nodes(recording, aten.stack.default, aten.cat.default, aten.div.Scalar)
    assert len(nodes(recording, aten.copy_.default)) == 3
    [buffer] = recording.buffers
    result = buffer.make()
    for index, part in enumerate(buffer.parts(result)):
        assert part.data_ptr() == result[:, index].data_ptr()
        assert part.stride() == result[:, index].stride()


def test_planes_are_not_stacked_between_operations():
    there_and_back = graph.record(lambda x: aikit.hsv_to_rgb(aikit.rgb_to_hsv(x)), [batch(4)], [False])
    assert not nodes(there_and_back, torch.ops.aten.stack.default)
    image = batch(3)
    assert_same(
        "",
        recorded(lambda x: torch.stack(torch.stack([x, x * 2], 1).unbind(0)), image),
        torch.stack([image, image * 2], 1),
    )
    assert_same(
        "",
        recorded(lambda x: torch.stack(torch.stack([x, x * 2]).unbind(-1)), image),
        torch.stack(torch.stack([image, image * 2]).unbind(-1)),
    )


def test_changes_in_place_are_seen():
    def altered(image):
        converted = aikit.rgb_to_hsv(image)
        converted[:, 0] /= 360
        return aikit.premultiply(torch.cat([converted, image[:, :1]], 1))

    image = batch(3)
    assert_same("", recorded(altered, image), altered(image))


def test_constants_are_made_once():
    weights = [0.2, 0.3, 0.5]

    def weighted(image):
        return image * torch.tensor(weights, dtype=torch.float64).to(image.dtype)[:, None, None]

    recording = graph.record(weighted, [batch(3)], [False])
    assert not nodes(recording, torch.ops.aten._to_copy.default, torch.ops.aten.lift_fresh_copy.default)
    image = batch(3)
    assert_same("", recorded(weighted, image), weighted(image))


def test_recording_leaves_nothing_behind():
    image = batch(3, height=31, width=17)
    expected = aikit.resize(image.double(), scale=0.3)
    recorded(lambda x: aikit.resize(x, scale=0.3), image)
    assert_same("resize", aikit.resize(image, scale=0.3), expected.float())
    assert type(aikit.resize(image, scale=0.3)) is torch.Tensor


# ---------------------------------------------------------------- calling


@pytest.fixture
def compiled(monkeypatch):
    """The graphs that were to be compiled; they run as they are, which is fast and needs no compiler."""
    graphs = []

    def compile_nothing(module, inputs):
        graphs.append(module)
        return module

    monkeypatch.setattr(torch._inductor, "compile", compile_nothing)
    monkeypatch.setattr(compiler.shutil, "which", lambda name: name)
    return graphs


def test_it_is_compiled_once_for_each_kind_of_input(compiled):
    fast = aikit.fusion.fused(aikit.resize)
    image = batch(3)
    for _ in range(3):
        fast(image, width=12)
    assert len(compiled) == 1
    fast(batch(3, count=3), width=12)
    fast(image.double(), width=12)
    fast(image.permute(0, 1, 3, 2), width=12)
    fast(image, width=13)
    fast(image, scale=1)
    fast(image, scale=1.0)
    fast(image.clone().requires_grad_(), width=12)
    assert len(compiled) == 8
    with torch.no_grad():
        fast(image.clone().requires_grad_(), width=12)
    assert len(compiled) == 8
    # Eager resizes multiply matrices on the host, compiled ones add up bags.
    torch.testing.assert_close(fast(image, width=12), aikit.resize(image, width=12), atol=1e-6, rtol=0)


def test_options_decide(compiled):
    fast, image = aikit.fusion.fused(aikit.color.rgb_to_ycbcr), batch(3)
    for options in ({}, {"range": "limited"}, {"standard": "bt709"}, {"bgr": True}):
        assert_same("", fast(image, **options), aikit.color.rgb_to_ycbcr(image, **options))
    assert len(compiled) == 4


def test_the_cache_is_bounded(compiled, monkeypatch, caplog):
    monkeypatch.setattr(fusion, "MOST_KINDS", 2)
    fast = aikit.fusion.fused(aikit.rgb_to_gray)
    for count in (1, 2, 3, 4, 1):
        image = batch(3, count=count)
        assert_same("", fast(image), aikit.rgb_to_gray(image))
    assert len(compiled) == 2
    assert said(caplog) == [
        "fused(rgb_to_gray) runs eagerly: 2 kinds of input have been compiled for; use batches of one size"
    ]


def test_several_images_are_check(compiled):
    fast = aikit.fusion.fused(aikit.composite)
    over, under = batch(4), batch(3).flip(0)
    assert_same("", fast(over, under), aikit.composite(over, under))
    assert_same("", fast(over, background=under, operator="in"), aikit.composite(over, under, operator="in"))
    assert_same("", fast(over, over), aikit.composite(over, over))
    assert len(compiled) == 3


def test_results_come_in_the_structure_of_the_function(compiled):
    color, alpha = aikit.fusion.fused(aikit.split_alpha)(batch(4))
    assert (color.shape[1], alpha.shape[1]) == (3, 1)
    image = batch(3)
    both = aikit.fusion.fused(lambda x: {"same": x, "none": None, "twice": [x, 2]})(image)
    assert both["same"].equal(image)
    assert both["none"] is None
    assert both["twice"][1] == 2


def test_results_are_fresh_memory_and_inputs_stay(compiled):
    image = batch(3)
    before = image.clone()
    for fast in (
        aikit.fusion.fused(lambda x: x),
        aikit.fusion.fused(lambda x: x[:, :2]),
        aikit.fusion.fused(aikit.rgb_to_hsv),
    ):
        fast(image).fill_(7)
        assert image.equal(before)
        assert not fast(image).eq(7).all()


@pytest.mark.parametrize("operation", [aikit.rgb_to_lab, aikit.rgb_to_gray, lambda x: aikit.resize(x, scale=0.5)])
def test_out_is_filled_and_returned(compiled, operation):
    image = batch(3)
    expected = operation(image)
    out = torch.full_like(expected, 7)
    assert aikit.fusion.fused(operation)(image, out=out) is out
    assert_same("rgb to lab", out, expected)


def test_out_of_a_function_that_has_one_itself(compiled):
    image = batch(3)
    out = torch.empty(image.shape, dtype=torch.uint8)
    assert aikit.fusion.fused(aikit.to_tensor)(image, dtype="uint8", out=out) is out
    assert out.equal(aikit.to_tensor(image, dtype="uint8"))
    array = codes(4, 5, 3)
    out = torch.empty(3, 4, 5)
    assert aikit.fusion.fused(aikit.to_tensor)(array, out=out) is out
    assert out.equal(aikit.to_tensor(array))


@pytest.mark.parametrize(
    ("out", "error", "message"),
    [
        (3, InputTypeError, "out: expected a torch tensor, got int"),
        (torch.empty(2, 3, 18, 25), InputValueError, r"expected a contiguous float32 tensor of shape \(2, 3, 18, 24\)"),
        (torch.empty(2, 3, 18, 24, dtype=torch.float64), InputValueError, "expected a contiguous float32 tensor"),
        (torch.empty(2, 3, 24, 18).mT, InputValueError, "expected a contiguous float32 tensor"),
        (torch.empty(2, 3, 18, 24, requires_grad=True), InputValueError, "expected a tensor on cpu without gradient"),
    ],
)
def test_an_out_that_does_not_fit_is_refused(compiled, out, error, message):
    with pytest.raises(error, match=message):
        aikit.fusion.fused(aikit.rgb_to_hsv)(batch(3), out=out)


def test_an_out_in_the_memory_of_an_input_is_refused(compiled):
    image = batch(3)
    with pytest.raises(InputValueError, match="out: expected memory of its own, got that of an input"):
        aikit.fusion.fused(aikit.rgb_to_hsv)(image, out=image)


def test_an_out_for_several_results_or_with_gradients_is_refused(compiled):
    image = batch(4)
    with pytest.raises(InputValueError, match="out: expected None for 2 results"):
        aikit.fusion.fused(aikit.split_alpha)(image, out=image.clone())
    with pytest.raises(InputValueError, match="out: expected None where gradients are wanted"):
        aikit.fusion.fused(aikit.premultiply)(image.requires_grad_(), out=image.detach().clone())


@pytest.mark.parametrize("name", some(OPERATIONS, [*FEW, "blur", "composite at an offset", "flatten"]))
def test_gradients_are_those_of_the_function(compiled, name):
    channels, operation = OPERATIONS[name]
    image = batch(channels).requires_grad_()
    expected = operation(image)
    if not expected.requires_grad:
        return
    got = aikit.fusion.fused(operation)(image)
    weights = torch.rand(expected.shape, dtype=expected.dtype, generator=torch.Generator().manual_seed(1))
    [wanted], [given] = (torch.autograd.grad((result * weights).sum(), image) for result in (expected, got))
    torch.testing.assert_close(given, wanted, rtol=1e-3, atol=1e-4 * float(wanted.abs().max()))


def test_autocast_changes_nothing_of_ours_and_what_it_should_of_yours(compiled):
    image = batch(3)
    fast, mixed = aikit.fusion.fused(aikit.rgb_to_lab), aikit.fusion.fused(lambda x: x @ x.mT)
    expected = fast(image)
    mixed(image)
    with torch.autocast("cpu", torch.bfloat16):
        assert fast(image).equal(expected)
        assert mixed(image).dtype == torch.bfloat16
    assert mixed(image).dtype == torch.float32


def test_inference_mode(compiled):
    image = batch(3)
    fast = aikit.fusion.fused(aikit.rgb_to_hsv)
    with torch.inference_mode():
        torch.testing.assert_close(fast(image.clone()), aikit.rgb_to_hsv(image), **IN_DEGREES)
    torch.testing.assert_close(fast(image), aikit.rgb_to_hsv(image), **IN_DEGREES)
    fast(image).mul_(2)


def test_subclasses_are_tensors(compiled):
    from torchvision import tv_tensors

    image = batch(3)
    fast = aikit.fusion.fused(aikit.rgb_to_hsv)
    got = fast(tv_tensors.Image(image))
    assert type(got) is torch.Tensor
    assert got.equal(fast(image))
    parameter = torch.nn.Parameter(image)
    fast(parameter).sum().backward()
    assert parameter.grad is not None


def test_threads_share_one_compilation(compiled):
    image = batch(3)
    expected, results = aikit.rgb_to_hsv(image), []
    fast = aikit.fusion.fused(aikit.rgb_to_hsv)
    threads = [threading.Thread(target=lambda: results.append(fast(image))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 8
    for result in results:
        torch.testing.assert_close(result, expected, **IN_DEGREES)
    assert len(compiled) == 1


def test_it_is_a_function_like_the_one_it_was_made_of(compiled):
    fast = aikit.fusion.fused(aikit.rgb_to_lab)
    assert (fast.__name__, fast.__doc__) == ("rgb_to_lab", aikit.rgb_to_lab.__doc__)
    assert aikit.fusion.fused(fast) is fast
    assert repr(fast) == "<fused rgb_to_lab>"
    again = pickle.loads(pickle.dumps(fast))
    assert again(batch(3)).equal(fast(batch(3)))


# ---------------------------------------------------------------- eagerly


def test_arrays_and_pil_images_are_not_compiled(compiled, caplog):
    array = codes(5, 6, 3)
    fast = aikit.fusion.fused(aikit.rgb_to_hsv)
    assert (fast(array) == aikit.rgb_to_hsv(array)).all()
    assert fast(aikit.to_pil(array)).mode == "HSV"
    assert not compiled
    assert not said(caplog)


@pytest.mark.parametrize(
    ("name", "reason"), [("trim", "DataDependent"), ("premultiply", "operations would take minutes")]
)
def test_what_cannot_be_compiled_runs_eagerly_and_says_so_once(compiled, monkeypatch, caplog, name, reason):
    monkeypatch.setattr(graph, "MOST_OPERATIONS", 8)
    operation = getattr(aikit, name)
    fast, image = aikit.fusion.fused(operation), batch(4)[:1]
    for _ in range(2):
        assert fast(image).equal(operation(image))
    assert not compiled
    [message] = said(caplog)
    assert message.startswith(f"fused({name}) runs eagerly: ")
    assert reason in message


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float16", "float32", "float64"])
def test_normalize_is_worked_plane_by_plane(compiled, dtype):
    image = batch(3, dtype)
    options = {"mean": (0.4, 0.5, 0.6), "std": (0.2, 0.3, 0.1)}
    result, wanted = aikit.fusion.fused(aikit.normalize)(image, **options), aikit.normalize(image, **options)
    assert result.dtype == wanted.dtype
    torch.testing.assert_close(result, wanted, rtol=1e-6, atol=2e-6 if dtype != "float16" else 1e-2)
    (module,) = compiled
    assert (
        max(node.meta["val"].ndim for node in module.graph.nodes if node.op == "call_function" and "mul" in node.name)
        == 3
    )


@pytest.mark.parametrize("transform", [torch.func.functionalize, torch.vmap])
def test_transforms_of_torch_see_normalize_and_resize(transform):
    image, mean, std = batch(3), (0.41, 0.52, 0.63), (0.24, 0.35, 0.16)
    for function in (lambda x: aikit.normalize(x, mean=mean, std=std), lambda x: aikit.resize(x, height=7, width=9)):
        torch.testing.assert_close(transform(function)(image), function(image), rtol=1e-6, atol=1e-6)
    wanted = (image - torch.tensor(mean)[:, None, None]) / torch.tensor(std)[:, None, None]
    torch.testing.assert_close(aikit.normalize(image, mean=mean, std=std), wanted, rtol=1e-6, atol=2e-6)


def test_an_array_beside_a_tensor_runs_eagerly(compiled, caplog):
    over, under = batch(4)[0], codes(18, 24, 3, "float32")
    assert aikit.fusion.fused(aikit.composite)(over, aikit.to_tensor(under)).equal(
        aikit.composite(over, aikit.to_tensor(under))
    )
    assert len(compiled) == 1
    assert_same(
        "",
        aikit.fusion.fused(lambda x, y: aikit.flatten(x, background=y))(over, under),
        aikit.flatten(over, background=under),
    )
    assert len(compiled) == 1
    assert ["an argument beside the tensors may change from call to call" in message for message in said(caplog)] == [
        True
    ]


def test_errors_are_those_of_the_function(compiled, caplog):
    with pytest.raises(InputValueError, match="image: expected an alpha channel, got RGB"):
        aikit.fusion.fused(aikit.premultiply)(batch(3))
    with pytest.raises(InputValueError, match="standard: expected one of"):
        aikit.fusion.fused(aikit.color.rgb_to_ycbcr)(batch(3), standard="pal")
    with pytest.raises(InputValueError, match="image: expected at least one pixel"):
        aikit.fusion.fused(aikit.rgb_to_hsv)(torch.empty(0, 3, 4, 4))
    with pytest.raises(ZeroDivisionError, match="division"):
        aikit.fusion.fused(lambda x: 1 // 0)(batch(3))
    with pytest.raises(InputTypeError, match="fn: expected a function, got 3; pass one"):
        aikit.fusion.fused(3)


def test_nan_becomes_zero_on_the_way_to_integers(compiled):
    image = torch.tensor([0.5, float("nan"), float("inf")]).view(3, 1, 1)
    assert aikit.fusion.fused(lambda x: aikit.to_tensor(x, dtype="uint8"))(image).flatten().tolist() == [128, 0, 255]


def test_other_transforms_of_torch_pass_through(compiled):
    image = batch(3)
    fast = aikit.fusion.fused(aikit.rgb_to_hsv)
    got = torch.vmap(lambda picture: fast(picture))(image)
    torch.testing.assert_close(got, aikit.rgb_to_hsv(image), **IN_DEGREES)


WITHOUT_COMPILER = """
import logging, torch, aikit
logging.basicConfig(format="%(message)s")
fast = aikit.fusion.fused(aikit.rgb_to_hsv)
image = torch.rand(2, 3, 4, 5)
assert fast(image).equal(aikit.rgb_to_hsv(image))
out = torch.empty(2, 3, 4, 5)
assert fast(image, out=out) is out and out.equal(fast(image))
"""


def test_without_a_compiler_it_runs_eagerly_and_says_so_once():
    environment = {**os.environ, "PATH": "", "PYTHONPATH": os.pathsep.join(sys.path)}
    environment.pop("CXX", None)
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_COMPILER], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("fused(rgb_to_hsv) runs eagerly: there is no C++ compiler; install ") == 1


def test_the_compilers_of_the_environment_are_looked_for(monkeypatch):
    image = [torch.zeros(1, 1, 1, 1)]
    monkeypatch.setattr(compiler.shutil, "which", lambda name: name if name == "mine" else None)
    assert "C++ compiler" in compiler.find_obstacle(image)
    monkeypatch.setenv("CXX", "mine -O2")
    assert not compiler.find_obstacle(image)
    monkeypatch.setenv("CXX", "yours")
    assert "C++ compiler" in compiler.find_obstacle(image)


# ---------------------------------------------------------------- the kernel of a resize

PASSES = [(20, 33, 17, "lanczos"), (5, 70, 141, "bicubic"), (9, 200, 130, "lanczos"), (13, 29, 1, "bilinear")]


def pass_check(height, width, new, method, axis):
    plane = torch.rand(2, 3, height, width)[:, 1]
    taps = passes.resize_taps(plane.shape[axis], new, method, True)
    first, last = (torch.from_numpy(taps[0][at].copy()) for at in (0, -1))
    return plane, taps, (first, last, torch.from_numpy(taps[1].copy()).float(), axis)


@pytest.mark.parametrize("axis", [-1, -2])
@pytest.mark.parametrize("case", PASSES)
def test_the_operation_is_the_definition(case, axis):
    plane, taps, arguments = pass_check(*case, axis)
    expected = passes.pass_by_indexing(torch, plane, taps, axis)
    torch.testing.assert_close(cuda.resample(plane, *arguments), expected, rtol=0, atol=1e-6)
    out = torch.empty(expected.shape)
    cuda.resample_into(out, plane, *arguments)
    torch.testing.assert_close(out, expected, rtol=0, atol=1e-6)


def test_the_operation_keeps_the_rules_of_torch():
    plane, _, arguments = pass_check(*PASSES[0], -1)
    torch.library.opcheck(cuda.resample, (plane, *arguments), test_utils=("test_schema", "test_faketensor"))
    torch.library.opcheck(
        cuda.resample_into,
        (torch.empty(2, 20, 17), plane, *arguments),
        test_utils=("test_schema", "test_faketensor"),
    )


INTERPRETED = """
import sys, torch
from aikit.resample import cuda, passes
from test_fused import PASSES, pass_check
for case in PASSES:
    for axis in (-1, -2):
        plane, taps, arguments = pass_check(*case, axis)
        expected = passes.pass_by_indexing(torch, plane, taps, axis)
        out = torch.full((2, 4, *expected.shape[1:]), 7.0)[:, 2]
        cuda.launch(out, plane, *arguments)
        torch.testing.assert_close(out, expected, rtol=0, atol=1e-6)
"""


def test_the_kernel_is_the_definition_in_tritons_interpreter():
    pytest.importorskip("triton")
    environment = {**os.environ, "TRITON_INTERPRET": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", INTERPRETED], env=environment, capture_output=True, text=True, check=False
    )
    if "only 0-dimensional arrays can be converted" in done.stderr:
        pytest.skip("this interpreter is older than this NumPy")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("dtype", ["float32", "uint8", "float64"])
def test_a_resize_that_has_the_kernel(compiled, monkeypatch, dtype):
    monkeypatch.setattr(passes, "has_kernel", lambda xp, plane: passes.is_traced(xp, plane))
    for name in ("resize lanczos 0.4", "resize bicubic 1.7", "resize nearest 0.4", "resize in light"):
        channels, operation = OPERATIONS[name]
        image = batch(channels, dtype)
        assert_same(name, aikit.fusion.fused(operation)(image), operation(image))
    straight = graph.record(lambda x: aikit.resize(x, scale=0.5), [batch(3)], [False])
    into, apart = torch.ops.aikit.resample_into.default, torch.ops.aikit.resample.default
    assert len(nodes(straight, into)) == len(nodes(straight, apart)) == 3
    assert not nodes(straight, torch.ops.aten.copy_.default, torch.ops.aten.stack.default)
