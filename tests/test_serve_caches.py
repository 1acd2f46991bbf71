"""Caches: values come back, end, make room, and may vanish."""

import datetime as dt
import logging
import os
import signal
import threading
import time

import numpy as np
import pytest
from PIL import Image

from aikit import InputTypeError, InputValueError
from aikit.serve import open_cache
from aikit.serve.caches import _size_of
from servers import redis_server


@pytest.fixture(params=["memory", "dir", "redis"])
def address(request, tmp_path):
    if request.param == "redis":
        with redis_server(tmp_path) as (url, _):
            yield url
    else:
        yield "memory:" if request.param == "memory" else f"dir:{tmp_path}/cache"


VALUES = [
    b"raw \x00 bytes",
    b"",
    "text",
    {"when": dt.date(2026, 1, 31), "size": (1, 2)},
    [1, None],
    Image.new("RGBA", (2, 3), (1, 2, 3, 0)),
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_a_value_comes_back_as_it_was(address, value):
    with open_cache(address) as cache:
        assert cache.get("a") is None
        cache.set("a", value, seconds=60)
        cache.set("b", "another")
        assert cache.get("a") == value
        assert type(cache.get("a")) is type(value)
        cache.delete("a")
        cache.delete("never there")
        assert (cache.get("a"), cache.get("b")) == (None, "another")


def test_an_array_comes_back(address):
    with open_cache(address) as cache:
        cache.set("a", np.arange(6, dtype=np.uint16).reshape(2, 3))
        assert cache.get("a").tolist() == [[0, 1, 2], [3, 4, 5]]


def test_a_value_ends(address):
    with open_cache(address) as cache:
        cache.set("a", b"1", seconds=0.2)
        assert cache.get("a") == b"1"
        time.sleep(0.25)
        assert cache.get("a") is None


def test_what_is_too_large_is_not_kept(address):
    with open_cache(address) as cache:
        cache.set("a", bytes(4_100_000))
        assert cache.get("a") is None


def test_any_text_is_a_key_and_nothing_else(address):
    with open_cache(address) as cache:
        for number, key in enumerate(("../../etc/passwd", "ü 文", "a" * 10_000, "a\0b", "A", "a")):
            cache.set(key, number)
        assert [cache.get(key) for key in ("../../etc/passwd", "ü 文", "a" * 10_000, "a\0b", "A", "a")] == list(
            range(6)
        )
        for key in ("", b"a", None):
            with pytest.raises(InputTypeError, match="key: expected a text"):
                cache.get(key)
        with pytest.raises(InputValueError, match="seconds: expected a number above 0, got 0"):
            cache.set("a", 1, seconds=0)


def test_threads_write_and_read_at_once(address):
    with open_cache(address) as cache:
        wrong = []

        def work(number):
            for turn in range(50):
                cache.set(f"{turn % 7}", f"{turn % 7}")
                if cache.get(f"{turn % 7}") != f"{turn % 7}":
                    wrong.append((number, turn))

        threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not wrong


# ---------------------------------------------------------------- room


def test_memory_drops_what_was_not_asked_for_the_longest():
    with open_cache("memory:?size=3KB") as cache:
        for name in "abc":
            cache.set(name, bytes(900))
        assert cache.get("a") is not None
        cache.set("d", bytes(900))
        assert [name for name in "abcd" if cache.get(name) is not None] == ["a", "c", "d"]


def test_a_folder_drops_what_was_not_asked_for_the_longest(tmp_path):
    with open_cache(f"dir:{tmp_path}?size=10KB") as cache:
        for number in range(9):
            cache.set(str(number), bytes(1000))
            for path in tmp_path.rglob("*.entry"):  # as if it had been a while ago
                os.utime(path, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns - 10**9))
        assert cache.get("0") is not None
        for number in range(9, 14):
            cache.set(str(number), bytes(1000))
        left = {number for number in range(14) if cache.get(str(number)) is not None}
        assert {0, 13} <= left
        assert 1 not in left
        assert sum(path.stat().st_size for path in tmp_path.rglob("*.entry")) <= 10_000


def test_a_folder_outlives_the_process_and_takes_damage_for_a_miss(tmp_path):
    open_cache(f"dir:{tmp_path}").set("a", {"b": 1})
    with open_cache(f"dir:{tmp_path}") as cache:
        assert cache.get("a") == {"b": 1}
        (path,) = tmp_path.rglob("*.entry")
        for damage in (b"", b"aik", path.read_bytes()[:15], b"xxxx" + path.read_bytes()[4:]):
            path.write_bytes(damage)
            assert cache.get("a") is None
            cache.set("a", 1)
            assert cache.get("a") == 1


def test_nothing_is_ever_unpickled(tmp_path):
    with open_cache(f"dir:{tmp_path}") as cache:
        cache.set("a", 1)
        (path,) = tmp_path.rglob("*.entry")
        path.write_bytes(path.read_bytes()[:12] + b"j" + b"\x80\x04cos\nsystem\n")
        assert cache.get("a") is None
        assert not path.exists()


def test_a_folder_that_has_gone_or_is_full_costs_nothing_but_the_entry(tmp_path, caplog):
    folder = tmp_path / "cache"
    cache = open_cache(f"dir:{folder}")
    folder.rmdir()
    folder.write_bytes(b"")  # no folder any more
    with caplog.at_level(logging.WARNING, "aikit.serve.caches"):
        cache.set("a", 1)
    assert cache.get("a") is None
    assert "an answer could not be kept" in caplog.text


# ---------------------------------------------------------------- Redis that fails


@pytest.mark.parametrize("how", ["frozen", "dead"])
def test_redis_that_fails_costs_one_short_miss_and_no_error(tmp_path, how, caplog, monkeypatch):
    monkeypatch.setattr("aikit.serve.caches._REDIS_PAUSE", 1.0)
    with redis_server(tmp_path) as (url, process), open_cache(url) as cache:
        cache.set("a", 1)
        process.send_signal(signal.SIGSTOP if how == "frozen" else signal.SIGKILL)
        begun = time.monotonic()
        with caplog.at_level(logging.WARNING, "aikit.serve.caches"):
            assert [cache.get("a") for _ in range(50)] == [None] * 50
            cache.set("a", 2)
        # One try of a tenth of a second; four seconds and more by the library's own settings.
        assert time.monotonic() - begun < 3.0
        assert len(caplog.records) == 1
        if how == "frozen":
            process.send_signal(signal.SIGCONT)
            time.sleep(1.1)
            assert cache.get("a") == 1


def test_the_database_is_the_number_in_the_address(tmp_path):
    with redis_server(tmp_path) as (url, _):
        other = url.removesuffix("/1") + "/2"
        with open_cache(url) as one, open_cache(other) as two:
            one.set("a", 1)
            assert (one.get("a"), two.get("a")) == (1, None)


def test_what_others_have_put_into_redis_is_a_miss_and_no_pause(tmp_path):
    import redis

    with redis_server(tmp_path) as (url, _), open_cache(url) as cache, redis.Redis.from_url(url) as other:
        other.rpush("aikit:list", "one")
        other.set("aikit:rubbish", b"\xff\0rubbish")
        other.set("aikit:json", b'j{"$set": [[1]]}')
        cache.set("a", 1)
        assert [cache.get(key) for key in ("list", "rubbish", "json", "a")] == [None, None, None, 1]
        cache.set("list", 2)
        assert cache.get("list") == 2


# ---------------------------------------------------------------- addresses


@pytest.mark.parametrize(("text", "size"), [("1GiB", 2**30), ("500MB", 5 * 10**8), ("10", 10), ("1.5 kib", 1536)])
def test_sizes(text, size):
    assert _size_of(f"memory:?size={text}") == size


@pytest.mark.parametrize("url", ["file:/x", "dir:relative", "memory:x", "", "http://user:hunter2@host"])
def test_other_addresses_are_refused_without_their_password(url):
    with pytest.raises(InputValueError, match="url: expected memory:, dir:/path or redis://host, got") as caught:
        open_cache(url)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("url", ["memory:?size=much", "memory:?size=0", "dir:/tmp?size=-1", "memory:?size=1PB"])
def test_other_sizes_are_refused(url):
    with pytest.raises(InputValueError, match="a size such as 500MB"):
        open_cache(url)
    with pytest.raises(InputValueError, match="size= alone"):
        open_cache("memory:?ttl=5")
    with pytest.raises(InputTypeError, match="url: expected the address of a cache, got 5"):
        open_cache(5)


def test_a_password_is_in_no_log_and_no_error(caplog):
    with pytest.raises(InputValueError, match=r"url: expected redis://host:port/number, got 'redis://:\*+@host/x'"):
        open_cache("redis://:hunter2@host/x")
    with open_cache("redis://:hunter2@127.0.0.1:1/0") as cache, caplog.at_level(logging.WARNING):
        assert cache.get("a") is None
    with pytest.raises(InputValueError, match="url: expected redis://host:port/number") as caught:
        open_cache("redis://host/x?password=hunter2&a=1")
    assert "hunter2" not in str(caught.value)
    assert "hunter2" not in caplog.text + repr([record.__dict__ for record in caplog.records])
