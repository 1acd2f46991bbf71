"""catalog/duplicates.py and `aikit catalog duplicates`: which files show the same, which to keep, and the others deleted."""

import json
import os

import numpy as np
import pytest
from PIL import Image
from skimage import data

import aikit
from aikit import FileAccessError, InputValueError
from aikit.catalog import open_catalog, pick_best
from aikit.catalog.duplicates import choose_kept, delete_copy
from aikit.cli import main


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Two photographs with copies of them, one alone, blank paper twice; and a catalogue."""
    monkeypatch.chdir(tmp_path)
    photos = tmp_path / "photos"
    photos.mkdir()
    cat, rocket = Image.fromarray(data.cat()), Image.fromarray(data.rocket())
    cat.save(photos / "cat.png")
    cat.reduce(2).save(photos / "cat small.jpg", quality=90)
    (photos / "cat again.png").write_bytes((photos / "cat.png").read_bytes())
    rocket.save(photos / "rocket.jpg", quality=95)
    rocket.transpose(Image.Transpose.ROTATE_90).save(photos / "rocket turned.jpg", quality=95)
    Image.fromarray(data.coffee()).save(photos / "coffee.png")
    for name in ("blank a.png", "blank b.png"):
        Image.new("RGB", (40 + len(os.listdir(photos)), 40), "white").save(photos / name)
    assert main(["catalog", "scan", "c.sqlite", "photos"]) == 0
    return tmp_path


@pytest.fixture
def run(capsys, place):
    capsys.readouterr()

    def run(*arguments):
        status = main(["catalog", "duplicates", "c.sqlite", *arguments])
        return status, *capsys.readouterr()

    return run


def names(place):
    return sorted(os.listdir(place / "photos"))


def test_groups_are_listed(run, place):
    status, out, err = run()
    # Blank pages show nothing by which they could be told to be the same.
    assert (status, err) == (0, "")
    *files, last = out.splitlines()
    assert {line.partition("photos/")[2].partition("  ")[0] for line in files} == {
        "cat.png",
        "cat again.png",
        "cat small.jpg",
    }
    assert [line.startswith("  ") for line in files] == [False, True, True]
    assert last == "1 groups, 3 files"
    assert run("--distance", "4")[1].splitlines()[-1] == "1 groups, 3 files"
    assert run("--distance", "4", "--turned")[1].splitlines()[-1] == "2 groups, 5 files"


def test_the_best_is_kept_and_nothing_deleted_without_a_word(run, place):
    before = names(place)
    size = (place / "photos" / "cat.png").stat().st_size + (place / "photos" / "cat small.jpg").stat().st_size
    for more in ([], ["--dry-run"], ["--dry-run", "--delete"]):
        status, out, _ = run("--distance", "4", "--keep", "best", *more)
        assert status == 0
        first, *copies, last = out.splitlines()
        assert first.startswith("keep ")
        assert "photos/cat.png  451x300 png  " in first
        assert sorted(line.partition("photos/")[2].partition("  ")[0] for line in copies) == [
            "cat again.png",
            "cat small.jpg",
        ]
        assert last == f"1 groups, 3 files, 2 could be deleted, {size:,} bytes"
    assert names(place) == before


def test_delete_takes_the_copies_away(run, place):
    with open_catalog("c.sqlite") as catalog:
        catalog.tag("photos/cat small.jpg", "animal")
        catalog.tag("photos/cat again.png", "pet")
    status, out, err = run("--distance", "4", "--turned", "--keep", "best", "--delete")
    assert (status, err) == (0, "")
    assert "3 deleted" in out
    left = names(place)
    assert [name for name in left if "cat" in name] == ["cat.png"]
    assert len([name for name in left if "rocket" in name]) == 1
    assert {"coffee.png", "blank a.png", "blank b.png"} <= {*left}
    with open_catalog("c.sqlite") as catalog:
        assert catalog.get("photos/cat.png").tags == ("animal", "pet")
        assert catalog.get("photos/cat again.png") is None
        assert not [*catalog.duplicates(distance=4, turned=True)]
    assert (
        run("--distance", "4", "--turned", "--keep", "best", "--delete")[1] == "0 groups, 0 files, 0 deleted, 0 bytes\n"
    )


def test_what_has_changed_since_is_left(run, place):
    (place / "photos" / "cat small.jpg").write_bytes((place / "photos" / "coffee.png").read_bytes())
    status, out, err = run("--keep", "best", "--delete")
    assert status == 1
    assert out.splitlines()[-1].startswith("1 groups, 3 files, 1 deleted, 220,782 bytes, 1 left")
    assert (
        "cat small.jpg: expected the file that was scanned, got one that has changed since; scan its folder again."
        in err
    )
    assert "cat small.jpg" in names(place)


@pytest.mark.parametrize("how", ["kept changed", "kept gone", "gone", "link", "hard link", "note"])
def test_a_copy_is_deleted_only_where_nothing_can_be_lost(place, how):
    with open_catalog("c.sqlite") as catalog:
        kept, copy = catalog.get("photos/cat again.png"), catalog.get("photos/cat small.jpg")
        if how == "note":
            catalog.note(copy, "the first print")
            copy = catalog.get("photos/cat small.jpg")
    if how == "kept changed":
        os.utime(kept.path, ns=(1, 1))
    elif how == "kept gone":
        os.unlink(kept.path)
    elif how == "gone":
        os.unlink(copy.path)
    elif how == "link":
        os.unlink(copy.path)
        os.symlink(kept.path, copy.path)
    elif how == "hard link":
        os.unlink(copy.path)
        os.link(kept.path, copy.path)
        copy = aikit.catalog.Row(**{**{name: getattr(copy, name) for name in copy.__slots__}, "bytes": kept.bytes, "mtime_ns": kept.mtime_ns})  # fmt: skip
    message = {
        "kept changed": "cat again.png: expected the file that was scanned", "kept gone": "cat again.png: expected a file, got 'No such",
        "gone": "small.jpg: expected a file, got 'No such", "link": "expected a file, got a link or a device",
        "hard link": "expected another file than the one that is kept, got the same under another name",
        "note": "expected a picture without a note, got 'the first print'",
    }[how]  # fmt: skip
    with pytest.raises(FileAccessError, match=message):
        delete_copy(copy.path, kept.path, copy, kept)
    assert how == "gone" or os.path.lexists(copy.path)


def row(number, **fields):
    empty = dict.fromkeys(aikit.catalog.Row.__slots__)
    return aikit.catalog.Row(**{**empty, "id": number, "picture": number, "path": f"{number}", "tags": (), **fields})


def test_the_best_of_some():
    size = {"width": 40, "height": 30, "depth": 8, "frames": 1, "bytes": 1000, "mtime_ns": 5}
    ranked = [
        row(1, **{**size, "frames": 9, "width": 4}), row(2, **{**size, "width": 41, "depth": 1}), row(3, **{**size, "depth": 16}),
        row(4, **{**size, "transparent": True, "bytes": 1}), row(5, **{**size, "bytes": 1001, "mtime_ns": 9}),
        row(6, **{**size, "mtime_ns": 4}), row(7, **size), row(8, **size), row(9),
    ]  # fmt: skip
    for at in range(len(ranked)):
        assert pick_best(ranked[: at - 1 : -1] if at else ranked[::-1]).id == ranked[at].id
    with pytest.raises(InputValueError, match="rows: expected at least one, got none"):
        pick_best([])


def test_both_ends_of_a_chain_are_kept():
    chain = [row(at, picture_hash=2**at - 1, bytes=100 - at) for at in range(7)]
    kept = choose_kept(chain[::-1], distance=2, turned=False)
    assert [(best.id, sorted(copy.id for copy in copies)) for best, copies in kept] == [
        (0, [1, 2]),
        (3, [4, 5]),
        (6, []),
    ]
    same = [row(1, picture=7), row(2, picture=7), row(3, picture_hash=0)]
    assert [
        (best.id, [copy.id for copy in copies]) for best, copies in choose_kept(same, distance=9, turned=False)
    ] == [(1, [2]), (3, [])]


def test_json(run, place):
    groups = json.loads(run("--distance", "4", "--keep", "best", "--json")[1])
    assert [[each["keep"]["path"].rpartition("/")[2] for each in group] for group in groups] == [["cat.png"]]
    assert len(groups[0][0]["copies"]) == 2
    assert json.loads(run("--json")[1])[0][0]["keep"] is None


def test_delete_needs_keep(run, place):
    assert run("--delete")[::2] == (
        2,
        "aikit catalog: --delete: expected --keep best with it, got no --keep; say what is kept.\n",
    )


def test_a_root_is_where_the_files_are(place, capsys, monkeypatch):
    assert main(["catalog", "scan", "r.sqlite", "photos", "--root", "photos"]) == 0
    capsys.readouterr()
    assert main(["catalog", "duplicates", "r.sqlite", "--root", "photos", "--keep", "best", "--delete"]) == 0
    assert capsys.readouterr().out.startswith("keep cat.png  ")
    assert "cat again.png" not in names(place)


# Contact sheets


def test_a_sheet_of_duplicates(run, place):
    status, out, _ = run("--distance", "4", "--keep", "best", "--sheet", "sheet.png", "--columns", "3")
    assert status == 0
    assert out.startswith("sheet.png: 3 pictures, 0 failed\nkeep ")
    assert np.asarray(aikit.read_pil("sheet.png")).shape == (12 + 22 + 17 + 160 + 12, 3 * 252 + 12, 3)


def test_a_sheet_of_what_is_found(place, capsys):
    assert main(["catalog", "find", "c.sqlite", "--format", "jpeg", "--sheet", "found.png"]) == 0
    assert capsys.readouterr().out.endswith("found.png: 3 pictures, 0 failed\n")
    text = "SELECT file.path, width FROM file JOIN picture ON picture.id = picture_id WHERE width > :least"
    assert main(["catalog", "sql", "c.sqlite", text, "least=500", "--sheet", "wide.png", "--side", "64"]) == 0
    assert capsys.readouterr().out == "wide.png: 2 pictures, 0 failed\n"
    assert main(["catalog", "sql", "c.sqlite", "SELECT width FROM picture", "--sheet", "no.png"]) == 2
    assert "--sheet: expected a column named path, got width; select path among the others" in capsys.readouterr().err
    assert main(["catalog", "find", "c.sqlite", "--sheet", "found.png"]) == 2
    assert "found.png: expected no file there, got one; pass --overwrite" in capsys.readouterr().err
    assert main(["catalog", "find", "c.sqlite", "--sheet", "found"]) == 2
    assert "--sheet: expected a file name with a suffix" in capsys.readouterr().err
