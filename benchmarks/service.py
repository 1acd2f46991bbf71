"""What the service costs beside the picture: python -m benchmarks.service, two minutes.

Processor time is that of the server and its children, taken from the kernel; the clients run beside it on the same
machine, so that throughput is for comparing rows of one run only.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import psutil

import aikit
from aikit.codec import from_json, to_json

from .machine import describe
from .pictures import jpeg

REQUESTS, CLIENTS = 150, 32

PLAIN = """
import io, sys, uvicorn
from fastapi import FastAPI, Request, Response
from PIL import Image, ImageOps

app = FastAPI()

@app.post("/v1/images")
async def images(request: Request, width: int = 512):
    data = await request.body()
    from starlette.concurrency import run_in_threadpool
    def work():
        image = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")
        image = image.resize((width, round(image.height * width / image.width)), Image.LANCZOS)
        out = io.BytesIO()
        image.save(out, "JPEG", quality=90)
        return out.getvalue()
    return Response(await run_in_threadpool(work), media_type="image/jpeg")

@app.get("/readyz")
async def readyz():
    return {}

uvicorn.run(app, port=int(sys.argv[1]), log_level="error")
"""

MODEL = """
import torch
from pydantic import BaseModel
from aikit.serve import model

class Values(BaseModel):
    values: list[float]

torch.set_num_threads(1)
layers = [torch.nn.Conv2d(3, 8, 3, padding=1)]
for _ in range(31):
    layers += [torch.nn.ReLU(), torch.nn.Conv2d(8, 8, 3, padding=1)]
network = torch.nn.Sequential(*layers).eval()
picture = torch.rand(3, 8, 8, generator=torch.Generator().manual_seed(0))

def run(items):
    with torch.inference_mode():
        return network(torch.stack([picture] * len(items))).mean((1, 2, 3)).tolist()

model("single", request=Values, batch=1)(run)
model("batched", request=Values, batch=16)(run)
model("waiting", request=Values, batch=16, wait=0.005)(run)
"""


@contextlib.contextmanager
def running(*command: str) -> Iterator[tuple[str, psutil.Process]]:
    """A server in a process of its own: its address and the process."""
    with contextlib.closing(__import__("socket").create_server(("127.0.0.1", 0))) as door:
        port = door.getsockname()[1]
    environment = {**os.environ, "AIKIT_CACHE": "", "AIKIT_LOG_LEVEL": "error", "AIKIT_QUEUE": "100"}
    line = [word.replace("PORT", str(port)) for word in command]
    with subprocess.Popen([sys.executable, *line], env=environment) as process:
        try:
            url = f"http://127.0.0.1:{port}"
            while True:
                with contextlib.suppress(httpx.TransportError):
                    if httpx.get(f"{url}/readyz").status_code == 200:
                        break
                time.sleep(0.1)
            yield url, psutil.Process(process.pid)
        finally:
            process.terminate()


def processor_seconds(process: psutil.Process) -> float:
    """Of a process and those it started."""
    total = 0.0
    for each in [process, *process.children(recursive=True)]:
        with contextlib.suppress(psutil.NoSuchProcess):
            times = each.cpu_times()
            total += times.user + times.system
    return total


async def ask(url: str, path: str, clients: int, requests: int, **body: Any) -> float:
    """Send so many requests from so many clients; seconds."""
    async with httpx.AsyncClient(base_url=url, timeout=60, limits=httpx.Limits(max_connections=clients)) as client:

        async def visit(count: int) -> None:
            for _ in range(count):
                sent = dict(body)
                if "content" in sent:  # equal requests at one time are one job
                    sent["content"] += os.urandom(8)
                (await client.request("POST" if body else "GET", path, **sent)).raise_for_status()

        begun = time.perf_counter()
        await asyncio.gather(*(visit(requests // clients) for _ in range(clients)))
        return time.perf_counter() - begun


def measure(url: str, process: psutil.Process, path: str, clients: int, **body: Any) -> tuple[float, float]:
    """Milliseconds of processor time a request, and requests a second: the median of three runs."""
    runs = []
    requests = REQUESTS // clients * clients
    asyncio.run(ask(url, path, clients, clients, **body))
    for _ in range(3):
        before = processor_seconds(process)
        seconds = asyncio.run(ask(url, path, clients, requests, **body))
        runs.append(((processor_seconds(process) - before) / requests * 1000, requests / seconds))
    return statistics.median(run[0] for run in runs), statistics.median(run[1] for run in runs)


def best(function: Any, times: int = 15) -> float:
    """The least of some times, in milliseconds."""
    found = []
    for _ in range(times):
        begun = time.perf_counter()
        function()
        found.append(time.perf_counter() - begun)
    return min(found) * 1000


def measure_pictures(data: bytes) -> None:
    recipe = aikit.Recipe([("resize", {"width": 512})], to="jpeg", quality=90)
    limits = aikit.Limits()
    ours = psutil.Process()
    recipe.bytes(data, limits=limits)
    before = processor_seconds(ours)
    for _ in range(40):
        recipe.bytes(data, limits=limits)
    alone = (processor_seconds(ours) - before) / 40 * 1000
    print(f"the picture alone, in a child process: {alone:.1f} ms of processor time")
    path = "/v1/images?width=512&to=jpeg&quality=90"
    rows = {}
    for name, command in {
        "aikit serve": ("-m", "aikit", "serve", "--port", "PORT"),
        "Pillow in FastAPI's threads": ("-c", PLAIN, "PORT"),
    }.items():
        with running(*command) as (url, process):
            for clients in (1, 8, CLIENTS):
                cost, rate = measure(url, process, path, clients, content=data)
                rows[name, clients] = rate
                print(f"{name}, {clients} clients: {cost:.1f} ms of processor time, {rate:.0f} requests a second")
    for clients in (1, 8, CLIENTS):
        ratio = rows["aikit serve", clients] / rows["Pillow in FastAPI's threads", clients]
        print(f"throughput beside plain Pillow, {clients} clients: {ratio:.2f}")


def measure_health(data: bytes) -> None:
    async def both(url: str) -> list[float]:
        found: list[float] = []

        async def look() -> None:
            async with httpx.AsyncClient(base_url=url, timeout=60) as client:
                for _ in range(200):
                    begun = time.perf_counter()
                    await client.get("/livez")
                    found.append(time.perf_counter() - begun)
                    await asyncio.sleep(0.02)

        load = asyncio.create_task(ask(url, "/v1/images?width=512&to=jpeg", CLIENTS, 10 * CLIENTS, content=data))
        await look()
        await load
        return found

    with running("-m", "aikit", "serve", "--port", "PORT") as (url, _):
        found = sorted(asyncio.run(both(url)))
    print(f"/livez under {CLIENTS} clients: p50 {found[100] * 1000:.0f} ms, p99 {found[198] * 1000:.0f} ms")


async def ask_fast(url: str, path: str, clients: int, requests: int) -> float:
    """As `ask`, by clients that take less time than the server: httpx takes more, and nobody would wait for a model then."""
    host, port = url.removeprefix("http://").split(":")
    body = b'{"values":[1.0]}'
    sent = f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body

    async def visit(count: int) -> None:
        reader, writer = await asyncio.open_connection(host, int(port))
        for _ in range(count):
            writer.write(sent)
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            if not head.startswith(b"http/1.1 200"):
                raise RuntimeError(head.decode())
            await reader.readexactly(int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0]))
        writer.close()

    begun = time.perf_counter()
    await asyncio.gather(*(visit(requests // clients) for _ in range(clients)))
    return time.perf_counter() - begun


def measure_batch(url: str, process: psutil.Process, name: str) -> tuple[float, float, float]:
    """Milliseconds of processor time a request, requests a second and items a batch of a model: medians of three runs."""
    requests = 20 * CLIENTS
    asyncio.run(ask_fast(url, f"/v1/models/{name}", CLIENTS, CLIENTS))
    runs = []
    for _ in range(3):
        before, batches = processor_seconds(process), count_batches(url, name)
        seconds = asyncio.run(ask_fast(url, f"/v1/models/{name}", CLIENTS, requests))
        cost = (processor_seconds(process) - before) / requests * 1000
        runs.append((cost, requests / seconds, requests / (count_batches(url, name) - batches)))
    cost, rate, size = (statistics.median(values) for values in zip(*runs, strict=True))
    return cost, rate, size


def count_batches(url: str, name: str) -> float:
    """How many batches of a model there were so far."""
    line = f'aikit_batch_size_count{{model="{name}"}} '
    return float(httpx.get(f"{url}/metrics").text.partition(line)[2].partition("\n")[0])


def measure_network() -> None:
    """What the network itself takes alone and in a batch: more than that no batch can save."""
    found: dict[str, Any] = {"__name__": "models"}
    exec(MODEL.partition("\nmodel(")[0], found)
    costs = {size: best(lambda size=size: found["run"]([None] * size)) / size for size in (1, 16)}
    print(f"the network alone: {costs[1]:.2f} ms an item, {costs[16]:.2f} ms in batches of 16")


def measure_models(folder: Path) -> None:
    (folder / "models.py").write_text(MODEL)
    measure_network()
    with running("-m", "aikit", "serve", "--port", "PORT", "--models", str(folder / "models.py")) as (url, process):
        costs = {}
        for name in ("single", "batched", "waiting"):
            costs[name], rate, size = measure_batch(url, process, name)
            print(
                f"model, {name}, {CLIENTS} clients: {costs[name]:.2f} ms of processor time, {rate:.0f} requests a second, "
                f"{size:.1f} items a batch"
            )
    for name in ("batched", "waiting"):
        print(f"{name} beside single: {costs[name] / costs['single']:.2f}")


def measure_codec() -> None:
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    dated = [
        {"id": n, "name": f"picture {n}", "score": n / 7, "when": moment + timedelta(seconds=n)} for n in range(1000)
    ]
    plain = [{key: value for key, value in row.items() if key != "when"} for row in dated]
    for name, rows in (("rows with dates", dated), ("plain rows", plain)):
        text, standard = to_json(rows), json.dumps(rows, default=str)
        write = best(lambda rows=rows: to_json(rows)) / best(lambda rows=rows: json.dumps(rows, default=str))
        read = best(lambda text=text: from_json(text)) / best(lambda standard=standard: json.loads(standard))
        print(f"codec, 1000 {name}: writing {write:.2f}, reading {read:.2f} times the standard library's time")


def main() -> None:
    print(", ".join(f"{name} {value}" for name, value in describe().items()), end="\n\n")
    data = jpeg(1200, 1600)
    measure_codec()
    with tempfile.TemporaryDirectory() as folder:
        measure_models(Path(folder))
    measure_pictures(data)
    measure_health(data)


if __name__ == "__main__":
    main()
