"""The web endpoints of the examples, as processes on loopback: pictures come back right, hostile ones as a 4xx."""

import base64
import os
import runpy
import subprocess
import sys
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image

import aikit

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module", params=["web_fastapi", "web_flask"])
def client(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    command = [sys.executable, str(ROOT / "examples" / f"{request.param}.py"), "0"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    with (
        (folder / "stderr").open("w") as stderr,
        subprocess.Popen(
            command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=stderr, text=True
        ) as server,
    ):
        try:
            line = server.stdout.readline()
            assert line.startswith("listening on "), (folder / "stderr").read_text()
            with httpx.Client(base_url=line.split()[-1], timeout=60) as client:
                yield client
        finally:
            server.terminate()


def picture():
    """A disc of many colors on white, smooth nowhere."""
    row, column = np.mgrid[0:90, 0:120]
    disc = np.hypot(row - 45, column - 60) < 35
    colors = np.stack([row, column, row + column // 2], axis=-1)
    return np.where(disc[..., None], colors, 255).astype(np.uint8)


PNG = aikit.encode(picture(), "png")


def expected(side):
    image = aikit.make_transparent(Image.fromarray(picture()), color="white", tolerance=0.05, feather=0.2)
    return aikit.to_numpy(aikit.resize(image, scale=min(1.0, side / 120)))


def upload(client, data, **form):
    return client.post("/picture", files={"file": ("picture", data)}, data=form)


def order(client, image, **options):
    return client.post("/picture/json", json={"image": image, **options})


def flipped(data):
    damaged = bytearray(data)
    damaged[len(data) // 2] ^= 0x40
    return bytes(damaged)


BOMB = runpy.run_path(str(ROOT / "examples" / "web_client.py"))["bomb"]()
SVG = b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'><image href='file:///etc/passwd'/></svg>"


@pytest.mark.parametrize(("side", "shape"), [(60, (45, 60, 4)), (4096, (90, 120, 4))], ids=["smaller", "never larger"])
def test_an_upload_comes_back_cut_out_and_resized(client, side, shape):
    answer = upload(client, PNG, color="white", side=side)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "image/png"
    result = aikit.read_numpy(answer.content)
    assert result.shape == shape
    assert result[0, 0, 3] == 0
    assert result[shape[0] // 2, shape[1] // 2, 3] == 255
    np.testing.assert_array_equal(result, expected(side))


def test_a_data_url_comes_back_as_one(client):
    answer = order(client, aikit.files.to_data_url(picture()), side=60)
    assert answer.status_code == 200, answer.text
    result = aikit.read_numpy(aikit.files.from_data_url(answer.json()["image"]))
    np.testing.assert_array_equal(result, expected(60))


@pytest.mark.parametrize(
    "image",
    [
        aikit.encode(Image.fromarray(picture()).quantize(16), "gif"),
        aikit.encode(picture(), "jpeg"),
        aikit.encode(np.arange(10_800, dtype=np.uint16).reshape(90, 120), "png"),
        aikit.encode(np.arange(32_400, dtype=np.uint16).reshape(90, 120, 3), "png"),
    ],
    ids=["palette", "jpeg", "16-bit gray", "16-bit color"],
)
def test_every_form_of_picture_is_taken(client, image):
    answer = upload(client, image, side=60)
    assert answer.status_code == 200, answer.text
    assert aikit.has_alpha(aikit.read_pil(answer.content))


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        (BOMB, 413, "limit_exceeded"),
        (PNG[:-30], 422, "truncated"),
        (flipped(PNG), 422, "corrupt"),
        (b"", 422, "truncated"),
        (b"hello", 415, "unsupported_format"),
        (SVG, 415, "unsupported_format"),
    ],
    ids=["bomb", "half", "flipped bit", "empty", "text", "format not allowed"],
)
def test_a_hostile_upload_gets_its_code_and_the_server_lives_on(client, data, status, code):
    answers = [upload(client, data), order(client, "data:;base64," + base64.b64encode(data).decode())]
    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(status, code)] * 2
    assert all("expected" in answer.json()["message"] for answer in answers)
    assert upload(client, PNG).status_code == 200


@pytest.mark.parametrize(
    "options",
    [{"color": "whiite"}, {"side": 0}, {"side": 99_999}, {"side": "²"}],
    ids=["color", "side 0", "side too large", "side in another script"],
)
def test_a_bad_option_is_the_senders_fault(client, options):
    assert upload(client, PNG, **options).status_code == 422
    assert order(client, aikit.files.to_data_url(picture()), **options).status_code == 422


@pytest.mark.parametrize("image", ["/etc/passwd", "data:image/png;base64,@@@", 5, None], ids=repr)
def test_what_is_no_data_url_is_the_senders_fault(client, image):
    assert order(client, image).status_code == 422


def test_a_request_without_a_picture_is_the_senders_fault(client):
    assert client.post("/picture", data={"color": "white"}).status_code in (400, 422)
    for body in ([1], {}, "text"):
        assert client.post("/picture/json", json=body).status_code == 422
    damaged = client.post("/picture/json", content=b"{", headers={"content-type": "application/json"})
    assert damaged.status_code in (400, 422)


def test_a_body_is_refused_before_it_is_read_whole(client):
    large = upload(client, bytes(14_000_000))
    assert large.status_code == 413
    assert "source" not in large.json()["message"]  # the reader, which would refuse it too, never saw it
    assert upload(client, PNG + bytes(10_000_000)).status_code == 413

    def endless():
        yield from [b"a" * 1000] * 3

    form = {"content-type": "multipart/form-data; boundary=x"}
    unknown = client.post("/picture", content=endless(), headers=form)
    assert (unknown.status_code, unknown.json()["code"]) in [(411, "length_required"), (400, "bad_request")]
