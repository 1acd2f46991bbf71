"""The same service on Flask, over a real socket."""

import contextlib
import threading

import httpx
import pytest
from flask import Flask
from werkzeug.serving import make_server

import aikit
from aikit.serve import open_cache, sign_url
from aikit.serve.flask import blueprint, create_app
from test_serve import DEEP, HUGE, RGB, RGBA, pixels, settings


@pytest.fixture(autouse=True, scope="module")
def restore_isolation():
    yield
    aikit.isolation.configure()


@contextlib.contextmanager
def served(app):
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{server.server_port}", timeout=30) as client:
            yield client
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    base = tmp_path_factory.mktemp("base")
    (base / "cat 1.png").write_bytes(RGBA)
    (base / "link.png").symlink_to("/etc/passwd")
    presets = {"thumbnail": "resize width=20; to=webp"}
    app = create_app(settings(base=base, signing_keys=("new", "old"), presets=presets), cache=open_cache("memory:"))
    with served(app) as client:
        yield client


def problem(response):
    found = response.json()
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["cache-control"] == "no-store"
    assert (found["status"], found["type"]) == (response.status_code, f"urn:aikit:problem:{found['code']}")
    return found


def test_pictures_are_what_python_gives(client):
    expected = aikit.Recipe.parse("resize width=20; to=png").bytes(RGBA)
    assert client.post("/v1/images?width=20&to=png", content=RGBA).content == expected
    assert (
        client.post("/v1/images", files={"file": RGBA}, data={"recipe": "resize width=20; to=png"}).content == expected
    )
    assert client.post("/v1/images", params={"recipe": "resize width=20; to=png"}, content=RGBA).content == expected
    assert pixels(client.post("/v1/images", content=DEEP)).dtype == "uint16"


@pytest.mark.parametrize(
    ("accept", "format"), [("", "png"), ("image/webp,*/*", "webp"), ("image/avif,image/webp", "avif")]
)
def test_the_format_is_negotiated(client, accept, format):
    answer = client.post("/v1/images", content=RGBA, headers={"accept": accept})
    assert (answer.headers["content-type"], answer.headers["vary"]) == (f"image/{format}", "Accept")


def test_signed_pictures(client):
    url = sign_url("cat 1.png", "thumbnail", keys=["old"])
    answer = client.get(url)
    assert answer.content == aikit.Recipe.parse("resize width=20; to=webp").bytes(RGBA)
    assert client.get(url, headers={"if-none-match": "W/" + answer.headers["etag"]}).status_code == 304
    assert problem(client.get(url.replace("cat", "dog")))["code"] == "bad_signature"
    assert client.get(sign_url("link.png", "thumbnail", keys=["new"])).status_code == 404


BAD = [
    ({"content": b"hello"}, 415, "unsupported_format"),
    ({"content": RGB[:300]}, 422, "truncated"),
    ({"content": HUGE}, 413, "limit_exceeded"),
    ({"content": bytes(11_000_000)}, 413, "limit_exceeded"),
    ({"content": iter([bytes(6_000_000)] * 2)}, 413, "limit_exceeded"),
    ({"content": RGB, "params": {"widht": 3}}, 422, "invalid_value"),
    ({"content": RGB, "params": {"width": "x"}}, 422, "invalid_value"),
    ({"content": RGB, "params": {"lossless": "perhaps"}}, 422, "invalid_value"),
    ({"content": RGB, "params": {"recipe": "explode"}}, 422, "invalid_value"),
    ({"content": RGBA, "params": {"to": "jpeg"}}, 422, "invalid_value"),
    ({"files": {"other": RGB}}, 422, "invalid_value"),
    ({"files": {"file": RGB}, "data": {"recipe": "trim"}, "params": {"width": 3}}, 422, "invalid_value"),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "status", "code"), BAD, ids=range(len(BAD)))
def test_problems(client, arguments, status, code):
    with contextlib.suppress(httpx.WriteError):  # refused before all of it was sent
        answer = client.post("/v1/images", **arguments)
        assert (answer.status_code, problem(answer)["code"]) == (status, code), answer.text


def test_addresses_that_are_not_there(client):
    assert problem(client.get("/none"))["code"] == "not_found"
    assert problem(client.get("/v1/images"))["code"] == "method_not_allowed"
    assert client.get("/livez").json() == {"status": "alive"}
    assert set(client.get("/v1/recipes").json()["operations"]) == set(aikit.operations.names())
    assert client.post("/v1/describe", content=RGBA).json()["shape"] == [60, 80]


def test_a_blueprint_for_an_app_of_ones_own():
    app = Flask("shop")
    app.config["MAX_CONTENT_LENGTH"] = 10_000_000
    app.register_blueprint(blueprint(settings()), url_prefix="/pictures")

    @app.get("/")
    def home():
        return "home"

    with served(app) as client:
        assert client.get("/").text == "home"
        assert pixels(client.post("/pictures/v1/images?to=png", content=RGB)).shape == (60, 80, 3)
        assert problem(client.post("/pictures/v1/images", content=b"hello"))["code"] == "unsupported_format"
