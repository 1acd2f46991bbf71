"""The service against what no decent client sends and no decent model does."""

import asyncio
import dataclasses
import logging
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

import pydantic
import pytest

import aikit
from aikit.serve import Batcher, Model, create_app, open_cache, sign_url
from aikit.serve.core import Answer, handle
from aikit.serve.flask import create_app as create_flask_app
from aikit.serve.gate import RefusedError
from aikit.serve.negotiation import formats_for, is_among
from aikit.serve.problems import problem_of, problem_of_validation
from servers import free_port
from test_serve import RGB, SRC, gradient, problem, served, settings
from test_serve_flask import served as served_by_flask

TIFF = aikit.encode(gradient(6, 8, 3), "tiff")


class Numbers(pydantic.BaseModel, extra="forbid"):
    numbers: list[int]


class Sum(pydantic.BaseModel):
    total: int


def stops(items):
    return [next(iter([])) for _ in items]


def gives_stops(items):
    return [StopIteration() for _ in items]


def exits(items):
    raise SystemExit(3)


def is_cancelled(items):
    raise asyncio.CancelledError


def counts_wrongly(items):
    return items[1:]


def gives_nothing(items):
    return None


def reads_what_is_not_there(items):
    return [aikit.read_pil("/srv/secret/weights.png") for _ in items]


def gives_nan(items):
    return [float("nan") for _ in items]


def gives_anything(items):
    return [object() for _ in items]


def gives_another_form(items):
    return [{"total": "much"} for _ in items]


def adds(items):
    return [{"total": sum(each.numbers)} for each in items]


BROKEN = [
    stops, gives_stops, exits, is_cancelled, counts_wrongly, gives_nothing, reads_what_is_not_there, gives_nan,
    gives_anything, gives_another_form,
]  # fmt: skip


def models():
    return [
        Model(each.__name__, each, request=Numbers, response=Sum if each in (adds, gives_another_form) else None)
        for each in (*BROKEN, adds)
    ]


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    folder = tmp_path_factory.mktemp("base")
    (folder / "cat.png").write_bytes(RGB)
    (folder / "scan.tif").write_bytes(TIFF)
    return folder


@pytest.fixture(scope="module")
def client(base):
    options = settings(base=base, signing_keys=("key",), presets={"small": "resize width=20"}, cache="memory:")
    with served(create_app(options, models=models())) as client:
        yield client


@pytest.fixture(scope="module")
def flask_client(base):
    app = create_flask_app(settings(base=base, signing_keys=("key",), presets={"small": "resize width=20"}))
    with served_by_flask(app) as client:
        yield client
    aikit.isolation.configure()


SIGNED = sign_url("cat.png", "small", keys=["key"])


# ---------------------------------------------------------------- models


@pytest.mark.parametrize("function", BROKEN)
def test_a_model_that_fails_fails_alone_and_says_nothing_of_itself(client, function):
    answer = client.post(f"/v1/models/{function.__name__}", json={"numbers": [1]}, timeout=10)
    found = problem(answer)
    assert (answer.status_code, found["code"]) == (500, "internal_error")
    assert "secret" not in answer.text
    assert client.post("/v1/models/adds", json={"numbers": [1, 2]}, timeout=10).json() == {"total": 3}


def test_a_great_many_slips_are_a_short_answer(client):
    def ask(count):
        body = b'{"numbers":[' + b'"a",' * count + b"1]}"
        return client.post("/v1/models/adds", content=body, timeout=60)

    assert len(problem(ask(900))["errors"]) == 100
    answer = ask(300_000)
    assert problem(answer)["detail"] == "body: expected values that fit, got 300000 that do not"
    assert len(answer.content) < 1000


def test_a_great_many_fields_are_not_listed_either(client):
    answer = client.post("/v1/images", json={f"field{number}": 0 for number in range(50_000)}, timeout=60)
    found = problem(answer)
    assert found["errors"] == [{"pointer": "", "detail": "expected image and recipe, got 50000 fields"}]
    few = client.post("/v1/images", json={"image": "data:,", "size": 5})
    assert "/size" in [each["pointer"] for each in problem(few)["errors"]]


def test_forms_are_closed(client, flask_client):
    for each in (client, flask_client):
        for form in (
            {"files": {"file": RGB}, "data": {"width": "5"}},
            {"files": [("file", RGB), ("file", RGB)]},
            {"files": {"file": RGB}, "data": {"recipe": ["resize width=5", "resize width=6"]}},
        ):
            answer = each.post("/v1/images", **form)
            assert answer.status_code in (400, 422), form
            assert answer.json()["code"] in ("bad_request", "invalid_value")


def test_places_of_errors_are_json_pointers(client):
    answer = client.post("/v1/models/adds", json={"numbers": ["x"], "a/b~c": 1})
    assert [each["pointer"] for each in problem(answer)["errors"]] == ["/numbers/0", "/a~1b~0c"]
    assert problem_of_validation([]).fields["errors"] == []


def test_errors_of_this_machine_are_no_fault_of_the_request(caplog):
    with caplog.at_level(logging.ERROR):
        for error in (
            aikit.FileAccessError("/srv/weights", "a file", "none", "look", filename="/srv/weights"),
            aikit.MissingDependencyError("heif", "the package pillow-heif", "none", "install it"),
            aikit.DeviceError("device", "one that is there", "cuda:3", "pass another"),
        ):
            answer = problem_of(error)
            assert (answer.status, answer.code) == (500, "internal_error")
            assert "srv" not in answer.detail
    assert len(caplog.records) == 3


def test_a_batcher_does_not_wait_for_ever_for_a_model_that_hangs():
    ending = threading.Event()

    def hangs(items):
        ending.wait(30)
        return items

    async def main():
        batcher = Batcher(hangs)
        answer = asyncio.create_task(batcher.submit(1))
        await asyncio.sleep(0.05)
        assert await batcher.close(seconds=0.05) is False
        with pytest.raises(RefusedError, match="shutting_down"):
            await answer

    asyncio.run(main())
    ending.set()


def test_the_end_comes_even_where_a_model_hangs(tmp_path):
    (tmp_path / "hanging.py").write_text(
        "import time\nimport aikit, pydantic\nclass R(pydantic.BaseModel):\n    x: int\n"
        "@aikit.serve.model('hangs', request=R)\ndef hangs(items):\n    time.sleep(120)\n    return items\n"
    )
    port = free_port()
    command = [sys.executable, "-c", "from aikit.cli import main; main()", "serve", "--port", str(port)]
    command += ["--models", str(tmp_path / "hanging.py")]
    environment = {**os.environ, "PYTHONPATH": str(SRC), "AIKIT_SHUTDOWN_SECONDS": "1", "AIKIT_CACHE": ""}
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE)
    try:
        until = time.monotonic() + 90
        while time.monotonic() < until:
            try:
                asking = socket.create_connection(("127.0.0.1", port), timeout=1)
                break
            except OSError:
                time.sleep(0.1)
        asking.sendall(b'POST /v1/models/hangs HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\n\r\n{"x": 1}')
        time.sleep(1)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) is not None
        asking.close()
    finally:
        process.kill()
        process.communicate()


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd here")
def test_the_unit_of_the_page_is_one(tmp_path):
    page = (SRC.parent / "docs" / "api" / "serve.md").read_text()
    unit = page.partition("```ini\n")[2].partition("```")[0]
    command = re.search(r"ExecStart=(\S+)", unit)[1]
    (tmp_path / "aikit.service").write_text(unit.replace(command, sys.executable))
    told = subprocess.run(
        ["systemd-analyze", "verify", tmp_path / "aikit.service"], capture_output=True, text=True, check=False
    )
    assert (told.returncode, told.stderr) == (0, "")


# ---------------------------------------------------------------- addresses and headers


@pytest.mark.parametrize("address", ["/v1/i/signature%2Fsmall/cat.png", "/v1%2Fi/signature/small/cat.png"])
def test_escaped_slashes_are_no_fault_of_ours(client, flask_client, address):
    for each in (client, flask_client):
        answer = each.get(address)
        assert answer.status_code in (403, 404)
        assert answer.json()["code"] in ("bad_signature", "not_found")


def test_headers_may_come_in_several_lines(client):
    tag = client.get(SIGNED).headers["etag"]
    assert client.get(SIGNED, headers=[("if-none-match", '"x"'), ("if-none-match", tag)]).status_code == 304
    answer = client.get(SIGNED, headers=[("accept", "text/html"), ("accept", "image/webp")])
    assert answer.headers["content-type"] == "image/webp"


@pytest.mark.parametrize("header", ["*", 'W/{} , "y"', '"x",{}'])
def test_tags_in_lists_and_all_of_them(client, header):
    tag = client.get(SIGNED).headers["etag"]
    assert client.get(SIGNED, headers={"if-none-match": header.format(tag)}).status_code == 304
    assert not is_among(tag, header.format('"z"')) or header == "*"


@pytest.mark.parametrize(
    ("accept", "formats"),
    [
        ("image/avif;q=0.1, */*;q=0.8", ("jpeg", "png", "avif")),
        ("image/webp;q=0.5, image/*;q=0.6", ("jpeg", "png", "webp")),
        ("image/png, */*", ("png", "jpeg")),
        ("image/png;q=0.2, image/jpeg;q=0.3, image/webp;q=0.1", ("jpeg", "png", "webp")),
        ("image/webp, image/*;q=0", ("webp", "jpeg", "png")),
        ("image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8", ("avif", "webp", "jpeg", "png")),
        ("image/jpeg;q=0, image/png;q=0", ("png",)),
        (";;;,,q=", ("jpeg", "png")),
    ],
)
def test_weights_decide_and_what_is_not_named_weighs_what_the_wildcard_says(accept, formats):
    assert formats_for(accept) == formats


def test_a_keyword_twice_is_no_guess(client, flask_client):
    for each in (client, flask_client):
        answer = each.post("/v1/images?width=5&width=6", content=RGB)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_value")
        assert "several" in answer.json()["detail"]


def test_a_picture_in_json_has_not_the_tag_of_the_picture(client):
    url = aikit.files.to_data_url(gradient(6, 8, 3), format="png")
    answer = client.post("/v1/images", json={"image": url})
    assert answer.headers["content-type"] == "application/json"
    assert "etag" not in answer.headers


def test_an_address_without_a_recipe_is_not_signed():
    with pytest.raises(aikit.InputValueError, match="recipe: expected a step or an option, got none"):
        sign_url("cat.png", aikit.Recipe(), keys=["key"])


def test_a_preset_that_is_none_is_named_at_the_start():
    with pytest.raises(aikit.InputValueError, match="preset small, steps: expected names from"):
        create_app(settings(presets={"small": "resiz width=3"}))


@pytest.mark.parametrize(
    "options",
    [
        {"to": "jpeg", "subsampling": "4:4:4", "progressive": "true", "optimize": "true"},
        {"to": "webp", "effort": "1"},
        {"to": "png", "palette": "8"},
    ],
)
def test_how_a_picture_is_encoded_can_be_asked_for(client, flask_client, options):
    line = "; ".join(["resize width=20", " ".join(f"{name}={value}" for name, value in options.items())])
    expected = aikit.Recipe.parse(line).bytes(RGB)
    plain = aikit.Recipe.parse(f"resize width=20; to={options['to']}").bytes(RGB)
    assert expected != plain
    for each in (client, flask_client):
        assert each.post("/v1/images", params={"width": "20", **options}, content=RGB).content == expected


def test_the_schema_of_a_recipe_knows_all_its_options(client):
    (schema,) = [each for each in client.get("/v1/recipes").json()["recipe"]["oneOf"] if each["type"] == "object"]
    names = {each.name for each in dataclasses.fields(aikit.Recipe)}
    assert set(schema["properties"]) == {*names, "version"}


# ---------------------------------------------------------------- caches


def test_what_may_be_read_does_not_depend_on_what_was_kept(client):
    assert client.post("/v1/images?to=png", content=TIFF).status_code == 415
    assert client.get(sign_url("scan.tif", "to=png", keys=["key"])).status_code == 200
    assert client.post("/v1/images?to=png", content=TIFF).status_code == 415


def test_rubbish_in_a_shared_cache_is_no_picture():
    recipe, limits = aikit.Recipe.parse("resize width=5; to=png"), aikit.Limits()
    with open_cache("memory:") as cache:
        keys = []

        class Watching(type(cache)):
            def get(self, key, **options):
                keys.append(key)
                return b"rubbish"

        answer = handle(recipe, RGB, limits=limits, cache=Watching(10**6))
        assert isinstance(answer, Answer)
        assert (answer.cached, answer.media_type, len(keys)) == (False, "image/png", 1)


def test_tags_are_the_same_in_every_process(base):
    code = (
        "import sys, aikit; from aikit.serve.core import handle\n"
        "limits = aikit.Limits(formats={'png', 'jpeg', 'webp', 'gif', 'avif', 'tiff'})\n"
        "data = open(sys.argv[1], 'rb').read()\n"
        "print(handle(aikit.Recipe.parse('resize width=5'), data, limits=limits, if_none_match='*').headers['ETag'])"
    )
    tags = set()
    for seed in ("1", "2", "3"):
        environment = {**os.environ, "PYTHONPATH": str(SRC), "PYTHONHASHSEED": seed}
        command = [sys.executable, "-c", code, str(base / "cat.png")]
        tags.add(subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout)
    assert len(tags) == 1
