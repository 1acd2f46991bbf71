"""Work in child processes that may crash, hang or grow without harm: how many at once, how long to wait, how to stop.

Readers use them by themselves, with `isolate=True`, or where files that come with `limits` have a decoder that could do
harm. What comes back from such a child is plain values, pixels and the fields of errors: it is never unpickled, and
what is not as expected is an error.
"""

from __future__ import annotations

from .calls import guarded as guarded, guarded_stream as guarded_stream
from .cancelling import Job, cancellable
from .child import in_child as in_child
from .pool import configure, processors as processors
from .results import register as register, register_record as register_record
from .start import search_path as search_path
from .supervisor import Worker as Worker
from .wire_format import Filled as Filled, NonsenseError as NonsenseError

# The rest is for the house.
__all__ = ["Job", "cancellable", "configure"]
