"""Whole folders: recipes, the manifest, what a killed run leaves, and the engines."""

import errno
import fcntl
import hashlib
import io
import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from aikit import (
    FileAccessError,
    InputTypeError,
    InputValueError,
    Limits,
    MissingDependencyError,
    Recipe,
    WorkerError,
    convert_folder,
    encode,
    read_numpy,
    read_pil,
    resize,
    write,
)
from aikit.cli import main
from aikit.errors import printable
from aikit.folders import Failure, converting, manifest as manifest_module, on_ray, planning, reporting
from aikit.folders.planning import Job
from aikit.folders.work import Work
from aikit.isolation import calls
from aikit.isolation.child import RequestLoop
from aikit.recipe import files as recipe_files
from aikit.recipe.options import FileOptions
from pictures import codes

SRC = Path(__file__).parents[1] / "src"
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(SRC)}
MANIFEST = ".aikit-manifest.sqlite"
SMALL = Recipe([("resize", {"width": 12})], to="webp", lossless=True)

posix = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
ray_too = pytest.mark.skipif(find_spec("ray") is None, reason="needs ray")


def tree(folder):
    """Every output and the digest of its bytes."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.startswith(MANIFEST)
    }


def photograph(height, width, seed=0):
    """Smooth shapes with edges, and no two pixels of a row or column alike."""
    row, column = np.mgrid[0:height, 0:width]
    waves = [128 + 100 * np.sin((row * (k + 1) + column * (3 - k)) / (17 + 3 * k) + seed) for k in range(3)]
    picture = np.stack(waves, -1)
    picture[height // 3 : height // 2, width // 5 : width // 2] = 240 - 40 * np.arange(3)
    return picture.clip(0, 255).astype(np.uint8)


@pytest.fixture
def folder(tmp_path):
    """Six pictures in two folders."""
    for at in range(6):
        path = tmp_path / "in" / ("deep down" if at % 2 else "") / f"{at}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        write(codes(20 + at, 30, 3), path)
    return tmp_path


# JPEGs, shrunk while they are decoded


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(("height", "width"), [(403, 605), (512, 768)], ids=["odd", "even"])
def test_shrinking_while_decoding_is_close_to_the_plain_way(tmp_path, orientation, height, width):
    tags = Image.Exif()
    tags[274] = orientation
    Image.fromarray(photograph(height, width)).save(tmp_path / "a.jpg", quality=95, exif=tags, subsampling=0)
    for wanted in (64, 97, 150):
        convert_folder(tmp_path / "a.jpg", tmp_path / f"{wanted}", Recipe([("resize", {"width": wanted})], to="png"))
        made = read_numpy(tmp_path / f"{wanted}" / "a.png").astype(int)
        plain = resize(read_numpy(tmp_path / "a.jpg"), width=wanted).astype(int)
        assert made.shape == plain.shape
        # As close as Pillow's reducing_gap=2. Without regard to the blocks' last rows and columns the odd sizes are
        # displaced, and 23 to 56 codes off, 6 and more on average.
        assert np.abs(made - plain).max() <= 12
        assert np.abs(made - plain).mean() <= 1.5


@pytest.mark.parametrize(
    ("keywords", "shrunk"),
    [
        ({"width": 64}, True),
        ({"scale": 0.2, "method": "area"}, True),
        ({"width": 64, "linear": True}, False),
        ({"width": 64, "method": "nearest"}, False),
        ({"width": 64, "antialias": False}, False),
        ({"width": 160}, False),
        ({"width": 64, "height": 300}, False),
    ],
)
def test_only_what_smaller_pixels_will_do_for_is_shrunk(tmp_path, monkeypatch, keywords, shrunk):
    read, asked = recipe_files.read_with_info, []
    monkeypatch.setattr(
        recipe_files,
        "read_with_info",
        lambda source, **options: asked.append(options.get("at_least")) or read(source, **options),
    )
    write(photograph(400, 600), tmp_path / "a.jpg")
    assert convert_folder(tmp_path / "a.jpg", tmp_path / "out", Recipe([("resize", keywords)], to="png")).done == 1
    assert [bool(each) for each in asked] == [shrunk]


def test_a_shrunk_picture_is_the_same_wherever_it_is_made(tmp_path):
    write(photograph(800, 1201), tmp_path / "a.jpg")
    for name, limits in (("threads", None), ("again", None), ("child", Limits())):
        convert_folder(
            tmp_path / "a.jpg", tmp_path / name, Recipe([("resize", {"width": 150})], to="png"), limits=limits
        )
    assert tree(tmp_path / "threads") == tree(tmp_path / "again") == tree(tmp_path / "child")


def test_the_shrunk_size_is_that_of_the_whole_picture(tmp_path):
    # 701 x 1000 to 100 wide: 143 rows; from the half picture, 351 wide, it would be 142.
    write(photograph(1000, 701), tmp_path / "a.jpg")
    convert_folder(tmp_path / "a.jpg", tmp_path / "out", Recipe([("resize", {"width": 100})], to="png"))
    assert read_pil(tmp_path / "out" / "a.png").size == (100, 143)


# Where things go


@pytest.mark.parametrize("kind", ["folder", "file", "list"])
def test_sources(folder, kind):
    src = {
        "folder": str(folder / "in"),
        "file": folder / "in" / "2.png",
        "list": [folder / "in" / "0.png", folder / "in" / "deep down"],
    }[kind]
    report = convert_folder(src, folder / "out", SMALL)
    expected = {
        "folder": ["0.webp", "2.webp", "4.webp", "deep down/1.webp", "deep down/3.webp", "deep down/5.webp"],
        "file": ["2.webp"],
        "list": ["0.webp", "1.webp", "3.webp", "5.webp"],
    }[kind]
    assert sorted(tree(folder / "out")) == expected
    assert (report.done, report.failed, report.skipped, report.failures) == (len(expected), 0, 0, [])
    assert read_pil(folder / "out" / expected[0]).width == 12


@posix
def test_pipes_and_broken_links_are_told(folder):
    os.mkfifo(folder / "in" / "pipe.png")
    (folder / "in" / "link.png").symlink_to(folder / "nowhere.png")
    (folder / "in" / "loop.png").symlink_to(folder / "in" / "loop.png")
    os.mkfifo(folder / "in" / "pipe")
    (folder / "in" / "link").symlink_to(folder / "nowhere")
    report = convert_folder(folder / "in", folder / "out", SMALL)
    assert counts(report) == (6, 3, 0)
    assert [(Path(each.path).name, each.code) for each in report.failures] == [
        ("link.png", "no_access"), ("loop.png", "no_access"), ("pipe.png", "no_access"),
    ]  # fmt: skip
    assert [each.message.rpartition(": ")[2] for each in report.notices] == [
        "left out, it is a link to nothing.", "left out, it is no file but a pipe or a device.",
    ]  # fmt: skip


# A file that is no picture, in every format that is known by its name, read or not.
DAMAGED = "jpg png apng webp avif gif tif bmp ico pgm svg svgz psd psb heic HEIF jxl exr jp2 tga qoi dds cr2 dng NEF icns".split()


@pytest.mark.parametrize("content", [b"", b"\0" * 4096, b"text " * 99], ids=["empty", "zeros", "text"])
@pytest.mark.parametrize("limits", [None, Limits()], ids=["trusted", "strange"])
def test_what_bears_the_name_of_a_picture_and_is_none_has_failed(tmp_path, content, limits):
    (tmp_path / "in").mkdir()
    write(codes(4, 4, 3), tmp_path / "in" / "good.png")
    for suffix in DAMAGED:
        (tmp_path / "in" / f"{suffix}.{suffix}").write_bytes(content)
    report = convert_folder(tmp_path / "in", tmp_path / "out", Recipe(to="png"), limits=limits)
    assert counts(report) == (1, len(DAMAGED), 0)
    assert sorted(Path(each.path).stem for each in report.failures) == sorted(DAMAGED)
    assert {each.code for each in report.failures} == {"unsupported_format"} if content else {"truncated"}
    assert report.notices == []


def test_damaged_documents_are_told(tmp_path):
    (tmp_path / "in").mkdir()
    for name, data in {
        "svg.svg": b'<svg xmlns="http://www.w3.org/2000/svg" width="4" height="4"><rect',
        "psd.psd": b"8BPS\0\1\0\0\0\0\0\0\0\3",
        "heic.heic": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
        "avif.avif": b"\0\0\0\x18ftypavif\0\0\0\0mif1avif",
    }.items():
        (tmp_path / "in" / name).write_bytes(data)
    for limits in (None, Limits()):
        report = convert_folder(tmp_path / "in", tmp_path / "out", Recipe(to="png"), limits=limits, retry_failed=True)
        assert counts(report) == (0, 4, 0)
        assert {each.code for each in report.failures} <= {"corrupt", "truncated", "missing_dependency"}


def test_what_is_no_picture_is_left_out_and_told(folder):
    (folder / "in" / "notes.txt").write_text("text")
    (folder / "in" / "a").mkdir(exist_ok=True)
    (folder / "in" / "a" / "empty").touch()
    (folder / "in" / "a" / "x.png").mkdir()  # a folder, whatever its name
    write(codes(4, 4, 3), folder / "in" / "a" / "x.png" / "in it.png")
    write(codes(4, 4, 3), folder / "elsewhere.png")
    (folder / "in" / "linked.png").symlink_to(folder / "elsewhere.png")
    (folder / "in" / "above").symlink_to(folder)
    (folder / "in" / "no suffix").write_bytes(encode(codes(4, 4, 3), "png"))
    (folder / "in" / ".hidden.png").write_bytes(b"text")
    (folder / "in" / ".hidden").mkdir()
    (folder / "in" / ".hidden" / "in it.png").write_bytes(b"text")
    (folder / "in" / ".aikit-manifest.sqlite").touch()  # of a run whose results are these sources
    (folder / "in" / ".aikit-dead.tmp").touch()
    report = convert_folder(folder / "in", folder / "out", SMALL)
    assert (*counts(report), report.left) == (9, 0, 0, 5)
    assert [(str(Path(each.path).relative_to(folder / "in")), each.code) for each in report.notices] == [
        (".hidden", "left_out"), (".hidden.png", "left_out"),
        ("a/empty", "left_out"), ("above", "left_out"), ("notes.txt", "left_out"),
    ]  # fmt: skip
    assert "it is a link to a folder; name that folder" in report.notices[3].message
    assert read_pil(folder / "out" / "a" / "x.png" / "in it.webp").size == (12, 12)
    # Told again, though everything else is done.
    again = convert_folder(folder / "in", folder / "out", SMALL)
    assert (again.left, again.notices) == (5, report.notices)
    told = json.loads(report.to_json())
    assert (told["left"], [each["code"] for each in told["notices"]]) == (5, ["left_out"] * 5)


def test_what_was_named_is_tried_whatever_its_name(folder):
    (folder / "in" / "notes.txt").write_text("text")
    report = convert_folder([folder / "in" / "notes.txt"], folder / "out", SMALL)
    assert (report.left, [each.code for each in report.failures]) == (0, ["unsupported_format"])


def test_names_that_no_file_can_have_are_told(tmp_path):
    """Of the source, and of the result, which would be longer than a file system takes."""
    (tmp_path / "in").mkdir()
    long = "x" * 251 + ".png"
    write(codes(4, 4, 3), tmp_path / "in" / long)
    report = convert_folder([tmp_path / "in", tmp_path / "a\0b", tmp_path / "\ud800"], tmp_path / "out", SMALL)
    assert counts(report) == (0, 3, 0)
    assert {each.code for each in report.failures} == {"no_access"}
    (failure,) = [each for each in report.failures if each.path.endswith(long)]
    assert failure.error.filename == str(tmp_path / "out" / f"{'x' * 251}.webp")
    assert failure.error.errno == errno.ENAMETOOLONG


def test_the_folder_for_the_results_need_not_be_text(folder):
    out = folder / os.fsdecode(b"caf\xe9 \xff")
    assert counts(convert_folder(folder / "in", out, SMALL)) == (6, 0, 0)
    assert counts(convert_folder(folder / "in", out, SMALL)) == (0, 0, 6)


def test_any_number_of_workers_is_taken(folder):
    assert run(folder, workers=10**9) == (6, 0, 0)


def test_notices_are_bounded_and_counted(tmp_path, monkeypatch):
    monkeypatch.setattr(reporting, "_MOST_NOTICES", 3)
    (tmp_path / "in").mkdir()
    write(codes(4, 4, 3), tmp_path / "in" / "a.png")
    for at in range(5):
        (tmp_path / "in" / f"{at}.txt").touch()
    report = convert_folder(tmp_path / "in", tmp_path / "out", SMALL)
    assert (report.left, len(report.notices)) == (5, 3)


def test_a_folder_that_may_not_be_looked_at_is_told(folder, monkeypatch):
    looked_at = os.stat

    def refuse(path, *arguments, **options):
        if str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied", str(path))
        return looked_at(path, *arguments, **options)

    (folder / "in" / "locked").touch()
    monkeypatch.setattr(planning.os, "stat", refuse)
    report = convert_folder(folder / "in", folder / "out", SMALL)
    assert [(Path(each.path).name, each.code) for each in report.failures] == [("locked", "no_access")]


@pytest.mark.parametrize("limits", [None, Limits()], ids=["trusted", "strange"])
def test_frames_that_the_result_has_not_are_told(tmp_path, limits):
    frames = [Image.fromarray(each) for each in codes(8, 6, 3, batch=(3,))]
    (tmp_path / "in").mkdir()
    for suffix in ("gif", "webp", "png", "tif"):
        frames[0].save(tmp_path / "in" / f"{suffix}.{suffix}", save_all=True, append_images=frames[1:])
    write(codes(4, 4, 3), tmp_path / "in" / "still.png")
    write(codes(4, 4, 3), tmp_path / "in" / "still.webp")
    report = convert_folder(tmp_path / "in", tmp_path / "out", Recipe(to="jpg"), limits=limits)
    # png.jpg and still.jpg have two sources.
    assert report.frames == 0
    assert [(Path(each.path).name, each.code) for each in report.notices] == [
        (f"{suffix}.{suffix}", "frames_left") for suffix in ("gif", "png", "tif", "webp")
    ]
    assert {each.message.partition(": ")[2] for each in report.notices} == {"1 of 3 frames or pages converted, 2 left."}


@pytest.mark.parametrize("limits", [None, Limits()], ids=["trusted", "strange"])
def test_profiles_that_were_ignored_are_told(tmp_path, limits):
    (tmp_path / "in").mkdir()
    write(codes(4, 4, 3), tmp_path / "in" / "good.png")
    Image.fromarray(codes(4, 4, 3)).save(tmp_path / "in" / "bad.png", icc_profile=b"junk" * 40)
    recipe = Recipe(to="webp", on_bad_profile="warn")
    report = convert_folder(tmp_path / "in", tmp_path / "out", recipe, limits=limits)
    assert counts(report) == (2, 0, 0)
    (notice,) = report.notices
    assert (notice.path, notice.code) == (str(tmp_path / "in" / "bad.png"), "corrupt")
    assert notice.message.endswith("got 160 bytes that are not an ICC profile; its codes are taken as sRGB.")


def test_frames_that_the_result_has_are_counted(tmp_path):
    frames = [Image.fromarray(each) for each in codes(8, 6, 3, batch=(3,))]
    (tmp_path / "in").mkdir()
    for suffix in ("gif", "tif"):
        frames[0].save(tmp_path / "in" / f"{suffix}.{suffix}", save_all=True, append_images=frames[1:])
    write(codes(4, 4, 3), tmp_path / "in" / "still.png")
    report = convert_folder(tmp_path / "in", tmp_path / "out", Recipe(to="tiff"))
    assert (report.done, report.frames, report.notices) == (3, 6, [])
    assert json.loads(report.to_json())["frames"] == 6


def test_frames_that_the_bytes_have_not_are_logged(caplog):
    frames = [Image.fromarray(each) for each in codes(8, 6, 3, batch=(3,))]
    frames[0].save(file := io.BytesIO(), "gif", save_all=True, append_images=frames[1:])
    file.name = "a\x1b[2J\u202e.gif"
    file.seek(0)
    Recipe(to="jpg").bytes(file)
    assert [record.getMessage() for record in caplog.records if record.name == "aikit.recipe"] == [
        "a\\x1b[2J\\u202e.gif: 1 of 3 frames or pages converted, 2 left"
    ]


@pytest.mark.parametrize("limits", [None, Limits()], ids=["trusted", "strange"])
def test_times_are_kept_where_that_is_asked_for(folder, limits):
    sources = sorted((folder / "in").rglob("*.png"))
    for at, path in enumerate(sources):
        os.utime(path, ns=(10**18 + at, 10**18 + 7 * at + 123456789))
    convert_folder(folder / "in", folder / "new", SMALL)
    convert_folder(folder / "in", folder / "out", SMALL, keep_times=True, limits=limits)
    for path in sources:
        place = path.relative_to(folder / "in").with_suffix(".webp")
        kept, new = os.stat(folder / "out" / place), os.stat(folder / "new" / place)
        assert kept.st_mtime_ns == os.stat(path).st_mtime_ns != new.st_mtime_ns
    # Kept in place too, where the source is the result.
    before = os.stat(sources[0]).st_mtime_ns
    report = convert_folder(
        sources[0], folder / "in", Recipe([("blur", {"sigma": 1})]), overwrite=True, keep_times=True
    )
    assert (report.done, os.stat(folder / "in" / sources[0].name).st_mtime_ns) == (1, before)


@pytest.mark.parametrize("keep_times", ["yes", 1])
def test_keep_times_is_a_switch(folder, keep_times):
    with pytest.raises(InputTypeError, match=r"^keep_times: expected True or False, got "):
        run(folder, keep_times=keep_times)


@posix
def test_what_killed_runs_have_left_is_removed_and_nothing_else(folder):
    """Also where the run that left it had come to its end in the manifest's eyes, and where no picture is made."""
    run(folder)
    places = sorted({path.parent for path in (folder / "out").rglob("*.webp")})
    dead = [place / ".aikit-dead.tmp" for place in places]
    for path in dead:
        path.write_bytes(b"half a pic")
    others = [folder / "out" / name for name in ("other.tmp", ".aikit-notes", "aikit-x.tmp", ".aikit-link.tmp")]
    for path in others[:-1]:
        path.write_bytes(b"of somebody")
    others[-1].symlink_to(others[0])
    with open(folder / "out" / ".aikit-live.tmp", "wb") as live:
        fcntl.flock(live, fcntl.LOCK_EX)  # as a run that writes it at this moment has done
        assert run(folder) == (0, 0, 6)
        assert not [path for path in dead if path.exists()]
        assert os.path.exists(live.name)
    assert all(path.exists() for path in others)
    run(folder)
    assert not os.path.exists(live.name)


def test_file_names_need_not_be_text(tmp_path):
    name = os.fsdecode(b"caf\xe9 \xff.png")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / name).write_bytes(encode(codes(9, 9, 3), "png"))
    (tmp_path / "in" / os.fsdecode(b"bad\xff.png")).write_bytes(b"text")
    report = convert_folder(tmp_path / "in", tmp_path / "out", SMALL)
    assert (report.done, report.failed) == (1, 1)
    assert json.loads(report.to_json())["codes"] == {"unsupported_format": 1}
    assert (tmp_path / "out" / os.fsdecode(b"caf\xe9 \xff.webp")).exists()
    assert convert_folder(tmp_path / "in", tmp_path / "out", SMALL).skipped == 1


@pytest.mark.parametrize(
    ("arguments", "options", "kind", "message"),
    [
        ((b"in", "out", SMALL), {}, InputTypeError, r"src: expected a path, got int"),
        ((5, "out", SMALL), {}, InputTypeError, r"src: expected a path or a list of paths, got int"),
        (("in", None, SMALL), {}, InputTypeError, r"out: expected a path, got NoneType"),
        (("", "out", SMALL), {}, InputValueError, r"src: expected a path, got an empty text; pass \"\.\" for"),
        ((["in", ""], "out", SMALL), {}, InputValueError, r"src: expected a path, got an empty text"),
        (("in", "", SMALL), {}, InputValueError, r"out: expected a path, got an empty text"),
        (("https://a.b/c.png", "out", SMALL), {}, InputTypeError, r"src: expected a path, got the URL 'https://a\.b/c"),
        (("in", "o\0ut", SMALL), {}, FileAccessError, r"out: expected a path, got 'o\\x00ut', which no file can have"),
        (("in", "\ud800", SMALL), {}, FileAccessError, r"out: expected a path, got '\\ud800', which no file can have"),
        (("in", "file", SMALL), {}, InputValueError, r"out: expected a folder, got the file 'file'"),
        (("in", "out", [("trim", {})]), {}, InputTypeError, r"recipe: expected a Recipe, got list"),
        (("in", "out", SMALL), {"workers": 0}, InputValueError, r"workers: expected 1 or more, got 0"),
        (("in", "out", SMALL), {"workers": 1.5}, InputTypeError, r"workers: expected a whole number or None, got 1.5"),
        (("in", "out", SMALL), {"limits": 5}, InputTypeError, r"limits: expected Limits or None, got 5"),
        (("in", "out", SMALL), {"engine": "dask"}, InputValueError, r'engine: expected "local" or "ray", got \'dask\''),
        (("empty", "out", SMALL), {}, InputValueError, r"src: expected pictures, got none in empty"),
        (("in", "out", Recipe(quality=50)), {}, InputValueError, r"quality: expected None for PNG, got 50"),
    ],
)
def test_mistakes_are_said_before_anything_is_made(folder, monkeypatch, arguments, options, kind, message):
    monkeypatch.chdir(folder)
    Path("empty").mkdir()
    Path("file").touch()
    with pytest.raises(kind, match=message):
        convert_folder(*arguments, **options)
    assert not Path("out").exists()


# The manifest


def counts(report):
    return report.done, report.failed, report.skipped


def run(folder, recipe=SMALL, **options):
    return counts(convert_folder(folder / "in", folder / "out", recipe, **options))


def test_what_is_done_is_not_done_again(folder):
    assert run(folder) == (6, 0, 0)
    before = {path: path.stat().st_mtime_ns for path in (folder / "out").rglob("*.webp")}
    assert run(folder) == (0, 0, 6)
    assert {path: path.stat().st_mtime_ns for path in (folder / "out").rglob("*.webp")} == before


def test_what_has_changed_is_done_again(folder):
    run(folder)
    write(codes(33, 30, 3), folder / "in" / "0.png")
    (folder / "out" / "2.webp").unlink()
    os.utime(folder / "in" / "4.png", (1, 1))
    assert run(folder) == (3, 0, 3)
    assert read_pil(folder / "out" / "0.webp").size == (12, 13)
    # Another recipe makes all of them again, and may: they are the manifest's own.
    assert run(folder, Recipe([("resize", {"width": 9})], to="webp")) == (6, 0, 0)
    assert read_pil(folder / "out" / "0.webp").width == 9
    assert run(folder) == (6, 0, 0)


def test_by_digest_a_copy_is_the_same_file(folder):
    assert run(folder, by_digest=True) == (6, 0, 0)
    os.utime(folder / "in" / "4.png", (1, 1))
    facts = (folder / "in" / "2.png").stat()
    data = bytearray((folder / "in" / "2.png").read_bytes())
    changed = encode(255 - read_numpy(folder / "in" / "2.png"), "png")
    (folder / "in" / "2.png").write_bytes(changed + bytes(max(0, len(data) - len(changed))))
    os.utime(folder / "in" / "2.png", ns=(facts.st_atime_ns, facts.st_mtime_ns))
    assert run(folder, by_digest=True) == (1, 0, 5)


def test_a_file_of_somebody_else_is_not_replaced(folder):
    (folder / "out").mkdir()
    (folder / "out" / "0.webp").write_bytes(b"mine")
    report = convert_folder(folder / "in", folder / "out", SMALL)
    assert counts(report) == (5, 1, 0)
    assert report.failures[0].code == "exists"
    assert report.failures[0].path == str(folder / "in" / "0.png")
    assert report.failures[0].message == (
        f"{folder / 'out' / '0.webp'}: expected no file there, got one; pass overwrite=True to replace it."
    )
    assert run(folder) == (0, 1, 5)
    # Nor is one of ours that somebody has worked on since.
    (folder / "out" / "2.webp").write_bytes(b"retouched")
    assert run(folder) == (0, 2, 4)
    assert (folder / "out" / "0.webp").read_bytes() == b"mine"
    assert (folder / "out" / "2.webp").read_bytes() == b"retouched"
    assert run(folder, overwrite=True) == (6, 0, 0)
    assert read_pil(folder / "out" / "0.webp").width == 12
    assert run(folder) == (0, 0, 6)


def test_an_output_of_another_source_is_not_replaced(folder):
    convert_folder(folder / "in" / "0.png", folder / "out", SMALL)
    write(codes(50, 60, 3), folder / "0.png")
    report = convert_folder(folder / "0.png", folder / "out", SMALL)
    assert [failure.code for failure in report.failures] == ["exists"]
    assert read_pil(folder / "out" / "0.webp").size == (12, 8)
    # And once it was replaced on purpose, it is no longer the first one's.
    assert convert_folder(folder / "0.png", folder / "out", SMALL, overwrite=True).done == 1
    assert convert_folder(folder / "in" / "0.png", folder / "out", SMALL).failures[0].code == "exists"


def test_failures_are_remembered_until_they_are_to_be_retried(folder, monkeypatch):
    (folder / "in" / "0.png").write_bytes(encode(codes(20, 30, 3), "png")[:90])
    first = convert_folder(folder / "in", folder / "out", SMALL)
    assert counts(first) == (5, 1, 0)
    assert first.failures[0].code == "truncated"
    monkeypatch.setattr(recipe_files, "read_with_info", None)  # nothing is read again
    again = convert_folder(folder / "in", folder / "out", SMALL)
    assert counts(again) == (0, 1, 5)
    assert again.failures == first.failures
    monkeypatch.undo()
    monkeypatch.setattr(recipe_files, "read_with_info", lambda source, **options: (codes(20, 30, 3), {}))
    assert run(folder, retry_failed=True) == (1, 0, 5)


def test_failures_that_are_not_the_file_s_are_tried_each_time(folder, monkeypatch):
    read = recipe_files.read_with_info

    def fail(source, **options):
        if source.name.endswith("0.png"):
            raise MissingDependencyError("0.png", "a package", "none installed", "install it")
        return read(source, **options)

    monkeypatch.setattr(recipe_files, "read_with_info", fail)
    report = convert_folder(folder / "in", folder / "out", SMALL)
    assert [failure.code for failure in report.failures] == ["missing_dependency"]
    monkeypatch.undo()
    assert run(folder) == (1, 0, 5)


def test_a_failure_has_the_fields_of_its_error_wherever_it_comes_from(folder):
    (folder / "in" / "0.png").write_bytes(encode(codes(20, 30, 3), "png")[:90])
    for limits in (None, None, Limits()):  # the second time from the manifest, the third from a child
        again = limits is not None
        (failure,) = convert_folder(folder / "in", folder / "out", SMALL, limits=limits, retry_failed=again).failures
        error = failure.error
        assert (type(error).__name__, error.code, error.option) == ("FileFormatError", "truncated", "allow_truncated")
        assert error.subject == failure.path == str(folder / "in" / "0.png")
        assert str(error) == failure.message
        assert error.__traceback__ is None, "which would hold a picture"
    for _ in range(2):
        limits = Limits(max_bytes=89)
        error = convert_folder(folder / "in" / "0.png", folder / "limited", SMALL, limits=limits).failures[0].error
        assert (type(error).__name__, error.limit, error.allowed, error.found) == ("LimitError", "max_bytes", 89, 90)
    write(codes(9, 9, 3), folder / "out" / "0.webp")
    (folder / "in" / "0.png").unlink()
    write(codes(9, 9, 3), folder / "in" / "0.png")
    there = convert_folder(folder / "in", folder / "out", SMALL).failures[0].error
    assert (type(there), there.code, there.option) == (FileAccessError, "exists", "overwrite")
    assert there.filename == str(folder / "out" / "0.webp")


@pytest.mark.parametrize(
    ("then", "now", "again"),
    [("corrupt", "corrupt", 0), ("invalid", "invalid_value", 0), ("access", None, 1), ("dependency", None, 1)],
)
def test_manifests_of_earlier_versions_are_understood(folder, then, now, again):
    """They have no fields of errors, and codes that were called otherwise."""
    (folder / "in" / "0.png").write_bytes(b"text")
    assert run(folder) == (5, 1, 0)
    message = "in/0.png: expected this, got that; do something."
    with sqlite3.connect(folder / "out" / MANIFEST) as base:
        base.execute("ALTER TABLE files DROP COLUMN error")
        base.execute("UPDATE files SET code = ?, message = ? WHERE status = 'failed'", (then, os.fsencode(message)))
    base.close()
    if again:
        assert [failure.code for failure in convert_folder(folder / "in", folder / "out", SMALL).failures] == [
            "unsupported_format"
        ]
    else:
        (failure,) = convert_folder(folder / "in", folder / "out", SMALL).failures
        assert (failure.message, failure.code, failure.error) == (message, now, None)


def test_a_manifest_that_cannot_be_used(folder):
    (folder / "out").mkdir()
    (folder / "out" / MANIFEST).write_bytes(b"no database" * 1000)
    with pytest.raises(FileAccessError, match=r"sqlite: expected a manifest to write, got file is not a database"):
        run(folder)
    (folder / "out" / MANIFEST).unlink()
    with sqlite3.connect(folder / "out" / MANIFEST) as base:
        base.execute("PRAGMA user_version = 99")
    base.close()
    with pytest.raises(FileAccessError, match=r"expected a manifest of version 1, got 99; use another output folder"):
        run(folder)


def test_a_second_run_at_once_is_refused(folder):
    seen = []

    def meanwhile(report, total):
        if not seen:
            with pytest.raises(FileAccessError, match=r"got one that another run is using; wait until") as caught:
                run(folder)
            seen.append(caught.value)

    assert run(folder, progress=meanwhile) == (6, 0, 0)
    assert seen
    assert run(folder) == (0, 0, 6)


def test_progress_is_told_after_each_file(folder):
    (folder / "in" / "0.png").write_bytes(b"text")
    told = []
    run(folder, progress=lambda report, total: told.append((report.done + report.failed, total)))
    assert told == [(at, 6) for at in range(1, 7)]


def test_files_are_drawn_as_they_are_needed(tmp_path, monkeypatch):
    """The plan is on disk, and no engine draws all of it."""
    (tmp_path / "in").mkdir()
    for at in range(60):
        (tmp_path / "in" / f"{at}.png").write_bytes(encode(codes(4, 4, 3), "png"))
    drawn = []
    jobs = manifest_module.Manifest.jobs
    monkeypatch.setattr(manifest_module.Manifest, "jobs", lambda self: (drawn.append(job) or job for job in jobs(self)))
    ahead = []
    convert_folder(
        tmp_path / "in", tmp_path / "out", SMALL, workers=3,
        progress=lambda report, total: ahead.append(len(drawn) - report.done),
    )  # fmt: skip
    assert len(drawn) == 60
    assert max(ahead) <= 6


# Killed


RUN = """
import os, signal, sys
from aikit import Recipe, convert_folder
from aikit.folders import manifest, work
src, out, moment, after, overwrite = sys.argv[1:]
left = int(after)

def die(function):
    def dying(*arguments, **options):
        global left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*arguments, **options)
    return dying

if moment == "before":
    work.write_bytes = die(work.write_bytes)
elif moment == "in the middle":
    os.replace = die(os.replace)
else:
    manifest.Manifest.done = die(manifest.Manifest.done)
recipe = Recipe([("resize", {"scale": 0.5})], to="png")
convert_folder(src, out, recipe, workers=2, overwrite=overwrite == "yes")
"""


def killed(*arguments):
    """A run in an interpreter of its own, which dies at the moment named."""
    done = subprocess.run(
        [sys.executable, "-c", RUN, *map(str, arguments)],
        env=ENVIRONMENT,
        capture_output=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()


@posix
@pytest.mark.parametrize("moment", ["before", "in the middle", "behind"])
@pytest.mark.parametrize("overwrite", ["no", "yes"])
def test_a_killed_run_is_taken_up(folder, moment, overwrite):
    recipe = Recipe([("resize", {"scale": 0.5})], to="png")
    convert_folder(folder / "in", folder / "unbroken", recipe)
    if overwrite == "yes":
        # In place, where doing a file twice would show.
        for path in (folder / "in").rglob("*.png"):
            target = folder / "out" / path.relative_to(folder / "in")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
        src = folder / "out"
    else:
        src = folder / "in"
    killed(src, folder / "out", moment, 3, overwrite)
    time.sleep(1.1)  # what is younger could be somebody else's
    report = convert_folder(src, folder / "out", recipe, overwrite=overwrite == "yes")
    assert report.failed == 0
    assert report.done + report.skipped == 6
    assert report.skipped >= 2
    assert tree(folder / "out") == tree(folder / "unbroken")
    if overwrite == "no":
        assert counts(convert_folder(src, folder / "out", recipe)) == (0, 0, 6)


@pytest.mark.parametrize("overwrite", [False, True])
def test_what_an_engine_elsewhere_has_made_is_not_made_again(folder, monkeypatch, overwrite):
    """Its digests are not known here; but what was not there before the run is the run's."""

    def cut_short(work, jobs, *, workers, announce):
        batch = list(jobs)
        for job in batch:
            announce(job, "*")
        for job in batch[:3]:
            assert work(job).failure is None
        raise KeyboardInterrupt
        yield

    monkeypatch.setattr(converting, "_load_engine", lambda name: cut_short)
    with pytest.raises(KeyboardInterrupt, match=r"^$"):
        run(folder, overwrite=overwrite)
    monkeypatch.undo()
    before = {path: path.stat().st_mtime_ns for path in (folder / "out").rglob("*.webp")}
    assert len(before) == 3
    # To replace what is there the run would have replaced somebody else's file: nobody knows which of both is there.
    assert run(folder, overwrite=overwrite) == ((6, 0, 0) if overwrite else (3, 0, 3))
    assert ({path: path.stat().st_mtime_ns for path in before} == before) is not overwrite


def test_threads_end_with_a_run_that_is_broken_off(folder):
    def stop(report, total):
        raise KeyboardInterrupt

    for _ in range(3):
        with pytest.raises(KeyboardInterrupt, match=r"^$"):
            run(folder, workers=1, overwrite=True, progress=stop)
    deadline = time.monotonic() + 30
    while any(thread.name == "aikit-convert" for thread in threading.enumerate()):
        assert time.monotonic() < deadline
        time.sleep(0.02)


# Untrusted


def test_limits_hold_and_all_is_done_apart(folder, monkeypatch):
    monkeypatch.setattr(recipe_files, "_apply", None)  # here; the children have their own
    report = convert_folder(folder / "in", folder / "out", SMALL, limits=Limits(max_pixels=640))
    monkeypatch.undo()
    assert counts(report) == (2, 4, 0)
    assert {failure.code for failure in report.failures} == {"limit_exceeded"}
    # Outputs do not depend on where they were read.
    convert_folder(folder / "in", folder / "trusted", SMALL)
    assert tree(folder / "out").items() <= tree(folder / "trusted").items()


def test_the_steps_of_a_recipe_have_limits(folder):
    """Each file has 600 pixels and more, of which one may be made 40 times as large; and a blur takes its time."""
    recipe = Recipe([("trim", {}), ("resize", {"width": 200})], to="png")
    report = convert_folder(folder / "in", folder / "out", recipe, limits=Limits(max_output_pixels=27_000))
    assert counts(report) == (1, 5, 0)
    assert {failure.code for failure in report.failures} == {"limit_exceeded"}
    assert report.failures[0].message == (
        f"{folder / 'in' / '2.png'}: expected at most 27000 pixels after resizing, got 29400; "
        "raise Limits(max_output_pixels=...) to allow it."
    )
    write(codes(1000, 1500, 3), folder / "large.png")
    recipe = Recipe([("resize", {"scale": 3}), ("blur", {"sigma": 300}), ("blur", {"sigma": 301})], to="webp")
    report = convert_folder(folder / "large.png", folder / "slow", recipe, limits=Limits(max_seconds=1))
    assert [failure.code for failure in report.failures] == ["timeout"]
    report = convert_folder(folder / "large.png", folder / "heavy", recipe, limits=Limits(max_memory=60_000_000))
    assert [failure.code for failure in report.failures] == ["limit_exceeded"]


@pytest.mark.parametrize("suffix", ["svg", "tif"])
def test_a_child_needs_no_other_child(folder, monkeypatch, suffix):
    """Documents and packed TIFFs go to a child when they come with limits; here they are in one."""
    drawing = '<svg xmlns="http://www.w3.org/2000/svg" width="30" height="20"><path d="M2 3h9v9z" fill="red"/></svg>'
    if suffix == "svg":
        (folder / "a.svg").write_text(drawing)
    else:
        Image.fromarray(codes(20, 30, 3)).save(folder / "a.tif", compression="tiff_lzw")
    monkeypatch.setattr(RequestLoop, "decoder", True)
    monkeypatch.setattr(calls, "in_another_process", None)
    data = (folder / f"a.{suffix}").read_bytes()
    made, *_ = recipe_files._apply(data, "a", ".png", (), FileOptions(), Limits())
    monkeypatch.undo()
    assert made == encode(read_pil(folder / f"a.{suffix}"), "png")


@pytest.mark.parametrize(("deaths", "expected"), [(1, (6, 0, 0)), (2, (5, 1, 0))])
def test_a_child_that_dies_is_asked_once_more(folder, monkeypatch, deaths, expected):
    convert, died = recipe_files.apply_to_file, []

    def dying(source, *task):
        if source.name == "4.png" and len(died) < deaths:
            died.append(source)
            raise WorkerError(str(source), "a result", "a child process that was killed", "leave it out")
        return convert(source, *task)

    monkeypatch.setattr(recipe_files, "apply_to_file", dying)
    recipe = Recipe([("trim", {})], to="png")
    report = convert_folder(folder / "in", folder / "out", recipe, limits=Limits())
    assert counts(report) == expected
    assert [failure.code for failure in report.failures] == ["worker_crashed"] * (deaths - 1)


# Engines: the same files, the same results, whatever happens


# Every interpreter that finds this on its path, children too, meets pictures that do not stay pictures.
HOOKS = """
import os, sys, time
try:
    from PIL.PngImagePlugin import PngImageFile
except ImportError:
    PngImageFile = None  # an interpreter that a tool has started, without our packages

def opening(self, file, *arguments, **options):
    data = file.getvalue() if hasattr(file, "getvalue") else b""
    if b"crash here" in data:
        os.kill(os.getpid(), 11)
    if b"pause here" in data:
        try:
            handle = os.open(FOLDER + "/paused", os.O_CREAT | os.O_EXCL | os.O_WRONLY)
        except FileExistsError:
            pass
        else:
            os.write(handle, b"%d %d" % (os.getpid(), os.getppid()))
            os.fsync(handle)
            time.sleep(600)
    open_image(self, file, *arguments, **options)

if PngImageFile:
    open_image, PngImageFile.__init__ = PngImageFile.__init__, opening
"""


def many(folder, count):
    """Pictures, one in twenty bad, and one whose reader can be killed while it works. Returns the bad ones' codes."""
    folder.mkdir()
    whole = encode(codes(64, 64, 3), "png")
    # A JPEG of a few hundred bytes that claims 15000 x 15000 pixels.
    lie = io.BytesIO()
    Image.new("RGB", (16, 16)).save(lie, "JPEG")
    lie = bytearray(lie.getvalue())
    frame = lie.index(b"\xff\xc0")
    lie[frame + 5 : frame + 9] = (15000).to_bytes(2, "big") * 2
    bad = [
        (whole[: len(whole) // 2], "truncated"),
        (b"no picture at all", "unsupported_format"),
        (noted(codes(9, 9, 3), "crash here"), "worker_crashed"),
        (bytes(lie), "limit_exceeded"),
        (whole[:60] + bytes([whole[60] ^ 1]) + whole[61:], "corrupt"),
    ]
    codes_of = {}
    for at in range(count):
        path = folder / f"{at % 7}" / f"{at:04}.png"
        path.parent.mkdir(exist_ok=True)
        if at % 20 == 7:
            data, codes_of[str(path)] = bad[at // 20 % len(bad)]
            path.write_bytes(data)
        elif at == count // 4:
            path.write_bytes(noted(codes(25, 40, 3), "pause here"))
        else:
            pixels = np.roll(codes(24 + at % 9, 40, 3), at)
            path.write_bytes(encode(pixels, "png"))
    return codes_of


def noted(pixels, text):
    """A PNG with a remark in it."""
    note = PngInfo()
    note.add_text("Comment", text)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", pnginfo=note)
    return file.getvalue()


BLURRED = Recipe([("resize", {"width": 20}), ("blur", {"sigma": 0.7})], to="png")
BROKEN_RUN = """
import sys
from aikit import Limits, Recipe, convert_folder
src, out, engine = sys.argv[1:]
recipe = Recipe([("resize", {"width": 20}), ("blur", {"sigma": 0.7})], to="png")
print(convert_folder(src, out, recipe, limits=Limits(max_seconds=120), workers=2, engine=engine).to_json())
"""


def begun(tmp_path, engine):
    (tmp_path / "hooks").mkdir(exist_ok=True)
    (tmp_path / "hooks" / "sitecustomize.py").write_text(HOOKS.replace("FOLDER", repr(str(tmp_path))))
    path = os.pathsep.join([str(tmp_path / "hooks"), str(SRC)])
    return subprocess.Popen(
        [sys.executable, "-c", BROKEN_RUN, str(tmp_path / "in"), str(tmp_path / "out"), engine],
        env={**os.environ, "PYTHONPATH": path}, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        start_new_session=True, text=True,
    )  # fmt: skip


def wait_for(process, condition):
    deadline = time.monotonic() + 300
    while not condition():
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.002)


@pytest.mark.skipif(sys.platform != "linux", reason="kills processes by their number")
@pytest.mark.parametrize(
    ("engine", "count"),
    [
        ("local", 120),
        pytest.param("local", 1000, marks=pytest.mark.slow),
        pytest.param("ray", 120, marks=[pytest.mark.slow, ray_too]),
        pytest.param("ray", 1000, marks=[pytest.mark.slow, ray_too]),
    ],
)
def test_stopped_at_half_with_a_worker_killed_before(tmp_path, engine, count):
    expected = many(tmp_path / "in", count)
    out, paused = tmp_path / "out", tmp_path / "paused"
    process = begun(tmp_path, engine)
    wait_for(process, lambda: paused.exists() and paused.read_text().count(" "))
    # The reading child, and with Ray the worker above it: both are in the middle of a file.
    child, parent = map(int, paused.read_text().split())
    assert b"aikit.isolation" in Path(f"/proc/{child}/cmdline").read_bytes()
    if engine == "ray":
        assert Path(f"/proc/{parent}/cmdline").read_bytes().startswith(b"ray::")
    os.kill(parent if engine == "ray" else child, signal.SIGKILL)
    wait_for(process, lambda: len(list(out.rglob("*.png"))) >= count // 2)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    time.sleep(1.1 if engine == "local" else 5)  # Ray's workers learn of it later
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*.png")}
    assert count // 2 <= len(before) < count - len(expected)
    resumed = begun(tmp_path, engine)
    told, errors = resumed.communicate(timeout=300)
    assert resumed.returncode == 0, errors
    report = json.loads(told)
    assert {failure["path"]: failure["code"] for failure in report["failures"]} == expected
    assert report["codes"] == dict(sorted(Counter(expected.values()).items()))
    # Nothing twice: what was there is there untouched. Nothing lost: the rest is there too.
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert (report["skipped"], report["failed"]) == (len(before), len(expected))
    assert report["done"] == count - len(expected) - len(before)
    # An unbroken run, here and in threads; where nothing crashes, the pictures that crash are pictures.
    crashing = [path for path, code in expected.items() if code == "worker_crashed"]
    unbroken = convert_folder(tmp_path / "in", tmp_path / "unbroken", BLURRED)
    assert unbroken.done == count - len(expected) + len(crashing)
    for path in crashing:
        (tmp_path / "unbroken" / Path(path).relative_to(tmp_path / "in")).unlink()
    assert tree(out) == tree(tmp_path / "unbroken")


@pytest.mark.slow
@ray_too
def test_ray_does_what_threads_do_though_a_worker_is_killed(tmp_path):
    import ray

    expected = {path: code for path, code in many(tmp_path / "in", 120).items() if code != "worker_crashed"}
    recipe = Recipe([("resize", {"width": 20})], to="png")
    victims = []

    def kill_one(report, total):
        if not victims:
            for path in Path("/proc").glob("[0-9]*"):
                try:
                    if (path / "cmdline").read_bytes().startswith(b"ray::Map"):
                        victims.append(int(path.name))
                        os.kill(int(path.name), signal.SIGKILL)
                        # It may have been writing.
                        leftover = tmp_path / "out" / "3" / ".aikit-dead.tmp"
                        leftover.parent.mkdir(exist_ok=True)
                        leftover.write_bytes(b"half a picture")
                        os.utime(leftover, (1, 1))
                        return
                except OSError:
                    continue

    telemetry = os.environ.get("RAY_USAGE_STATS_ENABLED")
    report = convert_folder(
        tmp_path / "in", tmp_path / "out", recipe, limits=Limits(), workers=2, engine="ray", progress=kill_one
    )
    assert victims
    assert os.environ.get("RAY_USAGE_STATS_ENABLED") == telemetry
    assert not ray.is_initialized()
    # Which Ray Data starts to collect what it would report.
    assert "data-usage-metrics-poller" not in {thread.name for thread in threading.enumerate()}
    assert {failure.path: failure.code for failure in report.failures} == expected
    assert counts(report) == (120 - len(expected), len(expected), 0)
    convert_folder(tmp_path / "in", tmp_path / "local", recipe)
    assert tree(tmp_path / "out") == tree(tmp_path / "local")
    assert counts(convert_folder(tmp_path / "in", tmp_path / "out", recipe)) == (0, len(expected), 120 - len(expected))


@pytest.mark.parametrize("name", ["cut.png", os.fsdecode(b"caf\xe9.png")])
def test_what_a_worker_of_ray_tells_is_what_threads_tell(tmp_path, monkeypatch, name):
    """Its rows hold plain text; the path is that of the caller again."""
    monkeypatch.chdir(tmp_path)
    Path(name).write_bytes(encode(codes(20, 30, 3), "png")[:90])
    job, work = Job(Path(name), Path("out/cut.webp")), Work(SMALL, None)
    paths = {"source": os.fsencode(os.path.abspath(job.source)), "target": os.fsencode(os.path.abspath(job.target))}
    row = json.loads(json.dumps(on_ray._Status(work).row({"number": 7, **paths})))
    assert (row["number"], row["broken"]) == (7, "")
    here, there = work(job).failure, on_ray._name_path_as_given(job, row["failure"])
    assert there == here
    assert there.error.to_dict() == here.error.to_dict()
    assert (there.error.subject, there.error.option) == (printable(name), "allow_truncated")


class InOneProcess:
    """As much of Ray Data as an engine needs; rows travel as JSON does, which knows no classes."""

    def from_items(self, rows, override_num_blocks):
        self.rows = rows
        return self

    def map(self, function):
        self.rows = [json.loads(json.dumps(function(row))) for row in self.rows]
        return self

    def iter_rows(self):
        return iter(self.rows)


def test_rows_of_ray_say_of_frames_and_profiles_what_threads_say(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    frames = [Image.fromarray(each) for each in codes(8, 6, 3, batch=(3,))]
    frames[0].save("a.gif", save_all=True, append_images=frames[1:])
    frames[0].save("bad.png", icc_profile=b"junk" * 40)
    work = Work(Recipe(to="jpg", on_bad_profile="warn"), None)
    jobs = [
        Job(Path("a.gif"), Path("out/a.jpg")),
        Job(Path("bad.png"), Path("out/bad.jpg")),
        Job(Path("none"), Path("n.jpg")),
    ]
    here = [(job, work(job)) for job in jobs]
    assert [[code for _, code in verdict.notices] for _, verdict in here] == [["frames_left"], ["corrupt"], []]
    assert list(on_ray._run_batch(InOneProcess(), work, jobs)) == here
    whole = Work(Recipe(to="tiff"), None)
    ((_, verdict),) = on_ray._run_batch(InOneProcess(), whole, [Job(Path("a.gif"), Path("out/a.tiff"))])
    assert (verdict.frames, verdict.notices) == (3, ())


def test_without_ray_the_message_says_what_to_install(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(
        MissingDependencyError, match=r'engine: expected the package ray .* run: pip install "ray\[data\]"\.'
    ):
        run(folder, engine="ray")
    # The manifest is free again.
    assert run(folder) == (6, 0, 0)


# The command


def command(capsys, *arguments):
    status = main(["convert", *map(str, arguments)])
    return status, *capsys.readouterr()


@pytest.mark.parametrize(
    ("size", "expected"),
    [("12", (12, 8)), ("x10", (15, 10)), ("12x10", (12, 10)), ("50%", (15, 10)), ("10.5%", (3, 2))],
)
def test_resize_in_the_command(folder, capsys, size, expected):
    out = folder / "out.png"
    assert command(capsys, folder / "in" / "0.png", out, "--resize", size) == (0, "1 converted, 0 failed\n", "")
    assert Image.open(out).size == expected
    assert not (folder / MANIFEST).exists()


@pytest.mark.parametrize("size", ["", "x", "big", "-5", "12x", "5%%", "0", "0%"])
def test_a_size_that_is_none(folder, capsys, size):
    status, out, err = command(capsys, folder / "in", folder / "out", f"--resize={size}")
    assert (status, out) == (2, "")
    assert err.startswith("aikit convert: --resize: expected ")
    assert not (folder / "out").exists()


def test_the_command_goes_on_and_reports(folder, capsys):
    (folder / "in" / "0.png").write_bytes(b"text")
    arguments = folder / "in", folder / "out", "--resize", "12", "--to", "webp", "--untrusted"
    assert command(capsys, *arguments)[:2] == (1, "5 converted, 1 failed\n")
    write(codes(20, 30, 3), folder / "in" / "6.png")
    status, out, err = command(capsys, *arguments, "--report", folder / "report.json")
    assert (status, out) == (1, "1 converted, 5 skipped, 1 failed\n")
    report = json.loads((folder / "report.json").read_text())
    message = err.strip()
    assert report == {
        "done": 1,
        "failed": 1,
        "skipped": 5,
        "left": 0,
        "frames": 0,
        "notices": [],
        "codes": {"unsupported_format": 1},
        "failures": [{"path": str(folder / "in" / "0.png"), "code": "unsupported_format", "message": message}],
    }
    os.utime(folder / "in" / "6.png", (1, 1))
    assert command(capsys, *arguments, "--digest")[1] == "6 converted, 1 failed\n"
    assert command(capsys, *arguments, "--digest")[1] == "0 converted, 6 skipped, 1 failed\n"


def test_long_runs_tell_how_far_they_are(folder, capsys, monkeypatch):
    from aikit.cli import many

    monkeypatch.setattr(many, "_EVERY", 0.0)
    _, _, err = command(capsys, folder / "in", folder / "out", "--to", "webp")
    lines = err.splitlines()
    assert len(lines) == 6
    assert lines[-1].startswith("aikit convert: 6/6, 0 failed, ")
    assert lines[-1].endswith(" a second, 0 seconds left")


class Mine(InputValueError):
    """An error of a user's."""

    def __init__(self, page):
        super().__init__(f"page {page}", "a page", "none", "count again")


def test_a_failure_of_a_user_s_class_survives_as_aikit_s():
    failure = Failure.of("a.png", Mine(3))
    again = Failure.from_row("a.png", failure.to_row())
    assert again == failure
    assert type(again.error) is InputValueError
