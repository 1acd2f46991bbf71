"""Signed addresses: only a key makes one, and nothing of it can be changed."""

import base64
import hashlib
import hmac
from urllib.parse import unquote

import pytest

from aikit import InputTypeError, InputValueError, Recipe
from aikit.serve import sign_url
from aikit.serve.signing import verify

RECIPE = Recipe.parse("resize width=200; to=webp")


def parts(url):
    _, _, _, signature, recipe, name = url.split("/", 5)
    return signature, unquote(recipe), unquote(name)


@pytest.mark.parametrize("name", ["cat.png", "2026/cat 1.png", "ü/文%2f.png", "a?b#c.png"])
def test_what_was_signed_is_accepted_by_every_key(name):
    signature, recipe, back = parts(sign_url(name, RECIPE, keys=["new", "old"]))
    assert (recipe, back) == (str(RECIPE), name)
    assert Recipe.parse(recipe) == RECIPE
    assert verify(signature, recipe, back, keys=["old", "new"])
    assert not verify(signature, recipe, back, keys=["old"])
    assert not verify(signature, recipe, back, keys=[])


def test_nothing_can_be_changed():
    signature, recipe, name = parts(sign_url("ab/cat.png", RECIPE, keys=["key"]))
    keys = ["key"]
    assert verify(signature, recipe, name, keys=keys)
    for other in (
        signature[:-1] + ("A" if signature[-1] != "A" else "B"),
        signature[:-1],
        "",
        "ü",
        "\ud800",
        signature + "=",
    ):
        assert not verify(other, recipe, name, keys=keys)
    assert not verify(signature, recipe + " ", name, keys=keys)
    assert not verify(signature, recipe, name.upper(), keys=keys)
    # Nothing moves from one to the other.
    assert not verify(signature, recipe + "a", "b/cat.png", keys=keys)


def test_it_is_the_hmac_of_the_standard_library():
    signature, recipe, name = parts(sign_url("a", RECIPE, keys=["key"]))
    message = b"aikit/1" + b"".join(len(part).to_bytes(8, "big") + part for part in (recipe.encode(), name.encode()))
    expected = hmac.new(b"key", message, hashlib.sha256).digest()[:24]
    assert base64.urlsafe_b64decode(signature) == expected


def test_a_preset_has_a_name():
    assert sign_url("a.png", "thumbnail", keys=["key"]).endswith("/thumbnail/a.png")


def test_what_cannot_be_signed_is_refused():
    with pytest.raises(InputValueError, match="keys: expected one key or more, got none; set AIKIT_SIGNING_KEYS"):
        sign_url("a", RECIPE, keys=[])
    with pytest.raises(InputTypeError, match="keys: expected a list of texts, got str"):
        sign_url("a", RECIPE, keys="key")
    with pytest.raises(InputValueError, match="name: expected the name of a picture, got ''"):
        sign_url("", RECIPE, keys=["key"])
