"""Guarded decoding and encoding of raster formats."""

from .apart import decode_apart, frames_apart, needs_child
from .decode import decode, frames
from .deep import Deep, rounded
from .encode import Format, capabilities, encode
from .header import Header, probe
from .parcel import pack, unpack
from .signatures import format_of_suffix, identify

__all__ = [
    "Deep",
    "Format",
    "Header",
    "capabilities",
    "decode",
    "decode_apart",
    "encode",
    "format_of_suffix",
    "frames",
    "frames_apart",
    "identify",
    "needs_child",
    "pack",
    "probe",
    "rounded",
    "unpack",
]
