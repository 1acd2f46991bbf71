import dataclasses
import fractions
import pickle
from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, strategies as st

from aikit import InputTypeError, InputValueError, LimitError, Limits

NUMBERS = [field.name for field in fields(Limits) if field.name != "formats"]


def test_defaults_are_the_documented_profile():
    assert dataclasses.asdict(Limits()) == {
        "max_bytes": 50_000_000,
        "max_pixels": 50_000_000,
        "max_side": 32_767,
        "max_frames": 256,
        "max_total_pixels": 100_000_000,
        "max_output_pixels": 50_000_000,
        "max_seconds": 10.0,
        "max_memory": 2_147_483_648,
        "max_json_bytes": 16_000_000,
        "max_nodes": 100_000,
        "max_depth": 256,
        "max_elements": 50_000_000,
        "max_fragments": 400_000_000,
        "formats": None,
    }


def test_frozen_keyword_only_and_without_stray_names():
    with pytest.raises(dataclasses.FrozenInstanceError, match="max_pixels"):
        Limits().max_pixels = 1
    with pytest.raises(
        InputTypeError, match=r"^Limits: expected no argument without a name, got 1; pass it as one of max_b"
    ):
        Limits(1)
    with pytest.raises(
        InputTypeError, match=r"^Limits: expected one of max_pixels=, .*, got max_pixel=1; pass max_pixels=\.$"
    ):
        Limits(max_pixel=1)


@pytest.mark.parametrize("limits", [Limits(), Limits(max_pixels=7, formats=["png", "gif"])])
def test_pickling_and_equality(limits):
    assert pickle.loads(pickle.dumps(limits)) == limits
    assert hash(limits) == hash(dataclasses.replace(limits))


@pytest.mark.parametrize(
    "value", [1, 0.5, float("inf"), np.int64(3), np.float32(0.5), np.prod((4, 5)), fractions.Fraction(1, 2)]
)
@pytest.mark.parametrize("name", NUMBERS)
def test_any_positive_number_is_taken(name, value):
    assert getattr(Limits(**{name: value}), name) == value


@pytest.mark.parametrize("value", [0, -1, -0.0, float("nan"), float("-inf"), np.int64(0)])
@pytest.mark.parametrize("name", NUMBERS)
def test_numbers_that_are_not_positive_are_refused(name, value):
    with pytest.raises(InputValueError, match=rf"^{name}: expected a positive number, got .+; pass a positive one\.$"):
        Limits(**{name: value})


@pytest.mark.parametrize("value", ["10", None, True, 1j, [1], np.ones(2)])
@pytest.mark.parametrize("name", NUMBERS)
def test_what_is_no_number_is_refused(name, value):
    with pytest.raises(InputTypeError, match=rf"^{name}: expected a number, got .+; pass a positive one\.$"):
        Limits(**{name: value})


@pytest.mark.parametrize("formats", [{"png"}, frozenset({"png"}), ["png", "png"], ("png",), {"png": 1}])
def test_formats_become_a_frozen_set(formats):
    assert Limits(formats=formats).formats == frozenset({"png"})


@pytest.mark.parametrize("formats", ["png", b"png", 5, {1}, ["png", None], [["png"]], iter(["png"])])
def test_formats_that_are_no_set_of_names_are_refused(formats):
    with pytest.raises(InputTypeError, match=r'^formats: expected a set of names, got .+; pass a set such as \{"png"'):
        Limits(formats=formats)


@given(limit=st.integers(1, 1000), value=st.integers(0, 1000))
def test_check_raises_above_the_limit_and_only_there(limit, value):
    limits = Limits(max_side=limit)
    if value <= limit:
        limits.check("a.png", "pixels", "max_side", value)
    else:
        with pytest.raises(
            LimitError, match=rf"^a\.png: expected at most {limit} pixels, got {value}; .*max_side="
        ) as caught:
            limits.check("a.png", "pixels", "max_side", value)
        assert caught.value.code == "limit_exceeded"


def test_formats_go_by_their_names_and_by_what_people_call_them():
    assert Limits(formats={"jpg", ".TIF", "PNG"}).formats == frozenset({"jpeg", "tiff", "png"})


def test_unknown_formats_are_refused_where_they_are_named():
    with pytest.raises(
        InputValueError, match=r"^formats: expected names from png, jpeg, .+, got 'pgn'; pass some of these\.$"
    ):
        Limits(formats={"pgn"})
