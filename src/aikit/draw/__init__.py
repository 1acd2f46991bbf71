"""What was found, drawn onto the picture: boxes, masks, keypoints and text, on every kind of image."""

from __future__ import annotations

from .shapes import draw_boxes, draw_keypoints, draw_masks, draw_text

__all__ = ["draw_boxes", "draw_keypoints", "draw_masks", "draw_text"]
