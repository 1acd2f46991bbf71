"""Config files of others, against the code that they are for."""

import importlib
import json

import numpy as np
import pytest
from PIL import Image

from aikit import to_tensor
from aikit.errors import FileFormatError, InputTypeError, InputValueError
from aikit.preprocess import Preprocess

torch = pytest.importorskip("torch")
MEAN, STD = [0.48, 0.45, 0.4], [0.26, 0.27, 0.28]
HF = {"do_resize": True, "resample": 3, "do_rescale": True, "rescale_factor": 1 / 255, "do_normalize": True,
      "image_mean": MEAN, "image_std": STD}  # fmt: skip
PAIR, SHORTEST = {"height": 32, "width": 28}, {"shortest_edge": 40}
CAPPED = {"shortest_edge": 40, "longest_edge": 50}
CLIP = HF | {"image_processor_type": "CLIPImageProcessor", "size": SHORTEST, "do_center_crop": True,
             "crop_size": {"height": 31, "width": 30}, "do_convert_rgb": True}  # fmt: skip
TIMM = {"input_size": [3, 32, 32], "interpolation": "bicubic", "crop_pct": 0.9, "crop_mode": "center", "mean": MEAN,
        "std": STD}  # fmt: skip


def named(name, **keys):
    return HF | {"image_processor_type": f"{name}ImageProcessor"} | keys


CONFIGS = {
    "clip": CLIP,
    "clip of old": CLIP | {"size": 40, "crop_size": 31},
    "clip, a cut beyond the picture": CLIP | {"crop_size": {"height": 81, "width": 70}},
    "clip that does not cut": CLIP | {"do_center_crop": False},
    "clip that does not resize": CLIP | {"do_resize": False},
    "clip that does not rescale": CLIP | {"do_rescale": False},
    "clip that does not normalize": CLIP | {"do_normalize": False},
    "clip with another factor": CLIP | {"rescale_factor": 1 / 127.5},
    "clip within a size": CLIP | {"size": {"max_height": 50, "max_width": 60}, "do_center_crop": False},
    "vit": named("ViT", size=PAIR, resample=2),
    "vit of old": named("ViT", size=32, resample=2),
    "siglip": named("Siglip", size=PAIR),
    "siglip of old": named("Siglip", size=32),
    "blip": named("Blip", size=32),
    "segformer": named("Segformer", size=PAIR, resample=2, do_reduce_labels=True),
    "pvt": named("Pvt", size=PAIR, resample=1),
    "deit": named("DeiT", size=37, do_center_crop=True, crop_size=32),
    "beit": named("Beit", size={"height": 37, "width": 41}, do_center_crop=True, crop_size=PAIR),
    "owlvit": named("OwlViT", size=PAIR, do_center_crop=False, crop_size=PAIR),
    "bit": named("Bit", size=SHORTEST, do_center_crop=True, crop_size=31, resample=1),
    "chinese clip": named("ChineseCLIP", size=SHORTEST, do_center_crop=True, crop_size=31),
    "mobilenet 1": named("MobileNetV1", size=SHORTEST, do_center_crop=True, crop_size=31, resample=2),
    "mobilenet 2": named("MobileNetV2", size=40, do_center_crop=True, crop_size=31, resample=2),
    "convnext": named("ConvNext", size={"shortest_edge": 32}, crop_pct=0.875),
    "large convnext": named("ConvNext", size={"shortest_edge": 384}),
    "detr": named("Detr", size=CAPPED, resample=2, do_pad=True),
    "detr of a size": named("Detr", size=PAIR, resample=2, do_pad=False),
    "conditional detr": named("ConditionalDetr", size=CAPPED, do_pad=True, pad_size={"height": 64, "width": 65}),
    "deformable detr": named("DeformableDetr", size={"max_height": 50, "max_width": 60}, do_pad=False),
    "grounding dino": named("GroundingDino", size=CAPPED, do_pad=True, pad_size={"height": 64, "width": 65}),
    "rt-detr": named("RTDetr", size=PAIR, do_pad=False, do_normalize=False),
    "sam": named("Sam", size={"longest_edge": 64}, resample=2, do_pad=True, pad_size={"height": 64, "width": 64}),
}
SIZES = [(97, 130), (131, 90), (35, 36), (20, 17), (41, 40)]


def picture(height=97, width=130):
    rows, columns = np.mgrid[:height, :width]
    planes = [(rows * 3 + columns) % 256, (rows + columns * 5) % 251, (rows * columns) % 241]
    return np.stack(planes, -1).astype(np.uint8)


def kinds(array):
    return {"pil": Image.fromarray(array), "numpy": array, "tensor": to_tensor(array, dtype=None)}


# ---------------------------------------------------------------- transformers


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("engine", ["pillow", "torchvision"])
@pytest.mark.parametrize("name", CONFIGS)
def test_processors_of_transformers_agree(name, engine, size):
    transformers = pytest.importorskip("transformers")
    config = {key: value for key, value in CONFIGS[name].items() if key != "image_processor_type"}
    # Version 5 has a class for each engine; version 4 had them under other names.
    processor = CONFIGS[name]["image_processor_type"] + ("Pil" if engine == "pillow" else "")
    if not hasattr(transformers, processor):
        pytest.skip(f"this transformers has no {processor}")
    reference = getattr(transformers, processor)(**config)
    expected = reference(Image.fromarray(picture(*size)), return_tensors="pt")["pixel_values"][0].float()
    preprocess = Preprocess.from_config(CONFIGS[name], engine=engine)
    for image in kinds(picture(*size)).values():
        # Float32 in another order; codes are the same.
        torch.testing.assert_close(preprocess(image), expected, rtol=1e-5, atol=2e-5)


def test_a_longest_edge_is_kept_as_transformers_keeps_it():
    """Whose get_size_with_aspect_ratio leaves a picture alone whose shorter edge would be rounded to itself."""
    sizes = {(20, 200): (20, 200), (20, 250): (16, 199), (300, 100): (120, 40), (1000, 100): (199, 20)}
    preprocess = Preprocess.from_config(CONFIGS["detr"] | {"size": {"shortest_edge": 40, "longest_edge": 199}})
    assert {old: preprocess.new_size(*old) for old in sizes} == sizes
    transforms = pytest.importorskip("transformers.image_transforms")
    for old in [*sizes, *((height, 61) for height in range(1, 400))]:
        assert preprocess.new_size(*old) == transforms.get_size_with_aspect_ratio(old, 40, 199)


def test_what_transformers_writes_is_read(tmp_path):
    transformers = pytest.importorskip("transformers")
    for name in ("CLIP", "ViT", "Siglip", "Segformer", "Detr", "RTDetr", "Sam"):
        reference = getattr(transformers, f"{name}ImageProcessor")()
        reference.save_pretrained(tmp_path / name)
        preprocess = Preprocess.from_config(tmp_path / name, engine="torchvision")
        expected = reference(Image.fromarray(picture()), return_tensors="pt")["pixel_values"][0]
        torch.testing.assert_close(preprocess(picture()), expected, rtol=0, atol=2e-5)


def test_the_engine_is_told_by_the_name_or_asked_for():
    fast = Preprocess.from_config(CLIP | {"image_processor_type": "CLIPImageProcessorFast"})
    assert fast == Preprocess.from_config(CLIP, engine="torchvision") != Preprocess.from_config(CLIP)
    assert Preprocess.from_config(
        CLIP | {"image_processor_type": None, "feature_extractor_type": "CLIPFeatureExtractor"}
    )
    with pytest.raises(InputValueError, match="engine: expected one of pillow, torchvision, got 'cv2'"):
        Preprocess.from_config(CLIP, engine="cv2")


# ---------------------------------------------------------------- timm, OpenAI's clip, Ultralytics


@pytest.mark.parametrize("size", [*SIZES, (200, 33)])
@pytest.mark.parametrize("input_size", [[3, 32, 32], [3, 51, 30]])
@pytest.mark.parametrize("mode", ["center", "squash", "border"])
def test_transforms_of_timm_agree(mode, input_size, size):
    data = pytest.importorskip("timm.data")
    config = TIMM | {"crop_mode": mode, "input_size": input_size, "interpolation": "bilinear", "crop_pct": 0.875}
    expected = data.create_transform(**config)(Image.fromarray(picture(*size)))
    preprocess = Preprocess.from_config({"pretrained_cfg": config | {"num_classes": 5}})
    for image in kinds(picture(*size)).values():
        torch.testing.assert_close(preprocess(image), expected, rtol=0, atol=2e-5)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("side", [32, 33])
def test_clip_is_what_its_package_composes(side, size):
    v1 = importlib.import_module("torchvision.transforms")
    # As clip/clip.py of OpenAI's repository has it.
    steps = [v1.Resize(side, v1.InterpolationMode.BICUBIC), v1.CenterCrop(side), v1.ToTensor()]
    mean, std = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
    expected = v1.Compose([*steps, v1.Normalize(mean, std)])(Image.fromarray(picture(*size)))
    torch.testing.assert_close(Preprocess.clip(side)(picture(*size)), expected, rtol=0, atol=2e-5)


LETTERBOXES = [{}, {"auto": True}, {"scaleup": False}, {"center": False}, {"scale_fill": True}, {"padding_value": 7},
               {"auto": True, "stride": 64, "center": False, "scaleup": False}, {"new_shape": [96, 70]}]  # fmt: skip


def published_letterbox(array, new_shape, *, auto=False, scale_fill=False, scaleup=True, center=True, stride=32,
                        padding_value=114):  # fmt: skip
    """The formula of ultralytics/data/augment.py, LetterBox, in our own words."""
    cv2 = importlib.import_module("cv2")
    tall, wide = new_shape
    height, width = array.shape[:2]
    ratio = min(tall / height, wide / width)
    ratio = ratio if scaleup else min(ratio, 1)
    inner = max(round(height * ratio), 1), max(round(width * ratio), 1)
    down, across = tall - inner[0], wide - inner[1]
    if auto:
        down, across = down % stride, across % stride
    elif scale_fill:
        inner, down, across = (tall, wide), 0, 0
    half = 2 if center else 1
    top, left = (round(rest / half - 0.1) if center else 0 for rest in (down, across))
    bottom, right = (round(rest / half + 0.1) for rest in (down, across))
    small = array if inner == (height, width) else cv2.resize(array, inner[::-1], interpolation=cv2.INTER_LINEAR)
    return np.pad(small, ((top, bottom), (left, right), (0, 0)), constant_values=padding_value)


@pytest.mark.parametrize("size", [*SIZES, (1, 300), (96, 70), (427, 640)])
@pytest.mark.parametrize("options", LETTERBOXES)
def test_letterboxes_are_those_of_ultralytics(options, size, monkeypatch, tmp_path):
    keywords = {"new_shape": [160, 160]} | options
    expected = published_letterbox(picture(*size), **keywords)
    result = Preprocess.from_config(keywords)(picture(*size)).mul(255).round()
    # OpenCV's weights have 11 bits.
    np.testing.assert_allclose(result.permute(1, 2, 0).numpy(), expected, rtol=0, atol=1)
    # Where the package is installed, it confirms the formula.
    monkeypatch.setenv("YOLO_CONFIG_DIR", str(tmp_path))
    monkeypatch.setenv("YOLO_VERBOSE", "False")
    if importlib.util.find_spec("ultralytics"):
        package = importlib.import_module("ultralytics.data.augment")
        np.testing.assert_array_equal(package.LetterBox(**keywords)(image=picture(*size)), expected)


def test_a_letterbox_by_its_keywords_is_the_one_of_a_config():
    config = {"imgsz": [96, 70], "stride": 32, "task": "detect", "names": {"0": "cat"}}
    assert Preprocess.from_config(config) == Preprocess.letterbox(height=96, width=70)
    config = {"new_shape": 96, "auto": True, "stride": 16, "scaleup": False, "center": False, "padding_value": 7}
    keywords = {"stride": 16, "upscale": False, "anchor": "top-left", "fill": 7}
    assert Preprocess.from_config(config) == Preprocess.letterbox(height=96, width=96, **keywords)


# ---------------------------------------------------------------- numbers to hold without these packages

# Seven values, a seventh of the numbers apart, of what these gave of picture(): transformers 5.24.0, timm 1.0.31,
# torchvision 0.29.1 and ultralytics 8.4.190 with Pillow 13.0.0 and OpenCV 5.0.0.
STORED = {
    "clip": ((3, 31, 30), [-0.9563, 0.7632, -1.3786, 1.4125, 1.6304, -0.1541, 0.084]),
    "conditional detr": ((3, 64, 65), [-1.7858, -1.3937, 0.0, -1.4343, 0.0, -0.084, 0.1261]),
    "sam": ((3, 64, 64), [-1.8009, 1.4721, 0.0, 1.4125, -1.1147, -0.7703, 0.3641]),
    "clip, a cut beyond the picture": ((3, 81, 70), [-1.8462, 1.2911, -1.8462, -1.1438, 1.6594, -1.4286, 0.4762]),
    "timm border": ((3, 32, 48), [-1.5445, 1.5023, -1.1825, 0.0472, 0.1198, 0.1401, 0.3221]),
    "clip of openai": ((3, 40, 40), [-1.5441, 0.4559, -1.2959, -1.1968, 0.364, 0.0698, 0.3399]),
    "letterbox": ((3, 64, 65), [0.4471, 0.6706, 0.5216, 0.7176, 0.0235, 0.102, 0.2627]),
    "letterbox auto": ((3, 96, 128), [0.0, 0.5569, 0.1137, 0.1961, 0.7176, 0.7961, 0.4196]),
}  # fmt: skip
HAND_MADE = {
    "conditional detr": lambda: Preprocess.from_config(CONFIGS["conditional detr"] | {"resample": 2}),
    "clip, a cut beyond the picture": lambda: Preprocess.from_config(
        CONFIGS["clip, a cut beyond the picture"], engine="torchvision"
    ),
    "timm border": lambda: Preprocess.from_config(TIMM | {"crop_mode": "border", "input_size": [3, 32, 48]}),
    "clip of openai": lambda: Preprocess.clip(40),
    "letterbox": lambda: Preprocess.letterbox(height=64, width=65),
    "letterbox auto": lambda: Preprocess.letterbox(height=128, width=128, stride=32),
}


@pytest.mark.parametrize("kind", ["pil", "numpy", "tensor"])
@pytest.mark.parametrize("name", STORED)
def test_numbers_are_those_that_the_packages_gave(name, kind):
    preprocess = HAND_MADE[name]() if name in HAND_MADE else Preprocess.from_config(CONFIGS[name])
    result = preprocess(kinds(picture())[kind])
    shape, values = STORED[name]
    assert tuple(result.shape) == shape
    found = result.flatten()[[result.numel() // 7 * at for at in range(7)]]
    # One code for another version of Pillow, torchvision or OpenCV.
    torch.testing.assert_close(found, torch.tensor(values), rtol=0, atol=1.02 / 255 / min(preprocess.std or (1,)))


# ---------------------------------------------------------------- files, and what is refused


def test_files_and_folders_are_read(tmp_path):
    path = tmp_path / "preprocessor_config.json"
    path.write_text(json.dumps(CLIP))
    assert Preprocess.from_config(path) == Preprocess.from_config(CLIP) == Preprocess.from_config(tmp_path)
    path.write_text(json.dumps({"image_processor": CLIP, "processor_class": "CLIPProcessor"}))
    assert Preprocess.from_config(str(path)) == Preprocess.from_config(CLIP)
    path.write_text("no")
    with pytest.raises(FileFormatError, match="expected JSON"):
        Preprocess.from_config(path)
    path.write_text("[1]")
    with pytest.raises(FileFormatError, match="expected a JSON object"):
        Preprocess.from_config(path)
    with pytest.raises(InputTypeError, match="pretrained_cfg: expected an object, got 3"):
        Preprocess.from_config({"pretrained_cfg": 3})


LETTERBOX = {"new_shape": [160, 160]}


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (CLIP | {"do_thumbnail": True}, "do_thumbnail: expected a key that is understood, got True"),
        (CLIP | {"do_pad": True}, "do_pad: expected false, for its class does not pad, got True"),
        (CONFIGS["vit"] | {"do_center_crop": True}, "do_center_crop: expected false, for its class does not cut"),
        (CONFIGS["vit"] | {"crop_pct": 0.9}, "crop_pct: expected no value, got 0.9"),
        (CLIP | {"resample": 0}, "resample: expected 1, 2 or 3, got 0"),
        (CLIP | {"rescale_factor": 0}, "rescale_factor: expected a number above 0, got 0"),
        (CLIP | {"size": {"longest_edge": 40}}, "size: expected sides that CLIPImageProcessor has, got"),
        (CLIP | {"size": {"height": 40}}, "size: expected sides that CLIPImageProcessor has, got"),
        (CLIP | {"size": {"height": 40, "width": 0}}, "size: expected whole pixels by the names of their sides"),
        (CLIP | {"size": True}, "size: expected whole pixels by the names of their sides, got True"),
        (CLIP | {"crop_size": SHORTEST}, "crop_size: expected a height and a width"),
        (CLIP | {"image_processor_type": "FuyuImageProcessor"}, "image_processor_type: expected one of CLIP"),
        (CLIP | {"do_normalize": None}, "do_normalize: expected true or false, got None"),
        (CLIP | {"do_resize": 1}, "do_resize: expected true or false, got 1"),
        (CONFIGS["sam"] | {"pad_size": SHORTEST}, "pad_size: expected a height and a width"),
        (CONFIGS["sam"] | {"size": SHORTEST}, "size: expected sides that SamImageProcessor has"),
        (CONFIGS["detr"] | {"size": SHORTEST}, "size: expected a longest_edge too"),
        (CONFIGS["convnext"] | {"size": PAIR}, "size: expected a shortest_edge"),
        (CONFIGS["convnext"] | {"crop_pct": None}, "crop_pct: expected a number above 0, up to 1, got None"),
        (TIMM | {"crop_mode": "letterbox"}, "crop_mode: expected \"center\", \"squash\" or \"border\", got 'letterbox'"),
        (TIMM | {"input_size": [1, 32, 48]}, r"input_size: expected \(3, height, width\), got \[1, 32, 48\]"),
        (TIMM | {"interpolation": "random"}, "interpolation: expected bilinear, bicubic or lanczos, got 'random'"),
        (TIMM | {"crop_pct": 1.2}, "crop_pct: expected a number above 0, up to 1, got 1.2"),
        (TIMM | {"mean": [0.5]}, r"mean: expected three numbers, got \[0.5\]"),
        (TIMM | {"std": [0.5, 0.5, 0]}, r"std: expected numbers above 0"),
        (LETTERBOX | {"interpolation": 2}, "interpolation: expected 1, which is cv2.INTER_LINEAR, got 2"),
        (LETTERBOX | {"padding_value": 300}, "padding_value: expected 0 to 255, got 300"),
        (LETTERBOX | {"new_shape": [160]}, r"new_shape: expected a side, or a height and a width, in pixels, got \[160\]"),
        (LETTERBOX | {"stride": 0}, "stride: expected a number above 0"),
        (LETTERBOX | {"auto": "yes"}, "auto: expected true or false, got 'yes'"),
        ({"imgsz": 640, "channels": 1}, "channels: expected 3, got 1"),
    ],
)  # fmt: skip
def test_what_is_not_understood_is_refused_by_name(config, message):
    with pytest.raises(InputValueError, match=message):
        Preprocess.from_config(config)
