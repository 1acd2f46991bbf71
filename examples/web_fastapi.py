"""Pictures from strangers, with FastAPI: python examples/web_fastapi.py [port].

POST /picture       a form with `file`, and, if wanted, `color` and `side`: gives a PNG
POST /picture/json  {"image": "data:image/...;base64,...", "color": "white", "side": 512}: gives {"image": "data:..."}
"""

import socket
import sys
from collections.abc import Awaitable, Callable
from typing import Annotated

import uvicorn
from fastapi import FastAPI, Form, Request, Response, UploadFile
from fastapi.responses import JSONResponse
from PIL import Image
from pydantic import BaseModel, Field

import aikit

MOST_BYTES = 10_000_000
# No documents: what a browser shows is what people upload.
LIMITS = aikit.Limits(max_bytes=MOST_BYTES, formats={"png", "jpeg", "webp", "gif", "avif"})
# What the sender did wrong; everything else is a fault of the server and stays a 500.
SENDER = (aikit.FileFormatError, aikit.InputTypeError, aikit.InputValueError, aikit.LimitError, aikit.WorkerError)
STATUS = {"unsupported_format": 415, "limit_exceeded": 413, "timeout": 413, "worker_failed": 503}

app = FastAPI()


def cut_out(data: bytes, color: str, side: int) -> Image.Image:
    """The picture without its background, the longer side at most `side`: a small upload cannot make a large answer."""
    image = aikit.read_pil(data, limits=LIMITS, isolate=True)  # a decoder that crashes takes only its child with it
    image = aikit.make_transparent(image, color=color, tolerance=0.05, feather=0.2)
    return aikit.resize(image, scale=min(1.0, side / max(image.size)))


@app.middleware("http")
async def refuse_large_bodies(request: Request, answer: Callable[[Request], Awaitable[Response]]) -> Response:
    """Refuse a body before it is read; the server holds the sender to the length that is declared."""
    length = request.headers.get("content-length")
    if request.method == "POST" and length is None:
        return JSONResponse({"code": "length_required", "message": "send a Content-Length"}, 411)
    # base64 makes four bytes of three, and a form has some lines around its file.
    if length is not None and int(length) > MOST_BYTES * 4 // 3 + 10_000:
        return JSONResponse({"code": "limit_exceeded", "message": f"body: expected {MOST_BYTES} bytes at most."}, 413)
    return await answer(request)


async def explain(request: Request, error: Exception) -> JSONResponse:
    """An error of aikit as an answer: the code is stable, the message is for people."""
    code = getattr(error, "code", "invalid_value")
    return JSONResponse({"code": code, "message": str(error)}, STATUS.get(code, 422))


for kind in SENDER:
    app.add_exception_handler(kind, explain)

Side = Annotated[int, Field(ge=1, le=4096)]


class Order(BaseModel):
    """What a front end sends."""

    image: str
    color: str = "white"
    side: Side = 512


# Plain functions: FastAPI runs them in threads, so that other requests go on meanwhile.
@app.post("/picture")
def from_upload(
    file: UploadFile, color: Annotated[str, Form()] = "white", side: Annotated[int, Form(ge=1, le=4096)] = 512
) -> Response:
    """A PNG of an upload."""
    return Response(aikit.encode(cut_out(file.file.read(), color, side), "png"), media_type="image/png")


@app.post("/picture/json")
def from_json(order: Order) -> dict[str, str]:
    """A data URL of a data URL."""
    return {"image": aikit.files.to_data_url(cut_out(aikit.files.from_data_url(order.image), order.color, order.side))}


if __name__ == "__main__":
    door = socket.create_server(("127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 8000))
    print(f"listening on http://127.0.0.1:{door.getsockname()[1]}", flush=True)
    uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[door])
