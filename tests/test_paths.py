"""Names from outside stay in their folder, whatever they are made of and whatever happens meanwhile."""

import contextlib
import os
import socket
import threading
from pathlib import Path

import pytest

from aikit import FileAccessError, InputTypeError, InputValueError
from aikit.paths import inside, open_inside

HOSTILE = [
    "a\u2024", "a\uff0e", "a\u3000", "a\x85b", "a\x9bb",
    "", ".", "..", "../secret", "a/../../secret", "/etc/passwd", "//server/share", "a//b", "a/", "./a", "a/./b",
    "..\\secret", "a\\..\\..\\secret", "C:\\x", "C:x", "c:/x", "x:stream", "x.png::$DATA", "nul", "NUL.png", "a/con.txt",
    "aux ", "com1", "lpt¹.log", "a.", "a ", "a/b..", "a\0b", "a\nb", "a\x7fb", "..\uff0fsecret", "\uff0e\uff0e/secret",
    "\u2025/secret", "a\uff3cb", "a\uff1ab", "a*b", 'a"b', "a|b", "<a>", "a?b",
]  # fmt: skip
GOOD = [
    "a.png",
    "2026/cat.png",
    ".hidden",
    "a b/ü文字.png",
    "..a",
    "a..b",
    "console.txt",
    "null",
    "~",
    "-rf",
    "%2e%2e",
    "…a",
]


@pytest.fixture
def base(tmp_path):
    folder = tmp_path / "base"
    (folder / "2026").mkdir(parents=True)
    (folder / "2026" / "cat.png").write_bytes(b"cat")
    (tmp_path / "base-evil").mkdir()
    (tmp_path / "base-evil" / "secret").write_bytes(b"secret")
    (tmp_path / "secret").write_bytes(b"secret")
    return folder


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("function", [inside, open_inside])
def test_hostile_names_are_refused_on_every_system(base, name, function):
    with pytest.raises(
        InputValueError, match=r"name: expected a name that stays in its folder, got .*; (leave out|name a file)"
    ):
        function(base, name)


@pytest.mark.parametrize("name", GOOD)
def test_what_people_call_their_files_is_taken(base, name):
    (base / name).parent.mkdir(exist_ok=True)
    (base / name).write_bytes(name.encode())
    assert inside(base, name) == (base / name).resolve()
    with open_inside(base, name) as file:
        assert file.read() == name.encode()


def test_a_name_that_is_not_there_yet_can_be_joined(base):
    assert inside(base, "2027/new/dog.png") == base.resolve() / "2027" / "new" / "dog.png"
    with pytest.raises(FileAccessError, match="got 'No such file or directory'; check the name"):
        open_inside(base, "2027/new/dog.png")


def test_a_name_of_undecodable_bytes_is_a_file(base):
    (base / "photo\udcff.png").write_bytes(b"x")
    assert inside(base, "photo\udcff.png").exists()
    with open_inside(base, "photo\udcff.png") as file:
        assert file.read() == b"x"
    for function in (inside, open_inside):
        with pytest.raises(FileAccessError, match="name: expected a file of the folder"):
            function(base, "half\ud800")


def test_a_name_that_is_too_long_is_refused(base):
    with pytest.raises(FileAccessError, match="too long"):
        open_inside(base, "a" * 300)


# ---------------------------------------------------------------- links


def test_links_that_lead_out_are_refused_and_others_followed_by_inside(base):
    (base / "out").symlink_to(base.parent)
    (base / "evil").symlink_to(base.parent / "base-evil")
    (base / "self").symlink_to(base)
    (base / "loop").symlink_to(base / "loop")
    (base / "alias.png").symlink_to(base / "2026" / "cat.png")
    assert inside(base, "alias.png") == (base / "2026" / "cat.png").resolve()
    for name in ("out/secret", "evil/secret", "evil", "self", "loop", "loop/a"):
        with pytest.raises(
            FileAccessError, match=r"name: expected a file of the folder, got .*(out of it|cannot be followed)"
        ):
            inside(base, name)


@pytest.mark.parametrize("name", ["out/secret", "alias.png", "loop"])
def test_no_link_is_opened(base, name):
    (base / "out").symlink_to(base.parent)
    (base / "alias.png").symlink_to(base / "2026" / "cat.png")
    (base / "loop").symlink_to(base / "loop")
    with pytest.raises(
        FileAccessError, match=r"name: expected a file of the folder, got '(Not a directory|Too many levels)"
    ):
        open_inside(base, name)


def test_the_base_may_be_a_link(base, tmp_path):
    (tmp_path / "current").symlink_to(base)
    assert inside(tmp_path / "current", "2026/cat.png") == (base / "2026" / "cat.png").resolve()
    with open_inside(tmp_path / "current", "2026/cat.png") as file:
        assert file.read() == b"cat"


def test_only_plain_files_are_opened(base):
    os.mkfifo(base / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(base / "socket"))
        for name in ("2026", "pipe", "socket"):
            with pytest.raises(FileAccessError, match="name: expected a file of the folder"):
                open_inside(base, name)


def test_a_folder_exchanged_for_a_link_meanwhile_is_never_followed(base, tmp_path):
    """The attack of `check, then open`: two folders change places with a link as fast as they can."""
    real, link = base / "real", tmp_path / "link"
    real.mkdir()
    (real / "secret").write_bytes(b"public")
    link.symlink_to(tmp_path)
    stop = threading.Event()

    def exchange():
        while not stop.is_set():
            os.rename(real, base / "aside")
            os.rename(link, real)
            os.rename(real, link)
            os.rename(base / "aside", real)

    thread = threading.Thread(target=exchange)
    thread.start()
    seen = set()
    try:
        for _ in range(3000):
            try:
                with open_inside(base, "real/secret") as file:
                    seen.add(file.read())
            except FileAccessError:
                seen.add(None)
    finally:
        stop.set()
        thread.join()
    assert b"secret" not in seen
    assert b"public" in seen


def test_no_descriptor_is_left_open(base):
    before = len(os.listdir("/proc/self/fd"))
    for name in ("2026/cat.png", "2026/none.png", "2026", "2026/cat.png/x"):
        with contextlib.suppress(FileAccessError):
            open_inside(base, name).close()
    assert len(os.listdir("/proc/self/fd")) == before


# ---------------------------------------------------------------- arguments


@pytest.mark.parametrize("function", [inside, open_inside])
def test_what_is_no_name_and_no_folder_is_refused(base, function):
    with pytest.raises(InputTypeError, match="name: expected a relative name as text, got PosixPath"):
        function(base, Path("a"))
    with pytest.raises(FileAccessError, match=r"base: expected a folder, got .*; make it first"):
        function(base / "2026" / "cat.png", "a")
    with pytest.raises(InputTypeError, match="base: expected the path of a folder, got ''"):
        function("", "a")


def test_without_dir_fd_links_are_found_by_comparing(base, monkeypatch):
    monkeypatch.setattr(os, "supports_dir_fd", set())
    (base / "out").symlink_to(base.parent)
    with open_inside(base, "2026/cat.png") as file:
        assert file.read() == b"cat"
    with pytest.raises(FileAccessError, match="a link, which is not followed"):
        open_inside(base, "out/secret")
