"""Other sizes: resize, upsample, blur and sharpen, right where alpha is, the same on every kind of image.

One definition of alignment, Pillow's: pixel centers lie at half integers, and an output pixel gathers the input
pixels under a kernel centered on it, along one axis and then the other. Color is premultiplied in float before
pixels are mixed, so nothing hidden under transparency leaks out.
"""

from __future__ import annotations

from .gaussian import blur, sharpen
from .size import resize
from .upsampling import upsample

__all__ = ["blur", "resize", "sharpen", "upsample"]
