"""Pages in a browser: a playground of all operations, documents, and models, on Gradio; nothing leaves the machine."""

from __future__ import annotations

from .start import build, launch, page

__all__ = ["build", "launch", "page"]
