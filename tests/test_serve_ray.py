"""The same app on Ray Serve, on a cluster of this machine."""

import contextlib
import signal

import httpx
import pytest

import aikit
from servers import redis_server
from test_serve import RGB, RGBA, command, pixels

pytestmark = pytest.mark.slow
pytest.importorskip("ray.serve", reason="the package ray is not installed: pip install 'ray[serve]'")


def test_ray_serves_the_very_same_app_with_a_cache_in_redis(tmp_path):
    with contextlib.ExitStack() as stack:
        cache, _ = stack.enter_context(redis_server(tmp_path))
        variables = {"AIKIT_CACHE": cache, "AIKIT_PLACES": "1", "AIKIT_QUEUE": "0", "RAY_AUTH_MODE": "disabled"}
        url, process = stack.enter_context(command("--engine", "ray", **variables))
        with httpx.Client(base_url=url, timeout=60) as client:
            answer = client.post("/v1/images?width=20&to=png", content=RGBA)
            assert answer.content == aikit.Recipe.parse("resize width=20; to=png").bytes(RGBA)
            assert pixels(client.post("/v1/images?to=png", files={"file": RGB})).shape == (60, 80, 3)
            assert client.post("/v1/images", content=RGB[:300]).json()["code"] == "truncated"
            assert client.post("/v1/images", content=bytes(11_000_000)).json()["code"] == "limit_exceeded"
            assert 'aikit_cache_total{result="miss"}' in client.get("/metrics").text
            client.post("/v1/images?width=20&to=png", content=RGBA)
            assert 'aikit_cache_total{result="hit"} 1.0' in client.get("/metrics").text
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
