"""Samples: boxes, masks, label maps and keypoints that go where their picture goes, and come back."""

import numpy as np
import pytest
import torch
from hypothesis import given, strategies as st
from PIL import Image, ImageOps

import aikit
from aikit import InputTypeError, InputValueError, Recipe, Sample, operations
from pictures import codes, pil, tensor

PHOTO = codes(60, 80, 3)


def near(left, right, atol=1e-6):
    np.testing.assert_allclose(np.asarray(left), np.asarray(right), atol=atol)


# ---------------------------------------------------------------- recipes that can be undone

sides = st.integers(20, 200)
STRAIGHT = st.one_of(
    st.fixed_dictionaries({"name": st.just("resize"), "height": sides, "width": sides}),
    st.fixed_dictionaries({"name": st.just("pad"), "left": st.integers(0, 30), "bottom": st.integers(0, 30)}),
    st.fixed_dictionaries({"name": st.just("fit"), "height": sides, "width": sides, "how": st.sampled_from(["contain", "letterbox", "stretch"])}),
    st.fixed_dictionaries({"name": st.just("flip"), "axis": st.sampled_from(["horizontal", "vertical"])}),
    st.fixed_dictionaries({"name": st.just("rot90"), "k": st.integers(-4, 5)}),
    st.fixed_dictionaries({"name": st.just("rotate"), "degrees": st.sampled_from([90.0, 180.0, -90.0])}),
    st.fixed_dictionaries({"name": st.just("blur"), "sigma": st.just(1.0)}),
)  # fmt: skip
TURNING = st.one_of(
    STRAIGHT,
    st.fixed_dictionaries({"name": st.just("rotate"), "degrees": st.floats(-180, 180), "expand": st.just(True)}),
    st.fixed_dictionaries(
        {"name": st.just("warp_affine"), "matrix": st.just(((0.7, 0.2, 5.0), (-0.1, 0.8, 20.0))), "height": sides, "width": sides}
    ),
    st.fixed_dictionaries(
        {"name": st.just("warp_perspective"), "matrix": st.just(((1.0, 0.2, 5.0), (0.1, 1.1, 8.0), (0.001, 0.0005, 1.0)))}
    ),
)  # fmt: skip


def recipe_of(steps):
    return Recipe([(step["name"], {key: value for key, value in step.items() if key != "name"}) for step in steps])


places_in = st.lists(st.tuples(st.floats(0, 80), st.floats(0, 60)), min_size=1, max_size=6)


@given(st.lists(TURNING, min_size=1, max_size=4), places_in)
def test_keypoints_come_back_through_every_recipe_that_can_be_undone(steps, points):
    recipe = recipe_of(steps)
    sample = recipe(Sample(np.zeros((60, 80), np.uint8), keypoints=points))
    near(recipe.inverse(sample, like=np.zeros((60, 80), np.uint8)).keypoints, points, atol=1e-3)


@given(st.lists(STRAIGHT, min_size=1, max_size=4), st.lists(st.tuples(*[st.floats(0, 1)] * 4), min_size=1, max_size=5))
def test_boxes_come_back_through_recipes_that_stay_straight_and_clip_nothing(steps, corners):
    boxes = np.array(
        [[min(a, c) * 70, min(b, d) * 50, max(a, c) * 70 + 5, max(b, d) * 50 + 5] for a, b, c, d in corners], np.float32
    )
    recipe, photo = recipe_of(steps), np.zeros((60, 80), np.uint8)
    sample = recipe(Sample(photo, boxes=boxes))
    assert len(sample.boxes) == len(boxes)
    back = recipe.inverse(sample, like=photo).boxes
    assert back.dtype == np.float32
    near(back, boxes, atol=1e-3)
    near(recipe.inverse(torch.from_numpy(sample.boxes), like=(60, 80)), boxes, atol=1e-3)


@given(st.floats(-180, 180))
def test_a_turned_box_comes_back_as_the_one_around_it(degrees):
    photo = np.zeros((60, 80), np.uint8)
    recipe = Recipe([("rotate", {"degrees": degrees})])
    boxes = np.array([[30.0, 20.0, 50.0, 40.0]])
    back = recipe.inverse(recipe(Sample(photo, boxes=boxes)), like=photo).boxes[0]
    # Twice the enclosing box of a turned square about the picture's center.
    side = 20 * (abs(np.cos(np.radians(degrees))) + abs(np.sin(np.radians(degrees)))) ** 2
    near(back, [40 - side / 2, 30 - side / 2, 40 + side / 2, 30 + side / 2], atol=1e-6)


# ---------------------------------------------------------------- where places go


@pytest.mark.parametrize("make", [lambda a: a, pil, tensor], ids=["numpy", "pil", "torch"])
def test_a_letterbox_takes_everything_along(make):
    photo = np.zeros((60, 80, 3), np.uint8)
    photo[12:30, 20:40] = 250
    labels = (photo[..., 0] > 0).astype(np.int64) * 3
    sample = Sample(
        make(photo), boxes=[[20, 12, 40, 30]], masks=labels[None] > 0, label_map=labels, keypoints=[[[20, 12, 2], [40, 30, 1]]],
        classes=torch.tensor([5]), scores=[0.5],
    )  # fmt: skip
    result = Recipe.parse("fit height=160 width=160 how=letterbox fill=114 method=nearest")(sample)
    assert type(result.image) is type(sample.image)
    near(result.boxes, [[40, 44, 80, 80]])
    near(result.keypoints, [[[40, 44, 2], [80, 80, 1]]])
    shown = aikit.to_numpy(result.image)[..., 0]
    assert result.label_map.dtype == np.int64
    np.testing.assert_array_equal(result.label_map == 3, shown == 250)
    np.testing.assert_array_equal(result.label_map == 255, shown == 114)
    assert result.masks.dtype == bool
    np.testing.assert_array_equal(result.masks[0], shown == 250)
    assert (result.classes.tolist(), result.scores) == ([5], [0.5])


@pytest.mark.parametrize(
    ("name", "keywords"),
    [
        ("crop", {"box": (10, 5, 70, 55)}),
        ("crop", {"box": (-10, 5, 30, 75)}),
        ("pad", {"left": 3, "bottom": 9}),
        ("pad", {"left": 30, "right": 99, "top": 61, "mode": "reflect"}),
        ("pad", {"left": 30, "right": 99, "top": 61, "mode": "wrap"}),
        ("pad", {"left": 30, "right": 99, "top": 61, "mode": "edge"}),
        ("flip", {"axis": "vertical"}),
        ("rot90", {"k": 3}),
        ("resize", {"width": 40, "method": "nearest"}),
        ("resize", {"height": 31, "width": 121, "method": "nearest"}),
        ("rotate", {"degrees": 20.0, "method": "nearest"}),
        ("warp_perspective", {"matrix": ((1, 0.2, 5), (0.1, 1.1, 8), (0.003, 0.001, 1)), "method": "nearest"}),
    ],
)
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int32", "int64"])
def test_label_maps_show_what_a_picture_by_nearest_shows(name, keywords, dtype):
    labels = codes(60, 80) % 7 + 1
    result = getattr(aikit, name)(Sample(labels, label_map=labels.astype(dtype), ignore=0), **keywords)
    assert result.label_map.dtype == dtype
    np.testing.assert_array_equal(result.label_map, result.image)
    as_tensor = torch.from_numpy(labels.astype(dtype))
    moved = getattr(aikit, name)(Sample(labels, label_map=as_tensor, ignore=0), **keywords).label_map
    assert moved.dtype == as_tensor.dtype
    np.testing.assert_array_equal(moved.to(torch.int64).numpy(), result.image)


@pytest.mark.parametrize(
    ("box_format", "relative", "boxes"),
    [
        ("xyxy", False, [[8, 6, 40, 30]]),
        ("xywh", False, [[8, 6, 32, 24]]),
        ("cxcywh", False, [[24, 18, 32, 24]]),
        ("xyxy", True, [[0.1, 0.1, 0.5, 0.5]]),
        ("cxcywh", True, [[0.3, 0.3, 0.4, 0.4]]),
    ],
)
def test_every_format_of_boxes(box_format, relative, boxes):
    options = {"box_format": box_format, "relative": relative}
    recipe = Recipe.parse("crop box=[0,0,48,60]; flip axis=horizontal; resize height=30 width=24")
    result = recipe(Sample(PHOTO, boxes=boxes, **options))
    expected = {
        "xyxy": [[4, 3, 20, 15]], "xywh": [[4, 3, 16, 12]], "cxcywh": [[12, 9, 16, 12]],
    }[box_format]  # fmt: skip
    scale = np.array([24, 30, 24, 30]) if relative else 1
    near(result.boxes, np.array(expected) / scale)
    near(recipe.inverse(result, like=PHOTO).boxes, boxes)
    near(recipe.inverse(result.boxes, like=PHOTO, **options), boxes)


def test_what_left_the_picture_is_dropped_with_all_that_belongs_to_it():
    masks = np.zeros((3, 60, 80), np.uint8)
    for k in range(3):
        masks[k, 10 * k : 10 * k + 5] = 1
    sample = Sample(
        PHOTO,
        boxes=torch.tensor([[0, 0, 20, 20], [15, 0, 35, 20], [60, 0, 80, 20]]),
        classes=np.array([7, 8, 9]), scores=("a", "b", "c"), masks=masks,
        keypoints=torch.tensor([[[5.0, 5, 2]], [[30, 5, 2]], [[70, 5, 2]]]),
    )  # fmt: skip
    result = sample.apply("crop", box=(0, 0, 20, 60))
    assert result.boxes.tolist() == [[0, 0, 20, 20], [15, 0, 20, 20]]
    assert result.classes.tolist() == [7, 8]
    assert result.scores == ("a", "b")
    assert [mask.any(1).argmax() for mask in result.masks] == [0, 10]
    assert result.keypoints.tolist() == [[[5, 5, 2]], [[30, 5, 0]]]  # beyond the picture, and so not visible
    strict = aikit.crop(Sample(PHOTO, boxes=sample.boxes, classes=[7, 8, 9], min_visible=0.5), box=(0, 0, 20, 60))
    assert (strict.boxes.tolist(), strict.classes) == ([[0, 0, 20, 20]], [7])


def test_masks_without_boxes_are_dropped_when_nothing_of_them_is_seen():
    masks = np.zeros((3, 60, 80), bool)
    masks[0, :, 0], masks[1, :, 79] = True, True
    result = Sample(PHOTO, masks=masks, classes=["left", "right", "none"]).apply("crop", box=(0, 0, 40, 60))
    assert (len(result.masks), result.classes) == (2, ["left", "none"])


def test_values_alone_leave_places_alone():
    boxes = np.array([[-5.0, 3, 200, 9]])
    sample = Sample(PHOTO, boxes=boxes)
    result = Recipe.parse("blur sigma=1; rgb_to_gray")(sample)
    assert result.boxes is boxes
    assert result.image.shape == (60, 80)
    np.testing.assert_array_equal(result.image, aikit.rgb_to_gray(aikit.blur(PHOTO, 1)))


def test_the_functions_take_samples_too():
    sample = Sample(tensor(PHOTO), boxes=[[8, 6, 40, 30]])
    near(aikit.flip(sample, "vertical").boxes, [[8, 30, 40, 54]])
    near(aikit.rot90(sample).boxes, [[6, 40, 30, 72]])
    near(aikit.rotate(sample, 180).boxes, [[40, 30, 72, 54]])
    near(aikit.upsample(sample, 2).boxes, [[16, 12, 80, 60]])
    with pytest.raises(InputTypeError, match=r"image: expected a PIL image, .* got Sample; convert it"):
        aikit.to_pil(sample)


def test_boxes_and_points_of_a_picture_on_its_side_are_meant_upright():
    picture = pil(codes(60, 80, 3))
    picture.getexif()[0x0112] = 6  # seen upright it is 80 high and 60 wide
    recipe = Recipe.parse("resize height=40 width=30")
    sample = Sample(picture, boxes=[[0, 0, 60, 40]], keypoints=[[60.0, 80.0]])
    assert sample.size == (80, 60)
    near(recipe(sample).boxes, [[0, 0, 30, 20]])
    near(recipe.inverse([[0, 0, 30, 20]], like=picture), [[0, 0, 60, 40]])


@pytest.mark.parametrize("orientation", range(1, 9))
def test_boxes_in_the_rows_that_the_file_has(orientation):
    picture = Image.new("L", (80, 60))
    picture.paste(255, (10, 5, 30, 20))
    picture.getexif()[0x0112] = orientation
    upright = np.asarray(ImageOps.exif_transpose(picture))
    rows, columns = np.nonzero(upright)
    seen = [[columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]]
    near(Recipe([]).inverse(seen, like=picture, stored=True), [[10, 5, 30, 20]])
    near(Recipe([]).inverse(seen, like=picture), seen)


def test_steps_that_look_at_pixels_are_followed_on_the_picture():
    photo = np.zeros((60, 80, 4), np.uint8)
    photo[10:50, 20:70] = 200
    recipe = Recipe.parse("trim; resize width=100")
    sample = recipe(Sample(photo, boxes=[[20, 10, 30, 30]]))
    near(sample.boxes, [[0, 0, 20, 40]])
    near(recipe.inverse(sample, like=photo).boxes, [[20, 10, 30, 30]])
    with pytest.raises(
        InputTypeError, match=r"like: expected the picture, which trim looks at, got \(60, 80\); pass it"
    ):
        recipe.inverse(sample.boxes, like=(60, 80))


def test_a_prediction_comes_back_onto_the_picture():
    recipe = Recipe.parse("fit height=64 width=64 how=letterbox")
    made = recipe(PHOTO)
    labels = np.zeros((64, 64), np.uint8)
    labels[8:56] = 4  # the picture is there, 48 rows high
    predicted = Sample(
        made, boxes=[[0, 8, 32, 32], [0, 0, 64, 5]], classes=[1, 2], label_map=labels, masks=np.stack([labels == 4] * 2)
    )
    back = recipe.inverse(predicted, like=PHOTO)
    assert back.image is PHOTO
    near(back.boxes, [[0, 0, 40, 30]])  # the other was in the bar
    assert back.classes == [1]
    assert back.masks.shape == (1, 60, 80)
    assert (back.label_map == 4).all()
    # Bare boxes keep their rows.
    assert recipe.inverse(predicted.boxes, like=PHOTO).tolist() == [[0, 0, 40, 30], [0, 0, 80, 0]]


# ---------------------------------------------------------------- label maps of PIL


def test_label_maps_of_pil_are_indices():
    palette = Image.fromarray(codes(60, 80) % 5)
    palette.putpalette([7 * k % 256 for k in range(768)])
    result = aikit.flip(Sample(PHOTO, label_map=palette))
    assert result.label_map.mode == "P"
    assert result.label_map.getpalette() == palette.getpalette()
    np.testing.assert_array_equal(np.asarray(result.label_map), np.asarray(palette)[:, ::-1])
    wide = Image.fromarray(codes(60, 80, dtype="uint16"))
    np.testing.assert_array_equal(
        np.asarray(aikit.rot90(Sample(PHOTO, label_map=wide)).label_map), np.rot90(np.asarray(wide))
    )


# ---------------------------------------------------------------- messages


@pytest.mark.parametrize(
    ("keywords", "kind", "message"),
    [
        ({"boxes": [[1, 2, 3]]}, InputValueError, r"^boxes: expected shape \(N, 4\), got \(1, 3\); pass one row for each"),
        ({"boxes": "all"}, InputTypeError, r"^boxes: expected numbers in rows, got 'all'; pass an array"),
        ({"boxes": [[1, 2, 3, 4]], "box_format": "yxyx"}, InputValueError, r"^box_format: expected one of xyxy, xywh, cxcywh"),
        ({"boxes": [[1, 2, 3, 4]], "classes": [1, 2]}, InputValueError, r"^classes: expected 1 rows, one for each of boxes, got 2"),
        ({"masks": np.ones((60, 80))}, InputValueError, r"^masks: expected shape \(N, H, W\), got \(60, 80\); for one mask pass"),
        ({"masks": np.ones((1, 6, 8))}, InputValueError, r"^masks: expected height x width 60x80, the picture's, got 6x8; res"),
        ({"label_map": np.ones((60, 80))}, InputTypeError, r"^label_map: expected an array, a tensor or a PIL image of whole "),
        ({"label_map": np.ones((6, 80), int)}, InputValueError, r"^label_map: expected height x width 60x80, the picture's, got"),
        ({"label_map": Image.new("RGB", (80, 60))}, InputValueError, r"^label_map: expected a PIL image of mode P, .* got RGB"),
        ({"label_map": np.ones((60, 80), np.int8)}, InputValueError, r"^ignore: expected -128 to 127, which a label map of int8"),
        ({"keypoints": [[1, 2, 3, 4]]}, InputValueError, r"^keypoints: expected shape \(N, N, 2 or 3\), got \(1, 4\)"),
        ({"min_visible": 2}, InputValueError, r"^min_visible: expected a number from 0 to 1, got 2"),
        ({"relative": "yes"}, InputTypeError, r"^relative: expected True or False, got 'yes'"),
    ],
)  # fmt: skip
def test_what_is_refused(keywords, kind, message):
    with pytest.raises(kind, match=message):
        Sample(PHOTO, **keywords)


def test_what_else_is_refused(monkeypatch):
    from aikit.operations import registry

    monkeypatch.setattr(registry, "_OPERATIONS", dict(registry._OPERATIONS))

    @operations.operation(changes_size=True)
    def swirled(image):
        return image

    sample = Sample(PHOTO, boxes=[[1, 2, 3, 4]])
    with pytest.raises(
        InputValueError, match=r"swirled: expected an operation that says where points go, beside boxes"
    ):
        sample.apply("swirled")
    assert Sample(PHOTO).apply("swirled").image is PHOTO
    with pytest.raises(
        InputValueError, match=r"swirled: expected an operation that says where points go, got one that"
    ):
        Recipe([("swirled", {})]).inverse([[1, 2, 3, 4]], like=PHOTO)
    with pytest.raises(
        InputValueError, match=r"image: expected one picture, got a batch of shape \(2,\); make a sample"
    ):
        Sample(np.zeros((2, 4, 4, 3), np.uint8))
    recipe = Recipe.parse("resize width=40")
    with pytest.raises(
        InputValueError, match=r"sample: expected a picture of height x width 30x40, .* got 60x80; pass"
    ):
        recipe.inverse(sample, like=PHOTO)
    with pytest.raises(InputTypeError, match=r"like: expected the picture itself for a sample, got \(60, 80\)"):
        recipe.inverse(recipe(sample), like=(60, 80))
    with pytest.raises(InputValueError, match=r"stored: expected False for a sample, .* got True"):
        recipe.inverse(recipe(sample), like=PHOTO, stored=True)


def test_limits_hold_for_samples():
    sample = Sample(PHOTO, boxes=[[1, 2, 3, 4]])
    with pytest.raises(aikit.LimitError, match=r"pixels after resizing"):
        Recipe.parse("resize width=4000")(sample, limits=aikit.Limits(max_output_pixels=1000))


def test_an_empty_sample_goes_through():
    sample = Sample(PHOTO, boxes=[], classes=[], masks=np.zeros((0, 60, 80), bool), keypoints=np.zeros((0, 5, 3)))
    result = Recipe.parse("rotate degrees=10; fit height=32 width=32")(sample)
    assert result.boxes.shape == (0, 4)
    assert result.masks.shape == (0, *result.image.shape[:2])
    assert result.classes == []
