"""folders/contact_sheet.py and `aikit sheet`: all pictures of a folder at one look."""

import importlib
import logging

import numpy as np
import pytest
from PIL import Image

import aikit
from aikit import FileFormatError, InputTypeError, InputValueError, Limits
from aikit.cli import main
from aikit.folders import contact_sheet
from pictures import codes

# Where the first picture of a sheet lies: a margin, a title, one note.
TOP, LEFT = 12 + 22 + 17, 12


def part(sheet, array, left=LEFT, top=TOP):
    return np.asarray(sheet)[top : top + array.shape[0], left : left + array.shape[1]]


@pytest.fixture
def folder(tmp_path):
    """Three pictures, one of them below, and what is none."""
    pictures = tmp_path / "pictures"
    (pictures / "below").mkdir(parents=True)
    aikit.write(codes(30, 40, 3), pictures / "b.png")
    aikit.write(codes(50, 20, 3)[::-1], pictures / "below" / "a.png")
    aikit.write(codes(25, 45, 1), pictures / "c.tiff")
    (pictures / "notes.txt").write_text("no picture")
    return pictures


def test_pictures_lie_in_order_with_their_names_and_sizes(folder):
    sheet = contact_sheet(folder, columns=3)
    assert sheet.mode == "RGB"
    assert sheet.info["alt"] == (
        "Sheet of 3 pictures, 3 in a row. 1: b.png, 40x30 png. 2: c.tiff, 45x25 tiff. 3: a.png, 20x50 png."
    )
    assert (part(sheet, codes(30, 40, 3)) == codes(30, 40, 3)).all()
    gray = np.repeat(codes(25, 45, 1).reshape(25, 45, 1), 3, -1)
    assert (part(sheet, gray, LEFT + 252) == gray).all()
    assert (part(sheet, codes(50, 20, 3), LEFT + 2 * 252) == codes(50, 20, 3)[::-1]).all()


def test_a_list_keeps_its_order_and_takes_titles(folder):
    paths = [folder / "c.tiff", str(folder / "b.png")]
    sheet = contact_sheet(paths, titles=["one", "two"])
    assert sheet.info["alt"].startswith("Sheet of 2 pictures, 2 in a row. 1: one, 45x25 tiff. 2: two, 40x30 png.")


def test_titles_are_drawn(folder):
    path = [folder / "b.png"]
    plain, named = (np.asarray(contact_sheet(path, titles=[title])) for title in ("", "A name"))
    assert (plain[12:30] == 255).all()
    assert (named[12:30] < 100).any()


def test_names_that_differ_at_their_end_stay_different(tmp_path):
    for number in (1, 2):
        aikit.write(codes(8, 8, 3), tmp_path / f"{'a long name ' * 5}{number}.png")
    sheet = np.asarray(contact_sheet(tmp_path, columns=1))
    height = 22 + 17 + 8 + 12
    assert (sheet[12:30] != sheet[12 + height : 30 + height]).any()


def test_large_pictures_are_reduced_and_upright(tmp_path):
    y, x = np.mgrid[:600, :900]
    smooth = np.stack([x / 4, y / 3, (x + y) / 6], -1).astype(np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.rot90(smooth)).save(tmp_path / "turned.jpg", exif=exif, quality=95, subsampling=0)
    sheet = contact_sheet(tmp_path, side=150)
    assert sheet.info["alt"] == "Sheet of 1 picture. 1: turned.jpg, 900x600 jpeg."
    expected = aikit.resize(smooth, width=150).astype(int)
    # JPEG, and an eighth of its size that was decoded.
    assert np.abs(part(sheet, expected).astype(int) - expected).max() <= 6


def test_what_hides_is_shown_as_by_show(tmp_path):
    aikit.write(np.arange(600, dtype=np.uint16).reshape(20, 30), tmp_path / "dark.png")
    aikit.write(np.dstack([codes(20, 30, 3), np.zeros((20, 30), np.uint8)]), tmp_path / "clear.png")
    sheet = contact_sheet(tmp_path, columns=1)
    assert "dark.png, 30x20 png, 0 to 599 stretched." in sheet.info["alt"]
    checker = np.unique(part(sheet, np.empty((20, 30, 3)))).tolist()
    assert checker == [204, 255]


def test_an_animation_shows_its_first_frame(tmp_path):
    frames = [Image.fromarray(codes(20, 30, 3)), Image.new("RGB", (30, 20), "red")]
    frames[0].save(tmp_path / "moving.webp", save_all=True, append_images=frames[1:], lossless=True, duration=40)
    sheet = contact_sheet(tmp_path)
    assert "moving.webp, 30x20 webp, 2 frames." in sheet.info["alt"]
    assert (part(sheet, codes(20, 30, 3)) == codes(20, 30, 3)).all()


def test_documents(tmp_path):
    (tmp_path / "a.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg" width="40" height="30"/>')
    aikit.new_psd(width=20, height=10).write(tmp_path / "b.psd")
    assert "1: a.svg, 40x30 svg. 2: b.psd, 20x10 psd." in contact_sheet(tmp_path).info["alt"]


@pytest.mark.parametrize("limits", [None, Limits()], ids=["trusted", "limits"])
def test_what_cannot_be_read_has_a_cell_that_says_so(folder, limits, caplog):
    data = (folder / "b.png").read_bytes()
    (folder / "a.png").write_bytes(data[: len(data) // 2])
    failures = []
    sheet = contact_sheet(folder, columns=4, limits=limits, failures=failures)
    assert sheet.info["alt"].startswith(
        "Sheet of 4 pictures, 4 in a row. 1: a.png, not shown: truncated. 2: b.png, 40x30"
    )
    assert [(each.path, each.code) for each in failures] == [(str(folder / "a.png"), "truncated")]
    assert isinstance(failures[0].error, FileFormatError)
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
    cross = np.asarray(sheet)[TOP : TOP + 180, LEFT : LEFT + 240]
    assert (cross[0, 0] == 0x94).all()
    assert (cross[20, 120] == 0xE8).all()
    contact_sheet(folder)
    assert "a.png" in caplog.text


def test_on_error_raise(folder):
    (folder / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n nothing")
    with pytest.raises(FileFormatError, match=r"a\.png: expected"):
        contact_sheet(folder, on_error="raise")


def test_limits_count(folder):
    failures = []
    contact_sheet(folder, limits=Limits(max_pixels=1100), failures=failures)
    assert [(each.path, each.code) for each in failures] == [
        (str(folder / name), "limit_exceeded") for name in ("b.png", "c.tiff")
    ]


def test_workers_change_nothing(folder):
    one, two = (np.asarray(contact_sheet(folder, workers=count)) for count in (1, 3))
    assert (one == two).all()


# Messages


def test_no_picture(tmp_path):
    with pytest.raises(
        InputValueError, match="src: expected at least one picture, got none; name a folder that has some"
    ):
        contact_sheet(tmp_path)


def test_too_many_pictures_are_refused_before_any_is_read(tmp_path):
    paths = [tmp_path / f"{number}.png" for number in range(2000)]
    with pytest.raises(
        InputValueError, match="src: expected at most 1,363 pictures of 240 pixels on a sheet, got 2,000; name"
    ):
        contact_sheet(paths)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"side": 31}, "side: expected 32 or more, got 31; pass 32 or more"),
        ({"columns": 0}, "columns: expected 1 or more"),
        ({"workers": 0}, "workers: expected 1 or more"),
        ({"on_error": "skip"}, "on_error: expected one of mark, raise"),
        ({"titles": ["one"]}, "titles: expected 3 of them, one an image, got 1"),
    ],
)
def test_options_that_cannot_be(folder, options, message):
    with pytest.raises(InputValueError, match=message):
        contact_sheet(folder, **options)


def test_what_is_no_path_is_refused(folder):
    with pytest.raises(InputTypeError, match="src: expected a path or a list of paths, got int"):
        contact_sheet(3)
    with pytest.raises(InputTypeError, match="failures: expected a list or None, got dict"):
        contact_sheet(folder, failures={})


# The command


def test_the_command_writes_a_sheet(folder, capsys):
    out = folder / "sheet.png"
    assert main(["sheet", str(folder), str(out)]) == 0
    printed = capsys.readouterr()
    assert printed.out == f"{out}: 3 pictures, 1 left out, 0 failed\n"
    assert "notes.txt: left out" in printed.err
    assert (
        np.asarray(aikit.read_pil(out))
        == np.asarray(contact_sheet([folder / n for n in ("b.png", "c.tiff", "below/a.png")]))
    ).all()
    # Its own result is no picture of the folder.
    assert main(["sheet", str(folder), str(out), "--overwrite", "--side", "64", "--columns", "1"]) == 0
    assert capsys.readouterr().out.startswith(f"{out}: 3 pictures,")
    assert aikit.read_pil(out).width == 64 + 24


def test_the_command_lists_what_failed(folder, capsys, tmp_path):
    (folder / "a.png").write_bytes(b"nothing")
    assert main(["sheet", str(folder), str(tmp_path / "sheet.jpg"), "--untrusted"]) == 1
    printed = capsys.readouterr()
    assert "3 pictures, 1 left out, 1 failed" in printed.out
    assert f"{folder / 'a.png'}: expected" in printed.err


@pytest.mark.parametrize(
    ("name", "more", "message"),
    [
        ("sheet", [], "OUT: expected a file name with a suffix"),
        ("sheet.xyz", [], "OUT: expected one of png, jpeg"),
        ("b.png", [], "expected no file there, got one; pass --overwrite"),
        ("new.png", ["--side", "4"], "--side: expected 32 or more, got 4"),
        ("new.png", ["--columns", "0"], "--columns: expected 1 or more"),
    ],
)
def test_the_command_refuses(folder, capsys, name, more, message):
    assert main(["sheet", str(folder), str(folder / name), *more]) == 2
    assert message in capsys.readouterr().err
    assert not (folder / "new.png").exists()


def test_the_command_says_how_many_are_too_many(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(importlib.import_module("aikit.show.sheet"), "MOST_PIXELS", 100_000)
    for number in range(3):
        aikit.write(codes(8, 8, 3), tmp_path / f"{number}.png")
    assert main(["sheet", str(tmp_path), str(tmp_path / "out" / "sheet.png")]) == 2
    assert (
        "SRC: expected at most 1 pictures of 240 pixels on a sheet, got 3; name fewer, or pass a smaller --side"
        in capsys.readouterr().err
    )
