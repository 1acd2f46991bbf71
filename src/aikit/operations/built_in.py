"""What signatures do not say of aikit's own operations: where they are, their sizes, where points go, what to try first."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, TypeAlias

from ..types import AnyImage
from . import geometric
from .values import Keywords

if TYPE_CHECKING:
    from .._pixels import Spec

__all__ = ["BUILT_IN", "BuiltIn", "NewSize"]

NewSize: TypeAlias = "Callable[[Spec, Keywords], tuple[int, int]]"
Function: TypeAlias = Callable[..., AnyImage]


@dataclass(frozen=True, slots=True)
class BuiltIn:
    """One of aikit's operations.

    Attributes:
        module: the module of aikit that has it.
        changes_size: whether the result may have another size.
        matrix: where points go, if they move.
        new_size: the height and width of the result, where they follow from those of the image and the keywords.
        attempt: a look at keywords that raises what the function would.
        without: parameters that are no plain data.
    """

    module: str
    changes_size: bool = False
    matrix: Callable[[AnyImage, Keywords], object] | None = None
    new_size: NewSize | None = None
    attempt: Callable[[Function, Keywords], object] | None = None
    without: tuple[str, ...] = ()

    def function(self, name: str) -> Function:
        """The function, whose module is loaded for it."""
        function: Function = getattr(import_module(f"..{self.module}", __package__), name)
        return function


def _size_of_resize(spec: Spec, keywords: Keywords) -> tuple[int, int]:
    from ..resample.size import new_size, old_size

    sides = (keywords.get(name) for name in ("height", "width", "scale"))
    return new_size(old_size(spec.height, spec.width, keywords.get("box")), *sides)


def _size_of_upsample(spec: Spec, keywords: Keywords) -> tuple[int, int]:
    from ..resample.size import new_size

    return new_size((spec.height, spec.width), None, None, keywords["scale"])


def _make_scaling(new_size: NewSize) -> Callable[[AnyImage, Keywords], object]:
    def matrix(image: AnyImage, keywords: Keywords) -> object:
        from .._pixels import spec_of

        spec = spec_of(image, keywords.get("channels"))
        height, width = new_size(spec, keywords)
        left, top, right, bottom = keywords.get("box") or (0, 0, spec.width, spec.height)
        across, down = width / (right - left), height / (bottom - top)
        return (across, 0, -left * across), (0, down, -top * down), (0, 0, 1)

    return matrix


def _matrix_of_trim(image: AnyImage, keywords: Keywords) -> object:
    from ..alpha import alpha_bbox

    box = alpha_bbox(image, threshold=keywords.get("threshold", 0.0))
    return None if box is None else ((1, 0, -box[0]), (0, 1, -box[1]), (0, 0, 1))


def _try_pixel(function: Function, keywords: Keywords) -> None:
    import numpy as np

    deep = any(map(geometric.may_be_16_bit, keywords.values()))
    function(np.zeros((1, 1, 4), np.uint16 if deep else np.uint8), **keywords)


def _try_channels(channels: int) -> Callable[[Function, Keywords], None]:
    def attempt(function: Function, keywords: Keywords) -> None:
        import numpy as np

        function(np.ones((1, 1, channels), np.float32), **keywords)

    return attempt


def _try_size(function: Function, keywords: Keywords) -> None:
    # Not by doing it: one pixel may become an enormous picture.
    from ..resample.size import check_box, new_size, old_size

    box = keywords.get("box")
    if box is not None:
        check_box(box, math.inf, math.inf)
    new_size(old_size(1, 1, box), *(keywords.get(name) for name in ("height", "width", "scale")))


def _try_color(function: Function, keywords: Keywords) -> None:
    import numpy as np

    from ..color.table import SPACES

    function(
        np.zeros((1, 1, SPACES[keywords["src"]].planes), np.uint8 if keywords.get("encoding") else np.float32),
        **keywords,
    )


def _build_placing(
    placing: geometric.Placing, attempt: Callable[[Function, Keywords], object] | None = None
) -> BuiltIn:
    return BuiltIn("geometry", changes_size=True, matrix=placing.matrix, new_size=placing.new_size, attempt=attempt)


# In this order their names are shown.
BUILT_IN: dict[str, BuiltIn] = {
    "resize": BuiltIn(
        "resample",
        changes_size=True,
        matrix=_make_scaling(_size_of_resize),
        new_size=_size_of_resize,
        attempt=_try_size,
    ),
    "blur": BuiltIn("resample"),
    "trim": BuiltIn("alpha", changes_size=True, matrix=_matrix_of_trim),
    "crop": _build_placing(geometric.CROP, geometric.try_crop),
    "pad": _build_placing(geometric.PAD, geometric.try_pad),
    "fit": _build_placing(geometric.FIT, geometric.try_fit),
    "thumbnail": _build_placing(geometric.THUMBNAIL, geometric.try_thumbnail),
    "flip": BuiltIn("geometry", matrix=geometric.FLIP.matrix),
    "rot90": _build_placing(geometric.ROT90),
    "rotate": _build_placing(geometric.ROTATE, geometric.try_fill),
    "warp_affine": _build_placing(geometric.WARP_AFFINE, geometric.try_warp_affine),
    "warp_perspective": _build_placing(geometric.WARP_PERSPECTIVE, geometric.try_warp_perspective),
    "sharpen": BuiltIn("resample"),
    "flatten": BuiltIn("alpha", attempt=_try_pixel),
    "make_transparent": BuiltIn("alpha", attempt=_try_pixel),
    "color_to_alpha": BuiltIn("alpha", attempt=_try_pixel),
    "premultiply": BuiltIn("alpha"),
    "unpremultiply": BuiltIn("alpha"),
    "estimate_foreground": BuiltIn("alpha"),
    "convert_color": BuiltIn("color", attempt=_try_color),
    "rgb_to_gray": BuiltIn("color", attempt=_try_channels(3)),
    "gray_to_rgb": BuiltIn("color", attempt=_try_channels(1)),
    "upsample": BuiltIn(
        "resample",
        changes_size=True,
        matrix=_make_scaling(_size_of_upsample),
        new_size=_size_of_upsample,
        without=("model",),
    ),
}
