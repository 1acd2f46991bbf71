import base64
import contextlib
import errno
import io
import os
import re
import stat
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from aikit import FileAccessError, FileFormatError, InputTypeError, InputValueError, LimitError, Limits, _io
from aikit._io import name_of, read_bytes, remove_leftovers, write_bytes

DATA = bytes(range(256)) * 9
SRC = Path(__file__).parents[1] / "src"

posix = pytest.mark.skipif(os.name != "posix", reason="POSIX files")


class Fspath:
    """A path that is no pathlib.Path, and whose str() is no path."""

    def __init__(self, path):
        self.path = str(path)

    def __fspath__(self):
        return self.path


class Trickle(io.RawIOBase):
    """A stream without a size that gives a few bytes at a time and counts them."""

    given = 0

    def __init__(self, total):
        self.total = total

    def readable(self):
        return True

    def read(self, size=-1):
        size = min(1000, self.total - self.given) if size >= 0 else self.total - self.given
        self.given += size
        return b"x" * size


@pytest.fixture
def good(tmp_path):
    path = tmp_path / "good.png"
    path.write_bytes(b"what was there")
    return path


def names(folder):
    return sorted(os.listdir(folder))


# Reading


@pytest.mark.parametrize("limits", [None, Limits()], ids=["trusted", "limited"])
@pytest.mark.parametrize(
    "make",
    [
        str,
        Path,
        Fspath,
        Path.read_bytes,
        lambda path: bytearray(path.read_bytes()),
        lambda path: memoryview(path.read_bytes()),
        lambda path: io.BytesIO(path.read_bytes()),
        lambda path: path.open("rb"),
        lambda path: path.open("rb", buffering=0),
    ],
    ids=["str", "Path", "PathLike", "bytes", "bytearray", "memoryview", "BytesIO", "file", "raw file"],
)
def test_every_source_gives_the_same_bytes(tmp_path, make, limits):
    (tmp_path / "a.bin").write_bytes(DATA)
    source = make(tmp_path / "a.bin")
    with source if hasattr(source, "read") else contextlib.nullcontext():
        result = read_bytes(source, limits=limits)
    assert type(result) is bytes
    assert result == DATA


@given(data=st.binary(min_size=1, max_size=300), step=st.sampled_from([1, 2, -1, -3]))
def test_strided_memory_reads_as_its_values(data, step):
    view = memoryview(data)[::step]
    assert read_bytes(view) == read_bytes(view, limits=Limits()) == data[::step]


def test_a_file_is_read_from_where_it_stands_and_stays_open():
    file = io.BytesIO(DATA)
    file.seek(100)
    assert read_bytes(file) == DATA[100:]
    assert not file.closed


@pytest.mark.parametrize("make", [bytes, bytearray, memoryview, io.BytesIO], ids=lambda make: make.__name__)
def test_exactly_max_bytes_pass_and_one_more_does_not(make, tmp_path):
    limits = Limits(max_bytes=len(DATA))
    (tmp_path / "more").write_bytes(DATA + b"x")
    assert read_bytes(make(DATA), limits=limits) == DATA
    message = rf"expected at most {len(DATA)} bytes, got {len(DATA) + 1}; raise Limits\(max_bytes=\.\.\.\)"
    for source in (make(DATA + b"x"), tmp_path / "more"):
        with pytest.raises(LimitError, match=message):
            read_bytes(source, limits=limits)


def test_wide_items_of_a_memoryview_count_as_bytes():
    with pytest.raises(LimitError, match="at most 15 bytes, got 16"):
        read_bytes(memoryview(bytes(16)).cast("I"), limits=Limits(max_bytes=15))


def test_a_limit_stops_a_stream_of_unknown_length():
    stream = Trickle(10**7)
    with pytest.raises(LimitError, match=r"^source: expected at most 5000 bytes, got 6000;"):
        read_bytes(stream, limits=Limits(max_bytes=5000))
    assert stream.given == 6000


def test_a_large_file_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "large.png"
    with path.open("wb") as file:
        file.truncate(20_000_000)
    # Reading would have stopped after a chunk and told the size of that.
    with pytest.raises(LimitError, match="at most 5000 bytes, got 20000000"):
        read_bytes(path, limits=Limits(max_bytes=5000))


@pytest.mark.skipif(not os.path.exists("/proc/self/smaps"), reason="Linux files")
def test_a_limit_stops_a_file_whose_size_reads_as_zero():
    assert os.stat("/proc/self/smaps").st_size == 0
    with pytest.raises(LimitError, match=r"^/proc/self/smaps: expected at most 500 bytes"):
        read_bytes("/proc/self/smaps", limits=Limits(max_bytes=500))


def test_a_limit_is_not_mistaken_for_a_null_byte(tmp_path):
    (tmp_path / "null.png").write_bytes(DATA)
    with pytest.raises(LimitError, match=r"null\.png: expected at most 5 bytes"):
        read_bytes(tmp_path / "null.png", limits=Limits(max_bytes=5))


@pytest.mark.parametrize("limits", [None, Limits()], ids=["trusted", "limited"])
@pytest.mark.parametrize("source", [b"", bytearray(), memoryview(b""), io.BytesIO()], ids=lambda s: type(s).__name__)
def test_nothing_is_no_picture(source, limits):
    with pytest.raises(FileFormatError, match=r"^source: expected a picture, got 0 bytes; ") as caught:
        read_bytes(source, limits=limits)
    assert caught.value.code == "truncated"


def test_an_empty_file_is_named(tmp_path):
    (tmp_path / "empty.png").touch()
    with pytest.raises(FileFormatError, match=r"empty\.png: expected a picture, got 0 bytes"):
        read_bytes(tmp_path / "empty.png")


@pytest.mark.parametrize("source", [None, 5, [b"x"], object()], ids=lambda s: type(s).__name__)
def test_other_objects_are_refused(source):
    with pytest.raises(
        InputTypeError, match=rf"^source: expected a path, bytes or .*, got {type(source).__name__}; .*to_pil"
    ):
        read_bytes(source)


@pytest.mark.parametrize("limits", [None, Limits()], ids=["trusted", "limited"])
def test_a_text_file_is_refused(tmp_path, limits):
    path = tmp_path / "a.svg"
    path.write_text("<svg/>")
    message = r"a\.svg: expected a binary file, got one that reads str; .*'rb'"
    with path.open() as file, pytest.raises(InputTypeError, match=message):
        read_bytes(file, limits=limits)


@pytest.mark.parametrize("limits", [None, Limits()], ids=["trusted", "limited"])
def test_an_empty_text_file_is_refused_too(limits):
    with pytest.raises(InputTypeError, match=r"^source: expected a binary file, got one that reads str"):
        read_bytes(io.StringIO(""), limits=limits)


def test_a_closed_file_is_refused():
    file = io.BytesIO(DATA)
    file.close()
    with pytest.raises(InputValueError, match=r"^source: expected an open file, got a closed one; open it again\.$"):
        read_bytes(file)


def test_a_file_open_for_writing_is_refused(tmp_path):
    with (
        (tmp_path / "a").open("wb") as file,
        pytest.raises(FileAccessError, match=r"expected a readable file, got .*'rb'"),
    ):
        read_bytes(file)


URLS = ["http://example.org/a.png", "HTTPS://example.org/a.png", "ftp://x/a", "s3://bucket/a.png", "file:///etc/passwd"]


@pytest.mark.parametrize("url", URLS)
def test_urls_are_refused_in_both_directions(url):
    with pytest.raises(InputTypeError, match=rf"^source: expected a path, got the URL '{url}'; aikit uses no network"):
        read_bytes(url)
    with pytest.raises(InputTypeError, match=rf"^path: expected a path, got the URL '{url}'"):
        write_bytes(url, DATA)


def test_data_urls_name_their_reader():
    with pytest.raises(InputTypeError, match="got a data URL; pass from_data_url"):
        read_bytes("Data:image/png;base64,AAAA")


SVG = "<svg xmlns='http://www.w3.org/2000/svg'/>"


@pytest.mark.parametrize("text", [SVG, f"\ufeff\n {SVG.upper()}", f"<?xml version='1.0'?>{SVG}", "<!DOCTYPE svg>"])
def test_markup_given_as_a_path_is_told_to_be_bytes(text):
    message = r"^source: expected a path, got markup ['\"].*; pass its bytes, text\.encode\(\)\.$"
    with pytest.raises(InputValueError, match=message):
        read_bytes(text)
    assert read_bytes(text.encode()) == text.encode()


BASE64 = {
    "png": b"\x89PNG\r\n\x1a\n",
    "jpeg": b"\xff\xd8\xff\xe0",
    "gif": b"GIF89a",
    "webp": b"RIFF\x10\0\0\0WEBPVP8 ",
    "avif": b"\0\0\0\x20ftypavif",
    "tiff": b"II*\0",
    "svg": b"<svg xmlns=",
    "psd": b"8BPS",
}


@pytest.mark.parametrize("length", [40, 400_000], ids=["short", "long"])
@pytest.mark.parametrize("head", BASE64.values(), ids=BASE64)
def test_base64_given_as_a_path_is_told_to_be_decoded(head, length):
    text = base64.b64encode(head + bytes(length)).decode()
    message = rf"^source: expected a path, got base64 text '{re.escape(text[:30])}.*; pass base64\.b64decode\(text\), bytes\.$"
    with pytest.raises(InputValueError, match=message) as caught:
        read_bytes(text)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("path", ["a/b/c/photograph", "iVBORw0KGgo", "Q" * 60, "x" * 500_000 + ".png"])
def test_paths_that_are_no_base64_are_missing_files(path):
    with pytest.raises(
        FileAccessError, match=r"expected a readable file, got '(No such file|File name too long)"
    ) as caught:
        read_bytes(path)
    assert len(str(caught.value)) < 500


def test_a_file_that_looks_like_base64_is_read(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    name = base64.b64encode(BASE64["png"] + bytes(40)).decode().replace("/", "_")
    Path(name).write_bytes(DATA)
    assert read_bytes(name) == DATA


@pytest.mark.parametrize("path", ["a\0b.png", "\0", "a\ud800.png"], ids=["null", "only null", "surrogate"])
def test_names_no_file_can_have_are_refused(path):
    for subject, call in (("source", lambda: read_bytes(path)), ("path", lambda: write_bytes(path, DATA))):
        with pytest.raises(FileAccessError, match=rf"^{subject}: expected a path, got '.*', which no file can have"):
            call()


def test_a_missing_file_says_so_and_keeps_errno(tmp_path):
    with pytest.raises(FileAccessError, match=r"gone\.png: expected a readable file, got 'No such file") as caught:
        read_bytes(tmp_path / "gone.png")
    assert caught.value.errno == errno.ENOENT
    assert caught.value.filename == str(tmp_path / "gone.png")
    assert isinstance(caught.value.__cause__, FileNotFoundError)


@posix
def test_a_directory_is_no_source(tmp_path):
    with pytest.raises(FileAccessError, match="expected a readable file, got 'Is a directory'") as caught:
        read_bytes(tmp_path)
    assert caught.value.errno == errno.EISDIR


def test_a_permission_is_missing(good, monkeypatch):
    def refuse(*_):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(good))

    monkeypatch.setattr("builtins.open", refuse)
    with pytest.raises(
        FileAccessError, match=r"good\.png: .*got 'Permission denied'; check the path and its permissions"
    ):
        read_bytes(good)


def test_the_empty_path_is_named_in_words():
    with pytest.raises(FileAccessError, match=r"^source: expected a readable file"):
        read_bytes("")


def test_names_in_messages(tmp_path):
    with (tmp_path / "x").open("wb") as file:
        assert name_of(file) == str(tmp_path / "x")
        with os.fdopen(os.dup(file.fileno()), "rb") as numbered:
            assert name_of(numbered) == "source"
    assert name_of(tmp_path / "x") == name_of(Fspath(tmp_path / "x")) == str(tmp_path / "x")
    with os.scandir(tmp_path) as entries:
        assert name_of(next(entries)) == str(tmp_path / "x")


# Writing


@given(data=st.binary(max_size=300))
def test_what_is_written_is_read(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("folder") / "a.png"
    write_bytes(path, data)
    assert path.read_bytes() == data
    assert names(path.parent) == ["a.png"]


@pytest.mark.parametrize("make", [str, Path, Fspath], ids=["str", "Path", "PathLike"])
def test_an_existing_file_is_replaced(good, make):
    write_bytes(make(good), DATA)
    assert good.read_bytes() == DATA
    assert names(good.parent) == ["good.png"]


def test_a_bare_name_is_in_the_working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_bytes("a.png", DATA)
    assert (tmp_path / "a.png").read_bytes() == DATA


@posix
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o755])
def test_the_mode_of_an_existing_file_is_kept(good, mode):
    good.chmod(mode)
    write_bytes(good, DATA)
    assert stat.S_IMODE(good.stat().st_mode) == mode


@posix
@pytest.mark.parametrize("umask", [0o022, 0o027, 0o077])
def test_a_new_file_gets_the_mode_that_open_gives(tmp_path, umask):
    before = os.umask(umask)
    try:
        write_bytes(tmp_path / "ours", DATA)
        (tmp_path / "theirs").write_bytes(DATA)
    finally:
        os.umask(before)
    ours, theirs = ((tmp_path / name).stat().st_mode for name in ("ours", "theirs"))
    assert oct(ours) == oct(theirs)


@posix
@pytest.mark.parametrize("exists", [True, False], ids=["live", "dangling"])
def test_a_symbolic_link_is_written_through(tmp_path, exists):
    (tmp_path / "elsewhere").mkdir()
    target, link = tmp_path / "elsewhere" / "target.png", tmp_path / "link.png"
    if exists:
        target.write_bytes(b"old")
    link.symlink_to("elsewhere/target.png")
    write_bytes(link, DATA)
    assert link.is_symlink()
    assert target.read_bytes() == DATA
    assert names(tmp_path) == ["elsewhere", "link.png"]
    assert names(target.parent) == ["target.png"]


@posix
def test_what_is_no_regular_file_is_written_to_and_not_replaced(tmp_path):
    # Not /dev/null: run by root, a failure of this test would replace the real one.
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    try:
        write_bytes(fifo, DATA)
        assert os.read(reader, len(DATA) + 1) == DATA
    finally:
        os.close(reader)
    assert stat.S_ISFIFO(fifo.stat().st_mode)


@posix
def test_a_pipe_is_written_to():
    code = "from aikit._io import write_bytes; write_bytes('/dev/stdout', b'picture')"
    environment = {**os.environ, "PYTHONPATH": str(SRC)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, env=environment, check=True)
    assert done.stdout == b"picture"


@posix
def test_a_full_disk_leaves_the_good_file(good):
    # The limit on the size of a file makes write() fail midway, as a full disk does.
    code = f"""
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
from aikit import FileAccessError
from aikit._io import write_bytes
try:
    write_bytes({str(good)!r}, bytes(1_000_000))
except FileAccessError as error:
    print(error)
"""
    environment = {**os.environ, "PYTHONPATH": str(SRC)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    assert f"{good}: expected a writable path, got 'File too large'; " in done.stdout
    assert good.read_bytes() == b"what was there"
    assert names(good.parent) == ["good.png"]


@pytest.mark.parametrize("step", ["replace", "fsync", "chmod"])
@pytest.mark.parametrize(
    ("failure", "expected", "match"),
    [
        (
            OSError(errno.ENOSPC, "No space left on device"),
            FileAccessError,
            "expected a writable path, got 'No space left",
        ),
        (KeyboardInterrupt("now"), KeyboardInterrupt, "now"),
    ],
    ids=["no space", "Ctrl-C"],
)
def test_a_failure_at_any_step_leaves_the_good_file_and_nothing_else(good, monkeypatch, step, failure, expected, match):
    def fail(*_):
        raise failure

    monkeypatch.setattr(f"aikit._io.os.{step}", fail)
    with pytest.raises(expected, match=match):
        write_bytes(good, DATA)
    assert good.read_bytes() == b"what was there"
    assert names(good.parent) == ["good.png"]


def test_the_bytes_are_on_the_disk_before_they_take_the_place(good, monkeypatch):
    steps = []
    for step in ("fsync", "replace"):
        real = getattr(os, step)
        monkeypatch.setattr(f"aikit._io.os.{step}", lambda *args, s=step, real=real: (steps.append(s), real(*args)))
    write_bytes(good, DATA)
    assert steps[:2] == ["fsync", "replace"]


def test_the_temporary_name_is_no_picture_and_in_the_same_folder(good, monkeypatch):
    seen = []
    real = os.replace
    monkeypatch.setattr("aikit._io.os.replace", lambda a, b: (seen.append(Path(a)), real(a, b)))
    write_bytes(good, DATA)
    assert seen[0].parent == good.parent
    assert seen[0].suffix == ".tmp"
    assert seen[0].name.startswith(".")


@pytest.mark.skipif(sys.platform == "win32", reason="locks of POSIX")
def test_a_file_that_is_being_written_is_no_leftover(good, monkeypatch):
    real = os.replace
    monkeypatch.setattr("aikit._io.os.replace", lambda a, b: (remove_leftovers(good.parent), real(a, b)))
    write_bytes(good, DATA)
    assert good.read_bytes() == DATA


@pytest.mark.skipif(sys.platform == "win32", reason="locks of POSIX")
def test_a_temporary_file_that_was_removed_before_it_was_locked_is_made_again(good, monkeypatch):
    lock, seen = _io._lock, []

    def come_too_late(handle, *, wait):
        if not seen:
            seen.extend(good.parent.glob(".aikit-*.tmp"))
            seen[0].unlink()
        return lock(handle, wait=wait)

    monkeypatch.setattr(_io, "_lock", come_too_late)
    write_bytes(good, DATA)
    assert good.read_bytes() == DATA
    assert seen
    assert names(good.parent) == ["good.png"]


def test_without_locks_files_are_written_and_no_leftover_is_removed(good, monkeypatch):
    monkeypatch.setattr(_io, "_lock", lambda handle, *, wait: None)
    (good.parent / ".aikit-dead.tmp").touch()
    write_bytes(good, DATA)
    remove_leftovers(good.parent)
    assert good.read_bytes() == DATA
    assert names(good.parent) == [".aikit-dead.tmp", "good.png"]


def test_times_are_those_that_were_asked_for(good):
    write_bytes(good, DATA, times=(10**18 + 1, 10**18 + 123456789))
    facts = os.stat(good)
    assert (facts.st_atime_ns, facts.st_mtime_ns) == (10**18 + 1, 10**18 + 123456789)


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(
        FileAccessError, match=r"a\.png: expected a writable path, got 'No such file.*; check the folder"
    ) as caught:
        write_bytes(tmp_path / "no" / "a.png", DATA)
    assert caught.value.errno == errno.ENOENT
    assert caught.value.filename == str(tmp_path / "no" / "a.png")
    assert names(tmp_path) == []


def test_a_directory_is_no_target(tmp_path):
    for path in (tmp_path, f"{tmp_path}{os.sep}new.png{os.sep}"):
        with pytest.raises(
            FileAccessError, match=r"^path: expected a file, got the directory '.*'; add a file name\.$"
        ):
            write_bytes(path, DATA)
    assert names(tmp_path) == []


@pytest.mark.parametrize("path", [None, 5, b"a.png", io.BytesIO()], ids=lambda path: type(path).__name__)
def test_a_target_must_be_a_path(path):
    with pytest.raises(
        InputTypeError, match=rf"^path: expected a path, got {type(path).__name__}; pass a str or a pathlib"
    ):
        write_bytes(path, DATA)


def test_a_text_file_that_stumbles_over_a_picture_is_refused(tmp_path):
    path = tmp_path / "photo.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n\xff\xfe")
    with (
        path.open(encoding="utf-8") as file,
        pytest.raises(InputTypeError, match=r"got a text file; open it with mode 'rb'"),
    ):
        read_bytes(file)


@pytest.mark.parametrize("limits", [True, 1000, {"max_bytes": 5}])
def test_limits_have_to_be_limits(limits):
    with pytest.raises(
        InputTypeError, match=r"^limits: expected Limits or None, got .+; pass Limits\(\) for untrusted files\.$"
    ):
        read_bytes(b"abc", limits=limits)


# A file that others see


def test_two_writers_at_once_leave_one_of_two_whole_files(tmp_path):
    path, contents = tmp_path / "shared.bin", (b"a" * 300_000, b"b" * 200_000)

    def write_and_look(content):
        for _ in range(25):
            write_bytes(path, content)
            assert path.read_bytes() in contents

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(write_and_look, contents))
    assert [entry.name for entry in tmp_path.iterdir()] == ["shared.bin"]


def test_a_writer_that_is_killed_leaves_a_whole_file(tmp_path):
    path = tmp_path / "picture.bin"
    script = f"""
from aikit._io import write_bytes
for number in range(10**9):
    write_bytes({str(path)!r}, bytes([number % 251]) * 3_000_000)
    print(flush=True)
"""
    for delay in (0.0, 0.013, 0.031):
        with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as child:
            child.stdout.readline()
            time.sleep(delay)
            child.kill()
        content = path.read_bytes()
        assert len(content) == 3_000_000
        assert len(set(content)) == 1
