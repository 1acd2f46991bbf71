"""The alpha channel itself: find it, measure it, take it off, put it on."""

from __future__ import annotations

from numbers import Real
from typing import Annotated

from .._check import Within, number
from .._foreign_names import explain_calls
from .._pixels import CHANNEL_NAMES, TOP, Opened, Plane, Planes, Spec, adapter, load, merge, split
from .._warnings import warn_caller
from ..errors import InputValueError
from ..types import AnyImage, ImageT
from .premultiplied import clip_alpha

__all__ = ["alpha_bbox", "has_alpha", "is_transparent", "merge_alpha", "split_alpha", "trim"]


@explain_calls
def has_alpha(image: AnyImage) -> bool:
    """Tell whether an image has an alpha channel, be it as a palette entry or a color key.

    A picture can have an alpha channel and still be opaque everywhere: see `is_transparent`.

    Args:
        image: a PIL image of any mode, an array (H, W) or (..., H, W, 1 to 4), or a tensor (..., 1 to 4, H, W).

    Returns:
        True for gray+alpha and RGBA, and for palettes and color keys that carry transparency.

    Raises:
        InputTypeError: not an image.

    Example:
        >>> from PIL import Image
        >>> has_alpha(Image.new("RGBA", (1, 1), "white"))
        True
    """
    return load(image)[1].has_alpha


@explain_calls
def is_transparent(image: AnyImage) -> bool:
    """Tell whether some pixel is not fully opaque.

    Args:
        image: any image or batch; for a batch one such pixel in any picture is enough.

    Returns:
        False where there is no alpha channel, or alpha is full everywhere.

    Raises:
        InputTypeError: not an image.

    Example:
        >>> from PIL import Image
        >>> is_transparent(Image.new("RGBA", (1, 1), "white"))
        False
    """
    planes, spec = split(image)
    return spec.has_alpha and bool((adapter(spec.kind).comparable(planes[-1]) < full_value(spec)).any())


@explain_calls
def alpha_bbox(image: AnyImage, *, threshold: float = 0.0) -> tuple[int, int, int, int] | None:
    """Find the smallest box that holds every visible pixel.

    Args:
        image: any image; for a batch the box holds the visible pixels of all its pictures.
        threshold: alpha in [0, 1] up to which a pixel counts as invisible.

    Returns:
        (left, top, right, bottom) in pixels, right and bottom exclusive, as PIL's crop takes it;
        None where nothing is visible. An image without alpha is visible everywhere.

    Raises:
        InputTypeError: not an image.
        InputValueError: the threshold is outside [0, 1).

    Example:
        >>> import numpy as np
        >>> image = np.zeros((4, 5, 4), np.uint8)
        >>> image[1:3, 2, 3] = 255
        >>> alpha_bbox(image)
        (2, 1, 3, 3)
    """
    planes, spec = split(image)
    return _visible_box(planes, spec, threshold)


@explain_calls
def trim(image: ImageT, *, threshold: Annotated[float, Within(0, below=1)] = 0.0) -> ImageT:
    """Cut off the transparent margins.

    Args:
        image: any image; the pictures of a batch are cut to one common box.
        threshold: alpha in [0, 1] up to which a pixel counts as invisible.

    Returns:
        Same kind and dtype, cut to `alpha_bbox(image)`; values unchanged. A copy.

    Raises:
        InputTypeError: not an image.
        InputValueError: nothing is visible, or the threshold is outside [0, 1).

    Example:
        >>> import numpy as np
        >>> image = np.zeros((4, 5, 4), np.uint8)
        >>> image[1:3, 2, 3] = 255
        >>> trim(image).shape
        (2, 1, 4)
    """
    planes, spec = split(image)
    box = _visible_box(planes, spec, threshold)
    if box is None:
        raise InputValueError("image", "a visible pixel", "a fully transparent image", "check alpha_bbox first")
    left, top, right, bottom = box
    trimmed: ImageT = merge([plane[..., top:bottom, left:right] for plane in planes], spec)
    return trimmed


def _visible_box(planes: Planes, spec: Spec, threshold: float) -> tuple[int, int, int, int] | None:
    threshold = number("threshold", threshold, 0, 1)
    if threshold == 1:
        raise InputValueError("threshold", "a number below 1", "1", "no pixel would be visible")
    if not spec.has_alpha:
        return 0, 0, spec.width, spec.height
    visible = adapter(spec.kind).comparable(planes[-1]) > threshold * full_value(spec)
    visible = visible.reshape(-1, spec.height, spec.width).any(0)
    rows, columns = visible.any(1).tolist(), visible.any(0).tolist()
    if True not in rows:
        return None
    left, top = columns.index(True), rows.index(True)
    return left, top, spec.width - columns[::-1].index(True), spec.height - rows[::-1].index(True)


@explain_calls
def split_alpha(image: ImageT) -> tuple[ImageT, ImageT]:
    """Take an image apart into color and alpha.

    Args:
        image: any image or batch.

    Returns:
        (color, alpha): the gray or RGB part, values unchanged, and a gray image of the same kind, dtype and
        size, opaque everywhere where the image has no alpha.

    Raises:
        InputTypeError: not an image.

    Example:
        >>> from PIL import Image
        >>> color, alpha = split_alpha(Image.new("RGBA", (1, 1), (10, 20, 30, 40)))
        >>> color.getpixel((0, 0)), alpha.getpixel((0, 0))
        ((10, 20, 30), 40)
    """
    planes, spec = split(image)
    color = planes[:-1] if spec.has_alpha else planes
    alpha = planes[-1] if spec.has_alpha else _opaque(planes[0], spec)
    return merge(color, spec), merge([alpha], spec)


@explain_calls
def merge_alpha(image: ImageT, alpha: AnyImage | float = 1.0) -> ImageT:
    """Give an image an alpha channel, in place of the one it may have.

    Args:
        image: any image or batch.
        alpha: a gray image of any kind and dtype and the same height and width, or one number from 0 to 1
            for all pixels.

    Returns:
        Same kind and dtype with alpha last: gray+alpha or RGBA. Colors unchanged, float alpha clipped to [0, 1].

    Raises:
        InputTypeError: not an image.
        InputValueError: alpha has several channels or another size, or the number lies outside [0, 1].

    Example:
        >>> import numpy as np
        >>> merge_alpha(np.array([[7]], np.uint8), 0.5).tolist()
        [[[7, 128]]]
    """
    planes, spec = split(image)
    color: Planes = planes[:-1] if spec.has_alpha else planes
    if isinstance(alpha, Real):
        plane = _opaque(color[0], spec, number("alpha", alpha, 0, 1))
    else:
        plane = _alpha_plane(alpha, color[0], spec)
    merged: ImageT = merge([*color, plane], spec)
    return merged


def _warn_of_mask(opened: Opened[AnyImage]) -> None:
    """Warn of codes 0 and 1, a mask in other units than alpha's: nothing of the picture would be seen."""
    spec = opened.spec
    source = adapter(spec.kind).view_on_host(opened.pixels) if spec.dtype in TOP else None
    if source is None:
        return
    plane = source.planes()[0]
    # Alpha that is one shows it in a few pixels.
    if plane[..., ::16, ::16].max() <= 1 and plane.max() == 1:
        warn_caller(
            f"alpha: expected values from 0 to {TOP[spec.dtype]} for {spec.dtype}, got nothing above 1, which is all but "
            'transparent; for a mask of 0 and 1 pass mask.astype("bool").'
        )


def _opaque(like: Plane, spec: Spec, alpha: float = 1.0) -> Plane:
    """Make a plane of one alpha value, in the image's own units."""
    value = alpha * full_value(spec)
    return adapter(spec.kind).namespace.full_like(like, round(value) if spec.dtype in TOP else value)


def _alpha_plane(alpha: Plane, like: Plane, spec: Spec) -> Plane:
    """Give one plane of alpha from an image of any kind, in the namespace, dtype and shape of `like`."""
    opened = load(alpha, subject="alpha")
    given = opened.spec
    if given.channels != 1:
        raise InputValueError(
            "alpha", "a gray image", CHANNEL_NAMES[given.channels], "take one channel, or split_alpha(image)[1]"
        )
    check_fits("alpha", given, spec)
    _warn_of_mask(opened)
    own = adapter(spec.kind)
    plane = own.plane_like(opened, like)
    plane = plane if spec.dtype in TOP else clip_alpha(own.namespace, plane)
    return own.namespace.broadcast_to(plane, like.shape)


# ---------------------------------------------------------------- shared with the rest of alpha


def full_value(spec: Spec) -> int:
    """The value of an opaque pixel."""
    return TOP.get(spec.dtype, 1)


def check_fits(subject: str, given: Spec, spec: Spec, *, entire: bool = True) -> None:
    """Refuse a second image of another size, unless only a part of it counts, or of another batch."""
    if entire and (given.height, given.width) != (spec.height, spec.width):
        raise InputValueError(
            subject, f"height x width {spec.height}x{spec.width}", f"{given.height}x{given.width}", "resize it"
        )
    if given.batch not in ((), spec.batch):
        expected = f"one picture or a batch of shape {spec.batch}" if spec.batch else "one picture"
        raise InputValueError(subject, expected, f"a batch of shape {given.batch}", "take its pictures one by one")
