"""aikit catalog: what it prints, and its exit status."""

import csv
import json
import os

import pytest
from PIL import Image

from aikit.catalog import open_catalog
from aikit.cli import main
from pictures import codes


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder to work in, with pictures in it, and a catalogue of them."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    for number in range(3):
        Image.fromarray(codes(20 + number, 30, 3 + number % 2)).save(tmp_path / "photos" / f"{number}.png")
    (tmp_path / "photos" / "cut.png").write_bytes((tmp_path / "photos" / "0.png").read_bytes()[:60])
    return tmp_path


@pytest.fixture
def run(capsys, place):
    def run(*arguments):
        status = main(["catalog", *map(str, arguments)])
        return status, *capsys.readouterr()

    return run


@pytest.fixture
def scanned(run):
    run("scan", "c.sqlite", "photos")
    return run


def test_scan_counts_and_names_what_failed(run):
    status, out, err = run("scan", "c.sqlite", "photos")
    assert (status, out) == (1, "3 read, 1 failed\n")
    assert err.startswith("  photos/cut.png: expected a whole PNG file, got")
    status, out, err = run("scan", "c.sqlite", "photos")
    assert (status, out) == (1, "0 read, 3 as they were, 1 failed\n")
    os.rename("photos", "moved")
    os.unlink("moved/cut.png")
    status, out, err = run("scan", "c.sqlite", "moved", "--jobs", "1")
    assert (status, out, err) == (0, "3 read (3 known), 3 missing, 0 failed\n", "")


def test_scan_as_json(run):
    status, out, _ = run("scan", "c.sqlite", "photos", "photos/1.png", "--json")
    both = json.loads(out)
    assert status == 1
    assert [(each["done"], each["skipped"], each["codes"]) for each in both] == [(3, 0, {"truncated": 1}), (0, 1, {})]


def test_scan_with_limits(run):
    status, out, err = run("scan", "c.sqlite", "photos", "--untrusted", "--max-pixels", "640")
    assert (status, out) == (1, "2 read, 2 failed\n")
    assert "photos/2.png: expected at most 640 pixels" in err


def test_find_prints_a_table(scanned):
    status, out, _ = scanned("find", "c.sqlite")
    assert status == 0
    lines = [line.split() for line in out.splitlines()]
    assert lines[0] == ["file", "format", "size", "alpha", "bytes", "tags", "notes"]
    assert [os.path.basename(line[0]) for line in lines[1:]] == ["0.png", "1.png", "2.png", "cut.png"]
    assert lines[2][1:4] == ["png", "30x21", "used"]
    assert lines[4][-2:] == ["failed,", "truncated"]


@pytest.mark.parametrize(
    ("options", "names"),
    [
        (["--alpha"], ["1.png"]),
        (["--no-alpha"], ["0.png", "2.png"]),
        (["--status", "failed"], ["cut.png"]),
        (["--code", "truncated"], ["cut.png"]),
        (["--min-height", "21"], ["1.png", "2.png"]),
        (["--tag", "a", "--tag", "b"], ["2.png"]),
        (["--format", "jpeg"], []),
        (["--taken-from", "2000-01-01"], []),
        (["--missing"], []),
        (["--near", "photos/2.png", "--distance", "0"], ["2.png"]),
    ],
)
def test_find_takes_conditions(scanned, options, names):
    scanned("tag", "c.sqlite", "photos/2.png", "a", "b")
    scanned("tag", "c.sqlite", "photos/1.png", "a")
    status, out, _ = scanned("find", "c.sqlite", "--paths", *options)
    assert status == 0
    assert [os.path.basename(line) for line in out.splitlines()] == names
    status, out, _ = scanned("find", "c.sqlite", "--json", *options)
    assert [os.path.basename(row["path"]) for row in json.loads(out)] == names


def test_sql_prints_rows(scanned):
    text = "SELECT status, count(*) AS files, hex(min(digest)) IS NULL AS none FROM file LEFT JOIN picture ON picture.id = picture_id WHERE bytes > :least GROUP BY status"
    status, out, _ = scanned("sql", "c.sqlite", text, "least=60", "--json")
    assert (status, json.loads(out)) == (0, [{"status": "done", "files": 3, "none": 0}])
    _, out, _ = scanned("sql", "c.sqlite", text, "least=10")
    assert [line.split() for line in out.splitlines()] == [
        ["status", "files", "none"],
        ["done", "3", "0"],
        ["failed", "1", "0"],
    ]
    _, out, _ = scanned(
        "sql", "c.sqlite", "SELECT digest, seen FROM picture JOIN file ON picture.id = picture_id LIMIT 1", "--json"
    )
    with open_catalog("c.sqlite") as catalog:
        assert json.loads(out)[0]["digest"] == next(catalog.find()).digest


def test_tags_notes_and_forgetting(scanned):
    assert scanned("tag", "c.sqlite", "photos/0.png", "a", "b", "--note", "by us") == (0, "", "")
    scanned("tag", "c.sqlite", "photos/0.png", "a", "--remove")
    with open_catalog("c.sqlite") as catalog:
        assert (catalog.get("photos/0.png").tags, catalog.get("photos/0.png").note) == (("b",), "by us")
    scanned("tag", "c.sqlite", "photos/0.png", "--note", "")
    os.unlink("photos/1.png")
    scanned("scan", "c.sqlite", "photos")
    assert scanned("forget", "c.sqlite", "--missing")[:2] == (0, "1 forgotten\n")
    assert scanned("forget", "c.sqlite", "photos/2.png")[:2] == (0, "1 forgotten\n")
    with open_catalog("c.sqlite") as catalog:
        assert catalog.stats()["files"] == 2
        assert catalog.get("photos/0.png").note is None


def test_stats(scanned):
    scanned("tag", "c.sqlite", "photos/0.png", "a")
    status, out, _ = scanned("stats", "c.sqlite")
    assert status == 0
    assert [" ".join(line.split()) for line in out.splitlines() if not line.startswith("bytes")] == [
        "files 4", "missing 0", "pictures 4", "status done 3, failed 1", "code truncated 1", "format png 3", "tag a 1",
    ]  # fmt: skip
    assert json.loads(scanned("stats", "c.sqlite", "--json")[1])["format"] == {"png": 3}


def test_export(scanned, place):
    import pandas as pd

    scanned("tag", "c.sqlite", "photos/0.png", "a", "b")
    for name in ("all.parquet", "all.csv", "all.json", "some.csv"):
        options = ["--sql", "SELECT path FROM file WHERE status = :s", "s=failed"] if name == "some.csv" else []
        assert scanned("export", "c.sqlite", name, *options) == (0, "", "")
    frame = pd.read_parquet("all.parquet")
    with open("all.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    with open("all.json") as file:
        whole = json.load(file)
    assert frame["path"].tolist() == [row["path"] for row in rows] == [row["path"] for row in whole]
    assert (rows[0]["tags"], whole[0]["tags"], rows[0]["width"]) == ("a b", ["a", "b"], "30")
    lines = (place / "some.csv").read_text().splitlines()
    assert (lines[0], [os.path.basename(line) for line in lines[1:]]) == ("path", ["cut.png"])


def test_root_makes_paths_relative(run):
    run("scan", "c.sqlite", "photos", "--root", "photos")
    _, out, _ = run("find", "c.sqlite", "--root", "photos", "--paths", "--alpha")
    assert out == "1.png\n"
    assert run("tag", "c.sqlite", "1.png", "a", "--root", "photos")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["scan", "c.sqlite", "none"], "none: expected a folder, got nothing there; check the path."),
        (["scan", "c.sqlite", "photos", "--jobs", "0"], "--jobs: expected 1 or more, got 0"),
        (["find", "mongo://x/y"], "CATALOG: expected a path of SQLite, mysql://"),
        (["find", "c.sqlite", "--taken-from", "May"], "--taken-from: expected a date such as 2026-05-01, got 'May'"),
        (["find", "c.sqlite", "--near", "photos/0.png", "--distance", "-1"], "--distance: expected 0 or more, got -1"),
        (
            ["sql", "c.sqlite", "DROP TABLE file"],
            "SQL: expected SQL that only reads, got 'DROP TABLE file'; write a SELECT",
        ),
        (["sql", "c.sqlite", "SELECT :a"], "SQL: expected a value for :a, got none; pass a="),
        (
            ["sql", "c.sqlite", "SELECT :a", "a"],
            "NAME=VALUE: expected a name, = and a value, got 'a'; write code=corrupt",
        ),
        (["tag", "c.sqlite", "none.png", "a"], "PATH: expected one that is in the catalogue, got 'none.png'; scan"),
        (["tag", "c.sqlite", "photos/0.png"], "TAG: expected one tag or more, got none"),
        (
            ["export", "c.sqlite", "out.xlsx"],
            "OUT: expected a name that ends in .parquet, .csv or .json, got 'out.xlsx'",
        ),
        (
            ["export", "c.sqlite", "o.parquet", "--sql", "SELECT 1"],
            "OUT: expected a name that ends in .csv or .json for",
        ),
    ],
)
def test_what_is_wrong_is_said_in_its_words(run, arguments, message):
    status, out, err = run(*arguments)
    assert (status, out) == (2, "")
    assert err.startswith(f"aikit catalog: {message}")


def test_a_scan_of_long_says_how_far_it_is(run, monkeypatch, place):
    from aikit.cli import catalog as command

    monkeypatch.setattr(command, "_EVERY", 0.0)
    _, _, err = run("scan", "c.sqlite", "photos")
    assert "aikit catalog scan: 4 read, 0 as they were, " in err
