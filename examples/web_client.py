"""What a client sends to web_fastapi.py or web_flask.py: python examples/web_client.py [address] [out.png].

Without an address it starts web_fastapi.py, which lies beside it.
"""

import contextlib
import struct
import subprocess
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np

import aikit


@contextlib.contextmanager
def server() -> Iterator[str]:
    """The address of a server of our own, on a port that is free."""
    command = [sys.executable, str(Path(__file__).parent / "web_fastapi.py"), "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - a file of our own
        try:
            yield process.stdout.readline().split()[-1]
        finally:
            process.terminate()


def badge() -> np.ndarray:
    """A ring and a wedge on white, with smooth edges."""
    row, column = np.mgrid[-1:1:240j, -1:1:240j]
    radius, angle = np.hypot(row, column), np.arctan2(row, column)
    ring = np.clip((0.1 - abs(radius - 0.75)) * 60, 0, 1)[..., None]
    wedge = np.clip((0.5 - radius) * 60, 0, 1)[..., None] * (abs(angle) > 0.7)[..., None]
    picture = 1 - ring * (1 - np.array([0.1, 0.35, 0.75])) - wedge * (1 - np.array([0.9, 0.35, 0.1]))
    return aikit.to_numpy(picture, dtype="uint8")


def bomb() -> bytes:
    """A PNG of 70 bytes that claims 60,000 x 60,000 pixels."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 6, 0, 0, 0)
    parts = (chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(b"")), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


CUT_OUT = "make_transparent color=white tolerance=0.05 feather=0.2; resize width=160; to=png"


def visit(address: str, target: str) -> None:
    """Send a picture in every form and to every model, then some that are none."""
    picture = aikit.encode(badge(), "png")
    with httpx.Client(base_url=address, timeout=60) as client:
        answer = client.post("/v1/images", params={"recipe": CUT_OUT}, content=picture).raise_for_status()
        Path(target).write_bytes(answer.content)
        form = client.post("/v1/images", files={"file": picture}, data={"recipe": CUT_OUT}).raise_for_status()
        print(f"by a form the same picture: {form.content == answer.content}")

        said = client.post("/v1/models/digit", content=picture).raise_for_status().json()
        print(f"the digit {said['digit']}, said at {said['said']}")
        text = {"text": "a picture is worth a thousand words"}
        print(client.post("/v1/models/words", json=text).raise_for_status().json())
        for name in ("cut-out", "twice"):
            image = aikit.read_pil(client.post(f"/v1/models/{name}", content=picture).raise_for_status().content)
            print(f"{name}: {image.mode} {image.width}x{image.height}")

        for name, image in {
            "a bomb": bomb(),
            "half a picture": picture[: len(picture) // 2],
            "a text": b"hello",
            "a document that asks for a file": b"<svg><image href='file:///etc/passwd'/></svg>",
        }.items():
            answer = client.post("/v1/images", content=image)
            print(f"{name}: {answer.status_code} {answer.json()['code']}")


if __name__ == "__main__":
    target = sys.argv[2] if len(sys.argv) > 2 else "web_client.png"
    if len(sys.argv) > 1:
        visit(sys.argv[1], target)
    else:
        with server() as address:
            visit(address, target)
    print(f"wrote {target}")
