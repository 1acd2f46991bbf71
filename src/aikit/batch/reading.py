"""Many files straight into one tensor."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Literal

from .._check import one_of
from .._foreign_names import explain_calls
from .._io import name_of, read_bytes
from .._pixels import Opened, in_threads, load
from ..errors import InputValueError
from ..files import Profile, read_any
from ..limits import Limits
from ..types import AnyImage, Source
from .fitting import FITS, Channels, Fit, canvas_for, fit_picture
from .jpeg import CheckedJpeg, checked_jpeg, decode_jpegs
from .placement import choose_device
from .stacking import list_of, stack

if TYPE_CHECKING:
    import torch

__all__ = ["read_batch"]

Decoder = Literal["auto", "cpu", "nvjpeg"]


@explain_calls
def read_batch(
    sources: Iterable[Source],
    *,
    height: int | None = None,
    width: int | None = None,
    fit: Fit = "exact",
    channels: Channels | None = None,
    background: Any = "white",
    device: Any = "auto",
    dtype: Any = "float32",
    out: torch.Tensor | None = None,
    profile: Profile = "srgb",
    limits: Limits | None = None,
    decoder: Decoder = "auto",
) -> torch.Tensor:
    """Read many pictures into one batch, decoded in threads or on the graphics card.

    The same as `stack` of pictures that `read_pil` or `read_numpy` gives, upright and in sRGB. On CUDA, JPEG files are
    checked here and then decoded there by nvJPEG, whose codes may differ by a few from those of the CPU's decoder,
    most where colors of a picture with halved color resolution meet.

    Args:
        sources: paths, bytes or open binary files. A str is a path and is never fetched.
        height: of the batch, as in `stack`.
        width: of the batch, as in `stack`.
        fit: "exact", "pad", "crop" or "stretch", as in `stack`.
        channels: "gray", "rgb" or "rgba" for all; None wants all pictures alike.
        background: under transparency that "gray" or "rgb" removes.
        device: where to; "auto" is what `pick_device` picks once for the process, and the CPU in a worker of a
            DataLoader.
        dtype: of the batch, as in `stack`.
        out: a tensor of the result's shape and dtype, which is filled and returned.
        profile: "srgb" turns an embedded ICC profile into sRGB; "ignore" keeps the codes.
        limits: what each file may cost, `Limits()` for uploads; None trusts the files.
        decoder: "auto" uses nvJPEG for JPEG files on CUDA without `limits`; files of strangers stay on the CPU, where
            a fault costs an exception and not the device. "cpu" always decodes there. "nvjpeg" uses it under limits
            too. Files that it cannot read, such as CMYK or with a profile of their own, go to the CPU.

    Returns:
        (N, C, height, width), as `stack` gives it.

    Raises:
        FileAccessError: a file cannot be opened.
        FileFormatError: one is not a picture in a format aikit reads, damaged, or cut off; the message names it.
        LimitError: one is larger than `limits` allow.
        InputTypeError: `sources` is no list of them.
        InputValueError: none at all, a size or channels that do not fit, or nvjpeg without CUDA.
        DeviceError: the device does not exist.

    Example:
        >>> from PIL import Image
        >>> from aikit import encode
        >>> files = [encode(Image.new("RGB", size), "png") for size in [(30, 20), (16, 40)]]
        >>> read_batch(files, height=8, width=8, fit="crop", device="cpu").shape
        torch.Size([2, 3, 8, 8])
    """
    given = list_of(sources, "sources", "paths, bytes or binary files")
    one_of("fit", fit, FITS)
    one_of("decoder", decoder, ("auto", "cpu", "nvjpeg"))
    where = choose_device(device, out=out)
    if decoder == "nvjpeg" and where.type != "cuda":
        raise InputValueError("decoder", f'"auto" or "cpu" on {where}', '"nvjpeg"', "it needs a CUDA device")
    on_card = where.type == "cuda" and (decoder == "nvjpeg" or (decoder == "auto" and limits is None))

    def fit_early(picture: Any) -> Any:
        """A picture that will be rescaled is, before the next one is decoded: the batch may be far smaller than all."""
        if fit not in ("crop", "stretch"):
            return picture
        opened: Opened[AnyImage] = load(picture)
        return fit_picture(picture, opened, canvas_for([opened.spec], height, width, fit, channels), background)

    return stack(
        read_pictures(given, fit_early, profile, limits, where if on_card else None),
        height=height,
        width=width,
        fit=fit,
        channels=channels,
        background=background,
        device=where,
        dtype=dtype,
        out=out,
    )


def read_pictures(
    sources: list[Source],
    finish: Callable[[Any], Any],
    profile: Any,
    limits: Limits | None,
    card: torch.device | None,
) -> list[Any]:
    """Each file decoded and finished: on the card, where there is one and it may see the file; else in threads."""

    def decoded(data: bytes, name: str) -> Any:
        file = io.BytesIO(data)
        file.name = name  # for messages
        return finish(read_any(file, profile=profile, limits=limits))

    def read(index: int, source: Source) -> Any:
        name = name_of(source)
        name = f"sources[{index}]" if name == "source" else name
        data = read_bytes(source, limits=limits)
        jpeg = checked_jpeg(data, name=name, profile=profile, limits=limits) if card is not None else None
        return decoded(data, name) if jpeg is None else jpeg

    pictures = in_threads(read, range(len(sources)), sources)
    waiting = [index for index, picture in enumerate(pictures) if isinstance(picture, CheckedJpeg)]
    for indices in _portions(waiting, [pictures[index].pixels for index in waiting]):
        files = [pictures[index] for index in indices]
        on_card = decode_jpegs(files, card)  # type: ignore[arg-type] # only with a card is one waiting
        done = (
            in_threads(lambda file: decoded(file.data, file.name), files) if on_card is None else map(finish, on_card)
        )
        for index, picture in zip(indices, done, strict=True):
            pictures[index] = picture
    return pictures


# What the card decodes at once, in pixels: 200 MB of codes.
_PORTION = 1 << 26


def _portions(indices: list[int], pixels: list[int]) -> Iterator[list[int]]:
    """Runs of pictures that together are as large as the card shall decode at once."""
    portion: list[int] = []
    total = 0
    for index, size in zip(indices, pixels, strict=True):
        if portion and total + size > _PORTION:
            yield portion
            portion, total = [], 0
        portion.append(index)
        total += size
    if portion:
        yield portion
