"""The service over real sockets: pictures in every form, problems, load, and an end that answers."""

import asyncio
import base64
import contextlib
import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import zlib
from pathlib import Path

import httpx
import numpy as np
import pydantic
import pytest
from PIL import Image

import aikit
from aikit.serve import Model, create_app, open_cache, sign_url
from aikit.serve.problems import STATUSES
from aikit.settings import Settings
from servers import free_port, served, wait_for

SRC = Path(aikit.__file__).parents[1]


def gradient(height, width, channels, dtype=np.uint8):
    """Every row, column and channel differs."""
    top = np.iinfo(dtype).max
    y, x, c = np.ogrid[:height, :width, :channels]
    return ((y * 7 + x * 3 + c * 50) * (top // 255) % top).astype(dtype)


RGB = aikit.encode(gradient(60, 80, 3), "png")
RGBA = aikit.encode(gradient(60, 80, 4), "png")
DEEP = aikit.encode(gradient(6, 8, 3, np.uint16), "png")


def huge():
    """A PNG that says it is 40 000 pixels wide and high."""
    head = b"IHDR" + (40000).to_bytes(4, "big") * 2 + RGB[24:29]
    return RGB[:12] + head + zlib.crc32(head).to_bytes(4, "big") + RGB[33:]


HUGE = huge()


def settings(**values):
    return Settings(**{"cache": "", **values})


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    folder = tmp_path_factory.mktemp("base")
    (folder / "2026").mkdir()
    (folder / "2026" / "cat 1.png").write_bytes(RGBA)
    (folder.parent / "secret.png").write_bytes(RGB)
    (folder / "link.png").symlink_to(folder.parent / "secret.png")
    (folder / "notes.txt").write_text("not a picture")
    return folder


@pytest.fixture(scope="module")
def client(base):
    presets = {"thumbnail": "resize width=20; to=webp"}
    with served(
        create_app(settings(base=base, signing_keys=("new", "old"), presets=presets, cache="memory:"))
    ) as client:
        yield client


def pixels(response):
    assert response.status_code == 200, response.text
    return aikit.read_numpy(response.content)


def problem(response):
    """A problem of RFC 9457, and nothing of this machine in it."""
    found = response.json()
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["cache-control"] == "no-store"
    assert (found["status"], found["type"]) == (response.status_code, f"urn:aikit:problem:{found['code']}")
    assert found["instance"] == f"urn:aikit:request:{response.headers['x-request-id']}"
    assert found["title"].endswith(".")
    for word in (str(SRC), "/tmp", "Limits(", "read_pil", "Traceback", "aikit."):
        assert word not in response.text
    return found


# ---------------------------------------------------------------- pictures


def test_a_picture_after_a_resize_is_what_python_gives(client):
    answer = client.post("/v1/images?width=20&to=png", content=RGBA)
    expected = aikit.Recipe([("resize", {"width": 20})], to="png").bytes(RGBA)
    assert answer.content == expected
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_alpha_depth_and_orientation_are_as_in_python(client):
    assert np.array_equal(pixels(client.post("/v1/images", content=RGBA)), gradient(60, 80, 4))
    deep = pixels(client.post("/v1/images", content=DEEP))
    assert deep.dtype == np.uint16
    assert np.array_equal(deep, gradient(6, 8, 3, np.uint16))
    buffer = io.BytesIO()
    image = Image.fromarray(gradient(40, 60, 3))
    exif = image.getexif()
    exif[0x0112] = 6
    image.save(buffer, "JPEG", exif=exif)
    assert pixels(client.post("/v1/images?to=png", content=buffer.getvalue())).shape == (60, 40, 3)


FORMS = {
    "raw": {"content": RGB, "headers": {"content-type": "text/plain"}},
    "multipart": {"files": {"file": ("a.png", RGB)}},
    "json": {
        "json": {"image": f"data:image/png;base64,{base64.b64encode(RGB).decode()}"},
        "headers": {"accept": "image/png"},
    },
    "in chunks": {"content": iter([RGB[:100], RGB[100:]])},
}


@pytest.mark.parametrize("form", FORMS)
def test_a_picture_comes_in_every_form(client, form):
    arguments = {**FORMS[form]}
    if form == "in chunks":
        arguments["content"] = iter([RGB[:100], RGB[100:]])
    assert np.array_equal(pixels(client.post("/v1/images?to=png", **arguments)), gradient(60, 80, 3))


@pytest.mark.parametrize(
    "recipe",
    [
        "resize width=10; flatten background=white; to=png",
        aikit.Recipe([("resize", {"width": 10}), ("flatten", {"background": "white"})], to="png").to_json(),
    ],
    ids=["line", "json"],
)
@pytest.mark.parametrize("where", ["address", "form", "body"])
def test_a_recipe_of_several_steps(client, recipe, where):
    expected = aikit.Recipe.parse("resize width=10; flatten background=white; to=png").bytes(RGBA)
    if where == "address":
        answer = client.post("/v1/images", params={"recipe": recipe}, content=RGBA)
    elif where == "form":
        answer = client.post("/v1/images", files={"file": RGBA}, data={"recipe": recipe})
    else:
        given = json.loads(recipe) if recipe.startswith("{") else recipe
        image = f"data:image/png;base64,{base64.b64encode(RGBA).decode()}"
        answer = client.post("/v1/images", json={"image": image, "recipe": given}, headers={"accept": "image/*"})
    assert answer.content == expected


def test_json_in_gives_json_out_unless_a_picture_is_asked_for(client):
    image = f"data:image/png;base64,{base64.b64encode(RGB).decode()}"
    answer = client.post("/v1/images", json={"image": image, "recipe": "resize width=10; to=png"}).json()
    assert answer["image"].startswith("data:image/png;base64,")
    data = base64.b64decode(answer["image"].partition(",")[2])
    assert (aikit.read_pil(data).size, answer["bytes"]) == ((10, 8), len(data))


ACCEPTS = [
    ("", RGB, "jpeg"),
    ("", RGBA, "png"),
    ("*/*", RGBA, "png"),
    ("image/avif,image/webp,image/apng,*/*;q=0.8", RGBA, "avif"),
    ("image/webp,*/*", RGB, "webp"),
    ("image/avif;q=0, image/webp;q=0.1, image/jpeg", RGBA, "webp"),
    ("image/jpeg", RGBA, "png"),
    ("image/png;q=0.2, image/jpeg;q=0.9", RGB, "jpeg"),
    ("text/html", RGBA, "png"),
    ("image/webp;q=nonsense, ,;;,", RGB, "jpeg"),
    ("image/avif,image/webp", DEEP, "png"),
]  # fmt: skip


@pytest.mark.parametrize(("accept", "data", "format"), ACCEPTS, ids=range(len(ACCEPTS)))
def test_the_format_is_what_the_client_takes_and_what_holds_the_picture(client, accept, data, format):
    answer = client.post("/v1/images", content=data, headers={"accept": accept})
    assert answer.headers["content-type"] == f"image/{format}"
    assert answer.headers["vary"] == "Accept"
    shape = pixels(answer).shape
    assert shape[2] == (4 if data is RGBA else 3)


def test_each_format_has_a_tag_of_its_own(client):
    tags = {
        client.post("/v1/images", content=RGB, headers={"accept": a}).headers["etag"]
        for a in ("image/avif", "image/webp", "")
    }
    assert len(tags) == 3
    # Browsers write the same wish in many ways.
    again = {
        client.post("/v1/images", content=RGB, headers={"accept": a}).headers["etag"]
        for a in ("image/webp", "image/webp, */*;q=0.8")
    }
    assert len(again) == 1


# ---------------------------------------------------------------- signed addresses


def sign(name, recipe="resize width=20; to=webp", key="new"):
    return sign_url(name, recipe, keys=[key])


def test_a_signed_picture_is_answered_and_kept_by_the_client(client):
    answer = client.get(sign("2026/cat 1.png"))
    assert answer.content == aikit.Recipe.parse("resize width=20; to=webp").bytes(RGBA)
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    tag = answer.headers["etag"]
    for match in (tag, f"W/{tag}", f'"other", {tag}'):
        again = client.get(sign("2026/cat 1.png"), headers={"if-none-match": match})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert client.get(sign("2026/cat 1.png"), headers={"if-none-match": '"other"'}).status_code == 200


def test_old_keys_and_presets_are_taken(client):
    assert client.get(sign("2026/cat 1.png", key="old")).status_code == 200
    assert client.get(sign("2026/cat 1.png", "thumbnail")).content == aikit.Recipe.parse(
        "resize width=20; to=webp"
    ).bytes(RGBA)


def test_heads_are_answered_without_a_body(client):
    url = sign("2026/cat 1.png")
    whole, head = client.get(url), client.head(url)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(whole.content))
    assert head.headers["etag"] == whole.headers["etag"]
    assert client.head(url.replace("cat", "dog")).status_code == 403
    assert (client.head("/livez").status_code, client.head("/readyz").status_code) == (200, 200)


def test_a_changed_address_is_refused(client):
    url = sign("2026/cat 1.png")
    for changed in (
        url.replace("cat", "dog"),
        url.replace("width%3D20", "width%3D2000"),
        url.replace("2026/", "2026%2f..%2f"),
        sign("2026/cat 1.png", key="none"),
    ):
        answer = client.get(changed)
        assert (answer.status_code, problem(answer)["code"]) == (403, "bad_signature")


@pytest.mark.parametrize("name", ["../secret.png", "link.png", "none.png", "2026", "/etc/passwd", "..\\secret.png"])
def test_nothing_outside_the_folder_is_answered_even_where_it_was_signed(client, name):
    answer = client.get(sign(name))
    assert (answer.status_code, problem(answer)["code"]) in [
        (404, "no_access"),
        (404, "not_found"),
        (403, "bad_signature"),
    ]


def test_what_is_no_picture_is_told(client):
    assert problem(client.get(sign("notes.txt")))["code"] == "unsupported_format"
    assert problem(client.get(sign("2026/cat 1.png", "resize wid=3")))["status"] == 422


# ---------------------------------------------------------------- problems

BAD = {
    "no picture": ({"content": b"hello"}, 415, "unsupported_format"),
    "half a picture": ({"content": RGB[: len(RGB) // 2]}, 422, "truncated"),
    "nothing": ({"content": b""}, 422, "truncated"),
    "too many pixels": ({"content": HUGE}, 413, "limit_exceeded"),
    "unknown step": ({"content": RGB, "params": {"recipe": "explode"}}, 422, "invalid_value"),
    "unknown keyword": ({"content": RGB, "params": {"recipe": "resize wid=3"}}, 422, "invalid_value"),
    "unknown name": ({"content": RGB, "params": {"widht": 3}}, 422, "invalid_value"),
    "no number": ({"content": RGB, "params": {"width": "x"}}, 422, "invalid_value"),
    "out of bounds": ({"content": RGB, "params": {"width": 0}}, 422, "invalid_value"),
    "unknown format": ({"content": RGB, "params": {"to": "exe"}}, 422, "invalid_value"),
    "alpha into jpeg": ({"content": RGBA, "params": {"to": "jpeg"}}, 422, "invalid_value"),
    "two recipes": ({"files": {"file": RGB}, "data": {"recipe": "trim"}, "params": {"width": 3}}, 422, "invalid_value"),
    "recipe and keywords": ({"content": RGB, "params": {"recipe": "trim", "width": 3}}, 422, "invalid_value"),
    "no file": ({"files": {"other": RGB}}, 422, "invalid_value"),
    "no boundary": ({"content": RGB, "headers": {"content-type": "multipart/form-data"}}, 400, "bad_request"),
    "no json": ({"content": b"{", "headers": {"content-type": "application/json"}}, 422, "invalid_value"),
    "no data URL": ({"json": {"image": "hello"}}, 422, "invalid_value"),
    "an unknown field": ({"json": {"image": "data:,", "more": 1}}, 422, "invalid_value"),
    "an answer too large": ({"content": RGB, "params": {"width": 65535}}, 413, "limit_exceeded"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_what_is_wrong_is_told_in_one_form(client, case):
    arguments, status, code = BAD[case]
    answer = client.post("/v1/images", **arguments)
    found = problem(answer)
    assert (answer.status_code, found["code"]) == (status, code), found
    if code == "limit_exceeded":
        assert found["found"] > found["allowed"]
        assert found["limit"] in ("max_pixels", "max_side", "max_output_pixels")
    if case in ("no number", "out of bounds", "an unknown field", "no data URL"):
        assert all(each["pointer"].startswith("/") and each["detail"] for each in found["errors"])


def test_addresses_and_methods_that_are_not_there(client):
    assert (client.get("/none").status_code, problem(client.get("/none"))["code"]) == (404, "not_found")
    answer = client.get("/v1/images")
    assert (answer.status_code, problem(answer)["code"], answer.headers["allow"]) == (405, "method_not_allowed", "POST")


def test_a_fault_of_ours_says_nothing_of_itself(base, caplog):
    def broken(images):
        raise RuntimeError("the secret is hunter2")

    with served(create_app(settings(), models=[Model("broken", broken)])) as client:
        answer = client.post("/v1/models/broken", content=RGB)
        assert (answer.status_code, problem(answer)["code"]) == (500, "internal_error")
        assert "hunter2" not in answer.text
    assert "hunter2" in caplog.text


def test_every_code_of_an_error_has_a_status():
    from aikit.errors import CODES

    of_files = {
        "exists",
        "missing_dependency",
        "no_device",
        "memory",
        "clash",
        "left_out",
        "frames_left",
    }  # of this machine: a 500
    assert set(CODES) - of_files <= set(STATUSES)


# ---------------------------------------------------------------- bodies


def raw_request(client, head, body=b"", *, wait=5):
    """What a client sees that sends these bytes, and how many of the body it could send."""
    with socket.create_connection((client.base_url.host, client.base_url.port), wait) as wire:
        wire.sendall(head)
        sent, answer = 0, b""
        with contextlib.suppress(OSError):
            for part in range(0, len(body), 65536):
                wire.sendall(body[part : part + 65536])
                sent += 65536
        with contextlib.suppress(OSError):
            while found := wire.recv(65536):
                answer += found
                if b"}" in answer.partition(b"\r\n\r\n")[2]:
                    break
        return answer, sent


HEAD = b"POST /v1/images HTTP/1.1\r\nHost: a\r\n"


def test_a_long_body_is_refused_by_its_declared_length_before_a_byte_of_it(client):
    answer, _ = raw_request(client, HEAD + b"Content-Length: 100000000\r\nExpect: 100-continue\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"100 Continue" not in answer
    assert b'"limit": "max_bytes"' in answer


def test_a_long_body_in_chunks_is_refused_when_it_is_too_long(client):
    chunk = b"10000\r\n" + bytes(65536) + b"\r\n"
    answer, sent = raw_request(client, HEAD + b"Transfer-Encoding: chunked\r\n\r\n", chunk * 1500)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert sent < 30_000_000


def test_a_body_without_a_length_and_one_that_lies(client):
    answer, _ = raw_request(client, HEAD + b"\r\n")
    assert answer.startswith(b"HTTP/1.1 411 ")
    answer, _ = raw_request(client, HEAD + b"Content-Length: -5\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 400 ")


def test_a_slow_body_is_not_awaited():
    with served(create_app(settings(body_seconds=0.3))) as client:
        answer, _ = raw_request(client, HEAD + b"Content-Length: 1000\r\n\r\nslow")
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b'"code": "too_slow"' in answer


# ---------------------------------------------------------------- load


class Slow:
    """An operation's stand-in: work that lasts, counted."""

    def __init__(self, monkeypatch, seconds=0.3):
        self.running = self.most = self.done = 0
        self.lock = threading.Lock()
        self.seconds = seconds
        monkeypatch.setattr("aikit.serve.core.apply", self)

    def __call__(self, *_):
        with self.lock:
            self.running += 1
            self.most = max(self.most, self.running)
        try:
            aikit.isolation.guarded(
                _sleep, self.seconds, subject="picture", limits=aikit.Limits(), isolate=True, expect=str
            )
        finally:
            with self.lock:
                self.running -= 1
                self.done += 1
        return RGB


def _sleep(seconds):
    time.sleep(seconds)
    return "slept"


async def ask(client, count, *, patience=30, same=False):
    """So many requests at once: their answers, or None for those that gave up."""
    async with httpx.AsyncClient(
        base_url=client.base_url, timeout=patience, limits=httpx.Limits(max_connections=200)
    ) as many:

        async def one(number):
            try:
                return await many.post(
                    "/v1/images", content=RGB if same else RGB + bytes([number % 256, number // 256])
                )
            except httpx.TimeoutException:
                return None

        return await asyncio.gather(*map(one, range(count)))


def test_places_queue_and_patience_hold(monkeypatch):
    slow = Slow(monkeypatch)
    with served(create_app(settings(places=2, queue=3, patience=5))) as client:
        answers = asyncio.run(ask(client, 12))
    assert sorted(answer.status_code for answer in answers) == [200] * 5 + [503] * 7
    assert slow.most == 2
    refused = [answer for answer in answers if answer.status_code == 503]
    assert {problem(answer)["code"] for answer in refused} == {"overloaded"}
    assert all(int(answer.headers["retry-after"]) >= 1 for answer in refused)


def test_patience_ends(monkeypatch):
    Slow(monkeypatch, seconds=1)
    with served(create_app(settings(places=1, queue=5, patience=0.2))) as client:
        answers = asyncio.run(ask(client, 3))
    assert sorted(answer.status_code for answer in answers) == [200, 503, 503]


def test_health_and_metrics_never_wait(monkeypatch):
    Slow(monkeypatch, seconds=3)
    with served(create_app(settings(places=1, queue=1))) as client:
        thread = threading.Thread(target=lambda: asyncio.run(ask(client, 4)))
        thread.start()
        time.sleep(0.5)
        begun = time.monotonic()
        for path in ("/livez", "/readyz", "/metrics"):
            assert client.get(path).status_code == 200
        assert time.monotonic() - begun < 2.2
        text = client.get("/metrics").text
        assert "aikit_running 1.0" in text
        assert "aikit_waiting 1.0" in text
        assert 'aikit_refused_total{code="overloaded"} 2.0' in text
        thread.join()


def test_clients_that_left_cost_no_job(monkeypatch):
    slow = Slow(monkeypatch, seconds=1.5)
    with served(create_app(settings(places=2, queue=40, patience=30))) as client:
        assert asyncio.run(ask(client, 30, patience=0.4)) == [None] * 30
        until = time.monotonic() + 10
        while slow.running and time.monotonic() < until:
            time.sleep(0.05)
        assert client.post("/v1/images", content=RGB).status_code == 200
    # Those at work were ended, those that waited never began; the last one is ours.
    assert slow.done <= 2 + 2 + 1


def test_equal_requests_are_one_job(monkeypatch):
    slow = Slow(monkeypatch)
    with served(create_app(settings(places=4, queue=100), cache=open_cache("memory:"))) as client:
        answers = asyncio.run(ask(client, 40, same=True))
        assert {answer.status_code for answer in answers} == {200}
        assert slow.done == 1
        client.post("/v1/images", content=RGB)
        assert slow.done == 1
        assert 'aikit_cache_total{result="hit"}' in client.get("/metrics").text


def test_a_failure_is_not_kept():
    with served(create_app(settings(), cache=open_cache("memory:"))) as client:
        for _ in range(2):
            assert client.post("/v1/images", content=RGB[:200]).status_code == 422


# ---------------------------------------------------------------- around the pictures


def test_describe_says_what_python_says(client):
    found = client.post("/v1/describe", content=RGBA).json()
    assert found == json.loads(json.dumps(aikit.describe(aikit.read_pil(RGBA)).to_dict()))
    assert problem(client.post("/v1/describe", content=b"hello"))["code"] == "unsupported_format"


def test_recipes_are_listed_and_openapi_is_valid(client):
    import jsonschema

    found = client.get("/v1/recipes").json()
    assert set(found["operations"]) == set(aikit.operations.names())
    assert found["presets"] == {"thumbnail": "resize width=20; to=webp"}
    jsonschema.Draft202012Validator.check_schema(found["recipe"])
    validate = jsonschema.Draft202012Validator(found["recipe"]).is_valid
    assert validate("resize width=3")
    assert validate(json.loads(aikit.Recipe.parse("resize width=3; to=png").to_json()))
    assert not validate({"steps": [{"name": "resize", "wid": 3}]})
    schema = client.get("/openapi.json").json()
    assert {"/v1/images", "/v1/describe", "/livez", "/readyz"} <= set(schema["paths"])
    assert "multipart/form-data" in schema["paths"]["/v1/images"]["post"]["requestBody"]["content"]


def test_the_page_of_documents_is_off_unless_asked_for(client):
    assert client.get("/docs").status_code == 404
    with served(create_app(settings(docs=True))) as other:
        assert other.get("/docs").status_code == 200


def test_requests_have_names_in_answers_and_logs(client, caplog):
    with caplog.at_level("INFO", "aikit.serve"):
        assert client.get("/none", headers={"x-request-id": "abc-1"}).headers["x-request-id"] == "abc-1"
        assert re.fullmatch(
            "[0-9a-f]{32}",
            client.get("/none", headers={"x-request-id": "a b\u00e9".encode("latin-1")}).headers["x-request-id"],
        )
    fields = [record.__dict__ for record in caplog.records if record.message == "answered"]
    assert (fields[0]["path"], fields[0]["status"], fields[0]["method"]) == ("/none", 404, "GET")


def test_metadata_of_an_upload_is_left_out_unless_asked():
    image = Image.fromarray(gradient(8, 8, 3))
    exif = image.getexif()
    exif[0x010F] = "Camera of somebody"
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", exif=exif)
    for metadata, kept in (("strip", False), ("keep", True)):
        with served(create_app(settings(metadata=metadata))) as client:
            assert (
                b"Camera of somebody" in client.post("/v1/images?to=jpeg", content=buffer.getvalue()).content
            ) is kept


# ---------------------------------------------------------------- models


class Text(pydantic.BaseModel):
    text: str
    times: int = 1


class Length(pydantic.BaseModel):
    length: int


def brightness(images):
    """How light a picture is."""
    return [{"light": round(float(np.asarray(image.convert("L")).mean()), 3), "size": image.size} for image in images]


def lengths(items):
    return [Length(length=len(item.text) * item.times) if item.times >= 0 else ValueError("negative") for item in items]


def halved(tensors, weights):
    return list(tensors * weights)


def cut_out(images):
    return [aikit.make_transparent(image, color="white") for image in images]


PREPARED = aikit.preprocess.Preprocess(resize=16, crop=(12, 8), mean=(0.4, 0.5, 0.6), std=(0.2, 0.3, 0.4))


def means(batch):
    return [each.mean((1, 2)).tolist() for each in batch]


MODELS = [
    Model("brightness", brightness),
    Model("lengths", lengths, request=Text, response=Length, batch=8),
    Model("halved", halved, kind="batch", recipe=aikit.Recipe.parse("resize width=8 height=8"), load=lambda: __import__("torch").tensor(0.5), gives_images=True),
    Model("cut-out", cut_out),
    Model("prepared", means, kind="batch", preprocess=PREPARED),
]  # fmt: skip


@pytest.fixture(scope="module")
def models():
    with served(create_app(settings(), models=MODELS)) as client:
        yield client


def test_models_answer_json_and_pictures(models):
    found = models.post("/v1/models/brightness", content=RGB).json()
    assert found == {"light": round(float(np.asarray(aikit.read_pil(RGB).convert("L")).mean()), 3), "size": [80, 60]}
    small = aikit.to_numpy(aikit.resize(aikit.read_tensor(RGB), height=8, width=8) * 0.5, dtype="uint8")
    found = pixels(models.post("/v1/models/halved", content=RGB, headers={"accept": "image/png"}))
    assert np.abs(found.astype(int) - small).max() <= 1
    assert pixels(models.post("/v1/models/cut-out", content=RGB)).shape == (60, 80, 4)


def test_a_model_gets_what_its_preprocess_makes(models):
    found = models.post("/v1/models/prepared", content=RGB).json()
    assert found == pytest.approx(PREPARED(aikit.read_pil(RGB)).mean((1, 2)).tolist(), abs=1e-5)
    assert "alpha" in problem(models.post("/v1/models/prepared", content=RGBA))["detail"]
    with pytest.raises(aikit.InputTypeError, match="preprocess: expected a Preprocess, got 'clip'"):
        aikit.serve.model("other", kind="batch", preprocess="clip")
    with pytest.raises(aikit.InputValueError, match='kind: expected "tensor" or "batch" for a preprocess, got \'pil\''):
        aikit.serve.model("other", preprocess=PREPARED)


def test_a_model_of_texts(models):
    assert models.post("/v1/models/lengths", json={"text": "abc", "times": 2}).json() == {"length": 6}
    found = problem(models.post("/v1/models/lengths", json={"text": 5}))
    assert (found["status"], found["errors"][0]["pointer"]) == (422, "/text")
    assert models.post("/v1/models/lengths", json={"text": "a", "times": -1}).status_code == 500


def test_many_at_once_are_batches_each_with_its_own_answer(models):
    async def main():
        async with httpx.AsyncClient(
            base_url=models.base_url, timeout=30, limits=httpx.Limits(max_connections=200)
        ) as many:
            return await asyncio.gather(
                *(
                    many.post("/v1/models/lengths", json={"text": "x" * n, "times": -1 if n == 7 else 1})
                    for n in range(60)
                )
            )

    answers = asyncio.run(main())
    refused = [n for n, answer in enumerate(answers) if answer.status_code != 200]
    assert all(answers[n].status_code == 503 for n in refused if n != 7)
    assert all(answer.json() == {"length": n} for n, answer in enumerate(answers) if n not in refused)
    assert answers[7].status_code in (500, 503)
    assert 'aikit_batch_size_count{model="lengths"}' in models.get("/metrics").text


def test_models_are_listed_and_documented(models):
    found = models.get("/v1/models").json()
    assert set(found) == {"brightness", "lengths", "halved", "cut-out", "prepared"}
    assert found["brightness"]["summary"] == "How light a picture is."
    assert found["lengths"]["request"]["properties"]["times"]["default"] == 1
    assert "/v1/models/lengths" in models.get("/openapi.json").json()["paths"]
    assert problem(models.post("/v1/models/none", content=RGB))["code"] == "not_found"
    assert problem(models.post("/v1/models/brightness", content=b"hello"))["code"] == "unsupported_format"


# ---------------------------------------------------------------- the command

MODEL_FILE = """
import aikit.serve

@aikit.serve.model("sizes")
def sizes(images):
    return [list(image.size) for image in images]
"""


@contextlib.contextmanager
def command(*options, **variables):
    """`aikit serve` in a process of its own: its address and the process."""
    port = free_port()
    environment = {**os.environ, "PYTHONPATH": str(SRC), "AIKIT_CACHE": "", **variables}
    line = [sys.executable, "-m", "aikit", "serve", "--port", str(port), *options]
    process = subprocess.Popen(line, env=environment, stderr=subprocess.PIPE, text=True)
    url = f"http://127.0.0.1:{port}"

    def ready():
        with contextlib.suppress(httpx.TransportError):
            return httpx.get(f"{url}/readyz").status_code == 200

    try:
        wait_for(ready, process, 60)
        yield url, process
    finally:
        process.kill()
        process.communicate()


def children_of(process):
    import psutil

    return psutil.Process(process.pid).children(recursive=True)


def gone(processes, seconds=3):
    import psutil

    return not psutil.wait_procs(processes, timeout=seconds)[1]


def test_the_command_serves_pictures_and_models_and_signs(tmp_path, base, capsys, monkeypatch):
    from aikit.cli import main

    (tmp_path / "models.py").write_text(MODEL_FILE)
    with command("--base", str(base), "--models", str(tmp_path / "models.py"), AIKIT_SIGNING_KEYS="k") as (url, _):
        assert httpx.post(f"{url}/v1/models/sizes", content=RGB).json() == [80, 60]
        monkeypatch.setenv("AIKIT_SIGNING_KEYS", "k")
        assert main(["sign", "2026/cat 1.png", "--width", "20", "--to", "webp"]) == 0
        address = capsys.readouterr().out.strip()
        assert httpx.get(url + address).content == aikit.Recipe.parse("resize width=20; to=webp").bytes(RGBA)


@pytest.mark.parametrize("workers", [1, 2])
def test_the_end_answers_what_is_in_flight_and_leaves_no_child(workers, tmp_path):
    (tmp_path / "models.py").write_text(
        "import time, aikit.serve\n\n@aikit.serve.model('slow')\ndef slow(images):\n    time.sleep(1)\n    return ['done' for _ in images]\n"
    )
    with command("--workers", str(workers), "--models", str(tmp_path / "models.py"), AIKIT_PLACES="4") as (
        url,
        process,
    ):
        answers = []
        threads = [
            threading.Thread(
                target=lambda: answers.append(httpx.post(f"{url}/v1/models/slow", content=RGB, timeout=20))
            )
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        time.sleep(0.7)
        children = children_of(process)
        assert children
        process.send_signal(signal.SIGTERM)
        for thread in threads:
            thread.join()
        assert [answer.status_code for answer in answers] == [200] * 4
        assert process.wait(10) in (0, -signal.SIGTERM)
        assert gone(children)


def test_bodies_that_are_refused_take_little_memory():
    import psutil

    chunk = b"10000\r\n" + bytes(65536) + b"\r\n"
    with command() as (url, process):
        client = httpx.Client(base_url=url)
        memory = psutil.Process(process.pid).memory_info
        raw_request(client, HEAD + b"Transfer-Encoding: chunked\r\n\r\n", chunk * 320)
        before, seen, done = memory().rss, [0], threading.Event()

        def watch():
            while not done.wait(0.01):
                seen.append(memory().rss)

        watcher = threading.Thread(target=watch)
        watcher.start()
        for head, body in [
            (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", chunk * 1600),
            (HEAD + b"Content-Length: 100000000\r\n\r\n", bytes(100_000_000)),
        ]:
            answer, _ = raw_request(client, head, body)
            assert answer.startswith(b"HTTP/1.1 413 ")
        done.set()
        watcher.join()
        assert max(seen) - before < 20_000_000


def test_workers_end_with_their_parent_and_are_started_again():
    import psutil

    with command("--workers", "2") as (_, process):
        workers = psutil.Process(process.pid).children()
        assert len(workers) == 2
        workers[0].kill()
        until = time.monotonic() + 20
        while len([each for each in psutil.Process(process.pid).children() if each.status() != "zombie"]) < 2:
            assert time.monotonic() < until
            time.sleep(0.1)
        everybody = children_of(process)
        process.kill()
        assert gone(everybody, 10)


@pytest.mark.parametrize("options", [["--base", "/no/such/folder"], ["--port", "99999"], ["--config", "none.toml"]])
def test_what_cannot_be_served_is_said_at_the_start(options, capsys):
    from aikit.cli import main

    assert main(["serve", *options]) == 2
    assert "aikit serve: " in capsys.readouterr().err


def test_answers_do_not_wait_for_acknowledgements():
    from aikit.serve.start import _listen

    with _listen(settings(port=0)) as door:
        assert door.proto == socket.IPPROTO_TCP


def test_an_address_that_is_taken_is_said(capsys):
    from aikit.cli import main

    with socket.create_server(("127.0.0.1", 0)) as door:
        assert main(["serve", "--port", str(door.getsockname()[1])]) == 2
    assert "expected an address that is free" in capsys.readouterr().err


def test_importing_aikit_loads_nothing_of_it():
    code = "import sys, aikit; aikit.Recipe, aikit.serve; print(sorted(set(sys.modules) & {'fastapi', 'redis', 'pydantic', 'prometheus_client', 'uvicorn', 'flask'}))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(SRC)},
    )
    assert done.stdout.strip() == "[]"
