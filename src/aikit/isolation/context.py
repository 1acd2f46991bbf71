"""What the caller has set in its process and a decoder asks for: it goes along with every call, and is then set back."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator

__all__ = ["Context", "context_here", "in_context"]

# PIL.Image.MAX_IMAGE_PIXELS in a tuple; empty where the caller has not loaded Pillow, and so has not set it.
Context = tuple[int | None, ...]


def context_here() -> Context:
    """The settings of this process."""
    image = sys.modules.get("PIL.Image")
    # Somebody else may be loading it at this moment.
    return (vars(image)["MAX_IMAGE_PIXELS"],) if hasattr(image, "MAX_IMAGE_PIXELS") else ()


@contextlib.contextmanager
def in_context(context: Context) -> Iterator[None]:
    """Work under the settings of another process, and leave none of them behind."""
    if not context:
        yield
        return
    from PIL import Image

    own, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, context[0]
    try:
        yield
    finally:
        Image.MAX_IMAGE_PIXELS = own
