"""What the header of any file says, without its pixels."""

from __future__ import annotations

from .. import _raster
from ..limits import Limits

__all__ = ["probe_any"]


def probe_any(data: bytes, name: str, limits: Limits | None) -> tuple[_raster.Header, int | None]:
    """What the header of a picture or a document says, and of a layered document how many layers it has.

    Raises:
        AikitError: it cannot be read.
    """
    from .. import mesh, psd, svg

    kind = _raster.identify(data)
    if kind == "psd":
        return psd.probe(data, name=name, limits=limits)
    probe = {"svg": svg.probe, "glb": mesh.probe}.get(str(kind), _raster.probe)
    return probe(data, name=name, limits=limits), None
