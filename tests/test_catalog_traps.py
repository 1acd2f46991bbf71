"""What breaks with pictures in databases elsewhere, and must hold here: each tried on every database."""

import datetime as dt
import errno
import logging
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
import traceback
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import psutil
import pytest
import sqlalchemy as sa
from PIL import Image

import aikit
from aikit.catalog import migrate, open_catalog
from aikit.catalog.address import read_address
from aikit.catalog.database import Database, translated
from aikit.catalog.schema import PICTURE, TAG, upsert, utc
from aikit.errors import FileAccessError, FileFormatError, InputTypeError, InputValueError
from pictures import codes

SOURCE = str(Path(aikit.__file__).parents[1])


@pytest.fixture
def catalog(catalog_url):
    with open_catalog(catalog_url) as catalog:
        yield catalog


def insert(catalog, **columns):
    """Rows of files that nobody has to have."""
    count = len(next(iter(columns.values())))
    numbers = {
        "path": [f"/x/{number}.png" for number in range(count)],
        "digest": [f"{number:064x}" for number in range(count)],
    }
    frame = pd.DataFrame({**numbers, **columns})
    catalog.insert_frame(frame)
    return frame


def run_python(code, *arguments):
    """Start a program of its own that knows this aikit and these tests."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([SOURCE, os.path.dirname(__file__)])}
    command = [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


# Tests of several processes take seconds: on PostgreSQL with the slow ones.
_ALL = ["sqlite", "mariadb", pytest.param("postgresql", marks=pytest.mark.slow)]
several_processes = pytest.mark.parametrize("catalog_url", _ALL, indirect=True)


def is_sqlite(catalog):
    return catalog._database.engine.dialect.name == "sqlite"


# ---------------------------------------------------------------- texts


def test_emoji_and_every_letter_survive_a_latin1_server(catalog):
    names = ["日本 🎉.jpg", "naïve.jpg", "имя.jpg", "\U0001f468\u200d\U0001f469\u200d\U0001f467.png"]
    insert(catalog, path=[f"/x/{name}" for name in names], note=names, format=["png"] * 4)
    catalog.tag(f"/x/{names[0]}", "🎉", "日本")
    rows = list(catalog.find())
    assert [row.path for row in rows] == sorted(f"/x/{name}" for name in names)
    assert {row.note for row in rows} == set(names)
    assert catalog.get(f"/x/{names[0]}").tags == ("日本", "🎉")
    assert catalog.sql("SELECT path FROM file WHERE path = :p", p=f"/x/{names[0]}") == [{"path": f"/x/{names[0]}"}]


def test_names_that_collations_merge_are_different_files(catalog):
    names = ["/x/a.jpg", "/x/A.jpg", "/x/ä.jpg", "/x/a\u0308.jpg", "/x/a.jpg ", "/x/a.jpg\t", "/x/ß.jpg", "/x/ss.jpg"]
    insert(catalog, path=names)
    assert sorted(row.path for row in catalog.find()) == sorted(names)
    for name in names:
        assert catalog.get(name).path == name


def test_tags_that_collations_merge_are_different_tags(catalog):
    insert(catalog, format=["png"])
    tags = ["a", "A", "ä", "a\u0308", "ß", "ss"]
    catalog.tag("/x/0.png", *tags)
    assert catalog.get("/x/0.png").tags == tuple(sorted(tags))
    assert list(catalog.find(tag="Ä")) == []


def test_names_that_are_no_text_keep_their_bytes(catalog, tmp_path):
    raw = os.fsencode(tmp_path) + b"/\xff\xfe \xe4.png"
    Image.fromarray(codes(9, 8, 3)).save(tmp_path / "a.png")
    os.rename(tmp_path / "a.png", raw)
    # What the name is shown as is another name.
    shown = raw.decode(errors="backslashreplace")
    catalog.scan(tmp_path)
    catalog.insert_frame(pd.DataFrame({"path": [shown]}))
    assert catalog.get(os.fsdecode(raw)).width == 8
    assert catalog.get(shown).width is None
    assert os.fsdecode(raw) in [row.path for row in catalog.find()]
    assert catalog.scan(tmp_path).skipped == 1


def test_paths_longer_than_any_key(catalog):
    long = ["/x/" + "/".join(["d" * 200] * 20) + f"/{end}.png" for end in "ab"]
    insert(catalog, path=long)
    assert [row.path for row in catalog.find()] == long
    assert catalog.get(long[1]).path == long[1]


def test_long_notes_are_whole(catalog):
    notes = ["é" * 1_000_000, "🎉" * 70_000, None]
    insert(catalog, note=notes, format=["png"] * 3)
    assert [row.note for row in catalog.find()] == notes


def test_more_in_one_batch_than_one_packet_holds(catalog):
    """17 MB in one statement is "MySQL server has gone away"."""
    notes = [chr(97 + number) * 1_000_000 for number in range(20)]
    insert(catalog, note=notes)
    assert sorted(row.note for row in catalog.find()) == notes


def test_one_value_that_no_statement_holds(catalog):
    many = 17_000_000
    if catalog._database.engine.dialect.name == "mysql":
        with pytest.raises(FileAccessError, match="max_allowed_packet"):
            catalog.sql("SELECT length(:x) AS n", x="a" * many)
    else:
        text = "SELECT length(CAST(:x AS TEXT)) AS n"
        assert catalog.sql(text, x="a" * many) == [{"n": many}]
    assert catalog.stats()["files"] == 0


# ---------------------------------------------------------------- times


def test_times_with_a_zone_are_kept_as_they_were(catalog):
    moment = dt.datetime(2026, 5, 1, 12, 0, 0, 123_456, tzinfo=dt.timezone(dt.timedelta(hours=8)))
    insert(catalog, seen=[moment])
    (row,) = catalog.find()
    assert (row.seen, row.seen.tzinfo) == (moment, dt.UTC)
    assert catalog.sql("SELECT seen FROM file")[0]["seen"] == moment
    text = "SELECT count(*) AS n FROM file WHERE seen = :moment"
    assert catalog.sql(text, moment=moment) == [{"n": 1}]
    assert catalog.sql(text, moment=moment.astimezone(dt.UTC)) == [{"n": 1}]
    assert catalog.sql(text, moment=moment + dt.timedelta(microseconds=1)) == [{"n": 0}]
    assert str(catalog.frame()["seen"].dtype) == "datetime64[us, UTC]"


def test_times_of_cameras_keep_clock_and_microseconds(catalog):
    taken = dt.datetime(2026, 3, 29, 2, 30, 0, 999_999)  # noqa: DTZ001 - an hour that clocks in Berlin left out
    insert(catalog, taken=[taken], taken_offset=[-570], format=["jpeg"])
    (row,) = catalog.find(taken=(taken, None))
    assert (row.taken, row.taken_offset) == (taken, -570)
    assert catalog.sql("SELECT count(*) AS n FROM picture WHERE taken = :t", t=taken) == [{"n": 1}]


@several_processes
def test_the_zone_of_a_session_moves_nothing(catalog, catalog_url):
    moment = dt.datetime(2026, 5, 1, 12, tzinfo=dt.UTC)
    insert(catalog, seen=[moment])
    code = """
        import sys
        from aikit.catalog import open_catalog
        with open_catalog(sys.argv[1]) as catalog:
            print(next(catalog.find()).seen.isoformat(), catalog.sql("SELECT seen FROM file")[0]["seen"].isoformat())
    """
    environment = dict(os.environ)
    try:
        os.environ["TZ"] = "Asia/Shanghai"
        child = run_python(code, catalog_url)
    finally:
        os.environ.clear()
        os.environ.update(environment)
    assert child.communicate(timeout=60)[0].split() == ["2026-05-01T12:00:00+00:00"] * 2


def test_a_time_without_a_zone_is_refused():
    with pytest.raises(
        InputValueError, match="seen: expected a datetime with a time zone, got 2026-05-01T00:00:00 without"
    ):
        utc("seen", dt.datetime(2026, 5, 1))  # noqa: DTZ001
    with pytest.raises(InputTypeError, match="seen: expected a datetime with a time zone, got '2026'"):
        utc("seen", "2026")


def test_a_clock_that_was_never_set_is_no_time(catalog, tmp_path):
    for number, text in enumerate(["0000:00:00 00:00:00", "    :  :     :  :  ", "2026:13:01 00:00:00", "junk"]):
        exif = Image.Exif()
        exif[0x0110] = "camera"
        exif.get_ifd(0x8769)[0x9003] = text
        Image.fromarray(codes(8 + number, 9, 3)).save(tmp_path / f"{number}.jpg", exif=exif)
    assert catalog.scan(tmp_path).done == 4
    assert {row.taken for row in catalog.find()} == {None}


def test_mysql_takes_no_zero_dates_and_cuts_nothing(mariadb):
    from conftest import new_database

    with open_catalog(new_database(mariadb)) as catalog:
        insert(catalog, format=["png"])
        for change in (
            "taken = '0000-00-00 00:00:00'",
            "format = repeat('x', 40)",
            "width = 99999999999",
            "mode = x'ff'",
        ):
            with pytest.raises(FileAccessError, match=r"expected .*, got .*(Incorrect|too long|Out of range)"):
                catalog._database.write(lambda c, change=change: c.execute(sa.text(f"UPDATE picture SET {change}")))
        assert next(catalog.find()).format == "png"


# ---------------------------------------------------------------- numbers

HASHES = [-(2**63), 2**63 - 1, -1, 0, 4611686018427387905, None]


def test_hashes_keep_all_64_bits(catalog):
    insert(catalog, picture_hash=pd.array(HASHES, dtype="Int64"), format=["png"] * 6)
    assert [row.picture_hash for row in catalog.find()] == HASHES
    assert catalog.frame()["picture_hash"].tolist()[:5] == HASHES[:5]
    text = "SELECT picture_hash FROM picture ORDER BY digest"
    assert [row["picture_hash"] for row in catalog.sql(text)] == HASHES
    found = catalog.frame(text)["picture_hash"]
    assert (found.tolist()[4], found.isna().tolist()[5]) == (4611686018427387905, True)
    assert [row.picture_hash for row in catalog.find(near=4611686018427387905, distance=0)] == [4611686018427387905]
    assert [row.picture_hash for row in catalog.find(near=-(2**63), distance=1)] == [-(2**63), 0]
    assert [row.picture_hash for row in catalog.find(near=2**63, distance=0)] == [-(2**63)]


def test_numbers_larger_than_any_float(catalog):
    size, changed = 2**53 + 1, 1_796_098_790_669_856_705
    insert(catalog, bytes=[size], mtime_ns=[changed])
    (row,) = catalog.find()
    assert (row.bytes, row.mtime_ns) == (size, changed)
    frame = catalog.frame()
    assert (frame["bytes"][0], frame["mtime_ns"][0]) == (size, changed)


def test_truth_is_truth(catalog):
    insert(catalog, alpha=[True, False, None], format=["png"] * 3)
    assert [row.alpha for row in catalog.find()] == [True, False, None]
    assert [row["alpha"] for row in catalog.sql("SELECT alpha FROM picture ORDER BY digest")] == [True, False, None]
    assert str(catalog.frame()["alpha"].dtype) == "boolean"


# ---------------------------------------------------------------- SQL


def test_values_are_never_part_of_the_sql(catalog):
    insert(catalog, format=["png", "jpeg"])
    pasted = "x' OR '1'='1"
    assert catalog.sql("SELECT path FROM file WHERE path = :p", p=pasted) == []
    assert list(catalog.find(format=pasted)) == []
    catalog.tag("/x/0.png", "'; DROP TABLE tag; --")
    assert catalog.get("/x/0.png").tags == ("'; DROP TABLE tag; --",)


def test_percent_signs_and_colons_are_what_they_are(catalog):
    insert(catalog, path=["/x/100%.png", "/x/12:30.png", "/x/a_b.png"])
    frame = catalog.frame("SELECT path FROM file WHERE path LIKE '/x/1%' AND status = :s ORDER BY path", s="done")
    assert frame["path"].tolist() == ["/x/100%.png", "/x/12:30.png"]
    assert catalog.sql("SELECT '%s %(x)s 12:30' AS text FROM file LIMIT 1") == [{"text": "%s %(x)s 12:30"}]
    assert catalog.sql("SELECT path FROM file WHERE path LIKE :like", like="%!%.png%".replace("!", ""))


def test_a_table_of_keys_alone_takes_what_is_there_already(catalog):
    insert(catalog, format=["png"])
    number = next(catalog.find()).picture
    rows = [{"picture_id": number, "name": "a"}] * 2
    catalog._database.write(lambda connection: upsert(connection, TAG, ["picture_id", "name"], rows))
    assert catalog.get("/x/0.png").tags == ("a",)


def test_what_others_write_is_seen_at_the_next_read(catalog, catalog_url):
    """A session that reads twice in one transaction of MySQL sees the same twice."""
    with open_catalog(catalog_url) as other:
        for number in range(3):
            assert len(list(catalog.find())) == number
            other.insert_frame(pd.DataFrame({"path": [f"/y/{number}.png"]}))


# ---------------------------------------------------------------- many at once

WRITERS = """
    import sys
    from aikit.catalog import open_catalog
    url, name = sys.argv[1:]
    with open_catalog(url) as catalog:
        row = catalog.get("/x/0.png")
        print("ready", flush=True)
        for number in range(50):
            catalog.tag(row, f"{name}-{number}")
"""


@several_processes
def test_eight_processes_write_fifty_times_each(catalog, catalog_url):
    insert(catalog, format=["png"])
    children = [run_python(WRITERS, catalog_url, name) for name in range(8)]
    assert [child.wait(120) for child in children] == [0] * 8
    assert len(catalog.get("/x/0.png").tags) == 400


@several_processes
def test_processes_open_one_new_catalogue(catalog_url):
    code = """
        import sys
        from aikit.catalog import open_catalog
        with open_catalog(sys.argv[1]) as catalog:
            print(catalog.stats()["files"])
    """
    children = [run_python(code, catalog_url) for _ in range(4)]
    assert [child.communicate(timeout=120)[0] for child in children] == ["0\n"] * 4


def test_threads_write_and_read_at_once(catalog):
    insert(catalog, format=["png"])
    failures = []

    def work(name):
        try:
            for number in range(20):
                catalog.tag("/x/0.png", f"{name}-{number}")
                assert catalog.get("/x/0.png") is not None
        except BaseException as error:  # noqa: BLE001 - told by the test
            failures.append(error)

    threads = [threading.Thread(target=work, args=(name,)) for name in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(catalog.get("/x/0.png").tags) == 160


@several_processes
def test_scans_of_several_processes_are_one(catalog, catalog_url, tmp_path):
    for number in range(40):
        Image.fromarray(codes(8, 9 + number, 3)).save(tmp_path / f"{number}.png")
    code = """
        import sys
        from aikit.catalog import open_catalog
        with open_catalog(sys.argv[1]) as catalog:
            catalog.scan(sys.argv[2], workers=2)
    """
    children = [run_python(code, catalog_url, tmp_path) for _ in range(3)]
    assert [child.wait(120) for child in children] == [0] * 3
    assert catalog.stats()["status"] == {"done": 40}
    assert catalog.stats()["pictures"] == 40


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@several_processes
def test_a_process_that_forks_has_connections_of_its_own(catalog, catalog_url):
    insert(catalog, format=["png"])
    code = """
        import os, sys
        from aikit.catalog import open_catalog
        with open_catalog(sys.argv[1]) as catalog:
            catalog.tag("/x/0.png", "before")
            child = os.fork()
            for number in range(30):
                catalog.tag("/x/0.png", f"{child == 0}-{number}")
            if child == 0:
                os._exit(0)
            assert os.waitpid(child, 0)[1] == 0
    """
    assert run_python(code, catalog_url).wait(60) == 0
    assert len(catalog.get("/x/0.png").tags) == 61


SCANNING = """
    import sys
    from aikit.catalog import open_catalog, scan
    scan.BATCH = 10
    with open_catalog(sys.argv[1]) as catalog:
        def tell(report):
            print(report.done, flush=True)
        catalog.scan(sys.argv[2], progress=tell, workers=2)
"""


@several_processes
def test_what_was_reported_survives_kill_9(catalog, catalog_url, tmp_path):
    for number in range(200):
        Image.fromarray(codes(8, 9 + number, 3)).save(tmp_path / f"{number:03}.png")
    reported = 0
    for wanted in (1, 50, 120):
        child = run_python(SCANNING, catalog_url, tmp_path)
        told = 0
        while (line := child.stdout.readline()) and reported + told < wanted:
            told = int(line)
        child.send_signal(signal.SIGKILL)
        child.communicate()
        reported += told
        done = catalog.stats()["status"].get("done", 0)
        assert done >= reported
        reported = done
    assert reported < 200
    report = catalog.scan(tmp_path)
    assert (report.done, report.skipped) == (200 - reported, reported)
    assert catalog.stats()["pictures"] == 200


# ---------------------------------------------------------------- databases that go, fill up, or are held


def test_a_connection_that_was_cut_is_made_anew(catalog, catalog_url):
    if is_sqlite(catalog):
        pytest.skip("SQLite has no server")
    insert(catalog, format=["png"])
    engine = sa.create_engine(read_address(catalog_url).url, isolation_level="AUTOCOMMIT")
    with engine.connect() as admin:
        if engine.dialect.name == "mysql":
            own = admin.scalar(sa.text("SELECT CONNECTION_ID()"))
            others = "SELECT id FROM information_schema.processlist WHERE db = DATABASE() AND id <> :own"
            numbers = list(admin.scalars(sa.text(others), {"own": own}))
            for number in numbers:
                admin.execute(sa.text(f"KILL {number}"))
        else:
            others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            numbers = list(admin.scalars(sa.text(others)))
    engine.dispose()
    assert numbers
    assert catalog.stats()["files"] == 1
    catalog.tag("/x/0.png", "after")


def test_a_file_that_was_removed_or_replaced_is_written_no_more(tmp_path):
    path = tmp_path / "c.sqlite"
    with open_catalog(path) as catalog:
        insert(catalog, format=["png"])
        path.rename(tmp_path / "aside")
        message = (
            "expected the catalogue that was opened, got 'No such file or directory'; put it back, or open it again"
        )
        for call in (catalog.stats, lambda: catalog.tag("/x/0.png", "a"), lambda: list(catalog.find())):
            with pytest.raises(FileAccessError, match=message):
                call()
        with open_catalog(path), pytest.raises(FileAccessError, match="got another file in its place"):
            catalog.tag("/x/0.png", "a")
        (tmp_path / "aside").replace(path)


def hold(catalog, catalog_url):
    """A transaction of somebody else that holds all that a writer needs."""
    engine = sa.create_engine(read_address(catalog_url).url)
    connection = engine.connect()
    if is_sqlite(catalog):
        connection.connection.driver_connection.isolation_level = None
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    connection.execute(sa.text("UPDATE picture SET note = 'held'"))
    return engine, connection


def test_a_catalogue_that_is_locked_is_waited_for(catalog_url):
    with open_catalog(catalog_url, patience=20) as catalog:
        insert(catalog, format=["png"])
        engine, connection = hold(catalog, catalog_url)
        threading.Timer(0.5, connection.rollback).start()
        begun = time.monotonic()
        catalog.note("/x/0.png", "waited")
        assert time.monotonic() - begun > 0.3
        assert catalog.get("/x/0.png").note == "waited"
        connection.close()
        engine.dispose()


def test_a_catalogue_that_stays_locked_is_an_error(catalog_url):
    with open_catalog(catalog_url, patience=1) as catalog:
        insert(catalog, format=["png"])
        engine, connection = hold(catalog, catalog_url)
        message = "expected a database that is free within 1 seconds, got one that another program holds locked; wait"
        with pytest.raises(FileAccessError, match=message) as caught:
            catalog.note("/x/0.png", "mine")
        assert caught.value.option == "patience"
        assert catalog.get("/x/0.png").note is None  # readers go on
        connection.close()
        engine.dispose()


def test_a_disk_that_is_full_is_an_error_and_loses_nothing(tmp_path):
    with open_catalog(tmp_path / "c.sqlite") as catalog:
        insert(catalog, format=["png"])
        with catalog._database.engine.connect() as connection:
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
            connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + 1}")
        message = "expected room for what is written, got a disk that is full; free some, and do it again"
        with pytest.raises(FileAccessError, match=message) as caught:
            insert(catalog, note=["x" * 100_000] * 3)
        assert caught.value.errno == errno.ENOSPC
        assert [row.format for row in catalog.find()] == ["png"]


@pytest.mark.parametrize(
    ("number", "reason", "expected", "errno_"),
    [
        (1114, "The table 'file' is full", "room for what is written, got a disk that is full", errno.ENOSPC),
        (1021, "Disk full (/tmp); waiting for someone to free some space", "room for what is written", errno.ENOSPC),
        (1153, "Got a packet bigger than 'max_allowed_packet' bytes", "values that fit into one statement", None),
        (1040, "Too many connections", "a server that answers, got", None),
        (9999, "Something else", "a database that can be used, got .*Something else", None),
    ],
)
def test_what_a_server_says_has_an_error_of_ours(number, reason, expected, errno_):
    pymysql = pytest.importorskip("pymysql")
    address = read_address("mysql://u:hunter2@host/photos")
    message = rf"mysql://u:\*\*\*@host/photos: expected {expected}"
    with pytest.raises(FileAccessError, match=message) as caught, translated(address, 1):
        raise sa.exc.OperationalError("INSERT", {}, pymysql.err.OperationalError(number, reason))
    assert caught.value.errno == errno_


@pytest.mark.parametrize("kind", ["nfs", "nfs4", "cifs", "smb3", "fuse.sshfs", "9p", "smbfs"])
def test_sqlite_is_not_kept_on_a_network(tmp_path, monkeypatch, kind):
    (tmp_path / "share" / "local").mkdir(parents=True)
    mounts = [
        ("/", "ext4", "rw"),
        (str(tmp_path / "share"), kind, "rw"),
        (str(tmp_path / "share" / "local"), "ext4", "rw"),
    ]
    found = [SimpleNamespace(mountpoint=place, fstype=fstype, opts=opts) for place, fstype, opts in mounts]
    monkeypatch.setattr(psutil, "disk_partitions", lambda **_: found)
    (tmp_path / "link").symlink_to(tmp_path / "share")
    message = f"expected a disk of this machine, for SQLite's locks do not hold on a network, got {kind} at .*; keep"
    for folder in ("share", "link"):
        with pytest.raises(FileAccessError, match=message):
            open_catalog(tmp_path / folder / "c.sqlite")
    assert not (tmp_path / "share" / "c.sqlite").exists()
    for folder in (tmp_path, tmp_path / "share" / "local"):
        open_catalog(folder / "c.sqlite").close()


# ---------------------------------------------------------------- passwords


def test_passwords_are_shown_nowhere(mariadb, caplog, monkeypatch):
    from conftest import new_database

    url = new_database(mariadb)
    wrong = url.replace("hunter2", "hunter3")
    with caplog.at_level(logging.DEBUG):
        with open_catalog(url) as catalog:
            shown = [repr(catalog), str(catalog), repr(catalog._database.address), repr(catalog._database.engine)]
            with pytest.raises(InputValueError, match="text") as caught:
                catalog.sql("SELECT nothing")
            shown += traceback.format_exception(caught.value)
        for address, password in ((wrong, None), (url.replace(":hunter2", ""), "hunter4")):
            with pytest.raises(
                FileAccessError, match=r"expected a database that lets you in, got .*Access denied"
            ) as caught:
                open_catalog(address, password=password)
            assert caught.value.errno == errno.EACCES
            shown += [*traceback.format_exception(caught.value), str(caught.value.to_dict())]
    assert ":***@" in shown[0]
    assert "hunter" not in "".join(shown) + caplog.text.replace(url, "")
    monkeypatch.setenv("AIKIT_CATALOG_PASSWORD", "hunter2")
    open_catalog(url.replace(":hunter2", "")).close()


def test_names_of_files_are_in_no_error_of_the_database(catalog):
    frame = pd.DataFrame({"path": ["/secret/plan.png"], "status": ["x" * 40], "note": ["hush"], "digest": ["00" * 32]})
    if is_sqlite(catalog):
        with catalog._database.engine.begin() as connection:
            connection.execute(sa.text("CREATE TRIGGER no BEFORE INSERT ON file BEGIN SELECT RAISE(ABORT, 'no'); END"))
    with pytest.raises(FileAccessError, match=r"expected (a|values)") as caught:
        catalog.insert_frame(frame)
    told = "".join(traceback.format_exception(caught.value))
    assert "plan.png" not in told
    assert "hush" not in told


def test_a_server_that_is_not_there_is_said_to_be(tmp_path):
    from servers import free_port

    for scheme in ("mysql", "postgresql"):
        with pytest.raises(FileAccessError, match=r"expected a server that answers, got .*; check the address"):
            open_catalog(f"{scheme}://aikit:hunter2@127.0.0.1:{free_port()}/photos")


# ---------------------------------------------------------------- versions

RATING = {2: ("ALTER TABLE picture ADD COLUMN rating INTEGER", "UPDATE picture SET rating = 3")}


def database(url):
    return Database(read_address(url), 10)


def columns(url):
    found = database(url)
    try:
        return {each["name"] for each in sa.inspect(found.engine).get_columns("picture")}
    finally:
        found.close()


def test_an_older_catalogue_is_brought_up_to_date_beside_a_copy(catalog_url):
    with open_catalog(catalog_url) as catalog:
        insert(catalog, format=["png"])
        catalog.tag("/x/0.png", "kept")
    found = database(catalog_url)
    migrate.prepare(found, newest=2, migrations=RATING)
    migrate.prepare(found, newest=2, migrations=RATING)
    with found.reading() as connection:
        assert connection.execute(sa.text("SELECT rating FROM picture")).all() == [(3,)]
        assert connection.execute(sa.text("SELECT name FROM tag")).all() == [("kept",)]
    found.close()
    with pytest.raises(
        FileFormatError, match="expected a catalogue of version 1, got one of version 2; update"
    ) as caught:
        open_catalog(catalog_url)
    assert caught.value.code == "unsupported_format"
    if "://" not in catalog_url:
        copies = list(Path(catalog_url).parent.glob("*.version-1*"))
        assert [copy.name for copy in copies] == ["catalog.sqlite.version-1"]
        with open_catalog(copies[0]) as copy:
            assert copy.get("/x/0.png").tags == ("kept",)


def test_a_migration_that_fails_changes_nothing(tmp_path):
    path = str(tmp_path / "c.sqlite")
    open_catalog(path).close()
    for _ in range(2):
        found = database(path)
        with pytest.raises(FileAccessError, match="syntax error"):
            migrate.prepare(found, newest=2, migrations={2: (*RATING[2], "NO SQL")})
        found.close()
    assert "rating" not in columns(path)
    open_catalog(path).close()
    # What was there is never written over.
    assert sorted(each.name for each in tmp_path.glob("*.version-1*")) == ["c.sqlite.version-1", "c.sqlite.version-1-2"]


def test_a_catalogue_that_another_process_is_making_is_waited_for(catalog_url):
    if "://" not in catalog_url:
        pytest.skip("in SQLite the transaction itself does that")
    engine = sa.create_engine(read_address(catalog_url).url)
    with engine.connect() as connection:
        connection.execute(sa.text(migrate.LOCKS[engine.dialect.name][0]), {"patience": 1})
        with pytest.raises(
            FileAccessError, match="expected a database that is free within 1 seconds, got one that another"
        ):
            open_catalog(catalog_url, patience=1)
    engine.dispose()
    open_catalog(catalog_url).close()


@several_processes
def test_processes_bring_it_up_to_date_once(catalog_url):
    open_catalog(catalog_url).close()
    code = """
        import sys
        from aikit.catalog import migrate
        from aikit.catalog.address import read_address
        from aikit.catalog.database import Database, translated
        found = Database(read_address(sys.argv[1]), 30)
        migrate.prepare(found, newest=2, migrations={2: ("ALTER TABLE picture ADD COLUMN rating INTEGER",)})
    """
    children = [run_python(code, catalog_url) for _ in range(3)]
    assert [child.wait(120) for child in children] == [0] * 3
    assert columns(catalog_url) - {each.name for each in PICTURE.c} == {"rating"}


# ---------------------------------------------------------------- what is loaded


def test_import_loads_no_database():
    code = "import sys, aikit; aikit.catalog, aikit.picture_hash; print(sorted({'sqlalchemy', 'pandas', 'pyarrow', 'duckdb', 'pymysql'} & set(sys.modules)))"
    assert run_python(code).communicate(timeout=60)[0] == "[]\n"


def test_a_catalogue_loads_no_pandas(tmp_path):
    code = """
        import sys
        from aikit.catalog import open_catalog
        with open_catalog(sys.argv[1]) as catalog:
            catalog.scan(sys.argv[2])
            list(catalog.find())
        print(sorted({'pandas', 'pyarrow', 'duckdb', 'pymysql', 'torch'} & set(sys.modules)))
    """
    Image.fromarray(codes(9, 8, 3)).save(tmp_path / "a.png")
    assert run_python(code, tmp_path / "c.sqlite", tmp_path).communicate(timeout=60)[0] == "[]\n"
