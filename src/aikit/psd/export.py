"""A document as a folder of pictures with a manifest."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .. import _raster
from .._io import make_folder, write_bytes
from . import isolated
from .channels import Codes

if TYPE_CHECKING:
    from .document import Psd
    from .layers import Layer

__all__ = ["MANIFEST", "VERSION", "export_layers"]

MANIFEST = "layers.json"
VERSION = 1
# Longest part of a file name that is taken from a layer's name; file systems take 255 bytes for the whole.
_LONGEST = 60


def export_layers(document: Psd, folder: str | os.PathLike[str]) -> list[str]:
    """Write the pictures, then the manifest, which so never names a picture that is not there."""
    root = Path(folder)
    make_folder(root)
    written: list[str] = []
    numbers = {layer: number for number, layer in enumerate(document.walk(), 1)}
    manifest = {
        "aikit_layers": VERSION,
        "height": document.height,
        "width": document.width,
        "mode": "L" if document.mode == "L" else "RGB",
        "depth": document.depth,
        "layers": [_entry(layer, document, root, numbers, written) for layer in document.layers],
    }
    text = json.dumps(manifest, ensure_ascii=False, indent=2) + "\n"
    write_bytes(root / MANIFEST, text.encode("utf-8", "surrogatepass"))
    return written


def _entry(layer: Layer, document: Psd, root: Path, numbers: dict[Layer, int], written: list[str]) -> dict[str, object]:
    """Describe a layer for the manifest, and write its picture."""
    entry: dict[str, object] = {
        "path": layer.path,
        "name": layer.name,
        "kind": layer.kind,
        "box": list(layer.bbox),
        "visible": layer.visible,
        "opacity": layer.opacity,
        "fill_opacity": layer.fill_opacity,
        "blend_mode": layer.blend_mode,
        "clipping": layer.clipping,
        "locked": layer.locked,
        "text": layer.text,
        "file": None,
    }
    if layer.kind == "group":
        entry["layers"] = [_entry(inner, document, root, numbers, written) for inner in layer.layers]
        return entry
    found = isolated.unpack_layer(document, layer) if document.isolated else layer._pixels()
    if found is not None:
        pixels = found[0]
        name = f"{numbers[layer]:03}-{_safe(layer.name)}{'.tif' if pixels.dtype == np.float32 else '.png'}"
        write_bytes(root / name, _encode(pixels))
        entry["file"] = name
        written.append(str(root / name))
    return entry


def _safe(name: str) -> str:
    """A layer's name without what some file system refuses; the number before it makes it unique."""
    words = re.sub(r"[^\w.-]+", "_", name).strip("._")
    return words.encode("utf-8", "ignore")[:_LONGEST].decode("utf-8", "ignore") or "layer"


def _encode(pixels: Codes) -> bytes:
    from PIL import Image

    if pixels.dtype == np.uint8:
        return _raster.encode(Image.fromarray(pixels), "png")
    return _raster.encode(pixels, "tiff" if pixels.dtype == np.float32 else "png")
