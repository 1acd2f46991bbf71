"""A document from a folder of pictures with a manifest, as `export_layers` writes it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import _raster
from .._foreign_names import explain_calls
from .._io import read_bytes
from .._raster.guard import check_size
from ..errors import FileAccessError, FileFormatError, LimitError, quoted
from ..limits import Limits
from ..types import AnyImage
from .creation import new_psd
from .document import Psd
from .export import MANIFEST, VERSION

if TYPE_CHECKING:
    from .layers import Layer

__all__ = ["psd_from_folder"]


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
    path = root / MANIFEST
    data = read_bytes(path, limits=limits)
    try:
        manifest = json.loads(data)
        if manifest["aikit_layers"] != VERSION:
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
    """Add what the manifest lists, from bottom to top. Entries are any JSON; the caller answers for what they are not."""
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


def _picture(root: Path, name: str, limits: Limits | None) -> AnyImage:
    """A picture the manifest names, which lies in the folder and nowhere else."""
    if name != os.path.basename(name) or name in ("", ".", "..") or "\\" in name:
        raise ValueError(f"the file name {name!r}, which leaves the folder")
    path = root / name
    data = read_bytes(path, limits=limits)
    decoded = _raster.decode_guarded(data, name=str(path), limits=limits)
    return decoded.pixels if isinstance(decoded, _raster.HighDepth) else decoded
