"""Preprocess against the processors of transformers and timm."""

import json

import numpy as np
import pytest
from PIL import Image

from aikit import to_tensor
from aikit.errors import FileFormatError, InputValueError
from aikit.preprocess import Preprocess

torch = pytest.importorskip("torch")
MEAN, STD = [0.48, 0.45, 0.4], [0.26, 0.27, 0.28]
HF = {"do_resize": True, "resample": 3, "do_rescale": True, "rescale_factor": 1 / 255, "do_normalize": True,
      "image_mean": MEAN, "image_std": STD}  # fmt: skip
CLIP = HF | {"image_processor_type": "CLIPImageProcessor", "size": {"shortest_edge": 40}, "do_center_crop": True,
             "crop_size": {"height": 31, "width": 30}, "do_convert_rgb": True}  # fmt: skip
CONFIGS = {
    "clip": CLIP,
    "clip of old": CLIP | {"size": 40, "crop_size": 31},
    "vit": HF | {"image_processor_type": "ViTImageProcessor", "size": {"height": 32, "width": 28}, "resample": 2},
    "deit": HF | {"image_processor_type": "DeiTImageProcessor", "size": 37, "do_center_crop": True, "crop_size": 32},
    "siglip": HF | {"image_processor_type": "SiglipImageProcessor", "size": {"height": 32, "width": 32}},
    "bit": CLIP | {"image_processor_type": "BitImageProcessor", "resample": 1},
    "convnext": HF
    | {"image_processor_type": "ConvNextImageProcessor", "size": {"shortest_edge": 32}, "crop_pct": 0.875},
    "large convnext": HF | {"image_processor_type": "ConvNextImageProcessor", "size": {"shortest_edge": 384}},
}
TIMM = {
    "input_size": [3, 32, 32],
    "interpolation": "bicubic",
    "crop_pct": 0.9,
    "crop_mode": "center",
    "mean": MEAN,
    "std": STD,
}
# One code before normalizing, and the rounding of float32.
CODE = 1.01 / 255 / min(STD)


def picture(height=97, width=130):
    rows, columns = np.mgrid[:height, :width]
    planes = [(rows * 3 + columns) % 256, (rows + columns * 5) % 251, (rows * columns) % 241]
    return np.stack(planes, -1).astype(np.uint8)


def kinds(array):
    return {"pil": Image.fromarray(array), "numpy": array, "tensor": to_tensor(array, dtype=None)}


@pytest.mark.parametrize("kind", ["pil", "numpy", "tensor"])
@pytest.mark.parametrize("size", [(97, 130), (131, 90)])
@pytest.mark.parametrize("name", CONFIGS)
def test_transformers_processors_agree(name, size, kind):
    transformers = pytest.importorskip("transformers")
    config = {key: value for key, value in CONFIGS[name].items() if key != "image_processor_type"}
    named = CONFIGS[name]["image_processor_type"]
    result = Preprocess.from_config(CONFIGS[name])(kinds(picture(*size))[kind])
    # Two engines: torch's weights have 16 bits, which is two codes off in a few values; tensors here shrink by them too.
    for suffix, codes in ("Pil", 2 if kind == "tensor" else 1), ("", 2):
        if processor := getattr(transformers, named + suffix, None):
            expected = processor(**config)(Image.fromarray(picture(*size)), return_tensors="pt")["pixel_values"][0]
            torch.testing.assert_close(result, expected, rtol=0, atol=codes * CODE)


@pytest.mark.parametrize("kind", ["pil", "numpy", "tensor"])
@pytest.mark.parametrize("size", [(97, 130), (131, 90), (35, 36)])
@pytest.mark.parametrize("method", ["bicubic", "bilinear"])
def test_timm_transforms_agree(method, size, kind):
    data = pytest.importorskip("timm.data")
    config = TIMM | {"interpolation": method}
    expected = data.create_transform(**config)(Image.fromarray(picture(*size)))
    result = Preprocess.from_config({"pretrained_cfg": config | {"num_classes": 5}})(kinds(picture(*size))[kind])
    torch.testing.assert_close(result, expected, rtol=0, atol=CODE)


@pytest.mark.parametrize("size", [(97, 130), (131, 90), (35, 36)])
def test_torchvision_steps_agree(size):
    v2 = pytest.importorskip("torchvision.transforms")
    steps = [v2.Resize(35, v2.InterpolationMode.BICUBIC), v2.CenterCrop(32), v2.ToTensor(), v2.Normalize(MEAN, STD)]
    expected = v2.Compose(steps)(Image.fromarray(picture(*size)))
    result = Preprocess.from_config(TIMM)(picture(*size))
    torch.testing.assert_close(result, expected, rtol=0, atol=CODE)


def test_a_batch_is_its_pictures():
    pictures = [to_tensor(picture(), dtype=None), to_tensor(picture()[::-1].copy(), dtype=None)]
    preprocess = Preprocess.from_config(CLIP)
    expected = torch.stack([preprocess(each) for each in pictures])
    torch.testing.assert_close(preprocess(torch.stack(pictures)), expected, rtol=0, atol=1e-6)


def test_gray_is_gray_rgb():
    gray = picture()[..., 0]
    preprocess = Preprocess.from_config(CLIP)
    torch.testing.assert_close(preprocess(gray), preprocess(np.stack([gray] * 3, -1)), rtol=0, atol=CODE)


def test_a_file_is_read_and_its_digest_is_that_of_the_work(tmp_path):
    path = tmp_path / "preprocessor_config.json"
    path.write_text(json.dumps(CLIP))
    assert Preprocess.from_config(path).digest == Preprocess.from_config(CLIP).digest
    assert Preprocess.from_config(path).digest != Preprocess.from_config(CLIP | {"resample": 2}).digest


def test_it_explains_itself():
    assert "shorter edge to 40 pixels" in Preprocess.from_config(CLIP).explain()
    assert "rounded to the even number" in Preprocess.from_config(TIMM).explain()


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (CLIP | {"do_pad": True}, "do_pad: expected a key that is understood, got True"),
        (CLIP | {"resample": 0}, "resample: expected 1, 2 or 3, got 0"),
        (CLIP | {"rescale_factor": 1.0}, "rescale_factor: expected 1/255, got 1.0"),
        (CLIP | {"size": {"longest_edge": 40}}, "size: expected whole pixels"),
        (CLIP | {"crop_size": 50}, "crop_size: expected at most the size"),
        (CLIP | {"image_processor_type": "SamImageProcessor"}, "image_processor_type: expected one of CLIP"),
        (CLIP | {"do_normalize": False}, "do_normalize: expected true, got False"),
        (TIMM | {"crop_mode": "border"}, "crop_mode: expected \"center\", got 'border'|crop_mode: expected"),
        (TIMM | {"input_size": [3, 32, 48]}, "input_size: expected"),
        (TIMM | {"crop_pct": 1.2}, "crop_pct: expected a number above 0, up to 1, got 1.2"),
        (TIMM | {"mean": [0.5]}, "mean: expected three numbers"),
    ],
)
def test_what_is_not_understood_is_refused_by_name(config, message):
    with pytest.raises(InputValueError, match=message):
        Preprocess.from_config(config)


def test_alpha_and_files_of_something_else_are_refused(tmp_path):
    with pytest.raises(InputValueError, match="image: expected gray or RGB, got an alpha channel"):
        Preprocess.from_config(CLIP)(np.zeros((9, 9, 4), np.uint8))
    (tmp_path / "config.json").write_text("no")
    with pytest.raises(FileFormatError, match="expected JSON"):
        Preprocess.from_config(tmp_path / "config.json")
