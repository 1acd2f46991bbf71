import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, strategies as st
from PIL import Image

from aikit import InputTypeError, InputValueError
from aikit._pixels import (
    STRIP_PIXELS,
    Spec,
    adapter,
    cut_strips,
    for_each_strip,
    kind_of,
    load,
    merge,
    quantize,
    rescale,
    run,
    split,
)
from pictures import channels_first, codes, in_dtype, opencv_order, pil, tensor

SRC = Path(__file__).parents[1] / "src"

KINDS = {"pil": pil, "numpy": lambda a: a, "torch": tensor}
every_kind = pytest.mark.parametrize("kind", KINDS)


def back(image):
    """The values of any image as (..., H, W, C)."""
    if isinstance(image, torch.Tensor):
        return np.moveaxis(image.detach().numpy(), -3, -1)
    array = np.asarray(image)
    return array[..., None] if array.ndim == 2 else array


def run_python(code):
    environment = {**os.environ, "PYTHONPATH": str(SRC)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environment, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


# ---------------------------------------------------------------- which kind


def test_the_class_decides(tmp_path):
    class Mine(np.ndarray):
        pass

    path = tmp_path / "picture.png"
    Image.new("L", (2, 2)).save(path)
    with Image.open(path) as opened:
        assert type(opened) is not Image.Image
        assert kind_of(opened) == "pil"
    assert kind_of(np.memmap(tmp_path / "pixels", np.uint8, "w+", shape=(2, 2))) == "numpy"
    assert kind_of(np.zeros((2, 2)).view(Mine)) == "numpy"
    assert kind_of(torch.nn.Parameter(torch.zeros(1, 2, 2))) == "torch"


def test_a_name_is_not_enough():
    class ndarray:  # another package's
        pass

    with pytest.raises(
        InputTypeError, match=r"mask: expected a PIL image, a NumPy array or a torch tensor, got ndarray"
    ):
        kind_of(ndarray(), "mask")


def test_looking_at_the_class_imports_nothing():
    code = """
import sys
from aikit._pixels import kind_of
from aikit import InputTypeError
try:
    kind_of(object())
except InputTypeError:
    print([name for name in ("numpy", "PIL", "cv2", "torch") if name in sys.modules])
"""
    assert run_python(code) == "[]"


@pytest.mark.parametrize(
    "bad", [np.zeros((0, 2), np.uint8), np.zeros((2, 2), np.int32), "x.png"], ids=["empty", "int32", "path"]
)
def test_the_subject_of_a_message_is_the_argument(bad):
    with pytest.raises((InputValueError, InputTypeError), match=r"^background: expected"):
        load(bad, subject="background")


# ---------------------------------------------------------------- the quantiser


@pytest.mark.parametrize("top", [255, 65535])
@pytest.mark.parametrize("xp", [np, torch], ids=["numpy", "torch"])
def test_quantize(xp, top):
    unit = xp.asarray([0.0, -0.0, 1.0, -1e-9, 1.005, float("inf"), -float("inf"), 0.5, 1e-45], dtype=xp.float32)
    half = 128 if top == 255 else 32768  # ties go to even
    assert quantize(xp, unit, top).tolist() == [0, 0, top, 0, top, top, 0, half, 0]


@pytest.mark.parametrize("top", [255, 65535])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_quantize_inverts_every_code(dtype, top):
    every = np.arange(top + 1)
    floats = every.astype(dtype) * np.dtype(dtype).type(1 / top)
    assert floats[-1] == 1
    np.testing.assert_array_equal(quantize(np, floats, top), every)
    np.testing.assert_array_equal(quantize(torch, torch.from_numpy(floats), top).numpy(), every)


@given(st.lists(st.floats(width=32, allow_nan=False), min_size=1, max_size=40))
def test_the_fast_path_is_the_definition(values):
    plane = np.array([values], np.float32)
    fast = adapter("numpy").cast(plane, np.dtype(np.uint8))
    np.testing.assert_array_equal(fast, quantize(np, plane, 255))


def test_the_fast_path_is_the_definition_in_every_lane():
    # OpenCV's vector loop and its remainder.
    plane = np.random.default_rng(0).random((3, 100003), np.float32)
    for part in (plane, plane[:, 1:30], plane[:, ::2], plane - 0.05, plane + 0.05, plane * 1.1 - 0.05):
        np.testing.assert_array_equal(adapter("numpy").cast(part, np.dtype(np.uint8)), quantize(np, part, 255))


def test_rescale():
    values = np.array([-1.0, 0.0, 1.0])
    assert rescale(values, (-1, 1)).tolist() == [0, 0.5, 1]
    assert rescale(values * 255, (0, 255)).tolist() == [-1, 0, 1]


# ---------------------------------------------------------------- split and merge


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@every_kind
def test_split_and_merge_are_inverse(kind, channels):
    array = codes(5, 7, channels)
    image = KINDS[kind](array)
    planes, spec = split(image)
    assert len(planes) == spec.channels == channels
    for plane, wanted in zip(planes, np.moveaxis(array, -1, 0), strict=True):
        np.testing.assert_array_equal(plane, wanted)
    result = merge(planes, spec)
    assert type(result) is type(image)
    np.testing.assert_array_equal(back(result), array)


def test_merge_of_a_part_has_the_size_of_the_planes():
    for kind, make in KINDS.items():
        planes, spec = split(make(codes(5, 7, 3)))
        result = merge([plane[1:4, 2:4] for plane in planes], spec)
        np.testing.assert_array_equal(back(result), codes(5, 7, 3)[1:4, 2:4], err_msg=kind)


def test_bgr_planes_are_red_green_blue():
    array = codes(5, 7, 4)
    for image in (opencv_order(array), tensor(opencv_order(array))):
        planes, spec = split(image, bgr=True)
        np.testing.assert_array_equal(np.stack([np.asarray(plane) for plane in planes], -1), array)
        np.testing.assert_array_equal(back(merge(planes, spec)), opencv_order(array))


def test_merge_keeps_the_form():
    for shape in ((4, 5), (4, 5, 1), (2, 4, 5, 1), (2, 3, 4, 5, 3)):
        image = np.zeros(shape, np.uint8)
        assert merge(*split(image)).shape == shape
    planes, spec = split(np.zeros((4, 5, 3), np.uint8))
    assert merge(planes[:1], spec).shape == (4, 5)
    planes, spec = split(np.zeros((2, 4, 5, 3), np.uint8))
    assert merge(planes[:1], spec).shape == (2, 4, 5, 1)
    planes, spec = split(torch.zeros(2, 3, 4, 5))
    assert merge(planes[:1], spec).shape == (2, 1, 4, 5)


# ---------------------------------------------------------------- bands and threads


def spec_of(height, width, batch=()):
    return Spec("numpy", "uint8", 3, height, width, batch)


@given(st.integers(1, 5000), st.integers(1, 300000), st.sampled_from([(), (1,), (3,), (2, 2)]))
def test_bands_cover_every_row_once(height, width, batch):
    spans = list(cut_strips(spec_of(height, width, batch)))
    seen = {index: [] for index in np.ndindex(*batch)}
    for index, rows in spans:
        assert 0 < rows.stop - rows.start <= max(1, STRIP_PIXELS // width)
        seen[index].extend(range(rows.start, rows.stop))
    assert all(rows == list(range(height)) for rows in seen.values())


@pytest.mark.parametrize("height", [1, 2, 3, 4, 5, 17, 100])
def test_every_band_is_worked_once(height):
    spans = list(cut_strips(spec_of(height, STRIP_PIXELS)))
    assert len(spans) == height
    done, lock = [], threading.Lock()

    def work(index, rows):
        with lock:
            done.append(rows.start)

    for_each_strip(work, spans)
    assert sorted(done) == list(range(height))


def test_large_work_is_shared_and_small_work_is_not(monkeypatch):
    monkeypatch.setattr("aikit._pixels.strips.thread_count", lambda: 2)
    for height, count in ((2, 1), (40, 2)):
        names, together = set(), threading.Barrier(count, timeout=10)

        def work(index, rows, names=names, together=together):
            if threading.current_thread().name not in names:
                names.add(threading.current_thread().name)
                together.wait()

        for_each_strip(work, list(cut_strips(spec_of(height, STRIP_PIXELS))))
        assert len(names) == count


@pytest.mark.parametrize("threads", [1, 2, 3, 8])
def test_an_error_in_a_band_comes_out(monkeypatch, threads):
    monkeypatch.setattr("aikit._pixels.strips.thread_count", lambda: threads)

    def work(index, rows):
        if rows.start == 39:
            raise InputValueError("the last band", "a", "b", "c")

    with pytest.raises(InputValueError, match="the last band"):
        for_each_strip(work, list(cut_strips(spec_of(40, STRIP_PIXELS))))


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("bgr", [False, True])
def test_a_batch_of_small_pictures_is_worked_as_one(channels, bgr):
    batch, calls = codes(3, 5, channels, "uint16", (7, 6)), []

    def kernel(xp, *planes):
        calls.append(planes[0].shape)
        return [plane * (number + 1) / 4 for number, plane in enumerate(planes)]

    result = run(kernel, load(batch, bgr=bgr))
    assert calls == [(7 * 6 * 3, 5)]
    singles = [
        run(kernel, load(picture[::-1, ::-1], bgr=bgr))[::-1, ::-1] for picture in batch.reshape(-1, 3, 5, channels)
    ]
    np.testing.assert_array_equal(result, np.reshape(singles, batch.shape))
    np.testing.assert_array_equal(run(kernel, load(batch[:, ::2], bgr=bgr)), result[:, ::2])


def test_opencv_says_how_many_threads():
    code = """
import cv2, threading
from aikit._pixels import STRIP_PIXELS, Spec, cut_strips, for_each_strip
cv2.setNumThreads(1)
names = set()
for_each_strip(lambda *_: names.add(threading.current_thread().name), list(cut_strips(Spec("numpy", "uint8", 1, 40, STRIP_PIXELS))))
print(names)
"""
    assert run_python(code) == "{'MainThread'}"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_has_threads_of_its_own():
    code = """
import os, signal, time, warnings
warnings.simplefilter("ignore", DeprecationWarning)
from aikit._pixels import strips
strips.thread_count = lambda: 2
from aikit._pixels import STRIP_PIXELS, Spec, cut_strips, for_each_strip
spans = list(cut_strips(Spec("numpy", "uint8", 1, 40, STRIP_PIXELS)))
for_each_strip(lambda *_: time.sleep(0.01), spans)
time.sleep(0.1)  # until both threads are idle: a child with the same pool would count on them
child = os.fork()
if not child:
    signal.alarm(20)
    for_each_strip(lambda *_: None, spans)
    os._exit(0)
print(os.waitpid(child, 0)[1])
"""
    assert run_python(code) == "0"


# ---------------------------------------------------------------- the driver


def keep(xp, *planes):
    return planes


def darken(xp, *planes):
    """Red by half, green by a third, blue by a quarter; alpha stays."""
    return [plane / (2 + number) if number < 3 else plane for number, plane in enumerate(planes)]


def darkened(array):
    unit = array.astype(np.float64) / (255 if array.dtype == np.uint8 else 65535 if array.dtype == np.uint16 else 1)
    unit[..., :3] /= np.array([2, 3, 4])
    return unit


SIZES = [(5, 7), (1, 1), (1030, 1031)]


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@every_kind
def test_a_kernel_that_does_nothing_changes_nothing(kind, channels, size):
    array = codes(*size, channels)
    image = KINDS[kind](array)
    for pointwise in (True, False):
        result = run(keep, image, pointwise=pointwise)
        assert type(result) is type(image)
        np.testing.assert_array_equal(back(result), array)
        assert result is not image


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float16", "float32", "float64"])
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_every_kind_and_way_gives_the_same(size, dtype):
    array = codes(*size, 4, dtype)
    wanted = darkened(array)
    wanted = in_dtype(wanted, dtype) if dtype.startswith("uint") else wanted.astype(dtype)
    # A code, or a rounding, where float32 falls on the other side of a half.
    limit = 1 if dtype.startswith("uint") else 1e-3 if dtype == "float16" else 1e-6
    results = [run(darken, array), run(darken, array, pointwise=False), back(run(darken, tensor(array)))]
    if dtype == "uint8":
        results.append(back(run(darken, pil(array))))
    for result in results:
        assert result.dtype == dtype
        assert result.flags.c_contiguous or result is results[2]
        np.testing.assert_allclose(result.astype(float), wanted.astype(float), atol=limit)
        np.testing.assert_array_equal(result, results[0])


@pytest.mark.parametrize("shape", [(4, 5), (4, 5, 1), (4, 5, 2), (1, 4, 5, 1), (2, 3, 4, 5, 3)], ids=str)
def test_the_form_is_kept(shape):
    image = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    np.testing.assert_array_equal(run(keep, image), image)
    first = run(lambda xp, *planes: planes[:1], image)
    if len(shape) == 3 and shape[-1] > 1:
        assert first.shape == shape[:2]
    else:
        assert first.shape == (shape if len(shape) == 2 else (*shape[:-1], 1))


def test_the_form_of_tensors_and_pil():
    assert run(lambda xp, *planes: planes[:1], torch.rand(2, 3, 4, 5)).shape == (2, 1, 4, 5)
    assert run(lambda xp, *planes: planes[:1], torch.rand(3, 4, 5)).shape == (1, 4, 5)
    gray = run(lambda xp, *planes: planes[:1], pil(codes(4, 5, 3)))
    assert (gray.mode, gray.size) == ("L", (5, 4))
    assert run(lambda xp, gray: [gray, gray], pil(codes(4, 5, 1, "uint16"))).mode == "LA"
    assert run(keep, pil(codes(4, 5, 1, "uint16"))).mode == "I;16"
    assert run(keep, Image.fromarray(codes(4, 5, None, "float32"))).mode == "F"


def test_a_batch_is_a_loop():
    array = codes(40, 50, 3, batch=(2, 3))
    together = run(darken, array)
    for index in np.ndindex(2, 3):
        np.testing.assert_array_equal(together[index], run(darken, array[index]))
    np.testing.assert_array_equal(back(run(darken, tensor(array))), together)


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_kernels_see_red_first(dtype):
    array = codes(5, 7, 4, dtype)
    for image in (opencv_order(array), tensor(opencv_order(array))):
        np.testing.assert_array_equal(back(run(darken, load(image, bgr=True))), opencv_order(back(run(darken, array))))


def test_bool_pictures_become_uint8():
    array = codes(4, 5, 3, "bool")
    for image in (array, tensor(array)):
        result = run(keep, image)
        np.testing.assert_array_equal(back(result), array * np.uint8(255))


def test_kernels_get_floats_and_the_namespace():
    seen = []

    def look(xp, *planes):
        seen.append((xp.__name__, *{str(plane.dtype).removeprefix("torch.") for plane in planes}))
        return planes

    for dtype in ("uint8", "uint16", "float16", "float32", "float64"):
        run(look, codes(4, 5, 3, dtype))
        run(look, tensor(codes(4, 5, 3, dtype)))
        wide = "float64" if dtype == "float64" else "float32"
        assert seen == [("numpy", wide), ("numpy", wide)]
        seen.clear()


def test_torch_works_where_gradients_are_recorded():
    seen = []

    def look(xp, planes, others):
        seen.append(xp.__name__)
        return [(plane + other) / 2 for plane, other in zip(planes, others, strict=True)]

    plain, recorded = torch.rand(3, 4, 5), torch.rand(3, 4, 5, requires_grad=True)
    for image, other in ((plain, recorded), (recorded, plain)):
        run(look, image, other).sum().backward()
        torch.testing.assert_close(recorded.grad, torch.full((3, 4, 5), 0.5))
        recorded.grad = None
    with torch.no_grad():
        run(look, recorded, plain)
    torch.func.vmap(lambda image: run(look, image, image))(plain[None])
    assert seen == ["torch", "torch", "numpy", "torch"]


@pytest.mark.parametrize("pointwise", [True, False])
@pytest.mark.parametrize("dtype", ["uint8", "float16", "bfloat16", "float32", "float64"])
def test_tensors_in_host_memory_come_back_as_tensors(dtype, pointwise):
    image = tensor(codes(9, 7, 3)).div(255).to(getattr(torch, dtype)) if dtype != "uint8" else tensor(codes(9, 7, 3))
    batch = torch.stack([image, image.flip(-1), image.flip(-2)]).transpose(-1, -2)
    result = run(lambda xp, *planes: [planes[2], planes[0]], batch, pointwise=pointwise)
    assert type(result) is torch.Tensor
    assert (result.dtype, result.is_contiguous(), result.requires_grad) == (batch.dtype, True, False)
    torch.testing.assert_close(result, batch[:, [2, 0]], rtol=0, atol=0)
    result.add_(1)  # memory of its own


def test_needs_alpha():
    for image in (codes(4, 5, 3), codes(4, 5), pil(codes(4, 5, 3)), torch.rand(3, 4, 5)):
        with pytest.raises(
            InputValueError, match=r"image: expected an alpha channel, got (RGB|gray); add one with merge_alpha"
        ):
            run(keep, image, needs="alpha")
    assert run(keep, codes(4, 5, 2), needs="alpha").shape == (4, 5, 2)


def add(xp, planes, others):
    return [(plane + other) / 2 for plane, other in zip(planes, others, strict=True)]


@pytest.mark.parametrize("size", [(5, 7), (515, 1031)], ids=str)
@pytest.mark.parametrize("second", KINDS)
@every_kind
def test_two_images_of_any_kind(kind, second, size):
    one, two = codes(*size, 3), codes(*size, 3)[::-1, ::-1]
    result = run(add, KINDS[kind](one), KINDS[second](two))
    assert type(result) is type(KINDS[kind](one))
    wanted = (one.astype(int) + two) / 2
    assert np.abs(back(result) - wanted).max() <= 0.5
    if kind != "pil":
        other = KINDS[second](two) if second == "pil" else load(KINDS[second](opencv_order(two)), bgr=True)
        swapped = run(add, load(KINDS[kind](opencv_order(one)), bgr=True), other)
        np.testing.assert_array_equal(back(swapped), opencv_order(back(result)))


def test_one_picture_for_a_whole_batch():
    batch, one = codes(5, 7, 3, batch=(2,)), codes(5, 7, 3)
    for image, other in ((batch, one), (batch, tensor(one)), (tensor(batch), one), (tensor(batch), tensor(one))):
        result = back(run(add, image, other))
        np.testing.assert_array_equal(result[1], run(add, batch[1], one))


def test_codes_run_on_uint8_only():
    calls = []

    def invert(*planes):
        calls.append(planes[0].dtype)
        return [255 - plane for plane in planes]

    def inverted(xp, *planes):
        return [1 - plane for plane in planes]

    for image in (codes(5, 7, 3), pil(codes(5, 7, 3)), tensor(codes(5, 7, 3))):
        np.testing.assert_array_equal(back(run(inverted, image, uint8_kernel=invert)), 255 - codes(5, 7, 3))
    assert calls == [np.uint8] * 3
    for image in (codes(5, 7, 3, "uint16"), codes(5, 7, 3, "bool"), codes(5, 7, 3, "float32"), torch.rand(3, 5, 7)):
        run(inverted, image, uint8_kernel=invert)
    assert calls == [np.uint8] * 3


def test_only_whole_planes_where_pixels_depend_on_each_other():
    heights = []

    def look(xp, *planes):
        heights.append(planes[0].shape)
        return planes

    image = codes(1030, 1031, 1)
    run(look, image, pointwise=False)
    assert heights == [(1030, 1031)]
    heights.clear()
    run(look, image)
    assert len(heights) > 4
    assert sum(height for height, _ in heights) == 1030


def test_inputs_stay_and_results_are_fresh():
    array = codes(5, 7, 3, "float32")
    for image in (array, tensor(array)):
        result = run(keep, image)
        result[...] = 0
        np.testing.assert_array_equal(back(image), array)


def test_nan_never_becomes_an_integer():
    def spoil(xp, *planes):
        return [plane * float("nan") for plane in planes]

    for make in KINDS.values():
        with pytest.raises(InputValueError, match="image: expected numbers, got NaN"):
            run(spoil, make(codes(5, 7, 3)))


def test_gradients_flow():
    leaf = torch.rand(2, 3, 4, 5, requires_grad=True)
    run(darken, load(leaf, bgr=True)).sum().backward()
    assert leaf.grad[0, :, 0, 0].tolist() == pytest.approx([1 / 4, 1 / 3, 1 / 2])
    double = torch.rand(4, 2, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: run(darken, x), double)


def test_autocast_does_not_reach_kernels():
    def matrix(xp, *planes):
        return list(xp.einsum("ij,j...->i...", xp.eye(3), xp.stack(planes)))

    image = tensor(codes(5, 7, 3, "float32"))
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(run(matrix, image), image)


def test_pil_results_keep_their_metadata():
    image = pil(codes(5, 7, 3))
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "a maker"
    image.info.update(exif=exif.tobytes(), dpi=(300, 300))
    result = run(darken, image)
    assert result.size == (5, 7)
    assert result.info["dpi"] == (300, 300)
    assert dict(result.getexif()) == {0x010F: "a maker"}
    assert 0x0112 in image.getexif()


def test_channels_first_copies_are_not_needed():
    # The driver reads any memory.
    array = codes(5, 7, 3, "float32")
    for image in (np.asfortranarray(array), array[::-1][::-1], array.astype(">f4")):
        np.testing.assert_array_equal(run(keep, image), array)
    expanded = torch.from_numpy(channels_first(array))[:1].expand(3, 5, 7)
    assert torch.equal(run(keep, expanded), expanded)


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float16", "bfloat16", "float32", "float64"])
def test_kernels_run_on_cuda(dtype):
    image = tensor(codes(40, 50, 4, "float32" if "float" in dtype else dtype)).to(getattr(torch, dtype))
    there = run(darken, image.cuda())
    assert there.is_cuda
    assert there.dtype == image.dtype
    here = run(darken, image)
    assert (there.cpu().double() - here.double()).abs().max() <= (1 if dtype.startswith("u") else 1e-2)
    assert run(add, image.cuda(), tensor(codes(40, 50, 4))).is_cuda


@pytest.mark.gpu
def test_nan_on_cuda_is_0_without_waiting():
    result = run(
        lambda xp, *planes: [plane * float("nan") for plane in planes], torch.ones(3, 4, 5, dtype=torch.uint8).cuda()
    )
    assert result.cpu().unique().tolist() == [0]


# The namespace of kernels


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_where_is_numpys(dtype):
    from aikit._adapters.numpy import namespace

    rng = np.random.default_rng(0)
    mask, one, two = rng.random((7, 9)) > 0.5, rng.random((7, 9)).astype(dtype), rng.random((7, 9)).astype(dtype)
    one[1, 2], two[3, 4] = np.nan, np.inf
    for yes, no in ((one, two), (1.0, two), (one, 0), (one[::-1], two.T.copy().T), (one[:, :1], two), (one, two > 0)):
        result = namespace.where(mask, yes, no)
        np.testing.assert_array_equal(result, np.where(mask, yes, no))
        assert result is not one
        assert result is not two
    assert namespace.where(mask, one, two).dtype == dtype
    assert namespace.where(True, 1, 2) == 1
