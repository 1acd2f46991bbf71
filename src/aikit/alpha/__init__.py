"""Transparency: find it, take it apart, put it together, make it, and lay pictures over each other.

Every function takes every kind of image, and batches, and gives the same kind back. Alpha is straight
(not premultiplied) everywhere unless a function says otherwise. Integer images are computed in float32 and
rounded once, at the end.
"""

from __future__ import annotations

from .channel import alpha_bbox, has_alpha, is_transparent, merge_alpha, split_alpha, trim
from .chroma_key import color_to_alpha, make_transparent
from .compositing import composite, flatten
from .foreground import estimate_foreground
from .premultiplied import premultiply, unpremultiply

__all__ = [
    "alpha_bbox",
    "color_to_alpha",
    "composite",
    "estimate_foreground",
    "flatten",
    "has_alpha",
    "is_transparent",
    "make_transparent",
    "merge_alpha",
    "premultiply",
    "split_alpha",
    "trim",
    "unpremultiply",
]
