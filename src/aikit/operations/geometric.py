"""Where the points of a picture go in the operations of `geometry`, and what their keywords are tried on."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from ..errors import InputValueError, quoted
from ..types import AnyImage
from .values import Keywords

if TYPE_CHECKING:
    from .._pixels import Spec
    from ..geometry.cropping import Window
    from ..geometry.fitting import Fitting

__all__ = [
    "CROP", "FIT", "FLIP", "PAD", "ROT90", "ROTATE", "THUMBNAIL", "WARP_AFFINE", "WARP_PERSPECTIVE", "Placing",
    "may_be_16_bit", "try_crop", "try_fill", "try_fit", "try_pad", "try_thumbnail", "try_warp_affine",
    "try_warp_perspective",
]  # fmt: skip

Rows: TypeAlias = tuple[tuple[float, ...], ...]
Found: TypeAlias = tuple[Rows, tuple[int, int]]


class Placing(NamedTuple):
    """What an operation does to the places of a picture of some size: `find` gives its matrix and the new size."""

    find: Callable[[int, int, Keywords], Found]

    def new_size(self, spec: Spec, keywords: Keywords) -> tuple[int, int]:
        """The height and width of the result."""
        return self.find(spec.height, spec.width, _of_places(keywords))[1]

    def matrix(self, image: AnyImage, keywords: Keywords) -> object:
        """Where points go."""
        from .._pixels import spec_of

        spec = spec_of(image, keywords.get("channels"))
        return self.find(spec.height, spec.width, _of_places(keywords))[0]


def _of_places(keywords: Keywords) -> Keywords:
    """The keywords that say where points go: what the channels are does not."""
    return {name: value for name, value in keywords.items() if name != "channels"}


def _show(window: Window) -> Found:
    return ((1, 0, -window.left), (0, 1, -window.top), (0, 0, 1)), (window.height, window.width)


def _crop(height: int, width: int, keywords: Keywords) -> Found:
    from ..geometry.cropping import crop_window

    return _show(crop_window(height, width, **keywords))


def _pad(height: int, width: int, keywords: Keywords) -> Found:
    from ..geometry.cropping import pad_window

    return _show(pad_window(height, width, **keywords))


def _place(fitting: Fitting, height: int, width: int) -> Found:
    placement = fitting.place(height, width)
    return placement.matrix, placement.new_size


def _fit(height: int, width: int, keywords: Keywords) -> Found:
    from ..geometry.fitting import check_fit

    return _place(check_fit(**keywords), height, width)


def _thumbnail(height: int, width: int, keywords: Keywords) -> Found:
    from ..geometry.fitting import check_thumbnail

    return _place(check_thumbnail(**keywords), height, width)


def _flip(height: int, width: int, keywords: Keywords) -> Found:
    if keywords.get("axis", "horizontal") == "horizontal":
        return ((-1, 0, width), (0, 1, 0), (0, 0, 1)), (height, width)
    return ((1, 0, 0), (0, -1, height), (0, 0, 1)), (height, width)


def _rot90(height: int, width: int, keywords: Keywords) -> Found:
    from ..geometry.turning import Turn, quarter_matrix

    turn = Turn(keywords.get("k", 1) % 4)
    return quarter_matrix(height, width, turn.quarters), turn.new_size(height, width)


def _rotate(height: int, width: int, keywords: Keywords) -> Found:
    from ..geometry.warping import rotation

    return rotation(height, width, **keywords)


def _warp_affine(height: int, width: int, keywords: Keywords) -> Found:
    from ..geometry.warping import check_warp

    return check_warp(height, width, affine=True, **keywords)


def _warp_perspective(height: int, width: int, keywords: Keywords) -> Found:
    from ..geometry.warping import check_warp

    return check_warp(height, width, affine=False, **keywords)


CROP, PAD, FIT, THUMBNAIL = Placing(_crop), Placing(_pad), Placing(_fit), Placing(_thumbnail)
FLIP, ROT90, ROTATE = Placing(_flip), Placing(_rot90), Placing(_rotate)
WARP_AFFINE, WARP_PERSPECTIVE = Placing(_warp_affine), Placing(_warp_perspective)


# ---------------------------------------------------------------- a look at keywords, without a picture


def may_be_16_bit(color: object) -> bool:
    """Whether a color may be one of 16 bits: which images a recipe will meet is not known yet."""
    parts = color if isinstance(color, tuple) else (color,)
    return any(isinstance(part, (int, float)) and part > 255 for part in parts)


def try_fill(function: object, keywords: Keywords) -> None:
    """Refuse a fill that no image can have."""
    import numpy as np

    from .._pixels import load
    from ..geometry.filling import parse_fill

    fill = keywords.get("fill")
    if keywords.get("channels") == "data":
        # In units that no one knows yet; how many there have to be, neither.
        given = fill if isinstance(fill, tuple) else (fill or 0,)
        if not all(isinstance(each, (int, float)) for each in given):
            raise InputValueError("fill", "numbers, one or one a plane", quoted(fill), "pass numbers")
        return
    parse_fill(fill, load(np.zeros((1, 1, 4), np.uint16 if may_be_16_bit(fill) else np.uint8)).spec)


def try_crop(function: object, keywords: Keywords) -> None:
    """Refuse what no picture can be cropped by."""
    from ..geometry.cropping import check_crop

    check_crop(**_of_places(keywords))
    try_fill(function, keywords)


def try_pad(function: object, keywords: Keywords) -> None:
    """Refuse what no picture can be padded by."""
    from ..geometry.cropping import check_pad

    check_pad(**_of_places(keywords))
    try_fill(function, keywords)


def try_fit(function: object, keywords: Keywords) -> None:
    """Refuse what no picture can be fitted by."""
    from ..geometry.fitting import check_bars, check_fit

    check_bars(check_fit(**_of_places(keywords)), keywords.get("fill"))
    try_fill(function, keywords)


def try_thumbnail(function: object, keywords: Keywords) -> None:
    """Refuse what makes no thumbnail."""
    _thumbnail(1, 1, _of_places(keywords))


def try_warp_affine(function: object, keywords: Keywords) -> None:
    """Refuse what no picture can be warped by."""
    _warp_affine(1, 1, _of_places(keywords))
    try_fill(function, keywords)


def try_warp_perspective(function: object, keywords: Keywords) -> None:
    """Refuse what no picture can be warped by."""
    _warp_perspective(1, 1, _of_places(keywords))
    try_fill(function, keywords)
