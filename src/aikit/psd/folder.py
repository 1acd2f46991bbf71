"""A document as a folder of pictures with a manifest, and back."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import _raster
from .._bytes import make_folder, read_bytes, write_bytes
from .._foreign_names import explain_calls
from .._raster.guard import check_size
from ..errors import FileAccessError, FileFormatError, LimitError, quoted
from ..limits import Limits
from . import isolated
from .document import Psd, new_psd

if TYPE_CHECKING:
    from .layers import Layer

__all__ = ["export", "psd_from_folder"]

_MANIFEST = "layers.json"
_VERSION = 1
# Longest part of a file name that is taken from a layer's name; file systems take 255 bytes for the whole.
_LONGEST = 60


def export(document: Psd, folder: str | os.PathLike[str]) -> list[str]:
    """Write the pictures, then the manifest, which so never names a picture that is not there."""
    root = Path(folder)
    make_folder(root)
    written: list[str] = []
    numbers = {layer: number for number, layer in enumerate(document.walk(), 1)}
    manifest = {
        "aikit_layers": _VERSION,
        "height": document.height,
        "width": document.width,
        "mode": "L" if document.mode == "L" else "RGB",
        "depth": document.depth,
        "layers": [_entry(layer, document, root, numbers, written) for layer in document.layers],
    }
    text = json.dumps(manifest, ensure_ascii=False, indent=2) + "\n"
    write_bytes(root / _MANIFEST, text.encode("utf-8", "surrogatepass"))
    return written


def _entry(layer: Layer, document: Psd, root: Path, numbers: dict[Layer, int], written: list[str]) -> dict[str, Any]:
    """What the manifest says of a layer; writes its picture."""
    entry: dict[str, Any] = {
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
        write_bytes(root / name, _encoded(pixels))
        entry["file"] = name
        written.append(str(root / name))
    return entry


def _safe(name: str) -> str:
    """A layer's name without what some file system refuses; the number before it makes it unique."""
    words = re.sub(r"[^\w.-]+", "_", name).strip("._")
    return words.encode("utf-8", "ignore")[:_LONGEST].decode("utf-8", "ignore") or "layer"


def _encoded(pixels: np.ndarray[Any, Any]) -> bytes:
    from PIL import Image

    if pixels.dtype == np.uint8:
        return _raster.encode(Image.fromarray(pixels), "png")
    return _raster.encode(pixels, "tiff" if pixels.dtype == np.float32 else "png")


@explain_calls
def psd_from_folder(folder: str | os.PathLike[str], *, limits: Limits | None = None) -> Psd:
    """Make a document from a folder that `Psd.export_layers` wrote, whatever became of the pictures since.

    Pixel layers and groups come back as they were, also the layers that were text, shapes and smart objects, as
    pixels. Adjustments, effects and masks as such do not: masks are in the pixels.

    Args:
        folder: with layers.json and the pictures it names.
        limits: what each picture may cost, `Limits()` for folders of strangers; None trusts them.

    Returns:
        The document: gray if it was gray, else RGB, at its depth.

    Raises:
        FileAccessError: the manifest or a picture is missing.
        FileFormatError: the manifest is not one, or a picture is damaged.
        LimitError: a picture is larger than `limits` allow.

    Example:
        >>> import tempfile
        >>> import numpy as np
        >>> doc = new_psd(height=2, width=3)
        >>> layer = doc.add(np.full((2, 3, 4), 200, np.uint8), name="Gray")
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     files = doc.export_layers(folder)
        ...     psd_from_folder(folder).layers
        [<Layer 'Gray' pixel>]
    """
    root = Path(folder)
    path = root / _MANIFEST
    data = read_bytes(path, limits=limits)
    try:
        manifest = json.loads(data)
        if manifest["aikit_layers"] != _VERSION:
            raise ValueError(f"version {manifest['aikit_layers']}")
        height, width, depth = manifest["height"], manifest["width"], max(8, manifest["depth"])
        check_size(str(path), width, height, limits)
        document = new_psd(height=height, width=width, mode=manifest["mode"], depth=depth)
        _fill(document, None, manifest["layers"], root, limits)
    except (FileFormatError, FileAccessError, LimitError):
        raise
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise FileFormatError(
            str(path), "a manifest written by export_layers", quoted(str(error)[:160]), "export the document again"
        ) from error
    return document


def _fill(document: Psd, group: Layer | None, entries: list[Any], root: Path, limits: Limits | None) -> None:
    """Add what the manifest lists, from bottom to top."""
    for entry in entries:
        common = {"opacity": entry["opacity"], "blend_mode": entry["blend_mode"], "group": group}
        if entry["kind"] == "group":
            layer = document.add_group(entry["name"], **common)
            _fill(document, layer, entry["layers"], root, limits)
        elif entry["file"] is not None:
            left, top, _, _ = entry["box"]
            image = _picture(root, entry["file"], limits)
            layer = document.add(image, name=entry["name"], left=left, top=top, **common)
            layer.clipping = entry["clipping"]
        else:
            continue
        layer.visible, layer.locked, layer.fill_opacity = entry["visible"], entry["locked"], entry["fill_opacity"]


def _picture(root: Path, name: str, limits: Limits | None) -> Any:
    """A picture the manifest names, which lies in the folder and nowhere else."""
    if name != os.path.basename(name) or name in ("", ".", "..") or "\\" in name:
        raise ValueError(f"the file name {name!r}, which leaves the folder")
    path = root / name
    data = read_bytes(path, limits=limits)
    decoded = _raster.decode_guarded(data, name=str(path), limits=limits)
    return decoded.pixels if isinstance(decoded, _raster.Deep) else decoded
