"""Many images and one batch: stack, unstack, group_by_shape, sizes_of."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, strategies as st
from PIL import Image

import aikit
from aikit import DeviceError, InputTypeError, InputValueError, flatten, resize, rgb_to_gray, stack, to_tensor, unstack
from aikit.batch import group_by_shape, sizes_of
from pictures import channels_first, codes, flat, in_dtype, pil, tensor

DTYPES = ["uint8", "uint16", "float32", "float64"]


def different(count, height=5, width=7, channels=3, dtype="uint8"):
    """Pictures of one shape, none like another."""
    return list(codes(height, width, channels, dtype, batch=(count,)))


def expected(pictures):
    """What stack should give, from the definition: float32, channels first."""
    return torch.from_numpy(np.stack([channels_first(in_dtype(picture, "float32")) for picture in pictures]))


# stack


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_arrays_become_a_batch(channels, dtype):
    pictures = different(3, channels=channels, dtype=dtype)
    batch = stack(map(flat, pictures), device="cpu")
    assert batch.is_contiguous()
    assert batch.dtype == torch.float32
    assert torch.equal(batch, expected(pictures))


def test_kinds_may_be_mixed_and_agree_with_to_tensor():
    pictures = different(3)
    mixed = [pil(pictures[0]), pictures[1], tensor(pictures[2])]
    assert torch.equal(stack(mixed, device="cpu"), torch.stack([to_tensor(image) for image in mixed]))


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float16", "bfloat16", "float32", "float64"])
@pytest.mark.parametrize("source", [*DTYPES, "float16"])
def test_every_dtype_agrees_with_to_tensor(source, dtype):
    pictures = different(2, dtype=source)
    batch = stack(pictures, device="cpu", dtype=dtype)
    assert torch.equal(batch, torch.stack([to_tensor(picture, dtype=dtype) for picture in pictures]))


@pytest.mark.parametrize(
    ("dtypes", "widest"),
    [
        (["uint8", "uint8"], torch.uint8),
        (["bool", "bool"], torch.uint8),
        (["uint8", "uint16"], torch.uint16),
        (["float16", "float16"], torch.float16),
        (["float16", "uint8"], torch.float32),
        (["uint16", "float32"], torch.float32),
        (["float32", "float64"], torch.float64),
    ],
)
def test_without_a_dtype_the_widest_is_kept(dtypes, widest):
    pictures = [picture.astype(dtype) for picture, dtype in zip(different(2, dtype="bool"), dtypes, strict=True)]
    batch = stack(pictures, device="cpu", dtype=None)
    assert batch.dtype == widest
    assert torch.equal(batch, torch.stack([to_tensor(picture, dtype=widest) for picture in pictures]))


def test_a_given_tensor_is_filled():
    pictures = different(2)
    out = torch.full((2, 3, 5, 7), torch.nan)
    assert stack(pictures, out=out) is out
    assert torch.equal(out, expected(pictures))


def test_arrays_and_tensors_may_run_bgr_and_pil_images_never():
    pictures = different(3)
    mixed = [pil(pictures[0]), pictures[1][..., ::-1], tensor(pictures[2][..., ::-1])]
    assert torch.equal(stack(mixed, bgr=True, device="cpu"), expected(pictures))


@pytest.mark.parametrize("kind", ["strided", "swapped", "read-only", "broadcast"])
def test_any_memory_will_do_and_stays_as_it_is(kind):
    picture = codes(5, 7, 3, "uint16")
    image = {
        "strided": np.repeat(picture, 2, 1)[:, ::2],
        "swapped": picture.astype(">u2"),
        "read-only": picture.copy(),
        "broadcast": np.broadcast_to(picture[:1], picture.shape),
    }[kind]
    image.flags.writeable = False
    before = image.copy()
    assert torch.equal(stack([image, image], device="cpu"), expected([before.astype("uint16")] * 2))
    assert np.array_equal(image, before)


def test_palettes_color_keys_and_orientation_are_resolved():
    rgb = codes(4, 6, 3)
    palette = pil(rgb).quantize(16)
    keyed = pil(rgb)
    keyed.info["transparency"] = tuple(int(value) for value in rgb[1, 2])
    turned = pil(rgb.transpose(1, 0, 2)[::-1])
    turned.getexif()[0x0112] = 6
    images = [palette, keyed, turned]
    batch = stack(images, channels="rgba", device="cpu", dtype="uint8")
    assert torch.equal(batch[0, :3], to_tensor(palette.convert("RGB"), dtype="uint8"))
    assert batch[:, 3].flatten(1).min(1).values.tolist() == [255, 0, 255]
    assert (batch[1, 3] == 0).nonzero().tolist() == [[1, 2]]
    assert torch.equal(batch[2, :3], tensor(rgb))


def test_a_picture_may_be_in_the_list_twice_also_one_still_in_its_file(tmp_path, monkeypatch):
    from aikit.batch import stacking

    pil(codes(64, 64, 3)).save(tmp_path / "a.png")
    in_threads = stacking.in_threads

    def watched(work, items):
        assert len(items) == 1  # two threads would fight over the file
        return in_threads(work, items)

    monkeypatch.setattr(stacking, "in_threads", watched)
    lazy = Image.open(tmp_path / "a.png")
    batch = stack([lazy] * 8, device="cpu", dtype="uint8")
    assert (batch == tensor(codes(64, 64, 3))).all()


def test_many_large_pictures_go_through_threads_and_keep_their_order():
    pictures = [np.full((1200, 1000, 3), number, np.uint8) for number in range(7)]
    assert stack(pictures, device="cpu", dtype="uint8").amax((1, 2, 3)).tolist() == [0, 1, 2, 3, 4, 5, 6]
    shrunk = stack(pictures, height=300, width=200, fit="crop", device="cpu", dtype="uint8")
    assert shrunk.amax((1, 2, 3)).tolist() == shrunk.amin((1, 2, 3)).tolist() == [0, 1, 2, 3, 4, 5, 6]


# sizes


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("out", [False, True])
def test_pad_adds_zeros_right_and_below_and_sizes_take_them_off(dtype, out):
    pictures = [codes(5, 3, 3, dtype), codes(2, 7, 3, dtype), codes(5, 7, 3, dtype)]
    into = torch.full((3, 3, 5, 7), 9.0) if out else None
    batch = stack(pictures, fit="pad", device="cpu", out=into)
    assert torch.equal(batch[0, :, :, 3:], torch.zeros(3, 5, 4))
    assert torch.equal(batch[1, :, 2:], torch.zeros(3, 3, 7))
    parts = unstack(batch, sizes=sizes_of(pictures))
    for part, picture in zip(parts, pictures, strict=True):
        assert np.array_equal(part, in_dtype(picture, "uint8"))


def test_pad_to_a_size_of_ones_own():
    batch = stack([codes(5, 7, 3)], height=6, fit="pad", device="cpu")
    assert batch.shape == (1, 3, 6, 7)
    assert batch[0, :, 5].count_nonzero() == 0


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_stretch_is_a_bilinear_resize(channels):
    pictures = [codes(20, 30, channels), codes(9, 13, channels)]
    batch = stack(pictures, height=10, width=12, fit="stretch", device="cpu", dtype="uint8")
    for got, picture in zip(batch, pictures, strict=True):
        assert torch.equal(got, tensor(resize(picture, height=10, width=12, method="bilinear")))


@pytest.mark.parametrize("method", ["nearest", "bilinear", "bicubic", "lanczos", "area"])
def test_pictures_are_scaled_by_the_method_asked_for(method):
    pictures = [codes(40, 60, 3), tensor(codes(30, 30, 3)), pil(codes(31, 20, 3))]
    options = {"height": 10, "width": 12, "device": "cpu", "dtype": "uint8", "method": method}
    stretched = stack(pictures, fit="stretch", **options)
    assert torch.equal(
        stretched,
        torch.stack([to_tensor(resize(each, height=10, width=12, method=method), dtype="uint8") for each in pictures]),
    )
    cut = stack([codes(40, 60, 3)], fit="crop", **options)
    expected = to_tensor(resize(codes(40, 60, 3), height=10, width=15, method=method)[:, 2:14], dtype="uint8")
    # A box may begin with the other pass.
    assert (cut[0].int() - expected.int()).abs().max() <= 2


@pytest.mark.parametrize(
    ("size", "cut"),
    [((90, 150), (30, 30)), ((91, 135), (30, 30)), ((67, 50), (31, 24)), ((33, 200), (40, 20)), ((50, 50), (20, 50))],
    ids=str,
)
def test_crop_is_resize_and_center_crop_of_torchvision(size, cut):
    """What models were trained with, those of the CLIP family by bicubic: OpenAI's clip.py, `_transform`."""
    from torchvision.transforms.functional import InterpolationMode, center_crop, resize as resized

    picture = pil(codes(*size, 3))
    scale = max(cut[0] / size[0], cut[1] / size[1])
    sides = [max(of, int(side * scale + 1e-9)) for side, of in zip(size, cut, strict=True)]
    expected = np.asarray(center_crop(resized(picture, sides, InterpolationMode.BICUBIC), cut)).astype(int)
    options = {"height": cut[0], "width": cut[1], "fit": "crop", "method": "bicubic", "dtype": "uint8", "device": "cpu"}
    for kind in (picture, np.asarray(picture), tensor(np.asarray(picture))):
        batch = stack([kind], **options)[0].permute(1, 2, 0).numpy()
        assert np.abs(batch.astype(int) - expected).max() <= 2


def test_crop_without_scaling_cuts_whole_pixels():
    high = codes(45, 10, 3)
    batch = stack([pil(high), tensor(high), high], height=10, width=10, fit="crop", device="cpu", dtype="uint8")
    assert torch.equal(batch, tensor(high[18:28])[None].expand(3, -1, -1, -1))


def test_crop_agrees_with_pillow_fit():
    from PIL import ImageOps

    picture = pil(codes(60, 96, 3))
    ours = stack([picture], height=30, width=40, fit="crop", device="cpu", dtype="uint8")[0]
    theirs = ImageOps.fit(picture, (40, 30), Image.Resampling.BILINEAR)
    assert (ours.int() - to_tensor(theirs, dtype="uint8").int()).abs().max() <= 2


@given(st.tuples(*[st.integers(1, 40)] * 4))
def test_crop_always_fills_the_batch(sides):
    height, width, new_height, new_width = sides
    picture = np.full((height, width), 200, np.uint8)
    batch = stack([picture], height=new_height, width=new_width, fit="crop", device="cpu", dtype="uint8")
    assert batch.shape == (1, 1, new_height, new_width)
    assert batch.eq(200).all()


def test_a_panorama_is_not_blown_up_to_be_cropped():
    assert stack([np.ones((1, 30_000), np.uint8)], height=64, width=64, fit="crop", device="cpu").shape[2:] == (64, 64)


# channels


@pytest.mark.parametrize("kind", ["array", "pil", "tensor", "gradient"])
@pytest.mark.parametrize("wanted", ["gray", "rgb", "rgba"])
def test_channels_are_made_alike(wanted, kind):
    pictures = [codes(5, 7, count) for count in (1, 2, 3, 4)]
    flattened = [flatten(picture, background="#c86432") for picture in pictures]
    gray = [flat(rgb_to_gray(picture) if picture.shape[-1] == 3 else picture) for picture in flattened]
    result = {
        "gray": [picture[..., None] for picture in gray],
        "rgb": [np.repeat(picture, 3, -1) if picture.shape[-1] == 1 else picture for picture in flattened],
        "rgba": [picture[..., [0, 0, 0]] if picture.shape[-1] < 3 else picture[..., :3] for picture in pictures],
    }[wanted]
    if wanted == "rgba":
        alphas = [np.full((5, 7), 255, np.uint8) if p.shape[-1] in (1, 3) else p[..., -1] for p in pictures]
        result = [np.dstack([color, alpha]) for color, alpha in zip(result, alphas, strict=True)]
    make = {
        "array": flat,
        "pil": pil,
        "tensor": tensor,
        "gradient": lambda picture: (tensor(picture).float() / 255).requires_grad_(),
    }[kind]
    batch = stack([make(picture) for picture in pictures], channels=wanted, background="#c86432", device="cpu")
    # Floats are not rounded in between.
    assert (batch - expected(result)).abs().max() <= (1 / 255 if kind == "gradient" else 0)


@pytest.mark.parametrize("wanted", ["gray", "rgb", "rgba"])
def test_channels_made_alike_keep_their_order(wanted):
    pictures = [codes(5, 7, 3), codes(5, 7, 4)]
    swapped = [pictures[0][..., ::-1], pictures[1][..., [2, 1, 0, 3]]]
    options = {"channels": wanted, "background": "#c86432", "device": "cpu"}
    assert torch.equal(stack(swapped, bgr=True, **options), stack(pictures, **options))


@pytest.mark.parametrize("dtype", ["bool", "uint16", "float32"])
def test_an_added_alpha_is_opaque_in_every_dtype(dtype):
    batch = stack([codes(2, 3, 1, dtype), codes(2, 3, 4, dtype)], channels="rgba", device="cpu")
    assert batch[0, 3].eq(1).all()


# tensors


def test_gradients_are_kept():
    first, second = (tensor(codes(4, 5, 3, "float32")).requires_grad_() for _ in range(2))
    image = pil(codes(2, 3, 3))
    batch = stack([first, image, second * 2], fit="pad", device="cpu")
    assert torch.equal(batch[1, :, :2, :3], to_tensor(image))
    assert batch[1, :, 2:].count_nonzero() == 0
    batch.sum().backward()
    assert first.grad.eq(1).all()
    assert second.grad.eq(2).all()


def test_autocast_changes_nothing():
    pictures = [tensor(codes(4, 5, 3, "float32")).requires_grad_()]
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(stack(pictures, device="cpu"), stack(pictures, device="cpu"))
        assert stack(pictures, device="cpu").dtype == torch.float32


# messages of stack


@pytest.mark.parametrize(
    ("images", "options", "error", "message"),
    [
        ([], {}, InputValueError, "images: expected at least one, got none"),
        ("ab", {}, InputTypeError, r"images: expected a list of images, got str; for one picture pass \[image\]"),
        (np.zeros((4, 5, 3), np.uint8), {}, InputTypeError, "images: expected a list of images, got ndarray"),
        (pil(codes(2, 2, 3)), {}, InputTypeError, "images: expected a list of images, got Image"),
        ([codes(2, 2, 3), "a.png"], {}, InputTypeError, r"images\[1\]: expected a PIL image.*read it first"),
        (
            [codes(2, 2, 3)[None]],
            {},
            InputValueError,
            r"images\[0\]: expected one picture, got a batch of shape \(1, 2",
        ),
        (
            [codes(2, 2, 3), codes(2, 3, 3)],
            {},
            InputValueError,
            r'images\[1\]: expected height x width 2x2, got 2x3; pass fit="pad"',
        ),
        ([codes(2, 2, 3)], {"height": 3}, InputValueError, r"images\[0\]: expected height x width 3x2, got 2x2"),
        (
            [codes(2, 9, 3)],
            {"height": 3, "width": 8, "fit": "pad"},
            InputValueError,
            r"images\[0\]: expected height x width up to 3x8 to pad, got 2x9",
        ),
        (
            [codes(2, 2, 3), codes(2, 2, 4)],
            {},
            InputValueError,
            r'images\[1\]: expected RGB like images\[0\], got RGBA; pass channels="gray"',
        ),
        (
            [codes(2, 2, 3)],
            {"fit": "crop", "height": 3},
            InputValueError,
            'expected both for fit="crop", got 3 and None',
        ),
        (
            [codes(2, 2, 3)],
            {"fit": "cover"},
            InputValueError,
            "fit: expected one of exact, pad, crop, stretch, contain, letterbox, got",
        ),
        (
            [codes(2, 2, 3)],
            {"channels": "bgr"},
            InputValueError,
            "channels: expected one of gray, rgb, rgba, data, got",
        ),
        ([codes(2, 2, 3)], {"height": 2.0}, InputTypeError, "height: expected a whole number, got 2.0"),
        ([codes(2, 2, 3)], {"width": 0}, InputValueError, "width: expected 1 or more, got 0"),
        ([codes(2, 2, 3)], {"dtype": "int8"}, InputValueError, "dtype: expected one of uint8"),
        (
            [codes(2, 2, 3)],
            {"out": torch.zeros(1, 3, 2, 3)},
            InputValueError,
            "out: expected a contiguous float32 tensor",
        ),
        ([codes(2, 2, 3)], {"device": "cuda:77"}, DeviceError, "device: expected one of .*, got 'cuda:77'"),
        (
            [np.full((2, 2), np.nan, np.float32)],
            {"dtype": "uint8"},
            InputValueError,
            "image: expected numbers, got NaN",
        ),
    ],
)
def test_what_cannot_be_stacked_is_refused(images, options, error, message):
    with pytest.raises(error, match=message):
        stack(images, **{"device": "cpu", **options})


# In torch.utils.data


class Pictures(torch.utils.data.Dataset):
    """A data set of arrays."""

    def __len__(self):
        return 6

    def __getitem__(self, index):
        return codes(8, 9, 3) // (index + 1)


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_stack_collates_in_the_workers_of_a_data_loader(method):
    torch.ones(500, 500).sum()  # a parent that has used torch's threads, as parents have
    stack([np.zeros((1200, 1000, 3), np.uint8)] * 4, device="cpu")  # and aikit's
    loader = torch.utils.data.DataLoader(
        Pictures(), batch_size=3, num_workers=1, collate_fn=stack, multiprocessing_context=method
    )
    batches = list(loader)
    assert [batch.shape for batch in batches] == [(3, 3, 8, 9)] * 2
    assert all(batch.device.type == "cpu" for batch in batches)
    assert torch.equal(torch.cat(batches), expected([Pictures()[index] for index in range(6)]))


def test_auto_picks_one_device_for_the_process_and_out_decides_for_itself(monkeypatch):
    from aikit import device
    from aikit.batch import placement

    asked = []
    monkeypatch.setattr(device, "pick_device", lambda prefer: asked.append(prefer) or torch.device("cpu"))
    placement._pick.cache_clear()
    try:
        pictures = different(2)
        stack(pictures, out=torch.empty(2, 3, 5, 7))
        assert asked == []
        stack(pictures)
        stack(pictures)
        assert asked == ["auto"]
    finally:
        placement._pick.cache_clear()


def test_auto_is_the_cpu_in_a_worker(monkeypatch):
    from aikit import device
    from aikit.batch import placement

    monkeypatch.setattr(device, "pick_device", lambda prefer: pytest.fail("asked for a device"))
    monkeypatch.setattr(torch.utils.data, "get_worker_info", object)
    placement._pick.cache_clear()
    assert stack(different(2)).device.type == "cpu"


def test_threads_of_the_pool_wait_for_none_of_their_own():
    code = """
from aikit._pixels import in_threads
print(sum(sum(in_threads(lambda j: j, range(4))) for _ in in_threads(lambda i: in_threads(abs, range(9)), range(64))))
"""
    environment = {**os.environ, "PYTHONPATH": str(Path(aikit.__file__).parents[1])}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, env=environment, check=True
    )
    assert done.stdout == "384\n"


# unstack


def batch(channels=3):
    return np.stack([codes(5, 7, channels, "uint8"), codes(5, 7, channels, "uint8")[::-1]])


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_a_tensor_comes_apart_into_its_pictures(channels):
    pictures = batch(channels)
    parts = unstack(tensor(pictures).float() / 255)
    assert [part.shape for part in parts] == [(5, 7, channels)[: 2 if channels == 1 else 3]] * 2
    for part, picture in zip(parts, pictures, strict=True):
        assert part.dtype == np.uint8
        assert np.array_equal(part.reshape(picture.shape), picture)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float16", "bfloat16", "float32", "float64"])
def test_stack_and_unstack_are_inverse_in_every_dtype(dtype):
    pictures = different(3)
    parts = unstack(stack(pictures, device="cpu", dtype=dtype))
    assert all(np.array_equal(part, picture) for part, picture in zip(parts, pictures, strict=True))


@pytest.mark.filterwarnings("ignore::aikit.AikitWarning")
def test_floats_are_rounded_and_clamped():
    values = torch.tensor([-0.5, 0.499 / 255, 0.501 / 255, 2.0]).reshape(1, 1, 2, 2)
    assert unstack(values)[0].tolist() == [[0, 0], [1, 255]]


@pytest.mark.parametrize("sizes", [[(5, 7), (2, 3)], np.array([[5, 7], [2, 3]]), torch.tensor([[5, 7], [2, 3]])])
def test_sizes_undo_padding(sizes):
    parts = unstack(batch(), sizes=sizes)
    assert parts[0].shape == (5, 7, 3)
    assert np.array_equal(parts[1], batch()[1, :2, :3])


def test_the_pictures_are_views_of_one_buffer_and_not_of_the_batch():
    pictures = batch()
    parts = unstack(pictures)
    assert parts[0].base is parts[1].base
    assert not np.shares_memory(parts[0], pictures)


def test_the_pictures_may_be_views_of_a_given_buffer():
    out = np.zeros((2, 5, 7, 1), np.uint8)
    parts = unstack(tensor(batch(1)).float() / 255, out=out)
    assert all(np.shares_memory(part, out) and part.shape == (5, 7) for part in parts)
    assert np.array_equal(out, batch(1))


@pytest.mark.parametrize(
    ("given", "options", "error", "message"),
    [
        (
            np.zeros((4, 5, 3), np.uint8),
            {},
            InputValueError,
            r"batch: expected shape \(N, C, H, W\) .*, got \(4, 5, 3\)",
        ),
        (
            torch.zeros(3, 4, 5),
            {},
            InputValueError,
            r"batch: expected .* got \(3, 4, 5\); for one picture call to_numpy",
        ),
        (torch.zeros(1, 1, 3, 4, 5), {}, InputValueError, r"batch: expected .* got \(1, 1, 3, 4, 5\)"),
        (pil(codes(2, 2, 3)), {}, InputValueError, "batch: expected shape .*, got a PIL image"),
        (batch(), {"sizes": [(5, 7)]}, InputValueError, r"sizes: expected 2 of them, one a picture, got 1"),
        (batch(), {"sizes": [(5, 7), (6, 7)]}, InputValueError, r"sizes: expected height x width up to 5x7, got 6x7"),
        (batch(), {"sizes": [(5, 7), (0, 7)]}, InputValueError, r"got 0x7"),
        (batch(), {"sizes": [(5, 7), (1.5, 7)]}, InputTypeError, r"sizes: expected pairs \(height, width\) of whole"),
        (batch(), {"sizes": [5, 7]}, InputTypeError, r"sizes: expected pairs"),
        (batch(), {"out": np.zeros((2, 5, 7, 1), np.uint8)}, InputValueError, "out: expected a writable C-contiguous"),
        ("photo.png", {}, InputTypeError, r"batch: expected a PIL image, a NumPy array or a torch tensor"),
        (torch.full((1, 1, 2, 2), torch.nan), {}, InputValueError, "expected numbers, got NaN"),
    ],
)
def test_what_is_no_batch_is_refused(given, options, error, message):
    with pytest.raises(error, match=message):
        unstack(given, **options)


# group_by_shape, sizes_of


def test_groups_hold_the_pictures_themselves_and_where_they_came_from():
    shapes = [(4, 6, 3), (4, 6), (4, 6, 3), (6, 4, 3)]
    images = [np.zeros(shape, np.uint8) for shape in shapes] + [Image.new("RGB", (6, 4)), torch.zeros(1, 4, 6)]
    groups = group_by_shape(images)
    assert [indices for indices, _ in groups] == [[0, 2, 4], [1, 5], [3]]
    assert all(images[index] is image for indices, group in groups for index, image in zip(indices, group, strict=True))
    assert [stack(group, device="cpu").shape for _, group in groups] == [(3, 3, 4, 6), (2, 1, 4, 6), (1, 3, 6, 4)]


def test_sizes_are_those_of_upright_pictures():
    turned = Image.new("RGB", (6, 4))
    turned.getexif()[0x0112] = 6
    assert sizes_of([turned, np.zeros((5, 7, 3), np.uint8), torch.zeros(3, 8, 9)]) == [(6, 4), (5, 7), (8, 9)]


@pytest.mark.parametrize("function", [group_by_shape, sizes_of])
def test_these_refuse_what_stack_refuses(function):
    with pytest.raises(InputValueError, match="images: expected at least one, got none"):
        function([])
    with pytest.raises(InputTypeError, match=r"images\[0\]: expected a PIL image"):
        function([3])


# On a device


@pytest.mark.gpu
@pytest.mark.parametrize("fit", ["exact", "pad", "crop", "stretch"])
@pytest.mark.parametrize("source", [*DTYPES, "bool"])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float16", "bfloat16", "float32", "float64", None])
def test_cuda_gives_what_the_cpu_gives(dtype, source, fit):
    pictures = different(3, dtype=source) + ([codes(4, 3, 3, source)] if fit != "exact" else [])
    options = {"fit": fit, "dtype": dtype} | ({"height": 4, "width": 5} if fit in ("crop", "stretch") else {})
    on_cpu, on_cuda = (stack(pictures, device=device, **options) for device in ("cpu", "cuda"))
    assert on_cuda.is_cuda
    assert on_cuda.is_contiguous()
    assert on_cuda.dtype == on_cpu.dtype
    assert torch.equal(on_cuda.cpu(), on_cpu)


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", ["bool", *DTYPES])
def test_tensors_on_cuda_of_every_dtype_are_padded_and_stacked(dtype):
    tensors = [tensor(codes(5, 3, 3, dtype)), tensor(codes(2, 7, 1, dtype)), tensor(codes(4, 4, 4, dtype))]
    for options in ({}, {"dtype": None}, {"dtype": "uint8"}, {"dtype": "float16"}):
        options = {"fit": "pad", "channels": "rgba", **options}
        on_cuda = stack([each.cuda() for each in tensors], **options)
        assert torch.equal(on_cuda.cpu(), stack(tensors, device="cpu", **options))


@pytest.mark.gpu
def test_tensors_on_cuda_stay_there_and_others_join_them():
    pictures = different(3)
    mixed = [tensor(pictures[0]).cuda(), pil(pictures[1]), tensor(pictures[2])]
    batch = stack(mixed)
    assert batch.is_cuda
    assert torch.equal(batch.cpu(), expected(pictures))
    assert torch.equal(stack(mixed, device="cpu"), expected(pictures))


@pytest.mark.gpu
def test_batches_follow_each_other_through_pinned_memory_unharmed():
    batches = [[np.full((256, 256, 3), 16 * number + at, np.uint8) for at in range(8)] for number in range(12)]
    on_cuda = [stack(pictures, device="cuda", dtype="uint8") for pictures in batches]
    for pictures, batch in zip(batches, on_cuda, strict=True):
        assert batch.amin((1, 2, 3)).tolist() == batch.amax((1, 2, 3)).tolist() == [int(p.max()) for p in pictures]


@pytest.mark.gpu
def test_a_tensor_on_cuda_is_filled():
    out = torch.full((2, 3, 5, 7), torch.nan, device="cuda")
    assert stack(different(2), out=out) is out
    assert torch.equal(out.cpu(), expected(different(2)))


@pytest.mark.gpu
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("dtype", [torch.uint8, torch.uint16, torch.float16, torch.bfloat16, torch.float32])
def test_a_batch_on_cuda_comes_apart(dtype, channels):
    values = to_tensor(batch(channels), dtype=dtype)
    sizes, out = [(5, 7), (2, 3)], np.zeros((2, 5, 7, channels), np.uint8)
    on_cpu = unstack(values, sizes)
    for parts in (unstack(values.cuda(), sizes), unstack(values.cuda(), sizes, out=out)):
        assert all(np.array_equal(one, other) for one, other in zip(on_cpu, parts, strict=True))
    with pytest.raises(InputValueError, match="got NaN"):
        unstack(torch.full((1, 1, 2, 2), torch.nan, device="cuda"))
