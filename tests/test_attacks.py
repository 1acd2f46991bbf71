"""Files made to hurt their reader: each with what it must come to, within 5 s, 512 MiB, and without a word."""

import contextlib
import io
import os
import subprocess
import sys
import warnings

import numpy as np
import pytest
from PIL import Image

from aikit import AikitError, InputValueError, Limits, WorkerError, map_supervised, read_pil, to_numpy
from aikit.files import read_frames
from attacks import ATTACKS
from fuzz import judge as judging
from fuzz.judge import complaints
from pictures import codes

# What reads these files must not warn either: recwarn and the judge collect what does.
pytestmark = pytest.mark.filterwarnings("always")

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
    fields = "source", "a", "b", "do c"
    error = InputValueError(*fields)
    assert judging._fault_of(error) is None
    error.args = (message,)
    assert judging._fault_of(error) == f"InputValueError says {message!r}"
    assert judging._fault_of(WorkerError(*fields, code="busy")) == "WorkerError with the code 'busy'"


# What takes much memory goes another way, to the same pixels


@pytest.mark.parametrize("name", ["webp", "webp-lossless"])
def test_large_webps_are_decoded_with_less_room_to_the_same_pixels(name, monkeypatch):
    from aikit._raster import low_memory
    from fuzz.files import FILES

    expected, used, decode = read_pil(FILES[name]), [], low_memory.cv2.imdecode
    monkeypatch.setattr(low_memory.cv2, "imdecode", lambda *job: used.append(1) or decode(*job))
    monkeypatch.setattr(low_memory, "_LARGE", 1)
    picture = read_pil(FILES[name])
    assert used
    assert picture.mode == expected.mode
    assert picture.tobytes() == expected.tobytes()
    assert picture.info == expected.info


def test_large_webps_that_are_damaged_are_refused_without_a_word(monkeypatch, capfd):
    from aikit._raster import low_memory
    from fuzz.files import FILES

    monkeypatch.setattr(low_memory, "_LARGE", 1)
    data, refused = FILES["webp-lossless"], 0
    for at in range(20, len(data)):
        try:
            read_pil(data[:at] + bytes([data[at] ^ 0x55]) + data[at + 1 :], limits=Limits())
        except AikitError:
            refused += 1
    assert refused > 100
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("name", "apart"),
    [
        ("jpeg-progressive", True),
        ("jpeg", False),
        ("webp-moving", True),
        ("webp", False),
        ("gif-moving", True),
        ("gif", False),
        ("png-moving", True),
        ("png", False),
        ("avif-alpha", True),
        ("bmp", False),
    ],
)
def test_what_takes_more_than_half_a_gigabyte_is_decoded_in_a_child(name, apart, monkeypatch):
    from aikit._raster import low_memory, needs_child
    from fuzz.files import FILES

    assert not needs_child(FILES[name], name, Limits())
    facts = Image.open(io.BytesIO(FILES[name]))
    monkeypatch.setattr(low_memory, "_MOST", 5 * facts.width * facts.height)
    assert needs_child(FILES[name], name, Limits()) == apart
    assert not needs_child(FILES[name], name, None)
    assert read_pil(FILES[name], limits=Limits()).tobytes() == read_pil(FILES[name]).tobytes()


@pytest.mark.parametrize("name", ["png-16", "png-key-16", "tiff-16", "tiff-16-lzw", "tiff-float", "tiff-integers"])
def test_bands_make_no_difference(name, monkeypatch):
    from aikit import read_numpy
    from aikit._raster import png16
    from aikit._raster.tiff import samples
    from fuzz.files import FILES

    read = read_pil if name == "tiff-integers" else read_numpy
    expected = np.asarray(read(FILES[name]))
    picture = np.asarray(read_pil(FILES[name]))
    for module in (png16, samples):
        monkeypatch.setattr(module, "_STRIP", 40)
    np.testing.assert_array_equal(np.asarray(read(FILES[name])), expected)
    np.testing.assert_array_equal(np.asarray(read_pil(FILES[name])), picture)


def test_color_of_16_bits_is_rounded_for_pil_as_it_is_by_to_pil():
    from aikit import read_numpy, to_pil
    from fuzz.files import FILES

    for name in ("png-16", "png-key-16", "tiff-16", "ppm-16"):
        expected = to_pil(read_numpy(FILES[name]), dtype="uint8")
        assert read_pil(FILES[name]).mode == expected.mode
        assert read_pil(FILES[name]).tobytes() == expected.tobytes()


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
    with pytest.raises(AikitError, match="expected a valid TIFF file, got") as caught:
        read_pil(bytes(data), limits=Limits())
    assert caught.value.code == "corrupt"
    assert capfd.readouterr() == ("", "")


# Not a word


def odd_metadata():
    """Files that Pillow reads, and warns of."""
    broken = b"Exif\0\0II*\0\x08\0\0\0\x05\0\x12\x01"
    picture = Image.fromarray(codes(9, 12, 3))
    for kind in ("JPEG", "PNG", "WEBP", "AVIF", "TIFF"):
        file = io.BytesIO()
        picture.save(file, kind, exif=Image.Exif() if kind == "TIFF" else broken)
        yield kind, file.getvalue()
    file = io.BytesIO()
    picture.save(file, "JPEG")
    pages = b"MPF\0II*\0\x08\0\0\0\x05\0" + bytes(30)
    data = file.getvalue()
    yield "MPO", data[:2] + b"\xff\xe2" + (len(pages) + 2).to_bytes(2, "big") + pages + data[2:]
    png = ATTACKS["png that claims 2**31 frames"][0]()
    yield "APNG", png
    yield "ICO", b"\0\0\1\0\1\0\x10\x10\0\0\1\0\x20\0" + len(png).to_bytes(4, "little") + b"\x16\0\0\0" + png


@pytest.mark.parametrize(
    ("kind", "data"), list(odd_metadata()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_odd_metadata_is_read_without_a_word(kind, data, recwarn):
    for read in (read_pil, lambda data: list(read_frames(data)), lambda data: to_numpy(read_pil(data))):
        with contextlib.suppress(*([AikitError] if kind in ("APNG", "ICO") else [])):
            read(data)
    assert [str(each.message) for each in recwarn] == []


def test_the_warnings_of_others_are_theirs(recwarn):
    from threading import Event, Thread

    from aikit._metadata.suppress_warnings import suppress_warnings

    ready, go = Event(), Event()

    def other():
        ready.wait(10)
        warnings.warn("of another thread", UserWarning, stacklevel=1)
        go.set()

    thread = Thread(target=other)
    thread.start()
    with suppress_warnings():
        warnings.warn("our own", UserWarning, stacklevel=1)
        ready.set()
        go.wait(10)
    warnings.warn("from outside", UserWarning, stacklevel=1)
    thread.join(10)
    assert sorted(str(each.message) for each in recwarn) == ["from outside", "of another thread"]


def test_our_own_warnings_are_not_printed():
    code = (
        'import aikit; aikit.svg.svg_paths(b\'<svg xmlns="http://www.w3.org/2000/svg"><path d="M0 0 L bad"/></svg>\')'
    )
    done = subprocess.run([sys.executable, "-W", "always", "-c", code], capture_output=True, check=True)
    assert (done.stdout, done.stderr) == (b"", b"")
