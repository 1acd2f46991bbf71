"""Meshes of strangers: each attack comes to an error of ours with its code, soon, in little memory, with nothing opened."""

import os
import sys
import threading
import time

import pytest

from aikit import AikitError, LimitError, Limits, map_supervised, open_mesh
from fuzz import judge
from mesh_attacks import ATTACKS, URIS, hostile_folder

SECONDS, MEMORY = 1.0, 300 * 1024**2
pytestmark = pytest.mark.filterwarnings("ignore::aikit.AikitWarning")


def use(data):
    """Do with a mesh whatever can be done, under limits, in this process."""
    mesh = open_mesh(data, limits=Limits())
    mesh.info()
    mesh.arrays()
    mesh.scene()
    for texture in mesh.textures.values():
        texture.read("numpy")


def outcome(name):
    """What an attack comes to in a child process: its code and message, the seconds and the memory."""
    make = ATTACKS[name][0]
    data = make()
    before, start = judge._peak_reset(), time.process_time()
    try:
        use(data)
        found = "ok", ""
    except AikitError as error:
        found = error.code, str(error)
    return *found, time.process_time() - start, judge._peak() - before


@pytest.fixture(scope="module")
def outcomes():
    names = list(ATTACKS)
    # The first one loads what the others need.
    results = list(map_supervised(outcome, ["version 1", *names], workers=1, timeout=60))
    return dict(zip(names, results[1:], strict=True))


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_comes_to_an_error_of_ours(name, outcomes):
    _, expected, words = ATTACKS[name]
    assert outcomes[name].error is None
    code, message, seconds, memory = outcomes[name].value
    assert expected in (None, code), message
    assert words in message
    assert seconds < SECONDS
    assert memory < MEMORY


@pytest.mark.parametrize("name", ["indices out of range", "a node in itself", "100000 nodes one in the other"])
def test_the_first_look_is_in_a_child(name, monkeypatch):
    seen = []
    from aikit.mesh import opening

    monkeypatch.setattr(opening, "_parse", lambda *arguments: seen.append(arguments))
    with pytest.raises(AikitError, match="expected"):
        open_mesh(ATTACKS[name][0](), limits=Limits())
    assert seen == []  # it was parsed there, and never here


def test_a_reader_that_takes_too_long_is_ended():
    text = b"v 0 0 0\nv 1 0 0\nv 0 1 0\n" + b"f 1 2 3\n" * 3_000_000
    with pytest.raises(LimitError, match=r"expected a result within 0\.5 seconds, got none") as caught:
        open_mesh(text, limits=Limits(max_seconds=0.5))
    assert caught.value.code == "timeout"


@pytest.mark.parametrize("name", ["two billion zeros", "two billion zeros, some of them replaced"])
def test_numbers_that_nothing_in_the_file_pays_for_are_refused_of_trusted_files_too(name):
    with pytest.raises(
        LimitError,
        match=r"^source: expected at most 50000000 elements without data, got 2000000000; leave the file out\.$",
    ):
        open_mesh(ATTACKS[name][0]())


# ---------------------------------------------------------------- files

opened = threading.local()


def _hook(event, arguments):
    if event in ("open", "socket.connect", "urllib.Request") and getattr(opened, "paths", None) is not None:
        opened.paths.append((event, str(arguments[0])))


sys.addaudithook(_hook)


@pytest.mark.skipif(os.name != "posix", reason="links and pipes")
@pytest.mark.parametrize("kind", ["buffer", "image", "obj", "mtl"])
@pytest.mark.parametrize("uri", URIS)
def test_nothing_outside_of_the_folder_is_opened(uri, kind, tmp_path):
    if kind in ("obj", "mtl") and (not uri or "%" in uri):
        pytest.skip("a name like any other, or none")
    path = hostile_folder(tmp_path, uri, kind)
    opened.paths = []
    try:
        with pytest.raises(AikitError, match="expected") as caught:
            open_mesh(path, files=True)
    finally:
        seen, opened.paths = opened.paths, None
    assert caught.value.code == URIS[uri]
    assert not [each for each in seen if "secret" in each[1] or "passwd" in each[1] or each[0] != "open"]


def test_the_hook_sees_what_is_opened(tmp_path):
    path = hostile_folder(tmp_path, "missing.bin", "buffer")
    opened.paths = []
    with pytest.raises(AikitError, match=r"expected the file 'missing\.bin' beside it"):
        open_mesh(path, files=True)
    seen, opened.paths = opened.paths, None
    assert ("open", str(path)) in seen
    assert ("open", "missing.bin") in seen


def test_files_together_are_within_the_limit(tmp_path):
    (tmp_path / "a.gltf").write_text(
        '{"asset":{"version":"2.0"},"buffers":[{"byteLength":1,"uri":"a.bin"},{"byteLength":1,"uri":"b.bin"}]}'
    )
    for name in ("a.bin", "b.bin"):
        (tmp_path / name).write_bytes(bytes(600))
    assert open_mesh(tmp_path / "a.gltf", files=True, limits=Limits(max_bytes=2000)).info().bytes == 1200
    with pytest.raises(LimitError, match=r"expected at most 1000 bytes in all its files, got 13"):
        open_mesh(tmp_path / "a.gltf", files=True, limits=Limits(max_bytes=1000))
