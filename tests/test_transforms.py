"""Operations as steps of torchvision's v2.Compose."""

import pickle
from functools import partial

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision import tv_tensors
from torchvision.transforms import v2

import aikit
from aikit import InputTypeError, InputValueError
from aikit.transforms import Apply
from pictures import codes, pil, tensor

HALF = Apply(aikit.resize, scale=0.5)


def boxes():
    return tv_tensors.BoundingBoxes([[0, 0, 3, 3]], format="XYXY", canvas_size=(8, 10))


def places():
    yield "boxes", boxes()
    yield "mask", tv_tensors.Mask(torch.ones(8, 10))
    if hasattr(tv_tensors, "KeyPoints"):
        yield "keypoints", tv_tensors.KeyPoints([[1, 2]], canvas_size=(8, 10))


PLACES = dict(places())


@pytest.mark.parametrize("kind", ["pil", "tensor", "image", "video"])
def test_the_result_is_of_the_kind_that_came(kind):
    picture = codes(8, 10, 4)
    image = {
        "pil": lambda: pil(picture),
        "tensor": lambda: tensor(picture),
        "image": lambda: tv_tensors.Image(tensor(picture)),
        "video": lambda: tv_tensors.Video(tensor(picture)[None].repeat(3, 1, 1, 1)),
    }[kind]()
    result = Apply(aikit.flatten, background="white")(image)
    assert type(result) is type(image)
    expected = aikit.flatten(image, background="white")
    assert torch.equal(aikit.to_tensor(result), aikit.to_tensor(expected))
    assert result.size == (10, 8) if kind == "pil" else result.shape[-3:] == (3, 8, 10)


def test_a_numpy_array_is_the_image_only_where_it_is_the_whole_sample():
    array = codes(8, 10, 3)
    assert HALF(array).shape == (4, 5, 3)
    assert HALF(array, 3)[0] is array
    image, labels = HALF(pil(array), array)
    assert image.size == (5, 4)
    assert labels is array


def test_everything_else_is_passed_on_untouched():
    label, name, extra = torch.tensor(3), "cat", np.ones(4)
    sample = {
        "image": tv_tensors.Image(tensor(codes(8, 10, 3))),
        "target": {"label": label, "more": [name, None, extra]},
    }
    result = HALF(sample)
    assert result["image"].shape == (3, 4, 5)
    assert result["target"]["label"] is label
    assert result["target"]["more"][0] is name
    assert result["target"]["more"][2] is extra


def test_plain_tensors_follow_the_rule_of_torchvision():
    first, second = tensor(codes(8, 10, 3)), torch.ones(3, 8, 10)
    got = HALF(first, second)
    assert got[0].shape == (3, 4, 5)
    assert got[1] is second
    # The same sample through torchvision.
    theirs = v2.Resize((4, 5))(first, second)
    assert [part.shape for part in got] == [part.shape for part in theirs]
    image, plain = HALF(tv_tensors.Image(first), second)
    assert isinstance(image, tv_tensors.Image)
    assert plain is second


def test_all_images_of_a_sample_are_changed():
    left, right, label = HALF(pil(codes(8, 10, 3)), pil(codes(6, 4, 3)), 1)
    assert (left.size, right.size, label) == ((5, 4), (2, 3), 1)


def test_a_sample_without_images_goes_through():
    sample = ({"label": 3}, "cat", boxes())
    assert HALF(*sample)[:2] == sample[:2]
    assert HALF(5) == 5


def test_in_compose_between_steps_of_torchvision():
    steps = v2.Compose(
        [
            Apply(aikit.flatten, background="white"),
            v2.ToImage(),
            v2.RandomHorizontalFlip(1),
            v2.ToDtype(torch.float32, scale=True),
            HALF,
        ]
    )
    picture = codes(8, 10, 4)
    image, label = steps(pil(picture), 7)
    assert isinstance(image, tv_tensors.Image)
    assert label == 7
    expected = aikit.resize(aikit.to_tensor(aikit.flatten(picture)).flip(-1), scale=0.5)
    assert torch.allclose(image.as_subclass(torch.Tensor), expected, atol=1e-6)


def halve(image):
    return aikit.resize(image, scale=0.5)


@pytest.mark.parametrize("place", PLACES)
def test_a_size_that_a_function_of_ones_own_changed_beside_places_is_refused(place):
    image = tv_tensors.Image(tensor(codes(8, 10, 3)))
    with pytest.raises(
        InputValueError, match=r"image: expected to stay as it lies .* got 8x10 made 4x5 by halve; use a"
    ):
        Apply(halve)(image, {"target": [PLACES[place]]})
    kept, place_kept = Apply(aikit.blur, sigma=1.0)(image, PLACES[place])
    assert kept.shape == image.shape
    assert torch.equal(place_kept, PLACES[place])


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (Apply(aikit.flip), v2.RandomHorizontalFlip(1)),
        (Apply(aikit.flip, "vertical"), v2.RandomVerticalFlip(1)),
        (Apply(aikit.resize, height=40, width=30), v2.Resize((40, 30))),
        (Apply(aikit.crop, width=30, height=20), v2.CenterCrop((20, 30))),
        (Apply(aikit.pad, left=3, right=4, top=5, bottom=6), v2.Pad((3, 5, 4, 6))),
        (Apply(aikit.rot90), v2.RandomRotation((90, 90), expand=True)),
    ],
    ids=["flip", "flip vertical", "resize", "crop", "pad", "rot90"],
)
@pytest.mark.parametrize("box_format", ["XYXY", "XYWH", "CXCYWH"])
def test_places_go_where_torchvision_takes_them(ours, theirs, box_format):
    image = tv_tensors.Image(tensor(codes(60, 80, 3)))
    corners = torch.tensor([[30.0, 20, 50, 40], [10, 5, 45, 38]])
    boxes = v2.ConvertBoundingBoxFormat(box_format)(
        tv_tensors.BoundingBoxes(corners, format="XYXY", canvas_size=(60, 80))
    )
    mask = tv_tensors.Mask(torch.from_numpy(codes(60, 80) % 3)[None])
    got, expected = ours(image, boxes, mask, {"label": 3}), theirs(image, boxes, mask, {"label": 3})
    assert got[0].shape == expected[0].shape
    assert type(got[1]) is tv_tensors.BoundingBoxes
    assert (got[1].format, got[1].canvas_size) == (expected[1].format, expected[1].canvas_size)
    torch.testing.assert_close(
        got[1].as_subclass(torch.Tensor), expected[1].as_subclass(torch.Tensor), atol=1e-4, rtol=0
    )
    assert type(got[2]) is tv_tensors.Mask
    # Where a nearest pixel is a tie, torchvision takes the one before.
    assert (got[2] == expected[2]).float().mean() > 0.99 or ours.fn is aikit.resize
    assert got[3] == {"label": 3}


@pytest.mark.skipif(not hasattr(tv_tensors, "KeyPoints"), reason="a later torchvision has them")
def test_keypoints_go_too():
    image = tv_tensors.Image(tensor(codes(60, 80, 3)))
    points = tv_tensors.KeyPoints([[[10.0, 20], [30, 40]]], canvas_size=(60, 80))
    _, moved = Apply(aikit.resize, height=30, width=80)(image, points)
    assert type(moved) is tv_tensors.KeyPoints
    assert (moved.tolist(), moved.canvas_size) == ([[[10, 10], [30, 20]]], (30, 80))


def test_places_follow_a_trim():
    hollow = codes(8, 10, 4)
    hollow[..., 3] = 255
    hollow[0, :, 3] = 0
    image, moved = Apply(aikit.trim)(pil(hollow), boxes())
    assert image.size == (10, 7)
    assert (moved.tolist(), moved.canvas_size) == ([[0, 0, 3, 2]], (7, 10))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_places_beside_a_picture_on_its_side_are_in_its_rows(orientation):
    picture = np.zeros((8, 10), np.uint8)
    picture[1:3, 2:7] = 255
    image = pil(picture)
    image.getexif()[0x0112] = orientation
    boxes = tv_tensors.BoundingBoxes([[2, 1, 7, 3]], format="XYXY", canvas_size=(8, 10))
    mask = tv_tensors.Mask(torch.from_numpy(picture)[None])
    upright, moved, mask = Apply(aikit.color.gray_to_rgb)(image, boxes, mask)
    shown = np.asarray(upright)[..., 0]
    np.testing.assert_array_equal(mask[0], shown)
    rows, columns = np.nonzero(shown)
    assert moved.tolist() == [[columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]]
    assert moved.canvas_size == shown.shape


def test_images_that_go_different_ways_hold_each_other_and_turned_boxes_are_refused():
    left, right = (tv_tensors.Image(tensor(codes(*size, 3))) for size in ((8, 10), (6, 10)))
    with pytest.raises(InputValueError, match=r"image: expected to stay as it lies .* got 8x10 made 4x5 by resize"):
        HALF(left, right, boxes())
    both = HALF(left, left, boxes())
    assert both[2].tolist() == [[0, 0, 2, 2]]  # 1.5 in a box of integers
    if hasattr(tv_tensors.BoundingBoxFormat, "XYWHR"):
        turned = tv_tensors.BoundingBoxes([[1.0, 2, 3, 4, 30]], format="XYWHR", canvas_size=(8, 10))
        with pytest.raises(InputValueError, match=r"boxes: expected boxes of format XYXY, XYWH or CXCYWH, got XYWHR"):
            HALF(left, turned)


def test_pickles_and_says_what_it_does():
    transform = pickle.loads(pickle.dumps(Apply(aikit.resize, height=4, width=5, method="area")))
    assert repr(transform) == "Apply(resize, height=4, width=5, method='area')"
    assert transform(pil(codes(8, 10, 3))).size == (5, 4)
    assert "Apply(resize, scale=0.5)" in repr(v2.Compose([HALF]))
    assert repr(Apply(partial(aikit.resize, scale=2))).startswith("Apply(functools.partial(<function resize")


def test_changes_of_container():
    array = Apply(aikit.to_numpy, dtype="float32")(pil(codes(8, 10, 3)))
    assert array.dtype == np.float32
    image = Apply(aikit.to_pil)(tv_tensors.Image(tensor(codes(8, 10, 3))), 3)[0]
    assert isinstance(image, Image.Image)


class Pictures(torch.utils.data.Dataset):
    transform = v2.Compose([Apply(aikit.flatten), HALF])

    def __len__(self):
        return 4

    def __getitem__(self, index):
        return self.transform(pil(codes(8, 10, 4) // (index + 1)), index)


def collate(samples):
    images, labels = zip(*samples, strict=True)
    return aikit.stack(images), labels


def test_in_the_workers_of_a_data_loader():
    loader = torch.utils.data.DataLoader(Pictures(), 4, num_workers=1, collate_fn=collate)
    ((batch, labels),) = loader
    assert labels == (0, 1, 2, 3)
    assert torch.equal(batch[3], aikit.to_tensor(Pictures()[3][0]))


@pytest.mark.parametrize(
    ("fn", "error", "message"),
    [
        (
            aikit.split_alpha,
            InputTypeError,
            "fn: expected an operation that gives an image, got tuple from split_alpha",
        ),
        (aikit.has_alpha, InputTypeError, "fn: expected an operation that gives an image, got bool from has_alpha"),
    ],
)
def test_what_gives_no_image_is_refused(fn, error, message):
    with pytest.raises(error, match=message):
        Apply(fn)(pil(codes(8, 10, 3)))


def test_what_cannot_be_called_is_refused():
    with pytest.raises(InputTypeError, match=r"fn: expected a function, got 'flatten'; pass one"):
        Apply("flatten")


@pytest.mark.gpu
def test_on_cuda():
    image = HALF(tv_tensors.Image(tensor(codes(8, 10, 3))).cuda())
    assert isinstance(image, tv_tensors.Image)
    assert image.is_cuda


# At construction


def test_what_follows_the_image_may_be_given_by_place():
    step = Apply(aikit.convert_color, "rgb", "hsv")
    array = codes(8, 10, 3)
    assert np.array_equal(step(array), aikit.rgb_to_hsv(array))
    assert repr(step) == "Apply(convert_color, 'rgb', 'hsv')"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: Apply(aikit.resize, widht=3),
            r"^resize: expected one of width=, height=, .*, got widht=3; pass width=\.$",
        ),
        (lambda: Apply(aikit.resize, size=(3, 4)), r"^resize: expected height= and width=, got size=\(3, 4\); pass"),
        (lambda: Apply(aikit.resize, 3, 4), r"^resize: expected height= and width=, got \(3, 4\) without names; pass"),
        (lambda: Apply(aikit.blur), r"^blur: expected sigma=, got none; pass sigma=\.$"),
        (lambda: Apply(lambda image, *, times: image, tmes=3), r"<lambda>: expected one of times=, got tmes=3; pass t"),
        (lambda: Apply(partial(aikit.resize, width=3), hight=3), r"expected one of height=, .*, got hight=3; pass hei"),
    ],
    ids="typo foreign positional missing lambda partial".split(),
)
def test_a_call_that_cannot_work_is_refused_at_once(make, message):
    with pytest.raises(InputValueError, match=message):
        make()


def test_a_function_whose_parameters_nobody_knows_passes():
    assert Apply(max, key=3).options == {"key": 3}
