"""Guarded decoding and encoding of raster formats."""

from .decode import decode, frames
from .deep import Deep, rounded
from .encode import Format, capabilities, encode
from .header import Header, probe
from .isolated import decode_guarded, frames_guarded, needs_child
from .signatures import format_of_suffix, identify
from .wire_format import Picture

__all__ = [
    "Deep",
    "Format",
    "Header",
    "Picture",
    "capabilities",
    "decode",
    "decode_guarded",
    "encode",
    "format_of_suffix",
    "frames",
    "frames_guarded",
    "identify",
    "needs_child",
    "probe",
    "rounded",
]
