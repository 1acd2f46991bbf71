"""What signatures do not say of aikit's own operations: where they are, their sizes, where points go, what to try first."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

__all__ = ["BUILT_IN", "BuiltIn"]

Keywords = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Pixel:
    """What a look at keywords has in place of a picture."""

    height: int = 1
    width: int = 1


_ONE_PIXEL = _Pixel()


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
    matrix: Callable[[Any, Keywords], Any] | None = None
    new_size: Callable[[Any, Keywords], tuple[int, int]] | None = None
    attempt: Callable[[Callable[..., Any], Keywords], object] | None = None
    without: tuple[str, ...] = ()

    def function(self, name: str) -> Callable[..., Any]:
        """The function, whose module is loaded for it."""
        return getattr(import_module(f"..{self.module}", __package__), name)  # type: ignore[no-any-return]


def _size_of_resize(spec: Any, keywords: Keywords) -> tuple[int, int]:
    from ..resample.size import new_size, old_size

    sides = (keywords.get(name) for name in ("height", "width", "scale"))
    return new_size(old_size(spec.height, spec.width, keywords.get("box")), *sides)


def _size_of_upsample(spec: Any, keywords: Keywords) -> tuple[int, int]:
    from ..resample.size import new_size

    return new_size((spec.height, spec.width), None, None, keywords["scale"])


def _scaling(new_size: Callable[[Any, Keywords], tuple[int, int]]) -> Callable[[Any, Keywords], Any]:
    def matrix(image: Any, keywords: Keywords) -> Any:
        from .._pixels import load

        spec = load(image).spec
        height, width = new_size(spec, keywords)
        left, top, right, bottom = keywords.get("box") or (0, 0, spec.width, spec.height)
        across, down = width / (right - left), height / (bottom - top)
        return (across, 0, -left * across), (0, down, -top * down), (0, 0, 1)

    return matrix


def _matrix_of_trim(image: Any, keywords: Keywords) -> Any:
    from ..alpha import alpha_bbox

    box = alpha_bbox(image, threshold=keywords.get("threshold", 0.0))
    return None if box is None else ((1, 0, -box[0]), (0, 1, -box[1]), (0, 0, 1))


# ---------------------------------------------------------------- geometry


def _windowed(window: str) -> tuple[Callable[[Any, Keywords], tuple[int, int]], Callable[[Any, Keywords], Any]]:
    """The size and the matrix of an operation that shows a window: `window` names the function that finds it."""

    def find(spec: Any, keywords: Keywords) -> Any:
        from ..geometry import cropping

        return getattr(cropping, window)(spec.height, spec.width, **keywords)

    def new_size(spec: Any, keywords: Keywords) -> tuple[int, int]:
        found = find(spec, keywords)
        return found.height, found.width

    def matrix(image: Any, keywords: Keywords) -> Any:
        found = find(_spec_of(image), keywords)
        return (1, 0, -found.left), (0, 1, -found.top), (0, 0, 1)

    return new_size, matrix


def _fitted(check: str) -> tuple[Callable[[Any, Keywords], tuple[int, int]], Callable[[Any, Keywords], Any]]:
    """The size and the matrix of an operation that fits: `check` names the function that takes its keywords."""

    def place(spec: Any, keywords: Keywords) -> Any:
        from ..geometry import fitting

        return getattr(fitting, check)(**keywords).place(spec.height, spec.width)

    def new_size(spec: Any, keywords: Keywords) -> tuple[int, int]:
        return place(spec, keywords).new_size  # type: ignore[no-any-return]

    return new_size, lambda image, keywords: place(_spec_of(image), keywords).matrix


def _warped(
    find: Callable[[Any, Keywords], Any],
) -> tuple[Callable[[Any, Keywords], tuple[int, int]], Callable[[Any, Keywords], Any]]:
    """The size and the matrix of an operation that warps: `find` gives both."""
    return lambda spec, keywords: find(spec, keywords)[1], lambda image, keywords: find(_spec_of(image), keywords)[0]


def _rotation(spec: Any, keywords: Keywords) -> Any:
    from ..geometry.warping import rotation

    return rotation(spec.height, spec.width, **keywords)


def _warp(affine: bool) -> Callable[[Any, Keywords], Any]:
    def find(spec: Any, keywords: Keywords) -> Any:
        from ..geometry.warping import check_warp

        return check_warp(spec.height, spec.width, affine=affine, **keywords)

    return find


def _size_of_turn(spec: Any, keywords: Keywords) -> tuple[int, int]:
    return (spec.width, spec.height) if keywords.get("k", 1) % 2 else (spec.height, spec.width)


def _matrix_of_turn(image: Any, keywords: Keywords) -> Any:
    from ..geometry.turning import quarter_matrix

    spec = _spec_of(image)
    return quarter_matrix(spec.height, spec.width, keywords.get("k", 1))


def _matrix_of_flip(image: Any, keywords: Keywords) -> Any:
    spec = _spec_of(image)
    if keywords.get("axis", "horizontal") == "horizontal":
        return (-1, 0, spec.width), (0, 1, 0), (0, 0, 1)
    return (1, 0, 0), (0, -1, spec.height), (0, 0, 1)


def _spec_of(image: Any) -> Any:
    from .._pixels import load

    return load(image).spec


def _try_fill(check: Callable[[Keywords], object]) -> Callable[[Callable[..., Any], Keywords], None]:
    """Check the keywords that place a picture, and a fill, without a picture."""

    def attempt(function: Callable[..., Any], keywords: Keywords) -> None:
        import numpy as np

        from ..geometry.filling import parse_fill

        check(keywords)
        pixel = np.zeros((1, 1, 4), np.uint16 if _is_deep(keywords.get("fill")) else np.uint8)
        parse_fill(keywords.get("fill"), _spec_of(pixel))

    return attempt


def _check(module: str, name: str) -> Callable[[Keywords], object]:
    return lambda keywords: getattr(import_module(f"..geometry.{module}", __package__), name)(**keywords)


_SIZE_OF_CROP, _MATRIX_OF_CROP = _windowed("crop_window")
_SIZE_OF_PAD, _MATRIX_OF_PAD = _windowed("pad_window")
_SIZE_OF_FIT, _MATRIX_OF_FIT = _fitted("check_fit")
_SIZE_OF_THUMBNAIL, _MATRIX_OF_THUMBNAIL = _fitted("check_thumbnail")
_SIZE_OF_ROTATE, _MATRIX_OF_ROTATE = _warped(_rotation)
_SIZE_OF_AFFINE, _MATRIX_OF_AFFINE = _warped(_warp(affine=True))
_SIZE_OF_PERSPECTIVE, _MATRIX_OF_PERSPECTIVE = _warped(_warp(affine=False))


# ---------------------------------------------------------------- a look at keywords


def _is_deep(color: Any) -> bool:
    """Whether a color may be one of 16 bits: which images the recipe will meet is not known yet."""
    parts = color if isinstance(color, tuple) else (color,)
    return any(isinstance(part, (int, float)) and part > 255 for part in parts)


def _try_pixel(function: Callable[..., Any], keywords: Keywords) -> None:
    import numpy as np

    deep = any(map(_is_deep, keywords.values()))
    function(np.zeros((1, 1, 4), np.uint16 if deep else np.uint8), **keywords)


def _try_channels(channels: int) -> Callable[[Callable[..., Any], Keywords], None]:
    def attempt(function: Callable[..., Any], keywords: Keywords) -> None:
        import numpy as np

        function(np.ones((1, 1, channels), np.float32), **keywords)

    return attempt


def _try_size(function: Callable[..., Any], keywords: Keywords) -> None:
    # Not by doing it: one pixel may become an enormous picture.
    from ..resample.size import check_box, new_size, old_size

    box = keywords.get("box")
    if box is not None:
        check_box(box, math.inf, math.inf)
    new_size(old_size(1, 1, box), *(keywords.get(name) for name in ("height", "width", "scale")))


def _try_color(function: Callable[..., Any], keywords: Keywords) -> None:
    import numpy as np

    from ..color.table import SPACES

    function(
        np.zeros((1, 1, SPACES[keywords["src"]].planes), np.uint8 if keywords.get("encoding") else np.float32),
        **keywords,
    )


# In this order their names are shown.
BUILT_IN: dict[str, BuiltIn] = {
    "resize": BuiltIn(
        "resample", changes_size=True, matrix=_scaling(_size_of_resize), new_size=_size_of_resize, attempt=_try_size
    ),
    "blur": BuiltIn("resample"),
    "trim": BuiltIn("alpha", changes_size=True, matrix=_matrix_of_trim),
    "crop": BuiltIn(
        "geometry",
        changes_size=True,
        matrix=_MATRIX_OF_CROP,
        new_size=_SIZE_OF_CROP,
        attempt=_try_fill(_check("cropping", "check_crop")),
    ),
    "pad": BuiltIn(
        "geometry",
        changes_size=True,
        matrix=_MATRIX_OF_PAD,
        new_size=_SIZE_OF_PAD,
        attempt=_try_fill(_check("cropping", "check_pad")),
    ),
    "fit": BuiltIn(
        "geometry",
        changes_size=True,
        matrix=_MATRIX_OF_FIT,
        new_size=_SIZE_OF_FIT,
        attempt=_try_fill(_check("fitting", "check_fit")),
    ),
    "thumbnail": BuiltIn(
        "geometry",
        changes_size=True,
        matrix=_MATRIX_OF_THUMBNAIL,
        new_size=_SIZE_OF_THUMBNAIL,
        attempt=_try_fill(_check("fitting", "check_thumbnail")),
    ),
    "flip": BuiltIn("geometry", matrix=_matrix_of_flip),
    "rot90": BuiltIn("geometry", changes_size=True, matrix=_matrix_of_turn, new_size=_size_of_turn),
    "rotate": BuiltIn(
        "geometry",
        changes_size=True,
        matrix=_MATRIX_OF_ROTATE,
        new_size=_SIZE_OF_ROTATE,
        attempt=_try_fill(lambda keywords: None),
    ),
    "warp_affine": BuiltIn(
        "geometry",
        changes_size=True,
        matrix=_MATRIX_OF_AFFINE,
        new_size=_SIZE_OF_AFFINE,
        attempt=_try_fill(lambda keywords: _warp(affine=True)(_ONE_PIXEL, keywords)),
    ),
    "warp_perspective": BuiltIn(
        "geometry",
        changes_size=True,
        matrix=_MATRIX_OF_PERSPECTIVE,
        new_size=_SIZE_OF_PERSPECTIVE,
        attempt=_try_fill(lambda keywords: _warp(affine=False)(_ONE_PIXEL, keywords)),
    ),
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
        matrix=_scaling(_size_of_upsample),
        new_size=_size_of_upsample,
        without=("model",),
    ),
}
