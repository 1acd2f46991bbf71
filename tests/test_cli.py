"""The command: what it prints, what it writes, how it ends."""

import contextlib
import io
import json
import os
import pty
import re
import select
import signal
import sqlite3
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from aikit import (
    Limits,
    Recipe,
    encode,
    flatten,
    make_transparent,
    new_mesh,
    open_mesh,
    open_psd,
    operations,
    read_numpy,
    read_pil,
    to_numpy,
    trim,
    write,
)
from aikit._raster import identify
from aikit.cli import main
from aikit.cli.showcase import find_photo, show_jobs
from mesh_files import everything
from pictures import codes

SRC = Path(__file__).parents[1] / "src"
PHOTOGRAPHS = Path(find_spec("skimage").origin).parent / "data"
COMMAND = [sys.executable, "-m", "aikit"]
# Buffered, as in a shell: what fails when the buffer is emptied has to be seen.
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(SRC)}
ENVIRONMENT.pop("PYTHONUNBUFFERED", None)

posix = pytest.mark.skipif(os.name != "posix", reason="signals and terminals of POSIX")

RGB = codes(20, 30, 3)
RGBA = codes(20, 30, 4)


def aikit(*arguments, **options):
    """The command in a process of its own."""
    options = {"env": ENVIRONMENT, "capture_output": True, "text": True, "check": False, "timeout": 60} | options
    return subprocess.run([*COMMAND, *map(str, arguments)], **options)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder to work in."""
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path / "work"


@pytest.fixture
def run(capsys):
    """The command in this process: status, output, errors."""

    def call(*arguments):
        try:
            status = main([str(argument) for argument in arguments])
        except SystemExit as end:
            status = end.code
        return status, *capsys.readouterr()

    return call


def exif(orientation):
    tags = Image.Exif()
    tags[271], tags[274] = "maker", orientation
    return tags


def listing(folder):
    """The files below a folder, but for what the command remembers in it."""
    files = (path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".aikit-manifest"))
    return sorted(path.relative_to(folder).as_posix() for path in files)


# The parser


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["info", "--help"],
        ["convert", "--help"],
        ["run", "--help"],
        ["demo", "--help"],
        ["devices", "--help"],
    ],
)
def test_help_fits_a_terminal(run, monkeypatch, arguments):
    monkeypatch.setenv("COLUMNS", "80")
    status, out, err = run(*arguments)
    assert (status, err) == (0, "")
    assert out.startswith("usage: aikit")
    assert max(map(len, out.splitlines())) <= 80
    assert "%(" not in out


def test_the_command_starts_without_what_works_on_images():
    """Its parser is made in a moment; only operations, as options, need their functions."""
    code = "import sys, aikit.cli; print([name for name in ('numpy', 'PIL', 'cv2', 'torch') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], env=ENVIRONMENT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_version(run):
    import aikit as package

    assert run("--version") == (0, f"aikit {package.__version__}\n", "")


@pytest.mark.parametrize(
    "arguments",
    [["bogus"], ["info"], ["convert"], ["convert", "a.png"], ["convert", "a", "b", "--quality", "high"]],
)
def test_a_misspelled_command_is_2(run, arguments):
    status, out, err = run(*arguments)
    assert (status, out) == (2, "")
    assert "usage: aikit" in err


def test_the_command_alone_prints_its_help(run):
    status, out, err = run()
    assert (status, err) == (0, "")
    assert (status, out, err) == run("--help")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["convrt", "a", "b"], r"COMMAND: expected one of info, convert, .*, got 'convrt'; did you mean convert\?"),
        (["svg", "rendr", "a", "b"], r"ACTION: expected one of render, .*, got 'rendr'; did you mean render\?"),
        (["convert", "a", "b", "--resze", "5"], r"unrecognized arguments: --resze 5; did you mean --resize\?"),
        (["convert", "a", "b", "--qualty=5"], r"unrecognized arguments: --qualty=5; did you mean --quality\?"),
        (["info", "a", "--jsn"], r"unrecognized arguments: --jsn; did you mean --json\?"),
        (["info", "a", "--completely-else"], r"unrecognized arguments: --completely-else"),
        (["info\x1b[2J\u202e"], r"COMMAND: expected .*, got 'info\\x1b\[2J\\u202e'"),
        (["info", "a", "--x\x1b[2J\n\u202e"], r"unrecognized arguments: --x\\x1b\[2J\\n\\u202e"),
    ],
)
def test_a_misspelled_word_names_what_was_meant(run, arguments, message):
    status, out, err = run(*arguments)
    assert (status, out) == (2, "")
    assert re.fullmatch(rf"aikit[a-z ]*: error: {message}", err.splitlines()[-1])


# Names that steer a terminal, or are no text.

NAMES = {
    "escape": "a\x1b[2J",
    "newline": "b\nc",
    "carriage return": "c\rd",
    "C1 control": "d\x9b2J",
    "bidi override": "e\u202egnp",
    "bidi isolate": "f\u2066g",
    "line separator": "g\u2028h",
    "no text": os.fsdecode(b"h\xe9"),
    "delete": "i\x7f",
    "byte order mark": "j\ufeffk",
}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
@pytest.mark.parametrize(
    "content", [b"text", encode(np.zeros((4, 4, 3), np.uint8), "png"), None], ids=["text", "png", "none"]
)
def test_names_are_printed_escaped_everywhere(run, folder, caplog, name, content):
    caplog.set_level("DEBUG")
    Path("in").mkdir()
    write(RGB, "in/good.png")
    for path in (f"{name}.png", f"in/{name}.png", f"in/{name}.txt"):
        if content is not None:
            Path(path).write_bytes(content if path.endswith("png") else b"text")
        elif path.startswith("in"):
            os.symlink("nowhere", path)
    texts = []
    for arguments in (
        ["info", f"{name}.png"],
        ["info", "--json", f"{name}.png"],
        ["info", "--untrusted", f"{name}.png"],
        ["convert", "in", "out", "--to", "webp", "--report", "report.json"],
        ["convert", "in", "out", "--to", "webp"],
        ["convert", f"{name}.png", f"{name}.webp"],
        ["convert", f"{name}.png", f"{name}/none/{name}.webp"],
        ["convert", name, "out"],
        ["convert", "in", f"{name}.png", "--to", "webp"],
        ["convert", "in", "out", "--to", name],
        ["run", name, "in", "out"],
        ["run", f"{name}.toml", "in", "out"],
        [name],
        ["convert", "in", "out", f"--{name}"],
    ):
        status, out, err = run(*arguments)
        assert status in (0, 1, 2)
        texts += [out, err]
    texts += [Path("report.json").read_text(), caplog.text]
    for text in texts:
        assert all(letter.isprintable() or letter == "\n" for letter in text)
    with contextlib.closing(sqlite3.connect("out/.aikit-manifest.sqlite")) as manifest:
        rows = manifest.execute("SELECT message, error FROM files WHERE status = 'failed'").fetchall()
    for message, error in rows:
        assert os.fsdecode(message).isprintable()
        assert error.isprintable()
    if content is not None:
        assert json.loads(run("info", "--json", f"{name}.png")[1])[0]["file"] == f"{name}.png"
    told = json.loads(Path("report.json").read_text())
    assert f"in/{name}.txt" in [each["path"] for each in told["notices"]]


@pytest.mark.parametrize("command", [["convert"], ["run", "blur sigma=1"]], ids=["convert", "run"])
def test_a_damaged_profile_is_refused_in_the_words_of_the_command(run, folder, command):
    Image.fromarray(RGB).save("a.jpg", icc_profile=b"junk" * 40)
    status, _, err = run(*command, "a.jpg", "out.png")
    assert status == 1
    way_out = "pass --profile ignore" if command == ["convert"] else "add profile=ignore to the recipe"
    assert way_out in err
    warn = ["--on-bad-profile", "warn"] if command == ["convert"] else []
    status, out, err = run(
        *command[:1], *warn, *(["blur sigma=1; on_bad_profile=warn"] if not warn else []), "a.jpg", "warned.png"
    )
    assert (status, out) == (0, "1 converted, 0 failed\n")
    assert re.fullmatch(r"  a\.jpg: expected an ICC .*; its codes are taken as sRGB\.\n", err)
    command = ["convert", "--profile", "ignore"] if command == ["convert"] else ["run", "blur sigma=1; profile=ignore"]
    assert run(*command, "a.jpg", "out.png")[0] == 0


def test_all_frames_of_an_animation_are_taken_and_told(run, folder):
    pictures = [Image.new("RGB", (8, 6), color) for color in ("red", "lime", "blue")]
    pictures[0].save("a.gif", save_all=True, append_images=pictures[1:])
    assert run("convert", "a.gif", "b.png") == (0, "1 converted (3 frames), 0 failed\n", "")
    assert Image.open("b.png").n_frames == 3
    assert run("convert", "a.gif", "c.jpg") == (
        0,
        "1 converted, 0 failed\n",
        "  a.gif: 1 of 3 frames or pages converted, 2 left.\n",
    )


def test_a_frame_of_an_animation_is_taken(run, folder):
    pictures = [Image.new("RGB", (8, 6), color) for color in ("red", "lime", "blue")]
    pictures[0].save("a.gif", save_all=True, append_images=pictures[1:])
    assert run("convert", "a.gif", "c.png", "--frame", "2") == (0, "1 converted, 0 failed\n", "")
    assert tuple(read_numpy("c.png")[0, 0]) == (0, 0, 255)
    status, _, err = run("convert", "a.gif", "d.png", "--frame", "3")
    assert (status, err) == (1, "  a.gif: frame: expected 0 to 2, got 3; a.gif has 3 frames.\n")
    assert run("convert", "a.gif", "d.png", "--frame", "-1")[2].startswith("aikit convert: --frame: expected 0 or more")


def test_metadata_are_left_out_where_that_is_asked_for(run, folder):
    Image.fromarray(RGB).save("a.jpg", comment=b"of somebody")
    run("convert", "a.jpg", "kept.jpg")
    run("convert", "a.jpg", "public.jpg", "--metadata", "public")
    run("convert", "a.jpg", "bare.jpg", "--metadata", "strip")
    comments = [Image.open(f"{name}.jpg").info.get("comment") for name in ("kept", "public", "bare")]
    assert comments == [b"of somebody", None, None]


# Pipes


@pytest.fixture
def pipe(monkeypatch, capfdbinary):
    """The command as a filter: status, output as bytes, errors."""

    def call(data, *arguments):
        stream = io.BytesIO(data)
        stream.name = "<stdin>"
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(stream))
        try:
            status = main([str(argument) for argument in arguments])
        except SystemExit as end:
            status = end.code
        out, err = capfdbinary.readouterr()
        return status, out, err.decode()

    return call


def test_a_picture_goes_through_a_pipe(pipe, folder):
    data = encode(RGB, "png")
    status, out, err = pipe(data, "convert", "-", "-", "--to", "webp", "--lossless")
    assert (status, err) == (0, "")
    assert np.array_equal(read_numpy(out), RGB)
    # In the format that it came in, where no other is named.
    status, out, err = pipe(data, "convert", "-", "-", "--resize", "15")
    assert (status, identify(out), read_pil(out).size) == (0, "png", (15, 10))
    assert pipe(data, "run", "resize width=15; to=jpg", "-", "-", "--untrusted")[1][:3] == b"\xff\xd8\xff"
    assert pipe(data, "convert", "-", "made.webp", "--lossless") == (0, b"", "")
    assert np.array_equal(read_numpy("made.webp"), RGB)
    status, out, err = pipe(b"", "convert", "made.webp", "-", "--to", "png")
    assert (status, np.array_equal(read_numpy(out), RGB)) == (0, True)
    assert listing(folder) == ["made.webp"]


def test_a_file_of_that_name_is_one_all_the_same(pipe, folder):
    Path("-").write_bytes(encode(RGB, "png"))
    assert pipe(b"text", "convert", "./-", "made.webp", "--lossless")[:2] == (0, b"1 converted, 0 failed\n")
    assert np.array_equal(read_numpy("made.webp"), RGB)


def test_info_reads_a_pipe(pipe, folder):
    status, out, _ = pipe(encode(RGBA, "png"), "info", "--json", "-")
    (row,) = json.loads(out)
    assert (status, row["file"], row["width"], row["alpha_used"]) == (0, "-", 30, True)


@pytest.mark.parametrize(
    ("data", "arguments", "status", "message"),
    [
        (b"text", ["-", "-"], 1, r"<stdin>: expected .*; .*"),
        (b"", ["-", "-"], 1, r"<stdin>: expected a picture, got 0 bytes; .*"),
        (b"text", ["-", "a.png", "-"], 2, r"SRC: expected one picture beside -, got -, a\.png; .*"),
        (b"text", ["in", "-"], 2, r"SRC: expected one picture beside -, got in; .*"),
        (b"text", ["-", "in"], 2, r"OUT: expected a file name for a picture from a pipe, got 'in'; .*"),
        (b"text", ["-", "a"], 2, r"OUT: expected a file name with a suffix, got 'a'; .*"),
        (b"text", ["-", "there.png"], 2, r"there\.png: expected no file there, got one; pass --overwrite\."),
        (b"text", ["-", "-", "--to", "exr"], 2, r"--to: expected one of .*, got \"exr\"; .*"),
        (b"text", ["none.png", "-"], 1, r"none\.png: expected a readable file, got .*"),
    ],
)
def test_mistakes_about_pipes(pipe, folder, data, arguments, status, message):
    Path("in").mkdir()
    Path("there.png").touch()
    got, out, err = pipe(data, "convert", *arguments)
    assert (got, out) == (status, b"")
    assert re.fullmatch(rf"aikit convert: {message}\n", err)
    assert listing(folder) == ["there.png"]


def test_no_picture_is_printed_on_a_terminal(pipe, folder, monkeypatch):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    status, out, err = pipe(encode(RGB, "png"), "convert", "-", "-")
    assert (status, out) == (2, b"")
    assert err.startswith("aikit convert: OUT: expected a file or a pipe, got - on a terminal; redirect it")


# info


def test_info_prints_one_row_a_file(run, folder):
    write(RGB, "photo one.png")
    write(RGBA, "logo.png")
    write(np.dstack([RGB, np.full((20, 30), 255, np.uint8)]), "opaque.png")
    write(codes(20, 30, 3, "uint16"), "deep.tif")
    Image.fromarray(RGB).save("turned.jpg", exif=exif(6))
    frames = [Image.new("L", (3, 2), at) for at in (0, 99)]
    frames[0].save("moving.gif", save_all=True, append_images=frames[1:])
    status, out, err = run("info", *sorted(listing(folder)))
    assert (status, err) == (0, "")
    lines = [re.split(r" {2,}", line.strip()) for line in out.splitlines()]
    size = {name: f"{(folder / name).stat().st_size:,}" for name in listing(folder)}
    assert lines == [
        ["file", "format", "size", "mode", "depth", "alpha", "bytes", "notes"],
        ["deep.tif", "tiff", "30x20", "RGB", "16", "none", size["deep.tif"]],
        ["logo.png", "png", "30x20", "RGBA", "8", "used", size["logo.png"]],
        ["moving.gif", "gif", "3x2", "P", "8", "none", size["moving.gif"], "2 frames"],
        ["opaque.png", "png", "30x20", "RGBA", "8", "opaque", size["opaque.png"]],
        ["photo one.png", "png", "30x20", "RGB", "8", "none", size["photo one.png"]],
        ["turned.jpg", "jpeg", "30x20", "RGB", "8", "none", size["turned.jpg"], "turn 90"],
    ]


@pytest.mark.parametrize(
    ("orientation", "note"),
    [
        (2, "mirrored"),
        (3, "turn 180"),
        (4, "flipped"),
        (5, "mirrored and turn 270"),
        (6, "turn 90"),
        (7, "mirrored and turn 90"),
        (8, "turn 270"),
    ],
)
def test_info_says_how_to_hold_the_picture(run, folder, orientation, note):
    Image.fromarray(RGB).save("a.jpg", exif=exif(orientation))
    assert run("info", "a.jpg")[1].splitlines()[1].endswith(f"  {note}")
    stored, shown = np.asarray(Image.open("a.jpg")), read_numpy("a.jpg")
    turned = stored[:, ::-1] if "mirrored" in note else stored[::-1] if note == "flipped" else stored
    quarters = int(note.split()[-1]) // 90 if "turn" in note else 0
    np.testing.assert_array_equal(np.rot90(turned, -quarters), shown)


def test_info_as_json(run, folder):
    write(RGBA, "絵.png")
    status, out, err = run("info", "絵.png", "missing.png", "--json")
    found, missing = json.loads(out)
    assert (status, err) == (1, "")
    assert found == {
        "file": "絵.png", "format": "png", "width": 30, "height": 20, "mode": "RGBA", "depth": 8, "channels": 4,
        "has_alpha": True, "alpha_used": True, "orientation": 1, "profile": None, "frames": 1,
        "bytes": (folder / "絵.png").stat().st_size,
        "gain_map": False,
    }  # fmt: skip
    assert missing["code"] == "no_access"
    assert "missing.png: expected a readable file" in missing["error"]


def test_info_lists_what_it_cannot_read(run, folder):
    write(RGB, "good.png")
    Path("text.png").write_text("not a picture")
    Path("empty.png").touch()
    Path("cut.png").write_bytes(encode(RGB, "png")[:20])
    status, out, err = run("info", "good.png", "text.png", "empty.png", "cut.png", "missing.png", ".")
    assert status == 1
    assert [line.split()[0] for line in out.splitlines()] == ["file", "good.png"]
    assert [line.split(":")[1].strip() for line in err.splitlines()] == [
        "text.png", "empty.png", "cut.png", "missing.png", ".",
    ]  # fmt: skip
    assert run("info", "missing.png")[:2] == (1, "")


@posix
def test_file_names_cannot_break_a_row(run, folder):
    for name in ("two\nlines.png", "red\x1b[31m.png"):
        write(RGB, name)
    out = run("info", *listing(folder))[1]
    assert len(out.splitlines()) == 3
    assert "\x1b" not in out


@posix
@pytest.mark.skipif(sys.platform == "darwin", reason="its file names are text")
@pytest.mark.parametrize("flag", [[], ["--json"]], ids=["table", "json"])
def test_file_names_need_not_be_text(folder, flag):
    Path(os.fsdecode(b"caf\xe9.png")).write_bytes(encode(RGB, "png"))
    run = aikit("info", os.fsdecode(b"caf\xe9.png"), *flag, env=ENVIRONMENT | {"PYTHONIOENCODING": "utf-8:strict"})
    assert (run.returncode, run.stderr) == (0, "")
    assert r"caf\udce9.png" in run.stdout


@posix
@pytest.mark.parametrize("flag", [[], ["--json"]], ids=["table", "json"])
def test_a_reader_that_has_gone_is_no_traceback(folder, flag):
    write(RGB, "a.png")
    process = subprocess.Popen(
        [*COMMAND, "info", "a.png", *flag], env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait(60) == 1


def screen(*arguments, columns=80):
    """What the command shows on a terminal of 80 columns, standard output and errors together."""
    import fcntl
    import struct
    import termios

    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    environment = {key: value for key, value in ENVIRONMENT.items() if key not in ("COLUMNS", "NO_COLOR")}
    process = subprocess.Popen(
        [*COMMAND, *arguments], env=environment | {"TERM": "xterm"}, stdin=follower, stdout=follower, stderr=follower
    )
    os.close(follower)
    shown = b""
    while select.select([leader], [], [], 60)[0]:
        try:
            chunk = os.read(leader, 4096)
        except OSError:  # Linux's way to say that the other end is closed
            break
        if not chunk:
            break
        shown += chunk
    os.close(leader)
    assert process.wait(60) == 0
    return shown.decode()


@posix
def test_the_table_fits_a_terminal(folder):
    Image.fromarray(codes(400, 600, 3)).save("a rather long name for a photograph.jpg", exif=exif(6))
    for columns in (60, 80):
        text = screen("info", "a rather long name for a photograph.jpg", columns=columns)
        text = re.sub(r"\x1b\[[0-9;]*m", "", text)
        assert max(map(len, text.splitlines())) <= columns
        # Name and notes alone are folded.
        assert re.search(r"600x400 +RGB +8 +none +\d+,\d\d\d +turn", text)


@posix
def test_progress_is_shown_on_a_terminal_only(folder):
    for at in range(3):
        write(codes(200, 300 + at, 3), f"{at}.png")
    text = screen("convert", "0.png", "1.png", "2.png", "out", "--to", "webp")
    assert "converting" in text
    assert "3/3" in text
    assert text.rstrip().endswith("3 converted, 0 failed")
    assert aikit("convert", "0.png", "1.png", "2.png", "out2", "--to", "webp").stderr == ""


# convert: where to


def test_one_file_to_one_file(run, folder):
    write(RGB, "in put.png")
    assert run("convert", "in put.png", "new folder/aus gäbe.webp", "--lossless") == (0, "1 converted, 0 failed\n", "")
    np.testing.assert_array_equal(read_numpy("new folder/aus gäbe.webp"), RGB)


@pytest.mark.parametrize(
    ("out", "options", "made"),
    [
        ("out", ["--to", "webp"], "out/a.webp"),
        ("out.bmp", [], "out.bmp"),
        ("out.jpeg", ["--to", "jpg"], "out.jpeg"),
        ("out.v1", ["--to", ".PNG"], "out.v1/a.png"),
        ("out.png/", [], "out.png/a.png"),
        ("there.png", ["--to", "tif"], "there.png/a.tif"),
        (".", ["--to", "gif"], "a.gif"),
    ],
)
def test_out_is_a_file_name_or_a_folder(run, folder, out, options, made):
    write(codes(4, 5), "a.png")
    (folder / "there.png").mkdir()
    assert run("convert", "a.png", out, *options)[0] == 0
    assert listing(folder) == sorted(["a.png", made])


def test_folders_are_walked_and_text_is_left_out(run, folder):
    for name in ("one.png", "sub dir/深い/two.png", ".hidden.png", ".hidden/three.png", "sub dir/no suffix"):
        Path("photos", name).parent.mkdir(parents=True, exist_ok=True)
        Path("photos", name).write_bytes(encode(RGB, "png"))
    Path("photos/notes.txt").write_text("text")
    Path("photos/sub dir/data.json").write_text("{}")
    assert run("convert", "photos", "out", "--to", "webp") == (
        0,
        "3 converted, 4 left out, 0 failed\n",
        (
            "  photos/.hidden: left out, it is a hidden folder; name it to have it converted.\n"
            "  photos/.hidden.png: left out, it is hidden; name it to have it converted.\n"
            "  photos/notes.txt: left out, it is no picture by its name or its first bytes.\n"
            "  photos/sub dir/data.json: left out, it is no picture by its name or its first bytes.\n"
        ),
    )
    assert listing(folder / "out") == ["one.webp", "sub dir/no suffix.webp", "sub dir/深い/two.webp"]


def test_without_to_every_file_keeps_its_format(run, folder):
    Path("in").mkdir()
    for name in ("a.png", "b.bmp", "c.tif"):
        write(RGB, f"in/{name}")
    assert run("convert", "in", "out")[0] == 0
    assert listing(folder / "out") == ["a.png", "b.bmp", "c.tif"]
    assert Image.open("out/b.bmp").format == "BMP"


def test_out_inside_the_source_is_no_source(run, folder):
    write(RGB, "a.png")
    for told in ("1 converted, 0 failed\n", "0 converted, 1 skipped, 0 failed\n"):
        assert run("convert", ".", "out", "--to", "webp") == (0, told, "")
    assert listing(folder) == ["a.png", "out/a.webp"]


def test_names_that_meet_are_refused_all(run, folder):
    Path("in").mkdir()
    for name in ("a.png", "a.bmp", "b.png"):
        write(RGB, f"in/{name}")
    status, out, err = run("convert", "in", "out", "--to", "webp")
    assert (status, out) == (1, "1 converted, 2 failed\n")
    assert (
        "in/a.bmp: expected a place of its own, got out/a.webp, which in/a.png claims too; rename one of them." in err
    )
    assert (
        "in/a.png: expected a place of its own, got out/a.webp, which in/a.bmp claims too; rename one of them." in err
    )
    assert listing(folder / "out") == ["b.webp"]


def test_no_source_is_written_over_by_another(run, folder):
    write(RGB, "a.bmp")
    write(255 - RGB, "a.png")
    before = Path("a.png").read_bytes()
    status, _, err = run("convert", ".", ".", "--to", "png", "--overwrite")
    assert status == 1
    assert err.count("a place of its own") == 2
    assert Path("a.png").read_bytes() == before


def test_a_file_named_twice_is_one(run, folder):
    write(RGB, "a.png")
    assert run("convert", "a.png", "./a.png", folder / "a.png", "out") == (0, "1 converted, 0 failed\n", "")


def test_existing_files(run, folder):
    write(RGB, "a.png")
    write(RGB, "b.png")
    Path("out").mkdir()
    Path("out/a.webp").write_bytes(b"mine")
    status, out, err = run("convert", "a.png", "b.png", "out", "--to", "webp")
    assert (status, out) == (1, "1 converted, 1 failed\n")
    assert err == "  a.png: out/a.webp: expected no file there, got one; pass --overwrite or --skip-existing.\n"
    both = ("convert", "a.png", "b.png", "out", "--to", "webp")
    assert run(*both, "--skip-existing") == (0, "0 converted, 2 skipped, 0 failed\n", "")
    assert Path("out/a.webp").read_bytes() == b"mine"
    assert run(*both, "--overwrite") == (0, "2 converted, 0 failed\n", "")
    assert Image.open("out/a.webp").size == (30, 20)
    assert run(*both, "--overwrite", "--skip-existing")[0] == 2


def test_in_place(run, folder):
    for name in ("a.png", "b.png"):
        write(np.pad(RGBA, ((4, 0), (0, 0), (0, 0))), name)
    assert run("convert", ".", ".", "--trim", "--overwrite") == (0, "2 converted, 0 failed\n", "")
    np.testing.assert_array_equal(read_numpy("b.png"), RGBA)
    assert listing(folder) == ["a.png", "b.png"]


def test_a_second_run_in_place_skips(run, folder):
    write(RGB, "a.png")
    for expected in ("1 converted, 0 failed\n", "0 converted, 2 skipped, 0 failed\n"):
        assert run("convert", ".", ".", "--to", "webp", "--skip-existing") == (0, expected, "")


# convert: what goes wrong


def test_one_bad_file_among_many(run, folder):
    Path("in").mkdir()
    for at in range(6):
        write(RGB, f"in/{at}.png")
    Path("in/3.png").write_bytes(encode(RGB, "png")[:99])
    Path("in/4.png").write_bytes(b"text")
    Path("in/5.png").write_bytes(b"")
    status, out, err = run("convert", "in", "missing.png", "out", "--to", "jpg")
    assert (status, out) == (1, "3 converted, 4 failed\n")
    reasons = err.splitlines()
    assert [reason.split(":")[0] for reason in reasons] == ["  in/3.png", "  in/4.png", "  in/5.png", "  missing.png"]
    assert "pass --allow-truncated to read what is there" in reasons[0]
    assert "expected PNG, JPEG, WebP" in reasons[1]
    assert "got 0 bytes" in reasons[2]
    assert "expected a file, got nothing there" in reasons[3]
    assert listing(folder / "out") == ["0.jpg", "1.jpg", "2.jpg"]


def test_truncated_files_on_request(run, folder):
    Path("a.png").write_bytes(encode(codes(300, 300, 3), "png")[:-50_000])
    assert run("convert", "a.png", "b.png")[0] == 1
    assert run("convert", "a.png", "b.png", "--allow-truncated")[0] == 0
    np.testing.assert_array_equal(read_numpy("b.png")[:99], codes(300, 300, 3)[:99])


def test_alpha_into_jpeg_names_the_option(run, folder):
    write(RGBA, "a.png")
    status, _, err = run("convert", "a.png", "a.jpg")
    assert status == 1
    assert "expected no alpha channel for JPEG, got RGBA; pass --flatten white first, or write PNG or WebP." in err
    assert "flatten(" not in err
    assert run("convert", "a.png", "a.jpg", "--flatten", "white")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["in", "out", "--to", "bogus"], r'--to: expected one of png, jpeg, .* got "bogus"'),
        (["in", "out", "--to", "svg"], r'--to: expected one of png, jpeg, .* got "svg"'),
        (["in/a.png", "out.xyz"], r'OUT: expected one of png, jpeg, .* got "\.xyz"'),
        (["in/a.png", "out.jpg", "--to", "webp"], r"--to: expected jpeg, as out\.jpg says, got webp"),
        (["in", "out", "--flatten", "nocolor"], r"--flatten: expected a CSS color name or a hex code, got 'nocolor'"),
        (["in", "out", "--make-transparent", "#12"], r"--make-transparent: expected a CSS color name .* got '#12'"),
        (["in", "out", "--make-transparent", "red", "--tolerance", "5"], r"--tolerance: expected .* 0 to 1, got 5"),
        (["in", "out", "--make-transparent", "red", "--feather", "nan"], r"--feather: expected .* 0 to 1, got nan"),
        (["in", "out", "--tolerance", "0.1"], r"--tolerance, --feather: expected beside --make-transparent"),
        (["in", "out", "--to", "jpg", "--quality", "500"], r"--quality: expected 1\.\.100, got 500"),
        (["in", "out", "--to", "jpg", "--effort", "5"], r"--effort: expected None for JPEG, got 5; only PNG, WebP"),
        (["in", "out", "--to", "png", "--progressive"], r"--progressive: expected None for PNG, got True; only JPEG"),
        (["in", "out", "--to", "png", "--quality", "50"], r"--quality: expected None for PNG, got 50"),
        (["in", "out", "--to", "jpg", "--lossless"], r"--lossless: expected None or False for JPEG"),
        (["in", "out", "--to", "webp", "--lossless", "--quality", "9"], r"--quality: expected None with lossless"),
        (["in", "out", "--jobs", "0"], r"--jobs: expected 1 or more, got 0"),
        (["empty", "out"], r"SRC: expected pictures, got none in empty"),
        (["", "out"], r"SRC: expected a path, got an empty text"),
        (["in", ""], r"OUT: expected a path, got an empty text"),
        (["https://a.b/c.png", "out"], r"SRC: expected a path, got the URL"),
    ],
)
def test_a_mistake_in_an_option_is_said_once(run, folder, arguments, message):
    Path("in").mkdir()
    Path("empty").mkdir()
    for name in "abc":
        write(RGB, f"in/{name}.png")
    status, out, err = run("convert", *arguments)
    assert (status, out) == (2, "")
    assert re.fullmatch(rf"aikit convert: {message}[^\n]*\n", err)
    assert listing(folder) == ["in/a.png", "in/b.png", "in/c.png"]


def test_a_format_that_is_not_written_names_to(run, folder):
    Path("no suffix").write_bytes(encode(RGB, "png"))
    status, _, err = run("convert", "no suffix", "out")
    assert (status, err) == (
        1,
        "  no suffix: expected a suffix that names a format to write, got 'no suffix'; pass --to.\n",
    )


def test_names_beyond_the_file_system_are_only_failures(run, folder):
    write(RGB, "a.png")
    status, out, _ = run("convert", "x" * 300 + ".png", "a.png", "out")
    assert (status, out) == (1, "1 converted, 1 failed\n")
    Path("file").touch()
    status, _, err = run("convert", "a.png", "file/b.png")
    assert status == 1
    assert "file: expected a folder that can be made, got " in err


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root reads every folder")
def test_an_unreadable_folder_is_a_failure(run, folder):
    Path("in/secret").mkdir(parents=True)
    write(RGB, "in/a.png")
    Path("in/secret").chmod(0)
    status, out, err = run("convert", "in", "out")
    Path("in/secret").chmod(0o700)
    assert (status, out) == (1, "1 converted, 1 failed\n")
    assert "in/secret: expected a readable folder, got 'Permission denied'" in err


def test_a_folder_that_cannot_be_listed_is_a_failure(run, folder, monkeypatch):
    """As above, for root: the system says no."""
    Path("in/secret").mkdir(parents=True)
    write(RGB, "in/a.png")
    scandir = os.scandir

    def refuse(path):
        if Path(path).name == "secret":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    status, out, err = run("convert", "in", "out")
    assert (status, out) == (1, "1 converted, 1 failed\n")
    assert "in/secret: expected a readable folder, got 'Permission denied'; check its permissions." in err


def test_a_picture_too_large_for_memory_is_a_failure(run, folder, monkeypatch):
    from aikit.recipe import files

    def fail(source, **options):
        if source.name == "a.png":
            raise MemoryError
        image = read_pil(source)
        return image, image.info

    for name in ("a.png", "b.png"):
        write(RGB, name)
    monkeypatch.setattr(files, "read_with_info", fail)
    status, out, err = run("convert", "a.png", "b.png", "out")
    assert (status, out) == (1, "1 converted, 1 failed\n")
    assert "  a.png: image: expected a picture that fits into memory, got a larger one; pass --jobs 1." in err


def test_a_mistake_of_ours_is_not_hidden(folder, monkeypatch):
    from aikit.recipe import files

    write(RGB, "a.png")
    monkeypatch.setattr(files, "read_with_info", lambda source, **options: 1 / 0)
    with pytest.raises(ZeroDivisionError, match="division"):
        main(["convert", "a.png", "out"])


# convert: what it does


@pytest.mark.parametrize("jobs", [[], ["--jobs", "1"], ["--jobs", "7"]], ids=["auto", "one", "seven"])
def test_operations_run_in_the_order_promised(run, folder, jobs):
    picture = np.full((40, 50, 3), 255, np.uint8)
    picture[10:30, 15:40] = RGB[:20, :25] // 2
    write(picture, "a.png")
    options = [
        "--flatten",
        "#102030",
        "--trim",
        "--make-transparent",
        "white",
        "--tolerance",
        "0.1",
        "--feather",
        "0.2",
    ]
    assert run("convert", "a.png", "b.png", *options, *jobs)[0] == 0
    keyed = make_transparent(picture, color="white", tolerance=0.1, feather=0.2)
    expected = flatten(trim(keyed), background="#102030")
    assert expected.shape == (20, 25, 3)
    np.testing.assert_array_equal(read_numpy("b.png"), expected)


def test_quality_goes_to_the_formats_that_know_it(run, folder):
    Path("in").mkdir()
    photo = read_pil(PHOTOGRAPHS / "coffee.png").crop((0, 0, 120, 90))
    for name in ("a.jpg", "b.png", "c.webp"):
        write(photo, f"in/{name}")
    assert run("convert", "in", "out", "--quality", "20")[0] == 0
    assert Path("out/a.jpg").read_bytes() == encode(read_pil("in/a.jpg"), "jpeg", quality=20)
    assert Path("out/c.webp").read_bytes() == encode(read_pil("in/c.webp"), "webp", quality=20)
    assert Path("out/b.png").read_bytes() == encode(photo, "png")


def test_depth_orientation_and_metadata_go_along(run, folder):
    deep = codes(9, 11, 4, "uint16")
    write(deep, "deep.png")
    tags = exif(6)
    Image.fromarray(codes(16, 24, 3)).save("turned.jpg", exif=tags, dpi=(300, 300), quality=95)
    assert run("convert", "deep.png", "turned.jpg", "out", "--to", "tif")[0] == 0
    np.testing.assert_array_equal(read_numpy("out/deep.tif"), deep)
    opened = Image.open("out/turned.tif")
    assert opened.size == (16, 24)
    assert opened.getexif().get(274, 1) == 1
    assert opened.getexif()[271] == "maker"
    assert round(opened.info["dpi"][0]) == 300
    np.testing.assert_array_equal(np.asarray(opened), read_numpy("turned.jpg"))


def test_the_installed_way_to_run(folder):
    write(RGB, "a.png")
    done = aikit("convert", "a.png", "b.webp")
    assert (done.returncode, done.stdout, done.stderr) == (0, "1 converted, 0 failed\n", "")
    failed = aikit("convert", "b.png", "c.webp")
    assert (failed.returncode, failed.stdout) == (1, "0 converted, 1 failed\n")
    assert aikit("convert", "a.png", "b.webp", "--to", "x").returncode == 2


@posix
@pytest.mark.parametrize("to", ["png", "ppm"], ids=["busy encoding", "busy writing"])
def test_ctrl_c_ends_at_once_and_leaves_whole_files(folder, to):
    noise = np.random.default_rng(0).integers(0, 256, (1800, 1800, 3), np.uint8)
    write(noise, "0.bmp")
    for at in range(1, 12):
        os.link("0.bmp", f"{at}.bmp")
    process = subprocess.Popen(
        [*COMMAND, "convert", *[f"{at}.bmp" for at in range(12)], "out", "--to", to],
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    deadline = time.monotonic() + 60
    while not any(folder.glob(f"out/*.{to}")) and time.monotonic() < deadline:
        time.sleep(0.01)
    started = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (130, b"aikit convert: interrupted\n")
    assert time.monotonic() - started < 10, "about a second; the whole queue would take longer on a busy machine"
    made = listing(folder / "out")
    assert 0 < len(made) < 12
    assert all(name.endswith(f".{to}") for name in made), "no temporary file"
    for name in made:
        np.testing.assert_array_equal(read_numpy(folder / "out" / name), noise)


# convert: operations as options


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--blur", "2"], "blur sigma=2"),
        (["--blur", "sigma=2"], "blur sigma=2"),
        (["--upsample", "2"], "upsample scale=2"),
        (["--upsample", "scale=1.5 sharpen=0.5"], "upsample scale=1.5 sharpen=0.5"),
        (["--resize", "width=12 method=area"], "resize width=12 method=area"),
        (["--resize", " scale=0.5 box=[2, 3, 20, 15]"], "resize scale=0.5 box=[2,3,20,15]"),
        (["--color-to-alpha", "white"], "color_to_alpha color=white"),
        (["--make-transparent", "color=white tolerance=0.5"], "make_transparent color=white tolerance=0.5"),
        (["--make-transparent", "color=white", "--tolerance", "0.5"], "make_transparent color=white tolerance=0.5"),
        (["--flatten", "[10,20,30]"], "flatten background=[10,20,30]"),
        (["--flatten", "background=#102030"], "flatten background=#102030"),
        (["--premultiply"], "premultiply"),
        (["--unpremultiply"], "unpremultiply"),
        (["--estimate-foreground"], "estimate_foreground"),
        (["--rgb-to-gray"], "rgb_to_gray"),
        (["--convert-color", "src=rgb dst=gray weights=bt709"], "convert_color src=rgb dst=gray weights=bt709"),
        (
            ["--rgb-to-gray", "--flatten", "red", "--blur", "1", "--resize", "9", "--trim", "--color-to-alpha", "blue"],
            "color_to_alpha color=blue; trim; resize width=9; blur sigma=1; flatten background=red; rgb_to_gray",
        ),
    ],
)
def test_every_operation_is_an_option_and_makes_a_recipe(run, folder, arguments, line):
    write(RGBA, "a.png")
    assert run("convert", "a.png", "b.png", *arguments) == (0, "1 converted, 0 failed\n", "")
    assert Path("b.png").read_bytes() == Recipe.parse(line).bytes("a.png")


def test_the_help_has_every_operation(run, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    out = run("convert", "--help")[1]
    for name in operations.names():
        assert f"--{name.replace('_', '-')}" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--blur", "2000"], r"--blur: expected a number from 0 to 1000, got 2000"),
        (["--blur", "wide"], r"--blur: expected a number from 0 to 1000, got 'wide'"),
        (["--blur", "radius=2"], r"--blur: expected keywords from sigma, got 'radius'"),
        (["--blur", "sigma="], r"--blur: expected keywords as name=value, got 'sigma='"),
        (["--blur", "sigma=2 sigma=3"], r"--blur: expected one sigma, got two of them"),
        (["--resize", "width=0"], r"--resize: expected a whole number of 1 or more, got 0"),
        (["--resize", "width=9 method=best"], r"--resize: expected one of nearest, .* got 'best'"),
        (["--convert-color", "rgb"], r"--convert-color: expected all its keywords, .* add dst"),
        (["--operations", "no_such_module"], r"no_such_module: expected a module that another process can import"),
    ],
)
def test_a_mistake_in_an_operation_names_its_option(run, folder, arguments, message):
    write(RGB, "a.png")
    status, out, err = run("convert", "a.png", "b.png", *arguments)
    assert (status, out) == (2, "")
    assert re.fullmatch(rf"aikit convert: {message}[^\n]*\n", err)
    assert listing(folder) == ["a.png"]


def test_operations_of_ones_own_are_options(folder):
    write(RGB, "a.png")
    environment = ENVIRONMENT | {"PYTHONPATH": os.pathsep.join([str(SRC), str(Path(__file__).parent)])}
    common = "--operations", "own_operations", "--untrusted"
    for name, arguments in (
        ("b.png", ["convert", "a.png", "b.png", "--repeat-rows", "2", "--fade", *common]),
        ("c.png", ["run", "fade; repeat_rows times=2", "a.png", "c.png", *common]),
    ):
        done = aikit(*arguments, env=environment)
        assert (done.returncode, done.stdout, done.stderr) == (0, "1 converted, 0 failed\n", "")
        half = to_numpy(RGB, dtype="float32") / 2 + np.float32(0.5)
        np.testing.assert_array_equal(read_numpy(name), np.repeat(to_numpy(half, dtype="uint8"), 2, axis=0))


# run


@pytest.mark.parametrize("form", ["line", "recipe.toml", "recipe.json"])
def test_run_takes_a_recipe(run, folder, form):
    Path("in").mkdir()
    for name in "ab":
        write(RGBA, f"in/{name}.png")
    recipe = Recipe([("flatten", {"background": "white"}), ("trim", {}), ("blur", {"sigma": 1})], to="webp", quality=50)
    if form != "line":
        recipe.write(form)
    given = str(recipe) if form == "line" else form
    assert run("run", given, "in", "out") == (0, "2 converted, 0 failed\n", "")
    assert listing(folder / "out") == ["a.webp", "b.webp"]
    assert Path("out/a.webp").read_bytes() == recipe.bytes("in/a.png")
    assert run("run", given, "in", "out") == (0, "0 converted, 2 skipped, 0 failed\n", "")
    # The options of a conversion make the same recipe, where there are such.
    assert run("run", "resize width=9; to=jpg quality=70; ", "in/a.png", "b.jpg")[0] == 1  # RGBA
    assert run("run", "resize width=9; flatten; quality=70", "in/a.png", "b.jpg")[0] == 0
    assert run("convert", "in/a.png", "c.jpg", "--resize", "9", "--flatten", "white", "--quality", "70")[0] == 0
    assert Path("b.jpg").read_bytes() == Path("c.jpg").read_bytes()


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        ("swirl", r"steps: expected names from resize, .* got 'swirl'"),
        ("resize width=0", r"resize\.width: expected a whole number of 1 or more, got 0"),
        ("resize width", r"recipe: expected keywords as name=value, got 'width'"),
        ("to=bogus", r'to: expected one of png, .* got "bogus"'),
        ("to=webp quality=500", r"quality: expected 1\.\.100, got 500"),
        ("missing.toml", r"missing\.toml: expected a readable file"),
        ("to=webp", r"to: expected png, as b\.png says, got webp"),
    ],
)
def test_a_mistake_in_a_recipe_is_said_once(run, folder, recipe, message):
    write(RGB, "a.png")
    status, out, err = run("run", recipe, "a.png", "b.png")
    assert (status, out) == (2, "")
    assert re.fullmatch(rf"aikit run: {message}[^\n]*\n", err)
    assert listing(folder) == ["a.png"]


def test_failures_say_what_to_do_in_this_command(run, folder):
    """From the same errors, also when a manifest has kept them."""
    Path("in").mkdir()
    Path("in/cut.png").write_bytes(encode(RGB, "png")[:99])
    write(RGBA, "in/alpha.png")
    Path("none").write_bytes(encode(RGB, "png"))
    for command, cut, alpha, target in (
        (["convert"], "pass --allow-truncated to read what is there", "pass --flatten white first", "pass --to"),
        (["run", ""], "add allow_truncated=true to the recipe", 'add "flatten background=white" to', "add to=png or"),
    ):
        options = ["--to", "jpg"] if command == ["convert"] else []
        recipe = ["run", "to=jpg"] if options == [] else command
        for _ in range(2):
            status, _, err = run(*recipe, "in", f"out of {command[0]}", *options)
            assert status == 1
            lines = err.splitlines()
            assert [line.split(":")[0] for line in lines] == ["  in/alpha.png", "  in/cut.png"]
            assert alpha in lines[0]
            assert cut in lines[1]
            assert "allow_truncated=True" not in err
            assert "flatten(" not in err
        assert f"got 'none'; {target}" in run(*command, "none", "again")[2]


# demo


def test_demo_on_pictures_of_ones_own(run, folder):
    write(RGBA, "logo.png")
    write(codes(30, 40), "gray photo.jpg")
    write(codes(30, 40, None, "uint16"), "deep.png")
    status, out, err = run("demo", "logo.png", "gray photo.jpg", "deep.png", "--out", "sheets/here")
    assert (status, err) == (0, "")
    assert re.match(
        r"12 results in [\d.]+ s; deep.webp, gray photo.webp, logo.webp\ncontact sheet: .*sheet\.png\n", out
    )
    assert listing(folder / "sheets/here") == ["contact-sheet.png", "deep.webp", "gray photo.webp", "logo.webp"]
    sheet = Image.open("sheets/here/contact-sheet.png")
    assert sheet.mode == "RGB"
    assert sheet.width == 4 * 252 + 12
    assert len(np.unique(np.asarray(sheet).reshape(-1, 3), axis=0)) > 100


@pytest.mark.parametrize("photographs", [True, False])
def test_demo_shows_each_job_on_what_suits_it(run, folder, monkeypatch, photographs):
    if not photographs:
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    status, out, err = run("demo")
    assert (status, err) == (0, "")
    assert re.match(r"16 results in [\d.]+ s; badge.svg, cut-out.png, layers.psd\n", out)
    assert listing(folder / "demo-output") == ["badge.svg", "contact-sheet.png", "cut-out.png", "layers.psd"]
    glass = read_numpy("demo-output/cut-out.png")
    assert glass[0, 0, 3] == 0
    assert 40 < glass[114, 116, 3] < 250, "glass stays transparent"
    assert 20 < glass[198, 180, 3] < 200, "and its shadow is one"
    names = [layer.name for layer in open_psd("demo-output/layers.psd").layers]
    assert names == ["Photograph", "Dusk", "Badge", "Star"]


def test_what_the_demo_says_of_its_cells_is_so():
    cells = {title: image for job, _ in show_jobs() for title, image in job}
    halo, clean = (to_numpy(cells[title]).astype(int) for title in (
        "hidden green shines, cv2.resize", "resize: hidden colors stay hidden"
    ))  # fmt: skip
    greener = [(image[..., 1] - image[..., [0, 2]].max(-1)).max() for image in (halo, clean)]
    assert greener[0] > 30
    assert greener[1] < 10, "where yellow meets blue"
    light = [srgb_to_linear(np.asarray(cells[title], np.float32) / 255).mean() for title in (
        "stars to 1/8: dim", "linear=True: light keeps its sum"
    )]  # fmt: skip
    whole = srgb_to_linear(find_photo("hubble_deep_field.jpg")[:800, :800] / 255.0).mean()
    assert light[0] < 0.8 * whole
    assert light[1] == pytest.approx(whole, rel=0.08)


def srgb_to_linear(values):
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def test_demo_that_cannot_run_is_2(run, folder):
    Path("file").touch()
    write(RGB, "a.png")
    assert run("demo", "a.png", "--out", "file/x") == (
        2,
        "",
        "aikit demo: file/x: expected a folder that can be made, got 'Not a directory'; pass another --out.\n",
    )
    status, _, err = run("demo", "missing.png")
    assert status == 2
    assert "missing.png: expected a readable file" in err


def test_several_pictures_need_a_folder(tmp_path, capsys):
    for name in ("a.png", "b.png"):
        write(codes(5, 7, 3), tmp_path / name)
    assert main(["convert", str(tmp_path / "a.png"), str(tmp_path / "b.png"), str(tmp_path / "o.webp")]) == 2
    assert "OUT: expected a folder for several pictures, got" in capsys.readouterr().err
    assert not (tmp_path / "o.webp").exists()


# Files of strangers


DRAWING = b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="7"><rect width="5" height="4" fill="#c80"/><script/></svg>'


@pytest.fixture
def strange(folder):
    """A folder with one file of each kind that a stranger may send."""
    from aikit import new_psd

    (folder / "a.svg").write_bytes(DRAWING)
    write(RGBA, folder / "a.png")
    document = new_psd(width=9, height=7)
    document.add(codes(4, 5, 4), name="one", left=2, top=1)
    document.write(folder / "a.psd")
    (folder / "a.glb").write_bytes(everything())
    return folder


@pytest.mark.parametrize(
    "arguments",
    [
        "info --json a.svg a.png a.psd",
        "svg info --json a.svg",
        "svg render a.svg OUT.png",
        "svg sanitize a.svg OUT.svg",
        "psd tree a.psd",
        "psd export a.psd OUT",
        "psd compose a.psd OUT.png",
        "mesh info a.glb",
        "mesh convert a.glb OUT.stl",
        "mesh convert a.glb OUT.glb",
        "mesh render a.glb OUT.png --width 24 --height 24",
        "mesh optimize a.glb OUT.glb",
    ],
)
def test_files_of_strangers_are_worked_on_in_child_processes(arguments, strange, run, monkeypatch):
    from aikit.isolation import calls

    asked, call = [], calls.in_another_process
    monkeypatch.setattr(
        calls, "in_another_process", lambda *job, **options: asked.append(job[0]) or call(*job, **options)
    )
    expected = run(*arguments.replace("OUT", "trusted").split())
    assert expected[0] == 0
    assert not asked
    status, out, err = run(*arguments.replace("OUT", "strange").split(), "--untrusted")
    assert (status, out.replace("strange", "trusted"), err) == expected
    assert len(asked) >= 1
    results = [sorted(path.rglob("*")) if path.is_dir() else [path] for path in sorted(strange.glob("trusted*"))]
    for path in (path for paths in results for path in paths if path.is_file()):
        other = strange / str(path.relative_to(strange)).replace("trusted", "strange", 1)
        assert other.read_bytes() == path.read_bytes()


def test_the_largest_picture_is_said_in_the_shell(folder, run, monkeypatch):
    write(RGB, "a.png")
    assert run("convert", "a.png", "b.png", "--max-pixels", "600")[0] == 0
    status, _, err = run("convert", "a.png", "c.png", "--max-pixels", "599")
    assert (status, "expected at most 599 pixels, got 600" in err) == (1, True)
    status, _, err = run("convert", "a.png", "c.png", "--untrusted", "--max-pixels", "599")
    assert (status, "expected at most 599 pixels, got 600" in err) == (1, True)
    assert run("info", "a.png", "--max-pixels", "599")[0] == 1
    assert run("info", "a.png", "--max-pixels", "0")[::2] == (
        2,
        "aikit info: --max-pixels: expected a positive number, got 0; pass how many pixels are allowed.\n",
    )
    # Pillow's ceiling, and the way past it.
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 200)
    status, _, err = run("convert", "a.png", "d.png")
    assert (status, "at most 400 pixels, got 600; pass --max-pixels N if you trust the file." in err) == (1, True)
    assert run("convert", "a.png", "d.png", "--max-pixels", "600")[0] == 0
    assert read_pil("d.png", limits=Limits()).size == (30, 20)


def test_files_of_strangers_have_limits(strange, run):
    (strange / "large.svg").write_bytes(DRAWING.replace(b'width="9"', b'width="40000"'))
    status, _, err = run("svg", "render", "large.svg", "large.png", "--untrusted")
    assert status == 2
    assert "expected at most 32767 pixels a side, got 40000" in err


# Meshes


@pytest.fixture
def meshes(folder):
    (folder / "in" / "deep").mkdir(parents=True)
    (folder / "in" / "a.glb").write_bytes(everything())
    (folder / "in" / "deep" / "b.obj").write_text(
        "mtllib b.mtl\nv 0 0 0\nv 1 0 0\nv 0 1 0\nusemtl red\nf 1 2 3\nl 1 2\n"
    )
    (folder / "in" / "deep" / "b.mtl").write_text("newmtl red\nKd 1 0 0\n")
    (folder / "in" / "notes.txt").write_text("no mesh")
    return folder


def test_mesh_info_tells_what_is_there(meshes, run):
    status, out, err = run("mesh", "info", "in")
    assert (status, err) == (0, "")
    assert (
        out
        == """\
in/a.glb: glb; 4 triangles, 6 vertices; 3 meshes; 9 nodes; 1 skin; 1 morph target; 1 camera; 1 light; 1 set of lines; 1 set of points; 1 x 3 x 0.5 m
  materials: Lack ☂ blau, unlit
  texture base-img: 16x16 png, 852 bytes, normal, base_color
  texture webp-img: 16x16 webp, 1,022 bytes, base_color
  animation spin: 2 s, 2 channels
  not understood: KHR_materials_clearcoat, KHR_materials_variants
in/deep/b.obj: obj; 1 triangle, 3 vertices; 1 mesh; 1 node; 1 x 1 x 0 m
  materials: red
  left out: points and lines
"""
    )


def test_mesh_info_is_json_and_lists_what_cannot_be_read(meshes, run):
    (meshes / "in" / "broken.glb").write_bytes(b"glTF")
    status, out, _ = run("mesh", "info", "--json", "in")
    rows = json.loads(out)
    assert status == 1
    assert [row["file"] for row in rows] == ["in/a.glb", "in/broken.glb", "in/deep/b.obj"]
    assert rows[0]["textures"][0]["roles"] == ["normal", "base_color"]
    assert rows[1]["code"] == "truncated"
    assert (
        run("mesh", "info", "in")[2]
        == "aikit mesh: in/broken.glb: expected a whole GLB file, got 4 bytes; fetch or export the file again.\n"
    )


def test_mesh_convert_writes_one_and_says_what_it_leaves_out(meshes, run):
    status, out, err = run("mesh", "convert", "in/deep/b.obj", "b.glb")
    assert (status, out, err) == (0, "b.glb: without points and lines\n", "")
    assert open_mesh("b.glb").materials["red"].base_color == (1, 0, 0, 1)
    status, out, err = run("mesh", "convert", "in/a.glb", "b.glb")
    assert (status, out) == (2, "")
    assert err == "aikit mesh: b.glb: expected no file there, got one; pass --overwrite.\n"
    assert run("mesh", "convert", "in/a.glb", "b.glb", "--overwrite")[:2] == (0, "b.glb\n")
    assert Path("b.glb").read_bytes() == everything()
    err = run("mesh", "convert", "in/a.glb", "b.fbx")[2]
    assert (
        err
        == "aikit mesh: OUT: expected a name that ends in one of .glb, .gltf, .obj, .ply, .stl, got 'b.fbx'; rename it.\n"
    )
    status, _, err = run("mesh", "convert", "in/deep/b.obj", "c.glb", "--untrusted")
    assert (status, err) == (0, "")
    assert open_mesh("c.glb").materials["red"].base_color == (1, 1, 1, 1)


def test_mesh_convert_goes_through_a_folder(meshes, run):
    (meshes / "in" / "broken.glb").write_bytes(b"glTF")
    (meshes / "in" / "a.obj").write_text("v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n")
    status, out, err = run("mesh", "convert", "in", "out", "--to", "ply")
    assert status == 1
    assert sorted(path.as_posix() for path in Path("out").rglob("*.*")) == ["out/a.ply", "out/deep/b.ply"]
    assert out.splitlines()[1] == "out/deep/b.ply: without materials, points and lines"
    assert "in/broken.glb: expected a whole GLB file" in err
    assert (
        "in/a.obj: expected a place of its own, not out/a.ply, got another mesh there that becomes the same; rename one."
        in err
    )
    assert (
        "--to: expected one of glb, gltf, obj, ply, stl for the meshes of a folder, got none; "
        in run("mesh", "convert", "in", "out")[2]
    )
    assert (
        "--to: expected a folder as IN, got 'in/a.glb'; "
        in run("mesh", "convert", "in/a.glb", "x.glb", "--to", "glb")[2]
    )


def test_mesh_render_draws_one_or_a_folder(meshes, run):
    how = ["--width", "24", "--height", "16", "--yaw", "10", "--time", "0.5"]
    assert run("mesh", "render", "in/a.glb", "a.png", *how) == (0, "a.png\n", "")
    expected = open_mesh("in/a.glb").render(width=24, height=16, yaw=10, time=0.5)
    assert np.array_equal(np.asarray(read_pil("a.png")), np.asarray(expected))
    assert run("mesh", "render", "in/a.glb", "b.png", *how, "--camera", "0", "--background", "red")[0] == 0
    assert read_pil("b.png").getpixel((0, 0)) == (255, 0, 0, 255)
    (meshes / "in" / "broken.glb").write_bytes(b"glTF")
    status, out, err = run("mesh", "render", "in", "out", "--to", "webp", *how)
    assert (status, out) == (1, "out/a.webp\nout/deep/b.webp\n")
    assert "in/broken.glb: expected a whole GLB file" in err
    assert read_pil("out/deep/b.webp").size == (24, 16)
    assert "OUT: expected one of png, " in run("mesh", "render", "in/a.glb", "b.xyz", *how)[2]
    assert "--to: expected one of png, webp," in run("mesh", "render", "in", "out", "--to", "doc")[2]


def test_mesh_turntable_makes_an_animation_or_a_page(meshes, run):
    how = ["--views", "3", "--width", "16", "--height", "12"]
    assert run("mesh", "turntable", "in/a.glb", "a.webp", *how, "--seconds", "1.5") == (0, "a.webp\n", "")
    with Image.open("a.webp") as image:
        assert (image.n_frames, image.size) == (3, (16, 12))
        image.load()
        assert image.info["duration"] == 500
    assert run("mesh", "turntable", "in/a.glb", "a.html", *how) == (0, "a.html\n", "")
    assert Path("a.html").read_text().count("data:image/webp") == 4
    err = run("mesh", "turntable", "in/a.glb", "b.webp", *how, "--seconds", "0")[2]
    assert "--seconds: expected more than 0, got 0.0" in err
    assert "views: expected 1 or more, got 0" in run("mesh", "turntable", "in/a.glb", "b.webp", "--views", "0")[2]


def test_mesh_optimize_tells_what_it_saved(meshes, run):
    side = np.arange(96 * 96 * 3).reshape(96, 96, 3) % 251
    square = [(0, 0, 0), (1, 0, 0), (0, 1, 0)]
    mesh = new_mesh(square, [(0, 1, 2)], uv=[(0, 1), (1, 1), (0, 0)], texture=side.astype(np.uint8))
    mesh.write("in/deep/c.glb")
    status, out, err = run("mesh", "optimize", "in/deep/c.glb", "c.glb", "--quality", "50")
    assert (status, err) == (0, "")
    before, after = (Path(name).stat().st_size for name in ("in/deep/c.glb", "c.glb"))
    assert out == f"c.glb: {before:,} bytes became {after:,}, {1 - after / before:.0%} less\n"
    assert after < before
    assert open_mesh("c.glb").textures["texture"].header().format == "webp"
    assert run("mesh", "optimize", "in/deep/c.glb", "d.glb", "--keep-textures", "--max-side", "40")[0] == 0
    assert open_mesh("d.glb").textures["texture"].read().size == (40, 40)
    assert open_mesh("d.glb").textures["texture"].header().format == "png"
    status, out, _ = run("mesh", "optimize", "in", "out")
    assert status == 0
    assert [line.split(":")[0] for line in out.splitlines() if line[0] != " "] == [
        "out/a.glb",
        "out/deep/b.glb",
        "out/deep/c.glb",
    ]
    assert "OUT: expected a name that ends in .glb or .gltf" in run("mesh", "optimize", "in/a.glb", "e.obj")[2]
