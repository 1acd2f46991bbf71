"""Files made to hurt their reader: each with what it must come to, within 5 s, 512 MiB, and without a word."""

import io
import os

import pytest

from aikit import AikitError, Limits, map_supervised, read_pil
from attacks import ATTACKS
from fuzz import judge as judging
from fuzz.judge import complaints
from pictures import codes

# Pillow tells of odd metadata in thousands of warnings, which are the user's to filter.
pytestmark = pytest.mark.filterwarnings("ignore")

SLOW = ("megapixels of", "million", "200 MB", "40 MB", "30 MB", "never ends", "odd maximum", "thousand")


def marks(name):
    return [pytest.mark.slow] if any(words in name for words in SLOW) else []


@pytest.mark.parametrize("name", [pytest.param(name, marks=marks(name)) for name in ATTACKS])
def test_an_attack_comes_to_nothing(name):
    if name.startswith("heic"):
        pytest.importorskip("pi_heif")
    make, expected, words = ATTACKS[name]
    data = make()
    (outcome,) = map_supervised(complaints, [data], workers=1, timeout=300)
    assert outcome.error is None
    assert outcome.value == []
    code, message = outcome_of(data)
    assert expected in (None, code), message
    assert words in message


def outcome_of(data):
    try:
        picture = read_pil(data, limits=Limits())
    except AikitError as error:
        return error.code, str(error)
    assert min(picture.size) > 0
    return "ok", ""


# The judge sees what it is there for


def test_the_judge_sees_foreign_exceptions(monkeypatch):
    monkeypatch.setattr(judging, "_numpy", lambda data: {}["missing"])
    assert complaints(b"x") == ["<lambda>: KeyError escaped: 'missing'"]


def test_the_judge_sees_memory_time_and_words(monkeypatch):
    monkeypatch.setattr(judging, "_frames", lambda data: os.write(2, b"libtiff says"))
    monkeypatch.setattr(judging, "_pil", lambda data: bytearray(b"x") * 30_000_000)
    monkeypatch.setattr(judging, "_numpy", lambda data: sum(range(200_000)))
    monkeypatch.setattr(judging, "MEMORY", 20_000_000)
    monkeypatch.setattr(judging, "SECONDS", 0.0001)
    found = "\n".join(complaints(b"x"))
    assert "printed b'libtiff says'" in found
    assert "s of processor time" in found
    assert os.name != "posix" or " MiB" in found


@pytest.mark.parametrize("message", ["source: bad", "expected a, got b; c.", "source: expected a, got b; c"])
def test_the_judge_sees_messages_out_of_form(message):
    assert judging._fault_of(AikitError(message)) == f"AikitError says {message!r}"
    assert judging._fault_of(AikitError("source: expected a, got b; do c.")) is None


# What the guards must let through


def test_progressive_jpegs_with_many_scans_are_read_where_they_are_small():
    from attacks import _jpeg_of_many_scans

    assert read_pil(_jpeg_of_many_scans(100, 300), limits=Limits()).size == (100, 100)
    # Without limits nobody counts them.
    assert read_pil(_jpeg_of_many_scans(2000, 300)).size == (2000, 2000)


def test_damaged_tiffs_say_nothing_under_limits(capfd):
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(codes(40, 48, 3)).save(file, "TIFF", compression="tiff_lzw")
    data = bytearray(file.getvalue())
    data[30:60] = b"\xff" * 30
    with pytest.raises(AikitError) as caught:
        read_pil(bytes(data), limits=Limits())
    assert caught.value.code == "corrupt"
    assert capfd.readouterr() == ("", "")
