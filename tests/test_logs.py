"""Log lines that cannot be forged, with fields that follow the work."""

import asyncio
import io
import json
import logging
import math
import re
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from aikit import FileAccessError, InputTypeError, InputValueError, LimitError, logs


@pytest.fixture(autouse=True)
def restore():
    """Handlers and level of the root logger as they were."""
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    yield
    for handler in [each for each in root.handlers if each not in before]:
        root.removeHandler(handler)
        handler.close()
    logs._ours.clear()
    root.setLevel(level)


def configured(**options):
    stream = io.StringIO()
    logs.configure(stream=stream, **options)
    return stream


def lines(stream):
    return [json.loads(line) for line in stream.getvalue().split("\n") if line]


log = logging.getLogger("shop.pictures")
FORGED = "a.png\n2026-01-01 00:00:00.000 ERROR    bank: all gone\r\x1b[31m\u2028\x85\u202eevil"


@pytest.mark.parametrize("format", ["text", "json"])
@pytest.mark.parametrize("where", ["message", "field", "logger", "context"])
def test_no_name_makes_a_second_line(format, where):
    stream = configured(format=format)
    with logs.context(**({"name_of_file": FORGED} if where == "context" else {})):
        if where == "message":
            log.info("read %s", FORGED)
        elif where == "field":
            log.info("read", extra={"file": FORGED})
        elif where == "context":
            log.info("read")
        else:
            logging.getLogger(FORGED).info("read")
    text = stream.getvalue()
    assert text.endswith("\n")
    assert len(text.splitlines()) == 1
    assert text[:-1].isprintable()
    assert "\\u202e" in text


def test_text_has_moment_level_logger_message_and_fields():
    stream = configured()
    log.warning("read %d", 3, extra={"width": 512, "name_of_file": "a b.png", "empty": ""})
    pattern = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} WARNING  shop\.pictures: read 3 width=512 name_of_file='a b\.png' empty=''\n"
    assert re.fullmatch(pattern, stream.getvalue())


def test_json_is_strict_with_the_fields_of_an_error():
    stream = configured(format="json")
    try:
        raise LimitError("a.png", "at most 10 pixels", "20", "resize it", limit="max_pixels", allowed=10, found=20)
    except LimitError:
        log.exception("not read", extra={"score": 0.5, "where": {1, 2}})
    (line,) = lines(stream)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["time"])
    assert (line["level"], line["logger"], line["message"], line["score"]) == (
        "error",
        "shop.pictures",
        "not read",
        0.5,
    )
    assert (line["error"]["code"], line["error"]["limit"], line["error"]["found"]) == (
        "limit_exceeded",
        "max_pixels",
        20,
    )
    assert line["error"]["type"] == "LimitError"
    assert "raise LimitError" in line["error"]["traceback"]
    assert list(line)[:4] == ["time", "level", "logger", "message"]


def test_nan_and_what_json_does_not_know_are_written_strictly():
    stream = configured(format="json")
    itself = []
    itself.append(itself)
    log.info("a", extra={"score": math.nan})
    log.info("b", extra={"itself": itself, "half": "\ud800"})
    first, second = [json.loads(line, parse_constant=pytest.fail) for line in stream.getvalue().splitlines()]
    assert (first["score"], second["half"]) == ("nan", "\ud800")
    stream.getvalue().encode()


class Broken(Exception):
    """Neither its text nor its repr can be had."""

    def __str__(self):
        raise RuntimeError("no text")

    __repr__ = __str__


def nested(depth):
    value = 1
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize("format", ["text", "json"])
@pytest.mark.parametrize(
    ("message", "values", "fields"),
    [
        ("a value %s", (Broken(),), {}),
        ("a number %d", ("three",), {}),
        ("too many values", (1, 2), {}),
        ("a field", (), {"field": Broken()}),
        ("in a list", (), {"field": [Broken()]}),
        ("deep", (), {"field": nested(5000)}),
        ("other keys", (), {"field": {(1, 2): 3}}),
    ],
)
def test_a_slip_in_a_record_costs_no_record(format, message, values, fields, capsys, monkeypatch):
    stream = configured(format=format)
    monkeypatch.setattr(logging.getLogger(), "handlers", logs._ours[:])  # those of pytest fail of slips
    log.info(message, *values, extra=fields)
    (line,) = stream.getvalue().splitlines()
    assert message in line
    assert all(str(value) in line for value in values if not isinstance(value, Broken))
    assert ("(1, 2): 3" in line) == (message == "other keys")
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("format", ["text", "json"])
def test_errors_without_a_text_and_stacks_are_written(format):
    stream = configured(format=format)
    try:
        raise Broken
    except Broken:
        log.exception("it failed")
    log.info("here", stack_info=True)
    log.info("no error", exc_info=True)  # noqa: LOG014 - as programs do by mistake
    text = stream.getvalue()
    assert "raise Broken" in text
    assert "test_errors_without_a_text_and_stacks_are_written" in text.partition("here")[2]
    assert "NoneType" not in text


def test_letters_of_all_scripts_stand_as_they_are():
    stream = configured(format="json")
    log.info("写入 ü 🖼")
    assert "写入 ü 🖼" in stream.getvalue()


def test_a_traceback_cannot_forge_a_line():
    stream = configured()
    try:
        raise ValueError(FORGED)
    except ValueError:
        log.exception("failed")
    first, *rest = stream.getvalue().splitlines()
    assert first.endswith("shop.pictures: failed")
    assert rest
    assert all(line.startswith("    ") for line in rest)


def test_levels():
    stream = configured(level="warning")
    log.info("left out")
    log.warning("kept")
    assert "left out" not in stream.getvalue()
    assert "kept" in stream.getvalue()
    stream = configured(level=5)
    log.log(7, "a number")
    assert "a number" in stream.getvalue()


def test_configuring_again_replaces():
    first, second = configured(), configured()
    log.info("once")
    assert (first.getvalue(), second.getvalue().count("once")) == ("", 1)


# ---------------------------------------------------------------- context


def test_fields_follow_tasks_threads_and_pools():
    stream = configured(format="json")

    async def request(number):
        with logs.context(request=number):
            await asyncio.sleep(0)
            log.info("task")
            await asyncio.to_thread(log.info, "to_thread")
            with ThreadPoolExecutor(2) as pool:
                await asyncio.get_running_loop().run_in_executor(pool, logs.carry(lambda: log.info("pool")))
                list(pool.map(logs.carry(lambda _: log.info("map")), range(4)))

    async def main():
        await asyncio.gather(*map(request, range(5)))

    asyncio.run(main())
    seen = [(line["request"], line["message"]) for line in lines(stream)]
    assert sorted(seen) == sorted(
        (number, word) for number in range(5) for word in ("task", "to_thread", "pool", *["map"] * 4)
    )


def test_contexts_lie_in_each_other_and_end():
    stream = configured(format="json")
    with logs.context(request=1, user="a"):
        with logs.context(user="b"):
            log.info("inner", extra={"request": 2})
        log.info("outer")
    log.info("after")
    inner, outer, after = lines(stream)
    assert (inner["request"], inner["user"]) == (2, "b")
    assert (outer["request"], outer["user"]) == (1, "a")
    assert "request" not in after


def test_one_carried_function_runs_in_two_threads_at_once():
    barrier = threading.Barrier(2, timeout=10)
    with logs.context(request=1):
        wait = logs.carry(barrier.wait)
    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(lambda _: wait(), range(2))) == [0, 1]


# ---------------------------------------------------------------- catch


def test_a_failure_is_logged_once_and_raised():
    stream = configured(format="json")

    @logs.catch
    def inner():
        1 / 0  # noqa: B018

    @logs.catch
    def outer():
        inner()

    with pytest.raises(ZeroDivisionError, match="division"):
        outer()
    (line,) = lines(stream)
    assert line["message"].endswith("inner failed")
    assert (line["logger"], line["error"]["type"]) == ("aikit.program", "ZeroDivisionError")


def test_a_thread_whose_failure_nobody_awaits():
    stream = configured(format="json")

    @logs.catch(reraise=False, logger="shop.worker")
    def work(value):
        return 1 / value

    assert (work(2), work(0)) == (0.5, None)
    assert [line["logger"] for line in lines(stream)] == ["shop.worker"]


def test_coroutines_and_exits():
    stream = configured(format="json")

    @logs.catch
    async def work(error):
        await asyncio.sleep(0)
        raise error

    with pytest.raises(KeyError, match="a"):
        asyncio.run(work(KeyError("a")))
    with pytest.raises(SystemExit, match="3"):
        asyncio.run(work(SystemExit(3)))
    assert len(lines(stream)) == 1


# ---------------------------------------------------------------- files


def test_a_file_is_rotated_and_so_many_kept(tmp_path):
    path = tmp_path / "logs" / "a.log"
    logs.configure(file=path, rotate=400, keep=2)
    for number in range(40):
        log.info("line %02d \udcff", number)
    logging.getLogger().handlers[-1].flush()
    assert sorted(each.name for each in path.parent.iterdir()) == ["a.log", "a.log.1", "a.log.2"]
    assert all(each.stat().st_size <= 400 for each in path.parent.iterdir())
    assert "line 39" in path.read_text()
    assert "\033" not in path.read_text()


def test_what_cannot_be_configured_is_refused(tmp_path):
    with pytest.raises(InputValueError, match="format: expected one of text, json, got 'xml'"):
        logs.configure(format="xml")
    with pytest.raises(InputValueError, match="level: expected one of debug"):
        logs.configure(level="loud")
    with pytest.raises(InputValueError, match="rotate: expected a file to rotate, got file=None; pass file="):
        logs.configure(rotate=10)
    with pytest.raises(InputTypeError, match="file: expected a path, got 5"):
        logs.configure(file=5)
    with pytest.raises(FileAccessError, match="file: expected a file that can be written"):
        logs.configure(file=tmp_path)


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(("variables", "colored"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)])
def test_colors_on_a_terminal_that_wants_them(monkeypatch, variables, colored):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    stream = Terminal()
    logs.configure(stream=stream)
    log.error("bad")
    assert ("\033[31mERROR   \033[0m" in stream.getvalue()) is colored


# ---------------------------------------------------------------- beside others


def test_uvicorn_joins_in():
    import uvicorn

    uvicorn.Config("app:app").configure_logging()
    stream = configured(format="json")
    logging.getLogger("uvicorn.error").info("started", extra={"color_message": "\033[1mstarted"})
    logging.getLogger("uvicorn.access").info("GET /")
    assert [(line["logger"], line["message"]) for line in lines(stream)] == [
        ("uvicorn.error", "started"),
        ("uvicorn.access", "GET /"),
    ]
    assert "color_message" not in lines(stream)[0]


def test_loguru_takes_the_records_of_the_library():
    """The recipe of the page: records of `logging` go to loguru, without the values of variables."""
    loguru = pytest.importorskip("loguru").logger

    class InterceptHandler(logging.Handler):
        def emit(self, record):
            level = (
                record.levelname
                if record.levelname in ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
                else record.levelno
            )
            loguru.opt(depth=6, exception=record.exc_info).log(level, "{}", record.getMessage())

    stream = io.StringIO()
    loguru.remove()
    sink = loguru.add(stream, format="{level} {message}", diagnose=False, backtrace=False)
    handler = InterceptHandler()
    logging.getLogger("aikit").addHandler(handler)
    try:
        token = "secret-token"
        try:
            raise ValueError(f"{len(token)}")
        except ValueError:
            logging.getLogger("aikit.files").exception("read {name}")
    finally:
        logging.getLogger("aikit").removeHandler(handler)
        loguru.remove(sink)
    assert stream.getvalue().startswith("ERROR read {name}\n")
    assert token not in stream.getvalue()


def test_the_library_alone_is_silent():
    code = "import logging, aikit; logging.getLogger('aikit.files').warning('not shown')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")
