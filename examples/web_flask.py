"""Pictures from strangers, with Flask: python examples/web_flask.py [port].

POST /picture       a form with `file`, and, if wanted, `color` and `side`: gives a PNG
POST /picture/json  {"image": "data:image/...;base64,...", "color": "white", "side": 512}: gives {"image": "data:..."}
"""

import sys
from typing import Any

from flask import Flask, Response, abort, jsonify, request
from PIL import Image
from werkzeug.exceptions import HTTPException
from werkzeug.serving import make_server

import aikit

MOST_BYTES = 10_000_000
# No documents: what a browser shows is what people upload.
LIMITS = aikit.Limits(max_bytes=MOST_BYTES, formats={"png", "jpeg", "webp", "gif", "avif"})
# What the sender did wrong; everything else is a fault of the server and stays a 500.
SENDER = (aikit.FileFormatError, aikit.InputTypeError, aikit.InputValueError, aikit.LimitError, aikit.WorkerError)
STATUS = {"unsupported_format": 415, "limit_exceeded": 413, "timeout": 413, "worker_failed": 503}

app = Flask(__name__)
# base64 makes four bytes of three, and a form has some lines around its file.
app.config["MAX_CONTENT_LENGTH"] = MOST_BYTES * 4 // 3 + 10_000


def cut_out(data: bytes, color: str, side: int) -> Image.Image:
    """The picture without its background, the longer side at most `side`: a small upload cannot make a large answer."""
    image = aikit.read_pil(data, limits=LIMITS, isolate=True)  # a decoder that crashes takes only its child with it
    image = aikit.make_transparent(image, color=color, tolerance=0.05, feather=0.2)
    return aikit.resize(image, scale=min(1.0, side / max(image.size)))


def explain(error: Exception) -> tuple[Response, int]:
    """An error of aikit as an answer: the code is stable, the message is for people."""
    code = getattr(error, "code", "invalid_value")
    return jsonify(code=code, message=str(error)), STATUS.get(code, 422)


for kind in SENDER:
    app.register_error_handler(kind, explain)


@app.errorhandler(HTTPException)
def explain_refusal(error: HTTPException) -> tuple[Response, int]:
    """Flask's own refusals in the same form: no file, a body that is too large, JSON that is none."""
    return jsonify(code=error.name.lower().replace(" ", "_"), message=error.description), error.code or 500


def checked_side(value: Any) -> int:
    """A side from a form or from JSON."""
    text = str(value)
    if not (text.isascii() and text.isdigit() and len(text) < 5 and 1 <= int(text) <= 4096):
        abort(422, f"side: expected 1 to 4096, got {text[:20]!r}.")
    return int(text)


@app.post("/picture")
def from_upload() -> Response:
    """A PNG of an upload."""
    data, color, side = request.files["file"].read(), request.form.get("color", "white"), request.form.get("side", 512)
    return Response(aikit.encode(cut_out(data, color, checked_side(side)), "png"), mimetype="image/png")


@app.post("/picture/json")
def from_json() -> Response:
    """A data URL of a data URL."""
    order = request.get_json()
    if not isinstance(order, dict) or "image" not in order:
        abort(422, 'expected an object with "image".')
    side = checked_side(order.get("side", 512))
    image = cut_out(aikit.files.from_data_url(order["image"]), order.get("color", "white"), side)
    return jsonify(image=aikit.files.to_data_url(image))


if __name__ == "__main__":
    server = make_server("127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 8000, app, threaded=True)
    print(f"listening on http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()
