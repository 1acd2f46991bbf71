"""The very same app on Ray Serve, for more than one machine."""

from __future__ import annotations

import logging
import signal
import threading
from importlib import import_module

from ..errors import MissingDependencyError
from ..settings import Settings

__all__ = ["run"]

_log = logging.getLogger("aikit.serve")


def run(settings: Settings) -> None:
    """Serve on the Ray cluster that is there, or on one of this machine, until SIGTERM or Ctrl-C.

    Each worker of the settings is a replica; requests beyond what replicas take are refused by each gate, with 503 and
    Retry-After. The cache has to be one that all machines reach: Redis.

    Args:
        settings: host, port, workers and the rest.

    Raises:
        MissingDependencyError: without Ray Serve.
    """
    try:
        ray, serve = import_module("ray"), import_module("ray.serve")
    except ImportError as error:
        raise MissingDependencyError("engine", "the package ray", "none", 'run: pip install "ray[serve]"') from error
    ray.init(ignore_reinit_error=True, logging_level="warning", log_to_driver=False)
    serve.start(http_options={"host": settings.host, "port": settings.port})
    serve.run(deployment(settings), name="aikit", route_prefix="/")
    # Behind Ray's own, which abort.
    ending = threading.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, lambda *_: ending.set())
    _log.info("listening on http://%s:%d", settings.host, settings.port)
    ending.wait()
    serve.shutdown()
    ray.shutdown()


def deployment(settings: Settings) -> object:
    """The app as an application of Ray Serve, for a `serve.run` of one's own."""
    serve = import_module("ray.serve")
    replica = settings.model_copy(update={"workers": 1})

    def build() -> object:
        # In the replica: an app that was made here could not be sent.
        from .app import create_app

        return create_app(replica)

    @serve.deployment(
        num_replicas=settings.workers,
        # All that a gate takes and its queue, so that the gate's own answer is the one that is seen.
        max_ongoing_requests=256,
        graceful_shutdown_timeout_s=settings.shutdown_seconds,
    )
    @serve.ingress(build)
    class Pictures:
        pass

    return Pictures.bind()  # type: ignore[attr-defined]
