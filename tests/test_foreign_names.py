"""Names and keywords of other libraries, answered with ours; and calls that fit, which stay as they were."""

import importlib
import inspect
import pickle

import numpy as np
import pytest

import aikit
from aikit import InputTypeError
from aikit._foreign_names import _KEYWORDS, NAMES, explain_calls, misfit

RED = np.zeros((2, 3, 3), np.uint8)
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="2" height="1"/>'


# Names


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("imread", "use read_pil, read_numpy, read_cv2 or read_tensor"),
        ("imwrite", "use write"),
        ("imshow", "use show"),
        ("save", "use write"),
        ("open", "use read_pil, read_numpy, read_cv2 or read_tensor"),
        ("load", "use read_pil, read_numpy, read_cv2 or read_tensor"),
        ("to_torch", "use to_tensor"),
        ("to_cuda", r"use to_tensor\(image, device=\.\.\.\)"),
        ("cvtColor", "use convert_color"),
        ("from_numpy", "use to_pil, to_numpy, to_cv2 or to_tensor, which take every kind of image"),
        ("Psd", r"use aikit\.psd\.Psd"),
        ("premultiplie", "use premultiply"),
        ("zzz", r"use one that dir\(aikit\) lists"),
    ],
)
def test_a_name_of_elsewhere_is_answered_with_ours(name, answer):
    message = rf"^aikit\.{name}: expected a name of aikit, got one it does not have; {answer}\.$"
    with pytest.raises(AttributeError, match=message):
        getattr(aikit, name)
    assert not hasattr(aikit, name)


def test_no_answer_is_for_a_name_that_we_have():
    assert not set(NAMES) & {*aikit.__all__}


def test_every_answer_names_what_exists():
    for answer in set(NAMES.values()):
        for word in answer.partition("(")[0].partition(", which")[0].replace(" or ", ", ").split(", "):
            module, _, name = f"aikit.{word.removeprefix('aikit.')}".rpartition(".")
            assert hasattr(importlib.import_module(module), name), word


# Calls


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: aikit.resize(RED, size=(6, 4)),
            r"resize: expected height= and width=, got size=\(6, 4\); pass height= and width=\.",
        ),
        (lambda: aikit.resize(RED, dsize=(6, 4)), r"resize: expected height= and width=, got dsize=\(6, 4\); pass"),
        (
            lambda: aikit.resize(RED, (6, 4)),
            r"resize: expected height= and width=, got \(6, 4\) without names; pass height= and width=\.",
        ),
        (lambda: aikit.resize(RED, 6, 4), r"resize: expected height= and width=, got \(6, 4\) without names; pass"),
        (
            lambda: aikit.resize(RED, width=6, interpolation=3),
            r"resize: expected method=, got interpolation=3; pass method=\.",
        ),
        (lambda: aikit.resize(RED, width=6, resample="area"), r"resize: expected method=, got resample='area'; pass"),
        (lambda: aikit.resize(RED, width=6, mode="area"), r"resize: expected method=, got mode='area'; pass method="),
        (
            lambda: aikit.resize(RED, widht=6),
            r"resize: expected one of width=, height=, scale=, .*, got widht=6; pass width=\.",
        ),
        (lambda: aikit.blur(RED, ksize=(5, 5)), r"blur: expected sigma=, got ksize=\(5, 5\); pass sigma=\."),
        (lambda: aikit.blur(RED), r"blur: expected sigma=, got none; pass sigma=\."),
        (
            lambda: aikit.blur(RED, 1, 2),
            r"blur: expected only image and sigma without a name, got 2 too; leave it out\.",
        ),
        (
            lambda: aikit.make_transparent(RED, colour="red"),
            r"make_transparent: expected color=, got colour='red'; pass color=\.",
        ),
        (
            lambda: aikit.flatten(RED, colour="red"),
            r"flatten: expected background=, got colour='red'; pass background=\.",
        ),
        (lambda: aikit.flatten(RED, bg="red"), r"flatten: expected background=, got bg='red'; pass background=\."),
        (lambda: aikit.composite(RED, RED, offset=(1, 2)), r"composite: expected left= and top=, got offset=\(1, 2\)"),
        (lambda: aikit.write(RED, filename="a.png"), r"write: expected path=, got filename='a\.png'; pass path=\."),
        (lambda: aikit.read_pil(filename="a.png"), r"read_pil: expected source=, got filename='a\.png'; pass source="),
        (lambda: aikit.to_numpy(img=RED), r"to_numpy: expected image=, got img=array\(.*….*; pass image=\."),
        (lambda: aikit.to_numpy(RED, image=RED), r"to_numpy: expected image once, got it twice; pass it once\."),
        (
            lambda: aikit.to_tensor(RED, data_format="CHW"),
            r"to_tensor: expected layout=, got data_format='CHW'; pass layout=\.",
        ),
        (
            lambda: aikit.render_svg(SVG, size=3),
            r"render_svg: expected height= and width=, got size=3; pass height= and width=\.",
        ),
        (
            lambda: aikit.open_svg(SVG).render((3, 4)),
            r"render: expected height= and width=, got \(3, 4\) without names; pass",
        ),
        (
            lambda: aikit.new_psd(height=2, width=2).render("pil"),
            r"render: expected no argument without a name, got 'pil'; pass it as one of background=, kind=\.",
        ),
        (lambda: aikit.stack([RED], interpolation="bicubic"), r"stack: expected method=, got interpolation='bicubic'"),
        (
            lambda: aikit.read_batch([b""], ignore_errors=True),
            r"read_batch: expected on_error=, got ignore_errors=True; pass on_error=\.",
        ),
        (
            lambda: aikit.premultiply(RED, inplace=True),
            r"premultiply: expected no keywords, got inplace=True; leave it out\.",
        ),
    ],
)
def test_a_call_in_words_of_elsewhere_is_answered_with_ours(call, message):
    with pytest.raises(InputTypeError, match=f"^{message}"):
        call()


def test_what_is_told_is_short():
    with pytest.raises(InputTypeError, match=r"got size='x+…x+'; pass") as told:
        aikit.resize(RED, size="x" * 100_000)
    assert len(str(told.value)) < 200


def test_every_answer_to_a_keyword_is_one_that_a_function_has():
    functions = [getattr(aikit, name) for name in aikit.__all__]
    known = {
        name
        for function in functions
        if inspect.isfunction(function)
        for name in inspect.signature(function).parameters
    }
    assert {ours for answer in _KEYWORDS.values() for ours in answer} <= known


SHOWN = [name for name in aikit.__all__ if inspect.isfunction(getattr(aikit, name))]


@pytest.mark.parametrize("name", [name for name in SHOWN if name != "free_memory"])
def test_every_function_at_the_top_answers(name):
    with pytest.raises(InputTypeError, match=rf"^{name}: expected .*, got nonsense_of_mine=1; .*\.$"):
        getattr(aikit, name)(nonsense_of_mine=1)


# The decorator


@explain_calls
def twice(image: int, *, times: int = 2) -> int:
    """Its docstring."""
    return image * times + helper(image)


def helper(number):
    return len(number) if number == 7 else 0


def test_what_a_function_does_is_what_it_did():
    assert twice(3) == 6
    assert twice(3, times=4) == 12
    assert str(inspect.signature(twice)) == "(image: int, *, times: int = 2) -> int"
    assert (twice.__name__, twice.__doc__, twice.__module__) == ("twice", "Its docstring.", __name__)
    assert pickle.loads(pickle.dumps(twice)) is twice


def test_a_type_error_of_the_function_itself_stays_and_costs_no_look_at_the_call(monkeypatch):
    monkeypatch.setattr("aikit._foreign_names.misfit", lambda *call: pytest.fail("looked at"))
    with pytest.raises(TypeError, match=r"^object of type 'int' has no len\(\)$") as raised:
        twice(7)
    assert type(raised.value) is TypeError


def test_a_wrong_call_inside_the_function_stays():
    @explain_calls
    def outer(image):
        return helper(image, 3)

    with pytest.raises(TypeError, match=r"^helper\(\) takes 1 positional argument but 2 were given$") as raised:
        outer(1)
    assert type(raised.value) is TypeError


def test_functions_that_nobody_knows_the_parameters_of_are_not_judged():
    assert misfit(max, (1,), {"sideways": 2}) is None
    assert misfit(lambda *args, **options: None, (1, 2), {"a": 3}) is None
