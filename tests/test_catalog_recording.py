"""What folder runs and the service note of files in a catalogue."""

import contextlib
import hashlib
import logging
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

import aikit
from aikit.catalog import open_catalog, recording
from aikit.errors import FileAccessError, InputValueError
from pictures import codes
from servers import served


@pytest.fixture
def catalog(catalog_url):
    with open_catalog(catalog_url) as catalog:
        yield catalog


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(3):
        Image.fromarray(codes(20 + number, 30, 4 if number == 1 else 3)).save(folder / f"{number}.png")
    (folder / "cut.png").write_bytes((folder / "0.png").read_bytes()[:60])
    (folder / "text.txt").write_text("none")
    return folder


SMALL = aikit.Recipe([("resize", {"width": 8})], to="jpeg")


def rows(catalog, *names):
    return {
        os.path.basename(row.path): tuple(getattr(row, name) for name in names) for row in catalog.find(missing=None)
    }


# ---------------------------------------------------------------- convert_folder


def test_convert_folder_notes_every_file(catalog, folder, tmp_path):
    report = aikit.convert_folder(folder, tmp_path / "out", SMALL, catalog=catalog)
    assert (report.done, report.failed) == (2, 2)
    found = rows(catalog, "status", "code", "error", "work", "recipe", "output", "bytes", "mtime_ns")
    assert sorted(found) == ["0.png", "1.png", "2.png", "cut.png"]
    facts = (folder / "0.png").stat()
    recipe, made = "resize width=8; to=jpeg", str(tmp_path / "out" / "0.jpeg")
    assert found["0.png"] == ("done", None, None, "convert", recipe, made, facts.st_size, facts.st_mtime_ns)
    # JPEG has no alpha, and nobody has said on what to lay it.
    failures = {os.path.basename(each.path): (each.code, each.message) for each in report.failures}
    assert {name: found[name][1:3] for name in ("1.png", "cut.png")} == failures
    assert found["cut.png"][3:6] == ("convert", recipe, None)


def test_what_an_earlier_run_did_is_noted_too(catalog, folder, tmp_path):
    before = aikit.convert_folder(folder, tmp_path / "out", SMALL)
    again = aikit.convert_folder(folder, tmp_path / "out", SMALL, catalog=catalog)
    assert (again.done, again.skipped) == (0, 2)
    assert rows(catalog, "status") == {
        "0.png": ("done",),
        "1.png": ("failed",),
        "2.png": ("done",),
        "cut.png": ("failed",),
    }
    assert {row.error for row in catalog.find(status="failed")} == {each.message for each in before.failures}


def test_a_run_leaves_what_a_scan_knows(catalog, folder, tmp_path):
    catalog.scan(folder)
    catalog.tag(folder / "0.png", "mine")
    before = rows(catalog, "picture", "width", "picture_hash", "tags")
    aikit.convert_folder(folder, tmp_path / "out", SMALL, catalog=catalog)
    assert rows(catalog, "picture", "width", "picture_hash", "tags") == before
    assert rows(catalog, "work")["0.png"] == ("convert",)
    report = catalog.scan(folder)
    assert (report.done, report.skipped, report.failed) == (0, 3, 1)


def test_a_scan_reads_what_only_a_run_has_seen(catalog, folder, tmp_path):
    aikit.convert_folder(folder, tmp_path / "out", SMALL, catalog=catalog)
    assert catalog.get(folder / "0.png").width is None
    assert catalog.scan(folder).done == 3
    assert catalog.get(folder / "0.png").width == 30


def test_a_source_that_has_changed_is_another_picture(catalog, folder, tmp_path):
    catalog.scan(folder)
    Image.fromarray(codes(40, 44, 3)).save(folder / "0.png")
    aikit.convert_folder(folder, tmp_path / "out", SMALL, catalog=catalog)
    assert catalog.get(folder / "0.png").picture is None
    assert catalog.get(folder / "2.png").picture is not None
    assert catalog.scan(folder).done == 1


def test_only_what_failed_is_tried_again(catalog, folder, tmp_path):
    aikit.convert_folder(folder, tmp_path / "out", SMALL, catalog=catalog)
    paths = [row.path for row in catalog.find(status="failed", code="invalid_value")]
    assert [os.path.basename(path) for path in paths] == ["1.png"]
    flat = aikit.Recipe([("flatten", {"background": "white"}), ("resize", {"width": 8})], to="jpeg")
    assert aikit.convert_folder(paths, tmp_path / "out", flat, catalog=catalog).done == 1
    assert rows(catalog, "status", "code")["1.png"] == ("done", None)


def test_a_catalogue_that_cannot_be_written_ends_the_run(folder, tmp_path):
    with open_catalog(tmp_path / "c.sqlite") as catalog:
        (tmp_path / "c.sqlite").unlink()
        with pytest.raises(FileAccessError, match="expected the catalogue that was opened, got 'No such file"):
            aikit.convert_folder(folder, tmp_path / "out", SMALL, catalog=catalog)


def test_the_command_takes_a_catalogue(folder, tmp_path, capsys):
    from aikit.cli import main

    path = tmp_path / "c.sqlite"
    assert main(["convert", str(folder), str(tmp_path / "out"), "--to", "webp", "--catalog", str(path)]) == 1
    with open_catalog(path) as catalog:
        assert catalog.stats()["status"] == {"done": 3, "failed": 1}
    assert main(["convert", str(folder), str(tmp_path / "o2"), "--to", "webp", "--catalog", "mongo://x/y"]) == 2
    assert "aikit convert: --catalog: expected a path of SQLite" in capsys.readouterr().err


# ---------------------------------------------------------------- recorder


def test_recorders_of_many_threads_lose_nothing(catalog, monkeypatch):
    from concurrent.futures import ThreadPoolExecutor

    monkeypatch.setattr(recording, "BATCH", 7)
    with catalog.recorder("mine") as recorder, ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: recorder.record(f"/x/{number:03}.png", status="done"), range(300)))
    assert len(list(catalog.find())) == 300


def test_what_is_recorded_is_there_soon(catalog):
    with catalog.recorder("mine") as recorder:
        recorder.record("/x/a.png")
        until = time.monotonic() + 10
        while catalog.get("/x/a.png") is None:
            assert time.monotonic() < until
            time.sleep(0.05)


def test_a_recorder_that_does_not_wait_tells_of_what_it_lost(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(recording, "_PAUSE", 0.01)
    with caplog.at_level(logging.WARNING, logger="aikit.catalog"), open_catalog(tmp_path / "c.sqlite") as catalog:
        recorder = catalog.recorder("serve", wait=False)
        os.rename(tmp_path / "c.sqlite", tmp_path / "aside")
        recorder.record("/x/a.png")
        until = time.monotonic() + 10
        while not caplog.records and time.monotonic() < until:
            time.sleep(0.02)
        os.rename(tmp_path / "aside", tmp_path / "c.sqlite")  # it is back, and nothing is lost
        recorder.close()
        assert catalog.get("/x/a.png") is not None
        other = catalog.recorder("serve", wait=False)
        other.record("/x/b.png")
        (tmp_path / "c.sqlite").unlink()
        other.close()
    assert [record.getMessage() for record in caplog.records][-1] == "entries of the catalogue are lost"
    assert caplog.records[-1].count == 1


def test_recorder_takes_one_word(tmp_path):
    message = "work: expected one word of up to 16 letters, got 'two words'"
    with open_catalog(tmp_path / "c.sqlite") as catalog, pytest.raises(InputValueError, match=message):
        catalog.recorder("two words")


# ---------------------------------------------------------------- the service

PICTURE = aikit.encode(Image.fromarray(codes(20, 30, 3)), "png")


def settings(**values):
    from aikit.settings import Settings

    return Settings(**{"cache": "", "places": 2, **values})


def digest(data):
    return hashlib.sha256(data).hexdigest()


def send(face, opened, **values):
    """Pictures sent to the service, good and bad."""
    from aikit.serve import sign_url

    address = sign_url("a.png", "resize width=4; to=png", keys=["key"])
    if face == "flask":
        from aikit.serve.flask import create_app

        client = create_app(settings(signing_keys=("key",), **values), catalog=opened).test_client()
        client.post("/v1/images?width=8&to=png", data=PICTURE)
        client.post("/v1/images?width=8", data=PICTURE[:60])
        client.get(address)
        client.post("/v1/describe", data=PICTURE[:70])
        return
    from aikit.serve import Model, create_app

    def refuse(images):
        return [1 for _ in images]

    app = create_app(settings(signing_keys=("key",), **values), catalog=opened, models=[Model("count", refuse)])
    with served(app) as client:
        client.post("/v1/images?width=8&to=png", content=PICTURE)
        client.post("/v1/images?width=8", content=PICTURE[:60])
        client.get(address)
        client.post("/v1/describe", content=PICTURE[:70])
        assert client.post("/v1/models/count", content=PICTURE[:80]).status_code == 422


@pytest.mark.parametrize("face", ["fastapi", "flask"])
def test_the_service_notes_what_it_did(tmp_path, face, monkeypatch):
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "a.png").write_bytes(PICTURE)
    ends = []
    monkeypatch.setattr("atexit.register", ends.append)
    with open_catalog(tmp_path / "c.sqlite") as catalog:
        send(face, catalog, base=tmp_path / "base")
        for end in ends:
            end()
        found = rows(catalog, "status", "code", "work", "recipe", "digest", "bytes")
        recipe = "resize width=8; to=png"
        assert found.pop(f"upload:{digest(PICTURE)}") == ("done", None, "serve", recipe, digest(PICTURE), len(PICTURE))
        assert found.pop("a.png")[:4] == ("done", None, "serve", "resize width=4; to=png")
        cut = found.pop(f"upload:{digest(PICTURE[:60])}")
        assert cut[:4] == ("failed", "truncated", "serve", "resize width=8")
        assert found.pop(f"upload:{digest(PICTURE[:70])}")[:4] == ("failed", "truncated", "serve", "describe")
        if face == "fastapi":
            assert found.pop(f"upload:{digest(PICTURE[:80])}")[:4] == ("failed", "truncated", "serve", "model count")
        assert found == {}
        row = catalog.get(f"upload:{digest(PICTURE[:60])}")
        assert "expected a whole PNG file" in row.error
        # A scan finds the picture that was sent: it is the one in the folder.
        catalog.tag(f"upload:{digest(PICTURE)}", "sent")
        catalog.scan(tmp_path / "base")
        assert catalog.get(tmp_path / "base" / "a.png").tags == ("sent",)
        assert catalog.get(tmp_path / "base" / "a.png").width == 30
        assert not catalog.get(f"upload:{digest(PICTURE)}").missing


def test_the_service_opens_the_catalogue_of_its_settings(mariadb):
    from conftest import new_database

    url = new_database(mariadb)
    bare = url.replace(":hunter2", "")
    chosen = settings(catalog=bare, catalog_password="hunter2")
    shown = " ".join(chosen.shown().values())
    assert bare.partition("@")[2] in shown
    assert "hunter2" not in shown + repr(chosen) + settings(catalog=url).shown()["catalog"]
    send("fastapi", None, catalog=bare, catalog_password="hunter2")
    with open_catalog(url) as catalog:
        assert catalog.stats()["status"] == {"done": 1, "failed": 3}


def test_a_catalogue_that_does_not_answer_makes_nobody_wait(tmp_path, caplog):
    from aikit.serve import create_app

    with (
        open_catalog(tmp_path / "c.sqlite") as catalog,
        served(create_app(settings(), catalog=catalog)) as client,
    ):
        (tmp_path / "c.sqlite").unlink()
        assert client.post("/v1/images?width=8&to=png", content=PICTURE).status_code == 200
    assert "entries of the catalogue are lost" in [record.getMessage() for record in caplog.records]


@pytest.mark.slow
def test_aikit_serve_notes_what_it_did(tmp_path):
    import httpx

    from servers import free_port

    port, path = free_port(), tmp_path / "c.sqlite"
    source = str(Path(aikit.__file__).parents[1])
    environment = {**os.environ, "PYTHONPATH": source, "AIKIT_CACHE": ""}
    line = [sys.executable, "-m", "aikit", "serve", "--port", str(port), "--workers", "2", "--catalog", str(path)]
    process = subprocess.Popen(line, env=environment, stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 60
        while time.monotonic() < until:
            with contextlib.suppress(httpx.TransportError):
                if httpx.get(f"http://127.0.0.1:{port}/readyz").status_code == 200:
                    break
            time.sleep(0.1)
        for number in range(20):
            picture = aikit.encode(Image.fromarray(codes(10 + number, 12, 3)), "png")
            assert httpx.post(f"http://127.0.0.1:{port}/v1/images?width=8&to=png", content=picture).status_code == 200
    finally:
        process.terminate()
        process.wait(30)
    with open_catalog(path) as catalog:
        assert catalog.stats()["status"] == {"done": 20}
