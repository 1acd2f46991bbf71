"""A sample as a card in a notebook: the picture with what is known of it drawn on it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from .._card import make_card, try_picture
from ..convert import to_numpy
from ..draw import draw_boxes, draw_keypoints, draw_masks
from ..files import encode
from ..geometry.places import is_tensor, read_places, to_corners
from ..show.found import look_into
from ..show.thumbnails import thumbnail
from .labels import LabelMap, read_label_form

if TYPE_CHECKING:
    from .value import Sample

__all__ = ["as_html"]

Array: TypeAlias = np.ndarray[Any, Any]

_SIDE = 320
_NAMED = 6  # classes in a line; the rest is counted


def as_html(sample: Sample) -> str:
    """The picture, at most 320 pixels a side, with masks, boxes and keypoints, and how many there are of each."""
    height, width = sample.size
    picture, refused = try_picture(lambda: encode(_draw(sample), "png"), "The picture with what is known of it")
    return make_card(f"Sample: {height}x{width} (height x width)", _facts(sample), figure=picture, body=refused)


def _draw(sample: Sample) -> Array:
    small = thumbnail(look_into(sample.image, False), _SIDE)
    assert small is not None, "a sample's picture has pixels"
    drawn = to_numpy(small)
    height, width = sample.size
    rows, columns = (
        ((np.arange(count) + 0.5) * full / count).astype(int)
        for count, full in zip(drawn.shape[:2], (height, width), strict=True)
    )
    scale = np.array([drawn.shape[1] / width, drawn.shape[0] / height])
    if sample.label_map is not None:
        labels = _labels(sample.label_map)[np.ix_(rows, columns)]
        found = [label for label in np.unique(labels) if label not in (0, sample.ignore)]
        drawn = draw_masks(drawn, np.stack([labels == label for label in found])) if found else drawn
    if sample.masks is not None and len(sample.masks):
        drawn = draw_masks(drawn, _on_host(sample.masks)[:, rows][:, :, columns] != 0)
    if sample.boxes is not None:
        numbers = read_places(sample.boxes, "boxes", (4,), (2,)).values
        corners = to_corners(numbers, sample.box_format, sample.relative, sample.size) * np.tile(scale, 2)
        drawn = draw_boxes(drawn, corners, classes=sample.classes, scores=sample.scores)
    if sample.keypoints is not None:
        points = read_places(sample.keypoints, "keypoints", (2, 3), (3, 2)).values.copy()
        points[..., :2] *= scale
        drawn = draw_keypoints(drawn, points)
    return drawn


def _on_host(masks: Any) -> Array:
    return np.asarray(masks.detach().cpu() if is_tensor(masks) else masks)


def _labels(given: LabelMap) -> Array:
    """A label map as an array (H, W)."""
    values = _on_host(read_label_form(given).values)
    return values.reshape(values.shape[-2:])


def _facts(sample: Sample) -> list[tuple[str, str]]:
    facts = [("image", type(sample.image).__qualname__)]
    for name in ("boxes", "masks", "keypoints"):
        part = getattr(sample, name)
        if part is not None:
            more = f", {sample.box_format}{', relative' if sample.relative else ''}" if name == "boxes" else ""
            facts.append((name, f"{len(part):,}{more}"))
    if sample.classes is not None:
        counts = Counter(
            str(one) for one in (sample.classes.tolist() if hasattr(sample.classes, "tolist") else sample.classes)
        )
        named = ", ".join(f"{name} ({count})" if count > 1 else name for name, count in counts.most_common(_NAMED))
        facts.append(("classes", named + (f" and {len(counts) - _NAMED} more" if len(counts) > _NAMED else "")))
    if sample.label_map is not None:
        labels = np.unique(_labels(sample.label_map))
        facts.append(("labels", ", ".join(map(str, labels[:16])) + (", …" if len(labels) > 16 else "")))
    return facts
