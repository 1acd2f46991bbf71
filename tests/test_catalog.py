"""Catalogues on SQLite, MariaDB and PostgreSQL: scanned, found, asked in SQL, tagged."""

import dataclasses
import datetime as dt
import os
import shutil

import numpy as np
import pytest
from PIL import Image

import aikit
from aikit.catalog import open_catalog, picture_hash, scan as scanning
from aikit.errors import (
    FileAccessError,
    FileFormatError,
    InputTypeError,
    InputValueError,
    MissingDependencyError,
)
from pictures import codes


def picture(height, width, channels):
    return Image.fromarray(codes(height, width, channels))


def moment(*parts):
    """As a camera writes it: without a zone."""
    return dt.datetime(*parts)  # noqa: DTZ001


@pytest.fixture
def catalog(catalog_url):
    with open_catalog(catalog_url) as catalog:
        yield catalog


@pytest.fixture
def folder(tmp_path):
    """Five files: three pictures that differ, a damaged one, and a text."""
    folder = tmp_path / "photos"
    (folder / "deep").mkdir(parents=True)
    picture(30, 41, 3).save(folder / "a.png")
    picture(20, 50, 4).save(folder / "deep" / "alpha.webp", lossless=True)
    exif = Image.Exif()
    exif[0x0112] = 6
    exif.get_ifd(0x8769).update({0x9003: "2026:05:01 12:34:56", 0x9011: "+08:00", 0x9291: "25"})
    picture(24, 32, 3).save(folder / "turned.jpg", exif=exif, quality=95)
    (folder / "cut.png").write_bytes((folder / "a.png").read_bytes()[:60])
    (folder / "read me.txt").write_text("no picture")
    return folder


@pytest.fixture
def decoded(monkeypatch):
    """The names of the files that were decoded."""
    names = []
    look = scanning.look

    def note(data, name, limits):
        names.append(os.path.basename(name))
        return look(data, name, limits)

    monkeypatch.setattr(scanning, "look", note)
    return names


def counts(report):
    return {name: value for name, value in dataclasses.asdict(report).items() if isinstance(value, int) and value}


# ---------------------------------------------------------------- scan


def test_scan_reads_what_there_is(catalog, folder):
    report = catalog.scan(folder)
    assert counts(report) == {"done": 3, "failed": 1, "left": 1}
    assert [os.path.basename(each.path) for each in report.failures] == ["cut.png"]
    row = catalog.get(folder / "turned.jpg")
    assert (row.width, row.height, row.orientation, row.format) == (24, 32, 6, "jpeg")
    assert (row.taken, row.taken_offset) == (moment(2026, 5, 1, 12, 34, 56, 250_000), 480)
    assert row.picture_hash == picture_hash(aikit.read_pil(folder / "turned.jpg"))
    assert row.bytes == (folder / "turned.jpg").stat().st_size
    assert row.mtime_ns == (folder / "turned.jpg").stat().st_mtime_ns
    alpha = catalog.get(folder / "deep" / "alpha.webp")
    assert (alpha.alpha, alpha.transparent, alpha.mode, alpha.depth) == (True, True, "RGBA", 8)
    cut = catalog.get(folder / "cut.png")
    assert (cut.status, cut.code, cut.format) == ("failed", "truncated", None)
    assert cut.error == report.failures[0].message
    assert cut.digest is not None


def test_scan_again_reads_nothing_and_tells_the_same(catalog, folder, decoded):
    first = catalog.scan(folder)
    before = list(catalog.find())
    decoded.clear()
    again = catalog.scan(folder)
    assert counts(again) == {"skipped": 3, "failed": 1, "left": 1}
    assert again.failures == first.failures
    assert decoded == []
    assert list(catalog.find()) == before


def test_retry_failed_reads_what_failed(catalog, folder, decoded):
    catalog.scan(folder)
    decoded.clear()
    assert counts(catalog.scan(folder, retry_failed=True)) == {"skipped": 3, "failed": 1, "left": 1}
    assert decoded == ["cut.png"]


def test_a_file_that_has_changed_is_read_again(catalog, folder, decoded):
    catalog.scan(folder)
    catalog.tag(folder / "a.png", "first")
    decoded.clear()
    picture(31, 40, 3).save(folder / "a.png")
    assert counts(catalog.scan(folder)) == {"done": 1, "skipped": 2, "failed": 1, "left": 1}
    assert decoded == ["a.png"]
    row = catalog.get(folder / "a.png")
    # Tags belong to what was there before.
    assert (row.width, row.tags) == (40, ())


def test_moved_files_keep_tags_and_are_not_decoded_again(catalog, folder, decoded):
    catalog.scan(folder)
    catalog.tag(folder / "a.png", "keep", "日本")
    catalog.note(folder / "a.png", "a note")
    decoded.clear()
    moved = folder.with_name("moved")
    folder.rename(moved)
    (moved / "a.png").rename(moved / "z.png")
    report = catalog.scan(moved)
    assert decoded == ["cut.png"]  # nobody has ever known what is in it
    assert counts(report) == {"done": 3, "known": 3, "failed": 1, "left": 1, "missing": 4}
    row = catalog.get(moved / "z.png")
    assert (row.tags, row.note, row.width) == (("keep", "日本"), "a note", 41)
    assert [each.path for each in catalog.find(tag="keep")] == [str(moved / "z.png")]
    assert {each.path for each in catalog.find(tag="keep", missing=None)} == {
        str(moved / "z.png"),
        str(folder / "a.png"),
    }


def test_what_is_gone_is_missing_until_it_is_back(catalog, folder):
    catalog.scan(folder)
    aside = folder.with_name("aside.png")
    (folder / "a.png").rename(aside)
    assert catalog.scan(folder).missing == 1
    assert catalog.get(folder / "a.png").missing
    aside.rename(folder / "a.png")
    assert catalog.scan(folder).missing == 0
    assert not catalog.get(folder / "a.png").missing


def test_scan_of_another_folder_marks_nothing_missing(catalog, folder):
    catalog.scan(folder)
    shutil.rmtree(folder / "deep")
    (folder.with_name("photos2")).mkdir()
    assert catalog.scan(folder.with_name("photos2")).missing == 0
    assert not catalog.get(folder / "deep" / "alpha.webp").missing


def test_copies_are_one_picture(catalog, folder):
    shutil.copy(folder / "a.png", folder / "copy.png")
    catalog.scan(folder)
    rows = [catalog.get(folder / name) for name in ("a.png", "copy.png")]
    assert rows[0].picture == rows[1].picture
    assert catalog.stats()["pictures"] == 4


def test_scan_with_limits_is_the_same_and_refuses_what_is_too_large(catalog, folder):
    catalog.scan(folder, limits=aikit.Limits(max_pixels=1010))
    row = catalog.get(folder / "a.png")
    assert (row.status, row.code) == ("failed", "limit_exceeded")
    assert catalog.get(folder / "turned.jpg").taken == moment(2026, 5, 1, 12, 34, 56, 250_000)
    assert catalog.get(folder / "deep" / "alpha.webp").transparent


def test_scan_reports_what_is_written(catalog_url, folder, monkeypatch):
    monkeypatch.setattr(scanning, "BATCH", 2)
    told = []
    with open_catalog(catalog_url) as catalog, open_catalog(catalog_url) as other:
        catalog.scan(folder, progress=lambda report: told.append((report.done, other.stats()["status"].get("done", 0))))
    assert told[-1] == (3, 3)
    assert all(there >= done for done, there in told)


def test_ctrl_c_keeps_what_was_found(catalog, folder, monkeypatch):
    look = scanning.look

    def stop(data, name, limits):
        if name.endswith("turned.jpg"):
            raise KeyboardInterrupt("here")
        return look(data, name, limits)

    monkeypatch.setattr(scanning, "look", stop)
    with pytest.raises(KeyboardInterrupt, match="here"):
        catalog.scan(folder, workers=1)
    assert catalog.stats()["status"] == {"done": 1, "failed": 1}


def test_the_catalogue_in_the_folder_is_no_file_of_it(tmp_path):
    picture(8, 9, 3).save(tmp_path / "a.png")
    with open_catalog(tmp_path / "catalog.sqlite") as catalog:
        assert counts(catalog.scan(tmp_path)) == {"done": 1}


def test_documents_animations_and_16_bits(catalog, tmp_path):
    frames = [picture(10, 12, 3), picture(10, 12, 3).rotate(180)]
    frames[0].save(tmp_path / "two.gif", save_all=True, append_images=frames[1:])
    (tmp_path / "drawn.svg").write_text(
        '<svg xmlns="http://www.w3.org/2000/svg" width="20" height="10"><rect width="9" height="9"/></svg>'
    )
    document = aikit.new_psd(height=14, width=13)
    document.add(picture(14, 13, 4), name="layer")
    document.write(tmp_path / "page.psd")
    aikit.write(np.arange(30 * 20, dtype=np.uint16).reshape(30, 20) * 100, tmp_path / "deep.png")
    Image.new("RGB", (9, 8), "red").save(tmp_path / "flat.bmp")
    assert catalog.scan(tmp_path).failures == []
    found = {row.path[len(str(tmp_path)) + 1 :]: row for row in catalog.find()}
    assert {name: (row.format, row.width, row.height, row.depth, row.frames, row.flat) for name, row in found.items()} == {
        "two.gif": ("gif", 12, 10, 8, 2, False),
        "drawn.svg": ("svg", 20, 10, 8, 1, False),
        "page.psd": ("psd", 13, 14, 8, 1, False),
        "deep.png": ("png", 20, 30, 16, 1, False),
        "flat.bmp": ("bmp", 9, 8, 8, 1, True),
    }  # fmt: skip
    assert found["flat.bmp"].picture_hash is None


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda c: c.scan("/nowhere/at/all"), FileAccessError, "expected a folder, got nothing there; check the path"),
        (lambda c: c.scan(7), InputTypeError, "folder: expected a path, got int"),
        (lambda c: c.scan(".", workers=0), InputValueError, "workers: expected 1 or more, got 0"),
        (lambda c: c.scan(".", limits=3), InputTypeError, "limits: expected Limits or None, got 3"),
        (lambda c: c.scan(".", retry_failed=1), InputTypeError, "retry_failed: expected True or False, got 1"),
    ],
)
def test_scan_says_what_is_wrong(tmp_path, call, kind, message):
    with open_catalog(tmp_path / "c.sqlite") as catalog, pytest.raises(kind, match=message):
        call(catalog)


# ---------------------------------------------------------------- root


def test_a_catalogue_with_a_root_moves_with_its_pictures(folder, decoded):
    with open_catalog(folder / "catalog.sqlite", root=folder) as catalog:
        catalog.scan(folder)
        catalog.tag("deep/alpha.webp", "glass")
        assert catalog.get("deep/alpha.webp") == catalog.get(folder / "deep" / "alpha.webp")
    decoded.clear()
    moved = folder.with_name("elsewhere")
    folder.rename(moved)
    with open_catalog(moved / "catalog.sqlite", root=moved) as catalog:
        assert counts(catalog.scan(moved)) == {"skipped": 3, "failed": 1, "left": 1}
        assert [row.path for row in catalog.find(tag="glass")] == [os.path.join("deep", "alpha.webp")]
    assert decoded == []


def test_one_file_has_one_name_whatever_link_leads_to_it(catalog, folder):
    link = folder.with_name("link")
    link.symlink_to(folder)
    catalog.scan(folder)
    assert catalog.scan(link).skipped == 3
    assert catalog.get(link / "deep" / ".." / "a.png").width == 41


# ---------------------------------------------------------------- find


def paths(rows):
    return sorted(os.path.basename(row.path) for row in rows)


# What is asked, and what is found: one scan for all of them.
FINDS = [
    ({}, ["a.png", "alpha.webp", "cut.png", "turned.jpg"]),
    ({"status": "failed"}, ["cut.png"]),
    ({"code": "truncated"}, ["cut.png"]),
    ({"code": "corrupt"}, []),
    ({"alpha": True}, ["alpha.webp"]),
    ({"alpha": False}, ["a.png", "turned.jpg"]),
    ({"transparent": True}, ["alpha.webp"]),
    ({"min_width": 41}, ["a.png", "alpha.webp"]),
    ({"min_width": 41, "min_height": 30}, ["a.png"]),
    ({"format": "jpeg"}, ["turned.jpg"]),
    ({"tag": "one"}, ["a.png", "turned.jpg"]),
    ({"tag": ("one", "two")}, ["turned.jpg"]),
    ({"tag": "One"}, []),
    ({"taken": (dt.date(2026, 5, 1), dt.date(2026, 5, 2))}, ["turned.jpg"]),
    ({"taken": (dt.date(2026, 5, 2), None)}, []),
    ({"taken": (None, moment(2026, 5, 1, 12, 34, 56, 250_000))}, []),
    ({"taken": (moment(2026, 5, 1, 12, 34, 56, 250_000), None)}, ["turned.jpg"]),
    ({"missing": True}, []),
]


def test_find(catalog, folder):
    catalog.scan(folder)
    catalog.tag(folder / "a.png", "one")
    catalog.tag(folder / "turned.jpg", "one", "two")
    assert [(asked, paths(catalog.find(**asked))) for asked, _ in FINDS] == FINDS


def test_find_goes_page_by_page_and_sees_what_comes_meanwhile(catalog, folder, monkeypatch):
    from aikit.catalog import find as finding

    catalog.scan(folder)
    monkeypatch.setattr(finding.find_pages, "__defaults__", (2,))
    rows = catalog.find()
    seen = [next(rows)]
    picture(9, 9, 3).save(folder / "later.png")
    catalog.scan(folder)  # nothing of the reader's is locked
    seen += rows
    assert [row.id for row in seen] == sorted({row.id for row in seen})
    assert len(seen) == 5


def test_find_near_comes_nearest_first(catalog, folder):
    photo = picture(64, 96, 3).resize((192, 128), Image.Resampling.BICUBIC)
    photo.save(folder / "photo.png")
    photo.save(folder / "photo.jpg", quality=60)
    catalog.scan(folder)
    small = aikit.resize(photo, width=80)
    found = list(catalog.find(near=small, distance=6))
    assert paths(found) == ["photo.jpg", "photo.png"]
    hashed = picture_hash(small)
    apart = [((row.picture_hash ^ hashed) & (2**64 - 1)).bit_count() for row in found]
    assert apart == sorted(apart)
    assert paths(catalog.find(near=hashed, distance=6, format="jpeg")) == ["photo.jpg"]
    assert len(list(catalog.find(near=hashed, distance=64))) == 5
    assert list(catalog.find(near=Image.new("L", (9, 9)))) == []


def test_find_near_sees_what_others_have_added(catalog_url, folder):
    with open_catalog(catalog_url) as one, open_catalog(catalog_url) as other:
        one.scan(folder)
        new = picture(40, 44, 3).rotate(90, expand=True)
        assert list(one.find(near=new, distance=0)) == []
        new.save(folder / "new.png")
        other.scan(folder)
        assert paths(one.find(near=new, distance=0)) == ["new.png"]


@pytest.mark.parametrize(
    ("asked", "kind", "message"),
    [
        ({"alpha": "yes"}, InputTypeError, "alpha: expected True or False, got 'yes'"),
        ({"status": 3}, InputTypeError, "status: expected a text, got 3"),
        ({"min_width": "wide"}, InputTypeError, "min_width: expected a whole number, got 'wide'"),
        ({"taken": dt.date(2026, 1, 1)}, InputTypeError, r"taken: expected a pair of dates, \(from, before\)"),
        ({"taken": ("2026", None)}, InputTypeError, "taken: expected dates or datetimes, got '2026'"),
        (
            {"taken": (dt.datetime(2026, 1, 1, tzinfo=dt.UTC), None)},
            InputValueError,
            r"taken: expected a time without a zone, as cameras write it, got 2026-01-01T00:00:00\+00:00 with one",
        ),
        ({"near": "a.png"}, InputTypeError, "read_pil"),
        ({"near": 3, "distance": -1}, InputValueError, "distance: expected 0 or more, got -1"),
        ({"colour": "red"}, InputTypeError, "colour"),
    ],
)
def test_find_says_what_is_wrong(tmp_path, asked, kind, message):
    with open_catalog(tmp_path / "c.sqlite") as catalog, pytest.raises(kind, match=message):
        list(catalog.find(**asked))


def test_duplicates_are_files_that_show_the_same(catalog, folder):
    photo = picture(64, 96, 3).resize((192, 128), Image.Resampling.BICUBIC)
    photo.save(folder / "photo.png")
    photo.resize((96, 64), Image.Resampling.BICUBIC).save(folder / "half.jpg", quality=80)
    photo.transpose(Image.Transpose.ROTATE_90).save(folder / "turned photo.png")
    shutil.copy(folder / "a.png", folder / "copy.png")
    shutil.copy(folder / "a.png", folder / "gone.png")
    for name in ("blank", "blank too"):
        Image.new("RGB", (20, 20), "white").save(folder / f"{name}.png")
    Image.new("RGB", (30, 30), "white").save(folder / "larger blank.png")
    catalog.scan(folder)
    (folder / "gone.png").unlink()
    catalog.scan(folder)

    def groups(**options):
        return [[os.path.basename(row.path) for row in group] for group in catalog.duplicates(**options)]

    same = [["a.png", "copy.png"], ["blank too.png", "blank.png"]]
    assert sorted(groups()) == [*same, ["half.jpg", "photo.png"]]
    assert sorted(groups(distance=3, turned=True)) == [*same, ["half.jpg", "photo.png", "turned photo.png"]]
    with_hash = [["a.png", "alpha.webp", "copy.png", "half.jpg", "photo.png", "turned photo.png", "turned.jpg"]]
    assert [sorted(group) for group in groups(distance=64)] == [["blank too.png", "blank.png"], *with_hash][::-1]
    assert groups(distance=3) == groups(distance=3)


# ---------------------------------------------------------------- tags and notes


def test_tags_come_and_go(catalog, folder):
    catalog.scan(folder)
    row = catalog.get(folder / "a.png")
    catalog.tag(row, "b", "a", "b")
    catalog.tag(row.picture, "ä", "A")
    catalog.tag(str(folder / "a.png"), "a")
    assert catalog.get(folder / "a.png").tags == ("A", "a", "b", "ä")
    catalog.untag(row, "a", "never")
    assert catalog.get(folder / "a.png").tags == ("A", "b", "ä")
    catalog.note(row, "one")
    catalog.note(row, "two")
    assert catalog.get(folder / "a.png").note == "two"
    catalog.note(row, None)
    assert catalog.get(folder / "a.png").note is None
    assert catalog.stats()["tag"] == {"A": 1, "b": 1, "ä": 1}


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda c: c.tag(1), InputValueError, "names: expected one tag or more, got none"),
        (lambda c: c.tag(1, ""), InputValueError, "names: expected 1 to 255 characters on one line"),
        (lambda c: c.tag(1, "a "), InputValueError, "without blanks around them, got 'a '"),
        (lambda c: c.tag(1, "a\nb"), InputValueError, "on one line"),
        (lambda c: c.tag(1, "x" * 256), InputValueError, "1 to 255"),
        (lambda c: c.tag(1, 7), InputTypeError, "names: expected texts, got 7"),
        (lambda c: c.tag(99, "x"), InputValueError, "picture: expected one that is in the catalogue, got '99'; scan"),
        (
            lambda c: c.tag("no.png", "x"),
            InputValueError,
            "picture: expected one that is in the catalogue, got 'no.png'",
        ),
        (lambda c: c.untag("no.png", "x"), InputValueError, "picture: expected one that is in the catalogue"),
        (lambda c: c.tag(1.5, "x"), InputTypeError, "picture: expected a row, a path or the number of a picture"),
        (lambda c: c.note(1, 7), InputTypeError, "text: expected a text or None, got 7"),
        (
            lambda c: c.note(1, "x" * 1_000_001),
            InputValueError,
            "text: expected at most 1000000 characters, got 1000001",
        ),
        (lambda c: c.forget(), InputValueError, "path: expected a file, or missing=True, got neither"),
        (lambda c: c.forget(missing="yes"), InputTypeError, "missing: expected True or False"),
    ],
)
def test_tag_and_forget_say_what_is_wrong(tmp_path, call, kind, message):
    with open_catalog(tmp_path / "c.sqlite") as catalog, pytest.raises(kind, match=message):
        call(catalog)


def test_forget_keeps_what_people_have_said(catalog, folder, decoded):
    shutil.copy(folder / "a.png", folder / "copy.png")
    catalog.scan(folder)
    catalog.tag(folder / "turned.jpg", "mine")
    saved = (folder / "turned.jpg").read_bytes()
    for name in ("turned.jpg", "copy.png", "deep/alpha.webp"):
        (folder / name).unlink()
    catalog.scan(folder)
    assert catalog.forget(missing=True) == 3
    assert catalog.forget(missing=True) == 0
    assert paths(catalog.find(missing=None)) == ["a.png", "cut.png"]
    assert catalog.stats()["pictures"] == 3  # a.png, cut.png, and what has a tag
    (folder / "back.jpg").write_bytes(saved)
    decoded.clear()
    assert catalog.scan(folder).known == 1
    assert decoded == []
    assert catalog.get(folder / "back.jpg").tags == ("mine",)
    assert catalog.forget(folder / "back.jpg") == 1
    assert (folder / "back.jpg").exists()


# ---------------------------------------------------------------- SQL


def test_sql_gives_rows(catalog, folder):
    catalog.scan(folder)
    text = """
        SELECT format, count(*) AS many, max(width) AS widest FROM file JOIN picture ON picture.id = picture_id
        WHERE width >= :least AND format IN :formats GROUP BY format ORDER BY format
    """
    assert catalog.sql(text, least=10, formats=["jpeg", "png", "gif"]) == [
        {"format": "jpeg", "many": 1, "widest": 24},
        {"format": "png", "many": 1, "widest": 41},
    ]


WRONG_SQL = [
    ("DELETE FROM tag", {}, InputValueError, "text: expected SQL that only reads, got .*; write a SELECT"),
    ("PRAGMA journal_mode = DELETE", {}, InputValueError, "text: expected SQL that only reads"),
    ("DROP TABLE tag", {}, InputValueError, "text: expected SQL that only reads"),
    ("-- SELECT\n DROP TABLE tag", {}, InputValueError, "text: expected SQL that only reads"),
    ("/*! DROP TABLE tag */", {}, InputValueError, "text: expected SQL that only reads"),
    ("", {}, InputValueError, "text: expected SQL that only reads, got ''"),
    ("WITH x AS (SELECT 1) INSERT INTO tag SELECT 1, 'x'", {}, InputValueError, "text: expected SQL that"),
    ("SELECT FROM WHERE", {}, InputValueError, "text: expected SQL that this database takes, got .*; mend it"),
    ("SELECT nothing FROM file", {}, InputValueError, "text: expected SQL that this database takes, got .*nothing"),
    ("SELECT :a", {}, InputValueError, "params: expected a value for :a, got none; pass a="),
    ("SELECT 1", {"b": 2}, InputValueError, "params: expected a value for each :name of the text, got b="),
    (
        "SELECT :a",
        {"a": 2**63},
        InputValueError,
        "a: expected a whole number of 64 bits.*pass hashes as picture_hash",
    ),
    (b"SELECT 1", {}, InputTypeError, "text: expected a text of SQL"),
]


def test_sql_says_what_is_wrong_and_changes_nothing(catalog):
    for text, params, kind, message in WRONG_SQL:
        with pytest.raises(kind, match=message):
            catalog.sql(text, **params)
    assert catalog.sql("SELECT count(*) AS n FROM tag") == [{"n": 0}]


# ---------------------------------------------------------------- opening


def test_open_catalog_is_at_the_top():
    assert aikit.open_catalog is open_catalog


@pytest.mark.parametrize(
    ("source", "kind", "message"),
    [
        (7, InputTypeError, "source: expected a path of SQLite, mysql://.*, got int"),
        ("", InputValueError, "source: expected the path of a file, got ''"),
        (":memory:", InputValueError, "source: expected the path of a file, got ':memory:'"),
        ("mongodb://host/db", InputValueError, "source: expected a path of SQLite, .*, got an address of 'mongodb'"),
        ("mysql://host", InputValueError, "source: expected the name of a database behind the host, got none"),
        (
            "mysql://u:hunter2@host:port/db",
            InputValueError,
            "source: expected an address such as .*, got one that cannot",
        ),
        ("/nowhere/at/all/c.sqlite", FileAccessError, "unable to open"),
        ("/tmp", FileAccessError, "/tmp: expected a file, got a folder; name a file in it, '/tmp/pictures.sqlite'"),
    ],
)
def test_open_says_what_is_wrong(source, kind, message):
    with pytest.raises(kind, match=message) as caught:
        open_catalog(source)
    assert "hunter2" not in "".join(map(str, [caught.value, caught.value.__cause__]))


def test_open_refuses_what_is_no_catalogue(tmp_path):
    (tmp_path / "text.sqlite").write_text("this is no database at all, " * 50)
    with pytest.raises(FileFormatError, match="expected a catalogue, got a file that is none, or a damaged one"):
        open_catalog(tmp_path / "text.sqlite")
    assert (tmp_path / "text.sqlite").read_text().startswith("this is no database")


def test_open_refuses_tables_of_something_else(catalog_url):
    import sqlalchemy as sa

    from aikit.catalog.address import read_address

    engine = sa.create_engine(read_address(catalog_url).url)
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE tag (id INTEGER)"))
    engine.dispose()
    with pytest.raises(FileFormatError, match="got a table tag of something else; use another database"):
        open_catalog(catalog_url)


def test_root_must_be_a_folder(tmp_path):
    with pytest.raises(InputValueError, match="root: expected a folder, got"):
        open_catalog(tmp_path / "c.sqlite", root=tmp_path / "none")


def test_a_closed_catalogue_says_so(tmp_path):
    catalog = open_catalog(tmp_path / "c.sqlite")
    catalog.close()
    with pytest.raises(InputValueError, match="catalog: expected an open catalogue, got one that was closed; open it"):
        catalog.stats()


def test_an_open_catalogue_goes_to_no_other_process(tmp_path):
    import pickle

    with open_catalog(tmp_path / "c.sqlite") as catalog, pytest.raises(InputTypeError, match="open it in each process"):
        pickle.dumps(catalog)


def test_without_its_packages_it_says_what_to_install(tmp_path, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "pymysql", None)
    with pytest.raises(
        MissingDependencyError, match="source: expected the package pymysql, got none; run: pip install"
    ):
        open_catalog("mysql://host/db")
    monkeypatch.delitem(sys.modules, "aikit.catalog.catalog")
    monkeypatch.setitem(sys.modules, "sqlalchemy", None)
    for name in [name for name in sys.modules if name.startswith("aikit.catalog.")]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(MissingDependencyError, match=r"aikit.catalog.open_catalog: expected the package sqlalchemy"):
        _ = aikit.catalog.open_catalog
