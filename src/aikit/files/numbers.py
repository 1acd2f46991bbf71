"""Numbers that files hold and that are no colors: label maps, and planes of data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from .. import _raster
from .._check import integer
from .._foreign_names import explain_calls
from .._io import name_of, read_bytes
from .._pixels import is_data
from ..convert import to_numpy
from ..errors import InputValueError
from ..limits import Limits
from ..types import AnyImage, Source

if TYPE_CHECKING:
    import numpy as np

__all__ = ["encode_planes", "list_planes", "read_label_map", "read_planes"]


@explain_calls
def read_label_map(
    source: Source, *, frame: int = 0, limits: Limits | None = None, isolate: bool = False
) -> np.ndarray[Any, Any]:
    """Read a label map: the whole numbers that a file holds, and never colors.

    Args:
        source: a path, bytes, or an open binary file. A str is a path and is never fetched.
        frame: which page of a TIFF.
        limits: what the file may cost, `Limits()` for uploads; None trusts the file.
        isolate: decode in a child process, as in `read_pil`.

    Returns:
        (H, W), upright: indices of a palette and gray codes of 1 to 8 bits as uint8, as they are stored (a 4-bit code 5 is
        5), those of 16 bits as uint16, 32-bit and signed ones of a TIFF as int32. Palettes, transparency and profiles say
        nothing here.

    Raises:
        FileAccessError: the file cannot be opened.
        FileFormatError: colors, a format that does not keep numbers (JPEG, WebP), damaged, or cut off.
        LimitError: larger than `limits` allow; with `isolate`, also slower.
        InputValueError: there is no such page.
        WorkerError: with `isolate`, the decoder crashed.

    Example:
        >>> import io
        >>> from PIL import Image
        >>> classes = Image.new("P", (2, 1), 7)
        >>> classes.putpalette([10, 20, 30] * 8)
        >>> file = io.BytesIO()
        >>> classes.save(file, "png")
        >>> read_label_map(file.getvalue()).tolist()
        [[7, 7]]
    """
    frame, name = integer("frame", frame, 0), name_of(source)
    data = read_bytes(source, limits=limits)
    return _raster.decode_labels_guarded(data, name=name, frame=frame, limits=limits, isolate=isolate)


def read_planes(
    source: Source,
    *,
    frame: int = 0,
    limits: Limits | None = None,
    allow_truncated: bool = False,
    isolate: bool = False,
) -> _raster.HighDepth:
    """Read the samples of a TIFF or a PNG as they are stored, (H, W, C), and what the file says beside them."""
    frame, name = integer("frame", frame, 0), name_of(source)
    data = read_bytes(source, limits=limits)
    return _raster.decode_data_guarded(
        data, name=name, frame=frame, limits=limits, allow_truncated=allow_truncated, isolate=isolate
    )


def list_planes(image: AnyImage | Iterable[AnyImage]) -> list[AnyImage]:
    """List the images of a list, an iterator or a batch of data planes, or the one that was passed."""
    if isinstance(image, (list, tuple, Iterator)):
        images = list(image)
        if not images:
            raise InputValueError("image", "at least one image", f"an empty {type(image).__name__}", "pass some")
        return images
    from .._adapters.data import open_data

    one: Any = image
    return list(one) if len(open_data(one).batch) == 1 else [one]


def encode_planes(
    images: list[AnyImage],
    format: str,
    info: Mapping[Any, Any],
    options: _raster.EncodeOptions,
    *,
    metadata: _raster.MetadataPolicy = "keep",
    **others: object,
) -> bytes:
    """Encode planes of data; `others` are keywords that mean nothing for them."""
    is_data("data", **others)
    target = _raster.capabilities(format)
    _raster.check_policy(metadata)
    pages, beside = [], []
    for image in images:
        array = to_numpy(image, channels="data")
        if array.ndim > 3:
            raise InputValueError("image", "one picture, or several in a list", f"shape {array.shape}", "write a list")
        pages.append(array[..., None] if array.ndim == 2 else array)
        told = {**info, **getattr(image, "info", {})}
        told = {key: value for key, value in told.items() if key != "icc_profile"}
        beside.append(_raster.collect(told, metadata, gray=True))
    return _raster.encode_data(pages, target, options, metadata=beside)
