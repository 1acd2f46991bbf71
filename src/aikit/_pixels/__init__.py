"""Any image to planes and back: kinds, contracts, values, and the driver that runs kernels on every kind of image.

The adapters, which know the kinds, stand beside it in `_adapters`.
"""

from __future__ import annotations

from .colors import parse_color
from .contracts import Adapter, InterleavedKernel, Kernel, Opened, Pixels, PixelSource, PixelTarget, adapter
from .copying import copy_pixels
from .data import ChannelKind, DataFill, is_data, spec_of, takes_data
from .driver import crop, load, load_beside, merge, pass_open, run, run_uint8, split
from .facts import Memory, Raw
from .foreign import as_own, give_back, is_foreign
from .kinds import CHANNEL_NAMES, TOP, Namespace, Plane, Planes, Spec, kind_of
from .strips import STRIP_PIXELS, batch_as_rows, cut_strips, for_each_strip
from .threads import in_threads, thread_count
from .values import is_exported, is_traced, no_number, power, quantize, rescale, safe

__all__ = [
    "CHANNEL_NAMES",
    "STRIP_PIXELS",
    "TOP",
    "Adapter",
    "ChannelKind",
    "DataFill",
    "InterleavedKernel",
    "Kernel",
    "Memory",
    "Namespace",
    "Opened",
    "PixelSource",
    "PixelTarget",
    "Pixels",
    "Plane",
    "Planes",
    "Raw",
    "Spec",
    "adapter",
    "as_own",
    "batch_as_rows",
    "copy_pixels",
    "crop",
    "cut_strips",
    "for_each_strip",
    "give_back",
    "in_threads",
    "is_data",
    "is_exported",
    "is_foreign",
    "is_traced",
    "kind_of",
    "load",
    "load_beside",
    "merge",
    "no_number",
    "parse_color",
    "pass_open",
    "power",
    "quantize",
    "rescale",
    "run",
    "run_uint8",
    "safe",
    "spec_of",
    "split",
    "takes_data",
    "thread_count",
]
