"""Planes of data through samples, recipes, files and the command: operations that move pixels take them, others refuse."""

import io
import subprocess
import sys

import numpy as np
import pytest
import tifffile
import torch

import aikit
from aikit import InputTypeError, InputValueError, LimitError, Limits, Recipe, Sample
from pictures import codes

STEPS = "crop box=[2,1,32,21]; rot90; fit height=24 width=24 how=letterbox method=bilinear"
BOXES = [[4.0, 3.0, 12.0, 9.0], [20.0, 5.0, 30.0, 20.0]]


def bands(channels=6, dtype="uint16"):
    return codes(24, 40, channels, dtype)


@pytest.mark.parametrize("kind", ["numpy", "torch"])
def test_a_sample_of_planes_moves_as_one_of_colors(kind):
    array = bands()
    labels = codes(24, 40).astype(np.int64)
    image = array if kind == "numpy" else torch.from_numpy(np.moveaxis(array, -1, 0).copy())
    parts = {
        "boxes": BOXES,
        "label_map": labels,
        "masks": np.stack([labels > 100, labels < 60]),
        "keypoints": [[[5.0, 6.0]], [[22.0, 9.0]]],
    }
    recipe = Recipe.parse(STEPS)
    moved = recipe(Sample(image, channels="data", **parts))
    colors = recipe(Sample(array[..., :3].copy(), **parts))
    np.testing.assert_array_equal(moved.boxes, colors.boxes)
    np.testing.assert_array_equal(moved.label_map, colors.label_map)
    np.testing.assert_array_equal(moved.keypoints, colors.keypoints)
    assert moved.size == (24, 24)
    planes = Recipe.parse(STEPS + "; channels=data")(array)
    got = moved.image if kind == "numpy" else np.moveaxis(moved.image.numpy(), 0, -1)
    assert abs(got.astype(int) - planes).max() <= (0 if kind == "numpy" else 2)
    back = recipe.inverse(moved, like=Sample(image, channels="data"))
    assert back.channels == "data"
    np.testing.assert_allclose(back.boxes[0], BOXES[0], atol=1e-6)


def test_functions_take_a_sample_of_planes():
    sample = Sample(bands(7, "float32"), boxes=BOXES, channels="data")
    flipped = aikit.flip(sample)
    np.testing.assert_array_equal(flipped.image, sample.image[:, ::-1])
    assert flipped.boxes[0].tolist() == [28.0, 3.0, 36.0, 9.0]
    heights = Sample(np.arange(-4, 4, dtype=np.int16).reshape(2, 4), keypoints=[[1.0, 1.0]], channels="data")
    assert aikit.crop(heights, box=(1, 0, 3, 2)).image.tolist() == [[-3, -2], [1, 2]]
    assert "Sample: 24x40" in sample._repr_html_()


def test_what_a_sample_of_planes_refuses():
    sample = Sample(bands(), boxes=BOXES, channels="data")
    for name, keywords in (("blur", {"sigma": 1.0}), ("flatten", {"background": "white"}), ("trim", {})):
        with pytest.raises(
            InputValueError,
            match=f"{name}: expected an operation that takes planes of data, got one of colors; leave the",
        ):
            sample.apply(name, **keywords)
    with pytest.raises(
        InputValueError, match="image: expected an array or a tensor of data, got a PIL image; pass to_num"
    ):
        Sample(aikit.to_pil(codes(3, 4)), channels="data")
    with pytest.raises(InputValueError, match=r"image: expected one picture, got a batch of shape \(1,\)"):
        Sample(bands()[None], channels="data")
    with pytest.raises(InputValueError, match=r"image: expected shape .*, got \(24, 40, 6\)"):
        Sample(bands())


def test_a_recipe_of_data_is_a_value():
    recipe = Recipe.parse("pad left=3 fill=-1.5; flip; channels=data to=tiff")
    assert recipe.steps == (("pad", {"left": 3, "fill": -1.5, "channels": "data"}), ("flip", {"channels": "data"}))
    for copy in (Recipe.parse(str(recipe)), Recipe.from_json(recipe.to_json()), Recipe.from_toml(recipe.to_toml())):
        assert copy == recipe
    assert recipe.digest != Recipe.parse("pad left=3; flip; to=tiff").digest
    # What recipes of colors were called before stays.
    assert "channels" not in str(Recipe.parse("flip; to=tiff"))
    flow = np.full((2, 2, 2), 7, np.float32)
    assert recipe(flow)[0].tolist() == [[7, 7], [7, 7], [-1.5, -1.5], [-1.5, -1.5], [-1.5, -1.5]]
    for line, message in (
        ("blur sigma=1; channels=data", "blur: expected an operation that takes planes of data, got one of colors"),
        ("flip; channels=bands", "channels: expected one of color, data, got 'bands'"),
        ("flip; channels=data profile=ignore", "profile: expected nothing beside channels=.data., got .ignore."),
        ("flip; channels=data to=jpeg", "expected TIFF, or PNG for one picture .*, for data, got JPEG"),
        ("pad left=3 fill=red; channels=data", "pad.fill: expected numbers, one or one a plane, got 'red'"),
    ):
        with pytest.raises(InputValueError, match=message):
            Recipe.parse(line)


@pytest.mark.parametrize("limits", [None, Limits()])
@pytest.mark.parametrize("dtype", ["uint16", "int16", "float32"])
def test_files_go_through_a_recipe(dtype, limits):
    array = bands(6, "float32") if dtype == "float32" else bands(6, "uint16").view(dtype)
    data = aikit.encode([array, array[::-1]], "tiff", channels="data")
    recipe = Recipe.parse("crop box=[2,1,32,21]; rot90; channels=data")
    made = tifffile.imread(io.BytesIO(recipe.bytes(data, limits=limits)), key=[0, 1])
    np.testing.assert_array_equal(made[0], np.rot90(array[1:21, 2:32]))
    np.testing.assert_array_equal(made[1], np.rot90(array[::-1][1:21, 2:32]))
    one = Recipe.parse("flip; channels=data frame=1")
    np.testing.assert_array_equal(tifffile.imread(io.BytesIO(one.bytes(data))), array[::-1, ::-1])
    with pytest.raises(LimitError, match="pixels after resizing"):
        recipe(array, limits=Limits(max_output_pixels=100))


def test_a_png_of_data_stays_one():
    depth = bands(1, "uint16")[..., 0]
    data = Recipe.parse("resize scale=2 method=nearest; channels=data").bytes(
        aikit.encode(depth, "png", channels="data")
    )
    assert data[1:4] == b"PNG"
    np.testing.assert_array_equal(aikit.read_numpy(data, channels="data"), depth.repeat(2, 0).repeat(2, 1))
    with pytest.raises(InputTypeError, match="uint8 or uint16 data for PNG, got float32"):
        Recipe.parse("channels=data to=png").bytes(aikit.encode(bands(1, "float32"), "tiff", channels="data"))


def test_the_command_takes_planes(tmp_path):
    array = bands(5, "uint16").view("int16")
    aikit.write(array, tmp_path / "bands.tif", channels="data")
    for line in (
        ["convert", "bands.tif", "--crop", "box=[2,1,32,21]", "--channels", "data", "cut.tif"],
        ["run", "crop box=[2,1,32,21]; channels=data", "bands.tif", "cut2.tif"],
    ):
        done = subprocess.run(
            [sys.executable, "-m", "aikit", *line], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        np.testing.assert_array_equal(tifffile.imread(tmp_path / line[-1]), array[1:21, 2:32])
