"""A picture together with what is known of it: boxes, masks, a label map, keypoints; whatever moves one moves all."""

from __future__ import annotations

from .value import Sample

__all__ = ["Sample"]
