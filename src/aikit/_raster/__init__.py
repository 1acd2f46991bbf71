"""Guarded decoding and encoding of raster formats."""

from .data_planes import decode_data_guarded, encode_data
from .decode import decode, frames
from .encode import encode
from .formats import Format, capabilities
from .header import Header, probe
from .high_depth import HighDepth, round_to_8_bits
from .isolated import decode_guarded, frames_guarded, needs_child
from .labels import decode_labels_guarded
from .metadata import Metadata, MetadataPolicy, check_policy, collect
from .options import EncodeOptions, Subsampling, check_options, options_of
from .palette import is_stored_as_it_is
from .sequences import check_times, encode_frames
from .signatures import format_of_suffix, identify
from .wire_format import Picture

__all__ = [
    "EncodeOptions",
    "Format",
    "Header",
    "HighDepth",
    "Metadata",
    "MetadataPolicy",
    "Picture",
    "Subsampling",
    "capabilities",
    "check_options",
    "check_policy",
    "check_times",
    "collect",
    "decode",
    "decode_data_guarded",
    "decode_guarded",
    "decode_labels_guarded",
    "encode",
    "encode_data",
    "encode_frames",
    "format_of_suffix",
    "frames",
    "frames_guarded",
    "identify",
    "is_stored_as_it_is",
    "needs_child",
    "options_of",
    "probe",
    "round_to_8_bits",
]
