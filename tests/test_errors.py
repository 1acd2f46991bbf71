import copy
import inspect
import json
import pickle
import re
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from aikit import errors
from aikit.errors import printable, quoted, shortened

CLASSES = [value for value in vars(errors).values() if inspect.isclass(value) and issubclass(value, errors.AikitError)]

BUILTINS = {
    "InputTypeError": TypeError,
    "InputValueError": ValueError,
    "FileFormatError": ValueError,
    "FileAccessError": OSError,
    "LimitError": ValueError,
    "MissingDependencyError": ImportError,
    "DeviceError": RuntimeError,
    "WorkerError": RuntimeError,
}
CODES = {
    "InputTypeError": "invalid_type",
    "InputValueError": "invalid_value",
    "FileFormatError": "corrupt",
    "FileAccessError": "no_access",
    "LimitError": "limit_exceeded",
    "MissingDependencyError": "missing_dependency",
    "DeviceError": "no_device",
    "WorkerError": "worker_crashed",
}
RAISED = [kind for kind in CLASSES if kind is not errors.AikitError]

FIELDS = "image", "an image", "'x'", "pass one"
MESSAGE = "image: expected an image, got 'x'; pass one."


def made(kind, **fields):
    return kind(*FIELDS, **({"limit": "max_pixels"} if kind is errors.LimitError else {}), **fields)


EXAMPLES = [
    *map(made, RAISED),
    errors.AikitError(*FIELDS, code="memory"),
    made(errors.FileFormatError, code="truncated", option="allow_truncated"),
    made(errors.LimitError, code="timeout", allowed=10.0),
    made(errors.LimitError, allowed=10, found=11, option="limits"),
    made(errors.FileFormatError, code="unsafe_content"),
    made(errors.WorkerError, code="worker_failed"),
    made(errors.FileAccessError, errno=2, filename="a.png"),
]


def facts(error):
    return type(error), str(error), error.to_dict(), {name: getattr(error, name, None) for name in ("strerror", "name")}


@pytest.mark.parametrize(("name", "builtin"), BUILTINS.items())
def test_each_is_an_aikit_error_and_the_builtin(name, builtin):
    assert issubclass(getattr(errors, name), (errors.AikitError,))
    assert issubclass(getattr(errors, name), builtin)


def test_every_class_is_listed():
    assert (
        {kind.__name__ for kind in CLASSES} | {"CODES"}
        == set(errors.__all__) - {"AikitWarning"}
        == {"AikitError", "CODES", *BUILTINS}
    )


# Fields


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: f"{type(error).__name__}-{error.code}")
def test_the_message_is_made_of_the_fields(error):
    assert str(error) == MESSAGE
    assert (error.subject, error.expected, error.got, error.remedy) == FIELDS


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: f"{type(error).__name__}-{error.code}")
def test_a_dict_of_it_is_plain_data(error):
    data = error.to_dict()
    assert json.loads(json.dumps(data)) == data
    assert data["message"] == MESSAGE
    assert data["code"] == error.code
    rest = {name: value for name, value in data.items() if name != "message"}
    assert facts(type(error)(**rest)) == facts(error)


def test_limits_say_what_and_how_much():
    data = made(errors.LimitError, allowed=10, found=11).to_dict()
    assert (data["limit"], data["allowed"], data["found"]) == ("max_pixels", 10, 11)


def test_a_limit_error_names_its_limit():
    with pytest.raises(TypeError, match="limit"):
        errors.LimitError(*FIELDS)


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: f"{type(error).__name__}-{error.code}")
def test_another_surface_uses_other_words(error):
    error = copy.copy(error)
    error.add_note("on page 3")
    other = error.with_subject("--image", "pass --image FILE")
    assert str(other) == "--image: expected an image, got 'x'; pass --image FILE."
    assert type(other) is type(error)
    changed = {"subject": "--image", "remedy": "pass --image FILE", "message": str(other)}
    assert other.to_dict() == error.to_dict() | changed
    assert other.__notes__ == ["on page 3"]
    assert str(error) == MESSAGE
    assert error.with_subject("--image").remedy == "pass one"


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: f"{type(error).__name__}-{error.code}")
def test_pickling_keeps_everything(error, protocol):
    assert facts(pickle.loads(pickle.dumps(error, protocol))) == facts(error)


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: f"{type(error).__name__}-{error.code}")
def test_copying_keeps_everything_and_notes(error):
    error = copy.copy(error)
    error.add_note("while reading page 3")
    assert facts(copy.copy(error)) == facts(error)
    assert pickle.loads(pickle.dumps(error)).__notes__ == ["while reading page 3"]


class Derived(errors.InputValueError):
    """One of a user's, with arguments of its own."""

    def __init__(self, page):
        super().__init__(f"page {page}", "a page", "none", "count again")
        self.page = page


def test_classes_that_users_derive_travel_too():
    error = Derived(3)
    for other in (copy.copy(error), pickle.loads(pickle.dumps(error)), error.with_subject("sheet 3")):
        assert (type(other), other.page, other.got) == (Derived, 3, "none")
    assert error.with_subject("sheet 3").subject == "sheet 3"


def test_figures_are_those_that_json_has():
    import numpy as np

    error = made(errors.LimitError, allowed=np.int64(3), found=np.float32(2.5))
    assert json.dumps([error.allowed, error.found]) == "[3, 2.5]"
    assert made(errors.LimitError, allowed=float("inf"), found=float("nan")).to_dict()["allowed"] is None


def test_access_errors_carry_what_open_would():
    error = made(errors.FileAccessError, errno=13, filename="a.png")
    assert (error.errno, error.filename) == (13, "a.png")
    plain = made(errors.FileAccessError)
    assert (plain.errno, plain.filename) == (None, None)


# Codes


@pytest.mark.parametrize("kind", RAISED, ids=lambda kind: kind.__name__)
def test_every_class_has_its_code(kind):
    assert made(kind).code == CODES[kind.__name__]
    assert f'"{made(kind).code}"' in kind.__doc__
    assert set(re.findall(r'"([a-z_]+)"', kind.__doc__.partition("Attributes:")[0])) <= set(errors.CODES)


def test_a_code_must_be_one_of_the_table():
    with pytest.raises(errors.InputValueError, match=r"code: expected one of invalid_type, .*, got 'broken'; pass one"):
        made(errors.FileFormatError, code="broken")


def test_the_page_has_every_code():
    page = (Path(__file__).parents[1] / "docs" / "api" / "errors.md").read_text()
    assert re.findall(r"^\| `([a-z_]+)` \|.*\| (.*) \|$", page, re.MULTILINE) == list(errors.CODES.items())


# Words for messages


def test_what_was_passed_is_quoted_in_80_characters():
    assert quoted("a\nb") == r"'a\nb'"
    assert quoted("x" * 78) == repr("x" * 78)
    assert quoted("x" * 79) == "'" + "x" * 52 + "…" + "x" * 25 + "'"
    assert quoted(b"\0" * 10**6) == "b'" + r"\x00" * 12 + r"\x0…0" + r"\x00" * 6 + "'"
    assert quoted("iVBOR" + "A" * 10**6 + "CYII=") == "'iVBOR" + "A" * 47 + "…" + "A" * 20 + "CYII='"
    assert quoted(list(range(100))).startswith("[0, 1, 2, 3, ")
    assert quoted(list(range(100))).endswith(", 97, 98, 99]")
    assert len(quoted(10**5000)) <= 80


def test_a_value_is_quoted_on_one_line():
    class Matrix:
        def __repr__(self):
            return "[[1 0]\n [0 1]]"

    assert quoted(Matrix()) == "[[1 0] [0 1]]"


def test_what_cannot_be_printed_is_named_by_its_class():
    class Broken:
        def __repr__(self):
            raise RuntimeError("no")

    assert quoted(Broken()).startswith("<test_errors.test_what_cannot_be_printed")


@given(st.text(), st.integers(10, 50))
def test_shortened_texts_keep_both_ends(text, most):
    short = shortened(text, most)
    assert len(short) == min(len(text), most)
    if len(text) > most:
        start, end = short.split("…")[0], short.rsplit("…")[-1]
        assert text.startswith(start)
        assert text.endswith(end)


@given(st.text())
def test_printable_texts_speak_to_no_terminal(text):
    assert printable(text).isprintable()
    if text.isprintable():
        assert printable(text) == text


def test_names_are_escaped_and_of_bearable_length():
    name = "in\x1b[2J/\udcff" + "a" * 400_000 + ".png"
    message = str(errors.FileFormatError(name, "a whole PNG file", "0 bytes", "fetch it again"))
    assert message.startswith(r"in\x1b[2J/\udcffaaa")
    assert message.endswith("aaa.png: expected a whole PNG file, got 0 bytes; fetch it again.")
    assert len(message) < 330
    assert len(str(errors.InputValueError("a", "b" * 10**6, "c" * 10**6, "d" * 10**6))) < 1600
