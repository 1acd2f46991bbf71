"""The registry of operations: what signatures say, what is refused, where points go, and operations of one's own."""

import json
import pickle
import re
from pathlib import Path
from typing import Annotated, Any, Literal

import jsonschema
import numpy as np
import pytest
import torch
from PIL import Image

import aikit
import own_operations
from aikit import InputTypeError, InputValueError, Recipe, WorkerError, alpha, color, geometry, operations, resample
from aikit.operations import Within, registry
from pictures import codes

OURS = [
    "resize", "blur", "trim", "crop", "pad", "fit", "thumbnail", "flip", "rot90", "rotate", "warp_affine",
    "warp_perspective", "sharpen", "flatten", "make_transparent", "color_to_alpha", "premultiply", "unpremultiply",
    "estimate_foreground", "convert_color", "rgb_to_gray", "gray_to_rgb", "upsample",
]  # fmt: skip

CHANGING = [
    "resize", "trim", "crop", "pad", "fit", "thumbnail", "rot90", "rotate", "warp_affine", "warp_perspective", "upsample",
]  # fmt: skip


@pytest.fixture(autouse=True)
def forget(monkeypatch):
    """What a test registers is gone behind it."""
    monkeypatch.setattr(registry, "_OPERATIONS", dict(registry._OPERATIONS))


# What is known


def test_the_operations_there_are():
    assert operations.names()[: len(OURS)] == OURS
    assert {"fade", "repeat_rows"} <= set(operations.names())
    assert [each.name for each in operations.all()] == operations.names()
    for name in OURS:
        function = operations.get(name).function
        assert any(getattr(module, name, None) is function for module in (alpha, color, geometry, resample))
    changing = [each.name for each in operations.all() if each.name in OURS and each.changes_size]
    assert changing == CHANGING


@pytest.mark.parametrize(
    ("name", "parameter", "expected"),
    [
        ("resize", "width", {"type": ["integer", "null"], "minimum": 1, "unit": "pixels", "default": None}),
        ("resize", "scale", {"type": ["number", "null"], "exclusiveMinimum": 0, "default": None}),
        (
            "resize",
            "method",
            {
                "type": "string",
                "enum": ["nearest", "bilinear", "bicubic", "lanczos", "area"],
                "default": "lanczos",
            },
        ),
        ("resize", "antialias", {"type": "boolean", "default": True}),
        (
            "resize",
            "box",
            {"type": ["array", "null"], "items": {"type": "number"}, "minItems": 4, "maxItems": 4, "default": None},
        ),
        ("blur", "sigma", {"type": "number", "minimum": 0, "maximum": 1000, "unit": "pixels"}),
        ("trim", "threshold", {"type": "number", "minimum": 0, "exclusiveMaximum": 1, "default": 0.0}),
        (
            "flatten",
            "background",
            {
                "anyOf": [{"type": "string"}, {"type": "number"}, {"type": "array", "items": {"type": "number"}}],
                "default": "white",
            },
        ),
        ("make_transparent", "tolerance", {"type": "number", "minimum": 0, "maximum": 1, "default": 0.0}),
        ("upsample", "scale", {"type": "number", "minimum": 1}),
        ("convert_color", "encoding", {"enum": ["cv2", None], "default": None}),
        ("convert_color", "dtype", {"default": None}),
    ],
)
def test_parameters_are_read_from_signatures(name, parameter, expected):
    schema = operations.get(name).schema["properties"][parameter]
    assert schema.pop("description")
    assert schema == expected


def test_a_schema_is_whole():
    schema = operations.get("fade").schema
    assert schema == {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "fade",
        "description": "Make a picture paler, or darker.",
        "type": "object",
        "properties": {
            "amount": {
                "type": "number",
                "minimum": 0,
                "maximum": 1,
                "description": "how much of the color is lost, from 0 to 1.",
                "default": 0.5,
            },
            "towards": {"type": "string", "enum": ["white", "black"], "description": "where to.", "default": "white"},
        },
        "required": [],
        "additionalProperties": False,
    }
    assert operations.get("upsample").schema["required"] == ["scale"]
    # A network is no plain data.
    assert "model" not in operations.get("upsample").schema["properties"]


@pytest.mark.parametrize("name", OURS)
def test_schemas_are_schemas_and_every_parameter_is_described(name):
    operation = operations.get(name)
    jsonschema.Draft202012Validator.check_schema(operation.schema)
    assert all(each.description for each in operation.parameters)


def test_parameters_say_what_a_form_needs():
    width, method = (
        next(each for each in operations.get("resize").parameters if each.name == name) for name in ("width", "method")
    )
    assert (width.type, width.minimum, width.maximum, width.unit) == (("integer", "null"), 1, None, "pixels")
    assert (width.required, width.default, width.choices) == (False, None, ())
    assert method.choices == ("nearest", "bilinear", "bicubic", "lanczos", "area")
    color = operations.get("color_to_alpha").parameters[0]
    assert (color.type, color.required) == (("string", "number", "array"), True)


def test_the_page_lists_every_operation():
    page = (Path(__file__).parents[1] / "docs" / "api" / "operations.md").read_text("utf-8")
    table = "\n".join(line for line in page.splitlines() if line.startswith("| `"))
    rows = {name: line for line in table.splitlines() for name in re.findall(r"`(\w+)`", line.split("|")[1])}
    assert set(rows) == set(OURS)
    assert [name for name in OURS if rows[name].endswith("| changes |")] == CHANGING


# What is refused


VALUES = [
    None, True, False, 0, 1, -1, 3, 1000, 1001, 0.0, 0.25, 0.999, 1.5, -0.5, "white", "lanczos", "cv2", "bt709", "", [],
    [1, 2, 3], [1, 2, 3, 4], [0.5, "a"], ["rgb"], {"a": 1},
]  # fmt: skip


@pytest.mark.parametrize("name", [*OURS, "fade", "repeat_rows"])
def test_values_are_allowed_as_a_validator_of_json_schema_allows_them(name):
    """jsonschema is the oracle; what the function itself knows is left out."""
    for parameter in operations.get(name).parameters:
        validator = jsonschema.Draft202012Validator(dict(parameter.schema))
        for value in VALUES:
            # To JSON 1.0 is an integer, to Python it is none.
            if parameter.type[:1] == ("integer",) and value == 0.0 and isinstance(value, float):
                continue
            try:
                registry.check_value("x", value, parameter.schema)
                allowed = True
            except (InputTypeError, InputValueError):
                allowed = False
            assert allowed == validator.is_valid(value), (name, parameter.name, value)


@pytest.mark.parametrize(
    ("name", "keywords", "kind", "message"),
    [
        ("resize", {"breadth": 3}, InputValueError, r"^resize: expected keywords from height, .* got 'breadth'; leave"),
        ("resize", {"width": "3"}, InputTypeError, r"^resize\.width: expected a whole number of 1 or more, got '3'"),
        ("resize", {"width": 3.0}, InputTypeError, r"^resize\.width: expected a whole number .* got 3\.0"),
        ("resize", {"width": True}, InputTypeError, r"^resize\.width: expected a whole number .* got True"),
        ("resize", {"width": 0}, InputValueError, r"^resize\.width: expected a whole number of 1 or more, got 0"),
        ("resize", {"scale": 0}, InputValueError, r"^resize\.scale: expected a number above 0, got 0"),
        ("resize", {"scale": float("inf")}, InputValueError, r"^resize\.scale: expected a number above 0, got inf"),
        ("resize", {"width": 9, "scale": 2}, InputValueError, r"^resize\.scale: expected either scale or .* got both"),
        ("resize", {"width": 9, "box": [1, 2]}, InputValueError, r"^resize\.box: expected a list of 4 values, each a"),
        (
            "resize",
            {"width": 9, "method": "best"},
            InputValueError,
            r"^resize\.method: expected one of nearest, .*best",
        ),
        ("blur", {"sigma": 2000}, InputValueError, r"^blur\.sigma: expected a number from 0 to 1000, got 2000"),
        ("blur", {}, InputValueError, r"^blur: expected all its keywords, got \{\}; add sigma\."),
        ("trim", {"threshold": 1}, InputValueError, r"^trim\.threshold: expected a number of 0 or more and below 1"),
        ("flatten", {"background": "wite"}, InputValueError, r"^flatten\.background: expected a CSS color .*'wite'"),
        ("flatten", {"background": None}, InputTypeError, r"^flatten\.background: expected a text or a number or a li"),
        ("convert_color", {"src": "rgb"}, InputValueError, r"^convert_color: expected all its keywords, .* add dst"),
        (
            "convert_color",
            {"src": "rgb", "dst": "x"},
            InputValueError,
            r"^convert_color\.dst: expected one of rgb, gray",
        ),
        (
            "convert_color",
            {"src": "rgb", "dst": "lab", "encoding": "cv2", "dtype": "float32"},
            InputValueError,
            r'^convert_color\.dtype: expected None or "uint8" with encoding="cv2"',
        ),
        ("fade", {"amount": 2}, InputValueError, r"^fade\.amount: expected a number from 0 to 1, got 2"),
        ("upsample", {"scale": 2, "model": "a.pth"}, InputValueError, r"^upsample: expected keywords from .*'model'"),
    ],
)
def test_keywords_that_are_not_taken(name, keywords, kind, message):
    with pytest.raises(kind, match=message):
        operations.get(name).check(keywords)


@pytest.mark.parametrize(
    "keywords", [{"src": "rgb", "dst": "cmyk"}, {"src": "cmyk", "dst": "rgb"}, {"src": "hsv", "dst": "gray", "weights": [0, 0, 1]}]
)  # fmt: skip
def test_any_pair_of_color_spaces_is_taken(keywords):
    operations.get("convert_color").check(keywords)


def test_an_unknown_name():
    with pytest.raises(InputValueError, match=r"steps: expected names from resize, blur, .* got 'swirl'; pass some"):
        operations.get("swirl")


# Where points go


def at(matrix, x, y):
    """Where a point lies in the result."""
    return tuple((np.array(matrix) @ (x, y, 1))[:2])


@pytest.mark.parametrize(
    ("keywords", "points"),
    [
        ({"width": 60, "height": 10}, {(0, 0): (0, 0), (30, 20): (60, 10), (15, 5): (30, 2.5)}),
        ({"scale": 0.5}, {(30, 20): (15, 10)}),
        (
            {"width": 20, "height": 20, "box": [5, 10, 15, 20]},
            {(5, 10): (0, 0), (15, 20): (20, 20), (0, 0): (-10, -20)},
        ),
    ],
)
def test_points_go_with_a_resize(keywords, points):
    matrix = operations.get("resize").matrix(codes(20, 30), keywords)
    assert {point: at(matrix, *point) for point in points} == points


@pytest.mark.parametrize("kind", [lambda a: a, Image.fromarray, aikit.to_tensor], ids=["numpy", "pil", "torch"])
def test_points_lie_where_the_pixels_do(kind):
    """The center of mass of a spot, before and behind."""
    array = np.zeros((40, 60, 4), np.uint8)
    array[10:30, 20:50] = 255
    array[14:18, 30:36, :3] = 0

    def center(image):
        dark = 255 - aikit.to_numpy(aikit.flatten(image), dtype="uint8")[..., 0].astype(float)
        y, x = np.mgrid[0 : dark.shape[0], 0 : dark.shape[1]] + 0.5
        return (x * dark).sum() / dark.sum(), (y * dark).sum() / dark.sum()

    image, before = kind(array), center(array)
    for name, keywords in (("trim", {}), ("resize", {"width": 30}), ("upsample", {"scale": 2}), ("blur", {"sigma": 1})):
        operation = operations.get(name)
        after = center(operation(image, keywords))
        np.testing.assert_allclose(at(operation.matrix(image, keywords), *before), after, atol=0.02)


def test_a_picture_on_its_side_is_meant_upright():
    picture = Image.fromarray(codes(20, 30, 3))
    picture.getexif()[274] = 6
    assert operations.get("resize").matrix(picture, {"width": 40})[0][0] == 2


def test_what_keeps_points_and_what_cannot_say():
    assert operations.get("flatten").matrix(codes(3, 4), {}) == ((1, 0, 0), (0, 1, 0), (0, 0, 1))
    assert operations.get("repeat_rows").matrix(codes(3, 4), {"times": 3}) == ((1, 0, 0), (0, 3, 0), (0, 0, 1))
    assert operations.get("trim").matrix(np.zeros((3, 4, 4), np.uint8), {}) is None

    @operations.operation(changes_size=True)
    def shuffled(image):
        return image

    assert operations.get("shuffled").matrix(codes(3, 4), {}) is None

    @operations.operation(matrix=lambda image, keywords: [[1, 2], [3, 4]])
    def bent(image):
        return image

    with pytest.raises(InputValueError, match=r"bent\.matrix: expected three rows of three numbers, got \[\[1, 2\]"):
        operations.get("bent").matrix(codes(3, 4), {})


# One's own


def test_the_decorator_gives_the_function_back():
    assert own_operations.fade(np.zeros((1, 1, 3), np.float32), amount=0.25).max() == 0.25
    assert operations.get("fade").function is own_operations.fade
    assert operations.get("fade").module == "own_operations"
    assert Recipe([("fade", {"towards": "black"})])(np.ones((1, 1), np.float32)).tolist() == [[0.5]]


def test_annotations_of_every_form():
    @operations.operation(name="many")
    def function(
        image: Any,
        a: int | None = None,
        *,
        b: tuple[int, str] = (1, "x"),
        c: list[float] = [],  # noqa: B006
        d: Annotated[int, Within(1, 9, unit="rows")] | Literal["all"] = "all",
        e: Literal["x", 3, None] = None,
        f: Annotated[float, "a note"] | None = None,
        g: list = [],  # noqa: B006
    ):
        return image

    schemas = {each.name: dict(each.schema) for each in operations.get("many").parameters}
    assert schemas == {
        "a": {"type": ["integer", "null"]},
        "b": {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}], "minItems": 2, "maxItems": 2},
        "c": {"type": "array", "items": {"type": "number"}},
        "d": {
            "anyOf": [
                {"type": "integer", "minimum": 1, "maximum": 9, "unit": "rows"},
                {"type": "string", "enum": ["all"]},
            ]
        },
        "e": {"enum": ["x", 3, None]},
        "f": {"type": ["number", "null"]},
        "g": {"type": "array"},
    }


def no_image():
    pass


def unnamed(image, *, name: str = ""):
    pass


def several(image, *others: int):
    pass


def bare(image, *, amount=1):
    pass


def odd(image, *, moment: bytes = b""):
    pass


def unknown(image, *, amount: "Nowhere" = 1):  # noqa: F821
    pass


def keyword_image(*, image):
    pass


@pytest.mark.parametrize(
    ("function", "options", "kind", "message"),
    [
        (5, {}, InputTypeError, r"function: expected a function of an image, got 5"),
        (lambda image: image, {}, InputValueError, r"name: expected a name such as sepia, got '<lambda>'; pass name="),
        (bare, {"name": "two words"}, InputValueError, r"name: expected a name such as sepia, got 'two words'"),
        (no_image, {}, InputTypeError, r"no_image: expected a function of an image, got"),
        (keyword_image, {}, InputTypeError, r"keyword_image: expected an image as the first argument"),
        (unnamed, {}, InputTypeError, r"unnamed: expected keywords one by one, none of them called name"),
        (several, {}, InputTypeError, r"several: expected keywords one by one"),
        (bare, {}, InputTypeError, r"bare\.amount: expected an annotation, got none; write its type"),
        (odd, {}, InputTypeError, r"odd\.moment: expected a type of plain data, got <class 'bytes'>"),
        (unknown, {}, InputTypeError, r"unknown\.amount: expected an annotation that can be read, got .*Nowhere"),
        (own_operations.fade, {"name": "resize"}, InputValueError, r"name: .* got 'resize', one of aikit's; pass ano"),
        (own_operations.stamp, {"name": "fade"}, InputValueError, r"name: .* got 'fade', one of own_operations"),
        (own_operations.stamp, {"changes_size": 1}, InputTypeError, r"changes_size: expected True or False, got 1"),
        (own_operations.stamp, {"matrix": 1}, InputTypeError, r"matrix: expected a function of an image and keywords"),
    ],
)
def test_what_cannot_be_registered(function, options, kind, message):
    before = operations.names()
    with pytest.raises(kind, match=message):
        operations.operation(function, **options) if not options else operations.operation(**options)(function)
    assert operations.names() == before


def test_a_module_that_is_loaded_again_registers_again():
    import importlib

    importlib.reload(own_operations)
    assert operations.get("fade").function is own_operations.fade


def test_a_result_of_another_kind_is_refused():
    @operations.operation
    def broken(image):
        return torch.zeros(3, 2, 2)

    with pytest.raises(
        InputTypeError, match=r"broken: expected a result of the kind numpy, got torch; return the kind"
    ):
        Recipe([("broken", {})])(codes(2, 2, 3))


def test_operations_travel_by_their_names():
    for name in ("resize", "fade"):
        assert pickle.loads(pickle.dumps(operations.get(name))) is operations.get(name)
    assert registry.modules_of(["resize", "fade", "stamp", "fade"]) == ("own_operations",)
    with pytest.raises(WorkerError, match=r"no_such_module: expected a module .* got ModuleNotFoundError") as caught:
        registry.import_modules(["no_such_module"])
    assert caught.value.code == "worker_failed"


# What one's own operations do, and what they may not say


def registered(function):
    aikit.operation(function)
    return operations.get(function.__name__)


def test_an_operation_that_fails_is_an_error_of_its_picture():
    def breaks(image):
        raise KeyError("no such thing")

    own = registered(breaks)
    with pytest.raises(
        InputValueError, match=r"breaks: expected a result, got KeyError.'no such thing'.; mend"
    ) as caught:
        own(np.zeros((2, 2), np.uint8), {})
    assert isinstance(caught.value.__cause__, KeyError)


@pytest.mark.parametrize(
    ("hint", "value"), [(float | str, 5), (list[int], [5]), (tuple[int, float], [0, 1.5])], ids=str
)
def test_bounds_hold_wherever_the_numbers_are(hint, value):
    def bounded(image, *, x):
        return image

    bounded.__annotations__ = {"x": Annotated[hint, Within(0, 1)]}
    own = registered(bounded)
    assert '"maximum": 1' in json.dumps(own.schema)
    with pytest.raises(InputValueError, match=r"bounded\.x: expected "):
        own.check({"x": value})


@pytest.mark.parametrize("hint", [tuple[()], Literal[b"x"]], ids=str)
def test_annotations_that_no_json_has_are_refused(hint):
    def odd(image, *, x):
        return image

    odd.__annotations__ = {"x": hint}
    with pytest.raises(InputTypeError, match=r"odd\.x: expected "):
        registered(odd)


def test_a_matrix_is_of_keywords_that_fit():
    with pytest.raises(InputValueError, match="upsample: expected all its keywords"):
        operations.get("upsample").matrix(np.zeros((2, 2), np.uint8), {})


def test_a_schema_is_the_caller_s_own():
    first = operations.get("flatten").parameters[0].schema
    assert isinstance(first["anyOf"], tuple | list)
    operations.get("flatten").schema["properties"]["background"]["anyOf"].append(5)
    assert 5 not in operations.get("flatten").schema["properties"]["background"]["anyOf"]
