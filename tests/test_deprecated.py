"""Names that go: they work, warn at the line of whoever uses them, and say what is written instead."""

import importlib
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

import aikit
from aikit._deprecated import MOVED, _deprecated, where_now

SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="2" height="1"><rect width="1" height="1"/></svg>'


def seen(use):
    """What a call gives, and the warnings of it: each its text, and the file and line it points at."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        value = use()
    assert all(each.category is DeprecationWarning for each in told)
    return value, [(str(each.message), Path(each.filename), each.lineno) for each in told]


def test_the_warning_says_since_when_until_when_and_what_instead():
    def old():
        _deprecated("aikit.old", since="0.2", remove="0.4", instead="aikit.new")

    line = sys._getframe().f_lineno + 1
    _, told = seen(lambda: old())
    assert told == [("aikit.old: deprecated since aikit 0.2, gone in 0.4; use aikit.new.", Path(__file__), line)]


@pytest.mark.parametrize("name", MOVED)
def test_every_name_that_moved_still_is_at_the_top(name):
    module, new = MOVED[name].split(".")
    value, told = seen(lambda: getattr(aikit, name))
    assert value is getattr(importlib.import_module(f"aikit.{module}"), new)
    assert [text for text, *_ in told] == [
        f"aikit.{name}: deprecated since aikit 0.2, gone in 0.4; use {where_now(name)}."
    ]


def test_it_points_at_the_line_that_uses_the_name():
    line = sys._getframe().f_lineno + 1
    _, told = seen(lambda: aikit.rgb_to_luv)
    assert [where for _, *where in told] == [[Path(__file__), line]]


def test_it_points_at_the_line_that_imports_the_name():
    def use():
        from aikit import rgb_to_luv

        return rgb_to_luv

    value, told = seen(use)
    assert value is aikit.color.rgb_to_luv
    assert {tuple(where) for _, *where in told} == {(Path(__file__), use.__code__.co_firstlineno + 1)}


def test_hasattr_is_true_and_dir_does_not_show_it():
    there, told = seen(lambda: hasattr(aikit, "edit_svg"))
    assert there
    assert told
    assert "edit_svg" not in dir(aikit)
    assert "edit_svg" not in aikit.__all__


def test_it_warns_each_time():
    assert len(seen(lambda: (aikit.rgb_to_luv, aikit.rgb_to_luv))[1]) == 2


@pytest.mark.parametrize(
    ("name", "instead"),
    [
        ("rgb_to_luv", "aikit.color.rgb_to_luv"),
        ("edit_svg", "aikit.open_svg"),
        ("Description", "from aikit.show import Description"),
    ],
)
def test_what_is_written_instead(name, instead):
    assert where_now(name) == instead


# ---------------------------------------------------------------- documents


def document():
    made = aikit.new_psd(height=2, width=3)
    made.add(np.full((1, 2, 4), 200, np.uint8), name="Dot")
    return made


def test_old_names_of_an_svg():
    svg, told = seen(lambda: aikit.svg.document.edit_svg(SVG))
    assert [text for text, *_ in told] == [
        "aikit.svg.edit_svg: deprecated since aikit 0.2, gone in 0.4; use aikit.open_svg."
    ]
    data, told = seen(lambda: svg.tobytes())
    assert data == SVG
    assert told[0][0] == "aikit.svg.Svg.tobytes: deprecated since aikit 0.2, gone in 0.4; use encode()."
    kind, told = seen(lambda: aikit.svg.Element)
    assert kind is aikit.svg.SvgElement
    assert told[0][0].startswith("aikit.svg.Element: deprecated")
    with pytest.raises(AttributeError, match=r"module 'aikit\.svg' has no attribute 'Elephant'"):
        _ = aikit.svg.Elephant


def test_old_names_of_a_psd(tmp_path):
    made = document()
    line = sys._getframe().f_lineno + 1
    whole, told = seen(lambda: made.composite(background="white"))
    assert np.array_equal(whole, made.render(background="white"))
    assert told == [
        ("aikit.psd.Psd.composite: deprecated since aikit 0.2, gone in 0.4; use render().", Path(__file__), line)
    ]
    pixels, told = seen(lambda: made["Dot"].image(canvas=True))
    assert np.array_equal(pixels, made["Dot"].render(canvas=True))
    assert told[0][0] == "aikit.psd.Layer.image: deprecated since aikit 0.2, gone in 0.4; use render()."
    _, told = seen(lambda: made.save(tmp_path / "a.psd"))
    assert (tmp_path / "a.psd").read_bytes() == made.encode()
    assert told[0][0] == "aikit.psd.Psd.save: deprecated since aikit 0.2, gone in 0.4; use write()."
