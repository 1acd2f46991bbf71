"""What signatures do not say of aikit's own operations: where they are, their sizes, where points go, what to try first."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

__all__ = ["OURS", "Ours"]

Keywords = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Ours:
    """One of aikit's operations.

    Attributes:
        room: the module of aikit that has it.
        changes_size: whether the result may have another size.
        matrix: where points go, if they move.
        new_size: the height and width of the result, where they follow from those of the image and the keywords.
        attempt: a look at keywords that raises what the function would.
        without: parameters that are no plain data.
    """

    room: str
    changes_size: bool = False
    matrix: Callable[[Any, Keywords], Any] | None = None
    new_size: Callable[[Any, Keywords], tuple[int, int]] | None = None
    attempt: Callable[[Callable[..., Any], Keywords], object] | None = None
    without: tuple[str, ...] = ()

    def function(self, name: str) -> Callable[..., Any]:
        """The function, whose module is loaded for it."""
        return getattr(import_module(f"..{self.room}", __package__), name)  # type: ignore[no-any-return]


def _resized(spec: Any, keywords: Keywords) -> tuple[int, int]:
    from ..resample.size import new_size, old_size

    sides = (keywords.get(name) for name in ("height", "width", "scale"))
    return new_size(old_size(spec.height, spec.width, keywords.get("box")), *sides)


def _upsampled(spec: Any, keywords: Keywords) -> tuple[int, int]:
    from ..resample.size import new_size

    return new_size((spec.height, spec.width), None, None, keywords["scale"])


def _stretch(new_size: Callable[[Any, Keywords], tuple[int, int]]) -> Callable[[Any, Keywords], Any]:
    def matrix(image: Any, keywords: Keywords) -> Any:
        from .._image import load

        spec = load(image).spec
        height, width = new_size(spec, keywords)
        left, top, right, bottom = keywords.get("box") or (0, 0, spec.width, spec.height)
        across, down = width / (right - left), height / (bottom - top)
        return (across, 0, -left * across), (0, down, -top * down), (0, 0, 1)

    return matrix


def _trimmed(image: Any, keywords: Keywords) -> Any:
    from ..alpha import alpha_bbox

    box = alpha_bbox(image, threshold=keywords.get("threshold", 0.0))
    return None if box is None else ((1, 0, -box[0]), (0, 1, -box[1]), (0, 0, 1))


def _on_a_pixel(function: Callable[..., Any], keywords: Keywords) -> None:
    from PIL import Image

    function(Image.new("RGBA", (1, 1), "black"), **keywords)


def _size_of_a_pixel(function: Callable[..., Any], keywords: Keywords) -> None:
    # Not by doing it: one pixel may become an enormous picture.
    from ..resample.size import box_within, new_size, old_size

    box = keywords.get("box")
    if box is not None:
        box_within(box, math.inf, math.inf)
    new_size(old_size(1, 1, box), *(keywords.get(name) for name in ("height", "width", "scale")))


def _on_a_color(function: Callable[..., Any], keywords: Keywords) -> None:
    import numpy as np

    from ..color.table import SPACES

    function(
        np.zeros((1, 1, SPACES[keywords["src"]].planes), np.uint8 if keywords.get("encoding") else np.float32),
        **keywords,
    )


# In this order their names are shown.
OURS: dict[str, Ours] = {
    "resize": Ours(
        "resample", changes_size=True, matrix=_stretch(_resized), new_size=_resized, attempt=_size_of_a_pixel
    ),
    "blur": Ours("resample"),
    "trim": Ours("alpha", changes_size=True, matrix=_trimmed),
    "flatten": Ours("alpha", attempt=_on_a_pixel),
    "make_transparent": Ours("alpha", attempt=_on_a_pixel),
    "color_to_alpha": Ours("alpha", attempt=_on_a_pixel),
    "premultiply": Ours("alpha"),
    "unpremultiply": Ours("alpha"),
    "estimate_foreground": Ours("alpha"),
    "convert_color": Ours("color", attempt=_on_a_color),
    "rgb_to_gray": Ours("color"),
    "gray_to_rgb": Ours("color"),
    "upsample": Ours(
        "resample", changes_size=True, matrix=_stretch(_upsampled), new_size=_upsampled, without=("model",)
    ),
}
