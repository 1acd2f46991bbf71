"""Where pixels are: crop, pad, fit, flip, turn and warp, the same on every kind of image.

One convention of coordinates, that of `resize`: x runs to the right and y down, in pixels, from the upper left corner of
the picture. The first pixel covers 0 to 1 and has its center at (0.5, 0.5). A box is (left, top, right, bottom), a matrix
takes points of the source to points of the result, and angles and quarter turns count counter-clockwise.
"""

from __future__ import annotations

from .cropping import crop, pad
from .fitting import fit, thumbnail
from .turning import flip, rot90
from .warping import rotate, warp_affine, warp_perspective

__all__ = ["crop", "fit", "flip", "pad", "rot90", "rotate", "thumbnail", "warp_affine", "warp_perspective"]
