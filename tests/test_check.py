import inspect
import math
import re
from fractions import Fraction

import numpy as np
import pytest
import torch
from PIL import Image

import aikit
from aikit import AikitError, InputTypeError, InputValueError
from aikit._check import function, integer, number, one_of, switch
from aikit.transforms import Apply

MESSAGE = re.compile(r"[^\s:][^:]*: expected .+, got .+; .+\.", re.DOTALL)

# What no parameter means. Arrays cannot be compared with a word, lists not be looked up, text counts as true.
ODD = {
    "none": None,
    "text": "no",
    "empty": "",
    "bytes": b"x",
    "list": [1],
    "dict": {},
    "array": np.array([1, 2]),
    "tensor": torch.tensor([1, 2]),
    "nan": math.nan,
    "infinity": math.inf,
    "huge": 10**30,
    "negative": -1,
    "complex": 1j,
    "object": object(),
}

NO_IMAGES = {
    "nested": torch.nested.nested_tensor([torch.rand(3, 4, 4), torch.rand(3, 5, 4)]),
    "lazy": torch.nn.UninitializedParameter(),
    "meta": torch.empty(3, 4, 4, device="meta"),
    "sparse": torch.eye(4).expand(3, 4, 4).to_sparse(),
    "complex": np.zeros((4, 4, 3), np.complex64),
    "text": np.array([["a"]]),
    "one axis": np.arange(5.0),
    "empty": np.zeros((0, 4, 3), np.uint8),
    "number": 5,
    "class": Image.Image,
}

NEEDED = {"background": "white", "alpha": 0.5, "color": "white", "src": "rgb", "dst": "lab", "standard": "bt601"}
NEEDED |= {"range": "full", "sigma": 1.0, "scale": 2, "mean": 0.5, "std": 0.5, "like": np.zeros((2, 2), np.uint8)}

GIVEN = {
    "array": np.random.default_rng(0).integers(0, 256, (6, 8, 3), np.uint8),
    "tensor": torch.rand(4, 6, 8),
    "pil": Image.effect_noise((8, 6), 40).convert("RGBA"),
}


def image_functions():
    rooms = ("alpha", "color", "convert", "resample", "batch.normalizing", "batch.unstacking")
    modules = (aikit.alpha, aikit.batch, aikit.color, aikit.convert, aikit.resample)
    for name, value in ((name, getattr(module, name)) for module in modules for name in module.__all__):
        if inspect.isfunction(value) and value.__module__.removeprefix("aikit.").startswith(rooms):
            yield pytest.param(value, id=name)


def answer(call):
    """The class of the error that a call ends with, None where it succeeds; its words are checked."""
    try:
        call()
    except AikitError as error:
        assert MESSAGE.fullmatch(str(error)), str(error)  # noqa: PT017
        return type(error)
    return None


@pytest.mark.parametrize("fn", list(image_functions()))
def test_what_is_no_image_is_refused_in_our_own_words(fn):
    first, *others = inspect.signature(fn).parameters.values()
    options = {p.name: NEEDED[p.name] for p in others if p.default is p.empty}
    if fn is aikit.resize:
        options["scale"] = 0.5
    for name, value in NO_IMAGES.items():
        assert answer(lambda value=value: fn(value, **options)) in (InputTypeError, InputValueError), (name, first.name)


@pytest.mark.parametrize("fn", list(image_functions()))
def test_odd_arguments_are_refused_in_our_own_words(fn):
    _, *others = inspect.signature(fn).parameters.values()
    options = {p.name: NEEDED[p.name] for p in others if p.default is p.empty}
    for parameter in others:
        for value in [*ODD.values(), *NO_IMAGES.values()]:
            for image in GIVEN.values():
                answer(lambda i=image, o={**options, parameter.name: value}: fn(i, **o))


@pytest.mark.parametrize(
    "value", [*ODD.values(), *NO_IMAGES.values()], ids=[*ODD, *(f"no image: {n}" for n in NO_IMAGES)]
)
def test_so_do_the_functions_that_take_no_single_image(value):
    layer, pictures, file = torch.nn.Linear(2, 2), list(GIVEN.values()), aikit.encode(GIVEN["array"], "png")
    plain = [picture for name, picture in GIVEN.items() if name == "array"]
    for name in ("height", "width", "fit", "channels", "background", "device", "dtype", "out"):
        answer(lambda n=name: aikit.stack(pictures, **{"device": "cpu", "channels": "rgb", n: value}))
        answer(lambda n=name: aikit.read_batch([file], **{"device": "cpu", n: value}))
    answer(lambda: aikit.stack(plain, bgr=value, device="cpu"))
    answer(lambda: aikit.stack(value, device="cpu"))
    answer(lambda: aikit.stack([*pictures, value], device="cpu"))
    answer(lambda: aikit.read_batch(value, device="cpu"))
    answer(lambda: aikit.read_batch([file], decoder=value, device="cpu"))
    answer(lambda: aikit.batch.group_by_shape(value))
    answer(lambda: aikit.batch.prefetch([1], "cpu", ahead=value))
    answer(lambda: aikit.batch.prefetch([1], value))
    answer(lambda: aikit.pick_device(value))
    answer(lambda: aikit.pick_device(min_free=value))
    answer(lambda: aikit.pick_device(max_utilization=value))
    answer(lambda: aikit.memory.memory_report(value))
    answer(lambda: aikit.memory.on_device(layer, value).__enter__())
    answer(lambda: aikit.memory.ModelPool().add(value, torch.nn.Identity))
    answer(lambda: aikit.memory.ModelPool().use(value).__enter__())
    answer(lambda: aikit.memory.run_in_chunks(list, [1, 2], size=value))
    answer(lambda: aikit.memory.run_in_chunks(value, [1, 2], size=1) if not callable(value) else None)
    answer(lambda: aikit.memory.find_batch_size(value) if not callable(value) else None)
    answer(lambda: aikit.memory.find_batch_size(id, start=1, maximum=2, margin=value))
    answer(lambda: aikit.memory.is_out_of_memory(value))
    answer(lambda: aikit.fusion.fused(value))
    answer(lambda: Apply(aikit.flatten)(value))


def test_a_list_of_files_is_not_the_lines_of_one(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(aikit.encode(GIVEN["array"], "png"))
    with path.open("rb") as file, pytest.raises(InputTypeError, match=r"sources: .* got BufferedReader; .*\[source\]"):
        aikit.read_batch(file)


def test_words():
    one_of("fit", "pad", ("pad", "crop"))
    one_of("fit", "pad", {"pad": 1})
    for value in ("", "pa", None, ["pad"], np.array(["pad", "crop"])):
        with pytest.raises(InputValueError, match=r"(?s)^fit: expected one of pad, crop, got .*; pass one of these"):
            one_of("fit", value, ("pad", "crop"))


def test_switches():
    for value in (True, False, np.True_):
        switch("bgr", value)
    for value in ("no", 0, 1, None, np.array([True])):
        with pytest.raises(InputTypeError, match=r"^bgr: expected True or False, got .*; pass one of these"):
            switch("bgr", value)


def test_functions():
    function("fn", len)
    with pytest.raises(InputTypeError, match=r"^fn: expected a function, got 3; pass one"):
        function("fn", 3)


def test_whole_numbers():
    assert [integer("n", value) for value in (1, np.int64(2), np.array(3), torch.tensor(4))] == [1, 2, 3, 4]
    assert integer("n", -5, -math.inf) == -5
    for value in (True, 2.0, "2", None, np.array([2]), NO_IMAGES["nested"], NO_IMAGES["lazy"]):
        with pytest.raises(InputTypeError, match=r"^n: expected a whole number, got [\s\S]*; round it"):
            integer("n", value)
    with pytest.raises(InputValueError, match=r"^n: expected 1 or more, got 0; pass a larger one"):
        integer("n", 0)


def test_numbers():
    assert [number("n", value, 0, 1) for value in (0, 1, np.float32(0.5), Fraction(1, 4))] == [0, 1, 0.5, 0.25]
    assert number("n", 10**30, 1, math.inf) == 1e30
    for value in (-0.1, 1.1, math.nan, math.inf, 10**30, 10**400):
        with pytest.raises(InputValueError, match=r"^n: expected a number from 0 to 1, got .*; pass one in that range"):
            number("n", value, 0, 1)
    for value in (True, "1", None, 1j, np.array([1])):
        with pytest.raises(InputTypeError, match=r"^n: expected a number of 1 or more, got .*; pass one"):
            number("n", value, 1, math.inf)
    with pytest.raises(InputValueError, match=r"^n: expected a number of 1 or more, got inf"):
        number("n", math.inf, 1, math.inf)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: aikit.resize(np.zeros((2, 2), np.uint8), width=10**400), r"width: expected at most \d+, got 1000"),
        (lambda: aikit.resize(np.zeros((2, 2), np.uint8), scale=10**400), r"scale: expected"),
        (lambda: aikit.flatten(np.zeros((2, 2, 4), np.uint8), background=10**400), r"background: expected a name such"),
        (lambda: aikit.to_numpy(np.zeros((2, 2)), value_range=(0, 10**400)), r"value_range: expected two numbers"),
        (lambda: aikit.pick_device(min_free=10**400), r"min_free: expected a whole number of bytes, got 1000"),
        (lambda: aikit.render_svg(b"<svg/>", engine=[]), r'engine: expected "resvg" or "cairosvg", got \[\]'),
        (lambda: aikit.open_psd(b"8BPS", profile=np.zeros(9)), r'profile: expected "srgb" or "ignore", got array'),
    ],
    ids="width scale color range bytes engine profile".split(),
)
def test_what_no_float_or_word_holds_is_refused(call, message):
    with pytest.raises(aikit.AikitError, match=message):
        call()
