"""Files and the web: pictures from paths, bytes and open files, and back; data URLs both ways.

A file's format is recognised by its bytes, never by its name. Readers give pictures upright, with palettes
resolved and embedded profiles turned into sRGB; `write` replaces a file entirely or leaves it as it was.
"""

from __future__ import annotations

from .data_urls import from_data_url, media_type as media_type, to_data_url
from .numbers import encode_planes as encode_planes, read_label_map, read_planes as read_planes
from .probing import probe_any as probe_any
from .reading import (
    OnBadProfile as OnBadProfile,
    Profile as Profile,
    read_any as read_any,
    read_cv2,
    read_frames,
    read_numpy,
    read_pil,
    read_tensor,
    read_with_info as read_with_info,
)
from .writing import (
    MetadataPolicy as MetadataPolicy,
    Subsampling as Subsampling,
    encode,
    encode_with_info as encode_with_info,
    write,
)

# The rest is for the house.
__all__ = [
    "encode",
    "from_data_url",
    "read_cv2",
    "read_frames",
    "read_label_map",
    "read_numpy",
    "read_pil",
    "read_tensor",
    "to_data_url",
    "write",
]
