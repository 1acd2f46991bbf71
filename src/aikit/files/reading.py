"""Readers: any source as each kind of image, upright, in sRGB; documents and animations among them."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import IO, TYPE_CHECKING, Any, Literal, get_args

from PIL import Image

from .. import _raster, convert
from .._check import one_of
from .._foreign_names import explain_calls
from .._io import name_of, read_bytes
from .._pixels import ChannelKind, is_data, load
from .._warnings import warn_caller
from ..errors import FileFormatError, InputValueError
from ..isolation import guarded
from ..limits import Limits
from ..types import Source
from .numbers import read_planes

if TYPE_CHECKING:
    import numpy as np
    import torch

__all__ = [
    "OnBadProfile",
    "Profile",
    "read_any",
    "read_cv2",
    "read_frames",
    "read_numpy",
    "read_pil",
    "read_tensor",
    "read_with_info",
]

Profile = Literal["srgb", "ignore"]
OnBadProfile = Literal["raise", "warn"]


@explain_calls
def read_pil(
    source: Source,
    *,
    frame: int = 0,
    channels: ChannelKind = "color",
    profile: Profile = "srgb",
    on_bad_profile: OnBadProfile = "raise",
    limits: Limits | None = None,
    allow_truncated: bool = False,
    isolate: bool = False,
) -> Image.Image:
    """Read a picture as a PIL image.

    Args:
        source: a path, bytes, or an open binary file. A str is a path and is never fetched.
        frame: which frame of an animation, composed, or which page of a TIFF.
        channels: "data" for one plane of numbers as they are stored, or three of uint8, as in `read_numpy` and `to_pil`.
        profile: "srgb" turns an embedded ICC profile into sRGB; "ignore" keeps the codes, and the profile in `info`.
        on_bad_profile: "raise" refuses a picture whose ICC profile is damaged or for other pixels; "warn" takes its codes
            as sRGB and issues an `AikitWarning`.
        limits: what the file may cost, `Limits()` for uploads. None trusts the file up to Pillow's ceiling of
            178 million pixels.
        allow_truncated: give what could be decoded of a JPEG or PNG that ends too early, instead of refusing it.
        isolate: decode in a child process, which may crash, hang or grow without harm, and within the limits'
            `max_seconds` and, on Linux, `max_memory`. The first call starts one, in about a third of a second. Under limits
            a TIFF that libtiff has to unpack always goes there, because libtiff reports damage on the error stream.

    Returns:
        An upright image of mode L, LA, RGB, RGBA, I;16 or F, loaded. PIL has 16 bits for gray only: 16-bit color is
        rounded to 8, and `read_numpy`, `read_cv2` and `read_tensor` keep it. 32-bit integers come as mode I.

    Raises:
        FileAccessError: the file cannot be opened.
        FileFormatError: not a picture in a format aikit reads, damaged, or cut off.
        LimitError: larger than `limits` allow; with `isolate`, also slower.
        InputValueError: there is no such frame.
        MissingDependencyError: HEIC without the package pi-heif, JPEG XL without imagecodecs or pillow-jxl-plugin.
        WorkerError: with `isolate`, the decoder crashed.

    Example:
        >>> import aikit
        >>> from PIL import Image
        >>> read_pil(aikit.encode(Image.new("P", (2, 1)), "png")).mode
        'RGB'
    """
    if is_data(channels):
        planes = read_planes(
            source, frame=frame, limits=limits, allow_truncated=allow_truncated, isolate=isolate
        ).pixels
        return convert.to_pil(planes, channels="data")
    return _as_pil(
        _decode(source, frame, profile, on_bad_profile, limits, allow_truncated, isolate, pil_depth=True),
        name_of(source),
    )


@explain_calls
def read_numpy(
    source: Source,
    *,
    frame: int = 0,
    channels: ChannelKind = "color",
    profile: Profile = "srgb",
    on_bad_profile: OnBadProfile = "raise",
    limits: Limits | None = None,
    allow_truncated: bool = False,
    isolate: bool = False,
) -> np.ndarray[Any, Any]:
    """Read a picture as a NumPy array, RGB.

    Args:
        source: a path, bytes, or an open binary file. A str is a path and is never fetched.
        frame: which frame of an animation, composed, or which page of a TIFF.
        channels: "data" for all samples of a TIFF or a PNG as the numbers that are stored, of any type and however many: no
            profile, palette or range changes them, and none is alpha.
        profile: "srgb" turns an embedded ICC profile into sRGB; "ignore" keeps the codes.
        on_bad_profile: what to do about a damaged profile, as in `read_pil`.
        limits: what the file may cost, `Limits()` for uploads; None trusts the file.
        allow_truncated: give what could be decoded of a JPEG or PNG that ends too early, instead of refusing it.
        isolate: decode in a child process, as in `read_pil`.

    Returns:
        (H, W) for gray, else (H, W, 2 to 4): uint8, uint16 where the file has 16 bits (of color too), or float32 as
        stored for float TIFFs.

    Raises:
        FileAccessError: the file cannot be opened.
        FileFormatError: not a picture in a format aikit reads, damaged, or cut off.
        LimitError: larger than `limits` allow; with `isolate`, also slower.
        InputValueError: there is no such frame, or the file holds 32-bit integers.
        MissingDependencyError: HEIC without the package pi-heif, JPEG XL without imagecodecs or pillow-jxl-plugin.
        WorkerError: with `isolate`, the decoder crashed.

    Example:
        >>> import aikit, numpy as np
        >>> read_numpy(aikit.encode(np.full((1, 1, 3), 1000, np.uint16), "png")).tolist()
        [[[1000, 1000, 1000]]]
    """
    if is_data(channels):
        planes = read_planes(
            source, frame=frame, limits=limits, allow_truncated=allow_truncated, isolate=isolate
        ).pixels
        return convert.to_numpy(planes, channels="data")
    return convert.to_numpy(
        read_any(
            source,
            frame=frame,
            profile=profile,
            on_bad_profile=on_bad_profile,
            limits=limits,
            allow_truncated=allow_truncated,
            isolate=isolate,
        )
    )


@explain_calls
def read_cv2(
    source: Source,
    *,
    frame: int = 0,
    channels: ChannelKind = "color",
    profile: Profile = "srgb",
    on_bad_profile: OnBadProfile = "raise",
    limits: Limits | None = None,
    allow_truncated: bool = False,
    isolate: bool = False,
) -> np.ndarray[Any, Any]:
    """Read a picture as an array for OpenCV, BGR.

    Args:
        source: a path, bytes, or an open binary file. A str is a path and is never fetched.
        frame: which frame of an animation, composed, or which page of a TIFF.
        channels: "data" for all samples as they are stored, in their own order, as in `read_numpy` and `to_cv2`.
        profile: "srgb" turns an embedded ICC profile into sRGB; "ignore" keeps the codes.
        on_bad_profile: what to do about a damaged profile, as in `read_pil`.
        limits: what the file may cost, `Limits()` for uploads; None trusts the file.
        allow_truncated: give what could be decoded of a JPEG or PNG that ends too early, instead of refusing it.
        isolate: decode in a child process, as in `read_pil`.

    Returns:
        (H, W) for gray, else BGR, or BGRA where there is alpha: uint8, uint16 where the file has 16 bits, or float32
        as stored for float TIFFs. C-contiguous and writable.

    Raises:
        FileAccessError: the file cannot be opened.
        FileFormatError: not a picture in a format aikit reads, damaged, or cut off.
        LimitError: larger than `limits` allow; with `isolate`, also slower.
        InputValueError: there is no such frame, or the file holds 32-bit integers.
        MissingDependencyError: HEIC without the package pi-heif, JPEG XL without imagecodecs or pillow-jxl-plugin.
        WorkerError: with `isolate`, the decoder crashed.

    Example:
        >>> import aikit
        >>> from PIL import Image
        >>> read_cv2(aikit.encode(Image.new("RGB", (1, 1), (10, 20, 30)), "png")).tolist()
        [[[30, 20, 10]]]
    """
    if is_data(channels):
        planes = read_planes(
            source, frame=frame, limits=limits, allow_truncated=allow_truncated, isolate=isolate
        ).pixels
        return convert.to_cv2(planes, channels="data")
    pixels: Any = load(
        read_any(
            source,
            frame=frame,
            profile=profile,
            on_bad_profile=on_bad_profile,
            limits=limits,
            allow_truncated=allow_truncated,
            isolate=isolate,
        )
    )
    return convert.to_cv2(pixels, dtype="float32" if pixels.spec.dtype == "float32" else "auto")


@explain_calls
def read_tensor(
    source: Source,
    *,
    frame: int = 0,
    channels: ChannelKind = "color",
    profile: Profile = "srgb",
    on_bad_profile: OnBadProfile = "raise",
    limits: Limits | None = None,
    allow_truncated: bool = False,
    isolate: bool = False,
) -> torch.Tensor:
    """Read a picture as a torch tensor, RGB, channels first.

    Args:
        source: a path, bytes, or an open binary file. A str is a path and is never fetched.
        frame: which frame of an animation, composed, or which page of a TIFF.
        channels: "data" for all samples as they are stored, as in `read_numpy`, in the file's own dtype.
        profile: "srgb" turns an embedded ICC profile into sRGB; "ignore" keeps the codes.
        on_bad_profile: what to do about a damaged profile, as in `read_pil`.
        limits: what the file may cost, `Limits()` for uploads; None trusts the file.
        allow_truncated: give what could be decoded of a JPEG or PNG that ends too early, instead of refusing it.
        isolate: decode in a child process, as in `read_pil`.

    Returns:
        float32 (C, H, W) on the CPU with C = 1 to 4, in [0, 1]; float TIFFs as stored.

    Raises:
        FileAccessError: the file cannot be opened.
        FileFormatError: not a picture in a format aikit reads, damaged, or cut off.
        LimitError: larger than `limits` allow; with `isolate`, also slower.
        InputValueError: there is no such frame, or the file holds 32-bit integers.
        MissingDependencyError: HEIC without the package pi-heif, JPEG XL without imagecodecs or pillow-jxl-plugin.
        WorkerError: with `isolate`, the decoder crashed.

    Example:
        >>> import aikit
        >>> from PIL import Image
        >>> read_tensor(aikit.encode(Image.new("RGB", (2, 1), "red"), "png")).shape
        torch.Size([3, 1, 2])
    """
    if is_data(channels):
        planes = read_planes(
            source, frame=frame, limits=limits, allow_truncated=allow_truncated, isolate=isolate
        ).pixels
        return convert.to_tensor(planes, channels="data", dtype=None)
    return convert.to_tensor(
        read_any(
            source,
            frame=frame,
            profile=profile,
            on_bad_profile=on_bad_profile,
            limits=limits,
            allow_truncated=allow_truncated,
            isolate=isolate,
        )
    )


@explain_calls
def read_frames(
    source: Source,
    *,
    profile: Profile = "srgb",
    on_bad_profile: OnBadProfile = "raise",
    limits: Limits | None = None,
    allow_truncated: bool = False,
    isolate: bool = False,
) -> Iterator[Image.Image]:
    """Read all frames of an animation, or all pages of a TIFF, one after the other.

    Args:
        source: a path, bytes, or an open binary file. A str is a path and is never fetched.
        profile: "srgb" turns an embedded ICC profile into sRGB; "ignore" keeps the codes.
        on_bad_profile: what to do about a damaged profile, as in `read_pil`.
        limits: what the file may cost, `Limits()` for uploads; None trusts the file.
        allow_truncated: give the frames that could be decoded of a file that ends too early.
        isolate: decode in a child process, as in `read_pil`. It is kept until the iterator ends or is dropped.

    Returns:
        An iterator of PIL images of mode L, LA, RGB, RGBA, I;16 or F, each composed as a viewer would show it, with
        its duration in milliseconds in `info["duration"]` where the file tells.

    Raises:
        FileAccessError: the file cannot be opened.
        FileFormatError: not a picture in a format aikit reads, damaged, or cut off.
        LimitError: larger than `limits` allow; with `isolate`, also slower.
        MissingDependencyError: HEIC without the package pi-heif, JPEG XL without imagecodecs or pillow-jxl-plugin.
        WorkerError: with `isolate`, the decoder crashed.

    Example:
        >>> import aikit
        >>> from PIL import Image
        >>> [frame.size for frame in read_frames(aikit.encode(Image.new("L", (3, 2)), "gif"))]
        [(3, 2)]
    """
    one_of("on_bad_profile", on_bad_profile, get_args(OnBadProfile))
    name, data = name_of(source), read_bytes(source, limits=limits)
    if _raster.identify(data) in _DOCUMENTS:
        page = _decode(_named(data, name), 0, profile, on_bad_profile, limits, allow_truncated, isolate)
        return iter([_as_pil(page, name)])
    options: dict[str, Any] = {"limits": limits, "allow_truncated": allow_truncated, "isolate": isolate}

    def frames() -> Iterator[Image.Image]:
        return _raster.frames_guarded(data, name=name, profile=profile, **options)

    found = _warned(frames, data, name, options) if on_bad_profile == "warn" else frames()
    return (frame if frame.mode == "I" else convert.to_pil(frame) for frame in found)


def _warned(
    frames: Callable[[], Iterator[Image.Image]], data: bytes, name: str, options: dict[str, Any]
) -> Iterator[Image.Image]:
    """Frames, those with a bad profile taken as sRGB; from the first of them on each is read by itself."""
    done = 0
    try:
        for frame in frames():
            yield frame
            done += 1
    except FileFormatError as error:
        if not _is_about_profile(error):
            raise
        count = _raster.probe(data, name=name, limits=options["limits"]).frames
        for index in range(done, count):
            yield read_pil(_named(data, name), frame=index, on_bad_profile="warn", **options)


def _named(data: bytes, name: str) -> IO[bytes]:
    file = io.BytesIO(data)
    file.name = name
    return file


def _decode(
    source: Source,
    frame: int,
    profile: Any,
    on_bad_profile: OnBadProfile,
    limits: Limits | None,
    allow_truncated: bool,
    isolate: bool,
    **more: Any,
) -> Any:
    one_of("on_bad_profile", on_bad_profile, get_args(OnBadProfile))
    name, data = name_of(source), read_bytes(source, limits=limits)

    def decode(profile: Any) -> Any:
        if _raster.identify(data) in _DOCUMENTS:
            return _document(data, name, limits, isolate, frame=frame, profile=profile)
        options = {"frame": frame, "profile": profile, "allow_truncated": allow_truncated, **more}
        return _raster.decode_guarded(data, name=name, limits=limits, isolate=isolate, **options)

    try:
        return decode(profile)
    except FileFormatError as error:
        if on_bad_profile == "raise" or not _is_about_profile(error):
            raise
        message = str(error.with_subject(error.subject, "its codes are taken as sRGB"))
    warn_caller(message)
    decoded = decode("ignore")
    decoded.info.pop("icc_profile", None)
    return decoded


def _is_about_profile(error: FileFormatError) -> bool:
    """Whether a profile is to blame that is damaged or does not fit; colors that sRGB has not are another matter."""
    return error.option == "profile" and error.code != "unsupported_color"


_DOCUMENTS = ("psd", "svg", "glb")


def _document(data: bytes, name: str, limits: Limits | None, isolate: bool, **options: Any) -> Any:
    """The picture of a document; one that comes with limits comes from a stranger, and goes to a child process.

    A mesh does so by itself, with its numbers and its textures: what is left is torch's work on checked numbers.
    """
    careful = limits is not None and _raster.identify(data) != "glb"
    return guarded(
        _flat,
        data,
        name,
        limits,
        keywords=options,
        subject=name,
        limits=limits,
        isolate=isolate or careful,
        expect=_raster.Picture,
    )


def _flat(data: bytes, name: str, limits: Limits | None, *, frame: int, profile: Any) -> Any:
    from .. import mesh, psd, svg

    kind = _raster.identify(data)
    if kind in ("svg", "glb"):
        return (svg if kind == "svg" else mesh).decode(data, name=name, frame=frame, limits=limits)
    return psd.read_flat(data, name=name, frame=frame, profile=profile, limits=limits)


def _as_pil(decoded: Any, name: str) -> Image.Image:
    """A decoded picture in PIL's depths."""
    if isinstance(decoded, _raster.HighDepth):
        return _raster.round_to_8_bits(decoded, name)
    if decoded.mode in _AS_IT_IS and "transparency" not in decoded.info:
        # A picture that no file stands behind, of the same pixels: to_pil would hold them twice.
        plain: Image.Image = decoded._new(decoded.im)
        return plain
    if decoded.mode == "CMYK":
        plain = decoded.convert("RGB")
        plain.info = {key: value for key, value in decoded.info.items() if key not in ("icc_profile", "transparency")}
        # Somebody up the stack still holds it.
        decoded.close()
        return plain
    return decoded if decoded.mode == "I" else convert.to_pil(decoded)


_AS_IT_IS = ("L", "LA", "RGB", "RGBA", "I;16", "F")


def read_any(
    source: Source,
    *,
    frame: int = 0,
    profile: Profile = "srgb",
    on_bad_profile: OnBadProfile = "raise",
    limits: Limits | None = None,
    allow_truncated: bool = False,
    isolate: bool = False,
    at_least: tuple[int, int] | None = None,
) -> Any:
    """The form that keeps most of a file: a PIL image with its metadata, or an array where PIL has not the depth.

    `at_least` is the (height, width) that will do: a JPEG may come smaller than it is, but no smaller than that.
    """
    options: dict[str, Any] = {"limits": limits, "allow_truncated": allow_truncated, "isolate": isolate}
    colors: dict[str, Any] = {"profile": profile, "on_bad_profile": on_bad_profile}
    return read_with_info(source, frame=frame, **colors, **options, at_least=at_least)[0]


def read_with_info(
    source: Source,
    *,
    frame: int = 0,
    profile: Profile = "srgb",
    on_bad_profile: OnBadProfile = "raise",
    limits: Limits | None = None,
    allow_truncated: bool = False,
    isolate: bool = False,
    at_least: tuple[int, int] | None = None,
) -> tuple[Any, dict[Any, Any]]:
    """The same, and what the file says beside its pixels: arrays have no place for it."""
    decoded = _decode(source, frame, profile, on_bad_profile, limits, allow_truncated, isolate, at_least=at_least)
    if isinstance(decoded, _raster.HighDepth):
        return decoded.pixels, decoded.info
    if decoded.mode == "I":
        raise InputValueError(
            name_of(source),
            "pixels with a known range",
            "32-bit integers",
            "read them with read_pil and convert with value_range=(low, high)",
        )
    return decoded, decoded.info
