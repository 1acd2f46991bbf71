"""Boxes, masks, keypoints and text."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import cv2
import numpy as np

from .._check import integer, number, switch
from .._foreign_names import explain_calls
from .._pixels import Opened, Spec, load
from ..errors import InputTypeError, InputValueError, quoted
from ..geometry.places import BoxFormat, Places, check_box_format, is_tensor, read_places, to_corners
from ..types import Color, ImageT
from .colors import Colors, colors_for, parse_rgb, readable_on
from .overlay import Overlay

if TYPE_CHECKING:
    import torch

__all__ = ["draw_boxes", "draw_keypoints", "draw_masks", "draw_text"]

Array: TypeAlias = np.ndarray[Any, Any]
Rows: TypeAlias = "Array | torch.Tensor | Sequence[Any]"


@explain_calls
def draw_boxes(
    image: ImageT,
    boxes: Places,
    *,
    box_format: BoxFormat = "xyxy",
    relative: bool = False,
    classes: Rows | None = None,
    scores: Rows | None = None,
    colors: Colors | None = None,
    thickness: int | None = None,
    text_size: float | None = None,
    bgr: bool = False,
) -> ImageT:
    """Draw boxes onto an image, with their classes and scores.

    Args:
        image: one picture of any kind.
        boxes: (N, 4), an array, a tensor or lists, in pixels.
        box_format: "xyxy" (left, top, right, bottom), "xywh" or "cxcywh".
        relative: boxes count in widths and heights of the picture.
        classes: one for each box, names or numbers, which are written above it.
        scores: one for each box, numbers, written behind its class.
        colors: one color for all, a list with one for each box, or a dict from classes; else each class has one of
            seven that can be told apart with any color vision.
        thickness: of the frames, in pixels, inside the boxes; by default it goes with the size of the picture.
        text_size: of the labels, in pixels; by default it goes with the size of the picture.
        bgr: the array or tensor runs B, G, R(, A); colors are R, G, B always.

    Returns:
        Same kind, size and dtype; a gray image becomes RGB. Alpha stays, and what is drawn is opaque.

    Raises:
        InputTypeError: not an image, or boxes that are not numbers.
        InputValueError: a batch, shapes or counts that do not fit, or a color that is none.

    Example:
        >>> import numpy as np
        >>> photo = np.zeros((60, 80, 3), np.uint8)
        >>> drawn = draw_boxes(photo, [[10, 20, 50, 50]], colors="red", thickness=2)
        >>> drawn[20, 10].tolist(), drawn[30, 30].tolist()
        ([255, 0, 0], [0, 0, 0])
    """
    opened = _open_one(image, bgr)
    spec = opened.spec
    check_box_format(box_format)
    switch("relative", relative)
    values = read_places(boxes, "boxes", (4,), (2,)).values
    corners = to_corners(values, box_format, relative, (spec.height, spec.width))
    named = _list_for("classes", classes, len(corners))
    scored = _list_for("scores", scores, len(corners))
    width = _thickness(thickness, spec)
    size = _text_size(text_size, spec)
    overlay = Overlay(spec.height, spec.width)
    shades = colors_for(len(corners), named, colors, spec)
    # Frames first, so that no frame hides a label.
    for box, shade in zip(corners, shades, strict=True):
        if np.isfinite(box).all():
            overlay.frame(box, shade, width)
    for index, (box, shade) in enumerate(zip(corners, shades, strict=True)):
        text = _label(named, scored, index)
        if text and np.isfinite(box).all():
            across, down = overlay.measure(text, size, True)
            # Above the box, or within it where the picture ends; never beyond the right edge.
            top = box[1] - down if box[1] - down >= 0 else max(box[1], 0)
            left = max(0, min(box[0], spec.width - across))
            overlay.text(text, left, top, size, readable_on(shade), shade)
    return overlay.lay_over(image, bgr=bgr)


@explain_calls
def draw_masks(
    image: ImageT,
    masks: Array | torch.Tensor,
    *,
    classes: Rows | None = None,
    colors: Colors | None = None,
    opacity: float = 0.5,
    outline: bool = True,
    bgr: bool = False,
) -> ImageT:
    """Lay masks over an image, each in a color of its own.

    Args:
        image: one picture of any kind.
        masks: (N, H, W), an array or a tensor: True or a number above 0; of floats above 0.5.
        classes: one for each mask, which share a color.
        colors: one color for all, a list with one for each mask, or a dict from classes.
        opacity: of the masks, 0 to 1.
        outline: whether each has an opaque outline, inside it.
        bgr: the array or tensor runs B, G, R(, A); colors are R, G, B always.

    Returns:
        Same kind, size and dtype; a gray image becomes RGB. Alpha stays, and is raised where a mask is.

    Raises:
        InputTypeError: not an image, or no masks.
        InputValueError: a batch, masks of another size, or a color that is none.

    Example:
        >>> import numpy as np
        >>> photo, mask = np.zeros((4, 6, 3), np.uint8), np.zeros((1, 4, 6), bool)
        >>> mask[0, 1:, 1:] = True
        >>> draw_masks(photo, mask, colors="white", outline=False)[:2, 0:2, 0].tolist()
        [[0, 0], [0, 128]]
    """
    opened = _open_one(image, bgr)
    spec = opened.spec
    opacity = number("opacity", opacity, 0, 1)
    switch("outline", outline)
    shown = _read_masks(masks, spec)
    named = _list_for("classes", classes, len(shown))
    overlay = Overlay(spec.height, spec.width)
    shades = colors_for(len(shown), named, colors, spec)
    for mask, shade in zip(shown, shades, strict=True):
        overlay.paint(mask * np.uint8(round(opacity * 255)), shade)
    if outline:
        reach = np.ones((2 * _thickness(None, spec) + 1,) * 2, np.uint8)
        for mask, shade in zip(shown, shades, strict=True):
            edge = mask - cv2.erode(mask, reach, borderType=cv2.BORDER_CONSTANT, borderValue=0)
            overlay.paint(edge * np.uint8(255), shade)
    return overlay.lay_over(image, bgr=bgr)


@explain_calls
def draw_keypoints(
    image: ImageT,
    keypoints: Places,
    *,
    edges: Sequence[tuple[int, int]] = (),
    classes: Rows | None = None,
    colors: Colors | None = None,
    radius: float | None = None,
    thickness: int | None = None,
    bgr: bool = False,
) -> ImageT:
    """Draw keypoints onto an image, and the lines between them.

    Args:
        image: one picture of any kind.
        keypoints: (N, K, 2 or 3) for N objects, or (K, 2 or 3), in pixels, the first pixel's center being (0.5, 0.5). Where
            the third number, the visibility, is 0 a point is not drawn, nor a line to it.
        edges: pairs of the numbers of points that are joined, counted from 0.
        classes: one for each object, which share a color.
        colors: one color for all, a list with one for each object, or a dict from classes.
        radius: of the points, in pixels; by default it goes with the size of the picture.
        thickness: of the lines, in pixels, as well.
        bgr: the array or tensor runs B, G, R(, A); colors are R, G, B always.

    Returns:
        Same kind, size and dtype; a gray image becomes RGB. Alpha stays, and what is drawn is opaque.

    Raises:
        InputTypeError: not an image, or points that are not numbers.
        InputValueError: a batch, shapes or counts that do not fit, an edge to no point, or a color that is none.

    Example:
        >>> import numpy as np
        >>> photo = np.zeros((20, 30, 3), np.uint8)
        >>> draw_keypoints(photo, [[15.5, 10.5]], colors="red", radius=3)[10, 15].tolist()
        [255, 0, 0]
    """
    opened = _open_one(image, bgr)
    spec = opened.spec
    values = read_places(keypoints, "keypoints", (2, 3), (3, 2)).values
    objects = values[None] if values.ndim == 2 else values
    pairs = _read_edges(edges, objects.shape[1])
    named = _list_for("classes", classes, len(objects))
    width = _thickness(thickness, spec)
    size = 1.5 * width + 1 if radius is None else number("radius", radius, 0, math.inf)
    overlay = Overlay(spec.height, spec.width)
    shades = colors_for(len(objects), named, colors, spec)
    for points, shade in zip(objects, shades, strict=True):
        shown = np.isfinite(points).all(1) & (points[:, 2] > 0 if points.shape[1] == 3 else True)
        for first, second in pairs:
            if shown[first] and shown[second]:
                overlay.line(points[first, :2], points[second, :2], shade, width)
        for point in points[shown, :2]:
            overlay.disc(point, size, shade)
    return overlay.lay_over(image, bgr=bgr)


@explain_calls
def draw_text(
    image: ImageT,
    text: str,
    *,
    left: float = 0,
    top: float = 0,
    size: float | None = None,
    color: Color = "white",
    background: Color | None = None,
    bgr: bool = False,
) -> ImageT:
    """Write text onto an image, in any script that an installed font has.

    Args:
        image: one picture of any kind.
        text: one line or several.
        left: where it begins, in pixels.
        top: where it begins, in pixels.
        size: of the letters, in pixels; by default it goes with the size of the picture.
        color: of the letters.
        background: the color of a chip behind them; None writes on the picture itself.
        bgr: the array or tensor runs B, G, R(, A); colors are R, G, B always.

    Returns:
        Same kind, size and dtype; a gray image becomes RGB. Alpha stays, and what is written is opaque. The font is
        Pillow's own where it has all letters, else the installed one that has most of them.

    Raises:
        InputTypeError: not an image, or no text.
        InputValueError: a batch, or a color that is none.

    Example:
        >>> import numpy as np
        >>> written = draw_text(np.zeros((40, 120, 3), np.uint8), "hello", left=4, top=4, size=20)
        >>> written.shape, int(written.max())
        ((40, 120, 3), 255)
    """
    opened = _open_one(image, bgr)
    spec = opened.spec
    given: object = text
    if not isinstance(given, str):
        raise InputTypeError("text", "a text", quoted(text), "pass str(...) of it")
    left, top = number("left", left, -1e6, 1e6), number("top", top, -1e6, 1e6)
    overlay = Overlay(spec.height, spec.width)
    ink = parse_rgb(color, spec, "color")
    chip = None if background is None else parse_rgb(background, spec, "background")
    if text:
        overlay.text(text, left, top, _text_size(size, spec, "size"), ink, chip)
    return overlay.lay_over(image, bgr=bgr)


# ---------------------------------------------------------------- arguments


def _open_one(image: ImageT, bgr: bool) -> Opened[ImageT]:
    opened = load(image, bgr=bgr)
    if opened.spec.batch:
        raise InputValueError("image", "one picture", f"a batch of shape {opened.spec.batch}", "draw on each")
    return opened


def _thickness(given: int | None, spec: Spec) -> int:
    return max(1, round(min(spec.height, spec.width) / 250)) if given is None else integer("thickness", given)


def _text_size(given: float | None, spec: Spec, subject: str = "text_size") -> float:
    if given is None:
        return float(max(10, round(min(spec.height, spec.width) / 32)))
    return number(subject, given, 1, 10_000)


def _list_for(subject: str, given: Any, count: int) -> list[Any] | None:
    """Classes or scores as a list with one for each object."""
    if given is None:
        return None
    rows = given.tolist() if hasattr(given, "tolist") else list(given)
    if len(rows) != count:
        raise InputValueError(subject, f"{count}, one for each object", str(len(rows)), "pass one for each")
    return rows


def _label(classes: list[Any] | None, scores: list[Any] | None, index: int) -> str:
    parts = [] if classes is None else [str(classes[index])]
    if scores is not None:
        score = scores[index]
        parts.append(f"{score:.2f}" if isinstance(score, float) else str(score))
    return " ".join(parts)


def _read_masks(masks: Any, spec: Spec) -> Array:
    """Masks as 0 and 1 of one byte."""
    if is_tensor(masks):
        masks = masks.detach().float().cpu().numpy() if masks.is_floating_point() else masks.detach().cpu().numpy()
    if not isinstance(masks, np.ndarray):
        raise InputTypeError("masks", "an array or a tensor (N, H, W)", type(masks).__name__, "stack them")
    if masks.ndim != 3 or masks.shape[1:] != (spec.height, spec.width):
        expected = f"shape (N, {spec.height}, {spec.width})"
        raise InputValueError("masks", expected, str(masks.shape), "for one mask pass mask[None]")
    shown = masks > 0.5 if masks.dtype.kind == "f" else masks != 0
    return shown.astype(np.uint8)


def _read_edges(edges: Sequence[tuple[int, int]], count: int) -> list[tuple[int, int]]:
    pairs: list[tuple[object, ...]] = [tuple(pair) for pair in edges]
    for pair in pairs:
        if len(pair) != 2 or not all(isinstance(end, (int, np.integer)) and 0 <= end < count for end in pair):
            raise InputValueError(
                "edges", f"pairs of points from 0 to {count - 1}", quoted(pair), "pass for instance (0, 1)"
            )
    return [(int(first), int(second)) for first, second in edges]
