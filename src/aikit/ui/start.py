"""The ways into the pages, which work without Gradio up to where it is needed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .._foreign_names import explain_calls
from ..errors import FileAccessError, InputTypeError, MissingDependencyError, quoted
from ..limits import Limits

if TYPE_CHECKING:
    import gradio as gr

__all__ = ["build", "launch", "page"]


@explain_calls
def build(limits: Limits | None = None) -> gr.Blocks:
    """The playground: every operation of the registry on one's own pictures, SVG and PSD documents, meshes, and models.

    Steps are added, moved and switched off; before and after are laid over each other; what comes out is downloaded in
    any format, and the recipe taken away as Python, for the shell, as an address and as TOML. Operations of your own and
    models of the service that are registered before are on it too.

    Args:
        limits: what an upload may cost; None takes `Limits()`. Files are decoded and worked on in child processes.

    Returns:
        Gradio's Blocks. Its `launch` listens on this machine alone, keeps files for an hour, and asks nothing of any other
        machine. It is launched, and not mounted into another app.

    Raises:
        InputTypeError: no Limits.
        MissingDependencyError: Gradio is not installed.

    Example:
        >>> import aikit
        >>> aikit.ui.build(aikit.Limits(max_pixels=20_000_000)).title  # doctest: +SKIP
        'aikit'
    """
    _need_gradio("build")
    from .playground import build_playground

    return build_playground(_check_limits(limits))


@explain_calls
def page(function: Callable[..., Any], *, limits: Limits | None = None) -> gr.Blocks:
    """A page for one model of the service: a form made of its types, and its answer.

    Args:
        function: one that `serve.model` has registered.
        limits: what an upload may cost; None takes `Limits()`.

    Returns:
        Gradio's Blocks, as `build` gives them.

    Raises:
        InputTypeError: no Limits.
        InputValueError: the function is no model of the service.
        MissingDependencyError: Gradio is not installed.

    Example:
        >>> import aikit
        >>> @aikit.serve.model("width", recipe="trim")
        ... def width(images):
        ...     "How wide a picture is without its transparent margins."
        ...     return [{"width": image.width} for image in images]
        >>> aikit.ui.page(width).title  # doctest: +SKIP
        'width'
    """
    _need_gradio("page")
    from .models import build_page, model_of

    return build_page(model_of(function), _check_limits(limits))


@explain_calls
def launch(
    blocks: gr.Blocks | None = None,
    *,
    host: str = "127.0.0.1",
    port: int | None = None,
    limits: Limits | None = None,
    wait: bool = True,
) -> str:
    """Open a page to the browser.

    Args:
        blocks: what `build` or `page` gave; None builds the playground.
        host: where to listen. The default is this machine alone; there is no password, so that any other address is for
            networks whose every machine you trust.
        port: where to listen; None takes the first free one from 7860 on.
        limits: of the playground, as for `build`.
        wait: serve until Ctrl-C; False returns at once, and the page is there as long as the process.

    Returns:
        The address, such as "http://127.0.0.1:7860/".

    Raises:
        FileAccessError: the address cannot be listened at.
        MissingDependencyError: Gradio is not installed.

    Example:
        >>> import aikit
        >>> aikit.ui.launch(wait=False)  # doctest: +SKIP
        'http://127.0.0.1:7860/'
    """
    shown: Any = build(limits) if blocks is None else blocks
    try:
        _, url, _ = shown.launch(server_name=host, server_port=port, prevent_thread_lock=True)
    except OSError as error:
        place = f"{host}:{port or 'from 7860 on'}"
        raise FileAccessError(
            "port", f"an address that is free, {place} is not", str(error), "choose another", errno=error.errno
        ) from error
    if wait:
        shown.block_thread()
    # Gradio says localhost, which need not be where it listens.
    return str(url)


def _need_gradio(name: str) -> None:
    from importlib.util import find_spec

    if find_spec("gradio") is None:
        remedy = 'run: pip install ".[ui]" in the checkout, in an environment with Pillow below 13'
        raise MissingDependencyError(f"aikit.ui.{name}", "the package gradio", "none", remedy)


def _check_limits(limits: object) -> Limits:
    if limits is None:
        return Limits()
    if not isinstance(limits, Limits):
        raise InputTypeError("limits", "Limits or None", quoted(limits), "pass Limits() or leave it out")
    return limits
