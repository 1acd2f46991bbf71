"""Many files straight into one tensor."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Literal

from .._check import one_of
from .._foreign_names import explain_calls
from .._io import name_of, read_bytes
from .._pixels import Opened, in_threads, load
from ..errors import AikitError, InputValueError
from ..files import Profile, read_any, read_planes
from ..limits import Limits
from ..resample.size import Method
from ..types import AnyImage, Color, DeviceLike, DTypeLike, Source
from .failures import Failure, Failures, OnError, collect_failures
from .fitting import SCALING, Channels, Fit, Fitting, canvas_for, check_fitting, fit_picture
from .jpeg import CheckedJpeg, check_jpeg, decode_jpegs
from .placement import choose_device
from .preparing import Prepare, call_prepare, check_prepare, prepare_picture
from .stacking import list_of, stack_opened
from .stacking_data import check_data_options, stack_data

if TYPE_CHECKING:
    import torch

__all__ = ["read_batch"]

Decoder = Literal["auto", "cpu", "nvjpeg"]


@explain_calls
def read_batch(
    sources: Iterable[Source],
    *,
    prepare: Prepare | None = None,
    height: int | None = None,
    width: int | None = None,
    fit: Fit = "exact",
    channels: Channels | None = None,
    method: Method = "bilinear",
    background: AnyImage | Color = "white",
    fill: Color | None = None,
    device: DeviceLike = "auto",
    dtype: DTypeLike | None = "float32",
    out: torch.Tensor | None = None,
    profile: Profile = "srgb",
    limits: Limits | None = None,
    decoder: Decoder = "auto",
    on_error: OnError = "raise",
    failures: list[Failure] | None = None,
) -> torch.Tensor:
    """Read many pictures into one batch, decoded in threads or on the graphics card.

    The same as `stack` of pictures that `read_pil` or `read_numpy` gives, upright and in sRGB. On CUDA, JPEG files are
    checked here and then decoded there by nvJPEG, whose codes may differ by a few from those of the CPU's decoder,
    most where colors of a picture with halved color resolution meet.

    Args:
        sources: paths, bytes or open binary files. A str is a path and is never fetched.
        prepare: what is done with each picture as soon as it is decoded, as in `stack`, in the same threads.
        height: of the batch, as in `stack`.
        width: of the batch, as in `stack`.
        fit: "exact", "pad", "crop", "stretch", "contain" or "letterbox", as in `stack`.
        channels: "gray", "rgb" or "rgba" for all; None wants all pictures alike. "data" takes the numbers of TIFF and PNG
            files as they are stored, as in `read_numpy` and `stack`; then `profile` says nothing.
        method: how "crop" and "stretch" scale, as in `stack`.
        background: under transparency that "gray" or "rgb" removes.
        fill: the color of what "pad", "contain" and "letterbox" add; None is 0.
        device: where to; "auto" is what `pick_device` picks once for the process, and the CPU in a worker of a
            DataLoader.
        dtype: of the batch, as in `stack`.
        out: a tensor of the result's shape and dtype, which is filled and returned.
        profile: "srgb" turns an embedded ICC profile into sRGB; "ignore" keeps the codes.
        limits: what each file may cost, `Limits()` for uploads; None trusts the files.
        decoder: "auto" uses nvJPEG for JPEG files on CUDA without `limits`; files of strangers stay on the CPU, where
            a fault costs an exception and not the device. "cpu" always decodes there. "nvjpeg" uses it under limits
            too. Files that it cannot read, such as CMYK or with a profile of their own, go to the CPU.
        on_error: "raise" ends with the first file that cannot be read or does not fit. "skip" leaves it out, "zeros"
            puts zeros in its place; what is wrong with the options always raises.
        failures: a list that receives (index, error) for each file that failed, in their order; without one, the logger
            "aikit" is told.

    Returns:
        (N, C, height, width), as `stack` gives it. With "skip" N is the number of the files that are left.

    Raises:
        FileAccessError: a file cannot be opened.
        FileFormatError: one is not a picture in a format aikit reads, damaged, or cut off; the message names it.
        LimitError: one is larger than `limits` allow.
        InputTypeError: `sources` is no list of them.
        InputValueError: none at all, or none left; a size or channels that do not fit, or nvjpeg without CUDA.
        DeviceError: the device does not exist.

    Example:
        >>> from PIL import Image
        >>> from aikit import encode
        >>> files = [encode(Image.new("RGB", size), "png") for size in [(30, 20), (16, 40)]]
        >>> read_batch(files, height=8, width=8, fit="crop", device="cpu").shape
        torch.Size([2, 3, 8, 8])
        >>> failures = []
        >>> files[1] = files[1][:40]
        >>> read_batch(files, device="cpu", on_error="skip", failures=failures).shape
        torch.Size([1, 3, 20, 30])
        >>> [(index, error.code) for index, error in failures]
        [(1, 'truncated')]
    """
    given = list_of(sources, "sources", "paths, bytes or binary files")
    fitting = check_fitting(
        height=height, width=width, fit=fit, channels=channels, method=method, background=background, fill=fill
    )
    check_prepare(prepare)
    one_of("decoder", decoder, ("auto", "cpu", "nvjpeg"))
    where = choose_device(device, out=out)
    if decoder == "nvjpeg" and where.type != "cuda":
        raise InputValueError("decoder", f'"auto" or "cpu" on {where}', '"nvjpeg"', "it needs a CUDA device")
    on_card = where.type == "cuda" and (decoder == "nvjpeg" or (decoder == "auto" and limits is None))
    names = [_name(index, source) for index, source in enumerate(given)]
    with collect_failures(on_error, failures, "sources") as failed:
        files = _Files(given, names, partial(_finish, prepare, fitting), profile, limits, failed)
        if channels == "data":
            check_data_options(background)
            read = partial(files.read_planes, prepare)
            return stack_data(read, names, fitting, failed, prepare=None, device=where, dtype=dtype, out=out)
        pictures = files.read(where if on_card else None)
        return stack_opened(pictures, names, fitting, failed, device=where, dtype=dtype, out=out)


def _finish(prepare: Prepare | None, fitting: Fitting, picture: AnyImage, name: str) -> Opened[AnyImage]:
    """Prepare and rescale a picture before the next one is decoded: the batch may be far smaller than all of them."""
    opened = load(picture)
    if prepare is not None:
        opened = prepare_picture(opened, prepare, name)
    return fit_picture(opened, canvas_for([opened.spec], fitting)) if fitting.fit in SCALING else opened


def _name(index: int, source: Source) -> str:
    name = name_of(source)
    return f"sources[{index}]" if name == "source" else name


def _named(data: bytes, name: str) -> io.BytesIO:
    file = io.BytesIO(data)
    file.name = name  # for messages
    return file


@dataclass(frozen=True, slots=True)
class _Files:
    """Files to be read, what they are called, and what is done with each picture at once."""

    sources: Sequence[Source]
    names: Sequence[str]
    finish: Callable[[AnyImage, str], Opened[AnyImage]]
    profile: Profile
    limits: Limits | None
    failures: Failures

    def read(self, card: torch.device | None) -> list[Opened[AnyImage] | None]:
        """Read every file: on the card, where there is one and it may see the file; else in threads."""
        everyone = range(len(self.sources))
        if card is None:
            return in_threads(partial(self.failures.attempt, work=self._read_one), everyone)
        found = in_threads(partial(self.failures.attempt, work=self._look_at_one), everyone)
        pictures = {index: one for index, one in enumerate(found) if isinstance(one, Opened)}
        waiting = {index: one for index, one in enumerate(found) if isinstance(one, CheckedJpeg)}
        for portion in _cut_portions(waiting):
            pictures |= self._decode_portion(portion, card)
        return [pictures.get(index) for index in everyone]

    def _read_one(self, index: int) -> Opened[AnyImage]:
        return self._decode(self._load(index), self.names[index])

    def _look_at_one(self, index: int) -> Opened[AnyImage] | CheckedJpeg:
        """Check a file that the card may see; read one that it may not."""
        data, name = self._load(index), self.names[index]
        jpeg = check_jpeg(data, name=name, profile=self.profile, limits=self.limits)
        return self._decode(data, name) if jpeg is None else jpeg

    def _load(self, index: int) -> bytes:
        try:
            return read_bytes(self.sources[index], limits=self.limits)
        except AikitError as error:
            if error.subject != "source":
                raise
            raise error.with_subject(self.names[index]) from error

    def read_planes(self, prepare: Prepare | None, index: int) -> AnyImage:
        """Read the planes of data of one file, and prepare them."""
        name = self.names[index]
        planes = read_planes(_named(self._load(index), name), limits=self.limits).pixels
        return planes if prepare is None else call_prepare(prepare, planes, name)

    def _decode(self, data: bytes, name: str) -> Opened[AnyImage]:
        return self.finish(read_any(_named(data, name), profile=self.profile, limits=self.limits), name)

    def _decode_portion(self, files: dict[int, CheckedJpeg], card: torch.device) -> dict[int, Opened[AnyImage]]:
        """Decode some files on the card at once; where it cannot, in threads."""
        tensors = decode_jpegs(list(files.values()), card)
        if tensors is None:
            work = partial(self.failures.attempt, work=lambda index: self._decode(files[index].data, files[index].name))
            done = in_threads(work, list(files))
        else:
            decoded = dict(zip(files, tensors, strict=True))
            done = [
                self.failures.attempt(index, lambda index: self.finish(decoded[index], self.names[index]))
                for index in files
            ]
        return {index: picture for index, picture in zip(files, done, strict=True) if picture is not None}


# What the card decodes at once, in pixels: 200 MB of codes.
_PORTION = 1 << 26


def _cut_portions(files: dict[int, CheckedJpeg]) -> Iterator[dict[int, CheckedJpeg]]:
    """Cut files into runs that together are as large as the card shall decode at once."""
    portion: dict[int, CheckedJpeg] = {}
    total = 0
    for index, file in files.items():
        if portion and total + file.pixels > _PORTION:
            yield portion
            portion, total = {}, 0
        portion[index] = file
        total += file.pixels
    if portion:
        yield portion
