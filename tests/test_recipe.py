"""Recipes: a value that is one through every form, and what it does to images and files."""

import copy
import dataclasses
import hashlib
import io
import json
import pickle
import struct
import subprocess
import sys
import textwrap
import tomllib
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings, strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

import aikit
import own_operations  # noqa: F401 - registers them
from aikit import (
    FileAccessError,
    FileFormatError,
    InputTypeError,
    InputValueError,
    LimitError,
    Limits,
    Recipe,
    convert_folder,
    encode,
    files,
    flatten,
    make_transparent,
    read_numpy,
    read_pil,
    resize,
    trim,
    write,
)
from aikit.recipe import files as recipe_files
from pictures import codes

SRC = Path(__file__).parents[1] / "src"


# A value


# From the version before recipes had a folder of their own.
DIGESTS = [
    (Recipe(), "1d90b25c95140361d8afe47ccf17beebc420198b636d224c0aa8f4dd28c19b81"),
    (
        Recipe([("resize", {"width": 1024}), ("flatten", {"background": "white"})], to="webp", quality=80),
        "9f0f2635a21937cc753494a8e9730aa9fb991d4f19b253a9f9ee1298018a5fcf",
    ),
    (
        Recipe([("make_transparent", {"color": (255, 255, 255)}), ("trim", {}), ("blur", {"sigma": 1.5})], to="PNG"),
        "47cfda4502c6f69b32a224c246cbe1da23f2f93bd1a00f728567e3e58c0a3b0c",
    ),
    (
        Recipe(
            [("resize", {"scale": 0.5, "linear": True, "method": "area"})],
            to="webp",
            lossless=True,
            allow_truncated=True,
        ),
        "b00ed8e2a8c0746bfa0aba7d3ffbf6e4beec83a247f86215b5f7b35ce9c4ea43",
    ),
]


@pytest.mark.parametrize(("recipe", "digest"), DIGESTS, ids=["empty", "sizes", "colors", "options"])
def test_digests_stay_as_they_were(recipe, digest):
    assert recipe.digest == digest


def test_a_field_that_comes_later_changes_digests_only_where_it_is_used():
    @dataclasses.dataclass(frozen=True, eq=False)
    class Later(Recipe):
        colors: int = 256

    recipe = DIGESTS[1][0]
    arguments = {"to": "webp", "quality": 80}
    assert Later(recipe.steps, **arguments).digest == recipe.digest
    assert Later(recipe.steps, **arguments, colors=16).digest != recipe.digest
    assert "colors=16" in str(Later(recipe.steps, **arguments, colors=16))


WORDS = {
    "metadata": ["keep", "public", "strip"],
    "profile": ["srgb", "ignore", "display-p3"],
    "on_bad_profile": ["raise", "warn"],
}


@pytest.mark.parametrize(("name", "word"), [(name, word) for name, words in WORDS.items() for word in words])
def test_options_of_files_are_part_of_the_value(name, word):
    recipe = Recipe([("trim", {})], to="webp", **{name: word})
    default = word == WORDS[name][0]
    assert (recipe.digest == Recipe([("trim", {})], to="webp").digest) == default
    assert (f"{name}={word}" in str(recipe)) != default
    for again in (
        Recipe.parse(str(recipe)), Recipe.from_json(recipe.to_json()), Recipe.from_toml(recipe.to_toml()),
        pickle.loads(pickle.dumps(recipe)),
    ):  # fmt: skip
        assert (again, getattr(again, name)) == (recipe, word)


@pytest.mark.parametrize("name", WORDS)
@pytest.mark.parametrize("value", ["all", True, None, ["keep"]])
def test_options_of_files_are_words(name, value):
    with pytest.raises(InputValueError, match=rf"^{name}: expected one of {WORDS[name][0]}, .*; pass one of these\.$"):
        Recipe(**{name: value})


@pytest.mark.parametrize("limits", [None, Limits()], ids=["trusted", "strange"])
@pytest.mark.parametrize("suffix", ["gif", "webp", "png", "tiff"])
def test_the_frame_that_is_asked_for_is_taken(suffix, limits):
    pictures = [Image.new("RGB", (8, 6), color) for color in ("red", "lime", "blue")]
    lossless = {"lossless": True} if suffix == "webp" else {}
    pictures[0].save(file := io.BytesIO(), suffix, save_all=True, append_images=pictures[1:], **lossless)
    for at, picture in enumerate(pictures):
        recipe = Recipe([("trim", {})], to="png", frame=at)
        made = recipe.make(file.getvalue(), limits=limits)
        assert np.array_equal(aikit.read_numpy(made.data)[..., :3], np.asarray(picture))
        assert made[1:] == (1, 0, "")
    with pytest.raises(InputValueError, match=r"^frame: expected 0 to 2, got 3; "):
        Recipe(to="png", frame=3).bytes(file.getvalue(), limits=limits)


MOVING = ["gif", "webp", "png", "avif"]


def moving(suffix, count=3):
    """An animation of single colors, which every format keeps, and how long each is shown."""
    colors = ("red", "lime", "blue", "white", "black")[:count]
    pictures = [Image.new("RGB", (8, 6), color) for color in colors]
    lossless = {"lossless": True} if suffix == "webp" else {"quality": 100} if suffix == "avif" else {}
    durations = [40 * at for at in range(1, count + 1)]
    pictures[0].save(
        file := io.BytesIO(), suffix, save_all=True, append_images=pictures[1:], loop=0,
        **({} if suffix == "tiff" else {"duration": durations}), **lossless,
    )  # fmt: skip
    return file.getvalue(), durations


@pytest.mark.parametrize("limits", [None, Limits()], ids=["trusted", "strange"])
@pytest.mark.parametrize("source", MOVING)
@pytest.mark.parametrize("target", [*MOVING, "tiff"])
def test_all_frames_are_taken_where_the_format_holds_them(source, target, limits):
    data, durations = moving(source)
    lossless = True if target == "webp" else None
    steps = [("resize", {"width": 4})]
    made = Recipe(steps, to=target, lossless=lossless).make(data, limits=limits)
    assert made[1:] == (3, 0, "")
    frames = list(files.read_frames(made.data))
    assert [frame.size for frame in frames] == [(4, 3)] * 3
    for at, frame in enumerate(frames):
        alone = aikit.read_numpy(Recipe(steps, to="png", frame=at).bytes(data))
        assert np.abs(np.asarray(frame.convert("RGB")).astype(int) - alone[..., :3]).max() <= (
            3 if target == "avif" else 0
        )
    if target != "tiff":
        assert [frame.info["duration"] for frame in frames] == durations


@pytest.mark.parametrize("limits", [None, Limits()], ids=["trusted", "strange"])
def test_pages_stay_pages_at_their_depth_and_sizes(limits):
    pages = [codes(8, 6, 3, dtype="uint16"), codes(5, 7, dtype="uint16")]
    data = aikit.encode(pages, "tiff")
    made = Recipe([("blur", {"sigma": 0.5})], to="tiff").make(data, limits=limits)
    assert made[1:] == (2, 0, "")
    for at, page in enumerate(pages):
        assert np.array_equal(aikit.read_numpy(made.data, frame=at), aikit.blur(page, sigma=0.5))
    # Of a document nobody wants an animation.
    assert Recipe(to="png").make(data, limits=limits)[1:] == (1, 1, "")


def test_a_format_of_one_picture_takes_the_first_frame():
    data, _ = moving("gif")
    made = Recipe(to="jpg", quality=100).make(data)
    assert made[1:] == (1, 2, "")
    assert tuple(aikit.read_numpy(made.data)[0, 0]) == (254, 0, 0)  # red, as JPEG has it


def test_all_frames_together_are_held_to_the_limits():
    data, _ = moving("gif", 5)
    recipe = Recipe([("resize", {"width": 40})], to="png")
    assert recipe.make(data, limits=Limits(max_total_pixels=6000)).frames == 5
    with pytest.raises(LimitError, match=r"expected at most 5999 pixels in all frames, got 6000"):
        recipe.make(data, limits=Limits(max_total_pixels=5999))


def test_a_frame_is_part_of_the_value():
    recipe = Recipe(to="png", frame=np.int64(2))
    assert str(recipe) == "to=png frame=2"
    assert (
        recipe == Recipe.parse(str(recipe)) == Recipe.from_toml(recipe.to_toml()) == Recipe.from_json(recipe.to_json())
    )
    assert len({recipe.digest, Recipe(to="png").digest, Recipe(to="png", frame=0).digest}) == 3


@pytest.mark.parametrize(
    ("frame", "kind", "match"),
    [
        (-1, InputValueError, r"^frame: expected 0 or more, got -1;"),
        (1.5, InputTypeError, r"^frame: expected a whole number, got 1\.5;"),
        (True, InputTypeError, r"^frame: expected a whole number, got True;"),
    ],
)
def test_frames_are_counted_from_0(frame, kind, match):
    with pytest.raises(kind, match=match):
        Recipe(frame=frame)


def described(data):
    """What a PNG says beside its pixels."""
    return {key for key in Image.open(io.BytesIO(data)).info if key in ("exif", "Title", "parameters", "icc_profile")}


@pytest.mark.parametrize("limits", [None, Limits()], ids=["trusted", "strange"])
def test_the_metadata_are_those_of_the_policy(limits):
    exif = Image.Exif()
    exif[315], exif[33432] = "somebody", "of somebody"
    text = PngInfo()
    text.add_text("Title", "a title")
    text.add_text("parameters", "a prompt")
    Image.fromarray(codes(8, 6, 3)).save(file := io.BytesIO(), "png", exif=exif, pnginfo=text)
    for policy, expected in {
        "keep": {"exif", "Title", "parameters"}, "public": {"exif", "Title"}, "strip": set(),
    }.items():  # fmt: skip
        recipe = Recipe([("resize", {"width": 3})], to="png", metadata=policy)
        assert described(recipe.bytes(file.getvalue(), limits=limits)) == expected


@pytest.mark.parametrize("limits", [None, Limits()], ids=["trusted", "strange"])
def test_a_damaged_profile_is_refused_in_the_words_of_recipes_and_can_be_ignored(limits):
    Image.fromarray(codes(8, 6, 3)).save(file := io.BytesIO(), "png", icc_profile=b"junk" * 40)
    with pytest.raises(
        FileFormatError,
        match=r'; set profile to "ignore" in the recipe to take the codes as they are, or on_bad_profile',
    ):
        Recipe(to="png").bytes(file.getvalue(), limits=limits)
    made = Recipe(to="png", profile="ignore").bytes(file.getvalue(), limits=limits)
    assert np.array_equal(aikit.read_numpy(made), codes(8, 6, 3))
    assert described(made) == set()


@pytest.mark.parametrize("limits", [None, Limits()], ids=["trusted", "strange"])
@pytest.mark.parametrize(
    ("suffix", "steps"), [("png", []), ("jpeg", [("resize", {"width": 4})])], ids=["png", "reduced jpeg"]
)
def test_a_damaged_profile_may_come_as_a_warning(suffix, steps, limits):
    picture = Image.fromarray(codes(48, 64, 3))
    picture.save(file := io.BytesIO(), suffix, icc_profile=b"junk" * 40)
    picture.save(plain := io.BytesIO(), suffix)
    file.name = "a\x1b.png"
    file.seek(0)
    recipe = Recipe(steps, to="png", on_bad_profile="warn")
    with pytest.warns(aikit.AikitWarning, match=r"^a\\x1b\.png: expected an ICC .*; its codes are taken as sRGB\.$"):
        made = recipe.bytes(file, limits=limits)
    assert np.array_equal(aikit.read_numpy(made), aikit.read_numpy(Recipe(steps, to="png").bytes(plain.getvalue())))
    assert described(made) == set()
    with warnings.catch_warnings():  # nothing is wrong with this one
        warnings.simplefilter("error")
        recipe.bytes(plain.getvalue(), limits=limits)


def test_colors_of_hdr_are_no_bad_profile():
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    plain = aikit.encode(codes(4, 4, 3), "png")
    hdr = plain[:33] + chunk(b"cICP", bytes([9, 16, 0, 1])) + plain[33:]  # BT.2020, PQ: ITU-T H.273
    with pytest.raises(FileFormatError, match=r"PQ") as caught:
        Recipe(to="png", on_bad_profile="warn").bytes(hdr)
    assert caught.value.code == "unsupported_color"


def test_pictures_are_written_in_another_space():
    """Read back as sRGB they are what they were, within the rounding of eight bits in either space."""
    picture = codes(8, 6, 3)
    made = Recipe(to="png", profile="display-p3").bytes(aikit.encode(picture, "png"))
    assert "icc_profile" in described(made)
    assert not np.array_equal(aikit.read_numpy(made, profile="ignore"), picture)
    assert np.abs(aikit.read_numpy(made).astype(int) - picture).max() <= 3
    with pytest.raises(InputValueError, match=r"^profile: expected None or \"srgb\" for BMP, which holds no profile"):
        Recipe(to="bmp", profile="display-p3")


def test_alpha_that_a_format_cannot_hold_is_refused_in_the_words_of_recipes():
    with pytest.raises(InputValueError, match=r'; add the step \("flatten", \{"background": "white"\}\), or write PNG'):
        Recipe(to="jpg").bytes(aikit.encode(codes(8, 6, 4), "png"))


def test_a_call_that_does_not_fit_is_answered():
    with pytest.raises(
        InputTypeError, match=r"^Recipe: expected only steps without a name, got 'png' too; pass it as one"
    ):
        Recipe([], "png")
    with pytest.raises(InputTypeError, match=r"^Recipe: expected one of .*to=.*, got formats='png'; pass these\.$"):
        Recipe([], formats="png")


def test_the_digest_is_the_same_everywhere():
    recipe = Recipe([("resize", {"width": 1024}), ("flatten", {"background": "white"})], to="webp", quality=80)
    text = (
        '{"allow_truncated":false,"lossless":null,"quality":80,"steps":[["resize",{"width":1024}],["flatten",'
        '{"background":"white"}]],"to":"webp","version":1}'
    )
    assert recipe.digest == hashlib.sha256(text.encode()).hexdigest()
    turned = Recipe((["resize", {"width": 1024}], ["flatten", {"background": "white"}]), to=".WebP", quality=80)
    assert turned.digest == recipe.digest


@pytest.mark.parametrize(
    "other",
    [
        Recipe([("trim", {}), ("resize", {"width": 9})]),
        Recipe([("resize", {"width": 9}), ("trim", {})], to="png"),
        Recipe([("resize", {"width": 8}), ("trim", {})]),
        Recipe([("resize", {"width": 9}), ("trim", {})], allow_truncated=True),
        Recipe([("resize", {"width": 9}), ("trim", {})], quality=80),
        Recipe([("resize", {"width": 9}), ("trim", {})], lossless=True),
    ],
    ids=["order", "to", "value", "truncated", "quality", "lossless"],
)
def test_whatever_differs_changes_the_digest(other):
    assert other.digest != Recipe([("resize", {"width": 9}), ("trim", {})]).digest


def test_a_recipe_is_frozen_and_has_a_hash():
    given = {"background": [10, 20, 30]}
    recipe = Recipe([("flatten", given)])
    given["background"][0] = 99
    assert recipe.steps == (("flatten", {"background": (10, 20, 30)}),)
    assert {recipe: 1}[Recipe((["flatten", {"background": (10, 20, 30)}],))] == 1
    with pytest.raises(InputTypeError, match=r"steps: expected to stay as they are, got a change; make another Recipe"):
        recipe.steps[0][1]["background"] = "white"
    with pytest.raises(InputTypeError, match=r"steps: expected to stay as they are"):
        recipe.steps[0][1].update(background="white")
    with pytest.raises(dataclasses.FrozenInstanceError, match="to"):
        recipe.to = "png"
    assert copy.deepcopy(recipe) is recipe
    assert pickle.loads(pickle.dumps(recipe)) == recipe


def test_equal_recipes_have_equal_digests():
    # As keys of a cache: what Python takes for equal is told apart where the digest does.
    assert Recipe([("blur", {"sigma": 2})]) != Recipe([("blur", {"sigma": 2.0})])
    assert Recipe([("blur", {"sigma": np.float64(1.5)})]) == Recipe([("blur", {"sigma": 1.5})])
    assert Recipe() != "a recipe"


@pytest.mark.parametrize(
    ("steps", "options", "kind", "message"),
    [
        ("trim", {}, InputTypeError, r"steps: expected a list of steps, got 'trim'"),
        (["trim"], {}, InputTypeError, r"steps: expected pairs of a name and its keywords, got 'trim'"),
        ([("swirl", {})], {}, InputValueError, r"steps: expected names from resize, .* got 'swirl'"),
        ([("resize", {"breadth": 3})], {}, InputValueError, r"resize: expected keywords from height, .* got 'breadth'"),
        ([("resize", {})], {}, InputValueError, r"scale: expected either scale or height and width, got none"),
        (
            [("resize", {"width": 0})],
            {},
            InputValueError,
            r"resize\.width: expected a whole number of 1 or more, got 0",
        ),
        ([("resize", {"width": 3, "method": "best"})], {}, InputValueError, r"method: expected one of .* got 'best'"),
        ([("flatten", {"background": b"w"})], {}, InputTypeError, r"flatten: expected plain data, got"),
        ([("flatten", {"background": "wite"})], {}, InputValueError, r"background: expected a CSS color .* got 'wite'"),
        ([("blur", {})], {}, InputValueError, r"blur: expected all its keywords, got \{\}; add sigma"),
        (
            [("blur", {"sigma": float("nan")})],
            {},
            InputValueError,
            r"blur\.sigma: expected a number from 0 to 1000, got nan",
        ),
        ([("stamp", {"more": {"a": [float("nan")]}})], {}, InputValueError, r"stamp\.more: expected plain data, got"),
        ([(["trim"], {})], {}, InputValueError, r"steps: expected names from resize, .* got \['trim'\]"),
        ([], {"quality": True}, InputTypeError, r"quality: expected a whole number, got True"),
        ([], {"lossless": "no"}, InputTypeError, r"lossless: expected True or False, got 'no'"),
        ([], {"allow_truncated": 1}, InputTypeError, r"allow_truncated: expected True or False, got 1"),
        ([], {"to": "svg"}, InputValueError, r'to: expected one of png, .* got "svg"'),
        ([], {"to": "png", "quality": 5}, InputValueError, r"quality: expected None for PNG, got 5"),
    ],
)
def test_a_mistake_in_a_recipe_is_said_when_it_is_made(steps, options, kind, message):
    with pytest.raises(kind, match=message):
        Recipe(steps, **options)


def test_an_enormous_size_costs_nothing_before_a_picture_asks_for_it():
    assert Recipe([("resize", {"width": 10**7, "height": 10**7})]).steps[0][1]["width"] == 10**7


# Its forms


def numbers(low, high):
    return st.integers(low, high) | st.floats(low, high)


COLORS = st.sampled_from(["white", "#fff", "rgb(1, 2, 3)", "#102030", 128, [10, 20, 30], (1, 2, 3)])
STEPS = st.one_of(
    st.tuples(st.just("resize"), st.fixed_dictionaries(
        {"width": st.integers(1, 10**7)}, optional={"linear": st.booleans(), "method": st.sampled_from(["area", "lanczos"]),
        "box": st.sampled_from([[0, 0, 9, 7], (0.5, 1.25, 3.5, 1e2)])})),
    st.tuples(st.just("resize"), st.fixed_dictionaries({"scale": st.floats(1e-3, 100)})),
    st.tuples(st.just("blur"), st.fixed_dictionaries({"sigma": numbers(0, 1000)})),
    st.tuples(st.just("trim"), st.fixed_dictionaries({}, optional={"threshold": st.floats(0, 0.99)})),
    st.tuples(st.just("flatten"), st.fixed_dictionaries({}, optional={"background": COLORS})),
    st.tuples(st.just("make_transparent"), st.fixed_dictionaries({"color": COLORS}, optional={"feather": numbers(0, 1)})),
    st.tuples(st.just("convert_color"), st.just({"src": "rgb", "dst": "lab", "weights": [0.25, 0.5, 0.25]})),
)  # fmt: skip
OPTIONS = st.sampled_from(
    [
        {},
        {"to": ".JPG", "quality": 80},
        {"to": "webp", "lossless": False},
        {"to": "png", "allow_truncated": True},
        {"quality": 5, "lossless": True},
    ]
)


@given(st.lists(STEPS, max_size=4), OPTIONS)
@settings(deadline=None, max_examples=150)
def test_a_recipe_comes_back_from_all_its_forms(steps, options):
    recipe = Recipe(steps, **options)
    assert Recipe.parse(str(recipe)) == recipe
    assert Recipe.from_json(recipe.to_json()) == recipe
    assert Recipe.from_toml(recipe.to_toml()) == recipe
    assert Recipe(**json.loads(json.dumps(dataclasses.asdict(recipe)))) == recipe
    assert str(Recipe.parse(str(recipe))) == str(recipe)


TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
PLAIN = st.recursive(
    st.booleans() | st.integers(-(2**63) + 1, 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)


@given(text=TEXTS, more=PLAIN)
@example(text="\\", more=['" ; \\', "a b"])
@example(text="true", more=["null", "NaN"])
@example(text="null", more={"": "\x7f", "a.b": "\U0001f600"})
@settings(deadline=None, max_examples=300)
def test_any_text_and_plain_data_survive(text, more):
    recipe = Recipe([("stamp", {"text": text, "more": more})])
    assert Recipe.parse(str(recipe)) == recipe
    assert Recipe.from_json(recipe.to_json()) == recipe
    assert Recipe.from_toml(recipe.to_toml()) == recipe


def test_the_line_is_as_people_write_it():
    line = "resize width=512; flatten background=white; to=webp quality=80"
    recipe = Recipe([("resize", {"width": 512}), ("flatten", {"background": "white"})], to="webp", quality=80)
    assert str(recipe) == line
    assert Recipe.parse(f" {line.replace('; ', ';')} ;") == recipe
    assert Recipe.parse("") == Recipe()
    spaced = Recipe.parse(
        'flatten background="rgb(1, 2, 3)"; stamp text="a \\" b" more=[1, {"a;": " = "}]; lossless=true'
    )
    assert [keywords for _, keywords in spaced.steps] == [
        {"background": "rgb(1, 2, 3)"},
        {"text": 'a " b', "more": (1, {"a;": " = "})},
    ]


def test_toml_is_as_people_write_it():
    recipe = Recipe([("resize", {"width": 512, "linear": True}), ("trim", {})], to="webp", quality=80)
    text = """version = 1
to = "webp"
quality = 80

[[steps]]
name = "resize"
width = 512
linear = true

[[steps]]
name = "trim"
"""
    assert recipe.to_toml() == text
    assert tomllib.loads(text)["steps"][0] == {"name": "resize", "width": 512, "linear": True}
    assert Recipe.from_toml(text.replace("version = 1\n", "")) == recipe


@pytest.mark.parametrize("suffix", [".toml", ".json", ".JSON"])
def test_recipes_in_files(tmp_path, suffix):
    recipe = Recipe([("flatten", {"background": "white"})], to="jpg")
    recipe.write(tmp_path / f"web{suffix}")
    assert Recipe.read(tmp_path / f"web{suffix}") == recipe


@pytest.mark.parametrize(
    ("make", "kind", "message"),
    [
        (lambda: Recipe.parse(5), InputTypeError, r"recipe: expected a text, got 5"),
        (
            lambda: Recipe.parse("resize width"),
            InputValueError,
            r"recipe: expected keywords as name=value, got 'width'",
        ),
        (
            lambda: Recipe.parse("resize width="),
            InputValueError,
            r"recipe: expected keywords as name=value, got 'width='",
        ),
        (lambda: Recipe.parse("resize width=1 width=2"), InputValueError, r"recipe: expected one width, got two"),
        (
            lambda: Recipe.parse("to=png; trim"),
            InputValueError,
            r"recipe: expected its options last, got 'to=png; trim'",
        ),
        (lambda: Recipe.parse("resize box=[1,2"), InputValueError, r"recipe: expected every quote and bracket closed"),
        (lambda: Recipe.parse("stamp more=[1,]"), InputValueError, r"recipe: expected a value in JSON or a word"),
        (
            lambda: Recipe.parse("stamp more=" + "[" * 10**5 + "]" * 10**5),
            InputValueError,
            r"recipe: expected a value in",
        ),
        (lambda: Recipe.parse("swirl"), InputValueError, r"steps: expected names from resize, .* got 'swirl'"),
        (lambda: Recipe.parse("size=3"), InputValueError, r"recipe: expected options from to, quality, .* got 'size'"),
        (lambda: Recipe.from_json("{"), InputValueError, r"recipe: expected JSON, got '\{' \(Expecting"),
        (lambda: Recipe.from_json("[]"), InputTypeError, r"recipe: expected an object with steps, got \[\]"),
        (lambda: Recipe.from_json('{"version": 2}'), InputValueError, r"recipe\.version: expected 1, got 2"),
        (
            lambda: Recipe.from_json('{"steps": [{"width": 2}]}'),
            InputValueError,
            r"steps: expected the name of each, got",
        ),
        (lambda: Recipe.from_json('{"steps": {}}'), InputTypeError, r"steps: expected a list of steps, got \{\}"),
        (lambda: Recipe.from_json(None), InputTypeError, r"recipe: expected a text, got None"),
        (lambda: Recipe.from_toml("="), InputValueError, r"recipe: expected TOML, got '='"),
        (
            lambda: Recipe([("stamp", {"more": [None]})]).to_toml(),
            InputValueError,
            r"steps: expected values that TOML can",
        ),
        (
            lambda: Recipe([("stamp", {"text": "\ud800"})]).to_toml(),
            InputValueError,
            r"steps: expected texts that are Uni",
        ),
        (lambda: Recipe.read("recipe.yaml"), InputValueError, r"path: expected a name that ends in \.toml or \.json"),
        (lambda: Recipe.read("missing.toml"), FileAccessError, r"missing\.toml: expected a readable file"),
        (lambda: Recipe.read(5), InputTypeError, r"path: expected a path, got int"),
    ],
)
def test_what_is_no_recipe_is_refused(make, kind, message):
    with pytest.raises(kind, match=message):
        make()


def test_a_recipe_file_is_text(tmp_path):
    (tmp_path / "a.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(FileFormatError, match=r"a\.toml: expected UTF-8, got"):
        Recipe.read(tmp_path / "a.toml")


# At work


WORK = Recipe(
    [("make_transparent", {"color": "white", "tolerance": 0.1}), ("resize", {"scale": 0.5}), ("blur", {"sigma": 1})]
)


def worked(image):
    image = make_transparent(image, color="white", tolerance=0.1)
    return aikit.blur(resize(image, scale=0.5), 1)


@pytest.mark.parametrize("kind", ["pil", "numpy", "cv2", "tensor", "batch of arrays", "batch of tensors"])
def test_a_recipe_runs_on_every_kind_of_image(kind):
    array = codes(12, 18, 3)
    batch = np.stack([array, array[::-1]])
    image = {
        "pil": lambda: Image.fromarray(array),
        "numpy": lambda: array,
        "cv2": lambda: array[..., ::-1],
        "tensor": lambda: aikit.to_tensor(array),
        "batch of arrays": lambda: batch,
        "batch of tensors": lambda: torch.from_numpy(batch.transpose(0, 3, 1, 2).copy()),
    }[kind]()
    result, expected = WORK(image), worked(image)
    assert type(result) is type(expected)
    np.testing.assert_array_equal(np.asarray(result), np.asarray(expected))


@pytest.mark.gpu
def test_a_recipe_runs_on_a_batch_on_cuda():
    batch = torch.rand(2, 4, 12, 18, device="cuda")
    result = WORK(batch)
    assert result.is_cuda
    torch.testing.assert_close(result.cpu(), WORK(batch.cpu()), atol=1e-5, rtol=0)


def test_gradients_pass_through_a_recipe():
    image = torch.rand(3, 8, 8, requires_grad=True)
    Recipe([("resize", {"width": 4}), ("blur", {"sigma": 1})])(image).sum().backward()
    # Every pixel of four counts the same but at the edges, where the blur repeats; no light is lost in between.
    np.testing.assert_allclose(image.grad.sum(), 3 * 16, rtol=1e-5)


@pytest.mark.parametrize("step", [("resize", {"scale": 3}), ("upsample", {"scale": 3}), ("repeat_rows", {"times": 9})])
def test_a_picture_may_become_so_large_and_no_larger(step):
    recipe, image = Recipe([step]), codes(10, 20, 3)
    assert recipe(image, limits=Limits(max_output_pixels=1800)).size == 1800 * 3
    with pytest.raises(LimitError, match=r"image: expected at most 1799 pixels after resizing, got 1800") as caught:
        recipe(image, limits=Limits(max_output_pixels=1799))
    assert (caught.value.limit, caught.value.allowed, caught.value.found) == ("max_output_pixels", 1799, 1800)


def test_enormous_results_are_refused_before_they_take_memory():
    with pytest.raises(
        LimitError, match=r"image: expected at most 50000000 pixels after resizing, got 100000000000000"
    ):
        Recipe([("resize", {"width": 10**7, "height": 10**7})])(codes(2, 2), limits=Limits())


def test_mistakes_at_work_name_the_step():
    with pytest.raises(InputValueError, match=r"resize\.box: expected a part of 0, 0, 20, 10 .* got \(0, 0, 30, 5\)"):
        Recipe([("resize", {"width": 3, "box": [0, 0, 30, 5]})])(codes(10, 20))
    with pytest.raises(InputTypeError, match=r"image: expected"):
        Recipe([("trim", {})])("photo.jpg")
    with pytest.raises(InputTypeError, match=r"limits: expected Limits or None, got 5"):
        Recipe()(codes(2, 2), limits=5)


@pytest.mark.parametrize("limits", [None, Limits()], ids=["here", "in a child"])
def test_bytes_are_a_file_from_a_file(tmp_path, limits):
    picture = codes(40, 60, 4)
    write(picture, tmp_path / "a.png")
    data = (tmp_path / "a.png").read_bytes()
    recipe = Recipe([("flatten", {"background": "white"}), ("resize", {"width": 30})], to="webp", quality=50)
    expected = encode(resize(flatten(read_pil(data), background="white"), width=30), "webp", quality=50)
    for source in (tmp_path / "a.png", str(tmp_path / "a.png"), data, io.BytesIO(data)):
        assert recipe.bytes(source, limits=limits) == expected
    # Another format; that of the source where nobody says one.
    png = encode(resize(flatten(read_pil(data), background="white"), width=30), "png")
    assert recipe.bytes(data, to=".PNG", limits=limits) == png
    assert Recipe(recipe.steps).bytes(data, limits=limits) == png


def test_bytes_say_what_is_wrong(tmp_path):
    drawing = b'<svg xmlns="http://www.w3.org/2000/svg" width="3" height="2"/>'
    with pytest.raises(InputValueError, match=r"to: expected a format to write, got none, and svg in source"):
        Recipe().bytes(drawing)
    with pytest.raises(InputValueError, match=r'to: expected one of png, .* got "bogus"'):
        Recipe().bytes(drawing, to="bogus")
    with pytest.raises(LimitError, match=r"source: expected at most 10 bytes, got 62"):
        Recipe().bytes(drawing, to="png", limits=Limits(max_bytes=10))
    with pytest.raises(FileAccessError, match=r"nowhere\.png: expected a readable file"):
        Recipe().bytes(tmp_path / "nowhere.png")


def test_the_steps_are_the_functions(tmp_path):
    picture = np.full((40, 50, 3), 255, np.uint8)
    picture[10:30, 15:40] = codes(20, 25, 3) // 2
    write(picture, tmp_path / "a.png")
    steps = [
        ("make_transparent", {"color": "white", "tolerance": 0.1}),
        ("trim", {}),
        ("resize", {"scale": 0.5, "linear": True}),
        ("flatten", {"background": [16, 32, 48]}),
    ]
    assert convert_folder(tmp_path / "a.png", tmp_path / "out", Recipe(steps)).done == 1
    expected = trim(make_transparent(picture, color="white", tolerance=0.1))
    expected = flatten(resize(expected, scale=0.5, linear=True), background=(16, 32, 48))
    np.testing.assert_array_equal(read_numpy(tmp_path / "out" / "a.png"), expected)


def test_large_jpegs_are_not_decoded_whole(monkeypatch):
    read, asked = recipe_files.read_with_info, []
    monkeypatch.setattr(
        recipe_files,
        "read_with_info",
        lambda source, **options: asked.append(options.get("at_least")) or read(source, **options),
    )
    data = encode(codes(400, 600, 3), "jpeg")
    for keywords in ({"width": 60}, {"width": 60, "box": [0, 0, 600, 400]}, {"width": 300}):
        Recipe([("resize", keywords)], to="png").bytes(data)
    assert asked == [(80, 120), None, None]


# Elsewhere


def test_operations_of_ones_own_work_in_children(tmp_path):
    write(codes(20, 30, 3), tmp_path / "a.png")
    recipe = Recipe([("fade", {"amount": 0.25}), ("repeat_rows", {"times": 2})], to="png")
    here = recipe.bytes(tmp_path / "a.png")
    assert recipe.bytes(tmp_path / "a.png", limits=Limits()) == here
    assert read_pil(here).size == (30, 40)
    assert convert_folder(tmp_path / "a.png", tmp_path / "out", recipe, limits=Limits()).done == 1
    assert (tmp_path / "out" / "a.png").read_bytes() == here


def test_a_process_that_knows_nothing_imports_what_a_recipe_needs(tmp_path):
    (tmp_path / "recipe.pickle").write_bytes(pickle.dumps(Recipe([("fade", {})])))
    code = f"""
import pickle, sys
sys.path[:0] = {[str(SRC), str(Path(__file__).parent)]!r}
recipe = pickle.load(open({str(tmp_path / "recipe.pickle")!r}, "rb"))
print(recipe, "own_operations" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("fade True\n", "")


def test_operations_of_a_script_do_not_travel(tmp_path):
    write(codes(4, 4, 3), tmp_path / "a.png")
    (tmp_path / "script.py").write_text(
        textwrap.dedent(f"""
        import sys
        sys.path.insert(0, {str(SRC)!r})
        import aikit, pickle, copy

        @aikit.operation
        def same(image): return image

        recipe = aikit.Recipe([("same", {{}})], to="png")
        print(len(recipe.bytes("a.png")) > 9, copy.deepcopy(recipe) == recipe)
        tries = (
            lambda: recipe.bytes("a.png", limits=aikit.Limits()),
            lambda: aikit.convert_folder("a.png", "out", recipe, limits=aikit.Limits()),
            lambda: aikit.convert_folder("a.png", "out", recipe, engine="ray"),
            lambda: pickle.dumps(recipe),
        )
        for attempt in tries:
            try:
                attempt()
            except aikit.InputValueError as error:
                print(error)
        """)
    )
    done = subprocess.run([sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True, check=False)
    message = (
        "same: expected an operation that other processes can import, got one of __main__; "
        "move it into a module of its own and import that."
    )
    assert (done.stdout.splitlines(), done.stderr) == (["True True", *[message] * 4], "")


# What a line, a file or a caller may not do


def test_a_line_names_its_steps():
    with pytest.raises(InputValueError, match=r"recipe: expected steps by their names, got steps=\.\.\.; write"):
        Recipe.parse("trim; steps=[]")


def test_none_stays_where_it_was_given_and_so_does_its_digest():
    recipe = Recipe([("resize", {"width": 512, "scale": None})])
    assert recipe.digest == "e129da1d223d906438d98be8b38b7cce3473ff6e0dc27c368e9bbfd54544de74"
    assert recipe == Recipe.parse(str(recipe)) == Recipe.from_json(recipe.to_json())
    with pytest.raises(InputValueError, match="steps: expected values that TOML can hold, got None; use to_json"):
        recipe.to_toml()


def test_words_of_python_are_those_of_json_on_a_line():
    (step,) = Recipe.parse("resize width=5 linear=True antialias=False scale=None").steps
    assert step[1] == {"width": 5, "linear": True, "antialias": False, "scale": None}


@pytest.mark.parametrize(
    "step",
    ['{"name":"flatten","background":1' + "0" * 400 + "}", '{"name":"resize","scale":1' + "0" * 400 + "}"],
    ids=["color", "scale"],
)
def test_integers_beyond_64_bits_are_refused(step):
    with pytest.raises(InputValueError, match="expected integers up to 9223372036854775807, got 1000"):
        Recipe.from_json(f'{{"steps":[{step}]}}')


@pytest.mark.parametrize("bgr", [True, False])
def test_a_recipe_may_be_for_arrays_alone(bgr):
    array = np.array([[[10, 20, 30, 0]]], np.uint8)
    assert Recipe([("flatten", {"background": [1, 2, 3], "bgr": bgr})])(array).tolist() == [
        [[3, 2, 1] if bgr else [1, 2, 3]]
    ]


def test_a_recipe_may_have_colors_of_16_bits():
    deep = np.zeros((1, 1, 4), np.uint16)
    assert Recipe([("flatten", {"background": [65535, 0, 300]})])(deep).tolist() == [[[65535, 0, 300]]]


def test_an_empty_recipe_takes_images_only():
    with pytest.raises(InputTypeError, match="image: expected a PIL image"):
        Recipe()("a.png")


ENCODING = [
    ("jpeg", {"subsampling": "4:2:2"}),
    ("jpeg", {"progressive": True, "quality": 95}),
    ("png", {"effort": 9}),
    ("webp", {"effort": 0}),
    ("jpeg", {"optimize": True}),
    ("png", {"palette": 16}),
]


@pytest.mark.parametrize(("to", "options"), ENCODING)
def test_options_of_encoders_are_part_of_the_value(to, options):
    recipe = Recipe([("resize", {"width": 20})], to=to, **options)
    assert recipe.digest != Recipe([("resize", {"width": 20})], to=to).digest
    for again in (Recipe.parse(str(recipe)), Recipe.from_json(recipe.to_json()), Recipe.from_toml(recipe.to_toml())):
        assert again == recipe
        assert {name: getattr(again, name) for name in options} == options
    data = encode(codes(30, 40, 3), "png")
    small = resize(read_pil(data), width=20)
    assert recipe.bytes(data) == encode(small, to, **options)


def test_options_of_encoders_are_refused_where_no_format_has_them():
    with pytest.raises(
        InputValueError, match=r"^effort: expected None for JPEG, got 4; only PNG, WebP, AVIF and JPEG XL take it"
    ):
        Recipe(to="jpeg", effort=4)
    with pytest.raises(InputValueError, match=r"^palette: expected 2 or more, got 1;"):
        Recipe(palette=1)
    with pytest.raises(InputValueError, match=r"^subsampling: expected one of 4:4:4, 4:2:2, 4:2:0, got '?\"?4:1:1"):
        Recipe(subsampling="4:1:1")
    with pytest.raises(InputTypeError, match=r"^progressive: expected True or False"):
        Recipe(progressive="yes")
    # Of several formats those take an option that have it.
    Recipe(effort=4).check(["png", "jpg"])
    with pytest.raises(InputValueError, match=r"^effort: expected None for"):
        Recipe(effort=4).check(["gif", "jpg"])
    with pytest.raises(InputValueError, match=r"^effort: expected 0\.\.6, got 9"):
        Recipe(effort=9).check(["png", "webp"])


def test_the_words_of_subsampling_are_those_of_the_encoder():
    from aikit import _raster
    from aikit.recipe import options

    assert options.Subsampling == _raster.Subsampling
