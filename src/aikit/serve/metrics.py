"""What a service measures of itself, in the text form of Prometheus."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from importlib import import_module

from ..errors import MissingDependencyError

__all__ = ["Metrics"]

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_BATCH = (1, 2, 4, 8, 16, 32, 64)


class Metrics:
    """Counters of one app, in a registry of its own: two apps of a process do not mix."""

    def __init__(self) -> None:
        try:
            client = import_module("prometheus_client")
        except ImportError as error:
            raise MissingDependencyError(
                "metrics", "the package prometheus-client", "none", "run: pip install prometheus-client"
            ) from error
        self._client = client
        self._registry = client.CollectorRegistry()
        make = {"registry": self._registry}
        self.requests = client.Counter("aikit_requests", "Requests by their answer.", ["route", "status"], **make)
        self.refused = client.Counter("aikit_refused", "Requests that found no place.", ["code"], **make)
        self.cache = client.Counter("aikit_cache", "Answers that were kept, and that were not.", ["result"], **make)
        self.running = client.Gauge("aikit_running", "Requests at work.", **make)
        self.waiting = client.Gauge("aikit_waiting", "Requests that wait for a place.", **make)
        self.seconds = client.Histogram("aikit_seconds", "Seconds by step.", ["step"], buckets=_SECONDS, **make)
        self.batch = client.Histogram(
            "aikit_batch_size", "Items of a batch, by model.", ["model"], buckets=_BATCH, **make
        )
        self.memory = client.Gauge(
            "aikit_device_memory_bytes", "Memory that models hold, by device.", ["device"], **make
        )

    @contextlib.contextmanager
    def time(self, step: str) -> Iterator[None]:
        """Count the seconds of a step: "queue", "body", "work"."""
        begun = time.perf_counter()
        try:
            yield
        finally:
            self.seconds.labels(step).observe(time.perf_counter() - begun)

    def render(self) -> tuple[bytes, str]:
        """The text and its media type."""
        return self._client.generate_latest(self._registry), self._client.CONTENT_TYPE_LATEST
