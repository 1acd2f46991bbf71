"""Pages without Gradio: forms as data, steps, what is taken away and run again, and the work behind a page."""

import importlib.util
import os
import runpy
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

import aikit
import own_operations
from aikit import Limits, Recipe, cli, operations
from aikit._raster.formats import _FORMATS, capabilities
from aikit.errors import FileFormatError, InputTypeError, InputValueError, LimitError, MissingDependencyError
from aikit.ui import forms, pictures, steps, takeaway
from pictures import codes
from test_serve import served, settings

ROOT = Path(__file__).parents[1]
BOMB = runpy.run_path(str(ROOT / "examples" / "web_client.py"))["bomb"]()
OPERATIONS = operations.names()
assert own_operations
HAS_GRADIO = importlib.util.find_spec("gradio") is not None
FILES = ["photo.png", "my photo.png", "it's 5\" x.png", "-dash.png", "größe$HOME`x`.png"]
LINES = [
    "to=png",
    "resize width=20; to=webp lossless=true",
    'flatten background="#ff8800"; crop box=[1,2,13,14] fill=[10,20,30]; to=tiff',
    "rotate degrees=-12.5 expand=false method=bicubic; trim; to=png metadata=strip optimize=true",
    "warp_affine matrix=[[1,0.2,0],[0,1,0]] width=30; sharpen strength=2.5 overshoot=true; blur sigma=0.7; flatten; to=png",
    "fit height=40 width=30 how=letterbox fill=black method=area; pad left=3 top=1 bottom=9; flatten; to=jpeg quality=71",
    "fade amount=0.25 towards=black; to=png",
]


def picture():
    """RGBA with every row, column and channel different, soft alpha and all."""
    return codes(24, 32, 4)


# ---------------------------------------------------------------- forms


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_keyword_has_a_field_but_those_of_arrays(name):
    operation = operations.get(name)
    fields = {each.name for each in forms.fields_of(operation)}
    assert {each.name for each in operation.parameters} - fields <= {"bgr", "channels"}


@pytest.mark.parametrize(
    ("name", "field", "kind", "bounds"),
    [
        ("blur", "sigma", "slider", (0, 1000, 0.1)),
        ("trim", "threshold", "slider", (0, 0.99, 0.01)),
        ("resize", "width", "number", (1, None, None)),
        ("resize", "method", "choice", (None, None, None)),
        ("resize", "antialias", "switch", (None, None, None)),
        ("resize", "box", "plain", (None, None, None)),
        ("flatten", "background", "color", (None, None, None)),
        ("pad", "fill", "color", (None, None, None)),
        ("rotate", "degrees", "number", (-1000000, 1000000, None)),
        ("convert_color", "weights", "plain", (None, None, None)),
        ("convert_color", "encoding", "choice", (None, None, None)),
        ("repeat_rows", "times", "slider", (1, 1000, 1)),
        ("stamp", "text", "text", (None, None, None)),
        ("stamp", "more", "plain", (None, None, None)),
    ],
)
def test_a_field_is_of_the_plainest_kind_that_holds_every_value(name, field, kind, bounds):
    found = {each.name: each for each in forms.fields_of(operations.get(name))}[field]
    assert found.kind == kind
    assert (found.minimum, found.maximum, found.step) == pytest.approx(bounds)


def test_choices_are_those_of_the_schema():
    found = {each.name: each for each in forms.fields_of(operations.get("convert_color"))}
    assert found["standard"].words == ("bt601", "bt709", "bt2020")
    assert (found["encoding"].words, found["encoding"].start) == (("cv2", "none"), "none")
    assert forms.read_fields([found["encoding"]], {"encoding": "cv2"}) == {"encoding": "cv2"}
    assert forms.read_fields([found["encoding"]], {"encoding": "none"}) == {}


def test_a_recipe_has_a_field_for_each_of_its_options():
    fields = {each.name: each for each in forms.recipe_fields(["png", "webp"])}
    assert set(fields) == {each for each in Recipe.__dataclass_fields__ if each != "steps"}
    assert fields["to"].words == ("png", "webp", "none")
    assert fields["lossless"].words == ("none", "True", "False")
    given = {"to": "webp", "lossless": "True", "quality": 80.0, "metadata": "keep", "frame": None}
    assert forms.read_fields(list(fields.values()), given) == {"to": "webp", "lossless": True, "quality": 80}
    assert all(each.info for each in fields.values())


def test_an_svg_has_the_fields_of_its_drawing():
    names = ("width", "scale", "background", "engine")
    fields = forms.fields_of_function(aikit.render_svg, names)
    assert [(each.name, each.kind) for each in fields] == [
        *zip(names, ("number", "number", "color", "choice"), strict=True)
    ]
    given = {"width": "40", "scale": "", "background": "red", "engine": "resvg"}
    assert forms.read_fields(fields, given) == {"width": 40, "background": "red"}


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_new_step_can_be_tried_at_once_unless_it_says_what_it_lacks(name):
    step = steps.add((), name)
    if name == "repeat_rows":
        step = steps.fill(step, 1, "times", 2)
    recipe = steps.recipe_of(step, {})
    image = codes(24, 32) if name == "gray_to_rgb" else picture()
    if name == "upsample":
        image = image[..., :3]
    assert aikit.to_numpy(recipe(image)).size > 0


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (("box", "[1, 2, 3, 4]"), {"box": [1, 2, 3, 4]}),
        (("fill", "white"), {"fill": "white"}),
        (("fill", " #ff000080 "), {"fill": "#ff000080"}),
        (("fill", "[1,2,3]"), {"fill": [1, 2, 3]}),
        (("fill", "128"), {"fill": 128}),
        (("fill", ""), {}),
        (("width", 5.0), {"width": 5}),
        (("width", None), {}),
        (("anchor", "center"), {}),
        (("anchor", "top-left"), {"anchor": "top-left"}),
    ],
)
def test_what_widgets_hold_becomes_keywords(raw, value):
    found = forms.read_fields(forms.fields_of(operations.get("crop")), dict([raw]))
    assert found == value
    assert all(type(found[name]) is type(value[name]) for name in value)


def test_a_switch_is_told_from_a_number():
    fields = [forms.Field("a", "a", "number", default=True), forms.Field("b", "b", "switch", default=1)]
    assert forms.read_fields(fields, {"a": 1, "b": True}) == {"a": 1, "b": True}


def test_a_text_stays_as_it_was_typed():
    fields = forms.fields_of(operations.get("stamp"))
    assert forms.read_fields(fields, {"text": " 12 "}) == {"text": " 12 "}


def test_what_is_no_choice_and_what_is_no_json_is_refused():
    fields = forms.fields_of(operations.get("crop"))
    with pytest.raises(InputValueError, match=r"anchor: expected one of center.*got 'middle'; choose one of these"):
        forms.read_fields(fields, {"anchor": "middle"})
    with pytest.raises(InputValueError, match=r"crop: recipe: expected a value in JSON or a word, got '\[1, 2'"):
        steps.recipe_of(steps.fill(steps.add((), "crop"), 1, "box", "[1, 2"), {})


# ---------------------------------------------------------------- steps


def three():
    given = ()
    for name in ("trim", "flip", "blur"):
        given = steps.add(given, name)
    return given


def names(given):
    return [each.name for each in given]


def test_steps_are_added_moved_switched_off_and_removed():
    given = three()
    assert names(steps.move(given, 3, -1)) == ["trim", "blur", "flip"]
    assert names(steps.move(given, 1, 1)) == ["flip", "trim", "blur"]
    assert names(steps.move(given, 1, -1)) == names(steps.move(given, 3, 5)) == ["trim", "flip", "blur"]
    assert names(steps.remove(given, 2)) == ["trim", "blur"]
    assert str(steps.recipe_of(steps.switch(given, 2, False), {"to": "png"})) == "trim; blur sigma=4.0; to=png"
    assert str(steps.recipe_of(steps.fill(given, 3, "sigma", 2.5), {})) == "trim; flip; blur sigma=2.5"
    assert str(steps.recipe_of(given, {})) == "trim; flip; blur sigma=4.0"


def test_numbers_of_steps_are_never_used_twice_at_once():
    given = steps.add(steps.remove(three(), 2), "flip")
    assert [each.number for each in given] == [1, 3, 4]


def test_a_change_that_python_hashes_alike_is_seen():
    # hash(-1) is hash(-2), and a page compares hashes.
    one, other = (steps.fill(steps.add((), "pad"), 1, "left", value)[0] for value in (-1, -2))
    assert hash(one) != hash(other)
    assert hash(one) == hash(steps.fill(steps.add((), "pad"), 1, "left", -1)[0])


@pytest.mark.parametrize("line", [*LINES, "flip channels=color axis=vertical", "flatten background=red bgr=true"])
def test_a_recipe_becomes_steps_and_the_same_recipe_again(line):
    recipe = Recipe.parse(line)
    given = steps.steps_of(recipe, three())
    assert min((each.number for each in given), default=4) > 3
    assert steps.recipe_of(given, recipe._list_options())(picture()).tobytes() == recipe(picture()).tobytes()
    assert [each.beside for each in given if each.beside] == [
        {word: value} for _, keywords in recipe.steps for word, value in keywords.items() if word in ("bgr", "channels")
    ]


# ---------------------------------------------------------------- what is taken away


@pytest.fixture
def folder(tmp_path, monkeypatch):
    for name in FILES:
        aikit.write(picture(), tmp_path / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("line", LINES)
def test_the_python_writes_the_same_bytes(folder, line):
    recipe = Recipe.parse(line)
    for name in FILES:
        exec(takeaway.as_python(recipe, name), {})
        assert (folder / takeaway.name_of_result(name, recipe.to)).read_bytes() == recipe.bytes(name)


@pytest.mark.parametrize("line", LINES)
def test_the_command_writes_the_same_bytes(folder, line, capsys):
    recipe = Recipe.parse(line)
    for name in FILES:
        program, *words = shlex.split(takeaway.as_shell(recipe, name))
        assert program == "aikit"
        assert cli.main(words) == 0, capsys.readouterr().err
        assert (folder / takeaway.name_of_result(name, recipe.to)).read_bytes() == recipe.bytes(name)


@pytest.mark.parametrize("recipe", ["trim; to=webp", "fade amount=0.25; to=webp"])
def test_a_shell_runs_the_command(folder, recipe):
    name = FILES[-1]
    line = takeaway.as_shell(Recipe.parse(recipe), name)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    script = f'aikit() {{ {shlex.quote(sys.executable)} -m aikit "$@"; }}\n{line}'
    done = subprocess.run(["sh", "-c", script], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (folder / takeaway.name_of_result(name, "webp")).read_bytes() == Recipe.parse(recipe).bytes(name)


def test_the_python_brings_operations_of_ones_own(folder):
    recipe = Recipe.parse("fade amount=0.25; to=png")
    code = takeaway.as_python(recipe, FILES[0])
    assert "import own_operations" in code.splitlines()
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (folder / takeaway.name_of_result(FILES[0], "png")).read_bytes() == recipe.bytes(FILES[0])


def test_the_python_brings_operations_of_a_file(tmp_path, monkeypatch):
    path = tmp_path / "my own.py"
    path.write_text(
        "import aikit\n\n@aikit.operation\ndef turn_over(image):\n    'Upside down.'\n    return aikit.flip(image, axis='vertical')\n"
    )
    aikit.plugins.load_file(path)
    recipe = Recipe.parse("turn_over; to=png")
    code = takeaway.as_python(recipe, "photo.png")
    assert f'aikit.plugins.load_file("{path}")' in code.splitlines()
    aikit.write(picture(), tmp_path / "photo.png")
    monkeypatch.chdir(tmp_path)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    result = aikit.read_numpy(tmp_path / "photo-result.png")
    np.testing.assert_array_equal(result, picture()[::-1])


@pytest.mark.parametrize("line", LINES)
def test_the_toml_is_the_same_recipe(line):
    text = Recipe.parse(line).to_toml()
    assert Recipe.from_toml(text) == Recipe.parse(line)
    assert tomllib.loads(text)["version"] == 1


def test_the_address_answers_with_the_same_bytes(folder):
    from aikit.serve import create_app

    with served(create_app(settings(metadata="keep"))) as client:
        for line in LINES:
            recipe = Recipe.parse(line)
            data = (folder / FILES[0]).read_bytes()
            answer = client.post(takeaway.as_url(recipe), content=data)
            assert answer.status_code == 200, answer.text
            assert answer.content == recipe.bytes(data)


def test_the_command_for_the_service_names_the_file_and_the_address():
    recipe = Recipe.parse("resize width=20; to=webp")
    program, option, sent, address, out, result = shlex.split(takeaway.as_curl(recipe, FILES[1]))
    assert (program, option, sent, out, result) == (
        "curl",
        "--data-binary",
        "@my photo.png",
        "-o",
        "my photo-result.webp",
    )
    assert address == f"http://127.0.0.1:8000{takeaway.as_url(recipe)}"


# ---------------------------------------------------------------- the work


def test_formats_are_all_that_are_written():
    assert sorted(capabilities(each).name for each in pictures.formats_to_write()) == sorted(_FORMATS)


def test_a_result_is_the_file_that_the_recipe_makes_and_its_look():
    recipe = Recipe.parse("resize width=16; to=png")
    data = aikit.encode(picture(), "png")
    made = pictures.apply(recipe, "a b.png", data, Limits())
    assert made.data == recipe.bytes(data)
    assert (made.name, made.look.title) == (
        "a b-result.png",
        f"RGBA, 8 bit, 16 x 12, PNG, {len(made.data)} B",
    )
    shown = aikit.files.from_data_url(made.look.url)
    np.testing.assert_array_equal(aikit.read_numpy(shown), aikit.resize(picture(), width=16))
    assert made.remarks == ()


@pytest.mark.parametrize(
    ("image", "to"),
    [
        (codes(9, 7, 2), "png"),
        (codes(9, 7, 4, "uint16"), "png"),
        (codes(9, 7, dtype="uint16"), "tiff"),
        (codes(9, 7, dtype="float32"), "tiff"),
        (aikit.to_pil(codes(9, 7, 3)).quantize(9), "gif"),
        (aikit.to_pil(codes(9, 7, 3)).convert("CMYK"), "jpeg"),
    ],
    ids=["gray alpha", "16-bit color", "16-bit gray", "float", "palette", "cmyk"],
)
def test_every_kind_of_picture_is_shown_as_it_is_read(image, to, tmp_path):
    path = tmp_path / f"a.{to}"
    if getattr(image, "mode", "") == "CMYK":
        image.save(path)
    else:
        aikit.write(image, path)
    look = pictures.look_at(path.read_bytes(), Limits())
    shown = aikit.read_numpy(aikit.files.from_data_url(look.url))
    expected = aikit.to_numpy(aikit.files.read_any(path), dtype="uint8")
    np.testing.assert_array_equal(shown, expected)
    assert (look.width, look.height) == (7, 9)


def test_large_pictures_are_shown_reduced():
    look = pictures.look_at(aikit.encode(np.zeros((700, 2800, 3), np.uint8), "png"), Limits())
    assert (look.width, look.height) == (2800, 700)
    assert aikit.read_pil(aikit.files.from_data_url(look.url)).size == (1400, 350)


@pytest.mark.parametrize("function", [lambda data: pictures.look_at(data, Limits()),
                                      lambda data: pictures.apply(Recipe.parse("trim; to=png"), "a", data, Limits())])  # fmt: skip
def test_bombs_and_damage_are_refused_as_by_the_readers(function):
    whole = aikit.encode(picture(), "png")
    for data in (BOMB, whole[:-40], b"", b"hello"):
        with pytest.raises((LimitError, FileFormatError), match="expected") as expected:
            aikit.read_pil(data, limits=Limits(), isolate=True)
        with pytest.raises(type(expected.value), match="expected") as found:
            function(data)
        assert found.value.code == expected.value.code


def test_limits_hold_for_what_is_shown_and_what_is_made():
    data = aikit.encode(codes(600, 800, 3), "png")
    for limits, said in (
        (Limits(max_pixels=100), "at most 100 pixels"),
        (Limits(max_seconds=0.0001), "within 0.0001 sec"),
    ):
        with pytest.raises(LimitError, match=said):
            pictures.look_at(data, limits)
        with pytest.raises(LimitError, match=said):
            pictures.apply(Recipe.parse("flip; to=png"), "a.png", data, limits)


def test_what_a_recipe_may_make_may_be_looked_at():
    limits = Limits(max_pixels=1000, max_output_pixels=10_000)
    made = pictures.apply(Recipe.parse("resize scale=3; to=png"), "a.png", aikit.encode(picture(), "png"), limits)
    assert (made.look.width, made.look.height) == (96, 72)


def test_every_format_is_written_or_says_why_not():
    made = dict(pictures.write_all(Recipe.parse("trim"), "a.png", aikit.encode(picture(), "png"), Limits()))
    assert list(made) == [f"a-result.{each}" for each in pictures.formats_to_write()]
    failed = {name: pictures.error_of(each) for name, each in made.items() if isinstance(each, Exception)}
    assert sorted(failed) == ["a-result.bmp", "a-result.gif", "a-result.jpeg", "a-result.ppm"]
    assert failed["a-result.jpeg"].endswith("add the step flatten, or choose PNG or WebP.")
    assert made["a-result.png"] == Recipe.parse("trim").bytes(aikit.encode(picture(), "png"), to="png")


def test_the_difference_is_shown_with_its_figures():
    one = codes(24, 32, 3)
    shown = pictures.draw_difference(aikit.encode(one, "png"), aikit.encode(255 - one, "png"), Limits())
    assert shown.startswith('<img class="aikit-sheet" src="data:image/png;base64,')
    assert "difference times" in shown
    with pytest.raises(InputValueError, match="other: expected the size of the first image, 24x32"):
        pictures.draw_difference(aikit.encode(one, "png"), aikit.encode(one[1:], "png"), Limits())


def test_frames_that_a_result_has_not_are_told():
    frames = [aikit.to_pil(codes(5, 6, 3)), aikit.to_pil(255 - codes(5, 6, 3))]
    made = pictures.apply(Recipe.parse("to=jpeg"), "a.gif", aikit.encode(frames, "gif"), Limits())
    assert made.remarks == ("1 of 2 frames or pages converted, 1 left",)


def box():
    """A box whose sides have colors of their own."""
    corners = [(x, y, z) for x in (0, 1) for y in (0, 2) for z in (0, 3)]
    faces = [
        (0, 1, 3),
        (0, 3, 2),
        (4, 6, 7),
        (4, 7, 5),
        (0, 4, 5),
        (0, 5, 1),
        (2, 3, 7),
        (2, 7, 6),
        (0, 2, 6),
        (0, 6, 4),
    ]
    colors = [(x, y / 2, z / 3) for x, y, z in corners]
    return aikit.mesh.new_mesh(corners, faces, colors=colors).encode()


def test_a_mesh_is_drawn_in_a_child_as_here():
    drawing = {"yaw": 100, "pitch": -30, "height": 40, "width": 50, "background": "red"}
    drawn = pictures.draw_mesh(box(), Limits(max_seconds=120), drawing)  # the first one loads torch
    expected = aikit.mesh.open_mesh(box()).render(**drawing)
    np.testing.assert_array_equal(aikit.to_numpy(drawn), aikit.to_numpy(expected))
    large = drawing | {"height": 1500, "width": 1500}
    with pytest.raises(LimitError, match=r"mesh: expected a result within 0.01 seconds"):
        pictures.draw_mesh(box(), Limits(max_seconds=0.01), large)


# ---------------------------------------------------------------- without Gradio


@pytest.mark.skipif(HAS_GRADIO, reason="Gradio is installed")
@pytest.mark.parametrize("call", [aikit.ui.build, aikit.ui.launch, lambda: aikit.ui.page(picture)])
def test_without_gradio_the_line_to_run_is_said(call):
    with pytest.raises(MissingDependencyError, match=r'the package gradio, got none; run: pip install "\.\[ui\]"'):
        call()


@pytest.mark.skipif(HAS_GRADIO, reason="Gradio is installed")
def test_the_command_says_it_too(capsys):
    assert cli.main(["ui", "--share", "no"]) == 2
    assert 'run: pip install ".[ui]" in the checkout' in capsys.readouterr().err


def test_limits_are_limits():
    from aikit.ui import start

    with pytest.raises(InputTypeError, match="limits: expected Limits or None, got 5"):
        start._check_limits(5)
    assert start._check_limits(None) == Limits()


def test_the_modules_without_gradio_load_without_it():
    code = "import sys, aikit; aikit.ui.build; print('gradio' in sys.modules, 'torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.split() == ["False", "False"]
