import copy
import inspect
import pickle

import pytest

from aikit import errors

CLASSES = [getattr(errors, name) for name in errors.__all__]

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

MESSAGE = "image: expected an image, got 'x'; pass one."

EXAMPLES = [
    *(kind(MESSAGE) for kind in CLASSES),
    errors.FileFormatError(MESSAGE, code="truncated"),
    errors.LimitError(MESSAGE, code="timeout"),
    errors.FileFormatError(MESSAGE, code="unsafe_content"),
    errors.WorkerError(MESSAGE, code="worker_failed"),
    errors.FileAccessError(MESSAGE, errno=2, filename="a.png"),
]


def facts(error):
    names = ("code", "errno", "filename", "strerror", "name")
    return type(error), str(error), {name: getattr(error, name, None) for name in names}


@pytest.mark.parametrize(("name", "builtin"), BUILTINS.items())
def test_each_is_an_aikit_error_and_the_builtin(name, builtin):
    assert issubclass(getattr(errors, name), (errors.AikitError,))
    assert issubclass(getattr(errors, name), builtin)


def test_every_class_is_listed():
    defined = {name for name, value in vars(errors).items() if inspect.isclass(value) and issubclass(value, Exception)}
    assert defined - {"_CodedError"} == set(errors.__all__) == {"AikitError", *BUILTINS}


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
def test_the_message_is_what_str_gives(error):
    assert str(error) == MESSAGE


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
def test_pickling_keeps_everything(error, protocol):
    assert facts(pickle.loads(pickle.dumps(error, protocol))) == facts(error)


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
def test_copying_keeps_everything_and_notes(error):
    error = copy.copy(error)
    error.add_note("while reading page 3")
    assert facts(copy.copy(error)) == facts(error)
    assert pickle.loads(pickle.dumps(error)).__notes__ == ["while reading page 3"]


def test_codes_have_defaults():
    assert errors.FileFormatError("m").code == "corrupt"
    assert errors.LimitError("m").code == "limit_exceeded"
    assert errors.WorkerError("m").code == "worker_crashed"


@pytest.mark.parametrize("name", ["FileFormatError", "LimitError", "WorkerError"])
def test_every_code_is_described(name):
    lines = [line.split(maxsplit=1) for line in errors.__doc__.splitlines()]
    (codes,) = [words[1].split(", ") for words in lines if words and words[0] == name]
    kind = getattr(errors, name)
    assert kind("m").code in codes
    assert all(f'"{code}"' in kind.__doc__ for code in codes)


def test_access_errors_carry_what_open_would():
    error = errors.FileAccessError(MESSAGE, errno=13, filename="a.png")
    assert (error.errno, error.filename) == (13, "a.png")
    plain = errors.FileAccessError(MESSAGE)
    assert (plain.errno, plain.filename) == (None, None)
