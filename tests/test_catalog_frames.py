"""Catalogues as DataFrames, Arrow tables, Parquet files and DuckDB, and DataFrames as rows."""

import datetime as dt
import os
import sys

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from aikit.catalog import open_catalog
from aikit.errors import FileAccessError, InputTypeError, InputValueError, MissingDependencyError
from pictures import codes


@pytest.fixture
def catalog(catalog_url, tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    exif = Image.Exif()
    exif[0x0110] = "camera"  # Pillow writes no block without a field of its own
    exif.get_ifd(0x8769).update({0x9003: "2026:05:01 12:34:56", 0x9291: "123456"})
    for number in range(6):
        Image.fromarray(codes(20 + number, 30, 4 if number == 1 else 3)).save(folder / f"{number}.png", exif=exif)
    Image.new("RGB", (9, 9), "red").save(folder / "flat 🎉.png")
    (folder / "cut.png").write_bytes((folder / "2.png").read_bytes()[:60])
    with open(os.fsencode(folder) + b"/\xff\xfe.png", "wb") as file:
        file.write((folder / "3.png").read_bytes())
    with open_catalog(catalog_url) as catalog:
        catalog.scan(folder)
        catalog.tag(folder / "1.png", "a", "日本")
        catalog.note(folder / "1.png", "seen\nby us")
        yield catalog


def without_numbers(frame):
    return frame.drop(columns=["id", "picture"]).sort_values("path", ignore_index=True)


def test_frame_has_a_row_a_file_in_nullable_types(catalog):
    frame = catalog.frame()
    rows = list(catalog.find(missing=None))
    assert len(frame) == len(rows) == 9
    assert str(frame.dtypes["picture_hash"]) == str(frame.dtypes["width"]) == "Int64"
    assert str(frame.dtypes["transparent"]) == "boolean"
    assert str(frame.dtypes["seen"]) == "datetime64[us, UTC]"
    assert str(frame.dtypes["taken"]) == "datetime64[us]"
    assert isinstance(frame.dtypes["format"], pd.StringDtype)
    # Hashes of 63 bits beside one that is missing: a float would be off.
    assert frame["picture_hash"].tolist() == [pd.NA if row.picture_hash is None else row.picture_hash for row in rows]
    assert frame["picture_hash"].isna().sum() == 2
    assert frame["mtime_ns"].tolist() == [row.mtime_ns for row in rows]
    assert [moment.to_pydatetime() for moment in frame["seen"]] == [row.seen for row in rows]
    assert frame["taken"].max() == pd.Timestamp("2026-05-01 12:34:56.123456")
    assert frame["tags"].tolist() == [list(row.tags) for row in rows]
    (raw,) = [each for each in frame["raw_path"] if each is not None]
    assert raw.endswith(b"/\xff\xfe.png")


def test_frame_of_a_query(catalog):
    frame = catalog.frame(
        "SELECT path, picture_hash, transparent, seen, width * 2 AS wide, taken FROM file LEFT JOIN picture "
        "ON picture.id = picture_id WHERE path LIKE '%.png' AND status <> :status ORDER BY file.id",
        status="failed",
    )
    assert str(frame.dtypes["picture_hash"]) == "Int64"
    assert str(frame.dtypes["transparent"]) == "boolean"
    assert str(frame.dtypes["wide"]) == "Int64"
    assert str(frame.dtypes["seen"].tz) == "UTC"
    rows = list(catalog.find(status="done"))
    assert frame["wide"].tolist() == [row.width * 2 for row in rows]
    assert frame["picture_hash"].tolist() == [pd.NA if row.picture_hash is None else row.picture_hash for row in rows]
    assert catalog.frame("SELECT path FROM file WHERE 1 = 0").columns.tolist() == ["path"]


@pytest.mark.parametrize("way", ["frame", "parquet"])
def test_frames_go_from_one_catalogue_to_another(catalog, tmp_path, way):
    frame = catalog.frame()
    if way == "parquet":
        catalog.to_parquet(tmp_path / "out.parquet")
        frame = pd.read_parquet(tmp_path / "out.parquet", dtype_backend="numpy_nullable")
    with open_catalog(tmp_path / "other.sqlite") as other:
        assert other.insert_frame(frame) == 9
        pd.testing.assert_frame_equal(without_numbers(other.frame()), without_numbers(catalog.frame()))
        # And once more: the same rows, no others.
        other.insert_frame(frame)
        pd.testing.assert_frame_equal(without_numbers(other.frame()), without_numbers(catalog.frame()))
        assert len(list(other.find(near=next(other.find(tag="a")).picture_hash, distance=0))) == 1
        assert catalog.insert_frame(other.frame()) == 9
    assert catalog.stats()["pictures"] == 8


def test_insert_frame_takes_some_columns_and_keeps_the_others(catalog):
    row = next(catalog.find(tag="a"))
    frame = pd.DataFrame({"path": [row.path], "digest": [row.digest.upper()], "note": ["new"], "tags": [["b"]]})
    catalog.insert_frame(frame)
    after = catalog.get(row.path)
    assert (after.note, after.tags, after.width, after.picture) == ("new", ("a", "b", "日本"), row.width, row.picture)
    catalog.insert_frame(
        pd.DataFrame({"path": ["/x/new.png"], "status": ["failed"], "code": ["corrupt"], "width": [None]})
    )
    assert next(catalog.find(code="corrupt")).path == "/x/new.png"


def test_insert_frame_keeps_keys_and_types(catalog):
    """What pandas' own to_sql(if_exists="replace") drops."""
    catalog.insert_frame(catalog.frame())
    import sqlalchemy as sa

    found = sa.inspect(catalog._database.engine)
    assert found.get_pk_constraint("file")["constrained_columns"] == ["id"]
    unique = [*found.get_unique_constraints("file"), *found.get_indexes("file")]
    assert ["path_key"] in [each["column_names"] for each in unique]
    assert not {each["name"]: each["nullable"] for each in found.get_columns("file")}["status"]


BAD = pd.DataFrame({"path": ["/x/1.png", "/x/2.png"]})


WRONG_FRAMES = [
    (
        {"colour": ["red", "blue"]},
        InputValueError,
        "frame: expected columns from id, path, .*, got 'colour' among them",
    ),
    (
        {"path": ["/x/1.png", "y.png"]},
        InputValueError,
        "path: expected absolute paths, got 'y.png'; open the catalogue",
    ),
    ({"path": ["/x/1.png", None]}, InputValueError, "path: expected a path in each row, got none"),
    (
        {"digest": ["00" * 32, "xyz"]},
        InputValueError,
        "digest: expected SHA-256 as 64 hexadecimal digits, got 'xyz'",
    ),
    (
        {"format": ["png", None]},
        InputValueError,
        "digest: expected one in each row that says something of a picture",
    ),
    ({"tags": [["a"], []]}, InputValueError, "digest: expected one in each row"),
    (
        {"seen": [dt.datetime(2026, 1, 1), dt.datetime(2026, 1, 1)]},  # noqa: DTZ001
        InputValueError,
        "seen: expected times with a zone, got 2026-01-01 00:00:00 without one; convert by .dt.tz_localize",
    ),
    (
        {"taken": [dt.datetime(2026, 1, 1, tzinfo=dt.UTC)] * 2},
        InputValueError,
        "taken: expected times without a zone",
    ),
    ({"seen": ["2026", "2025"]}, InputTypeError, "seen: expected datetimes, got '2026'"),
    (
        {"picture_hash": [4611686018427387905, None]},
        InputTypeError,
        "picture_hash: expected whole numbers, got the float",
    ),
    ({"picture_hash": [2**63 + 5, 1]}, InputValueError, "picture_hash: expected whole numbers of 64 bits, signed"),
    ({"bytes": [1.5, 2.0]}, InputTypeError, "bytes: expected whole numbers, got the float 1.5"),
    ({"status": [1, 2]}, InputTypeError, "status: expected values of the type str, got 1"),
]


def test_insert_frame_refuses_what_cannot_be_kept_and_writes_nothing(catalog):
    before = catalog.stats()
    for columns, kind, message in WRONG_FRAMES:
        with pytest.raises(kind, match=message):
            catalog.insert_frame(BAD.assign(**columns))
    assert catalog.stats() == before


def test_insert_frame_that_fails_half_way_leaves_nothing(catalog):
    """pandas' to_sql(chunksize=) keeps the chunks before the failure."""
    before = catalog.stats()
    rows = [f"/x/{number}.png" for number in range(1500)]
    statuses = ["done"] * 1499 + [None if catalog._database.engine.dialect.name == "sqlite" else "x" * 40]
    frame = pd.DataFrame({"path": rows, "status": statuses, "tags": [[]] * 1500})
    if catalog._database.engine.dialect.name == "sqlite":  # which cuts no texts: break the write behind the files
        frame["digest"] = "00" * 32
        frame.at[0, "tags"] = ["t"]
        import sqlalchemy as sa

        with catalog._database.engine.begin() as connection:
            connection.execute(
                sa.text(
                    "CREATE TRIGGER no BEFORE INSERT ON tag WHEN new.name = 't' BEGIN SELECT RAISE(ABORT, 'no'); END"
                )
            )
    with pytest.raises(FileAccessError, match=r"expected .*, got .*(no|too long)"):
        catalog.insert_frame(frame)
    assert catalog.stats() == before


def test_no_frame_is_no_frame(catalog):
    with pytest.raises(InputTypeError, match="frame: expected a pandas DataFrame, got list"):
        catalog.insert_frame([1])
    with pytest.raises(InputValueError, match=r"frame: expected columns from .*, got none named path"):
        catalog.insert_frame(pd.DataFrame({"status": ["done"]}))
    with pytest.raises(InputValueError, match="params: expected none without a query, got status; pass sql="):
        catalog.frame(status="done")


def test_duckdb_and_arrow_have_the_same_rows(catalog):
    table = catalog.to_arrow()
    assert table.num_rows == 9
    with catalog.to_duckdb() as db:
        found = db.execute("SELECT count(*), sum(bytes), max(seen), min(picture_hash) FROM files").fetchone()
        tags = db.execute("SELECT path FROM files WHERE list_contains(tags, '日本')").fetchall()
    frame = catalog.frame()
    assert found[:2] == (9, frame["bytes"].sum())
    assert found[2].astimezone(dt.UTC) == frame["seen"].max().to_pydatetime()
    assert found[3] == frame["picture_hash"].min()
    assert [os.path.basename(path) for (path,) in tags] == ["1.png"]


def test_parquet_is_whole_or_not_there(catalog, tmp_path, monkeypatch):
    from aikit.catalog import frames

    (tmp_path / "old.parquet").write_bytes(b"old")

    def fail(rows, name):
        raise KeyboardInterrupt("here")

    monkeypatch.setattr(frames, "_values", fail)
    with pytest.raises(KeyboardInterrupt, match="here"):
        catalog.to_parquet(tmp_path / "old.parquet")
    assert (tmp_path / "old.parquet").read_bytes() == b"old"
    assert not list(tmp_path.glob("*.part"))
    with pytest.raises(FileAccessError, match="expected a path that can be written, got"):
        catalog.to_parquet(tmp_path / "none" / "out.parquet")


def test_an_empty_catalogue_has_all_columns(tmp_path):
    with open_catalog(tmp_path / "empty.sqlite") as catalog:
        assert catalog.frame().empty
        catalog.to_parquet(tmp_path / "out.parquet")
        read = pd.read_parquet(tmp_path / "out.parquet")
        assert list(read.columns) == list(catalog.frame().columns)
        assert catalog.insert_frame(catalog.frame()) == 0


@pytest.mark.parametrize(
    ("package", "call"),
    [
        ("pandas", lambda c: c.frame()),
        ("pyarrow", lambda c: c.to_arrow()),
        ("duckdb", lambda c: c.to_duckdb()),
        ("pandas", lambda c: c.insert_frame(None)),
    ],
)
def test_what_is_not_installed_is_named(tmp_path, monkeypatch, package, call):
    with open_catalog(tmp_path / "c.sqlite") as catalog:
        monkeypatch.setitem(sys.modules, package, None)
        with pytest.raises(
            MissingDependencyError, match=f"catalog: expected the package {package}, got none; run: pip"
        ):
            call(catalog)


def test_numpy_values_are_taken(catalog):
    frame = pd.DataFrame({"path": ["/x/n.png"], "bytes": np.array([5], np.uint32), "missing": np.array([True])})
    catalog.insert_frame(frame)
    row = catalog.get("/x/n.png")
    assert (row.bytes, row.missing, row.status) == (5, True, "done")
