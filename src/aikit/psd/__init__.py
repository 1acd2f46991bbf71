"""Layered documents, PSD and PSB: open, look into, edit, flatten, save; layers as pictures in a folder, and back."""

from .creation import new_psd, psd_from_layers
from .document import Psd, open_psd
from .flat import probe, read_flat
from .folder import psd_from_folder
from .layers import EmbeddedFile, Layer
from .masks import Mask

__all__ = [
    "EmbeddedFile",
    "Layer",
    "Mask",
    "Psd",
    "new_psd",
    "open_psd",
    "probe",
    "psd_from_folder",
    "psd_from_layers",
    "read_flat",
]
