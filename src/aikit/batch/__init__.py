"""Many images and one tensor: stacked, taken apart, normalized, read from files, and moved ahead of the work.

Pictures cross to a device as codes, not as floats, in one buffer and one transfer; what floats cost is paid there.
"""

from __future__ import annotations

from .grouping import group_by_shape, sizes_of
from .normalizing import normalize
from .prefetching import prefetch
from .reading import read_batch
from .stacking import stack
from .unstacking import unstack

__all__ = ["group_by_shape", "normalize", "prefetch", "read_batch", "sizes_of", "stack", "unstack"]
