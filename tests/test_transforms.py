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


@pytest.mark.parametrize("place", PLACES)
def test_a_changed_size_beside_places_is_refused(place):
    image = tv_tensors.Image(tensor(codes(8, 10, 3)))
    with pytest.raises(
        InputValueError, match=r"image: expected to stay as it lies .* got 8x10 made 4x5 by resize; use a"
    ):
        HALF(image, {"target": [PLACES[place]]})
    kept, place_kept = Apply(aikit.blur, sigma=1.0)(image, PLACES[place])
    assert kept.shape == image.shape
    assert place_kept is PLACES[place]


def test_a_trim_that_takes_nothing_off_is_fine_and_one_that_does_is_not():
    whole, hollow = codes(8, 10, 4), codes(8, 10, 4)
    whole[..., 3], hollow[..., 3] = 255, 255
    hollow[0, :, 3] = 0
    Apply(aikit.trim)(pil(whole), boxes())
    with pytest.raises(InputValueError, match="got 8x10 made 7x10 by trim"):
        Apply(aikit.trim)(pil(hollow), boxes())


@pytest.mark.parametrize("orientation", [3, 6])
def test_turning_a_picture_upright_beside_boxes_is_refused(orientation):
    image = pil(codes(8, 10, 4))
    image.getexif()[0x0112] = orientation
    with pytest.raises(InputValueError, match=f"got 8x10 with EXIF orientation {orientation} made .* by flatten"):
        Apply(aikit.flatten)(image, boxes())
    assert Apply(aikit.flatten)(image, 3)[1] == 3


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
