"""The web servers of the examples, as processes on loopback: pictures and models answer right, hostile uploads get a code."""

import datetime as dt
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
STEPS = "make_transparent color=white tolerance=0.05 feather=0.2; resize width=60; to=png"


def flipped(data):
    damaged = bytearray(data)
    damaged[len(data) // 2] ^= 0x40
    return bytes(damaged)


BOMB = runpy.run_path(str(ROOT / "examples" / "web_client.py"))["bomb"]()
SVG = b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'><image href='file:///etc/passwd'/></svg>"


@pytest.mark.parametrize("form", [False, True], ids=["raw", "form"])
def test_an_upload_comes_back_cut_out_and_resized(client, form):
    if form:
        answer = client.post("/v1/images", files={"file": ("picture", PNG)}, data={"recipe": STEPS})
    else:
        answer = client.post("/v1/images", params={"recipe": STEPS}, content=PNG)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "image/png"
    result = aikit.read_numpy(answer.content)
    expected = aikit.make_transparent(Image.fromarray(picture()), color="white", tolerance=0.05, feather=0.2)
    np.testing.assert_array_equal(result, aikit.to_numpy(aikit.resize(expected, width=60)))


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
    answer = client.post("/v1/images", params={"recipe": STEPS}, content=image)
    assert answer.status_code == 200, answer.text
    assert aikit.has_alpha(aikit.read_pil(answer.content))
    assert client.post("/v1/models/digit", content=image).status_code == 200


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
@pytest.mark.parametrize("address", ["/v1/images", "/v1/models/digit"])
def test_a_hostile_upload_gets_its_code_and_the_server_lives_on(client, data, status, code, address):
    answers = [client.post(address, content=data), client.post(address, files={"file": ("a", data)})]
    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(status, code)] * 2
    assert all("expected" in answer.json()["detail"] for answer in answers)
    assert client.post(address, content=PNG).status_code == 200


def test_the_classifier_says_a_digit_and_when(client):
    said = client.post("/v1/models/digit", content=PNG).json()
    assert said["digit"] == int(np.argmax(said["scores"]))
    assert sum(said["scores"]) == pytest.approx(1, abs=1e-5)
    age = dt.datetime.now(dt.UTC) - dt.datetime.fromisoformat(said["said"])
    assert abs(age) < dt.timedelta(minutes=5)
    assert client.post("/v1/models/digit", content=PNG).json()["scores"] == pytest.approx(said["scores"])


def test_the_model_of_texts_takes_json(client):
    answer = client.post("/v1/models/words", json={"text": "to be or not to be"})
    assert answer.json() == {"words": 6, "different": 4, "longest": "not"}
    for body in ({"text": 5}, {}, [1]):
        answer = client.post("/v1/models/words", json=body)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_value")


def test_models_that_answer_with_pictures(client):
    cut_out = aikit.read_numpy(client.post("/v1/models/cut-out", content=PNG).content)
    assert cut_out.shape == (90, 120, 4)
    assert (cut_out[0, 0, 3], cut_out[45, 60, 3]) == (0, 255)
    twice = aikit.read_pil(client.post("/v1/models/twice", content=PNG, headers={"accept": "image/png"}).content)
    assert twice.tobytes() == aikit.upsample(Image.fromarray(picture()), 2, sharpen=0.5).tobytes()


def test_a_body_is_refused_before_it_is_read_whole(client):
    answer = client.post("/v1/images", content=bytes(14_000_000))
    assert (answer.status_code, answer.json()["code"]) == (413, "limit_exceeded")
    assert "picture" not in answer.json()["detail"]  # the reader, which would refuse it too, never saw it
