"""Preprocess as a value: made by hand, explained, applied to every kind of image, exported."""

import io
import pickle
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from PIL import Image

import aikit
from aikit import to_tensor
from aikit.errors import InputTypeError, InputValueError
from aikit.preprocess import Preprocess

torch = pytest.importorskip("torch")
MEAN, STD = (0.48, 0.45, 0.4), (0.26, 0.27, 0.28)
CLIP = Preprocess(resize=40, crop=(31, 30), method="bicubic", mean=MEAN, std=STD)
SAM = Preprocess(resize=64, how="contain", pad=(64, 64), anchor="top-left", fill=None, mean=MEAN, std=STD)
BORDER = Preprocess(resize=(50, 40), how="contain", rounding="half_even", crop=(60, 30), fill=(10, 120, 200))
LETTERBOX = Preprocess.letterbox(height=96, width=64)
ALL = {"clip": CLIP, "sam": SAM, "border": BORDER, "letterbox": LETTERBOX,
       "torchvision": replace(CLIP, engine="torchvision"), "nothing": Preprocess(white=255)}  # fmt: skip


def picture(height=97, width=130):
    rows, columns = np.mgrid[:height, :width]
    planes = [(rows * 3 + columns) % 256, (rows + columns * 5) % 251, (rows * columns) % 241]
    return np.stack(planes, -1).astype(np.uint8)


def kinds(array):
    return {"pil": Image.fromarray(array), "numpy": array, "tensor": to_tensor(array, dtype=None)}


# ---------------------------------------------------------------- kinds, batches, dtypes


@pytest.mark.parametrize("name", ALL)
def test_every_kind_of_image_gives_the_same_numbers(name):
    first, *others = (ALL[name](image) for image in kinds(picture()).values())
    assert first.dtype == torch.float32
    assert first.is_contiguous()
    for other in others:
        assert torch.equal(other, first)


@pytest.mark.parametrize("name", ALL)
def test_a_batch_is_its_pictures(name):
    pictures = [to_tensor(picture(), dtype=None), to_tensor(picture()[::-1].copy(), dtype=None)]
    expected = torch.stack([ALL[name](each) for each in pictures])
    assert torch.equal(ALL[name](torch.stack(pictures)), expected)
    assert torch.equal(ALL[name](np.stack([picture(), picture()[::-1]])), expected)
    assert torch.equal(aikit.stack(pictures, prepare=ALL[name], device="cpu"), expected)


@pytest.mark.parametrize("name", ALL)
def test_gray_is_gray_rgb(name):
    gray = picture()[..., 0]
    for image in kinds(gray).values():
        assert torch.equal(ALL[name](image), ALL[name](np.stack([gray] * 3, -1)))


def test_floats_are_resized_as_torchvision_resizes_floats():
    v2 = pytest.importorskip("torchvision.transforms.v2")
    floats = to_tensor(picture())
    steps = [v2.Resize(40, v2.InterpolationMode.BICUBIC), v2.CenterCrop((31, 30)), v2.Normalize(MEAN, STD)]
    expected = v2.Compose(steps)(floats)
    preprocess = replace(CLIP, center="half_even")
    torch.testing.assert_close(preprocess(floats), expected, rtol=0, atol=2e-5)
    half = preprocess(floats.half())
    assert half.dtype == torch.float16
    torch.testing.assert_close(half.float(), expected, rtol=0, atol=2e-2)


@pytest.mark.parametrize("dtype", ["uint16", "float32"])
def test_other_depths_are_within_a_code_where_nothing_overshoots(dtype):
    deep = aikit.to_numpy(picture(), dtype=dtype)
    preprocess = replace(LETTERBOX, mean=MEAN, std=STD, antialias=True)
    expected = preprocess(picture())
    torch.testing.assert_close(preprocess(deep), expected, rtol=0, atol=1.01 / 255 / min(STD))


def test_gradients_flow():
    leaf = to_tensor(picture()).requires_grad_()
    CLIP(leaf).sum().backward()
    # Each result is a sum of pixels with weights that sum to 1, divided by the deviation.
    assert leaf.grad.sum().item() == pytest.approx(31 * 30 * sum(1 / each for each in STD), rel=1e-5)


def test_the_orientation_of_a_photograph_is_done_first():
    exif = Image.Exif()
    exif[0x0112] = 6
    file = io.BytesIO()
    Image.fromarray(picture()).save(file, "PNG", exif=exif.tobytes())
    turned = np.rot90(picture(), -1)
    assert torch.equal(CLIP(Image.open(file)), CLIP(turned))


def test_a_picture_is_as_it_was_afterwards():
    array = picture()
    array.flags.writeable = False
    for each in ALL.values():
        each(array)
    tensor = to_tensor(picture())
    LETTERBOX(tensor)
    assert torch.equal(tensor, to_tensor(picture()))


# ---------------------------------------------------------------- as a value


def test_it_is_a_value():
    same = Preprocess(resize=40, how="cover", crop=[31, 30], method="bicubic", mean=list(MEAN), std=list(STD))
    assert same != CLIP  # "cover" was said
    assert replace(same, how=None) == CLIP
    assert hash(replace(same, how=None)) == hash(CLIP)
    assert pickle.loads(pickle.dumps(CLIP)) == CLIP
    assert len({each.digest for each in ALL.values()}) == len(ALL)
    assert replace(CLIP, remarks=("said",)).digest == CLIP.digest
    # A log must be able to tell what was done years ago.
    assert Preprocess(resize=224, crop=(224, 224), mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5)).digest.startswith(
        "02236d387ff8faed"
    )


@pytest.mark.parametrize(
    ("fields", "kind", "message"),
    [
        ({"resize": 0}, InputValueError, "resize: expected 1 or more, got 0"),
        ({"resize": 2.5}, InputTypeError, "resize: expected a whole number, got 2.5"),
        ({"resize": (3, 4, 5)}, InputTypeError, r"resize: expected \(height, width\) in pixels, got \(3, 4, 5\)"),
        ({"crop": 224}, InputTypeError, r"crop: expected \(height, width\) in pixels, got 224"),
        ({"pad": (3, -1)}, InputValueError, "pad: expected 1 or more, got -1"),
        ({"how": "fill"}, InputValueError, "how: expected one of stretch, cover, contain, got 'fill'"),
        ({"method": "cubic"}, InputValueError, "method: expected one of nearest, bilinear, .*, got 'cubic'"),
        ({"center": "up"}, InputValueError, "center: expected one of down, toward_zero, half_even, got 'up'"),
        ({"rounding": "up"}, InputValueError, "rounding: expected one of down, half_up, half_even, got 'up'"),
        ({"engine": "cv2"}, InputValueError, "engine: expected one of pillow, torchvision, got 'cv2'"),
        ({"anchor": "left"}, InputValueError, "anchor: expected one of center, top-left, got 'left'"),
        ({"antialias": "no"}, InputTypeError, "antialias: expected True or False, got 'no'"),
        ({"upscale": 1}, InputTypeError, "upscale: expected True or False, got 1"),
        ({"longest": 9, "resize": (3, 4)}, InputValueError, 'longest: expected None for how="stretch", got 9'),
        ({"stride": 32}, InputValueError, "stride: expected None without pad, got 32"),
        ({"mean": (0.5,) * 3}, InputValueError, "mean, std: expected both, or none of them, got one of them"),
        ({"mean": (0.5,) * 3, "std": 0.5}, InputTypeError, "std: expected three numbers, of red, green and blue, got 0.5"),
        ({"mean": (0.5, 1), "std": (1, 1, 1)}, InputTypeError, r"mean: expected three numbers, .*, got \(0.5, 1\)"),
        ({"mean": (0.5, 1, "a"), "std": (1, 1, 1)}, InputTypeError, "mean: expected a number"),
        ({"mean": (0, 0, float("nan")), "std": (1, 1, 1)}, InputValueError, "mean: expected a number"),
        ({"mean": (0, 0, 0), "std": (1, 0, 1)}, InputValueError, "std: expected numbers above 0"),
        ({"engine": "torchvision", "method": "area"}, InputValueError, 'method: expected another than "area"'),
        ({"white": 0}, InputValueError, "white: expected a number above 0, got 0"),
        ({"fill": 256}, InputValueError, "fill: expected codes from 0 to 255, got 256"),
        ({"fill": (1, 2)}, InputTypeError, r"fill: expected a code from 0 to 255, or three, got \(1, 2\)"),
        ({"fill": 0.5}, InputTypeError, "fill: expected a whole number, got 0.5"),
        ({"size": 3}, InputTypeError, "Preprocess: expected .*, got size=3"),
    ],
)  # fmt: skip
def test_fields_made_by_hand_are_checked(fields, kind, message):
    with pytest.raises(kind, match=message):
        Preprocess(**fields)


def test_alpha_and_what_is_too_large_to_be_padded_are_refused():
    with pytest.raises(InputValueError, match="image: expected gray or RGB, got an alpha channel"):
        CLIP(np.zeros((9, 9, 4), np.uint8))
    with pytest.raises(InputTypeError, match="image: expected a PIL image"):
        CLIP("photo.jpg")
    with pytest.raises(InputValueError, match="pad: expected a resized picture of 50x50 at most, got 97x130"):
        Preprocess(pad=(50, 50))(picture())
    with pytest.raises(InputTypeError, match="side: expected a whole number"):
        Preprocess.clip(2.5)
    with pytest.raises(InputValueError, match="height: expected 1 or more"):
        Preprocess.letterbox(height=0)


# ---------------------------------------------------------------- in words


def test_it_explains_itself():
    said = CLIP.explain()
    assert "Resize the shorter edge to 40 pixels, the longer one rounded down." in said
    assert "Cut 31 rows and 30 columns out of the center" in said
    assert "bicubic with antialiasing" in said
    assert "Subtract [0.48, 0.45, 0.4] and divide by [0.26, 0.27, 0.28]" in said
    assert "Pillow's arithmetic resizes here. torchvision's differs by a code" in said
    assert "torchvision's arithmetic resizes here. Pillow's" in ALL["torchvision"].explain()
    said = LETTERBOX.explain()
    assert "Resize to fit within 96 x 64 (height x width), sides rounded, halves to the even number." in said
    assert "without antialiasing, as OpenCV has it" in said
    assert "Pad to 96 x 64 (height x width) on both sides" in said
    assert "the code 114" in said
    assert "bars are black, not the mean color" in SAM.explain()
    assert "not enlarged" in replace(LETTERBOX, upscale=False).explain()
    assert "multiple of 32" in replace(LETTERBOX, stride=32).explain()
    assert "to less where the longer one would have more than 90 pixels" in replace(CLIP, longest=90).explain()


def test_it_says_where_sources_disagree():
    codes = replace(CLIP, white=255)
    assert "is for values in [0, 1], and codes are scaled to [0, 255] here" in codes.explain()
    values = replace(CLIP, mean=(120, 110, 100), std=(60, 60, 60))
    assert "is for codes up to 255, and codes are scaled to [0, 1] here" in values.explain()
    config = {"image_processor_type": "CLIPImageProcessor", "do_resize": True, "size": 40, "resample": 3,
              "do_center_crop": True, "crop_size": 32, "do_normalize": True, "image_mean": MEAN, "image_std": STD}  # fmt: skip
    said = Preprocess.from_config(config).explain()
    assert "transformers 4 resizes with Pillow, as is done here, and transformers 5 with torchvision" in said
    assert "The config does not say do_rescale; its class takes true." in said
    assert "The config says size as one number" in said
    assert "transformers 4" not in Preprocess.from_config(config, engine="torchvision").explain()
    padded = config | {"image_processor_type": "DetrImageProcessor", "do_center_crop": None, "do_pad": True}
    assert (
        'padded to the largest, as stack(fit="pad") does'
        in Preprocess.from_config(padded | {"crop_size": None}).explain()
    )
    timm = {"input_size": (3, 32, 32), "interpolation": "bicubic", "crop_pct": 0.9, "mean": MEAN, "std": STD}
    assert 'timm takes "center"' in Preprocess.from_config(timm).explain()
    assert "test_crop_pct for tests too" in Preprocess.from_config(timm | {"test_crop_pct": 1.0}).explain()


# ---------------------------------------------------------------- places


@settings(max_examples=60, deadline=None)
@given(
    name=st.sampled_from(["clip", "sam", "border", "letterbox"]),
    size=st.tuples(st.integers(20, 200), st.integers(20, 200)),
    box=st.tuples(*[st.floats(0, 1, width=32)] * 4),
)
def test_boxes_come_back_through_its_recipe(name, size, box):
    """A box in the middle of what the model sees, in pixels of the picture, which it looks for itself."""
    preprocess = ALL[name]
    recipe = preprocess.recipe_for(*size)
    sides = np.array([size[1], size[0]] * 2)
    corners = np.sort(np.array(box).reshape(2, 2), 0).reshape(-1) * sides
    sample = recipe(aikit.Sample(np.zeros((*size, 3), np.uint8), boxes=corners[None], min_visible=0))
    inside = len(sample.boxes) and np.all(corners[2:] - corners[:2] > 1)
    if inside and name in ("sam", "letterbox"):  # these cut nothing off
        back = recipe.inverse(sample.boxes, like=size)
        np.testing.assert_allclose(back, corners[None], atol=1e-3)


@pytest.mark.parametrize("name", ALL)
def test_its_recipe_makes_the_picture_that_is_normalized(name):
    preprocess = ALL[name]
    made = preprocess.recipe_for(97, 130)(picture())
    mean, std = (
        np.array(each or fallback) for each, fallback in ((preprocess.mean, [0] * 3), (preprocess.std, [1] * 3))
    )
    expected = (made / 255 * preprocess.white - mean) / std
    result = preprocess(picture()).permute(1, 2, 0).numpy()
    # torchvision resizes with other weights, and a mean is rounded to a code.
    np.testing.assert_allclose(result, expected, rtol=0, atol=1.01 / 255 / min(std) * preprocess.white)


# ---------------------------------------------------------------- compiled and exported


class Model(torch.nn.Module):
    def __init__(self, preprocess):
        super().__init__()
        self.preprocess = preprocess

    def forward(self, batch):
        return self.preprocess(batch) * 2


def batches():
    codes = torch.stack([to_tensor(picture(), dtype=None), to_tensor(picture()[::-1].copy(), dtype=None)])
    return {"uint8": codes, "float32": codes / 255}


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
@pytest.mark.parametrize("name", ["clip", "sam", "letterbox", "torchvision"])
def test_it_is_exported(name, dtype):
    batch, model = batches()[dtype], Model(ALL[name]).eval()
    program = torch.export.export(model, (batch,), dynamic_shapes=({0: torch.export.Dim("count", min=1, max=64)},))
    three = torch.cat([batch, batch[:1]])
    # In a program codes are resized in floats, or by torch's kernel: a code of 255 apart.
    atol = 2.02 / 255 / min(ALL[name].std or (1,)) if dtype == "uint8" else 1e-5
    torch.testing.assert_close(program.module()(three), model(three), rtol=0, atol=atol)


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
@pytest.mark.parametrize("name", ["clip", "sam", "letterbox"])
def test_onnx_runs_it(name, dtype, tmp_path):
    runtime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    batch, model = batches()[dtype], Model(ALL[name]).eval()
    path = tmp_path / "model.onnx"
    torch.onnx.export(model, (batch,), dynamo=True, verbose=False).save(path)
    session = runtime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (result,) = session.run(None, {session.get_inputs()[0].name: batch.numpy()})
    atol = 2.02 / 255 / min(ALL[name].std or (1,)) if dtype == "uint8" else 1e-5
    torch.testing.assert_close(torch.from_numpy(result), model(batch), rtol=0, atol=atol)


@pytest.mark.parametrize("name", ["clip", "letterbox"])
def test_torch_compile_takes_it_as_a_whole(name):
    torch.compiler.reset()
    batch, model = batches()["float32"], Model(ALL[name])
    compiled = torch.compile(model, backend="aot_eager", fullgraph=True)
    torch.testing.assert_close(compiled(batch), model(batch), rtol=0, atol=1e-5)
